"""What was found of one table whose changes are followed, and what is to be done about it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from json2db_sync.results.transfer import RowConflict
from json2db_sync.transfer.follow import Follow
from json2db_sync.transfer.incremental.pairs import Key, Pair, RawKey, Row
from json2db_sync.transfer.incremental.watermarks import meaning

MOST_LISTED = 20
"""Conflicts of a table that are listed; all are counted."""
BOTH = "changed on both sides"
UNKNOWN = "differs, and nothing tells which side changed it"


@dataclass
class Found:
    """Of one table."""

    inserted: int = 0
    updated: int = 0
    unchanged: int = 0
    kept: int = 0
    """Rows that only the target has changed, made or removed since the last transfer: they stay so."""
    removed_there: int = 0
    """Those of them that were removed."""
    only_target: int = 0
    """Rows that the source does not have, which ``delete`` removes."""
    skipped: int = 0
    """Rows that were not read one by one."""
    conflicts: int = 0
    listed: list[RowConflict] = field(default_factory=list)
    written: list[RawKey] = field(default_factory=list)
    """As the source spells them."""
    gone: list[RawKey] = field(default_factory=list)
    """Rows of the target to be removed, as it spells their keys."""

    @property
    def is_equal(self) -> bool:
        """Are both sides the same afterwards, where all was looked at?"""
        return not (self.kept or self.only_target or self.conflicts)


class Judge:
    """What becomes of rows, by what is asked for."""

    def __init__(self, pair: Pair, asked: Follow, found: Found) -> None:
        self.pair, self.asked, self.found = pair, asked, found
        name = asked.newest
        self._newest = None if name is None else pair.column(name)

    def write(self, key: RawKey, row: Row, *, is_new: bool) -> Iterator[Row]:
        """The source's row is written."""
        self.found.inserted += is_new
        self.found.updated += not is_new
        self.found.written.append(key)
        yield row

    def remove(self, key: RawKey) -> bool:
        """The target's row goes, where that is asked for."""
        if self.asked.delete:
            self.found.gone.append(key)
        else:
            self.found.only_target += 1
        return self.asked.delete

    def taken(self, first: Row | None, second: Row | None) -> str | None:
        """Which side's row is taken where both changed it; None where it is a conflict."""
        if self.asked.conflicts in ("source", "target"):
            return self.asked.conflicts
        if self._newest is None or first is None or second is None:
            return None
        type_name = self.pair.equalities[self._newest].first.type.name
        one, other = first[self._newest], second[self._newest]
        if one is None or other is None:
            return None
        ours, theirs = meaning(one, type_name), meaning(other, type_name)
        if ours.sort != theirs.sort or ours.key == theirs.key:
            return None
        return "source" if ours.key > theirs.key else "target"

    def conflict(self, key: Key, what: str, first: Row | None = None, second: Row | None = None) -> None:
        """One that is left as it is, and told."""
        self.found.conflicts += 1
        if len(self.found.listed) < MOST_LISTED:
            columns = self.pair.shown_differences(first, second) if first and second else {}
            self.found.listed.append(RowConflict(self.pair.title, self.pair.shown(key), what, columns))
