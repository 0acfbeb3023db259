"""When each export was last found to be what the database holds.

An export of a table that does not change is not written again, so its ``generated_at`` stays where it is however often
it is compared. When that was is kept beside the exports, in a hidden file of its own.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from json2db_sync.model.kinds import now_text

NAME = ".json2db-confirmed.json"


def confirm(directory: Path, checksums: Mapping[str, str], moment: str | None = None) -> None:
    """Note that these files, by name with their checksums, held what the database holds at this moment (default: now).

    :raises OSError: when it cannot be noted; the exports are then as old as they say.
    """
    noted = {**_noted(directory), **{name: {"checksum": checksum, "at": moment or now_text()}
                                     for name, checksum in checksums.items()}}  # fmt: skip
    kept = {name: note for name, note in sorted(noted.items()) if (directory / name).exists()}
    partial = directory / f"{NAME}.{os.getpid()}"
    try:
        partial.write_text(json.dumps(kept, indent=2) + "\n", encoding="utf-8")
        partial.replace(directory / NAME)
    finally:
        partial.unlink(missing_ok=True)


def confirmed_at(path: Path, checksum: str) -> str | None:
    """When the file with this checksum was last found to be what the database holds; None where nobody looked."""
    note = _noted(path.parent).get(path.name)
    return note["at"] if isinstance(note, dict) and note.get("checksum") == checksum and "at" in note else None


def _noted(directory: Path) -> dict[str, Any]:
    try:
        found = json.loads((directory / NAME).read_text(encoding="utf-8"))
    except (OSError, ValueError):  # not there, or spoilt: then an export is as old as it says
        return {}
    return found if isinstance(found, dict) else {}
