"""The commands that lead back from tables to JSON files, and look after what exports replaced."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import click

from json2db_sync.interfaces.cli import options as shared
from json2db_sync.interfaces.cli.groups import DefaultGroup
from json2db_sync.interfaces.cli.operations import perform
from json2db_sync.interfaces.cli.options import Call, command, given, name_list, names, option, options, pairs

_WHICH, _SHAPE, _HOW = "Which records", "What the files look like", "How"
_CONDITION = re.compile(r"(?P<table>[^.]+)\.(?P<field>.+?)\s*(?P<sign><=|>=|!=|=|<|>)\s*(?P<value>.*)", re.DOTALL)


def _add_names(known: list[str] | None, text: str) -> list[str]:
    return list(dict.fromkeys([*(known or ()), *names(text)]))


def _add_renames(known: dict[str, str] | None, text: str) -> dict[str, str]:
    """Renames with those of a text.

    :raises ValueError: when a field gets no name or a second one, or two get the same.
    """
    renames = dict(known or {})
    for pair in names(text):
        old, new = (name.strip() for name in pair.partition(":")[::2])
        if not (old and new):
            raise ValueError(f"{pair} is not OLD:NEW")
        if renames.get(old, new) != new:
            raise ValueError(f"{old} cannot be both {renames[old]} and {new}")
        if any(name == new for other, name in renames.items() if other != old):
            raise ValueError(f"two fields would be named {new}")
        renames[old] = new
    return renames


def _conditions(ctx: click.Context, param: click.Parameter, value: tuple[str, ...]) -> Mapping[str, object] | None:
    """``--where "events.start_date>=2026-01-01"`` as the runner takes it; None where it is not given."""
    found: dict[str, dict[str, dict[str, object]]] = {}
    for text in value:
        parts = _CONDITION.fullmatch(text.strip())
        if parts is None:
            raise click.BadParameter(f"{text!r} is not {param.metavar}, as in venues.city_id=3", ctx, param)
        compared = found.setdefault(parts["table"].strip(), {}).setdefault(parts["field"].strip(), {})
        sign, wanted = parts["sign"], None if parts["value"] == "null" else parts["value"]
        if compared.get(sign, wanted) == wanted:
            compared[sign] = wanted
        elif sign == "!=":  # none of them
            known = compared[sign]
            compared[sign] = [*(known if isinstance(known, list) else [known]), wanted]
        else:
            other = f"{parts['field'].strip()} is compared with {sign} twice"
            raise click.BadParameter(f"{text!r}: {other}, and all must hold: give one", ctx, param)
    return found or None


_DIRECTORY = option("--output-directory", type=click.Path(), metavar="DIR", heading="Where",
    help="The folder that files are exported to.")  # fmt: skip
_TABLES = (
    option("--table", "tables", multiple=True, metavar="NAME", callback=name_list, heading=_WHICH,
           help="Only this entity or table; repeat it, or separate names by commas."),
    option("--exclude-table", "exclude_tables", multiple=True, metavar="NAME", callback=name_list, heading=_WHICH,
           help="Without this entity or table; repeat it, or separate names by commas."),
    option("--where", "filters", multiple=True, metavar="TABLE.FIELD=VALUE", callback=_conditions, heading=_WHICH,
           help="Only rows of which this holds; also with != < <= > >=. Repeat it: all must hold."),
)  # fmt: skip
_FORM = (
    option("--format", type=click.Choice(["envelope", "array", "ndjson"]), heading=_SHAPE,
           help="Records with metadata before them, an array, or lines; metadata then stand beside."),
    option("--pretty/--compact", default=None, heading=_SHAPE, help="Indented, or one record a line."),
    option("--gzip/--no-gzip", "compress", default=None, heading=_SHAPE, help="Pack the files, or do not."),
    option("--null", "null_handling", type=click.Choice(["keep", "omit"]), heading=_SHAPE,
           help="Keys that are null: keep them, or leave them out."),
    option("--related-depth", type=click.IntRange(0, 5), metavar="NUMBER", heading=_SHAPE,
           help="References to follow for the names beside them: venue_name at 1, its city_name at 2."),
    option("--fields", multiple=True, metavar="TABLE=FIELD,...", callback=pairs(_add_names), heading=_SHAPE,
           help="Only these fields of a table."),
    option("--exclude", multiple=True, metavar="TABLE=FIELD,...", callback=pairs(_add_names), heading=_SHAPE,
           help="Without these fields of a table; '*' stands for all tables."),
    option("--rename", multiple=True, metavar="TABLE=OLD:NEW,...", callback=pairs(_add_renames), heading=_SHAPE,
           help="Other names for fields of a table."),
    option("--statistics", multiple=True, metavar="TABLE=FIELD,...", callback=pairs(_add_names), heading=_SHAPE,
           help="Count the commonest values of these fields, in the metadata and on the screen."),
)  # fmt: skip
_MODE = (
    option("--check", is_flag=True, heading=_HOW,
           help="Write nothing; say which files are stale, and end with exit code 3 if any is."),
    option("--verify-only", is_flag=True, heading=_HOW,
           help="Write nothing; compare the files with the database record by record."),
    option("--validate/--no-validate", default=None, heading=_HOW,
           help="Check every record against the JSON Schema beside its file, or do not."),
)  # fmt: skip


@command(
    "export",
    "Write entities, or the tables of an application, to JSON files: those that changed, all of them or none. Each "
    "file that is replaced is backed up first; each that is written is read back before it takes its place. Tables "
    "are written in order of key, so that a file whose table did not change stays as it is, byte for byte, and a "
    "comparison shows just the records that did.\n\n"
    "In a database that json2db-sync has loaded, all entities are exported, in any other all tables. With --check or "
    "--verify-only nothing is written; what is found to be stale or different ends with exit code 3.",
    example="json2db-sync export --db-path planner.db --table venues,events",
    short="Write what changed.",
    hidden=True,
)
@options(_DIRECTORY, shared.DATABASE, _TABLES, _FORM, _MODE, shared.WAIT, shared.OUTPUT)
def export_run(call: Call, **arguments: Any) -> int:
    return perform(call, "export", lambda runner: runner.export(**given(arguments)))


export = DefaultGroup(
    "export", default="run", help=export_run.help, short_help="Tables as JSON files again, those that changed."
)
export.add_command(export_run, "run")


@command(
    "list-backups",
    "List the backups of exported files, newest first: what each held before an export replaced it.",
    example="json2db-sync export list-backups --output-directory data",
    short="What exports replaced.",
    of=export,
)
@options(_DIRECTORY, shared.CONFIG_FILE, shared.OUTPUT)
def list_backups(call: Call, output_directory: str | None) -> int:
    return perform(call, "json_backups", lambda runner: runner.json_backups(output_directory), answers=True)


@command(
    "restore-json",
    "Let an exported file be as it was in a BACKUP: a name that 'json2db-sync export list-backups' lists, or a path. "
    "Its schema and metadata go back with it, all or nothing. What is replaced is backed up first: to undo it, restore "
    "that.",
    example="json2db-sync restore-json venues.json.backup.20261120_101530Z",
    short="Go back to what an exported file held.",
    of=export,
)
@options(click.argument("name", metavar="BACKUP"), _DIRECTORY, shared.CONFIG_FILE, shared.WAIT, shared.OUTPUT)
def restore_json(call: Call, name: str, output_directory: str | None) -> int:
    return perform(call, "restore_json", lambda runner: runner.restore_json(name, output_directory))
