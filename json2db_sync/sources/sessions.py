"""API-sync sessions: ``sync_session_<time>/raw_json/<stamp>/<entity>.json``, and the consolidated folder beside."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from json2db_sync.errors import FileError
from json2db_sync.results.messages import Note
from json2db_sync.sources.files import METADATA_PREFIX, SourceFile, data_paths, make_file

_TIME = re.compile(r"(\d{4}-\d\d-\d\d)_(\d\d)-(\d\d)-(\d\d)")
_FAILED = {"failed", "failure", "error", "aborted", "cancelled", "canceled"}
_COMPLETED = {"completed", "complete", "success", "succeeded", "successful", "ok", "done", "finished"}


@dataclass(frozen=True)
class DataFolder:
    """A folder whose files are records: one stamp of a session, or of the consolidated data."""

    path: Path
    session: Path | None
    stamp: str | None
    time: datetime | None


@dataclass
class Found:
    """Files of one kind of source, with what is worth saying of them."""

    files: list[SourceFile] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)


def time_of(name: str) -> datetime | None:
    """The time in the name of a session or stamp folder; None where there is none or it is impossible."""
    match = _TIME.search(name)
    try:
        return datetime.fromisoformat("{}T{}:{}:{}".format(*match.groups())) if match else None
    except ValueError:
        return None


def session_folders(base: Path) -> list[Path]:
    """The sessions in a folder, oldest first; the folder itself if it is one."""
    if is_session(base):
        return [base]
    return sorted((path for path in _folders(base) if is_session(path)), key=lambda path: path.name)


def is_session(path: Path) -> bool:
    """Is this a session's folder, by its name?"""
    return path.name.startswith("sync_session_") and time_of(path.name) is not None


def session_data_folders(session: Path) -> list[DataFolder]:
    """The stamp folders of a session that hold data files."""
    raw = session / "raw_json"
    folders = [
        DataFolder(stamp, session, stamp.name, time_of(session.name))
        for stamp in sorted(_folders(raw), key=lambda path: path.name)
    ]
    # Files straight in raw_json are taken too: nothing that holds records is passed over.
    if raw.is_dir():
        folders.insert(0, DataFolder(raw, session, None, time_of(session.name)))
    return [folder for folder in folders if any(data_paths(folder.path, recursive=folder.stamp is not None))]


def consolidated_data_folders(raw: Path) -> list[DataFolder]:
    """The stamp folders of a consolidated ``raw_json``, and itself where files lie straight in it."""
    folders = [DataFolder(raw, None, None, None)] if raw.is_dir() else []
    folders += [
        DataFolder(stamp, None, stamp.name, time_of(stamp.name))
        for stamp in sorted(_folders(raw), key=lambda path: path.name)
    ]
    return [folder for folder in folders if any(data_paths(folder.path, recursive=folder.stamp is not None))]


def files_of(folders: list[DataFolder], root: Path, entities: Mapping[str, str], *, include_failed: bool) -> Found:
    """The data files of these folders, oldest first; failed ones are left out and noted unless asked for."""
    found = Found()
    for folder in folders:
        for path in data_paths(folder.path, recursive=folder.stamp is not None):
            metadata = _metadata(path, folder, found.notes)
            status = str(metadata.get("status", "completed")).lower()
            short = path.relative_to(root).as_posix() if path.is_relative_to(root) else path.name
            if status in _FAILED and not include_failed:
                text = f"{short} is left out: its metadata says {status} (include_failed loads it)"
                found.notes.append(Note(text, "failed_sync_left_out", count=1, setting="include_failed"))
                continue
            if status not in _COMPLETED | _FAILED:
                found.notes.append(
                    Note(f"{short}: its metadata says {status}, so it may be incomplete", "incomplete_sync")
                )
            count = metadata.get("record_count")
            found.files.append(
                make_file(
                    path,
                    root,
                    entities,
                    session=folder.session.name if folder.session else None,
                    stamp=folder.stamp,
                    time=folder.time,
                    expected_records=count if type(count) is int else None,
                )
            )
    found.files.sort(key=lambda file: file.order)
    return found


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
        value = json.loads(path.read_bytes())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, RecursionError) as error:
        text = f"{path.name} in {path.parent.name} cannot be read and is passed over: {error}"
        notes.append(Note(text, "unreadable_metadata"))
        return {}
    return value if isinstance(value, dict) else {}


def _folders(base: Path) -> Iterator[Path]:
    if not base.is_dir():
        return
    try:
        for path in base.iterdir():
            if path.is_dir() and not path.name.startswith("."):
                yield path
    except OSError as error:
        raise FileError(
            f"cannot read the folder {base}: {error.strerror}",
            hint="check its permissions, or name another source",
            file=str(base),
            reason="cannot_read",
        ) from error
