"""The first tables of a database: planned from all files together, since what refers to what shows only then.

Where that takes long, loading starts at once with tables planned from the beginnings of the files, while another
process looks at all of them. Nothing is committed before it is done. If its plans are the same, loading goes on; if
not, the tables, still empty, are made anew, and loading starts over. So the outcome does not depend on this.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from types import TracebackType

import sqlalchemy as sa

from json2db_sync.databases.base import Database
from json2db_sync.databases.ledger import Ledger
from json2db_sync.errors import ValidationError
from json2db_sync.events import silent
from json2db_sync.model.inference import PlanSettings
from json2db_sync.model.plan import EntityPlan, replace
from json2db_sync.sources import SourceFile
from json2db_sync.steps.entity_observation import ReadOptions
from json2db_sync.steps.json_analyzer import Analysis, analyze, make_plans
from json2db_sync.steps.progress import Meter
from json2db_sync.steps.schema_plan import creation
from json2db_sync.steps.second_process import WORTHWHILE, SecondProcess, has_room_for_two
from json2db_sync.steps.table_generator import evolve

_BEGINNING = 4 * 2**20
"""Bytes of each file that the first guess is made from."""
_MOST_FILES = 16
"""With more files the beginnings are all there is to read."""


class StartOver(Exception):
    """The tables were not what they should be, and are now: load again."""


class FirstPlans:
    """Plans and makes the first tables. Use as a context manager around loading."""

    def __init__(
        self,
        database: Database,
        files: Sequence[SourceFile],
        options: ReadOptions,
        settings: PlanSettings,
        meter: Meter,
        *,
        processes: int,
    ) -> None:
        self._database = database
        self._files = files
        self._options = options
        self._settings = settings
        self._meter = meter
        size = sum(file.size for file in files)
        optimistic = processes > 1 and size >= WORTHWHILE and len(files) <= _MOST_FILES and not options.rules
        self._process: SecondProcess[Analysis] | None = None
        if optimistic and has_room_for_two():
            portable = replace(settings, is_frozen=PlanSettings().is_frozen)
            self._process = SecondProcess(_analyze_apart, list(files), options, portable)
        self._guess: Mapping[str, EntityPlan] | None = None
        self._found: Mapping[str, EntityPlan] | None = None
        """The plans of all records, until they are stored."""
        self.changes: list[str] = []
        """What was done, in words."""

    def make(self) -> None:
        """Make the tables."""
        with suppress(ValidationError):  # a table in the way: each file is going to tell for itself
            if self._process is None:
                self._make(self._plan(self._analyze()))
                return
            guess = self._plan(self._analyze(_BEGINNING))
            # With no records seen: should we be killed, the next run knows them for a guess.
            evolve(self._database, [replace(plan, records_seen=0) for plan in guess.values()], self._settings)
            self._guess = guess

    def look(self) -> None:
        """Called now and then while records are loaded.

        :raises StartOver: when they are loaded into the wrong tables.
        """
        if self._guess is not None and self._process is not None and self._process.is_done:
            self._compare()

    def confirm(self, connection: sa.Connection | None = None) -> None:
        """Called before the first commit, and when records do not fit the tables.

        :param connection: where the plans that were confirmed are to be stored.
        :raises StartOver: when records were loaded into the wrong tables.
        """
        if self._guess is not None:
            self._compare()
        if connection is not None and self._found is not None:
            ledger = Ledger(self._database, connection)
            for plan in self._found.values():
                ledger.save_plan(plan)
            self._found = None

    def start_over(self) -> None:
        """After :class:`StartOver`: make the tables anew. No transaction is open."""
        assert self._found is not None
        discard(self._database)
        self._make(self._found)
        self._found = None

    def finish(self) -> None:
        """All files are loaded, or refused."""
        try:
            if self._guess is not None or self._found is not None:
                with self._database.transaction() as connection:
                    self.confirm(connection)
        except StartOver:
            self.start_over()
        if self._process is not None:
            with self._database.reading() as connection:
                plans = Ledger(self._database, connection).plans()
            evolve(self._database, plans.values(), self._settings)  # indexes for what refers to what

    def _compare(self) -> None:
        assert self._process is not None
        assert self._guess is not None
        guess, self._guess = self._guess, None
        self._found = self._plan(self._process.result())
        self.changes = [change.text for plan in self._found.values() for change in creation(plan).planned]
        tables = {name: _essence(plan) for name, plan in self._found.items()}
        if tables != {name: _essence(plan) for name, plan in guess.items()}:
            raise StartOver

    def _plan(self, analysis: Analysis) -> Mapping[str, EntityPlan]:
        return make_plans(analysis, {}, self._settings)

    def _analyze(self, most: int | None = None) -> Analysis:
        meter = self._meter.aside("planning")
        return analyze(self._files, self._options, self._settings, meter, check_keys=False, most=most)

    def _make(self, plans: Mapping[str, EntityPlan]) -> None:
        self.changes = evolve(self._database, plans.values(), self._settings).done

    def __enter__(self) -> FirstPlans:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is not None:
            self._process.close()


def _analyze_apart(files: Sequence[SourceFile], options: ReadOptions, settings: PlanSettings) -> Analysis:
    return analyze(files, options, settings, Meter("analyze", silent), check_keys=False)


def _essence(plan: EntityPlan) -> EntityPlan:
    """What makes the tables: neither what a plan is based on, nor indexes, which can be made later."""
    return replace(plan, records_seen=0, key_reason="", relations=())


def are_guesses(plans: Mapping[str, EntityPlan]) -> bool:
    """Are these the guesses of a run that was killed before anything was loaded?"""
    return any(plan.key is not None for plan in plans.values()) and not any(p.records_seen for p in plans.values())


def discard(database: Database) -> None:
    """Drop the tables of guesses."""
    with database.transaction() as connection:
        ledger = Ledger(database, connection)
        for plan in ledger.plans().values():
            database.drop_tables(connection, plan)
            ledger.forget_plan(plan.entity)
