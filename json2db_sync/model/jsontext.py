"""JSON values as text and as values: one encoder for everything stored, one notion of equality, keys and hashes."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from typing import Any, TypeAlias

import msgspec
import xxhash

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"
"""A JSON value."""

_encoder = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)

_lines = msgspec.json.Decoder()
_sorted = msgspec.json.Encoder(order="sorted")

_LARGE = re.compile(r'"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?e\+\d+')
"""Texts, which are passed over, and numbers with an exponent."""


def encode(value: object) -> str:
    """One fixed date_format of a JSON value: keys sorted, no spaces.

    Doubles from 1e16 up are written digit by digit, with ``.0`` behind: a database that keeps numbers as decimals
    (PostgreSQL's JSONB) gives the same double back, and no whole number.

    :raises ValueError: for NaN and infinities, which are not JSON.
    """
    text = _encoder.encode(value)
    return _LARGE.sub(_digit_by_digit, text) if "e+" in text else text


def _digit_by_digit(match: re.Match[str]) -> str:
    found = match[0]
    return found if found[0] == '"' else f"{int(float(found))}.0"


encode_text: Callable[[str], str] = json.encoder.encode_basestring
"""As :func:`encode`, of a text."""


def decode(text: str | bytes) -> Any:
    """The JSON value of a text: what ``json.loads`` gives, and its errors, several times as fast.

    msgspec takes less than it does (no NaN, no 1e400, no half characters) and gives the same for what it takes.
    """
    try:
        return msgspec.json.decode(text)
    except (msgspec.MsgspecError, ValueError, TypeError, RecursionError):
        try:
            return json.loads(text)
        except RecursionError as error:
            raise ValueError("it is nested too deep") from error


def are_json(texts: Collection[Any]) -> bool:
    """Would :func:`decode` take each of these texts? False also where only a look at each of them can tell."""
    if not texts:
        return True
    lines = "\n".join(texts)
    try:
        # A text of several lines, or of none, would make another number of lines or of values.
        return lines.count("\n") == len(texts) - 1 and len(_lines.decode_lines(lines)) == len(texts)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return False


def are_spelled_so(values: Sequence[object], texts: Sequence[object]) -> bool:
    """Is each of these texts what :func:`encode` makes of the value? None among both stands for nothing at all."""
    if len(values) != len(texts):
        return False
    held = [(value, text) for value, text in zip(values, texts, strict=True) if value is not None or text is not None]
    try:
        lines = _sorted.encode_lines([value for value, _text in held]).decode().split("\n")[:-1]
    except (ValueError, OverflowError, RecursionError):  # integers beyond 64 bits
        lines = [encode(value) for value, _text in held]
    if any(value is None or text is None for value, text in held):
        return False
    # What msgspec spells otherwise (1e-7 for 1e-07) is spelled once more.
    return all(line == text or encode(value) == text for line, (value, text) in zip(lines, held, strict=True))


def canonical(value: object) -> str:
    """As :func:`encode`, and 450.0 is spelled as 450: equal values give equal text."""
    text = encode(value)
    return _encoder.encode(whole_as_integers(value)) if ".0" in text else text


def whole_as_integers(value: object) -> object:
    """The same value with 450 for 450.0."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, dict):
        return {key: whole_as_integers(item) for key, item in value.items()}
    if isinstance(value, list):
        return [whole_as_integers(item) for item in value]
    return value


def scalar_text(value: str | int | float | bool) -> str:
    """A scalar as plain text: ``true``, ``12``, ``1.5``; whole numbers without ``.0``, text as it is."""
    if isinstance(value, str):
        return value
    return str(value) if type(value) is int else canonical(value)


def same(left: object, right: object) -> bool:
    """Are two JSON values equal? 450 equals 450.0, but true is not 1 and "1" is not 1."""
    return bool(left == right) and _same_types(left, right)


def _same_types(left: object, right: Any) -> bool:
    # The values are equal already: only true and 1 remain to be told apart.
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, dict):
        for key, value in left.items():
            if not _same_types(value, right[key]):
                return False
    elif isinstance(left, list):
        for one, other in zip(left, right, strict=True):
            if not _same_types(one, other):
                return False
    return True


def first_difference(expected: object, stored: object) -> tuple[str, object, object]:
    """Path, expected and stored value where two records first differ; an absent key shows as ``ABSENT``.

    :raises ValueError: when the two are equal.
    """
    for difference in _differences(expected, stored, "$"):
        return difference
    raise ValueError("the two values are equal")


ABSENT = "(absent)"


def _differences(expected: object, stored: object, path: str) -> Iterator[tuple[str, object, object]]:
    if isinstance(expected, dict) and isinstance(stored, dict):
        for key in [*expected, *(key for key in stored if key not in expected)]:
            where = _member(path, key)
            if key in expected and key in stored:
                yield from _differences(expected[key], stored[key], where)
            else:
                yield where, expected.get(key, ABSENT), stored.get(key, ABSENT)
    elif isinstance(expected, list) and isinstance(stored, list) and len(expected) == len(stored):
        for position, (one, other) in enumerate(zip(expected, stored, strict=True)):
            yield from _differences(one, other, f"{path}[{position}]")
    elif not same(expected, stored):
        yield path, expected, stored


def _member(path: str, key: str) -> str:
    return f"{path}.{key}" if key.isidentifier() else f"{path}[{json.dumps(key)}]"


def path_text(parts: Iterable[str | int]) -> str:
    """A place in a record as it is written for people: ``$.line_items[0].rate``, ``$["unit price"]``."""
    path = "$"
    for part in parts:
        path = f"{path}[{part}]" if isinstance(part, int) else _member(path, part)
    return path


def preview(value: object, width: int = 60) -> str:
    """A JSON value as one short line for people."""
    try:
        text = json.dumps(value, ensure_ascii=False)
    except (TypeError, ValueError):
        text = repr(value)
    text = text.encode("utf-8", "backslashreplace").decode("utf-8")
    return text if len(text) <= width else text[: width - 1] + "…"


MAX_KEY = 500
"""Characters; a longer key is hashed, since PostgreSQL cannot index more than about 2,700 bytes."""


def id_text(parts: Sequence[str]) -> str:
    """The id of a record with these parts of its key."""
    text = parts[0] if len(parts) == 1 else canonical(parts)
    return text if len(text) <= MAX_KEY else "#" + digest(text)


Key = str | int | float | bool


def stored_id(key: Key | Sequence[Key]) -> str:
    """The id of a record with this key; the parts of a composite one in a sequence.

    :raises ValueError: when a part is not what JSON can hold.
    """
    return id_text([scalar_text(part) for part in ([key] if isinstance(key, Key) else key)])


def content_id(record: dict[str, Any]) -> str:
    """An id made of a record's content, the same however the record is spelled."""
    return "#" + digest(canonical(record))


def digest(text: str) -> str:
    """128 bits of hash as 32 hexadecimal digits."""
    return xxhash.xxh3_128_hexdigest(text.encode("utf-8", "surrogatepass"))


def short_hash(raw: bytes) -> int:
    """63 bits of hash: fits a signed 64-bit column."""
    return xxhash.xxh3_64_intdigest(raw) >> 1


def short_hashes(raws: Iterable[Any]) -> list[int]:
    """:func:`short_hash` of many texts."""
    return [value >> 1 for value in map(xxhash.xxh3_64_intdigest, raws)]


# Hashes of JSON values, the same for equal values however they are spelled: 450 and 450.0, any order of keys.

_sorted_encoder = msgspec.json.Encoder(order="sorted")


class _Numbers(dict[str, int | float]):
    """Numbers by their text, whole ones as integers; each text is looked at once."""

    def __missing__(self, digits: str) -> int | float:
        number = float(digits)
        known = self[digits] = int(number) if number.is_integer() else number
        return known


def content_hash(value: object) -> int:
    """63 bits of hash of one value."""
    return _hash(whole_as_integers(value))


def content_hashes(array: bytes) -> list[int]:
    """:func:`content_hash` of each value of a JSON array, which msgspec must take."""
    values: Iterable[object] = msgspec.json.Decoder(float_hook=_Numbers().__getitem__).decode(array)
    return list(map(_hash, values))


def _hash(value: object) -> int:
    try:
        return short_hash(_sorted_encoder.encode(value))
    except (ValueError, OverflowError, RecursionError):  # an integer beyond 64 bits, half a character
        return short_hash(canonical(value).encode("utf-8", "surrogatepass"))
