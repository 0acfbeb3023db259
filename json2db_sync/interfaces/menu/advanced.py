"""Advanced options: settings, backups, rejected records, runs, validation, other database or source, and more."""

from __future__ import annotations

from collections.abc import Callable

from rich.text import Text

from json2db_sync.interfaces.menu import backups, gone, runs, tasks, validation
from json2db_sync.interfaces.menu.flow import Flow
from json2db_sync.interfaces.menu.forms import Form
from json2db_sync.interfaces.menu.plans import same_as, show_command
from json2db_sync.interfaces.menu.prompts import Back, Option
from json2db_sync.interfaces.menu.records import Records
from json2db_sync.interfaces.menu.session import Session
from json2db_sync.interfaces.menu.tasks import command_line

OPTIONS = (
    Option("settings", "Settings", "every value, and where it comes from", "1"),
    Option("schemas", "Table schemas", "the CREATE statements", "2"),
    Option("backups", "Backups", "make, list, restore", "3"),
    Option("rejected", "Rejected records", "what could not be loaded; try it again", "4"),
    Option("runs", "Runs", "what was done when, file by file", "5"),
    Option("full", "Verify in full", "read the files again, compare all", "6"),
    Option("repair", "Repair", "load again what is missing or altered", "m"),
    Option("empty", "Rebuild empty", "discards the rows; asks twice", "7"),
    Option("database", "Other database", "a file or a PostgreSQL URL", "8"),
    Option("source", "Other data source", "sessions, a folder or a file", "9"),
    Option("plan", "Table plan", "what the data would change in the tables", "p"),
    Option("status", "How things stand", "database, exports, last runs, what is next", "h"),
    Option("superseded", "Superseded records", "newer versions took their place", "s"),
    Option("gone", "Records that are gone", "the newest files lack them", "g"),
    Option("validation", "Validation", "JSON Schemas to check records by", "v"),
    Option(Back, "Back", "", "0"),
)
_TASKS = {"schemas": tasks.SCHEMAS, "plan": tasks.PLAN, "full": tasks.FULL_VERIFICATION, "empty": tasks.EMPTYING,
          "repair": tasks.REPAIR_PREVIEW}  # fmt: skip
_HOW_TO_CHANGE = (
    "To change a setting, set its variable in the environment or in .env, or write it into a JSON or TOML file named "
    "by JSON2DB_CONFIG_FILE. What is named here in the menu (database, source) beats the defaults only."
)


class Advanced:
    """The advanced options."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._flow = Flow(session)
        form = Form(session)
        self._doing: dict[str, Callable[[], None]] = {
            "settings": self.settings,
            "backups": lambda: backups.browse(session),
            "rejected": Records(session).browse,
            "runs": lambda: runs.browse(session),
            "status": lambda: self._show(tasks.STATUS),
            "superseded": lambda: self._show(tasks.SUPERSEDED),
            "gone": lambda: gone.browse(session),
            "validation": lambda: validation.browse(session),
            "database": lambda: form.ask("database"),
            "source": lambda: form.ask("source"),
        }

    def browse(self) -> None:
        """Until the user goes back."""
        at = "settings"
        while True:
            try:
                at = self._session.prompts.choose("Advanced options", OPTIONS, default=at)
            except Back:
                return
            try:
                if at in _TASKS:
                    self._flow.start(_TASKS[at])
                    return  # its "Home" means home
                self._doing[at]()
            except Back:
                continue

    def _show(self, task: tasks.Task) -> None:
        same_as(self._session, task)
        self._session.show(self._session.run(task, quiet=True))

    def settings(self) -> None:
        """Every setting with its value and origin, and how to change one."""
        from json2db_sync.interfaces.terminal.settings import draw_settings, settings_of
        from json2db_sync.runner import SyncRunner

        session, console = self._session, self._session.console
        session.prompts.lines += 1
        show_command(session, command_line(["config", "show"], None, session.config_file))
        draw_settings(settings_of(SyncRunner(config=session.config)), console)
        console.print()
        console.print(Text(_HOW_TO_CHANGE, style="dim"), width=min(console.width, 100))
        console.print()
