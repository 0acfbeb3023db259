"""The ledger's single records: those that were rejected, and those that newer versions took the place of."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from json2db_sync.databases.dialect import in_lists
from json2db_sync.databases.ledger.files_and_loads import FilesAndLoads
from json2db_sync.databases.ledger.schema import (
    REMARKS,
    Rejection,
    StoredFile,
    files,
    loads,
    rejected,
    safe_text,
    superseded,
    within_range,
)
from json2db_sync.databases.outcome_counter import Superseded
from json2db_sync.model.jsontext import short_hash
from json2db_sync.model.kinds import now_text

_PAGE = 200
_NOTED = (
    (rejected, rejected.c.stored_id, (rejected.c.id,)),
    (superseded, superseded.c.record_id, (superseded.c.load_id, superseded.c.record_number)),
)
"""Table, its column of ids, and what tells its rows apart."""


@dataclass(frozen=True)
class Replayed:
    """A rejected record that was stored after all."""

    number: int
    """What the ledger knows the rejected record by."""
    stored_id: str
    corrected: bytes | None
    """Its text as stored, where that is not the one in the file."""


def _listed(mistakes: Sequence[str]) -> str | None:
    return safe_text(json.dumps(mistakes, ensure_ascii=False)) if mistakes else None


class Records(FilesAndLoads):
    """Over one open connection."""

    _remarked = False
    """Do rejected records have all of their columns, as far as is known?"""

    def _columns(self) -> tuple[list[sa.ColumnElement[Any]], bool]:
        """Those of rejected records, NULL for what an older ledger does not have; and does this one have them?"""
        if self._remarked:
            return [*rejected.c], True
        there = {column["name"] for column in sa.inspect(self._connection).get_columns(rejected.name)}
        self._remarked = there.issuperset(REMARKS)
        found: list[sa.ColumnElement[Any]] = [
            column if column.name in there else sa.null().label(column.name) for column in rejected.c
        ]
        return found, self._remarked

    def add_rejections(
        self, load: int, file_id: int, rejections: Sequence[Rejection], in_force: str | None = None
    ) -> None:
        """Keep rejected records. What was dismissed of the file's earlier content stays so.

        :param in_force: the rules, as JSON.
        """
        if not rejections:
            return
        first = self._next_id(rejected)
        nothing = {"dismissed_at": None, "dismissed": None}
        rows = [
            {
                "id": first + place,
                "load_id": load,
                "file_id": file_id,
                "entity": rejection.entity,
                "record_number": rejection.number,
                "byte": rejection.byte,
                "json_path": rejection.path and safe_text(rejection.path),
                "reason": safe_text(rejection.reason),
                "raw": rejection.raw,
                "rejected_at": now_text(),
                "mistakes": _listed(rejection.mistakes),
                "in_force": in_force,
                **self._dismissed.get((rejection.entity, short_hash(rejection.raw)), nothing),
            }
            for place, rejection in enumerate(rejections)
        ]
        self._connection.execute(rejected.insert(), rows)

    def rejected(
        self,
        entity: str | None = None,
        numbers: Collection[int] | None = None,
        most: int | None = None,
        *,
        oldest_first: bool = False,
        dismissed: bool = False,
    ) -> Iterator[dict[str, Any]]:
        """Records that are rejected still, with their file; a page of them in memory at a time.

        :param dismissed: also those that were dismissed; they are too where their numbers are given.
        """
        order = rejected.c.id if oldest_first else rejected.c.id.desc()
        statement = self._open_ones(dismissed=dismissed or numbers is not None).order_by(order)
        if entity is not None:
            statement = statement.where(rejected.c.entity == entity)
        numbers = within_range(numbers)
        few = numbers is not None and len(numbers) <= _PAGE
        if numbers is not None and few:
            statement = statement.where(rejected.c.id.in_(list(numbers)))
        given, last = 0, None
        while most is None or given < most:
            page = (
                statement
                if last is None
                else statement.where(rejected.c.id > last if oldest_first else rejected.c.id < last)
            )
            rows = self._connection.execute(page.limit(min(_PAGE, _PAGE if most is None else most - given))).all()
            if not rows:
                return
            wanted = [row for row in rows if numbers is None or few or row.id in numbers]
            yield from (dict(row._mapping) for row in wanted)
            given, last = given + len(wanted), rows[-1].id

    def _open_ones(self, *, dismissed: bool) -> sa.Select[Any]:
        newer, newer_load = files.alias(), loads.alias()
        columns, remarked = self._columns()
        statement = (
            sa.select(*columns, files.c.name.label("file"), files.c.path.label("file_path"))
            .select_from(rejected.join(files, rejected.c.file_id == files.c.id))
            .where(rejected.c.replayed_load.is_(None))
        )
        if remarked:
            statement = (
                statement.add_columns(newer.c.name.label("overtaken_by"))
                .join(newer_load, newer_load.c.id == rejected.c.overtaken_load, isouter=True)
                .join(newer, newer.c.id == newer_load.c.file_id, isouter=True)
            )
        return statement.where(rejected.c.dismissed_at.is_(None)) if remarked and not dismissed else statement

    def rejected_files(self, entity: str | None, numbers: Collection[int] | None) -> list[StoredFile]:
        """The files that such records came from, from old to new."""
        numbers = within_range(numbers)
        open_ones = sa.select(rejected.c.file_id).where(rejected.c.replayed_load.is_(None)).distinct()
        if numbers is None and self._columns()[1]:
            open_ones = open_ones.where(rejected.c.dismissed_at.is_(None))
        if entity is not None:
            open_ones = open_ones.where(rejected.c.entity == entity)
        parts = (
            [open_ones]
            if numbers is None
            else [open_ones.where(rejected.c.id.in_(part)) for part in in_lists(list(numbers))]
        )
        ids = {file_id for part in parts for file_id in self._connection.execute(part).scalars()}
        found = [
            StoredFile(**row._mapping)
            for part in in_lists(sorted(ids))
            for row in self._connection.execute(sa.select(files).where(files.c.id.in_(part)))
        ]
        return sorted(found, key=lambda file: (file.sort_key, file.id))

    def rejected_of_file(self, file_id: int) -> Iterator[dict[str, Any]]:
        """All records of a file that are or were rejected, in their order in the file; a page in memory at a time."""
        columns, _remarked = self._columns()
        statement = sa.select(*columns).where(rejected.c.file_id == file_id).order_by(rejected.c.record_number)
        last = -1
        while rows := self._connection.execute(statement.where(rejected.c.record_number > last).limit(_PAGE)).all():
            yield from (dict(row._mapping) for row in rows)
            last = rows[-1].record_number

    def rejected_between(self, file_id: int, first: int, last: int) -> dict[int, dict[str, Any]]:
        """By record number, those of a file between two numbers (both included) that are or were rejected."""
        known = [column for column in rejected.c if column.name not in REMARKS]
        statement = sa.select(*known).where(
            rejected.c.file_id == file_id, rejected.c.record_number.between(first, last)
        )
        return {row.record_number: dict(row._mapping) for row in self._connection.execute(statement)}

    def rejected_counts(self, *, overtaken: bool = False, dismissed: bool = False) -> dict[str, int]:
        """By entity, how many records are rejected still.

        :param overtaken: also those of which a newer version is stored.
        :param dismissed: also those that were dismissed.
        """
        statement = (
            sa.select(rejected.c.entity, sa.func.count())
            .where(rejected.c.replayed_load.is_(None))
            .group_by(rejected.c.entity)
        )
        if self._columns()[1]:
            hidden = [rejected.c.overtaken_load] if not overtaken else []
            hidden += [rejected.c.dismissed_at] if not dismissed else []
            statement = statement.where(*(column.is_(None) for column in hidden))
        return {entity: int(count) for entity, count in self._connection.execute(statement)}

    def rules_in_force(self, entity: str | None = None) -> list[str | None]:
        """Under which rules the records were rejected that are so still, and were not dismissed."""
        if not self._columns()[1]:
            return [None]
        open_ones = rejected.c.replayed_load.is_(None) & rejected.c.dismissed_at.is_(None)
        statement = sa.select(rejected.c.in_force).where(open_ones).distinct()
        if entity is not None:
            statement = statement.where(rejected.c.entity == entity)
        return list(self._connection.execute(statement).scalars())

    def kept_by_load(self) -> dict[int, int]:
        """By load, how many of its records are rejected still."""
        statement = (
            sa.select(rejected.c.load_id, sa.func.count())
            .where(rejected.c.replayed_load.is_(None))
            .group_by(rejected.c.load_id)
        )
        return {int(load): int(count) for load, count in self._connection.execute(statement)}

    def take_on(self, load: int, numbers: Sequence[int]) -> None:
        """Have a replay answer for these rejected records, in place of the loads that did so far."""
        for part in in_lists(numbers):
            counts = self._connection.execute(
                sa.select(rejected.c.load_id, sa.func.count())
                .where(rejected.c.id.in_(part))
                .group_by(rejected.c.load_id)
            ).all()
            for before, count in counts:
                self._connection.execute(
                    loads.update().where(loads.c.id == before).values(resolved=loads.c.resolved + count)
                )
            self._connection.execute(rejected.update().where(rejected.c.id.in_(part)).values(load_id=load))

    def reject_again(self, number: int, rejection: Rejection, in_force: str | None) -> None:
        """A rejected record could not be loaded again, for this reason."""
        path = rejection.path and safe_text(rejection.path)
        self._connection.execute(
            rejected.update()
            .where(rejected.c.id == number)
            .values(
                reason=safe_text(rejection.reason),
                json_path=path,
                rejected_at=now_text(),
                mistakes=_listed(rejection.mistakes),
                in_force=in_force,
            )
        )

    def dismiss(self, numbers: Sequence[int], reason: str) -> None:
        """These rejected records need no look any more."""
        for part in in_lists(numbers):
            self._connection.execute(
                rejected.update()
                .where(rejected.c.id.in_(part))
                .values(dismissed_at=now_text(), dismissed=safe_text(reason))
            )

    def mark_overtaken(self, loads_of: Mapping[int, int | None]) -> None:
        """By number of a rejected record the load of a newer version of it that is stored; None where there is none."""
        for number, load in loads_of.items():
            statement = rejected.update().where(rejected.c.id == number).values(overtaken_load=load)
            self._connection.execute(statement)

    def mark_replayed(self, load: int, stored: Sequence[Replayed]) -> None:
        """Rejected records are stored now."""
        for record in stored:
            self._connection.execute(
                rejected.update()
                .where(rejected.c.id == record.number)
                .values(replayed_load=load, stored_id=record.stored_id, corrected=record.corrected)
            )

    def corrections(self, entity: str) -> set[tuple[int, str]]:
        """(load, id) of the records that were stored in a corrected text."""
        statement = sa.select(rejected.c.replayed_load, rejected.c.stored_id).where(
            rejected.c.entity == entity, rejected.c.corrected.is_not(None)
        )
        return {(int(load), id_) for load, id_ in self._connection.execute(statement)}

    # Ids of stored records, which change when their entity gets another key

    def noted_ids(self, entity: str) -> dict[str, str]:
        """The ids that rejected and superseded records are noted with, each to itself."""
        return {id_: id_ for table, column, _keys in _NOTED for id_ in self._noted(table, column, entity)}

    def _noted(self, table: sa.Table, column: sa.Column[Any], entity: str) -> Iterator[str]:
        statement = sa.select(column).where(table.c.entity == entity, column.is_not(None)).distinct()
        yield from self._connection.execute(statement).scalars()

    def rename_ids(self, entity: str, renamed: Mapping[str, str]) -> None:
        """Stored records have these ids now."""
        for table, column, keys in _NOTED:
            rows = self._connection.execute(
                sa.select(*keys, column).where(table.c.entity == entity, column.is_not(None))
            ).all()
            statement = (
                table.update()
                .where(*(key == sa.bindparam(f"key_{place}") for place, key in enumerate(keys)))
                .values({column: sa.bindparam("now")})
            )
            changed = [
                {**{f"key_{place}": part for place, part in enumerate(row[:-1])}, "now": renamed[row[-1]]}
                for row in rows
                if renamed.get(row[-1], row[-1]) != row[-1]
            ]
            if changed:
                self._connection.execute(statement, changed)

    def add_superseded(self, load: int, file_id: int, entity: str, records: Sequence[Superseded]) -> None:
        """Keep which records newer versions took the place of."""
        if records:
            rows = [
                {
                    "load_id": load,
                    "file_id": file_id,
                    "entity": entity,
                    "record_number": record.number,
                    "record_id": record.id,
                    "newer_load": record.newer_load,
                    "newer_number": record.newer_number,
                }
                for record in records
            ]
            self._connection.execute(superseded.insert(), rows)

    def superseded(self, entity: str | None = None, most: int | None = None) -> list[dict[str, Any]]:
        """Superseded records with their file and that of the newer version, latest loads first."""
        newer, newer_load = files.alias(), loads.alias()
        statement = (
            sa.select(superseded, files.c.name.label("file"), sa.func.coalesce(newer.c.name, "").label("newer_file"))
            .join_from(superseded, files, superseded.c.file_id == files.c.id)
            .join(newer_load, newer_load.c.id == superseded.c.newer_load, isouter=True)
            .join(newer, newer.c.id == newer_load.c.file_id, isouter=True)
            .order_by(superseded.c.load_id.desc(), superseded.c.record_number)
            .limit(most)
        )
        if entity is not None:
            statement = statement.where(superseded.c.entity == entity)
        return [dict(row._mapping) for row in self._connection.execute(statement)]

    def superseded_ids(self, file_ids: Sequence[int]) -> set[str]:
        """The ids of superseded records that stand in these files."""
        return {
            id_
            for part in in_lists(file_ids)
            for id_ in self._connection.execute(
                sa.select(superseded.c.record_id).where(superseded.c.file_id.in_(part))
            ).scalars()
        }

    def superseded_counts(self) -> dict[int, int]:
        """By load, how many superseded records are listed."""
        statement = sa.select(superseded.c.load_id, sa.func.count()).group_by(superseded.c.load_id)
        return {int(load): int(count) for load, count in self._connection.execute(statement)}

    def superseded_total(self, entity: str | None = None) -> int:
        """How many superseded records are listed, of all entities or of one."""
        statement = sa.select(sa.func.count()).select_from(superseded)
        if entity is not None:
            statement = statement.where(superseded.c.entity == entity)
        return int(self._connection.execute(statement).scalar_one())
