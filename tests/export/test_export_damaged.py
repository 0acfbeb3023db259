"""Published files that somebody or something spoilt: whatever they hold, looking at them ends in an answer."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.exports import execute, exported, runner_on

from json2db_sync import SyncRunner
from json2db_sync.results import ExportedFile

TABLE = "CREATE TABLE t (id INTEGER PRIMARY KEY, x TEXT);\nINSERT INTO t VALUES (1, 'a'), (2, 'é'), (3, NULL);\n"
DEEP = b"[" * 100_000
SHAPES = [
    b"", b" ", b"\n\n", b"\0", b"\xff\xfe", b"\xef\xbb\xbf", b"{", b"[", b"]", b"null", b"1", b'"t"', b"{}", b"[]",
    b"[[]]", b"[1]", b"[{}]", b'{"t": {}}', b'{"t": []}', b'{"t": [{}], "u": [{}]}', b'{"metadata": 1, "t": [{}]}',
    b'{"metadata": {}, "t": [{"id": 1, "id": 2}]}', b'{"t": [{"id": 1}], "t": [{"id": 1}]}', b'[{"id": NaN}]',
    b'[{"id": 1e999}]', b'[{"id": -Infinity}]', b'[{"id": "\\ud800"}]', b'[{"\\ud800": 1}]', b'[{"id": %b}]' % (b"9" * 5000),
    b'[{"id": {"a": []}}]', b'{"id": 1}\n{"id": 2}', b'{"id": 1}\nbroken', b'{"id": 1} {"id": 2}', b"[{}]broken",
    DEEP, b"[{}, %b" % DEEP, b'[{"id": %b1%b}]' % (b"[" * 900, b"]" * 900), b'[{"id": %b1%b}]' % (b"[" * 5000, b"]" * 5000),
    b'[{"x": "\xff"}]', b'[{"x": "a\nb"}]', b"[{'id': 1}]", b"\x1f\x8b", b"\x1f\x8b\x08\x00broken", b"\xfd7zXZ\0",
    gzip.compress(b"[{}]")[:-4], gzip.compress(b'{"id": 1}\n'), "[{}]".encode("utf-16"), "[{}]".encode("utf-32")[:-1],
]  # fmt: skip
FORMATS = [("envelope", False), ("array", False), ("ndjson", False), ("envelope", True), ("ndjson", True)]


class Folder:
    """An exported table, and what is found of its file when its content is another."""

    def __init__(self, folder: Path, form: str = "envelope", *, compress: bool = False) -> None:
        self.shape = {"format": form, "compress": compress}
        url = f"sqlite:///{folder / 'app.db'}"
        execute(url, TABLE)
        (file,) = exported(url, folder / "out", **self.shape).files
        self.runner: SyncRunner = runner_on(url, folder / "out")
        self.file = Path(file.file)
        self.sound = self.file.read_bytes()

    def found(self, content: bytes, file: Path | None = None) -> ExportedFile:
        """What a verification finds, after a check that must see it too."""
        (file or self.file).write_bytes(content)
        (checked,) = self.runner.export(check=True, **self.shape).files
        spoilt = file is None and content != self.sound
        assert checked.status == "stale" or not spoilt or self.shape["compress"]  # a packed file's head says little
        (found,) = self.runner.export(verify_only=True, validate=True, **self.shape).files
        return found


@pytest.mark.slow
@pytest.mark.parametrize(("form", "compress"), FORMATS)
def test_any_content_of_a_file_is_a_difference(tmp_path, form, compress):
    """Whatever stands where an exported file stood, a verification says that it is different, and why."""
    folder = Folder(tmp_path, form, compress=compress)
    for content in [*SHAPES, *map(gzip.compress, SHAPES if compress else ())]:
        found = folder.found(content)
        assert found.status == "different", content
        assert found.differences


@pytest.mark.slow
@pytest.mark.parametrize(("form", "compress"), FORMATS)
def test_any_byte_may_be_lost(tmp_path, form, compress):
    """Cut off after any byte, and with any byte another, a file is different, or says the same in other words."""
    folder = Folder(tmp_path, form, compress=compress)
    for place in range(0, len(folder.sound), 7):
        assert folder.found(folder.sound[:place]).status == "different"
        for byte in b'\xff"':
            changed = folder.sound[:place] + bytes([byte]) + folder.sound[place + 1 :]
            assert folder.found(changed).status in ("different", "verified")


def test_text_behind_the_end_is_told_with_its_place(tmp_path):
    """Text behind the end of a file is told as it is of any file that is not JSON, with its byte."""
    folder = Folder(tmp_path)
    found = folder.found(folder.sound + b"broken\n")
    place = f"(line {folder.sound.count(10) + 1}, column 1, byte {len(folder.sound):,})"
    assert found.differences == (f"t.json is not valid JSON: text behind the JSON ('broken') {place}",)


@pytest.mark.mostly_slow
@pytest.mark.parametrize("beside", ["t.schema.json", "t.metadata.json"])
def test_any_content_of_the_files_beside_is_an_answer(tmp_path, beside):
    """A schema or metadata that is spoilt never raises: it is what is wrong with the file, or holds for its records."""
    folder = Folder(tmp_path, "array")
    for content in SHAPES:
        found = folder.found(content, folder.file.with_name(beside))
        assert found.status in ("different", "verified")
        assert found.records == 3


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Folder:
    return Folder(tmp_path_factory.mktemp("folder"))


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["id", "x", "t", "metadata"]) | st.text(), inner),
)


@pytest.mark.slow
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(content=st.binary() | VALUES.map(lambda value: json.dumps(value).encode()))
def test_no_content_raises(folder, content):
    """Neither random bytes nor random JSON can end a verification otherwise than with an answer."""
    assert folder.found(content).status == "different"
