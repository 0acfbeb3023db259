"""An application's tables as files: what is in them, on both databases."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import jsonschema_rs
import pytest
from support.exports import TABLES, contents, document, execute, exported, query, records, runner_on, statuses

from json2db_sync import SyncRunner
from json2db_sync.export import related


@pytest.fixture
def url(database_url: str) -> str:
    """A database with the tables of an application."""
    execute(database_url, TABLES)
    return database_url


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out"


def test_a_reference_to_a_row_left_out_is_looked_for_once(database_url, out, monkeypatch):
    """However many pages refer to it: among all of a page, then by itself, as it may be spelled otherwise."""
    rows = ", ".join(f"({number}, 2)" for number in range(600))
    execute(
        database_url,
        "CREATE TABLE cities (id INTEGER PRIMARY KEY, name VARCHAR(20));\n"
        "CREATE TABLE venues (id INTEGER PRIMARY KEY, city_id INTEGER REFERENCES cities (id));\n"
        f"INSERT INTO cities VALUES (1, 'Riga'), (2, 'Oslo');\nINSERT INTO venues VALUES {rows};\n",
    )
    asked: list[list[object]] = []
    found = related._Lookup._found
    monkeypatch.setattr(related._Lookup, "_found", lambda self, keys: asked.append([*keys]) or found(self, keys))
    exported(database_url, out, tables=["venues"], filters={"cities": {"id": 1}})
    assert {one["city_name"] for one in records(out / "venues.json")} == {None}
    assert asked == [[2], [2]]


def test_every_table_becomes_a_file_in_order_of_key(url, out):
    """Each table is an envelope of its own: its rows in order of key, its keys in the order of the columns."""
    result = exported(url, out)
    assert statuses(result) == {"cities": "written", "events": "written", "venues": "written"}
    assert result.records == 10
    cities = document(out / "cities.json")
    assert list(cities) == ["metadata", "cities"]
    assert cities["cities"] == [
        {"id": 1, "name": "Baltimore", "country": "United States"},
        {"id": 2, "name": "東京", "country": "Japan"},
        {"id": 3, "name": "Łódź", "country": None},
    ]
    assert "東京".encode() in (out / "cities.json").read_bytes()
    assert [event["code"] for event in records(out / "events.json")] == ["Z", "a", "b", "é"]


def test_values_are_what_the_columns_hold(url, out):
    """Decimals come digit by digit, booleans as such, JSON columns as JSON with sorted keys, dates as ISO texts."""
    exported(url, out)
    venue = records(out / "venues.json")[1]
    assert venue["is_open"] is True
    assert venue["hours"] == {"a": 1.1, "b": [1, None]}
    assert list(venue["hours"]) == ["a", "b"]
    assert venue["opened"] == "2024-02-29"
    assert venue["fee"] == 12.5
    assert records(out / "venues.json")[2]["hours"] is None
    assert {event["code"]: event["rating"] for event in records(out / "events.json")} == {
        "Z": None, "a": 1e-7, "b": 4.5, "é": 3.0,
    }  # fmt: skip


def test_the_metadata_say_what_the_file_holds(url, out):
    """Version, moment, source, count, schema, checksum and statistics stand before the records, in this order."""
    exported(url, out, statistics={"venues": ["city_name"]})
    metadata = document(out / "venues.json")["metadata"]
    assert list(metadata) == [
        "version", "generated_at", "source", "total_count", "schema", "checksum", "statistics",
    ]  # fmt: skip
    assert metadata["total_count"] == 3
    assert metadata["schema"] == "venues.schema.json"
    assert "@" not in metadata["source"]  # neither user nor password
    assert metadata["statistics"]["top"]["city_name"] == [
        {"value": "Baltimore", "count": 1},
        {"value": "東京", "count": 1},
        {"value": None, "count": 1},
    ]


@pytest.mark.mostly_slow
@pytest.mark.parametrize("compress", [False, True])
@pytest.mark.parametrize("form", ["envelope", "array", "ndjson"])
@pytest.mark.parametrize("pretty", [False, True])
def test_every_format_holds_the_same_records(url, out, form, pretty, compress):
    """Whatever the format, the records and their checksum are the same, and the file is verified against the database."""
    plain = exported(url, out / "plain", format="ndjson")
    result = exported(url, out / "other", format=form, pretty=pretty, compress=compress)
    for one, other in zip(plain.files, result.files, strict=True):
        assert records(Path(other.file)) == records(Path(one.file))
        assert other.checksum == one.checksum
        lines = Path(one.file).read_bytes()
        assert one.checksum == f"sha256:{hashlib.sha256(lines).hexdigest()}"
        beside = out / "other" / f"{other.name}.metadata.json"
        assert beside.exists() == (form != "envelope")
        metadata = document(beside) if beside.exists() else document(Path(other.file))["metadata"]
        assert metadata["checksum"] == one.checksum
    shape = {"format": form, "pretty": pretty, "compress": compress}
    again = runner_on(url, out / "other").export(verify_only=True, validate=True, **shape)
    assert set(statuses(again).values()) == {"verified"}, again.error
    before = contents(out / "other")
    assert set(statuses(exported(url, out / "other", **shape)).values()) == {"unchanged"}
    assert contents(out / "other") == before


@pytest.mark.mostly_slow
@pytest.mark.parametrize("form", ["envelope", "array", "ndjson"])
def test_an_empty_table_is_an_empty_array(url, out, form):
    """A table without rows has its file too, which is verified and, but for lines, can be loaded."""
    execute(url, "DELETE FROM events;\n")
    exported(url, out, tables=["events"], format=form, validate=True)
    name = "events.ndjson" if form == "ndjson" else "events.json"
    assert records(out / name) == []
    assert runner_on(url, out).export(["events"], format=form, verify_only=True).success
    assert statuses(exported(url, out, tables=["events"], format=form)) == {"events": "unchanged"}


def test_an_unchanged_table_keeps_its_file(url, out, monkeypatch):
    """A second export writes nothing, whenever it runs; generated_at moves only with the content."""
    exported(url, out)
    before = contents(out)
    moments = {path.name: path.stat().st_mtime_ns for path in out.iterdir()}
    monkeypatch.setattr("json2db_sync.export.draft.now_text", lambda: "2031-01-01T00:00:00Z")
    assert set(statuses(exported(url, out)).values()) == {"unchanged"}
    assert contents(out) == before
    assert {path.name: path.stat().st_mtime_ns for path in out.iterdir() if path.is_file()} == {
        name: moment for name, moment in moments.items() if (out / name).is_file()
    }
    execute(url, "UPDATE cities SET name = 'Kyoto' WHERE id = 2;\n")
    assert statuses(exported(url, out)) == {"cities": "written", "events": "unchanged", "venues": "written"}
    assert document(out / "cities.json")["metadata"]["generated_at"] == "2031-01-01T00:00:00Z"
    assert document(out / "events.json")["metadata"]["generated_at"] != "2031-01-01T00:00:00Z"


def test_a_change_shows_as_that_change_alone(url, out):
    """The lines that differ are those of the record that changed, of the checksum, and of the moment at most."""
    exported(url, out)
    before = (out / "events.json").read_text("utf-8").splitlines()
    execute(url, "UPDATE events SET title = 'Concert' WHERE code = 'b';\n")
    (file,) = exported(url, out, tables=["events"]).files
    after = (out / "events.json").read_text("utf-8").splitlines()
    changed = [(one, other) for one, other in zip(before, after, strict=True) if one != other]
    assert {one.split('"')[1] for one, _other in changed} - {"generated_at"} == {"checksum", "title"}
    assert file.backup is not None
    assert Path(file.backup).read_text("utf-8").splitlines() == before


# Related names


def test_names_stand_beside_references(url, out):
    """Through foreign keys rows get the names of what they refer to, right behind the reference; nothing is overwritten."""
    exported(url, out)
    assert list(records(out / "venues.json")[0]) == [
        "id", "title", "city_id", "city_name", "fee", "is_open", "hours", "opened",
    ]  # fmt: skip
    assert [venue["city_name"] for venue in records(out / "venues.json")] == ["東京", "Baltimore", None]
    events = {event["code"]: event for event in records(out / "events.json")}
    assert [events[code]["venue_title"] for code in "aZb"] == [None, "Meguro", "Inner Harbor"]
    assert events["b"]["venue_name"] == "own name"


def test_names_are_followed_as_deep_as_asked(url, out):
    """At depth 2 the venue's own reference is followed; at 0 there are no names."""
    exported(url, out, related_depth=2)
    assert {event["code"]: event["city_name"] for event in records(out / "events.json")} == {
        "Z": "東京", "a": None, "b": "Baltimore", "é": None,
    }  # fmt: skip
    exported(url, out, related_depth=0)
    assert set(records(out / "events.json")[0]) == {"code", "title", "venue_id", "venue_name", "rating"}


def test_the_column_that_names_rows_can_be_said(url, out):
    """A configured column beats the guess; one that is not there is an error that names a near one."""
    exported(url, out, name_fields={"cities": "country"})
    assert records(out / "venues.json")[0]["city_country"] == "Japan"
    result = runner_on(url, out).export(name_fields={"cities": "nam"})
    assert (result.error_type, result.hint) == ("configuration_error", "did you mean name?")


# Shape


def test_fields_are_chosen_left_out_and_renamed(url, out):
    """Only the fields asked for are exported, in their order, under their new names; '*' stands for all other tables."""
    exported(
        url, out, fields={"venues": ["title", "id", "city_name"]}, exclude={"*": ["name"]},
        rename={"venues": {"title": "name"}},
    )  # fmt: skip
    assert records(out / "venues.json")[0] == {"id": 1, "name": "Meguro", "city_name": "東京"}
    assert records(out / "cities.json")[0] == {"id": 1, "country": "United States"}


def test_null_can_be_left_out(url, out):
    """With null_handling omit, keys that are null are left out, those in JSON columns too."""
    exported(url, out, null_handling="omit")
    assert records(out / "venues.json")[0] == {
        "id": 1, "title": "Meguro", "city_id": 2, "city_name": "東京", "is_open": False,
    }  # fmt: skip
    assert records(out / "venues.json")[1]["hours"] == {"a": 1.1, "b": [1, None]}


@pytest.mark.mostly_slow
@pytest.mark.parametrize(
    ("wanted", "codes"),
    [
        ({"code": "a"}, ["a"]),
        ({"code": ["a", "Z", "none"]}, ["Z", "a"]),
        ({"venue_id": {">=": 2}}, ["b", "é"]),
        ({"venue_id": {">": 1, "<": 3}}, ["b"]),
        ({"venue_id": None}, ["a"]),
        ({"venue_id": {"!=": None}, "rating": {"<=": 3}}, ["é"]),
        ({"title": {"!=": ["Tour", "Film"]}}, ["a"]),
        ({"title": "'; DROP TABLE events; --"}, []),
        ({"venue_id": "2"}, ["b"]),
    ],
)
def test_filters_choose_rows(url, out, wanted, codes):
    """A value, a list, comparisons, null: all must hold; values are bound, and never become SQL."""
    exported(url, out, tables=["events"], filters={"events": wanted})
    assert [event["code"] for event in records(out / "events.json")] == codes


@pytest.mark.mostly_slow
@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        ({"tables": ["venue"]}, "did you mean venues? "),
        ({"filters": {"venues": {"titel": 1}}}, "did you mean title?"),
        ({"filters": {"venues": {"title": {"~": 1}}}}, "a value, a list of values, or comparisons"),
        ({"fields": {"venues": ["titel"]}}, "did you mean title?"),
        ({"statistics": {"venues": ["city_nam"]}}, "did you mean city_name?"),
        ({"rename": {"venues": {"title": "fee"}}}, "rename one of them otherwise"),
        ({"check": True, "verify_only": True}, ""),
    ],
)
def test_a_slip_of_the_pen_is_told(url, out, arguments, hint):
    """A table or field that is not there is an error that names a near one; nothing is written."""
    result = runner_on(url, out).export(**arguments)
    assert result.error_type == "configuration_error"
    assert (result.hint or "").startswith(hint)
    assert not out.exists() or contents(out) == {}


def test_statistics_match_sql(url, out):
    """The counts in the metadata are those that SQL gives."""
    (file,) = exported(url, out, tables=["events"], statistics={"events": ["venue_id"]}).files
    counted = query(url, "SELECT venue_id, count(*) FROM events GROUP BY venue_id")
    assert file.statistics["total"] == 4
    assert {one["value"]: one["count"] for one in file.statistics["top"]["venue_id"]} == dict(counted)


# Schemas


def test_every_record_satisfies_the_schema_beside(url, out):
    """The schema beside each file is one of 2020-12, and every record satisfies it."""
    result = exported(url, out, validate=True)
    for file in result.files:
        schema = document(Path(file.schema))
        jsonschema_rs.meta.validate(schema)
        assert schema["$schema"].endswith("2020-12/schema")
        validator = jsonschema_rs.validator_for(schema)
        for record in records(Path(file.file)):
            assert validator.is_valid(record)
            assert set(record) == set(schema["required"])
    assert document(out / "events.schema.json")["x-key"] == ["code"]
    assert "x-filters" not in document(out / "events.schema.json")
    exported(url, out, filters={"events": {"code": "a"}}, rename={"events": {"code": "id"}})
    schema = document(out / "events.schema.json")
    assert (schema["x-key"], schema["x-filters"]) == (["id"], {"code": "a"})


# Looking without writing


def test_check_says_what_is_stale_and_writes_nothing(url, out):
    """Before, after, and after a change: missing, unchanged, stale; the result asks for attention, the files stay."""
    runner = runner_on(url, out)
    missing = runner.export(check=True)
    assert set(statuses(missing).values()) == {"missing"}
    assert missing.success
    assert missing.needs_attention
    assert not out.exists()
    runner.export()
    assert not runner.export(check=True).needs_attention
    execute(url, "DELETE FROM events WHERE code = 'a';\n")
    before = contents(out)
    assert statuses(runner.export(check=True)) == {"cities": "unchanged", "events": "stale", "venues": "unchanged"}
    assert contents(out) == before


def test_a_schema_that_was_changed_is_stale(url, out):
    """Each file that stands beside the records counts: one that was changed or removed is written anew."""
    exported(url, out, format="ndjson")
    (out / "cities.schema.json").write_text("{}")
    (out / "events.metadata.json").unlink()
    result = runner_on(url, out).export(format="ndjson", check=True)
    assert statuses(result) == {"cities": "stale", "events": "stale", "venues": "unchanged"}
    assert statuses(exported(url, out, format="ndjson"))["cities"] == "written"
    assert not runner_on(url, out).export(format="ndjson", check=True).needs_attention


def test_files_of_tables_that_are_gone_are_leftovers(url, out):
    """A file of a renamed table makes a check end with attention, and is noted by an export; others' files are not."""
    exported(url, out, format="ndjson")
    execute(url, "ALTER TABLE events RENAME TO shows;\n")
    (out / "people.json").write_text('{"metadata": {"source": "test.db"}, "people": []}')
    (out / "people.schema.json").write_text("{}")
    assert any(note.startswith("events.ndjson is of a table that is gone") for note in exported(url, out).notes)
    (out / "other").mkdir()
    for format in ("envelope", "array"):
        exported(url, out / "other", format=format)
        execute(url, "ALTER TABLE shows RENAME TO shown;\n")
        result = runner_on(url, out / "other").export(check=True, format=format)
        assert statuses(result)["shows"] == "leftover"
        assert result.success
        assert result.needs_attention
        execute(url, "ALTER TABLE shown RENAME TO shows;\n")
    assert "shows" not in [file.name for file in runner_on(url, out).export(["cities"], check=True).outdated]


def test_files_of_another_database_are_no_leftovers(url, out, tmp_path):
    """Two databases may be exported to one folder: what the other one wrote is its own."""
    other = f"sqlite:///{tmp_path / 'other.db'}"
    execute(other, "CREATE TABLE things (id INTEGER PRIMARY KEY);\n")
    exported(other, out)
    exported(url, out)
    assert not runner_on(url, out).export(check=True).needs_attention
    assert not runner_on(other, out).export(check=True).needs_attention


def test_sizes_are_those_on_the_disk(url, out):
    """The size of a file is what it takes on the disk, its metadata included, and packed where it is."""
    for compress in (False, True):
        for arguments in ({}, {"check": True}, {"verify_only": True}):
            for file in runner_on(url, out).export(compress=compress, **arguments).files:
                assert file.bytes == Path(file.file).stat().st_size


def test_inner_tables_are_left_out(tmp_path, out):
    """What SQLite keeps for a full-text index is exported only when it is named."""
    url = f"sqlite:///{tmp_path / 'app.db'}"
    execute(url, "CREATE VIRTUAL TABLE docs USING fts5(body);\nINSERT INTO docs VALUES ('a text');\n")
    assert statuses(exported(url, out)) == {"docs": "written"}
    assert records(out / "docs.json") == [{"body": "a text"}]
    assert statuses(exported(url, out, tables=["docs_config"])) == {"docs_config": "written"}
    assert exported(url, out).notes == ()


def test_git_passes_over_backups(url, out):
    """The folder of backups ignores itself, unless its owner says otherwise there."""
    exported(url, out)
    execute(url, "DELETE FROM events WHERE code = 'a';\n")
    exported(url, out)
    ignored = out / "backups/.gitignore"
    assert ignored.read_text() == "*\n"
    ignored.write_text("")
    execute(url, "DELETE FROM events WHERE code = 'b';\n")
    exported(url, out)
    assert ignored.read_text() == ""


def test_verification_names_the_first_differences(url, out):
    """A value, a record that is missing, one that is too many, a wrong checksum: each is told; the result fails."""
    exported(url, out)
    value = document(out / "events.json")
    value["events"][0]["title"] = "changed by hand"
    del value["events"][1]
    value["events"].append({"code": "zz"})
    (out / "events.json").write_text(json.dumps(value), "utf-8")
    result = runner_on(url, out).export(verify_only=True, validate=True)
    assert (result.success, result.error_type) == (False, "validation_error")
    assert statuses(result) == {"cities": "verified", "events": "different", "venues": "verified"}
    (found,) = (file.differences for file in result.files if file.differences)
    assert found[:3] == (
        'code "Z": $.title is "changed by hand" in the file and null in the database',
        'code "a" is in the database and not in the file',
        'code "zz" is in the file and not in the database',
    )
    assert any("its metadata states the checksum sha256:" in text for text in found)
    assert any("does not satisfy events.schema.json" in text for text in found)


def test_verification_compares_content_not_spelling(url, out):
    """Records that are only written otherwise are no difference, but their checksum is."""
    exported(url, out)
    text = (out / "cities.json").read_text("utf-8").replace("東京", "\\u6771\\u4eac")
    (out / "cities.json").write_text(text, "utf-8")
    (file,) = runner_on(url, out).export(["cities"], verify_only=True).files
    assert len(file.differences) == 1
    assert "checksum" in file.differences[0]


@pytest.mark.mostly_slow
@pytest.mark.parametrize("text", ["", "{", "no JSON", '{"events": 1}', "[1, 2]"])
def test_a_damaged_file_is_different_and_written_anew(url, out, text):
    """A file that cannot be read is a difference with its reason; an export replaces it and keeps it as a backup."""
    exported(url, out)
    (out / "events.json").write_text(text)
    result = runner_on(url, out).export(verify_only=True)
    assert statuses(result)["events"] == "different"
    (file,) = (file for file in exported(url, out).files if file.status == "written")
    assert Path(file.backup).read_text() == text
    assert runner_on(url, out).export(verify_only=True).success


# Places


def test_files_of_another_format_are_told_of(url, out):
    """What an export in another format left is not part of this one, and the result says so."""
    exported(url, out, format="ndjson")
    result = exported(url, out)
    assert any(note.startswith("cities.ndjson is there too") for note in result.notes)


def test_names_that_no_file_can_bear(url, out):
    """A table's name is written so that it can be a file's; the records are found in it all the same."""
    execute(url, 'CREATE TABLE "a/b.c d" (id INTEGER PRIMARY KEY);\nINSERT INTO "a/b.c d" VALUES (1);\n')
    execute(url, "CREATE TABLE metadata (id INTEGER PRIMARY KEY);\nINSERT INTO metadata VALUES (1);\n")
    result = exported(url, out, tables=["a/b.c d", "metadata"], validate=True)
    assert sorted(Path(file.file).name for file in result.files) == ["a%2Fb%2Ec d.json", "metadata.json"]
    assert runner_on(url, out).export(["a/b.c d", "metadata"], verify_only=True).success


def test_a_view_is_exported_when_it_is_named(url, out):
    """Views are left out unless asked for; they have no key, and are ordered by all their columns."""
    execute(url, "CREATE VIEW names AS SELECT title, city_id FROM venues;\n")
    assert "names" not in statuses(exported(url, out))
    exported(url, out, tables=["names"])
    assert [row["title"] for row in records(out / "names.json")] == ["Inner Harbor", "Meguro", "Nowhere"]


def test_our_entities_come_before_other_tables(url, out, tmp_path):
    """Where there are entities, they are what is exported; other tables when they are named, and the ledger never."""
    folder = tmp_path / "source"
    folder.mkdir()
    (folder / "invoices.json").write_text('[{"id": 1, "lines": [{"n": 1}]}]')
    assert SyncRunner(url, folder).populate().success
    assert statuses(exported(url, out)) == {"invoices": "written"}
    assert statuses(exported(url, out, tables=["cities", "invoices"])) == {"cities": "written", "invoices": "unchanged"}
    assert runner_on(url, out).export(["json2db_runs"]).error_type == "configuration_error"
    assert runner_on(url, out).export(["json_invoices_lines"]).error_type == "configuration_error"


def test_an_empty_database_has_nothing_to_export(database_url, out):
    """A database without tables, or none at all, is an error that says what to do."""
    result = runner_on(database_url, out).export()
    assert not result.success
    assert result.hint
    assert not out.exists()


def test_the_database_is_never_written_over(tmp_path):
    """Where a table's file would be the database itself, nothing is written."""
    execute(f"sqlite:///{tmp_path / 'a.db'}", "CREATE TABLE t (id INTEGER PRIMARY KEY)")
    path = (tmp_path / "a.db").rename(tmp_path / "t.json")
    before = path.read_bytes()
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "t.json").symlink_to(path)
    for folder in (tmp_path, tmp_path / "out"):
        result = SyncRunner(str(path)).export("t", folder)
        assert (result.success, result.error_type) == (False, "file_error")
        assert "t.json is the database itself" in result.error
    assert path.read_bytes() == before


@pytest.mark.mostly_slow
@pytest.mark.parametrize("form", ["envelope", "array", "ndjson"])
def test_a_file_that_was_not_an_export_is_told_of(url, out, form):
    """It is backed up and replaced, and a note says where it is; an export, of whatever format, is replaced in silence."""
    path = out / ("cities.ndjson" if form == "ndjson" else "cities.json")
    out.mkdir()
    path.write_text('{"mine": 1}\n')
    (note,) = exported(url, out, tables="cities", format=form).notes
    assert note.startswith(f"{path} was not an export; what it held is kept in ")
    assert Path(note.rpartition(" in ")[2]).read_text() == '{"mine": 1}\n'
    for other in ("envelope", "array", form):
        execute(url, f"UPDATE cities SET country = '{other}2' WHERE id = 1")
        notes = exported(url, out, tables="cities", format=other).notes
        assert not [note for note in notes if "not an export" in note]


@pytest.mark.mostly_slow
@pytest.mark.parametrize(
    "option",
    [
        {"exclude": {"users": ["name"]}},
        {"fields": {"Cities": ["id"]}},
        {"rename": {"users": {"name": "x"}}},
        {"filters": {"users": {"id": 1}}},
        {"statistics": {"users": ["name"]}},
        {"name_fields": {"users": "name"}},
        {"name_fields": {"*": "name"}},
    ],
)
def test_an_option_for_a_table_that_is_nowhere_is_an_error(url, out, option):
    """What is said of a table that does not exist, in this very date_format, is refused, and nothing is written."""
    result = runner_on(url, out).export(["cities"], **option)
    (tables,) = option.values()
    assert (result.success, result.error_type) == (False, "configuration_error")
    assert f"there is no entity and no table {next(iter(tables))}" in result.error
    assert ("did you mean cities?" in result.hint) == ("Cities" in tables)
    assert not out.exists()
    assert runner_on(url, out).export(["cities"], exclude={"venues": ["fee"]}).success


@pytest.mark.mostly_slow
@pytest.mark.parametrize("pretty", [False, True])
@pytest.mark.parametrize("form", ["envelope", "array", "ndjson"])
def test_records_may_be_left_without_fields(url, out, form, pretty):
    """Where all fields of a table are excluded, each of its rows is an empty object, in every format."""
    exclude = {"cities": ["id", "name", "country"]}
    shape = {"exclude": exclude, "format": form, "pretty": pretty}
    exported(url, out, tables=["cities"], validate=True, **shape)
    assert records(out / ("cities.ndjson" if form == "ndjson" else "cities.json")) == [{}, {}, {}]
    assert runner_on(url, out).export(["cities"], verify_only=True, **shape).success


@pytest.mark.mostly_slow
@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ([1, None], [1, 3]),
        ([None], [3]),
        ({"=": [2, None]}, [2, 3]),
        ({"!=": [1, None]}, [2]),
        ({"!=": [None]}, [1, 2]),
        ({"!=": [1, 9]}, [2]),
        ([], []),
    ],
)
def test_a_list_may_hold_null(url, out, wanted, expected):
    """In a list of a filter, None stands for a column without a value, and hides no other record."""
    execute(url, "UPDATE venues SET city_id = CASE id WHEN 3 THEN NULL ELSE id END;\n")
    exported(url, out, tables=["venues"], filters={"venues": {"city_id": wanted}})
    assert [venue["id"] for venue in records(out / "venues.json")] == expected


@pytest.mark.mostly_slow
@pytest.mark.parametrize("wanted", ["\ud800", ["a", "\ud800"], [[1]], [{"a": 1}], {"=": {"a": 1}}])
@pytest.mark.parametrize("field", ["id", "name"])
def test_a_filter_that_the_database_does_not_take_is_an_error(url, out, field, wanted):
    """A value that cannot be compared with the column is named as such, and nothing is written."""
    result = runner_on(url, out).export(["cities"], filters={"cities": {field: wanted}})
    assert result.error_type == "configuration_error"
    assert f"the filter of cities.{field} is wrong" in result.error
    assert not (out / "cities.json").exists()
