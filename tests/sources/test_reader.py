"""From bytes to records: every kind of file, cut anywhere, in bounded memory, with exact places."""

from __future__ import annotations

import gzip
import json
import lzma

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from json2db_sync.errors import FileError
from json2db_sync.limits import Limits
from json2db_sync.sources import bytestream
from json2db_sync.sources.files import make_file
from json2db_sync.sources.reader import RecordReader, entities_in

LIMIT = Limits(64 * 2**20)


def read(path, limit=LIMIT):
    with RecordReader(make_file(path, path.parent, {}), limit) as reader:
        return list(reader)


def values(path):
    return [record.value for record in read(path)]


def write(path, content):
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


RECORDS = [{"id": 1, "t": 'a"]},{\\"'}, {"id": 2, "n": [[1.5], {}]}, {"id": 3, "é": "日本\u2028"}]


@pytest.mark.parametrize("chunk", [1, 2, 3, 7, 64])
@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize("escaped", [True, False])
def test_arrays_are_read_wherever_the_chunks_are_cut(tmp_path, monkeypatch, chunk, indent, escaped):
    """A record, a character or an escape may lie across two chunks."""
    monkeypatch.setattr(bytestream, "CHUNK", chunk)
    path = write(tmp_path / "t.json", json.dumps(RECORDS, indent=indent, ensure_ascii=escaped))
    assert values(path) == RECORDS


@settings(max_examples=60, deadline=None)
@given(st.lists(st.dictionaries(st.text(st.characters(exclude_categories=["Cs"]), max_size=3),
       st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(st.characters(exclude_categories=["Cs"]), max_size=5),
       max_size=3), max_size=5), st.integers(1, 20))  # fmt: skip
def test_any_array_is_read_as_the_parser_reads_it(tmp_path_factory, records, chunk):
    """Records, places and texts agree with the whole file, however it is cut."""
    text = json.dumps(records, ensure_ascii=False)
    path = write(tmp_path_factory.mktemp("r") / "t.json", text)
    before, bytestream.CHUNK = bytestream.CHUNK, chunk
    try:
        found = read(path)
    finally:
        bytestream.CHUNK = before
    assert [record.value for record in found] == records
    content = path.read_bytes()
    for record in found:
        assert content[record.byte : record.byte + len(record.raw)] == record.raw


@pytest.mark.parametrize(
    ("name", "pack"),
    [("t.json.gz", gzip.compress), ("t.json.xz", lzma.compress), ("t.json", gzip.compress), ("t.json", bytes)],
)
def test_packed_files_are_unpacked(tmp_path, name, pack):
    """Packing is told by content, whatever the name says."""
    assert values(write(tmp_path / name, pack(json.dumps(RECORDS).encode()))) == RECORDS


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-32"])
def test_other_unicode_encodings_are_read(tmp_path, encoding):
    """A byte order mark is skipped, UTF-16 and UTF-32 are understood."""
    assert values(write(tmp_path / "t.json", json.dumps(RECORDS, ensure_ascii=False).encode(encoding))) == RECORDS


def test_lines_of_records_whatever_the_suffix(tmp_path):
    """Several objects, one a line, are NDJSON also in a .json file; a bad line harms only itself."""
    text = '{"id": 1}\n\n{"id": 2\n[1]\n{"id": 3} x\n{"id": 4}\r\n'
    records = read(write(tmp_path / "t.ndjson", text))
    assert [(record.number, record.value.get("id"), record.problem is None) for record in records] == [
        (1, 1, True), (2, None, False), (3, None, False), (4, None, False), (5, 4, True),
    ]  # fmt: skip
    assert records[1].raw == b'{"id": 2'
    assert values(write(tmp_path / "t.json", '{"id": 1}\n{"id": 2}')) == [{"id": 1}, {"id": 2}]
    bad = read(write(tmp_path / "u.ndjson", b'{"id": 1}\n{"id": "\xff"}\n'))
    assert [record.problem for record in bad][1] == "line 2 is not UTF-8: byte 0xff"


@pytest.mark.parametrize(
    ("content", "entities", "layout"),
    [
        ({"code": 0, "message": "ok", "t": [{"a": 1}], "page_context": {"page": 1}}, ["t"], "envelope"),
        ({"data": [{"a": 1}, {"a": 2}]}, ["t", "t"], "envelope"),
        ({"metadata": {"n": 0}, "t": []}, [], "envelope"),
        ({"albums": [{"a": 1}], "Artists": [{"b": 1}], "none": []}, ["albums", "artists"], "entities"),
        ({"id": 1, "lines": [{"a": 1}], "address": {"x": 1}}, ["t"], "object"),
        ({"data": [{"a": 1}], "address": {"x": 1}}, ["t"], "envelope"),
        ({"data": [1, 2]}, ["t"], "object"),
        ({"id": 1, "items": []}, ["t"], "object"),
        ({"rows": [{"a": 1}], "names": ["x"]}, ["t"], "envelope"),
        ([], [], "array"),
    ],
)
def test_what_kind_of_file_it_is(tmp_path, content, entities, layout):
    """Envelopes, objects of entities and single records are told apart by their keys and values."""
    path = write(tmp_path / "t.json", json.dumps(content))
    with RecordReader(make_file(path, tmp_path, {}), LIMIT) as reader:
        assert [record.entity for record in reader] == entities
        assert reader.layout.kind == layout


def test_what_stands_beside_the_records_is_kept(tmp_path):
    """An envelope's other values are there for the ledger."""
    path = write(tmp_path / "t.json", json.dumps({"code": 0, "t": [{"a": 1}], "page_context": {"page": 7}}))
    with RecordReader(make_file(path, tmp_path, {}), LIMIT) as reader:
        list(reader)
        assert reader.layout.beside == {"code": 0, "page_context": {"page": 7}}


@pytest.mark.parametrize(
    ("content", "found"),
    [("1", "1"), ('"x"', '"x"'), ("null", "null"), ("{}", "an object without any key"), ("[1, 2]", "an array of 2 values"),
     ("[[1]]", "an array of 1 values"), ("true", "true")],
)  # fmt: skip
def test_files_without_records_are_refused(tmp_path, content, found):
    """The guide's message, with the file and what it holds."""
    with pytest.raises(FileError, match="JSON file must contain an array of records: t.json holds") as error:
        read(write(tmp_path / "t.json", content))
    assert found in error.value.message


@pytest.mark.parametrize(
    ("content", "message", "byte"),
    [
        (
            '[{"a": 1}, {"b": tru}]',
            "t.json is not valid JSON in record 2: a text without quotes ('tru}]') (line 1, column 18, byte 17)",
            17,
        ),
        ('[{"é": 1} {"b": 2}]', "a comma is missing before '{\"b\": 2}]' (line 1, column 11, byte 11)", 11),
        ('[{"a": 1}, {"b": "tex', "t.json is cut off: record 2 ends in mid-string (line 1, column 22, byte 21)", 21),
        ('[{"a": 1}, {"b"', "t.json is cut off: record 2 ends too early (line 1, column 16, byte 15)", 15),
        ('[{"a": 1}', "is cut off", 9),
        ('[{"a": 1}] x', "text behind the JSON ('x') (line 1, column 12, byte 11)", 11),
        ('{"a": 1', "is cut off", 7),
        ('{"a": 1} x', "text behind the JSON", 9),
        (b'[{"a": "\xff"}]', "is not UTF-8: byte 0xff (line 1, column 9, byte 8)", 8),
        ("", "t.json is empty", 0),
        (" \n", "t.json holds nothing but white space", 2),
        ("[" * 100_000, "is cut off", 100_000),
        ('[{"a":' * 50_000, "is cut off", 300_000),
    ],
)
def test_what_is_no_json_is_refused_with_its_place(tmp_path, content, message, byte):
    """The error says what is wrong and at which byte."""
    with pytest.raises(FileError) as error:
        read(write(tmp_path / "t.json", content))
    assert message in error.value.message
    assert error.value.context["byte"] == byte
    assert error.value.context["file"] == str(tmp_path / "t.json")


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ("NaN", "NaN is not JSON"), ("-Infinity", "-Infinity is not JSON"), ("1e400", "no double can hold the number 1e400"),
        ("9" * 5000, "more than 4300 digits"), ('"\\ud800"', "lone surrogate"), ('{"\\udfff": 1}', "lone surrogate"),
        ("[" * 500 + "]" * 500, "nested more than 400 levels"), ("[" * 5000 + "]" * 5000, "nested more than 400 levels"),
    ],
)  # fmt: skip
def test_records_no_database_can_hold_are_told(tmp_path, value, problem):
    """Such a record is marked with its reason; its neighbours are records as ever."""
    records = read(write(tmp_path / "t.json", f'[{{"a": 1}}, {{"a": {value}}}, {{"a": 3}}]'))
    assert [record.problem is None for record in records] == [True, False, True]
    assert problem in records[1].problem
    assert records[1].raw.decode() == f'{{"a": {value}}}'


def test_deep_but_possible_records_are_read(tmp_path):
    """Nesting up to the limit is not a problem, wherever the reader is called from."""
    deep = "[" * 399 + "]" * 399
    assert [record.problem for record in read(write(tmp_path / "t.json", f'[{{"a": {deep}}}]'))] == [None]


@pytest.mark.parametrize("text", ['"' + "[" * 500, "]" * 500 + '"', '\\"' + "{" * 500, '"[":{"'])
def test_brackets_in_texts_are_no_nesting(tmp_path, text):
    """Wherever the text stands, and however many there are."""
    record = {"a": [[text], [text, text]], "b": {text: [text] * 200}}
    assert [one.problem for one in read(write(tmp_path / "t.json", json.dumps([record])))] == [None]


def test_memory_is_bounded_by_the_record(tmp_path):
    """A record larger than its share of the limit is refused by number, not swallowed."""
    path = write(tmp_path / "t.json", json.dumps([{"a": 1}, {"a": "x" * 6_000_000}]))
    with pytest.raises(FileError, match=r"record 2 is larger than 2 MB") as error:
        read(path, limit=Limits(16 * 2**20))
    assert "memory_limit" in error.value.hint
    assert len(read(path)) == 2


@pytest.mark.slow
def test_a_file_that_grows_while_it_is_read_is_refused(tmp_path):
    """What is still being written is not loaded half."""
    path = write(tmp_path / "t.ndjson", '{"a": 1}\n' * 100_000)
    with RecordReader(make_file(path, tmp_path, {}), LIMIT) as reader, pytest.raises(FileError, match="changed while"):
        for number, _record in enumerate(reader):
            if number == 10:
                with path.open("a") as file:
                    file.write('{"a": 2}\n')


def test_a_cut_off_packed_file_is_refused(tmp_path):
    """A truncated or damaged .gz is told as such."""
    packed = gzip.compress(json.dumps(RECORDS * 100).encode())
    for content in (packed[:-20], packed[:40] + b"\0" * 40 + packed[80:]):
        with pytest.raises(FileError, match="cannot be unpacked"):
            read(write(tmp_path / "t.json.gz", content))


def test_entities_of_a_file_are_told_without_loading_it(tmp_path):
    """An object of arrays holds the entities of its keys, anything else the file's own."""
    assert entities_in(make_file(write(tmp_path / "t.json", '{"a": [{"x": 1}], "b": []}'), tmp_path, {}), LIMIT) == {
        "a",
        "b",
    }
    assert entities_in(make_file(write(tmp_path / "u.json", '[{"x": 1}]'), tmp_path, {}), LIMIT) == {"u"}
    assert entities_in(make_file(write(tmp_path / "v.json", "{"), tmp_path, {}), LIMIT) == {"v"}
