"""What the look at a bundle took is what the target holds, whether COPY read the file itself or we did."""

from __future__ import annotations

from pathlib import Path
from random import Random

import psycopg
import pytest
from support.bundles import package, table
from support.sessions import ok

from json2db_sync import SyncRunner
from json2db_sync.databases.catalog.tables import CatalogTable, Unique
from json2db_sync.databases.catalog.types import ColumnType, TypeName
from json2db_sync.tabular.dialects import OURS
from json2db_sync.tabular.opening import open_package
from json2db_sync.tabular.reading import read_rows
from json2db_sync.tabular.tables import PackageTables

INTEGER = ColumnType(TypeName.INTEGER, "bigint", bits=64)
TEXT = ColumnType(TypeName.TEXT, "text")
PAIRS = table("pairs", {"a": TEXT, "b": TEXT})
ONE = table("one", {"a": TEXT})
ARTISTS = table("artists", {"id": INTEGER, "name": TEXT}, primary_key=Unique(None, ("id",)))
COPIED = (
    *("a,b\n", ",\n", '"",""\n', '"",\n,""\n', '"a""b",""""\n', '"x,y","1\n2"\n', '"\n\n",\n'),
    *('"1\r\n2","\r"\n', '"\r",a\n"\n",b\n', "\\.,\\.\n", '\\.,\n,\\.\n"\\.",a\n', '"\n\\.\n",b\nc,d\n', '"\\.\n",b\n'),
    *(
        "\\N,\\\\\n",
        " a , b \n",
        "\t,\\t\n",
        "NULL,null\n",
        "\x1a,\x01\n",
        "\u00e9,\u2028\x85\n",
        "\U0001f600,\ufeff\n",
    ),
)
READ = ("a,b\n\nc,d\n", "a,b\r\nc,d\r\n", "a,b\rc,d\r", "a,b", "\n\n", "a,b\r\nc,d\n", '\n"\\.",b\n', '"a",b\n\n')


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def read(path: Path, width: int) -> list[tuple[str | None, ...]]:
    """By the reader of files of others."""
    with path.open("rb") as file:
        return [row for rows in read_rows(file, OURS, width) for row in zip(*rows.columns, strict=True)]


def is_copied(folder: Path) -> bool:
    """Does COPY get the file as it is?"""
    tables = PackageTables(open_package(folder))
    (one,) = tables.catalog().tables
    return tables.copied(one, tables.resource(one).columns) is not None


def stored(url: str, of: CatalogTable) -> list[tuple[str | None, ...]]:
    with psycopg.connect(url.replace("+psycopg", "")) as connection:
        return connection.execute(f"SELECT * FROM {of.name} ORDER BY ctid").fetchall()


def imported(folder: Path, url: str, of: CatalogTable, text: str) -> bool:
    """Hold what is stored against what the reader reads; was it copied?"""
    package(folder, "postgresql", {of: text})
    ok(SyncRunner().import_csv(folder, url, mode="replace", verify=False))
    assert stored(url, of) == read(folder / f"{of.name}.csv", len(of.columns))
    return is_copied(folder)


@pytest.mark.parametrize("text", COPIED, ids=ascii)
def test_copy_reads_what_our_reader_reads(tmp_path: Path, postgres_url: str, text: str) -> None:
    r"""Quotes, line ends within them, ``\.``, control characters, NULL and the empty text."""
    assert imported(tmp_path / "bundle", postgres_url, PAIRS, text)


@pytest.mark.parametrize("text", READ, ids=ascii)
def test_what_copy_might_read_otherwise_is_read_by_us(tmp_path: Path, postgres_url: str, text: str) -> None:
    """Empty lines, other line ends, none at the end."""
    assert not imported(tmp_path / "bundle", postgres_url, PAIRS, text)


@pytest.mark.parametrize("text", ["\n", "\n\n", 'a\n\n""\n', '"\\."\na\n', "\\.\na\n", '"\n\\.\n"\nb\n'], ids=ascii)
def test_a_table_of_one_column_is_read_by_us(tmp_path: Path, postgres_url: str, text: str) -> None:
    r"""An empty line is a row whose value is NULL, and a ``\.`` that stands alone is a value."""
    assert not imported(tmp_path / "bundle", postgres_url, ONE, text)


@pytest.mark.slow
def test_random_bytes_are_copied_as_they_are_read(tmp_path: Path, postgres_url: str) -> None:
    """Of texts of the characters that CSV and COPY mean something by, each is refused before, or stored as it is read;
    a file that COPY got was never one that it refuses.
    """
    chance, copied, refused = Random(17), 0, 0
    for number in range(150):
        pieces = chance.choices(["a", ",", '"', "\n", "\r", "\\.", "\\", '"x"', "a,b\n", '"",\n', "\0"], k=6)
        text = "".join(pieces) if number % 3 else '"' + "".join(pieces).replace('"', '""') + '",x\n'
        folder = tmp_path / str(number)
        package(folder, "postgresql", {PAIRS: text})
        result = SyncRunner().import_csv(folder, postgres_url, mode="replace", verify=False)
        if result.success:
            copied += is_copied(folder)
            assert stored(postgres_url, PAIRS) == read(folder / "pairs.csv", 2), text
        else:
            refused += 1
            assert result.reason in ("values_refused", "damaged_package"), (text, result.error)
    assert copied > 20
    assert refused > 20


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
@pytest.mark.parametrize("words", ["sqlite", "postgresql"])
def test_a_bundle_made_by_hand_is_looked_at_as_one_of_others(
    tmp_path: Path, request: pytest.FixtureRequest, kind: str, words: str
) -> None:
    """Its hash is right and some rows are none: they are told before anything is written, and kept on request."""
    target = request.getfixturevalue("postgres_url") if kind == "postgresql" else str(tmp_path / "new.db")
    package(tmp_path / "bundle", words, {ARTISTS: "1,a\n2\n3,b,c\n4,d\n5,\0\n4,e\nx,f\n"})
    result = SyncRunner().import_csv(tmp_path / "bundle", target)
    told = {one.code: (one.count, one.first_key) for one in result.refused}
    assert result.reason == "values_refused"
    assert told["not_a_row"] == (2, "artists.csv, line 3")
    assert told["duplicate"] == (1, "artists.csv, line 7")
    assert not (tmp_path / "new.db").exists()
    result = ok(SyncRunner().import_csv(tmp_path / "bundle", target, on_error="reject"))
    (one,) = result.tables
    assert (one.equal, one.rows + one.rejected) == (True, 7)
    assert one.rejected >= 3


def test_an_import_that_fails_on_its_way_leaves_no_new_file(tmp_path: Path) -> None:
    """What only the target can tell of a bundle whose rows are sound ends it; a file that was there stays."""
    target = tmp_path / "new.db"
    package(tmp_path / "bundle", "sqlite", {ARTISTS: "1,a\n1,b\n"})
    assert SyncRunner().import_csv(tmp_path / "bundle", target).reason == "database_error"
    assert not target.exists()
    target.touch()
    assert SyncRunner().import_csv(tmp_path / "bundle", target).reason == "database_error"
    assert target.exists()
