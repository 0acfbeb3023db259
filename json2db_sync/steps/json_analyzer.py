"""Read every record and see what each entity is made of: keys, kinds, children, and what could be its key."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from json2db_sync.errors import ConfigurationError, FileError
from json2db_sync.model.inference import PlanSettings, guess_relations, infer
from json2db_sync.model.keys import key_of
from json2db_sync.model.plan import EntityPlan, Relation, TablePlan, replace, tables_of_others
from json2db_sync.model.statistics import KeyCandidate
from json2db_sync.results import RefusedFile
from json2db_sync.sources import Record, RecordReader, SourceFile
from json2db_sync.steps.entity_observation import EntityObserver, EntitySeen, ReadOptions
from json2db_sync.steps.progress import Meter


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


def analyze(
    files: Sequence[SourceFile],
    options: ReadOptions,
    settings: PlanSettings,
    meter: Meter,
    *,
    check_keys: bool = True,
    most: int | None = None,
) -> Analysis:
    """Read all files in full. Files that are no JSON of records are listed as refused, and nothing is kept of them.

    :param check_keys: raise when a configured key names a field that no record has; off where the files at hand are
        only some of those there are.
    :param most: bytes to read of each file, about; default: all of it.
    :raises ConfigurationError: see ``check_keys``.
    """
    refused: list[RefusedFile] = []
    analysis = _analyze(files, options, settings, meter, refused, most)
    if refused:
        # What the refused files held up to their fault has been counted: count again without them.
        bad = {problem.context.get("file") for problem in refused}
        analysis = _analyze([file for file in files if str(file.path) not in bad], options, settings, meter, [], most)
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
    most: int | None,
) -> Analysis:
    analysis = Analysis()
    for file in files:
        try:
            records = _analyze_file(file, options, settings, meter, analysis, most)
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
    file: SourceFile,
    options: ReadOptions,
    settings: PlanSettings,
    meter: Meter,
    analysis: Analysis,
    most: int | None,
) -> int:
    report = meter.file_started(file.name)
    number = 0
    counters: dict[str, EntityObserver] = {}
    with RecordReader(file, options.memory_limit) as reader:
        for batch in reader.batches(undecoded=options.compiled):
            if options.wants(batch.entity):
                counter = counters.get(batch.entity)
                if counter is None:
                    seen = analysis.entities.setdefault(batch.entity, EntitySeen(batch.entity))
                    counter = counters[batch.entity] = EntityObserver(seen, file, options, settings)
                counter.add(batch, settings.observed_depth)
            number += len(batch)
            report(number, reader.bytes_read)
            if most is not None and reader.bytes_read > most:
                break
        if not counters and reader.envelope.layout != "entities" and options.wants(file.entity):
            seen = analysis.entities.setdefault(file.entity, EntitySeen(file.entity))  # a file without records
            counters[file.entity] = EntityObserver(seen, file, options, settings)
    for counter in counters.values():
        counter.finish()
    meter.file_done(file.name, number, file.size)
    return number


def analyze_records(
    entity: str, records: Iterable[Record], file: SourceFile, options: ReadOptions, settings: PlanSettings
) -> Analysis:
    """The same of records at hand, which came from a file and are of one entity."""
    seen = EntitySeen(entity)
    counter = EntityObserver(seen, file, options, settings)
    for record in records:
        counter.observe(record, settings.observed_depth)
    counter.finish()
    return Analysis({entity: seen})


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
