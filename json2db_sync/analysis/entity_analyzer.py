"""What is seen of one entity: its fields, the records that break a rule, and what repeats of what may be its key."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import msgspec
from msgspec.structs import astuple

from json2db_sync.analysis.inference import PlanSettings
from json2db_sync.analysis.statistics import (
    FieldStatistics,
    KeyCandidate,
    KeySample,
    ObjectStatistics,
    allowed_exceptions,
)
from json2db_sync.limits import BATCH_FIELDS, LIMITS, Limits
from json2db_sync.model.aliases import Aliases
from json2db_sync.model.decoding import (
    ABSENT,
    Column,
    NeedsRowPath,
    Objects,
    StructType,
    elements,
    encoded,
    renamed_array,
    struct_type,
)
from json2db_sync.model.jsontext import MAX_KEY, short_hash
from json2db_sync.model.kinds import INT64_MAX
from json2db_sync.model.paths import plain_object
from json2db_sync.model.plan import MAP_KEY, is_weaker_key, key_rank
from json2db_sync.model.record_key import key_of, key_of_values
from json2db_sync.sources import Record, SourceFile
from json2db_sync.sources.batch import Batch, Undecoded, split_until_fits
from json2db_sync.sources.layout import FileLayout
from json2db_sync.sources.layouts import NOTHING_KNOWN, Layouts
from json2db_sync.validation.record_validator import RecordRules

_encoder = msgspec.json.Encoder()


class BatchStatistics:
    """Counts records that are like those counted before; others must take the row path.

    :raises NeedsRowPath: when nothing, or too much, was seen so far.
    """

    def __init__(self, seen: ObjectStatistics, depth: int) -> None:
        self._objects = _Objects(seen, depth)
        self._decoder = msgspec.json.Decoder(list[self._objects.struct])  # type: ignore[name-defined]
        self._known = known_keys(seen)

    def knows(self, seen: ObjectStatistics) -> bool:
        """Is it made for what was seen by now?"""
        return self._known == known_keys(seen)

    def read(self, array: bytes) -> Objects:
        """The records of a JSON array.

        :raises NeedsRowPath: when one of them holds something new.
        """
        try:
            structs = self._decoder.decode(array)
        except (msgspec.DecodeError, ValueError, RecursionError) as error:
            raise NeedsRowPath from error
        objects = self._objects.read(structs)
        self._objects.require_shallow(objects)
        return objects

    def takes(self, objects: Objects) -> bool:
        """Are these, decoded otherwise, all that :meth:`read` would give?"""
        return self._objects.takes(objects)

    def analyze(self, objects: Objects) -> None:
        """Count records."""
        self._objects.analyze(objects)


def require_few_fields(seen: ObjectStatistics) -> None:
    """Raise :class:`NeedsRowPath` where nothing, or too much, was seen so far."""
    if not seen.fields or seen.untracked or len(seen.fields) > BATCH_FIELDS:
        raise NeedsRowPath


def known_keys(seen: ObjectStatistics) -> tuple[Any, ...]:
    """Tells whether objects have got new keys, or new kinds of arrays."""
    return tuple(
        (field.key, known_keys(field.elements) if field.elements is not None and _holds_objects(field) else None)
        for field in seen.fields.values()
    )


def _holds_objects(field: FieldStatistics) -> bool:
    """Does it hold objects that are counted by column: those of arrays, and those with such arrays in them?

    Only where there are examples: structs cannot be any.
    """
    if not field.holds_objects or field.lacks_examples:
        return False
    return field.object_arrays > 0 or any(True for _ in field.lists_inside())


class _Objects:
    """The objects at one place."""

    def __init__(self, seen: ObjectStatistics, depth: int) -> None:
        require_few_fields(seen)
        self._seen = seen
        self.keys = list(seen.fields)
        self._fields = list(seen.fields.values())
        self._below = {
            place: _Objects(field.elements, depth - (field.object_arrays > 0))
            for place, field in enumerate(self._fields)
            if depth > 0 and field.elements is not None and _holds_objects(field)
        }
        self._depth = depth
        fields: list[StructType] = [
            (f"f{place}", self._type(place, field), ABSENT) for place, field in enumerate(self._fields)
        ]
        names = {f"f{place}": key for place, key in enumerate(self.keys)}
        self.struct: StructType = struct_type(fields, names)

    def _type(self, place: int, field: FieldStatistics) -> StructType:
        below = self._below.get(place)
        if below is None:
            return Any
        if not field.object_arrays:
            return below.struct | None
        return list[below.struct] | below.struct | None if field.objects else list[below.struct] | None  # type: ignore[name-defined]

    def read(self, structs: Column) -> Objects:
        values = list(zip(*map(astuple, structs), strict=True)) if structs else [()] * len(self.keys)
        below = {self.keys[place]: objects.read(elements(values[place])) for place, objects in self._below.items()}
        return Objects(len(structs), self.keys, values, [frozenset(map(type, column)) for column in values], below)

    def require_shallow(self, read: Objects) -> None:
        """Raise :class:`NeedsRowPath` where something may be nested too deep for a record."""
        for place, objects in self._below.items():
            objects.require_shallow(read.below[self.keys[place]])
        for place, (column, types) in enumerate(zip(read.values, read.types, strict=True)):
            if place not in self._below and (dict in types or list in types):
                encoded(column, _encoder)

    def takes(self, read: Objects) -> bool:
        below = {self.keys[place]: objects for place, objects in self._below.items()}
        return (
            set(self.keys) == set(read.keys)
            and below.keys() == read.below.keys()
            and all(objects.takes(read.below[key]) for key, objects in below.items())
        )

    def analyze(self, read: Objects) -> None:
        places = {key: place for place, key in enumerate(read.keys)}
        columns = [read.values[places[key]] for key in self.keys]
        types = [read.types[places[key]] for key in self.keys]
        sometimes = [place for place, of in enumerate(types) if float in of and ABSENT in columns[place]]
        self._seen.add_key_sets(read.count, self._key_sets(read.count, {place: columns[place] for place in sometimes}))
        for place, (key, statistics, column) in enumerate(zip(self.keys, self._fields, columns, strict=True)):
            present = [value for value in column if value is not ABSENT] if place in sometimes else column
            if place in self._below:
                statistics.count_objects(present)
                statistics.look_inside([plain_object(one) for one in present if isinstance(one, msgspec.Struct)])
                self._below[place].analyze(read.below[key])
            else:
                of = types[place]
                kinds = Counter(map(type, present)) if len(of) > 1 else Counter(dict.fromkeys(of, len(present)))
                statistics.analyze(present, kinds, self._depth, read.date_formats.get(key))

    def _key_sets(self, count: int, sometimes: Mapping[int, Column]) -> Counter[frozenset[str]]:
        """How many objects have which keys.

        :param sometimes: the values of fields that some of them lack, by place.
        """
        always = [key for place, key in enumerate(self.keys) if place not in sometimes]
        if not sometimes:
            return Counter({frozenset(always): count} if count else {})
        flags = [[value is not ABSENT for value in column] for column in sometimes.values()]
        keys = [self.keys[place] for place in sometimes]
        found: Counter[frozenset[str]] = Counter()
        for present, number in Counter(zip(*flags, strict=True)).items():
            found[frozenset([*always, *(key for key, there in zip(keys, present, strict=True) if there)])] += number
        return found


_BATCH = 1000
_BATCH_BYTES = 2**20
_FEW = 32
"""Records that take the row path before any take the batch path."""
_MAX_EXAMPLES = 3


@dataclass(frozen=True)
class ReadOptions:
    """How to read files."""

    limits: Limits = LIMITS
    entities: frozenset[str] | None = None
    """Only these; None for all."""
    rules: RecordRules = field(default_factory=RecordRules)
    """Records that these reject count as invalid, and shape no plan."""

    layouts: Layouts = NOTHING_KNOWN
    """What is known of how files hold their records."""
    batch_path: bool = True
    """Analyze many records at once where that can be done; else each takes the row path. The result is the same."""

    def wants(self, entity: str) -> bool:
        return self.entities is None or entity in self.entities


@dataclass
class EntitySeen:
    """What was seen of one entity."""

    name: str
    objects: ObjectStatistics = field(default_factory=ObjectStatistics)
    candidates: dict[tuple[str, ...], KeyCandidate] = field(default_factory=dict)
    files: int = 0
    rejected: int = 0
    invalid: int = 0
    """Records that do not satisfy their schema."""
    invalid_examples: list[str] = field(default_factory=list)


class EntityAnalyzer:
    """Analyzes the records of one entity in one file; counts repeats of whatever may be their key."""

    def __init__(self, seen: EntitySeen, file: SourceFile, options: ReadOptions, settings: PlanSettings) -> None:
        self._seen = seen
        self._file = file
        self._rules = options.rules
        self._takes_batches = options.batch_path and not options.rules.schema_of(seen.name)
        self._batch_statistics: BatchStatistics | None = None
        self._known_fields = 0
        self._samples: dict[tuple[str, ...], KeySample] = {}
        self._waiting: list[Record] = []
        self._waiting_bytes = 0
        self._depth = 0
        self._usable_before = {fields: candidate.usable for fields, candidate in seen.candidates.items()}
        self._aliases = Aliases(settings.aliases_of(seen.name))
        self._configured = (settings.keys or {}).get(seen.name)
        known = self._known = settings.key_of(seen.name)
        if any("." in field for field in known or ()):  # they may be inside objects
            self._takes_batches = False
        fit = [fields for fields, candidate in seen.candidates.items() if not candidate.unfit]
        for fields in dict.fromkeys([*([known] if known else []), *fit]):
            self._follow(fields)
        seen.files += 1

    def add(self, batch: Batch, depth: int, objects: Objects | None = None) -> None:
        """Analyze records, in their order.

        :param objects: the same, if they were decoded for another purpose.
        """
        if self._takes_batches and isinstance(batch, Undecoded):
            self._add_undecoded(batch, depth, objects)
        else:
            self.add_records(batch.records(), depth)

    def _add_undecoded(self, batch: Undecoded, depth: int, objects: Objects | None = None) -> None:
        """Analyze them all at once, or in ever smaller parts where some of them are unlike those before."""
        self._analyze_waiting()
        unseen = _FEW - self._seen.objects.count  # only then there are examples of everything
        if 0 < unseen < len(batch):
            few, batch = batch.cut((0, unseen))
            objects = None
            self.add_records(few.records(), depth)

        def read(part: Undecoded) -> Objects:
            self._analyze_waiting()
            require_few_fields(self._seen.objects)
            if self._batch_statistics is None or not self._batch_statistics.knows(self._seen.objects):
                self._batch_statistics = BatchStatistics(self._seen.objects, depth)
            if part is batch and objects is not None and self._batch_statistics.takes(objects):
                return objects
            return self._batch_statistics.read(renamed_array(self._aliases, part.array)[0])

        for part, found in split_until_fits(batch, read):
            if found is None or self._batch_statistics is None:
                self.add_records(part.records(), depth)
                continue
            self._batch_statistics.analyze(found)
            by_key = dict(zip(found.keys, found.values, strict=True))
            for fields in list(self._samples):
                columns = [by_key.get(field, ()) for field in fields]
                self._count(fields, _keys(fields, columns, len(part)), part.hashes)

    def add_records(self, records: Iterable[Record], depth: int) -> None:
        """Analyze records on the row path. They wait until there are enough to be worth it, or :meth:`finish`."""
        self._depth = depth
        for record in records:
            if record.problem is not None:
                self._seen.rejected += 1
            elif not self._breaks_rule(record) or self._rules.mode != "reject":
                self._waiting.append(record)
                self._waiting_bytes += len(record.raw)
                if len(self._waiting) >= _BATCH or self._waiting_bytes >= _BATCH_BYTES:
                    self._analyze_waiting()

    def _analyze_waiting(self) -> None:
        if not self._waiting:
            return
        objects = self._seen.objects
        values = [self._aliases.plain(record.value) for record in self._waiting]
        objects.analyze(values, self._depth)
        if self._configured is None:
            for name in islice(objects.fields, self._known_fields, None):
                if key_rank(name, self._seen.name) is not None:
                    self._follow((name,))
        self._known_fields = len(objects.fields)
        contents = [short_hash(record.raw) for record in self._waiting] if self._samples else ()
        for fields in list(self._samples):
            keys = [
                None if record.is_unclear else key_of(value, fields)
                for record, value in zip(self._waiting, values, strict=True)
            ]
            self._count(fields, keys, contents)
        self._waiting.clear()
        self._waiting_bytes = 0

    def _breaks_rule(self, record: Record) -> bool:
        violation = self._rules.violation(record.entity, record.value)
        if violation is None:
            return False
        self._seen.invalid += 1
        if len(self._seen.invalid_examples) < _MAX_EXAMPLES:
            where = f"{self._file.name} record {record.number} {violation.path}"
            self._seen.invalid_examples.append(f"{where}: {violation.message}")
        return True

    def _follow(self, fields: tuple[str, ...]) -> None:
        if fields not in self._samples:
            self._seen.candidates.setdefault(fields, KeyCandidate(fields))
            self._samples[fields] = KeySample()

    def _count(self, fields: tuple[str, ...], keys: Sequence[str | None], contents: Sequence[int]) -> None:
        usable = [key for key in keys if key is not None]
        if len(usable) < len(keys):
            contents = [content for key, content in zip(keys, contents, strict=True) if key is not None]
        candidate, sample = self._seen.candidates[fields], self._samples[fields]
        candidate.usable += len(usable)
        sample.add(usable, contents)
        if fields != self._known and (fields == (MAP_KEY,) or is_weaker_key(fields, self._seen.name)):
            missing = candidate.usable < self._seen.objects.count
            candidate.unfit = "is missing in some records" if missing else "repeats" if sample.has_repeats else ""
            if candidate.unfit:
                del self._samples[fields]

    def finish(self, layout: FileLayout | None = None) -> None:
        """The file is read: what it allows its key depends on its own size, as it will when it is loaded."""
        self._analyze_waiting()
        if layout is not None and layout.is_single:  # a status, a configuration: one thing, whatever its code is today
            for fields, candidate in self._seen.candidates.items():
                if fields != self._known and is_weaker_key(fields, self._seen.name):
                    candidate.unfit = "stands in a file of one object"
        for fields, sample in self._samples.items():
            candidate = self._seen.candidates[fields]
            candidate.repeats += sample.repeats
            candidate.examples += sample.examples[: _MAX_EXAMPLES - len(candidate.examples)]
            candidate.allowed += allowed_exceptions(candidate.usable - self._usable_before.get(fields, 0))


def _keys(fields: Sequence[str], columns: Sequence[Column], count: int) -> Sequence[str | None]:
    """The keys of records, from the values of their key fields."""
    kinds = set(map(type, columns[0])) if len(columns) == 1 else set()
    if kinds == {int} and max(map(abs, columns[0])) <= INT64_MAX:
        return list(map(str, columns[0]))
    if kinds == {str}:
        lengths = list(map(len, columns[0]))
        if all(lengths) and max(lengths) <= MAX_KEY:
            return columns[0]
    filled = [column or (None,) * count for column in columns]
    return [key_of_values(values, fields) for values in zip(*filled, strict=True)]
