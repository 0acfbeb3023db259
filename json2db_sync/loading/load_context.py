"""What all parts of a load know: how to load, where the file stands among others, what was counted so far."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from types import TracebackType

import sqlalchemy as sa

from json2db_sync.analysis.entity_analyzer import ReadOptions
from json2db_sync.analysis.inference import PlanSettings
from json2db_sync.databases.base import Database
from json2db_sync.databases.dialect import Values, in_lists
from json2db_sync.databases.ledger import Rejection
from json2db_sync.databases.outcome_counter import Counts, OutcomeCounter, SpillableKeyIndex
from json2db_sync.databases.records import RecordReader, StoredRecord
from json2db_sync.errors import ValidationError
from json2db_sync.loading.rivals import Origin, Rivals
from json2db_sync.model.aliases import Aliases
from json2db_sync.model.jsontext import Json, content_id, encode, path_text
from json2db_sync.model.kinds import INT64_MAX, INT64_MIN, Kind, now_text
from json2db_sync.model.paths import PathCheck
from json2db_sync.model.plan import DATA_SOURCE, GONE, HASH, ID, LOAD, PARENT_ID, STUB, CustomColumn, EntityPlan
from json2db_sync.model.record_key import key_of
from json2db_sync.model.record_version import order_of, stubs_of
from json2db_sync.model.shredder import SchemaMismatch
from json2db_sync.results import RejectedRecord
from json2db_sync.sources import Record, SourceFile
from json2db_sync.sources.files import stem_and_suffix
from json2db_sync.text import counted

Versions = Mapping[str | int, tuple[int, int]]
"""Of stored records, by id: the hash of what is stored and the load that it came with."""


@dataclass(frozen=True)
class LoadOptions:
    """How to treat records whose key is stored already."""

    duplicate_prevention: bool = True
    """Compare with what is stored; without it every record is written again."""
    skip_existing: bool = False
    """Never compare a record whose key is stored: it stays as it is."""
    memory: int = 64 * 2**20
    """Bytes for remembering the keys of the file."""

    @property
    def mode(self) -> str:
        """The same in a word, for the ledger."""
        return "skip" if self.skip_existing else "compare" if self.duplicate_prevention else "rewrite"


FROZEN = "is frozen (processing.contracts)"
"""How the reason of a record ends that a contract kept out."""


@dataclass(frozen=True)
class RejectionLimit:
    """What is asked of each file."""

    stop: bool = False
    """One rejected record ends the run."""
    most: int | None = None
    """Records."""
    share: float | None = None
    """Of the file's records, 0 to 1."""

    @classmethod
    def parse(cls, text: str | None, *, stop: bool) -> RejectionLimit:
        """From ``100``, ``5%`` or nothing, as configured."""
        if text is None:
            return cls(stop)
        return cls(stop, share=float(text[:-1]) / 100) if text.endswith("%") else cls(stop, most=int(text))

    def check(self, file: SourceFile, rejection: Rejection, number: int) -> None:
        """A record is rejected.

        :param number: how many of the file and entity that makes.
        :raises ValidationError: when that is one too many; nothing of the file is loaded then.
        """
        if self.stop:
            where = f" {rejection.path}" if rejection.path else ""
            raise ValidationError(
                f"{file.name} record {rejection.number}{where}: {rejection.reason}",
                hint="correct it there; or go on without such records: processing.on_error = reject",
                file=str(file.path),
                record=rejection.number,
                byte=rejection.byte,
                path=rejection.path,
                entity=rejection.entity,
                setting="processing.on_error",
                reason="record_rejected",
            )
        if self.most is not None and number > self.most:
            raise _too_many(file, f"more than {counted(self.most, 'record')}", rejection.number, rejection.reason)

    def check_all(self, file: SourceFile, counts: Counts, rejected: Sequence[RejectedRecord]) -> None:
        """All records of an entity in a file were read.

        :raises ValidationError: when too large a share of them is rejected; nothing of the file is loaded then.
        """
        if self.share is not None and counts.rejected > self.share * counts.read:
            what = f"{counts.rejected:,} of {counts.read:,} records (more than {100 * self.share:g} %)"
            raise _too_many(file, what, rejected[0].record, rejected[0].reason)


@dataclass(frozen=True)
class PopulateOptions:
    """How to load."""

    read: ReadOptions
    plans: PlanSettings
    load: LoadOptions
    limit: RejectionLimit
    origin: Origin = field(default_factory=Origin)
    batch_size: int = 1000
    batch_path: bool = True
    """Take many records at once where that can be done; else each takes the row path. The outcome is the same."""
    second_process: bool = True
    """Use another process where there is so much to do that it pays. The outcome is the same."""
    in_force: str | None = None
    """The rules of this run as JSON, kept with each record that is rejected."""


@dataclass(frozen=True)
class Place:
    """Where the records of a load stand among those that are stored."""

    load: int
    """The ledger's number of the load; rows keep it as their provenance."""
    own_loads: Collection[int]
    """The numbers of all loads of the same file, this one included."""
    newer_loads: Collection[int]
    """The numbers of loads of files that are newer than this one."""
    session: str | None
    time: str | None = None
    """That of the file's session or stamp."""
    rivals: Rivals | None = None
    """What tells of other loads whether their version must not be replaced by this one's."""
    waiting_loads: Collection[int] = ()
    """The numbers of loads of files that are to be loaded again."""
    later: Mapping[str, int] = field(default_factory=dict)
    """By id, the number of the last record of this file with it, where one that comes now may stand before that."""
    now: str | None = None
    """When they are loaded, where that is not now."""


class DuplicateKey(Exception):
    """Records of a file were taken for new and different, but they are not, or the database refuses one."""


class LoadContext:
    """One entity's records of one file, on their way into its tables. Use within one transaction."""

    def __init__(
        self, database: Database, connection: sa.Connection, plan: EntityPlan, place: Place, options: LoadOptions
    ) -> None:
        self.database = database
        self.connection = connection
        self.plan = plan
        self.place = place
        self.options = options
        life = plan.lifecycle
        self.order = order_of(plan) if life.version else None
        """What says which of two records of a key is the newer one; None where the order of the files does."""
        self.rivals = place.rivals if self.order is None else None
        """What tells of loads whose versions these records must not replace; None where versions say which is newer."""
        self.stubs = stubs_of(plan) if life.stub else None
        self.keeps_stubs = STUB in plan.lifecycle.columns
        self.tables = database.tables(plan)
        self.root = self.tables[plan.table.name]
        """The table of the records themselves."""
        self.row_form = database.row_form(plan)
        """What makes rows ready for the database."""
        self.stored = RecordReader(database, connection, plan, own=self.keeps_stubs)
        self.now = place.now or now_text()
        self.since = place.time or self.now
        """From when on what this file says is so."""
        self._set_constants()
        self.stubs_marked = 0
        """Records that a stub marked as deleted."""
        self.outcomes = OutcomeCounter(place.load, options.memory)
        self.rejections: list[Rejection] = []
        self.rows_written = 0
        self.paths: PathCheck | None = None
        """What must be true of records, or the plan is to be widened for its flat views."""
        self.is_first = False
        """Is nothing stored of the entity but what comes of this file? Then records are taken for new and different."""

    def _set_constants(self) -> None:
        plan, load = self.plan, self.place.load
        custom = {column.name: self._value_of(column) for column in plan.custom}
        self.constants: Values = {
            DATA_SOURCE: "json", plan.created_at: self.now, plan.updated_at: self.now, LOAD: load, **custom,
        }  # fmt: skip
        """What the rows of new records have in common."""
        # What users wrote into custom columns stays; only where a record came from is ours to say.
        origin = {name: value for name, value in custom.items() if name == "session_id"}
        unmarked = {STUB: None} if self.keeps_stubs else {}
        self.constants_of_changed: Values = {plan.updated_at: self.now, LOAD: load, **unmarked, **origin}
        """What those of changed records have in common."""

    def _value_of(self, custom: CustomColumn) -> str | int | float | None:
        default = custom.default
        if default is None:
            return self.place.session if custom.name == "session_id" else None
        if default.upper() in ("CURRENT_TIMESTAMP", "NOW()"):
            return self.now.replace("T", " ").removesuffix("Z")
        return default[1:-1].replace("''", "'") if default.startswith("'") else _number(default)

    def stub_of(self, stored: StoredRecord) -> dict[str, Json] | None:
        """The stub that marked a stored record."""
        return stub_of(self.database, self.plan, stored)

    def is_emptied(self, stored: StoredRecord) -> bool:
        """Did a stub replace this record, before the setting said that it is one, and will it come again?

        Then the values that it has taken are welcome back, whatever is newer: the stub marks them.
        """
        is_stub = self.stubs is not None and self.stubs.has(stored.record) and self.stub_of(stored) is None
        return is_stub and stored.own[LOAD] in self.place.waiting_loads

    def compare(
        self, value: Mapping[str, Json], stored: Mapping[str, Json], stub: Mapping[str, Json] | None = None
    ) -> int:
        """1 where a record is a newer version than the stored one, -1 where it is an older one, 0 where files tell."""
        order = self.order
        return 0 if order is None else order.compare(order.kept(value), order.kept_of(stored, stub))

    def marks_of_new(self, record: Record, *, stub: bool) -> Values:
        """What the columns for stubs say of a record that nothing was stored of."""
        if not self.keeps_stubs:
            return {}
        return {GONE: self.since, STUB: encode(record.value)} if stub else {GONE: None, STUB: None}

    def mark_as_deleted(self, stubs: Sequence[tuple[str | int, int, Record]]) -> None:
        """Mark stored records, which keep their values, by stubs: each with its id and the hash of its text."""
        rows = [
            {**self.constants_of_changed, ID: id_, HASH: hash_, STUB: encode(record.value)}
            for id_, hash_, record in stubs
        ]
        self.database.update_by_id(self.connection, self.root, rows)
        for part in in_lists([id_ for id_, _hash, _record in stubs]):
            unmarked = self.root.c[ID].in_(part) & self.root.c[GONE].is_(None)
            self.connection.execute(self.root.update().where(unmarked).values({GONE: self.since}))
        self.stubs_marked += len(stubs)

    def holds_rows(self) -> bool:
        """Is anything stored of the entity?"""
        rows = f"SELECT 1 FROM {self.database.quote(self.root.name)} LIMIT 1"
        return self.connection.exec_driver_sql(rows).first() is not None

    def reject(self, record: Record, reason: str, path: str | None = None, mistakes: tuple[str, ...] = ()) -> None:
        """Keep a record that cannot be loaded, with its reason."""
        self.outcomes.reject()
        rejection = Rejection(record.entity, record.number, record.byte, reason, record.raw, path, mistakes)
        self.rejections.append(rejection)

    def take_rejections(self) -> list[Rejection]:
        """The records rejected since the last call."""
        taken, self.rejections = self.rejections, []
        return taken

    def confirm(self, ids: Iterable[str | int], stored: Versions) -> None:
        """These records are stored just so: from now on as records of this load.

        Not where a newer file has sent the same: an older one that comes late must not take its place.
        """
        settled = {*self.place.own_loads, *self.place.newer_loads}
        if not settled.issuperset(map(itemgetter(1), stored.values())):
            confirmed = [id_ for id_ in ids if stored[id_][1] not in settled]
            self.database.set_for_ids(self.connection, self.root, confirmed, {LOAD: self.place.load})

    def delete_children(self, ids: Sequence[str | int]) -> None:
        """Of records that are going to be replaced."""
        for table in reversed(self.plan.tables[1:]):
            self.database.delete_where_in(self.connection, self.tables[table.name].c[PARENT_ID], ids)


def stub_of(database: Database, plan: EntityPlan, stored: StoredRecord) -> dict[str, Json] | None:
    """The stub that marked a stored record, which was read with our own columns; None where none did."""
    value = stored.own[STUB] if STUB in plan.lifecycle.columns else None
    if value is None:
        return None
    stub: dict[str, Json] = database.decode_json(value)
    return stub


def _number(text: str) -> int | float | None:
    try:
        return int(text)
    except ValueError:
        return float(text) if text.upper() != "NULL" else None


def _too_many(file: SourceFile, what: str, number: int, reason: str) -> ValidationError:
    return ValidationError(
        f"{file.name}: {what} cannot be loaded, so nothing of it was; record {number}: {reason}",
        hint="look at the file: it is what seems wrong. processing.max_rejected says how many records may be rejected",
        file=str(file.path),
        record=number,
        setting="processing.max_rejected",
        reason="too_many_rejected",
    )


class NoKey(SchemaMismatch):
    """A record lacks the key that its entity has: it cannot be told which record it is a version of."""

    def __init__(self, value: dict[str, Json], fields: Sequence[str]) -> None:
        lacking = [field for field in fields if key_of(value, (field,)) is None]
        super().__init__(path_text(lacking[:1]), f"has no key: {', '.join(lacking)}")


class RecordIds:
    """The ids of the records of one entity in one file, asked for in order."""

    def __init__(self, plan: EntityPlan, file: SourceFile, memory: int) -> None:
        self._plan = plan
        self._aliases = Aliases(plan.aliases)
        # In sessions a newer file of that name is a newer version; in plain folders another folder is another thing.
        self._stem = stem_and_suffix(file.path.name if file.time is not None else file.name)[0]
        self._occurrences = SpillableKeyIndex(memory)
        self.without_key = 0
        """Records that lack the key their entity has."""

    def id_of(self, record: Record, *, single: bool) -> str | int:
        """The id of the next record.

        :param single: the record is the file's only one, an object that is not part of an array.
        :raises NoKey: when it lacks the key that the entity has.
        :raises SchemaMismatch: when ids are integers so far and this one is none.
        """
        fields = self._plan.key or ()
        if not fields:
            return "#" + self._stem if single else self.content_id_of(record)
        plain = self._aliases.plain(record.value)
        key = key_of(plain, fields)
        if key is None:
            self.without_key += 1
            raise NoKey(plain, fields)
        if self._plan.id_kind is Kind.INTEGER:
            value = plain[fields[0]]
            if type(value) is not int or not INT64_MIN <= value <= INT64_MAX:
                raise SchemaMismatch(f"$.{fields[0]}", "the key is not an integer of 64 bits, as those before it")
            return value
        return key

    def content_id_of(self, record: Record) -> str:
        """The id of the next record, made of its content."""
        content = content_id(record.value)
        number = self._occurrences.get([content]).get(content, 0) + 1
        self._occurrences.set({content: number})
        return content if number == 1 else f"{content}-{number}"

    def close(self) -> None:
        """Forget what was seen."""
        self._occurrences.close()

    def __enter__(self) -> RecordIds:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
