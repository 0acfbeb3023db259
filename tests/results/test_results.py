"""Results are frozen values and mappings at once."""

import dataclasses
import json
from pathlib import Path

import pytest

from json2db_sync.errors import (
    Cancelled,
    ConfigurationError,
    DatabaseError,
    FileError,
    Locked,
    NoDataFound,
    SyncError,
    ValidationError,
)
from json2db_sync.operations.context import accounting, failure_fields
from json2db_sync.results import PopulateResult, RefusedFile, ReportResult, Result, TableReport


def test_a_result_is_a_mapping_and_an_object():
    """Attributes, keys, get, dict and truth all work, as the guide uses them."""
    result = PopulateResult(statistics={"total_records": 3}, rows=5)
    assert result.rows == result["rows"] == dict(result)["rows"] == 5
    assert result["success"]
    assert result.get("error_type", "unknown") == "unknown"
    assert bool(result)
    assert "error" not in result
    with pytest.raises(KeyError):
        result["error"]
    with pytest.raises(dataclasses.FrozenInstanceError):
        result.rows = 6


def test_a_failed_result_says_why():
    """Error keys are there on failure only."""
    result = Result(operation="x", **failure_fields(Locked("busy", hint="wait", file="f")))
    assert not result
    assert (result["error"], result["error_type"], result["hint"]) == ("busy", "locked", "wait")
    assert result["context"] == {"file": "f"}


def test_nested_values_are_mappings_too():
    """report["tables"] are read by key."""
    report = ReportResult(tables=(TableReport("json_a", 3, "a"),))
    assert [f"{table['name']}: {table['record_count']}" for table in report["tables"]] == ["json_a: 3"]


def test_every_result_becomes_json():
    """to_json gives JSON of all that is in it, whatever it is."""
    refused = RefusedFile("f", "e", "file_error", context={"path": Path("/x"), "raw": b"\xff"})
    assert json.loads(PopulateResult(refused_files=(refused,)).to_json())["refused_files"][0]["context"] == {
        "path": "/x", "raw": "\\xff",
    }  # fmt: skip


def test_the_accounting_line():
    """Zeros are left out, thousands are grouped."""
    statistics = {
        "total_records": 4812,
        "inserted": 1204,
        "updated": 96,
        "unchanged": 3510,
        "superseded": 0,
        "rejected": 2,
    }
    assert accounting(statistics) == "4,812 read = 1,204 inserted + 96 updated + 3,510 unchanged + 2 rejected"
    assert accounting({}) == "0 read"


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ConfigurationError, "configuration_error"), (FileError, "file_error"), (NoDataFound, "file_error"),
        (ValidationError, "validation_error"), (DatabaseError, "database_error"), (Locked, "locked"), (Cancelled, "cancelled"),
    ],
)  # fmt: skip
def test_error_types(error, code):
    """Each error has the error_type that the documentation names."""
    assert error("x").code == code
    assert issubclass(error, SyncError)
    assert error.__name__ in __import__("json2db_sync.errors", fromlist=["x"]).__doc__
