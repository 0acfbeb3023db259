"""A folder of JSON Schemas: which file is whose, what it may refer to, and what is said of a record that fails."""

from __future__ import annotations

import json

import pytest
from support.calls import calls

from json2db_sync.errors import ConfigurationError
from json2db_sync.validation.record_validator import RecordRules


def rules(folder, **schemas):
    """The rules of a folder with these files: ``t``, ``t__schema`` or ``sub__common`` for sub/common.json."""
    for name, schema in schemas.items():
        path = folder / (name.replace("__schema", ".schema").replace("__", "/") + ".json")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(schema if isinstance(schema, str) else json.dumps(schema), encoding="utf-8")
    return RecordRules.load(folder)


def violation(folder, record, **schemas):
    found = rules(folder, **schemas).violation("t", record)
    return found and (found.path, found.message)


def nested(levels, innermost=1):
    value = innermost
    for _ in range(levels):
        value = {"a": value}
    return value


def test_no_folder_means_no_rules():
    """Without a folder everything is allowed."""
    none = RecordRules.load(None)
    assert not none
    assert none.violation("t", {"a": 1}) is None


def test_the_file_names_the_entity(tmp_path):
    """<entity>.schema.json beats <entity>.json, and names become entities as those of data files do."""
    found = rules(tmp_path, t={"required": ["plain"]}, t__schema={"required": ["own"]}, SalesOrders={"required": ["x"]})
    assert found.violation("t", {}).reason == 'does not satisfy t.schema.json: "own" is a required property'
    assert found.schema_of("sales_orders") == "SalesOrders.json"
    assert found.schema_of("others") is None
    assert found.violation("others", {}) is None


@pytest.mark.parametrize(
    ("schema", "record", "path", "message"),
    [
        ({"properties": {"n": {"type": "number"}}}, {"n": "x"}, "$.n", '"x" is not of type "number"'),
        ({"required": ["n"]}, {}, "$", '"n" is a required property'),
        ({"properties": {"d": {"format": "date"}}}, {"d": "2013-02-30"}, "$.d", '"2013-02-30" is not a "date"'),
        ({"properties": {"m": {"format": "email"}}}, {"m": "nobody"}, "$.m", '"nobody" is not a "email"'),
        ({"properties": {"n": {"minimum": 0}}}, {"n": -1}, "$.n", "-1 is less than the minimum of 0"),
        ({"properties": {"s": {"pattern": "^a"}}}, {"s": "b"}, "$.s", '"b" does not match "^a"'),
        ({"properties": {"s": {"enum": ["a", 1]}}}, {"s": "b"}, "$.s", '"b" is not one of "a" or 1'),
        (
            {"properties": {"lines": {"items": {"properties": {"unit price": {"type": "number"}}}}}},
            {"lines": [{"unit price": 1}, {"unit price": None}]},
            '$.lines[1]["unit price"]',
            'null is not of type "number"',
        ),
    ],
)
def test_every_kind_of_rule_is_told_with_its_place(tmp_path, schema, record, path, message):
    """Types, required keys, formats, ranges, patterns and enumerations: the message names the value, the path its place."""
    assert violation(tmp_path, record, t=schema) == (path, message)


def test_the_first_violation_is_told_and_the_others_are_counted(tmp_path):
    """One reason a record, with how many more there are."""
    found = rules(tmp_path, t={"items": False, "additionalProperties": {"type": "integer"}})
    assert found.violation("t", {"a": "x", "b": "y", "c": None}).message.endswith("(and 2 more)")
    assert found.violation("t", {"a": "x", "b": 2}).message == '"x" is not of type "integer"'


def test_a_huge_value_or_schema_makes_a_short_reason(tmp_path):
    """A reason never holds megabytes, whether they stand in the record or in the schema."""
    for schema in ({"type": "string"}, {"const": "y" * 10**6}, {"anyOf": [{"type": "null"}, {"required": ["q"]}]}):
        found = rules(tmp_path, t=schema).violation("t", {"x": "z" * 10**6})
        assert 10 < len(found.message) < 350


@pytest.mark.parametrize("number", [2**63, 10**30, -(10**400)])
def test_whole_numbers_of_any_size_are_compared_exactly(tmp_path, number):
    """Beyond 64 bits and beyond a double, a limit is still exact."""
    assert violation(tmp_path, {"n": number}, t={"properties": {"n": {"type": "integer", "maximum": number}}}) is None
    assert violation(tmp_path, {"n": number + 1}, t={"properties": {"n": {"maximum": number}}})[0] == "$.n"
    multiples = {"properties": {"n": {"multipleOf": abs(number)}}}
    assert violation(tmp_path, {"n": 2 * number}, t=multiples) is None
    assert violation(tmp_path, {"n": 2 * number + 1}, t=multiples)[0] == "$.n"


@pytest.mark.parametrize(
    ("value", "fits"), [(19.99, True), (0.07, True), (1.1, True), (1e308, True), (2.675, False), (0.001, False)]
)
def test_cents_are_counted_as_they_are_written(tmp_path, value, fits):
    """multipleOf 0.01 takes 19.99, which no double can divide by 0.01 without a rest."""
    assert (violation(tmp_path, {"n": value}, t={"properties": {"n": {"multipleOf": 0.01}}}) is None) is fits


def test_true_is_not_one_and_450_is_450_0(tmp_path):
    """Values are told apart as JSON does, as everywhere in this package."""
    schema = {"properties": {"b": {"const": 1}, "i": {"type": "integer"}}}
    assert violation(tmp_path, {"b": True}, t=schema)[0] == "$.b"
    assert violation(tmp_path, {"b": 1.0, "i": 450.0}, t=schema) is None


@pytest.mark.parametrize("levels", [250, 300, 399])
def test_deep_records_are_judged(tmp_path, levels):
    """As deep as records go, good ones pass and bad ones fail; only the place may be too deep to be told."""
    schema = {"properties": {"a": {"$ref": "#"}}, "type": ["object", "integer"]}
    assert violation(tmp_path, nested(levels), t=schema) is None
    path, message = violation(tmp_path, nested(levels), t={"type": "object", "required": ["q"]})
    assert path == "$"
    assert message


def test_validation_costs_little(tmp_path):
    """A good record of 30 fields costs few calls: the schema is compiled, not walked through for each of them."""
    fields = {f"f{number}": {"type": ["string", "null"]} for number in range(30)}
    found = rules(tmp_path, t={"properties": fields, "required": list(fields)})
    record = dict.fromkeys(fields, "some text")
    assert found.violation("t", record) is None  # compiled
    assert calls(lambda: [found.violation("t", record) for _ in range(100)]) < 100 * 100


# References


def test_other_files_of_the_folder_may_be_referred_to(tmp_path):
    """By their relative path, also from a folder below, and by their $id."""
    shared = {"$defs": {"money": {"$ref": "number.json"}}}
    ids = {"$id": "https://example.com/money", "type": "number"}
    for reference in ("shared/common.json#/$defs/money", "https://example.com/money", "#/$defs/own"):
        schema = {"properties": {"n": {"$ref": reference}}, "$defs": {"own": {"type": "number"}}}
        files = {"t": schema, "shared__common": shared, "shared__number": {"type": "number"}, "money": ids}
        assert violation(tmp_path, {"n": "x"}, **files) == ("$.n", '"x" is not of type "number"')
        assert violation(tmp_path, {"n": 1}, **files) is None


def test_a_schema_with_an_id_still_finds_its_neighbours(tmp_path):
    """A relative reference is relative to the $id, which stands for the folder."""
    schema = {"$id": "https://example.com/schemas/t.schema.json", "properties": {"n": {"$ref": "number.json"}}}
    assert violation(tmp_path, {"n": "x"}, t__schema=schema, number={"type": "number"})[0] == "$.n"


@pytest.mark.parametrize(
    "reference", ["http://example.com/number.json#/x", "file:///etc/hosts", "../number.json", "gone.json"]
)
def test_what_is_elsewhere_is_not_fetched(tmp_path, reference):
    """A reference that leads out of the folder is a mistake in the settings; the file and the reference are named."""
    (tmp_path / "number.json").write_text('{"type": "number"}')
    with pytest.raises(ConfigurationError) as error:
        rules(tmp_path / "schemas", t={"properties": {"n": {"$ref": reference}}})
    assert error.value.message.startswith(f"t.json refers to {reference}, which is not in ")
    assert error.value.context["file"].endswith("t.json")


def test_a_reference_out_of_the_folder_is_told_of_the_file_that_holds_it(tmp_path):
    """Not of the schema that happened to be read first."""
    with pytest.raises(ConfigurationError, match=r"^common\.json refers to https://example\.com/x,"):
        rules(tmp_path, t={"$ref": "sub/common.json"}, sub__common={"items": {"$ref": "https://example.com/x"}})


# Broken schemas


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        ("{", "t.json cannot be used as JSON Schema: no JSON: "),
        ("[]", "a schema is an object, or true or false"),
        ({"properties": {"a": {"type": "strin"}}}, '$.properties.a.type: "strin" is not valid'),
        ({"properties": {"a": {"pattern": "("}}}, '$.properties.a.pattern: "(" is not a "regex"'),
        ({"$ref": "#/$defs/none"}, "Pointer '/$defs/none' does not exist"),
        ({"$schema": "http://json-schema.org/draft-03/schema#"}, "Unknown meta-schema"),
    ],
)
def test_a_broken_schema_is_named_with_the_place(tmp_path, schema, said):
    """No rule is silently left out: what is not a schema is an error, with its file and where in it."""
    with pytest.raises(ConfigurationError) as error:
        rules(tmp_path, t=schema)
    assert said in error.value.message
    assert error.value.message.startswith("t.json ")
    assert error.value.context["file"] == str(tmp_path / "t.json")


def test_a_broken_file_that_is_referred_to_is_named_itself(tmp_path):
    """The file at fault is named, not the one that refers to it."""
    for content in ("{", {"type": "strin"}):
        with pytest.raises(ConfigurationError, match=r"^part\.json cannot be used"):
            rules(tmp_path, t={"$ref": "sub/part.json"}, sub__part=content)


@pytest.mark.parametrize(
    ("draft", "schema", "record"),
    [
        ("http://json-schema.org/draft-04/schema#", {"properties": {"n": {"minimum": 1, "exclusiveMinimum": True}}}, {"n": 1}),
        ("http://json-schema.org/draft-07/schema#", {"properties": {"n": {"items": [{"type": "integer"}]}}}, {"n": ["x"]}),
        ("https://json-schema.org/draft/2020-12/schema", {"properties": {"n": {"prefixItems": [{"type": "integer"}]}}}, {"n": ["x"]}),
    ],
)  # fmt: skip
def test_a_schema_says_its_draft(tmp_path, draft, schema, record):
    """$schema decides how a file is read; a file that it refers to need not say it again."""
    assert violation(tmp_path, record, t={"$schema": draft, **schema}) is not None
    assert violation(tmp_path, record, t={"$schema": draft, "allOf": [{"$ref": "sub/part.json"}]}, sub__part=schema)


def test_two_schemas_of_one_entity_are_an_error(tmp_path):
    """Which of them holds would be a guess."""
    with pytest.raises(ConfigurationError, match="are both schemas of sales_orders"):
        rules(tmp_path, SalesOrders__schema={}, sales_orders__schema={})


@pytest.mark.parametrize("name", ["nowhere", "file.json"])
def test_a_folder_that_is_none_is_an_error(tmp_path, name):
    """A mistyped folder does not mean that there are no rules."""
    (tmp_path / "file.json").write_text("{}")
    with pytest.raises(ConfigurationError) as error:
        RecordRules.load(tmp_path / name)
    assert error.value.context["setting"] == "validation.schema_directory"
