"""The source files against what is stored: every record of every loaded file, read again.

Each file is read as often as it was loaded with its present content, in the order of the loads: so the history plays
once more, every record can be compared with what is stored of it, and every figure of the ledger is derived again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

import sqlalchemy as sa

from json2db_sync.databases.base import Database
from json2db_sync.databases.ledger import STORED, Ledger, Load
from json2db_sync.databases.outcome_counter import key_memory
from json2db_sync.errors import FileError
from json2db_sync.events import Meter
from json2db_sync.limits import Limits
from json2db_sync.model.plan import EntityPlan
from json2db_sync.results import Check, Note
from json2db_sync.sources import RecordReader, SourceFile
from json2db_sync.sources.layout import FileLayout
from json2db_sync.text import counted
from json2db_sync.verification.check_builder import CheckBuilder
from json2db_sync.verification.ledger_replay import LedgerReplay
from json2db_sync.verification.record_comparison import EntityComparison, StoredSide, bulk_comparison

Reading = Sequence[Load]
"""Loads that one reading of a file serves: those of its entities in one run."""


class Comparison:
    """Compares over one open connection, which sees one state throughout.

    :param run: look only at the files that this run loaded; figures are derived only from all.
    :param batch_path: compare many records at once where that can be done; else each alone. What is found is the same.
    :param paths: where to read files instead of their own paths.
    """

    def __init__(
        self,
        database: Database,
        connection: sa.Connection,
        plans: Mapping[str, EntityPlan],
        limits: Limits,
        meter: Meter,
        run: int | None = None,
        *,
        batch_path: bool = True,
        paths: Mapping[str, Path] | None = None,
    ) -> None:
        self._limits = limits
        self._meter = meter
        self._ledger = Ledger(database, connection)
        loads = self._ledger.loads(statuses=STORED) if plans else []
        loads = [load for load in loads if load.file.entity in plans]
        self._latest = self._ledger.latest_loads() if plans else set()
        self._replay = LedgerReplay(plans, loads, key_memory(limits.memory)) if run is None else None
        self._readings = list(self._planned(loads, run))
        self._stored = StoredSide(database, connection, plans, {load.id: load for load in loads})
        self._batch_path = batch_path
        self._paths = paths or {}
        self._bulk = cache(lambda name: bulk_comparison(database, connection, plans[name]) if batch_path else None)
        self._plans = plans
        self._run = run
        self.compared = self.resent = self.rejected = self.skipped = self.corrected = 0
        """Records: compared with what is stored; that a newer file has too, whose version is the one stored; rejected;
        passed over by skip_existing_records; compared with their correction."""

    @property
    def size(self) -> tuple[int, int]:
        """How many files are going to be read, and their bytes."""
        files = [reading[0].file for reading in self._readings if reading[0].status != "replayed"]
        return len(files), sum(file.size for file in files)

    def source_of(self, load: Load) -> SourceFile:
        """The file of a load, where it is to be read."""
        file = load.file.source_file(load.layout)
        return replace(file, path=self._paths.get(load.file.path, file.path))

    def _planned(self, loads: Sequence[Load], run: int | None) -> Iterator[Reading]:
        """The readings to be done: the latest of each file, and older ones that figures can be derived from."""
        readings: dict[tuple[str, int, str], list[Load]] = {}
        files = {load.file.id for load in loads if run in (None, load.run)}
        for load in loads:
            wanted = load.id in self._latest and load.file.id in files
            if wanted or (self._replay is not None and self._replay.wants(load)):
                readings.setdefault((load.file.path, load.run, load.status), []).append(load)
        return iter(sorted(readings.values(), key=lambda reading: reading[0].id))

    def run(self) -> Iterator[Check]:
        """The comparison of the records, and the derivation of the ledger's figures."""
        finding = CheckBuilder("records")
        if self._run is None:
            for entity in self._plans:
                finding.notes += [
                    Note(f"not compared: what {name} holds now is not loaded", "not_compared", entity)
                    for name in self._ledger.unloaded_files(entity)
                ]
        files = 0
        for reading in self._readings:
            files += self._read(reading, finding)
        self._replay_again(finding)
        covered = f"{counted(self.compared, 'record')} of {counted(files, 'file')} compared with what is stored"
        for count, what in (
            (self.resent, "also in newer files"),
            (self.rejected, "rejected"),
            (self.corrected, "as corrected by hand"),
            (self.skipped, "passed over by skip_existing_records"),
        ):
            covered += f"; {count:,} {what}" if count else ""
        yield finding.done(covered)
        if self._replay is not None:
            yield self._replay.check(self._stored.origins)
            self._replay.close()

    def _replay_again(self, finding: CheckBuilder) -> None:
        """Read for their figures alone the files of which these are not plain."""
        if self._replay is None:
            return
        again = self._replay.start_again(self._stored.origins)
        self._latest = set()
        for reading in self._readings:
            loads = [load for load in reading if load.file.entity in again]
            if loads:
                self._read(loads, finding)

    def _read(self, reading: Reading, finding: CheckBuilder) -> bool:
        """Read a file once more; False where it cannot be compared, which is noted."""
        if reading[0].status == "replayed":
            if self._replay is not None:
                for load in reading:
                    self._replay.replay(load, self._ledger.rejected_of_file(load.file.id))
            return False
        file = reading[0].file.source_file(reading[0].layout)
        latest = [load for load in reading if load.id in self._latest]
        sides = {load.file.entity: self._side(load, file) for load in reading}
        try:
            why_not, records = self._play(file, reading, sides)
        finally:
            for side in sides.values():
                side.close()
        if why_not is not None:
            if latest:
                finding.notes.append(Note(f"not compared: {why_not}", "not_compared"))
            self._forget(reading, why_not)
            return False
        for load in latest:
            self._add(sides[load.file.entity], finding)
        self._meter.file_done(file.name, records, file.size)
        return bool(latest)

    def _side(self, load: Load, file: SourceFile) -> EntityComparison:
        derived = self._replay.start(load) if self._replay is not None else None
        stored = self._stored if load.id in self._latest else None
        return EntityComparison(load, file, self._plans[load.file.entity], stored, derived, self._ledger,
                                key_memory(self._limits.memory), self._bulk(load.file.entity))  # fmt: skip

    def _play(
        self, file: SourceFile, reading: Reading, sides: Mapping[str, EntityComparison]
    ) -> tuple[str | None, int]:
        """(why the file cannot be compared or None, its records)"""
        source = self.source_of(reading[0])
        if not source.path.is_file():
            return f"{file.name} is gone", 0
        report = self._meter.file_started(file.name)
        number = 0
        layout = FileLayout.from_text(reading[0].layout, file.entity)
        try:
            with RecordReader(source, self._limits, layout=layout) as reader:
                for batch in reader.batches(undecoded=self._batch_path):
                    if batch.entity in sides:
                        sides[batch.entity].add(batch, single=reader.layout.is_single)
                    number += len(batch)
                    report(number, reader.bytes_read)
                if reader.digest != reading[0].digest:
                    return f"{file.name} has changed since it was loaded; populate loads the change", number
                for side in sides.values():
                    side.finish()
                return None, number
        except FileError as error:
            return error.message, number

    def _forget(self, reading: Reading, why: str) -> None:
        if self._replay is not None:
            for load in reading:
                self._replay.give_up(load.file.entity, why)

    def _add(self, side: EntityComparison, finding: CheckBuilder) -> None:
        self.compared += side.compared
        self.resent += side.resent
        self.rejected += side.rejected
        self.skipped += side.skipped
        self.corrected += side.corrected
        for problem in (*side.problems.values(), *side.unfit):
            finding.add(problem)
