"""CSV that other tools wrote, and what their own readers make of such files: here each value arrives as it was."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from support.sessions import ok

from json2db_sync import SyncRunner
from json2db_sync.results import TransferResult

PACKAGES = Path(__file__).parents[1] / "fixtures" / "_packages"
Values = list[tuple[object, ...]]
Import = Callable[..., TransferResult]


@pytest.fixture
def imported(tmp_path: Path) -> Import:
    """Imports a folder into a new database; every row is compared."""

    def imported(folder: Path, **options: object) -> TransferResult:
        target = tmp_path / "target.db"
        return SyncRunner().import_csv(folder, target, certificate=tmp_path / "certificate.json", **options)  # type: ignore[arg-type]

    return imported


def rows(target: Path, table: str) -> Values:
    with closing(sqlite3.connect(target)) as connection:
        return connection.execute(f'SELECT * FROM "{table}" ORDER BY 1').fetchall()


JSON = '{"a": [1, 2]}'
QUERIED: Values = [(1, 9007199254740993, "00123", "0.00001", JSON), (2, None, "7", "0.1", None)]
MADE: list[tuple[str, str, Values]] = [
    ("described", "people", [
        (1, "00123", "Ann, B.", "1.50", "2001-02-03", 1, "2024-01-02 03:04:05+00:00"),
        (2, "10115", None, "0.1", "1999-12-31", 0, "2024-01-02 03:04:06+00:00"),
    ]),
    ("keyed", "cities", [(1, "CH", "Bern", 144447), (2, "AT", "Wien", 2028399), (3, None, "", None)]),
    ("semicolons", "prices", [
        (1, "1.10", "a;b"), (2, None, 'say "x"'), (3, "12345678901234567890.123456789", "two\nlines"),
    ]),
    ("tabs", "t", [(1, "Müller"), (2, "Émile")]),
    ("packed", "days", [(1, "2024-02-29"), (2, None)]),
    ("words", "w", [(1, "1234.50", 1, "2024-02-03"), (2, "-0.5", 0, None)]),
    ("parts", "all", [(1, "a"), (2, "b"), (3, "c")]),
    ("csvkit", "t", QUERIED),
    ("csvkit", "quoted", QUERIED),
    ("csvkit", "piped", QUERIED),
    ("sqlutils", "t", QUERIED),
    ("sqlutils", "t2", QUERIED),
    ("pandas", "frame", [
        (0, "1.0", "a", "2024-01-02 03:04:05", 1),
        (1, None, None, "2024-01-02 00:00:00", 0),
        (2, "0.0000001", 'b"c', "2024-01-03 00:00:00", 1),
    ]),
]  # fmt: skip


@pytest.mark.parametrize(("folder", "table", "expected"), MADE)
def test_what_others_wrote_imports(imported: Import, tmp_path: Path, folder: str, table: str, expected: Values) -> None:
    """Packages of frictionless, and plain files of csvkit, sqlite-utils and pandas."""
    result = ok(imported(PACKAGES / folder))
    assert all(one.equal for one in result.tables)
    assert rows(tmp_path / "target.db", table) == expected


@pytest.mark.mostly_slow
@pytest.mark.parametrize("folder", sorted({folder for folder, _table, _rows in MADE}))
def test_they_import_into_postgresql_as_well(postgres_url: str, tmp_path: Path, folder: str) -> None:
    """Every row is there, as it was read."""
    result = ok(SyncRunner().import_csv(PACKAGES / folder, postgres_url, certificate=tmp_path / "c.json"))
    assert result.tables
    assert all(one.equal for one in result.tables)


def test_keys_of_others_hold(imported: Import, tmp_path: Path) -> None:
    """A row that refers to nothing is told with file and line before anything is written."""
    folder = tmp_path / "keyed"
    shutil.copytree(PACKAGES / "keyed", folder)
    with (folder / "cities.csv").open("a") as file:
        file.write("4,XX,Atlantis,0\n1,CH,Bern,0\n")
    result = imported(folder)
    assert {(one.code, one.first_key) for one in result.refused} == {
        ("orphan", "cities.csv, line 5"), ("duplicate", "cities.csv, line 6"),
    }  # fmt: skip
    assert result.reason == "values_refused"


def plain(folder: Path, text: str | bytes) -> Path:
    folder.mkdir()
    (folder / "t.csv").write_bytes(text if isinstance(text, bytes) else text.encode())
    return folder


def test_ids_and_leading_zeros_go_through_no_float(imported: Import, tmp_path: Path) -> None:
    """As they do in csvkit: 9007199254740993 and 00123 stay what they are, beside empty fields, too."""
    folder = plain(tmp_path / "in", "id,zip,big\n9007199254740993,00123,\n,00007,12345678901234567890123\n1,9,5\n")
    ok(imported(folder))
    assert rows(tmp_path / "target.db", "t") == [
        (None, "00007", "12345678901234567890123"), (1, "9", "5"), (9007199254740993, "00123", None),
    ]  # fmt: skip


def test_decimals_keep_their_digits(imported: Import, tmp_path: Path) -> None:
    """Where db-to-sqlite makes a REAL of numeric(38,9)."""
    folder = plain(tmp_path / "in", "id,n\n1,12345678901234567890123456789.123456789\n2,0.100000000\n")
    ok(imported(folder))
    assert [row[1] for row in rows(tmp_path / "target.db", "t")] == [
        "12345678901234567890123456789.123456789", "0.100000000",
    ]  # fmt: skip


def test_a_type_is_that_of_the_last_value_too(imported: Import, tmp_path: Path) -> None:
    """Where sqlite-utils looks at some: a text behind a thousand numbers makes a column of text, and is told."""
    folder = plain(tmp_path / "in", "id,n\n" + "".join(f"{at},{at:04}\n" for at in range(1001, 2001)) + "3000,n/a?\n")
    result = ok(imported(folder))
    assert [note.code for note in result.notes if note.entity == "t"][:2] == ["csv_detected", "mixed_column"]
    found = rows(tmp_path / "target.db", "t")
    assert (found[0], found[-1]) == ((1001, "1001"), (3000, "n/a?"))


def test_a_spreadsheets_file_imports(imported: Import, tmp_path: Path) -> None:
    """Excel's byte order mark, semicolons and line ends; a formula is a text."""
    text = '\ufeffid;name;sum\r\n1;"A;B";=1+1\r\n2;"x\r\ny";@cmd\r\n'
    ok(imported(plain(tmp_path / "in", text)))
    assert rows(tmp_path / "target.db", "t") == [(1, "A;B", "=1+1"), (2, "x\r\ny", "@cmd")]


def test_null_and_the_empty_text_stay_two(imported: Import, tmp_path: Path) -> None:
    """Where sling mixed them: in the middle, at the end of a line, at the end of the file."""
    text = 'id,a,b\n1,,""\n2,"",\n3,x,\n4,,""'
    ok(imported(plain(tmp_path / "in", text)))
    assert rows(tmp_path / "target.db", "t") == [(1, None, ""), (2, "", None), (3, "x", None), (4, None, "")]


def test_bad_rows_are_kept_and_the_others_come(imported: Import, tmp_path: Path) -> None:
    """Ragged rows and a DOS end mark: each is told by its line, none in silence."""
    text = 'id,a\n1,x\n2\n3,y,z\n4,"ok\n"\n\x1a'
    folder = plain(tmp_path / "in", text)
    assert imported(folder).reason == "values_refused"
    result = ok(imported(folder, on_error="reject"))
    assert [(one.rows, one.rejected) for one in result.tables] == [(2, 3)]
    assert rows(tmp_path / "target.db", "t") == [(1, "x"), (4, "ok\n")]
    assert result.rejects is not None
    kept = [json.loads(line) for line in Path(result.rejects).read_text().splitlines()]
    assert [(one["file"], one["line"], one["text"], one["reason"]) for one in kept] == [
        ("t.csv", 3, "2", "1 field, 2 expected"),
        ("t.csv", 4, "3,y,z", "3 fields, 2 expected"),
        ("t.csv", 7, "\x1a", "1 field, 2 expected"),
    ]
