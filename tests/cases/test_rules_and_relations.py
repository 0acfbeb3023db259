"""Cases from the field: schemas, relations and rejected records that tell the truth (rows 61 to 73)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from support.sessions import ok, write

from json2db_sync import SyncRunner
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


# What a validator says


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
