"""Values as SQLite stores them -> canonical text: a column at once where all are as they should be, else each."""

from __future__ import annotations

import json
import math
import re
import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal
from fractions import Fraction
from typing import NoReturn

import msgspec

from json2db_sync.databases.catalog.types import ColumnType, TypeName
from json2db_sync.databases.table_stores import TextColumn, WireColumn, arrays
from json2db_sync.databases.table_stores.sqlite_moments import Unfit, as_spelled, moment_text, moment_texts, time_text

Storage = int | float | str | bytes | None
One = Callable[[Storage], str]
Many = Callable[[Sequence[Storage]], TextColumn | None]
"""Of values of one class; None where it is not certain that all fit."""

CLASSES: Mapping[type, str] = {int: "integer", float: "real", str: "text", bytes: "blob"}
_ENDLESS = {math.inf: "Infinity", -math.inf: "-Infinity"}
_DIGITS = re.compile(r"-?(?:\d+(?:\.\d*)?|\.\d+)", re.ASCII).fullmatch
EXACT = 15
"""Decimal digits that a double keeps."""
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}").fullmatch
_ANY_UUID = re.compile(r"[0-9a-fA-F]{32}|[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}").fullmatch

encode_numbers = msgspec.json.Encoder().encode
_raw = msgspec.json.Decoder(msgspec.Raw).decode


class NotText(bytes):
    """What SQLite holds as text, and is not UTF-8."""


@dataclass(frozen=True)
class Form:
    """How the values of a type are read."""

    one: One
    """:raises Unfit: where a value does not fit."""
    many: Mapping[type, Many] = field(default_factory=dict)
    """By storage class."""

    def column(self, values: Sequence[Storage]) -> TextColumn:
        """All of them.

        :raises Unfit: where one does not fit.
        """
        kinds = {*map(type, values)}
        if type(None) not in kinds:
            return self._full(values, kinds)
        kinds.discard(type(None))
        if not kinds:
            return values  # type: ignore[return-value]
        full = iter(self._full([value for value in values if value is not None], kinds))
        return [None if value is None else next(full) for value in values]

    def _full(self, values: Sequence[Storage], kinds: set[type]) -> TextColumn:
        by_kind = {kind: self._of_one_kind(kind, values, kinds) for kind in kinds}
        if None in by_kind.values():
            return [*map(self.one, values)]
        if len(kinds) == 1:
            return by_kind.popitem()[1]  # type: ignore[return-value]
        following = {kind: iter(texts).__next__ for kind, texts in by_kind.items() if texts is not None}
        return [following[type(value)]() for value in values]

    def _of_one_kind(self, kind: type, values: Sequence[Storage], kinds: set[type]) -> TextColumn | None:
        many = self.many.get(kind)
        if many is None:
            return None
        return many(values if len(kinds) == 1 else [value for value in values if type(value) is kind])


def stranger(value: Storage, type_: ColumnType) -> NoReturn:
    """Refuse a value for its storage class."""
    if isinstance(value, NotText):
        raise Unfit("not_utf8", "it is stored as text, and is not UTF-8")
    raise Unfit("storage_class", f"it is stored as {CLASSES[type(value)]}, and the column takes {type_.name}")


def form_of(wire: WireColumn) -> Form:
    """How a column is read as its wire says."""
    form = _FORMS[wire.type.name](wire.type)
    if wire.strangers == "refuse":
        return form
    if wire.strangers == "text" and wire.type.name is not TypeName.TEXT:
        return form

    marked, as_text = wire.strangers == "marked", wire.strangers == "text"

    def one(value: Storage) -> str:
        if marked and isinstance(value, str) and value.startswith("\0"):
            return f"\0{tagged(value)}"
        try:
            return form.one(value)
        except Unfit as error:
            if marked:
                return f"\0{tagged(value)}"
            if wire.type.name is TypeName.TEXT and error.code == "too_long":
                raise
            return plain(value) if as_text else None  # type: ignore[return-value]

    texts = form.many.get(str)
    if not marked or texts is None:
        return Form(one, form.many)
    return Form(one, {**form.many, str: lambda values: None if "\0" in "".join(values) else texts(values)})  # type: ignore[arg-type]


def tagged(value: Storage) -> str:
    """As ``any``."""
    return f"{CLASSES.get(type(value), 'text')[0]}{plain(value)}"


def plain(value: Storage) -> str:
    """A value of any class as a text."""
    if isinstance(value, str):
        return value
    if isinstance(value, bytes):
        return f"\\x{value.hex()}"
    return float_text(value) if isinstance(value, float) else str(value)


def float_text(value: float) -> str:
    """The shortest that reads back as the same."""
    return _ENDLESS.get(value) or repr(value)


def _booleans(type_: ColumnType) -> Form:
    names: Mapping[Storage, str] = {0: "f", 1: "t"}

    def one(value: Storage) -> str:
        if type(value) is not int:
            stranger(value, type_)
        if value not in names:
            raise Unfit("out_of_range", "a boolean is 0 or 1")
        return names[value]

    def many(values: Sequence[Storage]) -> TextColumn | None:
        return [*map(names.__getitem__, values)] if {*values} <= names.keys() else None

    return Form(one, {int: many})


def _number_texts(values: Sequence[Storage]) -> TextColumn:
    """By way of JSON: a third of the time that str takes for each."""
    return encode_numbers(values)[1:-1].decode().split(",")


def _integers(type_: ColumnType) -> Form:
    most = 1 << (type_.bits or 64) - 1

    def one(value: Storage) -> str:
        if type(value) is not int:
            stranger(value, type_)
        if not -most <= value < most:
            raise Unfit("out_of_range", f"it does not fit into {type_.bits} bits")
        return str(value)

    def many(values: Sequence[Storage]) -> TextColumn | None:
        if most < 1 << 63 and not -most <= min(values) <= max(values) < most:  # type: ignore[type-var, operator]
            return None
        return _number_texts(values)

    return Form(one, {int: many})


def _numerics(type_: ColumnType) -> Form:
    precision, scale = type_.precision, type_.scale or 0
    shown = f"{{:.{scale}f}}".format

    def one(value: Storage) -> str:
        if isinstance(value, bytes):
            stranger(value, type_)
        text = float_text(value) if isinstance(value, float) else str(value)
        if text in ("NaN", "Infinity", "-Infinity"):
            if precision is not None and text != "NaN":
                raise Unfit("out_of_range", f"it has more digits than {type_.declared} takes")
            return text
        if isinstance(value, str) and not _DIGITS(text):
            raise Unfit("not_a_number", "it is no number in digits")
        return _spelled(Decimal(text), type_)

    def ints(values: Sequence[Storage]) -> TextColumn | None:
        if precision is None:
            return _number_texts(values)
        most = 10 ** (precision - scale)
        if not -most < min(values) <= max(values) < most:  # type: ignore[type-var, operator]
            return None
        texts = _number_texts(values)
        return [f"{text}.{'0' * scale}" for text in texts] if scale > 0 else None if scale else texts

    def reals(values: Sequence[Storage]) -> TextColumn | None:
        if precision is None or precision > EXACT or not 0 <= scale <= precision:
            return None
        texts = [*map(shown, values)]
        most = 10 ** (precision - scale)
        exact = [*map(float, texts)] == [*values]
        if not exact or not -most < min(values) <= max(values) < most:  # type: ignore[type-var, operator]
            return None
        return None if any(text.startswith("-0") for text in texts) else texts

    return Form(one, {int: ints, float: reals})


def _spelled(number: Decimal, type_: ColumnType) -> str:
    """As PostgreSQL spells a numeric: with the digits that it has, or that the column gives it."""
    sign, digits, exponent = number.as_tuple()
    assert isinstance(exponent, int)
    if exponent < -16383 or len(digits) + exponent > 131_072:
        raise Unfit("out_of_range", "a numeric has at most 131,072 digits before the point and 16,383 behind it")
    whole = f"{'0' * (1 - len(digits) - exponent) if exponent < 0 else ''}{''.join(map(str, digits))}"
    whole, behind = (whole + "0" * exponent, "") if exponent >= 0 else (whole[:exponent], whole[exponent:])
    whole = whole.lstrip("0") or "0"
    if type_.precision is not None:
        scale = type_.scale or 0
        kept = behind.rstrip("0") if scale >= 0 else behind.strip("0")
        if len(kept) > max(scale, 0) or (scale < 0 and whole[scale:].strip("0")):
            raise Unfit(
                "too_precise", f"it has {len(kept)} digits behind the point, and {type_.declared} takes {scale}"
            )
        if len(whole) > type_.precision - scale and (whole != "0" or (kept and type_.precision < scale)):
            raise Unfit("out_of_range", f"it has more digits before the point than {type_.declared} takes")
        behind = kept.ljust(max(scale, 0), "0")
    text = f"{whole}.{behind}" if behind else whole
    return f"-{text}" if sign and text.strip("0.") else text


def _floats(wire: ColumnType) -> Form:
    def one(value: Storage) -> str:
        if value == "NaN":
            return "NaN"
        if type(value) is int:
            if int(float(value)) != value:
                raise Unfit("too_precise", "a float does not hold all digits of this integer")
            value = float(value)
        if not isinstance(value, float):
            stranger(value, wire)
        if wire.bits == 32 and value not in _ENDLESS:
            return _float4(value)
        return float_text(value)

    def many(values: Sequence[Storage]) -> TextColumn | None:
        if wire.bits == 32:
            return None
        encoded = encode_numbers(values)
        return None if b"null" in encoded else encoded[1:-1].decode().split(",")  # it is said of infinities

    return Form(one, {float: many})


def _float4(value: float) -> str:
    """A double that a float of 32 bits is, as PostgreSQL spells that."""
    try:
        packed = struct.pack("<f", abs(value))
    except OverflowError:
        raise Unfit("out_of_range", "a float of 32 bits does not hold it") from None
    (bits,), (short,) = struct.unpack("<I", packed), struct.unpack("<f", packed)
    if value and not short:
        raise Unfit("out_of_range", "a float of 32 bits does not hold it")
    if value and float(_shortest(short, bits)) != abs(value):
        raise Unfit("too_precise", "a float of 32 bits does not hold all of its digits")
    return repr(value)


def _shortest(short: float, bits: int) -> Decimal:
    """With the fewest digits of all numbers that are strictly nearer to this float of 32 bits than to any other."""
    below, above = (struct.unpack("<f", struct.pack("<I", bits + step))[0] for step in (-1, 1))
    least = (Fraction(below) + Fraction(short)) / 2
    most = (Fraction(2**128 if above == math.inf else above) + Fraction(short)) / 2
    for digits in range(1, 10):
        found = [Context(digits, way).plus(Decimal(short)) for way in (ROUND_FLOOR, ROUND_CEILING)]
        inside = [one for one in found if least < Fraction(one) < most]
        if inside:
            break
    return min(inside, key=lambda one: (abs(Fraction(one) - Fraction(short)), one.as_tuple().digits[-1] % 2))


def _texts(type_: ColumnType) -> Form:
    def one(value: Storage) -> str:
        if not isinstance(value, str):
            stranger(value, type_)
        if type_.length is not None and len(value) > type_.length:
            raise Unfit("too_long", f"it has {len(value):,} characters, and the column takes {type_.length:,}")
        return value

    def many(values: Sequence[Storage]) -> TextColumn | None:
        if type_.length is not None and max(map(len, values)) > type_.length:  # type: ignore[arg-type]
            return None
        return values  # type: ignore[return-value]

    return Form(one, {str: many})


def _bytes(type_: ColumnType) -> Form:
    def one(value: Storage) -> str:
        if type(value) is not bytes:
            stranger(value, type_)
        return f"\\x{value.hex()}"

    return Form(one, {bytes: lambda values: [f"\\x{text}" for text in map(bytes.hex, values)]})  # type: ignore[arg-type]


def _moments(type_: ColumnType) -> Form:
    digits = 6 if type_.length is None else type_.length

    def one(value: Storage) -> str:
        if not isinstance(value, str):
            stranger(value, type_)
        if type_.name is TypeName.TIME:
            return time_text(value, digits)
        if type_.name in (TypeName.TIMETZ, TypeName.INTERVAL):
            return as_spelled(value, type_.name, digits)
        return moment_text(value, type_.name, digits)

    def many(values: Sequence[Storage]) -> TextColumn | None:
        return moment_texts(values, type_.name)  # type: ignore[arg-type]

    quick = type_.name in (TypeName.DATE, TypeName.TIMESTAMP, TypeName.TIMESTAMPTZ) and digits == 6
    return Form(one, {str: many} if quick else {})


def canonical_uuid(text: str) -> str | None:
    """A UUID in lower case with hyphens; None for what is none."""
    if _UUID(text):
        return text
    if not _ANY_UUID(text):
        return None
    digits = text.replace("-", "").lower()
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


def _uuids(type_: ColumnType) -> Form:
    def one(value: Storage) -> str:
        if not isinstance(value, str):
            stranger(value, type_)
        spelled = canonical_uuid(value)
        if spelled is None:
            raise Unfit("check", "it is no UUID")
        return spelled

    def many(values: Sequence[Storage]) -> TextColumn | None:
        return values if all(map(_UUID, values)) else None  # type: ignore[arg-type, return-value]

    return Form(one, {str: many})


def _json(type_: ColumnType) -> Form:
    def one(value: Storage) -> str:
        if isinstance(value, bytes):
            stranger(value, type_)
        text = plain(value)  # a column declared JSON makes numbers of texts that are such
        require_json(text, binary=type_.name is TypeName.JSONB)
        return text

    def many(values: Sequence[Storage]) -> TextColumn | None:
        try:
            for value in values:
                _raw(value)  # type: ignore[arg-type]
        except (msgspec.DecodeError, ValueError, RecursionError):
            return None
        if type_.name is TypeName.JSONB and any("\\u0000" in value or _EXPONENT(value) for value in values):  # type: ignore[operator, arg-type]
            return None
        return values  # type: ignore[return-value]

    return Form(one, {str: many})


_EXPONENT = re.compile(r"[eE][+-]?\d{4}|\d{16000}", re.ASCII).search


def require_json(text: str, *, binary: bool) -> object:
    """The value, with numbers as :class:`Decimal`.

    :param binary: must a jsonb hold it?
    :raises Unfit: where it is none.
    """
    try:
        value = json.loads(text, parse_int=Decimal, parse_float=Decimal, parse_constant=_no_constant)
    except (ValueError, RecursionError, ArithmeticError) as error:
        raise Unfit("not_json", f"it is no JSON: {error or 'nested too deeply'}") from None
    if binary and "\\u" in text:
        spelled = json.dumps(value, ensure_ascii=False, default=str)
        if "\\u0000" in spelled.replace("\\\\", ""):
            raise Unfit("no_character", "it holds U+0000, which jsonb does not")
        if arrays.LONE(spelled):
            raise Unfit("no_character", "it holds half of a surrogate pair, which jsonb does not")
    if binary and _EXPONENT(text):
        waiting = [value]
        while waiting:
            item = waiting.pop()
            if isinstance(item, Decimal):
                _spelled(item, _NUMERIC)
            elif isinstance(item, dict | list):
                waiting += item.values() if isinstance(item, dict) else item
    return value


_NUMERIC = ColumnType(TypeName.NUMERIC, "numeric")


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _enums(type_: ColumnType) -> Form:
    labels = {*type_.labels}

    def one(value: Storage) -> str:
        if not isinstance(value, str):
            stranger(value, type_)
        if value not in labels:
            raise Unfit("check", f"it is none of the labels of {type_.declared}")
        return value

    def many(values: Sequence[Storage]) -> TextColumn | None:
        return values if labels.issuperset(values) else None  # type: ignore[return-value]

    return Form(one, {str: many})


def _any(type_: ColumnType) -> Form:
    def one(value: Storage) -> str:
        if isinstance(value, NotText):
            stranger(value, type_)
        return tagged(value)

    def ints(values: Sequence[Storage]) -> TextColumn | None:
        return ["i" + text for text in _number_texts(values)]  # type: ignore[operator]

    def texts(values: Sequence[Storage]) -> TextColumn | None:
        return ["t" + text for text in values]  # type: ignore[operator]

    return Form(one, {int: ints, str: texts})


_HEX = re.compile(r"\\x([0-9a-f]{2})*").fullmatch


def _arrays(type_: ColumnType) -> Form:
    def one(value: Storage) -> str:
        if not isinstance(value, str):
            stranger(value, type_)
        arrays.literal(value, element)
        return value

    inner = type_.element or ColumnType(TypeName.TEXT, "text")
    form = _FORMS[inner.name](inner)

    def element(value: str | bool) -> None:
        if inner.name in (TypeName.INTEGER, TypeName.FLOAT, TypeName.BOOLEAN):
            form.one(_number(value, inner))
        elif inner.name is not TypeName.BYTES:
            form.one(str(value))
        elif not (isinstance(value, str) and _HEX(value)):
            raise Unfit("check", f"{value!r} in it is no bytes: \\x, then pairs of lower hex digits")

    return Form(one)


def _number(value: str | bool, type_: ColumnType) -> Storage:
    """The storage that stands for an element of an array."""
    if isinstance(value, bool) or type_.name is TypeName.BOOLEAN:
        return int(value) if isinstance(value, bool) else value
    try:
        return int(value) if type_.name is TypeName.INTEGER else "NaN" if value == "NaN" else float(value)
    except ValueError:
        raise Unfit("not_a_number", f"{value!r} in it is no number") from None


def _others(type_: ColumnType) -> Form:
    def one(value: Storage) -> str:
        if isinstance(value, bytes):
            stranger(value, type_)
        return plain(value)

    return Form(one, {str: lambda values: values})  # type: ignore[dict-item, return-value]


_FORMS: Mapping[TypeName, Callable[[ColumnType], Form]] = {
    **dict.fromkeys(TypeName, _moments),
    TypeName.BOOLEAN: _booleans,
    TypeName.INTEGER: _integers,
    TypeName.NUMERIC: _numerics,
    TypeName.FLOAT: _floats,
    TypeName.TEXT: _texts,
    TypeName.BYTES: _bytes,
    TypeName.UUID: _uuids,
    TypeName.JSON: _json,
    TypeName.JSONB: _json,
    TypeName.ARRAY: _arrays,
    TypeName.ENUM: _enums,
    TypeName.ANY: _any,
    TypeName.OTHER: _others,
}
