"""Before anything is changed: what a task will do, in the user's terms, and the command line that does the same."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from rich.text import Text

from json2db_sync.interfaces.menu import glyphs
from json2db_sync.interfaces.menu.session import Session
from json2db_sync.interfaces.menu.tasks import EMPTYING, RECREATION, Task, command_line
from json2db_sync.interfaces.terminal.console import size_text
from json2db_sync.results import AnalysisResult, DatabaseState, PlanResult, SchemaChange, SourceState
from json2db_sync.text import counted, some_of

_ALTERATIONS = ("widen_column", "change_key", "restructure")
_MOST_TABLES = 12


@dataclass(frozen=True)
class Plan:
    """What is known before a task runs."""

    task: Task
    database: DatabaseState
    source: SourceState
    analysis: AnalysisResult | None
    """None where the files were not looked into."""
    pending: PlanResult | None = None
    """What the changes mean to tables that are there; None where there are none of either."""
    entities_asked: tuple[str, ...] | None = None
    frozen: frozenset[str] = frozenset()
    """Entities whose contract is frozen."""

    @property
    def loads(self) -> bool:
        return self.task not in (RECREATION, EMPTYING)

    @property
    def new_files(self) -> int:
        return len(self.source.to_load)

    @property
    def affected(self) -> dict[str, int]:
        """Stored entities that recreation rebuilds, with their records."""
        wanted = self.entities_asked
        return {
            entity.name: entity.record_count
            for entity in self.database.entities
            if entity.record_count is not None and (wanted is None or entity.name in wanted)
        }

    @property
    def records_at_stake(self) -> int:
        return sum(self.affected.values())

    @property
    def schema_changes(self) -> Sequence[SchemaChange]:
        """What the data changes in the tables."""
        if self.pending is not None:
            return self.pending.changes
        return self.analysis.schema_changes if self.analysis is not None else ()


def draw(plan: Plan, session: Session) -> None:
    """Show a plan."""
    console = session.console
    width = min(console.width, 100)
    session.prompts.lines += 1
    console.print(Text(glyphs.plain(f"{plan.task.title} will"), style="bold"))
    for label, text in _rows(plan):
        lines = Text(glyphs.plain(text)).wrap(console, width - 11)
        for place, line in enumerate(lines):
            row = Text(
                f"  {label if place == 0 else '':<8} ", style="red" if label in ("discard", "careful") else "cyan"
            )
            row.append(line.plain, style="default")
            console.print(row)
    sentences = "  ".join(filter(None, (_promise(plan), _backup(plan, session))))
    console.print(Text(glyphs.plain(sentences)), width=width)
    console.print()
    same_as(session, plan.task)


def same_as(session: Session, what: Task | Sequence[str]) -> None:
    """The equivalent command of a task or of these words."""
    if isinstance(what, Task):
        command = session.command(what)
    else:
        command = command_line(what, session.answers.database, session.config_file)
    show_command(session, command)


def show_command(session: Session, command: str) -> None:
    """A command, broken between words where it is long, in a way that it can be copied all the same."""
    label = "same as: "
    lines = [""]
    room = session.console.width - len(label) - 2
    for word in map(shlex.quote, shlex.split(command)):
        longer = f"{lines[-1]} {word}" if lines[-1] else word
        if lines[-1] and cell_len(longer) > room:
            lines.append(word)
            room = session.console.width - 4
        else:
            lines[-1] = longer
    text = Text(label, style="dim")
    text.append(" \\\n  ".join(map(glyphs.plain, lines)), style="not dim default")
    session.console.print(text, soft_wrap=True)


def _rows(plan: Plan) -> Iterable[tuple[str, str]]:
    if plan.source.files:
        yield "read", _reading(plan)
    if plan.task == EMPTYING:
        yield "discard", f"{counted(plan.records_at_stake, 'record')} of {_listed(plan.affected)}"
        here = {file.entity for file in plan.source.files}
        elsewhere = [name for name, count in plan.affected.items() if count and name not in here]
        if elsewhere:
            yield "careful", f"no file here bears the name of {_listed(elsewhere)}: only the backup may keep them"
    elif plan.task == RECREATION and plan.affected:
        tables = [table for entity in plan.database.entities if entity.name in plan.affected for table in entity.tables]
        yield "rebuild", _listed(tables)
        yield "keep", f"{counted(plan.records_at_stake, 'record')} of {_listed(plan.affected)}"
    if not plan.loads and plan.frozen & plan.affected.keys():
        frozen = _listed(sorted(plan.frozen & plan.affected.keys()))
        yield "careful", f"frozen by processing.contracts: {frozen}; this will be refused as a whole"
    yield from _changes(plan)
    yield from _left_out(plan)
    if plan.loads and plan.source.files:
        names = [entity.name for entity in plan.analysis.entities] if plan.analysis else plan.entities_asked
        yield "load", _listed(names or sorted({file.entity for file in plan.source.files}))


def _left_out(plan: Plan) -> Iterable[tuple[str, str]]:
    """What cannot be loaded, as far as analysis saw."""
    if plan.analysis is None or not plan.loads:
        return
    refused = plan.analysis.refused_files
    if refused:
        yield "refuse", f"{counted(len(refused), 'file')} as a whole: {_listed(file.file for file in refused)}"
    rejected = sum(entity.rejected for entity in plan.analysis.entities)
    if rejected:
        yield "reject", f"{counted(rejected, 'record')}, kept with their reasons"
    invalid = sum(entity.invalid for entity in plan.analysis.entities)
    if invalid:
        yield "invalid", f"{counted(invalid, 'record')}: not as the JSON Schemas say"


def _reading(plan: Plan) -> str:
    source = plan.source
    text = f"{counted(len(source.files), 'file')}, {size_text(source.bytes)}"
    if plan.loads:
        loaded = len(source.files) - plan.new_files
        text += f"; {'all' if not plan.new_files else loaded} already loaded" if loaded else "; all new"
    window = f" of {source.window}" if source.window else ""
    if source.layout == "sessions":
        return f"{counted(source.sessions, 'session')}{window} ({text})"
    return f"{source.path}{window} ({text})"


def _changes(plan: Plan) -> Iterable[tuple[str, str]]:
    if plan.analysis is None:
        if plan.new_files and plan.loads:
            yield "tables", "created and widened as the data asks for it"
        return
    created: list[str] = []
    added: dict[str, list[str]] = {}
    others: list[tuple[str, str]] = []
    for change in plan.schema_changes:
        if change.change == "create_table":
            created.append(change.table)
        elif change.change == "add_column":
            added.setdefault(change.table, []).append(change.column or "")
        elif change.change in _ALTERATIONS:
            others.append((change.verb[:8], change.where + (f": {change.detail}" if change.detail else "")))
        else:
            others.append(("change", change.text))
    if created:
        yield "create", _listed(created)
    for table, columns in added.items():
        yield "add", f"{counted(len(columns), 'column')} to {table} ({_listed(columns)})"
    yield from (row for row in others if plan.loads)
    if plan.loads and not (created or added or others):
        yield "tables", "stay as they are"
    if plan.pending is not None:
        yield from _meaning(plan.pending)


def _meaning(pending: PlanResult) -> Iterable[tuple[str, str]]:
    """What changes mean to the records stored, and which a frozen contract refuses."""
    rewritten = {change.entity: change.records for change in pending.changes if change.records}
    if rewritten:
        yield "rewrite", f"{counted(pending.records_rewritten, 'stored record')} of {_listed(rewritten)}"
    for change in pending.refused_changes[:_MOST_TABLES]:
        yield "refuse", change
    more = len(pending.refused_changes) - _MOST_TABLES
    if more > 0:
        yield "refuse", f"and {more} more changes"


def _listed(names: Iterable[str]) -> str:
    return some_of(list(names), _MOST_TABLES) or "none"


def _promise(plan: Plan) -> str:
    if plan.task == EMPTYING:
        return "The next population loads the files that are still there."
    if plan.task == RECREATION:
        return "Every record is kept; all of it happens, or nothing."
    if plan.loads and not plan.new_files and plan.source.files:
        return "There is nothing new to load.  Nothing is dropped."
    return "Nothing is dropped."


def _backup(plan: Plan, session: Session) -> str:
    from json2db_sync.databases import class_of

    if not plan.database.exists:
        return f"{plan.database.path} does not exist yet and will be created."
    kind = class_of(session.database)
    place = kind.backup_place(session.database, session.config.database.backup_directory) if kind else ""
    if plan.task in (RECREATION, EMPTYING):
        return f"Backup first: {place}" if plan.affected else ""
    wanted = session.answers.backup
    if wanted or (wanted is None and session.config.database.backup_before_operations):
        return f"Backup first: {place}"
    return "No backup is made."
