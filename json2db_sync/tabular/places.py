"""Where the files of a package may be: whoever wrote its manifest names them."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from json2db_sync.errors import FileError


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
