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
from json2db_sync.sources.file_order import TIMES, UNDATED, Order, bare_name, date_in, has_word, is_sequence, run_of
from json2db_sync.sources.files import stem_and_suffix
from json2db_sync.user_paths import expanded

_OLD_AND_NEW = frozenset(
    ("archive", "archived", "backup", "backups", "bak", "changes", "delta", "done", "full", "history", "historic", "in",
     "inbox", "incoming", "incremental", "old", "older", "previous", "processed", "update", "updates", "yesterday")
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
        named = expanded(self.continues)
        return source in (named, named.absolute().resolve()) or source.parts[-len(named.parts) :] == named.parts


@dataclass(frozen=True)
class Rival:
    """A file that holds a key as well."""

    kind: Literal["folder", "source"]
    name: str
    source: str


class Rivals:
    """Tells of loads whether their file is a rival of this one; looks each up once.

    :param origin: where this file comes from.
    :param is_new: was it never loaded before?
    """

    def __init__(self, ledger: Ledger, file: SourceFile, origin: Origin, *, is_new: bool) -> None:
        self._ledger = ledger
        self._file = file
        self._origin = origin
        self._known: dict[int, Rival | None] = {}
        self._is_new = is_new
        self._by_date: set[tuple[str, str]] = set()
        self._by_name: set[tuple[str, str]] = set()

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
        mine, folders = self._file, _folders_apart(self._file, other)
        if self._origin.order != "auto":
            return None
        if mine.dates != other.dates:
            if folders:
                self._by_date.add(folders)
            return None
        together = run_of(mine.order) == run_of(stored.sort_key)
        # What a later run sees first is newer, unless it was put aside and is older on the disk.
        if folders and mine.time is None and other.time is None:
            if together or (mine.mtime_ns < other.mtime_ns and other.path.exists()):
                return Rival("folder", other.name, source or "")
        elif together and self._is_new and _is_named_apart(mine, other):
            self._by_name.add((other.path.name, mine.path.name))
        return None

    def _is_other_source(self, root: Path, source: Path, other: SourceFile) -> bool:
        """Is a file of another source the older one by nothing but the order of runs?"""
        mine, path = self._file.dates, self._file.path
        if mine not in (UNDATED, other.dates) or path.is_relative_to(source):
            return False
        if source.is_relative_to(root) and source.is_relative_to(path.parent):
            return False  # a folder above it: the same source, seen as a whole
        return other.path.exists()  # else it has only moved

    def notes(self, entity: str) -> Iterator[Note]:
        """Of files whose records took each other's place for nothing but names, or dates further down."""
        for one, other in sorted(self._by_date):
            if not (has_word((one, other), TIMES | _OLD_AND_NEW) or date_in((one, "")) or date_in((other, ""))):
                text = (
                    f"{entity}: {one} and {other} hold other content under the same keys, and the later date in the "
                    "names of their files counts. If they are different things: "
                    'data_source.folder_column = "company" puts the folder into a column that is part of the key'
                )
                yield Note(text, "folders_by_date", entity, setting="data_source.folder_column")
        for one, other in sorted(self._by_name):
            text = (
                f"{entity}: {one} and {other} hold other content under the same keys, and nothing but their names says "
                f"which is newer: {other} counts. To go by when they were written: "
                'data_source.order = "modified". If they are different things, give each an entity '
                "(data_source.entities), or a folder and data_source.folder_column"
            )
            yield Note(text, "files_disagree", entity, setting="data_source.order")

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


def _is_named_apart(one: SourceFile, other: SourceFile) -> bool:
    """Do the names of two files of a folder differ by more than dates and numbers that count?"""
    stems = [stem_and_suffix(file.path.name)[0] for file in (one, other)]
    first, second = map(bare_name, stems)
    differ_by_counting = first == second and stems[0].casefold() != stems[1].casefold()
    return one.path.parent == other.path.parent and not differ_by_counting


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
