"""The records of one entity in one file: rules, ids, shredding, batches, and what is said of them afterwards."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Protocol

from json2db_sync.analysis.statistics import allowed_exceptions
from json2db_sync.databases.ledger import Rejection
from json2db_sync.databases.outcome_counter import Counts, Superseded
from json2db_sync.errors import ValidationError
from json2db_sync.loading.gone import Marked
from json2db_sync.loading.key_hints import alias_setting, key_setting, other_name
from json2db_sync.loading.load_context import FROZEN, LoadContext, NoKey, PopulateOptions
from json2db_sync.loading.row_loader import BatchLoader, RowLoader, Shredded
from json2db_sync.loading.worker import Parts
from json2db_sync.model.aliases import Aliases
from json2db_sync.model.decoding import NeedsRowPath
from json2db_sync.model.jsontext import Json, short_hash
from json2db_sync.model.kinds import Kind
from json2db_sync.model.paths import PathCheck
from json2db_sync.model.plan import MAP_KEY, EntityPlan, is_weaker_key
from json2db_sync.model.shredder import SchemaMismatch
from json2db_sync.results import FileLoad, Note, RefusedFile, RejectedRecord, SchemaChange
from json2db_sync.schema.table_generator import TableChanges
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


class KeyRepeats(Exception):
    """A key that was guessed by a weaker name repeats in a file: it is none."""

    def __init__(self, plan: EntityPlan, again: int) -> None:
        super().__init__(plan.entity)
        self.plan = plan
        self.again = again


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
    deleted: int
    """Records that stubs marked as deleted."""
    in_list: bool
    """Did records stand in a list?"""


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
    """Records of entities with a key that have none: they are rejected."""
    invalid: int = 0
    """Records that were loaded though they break a rule."""
    deleted: dict[str, int] = field(default_factory=dict)
    """By entity, the records that stubs marked."""
    marked: dict[str, Marked] = field(default_factory=dict)
    """What was marked of the entities whose records may be gone."""
    listed: set[str] = field(default_factory=set)
    """Entities of which records stood in lists."""

    def changed(self, tables: TableChanges) -> None:
        """Tables were made or changed."""
        self.changes += tables.done
        self.notes += [note for note in tables.notes if note not in self.notes]

    def add(self, loaded: Loaded) -> None:
        """One entity's records of a file are stored."""
        self.files.append(loaded.load)
        self.total.add(loaded.counts)
        self.entities.setdefault(loaded.load.entity, Counts()).add(loaded.counts)
        self.rejected += loaded.rejected[: max(0, REPORTED - len(self.rejected))]
        self.rows += loaded.rows
        self.notes += [note for note in loaded.notes if note not in self.notes]
        self.without_key += loaded.without_key
        self.invalid += loaded.invalid
        entity = loaded.load.entity
        self.deleted[entity] = self.deleted.get(entity, 0) + loaded.deleted
        if loaded.in_list:
            self.listed.add(loaded.load.entity)


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
        holds_json = any(column.kind is Kind.JSON for table in self.plan.tables for column in table.columns)
        if holds_json and options.plans.flat_views and self.plan.looked_inside and not self._settled:
            with suppress(NeedsRowPath):
                context.paths = PathCheck(self.plan.table)
        self._plain = Aliases(self.plan.aliases).plain
        self._row_loader = RowLoader(context)
        self.batch_loader: BatchLoader | None = None
        """None where each record must be looked at alone."""
        if by_batch and options.load.mode == "compare" and not options.read.rules.schema_of(self.plan.entity):
            with suppress(NeedsRowPath):
                self.batch_loader = BatchLoader(context, self._row_loader)
        self._rejected: list[RejectedRecord] = []
        self._checked = 0
        self._in_list = False
        self._lacking: dict[str, Json] | None = None
        """The first record that lacks the key."""
        self._has_key = False
        """Did records that are stored before it have one?"""
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
        self._in_list = self._in_list or not single
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
        except NoKey as lacking:
            if self._lacking is None:
                self._lacking, self._has_key = self._plain(record.value), self.context.holds_rows()
            self.reject(record, lacking.why, lacking.path)
            return None
        except SchemaMismatch as mismatch:
            if not self._settled:
                raise RetryAfterMigration(record.entity) from mismatch
            why = f"; {self.plan.entity} {FROZEN}" if self._frozen else ""
            self.reject(record, mismatch.why + why, mismatch.path)
            return None
        if self.context.paths is not None and not self.context.paths.fits(self._plain(record.value)):
            raise RetryAfterMigration(record.entity)
        stubs = self.context.stubs
        stub = stubs is not None and stubs.has(record.value)
        return Shredded(id_, short_hash(record.raw), record, row, children, stub)

    def _breaks_rule(self, record: Record) -> bool:
        """Is the record rejected for breaking a rule? One that is only warned of is counted."""
        violation = self._options.read.rules.violation(record.entity, record.value)
        if violation is None:
            return False
        if self._options.read.rules.mode == "reject":
            self.reject(record, violation.reason, violation.path, violation.mistakes)
            return True
        self._invalid += 1
        if len(self._invalid_examples) < _EXAMPLES:
            self._invalid_examples.append(f"record {record.number} {violation.path}: {violation.message}")
        return False

    def reject(self, record: Record, reason: str, path: str | None = None, mistakes: tuple[str, ...] = ()) -> None:
        """Keep a record that cannot be loaded."""
        self.context.reject(record, reason, path, mistakes)
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
            name = self._file.name
            raws = [rejection.raw.decode("utf-8", "backslashreplace")[:2000] for rejection in shown]
            self._rejected += [
                RejectedRecord(name, one.entity, one.number, one.byte, one.reason, one.path, raw, mistakes=one.mistakes)
                for one, raw in zip(shown, raws, strict=True)
            ]
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

        :raises KeyRepeats: when it is guessed by a weaker name and repeats in the file.
        :raises ValidationError: when it repeats too often in the file.
        """
        if not self.plan.key or not self._options.plans.is_guess(self.plan):
            return
        repeats, read = self.context.outcomes.repeats, self.context.outcomes.counts.read
        if self.context.order:
            return  # then a key may repeat: its records are versions
        # In a map of lists its key repeats.
        may_repeat = self.plan.key != (MAP_KEY,) and not is_weaker_key(self.plan.key, self.plan.entity)
        again = 0 if may_repeat else self.context.outcomes.again
        if again and not self._frozen:
            raise KeyRepeats(self.plan, again)
        if repeats > allowed_exceptions(read):
            key = ", ".join(self.plan.key)
            raise ValidationError(
                f"{self._file.name}: {repeats} of {read} records have the {key} of an earlier one and other content, "
                f"so {key} (a guess) is not the key of {self.plan.entity}",
                hint=f"name the key: {key_setting(self.plan.entity)} (JSON2DB_KEYS), then create-tables --recreate",
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
        return Loaded(
            load=load,
            counts=counts,
            rejected=self._rejected,
            rows=rows,
            notes=self._notes(),
            without_key=without_key,
            invalid=self._invalid,
            deleted=self.context.stubs_marked,
            in_list=self._in_list,
        )

    def _notes(self) -> list[Note]:
        entity, file = self.plan.entity, self._file.name
        notes = []
        if (repeats := self.context.outcomes.repeats) and not self.context.order:
            text = (
                f"{file}: {counted(repeats, 'record')} of {entity} with the key of an earlier one and other content; "
                "the last of each is stored"
            )
            notes.append(Note(text, "repeated_keys", entity, repeats))
        if self._ids.without_key:
            notes.append(self._note_on_lacking())
        notes += self._kept_notes()
        if self.context.rivals is not None:
            notes += self.context.rivals.notes(entity)
        if self._invalid:
            examples = "; ".join(self._invalid_examples)
            schema = self._options.read.rules.schema_of(entity)
            text = f"{file}: {counted(self._invalid, 'record')} loaded without satisfying {schema}; {examples}"
            notes.append(Note(text, "invalid_records", entity, self._invalid))
        return notes

    def _note_on_lacking(self) -> Note:
        """Of records that lack the key: they may have it under another name, or something else may be it."""
        entity, fields, lacking = self.plan.entity, self.plan.key or (), self._ids.without_key
        key = ", ".join(fields)
        other = other_name(self._lacking or {}, key, entity) if len(fields) == 1 else None
        is_renamed = other and (self._has_key or lacking < self.context.outcomes.counts.read)
        keys = key_setting(entity, other if other and not is_renamed else "...")
        aliases = alias_setting(entity, other, key) if other and is_renamed else "processing.aliases"
        text = (
            f"{self._file.name}: {counted(lacking, 'record')} of {entity} without {key}, the key, rejected; where that "
            f"is not the key: {keys}; where it has another name there: {aliases}"
        )
        return Note(text, "without_key", entity, lacking, aliases if is_renamed else keys)

    def _kept_notes(self) -> Iterator[Note]:
        """Of values that rows cannot hold."""
        entity = self.plan.entity
        for (code, path), count in sorted(self._row_loader.shredder.kept.items()):
            what = f"{self._file.name}: {entity}.{path}: {counted(count, 'value')}"
            if code == "lists_among_texts":
                text = f"{what} that {'is a list or object' if count == 1 else 'are lists or objects'} among texts"
                line = f'processing.kinds = {{{json.dumps(f"{entity}.{path}", ensure_ascii=False)}: "json"}}'
                text += f": kept in _rest. To have all as JSON in the column: {line}, then create-tables"
                yield Note(text, "lists_among_texts", entity, count, line)
                continue
            line = f'processing.children = {{"{entity}": {{{json.dumps(path, ensure_ascii=False)}: false}}}}'
            text = f"{what} in which, or beside which, objects and others stand: objects are rows, the rest is kept"
            text += f". To keep all of it as JSON instead: {line}, then create-tables --recreate"
            yield Note(text, "mixed_list", entity, count, line)
