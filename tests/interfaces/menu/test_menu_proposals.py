"""What analysis proposes for the configuration: offered in the menu, and written when told to."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

from support.menu_driver import DOWN, ENTER, GO, Sit

LINE = 'data_source.records = {"things": "d.Parts"}'


def ids() -> list[str]:
    with closing(sqlite3.connect("shop.db")) as connection:
        return [str(row[0]) for row in connection.execute("SELECT id FROM json_things")]


def source(folder: Path) -> str:
    path = folder / "in" / "things.json"
    path.parent.mkdir()
    path.write_text(json.dumps({"d": {"Parts": [{"id": 1}, {"id": 2}]}}))
    return str(path.parent)


def test_the_place_of_the_records_is_offered_and_written(sit: Sit, tmp_path: Path) -> None:
    """Before anything is loaded; then the files are looked at again, and the plan is that of the records."""
    seen = sit("6", ENTER, GO, ENTER, "y", "h", ENTER, "0", ENTER, width=120, source=source(tmp_path))
    assert f".env has it now: {LINE}" in seen
    assert ids() == ["1", "2"]


def test_an_offer_may_be_declined(sit: Sit, tmp_path: Path) -> None:
    """Then nothing is written, and the same is not asked again."""
    seen = sit("6", ENTER, GO, DOWN, ENTER, "y", "h", ENTER, "0", ENTER, width=120, source=source(tmp_path))
    assert "it could be something around records" in seen
    assert not Path(".env").exists()
    assert len(ids()) == 1


def test_an_analysis_has_its_proposals_as_a_way_on(sit: Sit, tmp_path: Path) -> None:
    """What is written there is used at once: the analysis is made again."""
    seen = sit("1", ENTER, GO, "look", ENTER, ENTER, "h", ENTER, "0", ENTER, width=120, source=source(tmp_path))
    assert f".env has it now: {LINE}" in seen
    assert seen.screen.count("it could be something around records") == 2


def test_many_like_files_are_offered_as_one_entity(sit: Sit, tmp_path: Path) -> None:
    """Before anything is made; then there is one table."""
    (tmp_path / "in").mkdir()
    for number in range(40):
        record = {"id": number, "name": "n", "age": 1}
        (tmp_path / "in" / f"thing-{number}-{'abcd'[number % 4]}.json").write_text(json.dumps(record))
    seen = sit("6", ENTER, GO, ENTER, "y", "h", ENTER, "0", ENTER, width=200, source=str(tmp_path / "in"))
    assert '.env has it now: data_source.entities = {"thing-*.json": "thing"}' in seen
    with closing(sqlite3.connect("shop.db")) as connection:
        assert connection.execute("SELECT count(*) FROM json_thing").fetchone() == (40,)
