"""What the documentation says is so."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from json2db_sync import JSON2DBConfig, SyncRunner
from json2db_sync.config import CONFIG_FILE

ROOT = Path(__file__).parents[2]
BLOB = "https://github.com/json2db-sync/json2db_sync/blob/main/"
"""Where the README's links find the repository's files; test_package.py holds it against setup.cfg."""
PAGES = sorted([ROOT / "README.md", ROOT / "CHANGELOG.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")])
CONFIG_FILES = sorted((ROOT / "config").iterdir())
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Defaults only: no variable of ours, and a folder without a .env."""
    for name in list(os.environ):
        if name.startswith("JSON2DB_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def blocks(page: Path, language: str) -> list[str]:
    """The code blocks of a page in a language."""
    return [text for name, text in FENCE.findall(page.read_text("utf-8")) if name == language]


def named(pages: list[Path]) -> list[str]:
    return [page.name for page in pages]


def shown(value: object) -> str:
    """A default as the documentation writes it."""
    if value is None:
        return "unset"
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) else str(value)


def defaults() -> Iterator[tuple[str, str, str, str]]:
    """Section, setting, variable and default of every setting."""
    config = JSON2DBConfig()
    for setting in config.settings():
        section, name = setting.name.split(".")
        yield section, name, setting.variable, shown(getattr(getattr(config, section), name))


# .env.example


def env_entries() -> dict[str, tuple[bool, str, str]]:
    """Variable -> (active, value, the comment above) of .env.example."""
    found: dict[str, tuple[bool, str, str]] = {}
    comment: list[str] = []
    for line in (ROOT / ".env.example").read_text("utf-8").splitlines():
        match = re.fullmatch(r"(#?)(JSON2DB_[A-Z_]+)=(.*)", line)
        if match:
            assert match[2] not in found, f"{match[2]} is there twice"
            found[match[2]] = (not match[1], match[3], "\n".join(comment))
            comment = []
        elif line.startswith("# "):
            comment.append(line[2:])
        else:
            comment = []
    return found


def test_env_example_names_every_variable_and_no_other() -> None:
    """.env.example lists exactly the variables that the program knows."""
    assert set(env_entries()) == {variable for _s, _n, variable, _d in defaults()} | {CONFIG_FILE}


def test_env_example_says_every_default() -> None:
    """Each variable of .env.example stands below a comment that says its meaning and its default."""
    entries = env_entries()
    for _section, _name, variable, default in defaults():
        *meaning, last = entries[variable][2].split("\n")
        assert meaning, f"{variable} has no explanation"
        assert last == f"Default: {default}"


def test_env_example_can_be_used_as_it_is(tmp_path: Path) -> None:
    """Copied to .env unedited, it loads, finds sessions and plain folders alike, and draws no window."""
    (tmp_path / ".env").write_text((ROOT / ".env.example").read_text("utf-8"), "utf-8")
    config = JSON2DBConfig()
    assert config.data_source.type == "auto"
    assert config.processing.session_max_age is None
    assert {s.variable for s in config.settings() if s.origin == ".env"} == {
        "JSON2DB_API_SYNC_PATH",
        "JSON2DB_DATABASE_PATH",
    }


def test_env_example_loads_with_every_line_active(tmp_path: Path) -> None:
    """Every commented line holds a valid value once the mark is taken away."""
    lines = [
        f"{variable}={value}"
        for variable, (_active, value, _comment) in env_entries().items()
        if value != "unset" and variable != CONFIG_FILE
    ]
    (tmp_path / ".env").write_text("\n".join(lines), "utf-8")
    config = JSON2DBConfig()
    assert config.processing.session_max_age == 24
    assert config.processing.keys == {"playlist_track": ("PlaylistId", "TrackId")}


# config/


@pytest.mark.parametrize("path", CONFIG_FILES, ids=named(CONFIG_FILES))
def test_config_files_load(path: Path) -> None:
    """Each example of a configuration file loads."""
    config = JSON2DBConfig(config_file=path)
    assert any(setting.origin == str(path) for setting in config.settings())


@pytest.mark.parametrize("stem", ["development", "production"])
def test_config_files_agree(stem: str) -> None:
    """The JSON and the TOML example of the same name say the same."""
    one, other = (JSON2DBConfig(config_file=ROOT / "config" / f"{stem}.{kind}") for kind in ("json", "toml"))
    assert one.model_dump() == other.model_dump()


# Pages


def test_configuration_page_lists_every_setting() -> None:
    """The tables of configuration.md hold every setting with its variable and default, under its section."""
    section = ""
    found = set()
    for line in (ROOT / "docs/configuration.md").read_text("utf-8").splitlines():
        if heading := re.match(r"### `(\w+)`", line):
            section = heading[1]
        elif row := re.match(r"\| `(\w+)` \| `(\w+)` \| `?([^`|]+?)`? \| \S", line):
            found.add((section, row[1], row[2], row[3]))
    assert found == set(defaults())


@pytest.mark.parametrize("page", PAGES, ids=named(PAGES))
def test_python_blocks_compile(page: Path) -> None:
    """Every Python block of the documentation is valid Python."""
    for number, text in enumerate(blocks(page, "python"), 1):
        compile(text, f"{page.name}, block {number}", "exec")


def run_blocks(texts: list[str], folder: Path) -> str:
    """Runs blocks one after the other in a new process, in a folder that holds the example tree."""
    (folder / "docs").mkdir()
    shutil.copytree(ROOT / "docs/examples/api_sync", folder / "docs/examples/api_sync")
    (folder / "config").symlink_to(ROOT / "config")
    script = "\n".join(texts)
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=folder, capture_output=True, text=True, encoding="utf-8",
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8"}, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
def test_readme_script_runs(tmp_path: Path) -> None:
    """The README's script loads the example tree and prints what the README says it does."""
    text = (ROOT / "README.md").read_text("utf-8")
    match = re.search(r"^```python\n(.*?)^```$.*?^```text\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    assert match is not None
    assert run_blocks([match[1]], tmp_path) == match[2]


@pytest.mark.slow
def test_readme_shows_what_the_command_prints(tmp_path: Path) -> None:
    """The README's sample of the full workflow is what the command prints, but for times and the database's path."""
    (sample,) = blocks(ROOT / "README.md", "console")
    arguments = [
        "--data-source",
        str(ROOT / "docs/examples/api_sync"),
        "--db-path",
        "example.db",
        "--cutoff-days",
        "all",
    ]
    done = subprocess.run(
        [sys.executable, "-m", "json2db_sync", "full-workflow", *arguments], cwd=tmp_path, capture_output=True,
        text=True, encoding="utf-8", env={**os.environ, "PYTHONIOENCODING": "utf-8", "NO_COLOR": "1", "COLUMNS": "200"},
        timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr

    def comparable(text: str) -> list[str]:
        text = re.sub(r"[\d.]+ m?s\b", "TIME", text)
        return [re.sub(r"\S+example\.db", "DATABASE", line).rstrip() for line in text.strip().splitlines()]

    assert comparable(done.stdout) == comparable(sample)


@pytest.mark.slow
def test_quickstart_scripts_run(tmp_path: Path) -> None:
    """The quick start's scripts run against the example tree, with the figures that it names."""
    look, script = blocks(ROOT / "docs/quickstart.md", "python")
    output = run_blocks([script, look], tmp_path)
    assert "88 records read, 77 of them new" in output
    assert "json_invoices: 30 rows" in output


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    [
        "operations.md",
        "results.md",
        "fallback.md",
        "schedule.md",
        "status.md",
        "tables.md",
        "configuration.md",
        "validation.md",
    ],
)
def test_scripts_of_other_pages_run(name: str, tmp_path: Path) -> None:
    """The scripts of a page run one after the other; recipes that need data elsewhere are left out."""
    texts = [text for text in blocks(ROOT / "docs" / name, "python") if "JSON2DBSyncRunner()" not in text]
    assert texts
    run_blocks(texts, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "said"), [("databases.md", "events 60 True"), ("csv.md", "events 60 written")])
def test_scripts_about_databases_run(name: str, said: str, tmp_path: Path) -> None:
    """They move, compare and check the example of the page, or take it through files."""
    make = [sys.executable, str(ROOT / "docs/examples/application/make_database.py"), "planner.db"]
    subprocess.run(make, cwd=tmp_path, check=True, capture_output=True)
    assert said in run_blocks(blocks(ROOT / "docs" / name, "python"), tmp_path)


RECIPES = [text for text in blocks(ROOT / "docs/operations.md", "python") if "JSON2DBSyncRunner()" in text]


@pytest.mark.slow
@pytest.mark.parametrize("recipe", RECIPES)
def test_recipes_tell_whether_they_worked(recipe: str, tmp_path: Path) -> None:
    """A recipe loads a plain folder, named in the template of .env, and ends with 0; with no data it says why, and 1."""
    template = (ROOT / ".env.example").read_text("utf-8").replace("=../data/database/", "=")
    (tmp_path / ".env").write_text(template.replace("=../api_sync/data/sync_sessions", "=plain"), "utf-8")

    def run() -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", recipe], cwd=tmp_path, capture_output=True, text=True, encoding="utf-8",
            env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8"}, timeout=120, check=False,
        )  # fmt: skip

    failed = run()
    assert failed.returncode == 1
    assert "plain does not exist" in failed.stdout + failed.stderr
    assert "Traceback" not in failed.stderr
    source = ROOT / "docs/examples/api_sync/data/sync_sessions/sync_session_2026-11-01_08-00-00/raw_json"
    shutil.copytree(source / "2026-11-01_08-00-00", tmp_path / "plain")
    done = run()
    assert done.returncode == 0, done.stderr
    report = SyncRunner(db_path=tmp_path / "production.db").report()
    assert {entity.name: entity.record_count for entity in report.entities}["invoices"] == 25


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub and Sphinx make them."""
    titles = re.findall(r"^#+ (.+)$", FENCE.sub("", page.read_text("utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=named(PAGES))
def test_internal_links_lead_somewhere(page: Path) -> None:
    """Every link to a file of the repository names one that is there, and a heading in it."""
    text = FENCE.sub("", page.read_text("utf-8"))
    for target in re.findall(r"(?:\]\(|^\[[^]\n]+\]: )([^)\s]+)", text, re.MULTILINE):
        folder = ROOT if target.startswith(BLOB) else page.parent
        name, _, anchor = target.removeprefix(BLOB).partition("#")
        if "://" in name:
            continue
        path = (folder / name).resolve() if name else page
        assert path.exists(), f"{page.name}: {target}"
        if anchor:
            assert anchor in anchors(path), f"{page.name}: {target}"


def test_command_lines_of_readme_stand_alone() -> None:
    """Each of the README's two command lines makes the environment itself: one line each, nothing before."""
    lines = [line for text in blocks(ROOT / "README.md", "bash") for line in text.splitlines()]
    install = [line for line in lines if "pip install" in line and "&&" in line]
    assert len(install) == 2
    assert all(line.startswith("python3 -m venv .venv && .venv/bin/pip install -q ") for line in install)
    assert "full-workflow" in install[0]
    assert "pytest" in install[1]


def test_ci_runs_the_tests_of_the_readme() -> None:
    """.ci/run takes the README's second command line out of it, and the first one too."""
    lines = (ROOT / "README.md").read_text("utf-8").splitlines()
    script = (ROOT / ".ci" / "run").read_text("utf-8")
    taken = re.findall(r"grep -m 1 -e '([^']+)' README\.md", script)
    install = [line for line in lines if "pip install" in line and "&&" in line]
    found = {next(line for line in lines if pattern in line) for pattern in taken}
    assert found == set(install)


def test_changelog_names_this_version() -> None:
    """The changelog has an entry for the version that the package says it is."""
    from json2db_sync import __version__

    assert re.search(rf"^##+ \[?{re.escape(__version__)}\b", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.MULTILINE)


def test_security_names_tests_that_are_there() -> None:
    """Each promise of the page is held by them."""
    named = set(re.findall(r"`(test_\w+)", (ROOT / "docs/security.md").read_text("utf-8")))
    written = {
        name
        for path in (ROOT / "tests").rglob("*.py")
        for name in re.findall(r"def (test_\w+)", path.read_text("utf-8"))
    }
    assert len(named) > 30
    assert named <= written, named - written
