"""How a list of options looks and moves: its columns, its last line, jumping by typing, its colours."""

from __future__ import annotations

import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

from json2db_sync.interfaces.menu import glyphs

if TYPE_CHECKING:
    from prompt_toolkit.key_binding import KeyPressEvent
    from prompt_toolkit.styles import Style
    from questionary import Question
    from questionary.prompts.common import InquirerControl

Line = str | list[tuple[str, str]]
"""A line of a list: plain, or of parts with their styles."""


@dataclass(frozen=True)
class Option:
    """A line of a list."""

    value: object
    label: str
    detail: str = ""
    """Beside the label, in a column of its own."""
    mark: str = ""
    """Typed to jump here, and shown before the label."""


def cleared(control: InquirerControl) -> bool:
    """Was there a filter to take away?"""
    if not control.search_filter:
        return False
    control.search_filter, control.pointed_at = None, 0
    return True


def rows(options: Sequence[Option], width: int, *, plain: bool) -> list[Line]:
    """The lines of a list: marks, labels and details, each in a column, cut to the width."""
    marks = max(len(option.mark) for option in options)
    labels = max(len(option.label) for option in options if option.detail) if any(o.detail for o in options) else 0
    rows: list[Line] = []
    for option in options:
        mark = f"{option.mark:<{marks}}  " if marks else ""
        label = mark + glyphs.plain(f"{option.label:<{labels}}" if option.detail else option.label)
        detail = glyphs.plain(option.detail)
        room = width - len(label) - 2
        detail = f"  {glyphs.cut(detail, room)}" if detail and room > 8 else ""
        label = glyphs.cut(label, width)
        rows.append(label + detail if plain else [("class:text", label), ("class:detail", detail)])
    return rows


def control_of(question: Question) -> InquirerControl:
    from questionary.prompts.common import InquirerControl

    windows = question.application.layout.find_all_windows()
    return next(window.content for window in windows if isinstance(window.content, InquirerControl))


def add_line(question: Question, text: str) -> None:
    from prompt_toolkit.filters import IsDone
    from prompt_toolkit.layout import ConditionalContainer, FormattedTextControl, HSplit, Window

    container = question.application.layout.container
    assert isinstance(container, HSplit)
    line = Window(FormattedTextControl([("class:footer", f"   {text}")]), height=1, dont_extend_height=True)
    container.children.append(ConditionalContainer(line, filter=~IsDone()))  # type: ignore[no-untyped-call]


def wrapped(message: str, console: Console, beside: int = 0) -> str:
    """A question, broken at spaces and not wherever the terminal ends.

    :param beside: characters that follow it on its line.
    """
    lines = Text(message).wrap(console, max(console.width - 4 - beside, 8))
    return "\n  ".join(line.plain.rstrip() for line in lines)


def recall_by_up(question: Question, text: str) -> None:
    """Where nothing is typed yet, Up brings back this text to be edited."""
    from prompt_toolkit.application import get_app
    from prompt_toolkit.filters import Condition
    from prompt_toolkit.key_binding import KeyBindings, merge_key_bindings

    keys = KeyBindings()

    @keys.add("up", filter=Condition(lambda: not get_app().current_buffer.text), eager=True)
    def _recall(event: KeyPressEvent) -> None:
        event.current_buffer.insert_text(text)

    present = [question.application.key_bindings] if question.application.key_bindings else []
    question.application.key_bindings = merge_key_bindings([*present, keys])


def wrap_messages(question: Question) -> None:
    """What is wrong with an answer is said in full, on as many lines as it takes."""
    from prompt_toolkit.filters import Always
    from prompt_toolkit.layout import FormattedTextControl

    for window in question.application.layout.find_all_windows():
        if isinstance(window.content, FormattedTextControl) and window.height == 1:
            window.height, window.wrap_lines = None, Always()


def jump_by_typing(question: Question, control: InquirerControl, options: Sequence[Option]) -> None:
    """Typed characters move to the option that they mark, or whose label begins with them."""
    from prompt_toolkit.key_binding import KeyBindings, merge_key_bindings

    keys = KeyBindings()
    typed = ""

    def jump(event: KeyPressEvent) -> None:
        nonlocal typed
        for attempt in (typed + event.data.lower(), event.data.lower()):
            places = _places(options, attempt)
            if places:
                here = control.pointed_at
                again = attempt == typed and here in places  # the same letter once more: the next one
                control.pointed_at = places[(places.index(here) + 1) % len(places)] if again else places[0]
                typed = attempt
                return

    for character in string.digits + string.ascii_letters + " ":
        keys.add(character, eager=True)(jump)
    present = [question.application.key_bindings] if question.application.key_bindings else []
    question.application.key_bindings = merge_key_bindings([*present, keys])


def _places(options: Sequence[Option], typed: str) -> list[int]:
    """The options that typed characters mean: by their mark, else by their label, else by a word in it."""
    labels = [f" {option.label.lower()}" for option in options]
    return (
        [place for place, option in enumerate(options) if option.mark == typed]
        or [place for place, label in enumerate(labels) if label.startswith(f" {typed}")]
        or [place for place, label in enumerate(labels) if f" {typed}" in label]
    )


def style() -> Style:
    from prompt_toolkit.styles import Style

    rules: Mapping[str, str] = {
        "qmark": "fg:ansicyan bold",
        "question": "bold",
        "answer": "",
        "pointer": "fg:ansicyan bold",
        "highlighted": "bold",
        "selected": "noreverse bold",
        "detail": "fg:ansibrightblack",
        "footer": "fg:ansibrightblack",
        "instruction": "fg:ansibrightblack",
        "validation-toolbar": "noreverse fg:ansired",
        "bottom-toolbar": "noreverse",
    }
    return Style.from_dict(dict(rules))
