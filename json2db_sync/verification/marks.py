"""The marks of records that are gone: do the newest files lack just those, or did a stub say so?"""

from __future__ import annotations

from collections.abc import Mapping

import sqlalchemy as sa

from json2db_sync.databases.base import Database
from json2db_sync.limits import Limits
from json2db_sync.loading.gone import NewestState, NotTold, Row
from json2db_sync.model.plan import EntityPlan
from json2db_sync.results import Check, Note
from json2db_sync.text import counted
from json2db_sync.verification.check_builder import CheckBuilder


def check_marks(
    database: Database, connection: sa.Connection, plans: Mapping[str, EntityPlan], limits: Limits, *, may_read: bool
) -> Check:
    """The check of the entities whose newest files are all there is.

    :param may_read: read these files where the ledger does not tell what they hold.
    """
    finding = CheckBuilder("gone")
    existing = database.relation_names(connection)
    marks = 0
    checked = [plan for plan in plans.values() if plan.lifecycle.columns and plan.table.name in existing]
    for plan in checked:
        state = NewestState(database, connection, plan, limits, may_read=may_read)
        complete = plan.lifecycle.complete
        try:
            for row in state.rows() if complete else state.marked_rows():
                marks += row.marked is not None
                problem = _problem(row, complete=complete)
                if problem is not None:
                    finding.add(f"{plan.table.name}: the row of id {row.id} {problem}")
        except NotTold as reason:
            text = f"the marks of {plan.entity} were not checked: {reason}"
            finding.notes.append(Note(text, "marks_not_checked", plan.entity))
    return finding.done(f"{counted(marks, 'mark')} of {counted(len(checked), 'entity')} against stubs and newest files")


def _problem(row: Row, *, complete: bool) -> str | None:
    if row.stub or not complete:
        return None if row.marked or not row.stub else "was deleted by a stub and is not marked"
    if row.since is None:
        return "is marked as gone, and the newest files have it"
    return None if row.marked else "is not marked as gone, and the newest files lack it"
