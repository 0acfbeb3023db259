"""The commands, each run as a user would on the example sessions."""

from __future__ import annotations

import json
import shutil
import sqlite3
from pathlib import Path

import pytest
from support.called import Run, bad_records, one_json

from json2db_sync import __version__
from json2db_sync.interfaces.cli.main import SECTIONS
from json2db_sync.interfaces.cli.questions import database_name

COMMANDS = [name for names in SECTIONS.values() for name in names]
RECORDS = {"bills": 8, "contacts": 14, "customerpayments": 15, "invoices": 30, "items": 10}


class TestEveryOperation:
    def test_full_workflow_loads_everything(self, run: Run) -> None:
        """A full workflow on the example ends with exit code 0 and all records in the database."""
        assert run("full-workflow").exit_code == 0
        with sqlite3.connect("test.db") as connection:
            counts = {name: connection.execute(f"SELECT count(*) FROM json_{name}").fetchone()[0] for name in RECORDS}
        connection.close()
        assert counts == RECORDS

    def test_full_workflow_options(self, run: Run) -> None:
        """skip-table-creation leaves the step out, and full-verification compares the records of all loaded files."""
        result = one_json(run("full-workflow", "--json", "--skip-table-creation", "--full-verification"))
        assert list(result["steps"]) == ["analyze", "populate", "verify", "report"]
        assert result["steps"]["verify"]["records_compared"] == 77

    @pytest.mark.slow
    def test_the_steps_one_by_one(self, run: Run) -> None:
        """Analyze, create-tables, populate, verify and report in this order do what the full workflow does."""
        assert one_json(run("analyze", "--json"))["schema_changes_required"]
        assert "json_invoices" in one_json(run("create-tables", "--json"))["created"]
        assert one_json(run("populate", "--json"))["statistics"]["inserted"] == 77
        assert one_json(run("verify", "--json", "--full"))["records_compared"] == 77
        assert one_json(run("report", "--json"))["total_records"] == 77

    def test_analyze_changes_nothing(self, run: Run) -> None:
        """Analyze ends with 0 though changes are pending, and makes no database."""
        assert run("analyze").exit_code == 0
        assert not Path("test.db").exists()

    def test_options_before_configuration(self, run: Run, example_source: Path) -> None:
        """--db-path and --data-source beat what is configured."""
        single = example_source / "sync_session_2026-11-08_08-00-00"
        result = one_json(run("populate", "--json", "--db-path", "other.db", "--data-source", str(single)))
        assert result["statistics"]["total_records"] == 12
        assert result["database"].endswith("other.db")
        assert not Path("test.db").exists()

    @pytest.mark.slow
    def test_postgresql(self, run: Run, postgres_url: str) -> None:
        """--db-path takes the URL of a PostgreSQL database, and every step works there."""
        result = one_json(run("full-workflow", "--json", "--full-verification", "--db-path", postgres_url))
        assert result["success"]
        assert result["steps"]["report"]["total_records"] == 77
        assert run("create-tables", "--recreate", "--yes", "--db-path", postgres_url).exit_code == 0
        assert len(one_json(run("backups", "--json", "--db-path", postgres_url))["backups"]) == 1

    def test_config_file(self, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
        """--config-file names the file of settings."""
        monkeypatch.delenv("JSON2DB_DATABASE_PATH")
        Path("my.toml").write_text('[database]\npath = "from_file.db"\n', encoding="utf-8")
        assert one_json(run("populate", "--json", "--config-file", "my.toml"))["database"].endswith("from_file.db")

    @pytest.mark.parametrize("arguments", [("--entity", "items,bills"), ("--entity", "items", "--entity", "bills")])
    def test_entities(self, run: Run, arguments: tuple[str, ...]) -> None:
        """--entity may be repeated, or hold several names between commas."""
        assert set(one_json(run("populate", "--json", *arguments))["entities"]) == {"items", "bills"}

    def test_windows(self, run: Run) -> None:
        """--until leaves out later sessions, --since earlier ones, and 'all' lifts every limit."""

        def read(*window: str) -> int:
            return int(one_json(run("analyze", "--json", *window))["total_records"])

        assert read("--until", "2026-11-02") == 76
        assert read("--since", "2026-11-05") == 12
        assert read("--cutoff-days", "all") == 88
        assert read("--cutoff-days", "100000") == 88

    def test_include_failed(self, run: Run, tmp_path: Path, example_source: Path) -> None:
        """--include-failed loads files whose metadata says that their sync failed."""
        shutil.copytree(example_source, tmp_path / "copy")
        stamp = tmp_path / "copy/sync_session_2026-11-08_08-00-00/raw_json/2026-11-08_08-00-00"
        metadata = stamp / "sync_metadata_contacts.json"
        metadata.write_text(json.dumps({**json.loads(metadata.read_text(encoding="utf-8")), "status": "failed"}))
        source = ("--json", "--data-source", str(tmp_path / "copy"))
        assert one_json(run("analyze", *source))["total_records"] == 83
        assert one_json(run("analyze", *source, "--include-failed"))["total_records"] == 88

    def test_sizes(self, run: Run) -> None:
        """--batch-size and --memory-limit are settings: a wrong one is answered as a wrong setting."""
        assert run("populate", "--batch-size", "7", "--memory-limit", "64").exit_code == 0
        failed = run("populate", "--json", "--batch-size", "0")
        assert failed.exit_code == 2
        assert one_json(failed)["context"]["setting"] == "processing.batch_size"

    @pytest.mark.slow
    def test_backup_before_populate(self, loaded: Run, tmp_path: Path) -> None:
        """--backup makes a backup before loading, --no-backup none though one is configured; without a change none is."""
        file = tmp_path / "more" / "things.json"
        file.parent.mkdir()

        def backup(records: object, *options: str, **settings: object) -> object:
            file.write_text(json.dumps(records), encoding="utf-8")
            source = ("--data-source", str(file.parent))
            return one_json(loaded("populate", "--json", *source, *options, **settings))["backup"]

        configured = {"JSON2DB_BACKUP_BEFORE_OPERATIONS": "true"}
        assert backup([{"id": 1}], "--backup")
        assert backup([{"id": 2}], env=configured)
        assert backup([{"id": 2}], "--backup") is None
        assert backup([{"id": 3}], "--no-backup", env=configured) is None

    def test_recreate_with_yes(self, loaded: Run) -> None:
        """create-tables --recreate --yes rebuilds without asking, rows carried over, after a backup."""
        result = one_json(loaded("create-tables", "--recreate", "--yes", "--json"))
        assert result["records_carried_over"] > 0
        assert Path(result["backup"]).exists()

    def test_recreate_empty_with_yes(self, loaded: Run) -> None:
        """create-tables --recreate --empty --yes discards the rows, and the next populate loads them again."""
        assert one_json(loaded("create-tables", "--recreate", "--empty", "-y", "--json"))["emptied"]
        assert one_json(loaded("report", "--json"))["total_records"] == 0
        assert one_json(loaded("populate", "--json"))["statistics"]["inserted"] == 77

    def test_schemas(self, run: Run) -> None:
        """generate-table-schemas gives both dialects as JSON, with indexes and custom columns as asked."""
        both = one_json(run("generate-table-schemas", "--json", "--custom-column", "session_id=TEXT"))
        assert set(both["schemas"]) == {"sqlite", "postgresql"}
        assert "session_id TEXT" in both["schemas"]["sqlite"]
        assert "CREATE INDEX" in both["schemas"]["sqlite"]
        assert (
            "CREATE INDEX" not in one_json(run("generate-table-schemas", "--json", "--no-indexes"))["schemas"]["sqlite"]
        )

    def test_schemas_of_one_dialect(self, run: Run) -> None:
        """--dialect prints that database's statements alone, so that they can be run as they are."""
        printed = run("generate-table-schemas", "--dialect", "sqlite").stdout
        connection = sqlite3.connect(":memory:")
        connection.executescript(printed)
        names = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        connection.close()
        assert {f"json_{name}" for name in RECORDS} <= names
        assert "JSONB" in run("generate-table-schemas", "--dialect", "postgresql").stdout

    @pytest.mark.slow
    def test_backup_and_restore(self, loaded: Run) -> None:
        """What backup made is listed by backups, and restore goes back to it."""
        made = one_json(loaded("backup", "--json"))["backup"]
        assert [backup["name"] for backup in one_json(loaded("backups", "--json"))["backups"]] == [made]
        assert loaded("create-tables", "--recreate", "--empty", "--yes").exit_code == 0
        assert loaded("restore", made, "--yes").exit_code == 0
        assert one_json(loaded("report", "--json"))["total_records"] == 77

    def test_rejected(self, run: Run, tmp_path: Path) -> None:
        """rejected lists what could not be loaded, with or without 'list', by entity, up to a limit."""
        assert run("populate", "--data-source", str(bad_records(tmp_path / "bad"))).exit_code == 3
        for arguments in ([], ["list"], ["list", "--entity", "people"], ["--entity", "people"], ["--limit", "1"]):
            listed = run("rejected", *arguments, "--json")
            assert listed.exit_code == 0
            assert [record["record"] for record in one_json(listed)["records"]] == [2]
        assert "people.json" in run("rejected").stdout

    def test_runs(self, loaded: Run) -> None:
        """Runs lists what was done, newest first, as many as asked for."""
        assert loaded("populate").exit_code == 0
        assert one_json(loaded("runs", "--json"))["runs"][0]["operation"] == "populate"
        assert len(one_json(loaded("runs", "--json", "--limit", "1"))["runs"]) == 1

    def test_config_show(self, run: Run) -> None:
        """Config show names every setting with value, origin and variable; passwords are masked."""
        secret = {"JSON2DB_DATABASE_PATH": "postgresql://me:secret@host/shop"}
        shown = {
            setting["name"]: setting for setting in one_json(run("config", "show", "--json", env=secret))["settings"]
        }
        assert shown["database.path"]["value"] == "postgresql://me:***@host/shop"
        assert shown["database.path"]["origin"] == "environment"
        assert shown["processing.batch_size"]["variable"] == "JSON2DB_BATCH_SIZE"
        for result in (run("config", "show", env=secret), run("config", env=secret)):
            assert "secret" not in result.output
            line = next(line for line in result.stdout.splitlines() if line.startswith("processing.batch_size"))
            assert line.split() == ["processing.batch_size", "1000", "default", "JSON2DB_BATCH_SIZE"]

    @pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
    def test_completion(self, run: Run, shell: str) -> None:
        """Completion prints a script for the shell that asks this program."""
        result = run("completion", shell)
        assert result.exit_code == 0
        assert f"_JSON2DB_SYNC_COMPLETE={shell}_complete" in result.stdout

    def test_completion_of_commands(self, run: Run) -> None:
        """The Tab key finds commands and their options."""
        variables = {"_JSON2DB_SYNC_COMPLETE": "bash_complete", "COMP_WORDS": "json2db-sync pop", "COMP_CWORD": "1"}
        assert run(env=variables).stdout.split() == ["plain,populate"]
        variables |= {"COMP_WORDS": "json2db-sync rejected list --lim", "COMP_CWORD": "3"}
        assert run(env=variables).stdout.split() == ["plain,--limit"]


class TestOutput:
    @pytest.mark.slow
    @pytest.mark.parametrize("command", ["full-workflow", "analyze", "populate", "verify", "report", "runs", "backups"])
    def test_json_is_alone_on_stdout(self, loaded: Run, command: str) -> None:
        """With --json stdout is the result and nothing else, also when the log is wanted."""
        for more in ([], ["-v"], ["-q"]):
            assert one_json(loaded(command, "--json", *more))["success"] is True

    def test_json_of_a_failure(self, run: Run) -> None:
        """A failed result is JSON on stdout too, and its error stands on stderr for people."""
        failed = run("report", "--json")
        assert failed.exit_code == 1
        assert one_json(failed)["error"].endswith("test.db does not exist yet")
        assert "does not exist yet" in " ".join(failed.stderr.split())

    def test_json_of_a_wrong_configuration(self, run: Run) -> None:
        """An error before the runner is there has the same shape."""
        failed = run("populate", "--json", "--config-file", "nowhere.json")
        assert failed.exit_code == 2
        assert one_json(failed)["operation"] == "populate"
        assert one_json(failed)["error_type"] == "configuration_error"

    def test_json_of_wrong_usage(self, run: Run) -> None:
        """So has wrong usage."""
        failed = run("populate", "--json", "--entty", "items")
        assert failed.exit_code == 2
        assert one_json(failed)["success"] is False
        assert "--entity" in one_json(failed)["error"]

    def test_progress_goes_to_stderr(self, run: Run) -> None:
        """Results are on stdout, progress is on stderr."""
        result = run("populate")
        assert "77 inserted" in result.stdout
        assert "opulate" in result.stderr

    def test_quiet(self, run: Run) -> None:
        """--quiet prints nothing where all is well, but what was asked for, and what went wrong."""
        result = run("populate", "-q")
        assert (result.exit_code, result.output) == (0, "")
        assert "json_invoices" in run("report", "-q").stdout
        assert run("report", "-q").stderr == ""
        assert run("populate", "-q", "--data-source", "nowhere").stderr != ""

    def test_quiet_shows_what_needs_a_look(self, run: Run, tmp_path: Path) -> None:
        """--quiet does not hide rejected records."""
        result = run("populate", "-q", "--data-source", str(bad_records(tmp_path / "bad")))
        assert result.exit_code == 3
        assert "people.json" in result.stdout

    def test_verbose_logs(self, run: Run) -> None:
        """-v logs the steps to stderr with the run's id, -vv more of them."""
        once = run("populate", "-v").stderr.splitlines()
        assert len(once) == 1
        assert "INFO [" in once[0]
        assert any(" DEBUG [" in line for line in run("populate", "-vv").stderr.splitlines())

    def test_log_file(self, run: Run) -> None:
        """--log-file gets lines of time, level, run and message, at the configured level."""
        assert run("full-workflow", "--log-file", "my.log").exit_code == 0
        lines = Path("my.log").read_text(encoding="utf-8").splitlines()
        assert len({line.split("[")[1].split("]")[0] for line in lines}) == 1
        assert all(line[:4].isdigit() and " INFO [" in line for line in lines)
        assert run("populate", "--log-file", "2.log", env={"JSON2DB_LOG_LEVEL": "ERROR"}).exit_code == 0
        assert Path("2.log").read_text(encoding="utf-8") == ""

    def test_configured_log_file(self, run: Run) -> None:
        """The configured log file is written without any option."""
        assert run("populate", env={"JSON2DB_LOG_FILE": "configured.log"}).exit_code == 0
        assert "populate: 88 read" in Path("configured.log").read_text(encoding="utf-8")

    def test_impossible_log_file(self, run: Run) -> None:
        """A log file that cannot be written ends with 2 before anything is done."""
        result = run("populate", "--log-file", "no/such/folder/my.log")
        assert result.exit_code == 2
        assert "log file" in result.stderr
        assert not Path("test.db").exists()


class TestExitCodes:
    def test_done(self, run: Run) -> None:
        """0: done."""
        assert run("populate").exit_code == 0

    def test_failed(self, run: Run, tmp_path: Path) -> None:
        """1: failed; the data source or database is not there, or every file is refused."""
        assert run("verify").exit_code == 1
        assert run("analyze", "--data-source", "nowhere").exit_code == 1
        assert run("populate", "--cutoff-days", "0.001").exit_code == 1
        bad = bad_records(tmp_path / "bad", all_bad=True)
        assert run("full-workflow", "--data-source", str(bad)).exit_code == 1

    @pytest.mark.parametrize(
        "arguments",
        [
            ("nonsense",),
            ("populate", "--nonsense"),
            ("populate", "--batch-size", "many"),
            ("populate", "--cutoff-days", "-3"),
            ("populate", "--cutoff-days", "soon"),
            ("populate", "--since", "yesterday"),
            ("populate", "--entity", "nonsense"),
            ("populate", "--entity", ""),
            ("populate", "--db-path", "mysql://host/name"),
            ("create-tables", "--empty"),
            ("generate-table-schemas", "--custom-column", "session_id"),
            ("generate-table-schemas", "--dialect", "oracle"),
            ("runs", "--limit", "0"),
            ("restore",),
            ("completion", "tcsh"),
            ("--db-path", "test.db", "populate"),
        ],
    )
    def test_wrong_usage(self, run: Run, arguments: tuple[str, ...]) -> None:
        """2: wrong usage or configuration; said on stderr, and nothing is done."""
        result = run(*arguments)
        assert result.exit_code == 2
        assert result.stdout == ""
        assert result.stderr
        assert not Path("test.db").exists()

    @pytest.mark.slow
    @pytest.mark.parametrize("option", [[], ["--no-input"]])
    def test_input_needed(self, loaded: Run, option: list[str]) -> None:
        """2: an answer is needed and there is no terminal; the missing option is named and nothing is done."""
        for arguments in (["create-tables", "--recreate"], ["restore", "some.db"]):
            result = loaded(*arguments, *option)
            assert result.exit_code == 2
            assert "--yes" in result.stderr
            assert one_json(loaded(*arguments, *option, "--json"))["error_type"] == "configuration_error"
        assert not Path("backups").exists()

    def test_attention(self, run: Run, tmp_path: Path) -> None:
        """3: done, but records were rejected."""
        bad = str(bad_records(tmp_path / "bad"))
        assert [run(name, "--data-source", bad).exit_code for name in ("analyze", "full-workflow")] == [3, 3]

    @pytest.mark.slow
    def test_differences(self, loaded: Run) -> None:
        """3: a verification, alone or in the workflow, found that the database is not what was loaded."""
        connection = sqlite3.connect("test.db")
        connection.execute("DELETE FROM json_items WHERE id IN (SELECT id FROM json_items LIMIT 1)")
        connection.commit()
        connection.close()
        for arguments in (["verify"], ["verify", "--full"], ["verify", "--json"], ["full-workflow"]):
            result = loaded(*arguments)
            assert result.exit_code == 3, arguments
            assert "counts" in result.stdout


class TestHelp:
    @pytest.mark.parametrize("command", COMMANDS)
    def test_every_command_explains_itself(self, run: Run, command: str) -> None:
        """Each command's help has a sentence and an example of itself."""
        for option in ("--help", "-h"):
            result = run(command, option)
            assert result.exit_code == 0
            assert f"Example:\n    json2db-sync {command}" in result.stdout

    def test_root(self, run: Run) -> None:
        """The help lists all commands in the order of the work, and the exit codes."""
        text = run("--help").stdout
        listed = [line.split()[0] for line in text.splitlines() if line.startswith("  ") and line.split()]
        assert [name for name in listed if name in COMMANDS] == COMMANDS
        assert "Exit codes:" in text
        assert "130  interrupted" in text

    def test_version(self, run: Run) -> None:
        """--version names the version."""
        assert run("--version").stdout == f"json2db-sync, version {__version__}\n"

    @pytest.mark.parametrize(
        ("wrong", "right"),
        [("popul", "populate"), ("create_tables", "create-tables"), ("fullworkflow", "full-workflow")],
    )
    def test_did_you_mean_a_command(self, run: Run, wrong: str, right: str) -> None:
        """A command that does not exist is answered with the one that is near."""
        assert f"Did you mean {right}" in run(wrong).stderr

    def test_did_you_mean_an_option(self, run: Run) -> None:
        """So is an option."""
        assert "Did you mean '--data-source'" in run("analyze", "--datasource", "x").stderr

    def test_options_before_the_command(self, run: Run) -> None:
        """An option before the command is told its place."""
        assert "json2db-sync COMMAND --db-path" in run("--db-path", "x.db", "populate").stderr

    def test_no_command_without_a_terminal(self, run: Run) -> None:
        """Without a command and without a terminal, help goes to stderr and the exit code is 2."""
        result = run()
        assert result.exit_code == 2
        assert result.stdout == ""
        assert "Exit codes:" in result.stderr

    def test_menu_without_a_terminal(self, run: Run) -> None:
        """The menu without a terminal says so and ends with 2."""
        result = run("menu")
        assert result.exit_code == 2
        assert "terminal" in result.stderr


class TestQuestions:
    @pytest.mark.parametrize(
        ("path", "name"),
        [
            ("../data/shop.db", "shop.db"),
            ("sqlite:///data/shop.db", "shop.db"),
            ("postgresql://me:secret@host:5432/shop?sslmode=require", "shop"),
        ],
    )
    def test_database_name(self, path: str, name: str) -> None:
        """What must be typed before rows are discarded is the file's name, or the database's on a server."""
        assert database_name(path) == name
