"""Working in batches (itertools.batched is new in Python 3.12)."""

from __future__ import annotations

import gc
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from typing import TypeVar

T = TypeVar("T")

FEW_COLLECTIONS = 200_000
"""New objects between two searches for garbage that refers to itself, which batches of records never are: with
Python's 700, these searches take a tenth of the time of a load."""


def batched(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Lists of at most ``size`` items, in order."""
    iterator = iter(items)
    while part := list(islice(iterator, size)):
        yield part


@contextmanager
def few_collections() -> Iterator[None]:
    """Search for garbage less often meanwhile."""
    before = gc.get_threshold()
    gc.set_threshold(max(before[0], FEW_COLLECTIONS) if before[0] else 0, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)
