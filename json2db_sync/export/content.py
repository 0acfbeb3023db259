"""What is exported: our entities, or an application's own tables, each as its records in order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

from json2db_sync.databases.base import Database
from json2db_sync.databases.reflection import Application
from json2db_sync.errors import ConfigurationError, NoDataFound
from json2db_sync.export.application import ApplicationContent
from json2db_sync.export.entities import EntityContent
from json2db_sync.export.layout import unfit_name
from json2db_sync.export.lines import Page, Record
from json2db_sync.export.options import ExportOptions
from json2db_sync.model.plan import EntityPlan
from json2db_sync.text import did_you_mean

if TYPE_CHECKING:
    import sqlalchemy as sa

_BY_TABLE = ("name_fields", "fields", "exclude", "rename", "filters", "statistics")
"""Options that are said of tables by their names."""


class Content(Protocol):
    """A table of an application, or the records of an entity."""

    name: str
    """What the file is called, and the array in it."""
    key: tuple[str, ...]
    """The fields of a record, as they are exported, that tell it from the others; () where there are none."""
    counted: tuple[str, ...]
    """Fields whose values are counted."""
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
) -> tuple[list[Content], list[str]]:
    """What is to be exported, in order of name: what is asked for, else all our entities, else all other tables.

    :returns: besides, the names of all that could be.
    :raises ConfigurationError: when there is no such table, or an option names a table or a field that is nowhere.
    """
    application = Application(database, connection, plans.values())
    own = [name for name in application.tables if name not in application.inner_tables]
    names = sorted(set(tables)) if tables else sorted(plans) or own
    if not names:
        raise NoDataFound(
            f"{database.label} holds no table that could be exported",
            hint="load files first (json2db-sync full-workflow), or name another database",
            reason="nothing_to_export",
        )
    known = [*plans, *own, *application.inner_tables, *application.views]
    for name in names:
        if name not in known:
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
            if name not in known and (name != "*" or setting == "name_fields"):
                raise _unknown(name, known, f"export.{setting}")
    found: list[Content] = [
        EntityContent(database, connection, plans, name, options)
        if name in plans
        else ApplicationContent(database, connection, application, name, options)
        for name in names
    ]
    return found, known


def _unknown(name: str, known: Sequence[str], setting: str) -> ConfigurationError:
    return ConfigurationError(
        f"there is no entity and no table {name}",
        hint=f"{did_you_mean(name, known)} known are: {', '.join(known) or 'none'}".lstrip(),
        setting=setting,
        table=name,
        reason="unknown_table",
    )
