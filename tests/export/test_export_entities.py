"""Our entities as files, on both databases; and exports that are stopped, or find that a disk lies."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from support.exports import contents, execute, exported, records, runner_on, statuses

from json2db_sync import SyncRunner, events
from json2db_sync.atomic_files import FileSet
from json2db_sync.config import JSON2DBConfig
from json2db_sync.errors import Cancelled

CONTACTS = [{"contact_id": 7, "contact_name": "Łódź Ltd"}, {"contact_id": 9, "contact_name": None}]
INVOICES = [
    {"total": 10.5, "id": "b", "contact_id": 7, "lines": [{"z": 1, "a": {"y": 2, "x": [None]}}], "date": "2025-01-31"},
    {"id": "a", "contact_id": None, "lines": [], "big": 12345678901234567890123, "paid": True, "date": "2025-02-01"},
    {"id": "c", "contact_id": 8, "total": 7, "paid": None, "date": "2024-12-31"},
]


@pytest.fixture
def url(database_url: str, tmp_path: Path) -> str:
    """A database with invoices and contacts, and an entity without records."""
    source = tmp_path / "source"
    source.mkdir()
    for name, value in (("contacts", CONTACTS), ("invoices", INVOICES), ("nothing", [])):
        (source / f"{name}.json").write_text(json.dumps(value), "utf-8")
    assert SyncRunner(database_url, source).populate().success
    return database_url


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out"


def test_records_come_as_they_were_loaded(url, out):
    """Lists stand in their records, absent keys stay absent, the key comes first, all others in order of name."""
    exported(url, out, validate=True)
    found = records(out / "invoices.json")
    assert found == sorted(INVOICES, key=lambda record: record["id"])
    assert [list(record) for record in found][1] == ["id", "contact_id", "date", "lines", "total"]
    assert list(found[1]["lines"][0]) == ["a", "z"]
    assert list(found[1]["lines"][0]["a"]) == ["x", "y"]
    assert records(out / "nothing.json") == []


def test_names_are_found_through_relations_when_asked(url, out):
    """Entities get no names unless asked; then through the relations of their plan, missing ones as null."""
    exported(url, out)
    assert "contact_name" not in records(out / "invoices.json")[1]
    (invoices,) = exported(url, out, tables=["invoices"], related_depth=2).files
    assert invoices.related == ("contact_name (contact_id -> json_contacts.contact_name)",)
    assert [record["contact_name"] for record in records(out / "invoices.json")] == [None, "Łódź Ltd", None]
    assert runner_on(url, out).export(["invoices"], related_depth=2, verify_only=True, validate=True).success


@pytest.mark.mostly_slow
@pytest.mark.parametrize(
    ("wanted", "ids"),
    [
        ({"id": ["a", "c"]}, "ac"),
        ({"total": {">": 7}}, "b"),
        ({"total": {">=": 7}}, "bc"),
        ({"total": None}, "a"),
        ({"date": {">=": "2025-01-01", "<": "2025-02-01"}}, "b"),
        ({"date": "2025-02-01"}, "a"),
        ({"paid": True}, "a"),
        ({"contact_id": {"!=": None}}, "bc"),
        ({"big": 12345678901234567890123}, "a"),
    ],
)
def test_filters_choose_records(url, out, wanted, ids):
    """Fields of every kind can be compared; a field that is absent counts as null."""
    exported(url, out, tables=["invoices"], filters={"invoices": wanted})
    assert "".join(record["id"] for record in records(out / "invoices.json")) == ids


def test_fields_can_be_shaped(url, out):
    """Fields are chosen, renamed, counted, and null left out, as in other tables."""
    exported(
        url, out, tables=["invoices"], fields={"invoices": ["id", "paid", "lines", "total"]}, null_handling="omit",
        rename={"invoices": {"id": "invoice", "lines": "items"}}, statistics={"invoices": ["paid", "total"]},
    )  # fmt: skip
    assert records(out / "invoices.json") == [
        {"invoice": "a", "items": [], "paid": True},
        {"invoice": "b", "items": [{"a": {"x": [None], "y": 2}, "z": 1}], "total": 10.5},
        {"invoice": "c", "total": 7},
    ]
    metadata = json.loads((out / "invoices.json").read_text())["metadata"]
    assert metadata["statistics"]["top"]["paid"] == [{"value": True, "count": 1}]


def test_an_unknown_field_is_told(url, out):
    """A field that no record has is an error that names a near one."""
    result = runner_on(url, out).export(exclude={"invoices": ["totl"]})
    assert (result.error_type, result.hint) == ("configuration_error", "did you mean total?")


def test_more_keys_than_columns(database_url, out, tmp_path):
    """Keys that have no column are exported too, and can be left out and renamed."""
    (tmp_path / "source").mkdir()
    record = {"id": 1, **{f"k{number}": number for number in range(30)}}
    (tmp_path / "source/wide.json").write_text(json.dumps([record]))
    config = JSON2DBConfig(processing={"max_columns": 5}, export={"directory": out})
    runner = SyncRunner(database_url, tmp_path / "source", config=config)
    assert runner.populate().success
    assert runner.export(validate=True).success
    assert records(out / "wide.json") == [record]
    runner.export(exclude={"wide": ["k7"]}, rename={"wide": {"k29": "last"}})
    assert set(record) - set(records(out / "wide.json")[0]) == {"k7", "k29"}


def test_our_tables_as_an_application_would_change_them(url, out):
    """A value changed by SQL is a change of the entity like any other: stale, told, and written."""
    exported(url, out)
    execute(url, "UPDATE json_invoices SET total = 11.25 WHERE id = 'b';\n")
    runner = runner_on(url, out)
    assert statuses(runner.export(check=True)) == {"contacts": "unchanged", "invoices": "stale", "nothing": "unchanged"}
    (found,) = (file.differences for file in runner.export(verify_only=True).files if file.differences)
    assert found == ('id "b": $.total is 10.5 in the file and 11.25 in the database',)


# What goes wrong


def test_a_stopped_export_leaves_everything_as_it_was(url, out):
    """Whoever stops it finds every file as it was before."""
    exported(url, out)
    execute(url, "UPDATE json_invoices SET total = 1 WHERE id = 'b';\n")
    before = contents(out)

    def stop(event: events.Event) -> None:
        if isinstance(event, events.Progress):
            raise Cancelled("stopped")

    config = JSON2DBConfig(export={"directory": out})
    result = SyncRunner(url, config=config, on_event=stop).export()
    assert result.error_type == "cancelled"
    assert contents(out) == before
    assert not (out / "backups").exists()


class _LyingDisk(FileSet):
    """Gives back another text than was written."""

    def staged(self, name: str) -> Path:
        path = super().staged(name)
        if name.endswith("invoices.json"):
            path.write_bytes(path.read_bytes().replace(b"10.5", b"10.4"))
        return path


def test_what_is_read_back_otherwise_is_not_published(url, out, monkeypatch):
    """A file that is not read back as the database gave it is an error, and nothing of the run is published."""
    monkeypatch.setattr("json2db_sync.atomic_files.FileSet", _LyingDisk)
    result = runner_on(url, out).export()
    assert result.error_type == "file_error"
    assert "it was written, and read back as something else" in (result.error or "")
    assert contents(out) == {}


def test_records_that_do_not_satisfy_their_schema_are_not_published(tmp_path: Path, out: Path, monkeypatch: Any):
    """With validate, a record that its schema does not describe keeps the run from publishing anything."""
    url = str(tmp_path / "test.db")
    execute(url, "CREATE TABLE t (id INTEGER PRIMARY KEY);\nINSERT INTO t VALUES (1);\n")
    monkeypatch.setattr("json2db_sync.export.application.type_of_column", lambda column: {"type": "null"})
    monkeypatch.setattr("json2db_sync.export.schema.ObservedKinds.widened", lambda self, name, schema: schema)
    result = runner_on(url, out).export(validate=True)
    assert result.error_type == "file_error"
    assert "record 1 does not satisfy t.schema.json" in (result.error or "")
    assert contents(out) == {}
