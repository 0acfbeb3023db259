"""Many records at once or each alone: whatever is loaded, both ways leave the same database and say the same of it."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.assisted import assisted
from support.histories import KEYS
from support.history_records import record_of
from support.nightly import NIGHTLY, often
from support.sessions import session, write

from json2db_sync import SyncRunner, events
from json2db_sync.analysis import entity_analyzer
from json2db_sync.analysis.entity_analyzer import BatchStatistics
from json2db_sync.config import JSON2DBConfig
from json2db_sync.databases import open_database
from json2db_sync.databases.ledger import TABLES, Ledger
from json2db_sync.events import Progress
from json2db_sync.loading.entity_load import EntityLoad
from json2db_sync.model.batch_shredder import BatchShredder
from json2db_sync.sources import batch, bytestream, cursor

EXAMPLES = {"sqlite": max(12, often(1000)), "postgresql": max(2, often(100))}
UNTOLD = {
    "database",
    "processing_time_seconds",
    "records_per_second",
    "last_loaded",
    "last_change",
    "started_at",
    "finished_at",
}


@contextmanager
def small_stretches() -> Iterator[None]:
    """Small files are cut often, and divided far."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cursor, "_STRETCH", 400)
        patch.setattr(cursor, "_MAX_PAUSE", 1)
        patch.setattr(bytestream, "CHUNK", 500)
        patch.setattr(batch, "_SMALL", 2)
        patch.setattr(entity_analyzer, "_FEW", 2)
        yield


def dump(url: str) -> dict[str, list[str]]:
    """Every row of every table of ours as it lies there, but for moments, the id, and who held the lock."""
    with open_database(url) as database:
        if not database.exists():
            return {}
        with database.reading() as connection:
            untold = {
                name: {"holder", "loaded_at", "changed_at", "started_at", "finished_at", "rejected_at", "database_id"}
                for name in TABLES
            }
            for plan in Ledger(database, connection).plans().values():
                untold |= {table.name: set() for table in plan.tables}
                untold[plan.table.name] = {plan.created_at, plan.updated_at}
            found = {}
            for name in sorted(database.relation_names(connection) & untold.keys()):
                rows = connection.exec_driver_sql(f"SELECT * FROM {database.quote(name)}").mappings()
                found[name] = sorted(
                    repr({key: value if key not in untold[name] else value is None for key, value in row.items()})
                    for row in rows
                )
            return found


def told(result: Any) -> Any:
    """All that a result says, but for times and where the database is."""
    return _told(json.loads(result.to_json()), str(result["database"]))


def _told(value: Any, database: str) -> Any:
    if isinstance(value, dict):
        return {key: _told(item, database) for key, item in value.items() if key not in UNTOLD}
    if isinstance(value, list):
        return [_told(item, database) for item in value]
    return value.replace(database, "DATABASE") if isinstance(value, str) else value


class BothWays:
    """Two databases that are to stay equal: one is written at once where that can be done, one record by record."""

    def __init__(self, databases: Any, source: Path, **sections: Any) -> None:
        self._databases = databases
        self.urls = (databases.create(), databases.create())
        self.progress: tuple[list[Any], list[Any]] = ([], [])
        self.runners = [
            SyncRunner(url, source, config=JSON2DBConfig(**sections), on_event=events.append)
            for url, events in zip(self.urls, self.progress, strict=True)
        ]
        self.runners[1]._batch_path = False
        assert [runner._context().batch_path for runner in self.runners] == [True, False]

    def run(self, operation: str, **arguments: Any) -> Any:
        """The result of the first, which is as that of the other; so is the database."""
        results = [getattr(runner, operation)(**arguments) for runner in self.runners]
        assert told(results[0]) == told(results[1])
        one, other = map(dump, self.urls)
        assert one == other
        assert files_done(self.progress[0]) == files_done(self.progress[1])
        return results[0]

    def __enter__(self) -> BothWays:
        return self

    def __exit__(self, *_error: object) -> None:
        for url in self.urls:
            self._databases.drop(url)


def files_done(events: list[Any]) -> list[Any]:
    """What is told of each file at its end."""
    return [event for event in events if isinstance(event, Progress) and not event.what.startswith("planning ")]


@pytest.fixture(autouse=True)
def _no_reports_between(monkeypatch):
    """Progress within a file is told by the clock."""
    monkeypatch.setattr(events, "_INTERVAL", float("inf"))


@pytest.fixture
def both(databases, tmp_path):
    """Makes a pair of databases of a folder."""
    made = []

    def make(source: Path = tmp_path, **sections: Any) -> BothWays:
        made.append(BothWays(databases, source, **sections))
        return made[-1]

    yield make
    for pair in made:
        pair.__exit__()


@pytest.fixture
def _small():
    with small_stretches():
        yield


@pytest.fixture(params=["alone", "assisted"])
def _apart(request, databases):
    """Without and with a second process."""
    if request.param == "alone":
        yield
        return
    every_day(databases, wanted=False)
    with assisted():
        yield


def every_day(databases: Any, wanted: bool) -> None:
    """Skips on PostgreSQL what SQLite shows as well; at night it runs on both."""
    if databases.kind == "postgresql" and not wanted and not NIGHTLY:
        pytest.skip("nightly: every day on SQLite only")


# Histories


def usual(entity: str, number: int, version: int, spread: int) -> dict[str, Any]:
    """A record like all others of its entity."""
    keys: dict[str, Any] = {"things": {"k": number}, "pairs": {"x": number // 3, "y": f"y{number % 3}"}, "notes": {}}[
        entity
    ]
    items = [{"q": number, "d": place / 2} for place in range(number % 3)]
    return {
        **keys,
        "a": f"text {number % spread}",
        "n": version / 2,
        "day": f"2024-01-{1 + number % 28:02}",
        "items": items,
        "j": {"v": [number]},
    }


@st.composite
def contents(draw: st.DrawFn, entity: str) -> list[Any]:
    """The records of a file: many alike, a few of any kind, some that come twice."""
    first, count, version = draw(st.integers(0, 20)), draw(st.sampled_from([1, 8, 25])), draw(st.integers(0, 2))
    texts = draw(st.sampled_from([False, False, False, True]))
    rows: list[Any] = [usual(entity, number, version, 5) for number in range(first, first + count)]
    if texts and entity == "things":
        rows = [{**row, "k": f"k{row['k']}"} for row in rows]
    for _ in range(draw(st.sampled_from([0, 0, 1, 2]))):
        rows.insert(draw(st.integers(1, len(rows))), draw(record_of(entity)))
    for _ in range(draw(st.sampled_from([0, 0, 0, 1, 3]))):
        again = draw(st.sampled_from(rows))
        if isinstance(again, dict) and draw(st.booleans()):
            again = {**again, "n": draw(st.integers(5, 6))}
        rows.insert(draw(st.integers(1, len(rows))), again)
    return rows


layouts = st.sampled_from([(",", None), (", ", None), (",\n  ", None), (None, "\n"), (None, "\r\n"), (", ", "data")])


def text_of(rows: list[Any], layout: tuple[str | None, str | None]) -> tuple[str, str]:
    """The text of a file and its suffix."""
    separator, other = layout
    parts = [json.dumps(row, ensure_ascii=bool(len(rows) % 2)) for row in rows]
    if separator is None:
        return str(other).join(parts), ".jsonl"
    array = f"[{separator.join(parts)}]"
    return (f'{{"page": 1, "{other}": {array}}}' if other else array), ".json"


RULES = {"things": {"properties": {"a": {"type": "string"}, "n": {"maximum": 2}}}}
some_settings: Any = st.sampled_from(
    [{}, {}, {}, {"skip_existing_records": True}, {"enable_duplicate_prevention": False}, {"contracts": {"things": "freeze"}},
     {"max_rejected": "1"}, {"max_rejected": "5%"}, {"on_error": "stop"}, {"batch_size": 3}, {"child_depth": 0},
     {"child_depth": 2}, {"max_columns": 4}, {"schema": "reject"}, {"schema": "warn"}]
)  # fmt: skip
entities = st.sampled_from([*KEYS, "things", "things"])
files_of_a_day = st.dictionaries(entities, st.just(None), min_size=1, max_size=2)


def sections_of(chosen: dict[str, Any], folder: Path) -> dict[str, Any]:
    processing = {"keys": {entity: ",".join(key) for entity, key in KEYS.items() if key}}
    if "schema" not in chosen:
        return {"processing": {**processing, **chosen}}
    for entity, schema in RULES.items():
        write(folder / f"{entity}.schema.json", schema)
    return {"processing": processing, "validation": {"schema_directory": str(folder), "mode": chosen["schema"]}}


@pytest.mark.slow
@pytest.mark.usefixtures("_apart")
def test_any_history_leaves_the_same(databases):
    """Whatever files come in whatever order, under whatever settings: the same tables, ledger, results and progress."""

    @settings(max_examples=EXAMPLES[databases.kind], deadline=None, suppress_health_check=list(HealthCheck))
    @given(some_settings, st.lists(st.tuples(st.integers(1, 4), entities), min_size=2, max_size=5), st.data())
    def check(chosen, files, data):
        folder = Path(tempfile.mkdtemp())
        try:
            with small_stretches(), BothWays(databases, folder / "s", **sections_of(chosen, folder / "rules")) as pair:
                for day, entity in files:
                    text, suffix = text_of(data.draw(contents(entity)), data.draw(layouts))
                    stamp = f"2025-01-{day:02}_08-00-00"
                    path = folder / "s" / f"sync_session_{stamp}" / "raw_json" / stamp / f"{entity}{suffix}"
                    path.parent.mkdir(parents=True, exist_ok=True)
                    path.write_text(text, encoding="utf-8", newline="")
                    fate = data.draw(st.integers(0, 9))
                    if fate < 2:
                        pair.run("analyze")
                    if fate == 9:
                        pair.run("populate", entity_filter=[entity])
                    elif fate > 1:
                        pair.run("populate")
                pair.run("populate")
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    check()


# What did, or may, go wrong

MANY = 110


def rows_of(at: dict[int, Any] | None = None) -> list[Any]:
    """Records of which those at some places are others."""
    return [(at or {}).get(n, {"id": n, "t": f"text {n}", "l": [{"id": n}] * (n % 2)}) for n in range(MANY)]


ROW = {"id": 1001, "t": "text", "l": []}
SENT = {
    "all alike": rows_of(),
    "a key that repeats": rows_of({60: {"id": 3, "t": "other", "l": []}}),
    "a record that repeats": rows_of({60: {"id": 3, "t": "text 3", "l": [{"id": 3}]}}),
    "keys that repeat among unusual records": rows_of({30: {"id": 3, "t": 5}, 31: {"id": 3, "t": 6}, 90: {"id": 30}}),
    "a record that repeats at once": rows_of({60: ROW, 61: ROW, 62: ROW}),
    "a record that repeats and then changes": rows_of({20: ROW, 45: ROW, 70: ROW, 95: {**ROW, "t": "other"}}),
    "an unusual record with the key of a usual one": rows_of({80: {"id": 50, "t": 5}}),
    "a rejected record": rows_of({40: None, 80: {"id": 1000, "t": float("inf")}}),
    "a new key": rows_of({100: {"id": 100, "new": 1}}),
    "a rejected record among lists in objects": [
        {40: None, 60: 5}.get(n, {"id": n, "j": {"l": [{"a": n}], **({"new": n} if n > 50 else {})}}) for n in range(MANY)
    ],
    "a new kind": rows_of({100: {"id": 100, "t": [1]}}),
    "a key of another kind": rows_of({100: {"id": "x"}}),
    "a key that is missing": rows_of({100: {"t": "x"}}),
    "a long key": [{"id": "k" * 490 + str(n)} for n in range(0, 10**6, 25_000)],
    "what PostgreSQL cannot hold": rows_of({50: {"id": 50, "t": "\0"}}),
    "what PostgreSQL cannot hold, in a key": [{"id": n, "j": {"a": 1} if n != 70 else {"a\0": 1}} for n in range(MANY)],
    "ids of children that are absent": [{"id": n, "l": [{"id": n}, {}, {"id": None}]} for n in range(MANY)],
    "numbers": [{"id": n, "n": [0.5, -0.0, 1e16, 2**53, 3, 1e-7][n % 6]} for n in range(MANY)],
}  # fmt: skip


@pytest.mark.mostly_slow
@pytest.mark.usefixtures("_small", "_apart")
@pytest.mark.parametrize("case", SENT)
def test_loading_and_loading_again(both, databases, tmp_path, case):
    """A first load, the same with some changed, an older file that comes late, and the same under other keys."""
    every_day(databases, case in ("a key that repeats", "numbers") or "PostgreSQL" in case)
    pair = both(tmp_path)
    rows = SENT[case]
    session(tmp_path, "2025-01-03", things=rows)
    pair.run("populate")
    session(
        tmp_path,
        "2025-01-05",
        things=[{**row, "id": -n} if isinstance(row, dict) and n % 7 == 0 else row for n, row in enumerate(rows)],
    )
    pair.run("populate")
    session(
        tmp_path,
        "2025-01-01",
        things=[{**row, "t": "older"} if isinstance(row, dict) and n % 5 == 0 else row for n, row in enumerate(rows)],
    )
    pair.run("populate")
    session(
        tmp_path,
        "2025-01-06",
        things=[
            {**row, "id": row["id"] + 5000} if isinstance(row, dict) and type(row.get("id")) is int else row
            for row in rows
        ],
    )
    pair.run("populate")
    pair.run("analyze")


@pytest.mark.mostly_slow
@pytest.mark.usefixtures("_small", "_apart")
@pytest.mark.parametrize("most", ["0", "1", "2", "3", "3%"])
@pytest.mark.parametrize("on_error", ["reject", "stop"])
def test_too_many_rejected_records_refuse_the_file_alike(both, databases, tmp_path, most, on_error):
    """The same record is named as the one too many, and tables that a later record would widen are as they were."""
    every_day(databases, most == "2" and on_error == "reject")
    pair = both(tmp_path, processing={"max_rejected": most, "on_error": on_error, "batch_size": 50})
    session(tmp_path, "2025-01-01", things=rows_of())
    pair.run("populate")
    session(tmp_path, "2025-01-02", things=rows_of({10: 1, 45: 2, 46: 3, 70: {"id": 1, "new": 1}, 99: 4}))
    pair.run("populate")


@pytest.mark.slow
@pytest.mark.usefixtures("_small")
@pytest.mark.parametrize("fault", ["syntax", "cut off", "bytes"])
def test_files_that_cannot_be_read_are_refused_alike(both, tmp_path, fault):
    """A fault behind many good records: nothing is stored, and the same is said."""
    text = json.dumps(rows_of())
    faulty = {
        "syntax": text.replace('{"id": 90,', '{"id": ,'),
        "cut off": text[:-200],
        "bytes": text.replace("text 90", "\udcff"),
    }
    write(tmp_path / "things.json", [])
    (tmp_path / "things.json").write_bytes(faulty[fault].encode("utf-8", "surrogateescape"))
    write(tmp_path / "others.json", rows_of())
    pair = both(tmp_path)
    assert len(pair.run("populate").refused_files) == 1
    assert len(pair.run("analyze").refused_files) == 1


# That it is used at all


@pytest.mark.slow
def test_ordinary_records_are_loaded_at_once(both, tmp_path, monkeypatch):
    """Of a thousand ordinary records in one file, and of the same changed here and there, few are looked at alone."""
    alone = []
    shredded = EntityLoad.shredded

    def counted(self, record, *, single):
        if self.batch_loader is not None:
            alone.append(record)
        return shredded(self, record, single=single)

    monkeypatch.setattr(EntityLoad, "shredded", counted)
    pair = both(tmp_path)
    rows = [{"id": n, "t": f"text {n}", "l": [{"q": n}]} for n in range(1000)]
    session(tmp_path, "2025-01-01", things=rows)
    assert pair.run("populate").statistics["inserted"] == 1000
    assert len(alone) < 40
    alone.clear()
    session(tmp_path, "2025-01-02", things=[{**row, "t": "new"} if row["id"] % 100 == 0 else row for row in rows])
    assert pair.run("populate").statistics["updated"] == 10
    assert len(alone) < 60


@pytest.mark.slow
def test_the_exact_way_is_exact(both, tmp_path, monkeypatch):
    """The other of the two ways, which these tests compare with, never makes rows of many records at once."""
    monkeypatch.setattr(BatchShredder, "__init__", refuse)
    monkeypatch.setattr(BatchStatistics, "__init__", refuse)
    pair = both(tmp_path)
    session(tmp_path, "2025-01-01", things=rows_of())
    assert pair.runners[1].populate().success


def refuse(*_arguments: object) -> None:
    raise AssertionError("this is not the row path")


# Real data


def folders() -> list[str]:
    shared = Path(__file__).resolve().parents[3] / "shared" / "data"
    return sorted(entry.name for entry in os.scandir(shared) if entry.is_dir()) if shared.is_dir() else ["none"]


@pytest.mark.slow
@pytest.mark.usefixtures("_apart")
@pytest.mark.parametrize("folder", folders())
def test_real_data_is_loaded_alike(both, databases, shared_data, folder):
    """Public data as it is: plans, tables, records, rejections and refusals are the same both ways."""
    every_day(databases, folder == "api_sync")
    if folder in ("json_examples", "chinook") and not NIGHTLY:
        pytest.skip("nightly: many files")
    both(shared_data / folder).run("populate", cutoff_days="all")


@pytest.mark.nightly
@pytest.mark.usefixtures("_small")
@pytest.mark.parametrize("folder", folders())
def test_real_data_is_loaded_alike_in_small_parts(both, shared_data, folder):
    """The same, cut often and divided far."""
    both(shared_data / folder).run("populate", cutoff_days="all")
