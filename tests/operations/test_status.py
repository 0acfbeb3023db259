"""How things stand: of the database, its entities and exports, runs and schedules; in words, as JSON, as an exit code."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa
from support.exported_files import FORMATS, export, moment
from support.sessions import ok, session, write

from json2db_sync import SyncRunner
from json2db_sync.config import JSON2DBConfig
from json2db_sync.databases import open_database
from json2db_sync.databases.ledger.schema import runs
from json2db_sync.errors import ConfigurationError
from json2db_sync.export.confirmations import confirm
from json2db_sync.interfaces.cli.main import main
from json2db_sync.results import StatusResult

RECORDS = [{"id": n, "name": f"n{n}"} for n in range(3)]


@pytest.fixture(autouse=True)
def _exports(monkeypatch: pytest.MonkeyPatch) -> None:
    """Exports are in one place."""
    monkeypatch.setenv("JSON2DB_FALLBACK_DIRECTORY", "exports")


@pytest.fixture
def runner(database_url: str, tmp_path: Path) -> SyncRunner:
    """Of a database into which three items were loaded."""
    session(tmp_path / "source", "2026-01-01", items=RECORDS)
    made = SyncRunner(database_url, tmp_path / "source")
    ok(made.populate())
    return made


def configured(runner: SyncRunner, **sections: object) -> SyncRunner:
    return SyncRunner(runner.db_path, config=JSON2DBConfig(**sections))


def end_last_run(runner: SyncRunner, status: str, message: str | None = None) -> None:
    """The ledger tells of another run that ended so."""
    with open_database(runner.db_path) as database, database.transaction() as connection:
        row = dict(connection.execute(sa.select(runs).order_by(runs.c.id.desc()).limit(1)).one()._mapping)
        connection.execute(runs.insert(), {**row, "id": row["id"] + 1, "status": status, "message": message})


class TestFine:
    def test_everything_in_one_answer(self, runner: SyncRunner) -> None:
        """A database that answers, entities with their freshness, exports with their checksum, runs, what is next."""
        session(Path("source"), "2026-01-02", items=[{"id": 9}])
        export(Path("exports"), "items", RECORDS, generated_at=moment(hours=-0.01), database=runner.db_path)
        found = configured(runner, schedule={"jobs": {"report": "week on monday", "verify": "5 minutes"}}).status()
        assert (found.state, found.success, found.needs_attention, found.findings) == ("fine", True, False, ())
        (entity,) = found.entities
        assert (entity.name, entity.record_count, entity.newest_session) == (
            "items", 3, "sync_session_2026-01-01_08-00-00",
        )  # fmt: skip
        assert entity.last_loaded
        assert entity.last_change
        (exported,) = found.exports
        assert (exported.name, exported.records, exported.verified) == ("items", 3, True)
        assert (exported.behind, exported.too_old, exported.problem) == (False, False, None)
        assert [run.operation for run in found.runs] == ["populate"]
        assert found.next_schedule is not None
        assert found.next_schedule.operation == "verify"
        assert [one.name for one in found.schedules] == ["report", "verify"]
        assert found.size
        assert found.total_records == 3

    def test_nothing_but_a_database(self, runner: SyncRunner) -> None:
        """Without exports and schedules all is fine, too."""
        found = runner.status()
        assert (found.state, found.exports, found.schedules, found.next_schedule) == ("fine", (), (), None)

    @pytest.mark.mostly_slow
    @pytest.mark.parametrize("format", FORMATS)
    def test_only_exports_are_listed(self, runner: SyncRunner, format: str) -> None:
        """Schemas, metadata, other JSON and hidden files in the folder are not exports."""
        export(Path("exports"), "items", RECORDS, format, key=["id"], packed=True, database=runner.db_path)
        for name, text in {"a.json": "[1]", "b.json": '{"a": 1}', "c.json": "", ".d.json": "{}"}.items():
            (Path("exports") / name).write_text(text)
        confirm(Path("exports"), {})
        assert [one.name for one in runner.status().exports] == ["items"]


class TestWorthALook:
    def test_exports_that_are_too_old(self, runner: SyncRunner) -> None:
        """The threshold is a setting of its own, else the fallback's."""
        export(Path("exports"), "items", RECORDS, generated_at=moment(hours=5), database=runner.db_path)
        assert runner.status().state == "fine"
        for sections in ({"status": {"max_export_age": 4}}, {"fallback": {"max_age": 4}}):
            found = configured(runner, **sections).status()
            assert (found.state, found.success, found.needs_attention) == ("look", True, True)
            assert "items.json is 5 hours old, and at most 4 hours are fine" in found.findings[0]
        assert configured(runner, status={"max_export_age": 6}, fallback={"max_age": 4}).status().state == "fine"

    def test_an_export_of_another_database(self, runner: SyncRunner) -> None:
        """That it was made from another one is worth a look, and how far it is behind is not judged."""
        export(Path("exports"), "items", RECORDS, generated_at=moment(hours=1), database="other.db")
        found = runner.status()
        assert found.state == "look"
        assert "items.json was made from another database: other.db" in found.findings[0]
        (exported,) = found.exports
        assert (exported.foreign, exported.exported_from, exported.behind) == (True, "other.db", None)

    def test_an_export_behind_the_database(self, runner: SyncRunner) -> None:
        """What was changed since the export is told, and no longer once an export has found nothing else to write."""
        path = export(Path("exports"), "items", RECORDS, generated_at=moment(hours=1), database=runner.db_path)
        assert runner.status().exports[0].behind is True
        said = json.loads(path.read_text())["metadata"]["checksum"]
        confirm(Path("exports"), {"items.json": said}, moment(hours=-0.01))
        assert runner.status().exports[0].behind is False

    def test_a_spoilt_export(self, runner: SyncRunner) -> None:
        """A checksum that does not hold is worth a look; unread, nobody knows."""
        export(Path("exports"), "items", RECORDS, checksum="sha256:0", database=runner.db_path)
        found = runner.status()
        assert (found.state, found.exports[0].verified) == ("look", False)
        assert "its checksum says sha256:0" in str(found.exports[0].problem)
        unread = runner.status(checksums=False)
        assert (unread.state, unread.exports[0].verified) == ("fine", None)

    def test_a_spoilt_export_does_not_hide_the_others(self, runner: SyncRunner) -> None:
        """Whatever is wrong with one file, all are listed; a note of ours that is spoilt is as none."""
        deep = "[" * 200_000
        export(Path("exports"), "items", RECORDS)
        for name, text in {"a": '{"metadata": {"checksum": 1, "a": 1e999', "b": deep, "c": "[[1]]"}.items():
            (Path("exports") / f"{name}.json").write_text(text)
            (Path("exports") / f"{name}.metadata.json").write_text(deep)
        (Path("exports") / ".json2db").mkdir(exist_ok=True)
        (Path("exports") / ".json2db" / "confirmed.json").write_text(deep)
        for checksums in (True, False):
            found = runner.status(checksums=checksums)
            assert found.state == "look"
            assert [(one.name, one.problem is None) for one in found.exports] == [
                ("a", False), ("b", False), ("c", False), ("items", True),
            ]  # fmt: skip

    def test_rejected_records(self, runner: SyncRunner, tmp_path: Path) -> None:
        """More of them than the setting allows are worth a look."""
        (tmp_path / "bad").mkdir()
        (tmp_path / "bad" / "people.json").write_text('{"id": 1}\n{"id": \n')
        ok(SyncRunner(runner.db_path, tmp_path / "bad").populate())
        found = runner.status()
        assert (found.state, found.rejected) == ("look", 1)
        assert configured(runner, status={"max_rejected": 1}).status().state == "fine"

    def test_nothing_loaded_for_long(self, runner: SyncRunner) -> None:
        """A last load that is longer ago than the setting says is worth a look."""
        assert configured(runner, status={"max_load_age": 1}).status().state == "fine"
        with open_database(runner.db_path) as database, database.transaction() as connection:
            connection.execute(runs.update().values(finished_at=moment(hours=2)))
        found = configured(runner, status={"max_load_age": 1}).status()
        assert found.findings == ("the last load was 2 hours ago, and at most 1 hours are fine",)

    def test_a_run_that_was_broken_off(self, runner: SyncRunner) -> None:
        """A killed run is no failure of ours, and worth a look."""
        end_last_run(runner, "interrupted")
        assert runner.status().state == "look"


class TestFailing:
    def test_the_last_run_failed(self, runner: SyncRunner) -> None:
        """That is a failure until a later run works; then it is told still."""
        end_last_run(runner, "failed", "the disk is full")
        found = runner.status()
        assert (found.state, found.success) == ("failing", False)
        assert found.error == "the last run (2, populate) failed: the disk is full"
        assert found.reachable
        end_last_run(runner, "done")
        found = runner.status()
        assert (found.state, found.success) == ("fine", True)
        assert found.last_failure is not None
        assert found.last_failure.run == 2

    @pytest.mark.parametrize("url", ["gone.db", "postgresql://me:secret@127.0.0.1:1/nothing"])
    def test_the_database_does_not_answer(self, url: str) -> None:
        """That is a failure; the exports are told all the same."""
        export(Path("exports"), "items", RECORDS, database=url)
        found = SyncRunner(url).status()
        assert (found.state, found.success, found.reachable, found.error_type) == (
            "failing", False, False, "database_error",
        )  # fmt: skip
        assert [one.verified for one in found.exports] == [True]
        assert "secret" not in found.to_json()


class TestCommand:
    def test_exit_codes_and_screens(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        """0, 3 and 1, with a verdict on the first line; --json has the same."""
        write(tmp_path / "source" / "items.json", RECORDS)
        ok(SyncRunner("test.db", tmp_path / "source").populate())
        export(Path("exports"), "items", RECORDS, database="test.db")
        assert main(["status", "--db-path", "test.db"]) == 0
        shown = capsys.readouterr().out
        assert "All is fine" in shown.splitlines()[0]
        assert "items.json" in shown
        export(Path("exports"), "items", RECORDS, generated_at=moment(days=9), database="test.db")
        assert main(["status", "--db-path", "test.db"]) == 3
        shown = capsys.readouterr().out
        assert "Something is worth a look" in shown.splitlines()[0]
        assert "too old" in shown
        export(Path("exports"), "items", RECORDS, database="other.db")
        assert main(["status", "--db-path", "test.db"]) == 3
        shown = capsys.readouterr().out
        assert "made from another database" in shown
        assert "✓" not in shown.split("Exports")[1].split("Last runs")[0]
        assert main(["status", "--db-path", "gone.db"]) == 1
        shown = capsys.readouterr().out
        assert "does not exist yet" in " ".join(shown.split())
        assert "items.json" in shown
        assert main(["status", "--db-path", "gone.db", "--json"]) == 1
        assert json.loads(capsys.readouterr().out)["state"] == "failing"

    def test_the_database_of_an_application(self, capsys: pytest.CaptureFixture[str]) -> None:
        """It is fine, and said to hold no entities; reading one of its tables says who writes tables."""
        with closing(sqlite3.connect("app.db")) as connection:
            connection.execute("CREATE TABLE venues (id INTEGER PRIMARY KEY)")
        assert main(["status", "--db-path", "app.db"]) == 0
        assert "No entities loaded by json2db-sync" in capsys.readouterr().out
        with pytest.raises(ConfigurationError, match="there is no entity venues: .*app.db holds none") as raised:
            next(SyncRunner("app.db").read("venues"))
        assert "json2db-sync export writes them" in str(raised.value.hint)

    def test_a_missing_database_is_named_once(self, capsys: pytest.CaptureFixture[str]) -> None:
        """By its path without detours; what to do begins with the path."""
        folder = Path.cwd() / "here"
        folder.mkdir()
        assert main(["status", "--db-path", "here/../here/gone.db"]) == 1
        told = capsys.readouterr()
        assert " ".join(told.out.split()).count("gone.db") == 1
        assert ".." not in told.out
        assert "check the path (--db-path names another)" in " ".join(told.out.split())

    def test_it_makes_nothing(self, capsys: pytest.CaptureFixture[str]) -> None:
        """Looking creates neither a database nor a folder."""
        assert main(["status", "--db-path", "gone.db"]) == 1
        assert list(Path.cwd().iterdir()) == []
        assert "The database does not answer" in capsys.readouterr().out


def test_a_status_is_a_result(runner: SyncRunner) -> None:
    """Its fields are keys, like those of every result."""
    found = runner.status()
    assert isinstance(found, StatusResult)
    assert found["entities"][0]["name"] == "items"
    assert json.loads(found.to_json())["state"] == "fine"
