"""Tables to CSV files and their manifest: what is in them, what is left alone, what is told."""

import gzip
import json
import os
from pathlib import Path
from random import Random

import psycopg
import pytest
from support.bundles import lite
from support.every_type import create, rows
from support.sessions import ok

from json2db_sync import SyncRunner
from json2db_sync.errors import FileError
from json2db_sync.tabular.manifest import MANIFEST, OWN, require_whole
from json2db_sync.tabular.opening import open_package

LITE = """
CREATE TABLE cities (id INTEGER PRIMARY KEY, name TEXT NOT NULL, size NUMERIC(10,2), since DATE);
CREATE TABLE events (title TEXT, city INT REFERENCES cities (id), at DATETIME, ok BOOLEAN, raw BLOB, more JSON, score REAL);
INSERT INTO cities VALUES (2, 'b,"c"', 1.5, '2024-02-03'), (1, ' a
', 7, NULL), (10, '.', NULL, '0001-01-01');
INSERT INTO events VALUES ('', 2, '2024-02-03 04:05:06', 1, x'00ff', '{"a": [1, "é"]}', 1e20), (NULL, NULL, NULL, NULL,
NULL, NULL, NULL), ('NULL', 1, '2024-02-03 04:05:06.25', 0, x'', '[]', 0.1), ('\\.', 1, NULL, NULL, NULL, '{}', -0.5);
"""
CITIES = b'id,name,size,since\n1," a\n",7.00,\n2,"b,""c""",1.50,2024-02-03\n10,.,,0001-01-01\n'
EVENTS = (
    "title,city,at,ok,raw,more,score\n"
    '"",2,2024-02-03 04:05:06,true,AP8=,"{""a"": [1, ""é""]}",1e+20\n'
    "NULL,1,2024-02-03 04:05:06.25,false,\"\",[],0.1\n\\.,1,,,,{},-0.5\n,,,,,,\n"
).encode()  # fmt: skip


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir()) if path.is_file()}


def export(database, folder, **options):
    return ok(SyncRunner().export_csv(database, folder, **options))


def test_the_files_are_what_the_database_holds(tmp_path):
    """Each table is a file in order of its key, NULL and the empty text apart, and the manifest tells of each."""
    result = export(lite(tmp_path / "a.db", LITE), tmp_path / "out")
    found = files(tmp_path / "out")
    assert found["cities.csv"] == CITIES
    assert found["events.csv"] == EVENTS
    assert [(one.name, one.status, one.records) for one in result.files] == [
        ("cities", "written", 3),
        ("events", "written", 4),
        (MANIFEST, "written", 0),
    ]
    package = open_package(tmp_path / "out")
    for resource in package.resources:
        require_whole(resource)
    assert [resource.rows for resource in package.resources] == [3, 4]
    assert package.catalog.table("events").foreign_keys[0].table == "cities"


def test_a_database_and_its_copy_give_the_same_files(tmp_path, postgres_url):
    """SQLite and PostgreSQL write the same bytes for the same content; the manifests differ in words of their own."""
    path = lite(tmp_path / "a.db", LITE)
    ok(SyncRunner().transfer(path, postgres_url, certificate=tmp_path / "c.json"))
    export(path, tmp_path / "one")
    export(postgres_url, tmp_path / "other")
    one, other = (json.loads((tmp_path / name / MANIFEST).read_text()) for name in ("one", "other"))
    for package in (one, other):
        del package[OWN]
        for resource in package["resources"]:
            del resource[OWN]
    assert one == other
    assert {name: text for name, text in files(tmp_path / "one").items() if name != MANIFEST} == {
        name: text for name, text in files(tmp_path / "other").items() if name != MANIFEST
    }


def test_every_type_of_postgresql_comes_alike_from_both(tmp_path, postgres_url):
    """Values of all types are the same bytes from PostgreSQL and from the SQLite database that they were moved to."""
    create(postgres_url, rows(300, Random(5)))
    with psycopg.connect(postgres_url.replace("+psycopg", "")) as connection:
        connection.execute("CREATE TABLE alone (t text); INSERT INTO alone VALUES ('\\.'), (''), (NULL), ('\r'), (' ')")
    copy = str(tmp_path / "copy.db")
    ok(SyncRunner().transfer(postgres_url, copy, certificate=tmp_path / "c.json"))
    export(postgres_url, tmp_path / "one")
    export(copy, tmp_path / "other")
    for name in ("alone.csv", "every_type.csv"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "other" / name).read_bytes()


def test_what_did_not_change_is_left_alone(tmp_path):
    """The same content changes no file; one row changes one file and the manifest, with backups of both."""
    path, out = lite(tmp_path / "a.db", LITE), tmp_path / "out"
    export(path, out)
    before = {file: (out / file).stat().st_mtime_ns for file in files(out)}
    again = export(path, out)
    assert {one.status for one in again.files} == {"unchanged"}
    assert {file: (out / file).stat().st_mtime_ns for file in files(out)} == before
    lite(tmp_path / "a.db", "UPDATE cities SET name = 'x' WHERE id = 1")
    checked = ok(SyncRunner().export_csv(path, out, check=True))
    assert [one.name for one in checked.outdated] == ["cities", MANIFEST]
    assert checked.needs_attention
    assert {file: (out / file).stat().st_mtime_ns for file in files(out)} == before
    changed = export(path, out)
    assert [one.status for one in changed.files] == ["written", "unchanged", "written"]
    assert Path(changed.files[0].backup).read_bytes() == CITIES
    assert not ok(SyncRunner().export_csv(path, out, check=True)).needs_attention


def test_a_check_tells_what_is_missing_and_what_is_left_over(tmp_path):
    """A file that is gone is missing, one of a table that is not exported any more is left over; nothing is written."""
    path, out = lite(tmp_path / "a.db", LITE), tmp_path / "out"
    missing = ok(SyncRunner().export_csv(path, out, check=True))
    assert {one.status for one in missing.files} == {"missing"}
    assert not out.exists()
    export(path, out)
    lite(tmp_path / "a.db", "DROP TABLE events")
    checked = ok(SyncRunner().export_csv(path, out, check=True))
    assert [(one.name, one.status) for one in checked.outdated] == [("events.csv", "leftover"), (MANIFEST, "stale")]
    told = export(path, out)
    assert [note.code for note in told.notes] == ["leftover"]
    assert (out / "events.csv").read_bytes() == EVENTS


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_only_what_is_asked_for_is_exported(tmp_path, kind, request):
    """Tables, tables to leave out, conditions and views; what is left out is no part of the manifest."""
    path = lite(tmp_path / "a.db", f"{LITE} CREATE VIEW seen AS SELECT id FROM cities;")
    if kind == "postgresql":
        url = request.getfixturevalue("postgres_url")
        ok(SyncRunner().transfer(path, url, certificate=tmp_path / "c.json"))
        with psycopg.connect(url.replace("+psycopg", "")) as connection:
            connection.execute("CREATE VIEW seen AS SELECT id FROM cities")
        path = url
    export(path, tmp_path / "1", tables=["cities"], where={"cities": "id > 1 -- or so"})
    assert files(tmp_path / "1")["cities.csv"] == CITIES.replace(b'1," a\n",7.00,\n', b"", 1)
    assert [table.name for table in open_package(tmp_path / "1").catalog.tables] == ["cities"]
    export(path, tmp_path / "2", exclude_tables=["cities"])
    assert {*files(tmp_path / "2")} == {"events.csv", MANIFEST}
    export(path, tmp_path / "3", views=True)
    assert files(tmp_path / "3")["seen.csv"] == b"id\n1\n2\n10\n"
    export(path, tmp_path / "4", tables=["seen"])
    assert {*files(tmp_path / "4")} == {"seen.csv", MANIFEST}


WRONG = [
    ({"tables": ["gone"]}, "unknown_table"),
    ({"where": {"gone": "1 = 1"}}, "unknown_table"),
    ({"tables": []}, "no_entity_named"),
    ({"tables": ["cities"], "where": {"events": "1 = 1"}}, "conflicting_arguments"),
    ({"where": {"cities": "gone = 1"}}, "database_error"),
    ({"where": {"cities": "1 = 1) TO STDOUT --"}}, "database_error"),
]


@pytest.mark.parametrize(("options", "reason"), WRONG)
@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_what_cannot_be_asked_for_writes_nothing(tmp_path, options, reason, kind, request):
    """A table that is not there, or a condition that is none, is told before anything is written."""
    path = lite(tmp_path / "a.db", LITE)
    if kind == "postgresql":
        url = request.getfixturevalue("postgres_url")
        ok(SyncRunner().transfer(path, url, certificate=tmp_path / "c.json"))
        path = url
    failed = SyncRunner().export_csv(path, tmp_path / "out", **options)
    assert (failed.success, failed.reason) == (False, reason)
    assert not (tmp_path / "out").exists()


def test_the_environment_may_name_the_database(tmp_path, monkeypatch):
    """DATABASE_URL stands in for a database that is not named."""
    assert SyncRunner().export_csv(None, tmp_path / "out").reason == "database_not_named"
    monkeypatch.setenv("DATABASE_URL", lite(tmp_path / "a.db", LITE))
    assert export(None, tmp_path / "out").records == 7


def test_packed_files_are_the_same_bytes_every_time(tmp_path):
    """gzip takes down neither name nor time, and holds what the file would hold."""
    path = lite(tmp_path / "a.db", LITE)
    for name in ("one", "other"):
        export(path, tmp_path / name, compress=True)
    assert files(tmp_path / "one") == files(tmp_path / "other")
    assert gzip.decompress(files(tmp_path / "one")["cities.csv.gz"]) == CITIES
    for resource in open_package(tmp_path / "one").resources:
        require_whole(resource)


def test_values_of_other_types_are_told_apart(tmp_path):
    """A column of SQLite with values of several classes keeps them apart; one of one class is of that type."""
    path = lite(
        tmp_path / "a.db",
        "CREATE TABLE t (id INTEGER PRIMARY KEY, u, n INTEGER, d DATETIME, b BOOLEAN);"
        "INSERT INTO t VALUES (1, NULL, 1, '2024-01-01 00:00:00', 1), (2, 5, 'x', 'soon', 2), (3, '5', NULL, NULL, 0),"
        "(4, 5.0, 1.5, 'x', 1), (5, x'35', x'', '', 1), (6, '', '', NULL, 1)",
    )
    export(path, tmp_path / "out")
    assert (tmp_path / "out" / "t.csv").read_text() == (
        'id,u,n,d,b\n1,,1,2024-01-01 00:00:00,1\n2,5,"x",soon,2\n3,"5",,,0\n4,5.0,1.5,x,1\n5,\\x35,\\x,"",1\n6,"","",,1\n'
    )
    types = [wire.type.name for wire in open_package(tmp_path / "out").resources[0].columns]
    assert types == ["integer", "any", "any", "text", "integer"]


def test_a_type_that_only_the_end_contradicts_is_changed_from_the_start(tmp_path):
    """A value of another class behind many rows changes how those before it are spelled."""
    path = lite(
        tmp_path / "a.db",
        "CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT, d NUMERIC(9,2));"
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 9999)"
        "INSERT INTO t SELECT i, 'text', 1 FROM n; INSERT INTO t VALUES (10000, x'00', 1.125)",
    )
    result = export(path, tmp_path / "out")
    lines = (tmp_path / "out" / "t.csv").read_text().splitlines()
    assert (result.records, lines[1], lines[-1], len(lines)) == (10000, '1,"text",1', "10000,\\x00,1.125", 10001)


def test_a_text_that_is_no_utf8_is_told(tmp_path):
    """What no CSV in UTF-8 can say is an error that names the column, and nothing is written."""
    path = lite(tmp_path / "a.db", "CREATE TABLE t (a TEXT); INSERT INTO t VALUES (CAST(x'ff' AS TEXT))")
    failed = SyncRunner().export_csv(path, tmp_path / "out")
    assert failed.reason == "values_refused"
    assert "t.a" in failed.error
    assert files(tmp_path / "out") == {}


def test_names_that_one_file_system_takes_for_one_are_told_apart(tmp_path):
    """Tables whose names differ in case, or could be none of a file, have files of their own; so have devices."""
    names = ["con", "a/b", "..", "é", "É", "x" * 300, "datapackage"]
    path = lite(tmp_path / "a.db", "".join(f'CREATE TABLE "{name}" (i INT);' for name in names))
    export(path, tmp_path / "out")
    found = [resource.path.name for resource in open_package(tmp_path / "out").resources]
    assert len({name.casefold() for name in found}) == len(names)
    assert {"con_.csv", "a%2Fb.csv", "%2E%2E.csv", "datapackage.csv"} < {*found}
    assert max(map(len, found)) < 210


def test_the_database_itself_is_never_replaced(tmp_path):
    """A database that lies where a file would be written is refused."""
    (tmp_path / "out").mkdir()
    path = lite(tmp_path / "out" / "cities.csv", LITE)
    failed = SyncRunner().export_csv(path, tmp_path / "out")
    assert failed.reason == "file_in_use"


def test_no_link_is_followed_out_of_the_folder(tmp_path):
    """A link in the place of a file that leads elsewhere is refused, and what it leads to stays."""
    path, out, other = lite(tmp_path / "a.db", LITE), tmp_path / "out", tmp_path / "other.csv"
    out.mkdir()
    other.write_text("mine")
    (out / "events.csv").symlink_to(other)
    for check in (False, True):
        assert SyncRunner().export_csv(path, out, check=check).reason == "link_leads_outside"
    assert other.read_text() == "mine"
    assert files(out) == {"events.csv": b"mine"}


def test_a_file_of_another_is_kept_and_told(tmp_path):
    """A file that no manifest of ours tells of is replaced with a backup and a note."""
    path, out = lite(tmp_path / "a.db", LITE), tmp_path / "out"
    out.mkdir()
    (out / "cities.csv").write_text("mine")
    result = export(path, out)
    assert [note.code for note in result.notes] == ["replaced_another_file"]
    assert Path(result.files[0].backup).read_text() == "mine"


def test_secrets_are_nowhere_in_the_files(tmp_path, postgres_url):
    """The manifest of a database that is reached with a password does not tell it, nor who exported when and where."""
    ok(SyncRunner().transfer(lite(tmp_path / "a.db", LITE), postgres_url, certificate=tmp_path / "c.json"))
    secret = "Zq7xT9vK2w"
    export(f"{postgres_url}{'&' if '?' in postgres_url else '?'}application_name={secret}", tmp_path / "out")
    text = (tmp_path / "out" / MANIFEST).read_text()
    for hidden in (secret, os.fspath(tmp_path), "://"):
        assert hidden not in text


def test_tables_of_entities_go_along_without_the_ledger(tmp_path):
    """In a database of ours the entities' tables are exported, and a note says what is not."""
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "things.json").write_text('[{"id": 1, "a": [{"b": 2}]}]')
    ok(SyncRunner(tmp_path / "a.db", tmp_path / "files").populate())
    result = export(tmp_path / "a.db", tmp_path / "out")
    assert [one.name for one in result.files] == ["json_things", "json_things_a", MANIFEST]
    assert [note.code for note in result.notes] == ["ledger_not_exported"]


def test_a_damaged_package_is_found(tmp_path):
    """A file that was changed after the export is not the one that the manifest tells of."""
    export(lite(tmp_path / "a.db", LITE), tmp_path / "out")
    file = tmp_path / "out" / "cities.csv"
    file.write_bytes(file.read_bytes().replace(b"7.00", b"8.00"))
    with pytest.raises(FileError, match="hash"):
        require_whole(open_package(tmp_path / "out").resources[0])
