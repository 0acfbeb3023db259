"""What brings the ledger of a former version to the present one: one function a number, in order.

A change of the ledger's tables, of stored plans or of other stored texts is a new function at the end of
:data:`MIGRATIONS`; the ones before it stay as they are. Reading needs none of them: whatever reads an older ledger
understands it, and only the next run that writes migrates, in the transaction that records it.
"""

from __future__ import annotations

from collections.abc import Callable

import sqlalchemy as sa


def _plans_name_their_date_formats(connection: sa.Connection) -> None:
    """How dates are written stood in plans as ``spelling``; and no ledger told its version."""
    for entity, text in connection.exec_driver_sql("SELECT entity, plan FROM json2db_plans").all():
        connection.execute(
            sa.text("UPDATE json2db_plans SET plan = :plan WHERE entity = :entity"),
            {"entity": entity, "plan": text.replace('"spelling":', '"date_format":')},
        )


def _places_name_the_first_run(connection: sa.Connection) -> None:
    """A file's place was date, stamp and name: the run that first saw it stands before the name, and was not told."""
    rows = connection.exec_driver_sql("SELECT id, sort_key FROM json2db_files").all()
    places = [{"number": n, "place": "\t\t".join(key.rsplit("\t", 1))} for n, key in rows if key.count("\t") == 2]
    if places:
        connection.execute(sa.text("UPDATE json2db_files SET sort_key = :place WHERE id = :number"), places)


def _values_may_be_written_in_several_ways(_connection: sa.Connection) -> None:
    """Plans may say ``stored_digits``, ``written`` and ``chosen`` of columns, which a former version would not heed.

    What there is stays: columns whose values are all written alike are stored as they were.
    """


def _plans_tell_lifecycles(_connection: sa.Connection) -> None:
    """A plan that says nothing of versions and deletions means that there is nothing to say."""


def _plans_tell_paths(_connection: sa.Connection) -> None:
    """Plans tell what is inside objects. Those that do not are told by the rows, when the flat views are made."""


def _rejected_records_bear_remarks(connection: sa.Connection) -> None:
    """All mistakes in a rejected record, the rules it was rejected under, and what settled it since."""
    there = {column["name"] for column in sa.inspect(connection).get_columns("json2db_rejected")}
    for name in ("mistakes", "in_force", "overtaken_load", "dismissed_at", "dismissed"):
        if name not in there:
            kind = "BIGINT" if name == "overtaken_load" else "TEXT"
            connection.exec_driver_sql(f"ALTER TABLE json2db_rejected ADD COLUMN {name} {kind}")


def _databases_have_an_id(connection: sa.Connection) -> None:
    """Exports name it. Whatever gives a ledger its version gives it an id, too, where it has none."""
    inspector, table = sa.inspect(connection), "json2db_version"
    if inspector.has_table(table) and all(one["name"] != "database_id" for one in inspector.get_columns(table)):
        connection.exec_driver_sql(f"ALTER TABLE {table} ADD COLUMN database_id TEXT")


def _transfers_are_remembered(_connection: sa.Connection) -> None:
    """There may be tables of transfers, which a former version would take for an application's."""


def _what_transfers_saw_is_remembered(_connection: sa.Connection) -> None:
    """There may be tables of watermarks and digests, which a former version would take for an application's."""


MIGRATIONS: tuple[Callable[[sa.Connection], None], ...] = (
    _plans_name_their_date_formats,
    _places_name_the_first_run,
    _values_may_be_written_in_several_ways,
    _plans_tell_lifecycles,
    _plans_tell_paths,
    _rejected_records_bear_remarks,
    _databases_have_an_id,
    _transfers_are_remembered,
    _what_transfers_saw_is_remembered,
)
"""Each leads from the version before its place, counted from 1, to that of its place."""
