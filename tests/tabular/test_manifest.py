"""``datapackage.json`` written and read."""

import hashlib
import json
from dataclasses import replace

import pytest

from json2db_sync.databases import open_database
from json2db_sync.databases.ledger import Remembered
from json2db_sync.databases.table_stores import WireColumn
from json2db_sync.errors import FileError
from json2db_sync.tabular.manifest import MANIFEST, OWN, require_rows, require_whole, told
from json2db_sync.tabular.opening import open_package
from json2db_sync.tabular.packages import Package, Resource

TABLES = {
    "sqlite": """
        CREATE TABLE "a b" (id INTEGER PRIMARY KEY, t VARCHAR(9) NOT NULL DEFAULT 'x' CHECK (t <> ''), u,
        g AS (id * 2), UNIQUE (t));
        CREATE TABLE child (id INTEGER PRIMARY KEY AUTOINCREMENT, of INT REFERENCES "a b" (id) ON DELETE CASCADE) STRICT;
        CREATE INDEX by_of ON child (of DESC) WHERE of > 1;
        CREATE VIEW seen AS SELECT * FROM child;
    """,
    "postgresql": """
        CREATE TYPE mood AS ENUM ('sad', 'ok');
        CREATE DOMAIN short AS text CHECK (length(VALUE) < 9);
        CREATE SEQUENCE apart INCREMENT 5;
        CREATE TABLE "a b" (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, m mood DEFAULT 'ok', s short NOT NULL,
            n numeric(9,2)[], t timestamptz(3), UNIQUE NULLS NOT DISTINCT (s));
        COMMENT ON COLUMN "a b".s IS 'a comment';
        CREATE TABLE child (id serial PRIMARY KEY, of int REFERENCES "a b" (id) DEFERRABLE);
        CREATE INDEX by_of ON child USING hash (of);
        CREATE VIEW seen AS SELECT * FROM child;
    """,
}
SPELLED = b"id\n1\n"


@pytest.fixture(params=["sqlite", "postgresql"])
def package(request, tmp_path):
    """A package of each table of a database, whose files are all alike, as an export leaves it."""
    url = str(tmp_path / "a.db") if request.param == "sqlite" else request.getfixturevalue("postgres_url")
    with open_database(url) as database:
        with database.transaction() as connection:
            for statement in TABLES[request.param].split(";"):
                database.table_store(connection).execute(statement.strip() or "SELECT 1")
        with database.reading() as connection:
            catalog = database.table_store(connection).catalog()
    catalog = replace(catalog, tables=tuple(replace(table, rows=None) for table in catalog.tables))
    folder, digest = tmp_path / "out", f"sha256:{hashlib.sha256(SPELLED).hexdigest()}"
    folder.mkdir()
    resources = []
    for table in catalog.tables:
        path = folder / f"{table.name}.csv"
        path.write_bytes(SPELLED)
        wires = tuple(WireColumn(one.name, one.type, nullable=one.nullable) for one in table.columns)
        resources.append(Resource(table, path, wires, rows=1, bytes=len(SPELLED), hash=digest))
    origin = Remembered(catalog.tables[0], catalog.tables[1], request.param, catalog.enums, catalog.domains)
    return Package(folder, catalog, tuple(resources), {"child": origin}, is_ours=True)


def written(package, change=lambda found: None):
    """Its manifest, changed, in its folder."""
    found = json.loads(told(package, {}))
    change(found)
    (package.folder / MANIFEST).write_text(json.dumps(found))
    return package.folder


def test_a_manifest_tells_all(package):
    """What is read is the package that was written: catalog, types, files and what is remembered."""
    assert open_package(written(package)) == package
    for resource in package.resources:
        require_whole(resource)
        require_rows(resource, 1)


def test_a_file_that_changed_is_told(package):
    """Another size is told at once, another content when the file is looked at, and so are other rows."""
    folder, path = written(package), package.resources[0].path
    path.write_bytes(SPELLED.replace(b"1", b"2"))
    with pytest.raises(FileError, match="hash") as told_of:
        require_whole(open_package(folder).resources[0])
    assert told_of.value.reason == "damaged_package"
    with pytest.raises(FileError, match="2 rows, and its manifest says 1"):
        require_rows(package.resources[0], 2)
    path.write_bytes(SPELLED[:-1])
    with pytest.raises(FileError, match="bytes"):
        open_package(folder)
    path.unlink()
    with pytest.raises(FileError, match="No such file"):
        open_package(folder)


OUTSIDE = [
    "../a.csv",
    "/etc/passwd",
    "a/../../b.csv",
    "..\\a.csv",
    "C:a.csv",
    "https://x.example/a.csv",
    "",
    ".",
    "a\0b",
]


@pytest.mark.parametrize("path", OUTSIDE)
def test_a_path_never_leaves_the_folder(package, path):
    """A manifest that names a file outside of its folder is refused."""
    with pytest.raises(FileError) as told_of:
        open_package(written(package, lambda found: found["resources"][0].update(path=path)))
    assert told_of.value.reason == "path_leads_outside"


def test_a_link_never_leaves_the_folder(package, tmp_path):
    """A file of a package that is a link out of its folder is refused; one within it is followed."""
    path, other = package.resources[0].path, tmp_path / "other.csv"
    path.rename(other)
    path.symlink_to(other)
    with pytest.raises(FileError) as told_of:
        open_package(written(package))
    assert told_of.value.reason == "link_leads_outside"
    path.unlink()
    other.rename(package.folder / "other.csv")
    path.symlink_to("other.csv")
    assert open_package(package.folder).resources[0].rows == 1


def _other_version(found):
    found[OWN]["version"] = 2


def _no_table(found):
    found["resources"][0][OWN]["table"] = "gone"


def _no_column(found):
    found["resources"][0][OWN]["columns"][0]["name"] = "gone"


def _twice(found):
    found["resources"].append(found["resources"][0])


def _no_hash(found):
    del found["resources"][0]["hash"]


def _no_type(found):
    found["resources"][0][OWN]["columns"][0]["type"]["name"] = "gone"


def _packed_otherwise(found):
    found["resources"][0]["compression"] = "zip"


@pytest.mark.parametrize(
    "change", [_other_version, _no_table, _no_column, _twice, _no_hash, _no_type, _packed_otherwise]
)
def test_a_manifest_that_contradicts_itself_is_refused(package, change):
    """What no export writes is an error that names the manifest."""
    with pytest.raises(FileError) as told_of:
        open_package(written(package, change))
    assert told_of.value.reason == "invalid_manifest"


@pytest.mark.parametrize(
    ("text", "reason"), [("{", "invalid_json"), ("[" * 100_000, "invalid_json"), ("{}", "invalid_manifest")]
)
def test_what_is_no_manifest_is_refused(tmp_path, text, reason):
    """No JSON, JSON of something else, and none at all are each told."""
    with pytest.raises(FileError) as told_of:
        open_package(tmp_path)
    assert told_of.value.reason == "no_package"
    (tmp_path / MANIFEST).write_text(text)
    with pytest.raises(FileError) as told_of:
        open_package(tmp_path)
    assert told_of.value.reason == reason
