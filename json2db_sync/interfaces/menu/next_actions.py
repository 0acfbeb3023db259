"""After a run: what happened, and the ways on that fit. No dead ends."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from rich.text import Text

from json2db_sync.interfaces.menu import backups, glyphs, proposals, tasks
from json2db_sync.interfaces.menu.forms import Form
from json2db_sync.interfaces.menu.places import show_place
from json2db_sync.interfaces.menu.prompts import BACK, Back, Option
from json2db_sync.interfaces.menu.records import Records
from json2db_sync.interfaces.menu.session import Session
from json2db_sync.interfaces.menu.tasks import Ask, Task
from json2db_sync.interfaces.terminal.console import show, show_error
from json2db_sync.results import PopulateResult, RefusedFile, RepairResult, Result, VerifyResult, WorkflowResult
from json2db_sync.text import counted


@dataclass(frozen=True)
class Step:
    """A task to do next."""

    task: Task
    fill: bool = True
    """Ask for its options first."""
    confirmed: bool = False
    """It was confirmed as it is: a repetition after an error asks no more."""


Way = tuple[Option, Callable[[], Step | None]]
"""An option, and what it does: the next step, or None to stay at the question."""
_HOME = "home"


class NextActions:
    """Shows results and offers ways on."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._form = Form(session)

    def of(self, step: Step, result: Result) -> Step | None:
        """Show what came of a step; the next step, or None for home."""
        console = self._session.console
        console.print()
        if result.error_type == "cancelled":
            show_error(result, console)
            self._say_what_is_committed(result)
            ways = self._after_cancelling(step)
        elif result.success or _found_something(result):
            show(result, console)
            ways = self._after_success(step, result)
        else:
            # What names options of the command line is no help here, where the same is offered as a way on.
            show_error(replace(result, hint=None) if _source_is_missing(result) else result, console)
            ways = self._after_error(step, result)
        console.print()
        return self._ask(ways)

    def _ask(self, ways: list[Way]) -> Step | None:
        default = None
        while True:
            options = [Option(place, way[0].label, way[0].detail) for place, way in enumerate(ways)]
            options.append(Option(_HOME, "Home"))
            try:
                chosen = self._session.prompts.choose("What now?", options, default=default)
            except Back:
                return None
            if chosen == _HOME:
                return None
            default = chosen
            try:
                step: Step | None = ways[chosen][1]()
            except Back:
                continue
            if step is not None:
                return step

    def _after_success(self, step: Step, result: Result) -> list[Way]:
        ways: list[Way] = []
        if _rejected(result):
            ways.append((Option(0, "Look at the rejected records"), lambda: Records(self._session).browse()))
        refused = _refused(result)
        if refused:
            ways.append((Option(0, "Look at the refused files"), lambda: self._look_at_refused(refused, _root(result))))
        if found := proposals.proposed(self._session, result):
            label = f"Look at {counted(len(found), 'proposal')}"
            ways.append((Option(0, label, "for the configuration"), lambda: self._offer(step, result)))
        ways += self._fitting(step.task, result)
        ways.append((Option(0, "Run again"), lambda: Step(step.task, fill=bool(step.task.asks))))
        return ways

    def _fitting(self, task: Task, result: Result) -> list[Way]:
        full = _way("Verify in full", tasks.FULL_VERIFICATION, "read the files again, compare all")
        report = _way("Open the report", tasks.REPORT)
        load = _way("Load the data", tasks.POPULATION, "what is new or changed")
        verify = _way("Verify the tables", tasks.VERIFICATION)
        if isinstance(result, VerifyResult) and not result.success:
            restore = (Option(0, "Restore a backup"), self._restore)
            repair = _way("Load again what is missing", tasks.REPAIR_PREVIEW, "repair; shows first what it would do")
            return [repair, restore, *([] if result.full else [full])]
        if isinstance(result, RepairResult):
            do_it = [_way("Do it", tasks.REPAIR, "after a backup")] if result.dry_run and result.would_change else []
            return [*do_it, full, (Option(0, "Restore a backup"), self._restore)]
        if task in (tasks.WORKFLOW, tasks.POPULATION):
            loaded = result.steps.get("verify") if isinstance(result, WorkflowResult) else None
            done_in_full = isinstance(loaded, VerifyResult) and loaded.full
            return [report, *([] if done_in_full else [full])]
        if task == tasks.ANALYSIS:
            return [_way("Full workflow", tasks.WORKFLOW, "load it"), _way("Show the table schemas", tasks.SCHEMAS)]
        if task == tasks.PLAN:
            return [_way("Full workflow", tasks.WORKFLOW, "does it, and loads"), load]
        if task in (tasks.RECREATION, tasks.EMPTYING):
            return [load, verify]
        if task in (tasks.VERIFICATION, tasks.FULL_VERIFICATION):
            return [report, *([] if isinstance(result, VerifyResult) and result.full else [full])]
        return [load, verify] if task == tasks.REPORT else []

    def _look_at_refused(self, refused: tuple[RefusedFile, ...], root: str | None) -> None:
        options = [*(Option(file, file.file, file.error) for file in refused), BACK]
        while True:  # until the user goes back
            chosen = self._session.prompts.choose(f"Refused files ({len(refused):,})", options)
            show_place(self._session, {"file": chosen.file, **chosen.context}, root)

    def _offer(self, step: Step, result: Result) -> Step | None:
        """Do the same again where anything was written."""
        return Step(step.task, fill=False) if proposals.offer(self._session, result) else None

    def _restore(self) -> None:
        backups.browse(self._session)

    def _say_what_is_committed(self, result: Result) -> None:
        loaded = result.steps.get("populate") if isinstance(result, WorkflowResult) else result
        if isinstance(loaded, PopulateResult) and loaded.statistics.get("files_loaded"):
            figures = loaded.statistics
            text = (
                f"  {counted(figures['files_loaded'], 'file')} with {counted(figures['read'], 'record')} "
                "committed before that stay; the file at hand was rolled back."
            )
        elif isinstance(loaded, PopulateResult):
            text = "  No file was loaded before that."
        else:
            text = "  No record was changed."
        self._session.console.print(Text(glyphs.plain(text)))

    def _after_cancelling(self, step: Step) -> list[Way]:
        ways = [_way("Go on from there", step.task, "files loaded already cost nothing", fill=False)]
        if step.task.asks:
            ways.append(_way("Change the options", step.task))
        return [*ways, _way("Open the report", tasks.REPORT)]

    def _after_error(self, step: Step, result: Result) -> list[Way]:
        kind, task = result.error_type, step.task
        again = Step(task, fill=False, confirmed=step.confirmed)
        ways: list[Way] = []
        if result.reason == "outside_window" and "days" in task.asks:
            ways.append((Option(0, "Take all sessions"), lambda: self._answered(again, days="all")))
        if kind == "configuration_error" and self._session.answers.entities and "entities" in task.asks:
            ways.append((Option(0, "Take all entities"), lambda: self._answered(again, entities=None)))
        if result.reason == "no_database":
            ways.append(_way("Full workflow", tasks.WORKFLOW, "creates it"))
        another = (Option(0, "Name another data source"), lambda: self._asked("source", again))
        if _source_is_missing(result):
            ways.append(another)
        ways.append((Option(0, "Try again"), lambda: again))
        if task.asks:
            ways.append(_way("Change the options", task))
        if kind == "file_error" and another not in ways:
            ways.append(another)
        if kind in ("database_error", "locked"):
            ways.append((Option(0, "Name another database"), lambda: self._asked("database", again)))
        if kind == "database_error":
            ways.append((Option(0, "Restore a backup"), self._restore))
        context = dict(result.context or {})
        if context.keys() & {"file", "setting", "table"}:
            ways.append((Option(0, "Show the place"), lambda: show_place(self._session, context, _root(result))))
        return ways

    def _answered(self, step: Step, **answers: Any) -> Step:
        self._session.answer(**answers)
        return Step(step.task, fill=False)

    def _asked(self, what: Ask, step: Step) -> Step:
        self._form.ask(what)
        return Step(step.task, fill=False)


def _way(label: str, task: Task, detail: str = "", *, fill: bool = True) -> Way:
    return Option(0, label, detail), lambda: Step(task, fill)


def _found_something(result: Result) -> bool:
    """Is it a failure that is a finding, and not an error: a verification that did its work?"""
    if isinstance(result, WorkflowResult):
        return result.stopped_at == "verify"
    return isinstance(result, VerifyResult) and bool(result.checks)


def _source_is_missing(result: Result) -> bool:
    return result.reason == "source_missing"


def _rejected(result: Result) -> int:
    if isinstance(result, WorkflowResult | PopulateResult):
        return int(result.statistics.get("rejected", 0))
    return int(getattr(result, "rejected", 0) or 0)


def _refused(result: Result) -> tuple[RefusedFile, ...]:
    loaded = result.steps.get("populate", result) if isinstance(result, WorkflowResult) else result
    return tuple(getattr(loaded, "refused_files", ()))


def _root(result: Result) -> str | None:
    source = result.source
    if source is None and isinstance(result, WorkflowResult):
        source = next((step.source for step in result.steps.values() if step.source), None)
    return source
