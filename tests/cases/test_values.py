"""Values as people's JSON has them: moments spelled in several ways, kinds by setting, MongoDB's Extended JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.columns import there_and_back
from support.contents import assert_sound
from support.sessions import ok, query, session

from json2db_sync import SyncRunner
from json2db_sync.analysis.inference import PlanSettings
from json2db_sync.config import JSON2DBConfig
from json2db_sync.databases import open_database
from json2db_sync.databases.ledger import Ledger
from json2db_sync.errors import ConfigurationError
from json2db_sync.model.moments import format_of, moment_of


class Place:
    """A database, and a folder of sessions beside it."""

    def __init__(self, url: str, folder: Path) -> None:
        self.url = url
        self.folder = folder
        self.is_postgresql = "://" in url
        self.days = 0

    def runner(self, **sections: Any) -> SyncRunner:
        sections.setdefault("export", {"directory": self.folder / "out", "format": "array"})
        sections.setdefault("database", {"backup_directory": self.folder / "backups"})
        return SyncRunner(self.url, self.folder, config=JSON2DBConfig(**sections))

    def load(self, config: dict[str, Any] | None = None, *, by_batch: bool = True, **entities: Any) -> Any:
        """One more session, loaded; then everything that is promised of what is stored is checked."""
        self.days += 1
        session(self.folder / "sync_sessions", f"2026-01-{self.days:02}", **entities)
        runner = self.runner(**(config or {}))
        runner._batch_path = by_batch
        result = ok(runner.populate())
        assert_sound(self.url, runner=runner)
        return result

    def read(self, entity: str, **sections: Any) -> list[Any]:
        return sorted(self.runner(**sections).read(entity), key=lambda record: str(record.get("id")))

    def exported(self, entity: str) -> list[Any]:
        ok(self.runner().export())
        found: list[Any] = json.loads((self.folder / "out" / f"{entity}.json").read_text())
        return sorted(found, key=lambda record: str(record.get("id")))

    def kind(self, entity: str, column: str, table: str | None = None) -> str:
        with open_database(self.url) as database, database.reading() as connection:
            plan = Ledger(database, connection).plans()[entity]
        one = next(one for one in plan.find(table or plan.table.name).columns if one.name == column)
        return str(one.kind)

    def type(self, table: str, column: str) -> str:
        """As PostgreSQL calls it."""
        sql = f"SELECT data_type FROM information_schema.columns WHERE table_name = '{table}' AND column_name = '{column}'"
        return str(query(self.url, sql)[0][0])

    def in_order(self, entity: str, column: str, where: str = "") -> list[Any]:
        sql = f"SELECT id FROM json_{entity} {where} ORDER BY {column}, id"
        return [row[0] for row in query(self.url, sql)]


@pytest.fixture
def place(database_url: str, tmp_path: Path) -> Place:
    return Place(database_url, tmp_path)


def spelled(*texts: str, first: int = 1) -> list[dict[str, Any]]:
    return [{"id": number, "at": text} for number, text in enumerate(texts, first)]


def moments_hold(place: Place, *files: list[dict[str, Any]], type_: str = "timestamp with time zone") -> None:
    """Loaded file by file and together, they are moments, and come back to the letter."""
    for file in files:
        place.load(events=file)
        assert place.kind("events", "at") == "datetime"
    expected = [record for file in files for record in file]
    assert place.read("events") == sorted(expected, key=lambda record: str(record["id"]))
    assert place.exported("events") == place.read("events")
    if place.is_postgresql:
        assert place.type("json_events", "at") == type_


def test_row_31_fractions_that_come_and_go(place):
    """Python's isoformat leaves the fraction out where it is zero: the column stays one of moments."""
    moments_hold(place, spelled("2026-07-01T10:00:00.100000+00:00"), spelled("2026-07-01T10:00:00+00:00", first=2))
    assert place.in_order("events", "at") == [2, 1]


def test_row_32_offsets_that_change(place):
    """Summer and winter time: moments, which sort by time on SQLite too."""
    moments_hold(
        place,
        spelled("2026-07-01T10:00:00-04:00", "2026-12-01T10:00:00-05:00"),
        spelled("2026-10-25T02:10:00+01:00", "2026-10-25T02:30:00+02:00", first=3),
    )
    assert place.in_order("events", "at") == [1, 4, 3, 2]
    assert place.in_order("events", "at", "WHERE at > '2026-10-25'") == [4, 3, 2]
    assert place.in_order("events", "at", "WHERE at > '2026-10-25T01:00:00Z'") == [3, 2]


SPELLINGS = {
    "Z beside +00:00": ["2026-01-01T10:00:00Z", "2026-01-01T09:00:00+00:00", "2026-01-01T11:00:00+0000"],
    "a blank for T": ["2026-01-01T10:00:00Z", "2026-01-01 09:00:00Z", "2026-01-01 11:00:00+00:00"],
    "an offset of hours": ["2026-01-01T10:00:00+02", "2026-01-01T09:00:00+02", "2026-01-01 11:00:00+03"],
    "the ends of the calendar": ["2026-01-01T10:00:00Z", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59.9999999Z"],
    "beyond the calendar in UTC": [
        "2026-01-01T10:00:00Z", "0001-01-01T00:00:00+05:00", "9999-12-31T23:59:59-05:00"],
    "seven and nine digits": [
        "2026-01-01T10:00:00.1234567Z", "2026-01-01T10:00:00.123455Z", "2026-01-01T10:00:00.999999999Z"],
    "trimmed digits": ["2026-01-01T10:00:00.12Z", "2026-01-01T10:00:00.1Z", "2026-01-01T10:00:00.123Z"],
    "BigQuery": ["2026-01-01 10:00:00.123456 UTC", "2026-01-01 10:00:00 UTC", "2026-01-01 10:00:00.5 UTC"],
    "Ruby and git": ["2026-01-01 11:00:00 +0100", "2026-01-01 11:30:00 +0200", "2026-01-01 10:00:01 +00"],
    "small letters": ["2026-01-01t10:00:00z", "2026-01-01t09:00:00Z", "2026-01-01T10:00:00.5z"],
    "24:00": ["2026-01-01T23:59:59Z", "2026-01-01T24:00:00+02:00", "2026-01-01T24:00:00Z"],
    "a leap second": ["2016-12-31T23:59:60Z", "2016-12-31T23:59:59.9Z", "2017-01-01T05:29:60.5+05:30"],
    "a comma": ["2026-01-01 10:00:00,123Z", "2026-01-01 10:00:00,122Z", "2026-01-01T10:00:00.124Z"],
    "no seconds": ["2026-01-01T10:01Z", "2026-01-01T10:00:59Z", "2026-01-01T10:01:00.5Z"],
}  # fmt: skip


@pytest.mark.parametrize("name", SPELLINGS)
def test_moments_are_moments_however_they_are_spelled(name, place):
    """Siblings of 31 and 32: the second of each is the earliest, the third the latest."""
    moments_hold(place, spelled(*SPELLINGS[name][:1]), spelled(*SPELLINGS[name][1:], first=2))
    assert place.in_order("events", "at") == [2, 1, 3]


def test_wall_clocks_are_wall_clocks_however_they_are_spelled(place):
    """Without an offset the same holds: Java leaves out seconds that are zero."""
    texts = ["2026-01-01T10:00:01", "2026-01-01 10:00", "9999-12-31T23:59:59", "0001-01-01T00:00:00.5"]
    moments_hold(place, spelled(*texts[:2]), spelled(*texts[2:], first=3), type_="timestamp without time zone")
    assert place.in_order("events", "at") == [4, 2, 1, 3]


@pytest.mark.parametrize("other", ["2026-01-01T10:00:00", "2026-01-01", "", "2013-02-30T10:00:00Z", "soon", 5])
def test_what_is_no_moment_of_that_kind_still_makes_text(other, place):
    """A wall clock, a day and words among moments are kept as they are, in a column of text."""
    texts = spelled("2026-07-01T10:00:00-04:00", "2026-12-01T10:00:00-05:00")
    place.load(events=texts)
    place.load(events=[{"id": 3, "at": other}])
    assert place.kind("events", "at") == "text"
    assert place.read("events") == [*texts, {"id": 3, "at": other}]


def test_moments_in_children_and_gaps(place):
    """Also in child tables; absent, null and odd spellings in one row stand beside each other."""
    orders = [
        {"id": 1, "at": None, "lines": [{"at": "2026-07-01T10:00:00-04:00", "x": None}, {"at": "2026-12-01T10:00:00-05:00"}]},
        {"id": 2, "lines": [{"x": 1, "at": None}, {"x": 2}, {"at": "2026-12-01T10:00:00Z", "to": "2026-12-01T10:00Z"}]},
        {"id": 3, "at": "2026-07-01T10:00:00-04:00", "lines": []},
        {"id": 4, "at": "2026-07-01T10:00:00Z"},
    ]  # fmt: skip
    place.load(orders=orders)
    assert place.kind("orders", "at", "json_orders_lines") == "datetime"
    assert place.read("orders") == orders
    place.load(orders=[{**order, "at": "2026-07-01T10:00:00.25+00:00"} for order in orders])
    assert place.read("orders")[1]["lines"] == orders[1]["lines"]


def test_a_plain_column_is_stored_as_before(place):
    """Moments that are all spelled alike are stored as they are spelled, in the former version's databases too."""
    place.load(events=spelled("2026-07-01T10:00:00+05:30", "2026-07-01T11:00:00+05:30"))
    if not place.is_postgresql:
        assert query(place.url, "SELECT at FROM json_events ORDER BY id")[0] == ("2026-07-01T10:00:00+05:30",)
    session(place.folder / "sync_sessions", "2026-02-01", events=spelled("2026-07-01T10:00:00Z", first=3))
    (change,) = place.runner().plan().changes
    assert change == "widen column json_events.at (datetime spelled otherwise)"
    assert (change.records > 0) is not place.is_postgresql  # there they are moments already
    place.load(events=spelled("2026-07-01T10:00:00Z", first=3))
    assert place.in_order("events", "at") == [1, 2, 3]


def test_moments_that_change_are_updated_and_respelled_ones_are_too(place):
    """Another spelling of the same moment is another value: the record is updated, and reads as it came last."""
    place.load(events=spelled("2026-07-01T10:00:00-04:00", "2026-12-01T10:00:00-05:00"))
    result = place.load(events=spelled("2026-07-01T14:00:00Z", "2026-12-01T10:00:00-05:00"))
    assert (result.statistics["updated"], result.statistics["unchanged"]) == (1, 1)
    assert place.read("events")[0]["at"] == "2026-07-01T14:00:00Z"


OFFSETS = ["Z", "+00:00", "+0000", "+00", "-04:00", "-05:00", "+05:30", "+0530", "+14:00", "-12"]


@st.composite
def moment_texts(draw: st.DrawFn, offsets: list[str]) -> str:
    day = draw(st.dates()).isoformat()
    clock = draw(st.times()).isoformat("seconds")
    digits = draw(st.text("0123456789", max_size=9))
    short = draw(st.booleans()) and not digits
    fraction = f".{digits}" if digits else ""
    return (
        f"{day}{draw(st.sampled_from('T '))}{clock[:5] if short else clock}{fraction}{draw(st.sampled_from(offsets))}"
    )


@pytest.mark.parametrize("offsets", [OFFSETS, [""]], ids=["moments", "wall clocks"])
@given(data=st.data())
def test_any_spelling_of_moments_comes_back(offsets, data):
    """Whatever the spelling: a moment in the column, the text to the letter, in the order of time, on both paths."""
    texts = data.draw(st.lists(moment_texts(offsets), min_size=1, max_size=6))
    texts.sort(key=lambda text: moment_of(text).at)
    rows = there_and_back([{"id": number, "at": text} for number, text in enumerate(texts)], {"at": "datetime"})
    if len(set(map(format_of, texts))) > 1:
        assert [row["at"] for row in rows] == sorted(row["at"] for row in rows)


# Kinds by setting

MONEY = [{"id": 1, "total": "19.90", "amount": 0.1}, {"id": 2, "total": "0.10", "amount": 0.2},
         {"id": 3, "total": "1000000000000000.01", "amount": 5}]  # fmt: skip


def kinds(**processing: str) -> dict[str, Any]:
    return {"processing": {"kinds": {name.replace("__", "."): kind for name, kind in processing.items()}}}


def test_row_33_prices_are_decimals_by_setting(place):
    """NUMERIC on PostgreSQL, text on SQLite; sums are exact, and what was text comes back as that text."""
    config = kinds(invoices__total="decimal", invoices__amount="decimal")
    place.load(config, invoices=MONEY)
    assert place.kind("invoices", "total") == place.kind("invoices", "amount") == "decimal"
    assert place.read("invoices") == place.exported("invoices") == MONEY
    if place.is_postgresql:
        assert place.type("json_invoices", "total") == "numeric"
        assert str(query(place.url, "SELECT sum(total), sum(amount) FROM json_invoices")[0][0]) == "1000000000000020.01"
    else:
        assert query(place.url, "SELECT total FROM json_invoices WHERE id = 1") == [("19.90",)]
    (table,) = ok(place.runner(**config).report()).tables
    assert table.sums == {"total": "1000000000000020.01", "amount": "5.3"}


@pytest.mark.parametrize("name", ["line_items.rate", "invoices.line_items.rate"])
def test_kinds_of_columns_of_children(name, place):
    """By the child's name, or by the whole path."""
    records = [{"id": 1, "line_items": [{"rate": "1.10"}, {"rate": "2.205"}, {"rate": None}, {}]}]
    config = {"processing": {"kinds": {name: "decimal"}}}
    place.load(config, invoices=records)
    assert place.read("invoices") == records
    tables = {table.name: table.sums for table in ok(place.runner(**config).report()).tables}
    assert tables["json_invoices_line_items"] == {"rate": "3.305"}


CHOSEN: dict[str, tuple[str, list[Any], list[Any], str]] = {
    # kind by setting: values, what does not fit, and the kind on PostgreSQL
    "decimal": ("decimal", ["1.50", "-0.00", "1e3", 7, 0.25, "+2", ".5"], ["n/a", "", True, [1], {"a": 1}], "numeric"),
    "integer": ("integer", ["12", "007", 5, 5.0, "-3"], ["1.5", "", 1.5, "99999999999999999999", False], "bigint"),
    "number": ("number", ["1.5", 2, "2e3", "0.10"], ["", "NaN", "1e999", None, []], "double precision"),
    "text": ("text", ["a", 1, 1.5, True, ""], [["a"], {"a": 1}], "text"),
    "json": ("json", ["a", 1, {"b": [1]}, [{"c": 1}], True], [], "jsonb"),
    "date": ("date", ["2026-01-31", "0001-01-01"], ["", "2026-02-30", "2026-01-31T10:00:00Z", 5], "date"),
    "datetime": ("datetime", ["2026-01-31T10:00:00Z", "2026-01-31T10:00:00.5+02:00"], ["", "soon", "2026-01-31"],
                 "timestamp with time zone"),
    "datetime:%d/%m/%Y": ("datetime", ["31/01/2026", "01/02/2026", "1/2/2026"], ["", "02/30/2026", 5],
                          "timestamp without time zone"),
    "date:%d.%m.%y": ("date", ["31.01.26", "01.02.26"], ["2026-01-31"], "date"),
    "datetime:%Y%m%dT%H%M%S%z": ("datetime", ["20260131T100000+0000", "20260131T100000+0200"], ["20260131"],
                                 "timestamp with time zone"),
}  # fmt: skip


@pytest.mark.parametrize("kind", CHOSEN)
def test_every_kind_by_setting_keeps_what_does_not_fit(kind, place):
    """What fits is of the kind; what does not is kept as it was and counted; both come back, in one file or two."""
    name, fitting, others, type_ = CHOSEN[kind]
    records = [{"id": number, "v": value} for number, value in enumerate([*fitting, *others])]
    config = kinds(things__v=kind)
    place.load(config, things=records[: len(fitting)])
    assert place.kind("things", "v") == name
    result = place.load(config, things=records, by_batch=False)
    assert place.read("things") == sorted(records, key=lambda record: str(record["id"]))
    assert place.kind("things", "v") == name
    if place.is_postgresql:
        assert place.type("json_things", "v") == type_
    misfits = sum(value is not None for value in others)
    assert [note.count for note in result.notes if note.code == "misfits"] == ([misfits] if misfits else [])
    stored = query(place.url, "SELECT count(*) FROM json_things WHERE v IS NULL")
    assert stored == [(len(others),)]


def test_dates_in_a_format_of_ones_own_sort_by_time(place):
    """They are dates in the table, whatever their format."""
    records = [{"id": 1, "at": "31/01/2026"}, {"id": 2, "at": "01/12/2025"}, {"id": 3, "at": "02/02/2026"}]
    place.load(kinds(x__at="datetime:%d/%m/%Y"), x=records)
    assert place.in_order("x", "at") == [2, 1, 3]
    assert place.in_order("x", "at", "WHERE at > '2026-01-15'") == [1, 3]
    assert place.read("x") == records


def test_a_kind_that_is_chosen_later_changes_the_column(place):
    """The plan announces it, create_tables does it, and every record comes back."""
    place.load(invoices=MONEY)
    assert place.kind("invoices", "total") == "text"
    runner = place.runner(**kinds(invoices__total="decimal"))
    result = runner.populate()
    assert [note.text for note in result.notes if note.code == "kinds_ignored"] == [
        "invoices: processing.kinds takes effect on json_invoices.total with create-tables"
    ]
    assert result.needs_attention
    assert any(change == "widen column json_invoices.total (text to decimal)" for change in runner.plan().changes)
    ok(runner.create_tables())
    assert place.kind("invoices", "total") == "decimal"
    assert not ok(runner.populate()).notes
    assert_sound(place.url, runner=runner)
    assert place.read("invoices") == MONEY


def test_the_analysis_proposes_kinds(place):
    """Texts that are all decimals, or all dates in another format, are named with the line for the configuration."""
    records = [{"id": n, "price": f"{n}.90", "day": f"{n:02}/01/2026", "zip": f"{n:05}"} for n in range(1, 29)]
    session(place.folder / "sync_sessions", "2026-01-01", things=records)
    notes = [note for note in ok(place.runner().analyze()).notes if note.code == "kind_proposal"]
    assert [str(note) for note in notes] == [
        'things.price: 28 texts that are all decimals: processing.kinds = {"things.price": "decimal"}',
        'things.day: 28 texts that are all dates: processing.kinds = {"things.day": "date:%d/%m/%Y"}',
    ]
    assert not [
        note
        for note in ok(place.runner(**kinds(things__price="decimal", things__day="date:%d/%m/%Y")).analyze()).notes
        if note.code == "kind_proposal"
    ]


FINE: dict[str, tuple[str, list[Any]]] = {
    # kind by setting, if any: moments, each later than the one before, of which the first has no fraction
    "wrappers": ("datetime", [{"$date": "2026-01-31T10:00:00Z"}, {"$date": "2026-01-31T10:00:00.25Z"},
                              {"$date": {"$numberLong": "1769853600300"}}, "2026-01-31T10:00:00.300001Z"]),
    "texts": ("datetime", ["2026-01-31T10:00:00Z", "2026-01-31T10:00:00.25Z", "2026-01-31T10:00:00.250001Z"]),
    "wall clocks": ("datetime", ["2026-01-31T10:00:00", "2026-01-31T10:00:00.5"]),
    "a format of one's own": ("datetime:%Y%m%dT%H%M%S%z", ["20260131T100000+0000", {"$date": "2026-01-31T10:00:00.1Z"}]),
    "no setting": ("", [{"$date": "2026-01-31T10:00:00Z"}, "2026-01-31T10:00:00.0001Z"]),
}  # fmt: skip


@pytest.mark.parametrize("values", FINE)
@pytest.mark.parametrize("files", [1, 2])
@pytest.mark.parametrize("by_batch", [True, False], ids=["batch", "row"])
def test_fractions_of_seconds_are_in_the_column(values, files, by_batch, place):
    """Whatever the column was made for first: in one file or a later one, in records and in their children."""
    kind, moments = FINE[values]
    records = [{"id": n, "at": moments[-n], "lines": [{"at": moments[-n]}]} for n in range(1, len(moments) + 1)]
    config = kinds(x__at=kind, x__lines__at=kind) if kind else {}
    for part in [records] if files == 1 else [records[-1:], records[:-1]]:
        assert not place.load(config, by_batch=by_batch, x=part).notes
    assert place.in_order("x", "at") == [record["id"] for record in reversed(records)]
    assert len(query(place.url, "SELECT DISTINCT at FROM json_x_lines")) == len(records)
    assert place.read("x") == records


def test_a_kind_that_fits_no_value_is_loud(place):
    """It is hardly what was meant; one that fits some is said in passing."""
    records = [{"id": 1, "a": "soon", "b": "soon"}, {"id": 2, "a": "later", "b": "2026-01-01"}]
    result = place.load(kinds(x__a="date", x__b="date"), x=records)
    found = [(note.code, note.count) for note in result.notes]
    assert found == [("nothing_fits", 2), ("misfits", 1)]
    assert result.needs_attention


def test_what_keeps_a_column_from_being_a_date_is_not_said_of_one_that_is_a_date_by_setting(place):
    """Which values those are is said of the column instead."""
    records = [{"id": n, "d": f"2026-01-{n:02}"} for n in range(1, 9)]
    session(place.folder / "sync_sessions", "2026-01-01", x=[*records, {"id": 9, "d": ""}])
    assert [note.code for note in ok(place.runner().analyze()).notes] == ["date_exceptions"]
    assert not ok(place.runner(**kinds(x__d="date")).analyze()).notes


def test_a_kind_that_is_none_is_told():
    """A slip of the pen is not a text column."""
    with pytest.raises(ConfigurationError, match="is no kind"):
        JSON2DBConfig(processing={"kinds": {"a.b": "money"}})


@given(st.lists(st.decimals(allow_nan=False, allow_infinity=False).map(str) | st.text() | st.integers() | st.none(), min_size=1, max_size=6),
       st.sampled_from(["decimal", "integer", "number", "text", "json", "date", "datetime", "datetime:%d/%m/%Y"]))  # fmt: skip
def test_any_value_comes_back_from_a_column_of_any_kind(values, kind):
    """A kind by setting never changes a value, on both paths."""
    settings = PlanSettings(kinds={"t.v": kind})
    records = [{"id": number, "v": value} for number, value in enumerate(values)]
    there_and_back(records, {"v": kind.partition(":")[0]}, settings)


# MongoDB's Extended JSON


def test_row_25_a_wrapped_id_is_the_key(place):
    """The second file brings the same record: it is updated, under the id that the wrapper holds."""
    place.load(people=[{"_id": {"$oid": "60f6"}, "name": "A"}])
    result = place.load(people=[{"_id": {"$oid": "60f6"}, "name": "B"}])
    assert (result.statistics["inserted"], result.statistics["updated"]) == (0, 1)
    assert query(place.url, "SELECT id, _id, name FROM json_people") == [("60f6", "60f6", "B")]
    assert list(place.runner().read("people")) == [{"_id": {"$oid": "60f6"}, "name": "B"}]


CANONICAL = [
    {"_id": {"$oid": "a1"}, "at": {"$date": {"$numberLong": "1767225600123"}}, "price": {"$numberDecimal": "19.90"},
     "n": {"$numberLong": "5"}, "i": {"$numberInt": "3"}, "d": {"$numberDouble": "1.5"},
     "lines": [{"item": {"$oid": "b1"}, "price": {"$numberDecimal": "0.10"}}, {"price": {"$numberDecimal": "NaN"}}]},
    {"_id": {"$oid": "a2"}, "at": {"$date": {"$numberLong": "-62135596800000"}}, "price": {"$numberDecimal": "1E+3"},
     "n": {"$numberLong": "9223372036854775807"}, "i": {"$numberInt": "-3"}, "d": {"$numberDouble": "Infinity"},
     "lines": []},
]  # fmt: skip
RELAXED = [
    {"_id": {"$oid": "c1"}, "at": {"$date": "2026-01-01T00:00:00Z"}, "price": {"$numberDecimal": "5"}, "n": 7, "i": 1,
     "d": 2.5, "lines": [{"item": {"$oid": "any text"}, "price": {"$numberDecimal": "1.00"}}]},
    {"_id": {"$oid": "c2"}, "at": {"$date": "2025-12-31T23:59:59.5Z"}, "price": None, "n": 8, "i": 2, "d": 3},
]  # fmt: skip


@pytest.mark.parametrize("days", [[CANONICAL], [RELAXED], [CANONICAL, RELAXED], [RELAXED, CANONICAL]],
                         ids=["canonical", "relaxed", "relaxed after canonical", "canonical after relaxed"])  # fmt: skip
def test_row_25_extended_json_makes_typed_columns(days, place):
    """Columns of moments, decimals and numbers, also in children; the wrappers come back."""
    for records in days:
        place.load(orders=records)
    expected = sorted((record for day in days for record in day), key=lambda record: record["_id"]["$oid"])
    read = sorted(place.runner().read("orders"), key=lambda record: record["_id"]["$oid"])
    assert read == expected
    wanted = {"_id": "text", "at": "datetime", "price": "decimal", "n": "integer", "i": "integer", "d": "number"}
    assert {column: place.kind("orders", column) for column in wanted} == wanted
    assert place.kind("orders", "price", "json_orders_lines") == "decimal"
    if place.is_postgresql:
        assert place.type("json_orders", "at") == "timestamp with time zone"
        assert place.type("json_orders_lines", "price") == "numeric"
    assert place.runner().plan().changes == ()
    if len(days) == 2:
        assert place.in_order("orders", "at") == ["a2", "c2", "c1", "a1"]
        assert place.in_order("orders", "at", "WHERE at > '2026-01-01T00:00:00.050Z'") == ["a1"]
        assert [row[0] for row in query(place.url, "SELECT sum(i) FROM json_orders")] == [3]


@pytest.mark.parametrize("by_batch", [True, False], ids=["batches", "rows"])
def test_wrappers_of_later_files_are_no_objects_among_texts(by_batch, place):
    """They are values of the column's kind, however few records there were before."""
    days = [
        [{"id": 1, "at": {"$date": "2026-01-01T00:00:00Z"}, "of": {"$oid": "a"}}],
        [{"id": 2, "at": {"$date": {"$numberLong": "-1"}}, "of": {"$oid": "b"}, "new": 1}],
        [{"id": 3, "at": {"$date": "2026-01-01T00:00:00.25Z"}, "of": None}, {"id": 4, "of": {"$oid": "c"}}],
    ]
    for records in days:
        assert place.load(by_batch=by_batch, orders=records).notes == ()
        assert place.runner().plan().changes == ()
    found = query(place.url, "SELECT id, of FROM json_orders WHERE of IS NOT NULL ORDER BY of")
    assert found == [(1, "a"), (2, "b"), (4, "c")]
    assert place.in_order("orders", "at", "WHERE at IS NOT NULL") == [2, 1, 3]
    assert place.read("orders") == [record for records in days for record in records]


@pytest.mark.parametrize("by_batch", [True, False], ids=["batches", "rows"])
def test_wrapped_numbers_in_lists_and_inside_objects_are_numbers(by_batch, place):
    """In the child table and in the flat view they sum and sort; what is no number is NULL there."""

    def record(number: int, double: str) -> dict[str, Any]:
        at = {"type": "Point", "coordinates": [{"$numberDouble": double}, {"$numberDouble": "40.5"}]}
        inner = {"stock": {"$numberInt": str(number)}, "net": {"$numberDecimal": "0.10"}}
        return {"id": number, "at": at, "size": {"of": inner}, "prices": [{"$numberDecimal": "0.10"}]}

    days = [[record(number, double) for number, double in ((9, "-73.5"), (10, "NaN"))], [record(11, "1e2")]]
    for records in days:
        place.load(by_batch=by_batch, places=records)
    assert query(place.url, "SELECT sum(_number_double) FROM json_places_at_coordinates") == [(148,)]
    columns = "max(size_of_stock_number_int), sum(size_of_net_number_decimal)"
    ((largest, total),) = query(place.url, f"SELECT {columns} FROM json_places_flat")
    assert (largest, float(round(total, 9))) == (11, 0.3)
    read = sorted(place.read("places"), key=lambda one: int(one["id"]))
    assert read == [one for records in days for one in records]


def test_what_only_looks_like_a_wrapper_stays_json(place):
    """An object of other keys, or with a content of another kind, makes the column one of JSON."""
    for number, other in enumerate(
        [{"$oid": 5}, {"$oid": "a", "b": 1}, {"$numberLong": "five"}, {"$date": "soon"}, {"a": 1}]
    ):
        records = [{"id": 1, "v": {"$oid": "a"}}, {"id": 2, "v": other}]
        place.load(**{f"t{number}": records})
        assert place.kind(f"t{number}", "v") == "json"
        assert place.read(f"t{number}") == records


WRAPPERS = {
    "text": st.text().map(lambda text: {"$oid": text}),
    "integer": st.one_of(
        st.integers(-(2**64), 2**64).map(lambda number: {"$numberLong": str(number)}),
        st.integers(-(2**31), 2**31).map(lambda number: {"$numberInt": str(number)}),
    ),
    "number": st.floats().map(lambda number: {"$numberDouble": repr(number)}),
    "decimal": st.decimals().map(lambda number: {"$numberDecimal": str(number)}),
    "datetime": st.one_of(
        st.integers(-(2**60), 2**60).map(lambda number: {"$date": {"$numberLong": str(number)}}),
        st.integers(-(2**60), 2**60).map(lambda number: {"$date": number}),
        moment_texts(["Z", "+00:00"]).map(lambda text: {"$date": text}),
    ),
}
WRAPPED = st.one_of(*WRAPPERS.values())


@given(
    st.lists(
        WRAPPED | st.sampled_from([None, 5, 1.5, "a", "2026-01-01T00:00:00Z", True, {"a": 1}, []]),
        min_size=1,
        max_size=6,
    )
)
def test_any_extended_json_comes_back(values):
    """Wrappers of any sort, in any mixture, beside anything: on both paths."""
    there_and_back([{"id": number, "v": value} for number, value in enumerate(values)], {})


@given(st.data())
def test_wrappers_of_one_sort_make_a_typed_column(data):
    """The kind is that of the wrapper, whatever its values."""
    kind = data.draw(st.sampled_from(sorted(WRAPPERS)))
    values = data.draw(st.lists(WRAPPERS[kind], min_size=1, max_size=6))
    there_and_back([{"id": number, "v": value} for number, value in enumerate(values)], {"v": kind})


# Numbers inside JSON columns


def test_numbers_in_json_columns_keep_their_shortest_text(place):
    """Large doubles are read and exported as they are written shortest; whole numbers stay whole numbers."""
    numbers = [1e22, -1e245, 1e16, 1e17, 1.5e300, 10**18, 10**22 + 1, 2**63, 0.1, 1e-7, 5.0]
    record = {"id": 1, "j": {"n": numbers, "t": 'e+ "1e+22" \\" 5e+20'}}
    place.load(things=[record])
    (found,) = place.read("things")
    assert found == record
    assert [repr(number) for number in found["j"]["n"][:7]] == [repr(number) for number in numbers[:7]]
    ok(place.runner().export())
    text = "".join((place.folder / "out" / "things.json").read_text().split())
    assert text.startswith(
        '[{"id":1,"j":{"n":[1e22,-1e245,1e16,1e17,1.5e300,1000000000000000000,10000000000000000000001,'
    )
    result = place.load(things=[record, {"id": 2, "j": 1e22}])
    assert (result.statistics["unchanged"], result.statistics["inserted"]) == (1, 1)
