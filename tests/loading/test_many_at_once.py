"""Records taken in many at once end as they do when each is looked at alone: the same rows, counts and rejections."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from support.contents import assert_sound, content
from support.hard_records import HARD
from support.postgres import Server

from json2db_sync import SyncRunner
from json2db_sync.databases import open_database
from json2db_sync.databases.base import Database
from json2db_sync.databases.row_forms import RowRefused
from json2db_sync.errors import DatabaseError
from json2db_sync.loading.data_populator import PopulateOptions
from json2db_sync.model.kinds import Kind
from json2db_sync.model.plan import ColumnPlan, CustomColumn, EntityPlan, TablePlan

SPECIAL = [
    "", " ", "\\", "\\\\", "\\N", "\\.", "\\t", "a\tb", "a\nb", "a\rb", "\r\n", "\t\n\r\\", "\\\t", "NULL", "null", "\\\\N",
    "'", '"', "''", "%s", "\x01", "\x08\x0b\x0c\x1f", "\x7f\x85", "\u2028\ufeff", "\U0001f600", "Straße", "end\\",
]  # fmt: skip

TIMES = ("created_at", "updated_at", "moment")


class Exact(SyncRunner):
    """Looks at each record alone."""

    def _populate_options(self, *arguments: Any) -> PopulateOptions:
        return replace(super()._populate_options(*arguments), batch_path=False)


def load(kind: type[SyncRunner], url: str, folder: Path) -> None:
    result = kind(url, folder).populate()
    assert result.success, (result.error, result.refused_files)
    assert_sound(url, runner=SyncRunner(url, folder))


def raw(url: str) -> dict[str, list[tuple[Any, ...]]]:
    """Every row as it lies there, but for what tells when it was stored."""
    found = {}
    with open_database(url) as database, database.reading() as connection:
        for name in sorted(database.relation_names(connection)):
            if name.startswith("json_"):
                columns = database.shapes(connection, [name])[name].columns
                kept = ", ".join(database.quote(c) for c in columns if c.lstrip("_") not in TIMES)
                rows = connection.exec_driver_sql(f"SELECT {kept} FROM {database.quote(name)}")
                found[name] = sorted((tuple(row) for row in rows), key=repr)
    return found


def write(folder: Path, text: str, name: str = "t.json") -> Path:
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(text, encoding="utf-8")
    return folder


@pytest.fixture
def same_both_ways(databases):
    """Loads a folder in both ways and requires the same outcome; returns what is stored."""
    made = []

    def check(folder: Path, *, custom: dict[str, str] | None = None, before: str | None = None) -> Any:
        outcomes = []
        for kind in (SyncRunner, Exact):
            url = databases.create()
            made.append(url)
            if custom or before:
                assert SyncRunner(url, folder).create_tables(custom_columns=custom).success
            if before:
                with open_database(url) as database, database.transaction() as connection:
                    connection.exec_driver_sql(before)
            load(kind, url, folder)
            outcomes.append((content(url), raw(url)))
        assert outcomes[0] == outcomes[1]
        return outcomes[0][0]

    yield check
    for url in made:
        databases.drop(url)


@pytest.mark.slow
def test_special_characters(same_both_ways, tmp_path):
    """Tabs, line ends, backslashes and what looks like NULL are stored as they are, in keys too."""
    records = [
        {"id": f"{number}{text}", "t": text, "maybe": text if number % 2 else None, "any": [text, {"k": text}],
         "list": [{"t": text, "maybe": None}, {"t": "plain", "maybe": text}]}
        for number, text in enumerate(SPECIAL)
    ]  # fmt: skip
    found = same_both_ways(write(tmp_path / "in", json.dumps(records)))
    stored = [json.loads(record) for _id, record in found.records["t"]]
    assert sorted(stored, key=lambda one: one["id"]) == sorted(records, key=lambda one: one["id"])


@pytest.mark.slow
@pytest.mark.parametrize("case", HARD)
def test_hard_records(same_both_ways, tmp_path, case):
    """Records that other tools change or lose."""
    records = [{"id": number, **record} for number, record in enumerate(HARD[case], 1)]
    same_both_ways(write(tmp_path / "in", json.dumps(records)))


@pytest.mark.slow
def test_every_kind_with_and_without_null(same_both_ways, tmp_path):
    """Numbers, booleans, dates, moments, big integers and JSON, complete and with gaps."""
    values = {
        "b": [True, False], "i": [2**63 - 1, -(2**63)], "big": [2**64, -(10**60)], "n": [1.5, -0.0, 3, 1e22, 5e-324, 1e16],
        "s": ["null", "x"], "d": ["2024-02-29", "0987-01-01"], "m": ["2024-01-31T12:34:56.789+05:30"],
        "w": ["2024-01-31 00:00:00"], "j": [{"a": [None, "\\"]}, [1], "text", None],
    }  # fmt: skip
    records = []
    for number in range(40):
        full = {name: of[number % len(of)] for name, of in values.items()}
        gaps = {f"{name}_or_null": None if number % 3 else value for name, value in full.items()}
        late = {f"{name}_late": value for name, value in full.items() if number > 20}
        records.append({"id": number, **full, **gaps, **late, "items": [full, gaps, late]})
    same_both_ways(write(tmp_path / "in", json.dumps(records)))


@pytest.mark.slow
def test_custom_columns(same_both_ways, tmp_path):
    """Columns of the user's get their values whatever their type."""
    columns = {
        "note": r"TEXT DEFAULT 'it''s a \ and a	tab'", "number": "INTEGER DEFAULT 7", "part": "NUMERIC(6,2) DEFAULT 1.5",
        "moment": "TIMESTAMP DEFAULT CURRENT_TIMESTAMP", "empty": "TEXT", "session_id": "VARCHAR(50)",
    }  # fmt: skip
    same_both_ways(write(tmp_path / "in", json.dumps([{"id": number} for number in range(5)])), custom=columns)


@pytest.mark.slow
@pytest.mark.parametrize("again", [{"v": 0, "l": [{"q": 0}]}, {"v": "other", "l": []}], ids=["equal", "changed"])
@pytest.mark.parametrize("apart", [1, 60, 2_000])
def test_a_repeated_key(same_both_ways, tmp_path, again, apart):
    """A load that took records for distinct, and met one that is not, ends as one that compares each."""
    records = [{"id": number, "v": 0, "l": [{"q": 0}], "pad": "x" * 600} for number in range(apart)]
    records += [{"id": 0, "pad": "x" * 600, **again}, {"id": -1, "v": 1, "l": [{"q": 1}], "pad": ""}]
    found = same_both_ways(write(tmp_path / "in", json.dumps(records)))
    assert found.rows["json_t"] == apart + 1


@pytest.mark.slow
def test_rows_that_the_database_refuses(same_both_ways, tmp_path):
    """Only those are rejected, and with them their children; all others are stored."""
    records = [{"id": number, "name": f"n{number % 90}", "l": [{"q": number}]} for number in range(100)]
    before = "CREATE UNIQUE INDEX mine ON json_t (name)"
    found = same_both_ways(write(tmp_path / "in", json.dumps(records)), before=before)
    assert (found.rows["json_t"], found.rows["json_t_l"], len(found.rejected)) == (90, 90, 10)


@pytest.mark.slow
def test_a_later_file_meets_what_is_stored(same_both_ways, tmp_path):
    """New, changed, equal and repeated records of a second file end the same way."""
    write(tmp_path / "in", json.dumps([{"id": n, "v": n, "l": [{"q": n}]} for n in range(200)]), "a/t.json")
    again = [{"id": n, "v": n + (n % 3 == 0), "l": [{"q": n}] * (n % 4)} for n in range(100, 400)]
    write(tmp_path / "in", json.dumps([*again, again[5]]), "b/t.json")
    same_both_ways(tmp_path / "in")


# The database's own part

PLAN = EntityPlan(
    "t",
    TablePlan("json_t", columns=(ColumnPlan("i", "i", Kind.INTEGER), ColumnPlan("s", "s", Kind.TEXT))),
    key=("s",),
    custom=(CustomColumn("mine", "TEXT"),),
)
CONSTANTS = {"data_source": "json", "created_at": "2025-01-01T00:00:00Z", "updated_at": "2025-01-01T00:00:00Z"}
CONSTANTS |= {"_load": 1, "mine": None}  # type: ignore[dict-item]


def insert(database: Database, connection: sa.Connection, ids: list[Any], **columns: list[Any]) -> None:
    columns = {"id": ids, "_hash": [7] * len(ids), **columns}
    rows = database.row_form(PLAN).ready("json_t", columns)
    database.insert_ready(connection, database.tables(PLAN)["json_t"], rows, CONSTANTS)


@pytest.mark.mostly_slow
@pytest.mark.parametrize(
    ("ids", "columns", "where"),
    [
        (["a", "b", "a"], {}, "both"),
        (["old"], {}, "both"),
        ([None], {}, "both"),
        (["\U0001f600" + "".join(map(chr, range(0x10000, 0x11000)))], {}, "postgresql"),
        (["a"], {"s": ["\0"]}, "postgresql"),
        (["a", "b"], {"s": ["\0\t", "b"]}, "postgresql"),
        (["a"], {"i": [2**64 - 1]}, "both"),
    ],
    ids=["twice", "stored", "null", "an index entry too large", "U+0000", "U+0000 and a tab", "out of range"],
)
def test_a_refused_row_is_told_from_a_failure(databases, database_url, ids, columns, where):
    """The rows are refused as such, what was stored stays, and the connection serves on."""
    if where not in ("both", databases.kind):
        pytest.skip("this database takes it")
    with open_database(database_url) as database:
        with database.transaction() as connection:
            database.create_tables(connection, PLAN)
            insert(database, connection, ["old"])
        with pytest.raises(RowRefused), database.transaction() as connection:
            insert(database, connection, ids, **columns)
        with database.transaction() as connection:
            insert(database, connection, ["new"])
            table = database.tables(PLAN)["json_t"]
            asked = ["old", "new", "a", "b"] + [str(number) for number in range(2000)]
            assert database.versions(connection, table, asked) == {"old": (7, 1), "new": (7, 1)}


def test_a_lost_connection_is_no_refusal(postgres_server: Server, postgres_url):
    """The server going away is the database's failure; the next transaction connects again."""
    with open_database(postgres_url) as database:
        with database.transaction() as connection:
            database.create_tables(connection, PLAN)
        with pytest.raises(DatabaseError), database.transaction() as connection:
            process = connection.exec_driver_sql("SELECT pg_backend_pid()").scalar_one()
            postgres_server.execute(f"SELECT pg_terminate_backend({process}, 5000)")
            insert(database, connection, ["a"])
        with database.transaction() as connection:
            insert(database, connection, ["a"])
