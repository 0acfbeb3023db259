"""Files that mean harm: each a small world with what it must not reach beside it. ``python hostile_files.py FOLDER``.

::

    WORLD/work      the current folder: database, exports, settings; all that is written lies here
    WORLD/source    what is loaded; stays as it is
    WORLD/victim    what nobody named: neither read nor written
"""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
import os
import random
import shutil
import socket
import sqlite3
import struct
import sys
import zlib
from collections.abc import Callable, Iterable, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

GIB = 1 << 30
MIB = 1 << 20
CANARY = "canary-of-the-victim"
"""Stands in every file of the victim's, and in nothing that comes out."""
CLOSED_PORT = 9
HONEST = {
    "things": [
        {"id": n, "name": f"thing {n}", "price": n / 4, "parts": [{"part": n, "weight": 1.5}]} for n in range(8)
    ],
    "people": [{"id": n, "name": f"person {n}", "thing_id": n} for n in range(8)],
}

Maker = Callable[["World"], None]
Content = bytes | str | Iterable[bytes]


@dataclass(frozen=True)
class World:
    """One case's folders."""

    path: Path
    port: int = CLOSED_PORT
    """Of this machine, where a request would be noticed."""

    @property
    def work(self) -> Path:
        return self.path / "work"

    @property
    def source(self) -> Path:
        return self.path / "source"

    @property
    def victim(self) -> Path:
        return self.path / "victim"

    @property
    def data(self) -> Path:
        return self.work / "data"

    @property
    def staging(self) -> Path:
        return self.data / ".json2db-export"

    @property
    def database(self) -> Path:
        return self.work / "db.sqlite"

    def edit(self, *statements: str, **values: Any) -> None:
        with closing(sqlite3.connect(self.database)) as connection, connection:
            for one in statements:
                connection.execute(one, {name: values[name] for name in values if f":{name}" in one})


@dataclass(frozen=True)
class Hostile:
    """A case: what is made, and what is right."""

    name: str
    area: str
    what: str
    make: Callable[[World], None]
    right: frozenset[str] = frozenset()
    """Codes of errors or notes, one of which must be told; none: a right result will do as well."""
    slow: bool = False
    environment: Mapping[str, str] = field(default_factory=dict)
    may_read: bool = False
    """May the victim's files be opened for reading? Where a database names them as what was loaded, to be compared."""


CASES: dict[str, Hostile] = {}


def hostile(
    area: str,
    what: str,
    right: str = "",
    *,
    slow: bool = False,
    environment: Mapping[str, str] | None = None,
    may_read: bool = False,
) -> Callable[[Maker], Maker]:
    """Register a function that makes a case; its name is the case's."""

    def register(make: Maker) -> Maker:
        name = make.__name__
        assert name not in CASES
        CASES[name] = Hostile(name, area, what, make, frozenset(right.split()), slow, environment or {}, may_read)
        return make

    return register


# Making


def write(path: Path | bytes, content: Content) -> None:
    if isinstance(path, Path):
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.is_symlink() or path.exists():
            path.unlink()
    with open(path, "wb") as file:
        if isinstance(content, str):
            content = content.encode("utf-8", "surrogatepass")
        file.writelines([content] if isinstance(content, bytes) else content)


def dump(path: Path, value: object) -> None:
    write(path, json.dumps(value))


def sparse(path: Path, size: int, head: bytes = b"", tail: bytes = b"") -> None:
    """Takes no room on the disk."""
    write(path, head)
    with path.open("r+b") as file:
        file.truncate(size)
        file.seek(size - len(tail))
        file.write(tail)


def pipe(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    os.mkfifo(path)


def link(path: Path, target: Path | str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
    path.symlink_to(target)


def repeated_gzip(unit: bytes, times: int, head: bytes = b"", tail: bytes = b"") -> bytes:
    """One gzip member; the unit is packed once."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    start = packer.compress(head) + packer.flush(zlib.Z_FULL_FLUSH)
    middle = packer.compress(unit) + packer.flush(zlib.Z_FULL_FLUSH)
    end = packer.compress(tail) + packer.flush()
    crc = zlib.crc32(head)
    for _ in range(times):
        crc = zlib.crc32(unit, crc)
    size = len(head) + len(unit) * times + len(tail)
    trailer = struct.pack("<II", zlib.crc32(tail, crc), size & 0xFFFFFFFF)
    return b"\x1f\x8b\x08\0\0\0\0\0\0\xff" + start + middle * times + end + trailer


def xz_of_large_dictionary(unit: bytes, times: int, head: bytes, tail: bytes) -> bytes:
    """An xz file that asks for a dictionary of 1 GiB and fills it: chunks of LZMA2 that keep it, packed once."""
    filters = [{"id": lzma.FILTER_LZMA2, "dict_size": MIB, "lc": 0, "lp": 0, "pb": 0}]

    def chunks(data: bytes, *, first: bool = False) -> bytes:
        packed = bytearray(lzma.compress(data, lzma.FORMAT_RAW, filters=filters)[:-1]) if data else bytearray()
        if packed and not first and packed[0] >= 0xE0:
            packed[0] -= 0x20  # new properties and state, and the dictionary as it is
        elif packed and not first and packed[0] == 1:
            packed[0] = 2
        return bytes(packed)

    blocks = chunks(head, first=True) + chunks(unit) * times + chunks(tail) + b"\0"
    header = b"\x02\0\x21\x01\x24" + b"\0" * 3  # 12 bytes with its checksum, one filter, 1 GiB
    block = header + struct.pack("<I", zlib.crc32(header)) + blocks
    padding = -len(block) % 4
    size = len(head) + len(unit) * times + len(tail)
    index = b"\0\x01" + _varint(len(block)) + _varint(size)
    index += b"\0" * (-len(index) % 4)
    index += struct.pack("<I", zlib.crc32(index))
    footer = struct.pack("<I", len(index) // 4 - 1) + b"\0\0"
    flags = b"\xfd7zXZ\0\0\0" + struct.pack("<I", zlib.crc32(b"\0\0"))
    return flags + block + b"\0" * padding + index + struct.pack("<I", zlib.crc32(footer)) + footer + b"YZ"


def _varint(number: int) -> bytes:
    found = bytearray()
    while number >= 0x80:
        found.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*found, number])


def zstd() -> Any:
    with suppress(ImportError):
        from compression import zstd as built_in  # type: ignore[import-not-found,unused-ignore]

        return built_in
    from backports import zstd as installed  # type: ignore[import-not-found,unused-ignore]

    return installed


def small_objects(size: int) -> Iterable[bytes]:
    """Objects by the million, without end until so many bytes."""
    draw = random.Random(7)
    block = b"".join(b'{"a":%d},' % draw.randrange(1000) for _ in range(110_000))[:MIB]
    block = block[: block.rindex(b"{")]
    yield from (block for _ in range(size // len(block)))


# Packed files


@hostile("source", "2 GB of blanks before the records, in 2 MB", "limit_exceeded cannot_unpack", slow=True)
def gzip_of_blanks(world: World) -> None:
    write(world.source / "things.json.gz", repeated_gzip(b" " * (16 * MIB), 128, b"[", b'{"id": 1}]'))


@hostile("source", "a text of 2 GB, in 2 MB", slow=True)
def gzip_of_one_text(world: World) -> None:
    write(world.source / "things.json.gz", repeated_gzip(b"x" * (16 * MIB), 128, b'[{"id": "', b'"}]'))


@hostile("source", "1 million like records, in 30 kB")
def gzip_of_records(world: World) -> None:
    write(world.source / "things.json.gz", repeated_gzip(b'{"id": 1},\n' * 400_000, 2, b"[", b'{"id": 1}]'))


@hostile("source", "128 members of 16 MB each", slow=True)
def gzip_of_members(world: World) -> None:
    write(world.source / "things.json.gz", gzip.compress(b" " * (16 * MIB)) * 128 + gzip.compress(b'[{"id": 1}]'))


@hostile("source", "100,000 members of nothing")
def gzip_of_empty_members(world: World) -> None:
    write(world.source / "things.json.gz", gzip.compress(b"") * 100_000 + gzip.compress(b'[{"id": 1}]'))


@hostile("source", "a gzip header whose file name has 3 MB")
def gzip_with_long_name(world: World) -> None:
    packed = gzip.compress(b'[{"id": 1}]')
    write(world.source / "things.json.gz", packed[:3] + b"\x08" + packed[4:10] + b"n" * (3 * MIB) + b"\0" + packed[10:])


@hostile("source", "gzip within gzip within gzip")
def gzip_in_gzip(world: World) -> None:
    inner = repeated_gzip(b" " * (16 * MIB), 16, b"[", b'{"id": 1}]')
    write(world.source / "things.json.gz", gzip.compress(gzip.compress(inner)))


@hostile("source", "1.5 GB behind a dictionary of 1 GiB, in 240 kB", "cannot_unpack limit_exceeded", slow=True)
def xz_with_large_dictionary(world: World) -> None:
    packed = xz_of_large_dictionary(b" " * (16 * MIB), 96, b"[", b'{"id": 1}]')
    write(world.source / "things.json.xz", packed)


@hostile("source", "one record and a dictionary of 1 GiB that nothing fills")
def xz_with_needless_dictionary(world: World) -> None:
    write(world.source / "things.json.xz", xz_of_large_dictionary(b" ", 1, b"[", b'{"id": 1}]'))


@hostile("source", "2 GB, in 2 kB", slow=True)
def bzip2_bomb(world: World) -> None:
    packed = bz2.compress(b" " * (16 * MIB)) * 128
    write(world.source / "things.json.bz2", bz2.compress(b"[") + packed + bz2.compress(b'{"id": 1}]'))


@hostile("source", "2 GB in one frame", slow=True)
def zstd_bomb(world: World) -> None:
    unit = zstd().compress(b" " * (64 * MIB))
    write(world.source / "things.json.zst", zstd().compress(b"[") + unit * 32 + zstd().compress(b'{"id": 1}]'))


@hostile("source", "a frame that asks for a window of 2 GB")
def zstd_with_large_window(world: World) -> None:
    window = bytes([0x28, 0xB5, 0x2F, 0xFD, 0x00, 21 << 3])  # 2^31 bytes
    text = b'[{"id": 1}]'
    block = struct.pack("<I", len(text) << 3 | 1)[:3] + text
    write(world.source / "things.json.zst", window + block)


@hostile("source", "packed files that are cut off, of each packing")
def packs_cut_off(world: World) -> None:
    text = json.dumps(HONEST["things"] * 50).encode()
    pack = {"gz": gzip.compress, "bz2": bz2.compress, "xz": lzma.compress, "zst": zstd().compress}
    for suffix, packed in ((suffix, packed(text)) for suffix, packed in pack.items()):
        write(world.source / f"half_{suffix}.json.{suffix}", packed[: len(packed) // 2])
        write(world.source / f"head_{suffix}.json.{suffix}", packed[:7])
        write(world.source / f"more_{suffix}.json.{suffix}", packed + b"garbage behind it")


@hostile("source", "12 MB of blanks before one record")
def blanks(world: World) -> None:
    world.source.mkdir(exist_ok=True)
    write(world.source / "things.json", (b" \n\t\r" * (MIB // 4) for _ in range(12)))
    with (world.source / "things.json").open("ab") as file:
        file.write(b'[{"id": 1}]')


@hostile("source", "2 GB of NUL that take no room on the disk")
def sparse_file(world: World) -> None:
    sparse(world.source / "things.json", 2 * GIB)


@hostile("source", "a list of one record, and 2 GB of NUL inside a text of it", slow=True)
def sparse_text(world: World) -> None:
    sparse(world.source / "things.json", 2 * GIB, b'[{"id": "', b'"}]')


# Links, pipes and what else is no file


@hostile("source", "data that are links to files of the system")
def links_to_system_files(world: World) -> None:
    link(world.source / "passwd.json", "/etc/passwd")
    link(world.source / "shadow.json", "/etc/shadow")
    link(world.source / "environ.json", "/proc/self/environ")
    link(world.source / "memory.json", "/proc/self/mem")


@hostile("source", "data that are links to devices which never end", "not_a_file")
def links_to_devices(world: World) -> None:
    link(world.source / "zero.json", "/dev/zero")
    link(world.source / "chance.json.gz", "/dev/urandom")
    link(world.source / "asked.json", "/dev/stdin")
    link(world.source / "terminal.json", "/dev/tty")


@hostile("source", "links to nothing and to each other")
def links_to_nothing(world: World) -> None:
    link(world.source / "lost.json", "nowhere/at/all.json")
    link(world.source / "one.json", "other.json")
    link(world.source / "other.json", "one.json")
    link(world.source / "self", "self")


@hostile("source", "links to folders above, and in a circle")
def links_to_folders(world: World) -> None:
    dump(world.source / "things.json", HONEST["things"])
    link(world.source / "sub" / "up", "..")
    link(world.source / "sub" / "again", "../sub")


@hostile("source", "named pipes in place of data", "not_a_file")
def pipes_as_data(world: World) -> None:
    for name in ("things.json", "more.ndjson", "packed.json.gz"):
        pipe(world.source / name)


@hostile("source", "a socket, and folders that are named like data")
def sockets_and_folders_as_data(world: World) -> None:
    (world.source / "folder.json").mkdir(parents=True)
    (world.source / "full.json.gz").mkdir()
    dump(world.source / "full.json.gz" / "things.json", HONEST["things"])
    here = os.open(".", os.O_RDONLY)
    try:
        os.chdir(world.source)  # a socket's path is short
        with socket.socket(socket.AF_UNIX) as listening:
            listening.bind("socket.json")
    finally:
        os.fchdir(here)
        os.close(here)


@hostile("source", "300 folders within each other")
def deep_folders(world: World) -> None:
    dump(world.source / Path(*["d"] * 300) / "things.json", HONEST["things"])


@hostile("source", "300 files of one record, each an entity", slow=True)
def many_entities(world: World) -> None:
    world.source.mkdir(exist_ok=True)
    for number in range(300):
        (world.source / f"entity_{number}.json").write_text('[{"id": 1}]')


# Names


def _named(world: World, *names: str | bytes) -> None:
    world.source.mkdir(exist_ok=True)
    for name in names:
        raw = os.fsencode(name)
        write(os.fsencode(world.source) + b"/" + raw + b".json", b'[{"id": 1, "name": "x"}]')


@hostile("source", "names of devices on other systems")
def device_names(world: World) -> None:
    _named(world, "CON", "nul", "COM1", "aux.txt", "LPT9", "prn ")


@hostile("source", "escape sequences and line ends in file names")
def control_characters_in_names(world: World) -> None:
    _named(
        world, "a\x1b]0;taken over\x07b", "c\nd", "e\x1b[2J\x1b[1;1Hf", "g\x9b31mh", "i\rj", "k\x08\x08l", "m\x7f", "\t"
    )


@hostile("source", "names that are written from right to left, and invisible ones")
def bidi_names(world: World) -> None:
    _named(world, "a\u202enosj.exe", "b\u2066c\u2069", "d\u200b\u200de", "\ufefff", "g\u2028h", "\u061ci")


@hostile("source", "names as long as names can be")
def long_names(world: World) -> None:
    _named(world, "n" * 250, "\u00e4" * 125, "x_" * 100)


@hostile("source", "names that are options, patterns or templates")
def names_like_code(world: World) -> None:
    _named(
        world, "-rf", "--help", "%s%n%(x)s", "{}", "{0.__class__}", "$(touch x)", "`id`", "[bold]x[red]", "*", "~root"
    )


@hostile("source", "names that are statements")
def names_like_sql(world: World) -> None:
    _named(
        world, 'x"; DROP TABLE json_things; --', "x'; DELETE FROM json_things; --", "x) --", ":name", "?", "a\\'b", '""'
    )


@hostile("source", "names that are no text in any encoding")
def names_of_other_bytes(world: World) -> None:
    _named(world, b"\xff\xfe", b"ok\xed\xa0\x80", b"caf\xe9")


@hostile("source", "names of nothing but dots, and names of our own tables")
def names_of_ours(world: World) -> None:
    _named(
        world, "..", "...", " ", "_", "json2db_runs", "json2db_plans", "sqlite_master", "pg_class", "json_things_flat"
    )
    _named(world, "sync_metadata_z", "things.schema", "things.metadata", "0", "-1")


# Content


@hostile("source", "escape sequences in keys and values")
def control_characters(world: World) -> None:
    sequence = "\x1b]0;taken over\x07 \x1b[2J \x9b31m \u202e \u2066 \x0b \x0c \x08 \x7f \u2028 \r\n"
    rows = [
        {"id": n, f"key {sequence}": sequence, "name": sequence * 3, "list": [{sequence: sequence}]} for n in range(3)
    ]
    dump(world.source / "things.json", [*rows, {"id": 1, "id" + sequence: sequence}])
    dump(world.source / "many.json", {sequence: [{"id": sequence}], "more": [{"id": sequence, sequence: 1}]})


@hostile("source", "NUL in keys and values")
def nul_characters(world: World) -> None:
    rows = [{"id": f"a\0{n}", "a\0b": "x\0y", "\0": "\0", "list": [{"a\0": 1}]} for n in range(3)]
    dump(world.source / "things.json", rows)


@hostile("source", "halves of surrogate pairs in keys, values and ids")
def lone_surrogates(world: World) -> None:
    rows = r'[{"id": "\ud800", "\udfff": "a\udc80", "n": {"\ud83d": 1}}, {"id": "\ud800\ud800", "b": "\udead\ubeef"}]'
    write(world.source / "things.json", rows)


@hostile("source", "8 MB of opening brackets")
def brackets(world: World) -> None:
    write(world.source / "things.json", b"[" * (8 * MIB))


@hostile("source", "8 MB of objects within each other")
def objects_in_objects(world: World) -> None:
    write(world.source / "things.json", b'{"a":' * (8 * MIB // 5))


@hostile("source", "records nested 1,000 and 100,000 levels deep, closed as they should be")
def deep_records(world: World) -> None:
    for levels in (1_000, 100_000):
        write(world.source / f"list{levels}.json", '[{"id":1,"a":' + "[" * levels + "]" * levels + "}]")
        write(world.source / f"object{levels}.json", '[{"id":1,"a":' + '{"b":' * levels + "1" + "}" * levels + "}]")


@hostile("source", "a record of 100,000 keys")
def wide_record(world: World) -> None:
    dump(world.source / "things.json", [{f"key{n}": n for n in range(100_000)}])


@hostile("source", "10,000 records, each with a key of its own")
def keys_without_end(world: World) -> None:
    dump(world.source / "things.json", [{"id": n, f"key{n}": n} for n in range(10_000)])


@hostile("source", "objects within an object, 100,000 of them with other keys")
def paths_without_end(world: World) -> None:
    dump(world.source / "things.json", [{"id": n, "a": {f"b{n}": {f"c{n}": n}}} for n in range(20_000)])


@hostile("source", "an object of 3,000 lists of records")
def lists_in_an_object(world: World) -> None:
    dump(world.source / "things.json", {f"list{n}": [{"id": n}] for n in range(3_000)})


@hostile("source", "a record with 3,000 lists of objects")
def child_lists(world: World) -> None:
    dump(world.source / "things.json", [{"id": 1, **{f"list{n}": [{"x": n}] for n in range(3_000)}}])


@hostile("source", "lists of objects within each other, 6 wide and 6 deep")
def child_lists_in_child_lists(world: World) -> None:
    def nested(depth: int) -> object:
        return [{f"l{n}": nested(depth - 1) for n in range(6)}] if depth else [{"x": 1}]

    dump(world.source / "things.json", [{"id": 1, "a": nested(5)}])


@hostile("source", "lists of lists")
def lists_in_lists(world: World) -> None:
    write(world.source / "things.json", json.dumps([[[[{"id": 1}]] * 50] * 50] * 10))


@hostile("source", "a key of 8 MB")
def long_key(world: World) -> None:
    write(world.source / "things.json", [b'[{"id": 1, "', b"k" * (8 * MIB), b'": 1}]'])


@hostile("source", "a number of 8 million digits")
def many_digits(world: World) -> None:
    write(world.source / "things.json", [b'[{"id": 1, "n": ', b"7" * (8 * MIB), b'}, {"id": 2, "n": 1}]'])


@hostile("source", "many numbers of 4,000 digits, and fractions of them")
def long_numbers(world: World) -> None:
    sevens, threes = "7" * 4_000, "3" * 4_000
    rows = (f'{{"id": {n}, "n": {sevens}, "f": 0.{threes}, "g": {sevens}.5e-300}}' for n in range(200))
    write(world.source / "things.json", "[" + ",".join(rows) + "]")


@hostile("source", "numbers beyond all numbers, as values and as ids")
def numbers_beyond(world: World) -> None:
    numbers = [
        "1e999999999",
        "-1e999999999",
        "1e-999999999",
        "1E400",
        "-0",
        "-0.0",
        "9" * 400,
        "0.1e-9999999999999999999",
    ]
    rows = ",".join(f'{{"id": {n}, "n": {n}, "l": [{{"m": {n}}}]}}' for n in numbers)
    write(world.source / "things.json", f"[{rows}]")
    write(world.source / "words.json", '[{"id": NaN}, {"id": Infinity}, {"id": -Infinity}]')


@hostile("source", "one record of 56 MB of small objects, packed into 12 MB", slow=True)
def record_of_small_objects(world: World) -> None:
    with gzip.open(world.source / "things.json.gz", "wb", 1) as file:
        file.write(b'[{"id": 1, "a": [')
        file.writelines(small_objects(56 * MIB))
        file.write(b'{"a": 1}]}]')


@hostile("source", "one record of 6 MB of the smallest values")
def record_of_small_values(world: World) -> None:
    write(world.source / "things.json", [b'[{"id": 1, "a": [', b"[],{}," * MIB, b"1]}]"])


@hostile("source", "a text of 6 MB, and one that is nearly a date for 2 MB")
def long_texts(world: World) -> None:
    texts = ["x" * (6 * MIB), "2026-11-30" + "T10:00:00" * 200_000, "1" * MIB + ".", "+" * MIB, "\\" * MIB]
    dump(world.source / "things.json", [{"id": n, "text": text} for n, text in enumerate(texts)])


@hostile("source", "5,000 times the same key in one object, at each place")
def keys_again(world: World) -> None:
    again = ",".join(f'"id": {n}' for n in range(5_000))
    write(world.source / "things.json", f'[{{{again}, "a": {{{again}}}, "l": [{{{again}}}]}}, {{"id": 1}}]')


@hostile("source", "keys that are something in other languages")
def keys_of_languages(world: World) -> None:
    names = [
        "__proto__",
        "constructor",
        "toString",
        "__class__",
        "__init__",
        "__slots__",
        "self",
        "None",
        "$ref",
        "$where",
    ]
    dump(world.source / "things.json", [{"id": n, **{name: {"polluted": name} for name in names}} for n in range(3)])


@hostile("source", "keys that are names of our own columns and tables")
def keys_of_ours(world: World) -> None:
    names = ["_rest", "_load", "_hash", "_key", "_row", "_position", "_parent_id", "_gone_since", "data_source"]
    names += ["created_at", "updated_at", "json2db_runs", "rowid", "oid", "ctid", "xmin", "tableoid", "source_name"]
    dump(
        world.source / "things.json",
        [{"id": n, **dict.fromkeys(names, f"v{n}"), "l": [dict.fromkeys(names, 1)]} for n in range(3)],
    )


@hostile("source", "keys that are statements or words of SQL")
def keys_like_sql(world: World) -> None:
    names = [
        "select",
        "order",
        "group",
        "table",
        'a"; DROP TABLE x; --',
        "b'; --",
        ":c",
        "%s",
        "%(d)s",
        "?",
        "",
        " ",
        "e.f",
        "[g]",
    ]
    dump(world.source / "things.json", [{"id": n, **dict.fromkeys(names, f"v{n}")} for n in range(3)])


@hostile("source", "keys that differ by case, accents and width alone")
def keys_alike(world: World) -> None:
    names = [
        "name",
        "Name",
        "NAME",
        "n\u0430me",
        "\uff4eame",
        "name ",
        "na\u0301me",
        "n\u00e1me",
        "name_",
        "k" * 70,
        "k" * 71,
        "K" * 70,
    ]
    dump(world.source / "things.json", [{"id": n, **dict.fromkeys(names, n)} for n in range(3)])


@hostile("source", "UTF-16 and UTF-32 with the wrong byte order mark, or cut off")
def wrong_encodings(world: World) -> None:
    text = json.dumps(HONEST["people"])
    write(world.source / "swapped16.json", b"\xfe\xff" + text.encode("utf-16-le"))
    write(world.source / "swapped32.json", b"\0\0\xfe\xff" + text.encode("utf-32-le"))
    write(world.source / "odd16.json", b"\xff\xfe" + text.encode("utf-16-le")[:-1])
    write(world.source / "odd32.json", b"\xff\xfe\0\0" + text.encode("utf-32-le")[:-3])
    write(world.source / "lone16.json", '[{"id": "'.encode("utf-16") + b"\x00\xd8" + '"}]'.encode("utf-16-le"))
    write(world.source / "marks.json", b"\xef\xbb\xbf" * 1000 + text.encode())


@hostile("source", "bytes that are not UTF-8, in keys, values and between")
def invalid_utf8(world: World) -> None:
    write(
        world.source / "things.json",
        b'[{"id": 1, "a": "\xff"}, {"id": 2, "\xc0\xaf": 1}, {"id": 3, "a": "\xed\xa0\x80"}]',
    )
    write(world.source / "more.ndjson", b'{"id": 1}\n\xfe\xfe\n{"id": 2, "a": "\xf4\x90\x80\x80"}\n')


@hostile("source", "200,000 lines that are no records", slow=True)
def bad_lines(world: World) -> None:
    write(world.source / "things.ndjson", b'{"id": 1}\n' + b"{oh\n" * 200_000 + b'{"id": 2}\n')


@hostile("source", "1 MB of commas, quotes, colons or backslashes")
def punctuation(world: World) -> None:
    for name, text in {"commas": "[" + "," * MIB, "quotes": '"' * MIB, "colons": "{" + ":" * MIB}.items():
        write(world.source / f"{name}.json", text)
    write(world.source / "escapes.json", '[{"id": "' + "\\" * MIB)
    write(world.source / "unclosed.json", '[{"id": "' + "x" * MIB)
    write(world.source / "values.json", "1 " * (MIB // 2))
    write(world.source / "joined.json", '{"id":1}' * (MIB // 8))


@hostile("source", "ids of 1 MB, and ids that are objects, lists or statements")
def strange_ids(world: World) -> None:
    ids: list[object] = [
        "x" * MIB,
        {"a": 1},
        [1, 2],
        "'; DROP TABLE json_things; --",
        True,
        None,
        "",
        10**30,
        -(2**63),
        2**63,
    ]
    dump(world.source / "things.json", [{"id": one, "name": "x"} for one in ids])


# Sessions


def _session(world: World, name: str = "sync_session_2026-11-01_08-00-00") -> Path:
    folder = world.source / name / "raw_json" / "2026-11-01_08-00-00"
    dump(folder / "things.json", HONEST["things"])
    return folder


@hostile("source", "metadata of a sync with values of other kinds")
def metadata_of_other_kinds(world: World) -> None:
    for entity, value in {
        "things": {"record_count": [1], "status": {"a": 1}, "entity": 5, "pages": "x"}, "a": [], "b": "text", "c": None,
        "d": {"record_count": -1, "status": None}, "e": {"record_count": 10**400, "status": "\x1b[2J"}, "f": {"record_count": 1e308},
        "g": {"record_count": True, "sync_timestamp": "../../victim"},
    }.items():  # fmt: skip
        folder = _session(world)
        dump(folder / f"{entity}.json", HONEST["things"])
        dump(folder / f"sync_metadata_{entity}.json", value)


@hostile("source", "metadata of a sync of 1.5 GB that take no room")
def metadata_too_large(world: World) -> None:
    sparse(_session(world) / "sync_metadata_things.json", 3 * GIB // 2, b'{"record_count": 8, "a": "', b'"}')


@hostile("source", "metadata of a sync as pipe, device and folder")
def metadata_as_pipe(world: World) -> None:
    folder = _session(world)
    pipe(folder / "sync_metadata_things.json")
    pipe(world.source / "sync_session_2026-11-01_08-00-00" / "sync_metadata_things.json")
    link(folder / "sync_metadata_more.json", "/dev/zero")
    dump(folder / "more.json", HONEST["things"])
    (folder / "sync_metadata_other.json").mkdir()


@hostile("source", "metadata of a sync nested 100,000 levels deep")
def metadata_too_deep(world: World) -> None:
    write(_session(world) / "sync_metadata_things.json", '{"record_count": ' + "[" * 100_000 + "]" * 100_000 + "}")


@hostile("source", "folders of sessions whose names are no times, or hold escape sequences")
def strange_sessions(world: World) -> None:
    for name in (
        "2026-99-99_99-99-99",
        "0000-00-00_00-00-00",
        "2026-11-01_08-00-00\x1b[2J",
        "../x".replace("/", "\u2215"),
    ):
        _session(world, f"sync_session_{name}")
    link(world.source / "sync_session_2026-12-01_08-00-00", "sync_session_2026-99-99_99-99-99")
    link(world.source / "sync_session_2026-12-02_08-00-00", "..")


# Schemas that records must satisfy

SCHEMAS = {"JSON2DB_SCHEMA_DIRECTORY": "schemas"}


def _schema(world: World, schema: object, entity: str = "things") -> None:
    dump(world.work / "schemas" / f"{entity}.schema.json", schema)


def _things(world: World, *more: object) -> None:
    dump(world.source / "things.json", [*HONEST["things"], *more])


@hostile("schemas", "a pattern that takes for ever", environment=SCHEMAS)
def pattern_without_end(world: World) -> None:
    _schema(world, {"properties": {"name": {"pattern": "^(a+)+$"}, "other": {"pattern": "(?=(a|a)*b)(x+x+)+y\\1"}}})
    _things(world, {"id": 100, "name": "a" * 40 + "!", "other": "x" * 60}, {"id": 101, "name": "a" * 100_000 + "!"})


@hostile("schemas", "patterns that are too large", environment=SCHEMAS)
def pattern_too_large(world: World) -> None:
    _schema(world, {"properties": {"name": {"pattern": "((a{1,1000}){1,1000}){1,1000}"}}})
    _things(world)


@hostile("schemas", "a reference to the network", "schema_reference_missing invalid_schema", environment=SCHEMAS)
def references_outside(world: World) -> None:
    _things(world)
    _schema(world, {"$ref": f"http://127.0.0.1:{world.port}/schema.json"})


@hostile("schemas", "a reference to a file", "schema_reference_missing invalid_schema", environment=SCHEMAS)
def reference_to_a_file(world: World) -> None:
    _things(world)
    _schema(world, {"$ref": (world.victim / "schema.json").as_uri()})


@hostile("schemas", "a relative reference out of the folder", environment=SCHEMAS)
def reference_upwards(world: World) -> None:
    _things(world)
    _schema(world, {"properties": {"id": {"$ref": "../../victim/schema.json"}}})


@hostile("schemas", "a base for relative references in another place", environment=SCHEMAS)
def reference_by_base(world: World) -> None:
    _things(world)
    _schema(world, {"$id": f"http://127.0.0.1:{world.port}/base/", "properties": {"id": {"$ref": "schema.json"}}})


@hostile("schemas", "a meta-schema in the network", environment=SCHEMAS)
def meta_schema_outside(world: World) -> None:
    _things(world)
    _schema(world, {"$schema": f"http://127.0.0.1:{world.port}/schema", "type": "object"})


@hostile("schemas", "dynamic and recursive references", environment=SCHEMAS)
def dynamic_references(world: World) -> None:
    _things(world)
    web = f"http://127.0.0.1:{world.port}/schema.json"
    _schema(
        world, {"$dynamicRef": f"{web}#a", "$recursiveRef": web, "$defs": {"a": {"$dynamicAnchor": "a", "$ref": web}}}
    )


@hostile("schemas", "references in a circle", environment=SCHEMAS)
def references_in_a_circle(world: World) -> None:
    _things(world)
    _schema(world, {"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}})


@hostile("schemas", "references that double 40 times", "invalid_schema", environment=SCHEMAS)
def references_that_double(world: World) -> None:
    _things(world)
    defs = {f"d{n}": {"allOf": [{"$ref": f"#/$defs/d{n + 1}"}] * 2} for n in range(40)}
    _schema(world, {"$ref": "#/$defs/d0", "$defs": {**defs, "d40": {"type": "object"}}})


@hostile("schemas", "a schema nested 10,000 levels deep", environment=SCHEMAS)
def schema_too_deep(world: World) -> None:
    _things(world)
    write(world.work / "schemas" / "things.schema.json", '{"not":' * 10_000 + "{}" + "}" * 10_000)


@hostile("schemas", "a schema of 1.5 GB that takes no room", environment=SCHEMAS)
def schema_too_large(world: World) -> None:
    _things(world)
    sparse(world.work / "schemas" / "things.schema.json", 3 * GIB // 2, b'{"title": "', b'"}')


@hostile("schemas", "a pipe in place of a schema", environment=SCHEMAS)
def schema_as_pipe(world: World) -> None:
    _things(world)
    pipe(world.work / "schemas" / "things.schema.json")


@hostile("schemas", "schemas that are links to files of others", environment=SCHEMAS)
def schema_as_link(world: World) -> None:
    _things(world)
    link(world.work / "schemas" / "things.schema.json", "/dev/zero")
    link(world.work / "schemas" / "people.schema.json", "/etc/passwd")


@hostile("schemas", "a record that breaks its schema 3 million times", environment=SCHEMAS, slow=True)
def violations_by_the_million(world: World) -> None:
    _schema(world, {"properties": {"a": {"items": {"type": "string"}}}})
    write(world.source / "things.json", [b'[{"id": 1, "a": [', b"1," * 3_000_000, b"1]}]"])


@hostile("schemas", "a schema whose texts hold escape sequences", environment=SCHEMAS)
def control_characters_in_schemas(world: World) -> None:
    bad = "\x1b]0;taken over\x07\u202e"
    _schema(world, {"title": bad, "required": [bad], "properties": {bad: {"type": bad}, "name": {"enum": [bad]}}})
    _things(world)


# Exports that others made: the journal


def _journal(world: World, value: object, name: str = "commit") -> None:
    dump(world.staging / f"{name}.json", value)


def _payload(world: World, name: str = "payload") -> None:
    write(world.staging / name, "taken over")
    write(world.data / name, "taken over")


@hostile("export", "a journal whose target is an absolute path", "damaged_journal")
def journal_to_absolute_path(world: World) -> None:
    _payload(world)
    _journal(world, [["payload", str(world.victim / "keep.txt"), None]])


@hostile("export", "a journal whose staged file lies in its own folder and whose target is above")
def journal_to_folder_above(world: World) -> None:
    _payload(world)
    _journal(world, [[".json2db-export/payload", "../../victim/keep.txt", None]])


@hostile("export", "a journal that takes back a file that it never made", "damaged_journal")
def rollback_removes(world: World) -> None:
    _journal(world, [["nothing", str(world.victim / "keep.txt"), None]], "rollback")


@hostile("export", "the same, by a relative path", "damaged_journal")
def rollback_removes_above(world: World) -> None:
    _journal(world, [["nothing", "../../victim/keep.txt", None]], "rollback")


@hostile("export", "a journal that moves a foreign file in", "damaged_journal")
def journal_from_above(world: World) -> None:
    _journal(world, [["../../victim/keep.txt", "things.json", None]])


@hostile("export", "a journal that copies a file over a foreign one as its backup")
def journal_backup_above(world: World) -> None:
    _payload(world)
    _journal(world, [["payload", "things.json", "../../victim/new.txt"]])


@hostile("export", "a journal that puts a foreign file back as if it were the backup")
def rollback_from_above(world: World) -> None:
    _journal(world, [["nothing", "things.json", str(world.victim / "keep.txt")]], "rollback")


@hostile("export", "a journal that removes a foreign file as a backup no longer needed")
def rollback_removes_backup(world: World) -> None:
    _payload(world)
    _journal(world, [["payload", "things.json", "../../victim/keep.txt"]], "rollback")


@hostile("export", "a journal that replaces files that are none of an export")
def journal_to_other_names(world: World) -> None:
    _payload(world)
    write(world.data / "notes.txt", "kept")
    _journal(
        world,
        [
            ["payload", ".git/config", None],
            ["payload", ".json2db-export/lock", None],
            ["payload", "", None],
            ["", ".", None],
        ],
    )


@hostile("export", "a journal of the present form whose names lead out", "damaged_journal")
def journal_of_names_above(world: World) -> None:
    _payload(world)
    _journal(world, {"backups": "backups", "files": {"../../victim/keep.txt": None, "things.json": None}})


@hostile("export", "a journal of the present form whose backups are elsewhere", "damaged_journal")
def journal_of_backups_elsewhere(world: World) -> None:
    write(world.staging / "new" / "things.json", "taken over")
    _journal(world, {"backups": str(world.victim), "files": {"things.json": "20261101_101500Z"}})


@hostile("export", "a journal of the present form whose moments of backups are paths", "damaged_journal")
def journal_of_moments_that_lead_out(world: World) -> None:
    write(world.staging / "new" / "things.json", "taken over")
    _journal(world, {"backups": "backups", "files": {"things.json": "/../../../victim/new"}})


@hostile("export", "a journal of nonsense")
def journal_of_nonsense(world: World) -> None:
    _journal(world, [[1, 2, 3], None, {"a": 1}, "abc", [["x"], {}, []], ["a\0b", "c\0d", None]])


@hostile("export", "a journal that is no list")
def journal_of_one_text(world: World) -> None:
    _journal(world, "abc")
    _journal(world, {"abc": 1, "def": 2}, "rollback")


@hostile("export", "a journal of 1.5 GB that takes no room", "damaged_journal")
def journal_too_large(world: World) -> None:
    sparse(world.staging / "commit.json", 3 * GIB // 2, b'[["', b'"]]')


@hostile("export", "a journal nested 100,000 levels deep", "damaged_journal")
def journal_too_deep(world: World) -> None:
    write(world.staging / "commit.json", "[" * 100_000 + "]" * 100_000)


@hostile("export", "a journal of 100,000 lines", "damaged_journal")
def journal_too_long(world: World) -> None:
    _journal(world, [["nothing", f"file{n}.json", None] for n in range(100_000)])


@hostile("export", "a pipe in place of the journal", "damaged_journal not_ours")
def journal_as_pipe(world: World) -> None:
    pipe(world.staging / "commit.json")


@hostile("export", "a pipe in place of the other journal")
def rollback_as_pipe(world: World) -> None:
    pipe(world.staging / "rollback.json")


@hostile("export", "a journal that is a link to one outside")
def journal_as_link(world: World) -> None:
    _payload(world)
    dump(world.victim / "journal.json", [[".json2db-export/payload", "things.json", None, CANARY]])
    link(world.staging / "commit.json", world.victim / "journal.json")


@hostile("export", "a folder in place of the journal")
def journal_as_folder(world: World) -> None:
    (world.staging / "commit.json").mkdir()


# Exports that others made: links and pipes


@hostile("export", "the folder of what is being written is a link", "not_ours")
def staging_as_link(world: World) -> None:
    link(world.staging, world.victim)


@hostile("export", "links in the folder of what is being written, by every name that may be used")
def links_in_staging(world: World) -> None:
    for name in (
        "things.json",
        "things.schema.json",
        "people.json",
        "commit.json.partial",
        "lock",
        "holder",
        ".gitignore",
    ):
        link(world.staging / name, world.victim / "keep.txt")
    link(world.staging / "confirmed.json", world.victim / "new.txt")


@hostile("export", "the lock is a link to a file that is not there, outside")
def lock_as_link(world: World) -> None:
    link(world.staging / "lock", world.victim / "new.txt")


@hostile("export", "a pipe in place of the lock")
def lock_as_pipe(world: World) -> None:
    pipe(world.staging / "lock")


@hostile("export", "the folder of what is remembered is a link", "not_ours")
def state_folder_as_link(world: World) -> None:
    link(world.data / ".json2db", world.victim)


@hostile("export", ".gitignore is a link to a file that is not there, outside")
def gitignore_as_link(world: World) -> None:
    link(world.data / ".json2db" / ".gitignore", world.victim / "new.txt")
    link(world.staging / ".gitignore", world.victim / "new2.txt")


@hostile("export", "what is remembered of exports is a link")
def confirmations_as_link(world: World) -> None:
    link(world.data / ".json2db" / "confirmed.json", world.victim / "keep.txt")


@hostile("export", "what is remembered of exports is a pipe")
def confirmations_as_pipe(world: World) -> None:
    pipe(world.data / ".json2db" / "confirmed.json")


@hostile("export", "what is remembered of exports has 1.5 GB that take no room")
def confirmations_too_large(world: World) -> None:
    sparse(world.data / ".json2db" / "confirmed.json", 3 * GIB // 2, b'{"things.json": "', b'"}')


@hostile("export", "what is remembered of exports is nonsense")
def confirmations_of_nonsense(world: World) -> None:
    dump(
        world.data / ".json2db" / "confirmed.json",
        {"things.json": [1, {"a": None}], "people.json": "\x1b[2J", "../x": 10**400},
    )


@hostile("exported backups", "the folder of backups is a link")
def backups_as_link(world: World) -> None:
    link(world.data / "backups", world.victim)


@hostile("export", "exported files are links to files that are not there, outside", "link_leads_outside", may_read=True)
def exports_as_dangling_links(world: World) -> None:
    link(world.data / "things.json", world.victim / "new.json")
    link(world.data / "things.schema.json", world.victim / "new.schema.json")


@hostile("export", "the folder of exports is a link into another's")
def folder_of_exports_as_pipe(world: World) -> None:
    shutil.rmtree(world.data)
    pipe(world.data)


@hostile("export", "exported files are pipes")
def exports_as_pipes(world: World) -> None:
    pipe(world.data / "things.json")
    pipe(world.data / "things.schema.json")


@hostile("export", "metadata of an export is a pipe")
def export_metadata_as_pipe(world: World) -> None:
    write(world.data / "things.json", '[{"id": 1}]')
    pipe(world.data / "things.metadata.json")
    pipe(world.data / "people.metadata.json")


@hostile("export", "exported files are folders")
def exports_as_folders(world: World) -> None:
    for name in ("things.json", "things.schema.json", "people.metadata.json"):
        (world.data / name).unlink(missing_ok=True)
        (world.data / name / "x").mkdir(parents=True)


# Exports that others made: what they say


def _export(world: World) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((world.data / "things.json").read_bytes())
    return found


def _forge(world: World, **metadata: object) -> None:
    found = _export(world)
    found["metadata"].update(metadata)
    dump(world.data / "things.json", found)


@hostile("export", "metadata of other kinds")
def export_metadata_of_other_kinds(world: World) -> None:
    _forge(
        world,
        total_count="many",
        generated_at=[1],
        checksum={"a": 1},
        source=None,
        schema=7,
        statistics="x",
        version=[],
    )
    found = json.loads((world.data / "people.json").read_bytes())
    dump(world.data / "people.json", {**found, "metadata": [1, 2]})


@hostile("export", "numbers and times in metadata that cannot be")
def export_metadata_beyond(world: World) -> None:
    _forge(world, total_count=-1, generated_at="9999-99-99T99:99:99Z")
    write(
        world.data / "people.json",
        json.dumps(_export(world)).replace("-1", "1" + "0" * 5000).replace("9999-99", "0001-01"),
    )


@hostile("export", "escape sequences in metadata")
def control_characters_in_metadata(world: World) -> None:
    bad = "\x1b]0;taken over\x07\x1b[2J\x9b31m\u202e"
    _forge(world, source=bad, version=bad, generated_at=bad, checksum=bad, schema=bad, **{bad: bad})


@hostile("export", "metadata name a schema outside, by relative and absolute path")
def export_schema_outside(world: World) -> None:
    _forge(world, schema="../../victim/schema.json")
    found = json.loads((world.data / "people.json").read_bytes())
    found["metadata"]["schema"] = str(world.victim / "schema.json")
    dump(world.data / "people.json", found)


def _export_schema(world: World, schema: object) -> None:
    for entity in HONEST:
        dump(world.data / f"{entity}.schema.json", schema)


@hostile("export", "the schema of an export refers to the network")
def export_schema_of_the_network(world: World) -> None:
    _export_schema(world, {"$ref": f"http://127.0.0.1:{world.port}/schema.json"})


@hostile("export", "the schema of an export refers to a file")
def export_schema_of_a_file(world: World) -> None:
    _export_schema(world, {"$ref": (world.victim / "schema.json").as_uri()})


@hostile("export", "the schema of an export has a base in the network")
def export_schema_by_base(world: World) -> None:
    _export_schema(
        world, {"$id": f"http://127.0.0.1:{world.port}/base/", "properties": {"id": {"$ref": "schema.json"}}}
    )


@hostile("export", "the schema of an export has a base in the file system")
def export_schema_by_file_base(world: World) -> None:
    _export_schema(world, {"$id": world.victim.as_uri() + "/", "properties": {"id": {"$ref": "schema.json"}}})


@hostile("export", "the schema of an export has a meta-schema in the network")
def export_meta_schema_outside(world: World) -> None:
    _export_schema(world, {"$schema": f"http://127.0.0.1:{world.port}/schema", "type": "object"})


@hostile("export", "the schema of an export has dynamic references")
def export_schema_of_dynamic_references(world: World) -> None:
    web = f"http://127.0.0.1:{world.port}/schema.json"
    _export_schema(world, {"$schema": "https://json-schema.org/draft/2020-12/schema", "$dynamicRef": f"{web}#a"})
    old = "https://json-schema.org/draft/2019-09/schema"
    dump(world.data / "people.schema.json", {"$schema": old, "properties": {"id": {"$recursiveRef": web}}})


@hostile("export", "the schema of an export has a pattern that takes for ever")
def export_schema_without_end(world: World) -> None:
    _export_schema(world, {"properties": {"name": {"pattern": "^(t?h?i?n?g? ?)*(\\w+\\s?)+(x+x+)+y$(?=(a|a)*b)"}}})


@hostile("export", "the schema of an export doubles 40 times")
def export_schema_that_doubles(world: World) -> None:
    defs = {f"d{n}": {"allOf": [{"$ref": f"#/$defs/d{n + 1}"}] * 2} for n in range(40)}
    _export_schema(world, {"$ref": "#/$defs/d0", "$defs": {**defs, "d40": {"type": "object"}}})


@hostile("export", "the schema of an export has 1.5 GB that take no room")
def export_schema_too_large(world: World) -> None:
    sparse(world.data / "things.schema.json", 3 * GIB // 2, b'{"title": "', b'"}')


@hostile("export", "the schema of an export is nonsense")
def export_schema_of_nonsense(world: World) -> None:
    _export_schema(
        world, {"type": 5, "properties": [], "required": "x", "x-key": {"a": [1]}, "$defs": None, "title": "\x1b[2J"}
    )
    write(world.data / "people.schema.json", "[" * 100_000)


@hostile("export", "metadata of 3 GB in a file of 3 MB", slow=True)
def export_metadata_bomb(world: World) -> None:
    write(world.data / "things.json", json.dumps(HONEST["things"]))
    write(world.data / "things.metadata.json", repeated_gzip(b"x" * (16 * MIB), 192, b'{"version": "', b'"}'))


@hostile("export", "metadata of 1.5 GB that take no room")
def export_metadata_too_large(world: World) -> None:
    write(world.data / "things.json", json.dumps(HONEST["things"]))
    sparse(world.data / "things.metadata.json", 3 * GIB // 2, b'{"version": "', b'"}')


@hostile("export", "an export of 1 GB of blanks in a file of 1 MB", slow=True)
def export_bomb(world: World) -> None:
    head, tail = (world.data / "things.json").read_bytes().split(b'"things": [', 1)
    write(world.data / "things.json.gz", repeated_gzip(b" " * (16 * MIB), 64, head + b'"things": [', tail))
    (world.data / "things.json").unlink()


@hostile("export", "an export of 1.5 GB that takes no room")
def export_too_large(world: World) -> None:
    sparse(world.data / "things.json", 3 * GIB // 2, (world.data / "things.json").read_bytes())


@hostile("exported backups", "backups of exports that are links, pipes and bombs")
def export_backups(world: World) -> None:
    stamp = "backup.20261101_101500Z"
    link(world.data / "backups" / f"things.json.{stamp}", world.victim / "keep.txt")
    pipe(world.data / "backups" / f"things.schema.json.{stamp}")
    pipe(world.data / "backups" / f"people.json.{stamp}")
    sparse(world.data / "backups" / f"people.schema.json.{stamp}", 3 * GIB // 2)
    write(world.data / "backups" / f"a\x1b[2J.json.{stamp}", "[]")


# Databases that others made


@hostile("database", "the file is not a database")
def database_of_garbage(world: World) -> None:
    write(world.database, random.Random(1).randbytes(100_000))


@hostile("database", "the head of a database, and garbage")
def database_of_garbage_behind_head(world: World) -> None:
    write(world.database, world.database.read_bytes()[:4096] + random.Random(2).randbytes(100_000))


@hostile("database", "a database that is cut off")
def database_cut_off(world: World) -> None:
    whole = world.database.read_bytes()
    write(world.database, whole[: len(whole) * 2 // 3])


@hostile("database", "a database in which bytes are altered")
def database_altered(world: World) -> None:
    whole, draw = bytearray(world.database.read_bytes()), random.Random(3)
    for _ in range(400):
        whole[draw.randrange(100, len(whole))] = draw.randrange(256)
    write(world.database, bytes(whole))


@hostile("database", "a pipe in place of the database")
def database_as_pipe(world: World) -> None:
    pipe(world.database)


@hostile("database", "a folder in place of the database")
def database_as_folder(world: World) -> None:
    world.database.unlink()
    world.database.mkdir()


@hostile("database", "the lock file is a link to a file outside")
def database_lock_as_link(world: World) -> None:
    link(world.work / "db.sqlite.lock", world.victim / "new.txt")


@hostile("database", "the lock file is a pipe")
def database_lock_as_pipe(world: World) -> None:
    pipe(world.work / "db.sqlite.lock")


@hostile("database", "the lock file is a link to a file of others")
def database_lock_over_file(world: World) -> None:
    link(world.work / "db.sqlite.lock", world.victim / "keep.txt")


@hostile("database", "a journal of SQLite that names a file of others", "not_a_plain_file")
def database_journal(world: World) -> None:
    name = str(world.victim / "keep.txt").encode()
    tail = struct.pack(">II", len(name), sum(name)) + b"\xd9\xd5\x05\xf9\x20\xa1\x63\xd7"
    head = b"\xd9\xd5\x05\xf9\x20\xa1\x63\xd7" + struct.pack(">IIIII", 0xFFFFFFFF, 1, 10, 512, 4096)
    write(world.work / "db.sqlite-journal", head.ljust(512, b"\0") + struct.pack(">I", 1) + name + tail)


@hostile("database", "the files of the write-ahead mode are links")
def database_log_as_link(world: World) -> None:
    link(world.work / "db.sqlite-wal", world.victim / "keep.txt")
    link(world.work / "db.sqlite-shm", world.victim / "new.txt")


@hostile("database", "the journal of SQLite is a link")
def database_journal_as_link(world: World) -> None:
    link(world.work / "db.sqlite-journal", world.victim / "keep.txt")


@hostile("database", "a view in place of our table")
def view_in_place_of_table(world: World) -> None:
    world.edit("ALTER TABLE json_people RENAME TO elsewhere", "CREATE VIEW json_people AS SELECT * FROM elsewhere")


@hostile("database", "a view in place of a table of the ledger")
def view_in_place_of_ledger(world: World) -> None:
    world.edit("ALTER TABLE json2db_runs RENAME TO elsewhere", "CREATE VIEW json2db_runs AS SELECT * FROM elsewhere")


@hostile("database", "a trigger that removes what is stored")
def trigger_that_removes(world: World) -> None:
    world.edit(
        "CREATE TRIGGER t AFTER INSERT ON json_things BEGIN DELETE FROM json_things; DELETE FROM json2db_plans; END"
    )


@hostile("database", "a trigger that writes into the schema of the database")
def trigger_that_fails(world: World) -> None:
    body = "BEGIN SELECT load_extension('/victim.so'); SELECT writefile('x', 'y'); END"
    world.edit(
        f"CREATE TRIGGER t AFTER INSERT ON json_things {body}", f"CREATE TRIGGER u AFTER INSERT ON json2db_runs {body}"
    )


@hostile("database", "the ledger says that records came from a file of others", may_read=True)
def ledger_names_a_file(world: World) -> None:
    path = str(world.victim / "things.json")
    world.edit("UPDATE json2db_files SET path = :path WHERE entity = 'things'", path=path)


@hostile("database", "the ledger says that records came from pipes and devices")
def ledger_names_a_pipe(world: World) -> None:
    pipe(world.work / "pipe.json")
    world.edit(
        "UPDATE json2db_files SET path = '/dev/zero' WHERE entity = 'people'",
        "UPDATE json2db_files SET path = :path WHERE entity = 'things'",
        path=str(world.work / "pipe.json"),
    )


@hostile("database", "the ledger holds escape sequences wherever texts stand")
def ledger_of_control_characters(world: World) -> None:
    bad = "\x1b]0;taken over\x07\x1b[2J\x9b31m\u202e\n\r"
    world.edit(
        "UPDATE json2db_runs SET message = :bad, source = :bad, holder = :bad",
        "UPDATE json2db_files SET name = name || :bad, session = :bad, stamp = :bad",
        "UPDATE json2db_loads SET error = :bad",
        "UPDATE json2db_version SET program = :bad, changed_at = :bad",
        "INSERT INTO json2db_rejected (id, load_id, file_id, entity, record_number, byte, json_path, reason, raw, rejected_at)"
        " VALUES (1, 1, 1, 'things', 1, 1, :bad, :bad, CAST(:bad AS BLOB), :bad)",
        bad=bad,
    )


@hostile("database", "values in the ledger of other kinds")
def ledger_of_other_kinds(world: World) -> None:
    world.edit(
        "UPDATE json2db_runs SET started_at = 'when', finished_at = x'ff', status = 'unheard of'",
        "UPDATE json2db_files SET size = -5, mtime_ns = 9223372036854775807, sort_key = ''",
        "UPDATE json2db_loads SET read = -1, inserted = 9223372036854775807, loaded_at = '', layout = '{', mode = 'x'",
    )


@hostile("database", "plans that are nonsense", "plan_unreadable")
def plans_of_nonsense(world: World) -> None:
    world.edit("UPDATE json2db_plans SET plan = '{\"entity\": 5, \"table\": []}' WHERE entity = 'things'")


@hostile("database", "plans that are nested too deep")
def plans_too_deep(world: World) -> None:
    world.edit("UPDATE json2db_plans SET plan = :plan", plan="[" * 100_000 + "]" * 100_000)


@hostile("database", "a plan of 12 MB")
def plan_too_large(world: World) -> None:
    world.edit("UPDATE json2db_plans SET plan = replace(hex(zeroblob(6000000)), '0', 'x') WHERE entity = 'things'")


@hostile("database", "plans whose tables are others' or statements")
def plans_of_other_tables(world: World) -> None:
    world.edit(
        "CREATE TABLE precious (id INTEGER PRIMARY KEY, a TEXT)",
        "INSERT INTO precious VALUES (1, 'kept')",
        "UPDATE json2db_plans SET plan = replace(plan, 'json_things', 'precious') WHERE entity = 'things'",
        "UPDATE json2db_plans SET plan = replace(plan, 'json_people', :named) WHERE entity = 'people'",
        named='x\\"; DROP TABLE precious; --',
    )


@hostile("database", "plans of entities whose names lead out of the folder")
def plans_of_paths(world: World) -> None:
    for name in ("../../victim/taken", "/tmp/taken", "a/b", "..", "CON", "a\x1b[2J", "x" * 300, ""):
        world.edit(
            "INSERT INTO json2db_plans SELECT :name, replace(plan, '\"entity\":\"people\"', :entity), changed_at"
            " FROM json2db_plans WHERE entity = 'people'",
            name=name, entity=f'"entity":{json.dumps(name)}',
        )  # fmt: skip


@hostile("database", "the version of the ledger is beyond all versions")
def ledger_of_the_future(world: World) -> None:
    world.edit("UPDATE json2db_version SET version = 9223372036854775807")


@hostile("database", "the version of the ledger is negative, or text")
def ledger_of_no_version(world: World) -> None:
    world.edit(
        "UPDATE json2db_version SET version = -3",
        "INSERT INTO json2db_version (version, program, changed_at) VALUES ('x', 'y', 'z')",
    )


@hostile("database", "stored values that cannot be: texts of other bytes, JSON that is none")
def values_of_other_kinds(world: World) -> None:
    world.edit(
        "UPDATE json_things SET name = CAST(x'ff00fe' AS TEXT), _rest = '{\"a\"' WHERE id < 3",
        "UPDATE json_things SET price = 9e999, _rest = :deep WHERE id = 4",
        "UPDATE json_people SET name = :bad, thing_id = 'x'",
        deep="[" * 50_000, bad="\x1b[2J\u202e",
    )  # fmt: skip


@hostile("database", "a stored value of 40 MB", slow=True)
def value_too_large(world: World) -> None:
    world.edit("UPDATE json_things SET name = replace(hex(zeroblob(20000000)), '0', 'x') WHERE id = 1")


@hostile("database", "3,000 tables that look like ours", slow=True)
def tables_by_the_thousand(world: World) -> None:
    world.edit(*(f"CREATE TABLE json_t{n} (id TEXT PRIMARY KEY, _load BIGINT)" for n in range(3_000)))


@hostile("backups", "backups that are garbage, links and pipes")
def database_backups(world: World) -> None:
    folder = world.work / "backups"
    write(folder / "db.2026-11-01_101500Z.sqlite", b"SQLite format 3\0" + b"\xff" * 5000)
    link(folder / "db.2026-11-01_101501Z.sqlite", world.victim / "keep.txt")
    pipe(folder / "db.2026-11-01_101502Z.sqlite")
    sparse(folder / "db.2026-11-01_101503Z.sqlite", 2 * GIB)
    write(folder / "db.2026-11-01_101504Z.sqlite", world.database.read_bytes())
    link(folder / "db.2026-11-01_101504Z.sqlite-wal", world.victim / "new.txt")


@hostile("backups", "the folder of backups is a link")
def database_backups_as_link(world: World) -> None:
    link(world.work / "backups", world.victim)


# Settings


@hostile("config", ".env of other bytes")
def dotenv_of_garbage(world: World) -> None:
    write(world.work / ".env", b"\xff\xfe\0JSON2DB_\x1b[2J" + random.Random(4).randbytes(5000))


@hostile("config", ".env is a pipe")
def dotenv_as_pipe(world: World) -> None:
    pipe(world.work / ".env")


@hostile("config", ".env of 1.5 GB that takes no room")
def dotenv_too_large(world: World) -> None:
    sparse(world.work / ".env", 3 * GIB // 2, b"JSON2DB_LOG_LEVEL=INFO\n")


@hostile("config", ".env is a device")
def dotenv_as_device(world: World) -> None:
    link(world.work / ".env", "/dev/zero")


@hostile("config", ".env with escape sequences in names and values")
def dotenv_of_control_characters(world: World) -> None:
    lines = ["JSON2DB_BATCH_SIZE=\x1b[2J", "JSON2DB_\x1b[2J=1", "JSON2DB_TABLE_PREFIX=\u202ex\x9b31m"]
    write(world.work / ".env", "\n".join(lines))


@hostile("config", "a quote in .env that is closed nowhere, for 2 MB")
def dotenv_without_end(world: World) -> None:
    write(world.work / ".env", 'JSON2DB_TABLE_PREFIX="' + "\\'\n" * (2 * MIB // 3))


CONFIG = {"JSON2DB_CONFIG_FILE": "settings.json"}


@hostile("config", "settings that are nested too deep", environment=CONFIG)
def settings_too_deep(world: World) -> None:
    write(world.work / "settings.json", '{"export":' * 100_000 + "1" + "}" * 100_000)


@hostile("config", "settings of other kinds", environment=CONFIG)
def settings_of_other_kinds(world: World) -> None:
    dump(
        world.work / "settings.json",
        {"database": [1], "export": {"filters": {"*": 10**400}}, "processing": {"keys": "\x1b[2J"}},
    )


@hostile("config", "settings of 1.5 GB that take no room", environment=CONFIG)
def settings_too_large(world: World) -> None:
    sparse(world.work / "settings.json", 3 * GIB // 2, b'{"_": "', b'"}')


@hostile("config", "a pipe in place of settings", environment=CONFIG)
def settings_as_pipe(world: World) -> None:
    pipe(world.work / "settings.json")


@hostile("config", "a path in the settings that hold escape sequences", environment=CONFIG)
def settings_of_control_characters(world: World) -> None:
    bad = "\x1b]0;taken over\x07\u202e"
    dump(
        world.work / "settings.json", {"database": {"path": f"db{bad}.sqlite"}, "data_source": {"entities": {bad: bad}}}
    )


@hostile("config", "settings of TOML with keys within keys", environment={"JSON2DB_CONFIG_FILE": "settings.toml"})
def settings_of_deep_keys(world: World) -> None:
    write(world.work / "settings.toml", "[a" + ".a" * 20_000 + "]\nx = " + "[" * 20_000)


# All of them


def make_base(folder: Path) -> Path:
    """What honest runs leave: a database, an export with backups, the source they came from."""
    from json2db_sync import SyncRunner

    work, source = folder / "work", folder / "source"
    work.mkdir(parents=True)
    for entity, records in HONEST.items():
        dump(source / f"{entity}.json", records[:-1])
    runner = SyncRunner(work / "db.sqlite", source)
    for records in (-1, None):
        for entity in HONEST:
            dump(source / f"{entity}.json", HONEST[entity][:records])
        for result in (runner.populate(), runner.export(output_directory=work / "data")):
            assert result, result
    return folder


def make_world(case: Hostile, folder: Path, base: Path, port: int = CLOSED_PORT) -> World:
    """A folder for the case, with what it must not reach."""
    world = World(folder / case.name, port)
    if case.area in ("export", "database", "backups", "exported backups"):
        shutil.copytree(base, world.path, symlinks=True)
        for name in ("home", "tmp"):
            (world.path / name).mkdir()
    else:
        for name in ("work", "source", "home", "tmp"):
            (world.path / name).mkdir(parents=True)
    if case.area == "config":
        dump(world.source / "things.json", HONEST["things"])
    dump(world.victim / "things.json", [{"id": 1, "name": CANARY}])
    dump(world.victim / "schema.json", {"const": CANARY})
    write(world.victim / "keep.txt", CANARY)
    write(world.victim / "folder" / "keep.json", f'"{CANARY}"')
    case.make(world)
    return world


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    base = make_base(folder / "base")
    for case in CASES.values():
        make_world(case, folder, base)
        print(f"{case.name}: {case.what}")


if __name__ == "__main__":
    sys.path[:0] = [str(Path(__file__).parents[2])]
    main(Path(sys.argv[1]))
