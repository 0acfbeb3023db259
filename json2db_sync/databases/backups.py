"""Copies of a database's state, and what they are called."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from json2db_sync.errors import DatabaseError


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
