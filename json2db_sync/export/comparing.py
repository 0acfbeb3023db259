"""The records of a file held against those of the database, both in order of key: the first differences, in words."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice

from json2db_sync.export.content import Content
from json2db_sync.export.reading import MOST_DIFFERENCES, value_of
from json2db_sync.model.jsontext import ABSENT, canonical, first_difference, preview, same
from json2db_sync.model.record_version import value_at

_WINDOW = 1_000
"""How far records are looked for that should stand here."""


@dataclass
class Compared:
    """How a file stands to the database."""

    expected: int = 0
    """Records of the database."""
    count: int = 0
    """Differences."""
    examples: list[str] = field(default_factory=list)

    def note(self, text: str) -> None:
        self.count += 1
        if len(self.examples) < MOST_DIFFERENCES:
            self.examples.append(text)


class _Side:
    """The lines of one side, with some of them looked at ahead."""

    def __init__(self, lines: Iterator[bytes], key: Sequence[str]) -> None:
        self._lines = lines
        self._key = key
        self._ahead: deque[bytes] = deque()
        self._keys: deque[str] = deque()
        """Of the first of them."""
        self._held: Counter[str] = Counter()
        self.taken = 0

    def next(self) -> bytes | None:
        """The next line; None at the end."""
        self._fill(1)
        return self._ahead[0] if self._ahead else None

    def drop(self) -> None:
        """Go on to the line behind."""
        self._ahead.popleft()
        self.taken += 1
        if self._keys:
            key = self._keys.popleft()
            self._held[key] -= 1
            if not self._held[key]:
                del self._held[key]

    def holds_ahead(self, key: str) -> bool:
        """Does a record of this key stand here, or soon behind?"""
        self._fill(_WINDOW)
        for line in islice(self._ahead, len(self._keys), None):
            self._keys.append(self.key_of(line))
            self._held[self._keys[-1]] += 1
        return key in self._held

    def key_of(self, line: bytes) -> str:
        """What tells a record from the others, as text."""
        record = value_of(line)
        if not self._key or not isinstance(record, dict):
            return canonical(record)
        return canonical([value_at(record, name) for name in self._key])

    def _fill(self, count: int) -> None:
        while len(self._ahead) < count and (line := next(self._lines, None)) is not None:
            self._ahead.append(line)


def compare(content: Content, lines: Iterator[bytes]) -> Compared:
    """Hold a file's records against a table's.

    :param lines: the file's records, compact.
    """
    found = Compared()
    stored = _Side((line for page in content.pages() for line in page.lines.splitlines()), content.key)
    filed = _Side(lines, content.key)
    while True:
        here, there = filed.next(), stored.next()
        if here is None and there is None:
            break
        if here is not None and (here == there or (there is not None and _equal(here, there))):
            filed.drop()
            stored.drop()
            continue
        _differ(found, content.key, filed, stored)
    found.expected = stored.taken
    return found


def _differ(found: Compared, key: Sequence[str], filed: _Side, stored: _Side) -> None:
    """Note what is different here, and go on behind it."""
    here, there = filed.next(), stored.next()
    if here is not None and there is not None and filed.key_of(here) == stored.key_of(there):
        path, ours, theirs = first_difference(value_of(here), value_of(there))
        named = _named(key, value_of(there))
        found.note(f"{named}: {path} is {_shown(ours)} in the file and {_shown(theirs)} in the database")
        filed.drop()
        stored.drop()
    elif there is not None and (here is None or not filed.holds_ahead(stored.key_of(there))):
        found.note(f"{_named(key, value_of(there))} is in the database and not in the file")
        stored.drop()
    elif here is not None and (there is None or not stored.holds_ahead(filed.key_of(here))):
        found.note(f"{_named(key, value_of(here))} is in the file and not in the database")
        filed.drop()
    else:  # both are there, at other places
        named = _named(key, value_of(here or b"null"))
        found.note(f"{named} stands at another place than in the database's order")
        filed.drop()


def _equal(here: bytes, there: bytes) -> bool:
    """Are two records the same, however they are spelled?"""
    one, other = value_of(here), value_of(there)
    return one == other and same(one, other)


def _shown(value: object) -> str:
    return str(value) if value is ABSENT else preview(value)


def _named(key: Sequence[str], record: object) -> str:
    """A record for people, by its key."""
    if not key or not isinstance(record, dict):
        return f"the record {preview(record)}"
    return ", ".join(f"{name} {preview(value_at(record, name))}" for name in key)
