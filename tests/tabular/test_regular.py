"""Which files are spelled as an export of ours spells them."""

from __future__ import annotations

import gzip
from dataclasses import replace
from pathlib import Path

import pytest

from json2db_sync.limits import LIMITS
from json2db_sync.tabular.dialects import OURS
from json2db_sync.tabular.reading import read_rows
from json2db_sync.tabular.regular import is_regular

NAMES = ["id", 'a "b"']
HEADER = b'id,"a ""b"""\n'
YES = (
    *(b"", b"1,a\n", b',\n"",""\n', b'"a,""b""\r\n\n",x\n', b"\\.,\n", b'"\n\\.\n",\\.\n'),
    *("1,\u00e9\u2028\U0001f600\n".encode(), b"1,\x1a\x01\x0b\n", b" 1 , x\n", b"1," + b"x" * 3_000_000 + b"\n2,y\n"),
    b'1,"' + b'x""\n' * 300_000 + b'"\n2,y\n',
)
NO = (
    *(b"1\n", b"1,a,b\n", b"1,a\n\n2,b\n", b"\n", b"\\.\n", b"1,a\r\n", b"1,a\r2,b\n", b"1,a", b'1,"a\n', b'1,"a"b\n'),
    *(
        b'1,a"b\n',
        b'1,"a" \n',
        b'1, "a"\n',
        b"1,\0\n",
        b'1,"\0"\n',
        b"1,\xff\n",
        b'1,"\xed\xa0\x80"\n',
        b"1,\xc0\x80\n",
    ),
    *(b"1,a\n" * 100_000 + b"2\n", b"1,a\n" * 100_000 + b"2,b,c\n3\n", b"1,a\n" * 100_000 + b"2,\xe2\x82"),
)


def regular(path: Path, packing: str | None = None) -> bool:
    with path.open("rb") as file:
        return is_regular(file, NAMES, packing, LIMITS)


@pytest.mark.parametrize("text", YES, ids=lambda text: repr(text[:20]))
@pytest.mark.parametrize("packing", [None, "gzip"])
def test_rows_as_an_export_writes_them_are_regular(tmp_path: Path, text: bytes, packing: str | None) -> None:
    """Whatever their values hold, and however long they are; the reader finds nothing bad in them."""
    path = tmp_path / "a.csv"
    path.write_bytes(gzip.compress(HEADER + text) if packing else HEADER + text)
    assert regular(path, packing)
    with path.open("rb") as file:
        assert [*read_rows(file, replace(OURS, compression=packing), 2)] or not text


@pytest.mark.parametrize("text", NO, ids=lambda text: repr(text[-20:]))
def test_what_may_be_read_in_two_ways_is_not_regular(tmp_path: Path, text: bytes) -> None:
    """Ragged and empty lines, other line ends, quotes within values, NUL, what is no UTF-8, no line end at the end."""
    path = tmp_path / "a.csv"
    path.write_bytes(HEADER + text)
    assert not regular(path)


@pytest.mark.parametrize("header", [b"", b"id\n", b'\xef\xbb\xbfid,"a ""b"""\n', b'"a ""b""",id\n', HEADER[:-1]])
def test_other_names_are_not_regular(tmp_path: Path, header: bytes) -> None:
    """COPY does not look at them."""
    path = tmp_path / "a.csv"
    path.write_bytes(header)
    assert not regular(path)


def test_an_empty_line_is_a_row_of_one_field(tmp_path: Path) -> None:
    """It is NULL."""
    path = tmp_path / "a.csv"
    path.write_bytes(b"id\n\n1\n\n")
    with path.open("rb") as file:
        assert is_regular(file, ["id"], None, LIMITS)
