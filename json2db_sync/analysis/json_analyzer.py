"""Read every record and count what each entity is made of: keys, kinds, children, and what could be its key."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol

from json2db_sync.analysis.entity_analyzer import EntityAnalyzer, EntitySeen, ReadOptions
from json2db_sync.analysis.inference import PlanSettings, guess_relations, infer, require_few_tables
from json2db_sync.analysis.statistics import KeyCandidate, ObjectStatistics
from json2db_sync.errors import ConfigurationError, FileError
from json2db_sync.events import Meter
from json2db_sync.model.aliases import Aliases
from json2db_sync.model.decoding import Objects
from json2db_sync.model.jsontext import Json
from json2db_sync.model.plan import EntityPlan, Relation, TablePlan, replace, tables_of_others
from json2db_sync.model.record_key import key_of
from json2db_sync.results import Note, RefusedFile
from json2db_sync.sources import Record, RecordReader, SourceFile
from json2db_sync.sources.batch import Batch
from json2db_sync.sources.layout import FileLayout
from json2db_sync.workers.batching import batched

_BATCH = 500


@dataclass
class Analysis:
    """What was seen of all entities."""

    entities: dict[str, EntitySeen] = field(default_factory=dict)
    files: int = 0
    bytes: int = 0
    refused: list[RefusedFile] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)

    @property
    def records(self) -> int:
        return sum(seen.objects.count for seen in self.entities.values())


class AnalyzesRecords(Protocol):
    """Analyzes the records of files, one file after the other."""

    @property
    def analysis(self) -> Analysis: ...

    def start_file(self, file: SourceFile) -> None: ...

    def add(self, batch: Batch) -> None: ...

    def finish_file(self, records: int, layout: FileLayout) -> None: ...


class Analyzer:
    """Analyzes records in this process."""

    def __init__(self, options: ReadOptions, settings: PlanSettings) -> None:
        self.analysis = Analysis()
        self._options = options
        self._settings = settings
        self._file: SourceFile
        self._counters: dict[str, EntityAnalyzer] = {}

    def start_file(self, file: SourceFile) -> None:
        """The records to come are of this file."""
        self._file = file
        self._counters = {}

    def add(self, batch: Batch, objects: Objects | None = None) -> None:
        """Analyze records, in their order.

        :param objects: the same, if they were decoded for another purpose.
        """
        if self._options.wants(batch.entity):
            self._of(batch.entity).add(batch, self._settings.observed_depth, objects)

    def _of(self, entity: str) -> EntityAnalyzer:
        if entity not in self._counters:
            seen = self.analysis.entities.setdefault(entity, EntitySeen(entity))
            self._counters[entity] = EntityAnalyzer(seen, self._file, self._options, self._settings)
        return self._counters[entity]

    def finish_file(self, records: int, layout: FileLayout) -> None:
        """These were all.

        :raises FileError: when an entity of the file gets too many tables.
        """
        if not self._counters and layout.kind != "entities" and self._options.wants(layout.entity):
            self._of(layout.entity)  # a file without records
        for name, counter in self._counters.items():
            counter.finish(layout)
            require_few_tables(name, self.analysis.entities[name].objects, self._settings, self._file)
        self.analysis.files += 1
        self.analysis.bytes += self._file.size
        if self._file.expected_records not in (None, records):
            self.analysis.notes.append(count_note(self._file, records))
        self.analysis.notes += layout.notes(self._file.name)


def analyze(
    files: Sequence[SourceFile],
    options: ReadOptions,
    settings: PlanSettings,
    meter: Meter,
    *,
    check_keys: bool = True,
    most: int | None = None,
    new_analyzer: Callable[[], AnalyzesRecords] | None = None,
) -> Analysis:
    """Read all files in full. Files that are not JSON of records are listed as refused, and nothing is kept of them.

    :param check_keys: raise when a configured key names a field that no record has; off where the files at hand are
        only some of those there are.
    :param most: bytes to read of each file, about; default: all of it.
    :param new_analyzer: starts a new analyzer; default: one in this process.
    :raises ConfigurationError: see ``check_keys``.
    """
    new_analyzer = new_analyzer or partial(Analyzer, options, settings)
    refused: list[RefusedFile] = []
    analysis = _analyze(files, options, new_analyzer(), meter, refused, most)
    if refused:
        # What the refused files held up to their fault has been counted: count again without them.
        bad = {problem.context.get("file") for problem in refused}
        good = [file for file in files if str(file.path) not in bad]
        analysis = _analyze(good, options, new_analyzer(), meter, [], most)
        analysis.refused = refused
    if check_keys:
        _check_configured_keys(analysis, settings)
    return analysis


def _analyze(
    files: Iterable[SourceFile],
    options: ReadOptions,
    analyzer: AnalyzesRecords,
    meter: Meter,
    refused: list[RefusedFile],
    most: int | None,
) -> Analysis:
    for file in files:
        try:
            analyze_file(file, options, analyzer, meter, most)
        except FileError as error:
            refused.append(refused_file(file, error))
    return analyzer.analysis


def refused_file(file: SourceFile, error: Exception) -> RefusedFile:
    """What to say of a file of which nothing is loaded."""
    hint, context = getattr(error, "hint", None), getattr(error, "context", {})
    code = getattr(error, "code", "file_error")
    reason = getattr(error, "reason", code)
    return RefusedFile(file.name, str(error), code, hint, {**context, "file": str(file.path)}, reason)


def count_note(file: SourceFile, records: int) -> Note:
    """What to say when the metadata counted otherwise."""
    text = f"{file.name} holds {records:,} records, its metadata says {file.expected_records:,}"
    return Note(text, "record_count_differs", entity=file.entity, count=records)


def analyze_file(
    file: SourceFile, options: ReadOptions, analyzer: AnalyzesRecords, meter: Meter, most: int | None = None
) -> None:
    """Analyze the records of one file.

    :raises FileError: when it cannot be read to its end.
    """
    report = meter.file_started(file.name)
    number = 0
    analyzer.start_file(file)
    with RecordReader(file, options.limits, layouts=options.layouts) as reader:
        for batch in reader.batches(undecoded=options.batch_path):
            analyzer.add(batch)
            number += len(batch)
            report(number, reader.bytes_read)
            if most is not None and reader.bytes_read > most:
                break
        analyzer.finish_file(number, reader.layout)
    meter.file_done(file.name, number, file.size)


def analyze_records(
    entity: str, records: Iterable[Record], file: SourceFile, options: ReadOptions, settings: PlanSettings
) -> Analysis:
    """The same of records at hand, which came from a file and are of one entity."""
    seen = EntitySeen(entity)
    counter = EntityAnalyzer(seen, file, options, settings)
    counter.add_records(records, settings.observed_depth)
    counter.finish()
    return Analysis({entity: seen})


def _check_configured_keys(analysis: Analysis, settings: PlanSettings) -> None:
    for entity, fields in (settings.keys or {}).items():
        seen = analysis.entities.get(entity)
        if seen is None or not seen.objects.count:
            continue
        unknown = [name for name in fields if seen.objects.fields.keys().isdisjoint((name, name.split(".")[0]))]
        if unknown:
            known = ", ".join(list(seen.objects.fields)[:12])
            raise ConfigurationError(
                f"no record of {entity} has the configured key field {unknown[0]}",
                hint=f"its fields are {known}{', ...' if len(seen.objects.fields) > 12 else ''}",
                setting="processing.keys",
                entity=entity,
                reason="unknown_key_field",
            )


def make_plans(analysis: Analysis, stored: Mapping[str, EntityPlan], settings: PlanSettings) -> dict[str, EntityPlan]:
    """The plans of the entities seen, widening those stored; relations between all of them are guessed."""
    plans: dict[str, EntityPlan] = {}
    owners = {table.name: name for name, plan in stored.items() for table in plan.tables}
    for name, seen in sorted(analysis.entities.items()):
        taken = {table for table, owner in owners.items() if owner != name}
        plans[name] = infer(name, seen.objects, list(seen.candidates.values()), settings, stored.get(name), taken)
        owners |= {table.name: name for table in plans[name].tables}
    guessed = guess_relations(plans, {name: seen.objects for name, seen in analysis.entities.items()})
    return {name: _with_relations(plan, guessed.get(name, ())) for name, plan in plans.items()}


def _with_relations(plan: EntityPlan, guessed: tuple[Relation, ...]) -> EntityPlan:
    known = {(relation.table, relation.column) for relation in plan.relations}
    new = tuple(relation for relation in guessed if (relation.table, relation.column) not in known)
    return replace(plan, relations=(*plan.relations, *new)) if new else plan


def analyze_stored(
    records: Iterable[dict[str, Json]], seen: ObjectStatistics, candidate: KeyCandidate, settings: PlanSettings
) -> None:
    """Count what stored records hold, and in how many of them the candidate makes a key."""
    for part in batched(records, _BATCH):
        seen.analyze(part, settings.observed_depth)
        usable = sum(key_of(record, candidate.fields) is not None for record in part)
        candidate.usable += usable
        candidate.stored_without += len(part) - usable


def plan_afresh(
    stored: EntityPlan,
    records: Iterable[dict[str, Json]],
    analysis: Analysis,
    settings: PlanSettings,
    others: Mapping[str, EntityPlan],
) -> EntityPlan:
    """A plan made as if for the first time, from the stored records and from those of the files, keeping the key."""
    name = stored.entity
    seen = analysis.entities.get(name) or EntitySeen(name)
    key = (settings.keys or {}).get(name, stored.key)
    key = settings.with_added(key) if key else key
    candidate = seen.candidates.setdefault(key or (), KeyCandidate(key or ()))
    plain = Aliases(settings.aliases_of(name)).plain
    analyze_stored(map(plain, records), seen.objects, candidate, settings)
    empty = TablePlan(stored.table.name)
    basis = replace(stored, table=empty, key=key, records_seen=0, maps=())
    taken = tables_of_others(name, others)
    return infer(name, seen.objects, list(seen.candidates.values()), settings, basis, taken)
