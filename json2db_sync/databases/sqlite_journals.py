"""What SQLite obeys beside a database, and writes through: its journals. In a file of others they may be traps."""

from __future__ import annotations

import os
import re
import stat
from contextlib import suppress
from pathlib import Path

from json2db_sync.atomic_files.reading import open_regular
from json2db_sync.errors import Unreachable

_MAGIC = b"\xd9\xd5\x05\xf9\x20\xa1\x63\xd7"
_OF_TRANSACTION = re.compile(r"-mj[0-9A-F]{9}\Z")
"""How SQLite ends the name of a journal that several databases share."""
_LONGEST_NAME = 4096


def require_own_journals(database: Path) -> None:
    """Refuse a journal that is a link, or that names a file which SQLite would remove once it has been applied.

    :raises Unreachable: naming it.
    """
    with suppress(OSError):  # of a loop of links: opening says so
        database = database.resolve()  # as SQLite itself does
    for ending in ("-journal", "-wal", "-shm"):
        beside = database.with_name(database.name + ending)
        try:
            plain = stat.S_ISREG(os.lstat(beside).st_mode)
        except OSError:
            continue
        if not plain:
            raise _trap(beside, "it is a link, or something else that is not a file, and SQLite would write into it")
        if ending == "-journal" and (named := _shared_journal(beside)) and not _OF_TRANSACTION.search(named):
            raise _trap(beside, f"it names {named}, which SQLite would remove")


def _shared_journal(journal: Path) -> str:
    """The name of the journal of all databases of a transaction that stands at the end of one's own."""
    try:
        with open_regular(journal) as stream:
            size = stream.seek(0, os.SEEK_END)
            stream.seek(max(0, size - _LONGEST_NAME - 16))
            tail = stream.read()
    except OSError:  # opening the database says so
        return ""
    length = int.from_bytes(tail[-16:-12], "big")
    return os.fsdecode(tail[-16 - length : -16]) if tail.endswith(_MAGIC) and 0 < length <= _LONGEST_NAME else ""


def _trap(journal: Path, why: str) -> Unreachable:
    hint = "it came with a database that others made: remove it, or copy the database without it"
    return Unreachable(f"{journal} is not used: {why}", hint=hint, reason="not_a_plain_file", file=str(journal))
