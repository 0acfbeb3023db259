"""What people hung on our tables, where it would not survive a change."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from json2db_sync.errors import ValidationError


def execute(connection: sa.Connection, statement: str) -> sa.CursorResult[*tuple[Any, ...]]:
    """Execute a statement as the database or a user wrote it: neither % nor : is a parameter."""
    return connection.exec_driver_sql(statement, execution_options={"no_parameters": True})


def would_be_lost(named: Sequence[str], table: str | None) -> ValidationError:
    """The error that stops a change: all in the transaction goes back.

    :param named: in words, each with what the database says against it, where it says anything.
    """
    return ValidationError(
        f"{table or 'a table'} and the tables with it must change, and what you made on them would be lost: "
        f"{'; '.join(named)}. Nothing was changed",
        hint="keep the definition of each, drop it, run again, and make it for the new columns",
        reason="object_would_be_lost",
        table=table,
    )
