"""What is exported: our entities, or an application's own tables, each as its records in order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from json2db_sync.databases.base import Database
from json2db_sync.databases.reflection import Application, ApplicationTable
from json2db_sync.errors import ConfigurationError, DatabaseError, NoDataFound
from json2db_sync.export.application import ApplicationContent
from json2db_sync.export.entities import EntityContent
from json2db_sync.export.layout import unfit_name
from json2db_sync.export.lines import Page, Record
from json2db_sync.export.options import ExportOptions, unknown_field
from json2db_sync.export.schema import fields_of
from json2db_sync.model.plan import EntityPlan
from json2db_sync.results import Note
from json2db_sync.text import did_you_mean

if TYPE_CHECKING:
    import sqlalchemy as sa

_OF_ONE = ("name_fields", "exclude_tables")
_BY_TABLE = (*_OF_ONE, "fields", "exclude", "rename", "filters", "statistics")
"""Options that are said of tables by their names."""


class Content(Protocol):
    """A table of an application, or the records of an entity."""

    name: str
    """What the file is called, and the array in it."""
    key: tuple[str, ...]
    """The fields of a record, as they are exported, that tell it from the others; () where there are none."""
    counted: tuple[str, ...]
    """Fields whose values are counted."""
    notes: list[Note]
    """What deserves a look."""
    known: list[str] | None
    """The fields that records may have; None where they may have others too."""
    differs: tuple[str, ...]
    """In what its records are exported otherwise than they are stored, in words."""
    related: tuple[str, ...]
    """The names that records get, in words."""

    def pages(self) -> Iterator[Page]:
        """All records that are wanted, in order of key."""

    def schema(self) -> Record:
        """A JSON Schema that every record satisfies; known once all pages were read."""


def contents(
    database: Database,
    connection: sa.Connection,
    plans: Mapping[str, EntityPlan],
    tables: Sequence[str] | None,
    options: ExportOptions,
) -> tuple[list[Content], list[str], list[Note]]:
    """What is to be exported, in order of name: what is asked for, else all our entities, else all other tables.

    :returns: besides, the names of all that could be, and what could not be exported.
    :raises ConfigurationError: when there is no such table, or an option names a table or a field that is nowhere.
    """
    application = Application(database, connection, plans.values())
    own = [name for name in application.tables if name not in application.inner_tables]
    names = [name for name in sorted(set(tables or plans or own)) if name not in options.exclude_tables]
    if not names:
        raise NoDataFound(
            f"{database.label} holds no table that could be exported",
            hint="load files first (json2db-sync full-workflow), or name another database"
            if not options.exclude_tables
            else "leave fewer out (export.exclude_tables)",
            reason="nothing_to_export",
        )
    known = [*plans, *own, *application.inner_tables, *application.views]
    options = _of_schemas(options, application, known)
    _require_known(names, known, application, options)
    found: list[Content] = []
    notes: list[Note] = []
    for name in names:
        if name in plans:
            found.append(EntityContent(database, connection, plans, name, options))
            continue
        try:
            found.append(ApplicationContent(database, connection, application, name, options))
            notes += _unreadable_columns(application.table(name))
        except DatabaseError as error:
            if error.reason != "unreadable_table" or tables:
                raise
            notes.append(Note(f"{error.message}; it was not exported", "unreadable_table", name))
    notes += [note for one in found for note in one.notes]
    _require_somewhere(found, [*plans.values()], application, options)
    return found, known + database.names_elsewhere(connection), notes


def _of_schemas(options: ExportOptions, application: Application, known: Sequence[str]) -> ExportOptions:
    """A condition on ``etl.venues.city_id`` came as one on a field ``venues.city_id`` of ``etl``."""
    filters: dict[str, dict[str, object]] = {}
    for table, fields in options.filters.items():
        for field, wanted in fields.items():
            parts = [table, *field.split(".")]
            names = [] if table in known else [".".join(parts[:end]) for end in range(2, len(parts))]
            name = next((name for name in names if application.place(name)), table)
            filters.setdefault(name, {})[f"{table}.{field}".removeprefix(f"{name}.")] = wanted
    return replace(options, filters=filters)


def _require_known(
    names: Sequence[str], known: Sequence[str], application: Application, options: ExportOptions
) -> None:
    """Raise where one of the names, or one that an option names, is nowhere, or can be no file's."""
    for name in names:
        if name not in known and application.place(name) is None:
            raise _unknown(name, known, "export.tables")
        if reason := unfit_name(name):
            raise ConfigurationError(
                f"the table {name!r} cannot be exported: {reason}",
                hint="say which tables to export (export.tables), or export a view of it",
                setting="export.tables",
                table=name,
                reason="invalid_file_name",
            )
    for setting in _BY_TABLE:
        for name in getattr(options, setting):
            general = name == "*" and setting not in _OF_ONE
            if name not in known and not general and application.place(name) is None:
                raise _unknown(name, known, f"export.{setting}")


def _require_somewhere(
    found: Sequence[Content], plans: Sequence[EntityPlan], application: Application, options: ExportOptions
) -> None:
    """Raise where a field that is said of all tables is in none: what was to be left out would be exported.

    Where no table has any field yet, nothing would be.
    """
    for setting in ("fields", "exclude", "rename"):
        said = getattr(options, setting).get("*", ())
        missing = [name for name in said if all(one.known is not None and name not in one.known for one in found)]
        if missing:
            elsewhere = {field for plan in plans for field in fields_of(plan.table, key=plan.key or ())}
            elsewhere |= {column.name for name in application.tables for column in application.table(name).columns}
            for name in missing:
                if elsewhere and name not in elsewhere:
                    raise unknown_field(None, name, sorted(elsewhere), f"export.{setting}")


def _unreadable_columns(table: ApplicationTable) -> Iterator[Note]:
    for column, why in table.unreadable.items():
        yield Note(f"{table.name}.{column} cannot be read, and was left out: {why}", "unreadable_column", table.name)


def _unknown(name: str, known: Sequence[str], setting: str) -> ConfigurationError:
    return ConfigurationError(
        f"there is no entity and no table {name}",
        hint=f"{did_you_mean(name, known)} known are: {', '.join(known) or 'none'}".lstrip(),
        setting=setting,
        table=name,
        reason="unknown_table",
    )
