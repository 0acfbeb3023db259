"""Stored rows as records again: by id, or all of them in order, a batch at a time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from json2db_sync.databases.base import Database, Decode, decoders, in_lists
from json2db_sync.errors import DatabaseError
from json2db_sync.model.keys import Key, stored_id
from json2db_sync.model.kinds import INT64_MAX, INT64_MIN, Kind
from json2db_sync.model.plan import ID, PARENT_ID, REST, EntityPlan, TablePlan
from json2db_sync.model.shape import EntityShape, is_rest

BATCH = 500


@dataclass(frozen=True)
class StoredRecord:
    """A record as the database holds it."""

    id: Any
    row: sa.RowMapping
    """The columns of the entity's own table, as the driver gives them."""
    record: dict[str, Any]
    """Assembled: what was loaded."""


class RecordReader:
    """Reads the records of one entity over one open connection.

    :param tables: what to read instead of the plan's tables: selections with the same columns.
    """

    def __init__(
        self,
        database: Database,
        connection: sa.Connection,
        plan: EntityPlan,
        tables: Mapping[str, sa.FromClause] | None = None,
    ) -> None:
        self._database = database
        self._connection = connection
        self._plan = plan
        self._shape = EntityShape(plan)
        self._tables: Mapping[str, sa.FromClause] = tables or database.tables(plan)
        self._decoders = {table.name: decoders(database, table) for table in plan.tables}
        self._root, *self._children = plan.tables

    def by_ids(self, ids: Sequence[Any]) -> dict[Any, StoredRecord]:
        """The stored records of these ids; ids that are not there are left out."""
        table = self._tables[self._root.name]
        found: dict[Any, StoredRecord] = {}
        for part in in_lists(ids):
            rows = self._connection.execute(sa.select(table).where(table.c[ID].in_(part))).mappings().all()
            found.update((stored.id, stored) for stored in self._assemble(rows))
        return found

    def by_key(self, key: Key | Sequence[Key]) -> Iterator[StoredRecord]:
        """The stored record of a key, if there is one; the parts of a composite key in a sequence."""
        try:
            id_: str | int = stored_id(key)
            str(id_).encode()
        except ValueError:  # NaN, half a character: no record's key
            return
        if self._plan.id_kind is Kind.INTEGER:
            try:
                id_ = int(id_)
            except ValueError:
                return
            if not INT64_MIN <= id_ <= INT64_MAX:
                return
        yield from self.by_ids([id_]).values()

    def all(self) -> Iterator[StoredRecord]:
        """All records in order of id, a batch in memory at a time."""
        table = self._tables[self._root.name]
        statement = sa.select(table).order_by(table.c[ID]).limit(BATCH)
        after: Any = None
        while True:
            page = statement if after is None else statement.where(table.c[ID] > after)
            rows = self._connection.execute(page).mappings().all()
            if not rows:
                return
            yield from self._assemble(rows)
            after = rows[-1][ID]

    def _assemble(self, rows: Sequence[sa.RowMapping]) -> Iterator[StoredRecord]:
        ids = [row[ID] for row in rows]
        children: defaultdict[Any, dict[str, list[dict[str, Any]]]] = defaultdict(dict)
        for child in self._children:
            for part in in_lists(ids):
                for row in self._child_rows(child, part):
                    decoded = self._decode(child, row)
                    children[row[PARENT_ID]].setdefault(child.name, []).append(decoded)
        for row in rows:
            record = self._shape.assemble(self._decode(self._root, row), children.get(row[ID], {}))
            yield StoredRecord(row[ID], row, record)

    def _child_rows(self, child: TablePlan, ids: Sequence[Any]) -> Sequence[sa.RowMapping]:
        table = self._tables[child.name]
        positions = [table.c[name] for name in child.position_columns]
        statement = sa.select(table).where(table.c[PARENT_ID].in_(ids)).order_by(*positions)
        return self._connection.execute(statement).mappings().all()

    def _decode(self, table: TablePlan, row: sa.RowMapping) -> dict[str, Any]:
        decoded = {name: row[name] for name in table.position_columns}
        for name, decode in self._decoders[table.name]:
            value = row[name]
            decoded[name] = value if decode is None or value is None else _decoded(decode, value, table.name, name)
        rest = row[REST]
        decoded[REST] = None if rest is None else _decoded(self._rest, rest, table.name, REST)
        return decoded

    def _rest(self, value: Any) -> dict[str, Any]:
        rest = self._database.decode_json(value)
        if not is_rest(rest):
            raise ValueError("not what a row's rest looks like")
        return dict(rest)


def _decoded(decode: Decode, value: Any, table: str, column: str) -> Any:
    try:
        return decode(value)
    except (ValueError, TypeError) as error:
        raise DatabaseError(
            f"{table}.{column} holds {str(value)[:60]!r}, which this package did not write there: {error}",
            hint="correct the value, or discard and reload the entity: create-tables --recreate --empty, then populate",
            table=table,
        ) from error
