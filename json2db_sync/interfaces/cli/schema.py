"""The commands on schemas: JSON Schemas of records, and the CREATE statements of tables."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from json2db_sync.databases import NAMES
from json2db_sync.interfaces.cli import options as shared
from json2db_sync.interfaces.cli.operations import perform, print_data
from json2db_sync.interfaces.cli.options import Call, command, example_block, option, options

if TYPE_CHECKING:
    from rich.console import Console

    from json2db_sync.results import InferredSchemasResult, SchemasResult


schema = click.Group(
    "schema",
    help="JSON Schemas that say what records must be like: one a file, in a folder that validation.schema_directory "
    "names (JSON2DB_SCHEMA_DIRECTORY, or --schema-directory).\n\n"
    + example_block("json2db-sync schema infer --output schemas"),
    short_help="JSON Schemas to check records by.",
)


@command(
    "infer",
    "Make a JSON Schema of each entity that all its records satisfy, as a start for rules of your own: tighten what "
    "they allow, and populate rejects what does not fit. They are written to --output, else to the configured folder "
    "of schemas; where there is neither they are printed as one JSON object, entity by entity.",
    example="json2db-sync schema infer --output schemas",
    short="Schemas that the records satisfy, to start from.",
    of=schema,
)
@options(
    shared.DATABASE, shared.SOURCE,
    option("--output", type=click.Path(path_type=str), metavar="DIR", heading="How",
           help="The folder to write them to, as invoices.schema.json."),
    option("--overwrite", is_flag=True, heading="How",
           help="Replace files that are there; without it nothing is written then."),
    shared.MEMORY, shared.OUTPUT,
)  # fmt: skip
def schema_infer(call: Call, **arguments: Any) -> int:
    def draw(result: InferredSchemasResult, console: Console) -> None:
        from json2db_sync.interfaces.terminal.console import show

        if result.written:
            show(result, console)
        else:
            print_data(json.dumps(dict(result.schemas), indent=2, ensure_ascii=False))

    return perform(call, "infer_schemas", lambda runner: runner.infer_schemas(**arguments), draw=draw, answers=True)


@command(
    "generate-table-schemas",
    "Print the CREATE statements of all tables, for the entities in the files and those stored. Changes nothing.",
    example="json2db-sync generate-table-schemas --dialect postgresql > schema.sql",
    short="CREATE statements, for SQLite and PostgreSQL.",
)
@options(
    shared.DATABASE, shared.SOURCE,
    option("--include-indexes/--no-indexes", default=None, heading="How", help="With the indexes, or without."),
    shared.CUSTOM_COLUMNS,
    option("--dialect", type=click.Choice(NAMES), heading="Output",
           help="Print the statements for this database, and nothing else."),
    shared.MEMORY, shared.OUTPUT,
)  # fmt: skip
def generate_table_schemas(call: Call, dialect: str | None, include_indexes: bool | None, **arguments: Any) -> int:
    if include_indexes is not None:
        arguments["include_indexes"] = include_indexes

    def draw(result: SchemasResult, _console: Console) -> None:
        print_data(result.schemas[str(dialect)].rstrip())

    return perform(
        call,
        "generate_table_schemas",
        lambda runner: runner.generate_table_schemas(**arguments),
        draw=draw if dialect else None,
        answers=True,
    )
