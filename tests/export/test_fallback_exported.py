"""What export writes is what readers get while the database is away."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from support.sessions import ok, session

from json2db_sync import SyncRunner
from json2db_sync.config import JSON2DBConfig
from json2db_sync.databases.urls import parse
from json2db_sync.errors import Unreachable
from json2db_sync.export.fallback import BREAKER

RECORDS = [{"id": n, "name": f"Größe {n}", "v": n / 7, "lines": [{"q": n, "none": None}]} for n in range(300)]


def reader_without(database_url: str) -> SyncRunner:
    """What reads while this database does not answer."""
    BREAKER.failed(parse(database_url), Unreachable("it is away"), 60)
    return SyncRunner(database_url)


@pytest.mark.mostly_slow
@pytest.mark.parametrize("compress", [False, True])
@pytest.mark.parametrize("format", ["envelope", "array", "ndjson"])
def test_every_format_is_read_as_it_was_stored(database_url, tmp_path, format, compress):
    """All records, and one by its key, are what the database gave; status finds nothing to say."""
    BREAKER.forget()
    session(tmp_path / "source", "2026-01-01", items=RECORDS, others=[{"a": 1}, {"a": 1}])
    runner = SyncRunner(database_url, tmp_path / "source")
    ok(runner.populate())
    stored = {entity: list(runner.read(entity)) for entity in ("items", "others")}
    ok(runner.export(format=format, compress=compress))
    found = ok(runner.status())
    assert [(one.name, one.verified, one.behind) for one in found.exports] == [
        ("items", True, False),
        ("others", True, False),
    ]
    assert found.state == "fine"
    away = reader_without(database_url)
    for entity, records in stored.items():
        reading = away.read(entity)
        assert (reading.source, sorted(reading, key=str)) == ("export", sorted(records, key=str))
    assert list(away.read("items", 7)) == [RECORDS[7]]
    assert list(away.read("others", 1)) == []


def test_an_unchanged_file_stays_young(database_url, tmp_path, monkeypatch):
    """An export that finds nothing to write leaves the file, and the file is as young as that."""
    BREAKER.forget()
    session(tmp_path / "source", "2026-01-01", items=RECORDS)
    runner = SyncRunner(database_url, tmp_path / "source")
    ok(runner.populate())
    monkeypatch.setattr("json2db_sync.export.draft.now_text", lambda: "2026-01-01T00:00:00Z")
    ok(runner.export())
    ok(runner.export())
    reading = reader_without(database_url).read("items")
    assert reading.generated_at == "2026-01-01T00:00:00Z"
    assert reading.age.total_seconds() < 60
    (Path("data") / ".json2db" / "confirmed.json").unlink()
    with pytest.raises(Unreachable, match="days old"):
        next(reader_without(database_url).read("items"))


@pytest.mark.mostly_slow
@pytest.mark.parametrize("format", ["envelope", "ndjson"])
@pytest.mark.parametrize("moment", ["2999-01-01T00:00:00Z", "2099-99-99T99:99:99Z"])
def test_a_moment_that_cannot_be_is_corrected(database_url, tmp_path, format, moment):
    """A file that says it was made in the future, or never, is stale; the next export makes it answer."""
    BREAKER.forget()
    session(tmp_path / "source", "2026-01-01", items=RECORDS)
    runner = SyncRunner(database_url, tmp_path / "source")
    ok(runner.populate())
    ok(runner.export(format=format))
    path = Path("data") / ("items.json" if format == "envelope" else "items.metadata.json")
    path.write_text(re.sub(r"(generated_at\": \")[^\"]+", rf"\g<1>{moment}", path.read_text("utf-8")), "utf-8")
    (Path("data") / ".json2db" / "confirmed.json").unlink()
    with pytest.raises(Unreachable, match=r"in the future|cannot be trusted"):
        next(reader_without(database_url).read("items"))
    assert [one.status for one in ok(runner.export(format=format, check=True)).files] == ["stale"]
    assert [one.status for one in ok(runner.export(format=format)).files] == ["written"]
    assert list(reader_without(database_url).read("items", 7)) == [RECORDS[7]]
    assert [one.status for one in ok(runner.export(format=format)).files] == ["unchanged"]


def test_a_part_is_no_answer(database_url, tmp_path):
    """Neither filtered records nor ones without their key stand in for all."""
    BREAKER.forget()
    session(tmp_path / "source", "2026-01-01", items=RECORDS)
    runner = SyncRunner(database_url, tmp_path / "source")
    ok(runner.populate())
    ok(runner.export(filters={"items": {"id": {"<": 5}}}))
    with pytest.raises(Unreachable, match="holds only those records that satisfy"):
        next(reader_without(database_url).read("items"))
    Path("data/items.schema.json").unlink()
    with pytest.raises(Unreachable, match=r'records that satisfy \{"id": \{"<": 5\}\}'):
        next(reader_without(database_url).read("items"))
    ok(runner.export(exclude={"items": ["id"]}))
    with pytest.raises(Unreachable, match="does not hold its key"):
        next(reader_without(database_url).read("items", 3))


def test_exports_are_scheduled():
    """The command that writes them can be scheduled, with its options."""
    from json2db_sync.interfaces.cli.checking import require_command

    require_command(["export", "--gzip", "--db-path", "x.db"])
    assert SyncRunner("x.db", config=JSON2DBConfig()).schedule("export --format ndjson", check=require_command)
