"""What is installed: declared dependencies, the files that go along, and what a user finds in them."""

from __future__ import annotations

import ast
import re
import sys
from configparser import ConfigParser
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from json2db_sync.interfaces.cli.main import cli

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "json2db_sync"
SETUP = ConfigParser()
SETUP.read(ROOT / "setup.cfg", encoding="utf-8")


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def declared(section: str, key: str) -> set[str]:
    """The names of the requirements, without extras and versions."""
    return {normal(re.split(r"[\[>=<~!]", line)[0]) for line in SETUP[section][key].split()}


def imported_packages() -> set[str]:
    """The distributions of everything that is imported, in functions too."""
    nodes = [node for path in PACKAGE.rglob("*.py") for node in ast.walk(ast.parse(path.read_text("utf-8")))]
    names = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module for node in nodes if isinstance(node, ast.ImportFrom) and node.module and not node.level}
    ours = {"json2db_sync", "_typeshed"}  # the second is the type checker's
    tops = {name.partition(".")[0] for name in names} - set(sys.stdlib_module_names) - ours
    distributions = packages_distributions()
    return {normal(distributions[top][0]) for top in tops}


@pytest.mark.slow
def test_what_is_imported_is_declared() -> None:
    """setup.cfg names every package that is imported, and none that is not; psycopg comes with an extra."""
    always = declared("options", "install_requires")
    assert imported_packages() == always | declared("options.extras_require", "postgres")


def test_every_requirement_states_its_lowest_version() -> None:
    """So that .ci/lowest can install just these."""
    stated = SETUP["options"]["install_requires"] + SETUP["options.extras_require"]["postgres"]
    assert [one for one in stated.split() if not re.fullmatch(r"[\w-]+(\[\w+\])?>=\d+\.\d+\.\d+", one)] == []


def test_the_template_of_env_is_installed(capsys: pytest.CaptureFixture[str]) -> None:
    """``config example`` prints the file that a clone has at its top."""
    template = (ROOT / ".env.example").read_bytes()
    assert (PACKAGE / ".env.example").read_bytes() == template
    assert ".env.example" in SETUP["options.package_data"]["json2db_sync"]
    cli.main(["config", "example"], standalone_mode=False)
    assert capsys.readouterr().out == template.decode()


def test_the_readme_is_read_outside_of_a_clone() -> None:
    """Every link of the README leads below the address of setup.cfg (tests of pages follow it into the clone)."""
    source = re.search(r"Source = (\S+)", SETUP["metadata"]["project_urls"])
    assert source is not None
    text = (ROOT / "README.md").read_text("utf-8")
    addresses = dict(re.findall(r"^\[([^]\n]+)\]: (\S+)$", text, re.MULTILINE))
    assert set(re.findall(r"\]\[([^]]+)\]", text)) == set(addresses)
    assert "](" not in text
    assert addresses == {name: f"{source[1]}/blob/main/{name}" for name in addresses}


def test_the_licence_is_an_expression() -> None:
    """The metadata have License-Expression, which setuptools writes for this key only."""
    assert SETUP["metadata"]["license_expression"] == "MIT"
    assert "license" not in SETUP["metadata"]
