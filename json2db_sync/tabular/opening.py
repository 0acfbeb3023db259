"""A folder -> the package that it is."""

from __future__ import annotations

from pathlib import Path

import msgspec

from json2db_sync.atomic_files.reading import read_own
from json2db_sync.errors import FileError
from json2db_sync.limits import LIMITS, PACKAGE_FILE, Limits
from json2db_sync.tabular import manifest
from json2db_sync.tabular.options import NOTHING_SAID, ReadingOptions
from json2db_sync.tabular.packages import Package
from json2db_sync.user_paths import located


def open_package(folder: str | Path, given: ReadingOptions = NOTHING_SAID, limits: Limits = LIMITS) -> Package:
    """What a folder holds, or one CSV file.

    Without a ``datapackage.json`` every value is read to tell what it is.

    :param given: what is said of files that are not ours.
    :raises FileError: where it holds no package and no CSV file, or one whose files are not as its manifest says.
    """
    place = located(folder)
    file = place / manifest.MANIFEST
    if not file.is_symlink() and not file.exists() and place.exists():
        from json2db_sync.tabular.inference import infer

        return infer(place, given, limits)
    found = _read(file)
    if not manifest.is_ours(found):
        from json2db_sync.tabular.foreign import described

        return described(place, found, given, limits)
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
