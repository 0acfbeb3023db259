"""From what was seen to a plan: columns, kinds, children, key, relations. A stored plan is only ever widened."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, replace

from json2db_sync.analysis.column_kinds import with_kind
from json2db_sync.analysis.path_inference import with_paths
from json2db_sync.analysis.path_relations import path_relations
from json2db_sync.analysis.statistics import (
    FieldStatistics,
    KeyCandidate,
    ObjectStatistics,
    Targets,
    allowed_exceptions,
    held_by,
    named_alike,
    usable_keys,
)
from json2db_sync.errors import ConfigurationError
from json2db_sync.limits import LIMITS, exceeded
from json2db_sync.model.jsontext import canonical
from json2db_sync.model.kind_choices import KindChoice, choice_for
from json2db_sync.model.kinds import Kind
from json2db_sync.model.plan import (
    ID,
    KEY_LEFT_OUT,
    ColumnPlan,
    CustomColumn,
    EntityPlan,
    Lifecycle,
    ListRule,
    NoneMeans,
    Path,
    Relation,
    TablePlan,
    column_name,
    dotted,
    key_rank,
    singular,
    snake,
    table_name,
    with_aliases,
)
from json2db_sync.sources.files import SourceFile


def _evolves(_entity: str) -> bool:
    """No contract says that an entity's tables must stay as they are."""
    return False


@dataclass(frozen=True)
class PlanSettings:
    """What the user decides of plans."""

    table_prefix: str = "json_"
    child_depth: int = 1
    children: Mapping[str, Mapping[str, bool]] | None = None
    """Entity -> dotted path of a list -> whether it becomes a table, whatever the depth."""
    max_columns: int = 400
    kinds: Mapping[str, str] | None = None
    """Kinds of columns where the user chooses them, see :func:`~json2db_sync.model.kind_choices.choice_for`."""
    keys: Mapping[str, tuple[str, ...]] | None = None
    """Entity -> its key fields, where the user names them."""
    exported: Mapping[str, tuple[str, ...] | None] | None = None
    """Entity -> those that the schema beside an export names; empty: its records have no key; None: it is left out."""
    custom: tuple[CustomColumn, ...] = ()
    stored: Mapping[str, EntityPlan] | None = None
    """The plans there are: their keys are followed and their children looked into, whatever the settings say now."""
    added: tuple[str, ...] = ()
    """Fields that records get from where they came from: they are part of every key."""
    flat_views: bool = True
    """Is there to be a view of each table with objects inside?"""
    is_frozen: Callable[[str], bool] = _evolves
    """Must the tables of this entity stay as they are, once they are there?"""
    aliases: Mapping[str, Mapping[str, str]] | None = None
    """Entity -> other names of its fields, each with the name that they go by."""
    exported_aliases: Mapping[str, Mapping[str, str]] | None = None
    """The same, as the schemas beside exports tell."""
    versions: Mapping[str, str] | None = None
    """Entity, or ``*``, -> the field whose greatest value is the newest version."""
    complete: Collection[str] = ()
    """Entities, or ``*``, whose newest files hold all there is."""
    deletion_stubs: Mapping[str, Mapping[str, object]] | None = None
    """Entity, or ``*``, -> what a record holds that only says that its key was deleted."""
    max_child_tables: int = LIMITS.child_tables

    def lifecycle_of(self, entity: str) -> Lifecycle:
        """How records of an entity take each other's place, and how they end."""
        versions, stubs = self.versions or {}, self.deletion_stubs or {}
        stub = stubs.get(entity, stubs.get("*"))
        return Lifecycle(
            version=versions.get(entity, versions.get("*", "")),
            complete=entity in self.complete or "*" in self.complete,
            stub=canonical(stub) if stub else "",
        )

    def as_configured(self, plan: EntityPlan) -> EntityPlan:
        """A stored plan, with what the settings say of its records' lifecycle, and of other names, now."""
        plan = with_aliases(plan, self.aliases_of(plan.entity))
        return replace(plan, lifecycle=self.lifecycle_of(plan.entity).following(plan.lifecycle))

    @property
    def observed_depth(self) -> int:
        """Levels of arrays to look into: child_depth decides on new children, those stored must still widen."""
        depths = (table.depth for plan in (self.stored or {}).values() for table in plan.tables)
        chosen = (path.count(".") + 1 for paths in (self.children or {}).values() for path, is_ in paths.items() if is_)
        return max(self.child_depth, *depths, *chosen, 0)

    def key_of(self, entity: str) -> tuple[str, ...] | None:
        """The key that is configured or, failing that, stored or told by an export."""
        configured = (self.keys or {}).get(entity)
        plan = (self.stored or {}).get(entity)
        if configured is None and plan is not None:
            return plan.key
        return self.with_added(configured) if configured is not None else (self.exported or {}).get(entity)

    def stem_of(self, entity: str) -> str:
        """What the name of its table says besides the prefix; where it stands beside another source's it has that."""
        beside = (self.stored or {}).get(stem := entity.removeprefix(self.table_prefix))
        return entity if beside is None or beside.table.name.startswith(self.table_prefix) else stem

    def with_added(self, key: tuple[str, ...]) -> tuple[str, ...]:
        """A key with the fields that are part of every one."""
        return (*(name for name in self.added if name not in key), *key) if key else key

    def aliases_of(self, entity: str) -> tuple[tuple[str, str], ...]:
        """Other names of fields: as configured or, failing that, stored or told by an export."""
        plan = (self.stored or {}).get(entity)
        configured = (self.aliases or {}).get(entity)
        if configured is None and plan is not None:
            return plan.aliases
        told = configured if configured is not None else (self.exported_aliases or {}).get(entity, {})
        return tuple(told.items())

    def is_guess(self, plan: EntityPlan) -> bool:
        """Was the key of a plan, or that there is none, never said by the user?"""
        return plan.key_guessed and (self.keys or {}).get(plan.entity) != plan.key


def infer(
    entity: str,
    seen: ObjectStatistics,
    candidates: Sequence[KeyCandidate],
    settings: PlanSettings,
    stored: EntityPlan | None = None,
    taken: Collection[str] = (),
) -> EntityPlan:
    """The plan of an entity from its records and, where there is one, from the plan stored so far.

    :param candidates: every field that may be the key, as found while reading.
    :param taken: tables of other entities.
    """
    name = table_name(settings.table_prefix, (settings.stem_of(entity),), taken)
    known = stored or EntityPlan(entity, TablePlan(name))
    before = known.records_seen
    custom = _custom_columns(known, settings.custom)
    known = with_aliases(known, settings.aliases_of(entity) or known.aliases)
    key, guessed, reason = _key(known, seen, candidates, settings)
    seen = _without_unusable_keys(seen, key, candidates)
    rule = _list_rule(known, seen, settings)
    ours = {column.name for column in custom}
    table = _Builder(entity, settings, rule, key, ours, set(taken), before).table(known.table, seen, ())
    keeps_ids = before and (known.id_kind is Kind.TEXT or not seen.count)
    id_kind = known.id_kind if keeps_ids else _id_kind(table, key, candidates)
    made = replace(
        known,
        table=_with_id_kind(table, id_kind),
        key=key,
        key_guessed=guessed,
        key_reason=reason,
        id_kind=id_kind,
        created_at=_free("created_at", table),
        updated_at=_free("updated_at", table),
        custom=custom,
        child_depth=settings.child_depth,
        lifecycle=settings.lifecycle_of(entity).following(known.lifecycle),
        children=rule.chosen,
        maps=rule.maps,
        inside_objects=True,
        records_seen=before + seen.count,
        looked_inside=settings.flat_views and (not before or known.looked_inside),
    )
    shows_paths = settings.flat_views and (seen.holds_objects or made.has_paths)
    return _with_valid_relations(with_paths(made, seen, settings.kinds or {}) if shows_paths else made)


def require_few_tables(entity: str, seen: ObjectStatistics, settings: PlanSettings, file: SourceFile) -> None:
    """Raise where the lists of an entity, those of this file the last, would become too many tables.

    :raises FileError: then.
    """
    most = settings.max_child_tables
    if sum(1 for _list in _lists_in(seen)) <= most:
        return
    known = (settings.stored or {}).get(entity) or EntityPlan(entity, TablePlan(entity))
    rule = _list_rule(known, seen, settings)
    made = _Builder(entity, settings, rule, (), set(), set(), 0).table(known.table, seen, ())
    tables = list(made.walk())[1:]
    if len(tables) > max(most, len(list(known.table.walk())) - 1):
        keys = ", ".join(repr((table.key or "")[:40]) for table in tables[-3:])
        raise exceeded(
            f"{file.name}: lists of {entity} would become {len(tables):,} tables, more than {most:,} (such as {keys})",
            "child_tables",
            instead=f'or keep lists in columns: processing.children = {{"{entity}": {{"<list>": false}}}}',
            file=str(file.path),
            entity=entity,
        )


def _lists_in(seen: ObjectStatistics) -> Iterator[FieldStatistics]:
    for field in seen.fields.values():
        if field.object_arrays:
            yield field
        if field.elements is not None:
            yield from _lists_in(field.elements)


def _free(name: str, table: TablePlan) -> str:
    """A name for a column of ours beside those of the records."""
    return f"_{name}" if any(column.name == name for column in table.columns) else name


def _key(
    known: EntityPlan, seen: ObjectStatistics, candidates: Sequence[KeyCandidate], settings: PlanSettings
) -> tuple[tuple[str, ...] | None, bool, str]:
    """The key, whether it was guessed, and why it is the key."""
    if known.key is not None:
        return known.key, known.key_guessed, _stored_key_reason(known, seen, candidates)
    key, guessed, reason = choose_key(known.entity, seen, candidates, settings)
    return settings.with_added(key) if key else key, guessed, reason


def _list_rule(known: EntityPlan, seen: ObjectStatistics, settings: PlanSettings) -> ListRule:
    """Which lists become tables."""
    children = (settings.children or {}).get(known.entity) or {}
    maps = dict.fromkeys((*known.maps, *_maps_in(seen, known.table, ())))
    return ListRule(settings.child_depth, children, tuple(maps))


_MAX_INNER_LISTS = 30
"""An object with more lists of objects in it is a map: they do not become tables."""


def _maps_in(seen: ObjectStatistics, known: TablePlan | None, path: Path) -> Iterator[str]:
    """Objects with too many lists in them, the innermost ones that have."""
    children = {child.path: child for child in known.children} if known else {}
    inner = {way for way in children if len(way) > 1}
    for field in seen.fields.values():
        inner.update((field.key, *way) for way, _list in field.lists_inside())
        yield from (dotted((*path, field.key, *way)) for way in field.maps_inside())
    counts = Counter(way[:length] for way in inner for length in range(1, len(way)))
    for way in sorted(counts, key=len, reverse=True):
        if counts[way] > _MAX_INNER_LISTS:
            yield dotted((*path, *way))
            counts.subtract({way[:length]: counts[way] for length in range(1, len(way))})
    for way in {*inner, *((field.key,) for field in seen.fields.values() if field.object_arrays)}:
        below = _field_at(seen, way)
        if below is not None and below.elements is not None:
            yield from _maps_in(below.elements, children.get(way), (*path, *way))


def _with_valid_relations(plan: EntityPlan) -> EntityPlan:
    """With the relations whose column is still one, of the table or of its flat view: it may have become a table."""
    columns = {(table.name, column.name) for table in plan.tables for column in table.columns}
    columns |= {(table.name, path.name) for table in plan.tables for path in table.paths}
    return replace(plan, relations=tuple(one for one in plan.relations if (one.table, one.column) in columns))


def _custom_columns(known: EntityPlan, asked: tuple[CustomColumn, ...]) -> tuple[CustomColumn, ...]:
    """Those that are stored and those that are asked for.

    :raises ConfigurationError: when JSON has given a column the name of one.
    """
    stored = {column.name for column in known.custom}
    custom = (*known.custom, *(column for column in asked if column.name not in stored))
    taken = {column.name for column in known.table.columns}
    clash = next((column.name for column in custom if column.name in taken), None)
    if clash is not None:
        raise ConfigurationError(
            f"the custom column {clash} cannot be added: {known.table.name} has a column of that name from JSON",
            hint="give it another name",
            setting="custom_columns",
            reason="custom_column_clash",
            table=known.table.name,
        )
    return custom


def choose_key(
    entity: str, seen: ObjectStatistics, candidates: Sequence[KeyCandidate], settings: PlanSettings
) -> tuple[tuple[str, ...] | None, bool, str]:
    """(fields, whether they were guessed, why). Fields are () where content ids serve, None without records."""
    configured = (settings.keys or {}).get(entity)
    if configured is not None:
        return configured, False, "as configured"
    records = seen.count
    if records == 0:
        return None, True, "no records yet"
    exported = (settings.exported or {}).get(entity, ("",))
    if exported is None:
        return (), True, KEY_LEFT_OUT
    told = next((candidate for candidate in candidates if candidate.fields == exported), None)
    if exported == () or (told and records - told.usable <= allowed_exceptions(records) and not told.repeats):
        return exported, exported == (), "as the schema beside its export says"
    refused = []
    ranked = [(rank, c.fields, c) for c in candidates if (rank := _rank(c, entity)) is not None]
    # Of id and ID the one that is spelled as names of keys are.
    for _, (name,), candidate in sorted(ranked, key=lambda item: (item[0], item[1][0] != snake(item[1][0]), item[1])):
        if _names_a_part(name, entity, seen):
            refused.append(f"{name} seems to refer to another entity")
        elif candidate.unfit:
            refused.append(f"{name} {candidate.unfit}")
        elif not candidate.usable or records - candidate.usable > allowed_exceptions(records):
            refused.append(f"{name} is missing or no plain value in {records - candidate.usable} of {records} records")
        elif candidate.repeats > candidate.allowed and not settings.lifecycle_of(entity).version:
            refused.append(f"{name} repeats in {candidate.repeats} of {records} records")
        else:
            return candidate.fields, True, _reason(candidate, records)
    return (), True, "; ".join(refused) or "no field is named like a key"


def _stored_key_reason(stored: EntityPlan, seen: ObjectStatistics, candidates: Sequence[KeyCandidate]) -> str:
    """Why the stored key is the key: by the records seen now, if there are any."""
    now = next((candidate for candidate in candidates if candidate.fields == stored.key), None)
    return _reason(now, seen.count) if now is not None and seen.count else stored.key_reason


def _rank(candidate: KeyCandidate, entity: str) -> int | None:
    return key_rank(candidate.fields[0], entity) if len(candidate.fields) == 1 else None


def _names_a_part(field: str, entity: str, seen: ObjectStatistics) -> bool:
    """Is this one of the two references of a join, as item_id of order_items that have an order_id too?"""
    name = singular(entity)
    stem = snake(field).removesuffix("_id")
    other = name.removesuffix(f"_{stem}")
    return other not in (name, "") and any(snake(key) == f"{other}_id" for key in seen.fields)


def _reason(candidate: KeyCandidate, records: int) -> str:
    return f"present in {candidate.usable} of {records} records, {_repeat_text(candidate)}"


def _repeat_text(candidate: KeyCandidate) -> str:
    if not candidate.repeats:
        return "never repeated in a file"
    return f"repeated {candidate.repeats} times ({', '.join(candidate.examples)}): the last one wins"


def _without_unusable_keys(
    seen: ObjectStatistics, key: tuple[str, ...] | None, candidates: Sequence[KeyCandidate]
) -> ObjectStatistics:
    """The same, but for values in the key's place that are none: empty texts, objects."""
    usable = next((candidate.usable for candidate in candidates if candidate.fields == key), None)
    if key is None or len(key) != 1 or usable is None or key[0] not in seen.fields:
        return seen
    cleared = copy(seen)
    cleared.fields = {**seen.fields, key[0]: usable_keys(seen.fields[key[0]], usable)}
    return cleared


def _id_kind(table: TablePlan, key: tuple[str, ...] | None, candidates: Sequence[KeyCandidate]) -> Kind:
    if key is None or len(key) != 1 or any(c.fields == key and c.stored_without for c in candidates):
        return Kind.TEXT
    column = next((column for column in table.columns if column.key == key[0]), None)
    is_integer = column is not None and column.kind is Kind.INTEGER and column.written is None
    return Kind.INTEGER if is_integer else Kind.TEXT


def _with_id_kind(table: TablePlan, id_kind: Kind) -> TablePlan:
    """The source's own ``id`` column is of the id's kind: integer, or text for everything else."""
    columns = tuple(
        ColumnPlan(ID, column.key, id_kind, column.null_means) if column.name == ID else column
        for column in table.columns
    )
    return replace(table, columns=columns)


@dataclass
class _Builder:
    """Widens one table plan, and those below it, by what was seen.

    :param before: records that the plan there is was based on.
    """

    _entity: str
    _settings: PlanSettings
    _rule: ListRule
    _key: tuple[str, ...] | None
    _custom: set[str]
    _tables: set[str]
    _before: int

    def table(self, known: TablePlan, seen: ObjectStatistics, path: Path) -> TablePlan:
        """:param path: the keys that lead from a record to the table's objects."""
        self._tables.update(table.name for table in known.walk())
        columns, children = self._widened(known, seen, path)
        taken = known.reserved() | {column.name for column in columns} | (set() if known.depth else self._custom)
        places = self._settings.max_columns - len(columns) - len(children)
        new = self._new_fields(known, seen)
        full = known.full or len(new) > places or seen.untracked > 0
        for field in new[: max(places, 0)]:
            choice = choice_for(self._settings.kinds or {}, (self._entity, *path), field.key)
            is_table = choice is None and self._is_table(field, path, known)
            if is_table:
                children.append(self._new_child(field, (), seen, known, path))
            if not is_table or field.keeps_lists:
                columns.append(self._new_column(field, seen, taken, known.depth, choice))
                taken.add(columns[-1].name)
        have = {child.path for child in children}
        for column in columns:
            field_ = seen.fields.get(column.key)
            if field_ is None or column.name == ID or column.chosen or (column.key,) in have:
                continue
            for where, inner in self._tables_inside(field_, (column.key,), path, known):
                if where not in have:
                    children.append(self._new_child(inner, where[:-1], seen, known, path))
        return replace(known, columns=tuple(columns), children=tuple(children), full=full)

    def _is_table(self, field: FieldStatistics, path: Path, parent: TablePlan, within: int = 0) -> bool:
        """Do values of this field become rows of a table of their own?"""
        path = (*path, field.key)
        if field.object_arrays:
            return self._rule.makes_rows(path, parent.depth, within)
        return field.objects > 0 and self._rule.is_chosen(path)

    def _new_fields(self, known: TablePlan, seen: ObjectStatistics) -> list[FieldStatistics]:
        """Fields without a place yet, in order of appearance; the commonest first where room is short."""
        have = {column.key for column in known.columns} | {child.key for child in known.children if not child.within}
        new = [field for field in seen.fields.values() if field.key not in have and field.present]
        if len(new) + len(have) > self._settings.max_columns:
            wanted = self._key or ()
            new.sort(key=lambda field: (field.key not in wanted, -field.present))
        return new

    def _widened(
        self, known: TablePlan, seen: ObjectStatistics, path: Path
    ) -> tuple[list[ColumnPlan], list[TablePlan]]:
        columns: list[ColumnPlan] = []
        children: list[TablePlan] = []
        have = {child.path for child in known.children}
        for column in known.columns:
            field = seen.fields.get(column.key)
            choice = choice_for(self._settings.kinds or {}, (self._entity, *path), column.key)
            if field is None or not field.present:
                columns.append(with_kind(column, field, choice))
                continue
            is_free = choice is None and not column.chosen and column.name != ID
            is_table = is_free and self._is_table(field, path, known)
            keeps_lists = is_free and self._keeps_lists(column, field)
            if is_table and (column.key,) not in have:
                children.append(self._new_child(field, (), seen, known, path))
            if not is_table or (column.key,) in have or keeps_lists:
                columns.append(with_kind(column, field, choice, keeps_lists=keeps_lists))
        for child in known.children:
            field = _field_at(seen, child.path)
            elements = field.elements if field else None
            children.append(self.table(child, elements or ObjectStatistics(), (*path, *child.path)))
        return columns, children

    def _keeps_lists(self, column: ColumnPlan, field: FieldStatistics) -> bool:
        """Do lists and objects stay beside the column's other values? As long as at least half of all are texts."""
        if column.keeps_lists or column.kind is Kind.UNKNOWN or not field.objects + field.arrays:
            return column.keeps_lists or field.keeps_lists
        if column.written is not None or field.wrapped:  # such objects are values of the column's kind
            return False
        is_text = column.kind in (Kind.TEXT, Kind.DATE, Kind.DATETIME)
        return is_text and 2 * (field.texts + self._before) >= field.present - field.nulls + self._before

    def _new_column(
        self, field: FieldStatistics, seen: ObjectStatistics, taken: set[str], depth: int, choice: KindChoice | None
    ) -> ColumnPlan:
        is_id = depth == 0 and self._key == (field.key,) and snake(field.key) == ID
        name = ID if is_id else column_name(field.key, taken)
        mostly_null = not self._before and field.nulls > seen.count - field.present
        column = ColumnPlan(name, field.key, Kind.UNKNOWN, "null" if mostly_null else "absent")
        return with_kind(column, field, choice, keeps_lists=field.keeps_lists and not is_id)

    def _new_child(
        self, field: FieldStatistics, within: Path, seen: ObjectStatistics, parent: TablePlan, path: Path
    ) -> TablePlan:
        below = (*path, *within, field.key)
        counts: dict[NoneMeans, int] = {
            "absent": seen.count - field.present, "null": field.nulls, "empty": field.empty_arrays,
        }  # fmt: skip
        is_beside = bool(within) or field.keeps_lists
        means: NoneMeans = max(counts, key=lambda name: counts[name]) if not (self._before or is_beside) else "absent"
        name = table_name(self._settings.table_prefix, (self._entity, *below), self._tables)
        empty = TablePlan(name, field.key, within=within, none_means=means, depth=parent.depth + 1)
        return self.table(empty, field.elements or ObjectStatistics(), below)

    def _tables_inside(
        self, field: FieldStatistics, way: Path, path: Path, parent: TablePlan
    ) -> Iterator[tuple[Path, FieldStatistics]]:
        """What becomes a table inside the objects that a way from the parent's objects leads to."""
        if field.elements is None or field.elements.untracked or not field.objects:  # with so many keys it is a map
            return
        for key, inner in field.elements.fields.items():
            if self._is_table(inner, (*path, *way), parent, len(way)):
                yield (*way, key), inner
            else:
                yield from self._tables_inside(inner, (*way, key), path, parent)


def _field_at(seen: ObjectStatistics, path: Path) -> FieldStatistics | None:
    """The field that a path through objects leads to."""
    *within, key = path
    for step in within:
        field = seen.fields.get(step)
        if field is None or field.elements is None:
            return None
        seen = field.elements
    return seen.fields.get(key)


def guess_relations(
    plans: Mapping[str, EntityPlan], seen: Mapping[str, ObjectStatistics]
) -> dict[str, tuple[Relation, ...]]:
    """Which id columns seem to hold keys of which entity, by the values seen or, failing those, by name.

    By values: at least half of a column's values (and three of them) are keys of the other entity.
    """
    targets = {}
    for entity, plan in plans.items():
        if plan.key and len(plan.key) == 1 and entity in seen:
            field = seen[entity].fields.get(plan.key[0])
            if field is not None and field.sketch is not None:
                targets[entity] = (plan.key[0], field.sketch)
    found: dict[str, tuple[Relation, ...]] = {}
    for entity, plan in plans.items():
        if entity in seen:
            relations = [
                relation
                for table, column, field in _id_columns(plan.table, seen[entity])
                if not (table == plan.table.name and plan.key == (column.key,))
                and (relation := _best_target(table, column, field, targets)) is not None
            ]
            paths = path_relations(plan.table, seen[entity], targets) if plan.looked_inside and plan.has_paths else ()
            found[entity] = (*relations, *paths)
    return found


def _id_columns(table: TablePlan, seen: ObjectStatistics) -> list[tuple[str, ColumnPlan, FieldStatistics]]:
    found = []
    for column in table.columns:
        field = seen.fields.get(column.key)
        if field is not None and field.sketch is not None and column.kind is not Kind.JSON:
            found.append((table.name, column, field))
    for child in table.children:
        field = _field_at(seen, child.path)
        if field is not None and field.elements is not None:
            found.extend(_id_columns(child, field.elements))
    return found


def _best_target(table: str, column: ColumnPlan, field: FieldStatistics, targets: Targets) -> Relation | None:
    by_values = held_by(field, targets)
    named = [entity for share, entity in by_values if snake(targets[entity][0]) == snake(column.key)]
    if named:
        return Relation(table, column.name, named[0], "values")
    if by_values:
        return Relation(table, column.name, max(by_values)[1], "values")
    named = named_alike(column.key, field, targets)
    return Relation(table, column.name, named[0], "name") if named else None
