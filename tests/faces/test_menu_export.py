"""Option 8 of the menu: tables as files."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from test_menu import CLEAR, ENTER, ESC, Sit, loaded, sit  # noqa: F401 - two are fixtures


def invoices(folder: str = "data") -> list[dict[str, object]]:
    return json.loads(Path(folder, "invoices.json").read_text("utf-8"))["invoices"]


def edit() -> None:
    with closing(sqlite3.connect("shop.db")) as connection, connection:
        connection.execute("UPDATE json_invoices SET status = 'lost' WHERE id = (SELECT min(id) FROM json_invoices)")


@pytest.mark.usefixtures("loaded")
def test_it_says_what_it_would_write_and_writes_it(sit: Sit) -> None:  # noqa: F811
    """It looks first, names the command that does the same, writes when asked to, and says what it wrote."""
    seen = sit("8", ENTER, ENTER, ESC, "0", ENTER)
    assert seen.code == 0
    assert "Checked 77 records of 5 tables" in seen
    assert "same as: json2db-sync export --db-path shop.db" in seen
    assert "Exported 77 records of 5 tables" in seen
    assert len(invoices()) == 30


@pytest.mark.usefixtures("loaded")
def test_nothing_is_written_unless_asked(sit: Sit) -> None:  # noqa: F811
    """Going back after the look leaves no file behind."""
    assert "missing" in sit("8", ENTER, ESC, "0", ENTER)
    assert not Path("data").exists()


@pytest.mark.usefixtures("loaded")
def test_files_are_verified(sit: Sit) -> None:  # noqa: F811
    """What the files hold is compared with the database, and a difference is named."""
    sit("8", ENTER, ENTER, ESC, "0", ENTER)
    edit()
    seen = sit("8", ENTER, "v", ENTER, ESC, "0", ENTER)
    assert "1 of 5 files are not what the database holds" in seen
    assert '"lost" in the database' in seen


@pytest.mark.usefixtures("loaded")
def test_another_folder_and_a_file_as_it_was(sit: Sit) -> None:  # noqa: F811
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


def test_without_a_database_it_says_so(sit: Sit) -> None:  # noqa: F811
    """Where there is nothing to export, that is said, and home comes back."""
    seen = sit("8", ENTER, "0", ENTER)
    assert seen.code == 0
    assert "does not exist yet" in seen
