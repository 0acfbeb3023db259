"""The commands on records: read them, see what became of them, check them, plan for them."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from support.called import Run, bad_records, lines_of_json, one_json

from json2db_sync import SyncRunner
from json2db_sync.results import TablesResult

BILL = "sync_session_2026-11-01_08-00-00/raw_json/2026-11-01_08-00-00/bills.json"


@pytest.fixture
def rejecting(run: Run, tmp_path: Path) -> Run:
    """The same, with one of two people rejected before."""
    assert run("populate", "-q", "--data-source", str(bad_records(tmp_path / "bad"))).exit_code == 3
    return run


def stored(table: str) -> int:
    with closing(sqlite3.connect("test.db")) as connection:
        return int(connection.execute(f'SELECT count(*) FROM "{table}"').fetchone()[0])


class TestRead:
    def test_records_come_back_as_they_were(self, loaded: Run, example_source: Path) -> None:
        """Read prints every record of an entity, a line each, as it stood in its file."""
        source = json.loads((example_source / BILL).read_text(encoding="utf-8"))
        printed = lines_of_json(loaded("read", "bills"))
        assert sorted(printed, key=lambda bill: bill["bill_id"]) == sorted(source, key=lambda bill: bill["bill_id"])

    def test_one_record(self, loaded: Run) -> None:
        """--id prints the one record with this key."""
        assert [item["item_id"] for item in lines_of_json(loaded("read", "items", "--id", "101"))] == [101]

    def test_a_composite_key(self, run: Run) -> None:
        """--id is repeated for the parts of a composite key, in their order."""
        Path("pairs.json").write_text('[{"a": 1, "b": 2, "v": "x"}, {"a": 2, "b": 1, "v": "y"}]')
        keys = {"JSON2DB_KEYS": '{"pairs": ["a", "b"]}'}
        assert run("populate", "-q", "--data-source", "pairs.json", env=keys).exit_code == 0
        found = lines_of_json(run("read", "pairs", "--id", "2", "--id", "1", env=keys))
        assert found == [{"a": 2, "b": 1, "v": "y"}]

    def test_provenance(self, loaded: Run) -> None:
        """With --provenance each line has the record and the file, session and run it came from."""
        (traced,) = lines_of_json(loaded("read", "bills", "--id", "B-0031", "--provenance"))
        assert traced["record"]["bill_id"] == "B-0031"
        assert (traced["file"], traced["session"], traced["run"]) == (BILL, BILL.split("/")[0], 2)

    @pytest.mark.slow
    def test_an_id_that_is_not_there(self, loaded: Run) -> None:
        """An id that is not there ends with 1, and stderr says so; stdout stays empty."""
        for more in ([], ["--provenance"]):
            missing = loaded("read", "items", "--id", "999", *more)
            assert (missing.exit_code, missing.stdout) == (1, "")
            assert "no record of items has the id 999" in missing.stderr

    def test_an_entity_that_is_not_there(self, loaded: Run) -> None:
        """An entity that is not there ends with 2, and stderr names those that are near it."""
        wrong = loaded("read", "item")
        assert (wrong.exit_code, wrong.stdout) == (2, "")
        assert "did you mean items?" in wrong.stderr

    def test_a_database_that_is_not_there(self, run: Run) -> None:
        """A database that is not there ends with 1, and is not made."""
        missing = run("read", "items")
        assert (missing.exit_code, missing.stdout) == (1, "")
        assert "does not exist yet" in " ".join(missing.stderr.split())
        assert not Path("test.db").exists()

    def test_any_text(self, run: Run) -> None:
        """Records are printed in UTF-8, whatever is in them, and each is one line."""
        record = {"id": 1, "name": "a\u2028b \\ud \u611f\u8c22 \r\n \x1b[31m", "nested": {"\x85": ["\u202e"]}}
        Path("odd.json").write_text(json.dumps([record]))
        assert run("populate", "-q", "--data-source", "odd.json").exit_code == 0
        printed = run("read", "odd").stdout_bytes.decode("utf-8")
        assert json.loads(printed) == record
        assert printed.count("\n") == 1


class TestRuns:
    def test_list_and_show(self, loaded: Run) -> None:
        """Runs lists what was done with or without 'list'; 'show' tells one run file by file, and it adds up."""
        for arguments in ([], ["list"], ["--limit", "5"], ["list", "--limit", "5"]):
            assert [run["run"] for run in one_json(loaded("runs", *arguments, "--json"))["runs"]] == [2, 1]
        shown = one_json(loaded("runs", "show", "2", "--json"))
        outcomes = ("inserted", "updated", "unchanged", "superseded", "rejected")
        assert len(shown["loads"]) == 8
        assert shown["report"]["read"] == sum(load["read"] for load in shown["loads"]) == 88
        assert all(load["read"] == sum(load[name] for name in outcomes) for load in shown["loads"])
        assert "88 read = 77 inserted + 7 updated + 4 unchanged" in loaded("runs", "show", "2").stdout

    @pytest.mark.slow
    def test_a_run_that_never_was(self, loaded: Run) -> None:
        """A number without a run ends with 2, and says what to do."""
        wrong = loaded("runs", "show", "99")
        assert wrong.exit_code == 2
        assert "99" in wrong.stderr

    def test_verify_one(self, loaded: Run) -> None:
        """Verify --run compares the records of that run's files."""
        checked = loaded("verify", "--run", "2", "--json")
        assert checked.exit_code == 0
        assert (one_json(checked)["of_run"], one_json(checked)["records_compared"]) == (2, 77)
        assert "Only the files of run 2 were read again" in loaded("verify", "--run", "2").stdout


class TestWorkflow:
    def test_every_record_verified(self, run: Run) -> None:
        """The workflow's account ends with the proof that every record of the run was compared."""
        account = run("full-workflow").stdout.splitlines()[0]
        assert account == "88 read = 77 inserted + 7 updated + 4 unchanged; every record verified"

    @pytest.mark.slow
    def test_tables_only(self, run: Run) -> None:
        """With --skip-record-verification no record is compared, and the account names the checks instead."""
        result = one_json(run("full-workflow", "--json", "--skip-record-verification"))
        checks = len(result["steps"]["verify"]["checks"])
        assert result["steps"]["verify"]["records_compared"] == 0
        shown = run("full-workflow", "--skip-record-verification", "--db-path", "other.db").stdout
        assert shown.splitlines()[0].endswith(f"; {checks} checks passed")


class TestSuperseded:
    def test_listed(self, run: Run) -> None:
        """A record whose key comes again in its file is listed with what took its place, by entity and limit."""
        Path("things.json").write_text('[{"id": 1, "v": 1}, {"id": 2}, {"id": 1, "v": 2}]')
        assert run("populate", "-q", "--data-source", "things.json").exit_code in (0, 3)
        for more in ([], ["--entity", "things"], ["--limit", "1"]):
            (record,) = one_json(run("superseded", "--json", *more))["records"]
            assert (record["record"], record["id"], record["newer_record"]) == (1, "1", 3)
        assert "record 3 of this file" in run("superseded").stdout

    def test_none(self, loaded: Run) -> None:
        """Where nothing was superseded, that is a sentence."""
        assert loaded("superseded").stdout.startswith("✓ No superseded records")


class TestRejected:
    def test_show(self, rejecting: Run) -> None:
        """Show prints one record whole with its place and reason."""
        (record,) = one_json(rejecting("rejected", "--json"))["records"]
        shown = rejecting("rejected", "show", str(record["number"]))
        assert shown.exit_code == 0
        assert "people.json" in shown.stdout
        assert shown.stdout.endswith('\n{"id":\n')

    def test_show_of_a_number_that_is_not_there(self, rejecting: Run) -> None:
        """A number that no rejected record has ends with 2 and says where numbers are found."""
        wrong = rejecting("rejected", "show", "99")
        assert wrong.exit_code == 2
        assert "rejected lists them" in wrong.stderr

    def test_corrected_and_replayed(self, rejecting: Run) -> None:
        """Exported, corrected and replayed, a record is stored and no longer rejected; the account tells it as tried."""
        assert rejecting("rejected", "export", "--output", "out.ndjson").exit_code == 0
        line = json.loads(Path("out.ndjson").read_text(encoding="utf-8"))
        Path("out.ndjson").write_text(json.dumps({**line, "raw": '{"id": 2}'}), encoding="utf-8")
        replayed = rejecting("rejected", "replay", "--corrected", "out.ndjson")
        assert replayed.exit_code == 0
        assert replayed.stdout.startswith("1 tried = 1 inserted\n")
        assert lines_of_json(rejecting("read", "people")) == [{"id": 1}, {"id": 2}]
        assert one_json(rejecting("rejected", "--json"))["total"] == 0

    def test_export_spares_a_file(self, rejecting: Run) -> None:
        """Export leaves a file alone that is there, unless told to overwrite it."""
        Path("out.ndjson").write_text("mine")
        assert rejecting("rejected", "export", "--output", "out.ndjson").exit_code != 0
        assert Path("out.ndjson").read_text() == "mine"
        assert rejecting("rejected", "export", "--output", "out.ndjson", "--overwrite").exit_code == 0
        assert json.loads(Path("out.ndjson").read_text())["record"] == 2

    def test_still_rejected(self, rejecting: Run) -> None:
        """A replay that changes nothing ends with 3, also of this number or entity alone; an unknown number is wrong."""
        number = str(one_json(rejecting("rejected", "--json"))["records"][0]["number"])
        for which in ([], ["--entity", "people"], [number]):
            again = rejecting("rejected", "replay", "--json", *which)
            assert again.exit_code == 3
            assert one_json(again)["statistics"]["rejected"] == 1
        assert rejecting("rejected", "replay", "99").exit_code == 2

    def test_nothing_to_replay(self, loaded: Run) -> None:
        """A replay without any rejected record is done at once."""
        again = loaded("rejected", "replay")
        assert again.exit_code == 0
        assert "nothing to try again" in again.stdout


class TestRules:
    def test_too_many_rejected(self, run: Run, tmp_path: Path) -> None:
        """With more rejected records than --max-rejected allows, nothing of the file is loaded."""
        bad = str(bad_records(tmp_path / "bad"))
        assert run("populate", "--data-source", bad, "--max-rejected", "1").exit_code == 3
        assert stored("json_people") == 1
        refused = run("populate", "--json", "--data-source", bad, "--max-rejected", "10%", "--db-path", "other.db")
        assert len(one_json(refused)["refused_files"]) == 1

    def test_stop(self, run: Run, tmp_path: Path) -> None:
        """With --on-error stop the first record that cannot be loaded ends the run."""
        stopped = run("populate", "--data-source", str(bad_records(tmp_path / "bad")), "--on-error", "stop")
        assert stopped.exit_code == 1
        assert "people.json" in stopped.stderr + stopped.stdout

    def test_wrong_rules(self, run: Run) -> None:
        """A wrong number of rejected records is answered as a wrong setting, a wrong word as wrong usage."""
        wrong = run("populate", "--json", "--max-rejected", "many")
        assert wrong.exit_code == 2
        assert one_json(wrong)["context"]["setting"] == "processing.max_rejected"
        assert run("populate", "--on-error", "ignore").exit_code == 2

    def test_schemas_for_one_call(self, run: Run) -> None:
        """--schema-directory checks records: those that do not fit are rejected, or with warn loaded and counted."""
        Path("schemas").mkdir()
        Path("schemas/things.schema.json").write_text('{"properties": {"n": {"type": "integer", "minimum": 0}}}')
        Path("things.json").write_text('[{"id": 1, "n": 5}, {"id": 2, "n": -5}]')
        checked = ("--data-source", "things.json", "--schema-directory", "schemas", "--json")
        seen = run("analyze", *checked)
        assert (seen.exit_code, one_json(seen)["entities"][0]["invalid"]) == (3, 1)
        warned = run("populate", *checked, "--validation-mode", "warn", "--db-path", "warned.db")
        assert (warned.exit_code, one_json(warned)["statistics"]["invalid"]) == (3, 1)
        assert one_json(warned)["statistics"]["inserted"] == 2
        rejected = one_json(run("populate", *checked))
        assert (rejected["statistics"]["inserted"], rejected["statistics"]["rejected"]) == (1, 1)
        assert rejected["rejected_records"][0]["path"] == "$.n"

    def test_frozen_for_one_call(self, run: Run) -> None:
        """--freeze leaves an entity's tables as they are: changes are refused, and records that need them rejected."""
        Path("things.json").write_text('[{"id": 1}]')
        assert run("populate", "-q", "--data-source", "things.json").exit_code == 0
        Path("things.json").write_text('[{"id": 1}, {"id": 2, "more": true}]')
        frozen = ("--data-source", "things.json", "--freeze", "Things", "--json")
        for command in ("plan", "create-tables"):
            refused = run(command, *frozen)
            assert refused.exit_code == 3
            assert "more" in one_json(refused)["refused_changes"][0]["text"]
            assert one_json(refused)["changes"] == []
        loaded = one_json(run("populate", *frozen))
        assert (loaded["statistics"]["unchanged"], loaded["statistics"]["rejected"]) == (1, 1)
        assert run("populate", "-q", "--data-source", "things.json").exit_code == 0

    def test_freezing_keeps_other_contracts(self, run: Run) -> None:
        """What is configured for other entities stays as it is."""
        from json2db_sync.config import JSON2DBConfig
        from json2db_sync.interfaces.cli.options import Call

        Path("my.toml").write_text('[processing.contracts]\n"*" = "freeze"\nbills = "evolve"\n', encoding="utf-8")
        contracts = JSON2DBConfig("my.toml", **Call(frozen=["Items"]).sections()).processing.contracts
        assert contracts == {"*": "freeze", "bills": "evolve", "items": "freeze"}


class TestPlan:
    def test_pending_and_done(self, run: Run) -> None:
        """Plan ends with 3 while there is something to do, with 0 afterwards, and changes nothing itself."""
        pending = run("plan")
        assert pending.exit_code == 3
        assert "create  json_items" in pending.stdout
        assert not Path("test.db").exists()
        planned = one_json(run("plan", "--json"))["changes"]
        assert [change["text"] for change in one_json(run("create-tables", "--json"))["changes"]] == [
            change["text"] for change in planned
        ]
        done = run("plan")
        assert (done.exit_code, done.stdout) == (0, "✓ Nothing to do: the tables fit the files\n")

    def test_records_rewritten(self, run: Run) -> None:
        """Plan says how many stored records a change rewrites, and create-tables does as planned."""
        Path("things.json").write_text('[{"id": 1, "n": 1}, {"id": 2, "n": 2}]')
        source = ("--data-source", "things.json")
        assert run("populate", "-q", *source).exit_code == 0
        Path("things.json").write_text('[{"id": 3, "n": [{"deep": 1}]}]')
        assert "2 stored records rewritten" in run("plan", *source).stdout
        assert run("create-tables", "-q", *source).exit_code == 0
        assert run("plan", *source).exit_code == 0


class TestSchemas:
    def test_printed(self, run: Run) -> None:
        """Without a folder, infer prints one JSON object with the schema of each entity."""
        printed = one_json(run("schema", "infer", "--entity", "items,bills"))
        assert set(printed) == {"items", "bills"}
        assert printed["items"]["type"] == "object"

    def test_written_and_satisfied(self, run: Run) -> None:
        """Written to a folder, the schemas are satisfied by all records they were made of; files are not overwritten."""
        assert run("schema", "infer", "--output", "schemas").exit_code == 0
        assert len(list(Path("schemas").glob("*.schema.json"))) == 5
        loaded = one_json(run("populate", "--json", "--schema-directory", "schemas"))
        assert loaded["statistics"]["rejected"] == 0
        assert run("schema", "infer", "--output", "schemas").exit_code != 0
        assert run("schema", "infer", "--output", "schemas", "--overwrite").exit_code == 0

    def test_schema_alone_explains_itself(self, run: Run) -> None:
        """Schema without a subcommand shows its help."""
        assert "infer" in run("schema").output


def test_refused_changes_are_something_to_look_at() -> None:
    """Changes that a contract refuses make the exit code 3."""
    from json2db_sync.interfaces.cli.exits import Exit, exit_code

    assert exit_code(TablesResult(refused_changes=("add column a.b (text)",))) == Exit.ATTENTION
    assert exit_code(TablesResult()) == Exit.DONE


def test_the_runner_and_the_command_agree(loaded: Run) -> None:
    """What read prints is what the runner yields, in the same order."""
    assert lines_of_json(loaded("read", "invoices")) == list(SyncRunner("test.db").read("invoices"))
