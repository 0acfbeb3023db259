"""The options that commands share. None has a default here: what is not given is as configured."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, TypeVar

import click

from json2db_sync.interfaces.cli.overlap import LOCK_FILE, alone

PROGRAM = "json2db-sync"
COMPLETE_VARIABLE = "_JSON2DB_SYNC_COMPLETE"

Function = Callable[..., Any]
Decorator = Callable[[Function], Function]
Callback = Callable[[click.Context, click.Parameter, tuple[str, ...]], object]
T = TypeVar("T")


@dataclass(frozen=True)
class Call:
    """What a command was told about itself, apart from the operation's own arguments."""

    db_path: str | None = field(default=None, repr=False)
    schema: str | None = None
    data_source: str | None = None
    config_file: str | None = None
    include_failed: bool | None = None
    batch_size: int | None = None
    memory_limit: int | None = None
    on_error: str | None = None
    max_rejected: str | None = None
    schema_directory: str | None = None
    validation_mode: str | None = None
    frozen: Sequence[str] | None = None
    log_file: str | None = None
    wait: float | None = None
    as_json: bool = False
    quiet: bool = False
    verbose: int = 0

    def sections(self) -> dict[str, Any]:
        """The settings given, in the sections of the configuration."""
        sections: dict[str, dict[str, object]] = {
            "database": {"schema": self.schema, "lock_wait": self.wait},
            "data_source": {"include_failed": self.include_failed},
            "processing": {
                **{name: getattr(self, name) for name in ("batch_size", "memory_limit", "on_error", "max_rejected")},
                "contracts": _contracts(self.frozen),
            },
            "validation": {"schema_directory": self.schema_directory, "mode": self.validation_mode},
            "logging": {"file": self.log_file},
        }
        kept = {section: given(settings) for section, settings in sections.items()}
        return {section: settings for section, settings in kept.items() if settings}


def _contracts(frozen: Sequence[str] | None) -> dict[str, str] | None:
    """The contracts of entities that are frozen for this call; those of others stay as configured."""
    from json2db_sync.model.plan import entity_name

    return {name if name == "*" else entity_name(name): "freeze" for name in frozen} if frozen else None


class Days(click.ParamType):  # type: ignore[type-arg,unused-ignore] # generic since click 8.4
    """A number of days or ``all``; whether it makes sense is for the runner to say."""

    name = "days"

    def convert(self, value: object, _param: click.Parameter | None, _ctx: click.Context | None) -> float | str:
        """A number, or the text where it is not one."""
        text = str(value)
        for kind in (int, float):
            try:
                return kind(text)
            except ValueError:
                continue
        return text.strip().lower()


class Headed(click.Option):
    """An option that help lists under a heading."""

    def __init__(self, *names: Any, heading: str = "Options", **settings: Any) -> None:
        super().__init__(*names, **settings)
        self.heading = heading


class Command(click.Command):
    """A command whose help lists its options by heading."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options, heading by heading, in the order they were given."""
        headings: dict[str, list[tuple[str, str]]] = {}
        for param in self.get_params(ctx):
            record = param.get_help_record(ctx) if isinstance(param, click.Option) else None
            if record is not None:
                headings.setdefault(getattr(param, "heading", "Options"), []).append(record)
        widest = max(len(names) for records in headings.values() for names, _help in records)
        for heading, records in headings.items():
            with formatter.section(heading):
                formatter.write_dl([(names.ljust(min(widest, 30)), text) for names, text in records])


def command(
    name: str,
    text: str,
    *,
    example: str,
    short: str,
    hidden: bool = False,
    of: click.Group | None = None,
    cls: type[Command] = Command,
) -> Callable[[Function], click.Command]:
    """A command with its help: what it does in plain words, and an example; in a group where one is given."""
    full = f"{text}\n\n{example_block(example)}"
    make = click.command if of is None else of.command
    return make(name, cls=cls, help=full, short_help=short, hidden=hidden)


def example_block(example: str) -> str:
    """An example as help shows it, unwrapped."""
    return f"\b\nExample:\n  {example}"


def option(*names: str, **settings: object) -> Decorator:
    return click.option(*names, cls=Headed, **settings)


def names(text: str) -> list[str]:
    """Names that commas separate."""
    return [name.strip() for name in text.split(",") if name.strip()]


def _split(_ctx: click.Context, _param: click.Parameter, value: tuple[str, ...]) -> list[str] | None:
    """``--entity a,b --entity c`` -> [a, b, c]; None where the option is not given."""
    return [name for text in value for name in names(text)] if value else None


def name_list(ctx: click.Context, param: click.Parameter, value: tuple[str, ...]) -> list[str] | None:
    """As above, but that no name may be missing."""
    if not all(map(names, value)):
        raise click.BadParameter("a name is missing", ctx, param)
    return _split(ctx, param, value)


def pairs(add: Callable[[T | None, str], T], example: str = "") -> Callback:
    """A callback for a repeatable NAME=..., by name; None where it is not given.

    :param add: (what is known of a name, text) -> both; None is nothing yet, and a ValueError says what is wrong.
    """

    def parse(ctx: click.Context, param: click.Parameter, value: tuple[str, ...]) -> Mapping[str, object] | None:
        found: dict[str, T] = {}
        for text in value:
            name, equals, rest = (part.strip() for part in text.partition("="))
            if not (equals and name and rest):
                raise click.BadParameter(f"{text!r} is not {param.metavar}{example}", ctx, param)
            try:
                found[name] = add(found.get(name), rest)
            except ValueError as error:
                raise click.BadParameter(f"{text!r}: {error}", ctx, param) from error
        return found or None

    return parse


_PATH = click.Path(path_type=str)
_WHERE, _WHICH, _HOW, _RULES, _OUTPUT, _ASKING = "Where", "Which files", "How", "Rules", "Output", "Asking"

# fmt: off
CONFIG_FILE = option("--config-file", type=_PATH, metavar="FILE", heading=_WHERE, help="JSON or TOML file of settings.")
DATABASE = (
    option("--db-path", type=_PATH, metavar="PATH|URL", heading=_WHERE,
           help="SQLite file, or postgresql://user:password@host/name."),
    option("--schema", metavar="NAME", heading=_WHERE, help="The schema that tables are in, on PostgreSQL."),
    CONFIG_FILE,
)
DATA_SOURCE = option("--data-source", type=_PATH, metavar="PATH", heading=_WHERE,
    help="The api_sync base, its sync_sessions, one session, any folder or file.")
WINDOW = (
    option("--cutoff-days", type=Days(), metavar="DAYS", heading=_WHICH,
           help="Only sessions of the last DAYS days; 'all' lifts every limit."),
    option("--since", metavar="DATE", heading=_WHICH, help="Only sessions from this day on, as 2026-11-01."),
    option("--until", metavar="DATE", heading=_WHICH, help="Only sessions up to this day."),
    option("--entity", "entity_filter", multiple=True, metavar="NAME", callback=_split, heading=_WHICH,
           help="Only this entity; repeat it, or separate names by commas."),
    option("--include-failed", is_flag=True, default=None, heading=_WHICH,
           help="Also files whose metadata says that their sync failed."),
)
SOURCE = (DATA_SOURCE, *WINDOW)
BACKUP = option("--backup/--no-backup", default=None, heading=_HOW,
    help="Back up the database before loading, or do not.")
WAIT = option("--wait", type=float, metavar="SECONDS", heading=_HOW,
    help="Wait so long for a lock that another run holds, rather than to end with exit code 4.")
BATCH_SIZE = option("--batch-size", type=int, metavar="RECORDS", heading=_HOW, help="Records stored at a time.")
MEMORY = option("--memory-limit", type=int, metavar="MB", heading=_HOW, help="Memory to stay within.")
CUSTOM_COLUMNS = option(
    "--custom-column", "custom_columns", multiple=True, metavar="NAME=TYPE", heading=_HOW,
    callback=pairs(lambda _known, text: text, ", as in session_id=TEXT"),
    help="One more column in every entity's table; repeat it for several.",
)
ENTITY = option("--entity", metavar="NAME", heading="Which records", help="Only this entity.")
LIMIT = option("--limit", "most", type=click.IntRange(min=1), metavar="NUMBER", heading=_HOW,
    help="Show at most so many, newest first.")
FIRST = option("--limit", "most", type=click.IntRange(min=1), metavar="NUMBER", heading=_HOW,
    help="Show at most so many, in order of id.")
SCHEMA_DIRECTORY = option("--schema-directory", type=_PATH, metavar="DIR", heading=_RULES,
    help="JSON Schemas to check records by, one an entity: invoices.schema.json.")
RULES = (
    option("--on-error", type=click.Choice(["reject", "stop"]), heading=_RULES,
           help="What cannot be loaded: keep it aside and go on, or stop."),
    option("--max-rejected", metavar="N|N%", heading=_RULES,
           help="Rejected records a file may have, or their share; with more nothing of it loads."),
    SCHEMA_DIRECTORY,
    option("--validation-mode", type=click.Choice(["reject", "warn"]), heading=_RULES,
           help="What does not satisfy its schema: reject it, or load it and say so."),
)
FREEZE = option("--freeze", "frozen", multiple=True, metavar="NAME", callback=_split, heading=_RULES,
    help="Leave the tables of this entity as they are; repeat it, or separate names by commas.")
LOADING = (BACKUP, BATCH_SIZE, MEMORY, WAIT, *RULES, FREEZE)
INCOMPLETE = option("--incomplete", is_flag=True, heading=_HOW,
                    help="Also a backup that lacks tables or columns which someone had dropped when it was made.")
ASKING = (
    option("-y", "--yes", is_flag=True, heading=_ASKING, help="Go on without asking."),
    option("--no-input", is_flag=True, heading=_ASKING,
           help="Never ask: end with exit code 2 where --yes would be needed."),
)
OUTPUT = (
    option("--json", "as_json", is_flag=True, heading=_OUTPUT, help="Print the result, and nothing else, as JSON."),
    option("-v", "--verbose", count=True, heading=_OUTPUT, help="Log to stderr instead of drawing; -vv says more."),
    option("-q", "--quiet", is_flag=True, heading=_OUTPUT, help="No progress; nothing at all where all is well."),
    option("--log-file", type=_PATH, metavar="FILE", heading=_OUTPUT, help="Write the log to this file too."),
)
# fmt: on


def options(*groups: Decorator | tuple[Decorator, ...]) -> Decorator:
    """Give a command these options, in this order, and collect the shared ones in its first argument, a Call."""

    def decorate(function: Function) -> Function:
        @functools.wraps(function)
        def run(**given: Any) -> object:
            shared = {field.name: given.pop(field.name) for field in fields(Call) if field.name in given}
            call = Call(**shared)
            context = click.get_current_context()
            if LOCK_FILE in context.meta:
                what = f"{PROGRAM} {context.find_root().invoked_subcommand}"
                context.with_resource(alone(context.meta[LOCK_FILE], what, _wait(call)))
            return function(call, **given)

        decorated: Function = run
        for group in reversed(groups):
            for one in [group] if callable(group) else reversed(group):
                decorated = one(decorated)
        return decorated

    return decorate


def _wait(call: Call) -> float:
    """Seconds to wait for another run, as given or configured."""
    from json2db_sync.config import JSON2DBConfig
    from json2db_sync.errors import SyncError

    try:
        return JSON2DBConfig(call.config_file, **call.sections()).database.lock_wait
    except SyncError:  # the command is going to say so
        return 0


def given(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments that were given; for the others the runner has defaults."""
    return {name: value for name, value in arguments.items() if value is not None}
