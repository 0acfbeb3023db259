"""Plans as SQLAlchemy tables, and as DDL text."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.schema import CreateIndex, CreateTable

from json2db_sync.model import plan as names
from json2db_sync.model.kinds import Kind
from json2db_sync.model.plan import CustomColumn, EntityPlan, TablePlan, fit

SqlType = sa.types.TypeEngine[Any]
TypeOf = Callable[[Kind, str | None], SqlType]
"""Kind and date_format -> the database's type."""


class VerbatimType(sa.types.UserDefinedType[Any]):
    """A column type in the user's own words, or one whose values pass through as they are."""

    cache_ok = True

    def __init__(self, text: str) -> None:
        self.text = text

    def get_col_spec(self, **_keywords: Any) -> str:
        return self.text


def build(
    plan: EntityPlan,
    type_of: TypeOf,
    *,
    aliases: Mapping[str, str] | None = None,
    foreign_keys: bool = True,
    indexes: bool = True,
    json_index: str | None = None,
) -> dict[str, sa.Table]:
    """The tables of an entity by the plan's table name, parents first.

    :param json_index: PostgreSQL's method of an index on each JSON column; None for no such indexes.
    :param aliases: other names to give to the tables; foreign keys still name the plan's.
    """
    metadata = sa.MetaData()
    aliases = aliases or {}
    tables: dict[str, sa.Table] = {}

    def add(table: TablePlan, parent: TablePlan | None) -> None:
        columns = _parent_columns(plan, type_of) if parent is None else _child_columns(plan, table, type_of)
        constraints = [_foreign_key(table, parent)] if parent is not None and foreign_keys else []
        if constraints and parent is not None and parent.name in aliases and parent.name not in metadata.tables:
            _stub(parent, metadata)
        built = sa.Table(aliases.get(table.name, table.name), metadata, *columns, *constraints)
        if indexes:
            for column in indexed_columns(plan, table):
                sa.Index(_index_name(table.name, column), built.c[column])
            for column in json_columns(table) if json_index is not None else ():
                sa.Index(_index_name(table.name, column), built.c[column], postgresql_using=json_index)
        tables[table.name] = built
        for child in table.children:
            add(child, table)

    add(plan.table, None)
    return tables


def indexed_columns(plan: EntityPlan, table: TablePlan) -> list[str]:
    """Columns that seem to hold keys of other entities. (A child's foreign key leads its primary key.)"""
    columns = {column.name for column in table.columns}
    found = (relation.column for relation in plan.relations if relation.table == table.name)
    return [column for column in dict.fromkeys(found) if column in columns]  # else a flat view's


def json_columns(table: TablePlan) -> list[str]:
    """Columns that hold JSON of the records."""
    return [column.name for column in table.columns if column.kind is Kind.JSON]


def _index_name(table: str, column: str) -> str:
    return fit(f"ix_{table}_{column}", f"{table}.{column}")


def index_names(plan: EntityPlan) -> set[str]:
    """The names of all indexes that come with a plan: of columns, and of paths in its flat views."""
    return {_index_name(relation.table, relation.column) for relation in plan.relations}


def _parent_columns(plan: EntityPlan, type_of: TypeOf) -> list[sa.Column[Any]]:
    columns = [
        sa.Column(column.name, type_of(column.kind, column.date_format))
        for column in plan.table.columns
        if column.name != names.ID
    ]
    text, json = type_of(Kind.TEXT, None), type_of(Kind.JSON, None)
    moment = type_of(Kind.DATETIME, "%Y-%m-%dT%H:%M:%SZ")
    return [
        sa.Column(names.ID, type_of(plan.id_kind, None), primary_key=True, autoincrement=False, nullable=False),
        *columns,
        sa.Column(names.DATA_SOURCE, text, nullable=False, server_default="json"),
        sa.Column(plan.created_at, moment, nullable=False),
        sa.Column(plan.updated_at, moment, nullable=False),
        *(_custom_column(custom) for custom in plan.custom),
        *(
            sa.Column(name, moment if name == names.GONE else type_of(Kind.JSON, None))
            for name in plan.lifecycle.columns
        ),
        sa.Column(names.LOAD, sa.BigInteger(), nullable=False),
        sa.Column(names.HASH, sa.BigInteger(), nullable=False),
        sa.Column(names.REST, json),
    ]


def _child_columns(plan: EntityPlan, table: TablePlan, type_of: TypeOf) -> list[sa.Column[Any]]:
    parent_id = sa.Column(names.PARENT_ID, type_of(plan.id_kind, None), primary_key=True, autoincrement=False)
    positions = [
        sa.Column(name, sa.Integer(), primary_key=True, autoincrement=False) for name in table.position_columns
    ]
    columns = [sa.Column(column.name, type_of(column.kind, column.date_format)) for column in table.columns]
    return [parent_id, *positions, *columns, sa.Column(names.REST, type_of(Kind.JSON, None))]


def _foreign_key(table: TablePlan, parent: TablePlan) -> sa.ForeignKeyConstraint:
    if parent.depth == 0:
        own, other = [names.PARENT_ID], [names.ID]
    else:
        levels = len(parent.position_columns)
        own = [names.PARENT_ID, *table.position_columns[:levels]]
        other = [names.PARENT_ID, *parent.position_columns]
    target = [f"{parent.name}.{name}" for name in other]
    return sa.ForeignKeyConstraint(own, target, ondelete="CASCADE")


def _stub(table: TablePlan, metadata: sa.MetaData) -> None:
    """What a foreign key may name though the table itself is built under an alias."""
    keys = [names.PARENT_ID, *table.position_columns] if table.depth else [names.ID]
    sa.Table(table.name, metadata, *(sa.Column(key, sa.Integer()) for key in keys))


def _custom_column(custom: CustomColumn) -> sa.Column[Any]:
    default = sa.literal_column(custom.default, sa.Text()) if custom.default else None  # a : in it is no parameter
    return sa.Column(custom.name, VerbatimType(custom.type), server_default=default)


def trial(custom: CustomColumn) -> sa.Table:
    """A temporary table for finding out whether a custom column can be made."""
    key = sa.Column(names.ID, sa.Integer(), primary_key=True, autoincrement=False)
    return sa.Table("json2db_trial", sa.MetaData(), key, _custom_column(custom), prefixes=["TEMPORARY"])


def ddl(plan: EntityPlan, type_of: TypeOf, dialect: sa.Dialect, *, indexes: bool) -> str:
    """The CREATE statements of an entity, as they would be executed."""
    statements: list[str] = []
    for table in build(plan, type_of, indexes=indexes).values():
        statements.append(str(CreateTable(table).compile(dialect=dialect)).strip())
        statements += [str(CreateIndex(index).compile(dialect=dialect)) for index in sorted(table.indexes, key=str)]
    return "".join(statement.replace("\n\t", "\n    ") + ";\n" for statement in statements)
