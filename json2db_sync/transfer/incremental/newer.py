"""What changed, by a column that tells when: rows from the last watermark on, held against those of their keys."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from json2db_sync.databases.table_stores.keyed import AT_ONCE
from json2db_sync.transfer.follow import Follow
from json2db_sync.transfer.incremental.found import BOTH, Found, Judge
from json2db_sync.transfer.incremental.pairs import Pair, RawKey, Row, in_parts
from json2db_sync.transfer.incremental.watermarks import Since


class Newer:
    """One table."""

    def __init__(self, pair: Pair, since: Since, asked: Follow) -> None:
        self._pair, self.since = pair, since
        self.found = Found()
        self._judge = Judge(pair, asked, self.found)
        self._at = pair.column(since.column)
        self.where = since.where(pair.ends[0])

    def look(self) -> Iterator[Row]:
        """The source's rows that are to be written."""
        table = self._pair.table
        for batch in self._pair.stores[0].read(table.source, table.reading, where=self.where):
            for rows in in_parts([*zip(*batch, strict=True)], AT_ONCE):
                yield from self._looked(rows)
        if self._judge.asked.delete:
            self._find_gone()

    def _looked(self, rows: Sequence[Row]) -> Iterator[Row]:
        raw = [self._pair.raw_key(row) for row in rows]
        keys, others = self._pair.keys(0, [*zip(*raw, strict=True)]), self._pair.rows(1, raw)
        for key, row, name in zip(keys, rows, raw, strict=True):
            other = others.get(key)
            if other is None:
                yield from self._judge.write(name, row, is_new=True)
            elif self._pair.same(row, other):
                self.found.unchanged += 1
            elif not self._is_beyond(other):
                yield from self._judge.write(name, row, is_new=False)
            elif not self._is_beyond(row):
                self.found.kept += 1
            else:
                taken = self._judge.taken(row, other)
                if taken == "source":
                    yield from self._judge.write(name, row, is_new=False)
                elif taken == "target":
                    self.found.kept += 1
                else:
                    self._judge.conflict(key, BOTH, row, other)

    def _is_beyond(self, row: Row) -> bool:
        """Is a row newer than all that the target got from the source so far?"""
        assert self._at is not None
        text, each = row[self._at], self._pair.equalities[self._at]
        return text is not None and self.since.is_beyond(text, each.first.type.name)

    def _find_gone(self) -> None:
        """Rows of the target that the source does not have."""
        for keys, raw in self._pair.read_keys(1):
            for start in range(0, len(keys), AT_ONCE):
                some: list[RawKey] = raw[start : start + AT_ONCE]
                there = self._pair.rows(0, some)
                for key, name in zip(keys[start : start + AT_ONCE], some, strict=True):
                    if key not in there:
                        self._judge.remove(name)
