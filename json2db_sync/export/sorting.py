"""Lines in the order of their bytes, however many there are, in bounded memory."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from heapq import merge
from types import TracebackType
from typing import BinaryIO

_MEMORY = 2**25
"""Bytes of lines that are sorted at once."""
_OF_AN_OBJECT = 64
"""Bytes that each line takes besides."""


class SortedLines:
    """Lines, each with a newline at its end, sorted in parts that temporary files hold. Use as a context manager."""

    def __init__(self) -> None:
        self._held: list[bytes] = []
        self._size = 0
        self._parts: list[BinaryIO] = []
        self._stack = ExitStack()

    def __enter__(self) -> SortedLines:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def add(self, lines: Iterable[bytes]) -> None:
        """Take more of them."""
        before = len(self._held)
        self._held += lines
        self._size += sum(map(len, self._held[before:])) + _OF_AN_OBJECT * (len(self._held) - before)
        if self._size > _MEMORY:
            part = self._stack.enter_context(tempfile.TemporaryFile())  # noqa: SIM115 - closed with the stack
            part.writelines(sorted(self._held))
            part.seek(0)
            self._parts.append(part)
            self._held, self._size = [], 0

    def __iter__(self) -> Iterator[bytes]:
        return merge(*self._parts, sorted(self._held))
