"""What others' tools read in the files of an export: frictionless, pandas and DuckDB."""

from __future__ import annotations

import datetime
import gc
import gzip
import json
import warnings
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import frictionless
import pandas
import psycopg
import pytest
from support.bundles import lite
from support.sessions import ok

from json2db_sync import SyncRunner
from json2db_sync.tabular.manifest import MANIFEST

ORDERS = """
CREATE TABLE places (id INTEGER PRIMARY KEY, name TEXT NOT NULL, note TEXT NOT NULL, code TEXT UNIQUE);
CREATE TABLE orders (place INT NOT NULL REFERENCES places (id), number INT NOT NULL, amount NUMERIC(12,2), rate REAL,
    paid BOOLEAN, day DATE, at DATETIME, clock TIME, raw BLOB, more JSON, big BIGINT, u,
    PRIMARY KEY (place, number));
CREATE TABLE empty_key (a TEXT PRIMARY KEY, b INT);
CREATE TABLE early (id INTEGER PRIMARY KEY, day DATE);
INSERT INTO places VALUES (1, 'Zürich, "Mitte"', '', '007'), (2, 'line
break', 'x', NULL);
INSERT INTO orders VALUES
    (1, 1, 12.5, 0.1, 1, '2024-02-29', '2024-02-03 04:05:06.25', '04:05:06', x'00ff', '{"a": [1, null]}',
        9007199254740993, 5),
    (2, 1, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, -1, 'five'),
    (1, 2, 3, 1e20, 0, '0001-01-01', '9999-12-31 23:59:59', '23:59:59', x'', '[]', NULL, NULL);
INSERT INTO empty_key VALUES ('', 1), ('x', 2);
INSERT INTO early VALUES (1, '12024-01-01'), (2, NULL);
"""


@pytest.fixture(params=["sqlite", "postgresql", "packed"])
def folder(request: Any, tmp_path: Path) -> Path:
    """An export of these tables, from either database."""
    database = lite(tmp_path / "a.db", ORDERS)
    if request.param == "postgresql":
        url = request.getfixturevalue("postgres_url")
        ok(SyncRunner().transfer(database, url, strangers="text", certificate=tmp_path / "c.json"))
        database = url
    ok(SyncRunner().export_csv(database, tmp_path / "out", compress=request.param == "packed"))
    return tmp_path / "out"


def problems(folder: Path) -> list[Any]:
    """What frictionless finds wrong; it leaves packed files open."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        report = frictionless.validate(str(folder / MANIFEST))
        gc.collect()
    return report.flatten(["type", "note"])


def rows_of(folder: Path, name: str) -> list[dict[str, Any]]:
    """As frictionless reads them."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        rows = frictionless.Package(str(folder / MANIFEST)).get_resource(name).read_rows()
        gc.collect()
    return [row.to_dict() for row in rows]


def schema_of(folder: Path, name: str) -> dict[str, Any]:
    found = json.loads((folder / MANIFEST).read_text())
    return next(one["schema"] for one in found["resources"] if one["name"] == name)


def test_frictionless_finds_them_valid(folder):
    """Types, keys, foreign keys, bytes and hash of each file are as the package says, and the values are read."""
    assert problems(folder) == []
    first = rows_of(folder, "orders")[0]
    assert first["amount"] == Decimal("12.50")
    assert (first["day"], first["paid"], first["big"]) == (datetime.date(2024, 2, 29), True, 9007199254740993)
    assert first["at"] == datetime.datetime(2024, 2, 3, 4, 5, 6, 250000)
    assert first["clock"] == datetime.time(4, 5, 6)


def test_only_what_holds_for_others_is_said(folder):
    """A column with an empty text is not required, and no primary key; a date that they do not read is a text."""
    places = schema_of(folder, "places")
    required = [field["name"] for field in places["fields"] if field.get("constraints", {}).get("required")]
    assert (required, places["primaryKey"]) == (["id", "name"], ["id"])
    assert "primaryKey" not in schema_of(folder, "empty_key")
    assert schema_of(folder, "orders")["primaryKey"] == ["place", "number"]
    key = {"fields": ["place"], "reference": {"resource": "places", "fields": ["id"]}}
    assert schema_of(folder, "orders")["foreignKeys"] == [key]
    assert [field["type"] for field in schema_of(folder, "early")["fields"]] == ["integer", "string"]
    types = {field["name"]: field["type"] for field in schema_of(folder, "orders")["fields"]}
    assert (types["at"], types["day"], types["amount"], types["big"]) == ("datetime", "date", "number", "integer")


@pytest.mark.parametrize("options", [{"where": {"places": "id = 1"}}, {"tables": ["orders"]}, {}])
def test_a_foreign_key_that_does_not_hold_is_not_said(tmp_path, options):
    """Where rows refer to some that are not in the files, frictionless finds them valid all the same."""
    statements = ORDERS if options else f"{ORDERS} DELETE FROM places;"
    ok(SyncRunner().export_csv(lite(tmp_path / "a.db", statements), tmp_path / "out", **options))
    assert "foreignKeys" not in schema_of(tmp_path / "out", "orders")
    assert problems(tmp_path / "out") == []


def test_frictionless_finds_damage(folder):
    """A file that is not the one of the manifest is not valid to others, either."""
    file = next(folder.glob("orders.csv*"))
    packed = file.suffix == ".gz"
    text = gzip.decompress(file.read_bytes()) if packed else file.read_bytes()
    text = text.replace(b"12.50", b"12.51")
    file.write_bytes(gzip.compress(text) if packed else text)
    assert problems(folder) != []


def test_pandas_reads_the_same_values(folder):
    """Numbers, moments, texts and NULL are what the database holds."""
    types = {"amount": "str", "big": "Int64", "paid": "boolean", "day": "str", "place": "int64"}
    found = pandas.read_csv(next(folder.glob("orders.csv*")), dtype=types, parse_dates=["at"], date_format="ISO8601")
    assert list(found["amount"].fillna("")) == ["12.50", "3.00", ""]
    assert list(found["rate"].dropna()) == [0.1, 1e20]
    assert [None if one is pandas.NA else one for one in found["big"]] == [9007199254740993, None, -1]
    assert [None if one is pandas.NA else one for one in found["paid"]] == [True, False, None]
    assert found["at"][0].to_pydatetime() == datetime.datetime(2024, 2, 3, 4, 5, 6, 250000)
    places = pandas.read_csv(next(folder.glob("places.csv*")), dtype="str", keep_default_na=False)
    assert list(places["name"]) == ['Zürich, "Mitte"', "line\nbreak"]
    assert list(places["code"]) == ["007", ""]


def test_duckdb_reads_the_same_values(folder):
    """With the types of the database all values are read, NULL and the empty text apart."""
    file = next(folder.glob("orders.csv*"))
    types = {"place": "INT", "number": "INT", "amount": "DECIMAL(12,2)", "rate": "DOUBLE", "paid": "BOOLEAN",
             "day": "DATE", "at": "TIMESTAMP", "clock": "TIME", "raw": "VARCHAR", "more": "JSON", "big": "BIGINT",
             "u": "VARCHAR"}  # fmt: skip
    read = f"read_csv(?, columns = {types}, header = true, allow_quoted_nulls = false)"
    with duckdb.connect() as connection:
        rows = connection.execute(
            f"SELECT * REPLACE (from_base64(raw) AS raw) FROM {read} ORDER BY number, place", [str(file)]
        ).fetchall()
    assert rows == [
        (1, 1, Decimal("12.50"), 0.1, True, datetime.date(2024, 2, 29), datetime.datetime(2024, 2, 3, 4, 5, 6, 250000),
         datetime.time(4, 5, 6), b"\x00\xff", '{"a": [1, null]}', 9007199254740993, "5"),
        (2, 1, *[None] * 8, -1, "five"),
        (1, 2, Decimal("3.00"), 1e20, False, datetime.date(1, 1, 1), datetime.datetime(9999, 12, 31, 23, 59, 59),
         datetime.time(23, 59, 59), b"", "[]", None, None),
    ]  # fmt: skip


def test_every_moment_of_postgresql_is_read(tmp_path, postgres_url):
    """Moments with an offset are datetimes; infinite ones, arrays, intervals and ranges are valid, too."""
    with psycopg.connect(postgres_url.replace("+psycopg", "")) as connection:
        connection.execute(
            "CREATE TABLE t (id int PRIMARY KEY, at timestamptz NOT NULL, until timestamp, list int[], span interval,"
            " clock timetz, range int4range, key uuid NOT NULL, raw bytea NOT NULL, midnight time)"
        )
        connection.execute(
            "INSERT INTO t VALUES (1, '2024-02-03 04:05:06.7+01', 'infinity', '{1,NULL}', '1 mon', '04:05+02', '[1,5)',"
            " '6c84fb90-12c4-11e1-840d-7b25c5ee775a', '\\x00', '24:00'), (2, '0001-01-01 00:00Z', '0044-03-15 BC', '{}',"
            " NULL, NULL, NULL, '6c84fb90-12c4-11e1-840d-7b25c5ee775b', '', NULL)"
        )
    ok(SyncRunner().export_csv(postgres_url, tmp_path / "out"))
    assert problems(tmp_path / "out") == []
    types = {field["name"]: field["type"] for field in schema_of(tmp_path / "out", "t")["fields"]}
    assert (types["at"], types["until"], types["midnight"]) == ("datetime", "string", "string")
    rows = rows_of(tmp_path / "out", "t")
    assert rows[0]["at"] == datetime.datetime(2024, 2, 3, 3, 5, 6, 700000, datetime.UTC)
    assert rows[0]["list"] == [1, None]
