"""Questions in the terminal: questionary's, with Esc, Ctrl-C and Ctrl-D that go back, and a line that names the keys.

A question vanishes when it is answered and leaves one line behind, so that a session reads like a conversation.
"""

from __future__ import annotations

import string
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from rich.console import Console
from rich.markup import escape

from json2db_sync.faces import glyphs

if TYPE_CHECKING:
    from prompt_toolkit.key_binding import KeyPressEvent
    from questionary import Question
    from questionary.prompts.common import InquirerControl

Key = Literal["esc", "ctrl-c", "ctrl-d", "choice"]
T = TypeVar("T")
Check = Callable[[str], str | None]
"""What is wrong with a text, in words, and what would be right; None when nothing is."""

_ESCAPE_SECONDS = 0.05
"""How long after Esc the rest of an arrow key's sequence may take; prompt_toolkit's half a second feels stuck."""
_NAMED = 20
"""Lists longer than this are searched rather than walked."""


class Back(Exception):
    """The user wants to go back."""

    def __init__(self, key: Key = "choice") -> None:
        super().__init__(key)
        self.key = key


@dataclass(frozen=True)
class Option:
    """A line of a list."""

    value: Any
    label: str
    detail: str = ""
    """Beside the label, in a column of its own."""
    mark: str = ""
    """Typed to jump here, and shown before the label."""


BACK = Option(Back, "Back")


class Prompts:
    """Asks. Every question raises :class:`Back` when the user goes back."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.lines = 0
        """Grows whenever something is left on the screen."""

    def choose(
        self,
        message: str,
        options: Sequence[Option],
        *,
        default: Any = None,
        footer: str = "enter choose · type to jump · esc back",
        quiet: bool = False,
        on_escape: Callable[[InquirerControl], bool] | None = None,
    ) -> Any:
        """The value of the option chosen; the option BACK goes back.

        :param quiet: leave no line behind.
        :param on_escape: may use Esc up instead of going back, by returning true.
        """
        import questionary

        long = len(options) > _NAMED
        rows = _rows(options, self.console.width - 5, plain=long)
        # Values are places in the list: the same value may be offered twice, and need not be hashable.
        choices = [questionary.Choice(row, value=place) for place, row in enumerate(rows)]
        start = next((place for place, option in enumerate(options) if option.value == default), 0)
        question = questionary.select(
            message,
            choices,
            default=choices[start],
            pointer=glyphs.pointer(),
            instruction=" ",
            style=_style(),
            use_search_filter=long,
            use_jk_keys=False,
            **self._common(),
        )
        control = _control(question)
        self._dress(question, glyphs.plain("type to filter · enter choose · esc back" if long else footer), on_escape)
        if not long:
            _jump_by_typing(question, control, options)
        picked = options[self._ask(question)]
        if picked.value is Back:
            raise Back
        if not quiet:
            self._answered(message, picked.label)
        return picked.value

    def pick(self, message: str, names: Sequence[str], chosen: Sequence[str]) -> list[str]:
        """Any of these names, at least one."""
        import questionary

        choices = [questionary.Choice(name, checked=name in chosen) for name in names]
        question = questionary.checkbox(
            message,
            choices,
            pointer=glyphs.pointer(),
            instruction=" ",
            style=_style(),
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
        self, message: str, default: str = "", *, check: Check | None = None, paths: bool = False, secret: bool = False
    ) -> str:
        """A line of text that passes the check. What is wrong is said below it and can be corrected."""
        import questionary
        from prompt_toolkit.completion import PathCompleter

        extra: dict[str, Any] = {"completer": PathCompleter(expanduser=True)} if paths else {}
        ask = questionary.password if secret else questionary.text
        question = ask(
            message,
            default=default,
            validate=(lambda text: check(text.strip()) or True) if check else None,
            style=_style(),
            validate_while_typing=False,
            complete_while_typing=False,
            reserve_space_for_menu=4 if paths else 0,
            qmark="?",
            **self._common(),
            **extra,
        )
        self._dress(question, None)
        answer = str(self._ask(question)).strip()
        if not secret:
            self._answered(message, answer)
        return answer

    def confirm(self, message: str, *, default: bool) -> bool:
        """Yes or no."""
        import questionary

        question = questionary.confirm(message, default=default, style=_style(), **self._common())
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

        return {"color_depth": ColorDepth.DEPTH_1_BIT} if self.console.no_color else {}

    def _answered(self, message: str, answer: str) -> None:
        from json2db_sync.databases.urls import mask

        self.lines += 1
        self.console.print(
            f"[dim]?[/] {escape(glyphs.plain(message))}  [bold]{escape(glyphs.plain(mask(answer)))}[/]", highlight=False
        )

    def _ask(self, question: Question) -> Any:
        try:
            return question.unsafe_ask()
        except KeyboardInterrupt:
            raise Back("ctrl-c") from None
        except EOFError:
            raise Back("ctrl-d") from None

    def _dress(
        self, question: Question, footer: str | None, on_escape: Callable[[InquirerControl], bool] | None = None
    ) -> None:
        """Esc and Ctrl-D go back, the answered question vanishes, and a last line says what the keys do."""
        from prompt_toolkit.filters import to_filter
        from prompt_toolkit.key_binding import KeyBindings, merge_key_bindings

        application = question.application
        application.erase_when_done = True
        application.ttimeoutlen = _ESCAPE_SECONDS
        keys = KeyBindings()

        @keys.add("escape", eager=True)
        def _escape(event: KeyPressEvent) -> None:
            if footer is not None and _cleared(_control(question)):
                return
            if on_escape is None or not on_escape(_control(question)):
                event.app.exit(exception=Back("esc"))

        @keys.add("c-d", eager=True)
        def _end(event: KeyPressEvent) -> None:
            event.app.exit(exception=EOFError())

        present = [application.key_bindings] if application.key_bindings else []
        application.key_bindings = merge_key_bindings([*present, keys])
        for window in application.layout.find_all_windows():
            window.dont_extend_height = to_filter(True)  # else the last line would hang at the bottom of the screen
        if footer is not None:
            _add_line(question, footer)


def _cleared(control: InquirerControl) -> bool:
    """Was there a filter to take away?"""
    if not control.search_filter:
        return False
    control.search_filter, control.pointed_at = None, 0
    return True


def _rows(options: Sequence[Option], width: int, *, plain: bool) -> list[Any]:
    """The lines of a list: marks, labels and details, each in a column, cut to the width."""
    marks = max(len(option.mark) for option in options)
    labels = max(len(option.label) for option in options if option.detail) if any(o.detail for o in options) else 0
    rows: list[Any] = []
    for option in options:
        mark = f"{option.mark:<{marks}}  " if marks else ""
        label = mark + glyphs.plain(f"{option.label:<{labels}}" if option.detail else option.label)
        detail = glyphs.plain(option.detail)
        room = width - len(label) - 2
        detail = f"  {glyphs.cut(detail, room)}" if detail and room > 8 else ""
        label = glyphs.cut(label, width)
        rows.append(label + detail if plain else [("class:text", label), ("class:detail", detail)])
    return rows


def _control(question: Question) -> Any:
    from questionary.prompts.common import InquirerControl

    windows = question.application.layout.find_all_windows()
    return next(window.content for window in windows if isinstance(window.content, InquirerControl))


def _add_line(question: Question, text: str) -> None:
    from prompt_toolkit.filters import IsDone
    from prompt_toolkit.layout import ConditionalContainer, FormattedTextControl, HSplit, Window

    container = question.application.layout.container
    assert isinstance(container, HSplit)
    line = Window(FormattedTextControl([("class:footer", f"   {text}")]), height=1, dont_extend_height=True)
    container.children.append(ConditionalContainer(line, filter=~IsDone()))  # type: ignore[no-untyped-call]


def _jump_by_typing(question: Question, control: InquirerControl, options: Sequence[Option]) -> None:
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


def _style() -> Any:
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
