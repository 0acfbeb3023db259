"""The ledger's rows carried to another database, exactly: a copy of our tables is the same data, with the same id."""

from __future__ import annotations

from collections.abc import Callable, Collection

import sqlalchemy as sa

from json2db_sync.databases.base import Database
from json2db_sync.databases.dialect import PAGE_BYTES
from json2db_sync.databases.ledger import Ledger
from json2db_sync.databases.ledger.schema import loads, metadata, runs, versions
from json2db_sync.errors import ValidationError
from json2db_sync.model.kinds import Kind

_PAGE = 500


def require_no_entities(target: Database, writing: sa.Connection) -> None:
    """Raise where the target has entities of its own: two ledgers do not become one.

    :raises ValidationError: then.
    """
    ledger = Ledger(target, writing)
    if ledger.exists() and (ledger.plans() or _holds_rows(writing, loads)):
        raise ValidationError(
            f"{target.label} has entities of its own, whose history does not become one with another's",
            hint="transfer into another database, or replace what is there; or load the files there: populate",
            reason="entities_in_the_way",
        )


def _holds_rows(connection: sa.Connection, table: sa.Table) -> bool:
    return connection.execute(sa.select(sa.literal(1)).select_from(table).limit(1)).first() is not None


class LedgerCopy:
    """Carries the ledger of one database to another, each over one open connection.

    :param entities: of which files, loads and records are carried; None for all, those that have no tables among them.
    """

    def __init__(
        self, source: Database, target: Database, reading: sa.Connection, writing: sa.Connection,
        entities: Collection[str] | None,
    ) -> None:  # fmt: skip
        self._source, self._target = source, target
        self._reading, self._writing = reading, writing
        self._entities = entities

    def run(self, progress: Callable[[str, int], None]) -> None:
        """Carry all rows. The copy of a former version's ledger has the present version; runs there come last."""
        there = set(sa.inspect(self._reading).get_table_names())
        Ledger(self._target, self._writing).create()
        self._writing.execute(versions.delete())
        self._make_room()
        for name, table in metadata.tables.items():
            if name in there:
                self._carry(table, progress)
        Ledger(self._target, self._writing).create()

    def _make_room(self) -> None:
        """Runs of the target, of which there is nothing else, are numbered after those of the source."""
        highest = sa.select(*(sa.select(sa.func.max(one)).scalar_subquery() for one in (runs.c.id, loads.c.run_id)))
        last = max(int(one or 0) for one in self._reading.execute(highest).one())
        kept = self._writing.execute(sa.select(runs).order_by(runs.c.id)).mappings().all()
        self._writing.execute(runs.delete())
        if kept:
            rows = [{**row, "id": last + number} for number, row in enumerate(kept, 1)]
            self._writing.execute(runs.insert(), rows)

    def _carry(self, table: sa.Table, progress: Callable[[str, int], None]) -> None:
        have = {one["name"] for one in sa.inspect(self._reading).get_columns(table.name)}
        columns = [column for column in table.columns if column.name in have]
        select = sa.select(*columns).select_from(table)
        if "entity" in table.columns and self._entities is not None:
            select = select.where(table.c.entity.in_(list(self._entities)))
        largest = self._source.largest_row(self._reading, select, {column.name: column.type for column in columns})
        size = min(_PAGE, max(1, PAGE_BYTES // max(1, largest)))
        for rows in self._source.pages(self._reading, select, size):
            texts = [self._storable(column) for column in zip(*rows, strict=True)]
            names = [column.name for column in columns]
            filled = [dict(zip(names, row, strict=True)) for row in zip(*texts, strict=True)]
            self._target.insert(self._writing, table, filled)
            progress(table.name, len(rows))

    def _storable(self, column: tuple[object, ...]) -> list[object]:
        """Ids of records that the target cannot hold, and was not given, are spelled out."""
        found = self._target.unstorable(Kind.TEXT, column)
        return [str(value).replace("\0", r"\u0000") if place in found else value for place, value in enumerate(column)]
