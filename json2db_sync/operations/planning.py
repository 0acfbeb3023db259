"""Which files an operation reads, what is in them, and the plans that follow from that."""

from __future__ import annotations

import glob
import json
import os
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING

from json2db_sync import events
from json2db_sync.errors import ConfigurationError, FileError
from json2db_sync.operations.context import Context, PathLike, Step, stored_plans, unknown_entities
from json2db_sync.results import Note
from json2db_sync.text import asked

if TYPE_CHECKING:
    from json2db_sync.analysis.entity_analyzer import ReadOptions
    from json2db_sync.analysis.inference import PlanSettings
    from json2db_sync.analysis.json_analyzer import Analysis
    from json2db_sync.databases.base import Database
    from json2db_sync.limits import Limits
    from json2db_sync.model.plan import EntityPlan, TablePlan
    from json2db_sync.sources import Source, SourceFile
    from json2db_sync.sources.layouts import Layouts
    from json2db_sync.sources.records_path import RecordsPath
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


def find_files(
    context: Context, selection: Selection, database: Database, step: Step
) -> tuple[Source, list[SourceFile]]:
    """What is there in the window, and the files of it that hold entities asked for: the step is going to read them."""
    source = find_source(context, selection)
    source = _with_tables_apart(context, source, database)
    source = _with_like_files(context, source, database)
    for note in source.notes:
        context.emit(events.Notice(note))
    stored = () if selection.entity_filter is None else stored_plans(database)
    context.layouts = replace(layouts(context), known=_known_places(database)).among(source.files)
    files = choose_files(context, source, selection, stored)
    exports = list(_schemas_of_exports(files))
    _require_apart(exports)
    context.exported = dict(_keys_of_exports(exports))
    context.exported_aliases = dict(_aliases_of_exports(exports))
    step.reads(len(files), sum(file.size for file in files))
    return source, files


def _with_tables_apart(context: Context, source: Source, database: Database) -> Source:
    """The source; where another filled an entity under another prefix, this one's files hold one beside it."""
    from pathlib import Path

    from json2db_sync.databases.ledger import Ledger

    prefix = context.config.database.table_prefix
    others = {name for name, plan in stored_plans(database).items() if not plan.table.name.startswith(prefix)}
    others &= {file.entity for file in source.files}
    if not others:
        return source
    with database.reading() as connection:
        sources = Ledger(database, connection).sources()
    root = str(source.root)
    apart = {name for name in others if root not in sources[name] and any(Path(one).exists() for one in sources[name])}
    files = (replace(file, entity=prefix + file.entity) if file.entity in apart else file for file in source.files)
    return replace(source, files=tuple(files))


def _with_like_files(context: Context, source: Source, database: Database) -> Source:
    """The source, with a note where its files would be many tables that had better be one."""
    from json2db_sync.sources.like_files import MANY, note_on_like_files

    if len(source.files) < MANY:
        return source
    note = note_on_like_files(source.files, stored_plans(database), limits(context))
    return source if note is None else replace(source, notes=(*source.notes, note))


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
    held = source.entities_of(wanted, limits(context), layouts(context))
    known = frozenset(stored).union(*held.values())
    if not wanted <= known:
        raise unknown_entities(wanted - known, known)
    return [file for file in source.files if held[file.path] & wanted]


def layouts(context: Context) -> Layouts:
    """What is known of how files hold their records."""
    from json2db_sync.sources.layouts import Layouts
    from json2db_sync.sources.records_path import RecordsPath

    if context.layouts is None:
        configured = context.config.data_source.records
        context.layouts = Layouts({name: RecordsPath.parse(path) for name, path in configured.items()})
    return context.layouts


def _schemas_of_exports(files: Iterable[SourceFile]) -> Iterator[tuple[SourceFile, Mapping[str, object]]]:
    """The exports of ours among these files, each with the schema beside it."""
    from json2db_sync.sources.folders import SCHEMA_SUFFIX, beside_of, is_beside_an_export

    for file in files:
        beside = beside_of(file.path, SCHEMA_SUFFIX)
        if os.path.exists(beside) and is_beside_an_export(beside, (file.path.name,)):
            from json2db_sync.export.exported_file import schema_of

            with suppress(FileError):
                yield file, schema_of(file.path)


def _keys_of_exports(
    exports: Iterable[tuple[SourceFile, Mapping[str, object]]],
) -> Iterator[tuple[str, tuple[str, ...] | None]]:
    """By entity, the fields of the key that the schema beside an export of ours names; None where it is left out."""
    for file, schema in exports:
        from json2db_sync.export.exported_file import KEY, aliases_of

        key, fields = schema.get(KEY, ()), schema.get("properties")
        told = tuple(map(str, key)) if isinstance(key, list) else None
        names = {*(fields if isinstance(fields, dict) else ()), *aliases_of(schema).values()}
        known = isinstance(fields, dict) and all({one, one.split(".")[0]} & names for one in told or ())
        if known and (key is None or told is not None):
            yield from dict.fromkeys((str(schema.get("title")), file.entity), told).items()


def _aliases_of_exports(
    exports: Iterable[tuple[SourceFile, Mapping[str, object]]],
) -> Iterator[tuple[str, Mapping[str, str]]]:
    """By entity, the other names of fields that the schema beside an export of ours tells."""
    for file, schema in exports:
        from json2db_sync.export.exported_file import aliases_of

        yield from dict.fromkeys((str(schema.get("title")), file.entity), aliases_of(schema)).items()


def _require_apart(exports: Iterable[tuple[SourceFile, Mapping[str, object]]]) -> None:
    """Raise where records of two tables, or of one at two times, would take each other's place under one name.

    :raises ConfigurationError: naming both files.
    """
    first: dict[str, tuple[SourceFile, object]] = {}
    for file, schema in exports:
        other, title = first.setdefault(file.entity, (file, schema.get("title")))
        if other is file:
            continue
        if title != schema.get("title"):
            line = json.dumps({glob.escape(file.path.name): f"{file.entity}_2"}, ensure_ascii=False)
            raise ConfigurationError(
                f"{other.name} and {file.name} are exports of two tables, {title} and {schema.get('title')}, and both "
                f"would be the entity {file.entity}: one's records would take the place of the other's",
                hint=f"name one of them otherwise: data_source.entities = {line}",
                setting="data_source.entities",
                file=str(file.path),
                entity=file.entity,
                reason="exports_collide",
            )
        if file.path.parent == other.path.parent and len({_checksum(other), _checksum(file)} - {None}) > 1:
            raise ConfigurationError(
                f"{other.name} and {file.name} are exports of one table in two formats, made at different times",
                hint="remove the older one",
                file=str(file.path),
                entity=file.entity,
                reason="exports_collide",
            )


def _checksum(file: SourceFile) -> str | None:
    """What the metadata of an export say, in it or beside it."""
    from json2db_sync.export.published import stated_checksum
    from json2db_sync.sources.folders import METADATA_SUFFIX, beside_of

    with suppress(FileError):
        return stated_checksum(file.path) or stated_checksum(beside_of(file.path, METADATA_SUFFIX))
    return None


def _known_places(database: Database) -> Mapping[str, RecordsPath]:
    """Where the files that are loaded have their records."""
    from json2db_sync.databases.ledger import Ledger

    if not database.exists():
        return {}
    with database.reading() as connection:
        ledger = Ledger(database, connection)
        return ledger.places() if ledger.exists() else {}


def limits(context: Context) -> Limits:
    """What the files that are read must keep to."""
    return context.config.reading_limits


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
    return ReadOptions(limits(context), names, layouts=layouts(context), batch_path=context.batch_path)


def reading_by_rules(context: Context, selection: Selection) -> ReadOptions:
    """As :func:`reading`, and records must satisfy their schemas."""
    options = reading(context, selection)
    return options if context.config.validation.schema_directory is None else replace(options, rules=rules(context))


def rule_notes(options: ReadOptions, plans: Mapping[str, EntityPlan]) -> Iterator[Note]:
    """What of the schemas checks nothing; not where only some entities are looked at."""
    if options.entities is None:
        yield from options.rules.notes([name for name, plan in plans.items() if plan.holds_records], plans)


def rules(context: Context) -> RecordRules:
    """The schemas as they are in the configured folder now."""
    from json2db_sync.validation.record_validator import RecordRules

    section = context.config.validation
    return RecordRules.load(section.schema_directory, section.mode)


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
        children=processing.children,
        max_columns=processing.max_columns,
        kinds=processing.kinds,
        keys={
            entity: tuple(processing.aliases.get(entity, {}).get(name, name) for name in key)
            for entity, key in processing.keys.items()
        },
        exported=context.exported,
        aliases=processing.aliases,
        exported_aliases=context.exported_aliases,
        added=added_fields(context),
        custom=context.custom,
        stored=stored,
        flat_views=processing.flat_views,
        is_frozen=processing.is_frozen,
        versions=processing.versions,
        complete=processing.complete or (),
        deletion_stubs=processing.deletion_stubs,
        max_child_tables=context.config.limits.child_tables,
    )


def added_fields(context: Context) -> tuple[str, ...]:
    """The fields that records get from where they came from."""
    from json2db_sync.sources.added_fields import SOURCE_NAME

    section = context.config.data_source
    return ((SOURCE_NAME,) if section.name else ()) + ((section.folder_column,) if section.folder_column else ())


def make_plans(context: Context, analysis: Analysis, stored: Mapping[str, EntityPlan]) -> dict[str, EntityPlan]:
    """The plans of the entities seen."""
    from json2db_sync.analysis import json_analyzer

    return json_analyzer.make_plans(analysis, stored, plan_settings(context, stored))


def doubts_of_settings(context: Context, stored: Mapping[str, EntityPlan], known: Iterable[str]) -> Iterator[Note]:
    """Settings that name what is not there, or that take no effect on the stored tables."""
    yield from ignored_settings(context, stored)
    known = frozenset(known)
    for entity in context.config.processing.contracts:
        if entity != "*" and entity not in known:  # a slip of the pen would leave tables free to change
            text = f"processing.contracts names {entity}, of which there is nothing{asked(entity, sorted(known))}"
            yield Note(text, "unknown_contract", entity, setting="processing.contracts")


def doubts_of_lifecycles(context: Context, known: Mapping[str, EntityPlan]) -> Iterator[Note]:
    """What processing.versions, .complete, .deletion_stubs, .kinds and .children name that is not there."""
    processing = context.config.processing
    kinds = [("kinds", *name.partition(".")[::2], "%" not in kind) for name, kind in processing.kinds.items()]
    lists = [("children", entity, name, True) for entity, names in processing.children.items() for name in names]
    for setting, entity, name, inside in kinds + lists:
        plan = known.get(entity)
        is_known = plan is not None and plan.holds_records and plan.looked_inside and not plan.table.full
        if plan and is_known and name not in _names(plan.table, "", inside=inside):
            text = f"processing.{setting} names {entity}.{name}, of which there is nothing"
            yield Note(text, "nothing_named", entity, setting=f"processing.{setting}")
    for name in ("versions", "complete", "deletion_stubs"):
        for entity in getattr(processing, name) or ():
            if entity != "*" and entity not in known:
                text = f"processing.{name} names {entity}, of which there is nothing{asked(entity, sorted(known))}"
                yield Note(text, "unknown_lifecycle", entity, setting=f"processing.{name}")
    for name, field in processing.versions.items():
        plan = known.get(name)
        if plan is None or not plan.holds_records or plan.table.full:
            continue
        keys = {column.key for column in plan.table.columns} | {child.key for child in plan.table.children}
        if keys.isdisjoint((field, field.split(".")[0])):
            text = f"{name}: no record has {field}, so that the order of the files says which version is the newest"
            yield Note(text, "unknown_version_field", name, setting="processing.versions")


def _names(table: TablePlan, place: str, *, inside: bool) -> Iterator[str]:
    """The dotted names of all fields and lists, also those inside objects, if wanted: formats are for columns alone."""
    yield from (place + column.key for column in table.columns)
    yield from (place + ".".join(path.keys) for path in table.paths if inside)
    for child in table.children:
        name = place + ".".join(child.path)
        yield name
        yield from _names(child, f"{name}.", inside=inside)


def ignored_settings(context: Context, stored: Mapping[str, EntityPlan]) -> Iterator[Note]:
    """Settings that came after the tables were made without them."""
    processing = context.config.processing
    depth = processing.child_depth
    for entity, plan in stored.items():
        chosen = processing.children.get(entity, {})
        others = plan.child_depth != depth or any(table.depth > depth for table in plan.table.walk())
        if plan.holds_records and (chosen or others) and not processing.is_frozen(entity):
            from json2db_sync.model.list_choices import waiting_lists

            for name, text in waiting_lists(plan, chosen, depth):
                yield Note(text, "children_ignored", entity, setting=f"processing.{name}")
    settings = plan_settings(context, stored)
    for entity, key in (settings.keys or {}).items():
        if entity in stored and stored[entity].key not in (None, key, settings.with_added(key)):
            what = ", ".join(key) or "(none)"
            text = f"{entity}: the configured key {what} takes effect with create-tables --recreate"
            yield Note(text, "key_ignored", entity, setting="processing.keys")
    for entity, told in context.exported.items():
        key, stored_key = told or (), stored[entity].key if entity in stored else None
        if key and stored_key and stored_key != settings.with_added(key) and entity not in (settings.keys or {}):
            line = f"processing.keys = {json.dumps({entity: key}, ensure_ascii=False)}"
            text = (
                f"{entity}: the key is {', '.join(stored_key)}, but where its export comes from it is another; {line}"
            )
            yield Note(
                f"{text}, then create-tables --recreate, unless that is meant", "key_ignored", entity, None, line
            )
    if kinds := processing.kinds:
        from json2db_sync.model.kind_choices import waiting_columns

        for entity, plan in stored.items():
            if plan.holds_records and (waiting := list(waiting_columns(kinds, plan.table, (entity,)))):
                text = f"{entity}: processing.kinds takes effect on {', '.join(waiting)} with create-tables"
                yield Note(text, "kinds_ignored", entity, len(waiting), "processing.kinds")
