"""What records must satisfy, from the settings to what is loaded, shown and verified, on both databases."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from support.stored import query, stored_records

from json2db_sync import JSON2DBConfig, SyncRunner
from json2db_sync.__main__ import main
from json2db_sync.databases import open_database
from json2db_sync.databases.ledger import Ledger
from json2db_sync.errors import ConfigurationError
from json2db_sync.validation.record_validator import RecordRules
from json2db_sync.verification.relations import check_relations, relation_findings
from json2db_sync.verification.stored_records import check_rules

SCHEMA = {
    "required": ["id", "total"],
    "properties": {
        "total": {"type": "number", "minimum": 0},
        "due": {"type": "string", "format": "date"},
        "lines": {"items": {"properties": {"rate": {"type": "number"}}}},
    },
}
GOOD = {"id": 1, "total": 5, "due": "2025-01-31", "lines": [{"rate": 1.5}]}
BAD = [{"id": 2, "total": "x"}, {"id": 3, "total": 1, "lines": [{"rate": 1}, {"rate": None}]}, {"id": 4}]


@pytest.fixture
def source(tmp_path):
    """Invoices of which one is good and three are bad, and a schema that says so."""
    write(tmp_path, "data/invoices.json", [GOOD, *BAD])
    write(tmp_path, "schemas/invoices.schema.json", SCHEMA)
    return tmp_path / "data"


def write(folder, name, value):
    path = folder / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(value))
    return path


def runner(url, source, mode="reject", **validation):
    settings = {"schema_directory": str(source.parent / "schemas"), "mode": mode, **validation}
    return SyncRunner(url, source, config=JSON2DBConfig(validation=settings))


def analyzed(url, source, **settings):
    result = runner(url, source, **settings).analyze()
    assert result.success, result.error
    return next(entity for entity in result.entities if entity.name == "invoices"), result


# Analysis


def test_analysis_counts_what_does_not_satisfy(tmp_path, source):
    """The records, and the first of them with file, number, place and reason; the run has something to look at."""
    entity, result = analyzed(tmp_path / "x.db", source)
    assert entity.invalid == 3
    assert entity.invalid_examples == (
        'invoices.json record 2 $.total: "x" is not of type "number"',
        'invoices.json record 3 $.lines[1].rate: null is not of type "number"',
        'invoices.json record 4 $: "total" is a required property',
    )
    assert result.needs_attention


def test_records_that_are_going_to_be_rejected_shape_no_table(tmp_path, source):
    """In mode reject the column stays what the good records make of it; in mode warn it holds all of them."""
    kinds = {}
    for mode in ("reject", "warn"):
        entity, _result = analyzed(tmp_path / "x.db", source, mode=mode)
        assert entity.invalid == 3
        kinds[mode] = next(field.kind for field in entity.fields if field.path == "total")
    assert kinds == {"reject": "integer", "warn": "text"}


def test_without_a_folder_nothing_is_asked(tmp_path, source):
    """No rules, no invalid records."""
    entity, result = analyzed(tmp_path / "x.db", source, schema_directory=None)
    assert (entity.invalid, entity.record_count) == (0, 4)
    assert not result.needs_attention


def test_a_schema_for_data_that_is_not_there_is_fine(tmp_path, source):
    """Schemas may come before the data."""
    write(tmp_path, "schemas/orders.schema.json", {"required": ["id"]})
    assert analyzed(tmp_path / "x.db", source)[0].invalid == 3


@pytest.mark.parametrize("operation", ["analyze", "create_tables", "populate", "full_workflow"])
def test_a_broken_schema_stops_every_operation(tmp_path, source, operation):
    """Before anything is stored, as an error of the configuration that names the file."""
    (tmp_path / "schemas" / "invoices.schema.json").write_text('{"type": "nonsense"}')
    result = getattr(runner(tmp_path / "x.db", source), operation)()
    assert result.error_type == "configuration_error"
    assert "invoices.schema.json" in result.error


# Loading


def test_mode_reject_keeps_bad_records_out(database_url, source):
    """They are rejected records, whole, with schema, reason and place; the good ones are loaded."""
    result = runner(database_url, source).populate()
    assert result.success
    assert result.needs_attention
    assert [(record.record, record.path, record.reason) for record in result.rejected_records] == [
        (2, "$.total", 'does not satisfy invoices.schema.json: "x" is not of type "number"'),
        (3, "$.lines[1].rate", 'does not satisfy invoices.schema.json: null is not of type "number"'),
        (4, "$", 'does not satisfy invoices.schema.json: "total" is a required property'),
    ]
    assert json.loads(result.rejected_records[0].raw) == BAD[0]
    assert (result.statistics["inserted"], result.statistics["rejected"], result.statistics["invalid"]) == (1, 3, 0)
    assert stored_records(database_url)["invoices"] == [GOOD]


def test_mode_warn_loads_and_tells(database_url, source):
    """Every record is loaded; those that do not satisfy their schema are counted, with examples in the notes."""
    result = runner(database_url, source, mode="warn").populate()
    assert result.success
    assert result.needs_attention
    assert (result.statistics["inserted"], result.statistics["rejected"], result.statistics["invalid"]) == (4, 0, 3)
    assert any('$.total: does not satisfy' in note or '$.total: "x"' in note for note in result.notes)  # fmt: skip
    assert stored_records(database_url)["invoices"] == [GOOD, *BAD]


def test_a_rejected_record_does_not_widen_stored_tables(database_url, source):
    """What a later file brings and the schema forbids leaves columns and kinds as they are."""
    write(source, "invoices.json", [GOOD])
    runner(database_url, source).populate()
    write(source, "later.json", [])
    write(source, "invoices.json", [GOOD, *BAD, {"id": 5, "total": "y", "surprise": 1}])
    result = runner(database_url, source).populate()
    assert result.statistics["rejected"] == 4
    assert not [change for change in result.schema_changes if "json_invoices" in change]
    assert query(database_url, "SELECT sum(total) FROM json_invoices") == [(5,)]


@pytest.mark.parametrize("mode", ["reject", "warn"])
def test_the_command_ends_with_3(tmp_path, source, monkeypatch, mode):
    """Done, with something to look at; without schemas there is nothing."""
    monkeypatch.setenv("JSON2DB_SCHEMA_DIRECTORY", str(tmp_path / "schemas"))
    monkeypatch.setenv("JSON2DB_VALIDATION_MODE", mode)
    arguments = ["populate", "--data-source", str(source), "--db-path"]
    assert main([*arguments, str(tmp_path / "one.db")]) == 3
    monkeypatch.delenv("JSON2DB_SCHEMA_DIRECTORY")
    assert main([*arguments, str(tmp_path / "other.db")]) == 0


def test_the_documented_schema_does_what_the_documentation_says(tmp_path, example_source):
    """The example of docs/validation.md rejects one invoice of the example tree, for the reason that stands there."""
    text = (Path(__file__).parents[2] / "docs" / "validation.md").read_text("utf-8")
    schema, common = re.findall(r"^```json\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    (tmp_path / "invoices.schema.json").write_text(schema)
    (tmp_path / "common.json").write_text(common)
    config = JSON2DBConfig(validation={"schema_directory": str(tmp_path)})
    (rejected,) = SyncRunner(tmp_path / "x.db", example_source, config=config).populate().rejected_records
    shown = f"invoices.json  record {rejected.record}  {rejected.path}\n  {rejected.reason}\n"
    assert f"```text\n{shown}```" in text


# Stored records against the schemas


def checked_rules(url, folder, mode):
    with open_database(url) as database, database.reading() as connection:
        plans = Ledger(database, connection).plans()
        return check_rules(database, connection, plans, RecordRules.load(folder, mode), mode)


def test_what_was_loaded_before_there_were_rules_is_found(database_url, tmp_path, source):
    """Stored records are put together again and checked: they fail the check in mode reject, and are noted in warn."""
    assert runner(database_url, source, schema_directory=None).populate().success
    check = checked_rules(database_url, tmp_path / "schemas", "reject")
    assert (check.name, check.passed, check.problems) == ("rules", False, 3)
    assert check.examples[0] == 'invoices 2 $.total: "x" is not of type "number"'
    assert check.covered == "4 stored records of 1 entity against their schemas"
    check = checked_rules(database_url, tmp_path / "schemas", "warn")
    assert check.passed
    assert check.notes[0].startswith("3 records of invoices do not satisfy their schema: invoices 2 $.total")


def test_good_records_pass_the_check(database_url, tmp_path, source):
    """What was loaded under the rules satisfies them."""
    assert runner(database_url, source).populate().success
    check = checked_rules(database_url, tmp_path / "schemas", "reject")
    assert (check.passed, check.problems, check.notes) == (True, 0, ())


def test_verify_full_checks_the_rules(database_url, source):
    """The check is one of a full verification, and none of a quick one."""
    assert runner(database_url, source, schema_directory=None).populate().success
    names = {check.name: check.passed for check in runner(database_url, source).verify(full=True).checks}
    assert names["rules"] is False
    assert "rules" not in {check.name for check in runner(database_url, source).verify().checks}


# Relations

CONTACTS = [{"id": number} for number in range(3)]
ORDERS = [
    {"id": 1, "contact_id": 1, "lines": [{"item_id": "a"}, {"item_id": None}]},
    {"id": 2, "contact_id": "7", "lines": [{"item_id": "gone"}, {}]},
    {"id": 3, "contact_id": None, "lines": []},
    {"id": 4, "contact_id": "", "lines": [{"item_id": "gone"}]},
    {"id": 5, "tags": [1, 2]},
]


@pytest.fixture
def related(database_url, tmp_path):
    """Orders that refer to contacts and items, two of them to what is not there."""
    for name, records in (("contacts", CONTACTS), ("items", [{"id": "a"}, {"id": "b"}]), ("orders", ORDERS)):
        write(tmp_path, f"data/{name}.json", records)
    assert SyncRunner(database_url, tmp_path / "data").populate().success
    return database_url


def checked(url, relations, mode="reject"):
    with open_database(url) as database, database.reading() as connection:
        plans = Ledger(database, connection).plans()
        return check_relations(database, connection, plans, relations, mode)


RELATIONS = {"orders.contact_id": "contacts", "orders.lines.item_id": "items"}


@pytest.mark.slow
def test_values_that_are_no_key_are_found(related):
    """In an entity's table and in a child table, with the record that holds them; null, absent and "" refer to nothing."""
    check = checked(related, RELATIONS)
    assert (check.name, check.passed, check.problems) == ("relations", False, 2)
    assert check.covered == "4 distinct values of 2 relations"
    assert check.examples == (
        'orders.contact_id -> contacts: 1 of 2 distinct values is not a key of contacts: "7" in orders 2',
        'orders.lines.item_id -> items: 1 of 2 distinct values is not a key of items: "gone" in orders 2',
    )


def test_mode_warn_notes_broken_relations(related):
    """The check passes, and says the same in its notes."""
    check = checked(related, RELATIONS, "warn")
    assert check.passed
    assert check.notes == checked(related, RELATIONS).examples


def test_whole_relations_pass(related, tmp_path):
    """Once what is referred to is there, nothing is left to say."""
    write(tmp_path, "data/contacts.json", [*CONTACTS, {"id": 7}])
    write(tmp_path, "data/items.json", [{"id": "a"}, {"id": "gone"}])
    assert SyncRunner(related, tmp_path / "data").populate().success
    check = checked(related, RELATIONS)
    assert (check.passed, check.notes) == (True, ())


def test_an_entity_that_is_not_loaded_yet_breaks_nothing(related):
    """It may come later; a name that is nearly another is asked about."""
    check = checked(related, {"orders.contact_id": "contakts", "invoices.x": "items"})
    assert check.passed
    assert check.notes == (
        "orders.contact_id -> contakts is not checked: no record of contakts is stored yet (did you mean contacts?)",
        "invoices.x -> items is not checked: no record of invoices is stored yet",
    )


def test_an_entity_without_a_key_cannot_be_referred_to(related, tmp_path):
    """Its ids are made of content, so no value could ever be one."""
    write(tmp_path, "data/keyless.json", [{"x": 1}])
    assert SyncRunner(related, tmp_path / "data").populate().success
    check = checked(related, {"orders.contact_id": "keyless"})
    assert check.passed
    assert check.notes[0].endswith("is not checked: keyless has no key that anything could refer to")


def test_a_field_that_no_record_has_is_a_mistake(related):
    """A relation that is never looked at must not pass for one that holds: it fails, and names the nearest field."""
    check = checked(related, {"orders.contactid": "contacts", "orders.lines.itemid": "items"})
    assert check.problems == 2
    assert check.examples == (
        "orders.contactid -> contacts: no record of orders has a field contactid (did you mean contact_id?)",
        "orders.lines.itemid -> items: no record of orders.lines has a field itemid (did you mean item_id?)",
    )
    assert checked(related, {"orders.contactid": "contacts"}, "warn").passed


def test_a_field_without_a_column_is_read_from_the_records(related, tmp_path):
    """A list of ids is checked, as is what lies in a JSON column; an array of objects holds no ids itself."""
    config = JSON2DBConfig(processing={"child_depth": 0})
    check = checked(related, {"orders.tags": "items", "orders.lines": "items", "orders.tags.x": "items"})
    assert check.examples == (
        'orders.tags -> items: 2 of 2 distinct values are not keys of items: "1" in orders 5, "2" in orders 5',
        "orders.tags.x -> items: no record of orders has a field tags.x",
    )
    assert check.notes == (
        "orders.lines -> items is not checked: orders.lines is an array of objects: name a field of them, as in "
        "orders.lines.id",
    )
    flat = str(tmp_path / "flat.db")
    assert SyncRunner(flat, tmp_path / "data", config=config).populate().success
    (example,) = checked(flat, {"orders.lines.item_id": "items"}).examples
    assert example.endswith('1 of 2 distinct values is not a key of items: "gone" in orders 2')


def test_numbers_refer_to_keys_as_they_are_written(database_url, tmp_path):
    """7.0 refers to 7 and 7.5 to nothing, whatever the columns hold."""
    write(tmp_path, "data/contacts.json", [{"id": 7}, {"id": 8}])
    write(
        tmp_path,
        "data/orders.json",
        [{"id": 1, "c": 7.0}, {"id": 2, "c": 7.5}, {"id": 3, "c": 8}, {"id": 4, "c": 1e300}],
    )
    assert SyncRunner(database_url, tmp_path / "data").populate().success
    check = checked(database_url, {"orders.c": "contacts"})
    assert check.covered == "4 distinct values of 1 relation"
    assert check.problems == 2
    assert '"7.5" in orders 2' in check.examples[0]


def test_populate_notes_broken_relations(related, tmp_path):
    """They reject no record and fail no run: what is referred to may be loaded later."""
    settings = {"relations": RELATIONS}
    write(tmp_path, "data/orders.json", [*ORDERS, {"id": 6, "contact_id": 9}])
    result = SyncRunner(related, tmp_path / "data", config=JSON2DBConfig(validation=settings)).populate()
    assert result.success
    assert result.statistics["rejected"] == 0
    assert any(
        note.startswith("orders.contact_id -> contacts: 2 of 3 distinct values are not keys") for note in result.notes
    )
    with open_database(related) as database, database.reading() as connection:
        findings = relation_findings(database, connection, Ledger(database, connection).plans(), RELATIONS)
        notes = [note for found in findings for note in found.notes]
    assert set(notes) <= set(result.notes)


def test_verify_checks_relations(related, tmp_path):
    """verify has the check where relations are configured: it fails in mode reject and notes in mode warn."""
    passed = {}
    for mode in ("reject", "warn"):
        config = JSON2DBConfig(validation={"relations": RELATIONS, "mode": mode})
        result = SyncRunner(related, tmp_path / "data", config=config).verify()
        passed[mode] = next(check.passed for check in result.checks if check.name == "relations")
    assert passed == {"reject": False, "warn": True}


@pytest.mark.parametrize("relation", ["customer_id", "invoices.", ".x", "invoices..x", ""])
def test_a_relation_must_name_entity_and_field(relation):
    """The shape is checked where the setting is read."""
    with pytest.raises(ConfigurationError, match=r"validation\.relations = .*invoices\.customer_id"):
        JSON2DBConfig(validation={"relations": {relation: "contacts"}})


# Inferring schemas


def test_inferred_schemas_accept_what_they_were_inferred_from(tmp_path, source):
    """Written into the configured folder they make rules that no record breaks."""
    (tmp_path / "schemas" / "invoices.schema.json").unlink()
    result = runner(tmp_path / "x.db", source).infer_schemas()
    assert result.success
    assert result.written == (str(tmp_path / "schemas" / "invoices.schema.json"),)
    assert json.loads(Path(result.written[0]).read_text()) == result.schemas["invoices"]
    assert analyzed(tmp_path / "x.db", source)[0].invalid == 0


def test_inferring_does_not_ask_the_rules_there_are(tmp_path, source):
    """All records count, also those that the schemas in force reject; nothing is written without a folder."""
    result = SyncRunner(tmp_path / "x.db", source).infer_schemas()
    assert result.written == ()
    kept = runner(tmp_path / "x.db", source).infer_schemas(tmp_path / "new")
    assert kept.schemas == result.schemas
    assert kept.schemas["invoices"]["properties"]["total"] == {"type": ["string", "integer"]}
    assert not (tmp_path / "x.db").exists()


def test_schemas_that_are_there_are_not_overwritten(tmp_path, source):
    """The operation fails and names them, unless it is told to."""
    before = (tmp_path / "schemas" / "invoices.schema.json").read_text()
    result = runner(tmp_path / "x.db", source).infer_schemas()
    assert result.error_type == "configuration_error"
    assert "invoices.schema.json" in result.error
    assert (tmp_path / "schemas" / "invoices.schema.json").read_text() == before
    assert runner(tmp_path / "x.db", source).infer_schemas(overwrite=True).success


def test_refused_files_are_told_and_count_for_nothing(tmp_path, source):
    """Schemas come from the files that could be read; where there are none, the operation fails and writes nothing."""
    (source / "bad.json").write_text('[{"id":')
    result = SyncRunner(tmp_path / "x.db", source).infer_schemas(tmp_path / "new")
    assert result.success
    assert result.needs_attention
    assert set(result.schemas) == {"invoices"}
    (source / "invoices.json").unlink()
    result = SyncRunner(tmp_path / "x.db", source).infer_schemas(tmp_path / "none")
    assert result.error_type == "file_error"
    assert not list(tmp_path.glob("none/*"))
