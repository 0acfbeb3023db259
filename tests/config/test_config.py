"""Settings: where they come from, which one wins, and what is said when one is wrong."""

import json
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from json2db_sync.config import JSON2DBConfig
from json2db_sync.errors import ConfigurationError


def origin(config, name):
    return next(setting.origin for setting in config.settings() if setting.name == name)


def test_arguments_beat_environment_beat_dotenv_beat_file_beat_defaults(monkeypatch):
    """Precedence, and that config show tells where each value came from."""
    Path("c.json").write_text(
        json.dumps(
            {"processing": dict.fromkeys(("batch_size", "memory_limit", "child_depth", "max_columns"), 5)}
            | {"_comment": "x"}
        ).replace('"memory_limit": 5', '"memory_limit": 50')
    )
    Path(".env").write_text("JSON2DB_BATCH_SIZE=4\nJSON2DB_MAX_COLUMNS=4\nJSON2DB_CHILD_DEPTH=4\nOTHER_PROGRAM=1\n")
    monkeypatch.setenv("JSON2DB_MAX_COLUMNS", "3")
    monkeypatch.setenv("JSON2DB_CHILD_DEPTH", "3")
    config = JSON2DBConfig("c.json", processing={"child_depth": 2})
    processing = config.processing
    assert (processing.child_depth, processing.max_columns, processing.batch_size, processing.memory_limit) == (
        2,
        3,
        4,
        50,
    )
    places = [
        origin(config, f"processing.{name}")
        for name in ("child_depth", "max_columns", "batch_size", "memory_limit", "keys")
    ]
    assert places == ["argument", "environment", ".env", "c.json", "default"]


def test_every_setting_has_a_variable(monkeypatch):
    """No setting can be made only in a file."""
    for setting in JSON2DBConfig().settings():
        assert setting.variable.startswith("JSON2DB_")
        assert setting.description


def test_the_guides_file_works():
    """The nested keys of the guide's configuration file, as they stand there."""
    Path("custom_config.json").write_text(
        '{"data_source": {"type": "api_sync", "api_sync_base_path": "../api_sync/data/sync_sessions", "prefer_session_based": true},'
        '"database": {"path": "../data/database/production.db", "backup_before_operations": true},'
        '"processing": {"default_cutoff_days": 30, "enable_duplicate_prevention": true}}'
    )
    config = JSON2DBConfig("custom_config.json")
    assert (config.data_source.type, config.database.backup_before_operations) == ("api_sync", True)
    assert config.processing.default_cutoff_days == 30


def test_toml_and_the_variable_that_names_a_file(monkeypatch):
    """A TOML file serves as well, named by JSON2DB_CONFIG_FILE."""
    Path("c.toml").write_text('[processing.keys]\nplaylist_track = ["PlaylistId", "TrackId"]\n')
    monkeypatch.setenv("JSON2DB_CONFIG_FILE", "c.toml")
    assert JSON2DBConfig().processing.keys == {"playlist_track": ("PlaylistId", "TrackId")}


def test_mappings_in_variables_are_json(monkeypatch):
    """Keys and entities are given as JSON text; one key field needs no list."""
    monkeypatch.setenv("JSON2DB_KEYS", '{"a": "x", "b": ["y", "z"], "c": "p, q"}')
    assert JSON2DBConfig().processing.keys == {"a": ("x",), "b": ("y", "z"), "c": ("p", "q")}


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("JSON2DB_BATCH_SIZE", "many", "JSON2DB_BATCH_SIZE = many is wrong"), ("JSON2DB_BATCH_SIZE", "0", "greater than or equal to 1"),
        ("JSON2DB_SESSION_MAX_AGE", "-1", "greater than 0"), ("JSON2DB_DATA_SOURCE_TYPE", "magic", "'auto', 'api_sync'"),
        ("JSON2DB_KEYS", "{", "must be JSON text"), ("JSON2DB_TABLE_PREFIX", "1; DROP", "match pattern"),
    ],
)  # fmt: skip
def test_a_wrong_value_is_named_with_its_origin(monkeypatch, variable, value, said):
    """The error names the variable as it was written, and what it is for."""
    monkeypatch.setenv(variable, value)
    with pytest.raises(ConfigurationError) as error:
        JSON2DBConfig()
    assert said in error.value.message
    assert "environment" in error.value.message
    assert error.value.hint


def test_a_mistyped_name_is_not_ignored(monkeypatch):
    """Unknown settings are errors that say what was probably meant; other programs' variables are not ours."""
    monkeypatch.setenv("JSON2DB_BATCHSIZE", "5")
    with pytest.raises(ConfigurationError) as error:
        JSON2DBConfig()
    assert error.value.hint == "did you mean JSON2DB_BATCH_SIZE?"
    monkeypatch.delenv("JSON2DB_BATCHSIZE")
    for sections, near in (({"processing": {"batchsize": 1}}, "processing.batch_size"), ({"databse": {}}, "database")):
        with pytest.raises(ConfigurationError) as error:
            JSON2DBConfig(**sections)
        assert error.value.hint == f"did you mean {near}?"


@pytest.mark.parametrize(
    ("name", "content"), [("c.json", "{"), ("c.toml", "= 1"), ("c.json", b"\xff"), ("c.json", "[]")]
)
def test_a_broken_file_is_named(name, content):
    """A configuration file that cannot be read is named with what is wrong in it."""
    Path(name).write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(ConfigurationError, match=name):
        JSON2DBConfig(name)


def test_a_missing_file_is_named():
    """So is one that is not there."""
    with pytest.raises(ConfigurationError, match=r"nowhere\.json"):
        JSON2DBConfig("nowhere.json")


def test_passwords_are_masked():
    """Neither config show nor a repr shows a password."""
    config = JSON2DBConfig(database={"path": "postgresql://me:secret@host/name"})
    assert "secret" not in repr(config)
    assert "secret" not in "".join(setting.value for setting in config.settings())


def test_session_folders_are_listed(tmp_path):
    """get_session_json_directories gives the folders that hold data, inside the configured window, oldest first."""
    names = []
    for days in (40, 2, 1):
        stamp = (datetime.now() - timedelta(days=days)).strftime("%Y-%m-%d_%H-%M-%S")
        folder = tmp_path / f"sync_session_{stamp}" / "raw_json" / stamp
        folder.mkdir(parents=True)
        (folder / "t.json").write_text('[{"id": 1}]')
        (folder / "sync_metadata_t.json").write_text("{}")
        names.append(stamp)
    sections = {"data_source": {"api_sync_base_path": str(tmp_path)}}
    assert [path.name for path in JSON2DBConfig(**sections).get_session_json_directories()] == names
    recent = JSON2DBConfig(**sections, processing={"default_cutoff_days": 7})
    assert [path.name for path in recent.get_session_json_directories()] == names[1:]
    assert (
        JSON2DBConfig(data_source={"api_sync_base_path": str(tmp_path / "none")}).get_session_json_directories() == []
    )
