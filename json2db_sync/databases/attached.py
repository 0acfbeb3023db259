"""What people hung on our tables, where it would not survive a change."""

from __future__ import annotations

from collections.abc import Sequence

from json2db_sync.errors import ValidationError


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
