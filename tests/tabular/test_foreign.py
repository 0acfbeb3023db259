"""Data packages that others made: what their Table Schema says, and what of it is not understood."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from support.sessions import ok

from json2db_sync import SyncRunner
from json2db_sync.errors import FileError
from json2db_sync.results.messages import LOUD
from json2db_sync.tabular.opening import open_package
from json2db_sync.tabular.options import NOTHING_SAID, ReadingOptions
from json2db_sync.tabular.packages import Package
from json2db_sync.tabular.tables import PackageTables


def package(folder: Path, *resources: dict[str, Any], said: ReadingOptions = NOTHING_SAID, **files: str) -> Package:
    """The package of a folder with these resources, each with a file of its name unless it has a path."""
    for name, text in files.items():
        (folder / f"{name}.csv").write_text(text, newline="")
    described = [
        {"path": f"{one['name']}.csv", **one} if "name" in one and "data" not in one else one for one in resources
    ]
    (folder / "datapackage.json").write_text(json.dumps({"name": "p", "resources": described}))
    return open_package(folder, said)


def schema(*fields: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"schema": {"fields": list(fields), **more}}


def rows(found: Package, table: int = 0) -> list[tuple[str | None, ...]]:
    """In canonical text, as a transfer reads them."""
    resource = found.resources[table]
    batches = PackageTables(found).read(resource.table, resource.columns)
    return [row for batch in batches for row in zip(*batch, strict=True)]


def types(found: Package, table: int = 0) -> list[str]:
    return [one.type.declared for one in found.resources[table].columns]


def told(found: Package) -> list[str]:
    return [str(note) for note in found.notes]


FIELDS = [
    ({"type": "string"}, "text", {"00123": "00123", '""': "", "": None, "true": "true"}),
    ({}, "text", {"1": "1"}),
    ({"type": "string", "format": "uuid"}, "uuid", {"6F0A0B1C-0000-4000-8000-000000000001": "6f0a0b1c-0000-4000-8000-000000000001"}),
    ({"type": "string", "format": "binary"}, "bytea", {"AAH/": r"\x0001ff"}),
    ({"type": "integer"}, "bigint", {"0": "0", "-5": "-5", '""': None}),
    ({"type": "integer"}, "numeric", {"1": "1", "123456789012345678901234567890": "123456789012345678901234567890"}),
    ({"type": "integer", "bareNumber": False}, "bigint", {"95%": "95", "€ -5": "-5"}),
    ({"type": "integer", "groupChar": ","}, "bigint", {'"1,234,567"': "1234567"}),
    ({"type": "number"}, "numeric", {"1.10": "1.10", "1e-7": "0.0000001", "NaN": "NaN", "-INF": "-Infinity"}),
    ({"type": "number"}, "numeric", {"0.12345678901234567890123456789": "0.12345678901234567890123456789"}),
    ({"type": "number", "decimalChar": ",", "groupChar": "."}, "numeric", {'"1.234,50"': "1234.50", '"-0,5"': "-0.5"}),
    ({"type": "number", "bareNumber": False}, "numeric", {"$ 1.50 USD": "1.50"}),
    ({"type": "boolean"}, "boolean", {"true": "t", "0": "f", "TRUE": "t", "False": "f"}),
    ({"type": "boolean", "trueValues": ["ja"], "falseValues": ["nein"]}, "boolean", {"ja": "t", "nein": "f"}),
    ({"type": "date"}, "date", {"2024-02-29": "2024-02-29"}),
    ({"type": "date", "format": "%d/%m/%Y"}, "date", {"03/02/2024": "2024-02-03", "01/01/0099": "0099-01-01"}),
    ({"type": "date", "format": "any"}, "timestamp", {"2024-02-03": "2024-02-03 00:00:00", "2024-02-03T04:05:06": "2024-02-03 04:05:06"}),
    ({"type": "time", "format": "%H.%M"}, "time", {"04.05": "04:05:00"}),
    ({"type": "datetime"}, "timestamp", {"2024-02-03T04:05:06": "2024-02-03 04:05:06"}),
    ({"type": "datetime"}, "timestamp with time zone", {"2024-02-03T04:05:06Z": "2024-02-03 04:05:06+00"}),
    ({"type": "datetime", "format": "%d.%m.%Y %H:%M"}, "timestamp", {"03.02.2024 04:05": "2024-02-03 04:05:00"}),
    ({"type": "datetime", "format": "%Y%m%d%H%M%z"}, "timestamp with time zone", {"202402030405+0200": "2024-02-03 02:05:00+00"}),
    ({"type": "object"}, "json", {'"{""a"": 1.0}"': '{"a": 1.0}'}),
    ({"type": "year"}, "bigint", {"1999": "1999"}),
    ({"type": "any"}, "numeric", {"1": "1", "1.5e+3": "1500"}),
    ({"type": "any"}, "text", {"1": "1", "x": "x"}),
]  # fmt: skip


@pytest.mark.parametrize(("field", "type_", "values"), FIELDS)
def test_a_field_is_read_as_it_is_said(
    tmp_path: Path, field: dict[str, Any], type_: str, values: dict[str, Any]
) -> None:
    """Types, formats, and how numbers and words are spelled; quotes around nothing are a text among texts alone."""
    text = "id,v\n" + "".join(f"1,{one}\n" for one in values)
    found = package(
        tmp_path, {"name": "t", **schema({"name": "id", "type": "integer"}, {"name": "v", **field})}, t=text
    )
    assert types(found) == ["bigint", type_]
    assert [row[1] for row in rows(found)] == [*values.values()]
    assert told(found) == []


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ({"type": "date", "format": "%d-%m-%Y"}, "2003-02-01"),
        ({"type": "number"}, "1_000"),
        ({"type": "boolean"}, "yes"),
        ({"type": "integer"}, "1.5"),
        ({"type": "number", "decimalChar": ","}, "1,2,3"),
    ],
)
def test_what_is_not_of_its_field_is_told_with_its_line(tmp_path: Path, field: dict[str, Any], value: str) -> None:
    """It is never guessed to be what it might have been."""
    found = package(tmp_path, {"name": "t", **schema({"name": "v", **field})}, t=f'v\n"{value}"\n')
    tables = PackageTables(found)
    (misfit,) = tables.look(found.resources[0].table, found.resources[0].columns)
    assert misfit.line == 2


@pytest.mark.parametrize(
    ("field", "text", "value"),
    [
        ({"type": "geopoint"}, "v: type geopoint: text", "12:30 a"),
        ({"type": "duration"}, "v: type duration: text", "12:30 a"),
        ({"type": "string", "format": "base58"}, "v: format base58: text", "12:30 a"),
        ({"type": "date", "format": "x"}, "v: format x: text", "12:30 a"),
        ({"type": "integer"}, "v: integers with zeros in front: text", "00123"),
        ({"type": "string", "constraints": {"pattern": "a+"}}, "v: constraint pattern", "12:30 a"),
    ],
)
def test_what_is_not_understood_is_told(tmp_path: Path, field: dict[str, Any], text: str, value: str) -> None:
    """The column is text, and the values stay as they are."""
    found = package(tmp_path, {"name": "t", **schema({"name": "v", **field})}, t=f"v\n{value}\n")
    assert told(found) == [f"t: not followed: {text}"]
    assert (types(found), rows(found)) == (["text"], [(value,)])


def test_keys_and_constraints_are_the_tables(tmp_path: Path) -> None:
    """Primary, unique and foreign keys, NOT NULL, and checks of lists and limits."""
    parent = schema({"name": "a", "type": "integer"}, {"name": "b"}, primaryKey=["a", "b"])
    child = schema(
        {"name": "id", "type": "integer", "constraints": {"required": True, "unique": True}},
        {"name": "x", "type": "integer", "constraints": {"minimum": -1, "maximum": "10"}},
        {"name": "y", "constraints": {"enum": ["it's", ""], "maxLength": 5}, "description": "why"},
        foreignKeys=[{"fields": ["x", "y"], "reference": {"resource": "parent", "fields": ["a", "b"]}}],
    )
    text = {"child": 'id,x,y\n1,2,""\n', "parent": 'a,b\n2,""\n'}
    found = package(tmp_path, {"name": "child", **child}, {"name": "parent", **parent}, **text)
    table = found.resources[0].table
    assert [one.nullable for one in table.columns] == [False, True, True]
    assert [one.columns for one in table.uniques] == [("id",)]
    assert [one.expression for one in table.checks] == [
        '"x" >= -1', '"x" <= 10', '"y" IN (\'it\'\'s\', \'\')', 'length("y") <= 5',
    ]  # fmt: skip
    (key,) = table.foreign_keys
    assert (key.columns, key.table, key.referred) == (("x", "y"), "parent", ("a", "b"))
    assert table.column("y").comment == "why"
    assert found.resources[1].table.primary_key is not None
    assert not found.resources[1].columns[0].nullable
    assert told(found) == []


def test_a_constraint_that_values_break_is_told_and_left_out(tmp_path: Path) -> None:
    """The rows come all the same; the line of the first is told."""
    fields = (
        {"name": "n", "type": "integer", "constraints": {"minimum": 0, "maximum": 9}},
        {"name": "s", "constraints": {"enum": ["a", "b"], "maxLength": 1, "minLength": 1}},
    )
    found = package(tmp_path, {"name": "t", **schema(*fields)}, t="n,s\n5,a\n-3,abc\n,\n")
    assert [one.expression for one in found.resources[0].table.checks] == ['"n" <= 9', 'length("s") >= 1']
    assert told(found) == [
        f"t: not followed: {one}, which t.csv breaks in line 3"
        for one in ("n: constraint minimum", "s: constraint enum", "s: constraint maxLength")
    ]
    result = ok(SyncRunner().import_csv(tmp_path, tmp_path / "t.db", certificate=tmp_path / "c.json"))
    assert [(one.rows, one.equal) for one in result.tables] == [(3, True)]


FOREIGN = [
    ({"fields": "id", "reference": {"resource": "gone", "fields": "id"}}, "gone is no table of the package"),
    ({"fields": "id", "reference": {"resource": "", "fields": "x"}}, "x is no key of t"),
    ({"fields": "q", "reference": {"fields": "id"}}, "its fields are not those of the tables"),
    ({"fields": "x", "reference": {"fields": "id"}}, "its fields are of other types than those of t"),
    ({"fields": "id"}, "it has no reference"),
    ("id", "it has no reference"),
]


@pytest.mark.parametrize(("key", "why"), FOREIGN)
def test_a_foreign_key_that_cannot_be_is_told(tmp_path: Path, key: object, why: str) -> None:
    """The rows come all the same."""
    fields = ({"name": "id", "type": "integer"}, {"name": "x"})
    found = package(tmp_path, {"name": "t", **schema(*fields, primaryKey="id", foreignKeys=[key])}, t="id,x\n1,1\n")
    assert told(found) == [f"t: a foreign key is left out: {why}"]


def test_keys_may_go_in_a_circle(tmp_path: Path) -> None:
    """Tables that refer to each other, and one that refers to itself, import into new tables."""
    fields = ({"name": "id", "type": "integer"}, {"name": "o", "type": "integer"})
    for name, other in (("a", "b"), ("b", "a"), ("c", "")):
        key = {"fields": "o", "reference": {"resource": other, "fields": "id"}}
        (tmp_path / f"{name}.json").write_text(json.dumps({"fields": fields, "primaryKey": "id", "foreignKeys": [key]}))
    text = "id,o\n1,1\n2,\n3,2\n"
    described = [{"name": name, "schema": f"{name}.json"} for name in "abc"]
    found = package(tmp_path, *described, a=text, b=text, c=text)
    assert [len(one.table.foreign_keys) for one in found.resources] == [1, 1, 1]
    result = ok(SyncRunner().import_csv(tmp_path, tmp_path / "t.db", certificate=tmp_path / "c.json"))
    assert [one.equal for one in result.tables] == [True, True, True]


def test_missing_values_are_null_in_quotes_too(tmp_path: Path) -> None:
    """A text that is said to be missing is NULL however it stands; nothing but quotes is a text among texts."""
    text = 'a,n\n"-","NA"\n-,""\n"",1\n,2\n'
    more = schema({"name": "a"}, {"name": "n", "type": "integer"}, missingValues=["", "-", "NA"])
    found = package(tmp_path, {"name": "t", **more}, t=text)
    assert rows(found) == [(None, None), (None, None), ("", "1"), (None, "2")]
    more = schema({"name": "a"}, {"name": "n"}, missingValues=[])
    assert rows(package(tmp_path, {"name": "t", **more}, t="a,n\n,x\n")) == [("", "x")]


def test_an_empty_text_in_a_required_field_is_a_value(tmp_path: Path) -> None:
    """It is not NULL, as it stands in quotes; a field of nothing is, and is refused with its line."""
    fields = ({"name": "id", "type": "integer"}, {"name": "s", "constraints": {"required": True}})
    package(tmp_path, {"name": "t", **schema(*fields)}, t='id,s\n1,""\n2,x\n')
    result = ok(SyncRunner().import_csv(tmp_path, tmp_path / "t.db", certificate=tmp_path / "c.json"))
    assert [(one.rows, one.equal) for one in result.tables] == [(2, True)]
    package(tmp_path, {"name": "t", **schema(*fields)}, t='id,s\n1,""\n2,\n')
    (refused,) = SyncRunner().import_csv(tmp_path, tmp_path / "u.db").refused
    assert (refused.code, refused.first_key) == ("null", "t.csv, line 3")


DIALECTS = [
    ({"delimiter": ";", "quoteChar": "'", "header": False}, "1;'a;''b'\n", [("1", "a;'b")]),
    ({"csv": {"delimiter": "\t"}}, 'id\ts\n1\t"a"\n', [("1", "a")]),
    ({"escapeChar": "\\", "doubleQuote": False}, 'id,s\n1,"a\\"b"\n', [("1", 'a"b')]),
    ({"nullSequence": r"\N", "lineTerminator": "\r\n"}, "id,s\n1,\\N\n", [("1", None)]),
]  # fmt: skip


@pytest.mark.parametrize(("dialect", "text", "expected"), DIALECTS)
def test_a_dialect_is_followed(tmp_path: Path, dialect: dict[str, Any], text: str, expected: list[Any]) -> None:
    """Of CSV Dialect and Table Dialect, in a file of its own, too."""
    fields = schema({"name": "id", "type": "integer"}, {"name": "s"})
    assert rows(package(tmp_path, {"name": "t", "dialect": dialect, **fields}, t=text)) == expected
    (tmp_path / "d.json").write_text(json.dumps(dialect))
    found = package(tmp_path, {"name": "t", "dialect": "d.json", **fields}, t=text)
    assert (rows(found), told(found)) == (expected, [])


def test_encoding_packing_and_several_files(tmp_path: Path) -> None:
    """A table may be packed, of another encoding, and lie in several files, which may repeat the header."""
    for name, text in (("a", "id,s\n1,é\n"), ("b", "2,ß\nx\n"), ("c", "id,s\n3,ö\n4\n")):
        (tmp_path / f"{name}.csv.gz").write_bytes(gzip.compress(text.encode("cp1252")))
    paths = [f"{name}.csv.gz" for name in "abc"]
    fields = schema({"name": "id", "type": "integer"}, {"name": "s"})
    found = package(tmp_path, {"name": "t", "path": paths, "encoding": "windows-1252", **fields})
    tables = PackageTables(found)
    resource = found.resources[0]
    assert [one.misfit.key for one in tables.look(resource.table, resource.columns)] == [
        "b.csv.gz, line 2", "c.csv.gz, line 3",
    ]  # fmt: skip
    batches = tables.read(resource.table, resource.columns)
    assert [row for batch in batches for row in zip(*batch, strict=True)] == [("1", "é"), ("2", "ß"), ("3", "ö")]


def test_fields_in_another_order_are_found_by_name(tmp_path: Path) -> None:
    """And in other letters; other names are refused."""
    fields = schema({"name": "id", "type": "integer"}, {"name": "s"})
    assert rows(package(tmp_path, {"name": "t", **fields}, t="s,id\nx,1\n")) == [("x", "1")]
    assert rows(package(tmp_path, {"name": "t", **fields}, t="ID,S\n1,x\n")) == [("1", "x")]
    with pytest.raises(FileError, match=r"t\.csv, line 1: .*'a', 'b'") as caught:
        package(tmp_path, {"name": "t", **fields}, t="a,b\n1,x\n")
    assert caught.value.reason == "header_differs"


LEFT_OUT = [
    ({"name": "x", "path": "https://example.org/a.csv"}, "https://example.org/a.csv is not fetched"),
    ({"name": "x", "data": [{"a": 1}]}, "its data stands in the manifest"),
    ({"name": "x", "path": "a.xlsx"}, "a.xlsx is no CSV file"),
    ({"name": "x", "path": "a.csv", "format": "geojson"}, "a.csv is no CSV file"),
    ({"name": "x", "path": "t.csv", "compression": "zip"}, "the compression zip is not read"),
    ({"name": "x", "path": "t.csv", "schema": "https://example.org/s.json"}, "its schema is not fetched"),
    ({"name": "x", "path": "t.csv", "dialect": {"delimiter": "||"}}, "delimiter '||' is no single character"),
    ({"name": "x", "path": []}, "it names no file"),
]


@pytest.mark.parametrize(("resource", "why"), LEFT_OUT)
def test_a_resource_that_is_no_file_of_csv_is_left_out_aloud(
    tmp_path: Path, resource: dict[str, Any], why: str
) -> None:
    """It is named with the reason; nothing is fetched from anywhere."""
    found = package(tmp_path, {"name": "t", **schema({"name": "v"})}, resource, t="v\n1\n")
    assert [one.table.name for one in found.resources] == ["t"]
    (note,) = found.notes
    assert note.startswith(f"x is left out: {why}")
    assert note.code in LOUD


def test_a_resource_without_schema_is_inferred(tmp_path: Path) -> None:
    """As a plain file."""
    assert types(package(tmp_path, {"name": "t"}, t="id;d\n1;2024-01-02\n")) == ["bigint", "date"]


HOSTILE: list[tuple[Any, str]] = [
    ({"resources": [{"name": "x", "path": "../x.csv"}]}, "path_leads_outside"),
    ({"resources": [{"name": "x", "path": "/etc/passwd"}]}, "path_leads_outside"),
    ({"resources": [{"name": "x", "path": "a.csv\x00b.csv"}]}, "path_leads_outside"),
    ({"resources": [{"name": "x", "path": "link.csv"}]}, "link_leads_outside"),
    ({"resources": [{"name": "x", "path": "t.csv", "schema": "../../s.json"}]}, "path_leads_outside"),
    ({"resources": [{"name": "x", "path": "gone.csv"}]}, "cannot_read"),
    ({"resources": [{"name": "t", "path": "t.csv"}, {"name": "t", "path": "t.csv"}]}, "invalid_manifest"),
    ({"resources": [{"name": "t", "path": "t.csv", "schema": {"fields": [{}] * 9_999}}]}, "invalid_manifest"),
    ({"resources": [{"name": 1, "path": {"a": 1}}, 5]}, "invalid_manifest"),
    ({"resources": {}}, "invalid_manifest"),
    ({"resources": []}, "invalid_manifest"),
    ([], "invalid_manifest"),
]


@pytest.mark.parametrize(("manifest", "reason"), HOSTILE)
def test_hostile_manifests_are_refused(tmp_path: Path, manifest: object, reason: str) -> None:
    """Nothing outside of the folder is read, and what is no manifest is told as that."""
    (tmp_path / "t.csv").write_text("v\n1\n")
    (tmp_path / "link.csv").symlink_to("/etc/passwd")
    (tmp_path / "datapackage.json").write_text(json.dumps(manifest))
    with pytest.raises(FileError) as caught:
        open_package(tmp_path)
    assert caught.value.reason == reason


def test_a_manifest_nested_without_end_is_refused(tmp_path: Path) -> None:
    """It is told, and no stack overflows."""
    (tmp_path / "datapackage.json").write_text('{"resources": ' + "[" * 100_000)
    with pytest.raises(FileError) as caught:
        open_package(tmp_path)
    assert caught.value.reason == "invalid_json"
