"""The records of one entity in one file: rules, ids, shredding, batches, and what is said of them afterwards."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Protocol

from json2db_sync.analysis.statistics import allowed_repeats
from json2db_sync.databases.ledger import Rejection
from json2db_sync.databases.outcome_counter import Counts, Superseded
from json2db_sync.errors import ValidationError
from json2db_sync.loading.load_context import LoadContext, PopulateOptions
from json2db_sync.loading.row_loader import BatchLoader, RowLoader, Shredded
from json2db_sync.loading.worker import Parts
from json2db_sync.model.decoding import NeedsRowPath
from json2db_sync.model.jsontext import short_hash
from json2db_sync.model.shredder import SchemaMismatch
from json2db_sync.results import FileLoad, Note, RefusedFile, RejectedRecord, SchemaChange
from json2db_sync.sources import Record, SourceFile
from json2db_sync.sources.batch import Batch, Undecoded
from json2db_sync.text import counted

REPORTED = 100
"""Rejected records that a result holds; the ledger holds all."""
_EXAMPLES = 3


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
    notes: list[Note]
    without_key: int
    invalid: int


@dataclass
class Population:
    """What was loaded."""

    total: Counts = field(default_factory=Counts)
    entities: dict[str, Counts] = field(default_factory=dict)
    files: list[FileLoad] = field(default_factory=list)
    unchanged: int = 0
    loaded: int = 0
    refused: list[RefusedFile] = field(default_factory=list)
    rejected: list[RejectedRecord] = field(default_factory=list)
    changes: list[SchemaChange] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    rows: int = 0
    without_key: int = 0
    """Records of entities with a key that have none."""
    invalid: int = 0
    """Records that were loaded though they break a rule."""

    def add(self, loaded: Loaded) -> None:
        """One entity's records of a file are stored."""
        self.files.append(loaded.load)
        self.total.add(loaded.counts)
        self.entities.setdefault(loaded.load.entity, Counts()).add(loaded.counts)
        self.rejected += loaded.rejected[: max(0, REPORTED - len(self.rejected))]
        self.rows += loaded.rows
        self.notes += loaded.notes
        self.without_key += loaded.without_key
        self.invalid += loaded.invalid


class Ids(Protocol):
    """Says which id a record gets."""

    without_key: int

    def id_of(self, record: Record, *, single: bool) -> str | int: ...

    def close(self) -> None: ...


class LedgerWriter(Protocol):
    """Writes single records of a load into the ledger."""

    def rejected(self, rejections: Sequence[Rejection]) -> None: ...

    def superseded(self, records: Sequence[Superseded]) -> None: ...


class EntityLoad:
    """Loads the records of one entity in one file.

    :param writer: what becomes of records that are not stored.
    :param widened: do the tables hold what the file holds? Then a record that does not fit is rejected.
    :param by_batch: take the batch path where that can be done.
    """

    def __init__(
        self,
        context: LoadContext,
        file: SourceFile,
        options: PopulateOptions,
        ids: Ids,
        writer: LedgerWriter,
        *,
        widened: bool,
        by_batch: bool = False,
    ) -> None:
        self.context = context
        self.plan = context.plan
        self._file = file
        self._options = options
        self._ids = ids
        self._writer = writer
        self._frozen = self.plan.holds_records and options.plans.is_frozen(self.plan.entity)
        self._settled = widened or self._frozen
        self._row_loader = RowLoader(context)
        self.batch_loader: BatchLoader | None = None
        """None where each record must be looked at alone."""
        if by_batch and options.load.mode == "compare" and not options.read.rules.schema_of(self.plan.entity):
            with suppress(NeedsRowPath):
                self.batch_loader = BatchLoader(context, self._row_loader)
        self._rejected: list[RejectedRecord] = []
        self._checked = 0
        self._invalid = 0
        self._invalid_examples: list[str] = []

    def close(self) -> None:
        """Forget the keys of the file."""
        self.context.outcomes.close()
        self._ids.close()

    def add(self, batch: Batch, *, single: bool = False, made: Parts | None = None) -> None:
        """Load records, in their order.

        :param single: the one record is all that the file holds, an object that is not part of an array.
        :param made: see :meth:`BatchLoader.load`.
        """
        loader = self.batch_loader
        if loader is not None and isinstance(batch, Undecoded) and (made is not None or loader.takes(batch)):
            records = loader.load(batch, made)
        else:
            records = batch.records()
        waiting = self._row_loader.waiting
        for record in records:
            shredded = self.shredded(record, single=single)
            if shredded is None:
                continue
            if len(waiting) >= self._options.batch_size or shredded.id in waiting:
                self._row_loader.flush()
                self._keep(self._options.batch_size)
            waiting[shredded.id] = shredded
        self._check_limit()

    def shredded(self, record: Record, *, single: bool) -> Shredded | None:
        """A record ready to be stored; None where it is rejected."""
        reason = record.problem or self.context.database.rejection_reason(record)
        if reason is not None:
            self.reject(record, reason)
            return None
        if self._breaks_rule(record):
            return None
        if self.plan.key is None:
            raise RetryAfterMigration(record.entity)
        try:
            id_ = self._ids.id_of(record, single=single)
            row, children = self._row_loader.shredder.shred(record.value)
        except SchemaMismatch as mismatch:
            if not self._settled:
                raise RetryAfterMigration(record.entity) from mismatch
            why = f"; {self.plan.entity} is frozen (processing.contracts)" if self._frozen else ""
            self.reject(record, mismatch.why + why, mismatch.path)
            return None
        return Shredded(id_, short_hash(record.raw), record, row, children)

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
        self.context.reject(record, reason, path)
        self._keep(self._options.batch_size)

    def _check_limit(self) -> None:
        """Of each rejected record in its turn: which one is too many must not depend on when they are kept."""
        waiting = self.context.rejections
        for rejection in waiting[len(waiting) - self.context.outcomes.counts.rejected + self._checked :]:
            self._checked += 1
            self._options.limit.check(self._file, rejection, self._checked)

    def _keep(self, at_least: int) -> None:
        """Write into the ledger what is not stored of the records, once there is so much of it."""
        self._check_limit()
        if len(self.context.rejections) >= at_least:
            rejections = self.context.take_rejections()
            shown = rejections[: max(0, REPORTED - len(self._rejected))]
            self._rejected += [_reported(rejection, self._file.name) for rejection in shown]
            self._writer.rejected(rejections)
        if len(self.context.outcomes.superseded) >= at_least:
            self._writer.superseded(self.context.outcomes.take_superseded())

    def finish(self) -> None:
        """Store what waits.

        :raises ValidationError: when too many records are rejected.
        """
        self._row_loader.flush()
        self._keep(0)
        self._options.limit.check_all(self._file, self.context.outcomes.counts, self._rejected)

    def require_key(self) -> None:
        """Raise unless the key is one: a guess may turn out wrong.

        :raises ValidationError: when it repeats too often in the file.
        """
        repeats, read = self.context.outcomes.repeats, self.context.outcomes.counts.read
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
                reason="duplicate_keys",
            )

    def result(self) -> Loaded:
        """What became of the records."""
        counts = self.context.outcomes.counts
        expected = self._file.expected_records
        load = FileLoad(file=self._file.name, entity=self.plan.entity, expected=expected, **counts.as_dict())
        rows, without_key = self.context.rows_written, self._ids.without_key
        return Loaded(load, counts, self._rejected, rows, self._notes(), without_key, self._invalid)

    def _notes(self) -> list[Note]:
        entity, file = self.plan.entity, self._file.name
        notes = []
        if repeats := self.context.outcomes.repeats:
            text = (
                f"{file}: {counted(repeats, 'record')} of {entity} with the key of an earlier one and other content; "
                "the last of each is stored"
            )
            notes.append(Note(text, "repeated_keys", entity, repeats))
        if lacking := self._ids.without_key:
            text = (
                f"{file}: {counted(lacking, 'record')} of {entity} without {', '.join(self.plan.key or ())}, "
                "stored under ids made of the content: no later version can replace them"
            )
            notes.append(Note(text, "without_key", entity, lacking))
        if self._invalid:
            examples = "; ".join(self._invalid_examples)
            schema = self._options.read.rules.schema_of(entity)
            text = f"{file}: {counted(self._invalid, 'record')} loaded without satisfying {schema}; {examples}"
            notes.append(Note(text, "invalid_records", entity, self._invalid))
        return notes


def _reported(rejection: Rejection, file: str) -> RejectedRecord:
    raw = rejection.raw.decode("utf-8", "backslashreplace")[:2000]
    return RejectedRecord(
        file, rejection.entity, rejection.number, rejection.byte, rejection.reason, rejection.path, raw
    )
