"""What was seen in the records of an entity: counts by kind, examples, date_formats, key sets. Bounded memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import xxhash

from json2db_sync.model.jsontext import preview, scalar_text
from json2db_sync.model.kinds import (
    INT64_MAX,
    INT64_MIN,
    Kind,
    are_usual_dates,
    date_format_of,
    join,
    kind_of_date_format,
)
from json2db_sync.model.naming import snake
from json2db_sync.model.shredder import is_object_array

MAX_FIELDS = 5_000
"""Keys of one object that are followed; what an object used as a map has beyond that is only counted."""
_MAX_KEY_SETS = 500
MAX_EXAMPLES = 3
EXAMPLES_AMONG = 10_000
"""Values of a key among which examples are looked for: of a key that has hardly any, all would have to be."""
_MAX_SPOILERS = 5
_MAX_SPELLINGS = 5
_MOST_TEXTS_WITHOUT_DATE = 1000
"""After so many texts that are not dates, a column is text, and further ones need not be looked at."""


class Sketch:
    """A sample of distinct values that can be compared with another: those whose hash is small enough.

    Two samples cut at the same bound hold the same values if the sets do, so the share of one set that lies in
    another can be estimated from at most ``2 * SIZE`` numbers a side.
    """

    SIZE = 512
    __slots__ = ("bound", "hashes")

    def __init__(self) -> None:
        self.hashes: set[int] = set()
        self.bound = 2**64

    def add(self, text: str) -> None:
        self._add(xxhash.xxh3_64_intdigest(text.encode("utf-8", "surrogatepass")))

    def add_all(self, texts: Sequence[str]) -> None:
        """Add texts without lone surrogates."""
        bound = self.bound
        hashes = map(xxhash.xxh3_64_intdigest, map(str.encode, dict.fromkeys(texts)))
        for value in [value for value in hashes if value < bound]:
            self._add(value)

    def _add(self, value: int) -> None:
        if value < self.bound:
            self.hashes.add(value)
            if len(self.hashes) > 2 * self.SIZE:
                self.bound = sorted(self.hashes)[self.SIZE]
                self.hashes = {value for value in self.hashes if value < self.bound}

    def share_in(self, other: Sketch) -> tuple[float, int]:
        """The estimated share of this set's values that the other holds, and how many values that rests on."""
        bound = min(self.bound, other.bound)
        mine = {value for value in self.hashes if value < bound}
        return (len(mine & other.hashes) / len(mine), len(mine)) if mine else (0.0, 0)


@dataclass
class FieldStatistics:
    """One key of an object, over all objects seen."""

    key: str
    present: int = 0
    nulls: int = 0
    bools: int = 0
    integers: int = 0
    bigints: int = 0
    numbers: int = 0
    texts: int = 0
    objects: int = 0
    arrays: int = 0
    empty_arrays: int = 0
    object_arrays: int = 0
    """Non-empty arrays of nothing but objects."""
    date_formats: Counter[str] = field(default_factory=Counter)
    """How dates were written; texts that are not dates count under ``""``."""
    spoilers: Counter[str] = field(default_factory=Counter)
    """Some texts that are not dates."""
    spelled: dict[str, str] = field(default_factory=dict)
    """A text of each spelling."""
    examples: list[str] = field(default_factory=list)
    elements: ObjectStatistics | None = None
    """What the objects of its arrays hold."""
    sketch: Sketch | None = None
    """Only for keys that name an id."""

    def __post_init__(self) -> None:
        name = snake(self.key)
        if name.endswith("_id") or name == "id":
            self.sketch = Sketch()

    def observe(self, value: Any, depth: int) -> None:
        self.present += 1
        kind = type(value)
        if value is None:
            self.nulls += 1
        elif kind is str:
            self.observe_texts((value,))
        elif kind is bool:
            self.bools += 1
        elif kind is int:
            if INT64_MIN <= value <= INT64_MAX:
                self.integers += 1
            else:
                self.bigints += 1
        elif kind is float:
            self.numbers += 1
        elif kind is dict:
            self.objects += 1
        else:
            self.observe_array(value, depth)
        if value is not None and self.lacks_examples:
            self.add_example(value)
        if self.sketch is not None and kind in (str, int) and value != "":
            self.sketch.add(scalar_text(value))

    @property
    def lacks_examples(self) -> bool:
        """Are there fewer examples than wanted, and may more be found?"""
        return len(self.examples) < MAX_EXAMPLES and self.present <= EXAMPLES_AMONG

    def add_example(self, value: Any) -> None:
        """Show a value, unless it is shown already."""
        shown = preview(value)
        if shown not in self.examples:
            self.examples.append(shown)

    def observe_texts(self, values: Sequence[str], date_format: str | None = None) -> None:
        """Take in texts.

        :param date_format: of all of them, where they are known for dates.
        """
        self.texts += len(values)
        if date_format and date_format in self.date_formats:
            self.date_formats[date_format] += len(values)
            return
        if len(values) > 1 and self._is_one_date_format(values):
            (date_format,) = self.date_formats
            self.date_formats[date_format] += len(values)
            return
        if len(self.date_formats) > 1:
            for value, times in Counter(values).items():
                self._observe_date_format(value, times)
            return
        for value in values:  # one by one, as long as there may come so many without a date that it is enough
            self._observe_date_format(value, 1)

    def _is_one_date_format(self, values: Sequence[str]) -> bool:
        """Are all texts so far, and these, dates of one date_format, or no dates worth looking for?"""
        if len(self.date_formats) != 1:
            return False
        (date_format,) = self.date_formats
        if not date_format:
            return self._is_no_date
        return are_usual_dates(set(values), date_format)

    @property
    def _is_no_date(self) -> bool:
        """Was there no date among so many texts that dates are not looked for any more?"""
        return self.date_formats[""] >= _MOST_TEXTS_WITHOUT_DATE and len(self.date_formats) == 1

    def _observe_date_format(self, value: str, times: int) -> None:
        if self._is_no_date:
            self.date_formats[""] += times
            return
        date_format = date_format_of(value) or ""
        if date_format in self.date_formats or len(self.date_formats) < _MAX_SPELLINGS:
            self.date_formats[date_format] += times
            self.spelled.setdefault(date_format, value)
        else:
            self.date_formats[""] += times
        if not date_format and (value in self.spoilers or len(self.spoilers) < _MAX_SPOILERS):
            self.spoilers[value[:80]] += times

    def observe_array(self, value: list[Any], depth: int) -> None:
        self.arrays += 1
        if not value:
            self.empty_arrays += 1
        elif is_object_array(value):
            self.object_arrays += 1
            if depth > 0:
                if self.elements is None:
                    self.elements = ObjectStatistics()
                for element in value:
                    self.elements.observe(element, depth - 1)

    @property
    def kind_and_date_format(self) -> tuple[Kind, str | None]:
        """The narrowest kind for all values seen."""
        kind = Kind.UNKNOWN
        for seen, count in (
            (Kind.BOOL, self.bools), (Kind.INTEGER, self.integers), (Kind.BIGINT, self.bigints),
            (Kind.NUMBER, self.numbers), (Kind.JSON, self.objects + self.arrays),
        ):  # fmt: skip
            if count:
                kind = join(kind, seen)
        if self.texts:
            if len(self.date_formats) == 1 and "" not in self.date_formats and kind is Kind.UNKNOWN:
                (date_format,) = self.date_formats
                return kind_of_date_format(date_format), date_format
            kind = join(kind, Kind.TEXT)
        return kind, None

    @property
    def spoiled_by(self) -> dict[str, int]:
        """Texts, with how often, that keep a column that is mostly dates from being one."""
        usual = max((s for s in self.date_formats if s), key=lambda s: self.date_formats[s], default="")
        others = {self.spelled[s]: n for s, n in self.date_formats.items() if s and s != usual and s in self.spelled}
        return {**others, **self.spoilers} if self.spoiled_dates else {}

    @property
    def spoiled_dates(self) -> int:
        """How many texts keep a column that is mostly dates from being one; 0 where it is not mostly dates."""
        dates = self.texts - self.date_formats[""]
        spoiled = self.texts - max((n for date_format, n in self.date_formats.items() if date_format), default=0)
        return spoiled if dates > self.texts / 2 else 0


class ObjectStatistics:
    """The objects at one place: an entity's records, or the elements of one of their arrays."""

    def __init__(self) -> None:
        self.count = 0
        self.fields: dict[str, FieldStatistics] = {}
        self.key_sets: Counter[frozenset[str]] = Counter()
        self.untracked = 0
        """Values under keys beyond ``MAX_FIELDS``."""

    def observe(self, value: Mapping[str, Any], depth: int) -> None:
        """Take in one object; arrays of objects are followed ``depth`` levels down."""
        self.count += 1
        self.add_key_sets({frozenset(value): 1})
        fields = self.fields
        for key, item in value.items():
            known = fields.get(key)
            if known is None:
                if len(fields) >= MAX_FIELDS:
                    self.untracked += 1
                    continue
                known = fields[key] = FieldStatistics(key)
            known.observe(item, depth)

    def add_key_sets(self, counts: Mapping[frozenset[str], int]) -> None:
        """So many objects had just these keys."""
        for keys, count in counts.items():
            if keys in self.key_sets or len(self.key_sets) < _MAX_KEY_SETS:
                self.key_sets[keys] += count


@dataclass
class KeyCandidate:
    """How well a field, or several, would serve as the key."""

    fields: tuple[str, ...]
    usable: int = 0
    """Records with a scalar value there."""
    repeats: int = 0
    """Records whose key another record of the same file had before, with other content."""
    examples: list[str] = field(default_factory=list)

    allowed: int = 0
    """How many repeats its files allow a key, each by its own size."""


def allowed_repeats(records: int) -> int:
    """Rare repeats that a guessed key may have: 1 %, and one in a small file."""
    return max(1, records // 100)
