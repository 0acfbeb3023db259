"""A catalog that a stranger wrote: is it one that a database could have, and which of its SQL is harmless?"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import replace

from json2db_sync.databases.catalog.harmless import is_type, why_harmful
from json2db_sync.databases.catalog.sqlite import folded
from json2db_sync.databases.catalog.tables import (
    Catalog,
    CatalogColumn,
    CatalogTable,
    Domain,
    Enum,
    ForeignKey,
    Index,
    Sequence,
    Unsaid,
)
from json2db_sync.databases.catalog.types import ColumnType, TypeName

KINDS = ("sqlite", "postgresql")
_ACTIONS = ("NO ACTION", "RESTRICT", "CASCADE", "SET NULL", "SET DEFAULT")
_OPTIONS = ("STRICT", "WITHOUT ROWID")
_LARGEST = 2**63
_NESTED = 20
"""Arrays and domains within each other."""


class Unsound(ValueError):
    """No database has such a catalog."""


def require_sound(catalog: Catalog) -> None:
    """Names, types, keys and words of statements are such as a database has.

    :raises Unsound: where they are not.
    """
    if catalog.database not in KINDS:
        raise Unsound(f"there is no kind of database {catalog.database}")
    _require_apart((_folded(one, catalog.database) for one in catalog.tables), "two tables have one name")
    for table in catalog.tables:
        require_sound_table(table, catalog.database)
    require_sound_types(catalog.enums, catalog.domains, catalog.sequences, catalog.database)


def require_sound_types(
    enums: Collection[Enum], domains: Collection[Domain], sequences: Collection[Sequence], database: str
) -> None:
    """The same of what tables are made of."""
    for schema, name in ((one.schema, one.name) for each in (enums, domains, sequences) for one in each):
        _require_names(schema or "x", name)
    for domain in domains:
        require_sound_type(domain.type, database, domain.name)
    for sequence in sequences:
        _require_number(sequence.next_value, sequence.increment or _LARGEST)


def require_sound_table(table: CatalogTable, database: str) -> None:
    """The same of a table."""
    names = [one.name for one in table.columns]
    _require_names(table.name, table.schema or "x", *names)
    _require_apart(names, f"two columns of {table.name} have one name")
    for column in table.columns:
        require_sound_type(column.type, database, f"{table.name}.{column.name}")
        if column.identity is not None:
            _require_number(column.identity.next_value or 1, column.identity.increment or _LARGEST)
    for key in (table.primary_key, *table.uniques):
        if key is not None and (not key.columns or not {*key.columns} <= {*names}):
            raise Unsound(f"a key of {table.name} is of columns that it does not have")
    for foreign in table.foreign_keys:
        _require_key(foreign, table, names)
    for index in table.indexes:
        of = {*filter(None, index.columns), *index.include}
        if len(index.parts) != len(index.columns) or not index.parts or not of <= {*names}:
            raise Unsound(f"the index {index.name} is of columns that {table.name} does not have")
    if not {*table.options} <= {*_OPTIONS}:
        raise Unsound(f"{table.name} has the options {', '.join(table.options)[:50]}, which there are not")


def _folded(table: CatalogTable, database: str) -> tuple[str | None, str]:
    return table.schema, folded(table.name) if database == "sqlite" else table.name


def _require_apart(some: Iterator[object] | list[str], why: str) -> None:
    found = [*some]
    if len({*found}) < len(found):
        raise Unsound(why)


def _require_names(*names: str) -> None:
    for name in names:
        if not name or "\0" in name or not _is_unicode(name):
            raise Unsound(f"{name[:50]!r} is no name")


def _is_unicode(text: str) -> bool:
    return not re.search("[\ud800-\udfff]", text)


def _require_number(*numbers: int) -> None:
    if not all(-_LARGEST <= one < _LARGEST for one in numbers):
        raise Unsound("a sequence has a number that is none of its own")


def _require_key(key: ForeignKey, table: CatalogTable, names: Collection[str]) -> None:
    is_paired = not key.referred or len(key.referred) == len(key.columns)
    if not key.columns or not {*key.columns} <= {*names} or not is_paired:
        raise Unsound(f"a foreign key of {table.name} is of columns that it does not have")
    if not {key.on_delete, key.on_update} <= {*_ACTIONS}:
        raise Unsound(f"a foreign key of {table.name} does {key.on_delete[:50]}, {key.on_update[:50]}")


def require_sound_type(type_: ColumnType, database: str, of: str) -> None:
    """The same of a type.

    :param of: what is of it.
    """
    one: ColumnType | None = type_
    for _level in range(_NESTED):
        if one is None:
            return
        if not is_type(one.declared, database):
            raise Unsound(f"{of} is of {one.declared[:50]!r}, which is no type")
        if (one.name is TypeName.ARRAY) != (one.element is not None):
            raise Unsound(f"{of} is of {one.declared[:50]}, and it is not told what that has")
        one = one.element
    raise Unsound(f"{of} is of too many arrays in each other")


# SQL


def only_harmless(catalog: Catalog) -> Catalog:
    """The same without the SQL that is not to be taken from a stranger, which is told as what the catalog lacks.

    Rows are the same with it and without it. The statements of views go without a word: no view is made of them.

    :raises Unsound: for a generated column, whose values are nowhere.
    """
    vetting = Vetting(catalog.database)
    tables, domains = tuple(map(vetting.table, catalog.tables)), tuple(map(vetting.domain, catalog.domains))
    return replace(catalog, tables=tables, domains=domains, unsaid=(*catalog.unsaid, *vetting.left))


class Vetting:
    """Leaves SQL out of the tables and domains of a kind of database."""

    def __init__(self, database: str) -> None:
        self._database = database
        self.left: list[Unsaid] = []

    def domain(self, domain: Domain) -> Domain:
        """What is harmless of a domain."""
        default = domain.default
        if default is not None and not self._takes("default", None, domain.name, default):
            default = None
        checks = [one for one in domain.checks if self._takes("check", None, one.name or domain.name, one.expression)]
        return replace(domain, checks=tuple(checks), default=default)

    def table(self, table: CatalogTable) -> CatalogTable:
        """What is harmless of a table."""
        checks = [one for one in table.checks if self._takes("check", table, one.name or "check", one.expression)]
        return replace(
            table,
            columns=tuple(self._column(table, one) for one in table.columns),
            checks=tuple(checks),
            indexes=tuple(replace(one, definition="") for one in table.indexes if self._index(table, one)),
            definition=None,
        )

    def _column(self, table: CatalogTable, column: CatalogColumn) -> CatalogColumn:
        if column.generated is not None and not self._takes("generated", table, column.name, column.generated):
            raise Unsound(f"{table.name}.{column.name} is generated: {self.left[-1].why}")
        if column.default is not None and not self._takes("default", table, column.name, column.default):
            return replace(column, default=None)
        return column

    def _index(self, table: CatalogTable, index: Index) -> bool:
        if not re.fullmatch(r"[a-z]\w{0,30}", index.method):
            return self._takes("index", table, index.name, f"USING {index.method};")
        parts = all(self._takes("index", table, index.name, part, is_part=True) for part in index.parts)
        return parts and (not index.where or self._takes("index", table, index.name, index.where))

    def _takes(self, what: str, table: CatalogTable | None, name: str, sql: str, *, is_part: bool = False) -> bool:
        columns = [one.name for one in table.columns] if table else []
        why = why_harmful(sql, self._database, columns, part=is_part)
        if why is not None:
            self.left.append(Unsaid(what, name, table.name if table else None, f"{sql[:200]}: {why}"))
        return why is None
