"""What an operation on whole databases has to know: lines to answer, the runner's arguments, the command's words."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from json2db_sync.interfaces.menu.answers import with_passwords_of
from json2db_sync.interfaces.menu.prompts import BACK, Back, Option, Prompts
from json2db_sync.masking import masked_address
from json2db_sync.operations.inspection import database_problem

Answers = Mapping[str, Any]
"""By the names of lines."""
_GO, _MORE = "go", "more"


@dataclass(frozen=True)
class Line:
    """One thing that is asked."""

    name: str
    """Of the runner's argument."""
    label: str
    question: str = ""
    option: str = ""
    """Of the command, where it is not named as the argument is."""

    def ask(self, prompts: Prompts, before: Any) -> Any:
        """The answer.

        :raises Back: and it stays as it was.
        """
        raise NotImplementedError

    def shown(self, answer: Any) -> str:
        return str(answer)

    def argument(self, answer: Any) -> Any:
        """What the runner's method is given; None where it is as without an answer."""
        return answer or None

    def words(self, answer: Any) -> list[str]:
        """Of the command."""
        given, option = self.argument(answer), f"--{self.option or self.name.replace('_', '-')}"
        if given is None:
            return []
        if isinstance(given, bool):
            return [option if given else option.replace("--", "--no-", 1)]
        return [option, ",".join(given) if isinstance(given, list) else str(given)]


@dataclass(frozen=True)
class Place(Line):
    """A database or a folder: the arguments without which there is nothing to do, in the order of the command."""

    folder: bool = False
    database: bool = True
    kinds: str = "a file or a URL"

    def ask(self, prompts: Prompts, before: Any) -> str:
        """What is shown masked is kept by Enter, with its password."""
        shown = masked_address(before)

        def check(text: str) -> str | None:
            if text == shown or (self.folder and (not self.database or os.path.isdir(os.path.expanduser(text)))):
                return None if text else "name a folder"
            return database_problem(with_passwords_of(before, text))

        text = prompts.text(f"{self.question or self.label}: {self.kinds}", shown, check=check, paths=True)
        return str(before) if text == shown else with_passwords_of(before, text)

    def shown(self, answer: Any) -> str:
        return masked_address(answer) or "not named yet"

    def words(self, answer: Any) -> list[str]:
        return [masked_address(answer)]


@dataclass(frozen=True)
class Choice(Line):
    """One of several; the first is what nobody has to say."""

    choices: tuple[Option, ...] = ()

    def ask(self, prompts: Prompts, before: Any) -> Any:
        return prompts.choose(self.question or f"{self.label}?", [*self.choices, BACK], default=before)

    def shown(self, answer: Any) -> str:
        return next(
            f"{one.label.lower()}: {one.detail}" for one in self.choices if one.value == (answer or self._usual)
        )

    def argument(self, answer: Any) -> Any:
        return None if answer in ("", self._usual) else answer

    @property
    def _usual(self) -> object:
        return self.choices[0].value


@dataclass(frozen=True)
class YesNo(Line):
    """Yes, or no as long as nobody says so."""

    yes: str = "yes"
    no: str = "no"
    means: bool = True
    """The argument that yes is."""

    def ask(self, prompts: Prompts, before: Any) -> bool:
        return prompts.confirm(self.question, default=bool(before))

    def shown(self, answer: Any) -> str:
        return self.yes if answer else self.no

    def argument(self, answer: object) -> bool | None:
        return self.means if answer else None


@dataclass(frozen=True)
class Text(Line):
    """A name, or a path."""

    none: str = "as configured"
    """What none means."""

    def ask(self, prompts: Prompts, before: object) -> str:
        return prompts.text(f"{self.question} ({self.none})", str(before)).strip()

    def shown(self, answer: object) -> str:
        return str(answer) or self.none


@dataclass(frozen=True)
class Names(Text):
    """Names, separated by commas."""

    none: str = "all"

    def argument(self, answer: Any) -> list[str] | None:
        names = [] if answer == self.none else [name.strip() for name in answer.split(",") if name.strip()]
        return names or None


@dataclass(frozen=True)
class DatabaseForm:
    """An operation, and what it asks."""

    title: str
    method: str
    """Of the runner."""
    lines: tuple[Line, ...]
    advanced: tuple[Line, ...] = ()
    """What is shown only when it is asked for, or was answered."""
    look: str = "dry_run"
    """The argument with which it only says what it would do; empty where it writes nothing."""
    question: str = "Move it?"
    """Before it does so."""
    fixed: tuple[tuple[str, Any], ...] = ()
    """Arguments that make it what it is."""

    @property
    def places(self) -> tuple[Line, ...]:
        return tuple(line for line in self.lines if isinstance(line, Place))

    @property
    def others(self) -> tuple[Line, ...]:
        """Those that are not places."""
        return tuple(line for line in (*self.lines, *self.advanced) if not isinstance(line, Place))

    def arguments(self, answers: Answers) -> tuple[list[str], dict[str, Any]]:
        """Those of the runner's method, in order and by name."""
        named = {
            line.name: value for line in self.others if (value := line.argument(answers.get(line.name, ""))) is not None
        }
        return [answers[line.name] for line in self.places], {**dict(self.fixed), **named}

    def words(self, answers: Answers) -> list[str]:
        """Of the command that does the same."""
        words = [self.method.replace("_", "-")]
        for line in (*self.places, *self.others):
            words += line.words(answers.get(line.name, ""))
        return words + [f"--{name.replace('_', '-')}" for name, _ in self.fixed]

    def missing(self, answers: Answers) -> str | None:
        """The first place that nobody named."""
        return next((line.name for line in self.places if not answers.get(line.name)), None)

    def fill(self, prompts: Prompts, answers: dict[str, Any]) -> None:
        """Until the user goes on with the answers as they are.

        :raises Back: when the user would rather not; what was answered stays.
        """
        by_name = {line.name: line for line in (*self.lines, *self.advanced)}
        lines = self.lines
        more = Option(_MORE, "More", ", ".join(line.label.lower() for line in self.advanced))
        if any(answers.get(line.name) for line in self.advanced):
            lines = (*lines, *self.advanced)
        at = self.missing(answers) or _GO
        go = Option(_GO, "Look at the plan", "nothing is written yet")
        while True:
            rows = [Option(line.name, line.label, line.shown(answers.get(line.name, ""))) for line in lines]
            rows += [more] if self.advanced and lines is self.lines else []
            at = prompts.choose(self.title, [go, *rows, BACK], default=at)
            if at == _MORE:
                lines, at = (*lines, *self.advanced), self.advanced[0].name
                continue
            if at == _GO and self.missing(answers) is None:
                return
            try:
                line = by_name[self.missing(answers) or at if at == _GO else at]
                answers[line.name] = line.ask(prompts, answers.get(line.name, ""))
                at = self.missing(answers) or _GO
            except Back:
                continue
