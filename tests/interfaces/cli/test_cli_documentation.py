"""docs/commands.md says what the commands say."""

from __future__ import annotations

import importlib.util
import inspect
import re
from pathlib import Path
from types import ModuleType

import pytest
from click.testing import CliRunner

from json2db_sync.interfaces.cli.main import cli

DOCS = Path(__file__).parents[3] / "docs"


def _generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_commands", DOCS / "make_commands.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


GENERATOR = _generator()
PAGE = (DOCS / "commands.md").read_text(encoding="utf-8")
PRINTED = dict(re.findall(r"^#+ (json2db-sync[^\n]*)\n\n```text\n(.*?)\n```$", PAGE, re.MULTILINE | re.DOTALL))
ELSEWHERE = {
    "infer_schemas": "schema infer",
    "show_run": "runs show",
    "export_rejected": "rejected export",
    "replay": "rejected replay",
    "dismiss_rejected": "rejected dismiss",
    "trace": "read",
    "json_backups": "export list-backups",
}
"""Operations whose commands have other names."""
CALLS = [ctx.command_path for ctx in GENERATOR.contexts()]


@pytest.mark.parametrize("call", CALLS)
def test_help_equals_the_page(call: str) -> None:
    """Each command is on the page, with the very text that --help prints at 80 columns."""
    result = CliRunner().invoke(cli, [*call.split()[1:], "--help"], terminal_width=GENERATOR.WIDTH)
    assert result.exit_code == 0
    assert PRINTED[call] == result.stdout.rstrip(), "run python docs/make_commands.py"


def test_the_page_is_complete() -> None:
    """The page holds every command, and none that is not there: it is as the generator writes it."""
    assert list(PRINTED) == CALLS
    assert GENERATOR.page() == PAGE, "run python docs/make_commands.py"


def test_every_operation_of_the_runner_is_a_command() -> None:
    """What the runner can do, the command line can."""
    from json2db_sync import SyncRunner

    operations = {
        name
        for kind in SyncRunner.__mro__
        for name, value in vars(kind).items()
        if not name.startswith("_") and inspect.isfunction(value)
    }
    assert {"populate", "read", "replay"} <= operations
    commands = {call.removeprefix("json2db-sync ") for call in CALLS}
    assert {ELSEWHERE.get(name, name.replace("_", "-")) for name in operations} <= commands


def test_lines_fit() -> None:
    """No line of help is wider than 80 columns."""
    assert [line for text in PRINTED.values() for line in text.splitlines() if len(line) > 80] == []
