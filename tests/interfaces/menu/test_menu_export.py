"""Option 8 of the menu: tables as files."""

from __future__ import annotations

import json
import re
import shlex
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from support.menu_driver import CLEAR, ENTER, ESC, Sit

from json2db_sync.interfaces.cli.main import main
from json2db_sync.interfaces.menu.exports import _alone
from json2db_sync.results import JsonBackup


def invoices(folder: str = "data") -> list[dict[str, object]]:
    return json.loads(Path(folder, "invoices.json").read_text("utf-8"))["invoices"]


def edit() -> None:
    with closing(sqlite3.connect("shop.db")) as connection, connection:
        connection.execute("UPDATE json_invoices SET status = 'lost' WHERE id = (SELECT min(id) FROM json_invoices)")


@pytest.mark.slow
@pytest.mark.usefixtures("loaded")
def test_it_says_what_it_would_write_and_writes_it(sit: Sit) -> None:
    """It looks first, names the command that does the same, writes when asked to, and says what it wrote."""
    seen = sit("8", ENTER, ENTER, ESC, "0", ENTER)
    assert seen.code == 0
    assert "Checked 77 records of 5 tables" in seen
    assert "same as: json2db-sync export --db-path shop.db" in seen
    assert "Exported 77 records of 5 tables" in seen
    assert len(invoices()) == 30


@pytest.mark.usefixtures("loaded")
def test_nothing_is_written_unless_asked(sit: Sit) -> None:
    """Going back after the look leaves no file behind."""
    assert "missing" in sit("8", ENTER, ESC, "0", ENTER)
    assert not Path("data").exists()


@pytest.mark.slow
@pytest.mark.usefixtures("loaded")
def test_files_are_verified(sit: Sit) -> None:
    """What the files hold is compared with the database, and a difference is named."""
    sit("8", ENTER, ENTER, ESC, "0", ENTER)
    edit()
    seen = sit("8", ENTER, "v", ENTER, ESC, "0", ENTER)
    assert "1 of 5 files are not what the database holds" in seen
    assert '"lost" in the database' in seen


@pytest.mark.slow
@pytest.mark.usefixtures("loaded")
def test_another_folder_and_a_file_as_it_was(sit: Sit) -> None:
    """Another folder can be named; a file that was replaced comes back after a confirmation."""
    folder = ("8", ENTER, "a", ENTER, CLEAR, "elsewhere", ENTER)
    sit(*folder, ENTER, ESC, "0", ENTER)
    before = invoices("elsewhere")
    edit()
    sit(*folder, ENTER, ESC, "0", ENTER)
    assert invoices("elsewhere") != before
    seen = sit(*folder, "b", ENTER, ENTER, "y", ESC, "0", ENTER)
    assert "same as: json2db-sync restore-json" in seen
    assert invoices("elsewhere") == before


@pytest.mark.slow
@pytest.mark.usefixtures("loaded")
def test_what_is_stale_is_worked_out_again(sit: Sit) -> None:
    """After a file was restored, writing what the database holds is what the cursor stands on."""
    sit("8", ENTER, ENTER, ESC, "0", ENTER)
    edit()
    sit("8", ENTER, ENTER, ESC, "0", ENTER)
    after = invoices()
    seen = sit("8", ENTER, "b", ENTER, ENTER, "y", ENTER, ESC, "0", ENTER)
    assert "Restored from" in seen
    assert "Exported 77 records of 5 tables" in seen
    assert invoices() == after


@pytest.mark.slow
@pytest.mark.usefixtures("loaded")
def test_the_command_of_a_restore_works(sit: Sit) -> None:
    """What 'same as' shows can be typed, with the folder named in the menu."""
    folder = ("8", ENTER, "a", ENTER, CLEAR, "elsewhere", ENTER)
    sit(*folder, ENTER, ESC, "0", ENTER)
    before = invoices("elsewhere")
    edit()
    sit(*folder, ENTER, ESC, "0", ENTER)
    screen = sit(*folder, "b", ENTER, ENTER, "n", ESC, "0", ENTER).screen
    command = re.search(r"same as: json2db-sync (restore-json(?: \\\n|[^\n])*)", screen)
    assert command is not None
    assert main(shlex.split(command[1].replace("\\\n", ""))) == 0
    assert invoices("elsewhere") == before


@pytest.mark.slow
@pytest.mark.usefixtures("loaded")
def test_options_of_a_command_are_not_remembered(sit: Sit) -> None:
    """Before anything is written it is said that files written with options would be written without them."""
    assert main(["export", "--db-path", "shop.db", "--related-depth", "2", "--exclude", "invoices=status"]) == 0
    seen = sit("8", ENTER, ESC, "0", ENTER)
    assert "stale" in seen
    assert "Options of earlier commands, such as --related-depth, are not remembered" in seen


def test_backups_can_be_told_apart() -> None:
    """A schema's backup is not listed beside its file's of the same moment; alone it is."""
    names = ["a.json", "a.schema.json", "b.schema.json"]
    backups = [JsonBackup(f"{name}.backup.20261121_093000", "", name, "", 1) for name in names]
    assert [one.file for one in _alone(backups)] == ["a.json", "b.schema.json"]


def test_without_a_database_it_says_so(sit: Sit) -> None:
    """Where there is nothing to export, that is said, and home comes back."""
    seen = sit("8", ENTER, "0", ENTER)
    assert seen.code == 0
    assert "does not exist yet" in seen
