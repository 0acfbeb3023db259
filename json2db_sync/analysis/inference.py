"""From what was seen to a plan: columns, kinds, children, key, relations. A stored plan is only ever widened."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from json2db_sync.analysis.statistics import FieldStatistics, KeyCandidate, ObjectStatistics, Sketch
from json2db_sync.errors import ConfigurationError
from json2db_sync.model.kinds import Kind, join
from json2db_sync.model.plan import (
    ID,
    ColumnPlan,
    CustomColumn,
    EntityPlan,
    NoneMeans,
    Relation,
    TablePlan,
    column_name,
    key_rank,
    singular,
    snake,
    table_name,
)


def _evolves(_entity: str) -> bool:
    """No contract says that an entity's tables must stay as they are."""
    return False


@dataclass(frozen=True)
class PlanSettings:
    """What the user decides of plans."""

    table_prefix: str = "json_"
    child_depth: int = 1
    max_columns: int = 400
    keys: Mapping[str, tuple[str, ...]] | None = None
    """Entity -> its key fields, where the user names them."""
    custom: tuple[CustomColumn, ...] = ()
    stored: Mapping[str, EntityPlan] | None = None
    """The plans there are: their keys are followed and their children looked into, whatever the settings say now."""
    is_frozen: Callable[[str], bool] = _evolves
    """Must the tables of this entity stay as they are, once they are there?"""

    @property
    def observed_depth(self) -> int:
        """Levels of arrays to look into: child_depth decides on new children, those stored must still widen."""
        depths = (table.depth for plan in (self.stored or {}).values() for table in plan.tables)
        return max(self.child_depth, *depths, 0)

    def key_of(self, entity: str) -> tuple[str, ...] | None:
        """The key that is configured or, failing that, stored."""
        configured = (self.keys or {}).get(entity)
        plan = (self.stored or {}).get(entity)
        return configured if configured is not None else plan.key if plan else None


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
    custom = _merge_custom(stored.custom if stored else (), settings.custom)
    _require_free(custom, stored)
    if stored is None or stored.key is None:
        key, guessed, reason = choose_key(entity, seen, candidates, settings)
    else:
        key, guessed, reason = stored.key, stored.key_guessed, _stored_key_reason(stored, seen, candidates)
    fresh = stored is None or stored.records_seen == 0
    builder = _Builder(settings, key, {column.name for column in custom}, set(taken), fresh=fresh)
    known = stored.table if stored else TablePlan(table_name(settings.table_prefix, (entity,), taken))
    table = builder.table(known, seen, (entity,), settings.child_depth)
    names = {column.name for column in table.columns}
    id_kind = _id_kind(table, key, seen, candidates)
    if stored and not fresh and (stored.id_kind is Kind.TEXT or not seen.count):
        id_kind = stored.id_kind
    return EntityPlan(
        entity=entity,
        table=_with_id_kind(table, id_kind),
        key=key,
        key_guessed=guessed,
        key_reason=reason,
        id_kind=id_kind,
        created_at="_created_at" if "created_at" in names else "created_at",
        updated_at="_updated_at" if "updated_at" in names else "updated_at",
        custom=custom,
        relations=_still_there(stored.relations, table) if stored else (),
        child_depth=settings.child_depth,
        records_seen=(stored.records_seen if stored else 0) + seen.count,
    )


def _still_there(relations: tuple[Relation, ...], table: TablePlan) -> tuple[Relation, ...]:
    """Relations whose column is still one: it may have become a child table."""
    columns = {(plan.name, column.name) for plan in table.walk() for column in plan.columns}
    return tuple(relation for relation in relations if (relation.table, relation.column) in columns)


def _merge_custom(stored: tuple[CustomColumn, ...], asked: tuple[CustomColumn, ...]) -> tuple[CustomColumn, ...]:
    known = {column.name for column in stored}
    return (*stored, *(column for column in asked if column.name not in known))


def _require_free(custom: tuple[CustomColumn, ...], stored: EntityPlan | None) -> None:
    taken = {column.name for column in stored.table.columns} if stored else set()
    clash = next((column.name for column in custom if column.name in taken), None)
    if clash is not None and stored is not None:
        raise ConfigurationError(
            f"the custom column {clash} cannot be added: {stored.table.name} has a column of that name from JSON",
            hint="give it another name",
            setting="custom_columns",
            reason="custom_column_clash",
            table=stored.table.name,
        )


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
    refused = []
    ranked = [(rank, c.fields, c) for c in candidates if (rank := _rank(c, entity)) is not None]
    for _, (name,), candidate in sorted(ranked, key=lambda item: item[:2]):
        if _names_a_part(name, entity, seen):
            refused.append(f"{name} seems to refer to another entity")
        elif candidate.usable < 0.99 * records:
            refused.append(f"{name} is missing in {records - candidate.usable} of {records} records")
        elif candidate.repeats > candidate.allowed:
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


def _id_kind(
    table: TablePlan, key: tuple[str, ...] | None, seen: ObjectStatistics, candidates: Sequence[KeyCandidate]
) -> Kind:
    if key is None or len(key) != 1:
        return Kind.TEXT
    column = next((column for column in table.columns if column.key == key[0]), None)
    complete = any(c.fields == key and c.usable == seen.count for c in candidates)
    return Kind.INTEGER if column is not None and column.kind is Kind.INTEGER and complete else Kind.TEXT


def _with_id_kind(table: TablePlan, id_kind: Kind) -> TablePlan:
    """The source's own ``id`` column is of the id's kind: integer, or text for everything else."""
    columns = tuple(
        replace(column, kind=id_kind, date_format=None) if column.name == ID else column for column in table.columns
    )
    return replace(table, columns=columns)


class _Builder:
    """Widens one table plan, and those below it, by what was seen."""

    def __init__(
        self, settings: PlanSettings, key: tuple[str, ...] | None, custom: set[str], tables: set[str], *, fresh: bool
    ) -> None:
        self._settings = settings
        self._fresh = fresh
        self._key = key
        self._custom = custom
        self._tables = tables

    def table(self, known: TablePlan, seen: ObjectStatistics, path: tuple[str, ...], depth: int) -> TablePlan:
        self._tables.update(table.name for table in known.walk())
        columns, children = self._widened(known, seen, path, depth)
        taken = known.reserved() | {column.name for column in columns} | (set() if known.depth else self._custom)
        places = self._settings.max_columns - len(columns) - len(children)
        new = self._new_fields(known, seen)
        full = known.full or len(new) > places or seen.untracked > 0
        for field in new[: max(places, 0)]:
            if field.object_arrays and depth > 0:
                children.append(self._new_child(field, seen, known, path, depth))
            else:
                columns.append(self._new_column(field, seen, taken, known.depth))
                taken.add(columns[-1].name)
        return replace(known, columns=tuple(columns), children=tuple(children), full=full)

    def _new_fields(self, known: TablePlan, seen: ObjectStatistics) -> list[FieldStatistics]:
        """Fields without a place yet, in order of appearance; the commonest first where room is short."""
        have = {column.key for column in known.columns} | {child.key for child in known.children}
        new = [field for field in seen.fields.values() if field.key not in have and field.present]
        if len(new) + len(have) > self._settings.max_columns:
            wanted = self._key or ()
            new.sort(key=lambda field: (field.key not in wanted, -field.present))
        return new

    def _widened(
        self, known: TablePlan, seen: ObjectStatistics, path: tuple[str, ...], depth: int
    ) -> tuple[list[ColumnPlan], list[TablePlan]]:
        columns: list[ColumnPlan] = []
        children: list[TablePlan] = []
        for column in known.columns:
            field = seen.fields.get(column.key)
            if field is not None and field.object_arrays and depth > 0 and column.name != ID:
                children.append(self._new_child(field, seen, known, path, depth))
            elif field is None or not field.present:
                columns.append(column)
            else:
                columns.append(_widen(column, field))
        for child in known.children:
            assert child.key is not None
            field = seen.fields.get(child.key)
            elements = field.elements if field else None
            below = (*path, child.key)
            children.append(self.table(child, elements or ObjectStatistics(), below, depth - 1))
        return columns, children

    def _new_column(self, field: FieldStatistics, seen: ObjectStatistics, taken: set[str], depth: int) -> ColumnPlan:
        is_id = depth == 0 and self._key == (field.key,) and snake(field.key) == ID
        name = ID if is_id else column_name(field.key, taken)
        kind, date_format = field.kind_and_date_format
        mostly_null = self._fresh and field.nulls > seen.count - field.present
        return ColumnPlan(name, field.key, kind, "null" if mostly_null else "absent", date_format)

    def _new_child(
        self, field: FieldStatistics, seen: ObjectStatistics, parent: TablePlan, path: tuple[str, ...], depth: int
    ) -> TablePlan:
        below = (*path, field.key)
        counts: dict[NoneMeans, int] = {
            "absent": seen.count - field.present, "null": field.nulls, "empty": field.empty_arrays,
        }  # fmt: skip
        means: NoneMeans = max(counts, key=lambda name: counts[name]) if self._fresh else "absent"
        name = table_name(self._settings.table_prefix, below, self._tables)
        empty = TablePlan(name, field.key, none_means=means, depth=parent.depth + 1)
        return self.table(empty, field.elements or ObjectStatistics(), below, depth - 1)


def _widen(column: ColumnPlan, field: FieldStatistics) -> ColumnPlan:
    kind, date_format = field.kind_and_date_format
    if kind is Kind.UNKNOWN or (kind, date_format) == (column.kind, column.date_format):
        return column
    if column.kind is Kind.UNKNOWN:
        return replace(column, kind=kind, date_format=date_format)
    joined = join(column.kind, kind)
    if joined in (Kind.DATE, Kind.DATETIME):  # the same kind in another date_format
        joined = Kind.TEXT
    return replace(column, kind=joined, date_format=None)


_MIN_MATCHES = 3
_MIN_SHARE = 0.5
_REFUTING = 10
"""So many different values, none of them a key of the other entity, show that the name misleads."""


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
            found[entity] = tuple(relations)
    return found


def _id_columns(table: TablePlan, seen: ObjectStatistics) -> list[tuple[str, ColumnPlan, FieldStatistics]]:
    found = []
    for column in table.columns:
        field = seen.fields.get(column.key)
        if field is not None and field.sketch is not None and column.kind is not Kind.JSON:
            found.append((table.name, column, field))
    for child in table.children:
        field = seen.fields.get(child.key or "")
        if field is not None and field.elements is not None:
            found.extend(_id_columns(child, field.elements))
    return found


def _best_target(
    table: str, column: ColumnPlan, field: FieldStatistics, targets: Mapping[str, tuple[str, Sketch]]
) -> Relation | None:
    assert field.sketch is not None
    by_values: list[tuple[float, str]] = []
    for entity, (_key, sketch) in targets.items():
        share, values = field.sketch.share_in(sketch)
        if share >= _MIN_SHARE and share * values >= _MIN_MATCHES:
            by_values.append((share, entity))
    named = [entity for share, entity in by_values if snake(targets[entity][0]) == snake(column.key)]
    if named:
        return Relation(table, column.name, named[0], "values")
    if by_values:
        return Relation(table, column.name, max(by_values)[1], "values")
    for entity, (key, sketch) in targets.items():
        share, values = field.sketch.share_in(sketch)
        refuted = share == 0 and values >= _REFUTING
        if snake(column.key) == snake(key) != ID and not refuted:
            return Relation(table, column.name, entity, "name")
    return None
