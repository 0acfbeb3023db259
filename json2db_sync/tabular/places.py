"""Where the files of a package are, and what they are called."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from hashlib import sha256
from itertools import chain, count
from pathlib import Path, PurePosixPath
from unicodedata import normalize

from json2db_sync.errors import FileError
from json2db_sync.export.layout import file_stem, unfit_name


def inside(folder: Path, named: str) -> Path:
    """The file that a manifest names.

    :param named: with ``/`` between folders, from the package's own on.
    :raises FileError: where it would be outside of the folder, by its name or by a link.
    """
    parts = PurePosixPath(named).parts
    plain = named.isprintable() and not {"\\", ":"} & {*named} and not named.startswith("/")
    if not parts or ".." in parts or not plain:
        raise FileError(
            f"{folder} names a file {named!r}, which is not one of this folder",
            hint="a package's files lie in its folder: put it there, and name it so",
            file=str(folder),
            reason="path_leads_outside",
        )
    path = folder.joinpath(*parts)
    try:
        real, home = path.resolve(), folder.resolve()
    except (OSError, ValueError, RuntimeError) as error:
        raise FileError(
            f"{str(path)!r} cannot be the name of a file: {error}", file=str(path), reason="invalid_file_name"
        ) from error
    if not real.is_relative_to(home):
        raise FileError(
            f"{path} is a link to {real}, which is not one of this folder's files",
            hint="put the file itself in the link's place",
            file=str(path),
            reason="link_leads_outside",
        )
    return path


def file_stems(titles: Collection[str]) -> Mapping[str, str]:
    """What the files of tables are called, without an ending: no two alike on any file system, each a name on all.

    It depends on the titles alone.
    """
    stems: dict[str, str] = {}
    taken: set[str] = set()
    for title in sorted(titles):
        is_name = unfit_name(title) is None and file_stem(title).isprintable()
        usual = file_stem(title) if is_name else f"table_{sha256(title.encode()).hexdigest()[:16]}"
        others = (f"{usual}~{number}" for number in count(2))
        stems[title] = next(stem for stem in chain([usual], others) if _folded(stem) not in taken)
        taken.add(_folded(stems[title]))
    return stems


def resource_names(stems: Collection[str]) -> Mapping[str, str]:
    """What a package calls files with these names: lower case, digits and ``-._`` alone, no two alike."""
    names: dict[str, str] = {}
    for stem in sorted(stems):
        usual = re.sub(r"[^-a-z0-9._]", "_", stem.lower())
        others = (f"{usual}-{number}" for number in count(2))
        names[stem] = next(name for name in chain([usual], others) if name not in names.values())
    return names


def _folded(stem: str) -> str:
    return normalize("NFC", normalize("NFC", stem).casefold())
