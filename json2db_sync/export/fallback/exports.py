"""The exports of a folder: which there are, whether they are sound, and their records."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from json2db_sync.atomic_files import BackupRules
from json2db_sync.atomic_files.places import Places
from json2db_sync.errors import FileError
from json2db_sync.export.exported_file import ExportedFile, Identity, identity_of, record_of, text_at
from json2db_sync.export.fallback.export import Export, stated, unfit, verified
from json2db_sync.export.fallback.lru_cache import LRUCache, lock_of
from json2db_sync.export.fallback.offset_index import MOST, Keys, OffsetIndex, find_keys
from json2db_sync.limits import Limits
from json2db_sync.model.aliases import Aliases
from json2db_sync.model.jsontext import Key, stored_id
from json2db_sync.sources.folders import EXPORT_SUFFIXES, METADATA_SUFFIX, SCHEMA_SUFFIX

_TRIES = 10
"""How often to begin again where an export is being replaced by a newer one just now."""


class Replaced(FileError):
    """An export is another one now: what was known of it says nothing any more."""


_SOUND: LRUCache[Identity, Export | FileError] = LRUCache(256)
_OFFSETS: LRUCache[tuple[Identity, int], OffsetIndex] = LRUCache(8)


class Exports:
    """The exports of a folder. Thread-safe; a file is verified once in a process, as long as it stays the same.

    :param limits: what exported files must keep to.
    :param keys: the key fields of entities, where they are configured.
    :param aliases: other names of fields, by entity.
    :param follow_links: is a file read that a link leads to out of the folder?
    """

    def __init__(
        self,
        directory: Path,
        limits: Limits,
        keys: Mapping[str, Sequence[str]],
        aliases: Mapping[str, Mapping[str, str]] | None = None,
        *,
        follow_links: bool = False,
    ) -> None:
        self.directory = directory
        self._follow_links = follow_links
        self._limits = limits
        self._keys = keys
        self._aliases = aliases or {}

    def exist(self) -> bool:
        """Is there a folder of exports at all?"""
        return os.path.isdir(self.directory)  # False also where we may not look

    def names(self) -> list[str]:
        """The names of what is exported there, sound or not."""
        try:
            found = os.listdir(self.directory)
        except OSError:
            found = []
        beside = (METADATA_SUFFIX, SCHEMA_SUFFIX)
        data = (name for name in found if not name.endswith(beside) and name[:1] != ".")
        names = {name.removesuffix(suffix) for name in data for suffix in EXPORT_SUFFIXES if name.endswith(suffix)}
        return sorted(filter(self._is_ours, names))

    def _is_ours(self, name: str) -> bool:
        """Is this an export, rather than some other JSON?"""
        if any((self.directory / f"{name}{suffix}").is_file() for suffix in (METADATA_SUFFIX, SCHEMA_SUFFIX)):
            return True
        try:
            with self._opened(self.find(name), name) as file:
                return "checksum" in file.metadata
        except FileError:
            return False

    def find(self, entity: str) -> Path:
        """The file with the export of an entity; of several the one that was written last.

        :raises FileError: when there is none, or it is a link that leads out of the folder.
        """
        paths = [self.directory / f"{entity}{suffix}" for suffix in EXPORT_SUFFIXES]
        found = {path: changed for path in paths if Path(entity).name == entity and (changed := _changed_at(path))}
        if not found:
            where = "" if self.exist() else ", which is not there"
            raise FileError(
                f"there is no export of {entity} in {self.directory}{where}",
                hint="json2db-sync export writes it; fallback.directory says where",
                entity=entity,
                reason="export_missing",
            )
        newest = max(found, key=lambda path: found[path])
        if newest.is_symlink():
            home = self.directory.resolve()
            Places(home, BackupRules().folder(home), self._follow_links).published(newest.name)
        return newest

    def sound(self, entity: str) -> Export:
        """The export of an entity, whose checksum holds.

        :raises FileError: when there is none, or it does not hold.
        """
        path = self.find(entity)
        for _ in range(_TRIES):
            try:
                identity = identity_of(path)
                found = _SOUND.get(identity) or self._looked_at(path, entity)
                if found is not None:
                    break
            except OSError as error:
                found = unfit(path, f"cannot be read: {error.strerror}", reason="cannot_read")
        else:
            found = unfit(path, "is replaced again and again while it is read", reason="export_replaced")
        if isinstance(found, FileError):
            raise found
        return found

    def stated(self, entity: str) -> Export:
        """The export of an entity as it describes itself; nobody looked whether that is so.

        :raises FileError: when there is none, or it does not say.
        """
        with self._opened(self.find(entity), entity) as file:
            return stated(file)

    def _looked_at(self, path: Path, entity: str) -> Export | FileError | None:
        """What the file turns out to be; None where it was replaced meanwhile."""
        with lock_of(path):
            identity = identity_of(path)
            found = _SOUND.get(identity)  # another thread has looked
            if found is None:
                try:
                    with self._opened(path, entity) as file:
                        found = verified(file)
                except FileError as error:
                    found = unfit(path, f"cannot be trusted: {error.message}", reason=error.reason)
                if identity_of(path) != identity:
                    return None
                _SOUND.put(identity, found)
            return found

    def _opened(self, path: Path, entity: str) -> ExportedFile:
        return ExportedFile(path, entity, self._limits)

    def all(self, export: Export) -> Iterator[dict[str, Any]]:
        """Its records, in order.

        :raises FileError: when it was replaced since, before the first of them; or changed while it was read.
        """
        for _byte, text in self.texts(export):
            yield record_of(text)

    def texts(self, export: Export) -> Iterator[tuple[int, bytes]]:
        """The byte that each of its records starts at, and its text, as :meth:`all`."""
        with self._opened(export.path, export.entity) as file:
            _require_same(export, file.identity)
            yield from file.texts()

    def by_key(self, export: Export, key: Key | Sequence[Key]) -> Iterator[dict[str, Any]]:
        """Its record with this key, if there is one; only the first time all are decoded.

        :raises FileError: when it was replaced since, or nobody can say what its key is.
        """
        try:
            wanted = stored_id(key)
            wanted.encode()
        except ValueError:  # NaN, half a character: no record's key
            return
        parts = 1 if isinstance(key, Key) else len(key)
        if export.records > MOST:
            keys = self._find_keys(export, parts)
            yield from (record for record in self.all(export) if keys.id_of(record) == wanted)
            return
        places = self._places(export, parts)
        for place in places.of(wanted):
            text, identity = text_at(export.path, place)
            _require_same(export, identity)
            record = record_of(text)
            if places.keys.id_of(record) == wanted:
                yield record

    def _places(self, export: Export, parts: int) -> OffsetIndex:
        known = (export.identity, parts)
        with lock_of(export.path):
            places = _OFFSETS.get(known) or OffsetIndex(self.texts(export), self._find_keys(export, parts))
            _OFFSETS.put(known, places)
            return places

    def _find_keys(self, export: Export, parts: int) -> Keys:
        aliases = Aliases(self._aliases.get(export.entity, {}).items())
        return find_keys(export.path, self._keys.get(export.entity), self.texts(export), parts, aliases)


def _changed_at(path: Path) -> int | None:
    """When a file was written last; None where there is no file that we may look at."""
    try:
        status = path.stat()
    except (OSError, ValueError):
        return None
    return status.st_mtime_ns if stat.S_ISREG(status.st_mode) else None


def _require_same(export: Export, identity: Identity) -> None:
    if identity != export.identity:
        raise Replaced(
            f"{export.path} was replaced by a newer export while it was read",
            file=str(export.path),
            reason="export_replaced",
        )
