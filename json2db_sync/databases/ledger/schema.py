"""The ledger's tables, and what stands in them."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, field, fields
from pathlib import Path

import sqlalchemy as sa

from json2db_sync.databases.outcome_counter import COUNTS, Counts
from json2db_sync.model.kinds import INT64_MAX
from json2db_sync.model.plan import entity_name
from json2db_sync.sources.file_order import bare, fields_of
from json2db_sync.sources.files import SourceFile, stem_and_suffix, time_of

PREFIX = "json2db_"
metadata = sa.MetaData()


def _id() -> sa.Column[int]:
    return sa.Column("id", sa.BigInteger(), primary_key=True, autoincrement=False)


def _number(name: str, *, nullable: bool = False) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), nullable=nullable)


def _text(name: str, *, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), nullable=nullable)


versions = sa.Table(
    f"{PREFIX}version",  # one row: the version that all of this has now; a ledger without it is of version 0
    metadata,
    sa.Column("version", sa.BigInteger(), primary_key=True, autoincrement=False),
    _text("program"),  # that gave it this version
    _text("changed_at"),
    _text("database_id", nullable=True),  # a random number: a copy of the database has it too, and no other one
)
plans = sa.Table(
    f"{PREFIX}plans", metadata, sa.Column("entity", sa.Text(), primary_key=True), _text("plan"), _text("changed_at")
)
runs = sa.Table(
    f"{PREFIX}runs",
    metadata,
    _id(),
    _text("operation"),
    _text("status"),
    _text("started_at"),
    _text("finished_at", nullable=True),
    _text("holder"),
    _text("source", nullable=True),
    _text("message", nullable=True),
)
files = sa.Table(
    f"{PREFIX}files",
    metadata,
    _id(),
    _text("path"),
    _text("entity"),
    _text("name"),
    _text("session", nullable=True),
    _text("stamp", nullable=True),
    _text("sort_key"),
    _number("size"),
    _number("mtime_ns"),
    _text("digest", nullable=True),  # of the content as last loaded; NULL: not (or no longer) loaded
    sa.UniqueConstraint("path", "entity"),
)
loads = sa.Table(
    f"{PREFIX}loads",
    metadata,
    _id(),
    _number("run_id"),
    _number("file_id"),
    _text("entity"),
    _text("loaded_at"),
    _text("status"),  # loaded, replayed, refused; reset: its rows were discarded since; others: see below
    _text("error", nullable=True),
    _text("envelope", nullable=True),
    _text("layout", nullable=True),  # of the file
    _text("digest", nullable=True),  # of the content that was loaded
    _text("mode", nullable=True),  # compare, rewrite or skip: what became of records whose key was stored
    _number("derivable"),  # 0: the rows were changed otherwise since, or rejected records forgotten
    *(_number(name) for name in COUNTS),
    _number("resolved"),  # of the rejected records those no longer kept
)
rejected = sa.Table(
    f"{PREFIX}rejected",
    metadata,
    _id(),
    _number("load_id"),
    _number("file_id"),
    _text("entity"),
    _number("record_number"),
    _number("byte"),
    _text("json_path", nullable=True),
    _text("reason"),
    sa.Column("raw", sa.LargeBinary(), nullable=False),
    _text("rejected_at"),
    _number("replayed_load", nullable=True),  # the load that stored it after all
    _text("stored_id", nullable=True),  # the id it was stored under
    sa.Column("corrected", sa.LargeBinary(), nullable=True),  # its text as it was stored, where that is another
    _text("mistakes", nullable=True),  # all that a schema finds wrong, a JSON list of texts
    _text("in_force", nullable=True),  # the rules that it was rejected under, as JSON
    _number("overtaken_load", nullable=True),  # the load of a newer version of it that is stored
    _text("dismissed_at", nullable=True),
    _text("dismissed", nullable=True),  # why it needs no look any more
)
REMARKS = ("mistakes", "in_force", "overtaken_load", "dismissed_at", "dismissed")
"""Columns that rejected records of an older ledger do not have."""
superseded = sa.Table(
    f"{PREFIX}superseded",
    metadata,
    _number("load_id"),
    _number("file_id"),
    _text("entity"),
    _number("record_number"),
    _text("record_id"),
    _number("newer_load"),  # the load that the newer version came from
    _number("newer_number", nullable=True),  # its number, where it is in the same file
)
for table, column in ((loads, "file_id"), (rejected, "file_id"), (superseded, "file_id")):
    sa.Index(f"ix_{table.name}_{column}", table.c[column])
TABLES = tuple(metadata.tables)
INDEXES = frozenset(str(index.name) for table in metadata.tables.values() for index in table.indexes)
STORED = ("loaded", "replayed")
"""The states of loads whose rows are there."""
REPAIRED = "repaired"
"""Of records that were counted before and stored again, since someone had changed or deleted their rows."""
RECONCILED = "reconciled"
"""Of rows that came or went otherwise than by loading: ``inserted`` is the difference, negative where they went."""
LOST = "lost"
"""Of loads whose rows went with their table, which someone dropped."""
DROPPED = "dropped"
"""No load, and of no file: ``error`` names what someone dropped of an entity's tables and was made again, empty."""
FORGOTTEN = -1
"""In place of a row's hash, which is never negative: the next record of its key is compared with the row itself."""


@dataclass(frozen=True)
class Rejection:
    """A record that could not be loaded, kept whole."""

    entity: str
    number: int
    byte: int
    reason: str
    raw: bytes
    path: str | None = None
    """Where in the record, as ``$.a.b``."""
    mistakes: tuple[str, ...] = ()
    """All that a schema finds wrong."""


@dataclass(frozen=True)
class StoredFile:
    """What the ledger knows of a file and one entity in it."""

    id: int
    path: str
    entity: str
    name: str
    session: str | None
    stamp: str | None
    sort_key: str
    size: int
    mtime_ns: int
    digest: str | None

    def source_file(self, layout: str | None = None) -> SourceFile:
        """The file as it was when it was loaded; it may be gone, or hold something else by now.

        :param layout: as the ledger has it: a file of several entities bears the name of none of them.
        """
        path = path_of(self.path)
        return SourceFile(
            path=path,
            name=self.name,
            entity=entity_name(stem_and_suffix(path.name)[0]) if (layout or "").startswith("entities") else self.entity,
            size=self.size,
            mtime_ns=self.mtime_ns,
            session=self.session,
            stamp=self.stamp,
            time=time_of(self.session or self.stamp or ""),
            place=bare(self.sort_key),
            fields=fields_of(self.sort_key),
        )


@dataclass
class LoadedFile:
    """How a file was loaded, whatever is in it."""

    states: set[tuple[int, int]] = field(default_factory=set)
    """Size and time."""
    entities: set[str] = field(default_factory=set)
    layouts: set[str] = field(default_factory=set)


@dataclass(frozen=True)
class Load:
    """What became of one file's records of one entity in one run."""

    id: int
    run: int
    file: StoredFile
    status: str
    loaded_at: str
    error: str | None
    layout: str | None
    digest: str | None
    mode: str | None
    derivable: bool
    """Do the files alone say what became of the records?"""
    counts: Counts
    resolved: int
    beside: str | None
    """What stood beside the records, as JSON text."""


FILE_COLUMNS = tuple(field.name for field in fields(StoredFile))


def safe_text(text: str) -> str:
    """Text that every database takes: what it cannot hold is spelled out (file names may be any bytes)."""
    return text.encode("utf-8", "backslashreplace").decode().replace("\0", "\\u0000")


def path_of(text: str) -> Path:
    """The path that was made :func:`safe_text`."""
    path = Path(text)
    if "\\udc" not in text or path.exists():  # which may be called so
        return path
    return Path(re.sub(r"\\udc([89a-f][0-9a-f])", lambda match: chr(0xDC00 + int(match[1], 16)), text))


def within_range(numbers: Collection[int] | None) -> list[int] | None:
    """Those of these numbers that an id can be."""
    return None if numbers is None else [number for number in numbers if 0 <= number <= INT64_MAX]
