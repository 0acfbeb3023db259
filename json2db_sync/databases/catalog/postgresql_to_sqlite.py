"""Expressions of PostgreSQL in the words of SQLite."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from json2db_sync.databases.catalog.expression_parts import (
    NUMBERS,
    ColumnPair,
    Moment,
    Said,
    Translator,
    Untranslatable,
    boolean,
    cast_name,
    fitting,
)
from json2db_sync.databases.catalog.sqlite_types import column_type
from json2db_sync.databases.catalog.tables import CatalogColumn, literal, quoted
from json2db_sync.databases.catalog.types import TypeName

if TYPE_CHECKING:
    from sqlglot.expressions import Expression

_TWO = "lower(hex(randomblob(2)))"
_VARIANT = f"substr('89ab', (random() & 3) + 1, 1) || substr({_TWO}, 2)"
UUID = (
    f"lower(hex(randomblob(4))) || '-' || {_TWO} || '-4' || substr({_TWO}, 2) || '-' || {_VARIANT}"
    " || '-' || lower(hex(randomblob(6)))"
)
"""A random uuid of version 4."""
_CASTS = {
    **dict.fromkeys(("TEXT", "VARCHAR"), TypeName.TEXT),
    **dict.fromkeys(("INT", "BIGINT", "SMALLINT"), TypeName.INTEGER),
    "DECIMAL": TypeName.NUMERIC,
    "DOUBLE": TypeName.FLOAT,
    "BOOLEAN": TypeName.BOOLEAN,
    "DATE": TypeName.DATE,
    "TIME": TypeName.TIME,
    "TIMESTAMP": TypeName.TIMESTAMP,
    "TIMESTAMPTZ": TypeName.TIMESTAMPTZ,
    "INTERVAL": TypeName.INTERVAL,
    "UUID": TypeName.UUID,
    "JSON": TypeName.JSON,
    "JSONB": TypeName.JSONB,
    "VARBINARY": TypeName.BYTES,
    "USERDEFINED": TypeName.ENUM,
    "ARRAY": TypeName.ARRAY,
}
_INSTANTS = ("now", "transaction_timestamp", "statement_timestamp", "clock_timestamp")
_LAYOUTS = {"moment": "%Y-%m-%d %H:%M:%f", "date": "%Y-%m-%d", "time": "%H:%M:%f"}
_WHATS = {TypeName.TIMESTAMP: "moment", TypeName.DATE: "date", TypeName.TIME: "time"}


def _is_text(column: CatalogColumn) -> bool:
    """Does a column of SQLite keep its numbers as texts, digit by digit?"""
    return column_type(column.type.declared).name is TypeName.TEXT


class ToSQLite(Translator):
    """PostgreSQL says of all that its catalog shows what type it has."""

    dialect = "postgres"
    nodes: Mapping[str, tuple[str, str]] = {
        **Translator.nodes,
        "Any": ("_any", ""),
        "Extract": ("_extract", "this expression"),
        "Floor": ("_floor", "this"),
        "AtTimeZone": ("_at_zone", "this zone"),
        "Uuid": ("_uuid", ""),
    }
    trims: Mapping[str, str] = {"BOTH": "trim", "LEADING": "ltrim", "TRAILING": "rtrim"}

    def find(self, name: str, *, is_quoted: bool) -> Said:
        if not is_quoted and name.upper() == "LOCALTIMESTAMP":
            return self._time(Moment("moment", "local"))
        pair = self.columns.get(name if is_quoted else name.lower())
        if pair is None:
            raise Untranslatable(f"there is no column {name}")
        source, target = pair
        kind, by_bytes, odd = source.type.name, source.collation in ("C", "POSIX"), None
        if kind in NUMBERS and _is_text(target):
            odd = f"the digits of {name} are a text on SQLite"
        elif kind is TypeName.FLOAT and source.type.bits == 32:
            odd = f"{name} is of 32 bits"
        elif source.type.fixed:
            odd = f"the blanks at the end of {name} do not count in PostgreSQL"
        elif source.collation and not by_bytes:
            odd = f"{name} compares by {source.collation} in PostgreSQL"
        return Said(quoted(target.name), kind, wide=True, by_bytes=by_bytes, odd=odd, column=pair)

    def digits(self, text: str) -> Said:
        said = super().digits(text)
        return replace(said, kind=TypeName.NUMERIC) if said.kind is TypeName.FLOAT else said

    def condition(self, said: Said) -> Said:
        if said.kind not in (TypeName.BOOLEAN, None):
            raise Untranslatable(f"{said.sql} is no condition")
        return said

    def alike(self, one: Said, other: Said) -> tuple[Said, Said]:
        for first, second in ((one, other), (other, one)):  # the parser of PostgreSQL types what has no type
            if first.text is not None and first.kind is TypeName.TEXT and second.kind not in (TypeName.TEXT, None):
                made = self.typed(first.text, second.kind)
                return (made, second) if first is one else (second, made)
        kinds = {one.kind, other.kind}
        if len(kinds) > 1 and None not in kinds and not kinds <= {*NUMBERS}:
            raise Untranslatable(f"{one.sql} and {other.sql} are not of one type")
        return one, other

    def in_order(self, said: Said) -> Said:
        if said.kind is TypeName.ENUM or (said.kind is TypeName.TEXT and not said.by_bytes):
            raise Untranslatable(f"{said.sql} has an order in PostgreSQL that is not that of its bytes")
        return said

    def number(self, said: Said) -> Said:
        if said.odd or said.kind not in NUMBERS:
            raise Untranslatable(said.odd or f"{said.sql} is no number")
        return said

    def same(self, *, negated: bool) -> str:
        return "IS NOT" if negated else "IS"

    def typed(self, text: str, kind: TypeName | None) -> Said:
        if kind is TypeName.BOOLEAN:
            words = {"t": "1", "true": "1", "f": "0", "false": "0"}
            if text not in words:
                raise Untranslatable(f"the text {literal(text)} is neither true nor false")
            return Said(words[text], kind, text=text)
        if kind is TypeName.BYTES and re.fullmatch(r"\\x([0-9a-f]{2})*", text):
            return Said(f"x'{text[2:]}'", kind, text=text)
        if kind is TypeName.ARRAY and text == "{}":
            return Said("'[]'", kind, text="[]")
        if kind in (TypeName.BYTES, TypeName.ARRAY, TypeName.OTHER, TypeName.ANY, TypeName.TIMETZ, None):
            raise Untranslatable(f"{literal(text)} of type {kind} has no equal")
        shown = fitting(text, kind)
        if kind in NUMBERS:
            return Said(shown, kind, atom=not shown.startswith("-"), text=shown)
        if kind is TypeName.TIMESTAMPTZ:
            if not shown.endswith("+00"):
                raise Untranslatable(f"{literal(text)} is not in UTC")
            shown = f"{shown}:00"
        return Said(literal(shown), kind, text=shown)

    def assigned(self, said: Said, column: ColumnPair) -> Said:
        kind = column[0].type.name
        if said.moment is not None:
            return self._moment(said.moment, kind)
        if said.odd:
            raise Untranslatable(said.odd)
        if said.text is not None and said.kind in (*NUMBERS, TypeName.TEXT):
            if kind in NUMBERS and _is_text(column[1]):
                return self.typed(said.text, TypeName.TEXT)
            if kind is not said.kind and kind not in NUMBERS:
                return self.typed(said.text, kind)
        if said.kind in (kind, None) or (said.kind in NUMBERS and kind in NUMBERS and kind is not TypeName.INTEGER):
            if said.kind in NUMBERS and said.text is None and _is_text(column[1]):
                raise Untranslatable("the column's digits are a text on SQLite")
            return said
        if said.text is not None and said.kind in NUMBERS and kind in NUMBERS:
            return self.typed(said.text, kind)
        raise Untranslatable(f"{said.sql} is no {kind}")

    def _moment(self, moment: Moment, kind: TypeName) -> Said:
        """The time of now as a column keeps it."""
        if moment.what == "epoch" and kind is TypeName.INTEGER:
            return Said("CAST(strftime('%s', 'now') AS INTEGER)", kind)
        if kind is TypeName.TIMESTAMPTZ and moment == Moment("moment", "instant"):
            return Said("strftime('%Y-%m-%d %H:%M:%f+00:00', 'now')", kind)
        if kind in _WHATS and moment.zone in ("utc", "local", "instant") and moment.what == _WHATS[kind]:
            local = "" if moment.zone == "utc" else ", 'localtime'"
            return Said(f"strftime('{_LAYOUTS[moment.what]}', 'now'{local})", kind)
        raise Untranslatable(f"the time of now in this form is no {kind}")

    def lettered(self, name: str, said: Said) -> Said:
        if not said.by_bytes:
            raise Untranslatable(f"{name} of letters beyond ASCII is not SQLite's")
        return Said(f"{name}({said.sql})", TypeName.TEXT, by_bytes=True)

    def _time(self, moment: Moment) -> Said:
        return Said("the time of now", TypeName.OTHER, moment=moment)

    def _cast(self, node: Expression) -> Said:
        kind, of = _CASTS.get(cast_name(node)), node.this
        if type(of).__name__ == "Array" or kind is None:
            raise self.refusal(node)
        said = self.said(of)
        sized = bool(node.args["to"].expressions) and kind is not TypeName.ARRAY
        if said.moment is not None:
            return self._time(self._moment_as(said.moment, kind, node))
        if said.text is not None and said.kind in (TypeName.TEXT, *NUMBERS):
            if sized and (kind is not TypeName.TEXT or len(said.text) > int(node.args["to"].expressions[0].name)):
                raise self.refusal(node)
            return self.typed(said.text, kind)
        if said.kind is kind is TypeName.TEXT and not sized:
            return replace(said, column=None)
        if said.kind is None or (said.kind is kind and not sized):
            return said
        if said.odd or sized:
            raise Untranslatable(said.odd or f"{node.sql(self.dialect)} may cut")
        if kind is TypeName.TEXT and said.kind in (TypeName.ENUM, TypeName.UUID):
            return replace(said, kind=kind)
        if kind is TypeName.TEXT and said.kind is TypeName.INTEGER:
            return Said(f"CAST({said.sql} AS TEXT)", kind, by_bytes=True)
        if kind in (TypeName.INTEGER, TypeName.NUMERIC) and said.kind in (TypeName.INTEGER, TypeName.BOOLEAN):
            return replace(said, kind=TypeName.INTEGER, column=None)
        if kind is TypeName.FLOAT and said.kind in NUMBERS:
            return Said(f"CAST({said.sql} AS REAL)", kind, wide=True)
        raise self.refusal(node)

    def _moment_as(self, moment: Moment, kind: TypeName, node: Expression) -> Moment:
        if moment.what == "epoch" and kind is TypeName.INTEGER:
            return moment
        zone = "local" if moment.zone == "instant" else moment.zone
        if moment.what == "moment" and kind in _WHATS:
            return Moment(_WHATS[kind], zone)
        if moment.zone == "instant" and kind is TypeName.TIMESTAMPTZ:
            return moment
        raise self.refusal(node)

    def _comparison(self, node: Expression) -> Said:
        other, name = node.expression, type(node).__name__
        called = other.name if type(other).__name__ == "Anonymous" else ""
        inner = (
            other.this if type(other).__name__ == "Any" else other.expressions[0] if called.upper() == "ALL" else None
        )
        if inner is None:
            return super()._comparison(node)
        while type(inner).__name__ in ("Paren", "Cast"):
            inner = inner.this
        if type(inner).__name__ != "Array" or (name, type(other).__name__) not in (("EQ", "Any"), ("NEQ", "Anonymous")):
            raise self.refusal(node)
        made = self.among(self.plain(node.this), [self.plain(one) for one in inner.expressions])
        return made if name == "EQ" else self.negated(made)

    def _pattern(self, node: Expression) -> Said:
        said, pattern, name = self._text(node.this), self.plain(node.expression).text, type(node).__name__
        if pattern is None or pattern.endswith("\\") or (name == "ILike" and not said.by_bytes):
            raise self.refusal(node)
        pieces = re.findall(r"\\.|.", pattern, re.DOTALL)
        if name == "ILike":
            if any(piece in ("\\%", "\\_") for piece in pieces):
                raise self.refusal(node)
            return boolean(f"{said} LIKE {literal(''.join(piece[-1] for piece in pieces))}")
        made = ({"%": "*", "_": "?"}.get(one) or re.sub(r"[*?\[]", r"[\g<0>]", one[-1]) for one in pieces)
        return boolean(f"{said} GLOB {literal(''.join(made))}")

    def _collate(self, node: Expression) -> Said:
        if node.expression.name not in ("C", "POSIX"):
            raise self.refusal(node)
        said = self.said(node.this)
        return replace(said, by_bytes=True, odd=None if said.kind is TypeName.TEXT else said.odd)

    def _now(self, node: Expression) -> Said:
        name = type(node).__name__
        if name == "CurrentTime":
            raise self.refusal(node)
        zones = {"CurrentTimestamp": "instant", "CurrentDate": "local", "Localtimestamp": "local"}
        return self._time(Moment("date" if name == "CurrentDate" else "moment", zones[name]))

    def _at_zone(self, node: Expression) -> Said:
        return self._zoned(self.said(node.this), self.said(node.args["zone"]))

    def _zoned(self, said: Said, zone: Said) -> Said:
        if said.moment != Moment("moment", "instant") or (zone.text or "").upper() != "UTC":
            raise Untranslatable("only the time of now in UTC is the same on both sides")
        return self._time(Moment("moment", "utc"))

    def _extract(self, node: Expression) -> Said:
        field, said = node.this, self.said(node.expression)
        while type(field).__name__ == "Cast":
            field = field.this
        if field.name.upper() != "EPOCH" or said.moment != Moment("moment", "instant"):
            raise self.refusal(node)
        return self._time(Moment("epoch"))

    def _floor(self, node: Expression) -> Said:
        said = self.said(node.this)
        if said.moment != Moment("epoch"):
            raise self.refusal(node)
        return said

    def _uuid(self, _node: Expression) -> Said:
        return Said(UUID, TypeName.UUID, atom=False)

    def _any(self, node: Expression) -> Said:
        raise self.refusal(node)

    def _function(self, node: Expression) -> Said:
        name, given = node.name.lower(), node.expressions
        if name in _INSTANTS and not given:
            return self._time(Moment("moment", "instant"))
        if name == "timezone" and len(given) == 2:
            return self._zoned(self.said(given[1]), self.said(given[0]))
        if name in ("char_length", "character_length", "btrim") and len(given) == 1:
            said = self._text(given[0])
            if name == "btrim":
                return Said(f"trim({said.sql})", TypeName.TEXT, by_bytes=said.by_bytes)
            return Said(f"length({said.sql})", TypeName.INTEGER)
        if name == "uuid_generate_v4":
            return self._uuid(node)
        if name == "nextval":
            raise Untranslatable("it gives out numbers: an identity, not a default")
        raise self.refusal(node)
