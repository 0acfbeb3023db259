"""The guided menu, driven by keys through a pipe."""

from __future__ import annotations

import io
import json
import re
import shlex
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import click
import pytest
from rich.console import Console
from support.menu_driver import BACKSPACE, CLEAR, CTRL_C, CTRL_D, DOWN, ENTER, ESC, GO, UP, Sit

from json2db_sync import SyncRunner
from json2db_sync.errors import Cancelled
from json2db_sync.interfaces.menu import answers, tasks
from json2db_sync.interfaces.menu.choices import wrapped
from json2db_sync.interfaces.menu.main import run_menu
from json2db_sync.interfaces.terminal.interrupt import HINT as GO_ON
from json2db_sync.operations import populate


def rows(table: str, db: str = "shop.db") -> int:
    with closing(sqlite3.connect(db)) as connection:
        return int(connection.execute(f'SELECT count(*) FROM "{table}"').fetchone()[0])


# Home


def test_exit_leaves_with_0(sit: Sit) -> None:
    """Option 0 leaves with exit code 0."""
    assert sit("0", ENTER).code == 0


def test_ctrl_c_at_home_leaves_with_130(sit: Sit) -> None:
    """Ctrl-C at home leaves safely, with 130 as shells expect."""
    left = sit(CTRL_C)
    assert left.code == 130
    assert "nothing was running" in left


def test_ctrl_d_at_home_leaves_with_0(sit: Sit) -> None:
    """Ctrl-D at home leaves with 0, and never with a traceback."""
    assert sit(CTRL_D).code == 0


def test_esc_at_home_points_at_exit(sit: Sit) -> None:
    """Esc at home leaves nothing by accident: it points at Exit, and Enter leaves."""
    left = sit(ESC, ENTER)
    assert (left.code, "nothing was running" in left) == (0, False)


def test_header_before_anything_is_there(sit: Sit) -> None:
    """Without a database and a source, the header says so kindly and which option names one."""
    seen = sit("s", ENTER, ESC, "0", ENTER, source=None)
    assert "not there yet" in seen
    assert "choose s to name one" in seen


@pytest.mark.slow
def test_header_says_the_state_of_things(sit: Sit, loaded: None) -> None:
    """The header names database, kind, size, sessions, what is new, and the last run with its accounting."""
    seen = sit("0", ENTER, width=100)
    assert "shop.db · SQLite" in seen
    assert "2 sessions, newest" in seen
    assert "(all loaded)" in seen
    assert "88 read · 77 inserted · 7 updated" in seen


def test_header_counts_new_files(sit: Sit, loaded: None) -> None:
    """A file that is not loaded yet counts as new."""
    with closing(sqlite3.connect("shop.db")) as connection, connection:
        connection.execute("UPDATE json2db_files SET digest = NULL WHERE entity = 'bills'")
    assert "(1 new file)" in sit("0", ENTER, width=100)


def test_header_survives_a_file_that_is_no_database(sit: Sit) -> None:
    """A file that is not a database leaves the menu standing, and another one can be named."""
    Path("shop.db").write_bytes(b"this is not a database, whatever its name says" * 50)
    seen = sit("d", ENTER, CLEAR, "other.db", ENTER, "0", ENTER)
    assert "not usable now" in seen
    assert "other.db · not there yet" in seen


def test_broken_configuration_is_explained(sit: Sit, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a broken configuration the header says what is wrong, and every option leads to a way on."""
    monkeypatch.setenv("JSON2DB_BATCH_SIZE", "many")
    seen = sit("6", ENTER, ESC, "0", ENTER)
    assert seen.code == 0
    assert "JSON2DB_BATCH_SIZE = many is wrong" in seen


@pytest.mark.slow
@pytest.mark.parametrize("width", [60, 80, 120])
def test_nothing_is_wider_than_the_terminal(sit: Sit, width: int) -> None:
    """Only a word that is longer, as a path, (and log lines, which a terminal does not get) is wider than the terminal."""
    seen = sit("6", ENTER, GO, "y", "h", ENTER, "0", ENTER, width=width)
    lines = [line for line in seen.screen.splitlines() if not re.match(r"  \S+( \\)?$|\w+: ", line)]
    assert [line for line in lines if len(line) > width] == []


def test_signs_have_plain_ones_under_lang_c(sit: Sit, monkeypatch: pytest.MonkeyPatch) -> None:
    """Under LANG=C the menu's own words are ASCII."""
    for name in ("LC_ALL", "LC_CTYPE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LANG", "C")
    assert sit("6", ENTER, GO, ESC, ESC, "0", ENTER).screen.split("same as")[1].isascii()


@pytest.mark.slow
def test_header_after_a_cancelled_run(sit: Sit, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that was cancelled before the ledger knew of it is the last run all the same, until there is a later one."""

    def cancelled(*_arguments: object, **_named: object) -> None:
        raise Cancelled("stopped on request", hint=GO_ON)

    with monkeypatch.context() as patched:
        patched.setattr(populate, "populate_options", cancelled)
        seen = sit("6", ENTER, GO, "y", "h", ENTER, "0", ENTER)
    assert "full workflow, cancelled just now" in seen
    assert "run the same again: it goes on from what was committed" in seen
    assert "nothing new to load" not in seen
    assert "last full workflow, just now" in sit("6", ENTER, GO, "y", "h", ENTER, "0", ENTER)


@pytest.mark.slow
def test_header_after_going_on(sit: Sit, monkeypatch: pytest.MonkeyPatch) -> None:
    """Within one sitting, a run that ended well takes the place of a cancelled one."""
    options, calls = populate.populate_options, []

    def cancelled_once(*arguments: Any, **named: Any) -> Any:
        calls.append(arguments)
        if len(calls) == 1:
            raise Cancelled("stopped on request", hint=GO_ON)
        return options(*arguments, **named)

    monkeypatch.setattr(populate, "populate_options", cancelled_once)
    seen = sit("6", ENTER, GO, "y", ENTER, "y", "h", ENTER, "0", ENTER)
    assert "88 read = 77 inserted" in seen
    assert "last full workflow, just now" in seen


@pytest.mark.slow
def test_header_after_a_recreation(sit: Sit, loaded: None) -> None:
    """The last run is the latest of any operation, not the latest that loaded something."""
    seen = sit("2", ENTER, GO, "y", "h", ENTER, "0", ENTER)
    assert "last full workflow, just now" in seen
    assert "last create tables, just now" in seen


@pytest.mark.slow
def test_header_tells_how_the_last_run_ended(sit: Sit, loaded: None) -> None:
    """A run that did not end well is shown with its status."""
    with closing(sqlite3.connect("shop.db")) as connection, connection:
        connection.execute("UPDATE json2db_runs SET status = 'failed' WHERE id = (SELECT max(id) FROM json2db_runs)")
    assert "full workflow, failed just now" in sit("0", ENTER)


# Texts


def test_typing_a_path_starts_afresh(sit: Sit) -> None:
    """What is typed takes the place of the path before, and is not appended to it."""
    seen = sit("6", ENTER, "d", ENTER, "other.db", ENTER, ESC, "0", ENTER)
    assert "other.db · not there yet" in seen


def test_enter_keeps_what_was_there(sit: Sit, example_source: Path) -> None:
    """Enter alone keeps the path, and so does the number of days."""
    days = ("day", ENTER, "an", ENTER, "3650", ENTER, "day", ENTER, ENTER, ENTER)
    seen = sit("6", ENTER, "d", ENTER, ENTER, "s", ENTER, ENTER, *days, GO, "n", ESC, "0", ENTER, width=200)
    assert f"--data-source {example_source} --db-path shop.db" in seen
    assert "--cutoff-days 3650 " in seen


def test_up_brings_back_what_was_there(sit: Sit) -> None:
    """Up brings back the path before, so that its end can be corrected."""
    seen = sit("6", ENTER, "d", ENTER, UP, BACKSPACE, BACKSPACE, "sqlite", ENTER, ESC, "0", ENTER)
    assert "shop.sqlite · not there yet" in seen


@pytest.mark.parametrize("width", [20, 60, 80])
def test_questions_break_at_spaces(width: int) -> None:
    """A question that is wider than the terminal goes on below, and no word is torn apart."""
    question = "Backups of ../data/database/x.db (3): make one, or restore one of these here"
    console = Console(file=io.StringIO(), width=width)
    lines = wrapped(question, console).split("\n  ")
    if width >= 60:
        assert " ".join(lines) == question
    assert max(map(len, lines)) <= width - 4


# Tasks


def test_full_workflow(sit: Sit) -> None:
    """Option 6 shows its plan and command, loads after a yes, and ends with the accounting."""
    seen = sit("6", ENTER, GO, "y", "h", ENTER, "0", ENTER)
    assert "read 2 sessions (8 files" in seen
    assert "create json_bills, json_bills_line_items" in seen
    assert "load bills, contacts, customerpayments, invoices, items" in seen
    assert "Nothing is dropped." in seen
    assert "same as: json2db-sync full-workflow --data-source" in seen
    assert "88 read = 77 inserted + 7 updated + 4 unchanged" in seen
    assert rows("json_invoices") == 30


def test_no_at_the_plan_changes_nothing(sit: Sit) -> None:
    """Saying no to the plan changes nothing, not even an empty database file."""
    seen = sit("6", ENTER, GO, "n", ESC, "0", ENTER)
    assert "Nothing was changed." in seen
    assert not Path("shop.db").exists()


@pytest.mark.mostly_slow
@pytest.mark.parametrize("key", [ESC, CTRL_C, CTRL_D], ids=["esc", "ctrl-c", "ctrl-d"])
def test_going_back_from_the_plan(sit: Sit, key: str) -> None:
    """Esc, Ctrl-C and Ctrl-D at the plan go back to the options, then home, and change nothing."""
    assert sit("6", ENTER, GO, key, key, "0", ENTER).code == 0
    assert not Path("shop.db").exists()


def test_analysis(sit: Sit) -> None:
    """Option 1 says what is in the files and leaves no database behind."""
    seen = sit("1", ENTER, GO, "h", ENTER, "0", ENTER)
    assert "json2db-sync analyze" in seen
    assert "invoices" in seen
    assert not Path("shop.db").exists()


def test_population_of_chosen_entities(sit: Sit) -> None:
    """Entities are chosen from those found, filtered while one types."""
    choose = ("e", ENTER, "c", ENTER, "inv", " ", ENTER)
    seen = sit("3", ENTER, *choose, GO, "y", "h", ENTER, "0", ENTER)
    assert "--entity invoices" in seen
    assert rows("json_invoices") == 30
    with pytest.raises(sqlite3.OperationalError):
        rows("json_bills")


@pytest.mark.slow
def test_a_window_of_days(sit: Sit, monkeypatch: pytest.MonkeyPatch) -> None:
    """A negative number of days is refused with what would be right, and can be corrected."""
    days = ("day", ENTER, "an", ENTER, "-3", ENTER, CLEAR, "36500", ENTER)
    seen = sit("6", ENTER, *days, GO, "y", "h", ENTER, "0", ENTER)
    assert "--cutoff-days 36500" in seen
    assert "of the last 36500 days" in seen
    assert rows("json_bills") == 8


@pytest.mark.slow
def test_a_window_that_leaves_nothing_offers_all_days(sit: Sit, loaded: None) -> None:
    """When the window leaves nothing, taking all sessions is one key away."""
    days = ("day", ENTER, "an", ENTER, "0.001", ENTER)
    seen = sit("3", ENTER, *days, GO, ENTER, "y", "h", ENTER, "0", ENTER)
    assert "nothing inside the window" in seen
    assert "There is nothing new to load." in seen
    assert "--cutoff-days all" in seen


@pytest.mark.slow
def test_recreation_asks_with_figures_and_no_by_default(sit: Sit, loaded: None) -> None:
    """Rebuilding tables asks with the number of records; Enter alone is no."""
    seen = sit("2", ENTER, GO, ENTER, ESC, "0", ENTER)
    assert "Rebuild 5 entities with 77 records? no" in seen
    assert not Path("backups").exists()


@pytest.mark.slow
def test_recreation_keeps_rows_after_a_backup(sit: Sit, loaded: None) -> None:
    """After a yes the tables are rebuilt with their rows, and a backup lies beside them."""
    sit("2", ENTER, GO, "y", "h", ENTER, "0", ENTER)
    assert rows("json_invoices") == 30
    assert len(list(Path("backups").glob("*.db"))) == 1


def test_verification(sit: Sit, loaded: None) -> None:
    """Option 4 asks how thoroughly, and in full reads the files again."""
    seen = sit("4", ENTER, "in", ENTER, "h", ENTER, "0", ENTER)
    assert "json2db-sync verify --full" in seen
    assert "compared with what is stored" in seen


def test_a_failed_verification_offers_repair(sit: Sit, loaded: None) -> None:
    """What is missing is shown first, stored again when wanted, and found to be there."""
    before = rows("json_contacts")
    with closing(sqlite3.connect("shop.db")) as connection, connection:
        connection.execute("DELETE FROM json_contacts WHERE rowid = 1")
    seen = sit("4", ENTER, ENTER, "load", ENTER, "do", ENTER, "ver", ENTER, "h", ENTER, "0", ENTER)
    assert "same as: json2db-sync repair --dry-run" in seen
    assert "1 record would be stored again (nothing written)" in seen
    assert "1 record stored again" in seen
    assert "verified in full" in seen
    assert rows("json_contacts") == before


@pytest.mark.slow
def test_report(sit: Sit, loaded: None) -> None:
    """Option 5 asks nothing."""
    seen = sit("5", ENTER, "h", ENTER, "0", ENTER)
    assert "json_invoices_line_items" in seen


def test_report_without_a_database_offers_to_make_one(sit: Sit) -> None:
    """A report of a database that is not there yet leads to the workflow that creates it."""
    seen = sit("5", ENTER, "full", ENTER, GO, "y", "h", ENTER, "0", ENTER)
    assert "does not exist yet" in seen
    assert rows("json_items") == 10


@pytest.mark.slow
def test_way_on_after_a_run(sit: Sit) -> None:
    """After the workflow, verifying in full is offered and done without leaving."""
    seen = sit("6", ENTER, GO, "y", "ver", ENTER, "h", ENTER, "0", ENTER)
    assert "verified in full" in seen


def test_a_missing_source_offers_to_name_another(sit: Sit, example_source: Path) -> None:
    """Where the source is gone, the first way on names another one; options of the command line are not spoken of."""
    seen = sit("6", ENTER, GO, ENTER, str(example_source), ENTER, "y", "h", ENTER, "0", ENTER, source="gone")
    assert "does not exist" in seen
    assert "JSON2DB_API_SYNC_PATH" not in seen
    assert "88 read = 77 inserted" in seen


@pytest.mark.slow
def test_a_path_that_does_not_exist_can_be_corrected(sit: Sit, example_source: Path) -> None:
    """A source that is not there is refused in the prompt, where it can be corrected."""
    fix = ("s", ENTER, CLEAR, "no/where", ENTER, CLEAR, str(example_source), ENTER)
    seen = sit("1", ENTER, *fix, GO, "h", ENTER, "0", ENTER)
    assert "88 records" in seen


def test_rejected_records_are_shown_whole(sit: Sit) -> None:
    """A record that was rejected is offered after the run, and shown whole with its reason."""
    Path("data").mkdir()
    Path("data/things.json").write_text('[{"id": 1}, {"id": 2, "n": 1e999}, {"id": 3}]')
    seen = sit("6", ENTER, GO, "y", ENTER, ENTER, ESC, ESC, "h", ENTER, "0", ENTER, source="data")
    assert "1 rejected" in seen
    assert "record 2 of things" in seen
    assert "reason" in seen
    assert "1e999" in seen or "Infinity" in seen


def test_the_place_of_an_error_is_shown(sit: Sit) -> None:
    """A file that is cut off can be looked at where it ends."""
    Path("data").mkdir()
    Path("data/things.json").write_text('[{"id": 1}, {"id": 2, "name": "hal')
    seen = sit("6", ENTER, GO, "show", ENTER, "h", ENTER, "0", ENTER, source="data")
    assert "things.json" in seen
    assert '"hal' in seen


# Advanced


@pytest.mark.slow
def test_emptying_wants_the_name(sit: Sit, loaded: None) -> None:
    """Discarding rows wants the database's name typed; anything else is refused in place."""
    seen = sit("7", ENTER, "7", ENTER, GO, "wrong", ENTER, CLEAR, "shop.db", ENTER, "h", ENTER, "0", ENTER)
    assert "discard 77 records" in seen
    assert "--recreate --empty" in seen
    assert rows("json_invoices") == 0


@pytest.mark.slow
def test_emptying_is_left_by_esc(sit: Sit, loaded: None) -> None:
    """Esc instead of the name keeps every row."""
    sit("7", ENTER, "7", ENTER, GO, "shop.d", ESC, ESC, "0", ENTER, "0", ENTER)
    assert rows("json_invoices") == 30


@pytest.mark.slow
def test_backups_are_made_and_restored(sit: Sit, loaded: None) -> None:
    """A backup made here brings back what was lost since, and the state in between is kept."""
    sit("7", ENTER, "3", ENTER, ENTER, ESC, "0", ENTER, "0", ENTER)
    with closing(sqlite3.connect("shop.db")) as connection, connection:
        connection.execute("DELETE FROM json_items")
    seen = sit("7", ENTER, "3", ENTER, DOWN, ENTER, "y", ESC, "0", ENTER, "0", ENTER)
    assert "same as: json2db-sync restore" in seen
    assert rows("json_items") == 10
    assert len(list(Path("backups").glob("*.db"))) == 2


@pytest.mark.mostly_slow
@pytest.mark.parametrize("option", ["1", "4", "5"])
def test_looking_under_advanced(sit: Sit, loaded: None, option: str) -> None:
    """Settings, rejected records and runs are shown and change nothing."""
    seen = sit("7", ENTER, option, ENTER, "0", ENTER, "0", ENTER)
    assert seen.code == 0
    expected = {"1": "JSON2DB_BATCH_SIZE", "4": "No record was rejected", "5": "json2db-sync runs"}
    assert expected[option] in seen


def test_schemas(sit: Sit) -> None:
    """The CREATE statements are shown without a database."""
    assert "CREATE TABLE" in sit("7", ENTER, "2", ENTER, GO, "h", ENTER, "0", ENTER)


def test_a_folder_is_no_database(sit: Sit, tmp_path: Path) -> None:
    """A folder named as the database is refused in the prompt; a file in it is taken."""
    (tmp_path / "there").mkdir()
    seen = sit("7", ENTER, "8", ENTER, CLEAR, "there", ENTER, CLEAR, "there/x.db", ENTER, "0", ENTER, "0", ENTER)
    assert "there/x.db · not there yet" in seen


# Records, runs, schemas


@pytest.fixture
def rejecting(sit: Sit) -> Sit:
    """A sitting at a folder of which one record was rejected."""
    Path("data").mkdir()
    Path("data/things.json").write_text('[{"id": 1}, {"id": 2, "n": 1e999}, {"id": 3}]')
    assert SyncRunner("shop.db", "data").full_workflow().success
    return lambda *keys, **more: sit(*keys, source="data", **more)


def test_a_rejected_record_is_tried_again(rejecting: Sit) -> None:
    """One record is tried again by itself, and stays in the list while it cannot be loaded."""
    seen = rejecting("7", ENTER, "4", ENTER, ENTER, "t", ENTER, ESC, ESC, "0", ENTER)
    assert "same as: json2db-sync rejected replay 1" in seen
    assert "1 tried = 1 rejected" in seen
    assert SyncRunner("shop.db").rejected().total == 1


def test_a_rejected_record_is_dismissed(rejecting: Sit) -> None:
    """With a reason, which is asked for until there is one; then none is left to look at."""
    seen = rejecting(
        "7", ENTER, "4", ENTER, ENTER, "d", ENTER, ENTER, "no number at all", ENTER, "0", ENTER, "0", ENTER
    )
    assert "same as: json2db-sync rejected dismiss 1 --reason 'no number at all'" in " ".join(seen.screen.split())
    assert "No rejected record is left." in seen
    (record,) = SyncRunner("shop.db").rejected(dismissed=True).records
    assert record.dismissed == "no number at all"


@pytest.mark.slow
def test_rejected_records_are_corrected(rejecting: Sit) -> None:
    """Rejected records are written into a file, corrected there and loaded, without leaving the menu."""
    seen = rejecting("7", ENTER, "4", ENTER, "w", ENTER, ENTER, ESC, "0", ENTER, "0", ENTER)
    assert "1 rejected record written to rejected.ndjson" in seen
    line = json.loads(Path("rejected.ndjson").read_text())
    Path("rejected.ndjson").write_text(json.dumps({**line, "raw": '{"id": 2, "n": 2}'}))
    seen = rejecting("7", ENTER, "4", ENTER, "l", ENTER, "rejected.ndjson", ENTER, "0", ENTER, "0", ENTER)
    assert "1 tried = 1 inserted" in seen
    assert "No rejected record is left." in seen
    assert rows("json_things") == 3


@pytest.mark.slow
def test_a_file_is_replaced_only_after_a_yes(rejecting: Sit) -> None:
    """A file that is there is replaced by exported records only after a yes; no is the default."""
    Path("mine.txt").write_text("mine")
    to_file = ("7", ENTER, "4", ENTER, "w", ENTER, "mine.txt", ENTER)
    assert "Nothing was written." in rejecting(*to_file, ENTER, ESC, "0", ENTER, "0", ENTER)
    assert Path("mine.txt").read_text() == "mine"
    assert "--overwrite" in rejecting(*to_file, "y", ESC, "0", ENTER, "0", ENTER)
    assert json.loads(Path("mine.txt").read_text())["record"] == 2


@pytest.mark.slow
def test_all_rejected_records_are_tried_again(rejecting: Sit) -> None:
    """All are tried again after a yes, from the list after a run as well; a no tries none."""
    assert "tried" not in rejecting("7", ENTER, "4", ENTER, "t", ENTER, "n", ESC, "0", ENTER, "0", ENTER)
    seen = rejecting("7", ENTER, "4", ENTER, "t", ENTER, "y", ESC, "0", ENTER, "0", ENTER)
    assert "same as: json2db-sync rejected replay" in seen
    assert "1 tried = 1 rejected" in seen
    assert "last replay, just now" in rejecting("0", ENTER)


@pytest.mark.slow
def test_a_corrected_file_that_is_not_there(rejecting: Sit) -> None:
    """A file of corrected records that is not there is refused in the prompt, and Esc goes back to the list."""
    seen = rejecting("7", ENTER, "4", ENTER, "l", ENTER, "nowhere", ENTER, ESC, ESC, "0", ENTER, "0", ENTER)
    assert seen.code == 0
    assert "tried" not in seen


@pytest.mark.slow
def test_a_run_is_looked_at_and_verified(sit: Sit, loaded: None) -> None:
    """A past run is chosen from the list, shown file by file, and its records are compared again."""
    seen = sit("7", ENTER, "5", ENTER, ENTER, "v", ENTER, ESC, "0", ENTER, "0", ENTER)
    assert "same as: json2db-sync runs show 2" in seen
    assert "88 read = 77 inserted + 7 updated + 4 unchanged" in seen
    assert "contacts.json of 2026-11-08 08:00" in seen
    assert "same as: json2db-sync verify --run 2" in seen
    assert "run 2 verified: every record verified" in seen


@pytest.mark.usefixtures("loaded")
def test_how_things_stand_is_an_advanced_option(sit: Sit) -> None:
    """It shows what the command status shows."""
    seen = sit("7", ENTER, "h", ENTER, "0", ENTER, "0", ENTER)
    assert "same as: json2db-sync status --db-path shop.db" in seen
    assert "All is fine" in seen


@pytest.mark.slow
def test_superseded_records_are_listed(sit: Sit) -> None:
    """Records that newer versions took the place of are listed, and so is that there are none."""
    Path("data").mkdir()
    Path("data/things.json").write_text('[{"id": 1, "v": 1}, {"id": 1, "v": 2}]')
    seen = sit("6", ENTER, GO, "y", "h", ENTER, "7", ENTER, "s", ENTER, "0", ENTER, "0", ENTER, source="data")
    assert "same as: json2db-sync superseded" in seen
    assert "record 2 of this file" in seen


@pytest.mark.slow
def test_records_that_are_gone_are_listed_by_entity(sit: Sit) -> None:
    """The entities with records that their newest files lack can be chosen, and these records are shown."""
    for day, things in (("2026-07-01", '[{"id": 7}, {"id": 8}]'), ("2026-07-02", '[{"id": 7}]')):
        Path("data", day).mkdir(parents=True)
        Path("data", day, "things.json").write_text(things)
    seen = sit(
        "6", ENTER, GO, "y", "h", ENTER, "7", ENTER, "g", ENTER, ENTER, ESC, "0", ENTER, "0", ENTER, source="data"
    )
    assert "same as: json2db-sync gone things" in seen
    assert "1 record of things gone" in seen


@pytest.mark.slow
def test_schemas_are_written_and_checked_by(sit: Sit, monkeypatch: pytest.MonkeyPatch) -> None:
    """Validation writes a schema for each entity, replaces schemas only after a yes, and says which are in use."""
    seen = sit("7", ENTER, "v", ENTER, ENTER, "rules", ENTER, ENTER, "rules", ENTER, "n", ESC, "0", ENTER, "0", ENTER)
    assert "same as: json2db-sync schema infer --output rules" in seen
    assert "5 JSON Schemas written" in seen
    assert "Nothing was written." in seen
    monkeypatch.setenv("JSON2DB_SCHEMA_DIRECTORY", "rules")
    assert "rules (5 schemas)" in sit("7", ENTER, "v", ENTER, ESC, "0", ENTER, "0", ENTER)


# What would change


def test_what_changes_cost_is_said_before(sit: Sit) -> None:
    """Before tables that hold records are changed, the plan says how many stored records are rewritten for it."""
    Path("data").mkdir()
    Path("data/things.json").write_text('[{"id": 1, "n": 1}, {"id": 2, "n": 2}]')
    assert SyncRunner("shop.db", "data").full_workflow().success
    Path("data/things.json").write_text('[{"id": 3, "n": [{"deep": 1}]}]')
    seen = sit("6", ENTER, GO, ESC, ESC, "7", ENTER, "p", ENTER, GO, "h", ENTER, "0", ENTER, source="data")
    assert "rewrite 2 stored records of things" in seen
    assert "same as: json2db-sync plan" in seen
    assert "things 2 stored records rewritten" in seen


@pytest.mark.slow
def test_frozen_tables_are_named_before(sit: Sit, monkeypatch: pytest.MonkeyPatch) -> None:
    """The plan names what a frozen contract refuses, and that a rebuild of frozen tables will be."""
    Path("data").mkdir()
    Path("data/things.json").write_text('[{"id": 1}]')
    assert SyncRunner("shop.db", "data").full_workflow().success
    Path("data/things.json").write_text('[{"id": 1, "more": 2}]')
    monkeypatch.setenv("JSON2DB_CONTRACTS", '{"things": "freeze"}')
    assert "refuse things is frozen: add column json_things.more" in sit(
        "6", ENTER, GO, ESC, ESC, "0", ENTER, source="data"
    )
    assert "frozen by processing.contracts: things; this will be refused" in sit(
        "2", ENTER, GO, ESC, ESC, "0", ENTER, source="data"
    )


@pytest.mark.slow
def test_what_is_verified_is_chosen(sit: Sit) -> None:
    """The workflow verifies every record of its run, unless the tables only or all files are chosen."""
    assert "4 unchanged; every record verified" in sit("6", ENTER, GO, "y", "h", ENTER, "0", ENTER)
    only_tables = sit("6", ENTER, "v", ENTER, "t", ENTER, GO, "y", "h", ENTER, "0", ENTER, db="other.db")
    assert "--skip-record-verification" in only_tables
    assert "checks passed" in only_tables
    assert "--full-verification" in sit("6", ENTER, "v", ENTER, "i", ENTER, GO, ESC, ESC, "0", ENTER)


# What is remembered


@pytest.mark.slow
def test_answers_are_remembered(sit: Sit) -> None:
    """Database, source and the last run are there again next time, and the run can be repeated."""
    sit("6", ENTER, GO, "y", "h", ENTER, "0", ENTER)
    seen = sit("r", ENTER, "y", "h", ENTER, "0", ENTER, db=None, source=None)
    assert "There is nothing new to load." in seen
    assert "0 read" in seen or "unchanged" in seen


def test_configured_places_beat_remembered_ones(sit: Sit, monkeypatch: pytest.MonkeyPatch) -> None:
    """A database named in the environment is not overruled by what was once answered."""
    sit("6", ENTER, GO, "y", "h", ENTER, "0", ENTER)
    monkeypatch.setenv("JSON2DB_DATABASE_PATH", "configured.db")
    assert "configured.db · not there yet" in sit("0", ENTER, db=None, source=None)


def test_passwords_are_never_remembered_or_shown(sit: Sit) -> None:
    """A password in a URL is neither written to the answers nor shown, and is asked for next time."""
    url = "postgresql://someone:s3cret@localhost:1/shop?connect_timeout=1"
    seen = sit("7", ENTER, "8", ENTER, CLEAR, url, ENTER, "0", ENTER, "0", ENTER)
    assert "s3cret" not in seen.screen
    assert "***" in seen
    written = answers.state_file().read_text()
    assert "s3cret" not in written
    again = sit("s3cret", ENTER, "7", ENTER, "0", ENTER, "0", ENTER, db=None)
    assert again.code == 0
    assert "s3cret" not in again.screen + answers.state_file().read_text()


@pytest.mark.parametrize("text", ["", "{", "[]", '{"folders": 3}', '{"folders": {"%s": 5}}', "\0\xff"])
def test_broken_answers_are_ignored(sit: Sit, tmp_path: Path, text: str) -> None:
    """A file of answers that makes no sense is as good as none."""
    answers.state_file().parent.mkdir(parents=True)
    answers.state_file().write_text(text.replace("%s", str(tmp_path)), encoding="latin-1")
    assert sit("0", ENTER).code == 0


def test_answers_of_the_wrong_kind_are_ignored(tmp_path: Path) -> None:
    """Each remembered value counts only if it is of its kind."""
    answers.state_file().parent.mkdir(parents=True)
    stored = {"database": 3, "days": "30", "entities": [1], "backup": "yes", "last": "x\x1b[2J"}
    answers.state_file().write_text(json.dumps({"folders": {str(tmp_path): stored}}))
    assert answers.load(tmp_path) == answers.Answers(days="30")


# Without a terminal


def test_without_a_terminal_nothing_is_asked(capsys: pytest.CaptureFixture[str]) -> None:
    """Without a terminal the menu says which command to use instead, on stderr, and ends with 2."""
    assert run_menu() == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert "json2db-sync full-workflow" in err


# Databases


@pytest.mark.slow
def test_each_kind_of_database(sit: Sit, database_url: str) -> None:
    """A full workflow, a rebuild and a look at the header work on every kind of database."""
    seen = sit("6", ENTER, GO, "y", "h", ENTER, "2", ENTER, GO, "y", "h", ENTER, "0", ENTER, db=database_url)
    assert "88 read = 77 inserted + 7 updated + 4 unchanged" in seen
    assert "Rebuild 5 entities with 77 records? yes" in seen
    assert "all loaded" in seen
    report = SyncRunner(database_url).report()
    assert report.total_records == 77


@pytest.mark.slow
def test_emptying_a_server_wants_the_database_name(sit: Sit, postgres_url: str) -> None:
    """On a server the name to type is the database's, without host or password."""
    name = postgres_url.split("?")[0].rpartition("/")[2]
    sit("6", ENTER, GO, "y", "h", ENTER, "0", ENTER, db=postgres_url)
    seen = sit("7", ENTER, "7", ENTER, GO, name, ENTER, "h", ENTER, "0", ENTER, db=postgres_url)
    assert f"Type {name} to discard 77 records" in seen
    assert SyncRunner(postgres_url).report().total_records == 0


# The equivalent command line


@pytest.mark.parametrize("name", sorted(tasks.TASKS))
def test_the_command_shown_is_one_the_command_line_takes(name: str) -> None:
    """Every command that the menu shows is parsed by the command line without complaint."""
    from json2db_sync.interfaces.cli.main import cli

    given = answers.Answers(days="0.5", entities=("a", "b c"), backup=False, full=True, skip_tables=True)
    task = tasks.TASKS[name]
    program, command, *words = shlex.split(task.command("my shop.db", "some where", None, given))
    assert program == "json2db-sync"
    # With the names of the help option: click keeps the first that a command was asked with.
    with click.Context(cli, help_option_names=cli.context_settings["help_option_names"]) as context:
        found = cli.get_command(context, command)
        assert found is not None
        parsed = found.make_context(command, words, parent=context).params
    assert parsed["db_path"] == "my shop.db"
    assert {key: parsed[key] for key in task.arguments(given) if key != "cutoff_days"} == {
        key: value for key, value in task.arguments(given).items() if key != "cutoff_days"
    }


def test_a_long_command_is_broken_between_words(sit: Sit) -> None:
    """A command too long for its line goes on below, indented, and a shell reads it as the same command."""
    Path("my many folders of data/and one more").mkdir(parents=True)
    Path("my many folders of data/and one more/things.json").write_text('[{"id": 1}]')
    place = "my many folders of data/and one more"
    seen = sit("6", ENTER, GO, "n", ESC, "0", ENTER, width=60, source=place)
    shown = seen.screen.split("same as: ")[1].split("? Go on?")[0]
    assert max(map(len, f"same as: {shown}".splitlines())) <= 60
    assert shlex.split(shown.replace("\\\n", "")) == [
        "json2db-sync", "full-workflow", "--data-source", place, "--db-path", "shop.db",
    ]  # fmt: skip


def test_the_command_shown_masks_passwords() -> None:
    """A password in a URL does not reach the command shown, which is quoted for the shell."""
    line = tasks.REPORT.command("postgresql://me:s3cret@host/a b", None, "my.toml", answers.Answers())
    assert "s3cret" not in line
    assert shlex.split(line)[-2:] == ["--config-file", "my.toml"]


@pytest.mark.slow
def test_emptying_warns_of_rows_whose_files_are_elsewhere(sit: Sit, loaded: None) -> None:
    """Discarding rows says which entities have no files in the source, and so would not come back."""
    Path("other").mkdir()
    Path("other/items.json").write_text('[{"item_id": 1}]')
    seen = sit("7", ENTER, "7", ENTER, GO, ESC, ESC, "0", ENTER, "0", ENTER, source="other")
    assert "no file here bears the name of bills, contacts, customerpayments, invoices:" in seen
    assert rows("json_bills") == 8


@pytest.mark.slow
def test_home_means_home(sit: Sit, loaded: None) -> None:
    """After a task under Advanced, Home leads home and not to the list it was chosen from."""
    assert sit("7", ENTER, "6", ENTER, "h", ENTER, CTRL_C).code == 130


def test_the_same_letter_again_goes_to_the_next_option(sit: Sit, loaded: None) -> None:
    """Where several options begin with a letter, typing it again goes on to the next of them."""
    seen = sit("7", ENTER, "r", "r", ENTER, "0", ENTER, "0", ENTER)  # Rejected records, Runs, Rebuild empty
    assert "same as: json2db-sync runs" in seen
