"""Looking before anything is done: what is there, what is new, and problems as values."""

from __future__ import annotations

import json

from support.sessions import ok, session, write

from json2db_sync import SyncRunner, events


def test_what_is_new_changed_and_loaded(database_url, tmp_path):
    """Each file has its state; nothing is written by looking, and the tables stand as they were counted."""
    session(tmp_path, "2025-01-01", things=[{"id": 1, "lines": [{"q": 1}]}], others=[{"id": 1}])
    runner = SyncRunner(database_url, tmp_path)
    before = runner.inspect()
    assert before.success
    assert before.needs_attention
    assert not before.stored.entities
    assert not before.runs
    assert [(file.entity, file.state) for file in before.found.files] == [("others", "new"), ("things", "new")]
    assert (before.found.layout, before.found.sessions, before.found.entities) == ("sessions", 1, ("others", "things"))
    assert before.found.newest.startswith("2025-01-01T08:00:00")
    assert before.found.bytes == sum(file.bytes for file in before.found.files)
    ok(runner.populate())
    loaded = runner.inspect()
    assert not loaded.needs_attention
    assert not loaded.found.to_load
    assert loaded.stored.exists
    assert [(one.name, one.tables, one.record_count) for one in loaded.stored.entities] == [
        ("others", ("json_others",), 1),
        ("things", ("json_things", "json_things_lines"), 1),
    ]
    assert [run.operation for run in loaded.runs] == ["populate"]
    session(tmp_path, "2025-01-01", things=[{"id": 1, "more": "x"}])
    session(tmp_path, "2025-01-02", things=[{"id": 2}])
    again = runner.inspect(counts=False)
    assert [(file.entity, file.state) for file in again.found.to_load] == [("things", "changed"), ("things", "new")]
    assert {entity.record_count for entity in again.stored.entities} == {None}
    assert len(runner.runs().runs) == 1


def test_pending_changes_are_told_where_asked_for(database_url, tmp_path):
    """With changes the files are read, and what create_tables would do is part of the result."""
    session(tmp_path, "2025-01-01", things=[{"id": 1}])
    runner = SyncRunner(database_url, tmp_path)
    ok(runner.populate())
    session(tmp_path, "2025-01-02", things=[{"id": 1, "late": 1.5}])
    assert runner.inspect().pending is None
    pending = runner.inspect(changes=True).pending
    assert [(change.change, change.column) for change in pending.changes] == [("add_column", "late")]


def test_the_window_and_the_entities_asked_for(database_url, tmp_path):
    """As of every operation; an entity that is nowhere is a problem of the source."""
    session(tmp_path, "2025-01-01", things=[{"id": 1}], others=[{"id": 1}])
    session(tmp_path, "2025-02-01", things=[{"id": 1}])
    runner = SyncRunner(database_url, tmp_path)
    found = runner.inspect(since="2025-01-15", until="2025-03-01").found
    assert (len(found.files), found.window) == (1, "since 2025-01-15 until 2025-03-01")
    assert [file.entity for file in runner.inspect(entity_filter=["others"]).found.files] == ["others"]
    unknown = runner.inspect(entity_filter=["thinks"]).found
    assert (unknown.problem.reason, unknown.problem.error) == ("unknown_entity", "there is no entity thinks")
    assert "did you mean things?" in unknown.problem.hint


def test_entities_by_what_is_in_the_files(database_url, tmp_path):
    """A file of several entities bears the name of none; looked into, it says which."""
    write(tmp_path / "all.json", {"things": [{"id": 1}], "others": [{"id": 1}]})
    runner = SyncRunner(database_url, tmp_path)
    assert runner.inspect().found.entities == ("all",)
    assert runner.inspect(contents=True).found.entities == ("others", "things")


def test_problems_are_part_of_the_result(tmp_path):
    """No data and no database are no failure of looking: what is wrong stands where it belongs, with what to do."""
    (tmp_path / "no.db").write_bytes(b"this is not a database at all, it is only a text")
    result = SyncRunner(tmp_path / "no.db", tmp_path / "nowhere").inspect(changes=True)
    assert result.success
    assert result.needs_attention
    assert result.pending is None
    assert result.found.problem.error_type == "file_error"
    assert result.found.problem.hint
    assert result.stored.problem.error_type == "database_error"
    assert not result.stored.exists
    told = json.loads(result.to_json())
    assert told["found"]["problem"]["error"] == result.found.problem.error
    assert "error" not in told


def test_what_a_listener_hears(database_url, tmp_path):
    """One run and one step."""
    session(tmp_path, "2025-01-01", things=[{"id": 1}])
    heard: list[events.Event] = []
    ok(SyncRunner(database_url, tmp_path, on_event=heard.append).inspect())
    assert [type(event).__name__ for event in heard] == ["RunStarted", "StepFinished", "RunFinished"]
    assert heard[1].summary == "1 file, 1 of them new or changed"
