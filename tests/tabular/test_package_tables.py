"""The files of a package as tables: values of their types, or told by file and line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from support.bundles import package, table

from json2db_sync.databases.catalog.types import ColumnType, TypeName
from json2db_sync.databases.table_stores import Strangers, ValueRefused, WireColumn
from json2db_sync.errors import FileError
from json2db_sync.tabular.tables import PackageTables

INTEGER = ColumnType(TypeName.INTEGER, "bigint", bits=64)
TEXT = ColumnType(TypeName.TEXT, "text")
TYPES: Mapping[str, ColumnType] = {
    "boolean": ColumnType(TypeName.BOOLEAN, "boolean"),
    "small": ColumnType(TypeName.INTEGER, "smallint", bits=16),
    "numeric": ColumnType(TypeName.NUMERIC, "numeric"),
    "money": ColumnType(TypeName.NUMERIC, "numeric(6,2)", precision=6, scale=2),
    "float": ColumnType(TypeName.FLOAT, "double precision", bits=64),
    "text": ColumnType(TypeName.TEXT, "varchar(3)", length=3),
    "bytes": ColumnType(TypeName.BYTES, "bytea"),
    "date": ColumnType(TypeName.DATE, "date"),
    "zoned": ColumnType(TypeName.TIMESTAMPTZ, "timestamp with time zone"),
    "uuid": ColumnType(TypeName.UUID, "uuid"),
    "json": ColumnType(TypeName.JSONB, "jsonb"),
    "array": ColumnType(TypeName.ARRAY, "integer[]", element=INTEGER),
    "enum": ColumnType(TypeName.ENUM, "mood", labels=("ok", "bad")),
}
FITS = [
    ("boolean", "true", "t"),
    ("small", "-32768", "-32768"),
    ("numeric", "12345678901234567890.000000000000000001", "12345678901234567890.000000000000000001"),
    ("money", "12.5", "12.50"),
    ("float", "1e+15", "1000000000000000.0"),
    ("float", "-Infinity", "-Infinity"),
    ("text", "äöü", "äöü"),
    ("text", '""', ""),
    ("text", "", None),
    ("bytes", "AP8=", "\\x00ff"),
    ("date", "0044-03-15 BC", "0044-03-15 BC"),
    ("zoned", "2024-02-03 04:05:06.7+00", "2024-02-03 04:05:06.7+00"),
    ("uuid", "A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"),
    ("json", '"{""a"": 1}"', '{"a": 1}'),
    ("array", '"[1, null]"', "[1, null]"),
    ("enum", "ok", "ok"),
]
MISFITS = [
    ("boolean", "1"), ("small", "32768"), ("small", "1.0"), ("small", "1_0"), ("small", "٣"), ("small", '"1,2"'),
    ("small", "abc"), ("money", "1.234"), ("money", "12345.00"), ("numeric", "1e5x"), ("float", "1_0"), ("float", "1 2"),
    ("text", "abcd"), ("bytes", "A"), ("date", "2024-02-30"), ("zoned", "2024-02-03 04:05:06"), ("uuid", "a"),
    ("json", "{"), ("json", '"""\\u0000"""'), ("array", "{1}"), ("enum", "so"),
]  # fmt: skip


def tables_of(folder: Path, text: str, **types: ColumnType) -> tuple[PackageTables, Sequence[WireColumn]]:
    """A file of nobody's, and how its columns are asked for."""
    of = table("things", types)
    found = package(folder, "postgresql", {of: text}, ours=False)
    return PackageTables(found), [WireColumn(name, type_) for name, type_ in types.items()]


@pytest.mark.parametrize(("name", "field", "expected"), FITS)
def test_a_value_of_its_type_comes_as_canonical_text(
    tmp_path: Path, name: str, field: str, expected: str | None
) -> None:
    """Alone, and in a column of others."""
    for text in (f"{field},1\n", f"{field},1\n{field},2\n,3\n"):
        tables, wires = tables_of(tmp_path, text, value=TYPES[name], id=INTEGER)
        (table,) = tables.catalog().tables
        (batch,) = tables.read(table, wires)
        assert batch[0][0] == expected
        assert [*tables.look(table, wires)] == []


@pytest.mark.parametrize(("name", "field"), MISFITS)
@pytest.mark.parametrize("strangers", ["refuse", "marked"])
def test_a_value_of_another_type_is_told_by_file_and_line(
    tmp_path: Path, name: str, field: str, strangers: Strangers
) -> None:
    """Asked for with a mark, it comes with one, as comparisons and rejected rows want it."""
    tables, wires = tables_of(tmp_path, f",1\n{field},2\n", value=TYPES[name], id=INTEGER)
    (table,) = tables.catalog().tables
    (found,) = tables.look(table, wires)
    assert (found.misfit.table, found.misfit.column, found.misfit.key) == ("things", "value", "things.csv, line 3")
    asked = [WireColumn("value", TYPES[name], strangers)]
    if strangers == "marked":
        ((column,),) = tables.read(table, asked)
        assert column[0] is None
        assert str(column[1])[0] == "\0"
    else:
        with pytest.raises(ValueRefused) as refused:
            [*tables.read(table, asked)]
        assert refused.value.misfit == found.misfit


def test_rows_that_cannot_be_read_are_all_told(tmp_path: Path) -> None:
    """Too many fields, too few, a byte that is no UTF-8; the rows between them are read."""
    tables, wires = tables_of(tmp_path, "", id=INTEGER, name=TEXT)
    (tmp_path / "things.csv").write_bytes(b"id,name\n1,a\n2\n3,b,c\n4,\xff\n5,=1+1\n6,\x1a\n7,z")
    (table,) = tables.catalog().tables
    with pytest.raises(FileError, match="line 3"):
        [*tables.read(table, wires)]
    found = [*tables.look(table, wires)]
    assert [(one.line, one.misfit.code, one.misfit.key) for one in found] == [
        (line, "not_a_row", f"things.csv, line {line}") for line in (3, 4, 5)
    ]
    columns = [[*column] for batch in tables.read(table, wires) for column in batch]
    assert columns == [["1", "5", "6", "7"], ["a", "=1+1", "\x1a", "z"]]


def test_null_where_none_is_taken_is_a_misfit(tmp_path: Path) -> None:
    """An empty field is NULL, and the empty text in quotes is none."""
    tables, _wires = tables_of(tmp_path, 'x,1\n,2\n"",3\n', name=TEXT, id=INTEGER)
    (table,) = tables.catalog().tables
    (found,) = tables.look(table, [WireColumn("name", TEXT, nullable=False)])
    assert (found.line, found.misfit.code, found.misfit.value) == (3, "null", "NULL")
