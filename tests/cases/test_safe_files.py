"""Nothing outside the folders that a user named is written because of what a file or a folder in them is."""

from __future__ import annotations

import json
import os
import re
import shutil
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from json2db_sync import JSON2DBConfig, SyncRunner
from json2db_sync.atomic_files import STAGING, BackupRules, FileSet
from json2db_sync.config.writing import write_setting
from json2db_sync.errors import ConfigurationError, FileError, SyncError
from json2db_sync.results import ExportResult

POSIX = pytest.mark.skipif(sys.platform == "win32", reason="modes and owners are those of POSIX")
MOMENT = "20261121_120000Z"


class World:
    """A database, the folder of its exports, and files of the user beside them that nothing may touch."""

    def __init__(self, base: Path) -> None:
        self.base = base
        self.data = base / "data"
        self.staging = self.data / STAGING
        self.victims = base / "victims"
        self.victims.mkdir()
        for name in ("keep.json", "other.json"):
            (self.victims / name).write_text("precious")
        (base / "in").mkdir()
        (base / "in/things.json").write_text('[{"id": 1, "a": "x"}]')
        self.database = base / "my.db"
        assert SyncRunner(self.database, base / "in").populate().success

    def export(self, **settings: object) -> ExportResult:
        config = self.base / "config.json"
        config.write_text(json.dumps({"export": settings}))
        return SyncRunner(self.database, config_file=config).export(output_directory=self.data)

    def change(self) -> None:
        """So that the next export has something to write."""
        with closing(sqlite3.connect(self.database)) as connection, connection:
            connection.execute("UPDATE json_things SET a = a || 'x'")

    def forged(self, journal: str, content: object, *, staged: tuple[str, ...] = ()) -> None:
        (self.staging / "new").mkdir(parents=True, exist_ok=True)
        (self.staging / journal).write_text(content if isinstance(content, str) else json.dumps(content))
        for name in staged:
            (self.staging / "new" / name).write_text("forged")

    def outside(self) -> dict[str, tuple[str, int]]:
        return {str(one): (one.read_text(), one.stat().st_ino) for one in self.victims.iterdir()}

    def inside(self) -> dict[str, bytes]:
        there = (one for one in self.data.rglob("*") if one.is_file() and one.name not in ("lock", ".gitignore"))
        return {str(one.relative_to(self.data)): one.read_bytes() for one in there}


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """Afterwards the user's files are as they were."""
    made = World(tmp_path)
    before = made.outside()
    yield made
    assert made.outside() == before


def refused(result: ExportResult, reason: str) -> str:
    assert (result.success, result.error_type, result.reason) == (False, "file_error", reason), result
    assert result.hint
    return result.error or ""


# S1 and S19: journals


def rows(world: World) -> dict[str, list[object]]:
    """Lines of a journal as former versions wrote it, each with one foreign path."""
    victim, staged, target = str(world.victims / "keep.json"), f"{STAGING}/new/things.json", "things.json"
    backup = f"backups/things.json.backup.{MOMENT}"
    return {
        "target": [staged, victim, None],
        "target above": [staged, "../victims/keep.json", None],
        "target by way of a folder": [staged, f"{STAGING}/../../victims/keep.json", None],
        "source": [victim, target, None],
        "source above": ["../victims/keep.json", target, None],
        "backup": [staged, target, victim],
        "backup above": [staged, target, "../victims/keep.json"],
        "backup by name": [staged, target, f"../victims/things.json.backup.{MOMENT}"],
        "another of ours": [backup, target, None],
        "a database": [f"{STAGING}/new/my.db", "my.db", None],
        "a folder": [f"{STAGING}/new", "backups", None],
        "moment": [staged, target, "backups/things.json.backup.../../../victims/keep.json"],
        "nothing": ["nothing", victim, None],
        "no text": [1, 2, 3],
        "short": [staged],
    }


FORMER = (
    "target", "target above", "target by way of a folder", "source", "source above", "backup", "backup above",
    "backup by name", "another of ours", "a database", "a folder", "moment", "nothing", "no text", "short",
)  # fmt: skip


@pytest.mark.parametrize("row", FORMER)
@pytest.mark.parametrize("journal", ["commit.json", "rollback.json"])
def test_s1_s19_no_column_of_a_journal_leads_anywhere_else(world: World, journal: str, row: str) -> None:
    """A line with a path of its own is refused, in every column; nothing is touched."""
    world.export()
    world.forged(journal, [rows(world)[row]], staged=("things.json", "my.db"))
    (world.data / "my.db").write_text("a database of the user")
    before = world.inside()
    assert str(world.staging / journal) in refused(world.export(), "damaged_journal")
    assert world.inside() == before


NAMES = (
    "/etc/x.json", "../victims/keep.json", "..", ".", "", "sub/x.json", "sub\\x.json", "C:x.json", "x\0.json", "my.db",
    STAGING, "\ud800.json", "x" * 300 + ".json", "x\n.json",
)  # fmt: skip


@pytest.mark.parametrize("name", NAMES, ids=range(len(NAMES)))
@pytest.mark.parametrize("journal", ["commit.json", "rollback.json"])
def test_s1_a_journal_holds_plain_names(world: World, journal: str, name: str) -> None:
    """Of files that are published; moments by their pattern; backups where they are now."""
    world.export()
    for files, backups in (({name: None}, "backups"), ({name: MOMENT}, "backups")):
        world.forged(journal, {"backups": backups, "files": files}, staged=("my.db",))
        before = world.inside()
        refused(world.export(), "damaged_journal")
        assert world.inside() == before


@pytest.mark.parametrize(
    "content",
    [
        {"backups": "../victims", "files": {"things.json": MOMENT}},
        {"backups": "backups", "files": {"things.json": "../../victims/keep.json"}},
        {"backups": "backups", "files": {"things.json": MOMENT + "/x"}},
        {"backups": "backups", "files": {"things.json": 1}},
        {"backups": "backups", "files": ["things.json"]},
        {"files": {}},
        {},
        7,
        None,
        "[" * 100_000,
        "\xff{",
    ],
    ids=range(11),
)
def test_s1_a_journal_that_does_not_fit_is_refused(world: World, content: object) -> None:
    """Whatever stands in it: an error that says what to do, and nothing is touched."""
    world.export()
    world.forged("commit.json", content, staged=("things.json",))
    before = world.inside()
    assert "journal" in refused(world.export(), "damaged_journal")
    assert world.inside() == before


@POSIX
@pytest.mark.parametrize("place", ["staged", "backup"])
def test_s19_links_that_a_journal_names_are_refused(world: World, place: str) -> None:
    """Neither does a link come out as an exported file, nor is what it leads to taken for a backup."""
    world.export()
    world.forged("commit.json" if place == "staged" else "rollback.json",
                 {"backups": "backups", "files": {"things.json": MOMENT}})  # fmt: skip
    link = (
        world.staging / "new/things.json" if place == "staged" else world.data / f"backups/things.json.backup.{MOMENT}"
    )
    link.parent.mkdir(exist_ok=True)
    link.symlink_to(world.victims / "keep.json")
    before = world.inside()
    refused(world.export(), "damaged_journal")
    assert world.inside() == before


@pytest.mark.parametrize("form", ["now", "former"])
def test_s1_what_a_killed_run_began_is_ended_still(world: World, form: str) -> None:
    """Journals of ours, and those of former versions, are carried out."""
    world.data.mkdir()
    (world.data / "a.json").write_text("old")
    written = {
        "now": {"backups": "backups", "files": {"a.json": MOMENT, "b.json": None}},
        "former": [
            [f"{STAGING}/new/a.json", "a.json", f"backups/a.json.backup.{MOMENT}"],
            [f"{STAGING}/new/b.json", "b.json", None],
        ],
    }
    world.forged("commit.json", written[form], staged=("a.json", "b.json"))
    with FileSet(world.data) as files:
        assert [note.code for note in files.notes] == ["commit_finished"]
    assert {name: text.decode() for name, text in world.inside().items()} == {
        "a.json": "forged", "b.json": "forged", f"backups/a.json.backup.{MOMENT}": "old"
    }  # fmt: skip


def test_s1_backups_moved_since_a_run_was_killed_are_asked_for(world: World) -> None:
    """A journal is carried out with the folder of backups that it was begun with, or not at all."""
    world.data.mkdir()
    world.forged("rollback.json", {"backups": "backups", "files": {"a.json": MOMENT}})
    with (
        pytest.raises(FileError, match="backups were in 'backups'"),
        FileSet(world.data, BackupRules(world.base / "b")),
    ):
        pass


# S2: links and folders that are not ours

FOLDERS = (STAGING, f"{STAGING}/new", ".json2db", "backups")


@POSIX
@pytest.mark.parametrize("inside", [False, True], ids=["absolute", "relative"])
@pytest.mark.parametrize("name", FOLDERS)
def test_s2_a_link_in_place_of_a_folder_of_ours_is_refused(world: World, name: str, inside: bool) -> None:
    """It is named, and neither is anything made or removed where it leads."""
    (world.victims.parent / "decoy").mkdir()
    link = world.data / name
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(os.path.relpath(world.victims, link.parent) if inside else world.victims)
    (world.data / "things.json").write_text("[]")
    error = refused(world.export(), "not_ours")
    assert str(link) in error
    assert (world.data / "things.json").read_text() == "[]"


ENTRIES = (
    f"{STAGING}/lock", f"{STAGING}/holder.json", f"{STAGING}/commit.json", f"{STAGING}/rollback.json",
    f"{STAGING}/.gitignore", f"{STAGING}/x.partial", ".json2db/confirmed.json", ".json2db/.gitignore",
)  # fmt: skip


@POSIX
@pytest.mark.parametrize("dangling", [False, True], ids=["to a file", "to nothing"])
@pytest.mark.parametrize("name", ENTRIES)
def test_s2_a_link_in_a_folder_of_ours_is_refused(world: World, name: str, dangling: bool) -> None:
    """By its name; what it leads to is neither made nor changed."""
    link = world.data / name
    link.parent.mkdir(parents=True)
    link.symlink_to(world.victims / ("new.json" if dangling else "keep.json"))
    assert str(link) in refused(world.export(), "not_ours")
    assert not (world.data / "things.json").exists()


@POSIX
def test_s2_a_pipe_in_a_folder_of_ours_is_refused_at_once(world: World) -> None:
    """Nothing waits for it."""
    world.staging.mkdir(parents=True)
    os.mkfifo(world.staging / "holder.json")
    assert "is a pipe" in refused(world.export(), "not_ours")


@POSIX
@pytest.mark.parametrize("name", [STAGING, ".json2db", "backups"])
def test_s2_a_folder_that_others_may_write_is_refused(world: World, name: str) -> None:
    """What is in it may be theirs. One whose folder they may write as well gives them nothing new."""
    folder = world.data / name
    folder.mkdir(parents=True)
    folder.chmod(0o777)
    assert f"{folder} can be written by others" in refused(world.export(), "not_ours")
    world.data.chmod(0o777)
    assert world.export().success


@POSIX
def test_s2_folders_of_a_group_are_as_good_as_before(world: World) -> None:
    """An umask of 002, and a folder that a group shares."""
    world.staging.mkdir(parents=True)
    world.staging.chmod(0o775)
    assert world.export().success
    world.data.chmod(0o2775)
    world.change()
    assert world.export().success


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root may give files away")
def test_s2_a_folder_of_another_user_is_refused(world: World) -> None:
    """Unless that user owns the folder above: root works in users' folders."""
    world.staging.mkdir(parents=True)
    os.chown(world.staging, 1234, 1234)
    assert "belongs to another user" in refused(world.export(), "not_ours")
    os.chown(world.data, 1234, 1234)
    assert world.export().success


@POSIX
@pytest.mark.parametrize("target", ["{victims}/keep.json", "../victims/keep.json", "{victims}/new.json"])
def test_s2_a_data_file_that_leads_out_of_the_folder_is_refused(world: World, target: str) -> None:
    """With link, target, and what to do; where a setting says so, it is written through."""
    world.data.mkdir()
    link = world.data / "things.json"
    link.symlink_to(target.format(victims=world.victims))
    result = world.export()
    error = refused(result, "link_leads_outside")
    assert str(link) in error
    assert str(link.resolve()) in error
    assert "export.follow_links = true" in (result.hint or "")
    assert {one.name for one in world.data.iterdir()} == {"things.json", STAGING}


@POSIX
def test_s2_a_foreign_file_is_not_read_as_an_export(world: World) -> None:
    """Neither to be checked nor to answer in place of the database: an error would quote it."""
    foreign = world.base / "foreign.json"
    foreign.write_text("SECRET = 1")
    world.data.mkdir()
    (world.data / "things.json").symlink_to(foreign)
    runner = SyncRunner(world.database, config=JSON2DBConfig(fallback={"directory": world.data}))
    for mode in ("check", "verify_only"):
        assert "SECRET" not in refused(runner.export(output_directory=world.data, **{mode: True}), "link_leads_outside")
    world.database.unlink()
    with pytest.raises(SyncError, match="is a link to") as error:
        list(runner.read("things"))
    assert "SECRET" not in str(error.value)


@POSIX
def test_s2_links_are_followed_where_a_setting_says_so(tmp_path: Path) -> None:
    """The link stays one."""
    world = World(tmp_path)
    world.data.mkdir()
    (world.data / "things.json").symlink_to(world.victims / "keep.json")
    assert world.export(follow_links=True).success
    assert (world.data / "things.json").is_symlink()
    assert json.loads((world.victims / "keep.json").read_text())["things"]


@POSIX
@pytest.mark.parametrize("target", [".git/config", ".env", f"{STAGING}/lock", "backups/old.json"])
def test_s2_a_data_file_does_not_lead_to_settings_or_to_backups(world: World, target: str) -> None:
    """Such a file is in the folder, and is not for exports."""
    file = world.data / target
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("mine")
    (world.data / "things.json").symlink_to(target)
    refused(world.export(), "link_leads_outside")
    assert file.read_text() == "mine"


@POSIX
def test_s2_a_link_within_the_folder_is_written_through(world: World) -> None:
    """Its backup bears the link's name."""
    (world.data / "sub").mkdir(parents=True)
    (world.data / "sub/real.json").write_text("old")
    (world.data / "things.json").symlink_to("sub/real.json")
    (done,) = world.export().files
    assert (world.data / "things.json").is_symlink()
    assert (done.backup or "").rpartition("/")[2].startswith("things.json.backup.")
    assert [one.name for one in (world.data / "sub").iterdir()] == ["real.json"]


@POSIX
def test_s2_strays_are_not_looked_for_behind_links_out_of_the_folder(world: World) -> None:
    """A file that is named as ours are, beside what a link leads to, is left alone."""
    stray = world.victims / f".keep.json{STAGING}"
    stray.write_text("precious")
    world.data.mkdir()
    (world.data / "x.json").symlink_to(world.victims / "keep.json")
    assert world.export().success
    assert stray.read_text() == "precious"
    stray.unlink()


@POSIX
def test_s2_backups_that_are_links_are_none(world: World) -> None:
    """They are neither listed nor restored."""
    world.export()
    world.change()
    assert world.export().success
    link = world.data / f"backups/things.json.backup.{MOMENT}"
    link.symlink_to(world.victims / "keep.json")
    runner = SyncRunner(world.database)
    assert link.name not in {one.name for one in runner.json_backups(world.data).backups}
    assert runner.restore_json(link.name, world.data).reason == "unknown_backup"


@POSIX
def test_s2_a_folder_of_backups_that_the_user_named_may_be_a_link(world: World) -> None:
    """It is the user who says where they are."""
    (world.base / "real").mkdir()
    (world.base / "named").symlink_to("real")
    for _ in range(2):
        assert world.export(backup_directory=str(world.base / "named")).success
        world.change()
    assert len(list((world.base / "real").iterdir())) == 1


@POSIX
def test_s2_a_lock_that_is_a_link_is_refused(world: World) -> None:
    """That of a database, beside it."""
    (world.base / "my.db.lock").unlink()
    (world.base / "my.db.lock").symlink_to(world.victims / "keep.json")
    result = SyncRunner(world.database, world.base / "in").populate()
    assert (result.success, result.reason) == (False, "cannot_lock")
    assert "is a link to" in (result.error or "")


@POSIX
def test_s2_a_link_in_place_of_a_databases_backups_is_refused(world: World) -> None:
    """No copy of the database lies where somebody's link leads."""
    (world.base / "backups").symlink_to(world.victims)
    result = SyncRunner(world.database).backup()
    assert (result.success, result.reason) == (False, "not_ours")


@POSIX
def test_s2_an_umask_of_0_gives_nobody_our_folders(world: World) -> None:
    """Nor does the next run refuse what the first made."""
    world.data.mkdir(0o755)
    before = os.umask(0)
    try:
        for _ in range(3):
            assert world.export().success
            assert SyncRunner(world.database).backup().success
            world.change()
    finally:
        os.umask(before)
    for folder in (world.staging, world.data / "backups", world.data / ".json2db", world.base / "backups"):
        assert not folder.stat().st_mode & stat.S_IWOTH


@POSIX
def test_s2_leftovers_are_not_looked_for_where_a_link_leads(world: World) -> None:
    """Of a database whose folder of backups is a link; that of exports is not listed."""
    stray = world.victims / ".my.2026-11-21_120000Z.db.partial"
    stray.write_text("precious")
    (world.base / "backups").symlink_to(world.victims)
    world.data.mkdir()
    (world.data / "backups").symlink_to(world.victims)
    assert SyncRunner(world.database, world.base / "in").populate().success
    assert stray.read_text() == "precious"
    stray.unlink()
    assert SyncRunner(world.database).json_backups(world.data).reason == "not_ours"


@POSIX
def test_s2_settings_are_not_written_where_a_link_leads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file of settings that nobody named, in whatever folder one works in."""
    (tmp_path / "victim").write_text("precious")
    (tmp_path / "work").mkdir()
    (tmp_path / "work/.env").symlink_to("../victim")
    monkeypatch.chdir(tmp_path / "work")
    with pytest.raises(ConfigurationError, match="is a link to") as error:
        write_setting('export.format = "ndjson"', None)
    assert 'export.format = "ndjson"' in (error.value.hint or "")
    assert (tmp_path / "victim").read_text() == "precious"


@POSIX
def test_s13_a_log_that_is_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    """Nobody reads it: that is an error."""
    os.mkfifo(tmp_path / "log")
    words = [sys.executable, "-m", "json2db_sync", "config", "show", "--log-file", str(tmp_path / "log")]
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=30)
    assert (done.returncode, "cannot write the log file" in done.stderr) == (2, True), done


# S5 and S15: modes

RECORDED = """
import json, os, stat, sys
from pathlib import Path
base, seen, wide, codes = Path(sys.argv[1]).resolve(), [], {}, []
busy = False

def hook(event, arguments):
    global busy
    if busy or event not in ("open", "os.rename", "os.remove", "os.link", "os.chmod", "os.mkdir", "sqlite3.connect"):
        return
    busy = True
    try:
        written = event == "open" and (arguments[2] or 0) & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
        if written and isinstance(arguments[0], (str, bytes)):
            seen.append([os.path.abspath(os.fsdecode(arguments[0])), arguments[2]])
        for folder, _folders, files in os.walk(base):
            for file in (os.path.join(folder, name) for name in files):
                mode = stat.S_IMODE(os.lstat(file).st_mode)
                if mode & 0o077:
                    wide[file] = oct(mode)
    finally:
        busy = False

from json2db_sync.interfaces.cli.main import main
os.umask(0o022)
sys.addaudithook(hook)
for words in json.loads(sys.argv[2]):
    words = [str(next(base.glob(word))) if "*" in word else word for word in words]
    codes.append(main(words))
hook("os.mkdir", ())
Path(sys.argv[3]).write_text(json.dumps({"seen": seen, "wide": wide, "codes": codes}))
"""


def commands(base: Path) -> list[list[str]]:
    """Command lines that write, one after the other, each below this folder."""
    at, source, log = ["--db-path", f"{base}/my.db"], ["--data-source", f"{base}/in"], ["--log-file", f"{base}/log.txt"]
    return [
        ["populate", *at, *source, *log],
        ["export", *at, "--output-directory", f"{base}/data", *log],
        ["export", *at, "--output-directory", f"{base}/data", "--format", "ndjson", "--gzip"],
        ["export", *at, "--output-directory", f"{base}/data", "--pretty", "--format", "array"],
        ["rejected", "export", *at, "--output", f"{base}/rejected.ndjson"],
        ["schema", "infer", *at, *source, "--output", f"{base}/schemas"],
        ["backup", *at],
        ["restore", *at, "--yes", "backups/my.*.db"],
        ["restore", "--db-path", f"{base}/again.db", "--yes", "backups/my.*.db"],
    ]


@pytest.fixture
def private(tmp_path: Path) -> Path:
    """A database and its sources that only their owner may read."""
    base = tmp_path / "base"
    (base / "in").mkdir(parents=True)
    (base / "my.db").touch(0o600)
    (base / "in/things.json").write_text('[{"id": 1, "a": "x"}, [3]]')
    (base / "in/things.json").chmod(0o600)
    return base


def recorded(base: Path, prefix: tuple[str, ...] = ()) -> dict[str, object]:
    found = base.parent / "found.json"
    words = [*prefix, sys.executable, "-c", RECORDED, str(base), json.dumps(commands(base)), str(found)]
    environment = {**os.environ, "XDG_STATE_HOME": str(base / "state")}
    done = subprocess.run(words, capture_output=True, text=True, check=False, env=environment, cwd=base.parent)
    assert found.exists(), done.stderr
    return dict(json.loads(found.read_text()))


@POSIX
def test_s5_what_is_made_of_a_private_database_is_private_from_the_first_byte(private: Path) -> None:
    """Looked at whenever a file is opened, renamed or removed: backups, exports, rejected records, logs, schemas."""
    found = recorded(private)
    assert found["codes"] == [3, 0, 0, 0, 0, 0, 0, 0, 0]
    assert {Path(name).name for name in dict(found["wide"])} <= {".gitignore", "again.db.lock"}  # type: ignore[call-overload]
    for name in ("my.db", "again.db", "rejected.ndjson", "log.txt", "schemas/things.schema.json", "data/things.json"):
        assert stat.S_IMODE((private / name).stat().st_mode) == 0o600, name


@POSIX
def test_s15_each_file_that_is_opened_for_writing_is_new_and_is_no_link(private: Path) -> None:
    """But locks, the log and what we have just made; and each is in a folder that was named, under no name to guess."""
    seen = list(recorded(private)["seen"])  # type: ignore[call-overload]
    made = [Path(name) for name, flags in seen if flags & os.O_CREAT and not flags & os.O_EXCL]
    assert {path.name for path in made} <= {"log.txt", "lock", "my.db.lock", "again.db.lock"}
    for name, flags in seen:
        path = Path(name)
        assert path.is_relative_to(private) or path == Path(os.devnull) or "/tmp" in name, name
        assert flags & os.O_NOFOLLOW or path.name == "log.txt" or path == Path(os.devnull), name
    partial = {Path(name).name for name, _flags in seen if name.endswith(".partial")}
    assert len(partial) > 5
    assert all(len(name.split(".")[-2]) == 12 for name in partial), partial


@POSIX
@pytest.mark.slow
def test_s5_what_the_system_sees_is_private(private: Path) -> None:
    """SQLite's own files, too: no call makes a file that others may read, or widens one."""
    if shutil.which("strace") is None:
        pytest.skip("strace is not installed here")
    log = private.parent / "calls.txt"
    recorded(private, ("strace", "-f", "-qq", "-e", "trace=open,openat,creat,chmod,fchmod,fchmodat", "-o", str(log)))
    made = re.findall(r'openat?\([^"]*"([^"]+)", (\S*O_CREAT\S*), 0(\d+)\)', log.read_text())
    inside = [(path, flags, int(mode, 8)) for path, flags, mode in made if path.startswith(str(private))]
    assert {Path(path).name for path, _flags, _mode in inside} >= {"my.db-wal", "log.txt", "lock"}
    known = {f"{private}/my.db", f"{private}/again.db.lock"}  # it is empty, and there before its database
    for path, flags, mode in inside:
        assert path in known or not mode & 0o077 or path.endswith(".gitignore"), (path, flags, mode)
        known.add(path)
    assert not re.findall(r'f?chmod(?:at)?\([^,]+(?:, "[^"]*")?, 0\d*[1-7]\d\)', log.read_text())


@POSIX
@pytest.mark.parametrize("mode", [0o600, 0o640, 0o644, 0o604])
def test_s5_new_files_are_no_wider_than_the_database(world: World, mode: int) -> None:
    """Nor than the umask lets them; what is replaced keeps its mode."""
    world.database.chmod(mode)
    before = os.umask(0o022)
    try:
        result = world.export()
    finally:
        os.umask(before)
    assert result.success
    for name in ("things.json", "things.schema.json", ".json2db/confirmed.json", f"{STAGING}/lock"):
        assert stat.S_IMODE((world.data / name).stat().st_mode) == mode, name
    (world.data / "things.json").chmod(0o604)
    world.change()
    assert world.export().success
    assert stat.S_IMODE((world.data / "things.json").stat().st_mode) == 0o604


@POSIX
def test_s5_a_group_that_shares_a_folder_writes_on(world: World) -> None:
    """SQLite makes its file 0644 whatever the umask is; exports of those who share a folder are the group's."""
    world.database.chmod(0o644)
    before = os.umask(0o002)
    try:
        assert world.export().success
    finally:
        os.umask(before)
    for name in ("things.json", f"{STAGING}/lock"):
        assert stat.S_IMODE((world.data / name).stat().st_mode) == 0o664, name


@POSIX
def test_s15_strays_of_killed_runs_are_swept(world: World) -> None:
    """Whatever stands in their names, and links among them are removed as links."""
    world.export()
    world.change()
    assert world.export().success
    strays = [world.staging / ".0123456789ab.partial", world.data / "backups/.new.backup.0123456789ab.partial"]
    for stray in strays:
        stray.write_text("half")
    link = world.data / "backups/.new.backup.ba9876543210.partial"
    link.symlink_to(world.victims / "keep.json")
    left = world.base / "backups/.my.2026-11-21_120000Z.db.0123456789ab.partial"
    left.parent.mkdir(exist_ok=True)
    left.write_text("half")
    assert world.export().success
    assert SyncRunner(world.database).backup().success
    assert not [stray for stray in (*strays, link, left) if os.path.lexists(stray)]


# S14: names of devices


@pytest.mark.parametrize("name", ["con", "nul", "com1", "lpt9", "aux", "prn"])
def test_s14_an_entity_that_is_called_as_a_device_can_be_taken_to_windows(tmp_path: Path, name: str) -> None:
    """Its files bear another name, and load again as the same entity."""
    (tmp_path / "in").mkdir()
    (tmp_path / f"in/{name.upper()}.json").write_text('[{"id": 1}]')
    runner = SyncRunner(tmp_path / "a.db", tmp_path / "in")
    assert runner.populate().success
    assert runner.export(output_directory=tmp_path / "out").success
    stems = {one.name.partition(".")[0].lower() for one in (tmp_path / "out").iterdir() if one.is_file()}
    assert stems == {f"{name}_"}
    again = SyncRunner(tmp_path / "again" / "a.db", tmp_path / "out")
    loaded = again.populate()
    assert [(one.entity, one.inserted) for one in loaded.files] == [(name, 1)]
    assert again.export(output_directory=tmp_path / "out", check=True).files[0].status == "unchanged"
