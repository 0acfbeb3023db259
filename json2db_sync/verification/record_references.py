"""References that columns do not tell, read from the stored records: in lists, in objects, of several fields."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from operator import itemgetter

import sqlalchemy as sa

from json2db_sync.databases.base import Database
from json2db_sync.databases.dialect import in_lists
from json2db_sync.databases.outcome_counter import SpillableKeyIndex
from json2db_sync.databases.records import BATCH, RecordReader
from json2db_sync.model.aliases import Aliases
from json2db_sync.model.jsontext import preview
from json2db_sync.model.kinds import INT64_MAX, INT64_MIN, Kind
from json2db_sync.model.plan import ID, EntityPlan
from json2db_sync.model.record_key import key_of_values
from json2db_sync.sources.relation_path import RelationPath

_MEMORY = 32 * 2**20
"""Bytes for the values seen."""
_EXAMPLES = 3
_WHOLE = re.compile(r"0|-?[1-9][0-9]*")


@dataclass
class Found:
    """What the records of an entity refer to."""

    distinct: int = 0
    missing: int = 0
    examples: list[tuple[str, object]] = field(default_factory=list)
    """The first values that are not keys, each with the id of a record that holds it."""
    strange: int = 0
    """Values that cannot be a key at all."""
    strange_example: str = ""
    seen: bool = False
    """Has any record such a field?"""
    near: set[str] = field(default_factory=set)
    """The keys that objects have where they lack the one asked for."""


class Keys:
    """The keys of an entity that others refer to, as texts."""

    def __init__(self, database: Database, connection: sa.Connection, target: EntityPlan) -> None:
        self._database, self._connection = database, connection
        self._ids = database.tables(target)[target.table.name].c[ID]
        self._is_integer = target.id_kind is Kind.INTEGER

    def among(self, texts: Collection[str]) -> set[str]:
        """Those of these texts that are keys."""
        wanted: list[object] = list(texts)
        if self._is_integer:
            numbers = (int(text) for text in texts if len(text) < 21 and _WHOLE.fullmatch(text))
            wanted = [number for number in numbers if INT64_MIN <= number <= INT64_MAX]
        return {
            str(id_)
            for part in in_lists(wanted)
            for id_ in self._connection.execute(sa.select(self._ids).where(self._ids.in_(part))).scalars()
        }

    def remark(self, text: str) -> str:
        """What may be wrong with a text that is no key: two that look the same differ in how accents are written."""
        form, apart = (unicodedata.normalize(name, text) for name in ("NFC", "NFD"))
        same = " (a key differs only in its Unicode form)"
        if self._is_integer or self.among({form, apart} - {text}):
            return "" if self._is_integer else same
        unusual = self._ids.regexp_match("[^ -~]") & (sa.func.length(self._ids) <= len(apart))
        pages = self._database.pages(self._connection, sa.select(self._ids).where(unusual), BATCH)
        return same if any(unicodedata.normalize("NFC", key) == form for page in pages for (key,) in page) else ""


def read_references(
    database: Database, connection: sa.Connection, plan: EntityPlan, path: RelationPath, target: EntityPlan
) -> Found:
    """The values at a path in all records of an entity, held against the keys of another."""
    found, keys, order = Found(), Keys(database, connection, target), _order(path, target.key or ())
    plain = Aliases(plan.aliases).plain
    with SpillableKeyIndex(_MEMORY) as known:
        records = RecordReader(database, connection, plan).all()
        while page := list(islice(records, BATCH)):
            owners: dict[str, object] = {}
            for stored in page:
                for values in path.values(plain(stored.record), found.near):
                    found.seen = True
                    _note([values[place] for place in order], stored.id, owners, found, plan.entity)
            new = owners.keys() - known.get(owners.keys()).keys()
            known.set(dict.fromkeys(new, 1))
            found.distinct += len(new)
            lost = sorted(new - keys.among(new))
            found.missing += len(lost)
            examples = [*found.examples, *((text, owners[text]) for text in lost)]
            found.examples = sorted(examples, key=itemgetter(0))[:_EXAMPLES]
    return found


def _order(path: RelationPath, key: Sequence[str]) -> Sequence[int]:
    """Fields that are called as those of the key go by their names, others by their places."""
    names = path.names
    if len(names) > 1 and sorted(names) == sorted(key):
        return [names.index(name) for name in key]
    return range(max(len(names), 1))


def _note(values: Sequence[object], owner: object, owners: dict[str, object], found: Found, entity: str) -> None:
    """A reference; one that lacks a part refers to nothing."""
    if any(value is None or value == "" for value in values):
        return
    text = key_of_values(values, [""] * len(values))
    if text is not None:
        owners.setdefault(text, owner)
        return
    found.strange += 1
    if not found.strange_example:
        shown = values[0] if len(values) == 1 else list(values)
        found.strange_example = f"{preview(shown)} in {entity} {preview(owner)}"


def shown(examples: Iterable[tuple[str, object]], keys: Keys, entity: str, *, composite: bool) -> Iterator[str]:
    """``"7" in orders 2``."""
    for text, owner in examples:
        yield f"{text if composite else preview(text)} in {entity} {preview(owner)}{keys.remark(text)}"
