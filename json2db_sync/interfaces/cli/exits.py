"""Exit codes: the one place that decides them, and the words that document them."""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from json2db_sync.results import Result


class Exit(IntEnum):
    """What a command ends with."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    ATTENTION = 3
    LOCKED = 4
    INTERRUPTED = 130


MEANINGS = {
    Exit.DONE: "done",
    Exit.FAILED: "failed",
    Exit.USAGE: "wrong usage or configuration, or an answer is needed (--yes)",
    Exit.ATTENTION: "done, with something to look at: rejected records, differences, changes",
    Exit.LOCKED: "another run or program is still at work: nothing more was done",
    Exit.INTERRUPTED: "interrupted (Ctrl-C, SIGTERM), or answered no; what was committed stays",
}
_CODES = {"cancelled": Exit.INTERRUPTED, "configuration_error": Exit.USAGE, "locked": Exit.LOCKED}


def exit_code(result: Result) -> Exit:
    """What a command ends with that had this result."""
    if result.success:
        return Exit.ATTENTION if result.needs_attention else Exit.DONE
    if result.error_type in _CODES:
        return _CODES[result.error_type]
    return Exit.ATTENTION if _found_differences(result) else Exit.FAILED


def _found_differences(result: Result) -> bool:
    """Did a verification do its work, and find something?"""
    from json2db_sync.results import ExportResult, VerifyResult, WorkflowResult

    if isinstance(result, WorkflowResult) and result.stopped_at is not None:
        return _found_differences(result.steps[result.stopped_at])
    if isinstance(result, ExportResult):
        return bool(result.outdated)
    return isinstance(result, VerifyResult) and bool(result.failed_checks)
