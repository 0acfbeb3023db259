"""The records of one entity in one file: rules, ids, shredding, batches, and what is said of them afterwards."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol, TypeVar

from json2db_sync.analysis.entity_analyzer import ReadOptions
from json2db_sync.analysis.inference import PlanSettings
from json2db_sync.analysis.statistics import allowed_repeats
from json2db_sync.databases.ledger import Rejection
from json2db_sync.databases.outcome_counter import Counts, Superseded
from json2db_sync.databases.row_forms import ReadyRows
from json2db_sync.errors import ValidationError
from json2db_sync.loading.loader import Loader, LoadOptions, Shredded
from json2db_sync.loading.rejection_limit import RejectionLimit
from json2db_sync.loading.row_builder import Parts, RowBuilder, matched
from json2db_sync.model.batch_shredder import BatchShredder
from json2db_sync.model.decoding import NeedsRowPath
from json2db_sync.model.keys import short_hash
from json2db_sync.model.plan import EntityPlan
from json2db_sync.model.shredder import EntityShredder, SchemaMismatch
from json2db_sync.results import FileLoad, RejectedRecord
from json2db_sync.sources import Record, SourceFile
from json2db_sync.sources.batch import Batch, Undecoded
from json2db_sync.text import counted

REPORTED = 100
"""Rejected records that a result holds; the ledger holds all."""
_EXAMPLES = 3
T = TypeVar("T")


@dataclass(frozen=True)
class PopulateOptions:
    """How to load."""

    read: ReadOptions
    plans: PlanSettings
    load: LoadOptions
    limit: RejectionLimit
    batch_size: int = 1000
    batch_path: bool = True
    """Take many records at once where that can be done; else each takes the row path. The outcome is the same."""
    second_process: bool = True
    """Use another process where there is so much to do that it pays. The outcome is the same."""


class RetryAfterMigration(Exception):
    """An entity's tables must widen (or be made) before this file can be loaded."""

    def __init__(self, entity: str) -> None:
        super().__init__(entity)
        self.entity = entity


@dataclass
class Loaded:
    """What became of one entity's records of a file."""

    load: FileLoad
    counts: Counts
    rejected: list[RejectedRecord]
    """The first of them."""
    rows: int
    """Rows written, child rows included."""
    notes: list[str]
    without_key: int
    invalid: int


class Ids(Protocol):
    """Says which id a record gets."""

    without_key: int

    def id_of(self, record: Record, *, single: bool) -> str | int: ...

    def close(self) -> None: ...


class Keeper(Protocol):
    """Writes single records of a load into the ledger."""

    load: int

    def rejected(self, rejections: Sequence[Rejection]) -> None: ...

    def superseded(self, records: Sequence[Superseded]) -> None: ...


class EntityLoading:
    """The records of one entity in one file: rules, ids, shredding, batches."""

    def __init__(
        self,
        plan: EntityPlan,
        loader: Loader,
        file: SourceFile,
        options: PopulateOptions,
        ids: Ids,
        keeper: Keeper,
        *,
        widened: bool,
        optimistic: bool = False,
    ) -> None:
        self.plan = plan
        self.loader = loader
        self.keeper = keeper
        self._file = file
        self._options = options
        self._frozen = plan.holds_records and options.plans.is_frozen(plan.entity)
        self._settled = widened or self._frozen
        self._shape = EntityShredder(plan)
        self._batch: list[Shredded] = []
        self._ids = ids
        self._rejected: list[RejectedRecord] = []
        self._checked = 0
        self._invalid = 0
        self._invalid_examples: list[str] = []
        self._batch_shredder = self._new_batch_shredder() if optimistic else None
        if self._batch_shredder is not None:
            loader.expect_new()

    def _new_batch_shredder(self) -> BatchShredder | None:
        """For taking many records at once; None where each must be looked at alone."""
        if self._options.load.mode != "compare" or self._options.read.rules.schema_of(self.plan.entity):
            return None
        with suppress(NeedsRowPath):
            return BatchShredder(self.plan, self.loader.null)
        return None

    def close(self) -> None:
        self.loader.close()
        self._ids.close()

    def wants_rows(self, batch: Batch) -> bool:
        """Could :meth:`add` do with the rows of these records?"""
        return (
            self._batch_shredder is not None
            and self.loader.is_fresh
            and isinstance(batch, Undecoded)
            and not self.loader.may_reject(batch.text)
        )

    def add(self, batch: Batch, *, single: bool, parts: Parts | None = None) -> None:
        """Load records, in their order.

        :param single: the one record is all that the file holds, an object that is not part of an array.
        :param parts: the rows of records that :meth:`wants_rows` was true of, if they were made elsewhere.
        """
        if parts is not None and isinstance(batch, Undecoded):
            self._add_ready(matched(batch, parts))
        elif self._batch_shredder is None or not isinstance(batch, Undecoded) or self.loader.may_reject(batch.text):
            self._add_by_row(batch, single=single)
        elif self.loader.is_fresh:
            made, _objects = RowBuilder(self._batch_shredder, self.loader.row_form, self.plan.table.name).rows(batch)
            self._add_ready(matched(batch, made))
        else:
            self._add_compared(self._batch_shredder, batch)

    def _add_by_row(self, batch: Batch, *, single: bool = False) -> None:
        for record in batch.records():
            self.add_record(record, single=single)

    def _add_ready(self, parts: Iterable[tuple[Undecoded, ReadyRows | None]]) -> None:
        for part, rows in parts:
            if rows is None:
                self._add_by_row(part)
            else:
                self.loader.add_ready(rows, len(part))

    def _add_compared(self, shredder: BatchShredder, batch: Undecoded) -> None:
        """Load them all at once, in ever smaller parts where some of them take the row path."""
        try:
            self._compare(shredder, batch)
        except NeedsRowPath:
            if batch.is_small:
                self._add_by_row(batch)
                return
            for part in batch.smaller():
                self._add_compared(shredder, part)

    def _compare(self, shredder: BatchShredder, batch: Undecoded) -> None:
        ids, hashes = shredder.ids(batch.array), batch.hashes
        if not {waiting.id for waiting in self._batch}.isdisjoint(ids):
            self._flush()
        compared = self.loader.compare(ids, hashes)
        if compared is None:
            self._add_by_row(batch)
            return
        same, changed = list(compared.same), list(compared.other)
        if changed and not compared.may_be_newer:
            values = shredder.values(batch.only(changed))
            equal = self.loader.respelled(_at(ids, changed), values, _at(hashes, changed))
            same += _at(changed, equal)
            changed = sorted(set(changed) - set(same))
        # What may be unfit comes first: nothing of the batch has been counted then.
        new_rows = shredder.shred(batch.only(compared.new)) if compared.new else None
        changed_rows = shredder.shred(batch.only(changed)) if changed and not compared.may_be_newer else None
        if same:
            self.loader.add_unchanged(_at(ids, same), batch.numbers(same), compared)
        if new_rows is not None:
            self.loader.add_new(new_rows, _at(hashes, compared.new), batch.numbers(compared.new))
        if changed_rows is not None:
            self.loader.replace(changed_rows, _at(hashes, changed), batch.numbers(changed))
        elif changed:
            for record in batch.records(frozenset(changed)):
                self.add_record(record, single=False)

    def add_record(self, record: Record, *, single: bool) -> None:
        """Load one record, exactly."""
        rejection_reason = self.loader.rejection_reason(record)
        if rejection_reason is not None:
            self.reject(record, rejection_reason)
            return
        if self._breaks_rule(record):
            return
        if self.plan.key is None:
            raise RetryAfterMigration(record.entity)
        try:
            id_ = self._ids.id_of(record, single=single)
            row, children = self._shape.shred(record.value)
        except SchemaMismatch as drift:
            if not self._settled:
                raise RetryAfterMigration(record.entity) from drift
            why = f"; {self.plan.entity} is frozen (processing.contracts)" if self._frozen else ""
            self.reject(record, drift.why + why, drift.path)
            return
        self._batch.append(Shredded(id_, short_hash(record.raw), record, row, children))
        if len(self._batch) >= self._options.batch_size:
            self._flush()

    def _breaks_rule(self, record: Record) -> bool:
        """Is the record rejected for breaking a rule? One that is only warned of is counted."""
        violation = self._options.read.rules.violation(record.entity, record.value)
        if violation is None:
            return False
        if self._options.read.rules.mode == "reject":
            self.reject(record, violation.reason, violation.path)
            return True
        self._invalid += 1
        if len(self._invalid_examples) < _EXAMPLES:
            self._invalid_examples.append(f"record {record.number} {violation.path}: {violation.message}")
        return False

    def reject(self, record: Record, reason: str, path: str | None = None) -> None:
        """Keep a record that cannot be loaded."""
        self.loader.reject(record, reason, path)
        self._check_limit()
        if len(self.loader.rejections) >= self._options.batch_size:
            self._keep()

    def _check_limit(self) -> None:
        """Of each rejected record in its turn: which one is too many must not depend on when they are kept."""
        waiting = self.loader.rejections
        for rejection in waiting[len(waiting) - self.loader.tally.counts.rejected + self._checked :]:
            self._checked += 1
            self._options.limit.check(self._file, rejection, self._checked)

    def _keep(self) -> None:
        self._check_limit()
        rejections = self.loader.take_rejections()
        for rejection in rejections[: max(0, REPORTED - len(self._rejected))]:
            raw = rejection.raw.decode("utf-8", "backslashreplace")
            self._rejected.append(
                RejectedRecord(
                    file=self._file.name,
                    entity=rejection.entity,
                    record=rejection.number,
                    byte=rejection.byte,
                    reason=rejection.reason,
                    path=rejection.path,
                    raw=raw[:2000],
                )
            )
        self.keeper.rejected(rejections)

    def _flush(self) -> None:
        self.loader.add(self._batch)
        self._batch.clear()
        self._keep()
        self.keeper.superseded(self.loader.tally.take_superseded())

    def finish(self) -> None:
        """Store what waits.

        :raises ValidationError: when too many records are rejected.
        """
        self._flush()
        counts = self.loader.tally.counts
        self._options.limit.check_all(self._file, counts, self._rejected)

    def require_key(self) -> None:
        """Raise unless the key is one: a guess may turn out wrong.

        :raises ValidationError: when it repeats too often in the file.
        """
        repeats, read = self.loader.tally.repeats, self.loader.tally.counts.read
        if self.plan.key_guessed and self.plan.key and repeats > allowed_repeats(read):
            key = ", ".join(self.plan.key)
            raise ValidationError(
                f"{self._file.name}: {repeats} of {read} records have the {key} of an earlier one and other content, "
                f"so {key} (a guess) is not the key of {self.plan.entity}",
                hint=f'name the key: processing.keys = {{"{self.plan.entity}": ["..."]}} (JSON2DB_KEYS), '
                "then create-tables --recreate",
                entity=self.plan.entity,
                file=str(self._file.path),
                setting="processing.keys",
            )

    def result(self) -> Loaded:
        tally = self.loader.tally
        load = FileLoad(
            file=self._file.name,
            entity=self.plan.entity,
            expected=self._file.expected_records,
            **tally.counts.as_dict(),
        )
        return Loaded(
            load,
            tally.counts,
            self._rejected,
            self.loader.rows_written,
            self._notes(),
            self._ids.without_key,
            self._invalid,
        )

    def _notes(self) -> list[str]:
        entity, file = self.plan.entity, self._file.name
        notes = []
        if repeats := self.loader.tally.repeats:
            notes.append(
                f"{file}: {counted(repeats, 'record')} of {entity} with the key of an earlier one and other content; "
                "the last of each is stored"
            )
        if lacking := self._ids.without_key:
            notes.append(
                f"{file}: {counted(lacking, 'record')} of {entity} without {', '.join(self.plan.key or ())}, "
                "stored under ids made of the content: no later version can replace them"
            )
        if self._invalid:
            examples = "; ".join(self._invalid_examples)
            schema = self._options.read.rules.schema_of(entity)
            notes.append(f"{file}: {counted(self._invalid, 'record')} loaded without satisfying {schema}; {examples}")
        return notes


def _at(items: Sequence[T], places: Iterable[int]) -> list[T]:
    return [items[place] for place in places]
