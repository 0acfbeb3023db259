"""When each export was last found to be what the database holds.

An export of a table that does not change is not written again, so its ``generated_at`` stays where it is however often
it is compared. When that was is kept beside the exports, in a folder of our own.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from json2db_sync.atomic_files.disk import ANYONE, write
from json2db_sync.atomic_files.reading import read_own
from json2db_sync.atomic_files.state_folder import STATE_FOLDER, make_state_folder, require_own
from json2db_sync.errors import FileError
from json2db_sync.model.kinds import now_text

_NAME = "confirmed.json"


def confirm(directory: Path, checksums: Mapping[str, str], moment: str | None = None, *, mode: int = ANYONE) -> None:
    """Note that these files, by name with their checksums, held what the database held at this moment (default: now).

    :param mode: of a new file.
    :raises OSError: when it cannot be noted; the exports are then as old as they say.
    """
    at = moment or now_text()
    noted = _noted(directory) | {name: {"checksum": checksum, "at": at} for name, checksum in checksums.items()}
    kept = {name: note for name, note in sorted(noted.items()) if (directory / name).exists()}
    folder = directory / STATE_FOLDER
    make_state_folder(folder)
    write(folder / _NAME, json.dumps(kept, indent=2) + "\n", mode=mode)


def confirmed_at(path: Path, checksum: str) -> str | None:
    """When the file with this checksum was last found to be what the database holds; None where nobody looked."""
    note = _noted(path.parent).get(path.name)
    if not isinstance(note, dict) or note.get("checksum") != checksum:
        return None
    try:
        datetime.fromisoformat(note["at"])
        return str(note["at"])
    except (KeyError, TypeError, ValueError):
        return None


def _noted(directory: Path) -> dict[str, object]:
    folder = directory / STATE_FOLDER
    try:
        require_own(folder, with_content=False)
        found = json.loads(read_own(folder / _NAME))
    except (OSError, FileError, ValueError, RecursionError):
        return {}  # not there, or spoilt: then an export is as old as it says
    return found if isinstance(found, dict) else {}
