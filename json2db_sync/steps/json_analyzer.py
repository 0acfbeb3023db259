"""Read every record and see what each entity is made of: keys, kinds, children, and what could be its key."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from json2db_sync.databases.keyindex import KeyIndex
from json2db_sync.errors import ConfigurationError, FileError
from json2db_sync.model.inference import PlanSettings, guess_relations, infer
from json2db_sync.model.keys import key_of, short_hash
from json2db_sync.model.naming import key_rank
from json2db_sync.model.plan import EntityPlan, Relation, TablePlan, replace, tables_of_others
from json2db_sync.model.statistics import KeyCandidate, ObjectStatistics, allowed_repeats
from json2db_sync.results import RefusedFile
from json2db_sync.sources import Record, RecordReader, SourceFile
from json2db_sync.steps.progress import Meter

_BATCH = 1000
_MAX_EXAMPLES = 3


@dataclass
class EntitySeen:
    """What was seen of one entity."""

    name: str
    objects: ObjectStatistics = field(default_factory=ObjectStatistics)
    candidates: dict[tuple[str, ...], KeyCandidate] = field(default_factory=dict)
    files: int = 0
    rejected: int = 0


@dataclass
class Analysis:
    """What was seen of all entities."""

    entities: dict[str, EntitySeen] = field(default_factory=dict)
    files: int = 0
    bytes: int = 0
    refused: list[RefusedFile] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def records(self) -> int:
        return sum(seen.objects.count for seen in self.entities.values())


@dataclass(frozen=True)
class ReadOptions:
    """How to read files."""

    memory_limit: int = 512 * 2**20
    """Bytes."""
    entities: frozenset[str] | None = None
    """Only these; None for all."""

    def wants(self, entity: str) -> bool:
        return self.entities is None or entity in self.entities


def analyze(
    files: Sequence[SourceFile],
    options: ReadOptions,
    settings: PlanSettings,
    meter: Meter,
    *,
    check_keys: bool = True,
) -> Analysis:
    """Read all files in full. Files that are no JSON of records are listed as refused, and nothing is kept of them.

    :param check_keys: raise when a configured key names a field that no record has; off where the files at hand are
        only some of those there are.
    :raises ConfigurationError: see ``check_keys``.
    """
    refused: list[RefusedFile] = []
    analysis = _analyze(files, options, settings, meter, refused)
    if refused:
        # What the refused files held up to their fault has been counted: count again without them.
        bad = {problem.context.get("file") for problem in refused}
        analysis = _analyze([file for file in files if str(file.path) not in bad], options, settings, meter, [])
        analysis.refused = refused
    if check_keys:
        _check_configured_keys(analysis, settings)
    return analysis


def _analyze(
    files: Iterable[SourceFile],
    options: ReadOptions,
    settings: PlanSettings,
    meter: Meter,
    refused: list[RefusedFile],
) -> Analysis:
    analysis = Analysis()
    for file in files:
        try:
            records = _analyze_file(file, options, settings, meter, analysis)
        except FileError as error:
            refused.append(refused_file(file, error))
            continue
        analysis.files += 1
        analysis.bytes += file.size
        if file.expected_records is not None and file.expected_records != records:
            analysis.notes.append(count_note(file, records))
    return analysis


def refused_file(file: SourceFile, error: Exception) -> RefusedFile:
    """What to say of a file of which nothing is loaded."""
    hint, context = getattr(error, "hint", None), getattr(error, "context", {})
    code = getattr(error, "code", "file_error")
    return RefusedFile(file.name, str(error), code, hint, {**context, "file": str(file.path)})


def count_note(file: SourceFile, records: int) -> str:
    """What to say when the metadata counted otherwise."""
    return f"{file.name} holds {records:,} records, its metadata says {file.expected_records:,}"


def _analyze_file(
    file: SourceFile, options: ReadOptions, settings: PlanSettings, meter: Meter, analysis: Analysis
) -> int:
    report = meter.file_started(file.name)
    number = 0
    counters: dict[str, _KeyCounter] = {}
    try:
        with RecordReader(file, options.memory_limit) as reader:
            for number, record in enumerate(reader, 1):
                if options.wants(record.entity):
                    counter = counters.get(record.entity)
                    if counter is None:
                        seen = analysis.entities.setdefault(record.entity, EntitySeen(record.entity))
                        counter = counters[record.entity] = _KeyCounter(seen, settings, options.memory_limit // 4)
                    counter.observe(record, settings.observed_depth)
                if number % _BATCH == 0:
                    report(number, reader.bytes_read)
        if not counters and reader.envelope.layout != "entities" and options.wants(file.entity):
            seen = analysis.entities.setdefault(file.entity, EntitySeen(file.entity))  # a file without records
            counters[file.entity] = _KeyCounter(seen, settings, options.memory_limit // 4)
        for counter in counters.values():
            counter.finish()
    finally:
        for counter in counters.values():
            counter.close()
    meter.file_done(file.name, number, file.size)
    return number


class _KeyCounter:
    """Takes the records of one entity in one file; counts repeats of whatever may be their key."""

    def __init__(self, seen: EntitySeen, settings: PlanSettings, memory: int) -> None:
        self._seen = seen
        self._memory = memory
        self._known_fields = 0
        self._indexes: dict[tuple[str, ...], KeyIndex] = {}
        self._waiting: list[Record] = []
        self._usable_before = {fields: candidate.usable for fields, candidate in seen.candidates.items()}
        self._configured = (settings.keys or {}).get(seen.name)
        known = settings.key_of(seen.name)
        for fields in dict.fromkeys([*([known] if known else []), *seen.candidates]):
            self._follow(fields)
        seen.files += 1

    def observe(self, record: Record, depth: int) -> None:
        if record.problem is not None:
            self._seen.rejected += 1
            return
        objects = self._seen.objects
        objects.observe(record.value, depth)
        if len(objects.fields) != self._known_fields:
            self._known_fields = len(objects.fields)
            if self._configured is None:
                for name in record.value:
                    if key_rank(name, self._seen.name) is not None:
                        self._follow((name,))
        if self._indexes:
            self._waiting.append(record)
            if len(self._waiting) >= _BATCH:
                self._count()

    def _follow(self, fields: tuple[str, ...]) -> None:
        if fields not in self._indexes:
            self._seen.candidates.setdefault(fields, KeyCandidate(fields))
            self._indexes[fields] = KeyIndex(self._memory)

    def _count(self) -> None:
        for fields, index in self._indexes.items():
            candidate = self._seen.candidates[fields]
            keys = [(key_of(record.value, fields), record) for record in self._waiting]
            known = index.get({key for key, _record in keys if key is not None})
            for key, record in keys:
                if key is None:
                    continue
                candidate.usable += 1
                content = short_hash(record.raw)
                if known.get(key, content) != content:
                    candidate.repeats += 1
                    if len(candidate.examples) < _MAX_EXAMPLES:
                        candidate.examples.append(key)
                known[key] = content
            index.set(known)
        self._waiting.clear()

    def finish(self) -> None:
        """The file is read: what it allows its key depends on its own size, as it will when it is loaded."""
        self._count()
        for fields in self._indexes:
            candidate = self._seen.candidates[fields]
            candidate.allowed += allowed_repeats(candidate.usable - self._usable_before.get(fields, 0))

    def close(self) -> None:
        for index in self._indexes.values():
            index.close()


def _check_configured_keys(analysis: Analysis, settings: PlanSettings) -> None:
    for entity, fields in (settings.keys or {}).items():
        seen = analysis.entities.get(entity)
        if seen is None or not seen.objects.count:
            continue
        unknown = [name for name in fields if name not in seen.objects.fields]
        if unknown:
            known = ", ".join(list(seen.objects.fields)[:12])
            raise ConfigurationError(
                f"no record of {entity} has the configured key field {unknown[0]}",
                hint=f"its fields are {known}{', ...' if len(seen.objects.fields) > 12 else ''}",
                setting="processing.keys",
                entity=entity,
            )


def make_plans(analysis: Analysis, stored: Mapping[str, EntityPlan], settings: PlanSettings) -> dict[str, EntityPlan]:
    """The plans of the entities seen, widening those stored; relations between all of them are guessed."""
    plans: dict[str, EntityPlan] = {}
    for name, seen in sorted(analysis.entities.items()):
        taken = tables_of_others(name, {**stored, **plans})
        plans[name] = infer(name, seen.objects, list(seen.candidates.values()), settings, stored.get(name), taken)
    guessed = guess_relations(plans, {name: seen.objects for name, seen in analysis.entities.items()})
    return {name: _with_relations(plan, guessed.get(name, ())) for name, plan in plans.items()}


def _with_relations(plan: EntityPlan, guessed: tuple[Relation, ...]) -> EntityPlan:
    known = {(relation.table, relation.column) for relation in plan.relations}
    new = tuple(relation for relation in guessed if (relation.table, relation.column) not in known)
    return replace(plan, relations=(*plan.relations, *new)) if new else plan


def plan_afresh(
    stored: EntityPlan,
    records: Iterable[dict[str, Any]],
    analysis: Analysis,
    settings: PlanSettings,
    others: Mapping[str, EntityPlan],
) -> EntityPlan:
    """A plan made as if for the first time, from the stored records and from those of the files, keeping the key."""
    name = stored.entity
    seen = analysis.entities.get(name) or EntitySeen(name)
    key = (settings.keys or {}).get(name, stored.key)
    candidate = seen.candidates.setdefault(key or (), KeyCandidate(key or ()))
    for record in records:
        seen.objects.observe(record, settings.observed_depth)
        candidate.usable += key_of(record, key or ()) is not None
    empty = TablePlan(stored.table.name)
    basis = replace(stored, table=empty, key=key, records_seen=0)
    taken = tables_of_others(name, others)
    return infer(name, seen.objects, list(seen.candidates.values()), settings, basis, taken)
