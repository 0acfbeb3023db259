"""Which type a column gets in PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from json2db_sync.databases.catalog import postgresql_ddl
from json2db_sync.databases.catalog.tables import Catalog, CatalogColumn, CatalogTable, Index, quoted
from json2db_sync.databases.catalog.types import ColumnType, TypeName
from json2db_sync.databases.ledger import MOVING
from json2db_sync.databases.table_stores import Creation
from json2db_sync.databases.table_stores.profiles import ColumnProfile
from json2db_sync.databases.target_types import JSONB, Chosen, TargetTypes, json_changes
from json2db_sync.model.plan import SYSTEM_COLUMNS
from json2db_sync.text import counted

WORDS = "postgresql"
"""The database of a catalog in the words of these types."""


def _type(name: TypeName, declared: str, **more: int | None) -> ColumnType:
    return ColumnType(name, declared, **more)  # type: ignore[arg-type]


TEXT = _type(TypeName.TEXT, "text")
BIGINT = _type(TypeName.INTEGER, "bigint", bits=64)
DOUBLE = _type(TypeName.FLOAT, "double precision", bits=64)
NUMERIC = _type(TypeName.NUMERIC, "numeric")
BYTEA = _type(TypeName.BYTES, "bytea")
BOOLEAN = _type(TypeName.BOOLEAN, "boolean")
_MOST_DIGITS = 1000
"""Of a numeric with a precision."""
_LONGEST = 10_485_760
"""Of a varchar with a length."""


_LARGEST_ROW = 8160
"""Bytes of a row within its page."""
_OUTSIDE, _POINTER = 24, 18
"""Values of more bytes than the first may be stored elsewhere, and take so many as the second then."""
_WIDTHS = {
    TypeName.BOOLEAN: (1, 1), TypeName.DATE: (4, 4), TypeName.TIME: (8, 8), TypeName.TIMETZ: (12, 8),
    TypeName.TIMESTAMP: (8, 8), TypeName.TIMESTAMPTZ: (8, 8), TypeName.INTERVAL: (16, 8), TypeName.UUID: (16, 1),
    TypeName.ENUM: (4, 4),
}  # fmt: skip
"""Bytes, and at multiples of which number they begin."""


def _width(type_: ColumnType, text: str) -> tuple[int, int]:
    """What a value takes in its row at least, as :data:`_WIDTHS`."""
    if type_.name in _WIDTHS:
        return _WIDTHS[type_.name]
    if type_.bits is not None:
        return type_.bits // 8, type_.bits // 8
    if type_.name is TypeName.NUMERIC:
        size = _numeric_width(text)
    elif type_.name is TypeName.BYTES:
        size = len(text) // 2
    else:
        size = 1 + len(text.encode(errors="replace"))
    return (size if size <= _OUTSIDE else _POINTER), 1


def _numeric_width(text: str) -> int:
    """Of four digits each, without those at either end that are zero."""
    whole, _point, behind = text.lstrip("-0").partition(".")
    behind = behind.rstrip("0")
    zeros = len(behind) - len(behind.lstrip("0")) if not whole else 0
    zeros = zeros if behind else len(whole) - len(whole.rstrip("0"))
    return 3 + 2 * (-(-len(whole) // 4) - (-len(behind) // 4) - zeros // 4)


class PostgreSQLTypes(TargetTypes):
    """PostgreSQL's: what a column of SQLite is declared as, as far as its values are that."""

    longest_name = 63
    most_columns = 1600
    columns_that_fit = _LARGEST_ROW // _OUTSIDE - 1
    system_columns = SYSTEM_COLUMNS
    hidden = (postgresql_ddl.HIDDEN,)
    keys_are_relations = True
    generated_is_stored = True

    def why_too_large(self, types: Sequence[ColumnType], row: Sequence[str | None]) -> str | None:
        size = 24
        for width, multiple in (_width(*one) for one in zip(types, row, strict=True) if one[1] is not None):  # type: ignore[arg-type]
            size += -size % multiple + width
        if size <= _LARGEST_ROW:
            return None
        return f"it takes {size:,} bytes at least, of {_LARGEST_ROW:,} that a row may: divide the table in two"

    def creation(self, catalog: Catalog) -> Creation:
        return postgresql_ddl.creation(catalog)

    def waiting(self, table: CatalogTable, number: int) -> CatalogTable:
        return replace(table, schema=f"{MOVING}{number}")  # its keys, indexes and sequences come along from there

    def discarding(self, names: Sequence[str], number: int) -> Iterator[str]:
        yield f"DROP SCHEMA IF EXISTS {quoted(f'{MOVING}{number}')} CASCADE"

    def placing(self, tables: Sequence[CatalogTable], number: int, schema: str | None) -> Iterator[str]:
        waiting = quoted(f"{MOVING}{number}")
        for table in tables:
            yield f"ALTER TABLE {waiting}.{quoted(table.name)} SET SCHEMA {quoted(schema or 'public')}"
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
