"""The answers a task needs, as one list: go on as it is, or change a line."""

from __future__ import annotations

import math
import os

from json2db_sync.errors import SyncError
from json2db_sync.interfaces.menu.answers import with_passwords_of
from json2db_sync.interfaces.menu.prompts import BACK, Back, Option
from json2db_sync.interfaces.menu.session import Session
from json2db_sync.interfaces.menu.tasks import Ask, Task
from json2db_sync.operations.inspection import database_problem, source_problem
from json2db_sync.text import counted

_GO = "go"
_LABELS: dict[Ask, str] = {
    "database": "Database",
    "source": "Source",
    "days": "Days",
    "entities": "Entities",
    "backup": "Backup",
    "tables": "Tables",
    "full": "Verify",
    "records": "Verify",
}


class Form:
    """Asks what a task needs to know."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._prompts = session.prompts

    def fill(self, task: Task, go: str = "Go on") -> None:
        """Until the user goes on with the answers as they are.

        :raises Back: when the user would rather not.
        """
        at: str = _GO
        while True:
            options = [Option(_GO, go), *(Option(ask, _LABELS[ask], self._shown(ask)) for ask in task.asks), BACK]
            at = self._prompts.choose(task.title, options, default=at)
            if at == _GO:
                return
            try:
                self.ask(at)  # type: ignore[arg-type]
            except Back:
                continue
            at = _GO

    def ask(self, what: Ask) -> None:
        """Ask one thing.

        :raises Back: and the answer stays as it was.
        """
        {
            "database": self._ask_database,
            "source": self._ask_source,
            "days": self._ask_days,
            "entities": self._ask_entities,
            "backup": self._ask_backup,
            "tables": self._ask_tables,
            "full": self._ask_full,
            "records": self._ask_records,
        }[what]()

    def _shown(self, ask: Ask) -> str:
        session, answers = self._session, self._session.answers
        if ask == "database":
            there = "://" in session.database or os.path.exists(os.path.expanduser(session.database))
            new = "" if there else "  (will be created)"
            return session.shown_database + new
        if ask == "source":
            return session.source
        if ask == "days":
            return days_text(answers.days) if answers.days else f"as configured: {self._configured_days()}"
        if ask == "entities":
            return "all" if answers.entities is None else ", ".join(answers.entities)
        if ask == "backup":
            return "yes, before loading" if self._backup_wanted else "no"
        if ask == "tables":
            return "skip the separate step" if answers.skip_tables else "create and widen first"
        if ask == "records" and not answers.full:
            return "the tables only" if answers.skip_records else "every record of this run"
        return "in full: read the files again and compare" if answers.full else "tables, keys and counts"

    def _configured_days(self) -> str:
        processing = self._session.config.processing
        if processing.session_max_age is not None:
            return f"the last {processing.session_max_age:g} hours"
        return days_text(f"{processing.default_cutoff_days:g}" if processing.default_cutoff_days else "all")

    @property
    def _backup_wanted(self) -> bool:
        wanted = self._session.answers.backup
        return self._session.config.database.backup_before_operations if wanted is None else wanted

    def _ask_database(self) -> None:
        session = self._session
        before = session.shown_database

        def check(text: str) -> str | None:
            return None if text == before else database_problem(with_passwords_of(session.database, text))

        text = self._prompts.text("Database: a file or a URL", before, check=check, paths=True)
        if text != before:
            session.answer(database=with_passwords_of(session.database, text), password_left_out=False)

    def _ask_source(self) -> None:
        session = self._session
        config = session.config
        text = self._prompts.text(
            "Data source", session.source, check=lambda text: source_problem(text, config), paths=True
        )
        session.answer(source=text)

    def _ask_days(self) -> None:
        answers = self._session.answers
        options = [Option(days, days_text(days)) for days in ("7", "30", "90")]
        options += [Option("all", days_text("all")), Option("other", "another number")]
        options += [Option("", "as configured", self._configured_days()), BACK]
        known = [option.value for option in options]
        default = answers.days if answers.days in known else "other" if answers.days else ""
        days = self._prompts.choose("Sessions of how many days?", options, default=default)
        if days == "other":
            days = self._prompts.text("How many days?", answers.days or "", check=days_problem)
        self._session.answer(days=days or None)

    def _ask_entities(self) -> None:
        session = self._session
        options = [Option("all", "all"), Option("some", "choose", "from those found"), BACK]
        default = "all" if session.answers.entities is None else "some"
        if self._prompts.choose("Which entities?", options, default=default) == "all":
            session.answer(entities=None)
            return
        try:
            found = list(session.entities_found())
        except SyncError as error:
            self._prompts.say(f"  {error.message}")
            raise Back from error
        chosen = [name for name in session.answers.entities or () if name in found]
        picked = self._prompts.pick(f"Which of these {counted(len(found), 'entity')}?", found, chosen)
        session.answer(entities=None if len(picked) == len(found) else tuple(picked))

    def _ask_backup(self) -> None:
        wanted = self._prompts.confirm("Back up the database before loading?", default=self._backup_wanted)
        self._session.answer(backup=wanted)

    def _ask_tables(self) -> None:
        create = ("Create and widen first", "missing tables and columns in a step of their own")
        skip = ("Skip that step", "loading still makes what is missing")
        skipped = self._prompts.either("Tables?", create, skip, default=self._session.answers.skip_tables)
        self._session.answer(skip_tables=skipped)

    def _ask_full(self) -> None:
        quick = ("Tables, keys and counts", "quick")
        in_full = ("In full", "also read the files again, compare every record")
        full = self._prompts.either("Verify how?", quick, in_full, default=self._session.answers.full)
        self._session.answer(full=full)

    def _ask_records(self) -> None:
        answers = self._session.answers
        options = [
            Option("run", "Every record of this run", "reads its files again, compares what is stored"),
            Option("full", "In full", "every record of all loaded files"),
            Option("skip", "The tables only", "keys and counts; no record is compared"),
            BACK,
        ]
        default = "full" if answers.full else "skip" if answers.skip_records else "run"
        how = self._prompts.choose("Verify how?", options, default=default)
        self._session.answer(full=how == "full", skip_records=how == "skip")


def days_text(days: str) -> str:
    """``the last 30 days``."""
    return "all sessions" if days == "all" else "the last day" if days == "1" else f"the last {days} days"


def days_problem(text: str) -> str | None:
    """What is wrong with a number of days, and what would be right."""
    if text == "all":
        return None
    try:
        days = float(text)
    except ValueError:
        return f"{text!r} is not a number of days: type 30, 0.5 or all"
    if not days > 0 or math.isinf(days):
        return f"{text} days is not a window: type a number above 0, or all"
    return None
