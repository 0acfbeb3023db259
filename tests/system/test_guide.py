"""The guide: every code block and command of it runs as written, in a tree at the paths it names."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from support.stored import exact_sum, query

from json2db_sync import JSON2DBSyncRunner

TESTS = Path(__file__).parents[1]
REPOSITORY = TESTS.parent
GUIDE = TESTS / "guide" / "guide_blocks.md"
ORIGINAL = REPOSITORY.parent / "shared" / "seeds" / "001_8446f5d409fc235e.txt"
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
TIME = "%Y-%m-%d_%H-%M-%S"

IMPORT = "from json2db_sync import JSON2DBSyncRunner\n"
RUNNER = IMPORT + "runner = JSON2DBSyncRunner()\n"
SHOW = "\nprint('RESULT', {}.to_json())\n"

ALL, RECENT = 88, 12
"""Records in all sessions of the example, and in the newest, the only one of the last seven days here."""


def read_blocks() -> dict[tuple[str, str], str]:
    """(heading, language) -> code."""
    found: dict[tuple[str, str], str] = {}
    for section in GUIDE.read_text(encoding="utf-8").split("\n## ")[1:]:
        heading = section.partition("\n")[0].rpartition(" / ")[2].strip()
        for language, code in FENCE.findall(section):
            assert (heading, language) not in found
            found[heading, language] = code
    return found


BLOCKS = read_blocks()


def python_block(heading: str) -> str:
    return BLOCKS[heading, "python"]


@dataclass(frozen=True)
class Place:
    """A tree as the guide supposes it, and the folder its code runs in."""

    root: Path
    sessions: dict[str, str] = field(default_factory=dict)
    """first, newest -> the session's name."""

    @property
    def work(self) -> Path:
        return self.root / "work"

    @property
    def production_db(self) -> Path:
        return self.root / "data" / "database" / "production.db"

    def environment(self) -> dict[str, str]:
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
        return {**os.environ, "PATH": path, "PYTHONIOENCODING": "utf-8", "PYTHONWARNINGS": "error"}

    def run(self, code: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Runs Python code as a script of its own in the working folder."""
        (self.work / "block.py").write_text(code, encoding="utf-8")
        return subprocess.run(
            [sys.executable, "block.py"],
            cwd=self.work,
            env={**self.environment(), **variables},
            capture_output=True,
            encoding="utf-8",
            timeout=120,
            check=False,
        )

    def output(self, code: str, **variables: str) -> str:
        """What code prints that must run through."""
        done = self.run(code, **variables)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        return done.stdout

    def results(self, code: str, **variables: str) -> list[dict[str, Any]]:
        """The results that ``SHOW`` printed."""
        lines = self.output(code, **variables).splitlines()
        return [json.loads(line.removeprefix("RESULT ")) for line in lines if line.startswith("RESULT ")]


@pytest.fixture
def place(tmp_path: Path, example_source: Path) -> Place:
    """The example's sessions, moved near to now, in ../api_sync; room for ../data/database; the guide's config."""
    root = tmp_path / "guide"
    begins = datetime.now().replace(microsecond=0)
    moves = (("first", timedelta(days=20)), ("newest", timedelta(hours=12)), ("unfinished", timedelta(hours=6)))
    target = root / "api_sync" / "data" / "sync_sessions"
    sessions = {}
    for source, (name, age) in zip(sorted(example_source.iterdir()), moves, strict=True):
        was = datetime.strptime(source.name.removeprefix("sync_session_"), TIME)
        sessions[name] = f"sync_session_{begins - age:{TIME}}"
        shutil.copytree(source, target / sessions[name])
        for stamp in sorted((target / sessions[name]).glob("raw_json/*")):
            later = datetime.strptime(stamp.name, TIME) - was
            stamp.rename(stamp.with_name(f"{begins - age + later:{TIME}}"))
    shutil.copytree(example_source.parent / "raw_json", target.parent / "raw_json")
    (root / "data" / "database").mkdir(parents=True)
    config = BLOCKS["Method 2: Configuration File", "json"]
    for name in ("custom_config.json", "config/production.json", "config/development.json"):
        path = root / "work" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(config, encoding="utf-8")
    return Place(root, sessions)


def counts(database: Path) -> dict[str, int]:
    """Rows of the five entities' tables."""
    names = ("bills", "contacts", "customerpayments", "invoices", "items")
    tables = {name for (name,) in query(str(database), "SELECT name FROM sqlite_master WHERE type = 'table'")}
    return {
        name: query(str(database), f"SELECT count(*) FROM json_{name}")[0][0]
        for name in names
        if f"json_{name}" in tables
    }


EVERYTHING = {"bills": 8, "contacts": 14, "customerpayments": 15, "invoices": 30, "items": 10}


def assert_everything_is_in(database: Path) -> None:
    assert counts(database) == EVERYTHING
    assert str(exact_sum(str(database), "SELECT total FROM json_invoices")) == "7356.61"


# The blocks themselves


@pytest.mark.skipif(not ORIGINAL.is_file(), reason="the guide itself is not there")
def test_the_blocks_are_those_of_the_guide() -> None:
    """Our copy holds each code block of the guide, unchanged and in order."""
    original = FENCE.findall(ORIGINAL.read_text(encoding="utf-8"))
    assert FENCE.findall(GUIDE.read_text(encoding="utf-8")) == original
    assert len(original) > 30


def test_every_python_block_is_run() -> None:
    """No Python block of the guide is without a test in this module."""
    named = set(re.findall(r'python_block\(\s*"((?:[^"\\]|\\.)*)"', Path(__file__).read_text(encoding="utf-8")))
    named |= {heading for heading, _found in READY}
    assert named == {heading for heading, language in BLOCKS if language == "python"}


# Blocks that need nothing around them, or only the names that they do not define

READY = [
    ("1. Daily Data Sync (Most Common)", RECENT),
    ("4. Historical Data Load", ALL),
    ("Error Handling", ALL),
    ("Optimization Settings", RECENT),
    ("1. Custom Data Filtering", 46),
]


@pytest.mark.slow
@pytest.mark.parametrize(("heading", "total"), READY)
def test_a_block_runs_as_written(place: Place, heading: str, total: int) -> None:
    """The block loads the records that its window and filter should give, into the default database."""
    code = BLOCKS[heading, "python"]
    if "runner = " not in code:
        code = RUNNER + code
    elif "import JSON2DBSyncRunner" not in code:
        code = IMPORT + code
    (result,) = place.results(code + SHOW.format("result"))
    assert result["success"] is True
    assert result["statistics"]["total_records"] == total
    assert "error" not in result
    assert (
        counts(place.production_db)
        == {ALL: EVERYTHING, RECENT: {"contacts": 5, "invoices": 7}, 46: {"bills": 8, "invoices": 30}}[total]
    )


@pytest.mark.slow
def test_quick_start_says_what_it_did(place: Place) -> None:
    """The first block prints success with the number of records, into the database that it names."""
    code = python_block("Programmatic Usage")
    assert place.output(code) == f"✅ Sync completed: {ALL} records\n"
    assert_everything_is_in(place.production_db)
    names = {name for (name,) in query(str(place.production_db), "SELECT name FROM sqlite_master")}
    assert {"json_invoices", "json_invoices_line_items", "json_bills_line_items"} <= names
    assert query(str(place.production_db), "SELECT DISTINCT data_source FROM json_contacts") == [("json",)]
    assert query(str(place.production_db), "SELECT count(id), count(created_at) FROM json_invoices") == [(30, 30)]


def test_quick_start_says_what_went_wrong(place: Place) -> None:
    """Without data the same block prints the failure with its reason, and makes no database."""
    shutil.rmtree(place.root / "api_sync")
    printed = place.output(python_block("Programmatic Usage"))
    assert printed.startswith("❌ Sync failed: ")
    assert "sync_sessions does not exist" in printed
    assert not place.production_db.exists()


@pytest.mark.slow
def test_a_historical_load_adds_what_older_sessions_hold(place: Place) -> None:
    """After a daily sync, 90 days bring in the older session without putting its versions over newer ones."""
    place.output(python_block("1. Daily Data Sync (Most Common)"))
    (result,) = place.results(IMPORT + python_block("4. Historical Data Load") + SHOW.format("result"))
    assert result["success"] is True
    assert list(result["steps"]) == ["analyze", "populate", "verify", "report"]  # skip_table_creation
    assert_everything_is_in(place.production_db)


@pytest.mark.slow
def test_errors_have_the_types_that_the_guide_handles(place: Place) -> None:
    """The error handling runs through for a missing source and for a database that is none."""
    code = RUNNER + python_block("Error Handling") + "\nprint(error_type, '|', error_message)\n"
    place.production_db.write_bytes(b"this is not a database, though it is long enough to be one" * 100)
    assert place.output(code).startswith("database_error | ")
    assert place.production_db.read_bytes().startswith(b"this is not a database")
    shutil.rmtree(place.root / "api_sync")
    place.production_db.unlink()
    assert place.output(code).startswith("file_error | ")


def test_optimization_settings_are_variables_too(place: Place) -> None:
    """The block's last lines also hold as environment variables, and reach the configuration."""
    assignments = re.findall(r"^(JSON2DB_\w+)=(\d+)", python_block("Optimization Settings"), re.MULTILINE)
    assert [name for name, _value in assignments] == ["JSON2DB_BATCH_SIZE", "JSON2DB_MEMORY_LIMIT"]
    code = "from json2db_sync.config import JSON2DBConfig\np = JSON2DBConfig().processing\n"
    printed = place.output(code + "print(p.batch_size, p.memory_limit)", **dict(assignments))
    assert printed == "2000 1024\n"


@pytest.mark.slow
def test_performance_monitoring_prints_figures(place: Place) -> None:
    """Records, seconds and records per second are there to be printed, and fit together."""
    printed = place.output(RUNNER + python_block("Performance Monitoring"))
    match = re.fullmatch(r"Records processed: (\d+)\nProcessing time: ([\d.]+)s\nRecords/second: ([\d.]+)\n", printed)
    assert match, printed
    records, seconds, rate = (float(figure) for figure in match.groups())
    assert records == ALL
    assert seconds > 0
    assert rate == pytest.approx(records / seconds, rel=0.1)


@pytest.mark.slow
def test_status_checking_lists_every_table(place: Place) -> None:
    """The report names each table with its number of records, and nothing where there is no database."""
    code = IMPORT + python_block("Status Checking")
    assert place.output(code) == ""
    place.output(python_block("Programmatic Usage"))
    lines = place.output(code).splitlines()
    assert {f"json_{name}: {count} records" for name, count in EVERYTHING.items()} <= set(lines)
    assert {"json_invoices_line_items: 63 records", "json_bills_line_items: 14 records"} <= set(lines)
    assert len(lines) == len(set(lines))


@pytest.mark.slow
def test_detailed_logging_tells_every_step(place: Place) -> None:
    """With logging at DEBUG each step of the workflow shows on the package's logger, with one id of the run."""
    done = place.run(IMPORT + python_block("Logging Configuration"))
    assert done.returncode == 0, done.stderr
    lines = [line for line in done.stderr.splitlines() if ":json2db_sync" in line]
    for step in ("analyze", "create_tables", "populate", "verify", "report"):
        assert [line for line in lines if f"] {step}: " in line], step
    assert len({match[1] for line in lines if (match := re.search(r"\[(\w+)\]", line))}) == 1


# Operations one by one

DEFINED = RUNNER + 'json_dir_path = json_dir = "../api_sync"\ndb_path = "../data/database/one.db"\n'


@pytest.mark.slow
def test_the_programmatic_methods_run_in_their_order(place: Place) -> None:
    """Each operation by itself, then the workflow, on the names that the guide leaves to be defined."""
    code = re.sub(r"^(runner\.)", r"_ = \1", python_block("Programmatic Methods"), flags=re.MULTILINE)
    assert code.count("_ = runner.") == 6
    shown = re.sub(r"(\)\n)(?=_ = |\n|$)", r"\1print('RESULT', _.to_json())\n", code)
    results = place.results(DEFINED + shown)
    assert [result["operation"] for result in results] == [
        "analyze",
        "create_tables",
        "populate",
        "verify",
        "report",
        "full_workflow",
    ]
    assert [result["error"] for result in results if not result["success"]] == []
    assert results[2]["statistics"]["inserted"] == 77
    assert_everything_is_in(place.root / "data" / "database" / "one.db")
    assert_everything_is_in(place.production_db)


@pytest.mark.slow
def test_the_methods_run_as_written(place: Place) -> None:
    """The same block without a change."""
    assert place.output(DEFINED + python_block("Programmatic Methods")) == ""
    assert_everything_is_in(place.production_db)


@pytest.mark.slow
def test_an_emergency_verification_tells_good_from_bad(place: Place) -> None:
    """Verification passes after a sync and fails once a row was deleted by hand."""
    code = IMPORT + python_block("Emergency Procedures").rstrip() + "\n    pass\n"
    code += "print(verification['success'], verification.get('error_type'))\n"
    place.output(python_block("Programmatic Usage"))
    assert place.output(code) == "True None\n"
    import sqlite3

    connection = sqlite3.connect(place.production_db)
    connection.execute("DELETE FROM json_items WHERE id = (SELECT min(id) FROM json_items)")
    connection.commit()
    connection.close()
    assert place.output(code) == "False validation_error\n"


# Configuration


@pytest.mark.slow
def test_variables_in_env_configure_everything(place: Place) -> None:
    """The commands copy the template; with the guide's lines in .env only the last 24 hours are loaded."""
    if (REPOSITORY / ".env.example").is_file():
        shutil.copy(REPOSITORY / ".env.example", place.work)
    else:
        (place.work / ".env.example").write_text("# the template\n", encoding="utf-8")
    block = BLOCKS["Method 1: Environment Variables (Recommended)", "bash"]
    subprocess.run(["bash", "-e", "-c", block], cwd=place.work, env=place.environment(), check=True, timeout=60)
    assert (place.work / ".env").read_bytes() == (place.work / ".env.example").read_bytes()
    lines = [line for line in block.splitlines() if line.startswith("JSON2DB_")]
    assert len(lines) == 4
    (place.work / ".env").write_text("\n".join(lines), encoding="utf-8")
    (result,) = place.results(RUNNER + "result = runner.full_sync_workflow()" + SHOW.format("result"))
    assert result["statistics"]["total_records"] == RECENT
    assert counts(place.production_db) == {"contacts": 5, "invoices": 7}
    code = "from json2db_sync.config import JSON2DBConfig\nc = JSON2DBConfig()\n"
    assert place.output(code + "print(c.data_source.type, c.processing.session_max_age)") == "api_sync 24.0\n"


@pytest.mark.slow
def test_the_template_as_it_is_works(place: Place) -> None:
    """.env.example, copied without a change, is a valid .env that finds the data where the guide has it."""
    template = REPOSITORY / ".env.example"
    if not template.is_file():
        pytest.skip("no .env.example in this installation")
    shutil.copy(template, place.work / ".env")
    (result,) = place.results(RUNNER + "result = runner.full_sync_workflow(cutoff_days='all')" + SHOW.format("result"))
    assert result["statistics"]["total_records"] == ALL
    assert_everything_is_in(place.production_db)


def test_the_configuration_file_is_read_as_written(place: Place) -> None:
    """Each nested key of the guide's file reaches its setting."""
    code = (
        "from json2db_sync.config import JSON2DBConfig\nc = JSON2DBConfig('custom_config.json')\n"
        "print(c.data_source.type, c.data_source.api_sync_base_path, c.data_source.prefer_session_based)\n"
        "print(c.database.path, c.database.backup_before_operations)\n"
        "print(c.processing.default_cutoff_days, c.processing.enable_duplicate_prevention)\n"
    )
    assert place.output(code).splitlines() == [
        "api_sync ../api_sync/data/sync_sessions True",
        "../data/database/production.db True",
        "30.0 True",
    ]


@pytest.mark.slow
def test_parameters_beat_the_configuration_file(place: Place) -> None:
    """db_path and data_source given to the runner are used, the rest comes from its file: backups before."""
    code = IMPORT + python_block("Method 3: Runtime Parameters")
    code += "for _ in range(2):\n    result = runner.full_sync_workflow()" + SHOW.format("result").replace(
        "\n", "\n    "
    )
    first, second = place.results(code)
    assert (first["success"], first["statistics"]["total_records"]) == (True, ALL)
    assert_everything_is_in(place.work / "custom" / "path" / "database.db")
    assert not place.production_db.exists()
    assert second["steps"]["populate"]["backup"] is None, "nothing was new"
    newest = max(place.root.rglob("contacts.json"))
    newest.write_text(newest.read_text("utf-8").replace("[", '[{"contact_id": "new"}, ', 1), "utf-8")
    third, _again = place.results(code)
    assert third["steps"]["populate"]["backup"]


@pytest.mark.slow
def test_development_and_production_differ_by_environment(place: Place) -> None:
    """Without ENVIRONMENT the development database gets 30 days, in production that one gets seven."""
    code = python_block("3. Custom Configuration") + SHOW.format("result")
    (result,) = place.results(code, ENVIRONMENT="development")
    assert (result["success"], result["statistics"]["total_records"]) == (True, ALL)
    assert_everything_is_in(place.work / "dev_database.db")
    production = place.root / "production" / "database" / "zoho_data.db"
    production.parent.mkdir(parents=True)
    assert "/production/database/zoho_data.db" in code
    (result,) = place.results(
        code.replace("/production/database/zoho_data.db", str(production)), ENVIRONMENT="production"
    )
    assert (result["success"], result["statistics"]["total_records"]) == (True, RECENT)
    assert counts(production) == {"contacts": 5, "invoices": 7}


# Integration


@pytest.mark.slow
def test_the_daily_script_says_success_and_exits_with_zero(place: Place) -> None:
    """The automation script loads yesterday's session and ends with 0; with no data it says so and ends with 1."""
    code = python_block("1. Automated Daily Sync")
    done = place.run(code)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[1] == f"✅ Success: {RECENT} records"
    for session in (place.root / "api_sync" / "data" / "sync_sessions").iterdir():
        if session.name != place.sessions["first"]:
            shutil.rmtree(session)
    done = place.run(code)
    assert (done.returncode, done.stderr) == (1, "")
    failed = done.stdout.splitlines()[1]
    assert failed.startswith("❌ Failed: ")
    assert "newest is 20 days old" in failed


@pytest.mark.slow
def test_the_pipeline_returns_all_of_its_results(place: Place) -> None:
    """On a new database the schema changes, the second time it does not; load and verification succeed."""
    code = python_block("2. Data Pipeline Integration") + (
        "\nfor _ in range(2):\n"
        "    done = DataPipeline().process_json_data()\n"
        "    print(done['analysis']['schema_changes_required'], done['load_result']['statistics']['inserted'],\n"
        "          done['load_result']['success'], done['verification']['success'])\n"
    )
    assert place.output(code) == "True 77 True True\nFalse 0 True True\n"
    assert_everything_is_in(place.production_db)


@pytest.mark.slow
def test_ranges_of_age_can_be_loaded_one_after_the_other(place: Place) -> None:
    """Seven, 30, then 90 days: each succeeds, and the end is as if all had been loaded at once."""
    assert place.output(IMPORT + python_block("3. Multi-Source Data Handling")).splitlines() == [
        "Processed Recent sessions: True",
        "Processed Monthly sessions: True",
        "Processed Quarterly sessions: True",
    ]
    assert_everything_is_in(place.production_db)


# Custom columns


def sent_by(place: Place, session: str, entity: str, key: str) -> set[str]:
    """The keys of all records of a session."""
    base = place.root / "api_sync" / "data" / "sync_sessions" / place.sessions[session]
    return {
        str(r[key]) for path in base.rglob(f"raw_json/*/{entity}.json") for r in json.loads(path.read_text("utf-8"))
    }


def assert_custom_columns_are_filled(place: Place, url: str) -> None:
    for entity in EVERYTHING:
        rows = query(url, f"SELECT id, session_id, import_timestamp, data_source FROM json_{entity}")
        assert len(rows) == EVERYTHING[entity]
        assert all(stamp for _id, _session, stamp, _source in rows), entity
        assert {source for *_others, source in rows} == {"json"}
        assert {session for _id, session, *_others in rows} <= set(place.sessions.values()), entity
    for entity, key in (("invoices", "invoice_id"), ("contacts", "contact_id")):
        first, newest = (sent_by(place, name, entity, key) for name in ("first", "newest"))
        sessions = {str(id_): session for id_, session in query(url, f"SELECT id, session_id FROM json_{entity}")}
        assert first - newest
        assert newest - first
        assert {sessions[id_] for id_ in first - newest} == {place.sessions["first"]}
        assert {sessions[id_] for id_ in newest - first} == {place.sessions["newest"]}


@pytest.mark.slow
def test_custom_columns_are_made_and_filled(place: Place) -> None:
    """After the block, recreated tables have import_timestamp and session_id, and populate fills both."""
    code = IMPORT + python_block("2. Schema Customization") + SHOW.format("schema_result")
    code += "for r in (runner.recreate_json_tables(), runner.populate_tables(), runner.verify_tables(full=True)):"
    (schemas, *others) = place.results(code + SHOW.format("r").replace("\n", "\n    "))
    assert [(r["operation"], r["success"]) for r in others] == [
        ("create_tables", True),
        ("populate", True),
        ("verify", True),
    ]
    for ddl in schemas["schemas"].values():
        assert len(re.findall(r"CREATE TABLE \S*json_invoices\S* ", ddl)) == 2  # with its line items
        assert "CREATE INDEX" in ddl
        assert re.search(r"session_id\W+TEXT", ddl)
        assert "import_timestamp" in ddl
    assert set(schemas["schemas"]) == {"sqlite", "postgresql"}
    assert_custom_columns_are_filled(place, str(place.production_db))


@pytest.mark.slow
def test_custom_columns_are_filled_in_rows_that_were_there(place: Place) -> None:
    """Tables that held data before are recreated with the custom columns, filled for the rows carried over."""
    place.output(python_block("Programmatic Usage"))
    code = IMPORT + python_block("2. Schema Customization") + "result = runner.recreate_json_tables()"
    (result,) = place.results(code + SHOW.format("result"))
    assert result["success"], result
    assert result["records_carried_over"] >= sum(EVERYTHING.values())
    assert result["backup"]
    assert_custom_columns_are_filled(place, str(place.production_db))


@pytest.mark.slow
@pytest.mark.parametrize("loaded_before", [False, True], ids=["new", "loaded"])
def test_custom_columns_on_each_database(place: Place, database_url: str, loaded_before: bool) -> None:
    """create_tables adds the columns that generate_table_schemas was given, on SQLite and PostgreSQL."""
    runner = JSON2DBSyncRunner(database_url, place.root / "api_sync")
    if loaded_before:
        assert runner.populate_tables().success
    columns = {"import_timestamp": "TIMESTAMP DEFAULT CURRENT_TIMESTAMP", "session_id": "TEXT"}
    assert runner.generate_table_schemas(custom_columns=columns).success
    created = runner.create_tables() if loaded_before else runner.recreate_json_tables()
    assert created.success, created.get("error")
    loaded = runner.populate_tables()
    assert loaded.success, loaded.get("error")
    assert_custom_columns_are_filled(place, database_url)
    verified = runner.verify_tables(full=True)
    assert verified.success, verified.get("error")


# Commands


@pytest.mark.slow
def test_the_commands_for_support_work(place: Place) -> None:
    """The two one-line programs print that the package loads, and how many folders of data there are."""
    block = BLOCKS["Common Commands for Support", "bash"]
    commands = [line for line in block.splitlines() if line.startswith("python -c")]
    assert len(commands) == 2
    done = subprocess.run(
        ["bash", "-e", "-c", "\n".join(commands)],
        cwd=place.work,
        env=place.environment(),
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == ["Package loaded successfully", "Found 3 sessions"]


def test_the_module_of_every_command_exists() -> None:
    """Each module that the guide starts with python -m can be found."""
    import importlib.util

    commands = re.findall(r"python -m ([\w.]+)", GUIDE.read_text(encoding="utf-8"))
    assert set(commands) == {"json2db_sync.main_json2db_sync"}
    assert importlib.util.find_spec(commands[0])
