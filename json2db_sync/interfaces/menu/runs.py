"""Past runs: a list, and each of them file by file."""

from __future__ import annotations

from typing import Any

from json2db_sync.interfaces.menu.plans import same_as
from json2db_sync.interfaces.menu.prompts import BACK, Back, Option
from json2db_sync.interfaces.menu.session import Session
from json2db_sync.interfaces.terminal.console import ago
from json2db_sync.interfaces.terminal.history import outcome
from json2db_sync.results import RunReport, RunsResult

_MOST = 50
"""Runs listed; the command line shows all."""


def browse(session: Session) -> None:
    """List past runs, and show whichever is chosen, until the user goes back."""
    result = session.ask(RunsResult, "runs", most=_MOST)
    if result is None:
        return
    if not result.runs:
        session.prompts.say("  Nothing was run on this database yet.")
        return
    same_as(session, ["runs"])
    options = [*(Option(run.run, _label(run), outcome(run)) for run in result.runs), BACK]
    at: Any = result.runs[0].run
    while True:
        try:
            at = session.prompts.choose(f"Runs ({len(result.runs)}), newest first: look at one", options, default=at)
        except Back:
            return
        _look_at(session, next(run for run in result.runs if run.run == at))


def _look_at(session: Session, run: RunReport) -> None:
    same_as(session, ["runs", "show", str(run.run)])
    session.show(session.call("show_run", run.run, quiet=True))
    if not run.files:
        return
    options = [Option("verify", "Verify its records", "read its files again, compare all"), BACK]
    try:
        session.prompts.choose(f"What about run {run.run}?", options, default=Back)
    except Back:
        return
    same_as(session, ["verify", "--run", str(run.run)])
    session.show(session.call("verify", run=run.run))


def _label(run: RunReport) -> str:
    return f"{run.run}  {run.operation.replace('_', ' ')}, {ago(run.started_at)}"
