"""Whole databases: moving one into another after a look at the plan, comparing two, and checking their schemas."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from json2db_sync.config.database_url import VARIABLE
from json2db_sync.interfaces.menu.answers import with_passwords_of
from json2db_sync.interfaces.menu.plans import show_command
from json2db_sync.interfaces.menu.prompts import BACK, Back, Option
from json2db_sync.interfaces.menu.session import Session
from json2db_sync.interfaces.menu.tasks import command_line
from json2db_sync.masking import masked_address
from json2db_sync.operations.inspection import database_problem
from json2db_sync.results import Result, TransferResult

_MODES = (
    Option("create", "Create", "the target must not have the tables"),
    Option("append", "Append", "rows are added to those that are there"),
    Option("upsert", "Upsert", "rows of the same key are replaced, others added"),
    Option("replace", "Replace", "the tables there are replaced, after a backup"),
)
_REFUSALS = (
    Option("refuse", "Move nothing", "where the target would refuse a value"),
    Option("reject", "Keep those rows aside", "in a file, and move the others"),
)
_STRANGERS = (
    Option("refuse", "Refuse them", "values that are not of their column's type"),
    Option("text", "As text", "their column becomes one of text"),
    Option("null", "As NULL", "their values are lost"),
)
_CHOICES = {"mode": ("Mode", _MODES), "on_error": ("Refused", _REFUSALS), "strangers": ("Strangers", _STRANGERS)}
_GO = "go"
_ALL = "all"


@dataclass(frozen=True)
class Move:
    """What is to be moved, and how."""

    source: str = field(repr=False)
    target: str = field(repr=False)
    mode: str = "create"
    on_error: str = "refuse"
    strangers: str = "refuse"
    tables: str = _ALL
    """Their names, separated by commas."""
    jsonb: str = ""
    """``TABLE.COLUMN``, separated by commas, or ``all``."""
    views: bool = False

    def options(self) -> dict[str, object]:
        """Of the runner's method, where they are not its defaults."""
        given: dict[str, object] = {name: getattr(self, name) for name in _CHOICES}
        given = {name: value for name, value in given.items() if value != _CHOICES[name][1][0].value}
        lists = {"tables": "" if self.tables == _ALL else self.tables, "jsonb": self.jsonb}
        given |= {name: [one.strip() for one in text.split(",")] for name, text in lists.items() if text}
        return given | ({"views": True} if self.views else {})

    def words(self) -> list[str]:
        """Of the command that does the same."""
        words = ["transfer", masked_address(self.source), masked_address(self.target)]
        for name, value in self.options().items():
            option = "--table" if name == "tables" else f"--{name.replace('_', '-')}"
            if value is True:
                words.append(option)
            else:
                words += [option, ",".join(value) if isinstance(value, list) else str(value)]
        return words


class Databases:
    """Moves, compares and checks."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._prompts = session.prompts
        self._move: Move | None = None

    def browse(self) -> None:
        """Do what the user chooses, until the user goes back."""
        doing: dict[str, Callable[[], str]] = {"move": self._transfer, "compare": self._compare, "check": self._check}
        if self._move is None:
            self._move = Move(self._session.database, os.environ.get(VARIABLE, ""))
        at = "move"
        while True:
            options = [
                Option("move", "Move", "a database into another, and prove it"),
                Option("compare", "Compare", "two databases, row by row"),
                Option("check", "Check schemas", "in what they differ, and what it means"),
                BACK,
            ]
            at = self._prompts.choose("Databases", options, default=at)
            try:
                at = doing[at]()
            except Back:
                continue

    @property
    def _chosen(self) -> Move:
        assert self._move is not None
        return self._move

    def _transfer(self) -> str:
        """Ask, show the plan, ask again, do it; what is likely to be chosen next."""
        self._fill()
        move, options = self._chosen, self._chosen.options()
        plan = self._run([*move.words(), "--dry-run"], "transfer", move.source, move.target, dry_run=True, **options)
        if not plan.success or not self._agrees(plan):
            return "move"
        words = [*move.words(), *(["--yes"] if move.mode == "replace" else [])]
        done = self._run(words, "transfer", move.source, move.target, **options)
        return "compare" if done.success else "move"

    def _agrees(self, plan: Result) -> bool:
        refused = isinstance(plan, TransferResult) and bool(plan.refused)
        if refused and self._chosen.on_error == "refuse":
            aside = self._prompts.confirm("Move the others, and keep these rows in a file?", default=False)
            self._move = replace(self._chosen, on_error="reject") if aside else self._move
            return False
        replaces = self._chosen.mode == "replace"
        question = "Replace the tables there? A backup is made first." if replaces else "Move it?"
        agreed = self._prompts.confirm(question, default=not replaces)
        if not agreed:
            self._prompts.say("  Nothing was changed.\n")
        return agreed

    def _compare(self) -> str:
        self._name_both("Compare", folders=True)
        move = self._chosen
        words = ["compare", masked_address(move.source), masked_address(move.target)]
        self._run(words, "compare", move.source, move.target)
        return "check"

    def _check(self) -> str:
        self._name_both("Check")
        move = self._chosen
        words = ["check-schema", masked_address(move.source), masked_address(move.target)]
        result = self._run(words, "check_schema", move.source, move.target)
        mendable = [one for one in result.get("differences", ()) if one.statement and not one.fixed]
        question = "Mend the second where that changes no value? A backup is made first."
        if mendable and self._prompts.confirm(question, default=False):
            self._run([*words, "--fix"], "check_schema", move.source, move.target, fix=True)
        return "move"

    def _run(self, words: list[str], method: str, *databases: str, **options: Any) -> Result:
        session = self._session
        show_command(session, command_line(words, None, session.config_file))
        result = session.call(method, *databases, **options)
        session.show(result)
        return result

    def _fill(self) -> None:
        """Until the user goes on with the answers as they are.

        :raises Back: when the user would rather not.
        """
        at = _GO if self._chosen.target else "target"
        while True:
            move = self._chosen
            rows = [
                Option(name, title, _of(choices, getattr(move, name))) for name, (title, choices) in _CHOICES.items()
            ]
            options = [
                Option(_GO, "Look at the plan", "nothing is written yet"),
                Option("source", "Source", masked_address(move.source)),
                Option("target", "Target", masked_address(move.target) or "not named yet"),
                *rows,
                Option("tables", "Tables", move.tables),
                Option("jsonb", "JSONB", move.jsonb or "none of the texts"),
                Option("views", "Views", "moved as tables" if move.views else "left out"),
                BACK,
            ]
            at = self._prompts.choose("Move a database", options, default=at)
            if at == _GO and move.target:
                return
            try:
                self._change("target" if at == _GO else at)
                at = _GO if self._chosen.target else "target"
            except Back:
                continue

    def _change(self, what: str) -> None:
        """Ask one thing.

        :raises Back: and the answer stays as it was.
        """
        move, prompts = self._chosen, self._prompts
        if what in _CHOICES:
            title, choices = _CHOICES[what]
            value = prompts.choose(f"{title}?", [*choices, BACK], default=getattr(move, what))
        elif what == "views":
            value = prompts.confirm("Move views as tables?", default=move.views)
        elif what == "tables":
            value = prompts.text("Which tables, separated by commas? (all)", move.tables)
        elif what == "jsonb":
            value = prompts.text("Which texts become JSONB, as TABLE.COLUMN, or all?", move.jsonb)
        else:
            value = self._asked(what.capitalize(), getattr(move, what))
        self._move = replace(move, **{what: value})

    def _name_both(self, what: str, *, folders: bool = False) -> None:
        """Ask which two databases are meant."""
        first = self._asked(f"{what} A", self._chosen.source, folders=folders)
        second = self._asked(f"{what} B", self._chosen.target, folders=folders)
        self._move = replace(self._chosen, source=first, target=second)

    def _asked(self, what: str, known: str, *, folders: bool = False) -> str:
        """A database; Enter keeps the one that is known.

        :param folders: may it be a folder of exported files?
        """
        before = masked_address(known)

        def check(text: str) -> str | None:
            if text == before or (folders and os.path.isdir(os.path.expanduser(text))):
                return None
            return database_problem(with_passwords_of(known, text))

        kinds = "a file, a URL or a folder of exported JSON" if folders else "a file or a URL"
        text = self._prompts.text(f"{what}: {kinds}", before, check=check, paths=True)
        return known if text == before else with_passwords_of(known, text)


def _of(choices: tuple[Option, ...], value: object) -> str:
    return next(f"{one.label.lower()}: {one.detail}" for one in choices if one.value == value)
