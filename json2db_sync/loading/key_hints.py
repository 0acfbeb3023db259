"""What may be the key of records that have none, or lack theirs: for the notes that ask for a setting."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence

import sqlalchemy as sa

from json2db_sync.analysis.statistics import allowed_exceptions
from json2db_sync.databases.base import Database
from json2db_sync.databases.records import RecordReader
from json2db_sync.model.aliases import Aliases
from json2db_sync.model.jsontext import Json
from json2db_sync.model.kinds import Kind
from json2db_sync.model.plan import FIRST_WEAKER, ID, LOAD, EntityPlan, key_rank, snake
from json2db_sync.model.record_key import key_of

_SAMPLE = 500
_MOST = 3


def key_setting(entity: str, field: str = "...") -> str:
    """The setting that names the key of an entity."""
    return f"processing.keys = {json.dumps({entity: [field]}, ensure_ascii=False)}"


def alias_setting(entity: str, alias: str, name: str) -> str:
    """The setting that makes two names of a field one."""
    return f"processing.aliases = {json.dumps({entity: {alias: name}}, ensure_ascii=False)}"


def likely_keys(database: Database, connection: sa.Connection, plan: EntityPlan) -> tuple[str | None, list[str]]:
    """Of a stored entity without a key: a field that is named like one and serves as one in its newest load, and the
    first that never repeat there, whatever their names.
    """
    root = database.tables(plan)[plan.table.name]
    newest = sa.select(sa.func.max(root.c[LOAD])).scalar_subquery()
    ids = connection.execute(sa.select(root.c[ID]).where(root.c[LOAD] == newest).limit(_SAMPLE)).scalars().all()
    aliases = Aliases(plan.aliases)
    stored = RecordReader(database, connection, plan).by_ids(ids).values()
    records = [aliases.plain(one.record) for one in stored]
    columns = [one for one in plan.table.columns if f"{one.key} repeats" not in plan.key_reason]
    ranked = sorted((rank, one.key) for one in columns if (rank := key_rank(one.key, plan.entity)) is not None)
    named = next((name for _rank, name in ranked if _serves(records, name, allowed_exceptions(len(records)))), None)
    others = [one.key for one in columns if one.kind in (Kind.TEXT, Kind.INTEGER) and _serves(records, one.key)]
    return named, others[:_MOST] if len(records) > 1 else []


def _serves(records: Sequence[dict[str, Json]], name: str, lacking: int = 0) -> bool:
    keys = [key for record in records if (key := key_of(record, (name,))) is not None]
    return 0 < len(keys) == len(set(keys)) and len(records) - len(keys) <= lacking


def renamed_key(database: Database, connection: sa.Connection, plan: EntityPlan) -> tuple[str, str] | None:
    """Two names spelled alike and named like a key, of which each stored record has one: the later seen, the other."""
    alike: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for column in plan.table.columns:
        if key_rank(column.key, plan.entity) is not None or snake(column.key).endswith("_id"):
            alike[snake(column.key)].append((column.key, column.name))
    root = database.tables(plan)[plan.table.name]
    for (name, first), *others in alike.values():
        for alias, other in others:
            filled = root.c[first].is_not(None) & root.c[other].is_not(None)
            both = connection.execute(sa.select(root.c[ID]).where(filled).limit(1)).first()
            if both is None:
                return alias, name
    return None


def other_name(record: Mapping[str, Json], key: str, entity: str) -> str | None:
    """The field of a record that may be its entity's key under another name: spelled alike, or named like a key."""
    fields = [name for name in record if key_of(dict(record), (name,)) is not None]
    alike = [name for name in fields if snake(name) == snake(key)]
    named = [name for name in fields if (rank := key_rank(name, entity)) is not None and rank < FIRST_WEAKER]
    return next(iter(alike + named), None) if "." not in key else None
