"""Past runs: a list, and each of them file by file."""

from __future__ import annotations

from typing import Any

from json2db_sync.interfaces.menu.plans import same_as
from json2db_sync.interfaces.menu.prompts import BACK, Back, Option
from json2db_sync.interfaces.menu.session import Session
from json2db_sync.interfaces.terminal.console import ago, show
from json2db_sync.interfaces.terminal.history import outcome
from json2db_sync.results import RunReport, RunsResult

_MOST = 50
"""Runs listed; the command line shows all."""


class Runs:
    """Looks at past runs."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def browse(self) -> None:
        """List them, and show whichever is chosen, until the user goes back."""
        result = self._session.ask(RunsResult, "runs", most=_MOST)
        if result is None:
            return
        if not result.runs:
            self._session.prompts.say("  Nothing was run on this database yet.")
            return
        same_as(self._session, ["runs"])
        options = [*(Option(run.run, _label(run), outcome(run)) for run in result.runs), BACK]
        at: Any = result.runs[0].run
        while True:
            title = f"Runs ({len(result.runs)}), newest first: look at one"
            try:
                at = self._session.prompts.choose(title, options, default=at, quiet=True)
            except Back:
                return
            self._look_at(next(run for run in result.runs if run.run == at))

    def _look_at(self, run: RunReport) -> None:
        session = self._session
        same_as(session, ["runs", "show", str(run.run)])
        session.console.print()
        show(session.call("show_run", run.run, quiet=True), session.console)
        session.console.print()
        if not run.files:
            return
        options = [Option("verify", "Verify its records", "read its files again, compare all"), BACK]
        try:
            session.prompts.choose(f"What about run {run.run}?", options, default=Back, quiet=True)
        except Back:
            return
        same_as(session, ["verify", "--run", str(run.run)])
        checked = session.call("verify", run=run.run)
        session.console.print()
        show(checked, session.console)
        session.console.print()


def _label(run: RunReport) -> str:
    return f"{run.run}  {run.operation.replace('_', ' ')}, {ago(run.started_at)}"
