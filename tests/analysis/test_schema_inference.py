"""From records to a JSON Schema that they satisfy."""

from __future__ import annotations

import json

import jsonschema_rs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from json2db_sync.analysis.schema_inference import DEPTH, infer_schema, write_schemas
from json2db_sync.analysis.statistics import ObjectStatistics
from json2db_sync.errors import ConfigurationError, FileError


def inferred(records):
    seen = ObjectStatistics()
    for record in records:
        seen.analyze([record], DEPTH)
    return infer_schema("t", seen)


def properties(*records):
    return inferred(records)["properties"]


def texts():
    """Texts among which dates and moments of all date_formats are common."""
    moments = st.datetimes().map(lambda moment: moment.isoformat())
    offsets = st.sampled_from(["", "Z", "+05:30", "+0530", "-00:00", "+15:00"])
    spelled = st.tuples(moments, offsets, st.booleans()).map(
        lambda parts: (parts[0].replace("T", " ") if parts[2] else parts[0]) + parts[1]
    )
    characters = st.characters(exclude_categories=("Cs",))
    return st.dates().map(str) | spelled | st.text(characters, max_size=5) | st.sampled_from(["2013-02-30", ""])


def values():
    scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts()
    huge = st.sampled_from([10**30, -(10**400), 1e308])
    keys = st.sampled_from(["a", "b", "__proto__", "$ref", "", "type"])
    return st.recursive(
        scalars | huge,
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=4),
        max_leaves=12,
    )


@pytest.mark.slow
@given(st.lists(st.dictionaries(st.sampled_from(["id", "a", "b", "$schema"]), values(), max_size=4), max_size=8))
def test_all_records_satisfy_what_was_inferred_from_them(records):
    """Whatever was analysed, the schema is one, and every record passes it with its formats asserted."""
    schema = inferred(records)
    jsonschema_rs.meta.validate(schema)
    validator = jsonschema_rs.validator_for(schema, validate_formats=True)
    for record in records:
        assert validator.is_valid(record), (schema, record)


@given(st.lists(texts(), min_size=1, max_size=4))
def test_a_format_holds_of_every_text(spelled):
    """A format is never claimed of texts of which one does not satisfy it."""
    found = properties(*({"d": text} for text in spelled))["d"].get("format")
    for name in ("date", "date-time"):
        validator = jsonschema_rs.validator_for({"format": name}, validate_formats=True)
        if found == name:
            assert all(map(validator.is_valid, spelled))


@pytest.mark.parametrize(
    ("texts", "name"),
    [
        (["2024-01-31"], "date"), (["2024-01-31", ""], None), (["2013-02-30"], None), (["2024-01-31", "2024-01-31T10:00:00Z"], None),
        (["2024-01-31T10:00:00Z", "2024-01-31T10:00:00.123+05:30"], "date-time"), (["2024-01-31T10:00:00"], None),
        (["2024-01-31 10:00:00Z"], None), (["2024-01-31T10:00:00+0530"], None),
    ],
)  # fmt: skip
def test_only_dates_as_the_standard_spells_them_are_formats(texts, name):
    """RFC 3339 asks for T and an offset with a colon; what ISO 8601 allows beyond that is text."""
    assert properties(*({"d": text} for text in texts))["d"].get("format") == name


def test_kinds_are_those_seen():
    """null counts, whole numbers are integers until one is none, and a field that is only null may become anything."""
    found = properties({"i": 1, "n": 1, "m": 1, "z": None}, {"i": 10**30, "n": 1.5, "m": None, "z": None})
    assert found["i"] == {"type": "integer"}
    assert found["n"] == {"type": "number"}
    assert found["m"] == {"type": ["integer", "null"]}
    assert "type" not in found["z"]


def test_keys_that_every_record_has_are_required():
    """A key that is null is there; one that is absent once is optional, and no other key is forbidden."""
    schema = inferred([{"id": 1, "a": None, "b": 1}, {"id": 2, "a": 1}])
    assert schema["required"] == ["id", "a"]
    assert "additionalProperties" not in schema
    assert "required" not in inferred([{"a": 1}, {"b": 1}])


def test_objects_in_arrays_are_described():
    """At every level, unless the array also holds something else."""
    found = properties(
        {"lines": [{"q": 1, "parts": [{"n": "x"}]}, {"q": 2}], "mixed": [{"q": 1}]}, {"lines": [], "mixed": [1]}
    )
    items = found["lines"]["items"]
    assert items["required"] == ["q"]
    assert items["properties"]["parts"]["items"]["properties"] == {"n": {"type": "string"}}
    assert found["mixed"] == {"type": "array"}


def test_a_schema_says_what_it_is():
    """Draft, title, and that it was inferred from how many records."""
    schema = inferred([{"id": 1}] * 1200)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["title"] == "t"
    assert "1,200 records" in schema["$comment"]


# Files


def test_schemas_are_written_as_files(tmp_path):
    """One an entity, in a folder that is made, readable as they are."""
    written = write_schemas({"é": {"title": "é"}, "b": {}}, tmp_path / "new" / "schemas", overwrite=False)
    assert written == tuple(str(tmp_path / "new" / "schemas" / name) for name in ("é.schema.json", "b.schema.json"))
    assert json.loads((tmp_path / "new" / "schemas" / "é.schema.json").read_text("utf-8")) == {"title": "é"}


def test_files_that_are_there_are_kept(tmp_path):
    """Without overwrite nothing at all is written, and the files in the way are named."""
    (tmp_path / "b.schema.json").write_text("mine")
    with pytest.raises(ConfigurationError, match=r"b\.schema\.json is in .* already: nothing was written"):
        write_schemas({"a": {}, "b": {}}, tmp_path, overwrite=False)
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"b.schema.json": "mine"}
    write_schemas({"a": {}, "b": {}}, tmp_path, overwrite=True)
    assert (tmp_path / "b.schema.json").read_text() == "{}\n"


def test_all_files_are_written_or_none(tmp_path):
    """Where one file cannot be put in place, those before it are as they were."""
    (tmp_path / "a.schema.json").write_text("mine")
    (tmp_path / "c.schema.json").mkdir()
    with pytest.raises(FileError, match="no schema was written"):
        write_schemas({"a": {}, "b": {}, "c": {}}, tmp_path, overwrite=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.schema.json", "c.schema.json"]
    assert (tmp_path / "a.schema.json").read_text() == "mine"


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    """A file in the way of the folder is an error of files, with the place."""
    (tmp_path / "file").write_text("")
    with pytest.raises(FileError, match="no schema was written into"):
        write_schemas({"a": {}}, tmp_path / "file", overwrite=False)
