"""All settings as a result, and as a table."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from json2db_sync.results import Result
from json2db_sync.runner import SyncRunner
from json2db_sync.text import safe

WIDE = 120
"""Columns from which a setting and its variable fit on one line."""


@dataclass(frozen=True)
class SettingsResult(Result):
    """Every setting with its value, origin, variable and description; passwords masked."""

    settings: tuple[dict[str, Any], ...] = ()


def settings_of(runner: SyncRunner) -> SettingsResult:
    """The settings a runner has."""
    settings = tuple(asdict(setting) for setting in runner.config.settings())
    return SettingsResult(operation="config_show", settings=settings, notes=runner.config.notes)


def draw_settings(result: SettingsResult, console: Console) -> None:
    """Draw a table of settings; where it is narrow, the variable stands under the setting's name."""
    if not console.is_terminal:
        console.width = max(console.width, 2 * WIDE)  # for grep: a setting is a line
    wide = console.width >= WIDE
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for column in ("setting", "value", "from", *(["variable"] if wide else [])):
        table.add_column(column, overflow="fold", no_wrap=column != "value")
    for setting in result.settings:
        name, variable = Text(setting["name"]), Text(setting["variable"], style="dim")
        cells = [Text(safe(setting["value"] or "-")), Text(safe(setting["origin"]))]
        if wide:
            table.add_row(name, *cells, variable)
        else:
            table.add_row(Text.assemble(name, "\n  ", variable), *cells)
    console.print(table)
