"""Real and hostile data carried between databases: there and back it is what it was, down to the bytes of exports."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.hard_records import HARD
from support.moved import ELSEWHERE, everything, move
from support.nightly import NIGHTLY
from support.stored import stored_records

from json2db_sync import SyncRunner
from json2db_sync.config import JSON2DBConfig

SETS = (
    "accounting",
    "api_sync",
    "api_sync_fallback_flat",
    "api_sync_fallback_only",
    "chinook/tables",
    "csc",
    "flat_large",
    "json_examples",
    "vega",
)


def exported(url: str, folder: Path, **config: Any) -> dict[str, bytes]:
    """The records of an export, byte for byte; beside them stands the name of the database."""
    settings = JSON2DBConfig(**{**config, "export": {"format": "array", "directory": folder}})
    result = SyncRunner(url, config=settings).export()
    assert result.success, result.error
    return {path.name: path.read_bytes() for path in folder.glob("*.json") if ".metadata." not in path.name}


@pytest.mark.slow
@pytest.mark.parametrize("name", SETS)
def test_a_set_of_files_goes_there_and_back(shared_data: Path, tmp_path: Path, postgres_url: str, name: str) -> None:
    """From SQLite to PostgreSQL and back, every table is what it was, verifies in full, and exports the same bytes."""
    if name in ("json_examples", "flat_large") and not NIGHTLY:
        pytest.skip("nightly: many files")
    source, back = str(tmp_path / "source.db"), str(tmp_path / "back.db")
    files = shared_data / name
    assert SyncRunner(source, files).full_workflow(cutoff_days="all").success
    first = everything(source)
    move(source, postgres_url)
    assert everything(postgres_url) == first
    move(postgres_url, back)
    assert everything(back) == first
    for url in (postgres_url, back):
        verified = SyncRunner(url, files).verify(full=True)
        assert verified.success, verified.error
        assert exported(url, tmp_path / Path(url).name[:5]) == exported(source, tmp_path / "first")
        assert SyncRunner(url, files).populate(cutoff_days="all").rows == 0


@pytest.mark.slow
def test_a_tree_that_is_loaded_there_equals_one_that_is_carried_there(
    shared_data: Path, tmp_path: Path, postgres_server: Any
) -> None:
    """Loaded into PostgreSQL, or loaded into SQLite and carried: every row of every table is the same; and the other way."""
    loaded, carried = postgres_server.create_database(), postgres_server.create_database()
    here, back = str(tmp_path / "here.db"), str(tmp_path / "back.db")
    for url in (loaded, here):
        assert SyncRunner(url, shared_data / "api_sync").full_workflow(cutoff_days="all").success
    move(here, carried)
    move(loaded, back)
    assert everything(carried, ELSEWHERE) == everything(loaded, ELSEWHERE)
    assert everything(back, ELSEWHERE) == everything(here, ELSEWHERE)
    report, other = (SyncRunner(url).report() for url in (loaded, carried))
    assert [(one.name, one.record_count) for one in report.tables] == [
        (one.name, one.record_count) for one in other.tables
    ]
    for url in (loaded, carried):
        postgres_server.drop_database(url)


@pytest.mark.slow
def test_a_carried_tree_goes_on(shared_data: Path, tmp_path: Path, postgres_url: str) -> None:
    """Older sessions are loaded, some of them carried, the rest loaded there: the end is that of one database."""
    whole, part = str(tmp_path / "whole.db"), str(tmp_path / "part.db")
    tree = tmp_path / "tree"
    shutil.copytree(shared_data / "api_sync", tree)
    sessions = sorted(path for path in tree.rglob("sync_session_*") if path.is_dir())
    assert SyncRunner(whole, tree).populate(cutoff_days="all").success
    late = tmp_path / "late"
    late.mkdir()
    for path in sessions[-2:]:
        shutil.move(path, late / path.name)
    assert SyncRunner(part, tree).populate(cutoff_days="all").success
    move(part, postgres_url)
    for path in sessions[-2:]:
        shutil.move(late / path.name, path)
    runner = SyncRunner(postgres_url, tree)
    assert runner.populate(cutoff_days="all").success
    assert runner.verify(full=True).success
    assert stored_records(postgres_url) == stored_records(whole)
    with_files = {name: rows for name, rows in everything(postgres_url, ELSEWHERE).items() if name.startswith("json_")}
    assert {name: sum(rows.values()) for name, rows in with_files.items()} == {
        name: sum(rows.values()) for name, rows in everything(whole).items() if name.startswith("json_")
    }


def there_and_back(tmp_path: Path, postgres_url: str, entities: dict[str, list[Any]], **processing: Any) -> None:
    """Loaded into SQLite, carried to PostgreSQL and back; what PostgreSQL cannot hold is left out on both."""
    folder = tmp_path / "files"
    folder.mkdir()
    for entity, records in entities.items():
        (folder / f"{entity}.json").write_text(json.dumps(records), encoding="utf-8")
    source, back = str(tmp_path / "source.db"), str(tmp_path / "back.db")
    config = JSON2DBConfig(processing=processing)
    assert SyncRunner(source, folder, config=config).populate().success
    left_out: list[Any] = []
    move(source, postgres_url, refused=lambda misfit, record: left_out.append((misfit, record)))
    assert all("\\u0000" in json.dumps(record) and misfit.code == "no_character" for misfit, record in left_out)
    move(postgres_url, back)
    if left_out:
        assert SyncRunner(back, folder, config=config).verify().success
    else:
        assert everything(postgres_url) == everything(back) == everything(source)
        for url in (postgres_url, back):
            verified = SyncRunner(url, folder, config=config).verify(full=True)
            assert verified.success, verified.error


@pytest.mark.slow
@pytest.mark.parametrize("depth", [0, 2])
def test_hard_records_go_there_and_back(tmp_path: Path, postgres_url: str, depth: int) -> None:
    """What other tools change or lose is carried, with a key and without, whatever lists become tables."""
    entities = {f"case_{number}": rows for number, rows in enumerate(HARD.values())}
    entities |= {
        f"numbered_{n}": [{**row, "nr": place} for place, row in enumerate(rows)]
        for n, rows in enumerate(HARD.values())
    }
    there_and_back(
        tmp_path, postgres_url, entities, child_depth=depth, keys={one: "nr" for one in entities if one[0] == "n"}
    )


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
scalars = (
    st.none() | st.booleans() | st.integers() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False, allow_infinity=False)
    | texts | st.datetimes().map(lambda at: at.isoformat() + "Z") | st.dates().map(str) | st.decimals(allow_nan=False, allow_infinity=False, places=3).map(str)
)  # fmt: skip
keys = st.sampled_from(["a", "b", "id", "A", "lines", "created_at", "x y"]) | texts
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3), max_leaves=5
)
records = st.dictionaries(keys, values, max_size=5)


@pytest.mark.slow
@settings(
    max_examples=max(settings.default.max_examples // 10, 5),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example,
                           HealthCheck.function_scoped_fixture],
)  # fmt: skip
@given(rows=st.lists(records, min_size=20, max_size=20), depth=st.integers(0, 2), numbered=st.booleans())
def test_any_records_go_there_and_back(postgres_server, rows, depth, numbered):
    """Whatever records hold, they are the same after both ways, or left out for what the database cannot hold."""
    rows = [{**row, "number": number} if numbered else row for number, row in enumerate(rows)]
    url = postgres_server.create_database()
    with TemporaryDirectory() as folder:
        there_and_back(
            Path(folder), url, {"things": rows}, child_depth=depth, keys={"things": "number"} if numbered else {}
        )
    postgres_server.drop_database(url)
