"""What base.py and dialect.py promise: every database of the registry keeps it.

A new database need only be among conftest's ``databases``.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import tracemalloc
from dataclasses import replace

import pytest
import sqlalchemy as sa

from json2db_sync.databases import NAMES
from json2db_sync.databases.attached import execute
from json2db_sync.databases.base import TableShape
from json2db_sync.databases.ledger import TABLES, Ledger
from json2db_sync.databases.reflection import Application
from json2db_sync.databases.row_forms import RowRefused, ready_rows
from json2db_sync.errors import DatabaseError, Locked, Unreachable
from json2db_sync.model.batch_shredder import BatchRows
from json2db_sync.model.kinds import DATE_SPELLING, Kind
from json2db_sync.model.plan import ColumnPlan, CustomColumn, EntityPlan, TablePlan

ODD = [
    "select",
    "nothing",
    "returning",
    'quo"te',
    "br[ack]et",
    "per%cent :colon",
    "ünï😀",
    "a.b",
    "semi;--colon",
    "n" * 63,
    "Upper lower",
]
TEXTS = [
    "",
    " ",
    "\\",
    "\\N",
    "a\tb\r\n",
    "NULL",
    "'\"",
    "%s",
    "\x01\x1f\x7f",
    "\ufeff\u2028",
    "😀",
    "e\u0301",
    "2024",
    "1e5",
]
VALUES = {
    Kind.BOOL: [True, False],
    Kind.INTEGER: [0, -1, 2**63 - 1, -(2**63)],
    Kind.BIGINT: ["0", "9" * 400, "-" + "9" * 60],
    Kind.NUMBER: [0.0, 0.1, 5e-324, 1.7976931348623157e308, 9007199254740993.0, 1e22],
    Kind.TEXT: TEXTS,
    Kind.UNKNOWN: [],
    Kind.DATE: ["2024-02-29", "1000-01-01", "9998-12-31"],
    Kind.DATETIME: ["2024-01-31T10:00:00.123+05:30", "0002-01-01T00:00:00.000+05:30"],
    Kind.JSON: ['{"a":[1,"x",null]}', "[]", '"text"', "1"],
}
FORMATS = {Kind.DATE: DATE_SPELLING, Kind.DATETIME: "%Y-%m-%dT%H:%M:%S.3+05:30"}


def plan_of(*columns: ColumnPlan, id_kind: Kind = Kind.TEXT, name: str = "json_t") -> EntityPlan:
    lines = TablePlan(f"{name}_lines", "lines", (ColumnPlan("n", "n", Kind.INTEGER),), depth=1)
    return EntityPlan("t", TablePlan(name, None, columns, (lines,)), key=("id",), id_kind=id_kind, records_seen=1)


PLAN = plan_of(ColumnPlan("v", "v", Kind.TEXT))
NOW = "2024-01-01T00:00:00Z"


def made(database, plan=PLAN):
    """The plan's tables, which are there from now on."""
    with database.transaction() as connection:
        database.create_tables(connection, plan)
    return database.tables(plan)


def row(id_, **values):
    return {"id": id_, "data_source": "json", "created_at": NOW, "updated_at": NOW, "_load": 1, "_hash": 7, **values}


def fill(database, table, rows):
    with database.transaction() as connection:
        database.insert(connection, table, rows)


def ids(database, table="json_t"):
    with database.reading() as connection:
        return sorted(execute(connection, f"SELECT id FROM {database.quote(table)}").scalars())


def names(database):
    with database.reading() as connection:
        return database.relation_names(connection)


def test_the_fixture_gives_databases_of_the_registry(databases):
    """The fixture gives none that the registry does not know."""
    assert databases.kind in NAMES


# Where it is


def test_a_database_that_is_not_there_is_told(database):
    """A file that does not exist cannot be read, and reading does not make it; a server counts as there."""
    if not database.exists():
        with pytest.raises(Unreachable) as error, database.reading():
            pass
        assert error.value.reason == "no_database"
        assert not database.exists()
    made(database)
    assert database.exists()
    database.require()
    with database.reading() as connection:
        assert database.version(connection).startswith(database.capabilities.title)
        assert database.size(connection) > 0


# Transactions


def test_a_transaction_happens_as_a_whole_or_not_at_all(database):
    """Rows and tables that were made, changed and dropped in it; what was nested may fail alone."""
    table = made(database)["json_t"]
    with database.transaction() as connection:
        database.insert(connection, table, [row("kept")])
        with pytest.raises(sa.exc.IntegrityError), connection.begin_nested():
            database.insert(connection, table, [row("new"), row("kept")])
        nested = connection.begin_nested()
        database.insert(connection, table, [row("undone")])
        nested.rollback()
    assert ids(database) == ["kept"]
    other = plan_of(name="json_other")
    with pytest.raises(ZeroDivisionError), database.transaction() as connection:
        database.insert(connection, table, [row("lost")])
        database.create_tables(connection, other)
        database.add_columns(connection, plan_of(*PLAN.table.columns, ColumnPlan("w", "w", Kind.TEXT)), "json_t", ["w"])
        database.drop_tables(connection, other)
        raise ZeroDivisionError
    assert ids(database) == ["kept"]
    assert names(database) == {"json_t", "json_t_lines"}
    with database.reading() as connection:
        assert "w" not in database.shapes(connection, ["json_t"])["json_t"].columns
    with pytest.raises(ZeroDivisionError), database.restructuring() as connection:
        database.drop_tables(connection, PLAN)
        raise ZeroDivisionError
    assert ids(database) == ["kept"]


def test_reading_sees_one_state_and_is_in_nobodys_way(database, other):
    """What is committed meanwhile is not seen; who comes later sees it."""
    table = made(database)["json_t"]
    fill(database, table, [row("a")])
    count = sa.select(sa.func.count()).select_from(table)
    with database.reading() as connection:
        assert connection.execute(count).scalar_one() == 1
        fill(other, table, [row("b")])
        assert connection.execute(count).scalar_one() == 1
    assert ids(database) == ["a", "b"]


def test_several_writers_are_as_the_capabilities_say(database, other):
    """Where one waits for the other, it is told after the time that it may take."""
    table = made(database)["json_t"]
    with database.transaction() as connection:
        database.insert(connection, table, [row("a")])
        if database.capabilities.several_writers:
            fill(other, table, [row("b")])
        else:
            with pytest.raises(Locked) as error:
                fill(other, table, [row("b")])
            assert error.value.reason == "locked"


# The writing lock

HOLD = """
import sys, time
from json2db_sync.databases import open_database
with open_database(sys.argv[1]) as database, database.writing_lock():
    print("held", flush=True)
    time.sleep(60)
"""


def test_one_run_writes_at_a_time(database, other):
    """The lock is refused while another holds it, and free after."""
    with database.writing_lock():
        with pytest.raises(Locked), other.writing_lock():
            pass
        made(database)  # and the holder's own work goes on
    with other.writing_lock():
        pass


@pytest.mark.skipif(os.name != "posix", reason="no signals")
def test_a_killed_process_holds_no_lock(database, database_url):
    """Whoever is killed frees the lock by that."""
    with subprocess.Popen([sys.executable, "-c", HOLD, database_url], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        with pytest.raises(Locked), database.writing_lock():
            pass
        process.send_signal(signal.SIGKILL)
    deadline = time.monotonic() + 20
    while True:
        try:
            with database.writing_lock():
                return
        except Locked:
            assert time.monotonic() < deadline
            time.sleep(0.05)


def test_what_a_trial_does_is_seen_inside_alone(database):
    """Rows and tables are taken back."""
    table = made(database)["json_t"]

    def count(connection: sa.Connection) -> int:
        return int(connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one())

    with database.trial() as connection:
        database.insert(connection, table, [row("a", v="x")])
        connection.exec_driver_sql("CREATE TABLE tried (n integer)")
        assert count(connection) == 1
    with database.reading() as connection:
        assert count(connection) == 0
        assert "tried" not in database.relation_names(connection)


# Rows


def test_rows_are_inserted_updated_and_deleted_by_id(database):
    """Each primitive does what it says to the rows it is given and to no others; lists may be long or empty."""
    table = made(database)["json_t"]
    many = [f"id{number:04}" for number in range(1203)]
    fill(database, table, [row(id_, v="old") for id_ in many])
    with database.transaction() as connection:
        database.insert(connection, table, [])
        database.update_by_id(connection, table, [])
        database.update_by_id(connection, table, [{"id": "id0001", "v": None}])
        database.update_columns(connection, table, {"id": ["id0002", "id0003"], "v": ["it's", None]}, {"_load": 5})
        database.set_for_ids(connection, table, many[100:], {"_load": 9})
        database.delete_where_in(connection, table.c.id, many[200:])
        database.delete_where_in(connection, table.c.id, [])
        found = database.versions(connection, table, [*many, "not there"])
    assert set(found) == set(many[:200])
    assert found["id0000"] == (7, 1)
    assert found["id0002"] == (7, 5)
    assert {found[id_] for id_ in many[100:200]} == {(7, 9)}
    with database.reading() as connection:
        values = {found.id: found.v for found in connection.execute(sa.select(table.c.id, table.c.v))}
    assert [values[id_] for id_ in many[:4]] == ["old", None, "it's", None]
    with pytest.raises(DatabaseError, match="took 1 of 2 rows"), database.transaction() as connection:
        database.update_by_id(connection, table, [{"id": "id0001", "v": "y"}, {"id": "not there", "v": "x"}])


def insert_ready(database, plan, columns):
    """As a load does it: rows that were made ready, with what they have in common."""
    batch = BatchRows(columns["id"], {plan.table.name: columns, f"{plan.table.name}_lines": {"_parent_id": []}})
    ready = ready_rows(database.row_form(plan), plan.table.name, batch, [7] * len(columns["id"]))
    constants = {"data_source": "json", "created_at": NOW, "updated_at": NOW, "_load": 3}
    with database.transaction() as connection:
        count, rows = ready[plan.table.name]
        database.insert_ready(connection, database.tables(plan)[plan.table.name], rows, constants)
    return count


def test_a_refused_row_is_told_and_nothing_is_stored(database):
    """A key that is there and a value that cannot be stored are about the row, and leave the database of use."""
    made(database)
    null = database.null
    assert insert_ready(database, PLAN, {"id": ["a", "b"], "v": ["x", null], "_rest": [null, null]}) == 2
    for bad in ({"id": ["c", "a"], "v": ["y", "y"]}, {"id": ["c", "c"], "v": ["y", "y"]}):
        with pytest.raises(RowRefused):
            insert_ready(database, PLAN, {**bad, "_rest": [null, null]})
        assert ids(database) == ["a", "b"]
    table = database.tables(PLAN)["json_t"]
    with database.transaction() as connection:
        assert database.versions(connection, table, ["a", "b"]) == {"a": (7, 3), "b": (7, 3)}
        stored = connection.execute(sa.select(table.c.v).order_by(table.c.id)).scalars().all()
    assert stored == ["x", None]
    with pytest.raises(RowRefused), database.transaction() as connection:
        database.update_columns(connection, table, {"id": ["a"], "created_at": [None]}, {})


@pytest.mark.parametrize("kind", VALUES)
def test_each_kind_gives_back_what_was_stored(database, kind):
    """Row by row and made ready: a value comes back as it was given, hostile ones too; NULL stays NULL."""
    date_format = FORMATS.get(kind)
    plan = plan_of(ColumnPlan("v", "v", kind, date_format=date_format))
    table = made(database, plan)["json_t"]
    values = [*VALUES[kind], None]
    fill(database, table, [row(f"row {number:02}", v=value) for number, value in enumerate(values)])
    columns = {"id": [f"zz {number:02}" for number in range(len(values))], "v": [*values[:-1], database.null]}
    insert_ready(database, plan, {**columns, "_rest": [database.null] * len(values)})
    plain = sa.table("json_t", sa.column("id"), sa.column("v"))
    with database.reading() as connection:
        stored = connection.execute(sa.select(plain.c.v).order_by(plain.c.id)).scalars().all()
    assert (stored[len(values) - 1], stored[-1]) == (None, None)
    form, decode = database.stored_form(kind, date_format), database.decoder(kind, date_format)
    given = [value if value is None or form is None else form(value) for value in stored]
    if kind is Kind.JSON:
        given = [value and database.decode_json(value) for value in stored]
        values = [value and json.loads(value) for value in values]
    assert given == [*values, *values]
    if kind in (Kind.BOOL, Kind.INTEGER, Kind.BIGINT, Kind.NUMBER):
        read = [value if value is None or decode is None else decode(value) for value in stored[: len(values)]]
        assert list(map(type, read[:-1])) == [{Kind.BOOL: bool, Kind.NUMBER: float}.get(kind, int)] * (len(values) - 1)


def test_pages_come_in_order_and_in_bounded_memory(database):
    """Texts in the order of their bytes whatever the language, and never all rows at a time."""
    table = made(database)["json_t"]
    keys = ["a", "B", "Z", "b", "é", "z", "_", "1", "10", "2", "ä", "Ä", "😀", "\ufffd"]
    fill(database, table, [row(key, v=key) for key in keys])
    expected = sorted(keys, key=str.encode)
    column = sa.column("id")
    plain = sa.table("json_t", column)
    for order in (database.byte_order(table.c.id), database.in_order(column, sa.Text())):
        statement = sa.select(column).select_from(plain).order_by(order)
        with database.reading() as connection:
            pages = list(database.pages(connection, statement, 5))
        assert [len(page) for page in pages] == [5, 5, 4]
        assert [one[0] for page in pages for one in page] == expected
    fill(database, table, [row(f"big {number:03}", v="x" * 20_000) for number in range(600)])
    tracemalloc.start()
    try:
        with database.reading() as connection:
            read = sum(len(page) for page in database.pages(connection, sa.select(table.c.v), 10))
        assert read == 614
        if database.capabilities.file_based:
            assert tracemalloc.get_traced_memory()[1] < 4_000_000
    finally:
        tracemalloc.stop()


def test_rows_of_ids_are_found(database):
    """The rows whose key is one of these, as the driver gives them."""
    table = made(database)["json_t"]
    fill(database, table, [row(key) for key in "abc"])
    with database.reading() as connection:
        found = database.rows_of(connection, sa.select(table.c.id, table.c._load), table.c.id, ["c", "a", "x"])
    assert sorted(map(tuple, found)) == [("a", 1), ("c", 1)]


# Tables


def test_odd_names_are_quoted(database):
    """Reserved words, quotes, brackets, other scripts, 63 bytes: as table and as column."""
    columns = tuple(ColumnPlan(name, name, Kind.TEXT) for name in ODD)
    for number, name in enumerate(ODD):
        table = TablePlan(name, None, columns if number == 0 else ())
        plan = EntityPlan("t", table, key=("id",), records_seen=1)
        built = made(database, plan)[name]
        values = {column.name: column.name for column in plan.table.columns}
        fill(database, built, [row("a", **values)])
        assert ids(database, name) == ["a"]
        with database.transaction() as connection:
            changed = {"id": ["a"], **{name: [name + "!"] for name in values}}
            if values:
                database.update_columns(connection, built, changed, {})
            for column in values:
                assert connection.execute(sa.select(built.c[column])).scalar_one() == column + "!"
    assert names(database) == set(ODD)


def test_relations_columns_and_tables_of_others_are_known(database):
    """Tables and views, ours and others', their columns in order, keys and references."""
    made(database)
    with database.transaction() as connection:
        Ledger(database, connection).create()
        Ledger(database, connection).save_plan(PLAN)
        for statement in (
            "CREATE TABLE customers (code VARCHAR(20) PRIMARY KEY, name TEXT NOT NULL)",
            "CREATE TABLE orders (id INTEGER PRIMARY KEY, customer VARCHAR(20) REFERENCES customers (code))",
            "CREATE VIEW named AS SELECT name FROM customers",
        ):
            connection.exec_driver_sql(statement)
    with database.reading() as connection:
        assert database.relation_names(connection) == {
            "json_t", "json_t_lines", "customers", "orders", "named", *TABLES
        }  # fmt: skip
        shapes = database.shapes(connection, ["json_t", "json_t_lines", "orders", "named"])
        assert shapes["json_t"].columns[:2] == ["id", "v"]
        assert shapes["json_t_lines"].key == ["_parent_id", "_position"]
        assert shapes["orders"] == TableShape(["id", "customer"], ["id"])
        assert shapes["named"] == TableShape(["name"], [])
        application = Application(database, connection, Ledger(database, connection).plans().values())
        assert (application.tables, application.views) == (["customers", "orders"], ["named"])
        orders = application.table("orders")
        assert orders.key == ("id",)
        assert [(key.column, key.table, key.key) for key in orders.foreign_keys] == [("customer", "customers", "code")]
        assert [column.nullable for column in application.table("customers").columns][1:] == [False]
        assert set(database.table_sizes(connection, ["customers", "no table"])) <= {"customers"}


def test_replacements_take_the_places_of_tables(database):
    """Rows stay where they were put, keys between parent and child hold, own indexes come back."""
    tables = made(database)
    fill(database, tables["json_t"], [row("a", v="1")])
    with database.transaction() as connection:
        connection.exec_driver_sql("CREATE INDEX mine ON json_t (v)")
    new = plan_of(ColumnPlan("v", "v", Kind.INTEGER))
    aliases = {name: f"{name}_new" for name in tables}
    with database.restructuring() as connection:
        database.create_replacements(connection, new, aliases)
        connection.exec_driver_sql(
            "INSERT INTO json_t_new (id, v, data_source, created_at, updated_at, _load, _hash)"
            " SELECT id, CAST(v AS BIGINT), data_source, created_at, updated_at, _load, _hash FROM json_t"
        )
        database.put_in_place(connection, PLAN, new, aliases)
    assert names(database) == {"json_t", "json_t_lines"}
    assert ids(database) == ["a"]
    with database.reading() as connection:
        assert [index["name"] for index in sa.inspect(connection).get_indexes("json_t")] == ["mine"]
        assert not database.foreign_key_problems(connection, ["json_t", "json_t_lines"])
        assert not database.integrity_problems(connection)
    with pytest.raises(DatabaseError), database.transaction() as connection:
        connection.exec_driver_sql("INSERT INTO json_t_lines (_parent_id, _position) VALUES ('nobody', 0)")
    with database.transaction() as connection:
        connection.exec_driver_sql("INSERT INTO json_t_lines (_parent_id, _position) VALUES ('a', 0)")
        database.delete_where_in(connection, database.tables(new)["json_t"].c.id, ["a"])
        assert connection.exec_driver_sql("SELECT count(*) FROM json_t_lines").scalar_one() == 0


def test_a_custom_column_is_tried_without_a_trace(database):
    """What the database takes passes, what it does not is about the statement; nothing is left of either."""
    with database.transaction() as connection:
        database.try_column(connection, CustomColumn("note", "TEXT", "'x'"))
        with pytest.raises(sa.exc.DBAPIError) as error:
            database.try_column(connection, CustomColumn("note", "TEXT", "no_such_function("))
        assert database.refuses_statement(error.value)
    assert names(database) == set()


def test_same_storage_is_where_values_need_not_change(database):
    """Texts that are texts in the database too; never from one type to another."""
    text, date = ColumnPlan("v", "v", Kind.TEXT), ColumnPlan("v", "v", Kind.DATE, date_format=DATE_SPELLING)
    assert database.same_storage(text, replace(text, kind=Kind.UNKNOWN))
    assert database.same_storage(text, date) is not database.capabilities.typed_moments
    assert not database.same_storage(text, replace(text, kind=Kind.INTEGER))
    assert not database.same_storage(text, replace(text, kind=Kind.JSON))
    assert ("JSON" in database.ddl(plan_of(replace(text, kind=Kind.JSON)))) is database.capabilities.typed_json


# Backups


def test_a_backup_restores_the_state_it_is_of(database):
    """Rows, tables and the ledger are as they were; what came after is gone. Several in a second are told apart."""
    tables = made(database)
    with database.transaction() as connection:
        ledger = Ledger(database, connection)
        ledger.create()
        ledger.save_plan(PLAN)
    fill(database, tables["json_t"], [row("kept")])
    wanted = [*TABLES, "json_t", "json_t_lines"]
    backups = [database.backup(wanted), database.backup(wanted)]
    assert sorted(one.name for one in database.backups()) == sorted(one.name for one in backups)
    assert os.path.isfile(backups[0].name) is database.capabilities.file_based
    fill(database, tables["json_t"], [row("later")])
    made(database, plan_of(name="json_new"))
    with database.transaction() as connection:
        Ledger(database, connection).save_plan(replace(plan_of(name="json_new"), entity="new"))
    assert database.find_backup(backups[0].name) == backups[0].name
    assert database.restore(backups[0].name).name == backups[0].name
    assert ids(database) == ["kept"]
    assert names(database) == set(wanted)
    with database.reading() as connection:
        assert list(Ledger(database, connection).plans()) == ["t"]
    with pytest.raises(DatabaseError), database.transaction() as connection:  # the key to the parent is there again
        connection.exec_driver_sql("INSERT INTO json_t_lines (_parent_id, _position) VALUES ('nobody', 0)")
    with pytest.raises(DatabaseError) as error:
        database.find_backup("no such backup")
    assert error.value.reason == "unknown_backup"
    assert database.set_aside_if_damaged() is None
