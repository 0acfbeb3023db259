"""Rejected records once more: what can be loaded now is stored, as a record of the file it came from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Any

from json2db_sync.analysis.json_analyzer import analyze_records, make_plans
from json2db_sync.databases.base import Database
from json2db_sync.databases.ledger import Ledger, Rejection, Replayed, StoredFile
from json2db_sync.databases.outcome_counter import Superseded
from json2db_sync.events import Meter
from json2db_sync.loading.data_populator import LoadRun, mark
from json2db_sync.loading.entity_load import EntityLoad, Population, RetryAfterMigration
from json2db_sync.loading.load_context import FROZEN, LoadContext, Place, PopulateOptions, RejectionLimit
from json2db_sync.loading.replay_ids import ReplayIds
from json2db_sync.loading.replay_order import StoredOrder
from json2db_sync.model.kinds import now_text
from json2db_sync.results import Note
from json2db_sync.schema.table_generator import evolve
from json2db_sync.sources import Record
from json2db_sync.sources.batch import Decoded
from json2db_sync.sources.reader import record_of
from json2db_sync.text import counted
from json2db_sync.validation.record_validator import is_violation


@dataclass(frozen=True)
class Choice:
    """Which rejected records to try, by the numbers that the ledger knows them by."""

    entity: str | None = None
    numbers: frozenset[int] | None = None
    """None for all."""
    corrected: Mapping[int, bytes] | None = None
    """The text to store in place of the record's own."""

    def of(self, rows: Iterator[dict[str, Any]]) -> Iterator[tuple[int, Record, bytes | None]]:
        """(number, record to try, its text where that is a corrected one) of those chosen."""
        for row in rows:
            number = row["id"]
            chosen = row["dismissed_at"] is None if self.numbers is None else number in self.numbers
            if row["replayed_load"] is None and chosen:
                corrected = (self.corrected or {}).get(number)
                corrected = None if corrected == row["raw"] else corrected
                raw = row["raw"] if corrected is None else corrected
                yield number, record_of(row["entity"], row["record_number"], row["byte"], raw), corrected


def replay(
    database: Database, run: int, choice: Choice, options: PopulateOptions, meter: Meter, done: Population
) -> None:
    """Try rejected records again, one transaction a file, oldest files first; adds to ``done`` as each is committed."""
    # Those that fail again are rejected already; and a record that was never stored cannot be skipped.
    load = replace(options.load, duplicate_prevention=True, skip_existing=False)
    options = replace(options, limit=RejectionLimit(), load=load)
    with database.reading() as connection:
        ledger = Ledger(database, connection)
        files = ledger.rejected_files(choice.entity, choice.numbers)
        done.notes += _notes(ledger, choice, options)
    for file in files:
        _FileReplay(LoadRun(database, run, options, meter, done), file, choice).run()
    mark(database, options, done)


class _FileReplay:
    """The rejected records of one entity in one file."""

    def __init__(self, run: LoadRun, stored: StoredFile, choice: Choice) -> None:
        self._run = run
        self._database = run.database
        self._options = run.options
        self._stored = stored
        self._choice = choice
        self._widened = False

    def run(self) -> None:
        while True:
            try:
                self._load()
                return
            except RetryAfterMigration:
                self._widen()

    def _widen(self) -> None:
        """Have the tables hold what these records hold."""
        self._widened = True
        with self._database.reading() as connection:
            ledger = Ledger(self._database, connection)
            plans = ledger.plans()
            settings = replace(self._options.plans, stored=plans)
            chosen = self._choice.of(ledger.rejected_of_file(self._stored.id))
            loadable = (record for _number, record, _text in chosen if self._database.rejection_reason(record) is None)
            file = self._stored.source_file()
            seen = analyze_records(self._stored.entity, loadable, file, self._options.read, settings)
        self._run.done.changed(evolve(self._database, make_plans(seen, plans, settings).values(), settings))

    def _load(self) -> None:
        report = self._run.meter.file_started(self._stored.name)
        with self._database.transaction() as connection:
            ledger = Ledger(self._database, connection)
            plan = ledger.plans()[self._stored.entity]
            layout = ledger.layout_of(self._stored.id)
            file = self._stored.source_file(layout)
            chosen = self._choice.of(ledger.rejected_of_file(self._stored.id))
            tried = {record.number: (number, text) for number, record, text in chosen}
            memory = self._options.load.memory
            ids = ReplayIds(self._database, connection, plan, file, memory, single=layout == "object")
            ids.prepare(ledger.rejected_of_file(self._stored.id), {place: text for place, (_, text) in tried.items()})
            order = StoredOrder(self._database, connection, plan, file, self._stored, self._options.read.limits)
            later = order.numbers(ids.known.values())
            load = ledger.start_replay(self._run.number, self._stored, self._options.load.mode)
            ledger.take_on(load, [number for number, _text in tried.values()])
            newer = ledger.newer_loads(self._stored.entity, self._stored.sort_key)
            time = now_text(file.time) if file.time is not None else None
            place = Place(load, ledger.load_ids(self._stored.id), newer, self._stored.session, time, later=later)
            context = LoadContext(self._database, connection, plan, place, self._options.load)
            writer = _ReplayLedgerWriter(ledger, load, self._stored, tried, self._options.in_force)
            entity = EntityLoad(context, file, self._options, ids, writer, widened=self._widened)
            with closing(entity):
                chosen = self._choice.of(ledger.rejected_of_file(self._stored.id))
                for count, (_number, record, _text) in enumerate(chosen, 1):
                    if str(ids.known.get(record.number)) in order.unknown:
                        entity.reject(record, order.reason)
                    else:
                        entity.add(Decoded(record.entity, record.number, (record,)))
                    report(count, 0)
                entity.finish()
            ledger.finish_load(load, context.outcomes.counts)
            writer.finish(ids.known)
            loaded = entity.result()
        self._run.done.loaded += 1
        self._run.done.add(loaded)
        self._run.meter.file_done(self._stored.name, loaded.counts.read, 0)


def _notes(ledger: Ledger, choice: Choice, options: PopulateOptions) -> Iterator[Note]:
    """That a schema or contract rejected records of an entity which has none now."""
    ruleless, thawed = Counter[str](), Counter[str]()
    for row in ledger.rejected(choice.entity, choice.numbers):
        entity, reason = row["entity"], row["reason"]
        ruleless[entity] += is_violation(reason) and not options.read.rules.schema_of(entity)
        thawed[entity] += reason.endswith(FROZEN) and not options.plans.is_frozen(entity)
    for entity, count in (+thawed).items():
        line = f'processing.contracts = {{"{entity}": "freeze"}}'
        text = f"{counted(count, 'record')} of {entity} had been rejected since it was frozen; it is not now ({line})"
        yield Note(text, "contract_gone", entity, count, line)
    for entity, count in (+ruleless).items():
        text = (
            f"{counted(count, 'record')} of {entity} had been rejected by a JSON Schema; none was in force now "
            "(validation.schema_directory)"
        )
        yield Note(text, "schema_gone", entity, count, "validation.schema_directory")


class _ReplayLedgerWriter:
    """Brings the ledger's rejected records up to date.

    :param tried: by the record's number in its file: the ledger's number of it, and its text where that is a corrected
        one.
    """

    def __init__(
        self,
        ledger: Ledger,
        load: int,
        file: StoredFile,
        tried: Mapping[int, tuple[int, bytes | None]],
        in_force: str | None,
    ) -> None:
        self._ledger = ledger
        self._in_force = in_force
        self._load = load
        self._file = file
        self._tried = tried
        self._failed: set[int] = set()

    def rejected(self, rejections: Sequence[Rejection]) -> None:
        """They stay rejected, with the reason of now."""
        for rejection in rejections:
            self._failed.add(rejection.number)
            self._ledger.reject_again(self._tried[rejection.number][0], rejection, self._in_force)

    def superseded(self, records: Sequence[Superseded]) -> None:
        """Keep which records newer versions took the place of."""
        self._ledger.add_superseded(self._load, self._file.id, self._file.entity, records)

    def finish(self, ids: Mapping[int, str | int]) -> None:
        """All others are no longer rejected.

        :param ids: by number of the record.
        """
        stored = [
            Replayed(ledger_number, str(ids[number]), text)
            for number, (ledger_number, text) in self._tried.items()
            if number not in self._failed
        ]
        self._ledger.mark_replayed(self._load, stored)
