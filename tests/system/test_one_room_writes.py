"""``atomic_files/`` alone opens files for writing, replaces and removes them: it looks at what it writes to."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "json2db_sync"
ROOM = PACKAGE / "atomic_files"
FILES = sorted(path for path in PACKAGE.rglob("*.py") if ROOM not in path.parents)

ALLOWED = {
    ("export/sorting.py", "tempfile.TemporaryFile"): "has no name: parts of what is sorted",
    ("databases/outcome_counter.py", "tempfile.TemporaryFile"): "has no name: keys beyond memory",
    ("databases/spillable_values.py", "tempfile.SpooledTemporaryFile"): "has no name: values beyond memory",
    (
        "databases/sqlite_backups.py",
        "sqlite3.connect",
    ): "SQLite opens its files itself; copies are made in a file of ours",
    (
        "transfer/checking.py",
        "from tempfile import TemporaryDirectory",
    ): "private, under a name that nobody knows, and gone at once: SQLite needs a file",
    ("interfaces/terminal/console.py", "os.open"): "the null device",
    ("interfaces/cli/operations.py", "os.open"): "the null device",
    ("interfaces/cli/logs.py", "class _LogFile"): "opens its file by atomic_files",
    ("interfaces/cli/operations.py", "open"): "a standard stream, by its number",
}
"""What else writes, and why it may."""

METHODS = {
    "write_text", "write_bytes", "touch", "mkdir", "unlink", "rmdir", "symlink_to", "hardlink_to", "chmod", "lchmod",
    "rename", "extractall",
}  # fmt: skip
"""Of paths and of archives."""
SYSTEM = {
    "replace", "rename", "renames", "unlink", "remove", "removedirs", "rmdir", "link", "symlink", "mkdir", "makedirs",
    "chmod", "fchmod", "lchmod", "chown", "lchown", "truncate", "mkfifo", "mknod", "utime",
}  # fmt: skip
"""Of ``os``."""
COPIES = {"copy", "copy2", "copyfile", "copymode", "copystat", "copytree", "move", "rmtree", "chown", "unpack_archive"}
"""Of ``shutil``. ``copyfileobj`` copies between streams that are open."""
OPENERS = {"open", "FileIO", "fdopen"}
HANDLERS = {"FileHandler", "RotatingFileHandler", "TimedRotatingFileHandler", "WatchedFileHandler"}


def called(node: ast.Call) -> str:
    return ast.unparse(node.func)


def writes(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Line and name of each call that writes, and of each import that hides one."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and _writes(node):
            yield node.lineno, called(node)
        elif isinstance(node, ast.ClassDef):
            if any(ast.unparse(base).rpartition(".")[2] in HANDLERS for base in node.bases):
                yield node.lineno, f"class {node.name}"
        elif isinstance(node, ast.ImportFrom):
            hidden = {"os": SYSTEM | {"open"}, "shutil": COPIES, "tempfile": None, "io": {"open"}}.get(
                node.module or "", set()
            )
            for alias in node.names:
                if hidden is None or alias.name in hidden:
                    yield node.lineno, f"from {node.module} import {alias.name}"
        elif isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name in ("os", "shutil", "tempfile", "io") and alias.asname not in (None, alias.name):
                    yield node.lineno, f"import {alias.name} as {alias.asname}"


def _writes(node: ast.Call) -> bool:
    owner, _, name = called(node).rpartition(".")
    if owner == "os":
        return name in SYSTEM or (
            name == "open" and any(flag in ast.unparse(node) for flag in ("O_WR", "O_RDWR", "O_CR"))
        )
    if owner == "shutil":
        return name in COPIES
    if owner == "tempfile" or name in HANDLERS or called(node) == "sqlite3.connect":
        return True
    if name in OPENERS:
        return any(
            _is_writing_mode(one) for one in (*node.args[:2], *(k.value for k in node.keywords if k.arg == "mode"))
        )
    if name == "replace" and owner:  # of a path it has one argument, of a text two, of a moment names
        return len(node.args) == 1 and not node.keywords
    return bool(owner) and name in METHODS


def _is_writing_mode(node: ast.expr) -> bool:
    if isinstance(node, ast.IfExp):
        return _is_writing_mode(node.body) or _is_writing_mode(node.orelse)
    return isinstance(node, ast.Constant) and isinstance(node.value, str) and _is_mode(node.value)


def _is_mode(text: str) -> bool:
    return 0 < len(text) <= 4 and set(text) <= set("rwaxbt+") and bool(set(text) & set("wax+"))


def test_no_other_room_writes_files() -> None:
    """What is not listed above goes through functions of atomic_files, which follow no link and never widen a mode."""
    found = {
        (path.relative_to(PACKAGE).as_posix(), name): line
        for path in FILES
        for line, name in writes(ast.parse(path.read_text("utf-8")))
    }
    assert {f"{path}:{line} {name}" for (path, name), line in found.items() if (path, name) not in ALLOWED} == set()
    assert set(ALLOWED) - set(found) == set(), "listed, and gone"


@pytest.mark.parametrize(
    "code",
    [
        "open(p, 'w')", "open(p, mode='ab')", "p.open('x')", "p.open('rb+')", "p.open(mode='wt')", "gzip.open(p, 'wb')",
        "io.FileIO(p, 'w')", "open(p, 'wb' if x else 'rb')", "os.open(p, os.O_WRONLY)", "os.open(p, os.O_RDONLY | os.O_CREAT)",
        "os.open(p, os.O_RDWR)", "os.replace(a, b)", "os.rename(a, b)", "os.unlink(p)", "os.remove(p)", "os.link(a, b)",
        "os.symlink(a, b)", "os.chmod(p, 1)", "os.makedirs(p)", "p.replace(q)", "a.b.replace(q)", "f(x).replace(q)",
        "p.rename(q)", "p.unlink()", "p.unlink(missing_ok=True)", "p.chmod(1)", "p.touch()", "p.mkdir()", "p.write_text(x)",
        "p.write_bytes(x)", "p.symlink_to(q)", "p.hardlink_to(q)", "shutil.copy(a, b)", "shutil.copyfile(a, b)",
        "shutil.move(a, b)", "shutil.rmtree(p)", "tempfile.mkstemp()", "tempfile.NamedTemporaryFile()",
        "logging.FileHandler(p)", "logging.handlers.RotatingFileHandler(p)", "sqlite3.connect(p)", "from os import replace",
        "from shutil import move", "from tempfile import mkstemp", "import os as system", "class Log(logging.FileHandler): pass", "z.extractall(p)",
    ],
)  # fmt: skip
def test_each_way_to_write_is_seen(code: str) -> None:
    """However it is called."""
    assert len(list(writes(ast.parse(code)))) == 1


@pytest.mark.parametrize(
    "code",
    [
        "open(p)", "open(p, 'rb')", "p.open()", "p.open('rb')", "gzip.open(p)", "os.open(p, os.O_RDONLY)", "s.replace('a', 'b')",
        "s.replace(',', '', 1)", "d.replace(tzinfo=None)", "dataclasses.replace(x, a=1)", "replace(x, a=1)", "os.stat(p)",
        "shutil.copyfileobj(a, b)", "shutil.disk_usage(p)", "remove(p)", "write(p, 'x')", "items.remove(x)", "view.extract(x)",
        "from os import fspath", "import os",
    ],
)  # fmt: skip
def test_what_only_reads_is_not_taken_for_writing(code: str) -> None:
    """Texts and moments have a replace, too."""
    assert list(writes(ast.parse(code))) == []
