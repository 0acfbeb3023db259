"""What an export says of itself, and whether its records bear it out."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from json2db_sync.errors import FileError
from json2db_sync.export.confirmations import confirmed_at
from json2db_sync.export.exported_file import (
    CLOCKS_DIFFER,
    DATABASE_ID,
    DIFFERS,
    FILTERS,
    METADATA_FILTERS,
    ExportedFile,
    Identity,
    canonical,
    record_of,
    schema_of,
)
from json2db_sync.model.jsontext import preview

_VERSION = "1.0"
_LONG = 4000
"""Bytes of a record from which on it may hold an integer of more digits than Python takes, or nest too deep."""
_SHOWN = 19
"""Characters of a checksum that tell it from any other."""


@dataclass(frozen=True)
class Export:
    """A sound export: its records are those that its checksum was made of."""

    entity: str
    path: Path
    identity: Identity
    generated_at: str
    exported_from: str
    checksum: str
    records: int
    differs: tuple[str, ...] = ()
    """In what its records are not as they are stored, in words."""
    database_id: str | None = None
    """Of the database that it was made from, as it says."""
    by_name: bool = False
    """Is the name of that database all that tells that it is the one asked for?"""

    @property
    def as_of(self) -> str:
        """When it was last known to hold what the database holds."""
        confirmed = confirmed_at(self.path, self.checksum)
        return max(self.generated_at, confirmed or self.generated_at, key=moment_of)

    def age(self) -> timedelta:
        """How long ago that was.

        :raises FileError: when it is in the future, so that nobody knows.
        """
        age = datetime.now(UTC) - moment_of(self.as_of)
        if age < -CLOCKS_DIFFER:
            raise unfit(self.path, f"is dated {self.as_of}, which is in the future", reason="export_from_the_future")
        return max(age, timedelta(0))


def stated(file: ExportedFile) -> Export:
    """What an export says of itself.

    :raises FileError: where it does not say it all.
    """
    said = file.metadata
    if said.get("version") != _VERSION:
        raise FileError(
            f"its version is {said.get('version')!r}, and {_VERSION} is what can be read",
            reason="unknown_export_version",
        )
    try:
        moment_of(said.get("generated_at"))
        records = said["total_count"]
        if type(records) is not int:
            raise ValueError(f"total_count is {records!r}")
    except (ValueError, TypeError, KeyError) as error:
        raise FileError(f"its metadata is spoilt: {error}", reason="damaged_export") from error
    checksum, source, differs = str(said.get("checksum")), str(said.get("source")), said.get(DIFFERS)
    words = tuple(map(str, differs)) if isinstance(differs, list) else ()
    generated_at, id_ = str(said["generated_at"]), said.get(DATABASE_ID)
    made_from = id_ if isinstance(id_, str) else None
    return Export(
        file.entity, file.path, file.identity, generated_at, source, checksum, records, words, database_id=made_from
    )


def verified(file: ExportedFile) -> Export:
    """What an export says of itself, once its records bear it out.

    :raises FileError: where they do not.
    """
    said = stated(file)
    if filters := file.metadata.get(METADATA_FILTERS) or schema_of(file.path).get(FILTERS):
        raise FileError(f"it holds only those records that satisfy {preview(filters)}", reason="export_incomplete")
    digest, records = hashlib.sha256(), 0
    try:
        for _byte, text in file.texts():
            line = canonical(text)
            if line[:1] != b"{":
                raise ValueError("it is not an object")
            if len(line) > _LONG:
                record_of(line)
            digest.update(line + b"\n")
            records += 1
    except (ValueError, RecursionError) as error:
        what = "it is nested too deep" if isinstance(error, RecursionError) else error
        raise FileError(f"its record {records + 1} is spoilt: {what}", reason="damaged_export") from error
    checksum = f"sha256:{digest.hexdigest()}"
    if said.checksum != checksum:
        raise FileError(
            f"its checksum says {_short(said.checksum)}, and its records make {_short(checksum)}",
            reason="checksum_differs",
        )
    if said.records != records:
        raise FileError(f"it says that it has {said.records} records, and has {records}", reason="damaged_export")
    return said


def moment_of(text: object) -> datetime:
    """A moment of ISO text; one without a zone is UTC.

    :raises ValueError: when it is none.
    """
    if not isinstance(text, str):
        raise ValueError(f"{text!r} is not a moment")
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _short(checksum: str) -> str:
    return checksum if len(checksum) < _SHOWN else f"{checksum[:_SHOWN]}…"


def unfit(path: Path, what: str, *, reason: str) -> FileError:
    return FileError(f"{path} {what}", hint="export again once the database answers", reason=reason, file=str(path))
