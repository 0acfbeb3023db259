"""Lists, objects and texts in one place, lists inside objects: situations from the field, on both databases."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from support.sessions import verified as verify_runner
from support.stored import query, stored_records

from json2db_sync import SyncRunner
from json2db_sync.config import JSON2DBConfig
from json2db_sync.results import PopulateResult


@pytest.fixture
def url(database_url: str) -> str:
    return database_url


class World:
    """A folder of files, and a database that they are loaded into."""

    def __init__(self, url: str, folder: Path) -> None:
        self.url = url
        self._folder = folder
        self.processing: dict[str, Any] = {}
        self._files = 0

    @property
    def runner(self) -> SyncRunner:
        config = JSON2DBConfig(processing=self.processing)
        return SyncRunner(self.url, self._folder, config=config)

    def load(self, entity: str, records: list[Any]) -> PopulateResult:
        """Load records of an entity from one more file."""
        self._files += 1
        path = self._folder / f"2026-01-{self._files:02d}" / f"{entity}.json"
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps(records))
        result = self.runner.populate()
        assert result.success, result
        assert not result.rejected_records
        return result

    def sql(self, statement: str) -> list[tuple[Any, ...]]:
        return query(self.url, statement)

    def value(self, statement: str) -> Any:
        ((value,),) = self.sql(statement)
        return value

    def tables(self) -> set[str]:
        return {table.name for table in self.runner.report().tables}

    def holds(self, entity: str, records: list[Any]) -> None:
        """These very records are stored, every one verified; and the same again changes nothing."""
        by_id = {record["id"]: record for record in stored_records(self.url)[entity]}
        assert by_id == {record["id"]: record for record in records}
        verify_runner(self.runner)
        assert self.runner.plan().changes == ()


@pytest.fixture
def world(url: str, tmp_path: Path) -> World:
    folder = tmp_path / "files"
    folder.mkdir()
    return World(url, folder)


def codes(result: PopulateResult) -> list[str]:
    return [note.code for note in result.notes]


# 34: one object among lists


def test_one_object_counts_as_a_list_of_one(world: World) -> None:
    """dlt#67."""
    records = [{"id": 1, "item": {"amt": 10}}, {"id": 2, "item": [{"amt": 5}, {"amt": 7}]}]
    result = world.load("orders", records)
    assert world.sql("SELECT count(*), sum(amt) FROM json_orders_item") == [(3, 22)]
    assert not result.needs_attention
    world.holds("orders", records)


def test_the_first_list_may_come_last_in_a_file(world: World) -> None:
    """dlt#67: fifty objects, then an array."""
    records: list[Any] = [{"id": number, "item": {"amt": number, "n": {"x": 1}}} for number in range(1, 51)]
    records.append({"id": 51, "item": [{"amt": 5, "new": True}, {"amt": 7}]})
    world.load("orders", records)
    assert world.value("SELECT sum(amt) FROM json_orders_item") == sum(range(51)) + 12
    world.holds("orders", records)


def test_the_first_list_may_come_in_a_later_file(world: World) -> None:
    """The column turns into a child table: announced, and nothing is lost."""
    first = [{"id": number, "item": {"amt": number, "only_here": "x"}} for number in range(1, 51)]
    world.load("orders", first)
    assert world.tables() == {"json_orders"}
    second = [{"id": 51, "item": [{"amt": 5}, {"amt": 7}]}, {"id": 52, "item": {"amt": 1}}]
    result = world.load("orders", second)
    assert [change.change for change in result.schema_changes] == ["create_table", "carry_over"]
    assert "json_orders_item (from a column)" in str(result.schema_changes[0])
    assert world.value("SELECT sum(amt) FROM json_orders_item") == sum(range(51)) + 13
    assert world.value("SELECT count(only_here) FROM json_orders_item") == 50
    world.holds("orders", [*first, *second])


def test_objects_of_a_later_file_are_rows_where_lists_were(world: World) -> None:
    """Also with keys that no list had."""
    first = [{"id": 1, "item": [{"amt": 5}]}]
    world.load("orders", first)
    second = [{"id": 2, "item": {"amt": 7, "note": "n"}}, {"id": 3, "item": {}}, {"id": 4, "item": []}, {"id": 5}]
    world.load("orders", second)
    assert world.sql("SELECT _parent_id, amt, note FROM json_orders_item ORDER BY 1") == [
        (1, 5, None), (2, 7, "n"), (3, None, None),
    ]  # fmt: skip
    world.holds("orders", [*first, *second])


def test_one_or_many_inside_lists_and_objects(world: World) -> None:
    """At any depth that has tables."""
    world.processing = {"child_depth": 2}
    records = [
        {"id": 1, "a": {"b": {"c": 1}}, "l": {"m": [{"x": 1}, {"x": 2}]}},
        {"id": 2, "a": {"b": [{"c": 2}, {"c": 3}]}, "l": [{"m": {"x": 4}}, {"m": None}]},
    ]
    world.load("things", records)
    assert world.value("SELECT sum(c) FROM json_things_a_b") == 6
    assert world.value("SELECT sum(x) FROM json_things_l_m") == 7
    world.holds("things", records)


def test_one_object_replaced_by_a_list(world: World) -> None:
    """And the other way round, when the record changes."""
    world.load("orders", [{"id": 1, "item": {"amt": 1}}, {"id": 2, "item": [{"amt": 2}, {"amt": 3}]}])
    changed = [{"id": 1, "item": [{"amt": 1}, {"amt": 4}]}, {"id": 2, "item": {"amt": 2}}]
    result = world.load("orders", changed)
    assert result.statistics["updated"] == 2
    assert world.value("SELECT sum(amt) FROM json_orders_item") == 7
    world.holds("orders", changed)


# 35: lists that hold objects and others


@pytest.mark.parametrize("odd", ["text", ["a", "b"], 7, True, [{"a": 2}, "x", None, {"a": 3}, [{"a": 9}]]])
@pytest.mark.parametrize("odd_first", [True, False], ids=["first", "last"])
def test_others_among_objects_are_kept_and_told(world: World, odd: Any, odd_first: bool) -> None:
    """flatterer#50."""
    records = [{"id": 1, "items": [{"a": 1}, {"a": 1}]}, {"id": 2, "items": odd}]
    if odd_first:
        records.reverse()
    result = world.load("things", records)
    inner = sum(isinstance(element, dict) for element in odd) if isinstance(odd, list) else 0
    assert world.value("SELECT count(*) FROM json_things_items") == 2 + inner
    note = next(note for note in result.notes if note.code == "mixed_list")
    assert (note.entity, note.count) == ("things", 1)
    assert note.setting == 'processing.children = {"things": {"items": false}}'
    assert result.needs_attention
    world.holds("things", records)


def test_a_text_in_place_of_a_list(world: World) -> None:
    """flatterer#50: in another record."""
    records = [{"id": 1, "items": [{"a": 1}]}, {"id": 2, "items": [{"a": 2}]}, {"id": 3, "items": "none"}]
    result = world.load("things", records)
    assert world.value("SELECT sum(a) FROM json_things_items") == 3
    assert codes(result) == ["mixed_list"]
    world.holds("things", records)


def test_a_mixed_list_in_a_later_file(world: World) -> None:
    """Where the lists were whole so far, and where there was none."""
    first = [{"id": 1, "items": [{"a": 1}]}]
    world.load("things", first)
    second = [{"id": 2, "items": ["x", {"a": 2, "b": 1}], "more": [1, {"c": 1}, 2]}]
    result = world.load("things", second)
    assert codes(result) == ["mixed_list", "mixed_list"]
    assert world.sql("SELECT a, b FROM json_things_items ORDER BY a") == [(1, None), (2, 1)]
    assert world.value("SELECT c FROM json_things_more") == 1
    world.holds("things", [*first, *second])


def test_the_setting_keeps_a_mixed_list_as_it_is(world: World) -> None:
    """And nothing is told any more."""
    world.processing = {"children": {"things": {"items": False}}}
    records = [{"id": 1, "items": [{"a": 1}, "x"]}, {"id": 2, "items": [{"a": 2}]}]
    result = world.load("things", records)
    assert (codes(result), world.tables()) == ([], {"json_things"})
    world.holds("things", records)


# 36: texts and a few lists


@pytest.mark.parametrize("odd", [["Juan", "Pedro"], {"first": "Juan"}, [], [["x"]]])
def test_texts_stay_texts(world: World, odd: Any) -> None:
    """dlt#67."""
    records = [{"id": 1, "first_name": "Juan"}, {"id": 2, "first_name": odd}, {"id": 3, "first_name": "Ana"}, {"id": 4}]
    result = world.load("people", records)
    assert world.sql("SELECT id FROM json_people WHERE first_name = 'Juan'") == [(1,)]
    assert codes(result) == ["lists_among_texts"]
    world.holds("people", records)


def test_dates_stay_dates(world: World) -> None:
    """Texts of every kind do."""
    records = [{"id": 1, "day": "2026-01-01"}, {"id": 2, "day": ["2026-01-02", "2026-01-03"]}]
    world.load("people", records)
    assert world.sql("SELECT id FROM json_people WHERE day < '2026-02-01'") == [(1,)]
    world.holds("people", records)


def test_a_list_among_texts_in_a_later_file(world: World) -> None:
    """The column stays; and so it does where objects in the list become rows."""
    first = [{"id": number, "name": f"n{number}"} for number in range(1, 4)]
    world.load("people", first)
    second = [{"id": 4, "name": ["a", "b"]}]
    world.load("people", second)
    third = [{"id": 5, "name": [{"given": "Juan"}]}]
    world.load("people", third)
    assert world.sql("SELECT id FROM json_people WHERE name = 'n2'") == [(2,)]
    assert world.sql("SELECT _parent_id, given FROM json_people_name") == [(5, "Juan")]
    world.holds("people", [*first, *second, *third])


def test_the_note_on_a_list_among_texts_says_how_to_have_it_in_the_column(world: World) -> None:
    records = [*({"id": number, "name": f"n{number}"} for number in range(4)), {"id": 9, "name": ["x", "y"]}]
    (note,) = world.load("people", records).notes
    assert note.setting == 'processing.kinds = {"people.name": "json"}'
    world.processing = {"kinds": json.loads(note.setting.partition(" = ")[2])}
    assert world.runner.create_tables().success
    assert world.value("SELECT count(*) FROM json_people WHERE name IS NULL") == 0
    world.holds("people", records)


def test_mostly_lists_are_no_texts(world: World) -> None:
    """With less than half of the values texts, the column is JSON."""
    records = [{"id": 1, "tags": "x"}, {"id": 2, "tags": ["a"]}, {"id": 3, "tags": ["b"]}]
    world.load("people", records)
    world.holds("people", records)
    (tags,) = [field for field in world.runner.analyze().entities[0].fields if field.path == "tags"]
    assert tags.kind == "json"


# 37: lists inside objects


LINES = [
    {"id": "in_1", "lines": {"object": "list", "data": [{"id": "il_1", "amount": 5}, {"id": "il_2", "amount": 7}]}},
    {"id": "in_2", "lines": {"object": "list", "data": [], "has_more": True}},
    {"id": "in_3", "lines": None},
    {"id": "in_4", "lines": {"object": "list", "data": [{"id": "il_3", "amount": 1, "tax": [{"rate": 19}]}]}},
    {"id": "in_5"},
    {"id": "in_6", "lines": {"data": None}},
    {"id": "in_7", "lines": {}},
]


def test_a_list_inside_an_object_becomes_a_child_table(world: World) -> None:
    """Stripe sync-engine#104."""
    world.load("invoices", LINES)
    assert world.tables() == {"json_invoices", "json_invoices_lines_data"}
    assert world.sql(
        "SELECT i.id, l._position, l.amount FROM json_invoices i JOIN json_invoices_lines_data l ON l._parent_id = i.id "
        "ORDER BY 1, 2"
    ) == [("in_1", 0, 5), ("in_1", 1, 7), ("in_4", 0, 1)]
    world.holds("invoices", LINES)
    texts = world.runner.generate_table_schemas().tables["invoices"]
    (line,) = [line for line in texts["sqlite"].splitlines() if "FOREIGN KEY" in line]
    assert line.strip().rstrip(", ") == "FOREIGN KEY(_parent_id) REFERENCES json_invoices (id) ON DELETE CASCADE"


def test_depth_is_counted_in_lists(world: World) -> None:
    """Objects around a list do not count: however many there are."""
    world.processing = {"child_depth": 2}
    deep = {"id": "in_8", "a": {"b": {"c": {"d": [{"e": {"f": [{"g": 1, "h": [{"i": 1}]}]}}]}}}}
    world.load("invoices", [*LINES, deep])
    assert world.tables() == {
        "json_invoices", "json_invoices_lines_data", "json_invoices_lines_data_tax",
        "json_invoices_a_b_c_d", "json_invoices_a_b_c_d_e_f",
    }  # fmt: skip
    assert world.value("SELECT g FROM json_invoices_a_b_c_d_e_f") == 1
    world.holds("invoices", [*LINES, deep])


def test_the_first_list_inside_an_object_in_a_later_file(world: World) -> None:
    """It becomes a table, also of what a column held so far."""
    first = [{"id": 1, "lines": {"data": {"amount": 3}, "n": 1}}, {"id": 2, "lines": {"data": []}}]
    world.load("invoices", first)
    second = [{"id": 3, "lines": {"data": [{"amount": 4}, {"amount": 5}], "n": 2}}]
    result = world.load("invoices", second)
    assert "create table json_invoices_lines_data (from a column)" in map(str, result.schema_changes)
    assert world.value("SELECT sum(amount) FROM json_invoices_lines_data") == 12
    world.holds("invoices", [*first, *second])


def test_changed_lists_inside_objects(world: World) -> None:
    """Rows follow their record: more, fewer, other, none."""
    world.load("invoices", LINES)
    changed = [
        {"id": "in_1", "lines": {"object": "list", "data": [{"id": "il_2", "amount": 70}]}},
        {"id": "in_2", "lines": {"object": "list", "data": [{"id": "il_9", "amount": 100}], "has_more": False}},
        {"id": "in_4", "lines": {"object": "list"}},
    ]
    result = world.load("invoices", changed)
    assert result.statistics["updated"] == 3
    assert world.value("SELECT sum(amount) FROM json_invoices_lines_data") == 170
    world.holds("invoices", [*changed, LINES[2], *LINES[4:]])


def test_many_records_with_lists_inside_objects(world: World) -> None:
    """So many that they take the batch path, the objects around the lists never quite the same."""
    records = [
        {
            "id": number,
            "lines": {
                "data": [{"n": n, "x": None} if n % 2 else {"n": n} for n in range(number % 4)],
                **({f"k{number % 7}": {"z": 1e-7, "a": [number]}} if number % 3 else {}),
            },
            "one": {"many": {"v": number} if number % 5 else [{"v": number}, {"v": 0, "w": "w"}]},
        }
        for number in range(1, 400)
    ]
    world.load("invoices", records)
    assert world.value("SELECT count(*) FROM json_invoices_lines_data") == sum(len(r["lines"]["data"]) for r in records)  # type: ignore[index]
    assert world.value("SELECT sum(v) FROM json_invoices_one_many") == sum(range(400))
    world.holds("invoices", records)


def test_a_map_of_lists_stays_a_column(world: World) -> None:
    """Or there would be a table for every key."""
    records = [{"id": n, "by_day": {f"day{n}_{d}": [{"x": d}] for d in range(10)}} for n in range(1, 6)]
    world.load("logs", records)
    assert world.tables() == {"json_logs"}
    world.holds("logs", records)


def test_a_map_that_grows_stays_a_column(world: World) -> None:
    """From some size on there are no new tables; and an object of very many keys never had any."""
    records: list[Any] = []
    for day in range(4):
        records.append({"id": day, "by_day": {f"day{day}_{n}": [{"x": n}] for n in range(12)}})
        world.load("logs", records[-1:])
    assert len(world.tables()) <= 31
    large = {f"k{n}": [{"x": n}] for n in range(600)}
    records.append({"id": 9, "large": large, "o": {"p": large}})
    world.load("logs", records[-1:])
    assert len(world.tables()) <= 31
    world.holds("logs", records)


def test_a_relation_names_a_field_of_a_list_inside_an_object(world: World) -> None:
    """As it is written in the JSON."""
    world.load("invoices", [{"id": 1, "lines": {"data": [{"item": 1}, {"item": 2}]}}])
    world.load("items", [{"id": 1}])
    config = JSON2DBConfig(validation={"relations": {"invoices.lines.data.item": "items"}})
    result = SyncRunner(world.url, world.runner.data_source, config=config).verify()
    (check,) = [check for check in result.checks if check.name == "relations"]
    assert "1 of 2 distinct values is not a key of items" in " ".join(check.examples)


# 39: which lists become tables


def test_the_setting_says_which_lists_become_tables(world: World) -> None:
    """flatten-tool#301."""
    world.processing = {
        "children": {"invoices": {"lines.data": True, "history": False, "lines.data.tax": True}},
        "child_depth": 0,
    }
    history = {"id": "in_9", "history": [{"at": 1, "who": [{"x": 1}]}], "other": [{"y": 1}]}
    world.load("invoices", [*LINES, history])
    assert world.tables() == {"json_invoices", "json_invoices_lines_data", "json_invoices_lines_data_tax"}
    assert world.value("SELECT rate FROM json_invoices_lines_data_tax") == 19
    world.holds("invoices", [*LINES, history])


def test_what_is_chosen_holds_for_later_files_and_other_entities(world: World) -> None:
    """A list that comes later is treated as the setting says; other entities as by default."""
    world.processing = {"children": {"invoices": {"history": False, "item": True}}}
    first = [{"id": 1, "item": {"amt": 1}}]
    world.load("invoices", first)
    assert world.value("SELECT amt FROM json_invoices_item") == 1
    second = [{"id": 2, "history": [{"a": 1}], "item": [{"amt": 2}]}]
    world.load("invoices", second)
    world.load("orders", [{"id": 1, "history": [{"a": 1}]}])
    assert world.tables() == {"json_invoices", "json_invoices_item", "json_orders", "json_orders_history"}
    world.holds("invoices", [*first, *second])


LATER: dict[str, tuple[dict[str, Any], bool, str]] = {
    "a list is to be none": ({"children": {"invoices": {"lines": False}}}, True, "children"),
    "a list is to be one": ({"children": {"invoices": {"lines.subs": True}}}, False, "children"),
    "one inside objects": ({"children": {"invoices": {"o.p": True}}}, False, "children"),
    "an object is to be one": ({"children": {"invoices": {"o": True}}}, False, "children"),
    "more levels": ({"child_depth": 2}, False, "child_depth"),
    "no level": ({"child_depth": 0}, True, "child_depth"),
}


@pytest.mark.parametrize("name", LATER)
def test_a_setting_on_lists_that_comes_later_is_told_until_it_takes_effect(name: str, world: World) -> None:
    """With what to do; afterwards nothing is said, and the tables are those of a first load."""
    records = [{"id": 1, "lines": [{"a": 1, "subs": [{"x": 1}]}], "o": {"p": {"b": 1}}, "tags": ["a"]}]
    world.load("invoices", records)
    assert not world.runner.populate().notes
    before = world.tables()
    world.processing, recreate, setting = LATER[name]
    result = world.runner.populate()
    (note,) = [note for note in result.notes if note.code == "children_ignored"]
    assert (note.entity, note.setting) == ("invoices", f"processing.{setting}")
    assert "with create-tables" in note
    assert ("--recreate" in note) is recreate
    assert world.runner.create_tables(recreate=recreate).success
    assert not world.runner.populate().notes
    assert world.tables() != before
    world.holds("invoices", records)


def test_a_setting_on_lists_that_changes_nothing_is_quiet(world: World) -> None:
    """There is nothing deeper, nothing of the name, or no other levels."""
    world.load("invoices", [{"id": 1, "lines": [{"a": 1}]}])
    for processing in ({"child_depth": 3}, {"children": {"invoices": {"lines": True}}}):
        world.processing = processing
        assert not world.runner.populate().notes


def test_a_list_that_is_a_table_already_is_told(world: World) -> None:
    """Until the tables are recreated, the setting takes no effect."""
    records = [{"id": 1, "history": [{"a": 1}]}]
    world.load("invoices", records)
    world.processing = {"children": {"invoices": {"history": False}}}
    (note,) = [note for note in world.runner.plan().notes if note.code == "children_ignored"]
    assert (note.entity, note.setting) == ("invoices", "processing.children")
    assert world.runner.create_tables(recreate=True).success
    assert world.tables() == {"json_invoices"}
    world.holds("invoices", records)
