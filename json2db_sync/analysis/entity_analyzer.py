"""What is seen of one entity: its fields, the records that break a rule, and what repeats of what may be its key."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import islice

from json2db_sync.analysis.batch_statistics import BatchStatistics
from json2db_sync.analysis.inference import PlanSettings
from json2db_sync.analysis.key_sample import KeySample
from json2db_sync.analysis.statistics import KeyCandidate, ObjectStatistics, allowed_repeats
from json2db_sync.model.decoding import Column, Objects
from json2db_sync.model.keys import MAX_KEY, key_of, key_of_values, short_hash
from json2db_sync.model.kinds import INT64_MAX
from json2db_sync.model.naming import key_rank
from json2db_sync.sources import Record, SourceFile
from json2db_sync.sources.batch import Batch, Undecoded, split_until_fits
from json2db_sync.validation.record_validator import RecordRules

_BATCH = 1000
_BATCH_BYTES = 2**20
_FEW = 32
"""Records that take the row path before any take the batch path."""
_MAX_EXAMPLES = 3


@dataclass(frozen=True)
class ReadOptions:
    """How to read files."""

    memory_limit: int = 512 * 2**20
    """Bytes."""
    entities: frozenset[str] | None = None
    """Only these; None for all."""
    rules: RecordRules = field(default_factory=RecordRules)
    """Records that these reject count as invalid, and shape no plan."""

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
        self._configured = (settings.keys or {}).get(seen.name)
        known = settings.key_of(seen.name)
        for fields in dict.fromkeys([*([known] if known else []), *seen.candidates]):
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
            if self._batch_statistics is None or not self._batch_statistics.knows(self._seen.objects):
                self._batch_statistics = BatchStatistics(self._seen.objects, depth)
            if part is batch and objects is not None and self._batch_statistics.takes(objects):
                return objects
            return self._batch_statistics.read(part.array)

        for part, found in split_until_fits(batch, read):
            if found is None or self._batch_statistics is None:
                self.add_records(part.records(), depth)
                continue
            self._batch_statistics.analyze(found)
            by_key = dict(zip(found.keys, found.values, strict=True))
            for fields in self._samples:
                columns = [by_key.get(field, ()) for field in fields]
                self._count(fields, _keys(columns, len(part)), part.hashes)

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
        objects.analyze([record.value for record in self._waiting], self._depth)
        if self._configured is None:
            for name in islice(objects.fields, self._known_fields, None):
                if key_rank(name, self._seen.name) is not None:
                    self._follow((name,))
        self._known_fields = len(objects.fields)
        contents = [short_hash(record.raw) for record in self._waiting] if self._samples else ()
        for fields in self._samples:
            self._count(fields, [key_of(record.value, fields) for record in self._waiting], contents)
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
        self._seen.candidates[fields].usable += len(usable)
        self._samples[fields].add(usable, contents)

    def finish(self) -> None:
        """The file is read: what it allows its key depends on its own size, as it will when it is loaded."""
        self._analyze_waiting()
        for fields, sample in self._samples.items():
            candidate = self._seen.candidates[fields]
            candidate.repeats += sample.repeats
            candidate.examples += sample.examples[: _MAX_EXAMPLES - len(candidate.examples)]
            candidate.allowed += allowed_repeats(candidate.usable - self._usable_before.get(fields, 0))


def _keys(columns: Sequence[Column], count: int) -> Sequence[str | None]:
    """The keys of records, from the values of their key fields."""
    kinds = set(map(type, columns[0])) if len(columns) == 1 else set()
    if kinds == {int} and max(map(abs, columns[0])) <= INT64_MAX:
        return list(map(str, columns[0]))
    if kinds == {str}:
        lengths = list(map(len, columns[0]))
        if all(lengths) and max(lengths) <= MAX_KEY:
            return columns[0]
    filled = [column or (None,) * count for column in columns]
    return [key_of_values(values) for values in zip(*filled, strict=True)]
