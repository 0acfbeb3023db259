"""When each export was last found to be what the database holds, and which databases exports were made from.

An export of a table that does not change is not written again, so its ``generated_at`` stays where it is however often
it is compared. When that was is kept beside the exports, in a folder of our own; so is where each database was.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from json2db_sync.atomic_files.disk import ANYONE, write
from json2db_sync.atomic_files.reading import read_own
from json2db_sync.atomic_files.state_folder import STATE_FOLDER, make_state_folder, require_own
from json2db_sync.errors import FileError
from json2db_sync.model.kinds import now_text

if TYPE_CHECKING:
    from json2db_sync.databases.base import Database

_NAME, _DATABASES = "confirmed.json", "databases.json"
_MOST_PLACES = 100


@dataclass(frozen=True)
class Origin:
    """A database that exports are made from."""

    name: str
    """As their metadata says it: without folder, user and options."""
    place: str
    """Where it is, as a digest."""
    id: str | None = None
    """Its own, wherever it is; None where it has none, or does not answer."""

    @classmethod
    def of(cls, database: Database, id_: str | None = None) -> Origin:
        place = hashlib.sha256(database.place.encode("utf-8", "surrogateescape"))
        return cls(database.short_label, place.hexdigest(), id_)

    def made(self, directory: Path, name: str, id_: str | None) -> bool | None:
        """Was an export made from this database? None where it has the same name, and nothing else is known of it.

        :param name: of the database that it was made from, as it says.
        :param id_: of that database.
        """
        if self.id and id_:
            return self.id == id_
        known, wanted = _noted(directory, _DATABASES), id_ or ""
        if wanted in known.values() or (wanted and self.place in known):
            return known.get(self.place) == wanted and (bool(wanted) or name == self.name)
        return None if name == self.name else False


def remember(directory: Path, origin: Origin, *, mode: int = ANYONE) -> None:
    """Note which database is in its place now: an export of another one will not answer for it.

    :param mode: of a new file.
    :raises OSError: when it cannot be noted.
    """
    known = _noted(directory, _DATABASES)
    if known.pop(origin.place, None) == (wanted := origin.id or ""):
        return
    known[origin.place] = wanted
    _write(directory, _DATABASES, dict(list(known.items())[-_MOST_PLACES:]), mode)


def confirm(directory: Path, checksums: Mapping[str, str], moment: str | None = None, *, mode: int = ANYONE) -> None:
    """Note that these files, by name with their checksums, held what the database held at this moment (default: now).

    :param mode: of a new file.
    :raises OSError: when it cannot be noted; the exports are then as old as they say.
    """
    at = moment or now_text()
    noted = _noted(directory, _NAME) | {name: {"checksum": checksum, "at": at} for name, checksum in checksums.items()}
    kept = {name: note for name, note in sorted(noted.items()) if (directory / name).exists()}
    _write(directory, _NAME, kept, mode)


def _write(directory: Path, name: str, value: Mapping[str, object], mode: int) -> None:
    folder = directory / STATE_FOLDER
    make_state_folder(folder)
    write(folder / name, json.dumps(value, indent=2) + "\n", mode=mode)


def confirmed_at(path: Path, checksum: str) -> str | None:
    """When the file with this checksum was last found to be what the database holds; None where nobody looked."""
    note = _noted(path.parent, _NAME).get(path.name)
    if not isinstance(note, dict) or note.get("checksum") != checksum:
        return None
    try:
        datetime.fromisoformat(note["at"])
        return str(note["at"])
    except (KeyError, TypeError, ValueError):
        return None


def _noted(directory: Path, name: str) -> dict[str, object]:
    folder = directory / STATE_FOLDER
    try:
        require_own(folder)
        found = json.loads(read_own(folder / name))
    except (OSError, FileError, ValueError, RecursionError):
        return {}  # not there, or spoilt: then an export is as old as it says
    return found if isinstance(found, dict) else {}
