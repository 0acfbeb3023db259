"""JSON texts by value, as JSONB sees them: keys in any order, the last of several alike, numbers exactly."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import msgspec

_DIGITS = 150_000


def _number(text: str) -> object:
    value = Decimal(text)
    if abs(value.adjusted()) > _DIGITS:  # beyond every database
        return msgspec.Raw(text.lower().encode())
    plain = f"{value:f}"
    if "." in plain:
        plain = plain.rstrip("0").rstrip(".")
    return msgspec.Raw(b"0" if plain in ("-0", "") else plain.encode())


_decoder = msgspec.json.Decoder(float_hook=_number)
_encoder = msgspec.json.Encoder(order="sorted")


def _decoded(text: str) -> Any:
    try:
        return _decoder.decode(text)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return json.loads(text, parse_float=_number, parse_int=_number, parse_constant=_refuse)


def _refuse(text: str) -> object:
    raise ValueError(f"{text} is not JSON")


def _encoded(value: object) -> str:
    try:
        return _encoder.encode(value).decode()
    except (OverflowError, msgspec.MsgspecError):
        return _encoder.encode(_with_digits(value)).decode()
    except UnicodeEncodeError:  # half a character, which no other value is spelled with
        return "\0j" + json.dumps(value, sort_keys=True, default=lambda raw: ["\0", bytes(raw).decode()])


def _with_digits(value: object) -> object:
    """The same with integers beyond 64 bits as their digits."""
    if isinstance(value, dict):
        return {key: _with_digits(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_with_digits(item) for item in value]
    return msgspec.Raw(f"{Decimal(value):f}".encode()) if type(value) is int else value


def canonical_json(text: str) -> str | None:
    """A JSON text in one spelling for equal values; None where it is none."""
    try:
        return _encoded(_decoded(text))
    except (ValueError, RecursionError):
        return None


def canonical_array(text: str, element: Callable[[str], str]) -> str | None:
    """A JSON list whose scalars are spelled as their type is; None where it is none."""
    try:
        value = _decoded(text)
        return _encoded(_elements(value, element)) if isinstance(value, list) else None
    except (ValueError, RecursionError):
        return None


def _elements(value: object, element: Callable[[str], str]) -> object:
    if isinstance(value, list):
        return [_elements(item, element) for item in value]
    if value is None:
        return None
    if isinstance(value, bool):
        return element("t" if value else "f")
    return element(value if isinstance(value, str) else _encoded(value))


def jsonb_problem(text: str) -> str | None:
    """Why a JSONB cannot hold a JSON text as it is; None where it can. Order, spaces and zeros do not count."""
    twice = []

    def members(pairs: list[tuple[str, object]]) -> dict[str, object]:
        found = dict(pairs)
        if len(found) < len(pairs):
            twice.append(found)
        return found

    try:
        value = json.loads(text, object_pairs_hook=members, parse_constant=_refuse)
        spelled = json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return "it holds half a character"
    except (ValueError, RecursionError) as error:
        return f"it is not JSON: {error}"
    if "\\u0000" in spelled.decode():
        return "it may hold U+0000"
    return "a key comes twice in it" if twice else None


def is_container(text: str) -> bool:
    """Does it begin as a JSON object or list does?"""
    return text.lstrip()[:1] in ("{", "[")
