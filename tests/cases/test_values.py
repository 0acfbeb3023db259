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
from json2db_sync.config import JSON2DBConfig
from json2db_sync.databases import open_database
from json2db_sync.databases.ledger import Ledger
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
