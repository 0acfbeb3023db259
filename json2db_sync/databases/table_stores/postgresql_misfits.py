"""SQL of PostgreSQL that finds what another end could not hold."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from json2db_sync.databases.catalog.tables import literal
from json2db_sync.databases.catalog.types import ColumnType, TypeName
from json2db_sync.databases.table_stores import WireColumn, arrays
from json2db_sync.databases.table_stores.fitting import WITH_CHARACTERS

_NUMBERS = (TypeName.INTEGER, TypeName.NUMERIC, TypeName.FLOAT)
_MOMENTS = (TypeName.TIME, TypeName.TIMETZ, TypeName.TIMESTAMP, TypeName.TIMESTAMPTZ, TypeName.INTERVAL)


class Condition(NamedTuple):
    """What holds for values that do not fit."""

    sql: str
    code: str
    why: str


def conditions(wire: WireColumn, own: ColumnType, column: str) -> Iterator[Condition]:
    """Those that could be true of this column.

    :param own: its type.
    :param column: its name, quoted.
    """
    type_ = wire.type
    if not wire.nullable:
        yield Condition(f"{column} IS NULL", "null", "the column takes no NULL")
    if type_.name is TypeName.ARRAY:
        yield Condition(arrays.unsayable(column), "out_of_range", "its elements are not numbered from 1, as a list is")
    if own.name in _NUMBERS and type_.name in (TypeName.INTEGER, TypeName.NUMERIC):
        yield from _of_number(type_, own, f"{column}::{'text::' * (own.name is TypeName.FLOAT)}numeric")
    if type_.name is TypeName.TEXT and type_.length is not None:
        why = f"the column takes {type_.length:,} characters"
        yield Condition(f"char_length({column}::text) > {type_.length}", "too_long", why)
    if wire.encoding is not None and type_.name in WITH_CHARACTERS:
        yield from _of_encoding(wire, own, wire.encoding, f"{column}::text")
    if type_.name in _MOMENTS and (6 if type_.length is None else type_.length) < (
        6 if own.length is None else own.length
    ):
        behind = f"rtrim(substring({column}::text from '\\.(\\d+)'), '0')"
        why = f"the column takes {type_.length} digits behind the second"
        yield Condition(f"char_length({behind}) > {type_.length}", "too_precise", why)
    if type_.name is TypeName.ENUM and not (own.labels and {*own.labels} <= {*type_.labels}):
        labels = ", ".join(map(literal, type_.labels))
        yield Condition(
            f"{column}::text <> ALL (ARRAY[{labels}]::text[])", "check", "the other database has no such label"
        )


def _of_encoding(wire: WireColumn, own: ColumnType, encoding: str, text: str) -> Iterator[Condition]:
    if encoding == "ascii":
        if own.name is TypeName.TEXT and wire.type.length is not None:
            why = f"the column takes {wire.type.length:,} bytes"
            yield Condition(f"octet_length({text}) > {wire.type.length}", "too_long", why)
        return
    single = "".join(bytes([one]).decode(encoding, "ignore") for one in range(1, 256))
    if len(single) < 128:  # several bytes a character: too many to list, the target itself tells
        return
    known = "".join(f"\\U{ord(one):08X}" for one in single)
    why = f"it holds a character that the other database's encoding, {encoding}, lacks"
    yield Condition(f"{text} ~ '[^{known}]'", "no_character", why)


def _of_number(type_: ColumnType, own: ColumnType, number: str) -> Iterator[Condition]:
    whole = type_.name is TypeName.INTEGER
    if whole and own.name is TypeName.INTEGER and (own.bits or 64) <= (type_.bits or 64):
        return
    if not whole and (type_.precision is None or (own.precision, own.scale) == (type_.precision, type_.scale)):
        return
    scale = 0 if whole else type_.scale or 0
    most = 1 << (type_.bits or 64) - 1
    limit = f"abs({number}) >= 1e{(type_.precision or 0) - scale} AND {number} <> 'NaN'"
    beyond = f"{number} NOT BETWEEN -{most} AND {most - 1}" if whole else limit
    yield Condition(beyond, "out_of_range", f"it has more digits than {type_.declared} takes")
    why = f"{type_.declared} takes {scale} digits behind the point"
    yield Condition(f"{number} <> round({number}, {scale})", "too_precise", why)
