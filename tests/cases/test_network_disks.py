"""Disks that cannot do everything: no fsync of folders, no locks, other line ends, no room for a log; and private files."""

from __future__ import annotations

import errno
import logging
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from rich.console import Console
from support.failing_files import NO_LOCKS, NOT_OFFERED, calls_of_the_disk, failing_fsync, failing_locks
from support.sessions import ok

from json2db_sync import SyncRunner
from json2db_sync.atomic_files import FileSet, restore
from json2db_sync.atomic_files.backups import list_backups
from json2db_sync.atomic_files.process_lock import process_lock
from json2db_sync.errors import FileError
from json2db_sync.interfaces.cli.main import cli
from json2db_sync.interfaces.menu.glyphs import is_plain
from json2db_sync.interfaces.terminal.canvas import can_draw_signs


def publish(directory: Path, **files: bytes) -> None:
    with FileSet(directory) as file_set:
        for name, content in files.items():
            with file_set.stage(name) as stream:
                stream.write(content)
        file_set.commit()


@pytest.fixture
def runner():
    Path("data").mkdir()
    Path("data/things.json").write_text('[{"id": 1, "name": "a"}, {"id": 2, "name": "b"}]')
    runner = SyncRunner("things.db", "data")
    ok(runner.populate())
    return runner


@pytest.mark.parametrize("code", NOT_OFFERED)
def test_28_a_disk_that_cannot_write_out_a_folder_is_written_all_the_same(tmp_path, code):
    """Nor a file: shares of Windows and some of FUSE have no such call."""
    with failing_fsync(code, folders=True, files=True):
        publish(tmp_path, a=b"1")
        publish(tmp_path, a=b"2")
        (backup,) = list_backups(tmp_path)
        restore(tmp_path, backup.path.name)
    assert (tmp_path / "a").read_bytes() == b"1"


@pytest.mark.parametrize(("folders", "files"), [(True, False), (False, True)])
def test_28_an_error_of_the_disk_is_none_to_pass_over(tmp_path, folders, files):
    """EIO says that it may not be there; every file is as it was."""
    publish(tmp_path, a=b"1")
    with failing_fsync(errno.EIO, folders=folders, files=files), pytest.raises(FileError, match=os.strerror(errno.EIO)):
        publish(tmp_path, a=b"2")
    publish(tmp_path, b=b"1")  # a later run ends what was begun
    assert (tmp_path / "a").read_bytes() == b"1"


@pytest.mark.parametrize("folders", [True, False])
@pytest.mark.parametrize(
    "words", [["backup"], ["rejected", "export", "--output", "r.ndjson"], ["schema", "infer", "--output", "schemas"],
              ["schedule", "--format", "systemd", "--output", "units", "report"]]
)  # fmt: skip
def test_28_whatever_is_written_tells_an_error_of_the_disk(runner, words, folders):
    """Not of exports alone."""
    data = ["--data-source", "data"] if words[0] == "schema" else []
    with failing_fsync(errno.EIO, folders=folders, files=not folders):
        result = CliRunner().invoke(cli, [*words, *data, "--db-path", "things.db"])
    assert result.exit_code == 1
    assert os.strerror(errno.EIO) in result.output + result.stderr


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="the machine has no /proc")
def test_28_what_takes_its_place_is_on_the_disk_before_and_its_folder_after(tmp_path, runner):
    """Each export; the journal too, before anything of it is done."""
    with calls_of_the_disk() as calls:
        ok(runner.export(output_directory=str(tmp_path / "out")))
    placed = [place for place, (what, _path) in enumerate(calls) if what.startswith("replace")]
    assert len(placed) >= 3, "the journal, the data and its schema"
    for place in placed:
        what, target = calls[place]
        source = Path(what.removeprefix("replace "))
        written = [path.resolve() for name, path in calls[:place] if name == "fsync"]
        assert source.resolve() in written, f"{target} was not written out"
        folders = [path.resolve() for name, path in calls[place:] if name == "fsync"]
        assert target.parent.resolve() in folders or target.name == "confirmed.json"


@pytest.mark.skipif(sys.platform == "win32", reason="permissions of POSIX")
def test_29_what_is_made_of_a_private_database_is_private(runner, tmp_path):
    """Backups, exports, rejected records and what they are written by; what replaces a file has its permissions."""
    Path("data/bad.json").write_text('{"id": 1}\n{"id": \n')
    ok(runner.populate())
    Path("things.db").chmod(0o600)
    seen: set[Path] = set()
    with pytest.MonkeyPatch.context() as patch:
        real = os.replace
        patch.setattr(
            os, "replace", lambda old, new: (seen.add(Path(old)) if mode(old) != 0o600 else None, real(old, new))
        )
        ok(runner.backup())
        ok(runner.export(output_directory="out"))
        ok(runner.export_rejected("rejected.ndjson"))
    (backup,) = runner.backups().backups
    made = [Path(backup.name), Path("rejected.ndjson"), *Path("out").glob("*.json")]
    assert {mode(path) for path in made} == {0o600}
    assert not {path for path in seen if path.name != "confirmed.json" and "partial" not in path.name}
    Path("out/things.json").chmod(0o640)
    Path("data/things.json").write_text('[{"id": 3, "name": "c"}]')
    ok(runner.populate())
    ok(runner.export(output_directory="out"))
    assert mode(Path("out/things.json")) == 0o640


def mode(path: str | Path) -> int:
    return stat.S_IMODE(os.stat(path).st_mode)


@pytest.mark.parametrize("code", NO_LOCKS)
def test_30_a_file_system_that_cannot_lock_is_told_and_leaves_nothing(tmp_path, code, runner, recwarn):
    """Neither a lock that would outlive its process, nor a warning in each run, nor a change."""
    with failing_locks(code):
        for _again in range(2):
            result = runner.export(output_directory=str(tmp_path / "out"))
            assert (result.success, result.error_type) == (False, "file_error")
            assert "its file system cannot lock files" in result.error
            assert str(tmp_path / "out") in result.error
        loaded = runner.populate()
        assert "things.db.lock: its file system cannot lock files" in loaded.error
    assert not [warning for warning in recwarn if "lock" in str(warning.message)]
    assert not (tmp_path / "out" / "things.json").exists()
    ok(runner.export(output_directory=str(tmp_path / "out")))
    ok(runner.populate())


def test_31_a_lock_file_of_another_user_is_named(tmp_path, monkeypatch, runner):
    """It is the lock file that cannot be opened, and not the database."""
    real = os.open

    def refuse(path, *arguments, **settings):
        if str(path).endswith("lock"):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)
        return real(path, *arguments, **settings)

    monkeypatch.setattr(os, "open", refuse)
    result = runner.populate()
    assert "cannot lock " in result.error
    assert "things.db.lock" in result.error
    assert "owner" in result.hint
    result = runner.export(output_directory="out")
    assert str(Path("out").absolute() / ".json2db-export" / "lock") in result.error
    with pytest.raises(FileError, match="run.lock"), process_lock(tmp_path / "run.lock"):
        pass


@pytest.mark.parametrize("options", [{}, {"format": "ndjson"}, {"format": "array", "pretty": False}])
def test_32_a_checkout_with_other_line_ends_is_the_same_export(runner, options):
    """--check agrees with --verify-only, and export leaves it; a changed value is told by both."""
    ok(runner.export(output_directory="out", **options))
    for path in Path("out").glob("*.*json"):
        path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    for checked in (
        runner.export(output_directory="out", check=True, **options),
        runner.export(output_directory="out", **options),
    ):
        assert {file.status for file in ok(checked).files} == {"unchanged"}
    ok(runner.export(output_directory="out", verify_only=True, **options))
    (data,) = (path for path in Path("out").glob("things.*json") if b'"b"' in path.read_bytes())
    data.write_bytes(data.read_bytes().replace(b'"b"', b'"c"'))
    assert {file.status for file in runner.export(output_directory="out", check=True, **options).files} == {"stale"}
    assert not runner.export(output_directory="out", verify_only=True, **options).success


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="the machine has no /dev/full")
@pytest.mark.parametrize("words", [["report"], ["populate", "--data-source", "data"], ["status"]])
def test_34_a_log_that_cannot_be_written_is_told_in_a_line(runner, words):
    """And the run ends with its own code."""
    before = CliRunner().invoke(cli, [*words, "--db-path", "things.db"])
    result = CliRunner().invoke(cli, [*words, "--db-path", "things.db", "--log-file", "/dev/full"])
    assert result.exit_code == before.exit_code
    said = [line for line in result.stderr.splitlines() if "/dev/full" in line]
    assert len(said) == 1
    assert os.strerror(errno.ENOSPC) in said[0]
    assert "Traceback" not in result.stderr
    assert not [one for one in logging.getLogger("json2db_sync").handlers if isinstance(one, logging.FileHandler)]


@pytest.mark.parametrize(
    ("variables", "signs"),
    [
        ({"LANG": "C", "LC_CTYPE": "en_US.UTF-8"}, True),
        ({"LANG": "en_US.UTF-8", "LC_CTYPE": "C"}, False),
        ({"LANG": "en_US.UTF-8", "LC_CTYPE": "en_US.UTF-8", "LC_ALL": "POSIX"}, False),
        ({"LANG": "C", "LC_ALL": "C.UTF-8"}, True),
        ({"LANG": "C"}, False),
        ({}, True),
    ],
)
def test_42_menu_and_results_draw_with_the_same_signs(monkeypatch, variables, signs):
    """As LC_ALL says, else LC_CTYPE, else LANG."""
    for name in ("LC_ALL", "LC_CTYPE", "LANG"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "stdout", open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115
    with sys.stdout as stream:
        assert can_draw_signs(Console(file=stream, force_terminal=True)) == signs
        assert is_plain() != signs


@pytest.mark.skipif(sys.platform == "win32", reason="this system has no such locales")
@pytest.mark.parametrize(
    ("variables", "plain"), [({"LANG": "C"}, "True"), ({"LANG": "C", "LC_CTYPE": "C.UTF-8"}, "False")]
)
def test_42_what_python_makes_of_the_locale_is_told_from_what_users_set(variables, plain):
    """It sets LC_CTYPE itself where the locale is C, and nobody did."""
    script = "from json2db_sync.interfaces.terminal.canvas import is_ascii_locale; print(is_ascii_locale())"
    others = {name: value for name, value in os.environ.items() if not name.startswith(("LC_", "LANG", "PYTHONUTF8"))}
    shown = subprocess.run([sys.executable, "-c", script], env=others | variables, capture_output=True, text=True)
    assert shown.stdout.strip() == plain, shown.stderr
