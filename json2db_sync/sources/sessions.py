"""Folders of sessions and of stamps, and what the sync's metadata says of their files."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from json2db_sync.atomic_files.reading import read_own
from json2db_sync.errors import FileError
from json2db_sync.results.messages import Note
from json2db_sync.sources.files import METADATA_PREFIX, SourceFile, make_file, time_of
from json2db_sync.sources.folders import LeftOut, data_paths, folder_unreadable, holds_data

_FAILED = {"failed", "failure", "error", "aborted", "cancelled", "canceled"}
_COMPLETED = {"completed", "complete", "success", "succeeded", "successful", "ok", "done", "finished"}


@dataclass(frozen=True)
class DataFolder:
    """A folder whose files are records: one stamp of a session, or of the consolidated data."""

    path: Path
    session: Path | None
    stamp: str | None
    time: datetime | None


def session_folders(base: Path) -> list[Path]:
    """The sessions in a folder, oldest first; the folder itself if it is one."""
    if is_session(base):
        return [base]
    return [path for path in _folders(base) if is_session(path)]


def is_session(path: Path) -> bool:
    """Is this a session's folder, by its name?"""
    return path.name.startswith("sync_session_") and time_of(path.name) is not None


def data_folders(raw: Path, session: Path | None = None) -> list[DataFolder]:
    """The stamp folders that hold data files, of a session's ``raw_json`` or of the consolidated one."""
    time = time_of(session.name) if session else None
    # Files straight in raw_json are taken too: nothing that holds records is passed over.
    folders = [DataFolder(raw, session, None, time)] if raw.is_dir() else []
    folders += [
        DataFolder(stamp, session, stamp.name, time if session else time_of(stamp.name)) for stamp in _folders(raw)
    ]
    return [folder for folder in folders if holds_data(folder.path, recursive=folder.stamp is not None)]


def files_of(
    folders: list[DataFolder], root: Path, entities: Mapping[str, str], *, include_failed: bool
) -> tuple[list[SourceFile], list[Note]]:
    """The data files of these folders; failed ones are left out and noted unless asked for."""
    files: list[SourceFile] = []
    notes: list[Note] = []
    left_out = LeftOut()
    for folder in folders:
        for path in data_paths(folder.path, recursive=folder.stamp is not None, left_out=left_out):
            metadata = _metadata(path, folder, notes)
            status = str(metadata.get("status", "completed")).lower()
            short = path.relative_to(root).as_posix() if path.is_relative_to(root) else path.name
            if status in _FAILED and not include_failed:
                text = f"{short} is left out: its metadata says {status} (include_failed loads it)"
                notes.append(Note(text, "failed_sync_left_out", count=1, setting="include_failed"))
                continue
            if status not in _COMPLETED | _FAILED:
                text = f"{short}: its metadata says {status}, so it may be incomplete"
                notes.append(Note(text, "incomplete_sync"))
            count = metadata.get("record_count")
            expected = count if type(count) is int else None
            session = folder.session.name if folder.session else None
            file = make_file(path, root, entities)
            files.append(
                replace(file, session=session, stamp=folder.stamp, time=folder.time, expected_records=expected)
            )
    return files, [*left_out.notes(root), *notes]


def notes_beside(sessions: Iterable[Path], root: Path) -> list[Note]:
    """What is worth saying of data files in sessions that are not in their ``raw_json``."""
    left_out = LeftOut()
    for session in sessions:
        found = data_paths(session, recursive=True, left_out=LeftOut())
        left_out.others += [path for path in found if not path.is_relative_to(session / "raw_json")]
    return left_out.notes(root)


def _metadata(path: Path, folder: DataFolder, notes: list[Note]) -> dict[str, Any]:
    """What the sync wrote about a file: beside it, else (its status only) in the session's folder."""
    name = METADATA_PREFIX + path.name.partition(".")[0] + ".json"
    beside = _read_metadata(path.with_name(name), notes)
    if beside or folder.session is None:
        return beside
    of_session = _read_metadata(folder.session / name, notes)
    # Its record_count may speak of several stamps together.
    return {"status": of_session["status"]} if "status" in of_session else {}


def _read_metadata(path: Path, notes: list[Note]) -> dict[str, Any]:
    try:
        if not path.exists():
            return {}
        value = json.loads(read_own(path))
    except (FileError, OSError, ValueError, RecursionError) as error:
        text = f"{path.name} in {path.parent.name} cannot be read and is passed over: {error}"
        notes.append(Note(text, "unreadable_metadata"))
        return {}
    return value if isinstance(value, dict) else {}


def _folders(base: Path) -> list[Path]:
    """What folders there are, in order of name; none where there is no such place."""
    try:
        paths = sorted(base.iterdir(), key=lambda path: path.name) if base.is_dir() else []
        return [path for path in paths if path.is_dir() and not path.name.startswith(".")]
    except OSError as error:
        raise folder_unreadable(base, error) from error
