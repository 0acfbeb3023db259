"""Real data: what is stored equals what independent counts, the authors' own databases and Python's json say."""

from __future__ import annotations

import json
import re
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from support.nightly import NIGHTLY
from support.stored import Records, assert_same_records, by_value, exact_sum, load_json, query, read_records

from json2db_sync import SyncRunner
from json2db_sync.config import JSON2DBConfig
from json2db_sync.results import PopulateResult, WorkflowResult

PARTS = ("inserted", "updated", "unchanged", "superseded", "rejected")
ENTITIES = (
    "bills",
    "contacts",
    "creditnotes",
    "customerpayments",
    "invoices",
    "items",
    "organizations",
    "purchaseorders",
    "salesorders",
    "vendorpayments",
)


@pytest.fixture(scope="module")
def expected(shared_data: Path) -> Any:
    """Counts, sums and checksums that were made without this package."""
    return load_json(shared_data / "EXPECTED.json")


# The sessions of an API sync


@dataclass(frozen=True)
class Synced:
    url: str
    workflow: WorkflowResult
    records: Records

    @property
    def populate(self) -> PopulateResult:
        return self.workflow.steps["populate"]


def sync(url: str, source: Path, **options: Any) -> WorkflowResult:
    result = SyncRunner(url, source).full_workflow(cutoff_days="all", full_verification=True, **options)
    assert result.success, (result.error, result.notes)
    return result


def synced_into(url: str, source: Path) -> Synced:
    return Synced(url, sync(url, source), read_records(url))


@pytest.fixture(scope="module")
def synced_sqlite(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Synced:
    return synced_into(str(tmp_path_factory.mktemp("api_sync") / "test.db"), shared_data / "api_sync")


@pytest.fixture(scope="module")
def synced_postgresql(shared_data: Path, request: pytest.FixtureRequest) -> Iterator[Synced]:
    server = request.getfixturevalue("postgres_server")
    url = server.create_database()
    yield synced_into(url, shared_data / "api_sync")
    server.drop_database(url)


@pytest.fixture(params=["sqlite", "postgresql"])
def synced(request: pytest.FixtureRequest) -> Synced:
    """The sessions after one full workflow, in each kind of database."""
    found: Synced = request.getfixturevalue(f"synced_{request.param}")
    return found


def latest_records(shared_data: Path, expected: Any) -> Records:
    """The last version of each key, file after file in the order of sessions and stamps."""
    latest: dict[str, dict[Any, Any]] = {name: {} for name in expected["api_sync"]["final"]}
    for step in expected["api_sync"]["steps"]:
        entity = Path(step["file"]).stem
        key = expected["api_sync"]["final"][entity]["pk"]
        for record in load_json(shared_data / "api_sync" / step["file"]):
            latest[entity][str(record[key])] = record
    return {entity: list(records.values()) for entity, records in latest.items()}


@pytest.mark.slow
def test_each_file_brings_what_was_counted_without_us(synced: Synced, expected: Any) -> None:
    """New, changed and identical records of every file are those that were counted independently."""
    wanted = [
        (step["file"], step["records"], step["new"], step["changed"], step["identical"], 0, 0)
        for step in expected["api_sync"]["steps"]
    ]
    loaded = [
        (f.file, f.read, f.inserted, f.updated, f.unchanged, f.superseded, f.rejected) for f in synced.populate.files
    ]
    assert loaded == wanted


@pytest.mark.slow
@pytest.mark.parametrize("entity", ENTITIES)
def test_an_entity_has_the_records_and_key_it_should(synced: Synced, expected: Any, entity: str) -> None:
    """Count and key are those expected, and column id holds the key, with nothing lost of 19 digits."""
    wanted = expected["api_sync"]["final"][entity]
    reported = next(e for e in synced.workflow.steps["report"].entities if e.name == entity)
    assert (reported.record_count, reported.key) == (wanted["records"], (wanted["pk"],))
    ids = [str(value) for (value,) in query(synced.url, f"SELECT id FROM json_{entity}")]
    assert sorted(ids) == sorted(str(record[wanted["pk"]]) for record in synced.records[entity])
    assert len(set(ids)) == wanted["records"]


@pytest.mark.mostly_slow
@pytest.mark.parametrize("entity", ENTITIES)
def test_an_entity_sums_up_to_the_cent(synced: Synced, expected: Any, entity: str) -> None:
    """Sums of money are exact, both as decimals and as SQL adds them up."""
    for column, wanted in expected["api_sync"]["final"][entity]["sum"].items():
        assert exact_sum(synced.url, f"SELECT {column} FROM json_{entity}") == Decimal(wanted), column
        ((summed,),) = query(synced.url, f"SELECT sum({column}) FROM json_{entity}")
        assert f"{summed:.2f}" == f"{Decimal(wanted):.2f}", column


@pytest.mark.mostly_slow
@pytest.mark.parametrize("entity", ENTITIES)
def test_an_entity_has_all_its_child_rows(synced: Synced, shared_data: Path, expected: Any, entity: str) -> None:
    """Every object in a record's arrays is a row; arrays of plain strings, and no others, stay in a column."""
    counts = {table.name: table.record_count for table in synced.workflow.steps["report"].tables}
    records = latest_records(shared_data, expected)[entity]
    children = set()
    for path, wanted in expected["api_sync"]["final"][entity]["child_rows"].items():
        if "[]" in path or "." in path:
            continue  # nested deeper, so in a JSON column
        arrays = [record[path] for record in records if isinstance(record.get(path), list)]
        objects = sum(isinstance(element, dict) for array in arrays for element in array)
        assert sum(map(len, arrays)) == wanted["elements"], f"the test misreads the sources: {path}"
        assert counts.get(f"json_{entity}_{path}", 0) == objects, path
        if objects:
            children.add(f"json_{entity}_{path}")
    reported = synced.workflow.steps["report"].tables
    assert {t.name for t in reported if t.entity == entity and t.parent} == children


@pytest.mark.mostly_slow
@pytest.mark.parametrize("entity", ENTITIES)
def test_an_entity_is_stored_as_its_sources_say(synced: Synced, shared_data: Path, expected: Any, entity: str) -> None:
    """Assembled from its rows, every record is the latest version of its key, in full."""
    wanted = latest_records(shared_data, expected)[entity]
    assert len(wanted) == expected["api_sync"]["final"][entity]["records"]
    assert_same_records(synced.records[entity], wanted, entity)


def test_nothing_is_stored_that_should_not_be(synced: Synced, expected: Any) -> None:
    """There are the ten entities and no others: metadata is not data."""
    assert sorted(synced.records) == sorted(expected["api_sync"]["final"]) == sorted(ENTITIES)


def test_the_fallback_is_not_read_while_sessions_exist(synced: Synced, expected: Any) -> None:
    """Neither a record nor a file of the consolidated folder beside the sessions shows up."""
    keys = {"contacts": "contact_id", "items": "item_id"}
    for file in expected["api_sync"]["fallback_raw_json"]:
        entity = Path(file["file"]).stem
        stored = {str(record[keys[entity]]) for record in synced.records[entity]}
        assert file["ids_only_here"]
        assert not stored & set(file["ids_only_here"])
    assert not [load.file for load in synced.populate.files if not load.file.startswith("sync_session_")]


def test_a_full_verification_compares_every_record_that_is_stored(synced: Synced) -> None:
    """Verification in full passes and has compared each stored record with the file that it came from last."""
    verify = synced.workflow.steps["verify"]
    assert (verify.success, verify.full, verify.records_compared) == (True, True, 794)
    covered = next(check.covered for check in verify.checks if check.name == "records")
    assert {"794", "15", str(857 - 794)} <= set(re.findall(r"\d+", covered)), covered
    assert [check.name for check in verify.checks if not check.passed] == []
    assert len(verify.checks) >= 8


@pytest.mark.slow
def test_a_second_run_loads_nothing_again(synced: Synced, shared_data: Path) -> None:
    """Files that are loaded already are not even opened: nothing is read, written or touched."""
    times = {entity: sorted(query(synced.url, f"SELECT id, updated_at FROM json_{entity}")) for entity in ENTITIES}
    again = sync(synced.url, shared_data / "api_sync")
    populate = again.steps["populate"]
    assert (populate.statistics["total_records"], populate.files_unchanged, populate.rows) == (0, 15, 0)
    assert not again.steps["analyze"].schema_changes_required
    assert times == {
        entity: sorted(query(synced.url, f"SELECT id, updated_at FROM json_{entity}")) for entity in ENTITIES
    }


def test_both_databases_report_the_same_figures(synced_sqlite: Synced, synced_postgresql: Synced) -> None:
    """Report and verification say the same of SQLite and PostgreSQL, table by table and check by check."""

    def figures(synced: Synced) -> dict[str, Any]:
        report, verify = synced.workflow.steps["report"], synced.workflow.steps["verify"]
        return {
            "tables": [(t.name, t.record_count, t.entity, t.parent, t.columns) for t in report.tables],
            "entities": [
                (e.name, e.record_count, e.key, e.newest_file, e.newest_session, e.rejected) for e in report.entities
            ],
            "relations": [(r.relation, r.distinct, r.matching) for r in report.relations],
            "runs": [(r.operation, r.status, r.files, r.read, *(r[part] for part in PARTS)) for r in report.runs],
            "total": (report.total_records, report.rejected),
            "checks": [(c.name, c.passed, c.problems) for c in verify.checks if c.name != "integrity"],
            "populate": {
                name: value
                for name, value in synced.populate.statistics.items()
                if name not in ("processing_time_seconds", "records_per_second")
            },
        }

    sqlite, postgresql = figures(synced_sqlite), figures(synced_postgresql)
    assert sqlite["total"] == (794, 0)
    for name in sqlite:
        assert sqlite[name] == postgresql[name], name


@pytest.mark.slow
def test_older_sessions_loaded_afterwards_put_no_old_data_over_new(
    database_url: str, shared_data: Path, expected: Any
) -> None:
    """Loading the newest session first and all of them afterwards ends with the same records."""
    runner = SyncRunner(database_url, shared_data / "api_sync")
    first = runner.populate(since="2025-07-15")
    assert first.statistics["inserted"] == first.statistics["total_records"] == 35
    rest = runner.populate(cutoff_days="all")
    assert rest.success
    assert rest.statistics["superseded"] > 0
    stored = read_records(database_url)
    for entity, wanted in latest_records(shared_data, expected).items():
        assert_same_records(stored[entity], wanted, entity)
    assert runner.verify(full=True).success


@pytest.mark.slow
@pytest.mark.parametrize("tree", ["api_sync_fallback_only", "api_sync_fallback_flat"])
def test_the_fallback_is_read_where_there_are_no_sessions(
    database_url: str, shared_data: Path, expected: Any, tree: str
) -> None:
    """Consolidated files are loaded, from stamps or straight from raw_json, when there is nothing else."""
    keys = {"contacts": "contact_id", "items": "item_id", "invoices": "invoice_id"}
    result = sync(database_url, shared_data / tree)
    stored = read_records(database_url)
    files = expected[tree]["fallback_raw_json"]
    assert {Path(file["file"]).stem for file in files} == set(stored)
    for file in files:
        entity = Path(file["file"]).stem
        assert len(stored[entity]) == file["records"]
        assert sorted(str(record[keys[entity]]) for record in stored[entity]) == file["ids_only_here"]
        assert_same_records(stored[entity], load_json(shared_data / tree / file["file"]), entity)
    assert len(result.steps["populate"].files) == len(files)


# Sets of files of all kinds

FLAWED = {"numbers.json": "array of 10001 values", "amazon_cellphones.ndjson": "793 lines"}


def snake(text: str) -> str:
    """This test's own idea of snake_case, enough for the names that occur."""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", text)
    return re.sub(r"[^\w]+", "_", words).lower()


def entity_of(path: Path) -> str:
    return re.sub(r"_+", "_", snake(path.name.partition(".")[0]))


def sources_of(paths: list[Path]) -> Records:
    """Arrays of records by entity; an object of nothing but arrays is several; any other object is a record."""
    found: Records = {}
    for path in paths:
        if path.name in FLAWED:
            continue
        value = load_json(path)
        if isinstance(value, dict) and all(isinstance(item, list) for item in value.values()):
            for name, records in value.items():
                found.setdefault(snake(name), []).extend(records)
        else:
            found.setdefault(entity_of(path), []).extend(records_in(value, entity_of(path)))
    return found


def records_in(value: Any, entity: str) -> list[Any]:
    """An array's records, those of an envelope's array under a name that says so, or the object."""
    if isinstance(value, list):
        return value
    arrays = [key for key, item in value.items() if isinstance(item, list)]
    for own in (entity, entity.removesuffix("s")):
        if own in arrays:
            return value[own]
    names = ("data", "records", "items", "results", "rows")
    return value[arrays[0]] if len(arrays) == 1 and arrays[0] in names else [value]


def data_files(folder: Path) -> list[Path]:
    suffixes = (".json", ".json.xz", ".ndjson")
    return sorted(path for path in folder.rglob("*") if path.name.endswith(suffixes))


def assert_all_accounted_for(result: WorkflowResult, paths: list[Path]) -> None:
    """Each file is loaded or refused with a reason, each record stored or rejected with a reason."""
    populate = result.steps["populate"]
    for load in populate.files:
        assert load.read == sum(load[part] for part in PARTS), load
    assert sum(load.rejected for load in populate.files) == len(populate.rejected_records)
    assert all(rejected.reason for rejected in populate.rejected_records)
    loaded = {Path(load.file).name for load in populate.files}
    refused = {Path(file.file).name: file for file in populate.refused_files}
    assert loaded | set(refused) == {path.name for path in paths}
    assert set(refused) == set(FLAWED) & {path.name for path in paths}
    for name, file in refused.items():
        assert file.error_type == "file_error"
        assert file.error.startswith(f"JSON file must contain an array of records: {name} holds")
        assert FLAWED[name] in file.error


@pytest.mark.slow
@pytest.mark.parametrize("folder", ["chinook/tables", "csc", "vega", "json_examples", "accounting"])
def test_a_set_of_files_is_stored_as_it_is_written(database_url: str, shared_data: Path, folder: str) -> None:
    """All files load or are refused with a reason, every record comes back equal, and all of it verifies."""
    if folder == "json_examples" and database_url.startswith("postgresql") and not NIGHTLY:
        pytest.skip("nightly: many files")
    paths = data_files(shared_data / folder)
    result = sync(database_url, shared_data / folder)
    assert_all_accounted_for(result, paths)
    wanted, stored = sources_of(paths), read_records(database_url)
    assert sorted(stored) == sorted(wanted)
    for entity, records in wanted.items():
        assert_same_records(stored[entity], records, entity)
    compared = result.steps["verify"].records_compared
    assert compared == sum(map(len, wanted.values())) > 0
    again = SyncRunner(database_url, shared_data / folder).populate(cutoff_days="all")
    assert (again.statistics["total_records"], again.rows) == (0, 0)


@pytest.mark.slow
def test_answers_of_one_api_share_their_entity(database_url: str, shared_data: Path) -> None:
    """Mapped to ten entities, 91 answers of all shapes load with nothing lost and verify in full."""
    folder = shared_data / "accounting" / "zoho_books_examples"
    config = JSON2DBConfig(data_source={"entities": {f"{name}__*.json": name for name in ENTITIES}})
    result = SyncRunner(database_url, folder, config=config).full_workflow(full_verification=True)
    assert result.success, result.error
    populate, stored = result.steps["populate"], read_records(database_url)
    assert (len(populate.files), populate.refused_files) == (91, ())
    assert {load.entity for load in populate.files} == set(stored) == set(ENTITIES)
    for load in populate.files:
        assert load.read == sum(load[part] for part in PARTS), load
        assert load.rejected == 0, load
    keys = {entity.name: entity.key for entity in SyncRunner(database_url).report().entities}
    for entity in ENTITIES:
        loads = [load for load in populate.files if load.entity == entity]
        wanted = latest_of(keys[entity], entity, [load_json(folder / load.file) for load in loads])
        assert_same_records(stored[entity], wanted, entity)
        assert sum(load.inserted for load in loads) == len(wanted)


def latest_of(key: tuple[str, ...], entity: str, answers: list[Any]) -> list[Any]:
    """The last record of each key; of those without one as many as one file held, but each file's single object."""
    latest: dict[Any, Any] = {}
    keyless: Counter[str] = Counter()
    singles: list[Any] = []
    for answer in answers:
        records = records_in(answer, entity)
        without = [record for record in records if not key or any(record.get(part) in (None, "") for part in key)]
        latest |= {tuple(str(record[part]) for part in key): record for record in records if record not in without}
        if records[:1] == [answer]:
            singles += without
        else:
            keyless |= Counter(map(by_value, without))
    by_content = {by_value(single): single for single in singles}  # what could be around records has a content id
    return [*latest.values(), *by_content.values(), *map(json.loads, keyless.elements())]


@pytest.mark.slow
@pytest.mark.parametrize("entity", ENTITIES)
def test_an_entity_gives_each_record_by_its_key(synced: Synced, expected: Any, entity: str) -> None:
    """Asked for by its id, as number or as text, a record comes alone and whole; an unknown id gives none."""
    runner, key = SyncRunner(synced.url), expected["api_sync"]["final"][entity]["pk"]
    for record in synced.records[entity][:2] + synced.records[entity][-1:]:
        for id_ in (record[key], str(record[key])):
            assert list(map(by_value, runner.read(entity, id_))) == [by_value(record)]
    assert list(runner.read(entity, "no such id")) == []


@pytest.mark.mostly_slow
@pytest.mark.parametrize("source", ["chinook", "csc/dump"])
def test_databases_and_other_files_beside_json_are_no_data(shared_data: Path, source: str) -> None:
    """Only names that end like JSON, packed or not, are data files of a folder."""
    result = SyncRunner(data_source=shared_data / source, db_path="unused.db").analyze()
    if source == "csc/dump":
        assert (result.success, result["error_type"]) == (False, "file_error")
        assert "no JSON files" in result["error"]
    else:
        assert (result.files, result.total_records) == (12, 2 * 15607)


# Chinook against its author's own database


def author_rows(path: Path, table: str) -> tuple[list[str], list[tuple[Any, ...]]]:
    with closing(sqlite3.connect(f"file:{path}?mode=ro&immutable=1", uri=True)) as connection:
        cursor = connection.execute(f'SELECT * FROM "{table}"')
        return [column[0] for column in cursor.description], cursor.fetchall()


def plain(value: Any) -> str | None:
    """A value without what is known to differ between the author's JSON and database."""
    if value in (None, ""):
        return None
    text = str(value).replace("T00:00:00", " 00:00:00")
    return format(Decimal(text).normalize(), "f") if isinstance(value, int | float | Decimal) else text


@pytest.fixture(scope="module")
def chinook(databases: Any, shared_data: Path) -> Iterator[str]:
    url = databases.create()
    sync(url, shared_data / "chinook" / "tables")
    yield url
    databases.drop(url)


CHINOOK = (
    "Album",
    "Artist",
    "Customer",
    "Employee",
    "Genre",
    "Invoice",
    "InvoiceLine",
    "MediaType",
    "Playlist",
    "PlaylistTrack",
    "Track",
)


@pytest.mark.slow
@pytest.mark.parametrize("table", CHINOOK)
def test_a_chinook_table_equals_its_authors(chinook: str, shared_data: Path, expected: Any, table: str) -> None:
    """Row for row and column for column, a table holds what the author's own SQLite file holds."""
    columns, theirs = author_rows(shared_data / "chinook" / "Chinook_Sqlite.sqlite", table)
    assert len(theirs) == expected["chinook_from_sqlite_dump"]["rows"][table]
    ours = query(chinook, f"SELECT {', '.join(map(snake, columns))} FROM json_{snake(table)}")
    assert len(ours) == len(theirs)
    assert Counter(tuple(map(plain, row)) for row in ours) == Counter(tuple(map(plain, row)) for row in theirs)


def test_chinook_sums_are_those_of_its_author(chinook: str, expected: Any) -> None:
    """Money, milliseconds and bytes sum up exactly, beyond 32 bits too."""
    wanted = expected["chinook_from_sqlite_dump"]
    assert exact_sum(chinook, "SELECT total FROM json_invoice") == Decimal(wanted["sum_Invoice_Total"])
    lines = query(chinook, "SELECT unit_price, quantity FROM json_invoice_line")
    total = sum(Decimal(str(price)) * quantity for price, quantity in lines)
    assert total == Decimal(wanted["sum_InvoiceLine_UnitPrice_x_Quantity"])
    ((milliseconds, size, largest),) = query(
        chinook, "SELECT sum(milliseconds), sum(bytes), max(bytes) FROM json_track"
    )
    assert (milliseconds, size, largest) == (
        wanted["sum_Track_Milliseconds"],
        wanted["sum_Track_Bytes"],
        wanted["max_Track_Bytes"],
    )


@pytest.mark.slow
def test_one_file_of_several_entities_holds_what_one_file_each_does(chinook: str, shared_data: Path) -> None:
    """The same records from an object of arrays and from a file for each array are one and the same."""
    before = read_records(chinook)
    result = sync(chinook, shared_data / "chinook" / "ChinookData.json.xz")
    statistics = result.steps["populate"].statistics
    assert statistics["total_records"] == statistics["unchanged"] + statistics["superseded"] == 15607
    assert result.steps["populate"].rows == 0
    after = read_records(chinook)
    assert sorted(after) == sorted(map(snake, CHINOOK))
    for entity, records in before.items():
        assert_same_records(after[entity], records, entity)


# Countries, states, cities against their author's database


@pytest.fixture(scope="module")
def countries(databases: Any, shared_data: Path) -> Iterator[str]:
    url = databases.create()
    sync(url, shared_data / "csc")
    yield url
    databases.drop(url)


@pytest.mark.slow
def test_countries_are_counted_and_summed_as_by_their_author(countries: str, expected: Any) -> None:
    """Counts and sums of countries, regions, subregions, timezones and states equal the author's dump."""
    wanted = expected["csc_from_sqlite_dump"]
    for table in ("countries", "regions", "subregions"):
        assert query(countries, f"SELECT count(*) FROM json_{table}") == [(wanted[table],)]
    assert query(countries, "SELECT count(*) FROM json_countries_timezones") == [(wanted["timezone_rows"],)]
    for column in ("population", "gdp"):
        assert exact_sum(countries, f"SELECT {column} FROM json_countries") == wanted[f"sum_{column}"]
    states = [country["states"] for country in read_records(countries)["countries_states"]]
    assert (sum(map(len, states)), states.count([])) == (wanted["states"], 21)


def test_countries_equal_their_authors_rows(countries: str, shared_data: Path) -> None:
    """Names in all scripts, codes with leading zeros, emoji and nested translations equal the author's rows."""
    columns = ("id", "name", "iso2", "numeric_code", "phonecode", "capital", "native", "emoji")
    theirs_columns, theirs = author_rows(shared_data / "csc" / "dump" / "countries.sqlite3", "countries")
    picked = [theirs_columns.index(column) for column in columns]
    ours = query(countries, f"SELECT {', '.join(columns)} FROM json_countries")
    assert sorted(tuple(map(plain, row)) for row in ours) == sorted(
        tuple(plain(row[place]) for place in picked) for row in theirs
    )
    assert query(countries, "SELECT numeric_code FROM json_countries WHERE name = 'Afghanistan'") == [("004",)]
    at, name = theirs_columns.index("translations"), theirs_columns.index("name")
    stored = {country["name"]: country["translations"] for country in read_records(countries)["countries"]}
    assert stored == {row[name]: json.loads(row[at]) for row in theirs}


@pytest.mark.nightly
def test_a_large_flat_file_comes_back_whole(database_url: str, shared_data: Path) -> None:
    """Of 16,647 cities, 17 MB in all scripts with sparse keys, all come back as they were written but the two without
    an id, which are kept as rejected.
    """
    result = sync(database_url, shared_data / "flat_large")
    cities = load_json(shared_data / "flat_large" / "cities.json.xz")
    wanted, without = ([city for city in cities if ("id" in city) is has_id] for has_id in (True, False))
    assert (result.statistics["inserted"], len(wanted), len(without), len(cities)) == (16645, 16645, 2, 16647)
    assert_same_records(read_records(database_url)["cities"], wanted, "cities")
    rejected = sorted(SyncRunner(database_url).rejected().records, key=lambda found: found.record)
    assert [json.loads(found.raw) for found in rejected] == without
    assert {found.reason for found in rejected} == {"has no key: id"}
