"""The relations that the user demands (``validation.relations``): do the stored values refer to stored records?

They are checked of what is stored, never of a record on its way: what it refers to may be loaded later.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import sqlalchemy as sa

from json2db_sync.databases.base import Database
from json2db_sync.model.plan import EntityPlan, dotted, entity_name
from json2db_sync.results import Check, Note
from json2db_sync.sources.relation_path import RelationPath
from json2db_sync.text import asked, counted
from json2db_sync.validation.record_validator import Mode
from json2db_sync.verification.check_builder import CheckBuilder
from json2db_sync.verification.record_references import Keys, read_references, shown
from json2db_sync.verification.references import Reference

_EXAMPLES = 3


class _Unknown(Exception):
    """A relation that cannot be checked since it names what is not there: a slip of the pen, most likely."""


class _NotCheckable(Exception):
    """A relation that cannot be checked as things are: there is nothing to check yet."""


class _Unusable(_NotCheckable):
    """One that could not be checked later either, as it is written."""


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
    strange: str | None = None
    """Values that cannot be a key at all: how many, and the first of them."""
    unknown: str | None = None
    """Why there is no such field."""
    not_checked: str | None = None
    """Why it could not be checked."""
    unusable: bool = False
    """Will that stay so until the setting is another?"""

    @property
    def relation(self) -> str:
        return f"{self.field} -> {self.entity}"

    @property
    def problem(self) -> str | None:
        """What is wrong, in words."""
        if self.unknown is not None:
            return f"{self.relation}: {self.unknown}"
        found = [self.strange] if self.strange else []
        if self.missing:
            verb = "is not a key" if self.missing == 1 else "are not keys"
            text = f"{self.missing:,} of {self.distinct:,} distinct values {verb} of {self.entity}: "
            found.insert(0, text + ", ".join(self.examples))
        return f"{self.relation}: {'; '.join(found)}" if found else None

    @property
    def notes(self) -> list[Note]:
        """What is wrong, and why it was not checked."""
        setting, missing = "validation.relations", self.missing or None
        found = []
        if self.problem:
            found.append(
                Note(
                    self.problem, "unknown_field" if self.unknown else "broken_relation", self.entity, missing, setting
                )
            )
        if self.not_checked:
            text = f"{self.relation} is not checked: {self.not_checked}"
            found.append(
                Note(text, "relation_unusable" if self.unusable else "relation_not_checked", self.entity, None, setting)
            )
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
            path = RelationPath.parse(field)
            plan, target = _plan(plans, entity_name(path.entity)), _plan(plans, entity)
            _require(path, field, target)
            if not {*(table.name for table in plan.tables), target.table.name} <= existing:
                raise _NotCheckable("a table is missing")
            yield _check(database, connection, (field, path), plan, target)
        except _Unknown as error:
            yield RelationCheck(field, entity, unknown=str(error))
        except _NotCheckable as error:
            yield RelationCheck(field, entity, not_checked=str(error), unusable=isinstance(error, _Unusable))


def _require(path: RelationPath, field: str, target: EntityPlan) -> None:
    """A reference has as many fields as the key that it refers to."""
    if not target.key:
        raise _Unusable(f"{target.entity} has no key that anything could refer to")
    if (len(path.fields) or 1) != len(target.key):
        names = ", ".join(target.key)
        wanted = f"{path.entity}." + "[" + ",".join(f'"{name}"' for name in target.key) + "]"
        one = f"{field} is one field: name as many, as in {wanted}" if len(target.key) > 1 else f"{field} are several"
        raise _Unknown(f"the key of {target.entity} is {names}, and {one}")


def _check(
    database: Database, connection: sa.Connection, named: tuple[str, RelationPath], plan: EntityPlan, target: EntityPlan
) -> RelationCheck:
    """Of a column by SQL, where that tells all; else record by record."""
    field, path = named
    keys, composite = Keys(database, connection, target), len(target.key or ()) > 1
    reference = _reference(database, plan, target, path)
    if reference is not None and reference.tells_all(connection):
        distinct, missing = reference.counts(connection)
        lost = reference.examples(connection, _EXAMPLES) if missing else ()
        examples = tuple(shown(lost, keys, plan.entity, composite=composite))
        return RelationCheck(field, target.entity, distinct, missing, examples)
    found = read_references(database, connection, plan, path, target)
    arrays, place = plan.table.lists(), dotted(path.keys or ())
    if not found.seen and plan.holds_records and place not in {*arrays, *(column.key for column in plan.table.columns)}:
        what = field.removeprefix(path.entity).removeprefix(".")
        near = asked((path.names or ("",))[0], found.near)
        raise _Unknown(f"no record of {plan.entity} has a field {what}{near}")
    if found.strange and not found.distinct and place in arrays:
        what = f"{plan.entity}.{place}"
        raise _Unusable(f"{what} is an array of objects: name a field of them, as in {what}.id")
    examples = tuple(shown(found.examples, keys, plan.entity, composite=composite))
    strange = f"{counted(found.strange, 'value')} cannot be a key: {found.strange_example}" if found.strange else None
    return RelationCheck(field, target.entity, found.distinct, found.missing, examples, strange)


def _reference(database: Database, plan: EntityPlan, target: EntityPlan, path: RelationPath) -> Reference | None:
    """The column that a setting names; None where no column is just that.

    :raises _Unknown: when no record has such a field.
    """
    table, place, keys = plan.table, plan.entity, path.keys
    if keys is None:
        return None
    while len(keys) > 1:
        child = next((child for child in table.children if child.path == keys[: len(child.path)]), None)
        if child is None or len(keys) == len(child.path):
            break
        table, place, keys = child, f"{place}.{dotted(child.path)}", keys[len(child.path) :]
    column = next((column for column in table.columns if column.key == dotted(keys)), None)
    if column is not None and not any(child.path[0] == keys[0] for child in table.children):
        return Reference(database, plan, table.name, column.name, target)
    known = {*(column.key for column in table.columns), *(child.path[0] for child in table.children)}
    if not table.full and keys[0] not in known:
        raise _Unknown(f"no record of {place} has a field {keys[0]}{asked(keys[0], known)}")
    return None


def _plan(plans: Mapping[str, EntityPlan], entity: str) -> EntityPlan:
    plan = plans.get(entity)
    if plan is None or plan.key is None:
        near = asked(entity, plans)
        raise (_Unusable if near else _NotCheckable)(f"no record of {entity} is stored yet{near}")
    return plan
