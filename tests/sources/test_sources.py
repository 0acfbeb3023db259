"""Which files are read, in which order, inside which window, and what a file may look like inside."""

from __future__ import annotations

import gzip
import json
import lzma
import os
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from support.stored import stored_records

from json2db_sync import SyncRunner
from json2db_sync.config import JSON2DBConfig
from json2db_sync.errors import ConfigurationError, FileError, NoDataFound
from json2db_sync.results import PopulateResult
from json2db_sync.sources import Source, discover, window

MUST = "JSON file must contain an array of records"
NOON = datetime(2025, 7, 15, 12)


def write(path: Path, value: Any) -> Path:
    """A file of JSON, or of these very bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(value if isinstance(value, bytes) else json.dumps(value).encode())
    return path


def stamp(age: timedelta) -> str:
    return f"{datetime.now() - age:%Y-%m-%d_%H-%M-%S}"


def session(base: Path, name: str, stamp: str | None = None, **entities: Any) -> Path:
    """A session with one stamp, its entities' files in it."""
    folder = base / f"sync_session_{name}"
    folder.mkdir(parents=True, exist_ok=True)
    for entity, records in entities.items():
        write(folder / "raw_json" / (stamp or name) / f"{entity}.json", records)
    return folder


def look(
    path: Path, *, now: datetime | None = None, limits: dict[str, Any] | None = None, **data_source: Any
) -> Source:
    """What discovery finds, under these settings of the section data_source."""
    settings = JSON2DBConfig(data_source=data_source).source_settings(path)
    return discover(settings, window(now=now, **(limits or {})))


def names(source: Source) -> list[str]:
    return [file.name for file in source.files]


def load(tmp_path: Path, source: Path, **config: Any) -> PopulateResult:
    return SyncRunner(tmp_path / "test.db", source, config=JSON2DBConfig(**config)).populate(cutoff_days="all")


def loaded(tmp_path: Path, source: Path, **config: Any) -> dict[str, list[Any]]:
    result = load(tmp_path, source, **config)
    assert result.success, result.error
    assert result.rejected_records == ()
    return {
        name: sorted(records, key=json.dumps) for name, records in stored_records(str(tmp_path / "test.db")).items()
    }


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """An API sync's folder: two sessions with data, one with metadata only, and consolidated data."""
    base = tmp_path / "api_sync"
    sessions = base / "data" / "sync_sessions"
    first = session(sessions, "2025-07-12_10-30-15", items=[{"id": 1}], bills=[{"id": 1}])
    write(first / "raw_json" / "2025-07-12_14-05-40" / "items.json", [{"id": 2}])
    empty = session(sessions, "2025-07-13_09-00-00")
    write(empty / "sync_metadata_items.json", {"status": "completed", "record_count": 5})
    session(sessions, "2025-07-14_09-00-00", items=[{"id": 3}])
    write(base / "data" / "raw_json" / "2025-06-30_23-59-59" / "items.json", [{"id": 99}])
    return base


SESSION_FILES = [
    "sync_session_2025-07-12_10-30-15/raw_json/2025-07-12_10-30-15/bills.json",
    "sync_session_2025-07-12_10-30-15/raw_json/2025-07-12_10-30-15/items.json",
    "sync_session_2025-07-12_10-30-15/raw_json/2025-07-12_14-05-40/items.json",
    "sync_session_2025-07-14_09-00-00/raw_json/2025-07-14_09-00-00/items.json",
]

# Which files


@pytest.mark.parametrize("part", [".", "data", "data/sync_sessions"])
@pytest.mark.parametrize("type_", ["auto", "api_sync"])
def test_sessions_are_found_from_every_folder_above_them(tree: Path, part: str, type_: str) -> None:
    """The api_sync base, its data folder and sync_sessions give the same files, by session, stamp and name."""
    source = look(tree / part, type=type_)
    assert (source.layout, names(source), source.sessions) == ("sessions", SESSION_FILES, 3)


def test_sessions_may_lie_straight_in_the_base(tmp_path: Path) -> None:
    """A base without data/sync_sessions, with consolidated data beside its sessions, is read too."""
    session(tmp_path, "2025-07-12_10-30-15", items=[{"id": 1}])
    write(tmp_path / "raw_json" / "2025-06-30_23-59-59" / "items.json", [{"id": 99}])
    assert [file.session for file in look(tmp_path).files] == ["sync_session_2025-07-12_10-30-15"]


def test_one_session_is_read_alone(tree: Path) -> None:
    """Of a session that is named, only its own files are read, all its stamps."""
    source = look(tree / "data/sync_sessions/sync_session_2025-07-12_10-30-15")
    assert [file.stamp for file in source.files] == ["2025-07-12_10-30-15"] * 2 + ["2025-07-12_14-05-40"]


def test_a_session_without_data_does_not_bring_in_its_neighbours(tree: Path) -> None:
    """A session that holds only metadata is an error that says so, not a reason to read something else."""
    with pytest.raises(NoDataFound, match="metadata"):
        look(tree / "data/sync_sessions/sync_session_2025-07-13_09-00-00")


def test_a_stamp_folder_is_a_folder_of_files(tree: Path) -> None:
    """The innermost folder may be named as the source as well."""
    stamp = tree / "data/sync_sessions/sync_session_2025-07-12_10-30-15/raw_json/2025-07-12_10-30-15"
    assert names(look(stamp)) == ["bills.json", "items.json"]


@pytest.mark.parametrize("beside", [True, False], ids=["beside", "above"])
def test_consolidated_data_is_found(tmp_path: Path, beside: bool) -> None:
    """raw_json is found beside the sessions or in the folder above them, when no session has data."""
    sessions = tmp_path / "sync_sessions"
    write(session(sessions, "2025-07-13_09-00-00") / "sync_metadata_items.json", {"status": "started"})
    raw = (sessions if beside else tmp_path) / "raw_json"
    write(raw / "2025-06-29_10-00-00" / "items.json", [{"id": 1}])
    write(raw / "2025-06-30_10-00-00" / "items.json", [{"id": 1}])
    source = look(sessions)
    assert source.layout == "consolidated"
    assert names(source) == ["2025-06-29_10-00-00/items.json", "2025-06-30_10-00-00/items.json"]
    assert source.root == raw


def test_consolidated_files_may_lie_straight_in_raw_json(tmp_path: Path) -> None:
    """Without stamps, raw_json itself is the folder of data."""
    write(tmp_path / "data" / "raw_json" / "items.json", [{"id": 1}])
    source = look(tmp_path)
    assert (source.layout, names(source)) == ("consolidated", ["items.json"])


def test_consolidated_data_may_lie_elsewhere(tmp_path: Path) -> None:
    """consolidated_path names it where it is neither beside nor above the sessions."""
    session(tmp_path / "sync_sessions", "2025-07-13_09-00-00")
    write(tmp_path / "archive" / "items.json", [{"id": 1}])
    source = look(tmp_path / "sync_sessions", consolidated_path=tmp_path / "archive")
    assert (source.layout, source.root) == ("consolidated", tmp_path / "archive")


def test_never_both_at_once(tree: Path) -> None:
    """Sessions beat consolidated data, prefer_session_based=false turns that round, and none joins them."""
    raw = ["2025-06-30_23-59-59/items.json"]
    assert names(look(tree)) == SESSION_FILES
    assert names(look(tree, prefer_session_based=False)) == raw
    assert names(look(tree, type="consolidated")) == raw


def test_sessions_are_read_where_preferred_consolidated_data_is_missing(tmp_path: Path) -> None:
    """prefer_session_based=false is an order, not a ban."""
    session(tmp_path, "2025-07-12_10-30-15", items=[{"id": 1}])
    assert look(tmp_path, prefer_session_based=False).layout == "sessions"


def test_type_consolidated_never_reads_sessions(tmp_path: Path) -> None:
    """Where consolidated data is asked for and there is none, that is an error."""
    session(tmp_path, "2025-07-12_10-30-15", items=[{"id": 1}])
    with pytest.raises(NoDataFound):
        look(tmp_path, type="consolidated")


def test_a_plain_folder_is_searched_all_the_way_down(tmp_path: Path) -> None:
    """Data files of any depth count, in order of path; other suffixes and hidden ones do not."""
    for name in ("b/items.json", "a/deep/er/bills.ndjson", "c.geojson", "d.jsonl", "e.json.gz", "f.ndjson.xz"):
        write(tmp_path / name, [{"id": 1}])
    for name in ("notes.txt", "g.json.bak", ".hidden.json", ".git/h.json", "items.csv", "json"):
        write(tmp_path / name, b"no data")
    assert names(look(tmp_path)) == [
        "a/deep/er/bills.ndjson",
        "b/items.json",
        "c.geojson",
        "d.jsonl",
        "e.json.gz",
        "f.ndjson.xz",
    ]


def test_type_directory_reads_sessions_as_plain_folders(tree: Path) -> None:
    """With type directory every data file below counts, in sessions or not, without a window."""
    source = look(tree, type="directory", limits={"cutoff_days": 1})
    assert len(source.files) == len(SESSION_FILES) + 1
    assert all(file.time is None for file in source.files)
    assert any("window" in note for note in source.notes)


def test_type_directory_reads_the_folder_configured(tmp_path: Path) -> None:
    """json_directory_path is where type directory looks when no source is named."""
    write(tmp_path / "plain" / "items.json", [{"id": 1}])
    config = JSON2DBConfig(data_source={"type": "directory", "json_directory_path": tmp_path / "plain"})
    assert names(discover(config.source_settings(), window())) == ["items.json"]


def test_a_file_that_is_named_is_read_whatever_its_suffix(tmp_path: Path) -> None:
    """One file may be the source."""
    write(tmp_path / "My Export.txt", [{"id": 1}])
    assert loaded(tmp_path, tmp_path / "My Export.txt") == {"my_export": [{"id": 1}]}


def test_metadata_is_never_data(tmp_path: Path) -> None:
    """sync_metadata_*.json is left out everywhere: in stamps, beside them, and in plain folders."""
    metadata = [{"id": 1}]
    folder = session(tmp_path, "2025-07-12_10-30-15", items=[{"id": 1}], sync_metadata_bills=metadata)
    write(folder / "sync_metadata_items.json", metadata)
    write(folder / "raw_json" / "sync_metadata_items.json", metadata)
    assert [file.entity for file in look(tmp_path).files] == ["items"]
    assert [file.entity for file in look(tmp_path, type="directory").files] == ["items"]


def test_session_folders_that_hold_data_are_listed(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """get_session_json_directories gives the stamps with data, oldest first, or nothing at all."""
    monkeypatch.setenv("JSON2DB_API_SYNC_PATH", str(tree))
    found = JSON2DBConfig().get_session_json_directories()
    assert [path.name for path in found] == ["2025-07-12_10-30-15", "2025-07-12_14-05-40", "2025-07-14_09-00-00"]
    monkeypatch.setenv("JSON2DB_SESSION_MAX_AGE", "24")
    assert JSON2DBConfig().get_session_json_directories() == []
    monkeypatch.setenv("JSON2DB_API_SYNC_PATH", str(tree / "nowhere"))
    assert JSON2DBConfig().get_session_json_directories() == []


def test_what_is_not_there_is_said_with_what_is(tmp_path: Path) -> None:
    """A path that does not exist is named, with the nearest folder that does and how to name another."""
    result = SyncRunner(tmp_path / "test.db", tmp_path / "no" / "where").analyze()
    assert (result.success, result["error_type"]) == (False, "file_error")
    assert str(tmp_path / "no" / "where") in result["error"]
    assert f"{tmp_path} does" in result["error"]
    assert "JSON2DB_API_SYNC_PATH" in result["hint"]


@pytest.mark.parametrize(
    ("type_", "wanted"), [("auto", "JSON files"), ("api_sync", "sessions"), ("consolidated", "raw_json")]
)
def test_an_empty_folder_says_what_was_looked_for(tmp_path: Path, type_: str, wanted: str) -> None:
    """The error depends on the type, names the folder and says where the type is set."""
    with pytest.raises(NoDataFound, match=wanted) as caught:
        look(tmp_path, type=type_)
    assert str(tmp_path) in caught.value.message
    assert type_ in str(caught.value.hint)


def test_names_that_only_look_like_sessions_are_none(tmp_path: Path) -> None:
    """An impossible date makes no session, so its files are those of a plain folder."""
    session(tmp_path, "2025-02-30_10-00-00", items=[{"id": 1}])
    assert look(tmp_path).layout == "directory"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_folder_that_may_not_be_read_is_an_error(tmp_path: Path) -> None:
    """Nothing is passed over in silence because of its permissions."""
    write(tmp_path / "data" / "items.json", [{"id": 1}])
    (tmp_path / "data").chmod(0)
    try:
        with pytest.raises(FileError, match="data"):
            look(tmp_path)
    finally:
        (tmp_path / "data").chmod(0o700)


# Entities


def test_the_entity_is_the_stem_in_snake_case(tmp_path: Path) -> None:
    """Capitals, spaces, signs and packed suffixes of a file's name make a snake_case entity."""
    for name in ("InvoiceLine.json", "my items.ndjson.gz", "countries+states.json", "gsoc-2018.json.xz"):
        write(tmp_path / name, b"")
    found = {file.path.name: file.entity for file in look(tmp_path).files}
    assert found == {
        "InvoiceLine.json": "invoice_line",
        "my items.ndjson.gz": "my_items",
        "countries+states.json": "countries_states",
        "gsoc-2018.json.xz": "gsoc_2018",
    }


def test_patterns_name_entities(tmp_path: Path) -> None:
    """The setting entities maps patterns of paths or names; the first that fits counts, others keep the stem."""
    for name in ("artworks/0/1.json", "artworks/2.json", "artists/7.json", "export_2025.json", "items.json"):
        write(tmp_path / name, [{"id": name}])
    entities = {"artworks/*.json": "artworks", "artists/*": "Artists", "export_*.json": "exports", "*/*": "rest"}
    found = {file.name: file.entity for file in look(tmp_path, entities=entities).files}
    assert found == {
        "artworks/0/1.json": "artworks",
        "artworks/2.json": "artworks",
        "artists/7.json": "artists",
        "export_2025.json": "exports",
        "items.json": "items",
    }


def test_files_of_one_entity_fill_one_table_and_verify(tmp_path: Path) -> None:
    """Records from files that a pattern joins are stored together, envelopes under the mapped name included."""
    write(tmp_path / "in" / "art" / "1.json", {"id": 1, "title": "A"})
    write(tmp_path / "in" / "art" / "2.json", [{"id": 2, "title": "B"}])
    write(tmp_path / "in" / "art" / "3.json", {"code": 0, "artworks": [{"id": 3, "title": "C"}]})
    config = {"data_source": {"entities": {"art/*.json": "artworks"}}}
    assert loaded(tmp_path, tmp_path / "in", **config) == {
        "artworks": [{"id": 1, "title": "A"}, {"id": 2, "title": "B"}, {"id": 3, "title": "C"}]
    }
    verified = SyncRunner(tmp_path / "test.db", config=JSON2DBConfig(**config)).verify(full=True)
    assert verified.success, verified.error


# The window


def sessions_of(tmp_path: Path, *ages: timedelta) -> Path:
    for number, age in enumerate(ages):
        session(tmp_path / "sync_sessions", stamp(age), items=[{"id": number}])
    return tmp_path / "sync_sessions"


@pytest.mark.parametrize(("days", "found"), [(1, 1), (7, 2), ("7", 2), (30.5, 3), ("all", 4), (None, 4)])
def test_cutoff_days_count_back_from_now(tmp_path: Path, days: Any, found: int) -> None:
    """Sessions at most so many days old are read, all of them without a limit."""
    base = sessions_of(tmp_path, *(timedelta(days=days) for days in (0.5, 5, 30, 400)))
    result = SyncRunner(tmp_path / "test.db", base).populate(cutoff_days=days)
    assert result.statistics["total_records"] == found


def test_a_session_as_old_as_the_window_is_inside() -> None:
    """The edge belongs to the window, a second beyond does not."""
    limits = window(cutoff_days=3, now=NOON)
    assert limits.holds(NOON - timedelta(days=3))
    assert not limits.holds(NOON - timedelta(days=3, seconds=1))


def test_a_session_from_a_clock_ahead_of_ours_is_inside() -> None:
    """cutoff_days draws no line in the future: the newest data is never left out."""
    assert window(cutoff_days=1, now=NOON).holds(NOON + timedelta(hours=2))


@pytest.mark.parametrize(
    ("limits", "hours"),
    [
        ({"cutoff_days": 2, "session_max_age": 1, "default_cutoff_days": 9}, 48),
        ({"session_max_age": 5, "default_cutoff_days": 9}, 5),
        ({"default_cutoff_days": 9}, 9 * 24),
        ({"cutoff_days": "all", "session_max_age": 1, "default_cutoff_days": 9}, None),
        ({}, None),
    ],
)
def test_the_nearest_limit_wins(limits: dict[str, Any], hours: int | None) -> None:
    """cutoff_days beats session_max_age (hours), which beats default_cutoff_days; "all" beats every limit."""
    assert window(now=NOON, **limits).since == (None if hours is None else NOON - timedelta(hours=hours))


@pytest.mark.parametrize(
    "config", [{"processing": {"session_max_age": 24}}, {"processing": {"default_cutoff_days": 1}}]
)
def test_configured_limits_hold_unless_lifted(tmp_path: Path, config: dict[str, Any]) -> None:
    """Settings draw the window of every operation; cutoff_days="all" lifts them for one call."""
    base = sessions_of(tmp_path, timedelta(hours=2), timedelta(days=3))
    runner = SyncRunner(tmp_path / "test.db", base, config=JSON2DBConfig(**config))
    assert runner.analyze().total_records == 1
    assert runner.populate().statistics["total_records"] == 1
    assert runner.analyze(cutoff_days="all").total_records == 2


@pytest.mark.parametrize("days", [-1, 0, "-7", "soon", "", float("nan"), True, "ALL days"])
def test_days_that_make_no_sense_are_refused(tmp_path: Path, days: Any) -> None:
    """A negative cutoff, zero or words: the error names the setting and says what would be right."""
    result = SyncRunner(tmp_path / "test.db", sessions_of(tmp_path, timedelta(hours=1))).populate(cutoff_days=days)
    assert (result.success, result["error_type"]) == (False, "configuration_error")
    assert "cutoff_days must be a number of days above 0, or all" in result["error"]
    assert result["context"] == {"setting": "cutoff_days"}
    assert not (tmp_path / "test.db").exists()


@pytest.mark.parametrize(
    ("limits", "found"),
    [
        ({"since": "2025-07-14"}, [14]),
        ({"until": "2025-07-12"}, [12, 12]),
        ({"since": "2025-07-12", "until": "2025-07-14"}, [12, 12, 14]),
        ({"since": NOON.date() - timedelta(days=1)}, [14]),
        ({"since": "2025-07-12T10:30:16"}, [14]),
        ({"until": datetime(2025, 7, 14, 8)}, [12, 12]),
    ],
)
def test_since_and_until_are_days_or_moments(tree: Path, limits: dict[str, Any], found: list[int]) -> None:
    """Both ends belong to the window: a day from its first to its last moment, a moment as it is."""
    items = [file for file in look(tree, limits=limits).files if file.entity == "items"]
    assert [file.time.day for file in items if file.time] == found


def test_since_replaces_configured_ages(tmp_path: Path) -> None:
    """Dates given now beat the ages in the settings."""
    base = sessions_of(tmp_path, timedelta(hours=2), timedelta(days=3))
    config = JSON2DBConfig(processing={"session_max_age": 24, "default_cutoff_days": 1})
    assert SyncRunner(tmp_path / "test.db", base, config=config).analyze(since="2000-01-01").total_records == 2


@pytest.mark.parametrize(
    ("limits", "setting"),
    [
        ({"since": "yesterday"}, "since"),
        ({"until": "2025-02-30"}, "until"),
        ({"since": "2025-07-02", "until": "2025-07-01"}, "since"),
        ({"since": "2025-07-02", "cutoff_days": 7}, "cutoff_days"),
    ],
)
def test_dates_that_make_no_sense_are_refused(limits: dict[str, Any], setting: str) -> None:
    """No date, an impossible one, an end before the beginning, dates and days at once."""
    with pytest.raises(ConfigurationError) as caught:
        window(**limits)
    assert caught.value.context["setting"] == setting


def test_nothing_inside_the_window_says_what_there_is(tmp_path: Path) -> None:
    """The error counts the sessions, says how old the newest is, and which cutoff would include it."""
    base = sessions_of(tmp_path, timedelta(days=12, hours=3), timedelta(days=40))
    result = SyncRunner(tmp_path / "test.db", base).full_workflow(cutoff_days=7)
    assert (result.success, result["error_type"]) == (False, "file_error")
    assert "nothing inside the window (the last 7 days)" in result["error"]
    assert "2 sessions" in result["error"]
    assert "newest is 12 days old" in result["error"]
    assert "cutoff_days=13" in result["hint"]
    assert "cutoff_days='all'" in result["hint"]
    assert not (tmp_path / "test.db").exists()
    assert SyncRunner(tmp_path / "test.db", base).analyze(cutoff_days=13).total_records == 1


def test_sessions_outside_the_window_do_not_bring_the_fallback_in(tmp_path: Path) -> None:
    """Old sessions are a reason to widen the window, never to read the consolidated folder instead."""
    base = sessions_of(tmp_path, timedelta(days=12))
    write(tmp_path / "raw_json" / stamp(timedelta(hours=1)) / "items.json", [{"id": 99}])
    with pytest.raises(NoDataFound, match=r"1 sessions? with data"):
        look(base, limits={"cutoff_days": 7})


def test_consolidated_stamps_have_a_window_too(tmp_path: Path) -> None:
    """The age of a stamp is read from its name, and nothing inside the window is explained in stamps."""
    for age in (2, 20):
        write(tmp_path / "raw_json" / stamp(timedelta(days=age)) / "items.json", [{"id": age}])
    assert len(look(tmp_path, limits={"cutoff_days": 7}).files) == 1
    with pytest.raises(NoDataFound, match=r"2 stamps .* newest is 2 days old"):
        look(tmp_path, limits={"cutoff_days": 1})


def test_the_session_says_how_old_its_stamps_are(tmp_path: Path) -> None:
    """A stamp's own name does not count for the age: a session is inside the window as a whole."""
    session(tmp_path, stamp(timedelta(days=2)), stamp="2001-01-01_00-00-00", items=[{"id": 1}])
    assert len(look(tmp_path, limits={"cutoff_days": 7}).files) == 1


def test_a_plain_folder_has_no_window(tmp_path: Path) -> None:
    """A window that was asked for changes nothing about a plain folder, which is noted."""
    path = write(tmp_path / "in" / "items.json", [{"id": 1}])
    os.utime(path, (0, 0))
    result = SyncRunner(tmp_path / "test.db", tmp_path / "in").populate(cutoff_days=1)
    assert result.statistics["inserted"] == 1
    assert [note for note in result.notes if "window" in note]


# What the metadata says


def metadata(entity: str = "items", **values: Any) -> dict[str, Any]:
    return {f"sync_metadata_{entity}": {"entity": entity, **values}}


@pytest.mark.parametrize("status", ["failed", "FAILED", "error", "cancelled"])
def test_what_the_metadata_calls_failed_is_left_out(tmp_path: Path, status: str) -> None:
    """A failed file is skipped with a note, unless include_failed asks for it."""
    session(tmp_path, "2025-07-12_10-30-15", items=[{"id": 1}], bills=[{"id": 1}], **metadata(status=status))
    source = look(tmp_path)
    assert [file.entity for file in source.files] == ["bills"]
    assert [note for note in source.notes if "items.json" in note and "include_failed" in note]
    assert [file.entity for file in look(tmp_path, include_failed=True).files] == ["bills", "items"]


def test_the_status_in_the_sessions_folder_counts(tmp_path: Path) -> None:
    """Metadata beside raw_json speaks for a session's files, metadata beside the file beats it."""
    folder = session(tmp_path, "2025-07-12_10-30-15", items=[{"id": 1}], bills=[{"id": 1}])
    write(folder / "sync_metadata_items.json", {"status": "failed"})
    assert [file.entity for file in look(tmp_path).files] == ["bills"]
    beside = folder / "raw_json" / "2025-07-12_10-30-15" / "sync_metadata_items.json"
    write(beside, {"status": "completed"})
    assert [file.entity for file in look(tmp_path).files] == ["bills", "items"]


def test_all_failed_is_an_error_that_says_how_to_load_them(tmp_path: Path) -> None:
    """Where metadata leaves nothing over, the error names the option that loads it all the same."""
    session(tmp_path, "2025-07-12_10-30-15", items=[{"id": 1}], **metadata(status="failed"))
    with pytest.raises(NoDataFound, match="failed") as caught:
        look(tmp_path)
    assert "include_failed" in str(caught.value.hint)


def test_a_status_nobody_knows_is_loaded_and_noted(tmp_path: Path) -> None:
    """An unfinished sync may have left half its data: that is said, and what is there is loaded."""
    session(tmp_path, "2025-07-12_10-30-15", items=[{"id": 1}], **metadata(status="started"))
    source = look(tmp_path)
    assert len(source.files) == 1
    assert [note for note in source.notes if "started" in note]


def test_a_record_count_that_disagrees_is_reported(tmp_path: Path) -> None:
    """Metadata that promises other than what the file holds is not an error but a note with both figures."""
    session(tmp_path / "in", "2025-07-12_10-30-15", items=[{"id": 1}, {"id": 2}], **metadata(record_count=5))
    result = load(tmp_path, tmp_path / "in")
    assert (result.success, result.files[0].read, result.files[0].expected) == (True, 2, 5)
    assert [note for note in result.notes if "items.json" in note and "5" in note and "2" in note]


def test_a_record_count_that_agrees_is_no_news(tmp_path: Path) -> None:
    """Nothing is noted where file and metadata are of one mind."""
    session(tmp_path / "in", "2025-07-12_10-30-15", items=[{"id": 1}], **metadata(record_count=1))
    assert load(tmp_path, tmp_path / "in").notes == ()


@pytest.mark.parametrize("text", [b"", b"{", b"[1]", b"\xff\xfe", b'{"status": 5, "record_count": "many"}'])
def test_metadata_that_makes_no_sense_does_no_harm(tmp_path: Path, text: bytes) -> None:
    """Broken metadata keeps no data from being loaded."""
    folder = session(tmp_path / "in", "2025-07-12_10-30-15", items=[{"id": 1}])
    write(folder / "raw_json" / "2025-07-12_10-30-15" / "sync_metadata_items.json", text)
    assert loaded(tmp_path, tmp_path / "in") == {"items": [{"id": 1}]}


# What a file may look like inside

RECORDS = [{"id": 1, "name": "Ünïcødé 日本"}, {"id": 2, "name": None}]
LINES = b"\n".join(json.dumps(record, ensure_ascii=False).encode() for record in RECORDS) + b"\n"
ARRAY = json.dumps(RECORDS, ensure_ascii=False).encode()
BOM = b"\xef\xbb\xbf"


@pytest.mark.mostly_slow
@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("items.json", ARRAY),
        ("items.json", json.dumps(RECORDS, indent=4).encode()),
        ("items.json", b" \r\n\t" + ARRAY + b"\n\n"),
        ("items.json", BOM + ARRAY),
        ("items.json", ARRAY.decode().encode("utf-16")),
        ("items.json", ARRAY.decode().encode("utf-16-le")),
        ("items.json", ARRAY.decode().encode("utf-16-be")),
        ("items.json.gz", gzip.compress(ARRAY, mtime=0)),
        ("items.json.xz", lzma.compress(ARRAY)),
        ("items.json.gz", gzip.compress(ARRAY[:20], mtime=0) + gzip.compress(ARRAY[20:], mtime=0)),
        ("items.ndjson.gz", gzip.compress(BOM + LINES, mtime=0)),
        ("items.ndjson", LINES),
        ("items.jsonl", LINES.rstrip()),
        ("items.json", LINES),
        ("items.json", LINES.replace(b"\n", b"\r\n")),
        ("items.ndjson", b"\n" + LINES.replace(b"\n", b"\n\n")),
        ("items.json", LINES.decode().encode("utf-16")),
        ("items.json", b'{"items": ' + ARRAY + b"}"),
        ("items.json", b'{"code": 0, "message": "success", "items": ' + ARRAY + b', "page_context": {"page": 1}}'),
        ("items.json", b'{"data": ' + ARRAY + b', "links": {"next": null}, "has_more": false}'),
        ("items.json", b'{"records": ' + ARRAY + b"}"),
        ("items.json", b'{"results": ' + ARRAY + b', "total": 2}'),
        ("items.json", b'{"rows": ' + ARRAY + b"}"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_the_same_records_in_every_dress(tmp_path: Path, name: str, data: bytes) -> None:
    """Arrays, lines and envelopes, packed or not, in UTF-8 and UTF-16, hold the same records."""
    write(tmp_path / "in" / name, data)
    assert loaded(tmp_path, tmp_path / "in") == {"items": RECORDS}
    verified = SyncRunner(tmp_path / "test.db").verify(full=True)
    assert (verified.success, verified.records_compared) == (True, 2)


def test_an_object_of_arrays_is_several_entities(tmp_path: Path) -> None:
    """An object whose values are all arrays of records, one of them not empty, holds an entity under each key."""
    write(tmp_path / "in" / "export.json", {"Genre": [{"id": 1}], "MediaType": [{"id": 2}, {"id": 3}], "Empty": []})
    assert loaded(tmp_path, tmp_path / "in") == {"genre": [{"id": 1}], "media_type": [{"id": 2}, {"id": 3}]}
    assert load(tmp_path, tmp_path / "in").files_unchanged == 1


@pytest.mark.parametrize(
    "value",
    [
        {"name": "A", "tags": ["x"]},
        {"name": "A", "things": [{"id": 1}]},
        {"data": [{"id": 1}], "items": [{"id": 2}], "name": "A"},
        {"data": {"id": 1}},
        {"rows": ["a", "b"]},
        {"a": [], "b": []},
    ],
)
def test_any_other_object_is_one_record(tmp_path: Path, value: dict[str, Any]) -> None:
    """Where nothing says that an array in an object is the file's records, the object is the record."""
    write(tmp_path / "in" / "settings.json", value)
    assert loaded(tmp_path, tmp_path / "in") == {"settings": [value]}


def test_one_object_loaded_again_is_the_same_record(tmp_path: Path) -> None:
    """A file of one object without a key is one record, however often and in whatever state it is loaded."""
    write(tmp_path / "in" / "settings.json", {"theme": "dark"})
    assert loaded(tmp_path, tmp_path / "in") == {"settings": [{"theme": "dark"}]}
    write(tmp_path / "in" / "settings.json", {"theme": "light", "size": 12})
    assert loaded(tmp_path, tmp_path / "in") == {"settings": [{"theme": "light", "size": 12}]}


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (b"{}", "without any key"),
        (b"42", "42"),
        (b'"text"', "text"),
        (b"null", "null"),
        (b"[1, 2, 3]", "array of 3 values"),
        (b'[["a"], null]', "array of 2 values"),
        (b"1\n2\n3\n", None),
    ],
)
def test_what_holds_no_record_is_refused(tmp_path: Path, data: bytes, found: str | None) -> None:
    """Scalars, arrays of scalars and the empty object: an error that names the file and what was found."""
    write(tmp_path / "in" / "items.json", data)
    result = load(tmp_path, tmp_path / "in")
    assert (result.success, result["error_type"]) == (False, "file_error")
    assert "items.json" in result["error"]
    if found is not None:
        assert result["error"].startswith(f"{MUST}: items.json holds")
        assert found in result["error"]


@pytest.mark.parametrize("name", ["items.json", "items.ndjson", "items.json.gz"])
def test_an_empty_file_is_refused_as_empty(tmp_path: Path, name: str) -> None:
    """Zero bytes are not JSON: most likely a download broke off."""
    write(tmp_path / "in" / name, gzip.compress(b"") if name.endswith("gz") else b"")
    result = load(tmp_path, tmp_path / "in")
    assert (result.success, result["error_type"]) == (False, "file_error")
    assert f"{name} is empty" in result["error"]


def test_an_empty_array_is_no_error(tmp_path: Path) -> None:
    """A sync without news writes []: the file is loaded and holds nothing."""
    write(tmp_path / "in" / "items.json", b"[]")
    result = load(tmp_path, tmp_path / "in")
    assert (result.success, result.statistics["total_records"], result.statistics["files_loaded"]) == (True, 0, 1)
    assert load(tmp_path, tmp_path / "in").files_unchanged == 1


def test_a_syntax_error_in_an_array_refuses_the_whole_file(tmp_path: Path) -> None:
    """Nothing of a broken array stays, the error says at which record and byte, and other files load."""
    write(tmp_path / "in" / "bills.json", b'[{"id": 1}, {"id": 2}, {"id": }]')
    write(tmp_path / "in" / "items.json", [{"id": 1}])
    result = load(tmp_path, tmp_path / "in")
    assert result.success
    assert result.needs_attention
    (refused,) = result.refused_files
    assert "bills.json" in refused.error
    assert (refused.context["record"], refused.context["byte"]) == (3, 30)
    assert stored_records(str(tmp_path / "test.db")) == {"items": [{"id": 1}]}


def test_a_bad_line_is_one_rejected_record(tmp_path: Path) -> None:
    """In NDJSON a broken line harms only itself, and is kept whole with number, byte and reason."""
    write(tmp_path / "in" / "items.ndjson", b'{"id": 1}\n{"id": 2,}\n[3]\n{"id": 4}\n')
    result = load(tmp_path, tmp_path / "in")
    assert (result.statistics["inserted"], result.statistics["rejected"]) == (2, 2)
    broken, array = result.rejected_records
    assert (broken.record, broken.byte, broken.raw.strip()) == (2, 10, '{"id": 2,}')
    assert (array.record, array.byte, array.raw.strip()) == (3, 21, "[3]")
    assert broken.reason
    assert "object" in array.reason


def test_what_is_no_object_among_records_is_rejected(tmp_path: Path) -> None:
    """Scalars and arrays between records are rejected one by one, the records load."""
    write(tmp_path / "in" / "items.json", b'[{"id": 1}, 7, {"id": 2}, [], null, "x"]')
    result = load(tmp_path, tmp_path / "in")
    assert (result.statistics["inserted"], result.statistics["rejected"]) == (2, 4)
    assert [(one.record, one.raw) for one in result.rejected_records] == [(2, "7"), (4, "[]"), (5, "null"), (6, '"x"')]


@pytest.mark.parametrize("name", ["items.json.gz", "items.json.xz"])
def test_a_broken_archive_is_an_error_of_its_file(tmp_path: Path, name: str) -> None:
    """A truncated or damaged archive is refused by name, and nothing of it is stored."""
    pack = gzip.compress if name.endswith("gz") else lzma.compress
    whole = pack(json.dumps([{"id": number, "text": os.urandom(20).hex()} for number in range(2000)]).encode())
    for data in (whole[: len(whole) // 2], whole[:4000] + b"?" * 100 + whole[4100:]):
        write(tmp_path / "in" / name, data)
        result = load(tmp_path, tmp_path / "in")
        assert (result.success, result.get("error_type")) == (False, "file_error")
        assert name in result["error"]
        assert stored_records(str(tmp_path / "test.db")) == {}


def test_a_byte_that_is_no_utf8_is_pointed_at(tmp_path: Path) -> None:
    """Latin-1 in a file is refused with the byte where it shows."""
    write(tmp_path / "in" / "items.json", b'[{"id": 1, "name": "caf\xe9"}]')
    result = load(tmp_path, tmp_path / "in")
    assert (result["error_type"], result["context"]["byte"]) == ("file_error", 23)


def test_newer_sessions_win_whatever_the_names_of_their_stamps(tmp_path: Path) -> None:
    """Order is session time, then stamp: the last version of a key in that order is what stays."""
    base = tmp_path / "in"
    session(base, "2025-07-14_09-00-00", "2025-01-01_00-00-00", items=[{"id": 1, "v": "session 2"}])
    first = session(base, "2025-07-12_10-30-15", "2025-07-12_10-30-15", items=[{"id": 1, "v": "early"}])
    write(first / "raw_json" / "2025-12-31_00-00-00" / "items.json", [{"id": 1, "v": "late"}, {"id": 2, "v": "late"}])
    assert loaded(tmp_path, base) == {"items": [{"id": 1, "v": "session 2"}, {"id": 2, "v": "late"}]}
