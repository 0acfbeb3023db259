"""What was seen in an entity's records: counts by kind, examples, date formats, key sets, samples. Bounded memory."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from copy import copy
from dataclasses import dataclass, field
from functools import reduce
from itertools import chain, groupby

import xxhash

from json2db_sync.analysis.alike_texts import AlikeTexts
from json2db_sync.limits import BATCH_FIELDS, MAX_FIELDS, MAX_KEY_LENGTH
from json2db_sync.model.decoding import Column, NeedsRowPath
from json2db_sync.model.extended_json import MOMENTS, WRAPPERS, unwrapped
from json2db_sync.model.jsontext import Json, preview
from json2db_sync.model.kinds import INT64_MAX, INT64_MIN, Kind, join, kind_of_date_format
from json2db_sync.model.moments import (
    DATE_SPELLING,
    are_usual_dates,
    as_odd,
    class_of,
    date_format_of,
    format_of,
    formats_of,
    may_be_date,
    usual_format,
)
from json2db_sync.model.paths import MAX_DEPTH, ObjectCheck, Shape, may_be_named
from json2db_sync.model.plan import ID, Path, snake
from json2db_sync.model.record_key import OF_MONGODB, key_of_values
from json2db_sync.model.shredder import elements_of

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
        self.has_repeats = False
        """Did any key repeat, be it with the same content?"""
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
        self.has_repeats = self.has_repeats or hash_ in self._contents
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


_MAX_KEY_SETS = 500
_EXAMPLES_AMONG = 10_000
"""Values of a key among which examples are looked for: of a key that has hardly any, all would have to be."""
_MAX_SPOILERS = 5
_MAX_DATE_FORMATS = 24
_MOST_TEXTS_WITHOUT_DATE = 1000
"""After so many texts that are not dates, a column is text, and further ones need not be looked at."""


_MAX_INNER_FIELDS = 500
"""Keys of an object inside another that are followed; one with more is a map."""


_MAX_INNER = 5_000
"""The same, at all places in an entity's records together."""


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
    """Arrays in which there are objects."""
    mixed_arrays: int = 0
    """Those of them that hold others, too."""
    wrapped: Counter[str] = field(default_factory=Counter)
    """By name, objects that are wrappers of MongoDB's Extended JSON."""
    date_formats: Counter[str] = field(default_factory=Counter)
    """How dates were written; texts that are not dates count under ``""``."""
    spoilers: Counter[str] = field(default_factory=Counter)
    """Some texts that are not dates."""
    spelled: dict[str, str] = field(default_factory=dict)
    """A text of each date format."""
    alike: AlikeTexts = field(default_factory=AlikeTexts)
    examples: list[str] = field(default_factory=list)
    elements: ObjectStatistics | None = None
    """What its objects hold, in arrays or not: one object among arrays counts as an array of one."""
    room: list[int] = field(default_factory=lambda: [_MAX_INNER])
    """How many keys of objects inside objects may still be followed; one number for all of an entity."""
    sketch: Sketch | None = None
    """Only for keys that name an id."""
    inside: InsideStatistics | None = None
    """What its objects hold."""

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
        if types[dict]:
            self._count_wrappers(_of_type(dict, values, types))
        if types[int]:
            self._analyze_integers(_of_type(int, values, types))
        if types[str]:
            self._analyze_texts(_of_type(str, values, types), date_format)
        if types[dict]:
            self.look_inside(_of_type(dict, values, types))
        if types[dict] and types[list]:  # one after the other: what is made of them does not depend on batches
            both = (value for value in values if type(value) is dict or type(value) is list)
            for of, run in groupby(both, type):
                column: Column = list(run)
                if of is dict:
                    self._analyze_objects(column, depth)
                else:
                    self._analyze_arrays(column, depth)
        elif types[dict]:
            self._analyze_objects(_of_type(dict, values, types), depth)
        elif types[list]:
            self._analyze_arrays(_of_type(list, values, types), depth)
        if before < _EXAMPLES_AMONG and len(self.examples) < _MAX_EXAMPLES:
            self._add_examples(values[: _EXAMPLES_AMONG - before], types)
        if self.sketch is not None:
            self.sketch.add(_id_texts(values, types))

    def look_inside(self, objects: Sequence[Mapping[str, Json]]) -> None:
        """Follow the keys of objects among the values."""
        if objects:
            self.inside = self.inside or InsideStatistics(self.key)
            self.inside.analyze(objects)

    @property
    def lacks_examples(self) -> bool:
        """Are there fewer examples than wanted, and may more be found?"""
        return len(self.examples) < _MAX_EXAMPLES and self.present <= _EXAMPLES_AMONG

    @property
    def holds_objects(self) -> bool:
        """Were its values objects, or arrays of objects, and nothing else but null?"""
        arrays = self.object_arrays - self.mixed_arrays + self.empty_arrays
        is_any = self.objects + self.object_arrays > 0 and not self.wrapped
        return is_any and self.objects + arrays + self.nulls == self.present

    @property
    def keeps_lists(self) -> bool:
        """Are so many values texts that they stay texts, while lists and objects are kept beside?"""
        is_mixed = self.objects + self.arrays > 0 and self.texts > 0 and not self.wrapped
        return is_mixed and 2 * self.texts >= self.present - self.nulls

    def lists_inside(self) -> Iterator[tuple[tuple[str, ...], FieldStatistics]]:
        """Fields with arrays of objects that lie inside its objects: the way to each, and the field."""
        if self.elements is None or self.elements.untracked:  # with so many keys it is a map
            return
        for key, inner in self.elements.fields.items():
            if inner.object_arrays:
                yield (key,), inner
            else:
                yield from (((key, *way), found) for way, found in inner.lists_inside())

    def maps_inside(self) -> Iterator[tuple[str, ...]]:
        """The ways to objects with so many keys, itself perhaps, that these are not followed."""
        if self.elements is not None and not self.object_arrays:
            if self.elements.untracked:
                yield ()
            else:
                for key, inner in self.elements.fields.items():
                    yield from ((key, *way) for way in inner.maps_inside())

    def _add_examples(self, values: Column, types: Counter[type]) -> None:
        for value in _different(values, types):
            if value is None:
                continue
            shown = preview(value)
            if shown not in self.examples:
                self.examples.append(shown)
                if len(self.examples) == _MAX_EXAMPLES:
                    return

    def _count_wrappers(self, values: Column) -> None:
        for value in values:
            if len(value) == 1 and (wrapped := unwrapped(value)) is not None:
                self.wrapped[wrapped[0]] += 1

    def _analyze_integers(self, values: Column) -> None:
        count = len(values)
        if min(values) < INT64_MIN or max(values) > INT64_MAX:
            count = sum(INT64_MIN <= value <= INT64_MAX for value in values)
        self.integers += count
        self.bigints += len(values) - count

    def _analyze_texts(self, values: Sequence[str], date_format: str | None) -> None:
        self.texts += len(values)
        self.alike.add(values)
        if not date_format or date_format not in self.date_formats:
            date_format = self._one_date_format(values)
        if date_format is not None:
            self._count_format(date_format, values[0], len(values))
        elif self.date_formats.keys() - {""}:
            self._analyze_dates(values)
        elif any(map(may_be_date, values)):
            for value in values:  # one by one, as long as there may come so many without a date that it is enough
                self._analyze_date(value, 1)
        else:
            self._count_format("", values[0], len(values))
            self._count_spoilers(values)

    def _one_date_format(self, values: Sequence[str]) -> str | None:
        """The date format of all texts so far, and of these; "" where they are no dates worth looking for."""
        if len(self.date_formats) > 1:
            return None
        date_format = next(iter(self.date_formats)) if self.date_formats else date_format_of(values[0])
        if not date_format:
            return "" if self.is_no_date else None
        return date_format if are_usual_dates(set(values), date_format) else None

    @property
    def is_no_date(self) -> bool:
        """Was there no date among so many texts that dates are not looked for any more?"""
        return self.date_formats[""] >= _MOST_TEXTS_WITHOUT_DATE and len(self.date_formats) == 1

    def _analyze_date(self, value: str, times: int) -> None:
        if self.is_no_date:
            self.date_formats[""] += times
            return
        date_format = format_of(value)
        self._count_format(date_format, value, times)
        if not date_format:
            self._count_spoilers([value], times)

    def _count_spoilers(self, values: Sequence[str], times: int = 1) -> None:
        for shown, count in Counter([value[:80] for value in values]).items():
            if shown in self.spoilers or len(self.spoilers) < _MAX_SPOILERS:
                self.spoilers[shown] += count * times

    def _analyze_dates(self, values: Sequence[str]) -> None:
        """Count texts among which there are dates of several formats, or other texts."""
        alike = formats_of(values)
        if alike is None:
            for value, times in Counter(values).items():
                self._analyze_date(value, times)
        else:
            for date_format, (value, times) in alike.items():
                self._count_format(date_format, value, times)

    def _count_format(self, date_format: str, value: str, times: int) -> None:
        full = len(self.date_formats) >= _MAX_DATE_FORMATS
        if full and date_format not in self.date_formats and class_of(date_format) != date_format:
            date_format = as_odd(date_format)
        self.date_formats[date_format] += times
        self.spelled.setdefault(date_format, value)

    def _analyze_objects(self, values: Sequence[Mapping[str, Json]], depth: int) -> None:
        self.objects += len(values)
        if depth > 0:
            if self.elements is None:
                self.elements = ObjectStatistics(self.room, _MAX_INNER_FIELDS)
            self.elements.analyze(values, depth - (self.object_arrays > 0))

    def _analyze_arrays(self, arrays: Column, depth: int) -> None:
        found = [elements for elements in map(elements_of, arrays) if elements is not None]
        self.arrays += len(arrays)
        self.empty_arrays += arrays.count([])
        self.object_arrays += len(found)
        self.mixed_arrays += sum(bool(elements.others) for elements in found)
        if found and depth > 0:
            if self.elements is None:
                self.elements = ObjectStatistics(self.room)
            self.elements.most = MAX_FIELDS
            self.elements.analyze(list(chain.from_iterable(elements.objects for elements in found)), depth - 1)

    def count_objects(self, values: Column) -> None:
        """Count objects, arrays of objects, empty arrays and nulls; what the objects hold is counted elsewhere."""
        types = Counter(map(type, values))
        nulls, arrays = types[type(None)], types[list]
        objects = len(values) - nulls - arrays
        filled = sum(map(bool, values)) - objects if arrays else 0
        self.present += len(values)
        self.nulls += nulls
        self.objects += objects
        self.arrays += arrays
        self.object_arrays += filled
        self.empty_arrays += arrays - filled

    @property
    def kind_and_date_format(self) -> tuple[Kind, str | None]:
        """The narrowest kind for all values seen, but for lists and objects that are kept beside."""
        if self.wrapped:
            return self._kind_of_wrapped()
        kind, date_format = self.kind_without_lists
        return (kind, date_format) if self.keeps_lists or not self.objects + self.arrays else (Kind.JSON, None)

    @property
    def kind_beside_objects(self) -> tuple[Kind, str | None]:
        """The same of the values that are no objects."""
        return (Kind.JSON, None) if self.arrays else self.kind_without_lists

    @property
    def kind_without_lists(self) -> tuple[Kind, str | None]:
        """The narrowest kind for all values seen that are no lists and objects."""
        kind = Kind.UNKNOWN
        for seen, count in (
            (Kind.BOOL, self.bools), (Kind.INTEGER, self.integers), (Kind.BIGINT, self.bigints),
            (Kind.NUMBER, self.numbers),
        ):  # fmt: skip
            if count:
                kind = join(kind, seen)
        if self.texts:
            if len(set(map(class_of, self.date_formats))) == 1 and "" not in self.date_formats and kind is Kind.UNKNOWN:
                usual = usual_format(self.date_formats)
                return kind_of_date_format(usual), usual
            kind = join(kind, Kind.TEXT)
        return kind, None

    def _kind_of_wrapped(self) -> tuple[Kind, str | None]:
        """Of wrappers, and what stands beside them."""
        kinds = {WRAPPERS[name].kind for name in self.wrapped}
        if self.objects > self.wrapped.total() or self.arrays:
            return Kind.JSON, None
        if kinds == {Kind.TEXT}:
            return Kind.TEXT, None
        if self.bools or (self.texts and kinds != {Kind.DATETIME}):
            return Kind.JSON, None
        if kinds == {Kind.DATETIME}:
            is_moments = set(map(class_of, self.date_formats)) <= {class_of(MOMENTS)}
            if not is_moments or self.integers or self.bigints or self.numbers:
                return Kind.JSON, None
            return Kind.DATETIME, usual_format(self.date_formats) if self.written == "plain" else MOMENTS
        if kinds & {Kind.TEXT, Kind.DATETIME}:
            return Kind.JSON, None
        kinds |= {Kind.NUMBER} if self.numbers else set()
        return (Kind.DECIMAL if self.bigints else reduce(join, sorted(kinds))), None

    @property
    def written(self) -> str | None:
        """How the values are mostly written, where some are wrappers and columns hold them; else None."""
        counts = Counter({"plain": self.bools + self.integers + self.bigints + self.numbers + self.texts})
        counts.update(self.wrapped)
        return max(counts, key=lambda name: counts[name]) if self.wrapped else None

    @property
    def usual_moment(self) -> str | None:
        """The usual format of the moments, or else wall clocks, among the texts."""
        usual, _times = self._usual_class
        formats = {one: times for one, times in self.date_formats.items() if class_of(one) == usual}
        return usual_format(formats) if usual not in ("", DATE_SPELLING) else None

    @property
    def spoiled_by(self) -> dict[str, int]:
        """Texts, with how often, that keep a column that is mostly dates from being one."""
        usual, _times = self._usual_class
        others = {
            self.spelled[one]: times
            for one, times in self.date_formats.items()
            if one and class_of(one) != usual and one in self.spelled
        }
        return {**others, **self.spoilers} if self.spoiled_dates else {}

    @property
    def spoiled_dates(self) -> int:
        """How many texts keep a column that is mostly dates from being one; 0 where it is not mostly dates."""
        dates = self.texts - self.date_formats[""]
        return self.texts - self._usual_class[1] if dates > self.texts / 2 else 0

    @property
    def _usual_class(self) -> tuple[str, int]:
        """The commonest class of dates and moments, and how many there are of it."""
        counts: Counter[str] = Counter()
        for date_format, times in self.date_formats.items():
            counts[class_of(date_format)] += times
        del counts[""]
        return max(counts.items(), key=lambda one: one[1], default=("", 0))


def _of_type(one: type, values: Column, types: Counter[type]) -> Column:
    if not types[one]:
        return ()
    return values if types[one] == len(values) else [value for value in values if type(value) is one]


def _id_texts(values: Column, types: Counter[type]) -> Sequence[str]:
    """Those of these values that may name a record, as text."""
    if types[dict]:
        keys = (key_of_values((value,), ("",)) for value in values if type(value) is dict)
        wrapped = [key for key in keys if key is not None]
        plain = [value for value in values if type(value) is not dict]
        return [*wrapped, *_id_texts(plain, Counter(map(type, plain)))]
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

    def __init__(self, room: list[int] | None = None, most: int = MAX_FIELDS) -> None:
        self.count = 0
        self.fields: dict[str, FieldStatistics] = {}
        self.key_sets: Counter[frozenset[str]] = Counter()
        self.untracked = 0
        """Values under keys beyond ``most``, and under keys that are too long."""
        self.most = most
        self._room = room or [_MAX_INNER]

    @property
    def holds_objects(self) -> bool:
        """Are there objects inside, or inside the elements of arrays?"""
        return any(
            field.inside is not None or (field.elements is not None and field.elements.holds_objects)
            for field in self.fields.values()
        )

    def at(self, path: Path) -> ObjectStatistics | None:
        """What was seen of the objects of the list at a path."""
        found: ObjectStatistics | None = self
        for key in path:
            field = found.fields.get(key) if found is not None else None
            found = field.elements if field is not None else None
        return found

    def analyze(self, values: Sequence[Mapping[str, Json]], depth: int) -> None:
        """Count the next objects; arrays of objects are followed ``depth`` levels down."""
        is_inside = self.most < MAX_FIELDS
        if is_inside and self.untracked:  # a map, of which nothing is made
            self.count += len(values)
            return
        for key, column in self._columns(values).items():
            known = self.fields.get(key)
            if known is None:
                self._room[0] -= is_inside
                is_over = len(self.fields) >= self.most or len(key) > MAX_KEY_LENGTH
                if is_over or (is_inside and self._room[0] < 0):
                    self.untracked += len(column)
                    continue
                known = self.fields[key] = FieldStatistics(key, room=self._room)
            known.analyze(column, Counter(map(type, column)), depth)

    def _columns(self, values: Sequence[Mapping[str, Json]]) -> Mapping[str, Sequence[Json]]:
        """The values of each key."""
        shapes = Counter(map(tuple, values))
        if len(shapes) == 1:  # as it is mostly
            (keys,) = shapes
            self.add_key_sets(len(values), {frozenset(keys): len(values)})
            return dict(zip(keys, zip(*(value.values() for value in values), strict=True), strict=True))
        self.add_key_sets(len(values), Counter(map(frozenset, values)))
        columns: defaultdict[str, list[Json]] = defaultdict(list)
        for value in values:
            for key, item in value.items():
                columns[key].append(item)
        return columns

    def add_key_sets(self, objects: int, counts: Mapping[frozenset[str], int]) -> None:
        """So many objects more, of which so many have just these keys."""
        self.count += objects
        for keys, count in counts.items():
            if keys in self.key_sets or (len(self.key_sets) < _MAX_KEY_SETS and len(keys) <= BATCH_FIELDS):
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
    unfit: str = ""
    """Why a field of a weaker name cannot be the key."""
    stored_without: int = 0
    """Stored records without it: ids made of their content stand among the keys."""


def allowed_exceptions(records: int) -> int:
    """Records that may repeat, or may lack, a guessed key: 1 %, and one among few."""
    return max(1, records // 100)


def usable_keys(field: FieldStatistics, usable: int) -> FieldStatistics:
    """Of the field that is the key, only the values that make one: records with others are rejected.

    :param usable: how many there are, all of them scalars and no empty text.
    """
    if field.key == OF_MONGODB and field.objects > field.wrapped.total():
        return field  # documents are keys there
    keys = copy(field)
    keys.nulls = keys.objects = keys.arrays = keys.empty_arrays = keys.object_arrays = 0
    keys.elements = None
    others = field.bools + field.integers + field.bigints + field.numbers
    keys.texts = min(max(usable - others, 0), field.texts)
    keys.date_formats = +(field.date_formats - Counter({"": field.texts - keys.texts}))
    return keys


MAX_KEYS = 1000
"""With more in the objects of one place, keys are values, of which nothing is told."""
MAX_PLACES = 5000


class InsideStatistics:
    """The objects at one place inside records: their keys, followed down to what is no object."""

    def __init__(self, key: str = "", depth: int = MAX_DEPTH, left: list[int] | None = None) -> None:
        """:param key: where the objects stand.
        :param depth: levels of objects to follow.
        :param left: how many places may still be followed, in all levels together.
        """
        self.fields: dict[str, FieldStatistics] = {}
        self.is_open = depth <= 0
        """Are there keys that are not followed?"""
        self._is_given_up = self.is_open
        """Is none followed any more?"""
        self._key = key
        self._depth = depth
        self._left = left if left is not None else [MAX_PLACES]
        self._check: ObjectCheck | None = None
        """Knows what was seen up to now."""

    def __getstate__(self) -> dict[str, object]:
        return {**vars(self), "_check": None}  # made of types that no other process has

    def analyze(self, objects: Sequence[Mapping[str, Json]]) -> None:
        """Look into the next objects: those that are like the ones before are many at once."""
        if self._check is None and self.fields:  # made when it is needed: most places have but few objects
            with suppress(NeedsRowPath):
                self._check = ObjectCheck(self.shape())
        if self._check is not None and self._is_like_before(self._check, objects):
            return
        self._check = None
        self._walk(objects)

    def _is_like_before(self, check: ObjectCheck, objects: Sequence[Mapping[str, Json]]) -> bool:
        structs = check.read(objects)
        if structs is None:
            return False
        for place in check.texts:
            field = self._at(place.keys)
            may_be_date = bool(field.date_formats) and "" not in field.date_formats
            # Texts that could be dates, or keys of other entities, are looked at one by one.
            if (may_be_date or field.sketch is not None) and (values := place.values(structs)):
                field.analyze(values, Counter(map(type, values)), 0)
        return True

    def _at(self, keys: Sequence[str]) -> FieldStatistics:
        inside = self
        for key in keys[:-1]:
            below = inside.fields[key].inside
            assert below is not None
            inside = below
        return inside.fields[keys[-1]]

    def _walk(self, objects: Sequence[Mapping[str, Json]]) -> None:
        if self._is_given_up:
            return
        columns: defaultdict[str, list[Json]] = defaultdict(list)
        for value in objects:
            for key, item in value.items():
                columns[key].append(item)
        for key, column in columns.items():
            if not may_be_named(key):
                self.is_open = True
                continue
            known = self.fields.get(key) or self._new(key)
            if known is None:
                continue
            types = Counter(map(type, column))
            below = _of_type(dict, column, types)
            if below and known.inside is not None:
                known.objects += len(below)
                known.inside._walk(below)
                column = [value for value in column if type(value) is not dict]
                del types[dict]
            known.analyze(column, types, 0)
        if len(self.fields) > MAX_KEYS:
            self.fields.clear()
            self.is_open = self._is_given_up = True

    def _new(self, key: str) -> FieldStatistics | None:
        """A key that was not there before; None where it is not followed."""
        if self._left[0] <= 0 or self._depth <= 0:
            self.is_open = True
            return None
        self._left[0] -= 1
        known = self.fields[key] = FieldStatistics(key)
        known.inside = InsideStatistics(key, self._depth - 1, self._left)
        if key == "value" and snake(self._key).endswith("ref"):
            known.sketch = Sketch()  # {"CustomerRef": {"value": "17"}} names an id
        return known

    def shape(self) -> Shape:
        """What was seen, for checking whether more is like it."""
        # A key that is not known yet is looked at, as long as one may be followed.
        shape = Shape(is_open=self._is_given_up or self._left[0] <= 0)
        for key, known in self.fields.items():
            assert known.inside is not None
            shape.below[key] = known.inside.shape()
            shape.below[key].kind = known.kind_beside_objects[0]
        return shape


Targets = Mapping[str, tuple[str, Sketch]]
"""Entity -> its key field, and a sample of its keys."""

_MIN_MATCHES = 3
_MIN_SHARE = 0.5
_REFUTING = 10
"""So many different values, none of them a key of the other entity, show that the name misleads."""


def held_by(field: FieldStatistics, targets: Targets) -> list[tuple[float, str]]:
    """(share, entity) of those that hold at least half of the field's values, and three of them."""
    assert field.sketch is not None
    found = []
    for entity, (_key, sketch) in targets.items():
        share, values = field.sketch.share_in(sketch)
        if share >= _MIN_SHARE and share * values >= _MIN_MATCHES:
            found.append((share, entity))
    return found


def named_alike(key: str, field: FieldStatistics, targets: Targets) -> list[str]:
    """The entities whose key field has this name, unless the values show that the name misleads."""
    assert field.sketch is not None
    found = []
    for entity, (name, sketch) in targets.items():
        share, values = field.sketch.share_in(sketch)
        if snake(key) == snake(name) != ID and (share > 0 or values < _REFUTING):
            found.append(entity)
    return found
