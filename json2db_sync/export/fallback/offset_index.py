"""Where the records of an export stand, by key: so that one of them is read without decoding all."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from json2db_sync.errors import FileError
from json2db_sync.export.exported_file import KEY, Place, aliases_of, record_of, schema_of
from json2db_sync.model.aliases import Aliases
from json2db_sync.model.jsontext import content_id, short_hash
from json2db_sync.model.record_key import key_of

MOST = 1_000_000
"""Records of one export whose places are remembered: 24 MB."""
_SAMPLE = 1000

Texts = Iterable[tuple[int, bytes]]


@dataclass(frozen=True)
class Keys:
    """What the records of an export are known by."""

    fields: tuple[str, ...]
    """None where records have no key of their own, and are known by their content."""
    aliases: Aliases = field(default_factory=lambda: Aliases(()))
    """Other names of fields."""

    def id_of(self, record: dict[str, Any]) -> str:
        """The id that the database knows it by."""
        return key_of(self.aliases.plain(record), self.fields) or content_id(record)


class OffsetIndex:
    """Remembers where records stand, by a hash of their id: 24 bytes a record."""

    def __init__(self, texts: Texts, keys: Keys) -> None:
        self.keys = keys
        self._hashes, self._starts, self._lengths = array("q"), array("q"), array("q")
        for byte, text in texts:
            self._hashes.append(_hash(keys.id_of(record_of(text))))
            self._starts.append(byte)
            self._lengths.append(len(text))

    def of(self, id_: str) -> Iterator[Place]:
        """Where a record of this id may stand; nearly always one place or none."""
        wanted, at = _hash(id_), -1
        while True:
            try:
                at = self._hashes.index(wanted, at + 1)
            except ValueError:
                return
            yield self._starts[at], self._lengths[at]


def find_keys(path: Path, configured: Sequence[str] | None, texts: Texts, parts: int, aliases: Aliases) -> Keys:
    """What the records of an export are known by: as its schema says, as configured, or as the records show.

    Keys stand first in exported records. Where nothing says how many fields they have, there are as many as the key
    that is looked for has parts.

    :raises FileError: when the records do not have the fields, or their values do not tell records apart.
    """
    schema = schema_of(path)
    named, aliases = schema.get(KEY, ()), aliases or Aliases(aliases_of(schema).items())
    if named is None:
        raise _no_key(path, "does not hold its key")
    stated = named if isinstance(named, list) and all(isinstance(name, str) for name in named) else None
    sample = [aliases.plain(record_of(text)) for _byte, text in islice(texts, _SAMPLE)]
    if stated is None and configured is None:
        leading = Counter(tuple(record)[:parts] for record in sample)
        fields = leading.most_common(1)[0][0] if leading else ()
        ids = [key for record in sample if (key := key_of(record, fields)) is not None]
        if len(set(ids)) < len(ids):
            raise _no_key(path, "does not say what its key is")
    else:
        fields = tuple((stated if stated is not None else configured) or ())
        names = set().union(*sample)
        missing = [name for name in fields if name not in names and name.partition(".")[0] not in names]
        if sample and missing:
            raise _no_key(path, f"does not hold its key ({', '.join(missing)})")
    return Keys(fields, aliases)


def _no_key(path: Path, what: str) -> FileError:
    return FileError(
        f"the export {path} {what}, so no record can be found by its id",
        hint="read all records, or name the key fields (processing.keys)",
        file=str(path),
        reason="export_without_key",
    )


def _hash(id_: str) -> int:
    return short_hash(id_.encode("utf-8", "surrogatepass"))
