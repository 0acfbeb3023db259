"""Files that hold the same keys and of which nothing says which is the newer one: two folders, or two sources.

They may be two companies with invoices of the same numbers, and then neither may take the other's place in silence.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Literal

from json2db_sync.databases.ledger import Ledger, StoredFile
from json2db_sync.errors import ValidationError
from json2db_sync.results import Note
from json2db_sync.sources import Record, SourceFile
from json2db_sync.sources.file_order import UNDATED, Order, date_in, is_sequence, run_of, tells_time

Kind = Literal["folder", "source"]

_OLD_AND_NEW = frozenset(
    ("archive", "archived", "backup", "backups", "bak", "current", "done", "history", "historic", "in", "inbox",
     "incoming", "latest", "new", "old", "older", "previous", "processed", "today", "yesterday")
)  # fmt: skip
"""Folders called so hold older and newer files of the same things."""


@dataclass(frozen=True)
class Origin:
    """Where the files of a run come from."""

    root: str | None = None
    """The folder that the source was found in."""
    order: Order = "auto"
    """Of the files, from old to new."""
    continues: str | None = None
    """The other source that this one goes on from: its folder, or how that ends."""

    def goes_on(self, source: Path) -> bool:
        """Is this the source that this one goes on from?"""
        if self.continues is None:
            return False
        named = Path(self.continues).expanduser()
        return source in (named, named.absolute().resolve()) or source.parts[-len(named.parts) :] == named.parts


@dataclass(frozen=True)
class Rival:
    """A file that holds a key as well."""

    kind: Kind
    name: str
    source: str


class Rivals:
    """Tells of loads whether their file is a rival of this one; looks each up once.

    :param origin: where this file comes from.
    """

    def __init__(self, ledger: Ledger, file: SourceFile, origin: Origin) -> None:
        self._ledger = ledger
        self._file = file
        self._origin = origin
        self._known: dict[int, Rival | None] = {}
        self._by_date: set[tuple[str, str]] = set()

    def of(self, load: int) -> Rival | None:
        """The rival that a load belongs to; None where its file is none."""
        if load not in self._known:
            self._known[load] = self._judged(*self._ledger.file_and_source(load))
        return self._known[load]

    def _judged(self, stored: StoredFile | None, source: str | None) -> Rival | None:
        if stored is None:
            return None
        other = stored.source_file()
        if other.path == self._file.path or (source and self._origin.goes_on(Path(source))):
            return None
        root = self._origin.root
        if root and source and source != root and self._is_other_source(Path(root), Path(source), other):
            return Rival("source", other.name, source)
        if self._is_sibling(stored, other):
            return Rival("folder", other.name, source or "")
        folders = _folders_apart(self._file, other)
        if folders and self._origin.order == "auto" and self._file.dates != other.dates:
            self._by_date.add(folders)
        return None

    def _is_other_source(self, root: Path, source: Path, other: SourceFile) -> bool:
        """Is a file of another source the older one by nothing but the order of runs?"""
        mine, path = self._file.dates, self._file.path
        if mine not in (UNDATED, other.dates) or path.is_relative_to(source):
            return False
        if source.is_relative_to(root) and source.is_relative_to(path.parent):
            return False  # a folder above it: the same source, seen as a whole
        return other.path.exists()  # else it has only moved

    def _is_sibling(self, stored: StoredFile, other: SourceFile) -> bool:
        """Is a file of another folder the older one by nothing but the folder's name?"""
        mine = self._file
        if self._origin.order != "auto" or mine.time is not None or other.time is not None:
            return False
        folders = _folders_apart(mine, other) if mine.dates == other.dates else None
        if folders is None or run_of(mine.order) == run_of(stored.sort_key):
            return folders is not None
        # A folder that a later run saw first may be that of another company, unless the other one's file is in it now.
        return not tells_time(folders) and other.path.exists()

    def notes(self, entity: str) -> Iterator[Note]:
        """Of folders whose records took each other's place for nothing but dates further down."""
        for one, other in sorted(self._by_date):
            told = any(name.casefold() in _OLD_AND_NEW or date_in((name, "")) for name in (one, other))
            if not told:
                text = (
                    f"{entity}: {one} and {other} hold other content under the same keys, and the later date in the "
                    "names of their files counts. If they are different things: "
                    'data_source.folder_column = "company" puts the folder into a column that is part of the key'
                )
                yield Note(text, "folders_by_date", entity, setting="data_source.folder_column")

    def refusal(self, rival: Rival, record: Record, id_: str | int) -> ValidationError:
        """The error for a file that holds a key of a rival, with other content."""
        file, source = self._file, rival.kind == "source"
        where = f"{rival.name} of another source, {rival.source}," if source else rival.name
        return ValidationError(
            f"{file.name}: its record {record.number:,} of {record.entity} (id {id_}) is in {where} too with other "
            f"content, and nothing says which is newer",
            hint=_hint_on_sources(rival, self._origin) if source else _HINT_ON_FOLDERS,
            file=str(file.path),
            record=record.number,
            entity=record.entity,
            setting="data_source.name" if source else "data_source.folder_column",
            reason="sources_disagree" if source else "folders_disagree",
        )


def _folders_apart(one: SourceFile, other: SourceFile) -> tuple[str, str] | None:
    """The folders in which two files are, in order of name; None where these are counted."""
    # A folder and one below it are as much two folders as those that stand side by side.
    pairs = zip_longest(one.path.parent.parts, other.path.parent.parts, fillvalue="")
    found = next((pair for pair in pairs if pair[0] != pair[1]), None)
    return None if found is None or is_sequence(*found) else (min(found), max(found))


_HINT_ON_FOLDERS = (
    'are these different things? data_source.folder_column = "company" puts the folder into a column that is part of '
    'the key. Is the later one newer? data_source.order = "name" (or "modified") says so'
)


def _hint_on_sources(rival: Rival, origin: Origin) -> str:
    name = Path(origin.root or "").name or "other"
    return (
        f'are these different things? data_source.name = "{name}" puts this into a column that is part of the key, and '
        f'database.table_prefix = "{name}_" gives them tables of their own. Is this what the other one was? '
        f'data_source.continues = "{rival.source}" says so'
    )
