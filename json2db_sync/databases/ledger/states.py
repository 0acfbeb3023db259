"""The ledger's files of an entity as states that followed each other: all files of a stamp, or of a folder, are one."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from os.path import commonpath
from pathlib import Path

from json2db_sync.databases.ledger.schema import Load, StoredFile, path_of
from json2db_sync.model.kinds import now_text
from json2db_sync.sources.file_order import TIMES, date_in, has_word, is_sequence, order_of, run_of
from json2db_sync.sources.files import stem_and_suffix, time_of


@dataclass(frozen=True)
class State:
    """Files of one entity that belong together."""

    name: str
    """The stamp or session, the dates in the files' names and folders, or the folder."""
    files: Sequence[StoredFile]
    loads: Sequence[Load]
    """Those of these files, in their order."""
    moment: datetime | None
    """What the names say of the time."""

    @property
    def since(self) -> str:
        """From when on it is so: the time that its names tell, else the moment at which it was first loaded."""
        with suppress(OverflowError, ValueError):  # no moment that can be counted in UTC
            if self.moment is not None:
                return now_text(self.moment)
        return min((load.loaded_at for load in self.loads), default=now_text())


def states(files: Sequence[StoredFile], loads: Sequence[Load]) -> list[State]:
    """From old to new. Plain files that are gone and bear no date belong to none: their folder may have been renamed.

    :param files: all files of the entity that the ledger knows.
    :param loads: all loads whose rows are there.
    """
    in_order = sorted(files, key=lambda one: (one.sort_key, one.id))
    groups: dict[tuple[str, ...], list[StoredFile]] = {}
    undated: dict[str, list[StoredFile]] = {}
    for file in in_order:
        dates = _dates(file)
        if file.session or file.stamp:
            groups.setdefault((file.session or "", file.stamp or ""), []).append(file)
        elif dates:
            groups.setdefault((dates,), []).append(file)
        elif path_of(file.path).exists():
            undated.setdefault(path_of(file.path).parent.as_posix(), []).append(file)
    groups |= _by_folder(undated)
    found = []
    for key, members in sorted(groups.items(), key=lambda group: (group[1][-1].sort_key, group[1][-1].id)):
        ids = {file.id for file in members}
        of_these = [load for load in loads if load.file.id in ids]
        if of_these or any(file.digest is None for file in members):
            found.append(State(key[-1] or key[0], members, of_these, _moment(members[-1])))
    return found


def _by_folder(undated: dict[str, list[StoredFile]]) -> dict[tuple[str, ...], list[StoredFile]]:
    """Folders without dates are one state, unless numbers, or words and the runs that saw them first, count them."""
    groups: dict[tuple[str, ...], list[StoredFile]] = {}
    together: dict[str, list[StoredFile]] = {}
    for folder, members in undated.items():
        counted = any(is_sequence(Path(folder).name, Path(other).name) for other in undated if other != folder)
        if counted or order_of(members[0].sort_key) != "auto":
            groups[(folder,)] = members
            continue
        run = min(run_of(file.sort_key) for file in members) if has_word([Path(folder).name], TIMES) else ""
        together.setdefault(run, []).extend(members)
    for run, members in together.items():
        groups[(run, commonpath([path_of(file.path).parent for file in members]))] = members
    return {key: sorted(members, key=lambda one: (one.sort_key, one.id)) for key, members in groups.items()}


def _dates(file: StoredFile) -> str:
    path = path_of(file.path)
    return date_in((*path.parts[:-1], stem_and_suffix(path.name)[0]))


def _moment(file: StoredFile) -> datetime | None:
    if file.session or file.stamp:
        return time_of(file.session or file.stamp or "")
    text = _dates(file).rpartition(" ")[2]
    with suppress(ValueError):
        return datetime.fromisoformat(text + {4: "-01-01", 7: "-01"}.get(len(text), ""))
    return None
