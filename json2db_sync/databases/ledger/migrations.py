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


MIGRATIONS: tuple[Callable[[sa.Connection], None], ...] = (_plans_name_their_date_formats,)
"""Each leads from the version before its place, counted from 1, to that of its place."""
