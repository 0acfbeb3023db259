"""Which files are read, and in which order: situations from the field, on both databases."""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
import os
import socket
import tomllib
from pathlib import Path
from typing import Any

import pytest
from support.sessions import verified as verify_runner
from support.stored import stored_records

from json2db_sync import SyncRunner
from json2db_sync.config import JSON2DBConfig
from json2db_sync.results import PopulateResult
from json2db_sync.sources.file_order import date_in, is_sequence, natural_path


@pytest.fixture
def url(database_url: str) -> str:
    return database_url


def write(path: Path, value: Any) -> Path:
    """A file of JSON, or of these very bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(value if isinstance(value, bytes) else json.dumps(value).encode())
    return path


def load(url: str, source: Path, *, success: bool = True, **data_source: Any) -> PopulateResult:
    result = SyncRunner(url, source, config=JSON2DBConfig(data_source=data_source)).populate(cutoff_days="all")
    assert result.success is success, result
    return result


def verified(url: str) -> None:
    """Every record and every figure of the ledger hold."""
    verify_runner(SyncRunner(url))


def records(url: str, entity: str) -> list[Any]:
    return stored_records(url)[entity]


def codes(result: PopulateResult) -> list[str]:
    return [note.code for note in result.notes]


# 18: numbers in names


@pytest.mark.parametrize(
    ("older", "newer"),
    [
        ("customers_9.json", "customers_10.json"),
        ("2026/9/customers.json", "2026/10/customers.json"),
        ("run_9/customers.json", "run_10/customers.json"),
        ("customers.json", "customers (1).json"),
        ("customers.json", "customers-2.json"),
        ("customers_099.json", "customers_100.json"),
        ("customers.9.json", "customers.10.json"),
    ],
)
def test_18_numbers_count_as_numbers(url: str, tmp_path: Path, older: str, newer: str) -> None:
    """Where two files hold a key, the one with the greater number is the newer one."""
    source = tmp_path / "in"
    for number, name in enumerate((newer, older)):
        write(source / name, [{"id": 1, "name": name}, {"id": 10 + number}])
    result = load(url, source, entities={"*": "customers"})
    assert result.statistics["updated"] == 1
    assert {"id": 1, "name": newer} in records(url, "customers")
    verified(url)
    assert load(url, source, entities={"*": "customers"}).files_unchanged == 2


# 19: what comes later


@pytest.mark.parametrize(
    ("first", "second", "winner"),
    [
        ("march.json", "april.json", "april.json"),
        ("customers_9.json", "customers_10.json", "customers_10.json"),
        ("z/customers.json", "a/customers.json", "a/customers.json"),
        ("customers_2026-07-02.json", "customers_2026-07-01.json", "customers_2026-07-02.json"),
        ("customers_20260702.json", "customers_20260701T235959.json", "customers_20260702.json"),
        ("2026-07-02/customers.json", "2026-07-01/customers.json", "2026-07-02/customers.json"),
        ("2026/10/customers.json", "2026/9/customers.json", "2026/10/customers.json"),
        ("customers.json", "customers_2026-07-01.json", "customers_2026-07-01.json"),
        ("customers_2026-07-01.json", "customers.json", "customers.json"),
    ],
)
def test_19_a_later_run_sees_newer_files_unless_dates_say_otherwise(
    url: str, tmp_path: Path, first: str, second: str, winner: str
) -> None:
    """A file that a later run sees first is newer, whatever its name, but for dates in names."""
    source = tmp_path / "in"
    for name in (first, second):
        write(source / name, [{"id": 1, "name": name}])
        result = load(url, source, entities={"*": "customers"})
    assert records(url, "customers") == [{"id": 1, "name": winner}]
    assert ("newer_file_stored" in codes(result)) is (winner == first)
    verified(url)


def test_19_a_file_keeps_its_place_when_it_changes(url: str, tmp_path: Path) -> None:
    """An older file that changes does not become a newer one: the order is by when a file was first seen."""
    source = tmp_path / "in"
    write(source / "z.json", [{"id": 1, "v": 1}])
    load(url, source, entities={"*": "items"})
    write(source / "a.json", [{"id": 1, "v": 2}])
    load(url, source, entities={"*": "items"})
    write(source / "z.json", [{"id": 1, "v": 3}, {"id": 2}])
    result = load(url, source, entities={"*": "items"})
    assert (result.statistics["superseded"], result.statistics["inserted"]) == (1, 1)
    assert records(url, "items") == [{"id": 1, "v": 2}, {"id": 2}]
    verified(url)


@pytest.mark.parametrize(("order", "winner"), [("name", "z.json"), ("modified", "a.json"), ("auto", "z.json")])
def test_19_the_order_is_a_setting(url: str, tmp_path: Path, order: str, winner: str) -> None:
    """auto goes by name as well, but asks whether that is meant."""
    source = tmp_path / "in"
    for name, age in (("a.json", 1000), ("z.json", 2000)):
        os.utime(write(source / name, [{"id": 1, "name": name}]), (2e9 - age, 2e9 - age))
    result = load(url, source, entities={"*": "items"}, order=order)
    assert codes(result) == ["files_disagree"] * (order == "auto")
    assert records(url, "items") == [{"id": 1, "name": winner}]
    verified(url)


def test_19_another_order_loads_the_files_again(url: str, tmp_path: Path) -> None:
    """Where the setting changes what is newest, what is stored follows."""
    source = tmp_path / "in"
    for name, age in (("a.json", 1000), ("z.json", 2000), ("m.json", 1500)):
        os.utime(write(source / name, [{"id": 1, "name": name}, {"id": name}]), (2e9 - age, 2e9 - age))
        load(url, source, entities={"*": "items"})
    assert {"id": 1, "name": "m.json"} in records(url, "items")
    result = load(url, source, entities={"*": "items"}, order="modified")
    assert "order_changed" in codes(result)
    assert [record for record in records(url, "items") if "name" in record] == [{"id": 1, "name": "a.json"}]
    result = load(url, source, entities={"*": "items"}, order="modified")
    assert (result.files_unchanged, result.notes) == (3, ())
    load(url, source, entities={"*": "items"}, order="name")
    assert [record for record in records(url, "items") if "name" in record] == [{"id": 1, "name": "z.json"}]
    load(url, source, entities={"*": "items"}, order="auto")
    assert [record for record in records(url, "items") if "name" in record] == [{"id": 1, "name": "m.json"}]
    verified(url)


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("orders_2026-07-12", "2026-07-12"), ("2026/9/orders", "2026-09"), ("orders_20260712T103015Z", "2026-07-12T10:30:15"),
        ("orders_20260712103015", "2026-07-12T10:30:15"), ("orders 2026-07-12 10.30", "2026-07-12T10:30:00"),
        ("orders_2026_7_2", "2026-07-02"), ("31.12.2026", "2026-12-31"), ("orders-march-2026", "2026-03"),
        ("15sept2026", "2026-09-15"), ("2026-W28/orders", "2026-07-06"), ("orders_2026-Q3", "2026-07"),
        ("year=2026/month=07/day=03/part-0", "2026-07-03"), ("orders_202607", "2026-07"), ("gsoc-2018", "2018"),
        ("2026-07-12_9", "2026-07-12"), ("2026-07-12/orders_2026-07-11", "2026-07-12 2026-07-11"),
        ("page_2024", ""), ("2024", ""), ("customers_9", ""), ("20261301", ""), ("marching", ""), ("12-2026", ""),
    ],
)  # fmt: skip
def test_19_dates_in_names(path: str, found: str) -> None:
    """Dates are found as people write them; what only looks like one is none."""
    assert date_in(path.split("/")) == found


def test_18_names_sort_naturally() -> None:
    """Folders first, then the stem, then the endings, with numbers as numbers."""
    names = ["9/a.json", "10/a.json", "a/x.json", "a.json", "a1.json", "a2.ndjson", "a10.json", "a-b/x.json", "b.json"]
    assert sorted(names, key=lambda name: natural_path(name.split("/"))) == [
        "9/a.json", "10/a.json", "a.json", "a/x.json", "a-b/x.json", "a1.json", "a2.ndjson", "a10.json", "b.json",
    ]  # fmt: skip
    assert is_sequence("run_9", "run_10")
    assert not is_sequence("shop_9", "shop_10")
    assert not is_sequence("acme", "beta")


# 21: what is read, and what is left out

RECORDS = [{"id": 1, "name": "a"}]
TEXT = json.dumps(RECORDS).encode()
LINES = json.dumps(RECORDS[0]).encode() + b"\n"


def zstd(data: bytes) -> bytes:
    return pytest.importorskip("backports.zstd").compress(data)  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("ORDERS.JSON.GZ", gzip.compress(TEXT)), ("orders.json.GZ", gzip.compress(TEXT)), ("orders.JSON", TEXT),
        ("Orders.json.gzip", gzip.compress(TEXT)), ("orders.json.bz2", bz2.compress(TEXT)), ("orders.ldjson", LINES),
        ("orders.JSON.XZ", lzma.compress(TEXT)), ("orders.NDJSON.Bz2", bz2.compress(LINES)), ("orders.GeoJSONL", LINES),
        ("orders.json.bz2", bz2.compress(TEXT[:5]) + bz2.compress(TEXT[5:])),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_21_suffixes_in_any_case_and_packing(url: str, tmp_path: Path, name: str, data: bytes) -> None:
    """The ending may be in capitals, and the packing any of the common ones."""
    write(tmp_path / "in" / name, data)
    write(tmp_path / "in" / "beside.json", RECORDS)
    result = load(url, tmp_path / "in")
    assert (result.statistics["inserted"], result.notes) == (2, ())
    assert stored_records(url) == {"orders": RECORDS, "beside": RECORDS}
    verified(url)


def test_21_zstd_by_the_extra(url: str, tmp_path: Path) -> None:
    """With the extra it is read, in several frames too, and what is cut off is refused."""
    write(tmp_path / "in" / "orders.json.zst", zstd(TEXT[:5]) + zstd(TEXT[5:]))
    write(tmp_path / "in" / "cut.json.ZST", zstd(TEXT)[:-6])
    write(tmp_path / "in" / "bad.json.zst", zstd(TEXT)[:6] + b"????????" + zstd(TEXT)[14:])
    result = load(url, tmp_path / "in")
    assert stored_records(url) == {"orders": RECORDS}
    assert sorted((Path(file.file).name, file.reason) for file in result.refused_files) == [
        ("bad.json.zst", "cannot_unpack"), ("cut.json.ZST", "cannot_unpack"),
    ]  # fmt: skip
    verified(url)


def test_21_without_the_extra_it_is_refused_with_the_way_out(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file is named, and what to install; the others load."""
    monkeypatch.setattr("json2db_sync.sources.bytestream._zstd", lambda: None)
    write(tmp_path / "in" / "orders.json.zst", b"\x28\xb5\x2f\xfd" + TEXT)
    write(tmp_path / "in" / "beside.json", RECORDS)
    result = load(url, tmp_path / "in")
    (refused,) = result.refused_files
    assert (refused.reason, result.needs_attention) == ("zstd_missing", True)
    assert "json2db_sync[zstd]" in str(refused.hint)
    assert stored_records(url) == {"beside": RECORDS}


def test_21_what_is_left_out_is_counted_and_named(url: str, tmp_path: Path) -> None:
    """Files that are no data by their names are told of, hidden ones and metadata aside."""
    for name in ("a.txt", "b.csv", "sub/c.json.zip", "d.json.bak", "e", "f.md", "g.xml", ".hidden", ".git/h.txt"):
        write(tmp_path / "in" / name, b"-")
    write(tmp_path / "in" / "orders.json", RECORDS)
    write(tmp_path / "in" / "sync_metadata_orders.json", {"status": "completed"})
    result = load(url, tmp_path / "in")
    (note,) = result.notes
    assert (note.code, note.count) == ("files_left_out", 7)
    assert note == "7 files left out: a.txt, b.csv, d.json.bak, e, f.md and 2 more"
    session = tmp_path / "sync_session_2026-07-12_10-30-15" / "raw_json" / "2026-07-12_10-30-15"
    write(session / "orders.json", RECORDS)
    write(session / "orders.csv", b"-")
    (note,) = load(url, tmp_path / "sync_session_2026-07-12_10-30-15").notes
    assert (note.code, note.count) == ("files_left_out", 1)


def test_21_links_are_followed_once(url: str, tmp_path: Path) -> None:
    """Linked folders are read, each place once, and no circle is walked; a link to a file that is read is left out."""
    source, elsewhere = tmp_path / "in", tmp_path / "elsewhere"
    write(source / "z" / "orders.json", RECORDS)
    write(elsewhere / "deep" / "bills.json", RECORDS)
    write(elsewhere / "single.json", RECORDS)
    write(tmp_path / "other.json", RECORDS)
    for name, target in (
        ("a", "z"), ("linked", elsewhere), ("twice", elsewhere), ("up", ".."), ("z/round", "../../in"),
        ("latest.json", "z/orders.json"), ("outside.json", tmp_path / "other.json"),
    ):  # fmt: skip
        (source / name).symlink_to(target)
    (elsewhere / "back").symlink_to(source)
    result = load(url, source)
    assert sorted(file.file for file in result.files) == [
        "linked/deep/bills.json", "linked/single.json", "outside.json", "z/orders.json",
    ]  # fmt: skip
    (note,) = result.notes
    assert (note.code, note.count) == ("links_left_out", 1)
    assert load(url, source).files_unchanged == 4


# 22 and 23: what cannot be read


def test_22_a_dangling_link_is_refused_alone(url: str, tmp_path: Path) -> None:
    """The rest loads."""
    write(tmp_path / "in" / "orders.json", RECORDS)
    (tmp_path / "in" / "gone.json").symlink_to(tmp_path / "nowhere.json")
    (tmp_path / "in" / "round.json").symlink_to("round.json")
    for _ in range(2):
        result = load(url, tmp_path / "in")
        assert result.needs_attention
        assert {(Path(file.file).name, file.reason) for file in result.refused_files} >= {
            ("gone.json", "dangling_link")
        }
        assert len(result.refused_files) == 2
        assert "nowhere.json" in next(file.error for file in result.refused_files if "gone" in file.file)
    assert stored_records(url) == {"orders": RECORDS}
    assert SyncRunner(url, tmp_path / "in").analyze().needs_attention


def test_23_pipes_sockets_and_devices_are_refused_at_once(url: str, tmp_path: Path) -> None:
    """Nothing waits for what comes out of them, wherever they stand."""
    source = tmp_path / "in"
    write(source / "orders.json", RECORDS)
    for name in ("x.json", "sync_metadata_orders.json", "orders.schema.json"):
        os.mkfifo(source / name)
    (source / "device.json").symlink_to("/dev/zero")
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(os.path.relpath(source / "s.json"))
        result = load(url, source)
    assert {(Path(file.file).name, file.reason) for file in result.refused_files} == {
        (name, "not_a_file") for name in ("x.json", "orders.schema.json", "device.json", "s.json")
    }
    assert stored_records(url) == {"orders": RECORDS}
    result = load(url, source / "x.json", success=False)
    assert (result.error_type, result.reason) == ("file_error", "not_a_file")


def test_23_a_file_that_became_a_pipe(url: str, tmp_path: Path) -> None:
    """What was loaded stays, and the rest goes on."""
    path = write(tmp_path / "in" / "orders.json", RECORDS)
    write(tmp_path / "in" / "bills.json", RECORDS)
    load(url, tmp_path / "in")
    path.unlink()
    os.mkfifo(path)
    result = load(url, tmp_path / "in")
    assert [(file.reason, result.files_unchanged) for file in result.refused_files] == [("not_a_file", 1)]
    assert records(url, "orders") == RECORDS


# 20: two folders, two sources


INVOICE = {"Id": "1", "Total": 100}


def companies(tmp_path: Path, one: str = "acme", other: str = "beta") -> Path:
    write(tmp_path / "in" / one / "invoices.json", [INVOICE, {"Id": "2", "Total": 1}])
    write(tmp_path / "in" / other / "invoices.json", [{"Id": "2", "Total": 1}, {"Id": "1", "Total": 5}])
    return tmp_path / "in"


@pytest.mark.parametrize(
    ("one", "other"),
    [("acme", "beta"), ("shop_9", "shop_10"), ("eu/acme/x", "us/acme/x"), ("a/1001", "a/1002"), (".", "acme")],
)
def test_20_folders_that_disagree_are_refused(url: str, tmp_path: Path, one: str, other: str) -> None:
    """Nothing says which is newer: the second file is refused, naming both settings, and what was loaded stays."""
    source = companies(tmp_path, one, other)
    for _ in range(2):
        result = load(url, source)
        (refused,) = result.refused_files
        assert result.needs_attention
        assert (Path(refused.file).name, refused.reason) == ("invoices.json", "folders_disagree")
        assert "data_source.folder_column" in str(refused.hint)
        assert "data_source.order" in str(refused.hint)
        assert "acme" in refused.error or one != "acme"
    stored = records(url, "invoices")
    assert len(stored) == 2
    assert stored_loser(stored) in (5, 100)
    verified(url)
    load(url, source, order="name")
    assert len(records(url, "invoices")) == 2
    verified(url)


@pytest.mark.parametrize("batch_path", [True, False])
def test_20_folders_that_only_dates_further_down_tell_apart_are_asked_about(
    url: str, tmp_path: Path, batch_path: bool
) -> None:
    """The later date counts, loudly, with the setting that gives both companies' records."""
    source = tmp_path / "in"
    write(source / "acme" / "2026-07-01" / "invoices.json", [INVOICE])
    write(source / "beta" / "2026-07-02" / "invoices.json", [{"Id": "1", "Total": 5}])
    runner = SyncRunner(url, source)
    runner._batch_path = batch_path
    result = runner.populate()
    assert [(note.code, note.setting) for note in result.notes] == [("folders_by_date", "data_source.folder_column")]
    assert "acme and beta" in result.notes[0]
    assert result.needs_attention
    assert not load(url, source).needs_attention
    load(url, source, folder_column="company")
    assert sorted((one["company"], one["Total"]) for one in records(url, "invoices")) == [("acme", 100), ("beta", 5)]
    verified(url)


@pytest.mark.parametrize(("old", "new"), [("archive", "current"), ("2026-07", "2026-08"), ("week_1", "week_2")])
def test_20_folders_of_older_and_newer_files_go_on_as_one(url: str, tmp_path: Path, old: str, new: str) -> None:
    write(tmp_path / "in" / old / "invoices_2026-07-01.json", [INVOICE])
    write(tmp_path / "in" / new / "invoices_2026-08-02.json", [{"Id": "1", "Total": 5}])
    config = JSON2DBConfig(data_source={"entities": {"invoices_*": "invoices"}})
    result = SyncRunner(url, tmp_path / "in", config=config).populate()
    assert (result.statistics["updated"], result.needs_attention) == (1, False)


def stored_loser(stored: list[Any]) -> int:
    (total,) = [record["Total"] for record in stored if record["Id"] == "1"]
    return int(total)


def test_20_the_order_says_that_the_later_wins(url: str, tmp_path: Path) -> None:
    """With order = name there is no doubt."""
    result = load(url, companies(tmp_path), order="name")
    assert (result.refused_files, stored_loser(records(url, "invoices"))) == ((), 5)
    verified(url)


@pytest.mark.parametrize(
    ("one", "other"), [("2026-07-01", "2026-07-02"), ("2026/7", "2026/8"), ("batch9", "batch10"), ("9", "10")]
)
def test_20_dates_and_numbers_say_which_is_newer(url: str, tmp_path: Path, one: str, other: str) -> None:
    """Folders that bear dates, or are counted, go on as one."""
    assert load(url, companies(tmp_path, one, other)).refused_files == ()
    assert stored_loser(records(url, "invoices")) == 5


def test_20_folders_that_moved_or_are_archives_do_not_bring_back_what_was(url: str, tmp_path: Path) -> None:
    """A folder that was renamed goes on; a file that was put aside is not newer than what took its place."""
    source = tmp_path / "in"
    write(source / "incoming" / "invoices.json", [INVOICE])
    load(url, source)
    (source / "incoming").rename(source / "inbox")
    write(source / "inbox" / "invoices.json", [{"Id": "1", "Total": 5}])
    assert load(url, source).statistics["updated"] == 1
    (source / "inbox").rename(source / "processed")
    write(source / "inbox" / "invoices.json", [{"Id": "1", "Total": 6}])
    assert [file.reason for file in load(url, source).refused_files] == ["folders_disagree"]
    assert stored_loser(records(url, "invoices")) == 6
    verified(url)


@pytest.mark.parametrize("batch_path", [True, False])
@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("acme_invoices.json", "beta_invoices.json"), ("invoices.json", "invoices_old.json"),
        ("shop_9_invoices.json", "shop_10_invoices.json"), ("invoices.json", "invoices.json.gz"),
        ("acme_invoices_2026-07-01.json", "beta_invoices_2026-07-01.json"), ("monday.json", "friday.json"),
    ],
)  # fmt: skip
def test_20_files_that_words_in_names_tell_apart_are_asked_about_once(
    url: str, tmp_path: Path, one: str, other: str, batch_path: bool
) -> None:
    """Of one entity by the setting, in one run, with a key in common: the later name counts, and that is said once."""
    for name in (one, other):
        write(tmp_path / "in" / name, [{"Id": "1", "file": name}])
    config = JSON2DBConfig(data_source={"entities": {"*": "invoices"}})
    runner = SyncRunner(url, tmp_path / "in", config=config)
    runner._batch_path = batch_path
    result = runner.populate()
    (note,) = [note for note in result.notes if note.code == "files_disagree"]
    (stored,) = records(url, "invoices")
    assert f"{stored['file']} counts" in note
    assert (note.setting, result.needs_attention) == ("data_source.order", True)
    for name in (one, other):
        write(tmp_path / "in" / name, [{"Id": "1", "file": name, "v": 2}])
    assert "files_disagree" not in codes(runner.populate())
    verified(url)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("orders.json", "orders_page_3.json"), ("orders_1.json", "orders_2026-07-01.json"),
        ("orders_2026-07-01T10-00-00Z.json", "orders_20260702.json"), ("part-9.json", "part-10.json"),
        ("orders_full_2026-07-01.json", "orders_delta_2026-07-02.json"),
    ],
)  # fmt: skip
def test_20_files_whose_names_dates_or_numbers_order_go_on(url: str, tmp_path: Path, one: str, other: str) -> None:
    """The later date, or the greater number, is newer."""
    for name in (one, other):
        write(tmp_path / "in" / name, [{"id": 1, "name": name}])
    result = load(url, tmp_path / "in", entities={"*": "orders"})
    assert (result.statistics["updated"], result.refused_files, result.needs_attention) == (1, (), False)
    assert records(url, "orders") == [{"id": 1, "name": other}]


def test_20_files_of_several_entities_are_asked_about(url: str, tmp_path: Path) -> None:
    """Two companies' dumps in one folder, without any setting."""
    for company in ("acme", "beta"):
        write(tmp_path / "in" / f"{company}.json", {"bills": [{"id": 1, "of": company}], "cats": [{"id": company}]})
    result = load(url, tmp_path / "in")
    assert (codes(result), result.needs_attention) == (["files_disagree"], True)
    assert "bills: acme.json and beta.json" in result.notes[0]
    verified(url)


def test_20_folders_that_agree_or_hold_other_keys_load(url: str, tmp_path: Path) -> None:
    """Only the same key with other content is in doubt, however it is spelled."""
    write(tmp_path / "in" / "acme" / "invoices.json", [INVOICE])
    write(tmp_path / "in" / "beta" / "invoices.json", b'[{"Total": 100.0, "Id": "1"}, {"Id": "9", "Total": 3}]')
    assert load(url, tmp_path / "in").refused_files == ()
    assert len(records(url, "invoices")) == 2
    result = SyncRunner(
        url, tmp_path / "in", config=JSON2DBConfig(processing={"enable_duplicate_prevention": False})
    ).populate()
    assert result.refused_files == ()
    verified(url)


def test_two_sources_that_disagree_are_refused(url: str, tmp_path: Path) -> None:
    """The other source's records stay, and the three settings are named."""
    write(tmp_path / "t1" / "orders.json", [{"id": 1, "v": 1}])
    write(tmp_path / "t2" / "orders.json", [{"id": 1, "v": 2}])
    write(tmp_path / "t2" / "bills.json", [{"id": 1}])
    load(url, tmp_path / "t1")
    result = load(url, tmp_path / "t2")
    (refused,) = result.refused_files
    assert (refused.reason, result.needs_attention) == ("sources_disagree", True)
    for setting in ("data_source.name", "table_prefix", f'data_source.continues = "{tmp_path / "t1"}"'):
        assert setting in str(refused.hint)
    assert stored_records(url) == {"orders": [{"id": 1, "v": 1}], "bills": [{"id": 1}]}
    verified(url)
    write(tmp_path / "t1" / "orders.json", [{"id": 1, "v": 3}])
    assert load(url, tmp_path / "t1").refused_files == ()
    assert load(url, tmp_path / "t2", continues=str(tmp_path / "t1")).refused_files == ()
    assert records(url, "orders") == [{"id": 1, "v": 2}]
    verified(url)


def test_a_source_that_moved_goes_on(url: str, tmp_path: Path) -> None:
    """The same files below another folder are the same source, changed or not."""
    write(tmp_path / "t1" / "orders.json", [{"id": 1, "v": 1}])
    load(url, tmp_path / "t1")
    (tmp_path / "t1").rename(tmp_path / "t2")
    assert load(url, tmp_path / "t2").statistics["unchanged"] == 1
    (tmp_path / "t2").rename(tmp_path / "t3")
    write(tmp_path / "t3" / "orders.json", [{"id": 1, "v": 2}])
    assert load(url, tmp_path / "t3").refused_files == ()
    assert records(url, "orders") == [{"id": 1, "v": 2}]


@pytest.mark.parametrize(("one", "other"), [("2026-07-01", "2026-07-02"), ("x/export-20260701", "x/export-20260702")])
def test_sources_whose_names_carry_dates_go_on_as_one(url: str, tmp_path: Path, one: str, other: str) -> None:
    """The later date wins, in whatever order they are loaded."""
    for place in (other, one):
        write(tmp_path / place / "orders.json", [{"id": 1, "v": place}])
        assert load(url, tmp_path / place).refused_files == ()
    assert records(url, "orders") == [{"id": 1, "v": other}]


def test_a_folder_of_a_source_is_the_same_source(url: str, tmp_path: Path) -> None:
    """A folder within, or a file of it, is not another source; the folder beside it is."""
    write(tmp_path / "in" / "acme" / "invoices.json", [INVOICE])
    load(url, tmp_path / "in")
    write(tmp_path / "in" / "acme" / "invoices.json", [{"Id": "1", "Total": 7}])
    assert load(url, tmp_path / "in" / "acme").refused_files == ()
    assert load(url, tmp_path / "in" / "acme" / "invoices.json").files_unchanged == 1
    write(tmp_path / "in" / "beta" / "invoices.json", [{"Id": "1", "Total": 5}])
    assert [file.reason for file in load(url, tmp_path / "in").refused_files] == ["sources_disagree"]


# 20: the folder, or the name of the source, as a column of the key


@pytest.mark.parametrize("batch_path", [True, False])
def test_20_the_folder_is_a_column_of_the_key(url: str, tmp_path: Path, batch_path: bool) -> None:
    """Both companies' invoices stand side by side, from the first run on."""
    source = companies(tmp_path)
    config = JSON2DBConfig(data_source={"folder_column": "company"})
    runner = SyncRunner(url, source, config=config)
    runner._batch_path = batch_path
    assert runner.populate().refused_files == ()
    totals = {(record["company"], record["Id"]): record["Total"] for record in records(url, "invoices")}
    assert totals == {("acme", "1"): 100, ("acme", "2"): 1, ("beta", "2"): 1, ("beta", "1"): 5}
    write(source / "beta" / "invoices.json", [{"Id": "1", "Total": 6}])
    result = runner.populate()
    assert (result.statistics["updated"], result.files_unchanged) == (1, 1)
    verified(url)
    out = JSON2DBConfig(export={"directory": tmp_path / "out"})
    assert SyncRunner(url, config=out).export().success
    assert SyncRunner(tmp_path / "again.db", tmp_path / "out").populate().success
    again = SyncRunner(tmp_path / "again.db").read("invoices")
    assert sorted(again, key=str) == sorted(records(url, "invoices"), key=str)


def test_20_an_export_says_what_its_key_is(url: str, tmp_path: Path) -> None:
    """Few numbers that two companies share would pass as repeats of a guessed key: the schema tells that it is none."""
    for company, first in (("acme", 0), ("beta", 198)):
        rows = [{"Id": number, "Total": f"{company} {number}"} for number in range(first, first + 200)]
        write(tmp_path / "in" / company / "invoices.json", rows)
    config = JSON2DBConfig(data_source={"folder_column": "company"}, export={"directory": tmp_path / "out"})
    runner = SyncRunner(url, tmp_path / "in", config=config)
    assert runner.populate().success
    assert runner.export().success
    again = str(tmp_path / "again.db")
    for batch_path in (True, False):
        runner = SyncRunner(again, tmp_path / "out")
        runner._batch_path = batch_path
        result = runner.populate()
        assert codes(result) == ["export_files_left_out"]
        assert sorted(map(str, records(again, "invoices"))) == sorted(map(str, records(url, "invoices")))
        write(tmp_path / "out" / "invoices.json", (tmp_path / "out" / "invoices.json").read_bytes() + b" ")
    verified(again)
    other = str(tmp_path / "other.db")
    load(other, tmp_path / "in" / "acme")
    result = load(other, tmp_path / "out", continues=str(tmp_path / "in" / "acme"))
    (note,) = [note for note in result.notes if note.code == "key_ignored"]
    assert note.setting == 'processing.keys = {"invoices": ["company", "Id"]}'
    assert result.needs_attention


def test_20_what_was_loaded_before_gets_its_folder_too(url: str, tmp_path: Path) -> None:
    """After the refusal the setting is enough: the stored records get the column, the refused file loads."""
    source = companies(tmp_path)
    assert [file.reason for file in load(url, source).refused_files] == ["folders_disagree"]
    result = load(url, source, folder_column="company")
    assert (result.refused_files, result.files_unchanged, result.statistics["inserted"]) == ((), 1, 2)
    totals = {(record["company"], record["Id"]): record["Total"] for record in records(url, "invoices")}
    assert totals == {("acme", "1"): 100, ("acme", "2"): 1, ("beta", "2"): 1, ("beta", "1"): 5}
    verified(url)
    assert load(url, source, folder_column="company").files_unchanged == 2


def test_20_dated_folders_of_a_company_go_on(url: str, tmp_path: Path) -> None:
    """Dates tell when, not what: they are not part of the column."""
    for company in ("acme", "beta"):
        for day in (1, 2):
            write(tmp_path / "in" / company / f"2026-07-0{day}" / "bills.json", [{"id": 1, "v": f"{company}{day}"}])
    load(url, tmp_path / "in", folder_column="company")
    found = sorted((record["company"], record["v"]) for record in records(url, "bills"))
    assert found == [("acme", "acme2"), ("beta", "beta2")]
    verified(url)


def test_20_a_field_of_that_name_is_not_overwritten(url: str, tmp_path: Path) -> None:
    """Records that have the field themselves are rejected, loudly."""
    write(tmp_path / "in" / "acme" / "bills.json", [{"id": 1, "company": "x"}, {"id": 2}])
    result = load(url, tmp_path / "in", folder_column="company")
    assert (result.statistics["rejected"], result.statistics["inserted"]) == (1, 1)
    assert "company" in result.rejected_records[0].reason
    verified(url)


@pytest.mark.parametrize(
    "text", [b'[{"id": 1}, {}, { }, {"id":2,"l":[{"a":1}]}]', b'{"id": 1}\n{"id":2}\n7\n', b'{"id": 3}']
)
def test_20_every_layout_gets_the_column(url: str, tmp_path: Path, text: bytes) -> None:
    """Arrays, lines and single objects."""
    write(tmp_path / "acme" / "bills.json", text)
    load(url, tmp_path / "acme", folder_column="company")
    found = records(url, "bills")
    assert found
    assert {record["company"] for record in found} == {"acme"}
    verified(url)


def test_sources_with_names_stand_side_by_side(url: str, tmp_path: Path) -> None:
    """The name is a column of the key; what was loaded without one gets that of its folder."""
    write(tmp_path / "t1" / "orders.json", [{"id": 1, "v": 1}, {"id": 2}])
    write(tmp_path / "t2" / "orders.json", [{"id": 1, "v": 2}])
    load(url, tmp_path / "t1")
    assert load(url, tmp_path / "t2", success=False).refused_files
    assert load(url, tmp_path / "t2", name="shop2").refused_files == ()
    found = {(record["source_name"], record["id"]): record.get("v") for record in records(url, "orders")}
    assert found == {("t1", 1): 1, ("t1", 2): None, ("shop2", 1): 2}
    verified(url)
    write(tmp_path / "t1" / "orders.json", [{"id": 1, "v": 9}, {"id": 2}, {"id": 3}])
    result = load(url, tmp_path / "t1")
    assert (result.statistics["updated"], result.statistics["inserted"]) == (1, 1)
    verified(url)


def test_sources_with_names_from_the_start(url: str, tmp_path: Path) -> None:
    """Two named sources never meet."""
    for name in ("t1", "t2"):
        write(tmp_path / name / "orders.json", [{"id": 1, "v": name}])
        assert load(url, tmp_path / name, name=name).refused_files == ()
    assert {record["source_name"] for record in records(url, "orders")} == {"t1", "t2"}
    verified(url)


# 24: many small files


@pytest.mark.parametrize(
    "name", ["user-{:04}-{}.json", "users/{:03}{}.json", "data/{}-{}.json", "day_2026-10-{:02}{}.json"]
)
def test_24_many_like_files_are_said_with_the_line_that_makes_them_one(url: str, tmp_path: Path, name: str) -> None:
    """The note comes before anything is made; the line that it names makes one table of them."""
    source = tmp_path / "users"
    for number in range(40):
        more = {"email": "x"} if number % 3 else {}
        record = {"id": number, "name": f"n{number}", "age": number, **more}
        write(source / name.format(number, "abcd"[number % 4]), record)
    told: list[str] = []
    runner = SyncRunner(url, source, on_event=lambda event: told.append(type(event).__name__))
    result = runner.populate()
    (note,) = [note for note in result.notes if note.code == "many_like_files"]
    assert (note.count, result.needs_attention, len(stored_records(url))) == (40, True, 40)
    assert "Notice" in told
    assert "2026" not in str(note.setting)  # another month fits as well
    settings = tomllib.loads(str(note.setting).replace(": ", " = "))
    again = tmp_path / "again.db"
    result = load(str(again), source, **settings["data_source"])
    assert (len(stored_records(str(again))), result.needs_attention) == (1, False)
    assert "many_like_files" not in codes(runner.populate())
    verified(url)


@pytest.mark.parametrize("names", [("users/{}.json", "orders/{}.json"), ("user-{}.json", "order-{}.json")])
def test_24_each_folder_and_each_name_is_an_entity(tmp_path: Path, names: tuple[str, str]) -> None:
    """Files of two kinds are two tables, and what stands among them by another name stays what it is."""
    for number in range(30):
        write(tmp_path / "in" / names[0].format(number), {"id": number, "name": "n", "email": "e"})
        write(tmp_path / "in" / names[1].format(number), {"id": number, "total": 1, "date": "d", "paid": True})
    write(tmp_path / "in" / names[0].format("x"), [{"sku": 1, "price": 2}])
    result = load(str(tmp_path / "test.db"), tmp_path / "in")
    (note,) = [note for note in result.notes if note.code == "many_like_files"]
    again = str(tmp_path / "again.db")
    entities = json.loads(str(note.setting).partition(" = ")[2])
    load(again, tmp_path / "in", entities=entities)
    assert sorted(map(len, stored_records(again).values())) == [1, 30, 30]


def test_24_files_of_other_fields_are_many_entities(url: str, tmp_path: Path) -> None:
    """Where fields differ nothing is said, nor of few files."""
    for number in range(40):
        write(tmp_path / "in" / f"e{number}.json", [{"id": 1, f"a{number}": 1, f"b{number}": 2}])
    assert "many_like_files" not in codes(load(url, tmp_path / "in"))


def test_a_table_prefix_gives_a_source_tables_of_its_own(url: str, tmp_path: Path) -> None:
    """Another source's records go into tables beside, under an entity of that name; a source that goes on keeps its."""
    for name in ("t1", "t2"):
        write(tmp_path / name / "orders.json", [{"id": 1, "v": name}])
    load(url, tmp_path / "t1")
    assert load(url, tmp_path / "t2", success=False).refused_files
    config = JSON2DBConfig(database={"table_prefix": "t2_"})
    for unchanged in (0, 1):
        result = SyncRunner(url, tmp_path / "t2", config=config).populate()
        assert (result.success, result.files_unchanged) == (True, unchanged), result
    assert stored_records(url) == {"orders": [{"id": 1, "v": "t1"}], "t2_orders": [{"id": 1, "v": "t2"}]}
    tables = SyncRunner(url).report().tables
    assert {table.name for table in tables} == {"json_orders", "t2_orders"}
    verified(url)
    write(tmp_path / "t1" / "orders.json", [{"id": 1, "v": "new"}])
    assert SyncRunner(url, tmp_path / "t1", config=config).populate().statistics["updated"] == 1
    assert records(url, "orders") == [{"id": 1, "v": "new"}]


@pytest.mark.parametrize("setting", ["name", "folder_column"])
def test_20_a_column_that_records_have_of_their_own_becomes_no_part_of_the_key(
    url: str, tmp_path: Path, setting: str
) -> None:
    """Set later it would replace their values: nothing is changed, and it is said what to do."""
    field = "source_name" if setting == "name" else "shop"
    theirs = [{"id": 1, field: "theirs"}]
    write(tmp_path / "in" / "orders.json", theirs)
    load(url, tmp_path / "in")
    result = load(url, tmp_path / "in", success=False, **{setting: "shop"})
    assert result.error_type == "configuration_error"
    assert f"records of it have a field {field} of their own" in result.error
    assert "table_prefix" in result.hint
    assert records(url, "orders") == theirs
    verified(url)


def test_20_a_name_that_comes_later_leaves_frozen_tables_as_they_are(url: str, tmp_path: Path) -> None:
    """That is said with the setting that freezes them."""
    write(tmp_path / "in" / "orders.json", [{"id": 1}])
    load(url, tmp_path / "in")
    config = JSON2DBConfig(data_source={"name": "shop"}, processing={"contracts": {"orders": "freeze"}})
    result = SyncRunner(url, tmp_path / "in", config=config).populate()
    assert (result.success, result.error_type) == (False, "configuration_error")
    assert "processing.contracts" in result.hint
    assert records(url, "orders") == [{"id": 1}]
    verified(url)
