"""Canonical texts as fields of CSV, and back."""

import struct

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from json2db_sync.databases.catalog.types import ColumnType, TypeName
from json2db_sync.databases.table_stores import WireColumn
from json2db_sync.databases.table_stores.sqlite_moments import Unfit
from json2db_sync.databases.table_stores.sqlite_values import encode_numbers, float_text, form_of
from json2db_sync.tabular.spelling import float_field, from_csv, to_csv

CASES = [
    (TypeName.BOOLEAN, ["t", "f", None], ["true", "false", None]),
    (TypeName.BYTES, ["\\x", "\\x00ff10", None], ["", "AP8Q", None]),
    (TypeName.TEXT, ["", '"', "\\x00", None], ["", '"', "\\x00", None]),
    (TypeName.ANY, ["i5", "t5", "t", "b\\x05", "r5.0", "rInfinity", None], ["5", '"5', '"', "\\x05", "5.0", "Infinity", None]),
]  # fmt: skip


@pytest.mark.parametrize(("name", "canonical", "fields"), CASES, ids=[case[0] for case in CASES])
def test_a_type_has_its_fields(name, canonical, fields):
    """What a field is depends on the type alone, and comes back as it was."""
    wire = WireColumn("a", ColumnType(name, ""))
    assert list(to_csv(wire)(canonical)) == fields
    assert list(from_csv(wire)(fields)) == canonical


@pytest.mark.parametrize(("name", "field"), [(TypeName.BOOLEAN, "t"), (TypeName.BYTES, "A==="), (TypeName.BYTES, "é")])
def test_what_is_no_field_of_a_type_is_refused(name, field):
    """Text that is no boolean or no base64 raises Unfit."""
    with pytest.raises(Unfit, match="it is no"):
        from_csv(WireColumn("a", ColumnType(name, "")))([field])


@given(st.one_of(st.none(), st.integers(-(2**63), 2**63 - 1), st.floats(allow_nan=False), st.text(), st.binary()))
def test_any_value_of_sqlite_keeps_its_class(value):
    """A value of a column without a type comes back with its storage class."""
    wire = WireColumn("a", ColumnType(TypeName.ANY, ""))
    canonical = form_of(wire).column([value])
    assert list(from_csv(wire)(to_csv(wire)(canonical))) == list(canonical)


HALFWAY = [1e23, 9007199254740993.0, 2.0**60, 5e-324, 1e15, 1e16, 0.0001, 0.00001, -0.0, 123456789012345.6, 1.5e300]


def test_postgresql_spells_floats_so(postgres_url):
    """A float's field is the one that PostgreSQL writes, at the edges of its notations and halfway between two."""
    bits = [
        struct.unpack("<d", struct.pack("<Q", 0x3FF << 52 | at * 0x9E3779B97F4A7C15 % 2**63))[0] for at in range(3000)
    ]
    numbers = [*HALFWAY, *(5.0**at for at in range(30)), *(2.0**at for at in range(-1070, 1023)), *bits]
    numbers += [float(f"{digits}e{power}") for digits in (1, 3, 5, 7, 9) for power in range(15, 40)]
    numbers = [number for number in numbers if number == number]
    with psycopg.connect(postgres_url.replace("+psycopg", "")) as connection:
        spelled = [
            one
            for (one,) in connection.execute("SELECT unnest(%s::float8[])::text", [[*map(repr, numbers)]]).fetchall()
        ]
    assert [*map(float_field, map(float_text, numbers))] == spelled
    finite = [number for number in numbers if abs(number) != float("inf")]
    told = encode_numbers(finite)[1:-1].decode().split(",")
    assert [*map(float_field, told)] == [*map(float_field, map(float_text, finite))]
