"""Operations that are killed at random moments, and what must hold afterwards.

To have a further operation killed, add it to ``OPERATIONS``: how the database comes to the state in which the operation
begins, and the operation itself, which a process of its own runs (``python kill_harness.py NAME URL TREE``).
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from json2db_sync import SyncRunner
from json2db_sync.config import JSON2DBConfig
from json2db_sync.databases import open_database
from json2db_sync.results import Result
from support.contents import Content, accounting_problems, assert_sound, content, rows, table_names
from support.sessions import statements as by_hand

Work = Callable[[str, Path], Result]
"""Database URL and source tree -> result."""

LOCK_SECONDS = 5.0
"""How long a server may take to notice that the killed process is gone."""


@dataclass(frozen=True)
class Operation:
    """Something that may be killed at any moment, and run again."""

    name: str
    run: Work
    prepare: Work | None = None
    """Brings an empty database to the state in which the operation begins."""
    mends: bool = False
    """Is the database not sound before?"""


def full_workflow(url: str, tree: Path) -> Result:
    """Everything, into an empty database."""
    return SyncRunner(url, tree).full_workflow()


def load_first_session(url: str, tree: Path) -> Result:
    """A database that has seen only the oldest session."""
    return SyncRunner(url, min((tree / "sync_sessions").iterdir())).populate()


def load_drifted_sessions(url: str, tree: Path) -> Result:
    """Sessions whose keys and kinds differ from those stored, so that tables are widened and rebuilt in between."""
    return SyncRunner(url, tree).populate()


def evolve(url: str, tree: Path) -> Result:
    """Tables widened, extended and rebuilt for what all sessions hold, without loading any."""
    return SyncRunner(url, tree).create_tables()


def load_with_rules(url: str, tree: Path) -> Result:
    """A database of which a schema keeps out most invoices."""
    rules = tree / "rules"
    rules.mkdir(exist_ok=True)
    _write(rules / "invoices.schema.json", {"properties": {"total": {"type": "integer"}}})
    config = JSON2DBConfig(validation={"schema_directory": rules})
    return SyncRunner(url, tree / "sync_sessions", config=config).populate()


def replay(url: str, tree: Path) -> Result:
    """Rejected invoices stored after all, with tables that widen for them."""
    return SyncRunner(url, tree).replay(entity="invoices")


def load_without_children(url: str, tree: Path) -> Result:
    """A database in which arrays are JSON columns."""
    config = JSON2DBConfig(processing={"child_depth": 0})
    return SyncRunner(url, tree, config=config).populate()


def recreate(url: str, tree: Path) -> Result:
    """Tables planned afresh, with children, and the rows carried over."""
    return SyncRunner(url, tree).create_tables(recreate=True)


def load_backup_and_change(url: str, tree: Path) -> Result:
    """A backup of the oldest session, and a database that went on from there."""
    load_first_session(url, tree)
    made = SyncRunner(url).backup()
    return made and load_drifted_sessions(url, tree)


def restore(url: str, tree: Path) -> Result:
    """Back to the oldest backup."""
    oldest = SyncRunner(url).backups().backups[-1]
    return SyncRunner(url).restore(oldest["name"])


def load_and_damage(url: str, tree: Path) -> Result:
    """A database in which someone deleted rows, changed values, and took child rows away."""
    loaded = load_drifted_sessions(url, tree)
    by_hand(
        url,
        "DELETE FROM json_invoices_line_items WHERE _parent_id < 9 OR item = '1'",
        "DELETE FROM json_invoices WHERE id IN (3, 4, 20, 50)",
        "UPDATE json_invoices SET total = -1, currency = 'USD' WHERE id > 40",
        "UPDATE json_contacts SET name = 'nobody'",
        "DELETE FROM json_events WHERE text < 'xxxxxxxx'",
    )
    return loaded


def load_and_drop(url: str, tree: Path) -> Result:
    """A database in which someone dropped tables and a column."""
    loaded = load_drifted_sessions(url, tree)
    with open_database(url) as database, database.reading() as connection:
        views = list(database.flat_views(connection))
    by_hand(
        url,
        *(f"DROP VIEW {view}" for view in views),
        "DROP TABLE json_invoices_line_items",
        "DROP TABLE json_events",
        "ALTER TABLE json_contacts DROP COLUMN name",
    )
    return loaded


def repair(url: str, tree: Path) -> Result:
    """All of it stored again as the sessions hold it."""
    result = SyncRunner(url, tree).repair()
    assert not getattr(result, "left", ()), result
    return result


OPERATIONS = (
    Operation("full_workflow", full_workflow),
    Operation("drift", load_drifted_sessions, prepare=load_first_session),
    Operation("evolve", evolve, prepare=load_first_session),
    Operation("replay", replay, prepare=load_with_rules),
    Operation("recreate", recreate, prepare=load_without_children),
    Operation("restore", restore, prepare=load_backup_and_change),
    Operation("repair", repair, prepare=load_and_damage, mends=True),
    Operation("repair_dropped", repair, prepare=load_and_drop, mends=True),
)


# The input: sessions in which records are new, changed, the same, keyless, rejected, and drift from what was before.


def make_tree(folder: Path, seed: int, records: int = 300) -> Path:
    """A tree of three sessions; the same seed makes the same tree."""
    chance = random.Random(seed)
    base = folder / "api_sync"
    invoices: dict[int, dict[str, Any]] = {}
    contacts: dict[str, dict[str, Any]] = {}
    for number in range(3):
        stamp = f"2026-01-{number * 7 + 1:02d}_08-00-00"
        place = base / "sync_sessions" / f"sync_session_{stamp}" / "raw_json" / stamp
        place.mkdir(parents=True)
        for _ in range(records):
            known = bool(invoices) and chance.random() < 0.3
            id_ = chance.choice(list(invoices)) if known else len(invoices) + 1
            invoices[id_] = _invoice(chance, id_, number)
        for _ in range(records // 2):
            id_ = f"c-{chance.randrange(records)}"
            contacts[id_] = {"contact_id": id_, "name": f"Näme {chance.random()}", "since": "2020-02-29"}
        _write(place / "invoices.json", list(invoices.values()))
        _write(place / "contacts.json", {"contacts": list(contacts.values()), "page_context": {"page": 1}})
        events = [{"at": f"2026-01-01T00:{n % 60:02d}:00Z", "text": "x" * chance.randrange(60)} for n in range(records)]
        lines = [json.dumps(event) for event in events] + ["[1]", '{"cut', '{"n": 1e400}']
        (place / "events.ndjson").write_text("\n".join(lines))
        if number == 1:
            (place / "refused.json").write_text('[{"id": 1}, {"id": ')
    return base


def _invoice(chance: random.Random, id_: int, session: int) -> dict[str, Any]:
    lines = chance.randrange(5)
    invoice: dict[str, Any] = {
        "invoice_id": id_,
        "date": f"2026-01-{chance.randrange(1, 29):02d}",
        "total": chance.randrange(1000),
        "note": None,
        "tags": ["a", "b"],
        "line_items": [{"item": n, "rate": chance.random(), "text": "ü" * n} for n in range(lines)],
    }
    if session >= 1:  # a new column, integer becomes number, a column of dates becomes text
        invoice |= {"currency": "EUR", "total": chance.random() * 1000, "date": "unknown"}
    if session >= 2:  # a new child table, a column that becomes one, a new column in a child
        invoice |= {"payments": [{"n": 1}, {"n": 2}], "tags": [{"tag": "a"}]}
        invoice["line_items"].append({"item": "text", "new": True})
    return invoice


def _write(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value, ensure_ascii=False), encoding="utf-8")


# Databases that can be put back to where they began


class SQLitePlace:
    """SQLite files: a state is a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._saved = folder / "saved"
        self._number = 0
        self.url = ""

    def fresh(self) -> str:
        """A database of its own, as it was when it was saved."""
        self._number += 1
        place = self._folder / f"run{self._number}"
        if self._saved.exists():
            shutil.copytree(self._saved, place)
        else:
            place.mkdir(parents=True)
        self.url = str(place / "test.db")
        return self.url

    def save(self) -> None:
        """The state of the latest database is the one to begin with from now on."""
        shutil.copytree(Path(self.url).parent, self._saved)

    def discard(self) -> None:
        """The latest database is done with."""
        shutil.rmtree(Path(self.url).parent)

    def problems(self) -> list[str]:
        """What a kill may leave that no run would notice."""
        found = []
        for backup in Path(self.url).parent.glob("backups/*.db"):
            with closing(sqlite3.connect(backup)) as connection:
                (said,) = connection.execute("PRAGMA integrity_check").fetchone()
                if said != "ok":
                    found.append(f"{backup}: {said}")
        return found


class PostgreSQLPlace:
    """Databases of one server: a state is a template."""

    def __init__(self, server: Any) -> None:
        self._server = server
        self._template: str | None = None
        self.url = ""

    def fresh(self) -> str:
        self.url = self._server.create_database()
        if self._template:
            name = _database(self.url)
            self._server.execute(f"DROP DATABASE {name}")
            self._server.execute(f"CREATE DATABASE {name} TEMPLATE {_database(self._template)}")
        return self.url

    def save(self) -> None:
        self._template = self.url
        self.url = ""

    def discard(self) -> None:
        self._server.drop_database(self.url)

    def close(self) -> None:
        """Drop what is left."""
        for url in (self.url, self._template):
            if url:
                self._server.drop_database(url)

    def problems(self) -> list[str]:
        return []


def _database(url: str) -> str:
    from sqlalchemy import make_url

    return str(make_url(url).database)


Place = SQLitePlace | PostgreSQLPlace


# The killing


class Harness:
    """One operation on one kind of database, killed as often as wanted."""

    def __init__(self, operation: Operation, place: Place, tree: Path, seed: int) -> None:
        self.operation = operation
        self.place = place
        self.tree = tree
        self.chance = random.Random(seed)
        self.kills = 0
        self.finished = 0
        """Runs that were done before the moment came."""
        if operation.prepare:
            _must_succeed(operation.prepare(place.fresh(), tree))
            place.save()
        self.expected, self.seconds = self._undisturbed()

    def _undisturbed(self) -> tuple[Content, float]:
        process = self._start(self.place.fresh())
        started = time.monotonic()
        output, errors = process.communicate(timeout=120)
        seconds = time.monotonic() - started
        assert process.returncode == 0, errors.decode()
        assert json.loads(output)["success"], output.decode()
        found = content(self.place.url)
        assert any(found.records.values())
        self.place.discard()
        return found, seconds

    def _start(self, url: str) -> subprocess.Popen[bytes]:
        """The operation in a process of its own, up to the moment when everything is imported."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith("JSON2DB_")}
        tests = str(Path(__file__).parents[1])  # where it finds the package ``support``
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, (tests, os.environ.get("PYTHONPATH"))))
        process = subprocess.Popen(
            [sys.executable, __file__, self.operation.name, url, str(self.tree)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment,
            cwd=self.tree,  # no .env there
        )
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n", process.communicate()[1].decode()
        return process

    def kill_once(self) -> None:
        """Run, kill, look, run again, look again.

        :raises AssertionError: saying when the kill came and what does not hold.
        """
        url = self.place.fresh()
        moment = self.chance.uniform(0, self.seconds)
        process = self._start(url)
        started = time.monotonic()
        try:
            process.wait(moment)
            self.finished += 1
            self.seconds = time.monotonic() - started  # the machine has become faster
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            self.kills += 1
        process.communicate(timeout=60)
        try:
            self._look(url)
        except AssertionError as error:
            raise AssertionError(
                f"{self.operation.name} killed after {moment:.4f} of {self.seconds:.4f} s: {error}"
            ) from error
        self.place.discard()

    def _look(self, url: str) -> None:
        if not self.operation.mends and ("://" in url or Path(url).exists()):
            assert_sound(url)
        assert self.place.problems() == []
        again = self._run_again(url)
        assert again.success, again.error
        assert_sound(url)
        found = content(url)
        assert found.rows == self.expected.rows
        assert found.counts == self.expected.counts, (found.counts, self.expected.counts)
        assert found == self.expected
        assert not [name for name in table_names(url) if name.startswith("json2db_new_")]
        before = rows(url)
        _must_succeed(self.operation.run(url, self.tree))
        assert rows(url) == before, "a further run changed something"
        assert accounting_problems(url) == []
        assert self.place.problems() == []

    def _run_again(self, url: str) -> Result:
        deadline = time.monotonic() + LOCK_SECONDS
        while True:
            result = self.operation.run(url, self.tree)
            if result.error_type != "locked" or time.monotonic() > deadline:
                return result
            time.sleep(0.05)


def _must_succeed(result: Result) -> None:
    assert result.success, result.error


def main(name: str, url: str, tree: str) -> None:
    """What the process does that is going to be killed."""
    import filelock  # noqa: F401
    import psycopg  # noqa: F401

    from json2db_sync.analysis import json_analyzer  # noqa: F401
    from json2db_sync.databases import postgresql, sqlite  # noqa: F401
    from json2db_sync.loading import data_populator, replay  # noqa: F401
    from json2db_sync.operations import repair, summary_reporter  # noqa: F401
    from json2db_sync.schema import table_generator  # noqa: F401
    from json2db_sync.verification import restoring, table_verifier  # noqa: F401

    operation = next(operation for operation in OPERATIONS if operation.name == name)
    print("ready", flush=True)
    result = operation.run(url, Path(tree))
    print(json.dumps({"success": result.success, "error": result.error}), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
