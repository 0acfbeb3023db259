"""Copies of a database's state, and what they are called."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from json2db_sync.errors import DatabaseError


@dataclass(frozen=True)
class Backup:
    """A copy of the database's state that can be restored."""

    name: str
    """What ``restore`` takes: a file, or a schema's name on PostgreSQL."""
    created_at: str
    size: int | None = None
    """Bytes."""


def free_name(stamped: str, is_taken: Callable[[str], bool], ending: str = "") -> str:
    """The name, with a number behind it where there is a backup of that moment already."""
    number, name = 1, f"{stamped}{ending}"
    while is_taken(name):
        number += 1
        name = f"{stamped}_{number}{ending}"
    return name


def no_backup(name: str, known: Sequence[str], place: str = "") -> DatabaseError:
    """There is none of that name; some that there are."""
    return DatabaseError(
        f"there is no backup {name}", hint=f"backups{place}: {', '.join(known[:5]) or 'none'}", reason="unknown_backup"
    )
