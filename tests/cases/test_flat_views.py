"""Flat views: objects as columns. On every database, by both loading paths."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.nightly import often
from support.sessions import ok, query, session, stored, verified

from json2db_sync import SyncRunner
from json2db_sync.analysis import path_inference, statistics
from json2db_sync.config import JSON2DBConfig
from json2db_sync.databases import open_database
from json2db_sync.databases.ledger import Ledger


def runner_of(url: str, base, **sections: Any) -> SyncRunner:
    return SyncRunner(url, base, config=JSON2DBConfig(**sections))


def columns(url: str, name: str) -> list[str]:
    with open_database(url) as database, database.reading() as connection:
        return database.shapes(connection, [name])[name].columns


def relations(url: str) -> set[str]:
    with open_database(url) as database, database.reading() as connection:
        return database.relation_names(connection)


def new_columns(url: str, name: str) -> list[str]:
    """Those that the table has not."""
    table = columns(url, name.removesuffix("_flat"))
    assert columns(url, name)[: len(table)] == table
    return columns(url, name)[len(table) :]


def explain(url: str, select: str) -> str:
    """How the database goes about a query."""
    with open_database(url) as database, database.transaction() as connection:
        if "://" in url:
            connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
        words = "EXPLAIN" if "://" in url else "EXPLAIN QUERY PLAN"
        return str(connection.exec_driver_sql(f"{words} {select}").all())


def loaded(url: str, base, **entities: Any) -> SyncRunner:
    session(base, "2025-01-01", **entities)
    runner = SyncRunner(url, base)
    ok(runner.populate())
    return runner


CONTACTS = [
    {"id": "1", "properties": {"email": "a@x", "age": 41, "since": "2024-02-29", "vip": True}},
    {"id": "2", "properties": {"email": None, "age": 7, "since": "2024-03-01", "score": 1.5}},
]


def test_38_objects_are_columns_with_kinds_of_their_own(database_url, tmp_path):
    """HubSpot's ``properties``: they sum, sort and filter."""
    runner = loaded(database_url, tmp_path, contacts=CONTACTS)
    named = ["properties_email", "properties_age", "properties_since", "properties_vip", "properties_score"]
    assert new_columns(database_url, "json_contacts_flat") == named
    found = query(database_url, "SELECT sum(properties_age) + 0, max(properties_score) FROM json_contacts_flat")
    assert [tuple(map(float, row)) for row in found] == [(48, 1.5)]
    assert query(database_url, "SELECT id FROM json_contacts_flat WHERE properties_since > '2024-02-29'") == [("2",)]
    assert query(database_url, "SELECT properties_email FROM json_contacts_flat ORDER BY id") == [("a@x",), (None,)]
    ((vip,),) = query(database_url, "SELECT properties_vip FROM json_contacts_flat WHERE id = '1'")
    assert vip in (True, 1)
    assert [str(change) for change in runner.plan().changes] == []
    verified(runner)


def test_38_a_reference_inside_an_object_is_a_relation_with_an_index(database_url, tmp_path):
    """QuickBooks' ``CustomerRef.value``."""
    invoices = [{"Id": f"i{n}", "CustomerRef": {"value": str(n % 5), "name": "N"}} for n in range(20)]
    customers = [{"Id": str(n), "DisplayName": "N"} for n in range(5)]
    runner = loaded(database_url, tmp_path, invoices=invoices, customers=customers)
    assert new_columns(database_url, "json_invoices_flat") == ["customer_ref_value", "customer_ref_name"]
    joined = "SELECT count(*) FROM json_invoices_flat JOIN json_customers AS c ON c.id = customer_ref_value"
    assert query(database_url, joined) == [(20,)]
    report = runner.report()
    assert [(one.relation, one.distinct, one.matching) for one in report.relations] == [
        ("json_invoices.customer_ref_value -> customers.id", 5, 5)
    ]
    explained = explain(database_url, "SELECT id FROM json_invoices_flat WHERE customer_ref_value = '3'")
    assert "ix_json_invoices_customer_ref_value" in explained
    paths = {"customer_ref_value": "CustomerRef.value", "customer_ref_name": "CustomerRef.name"}
    assert dict(report.views[0].paths) == paths
    assert (report.views[0].name, report.views[0].table) == ("json_invoices_flat", "json_invoices")


def test_38_settings_name_paths(database_url, tmp_path):
    """``validation.relations`` of a path, inside child tables too; a slip of the pen is told."""
    demanded = {"invoices.CustomerRef.value": "customers", "invoices.lines.item.id": "customers"}
    session(
        tmp_path, "2025-01-01", customers=[{"id": 1}],
        invoices=[{"id": 7, "CustomerRef": {"value": 1}, "lines": [{"item": {"id": 1}}, {"item": {"id": 9}}]}],
    )  # fmt: skip
    runner = runner_of(database_url, tmp_path, validation={"relations": demanded})
    assert [note.code for note in ok(runner.populate()).notes] == ["broken_relation"]
    (check,) = [check for check in runner.verify().checks if check.name == "relations"]
    (example,) = check.examples
    assert "invoices.lines.item.id -> customers: 1 of 2 distinct values" in example
    other = runner_of(database_url, tmp_path, validation={"relations": {"invoices.CustomerRef.valeu": "customers"}})
    (check,) = [check for check in other.verify().checks if check.name == "relations"]
    assert "no record of invoices has a field CustomerRef.valeu" in check.examples[0]


def test_38_jira_geojson_airtable(database_url, tmp_path):
    """Objects in objects, arrays as JSON, names that would be one."""
    session(
        tmp_path, "2025-01-01",
        issues=[{"key": "A-1", "fields": {"status": {"id": 3, "name": "Open"}, "labels": ["x"], "a_b": 1, "a": {"b": 2}}}],
        places=[{"id": 1, "geometry": {"type": "Point", "coordinates": [1.5, 2]}, "properties": {"né à": "Paris"}}],
        rows=[{"id": "r", "fields": {"First Name": "A", "it's": 1, "fields": {"fields": 2}}, "fields_it_s": 0}],
    )  # fmt: skip
    runner = SyncRunner(database_url, tmp_path)
    ok(runner.populate())
    first, second = [name for name in new_columns(database_url, "json_issues_flat") if name.startswith("fields_a_b")]
    assert query(database_url, f"SELECT {first}, {second}, fields_status_id FROM json_issues_flat") == [(1, 2, 3)]
    ((labels,),) = query(database_url, "SELECT fields_labels FROM json_issues_flat")
    assert labels in (["x"], '["x"]')
    assert query(database_url, 'SELECT "properties_né_à" FROM json_places_flat') == [("Paris",)]
    assert new_columns(database_url, "json_rows_flat")[0] == "fields_first_name"
    mine = new_columns(database_url, "json_rows_flat")[1]
    assert mine != "fields_it_s"
    assert query(database_url, f"SELECT {mine}, fields_fields_fields FROM json_rows_flat") == [(1, 2)]
    verified(runner)


def test_children_with_objects_inside_have_views_too(database_url, tmp_path):
    """``Line[].SalesItemLineDetail.ItemRef.value``: what invoices are made of."""
    lines = [{"Amount": 5, "SalesItemLineDetail": {"ItemRef": {"value": "3"}, "Qty": 2}}]
    loaded(database_url, tmp_path, invoices=[{"id": 1, "Line": lines}])
    found = query(database_url, "SELECT sales_item_line_detail_qty FROM json_invoices_line_flat")
    assert found == [(2,)]
    assert "json_invoices_flat" not in relations(database_url)


@pytest.mark.parametrize("batch_path", [True, False], ids=["batches", "rows"])
def test_the_view_follows_what_comes_later(database_url, tmp_path, batch_path):
    """New paths and wider kinds, also of objects within, in children and in records that change."""

    def load(day: str, *records: Any) -> Any:
        session(tmp_path, day, t=list(records))
        runner = SyncRunner(database_url, tmp_path)
        runner._batch_path = batch_path
        return ok(runner.populate()).schema_changes

    load("2025-01-01", *({"id": n, "o": {"n": n, "d": "2024-01-01"}, "l": [{"p": {"q": 1}}]} for n in range(40)))
    assert new_columns(database_url, "json_t_flat") == ["o_n", "o_d"]
    assert load("2025-01-02", {"id": 1, "o": {"n": 5}, "l": []}) == ()
    changes = load(
        "2025-01-03", {"id": 2, "o": {"n": 0.5, "new": {"deep": "x"}, "d": "soon"}, "l": [{"p": {"q": "s"}}]}
    )
    assert [str(change) for change in changes] == [
        "remake view json_t_flat (3 paths inside objects)", "remake view json_t_l_flat (1 path inside objects)",
    ]  # fmt: skip
    found = query(database_url, "SELECT o_n, o_d, o_new_deep FROM json_t_flat WHERE id IN (2, 3) ORDER BY id")
    assert found == [(0.5, "soon", "x"), (3.0, "2024-01-01", None)]
    assert query(database_url, "SELECT DISTINCT p_q FROM json_t_l_flat ORDER BY 1") == [("1",), ("s",)]
    verified(SyncRunner(database_url, tmp_path))


def test_moments_inside_objects_sort_by_time(database_url, tmp_path):
    """However they are spelled: offsets that change, fractions that come and go, later files too."""
    runner = loaded(database_url, tmp_path, t=[
        {"id": 1, "o": {"at": "2026-07-01T02:10:00+01:00"}}, {"id": 2, "o": {"at": "2026-07-01T02:30:00+02:00"}},
    ])  # fmt: skip
    session(tmp_path, "2025-01-02", t=[{"id": 3, "o": {"at": "2026-07-01T01:00:00.5Z"}}])
    ok(runner.populate())
    assert query(database_url, "SELECT id FROM json_t_flat ORDER BY o_at") == [(2,), (3,), (1,)]
    assert query(database_url, "SELECT id FROM json_t_flat WHERE o_at > '2026-07-01T01:05:00Z'") == [(1,)]
    session(tmp_path, "2025-01-03", t=[{"id": 4, "o": {"at": "2026-07-02T01:00:00.25Z"}}])
    assert ok(runner.populate()).schema_changes == ()
    verified(runner)


@pytest.mark.parametrize(
    "texts",
    [
        ["2026-03-29T01:59:59.000+0100", "2026-03-29T03:00:00.000+0300", "2026-03-29T03:00:00.000+0200"],
        ["2026-01-01 10:00:00.123456 UTC", "2026-01-01 10:00:00 UTC", "2026-01-01 10:00:00.5 UTC"],
        ["2026-01-01 11:00:00 +0100", "2026-01-01 11:30:00 +02", "2026-01-01 10:00:01+00"],
        ["2026-01-01t10:00:00z", "2026-01-01t09:00:00Z", "2026-01-01T10:00:00.5z"],
        ["2026-01-01T23:59:59Z", "2026-01-01T24:00:00+02:00", "2026-01-01T24:00:00Z"],
        ["2016-12-31T23:59:60Z", "2016-12-31T23:59:59.9Z", "2017-01-01T05:29:60.5+05:30"],
        ["2026-01-01 10:00:00,123Z", "2026-01-01 10:00:00,122Z", "2026-01-01T10:00:00.124Z"],
    ],
    ids=["Jira", "BigQuery", "git and PostgreSQL", "small letters", "24:00", "leap second", "comma"],
)
def test_offsets_inside_objects_sort_by_time(texts, database_url, tmp_path):
    """Without a colon, of hours alone, in words: the second is the earliest, the third the latest."""
    loaded(database_url, tmp_path, t=[{"id": number, "o": {"at": text}} for number, text in enumerate(texts, 1)])
    assert query(database_url, "SELECT id FROM json_t_flat ORDER BY o_at") == [(2,), (1,), (3,)]


def test_both_paths_make_the_same_plan(databases, tmp_path):
    """Whether records are looked at singly or many at once."""
    session(tmp_path, "2025-01-01", t=[
        {"id": n, "o": {"k": [n, None, "x", 1.5, True, {"z": n}, {}, [n]][n % 8], "d": f"2024-01-{n % 28 + 1:02}",
                        **({"late": {"er": 2**70}} if n == 950 else {})}}
        for n in range(1000)
    ])  # fmt: skip
    plans = []
    for batch_path in (True, False):
        url = databases.create()
        runner = SyncRunner(url, tmp_path)
        runner._batch_path = batch_path
        ok(runner.populate())
        with open_database(url) as database, database.reading() as connection:
            plans.append(Ledger(database, connection).plans()["t"])
        assert query(url, "SELECT count(o_late_er), count(o_k), count(o_k_z) FROM json_t_flat") == [(1, 875, 125)]
        databases.drop(url)
    assert plans[0] == plans[1]


def test_what_is_not_ours_is_left_alone_and_said(database_url, tmp_path):
    session(tmp_path, "2025-01-01", contacts=CONTACTS)
    query(database_url, "CREATE TABLE json_contacts_flat (mine TEXT)")
    runner = SyncRunner(database_url, tmp_path)
    result = ok(runner.populate())
    (note,) = [note for note in result.notes if note.code == "view_name_taken"]
    assert note.setting == "processing.flat_views"
    assert "json_contacts_flat is not ours" in note
    assert columns(database_url, "json_contacts_flat") == ["mine"]
    query(database_url, "DROP TABLE json_contacts_flat")
    assert [str(change) for change in runner.plan().changes] == [
        "create view json_contacts_flat (5 paths inside objects)"
    ]
    ok(runner.create_tables())
    assert "properties_age" in columns(database_url, "json_contacts_flat")


def test_a_table_of_that_name_comes_before_the_view(database_url, tmp_path):
    """The view makes room, and has another name from then on."""
    loaded(database_url, tmp_path, contacts=CONTACTS)
    session(tmp_path, "2025-01-02", contacts_flat=[{"id": 1, "x": "mine"}])
    runner = SyncRunner(database_url, tmp_path)
    ok(runner.populate())
    assert query(database_url, "SELECT x FROM json_contacts_flat") == [("mine",)]
    (name,) = [view.name for view in runner.report().views]
    assert name.startswith("json_contacts_flat_")
    assert query(database_url, f"SELECT count(properties_age) FROM {name}") == [(2,)]
    assert runner.plan().changes == ()
    verified(runner)


def test_a_view_is_in_the_way_of_no_change(database_url, tmp_path):
    """Rebuilding, new columns, an object that becomes a child table, recreating; a user's view on ours stays."""
    loaded(database_url, tmp_path, t=[{"id": 1, "n": 1, "o": {"a": 1}, "w": {"v": 1}}])
    query(database_url, "CREATE VIEW mine AS SELECT id, o_a FROM json_t_flat")
    session(tmp_path, "2025-01-02", t=[{"id": 2, "n": 0.5, "new": 1, "o": {"a": 2, "b": "x"}, "w": [{"v": 2}]}])
    runner = SyncRunner(database_url, tmp_path)
    planned = [*map(str, runner.plan().changes)]
    assert [*map(str, ok(runner.create_tables()).changes)][: len(planned)] == planned
    ok(runner.populate())
    assert {"o_a", "o_b", "new"} < {*columns(database_url, "json_t_flat")}
    ok(runner.create_tables(recreate=True))
    assert query(database_url, "SELECT o_a FROM mine ORDER BY id") == [(1,), (2,)]
    session(tmp_path, "2025-01-03", t=[{"id": 3, "o": {"a": "text"}}])
    ok(runner.populate())
    assert query(database_url, "SELECT o_a FROM mine ORDER BY id") == [("1",), ("2",), ("text",)]
    verified(runner)


def test_they_can_be_turned_off_and_on(database_url, tmp_path):
    """What came meanwhile is looked into then."""
    session(tmp_path, "2025-01-01", t=[{"id": 1, "o": {"a": 1}}])
    off = runner_of(database_url, tmp_path, processing={"flat_views": False})
    ok(off.populate())
    assert "json_t_flat" not in relations(database_url)
    session(tmp_path, "2025-01-02", t=[{"id": 2, "o": {"b": 1}}])
    ok(off.populate())
    on = runner_of(database_url, tmp_path)
    assert [*map(str, on.plan().changes)] == ["create view json_t_flat (2 paths inside objects)"]
    ok(on.populate())
    assert query(database_url, "SELECT o_a, o_b FROM json_t_flat ORDER BY id") == [(1, None), (None, 1)]
    ok(off.populate())
    assert "json_t_flat" not in relations(database_url)


def test_a_database_of_the_former_version_gets_them(database_url, tmp_path):
    """Its plans know no paths: ``plan`` says what is to come, the next populate looks into the rows."""
    runner = loaded(database_url, tmp_path, t=[{"id": 1, "o": {"a": 1}, "l": [{"p": {"q": "x"}}]}])
    query(database_url, "DROP VIEW json_t_flat")
    query(database_url, "DROP VIEW json_t_l_flat")
    ((text,),) = query(database_url, "SELECT plan FROM json2db_plans")
    plan = json.loads(text)
    del plan["looked_inside"], plan["table"]["paths"], plan["table"]["children"][0]["paths"]
    with open_database(database_url) as database, database.transaction() as connection:
        table = database.quote("json2db_plans")
        connection.exec_driver_sql(f"UPDATE {table} SET plan = '{json.dumps(plan)}'")
    assert [change.change for change in runner.plan().changes] == ["create_view", "create_view"]
    ok(runner.populate())
    assert query(database_url, "SELECT o_a FROM json_t_flat") == [(1,)]
    assert query(database_url, "SELECT p_q FROM json_t_l_flat") == [("x",)]


def test_a_frozen_entity_keeps_its_view(database_url, tmp_path):
    """Nothing is rejected for what is inside objects."""
    loaded(database_url, tmp_path, t=[{"id": 1, "o": {"a": 1}}])
    session(tmp_path, "2025-01-02", t=[{"id": 2, "o": {"a": "x", "b": 1}}])
    frozen = runner_of(database_url, tmp_path, processing={"contracts": {"t": "freeze"}})
    assert ok(frozen.populate()).statistics["rejected"] == 0
    assert query(database_url, "SELECT o_a FROM json_t_flat ORDER BY id") == [(1,), (None,)]


def test_maps_and_odd_keys_are_no_columns(database_url, tmp_path):
    """Keys that are values, or that no path can name, stay in the JSON column; they widen nothing again and again."""
    many = {f"u{n}": {"x": n} for n in range(1200)}
    runner = loaded(
        database_url, tmp_path, t=[{"id": 1, "users": many, "o": {'a"b': 1, "back\\slash": 2, "": 3, "c": 4}}]
    )
    assert new_columns(database_url, "json_t_flat")[1:] == ["o_c"]
    assert not [name for name in columns(database_url, "json_t_flat") if "u1" in name]
    assert query(database_url, "SELECT o_c FROM json_t_flat") == [(4,)]
    session(tmp_path, "2025-01-02", t=[{"id": 2, "users": {"other": 1}, "o": {'x"y': 1}}])
    assert ok(runner.populate()).schema_changes == ()
    verified(runner)


KINDS = {
    "amount": "decimal", "n": "integer", "x": "number", "closed": "datetime", "day": "date", "t": "text", "j": "json",
}  # fmt: skip


@pytest.mark.parametrize("batch_path", [True, False], ids=["batches", "rows"])
def test_38_kinds_by_setting_inside_objects(database_url, tmp_path, batch_path):
    """HubSpot's properties are all texts: columns of the view are of the kind that is chosen, and show what fits it."""
    days = [
        [{"id": n, "properties": {"amount": f"{n}.10", "n": f"00{n}", "x": "1.5", "closed": f"2026-01-0{n}T00:00:00Z",
                                  "day": "2026-01-01", "t": 5, "j": "x"}, "lines": [{"p": {"rate": "0.10"}}]}
         for n in (1, 2)],
        [{"id": 3, "properties": {"amount": "n/a", "n": "9" * 30, "x": 10**400, "closed": "soon", "day": "2026-02-30",
                                  "t": [1], "j": {"y": 1}}},
         {"id": 4, "properties": {"amount": "1-2", "n": "2026-01-01", "x": "1.2.3", "closed": "2026-01-01T00:00:00",
                                  "day": "1/2/2026", "t": None, "j": None}, "lines": [{"p": {"rate": "1-2"}}]},
         {"id": 5, "properties": {"amount": 7, "n": -5, "x": "-.5e1", "closed": "2026-01-01T00:00:00.5+02:00"}}],
    ]  # fmt: skip
    kinds = {f"deals.properties.{name}": kind for name, kind in KINDS.items()}
    runner = runner_of(database_url, tmp_path, processing={"kinds": kinds | {"lines.p.rate": "decimal"}})
    runner._batch_path = batch_path
    for number, day in enumerate(days, 1):
        session(tmp_path, f"2026-01-0{number}", deals=day)
        assert "nothing_named" not in [note.code for note in ok(runner.populate()).notes]
        assert runner.plan().changes == ()
    found = query(database_url, "SELECT properties_amount, properties_n FROM json_deals_flat ORDER BY id")
    assert [(amount and str(amount), n) for amount, n in found] == [
        ("1.10", 1), ("2.10", 2), (None, None), (None, None), ("7", -5),
    ]  # fmt: skip
    found = query(database_url, "SELECT properties_x FROM json_deals_flat WHERE id <> 3 ORDER BY id")
    assert found == [(1.5,), (1.5,), (None,), (-5.0,)]
    order = "WHERE properties_closed IS NOT NULL ORDER BY properties_closed"
    assert query(database_url, f"SELECT id FROM json_deals_flat {order}") == [(5,), (1,), (2,)]
    assert query(database_url, "SELECT count(properties_day), min(properties_t) FROM json_deals_flat") == [(2, "5")]
    found = query(database_url, "SELECT p_rate FROM json_deals_lines_flat ORDER BY _parent_id")
    assert [rate and str(rate) for (rate,) in found] == ["0.10", "0.10", None]
    assert list(stored(database_url, "deals").values()) == [record for day in days for record in day]
    verified(runner)


def test_a_kind_inside_objects_that_is_chosen_later(database_url, tmp_path):
    """It is a change to the view alone; what it names must be there."""
    loaded(database_url, tmp_path, t=[{"id": 1, "o": {"p": "1.5"}, "a.b": {"c.d": "2"}, "l": [{"q": {"r": "1"}}]}])
    kinds = {"t.o.p": "number", "t.a.b.c.d": "integer", "t.l.q.r": "integer", "later.x": "text"}
    runner = runner_of(database_url, tmp_path, processing={"kinds": kinds, "children": {"t": {"l": True}}})
    assert {change.change for change in runner.plan().changes} == {"remake_view"}
    (note,) = [note for note in ok(runner.populate()).notes if note.code == "kinds_ignored"]
    assert "takes effect on json_t.o.p, json_t.a.b.c.d, json_t_l.q.r with create-tables" in note
    ok(runner.create_tables())
    assert query(database_url, "SELECT o_p, a_b_c_d FROM json_t_flat") == [(1.5, 2)]
    assert ok(runner.populate()).notes == ()
    wrong = {"t.o.q": "text", "t.x": "text", "t.l.q.s": "text", "t.o.p": "date:%d/%m/%Y"}
    section = {"kinds": wrong, "children": {"t": {"l[*]": True, "o": False}}}
    notes = ok(runner_of(database_url, tmp_path, processing=section).populate()).notes
    assert [note.text.split()[2].strip(",") for note in notes if note.code == "nothing_named"] == [
        "t.o.q", "t.x", "t.l.q.s", "t.o.p", "t.l[*]",
    ]  # fmt: skip


@pytest.mark.parametrize("batch_path", [True, False], ids=["batches", "rows"])
def test_a_map_that_grows_from_day_to_day_is_one(batch_path, tmp_path, monkeypatch):
    """Its keys are values: once there are more than of any object, none is followed any more, and nothing changes."""
    monkeypatch.setattr(path_inference, "MAX_KEYS", 10)
    monkeypatch.setattr(statistics, "MAX_KEYS", 10)
    runner = SyncRunner(str(tmp_path / "t.db"), tmp_path / "files")
    runner._batch_path = batch_path
    for day in range(1, 6):
        days = {f"2026-{day}-{n}": {"n": n} for n in range(4)}
        session(tmp_path / "files", f"2026-01-{day:02}", t=[{"id": day, "o": {"by_day": days}}])
        assert bool(ok(runner.populate()).schema_changes) == (day < 4)
        assert runner.plan().changes == ()
    with open_database(runner.db_path) as database, database.reading() as connection:
        assert len(Ledger(database, connection).plans()["t"].table.paths) == 2 * 10 + 1
    assert query(runner.db_path, "SELECT count(o_by_day_2026_1_3_n), count(o_by_day) FROM json_t_flat") == [(1, 5)]


def test_up_to_a_limit(database_url, tmp_path):
    """The rarest paths beyond 400 are left out."""
    rows = [
        {"id": n, "o": {f"k{k}": k for k in range(300)}, "p": {f"k{k}": k for k in range(300 if n else 50)}}
        for n in (0, 1)
    ]
    loaded(database_url, tmp_path, t=rows)
    found = new_columns(database_url, "json_t_flat")
    assert len(found) == 400
    assert {"o_k299", "p_k49"} < {*found}
    assert query(database_url, "SELECT o_k299 FROM json_t_flat WHERE id = 1") == [(299,)]


def test_an_export_and_a_backup_know_nothing_of_views(database_url, tmp_path):
    runner = loaded(database_url, tmp_path / "in", contacts=CONTACTS)
    ok(runner.export(output_directory=tmp_path / "out"))
    assert [path.name for path in sorted((tmp_path / "out").glob("*.json")) if "schema" not in path.name] == [
        "contacts.json"
    ]
    ok(runner.backup())
    query(database_url, "DELETE FROM json_contacts")
    ok(runner.restore(runner.backups().backups[0].name))
    assert query(database_url, "SELECT properties_age FROM json_contacts_flat ORDER BY id") == [(41,), (7,)]
    assert runner.plan().changes == ()


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(["", "x", "2024-01-31", "2024-02-30", "0000-01-01", "2024-01-31T10:00:00Z", "2024-01-31T10:00:00", "5"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["a", "b", "a b", "a_b", "é", "0"]), inner, max_size=3),
    max_leaves=6,
)  # fmt: skip


@pytest.mark.slow
@settings(max_examples=15 + often(500), deadline=None, suppress_health_check=[*HealthCheck])
@given(
    days=st.lists(
        st.lists(st.dictionaries(st.sampled_from(["a", "b", "c"]), VALUES, max_size=3), min_size=1, max_size=4),
        min_size=1,
        max_size=3,
    )
)
def test_whatever_is_inside_every_view_can_be_read(databases, tmp_path_factory, days):
    """Views never fail, plans agree with them after every file, records come back."""
    base, url = tmp_path_factory.mktemp("views"), databases.create()
    runner = SyncRunner(url, base)
    records = {}
    for day, values in enumerate(days, 1):
        rows = [{"id": number, "o": {"in": value}, "l": [{"v": value}]} for number, value in enumerate(values)]
        session(base, f"2025-01-{day:02}", t=rows)
        ok(runner.populate())
        records |= {row["id"]: row for row in rows}
        for view in runner.report().views:
            query(url, f"SELECT * FROM {view.name}")
        assert runner.plan().changes == ()
    assert stored(url, "t") == records
    databases.drop(url)
