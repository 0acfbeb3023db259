"""One JSON value out of a text, exactly: every problem that concerns only this value is told, not raised."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterator
from math import isfinite
from typing import Any

import msgspec

from json2db_sync.limits import MAX_DEPTH, MAX_DIGITS, Limits

_TOO_DEEP = f"it is nested more than {MAX_DEPTH} levels deep"
_STRUCTURE = re.compile(
    r'"[^"\\]*+(?:\\.[^"\\]*+)*+("|\\?\Z)|(?:[\[{](?:(?="[^"\\\[\]{}]*+":)"[^"]*+":)?)++|[\]}]++', re.DOTALL
)
"""Texts, and runs of brackets, with the plain keys between them."""
_TEXTS = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\Z)', re.DOTALL)
_SLASHES = re.compile(r"\\*+")
_PART = 2**18
_SMALL = 2**13
"""Characters that hold most records."""
_EMPTY = re.compile(r"\[[ \t\r\n]*+\]|\{[ \t\r\n]*+\}")
_NEAR = 16
"""A syntax error this close to the end of what is at hand may just mean that more must be read."""
_any_value = msgspec.json.Decoder(msgspec.Raw)
AT_BYTE = re.compile(r"\(byte (\d+)\)")
"""Where msgspec stopped."""


class Incomplete(Exception):
    """The value does not end in the text at hand."""


class Decoder:
    """Decodes values and remembers what is wrong with the last one though its syntax is right.

    :param limits: how many nodes a value may have; none where the values were seen before.
    """

    def __init__(self, limits: Limits | None = None) -> None:
        self.problem: str | None = None
        self._nodes, self._to_raise = limits.record_nodes if limits else (sys.maxsize, "")
        self._deep: tuple[int, int] | None = None
        """How far a value that is too deep was looked through, counted from its start, and how deep that is."""
        self._decode = json.JSONDecoder(parse_constant=self._constant, parse_float=self._double).raw_decode
        self._decode_long = json.JSONDecoder(
            parse_constant=self._constant, parse_float=self._double, parse_int=self._long_integer
        ).raw_decode

    def decode(self, text: str, start: int, *, again: bool = False) -> tuple[Any, int]:
        """The value that starts there, and where it ends. ``problem`` says why it cannot be stored, or is None.

        :param again: it is the value that was incomplete, now with more behind it.
        :raises Incomplete: when reading on may complete it.
        :raises json.JSONDecodeError: when it is not JSON.
        """
        self.problem = None
        if again and self._deep is not None:
            return None, self._end_of_deep(text, start)
        self._deep = None
        try:
            if len(text) - start > 2 * self._nodes and (end := self._end_of_many(text, start)):
                self.problem = f"it is made of more than {self._nodes:,} values, objects and arrays: {self._to_raise}"
                return None, end
            value, end = self._scan(self._decode, text, start)
        except RecursionError:
            self._deep = (0, 0)
            return None, self._end_of_deep(text, start)
        brackets = text.count("[", start, end) + text.count("{", start, end)
        if brackets > MAX_DEPTH and any(depth > MAX_DEPTH for depth, _end in _depths(text, start, end)):
            self.problem = _TOO_DEEP
        elif "\\u" in (raw := text[start:end]) and _has_lone_surrogate(raw, value):
            self.problem = "it holds a lone surrogate (half of a character), which no database stores"
        return value, end

    def _end_of_deep(self, text: str, start: int) -> int:
        self.problem = _TOO_DEEP
        assert self._deep is not None
        offset, level = self._deep
        for depth, end in _depths(text, start + offset, len(text), level):
            if depth == 0:
                return end
            self._deep = (end - start, depth)
        raise Incomplete("the end of a deep structure")

    def _end_of_many(self, text: str, start: int) -> int | None:
        """Where the value ends that starts there, if it has more nodes than it may. It is not decoded: that is what
        would take the memory.
        """
        for length in (min(_SMALL, 2 * self._nodes), 2 * self._nodes):
            if _end_of_value(text, start, start + length) is not None:
                return None
        try:
            end = _end_of_value(text, start, len(text))
        except json.JSONDecodeError:
            if self._has_many(text, start, len(text)):
                raise
            return None  # it can be decoded, which tells more of what is wrong
        if end is None:
            raise Incomplete("the end of a large value")
        return end if self._has_many(text, start, end) and _has_more_nodes(text, start, end, self._nodes) else None

    def _has_many(self, text: str, start: int, end: int) -> bool:
        """May there be more nodes in it than a value may have? Marks in its texts are counted, too."""
        return sum(text.count(mark, start, end) for mark in ",[{") >= self._nodes

    def _scan(self, decode: Callable[[str, int], tuple[Any, int]], text: str, start: int) -> tuple[Any, int]:
        try:
            return decode(text, start)
        except json.JSONDecodeError as error:
            if error.pos >= len(text) - _NEAR or error.msg.startswith("Unterminated string"):
                raise Incomplete(error.msg) from error
            raise
        except ValueError:
            return self._scan(self._decode_long, text, start)

    def _constant(self, name: str) -> None:
        self.problem = f"{name} is not JSON"

    def _double(self, digits: str) -> float:
        number = float(digits)
        if not isfinite(number):
            self.problem = f"no double can hold the number {digits[:40]}"
        return number

    def _long_integer(self, digits: str) -> int:
        if len(digits) > MAX_DIGITS:
            self.problem = f"an integer has more than {MAX_DIGITS} digits"
            return 0
        return int(digits)


def _depths(text: str, start: int, end: int, depth: int = 0) -> Iterator[tuple[int, int]]:
    """The depth of nesting behind each run of brackets and each string, and where that ends; to the end of the value
    or, where a string does not end, up to this.

    :param depth: of the start.
    """
    for match in _STRUCTURE.finditer(text, start, end):
        first, place = text[match.start()], match.end()
        if first in "[{":
            depth += match[0].count("[") + match[0].count("{")
        elif first in "]}":
            place = min(place, match.start() + depth)
            depth -= place - match.start()
        elif match[1] != '"':
            return
        yield depth, place
        if depth == 0:
            return


def _end_of_value(text: str, start: int, stop: int) -> int | None:
    """Where the value ends that starts there; None where it goes on behind the stop, or that cannot be told."""
    data = text[start:stop].encode("utf-8", "surrogatepass")
    try:
        _any_value.decode(data)
    except msgspec.DecodeError as error:
        byte = AT_BYTE.search(str(error))
        if byte is None:
            return None
        place = start + len(data[: int(byte[1]) - 1].decode("utf-8", "ignore"))
        if "trailing characters" in str(error):
            return start + len(text[start:place].rstrip(" \t\r\n"))
        if stop < len(text) or place >= len(text) - _NEAR:
            return None
        raise json.JSONDecodeError("Malformed", text, place) from error
    return start + len(text[start:stop].rstrip(" \t\r\n"))


def _has_more_nodes(text: str, start: int, end: int, most: int) -> bool:
    """Is a JSON value made of more values, objects and arrays than these? Looked at by parts, which take no memory."""
    count, opening = 1, ""
    while start < end and count <= most:
        stop = min(start + _PART, end)
        stop = min(_SLASHES.match(text, stop - 1).end() + 1, end)  # type: ignore[union-attr]  # it matches anything
        bare = _TEXTS.sub("0", f"{opening}{text[start:stop]}\0")
        opening, start = "" if bare.endswith("\0") else '"', stop
        count += sum(map(bare.count, ",[{")) - len(_EMPTY.findall(bare))
    return count > most


def _has_lone_surrogate(raw: str, value: object) -> bool:
    if "\\ud" not in raw and "\\uD" not in raw:
        return False
    try:
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError:
        return True
    except (ValueError, RecursionError):
        pass
    return False
