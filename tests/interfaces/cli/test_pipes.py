"""What goes to a file or a pipe is in lines as long as they are: no path and no sentence is folded or cut."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = "a folder whose name is long-" + "x" * 110
ENVIRONMENTS = ({}, {"COLUMNS": "40"}, {"TERM": "dumb", "FORCE_COLOR": "1", "NO_COLOR": "1"})


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder with a long path: things.json to load, broken.json that is cut off."""
    folder = tmp_path / FOLDER
    folder.mkdir()
    (folder / "things.json").write_text('[{"id": 1, "name": "a"}, {"id": 2, "name": "b"}]')
    (folder / "broken.json").write_text('[{"id": 1, "name"')
    return folder


def command(tmp_path: Path, *words: str, **environment: str) -> tuple[str, str]:
    """What a command writes into files: of its output, and of its errors."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("JSON2DB_", "COLUMNS"))}
    with (tmp_path / "out").open("wb") as out, (tmp_path / "log").open("wb") as log:
        line = [sys.executable, "-m", "json2db_sync", *words]
        subprocess.run(line, env=clean | environment, cwd=tmp_path, stdout=out, stderr=log, check=False)
    return (tmp_path / "out").read_text("utf-8"), (tmp_path / "log").read_text("utf-8")


@pytest.mark.slow
@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_an_error_names_its_place_in_one_piece(tmp_path: Path, environment: dict[str, str]) -> None:
    """``2> log`` holds the whole path of a source and a database that are not there, whatever the terminal is."""
    missing = tmp_path / FOLDER / "nothing"
    _, log = command(tmp_path, "analyze", "--data-source", str(missing), **environment)
    assert str(missing) in log
    assert any("What to do: " in line and line.endswith("JSON2DB_API_SYNC_PATH") for line in log.splitlines())
    _, log = command(tmp_path, "report", "--db-path", str(missing) + ".db", **environment)
    assert str(missing) + ".db" in log


@pytest.mark.slow
def test_results_name_places_in_one_piece(tmp_path: Path, place: Path) -> None:
    """A run, a report, an export and the list of its backups show whole paths and file names."""
    database = str(place / "things.db")
    where = ("--db-path", database)
    out, log = command(tmp_path, "full-workflow", "--data-source", str(place), *where)
    assert database in out
    assert str(place / "broken.json") in out or "broken.json" in out
    assert not [line for line in log.splitlines() if line.endswith("-")]
    out, _ = command(tmp_path, "report", *where)
    assert database in out.splitlines()
    exported = str(place / "exported")
    out, _ = command(tmp_path, "export", "--output-directory", exported, *where)
    assert any(line.endswith(f" in {exported}") for line in out.splitlines())
    out, _ = command(tmp_path, "backup", *where)
    assert str(place) in out


def test_a_file_that_is_refused_is_told_in_one_piece(tmp_path: Path, place: Path) -> None:
    """The error of a single file that cannot be read holds its path and what is wrong, each on its line."""
    broken = str(place / "broken.json")
    out, log = command(tmp_path, "analyze", "--data-source", broken, "--db-path", str(place / "x.db"))
    assert broken in (out + log)
    assert any("broken.json is cut off" in line for line in (out + log).splitlines())


@pytest.mark.parametrize(
    "words", [("frobnicate-{}",), ("populate", "--{}"), ("runs", "--limit", "{}"), ("export", "--where", "{}"),
              ("populate", "--config-file", "{}")]
)  # fmt: skip
def test_wrong_usage_is_told_in_one_piece(tmp_path: Path, words: tuple[str, ...]) -> None:
    """Errors of usage name what was written as it was written, however long it is."""
    name = "y" * 150
    _, log = command(tmp_path, *(word.format(name) for word in words))
    assert name in log
    assert "…" not in log
