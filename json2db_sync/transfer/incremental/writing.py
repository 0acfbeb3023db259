"""Rows of several tables put into place and removed, so that no foreign key is broken, and none removes more."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

import sqlalchemy as sa

from json2db_sync.databases.base import first_line
from json2db_sync.databases.catalog.tables import CatalogTable, ForeignKey, qualified, quoted
from json2db_sync.databases.ledger import MOVING
from json2db_sync.databases.table_stores import TableStore, WireColumn
from json2db_sync.errors import DatabaseError, ValidationError
from json2db_sync.text import counted
from json2db_sync.transfer.incremental.pairs import Pair, RawKey, Row
from json2db_sync.transfer.moving import keys_ahead, put, wait

_AT_ONCE = 5000
_CHILD = "json2db_child"


class Writing:
    """One transaction of the target.

    :param pairs: parents first.
    :param tables: all that it has: rows of any of them may refer to those that are removed.
    """

    def __init__(self, store: TableStore, tables: Sequence[CatalogTable], pairs: Sequence[Pair]) -> None:
        self._store, self._tables = store, tables
        self._pairs = pairs
        self._waiting: dict[str, CatalogTable] = {}
        self._gone: dict[str, CatalogTable] = {}

    def stage(self, pair: Pair, rows: Iterable[Row]) -> None:
        """Keep rows that are to come; nothing else reads the table meanwhile."""
        left = iter(rows)
        while some := [*islice(left, _AT_ONCE)]:
            if pair.title not in self._waiting:
                name = f"{MOVING}changed_{len(self._waiting)}"
                self._waiting[pair.title] = wait(self._store, pair.table.target, pair.table.writing, name)
            self._store.write(self._waiting[pair.title], pair.table.writing, [[*zip(*some, strict=True)]])

    def stage_gone(self, pair: Pair, keys: Sequence[RawKey]) -> None:
        """Keep keys of rows that are to go."""
        if not keys:
            return
        wires = pair.ends[1].key
        name = f"{MOVING}gone_{len(self._gone)}"
        waiting = self._gone[pair.title] = wait(self._store, pair.table.target, wires, name)
        for start in range(0, len(keys), _AT_ONCE):
            self._store.write(waiting, wires, [[*zip(*keys[start : start + _AT_ONCE], strict=True)]])

    def put(self) -> None:
        """All of it, parents first; what goes, children first.

        :raises ValidationError: where a row refers to one that goes, or to none.
        :raises DatabaseError: where the database does not take a row, as one whose unique value another row has.
        """
        coming = [pair for pair in self._pairs if pair.title in self._waiting]
        with self._store.deferred([*keys_ahead([pair.table.target for pair in coming])]):
            self._remove()  # before others come: one of them may have what is unique of a row that goes
            for pair in coming:
                self._put(pair)
        self._remove()
        self._require_gone()
        self._require_parents()
        for waiting in (*self._waiting.values(), *self._gone.values()):
            self._store.execute(f"DROP TABLE {quoted(waiting.name)}")

    def _put(self, pair: Pair) -> None:
        table = pair.table.target
        try:
            put(self._store, table, pair.table.writing, self._waiting[pair.title])
        except sa.exc.IntegrityError as error:
            raise DatabaseError(
                f"{table.title} does not take rows that come: {first_line(error.orig or error)}; nothing was written",
                hint="where a unique value is in another row there: rows that have swapped such values do not come one "
                "by one; mode replace moves the table as a whole, after a backup",
                reason="database_error",
                table=table.title,
            ) from error

    def _remove(self) -> None:
        for pair in reversed(self._pairs):
            if pair.title in self._gone:
                table = pair.table.target
                referring = "".join(f" AND NOT {one}" for one in self._referring(pair))
                self._store.execute(
                    f"DELETE FROM {qualified(table)} WHERE {self._is_gone(pair, table.name)}{referring}"
                )

    def _is_gone(self, pair: Pair, alias: str) -> str:
        names = [quoted(wire.name) for wire in pair.ends[1].key]
        mine = ", ".join(f"{quoted(alias)}.{name}" for name in names)
        return f"({mine}) IN (SELECT {', '.join(names)} FROM {quoted(self._gone[pair.title].name)})"

    def _referring(self, pair: Pair) -> Iterator[str]:
        """SQL that holds where a row refers to one of the table that does not go itself."""
        table = pair.table.target
        for child, key in self._keys_to(table):
            same = " AND ".join(
                f"{_CHILD}.{quoted(name)} = {quoted(table.name)}.{quoted(referred)}"
                for name, referred in zip(key.columns, key.referred, strict=True)
            )
            stays = f" AND NOT {self._is_gone(pair, _CHILD)}" if child.place == table.place else ""
            yield f"EXISTS (SELECT 1 FROM {qualified(child)} AS {_CHILD} WHERE {same}{stays})"

    def _keys_to(self, table: CatalogTable) -> Iterator[tuple[CatalogTable, ForeignKey]]:
        for child in self._tables:
            for key in child.foreign_keys:
                if (key.schema or child.schema, key.table.lower()) == (table.schema, table.name.lower()):
                    yield child, key
        yield from self._store.referring_from_elsewhere(table)

    def _require_gone(self) -> None:
        for pair in self._pairs:
            if pair.title not in self._gone:
                continue
            table = pair.table.target
            count, first = self._found(table, self._is_gone(pair, table.name))
            if count:
                children = ", ".join(sorted({child.title for child, _key in self._keys_to(table)}))
                raise ValidationError(
                    f"{counted(count, 'row')} of {table.title} that the source does not have cannot be removed: rows "
                    f"of {children} that stay refer to them; the first: {first}; nothing was written",
                    hint="transfer those tables, too, or see whose rows they are; without delete the rest is written",
                    reason="rows_referred_to",
                    table=table.title,
                )

    def _require_parents(self) -> None:
        """Where the database does not look at foreign keys meanwhile, this does."""
        by_place = {table.place: table for table in self._tables}
        for pair in self._pairs:
            child = pair.table.target
            for key in child.foreign_keys if pair.title in self._waiting else ():
                parent = by_place.get((key.schema or child.schema, key.table))
                if parent is not None:
                    self._require_parent(pair, key, parent)

    def _require_parent(self, pair: Pair, key: ForeignKey, parent: CatalogTable) -> None:
        child, names = pair.table.target, [quoted(wire.name) for wire in pair.ends[1].key]
        mine = ", ".join(f"{quoted(child.name)}.{name}" for name in names)
        given = " AND ".join(f"{quoted(child.name)}.{quoted(name)} IS NOT NULL" for name in key.columns)
        same = " AND ".join(
            f"json2db_parent.{quoted(referred)} = {quoted(child.name)}.{quoted(name)}"
            for name, referred in zip(key.columns, key.referred, strict=True)
        )
        count, first = self._found(
            child,
            f"({mine}) IN (SELECT {', '.join(names)} FROM {quoted(self._waiting[pair.title].name)}) AND {given}"
            f" AND NOT EXISTS (SELECT 1 FROM {qualified(parent)} AS json2db_parent WHERE {same})",
        )
        if count:
            raise ValidationError(
                f"{counted(count, 'row')} of {child.title} would refer to rows of {parent.title} that are not there; "
                f"the first: {first}; nothing was written",
                hint=f"transfer {parent.title}, too, or mend the source",
                reason="orphaned_rows",
                table=child.title,
            )

    def _found(self, table: CatalogTable, where: str) -> tuple[int, str]:
        """How many rows, and the first by its key."""
        key = table.primary_key.columns if table.primary_key else (table.columns[0].name,)
        count, first = 0, ""
        wires = [WireColumn(name, table.column(name).type, "marked") for name in key]
        for batch in self._store.read(table, wires, where=where):
            first = first or ", ".join(f"{name} = {column[0]}" for name, column in zip(key, batch, strict=True))
            count += len(batch[0])
        return count, first
