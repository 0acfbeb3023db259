"""The row path: records that were shredded one by one, held against what is stored, and written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

import sqlalchemy as sa

from json2db_sync.databases.outcome_counter import Decided, Outcome, written
from json2db_sync.databases.row_access import Values
from json2db_sync.loading.load_context import DuplicateKey, LoadContext, Versions
from json2db_sync.model.jsontext import same
from json2db_sync.model.plan import HASH, ID, PARENT_ID
from json2db_sync.model.shredder import EntityShredder, Row, Rows
from json2db_sync.sources import Record


@dataclass(frozen=True)
class Shredded:
    """A record ready to be stored."""

    id: str | int
    hash: int
    record: Record
    row: Row
    children: Rows


class RowLoader:
    """Stores the records that wait, all with different ids, at each :meth:`flush`."""

    def __init__(self, context: LoadContext) -> None:
        self._context = context
        self.shredder = EntityShredder(context.plan)
        self.waiting: dict[str | int, Shredded] = {}

    def flush(self) -> None:
        """Store what waits.

        :raises DuplicateKey: when records were taken for new and different, and one is not.
        """
        if not self.waiting:
            return
        waiting = dict(self.waiting)
        self.waiting.clear()
        context = self._context
        stored = context.database.versions(context.connection, context.root, list(waiting))
        if context.is_first and any(load == context.place.load for _hash, load in stored.values()):
            raise DuplicateKey
        seen = context.outcomes.seen([str(id_) for id_ in waiting])
        outcomes = self._outcomes(waiting, stored, seen)
        new = [waiting[id_] for id_, outcome in outcomes.items() if outcome == Outcome.INSERTED]
        changed = [waiting[id_] for id_, outcome in outcomes.items() if outcome == Outcome.UPDATED]
        refused: set[str | int] = set()
        attempts = [(new, changed)] if new or changed else []
        for one, other in attempts:
            try:
                with context.connection.begin_nested():
                    self._write(one, other)
            except sa.exc.DBAPIError as error:
                if not context.database.refuses_row(error):
                    raise
                if len(one) + len(other) > 1:  # then one by one
                    attempts += [*(([item], []) for item in one), *(([], [item]) for item in other)]
                    continue
                (item,) = (*one, *other)
                context.reject(item.record, f"the database refuses it: {str(error.orig).splitlines()[0]}")
                refused.add(item.id)
        if not context.options.skip_existing:
            context.confirm((id_ for id_, outcome in outcomes.items() if outcome == Outcome.UNCHANGED), stored)
        decided = {
            str(id_): Decided(waiting[id_].record.number, outcome, stored[id_][1] if id_ in stored else None)
            for id_, outcome in outcomes.items()
            if id_ not in refused
        }
        context.outcomes.add(decided, seen)

    def _outcomes(
        self, waiting: Mapping[str | int, Shredded], stored: Versions, seen: Mapping[str, int]
    ) -> dict[str | int, Outcome]:
        options, place = self._context.options, self._context.place
        outcomes: dict[str | int, Outcome] = {}
        unsure = []
        for id_, item in waiting.items():
            if id_ not in stored:
                outcomes[id_] = Outcome.INSERTED
                continue
            if options.skip_existing and not written(seen.get(str(id_))):
                outcomes[id_] = Outcome.UNCHANGED
                continue
            hash_, load = stored[id_]
            is_outdated = load in place.newer_loads or place.later.get(str(id_), 0) > item.record.number
            outcomes[id_] = Outcome.SUPERSEDED if is_outdated else Outcome.UPDATED
            if options.duplicate_prevention or str(id_) in seen:
                if hash_ == item.hash:
                    outcomes[id_] = Outcome.UNCHANGED
                else:
                    unsure.append(id_)
        for id_ in self._equal(unsure, waiting, outcomes):
            outcomes[id_] = Outcome.UNCHANGED
        return outcomes

    def _equal(
        self, unsure: Sequence[str | int], waiting: Mapping[str | int, Shredded], outcomes: Mapping[str | int, Outcome]
    ) -> list[str | int]:
        """Those that equal what is stored, only spelled otherwise; how is kept from now on."""
        context = self._context
        stored = context.stored.by_ids(unsure)
        equal = [id_ for id_, known in stored.items() if same(waiting[id_].record.value, known.record)]
        rows = [{ID: id_, HASH: waiting[id_].hash} for id_ in equal if outcomes[id_] == Outcome.UPDATED]
        context.database.update_by_id(context.connection, context.root, rows)
        return equal

    def _write(self, new: Sequence[Shredded], changed: Sequence[Shredded]) -> None:
        context = self._context
        insert, connection = context.database.insert, context.connection
        insert(connection, context.root, list(self._rows(new, context.constants)))
        if changed:
            context.delete_children([item.id for item in changed])
            rows = list(self._rows(changed, context.constants_of_changed))
            context.database.update_by_id(connection, context.root, rows)
        count = len(new) + len(changed)
        for table in context.plan.tables[1:]:
            columns = self.shredder.tables[table.name].stored_columns
            children = [
                {PARENT_ID: item.id, **dict(zip(columns, row, strict=True))}
                for item in chain(new, changed)
                for row in item.children.get(table.name, ())
            ]
            insert(connection, context.tables[table.name], children)
            count += len(children)
        context.rows_written += count

    def _rows(self, items: Sequence[Shredded], constants: Values) -> Iterator[Values]:
        columns = self.shredder.root.stored_columns
        for item in items:
            yield {**constants, **dict(zip(columns, item.row, strict=True)), ID: item.id, HASH: item.hash}
