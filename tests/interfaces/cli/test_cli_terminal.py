"""The command line as a whole program: on a terminal, in a pipe, interrupted."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

PROGRAM = [sys.executable, "-m", "json2db_sync"]
HEAVY = ("sqlalchemy", "pydantic", "pydantic_settings", "rich", "questionary", "prompt_toolkit", "msgspec")
POSIX = pytest.mark.skipif(os.name == "nt", reason="needs a POSIX terminal and signals")


@pytest.fixture(autouse=True)
def configured(monkeypatch: pytest.MonkeyPatch, example_source: Path) -> None:
    """The example sessions and test.db are configured, for every program started."""
    monkeypatch.setenv("JSON2DB_API_SYNC_PATH", str(example_source))
    monkeypatch.setenv("JSON2DB_DATABASE_PATH", "test.db")
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TERM", "xterm")


def program(*arguments: str, **settings: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*PROGRAM, *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        check=False,
        timeout=120,
        **settings,
    )


@pytest.fixture
def loaded() -> None:
    assert program("populate", "-q").returncode == 0


def count(table: str, path: str = "test.db") -> int:
    with closing(sqlite3.connect(path)) as connection:
        return int(connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0])


class Terminal:
    """A program on a terminal of 80 columns."""

    def __init__(self, *arguments: str) -> None:
        import pexpect

        self.child = pexpect.spawn(
            PROGRAM[0], [*PROGRAM[1:], *arguments], dimensions=(40, 80), timeout=60, encoding="utf-8"
        )

    def sees(self, text: str) -> str:
        """Wait for it, and return what came before."""
        self.child.expect_exact(text)
        return str(self.child.before)

    def types(self, text: str) -> None:
        self.child.send(text)

    def ends(self) -> int:
        import pexpect

        self.child.expect(pexpect.EOF)
        self.child.close()
        return int(self.child.exitstatus if self.child.exitstatus is not None else -1)


@pytest.fixture
def terminal() -> type[Terminal]:
    pytest.importorskip("pexpect")
    return Terminal


class TestStart:
    @pytest.mark.mostly_slow
    @pytest.mark.parametrize(
        ("arguments", "variables"),
        [
            (["--help"], {}),
            (["--version"], {}),
            (["populate", "--help"], {}),
            (["config", "show", "--help"], {}),
            (["rejected", "list", "--help"], {}),
            (["read", "--help"], {}),
            (["rejected", "replay", "--help"], {}),
            (["schema", "infer", "--help"], {}),
            (["completion", "zsh"], {}),
            (["nonsense"], {}),
            ([], {"_JSON2DB_SYNC_COMPLETE": "zsh_complete", "COMP_WORDS": "json2db-sync pop", "COMP_CWORD": "1"}),
        ],
    )
    def test_help_and_completion_import_nothing_heavy(self, arguments: list[str], variables: dict[str, str]) -> None:
        """Help, completion and wrong usage answer without loading a database library, rich or pydantic."""
        code = (
            "import atexit, sys\n"
            f"atexit.register(lambda: print([m for m in {HEAVY!r} if m in sys.modules], file=sys.stderr))\n"
            "from json2db_sync.__main__ import main\n"
            "sys.exit(main())"
        )
        done = subprocess.run(
            [sys.executable, "-c", code, *arguments],
            env={**os.environ, **variables},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.stderr.splitlines()[-1] == "[]"

    def test_module_and_script_are_the_same(self) -> None:
        """The module's help speaks of json2db-sync, as the script's does."""
        assert program("--help").stdout.startswith("Usage: json2db-sync ")

    def test_configuration_error(self) -> None:
        """A wrong variable ends any command with 2, as JSON where asked for."""
        done = program("report", "--json", env={**os.environ, "JSON2DB_BATCH_SIZE": "many"})
        assert done.returncode == 2
        assert json.loads(done.stdout)["error_type"] == "configuration_error"
        assert "JSON2DB_BATCH_SIZE" in done.stderr


class TestStreams:
    @pytest.mark.slow
    def test_output_is_plain_in_a_pipe(self) -> None:
        """Without a terminal there are no colours and nothing is redrawn, and progress is lines on stderr."""
        done = program("full-workflow")
        assert done.returncode == 0
        assert "\x1b" not in done.stdout + done.stderr
        assert "\r" not in done.stdout + done.stderr
        assert done.stderr.strip()

    @pytest.mark.slow
    @pytest.mark.usefixtures("loaded")
    @pytest.mark.parametrize(
        "arguments", [["report"], ["report", "--json"], ["read", "items"], ["config"], ["--help"], ["analyze"]]
    )
    def test_a_reader_that_goes_away(self, arguments: list[str]) -> None:
        """Whoever stops reading (| head) causes no traceback and no failure."""
        with subprocess.Popen([*PROGRAM, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as child:
            assert child.stdout is not None
            assert child.stderr is not None
            child.stdout.close()
            said = child.stderr.read().decode()
        assert "Traceback" not in said
        assert "Exception ignored" not in said
        assert child.returncode == 0

    @pytest.mark.slow
    def test_reading_ends_with_its_reader(self) -> None:
        """Read prints as it reads: whoever takes the first line and leaves ends it, long before it has printed all."""
        records = "".join(f'{{"id": {number}, "text": "{"x" * 200}"}}\n' for number in range(5000))
        Path("many.ndjson").write_text(records, encoding="utf-8")
        assert program("populate", "-q", "--data-source", "many.ndjson").returncode == 0
        with subprocess.Popen([*PROGRAM, "read", "many"], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as child:
            assert child.stdout is not None
            assert child.stderr is not None
            assert json.loads(child.stdout.readline()) == json.loads(records.splitlines()[0])
            child.stdout.close()
            assert child.stderr.read() == b""
        assert child.returncode == 0

    @pytest.mark.slow
    def test_a_watcher_that_goes_away(self) -> None:
        """A run goes on when nobody reads its progress any more."""
        with subprocess.Popen([*PROGRAM, "populate"], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as child:
            assert child.stdout is not None
            assert child.stderr is not None
            child.stderr.close()
            child.stdout.read()
        assert child.returncode == 0
        assert count("json_invoices") == 30

    @pytest.mark.slow
    def test_json_is_utf8_whatever_the_encoding(self) -> None:
        """JSON leaves as UTF-8 on a terminal that can only draw ASCII."""
        ascii_only = {**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
        assert json.loads(program("analyze", "--json", env=ascii_only).stdout)["success"]
        assert program("analyze", env=ascii_only).returncode == 0

    def test_both_streams_in_one_place_tell_an_error_once(self) -> None:
        """Where stdout and stderr are one, a failed result that is drawn does not repeat its error."""
        Path("bad").mkdir()
        Path("bad/people.json").write_text("nonsense", encoding="utf-8")
        done = subprocess.run(
            [*PROGRAM, "populate", "-v", "--data-source", "bad"],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8", check=False,
        )  # fmt: skip
        assert done.returncode == 1
        assert done.stdout.count("What to do:") == 1


@POSIX
class TestQuestions:
    @pytest.mark.slow
    @pytest.mark.usefixtures("loaded")
    def test_recreate_asks(self, terminal: type[Terminal]) -> None:
        """On a terminal, recreate shows the tables with their rows, speaks of the backup, and asks; no is the default."""
        asked = terminal("create-tables", "--recreate")
        shown = asked.sees("Go on? [y/N]")
        assert "json_invoices_line_items" in shown
        assert "63 rows" in shown
        assert "backup is made first" in shown
        asked.types("\r")
        asked.sees("nothing was changed")
        assert asked.ends() == 130
        assert not Path("backups").exists()

    @pytest.mark.slow
    @pytest.mark.usefixtures("loaded")
    def test_recreate_goes_on(self, terminal: type[Terminal]) -> None:
        """Answered yes, it does what it said."""
        asked = terminal("create-tables", "--recreate", "--entity", "invoices")
        assert "json_items" not in asked.sees("Go on? [y/N]")
        asked.types("y\r")
        assert asked.ends() == 0
        assert len(list(Path("backups").iterdir())) == 1

    @pytest.mark.slow
    @pytest.mark.usefixtures("loaded")
    def test_empty_wants_the_name(self, terminal: type[Terminal]) -> None:
        """With --empty the database's name must be typed; anything else changes nothing."""
        asked = terminal("create-tables", "--recreate", "--empty")
        asked.sees("Type test.db to go on")
        asked.types("y\r")
        assert asked.ends() == 130
        assert count("json_invoices") == 30
        asked = terminal("create-tables", "--recreate", "--empty")
        asked.sees("Type test.db to go on")
        asked.types("test.db\r")
        assert asked.ends() == 0
        assert count("json_invoices") == 0

    @pytest.mark.slow
    @pytest.mark.usefixtures("loaded")
    def test_restore_asks(self, terminal: type[Terminal]) -> None:
        """Restore shows which state is replaced by which, and asks."""
        backup = json.loads(program("backup", "--json").stdout)["backup"]
        for answer, code in (("n", 130), ("y", 0)):
            asked = terminal("restore", backup)
            assert "made 2" in asked.sees("Go on? [y/N]")
            asked.types(f"{answer}\r")
            assert asked.ends() == code

    @pytest.mark.slow
    @pytest.mark.usefixtures("loaded")
    @pytest.mark.parametrize("key", ["\x03", "\x04"])
    def test_leaving_a_question(self, terminal: type[Terminal], key: str) -> None:
        """Ctrl-C and Ctrl-D at a question change nothing and end with 130."""
        asked = terminal("create-tables", "--recreate")
        asked.sees("Go on? [y/N]")
        asked.types(key)
        asked.sees("nothing was changed")
        assert asked.ends() == 130

    def test_nothing_to_lose_is_not_asked_for(self, terminal: type[Terminal]) -> None:
        """Recreate in a database without tables goes on without a question."""
        assert terminal("create-tables", "--recreate").ends() == 0

    @pytest.mark.slow
    def test_menu_opens_on_a_terminal(self, terminal: type[Terminal]) -> None:
        """Without a command the menu opens; Ctrl-C leaves it."""
        for arguments in ([], ["menu", "--db-path", "other.db"]):
            opened = terminal(*arguments)
            opened.sees("Full workflow")
            opened.types("\x03")
            opened.ends()


@POSIX
class TestInterrupt:
    @pytest.mark.slow
    def test_ctrl_c_keeps_what_is_committed(self, tmp_path: Path) -> None:
        """Ctrl-C stops a run between files with 130 and says how to go on; the same command then loads the rest."""
        source = tmp_path / "many"
        source.mkdir()
        for number in range(120):
            (source / f"things{number}.json").write_text(json.dumps([{"id": number, "x": 1}]), encoding="utf-8")
        configured = {**os.environ, "JSON2DB_ENTITIES": '{"things*.json": "things"}'}
        command = [*PROGRAM, "populate", "--data-source", str(source)]
        child = subprocess.Popen(command, env=configured, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        _wait_for_rows("json_things")
        child.send_signal(signal.SIGINT)
        _out, said = child.communicate(timeout=60)
        assert child.returncode == 130
        assert "it goes on from what was committed" in said
        assert "Traceback" not in said
        assert 0 < count("json_things") < 120
        again = program("populate", "--json", "--data-source", str(source), env=configured)
        assert again.returncode == 0
        assert count("json_things") == 120
        assert program("verify", "--full", env=configured).returncode == 0


def _wait_for_rows(table: str) -> None:
    for _attempt in range(2000):
        time.sleep(0.01)
        try:
            if Path("test.db").exists() and count(table):
                return
        except sqlite3.Error:
            continue
    pytest.fail("nothing was loaded")
