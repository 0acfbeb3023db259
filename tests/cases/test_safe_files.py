"""Nothing outside the folders that a user named is written because of what a file or a folder in them is."""

from __future__ import annotations

import json
import os
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from json2db_sync import SyncRunner
from json2db_sync.atomic_files import STAGING, BackupRules, FileSet
from json2db_sync.errors import FileError
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
