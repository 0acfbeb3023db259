"""Files that mean harm, and every operation over them.

Each case of :mod:`hostile_files` is a small world; its operations run one after the other in a watched process. What
holds of each: it ends, with a documented exit code and without a traceback; the process holds at most ``memory_limit``
and 100 MB more than one that has only imported the program; nothing outside of the working folder is made, altered or
opened, no address is asked; and what is printed holds no control characters and nothing of a file that nobody named.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest
from harness import Children, Outcome, children, run_case
from hostile_files import CANARY, CASES, Hostile, World, make_base, make_world, write

LIMIT = 64
"""MB of ``memory_limit``."""
BY_DAY = (
    "gzip_in_gzip gzip_of_one_text packs_cut_off sparse_file links_to_system_files links_to_devices "
    "pipes_as_data control_characters_in_names names_of_other_bytes names_like_sql long_names "
    "control_characters nul_characters lone_surrogates many_digits numbers_beyond keys_again keys_of_ours "
    "invalid_utf8 metadata_as_pipe metadata_too_large pattern_without_end reference_to_a_file "
    "references_outside schema_as_pipe journal_to_absolute_path rollback_removes_above journal_from_above "
    "journal_backup_above rollback_removes_backup journal_too_large journal_as_pipe staging_as_link "
    "state_folder_as_link gitignore_as_link exports_as_dangling_links confirmations_as_pipe "
    "export_schema_of_the_network export_schema_of_a_file export_metadata_as_pipe database_journal "
    "database_log_as_link plans_of_nonsense plans_of_other_tables ledger_of_control_characters "
    "dotenv_as_pipe settings_of_control_characters database_backups "
)
"""Of each kind some; the slow tests take more."""


@dataclass
class Attack:
    """What cases are run with."""

    children: Children
    folder: Path
    base: Path
    port: int
    requests: list[str]

    def on(
        self, case: Hostile, *, memory_limit: int = LIMIT, brief: bool = False, database: str = "db.sqlite"
    ) -> Outcome:
        """Make the case's world, run its operations, and take it away again."""
        world = make_world(case, self.folder, self.base, self.port)
        outcome = run_case(
            self.children, world, case, memory_limit=memory_limit, brief=brief, timeout=60, database=database
        )
        outcome.problems += [f"asked for {path}" for path in self.requests]
        self.requests.clear()
        shutil.rmtree(world.path)
        return outcome

    def on_all(self, some: Collection[Hostile], *, brief: bool = False) -> dict[str, list[str]]:
        """What was wrong, by case."""
        found = {case.name: self.on(case, brief=brief).problems for case in some}
        return {name: problems for name, problems in found.items() if problems}


@pytest.fixture(scope="module")
def attack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Attack]:
    requests: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            requests.append(self.path)
            self.send_error(404)

        def log_message(self, format: str, *args: object) -> None:
            pass

    folder = tmp_path_factory.mktemp("hostile").resolve()
    with HTTPServer(("127.0.0.1", 0), Handler) as web, children() as server:
        Thread(target=web.serve_forever, daemon=True).start()
        yield Attack(server, folder, make_base(folder / "base"), web.server_port, requests)
        web.shutdown()


def cases(*areas: str, slow: bool) -> list[Hostile]:
    return [one for one in CASES.values() if one.area in areas and one.slow == slow]


def test_there_are_many_cases() -> None:
    assert len(CASES) >= 120
    assert {one.area for one in CASES.values()} == {
        "source",
        "schemas",
        "export",
        "database",
        "config",
        "backups",
        "exported backups",
    }


def _harmless(world: World) -> None:
    write(world.source / "things.json", '[{"id": 1, "name": "x"}]')


@pytest.mark.parametrize(
    ("harm", "says"),
    [
        (lambda world: world.source.joinpath("things.json").write_text(f'"{CANARY}"'), "shows a file of others"),
        (lambda world: os.symlink(world.victim / "things.json", world.source / "more.json"), "reached open"),
    ],
)
def test_the_harness_sees_what_is_wrong(attack: Attack, harm: object, says: str) -> None:
    """It is of use only if it can fail."""

    def make(world: World) -> None:
        _harmless(world)
        harm(world)  # type: ignore[operator]

    case = Hostile("honest", "source", "", _harmless)
    assert attack.on(case, brief=True).problems == []
    assert any(says in problem for problem in attack.on(replace(case, make=make), brief=True).problems)


@pytest.mark.parametrize("name", BY_DAY.split())
def test_some_of_each_kind(attack: Attack, name: str) -> None:
    assert attack.on(CASES[name], brief=True).problems == []


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_every_operation_over_exports(attack: Attack) -> None:
    assert attack.on_all(cases("export", slow=False)) == {}


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_every_operation_over_databases(attack: Attack) -> None:
    assert attack.on_all(cases("database", slow=False)) == {}


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_schemas_and_settings(attack: Attack) -> None:
    assert attack.on_all(cases("schemas", "config", slow=False), brief=True) == {}


SOURCES = (
    "xz_with_needless_dictionary zstd_with_large_window blanks links_to_nothing links_to_folders deep_folders "
    "sockets_and_folders_as_data device_names bidi_names names_like_code names_of_ours xz_with_large_dictionary sparse_text "
)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_sources(attack: Attack) -> None:
    assert attack.on_all([CASES[name] for name in SOURCES.split()], brief=True) == {}
