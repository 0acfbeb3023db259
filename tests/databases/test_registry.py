"""Which databases there are is known in one place, and nothing outside asks which one it has."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

import json2db_sync
from json2db_sync.databases import NAMES, class_of, database_class
from json2db_sync.databases.base import Database

PACKAGE = Path(json2db_sync.__file__).parent
OUTSIDE = [path for path in PACKAGE.rglob("*.py") if PACKAGE / "databases" not in path.parents]
NAME = re.compile(r"(sqlite|postgres|postgresql)([+:].*)?", re.IGNORECASE)


@pytest.mark.parametrize("name", NAMES)
def test_a_database_is_found_by_its_name(name):
    """What stands in the registry is a database, and says so itself under the same name."""
    found = database_class(name)
    assert issubclass(found, Database)
    assert found.capabilities.name == name
    assert found.dialect().name == name


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("x.db", "sqlite"), ("C:\\x.db", "sqlite"), ("sqlite:///x.db", "sqlite"), ("postgres://h/x", "postgresql"),
        ("postgresql://h:port/x", "postgresql"), ("postgresql+psycopg://h/x", "postgresql"), ("mysql://h/x", None),
    ],
)  # fmt: skip
def test_what_a_user_writes_names_a_database(written, name):
    """By the scheme alone, whether the rest is right or not."""
    found = class_of(written)
    assert (found.capabilities.name if found else None) == name


def test_a_driver_is_imported_only_where_it_is_used():
    """Neither the registry nor an SQLite database needs the driver of another."""
    code = (
        "import sys; from json2db_sync.databases import NAMES, open_database; assert 'sqlalchemy' not in sys.modules;"
        "open_database('x.db'); assert 'psycopg' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


@pytest.mark.parametrize("path", OUTSIDE, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_nothing_outside_asks_which_database_it_is(path):
    """No module of one database is imported, no name of one is spelled: that is what capabilities are for."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom | ast.Import):
            names = [f"{getattr(node, 'module', '') or ''}.{one.name}" for one in node.names]
            assert not [name for name in names if re.search(r"databases\.(sqlite|postgresql)", name)], node.lineno
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            assert not NAME.fullmatch(node.value), f"line {node.lineno}: {node.value!r}"
