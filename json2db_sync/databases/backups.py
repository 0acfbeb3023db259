"""Copies of a database's state, and what they are called."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from json2db_sync.errors import DatabaseError, ValidationError


@dataclass(frozen=True)
class Backup:
    """A copy of the database's state that can be restored."""

    name: str
    """What ``restore`` takes: a file, or a schema's name on PostgreSQL."""
    created_at: str
    """UTC."""
    size: int | None = None
    """Bytes."""
    number: int = 1
    """Of those of that second."""
    unchecked: tuple[str, ...] = ()
    """Tables of which it was not checked whether the copy is sound, and why."""

    @property
    def order(self) -> tuple[str, int]:
        """What sorts backups from old to new."""
        return self.created_at, self.number


def no_backup(name: str, known: Sequence[str], place: str = "") -> DatabaseError:
    """There is none of that name; some that there are."""
    return DatabaseError(
        f"there is no backup {name}", hint=f"backups{place}: {', '.join(known[:5]) or 'none'}", reason="unknown_backup"
    )


def require_columns(table: str, columns: Iterable[str], known: Collection[str]) -> None:
    """Columns of others in our tables stay: the backup has them, or nothing is restored."""
    if lost := [column for column in columns if column not in known]:
        raise ValidationError(
            f"the column {lost[0]} of {table} is not ours and not in the backup; nothing was changed",
            hint="move what it holds into a table of your own, drop it, then run again",
            reason="column_would_be_lost",
            table=table,
            column=lost[0],
        )


def require_free(taken: Collection[str]) -> None:
    """What bears the name of a table in the backup, and is not ours, stays."""
    if taken:
        raise ValidationError(
            f"{min(taken)} is not ours and has the name of a table in the backup; nothing was changed",
            hint="give it another name, then run again",
            reason="table_in_the_way",
            table=min(taken),
        )
