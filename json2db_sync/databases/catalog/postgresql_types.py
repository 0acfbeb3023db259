"""PostgreSQL's types in the words of every database: base types, domains, enums and arrays."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import sqlalchemy as sa

from json2db_sync.databases.catalog.tables import Check, Domain, Enum
from json2db_sync.databases.catalog.types import ColumnType, TypeName

_NAMES = {
    **dict.fromkeys(("int2", "int4", "int8"), TypeName.INTEGER),
    **dict.fromkeys(("float4", "float8"), TypeName.FLOAT),
    **dict.fromkeys(("text", "varchar", "bpchar"), TypeName.TEXT),
    "bool": TypeName.BOOLEAN,
    "bytea": TypeName.BYTES,
}
_NAMES |= {
    name.value: name
    for name in TypeName
    if name not in (TypeName.TEXT, TypeName.BYTES, TypeName.ENUM, TypeName.ARRAY, TypeName.ANY, TypeName.OTHER)
}
_BITS = {"int2": 16, "int4": 32, "int8": 64, "float4": 32, "float8": 64}
_WHOLE_INTERVAL = 0xFFFF
"""In place of an interval's digits: as many as there are."""

# What the columns are of and the schema has, with the types that those are made of.
_TYPES = """
    WITH RECURSIVE used (oid) AS (
        SELECT atttypid FROM pg_attribute
        WHERE attrelid = ANY (CAST(:oids AS oid[])) AND attnum > 0 AND NOT attisdropped
        UNION SELECT oid FROM pg_type AS t WHERE typnamespace = CAST(:schema AS oid) AND typtype IN ('d', 'e')
            AND NOT EXISTS (SELECT 1 FROM pg_depend AS d
                WHERE d.classid = 'pg_type'::regclass AND d.objid = t.oid AND d.deptype = 'e')
        UNION SELECT made.oid FROM used JOIN pg_type AS t ON t.oid = used.oid,
            unnest(ARRAY[t.typbasetype, t.typelem]) AS made (oid) WHERE made.oid <> 0
    )
    SELECT t.oid, n.nspname::text, t.typname::text, t.typtype::text, t.typbasetype, t.typtypmod, t.typndims,
        CASE WHEN t.typbasetype <> 0 THEN format_type(t.typbasetype, t.typtypmod) END,
        CASE WHEN e.typarray = t.oid THEN e.oid END, t.typnotnull, pg_get_expr(t.typdefaultbin, 0),
        obj_description(t.oid, 'pg_type'),
        ARRAY(SELECT enumlabel::text FROM pg_enum WHERE enumtypid = t.oid ORDER BY enumsortorder),
        ARRAY(SELECT conname::text FROM pg_constraint WHERE contypid = t.oid AND contype = 'c' ORDER BY oid),
        ARRAY(SELECT pg_get_expr(conbin, 0) FROM pg_constraint WHERE contypid = t.oid AND contype = 'c' ORDER BY oid),
        EXISTS (SELECT 1 FROM pg_depend AS d
            WHERE d.classid = 'pg_type'::regclass AND d.objid = t.oid AND d.deptype = 'e')
    FROM used JOIN pg_type AS t ON t.oid = used.oid JOIN pg_namespace AS n ON n.oid = t.typnamespace
        LEFT JOIN pg_type AS e ON e.oid = t.typelem
    ORDER BY t.oid
"""


class _Type(NamedTuple):
    oid: int
    schema: str
    name: str
    sort: str
    base: int
    base_modifier: int
    base_dimensions: int
    base_declared: str
    element: int | None
    required: bool
    default: str | None
    comment: str | None
    labels: Sequence[str]
    check_names: Sequence[str]
    checks: Sequence[str]
    of_extension: bool


class Types:
    """The types of some relations' columns, and those of a schema.

    :param usual: the schema whose types are named without it.
    """

    def __init__(self, connection: sa.Connection, oids: Sequence[int], schema: int, usual: str | None) -> None:
        rows = connection.execute(sa.text(_TYPES), {"oids": list(oids), "schema": schema})
        self._types: Mapping[int, _Type] = {row[0]: _Type(*row) for row in rows}
        self._usual = usual

    def of(self, oid: int, modifier: int, declared: str, dimensions: int = 0) -> ColumnType:
        """The type of a column.

        :param declared: as format_type spells it.
        :param dimensions: as they were declared; PostgreSQL remembers them and holds nothing to them.
        """
        found = self._types[oid]
        if found.sort == "d":
            base = self.of(found.base, found.base_modifier, found.base_declared, found.base_dimensions)
            return ColumnType(**{**vars(base), "declared": declared, "domain": found.name})
        if found.sort == "e":
            return ColumnType(TypeName.ENUM, declared, labels=tuple(found.labels))
        if found.element is not None:
            element = self.of(found.element, modifier, declared.removesuffix("[]"))
            return ColumnType(TypeName.ARRAY, declared + "[]" * (dimensions - 1), element=element)
        name = _NAMES.get(found.name, TypeName.OTHER) if found.schema == "pg_catalog" else TypeName.OTHER
        return _base(name, found.name, modifier, declared)

    def enums(self) -> tuple[Enum, ...]:
        """Those of the schema, and those of others that columns use; what an extension brought is not among them."""
        return tuple(
            Enum(self._schema(one), one.name, tuple(one.labels), one.comment) for one in self._made("e")
        )  # fmt: skip

    def domains(self) -> tuple[Domain, ...]:
        """As :meth:`enums`; what others are made of comes first."""
        made = sorted(self._made("d"), key=lambda one: (self._depth(one), one.oid))
        return tuple(self._domain(one) for one in made)

    def _made(self, sort: str) -> Iterable[_Type]:
        return [
            one
            for one in self._types.values()
            if one.sort == sort and not one.of_extension and one.schema not in ("pg_catalog", "information_schema")
        ]

    def _depth(self, one: _Type) -> int:
        below = self._types[one.base].element or one.base
        return 1 + self._depth(self._types[below]) if self._types[below].sort == "d" else 0

    def _domain(self, one: _Type) -> Domain:
        return Domain(
            self._schema(one),
            one.name,
            self.of(one.base, one.base_modifier, one.base_declared, one.base_dimensions),
            nullable=not one.required,
            default=one.default,
            checks=tuple(map(Check, one.check_names, one.checks)),
            comment=one.comment,
        )

    def _schema(self, one: _Type) -> str | None:
        return None if one.schema == self._usual else one.schema


def _base(name: TypeName, internal: str, modifier: int, declared: str) -> ColumnType:
    """A base type with what its modifier says.

    The forms are those of numerictypmodin, anychar_typmodin, intervaltypmodin of PostgreSQL's source.
    """
    length = precision = scale = None
    if name is TypeName.NUMERIC and modifier >= 0:
        precision = (modifier - 4 >> 16) & 0xFFFF
        scale = ((modifier - 4 & 0x7FF) ^ 1024) - 1024  # negative ones are there since version 15
    elif name is TypeName.TEXT and modifier >= 0:
        length = modifier - 4
    elif name is TypeName.INTERVAL:
        digits = modifier & _WHOLE_INTERVAL
        length = None if modifier < 0 or digits == _WHOLE_INTERVAL else digits
    elif name in (TypeName.TIME, TypeName.TIMETZ, TypeName.TIMESTAMP, TypeName.TIMESTAMPTZ) and modifier >= 0:
        length = modifier
    bits, fixed = _BITS.get(internal), internal == "bpchar"
    return ColumnType(name, declared, bits=bits, length=length, fixed=fixed, precision=precision, scale=scale)
