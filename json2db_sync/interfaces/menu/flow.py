"""A task from its options to its end: ask, plan, confirm by weight, run, show, and a way on."""

from __future__ import annotations

from dataclasses import replace

from json2db_sync.errors import SyncError
from json2db_sync.interfaces.menu import proposals
from json2db_sync.interfaces.menu.forms import Form
from json2db_sync.interfaces.menu.next_actions import NextActions, Step
from json2db_sync.interfaces.menu.plans import Plan, draw, same_as
from json2db_sync.interfaces.menu.prompts import Back
from json2db_sync.interfaces.menu.session import Session
from json2db_sync.interfaces.menu.tasks import ANALYSIS, EMPTYING, PLAN, RECREATION, Task
from json2db_sync.interfaces.terminal.console import size_text
from json2db_sync.operations.context import failed
from json2db_sync.results import AnalysisResult, PlanResult, Problem, Result, SourceState
from json2db_sync.text import counted

LARGE = 64 * 2**20
"""Bytes from which on the user is asked whether the files are read for the plan already."""


class Flow:
    """Does tasks."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._form = Form(session)
        self._next_actions = NextActions(session)

    def start(self, task: Task, *, fill: bool = True) -> None:
        """Do a task and what the user wants after it, until home.

        :raises Back: when the user goes back before anything was done.
        """
        step: Step | None = Step(task, fill)
        first = True
        while step is not None:
            try:
                step = self._do(step)
            except Back:
                if first:
                    raise
                return
            first = False

    def _do(self, step: Step) -> Step | None:
        task = step.task
        if step.fill:
            self._ask(task)
        try:
            stopped = None if step.confirmed or not task.writes else self._agree(step)
        except SyncError as error:
            stopped = failed(task.method, error)
        except Back:
            if task.asks:
                return Step(task)  # one step back: its options
            raise
        if stopped is not None:
            return self._next_actions.of(step, stopped)
        if not task.writes:
            same_as(self._session, task)
        result = self._session.run(task)
        if task.writes and task != EMPTYING:
            self._session.answer(last=task.name)
        return self._next_actions.of(Step(task, step.fill, confirmed=task.writes), result)

    def _ask(self, task: Task) -> None:
        if len(task.asks) == 1:
            self._form.ask(task.asks[0])
        elif task.asks:
            self._form.fill(task, "Go on to the plan" if task.writes else "Go on")

    def _agree(self, step: Step) -> Result | None:
        """None when the user agrees; a result where there is nothing to agree on.

        :raises Back: when the user does not.
        """
        task, session = step.task, self._session
        inspected = session.inspect(task, counts=task in (RECREATION, EMPTYING))
        database, source = inspected.stored, inspected.found
        if database.problem is not None:
            return _failed(task, database.problem)
        if source.problem is not None and not (task in (RECREATION, EMPTYING) and database.entities):
            return _failed(task, source.problem)
        analysis = self._look_inside(task, source)
        if analysis is not None and not analysis.success:
            return analysis
        assert analysis is None or isinstance(analysis, AnalysisResult)
        frozen = frozenset(filter(session.config.processing.is_frozen, (entity.name for entity in database.entities)))
        plan = Plan(task, database, source, analysis, entities_asked=session.answers.entities, frozen=frozen)
        plan = replace(plan, pending=self._pending(plan))
        if analysis is not None:
            session.console.print()
        if task == EMPTYING and not plan.affected:
            session.prompts.say("  There is nothing to discard: no records are stored.")
            raise Back
        draw(plan, session)
        self._confirm(plan)
        return None

    def _look_inside(self, task: Task, source: SourceState) -> Result | None:
        """Read the files, where they can change what the plan says; None where not."""
        if not source.files or task == EMPTYING or not (task == RECREATION or source.to_load):
            return None
        look = source.bytes <= LARGE or self._wants_to_look(source)
        while look:
            result = self._session.run(ANALYSIS)
            if result.success and proposals.offer(self._session, result):
                continue
            if result.error_type != "cancelled":
                return result
            self._session.console.print()
            look = self._wants_to_look(source)
        return None

    def _pending(self, plan: Plan) -> PlanResult | None:
        """What the changes mean to tables that are there already; None where analysis says it all."""
        if plan.analysis is None or not plan.database.entities or (plan.task == RECREATION and plan.affected):
            return None
        if not plan.analysis.schema_changes and not self._session.config.processing.contracts:
            return None
        result = self._session.run(PLAN)
        return result if isinstance(result, PlanResult) and result.success else None

    def _wants_to_look(self, source: SourceState) -> bool:
        return self._session.prompts.either(
            f"There is much to read ({size_text(source.bytes)}). Make the plan how?",
            ("By the files' names", "tables follow the data as it is read"),
            ("Read them first", "it then names each table and column"),
        )

    def _confirm(self, plan: Plan) -> None:
        """By weight.

        :raises Back: when the user does not agree.
        """
        prompts = self._session.prompts
        held = counted(plan.records_at_stake, "record")
        if plan.task == EMPTYING:
            name = plan.database.name

            def check(text: str) -> str | None:
                return None if text == name else f"type {name} to discard {held}, or press Esc to keep them"

            prompts.text(f"Type {name} to discard {held}:", check=check)
            return
        if plan.task == RECREATION and plan.affected:
            tables = counted(len(plan.affected), "entity")
            agreed = prompts.confirm(f"Rebuild {tables} with {held}?", default=False)
        else:
            agreed = prompts.confirm("Go on?", default=True)
        if not agreed:
            prompts.say("  Nothing was changed.\n")
            raise Back


def _failed(task: Task, problem: Problem) -> Result:
    return Result(success=False, operation=task.method, **problem)
