"""What analysis says of files: entities, kinds, keys, children, relations, spoiled dates, and what they would change."""

from __future__ import annotations

import json

import pytest

from json2db_sync import SyncRunner
from json2db_sync.analysis.statistics import Sketch
from json2db_sync.config import JSON2DBConfig


def write(folder, **entities):
    for entity, records in entities.items():
        (folder / f"{entity}.json").write_text(json.dumps(records))
    return folder


def analyze(folder, **sections):
    result = SyncRunner(folder / "x.db", folder, config=JSON2DBConfig(**sections)).analyze()
    assert result.success, result.error
    return result


def entity(result, name):
    return next(entity for entity in result.entities if entity.name == name)


def field(result, name, path):
    return next(field for field in entity(result, name).fields if field.path == path)


def test_fields_are_described(tmp_path):
    """Kinds, how often present or null, examples, and the fields of child tables."""
    write(tmp_path, t=[{"id": 1, "a": None, "lines": [{"q": 1.5}, {}]}, {"id": 2, "a": "x", "z": {"y": 1}}])
    result = analyze(tmp_path)
    a = field(result, "t", "a")
    assert (a.kind, a.present, a.null, a.of, a.examples) == ("text", 2, 1, 2, ('"x"',))
    assert field(result, "t", "z").kind == "json"
    assert field(result, "t", "lines").kind == "child table"
    q = field(result, "t", "lines[].q")
    assert (q.kind, q.table, q.present, q.of) == ("number", "json_t_lines", 1, 2)
    assert entity(result, "t").children == ("json_t_lines",)
    assert entity(result, "t").key_sets[0] == (1, ("a", "id", "lines"))
    assert result.total_records == 2


@pytest.mark.parametrize(
    ("records", "key"),
    [
        ([{"id": 1}, {"id": 2}], ("id",)), ([{"_id": 1}, {"_id": 2}], ("_id",)), ([{"ThingId": 1, "x_id": 1}] , ("ThingId",)),
        ([{"things_id": "a", "name": 1}], ("things_id",)), ([{"name": 1}], ()),
        ([{"id": 1, "v": number} for number in range(10)], ()), ([{"id": n} for n in range(90)] + [{}] * 10, ()),
        ([{"id": n} for n in range(199)] + [{"x": 1}], ("id",)), ([{"id": 1}, {"id": 1}], ("id",)),
        ([{"id": None}], ()), ([{"id": [1]}], ()),
    ],
)  # fmt: skip
def test_the_key_is_found_by_name_and_checked_by_values(tmp_path, records, key):
    """A key is present nearly always and unique but for rare repeats; identical repeats do not count against it."""
    result = analyze(write(tmp_path, things=records))
    assert entity(result, "things").key == key
    assert entity(result, "things").key_reason


def test_rare_repeats_are_reported(tmp_path):
    """Repeats that a key may have are named."""
    records = [{"id": number} for number in range(300)] + [{"id": 7, "v": 2}, {"id": 8, "v": 2}]
    assert "repeated 2 times (7, 8)" in entity(analyze(write(tmp_path, t=records)), "t").key_reason


def test_a_configured_key_must_exist(tmp_path):
    """A key field that no record has is a mistake in the settings, and the fields there are are listed."""
    write(tmp_path, t=[{"a": 1}])
    result = SyncRunner("x.db", tmp_path, config=JSON2DBConfig(processing={"keys": {"t": "b"}})).analyze()
    assert result.error_type == "configuration_error"
    assert "its fields are a" in result.hint


def test_spoiled_dates_are_named(tmp_path):
    """A column of dates with a few other values says which values those are."""
    dates = [{"id": n, "due": f"2025-01-{n + 1:02}"} for n in range(20)]
    result = analyze(write(tmp_path, t=[*dates, {"id": 20, "due": " "}, {"id": 21, "due": "2013-02-30"}]))
    due = field(result, "t", "due")
    assert (due.kind, due.spoiled, due.spoiled_by) == ("text", 2, {" ": 1, "2013-02-30": 1})
    assert any("t.due: 2 of 22 values keep it from being a date" in note for note in result.notes)


def test_relations_are_guessed_by_values_and_by_name(tmp_path):
    """invoices.customer_id holds keys of contacts, whatever it is called; item_id bears the name of a key."""
    write(
        tmp_path,
        contacts=[{"contact_id": 100 + n} for n in range(20)],
        items=[{"item_id": f"i{n}"} for n in range(5)],
        invoices=[{"invoice_id": n, "customer_id": str(100 + n), "lines": [{"item_id": "gone"}]} for n in range(9)],
    )
    assert analyze(tmp_path).relations == (
        "json_invoices.customer_id -> contacts.contact_id",
        "json_invoices_lines.item_id -> items.item_id",
    )
    runner = SyncRunner(tmp_path / "x.db", tmp_path)
    assert runner.full_workflow().success
    shares = {relation.relation: (relation.matching, relation.distinct) for relation in runner.report().relations}
    assert shares == {
        "json_invoices.customer_id -> contacts.contact_id (text, integer)": (9, 9),
        "json_invoices_lines.item_id -> items.item_id": (0, 1),
    }


def test_a_sketch_estimates_how_much_one_set_holds_of_another():
    """Two bounded samples tell the share of one set in another within a few per cent."""
    small, large = Sketch(), Sketch()
    small.add([str(number) for number in range(20_000)])
    large.add([str(number) for number in range(10_000, 200_000)])
    share, values = small.share_in(large)
    assert abs(share - 0.5) < 0.15
    assert values > 50
    assert len(large.hashes) <= 2 * Sketch.SIZE


def test_changes_to_the_database_are_listed_before_they_are_made(tmp_path):
    """schema_changes says what create-tables would do; afterwards there is nothing left to do."""
    runner = SyncRunner(tmp_path / "x.db", write(tmp_path, t=[{"id": 1, "n": 1}]))
    first = runner.analyze()
    assert first.schema_changes_required
    assert first.schema_changes == ("create table json_t (2 columns from JSON)",)
    assert runner.create_tables().created == ("json_t",)
    assert not runner.analyze().schema_changes_required
    write(tmp_path, t=[{"id": 1, "n": 1.5, "more": [{"x": 1}]}])
    assert runner.analyze().schema_changes == (
        "widen column json_t.n (integer to number)", "create table json_t_more (1 columns from JSON)"
    )  # fmt: skip


def test_refused_files_and_records_are_counted_apart(tmp_path):
    """A broken file leaves no trace in the figures; a bad record is counted as one."""
    write(tmp_path, good=[{"id": 1}, 2])
    (tmp_path / "bad.json").write_text('[{"id": 1}, {"id":')
    result = analyze(tmp_path)
    assert [refused.file for refused in result.refused_files] == ["bad.json"]
    assert {e.name: (e.record_count, e.rejected) for e in result.entities} == {"good": (1, 1)}


def test_many_keys_do_not_become_many_columns(tmp_path):
    """Beyond max_columns the rarest keys share the internal column, and still come back."""
    rows = [{"id": n, "common": n, f"rare{n}": n} for n in range(30)]
    runner = SyncRunner(tmp_path / "x.db", write(tmp_path, t=rows), config=JSON2DBConfig(processing={"max_columns": 5}))
    result = runner.full_workflow(full_verification=True)
    assert result.success, result.error
    columns = {column.path for column in entity(runner.analyze(), "t").fields if column.column}
    assert {"id", "common"} <= columns
    assert len(columns) == 5
