"""What configuration cannot be read, and which paths cannot be expanded: said in one line, and never a default instead."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from json2db_sync import SyncRunner
from json2db_sync.config import JSON2DBConfig
from json2db_sync.errors import ConfigurationError, SyncError
from json2db_sync.interfaces.cli.main import cli
from json2db_sync.user_paths import expanded


def refused(text: str, encoding: str = "utf-8") -> ConfigurationError:
    Path(".env").write_text(text, encoding)
    with pytest.raises(ConfigurationError) as caught:
        JSON2DBConfig()
    return caught.value


@pytest.mark.parametrize(
    ("text", "line", "advice"),
    [
        ('JSON2DB_DATABASE_PATH="prod.db\n', 1, "quote"),
        ("# ours\n\n  JSON2DB_DATABASE_PATH='prod.db\n", 3, "quote"),
        ('JSON2DB_DATABASE_PATH="prod.db" and more\n', 1, "quote"),
        ("JSON2DB_BATCH_SIZE=5\nJSON2DB_DATABASE_PATH: prod.db\n", 2, "NAME=value"),
        ("set JSON2DB_DATABASE_PATH=prod.db\n", 1, "NAME=value"),
        ("JSON2DB_DATABASE_PATH\n", 1, "NAME=value"),
        ('OTHER="\nJSON2DB_DATABASE_PATH=prod.db\n', 1, "quote"),
    ],
)
def test_05_a_line_that_cannot_be_read_is_named(text, line, advice):
    """Also another program's: an open quote would take in what follows."""
    error = refused(text)
    assert (error.context["file"], error.context["line"]) == (".env", line)
    assert f"line {line}" in error.message
    assert advice in (error.hint or "")
    assert "prod.db" not in error.message, "it may hold a password"


def test_05_nothing_is_loaded_into_the_default_database(tmp_path):
    """The command ends with 2, and makes no database."""
    Path("data").mkdir()
    Path("data/things.json").write_text('[{"id": 1}]')
    Path(".env").write_text('JSON2DB_DATABASE_PATH="prod.db\n')
    result = CliRunner().invoke(cli, ["populate", "--data-source", "data"])
    assert result.exit_code == 2
    assert ".env, line 1" in result.stderr
    assert not list(Path().rglob("*.db"))


@pytest.mark.parametrize(
    "name",
    ["json2db_database_path", "JSON2DB_DATABASE_PTH", "JSON2DB-DATABASE-PATH", "$env:JSON2DB_DATABASE_PATH",
     "Json2Db_Database_Path", "JSON2DBDATABASE_PATH"],
)  # fmt: skip
def test_05_an_unknown_variable_is_told_with_the_one_that_was_meant(name):
    """In any case, and as other shells write it."""
    error = refused(f"{name}=prod.db\n")
    assert (error.reason, error.hint) == ("unknown_setting", "did you mean JSON2DB_DATABASE_PATH?")


def test_05_variables_of_the_environment_in_any_case(monkeypatch):
    """Of other programs none is ours."""
    monkeypatch.setenv("MY_JSON2DB_TOKEN", "x")
    JSON2DBConfig()
    monkeypatch.setenv("json2db_config_file", "x.json")
    with pytest.raises(ConfigurationError, match="json2db_config_file"):
        JSON2DBConfig()


def test_05_a_byte_order_mark_hides_no_variable():
    """As editors of Windows write it."""
    Path(".env").write_text("JSON2DB_DATABASE_PATH=prod.db\n", "utf-8-sig")
    assert str(JSON2DBConfig().database.path) == "prod.db"
    assert ".env cannot be read" in refused("JSON2DB_DATABASE_PATH=prod.db\n", "utf-16").message


@pytest.mark.parametrize(
    ("file", "text", "advice"),
    [
        (".env", r'JSON2DB_DATABASE_PATH="C:\new\table.db"', "single quotes"),
        ("c.json", r'{"database": {"path": "C:\new\table.db"}}', "twice"),
        ("c.toml", 'database.path = "C:\\new\\table.db"', "single quotes"),
    ],
)
def test_38_what_became_of_backslashes_is_shown(file, text, advice):
    """And how to write them."""
    Path(file).write_text(text)
    with pytest.raises(ConfigurationError) as caught:
        JSON2DBConfig(None if file == ".env" else file)
    assert "C:<line break>ew<tab>able.db" in caught.value.message
    assert advice in (caught.value.hint or "")
    assert caught.value.context["setting"] == "database.path"


@pytest.mark.parametrize(
    ("variable", "setting"), [("JSON2DB_EXPORT_DIRECTORY", "export"), ("JSON2DB_API_SYNC_PATH", "data_source")]
)
def test_38_every_path(variable, setting):
    """Not that of the database alone; between single quotes it is what it says."""
    assert "<tab>" in refused(f'{variable}="C:\\tables"\n').message
    Path(".env").write_text(f"{variable}='C:\\tables'\n")
    assert r"C:\tables" in str(getattr(JSON2DBConfig(), setting)).replace("\\\\", "\\")


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (r'"\\server\share\x.db"', "backslash"),
        (r"'\\server\share\x.db'", "backslash"),
        ("${HOME}/x.db", "${HOME}"),
        ("'$HOME/x.db'", "$HOME"),
        ("%USERPROFILE%/x.db", "%USERPROFILE%"),
        ("postgresql://u:${SECRET}@h/n", "variable"),
        ("postgresql://u@$PGHOST/n", "$PGHOST"),
        ("\u201cx.db\u201d", "\u201c"),
        ("\u00abx.db\u00bb", "\u00ab"),
    ],
)
def test_05_a_value_that_is_not_what_was_meant_is_told_with_its_line(value, said):
    """A backslash that a quote takes, a variable that nobody fills in, quotes of a word processor."""
    error = refused(f"# ours\nJSON2DB_DATABASE_PATH={value}\n")
    assert "JSON2DB_DATABASE_PATH" in error.message
    assert "line 2" in error.message
    assert said in error.message
    assert "SECRET" not in error.message


@pytest.mark.parametrize(
    "value",
    [
        r"\\server\share\x.db",
        r'"\\\\server\share\x.db"',
        "a$b.db",
        "postgresql://u:$ecret@h/n",
        "costs_$5/x.db",
        "50%_A%.db",
    ],
)
def test_05_a_dollar_or_a_backslash_that_is_meant_stays(value):
    Path(".env").write_text(f"JSON2DB_DATABASE_PATH={value}\n")
    assert str(JSON2DBConfig().database.path) == value.strip('"').replace("\\" * 4, "\\" * 2)


def test_05_a_name_twice_in_a_file_is_told_with_both_lines():
    """Unless both say the same, or the first says nothing."""
    error = refused("JSON2DB_DATABASE_PATH=a.db\nOTHER=1\nOTHER=2\nJSON2DB_DATABASE_PATH=b.db\n")
    assert "line 4" in error.message
    assert "line 2" not in error.message
    assert "line 1" in error.message
    Path(".env").write_text("JSON2DB_DATABASE_PATH=\nJSON2DB_DATABASE_PATH=b.db\nJSON2DB_DATABASE_PATH=b.db\n")
    assert str(JSON2DBConfig().database.path) == "b.db"


def test_05_a_connection_string_of_libpq_is_no_file_s_name(tmp_path):
    """The error says how a URL is written, and shows no password."""
    for text in ("host=localhost port=5433 dbname=n user=u password='my secret'", "dbname = n", "host=/run/pg user=u"):
        result = SyncRunner(text).status()
        assert result.reason == "invalid_database_url"
        assert "libpq" in result.error
        assert "postgresql://" in result.hint
        Path(".env").write_text(f'JSON2DB_DATABASE_PATH="{text}"')
        shown = CliRunner().invoke(cli, ["config"]).output
        assert "secret" not in f"{result.error}{result.hint}{shown}"
    assert not list(tmp_path.rglob("*dbname*"))
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "things.json").write_text('[{"id": 1}]')
    assert SyncRunner(str(tmp_path / "user=5.db"), tmp_path / "data").populate().success


def test_35_a_folder_may_be_called_as_a_home():
    """Written as ``./~/x.db`` it is one, and what the advice says leads there."""
    Path("~").mkdir()
    Path("data").mkdir()
    Path("data/things.json").write_text('[{"id": 1}]')
    assert SyncRunner("./~/x.db", "data").populate().success
    assert Path.cwd().joinpath("~", "x.db").is_file()
    assert expanded("./~nosuchuser/x.db") == Path.cwd() / "~nosuchuser" / "x.db"
    with pytest.raises(ConfigurationError) as told:
        expanded("~nosuchuser/x.db")
    assert str(expanded((told.value.hint or "").rpartition(" ")[2])).endswith("/~nosuchuser/x.db")


def test_35_a_file_may_begin_with_a_tilde(monkeypatch):
    """As a shell has it: ``~name`` without such a user is a file."""
    Path("data").mkdir()
    Path("data/things.json").write_text('[{"id": 1}]')
    assert SyncRunner("~tmp.db", "data").populate().success
    assert Path("~tmp.db").is_file()
    assert expanded("~").is_absolute()


@pytest.mark.parametrize("path", ["~nosuchuser/x", "~nosuchuser/a/b.db"])
@pytest.mark.parametrize(
    "options",
    [
        ["report", "--db-path", "{}"],
        ["populate", "--db-path", "x.db", "--data-source", "{}"],
        ["export", "--db-path", "x.db", "--output-directory", "{}"],
        ["report", "--db-path", "x.db", "--log-file", "{}"],
        ["report", "--db-path", "x.db", "--config-file", "{}"],
        ["populate", "--db-path", "x.db", "--data-source", "data", "--schema-directory", "{}"],
        ["schema", "infer", "--data-source", "data", "--output", "{}"],
        ["schedule", "verify", "--every", "day", "--output", "{}"],
        ["--lock-file", "{}", "report", "--db-path", "x.db"],
        ["rejected", "export", "--db-path", "x.db", "--output", "{}"],
        ["rejected", "replay", "--db-path", "x.db", "--corrected", "{}"],
        ["restore", "{}", "--db-path", "x.db", "--yes"],
        ["restore-json", "{}"],
    ],
)
def test_35_a_home_that_nobody_knows_is_told_in_a_line(options, path):
    """By every option that is a path, and never by a traceback."""
    Path("data").mkdir()
    Path("data/things.json").write_text('[{"id": 1}]')
    SyncRunner("x.db", "data").populate()
    result = CliRunner().invoke(cli, [word.format(path) for word in options])
    assert result.exit_code in (1, 2), result.output
    assert isinstance(result.exception, SystemExit), result.exception
    assert "nosuchuser" in result.stderr
    assert "Traceback" not in result.output
    assert not Path("~nosuchuser").exists()


def test_35_no_home_at_all(monkeypatch):
    """Neither HOME nor an entry of the user, as in some containers."""
    monkeypatch.setattr(os.path, "expanduser", lambda path: path)
    with pytest.raises(SyncError, match="HOME is not set"):
        expanded("~/x.db")


@pytest.mark.parametrize("path", ["x.db", "{there}/x.db"])
def test_35_a_working_directory_that_is_gone(tmp_path, path):
    """With absolute paths it does not matter; otherwise it is told in a line."""
    gone = tmp_path / "gone"
    gone.mkdir()
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "things.json").write_text('[{"id": 1}]')
    words = ["populate", "--db-path", path.format(there=tmp_path / "there"), "--data-source"]
    code = (
        "import os, sys; os.rmdir(os.getcwd()); from json2db_sync.interfaces.cli.main import main; "
        f"sys.exit(main({[*words, str(tmp_path / 'there' / 'things.json')]!r}))"
    )
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run([sys.executable, "-c", code], cwd=gone, env=environment, capture_output=True, text=True)
    assert "Traceback" not in done.stderr
    assert done.returncode == (2 if path == "x.db" else 0), done.stderr
    assert ("working directory has been removed" in done.stderr) == (path == "x.db")
