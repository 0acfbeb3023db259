"""Which files an operation reads, what is in them, and the plans that follow from that."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING

from json2db_sync import events
from json2db_sync.errors import ConfigurationError
from json2db_sync.operations.context import Context, PathLike, Step, stored_plans, unknown_entities
from json2db_sync.results import Note
from json2db_sync.text import did_you_mean

if TYPE_CHECKING:
    from json2db_sync.analysis.entity_analyzer import ReadOptions
    from json2db_sync.analysis.inference import PlanSettings
    from json2db_sync.analysis.json_analyzer import Analysis
    from json2db_sync.databases.base import Database
    from json2db_sync.model.plan import EntityPlan
    from json2db_sync.sources import Source, SourceFile
    from json2db_sync.validation.record_validator import RecordRules

Days = float | str
"""A number of days, or ``"all"``."""


@dataclass(frozen=True)
class Selection:
    """What an operation reads, as its caller gave it."""

    path: PathLike | None = None
    cutoff_days: Days | None = None
    since: date | str | None = None
    until: date | str | None = None
    entity_filter: Collection[str] | None = None


# Files


def find_files(
    context: Context, selection: Selection, database: Database, step: Step
) -> tuple[Source, list[SourceFile]]:
    """What is there in the window, and the files of it that hold entities asked for: the step is going to read them."""
    source = find_source(context, selection)
    for note in source.notes:
        context.emit(events.Notice(note))
    stored = () if selection.entity_filter is None else stored_plans(database)
    files = choose_files(context, source, selection, stored)
    step.reads(len(files), sum(file.size for file in files))
    return source, files


def find_source(context: Context, selection: Selection) -> Source:
    """What is there in the window.

    :raises NoDataFound: when that is nothing.
    """
    from json2db_sync.sources import discover, window

    processing = context.config.processing
    limits = window(
        cutoff_days=selection.cutoff_days,
        since=selection.since,
        until=selection.until,
        session_max_age=processing.session_max_age,
        default_cutoff_days=processing.default_cutoff_days,
    )
    path = selection.path if selection.path is not None else context.data_source
    return discover(context.config.source_settings(path), limits)


def choose_files(context: Context, source: Source, selection: Selection, stored: Iterable[str]) -> list[SourceFile]:
    """The files that hold entities asked for.

    :param stored: the entities in the database, which may be asked for where no file holds them.
    :raises ConfigurationError: when one asked for is neither.
    """
    wanted = reading(context, selection).entities
    if wanted is None:
        return list(source.files)
    held = source.entities_of(wanted, memory(context))
    known = frozenset(stored).union(*held.values())
    if not wanted <= known:
        raise unknown_entities(wanted - known, known)
    return [file for file in source.files if held[file.path] & wanted]


def memory(context: Context) -> int:
    """Bytes of memory to stay within."""
    return context.config.processing.memory_limit * 2**20


def reading(context: Context, selection: Selection) -> ReadOptions:
    """How the files of a selection are read, whatever rules there are."""
    from json2db_sync.analysis.entity_analyzer import ReadOptions
    from json2db_sync.model.plan import entity_name

    chosen, names = selection.entity_filter, None
    if chosen is not None:
        names = frozenset(map(entity_name, [chosen] if isinstance(chosen, str) else chosen))
        if not names:
            hint, setting = "leave it out for all", "entity_filter"
            raise ConfigurationError(
                "entity_filter names no entity", hint=hint, reason="no_entity_named", setting=setting
            )
    return ReadOptions(memory(context), names, batch_path=context.batch_path)


def reading_by_rules(context: Context, selection: Selection) -> ReadOptions:
    """As :func:`reading`, and records must satisfy their schemas."""
    options = reading(context, selection)
    return options if context.config.validation.schema_directory is None else replace(options, rules=rules(context))


def rules(context: Context) -> RecordRules:
    """The schemas as they are in the configured folder now."""
    from json2db_sync.validation.record_validator import RecordRules

    section = context.config.validation
    return RecordRules.load(section.schema_directory, section.mode)


# Analysis and plans


def analyze_files(context: Context, files: Sequence[SourceFile], selection: Selection, database: Database) -> Analysis:
    """What the files hold, by the rules, for the plans that are stored."""
    settings = plan_settings(context, stored_plans(database))
    return look(context, files, reading_by_rules(context, selection), settings)


def look(
    context: Context,
    files: Sequence[SourceFile],
    options: ReadOptions,
    settings: PlanSettings,
    step: str = "analyze",
    *,
    check_keys: bool = True,
) -> Analysis:
    """What the files hold."""
    from json2db_sync.events import Meter
    from json2db_sync.loading.worker import analyze_with_worker

    meter, allowed = Meter(step, context.emit), context.config.processing.second_process
    return analyze_with_worker(files, options, settings, meter, allowed=allowed, check_keys=check_keys)


def plan_settings(context: Context, stored: Mapping[str, EntityPlan]) -> PlanSettings:
    """How plans are made beside those stored."""
    from json2db_sync.analysis.inference import PlanSettings

    processing = context.config.processing
    return PlanSettings(
        table_prefix=context.config.database.table_prefix,
        child_depth=processing.child_depth,
        max_columns=processing.max_columns,
        keys=processing.keys,
        custom=context.custom,
        stored=stored,
        is_frozen=processing.is_frozen,
    )


def make_plans(context: Context, analysis: Analysis, stored: Mapping[str, EntityPlan]) -> dict[str, EntityPlan]:
    """The plans of the entities seen."""
    from json2db_sync.analysis import json_analyzer

    return json_analyzer.make_plans(analysis, stored, plan_settings(context, stored))


# Notes


def doubts_of_settings(context: Context, stored: Mapping[str, EntityPlan], known: Iterable[str]) -> Iterator[Note]:
    """Settings that name what is not there, or that take no effect on the stored tables."""
    yield from ignored_keys(context, stored)
    known = frozenset(known)
    for entity in context.config.processing.contracts:
        if entity != "*" and entity not in known:  # a slip of the pen would leave tables free to change
            near = did_you_mean(entity, sorted(known))
            text = f"processing.contracts names {entity}, of which there is nothing" + (f" ({near})" if near else "")
            yield Note(text, "unknown_contract", entity, setting="processing.contracts")


def ignored_keys(context: Context, stored: Mapping[str, EntityPlan]) -> Iterator[Note]:
    """Keys configured after the tables were made with others."""
    for entity, key in context.config.processing.keys.items():
        if entity in stored and stored[entity].key not in (None, key):
            text = f"{entity}: the configured key {', '.join(key)} takes effect with create-tables --recreate"
            yield Note(text, "key_ignored", entity, setting="processing.keys")
