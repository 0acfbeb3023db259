"""Files that anybody may have put there are read safely: no pipe hangs, no size counts, nothing is fetched."""

from __future__ import annotations

import ast
import contextlib
import gzip
import hashlib
import io
import json
import os
import re
import socket
import sqlite3
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from support.sessions import query

from json2db_sync import SyncRunner
from json2db_sync.atomic_files.reading import open_regular, read_own
from json2db_sync.config import JSON2DBConfig
from json2db_sync.databases import open_database
from json2db_sync.errors import FileError, SyncError, Unreachable
from json2db_sync.export import published
from json2db_sync.export.confirmations import Origin
from json2db_sync.export.exported_file import schema_of
from json2db_sync.export.fallback import BREAKER, Reading
from json2db_sync.interfaces.cli.main import main
from json2db_sync.limits import MEBIBYTE
from json2db_sync.loading.rejects_file import read_corrected

PACKAGE = Path(__file__).parents[2] / "json2db_sync"
RECORDS = [{"id": number, "name": f"n{number}"} for number in range(3)]
HUGE = 3 * 2**29
MOST_HELD = 40 * MEBIBYTE


def put(path: Path, value: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(value if isinstance(value, bytes) else json.dumps(value).encode())
    return path


def pipe(path: Path) -> None:
    path.unlink(missing_ok=True)
    os.mkfifo(path)


def sparse(path: Path) -> None:
    """1.5 GB that take no room on the disk."""
    path.unlink(missing_ok=True)
    with path.open("wb") as file:
        file.truncate(HUGE)


@pytest.fixture
def _little_held() -> Iterator[None]:
    """The test holds little memory at any time."""
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < MOST_HELD
    finally:
        tracemalloc.stop()


def exported(url: str, folder: Path, format: str = "array") -> SyncRunner:
    """A runner of an export in ``out``, whose database is then asked no more."""
    runner = SyncRunner(url, put(folder / "in" / "things.json", RECORDS), config=settings(folder, format))
    assert runner.populate(cutoff_days="all").success
    assert runner.export().success
    return runner


def settings(folder: Path, format: str = "array") -> JSON2DBConfig:
    out = str(folder / "out")
    return JSON2DBConfig(export={"directory": out, "format": format}, fallback={"directory": out})


def away(folder: Path, format: str = "array") -> SyncRunner:
    """The database as it was known, gone."""
    path = folder / "p.db"
    runner = exported(str(path), folder, format)
    path.rename(folder / "gone")
    return runner


# Opening


def test_s7_pipes_sockets_devices_and_folders_are_refused(tmp_path: Path) -> None:
    pipe(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("pipe")
    (tmp_path / "null").symlink_to("/dev/null")
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(os.path.relpath(tmp_path / "socket"))
        said = []
        for name in ("pipe", "link", "socket", "null", "."):
            with pytest.raises(FileError) as failure:
                open_regular(tmp_path / name)
            assert (failure.value.reason, failure.value.context["file"]) == ("not_a_file", str(tmp_path / name))
            said.append(failure.value.message.rpartition("it is ")[2])
    assert said == [f"{kind}, not a file" for kind in ("a named pipe",) * 2 + ("a socket", "a device", "a folder")]


def test_s7_what_was_opened_is_looked_at_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pipe that takes the file's place between a look and the opening is refused all the same."""
    path = put(tmp_path / "file", b"x")
    looked = path.stat()
    pipe(path)
    monkeypatch.setattr(Path, "stat", lambda *_: looked)
    with pytest.raises(FileError, match="a named pipe"):
        open_regular(path)


def test_s7_a_file_is_read_to_its_end_and_closed_for_other_programs(tmp_path: Path) -> None:
    with open_regular(put(tmp_path / "file", b"x" * 3)) as file:
        assert os.get_blocking(file.fileno())
        assert not os.get_inheritable(file.fileno())
        assert file.read() == b"xxx"


def test_s7_missing_files_and_links_to_nothing_are_the_systems_errors(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("nowhere")
    for name in ("missing", "link"):
        with pytest.raises(FileNotFoundError):
            read_own(tmp_path / name)


@pytest.mark.usefixtures("_little_held")
def test_s17_a_file_larger_than_any_of_its_kind_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "file"
    sparse(path)
    with pytest.raises(FileError) as failure:
        read_own(path, 2 * MEBIBYTE)
    assert failure.value.reason == "file_too_large"
    assert str(path) in failure.value.message
    assert "2 MB" in failure.value.message
    assert failure.value.hint
    assert read_own(put(path, b"x" * 2 * MEBIBYTE), 2 * MEBIBYTE) == b"x" * 2 * MEBIBYTE


@pytest.mark.usefixtures("_little_held")
def test_s17_a_file_that_gives_more_than_it_says_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Some files of the system say that they are empty, and others grow."""
    empty, path = put(tmp_path / "empty", b"").stat(), tmp_path / "file"
    sparse(path)
    monkeypatch.setattr(os, "fstat", lambda _descriptor: empty)
    with pytest.raises(FileError, match="larger than 1 MB"):
        read_own(path, MEBIBYTE)


# What was written by us, and is read again

Spoil = Callable[[Path], None]


@pytest.mark.usefixtures("_little_held")
@pytest.mark.parametrize("spoil", [pipe, sparse])
def test_s17_what_is_remembered_beside_an_export_may_be_anything(tmp_path: Path, spoil: Spoil) -> None:
    """The export then is as old as it says; the next export notes it anew, or says what is in the way."""
    runner = away(tmp_path)
    confirmed = tmp_path / "out" / ".json2db" / "confirmed.json"
    spoil(confirmed)
    assert list(runner.read("things")) == RECORDS
    runner.status()
    (tmp_path / "gone").rename(tmp_path / "p.db")
    found = runner.export()
    assert found.reason == "not_ours" if spoil is pipe else json.loads(confirmed.read_bytes())


@pytest.mark.usefixtures("_little_held")
@pytest.mark.parametrize(
    ("name", "spoil"),
    [
        ("things.metadata.json", pipe),
        ("things.metadata.json", sparse),
        ("things.schema.json", pipe),
        ("things.schema.json", sparse),
        ("things.json", pipe),
    ],
)
def test_s17_exported_files_may_be_anything(tmp_path: Path, spoil: Spoil, name: str) -> None:
    runner = away(tmp_path)
    spoil(tmp_path / "out" / name)
    with pytest.raises(SyncError) as failure:
        list(runner.read("things"))
    assert "things" in failure.value.message
    runner.status()
    (tmp_path / "gone").rename(tmp_path / "p.db")
    for found in (runner.export(check=True), runner.export(verify_only=True, validate=True), runner.export()):
        assert found.error_type in (None, "file_error", "validation_error"), found


@pytest.mark.usefixtures("_little_held")
def test_s4_packed_metadata_is_not_unpacked(tmp_path: Path) -> None:
    runner = away(tmp_path)
    put(tmp_path / "out" / "things.metadata.json", gzip.compress(b'{"a":"' + b"x" * 9 * MEBIBYTE + b'"}'))
    with pytest.raises(SyncError, match=r"things\.metadata\.json is not valid JSON"):
        list(runner.read("things"))


@pytest.mark.parametrize("name", ["things.json", "things.json.gz"])
def test_s4_metadata_before_the_records_are_small(tmp_path: Path, name: str) -> None:
    """As are those in a file of their own, whatever a record may be."""
    text = b'{"metadata": {"x": [' + b"[]," * 4 * MEBIBYTE + b'0]}, "things": []}'
    put(tmp_path / "out" / name, gzip.compress(text, 1) if name.endswith(".gz") else text)
    with pytest.raises(SyncError, match="it has metadata of more than 8 MB"):
        list(SyncRunner(str(tmp_path / "gone.db"), config=settings(tmp_path)).read("things"))


@pytest.mark.usefixtures("_little_held")
@pytest.mark.parametrize("spoil", [pipe, sparse])
def test_s7_metadata_of_a_sync_may_be_anything(tmp_path: Path, spoil: Spoil) -> None:
    """It is passed over, and said so."""
    folder = tmp_path / "in" / "sync_session_2026-01-01_10-00-00" / "raw_json" / "2026-01-01_10-00-00"
    put(folder / "a.json", RECORDS)
    spoil(folder / "sync_metadata_a.json")
    found = SyncRunner(str(tmp_path / "a.db"), tmp_path / "in").populate(cutoff_days="all")
    assert found.success
    assert "unreadable_metadata" in {note.code for note in found.notes}


@pytest.mark.usefixtures("_little_held")
@pytest.mark.parametrize("spoil", [pipe, sparse])
@pytest.mark.parametrize("name", ["config.json", "config.toml"])
def test_s17_a_configuration_file_may_be_anything(tmp_path: Path, spoil: Spoil, name: str) -> None:
    spoil(tmp_path / name)
    with pytest.raises(SyncError, match=name) as failure:
        JSON2DBConfig(tmp_path / name)
    assert failure.value.reason in ("not_a_file", "file_too_large")


@pytest.mark.usefixtures("_little_held")
@pytest.mark.parametrize("spoil", [pipe, sparse])
def test_s17_schemas_and_corrections_may_be_anything(tmp_path: Path, spoil: Spoil) -> None:
    (tmp_path / "schemas").mkdir()
    spoil(tmp_path / "schemas" / "things.schema.json")
    config = JSON2DBConfig(validation={"schema_directory": str(tmp_path / "schemas")})
    source = put(tmp_path / "in" / "things.json", RECORDS)
    found = SyncRunner(str(tmp_path / "a.db"), source, config=config).populate(cutoff_days="all")
    assert (found.error_type, found.reason) == ("configuration_error", "invalid_schema")
    with pytest.raises(FileError, match=r"things\.schema\.json"):
        schema_of(tmp_path / "schemas" / "things.json")
    with pytest.raises(FileError, match=r"things\.schema\.json"):
        read_corrected(tmp_path / "schemas" / "things.schema.json")


# Nothing is fetched

D2020, D2019, D4 = (
    f"http{s}://json-schema.org/draft{d}/schema" for s, d in (("s", "/2020-12"), ("s", "/2019-09"), ("", "-04"))
)
FORMS: dict[str, Callable[[str], Any]] = {
    "ref": lambda address: {"$ref": address},
    "ref_below": lambda address: {"properties": {"name": {"allOf": [{"$ref": f"{address}#/definitions/x"}]}}},
    "schema": lambda address: {"$schema": address},
    "schema_and_ref": lambda address: {"$schema": address, "$ref": address},
    "id": lambda address: {"$id": address, "$ref": "more.json"},
    "id_of_draft_4": lambda address: {"$schema": D4, "id": address, "$ref": "more.json"},
    "id_below": lambda address: {"$defs": {"x": {"$id": address, "$ref": "more.json"}}, "$ref": "#/$defs/x"},
    "dynamic": lambda address: {"$schema": D2020, "$dynamicRef": address},
    "dynamic_below": lambda address: {"$schema": D2020, "properties": {"name": {"$dynamicRef": f"{address}#x"}}},
}


@pytest.fixture
def listening() -> Iterator[str]:
    """An address of this machine, where nobody knocks."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        server.settimeout(0)
        yield f"http://127.0.0.1:{server.getsockname()[1]}/things.json"
        with pytest.raises(BlockingIOError):
            server.accept()


def addresses(listening: str, folder: Path) -> list[str]:
    secret = put(folder / "elsewhere" / "secret.json", {"const": "sesame", "definitions": {"x": {"const": "sesame"}}})
    return [listening, listening.replace("http", "https"), secret.as_uri(), "other.json", "urn:example:x"]


@pytest.mark.parametrize("form", FORMS)
def test_s3_s18_schemas_beside_exports_fetch_nothing(tmp_path: Path, listening: str, form: str) -> None:
    """Whatever a schema refers to, and however: the reference is named, and what stands there never shows."""
    runner = exported(str(tmp_path / "p.db"), tmp_path)
    for address in addresses(listening, tmp_path):
        put(tmp_path / "out" / "things.schema.json", FORMS[form](address))
        found = runner.export(verify_only=True, validate=True)
        (said,) = found.files[0].differences
        assert "nothing is fetched" in said
        assert (address in said) or "more.json" in said
        assert "sesame" not in str(found)


@pytest.mark.parametrize("form", FORMS)
def test_s3_s18_schemas_of_a_folder_fetch_nothing(tmp_path: Path, listening: str, form: str) -> None:
    """As the schema of an entity, and as one that it refers to."""
    source = put(tmp_path / "in" / "things.json", RECORDS)
    config = JSON2DBConfig(validation={"schema_directory": str(tmp_path / "schemas")})
    for address in addresses(listening, tmp_path):
        for name in ("things.schema.json", "below.json"):
            put(tmp_path / "schemas" / "things.schema.json", {"$ref": "below.json"})
            put(tmp_path / "schemas" / name, FORMS[form](address))
            found = SyncRunner(str(tmp_path / "a.db"), source, config=config).populate(cutoff_days="all")
            assert found.error_type == "configuration_error", found
            assert ("nothing is fetched" in str(found.hint)) or "are known" in str(found.error)
            assert "sesame" not in str(found)


def test_s18_a_recursive_reference_leads_into_the_schema_itself(tmp_path: Path, listening: str) -> None:
    """The draft knows no other, and no other is looked for."""
    runner = exported(str(tmp_path / "p.db"), tmp_path)
    put(tmp_path / "out" / "things.schema.json", {"$schema": D2019, "$recursiveRef": listening})
    runner.export(verify_only=True, validate=True)


def test_s3_what_is_handed_over_is_used(tmp_path: Path) -> None:
    """A copy under ``$defs``, known by its address, is the schema that a reference means."""
    runner = exported(str(tmp_path / "p.db"), tmp_path)
    copy = {"$id": "https://example.com/name.json", "const": "n1"}
    schema = {"$defs": {"x": copy}, "properties": {"name": {"$ref": "https://example.com/name.json"}}}
    put(tmp_path / "out" / "things.schema.json", schema)
    (one, other) = runner.export(verify_only=True, validate=True).files[0].differences
    assert one.startswith('record 1 does not satisfy things.schema.json: "n1" was expected')
    assert other.startswith("record 3")


def test_validators_are_made_in_one_room() -> None:
    """Any other would fetch, as the library does unless it is told otherwise."""
    named = {"validator_for", "validate", "evaluate", "is_valid", "meta", "bundle", "dereference", "Registry"}
    found = {
        path.name
        for path in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_bytes()))
        if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "jsonschema_rs"
        if node.attr in named or (node.attr.endswith("Validator") and path.name != "schema_validators.py")
        if not ast.unparse(node).endswith(".Validator")
    }
    assert found == {"schema_validators.py"}


# What was verified


@pytest.mark.parametrize("file", ["things.json", "things.metadata.json"])
def test_s10_a_file_altered_under_its_old_time_is_verified_anew(tmp_path: Path, file: str) -> None:
    """Size and time of writing anyone can set; the time of the change the system sets."""
    runner = away(tmp_path)
    assert list(runner.read("things")) == RECORDS
    path = tmp_path / "out" / file
    before = path.stat()
    path.write_bytes(path.read_bytes().replace(b"n1", b"n9") if file == "things.json" else b"x" * before.st_size)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    with pytest.raises(SyncError, match="cannot be trusted"):
        list(runner.read("things"))


class Endless(io.BufferedIOBase):
    def read(self, size: int | None = -1, /) -> bytes:
        return b"x" * (size or 0)


def test_s4_of_what_is_packed_no_more_is_unpacked_than_it_should_hold(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether a published file is current is known when it goes on where it should end."""
    monkeypatch.setattr(published, "unpacked", lambda _path: contextlib.nullcontext(Endless()))
    assert not published.holds(tmp_path / "x.json.gz", b"xxx", hashlib.sha256(b"xxx").digest(), 3)
    assert not published.is_empty(tmp_path / "x.json.gz")
    assert not published.is_document(tmp_path / "x.json.gz", b"xxx")


# Which database an export is of


def id_of(url: str) -> str:
    ((found,),) = query(url, "SELECT database_id FROM json2db_version")
    return str(found)


def metadata_of(folder: Path, format: str = "array") -> dict[str, Any]:
    name = "things.json" if format == "envelope" else "things.metadata.json"
    read = json.loads((folder / "out" / name).read_bytes())
    found: dict[str, Any] = read["metadata"] if format == "envelope" else read
    return found


def reads(url: object, folder: Path) -> Reading:
    BREAKER.forget()
    return SyncRunner(str(url), config=settings(folder)).read("things")


def refused(url: object, folder: Path) -> str:
    """What is said where no export answers."""
    with pytest.raises(Unreachable) as failure:
        list(reads(url, folder))
    assert failure.value.hint
    return failure.value.message


@pytest.mark.parametrize("format", ["array", "envelope"])
def test_s9_metadata_name_the_database_by_a_random_id(database_url: str, tmp_path: Path, format: str) -> None:
    runner = exported(database_url, tmp_path, format)
    assert re.fullmatch("[0-9a-f]{32}", id_of(database_url))
    assert metadata_of(tmp_path, format)["database_id"] == id_of(database_url)
    assert runner.status().database_id == id_of(database_url)
    assert not runner.export(check=True).needs_attention
    assert [file.status for file in runner.export().files] == ["unchanged"]


def test_s9_a_field_of_a_record_is_not_the_databases_id(tmp_path: Path) -> None:
    """Records of an application's own database may have one that is called so."""
    with contextlib.closing(sqlite3.connect(tmp_path / "app.db")) as app, app:
        app.execute("CREATE TABLE things (source TEXT, database_id TEXT)")
        app.execute("INSERT INTO things VALUES ('s', ?)", ["0" * 32])
    runner = SyncRunner(str(tmp_path / "app.db"), config=settings(tmp_path, "envelope"))
    assert runner.export().success
    assert "database_id" not in metadata_of(tmp_path, "envelope")
    assert [file.status for file in runner.export().files] == ["unchanged"]


def test_s9_an_id_is_kept_by_runs_and_backups(database_url: str, tmp_path: Path) -> None:
    runner = exported(database_url, tmp_path)
    before = id_of(database_url)
    backup = runner.backup()
    put(tmp_path / "in" / "things.json", [*RECORDS, {"id": 7, "name": "n7"}])
    assert runner.populate(cutoff_days="all").success
    assert runner.restore(backup.backup).success
    assert id_of(database_url) == before


@pytest.mark.parametrize("format", ["array", "ndjson", "envelope"])
def test_s9_the_same_content_of_another_database(databases: Any, tmp_path: Path, format: str) -> None:
    """Only the id in the metadata is another: nothing is stale for it, and no data file is written for it."""
    first, second = databases.create(), databases.create()
    if databases.kind == "sqlite":
        second = str(Path(first).with_name("more") / "test.db")
    exported(first, tmp_path, format)
    names = sorted((tmp_path / "out").glob("things.*"))
    before = {path.name: path.read_bytes() for path in names}
    other = SyncRunner(second, tmp_path / "in" / "things.json", config=settings(tmp_path, format))
    assert other.populate(cutoff_days="all").success
    if databases.kind == "sqlite":
        assert not other.export(check=True).needs_attention
        assert {path.name: path.read_bytes() for path in names} == before
        expected = "written" if format == "envelope" else "unchanged"
        assert [file.status for file in other.export().files] == [expected]
    else:  # whose name is another, too
        assert other.export().success
    assert metadata_of(tmp_path, format)["database_id"] == id_of(second) != id_of(first)
    written = {name for name, text in before.items() if text != (tmp_path / "out" / name).read_bytes()}
    assert written == {"things.json" if format == "envelope" else "things.metadata.json"}


def test_s9_an_export_of_a_namesake_does_not_answer(tmp_path: Path) -> None:
    """Two projects beside each other, whose databases are called alike."""
    for project in ("p1", "p2"):
        exported(str(tmp_path / project / "production.db"), tmp_path / project)
        (tmp_path / project / "production.db").rename(tmp_path / project / "gone")
    for asked, folder in (("p1", "p2"), ("p2", "p1")):
        said = refused(tmp_path / asked / "production.db", tmp_path / folder)
        assert "was exported from another database called production.db" in said
    os.chdir(tmp_path / "p2")
    assert "another database" in refused("../p1/production.db", tmp_path / "p2")
    assert list(reads("production.db", tmp_path / "p2")) == RECORDS
    reading = reads(tmp_path / "p2" / ".." / "p2" / "production.db", tmp_path / "p2")
    assert (list(reading), reading.notes) == (RECORDS, ())


def test_s9_an_export_of_an_applications_namesake_does_not_answer(tmp_path: Path) -> None:
    """Which has no ledger, and so no id: the place says all."""
    for project in ("p1", "p2"):
        (tmp_path / project).mkdir()
        with contextlib.closing(sqlite3.connect(tmp_path / project / "app.db")) as app, app:
            app.execute("CREATE TABLE things (name TEXT)")
            app.execute("INSERT INTO things VALUES (?)", [project])
        runner = SyncRunner(str(tmp_path / project / "app.db"), config=settings(tmp_path / project))
        assert runner.export().success
        (tmp_path / project / "app.db").rename(tmp_path / project / "gone")
    assert "another database called app.db" in refused(tmp_path / "p1" / "app.db", tmp_path / "p2")
    reading = reads(tmp_path / "p2" / "app.db", tmp_path / "p2")
    assert (list(reading), reading.notes) == ([{"name": "p2"}], ())


def test_s9_what_another_database_in_that_place_left_does_not_answer(tmp_path: Path) -> None:
    """The last one that exported from there is the one asked for; an id says more than a name."""
    runner = away(tmp_path)
    old = {path: path.read_bytes() for path in (tmp_path / "out").glob("things.*")}
    assert runner.populate(cutoff_days="all").success
    status = runner.status()
    assert [export.foreign for export in status.exports] == [True]
    assert runner.export().success
    assert [export.foreign for export in runner.status().exports] == [False]
    (tmp_path / "p.db").unlink()
    assert list(reads(tmp_path / "p.db", tmp_path)) == RECORDS
    for path, text in old.items():
        path.write_bytes(text)
    assert "another database called p.db" in refused(tmp_path / "p.db", tmp_path)


@pytest.mark.parametrize("lost", ["memory", "id"])
def test_s9_where_nothing_else_is_known_names_are_compared_and_that_is_said(
    tmp_path: Path, lost: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """As of a fresh clone, and of an export of an older version."""
    away(tmp_path)
    if lost == "memory":
        (tmp_path / "out" / ".json2db" / "databases.json").unlink()
    else:
        said = metadata_of(tmp_path)
        del said["database_id"]
        put(tmp_path / "out" / "things.metadata.json", said)
    reading = reads(tmp_path / "p.db", tmp_path)
    assert list(reading) == RECORDS
    assert [note.code for note in reading.notes] == ["export_known_by_name"]
    assert "was exported from p.db, not from" in refused(tmp_path / "q.db", tmp_path)
    arguments = ["read", "things", "--db-path", str(tmp_path / "p.db")]
    os.environ["JSON2DB_FALLBACK_DIRECTORY"] = str(tmp_path / "out")
    try:
        assert main(arguments) == 0
    finally:
        del os.environ["JSON2DB_FALLBACK_DIRECTORY"]
    assert "only the name p.db tells which database" in capsys.readouterr().err


def test_s9_what_is_remembered_of_databases_may_be_anything(tmp_path: Path) -> None:
    """Then names are compared."""
    away(tmp_path)
    for spoil in (pipe, sparse, lambda path: put(path, [1]), lambda path: put(path, {"x": 1})):
        (tmp_path / "out" / ".json2db" / "databases.json").unlink()
        spoil(tmp_path / "out" / ".json2db" / "databases.json")
        assert list(reads(tmp_path / "p.db", tmp_path)) == RECORDS


SERVERS = [
    "postgresql://me:secret@a/d",
    "postgresql://you@a:5433/d",
    "postgresql://a/e",
    "postgresql:///d",
    "postgresql:///d?host=/tmp/a",
    "postgresql:///d?host=/tmp/b",
    "postgresql:///?service=a",
    "postgresql:///?service=b",
    "postgresql:///d?host=a:1&host=b:2",
    "postgresql:///d?host=a:1&host=c:2",
    "postgresql:///?host=/tmp/a&dbname=e",
    "postgresql:///d?host=a&hostaddr=10.0.0.1",
    "postgresql:///d?host=/tmp/a&port=5433",
    "postgresql:///d?host=/tmp/a&options=-csearch_path%3Detl",
]


def test_s9_names_and_places_tell_servers_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whichever way a URL has to say where, users and passwords apart; what it leaves out the environment says."""

    def origin(url: str) -> Origin:
        with open_database(url) as database:
            return Origin.of(database)

    found = [origin(url) for url in SERVERS]
    assert len({one.name for one in found}) == len({one.place for one in found}) == len(SERVERS)
    assert "secret" not in str(found)
    assert origin("postgresql://other:word@a/d") == found[0]
    monkeypatch.setenv("PGHOST", "b")
    assert origin("postgresql:///d").place != found[3].place
    assert origin(SERVERS[0]).place == found[0].place


def test_s9_a_former_ledger_gets_its_id_by_the_first_run_that_writes(database_url: str, tmp_path: Path) -> None:
    """Until then its exports name none, and reading them changes nothing."""
    runner = exported(database_url, tmp_path)
    query(database_url, "ALTER TABLE json2db_version DROP COLUMN database_id")
    query(database_url, "UPDATE json2db_version SET version = 6")
    assert runner.export().success
    assert "database_id" not in metadata_of(tmp_path)
    assert runner.status().database_id is None
    assert runner.populate(cutoff_days="all").success
    assert runner.export().success
    assert metadata_of(tmp_path)["database_id"] == id_of(database_url)


def test_s16_the_documentation_says_what_a_checksum_shows() -> None:
    text = " ".join((PACKAGE.parent / "docs" / "export.md").read_text("utf-8").split())
    assert "made without a key, so it cannot show that someone meant to change the file" in text


# The only room that opens files for reading

ELSEWHERE = {
    "atomic_files/disk.py": "opens folders, and files that it has made, to write them out",
    "databases/sqlite_file.py": "reads /proc, which the system writes",
    "sources/bytestream.py": "unpacks what it has opened there",
    "interfaces/cli/operations.py": "opens the null device in place of a closed stream",
    "interfaces/terminal/console.py": "opens the null device in place of a closed stream",
    "interfaces/cli/setup.py": "reads what is in the package",
    "atomic_files/reading.py": "the room",
}
PLAIN = {"open", "read_text", "read_bytes", "FileIO", "fdopen", "mmap", "openat"}


def opens_for_reading(node: ast.AST) -> bool:
    """Is this a call that opens a file by its path, and may read it?"""
    if not isinstance(node, ast.Call):
        return False
    name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
    if name not in PLAIN:
        return False
    modes = [one.value for one in (*node.args, *(key.value for key in node.keywords)) if isinstance(one, ast.Constant)]
    return not any(isinstance(mode, str) and mode[:1] in ("w", "x", "a") and "+" not in mode for mode in modes)


def test_files_are_opened_for_reading_in_one_room() -> None:
    """Others say why: a file that they do not open by it would be a pipe, or larger than memory, one day."""
    found = {
        path.relative_to(PACKAGE).as_posix()
        for path in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_bytes()))
        if opens_for_reading(node)
    }
    assert found <= set(ELSEWHERE), f"these open files by themselves: {sorted(found - set(ELSEWHERE))}"
