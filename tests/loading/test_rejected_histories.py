"""Replays, reloads and rebuilds one after the other: what a history may do to rejected and replayed records."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support.contents import accounting_problems
from support.rejected import corrections, lines, sound, strict
from support.sessions import ok, query, session, verified, write

from json2db_sync import SyncRunner
from json2db_sync.config import JSON2DBConfig

KEYED = {"keys": {"items": ["id"]}}


def runner_of(url: str, source: Path, **sections: object) -> SyncRunner:
    return SyncRunner(url, source, config=JSON2DBConfig(**sections))


def test_loading_the_same_content_again_under_other_rules_is_no_fault(database_url, tmp_path):
    """What a file's earlier load rejected is forgotten then, and verification knows that it cannot tell any more."""
    rules = strict(tmp_path / "rules", "string")
    write(tmp_path / "in" / "items.json", [{"id": 1, "v": "a"}, {"id": 2, "v": 0}])
    ok(runner_of(database_url, tmp_path / "in", validation={"schema_directory": rules}).populate())
    anew = runner_of(database_url, tmp_path / "in", processing={"enable_duplicate_prevention": False})
    ok(anew.populate())
    result = ok(anew.verify(full=True))
    assert "had rejected records" in next(check for check in result.checks if check.name == "accounting").notes[0]
    assert accounting_problems(database_url) == []


@pytest.mark.mostly_slow
@pytest.mark.parametrize("frozen", [False, True])
def test_a_correction_without_a_key_among_integers(database_url, tmp_path, frozen):
    """It stays rejected, and the ids stay integers."""
    lines(tmp_path / "items.jsonl", b'{"id": 1}', b"{oops", b"[]")
    contract = {"contracts": {"items": "freeze"}} if frozen else {}
    runner = runner_of(database_url, tmp_path / "items.jsonl", processing=contract)
    ok(runner.populate())
    file = corrections(runner, tmp_path / "c.ndjson", {2: {}, 3: {"id": 7}})
    result = ok(runner.replay(corrected=file))
    assert (result.statistics["inserted"], result.statistics["rejected"]) == (1, 1)
    assert [record.reason for record in runner.rejected().records] == ["has no key: id"]
    sound(runner, database_url)


@pytest.mark.slow
def test_a_replay_compares_though_loading_skips(database_url, tmp_path):
    """A record that was never stored cannot be passed over: the newer of two stays, and nothing is left unsaid."""
    rules = strict(tmp_path / "rules", "string")
    records = [{"id": 1, "v": 0}, {"id": 1, "v": "c"}, {"id": 2, "v": 0}]
    write(tmp_path / "in" / "items.json", records)
    settings = {"processing": {"skip_existing_records": True, **KEYED}}
    ok(runner_of(database_url, tmp_path / "in", validation={"schema_directory": rules}, **settings).populate())
    result = ok(runner_of(database_url, tmp_path / "in", **settings).replay())
    assert (result.statistics["superseded"], result.statistics["inserted"]) == (1, 1)
    runner = runner_of(database_url, tmp_path / "in", **settings)
    assert list(runner.read("items")) == records[1:]
    verified(runner)
    assert accounting_problems(database_url) == []


def test_a_replay_after_skipping_keeps_to_the_order_of_the_file(database_url, tmp_path):
    """A later record of the file that was skipped is newer all the same."""
    rules = strict(tmp_path / "rules", "string")
    session(tmp_path / "in", "2025-01-01", items=[{"id": 1, "v": "old"}])
    session(tmp_path / "in", "2025-01-02", items=[{"id": 1, "v": 0}, {"id": 1, "v": "later"}])
    skipping = {"processing": {"skip_existing_records": True, **KEYED}}
    ok(runner_of(database_url, tmp_path / "in", validation={"schema_directory": rules}, **skipping).populate())
    runner = runner_of(database_url, tmp_path / "in", processing=KEYED)
    assert ok(runner.replay()).statistics["superseded"] == 1
    assert list(runner.read("items")) == [{"id": 1, "v": "old"}]
    verified(runner)


def test_skipping_leaves_stored_records_alone(database_url, tmp_path):
    """A key twice in a file changes nothing that is stored from elsewhere."""
    session(tmp_path, "2025-01-01", items=[{"id": 1, "v": 1}])
    ok(runner_of(database_url, tmp_path, processing=KEYED).populate())
    session(tmp_path, "2025-01-02", items=[{"id": 1, "v": 2}, {"id": 1, "v": 3}, {"id": 2, "v": 1}, {"id": 2, "v": 2}])
    runner = runner_of(database_url, tmp_path, processing={"skip_existing_records": True, **KEYED})
    ok(runner.populate())
    assert [record["v"] for record in runner.read("items")] == [1, 2]
    sound(runner, database_url)


def test_an_equal_and_another_correction_of_one_key(database_url, tmp_path):
    """The stored record stands after both: one confirms it, the other is superseded, and the figures agree."""
    lines(tmp_path / "items.jsonl", b"{a", b"{b", b'{"id": 1, "v": 1}')
    runner = runner_of(database_url, tmp_path / "items.jsonl", processing=KEYED)
    ok(runner.populate())
    file = corrections(runner, tmp_path / "c.ndjson", {1: {"id": 1, "v": 1}, 2: {"id": 1, "v": 2}})
    result = ok(runner.replay(corrected=file))
    assert (result.statistics["unchanged"], result.statistics["superseded"]) == (1, 1)
    sound(runner, database_url)


def test_an_entity_that_leaves_a_file(database_url, tmp_path):
    """Its rows stay, what was rejected of it goes, and the file is loaded once, not for ever."""
    file = write(tmp_path / "all.json", {"things": [{"id": 1}, {"id": 2}], "others": [{"id": 1, "v": 10**4000}]})
    runner = SyncRunner(database_url, tmp_path)
    ok(runner.populate())
    file.write_text(json.dumps({"others": [{"id": 1}], "more": [{"id": 1}]}))
    ok(runner.populate())
    assert ok(runner.populate()).files_unchanged == 1
    result = ok(runner.verify(full=True))
    assert next(check for check in result.checks if check.name == "records").notes == ()
    assert len(list(runner.read("things"))) == 2
    assert accounting_problems(database_url) == []


def test_a_filter_forgets_no_entity_of_a_file(database_url, tmp_path):
    """Loading one entity of a file again leaves the others loaded."""
    write(tmp_path / "all.json", {"things": [{"id": 1}], "others": [{"id": 1}]})
    ok(SyncRunner(database_url, tmp_path).populate())
    again = runner_of(database_url, tmp_path, processing={"enable_duplicate_prevention": False})
    ok(again.populate(entity_filter=["things"]))
    assert ok(SyncRunner(database_url, tmp_path).populate()).files_unchanged == 1


def test_a_frozen_entity_begins_with_its_first_good_record(database_url, tmp_path):
    """Tables made for a file of which everything was rejected may still change."""
    lines(tmp_path / "items.jsonl", b"{a")
    settings = {"processing": {"contracts": {"items": "freeze"}, **KEYED}}
    runner = runner_of(database_url, tmp_path, **settings)
    runner.populate()
    lines(tmp_path / "items.jsonl", b"{a", b'{"id": 1, "v": 2}')
    assert ok(runner.populate()).statistics["inserted"] == 1


def test_another_key_makes_superseded_records_of_their_own(database_url, tmp_path):
    """After a rebuild for it the files are loaded again, since more of their records are to be stored."""
    write(tmp_path / "items.json", [{"id": 5, "n": 1}, {"id": 5, "n": 2}, {"id": 6, "n": 3}])
    ok(runner_of(database_url, tmp_path, processing=KEYED).populate())
    runner = runner_of(database_url, tmp_path, processing={"keys": {"items": ["n"]}})
    ok(runner.create_tables(recreate=True))
    ok(runner.populate())
    assert [record["n"] for record in runner.read("items")] == [1, 2, 3]
    verified(runner)


def test_a_plain_file_that_comes_back_counts_again(database_url, tmp_path):
    """While it was gone an older file's record was stored; once it is back, its own is."""
    write(tmp_path / "in" / "a" / "items.json", [{"id": 1, "v": "a"}])
    newer = write(tmp_path / "in" / "b" / "items.json", [{"id": 1, "v": "b"}])
    runner = SyncRunner(database_url, tmp_path / "in", config=JSON2DBConfig(data_source={"order": "name"}))
    ok(runner.populate())
    newer.rename(tmp_path / "aside")
    write(tmp_path / "in" / "a" / "items.json", [{"id": 1, "v": "A"}])
    ok(runner.populate())
    assert list(runner.read("items")) == [{"id": 1, "v": "A"}]
    (tmp_path / "aside").rename(newer)
    ok(runner.populate())
    assert list(runner.read("items")) == [{"id": 1, "v": "b"}]
    verified(runner)


@pytest.mark.slow
def test_a_guessed_key_is_not_judged_by_replayed_records(database_url, tmp_path):
    """Few records of a large file may well share a key; other files' records are replayed all the same."""
    rules = strict(tmp_path / "rules", "string")
    odd = [{"id": 1, "v": n} for n in range(3)]
    write(tmp_path / "in" / "items.json", [*odd, *({"id": n, "v": "x"} for n in range(2, 400))])
    runner = runner_of(database_url, tmp_path / "in", validation={"schema_directory": rules})
    ok(runner.populate())
    (rules / "items.schema.json").unlink()
    assert ok(runner.replay()).statistics["rejected"] == 0
    sound(runner, database_url)


def test_an_export_replaces_no_file_that_matters(databases, tmp_path):
    """Neither the database nor a loaded file, nor what is not a plain file; a link is followed."""
    source = lines(tmp_path / "items.jsonl", b"{a", b'{"id": 1}')
    url = databases.create()
    runner = SyncRunner(url, source)
    ok(runner.populate())
    (tmp_path / "folder").mkdir()
    (tmp_path / "real").write_text("old")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    for output in (source, tmp_path / "folder", "", "x" * 5000, "a\0b", *([] if "://" in url else [url])):
        result = runner.export_rejected(output, overwrite=True)
        assert result.error_type == "file_error", output
    assert source.read_bytes().startswith(b"{a")
    ok(runner.export_rejected(tmp_path / "link", overwrite=True))
    assert (tmp_path / "link").is_symlink()
    assert json.loads((tmp_path / "real").read_text())["raw"] == "{a"
    verified(runner)


def test_numbers_that_no_database_holds(database_url, tmp_path):
    """They name nothing, and say so."""
    lines(tmp_path / "items.jsonl", b"{a", b'{"id": 1}')
    runner = SyncRunner(database_url, tmp_path)
    ok(runner.populate())
    for number in (2**63, -1, 10**40):
        assert runner.show_run(number).error_type == "configuration_error"
        assert runner.verify(run=number).error_type == "configuration_error"
        assert runner.rejected(numbers=[number]).error_type == "configuration_error"
        assert runner.replay(numbers=[number]).error_type == "configuration_error"
    assert runner.rejected(most=-1).error_type == "configuration_error"
    assert ok(runner.rejected(most=10**40)).total == 1
    assert [list(runner.read("items", key)) for key in (1.5, float("nan"), "\ud800", 10**40, True)] == [[]] * 5
    assert list(runner.read("items", 1.0)) == [{"id": 1}]


TAMPERED = {
    "UPDATE json_items SET _load = 2 WHERE id = 1": "accounting",
    "UPDATE json2db_rejected SET stored_id = 'zz' WHERE replayed_load IS NOT NULL": "records",
    "UPDATE json2db_rejected SET stored_id = NULL WHERE replayed_load IS NOT NULL": "records",
    "UPDATE json2db_rejected SET raw = '1' WHERE replayed_load IS NULL": "records",
}


@pytest.mark.mostly_slow
@pytest.mark.parametrize("damage", TAMPERED)
def test_full_verification_finds_a_changed_ledger(database_url, tmp_path, damage):
    """Rows said to come from another file, and notes of rejected records that were changed."""
    session(tmp_path, "2025-01-01", items=[{"id": 1}, [], {"id": 2}, {"id": 3, "v": "\ud800"}])
    session(tmp_path, "2025-01-02", items=[{"id": 2}])
    runner = SyncRunner(database_url, tmp_path)
    ok(runner.populate())
    ok(runner.replay(corrected=corrections(runner, tmp_path / "c.ndjson", {4: {"id": 3, "v": "x"}})))
    sound(runner, database_url)
    query(database_url, damage)
    assert TAMPERED[damage] in [check.name for check in runner.verify(full=True).failed_checks]


def test_a_contract_of_nothing_is_noted(databases, tmp_path):
    """A slip in an entity's name is pointed out, since its tables would change."""
    write(tmp_path / "items.json", [{"id": 1}])
    runner = runner_of(databases.create(), tmp_path, processing={"contracts": {"item": "freeze", "*": "evolve"}})
    assert "processing.contracts names item, of which there is nothing (did you mean items?)" in runner.analyze().notes
