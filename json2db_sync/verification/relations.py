"""The relations that the user demands (``validation.relations``): do the stored values refer to stored records?

They are checked of what is stored, never of a record on its way: what it refers to may be loaded later.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from json2db_sync.databases.base import Database
from json2db_sync.model.jsontext import preview
from json2db_sync.model.kinds import Kind
from json2db_sync.model.plan import EntityPlan, TablePlan, dotted, entity_name
from json2db_sync.results import Check, Note
from json2db_sync.text import counted, did_you_mean
from json2db_sync.validation.record_validator import Mode
from json2db_sync.verification.check_builder import CheckBuilder
from json2db_sync.verification.references import Reference

_EXAMPLES = 3


class _Unknown(Exception):
    """A relation that cannot be checked since no record has such a field: a slip of the pen, most likely."""


class _NotCheckable(Exception):
    """A relation that cannot be checked as things are."""


@dataclass(frozen=True)
class RelationCheck:
    """What came out for one relation."""

    field: str
    """``invoices.customer_id``."""
    entity: str
    """The entity referred to."""
    distinct: int = 0
    missing: int = 0
    """Distinct values that are not keys of the entity referred to."""
    examples: tuple[str, ...] = ()
    unknown: str | None = None
    """Why there is no such field."""
    not_checked: str | None = None
    """Why it could not be checked."""

    @property
    def relation(self) -> str:
        return f"{self.field} -> {self.entity}"

    @property
    def problem(self) -> str | None:
        """What is wrong, in words."""
        if self.unknown is not None:
            return f"{self.relation}: {self.unknown}"
        if not self.missing:
            return None
        verb = "is not a key" if self.missing == 1 else "are not keys"
        return (
            f"{self.relation}: {self.missing:,} of {self.distinct:,} distinct values {verb} of {self.entity}: "
            + ", ".join(self.examples)
        )

    @property
    def notes(self) -> list[Note]:
        """What is wrong, and why it was not checked."""
        setting = "validation.relations"
        found = []
        if self.problem:
            missing = self.missing or None
            found.append(
                Note(
                    self.problem, "unknown_field" if self.unknown else "broken_relation", self.entity, missing, setting
                )
            )
        if self.not_checked:
            text = f"{self.relation} is not checked: {self.not_checked}"
            found.append(Note(text, "relation_not_checked", self.entity, setting=setting))
        return found


def check_relations(
    database: Database,
    connection: sa.Connection,
    plans: Mapping[str, EntityPlan],
    relations: Mapping[str, str],
    mode: Mode,
) -> Check:
    """The check of all demanded relations; in mode warn it notes what it finds and passes."""
    finding = CheckBuilder("relations")
    values = 0
    for found in relation_findings(database, connection, plans, relations):
        values += found.distinct
        if found.problem and mode == "reject":
            finding.add(found.problem, max(found.missing, 1))
        else:
            finding.notes += found.notes
    return finding.done(f"{counted(values, 'distinct value')} of {counted(len(relations), 'relation')}")


def relation_findings(
    database: Database, connection: sa.Connection, plans: Mapping[str, EntityPlan], relations: Mapping[str, str]
) -> Iterator[RelationCheck]:
    """Every demanded relation against what is stored."""
    existing = database.relation_names(connection) if relations else set()
    for field, entity in ((field, entity_name(name)) for field, name in relations.items()):
        try:
            reference = _resolve(database, plans, existing, field, entity)
        except _Unknown as error:
            yield RelationCheck(field, entity, unknown=str(error))
        except _NotCheckable as error:
            yield RelationCheck(field, entity, not_checked=str(error))
        else:
            distinct, missing = reference.counts(connection)
            lost = reference.examples(connection, _EXAMPLES) if missing else ()
            examples = tuple(f"{preview(value)} in {reference.plan.entity} {preview(owner)}" for value, owner in lost)
            yield RelationCheck(field, entity, distinct, missing, examples)


def _resolve(
    database: Database, plans: Mapping[str, EntityPlan], existing: set[str], field: str, entity: str
) -> Reference:
    """The column that a setting names, and what it refers to."""
    first, *keys = field.split(".")
    plan, target = _plan(plans, entity_name(first)), _plan(plans, entity)
    if not target.key:
        raise _NotCheckable(f"{entity} has no key that anything could refer to")
    table = plan.table
    place = plan.entity
    while len(keys) > 1:
        child = next((child for child in table.children if child.path == tuple(keys[: len(child.path)])), None)
        if child is None or len(keys) == len(child.path):
            break
        table, place, keys = child, f"{place}.{dotted(child.path)}", keys[len(child.path) :]
    column = _column(table, place, keys)
    if not {table.name, target.table.name} <= existing:
        raise _NotCheckable("a table is missing")
    return Reference(database, plan, table.name, column, target)


def _column(table: TablePlan, place: str, keys: Sequence[str]) -> str:
    """The column of a table, or of its flat view, that holds what these keys lead to."""
    first, *below = keys
    column = next((column for column in table.columns if column.key == first), None)
    if not below and column is None:
        if any(child.path == (first,) for child in table.children):
            text = f"{place}.{first} is an array of objects: name a field of them, as in {place}.{first}.id"
            raise _NotCheckable(text)
        raise _missing(place, first, table)
    if column is None:
        raise _no_table(place, first, table)
    if not below and column.kind is not Kind.JSON:
        return column.name
    path = next((path for path in table.paths if path.keys == tuple(keys)), None)
    if path is not None and path.name and path.kind is not Kind.JSON:
        return path.name
    inside = [".".join(path.keys) for path in table.paths if path.keys[0] == first and path.name]
    if below and path is None and inside and not any(one.is_open for one in table.paths if one.keys[0] == first):
        raise _Unknown(f"no record of {place} has a field {'.'.join(keys)}{_near('.'.join(keys), inside)}")
    if below and (column.kind is not Kind.JSON or (path is None and not inside)):
        raise _no_table(place, first, table)
    what = ".".join(keys)
    raise _NotCheckable(f"{place}.{what} holds objects, arrays or a mixture, which have no column of their own")


def _plan(plans: Mapping[str, EntityPlan], entity: str) -> EntityPlan:
    plan = plans.get(entity)
    if plan is None or plan.key is None:
        raise _NotCheckable(f"no record of {entity} is stored yet{_near(entity, plans)}")
    return plan


def _no_table(place: str, key: str, table: TablePlan) -> Exception:
    if any(column.key == key for column in table.columns):
        return _NotCheckable(f"{place}.{key} has no table of its own (processing.child_depth says how deep those go)")
    return _missing(place, key, table)


def _missing(place: str, key: str, table: TablePlan) -> Exception:
    if table.full:  # beyond max_columns
        return _NotCheckable(f"{place}.{key} has no column (processing.max_columns)")
    keys = [*(column.key for column in table.columns), *(str(child.key) for child in table.children)]
    return _Unknown(f"no record of {place} has a field {key}{_near(key, keys)}")


def _near(name: str, known: Iterable[str]) -> str:
    asked = did_you_mean(name, known)
    return f" ({asked})" if asked else ""
