"""Every code that results carry is documented, and no other."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from json2db_sync import errors
from json2db_sync.results.messages import LOUD

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "results.md"
CODE = re.compile(r"[a-z][a-z0-9_]*")
TREES = {path: ast.parse(path.read_text("utf-8")) for path in sorted((ROOT / "json2db_sync").rglob("*.py"))}
ERRORS = {name for name, kind in vars(errors).items() if isinstance(kind, type) and issubclass(kind, errors.SyncError)}
ROW = re.compile(r"^\| `([a-z0-9_]+)` \|", re.MULTILINE)


def constants(value: ast.expr | None) -> Iterator[str]:
    """The codes that an expression may come to, as far as it names them itself."""
    if isinstance(value, ast.IfExp):
        yield from (*constants(value.body), *constants(value.orelse))
    elif isinstance(value, ast.Constant) and isinstance(value.value, str) and CODE.fullmatch(value.value):
        yield value.value


def notes(node: ast.AST) -> Iterable[str]:
    """Codes of a call of Note: its second argument."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Note":
        yield from (code for value in node.args[1:2] for code in constants(value))
        yield from (code for one in node.keywords if one.arg == "code" for code in constants(one.value))


def reasons(node: ast.AST) -> Iterable[str]:
    """Codes of an argument ``reason`` or its default, and in the fields of a failed result."""
    if isinstance(node, ast.Dict):
        named = {code: value for key, value in zip(node.keys, node.values, strict=True) for code in constants(key)}
        yield from constants(named.get("reason")) if "error_type" in named else ()
    if isinstance(node, ast.Call):
        yield from (code for one in node.keywords if one.arg == "reason" for code in constants(one.value))
    if isinstance(node, ast.arguments):
        places = [*node.posonlyargs, *node.args]
        defaults = [*zip(places[len(places) - len(node.defaults) :], node.defaults, strict=True)]
        defaults += [(place, value) for place, value in zip(node.kwonlyargs, node.kw_defaults, strict=True) if value]
        yield from (code for place, value in defaults if place.arg == "reason" for code in constants(value))


@pytest.mark.parametrize(("title", "codes"), [("### Codes of notes", notes), ("### Codes of errors", reasons)])
def test_every_code_is_documented(title: str, codes: object) -> None:
    """docs/results.md lists the code of every note, and the reason of every error, and nothing else."""
    assert callable(codes)
    used = {code for tree in TREES.values() for node in ast.walk(tree) for code in codes(node)}
    _, _, section = PAGE.read_text("utf-8").partition(f"{title}\n")
    listed = ROW.findall(re.split(r"^##", section, maxsplit=1, flags=re.MULTILINE)[0])
    assert used, "no code was found in the package"
    missing, gone = sorted(used - set(listed)), sorted(set(listed) - used)
    assert not missing, f"docs/results.md, {title[4:].lower()}, lacks: {', '.join(missing)}"
    assert not gone, f"docs/results.md, {title[4:].lower()}, lists what the code lacks: {', '.join(gone)}"
    assert len(listed) == len(set(listed)), "a code is listed twice"


def test_codes_that_ask_for_a_look_are_marked() -> None:
    """docs/results.md marks the codes of notes with which a command ends with code 3, and no other."""
    marked = re.findall(r"^\| `([a-z0-9_]+)` \| \*\*look\*\*: ", PAGE.read_text("utf-8"), re.MULTILINE)
    assert sorted(marked) == sorted(LOUD)


def test_every_error_has_a_reason() -> None:
    """Wherever the package makes an error of its own, it says of what kind."""
    calls = [(path, node) for path, tree in TREES.items() for node in ast.walk(tree) if isinstance(node, ast.Call)]
    without = [
        f"{path.relative_to(ROOT)}:{call.lineno}"
        for path, call in calls
        if getattr(call.func, "id", getattr(call.func, "attr", None)) in ERRORS
        and not any(one.arg == "reason" for one in call.keywords)
    ]
    assert not without
