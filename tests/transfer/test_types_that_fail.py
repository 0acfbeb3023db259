"""Columns whose values are not all of their type become texts, which the plan explains, and find their type again."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.sessions import ok, query

from json2db_sync import SyncRunner
from json2db_sync.results import TransferResult

TABLE = "CREATE TABLE t (id INTEGER PRIMARY KEY, n INTEGER, d DATE, r REAL, b BLOB, j JSON, f BOOLEAN, p NUMERIC)"
ROWS = (
    "INSERT INTO t VALUES (1, 5, '2024-01-01', 1.5, x'00', '[1]', 1, '2.50'), (3, NULL, NULL, NULL, NULL, NULL, 0, 7)",
    "INSERT INTO t VALUES (2, 'abc', 'soon', 'y', 'z', '[', 'no', '1e'), (4, 'x', '2024-01-01 10:00:00+01', 1e300,"
    " NULL, '{}', 1, 1.5)",
)
STORED = "SELECT id, n, typeof(n), d, r, typeof(r), b, typeof(b), j, f, typeof(f), p, typeof(p) FROM t ORDER BY id"


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def converted(result: TransferResult) -> dict[str, str | None]:
    return {column.name: column.converted for column in result.plan[0].columns}


def lite(path: Path, *statements: str) -> str:
    for statement in statements:
        query(str(path), statement)
    return str(path)


def test_the_first_value_to_blame_is_named(tmp_path, postgres_url):
    """With its row, and how many there are; of moments by the reading that fits most of them."""
    source = lite(tmp_path / "a.db", TABLE, *ROWS)
    told = converted(ok(SyncRunner().transfer(source, postgres_url, strangers="text", dry_run=True)))
    assert told["n"].endswith("2 values are to blame, the first: id = 2: 'abc'")
    assert told["d"].endswith("2 values are to blame, the first: id = 2: 'soon'")
    assert told["j"].endswith("1 value is to blame, the first: id = 2: '['")
    assert told["b"].endswith("1 value is to blame, the first: id = 2: 'z'")
    assert told["id"] is None
    plain = converted(ok(SyncRunner().transfer(source, postgres_url, on_error="reject", dry_run=True)))
    assert "to blame, the first: id = 2: 'soon'" in plain["d"]


@pytest.mark.parametrize("mended", [True, False])
def test_texts_become_what_they_were(tmp_path, postgres_url, mended):
    """On the way back into SQLite: numbers are numbers again, beside what never was one; the plan says so."""
    source = lite(tmp_path / "a.db", TABLE, *ROWS)
    ok(SyncRunner().transfer(source, postgres_url, strangers="text"))
    for database in (source, postgres_url) if mended else ():
        query(database, "DELETE FROM t WHERE id IN (2, 4)")
    back = ok(SyncRunner().transfer(postgres_url, str(tmp_path / "b.db")))
    assert back.tables[0].equal
    assert "numbers become numbers" in converted(back)["n"]
    assert "stay texts" in converted(back)["b"]
    wanted = query(source, STORED)
    assert query(str(tmp_path / "b.db"), STORED) == [
        (*row[:6], row[6] if row[6] != b"\0" else "\\x00", "null" if row[7] == "null" else "text", *row[8:])
        for row in wanted
    ]


def test_a_remembered_type_that_no_longer_fits(tmp_path, postgres_url, postgres_server):
    """Refused by default; as texts on request, and told; in its type again when all values fit."""
    query(postgres_url, "CREATE TABLE t (id INT PRIMARY KEY, n INT DEFAULT 7, d DATE, u UUID, s SMALLINT)")
    query(postgres_url, "INSERT INTO t VALUES (1, 5, '2024-01-01', NULL, 1)")
    source = str(tmp_path / "a.db")
    ok(SyncRunner().transfer(postgres_url, source))
    query(source, "INSERT INTO t VALUES (2, 'abc', 'x', 'y', 70000)")
    target = postgres_server.create_database()
    refused = SyncRunner().transfer(source, target)
    assert {one.column for one in refused.refused} == {"n", "d", "u", "s"}
    moved = ok(SyncRunner().transfer(source, target, strangers="text"))
    types = {column.name: column.target_type for column in moved.plan[0].columns}
    assert types == {"id": "integer", "n": "text", "d": "text", "u": "varchar(36)", "s": "bigint"}
    assert "remembered as integer" in converted(moved)["n"]
    assert "id = 2: 'abc'" in converted(moved)["n"]
    query(source, "DELETE FROM t WHERE id = 2")
    again = ok(SyncRunner().transfer(source, target, strangers="text", mode="replace"))
    assert [column.target_type for column in again.plan[0].columns] == [
        "integer",
        "integer",
        "date",
        "uuid",
        "smallint",
    ]
    postgres_server.drop_database(target)
