"""What is exported under one name: a table's records in order, as canonical lines a page at a time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from json2db_sync.export.lines import Record, as_text


@dataclass(frozen=True)
class Page:
    """Records that follow one another."""

    lines: bytes
    """Canonical, a newline behind each."""
    count: int
    tallies: Sequence[Counter[Any]] = ()
    """Of each counted field, how often each value stands there."""


class Content(Protocol):
    """A table of an application, or the records of an entity."""

    name: str
    """What the file is called, and the array in it."""
    key: tuple[str, ...]
    """The fields of a record, as they are exported, that tell it from the others; () where there are none."""
    counted: tuple[str, ...]
    """Fields whose values are counted."""
    related: tuple[str, ...]
    """The names that records get, in words."""

    def pages(self) -> Iterator[Page]:
        """All records that are wanted, in order of key."""

    def schema(self) -> dict[str, Any]:
        """A JSON Schema that every record satisfies; known once all pages were read."""


def tally(records: Sequence[Record], fields: Sequence[str]) -> list[Counter[Any]]:
    """How often each value stands in these fields."""
    return [Counter(_countable(record[field]) for record in records if field in record) for field in fields]


def _countable(value: Any) -> Any:
    """A value as a counter takes it: true is not 1, and what has no hash counts as its text."""
    return value if type(value) in (str, int, type(None)) else as_text(value)


__all__ = ["Content", "Page", "tally"]
