"""What tables hold after any history of loads: the latest record of each key. Nothing of the package is used here."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from support.stored import by_value

KEYS = {"things": ["k"], "pairs": ["x", "y"], "notes": []}
"""Entity -> the fields of its key; ``notes`` has none."""


def is_record(value: Any) -> bool:
    """Is this an object that JSON can say? All others are rejected."""
    try:
        return isinstance(value, dict) and bool(json.dumps(value, allow_nan=False))
    except ValueError:
        return False


def key_of(entity: str, record: dict[str, Any]) -> tuple[str, ...] | None:
    """The key as texts, since 1 and "1" are one key; None where a part says nothing."""
    parts = [record.get(name) for name in KEYS[entity]]
    if not parts or any(part is None or part == "" or isinstance(part, dict | list) for part in parts):
        return None
    return tuple(part if isinstance(part, str) else by_value(part) for part in parts)


@dataclass
class Table:
    """The records of one entity."""

    latest: dict[tuple[str, ...], tuple[int, Any]] = field(default_factory=dict)
    """Key -> (day of the session that it came from, record)."""
    keyless: dict[str, tuple[int, Any]] = field(default_factory=dict)
    """Value -> (how often one file held it, record)."""

    def records(self) -> list[Any]:
        repeated = [record for times, record in self.keyless.values() for _ in range(times)]
        return [record for _day, record in self.latest.values()] + repeated

    def load(self, entity: str, day: int, values: Iterable[Any]) -> Counter[str]:
        """Take in a file; what became of its records."""
        counts: Counter[str] = Counter()
        versions: dict[tuple[str, ...], list[Any]] = {}
        times: Counter[str] = Counter()
        for value in values:
            counts["read"] += 1
            if not is_record(value):
                counts["rejected"] += 1
            elif (key := key_of(entity, value)) is not None:
                versions.setdefault(key, []).append(value)
            elif KEYS[entity]:  # a record without its entity's key
                counts["rejected"] += 1
            else:
                times[by_value(value)] += 1
                counts[self._keep(by_value(value), times, value)] += 1
        for key, sent in versions.items():
            counts += self._replace(key, day, sent)
        return counts

    def _keep(self, text: str, times: Counter[str], value: Any) -> str:
        """Records without a key are as many as one file held of them."""
        known = self.keyless.get(text, (0, None))[0]
        self.keyless[text] = (max(times[text], known), value)
        return "inserted" if times[text] > known else "unchanged"

    def _replace(self, key: tuple[str, ...], day: int, sent: list[Any]) -> Counter[str]:
        """The last version in a file counts, unless a newer file's is here; equal ones in a row are one."""
        newest, known = self.latest.get(key, (0, None))
        texts = [by_value(value) for value in sent]
        if newest > day:
            same = texts.count(by_value(known))
            return Counter(unchanged=same, superseded=len(sent) - same)
        self.latest[key] = (day, sent[-1])
        different = [text for text, _again in groupby(texts)]
        outcome = "updated" if newest else "inserted"
        if newest and different == [by_value(known)]:
            outcome = "unchanged"
        return Counter(unchanged=len(texts) - len(different), superseded=len(different) - 1) + Counter([outcome])


@dataclass
class Model:
    """All entities, and which files were loaded with which text."""

    tables: dict[str, Table] = field(default_factory=lambda: {entity: Table() for entity in KEYS})
    loaded: dict[tuple[int, str], str] = field(default_factory=dict)
    """(day, entity) -> the text that was loaded last."""

    def load(self, files: dict[tuple[int, str], str], chosen: Sequence[tuple[int, str]]) -> Counter[str]:
        """Load the chosen files, oldest first; those that have not changed are passed over."""
        counts: Counter[str] = Counter()
        for place in sorted(chosen):
            text = files[place]
            if self.loaded.get(place) == text or not is_whole(text):
                continue
            day, entity = place
            counts += self.tables[entity].load(entity, day, json.loads(text))
            self.loaded[place] = text
        return counts

    def discard(self, entities: Iterable[str]) -> None:
        """Empty the tables; their files will be loaded again."""
        for entity in entities:
            self.tables[entity] = Table()
            self.loaded = {place: text for place, text in self.loaded.items() if place[1] != entity}


def is_whole(text: str) -> bool:
    """Is this JSON to its end?"""
    try:
        json.loads(text)
    except ValueError:
        return False
    return True
