"""What was checked, and what that proves."""

from __future__ import annotations

from json2db_sync.interfaces.terminal.canvas import BAD, GOOD, Canvas
from json2db_sync.interfaces.terminal.warnings import worth_a_look
from json2db_sync.interfaces.terminal.wording import short_paths
from json2db_sync.results import VerifyResult
from json2db_sync.text import counted


def verification(result: VerifyResult, canvas: Canvas) -> None:
    """Each check with what it covered; what a partial one left out."""
    if result.checks:
        if result.success:
            canvas.line((verified(result), "bold"))
        canvas.blank()
    width = max((len(check.name) for check in result.checks), default=0)
    for check in result.checks:
        covered = check.covered if check.passed else f"{counted(check.problems, 'problem')} in {check.covered}"
        canvas.pairs([(canvas.text(GOOD if check.passed else BAD, f" {check.name:<{width}}"), covered)])
        for line in check.examples:
            canvas.line(short_paths(line), indent=6)
    if result.success and result.checks and not result.full:
        canvas.blank()
        canvas.line((_left_out(result), "dim"))
    worth_a_look(canvas, notes=result.notes)


def _left_out(result: VerifyResult) -> str:
    if result.of_run is None:
        return "The files themselves were not read again; a full verification does that."
    return f"Only the files of run {result.of_run} were read again; a full verification reads all."


def verified(result: VerifyResult) -> str:
    """What the checks prove, in a line."""
    total, failed = len(result.checks), len(result.failed_checks)
    if failed:
        return f"not verified: {failed} of {counted(total, 'check')} failed"
    what = "verified in full" if result.full else f"run {result.of_run} verified" if result.of_run else "verified"
    compared = next((check.covered for check in result.checks if check.name == "records"), None)
    return f"{what}: {proof(result)}" + (f" ({compared})" if compared and result.records_compared else "")


def proof(result: VerifyResult) -> str:
    """``every record verified`` where all were compared, else what was done instead. All checks passed."""
    checks = f"{counted(len(result.checks), 'check')} passed"
    if result.every_record and result.records_compared:
        return "every record verified"
    return f"{counted(result.records_compared, 'record')} compared, {checks}" if result.records_compared else checks


def findings(result: VerifyResult, canvas: Canvas) -> None:
    """What a verification found to be wrong, with examples."""
    canvas.item(BAD, (verified(result), "bold"))
    for check in result.failed_checks:
        canvas.item(BAD, f"{check.name}: {counted(check.problems, 'problem')} in {check.covered}", indent=2)
        for line in check.examples:
            canvas.line(short_paths(line), indent=4)
