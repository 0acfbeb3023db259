"""Files as the ledger remembers them, to be read again."""

from __future__ import annotations

from pathlib import Path

from json2db_sync.databases.ledger import StoredFile
from json2db_sync.model.plan import entity_name
from json2db_sync.sources import SourceFile
from json2db_sync.sources.files import stem_and_suffix, time_of


def source_file(stored: StoredFile, layout: str | None = None) -> SourceFile:
    """The file as it was when it was loaded; it may be gone, or hold something else by now.

    :param layout: how its records were wrapped: a file of several entities bears the name of none of them.
    """
    path = Path(stored.path)
    return SourceFile(
        path=path,
        name=stored.name,
        entity=entity_name(stem_and_suffix(path.name)[0]) if layout == "entities" else stored.entity,
        size=stored.size,
        mtime_ns=stored.mtime_ns,
        session=stored.session,
        stamp=stored.stamp,
        time=time_of(stored.session or stored.stamp or ""),
    )
