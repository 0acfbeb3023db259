"""Schedules: lines that cron and systemd take, of operations that the program takes, and runs that never overlap."""

from __future__ import annotations

import json
import shlex
import shutil
import subprocess
import sys
import threading
from datetime import datetime, timedelta
from pathlib import Path

import filelock
import pytest
from support.sessions import ok, write

from json2db_sync import SyncRunner
from json2db_sync.config import JSON2DBConfig
from json2db_sync.errors import ConfigurationError
from json2db_sync.interfaces.cli.checking import require_command
from json2db_sync.interfaces.cli.main import main
from json2db_sync.model.timing import parse, timing

TIMES = {
    "day at 02:00": ("0 2 * * *", "*-*-* 02:00:00", "2026-11-22 02:00"),
    "every day at 9:30": ("30 9 * * *", "*-*-* 09:30:00", "2026-11-21 09:30"),
    "day": ("0 2 * * *", "*-*-* 02:00:00", "2026-11-22 02:00"),
    "week on sun at 03:30": ("30 3 * * 0", "Sun *-*-* 03:30:00", "2026-11-22 03:30"),
    "week on saturday at 09:18": ("18 9 * * 6", "Sat *-*-* 09:18:00", "2026-11-28 09:18"),
    "week on Monday": ("0 2 * * 1", "Mon *-*-* 02:00:00", "2026-11-23 02:00"),
    "hour at :15": ("15 * * * *", "*-*-* *:15:00", "2026-11-21 10:15"),
    "hour": ("0 * * * *", "*-*-* *:00:00", "2026-11-21 10:00"),
    "60 minutes": ("0 * * * *", "*-*-* *:00:00", "2026-11-21 10:00"),
    "5 minutes": ("*/5 * * * *", "*-*-* *:00/5:00", "2026-11-21 09:20"),
    "120 minutes": ("0 */2 * * *", "*-*-* 00/2:00:00", "2026-11-21 10:00"),
    "1440 minutes": ("0 0 * * *", "*-*-* 00:00:00", "2026-11-22 00:00"),
}
NOW = datetime(2026, 11, 21, 9, 18, 0)  # a Saturday
HARD = ["it's", 'say "x"', "100%", "$HOME", "a b", "back\\slash", "semi;colon", "`date`", "%n", "{}", "é", "*"]
SYSTEMD = shutil.which("systemd-analyze")
needs_systemd = pytest.mark.skipif(SYSTEMD is None, reason="systemd-analyze is not installed here")


def cron_command(line: str) -> str:
    """What cron hands to the shell: what stands behind the five fields, up to a bare %, with \\% taken for %."""
    command = line.split(" ", 5)[5]
    assert "%" not in command.replace(r"\%", ""), "cron would end the command there"
    return command.replace(r"\%", "%")


def line_of(text: str) -> str:
    """The one line of a crontab that is not a comment."""
    (line,) = [line for line in text.splitlines() if not line.startswith("#")]
    return line


def schedule(*words: str, **named: object) -> object:
    return ok(SyncRunner("x.db").schedule(list(words), **named))  # type: ignore[arg-type]


class TestTimes:
    @pytest.mark.parametrize(("words", "expected"), TIMES.items(), ids=str)
    def test_words_mean_the_same_to_cron_to_systemd_and_to_us(self, words: str, expected: tuple[str, str, str]) -> None:
        """A time in words becomes cron's fields, systemd's calendar, and the next moment."""
        found = parse(words)
        assert (found.cron(), found.calendar()) == expected[:2]
        assert found.after(NOW) == datetime.fromisoformat(expected[2])
        assert parse(str(found)) == found

    @needs_systemd
    @pytest.mark.parametrize("words", TIMES)
    def test_systemd_computes_the_same_next_times(self, words: str) -> None:
        """systemd takes the calendar, and the next ten times are ours."""
        said = subprocess.run(
            [str(SYSTEMD), "calendar", f"--base-time={NOW}", "--iterations=10", parse(words).calendar()],
            capture_output=True, text=True, check=False, env={"TZ": "UTC"},
        )  # fmt: skip
        assert said.returncode == 0, said.stderr
        theirs = [line.split()[-3:-1] for line in said.stdout.splitlines() if "elapse:" in line or "Iter." in line]
        ours, moment = [], NOW
        for _ in range(10):
            moment = parse(words).after(moment)
            ours.append([f"{moment:%Y-%m-%d}", f"{moment:%H:%M:%S}"])
        assert theirs == ours

    def test_the_next_time_is_never_now(self) -> None:
        """From any moment, the next time lies ahead, and not further than the distance between two."""
        for words in TIMES:
            found, moment = parse(words), NOW
            for _ in range(500):
                following = found.after(moment)
                assert moment < following <= moment + timedelta(minutes=found.minutes)
                moment += timedelta(minutes=97)

    @pytest.mark.parametrize(
        ("every", "at", "on", "said"),
        [
            ("7 minutes", None, None, "cannot be told to cron"),
            ("0", None, None, "cannot be told to cron"),
            ("90", None, None, "cannot be told to cron"),
            ("15 minutes", "02:00", None, "goes with every hour, day or week"),
            ("month", None, None, "every month is not known"),
            ("day", "25:00", None, "is not a time of the day"),
            ("day", ":30", None, "02:30 is wanted"),
            ("hour", "02:30", None, "the minute of every hour, is wanted"),
            ("day", None, "sunday", "goes with every week"),
            ("week", None, "someday", "is not a day of the week"),
            ("week", None, "s", "is not a day of the week"),
        ],
    )  # fmt: skip
    def test_what_means_nothing_is_refused(self, every: str, at: str | None, on: str | None, said: str) -> None:
        """A time that cannot be told to cron is refused with what would be right."""
        with pytest.raises(ValueError, match=said):
            timing(every, at, on)


class TestCron:
    def test_the_shell_runs_what_was_asked_for(self, tmp_path: Path) -> None:
        """cron's shell comes to the folder and calls the program with the very words, and the log gets what it says."""
        folder = tmp_path / "it's 100% $HOME"
        folder.mkdir()
        line = line_of(schedule("read", *HARD, directory=folder, log="a log.txt").text)
        arguments = tmp_path / "arguments"
        program = f"{shlex.quote(sys.executable)} -c 'import sys, os; print([os.getcwd(), *sys.argv[1:]])'"
        command = cron_command(line)
        start = command.index("--lock-file")
        command = f"{command[: command.index('&&')]} && {program} {command[start:]}"
        done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=False)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
        place, option, lock, *words = eval((folder / "a log.txt").read_text())
        assert (Path(place), option) == (folder, "--lock-file")
        assert Path(lock).parent == folder / ".json2db"
        assert words == ["read", *HARD]
        assert not arguments.exists()

    @pytest.mark.slow
    def test_the_line_works(self, tmp_path: Path) -> None:
        """The whole line, given to a shell with cron's bare environment, loads the files and writes the log."""
        write(tmp_path / "my source" / "items.json", [{"id": 1}])
        words = ["populate", "--db-path", "test.db", "--data-source", "my source"]
        command = cron_command(line_of(schedule(*words, log="sync.log").text))
        environment = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(Path(__file__).parents[2]), "HOME": str(tmp_path)}
        done = subprocess.run(["sh", "-c", command], cwd="/", env=environment, capture_output=True, check=False)
        assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
        assert "1 read = 1 inserted" in (tmp_path / "sync.log").read_text()
        assert list(SyncRunner("test.db").read("items")) == [{"id": 1}]

    def test_a_line_end_cannot_be_said(self) -> None:
        """Words that cron cannot take are refused."""
        result = SyncRunner("x.db").schedule(["read", "a\nb"])
        assert (result.success, result.error_type) == (False, "configuration_error")

    @pytest.mark.parametrize(
        ("words", "named", "said"),
        [
            (["read", "50\\%"], {}, "backslash before %"),
            (["read"], {"directory": "/a\\%b"}, "backslash before %"),
            (["read"], {"directory": "/a\\"}, "/a\\ ends in a backslash"),
            (["read"], {"log": "a\\"}, "a\\ ends in a backslash"),
            (["read"], {"log": "a\\", "format": "systemd"}, "a\\ ends in a backslash"),
        ],
        ids=str,
    )
    def test_backslashes_that_mean_something_else_are_refused(
        self, words: list[str], named: dict[str, str], said: str
    ) -> None:
        """At the end of a line of a unit, and before cron's %, a backslash is not a backslash."""
        result = SyncRunner("x.db").schedule(words, **named)
        assert (result.success, result.error_type) == (False, "configuration_error")
        assert said in result.error


@needs_systemd
class TestSystemd:
    @pytest.fixture
    def units(self, tmp_path: Path) -> Path:
        """Units of a hard case, written to a folder."""
        folder = tmp_path / "it's 100% é"
        folder.mkdir()
        named = {"format": "systemd", "directory": folder, "log": "a log.txt", "output": tmp_path / "units"}
        schedule("read", *HARD, every="week", on="monday", at="04:05", name="hard", **named)
        return tmp_path / "units"

    def test_systemd_takes_the_units(self, units: Path) -> None:
        """systemd-analyze verify has nothing to say of them."""
        files = sorted(map(str, units.iterdir()))
        assert [Path(file).name for file in files] == ["json2db-hard.service", "json2db-hard.timer"]
        said = subprocess.run([str(SYSTEMD), "verify", "--man=no", *files], capture_output=True, text=True, check=False)
        ours = [line for line in said.stderr.splitlines() if "json2db" in line]
        assert (said.returncode, ours) == (0, [])

    def test_words_are_quoted_as_systemd_reads_them(self, units: Path) -> None:
        """What systemd makes of ExecStart= are the very words. (As its manual says: C escapes, %% and $$.)"""
        (line,) = [
            line for line in (units / "json2db-hard.service").read_text().splitlines() if line.startswith("ExecStart=")
        ]
        words = [word.replace("%%", "%").replace("$$", "$") for word in shlex.split(line.removeprefix("ExecStart="))]
        assert words[-len(HARD) - 1 :] == ["read", *HARD]
        assert words[words.index("--lock-file") + 1] == str(units.parent / "it's 100% é/.json2db/hard.lock")


class TestChecked:
    @pytest.mark.mostly_slow
    @pytest.mark.parametrize(
        ("line", "said"),
        [
            ("verify --ful", "No such option"),
            ("verfy", "There is no command 'verfy'"),
            ("populate --batch-size many", "not a valid integer"),
            ("read", "Missing argument 'ENTITY'"),
            ("runs shw 1", "No such command|There is no command"),
            ("restore backup.db", "asks before it goes on"),
            ("create-tables --recreate", "asks before it goes on"),
            ("verify --help", "only help would be printed"),
            ("--version", "only help would be printed"),
            ("menu", "nothing to schedule"),
            ("schedule verify", "nothing to schedule"),
            ("--verbos verify", "No such option"),
        ],
    )  # fmt: skip
    def test_a_wrong_operation_is_refused_now(self, line: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
        """What the command line would not take at night is refused when the schedule is printed, and prints nothing."""
        with pytest.raises(ConfigurationError, match=said):
            require_command(shlex.split(line))
        assert main(["schedule", "--", *shlex.split(line)]) == 2
        assert capsys.readouterr().out == ""

    @pytest.mark.parametrize(
        "line",
        [
            "verify --full",
            "full-workflow --cutoff-days 30 --backup -q --log-file x.log",
            "create-tables",
            "create-tables --recreate --yes",
            "runs",
            "runs --limit 3",
            "rejected replay",
            "read items --id 1 --id 2",
            "schema infer --output x",
        ],
    )
    def test_a_right_one_is_taken(self, line: str) -> None:
        """Commands, subcommands, defaults of groups, and all their options."""
        require_command(shlex.split(line))

    def test_a_password_is_not_printed(self, capsys: pytest.CaptureFixture[str]) -> None:
        """A URL with a password is refused, wherever in it that stands: it would stand in the crontab."""
        for url in (
            "postgresql://me:secret@host/x",
            "postgresql://me:***secret@host/x",
            "postgresql://host/x?user=me&password=secret",
            "postgresql://host/x?user=me&password=***secret",
            "postgresql://host:port/x?sslpassword=secret&user=me",
        ):
            for words in (["--db-path", url], [f"--db-path={url}"]):
                assert main(["schedule", "verify", *words]) == 2
                printed = capsys.readouterr()
                assert "secret" not in printed.out + printed.err
                assert "a password in a schedule" in printed.err
        assert main(["schedule", "verify", "--db-path", "postgresql://me@host/x"]) == 0


class TestTwoOfOneOperation:
    def test_each_has_its_lock(self) -> None:
        """Commands that differ in the value of an option do not keep each other from running; a command always has
        the same lock."""
        lines = [line_of(schedule("export", "--db-path", name).text) for name in ("a.db", "b.db", "a.db")]
        locks = [line.partition("--lock-file ")[2].split()[0] for line in lines]
        assert len(set(locks)) == 2
        assert locks[0] == locks[2]

    def test_files_of_another_are_not_replaced(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        """Units that say otherwise stay, unless the new ones are named otherwise or told to overwrite them."""
        folder = str(tmp_path / "units")
        words = ("schedule", "--format", "systemd", "--output", folder, "export", "--db-path")
        assert main([*words, "a.db"]) == 0
        assert main([*words, "a.db"]) == 0
        before = {path.name: path.read_text() for path in Path(folder).iterdir()}
        capsys.readouterr()
        assert main([*words, "b.db"]) == 1
        assert "--overwrite" in capsys.readouterr().err
        assert {path.name: path.read_text() for path in Path(folder).iterdir()} == before
        assert main([*words, "b.db", "--name", "other"]) == 0
        assert len(list(Path(folder).iterdir())) == 4
        assert main([*words, "b.db", "--overwrite"]) == 0
        assert "b.db" in (Path(folder) / "json2db-export.service").read_text()


class TestCommand:
    def test_options_of_both(self, capsys: pytest.CaptureFixture[str]) -> None:
        """Options of schedule may stand among those of the operation; behind -- all are the operation's."""
        assert main(["schedule", "verify", "--every", "15", "minutes", "--full", "-q", "--log", "/tmp/x.log"]) == 0
        line = line_of(capsys.readouterr().out)
        assert line.startswith("*/15 * * * * cd ")
        assert line.endswith("verify-full-q.lock verify --full -q >> /tmp/x.log 2>&1")
        assert main(["schedule", "--every", "day", "--", "rejected", "export", "--output", "x.ndjson"]) == 0
        assert line_of(capsys.readouterr().out).endswith(" rejected export --output x.ndjson")

    def test_what_is_configured(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        """Without an operation all schedules of the configuration are printed, each with a lock of its own."""
        jobs = {"verify --full": "week on sunday at 03:00", "report": "day at 04:00", "report --db-path o.db": "day"}
        monkeypatch.setenv("JSON2DB_SCHEDULE", json.dumps(jobs))
        monkeypatch.setenv("JSON2DB_SCHEDULE_LOG", "sync.log")
        assert main(["schedule", "--json"]) == 0
        result = json.loads(capsys.readouterr().out)
        assert [one["name"] for one in result["schedules"]] == ["verify-full", "report", "report-2"]
        assert result["schedules"][0]["when"] == "every week on sunday at 03:00"
        assert result["text"].count("sync.log 2>&1") == 3
        assert "JSON2DB_SCHEDULE" in result["notes"][0]["text"]  # is not set where cron runs
        monkeypatch.setenv("JSON2DB_SCHEDULE", '{"verify --ful": "day"}')
        assert main(["schedule"]) == 2

    @pytest.mark.parametrize(
        "wrong", ['{"verify": "sometimes"}', '{"": "day"}', '{"read \\"items": "day"}', "[1]", "nonsense"]
    )
    def test_a_wrong_configuration(self, wrong: str, monkeypatch: pytest.MonkeyPatch) -> None:
        """A time that means nothing is a wrong setting, wherever settings are read."""
        monkeypatch.setenv("JSON2DB_SCHEDULE", wrong)
        with pytest.raises(ConfigurationError, match="JSON2DB_SCHEDULE"):
            JSON2DBConfig()

    def test_nothing_is_configured(self, capsys: pytest.CaptureFixture[str]) -> None:
        """Without any, it says how to name one."""
        assert main(["schedule"]) == 2
        assert "no schedule is configured" in capsys.readouterr().err
        assert main(["schedule", "--every", "day"]) == 2


class TestOverlap:
    def test_a_run_that_would_overlap_says_so_and_leaves(self, capfd: pytest.CaptureFixture[str]) -> None:
        """While another holds the lock file, any command ends with 4 after one line on stderr, and does nothing."""
        with filelock.FileLock("one.lock"):
            assert main(["--lock-file", "one.lock", "full-workflow"]) == 4
            out, err = capfd.readouterr()
            assert out == ""
            assert err == (
                "json2db-sync full-workflow: the last run is still going on (it holds one.lock); nothing was done\n"
            )
            assert main(["--lock-file", "one.lock", "report", "--json"]) == 4
            assert json.loads(capfd.readouterr().out)["error_type"] == "locked"
        assert main(["--lock-file", "one.lock", "config", "show"]) == 0

    @pytest.mark.parametrize("configured", [False, True])
    def test_a_run_that_is_to_wait_does(
        self, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *, configured: bool
    ) -> None:
        """With --wait, or database.lock_wait, it begins when the other is done; else it leaves when the time is over."""
        write(Path("source", "items.json"), [{"id": 1}])
        options = [] if configured else ["--wait", "60"]
        if configured:
            monkeypatch.setenv("JSON2DB_LOCK_WAIT", "60")
        command = ["--lock-file", "one.lock", "populate", "--db-path", "x.db", "--data-source", "source"]
        with filelock.FileLock("one.lock", thread_local=False) as other:
            threading.Timer(0.3, other.release).start()
            assert main([*command, *options]) == 0
        with filelock.FileLock("one.lock"):
            assert main([*command, "--wait", "0.05"]) == 4
            assert "still going on" in capfd.readouterr().err

    def test_the_lock_goes_with_the_run(self, capfd: pytest.CaptureFixture[str]) -> None:
        """After a run, and after one that failed, the next one begins; the folder of the lock is made."""
        for _ in range(2):
            assert main(["--lock-file", "deep/er/one.lock", "report", "--db-path", "gone.db"]) == 1
        Path("file").touch()
        assert main(["--lock-file", "file/one.lock", "report"]) == 1
        assert "cannot lock file/one.lock" in capfd.readouterr().err

    def test_the_lock_of_the_database_ends_with_the_same_code(self, tmp_path: Path) -> None:
        """A run that another one, scheduled or not, keeps from writing ends with 4 too."""
        write(tmp_path / "source" / "items.json", [{"id": 1}])
        with filelock.FileLock("test.db.lock"):
            assert main(["populate", "--db-path", "test.db", "--data-source", "source", "-q"]) == 4
        assert main(["populate", "--db-path", "test.db", "--data-source", "source", "-q"]) == 0

    def test_the_folder_of_locks_is_no_concern_of_git(self) -> None:
        """What is remembered beside a user's files is passed over by git; another folder is left as it is."""
        for folder in (".json2db", "mine"):
            assert main(["--lock-file", f"{folder}/one.lock", "config", "show"]) == 0
        assert [path.read_text() for path in Path.cwd().glob("*/.gitignore")] == ["*\n"]
