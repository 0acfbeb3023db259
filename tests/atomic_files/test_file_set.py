"""Files published together: backups, permissions, links, locks, and what a directory may refuse."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from json2db_sync.atomic_files import (
    STAGING,
    Backup,
    BackupRules,
    FileSet,
    Published,
    find_backup,
    list_backups,
    restore,
)
from json2db_sync.atomic_files.backups import expired
from json2db_sync.errors import FileError, Locked

NOON = datetime(2026, 11, 21, 12, 0, 0)


def publish(
    directory: Path,
    files: Mapping[str, bytes],
    rules: BackupRules | None = None,
    moment: datetime = NOON,
    *,
    follow_links: bool = False,
) -> tuple[Published, ...]:
    with FileSet(directory, rules, lambda: moment, follow_links=follow_links) as file_set:
        for name, content in files.items():
            with file_set.stage(name) as stream:
                stream.write(content)
        return file_set.commit()


def tree(directory: Path) -> dict[str, bytes]:
    """Everything in a directory but what always stays in our own folder."""
    ours = {f"{STAGING}/lock", f"{STAGING}/.gitignore"}
    found = {str(file.relative_to(directory)): file for file in directory.rglob("*") if file.is_file()}
    return {name: file.read_bytes() for name, file in found.items() if name not in ours}


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out"


# Publishing


def test_a_missing_directory_is_made_and_new_files_have_no_backup(out):
    """The first run makes the directory; there is nothing to back up."""
    made = publish(out / "deep", {"a.json": b"1", "b.json": b"2"})
    assert made == (Published("a.json", out / "deep/a.json", None), Published("b.json", out / "deep/b.json", None))
    assert tree(out / "deep") == {"a.json": b"1", "b.json": b"2"}


def test_a_replaced_file_is_in_its_backup(out):
    """The backup is named for the file and the moment, and holds what was there before."""
    publish(out, {"a.json": b"old"})
    (made,) = publish(out, {"a.json": b"new"})
    assert made.backup == out / "backups/a.json.backup.20261121_120000"
    assert tree(out) == {"a.json": b"new", "backups/a.json.backup.20261121_120000": b"old"}


def test_backups_of_one_second_are_all_kept(out):
    """Runs within one second get numbers, the same one for all files of a run; no backup is overwritten."""
    publish(out, {"a.json": b"0"})
    for number in range(1, 13):
        publish(out, {"a.json": b"%d" % number, **({"b.json": b"%d" % number} if number > 9 else {})})
    backups = list_backups(out)
    assert [b.path.read_bytes() for b in backups if b.file == "a.json"] == [b"%d" % n for n in range(11, -1, -1)]
    assert [b.moment for b in backups if b.file == "b.json"] == ["20261121_120000_12", "20261121_120000_11"]


def test_nothing_is_seen_before_the_commit_and_nothing_is_left_without_it(out):
    """Until the commit the published file is the old one; leaving without it leaves no trace."""
    publish(out, {"a.json": b"old"})
    with FileSet(out) as files:
        with files.stage("a.json") as stream:
            stream.write(b"new")
        assert files.staged("a.json").read_bytes() == b"new"
        assert (out / "a.json").read_bytes() == b"old"
    assert tree(out) == {"a.json": b"old"}


def test_a_discarded_file_stays_as_it_is(out):
    """What is discarded is neither replaced nor backed up; the others are."""
    publish(out, {"a.json": b"old", "b.json": b"old"})
    inode = (out / "a.json").stat().st_ino
    with FileSet(out) as files:
        for name in ("a.json", "b.json"):
            with files.stage(name) as stream:
                stream.write(b"new")
        files.discard("a.json")
        (made,) = files.commit()
    assert made.name == "b.json"
    assert (out / "a.json").read_bytes() == b"old"
    assert (out / "a.json").stat().st_ino == inode
    assert [backup.file for backup in list_backups(out)] == ["b.json"]


def test_a_block_that_fails_stages_nothing(out):
    """An error while a file is staged discards that file alone."""
    publish(out, {"a.json": b"old"})
    with FileSet(out) as files:
        with files.stage("b.json") as stream:
            stream.write(b"new")
        with pytest.raises(ZeroDivisionError), files.stage("a.json") as stream:
            stream.write(b"half" * 1_000_000)
            raise ZeroDivisionError
        assert [made.name for made in files.commit()] == ["b.json"]
    assert tree(out) == {"a.json": b"old", "b.json": b"new"}


def test_a_scratch_file_is_read_again_and_gone(out):
    """What is written to a scratch file can be read in the block; after it, nothing is there."""
    with FileSet(out) as files:
        with files.scratch() as stream:
            stream.write(b"x" * 3_000_000)
            stream.seek(0)
            assert stream.read() == b"x" * 3_000_000
        files.commit()
    assert tree(out) == {}


def test_a_file_may_be_staged_anew(out):
    """Staging a name twice publishes what came last."""
    with FileSet(out) as files:
        for content in (b"first, and longer", b"last"):
            with files.stage("a.json") as stream:
                stream.write(content)
        files.commit()
    assert tree(out) == {"a.json": b"last"}


@pytest.mark.parametrize(
    "name", ["", ".", "..", "sub/a.json", "../a.json", "/a.json", STAGING, "nul\0", "folder", "loop"]
)
def test_what_cannot_be_a_file_here_is_refused(out, name):
    """A name that leads elsewhere, or to what is not a plain file, is a FileError and nothing is staged."""
    (out / "folder").mkdir(parents=True)
    (out / "loop").symlink_to("loop")
    with FileSet(out) as files, pytest.raises(FileError), files.stage(name):
        pass
    assert tree(out) == {}


def test_git_passes_over_what_is_ours(out):
    """The folder of ours tells version control that nothing in it is to be committed."""
    publish(out, {"a.json": b"1"})
    subprocess.run(["git", "init", "-q", out], check=True)
    said = subprocess.run(["git", "-C", out, "status", "--porcelain"], check=True, capture_output=True, text=True)
    assert said.stdout == "?? a.json\n"


# Permissions, owners, links


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o664, 0o755])
def test_permissions_are_kept(out, mode):
    """The new file has the mode of the one that it replaces, and so has the backup."""
    publish(out, {"a.json": b"old"})
    (out / "a.json").chmod(mode)
    (made,) = publish(out, {"a.json": b"new"})
    assert made.backup is not None
    assert (out / "a.json").stat().st_mode & 0o7777 == mode
    assert made.backup.stat().st_mode & 0o7777 == mode


def test_a_secret_file_is_never_readable_while_it_is_staged(out):
    """What replaces a file that others may not read is not readable for them before, either."""
    publish(out, {"a.json": b"old"})
    (out / "a.json").chmod(0o600)
    with FileSet(out) as files, files.stage("a.json"):
        assert files.staged("a.json").stat().st_mode & 0o077 == 0


def test_a_new_file_has_the_mode_that_files_have(out):
    """A file that was not there before is as any program would make it."""
    publish(out, {"a.json": b"1"})
    (out / "other").write_bytes(b"1")
    assert (out / "a.json").stat().st_mode == (out / "other").stat().st_mode


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root may give files away")
def test_the_owner_is_kept(out):
    """Who owned the file owns the new one."""
    publish(out, {"a.json": b"old"})
    os.chown(out / "a.json", 1234, 2345)
    publish(out, {"a.json": b"new"})
    assert ((out / "a.json").stat().st_uid, (out / "a.json").stat().st_gid) == (1234, 2345)


def test_a_link_is_written_through(out, tmp_path):
    """Where that is wanted, a link stays one: the file that it leads to is replaced and backed up, under its name."""
    (tmp_path / "real").mkdir()
    (tmp_path / "real/data.json").write_bytes(b"old")
    out.mkdir()
    (out / "a.json").symlink_to("../real/data.json")
    (made,) = publish(out, {"a.json": b"new"}, follow_links=True)
    assert (out / "a.json").is_symlink()
    assert {file.name: file.read_bytes() for file in (tmp_path / "real").iterdir()} == {"data.json": b"new"}
    assert made.backup is not None
    assert made.backup.name.startswith("a.json.backup.")
    assert made.backup.read_bytes() == b"old"


def test_a_link_that_leads_to_no_file_makes_it(out, tmp_path):
    """A link to a file that is not there yet makes that file."""
    out.mkdir()
    (out / "a.json").symlink_to(tmp_path / "real.json")
    publish(out, {"a.json": b"new"}, follow_links=True)
    assert (tmp_path / "real.json").read_bytes() == b"new"


def test_a_directory_that_is_a_link_is_followed(out, tmp_path):
    """Publishing through a link to the directory is publishing in the directory."""
    publish(out, {"a.json": b"old"})
    (tmp_path / "link").symlink_to(out)
    publish(tmp_path / "link", {"a.json": b"new"})
    assert tree(out) == {"a.json": b"new", "backups/a.json.backup.20261121_120000": b"old"}


def test_two_names_of_one_file_are_refused(out):
    """Two names that lead to one file cannot both be published: one would be lost."""
    publish(out, {"a.json": b"old"})
    (out / "b.json").symlink_to("a.json")
    with pytest.raises(FileError, match=r"b\.json and a\.json in .* are one file"):
        publish(out, {"a.json": b"1", "b.json": b"2"})
    assert (out / "a.json").read_bytes() == b"old"


def test_a_file_with_another_name_is_copied_into_its_backup(out):
    """Changing a file in place by its other name does not change the backup."""
    publish(out, {"a.json": b"old"})
    os.link(out / "a.json", out / "other")
    publish(out, {"a.json": b"new"})
    (out / "other").write_bytes(b"changed in place")
    assert list_backups(out)[0].path.read_bytes() == b"old"


def test_backups_may_be_in_another_file_system(out):
    """Where no link can be made, backups are copies with the same permissions and time."""
    memory = Path("/dev/shm")
    if not memory.is_dir() or memory.stat().st_dev == out.parent.stat().st_dev:
        pytest.skip("there is no other file system here")
    publish(out, {"a.json": b"old"})
    (out / "a.json").chmod(0o640)
    before = (out / "a.json").stat()
    rules = BackupRules(memory / f"json2db-{os.getpid()}")
    try:
        (made,) = publish(out, {"a.json": b"new"}, rules)
        assert made.backup is not None
        kept = made.backup.stat()
        assert made.backup.read_bytes() == b"old"
        assert (kept.st_mode, kept.st_mtime_ns) == (before.st_mode, before.st_mtime_ns)
        assert list(rules.folder(out).iterdir()) == [made.backup]
    finally:
        for file in rules.folder(out).iterdir():
            file.unlink()
        rules.folder(out).rmdir()


# What a directory may refuse, to users with no special powers

REFUSED = """
import sys
from pathlib import Path
from json2db_sync.errors import FileError
from json2db_sync.atomic_files import FileSet
try:
    with FileSet(Path(sys.argv[1])) as files:
        for name in ("a.json", "b.json"):
            with files.stage(name) as stream:
                stream.write(b"new")
        files.commit()
except FileError as error:
    print(error.message, "|", error.hint)
"""


@pytest.mark.parametrize(
    ("what", "mode", "said"),
    [("", 0o500, "Permission denied"), ("b.json", 0o400, "protected from writing"), ("backups", 0o500, "Permission")],
)
def test_what_may_not_be_written_is_said_and_nothing_is_replaced(out, powerless, what, mode, said):
    """A directory, file or backup folder without permission: an error that names it, and every file as it was."""
    publish(out, {"a.json": b"0"})
    publish(out, {"a.json": b"old", "b.json": b"old"})
    before = tree(out)
    for file in (out, *out.rglob("*")):
        file.chmod(0o666 if file.is_file() else 0o777 if what else 0o755)  # folders are never wider than the one above
    (out / what).chmod(mode)
    if os.geteuid() == 0:  # inside, files of root belong to nobody
        for file in (out, *out.rglob("*")):
            file.chmod(file.stat().st_mode & (0o555 if file == out / what else 0o777))
    done = subprocess.run(
        [*powerless, sys.executable, "-W", "error", "-c", REFUSED, out], capture_output=True, text=True, check=False
    )
    (out / what).chmod(0o700)
    assert done.stderr == ""
    assert said in done.stdout
    assert "the files are as they were" in done.stdout
    assert str(out / what) in done.stdout
    assert tree(out) == before


def test_a_directory_that_is_a_file_is_refused(out):
    """Where the directory is a file, that is said."""
    out.write_bytes(b"mine")
    with pytest.raises(FileError, match="out"):
        publish(out, {"a.json": b"1"})
    assert out.read_bytes() == b"mine"


# One writer at a time


def test_a_second_writer_is_told_who_writes_and_since_when(out):
    """While one run writes, another leaves at once with Locked, and harms nothing."""
    with FileSet(out) as files:
        with files.stage("a.json") as stream:
            stream.write(b"first")
        with pytest.raises(Locked, match=rf"another run: process {os.getpid()} on .*, since 20\d\d-") as caught:
            publish(out, {"a.json": b"second"})
        assert caught.value.hint
        files.commit()
    assert tree(out) == {"a.json": b"first"}
    publish(out, {"a.json": b"second"})
    assert (out / "a.json").read_bytes() == b"second"


def test_of_many_threads_each_publishes_wholly_or_is_told_that_it_is_locked(out):
    """Threads that publish at once: every set is of one thread, and each replaced set is in backups."""
    done, other = [], []

    def work(number: int) -> None:
        try:
            publish(out, {"a.json": b"%d" % number, "b.json": b"%d" % number})
            done.append(number)
        except Locked:
            other.append(number)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(done) + len(other) == 12
    found = tree(out)
    assert found["a.json"] == found["b.json"]
    assert len(list_backups(out)) == 2 * (len(done) - 1)


# Retention


def backups_of(ages: list[float]) -> list[Backup]:
    return [
        Backup(Path(f"{number}"), f"{number % 2}.json", "", NOON - timedelta(days=age), 1, 0)
        for number, age in enumerate(sorted(ages))
    ]


@given(st.lists(st.floats(0, 100)), st.none() | st.integers(0, 20), st.none() | st.floats(0, 100))
def test_a_backup_goes_only_when_no_rule_keeps_it(ages, keep, days):
    """Of each file the newest stays, and the newest N, and all that are young enough; the rest goes, if there are rules."""
    backups = backups_of(ages)
    gone = expired(backups, BackupRules(keep=keep, keep_days=days), lambda: NOON)
    for file in ("0.json", "1.json"):
        of_file = [backup for backup in backups if backup.file == file]
        for place, backup in enumerate(of_file, 1):
            young = days is not None and NOON - backup.made <= timedelta(days=days)
            kept = (keep is None and days is None) or place == 1 or place <= (keep or 0) or young
            assert (backup not in gone) == kept


def test_expired_backups_go_after_a_commit(out):
    """With a number to keep, the oldest of each file go once the new files are published; others' files stay."""
    for number in range(6):
        publish(out, {"a.json": b"%d" % number}, BackupRules(keep=2), NOON + timedelta(hours=number))
    mine = out / "backups/a.json.backup.mine"
    mine.write_bytes(b"mine")
    publish(out, {"a.json": b"6"}, BackupRules(keep=2), NOON + timedelta(hours=6))
    assert [backup.path.read_bytes() for backup in list_backups(out)] == [b"5", b"4"]
    assert mine.exists()


def test_what_was_just_replaced_is_kept_though_the_clock_was_put_back(out):
    """A backup that seems older than others, since the clock was put back, stays after the run that made it."""
    publish(out, {"a.json": b"1"})
    publish(out, {"a.json": b"2"}, BackupRules(keep=1), NOON)
    (made,) = publish(out, {"a.json": b"3"}, BackupRules(keep=1), NOON - timedelta(hours=1))
    assert made.backup is not None
    assert made.backup.read_bytes() == b"2"


def test_nothing_expires_without_a_commit(out):
    """A run that ends without a commit removes no backup."""
    for number in range(4):
        publish(out, {"a.json": b"%d" % number}, moment=NOON + timedelta(hours=number))
    with FileSet(out, BackupRules(keep=1)):
        pass
    assert len(list_backups(out)) == 3


# Listing, finding, restoring


def test_without_a_folder_there_are_no_backups(out):
    """Where nothing was ever replaced, the list is empty."""
    assert list_backups(out) == []


def test_only_what_is_named_as_ours_is_a_backup(out):
    """Other files in the folder, partial copies and impossible times are not listed."""
    publish(out, {"a.json": b"1"})
    publish(out, {"a.json": b"2"})
    for name in ("x", "a.json.backup.20261399_120000", "a.json.backup.20261121_120000.partial", "a.json.backup."):
        (out / "backups" / name).write_bytes(b"")
    (out / "backups/d.backup.20261121_120000").mkdir()
    (only,) = list_backups(out)
    assert (only.file, only.moment, only.size) == ("a.json", "20261121_120000", 1)
    assert datetime.fromisoformat(only.created_at) == NOON.astimezone()


@pytest.mark.parametrize("form", ["name", "in the directory", "absolute"])
def test_a_backup_is_found_by_name_and_by_path(out, form):
    """A backup is named as the list names it, by its path in the directory, or by any path."""
    publish(out, {"a.json": b"1"})
    (made,) = publish(out, {"a.json": b"2"}) and list_backups(out)
    name = {"name": made.path.name, "in the directory": f"backups/{made.path.name}", "absolute": str(made.path)}[form]
    assert find_backup(out, name).path == made.path


def test_a_backup_that_is_not_there_is_told_with_those_that_are(out):
    """The error names the folder and the newest backups."""
    publish(out, {"a.json": b"1"})
    publish(out, {"a.json": b"2"})
    with pytest.raises(FileError) as caught:
        restore(out, "b.json.backup.20200101_000000")
    assert "a.json.backup.20261121_120000" in str(caught.value.hint)


def test_restoring_publishes_the_backup_and_backs_up_what_it_replaces(out):
    """The file is as it was, and what it was before restoring is a backup too: restoring that undoes it."""
    publish(out, {"a.json": b"old"})
    publish(out, {"a.json": b"new"})
    (made,) = restore(out, list_backups(out)[0].path.name, clock=lambda: NOON)
    assert (out / "a.json").read_bytes() == b"old"
    assert made.backup is not None
    assert made.backup.read_bytes() == b"new"
    restore(out, made.backup.name)
    assert (out / "a.json").read_bytes() == b"new"


def test_files_beside_are_restored_as_they_were_at_that_moment(out):
    """Files that belong to the backup's come back with it: also those that changed in other runs, not those that never did."""
    publish(out, {"a.json": b"1", "side": b"1", "same": b"1"})
    publish(out, {"a.json": b"2"}, moment=NOON + timedelta(hours=1))
    publish(out, {"side": b"2"}, moment=NOON + timedelta(hours=2))
    publish(out, {"a.json": b"3", "side": b"3"}, moment=NOON + timedelta(hours=3))
    made = restore(out, "a.json.backup.20261121_130000", beside=["same", "side", "a.json", "none"])
    assert [one.name for one in made] == ["a.json", "side"]
    assert [(out / name).read_bytes() for name in ("a.json", "side", "same")] == [b"1", b"1", b"1"]


def test_a_removed_file_can_be_restored(out):
    """A backup of a file that is gone makes it again, as secret as it was."""
    publish(out, {"a.json": b"old"})
    (out / "a.json").chmod(0o600)
    publish(out, {"a.json": b"new"})
    (out / "a.json").unlink()
    (made,) = restore(out, list_backups(out)[0].path.name)
    assert made.backup is None
    assert (out / "a.json").read_bytes() == b"old"
    assert (out / "a.json").stat().st_mode & 0o7777 == 0o600
