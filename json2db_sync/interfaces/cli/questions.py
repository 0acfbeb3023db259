"""What the command line asks before it changes what cannot be had back by running again."""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlsplit

import click

from json2db_sync.errors import Cancelled, ConfigurationError
from json2db_sync.text import safe

if TYPE_CHECKING:
    from json2db_sync.results import TransferResult
    from json2db_sync.runner import SyncRunner

T = TypeVar("T")


@dataclass(frozen=True)
class Question:
    """Who asks, and whether it may."""

    command: str
    no_input: bool

    def need_someone(self) -> None:
        """Raise unless there is someone to ask."""
        if self.no_input or not is_terminal():
            why = "; --no-input forbids it" if self.no_input else ", and there is no terminal to ask on"
            asks = f"{self.command} asks before it goes on{why}"
            raise ConfigurationError(asks, hint="add --yes", reason="confirmation_needed")

    def yes_or_no(self) -> None:
        """Raise unless the answer is yes; no is the default."""
        if not _answer(lambda: click.confirm("Go on?", default=False, err=True)):
            raise _not_done("the answer was no")

    def typed(self, word: str) -> None:
        """Raise unless this very word is typed."""
        prompt = f"Type {word} to go on"
        if _answer(lambda: click.prompt(prompt, default="", show_default=False, err=True)).strip() != word:
            raise _not_done("that was not the name")


def is_terminal() -> bool:
    """Is there someone who reads questions and can answer?"""
    return all(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stderr))


def ask_recreate(question: Question, runner: SyncRunner, *, empty: bool, entities: Collection[str] | None) -> None:
    """Say which tables would be rebuilt with how many rows, and ask; not where there is no table yet."""
    from json2db_sync.model.plan import entity_name

    question.need_someone()
    report = runner.report()
    wanted = None if entities is None else {entity_name(name) for name in entities}
    tables = [table for table in report.tables if wanted is None or table.entity in wanted]
    if not tables:
        return  # nothing to lose, or an error that the operation itself meets and tells
    width = max(len(table.name) for table in tables)
    what = "empty and rebuild" if empty else "rebuild, as if planned for the first time,"
    _say(f"This will {what} in {report.database}:")
    for table in tables:
        _say(f"  {table.name:<{width}}  {table.record_count:>12,} rows")
    if empty:
        _say("The rows are discarded; the next populate loads their files again.")
    else:
        _say("The rows are carried over, all in one transaction.")
    _backup_first()
    if empty:
        question.typed(database_name(runner.db_path))
    else:
        question.yes_or_no()


def ask_restore(question: Question, runner: SyncRunner, name: str) -> None:
    """Say what would be replaced by which backup, and ask."""
    question.need_someone()
    listed = runner.backups()
    if not listed.success:
        return  # the operation itself meets the same error, and tells
    created = next((backup["created_at"] for backup in listed.backups if _same(name, backup["name"])), None)
    made = f", made {datetime.fromisoformat(created).astimezone():%Y-%m-%d %H:%M:%S}" if created else ""
    _say(f"This will replace the tables of json2db-sync in {listed.database}")
    _say(f"  by {name}{made}")
    _backup_first()
    question.yes_or_no()


def ask_replace(question: Question, look: Callable[[], TransferResult]) -> None:
    """Say which tables would be replaced, and ask.

    :param look: what a dry run of the transfer answers.
    """
    question.need_someone()
    _say("Looking at both databases, nothing is written ...")
    plan = look()
    if not plan.success or plan.refused:
        return  # the operation itself meets the same, and tells
    width = max((len(table.target) for table in plan.plan), default=0)
    _say(f"This will replace these tables in {plan.target}, whatever rows they hold:")
    for table in plan.plan:
        _say(f"  {table.target:<{width}}  by {table.rows or 0:>12,} rows")
    _say("A backup is made first.")
    question.yes_or_no()


def database_name(db_path: str) -> str:
    """The file's name, or the database's on a server."""
    path = urlsplit(db_path).path if "://" in db_path else db_path
    return Path(path).name or "yes"


def _same(name: str, backup: str) -> bool:
    return name == backup or Path(name).name == Path(backup).name


def _backup_first() -> None:
    _say("A backup is made first; to go back to it:")
    _say("  json2db-sync backups  and  json2db-sync restore BACKUP")


def _say(text: str) -> None:
    click.echo(safe(text), err=True)


def _answer(asked: Callable[[], T]) -> T:
    try:
        return asked()
    except click.Abort:  # Ctrl-C, Ctrl-D
        _say("")
        raise _not_done("the question was left") from None


def _not_done(reason: str) -> Cancelled:
    return Cancelled(f"nothing was changed: {reason}", reason="declined")
