"""Real public data exported and loaded again: what goes out comes back, byte for byte."""

from __future__ import annotations

import json
import lzma
import shutil
from pathlib import Path
from typing import Any

import pytest
from support.exports import contents, exported, records, runner_on, without_source
from support.nightly import NIGHTLY

from json2db_sync import SyncRunner
from json2db_sync.model.jsontext import canonical

SHARED_DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
SETS = sorted(path.name for path in SHARED_DATA.iterdir() if path.is_dir()) if SHARED_DATA.is_dir() else []
DUMPS = [
    "chinook/Chinook_Sqlite.sqlite",
    *(f"csc/dump/{name}.sqlite3" for name in ("countries", "regions", "subregions")),
]
DUMPS += ["csc/dump/states.sqlite3.xz"]


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", SETS or [pytest.param("-", marks=pytest.mark.skip("the shared test data is not there"))]
)
def test_an_export_loaded_and_exported_again_is_the_same(databases, tmp_path, shared_data, name):
    """Loaded, exported, loaded into an empty database and exported: the same files but for the moment and the source."""
    large = name == "json_examples" or (databases.kind == "postgresql" and name in ("accounting", "flat_large"))
    if large and not NIGHTLY:
        pytest.skip("nightly: large")
    urls = [databases.create(), databases.create()]
    SyncRunner(urls[0], shared_data / name).populate()  # some files of these sets are not records, and refused
    first = exported(urls[0], tmp_path / "one", validate=True)
    assert runner_on(urls[0], tmp_path / "one").export(verify_only=True, validate=True).success
    loaded = SyncRunner(urls[1], tmp_path / "one").populate()
    assert loaded.success, loaded.error
    assert loaded.statistics["rejected"] == 0
    assert loaded.refused_files == ()
    assert loaded.statistics["total_records"] == first.records
    assert exported(urls[1], tmp_path / "two").records == first.records
    one, two = (without_source(contents(tmp_path / folder)) for folder in ("one", "two"))
    assert [file for file in one if one[file] != two.get(file)] == []
    assert sorted(one) == sorted(two)
    for url in urls:
        databases.drop(url)


def _unpacked(path: Path, folder: Path) -> Path:
    """A database to work on."""
    copy = folder / path.name.removesuffix(".xz")
    if path.suffix == ".xz":
        copy.write_bytes(lzma.decompress(path.read_bytes()))
    else:
        shutil.copy(path, copy)
    return copy


def _by_value(found: list[dict[str, Any]]) -> list[str]:
    return sorted(canonical(record) for record in found)


@pytest.mark.slow
@pytest.mark.parametrize("dump", DUMPS)
def test_an_authors_database_goes_round(databases, tmp_path, shared_data, dump):
    """The authors' own databases exported, loaded into an empty one, and exported from there: nothing differs."""
    original = _unpacked(shared_data / dump, tmp_path)
    result = exported(str(original), tmp_path / "one", validate=True)
    assert runner_on(str(original), tmp_path / "one").export(verify_only=True, validate=True).success
    url = databases.create()
    loaded = SyncRunner(url, tmp_path / "one").populate()
    assert (loaded.success, loaded.statistics["rejected"]) == (True, 0)
    again = exported(url, tmp_path / "two")
    assert (len(again.files), again.records) == (len(result.files), result.records)
    there = {file.name.replace("_", "").lower(): records(Path(file.file)) for file in again.files}
    for file in result.files:
        assert _by_value(records(Path(file.file))) == _by_value(there[file.name.replace("_", "").lower()])
    databases.drop(url)


@pytest.mark.parametrize("table", ["Album", "Artist", "Genre", "MediaType", "Playlist", "PlaylistTrack"])
def test_the_authors_database_is_the_authors_json(tmp_path, shared_data, table):
    """Tables exported from the authors' SQLite file hold what the authors' own JSON of them holds."""
    url = str(_unpacked(shared_data / DUMPS[0], tmp_path))
    exported(url, tmp_path / "out", tables=[table], related_depth=0)
    theirs = json.loads((shared_data / "chinook/tables" / f"{table}.json").read_text("utf-8-sig"))
    assert _by_value(records(tmp_path / "out" / f"{table}.json")) == _by_value(theirs)
