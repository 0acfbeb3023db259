"""Which files an operation reads, what is in them, and the plans that follow from that."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING

from json2db_sync import events
from json2db_sync.config import JSON2DBConfig
from json2db_sync.errors import ConfigurationError
from json2db_sync.operations.context import Execution, PathLike
from json2db_sync.operations.result_builders import unknown_entities

if TYPE_CHECKING:
    from json2db_sync.analysis.entity_analyzer import ReadOptions
    from json2db_sync.analysis.inference import PlanSettings
    from json2db_sync.analysis.json_analyzer import Analysis
    from json2db_sync.databases.base import Database
    from json2db_sync.model.plan import CustomColumn, EntityPlan
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


class Planning(Execution):
    """From a selection to files, from files to an analysis, from an analysis to plans."""

    def __init__(
        self,
        config: JSON2DBConfig,
        db_path: PathLike | None,
        data_source: PathLike | None,
        listener: events.Listener,
    ) -> None:
        super().__init__(config, db_path, listener)
        self.data_source = data_source
        self._custom: tuple[CustomColumn, ...] = ()
        self._batch_path = True  # for tests, which hold the two ways to read side by side

    @property
    def _memory(self) -> int:
        return self.config.processing.memory_limit * 2**20

    # Files

    def _source(self, selection: Selection, database: Database) -> tuple[Source, list[SourceFile]]:
        """What is there in the window, and the files of it that hold entities asked for."""
        from json2db_sync.sources import discover, window

        processing = self.config.processing
        limits = window(
            cutoff_days=selection.cutoff_days,
            since=selection.since,
            until=selection.until,
            session_max_age=processing.session_max_age,
            default_cutoff_days=processing.default_cutoff_days,
        )
        path = selection.path if selection.path is not None else self.data_source
        source = discover(self.config.source_settings(path), limits)
        for note in source.notes:
            self._emit(events.Notice(note))
        wanted = self._reading(selection).entities
        if wanted is None:
            return source, list(source.files)
        held = source.entities_of(wanted, self._memory)
        known = frozenset(self._stored_plans(database)).union(*held.values())
        if not wanted <= known:
            raise unknown_entities(wanted - known, known)
        return source, [file for file in source.files if held[file.path] & wanted]

    def _reading(self, selection: Selection) -> ReadOptions:
        from json2db_sync.analysis.entity_analyzer import ReadOptions
        from json2db_sync.model.naming import entity_name

        chosen = selection.entity_filter
        if chosen is None:
            return ReadOptions(self._memory, batch_path=self._batch_path)
        names = [chosen] if isinstance(chosen, str) else list(chosen)
        if not names:
            raise ConfigurationError(
                "entity_filter names no entity", hint="leave it out for all", setting="entity_filter"
            )
        return ReadOptions(self._memory, frozenset(map(entity_name, names)), batch_path=self._batch_path)

    def _reading_by_rules(self, selection: Selection) -> ReadOptions:
        """As :meth:`_reading`, and records must satisfy their schemas."""
        return replace(self._reading(selection), rules=self._rules())

    def _rules(self) -> RecordRules:
        """The schemas as they are in the configured folder now."""
        from json2db_sync.validation.record_validator import RecordRules

        section = self.config.validation
        return RecordRules.load(section.schema_directory, section.mode)

    # Analysis and plans

    def _analyze(self, files: Sequence[SourceFile], selection: Selection, database: Database) -> Analysis:
        settings = self._plan_settings(self._stored_plans(database))
        return self._look(files, self._reading_by_rules(selection), settings, "analyze")

    def _look(
        self,
        files: Sequence[SourceFile],
        reading: ReadOptions,
        settings: PlanSettings,
        step: str,
        *,
        check_keys: bool = True,
    ) -> Analysis:
        from json2db_sync.loading.worker import analyze_with_worker
        from json2db_sync.progress import Meter

        meter, allowed = Meter(step, self._emit), self.config.processing.second_process
        return analyze_with_worker(files, reading, settings, meter, allowed=allowed, check_keys=check_keys)

    def _look_closely(self, files: Sequence[SourceFile], selection: Selection) -> Analysis:
        """What the files hold, whatever is stored or ruled, with the arrays in arrays."""
        from json2db_sync.analysis.schema_inference import DEPTH

        settings = replace(self._plan_settings({}), child_depth=DEPTH)
        return self._look(files, self._reading(selection), settings, "infer_schemas", check_keys=False)

    def _plan_settings(self, stored: Mapping[str, EntityPlan]) -> PlanSettings:
        from json2db_sync.analysis.inference import PlanSettings

        return PlanSettings(
            table_prefix=self.config.database.table_prefix,
            child_depth=self.config.processing.child_depth,
            max_columns=self.config.processing.max_columns,
            keys=self.config.processing.keys,
            custom=self._custom,
            stored=stored,
            is_frozen=self.config.processing.is_frozen,
        )

    def _plans(self, analysis: Analysis, stored: Mapping[str, EntityPlan]) -> dict[str, EntityPlan]:
        from json2db_sync.analysis.json_analyzer import make_plans

        return make_plans(analysis, stored, self._plan_settings(stored))

    def _fresh_plans(
        self, database: Database, stored: Iterable[EntityPlan], analysis: Analysis, *, empty: bool
    ) -> dict[str, EntityPlan]:
        """Plans as if made for the first time: from the files and, where they are kept, from the stored rows."""
        from json2db_sync.analysis.json_analyzer import plan_afresh
        from json2db_sync.databases.records import RecordReader

        rebuilt = {plan.entity: plan for plan in stored}
        everything = self._stored_plans(database)
        kept = {name: plan for name, plan in everything.items() if not empty or name not in rebuilt}
        plans = self._plans(analysis, kept)
        with database.reading() as connection:
            for plan in rebuilt.values():
                if empty and plan.entity in analysis.entities:
                    continue  # planned from the files alone, its key included
                rows = () if empty else RecordReader(database, connection, plan).all()
                records = (stored.record for stored in rows)
                others = {**everything, **plans}
                plans[plan.entity] = plan_afresh(plan, records, analysis, self._plan_settings(everything), others)
        return plans

    def _unknown_contracts(self, known: Collection[str]) -> Iterator[str]:
        """Contracts of entities that are nowhere: a slip of the pen would leave tables free to change."""
        for entity in self.config.processing.contracts:
            if entity != "*" and entity not in known:
                near = difflib.get_close_matches(entity, list(known), 1, 0.6)
                yield f"processing.contracts names {entity}, of which there is nothing" + (
                    f" (did you mean {near[0]}?)" if near else ""
                )

    def _ignored_keys(self, stored: Mapping[str, EntityPlan]) -> Iterator[str]:
        """Keys configured after the tables were made with others."""
        for entity, key in self.config.processing.keys.items():
            if entity in stored and stored[entity].key not in (None, key):
                yield f"{entity}: the configured key {', '.join(key)} takes effect with create-tables --recreate"
