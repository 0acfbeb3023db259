"""What a file of others may ask of us: rows S4 and S8 of the cases of safety."""

from __future__ import annotations

import gzip
import json
import lzma
from importlib import import_module
from pathlib import Path

import pytest

from json2db_sync import JSON2DBConfig, SyncRunner
from json2db_sync.errors import FileError
from json2db_sync.limits import RATIO_FROM, Limits
from json2db_sync.sources.bytestream import ByteStream

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


def test_s4_streams_of_xz_follow_each_other_with_zeros_between(tmp_path: Path) -> None:
    parts = [lzma.compress(b'[{"id": 1},'), b"\0" * 8, lzma.compress(b""), lzma.compress(b'{"id": 2}]'), b"\0" * 4]
    path = folder_with(tmp_path, a_json_xz=b"".join(parts)) / "a.json.xz"
    assert json.loads(unpacked(path)) == [{"id": 1}, {"id": 2}]


@pytest.mark.parametrize(
    "data", [lzma.compress(ONE * 99)[:-20], lzma.compress(ONE) + b"x" * 8, lzma.compress(ONE)[:7]], ids=str
)
def test_s4_damaged_xz_is_refused(data: bytes, tmp_path: Path) -> None:
    path = folder_with(tmp_path, a_json_xz=data) / "a.json.xz"
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


def test_s8_a_bomb_is_refused_by_its_ratio(tmp_path: Path) -> None:
    data = gzip.compress(b"[" + b" " * (RATIO_FROM + 2**20) + b"]", 1)
    path = folder_with(tmp_path, a_json_gz=data) / "a.json.gz"
    with pytest.raises(FileError, match="unpacks to more than 200 times its size") as raised:
        unpacked(path)
    assert raised.value.reason == "limit_exceeded"
    assert len(unpacked(path, Limits(ratio=10_000))) > RATIO_FROM


def test_s8_a_file_of_too_many_entities_is_refused_before_tables_are_made(tmp_path: Path) -> None:
    lists = {f"list{number}": [{"id": 1}] for number in range(3000)}
    folder = folder_with(tmp_path, a_json=json.dumps(lists).encode(), b_json=ONE)
    (refused,) = (result := SyncRunner(tmp_path / "a.db", folder).populate()).refused_files
    assert (refused.reason, refused.context["setting"]) == ("limit_exceeded", "limits.entities")
    assert "holds 3,000 entities, more than 100" in refused.error
    assert (result.rows, list(result.entities)) == (1, ["b"])
