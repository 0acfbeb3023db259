"""Which type a column gets in the target, and how its values travel there."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from json2db_sync.databases.catalog import postgresql_ddl, sqlite_ddl
from json2db_sync.databases.catalog.tables import Catalog, CatalogColumn, CatalogTable, Check, Index
from json2db_sync.databases.catalog.types import ColumnType, TypeName
from json2db_sync.databases.ledger import MOVING
from json2db_sync.databases.table_stores import Creation
from json2db_sync.databases.table_stores.profiles import ColumnProfile
from json2db_sync.model.plan import SYSTEM_COLUMNS
from json2db_sync.text import counted
from json2db_sync.transfer.mapped import MappedColumn

EXACT_DIGITS = 15
"""Decimals of so many digits are the same after a double."""


@dataclass(frozen=True)
class Chosen:
    """A column's type in the target."""

    type: ColumnType
    wire: ColumnType
    """Both ends spell its values so."""
    told: str | None = None
    """What changes, in one sentence."""


class TargetTypes(ABC):
    """The types of one kind of target."""

    longest_name: int | None = None
    """Bytes."""
    folds_names = False
    """Are names equal that differ in ASCII case alone?"""
    reserved: tuple[str, ...] = ()
    """What no name may begin with."""
    system_columns: tuple[str, ...] = ()
    """Columns that it gives to every table."""
    hidden: tuple[str, ...] = ()
    """How names of tables begin that need their schema to be found."""
    keys_are_relations = False
    """Has a key a name among those of tables and indexes?"""
    keys_are_required = True
    """Do columns of a primary key take no NULL?"""
    typed = True
    """Do its columns hold values of their types alone?"""
    typed_json = True
    holds_nul = False
    """Can its texts hold U+0000?"""
    same_kind_wire = TypeName.OTHER
    """How values travel from a database of the same kind."""
    numbers_only_keys = False
    """Does it give out numbers for an integer alone that is the whole key?"""
    generated_is_stored = False
    """Has it no generated columns but stored ones?"""
    nulls_may_be_equal = True
    """Has it unique constraints to which NULL equals NULL?"""

    @abstractmethod
    def of(self, column: CatalogColumn, profile: ColumnProfile, *, as_text: bool = False) -> Chosen:
        """The type for a column of another kind of database.

        :param profile: what the column holds, where its declaration does not say.
        :param as_text: a column with values that are not of its type becomes one of texts.
        """

    def checks_of(self, columns: Iterable[MappedColumn]) -> Iterator[Check]:
        """What holds values to what the types cannot say."""
        return iter(())

    @abstractmethod
    def creation(self, catalog: Catalog) -> Creation:
        """The statements that make what a catalog says, on a server of the newest version."""

    @abstractmethod
    def waiting(self, table: CatalogTable, number: int) -> CatalogTable:
        """Where a table is until it has all its rows: nobody takes that for the table."""

    @abstractmethod
    def placing(self, tables: Sequence[CatalogTable], number: int, schema: str | None) -> Iterator[str]:
        """The statements that put waiting tables in their places."""

    @abstractmethod
    def discarding(self, names: Sequence[str], number: int) -> Iterator[str]:
        """The statements that do away with waiting tables."""

    @abstractmethod
    def why_no_index(self, index: Index) -> str | None:
        """Why it cannot have an index of another kind of database; None where it can."""

    @staticmethod
    def quoted(name: str) -> str:
        """A name as a statement has it."""
        return '"' + name.replace('"', '""') + '"'


_INTEGERS = {16: "SMALLINT", 32: "INTEGER"}
_PLAIN = {
    TypeName.BOOLEAN: "BOOLEAN",
    TypeName.FLOAT: "REAL",
    TypeName.BYTES: "BLOB",
    TypeName.DATE: "DATE",
    TypeName.TIME: "TIME",
    TypeName.TIMESTAMP: "TIMESTAMP",
    TypeName.TIMESTAMPTZ: "TIMESTAMP",
    TypeName.UUID: "CHAR(36)",
    TypeName.JSON: "JSON TEXT",
    TypeName.JSONB: "JSON TEXT",
    TypeName.ARRAY: "JSON TEXT",
    TypeName.ANY: "",
}
_TOLD = {
    TypeName.TIMESTAMPTZ: "moments are texts in UTC with +00:00",
    TypeName.ARRAY: "lists of JSON",
    TypeName.INTERVAL: "texts as PostgreSQL spells them",
    TypeName.TIMETZ: "texts as PostgreSQL spells them",
    TypeName.ENUM: "texts; a check holds the labels",
    TypeName.OTHER: "texts as the source spells them",
}


class SQLiteTypes(TargetTypes):
    """SQLite's: declarations whose affinity changes no value."""

    folds_names = True
    reserved = ("sqlite_",)
    typed = typed_json = nulls_may_be_equal = False
    same_kind_wire = TypeName.ANY
    numbers_only_keys = holds_nul = True
    keys_are_required = False

    def creation(self, catalog: Catalog) -> Creation:
        return sqlite_ddl.creation(catalog)

    def waiting(self, table: CatalogTable, number: int) -> CatalogTable:
        return replace(table, name=f"{MOVING}{number}_{table.name}")

    def discarding(self, names: Sequence[str], number: int) -> Iterator[str]:
        for name in names:
            yield f"DROP TABLE IF EXISTS {self.quoted(f'{MOVING}{number}_{name}')}"

    def placing(self, tables: Sequence[CatalogTable], number: int, schema: str | None) -> Iterator[str]:
        for table in tables:
            waiting = self.quoted(self.waiting(table, number).name)
            yield f"ALTER TABLE {waiting} RENAME TO {self.quoted(table.name)}"

    def checks_of(self, columns: Iterable[MappedColumn]) -> Iterator[Check]:
        for one in columns:
            if one.source.type.name is TypeName.ENUM:
                labels = ", ".join("'" + label.replace("'", "''") + "'" for label in one.source.type.labels)
                yield Check(None, f"{self.quoted(one.target.name)} IN ({labels})")

    def why_no_index(self, index: Index) -> str | None:
        if index.method not in ("btree", "hash"):
            return f"SQLite has no indexes of the method {index.method}"
        if not index.nulls_distinct:
            return "NULL counts as equal in it"
        collated = [part for part in index.parts if " COLLATE " in part.upper()]
        return f"it compares otherwise: {collated[0]}" if index.unique and collated else None

    def of(self, column: CatalogColumn, profile: ColumnProfile, *, as_text: bool = False) -> Chosen:
        given = column.type
        declared, told = _PLAIN.get(given.name, "TEXT"), _TOLD.get(given.name)
        if given.name is TypeName.INTEGER:
            declared = _INTEGERS.get(given.bits or 64, "BIGINT")
        elif given.name is TypeName.NUMERIC:
            if given.precision is not None and given.precision <= EXACT_DIGITS and (given.scale or 0) >= 0:
                declared = f"NUMERIC({given.precision},{given.scale or 0})"
            else:
                declared, told = "TEXT", "texts, which keep all digits"
        elif given.name is TypeName.TEXT and given.length is not None:
            declared = f"{'CHAR' if given.fixed else 'VARCHAR'}({given.length})"
        wire = replace(given, labels=())
        return Chosen(replace(given, declared=declared, domain=None), wire, told)


def _type(name: TypeName, declared: str, **more: int | None) -> ColumnType:
    return ColumnType(name, declared, **more)  # type: ignore[arg-type]


TEXT = _type(TypeName.TEXT, "text")
BIGINT = _type(TypeName.INTEGER, "bigint", bits=64)
DOUBLE = _type(TypeName.FLOAT, "double precision", bits=64)
NUMERIC = _type(TypeName.NUMERIC, "numeric")
BYTEA = _type(TypeName.BYTES, "bytea")
BOOLEAN = _type(TypeName.BOOLEAN, "boolean")
JSONB = _type(TypeName.JSONB, "jsonb")
_MOST_DIGITS = 1000
"""Of a numeric with a precision."""
_LONGEST = 10_485_760
"""Of a varchar with a length."""


class PostgreSQLTypes(TargetTypes):
    """PostgreSQL's: what a column of SQLite is declared as, as far as its values are that."""

    longest_name = 63
    system_columns = SYSTEM_COLUMNS
    hidden = (postgresql_ddl.HIDDEN,)
    keys_are_relations = True
    generated_is_stored = True

    def creation(self, catalog: Catalog) -> Creation:
        return postgresql_ddl.creation(catalog)

    def waiting(self, table: CatalogTable, number: int) -> CatalogTable:
        return replace(table, schema=f"{MOVING}{number}")  # its keys, indexes and sequences come along from there

    def discarding(self, names: Sequence[str], number: int) -> Iterator[str]:
        yield f"DROP SCHEMA IF EXISTS {self.quoted(f'{MOVING}{number}')} CASCADE"

    def placing(self, tables: Sequence[CatalogTable], number: int, schema: str | None) -> Iterator[str]:
        waiting = self.quoted(f"{MOVING}{number}")
        for table in tables:
            yield f"ALTER TABLE {waiting}.{self.quoted(table.name)} SET SCHEMA {self.quoted(schema or 'public')}"
        yield f"DROP SCHEMA {waiting}"

    def why_no_index(self, index: Index) -> str | None:
        collated = [part for part in index.parts if " COLLATE " in part.upper() and "BINARY" not in part.upper()]
        return f"it compares otherwise: {collated[0]}" if collated else None

    def of(self, column: CatalogColumn, profile: ColumnProfile, *, as_text: bool = False) -> Chosen:
        """The type.

        :param as_text: a column with values that are not of its type becomes one of texts.
        """
        found, told = self._by_values(column.type, profile)
        if as_text and _strangers(found, profile):
            found, told = TEXT, "texts: it holds values that are not of its type"
        return Chosen(found, found, told)

    def _by_values(self, given: ColumnType, profile: ColumnProfile) -> tuple[ColumnType, str | None]:
        match given.name:
            case TypeName.BOOLEAN:
                if profile.bits == profile.values:
                    return BOOLEAN, None
                if 0 < profile.integers == profile.bits and profile.reals == 0 and _most(profile) == profile.integers:
                    return BOOLEAN, None
                return _by_storage(profile, "values that are neither 0 nor 1")
            case TypeName.INTEGER:
                return BIGINT, None
            case TypeName.NUMERIC:
                return _numeric(given, profile)
            case TypeName.FLOAT:
                return DOUBLE, None
            case TypeName.TEXT:
                return _text(given, profile)
            case TypeName.BYTES:
                return BYTEA, None
            case TypeName.DATE | TypeName.TIME | TypeName.TIMETZ | TypeName.TIMESTAMP | TypeName.TIMESTAMPTZ:
                return _moments(given, profile)
            case TypeName.JSON | TypeName.JSONB:
                return _json(profile)
            case TypeName.UUID if profile.uuids == profile.values:
                return _type(TypeName.UUID, "uuid"), None
        return _by_storage(profile, None)


def _strangers(type_: ColumnType, profile: ColumnProfile) -> bool:
    """Are there values that are of another storage class than a column of this type has?"""
    match type_.name:
        case TypeName.TEXT:
            return profile.texts < profile.values
        case TypeName.INTEGER:
            return profile.integers < profile.values
        case TypeName.FLOAT | TypeName.NUMERIC:
            return profile.integers + profile.reals + profile.numbers < profile.values
        case TypeName.BYTES:
            return profile.blobs < profile.values
        case TypeName.BOOLEAN:
            return profile.bits < profile.values
    return False


def _by_storage(profile: ColumnProfile, why: str | None) -> tuple[ColumnType, str | None]:
    """By the storage classes found."""
    more = f" ({why})" if why else ""
    if profile.values == 0:
        return TEXT, None
    if profile.integers == profile.values:
        return BIGINT, f"all its values are integers{more}"
    if profile.integers + profile.reals == profile.values:
        return DOUBLE, f"all its values are numbers{more}"
    if profile.blobs == profile.values:
        return BYTEA, f"all its values are bytes{more}"
    if profile.texts == profile.values:
        return TEXT, f"all its values are texts{more}" if why else None
    most = _most(profile)
    several = f"its values are of several storage classes, most of them {{}}{more}"
    if profile.texts == most:
        return TEXT, several.format("texts")
    if profile.blobs == most:
        return BYTEA, several.format("bytes")
    return (DOUBLE if profile.reals else BIGINT), several.format("numbers")


def _most(profile: ColumnProfile) -> int:
    """How many values are of the storage class that most are of; integers and reals count as one."""
    return max(profile.texts, profile.blobs, profile.integers + profile.reals)


def _numeric(given: ColumnType, profile: ColumnProfile) -> tuple[ColumnType, str | None]:
    precision, scale = given.precision, given.scale or 0
    if precision is None or not 0 < precision <= _MOST_DIGITS or not 0 <= scale <= precision:
        return NUMERIC, None
    if profile.scale <= scale and profile.digits <= precision - scale and not profile.not_finite:
        declared = f"numeric({precision},{scale})"
        return _type(TypeName.NUMERIC, declared, precision=precision, scale=scale), None
    return NUMERIC, f"some values have more digits than {given.declared} says"


def _text(given: ColumnType, profile: ColumnProfile) -> tuple[ColumnType, str | None]:
    if given.length is None or not 0 < given.length <= _LONGEST:
        return TEXT, None
    if profile.longest > given.length:
        return TEXT, f"some values are longer than {given.declared} says"
    return _type(TypeName.TEXT, f"varchar({given.length})", length=given.length), None


def _moments(given: ColumnType, profile: ColumnProfile) -> tuple[ColumnType, str | None]:
    come = f"{counted(profile.respelled, 'value')} {'comes' if profile.respelled == 1 else 'come'}"
    respelled = f"{come} to be spelled as PostgreSQL does" if profile.respelled else None
    count, name = profile.values, given.name
    if count == 0:
        declared = {TypeName.TIMESTAMPTZ: "timestamp with time zone", TypeName.TIMETZ: "time with time zone"}
        return _type(name, declared.get(name, name.value)), None
    if name is TypeName.DATE and profile.dates == count:
        return _type(TypeName.DATE, "date"), None
    if profile.zoned == count:
        return _type(TypeName.TIMESTAMPTZ, "timestamp with time zone"), respelled or "moments in UTC"
    if name is not TypeName.TIME and profile.moments == count:
        return _type(TypeName.TIMESTAMP, "timestamp"), respelled
    if profile.times == count:
        return _type(TypeName.TIME, "time"), respelled
    if profile.integers == count:
        return BIGINT, "numbers stay numbers: they are not guessed to be moments"
    return _by_storage(profile, "they are not all dates or moments in ISO form")


def _json(profile: ColumnProfile) -> tuple[ColumnType, str | None]:
    if profile.jsonb == profile.values and not profile.duplicate_keys:
        return JSONB, json_changes(profile)
    if profile.json == profile.values:
        return _type(TypeName.JSON, "json"), "json: jsonb would drop keys that come twice, or cannot hold U+0000"
    return _by_storage(profile, "they are not all JSON")


def json_changes(profile: ColumnProfile) -> str | None:
    """What a jsonb changes of these values, in one sentence."""
    parts = changes_by_jsonb(profile)
    return f"jsonb: {', '.join(parts)}" if parts else None


def changes_by_jsonb(profile: ColumnProfile) -> list[str]:
    """The same one by one, with how many values each changes."""
    counts = (
        ("the order of keys", profile.key_order),
        ("keys that come twice", profile.duplicate_keys),
        ("spelling", profile.spelling),
    )
    return [f"{what} changes in {counted(count, 'value')}" for what, count in counts if count]


_TYPES: dict[str, TargetTypes] = {"sqlite": SQLiteTypes(), "postgresql": PostgreSQLTypes()}


def types_of(database: str) -> TargetTypes:
    """The types of a kind of target."""
    return _TYPES[database]
