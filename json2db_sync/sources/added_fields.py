"""Fields that records get from where they came from: the folder of their file, and the name of the source."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from json2db_sync.sources.batch import Batch, Decoded, Record, Undecoded
from json2db_sync.sources.file_order import without_dates

SOURCE_NAME = "source_name"
"""The field that holds ``data_source.name``."""
_OF_SESSIONS = ("raw_json", "sync_sessions", "sync_session", "data")
"""Folders of every sync, which tell nothing."""


def folder_of(path: Path, root: Path) -> str:
    """What the folders of a file say of its records: ``eu/acme`` for ``eu/acme/2026-07-01/invoices.json``.

    Dates tell when, not what. Where nothing is left, the folders above the root are asked, from the innermost on.
    """
    inside = path.parent.relative_to(root).parts if path.is_relative_to(root) else ()
    kept = [name for part in inside if (name := without_dates(part)) and name not in _OF_SESSIONS]
    above = (name for part in reversed(root.parts) if (name := without_dates(part)) and name not in _OF_SESSIONS)
    return "/".join(kept) or next(above, "")


def with_fields(batch: Batch, fields: Mapping[str, str]) -> Batch:
    """The records with these fields before their own. One that has a field so called of its own cannot be loaded."""
    start = b"{" + json.dumps(fields, ensure_ascii=True)[1:-1].encode()
    if isinstance(batch, Undecoded) and not any(json.dumps(name).encode() in batch.text for name in fields):
        return _Extended.of(batch, fields, start)
    return Decoded(batch.entity, batch.first, [_extended(record, fields, start) for record in batch.records()])


def _text(raw: bytes, start: bytes) -> bytes:
    """The text of a record with what it starts with from now on."""
    rest = raw.lstrip()[1:]
    return start + (b"" if rest.lstrip()[:1] == b"}" else b", ") + rest


def _extended(record: Record, fields: Mapping[str, str], start: bytes) -> Record:
    if record.problem is not None:
        return record
    own = next((name for name in fields if name in record.value), None)
    if own is not None:
        problem = f"it has a field {own} of its own, which data_source.folder_column or name gives to all records"
        return replace(record, problem=problem)
    return replace(record, raw=_text(record.raw, start), value={**fields, **record.value})


@dataclass(frozen=True)
class _Extended(Undecoded):
    """Undecoded records with fields before their own. Their places are those in the file."""

    batch: Undecoded | None = None
    fields: Mapping[str, str] | None = None
    start: bytes = b""

    @classmethod
    def of(cls, batch: Undecoded, fields: Mapping[str, str], start: bytes) -> _Extended:
        return cls(
            batch.entity, batch.first, batch.byte, batch.text, batch.raws, batch=batch, fields=fields, start=start
        )

    def __post_init__(self) -> None:
        raws = [_text(raw, self.start) if raw[:1] == b"{" else raw for raw in map(bytes, self.raws)]
        object.__setattr__(self, "raws", raws)

    def records(self, places: Collection[int] | None = None) -> Iterator[Record]:
        assert self.batch is not None
        assert self.fields is not None
        return (_extended(record, self.fields, self.start) for record in self.batch.records(places))

    def smaller(self) -> Iterator[Undecoded]:
        return self._wrapped(self.batch.smaller() if self.batch else iter(()))

    def cut(self, starts: Sequence[int]) -> Iterator[Undecoded]:
        return self._wrapped(self.batch.cut(starts) if self.batch else iter(()))

    def _wrapped(self, parts: Iterator[Undecoded]) -> Iterator[Undecoded]:
        return (_Extended.of(part, self.fields or {}, self.start) for part in parts)
