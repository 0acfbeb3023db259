"""Records that cannot be loaded: kept whole, listed, written into a file, corrected and loaded after all."""

from __future__ import annotations

import json

import pytest
from support.contents import accounting_problems
from support.rejected import corrections, lines, sound, strict
from support.sessions import ok, query, session, verified, write

from json2db_sync import SyncRunner
from json2db_sync.config import JSON2DBConfig

NOT_UTF8 = b'{"id": 3, "v": "\xff"}'


def test_rejected_records_are_kept_byte_for_byte(database_url, tmp_path):
    """Whatever the bytes: the record's text, place and reason are there, by number too."""
    lines(tmp_path / "items.jsonl", b'{"id": 1}', b"{oops", NOT_UTF8, b'  {"id": 4, "v": 1e999}  ')
    runner = SyncRunner(database_url, tmp_path)
    result = ok(runner.populate())
    assert result.statistics["rejected"] == 3
    kept = query(database_url, "SELECT record_number, byte, raw FROM json2db_rejected ORDER BY record_number")
    assert [(number, byte, bytes(raw)) for number, byte, raw in kept] == [
        (2, 10, b"{oops"),
        (3, 16, NOT_UTF8),
        (4, 36, b'{"id": 4, "v": 1e999}'),
    ]
    newest = ok(runner.rejected()).records[0]
    assert (newest.record, newest.reason) == (4, "no double can hold the number 1e999")
    assert ok(runner.rejected(numbers=[newest.number])).records == (newest,)
    assert runner.rejected(numbers=[99]).error == "no rejected record has the number 99"
    sound(runner, database_url)


def test_rejected_records_become_a_file(database_url, tmp_path):
    """A line of JSON each, oldest first; an existing file is left alone unless asked."""
    lines(tmp_path / "items.jsonl", b'{"id": 1}', b"{oops", NOT_UTF8)
    runner = SyncRunner(database_url, tmp_path)
    ok(runner.populate())
    output = tmp_path / "out" / "rejected.ndjson"
    assert runner.export_rejected(output).error_type == "file_error"
    output.parent.mkdir()
    assert ok(runner.export_rejected(output)).count == 2
    first, second = map(json.loads, output.read_text(encoding="utf-8").splitlines())
    assert first["raw"] == "{oops"
    assert (first["entity"], first["file"], first["record"], first["byte"]) == ("items", "items.jsonl", 2, 10)
    assert "raw" not in second
    assert second["raw_base64"]
    assert "exists" in runner.export_rejected(output).error
    ok(runner.export_rejected(output, overwrite=True))
    assert [path.name for path in output.parent.iterdir()] == ["rejected.ndjson"]


@pytest.mark.slow
def test_a_replay_after_a_change_of_rules_stores_the_records(database_url, tmp_path):
    """Records that a schema rejected are stored once it allows them; the accounting moves with them."""
    session(tmp_path / "in", "2025-01-01", items=[{"id": n, "v": n if n % 2 else str(n)} for n in range(6)])
    config = JSON2DBConfig(validation={"schema_directory": strict(tmp_path / "rules", "string")})
    runner = SyncRunner(database_url, tmp_path / "in", config=config)
    assert ok(runner.populate()).statistics["rejected"] == 3
    again = ok(runner.replay())
    assert (again.statistics["total_records"], again.statistics["rejected"]) == (3, 3)
    sound(runner, database_url)
    write(tmp_path / "rules" / "items.schema.json", {"properties": {"v": {"maximum": 3}}})
    result = ok(runner.replay())
    assert (result.statistics["inserted"], result.statistics["rejected"]) == (2, 1)
    assert {record["v"] for record in runner.read("items")} == {"0", "2", "4", 1, 3}
    (left,) = ok(runner.rejected()).records
    assert left.path == "$.v"
    assert "5 is greater than the maximum of 3" in left.reason
    sound(runner, database_url)
    assert ok(runner.show_run(result.run)).loads[0].status == "replayed"
    assert ok(runner.show_run(1)).loads[0].resolved == 3
    traced = next(iter(runner.trace("items", 1)))
    assert (traced.operation, traced.session) == ("replay", "sync_session_2025-01-01_08-00-00")
    assert ok(runner.populate()).files_unchanged == 1


@pytest.mark.slow
def test_a_replay_with_corrected_texts(database_url, tmp_path):
    """Corrected records are stored as records of their file, and verification knows of the correction."""
    lines(tmp_path / "items.jsonl", b'{"id": 1, "v": 1}', b'{"id": 2, "v": 2', NOT_UTF8, b"[]")
    runner = SyncRunner(database_url, tmp_path / "items.jsonl")
    ok(runner.populate())
    output = tmp_path / "rejected.ndjson"
    ok(runner.export_rejected(output))
    rejected = [json.loads(line) for line in output.read_text().splitlines()]
    rejected[0]["raw"] += ', "new": [{"x": 1}]}'
    rejected[1] = {**rejected[1], "raw": {"id": 3, "v": "ÿ"}}
    output.write_text("\n".join(map(json.dumps, rejected[:2])))
    result = ok(runner.replay(corrected=output))
    assert (result.statistics["inserted"], result.statistics["rejected"]) == (2, 0)
    expected = [{"id": 1, "v": 1}, {"id": 2, "v": 2, "new": [{"x": 1}]}, {"id": 3, "v": "ÿ"}]
    assert list(runner.read("items")) == expected
    assert [one.record for one in ok(runner.rejected()).records] == [4]
    sound(runner, database_url)
    assert "is rejected (any more)" in runner.replay(corrected=output).error
    traced = {record.id: record.corrected for record in runner.trace("items")}
    assert traced == {1: False, 2: True, 3: True}
    assert "2 as corrected by hand" in next(c for c in runner.verify(full=True).checks if c.name == "records").covered


@pytest.mark.slow
def test_a_correction_goes_to_its_own_record_only(database_url, databases, tmp_path):
    """Numbers may be given again after a file was loaded again, or in another database: those lines are passed over."""
    file = lines(
        tmp_path / "x.ndjson", b'{"id": 1}', b'{"id": 2, "v": NaN}', b'{"id": 3, "v": NaN}', b'{"id": 4, "v": NaN}'
    )
    runner = SyncRunner(database_url, file)
    ok(runner.populate())
    texts = {number: {"id": number, "v": 7} for number in (2, 3)}
    corrected = corrections(runner, tmp_path / "c.ndjson", texts)
    lines(file, b'{"id": 1}', b'{"id": 2, "v": 5}', b'{"id": 3, "v": NaN}', b'{"id": 4, "v": NaN}')
    ok(runner.populate())
    result = runner.replay(corrected=corrected)
    assert result.success or "is rejected (any more)" in result.error
    assert {record["id"]: record["v"] for record in runner.read("x") if "v" in record}.get(2) == 5
    assert 4 in [json.loads(one.raw.replace("NaN", "0"))["id"] for one in ok(runner.rejected()).records]
    verified(runner)
    other = SyncRunner(databases.create(), lines(tmp_path / "big.ndjson", b'{"id": 1}', b"{", b"{"))
    ok(other.populate())
    assert "is rejected (any more)" in other.replay(corrected=corrected).error


def test_a_file_of_corrections_may_be_used_again(database_url, tmp_path):
    """What was loaded with it is passed over; what is corrected now is loaded."""
    runner = SyncRunner(database_url, lines(tmp_path / "x.ndjson", b'{"id": 1}', b"{2", b"{3"))
    ok(runner.populate())
    ok(runner.export_rejected(tmp_path / "c.ndjson"))
    text = (tmp_path / "c.ndjson").read_text()
    (tmp_path / "c.ndjson").write_text(text.replace('"raw": "{2"', '"raw": {"id": 2}'))
    assert ok(runner.replay(corrected=tmp_path / "c.ndjson")).statistics["inserted"] == 1
    (tmp_path / "c.ndjson").write_text(text.replace('"raw": "{2"', '"raw": {"id": 2}').replace('"{3"', '{"id": 3}'))
    result = ok(runner.replay(corrected=tmp_path / "c.ndjson"))
    assert (result.statistics["total_records"], result.statistics["inserted"]) == (1, 1)
    assert "1 record of" in result.notes[0]
    sound(runner, database_url)


def test_a_replay_without_the_schema_says_so(database_url, tmp_path):
    """What a schema rejected is loaded when none is configured, and that is pointed out."""
    write(tmp_path / "in" / "items.json", [{"id": 1, "v": "a"}, {"id": 2, "v": 1}])
    config = JSON2DBConfig(validation={"schema_directory": strict(tmp_path / "rules", "string")})
    ok(SyncRunner(database_url, tmp_path / "in", config=config).populate())
    result = ok(SyncRunner(database_url).replay())
    assert "1 record of items had been rejected by a JSON Schema; none was in force now" in result.notes[0]


@pytest.mark.mostly_slow
@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "holds no record"),
        ("{", "line 1 is not valid JSON"),
        ('{"raw": "{}"}', 'line 1 has no "number"'),
        ('{"number": 1, "raw": "{}"}', 'line 1 has no "was"'),
        ('{"number": 1, "was": ""}', 'line 1 has neither "raw" nor "raw_base64"'),
        (
            '{"number": 1, "was": "", "raw": ""}\n{"number": 1, "was": "", "raw": ""}',
            "line 2 names the record 1 once more",
        ),
        ('{"number": 8, "was": "", "raw": "{}"}', "is rejected (any more) in this database"),
    ],
)
def test_a_wrong_file_of_corrections_changes_nothing(databases, tmp_path, text, message):
    """The error names the line, and no record is touched."""
    lines(tmp_path / "items.jsonl", b'{"id": 1}', b"{oops")
    url = databases.create()
    runner = SyncRunner(url, tmp_path / "items.jsonl")
    ok(runner.populate())
    (tmp_path / "corrected.ndjson").write_text(text)
    assert message in runner.replay(corrected=tmp_path / "corrected.ndjson").error
    assert runner.runs().runs[0].operation == "populate"
    assert ok(runner.rejected()).total == 1


def test_a_replay_never_puts_old_data_over_new(database_url, tmp_path):
    """A newer file's record stays, and so does a later one of the same file; an earlier one is replaced."""
    rules = strict(tmp_path / "rules", "string")
    first = [{"id": 1, "v": 0}, {"id": 2, "v": "a"}, {"id": 2, "v": 0}, {"id": 3, "v": 0}, {"id": 3, "v": "b"}]
    session(tmp_path / "in", "2025-01-01", items=first)
    session(tmp_path / "in", "2025-01-02", items=[{"id": 1, "v": "new"}])
    config = JSON2DBConfig(validation={"schema_directory": rules}, processing={"keys": {"items": ["id"]}})
    runner = SyncRunner(database_url, tmp_path / "in", config=config)
    assert ok(runner.populate()).statistics["rejected"] == 3
    (rules / "items.schema.json").unlink()
    result = ok(runner.replay())
    assert (result.statistics["superseded"], result.statistics["updated"]) == (2, 1)
    assert [record["v"] for record in runner.read("items")] == ["new", 0, "b"]
    sound(runner, database_url)


def test_a_replay_that_cannot_tell_which_is_newer_stores_nothing(database_url, tmp_path):
    """Where the file is gone, and another record of it with that key is stored, the record stays rejected."""
    rules = strict(tmp_path / "rules", "string")
    file = write(tmp_path / "in" / "items.json", [{"id": 2, "v": "a"}, {"id": 2, "v": 0}, {"id": 3, "v": 0}])
    config = JSON2DBConfig(validation={"schema_directory": rules}, processing={"keys": {"items": ["id"]}})
    runner = SyncRunner(database_url, tmp_path / "in", config=config)
    ok(runner.populate())
    file.unlink()
    (rules / "items.schema.json").unlink()
    result = ok(runner.replay())
    assert (result.statistics["inserted"], result.statistics["rejected"]) == (1, 1)
    assert "which of the two is the newer cannot be told" in ok(runner.rejected()).records[0].reason
    verified(runner)
    assert accounting_problems(database_url) == []


@pytest.mark.slow
def test_records_without_a_key_are_replayed_one_by_one(database_url, tmp_path):
    """Equal records without a key stay as many as there are, in whatever order they are replayed."""
    rules = strict(tmp_path / "rules", "string")
    write(tmp_path / "in" / "items.json", [{"v": 0}, {"v": "a"}, {"v": 0}, {"v": 0}, {"v": 1}])
    config = JSON2DBConfig(validation={"schema_directory": rules})
    runner = SyncRunner(database_url, tmp_path / "in", config=config)
    ok(runner.populate())
    (rules / "items.schema.json").unlink()
    numbers = {one.record: one.number for one in ok(runner.rejected()).records}
    for record in (3, 1, 4):
        assert ok(runner.replay(numbers=[numbers[record]])).statistics["inserted"] == 1
        sound(runner, database_url)
    corrected = corrections(runner, tmp_path / "corrected.ndjson", {5: {"v": "a"}})
    assert ok(runner.replay(corrected=corrected)).statistics["inserted"] == 1
    assert sorted(str(record["v"]) for record in runner.read("items")) == ["0", "0", "0", "a", "a"]
    sound(runner, database_url)


@pytest.mark.slow
def test_a_file_that_changes_is_rejected_anew(database_url, tmp_path):
    """What was kept of a file's earlier content goes with it; what was replayed stays stored."""
    rules = strict(tmp_path / "rules", "string")
    write(tmp_path / "in" / "items.json", [{"id": 1, "v": 0}, {"id": 2, "v": 0}])
    config = JSON2DBConfig(validation={"schema_directory": rules})
    runner = SyncRunner(database_url, tmp_path / "in", config=config)
    ok(runner.populate())
    strict(rules, "integer")
    ok(runner.replay(numbers=[ok(runner.rejected()).records[0].number]))
    strict(rules, "string")
    write(tmp_path / "in" / "items.json", [{"id": 1, "v": 0}, {"id": 2, "v": 0}, {"id": 3, "v": "x"}])
    ok(runner.populate())
    assert [record["id"] for record in runner.read("items")] == [2, 3]
    assert sorted(one.record for one in ok(runner.rejected()).records) == [1, 2]
    (rules / "items.schema.json").unlink()
    verified(runner)
    assert accounting_problems(database_url) == []


def test_a_new_key_takes_replayed_records_along(database_url, tmp_path):
    """What was replayed, also in a corrected text, is known under the new key after the tables are rebuilt for it."""
    rules = strict(tmp_path / "rules", "string")
    write(tmp_path / "in" / "items.json", [{"id": 1, "n": 7, "v": "a"}, {"id": 2, "n": 8, "v": 0}, {"id": 3, "v": 1}])
    settings = {"validation": {"schema_directory": rules}}
    runner = SyncRunner(database_url, tmp_path / "in", config=JSON2DBConfig(**settings))
    ok(runner.populate())
    corrected = corrections(runner, tmp_path / "corrected.ndjson", {2: {"id": 2, "n": 9, "v": "b"}})
    ok(runner.replay(corrected=corrected))
    rekeyed = SyncRunner(
        database_url, tmp_path / "in", config=JSON2DBConfig(processing={"keys": {"items": ["n"]}}, **settings)
    )
    ok(rekeyed.create_tables(recreate=True))
    assert list(rekeyed.read("items", 9)) == [{"id": 2, "n": 9, "v": "b"}]
    result = ok(rekeyed.verify(full=True))
    (note,) = next(check for check in result.checks if check.name == "accounting").notes
    assert "were not derived again: rows were changed otherwise than by loading" in note


# Limits


def test_a_rejected_record_can_stop_the_run(database_url, tmp_path):
    """With on_error=stop nothing of that file is loaded, what came before it stays, and the error names the record."""
    for number in (1, 2, 3):
        records = [{"id": 10 * number}, *([7] if number == 2 else [])]
        session(tmp_path, f"2025-01-0{number}", items=records)
    runner = SyncRunner(database_url, tmp_path, config=JSON2DBConfig(processing={"on_error": "stop"}))
    result = runner.populate()
    assert result.error_type == "validation_error"
    assert "record 2: a record must be an object, not 7" in result.error
    assert (result.context["record"], result.statistics["inserted"]) == (2, 1)
    assert [record["id"] for record in runner.read("items")] == [10]
    assert runner.runs().runs[0].status == "failed"
    verified(runner)
    assert ok(SyncRunner(database_url, tmp_path).populate()).statistics["inserted"] == 2


def test_a_bad_file_can_stop_the_run(database_url, tmp_path):
    """With on_error=stop a file that cannot be read ends the run."""
    write(tmp_path / "a.json", []).write_text('[{"id": 1},')
    write(tmp_path / "b.json", [{"id": 1}])
    runner = SyncRunner(database_url, tmp_path, config=JSON2DBConfig(processing={"on_error": "stop"}))
    result = runner.populate()
    assert result.error_type == "file_error"
    assert result.statistics["files_loaded"] == 0


@pytest.mark.mostly_slow
@pytest.mark.parametrize(("limit", "refused"), [("1", True), ("2", False), ("0", True), ("39%", True), ("40%", False)])
def test_too_many_rejected_records_refuse_the_file(databases, tmp_path, limit, refused):
    """Beyond the limit it is the file that is wrong: nothing of it is loaded, and no other file is touched by that."""
    session(tmp_path, "2025-01-01", items=[{"id": 1}, 2, {"id": 3}, 4, {"id": 5}], bills=[{"id": 1}])
    url = databases.create()
    runner = SyncRunner(url, tmp_path, config=JSON2DBConfig(processing={"max_rejected": limit}))
    result = ok(runner.populate())
    assert bool(result.refused_files) is refused
    if refused:
        assert "cannot be loaded, so nothing of it was" in result.refused_files[0].error
        assert result.refused_files[0].context["setting"] == "processing.max_rejected"
        assert result.statistics["inserted"] == 1
        assert ok(runner.rejected()).total == 0
    else:
        assert (result.statistics["inserted"], ok(runner.rejected()).total) == (4, 2)
    verified(runner)
    assert accounting_problems(url) == []


@pytest.mark.slow
def test_records_that_do_not_fit_frozen_tables_are_rejected(database_url, tmp_path):
    """A frozen contract keeps the tables as they are: what fits loads, the rest waits with its reason."""
    session(tmp_path, "2025-01-01", items=[{"id": 1, "v": 1}])
    ok(SyncRunner(database_url, tmp_path).populate())
    session(tmp_path, "2025-01-02", items=[{"id": 2, "v": 2}, {"id": 3, "v": 3, "new": 1}, {"id": 4, "v": []}])
    frozen = SyncRunner(database_url, tmp_path, config=JSON2DBConfig(processing={"contracts": {"items": "freeze"}}))
    result = ok(frozen.full_workflow())
    assert (result.statistics["inserted"], result.statistics["rejected"]) == (1, 2)
    reasons = [(one.path, one.reason) for one in reversed(ok(frozen.rejected()).records)]
    assert reasons[0] == ("$.new", "a new key; items is frozen (processing.contracts)")
    assert reasons[1][0] == "$.v"
    verified(frozen)
    evolving = SyncRunner(database_url, tmp_path)
    assert ok(evolving.replay()).statistics["inserted"] == 2
    assert list(evolving.read("items"))[2:] == [{"id": 3, "v": 3, "new": 1}, {"id": 4, "v": []}]
    sound(evolving, database_url)
