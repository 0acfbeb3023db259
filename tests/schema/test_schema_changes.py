"""How tables change: what ``plan`` says beforehand, what widening keeps, what contracts refuse. On every database."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import count
from pathlib import Path
from random import Random
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.nightly import NIGHTLY
from support.sessions import ok, query, session, stored, verified
from support.stored import assert_same_records, stored_records

from json2db_sync import SyncRunner
from json2db_sync.config import JSON2DBConfig
from json2db_sync.databases import open_database
from json2db_sync.databases.ledger import Ledger


def runner_of(url: str, base: Path, **sections: Any) -> SyncRunner:
    return SyncRunner(url, base, config=JSON2DBConfig(**sections))


def state(url: str) -> dict[str, Any]:
    """Everything that is in the database: columns, indexes and rows of every table, the ledger included."""
    with open_database(url) as database:
        if not database.exists():
            return {}
        with database.reading() as connection:
            inspector = sa.inspect(connection)
            return {
                name: (
                    [(column["name"], str(column["type"])) for column in inspector.get_columns(name)],
                    sorted(str(index["name"]) for index in inspector.get_indexes(name)),
                    sorted(map(repr, connection.exec_driver_sql(f"SELECT * FROM {database.quote(name)}"))),
                )
                for name in sorted(database.relation_names(connection))
            }


def tables_of(url: str, entity: str) -> dict[str, Any]:
    """As :func:`state`, of one entity's tables and plan."""
    mine = {name: what for name, what in state(url).items() if name.startswith(f"json_{entity}")}
    with open_database(url) as database, database.reading() as connection:
        return {**mine, "plan": Ledger(database, connection).plans().get(entity)}


def missing_indexes(url: str) -> list[str]:
    """Indexes that plans say there are, and that are not there."""
    with open_database(url) as database, database.reading() as connection:
        return [
            f"{table}: {index.name}"
            for plan in Ledger(database, connection).plans().values()
            for table, index in database.missing_indexes(connection, plan)
        ]


# plan says what create_tables does


@dataclass
class Case:
    """A database with invoices, their lines and customers, and a source that is going to change."""

    url: str
    base: Path
    config: dict[str, Any]

    @property
    def runner(self) -> SyncRunner:
        return runner_of(self.url, self.base, **self.config)

    def load(self) -> None:
        customers = [{"customer_id": number, "name": "x"} for number in range(5)]
        invoices: list[dict[str, Any]] = [
            {"id": n, "customer_id": n, "total": n, "day": "2025-01-01", "extra": {"a": n}, "lines": [{"q": n}] * n}
            for n in range(4)
        ]
        session(self.base, "2025-01-01", customers=customers, invoices=invoices)
        ok(self.runner.populate())

    def sql(self, *statements: str) -> None:
        """What a user does by hand; whoever drops what a view shows drops the view first."""
        drops_view = any("DROP COLUMN" in one or "DROP TABLE" in one for one in statements)
        for statement in ("DROP VIEW IF EXISTS json_invoices_flat",) * drops_view + statements:
            query(self.url, statement)

    def next(self, **entities: Any) -> None:
        session(self.base, "2025-01-02", **entities)


Change = Callable[[Case], None]


def invoice(**fields: Any) -> Change:
    return lambda case: case.next(invoices=[{"id": 9, **fields}])


def sql(*statements: str) -> Change:
    return lambda case: case.sql(*statements)


def both(*changes: Change) -> Change:
    def change(case: Case) -> None:
        for one in changes:
            one(case)

    return change


def settings_now(**processing: Any) -> Change:
    return lambda case: case.config.update(processing=processing)


DROP_INDEX = "DROP INDEX ix_json_invoices_customer_id"
DROP_COLUMN = (DROP_INDEX, "ALTER TABLE json_invoices DROP COLUMN customer_id")
CHANGES: dict[str, tuple[Change, int]] = {
    # name: (what happens, records that are rewritten for it on PostgreSQL)
    "nothing": (sql(), 0),
    "new column": (invoice(note="x"), 0),
    "new column of a child": (invoice(lines=[{"unit": "m"}]), 0),
    "new child": (invoice(taxes=[{"rate": 1}]), 0),
    "new entity": (lambda case: case.next(payments=[{"payment_id": 1, "customer_id": 1, "parts": [{"a": 1}]}]), 0),
    "wider number": (invoice(total=1.5), 4),
    "wider child": (invoice(lines=[{"q": "many"}]), 4),
    "text instead of dates": (invoice(day="soon"), 4),
    "text for what was only null": (both(invoice(note=None), lambda c: ok(c.runner.populate()) and None), 0),
    "text keys": (invoice(id="nine"), 4),
    "a field named as our own column": (invoice(created_at="2020"), 4),
    "a JSON column becomes a table": (invoice(extra=[{"a": 1}]), 4),
    "a column becomes a table": (invoice(day=[{"a": 1}], note="x"), 4),
    "two entities": (lambda c: c.next(invoices=[{"id": 9, "total": "x"}], customers=[{"customer_id": "z", "n": 1}]), 9),
    "deeper tables": (both(settings_now(child_depth=2), invoice(lines=[{"parts": [{"p": 1}]}])), 0),
    "a child dropped": (sql("DROP TABLE json_invoices_lines"), 0),
    "all dropped": (sql("DROP TABLE json_invoices_lines", "DROP TABLE json_invoices"), 0),
    "root dropped": (sql("PRAGMA foreign_keys = OFF", "DROP TABLE json_invoices"), 0),
    "an index dropped": (sql(DROP_INDEX), 0),
    "a column dropped": (sql("ALTER TABLE json_invoices DROP COLUMN total"), 0),
    "an indexed column dropped": (sql(*DROP_COLUMN), 0),
    "a column of our own dropped": (sql("ALTER TABLE json_invoices DROP COLUMN updated_at"), 0),
    "a column dropped and another new": (both(sql(*DROP_COLUMN), invoice(note="x")), 0),
    "a column dropped and another wider": (both(sql(*DROP_COLUMN), invoice(total=0.5)), 4),
    "a child dropped and another from a column": (
        both(sql("DROP TABLE json_invoices_lines", *DROP_COLUMN), invoice(extra=[{"a": 1}])),
        4,
    ),
    "all dropped and another from a column": (
        both(sql("DROP TABLE json_invoices_lines", "DROP TABLE json_invoices"), invoice(extra=[{"a": 1}])),
        0,
    ),
    "an index dropped and another new": (
        both(sql(DROP_INDEX), lambda c: c.next(invoices=[{"id": 9, "lines": [{"customer_id": 1}]}])),
        0,
    ),
    "an index dropped and a rebuild": (both(sql(DROP_INDEX), invoice(total=0.5)), 4),
}
ONLY_SQLITE = ("root dropped",)


@pytest.fixture
def case(database_url: str, tmp_path: Path) -> Case:
    return Case(database_url, tmp_path, {})


def as_planned(runner: SyncRunner, url: str) -> Any:
    """What is planned, after it has been done: it changed nothing before, and was exactly that."""
    before = state(url)
    planned = ok(runner.plan())
    assert state(url) == before
    done = ok(runner.create_tables())
    assert [text for text in done.changes if not text.startswith("carry over")] == [c.text for c in planned.changes]
    assert done.records_carried_over == planned.records_rewritten
    assert max((change.records for change in planned.changes), default=0) <= planned.records_rewritten
    assert bool(planned.changes) == planned.needs_attention
    again = ok(runner.plan())
    assert (again.changes, again.records_rewritten, again.needs_attention) == ((), 0, False)
    assert missing_indexes(url) == []
    return planned


@pytest.mark.mostly_slow
@pytest.mark.parametrize("name", CHANGES)
def test_create_tables_does_exactly_what_plan_says(case, name):
    """Planning changes nothing; doing does just that, and then nothing more is planned; the data loads and verifies."""
    if name in ONLY_SQLITE and "://" in case.url:
        pytest.skip("PostgreSQL does not drop a table that another refers to")
    change, rewritten = CHANGES[name]
    case.load()
    change(case)
    planned = as_planned(case.runner, case.url)
    assert bool(planned.changes) == (name not in ("nothing", "text for what was only null"))
    if "://" in case.url:  # where text and dates are the same to the database, rows stay as they are
        assert planned.records_rewritten == rewritten
    ok(case.runner.populate())
    verified(case.runner)


def test_a_plan_tells_changes_one_by_one(case):
    """Each change says what, where and how many stored records are rewritten for it; what is only added costs none."""
    case.load()
    case.next(invoices=[{"id": 9, "total": 0.5, "note": "x"}], vendors=[{"vendor_id": 1}])
    planned = ok(case.runner.plan())
    found = [(c.change, c.entity, c.table, c.column, c.records) for c in planned.changes]
    assert found == [
        ("widen_column", "invoices", "json_invoices", "total", 4),
        ("add_column", "invoices", "json_invoices", "note", 0),
        ("remake_view", "invoices", "json_invoices_flat", None, 0),
        ("create_table", "vendors", "json_vendors", None, 0),
    ]
    assert planned.records_rewritten == 4
    assert planned.operation == "plan"


def test_a_plan_for_custom_columns(case):
    """Columns of the user's own that the runner remembers are planned as they are then added."""
    case.load()
    runner = case.runner
    ok(runner.generate_table_schemas(custom_columns={"session_id": "TEXT", "share": "INTEGER DEFAULT 7"}))
    planned = as_planned(runner, case.url)
    assert "add column json_invoices.share (INTEGER)" in [change.text for change in planned.changes]


def test_a_plan_where_tables_were_full(case):
    """Keys that had no place for want of columns move out of the rest of every row, and so every row is rewritten."""
    case.config = {"processing": {"max_columns": 2}}
    case.load()
    before = stored(case.url, "invoices")
    case.config = {}
    assert as_planned(case.runner, case.url).records_rewritten == 4
    assert stored(case.url, "invoices") == before


def test_planning_makes_no_database(tmp_path):
    """Where there is none yet everything is to be created, and no file or folder comes to be."""
    session(tmp_path / "source", "2025-01-01", t=[{"id": 1, "lines": [{"q": 1}]}])
    path = tmp_path / "new" / "test.db"
    runner = SyncRunner(path, tmp_path / "source")
    planned = ok(runner.plan())
    assert [(change.change, change.table) for change in planned.changes] == [
        ("create_table", "json_t"), ("create_table", "json_t_lines")
    ]  # fmt: skip
    assert not path.parent.exists()
    as_planned(runner, str(path))


def test_planning_fails_as_doing_would(case):
    """A table in the way that is not ours is told beforehand in the same words."""
    case.sql("CREATE TABLE json_invoices (mine TEXT)")
    session(case.base, "2025-01-01", invoices=[{"id": 1}])
    planned, done = case.runner.plan(), case.runner.create_tables()
    assert (planned.error_type, planned.error, planned.hint) == (done.error_type, done.error, done.hint)
    assert planned.error_type == "validation_error"


def test_planning_takes_no_lock(case):
    """It works while another run writes."""
    case.load()
    invoice(note="x")(case)
    with open_database(case.url) as database, database.writing_lock(), database.transaction() as connection:
        connection.exec_driver_sql("UPDATE json_invoices SET total = 7")
        assert [one.change for one in ok(case.runner.plan()).changes] == ["add_column", "remake_view"]


shapes = st.recursive(
    st.sampled_from([None, True, 1, 2**70, 0.5, "x", "2025-01-01", [], {"a": 1}]),
    lambda inner: st.lists(st.dictionaries(st.sampled_from("pq"), inner, max_size=2), max_size=2),
    max_leaves=3,
)
files = st.lists(st.dictionaries(st.sampled_from("abc"), shapes, max_size=3), max_size=3)


@pytest.mark.slow
@settings(
    max_examples=settings.default.max_examples // 50,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(first=files, second=files, others=files, dropped=st.sets(st.integers(0, 9), max_size=2), depth=st.integers(0, 2))
def test_any_change_is_done_as_planned(databases, tmp_path_factory, first, second, others, dropped, depth):
    """Whatever files come after whatever others, whatever columns someone dropped, and at whatever depth."""
    base, url = tmp_path_factory.mktemp("plan"), databases.create()
    number = count(1)
    for day, t, u in (("2025-01-01", first, others), ("2025-01-02", second, first)):
        rows = {name: [{"id": next(number), **record} for record in records] for name, records in (("t", t), ("u", u))}
        session(base, day, **rows)
        runner = runner_of(url, base, processing={"child_depth": depth if day == "2025-01-02" else 1})
        if day == "2025-01-01":
            ok(runner.populate())
    columns = [
        (name, column)
        for name, (described, _indexes, _rows) in state(url).items()
        if name.startswith("json_")
        for column, _type in described
        if column not in ("id", "_parent_id", "_position")
    ]
    for place in {place % len(columns) for place in dropped}:
        query(url, f'ALTER TABLE {columns[place][0]} DROP COLUMN "{columns[place][1]}"')
    as_planned(runner, url)
    ok(runner.populate())
    verified(runner)
    databases.drop(url)


# Widening keeps every stored value


ABSENT = object()
KINDS: dict[str, list[Any]] = {
    "nothing": [ABSENT, None],
    "bool": [True, False],
    "integer": [0, 1, -7, 2**53 + 1, 2**63 - 1],
    "bigint": [2**63, -(2**70), 10**30],
    "number": [0.5, 2.0, 1e22, 1e-300, 123456.789],
    "text": ["", "00123", "2024", "1.0", "true", "null", "[]", "\u00fc\u2028 "],
    "date": ["2024-02-29", "0001-01-01"],
    "moment": ["2024-02-29T10:00:00Z", "1999-12-31T23:59:59Z"],
    "clock": ["2024-02-29 10:00:00.125"],
    "object": [{}, {"a": {"b": [1, None]}}],
    "array": [[], [1, "x", None], [[{"q": 1}]]],
    "objects": [[{"q": 1}], [{"q": "x", "z": None}, {}]],
    "mixed": ["x", 1, [{"q": 1}, 2], {"q": 1}],
}


class Records:
    """Records of one entity, kind by kind: the value stands in the record, in its children and below a key."""

    def __init__(self) -> None:
        self.all: list[dict[str, Any]] = []

    def more(self, kind: str) -> list[dict[str, Any]]:
        new = []
        for value in KINDS[kind]:
            number = len(self.all) + len(new) + 1
            held = {} if value is ABSENT else {"v": value}
            new.append({"id": number, "customer_id": number % 3, "lines": [{"n": 1, **held}, {"n": 2}], **held})
        self.all += new
        return new


def load_in_turn(url: str, base: Path, orders: dict[str, list[str]], **sections: Any) -> None:
    """Load files of these kinds, one a session, an entity for each order; after each session all is as it was.

    That is: each record equal to what was loaded, indexes there, those of the user's own too, and verify passes.
    """
    runner = runner_of(url, base, **sections)
    records = {entity: Records() for entity in orders}
    session(base, "2025-01-01", customers=[{"customer_id": n} for n in range(3)])
    for turn in range(max(map(len, orders.values()))):
        new = {entity: records[entity].more(kinds[turn]) for entity, kinds in orders.items()}
        session(base, f"2025-02-{turn + 1:02}", **new)
        ok(runner.populate())
        if not turn:
            for entity in orders:
                query(url, f"CREATE INDEX mine_{entity} ON json_{entity} (data_source, customer_id)")
                query(url, f"CREATE INDEX mine_lines_{entity} ON json_{entity}_lines (n)")
        found = stored_records(url)
        indexes = index_names(url)
        for entity, kinds in orders.items():
            what = f"{entity} after {kinds[: turn + 1]}"
            assert_same_records(found[entity], records[entity].all, what)
            assert {f"mine_{entity}", f"mine_lines_{entity}", f"ix_json_{entity}_customer_id"} <= indexes, what
        verified(runner)


def index_names(url: str) -> set[str]:
    catalogue = "indexname FROM pg_indexes" if "://" in url else "name FROM sqlite_master WHERE type = 'index'"
    return {name for (name,) in query(url, f"SELECT {catalogue}")}


@pytest.mark.slow
@pytest.mark.parametrize("first", KINDS)
def test_any_kind_after_any_other(database_url, tmp_path, first):
    """A column of each kind takes values of each other, whichever came first; nothing stored before changes."""
    load_in_turn(database_url, tmp_path, {f"to_{other}_x": [first, other] for other in KINDS if other != first})


@pytest.mark.slow
@pytest.mark.parametrize("depth", [0, 1, 2])
def test_all_kinds_in_any_order(database_url, tmp_path, depth):
    """However often and in whatever order a column changes its kind, at whatever depth, every record stays."""
    if database_url.startswith("postgresql") and depth != 1 and not NIGHTLY:
        pytest.skip("nightly: every day on SQLite only")
    random = Random(depth)
    orders = {f"order_{n}_x": random.sample(list(KINDS), len(KINDS)) for n in range(2)}
    if depth:
        load_in_turn(database_url, tmp_path, orders, processing={"child_depth": depth})
        return
    runner = runner_of(database_url, tmp_path, processing={"child_depth": 0})
    records = {entity: Records() for entity in orders}
    for turn in range(len(KINDS)):
        session(tmp_path, f"2025-02-{turn + 1:02}", **{e: records[e].more(kinds[turn]) for e, kinds in orders.items()})
        ok(runner.populate())
    before = {entity: stored(database_url, entity) for entity in orders}
    for deeper in (1, 2):  # now tables come of what stands in JSON columns
        runner = runner_of(database_url, tmp_path, processing={"child_depth": deeper})
        assert as_planned(runner, database_url).records_rewritten
        assert {entity: stored(database_url, entity) for entity in orders} == before
        verified(runner)
    for entity in orders:
        assert_same_records(before[entity].values(), records[entity].all, entity)
        assert f"json_{entity}_lines_v" in state(database_url)


@pytest.mark.slow
def test_text_becomes_a_table_and_stays_readable(database_url, tmp_path):
    """Where a field of texts becomes an array of objects, a child table comes; texts come back, before and after."""
    runner = SyncRunner(database_url, tmp_path)
    values = ["many", [{"q": 1}, {"q": 2}], 7, [{"q": "x", "note": None}], None]
    for number, value in enumerate(values, 1):
        session(tmp_path, f"2025-01-{number:02}", t=[{"id": number, "lines": value}])
        ok(runner.populate())
        verified(runner)
    assert {key: record["lines"] for key, record in stored(database_url, "t").items()} == dict(enumerate(values, 1))
    rows = query(database_url, "SELECT _parent_id, _position, q FROM json_t_lines ORDER BY 1, 2")
    assert rows == [(2, 0, "1"), (2, 1, "2"), (4, 0, "x")]


def test_what_users_made_on_our_tables_stays(database_url, tmp_path):
    """A widening keeps the user's own indexes and triggers, and the triggers go on working."""
    runner = SyncRunner(database_url, tmp_path)
    session(tmp_path, "2025-01-01", t=[{"id": 1, "n": 1, "lines": [{"q": 1}]}])
    ok(runner.populate())
    query(database_url, "CREATE TABLE seen (n INTEGER)")
    query(database_url, "CREATE INDEX mine ON json_t_lines (q)")
    if "://" in database_url:
        body = "BEGIN INSERT INTO seen VALUES (1); RETURN NEW; END"
        query(database_url, f"CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ {body} $$")
        query(database_url, "CREATE TRIGGER noting AFTER INSERT ON json_t FOR EACH ROW EXECUTE FUNCTION note()")
    else:
        query(database_url, "CREATE TRIGGER noting AFTER INSERT ON json_t BEGIN INSERT INTO seen VALUES (1); END")
    session(tmp_path, "2025-01-02", t=[{"id": 2, "n": 0.5, "lines": [{"q": "x"}]}])
    assert "widen column json_t.n (integer to number)" in ok(runner.populate()).schema_changes
    assert query(database_url, "SELECT count(*) FROM seen") == [(1,)]  # the new record, not the one carried over
    assert "mine" in state(database_url)["json_t_lines"][1]
    verified(runner)


def test_a_column_of_the_users_own_is_not_lost(case):
    """Where a rebuild would drop a column that someone added, nothing is changed and the error says so."""
    case.load()
    case.sql("ALTER TABLE json_invoices_lines ADD COLUMN mine TEXT", "UPDATE json_invoices_lines SET mine = 'precious'")
    case.next(invoices=[{"id": 9, "note": "x"}])
    as_planned(case.runner, case.url)
    case.next(invoices=[{"id": 9, "total": 0.5}])
    for result in (case.runner.plan(), case.runner.create_tables(), case.runner.create_tables(recreate=True)):
        assert result.error_type == "validation_error"
        assert "would drop the column mine" in result.error
    assert query(case.url, "SELECT DISTINCT mine FROM json_invoices_lines") == [("precious",)]


def break_saving_of(url: str, entity: str) -> None:
    """From now on the database refuses every new plan of this entity."""
    if "://" in url:
        query(url, "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'not that'; END $$")
        action = f"FOR EACH ROW WHEN (NEW.entity = '{entity}') EXECUTE FUNCTION refuse()"
    else:
        action = f"WHEN NEW.entity = '{entity}' BEGIN SELECT RAISE(ABORT, 'not that'); END"
    query(url, f"CREATE TRIGGER refusing BEFORE INSERT ON json2db_plans {action}")


@pytest.mark.slow
@pytest.mark.parametrize("value", [0.5, 2], ids=["rebuilt", "extended"])
def test_all_entities_change_or_none(database_url, tmp_path, value):
    """A failure in the second of two entities leaves the first as it was."""
    runner = SyncRunner(database_url, tmp_path)
    session(tmp_path, "2025-01-01", **{name: [{"id": 1, "n": 1, "lines": [{"q": 1}]}] for name in ("a", "b")})
    ok(runner.populate())
    break_saving_of(database_url, "b")
    new = {"id": 2, "n": value, "note": "x", "parts": [{"p": 1}]}
    session(tmp_path, "2025-01-02", a=[new], b=[new])
    before = {name: tables_of(database_url, name) for name in ("a", "b")}
    result = runner.create_tables()
    assert not result.success
    assert "not that" in result.error
    assert {name: tables_of(database_url, name) for name in ("a", "b")} == before
    query(database_url, "DROP TRIGGER refusing" + (" ON json2db_plans" if "://" in database_url else ""))
    assert len(ok(runner.create_tables()).changes) >= 4
    ok(runner.populate())
    verified(runner)


# Contracts


FROZEN = {"processing": {"contracts": {"invoices": "freeze"}}}
REFUSED = ("invoices is frozen: add column json_invoices.note (text)",)


def test_a_frozen_entity_stays_as_it_is(case):
    """Its tables are made once; what data asks for later is listed and not done, while others evolve."""
    case.config = FROZEN
    case.load()
    case.next(invoices=[{"id": 9, "note": "x"}], customers=[{"customer_id": 9, "note": "x"}])
    before = tables_of(case.url, "invoices")
    planned = ok(case.runner.plan())
    assert [change.text for change in planned.changes] == ["add column json_customers.note (text)"]
    assert planned.refused_changes == REFUSED
    done = ok(case.runner.create_tables())
    assert (done.changes, done.refused_changes) == (("add column json_customers.note (text)",), REFUSED)
    assert done.needs_attention
    assert tables_of(case.url, "invoices") == before
    again = ok(case.runner.plan())
    assert (again.changes, again.refused_changes, again.needs_attention) == ((), REFUSED, True)
    assert "note" not in ok(case.runner.generate_table_schemas()).tables["invoices"]["sqlite"]
    seen = ok(case.runner.analyze())
    assert not seen.schema_changes_required
    assert REFUSED[0] in seen.notes


@pytest.mark.slow
def test_the_workflow_leaves_frozen_entities_alone(case):
    """Its second step lists what was refused, and records no run for it; its third rejects what does not fit."""
    case.config = {"processing": {"contracts": {"*": "freeze", "customers": "evolve"}}}
    case.load()
    case.next(invoices=[{"id": 9, "note": "x"}])
    before = tables_of(case.url, "invoices")["plan"]
    steps = ok(case.runner.full_workflow()).steps
    step = steps["create_tables"]
    assert (step.refused_changes, step.changes, step.run) == (REFUSED, (), None)
    assert [(record.path, "frozen" in record.reason) for record in steps["populate"].rejected_records] == [
        ("$.note", True)
    ]
    assert tables_of(case.url, "invoices")["plan"] == before


def test_what_someone_dropped_of_a_frozen_entity_comes_back(case):
    """A contract is about what data asks for; repairs make the tables what they were."""
    case.config = FROZEN
    case.load()
    before = tables_of(case.url, "invoices")["plan"]
    case.sql("DROP TABLE json_invoices_lines", *DROP_COLUMN)
    case.next(invoices=[{"id": 9, "note": "x"}])
    done = ok(case.runner.create_tables())
    assert "create table json_invoices_lines again: it was missing" in done.changes
    assert done.refused_changes == REFUSED
    assert missing_indexes(case.url) == []
    assert tables_of(case.url, "invoices")["plan"] == before


def test_recreating_a_frozen_entity_fails(case):
    """Nothing is done and no backup made; the others can be recreated."""
    case.config = FROZEN
    case.load()
    before = state(case.url)
    for arguments in ({}, {"empty": True}, {"entity_filter": ["invoices", "customers"]}):
        result = case.runner.create_tables(recreate=True, **arguments)
        assert result.error_type == "validation_error"
        assert "invoices" in result.error
        assert result.hint == "set its contract to evolve (processing.contracts), or leave it out with entity_filter"
    assert state(case.url) == before
    assert ok(case.runner.backups()).backups == ()
    assert ok(case.runner.create_tables(recreate=True, entity_filter=["customers"])).recreated == ("json_customers",)


def test_a_contract_binds_from_the_first_record_on(database_url, tmp_path):
    """Tables made of an empty file, which knows no columns, may still become those of the first records."""
    runner = runner_of(database_url, tmp_path, processing={"contracts": {"*": "freeze"}})
    session(tmp_path, "2025-01-01", t=[])
    ok(runner.create_tables())
    session(tmp_path, "2025-01-02", t=[{"id": 1, "n": 1}])
    assert ok(runner.create_tables()).refused_changes == ()
    session(tmp_path, "2025-01-03", t=[{"id": 2, "n": "x"}])
    refused = ok(runner.create_tables()).refused_changes
    assert refused == ("t is frozen: widen column json_t.n (integer to text)",)


# Columns of the user's own


@pytest.mark.mostly_slow
@pytest.mark.parametrize("text", ["INTEGER CHECK", "TEXT NOT NULL", "INTEGER UNIQUE DEFAULT 1", "INTEGER PRIMARY KEY"])
@pytest.mark.parametrize("load", [True, False], ids=["later", "first"])
def test_a_custom_column_that_the_database_refuses(case, text, load):
    """The error names the column, its type and the database's reason; nothing is changed."""
    if load:
        case.load()
    else:
        session(case.base, "2025-01-01", invoices=[{"id": 1}])
    before = {name: what for name, what in state(case.url).items() if name != "json2db_runs"}
    for again in (partial(case.runner.create_tables), partial(case.runner.create_tables, recreate=True)):
        result = again(custom_columns={"mine": text})
        assert result.error_type == "configuration_error"
        assert f"the custom column mine cannot be {text}: " in result.error
        assert result.context["setting"] == "custom_columns"
    after = {name: what for name, what in state(case.url).items() if name != "json2db_runs"}
    assert {name: what for name, what in after.items() if name in before} == before
    assert not any(name.startswith("json_") for name in after.keys() - before.keys())
