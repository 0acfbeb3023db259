"""What is said of a file that is not JSON: what stands there, where, and what to do."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from json2db_sync import SyncRunner

BROKEN = {
    "a comma before the bracket": ('[{"id":1},]', "a comma before ']'", 1, 11, "remove that comma"),
    "a comma before the brace": ('[{"id":1},\n {"id":2,\n }]', "a comma before '}'", 3, 2, "remove that comma"),
    "a comment at the start": ('// my list\n[{"id":1}]', "a comment ('// my list')", 1, 1, "remove the comments"),
    "a comment between": ('[\n  {"id":1}, # one\n  {"id":2}]', "a comment ('# one')", 2, 13, "remove the comments"),
    "a comment inside": ('[{"id": /* key */ 1}]', "a comment", 1, 9, "remove the comments"),
    "JavaScript": (
        'window.YTD.tweets.part0 = [ {"id":1} ]', "JavaScript before the JSON ('window.YTD.tweets.part0 = [...')", 1, 1,
        "before the first [ or {",
    ),
    "JSONP": ('cb([{"id":1}]);', "JavaScript before the JSON", 1, 1, "before the first [ or {"),
    "a guard against scripts": (")]}',\n[{\"id\":1}]", "JavaScript before the JSON", 1, 1, "before the first [ or {"),
    "a page": ("<!DOCTYPE html><html>", "HTML or XML", 1, 1, "often of an error"),
    "XML": ('\n<?xml version="1.0"?>', "XML", 2, 1, "fetch again"),
    "YAML": ("- id: 1\n  name: a", "YAML ('- id: 1')", 1, 1, "convert it"),
    "YAML without a list": ("id: 1\nname: a", "YAML ('id: 1')", 1, 1, "convert it"),
    "events": ('id: 1\ndata: {"id":1}', "server-sent events", 1, 1, "behind 'data:'"),
    "a record separator": ('\x1e{"id":1}', "a record separator (RFC 7464)", 1, 1, "tr -d"),
    "an archive": ("PK\x03\x04x", "a ZIP archive", 1, 1, "unpack it"),
    "CSV": ("id,name\n1,Ann", "text before the JSON ('id,name')", 1, 1, "before the first [ or {"),
    "single quotes": ("[{'id':1}]", "a key in single quotes", 1, 3, "double quotes"),
    "no quotes": ('[{"a":1,id:2}]', "a key without quotes ('id')", 1, 9, "double quotes"),
    "Python": ('[{"a":None}]', "Python's None", 1, 7, "JSON encoder"),
    "a shell": ('[{"_id":ObjectId("60f6")}]', "ObjectId(...) of a database's shell", 1, 9, "mongoexport"),
    "curly quotes": ('[{“id”:1}]', "a curly quotation mark (“)", 1, 3, "straight double quotes"),
    "no comma between records": ('[{"é":1}\n{"id":2}]', "a comma is missing before '{\"id\":2}]'", 2, 1, "repair"),
    "no comma between keys": ('[{"a":1 "b":2}]', "a comma is missing before", 1, 9, "repair"),
    "two commas": ('[{"a":1},,{"a":2}]', "two commas in a row", 1, 10, "remove one"),
    "a number": ('[{"a":01}]', "a number as JSON does not write it", 1, 8, "no 0 before other digits"),
    "a line break in a text": ('[{"a":"x\ny"}]', "a line break inside a text", 1, 9, "\\n"),
    "a backslash": ('[{"a":"C:\\dir"}]', "a backslash that begins no escape", 1, 10, "written \\\\"),
    "a quotation mark in a text": ('[{"a":"b"c"}]', "a quotation mark inside a text", 1, 10, "written"),
    "something left out": ('[{"a":1}, ...]', "three dots", 1, 11, "shortened"),
    "no value": ('[{"a":}]', "no value behind ':' before '}'", 1, 7, "null"),
    "a merge conflict": ('[{"a":1},\n<<<<<<< HEAD\n{"a":2}]', "a mark of a merge conflict", 2, 1, "resolve"),
    "a semicolon behind": ('[{"a":1}];', "a semicolon behind the JSON", 1, 10, "remove it"),
    "text behind": ('[{"a":1}] done', "text behind the JSON ('done')", 1, 11, "remove it"),
    "a bracket too many": ('[{"a":1}]]', "one ']' more than was opened", 1, 10, "closed too early"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "what", "line", "column", "hint"), BROKEN.values(), ids=BROKEN)
@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzip"])
def test_what_stands_there(
    tmp_path: Path, packed: bool, text: str, what: str, line: int, column: int, hint: str
) -> None:
    """The whole file is refused, with what stands there, its line and column, and what to do."""
    path = tmp_path / ("items.json.gz" if packed else "items.json")
    path.write_bytes(gzip.compress(text.encode()) if packed else text.encode())
    result = SyncRunner(tmp_path / "test.db", path).populate()
    assert not result.success
    (refused,) = result.refused_files
    assert refused.error.startswith("items.json"), refused
    assert what in refused.error
    assert (refused.context["line"], refused.context["column"]) == (line, column), refused.error
    assert f"line {line}, column {column}" in refused.error
    assert hint in str(refused.hint)


LINES = {
    "a comma behind each": ('{"id":2},', "a comma between two records", "at column 9", "remove the commas"),
    "a comment": ("// two", "a comment ('// two')", "at column 1", "remove the comments"),
    "single quotes": ("  {'id':2}", "a key in single quotes", "at column 4", "double quotes"),
    "two values": ('{"id":2} {"id":3}', "more than one value", "from column 10", ""),
    "server-sent events": ('data: {"id":2}', "server-sent events", "at column 1", "behind 'data:'"),
    "cut short": ('{"id":2, "name": "Bo', "ends too early", "", "one line"),
}


@pytest.mark.parametrize(("text", "what", "where", "hint"), LINES.values(), ids=LINES)
def test_what_stands_on_a_line(database_url: str, tmp_path: Path, text: str, what: str, where: str, hint: str) -> None:
    """The line is rejected and kept, with its number, what stands there and what to do; the others load."""
    path = tmp_path / "items.ndjson"
    path.write_text('{"id":1}\n\n' + text + '\n{"id":9}\n', "utf-8")
    result = SyncRunner(database_url, path).populate()
    assert (result["statistics"]["inserted"], result["statistics"]["rejected"]) == (2, 1)
    (rejected,) = SyncRunner(database_url).rejected().records
    assert rejected.reason.startswith("line 3 ")
    for part in (what, where, hint):
        assert part in rejected.reason, rejected.reason


def test_far_into_a_file(tmp_path: Path) -> None:
    """Lines and characters are counted from the beginning, however far the file was read and forgotten."""
    records = [f'{{"id": {number}, "name": "Łódź"}}' for number in range(60_000)]
    records[50_000] = '{"id": 50000, "name": "Łódź",}'
    path = tmp_path / "items.json"
    path.write_text("[" + ",\n".join(records) + "]", "utf-8")
    result = SyncRunner(tmp_path / "test.db", path).populate()
    (refused,) = result.refused_files
    assert (refused.context["line"], refused.context["column"]) == (50_001, len(records[50_000])), refused.error
    assert "a comma before '}'" in refused.error


def test_lines_none_of_which_is_json(tmp_path: Path) -> None:
    """What stands in the first of them is said, too."""
    path = tmp_path / "items.jsonl"
    path.write_text("<html>\n<body>\n")
    (refused,) = SyncRunner(tmp_path / "test.db", path).populate().refused_files
    assert "none of them a JSON object: line 1 is not valid JSON: HTML or XML ('<html>')" in refused.error
