"""One JSON value out of a text, exactly: every problem that concerns only this value is told, not raised."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from math import isfinite
from typing import Any

from json2db_sync.limits import MAX_DEPTH, MAX_DIGITS

_TOO_DEEP = f"it is nested more than {MAX_DEPTH} levels deep"
_STRUCTURE = re.compile(r'"(?:[^"\\]|\\.)*"|[\[\]{}]', re.DOTALL)
_NEAR = 16
"""A syntax error this close to the end of what is at hand may just mean that more must be read."""


class Incomplete(Exception):
    """The value does not end in the text at hand."""


class Decoder:
    """Decodes values and remembers what is wrong with the last one though its syntax is right."""

    def __init__(self) -> None:
        self.problem: str | None = None
        self._decode = json.JSONDecoder(parse_constant=self._constant, parse_float=self._double).raw_decode
        self._decode_long = json.JSONDecoder(
            parse_constant=self._constant, parse_float=self._double, parse_int=self._long_integer
        ).raw_decode

    def decode(self, text: str, start: int) -> tuple[Any, int]:
        """The value that starts there, and where it ends. ``problem`` says why it cannot be stored, or is None.

        :raises Incomplete: when reading on may complete it.
        :raises json.JSONDecodeError: when it is not JSON.
        """
        self.problem = None
        try:
            value, end = self._scan(self._decode, text, start)
        except RecursionError:
            self.problem = _TOO_DEEP
            for depth, end in _depths(text, start, len(text)):
                if depth == 0:
                    return None, end
            raise Incomplete("the end of a deep structure") from None
        brackets = text.count("[", start, end) + text.count("{", start, end)
        if brackets > MAX_DEPTH and any(depth > MAX_DEPTH for depth, _end in _depths(text, start, end)):
            self.problem = _TOO_DEEP
        elif "\\u" in (raw := text[start:end]) and _has_lone_surrogate(raw, value):
            self.problem = "it holds a lone surrogate (half of a character), which no database stores"
        return value, end

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


def _depths(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """The depth of nesting behind each bracket and each string, and where that ends."""
    depth = 0
    for match in _STRUCTURE.finditer(text, start, end):
        depth += 1 if match[0] in "[{" else -1 if match[0] in "]}" else 0
        yield depth, match.end()


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
