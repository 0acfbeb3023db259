"""What everything is drawn on: text that is safe to show, and the few shapes that screens are made of."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from rich.console import Console, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from json2db_sync.text import counted, plural, safe

Part = str | tuple[str, str] | Text
"""Text, text with a style, or text made before."""

_SIGNS = "✓✗★❯━╸…·→"  # noqa: RUF001
PLAIN = str.maketrans(_SIGNS, "+x*>##~->")
"""One ASCII character for each of ours, so that nothing moves."""

GOOD, BAD, LOOK = ("✓", "green"), ("✗", "bold red"), ("!", "yellow")
_ASCII, _SET_BY_PYTHON = ("C", "POSIX"), ("C.UTF-8", "C.utf8", "UTF-8")


def can_draw_signs(console: Console) -> bool:
    """Does the stream's encoding hold our signs, and does a terminal's locale promise to show them?"""
    try:
        _SIGNS.encode(console.encoding)
    except (UnicodeEncodeError, LookupError):
        return False
    return not (console.is_terminal and is_ascii_locale())


def is_ascii_locale() -> bool:
    """Does the locale of characters promise ASCII alone?

    Python speaks UTF-8 under it, and sets LC_CTYPE to C.UTF-8 itself where LANG is C: it is in its UTF-8 mode then.
    """
    of_all, of_characters, language = (os.environ.get(name) for name in ("LC_ALL", "LC_CTYPE", "LANG"))
    if of_characters in _SET_BY_PYTHON and language in _ASCII and sys.flags.utf8_mode:
        of_characters = None
    return (of_all or of_characters or language) in _ASCII


@dataclass(frozen=True)
class Column:
    """A column of a table."""

    title: str = ""
    align: Literal["left", "right"] = "left"
    style: str = ""
    widest: int | None = None
    """Longer values are cut, visibly."""
    rest: bool = False
    """The first to give way where room is short."""
    fold: bool = False
    """Long values continue on the next line, rather than being cut."""
    whole: bool = False
    """Never cut or wrapped, however narrow the console: what people copy."""
    shown: bool = True
    """False leaves it out, with its cells."""


_GAP = 2
_LEAST = 8
"""No column becomes narrower than this."""
NUMBER: Literal["right"] = "right"


class Canvas:
    """A console, and how we draw on it. Every value passes :func:`safe`; nothing is read as markup."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.width = console.width
        self.signs = can_draw_signs(console)

    def clean(self, value: object) -> str:
        """A value as this console can show it."""
        text = safe(value)
        if not self.signs:
            text = text.translate(PLAIN)
        encoding = self.console.encoding
        if encoding.startswith("utf"):
            return text
        try:
            return text.encode(encoding, "backslashreplace").decode(encoding)
        except LookupError:
            return text.encode("ascii", "backslashreplace").decode("ascii")

    def text(self, *parts: Part) -> Text:
        """Parts put together."""
        made = Text()
        for part in parts:
            if isinstance(part, Text):
                made.append_text(part)
            else:
                words, style = (part, "") if isinstance(part, str) else part
                made.append(self.clean(words), style=style or None)
        return made

    def shorten(self, value: object, width: int) -> str:
        """At most so many characters, the end cut off visibly."""
        text = str(value)
        return text if len(text) <= width else text[: max(width - 1, 0)] + "…"

    def blank(self) -> None:
        """An empty line."""
        self.console.print()

    def put(self, drawn: RenderableType, indent: int = 0, width: int = 0) -> None:
        """Print it without blanks at the ends of lines, so that what is copied or piped is clean.

        :param width: what it needs, where that may be more than the console has.
        """
        padded = Padding(drawn, (0, 0, 0, indent), expand=False)
        options = self.console.options.update(width=max(width + indent, self.width))
        for segments in self.console.render_lines(padded, options, pad=False):
            line = Text(overflow="ignore", no_wrap=True)
            for segment in segments:
                # Once more, for the ellipsis that rich itself puts where it cuts.
                line.append(segment.text if self.signs else segment.text.translate(PLAIN), segment.style)
            line.rstrip()
            self.console.print(line, soft_wrap=True)

    def line(self, *parts: Part, indent: int = 0) -> None:
        """A line; what does not fit continues below it, as far in."""
        self.put(self._foldable(self.text(*parts)), indent)

    def whole(self, *parts: Part, indent: int = 0) -> None:
        """A line that is never cut or wrapped, however long it is: what people copy."""
        self.console.print(self.text(" " * indent, *parts), soft_wrap=True)

    def heading(self, title: str, *rest: Part) -> None:
        """A title after an empty line."""
        self.blank()
        self.line((title, "bold"), *(("  ", *rest) if rest else ()))

    def item(self, sign: tuple[str, str], *parts: Part, indent: int = 0) -> None:
        """A sign, and beside it a text that keeps to its own column."""
        self.pairs([(self.text(sign), self.text(*parts))], indent=indent, gap=1)

    def pairs(self, rows: Iterable[tuple[Part, Part]], indent: int = 2, gap: int = 2) -> None:
        """Two columns: what, and what about it."""
        grid = Table.grid(padding=(0, gap, 0, 0), pad_edge=False)
        grid.add_column(no_wrap=True)
        grid.add_column()
        for label, content in rows:
            grid.add_row(self.text(label), self._foldable(self.text(content)))
        if grid.row_count:
            self.put(grid, indent)

    def table(self, columns: Sequence[Column], rows: Iterable[Sequence[Part]], indent: int = 2) -> None:
        """Aligned rows under dim titles, without any lines."""
        rows = [[cell for column, cell in zip(columns, row, strict=True) if column.shown] for row in rows]
        columns = [column for column in columns if column.shown]
        titles = [self.text((column.title, "dim")) for column in columns]
        cells = [titles] if any(column.title for column in columns) else []
        cells += [[self.text(cell) for cell in row] for row in rows]
        grid = Table.grid(padding=(0, _GAP, 0, 0), pad_edge=False)
        widths = self._widths(columns, cells, indent)
        for column, width in zip(columns, widths, strict=True):
            grid.add_column(
                justify=column.align, style=column.style or None, width=width,
                no_wrap=not column.fold, overflow="fold" if column.fold else "ellipsis",
            )  # fmt: skip
        for row in cells:
            grid.add_row(*row)
        self.put(grid, indent, sum(widths) + _GAP * len(widths))

    def _widths(self, columns: Sequence[Column], cells: Sequence[Sequence[Text]], indent: int) -> list[int]:
        """As wide as what is in it, at most as wide as allowed; if that is too much, text gives way."""
        widths = [
            min(widest, column.widest or (widest if column.whole else self.width)) or 1
            for index, column in enumerate(columns)
            for widest in [max((row[index].cell_len for row in cells), default=1)]
        ]
        over = sum(widths) + _GAP * (len(widths) - 1) + indent - self.width
        giving = sorted(range(len(columns)), key=lambda index: (not columns[index].rest, -widths[index]))
        for index in giving:
            if over > 0 and columns[index].align == "left" and not columns[index].whole:
                given = min(over, max(widths[index] - _LEAST, 0))
                widths[index] -= given
                over -= given
        return widths

    def more(self, shown: int, total: int, what: str, hint: str = "", indent: int = 2) -> None:
        """That a list goes on, if it does."""
        if total > shown:
            tail = f"; {hint}" if hint else ""
            self.line(
                (f"and {counted(total - shown, f'more {what}', f'more {plural(what)}')}{tail}", "dim"), indent=indent
            )

    def _foldable(self, text: Text) -> Text:
        text.overflow = "fold"
        return text


def number(value: int) -> Part:
    """A figure; nothing is a dot, so that figures stand out."""
    return f"{value:,}" if value else ("·", "dim")


def share(part: int, whole: int) -> str:
    """Per cent, rounded down: 100 % is all of it, and 0 % is none."""
    if not whole:
        return ""
    return "<1 %" if 0 < part * 100 < whole else f"{part * 100 // whole} %"
