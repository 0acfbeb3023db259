"""What results are made of, whatever the operation: failures and figures in words."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from json2db_sync.errors import ConfigurationError, SyncError
from json2db_sync.results import Note, RefusedFile, Result
from json2db_sync.text import counted, did_you_mean


def failure_fields(error: SyncError) -> dict[str, Any]:
    """The fields of a result that fails with this error."""
    return {
        "success": False,
        "error": error.message,
        "error_type": error.code,
        "reason": error.reason,
        "hint": error.hint,
        "context": error.context or None,
    }


def failed(operation: str, error: SyncError) -> Result:
    """The result of an operation that ended with this error."""
    return Result(operation=operation, **failure_fields(error))


def failed_like(cause: Result | RefusedFile, error: str) -> dict[str, Any]:
    """The fields of a result that fails as this part of it did, with a sentence of its own."""
    same = {name: getattr(cause, name) for name in ("error_type", "reason", "hint", "context")}
    return {"success": False, "error": error, **same}


def refusal_fields(refused: Sequence[RefusedFile], good: int) -> dict[str, Any]:
    """Fields of a result that fails because every single file was refused; none otherwise."""
    if not refused or good:
        return {}
    more = f" (and {len(refused) - 1} more files were refused)" if len(refused) > 1 else ""
    return failed_like(refused[0], refused[0].error + more)


def unknown_entities(unknown: Collection[str], known: Collection[str]) -> ConfigurationError:
    """The error for entities that are nowhere, naming those that are."""
    first = min(unknown)
    near = did_you_mean(first, sorted(known))
    listed = ", ".join(sorted(known)) or "none"
    return ConfigurationError(
        f"there is no entity {first}",
        hint=(f"{near} " if near else "") + f"known are: {listed}",
        reason="unknown_entity",
        setting="entity_filter",
        entity=first,
    )


def unknown_run(number: int) -> ConfigurationError:
    """The error for a run that the ledger does not know."""
    return ConfigurationError(f"there is no run {number}", hint="json2db-sync runs lists them", reason="unknown_run")


# Figures in words


def timing(records: int, started: float) -> dict[str, float]:
    """Seconds since ``started`` (of the monotonic clock) and records a second."""
    seconds = time.monotonic() - started
    return {
        "processing_time_seconds": round(seconds, 6),
        "records_per_second": round(records / seconds, 1) if seconds > 0 else 0.0,
    }


def accounting(statistics: Mapping[str, Any], operation: str | None = None) -> str:
    """``4,812 read = 1,204 inserted + 96 updated + 3,510 unchanged + 2 rejected``; what is zero is left out.

    A replay reads no file: its records are ``tried``.
    """
    parts = [
        f"{statistics[name]:,} {name}"
        for name in ("inserted", "updated", "unchanged", "superseded", "rejected")
        if statistics.get(name)
    ]
    word = "tried" if operation == "replay" else "read"
    return f"{statistics.get('total_records', 0):,} {word}" + (f" = {' + '.join(parts)}" if parts else "")


def changes_refused(refused: Sequence[Note]) -> list[str]:
    """``2 changes refused``, where any were."""
    return [f"{counted(len(refused), 'change')} refused"] if refused else []
