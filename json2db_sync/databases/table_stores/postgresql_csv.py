"""Rows of PostgreSQL as its COPY spells them in CSV, which no Python need look at."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from io import BytesIO
from itertools import islice
from typing import Any

from json2db_sync.databases.catalog.tables import CatalogColumn, CatalogTable, quoted
from json2db_sync.databases.catalog.types import ColumnType, TypeName
from json2db_sync.databases.table_stores import arrays
from json2db_sync.databases.table_stores.own_csv import MAY_BE_EMPTY, MOMENTS, OwnCsv, Seen, Spelled

_AT_ONCE = 4000
_BLOCK = 1 << 20
"""The most bytes of rows that are spelled together, where there is more than one."""
_ENDS = {TypeName.TIME: "< '24:00:00'"}
_YEARS = ">= '0001-01-01' AND {0} < '10000-01-01'"


class PostgreSQLCsv(OwnCsv):
    """A table's.

    :param found: how a statement names the table, and whether none of its values is large.
    :param by_text: types that are ordered by their texts.
    """

    def __init__(
        self,
        driver: Any,
        table: CatalogTable,
        found: tuple[str, bool],
        order: Sequence[str],
        where: str | None,
        by_text: frozenset[TypeName],
    ) -> None:
        place, self._small = found
        self._driver, self._table = driver, table
        self._from = f"FROM {place}{f' WHERE {where}' if where else ''}"
        by = ", ".join(_ordered(table.column(name), by_text) for name in order)
        self._order = f" ORDER BY {by}" if by else ""

    @property
    def types(self) -> Sequence[ColumnType]:
        return [column.type for column in self._table.columns]

    def spelled(self) -> Iterator[Spelled]:
        fields = ", ".join(map(_field, self._table.columns))
        query = f"COPY (SELECT {fields} {self._from}{self._order}) TO STDOUT (FORMAT csv)"
        with self._driver.cursor() as cursor, cursor.copy(query.encode()) as copy:
            sent = iter(copy)
            if self._small:
                told = 0
                while text := _joined(islice(sent, _AT_ONCE)):
                    # known when the last row was sent
                    rows = _AT_ONCE if cursor.rowcount < 0 else cursor.rowcount - told
                    told += rows
                    yield Spelled(rows, text)
                return
            for large in iter(partial(_some, sent), []):
                yield Spelled(len(large), b"".join(large))

    def seen(self) -> Mapping[str, Seen]:
        """It reads the table once more where the types do not say."""
        asked: dict[str, str] = {}
        key = self._table.primary_key.columns if self._table.primary_key else ()
        for column in self._table.columns:
            if column.type.name in MOMENTS:
                asked[column.name] = f"coalesce(bool_and({_usual(column)}), true)"
            elif column.type.name in MAY_BE_EMPTY and (not column.nullable or column.name in key):
                asked[column.name] = f"coalesce(bool_or({_empty(column)}), false)"
        query = f"SELECT {', '.join(asked.values())} {self._from}".encode()
        found = dict(zip(asked, self._driver.execute(query).fetchone(), strict=True)) if asked else {}
        return {
            one.name: Seen(
                nulls=one.nullable and one.name not in key,
                empty=one.type.name in MAY_BE_EMPTY and found.get(one.name) is not False,
                usual=one.type.name in MOMENTS and found.get(one.name) is True,
            )
            for one in self._table.columns
        }


def _joined(sent: Iterator[bytes]) -> bytes:
    """One at a time: the driver's blocks are twice as slow where many are held."""
    found = BytesIO()
    found.writelines(sent)
    return found.getvalue()


def _some(sent: Iterator[bytes]) -> list[bytes]:
    rows: list[bytes] = []
    size = 0
    for row in sent:
        rows.append(bytes(row))
        size += len(row)
        if size > _BLOCK or len(rows) == _AT_ONCE:
            break
    return rows


def _field(column: CatalogColumn) -> str:
    """SQL of a field as :mod:`json2db_sync.tabular.spelling` says."""
    name, type_ = quoted(column.name), column.type
    if type_.name is TypeName.BOOLEAN:
        return f"{name}::text"
    if type_.name is TypeName.BYTES:
        return f"replace(encode({name}, 'base64'), E'\\n', '')"
    if type_.name is TypeName.FLOAT and type_.bits == 32:
        return f"{name}::text::float8"
    return arrays.as_list(name, type_) if type_.name is TypeName.ARRAY else name


def _ordered(column: CatalogColumn, by_text: frozenset[TypeName]) -> str:
    """NULL is last as it is."""
    return f'({_field(column)})::text COLLATE "C"' if column.type.name in by_text else quoted(column.name)


def _usual(column: CatalogColumn) -> str:
    name = quoted(column.name)
    return f"{name} {_ENDS.get(column.type.name) or _YEARS.format(name)}"


def _empty(column: CatalogColumn) -> str:
    name = quoted(column.name)
    return f"octet_length({name}) = 0" if column.type.name is TypeName.BYTES else f"{name}::text = ''"
