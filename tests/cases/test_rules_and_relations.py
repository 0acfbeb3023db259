"""Cases from the field: schemas, relations and rejected records that tell the truth (rows 61 to 73)."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
from support.sessions import ok, query, session, stored, verified, write

from json2db_sync import SyncRunner
from json2db_sync.__main__ import main
from json2db_sync.config import JSON2DBConfig
from json2db_sync.errors import ConfigurationError
from json2db_sync.interfaces.cli.exits import Exit, exit_code
from json2db_sync.validation.record_validator import RecordRules


def runner_of(url: str, source: Path, **sections: Any) -> SyncRunner:
    return SyncRunner(url, source, config=JSON2DBConfig(**sections))


def schemas(folder: Path, **files: Any) -> dict[str, Any]:
    """The setting for a folder of these schemas, by file name."""
    folder.mkdir(exist_ok=True)
    for name, schema in files.items():
        write(folder / name, schema)
    return {"validation": {"schema_directory": folder}}


def notes(result: Any, code: str) -> list[str]:
    return [str(note) for note in result.notes if note.code == code]


def first_violation(folder: Path, schema: Any, record: dict[str, Any]) -> tuple[str, str]:
    schemas(folder, **{"t.schema.json": schema})
    found = RecordRules.load(folder).violation("t", record)
    assert found is not None
    return found.path, found.message


def refused(folder: Path, schema: Any) -> ConfigurationError:
    schemas(folder, **{"t.schema.json": schema})
    with pytest.raises(ConfigurationError) as error:
        RecordRules.load(folder)
    assert error.value.message.startswith("t.schema.json ")
    return error.value


# Which schema is whose


@pytest.mark.parametrize("name", ["Sales Orders", "größe", "50%", "a#b", "a?b", "[x]"])
def test_64_a_schema_may_be_called_as_files_are(tmp_path, name):
    """Blanks, letters of any language and signs that addresses encode: the schema is used, and others may refer to it."""
    folder = tmp_path / "s"
    config = schemas(folder, **{f"{name}.schema.json": {"required": ["id"], "$defs": {"a b": {"type": "string"}}}})
    write(tmp_path / "in" / f"{name}.json", [{"id": 1}, {"n": 2}])
    result = ok(runner_of(str(tmp_path / "x.db"), tmp_path / "in", **config).populate())
    assert (result.statistics["inserted"], result.statistics["rejected"]) == (1, 1)


@pytest.mark.parametrize("name", ["Sales Orders", "größe", "50%"])
def test_64_a_reference_may_write_the_name_of_a_file_as_it_is(tmp_path, name):
    """Encoded as addresses are, or not."""
    write(tmp_path / f"{name}.schema.json", {"$defs": {"a b": {"type": "string"}}})
    for written in (name, name.replace(" ", "%20").replace("%", "%25") if name == "50%" else name.replace(" ", "%20")):
        schema = {"properties": {"a": {"$ref": f"{written}.schema.json#/$defs/a b"}}}
        assert first_violation(tmp_path, schema, {"a": 1}) == ("$.a", '1 is not of type "string"')


@pytest.mark.parametrize("name", ["Orders.Schema.json", "orders.JSON", "ORDERS.SCHEMA.JSON", "orders.schema.Json"])
def test_65_capitals_in_the_name_of_a_schema_do_not_matter(tmp_path, name):
    """It is used like any other."""
    rules = RecordRules.load(schemas(tmp_path / "s", **{name: {"required": ["id"]}})["validation"]["schema_directory"])
    assert rules.schema_of("orders") == name
    assert list(rules.notes(["orders"])) == []


def test_65_names_that_differ_only_in_case_are_two_schemas_of_one_entity(tmp_path):
    """Which of them holds would be a guess."""
    for one, other in (("orders.json", "Orders.JSON"), ("orders.schema.json", "ORDERS.Schema.json")):
        folder = tmp_path / one
        schemas(folder, **{one: {}, other: {}})
        with pytest.raises(ConfigurationError, match="are both schemas of orders"):
            RecordRules.load(folder)


@pytest.mark.parametrize(
    ("files", "said"),
    [
        (["usr.schema.json"], "usr.schema.json (did you mean users?); without a schema: users"),
        (["v1/users.schema.json"], "v1/users.schema.json (only files right in the folder are looked at); without a"),
        ([], "holds no schema (<entity>.schema.json), so that nothing is checked; without a schema: users"),
    ],
)
def test_65_schemas_that_apply_to_nothing_are_told(tmp_path, files, said):
    """By analyze, populate and verify, with the entities that have none; each asks for a look."""
    config = schemas(tmp_path / "s", **{name: {"required": ["id"]} for name in files})
    write(tmp_path / "in" / "users.json", [{"id": 1}])
    runner = runner_of(str(tmp_path / "x.db"), tmp_path / "in", **config)
    for result in (runner.analyze(), runner.populate(), runner.verify(full=True)):
        (text,) = notes(ok(result), "schemas_unused")
        assert said in text
        assert exit_code(result) == Exit.ATTENTION


def test_65_a_schema_that_waits_for_its_data_is_only_noted(tmp_path):
    """Where every entity has its own, and what others refer to is no schema of an entity."""
    config = schemas(
        tmp_path / "s",
        **{"users.schema.json": {"$ref": "v1/common.json"}, "v1/common.json": {}, "bills.schema.json": {}},
    )
    write(tmp_path / "in" / "users.json", [{"id": 1}])
    result = runner_of(str(tmp_path / "x.db"), tmp_path / "in", **config).populate()
    assert exit_code(result) == Exit.DONE
    assert [text.rpartition(": ")[2] for text in notes(result, "schemas_waiting")] == ["bills.schema.json"]


def test_65_a_schema_that_rejected_every_record_had_some_to_check(tmp_path):
    """Each was rejected: neither then nor later is the schema one without records, also beside an entity without one."""
    config = schemas(tmp_path / "s", **{"a.schema.json": {"required": ["n"]}, "c.schema.json": {}})
    for name in "ab":
        write(tmp_path / "in" / f"{name}.json", [{"id": 1}])
    runner = runner_of(str(tmp_path / "x.db"), tmp_path / "in", **config)
    for result in (runner.analyze(), runner.populate(), runner.populate(), runner.verify(full=True)):
        (text,) = notes(ok(result), "schemas_unused")
        assert text.endswith("without records to check: c.schema.json; without a schema: b")


# What a validator says

PETS = {
    "oneOf": [
        {"properties": {"kind": {"const": "cat"}}, "required": ["lives"]},
        {"properties": {"kind": {"enum": ["dog", "wolf"]}}, "required": ["bark"]},
    ]
}


@pytest.mark.parametrize(
    ("schema", "record", "told"),
    [
        (
            {
                "oneOf": [
                    {"properties": {"kind": {"const": "cat"}, "lives": {"type": "integer"}}},
                    {"properties": {"kind": {"const": "dog"}}},
                ]
            },
            {"kind": "cat", "lives": "nine"},
            ("$.lives", '"nine" is not of type "integer"'),
        ),
        (
            {"properties": {"p": {"anyOf": [{"type": "null"}, {"properties": {"x": {"minimum": 1}}, "type": "object"}]}}},
            {"p": {"x": 0}},
            ("$.p.x", "0 is less than the minimum of 1"),
        ),
        ({"properties": {"a": {"anyOf": [{"type": "string", "format": "date"}, {"type": "null"}]}}}, {"a": "x"}, ("$.a", '"x" is not a "date"')),
        ({"properties": {"a": {"anyOf": [{"type": "string"}, {"type": "null"}]}}}, {"a": 5}, ("$.a", '5 is not of type "string" or "null"')),
        ({"oneOf": [{"required": ["a"]}, {"required": ["b"]}]}, {"c": 1}, ("$", '"a" is a required property, or "b" is a required property')),
        (PETS, {"id": 3, "kind": "cow"}, ("$.kind", '"cow" is not one of "cat", "dog", "wolf"')),
        ({"properties": {"p": {"anyOf": [{"type": "null"}, *PETS["oneOf"]]}}}, {"p": {"kind": 7}}, ("$.p.kind", '7 is not one of "cat", "dog", "wolf"')),
        (PETS, {"kind": "dog"}, ("$", '"bark" is a required property')),
        ({"properties": {"a": {"anyOf": [{"const": 1}, {"const": None}]}}}, {"a": 2}, ("$.a", "2 is not one of 1, null")),
    ],
)  # fmt: skip
def test_69_the_branch_that_fits_best_is_told(tmp_path, schema, record, told):
    """With the place in it that is wrong; where no branch fits better, each is told."""
    assert first_violation(tmp_path, schema, record) == told


@pytest.mark.parametrize("schema", [{"type": "sting"}, {"type": ["string", "sting"]}, {"type": "String"}])
def test_70_what_is_no_type_is_told_with_the_types(tmp_path, schema):
    """And where it stands."""
    message = refused(tmp_path, schema).message
    assert "is not valid as a type: array, boolean, integer, null, number, object and string are" in message
    assert "$.type" in message


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        ({"required": "id"}, '$.required: "id" is not of type "array"'),
        ({"properties": {"a": {"minimum": "5"}}}, '$.properties.a.minimum: "5" is not of type "number"'),
        ({"properties": {"a": {"required": True}}}, '$.properties.a.required: true is not of type "array"'),
        ({"$ref": 5}, '$["$ref"]: 5 is not of type "string"'),
        ({"$schema": "http://json-schema.org/draft-03/schema#"}, "the drafts 4, 6, 7, 2019-09 and 2020-12 are known"),
        ({"$ref": "#/$defs/x"}, "Pointer '/$defs/x' does not exist, and #/$defs/x refers to it"),
        ({"items": {"$ref": "#here"}}, "Anchor 'here' does not exist, and #here refers to it"),
        ({"$ref": "https://example.com/x.json"}, "refers to https://example.com/x.json, which is not in "),
        ({"$ref": "../x.json"}, "refers to ../x.json, which is not in "),
    ],
)
def test_70_what_a_schema_cannot_say_is_told_with_its_place(tmp_path, schema, said):
    """A value of a wrong type, a draft that nobody knows, a reference that leads nowhere or out of the folder."""
    write(tmp_path / "x.json", {})  # a reference out of the folder must not find the file of that name in it
    assert said in refused(tmp_path, schema).message


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        ({"requried": ["id"]}, '$: "requried" is not a keyword of JSON Schema (did you mean required?)'),
        ({"properties": {"a": {"nullable": True}}}, '$.properties.a: "nullable" is not a keyword of JSON Schema (write '),
        ({"items": {"maxlength": 3}}, '"maxlength" is not a keyword of JSON Schema (did you mean maxLength?)'),
        ({"allOf": [{"format": "datetime"}]}, '"datetime" is not a format of JSON Schema (did you mean date-time?)'),
        ({"$schema": "http://json-schema.org/draft-07/schema#", "prefixItems": [{}]}, "not a keyword of draft 7"),
        (
            {"$schema": "http://json-schema.org/draft-07/schema#", "$ref": "#/definitions/a", "minLength": 3,
             "definitions": {"a": {}}},
            'passes over minLength beside "$ref"',
        ),
    ],
)  # fmt: skip
def test_70_what_counts_for_nothing_in_a_schema_is_told(tmp_path, schema, said):
    """A slip of the pen, another language's word, another draft's: the schema is used, and the note asks for a look."""
    config = schemas(tmp_path / "s", **{"t.schema.json": schema})
    write(tmp_path / "in" / "t.json", [{"id": 1}])
    result = ok(runner_of(str(tmp_path / "x.db"), tmp_path / "in", **config).populate())
    (text,) = notes(result, "unknown_keyword")
    assert said in text
    assert exit_code(result) == Exit.ATTENTION


def test_70_words_of_ones_own_are_annotations(tmp_path):
    """Nothing is said of them, nor of names of fields that look like keywords."""
    schema = {
        "x-owner": "us",
        "label": "L",
        "example": 1,
        "properties": {"requried": {}, "nullable": {"const": {"requried": 1}}},
    }
    schemas(tmp_path, **{"t.schema.json": schema})
    assert list(RecordRules.load(tmp_path).notes(["t"])) == []


# Relations


def related(url: str, folder: Path, relation: str, to: str, **entities: Any) -> Any:
    """The check of one relation, once these records are stored."""
    for name, records in entities.items():
        write(folder / f"{name}.json", records)
    runner = runner_of(url, folder, validation={"relations": {relation: to}})
    ok(runner.populate())
    result = runner.verify()
    (check,) = [check for check in result.checks if check.name == "relations"]
    return check


BIG = 6204518000000310001


def test_62_large_numbers_among_decimals_refer_exactly(database_url, tmp_path):
    """A fraction among keys beyond what a double holds: each is compared with all its digits."""
    records = [{"id": place, "acct": value} for place, value in enumerate((BIG, BIG + 1, 0.5), 1)]
    check = related(database_url, tmp_path, "tx.acct", "acct", acct=[{"id": BIG}, {"id": BIG + 1}], tx=records)
    assert check.examples == ('tx.acct -> acct: 1 of 3 distinct values is not a key of acct: "0.5" in tx 3',)


@pytest.mark.parametrize(
    "values", [[2**63 + 5, 2**63 + 6], [12345678901234567.0, 3], ["x" * 600, "y"], [True, False], ["1.50", 1.5]]
)
def test_62_values_of_any_kind_refer_as_keys_are_written(database_url, tmp_path, values):
    """Whole numbers of any size, doubles, long texts, truth values, and mixtures."""
    targets, records = (
        [{"key": value} for value in values],
        [{"id": place, "to": value} for place, value in enumerate(values)],
    )
    (tmp_path / "in").mkdir()
    for name, rows in (("targets", targets), ("records", records)):
        write(tmp_path / "in" / f"{name}.json", rows)
    config = {"processing": {"keys": {"targets": "key"}}, "validation": {"relations": {"records.to": "targets"}}}
    runner = runner_of(database_url, tmp_path / "in", **config)
    ok(runner.populate())
    (check,) = [check for check in ok(runner.verify()).checks if check.name == "relations"]
    assert check.covered.startswith("2 distinct values")


@pytest.mark.parametrize(
    "moment", ["2024-05-01T09:00:00", "2024-05-01 09:00:00", "2024-05-01T09:00:00+05:30", "2024-05-01"]
)
def test_63_moments_refer_as_they_are_written(database_url, tmp_path, moment):
    """Whatever their column is made of, on both databases."""
    check = related(database_url, tmp_path, "b.at", "a", a=[{"id": moment}], b=[{"id": 1, "at": moment}])
    assert (check.passed, check.covered) == (True, "1 distinct value of 1 relation")
    write(tmp_path / "b.json", [{"id": 1, "at": moment.replace("05-01", "05-02")}])
    check = related(database_url, tmp_path, "b.at", "a")
    assert moment.replace("05-01", "05-02") in check.examples[0]


@pytest.mark.parametrize("target", ["contacts.code", "contacts.", "contacts[0]", 'contacts.["co","code"]'])
def test_66_a_relation_refers_to_an_entity_alone(target):
    """Its key is what is referred to: another field cannot be named, and that is said where the setting is read."""
    with pytest.raises(
        ConfigurationError, match=r'must refer to an entity alone, .*"contacts" in place of .*processing\.keys'
    ):
        JSON2DBConfig(validation={"relations": {"deals.contact_code": target}})


@pytest.mark.parametrize(
    ("relation", "record"),
    [
        ("deals.who.contact.id", {"who": {"contact": {"id": "X"}}}),
        ("deals.who.contact.id", {"who": {"contact": [{"id": "X"}, {"id": "a"}]}}),
        ("deals.ids", {"ids": ["a", "X"]}),
        ("deals.ids[*]", {"ids": ["X"]}),
        ("deals.lines[*].to.id", {"lines": [{"to": {"id": "a"}}, {"to": {"id": "X"}}]}),
        ("deals.lines.ids", {"lines": [{"ids": ["a"]}, {"ids": ["X"]}]}),
        ("deals.data.lines[*].id", {"data": {"lines": [{"id": "X"}]}}),
        ("deals.by_name.*.id", {"by_name": {"one": {"id": "a"}, "two": {"id": "X"}}}),
        ("deals['a.b']", {"a.b": "X"}),
        ("deals.$..ref", {"x": [{"ref": "X"}]}),
    ],
)
@pytest.mark.parametrize("flat", [True, False])
def test_67_a_path_leads_into_objects_and_lists(databases, tmp_path, relation, record, flat):
    """As the settings of reading write it; what it leads to is checked, whatever has a column of its own."""
    url = databases.create()
    write(tmp_path / "contacts.json", [{"id": "a"}])
    write(
        tmp_path / "deals.json",
        [{"id": 1, **record}, {"id": 2, **json.loads(json.dumps(record).replace('"X"', '"a"'))}],
    )
    config = {"processing": {"child_depth": 2 if flat else 0}, "validation": {"relations": {relation: "contacts"}}}
    runner = runner_of(url, tmp_path, **config)
    (note,) = notes(ok(runner.populate()), "broken_relation")
    assert note.startswith(f"{relation} -> contacts: 1 of ")
    assert note.endswith('not a key of contacts: "X" in deals 1')
    assert not runner.verify().success


@pytest.mark.parametrize(
    "relation",
    ['deals.["co","code"]', 'deals["co", "code"]', "deals.co,code", '["deals.co","deals.code"]', 'deals.["code","co"]'],
)
def test_67_a_composite_key_is_referred_to_by_as_many_fields(database_url, tmp_path, relation):
    """By the names of its fields, or in their order; a reference that lacks a part refers to nothing."""
    write(tmp_path / "codes.json", [{"co": "IN", "code": 1}, {"co": "US", "code": 1}])
    pairs = [("IN", 1), ("US", "1"), ("US", 2), (None, 2), ("IN", None)]
    write(tmp_path / "deals.json", [{"id": place, "co": co, "code": code} for place, (co, code) in enumerate(pairs)])
    config = {"processing": {"keys": {"codes": ["co", "code"]}}, "validation": {"relations": {relation: "codes"}}}
    (note,) = notes(ok(runner_of(database_url, tmp_path, **config).populate()), "broken_relation")
    assert note == f'{relation} -> codes: 1 of 3 distinct values is not a key of codes: ["US","2"] in deals 2'


def test_67_composite_references_in_a_list_go_by_place_where_names_differ(tmp_path):
    """Each object of the list is a reference."""
    write(tmp_path / "codes.json", [{"co": "IN", "code": 1}])
    write(tmp_path / "deals.json", [{"id": 1, "lines": [{"c": "IN", "n": 1}, {"c": "IN", "n": 9}]}])
    relation = 'deals.lines[*].["c","n"]'
    config = {"processing": {"keys": {"codes": ["co", "code"]}}, "validation": {"relations": {relation: "codes"}}}
    (note,) = notes(ok(runner_of(str(tmp_path / "x.db"), tmp_path, **config).populate()), "broken_relation")
    assert note.endswith('1 of 2 distinct values is not a key of codes: ["IN","9"] in deals 1')


def test_67_one_field_cannot_refer_to_a_composite_key(database_url, tmp_path):
    """Nor several to a single one: that is told with what to write, and fails a verification."""
    write(tmp_path / "codes.json", [{"co": "IN", "code": 1}])
    write(tmp_path / "deals.json", [{"id": 1, "co": "IN", "code": 1}])
    for relation, to, said in (
        ("deals.code", "codes", 'the key of codes is co, code, and deals.code is one field: name as many, as in deals.["co","code"]'),
        ('deals.["co","code"]', "deals", 'the key of deals is id, and deals.["co","code"] are several'),
    ):  # fmt: skip
        config = {"processing": {"keys": {"codes": ["co", "code"]}}, "validation": {"relations": {relation: to}}}
        runner = runner_of(database_url, tmp_path, **config)
        assert any(said in note for note in notes(ok(runner.populate()), "unknown_field"))
        assert not runner.verify().success


def test_67_a_path_that_no_record_has_is_a_mistake(tmp_path):
    """It fails, and names the nearest field."""
    records = [{"id": 1, "who": {"contact_id": "a"}}]
    check = related(
        str(tmp_path / "x.db"),
        tmp_path / "in",
        "deals.who.contactid",
        "contacts",
        contacts=[{"id": "a"}],
        deals=records,
    )
    assert check.examples == (
        "deals.who.contactid -> contacts: no record of deals has a field who.contactid (did you mean contact_id?)",
    )


@pytest.mark.parametrize(
    ("relation", "to", "said"),
    [
        ("deals.to", "contakts", "no record of contakts is stored yet (did you mean contacts?)"),
        ("deal.to", "contacts", "no record of deal is stored yet (did you mean deals?)"),
        ("deals.lines", "contacts", "deals.lines is an array of objects: name a field of them, as in deals.lines.id"),
        ("deals.to", "keyless", "keyless has no key that anything could refer to"),
    ],
)
def test_66_a_relation_that_is_never_checked_asks_for_a_look(tmp_path, relation, to, said):
    """What is written wrongly must not pass for one that holds; what has no records yet may wait."""
    for name, records in (
        ("contacts", [{"id": "a"}]), ("keyless", [{"x": 1}]), ("deals", [{"id": 1, "to": "a", "lines": [{"n": 1}, {"n": 2}]}]),
    ):  # fmt: skip
        write(tmp_path / f"{name}.json", records)
    runner = runner_of(str(tmp_path / "x.db"), tmp_path, validation={"relations": {relation: to}})
    for result in (runner.populate(), runner.verify()):
        (text,) = notes(ok(result), "relation_unusable")
        assert text.endswith(f"is not checked: {said}")
        assert exit_code(result) == Exit.ATTENTION
    waiting = runner_of(str(tmp_path / "x.db"), tmp_path, validation={"relations": {"deals.to": "warehouses"}})
    assert exit_code(waiting.verify()) == Exit.DONE


@pytest.mark.parametrize("odd", [{"id": 1}, [{"id": 1}], [[1], [{"a": 2}]]])
def test_68_one_value_that_is_no_key_hides_no_other(database_url, tmp_path, odd):
    """An object among broken references: these are counted, and it is named itself."""
    records = [{"id": number, "to": f"gone {number}"} for number in range(48)] + [{"id": 48, "to": odd}]
    check = related(database_url, tmp_path, "deals.to", "contacts", contacts=[{"id": "a"}], deals=records)
    assert not check.passed
    (example,) = check.examples
    assert "of 4" in example
    assert "distinct values are not keys of contacts" in example
    assert "1 value cannot be a key: " in example
    assert example.endswith(" in deals 48")


def test_68_one_object_among_good_references_is_broken(database_url, tmp_path):
    """It refers to nothing that could be a key."""
    records = [{"id": 1, "to": "a"}, {"id": 2, "to": {"id": "a"}}]
    check = related(database_url, tmp_path, "deals.to", "contacts", contacts=[{"id": "a"}], deals=records)
    assert check.examples == ('deals.to -> contacts: 1 value cannot be a key: {"id": "a"} in deals 2',)


@pytest.mark.parametrize("batch_path", [True, False])
@pytest.mark.parametrize("depth", [2, 1, 0])
def test_68_one_object_in_a_list_of_keys_hides_no_other(databases, tmp_path, monkeypatch, depth, batch_path):
    """It makes a table of its own; the keys beside it are checked, and it is named, also in a list of a list."""
    monkeypatch.setattr(SyncRunner, "_batch_path", batch_path)
    lists = [["news", f"bogus {n}"] for n in range(5)] + [["old", {"x": 1}, {"x": 2}, [{"x": 3}, "gone"]]]
    write(tmp_path / "tags.json", [{"id": "news"}, {"id": "old"}])
    write(tmp_path / "trips.json", [{"id": n, "tags": tags, "legs": [{"to": tags}]} for n, tags in enumerate(lists)])
    relations = {"trips.tags": "tags", "trips.legs.to": "tags"}
    config = {"processing": {"child_depth": depth}, "validation": {"relations": relations}}
    runner = runner_of(databases.create(), tmp_path, **config)
    found = notes(ok(runner.populate()), "broken_relation")
    (check,) = runner.verify(full=True).failed_checks
    assert (check.name, list(check.examples)) == ("relations", found)
    for relation, note in zip(relations, found, strict=True):
        assert note.startswith(f"{relation} -> tags: 6 of 8 distinct values are not keys of tags: ")
        assert note.endswith('3 values cannot be a key: {"x": 1} in trips 5')


def test_68_a_list_that_is_empty_by_now_is_a_field_all_the_same(tmp_path):
    """Nothing is referred to, and nothing is wrong with the setting."""
    for tags in (["a"], [{"id": "a"}], []):
        check = related(
            str(tmp_path / "x.db"), tmp_path / "in", "t.tags", "a", a=[{"id": "a"}], t=[{"id": 1, "tags": tags}]
        )
    assert check.passed
    assert not check.examples


@pytest.mark.parametrize(
    "forms",
    [("caf\u00e9", "cafe\u0301"), ("cafe\u0301", "caf\u00e9"), ("\u212b", "\u00c5"), ("x\u212b", "xA\u030a"), ("\u212a%", "K%"),
     ("K", "\u212a"), ("\u00e9-e\u0301", "\u00e9-\u00e9"), ("a\u0323\u0307", "a\u0307\u0323")],
)  # fmt: skip
def test_73_keys_that_look_the_same_are_told_apart(database_url, tmp_path, forms):
    """The reference is broken, and the message says why: only the Unicode form differs."""
    key, reference = forms
    check = related(
        database_url, tmp_path, "b.to", "a", a=[{"id": key}], b=[{"id": 1, "to": reference}, {"id": 2, "to": "no"}]
    )
    assert f'"{reference}" in b 1 (a key differs only in its Unicode form)' in check.examples[0]
    assert check.examples[0].count("Unicode form") == 1


# Rejected records

NUMBERS = {"properties": {"v": {"type": "integer"}}}


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def command(capsys: Any, *words: str) -> tuple[int, str]:
    code = main(list(words))
    return code, capsys.readouterr().out


def replay_lines(capsys: Any, url: str) -> list[list[str]]:
    """The commands that ``rejected`` prints, without the program."""
    _code, out = command(capsys, "rejected", "--db-path", url)
    joined = " ".join(out.split())
    return [
        shlex.split(f"rejected replay{line}")
        for line in re.findall(r"rejected replay((?: (?!json2db-sync)\S+)*)", joined)
    ]


@pytest.mark.parametrize("given", ["--schema-directory", "--config-file", "--freeze"])
def test_61_the_line_that_is_printed_repeats_the_rules(databases, here, capsys, monkeypatch, given):
    """What the command line gave is given again: bad records stay out, and no column widens."""
    url = databases.create()
    monkeypatch.setenv("COLUMNS", "1000")
    schemas(here / "my rules", **{"t.schema.json": NUMBERS})
    (here / "c.toml").write_text('[validation]\nschema_directory = "my rules"\n')
    write(here / "in" / "t.json", [{"id": 1, "v": 1}])
    words = ["populate", "--db-path", url, "--data-source", "in"]
    assert main(words) == 0
    write(here / "in" / "t.json", [{"id": 1, "v": 1}, {"id": 2, "v": "bad"}])
    value = {"--schema-directory": "my rules", "--config-file": "c.toml", "--freeze": "t"}[given]
    assert main([*words, given, value]) == Exit.ATTENTION
    capsys.readouterr()
    if given == "--config-file":  # also where this is what it is asked with
        assert given in shlex.split(SyncRunner(url, config=JSON2DBConfig("c.toml")).rejected().replays[0])
    (line,) = replay_lines(capsys, url)
    assert given in line
    assert main(line) == Exit.ATTENTION
    assert stored(url, "t") == {1: {"id": 1, "v": 1}}
    assert SyncRunner(url).rejected().total == 1


def test_61_where_rules_differ_each_line_names_its_records(here, capsys, monkeypatch):
    """Records that were rejected under other rules are tried under these."""
    monkeypatch.setenv("COLUMNS", "1000")
    for name in ("one", "two"):
        schemas(here / f"rules_{name}", **{f"{name}.schema.json": NUMBERS})
        write(here / "in" / f"{name}.json", [{"id": 1, "v": "bad"}, {"id": 2, "v": 2}])
        main(
            [
                "populate",
                "--db-path",
                "x.db",
                "--data-source",
                "in",
                "--entity",
                name,
                "--schema-directory",
                f"rules_{name}",
            ]
        )
    capsys.readouterr()
    lines = replay_lines(capsys, "x.db")
    assert len(lines) == 2
    for line in lines:
        assert main(line) == Exit.ATTENTION
    assert SyncRunner("x.db").rejected().total == 2
    assert [set(stored("x.db", name)) for name in ("one", "two")] == [{2}, {2}]


def test_61_a_replay_without_the_rules_asks_for_a_look(database_url, tmp_path):
    """Whoever leaves them out is told, for schemas and for frozen tables."""
    config = schemas(tmp_path / "s", **{"t.schema.json": NUMBERS})
    write(tmp_path / "in" / "t.json", [{"id": 1, "v": 1}, {"id": 2, "v": "bad"}])
    ok(runner_of(database_url, tmp_path / "in", **config).populate())
    result = ok(SyncRunner(database_url).replay())
    assert exit_code(result) == Exit.ATTENTION
    assert notes(result, "schema_gone")
    write(tmp_path / "in" / "u.json", [{"id": 1}])
    ok(SyncRunner(database_url, tmp_path / "in").populate())
    write(tmp_path / "in" / "u.json", [{"id": 1}, {"id": 2, "new": 1}])
    ok(runner_of(database_url, tmp_path / "in", processing={"contracts": {"u": "freeze"}}).populate())
    result = ok(SyncRunner(database_url).replay())
    assert exit_code(result) == Exit.ATTENTION
    assert notes(result, "contract_gone")


def test_71_all_mistakes_of_a_record_are_kept(database_url, tmp_path, capsys):
    """The reason tells the first and counts the others; rejected show lists all of them."""
    config = schemas(tmp_path / "s", **{"t.schema.json": {"additionalProperties": {"type": "integer"}}})
    write(tmp_path / "in" / "t.json", [{"id": 1}, {"id": 2, "a": "x", "b": [], "c": None, "d": {}}])
    result = ok(runner_of(database_url, tmp_path / "in", **config).populate())
    (record,) = ok(SyncRunner(database_url).rejected()).records
    assert record.reason.endswith("(and 3 more)")
    assert [one.partition(": ")[0] for one in record.mistakes] == ["$.a", "$.b", "$.c", "$.d"]
    assert result.rejected_records[0].mistakes == record.mistakes
    code, out = command(capsys, "rejected", "show", "1", "--db-path", database_url)
    assert code == 0
    assert all(mistake in " ".join(out.split()) for mistake in record.mistakes)


def test_72_a_record_that_a_newer_version_overtook_asks_for_no_look(database_url, tmp_path):
    """It is marked with the file of that version; an older version that is stored overtakes nothing."""
    config = schemas(tmp_path / "s", **{"t.schema.json": NUMBERS})
    session(tmp_path / "in", "2026-01-01", t=[{"id": 1, "v": 1}, {"id": 2, "v": "bad"}])
    session(tmp_path / "in", "2026-01-02", t=[{"id": 1, "v": "bad"}])
    runner = runner_of(database_url, tmp_path / "in", **config)
    ok(runner.populate())
    assert exit_code(runner.status(checksums=False)) == Exit.ATTENTION
    session(tmp_path / "in", "2026-01-03", t=[{"id": 2, "v": 2}])
    ok(runner.populate())
    found = ok(runner.rejected())
    marked = {json.loads(one.raw)["id"]: one.overtaken_by for one in found.records}
    assert marked[1] is None
    assert "2026-01-03" in str(marked[2])
    assert (found.total, found.settled, runner.status().rejected) == (2, 1, 1)
    session(tmp_path / "in", "2026-01-04", t=[{"id": 1, "v": 4}])
    ok(runner.populate())
    assert (runner.rejected().settled, exit_code(runner.status())) == (2, Exit.DONE)
    verified(runner)


def test_72_a_record_may_be_dismissed_with_a_reason(database_url, tmp_path, capsys):
    """It stays in the ledger with the reason; status is fine, and only its number brings it back."""
    config = schemas(tmp_path / "s", **{"t.schema.json": NUMBERS})
    write(tmp_path / "in" / "t.json", [{"id": 1, "v": 1}, {"id": 2, "v": "bad"}])
    runner = runner_of(database_url, tmp_path / "in", **config)
    ok(runner.populate())
    (tmp_path / "in" / "t.json").unlink()
    assert exit_code(runner.status()) == Exit.ATTENTION
    words = ["rejected", "dismiss", "1", "--reason", "gone at the source", "--db-path", database_url]
    assert command(capsys, *words)[0] == 0
    assert exit_code(runner.status()) == Exit.DONE
    assert (runner.rejected().total, runner.rejected().records) == (0, ())
    for found in (runner.rejected(dismissed=True), runner.rejected(numbers=[1])):
        (record,) = found.records
        assert (record.dismissed, record.dismissed_at is not None, found.settled) == (
            "gone at the source",
            True,
            found.total,
        )
    assert ok(runner.replay()).statistics["total_records"] == 0
    assert ok(runner.replay(numbers=[1])).statistics["rejected"] == 1
    verified(runner)
    _code, out = command(capsys, "rejected", "--dismissed", "--db-path", database_url)
    assert "gone at the source" in out


def test_72_a_record_that_is_dismissed_already_is_not_dismissed_again(database_url, tmp_path):
    """For the same reason: no run tells of it. Another reason takes the place of the first."""
    write(tmp_path / "in" / "t.json", [{"id": 1}, 3])
    runner = SyncRunner(database_url, tmp_path / "in")
    ok(runner.populate())
    assert [ok(runner.dismiss_rejected("a test", numbers=[1])).count for _ in range(2)] == [1, 0]
    assert len(runner.runs().runs) == 2
    assert ok(runner.dismiss_rejected("a mistake", numbers=[1])).count == 1
    assert runner.rejected(numbers=[1]).records[0].dismissed == "a mistake"


def test_72_a_dismissed_record_that_comes_again_stays_dismissed(database_url, tmp_path):
    """The file changed elsewhere: the same record is no news. Another one is."""
    config = schemas(tmp_path / "s", **{"t.schema.json": NUMBERS})
    bad = {"id": 2, "v": "bad"}
    write(tmp_path / "in" / "t.json", [{"id": 1, "v": 1}, bad])
    runner = runner_of(database_url, tmp_path / "in", **config)
    ok(runner.populate())
    assert ok(runner.dismiss_rejected("known", entity="t")).count == 1
    write(tmp_path / "in" / "t.json", [{"id": 3, "v": 3}, bad])
    ok(runner.populate())
    assert runner.status().rejected == 0
    assert ok(runner.rejected(dismissed=True)).records[0].dismissed == "known"
    write(tmp_path / "in" / "t.json", [{"id": 3, "v": 3}, {"id": 2, "v": "worse"}])
    ok(runner.populate())
    assert runner.status().rejected == 1
    verified(runner)


@pytest.mark.parametrize(
    ("reason", "given"), [(" ", {"numbers": [1]}), ("why", {}), ("why", {"numbers": [7]}), ("why", {"entity": "x"})]
)
def test_72_a_dismissal_says_what_and_why(tmp_path, reason, given):
    """Without a reason, or records that there are, nothing is done."""
    config = schemas(tmp_path / "s", **{"t.schema.json": NUMBERS})
    write(tmp_path / "in" / "t.json", [{"id": 2, "v": "bad"}])
    runner = runner_of(str(tmp_path / "x.db"), tmp_path / "in", **config)
    ok(runner.populate())
    assert runner.dismiss_rejected(reason, **given).error_type == "configuration_error"
    assert runner.rejected().total == 1


def test_61_the_line_for_corrected_records_repeats_the_rules(here, capsys, monkeypatch):
    """What rejected export prints is run with the rules in force: a correction that breaks them stays out."""
    monkeypatch.setenv("COLUMNS", "1000")
    schemas(here / "rules", **{"t.schema.json": NUMBERS})
    write(here / "in" / "t.json", [{"id": 1, "v": "bad"}])
    main(["populate", "--db-path", "x.db", "--data-source", "in", "--schema-directory", "rules"])
    capsys.readouterr()
    _code, out = command(capsys, "rejected", "export", "--output", "c.ndjson", "--db-path", "x.db")
    line = shlex.split(out.partition("json2db-sync ")[2])
    assert "--schema-directory" in line
    Path("c.ndjson").write_text(Path("c.ndjson").read_text().replace("bad", "worse"))
    assert main(line) == Exit.ATTENTION
    assert ok(SyncRunner("x.db").rejected()).total == 1


def test_61_the_line_names_the_schema_of_the_database(postgres_server, here, capsys, monkeypatch):
    """On PostgreSQL, where tables are in a schema that the command line named."""
    monkeypatch.setenv("COLUMNS", "1000")
    url = postgres_server.create_database()
    query(url, "CREATE SCHEMA etl")
    schemas(here / "rules", **{"t.schema.json": NUMBERS})
    write(here / "in" / "t.json", [{"id": 1, "v": 1}, {"id": 2, "v": "bad"}])
    main(["populate", "--db-path", url, "--schema", "etl", "--data-source", "in", "--schema-directory", "rules"])
    capsys.readouterr()
    _code, out = command(capsys, "rejected", "--db-path", url, "--schema", "etl")
    line = shlex.split(out.rpartition("json2db-sync ")[2])
    assert line[line.index("--schema") + 1] == "etl"
    assert main(line) == Exit.ATTENTION
    assert ok(SyncRunner(url, config=JSON2DBConfig(database={"schema": "etl"})).rejected()).total == 1
