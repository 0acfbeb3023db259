"""Rows of CSV: values, NULL and empty text, lines, and what cannot be read."""

from __future__ import annotations

import csv
import gzip
import io
import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.csv_reference import records

from json2db_sync.errors import FileError
from json2db_sync.limits import LIMITS
from json2db_sync.tabular.dialects import OURS, Dialect
from json2db_sync.tabular.reading import read_header, read_rows
from json2db_sync.tabular.rows import BadRow

PLAIN = replace(OURS, header=False)


def read(
    text: str | bytes, width: int, dialect: Dialect = PLAIN, **options: object
) -> tuple[list[tuple[int, tuple[str | None, ...]]], list[BadRow]]:
    """Lines and rows, and the bad rows."""
    data = text if isinstance(text, bytes) else text.encode()
    bad: list[BadRow] = []
    rows: list[tuple[int, tuple[str | None, ...]]] = []
    for batch in read_rows(io.BytesIO(data), dialect, width, bad=bad.append, **options):  # type: ignore[arg-type]
        assert len(batch.columns) == width
        rows += zip(batch.lines, zip(*batch.columns, strict=True), strict=True)
    return rows, bad


def values(text: str | bytes, width: int, dialect: Dialect = PLAIN, **options: object) -> list[tuple[str | None, ...]]:
    rows, bad = read(text, width, dialect, **options)
    assert bad == []
    return [row for _, row in rows]


def expected(text: str, width: int, marked: bool = False) -> tuple[list[object], list[int]]:
    """By the slow reference: lines and rows, and lines of bad rows."""
    good: list[object] = []
    bad: list[int] = []
    for one in records(text):
        if one.fields == [("", False)] and width > 1:
            continue
        if not one.sound or not one.closed or len(one.fields) != width:
            bad.append(one.line)
            continue
        mark = '"' if marked else ""
        good.append((one.line, tuple(mark + value if quoted else value or None for value, quoted in one.fields)))
    return good, bad


PIECES = st.lists(
    st.sampled_from(
        ['"', '""', ",", "\n", "\r\n", "\r", "a", "b c", "é", "\x01", "\x02", "\0", "\x1a", ",,", '"x"', '","']
    ),
    max_size=30,
).map("".join)
FIELDS = st.one_of(st.none(), st.text(st.sampled_from('",\n\ra\x01\x03\x05é\0'), max_size=6))


@given(PIECES, st.integers(1, 3), st.sampled_from([1, 2, 3, 7, 1 << 15]), st.booleans())
def test_any_text_is_read_as_the_slow_reference_reads_it(text: str, width: int, batch: int, marked: bool) -> None:
    """Whatever stands in a file, wherever chunks end: rows, lines and bad rows are those of the slow reader."""
    positions = range(width) if marked else ()
    rows, bad = read(text, width, batch_bytes=batch, marked=positions)
    assert (rows, [one.line for one in bad]) == expected(text, width, marked)


def spelled(rows: list[list[str | None]], end: str, always: float, seed: int) -> str:
    """Rows as a careful writer spells them, with more quotes than needed where chance says so."""
    chance = random.Random(seed)

    def field(value: str | None) -> str:
        if value is None:
            return ""
        if value == "" or any(one in value for one in '",\r\n') or chance.random() < always:
            return '"' + value.replace('"', '""') + '"'
        return value

    return "".join(",".join(map(field, row)) + end for row in rows)


@given(
    st.lists(st.lists(FIELDS, min_size=3, max_size=3), max_size=12),
    st.sampled_from(["\n", "\r\n", "\r"]),
    st.sampled_from([0.0, 0.5, 1.0]),
    st.sampled_from([1, 5, 1 << 15]),
    st.integers(0, 9),
    st.integers(0, 400),
)
def test_what_was_written_is_read(
    rows: list[list[str | None]], end: str, always: float, batch: int, seed: int, padding: int
) -> None:
    """Every row comes back as it was, NULL and empty text apart, however much is quoted and wherever chunks end."""
    rows = [["x" * padding, *row[1:]] for row in rows] if padding % 2 else rows
    text = spelled(rows, end, always, seed)
    assert values(text, 3, batch_bytes=batch) == [tuple(row) for row in rows]
    assert values(text.removesuffix(end) if rows and rows[-1][-1] else text, 3) == [tuple(row) for row in rows]


@pytest.mark.parametrize("always", [0.0, 0.02, 0.5, 1.0])
@pytest.mark.parametrize("odd", ["", "with, comma", 'with "quotes"', "with\nlines", "with\r\nlines", "\x02", "Ω"])
def test_long_files_are_read_as_the_csv_module_reads_them(always: float, odd: str) -> None:
    """Over many chunks, with few quotes or many: values are those of the csv module, each line that of its record."""
    chance = random.Random(5)
    odds: list[str | None] = [odd, None, "", "plain"]
    rows: list[list[str | None]] = [
        [str(number), chance.choices(odds, [1, 10, 1, 30])[0], "x" * chance.randint(0, 90) or None]
        for number in range(5000)
    ]
    text = spelled(rows, "\n", always, 3)
    found, bad = read(text, 3)
    assert bad == []
    assert [row for _, row in found] == [tuple(row) for row in rows]
    reader = csv.reader(io.StringIO(text, newline=""))
    ends, by_module = [0], []
    for row in reader:
        by_module.append(tuple(row))
        ends.append(reader.line_num)
    assert [tuple(value or "" for value in row) for _, row in found] == by_module
    assert [line for line, _ in found] == [end + 1 for end in ends[:-1]]


def test_missing_texts_without_quotes_are_null() -> None:
    """NA is NULL where it is asked for, and a text where it stands in quotes; then the empty field is a text."""
    dialect = replace(PLAIN, missing=("NA", r"\N"))
    text = 'NA,"NA",\\N,\n"x","y","z","NA"\na,b,c,d\n'
    assert values(text, 4, dialect) == [(None, "NA", None, ""), ("x", "y", "z", "NA"), ("a", "b", "c", "d")]


def test_quoted_texts_are_marked_where_asked() -> None:
    """In marked columns a text that stood in quotes has one in front: the number 1 and the text 1 stay two values."""
    assert values('1,"1",2\n"",,""\n"a""b",x,y\n', 3, marked=[0, 1]) == [
        ("1", '"1', "2"), ('"', None, ""), ('"a"b', "x", "y"),
    ]  # fmt: skip


def test_a_formula_is_text() -> None:
    """What a spreadsheet would compute is a text."""
    assert values("=1+1,@SUM(A1),\"=cmd|' /C calc'!A0\"\n", 3) == [("=1+1", "@SUM(A1)", "=cmd|' /C calc'!A0")]


@pytest.mark.parametrize("text", ["a,b\x1ac\n", "a,b\x1ac", "a,b\0c\n"])
def test_control_characters_are_characters(text: str) -> None:
    """0x1A ends no file, and NUL no text."""
    assert values(text, 2) == [("a", text.rstrip("\n")[2:])]


def test_a_byte_order_mark_is_no_part_of_the_first_name() -> None:
    """UTF-8 and UTF-16 with a byte order mark: the first name is that of the column, quoted or not."""
    assert read_header(io.BytesIO(b'\xef\xbb\xbf"id",b\n1,2\n'), OURS) == ["id", "b"]
    for encoding in ("utf-16", "utf-16-le", "utf-16-be"):
        data = "\ufeffid,ß\n1,Ω\n".encode(encoding.replace("utf-16", "utf-16-le") if encoding == "utf-16" else encoding)
        assert values(data, 2, replace(OURS, encoding=encoding), header=["id", "ß"]) == [("1", "Ω")]


def test_empty_lines_are_no_rows_unless_they_are_values() -> None:
    """An empty line says nothing between rows of two fields, and is NULL where a row has one."""
    assert values("\na,b\n\n\r\nc,d\n\n", 2) == [("a", "b"), ("c", "d")]
    assert values('a\n\n""\n', 1) == [("a",), (None,), ("",)]


BAD = [
    ("a,b\nc\nd,e\n", 2, [(2, "c", "1 field, 2 expected")]),
    ("a,b\nc,d,e\n", 2, [(2, "c,d,e", "3 fields, 2 expected")]),
    ('a,b\n"c\nd",e,f\ng,h\n', 2, [(2, '"c\nd",e,f', "3 fields, 2 expected")]),
    ('a,b\n5" disk,c\nd,e\n', 2, [(2, '5" disk,c', "a quote in line 2 is neither around a value nor written twice")]),
    ('a,b\n"c"d,e\n', 2, [(2, '"c"d,e', "a quote in line 2 is neither around a value nor written twice")]),
    ('a,b\n"c\nx",f"g\nd,e\n', 2, [(2, '"c\nx",f"g', "a quote in line 3 is neither around a value nor written twice")]),
    ('a,b\nc,"d\ne,f\n\ng,h', 2, [(2, 'c,"d\ne,f\n\ng,h', "the quote that opens in line 2 is not closed: 4 lines to the end")]),
]  # fmt: skip


@pytest.mark.parametrize(("text", "width", "told"), BAD)
def test_a_bad_row_is_told_with_its_line(text: str, width: int, told: list[tuple[int, str, str]]) -> None:
    """Fields too many or too few, and quotes where none may be, are told with line, text and reason; the rest is read."""
    for batch in (1, 4, 1 << 20):
        rows, bad = read(text, width, batch_bytes=batch)
        assert [(one.line, one.text, one.why) for one in bad] == told
        assert len(rows) + len(bad) == len([one for one in records(text) if one.fields != [("", False)]])


def test_a_bad_row_ends_the_reading_where_nobody_is_told() -> None:
    """The error names file and line, why, and how the line begins."""
    file = io.BytesIO(b"a,b\nc\n")
    file.name = "people.csv"
    with pytest.raises(FileError) as caught:
        list(read_rows(file, OURS, 2))
    assert caught.value.message == "people.csv, line 2: 1 field, 2 expected"
    assert (caught.value.reason, caught.value.context) == ("bad_row", {"file": "people.csv", "line": 2})


@pytest.mark.parametrize("encoding", ["utf-8", "ascii", "cp1252", "shift_jis"])
def test_bytes_that_are_no_characters_make_a_bad_row(encoding: str) -> None:
    """The row is told with line, field, byte and encoding; the rows around it are read."""
    data = b"a,b\n" * 4000 + b"c,\x81\xff\x81\n" + b"d,e\n" * 4000
    rows, bad = read(data, 2, replace(PLAIN, encoding=encoding))
    assert len(rows) == 8000
    assert (bad[0].line, bad[0].text[:3]) == (4001, "c,\\")
    assert bad[0].why.startswith("byte 0x")
    assert bad[0].why.endswith(f" in field 2 is not {encoding}")
    assert rows[-1] == (8001, ("d", "e"))


def test_what_is_not_utf_16_is_told_with_its_line() -> None:
    """From a broken pair on nothing is known: reading ends, with file, line and encoding."""
    data = "a,b\nc,d\n".encode("utf-16") + b"\x00\xdc\x00"
    with pytest.raises(FileError, match=r"line 3: it is not utf-16 from here on") as caught:
        read(data, 2, replace(PLAIN, encoding="utf-16"))
    assert caught.value.reason == "invalid_encoding"


@pytest.mark.parametrize("encoding", ["nonsense", "hex"])
def test_an_encoding_that_is_none_is_told(encoding: str) -> None:
    """A name that Python does not know, or that is no encoding of texts."""
    with pytest.raises(FileError, match="there is no encoding") as caught:
        read("a,b", 2, replace(PLAIN, encoding=encoding))
    assert caught.value.reason == "unknown_encoding"


def test_a_quote_that_is_never_closed_takes_bounded_memory() -> None:
    """Beyond the limit of a row reading ends, with the line where the quote opens; no more than that is held."""
    limits = replace(LIMITS, memory=8 << 20)
    endless = io.BytesIO(b'a,b\nc,"d\n' + b"e,f\n" * (1 << 20))
    with pytest.raises(
        FileError, match="line 2: this row is longer than 1 MB: the quote that opens in line 2"
    ) as caught:
        read(endless.getvalue(), 2, limits=limits)
    assert caught.value.reason == "record_too_large"


def test_another_header_is_told() -> None:
    """Columns that were renamed or changed places are not taken for those expected."""
    assert values("a,b\n1,2\n", 2, OURS, header=["a", "b"]) == [("1", "2")]
    with pytest.raises(FileError, match="its first row is not the names of its columns: 'b', 'a'") as caught:
        read("b,a\n1,2\n", 2, OURS, header=["a", "b"])
    assert caught.value.reason == "header_differs"


@pytest.mark.parametrize("batch", [1, 3, 1 << 20])
def test_a_header_may_have_line_breaks(batch: int) -> None:
    """Names are read as values are; the first row behind has its own line."""
    rows, bad = read('"a\r\nx",b\r\n1,2\r\n', 2, OURS, batch_bytes=batch, header=["a\r\nx", "b"])
    assert (rows, bad) == ([(3, ("1", "2"))], [])
    assert read_header(io.BytesIO(b""), OURS) == []


def test_gzip_is_unpacked_and_damage_told() -> None:
    """A packed file has the same rows; one that is cut off is told as that."""
    packed = gzip.compress(b"a,b\n1,2\n" * 1000)
    dialect = replace(PLAIN, compression="gzip")
    assert len(values(packed, 2, dialect)) == 2000
    with pytest.raises(FileError) as caught:
        read(packed[:-9], 2, dialect)
    assert caught.value.reason == "cannot_unpack"


def test_a_gzip_bomb_is_stopped() -> None:
    """A file that unpacks to more than it may is not read to its end."""
    bomb = gzip.compress(b"a,b\n" * (1 << 20))
    with pytest.raises(FileError) as caught:
        read(bomb, 2, replace(PLAIN, compression="gzip"), limits=replace(LIMITS, unpacked_bytes=1 << 20))
    assert caught.value.reason == "limit_exceeded"


DIALECTS = [
    (Dialect(delimiter=";", header=False), 'a;"b;c"\n', [("a", "b;c")]),
    (Dialect(delimiter="\t", quote=None, header=False), '5" disk\t"x"\n\ty\n', [('5" disk', '"x"'), (None, "y")]),
    (Dialect(escape="\\", doubled=False, header=False), '"a\\"b\\\\",c\\,d\n"e\\\nf",\n', [('a"b\\', "c,d"), ("e\nf", None)]),
    (Dialect(escape="\\", header=False), '"a""b\\"c",d\n', [('a"b"c', "d")]),
    (Dialect(quote=None, escape="\\", delimiter="\t", missing=(r"\N",), header=False), "\\N\ta\\\tb\n\\\\N\t\n", [(None, "a\tb"), ("\\N", "")]),
    (Dialect(quote="'", delimiter="|", header=False), "'it''s'|\"x\"\n", [("it's", '"x"')]),
    (Dialect(quote="'", escape="'", doubled=False, header=False), "'it''s',x\n", [("it's", "x")]),
]  # fmt: skip


@pytest.mark.parametrize(("dialect", "text", "rows"), DIALECTS)
def test_dialects(dialect: Dialect, text: str, rows: list[tuple[str | None, ...]]) -> None:
    """Other delimiters, other quotes or none, quotes behind an escape: in whole chunks and character by character."""
    assert values(text, 2, dialect) == rows
    assert values(text, 2, dialect, batch_bytes=1) == rows
