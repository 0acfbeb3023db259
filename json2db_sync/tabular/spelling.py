r"""Columns of canonical text <-> columns of texts as they stand in CSV. A field is a function of its column's type:

| type | in the file |
|---|---|
| boolean | ``true`` or ``false`` |
| float | as PostgreSQL spells it, whatever spelled it before |
| bytes | base64 |
| any | a text in quotes whatever is in it, a number bare, bytes as ``\x`` and hex digits, bare |
| all others | their canonical text |

NULL is an empty field without quotes, the empty text is ``""``.
"""

from __future__ import annotations

import re
from binascii import Error, a2b_base64, b2a_base64, hexlify, unhexlify
from collections.abc import Callable, Mapping
from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal
from fractions import Fraction
from math import isfinite, nextafter

from json2db_sync.databases.catalog.types import TypeName
from json2db_sync.databases.table_stores import TextColumn, WireColumn
from json2db_sync.databases.table_stores.sqlite_moments import Unfit
from json2db_sync.tabular.rows import QUOTED

Spelled = Callable[[TextColumn], TextColumn]


def to_csv(wire: WireColumn) -> Spelled:
    """How the canonical texts of a column become fields; of a :func:`marked` one, those that are quoted are marked."""
    return _floats if wire.type.name is TypeName.FLOAT else _each(_TO.get(wire.type.name))


def from_csv(wire: WireColumn) -> Spelled:
    """How the fields of a column become canonical texts; a :func:`marked` one's are marked.

    :raises Unfit: by what is returned, for what is no boolean or no base64.
    """
    return _each(_FROM.get(wire.type.name))


def marked(wire: WireColumn) -> bool:
    """Does it tell something whether a value stands in quotes?"""
    return wire.type.name is TypeName.ANY


def _each(one: Callable[[str], str] | None) -> Spelled:
    if one is None:
        return lambda column: column
    return lambda column: [None if text is None else one(text) for text in column]


_WORDS: Mapping[str, str] = {"t": "true", "f": "false"}
_BITS = {word: bit for bit, word in _WORDS.items()}


def _boolean(field: str) -> str:
    if field not in _BITS:
        raise Unfit("check", "it is no boolean: true or false")
    return _BITS[field]


def _base64(text: str) -> str:
    return b2a_base64(unhexlify(text[2:]), newline=False).decode()


def _bytes(field: str) -> str:
    try:
        return rf"\x{hexlify(a2b_base64(field, strict_mode=True)).decode()}"
    except (Error, ValueError) as error:
        raise Unfit("check", f"it is no base64: {error}") from None


_USUAL = re.compile(r"-?(?:[1-9]\d{0,14}|0(?=$|\.(?!0000)))(\.\d+)?", re.ASCII).fullmatch


def _floats(column: TextColumn) -> TextColumn:
    return [
        text
        if text is None or ("." in text[1:15] and text[-2:] != ".0" and "0.0000" not in text[:7] and "e" not in text)
        else float_field(text)
        for text in column
    ]


def float_field(text: str) -> str:
    """A float of 64 bits as PostgreSQL spells it: ``1``, ``1e+15``, ``1e-05``."""
    usual = _USUAL(text)
    if usual:
        return text[:-2] if usual[1] == ".0" else text
    number = float(text)
    if not isfinite(number):
        return text
    sign, digits, exponent = _shortest(number).as_tuple()
    assert isinstance(exponent, int)
    shown = "".join(map(str, digits)).rstrip("0") or "0"
    power = len(digits) + exponent - 1 if number else 0
    minus = "-" * sign
    if not -4 <= power < 15:
        return f"{minus}{shown[0]}{'.' * (len(shown) > 1)}{shown[1:]}e{power:+03d}"
    if power < 0:
        return f"{minus}0.{'0' * (-power - 1)}{shown}"
    return f"{minus}{shown[: power + 1].ljust(power + 1, '0')}{'.' * (len(shown) > power + 1)}{shown[power + 1 :]}"


def _shortest(number: float) -> Decimal:
    """With the fewest digits of all that are nearer to this than to any other float: Python takes one halfway, too."""
    found = Decimal(repr(number))
    halves = [(Fraction(number) + Fraction(other)) / 2 for other in _neighbours(number)]
    if abs(number) < 2**53 or Fraction(found) not in halves:  # below, what is halfway has more digits
        return found
    for digits in range(1, 18):
        ways = [Context(digits, way).plus(Decimal(number)) for way in (ROUND_FLOOR, ROUND_CEILING)]
        inside = [one for one in ways if min(halves) < Fraction(one) < max(halves)]
        if inside:
            return min(inside, key=lambda one: abs(Fraction(one) - Fraction(number)))
    return found


def _neighbours(number: float) -> list[float]:
    return [other for other in (nextafter(number, -float("inf")), nextafter(number, float("inf"))) if isfinite(other)]


def _any(text: str) -> str:
    """From its storage class and text."""
    return QUOTED + text[1:] if text[0] == "t" else text[1:]


_INTEGER = re.compile(r"-?\d{1,19}", re.ASCII).fullmatch
_REAL = re.compile(r"-?(?:\d+\.\d+(?:e[+-]?\d+)?|\d+e[+-]?\d+|Infinity)", re.ASCII).fullmatch
_BLOB = re.compile(r"\\x(?:[0-9a-f]{2})*", re.ASCII).fullmatch


def _tagged(field: str) -> str:
    """What is bare and neither a number nor bytes is a text that lost its quotes on the way."""
    if field.startswith(QUOTED):
        return "t" + field[1:]
    for class_, is_one in (("i", _INTEGER), ("r", _REAL), ("b", _BLOB)):
        if is_one(field):
            return class_ + field
    return "t" + field


_TO: Mapping[TypeName, Callable[[str], str]] = {
    TypeName.BOOLEAN: _WORDS.__getitem__,
    TypeName.BYTES: _base64,
    TypeName.ANY: _any,
}
_FROM: Mapping[TypeName, Callable[[str], str]] = {
    TypeName.BOOLEAN: _boolean,
    TypeName.BYTES: _bytes,
    TypeName.ANY: _tagged,
}
