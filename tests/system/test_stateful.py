"""Any history of loads leaves the tables as a simple model says: of each key, the latest record."""

from __future__ import annotations

import json
import random
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from support.contents import accounting_problems
from support.histories import KEYS, Model, is_whole
from support.history_records import keyed, record_of
from support.nightly import NIGHTLY, often
from support.stored import assert_same_records

from json2db_sync import SyncRunner
from json2db_sync.config import JSON2DBConfig
from json2db_sync.databases import open_database
from json2db_sync.errors import SyncError

pytestmark = pytest.mark.timeout(7200)  # nightly, the histories are many and long

EXAMPLES = {"sqlite": max(8, often(1000)), "postgresql": max(2, often(100))}
STEPS = 20 if NIGHTLY else 8
COUNTS = ("read", "inserted", "updated", "unchanged", "superseded", "rejected")


def file_of(entity: str) -> st.SearchStrategy[list[Any]]:
    """A file whose first record has the key: a configured key that no record has is refused."""
    return st.builds(lambda first, rest: [first, *rest], keyed(entity), st.lists(record_of(entity), max_size=8))


FILES = {entity: file_of(entity) for entity in KEYS}
DAYS = (1, 5)
days = st.integers(*DAYS)
loads = st.sampled_from([True, True, True, False])
"""Is a file loaded at once, or does it wait for others to come?"""
entities = st.sampled_from([*KEYS, "things"])


class History(RuleBasedStateMachine):
    """Files that come, change and break; loads of some of them; tables that are made anew."""

    def __init__(self, create: Callable[[], str], drop: Callable[[str], None]) -> None:
        super().__init__()
        self._drop = drop
        self.url = create()
        self.folder = Path(tempfile.mkdtemp())
        processing = {"keys": {entity: ",".join(key) for entity, key in KEYS.items() if key}}
        self.runner = SyncRunner(self.url, self.folder, config=JSON2DBConfig(processing=processing))
        self.files: dict[tuple[int, str], str] = {}
        self.model = Model()

    # Files

    def write(self, day: int, entity: str, text: str) -> None:
        stamp = f"2025-01-{day:02}_08-00-00"
        path = self.folder / f"sync_session_{stamp}" / "raw_json" / stamp / f"{entity}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        self.files[day, entity] = text

    @initialize(data=st.data())
    def first_files(self, data: st.DataObject) -> None:
        for entity in KEYS:
            self.write(3, entity, json.dumps(data.draw(FILES[entity])))
        self.load()

    @rule(day=days, entity=entities, data=st.data(), load=loads)
    def new_file(self, day: int, entity: str, data: st.DataObject, load: bool) -> None:
        """A session brings a file, or brings it anew."""
        self.write(day, entity, json.dumps(data.draw(FILES[entity])))
        if load:
            self.load()

    @rule(data=st.data(), new_day=st.none() | days, seed=st.integers(0, 2**32), load=loads)
    def edit_file(self, data: st.DataObject, new_day: int | None, seed: int, load: bool) -> None:
        """A file changes, or another session sends its records changed."""
        day, entity = data.draw(st.sampled_from(sorted(self.files)))
        if is_whole(self.files[day, entity]):
            text = edited(json.loads(self.files[day, entity]), random.Random(seed))
            self.write(new_day or day, entity, text)
        if load:
            self.load()

    @rule(data=st.data(), new_day=days, load=loads)
    def repeat_file(self, data: st.DataObject, new_day: int, load: bool) -> None:
        """Another session brings the same records."""
        day, entity = data.draw(st.sampled_from(sorted(self.files)))
        self.write(new_day, entity, self.files[day, entity])
        if load:
            self.load()

    @rule(data=st.data(), load=loads)
    def break_file(self, data: st.DataObject, load: bool) -> None:
        """A file ends too early."""
        place = data.draw(st.sampled_from(sorted(self.files)))
        self.write(*place, self.files[place][:-1])
        if load:
            self.load()

    # Operations

    def load(self, entity_filter: list[str] | None = None, first: int = DAYS[0], last: int = DAYS[1]) -> None:
        chosen = [
            (day, entity)
            for day, entity in self.files
            if first <= day <= last and (entity_filter is None or entity in entity_filter)
        ]
        window = {"since": f"2025-01-{first:02}", "until": f"2025-01-{last:02}"}
        result = self.runner.populate(entity_filter=entity_filter, **window)
        expected = self.model.load(self.files, chosen)
        if any(is_whole(self.files[place]) for place in chosen):
            assert result.success, (result.error, result.hint)
            assert {name: result.statistics[name] for name in COUNTS} == {name: expected[name] for name in COUNTS}
        else:
            assert not result.success, result

    @rule()
    def load_all(self) -> None:
        self.load()

    @rule(first=days, last=days)
    def load_window(self, first: int, last: int) -> None:
        """Some sessions, so that older ones may come after newer ones."""
        self.load(None, min(first, last), max(first, last))

    @rule(some=st.lists(entities, min_size=1, max_size=2, unique=True))
    def load_entities(self, some: list[str]) -> None:
        self.load(some)

    @rule()
    def create_tables(self) -> None:
        """Tables widen for what the files hold, before it is loaded."""
        result = self.runner.create_tables()
        assert result.success or not any(map(is_whole, self.files.values())), (result.error, result.hint)

    @rule()
    def recreate(self) -> None:
        """Tables are made anew, with their rows."""
        result = self.runner.create_tables(recreate=True)
        assert result.success or not any(map(is_whole, self.files.values())), (result.error, result.hint)

    @rule(entity=entities)
    def recreate_empty(self, entity: str) -> None:
        """The tables of an entity are made anew, without their rows."""
        result = self.runner.create_tables(recreate=True, empty=True, entity_filter=[entity])
        if result.success:
            self.model.discard([entity])

    # What holds after every step

    @invariant()
    def tables_hold_the_latest(self) -> None:
        for entity, table in self.model.tables.items():
            assert_same_records(self.stored(entity), table.records(), entity)
        self.verify(full=False)

    def stored(self, entity: str) -> list[Any]:
        try:
            return list(self.runner.read(entity))
        except SyncError:  # it has no tables yet
            return []

    def verify(self, *, full: bool) -> None:
        if not is_there(self.url):
            return
        assert accounting_problems(self.url) == []
        result = self.runner.verify(full=full)
        assert result.success, (result.error, [(check.name, check.examples) for check in result.failed_checks])

    def teardown(self) -> None:
        try:
            self.verify(full=True)
        finally:
            self._drop(self.url)
            shutil.rmtree(self.folder, ignore_errors=True)


def is_there(url: str) -> bool:
    """Has a run made the database already?"""
    with open_database(url) as database:
        return database.exists()


def edited(records: list[Any], chance: random.Random) -> str:
    """Records and keys in another order, some records, children and fields gone, some values from other records.

    The first record stays the first, see :func:`file_of`.
    """
    first, *others = records
    if others and chance.random() < 0.3:
        others.pop(chance.randrange(len(others)))
    if chance.random() < 0.3:
        chance.shuffle(others)
    objects = [record for record in (first, *others) if isinstance(record, dict)]
    for record in objects:
        for name in [name for name in record if name not in ("k", "x", "y")]:
            value, fate = record[name], chance.random()
            if isinstance(value, list) and value and fate < 0.4:
                record[name] = chance.sample(value, chance.randrange(len(value) + 1))
            elif fate < 0.1:
                del record[name]
            elif fate < 0.3:
                record[name] = chance.choice(objects).get(name, fate)
    return json.dumps([shuffled(one, chance) for one in (first, *others)], indent=chance.choice([None, 1]))


def shuffled(record: Any, chance: random.Random) -> Any:
    """The same object, its keys in another order."""
    if not isinstance(record, dict):
        return record
    return dict(chance.sample(list(record.items()), len(record)))


@pytest.mark.slow
def test_any_history_leaves_the_latest_of_each_key(databases):
    """Whatever was loaded, in whatever order and how often, the tables hold the latest record of each key."""
    run_state_machine_as_test(
        lambda: History(databases.create, databases.drop),
        settings=settings(
            max_examples=EXAMPLES[databases.kind],
            stateful_step_count=STEPS,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
