"""Publishing that is broken off: killed or refused by the system at any of its calls, power kept or not, disk full.

The calls are seen, and the process ended or an error raised before them, through ``sys.addaudithook``: nothing of the
program is replaced for it. Each case runs in a process of its own.
"""

from __future__ import annotations

import errno
import os
import sys
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from support.nightly import NIGHTLY
from support.processes import can_mount, child

from json2db_sync.atomic_files import STAGING, BackupRules, FileSet, list_backups
from json2db_sync.errors import FileError

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="the cases are forked")

REFUSALS = (errno.ENOSPC, errno.EACCES, errno.EROFS, errno.EIO) if NIGHTLY else (errno.ENOSPC, errno.EACCES)
TIMES = (2, 3, 4, 6, 8, 10_000) if NIGHTLY else (2, 4, 10_000)
"""How many calls fail in a row."""
LATER = range(1, 30) if NIGHTLY else (1, 4, 9)
"""How many calls after one that failed the process is killed."""

OLD = {"a.json": b"old a", "b.json": b"old b", "link.json": b"old c"}
NEW = {"a.json": b"new a", "b.json": b"new b", "link.json": b"new c", "d.json": b"new d"}
DONE, REFUSED, BUG, INTERRUPTED, KILLED = 0, 1, 2, 3, 9
CTRL_C = 0
"""In place of the number of a system's error."""

Fate = Callable[[int], None]
"""Told before each call how many there were: it may end the process, or raise what the system would."""


class World:
    """A directory with files, one of them elsewhere, and its backups, perhaps in another file system."""

    def __init__(self, base: Path, backups: Path | None) -> None:
        self.base = base
        self.out = base / "out"
        self.rules = BackupRules(backups)
        self.out.mkdir(parents=True)
        (base / "elsewhere").mkdir()
        (base / "elsewhere" / "c.json").write_bytes(OLD["link.json"])
        (self.out / "link.json").symlink_to("../elsewhere/c.json")
        for name in ("a.json", "b.json"):
            (self.out / name).write_bytes(OLD[name])
            (self.out / name).chmod(0o640)

    def publish(self) -> None:
        with FileSet(self.out, self.rules, follow_links=True) as files:
            for name, content in NEW.items():
                with files.stage(name) as stream:
                    stream.write(content)
            files.commit()

    def start(self) -> None:
        """A run that has nothing to publish."""
        with FileSet(self.out, self.rules, follow_links=True):
            pass

    def files(self) -> dict[str, bytes]:
        return {name: (self.out / name).read_bytes() for name in NEW if (self.out / name).exists()}

    def assert_each_whole(self) -> None:
        for name, content in self.files().items():
            assert content in (OLD.get(name), NEW[name]), (name, content)

    def assert_all_or_none(self) -> None:
        """All old or all new, with backups of the old if they are new, and nothing else anywhere."""
        found = self.files()
        assert found in (OLD, NEW), found
        backups = {backup.file: backup.path.read_bytes() for backup in list_backups(self.out, self.rules)}
        assert backups == ({} if found == OLD else OLD)
        assert (self.out / "a.json").stat().st_mode & 0o7777 == 0o640
        assert (self.out / "link.json").is_symlink()
        ours = {path.name for path in (self.out / STAGING).iterdir()}
        assert ours <= {"lock", ".gitignore"}, ours
        assert [path.name for path in (self.base / "elsewhere").iterdir()] == ["c.json"]
        folder = self.rules.folder(self.out)
        assert len(list(folder.iterdir()) if folder.exists() else []) == len(backups)
        assert {path.name for path in self.out.iterdir()} <= {*found, STAGING, "backups"}


@pytest.fixture(params=["linked", pytest.param("copied", marks=pytest.mark.nightly)])
def worlds(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[], World]]:
    """Makes fresh worlds, whose backups are links, or copies in another file system."""
    memory, made = Path("/dev/shm"), []
    if request.param == "copied" and (not memory.is_dir() or memory.stat().st_dev == tmp_path.stat().st_dev):
        pytest.skip("there is no other file system here")

    def make() -> World:
        name = f"json2db-{os.getpid()}-{len(made)}"
        made.append(memory / name)
        return World(tmp_path / name, memory / name if request.param == "copied" else None)

    yield make
    for folder in made:
        for file in folder.glob("*"):
            file.unlink()
        if folder.exists():
            folder.rmdir()


def run(work: Callable[[], None], fate: Fate) -> int:
    """Do the work in a process of its own, whose file operations ``fate`` is told of; says how it ended."""
    process = os.fork()
    if process:
        return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
    code = BUG
    try:
        sys.addaudithook(_watch(fate))
        work()
        code = DONE
    except KeyboardInterrupt:
        code = INTERRUPTED
    except FileError as error:
        code = REFUSED if error.message and error.hint else BUG
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(code)


def _watch(fate: Fate) -> Callable[[str, tuple[Any, ...]], None]:
    calls = 0

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal calls
        if event not in _CALLS or not any("json2db-" in str(argument) for argument in arguments[:2]):
            return
        calls += 1
        fate(calls)

    return hook


_CALLS = {"open", "os.rename", "os.link", "os.remove", "os.mkdir", "os.rmdir", "os.chmod", "os.chown", "os.utime"}


def killed_at(last: int) -> Fate:
    def fate(calls: int) -> None:
        if calls == last:
            os._exit(KILLED)

    return fate


def refused_at(first: int, number: int, *, times: int = 1, killed: int | None = None) -> Fate:
    """This call fails, and so many in all; some calls later the process is killed."""

    def fate(calls: int) -> None:
        if killed is not None and calls == first + killed:
            os._exit(KILLED)
        if first <= calls < first + times:
            raise KeyboardInterrupt if number == CTRL_C else OSError(number, os.strerror(number))

    return fate


def ends(make: Callable[[], World], fates: Callable[[int], Fate]) -> Iterator[tuple[int, World, int]]:
    """Publish in one fresh world after the other, with a fate for the first call, the second, ..., to the last."""
    for call in range(1, 500):
        world = make()
        reached = world.base / "reached"
        end = run(world.publish, _marking(reached, call, fates(call)))
        yield call, world, end
        if not reached.exists():
            return
    pytest.fail("it never ends")


def _marking(reached: Path, call: int, fate: Fate) -> Fate:
    def marking(calls: int) -> None:
        if calls == call:
            reached.touch()
        fate(calls)

    return marking


@pytest.mark.slow
def test_killed_at_any_call_every_file_is_whole_and_the_next_start_makes_them_one(worlds):
    """After a kill each file is wholly old or new; the next start leaves all old or all new; the next run ends the work."""
    outcomes = set()
    for call, world, end in ends(worlds, killed_at):
        assert end in (KILLED, DONE), call
        world.assert_each_whole()
        world.start()
        world.assert_all_or_none()
        outcomes.add((end, world.files() == NEW))
        world.start()
        world.assert_all_or_none()
        if world.files() == OLD:
            world.publish()
            assert world.files() == NEW
    assert outcomes == {(KILLED, False), (KILLED, True), (DONE, True)}


@pytest.mark.slow
def test_killed_while_it_ends_a_killed_run_it_loses_nothing(worlds):
    """A start that is killed at any call while it ends what a killed run began is ended by the next."""
    ended = 0
    for call, world, end in ends(worlds, killed_at):
        journal = world.out / STAGING / "commit.json"
        for again in range(1, 200):
            if end == DONE or not journal.exists() or run(world.start, killed_at(again)) == DONE:
                break
            ended += 1
            world.assert_each_whole()
        world.start()
        world.assert_all_or_none()
        assert call
    assert ended > 50


@pytest.mark.slow
@pytest.mark.parametrize("number", REFUSALS, ids=errno.errorcode.get)
def test_one_call_that_fails_leaves_all_old_or_all_new(worlds, number):
    """Whichever call the system refuses: every file new, or a FileError that says what to do and every file old."""
    refused = 0
    for call, world, end in ends(worlds, lambda call: refused_at(call, number)):
        assert end in (DONE, REFUSED), call
        assert world.files() == (NEW if end == DONE else OLD), call
        refused += end == REFUSED
        world.start()
        world.assert_all_or_none()
    assert refused > 20


@pytest.mark.slow
def test_interrupted_at_any_call_it_leaves_all_old_or_all_new(worlds):
    """Ctrl-C at any call: every file old or, once all were replaced, every file new."""
    for call, world, end in ends(worlds, lambda call: refused_at(call, CTRL_C)):
        assert end in (DONE, INTERRUPTED), call
        assert world.files() in (OLD, NEW), call
        world.start()
        world.assert_all_or_none()


@pytest.mark.slow
@pytest.mark.parametrize("times", TIMES)
def test_where_files_cannot_be_taken_back_either_the_next_start_makes_them_one(worlds, times):
    """A disk that fails for some calls, or goes away in the middle: the next start does what is left to do."""
    for call, world, end in ends(worlds, lambda call: refused_at(call, errno.EIO, times=times)):
        assert end in (DONE, REFUSED), call
        world.assert_each_whole()
        world.start()
        world.assert_all_or_none()


@pytest.mark.mostly_slow
@pytest.mark.parametrize("number", [errno.ENOSPC, CTRL_C], ids=["ENOSPC", "Ctrl-C"])
@pytest.mark.parametrize("later", LATER)
def test_killed_while_it_takes_files_back_the_next_start_takes_them_back(worlds, later, number):
    """A call fails, and the process is killed some calls later: all old or all new after the next start."""
    for call, world, end in ends(worlds, lambda call: refused_at(call, number, killed=later)):
        assert end in (DONE, REFUSED, INTERRUPTED, KILLED), call
        world.assert_each_whole()
        world.start()
        world.assert_all_or_none()


FULL = """
import os
from pathlib import Path
from json2db_sync.errors import FileError
from json2db_sync.atomic_files import FileSet, list_backups
disk, sizes = Path(sys.argv[2]), range(0, 1500, 12)
subprocess.run(["mount", "-t", "tmpfs", "-o", "size=100m", "tmpfs", disk], check=True)
names = [f"{n}.json" for n in range(4)]
def publish(out, content):
    with FileSet(out) as files:
        for name in names:
            with files.stage(name) as stream:
                stream.write(content)
        return files.commit()
for size in sizes:
    subprocess.run(["mount", "-o", "remount,size=100m", disk], check=True)
    out = disk / f"out{size}"
    publish(out, b"old" * 50_000)
    status = os.statvfs(disk)
    used = (status.f_blocks - status.f_bfree) * status.f_frsize
    subprocess.run(["mount", "-o", f"remount,size={used + size * 1024}", disk], check=True)
    said = None
    try:
        publish(out, b"new" * 70_000)
    except FileError as error:
        said = f"{error.message} | {error.hint}"
    found = {(out / name).read_bytes()[:3].decode() for name in names}
    whole = all(len((out / name).read_bytes()) in (150_000, 210_000) for name in names)
    subprocess.run(["mount", "-o", "remount,size=100m", disk], check=True)
    with FileSet(out):
        pass
    left = sum(1 for file in out.rglob("*") if file.is_file())
    print(json.dumps({"said": said, "found": sorted(found), "whole": whole, "left": left}), flush=True)
    subprocess.run(["rm", "-r", out], check=True)
"""


@pytest.mark.slow
def test_a_disk_that_runs_full_leaves_all_old_and_says_so(tmp_path):
    """However much room there is: all files new, or an error that says that the disk is full, and all old."""
    prefix = can_mount(tmp_path)
    if prefix is None:
        pytest.skip("no file system can be mounted here")
    found = child(FULL, tmp_path, prefix=prefix, timeout=120)
    failed = [one for one in found if one["said"]]
    assert 20 < len(failed) < len(found)
    for one in found:
        assert one["whole"]
        assert one["found"] == (["old"] if one["said"] else ["new"])
        assert one["left"] == 2 + (4 if one["said"] else 8)
        assert one["said"] is None or "the disk is full" in one["said"]
        assert one["said"] is None or "make room" in one["said"]
