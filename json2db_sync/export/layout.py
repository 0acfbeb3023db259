"""How an exported file is written: envelope, array or lines; pretty or one record a line; packed or not."""

from __future__ import annotations

import gzip
import io
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast
from urllib.parse import quote

import msgspec

from json2db_sync.atomic_files.reading import open_regular
from json2db_sync.export.options import ExportOptions, Format
from json2db_sync.model.plan import entity_name
from json2db_sync.sources.files import METADATA_PREFIX
from json2db_sync.sources.folders import METADATA_SUFFIX, SCHEMA_SUFFIX

_LONGEST = 200
"""Bytes of 255: the others are for ``.metadata.json.backup.20261121_093000Z_2`` and the like."""
_NOT_IN_A_NAME = re.compile(r'[<>:"/\\|?*%.\x00-\x1f]|^ | $')


_DEVICE = re.compile(r"(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9¹²³])", re.IGNORECASE)
"""Names that Windows keeps for devices, whatever ending is behind them."""


def file_stem(name: str) -> str:
    """What the files of a table are called; characters that no file's name can hold are written as %2F.

    A device's name gets a line behind it, so that a folder of exports can be taken anywhere, and one that metadata of a
    sync would have a line before it, so that its file is loaded by itself, too. It is the same entity.
    """
    if name.lstrip("_").startswith(METADATA_PREFIX):
        name = f"_{name}"
    if _DEVICE.fullmatch(name.rstrip("_")):  # so that no two get one name
        return f"{name}_"
    return _NOT_IN_A_NAME.sub(lambda match: "%2E" if match[0] == "." else quote(match[0], safe=""), name)


def unfit_name(name: str) -> str | None:
    """Why no file can be called after a table, with what stands behind its name; None where one can."""
    if not name:
        return "its name is empty"
    return "its name is too long for a file's" if len(os.fsencode(file_stem(name))) > _LONGEST else None


@dataclass(frozen=True)
class Layout:
    """The form of one exported file."""

    name: str
    """Of the table or entity."""
    format: Format
    pretty: bool
    compress: bool

    @classmethod
    def of(cls, name: str, options: ExportOptions) -> Layout:
        return cls(name, options.format, options.pretty and options.format != "ndjson", options.compress)

    @property
    def data_file(self) -> str:
        suffix = ".ndjson" if self.format == "ndjson" else ".json"
        return f"{file_stem(self.name)}{suffix}{'.gz' if self.compress else ''}"

    @property
    def schema_file(self) -> str:
        return f"{file_stem(self.name)}{SCHEMA_SUFFIX}"

    @property
    def metadata_file(self) -> str | None:
        """Where the metadata stands; None where it is in the file itself."""
        return None if self.format == "envelope" else f"{file_stem(self.name)}{METADATA_SUFFIX}"

    @property
    def files(self) -> list[str]:
        """The names of all of them."""
        return [name for name in (self.data_file, self.schema_file, self.metadata_file) if name]

    @property
    def other_files(self) -> list[str]:
        """What the same table would be called in other formats."""
        names = [f"{file_stem(self.name)}{suffix}" for suffix in (".json", ".ndjson", ".json.gz", ".ndjson.gz")]
        return [name for name in names if name != self.data_file]

    def head(self, metadata: Mapping[str, object]) -> bytes:
        """What stands before the records."""
        if self.format != "envelope":
            return b""
        # The array is called as the table where readers know that by the file's name.
        known = entity_name(self.name) == entity_name(file_stem(self.name)) and self.name != "metadata"
        text, key = msgspec.json.encode(metadata), msgspec.json.encode(self.name if known else "records")
        if self.pretty:
            return b'{\n  "metadata": %b,\n  %b: ' % (_indented(text, 1), key)
        return b'{"metadata":%b,%b:' % (text, key)

    def page(self, lines: bytes, *, first: bool) -> bytes:
        """Records as they stand in the file.

        :param lines: canonical ones, a newline behind each; of none nothing stands there.
        """
        if self.format == "ndjson" or not lines:
            return lines
        if not self.pretty:
            return (b"[\n" if first else b",\n") + lines[:-1].replace(b"\n", b",\n")
        text = msgspec.json.format(b"[%b]" % lines[:-1].replace(b"\n", b","), indent=2)[1:-2]
        if self.format == "envelope":
            text = text.replace(b"\n", b"\n  ")
        return (b"[" if first else b",") + text

    def tail(self, *, empty: bool) -> bytes:
        """What stands behind the records."""
        if self.format == "ndjson":
            return b""
        inner = b"  " if self.pretty and self.format == "envelope" else b""
        end = b"[]" if empty else b"\n%b]" % inner
        if self.format == "array":
            return end + b"\n"
        return end + (b"\n}\n" if self.pretty else b"}\n")


def _indented(text: bytes, level: int) -> bytes:
    return msgspec.json.format(text, indent=2).replace(b"\n", b"\n" + b"  " * level)


def document(value: object) -> bytes:
    """A file of its own that holds one JSON value, for people."""
    return _indented(msgspec.json.encode(value), 0) + b"\n"


@contextmanager
def packed(stream: BinaryIO, *, compress: bool) -> Iterator[BinaryIO]:
    """The stream, or one that packs what is written to it: the same bytes for the same content."""
    if not compress:
        yield stream
        return
    with gzip.GzipFile(filename="", mode="wb", fileobj=stream, compresslevel=6, mtime=0) as zipped:
        yield cast(BinaryIO, zipped)


@contextmanager
def unpacked(path: Path) -> Iterator[io.BufferedIOBase]:
    """What a file holds, unpacked where it is packed."""
    with open_regular(path) as raw, io.BufferedReader(raw) as stream:
        if path.suffix != ".gz":
            yield stream
            return
        with gzip.GzipFile(fileobj=stream, mode="rb") as zipped:
            yield zipped
