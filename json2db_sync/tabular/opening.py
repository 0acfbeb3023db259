"""A folder -> the package that it is."""

from __future__ import annotations

from pathlib import Path

import msgspec

from json2db_sync.atomic_files.reading import read_own
from json2db_sync.errors import FileError
from json2db_sync.limits import PACKAGE_FILE
from json2db_sync.tabular import manifest
from json2db_sync.tabular.packages import Package
from json2db_sync.user_paths import located


def open_package(folder: str | Path) -> Package:
    """What a folder holds.

    :raises FileError: where it holds no package, or one whose files are not as its manifest says.
    """
    place = located(folder)
    file = place / manifest.MANIFEST
    found = _read(file)
    if not manifest.is_ours(found):
        raise FileError(
            f"{file} is not by export-csv",
            hint="name the folder of an export",
            file=str(file),
            reason="invalid_manifest",
        )
    return manifest.parsed(place, found)


def listed_files(folder: Path) -> set[str]:
    """The names of the files in a folder that an export to CSV left there, as its manifest tells."""
    try:
        return manifest.listed(_read(folder / manifest.MANIFEST))
    except FileError:
        return set()


def _read(file: Path) -> object:
    try:
        return msgspec.json.decode(read_own(file, PACKAGE_FILE))
    except FileNotFoundError as error:
        hint = "name the folder that datapackage.json lies in"
        raise FileError(f"{file} is not there", hint=hint, file=str(file), reason="no_package") from error
    except OSError as error:
        raise FileError(f"cannot read {file}: {error.strerror}", file=str(file), reason="cannot_read") from error
    except (msgspec.DecodeError, RecursionError) as error:
        hint = "it may have been cut off: fetch or export it again"
        raise FileError(f"{file} is no JSON: {error}", hint=hint, file=str(file), reason="invalid_json") from error
