"""Making and changing tables, in plain SQLAlchemy Core."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress

import sqlalchemy as sa

from json2db_sync.databases import tables
from json2db_sync.databases.dialect import Dialect
from json2db_sync.model.plan import CustomColumn, EntityPlan


class TableChanges(Dialect):
    """What is done to tables, ours among those of others."""

    def tables(self, plan: EntityPlan) -> dict[str, sa.Table]:
        """The tables of an entity, by name, parents first."""
        return tables.build(plan, self.type_of)

    @classmethod
    def ddl(cls, plan: EntityPlan, *, indexes: bool = True) -> str:
        """CREATE statements for an entity."""
        return tables.ddl(plan, cls.type_of, cls.dialect(), indexes=indexes)

    def relation_names(self, connection: sa.Connection) -> set[str]:
        """All tables and views there are."""
        inspector = sa.inspect(connection)
        return {*inspector.get_table_names(), *inspector.get_view_names()}

    def column_names(self, connection: sa.Connection, table: str) -> list[str]:
        return [column["name"] for column in sa.inspect(connection).get_columns(table)]

    def create_tables(self, connection: sa.Connection, plan: EntityPlan, only: Iterable[str] | None = None) -> None:
        """Create tables of an entity, all or those named, with their indexes."""
        wanted = set(only) if only is not None else None
        for name, table in self.tables(plan).items():
            if wanted is None or name in wanted:
                table.create(connection)

    def create_replacements(self, connection: sa.Connection, plan: EntityPlan, aliases: Mapping[str, str]) -> None:
        """Create an entity's tables under other names, to be filled and then put in place."""
        built = tables.build(
            plan, self.type_of, aliases=aliases, foreign_keys=not self.capabilities.keys_follow_renames, indexes=False
        )
        for table in built.values():
            table.create(connection)

    def put_in_place(
        self, connection: sa.Connection, old: EntityPlan, new: EntityPlan, aliases: Mapping[str, str]
    ) -> None:
        """Drop an entity's tables and give their names to the replacements."""
        extras = self.extra_ddl(connection, [table.name for table in old.tables])
        self.drop_tables(connection, old)
        quote = self.quote
        for name, alias in aliases.items():
            connection.exec_driver_sql(f"ALTER TABLE {quote(alias)} RENAME TO {quote(name)}")
        for table in self.tables(new).values():
            if self.capabilities.keys_follow_renames:
                for constraint in table.foreign_key_constraints:
                    connection.execute(sa.schema.AddConstraint(constraint))
            for index in table.indexes:
                index.create(connection)
        own = {index.name for plan in (old, new) for table in self.tables(plan).values() for index in table.indexes}
        for name, statement in extras:
            if name not in own:
                with suppress(sa.exc.DBAPIError), connection.begin_nested():  # what it was made for may be gone
                    connection.exec_driver_sql(statement)

    def extra_ddl(self, connection: sa.Connection, names: Sequence[str]) -> list[tuple[str, str]]:
        """Indexes and triggers on our tables (name, statement) that a replacement must get too."""
        return []

    def drop_tables(self, connection: sa.Connection, plan: EntityPlan) -> None:
        """Drop an entity's tables, children first."""
        existing = self.relation_names(connection)
        for name in reversed([table.name for table in plan.tables]):
            if name in existing:
                connection.exec_driver_sql(f"DROP TABLE {self.quote(name)}")

    def add_columns(self, connection: sa.Connection, plan: EntityPlan, table: str, names: Sequence[str]) -> None:
        """Add nullable columns, as a plan describes them, to a table that exists."""
        built = self.tables(plan)[table]
        for name in names:
            column_type = built.c[name].type.compile(self.dialect())
            connection.exec_driver_sql(f"ALTER TABLE {self.quote(table)} ADD COLUMN {self.quote(name)} {column_type}")

    def missing_indexes(self, connection: sa.Connection, plan: EntityPlan) -> list[tuple[str, sa.Index]]:
        """(table, index) of the plan's indexes that are not there, on tables that are."""
        inspector = sa.inspect(connection)
        missing = []
        for name, table in self.tables(plan).items():
            if table.indexes and inspector.has_table(name):
                # By columns: an index that came back from a backup may bear another name.
                present = {tuple(index["column_names"]) for index in inspector.get_indexes(name)}
                wanted = sorted(table.indexes, key=lambda index: str(index.name))
                missing += [(name, index) for index in wanted if tuple(index.columns.keys()) not in present]
        return missing

    def create_missing_indexes(self, connection: sa.Connection, plan: EntityPlan) -> None:
        """Create the plan's indexes that are not there."""
        for _table, index in self.missing_indexes(connection, plan):
            index.create(connection)

    def try_column(self, connection: sa.Connection, custom: CustomColumn) -> None:
        """Make a custom column in a table that goes away again, with two rows as they will come.

        :raises sqlalchemy.exc.DBAPIError: when the database does not take it.
        """
        name = self.quote(custom.name)
        with connection.begin_nested() as attempt:
            table = tables.trial(custom)
            table.create(connection)
            value = custom.default or "NULL"
            insert = f"INSERT INTO {self.quote(table.name)} (id, {name}) VALUES"
            connection.exec_driver_sql(f"{insert} (1, {value}), (2, {value})")
            attempt.rollback()
