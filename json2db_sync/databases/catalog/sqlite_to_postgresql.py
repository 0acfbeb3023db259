"""Expressions of SQLite in the words of PostgreSQL."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
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
from json2db_sync.databases.catalog.sqlite import folded
from json2db_sync.databases.catalog.sqlite_statements import spelled, tokens
from json2db_sync.databases.catalog.tables import literal, quoted
from json2db_sync.databases.catalog.types import TypeName

if TYPE_CHECKING:
    from sqlglot.expressions import Expression

_UTC = "timezone('utc', now())"
_FULL = r"%Y-%m-%d[ T]%H:%M(:%S|:%f)?(Z|\+00:00)?"
_LAYOUTS = {"%Y": "YYYY", "%m": "MM", "%d": "DD", "%H": "HH24", "%M": "MI", "%S": "SS", "%f": "SS.MS", "%j": "DDD"}
_NOW = {
    "CurrentTimestamp": ("moment", "%Y-%m-%d %H:%M:%S"),
    "DATETIME": ("moment", "%Y-%m-%d %H:%M:%S"),
    "CurrentDate": ("date", "%Y-%m-%d"),
    "DATE": ("date", "%Y-%m-%d"),
    "CurrentTime": ("time", "%H:%M:%S"),
    "TIME": ("time", "%H:%M:%S"),
}
_AS_COLUMN = {
    ("moment", TypeName.TIMESTAMP): _UTC,
    ("moment", TypeName.TIMESTAMPTZ): "now()",
    ("date", TypeName.TIMESTAMP): f"date_trunc('day', {_UTC})",
    ("date", TypeName.TIMESTAMPTZ): f"timezone('utc', date_trunc('day', {_UTC}))",
    ("date", TypeName.DATE): f"CAST({_UTC} AS date)",
    ("time", TypeName.TIME): f"CAST({_UTC} AS time)",
}
_CASTS = {name: str(name) for name in (TypeName.DATE, TypeName.TIME, TypeName.TIMESTAMP, TypeName.TIMESTAMPTZ,
                                       TypeName.UUID, TypeName.JSON, TypeName.JSONB)}  # fmt: skip
_CASTS[TypeName.BYTES] = "bytea"
_AS_THEY_ARE = (TypeName.ANY, TypeName.BYTES)
"""Declared types that make nothing else of a text."""
_WHOLE_DOUBLES = 2**53


def _require_exact(one: Said, other: Said) -> None:
    """SQLite compares whole numbers with doubles exactly; PostgreSQL makes doubles of them first."""
    if other.kind is not TypeName.FLOAT or other.text or one.kind not in (TypeName.INTEGER, TypeName.NUMERIC):
        return
    if abs(float(one.text)) >= _WHOLE_DOUBLES if one.text else one.wide or one.kind is TypeName.NUMERIC:
        raise Untranslatable(f"{one.sql} and {other.sql} are compared as doubles in PostgreSQL, exactly in SQLite")


class ToPostgreSQL(Translator):
    """SQLite computes with 64 bits, compares texts byte by byte, and takes numbers for conditions."""

    dialect = "sqlite"
    nodes: Mapping[str, tuple[str, str]] = {
        **Translator.nodes,
        "If": ("_if", "this true false"),
        "TimeToStr": ("_strftime", "this format"),
        "Date": ("_now", "this"),
        "Typeof": ("_typeof", "this"),
    }
    trims: Mapping[str, str] = {"BOTH": "btrim", "LEADING": "ltrim", "TRAILING": "rtrim"}

    def __init__(self, columns: Mapping[str, ColumnPair]) -> None:
        super().__init__({folded(name): pair for name, pair in columns.items()})

    def translated(self, expression: str) -> Said:
        found = tokens(expression)  # hexadecimal numbers are blobs to some versions of the parser
        return super().translated(
            spelled(replace(one, text=str(int(one.text, 0))) if one.text[:2] in ("0x", "0X") else one for one in found)
        )

    def find(self, name: str, *, is_quoted: bool) -> Said:
        pair = self.columns.get(folded(name))
        if pair is None:
            if is_quoted:  # SQLite takes it for a text then
                return Said(literal(name), TypeName.TEXT, text=name)
            raise Untranslatable(f"there is no column {name}")
        source, target = pair
        collation = source.collation
        odd = f"{name} compares by {collation} in SQLite" if collation else None
        return Said(quoted(target.name), target.type.name, wide=target.type.bits == 64, odd=odd, column=pair)

    def condition(self, said: Said) -> Said:
        if said.kind is TypeName.BOOLEAN:
            return said
        if said.kind in NUMBERS:
            return boolean(f"{said} <> 0")
        if said.kind is None:
            return Said("CAST(NULL AS boolean)", TypeName.BOOLEAN)
        raise Untranslatable(f"a value of type {said.kind} is no condition")

    def alike(self, one: Said, other: Said) -> tuple[Said, Said]:
        kinds = {one.kind, other.kind}
        if len(kinds) == 1 or None in kinds or kinds <= {*NUMBERS}:
            _require_exact(one, other)
            _require_exact(other, one)
            return one, other
        for first, second in ((one, other), (other, one)):
            made = self._like(first, second)
            if made is not None:
                return (made, second) if first is one else (second, made)
        if kinds <= {*NUMBERS, TypeName.BOOLEAN}:
            return self.number(one), self.number(other)
        raise Untranslatable(f"{one.sql} and {other.sql} are not of one type")

    def _like(self, said: Said, other: Said) -> Said | None:
        """A literal as the column compared with takes it."""
        if said.text is None:
            return None
        if other.kind is TypeName.BOOLEAN and said.text in ("0", "1"):
            return self.typed(said.text, TypeName.BOOLEAN)
        if other.column is None:
            return None
        if said.kind is TypeName.TEXT and other.column[0].type.name not in (*_AS_THEY_ARE, TypeName.TEXT):
            return self.typed(said.text, other.kind)
        if said.kind is TypeName.INTEGER and other.kind is other.column[0].type.name is TypeName.TEXT:
            return Said(literal(said.text), TypeName.TEXT, text=said.text)
        return None

    def in_order(self, said: Said) -> Said:
        return replace(said, sql=f'{said} COLLATE "C"', atom=False) if said.kind is TypeName.TEXT else said

    def number(self, said: Said) -> Said:
        if said.odd or said.kind not in (*NUMBERS, TypeName.BOOLEAN):
            raise Untranslatable(said.odd or f"{said.sql} is no number")
        if said.kind is TypeName.BOOLEAN:
            said = Said(f"CAST({said.sql} AS integer)", TypeName.INTEGER)
        if said.wide or said.kind is TypeName.NUMERIC:
            return said
        name = "bigint" if said.kind is TypeName.INTEGER else "double precision"
        return replace(said, sql=f"CAST({said.sql} AS {name})", atom=True, wide=True)

    def divisor(self, said: Said) -> Said:
        return replace(said, sql=f"NULLIF({said.sql}, 0)", atom=True)

    def same(self, *, negated: bool) -> str:
        return "IS DISTINCT FROM" if negated else "IS NOT DISTINCT FROM"

    def united(self, some: Sequence[Said]) -> Sequence[Said]:
        kinds = {said.kind for said in some}
        if TypeName.BOOLEAN in kinds and kinds & {*NUMBERS}:
            some = [self.number(said) if said.kind is TypeName.BOOLEAN else said for said in some]
        return super().united(some)

    def typed(self, text: str, kind: TypeName | None) -> Said:
        if kind is TypeName.BOOLEAN:
            words = {"t": "true", "1": "true", "f": "false", "0": "false"}
            if text not in words:
                raise Untranslatable(f"the text {literal(text)} is neither 0 nor 1")
            return Said(words[text], kind, text=text)
        if kind in (*NUMBERS, TypeName.TEXT, *_CASTS):
            shown = fitting(text, kind)
            sql = shown if kind in NUMBERS else literal(shown)
            return Said(f"CAST({sql} AS {_CASTS[kind]})" if kind in _CASTS else sql, kind, text=text)
        raise Untranslatable(f"{literal(text)} is no {kind}")

    def assigned(self, said: Said, column: ColumnPair) -> Said:
        kind, declared = column[1].type.name, column[0].type.name
        if said.odd:
            raise Untranslatable(said.odd)
        if said.moment is not None:
            return self._moment(said, kind)
        length = column[1].type.length
        if said.text and kind is TypeName.TEXT and length and len(said.text) > length:
            raise Untranslatable(f"{said.sql} has more than {length} characters")
        if said.kind in (kind, None) or ({said.kind, kind} <= {*NUMBERS} and kind is not TypeName.INTEGER):
            return said
        if said.text is not None and said.kind is TypeName.TEXT and declared not in _AS_THEY_ARE:
            return self.typed(said.text, kind)
        if said.text in ("0", "1") and kind is TypeName.BOOLEAN:
            return self.typed(said.text, kind)
        if said.kind in (TypeName.INTEGER, TypeName.BOOLEAN) and kind in NUMBERS:
            return self.number(said)
        if said.kind is TypeName.INTEGER and kind is declared is TypeName.TEXT:
            return Said(literal(said.text), kind) if said.text else Said(f"CAST({said.sql} AS text)", kind)
        raise Untranslatable(f"{said.sql} is no {kind}")

    def _moment(self, said: Said, kind: TypeName) -> Said:
        moment = said.moment
        assert moment is not None
        if kind is TypeName.TEXT:
            return Said(f"CAST({said.sql} AS text)" if moment.what == "epoch" else said.sql, kind)
        if moment.what == "epoch" and kind in NUMBERS:
            return said
        full = moment.what != "moment" or re.fullmatch(_FULL, moment.layout)
        if (sql := _AS_COLUMN.get((moment.what, kind))) and full:
            return Said(sql, kind)
        raise Untranslatable(f"the time of now in this form is no {kind}")

    def lettered(self, name: str, said: Said) -> Said:
        return Said(f'{name}({said} COLLATE "C")', TypeName.TEXT)  # of ASCII alone, as SQLite does it

    def _if(self, node: Expression) -> Said:
        words = [self.plain(one) for one in (node.args["true"], node.args.get("false")) if one is not None]
        made = self.united(words)
        other = f" ELSE {made[1].sql}" if len(made) > 1 else ""
        kind = next(one.kind for one in made if one.kind is not None)
        return Said(f"CASE WHEN {self.condition(self.said(node.this)).sql} THEN {made[0].sql}{other} END", kind)

    def _cast(self, node: Expression) -> Said:
        said, name = self.plain(node.this), cast_name(node)
        if said.moment is not None and said.moment.what == "epoch" and name in ("INT", "BIGINT"):
            return said
        if name == "TEXT" and said.kind in (TypeName.TEXT, TypeName.INTEGER, TypeName.BOOLEAN) and said.moment is None:
            said = said if said.kind is TypeName.TEXT else self.number(said)
            return Said(f"CAST({said.sql} AS text)", TypeName.TEXT)
        if name in ("INT", "BIGINT", "DECIMAL") and said.kind in (TypeName.INTEGER, TypeName.BOOLEAN):
            return self.number(said)
        if name in ("FLOAT", "DOUBLE") and said.kind in (TypeName.INTEGER, TypeName.FLOAT):
            return Said(f"CAST({said.sql} AS double precision)", TypeName.FLOAT, wide=True)
        raise self.refusal(node)

    def _pattern(self, node: Expression) -> Said:
        said, pattern = self._text(node.this), self.said(node.expression).text
        if pattern is None or type(node).__name__ == "ILike":
            raise self.refusal(node)
        if type(node).__name__ == "Like":  # letters of ASCII match in either case, and nothing escapes
            pattern = pattern.replace("\\", "\\\\")
            return boolean(f'{said} COLLATE "C" ILIKE {literal(pattern)}')
        if "[" in pattern:
            raise Untranslatable("GLOB with [ ] has no equal")
        pattern = re.sub(r"[%_\\]", r"\\\g<0>", pattern).replace("*", "%").replace("?", "_")
        return boolean(f"{said} LIKE {literal(pattern)}")

    def _collate(self, node: Expression) -> Said:
        if node.expression.name.upper() != "BINARY":
            raise self.refusal(node)
        return replace(self.said(node.this), odd=None)

    def _now(self, node: Expression) -> Said:
        given = node.this.name if node.this is not None else "now"
        return self._at(type(node).__name__.replace("Date", "CurrentDate", type(node).__name__ == "Date"), [given])

    def _at(self, name: str, given: Sequence[str]) -> Said:
        if [one.lower() for one in given] != ["now"]:
            raise Untranslatable("only the time of now in UTC is the same on both sides")
        what, layout = _NOW[name]
        return self._told(Moment(what, layout=layout))

    def _told(self, moment: Moment) -> Said:
        """As the text that SQLite makes of it."""
        parts = re.split(r"(%.)", moment.layout)
        if any(part.startswith("%") and part not in _LAYOUTS for part in parts):
            raise Untranslatable(f"strftime {moment.layout} has no equal")
        layout = "".join(_LAYOUTS.get(part) or re.sub(r'[A-Za-z"\\]+', r'"\g<0>"', part) for part in parts)
        return Said(f"to_char({_UTC}, {literal(layout)})", TypeName.TEXT, moment=moment)

    def _strftime(self, node: Expression) -> Said:
        of, layout = node.this, node.args["format"]
        if type(of).__name__ != "TsOrDsToTimestamp" or of.this.name.lower() != "now" or not layout.is_string:
            raise self.refusal(node)
        return self._epoch() if layout.name == "%s" else self._told(Moment("moment", layout=layout.name))

    def _epoch(self) -> Said:
        sql = "CAST(floor(EXTRACT(epoch FROM now())) AS bigint)"
        return Said(sql, TypeName.INTEGER, wide=True, moment=Moment("epoch"))

    def _typeof(self, node: Expression) -> Said:
        return self._class_of(node.this)

    def _class_of(self, node: Expression) -> Said:
        """The storage class: a column has one where it holds nothing else, or the transfer is refused."""
        said = self.said(node)
        classes = {TypeName.INTEGER: "integer", TypeName.TEXT: "text", TypeName.FLOAT: "real", TypeName.BYTES: "blob"}
        if said.column is None or said.column[0].type.name is not said.kind or said.kind not in classes:
            raise Untranslatable("typeof has no equal")
        return Said(f"CASE WHEN {said} IS NULL THEN 'null' ELSE '{classes[said.kind]}' END", TypeName.TEXT)

    def _function(self, node: Expression) -> Said:
        name, given = node.name.upper(), node.expressions
        if name in _NOW:
            return self._at(name, [one.name for one in given])
        if name == "UNIXEPOCH" and [one.name.lower() for one in given] in ([], ["now"]):
            return self._epoch()
        if name == "TYPEOF" and len(given) == 1:
            return self._class_of(given[0])
        if name == "JSON_VALID" and len(given) == 1:
            said = self.said(given[0])
            if said.kind in (TypeName.JSON, TypeName.JSONB):
                return Said(f"CASE WHEN {said} IS NOT NULL THEN true END", TypeName.BOOLEAN)
        raise self.refusal(node)
