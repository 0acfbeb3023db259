"""Cases from the field: exports (row 7)."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support.exports import execute, exported
from support.sessions import ok

from json2db_sync import SyncRunner
from json2db_sync.config import JSON2DBConfig


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out"


# 7: names that would be one entity


@pytest.mark.parametrize("names", [("User", "user"), ("order items", "order_items"), ("größe", "Größe")], ids=str)
def test_7_tables_that_would_be_one_entity_do_not_overwrite_each_other(database_url, out, tmp_path, names):
    """Loading refuses both files by name until the setting that it gives tells them apart."""
    pair = [f'"{name}"' for name in names]
    if database_url.endswith(".db"):  # SQLite takes names that differ in case alone for one
        pair = [pair[0], pair[1].replace("user", "USER_").replace("Größe", "größe_")]
    execute(database_url, "".join(f"CREATE TABLE {name} (id INTEGER PRIMARY KEY, v INTEGER);\n" for name in pair))
    execute(database_url, "".join(f"INSERT INTO {name} VALUES (1, {at});\n" for at, name in enumerate(pair)))
    result = exported(database_url, out, format="ndjson")
    first, second = (Path(file.file).name for file in result.files)
    refused = SyncRunner(tmp_path / "new.db", out).populate()
    assert refused.reason == "exports_collide"
    assert first in (refused.error or "")
    assert second in (refused.error or "")
    line = json.loads((refused.hint or "").partition("entities = ")[2])
    config = JSON2DBConfig(data_source={"entities": line})
    runner = SyncRunner(tmp_path / "new.db", out, config=config)
    assert ok(runner.populate()).statistics["inserted"] == 2
