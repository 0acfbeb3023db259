"""What authors published for both databases: their SQLite file, moved, equals their own dump for PostgreSQL."""

from __future__ import annotations

import lzma
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from support.postgres import Server

from json2db_sync import SyncRunner


@pytest.fixture
def two_urls(postgres_server: Server) -> Iterator[tuple[str, str]]:
    urls = postgres_server.create_database(), postgres_server.create_database()
    yield urls
    for url in urls:
        postgres_server.drop_database(url)


def script(place: Path) -> str:
    """A dump without psql's own commands, and without those that make a database."""
    text = lzma.decompress(place.read_bytes()).decode()
    text = re.sub(r"^(DROP|CREATE) DATABASE .*$", "", text, flags=re.MULTILINE)
    return re.sub(r"^\\.*$", "", text, flags=re.MULTILINE)


def execute(url: str, *scripts: str) -> None:
    for one in scripts:
        with psycopg.connect(url.replace("+psycopg", "")) as connection:
            connection.execute(one.encode())


CHINOOK = {
    "Album": "AlbumId Title ArtistId",
    "Artist": "ArtistId Name",
    "Customer": "CustomerId FirstName LastName Company Address City State Country PostalCode Phone Fax Email "
    "SupportRepId",
    "Employee": "EmployeeId LastName FirstName Title ReportsTo BirthDate HireDate Address City State Country "
    "PostalCode Phone Fax Email",
    "Genre": "GenreId Name",
    "Invoice": "InvoiceId CustomerId InvoiceDate BillingAddress BillingCity BillingState BillingCountry "
    "BillingPostalCode Total",
    "InvoiceLine": "InvoiceLineId InvoiceId TrackId UnitPrice Quantity",
    "MediaType": "MediaTypeId Name",
    "Playlist": "PlaylistId Name",
    "PlaylistTrack": "PlaylistId TrackId",
    "Track": "TrackId Name AlbumId MediaTypeId GenreId Composer Milliseconds Bytes UnitPrice",
}
"""The author's names in SQLite; those in PostgreSQL are the same in snake_case."""

EDINBURGH = ("Edinburgh ", "Edinburgh")
AUTHORS_DIFFER: list[tuple[str, str, dict[str, tuple[str, str]]]] = [
    ("Customer", "CustomerId = 54", {"City": EDINBURGH}),
    *(
        ("Invoice", f"InvoiceId = {number}", {"BillingCity": EDINBURGH})
        for number in (20, 141, 152, 207, 336, 359, 381)
    ),
]
"""Where the author's two files are not the same."""


def snake(name: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()


def renames() -> str:
    """From the author's names in PostgreSQL to those in SQLite."""
    tables = [
        f'ALTER TABLE {snake(table)} RENAME COLUMN {snake(one)} TO "{one}"'
        for table, columns in CHINOOK.items()
        for one in columns.split()
    ]
    return ";".join([*tables, *(f'ALTER TABLE {snake(table)} RENAME TO "{table}"' for table in CHINOOK)])


def test_chinook_moved_is_the_authors_own_dump(shared_data: Path, tmp_path: Path, two_urls: tuple[str, str]) -> None:
    """All 15,607 rows, with keys; back again it equals the start."""
    moved, published = two_urls
    source = str(shutil.copy(shared_data / "chinook" / "Chinook_Sqlite.sqlite", tmp_path))
    runner = SyncRunner()
    there = runner.transfer(source, moved)
    assert there.success, there.get("error")
    assert sum(table.rows for table in there.tables) == 15_607
    execute(published, script(shared_data / "chinook" / "Chinook_PostgreSql.sql.xz"), renames())
    found = runner.compare(moved, published)
    assert found.success, found.get("error")
    differing = [(table.name, row.key, dict(row.columns)) for table in found.tables for row in table.differences]
    assert differing == AUTHORS_DIFFER
    back = runner.transfer(moved, str(tmp_path / "back.db"))
    assert back.success, back.get("error")
    assert runner.compare(source, str(tmp_path / "back.db")).same
    schemas = runner.check_schema(source, str(tmp_path / "back.db"))
    assert schemas.differences == ()


@pytest.mark.parametrize("name", ["countries", "regions", "subregions"])
def test_csc_moved_is_the_authors_own_dump(
    shared_data: Path, tmp_path: Path, two_urls: tuple[str, str], name: str
) -> None:
    """Value by value; the authors' types differ (DECIMAL and numeric(10,8), TINYINT and smallint)."""
    moved, published = two_urls
    source = str(shutil.copy(shared_data / "csc" / "dump" / f"{name}.sqlite3", tmp_path))
    runner = SyncRunner()
    there = runner.transfer(source, moved)
    assert there.success, there.get("error")
    text = script(shared_data / "csc" / "dump" / f"{name}.psql.sql.xz")
    foreign = re.compile(r"ALTER TABLE ONLY public\.\w+\s+ADD CONSTRAINT \w+ FOREIGN KEY [^;]*;")
    execute(published, foreign.sub("", text))  # to tables of the other dumps
    found = runner.compare(moved, published, ignore=["created_at", "updated_at"])
    assert found.success, found.get("error")
    assert [(table.name, table.columns, table.rows) for table in found.tables if not table.same] == []
    back = runner.transfer(moved, str(tmp_path / "back.db"))
    assert back.success, back.get("error")
    assert runner.compare(source, str(tmp_path / "back.db")).same
