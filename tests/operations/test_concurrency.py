"""Others at work on the same database: readers see whole files only, one run writes, a killed one is in nobody's way."""

from __future__ import annotations

import gc
import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from support.contents import assert_sound
from support.sessions import ok, session
from support.stored import query

from json2db_sync import SyncRunner, events
from json2db_sync.config import JSON2DBConfig
from json2db_sync.databases import open_database

RECORDS, FILES = 300, 8


# A load in a process of its own

LOAD = """
import sys, time
from json2db_sync import SyncRunner, events
from json2db_sync.events import Progress, silent

def stop(event, seen=set()):
    if isinstance(event, Progress) and event.records % {records} and event.records // {records} not in seen:
        seen.add(event.records // {records})  # once a file
        print("in the midst", flush=True)
        sys.stdin.readline()
    else:
        time.sleep(0.11)  # progress is told ten times a second at most: the next is due

print("ready", flush=True)
sys.stdin.readline()
result = SyncRunner(sys.argv[1], sys.argv[2], on_event={listener}).populate()
print(result.to_json(), flush=True)
"""


class Loader:
    """A process that populates once it is told to, and if so wanted waits in the midst of each file."""

    def __init__(self, url: str, source: Path, listener: str) -> None:
        code = LOAD.format(records=RECORDS, listener=listener)
        command = [sys.executable, "-c", code, url, str(source)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self._line() == "ready\n"

    def _line(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline()

    def go(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def until_in_the_midst(self) -> None:
        self.go()
        assert self._line() == "in the midst\n"

    def result(self) -> Any:
        """What populate returned."""
        found = json.loads(self._line())
        assert self.process.wait(60) == 0
        return found

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


@contextmanager
def loading(url: str, source: Path, listener: str = "silent") -> Iterator[Loader]:
    loader = Loader(url, source, listener)
    with loader.process:
        try:
            yield loader
        finally:
            loader.kill()


# Readers while files come in


def things(version: int, *, drift: bool) -> list[dict[str, Any]]:
    """All things in their next version; their children are as many and as old as the version says."""
    late: dict[str, Any] = {}
    if drift:  # integers become numbers, then text; a column, a child table and a column of children are new
        late = {"kind": [1, 2, 2.5, 3, "x", "y", "z", 7][version % 8], f"since_{version // 2}": version}
        late |= {"parts": [{"p": version}] * version} if version >= 3 else {}
    lines = [{"version": version, **({"text": "x"} if drift and version >= 5 else {})}] * (version % 3 + 1)
    return [{"id": number, "version": version, "lines": lines, **late} for number in range(RECORDS)]


def by_read(runner: SyncRunner) -> set[tuple[int, ...]]:
    """(version, records, children) of every version that is there."""
    found = list(runner.read("things"))
    versions = {record["version"] for record in found} | {line["version"] for one in found for line in one["lines"]}
    return {(version, len(found), sum(len(one["lines"]) for one in found)) for version in versions or {-1}}


def by_trace(runner: SyncRunner) -> set[tuple[int, ...]]:
    """The same through trace, which also names one file for all."""
    found = list(runner.trace("things"))
    assert len({one.path for one in found}) == 1
    versions = {one.record["version"] for one in found}
    return {(version, len(found), sum(len(one.record["lines"]) for one in found)) for version in versions}


def by_sql(runner: SyncRunner) -> set[tuple[int, ...]]:
    """The same in anyone's SQL: parents joined with their children."""
    sql = (
        "SELECT t.version, count(DISTINCT t.id), count(*) FROM json_things AS t"
        " LEFT JOIN json_things_lines AS l ON l._parent_id = t.id AND l.version = t.version GROUP BY t.version"
    )
    return {tuple(map(int, row)) for row in query(str(runner.db_path), sql)} or {(-1, 0, 0)}


def by_verify(runner: SyncRunner) -> set[tuple[int, ...]]:
    """Nothing but what verification says."""
    result = runner.verify()
    assert result.success, (result.error, [check for check in result.checks if not check.passed])
    return set()


READERS: dict[str, Callable[[SyncRunner], set[tuple[int, ...]]]] = {
    "read": by_read, "trace": by_trace, "sql": by_sql, "verify": by_verify,
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("drift", [False, True], ids=["same tables", "tables that widen"])
def test_readers_see_the_state_before_or_after_a_file(database_url, tmp_path, drift):
    """While files come in, every way of reading sees all records and children of one file, and never a mixture."""
    session(tmp_path, "2025-01-01", things=things(0, drift=drift))
    runner = SyncRunner(database_url, tmp_path)
    ok(runner.populate())
    for version in range(1, FILES):
        session(tmp_path, f"2025-01-0{version + 1}", things=things(version, drift=drift))
    done = threading.Event()

    def keep_looking(look: Callable[[SyncRunner], set[tuple[int, ...]]]) -> list[set[tuple[int, ...]]]:
        seen = [look(SyncRunner(database_url, tmp_path))]
        while not done.is_set():
            seen.append(look(SyncRunner(database_url, tmp_path)))
        return seen

    with loading(database_url, tmp_path) as loader, ThreadPoolExecutor(len(READERS)) as pool:
        looking = {name: pool.submit(keep_looking, look) for name, look in READERS.items()}
        try:
            loader.go()
            result = loader.result()
        finally:
            done.set()
        seen = {name: future.result() for name, future in looking.items()}
    assert result["success"], result["error"]
    assert result["statistics"]["updated"] == RECORDS * (FILES - 1)
    wanted = [{(version, RECORDS, RECORDS * (version % 3 + 1))} for version in range(FILES)]
    for name, states in seen.items():
        assert len(states) >= 2, name
        mixtures = [state for state in states if state and state not in wanted]
        assert not mixtures, f"{name} saw {mixtures[:3]}"
    assert by_read(runner) == by_sql(runner) == wanted[-1]
    assert_sound(database_url, runner=runner)


@pytest.mark.slow
def test_a_reader_that_began_before_a_change_of_tables_sees_the_state_before(database_url, tmp_path):
    """What a reader sees was decided when it began: tables that are rebuilt meanwhile are not empty to it.

    Where the database cannot do both, the run that rebuilds them waits, and says in the end that it is locked.
    """
    session(tmp_path, "2025-01-01", things=things(0, drift=False), others=[{"id": 1, "n": 1, "lines": [{"q": 1}]}])
    runner = SyncRunner(database_url, tmp_path)
    ok(runner.populate())
    session(tmp_path, "2025-01-02", others=[{"id": 1, "n": 1.5, "lines": []}, {"id": 2, "n": "x"}])
    impatient = SyncRunner(database_url, tmp_path, config=JSON2DBConfig(database={"busy_timeout": 0.3}))
    with open_database(database_url) as database, database.reading() as connection:
        things_seen = connection.exec_driver_sql("SELECT count(*) FROM json_things").scalar_one()
        result = impatient.populate()
        sql = "SELECT count(*), count(l.q) FROM json_others AS o JOIN json_others_lines AS l ON l._parent_id = o.id"
        others_seen = tuple(connection.exec_driver_sql(sql).one())
    assert result.success or result.error_type == "locked", result.error
    assert (things_seen, others_seen) == (RECORDS, (1, 1))
    ok(runner.populate())
    assert [record["n"] for record in runner.read("others")] == [1.5, "x"]
    assert_sound(database_url, runner=runner)


# One run writes


@pytest.mark.slow
def test_of_two_populates_at_once_one_is_told_who_writes(database_url, tmp_path):
    """The second is told by number, operation and process who holds the lock, and what it would have done is not lost."""
    session(tmp_path, "2025-01-01", things=things(0, drift=False))
    runner = SyncRunner(database_url, tmp_path)
    with loading(database_url, tmp_path, "stop") as loader:
        loader.until_in_the_midst()
        second = runner.populate()
        assert (second.success, second.error_type) == (False, "locked")
        assert f"run 1 (populate), process {loader.process.pid}" in second.error
        assert "wait until it is done" in second.hint
        loader.go()
        assert loader.result()["statistics"]["inserted"] == RECORDS
    third = ok(runner.populate())
    assert (third.run, third.files_unchanged) == (2, 1)
    assert_sound(database_url, runner=runner)


@pytest.mark.slow
def test_many_populates_at_once_load_each_record_once(database_url, tmp_path):
    """Whoever comes first, the others are told locked or find the work done; nothing is there twice."""
    session(tmp_path, "2025-01-01", things=things(2, drift=False))
    with loading(database_url, tmp_path) as one, loading(database_url, tmp_path) as other:
        one.go()
        other.go()
        results = [one.result(), other.result()]
    assert any(result["success"] for result in results)
    assert {result.get("error_type") for result in results} <= {None, "locked"}
    assert sum(result["statistics"].get("inserted", 0) for result in results) == RECORDS
    assert by_sql(SyncRunner(database_url)) == {(2, RECORDS, RECORDS * 3)}
    assert_sound(database_url)


def without_the_lock_of(process: int, runner: SyncRunner) -> Any:
    """The result of populate; a server may take a moment to notice that a process is gone."""
    deadline = time.monotonic() + 10
    while True:
        result = runner.populate()
        if result.error_type != "locked" or time.monotonic() > deadline:
            return result
        assert str(process) in result.error
        time.sleep(0.05)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL here")
def test_the_next_run_takes_over_from_one_that_was_killed(database_url, tmp_path):
    """A run killed in the midst of a file leaves that file out whole; the next takes the lock and does its work."""
    session(tmp_path, "2025-01-01", things=things(0, drift=False))
    runner = SyncRunner(database_url, tmp_path)
    ok(runner.populate())
    session(tmp_path, "2025-01-02", things=things(1, drift=False))
    session(tmp_path, "2025-01-03", things=things(2, drift=False))
    with loading(database_url, tmp_path, "stop") as loader:
        loader.until_in_the_midst()
        loader.kill()
        assert by_sql(runner) == by_read(runner) == {(0, RECORDS, RECORDS)}
        assert_sound(database_url, runner=runner)
        result = ok(without_the_lock_of(loader.process.pid, runner))
    assert result.statistics["updated"] == 2 * RECORDS
    assert by_sql(runner) == {(2, RECORDS, RECORDS * 3)}
    assert [run.status for run in runner.runs().runs] == ["done", "interrupted", "done"]
    assert_sound(database_url, runner=runner)


# One runner, several threads


@pytest.mark.slow
def test_threads_read_through_one_runner(database_url, tmp_path):
    """Each call stands alone: every thread gets the whole answer to what it asked, and its own events."""
    session(tmp_path, "2025-01-01", things=things(2, drift=False), others=[{"id": 1}])
    heard: dict[int, list[events.Event]] = {}

    def hear(event: events.Event) -> None:
        heard.setdefault(threading.get_ident(), []).append(event)

    runner = SyncRunner(database_url, tmp_path, on_event=hear)
    ok(runner.populate())
    kept = vars(runner).copy()
    heard.clear()
    together = threading.Barrier(4)

    def look(call: Callable[[], Any]) -> list[Any]:
        together.wait(60)
        return [call() for _ in range(5)]

    calls: list[Callable[[], Any]] = [
        lambda: by_read(runner),
        lambda: ok(runner.report()).total_records,
        lambda: ok(runner.verify()).operation,
        lambda: runner.show_run(99).reason,
    ]
    with ThreadPoolExecutor(4) as pool:
        seen = [future.result() for future in [pool.submit(look, call) for call in calls]]
    assert seen == [[{(2, RECORDS, RECORDS * 3)}] * 5, [RECORDS + 1] * 5, ["verify"] * 5, ["unknown_run"] * 5]
    for told in heard.values():
        runs = [event for event in told if isinstance(event, events.RunStarted | events.RunFinished)]
        assert [type(event) for event in runs] == [events.RunStarted, events.RunFinished] * (len(runs) // 2)
        assert len({event.operation for event in runs}) == 1
    assert vars(runner) == kept, "a call leaves nothing on the runner"


def test_of_two_threads_that_write_through_one_runner_one_is_locked_out(database_url, tmp_path):
    """The one that came second is told locked, changes nothing, and can do its work afterwards."""
    session(tmp_path, "2025-01-01", things=things(0, drift=False))
    other = tmp_path / "other"
    session(other, "2025-01-01", others=[{"id": 1}, {"id": 2}])
    in_the_midst, go_on = threading.Event(), threading.Event()

    def stop(event: events.Event) -> None:
        if isinstance(event, events.Progress) and event.step == "populate" and not go_on.is_set():
            in_the_midst.set()
            assert go_on.wait(60)

    runner = SyncRunner(database_url, on_event=stop)
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(runner.full_workflow, None, tmp_path / "sync_session_2025-01-01_08-00-00")
        assert in_the_midst.wait(60)
        second = runner.populate(json_dir=other)
        go_on.set()
        done = ok(first.result())
    assert (second.success, second.error_type, second.reason, second.operation) == (
        False,
        "locked",
        "locked",
        "populate",
    )
    assert "run 2 (full_workflow)" in second.error
    assert (done.operation, list(done.steps)[-1], done.statistics["inserted"]) == ("full_workflow", "report", RECORDS)
    assert by_sql(runner) == {(0, RECORDS, RECORDS)}
    third = ok(runner.populate(json_dir=other))
    assert (third.run, third.statistics["inserted"]) == (3, 2)
    assert [run.operation for run in runner.runs().runs] == ["populate", "full_workflow", "create_tables"]
    assert_sound(database_url, runner=runner)


def test_a_call_leaves_the_collection_of_garbage_as_it_was(database_url, tmp_path):
    """How often the process looks for garbage is for the program to say, not for a library."""
    session(tmp_path, "2025-01-01", things=things(0, drift=False))
    before, seen = gc.get_threshold(), set()
    ok(SyncRunner(database_url, tmp_path, on_event=lambda _event: seen.add(gc.get_threshold())).populate())
    assert seen == {before}
