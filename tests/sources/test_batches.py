"""Records that are left undecoded are, one by one, the records that are read exactly; and so are the refusals."""

from __future__ import annotations

import gzip
import json
import pickle
from contextlib import contextmanager

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from json2db_sync.errors import FileError
from json2db_sync.limits import Limits
from json2db_sync.sources import bytestream, cursor
from json2db_sync.sources.batch import Undecoded
from json2db_sync.sources.files import make_file
from json2db_sync.sources.reader import RecordReader

LIMIT = 64 * 2**20


@contextmanager
def sizes(stretch, chunk=bytestream.CHUNK, pause=1):
    """Small stretches, and few elements between two attempts, so that there are many cuts."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cursor, "_STRETCH", stretch)
        patch.setattr(cursor, "_MAX_PAUSE", pause)
        patch.setattr(bytestream, "CHUNK", chunk)
        yield


def read(path, *, undecoded):
    """The records up to the end or the first error, what that says, and what is known of the file."""
    found, failure, known = [], None, ()
    try:
        with RecordReader(make_file(path, path.parent, {}), Limits(LIMIT)) as reader:
            for batch in reader.batches(undecoded=undecoded):
                records = list(batch.records())
                assert len(batch) == len(records)
                assert [record.number for record in records] == list(range(batch.first, batch.first + len(batch)))
                assert {record.entity for record in records} == {batch.entity}
                found += records
            known = (reader.layout, reader.digest, reader.bytes_read)
    except FileError as error:
        failure = (str(error), error.hint, error.context)
    return [shown(record) for record in found], failure, known


def shown(record):
    return (record.entity, record.number, record.byte, record.raw, repr(record.value), record.problem)


def assert_read_alike(path):
    assert read(path, undecoded=True) == read(path, undecoded=False)


def share_undecoded(path):
    with RecordReader(make_file(path, path.parent, {}), Limits(LIMIT)) as reader:
        batches = list(reader.batches(undecoded=True))
    return sum(len(batch) for batch in batches if isinstance(batch, Undecoded)) / sum(map(len, batches))


# Elements as they are written: what looks like the end of one and the beginning of the next stands within some of them

TRICKY = [
    '},{"id":', '},{"id', "},{", '"},{"id":1},{"', "\\", '\\"', '\\\\"', '},\n  {\n    "id"', "]", "[{", "é", "日本", "\U0001f600", "\u2028", "",
]  # fmt: skip
texts = (
    st.sampled_from(TRICKY).map(json.dumps)
    | st.sampled_from(TRICKY).map(lambda text: json.dumps(text, ensure_ascii=False))
    | st.sampled_from(
        ['"\\ud800"', '"\\ud83d\\ude00"', '"\\u0000"', '"\\/"', '"\\x"', '"\t"', '"\x7f"', '"', "NaN", "-Infinity"]
    )
    | st.sampled_from(["1e400", "1e16", "-0", "-0.0", "01", "1.", "-", "9" * 30, "true", "null", "nul", "9" * 4301])
)
inner = st.sampled_from(
    ['[{"id":1},{"id":2}]', '[{"id":1},{"id":2},{"id":3}]', "[]", "{}", '[{"id":{"id":[{"id":1}]}}]', '{"id":1},{"id":2}',
     '[{"id": 1}, {"id": 2}]', "[" * 450 + "]" * 450, '[\n  {\n    "id": 1\n  },\n  {\n    "id": 2\n  }\n]']
)  # fmt: skip
usual = st.builds('{{"id":{},"t":{}}}'.format, st.integers(0, 10**6), st.integers(0, 9))
spaced = st.builds('{{ "id" : {} , "t":"{}" }}'.format, st.integers(0, 99), st.sampled_from(["x", "é", "日本"]))
tricky = st.builds(
    '{{"{}":{},"b":{}}}'.format, st.sampled_from(["id", "t", "", "é", "\\u0069d"]), st.integers(0, 9), texts
)
nested = st.builds('{{"id":{},"items":{},"id":2}}'.format, st.integers(0, 9), inner)
rare = st.sampled_from(
    ["{}", "5", "null", '"x"', "[]", '[{"id":1}]', '{"id":1}{"id":2}', '{"id":1,}', '{"id":1', "}", ""]
)
elements = st.integers(0, 19).flatmap(
    lambda n: usual if n < 8 else spaced if n < 11 else tricky if n < 15 else nested if n < 19 else rare
)
separators = st.sampled_from([",", ", ", ",\n", ",\n  ", "\n,\n", ",\r\n\t"])


@st.composite
def arrays(draw):
    parts = draw(st.lists(elements, max_size=30))
    separator = draw(separators)
    other = draw(separators) if draw(st.integers(0, 3)) == 0 else separator
    middle = draw(st.integers(0, len(parts)))
    ends = [separator] * middle + [other] * (len(parts) - middle)
    body = "".join(part + end for part, end in zip(parts, ends, strict=True))
    return "[" + draw(st.sampled_from(["", " ", "\n  "])) + body[: len(body) - len(ends[-1]) if ends else 0] + "]"


@st.composite
def lines(draw):
    parts = draw(st.lists(elements | st.sampled_from(["", " ", "\t", "\x0c", "\ufeff"]), min_size=1, max_size=30))
    parts = [draw(st.sampled_from(["", "", "", " ", "\t"])) + part.replace("\n", "") for part in parts]
    if draw(st.integers(0, 5)) == 0:  # a value over two lines, two values on a line
        parts += ['{"id":1},{"id":2}', "[1", "2]"]
    return draw(st.sampled_from(["\n", "\r\n", " \n"])).join(parts) + draw(st.sampled_from(["", "\n"]))


def wrapped(array):
    return st.sampled_from(
        [array, array, array, f'{{"data": {array}, "page": 1}}', f'{{"data":{array}}}', f'{{"a":{array},"b":{array}}}',
         f"{array} x", f"{array}{array}", f" \n{array}\n "]
    )  # fmt: skip


@st.composite
def contents(draw, texts):
    """The bytes of a file: encoded somehow, perhaps cut off, perhaps damaged, perhaps packed."""
    encoding = draw(st.sampled_from(["utf-8"] * 5 + ["utf-8-sig", "utf-16", "utf-16-le"]))
    content = draw(texts).encode(encoding, "surrogatepass")
    fate = draw(st.integers(0, 9))
    place = draw(st.integers(0, max(len(content) - 1, 0)))
    if fate == 0:
        content = content[:place]
    elif fate == 1:
        content = (
            content[:place]
            + draw(st.sampled_from([b"\xff", b"\xed\xa0\x80", b'"', b"\\", b"{", b"]", b"\0", b",", b"\n"]))
            + content[place:]
        )
    if draw(st.integers(0, 9)) == 0:
        packed = gzip.compress(content, mtime=0)
        content = packed[: draw(st.sampled_from([len(packed), len(packed) - 5]))]
    return content


small = st.tuples(st.integers(64, 300), st.sampled_from([7, 50, 400, bytestream.CHUNK]))
FEWER = settings(max_examples=max(settings.default.max_examples * 4 // 5, 1))


@FEWER
@given(contents(arrays().flatmap(wrapped)), small)
@example(b'[{"id":1},{"id":2},{"id":3,"t":"},{\\"id\\":"},{"id":4}]', (64, 400))
@example(b'[{"id":1},' + b'{"id":2},' * 20 + b'{"id":"\xff"}]', (64, 50))
@example(b'[{"id":1},' + b'{"id":2},' * 5 + b'{"id":}' + b',{"id":2}' * 5 + b',{"id":"\xff"}]', (300, 50))
def test_arrays_are_read_alike(tmp_path_factory, content, size):
    """Whatever an array holds and wherever it is cut, records and refusals are those of the row path."""
    path = tmp_path_factory.mktemp("b") / "t.json"
    path.write_bytes(content)
    with sizes(*size):
        assert_read_alike(path)


@FEWER
@given(contents(lines()), st.sampled_from([20, 100, 1000]))
@example(b'{"id":1},{"id":2}\n[1\n2]', 1000)
@example(b'{"id":1}\n  {"id":NaN}\n  {"id":2}\n', 1000)
@example(b'{"id":1}\n  {"id":2}\n', 1000)
@example(b'{"id":1}\r\n\r\n{"id":2}\r\n', 1000)
def test_lines_are_read_alike(tmp_path_factory, content, chunk):
    """Whatever stands on the lines of a file, records and refusals are those of the row path."""
    path = tmp_path_factory.mktemp("b") / "t.jsonl"
    path.write_bytes(content)
    with sizes(64, chunk):
        assert_read_alike(path)


WHOLE = (
    '[{"id":1,"t":"},{\\"id\\":"}, {"id":2,"l":[{"id":1}, {"id":2}]}, {"id":3,"t":"日本é"}, {"id":4}, {"id":5}, {"id":6}, {"id":7}, '
    '{"id":8,"t":"\\ud83d\\ude00"}, {"id":9}]'
)


@pytest.mark.mostly_slow
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("stretch", [64, 90])
def test_a_file_cut_off_anywhere_is_refused_alike(tmp_path, encoding, stretch):
    """Whichever byte a file ends with, the refusal is that of the row path, and so are the records before it."""
    path, content = tmp_path / "t.json", WHOLE.encode(encoding)
    for end in range(len(content) + 1):
        path.write_bytes(content[:end])
        with sizes(stretch, 32):
            assert_read_alike(path)


@pytest.mark.mostly_slow
@pytest.mark.parametrize("bad", [b"\xff", b"\xed\xa0\x80", b"\0", b"}", b",", b'"', b"\\", b"[", b"x"])
def test_a_file_damaged_anywhere_is_refused_alike(tmp_path, bad):
    """Wherever a byte was put in, the refusal is that of the row path, and so are the records before it."""
    path, content = tmp_path / "t.json", WHOLE.encode()
    for place in range(len(content) + 1):
        path.write_bytes(content[:place] + bad + content[place:])
        with sizes(64, 32):
            assert_read_alike(path)


@pytest.mark.parametrize("first", ["syntax", "bytes"])
def test_of_two_faults_the_first_refuses_the_file(tmp_path, first):
    """Bytes are read ahead, but what is wrong with them is told only when what stands before them was right."""
    faults = [b'{"id":}', b'{"id":"\xff"}']
    parts = [b'{"id":1}'] * 40
    parts[10:10], parts[30:30] = faults[:1] if first == "syntax" else faults[1:], faults
    path = tmp_path / "t.json"
    path.write_bytes(b"[" + b",".join(parts) + b"]")
    with sizes(300, 16):
        found = read(path, undecoded=True)
        assert found == read(path, undecoded=False)
    assert len(found[0]) == 10
    assert ("is not valid JSON" if first == "syntax" else "is not UTF-8") in found[1][0]


@pytest.mark.parametrize("separator", [",", ", ", ",\n", ",\n  ", "\n, "])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_what_is_usual_is_left_undecoded(tmp_path, separator, encoding):
    """All but a few records of an ordinary array come undecoded, strings that look like its ends among them."""
    records = [json.dumps({"id": n, "t": '},{"id":', "l": [{"id": 1}, {"id": 2}]}) for n in range(300)]
    path = tmp_path / "t.json"
    path.write_text("[" + separator.join(records) + "]", encoding=encoding)
    with sizes(1000):
        assert share_undecoded(path) > 0.95
        assert_read_alike(path)


@pytest.mark.parametrize("newline", ["\n", "\r\n", " \n", "\n\n"])
def test_ordinary_lines_are_left_undecoded(tmp_path, newline):
    """Lines of objects come undecoded, with blank lines between them and without."""
    path = tmp_path / "t.jsonl"
    path.write_bytes(newline.join(json.dumps({"id": n, "t": "é"}) for n in range(300)).encode())
    with sizes(64, 1000):
        assert share_undecoded(path) == 1
        assert_read_alike(path)


@pytest.mark.mostly_slow
@pytest.mark.parametrize("size", [2**20 - 300, 2**20 + 10, 2**20 + 300_000, 2**21 + 10])
@pytest.mark.parametrize("before", [0, 3, 5000])
def test_large_records_are_refused_alike(tmp_path, size, before):
    """A record is too large by its own size, however much of the file is at hand."""
    path = tmp_path / "t.json"
    records = [{"id": n, "t": "x" * 200} for n in range(before)]
    path.write_text(json.dumps([*records, {"id": -1, "t": "x" * (size - 19)}, *records]))
    outcomes = []
    for undecoded in (False, True):
        with RecordReader(make_file(path, tmp_path, {}), Limits(1)) as reader:
            try:
                outcomes.append(sum(map(len, reader.batches(undecoded=undecoded))))
            except FileError as error:
                outcomes.append((str(error), error.context))
    assert outcomes[0] == outcomes[1]
    assert isinstance(outcomes[0], tuple) == (size > 2**20)


@settings(max_examples=100)
@given(st.lists(usual | spaced | nested, min_size=1, max_size=40), separators, st.integers(1, 12))
def test_parts_hold_the_same_records(records, separator, size):
    """A batch in smaller parts is the same records at the same places, and any few of them can be had alone."""
    text = separator.join(record for record in records if is_object(record)).encode()
    assume(text)
    raws = cursor.raw_values.decode(b"[%b]" % text)
    batch = Undecoded("t", 7, 1000, text, raws)
    parts = list(batch.cut(range(0, len(batch), size)))
    assert all(len(part) <= size for part in parts)
    whole = [shown(record) for record in batch.records()]
    assert [shown(record) for part in parts for record in part.records()] == whole
    places = range(0, len(raws), 3)
    assert [shown(record) for record in batch.records(places)] == [whole[place] for place in places]
    assert json.loads(batch.only(places)) == [json.loads(bytes(raws[place])) for place in places]
    assert list(batch.records([])) == []
    sent = pickle.loads(pickle.dumps(batch))  # as it is when another process gets it
    assert (sent.entity, sent.first, sent.byte, len(sent)) == (batch.entity, 7, 1000, len(batch))
    assert (sent.array, sent.hashes) == (batch.array, batch.hashes)
    assert [(record.number, record.raw) for part in sent.smaller() for record in part.records()] == [
        (record.number, record.raw) for record in batch.records()
    ]


def is_object(text):
    try:
        return isinstance(json.loads(text), dict)
    except ValueError:
        return False
