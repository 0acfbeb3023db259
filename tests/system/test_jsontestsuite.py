"""JSONTestSuite (Nicolas Seriot): what must be read is read, what must be refused is refused, nothing breaks."""

from __future__ import annotations

import json
import re
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from support.calls import calls
from support.contents import table_names
from support.stored import by_value, stored_records

from json2db_sync import SyncRunner
from json2db_sync.results import PopulateResult, RefusedFile

MUST = "JSON file must contain an array of records"
CALLS = 1_000_000
"""Of functions, at most, for one file: ten for each of the deepest one's 100,000 levels."""
NOT_A_NUMBER = {f"n_number_{name}.json" for name in ("NaN", "infinity", "minus_infinity")}


@pytest.fixture(scope="module")
def suite(shared_data: Path) -> Path:
    return shared_data / "jsontestsuite" / "test_parsing"


def files(suite: Path, prefix: str, count: int) -> list[Path]:
    found = sorted(suite.glob(f"{prefix}_*.json"))
    assert len(found) == count
    return found


def entity_tables(url: str) -> set[str]:
    """Tables that hold records; the ledger's do not."""
    return {name for name in table_names(url) if not name.startswith("json2db_")}


def entity_of(name: str) -> str:
    """The entity of a file of the suite."""
    stem = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name.removesuffix(".json"))
    return re.sub(r"[^\w]+", "_", stem).lower()


def records_of(value: Any) -> list[Any] | None:
    """The records of a whole document; None where it holds none, so that the file must be refused."""
    if isinstance(value, list):
        return [] if not value else [item for item in value if isinstance(item, dict)] or None
    return [value] if isinstance(value, dict) and value else None


def populated(url: str, tmp_path: Path, paths: list[Path]) -> PopulateResult:
    """Loads a folder that holds just these files."""
    folder = tmp_path / "data"
    folder.mkdir()
    for path in paths:
        (folder / path.name).symlink_to(path)
    return SyncRunner(url, folder).populate()


def refusals(result: PopulateResult) -> dict[str, RefusedFile]:
    """By file, the errors, each of which must be clear by itself."""
    refused = {Path(file.file).name: file for file in result.refused_files}
    for name, file in refused.items():
        assert file.error_type == "file_error", file
        assert name in file.error, file
        assert Path(file.context["file"]).name == name, file
    return refused


@pytest.mark.slow
def test_what_must_be_accepted_is_read_as_json(database_url: str, suite: Path, tmp_path: Path) -> None:
    """All 95 y_ files are read: records come back by value, and what holds no record is refused for just that."""
    paths = files(suite, "y", 95)
    result = populated(database_url, tmp_path, paths)
    assert result.success, result.error
    wanted = {path.name: records_of(json.loads(path.read_bytes())) for path in paths}
    refused = refusals(result)
    assert set(refused) == {name for name, records in wanted.items() if records is None}
    assert [file for file in refused.values() if not file.error.startswith(MUST)] == []
    stored = stored_records(database_url)
    for name, records in wanted.items():
        assert sorted(map(by_value, stored.get(entity_of(name), []))) == sorted(map(by_value, records or [])), name
    assert sum(map(len, stored.values())) == 12
    assert SyncRunner(database_url).verify(full=True).success


@pytest.mark.slow
def test_what_must_be_refused_is_refused(database_url: str, suite: Path, tmp_path: Path) -> None:
    """All 188 n_ files are refused, each error names the file and the byte, and nothing of them is left."""
    paths = files(suite, "n", 188)
    result = populated(database_url, tmp_path, paths)
    assert (result.success, result["error_type"]) == (False, "file_error")
    refused = refusals(result)
    assert sorted(refused) == [path.name for path in paths]
    for path in paths:
        byte, size = refused[path.name].context.get("byte"), path.stat().st_size
        assert byte is None or 0 <= byte <= size, path.name
    without = {name for name, file in refused.items() if "byte" not in file.context}
    # An empty file has no place where it goes wrong; [NaN] and [][] are refused as arrays without records.
    assert without <= {"n_structure_no_data.json", "n_structure_double_array.json"} | NOT_A_NUMBER, [
        refused[name].error for name in without
    ]
    assert entity_tables(database_url) == set(), "a refused file left something behind"
    assert stored_records(database_url) == {}


def test_a_refused_file_leaves_no_new_database_of_records(suite: Path, tmp_path: Path) -> None:
    """A workflow on a file that is not JSON fails before it makes any table, and says at which byte."""
    result = SyncRunner(tmp_path / "test.db", suite / "n_array_extra_comma.json").full_workflow()
    assert (result.success, result["error_type"], result.stopped_at) == (False, "file_error", "analyze")
    assert result["context"]["byte"] == 4, result["error"]  # ["",]
    assert entity_tables(str(tmp_path / "test.db")) == set()


def test_what_may_be_either_breaks_nothing(database_url: str, suite: Path, tmp_path: Path) -> None:
    """All 35 i_ files are loaded or refused clearly; what was loaded verifies in full."""
    paths = files(suite, "i", 35)
    result = populated(database_url, tmp_path, paths)
    assert set(refusals(result)) | {load.file for load in result.files} == {path.name for path in paths}
    assert SyncRunner(database_url).verify(full=True).success


def test_no_file_takes_long(suite: Path, tmp_path: Path) -> None:
    """Each of the 318 files alone, 100,000 levels deep or not, is read or refused with little work."""
    runner, much = SyncRunner(tmp_path / "test.db"), {}
    for path in sorted(suite.iterdir()):
        count = calls(partial(runner.analyze, path))
        if count > CALLS:
            much[path.name] = count
    assert much == {}


@pytest.mark.slow
def test_bad_files_stop_no_run(suite: Path, tmp_path: Path) -> None:
    """Of 318 files at once the good ones load, and each of the others is listed with its reason."""
    result = SyncRunner(tmp_path / "test.db", suite).populate()
    assert result.success, result.error
    assert result.needs_attention
    refused = set(refusals(result))
    assert {path.name for path in files(suite, "n", 188)} <= refused
    accepted = {path.name for path in files(suite, "y", 95) if records_of(json.loads(path.read_bytes())) is not None}
    assert accepted <= {load.file for load in result.files}
    assert len(result.files) + len(refused) == 318
