"""What was seen in an entity's records: counts by kind, examples, date formats, key sets, samples. Bounded memory."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain

import xxhash

from json2db_sync.model.decoding import Column
from json2db_sync.model.jsontext import Json, preview
from json2db_sync.model.kinds import (
    INT64_MAX,
    INT64_MIN,
    Kind,
    are_usual_dates,
    date_format_of,
    join,
    kind_of_date_format,
)
from json2db_sync.model.plan import snake
from json2db_sync.model.shredder import is_object_array

_MAX_EXAMPLES = 3


class KeySample:
    """Follows those keys whose hash is small enough: of each of them every repeat is seen, however large the file.

    :param most: keys to follow. With no more in the file, the count of repeats is exact.
    """

    def __init__(self, most: int = 100_000) -> None:
        self._most = most
        self._bound = 2**64
        self._contents: dict[int, int] = {}
        self._repeats: list[int] = []
        self.examples: list[str] = []
        """Some keys that repeat."""

    @property
    def repeats(self) -> int:
        """Records whose key an earlier one had, with other content."""
        return round(len(self._repeats) * (2**64 / self._bound))

    def add(self, keys: Sequence[str], contents: Sequence[int]) -> None:
        """The keys of the next records, and a hash of the content of each."""
        hashes = list(map(xxhash.xxh3_64_intdigest, map(str.encode, keys)))
        if self._contents.keys().isdisjoint(hashes) and len(set(hashes)) == len(hashes) and self._bound == 2**64:
            self._contents.update(zip(hashes, contents, strict=True))
        else:
            for key, hash_, content in zip(keys, hashes, contents, strict=True):
                if hash_ < self._bound:
                    self._follow(key, hash_, content)
        while len(self._contents) > self._most:
            self._bound //= 2
            self._contents = {hash_: content for hash_, content in self._contents.items() if hash_ < self._bound}
            self._repeats = [hash_ for hash_ in self._repeats if hash_ < self._bound]

    def _follow(self, key: str, hash_: int, content: int) -> None:
        if self._contents.get(hash_, content) != content:
            self._repeats.append(hash_)
            if len(self.examples) < _MAX_EXAMPLES:
                self.examples.append(key)
        self._contents[hash_] = content


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

    def add(self, texts: Sequence[str]) -> None:
        """The next values, as texts."""
        different = dict.fromkeys(texts)
        try:
            raws = list(map(str.encode, different))
        except UnicodeEncodeError:  # half a character
            raws = [text.encode("utf-8", "surrogatepass") for text in different]
        bound = self.bound
        for value in [value for value in map(xxhash.xxh3_64_intdigest, raws) if value < bound]:
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


MAX_FIELDS = 5_000
"""Keys of one object that are followed; what an object used as a map has beyond that is only counted."""
_MAX_KEY_SETS = 500
_EXAMPLES_AMONG = 10_000
"""Values of a key among which examples are looked for: of a key that has hardly any, all would have to be."""
_MAX_SPOILERS = 5
_MAX_DATE_FORMATS = 5
_MOST_TEXTS_WITHOUT_DATE = 1000
"""After so many texts that are not dates, a column is text, and further ones need not be looked at."""


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
    """A text of each date format."""
    examples: list[str] = field(default_factory=list)
    elements: ObjectStatistics | None = None
    """What the objects of its arrays hold."""
    sketch: Sketch | None = None
    """Only for keys that name an id."""

    def __post_init__(self) -> None:
        name = snake(self.key)
        if name.endswith("_id") or name == "id":
            self.sketch = Sketch()

    def analyze(self, values: Column, types: Counter[type], depth: int, date_format: str | None = None) -> None:
        """Count the next values of the key.

        :param types: how many values are of each type.
        :param depth: levels of arrays of objects to follow.
        :param date_format: of all texts, where they are known for dates.
        """
        before = self.present
        self.present += len(values)
        self.nulls += types[type(None)]
        self.bools += types[bool]
        self.numbers += types[float]
        self.objects += types[dict]
        if types[int]:
            self._analyze_integers(_of_type(int, values, types))
        if types[str]:
            self._analyze_texts(_of_type(str, values, types), date_format)
        if types[list]:
            self._analyze_arrays(_of_type(list, values, types), depth)
        if before < _EXAMPLES_AMONG and len(self.examples) < _MAX_EXAMPLES:
            self._add_examples(values[: _EXAMPLES_AMONG - before], types)
        if self.sketch is not None:
            self.sketch.add(_id_texts(values, types))

    @property
    def lacks_examples(self) -> bool:
        """Are there fewer examples than wanted, and may more be found?"""
        return len(self.examples) < _MAX_EXAMPLES and self.present <= _EXAMPLES_AMONG

    @property
    def holds_objects(self) -> bool:
        """Were its values arrays of objects, and nothing else but null?"""
        return self.object_arrays > 0 and self.object_arrays + self.empty_arrays + self.nulls == self.present

    def _add_examples(self, values: Column, types: Counter[type]) -> None:
        for value in _different(values, types):
            if value is None:
                continue
            shown = preview(value)
            if shown not in self.examples:
                self.examples.append(shown)
                if len(self.examples) == _MAX_EXAMPLES:
                    return

    def _analyze_integers(self, values: Column) -> None:
        count = len(values)
        if min(values) < INT64_MIN or max(values) > INT64_MAX:
            count = sum(INT64_MIN <= value <= INT64_MAX for value in values)
        self.integers += count
        self.bigints += len(values) - count

    def _analyze_texts(self, values: Sequence[str], date_format: str | None) -> None:
        self.texts += len(values)
        if date_format and date_format in self.date_formats:
            self.date_formats[date_format] += len(values)
        elif self._is_one_date_format(values):
            (date_format,) = self.date_formats
            self.date_formats[date_format] += len(values)
        elif len(self.date_formats) > 1:
            for value, times in Counter(values).items():
                self._analyze_date(value, times)
        else:
            for value in values:  # one by one, as long as there may come so many without a date that it is enough
                self._analyze_date(value, 1)

    def _is_one_date_format(self, values: Sequence[str]) -> bool:
        """Are all texts so far, and these, dates of one format, or no dates worth looking for?"""
        if len(self.date_formats) != 1:
            return False
        (date_format,) = self.date_formats
        return are_usual_dates(set(values), date_format) if date_format else self._is_no_date

    @property
    def _is_no_date(self) -> bool:
        """Was there no date among so many texts that dates are not looked for any more?"""
        return self.date_formats[""] >= _MOST_TEXTS_WITHOUT_DATE and len(self.date_formats) == 1

    def _analyze_date(self, value: str, times: int) -> None:
        if self._is_no_date:
            self.date_formats[""] += times
            return
        date_format = date_format_of(value) or ""
        if date_format in self.date_formats or len(self.date_formats) < _MAX_DATE_FORMATS:
            self.date_formats[date_format] += times
            self.spelled.setdefault(date_format, value)
        else:
            self.date_formats[""] += times
        shown = value[:80]
        if not date_format and (shown in self.spoilers or len(self.spoilers) < _MAX_SPOILERS):
            self.spoilers[shown] += times

    def _analyze_arrays(self, arrays: Column, depth: int) -> None:
        filled = [array for array in arrays if is_object_array(array)]
        self.arrays += len(arrays)
        self.empty_arrays += arrays.count([])
        self.object_arrays += len(filled)
        if filled and depth > 0:
            if self.elements is None:
                self.elements = ObjectStatistics()
            self.elements.analyze(list(chain.from_iterable(filled)), depth - 1)

    def count_object_arrays(self, values: Column) -> None:
        """Count arrays of objects, empty arrays and nulls; the elements are counted elsewhere."""
        nulls = values.count(None)
        filled = sum(map(bool, values))
        self.present += len(values)
        self.nulls += nulls
        self.arrays += len(values) - nulls
        self.empty_arrays += len(values) - nulls - filled
        self.object_arrays += filled

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


def _of_type(one: type, values: Column, types: Counter[type]) -> Column:
    if not types[one]:
        return ()
    return values if types[one] == len(values) else [value for value in values if type(value) is one]


def _id_texts(values: Column, types: Counter[type]) -> Sequence[str]:
    """Those of these values that may name a record, as text."""
    if types[str] and types[int]:
        return [str(value) for value in values if type(value) in (str, int) and value != ""]
    texts = _of_type(str, values, types) or list(map(str, _of_type(int, values, types)))
    return [text for text in texts if text] if "" in texts else texts


def _different(values: Column, types: Counter[type]) -> Iterable[Json]:
    """Different values in order of appearance."""
    of = {one for one in types if types[one]} - {type(None)}
    if of in ({str}, {int}):
        return dict.fromkeys(values)
    by_spelling: dict[str, Json] = {}
    for value in values:  # 1, 1.0 and true are equal, and so are 0.0 and -0.0
        by_spelling.setdefault(repr(value), value)
    return by_spelling.values()


class ObjectStatistics:
    """The objects at one place: an entity's records, or the elements of one of their arrays."""

    def __init__(self) -> None:
        self.count = 0
        self.fields: dict[str, FieldStatistics] = {}
        self.key_sets: Counter[frozenset[str]] = Counter()
        self.untracked = 0
        """Values under keys beyond ``MAX_FIELDS``."""

    def analyze(self, values: Sequence[Mapping[str, Json]], depth: int) -> None:
        """Count the next objects; arrays of objects are followed ``depth`` levels down."""
        self.add_key_sets(len(values), Counter(map(frozenset, values)))
        columns: defaultdict[str, list[Json]] = defaultdict(list)
        for value in values:
            for key, item in value.items():
                columns[key].append(item)
        fields = self.fields
        for key, column in columns.items():
            known = fields.get(key)
            if known is None:
                if len(fields) >= MAX_FIELDS:
                    self.untracked += len(column)
                    continue
                known = fields[key] = FieldStatistics(key)
            known.analyze(column, Counter(map(type, column)), depth)

    def add_key_sets(self, objects: int, counts: Mapping[frozenset[str], int]) -> None:
        """So many objects more, of which so many have just these keys."""
        self.count += objects
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
