"""The example of the documentation: an event planner's database, exported, edited, exported again."""

from __future__ import annotations

import difflib
import importlib.util
import os
import re
import sqlite3
import subprocess
import sys
from collections import Counter
from contextlib import closing
from pathlib import Path
from types import ModuleType

import pytest
from support.exports import contents, document, exported, query, records, runner_on, statuses

from json2db_sync import SyncRunner

REPOSITORY = Path(__file__).resolve().parents[2]
STATISTICS = {"venues": ["venue_type", "city_name"], "events": ["event_type"]}
SHAPE = {"related_depth": 2, "statistics": STATISTICS}


def _example() -> ModuleType:
    path = REPOSITORY / "docs/examples/application/make_database.py"
    spec = importlib.util.spec_from_file_location("make_database", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def planner(tmp_path: Path) -> str:
    """The example's database."""
    _example().make(tmp_path / "planner.db")
    return str(tmp_path / "planner.db")


def test_it_has_the_shape_of_an_event_planner(planner, tmp_path):
    """37 sources, 19 cities, 147 venues in 19 cities and some events become a file each, with names beside references."""
    result = exported(planner, tmp_path / "data", validate=True, **SHAPE)
    assert {file.name: file.records for file in result.files} == {
        "cities": 19, "events": 60, "sources": 37, "venues": 147,
    }  # fmt: skip
    assert len({venue["city_name"] for venue in records(tmp_path / "data/venues.json")}) == 19
    assert {"venue_name", "city_name", "source_name"} <= set(records(tmp_path / "data/events.json")[0])


def test_statistics_match_sql(planner, tmp_path):
    """The counts in the metadata are what SQL counts."""
    exported(planner, tmp_path / "data", **SHAPE)
    statistics = document(tmp_path / "data/venues.json")["metadata"]["statistics"]
    types = query(planner, "SELECT venue_type, count(*) AS n FROM venues GROUP BY 1 ORDER BY n DESC, venue_type")
    assert [(one["value"], one["count"]) for one in statistics["top"]["venue_type"]] == types
    cities = query(planner, "SELECT c.name, count(*) FROM venues JOIN cities AS c ON c.id = city_id GROUP BY 1")
    assert {one["value"]: one["count"] for one in statistics["top"]["city_name"]}.items() <= dict(cities).items()
    assert statistics["total"] == sum(count for _name, count in cities)


def test_the_difference_is_the_edit(planner, tmp_path):
    """One row edited: one file is written; only the row's line, checksum, moment and counts differ; the backup is the old file."""
    exported(planner, tmp_path / "data", **SHAPE)
    before = contents(tmp_path / "data")
    with closing(sqlite3.connect(planner)) as connection, connection:
        connection.execute("UPDATE venues SET venue_type = 'castle', phone = NULL WHERE id = 50")
    result = exported(planner, tmp_path / "data", **SHAPE)
    assert statuses(result) == {
        "cities": "unchanged", "events": "unchanged", "sources": "unchanged", "venues": "written",
    }  # fmt: skip
    after = contents(tmp_path / "data")
    assert {name for name in after if after[name] != before[name]} == {"venues.json"}
    texts = [one["venues.json"].decode().split('  "venues": [') for one in (before, after)]
    edited = [line for line in difflib.ndiff(texts[0][1].splitlines(), texts[1][1].splitlines()) if line[0] in "+-"]
    assert Counter(line.split('"')[1] for line in edited) == {"venue_type": 2, "phone": 2}
    heads = [one[0].splitlines() for one in texts]
    changed = [line for line in difflib.ndiff(*heads) if line[0] in "+-"]
    assert {line.split('"')[1] for line in changed if '"' in line} <= {"generated_at", "checksum", "value", "count"}
    (file,) = (file for file in result.files if file.backup)
    assert Path(file.backup).read_bytes() == before["venues.json"]


def test_the_old_state_comes_back(planner, tmp_path):
    """The backup restored: the file is what it was, and no longer what the database holds."""
    runner = runner_on(planner, tmp_path / "data", **SHAPE)
    runner.export()
    before = contents(tmp_path / "data")
    with closing(sqlite3.connect(planner)) as connection, connection:
        connection.execute("DELETE FROM events WHERE id = 7")
    (backup,) = (file.backup for file in runner.export().files if file.backup)
    assert runner.restore_json(backup).success
    assert contents(tmp_path / "data") == before
    assert statuses(runner.export(check=True))["events"] == "stale"
    assert statuses(runner.export(verify_only=True))["events"] == "different"


def test_the_files_can_be_loaded(planner, tmp_path):
    """The folder is a source: its schemas, metadata and backups are left out, and the result says so."""
    runner = runner_on(planner, tmp_path / "data", format="array")
    runner.export()
    with closing(sqlite3.connect(planner)) as connection, connection:
        connection.execute("UPDATE cities SET country = 'USA' WHERE country = 'United States'")
    runner.export()
    loaded = SyncRunner(tmp_path / "new.db", tmp_path / "data").populate()
    assert loaded.success
    assert {file.entity for file in loaded.files} == {"cities", "events", "sources", "venues"}
    assert "8 files left out: schemas and metadata that exports wrote beside their files" in loaded.notes
    assert "2 backups of exported files left out" in loaded.notes
    again = exported(str(tmp_path / "new.db"), tmp_path / "again")
    assert again.records == 263
    for name in ("cities", "events", "sources", "venues"):
        ours, theirs = records(tmp_path / f"data/{name}.json"), records(tmp_path / f"again/{name}.json")
        assert ours == theirs


def _shell(script: str, folder: Path) -> str:
    """What the shell lines of the page print."""
    program = f"{sys.executable} -m json2db_sync"
    script = script.replace("json2db-sync", program).replace("python docs", f"{sys.executable} {REPOSITORY}/docs")
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY), "NO_COLOR": "1", "COLUMNS": "200"}
    done = subprocess.run(
        script, shell=True, cwd=folder, capture_output=True, text=True, encoding="utf-8", check=False, timeout=120,
        env={**environment, "PYTHONIOENCODING": "utf-8"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def _comparable(text: str) -> list[str]:
    text = re.sub(r"20261121_\d{6}|\d{8}_\d{6}", "STAMP", text)
    return [re.sub(r" in /\S+", " in FOLDER", line).rstrip() for line in text.strip().splitlines()]


@pytest.mark.slow
def test_the_page_shows_what_the_commands_print(tmp_path):
    """The output in docs/export.md is that of its commands, before and after the edit; its script runs."""
    page = (REPOSITORY / "docs/export.md").read_text("utf-8")
    blocks = dict.fromkeys(("bash", "console", "json", "python"))
    for language in blocks:
        blocks[language] = re.findall(rf"^```{language}\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    assert _comparable(_shell(blocks["bash"][0], tmp_path)) == _comparable(blocks["console"][0])
    written = (tmp_path / "data/events.json").read_text("utf-8")
    moment = r'"generated_at": "[^"]*"'
    assert re.sub(moment, "", written).startswith(re.sub(moment, "", blocks["json"][0].rstrip()))
    with closing(sqlite3.connect(tmp_path / "planner.db")) as connection, connection:
        connection.execute("UPDATE venues SET phone = '+1 555 9999' WHERE id = 5")
    different = exported_again = _shell(f"{blocks['bash'][0].splitlines()[1]} --verify-only || test $? = 3", tmp_path)
    assert blocks["console"][2].strip().partition(": ")[2] in different
    exported_again = _shell(blocks["bash"][0].splitlines()[1], tmp_path)
    assert _comparable(exported_again)[:10] == _comparable(blocks["console"][1])
    (tmp_path / "planner.db").unlink()
    (tmp_path / "docs").symlink_to(REPOSITORY / "docs")
    (tmp_path / "script.py").write_text(blocks["python"][0], "utf-8")
    assert "venues written 147" in _shell(f"{sys.executable} script.py", tmp_path)
    assert "venues unchanged 147" in _shell(f"{sys.executable} script.py", tmp_path)


def test_a_schema_of_someone_else_is_data(tmp_path):
    """A file that is only named like one of ours, or stands alone, is read as before."""
    (tmp_path / "source").mkdir()
    for name in ("a.json", "a.schema.json", "b.metadata.json"):
        (tmp_path / "source" / name).write_text('[{"id": 1}]')
    loaded = SyncRunner(tmp_path / "test.db", tmp_path / "source").populate()
    assert {file.entity for file in loaded.files} == {"a", "a_schema", "b_metadata"}
    assert loaded.notes == ()
