"""The figures that the package's code keeps: each may get better, none worse."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

PACKAGE = Path(__file__).parents[2] / "json2db_sync"
TESTS = Path(__file__).parents[1]
FILES = sorted(PACKAGE.rglob("*.py"))

MOST_LINES = 70_000
MOST_ANY = 480
LONGEST_FUNCTION = 40
"""Lines, its docstring apart."""
MOST_PARAMETERS = 8
"""Without ``self``."""
FACADES = {"runner.py", "runner_json2db_sync.py"}
"""Public methods, whose parameters are a user's options."""
NO_NAMES = {"util", "utils", "common", "helper", "helpers", "misc"}

Function = ast.FunctionDef | ast.AsyncFunctionDef


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"), str(path))


def place(path: Path, node: ast.stmt | ast.expr) -> str:
    return f"{path.relative_to(PACKAGE.parent)}:{node.lineno}"


def functions() -> Iterator[tuple[Path, Function]]:
    for path in FILES:
        for node in ast.walk(tree(path)):
            if isinstance(node, Function):
                yield path, node


def length(function: Function) -> int:
    """Lines from ``def`` to the end, without those of the docstring."""
    whole = (function.end_lineno or 0) - function.lineno + 1
    if ast.get_docstring(function, clean=False) is None:
        return whole
    docstring = function.body[0]
    return whole - ((docstring.end_lineno or 0) - docstring.lineno + 1)


def parameters(function: Function) -> int:
    found = function.args.posonlyargs + function.args.args + function.args.kwonlyargs
    return len(found) - bool(found and found[0].arg in ("self", "cls"))


def modules() -> dict[str, Path]:
    """Dotted name -> file."""
    names = (".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts) for path in FILES)
    return {name.removesuffix(".__init__"): path for name, path in zip(names, FILES, strict=True)}


def imports(module: ast.AST) -> Iterator[ast.Import | ast.ImportFrom]:
    """All imports, those in functions too, but not those that only the type checker makes."""
    for node in ast.iter_child_nodes(module):
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield node
        elif isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING"):
            continue
        else:
            yield from imports(node)


def imported(node: ast.Import | ast.ImportFrom, known: dict[str, Path]) -> Iterator[str]:
    """The modules of ours that an import names; a name from a package may be a module itself."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names if alias.name in known)
    elif node.module in known:
        below = (f"{node.module}.{alias.name}" for alias in node.names)
        yield from (name if name in known else str(node.module) for name in below)


def test_the_package_does_not_grow() -> None:
    """The same promises are kept in no more lines."""
    assert sum(path.read_bytes().count(b"\n") for path in FILES) <= MOST_LINES


def test_functions_fit_on_a_screen() -> None:
    """No function is longer than 40 lines."""
    found = [(length(one), place(path, one), one.name) for path, one in functions()]
    assert sorted(row for row in found if row[0] > LONGEST_FUNCTION) == []


def test_parameter_lists_are_short() -> None:
    """Outside of the public facade no function takes more than 8 parameters: options are grouped in values."""
    found = [(parameters(one), place(path, one), one.name) for path, one in functions() if path.name not in FACADES]
    assert sorted(row for row in found if row[0] > MOST_PARAMETERS) == []


def test_calls_name_their_booleans() -> None:
    """No call gives a boolean by position: the reader would have to look up what it means."""
    calls = ((path, node) for path in FILES for node in ast.walk(tree(path)) if isinstance(node, ast.Call))
    found = [
        f"{place(path, call)} {ast.unparse(call):.90}"
        for path, call in calls
        if any(isinstance(given, ast.Constant) and isinstance(given.value, bool) for given in call.args)
    ]
    assert found == []


def test_any_is_rare() -> None:
    """``Any`` switches the type checker off; so it is counted."""
    assert sum(len(re.findall(r"\bAny\b", path.read_text("utf-8"))) for path in FILES) < MOST_ANY


def test_rooms_have_names() -> None:
    """No module or folder is called util, common, helpers or misc."""
    parts = {part for path in FILES for part in path.relative_to(PACKAGE).with_suffix("").parts}
    assert sorted(parts & NO_NAMES) == []


def test_files_of_tests_have_names_of_their_own() -> None:
    """Collected together, two of one name would stop all."""
    names = Counter(path.name for path in TESTS.rglob("test_*.py"))
    assert [name for name, count in names.items() if count > 1] == []


def test_imports_make_no_circle() -> None:
    """No module imports, by whatever way, one that imports it."""
    known = modules()
    graph = {
        name: {other for node in imports(tree(path)) for other in imported(node, known)} - {name}
        for name, path in known.items()
    }
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        raise AssertionError(" <- ".join(error.args[1])) from None
