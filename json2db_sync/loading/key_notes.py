"""What is said of keys that were guessed, or not found: once a run and entity, with the setting that decides."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import sqlalchemy as sa

from json2db_sync.analysis.inference import PlanSettings
from json2db_sync.databases.base import Database
from json2db_sync.databases.ledger import Ledger
from json2db_sync.databases.outcome_counter import Counts
from json2db_sync.loading.key_hints import alias_setting, key_setting, likely_keys, renamed_key
from json2db_sync.model.plan import EntityPlan, is_weaker_key
from json2db_sync.results import Note
from json2db_sync.text import counted


def key_notes(
    database: Database,
    connection: sa.Connection,
    done: Mapping[str, Counts],
    listed: frozenset[str],
    settings: PlanSettings,
) -> Iterator[Note]:
    """Of the entities of a run.

    :param done: by entity, what became of the records of this run.
    :param listed: the entities of which records stood in lists, not each alone in a file.
    """
    ledger = Ledger(database, connection)
    sums, plans = ledger.sums(), ledger.plans()
    for entity, counts in done.items():
        plan = plans[entity]
        if not settings.is_guess(plan) or not counts.read:
            continue
        if plan.key == () and entity in (settings.keys or {}):
            continue  # that the setting waits for the tables to be made anew is said for all such settings
        if plan.key == () and entity in listed:
            yield _no_key(database, connection, plan, counts)
        elif is_weaker_key(plan.key, entity):
            total = sums.get(entity, counts)
            if counts.updated and total.updated == counts.updated:
                yield _first_updates(plan, counts)
            elif total.read == counts.read:
                yield _guessed(plan)


def _no_key(database: Database, connection: sa.Connection, plan: EntityPlan, counts: Counts) -> Note:
    entity = plan.entity
    twins = renamed_key(database, connection, plan)
    likely, fields = (None, []) if twins else likely_keys(database, connection, plan)
    why, setting = f" ({plan.key_reason})", key_setting(entity, fields[0] if fields else "...")
    if twins:
        why, setting = f": what some records call {twins[1]} is {twins[0]} in others", alias_setting(entity, *twins)
    elif likely:  # of tables that were made when it was no key, or not known as one
        why, setting = f", though {likely} may be one", key_setting(entity, likely)
    elif fields:
        why += f"; {', '.join(fields)} never {'repeat' if len(fields) > 1 else 'repeats'}"
    text = (
        f"{entity} has no key{why}: a record that changes is added, and its older version stays. "
        f'{setting}, then create-tables --recreate --empty; or processing.keys = {{"{entity}": []}}, if that is right'
    )
    return Note(text, "no_key", entity, counts.read, setting)


def _first_updates(plan: EntityPlan, counts: Counts) -> Note:
    entity, (field,) = plan.entity, plan.key or ("",)
    setting = key_setting(entity, field)
    text = (
        f"{entity}: {counted(counts.updated, 'record')} updated for the first time, since {field} is the same, which "
        f'is a guess; {setting} if that is its key, "{entity}": [...] if it is not'
    )
    return Note(text, "guessed_key_updates", entity, counts.updated, setting)


def _guessed(plan: EntityPlan) -> Note:
    entity, (field,) = plan.entity, plan.key or ("",)
    text = f"{entity}: {field} is guessed to be the key ({plan.key_reason}); {key_setting(entity)} names another"
    return Note(text, "guessed_key", entity, setting=key_setting(entity, field))


def key_given_up(file: str, plan: EntityPlan, again: int, *, reload: bool) -> Note:
    """A key of a weaker name has turned out wrong.

    :param again: records of the file that repeat it.
    :param reload: are the entity's files to be loaded again?
    """
    entity, (field,) = plan.entity, plan.key or ("",)
    setting = key_setting(entity)
    text = (
        f"{file}: {counted(again, 'record')} of {entity} with the {field} of an earlier one, so {field} (a guess) is "
        "not the key. Nothing was overwritten: records are told apart by their content from now on"
        + (", and the next run loads the files again whose records were updated before" if reload else "")
        + f"; {setting} names the key"
    )
    return Note(text, "key_given_up", entity, again, setting)
