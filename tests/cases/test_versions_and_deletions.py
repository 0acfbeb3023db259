"""Rows 28 to 30 of the cases: versions told by a field, records that are gone, stubs of deleted records."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from support.sessions import ok, query, session, stored, verified, write

from json2db_sync import SyncRunner
from json2db_sync.config import JSON2DBConfig
from json2db_sync.databases import open_database
from json2db_sync.interfaces.cli.main import main
from json2db_sync.sources import batch, bytestream, cursor

COUNTS = ("read", "inserted", "updated", "unchanged", "superseded", "rejected")


def runner(url: str, source: Path, *, by_batch: bool = True, **processing: Any) -> SyncRunner:
    made = SyncRunner(url, source, config=JSON2DBConfig(processing=processing))
    made._batch_path = by_batch
    return made


def counts(result: Any, entity: str) -> dict[str, int]:
    assert result.success, (result.error, result.hint)
    return {name: result.entities[entity][name] for name in COUNTS if result.entities[entity][name]}


@contextmanager
def small_stretches() -> Iterator[None]:
    """Small files are cut often, and divided far."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cursor, "_STRETCH", 400)
        patch.setattr(cursor, "_MAX_PAUSE", 1)
        patch.setattr(bytestream, "CHUNK", 500)
        patch.setattr(batch, "_SMALL", 2)
        yield


both_paths = pytest.mark.parametrize("by_batch", [True, False], ids=["batch", "row"])


# 28: processing.versions


@both_paths
def test_28_a_file_sorted_newest_first_keeps_the_greatest_version(
    database_url: str, tmp_path: Path, by_batch: bool
) -> None:
    rows = [
        {"id": 1, "last_modified_time": "2026-07-03T10:00:00-0400", "total": 3},
        {"id": 2, "last_modified_time": "2026-07-02T10:00:00-0400", "total": 20},
        {"id": 1, "last_modified_time": "2026-07-01T10:00:00-0400", "total": 1},
        {"id": 1, "last_modified_time": "2026-07-02T10:00:00-0400", "total": 2},
    ]
    write(tmp_path / "in" / "invoices.json", rows)
    sync = runner(database_url, tmp_path / "in", by_batch=by_batch, versions={"invoices": "last_modified_time"})
    result = sync.populate()
    assert counts(result, "invoices") == {"read": 4, "inserted": 2, "superseded": 2}
    assert not result.notes
    assert not result.needs_attention
    assert stored(database_url, "invoices") == {1: rows[0], 2: rows[1]}
    found = sync.superseded().records
    assert [(one.record, one.newer_record) for one in found] == [(3, 1), (4, 1)]
    verified(sync)


@both_paths
def test_28_across_files_the_greatest_version_wins_in_any_order(
    database_url: str, tmp_path: Path, by_batch: bool
) -> None:
    v = {n: {"id": 1, "changed": n, "total": n * 100} for n in (1, 2, 3, 10)}
    session(tmp_path, "2026-07-01", invoices=[v[10], {"id": 2, "changed": 1, "total": 1}])
    session(tmp_path, "2026-07-02", invoices=[v[2], {"id": 2, "changed": 2, "total": 2}])
    sync = runner(database_url, tmp_path, by_batch=by_batch, versions={"invoices": "changed"})
    assert counts(sync.populate(), "invoices") == {"read": 4, "inserted": 2, "updated": 1, "superseded": 1}
    assert stored(database_url, "invoices")[1] == v[10]
    verified(sync)
    session(tmp_path, "2026-06-30", invoices=[{"id": 2, "changed": 9, "total": 9}, v[3]])
    assert counts(sync.populate(), "invoices") == {"read": 2, "updated": 1, "superseded": 1}
    assert stored(database_url, "invoices") == {1: v[10], 2: {"id": 2, "changed": 9, "total": 9}}
    verified(sync)


@pytest.mark.parametrize(
    ("older", "newer"),
    [
        ("2026-07-01T12:00:00+02:00", "2026-07-01T10:30:00Z"),
        ("2026-07-01T10:00:00Z", "2026-07-01T10:00:00.001Z"),
        ("2026-07-01", "2026-07-01T00:00:01"),
        (9, 10),
        (9.5, 10),
        ("9", "10"),
        ("rev9", "rev10"),
        ("/Date(1700000000000)/", "/Date(1800000000000+0000)/"),
        ("Wed, 01 Jul 2026 10:00:00 GMT", "Thu, 02 Jul 2026 09:00:00 GMT"),
        (None, 1),
        ({"$date": "2026-07-01T00:00:00Z"}, {"$date": {"$numberLong": "1800000000000"}}),
        (False, True),
    ],
)
def test_28_what_is_greater(database_url: str, tmp_path: Path, older: Any, newer: Any) -> None:
    write(tmp_path / "in" / "items.json", [{"id": "a", "v": newer, "n": 2}, {"id": "a", "v": older, "n": 1}])
    sync = runner(database_url, tmp_path / "in", versions={"items": "v"}, keys={"items": ["id"]})
    assert counts(sync.populate(), "items") == {"read": 2, "inserted": 1, "superseded": 1}
    assert stored(database_url, "items")["a"]["n"] == 2
    verified(sync)


def test_28_of_one_version_the_later_file_wins_and_a_missing_one_loses(database_url: str, tmp_path: Path) -> None:
    session(tmp_path, "2026-07-01", items=[{"id": 1, "v": 5, "n": "a"}, {"id": 2, "v": 1, "n": "a"}])
    session(tmp_path, "2026-07-02", items=[{"id": 1, "v": 5, "n": "b"}, {"id": 2, "n": "b"}])
    sync = runner(database_url, tmp_path, versions={"items": "v"})
    assert counts(sync.populate(), "items") == {"read": 4, "inserted": 2, "updated": 1, "superseded": 1}
    assert [one["n"] for one in stored(database_url, "items").values()] == ["b", "a"]
    verified(sync)


def test_28_a_version_inside_an_object(database_url: str, tmp_path: Path) -> None:
    write(tmp_path / "in" / "items.json", [{"id": 1, "meta": {"v": 2}}, {"id": 1, "meta": {"v": 1}}])
    sync = runner(database_url, tmp_path / "in", versions={"items": "meta.v"})
    ok(sync.populate())
    assert stored(database_url, "items") == {1: {"id": 1, "meta": {"v": 2}}}
    verified(sync)


def test_28_a_version_under_another_name(database_url: str, tmp_path: Path) -> None:
    session(tmp_path, "2026-07-01", items=[{"id": 1, "changed": 2}])
    session(tmp_path, "2026-07-02", items=[{"id": 1, "changedAt": 1}])
    session(tmp_path, "2026-07-03", items=[{"id": 1, "changedAt": 3, "n": 1}])
    sync = runner(database_url, tmp_path, versions={"items": "changed"}, aliases={"items": {"changedAt": "changed"}})
    assert counts(sync.populate(), "items") == {"read": 3, "inserted": 1, "updated": 1, "superseded": 1}
    assert stored(database_url, "items") == {1: {"id": 1, "changedAt": 3, "n": 1}}
    verified(sync)


def test_28_set_later_the_files_are_loaded_again(database_url: str, tmp_path: Path) -> None:
    rows = [{"id": n, "v": 1} for n in range(200)]
    write(tmp_path / "in" / "items.json", [{"id": 7, "v": 2}, *rows])
    assert counts(runner(database_url, tmp_path / "in").populate(), "items")["superseded"] == 1
    assert stored(database_url, "items")[7]["v"] == 1
    sync = runner(database_url, tmp_path / "in", versions={"items": "v"})
    assert [change.change for change in ok(sync.plan()).changes] == ["change_versions"]
    result = sync.populate()
    assert counts(result, "items") == {"read": 201, "updated": 1, "unchanged": 199, "superseded": 1}
    assert [change.change for change in result.schema_changes] == ["change_versions"]
    assert stored(database_url, "items")[7]["v"] == 2
    verified(sync)
    assert not ok(sync.plan()).changes


def test_28_a_field_that_no_record_has_is_loud(database_url: str, tmp_path: Path) -> None:
    write(tmp_path / "in" / "items.json", [{"id": 1, "v": 1}])
    result = ok(runner(database_url, tmp_path / "in", versions={"items": "version"}).populate())
    assert result.needs_attention
    assert [(note.code, note.entity, note.setting) for note in result.notes] == [
        ("unknown_version_field", "items", "processing.versions")
    ]


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(1, 6))])
def test_28_any_history_has_the_greatest_version_of_each_key_both_ways(
    databases: Any, tmp_path: Path, seed: int
) -> None:
    chance = random.Random(seed)
    urls = [databases.create(), databases.create()]
    best: dict[int, tuple[int, int, int]] = {}
    days = [f"2026-07-0{day}" for day in chance.sample(range(1, 6), 3)]
    with small_stretches():
        for day in days:
            rows = [
                {"id": chance.randrange(40), "v": chance.randrange(6), "n": chance.randrange(3), "list": [{"x": 1}]}
                for _ in range(60)
            ]
            session(tmp_path, day, items=rows)
            for place, row in enumerate(rows):
                best[row["id"]] = max(best.get(row["id"], (-1, -1, -1)), (row["v"], int(day[-1]), place))
            runners = [
                runner(url, tmp_path, by_batch=by_batch, versions={"items": "v"}, keys={"items": ["id"]})
                for url, by_batch in zip(urls, (True, False), strict=True)
            ]
            results = [counts(one.populate(), "items") for one in runners]
            assert results[0] == results[1]
            assert [one["v"] for one in stored(urls[0], "items").values()] == [best[id_][0] for id_ in sorted(best)]
            assert stored(urls[0], "items") == stored(urls[1], "items")
        for one in runners:
            verified(one)
    for url in urls:
        databases.drop(url)


@both_paths
@pytest.mark.parametrize(
    ("newest", "older", "kind"),
    [
        ("02/03/2026", "28/02/2026", "date:%d/%m/%Y"),
        ("01/01/2026", "12/31/2025", "date:%m/%d/%Y"),
        ("02.03.2026 10:00", "28.02.2026 11:00", "datetime:%d.%m.%Y %H:%M"),
    ],
)
def test_28_dates_in_a_format_of_ones_own(
    database_url: str, tmp_path: Path, by_batch: bool, newest: str, older: str, kind: str
) -> None:
    """Until their format is given they compare as texts, which is loud; then the newest is told by time."""
    versions = [{"id": 1, "m": newest}, {"id": 1, "m": older}, {"id": 2, "m": older}]
    session(tmp_path, "2026-07-01", invoices=versions)
    sync = runner(database_url, tmp_path, by_batch=by_batch, versions={"invoices": "m"})
    result = ok(sync.populate())
    assert result.needs_attention
    (told,) = [note for note in result.notes if note.code == "unsorted_versions"]
    assert told.setting.startswith('processing.kinds = {"invoices.m": "date')
    kinds = {"invoices.m": kind}
    sync = runner(database_url, tmp_path, by_batch=by_batch, versions={"invoices": "m"}, kinds=kinds)
    ok(sync.create_tables())
    assert not ok(sync.populate()).needs_attention
    assert stored(database_url, "invoices") == {1: versions[0], 2: versions[2]}
    verified(sync)


# 29: processing.complete


def gone_since(url: str, table: str = "json_items") -> dict[Any, str | None]:
    """By id, the day that a row says."""
    rows = query(url, f"SELECT id, _gone_since FROM {table} ORDER BY id")
    return {id_: None if since is None else str(since)[:10] for id_, since in rows}


def items(*ids: int, **fields: Any) -> list[dict[str, Any]]:
    return [{"id": id_, "name": f"n{id_}", "lines": [{"q": 1}], **fields} for id_ in ids]


@both_paths
def test_29_absent_records_are_marked_and_come_back(database_url: str, tmp_path: Path, by_batch: bool) -> None:
    sync = runner(database_url, tmp_path, by_batch=by_batch, complete=["items"])
    session(tmp_path, "2026-07-01", items=items(1, 2, 3), others=items(1, 2))
    assert dict(ok(sync.populate()).gone["items"]) == {"gone": 0, "back": 0, "total": 0}
    session(tmp_path, "2026-07-02", items=items(1, 3), others=items(1))
    result = ok(sync.populate())
    assert dict(result.gone["items"]) == {"gone": 1, "back": 0, "total": 1}
    assert (result.statistics["gone"], result.statistics["back"]) == (1, 0)
    assert not result.needs_attention
    assert gone_since(database_url) == {1: None, 2: "2026-07-02", 3: None}
    assert stored(database_url, "items")[2] == items(2)[0]  # never deleted
    assert query(database_url, "SELECT id, name FROM json_items_gone") == [(2, "n2")]
    assert {one["id"] for one in sync.read("items")} == {1, 2, 3}
    verified(sync)
    session(tmp_path, "2026-07-03", items=items(1, 2) + items(4, name="new"))
    assert dict(ok(sync.populate()).gone["items"]) == {"gone": 1, "back": 1, "total": 1}
    assert gone_since(database_url) == {1: None, 2: None, 3: "2026-07-03", 4: None}
    assert dict(ok(sync.populate()).gone["items"]) == {"gone": 0, "back": 0, "total": 1}
    verified(sync)


def test_29_all_at_once_and_backfilled_say_the_same_days(database_url: str, tmp_path: Path) -> None:
    session(tmp_path, "2026-07-01", items=items(1, 2, 3))
    session(tmp_path, "2026-07-02", items=items(1, 3))
    session(tmp_path, "2026-07-03", items=items(1))
    sync = runner(database_url, tmp_path, complete=["*"])
    ok(sync.populate())
    assert gone_since(database_url) == {1: None, 2: "2026-07-02", 3: "2026-07-03"}
    session(tmp_path, "2026-06-01", items=items(1, 9))
    ok(sync.populate())
    assert gone_since(database_url) == {1: None, 2: "2026-07-02", 3: "2026-07-03", 9: "2026-07-01"}
    verified(sync)


def test_29_all_files_of_the_newest_stamp_are_the_whole(database_url: str, tmp_path: Path) -> None:
    config = {"processing": {"complete": ["items"]}, "data_source": {"entities": {"*items_page_*.json": "items"}}}
    sync = SyncRunner(database_url, tmp_path, config=JSON2DBConfig(**config))
    session(tmp_path, "2026-07-01", items_page_1=items(1, 2), items_page_2=items(3, 4))
    ok(sync.populate())
    session(tmp_path, "2026-07-02", items_page_1=items(1, 3), items_page_2=items(4))
    ok(sync.populate())
    assert gone_since(database_url) == {1: None, 2: "2026-07-02", 3: None, 4: None}
    stamp = tmp_path / "sync_session_2026-07-03_08-00-00" / "raw_json" / "2026-07-03_08-00-00"
    session(tmp_path, "2026-07-03", items_page_1=items(1, 2))
    (stamp / "items_page_2.json").write_text('[{"id": 3}')
    result = ok(sync.populate())
    assert result.needs_attention
    assert [(n.code, n.setting) for n in result.notes if n.code == "gone_not_told"] == [
        ("gone_not_told", "processing.complete")
    ]
    assert gone_since(database_url) == {1: None, 2: "2026-07-02", 3: None, 4: None}
    write(stamp / "items_page_2.json", items(3))
    ok(sync.populate())
    assert gone_since(database_url) == {1: None, 2: None, 3: None, 4: "2026-07-03"}
    verified(sync)


@pytest.mark.parametrize("setting", ["folder_column", "name"])
def test_29_one_company_marks_no_records_of_another(database_url: str, tmp_path: Path, setting: str) -> None:
    """Each folder or source that is told apart has newest files of its own, whatever the other's dates are."""
    for place, ids in {
        "a/2026-07-01": (1, 2, 9),
        "a/2026-07-02": (1, 2),
        "b/2026-07-01": (1, 7),
        "b/2026-07-03": (1,),
    }.items():
        write(tmp_path / place / "items.json", items(*ids))
    processing = {"complete": ["items"]}
    if setting == "name":
        sources = {tmp_path / name: {"name": name} for name in "ab"}
    else:
        sources = {tmp_path: {"folder_column": "company"}}
    for source, named in sources.items():
        config = JSON2DBConfig(processing=processing, data_source=named)
        sync = SyncRunner(database_url, source, config=config)
        ok(sync.populate())
    column = "company" if setting == "folder_column" else "source_name"
    marked = query(database_url, f"SELECT {column}, name FROM json_items WHERE _gone_since IS NOT NULL ORDER BY 1")
    assert marked == [("a", "n9"), ("b", "n7")]
    assert {(one.record[column], one.record["id"]) for one in sync.gone("items").records} == {("a", 9), ("b", 7)}
    verified(sync)


def test_29_a_plain_file_that_is_written_anew(database_url: str, tmp_path: Path) -> None:
    place = tmp_path / "in" / "items.json"
    sync = runner(database_url, tmp_path / "in", complete=["items"])
    write(place, items(1, 2, 3))
    ok(sync.populate())
    write(place, items(1, 3))
    ok(sync.populate())
    assert [id_ for id_, since in gone_since(database_url).items() if since] == [2]
    write(place, items(1, 2))
    assert dict(ok(sync.populate()).gone["items"]) == {"gone": 1, "back": 1, "total": 1}
    assert [id_ for id_, since in gone_since(database_url).items() if since] == [3]
    verified(sync)


@pytest.mark.parametrize(("one", "other"), [("items_a.json", "items_b.json"), ("acme/items.json", "beta/items.json")])
def test_29_files_and_folders_that_nothing_orders_are_taken_together(
    database_url: str, tmp_path: Path, one: str, other: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """What the one holds is not gone because the other, which a later run saw first, lacks it; and that is said."""
    source = tmp_path / "in"
    config = JSON2DBConfig(processing={"complete": ["items"]}, data_source={"entities": {"*.json": "items"}})
    sync = SyncRunner(database_url, source, config=config)
    for name, ids in ((one, (1, 2, 3)), (other, (4, 5)), (one, (1, 3))):
        write(source / name, items(*ids))
        result = ok(sync.populate())
    assert dict(result.gone["items"]) == {"gone": 1, "back": 0, "total": 1}
    assert [id_ for id_, since in gone_since(database_url).items() if since] == [2]
    verified(sync)
    assert main(["gone", "items", "--db-path", database_url]) == 0
    assert f"newest files: {one}, {other}, taken together" in " ".join(capsys.readouterr().out.split())
    (source / one).unlink()
    ok(sync.populate())
    assert [id_ for id_, since in gone_since(database_url).items() if since] == [1, 2, 3]
    verified(sync)


def test_29_plain_folders_by_day(database_url: str, tmp_path: Path) -> None:
    sync = runner(database_url, tmp_path / "in", complete=["items"])
    write(tmp_path / "in" / "2026-07-01" / "items.json", items(1, 2))
    write(tmp_path / "in" / "2026-07-02" / "items.json", items(2, 3))
    ok(sync.populate())
    assert [id_ for id_, since in gone_since(database_url).items() if since] == [1]
    verified(sync)


def test_29_a_rejected_record_is_there_all_the_same(database_url: str, tmp_path: Path) -> None:
    sync = runner(database_url, tmp_path, complete=["items"], contracts={"items": "freeze"})
    session(tmp_path, "2026-07-01", items=items(1, 2, 3))
    ok(sync.populate())
    session(tmp_path, "2026-07-02", items=[*items(1), {"id": 2, "other": 1}])
    assert ok(sync.populate()).statistics["rejected"] == 1
    assert gone_since(database_url) == {1: None, 2: None, 3: "2026-07-02"}
    verified(sync)


def test_29_an_older_version_in_the_newest_file_is_there(database_url: str, tmp_path: Path) -> None:
    sync = runner(database_url, tmp_path, complete=["items"], versions={"items": "v"})
    session(tmp_path, "2026-07-01", items=[{"id": 1, "v": 2}, {"id": 2, "v": 1}])
    session(tmp_path, "2026-07-02", items=[{"id": 1, "v": 1}])
    ok(sync.populate())
    assert gone_since(database_url) == {1: None, 2: "2026-07-02"}
    verified(sync)


def test_29_most_records_gone_at_once_is_loud(database_url: str, tmp_path: Path) -> None:
    sync = runner(database_url, tmp_path, complete=["items"])
    session(tmp_path, "2026-07-01", items=items(1, 2, 3))
    ok(sync.populate())
    session(tmp_path, "2026-07-02", items=[])
    result = ok(sync.populate())
    assert result.needs_attention
    assert [(note.code, note.count) for note in result.notes] == [("most_records_gone", 3)]
    verified(sync)


def test_29_skipped_records_are_found_in_the_file(database_url: str, tmp_path: Path) -> None:
    sync = runner(database_url, tmp_path, complete=["items"], skip_existing_records=True)
    session(tmp_path, "2026-07-01", items=items(1, 2, 3))
    session(tmp_path, "2026-07-02", items=items(1, 2, name="other"))
    ok(sync.populate())
    assert gone_since(database_url) == {1: None, 2: None, 3: "2026-07-02"}
    verified(sync)


def test_29_verification_knows_the_marks(database_url: str, tmp_path: Path) -> None:
    sync = runner(database_url, tmp_path, complete=["items"])
    session(tmp_path, "2026-07-01", items=items(1, 2))
    session(tmp_path, "2026-07-02", items=items(1))
    ok(sync.populate())
    assert "gone" in [check.name for check in ok(sync.verify()).checks]
    query(database_url, "UPDATE json_items SET _gone_since = NULL WHERE id = 2")
    failed = sync.verify()
    assert [check.name for check in failed.failed_checks] == ["gone"]
    query(database_url, "UPDATE json_items SET _gone_since = '2026-07-02T00:00:00Z' WHERE id = 1")
    assert sync.verify().failed_checks[0].problems == 2
    ok(sync.populate())
    verified(sync)


def test_29_set_later_and_recreated(database_url: str, tmp_path: Path) -> None:
    session(tmp_path, "2026-07-01", items=items(1, 2))
    session(tmp_path, "2026-07-02", items=items(1))
    ok(runner(database_url, tmp_path).populate())
    sync = runner(database_url, tmp_path, complete=["items"])
    assert [(change.change, change.column) for change in ok(sync.plan()).changes] == [
        ("add_column", "_gone_since"),
        ("create_view", None),
    ]
    ok(sync.create_tables())
    verified(sync)
    assert gone_since(database_url) == {1: None, 2: "2026-07-02"}
    ok(sync.create_tables(recreate=True))
    assert gone_since(database_url) == {1: None, 2: "2026-07-02"}
    verified(sync)
    plain = runner(database_url, tmp_path)
    assert [change.change for change in ok(plain.populate()).schema_changes] == ["change_deletions"]
    assert not ok(plain.plan()).changes
    verified(plain)


# 29: gone, without marking


def test_29_gone_works_it_out_without_marking(database_url: str, tmp_path: Path) -> None:
    session(tmp_path, "2026-07-01", items=items(1, 2, 3), others=items(1))
    session(tmp_path, "2026-07-02", items=items(1, 3))
    session(tmp_path, "2026-07-03", items=items(1))
    sync = runner(database_url, tmp_path)
    ok(sync.populate())
    result = ok(sync.gone("items"))
    assert [(one.id, one.since[:10], one.session, one.marked) for one in result.records] == [
        (2, "2026-07-02", "sync_session_2026-07-01_08-00-00", False),
        (3, "2026-07-03", "sync_session_2026-07-02_08-00-00", False),
    ]
    assert result.records[0].record == items(2)[0]
    assert (result.total, result.complete, result.newest) == (2, False, "2026-07-03_08-00-00")
    assert len(ok(sync.gone("items", most=1)).records) == 1
    assert ok(sync.gone("others")).total == 0
    assert sync.gone("nothing").error_type == "configuration_error"
    assert {entity.name: entity.gone for entity in ok(sync.report()).entities} == {"items": 2, "others": 0}
    assert "_gone_since" not in query_columns(database_url)


def test_29_gone_reads_the_newest_file_where_the_ledger_does_not_tell(database_url: str, tmp_path: Path) -> None:
    place = tmp_path / "in" / "items.json"
    sync = runner(database_url, tmp_path / "in")
    write(place, items(1, 2, 3))
    ok(sync.populate())
    write(place, items(1, 3))
    ok(sync.populate())
    assert [one.id for one in ok(sync.gone("items")).records] == [2]
    assert [entity.gone for entity in ok(sync.report()).entities] == [None]
    write(place, items(1))
    failed = sync.gone("items")
    assert (failed.error_type, failed.reason) == ("file_error", "gone_not_told")


def test_29_gone_on_the_command_line(database_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    session(tmp_path, "2026-07-01", items=items(1, 2))
    session(tmp_path, "2026-07-02", items=items(1))
    ok(runner(database_url, tmp_path).populate())
    assert main(["gone", "items", "--db-path", database_url]) == 0
    told = capsys.readouterr().out
    assert "1 record of items" in told
    assert 'processing.complete = ["items"]' in told
    assert main(["gone", "items", "--db-path", database_url, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["records"][0]["id"] == 2
    assert main(["report", "--db-path", database_url]) == 0
    assert "json2db-sync gone items" in capsys.readouterr().out


def query_columns(url: str) -> list[str]:
    with open_database(url) as database, database.reading() as connection:
        return database.shapes(connection, ["json_items"])["json_items"].columns


# 30: processing.deletion_stubs

STUBS = {"invoices": {"status": "Deleted"}}
FULL = {"Id": "2", "name": "N", "balance": 5, "status": "Open", "lines": [{"q": 1}]}
STUB = {"Id": "2", "status": "Deleted"}


def marks(url: str) -> dict[Any, bool]:
    return {id_: since is not None for id_, since in gone_since(url, "json_invoices").items()}


@both_paths
def test_30_a_stub_marks_the_row_and_keeps_its_values(database_url: str, tmp_path: Path, by_batch: bool) -> None:
    sync = runner(database_url, tmp_path, by_batch=by_batch, deletion_stubs=STUBS)
    other = {**FULL, "Id": "1"}
    session(tmp_path, "2026-07-01", invoices=[other, FULL])
    ok(sync.populate())
    session(tmp_path, "2026-07-02", invoices=[STUB])
    result = sync.populate()
    assert counts(result, "invoices") == {"read": 1, "updated": 1}
    assert dict(result.gone["invoices"]) == {"gone": 1, "back": 0, "total": 1}
    assert stored(database_url, "invoices") == {"1": other, "2": FULL}
    assert gone_since(database_url, "json_invoices") == {"1": None, "2": "2026-07-02"}
    verified(sync)
    session(tmp_path, "2026-07-03", invoices=[{"status": "Deleted", "Id": "2"}])
    assert counts(sync.populate(), "invoices") == {"read": 1, "unchanged": 1}
    verified(sync)
    session(tmp_path, "2026-07-04", invoices=[FULL, other])
    result = sync.populate()
    assert counts(result, "invoices") == {"read": 2, "updated": 1, "unchanged": 1}
    assert dict(result.gone["invoices"]) == {"gone": 0, "back": 1, "total": 0}
    assert marks(database_url) == {"1": False, "2": False}
    assert stored(database_url, "invoices") == {"1": other, "2": FULL}
    verified(sync)


@both_paths
def test_30_stubs_in_one_file_with_their_records(database_url: str, tmp_path: Path, by_batch: bool) -> None:
    sync = runner(database_url, tmp_path, by_batch=by_batch, deletion_stubs=STUBS, keys={"invoices": ["Id"]})
    unknown = {"Id": "9", "status": "Deleted", "at": "2026-07-01"}
    session(tmp_path, "2026-07-01", invoices=[FULL, {**FULL, "Id": "3"}, STUB, unknown])
    result = sync.populate()
    assert counts(result, "invoices") == {"read": 4, "inserted": 3, "superseded": 1}
    assert dict(result.gone["invoices"]) == {"gone": 2, "back": 0, "total": 2}
    assert marks(database_url) == {"2": True, "3": False, "9": True}
    assert stored(database_url, "invoices")["2"] == FULL
    assert stored(database_url, "invoices")["9"] == unknown
    verified(sync)
    session(tmp_path, "2026-06-01", invoices=[{**FULL, "name": "old"}])
    assert counts(sync.populate(), "invoices") == {"read": 1, "superseded": 1}
    assert marks(database_url)["2"]
    verified(sync)


def test_30_stubs_and_versions_and_complete(database_url: str, tmp_path: Path) -> None:
    sync = runner(database_url, tmp_path, deletion_stubs=STUBS, versions={"invoices": "v"}, complete=["invoices"])
    session(tmp_path, "2026-07-01", invoices=[{**FULL, "v": 3}, {**FULL, "Id": "3", "v": 1}, {**FULL, "Id": "4"}])
    session(tmp_path, "2026-07-02", invoices=[{**STUB, "v": 2}, {"Id": "3", "status": "Deleted"}])
    ok(sync.populate())
    assert marks(database_url) == {"2": False, "3": True, "4": True}
    verified(sync)


@both_paths
@pytest.mark.parametrize("versions", [{}, {"invoices": "v"}], ids=["files", "versions"])
def test_30_set_later_and_recreated(
    database_url: str, tmp_path: Path, versions: dict[str, str], by_batch: bool
) -> None:
    """The values that a stub took come back, of the newest version that there was."""
    session(tmp_path, "2026-06-30", invoices=[{**FULL, "name": "old", "v": 1}, {**FULL, "Id": "3"}])
    session(tmp_path, "2026-07-01", invoices=[{**FULL, "v": 2}])
    session(tmp_path, "2026-07-02", invoices=[{**STUB, "v": 3}, {**FULL, "Id": "3"}])
    ok(runner(database_url, tmp_path, versions=versions).populate())
    assert stored(database_url, "invoices")["2"] == {**STUB, "v": 3}
    sync = runner(database_url, tmp_path, by_batch=by_batch, deletion_stubs=STUBS, versions=versions)
    ok(sync.populate())
    assert stored(database_url, "invoices")["2"] == {**FULL, "v": 2}
    assert marks(database_url) == {"2": True, "3": False}
    verified(sync)
    ok(sync.create_tables(recreate=True, empty=True))
    ok(sync.populate())
    assert stored(database_url, "invoices")["2"] == {**FULL, "v": 2}
    ok(sync.create_tables(recreate=True))
    assert marks(database_url) == {"2": True, "3": False}
    verified(sync)


def test_30_set_later_where_the_stub_is_in_a_file_that_is_no_longer_there(database_url: str, tmp_path: Path) -> None:
    """That a record was deleted is not forgotten for the sake of its values."""
    session(tmp_path, "2026-07-01", invoices=[FULL])
    session(tmp_path, "2026-07-02", invoices=[STUB])
    ok(runner(database_url, tmp_path).populate())
    shutil.rmtree(tmp_path / "sync_session_2026-07-02_08-00-00")
    ok(runner(database_url, tmp_path, deletion_stubs=STUBS).populate())
    assert stored(database_url, "invoices") == {"2": STUB}


@pytest.mark.parametrize("stub", [{"meta.deleted": True}, {"deleted": True, "n": 1}, {"state": "gelöscht/x"}])
def test_30_what_a_stub_may_be(database_url: str, tmp_path: Path, stub: dict[str, Any]) -> None:
    sent = {"Id": "2", "meta": {"deleted": True}} if "meta.deleted" in stub else {"Id": "2", **stub}
    sync = runner(database_url, tmp_path, deletion_stubs={"*": stub})
    session(tmp_path, "2026-07-01", invoices=[FULL])
    session(tmp_path, "2026-07-02", invoices=[sent])
    ok(sync.populate())
    assert stored(database_url, "invoices") == {"2": FULL}
    assert marks(database_url) == {"2": True}
    verified(sync)
