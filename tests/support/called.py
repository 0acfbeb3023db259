"""What commands answered, and records that they cannot load."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from click.testing import Result

Run = Callable[..., Result]


def bad_records(folder: Path, *, all_bad: bool = False) -> Path:
    """A folder with one good record and one that cannot be read, or with a file that is not JSON at all."""
    folder.mkdir()
    (folder / "people.json").write_text("nonsense" if all_bad else '{"id": 1}\n{"id": \n', encoding="utf-8")
    return folder


def one_json(result: Result) -> Any:
    """What stdout holds, which must be JSON and nothing else."""
    return json.loads(result.stdout)


def lines_of_json(result: Result) -> list[Any]:
    """What stdout holds, which must be lines of JSON and nothing else."""
    return [json.loads(line) for line in result.stdout.splitlines()]
