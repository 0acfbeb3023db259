"""The guide's operations: what each asks, what it calls, and the command line that does the same."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from json2db_sync.interfaces.menu.answers import Answers
from json2db_sync.masking import masked, masked_address

Ask = Literal["database", "source", "days", "entities", "backup", "tables", "full", "records"]
PROGRAM = "json2db-sync"


@dataclass(frozen=True)
class Task:
    """An operation as the menu offers it."""

    name: str
    method: str
    """Of the runner."""
    title: str
    asks: tuple[Ask, ...]
    fixed: tuple[tuple[str, object], ...] = ()
    """Arguments that make this task what it is."""
    writes: bool = False

    def arguments(self, answers: Answers) -> dict[str, object]:
        """What the runner's method is called with; what is as configured is left out."""
        given: dict[str, object] = dict(self.fixed)
        if "days" in self.asks and answers.days is not None:
            given["cutoff_days"] = answers.days
        if "entities" in self.asks and answers.entities is not None:
            given["entity_filter"] = list(answers.entities)
        if "backup" in self.asks and answers.backup is not None:
            given["backup"] = answers.backup
        if "tables" in self.asks and answers.skip_tables:
            given["skip_table_creation"] = True
        if "full" in self.asks and answers.full:
            given["full"] = True
        if "records" in self.asks and (answers.full or answers.skip_records):
            given["full_verification" if answers.full else "skip_record_verification"] = True
        return given

    def command(self, database: str | None, source: str | None, config_file: str | None, answers: Answers) -> str:
        """The command line that does the same, passwords masked.

        :param database: named here, or None where the configuration says it; so the source.
        """
        words = [self.method.replace("_", "-")]
        for name, value in self.arguments(answers).items():
            words += _words(name, value)
        if source is not None and "source" in self.asks:
            words += ["--data-source", source]
        return command_line(words, database, config_file)


def command_line(words: Sequence[str], database: str | None, config_file: str | None) -> str:
    """A command with its database and configuration file where they are named here, quoted for the shell."""
    line = [PROGRAM, *words]
    if database is not None:
        line += ["--db-path", masked_address(database)]
    if config_file is not None:
        line += ["--config-file", config_file]
    return masked(shlex.join(line))


def _words(name: str, value: object) -> list[str]:
    option = {"entity_filter": "--entity", "backup": "--backup" if value else "--no-backup"}.get(
        name, f"--{name.replace('_', '-')}"
    )
    if isinstance(value, bool):
        return [option]
    if isinstance(value, list):
        return [word for item in value for word in (option, item)]
    return [option, str(value)]


ANALYSIS = Task("analysis", "analyze", "JSON analysis", ("source", "days", "entities"))
RECREATION = Task(
    "recreation", "create_tables", "Table recreation", ("database", "source", "days", "entities"),
    (("recreate", True),), writes=True,
)  # fmt: skip
POPULATION = Task(
    "population", "populate", "Data population", ("database", "source", "days", "entities", "backup"), writes=True
)
VERIFICATION = Task("verification", "verify", "Table verification", ("full",))
FULL_VERIFICATION = Task("full-verification", "verify", "Verification in full", (), (("full", True),))
REPAIR = Task("repair", "repair", "Repair", ())
REPAIR_PREVIEW = Task("repair-preview", "repair", "What repair would do", (), (("dry_run", True),))
REPORT = Task("report", "report", "Summary report", ())
WORKFLOW = Task(
    "workflow", "full_workflow", "Full workflow",
    ("database", "source", "days", "entities", "backup", "tables", "records"), writes=True,
)  # fmt: skip
EMPTYING = Task(
    "emptying", "create_tables", "Rebuild empty", ("database", "source", "days", "entities"),
    (("recreate", True), ("empty", True)), writes=True,
)  # fmt: skip
SCHEMAS = Task("schemas", "generate_table_schemas", "Table schemas", ("source", "days", "entities"))
PLAN = Task("plan", "plan", "Table plan", ("source", "days", "entities"))
SUPERSEDED = Task("superseded", "superseded", "Superseded records", ())
STATUS = Task("status", "status", "How things stand", ())
BACKUP = Task("backup", "backup", "Backup", ())
TASKS = {
    task.name: task
    for task in (
        ANALYSIS, RECREATION, POPULATION, VERIFICATION, FULL_VERIFICATION, REPORT, WORKFLOW, EMPTYING, SCHEMAS,
        PLAN, SUPERSEDED, STATUS, BACKUP, REPAIR, REPAIR_PREVIEW,
    )
}  # fmt: skip
