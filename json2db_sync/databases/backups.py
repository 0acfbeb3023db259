"""Copies of a database's state, and what they are called."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
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


def free_name(stamped: str, taken: Collection[str], ending: str = "") -> str:
    """The name, with a number behind it where there is a backup of that second already: the next higher one."""
    known = (re.fullmatch(rf"{re.escape(stamped)}(?:_(\d+))?{re.escape(ending)}", name) for name in taken)
    number = max((int(match[1] or 1) for match in known if match), default=0) + 1
    return f"{stamped}{ending}" if number == 1 else f"{stamped}_{number}{ending}"


def no_backup(name: str, known: Sequence[str], place: str = "") -> DatabaseError:
    """There is none of that name; some that there are."""
    return DatabaseError(
        f"there is no backup {name}", hint=f"backups{place}: {', '.join(known[:5]) or 'none'}", reason="unknown_backup"
    )
