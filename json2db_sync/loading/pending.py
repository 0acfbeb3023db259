"""What a run would do: which files are loaded already, and whether anything would change."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from json2db_sync.databases.base import Database
from json2db_sync.databases.ledger import Ledger
from json2db_sync.loading.adopted_fields import keys_to_adopt
from json2db_sync.loading.gone import would_mark
from json2db_sync.loading.load_context import PopulateOptions
from json2db_sync.schema.schema_diff import what_to_do
from json2db_sync.sources import SourceFile
from json2db_sync.sources.bytestream import file_digest

_PACKED = {".gz", ".zip", ".bz2", ".xz", ".zst", ".tgz", ".7z"}
_PACKED_TO = 5
"""JSON is packed to about a fifth."""


def is_loaded(database: Database, file: SourceFile, options: PopulateOptions) -> bool:
    """Are its records stored, as far as they are wanted?"""
    if not options.load.duplicate_prevention:
        return False
    configured = options.read.layouts.configured(file)
    with database.reading() as connection:
        ledger = Ledger(database, connection)
        known = ledger.files(str(file.path))
        known = known if any(ledger.load_ids(one.id) for one in known.values()) else {}  # someone deleted its loads
        if configured is not None:
            layouts = {ledger.layout_of(stored.id) for stored in known.values()} - {None}
            if layouts - {"array", configured.to_text()}:
                return False  # the setting is a newer one
    wanted = [stored for stored in known.values() if options.read.wants(stored.entity)]
    if file.entity not in known or not wanted or any(stored.digest is None for stored in wanted):
        return False
    if all((stored.size, stored.mtime_ns) == (file.size, file.mtime_ns) for stored in wanted):
        return True
    digest = file_digest(file.path, file.name)
    if any(stored.digest != digest for stored in wanted):
        return False
    with database.transaction() as connection:
        Ledger(database, connection).touch_file(file)
    return True


def changes_anything(database: Database, files: Sequence[SourceFile], options: PopulateOptions) -> bool:
    """Would loading these files change rows or tables? The lock is held."""
    if not all(is_loaded(database, file, options) for file in files):
        return True
    with database.reading() as connection:
        plans = Ledger(database, connection).plans()
    wanted = {name: plan for name, plan in plans.items() if options.read.wants(name)}
    if keys_to_adopt(database, wanted, options.plans):
        return True
    known = [options.plans.as_configured(plan) for plan in wanted.values()]
    if any(todo.planned for todo in what_to_do(database, known, options.plans)):
        return True
    return would_mark(database, options.read.wants, options.read.limits)


def new_or_changed(database: Database, files: Sequence[SourceFile]) -> list[SourceFile]:
    """Those of the files that were not loaded as they are now, by their sizes and times."""
    if not database.exists():
        return list(files)
    with database.reading() as connection:
        ledger = Ledger(database, connection)
        known = ledger.loaded_files() if ledger.exists() else {}
    kept = {path: file.states for path, file in known.items()}
    return [file for file in files if (file.size, file.mtime_ns) not in kept.get(str(file.path), ())]


def bytes_in(files: Iterable[SourceFile]) -> int:
    """About how much the files hold, unpacked."""
    return sum(file.size * (_PACKED_TO if file.path.suffix.lower() in _PACKED else 1) for file in files)
