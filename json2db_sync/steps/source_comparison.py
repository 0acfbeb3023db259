"""The source files against what is stored: every record of every loaded file, read again and compared."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from json2db_sync.databases.base import Database
from json2db_sync.databases.ledger import Ledger
from json2db_sync.databases.records import RecordReader as StoredReader
from json2db_sync.databases.records import StoredRecord
from json2db_sync.errors import DatabaseError, FileError
from json2db_sync.model import plan as names
from json2db_sync.model.jsontext import first_difference, preview, same
from json2db_sync.model.plan import EntityPlan
from json2db_sync.model.shape import Drift
from json2db_sync.results import Check
from json2db_sync.sources import Record, RecordReader, SourceFile
from json2db_sync.sources.files import make_file
from json2db_sync.sources.sessions import time_of
from json2db_sync.steps.finding import Finding
from json2db_sync.steps.progress import Meter
from json2db_sync.steps.record_ids import RecordIds

_BATCH = 500
Known = Mapping[str, Any]
"""A file and one entity in it, as the ledger has them."""


class Comparison:
    """Compares over one open connection, which sees one state throughout."""

    def __init__(
        self,
        database: Database,
        connection: sa.Connection,
        plans: Mapping[str, EntityPlan],
        memory_limit: int,
        meter: Meter,
    ) -> None:
        self._database = database
        self._connection = connection
        self._ledger = Ledger(database, connection)
        self._plans = plans
        self._memory_limit = memory_limit
        self._meter = meter
        self._sort_keys = self._ledger.sort_keys() if plans else {}
        self._files: dict[str, list[Known]] = defaultdict(list)
        for entity in plans:
            for known in self._ledger.loaded_files(entity):
                self._files[known["path"]].append(known)
        self.compared = 0
        self.resent = 0
        """Records that a newer file has too: its version is the one stored."""
        self.rejected = 0
        self.skipped = 0
        """Records passed over by skip_existing_records."""

    @property
    def size(self) -> tuple[int, int]:
        """How many files there are to compare, and their bytes."""
        return len(self._files), sum(entries[0]["size"] for entries in self._files.values())

    def run(self) -> Check:
        """The comparison of every record of every loaded file, each file read once."""
        finding = Finding("records")
        for entity in self._plans:
            for name in self._ledger.unloaded_files(entity):
                finding.notes.append(f"not compared: what {name} holds now is not loaded")
        files = sum(self._file(Path(path), entries, finding) for path, entries in self._files.items())
        covered = f"{self.compared:,} records of {files} file{'s' * (files != 1)} compared with what is stored"
        for count, what in (
            (self.resent, "also in newer files"),
            (self.rejected, "rejected"),
            (self.skipped, "passed over by skip_existing_records"),
        ):
            covered += f"; {count:,} {what}" if count else ""
        return finding.done(covered)

    def _file(self, path: Path, entries: Sequence[Known], finding: Finding) -> bool:
        """Compare one file; False where it cannot be compared, which is noted."""
        name = entries[0]["name"]
        if not path.is_file():
            finding.notes.append(f"not compared: {name} is gone")
            return False
        timed = time_of(entries[0]["session"] or entries[0]["stamp"] or "")
        file = replace(make_file(path, path.parent, {}), entity=entries[0]["entity"], name=name, time=timed)
        entities = {known["entity"]: self._entity(known, file) for known in entries}
        try:
            digest, records = self._read(file, entities)
        except DatabaseError as error:  # a row that cannot even be assembled
            finding.add(error.message)
            return False
        except FileError as error:
            finding.notes.append(f"not compared: {error.message}")
            return False
        finally:
            for entity in entities.values():
                entity.close()
        if digest != entries[0]["digest"]:
            finding.notes.append(f"{name} has changed since it was loaded: populate loads the change")
            return False
        for entity in entities.values():
            self.compared += entity.compared
            self.resent += entity.resent
            self.rejected += entity.rejected
            self.skipped += entity.skipped
            for problem in entity.problems.values():
                finding.add(problem)
        self._meter.file_done(name, records, file.size)
        return True

    def _entity(self, known: Known, file: SourceFile) -> _EntityComparison:
        plan = self._plans[known["entity"]]
        rejected = self._ledger.rejected_numbers(known["id"])
        stored = StoredReader(self._database, self._connection, plan)
        ids = RecordIds(plan, file, self._memory_limit // 4)
        return _EntityComparison(known, self._database, stored, ids, rejected, self._sort_keys)

    def _read(self, file: SourceFile, entities: Mapping[str, _EntityComparison]) -> tuple[str, int]:
        report = self._meter.file_started(file.name)
        number = 0
        with RecordReader(file, self._memory_limit) as reader:
            for number, record in enumerate(reader, 1):
                if record.entity in entities:
                    entities[record.entity].add(record, single=reader.envelope.layout == "object")
                if number % _BATCH == 0:
                    report(number, reader.bytes_read)
            for entity in entities.values():
                entity.flush()
            return reader.digest, number


class _EntityComparison:
    """The records of one entity in one file."""

    def __init__(
        self,
        known: Known,
        database: Database,
        stored: StoredReader,
        ids: RecordIds,
        rejected: set[int],
        sort_keys: Mapping[int, str],
    ) -> None:
        self._known = known
        self._database = database
        self._stored = stored
        self._ids = ids
        self._rejected = rejected
        self._sort_keys = sort_keys
        self._waiting: list[tuple[Any, Record]] = []
        self.problems: dict[Any, str] = {}
        """By id: an older version of a record in the file may differ, only the last one counts."""
        self.compared = self.resent = self.rejected = self.skipped = 0

    def close(self) -> None:
        self._ids.close()

    def add(self, record: Record, *, single: bool) -> None:
        if record.number in self._rejected:
            self.rejected += 1
            return
        where = f"{self._known['name']} record {record.number}"
        objection = record.problem or self._database.objection(record)
        if objection is not None:
            self.problems[where] = f"{where}: {objection}, yet not rejected"
            return
        try:
            self._waiting.append((self._ids.id_of(record, single=single), record))
        except Drift as drift:
            self.problems[where] = f"{where} {drift}"
        if len(self._waiting) >= _BATCH:
            self.flush()

    def flush(self) -> None:
        """Compare the records that wait."""
        stored = self._stored.by_ids(list(dict.fromkeys(id_ for id_, _record in self._waiting)))
        for id_, record in self._waiting:
            self._compare(id_, record, stored.get(id_))
        self._waiting.clear()

    def _compare(self, id_: Any, record: Record, stored: StoredRecord | None) -> None:
        where = f"{self._known['name']} record {record.number} (id {id_})"
        if stored is None:
            self.problems[id_] = f"{where} is not in the database"
            return
        file_id = stored.row[names.FILE]
        if file_id != self._known["id"]:
            if self._sort_keys.get(file_id, "") >= self._known["sort_key"]:
                self.resent += 1
            elif self._known["compared"]:
                self.problems[id_] = f"{where}: an older file's version is stored"
            else:
                self.skipped += 1
            return
        self.compared += 1
        if same(record.value, stored.record):
            self.problems.pop(id_, None)
            return
        path, sent, found = first_difference(record.value, stored.record)
        self.problems[id_] = f"{where} {path}: sent {preview(sent)}, stored {preview(found)}"
