"""Backups of exported files, from scripts and on the command line."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from support.drawn import drawn

from json2db_sync import SyncRunner
from json2db_sync.atomic_files import BackupRules, FileSet
from json2db_sync.config import JSON2DBConfig
from json2db_sync.interfaces.cli.main import cli

MOMENTS = [datetime(2026, 11, day, 9, 30) for day in (19, 20, 21)]


def publish(directory: Path, moment: datetime, rules: BackupRules | None = None, **files: str) -> None:
    with FileSet(directory, rules, lambda: moment) as file_set:
        for name, content in files.items():
            with file_set.stage(name.replace("_", ".")) as stream:
                stream.write(content.encode())
        file_set.commit()


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Two tables, exported three times; one of them changed twice, its metadata with it."""
    directory = tmp_path / "data"
    for number, moment in enumerate(MOMENTS):
        publish(directory, moment, venues_ndjson=f"{number}", venues_metadata_json=f"{number}")
    publish(directory, MOMENTS[0], cities_json="0", cities_schema_json="0")
    return directory


def content(directory: Path) -> dict[str, str]:
    return {file.name: file.read_text() for file in directory.iterdir() if file.is_file()}


def run(*arguments: object) -> Result:
    return CliRunner().invoke(cli, list(map(str, arguments)))


def test_backups_are_listed_newest_first(data):
    """Each backup is listed with the file, when it was made, and its size."""
    result = SyncRunner().json_backups(data)
    assert result.success
    assert [backup.name for backup in result.backups if backup.file == "venues.ndjson"] == [
        "venues.ndjson.backup.20261121_093000",
        "venues.ndjson.backup.20261120_093000",
    ]
    first = result.backups[0]
    assert first.created_at == MOMENTS[2].astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert (first.size, Path(first.path).read_text()) == (1, "1")


def test_without_exports_there_are_no_backups(tmp_path):
    """A folder that is not there has no backups, and that is no failure."""
    assert SyncRunner().json_backups(tmp_path / "none").backups == ()


def test_a_restored_file_comes_with_what_tells_of_it(data):
    """Metadata and schema go back with the file; restoring what the restore replaced undoes all of it."""
    before = content(data)
    runner = SyncRunner()
    result = runner.restore_json("venues.ndjson.backup.20261120_093000", data)
    assert result.success, result.error
    assert [Path(one.file).name for one in result.restored] == ["venues.ndjson", "venues.metadata.json"]
    assert content(data) == before | {"venues.ndjson": "0", "venues.metadata.json": "0"}
    undone = runner.restore_json(result.restored[0].backup, data)
    assert undone.success, undone.error
    assert content(data) == before


def test_a_schema_alone_can_be_restored(data):
    """Restoring what stands beside a file leaves the file itself as it is."""
    runner = SyncRunner()
    before = content(data)
    assert runner.restore_json("venues.metadata.json.backup.20261120_093000", data)
    assert content(data) == before | {"venues.metadata.json": "0"}


def test_directory_and_backups_are_as_configured(data, tmp_path):
    """Without an argument, the configured folders and rules hold."""
    export = {"directory": data, "backup_directory": "kept", "keep_backups": 1}
    publish(data, MOMENTS[0], BackupRules(Path("kept")), cities_json="1")
    runner = SyncRunner(config=JSON2DBConfig(export=export))
    assert [backup.file for backup in runner.json_backups().backups] == ["cities.json"]
    result = runner.restore_json("cities.json.backup.20261119_093000")
    assert result.success, result.error
    assert (data / "cities.json").read_text() == "0"
    (only,) = runner.json_backups().backups
    assert Path(only.path).parent == data / "kept"
    assert Path(only.path).read_text() == "1"


def test_a_backup_that_is_not_there_is_a_file_error(data):
    """The error names those that are."""
    result = SyncRunner().restore_json("venues.json.backup.20200101_000000", data)
    assert (result.success, result.error_type) == (False, "file_error")
    assert "venues.ndjson.backup.20261121_093000" in str(result.hint)


def test_restoring_while_another_run_writes_is_locked(data):
    """One writer at a time: the result says who and since when, and nothing is restored."""
    before = content(data)
    with FileSet(data):
        result = SyncRunner().restore_json("venues.ndjson.backup.20261120_093000", data)
    assert (result.success, result.error_type) == (False, "locked")
    assert "process" in str(result.error)
    assert content(data) == before


def test_restore_json_is_a_command(data):
    """It says what it restored and where what it replaced is; with --json it prints the result."""
    shown = run("restore-json", "venues.ndjson.backup.20261120_093000", "--output-directory", data)
    assert shown.exit_code == 0, shown.stderr
    assert "Restored from venues.ndjson.backup.20261120_093000" in shown.stdout
    assert re.search(r"venues\.metadata\.json +venues\.metadata\.json\.backup\.\d{8}_\d{6}", shown.stdout)
    assert (data / "venues.ndjson").read_text() == "0"
    again = run("restore-json", "venues.ndjson.backup.20261121_093000", "--output-directory", data, "--json")
    assert json.loads(again.stdout)["restored"][0]["backup"]
    missing = run("restore-json", "none", "--output-directory", data)
    assert missing.exit_code == 1
    assert "there is no backup none" in missing.stderr


def test_backups_are_drawn(data):
    """The list has a line for each; without any, that is said."""
    text = drawn(SyncRunner().json_backups(data), 200)
    assert "4 backups" in text
    assert "venues.ndjson.backup.20261121_093000" in text
    assert "There are no backups" in drawn(SyncRunner().json_backups(data / "none"), 200)
