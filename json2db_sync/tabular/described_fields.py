"""Fields of a Table Schema -> columns, and what makes of their texts what we would have written."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal, InvalidOperation

from json2db_sync.databases.catalog.tables import CatalogColumn, Check, quoted
from json2db_sync.databases.catalog.types import ColumnType, TypeName
from json2db_sync.databases.table_stores import TextColumn
from json2db_sync.databases.target_types.postgresql import BIGINT, BOOLEAN, BYTEA, NUMERIC, TEXT

_JSON = ColumnType(TypeName.JSON, "json")
_UUID = ColumnType(TypeName.UUID, "uuid")
_DATE = ColumnType(TypeName.DATE, "date")
_TIME = ColumnType(TypeName.TIME, "time")
_TIMESTAMP = ColumnType(TypeName.TIMESTAMP, "timestamp")
_TIMESTAMPTZ = ColumnType(TypeName.TIMESTAMPTZ, "timestamp with time zone")
_PLAIN = {
    "string": TEXT, "integer": BIGINT, "year": BIGINT, "number": NUMERIC, "boolean": BOOLEAN, "object": _JSON,
    "array": _JSON, "geojson": _JSON, "date": _DATE, "time": _TIME, "datetime": _TIMESTAMP, "any": TEXT,
}  # fmt: skip
_STRINGS = {"default": TEXT, "email": TEXT, "uri": TEXT, "uuid": _UUID, "binary": BYTEA}
_MOMENTS: Mapping[str, Callable[[datetime], str]] = {
    "date": lambda moment: moment.date().isoformat(),
    "time": lambda moment: moment.time().isoformat(),
    "datetime": lambda moment: moment.isoformat(" "),
}
"""How ours are spelled."""
_TRUE, _FALSE = ("true", "True", "TRUE", "1"), ("false", "False", "FALSE", "0")
_ENDLESS = {"INF": "Infinity", "-INF": "-Infinity", "NAN": "NaN"}
_MOST_DIGITS = 1000
_usual = re.compile(r"-?[0-9]+(?:\.[0-9]+)?").fullmatch
_like_ours = re.compile(r"[0-9]{4}-|[0-9]{1,2}:").match
_AROUND = re.compile(r"^[^-+0-9.]*|[^0-9.]*$")
"""What stands around a number that is not bare."""

Respell = Callable[[str], str]


@dataclass(frozen=True)
class Rule:
    """A constraint of single values."""

    word: str
    check: Check
    holds: Callable[[str], bool]


@dataclass(frozen=True)
class Column:
    """What a field is."""

    column: CatalogColumn
    respell: Respell | None = None
    """Of one text; what it does not understand stays as it is, and is told where it is read."""
    may_be: tuple[ColumnType, ...] = ()
    """Types of which the values tell which it is; text, where it is none."""
    unique: bool = False
    rules: tuple[Rule, ...] = ()
    told: tuple[str, ...] = ()
    """What is not understood."""


def column_of(field: Mapping[str, object], name: str) -> Column:
    """What a field of a Table Schema is.

    :param name: of the column.
    """
    type_, format_ = str(field.get("type", "string")), str(field.get("format", "default"))
    pattern = format_.removeprefix("fmt:")
    found, told = _PLAIN.get(type_), []
    respell: Respell | None = None
    may_be: tuple[ColumnType, ...] = ()
    if found is None:
        told.append(f"type {type_}: text")
    elif type_ == "string" and (found := _STRINGS.get(format_)) is None:
        told.append(f"format {format_}: text")
    elif type_ == "boolean":
        respell = _words(field)
    elif type_ in ("integer", "number"):
        respell = _number_of(field)
        may_be = (BIGINT, NUMERIC) if type_ == "integer" else ()
    elif type_ in _MOMENTS and "%" in pattern:
        respell = _by_pattern(pattern, _MOMENTS[type_])
        found = _TIMESTAMPTZ if "%z" in pattern else found
    elif type_ in _MOMENTS and format_ not in ("default", "any"):
        found = None
        told.append(f"format {format_}: text")
    elif type_ in ("date", "datetime") and (type_ == "datetime" or format_ == "any"):
        may_be = (_DATE, _TIMESTAMP, _TIMESTAMPTZ) if format_ == "any" else (_TIMESTAMP, _TIMESTAMPTZ)
    elif type_ == "any":
        may_be = (BIGINT, NUMERIC, BOOLEAN, _DATE, _TIMESTAMP, _TIMESTAMPTZ, _UUID, _JSON)
    made = CatalogColumn(name, found or TEXT, comment=_text(field.get("description")))
    return _constrained(Column(made, respell, may_be, told=tuple(told)), field.get("constraints"))


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and "\0" not in value else None


def _constrained(one: Column, constraints: object) -> Column:
    if not isinstance(constraints, dict):
        return one
    rules, told = [], [*one.told]
    for word, value in constraints.items():
        rule = _rule(quoted(one.column.name), one.column.type, word, value)
        if rule is not None:
            rules.append(rule)
        elif word not in ("required", "unique"):
            told.append(f"constraint {word}")
    column = replace(one.column, nullable=constraints.get("required") is not True)
    return replace(one, column=column, unique=constraints.get("unique") is True, rules=tuple(rules), told=tuple(told))


def _rule(name: str, type_: ColumnType, word: str, value: object) -> Rule | None:
    """What a constraint says; None where no expression is sure to mean the same."""
    if type_ is TEXT:
        if word in ("minLength", "maxLength") and type(value) is int:
            sign, holds = (">=", value.__le__) if word == "minLength" else ("<=", value.__ge__)
            return Rule(word, Check(None, f"length({name}) {sign} {value}"), lambda text: holds(len(text)))
        if word == "enum" and isinstance(value, list) and value and all(_text(one) is not None for one in value):
            return Rule(word, Check(None, f"{name} IN ({', '.join(map(_literal, value))})"), value.__contains__)
    if type_ in (BIGINT, NUMERIC) and word in ("minimum", "maximum"):
        with suppress(InvalidOperation, ValueError):
            limit = Decimal(str(value))
            if limit.is_finite() and abs(limit.adjusted()) < _MOST_DIGITS:
                sign, holds = (">=", limit.__le__) if word == "minimum" else ("<=", limit.__ge__)
                return Rule(word, Check(None, f"{name} {sign} {limit:f}"), lambda text: _is_number(text, holds))
    return None


def _is_number(text: str, holds: Callable[[Decimal], bool]) -> bool:
    """What is no number is told as that."""
    try:
        return holds(Decimal(text))
    except InvalidOperation:
        return True


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _words(field: Mapping[str, object]) -> Respell:
    true, false = field.get("trueValues", _TRUE), field.get("falseValues", _FALSE)
    words = {str(word): "true" for word in true} if isinstance(true, list | tuple) else {}
    words |= {str(word): "false" for word in false} if isinstance(false, list | tuple) else {}
    return lambda text: words.get(text, text)


def _number_of(field: Mapping[str, object]) -> Respell | None:
    point, group = str(field.get("decimalChar", ".")), str(field.get("groupChar", ""))
    bare = field.get("bareNumber") is not False

    def respell(text: str) -> str:
        if point == "." and _usual(text):
            return text
        number = text if bare else _AROUND.sub("", text)
        number = (number.replace(group, "") if group else number).replace(point, ".")
        if number.upper() in _ENDLESS:
            return _ENDLESS[number.upper()]
        try:
            value = Decimal(number)
        except InvalidOperation:
            return text
        if "_" in number or not value.is_finite() or abs(value.adjusted()) > _MOST_DIGITS:
            return text
        return f"{value:f}" if "e" in number.lower() else number.strip()

    return respell


def respell_of(type_: ColumnType) -> Respell | None:
    """Of a field that is not said to be of this type, and is."""
    return {BOOLEAN: _words({}), NUMERIC: _number_of({})}.get(type_)


def _by_pattern(pattern: str, ours: Callable[[datetime], str]) -> Respell:
    def respell(text: str) -> str:
        try:
            return ours(datetime.strptime(text, pattern))
        except ValueError:
            return f"not {pattern}: {text}" if _like_ours(text) else text  # which might be another day

    return respell


def respelling(one: Column, missing: Sequence[str]) -> Callable[[TextColumn], TextColumn] | None:
    """What is made of the fields of a column.

    :param missing: texts that are NULL in quotes, too. The empty one is among texts a text.
    """
    gone, each = {text for text in missing if text}, one.respell
    if one.column.type is not TEXT:
        gone.add("")

    def column(fields: TextColumn) -> TextColumn:
        if not gone.isdisjoint(fields):
            fields = [None if text in gone else text for text in fields]
        return fields if each is None else [None if text is None else each(text) for text in fields]

    return column if gone or each else None
