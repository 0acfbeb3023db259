"""The rules that records are rejected under, kept with them, so that a second try can be made under the same."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from json2db_sync.user_paths import located

if TYPE_CHECKING:
    from json2db_sync.config import JSON2DBConfig

_OPTIONS = {"config_file": "--config-file", "schema_directory": "--schema-directory", "mode": "--validation-mode"}


def in_force(config: JSON2DBConfig) -> str | None:
    """As JSON; None where there are none."""
    rules = _rules(config)
    return json.dumps(rules, ensure_ascii=False) if rules else None


def _rules(config: JSON2DBConfig) -> dict[str, str | list[str]]:
    section, contracts = config.validation, config.processing.contracts
    frozen = sorted(name for name, contract in contracts.items() if contract == "freeze")
    directory = section.schema_directory
    found: dict[str, str | list[str] | None] = {
        "config_file": _absolute(config.file),
        "schema_directory": _absolute(directory),
        "mode": section.mode if directory is not None and section.mode != "reject" else None,
        "freeze": frozen,
    }
    return {name: value for name, value in found.items() if value}


def _absolute(path: Path | None) -> str | None:
    return None if path is None else str(located(path))


def _arguments(now: dict[str, str | list[str]], text: str | None) -> list[str]:
    """What to add to ``rejected replay`` for the rules that a record was rejected under, where others hold without."""
    then = json.loads(text or "{}")
    found = [
        word
        for name, option in _OPTIONS.items()
        if then.get(name) != now.get(name)
        for word in _given(then, name, option)
    ]
    thawed = sorted(set(then.get("freeze", ())) - set(now.get("freeze", ())))
    return [*found, *(word for name in thawed for word in ("--freeze", name))]


def _given(then: dict[str, str], name: str, option: str) -> list[str]:
    if name in then:
        return [option, then[name]]
    # Without it, what is configured now would hold.
    return [option, "reject"] if name == "mode" and "schema_directory" in then else []


def replays(
    config: JSON2DBConfig, rules: Iterable[str | None], shown: Iterable[tuple[int | None, str | None]]
) -> Iterator[str]:
    """What follows ``rejected replay``: one line for all, or one for each set of rules, with the numbers shown.

    :param shown: records by number, each with the rules that it was rejected under.
    """
    from json2db_sync.config import JSON2DBConfig

    unasked = JSON2DBConfig()  # what holds where nothing is said
    now, schema = _rules(unasked), config.database.schema
    place = ["--schema", schema] if schema is not None and schema != unasked.database.schema else []
    different = {shlex.join([*_arguments(now, one), *place]) for one in rules}
    if len(different) <= 1:
        yield from different
        return
    numbers: dict[str, list[str]] = {}
    for number, one in shown:
        numbers.setdefault(shlex.join([*_arguments(now, one), *place]), []).append(str(number))
    yield from (" ".join([*some, line]).strip() for line, some in numbers.items())
