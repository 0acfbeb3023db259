"""Questions in the terminal: questionary's, with Esc, Ctrl-C and Ctrl-D that go back, and a line that names the keys.

A question vanishes when it is answered; what was typed leaves one line behind, so that a session reads like a
conversation.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Literal

from rich.console import Console
from rich.markup import escape

from json2db_sync.errors import SyncError
from json2db_sync.interfaces.menu import choices, glyphs
from json2db_sync.interfaces.menu.choices import Option
from json2db_sync.interfaces.menu.keyboard import forget_typed
from json2db_sync.interfaces.terminal.interrupt import ToldToEnd
from json2db_sync.masking import masked_address
from json2db_sync.user_paths import expanded

if TYPE_CHECKING:
    from prompt_toolkit.key_binding import KeyPressEvent
    from questionary import Question
    from questionary.prompts.common import InquirerControl

__all__ = ["BACK", "Back", "Check", "Option", "Prompts"]

Key = Literal["esc", "ctrl-c", "ctrl-d", "choice"]
Check = Callable[[str], str | None]
"""What is wrong with a text, in words, and what would be right; None when nothing is."""

_ESCAPE_SECONDS = 0.05
"""How long after Esc the rest of an arrow key's sequence may take; prompt_toolkit's half a second feels stuck."""
_LONG = 20
"""Lists longer than this are searched rather than walked."""


class Back(Exception):
    """The user wants to go back."""

    def __init__(self, key: Key = "choice") -> None:
        super().__init__(key)
        self.key = key


BACK = Option(Back, "Back")


def _objection(text: str, check: Check | None, *, paths: bool) -> str | None:
    try:
        if paths:
            expanded(text)
        return check(text) if check else None
    except SyncError as error:
        return error.message


class Prompts:
    """Asks. Every question raises :class:`Back` when the user goes back."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.lines = 0
        """Grows whenever something is left on the screen."""
        self.ran = False
        """Something ran since the last question: what was typed meanwhile is no answer."""

    def choose(
        self,
        message: str,
        options: Sequence[Option],
        *,
        default: object = None,
        footer: str = "enter choose · type to jump · esc back",
        on_escape: Callable[[InquirerControl], bool] | None = None,
    ) -> Any:
        """The value of the option chosen; the option BACK goes back.

        :param on_escape: may use Esc up instead of going back, by returning true.
        """
        import questionary

        long = len(options) > _LONG
        lines = choices.rows(options, self.console.width - 5, plain=long)
        # Values are places in the list: the same value may be offered twice, and need not be hashable.
        listed = [questionary.Choice(row, value=place) for place, row in enumerate(lines)]
        start = next((place for place, option in enumerate(options) if option.value == default), 0)
        question = questionary.select(
            choices.wrapped(message, self.console),
            listed,
            default=listed[start],
            pointer=glyphs.plain(glyphs.POINTER),
            instruction=" ",
            use_search_filter=long,
            use_jk_keys=False,
            **self._common(),
        )
        control = choices.control_of(question)
        self._dress(question, glyphs.plain("type to filter · enter choose · esc back" if long else footer), on_escape)
        if not long:
            choices.jump_by_typing(question, control, options)
        picked = options[self._ask(question)]
        if picked.value is Back:
            raise Back
        return picked.value

    def either(self, message: str, first: tuple[str, str], second: tuple[str, str], *, default: bool = False) -> bool:
        """True when the second of two labels, each with its detail, is chosen."""
        options = [Option(place, *texts) for place, texts in enumerate((first, second))]
        return bool(self.choose(message, [*options, BACK], default=int(default)))

    def pick(self, message: str, names: Sequence[str], chosen: Sequence[str]) -> list[str]:
        """Any of these names, at least one."""
        import questionary

        listed = [questionary.Choice(name, checked=name in chosen) for name in names]
        question = questionary.checkbox(
            choices.wrapped(message, self.console),
            listed,
            pointer=glyphs.plain(glyphs.POINTER),
            instruction=" ",
            validate=lambda picked: bool(picked) or "choose at least one, with the space bar",
            use_search_filter=True,
            use_jk_keys=False,
            **self._common(),
        )
        self._dress(question, glyphs.plain("space mark · ctrl-a all · type to filter · enter done · esc back"))
        picked = list(self._ask(question))
        self._answered(message, ", ".join(picked))
        return picked

    def text(
        self, message: str, before: str = "", *, check: Check | None = None, paths: bool = False, secret: bool = False
    ) -> str:
        """A line of text that passes the check. What is wrong is said below it and can be corrected.

        :param before: what Enter alone keeps; typing starts afresh.
        """
        import questionary
        from prompt_toolkit.completion import PathCompleter

        typed = dropped if paths else str.strip
        extra: dict[str, Any] = {"completer": PathCompleter(expanduser=True)} if paths else {}
        ask = questionary.password if secret else questionary.text
        keeps = f" (Enter keeps {before}, Up edits it)" if before else ""
        question = ask(
            choices.wrapped(message + keeps, self.console) + ("\n " if before else ""),
            validate=lambda text: _objection(typed(text) or before, check, paths=paths) or True,
            validate_while_typing=False,
            complete_while_typing=False,
            reserve_space_for_menu=4 if paths else 0,
            qmark="?",
            **self._common(),
            **extra,
        )
        self._dress(question, None)
        if before:
            choices.recall_by_up(question, before)
        answer = typed(str(self._ask(question))) or before
        if not secret:
            self._answered(message, answer)
        return answer

    def confirm(self, message: str, *, default: bool) -> bool:
        """Yes or no."""
        import questionary

        question = questionary.confirm(
            choices.wrapped(message, self.console, beside=6), default=default, **self._common()
        )
        self._dress(question, None)
        yes = bool(self._ask(question))
        self._answered(message, "yes" if yes else "no")
        return yes

    def say(self, text: str = "") -> None:
        """Plain text."""
        self.lines += 1
        self.console.print(escape(glyphs.plain(text)), highlight=False, soft_wrap=False)

    def _common(self) -> dict[str, Any]:
        from prompt_toolkit.output import ColorDepth

        depth = {"color_depth": ColorDepth.DEPTH_1_BIT} if self.console.no_color else {}
        return {"style": choices.style(), **depth}

    def _answered(self, message: str, answer: str) -> None:
        self.lines += 1
        shown = escape(glyphs.plain(masked_address(answer)))
        self.console.print(f"[dim]?[/] {escape(glyphs.plain(message))}  [bold]{shown}[/]", highlight=False)

    def _ask(self, question: Question) -> Any:
        if self.ran:
            forget_typed()
            self.ran = False
        try:
            return question.unsafe_ask()
        except ToldToEnd:
            raise
        except KeyboardInterrupt:
            raise Back("ctrl-c") from None
        except EOFError:
            raise Back("ctrl-d") from None

    def _dress(
        self, question: Question, footer: str | None, on_escape: Callable[[InquirerControl], bool] | None = None
    ) -> None:
        """Esc and Ctrl-D go back, the answered question vanishes, and a last line says what the keys do."""
        from prompt_toolkit.filters import Always
        from prompt_toolkit.key_binding import KeyBindings, merge_key_bindings

        application = question.application
        application.erase_when_done = True
        application.ttimeoutlen = _ESCAPE_SECONDS
        keys = KeyBindings()

        @keys.add("escape", eager=True)
        def _escape(event: KeyPressEvent) -> None:
            if footer is not None and choices.cleared(choices.control_of(question)):
                return
            if on_escape is None or not on_escape(choices.control_of(question)):
                event.app.exit(exception=Back("esc"))

        @keys.add("c-d", eager=True)
        def _end(event: KeyPressEvent) -> None:
            event.app.exit(exception=EOFError())

        present = [application.key_bindings] if application.key_bindings else []
        application.key_bindings = merge_key_bindings([*present, keys])
        for window in application.layout.find_all_windows():
            window.dont_extend_height = Always()  # else the last line would hang at the bottom of the screen
        if footer is not None:
            choices.add_line(question, footer)
        else:
            choices.wrap_messages(question)


def dropped(text: str) -> str:
    """What was typed for a path or URL; of a file dropped into the terminal without the quotes and backslashes."""
    text = text.strip()
    quote = text[:1] if text[:1] in ("'", '"') else ""
    if "://" in text or os.path.lexists(text) or not (quote or (os.sep == "/" and "\\" in text)):
        return text
    if quote and text.find(quote, 1) == len(text) - 1:
        return text[1:-1]
    try:
        words = shlex.split(text)
    except ValueError:
        return text
    return words[0] if len(words) == 1 else text
