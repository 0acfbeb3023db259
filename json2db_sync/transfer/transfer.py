"""A transfer from its plan to its certificate: what is asked of whom, in which order."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

import sqlalchemy as sa

from json2db_sync.atomic_files.disk import PRIVATE, translated
from json2db_sync.atomic_files.disk import replaced as replaced_file
from json2db_sync.databases.base import Database
from json2db_sync.databases.catalog.tables import Catalog, CatalogTable
from json2db_sync.databases.ledger import Remembered, Transfers
from json2db_sync.databases.table_stores import Batch, Lines, Misfit, TableStore, ValueRefused, WireColumn
from json2db_sync.databases.table_stores.profiles import ColumnProfile
from json2db_sync.databases.target_types import types_of
from json2db_sync.errors import ConfigurationError, DatabaseError, ValidationError
from json2db_sync.events import Listener, Meter, Progress, RecordMeter
from json2db_sync.model.jsontext import Json
from json2db_sync.model.kinds import now_text
from json2db_sync.results import MovedTable, Note, PlannedTable, TransferResult
from json2db_sync.text import counted
from json2db_sync.transfer import certificate
from json2db_sync.transfer.checking import broken
from json2db_sync.transfer.entity_plans import remove_entities, tables_to_back_up
from json2db_sync.transfer.kept_rows import kept_line
from json2db_sync.transfer.ledger_rows import require_no_entities
from json2db_sync.transfer.mapped import Choices, MappedTable
from json2db_sync.transfer.mapping import Mapper, shape
from json2db_sync.transfer.moving import Move, replaced, tried
from json2db_sync.transfer.names import Names
from json2db_sync.transfer.preflight import Found
from json2db_sync.transfer.rejecting import Rejecting
from json2db_sync.transfer.resuming import Ranges
from json2db_sync.transfer.sources import Source

_SHARE = 128
_MOST_NAMED = 6
"""Of the memory limit a batch of rows may be such a part: it exists several times on its way."""


class Transfer:
    """One transfer.

    :param memory: bytes to stay within.
    """

    def __init__(self, source: Source, target: Database, choices: Choices, emit: Listener, memory: int) -> None:
        self._source, self._target = source, target
        self.choices, self._emit = choices, emit
        self._looking = RecordMeter("preflight", emit)
        self._store = source.store
        self._batch_bytes = max(1 << 16, min(1 << 20, memory // _SHARE))
        self._started_at = now_text()
        self._profiles: dict[tuple[str | None, str], Mapping[str, ColumnProfile]] = {}
        self.size = source.size
        self.place: Path | None = None
        """Of the certificate."""
        self.certificate: dict[str, Any] | None = None
        self.rejects: Path | None = None

    # The plan

    def plan(self) -> TransferResult:
        """What would be done.

        :raises ConfigurationError: when tables that are named are not there, or are where new ones are to be.
        """
        choices = self.choices
        self._catalog = self._source.catalog()
        self._entities = self._chosen_entities()
        if choices.tables is not None or choices.exclude_tables is not None:
            choices = self._without_entities(choices)
        there, manifest = self._target_catalog()
        self._manifest = self._source.manifest()
        spelled, profiles = self._source.is_spelled, self._profile
        mapper = Mapper(self._catalog, there, choices, profiles=profiles, manifest=self._manifest, spelled=spelled)
        if choices.mode in ("append", "upsert"):
            self._require_no_entities()
            self._mapped = mapper.into_existing(manifest)
        else:
            self._mapped = mapper.mapped()
            self._require_room(there)
            if self._entities and choices.mode == "create" and self._target.exists():
                with self._target.reading() as connection:
                    require_no_entities(self._target, connection)
            is_kept = choices.dry_run and self._target.capabilities.file_based  # with its journal
            if self._target.exists() and not self._replaced and not is_kept:
                tried(self._target, self._mapped.target)
        self._types = types_of(there.database, there.encoding)
        self._take_places()
        entities = {entity: plan for entity, plan in self._plans.items() if entity in self._entities}
        return TransferResult(
            database=self._target.label,
            source=self._source.label,
            target=self._target.label,
            dry_run=choices.dry_run,
            mode=choices.mode,
            plan=(*self._planned(), *self._source.planned(self._target, entities)),
            left_out=(*self._mapped.left_out, *self._source.left_out(entities)),
            proposals=self._mapped.proposals,
        )

    def _take_places(self) -> None:
        """Where the certificate and the rejected rows go."""
        choices = self.choices
        place = certificate.place(choices.certificate, occupied=self._occupied)
        self.place = place if choices.verify or choices.certificate else None
        self.rejects = certificate.rejects_of(place) if choices.on_error == "reject" else None

    def _occupied(self, path: Path) -> bool:
        return self._source.occupies(path) or self._target.occupies(path)

    def _chosen_entities(self) -> list[str]:
        names = set(self.choices.tables) if self.choices.tables is not None else None
        excluded = set(self.choices.exclude_tables or ())
        plans = self._plans = self._source.plans()
        known = {entity: {entity, *(table.name for table in plan.tables)} for entity, plan in plans.items()}
        return [one for one, of in known.items() if (names is None or names & of) and not excluded & of]

    def _without_entities(self, choices: Choices) -> Choices:
        """The tables that are named, without those of entities, which are moved by their plans."""
        ours = {
            name for entity, plan in self._plans.items() for name in (entity, *(table.name for table in plan.tables))
        }
        tables = None if choices.tables is None else [name for name in choices.tables if name not in ours]
        return replace(choices, tables=tables, exclude_tables={*(choices.exclude_tables or ())} - ours)

    def _require_no_entities(self) -> None:
        if self._entities:
            raise ConfigurationError(
                f"entities of json2db_sync are moved into a database that has none: {', '.join(self._entities[:5])}",
                hint="load their files there; or move them into a new database with mode create",
                reason="conflicting_arguments",
                setting="mode",
            )

    def _target_catalog(self) -> tuple[Catalog, Mapping[str, Remembered]]:
        """What is there, and where it came from."""
        if not self._target.exists():
            return Catalog(self._target.capabilities.name), {}
        with self._target.reading() as connection:
            transfers = Transfers(connection)
            transfers.require()
            return self._target.table_store(connection).catalog(), transfers.manifest()

    def _profile(self, table: CatalogTable) -> Mapping[str, ColumnProfile]:
        if table.place not in self._profiles:
            self._emit(Progress("preflight", table.title, 0))
            self._profiles[table.place] = self._source.profile(table, partial(self._looking.add, table.title))
        return self._profiles[table.place]

    def _require_room(self, there: Catalog) -> None:
        """The names that are to be made are free, or to be replaced."""
        fold = Names(types_of(there.database)).folded
        wanted = {fold(table.target.name) for table in self._mapped.tables}
        taken = [table for table in there.tables if fold(table.name) in wanted]
        self._replaced = replaced(there, [table.name for table in taken]) if self.choices.mode == "replace" else []
        if taken and not self._replaced:
            more = f" and {len(taken) - _MOST_NAMED:,} more" if len(taken) > _MOST_NAMED else ""
            names = ", ".join(table.title for table in taken[:_MOST_NAMED]) + more
            raise DatabaseError(
                f"the target has tables of these names already: {names}",
                hint="mode append or upsert adds rows to them, mode replace makes them anew after a backup",
                reason="tables_exist",
                table=taken[0].title,
            )

    def _planned(self) -> Iterator[PlannedTable]:
        is_new = self.choices.mode in ("create", "replace")
        creation = self._types.creation(self._mapped.target) if is_new else None
        statements = [*creation.before, *creation.after] if creation else []
        for table in self._mapped.tables:
            own = tuple(one.sql for one in statements if one.table == table.target.name)
            profiles = self._profiles.get(table.source.place, {})
            rows = next((one.rows for one in profiles.values()), None)
            rows = self._source.counted(table.source) if rows is None else rows
            yield PlannedTable(table.source.title, table.target.title, rows, table.columns, own)

    # The preflight

    def looked(self, result: TransferResult) -> TransferResult:
        """With everything that the target would refuse."""
        found, notes = Found(), list(result.notes)
        is_there = self.choices.mode in ("append", "upsert")
        keeps, there = self.choices.on_error == "reject", self._there if is_there else None
        lacking = self._mapped.target
        lacking = replace(lacking, enums=(), domains=(), sequences=()) if is_there else lacking
        checked = partial(broken, self._target, lacking)
        self._preflight = self._source.preflight(self._mapped, self._types, there=there, broken=checked, keeps=keeps)
        plan = {table.name: table for table in result.plan}
        for table in self._mapped.tables:
            name, columns = table.source.title, self._preflight.explained(table).columns
            plan[name] = replace(plan[name], columns=columns)
            profiles = self._profiles.get(table.source.place, {})
            for misfit in self._preflight.found(table, profiles):
                found.add(misfit)
            notes += self._preflight.notes(table)
            if not profiles:
                self._looking.add(table.source.title, table.source.rows or 0)
        if self._entities:
            for misfit in self._source.entity_misfits(self._target, self._entities):
                found.add(misfit)
        return replace(result, plan=tuple(plan.values()), refused=found.refused, notes=tuple(notes))

    def _there(self, table: CatalogTable, columns: Sequence[WireColumn]) -> Iterator[Batch]:
        with self._target.reading() as connection:
            yield from self._target.table_store(connection).read(table, columns)

    # The transfer

    def run(self, result: TransferResult) -> TransferResult:
        """Move everything in one transaction of the target."""
        try:
            return self._all_moved(result)
        except ValueRefused as error:  # the target made another of it, or the preflight could not tell
            told = error.misfit
            where = f"{told.table}{f'.{told.column}' if told.column else ''}, {told.key}"
            raise ValidationError(
                f"{where}: {told.why}; nothing was kept",
                hint="the column's type in the target changes it: correct the value, or the type",
                reason="values_refused",
                table=told.table,
            ) from error

    def _all_moved(self, result: TransferResult) -> TransferResult:
        meter = Meter("transfer", self._emit)
        backup = None
        if old := self._to_be_replaced():
            backup = self._target.backup(old).name
        ranges = self._ranges() if self.choices.resume else None
        counts = [ranges.fill(one, meter, self._batch_bytes) for one in self._mapped.tables] if ranges else None
        try:
            return self._one_transaction(result, meter, backup, ranges, counts)
        except ValidationError as error:
            if ranges is not None and error.reason == "not_equal":  # the source is another by now
                ranges.discard()
            raise

    def _to_be_replaced(self) -> list[str]:
        if self.choices.mode != "replace":
            return []
        old = [table.name for table in self._replaced]
        if self._entities and self._target.exists():
            with self._target.reading() as connection:
                old += tables_to_back_up(self._target, connection)
        return old

    def _ranges(self) -> Ranges:
        chosen = self.choices
        options: dict[str, Any] = {"views": chosen.views, "strangers": chosen.strangers}
        options |= {"jsonb": sorted(chosen.jsonb), "json_index": chosen.json_index}
        ranges = Ranges(self._store, self._target, self._mapped, self._source.label, options)
        ranges.begin()
        return ranges

    def _one_transaction(
        self, result: TransferResult, meter: Meter, backup: str | None, ranges: Ranges | None, counts: list[int] | None
    ) -> TransferResult:
        with ExitStack() as files, self._target.restructuring() as writing:
            rejects = self._rejects_file(files) if result.refused else None
            store = self._target.table_store(writing)
            if self.choices.mode == "replace" and self._replaced:
                store.drop(self._replaced)
            if self.choices.mode == "replace" and self._entities:
                remove_entities(self._target, writing)
            if ranges is not None:
                ranges.place(store, self._mapped.target.schema)
            tables = self._tables(store, meter, rejects, counts)
            if self._entities and self.choices.on_error == "reject" and rejects is None:
                rejects = self._rejects_file(files)  # what only the target can tell
            tables += self._moved_entities(writing, meter, rejects)
            statistics = {
                "total_records": sum(one.rows for one in tables),
                "rejected": sum(one.rejected for one in tables),
                "tables": len(tables),
            }
            named = str(self.rejects) if rejects and statistics["rejected"] else None
            result = replace(result, tables=tuple(tables), rejects=named, backup=backup, statistics=statistics)
            return self._recorded(writing, store, result, ranges.number if ranges else None)

    def _rejects_file(self, files: ExitStack) -> BinaryIO:
        assert self.rejects is not None
        files.enter_context(translated(self.rejects))
        return files.enter_context(replaced_file(self.rejects, mode=PRIVATE))

    def _tables(
        self, store: TableStore, meter: Meter, rejects: BinaryIO | None, counts: list[int] | None
    ) -> list[MovedTable]:
        """Of an application. They are made and filled, unless they were, and finished."""
        batches = self._all_rows
        rejecting = Rejecting(self._preflight, self._mapped.tables, self._types) if rejects else None
        if rejecting is not None and rejects is not None:
            rejecting.look()
            batches = partial(rejecting.batches, rejects=rejects)
        comparing = RecordMeter("compare", self._emit)
        is_new = self.choices.mode in ("create", "replace")
        ends = self._store, self._source.original, store
        move = Move(*ends, self._mapped, batches, meter, comparing, self._batch_bytes, is_new)
        if rejecting is None:
            move.copied, move.lines, move.as_wired = self._source.copied, self._all_lines, True
        if counts is None:
            if is_new:
                move.make()
            counts = move.fill_all(self.choices.mode)
        if is_new:
            move.finish()
        else:
            move.number_on()
        gone = rejecting.rejected if rejecting else {}
        mode = "create" if is_new else self.choices.mode
        moved = []
        for table, rows in zip(self._mapped.tables, counts, strict=True):
            rejected = gone.get(table.source.place, 0)
            if self.choices.verify:
                one = move.moved(table, rows, rejected, mode=mode)
            else:
                one = MovedTable(table.source.title, table.target.title, rows, rejected)
            unreadable = len(self._preflight.unreadable(table)) if rejecting else 0
            moved.append(replace(one, rejected=rejected + unreadable))
        return moved

    def _all_rows(self, table: MappedTable) -> Iterator[Batch]:
        return self._store.read(table.source, table.reading, batch_bytes=self._batch_bytes)

    def _all_lines(self, table: MappedTable) -> tuple[Sequence[int], Iterator[Lines]] | None:
        profiles = self._profiles.get(table.source.place, {})
        return self._store.lines(table.source, table.reading, profiles, batch_bytes=self._batch_bytes)

    def _moved_entities(self, writing: sa.Connection, meter: Meter, rejects: BinaryIO | None) -> list[MovedTable]:
        if not self._entities:
            return []

        def refused(misfit: Misfit, record: Mapping[str, Json] | None) -> None:
            assert rejects is not None
            rejects.write(kept_line(misfit.table, misfit.key, record, misfit.why))

        done: dict[str, int] = {}

        def progress(table: str, rows: int) -> None:
            done[table] = done.get(table, 0) + rows
            meter.file_started(table)(sum(done.values()), 0)

        tell = refused if rejects is not None else None
        only = None if len(self._entities) == len(self._plans) else self._entities
        return self._source.move_entities(self._target, writing, only=only, refused=tell, progress=progress)

    def _recorded(
        self, writing: sa.Connection, store: TableStore, result: TransferResult, number: int | None
    ) -> TransferResult:
        """The manifest, and the certificate, in the target."""
        transfers = Transfers(writing)
        transfers.create()
        result = replace(result, notes=(*result.notes, *self._cleared(transfers, store, number)))
        if self.choices.mode in ("create", "replace"):
            transfers.remember(list(self._remembered(store.catalog())))
        if number is None:
            number = transfers.start(self._source.label, {"mode": self.choices.mode})
        told = None
        if self.choices.verify:
            versions = {"source": self._source.version, "target": self._target.version(writing)}
            self.certificate = certificate.content(result, self._started_at, versions)
            told = json.dumps(self.certificate)
            result = replace(result, certificate=str(self.place))
        transfers.finish(number, told)
        return result

    def _cleared(self, transfers: Transfers, store: TableStore, number: int | None) -> Iterator[Note]:
        """Tables that wait for what will not go on are dropped: nothing else is running while we write."""
        for left in transfers.left():
            if left.number != number:
                for statement in self._types.discarding(left.reached.tables, left.number):
                    store.execute(statement)
                transfers.give_up(left.number)
                what = counted(len(left.reached.tables), "table")
                text = f"{what} of a transfer from {left.source}, broken off since {left.started_at}, were removed"
                yield Note(text, "broken_off_removed", count=len(left.reached.tables))

    def _remembered(self, there: Catalog) -> Iterator[Remembered]:
        """What the tables were; where they came from a copy of such tables, what those were."""
        made = {table.name: table for table in there.tables}
        source = self._catalog
        for table in self._mapped.tables:
            known = self._manifest.get(table.source.name)
            if source.database != there.database:
                of_its_own = source.enums, source.domains, source.sequences
                yield Remembered(table.source, made[table.target.name], source.database, *of_its_own)
            elif known is not None and shape(known.made) == shape(table.source):
                yield replace(known, made=made[table.target.name])
