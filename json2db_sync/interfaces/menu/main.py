"""The guided menu: home, its options, and leaving it safely."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from rich.console import Console

from json2db_sync.errors import SyncError
from json2db_sync.interfaces.menu import tasks
from json2db_sync.interfaces.menu.advanced import Advanced
from json2db_sync.interfaces.menu.answers import add_password
from json2db_sync.interfaces.menu.databases import Databases
from json2db_sync.interfaces.menu.exports import Exports
from json2db_sync.interfaces.menu.flow import Flow
from json2db_sync.interfaces.menu.forms import Form, days_text
from json2db_sync.interfaces.menu.home import Home
from json2db_sync.interfaces.menu.next_actions import NextActions, Step
from json2db_sync.interfaces.menu.prompts import Back, Option
from json2db_sync.interfaces.menu.session import Session
from json2db_sync.interfaces.terminal.interrupt import ToldToEnd, ending_as_by_ctrl_c
from json2db_sync.operations.context import failed

if TYPE_CHECKING:
    from questionary.prompts.common import InquirerControl

_OPTIONS = (
    Option(tasks.ANALYSIS, "JSON analysis", "what is in the files", "1"),
    Option(tasks.RECREATION, "Table recreation", "rebuild, rows kept, backup first", "2"),
    Option(tasks.POPULATION, "Data population", "load new and changed records", "3"),
    Option(tasks.VERIFICATION, "Table verification", "is everything there, and right?", "4"),
    Option(tasks.REPORT, "Summary report", "what the database holds", "5"),
    Option(tasks.WORKFLOW, "Full workflow ★", "all of it, in order", "6"),
    Option("advanced", "Advanced options", "settings, backups, runs, more", "7"),
    Option("export", "Export", "tables as JSON files again", "8"),
    Option("databases", "Databases", "move, compare, check", "9"),
)
_EXIT = Option("exit", "Exit", "", "0")
_FOOTER = "enter choose · type to jump · ctrl-c leave safely"
_BROKEN = tasks.Task("settings", "settings", "Settings", ())

PathLike = str | os.PathLike[str]


def run_menu(
    *, db_path: PathLike | None = None, data_source: PathLike | None = None, config_file: PathLike | None = None
) -> int:
    """Open the menu on the terminal.

    :returns: the exit code: 0 left, 2 where there is no terminal, 130 left by Ctrl-C.
    """
    if not _is_terminal():
        print(
            "The menu needs a terminal, and there is none here. Say what to do on the command line instead:\n"
            "  json2db-sync full-workflow --data-source FOLDER --db-path FILE\n"
            "  json2db-sync --help",
            file=sys.stderr,
        )
        return 2
    from json2db_sync.interfaces.terminal.console import make_console

    with ending_as_by_ctrl_c():
        return Menu(make_console(), db_path=db_path, data_source=data_source, config_file=config_file).run()


def _is_terminal() -> bool:
    streams = (sys.stdin, sys.stdout)
    return os.environ.get("TERM") != "dumb" and all(stream is not None and stream.isatty() for stream in streams)


class Menu:
    """The menu on a console."""

    def __init__(self, console: Console, **places: Any) -> None:
        self._session = Session(console, **places)
        self._prompts = self._session.prompts
        self._form = Form(self._session)
        self._flow = Flow(self._session)
        self._advanced = Advanced(self._session)
        self._exports = Exports(self._session)
        self._databases = Databases(self._session)

    def run(self) -> int:
        """Until the user leaves; the exit code."""
        chosen: object = None
        home: Home | None = None
        drawn = 0
        try:
            for note in self._session.notes:
                self._prompts.say(f"! {note}")
            self._ask_password()
            while True:
                if home is None or self._prompts.lines != drawn:  # else it is still on the screen
                    self._session.configure()
                    home = Home(self._session)
                    home.draw(self._session.console)
                    drawn = self._prompts.lines
                chosen = self._choose(home, chosen)
                if chosen == _EXIT.value:
                    return 0
                self._do(chosen)
        except Back as left:  # at home there is nowhere to go back to
            self._prompts.say("Left; nothing was running.")
            return 130 if left.key == "ctrl-c" else 0
        except KeyboardInterrupt:
            self._prompts.say("Left.")
            return 130

    def _choose(self, home: Home, default: object) -> object:
        """The option chosen.

        :raises Back: when the user leaves.
        """
        options = self._options(home)
        if default not in [option.value for option in options]:
            default = "source" if home.source is not None and home.source.problem else tasks.WORKFLOW

        def to_exit(control: InquirerControl) -> bool:
            control.pointed_at = len(options) - 1
            return True

        return self._prompts.choose(
            "What would you like to do?", options, default=default, footer=_FOOTER, on_escape=to_exit
        )

    def _options(self, home: Home) -> list[Option]:
        options = list(_OPTIONS)
        last = tasks.TASKS.get(self._session.answers.last or "")
        if last is not None:
            options.append(Option("repeat", "Repeat the last", self._repeated(last), "r"))
        if home.source is not None and home.source.problem is not None:
            options.append(Option("source", "Source", "name where the JSON files are", "s"))
        if home.database is not None and home.database.problem is not None:
            options.append(Option("database", "Database", "name another one", "d"))
        return [*options, _EXIT]

    def _repeated(self, task: tasks.Task) -> str:
        answers = self._session.answers
        parts = [task.title[:1].lower() + task.title[1:]]
        if "days" in task.asks and answers.days:
            parts.append(days_text(answers.days))
        if "entities" in task.asks and answers.entities:
            parts.append(", ".join(answers.entities))
        return ", ".join(parts)

    def _do(self, chosen: object) -> None:
        """What was chosen at home, until home is wanted again."""
        try:
            if self._session.problem is not None:
                self._explain(self._session.problem)
            elif chosen == "advanced":
                self._advanced.browse()
            elif chosen == "export":
                self._exports.browse()
            elif chosen == "databases":
                self._databases.browse()
            elif chosen == "repeat":
                self._flow.start(tasks.TASKS[self._session.answers.last or "workflow"], fill=False)
            elif isinstance(chosen, tasks.Task):
                self._flow.start(chosen)
            else:
                self._form.ask("source" if chosen == "source" else "database")
        except Back:
            return
        except ToldToEnd:
            raise
        except KeyboardInterrupt:
            self._prompts.say("Stopped.")
        except SyncError as error:
            self._explain(error)

    def _explain(self, error: SyncError) -> None:
        """An error that keeps everything from working: what it is, and home reads the settings again."""
        NextActions(self._session).of(Step(_BROKEN), failed("settings", error))

    def _ask_password(self) -> None:
        session = self._session
        url = session.answers.database
        if not session.answers.password_left_out or url is None:
            return
        try:
            password = self._prompts.text(f"Password for {url} (it is not remembered; Enter for none)", secret=True)
        except Back:
            return
        if password:
            session.answers = replace(session.answers, database=add_password(url, password), password_left_out=False)
