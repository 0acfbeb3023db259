"""Settings that are written where they are read: a file, or .env."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from json2db_sync.config import JSON2DBConfig
from json2db_sync.config.writing import parsed, write_setting
from json2db_sync.errors import ConfigurationError

LINE = 'data_source.records = {"it\'s \\"b\\\\": "a b[\'c.d\']"}'
VALUE = {"it's \"b\\": "a b['c.d']"}


@pytest.mark.parametrize(
    ("name", "before"),
    [
        (None, ""),
        (None, "# mine\nJSON2DB_BATCH_SIZE=7\nJSON2DB_RECORDS={\"users\": \"*\"}\n"),
        ("c.json", ""),
        ("c.json", '{"data_source": {"records": {"users": "*"}}, "processing": {"batch_size": 7}}'),
        ("c.toml", ""),
        ("c.toml", '# mine\n[data_source.records]\nusers = "*"\n\n[processing]\nbatch_size = 7 # x\n'),
        ("c.toml", "[processing]\nbatch_size = 7"),
    ],
)  # fmt: skip
def test_a_line_is_added_to_what_is_there(tmp_path: Path, name: str | None, before: str) -> None:
    """What a file holds stays, comments too."""
    path = Path(name or ".env")
    if before:
        path.write_text(before)
    assert write_setting(LINE, name) == path
    config = JSON2DBConfig(name)
    others = {"users": "*"} if "users" in before else {}
    assert config.data_source.records == {**others, **VALUE}
    assert config.processing.batch_size == (7 if before and "7" in before else 1000)
    assert ("# mine" in before) == ("# mine" in path.read_text())
    write_setting('data_source.records = {"z": "$"}', name)
    assert JSON2DBConfig(name).data_source.records == {**others, **VALUE, "z": "$"}


def test_what_cannot_be_written_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment beats every file; a key that a TOML file has already is not written twice."""
    with pytest.raises(ConfigurationError, match="no setting"):
        write_setting("data_source.records = {", None)
    Path("c.toml").write_text('[data_source.records]\nz = "a"\n')
    with pytest.raises(ConfigurationError, match="cannot be written"):
        write_setting('data_source.records = {"z": "$"}', "c.toml")
    monkeypatch.setenv("JSON2DB_RECORDS", json.dumps({"a": "$"}))
    with pytest.raises(ConfigurationError, match="environment"):
        write_setting('data_source.records = {"z": "$"}', None)


@pytest.mark.parametrize("line", [None, "processing.keys", 'processing.keys = {"a": ["..."]}', 'x.y = 1', "processing.keys = x"])  # fmt: skip
def test_what_is_no_line(line: str | None) -> None:
    """A setting alone, one that is left open, one that does not exist."""
    assert parsed(line) is None
