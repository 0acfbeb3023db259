"""Other names of an entity's fields: a record is stored under the names of its plan, and read back under its own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from json2db_sync.model.jsontext import Json, decode, encode


class Renamed(NamedTuple):
    """A record by the names of its plan."""

    record: dict[str, Json]
    names: Mapping[str, str]
    """The name that a field had, by the plan's."""
    beside: Mapping[str, Json]
    """What stands under another name although the plan's own name is there as well."""


class Aliases:
    """What the plan calls the fields of an entity's records.

    :param names: each other name, with the plan's.
    """

    def __init__(self, names: Iterable[tuple[str, str]]) -> None:
        self._names = dict(names)
        self._spelled = [encode(alias).encode() for alias in self._names]

    def __bool__(self) -> bool:
        return bool(self._names)

    def renamed(self, record: dict[str, Json]) -> Renamed:
        """The record by the names of the plan."""
        if self._names.keys().isdisjoint(record):
            return Renamed(record, {}, {})
        names: dict[str, str] = {}
        beside: dict[str, Json] = {}
        for alias, name in self._names.items():
            if alias in record:
                if name in record or name in names:
                    beside[alias] = record[alias]
                else:
                    names[name] = alias
        plain = {self._names.get(key, key): value for key, value in record.items() if key not in beside}
        return Renamed(plain, names, beside)

    def plain(self, record: dict[str, Json]) -> dict[str, Json]:
        """Only the record by the names of the plan."""
        return self.renamed(record).record

    def may_be_in(self, text: bytes) -> bool:
        """Does the text of records hold another name, as far as can be told without decoding it?"""
        return any(spelled in text for spelled in self._spelled)


def noted(rest: str | None, renamed: Renamed) -> str | None:
    """The text of a row's rest that tells the names as well."""
    if not renamed.names and not renamed.beside:
        return rest
    parts: dict[str, Any] = decode(rest) if rest is not None else {}
    if renamed.names:
        parts["names"] = renamed.names
    if renamed.beside:
        parts["values"] = {**parts.get("values", {}), **renamed.beside}
    return encode(parts)
