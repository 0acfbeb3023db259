"""Whole databases: moving one into another after a look at the plan, comparing two, and checking their schemas."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from json2db_sync.config.database_url import VARIABLE
from json2db_sync.interfaces.menu.database_forms import Choice, DatabaseForm, Names, Place, Text, YesNo
from json2db_sync.interfaces.menu.plans import show_command
from json2db_sync.interfaces.menu.prompts import BACK, Back, Option
from json2db_sync.interfaces.menu.session import Session
from json2db_sync.interfaces.menu.tasks import command_line
from json2db_sync.results import ExportResult, Result, TransferResult

_SOURCE, _TARGET = Place("source", "Source"), Place("target", "Target")
_FILES = Place("folder", "Folder", folder=True, database=False, kinds="where the CSV files are")
_TABLES = Names("tables", "Tables", "Which tables, separated by commas?", "table")
_JSONB = Names("jsonb", "JSONB", "Which texts become JSONB, as TABLE.COLUMN, or all?", none="none of the texts")
_MODE = Choice("mode", "Mode", choices=(
    Option("create", "Create", "the target must not have the tables"),
    Option("append", "Append", "rows are added to those that are there"),
    Option("upsert", "Upsert", "rows of the same key are replaced, others added"),
    Option("replace", "Replace", "the tables there are replaced, after a backup"),
))  # fmt: skip
_REFUSED = Choice("on_error", "Refused", choices=(
    Option("refuse", "Move nothing", "where the target would refuse a value"),
    Option("reject", "Keep those rows aside", "in a file, and move the others"),
))  # fmt: skip
_STRANGERS = Choice("strangers", "Strangers", choices=(
    Option("refuse", "Refuse them", "values that are not of their column's type"),
    Option("text", "As text", "their column becomes one of text"),
    Option("null", "As NULL", "their values are lost"),
))  # fmt: skip
_ADVANCED = (
    Text("schema", "Schema", "The schema of the tables, on PostgreSQL"),
    Text("certificate", "Certificate", "Where is the certificate written? A file that ends in .json",
         none="in this folder, with the time in its name"),
    YesNo("verify", "Proof", "Leave out the comparison afterwards, and with it the certificate?",
          yes="nothing is compared afterwards", no="every row is compared afterwards", means=False),
    YesNo("resume", "In parts", "Commit table by table? Done again, it goes on where it was broken off.",
          yes="table by table; done again, it goes on", no="all in one transaction"),
)  # fmt: skip
MOVE = DatabaseForm("Move a database", "transfer", advanced=_ADVANCED, lines=(
    _SOURCE, _TARGET, _MODE, _REFUSED, _STRANGERS, _TABLES, _JSONB,
    YesNo("views", "Views", "Move views as tables?", yes="moved as tables", no="left out"),
))  # fmt: skip
CHANGES = DatabaseForm(
    "Move what changed", "transfer", question="Write it, and remember what is equal?", fixed=(("changed", True),),
    lines=(
        _SOURCE, _TARGET,
        Text("since_column", "By column", "Which column tells what is newer, such as updated_at?",
             none="none: rows are compared"),
        Choice("conflicts", "Conflicts", choices=(
            Option("", "Told", "rows that both sides changed stay as they are"),
            Option("source", "Source", "its row is written"),
            Option("target", "Target", "its row stays"),
        )),
        YesNo("delete", "Removed", "Remove rows that the source does not have any more?",
              yes="removed from the target, too", no="counted, and they stay"),
        _TABLES,
    ),
)  # fmt: skip
EXPORT = DatabaseForm("Export to CSV", "export_csv", look="check", question="Write the files?", lines=(
    _SOURCE, replace(_FILES, kinds="where the CSV files are to be"), _TABLES,
    YesNo("compress", "Packed", "Pack the files with gzip?", "gzip", yes="with gzip", no="no"),
))  # fmt: skip
IMPORT = DatabaseForm("Import CSV", "import_csv", advanced=_ADVANCED, question="Import it?", lines=(
    _FILES, _TARGET, _MODE, _REFUSED, _STRANGERS, _TABLES, _JSONB,
))  # fmt: skip
_FOLDERS_TOO = "a file, a URL or a folder of exported files"
_A, _B = Place("a", "A", folder=True, kinds=_FOLDERS_TOO), Place("b", "B", folder=True, kinds=_FOLDERS_TOO)
_COMPARE = DatabaseForm("Compare", "compare", (_A, _B))
_CHECK = DatabaseForm("Check", "check_schema", (_A, _B))


class Databases:
    """Moves, compares and checks."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._prompts = session.prompts
        self._places: dict[str, str] = {}
        """Databases and folders named so far, by their part in what is done; ``a`` and ``b`` are of what came last."""
        self._answers: dict[str, dict[str, Any]] = {}
        """Other answers, by the titles of forms."""

    def browse(self) -> None:
        """Do what the user chooses, until the user goes back."""
        doing: dict[str, Callable[[], str | None]] = {
            "move": lambda: self._do(MOVE, "compare"),
            "changes": lambda: self._do(CHANGES, "compare"),
            "export": lambda: self._do(EXPORT, "import"),
            "import": lambda: self._do(IMPORT, "compare"),
            "compare": self._compare,
            "check": self._check,
        }
        if not self._places:
            there = os.environ.get(VARIABLE, "")
            here = self._session.database
            self._places = {"source": here, "target": there, "folder": "", "a": here, "b": there}
        at = "move"
        while True:
            options = [
                Option("move", "Move", "a database into another, and prove it"),
                Option("changes", "What changed", "only that, into tables that are there"),
                Option("export", "Export to CSV", "a folder of files that loses nothing"),
                Option("import", "Import CSV", "a folder of files into a database"),
                Option("compare", "Compare", "two databases, row by row"),
                Option("check", "Check schemas", "in what they differ, and what it means"),
                BACK,
            ]
            at = self._prompts.choose("Databases", options, default=at)
            try:
                at = doing[at]() or at
            except Back:
                continue

    def _do(self, form: DatabaseForm, then: str) -> str | None:
        """Ask, show the plan, ask again, do it; what is likely to be chosen next, None for the same again."""
        answers = self._known(form)
        try:
            form.fill(self._prompts, answers)
        finally:
            self._keep(form, answers)
        self._places |= dict(zip("ab", form.arguments(answers)[0], strict=True))
        plan = self._run(form, **{form.look: True})
        if isinstance(plan, ExportResult) and plan.success and not plan.outdated:
            return then
        if not self._agrees(form, plan):
            return None
        asked = ["--yes"] if self._known(form).get("mode") == "replace" else []
        return then if self._run(form, *asked).success else None

    def _known(self, form: DatabaseForm) -> dict[str, Any]:
        return {**self._places, **self._answers.get(form.title, {})}

    def _keep(self, form: DatabaseForm, answers: dict[str, Any]) -> None:
        places = {line.name for line in form.places}
        self._places |= {name: answers[name] for name in places}
        self._answers[form.title] = {name: value for name, value in answers.items() if name not in self._places}

    def _agrees(self, form: DatabaseForm, plan: Result) -> bool:
        """May it be done, now that the plan was seen?"""
        if not plan.success:
            return False
        known = self._known(form)
        refused = isinstance(plan, TransferResult) and bool(plan.refused)
        if refused and _REFUSED in form.lines and not _REFUSED.argument(known.get("on_error", "")):
            if self._prompts.confirm("Go on with the others, and keep these rows in a file?", default=False):
                self._keep(form, {**known, "on_error": "reject"})
            return False
        replaces = known.get("mode") == "replace"
        question = "Replace the tables there? A backup is made first." if replaces else form.question
        agreed = self._prompts.confirm(question, default=not replaces)
        if not agreed:
            self._prompts.say("  Nothing was changed.\n")
        return agreed

    def _compare(self) -> str:
        self._name_both(_COMPARE)
        self._run(_COMPARE)
        return "check"

    def _check(self) -> str:
        self._name_both(_CHECK)
        result = self._run(_CHECK)
        mendable = [one for one in result.get("differences", ()) if one.statement and not one.fixed]
        question = "Mend the second where that changes no value? A backup is made first."
        if mendable and self._prompts.confirm(question, default=False):
            self._run(_CHECK, fix=True)
        return "move"

    def _run(self, form: DatabaseForm, *words: str, **more: bool) -> Result:
        """Name the command, do it and show what came of it.

        :param words: of the command alone.
        :param more: arguments, which the command has as options.
        """
        session, known = self._session, self._known(form)
        flags = [f"--{name.replace('_', '-')}" for name in more]
        show_command(session, command_line([*form.words(known), *flags, *words], None, session.config_file))
        places, named = form.arguments(known)
        result = session.call(form.method, *places, **named, **more)
        session.show(result)
        return result

    def _name_both(self, form: DatabaseForm) -> None:
        """Ask which two databases are meant."""
        for line in form.places:
            named = replace(line, question=f"{form.title} {line.label}")
            self._places[line.name] = named.ask(self._prompts, self._places[line.name])
