"""What a file of others may ask of us: rows S4 and S8 of the cases of safety."""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest

from json2db_sync import JSON2DBConfig, SyncRunner
from json2db_sync.errors import FileError
from json2db_sync.limits import Limits
from json2db_sync.sources import bytestream, reader
from json2db_sync.sources.bytestream import ByteStream
from json2db_sync.sources.decoder import Decoder

ONE = b'[{"id": 1}]'


def folder_with(tmp_path: Path, **files: bytes) -> Path:
    """A folder of these files, each a name with _ for its dots."""
    folder = tmp_path / "in"
    folder.mkdir(exist_ok=True)
    for name, data in files.items():
        (folder / name.replace("_", ".")).write_bytes(data)
    return folder


def unpacked(path: Path, limits: Limits | None = None) -> bytes:
    with ByteStream(path, path.name, limits or Limits()) as stream:
        return b"".join(iter(stream.read, b""))


def big_window(name: str) -> bytes:
    """A small file that asks for a window of 1 GiB."""
    if name == "xz":
        filters = [{"id": lzma.FILTER_LZMA2, "preset": 0, "dict_size": 2**30}]
        return lzma.compress(ONE, lzma.FORMAT_XZ, filters=filters)
    zstd = import_module("backports.zstd")
    compressor = zstd.ZstdCompressor(options={zstd.CompressionParameter.window_log: 30})
    return compressor.compress(ONE) + compressor.flush()  # of unknown size, so that the window stays


@pytest.mark.parametrize("packing", ["xz", "zst"])
def test_s4_a_packed_file_that_asks_for_much_memory_is_refused(packing: str, tmp_path: Path) -> None:
    folder = folder_with(tmp_path, **{f"a_json_{packing}": big_window(packing), "b_json": ONE})
    result = SyncRunner(tmp_path / "a.db", folder).populate()
    (refused,) = result.refused_files
    assert (refused.reason, result.rows) == ("limit_exceeded", 1)
    assert "MB of memory" in refused.error
    assert "unpack it yourself" in (refused.hint or "")


@pytest.mark.parametrize("pack", [lzma, bz2])
def test_s4_packed_streams_follow_each_other_with_zeros_between(pack: ModuleType, tmp_path: Path) -> None:
    parts = [pack.compress(b'[{"id": 1},'), b"\0" * 8, pack.compress(b""), pack.compress(b'{"id": 2}]'), b"\0" * 4]
    path = folder_with(tmp_path, a_json_xz=b"".join(parts)) / "a.json.xz"
    assert json.loads(unpacked(path)) == [{"id": 1}, {"id": 2}]


@pytest.mark.parametrize("pack", [lzma, bz2])
@pytest.mark.parametrize("part", [slice(-20), slice(7), None])
def test_s4_what_is_cut_off_or_goes_on_as_something_else_is_refused(
    pack: ModuleType, part: slice | None, tmp_path: Path
) -> None:
    data = pack.compress(ONE * 99)
    path = folder_with(tmp_path, a_json_xz=data + b"x" * 8 if part is None else data[part]) / "a.json.xz"
    with pytest.raises(FileError) as raised:
        unpacked(path)
    assert raised.value.reason == "cannot_unpack"


def test_s8_a_file_that_unpacks_to_too_much_is_refused_with_the_setting(tmp_path: Path) -> None:
    folder = folder_with(tmp_path, a_json_gz=gzip.compress(b"[" + b" " * 3_000_000 + b'{"id": 1}]'), b_json=ONE)
    config = JSON2DBConfig(limits={"unpacked_bytes": 1_000_000})
    (refused,) = (result := SyncRunner(tmp_path / "a.db", folder, config=config).populate()).refused_files
    assert (refused.reason, refused.context["setting"]) == ("limit_exceeded", "limits.unpacked_bytes")
    assert "more than 1,000,000 bytes once it is unpacked (gzip)" in refused.error
    assert "JSON2DB_LIMITS_UNPACKED_BYTES" in (refused.hint or "")
    assert result.rows == 1
    assert SyncRunner(tmp_path / "b.db", folder).populate().rows == 2


def test_s8_a_bomb_is_refused_by_its_ratio(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bytestream, "RATIO_FROM", 2**20)
    data = gzip.compress(b"[" + b" " * 2**24 + b"]", 1)
    path = folder_with(tmp_path, a_json_gz=data) / "a.json.gz"
    with pytest.raises(FileError, match="unpacks to more than 200 times its size") as raised:
        unpacked(path)
    assert raised.value.reason == "limit_exceeded"
    assert len(unpacked(path, Limits(ratio=10_000))) == 2**24 + 2


def test_s8_a_file_of_too_many_entities_is_refused_before_tables_are_made(tmp_path: Path) -> None:
    lists = {f"list{number}": [{"id": 1}] for number in range(3000)}
    folder = folder_with(tmp_path, a_json=json.dumps(lists).encode(), b_json=ONE)
    (refused,) = (result := SyncRunner(tmp_path / "a.db", folder).populate()).refused_files
    assert (refused.reason, refused.context["setting"]) == ("limit_exceeded", "limits.entities")
    assert "holds 3,000 entities, more than 100" in refused.error
    assert (result.rows, list(result.entities)) == (1, ["b"])


DENSE = [
    b'{"id": 2, "x": [' + b",".join([b'{"a": 1}'] * 3_000) + b"]}",
    b'{"id": 2, "x": [' + b",".join([b'"\\"[,{"'] * 3_000 + [b"[1]"] * 3_000) + b"]}",
]


@pytest.mark.parametrize("record", DENSE, ids=["objects", "texts and lists"])
@pytest.mark.parametrize("form", ["array", "lines", "object", "envelope"])
def test_s4_a_record_of_too_many_nodes_is_rejected_on_both_paths(form: str, record: bytes, tmp_path: Path) -> None:
    name, text = {
        "array": ("a_json", b'[{"id": 1},' + record + b"]"),
        "lines": ("a_ndjson", b'{"id": 1}\n' + record),
        "object": ("a_json", record),
        "envelope": ("a_json", b'{"page": 1, "data": [{"id": 1}, ' + record + b"]}"),
    }[form]
    folder = folder_with(tmp_path, **{name: text})
    config = JSON2DBConfig(limits={"nodes": 6_000})
    for number, batch_path in enumerate((True, False)):
        runner = SyncRunner(tmp_path / f"{number}.db", folder, config=config)
        runner._batch_path = batch_path
        (rejected,) = (result := runner.populate()).rejected_records
        assert "more than 6,000 values, objects and arrays" in rejected.reason
        assert "limits.nodes (JSON2DB_LIMITS_NODES)" in rejected.reason
        assert result.rows == (form != "object")
        assert runner.verify(full=True).success
    assert not SyncRunner(tmp_path / "all.db", folder).populate().rejected_records


@pytest.mark.parametrize("nodes", [5, 6, 7])
def test_s4_nodes_are_values_objects_and_arrays(nodes: int) -> None:
    text = '{"a[,": [1, {}, [ ]], "b": "{,\\\\\\""}' + " " * 20  # 6: the record, a list of three, a text
    decoder = Decoder(Limits(nodes=nodes))
    _value, end = decoder.decode(text, 0)
    assert (decoder.problem is None, end) == (nodes >= 6, len(text) - 20)


@pytest.mark.parametrize("start", ["[", '{"a":', '{"b": 1, "a": [', '[{"id": 1, "x": [['])
def test_s8_endless_nesting_is_refused(start: str, tmp_path: Path) -> None:
    folder = folder_with(tmp_path, a_json=start.encode() * 100_000)
    assert SyncRunner(tmp_path / "a.db", folder).populate().refused_files[0].reason == "file_cut_off"


@pytest.mark.parametrize(("start", "end"), [("[", "]"), ('{"a":', "}"), ('{"b": "]}\\"", "a": [', "]}")])
def test_s8_a_record_that_is_nested_deep_is_rejected_and_the_next_is_loaded(
    start: str, end: str, tmp_path: Path
) -> None:
    deep = f'[{{"id": 1, "x": {start * 50_000}1{end * 50_000}}}, {{"id": 2}}]'
    result = SyncRunner(tmp_path / "a.db", folder_with(tmp_path, a_json=deep.encode())).populate()
    assert (result.rows, [one.reason for one in result.rejected_records]) == (
        1, ["it is nested more than 400 levels deep"],
    )  # fmt: skip


@pytest.mark.parametrize("blank", [b" ", b"\n", b"\r\n\t "])
def test_s8_blanks_are_passed_quickly(blank: bytes, tmp_path: Path) -> None:
    folder = folder_with(
        tmp_path, a_json=b"[" + blank * 500_000 + b'{"id": 1}]', b_ndjson=blank * 50_000 + b'{"id": 1}'
    )
    assert SyncRunner(tmp_path / "a.db", folder).populate().rows == 2


def test_s8_too_many_child_tables_are_refused_before_they_are_made(tmp_path: Path) -> None:
    wide = [{"id": 1, **{f"list{number}": [{"a": 1}] for number in range(300)}}]
    folder = folder_with(tmp_path, a_json=json.dumps(wide).encode(), b_json=ONE)
    (refused,) = (result := SyncRunner(tmp_path / "a.db", folder).populate()).refused_files
    assert (refused.reason, refused.context["setting"]) == ("limit_exceeded", "limits.child_tables")
    assert "lists of a would become 300 tables, more than 100" in refused.error
    assert (result.rows, list(result.entities)) == (1, ["b"])
    children = {"a": {f"list{number}": False for number in range(250)}}
    config = JSON2DBConfig(processing={"children": children})
    assert SyncRunner(tmp_path / "b.db", folder, config=config).populate().rows == 52


def test_s8_keys_that_are_data_make_no_columns_without_end(tmp_path: Path) -> None:
    records = [{"id": row, **{f"k{row}_{number}": 1 for number in range(20)}} for row in range(300)]
    records.append({"id": 300, "k" * 5000: 1, "l" * 5000: 2})
    runner = SyncRunner(tmp_path / "a.db", folder_with(tmp_path, a_json=json.dumps(records).encode()))
    assert runner.populate().rows == 301
    assert runner.verify(full=True).success


def test_s8_entities_with_very_long_keys_are_told_apart(tmp_path: Path) -> None:
    lists = {"e" * 100_000 + end: [{"id": 1}] for end in "ab"}
    result = SyncRunner(tmp_path / "a.db", folder_with(tmp_path, a_json=json.dumps(lists).encode())).populate()
    assert (result.rows, len(result.entities)) == (2, 2)
    assert all(len(name) < 520 for name in result.entities)


@pytest.mark.parametrize(("wrong", "told"), [(5_000, "and 4,999 more"), (30_000, "the first; the record is too large")])
def test_s4_of_many_violations_a_hundred_are_told_and_of_a_large_record_the_first(
    wrong: int, told: str, tmp_path: Path
) -> None:
    schemas = tmp_path / "schemas"
    schemas.mkdir()
    (schemas / "a.schema.json").write_text('{"properties": {"x": {"items": {"type": "integer"}}}}')
    record = json.dumps([{"id": 1, "x": ["a"] * wrong}, {"id": 2, "x": [1]}]).encode()
    config = JSON2DBConfig(validation={"schema_directory": schemas})
    runner = SyncRunner(tmp_path / "a.db", folder_with(tmp_path, a_json=record), config=config)
    (rejected,) = (result := runner.populate()).rejected_records
    assert '"a" is not of type "integer"' in rejected.reason
    assert told in rejected.reason
    assert result.rows == 1


@pytest.mark.parametrize("value", [b"1", b'"x"', b"nonsense"])
def test_s8_a_file_of_values_that_are_no_records_is_refused_early(
    value: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader, "MAX_STRAY", 100)
    array = b"1" if value == b"nonsense" else value
    forms = {"a_json": b"[" + b",".join([array] * 102) + b"]", "b_ndjson": b"\n".join([value] * 102)}
    result = SyncRunner(tmp_path / "a.db", folder_with(tmp_path, **forms)).populate()
    assert [one.reason for one in result.refused_files] == ["no_records"] * 2
    assert all("more than 100 values at its beginning" in one.error for one in result.refused_files)


@pytest.mark.parametrize(("letter", "refused"), [("é", False), ("😀", True), (r"\ud83d\ude00", True)])
def test_s4_a_record_counts_by_what_its_text_takes_in_memory(letter: str, refused: bool, tmp_path: Path) -> None:
    record = f'{{"id": 1, "x": "{"y" * 1_500_000}{letter}"}}'.encode()
    folder = folder_with(tmp_path, a_json=b"[" + record + b"]", b_ndjson=b'{"id": 2}\n' + record + b"\n")
    result = SyncRunner(tmp_path / "a.db", folder, config=JSON2DBConfig(processing={"memory_limit": 16})).populate()
    assert [one.reason for one in result.refused_files] == ["record_too_large"] * 2 * refused


MEASURED = """
import json, re, resource, sys
from json2db_sync import SyncRunner
runner = SyncRunner(sys.argv[1], sys.argv[2])
for operation in ("analyze", "populate", "verify", "status", "report"):
    result = getattr(runner, operation)()
    if operation == "populate":
        told = [*(one.reason for one in result.refused_files), *(one.reason for one in result.rejected_records)]
with open("/proc/self/status") as status:  # resource tells of the process before it began this program, too
    own = int(re.search(r"VmHWM:\\s+(\\d+)", status.read())[1])
print(json.dumps([told, max(own, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss) // 1024]))
"""
"""All operations, with the peak of memory of this process and its helpers in MB."""


def small_objects() -> bytes:
    return b",".join([b'{"a":1}'] * 7_000_000)


HOSTILE = {
    "many members": ("a_json_gz", lambda: gzip.compress(b"[") + gzip.compress(b"") * 50_000 + gzip.compress(ONE[1:])),
    "gigabytes of blanks": ("a_json_gz", lambda: gzip.compress(b"[" + b" " * 500_000_000 + b"]", 1)),
    "blanks": ("a_json", lambda: b"[" + b" " * 100_000_000 + b'{"id": 1}]'),
    "empty lines": ("a_ndjson", lambda: b"\n" * 100_000_000 + b'{"id": 1}'),
    "a line without end": ("a_ndjson", lambda: b'{"id": 1, "x": [' + b"1," * 50_000_000),
    "brackets": ("a_json", lambda: b"[" * 8_000_000),
    "objects": ("a_json", lambda: b'{"a":' * 4_000_000),
    "deep": ("a_json", lambda: b'[{"id":1,"x":' + b'{"a":' * 2_000_000 + b"1" + b"}" * 2_000_000 + b"}]"),
    "a text": ("a_json", lambda: b'[{"id": 1, "x": "' + b"y" * 100_000_000 + b'"}]'),
    "a text of wide letters": ("a_json", lambda: b'[{"id": 1, "x": "' + b"y" * 60_000_000 + "😀".encode() + b'"}]'),
    "a line of wide letters": ("a_ndjson", lambda: b'{"id": 1, "x": "' + b"y" * 60_000_000 + "😀".encode() + b'"}\n'),
    "quotation marks": ("a_json", lambda: b'[{"id": 1, "x": "' + b'\\"' * 30_000_000),
    "digits": ("a_json", lambda: b'[{"id": 1, "x": ' + b"9" * 10_000_000 + b"}]"),
    "a key": ("a_json", lambda: b'[{"id": 1, "' + b"k" * 10_000_000 + b'": 1}]'),
    "small objects": ("a_json", lambda: b'[{"id": 1, "x": [' + small_objects() + b"]}]"),
    "small objects in a line": ("a_ndjson", lambda: b'{"id": 1, "x": [' + small_objects() + b"]}"),
    "small objects in an object": ("a_json", lambda: b'{"id": 1, "x": {"y": [' + small_objects() + b"]}}"),
    "numbers": ("a_json", lambda: b'[{"id": 1, "x": [' + b"0," * 28_000_000 + b"0]}]"),
    "values": ("a_json", lambda: b"[" + b"1," * 10_000_000 + b"1]"),
    "lists": ("a_json", lambda: json.dumps({f"l{n}": [{"id": i} for i in range(800)] for n in range(1000)}).encode()),
    "keys": ("a_json", lambda: json.dumps([{"id": 1, **{f"k{n}": n for n in range(100_000)}}]).encode()),
    "child lists": ("a_json", lambda: json.dumps([{"id": 1, **{f"k{n}": [{}] for n in range(3000)}}]).encode()),
    "keys that are data": (
        "a_json", lambda: json.dumps([{"id": i, **{f"k{i}_{n}": n for n in range(20)}} for i in range(5000)]).encode()),
}  # fmt: skip
LOADED = ("many members", "blanks", "empty lines", "a key", "keys", "keys that are data")


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is told by Linux alone")
@pytest.mark.parametrize("name", HOSTILE)
def test_s4_s8_hostile_files_stay_within_memory_and_time(name: str, tmp_path: Path) -> None:
    file, content = HOSTILE[name]
    folder = folder_with(tmp_path, **{file: content()})
    arguments = [sys.executable, "-c", MEASURED, str(tmp_path / "a.db"), str(folder)]
    answer = subprocess.run(arguments, capture_output=True, text=True, check=True, timeout=240)
    told, peak = json.loads(answer.stdout)
    assert bool(told) == (name not in LOADED)
    assert peak < 512 + 100
