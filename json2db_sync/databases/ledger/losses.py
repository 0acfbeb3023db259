"""The ledger's memory of what someone dropped of our tables, until files have filled what was made again."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator

import sqlalchemy as sa

from json2db_sync.databases.ledger.records import Records
from json2db_sync.databases.ledger.schema import DROPPED, FORGOTTEN, LOST, STORED, loads
from json2db_sync.model.plan import HASH, EntityPlan
from json2db_sync.results import LeftDamage, Note
from json2db_sync.text import counted

_NAMED = 3
"""Files that are named."""


class Losses(Records):
    """Over one open connection."""

    def note_dropped(self, entity: str, what: str) -> None:
        """Someone dropped this: records lack what it held until their files are loaded again."""
        self._insert_load(0, 0, entity, status=DROPPED, error=what)

    def forget_filled(self) -> list[LeftDamage]:
        """What records still lack now that files were loaded; of entities that lack nothing the memory goes."""
        found = self.losses()
        lacking = [one.entity for one in found if one.code == "records_incomplete"]
        self._connection.execute(loads.delete().where(loads.c.status == DROPPED, loads.c.entity.not_in(lacking)))
        return found

    def loss_notes(self, entities: Collection[str] | None = None) -> list[Note]:
        """The same in words, of all entities or these."""
        return [loss_note(one) for one in self.losses() if entities is None or one.entity in entities]

    def losses(self) -> list[LeftDamage]:
        """Entities of which records are incomplete or lost. Rows are looked at only where a loss is known."""
        return [*self._lost(), *self._incomplete()] if self.exists() else []

    def _lost(self) -> Iterator[LeftDamage]:
        """Fewer records than a dropped table held came again from the files that it was loaded from."""
        of_lost = loads.c.file_id.in_(sa.select(loads.c.file_id).where(loads.c.status == LOST))
        rows = sa.case((loads.c.status == LOST, loads.c.inserted), else_=-loads.c.inserted)
        sums = sa.select(loads.c.entity, sa.func.sum(rows)).where(of_lost, loads.c.status.in_((LOST, *STORED)))
        for entity, count in self._connection.execute(sums.group_by(loads.c.entity)).all():
            if count > 0:
                text = f"{entity}: {counted(int(count), 'record')} may be lost with the table that someone dropped"
                accept = f"create-tables --recreate --empty --entity {entity}, then populate"
                advice = f"put the file back, then populate; to accept that they are gone: {accept}"
                yield LeftDamage("records_lost", entity, text + self._unfilled(entity), advice, count=int(count))

    def _incomplete(self) -> Iterator[LeftDamage]:
        dropped: dict[str, list[str]] = defaultdict(list)
        known = sa.select(loads.c.entity, loads.c.error).where(loads.c.status == DROPPED).distinct()
        for entity, what in self._connection.execute(known):
            dropped[entity].append(what)
        plans = self.plans() if dropped else {}
        for entity, parts in dropped.items():
            if entity in plans and (rows := self._incomplete_rows(plans[entity])):
                what = f"{counted(rows, 'record')} may lack what {', '.join(parts)} held, which someone dropped"
                table = self._database.quote(plans[entity].table.name)
                advice = "put the file back, or load a newer one with their keys, then populate; to accept them as "
                advice += f"they are: UPDATE {table} SET {HASH} = 0 WHERE {HASH} = {FORGOTTEN}"
                text = f"{entity}: {what}{self._unfilled(entity)}"
                yield LeftDamage("records_incomplete", entity, text, advice, count=rows)

    def _incomplete_rows(self, plan: EntityPlan) -> int:
        table = self._database.tables(plan)[plan.table.name]
        there = {table.name} & self._database.relation_names(self._connection)
        if not any(HASH in shape.columns for shape in self._database.shapes(self._connection, sorted(there)).values()):
            return 0  # which is told otherwise
        count = sa.select(sa.func.count()).select_from(table).where(table.c[HASH] == FORGOTTEN)
        return int(self._connection.execute(count).scalar_one())

    def _unfilled(self, entity: str) -> str:
        names = self.unloaded_files(entity)
        more = [f"{len(names) - _NAMED} more"] if len(names) > _NAMED else []
        return f" (not loaded since: {', '.join(names[:_NAMED] + more)})" if names else ""


def loss_note(loss: LeftDamage) -> Note:
    """What was lost, and what to do about it."""
    text, lost = f"{loss.text}: {loss.advice}", loss.code == "records_lost"
    return Note(text, "records_lost" if lost else "records_incomplete", loss.entity, loss.count)
