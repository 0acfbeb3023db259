"""What every result is: a frozen value that is a mapping too."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from json2db_sync.results.messages import LOUD, Message, Note

_FAILURE_KEYS = frozenset(("error", "error_type", "reason", "hint", "context"))


@dataclass(frozen=True)
class Value(Mapping[str, Any]):
    """A frozen value whose fields are also its keys."""

    def __getitem__(self, key: str) -> Any:
        if key in self._keys():
            return getattr(self, key)
        raise KeyError(key)

    def __iter__(self) -> Iterator[str]:
        return iter(self._keys())

    def __len__(self) -> int:
        return len(self._keys())

    def _keys(self) -> list[str]:
        return [field.name for field in fields(self)]

    def to_json(self, indent: int | None = None) -> str:
        """As JSON text; values that are not JSON (paths, bytes) become text."""
        return json.dumps(_plain(self), indent=indent, ensure_ascii=False, default=str)


def _plain(value: object) -> object:
    if isinstance(value, Message):
        return value.as_dict()
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    return value


@dataclass(frozen=True)
class Result(Value):
    """The outcome of an operation."""

    success: bool = True
    operation: str = ""
    error: str | None = None
    """What went wrong, with the place."""
    error_type: str | None = None
    """configuration_error, file_error, validation_error, database_error, locked or cancelled."""
    reason: str | None = None
    """What kind of error it is, more closely; docs/results.md lists them all."""
    hint: str | None = None
    """What to do about it."""
    context: Mapping[str, Any] | None = None
    """Where: any of file, record, byte, path, entity, table, setting."""
    run: int | None = None
    """The run's number in the ledger, for operations that write."""
    database: str | None = None
    """The database, passwords masked."""
    source: str | None = None
    """Where files came from."""
    notes: tuple[Note, ...] = ()
    """What deserves a look."""

    def _keys(self) -> list[str]:
        names = super()._keys()
        return [name for name in names if not (self.success and name in _FAILURE_KEYS)]

    def __bool__(self) -> bool:
        return self.success

    @property
    def needs_attention(self) -> bool:
        """Done, but with something to look at? (Exit code 3.)"""
        return any(note.code in LOUD for note in self.notes)


@dataclass(frozen=True)
class RefusedFile(Value):
    """A file of which nothing was loaded."""

    file: str
    error: str
    error_type: str
    hint: str | None = None
    context: Mapping[str, Any] = field(default_factory=dict)
    reason: str | None = None
    """As of a result that failed."""
