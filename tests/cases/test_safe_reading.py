"""Files that anybody may have put there are read safely: no pipe hangs, no size counts, nothing is fetched."""

from __future__ import annotations

import ast
import gzip
import json
import os
import socket
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from json2db_sync import SyncRunner
from json2db_sync.atomic_files.reading import open_regular, read_own
from json2db_sync.config import JSON2DBConfig
from json2db_sync.errors import FileError, SyncError
from json2db_sync.export.exported_file import schema_of
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
    """The export then is as old as it says, status tells of it, and the next export notes it anew."""
    runner = away(tmp_path)
    confirmed = tmp_path / "out" / ".json2db" / "confirmed.json"
    spoil(confirmed)
    assert list(runner.read("things")) == RECORDS
    runner.status()
    (tmp_path / "gone").rename(tmp_path / "p.db")
    assert runner.export().success
    assert json.loads(confirmed.read_bytes())


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


# The only room that opens files for reading

ELSEWHERE = {
    "atomic_files/disk.py": "copies and settles files of its own folder",
    "atomic_files/file_set.py": "reads a backup that it has listed",
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
