"""Loading through the runner, on every database: new, changed, unchanged, out of date, drifting and rejected records."""

from __future__ import annotations

import json
from itertools import permutations
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.sessions import ok, query, session, stored, verified, write

from json2db_sync import SyncRunner
from json2db_sync.config import JSON2DBConfig
from json2db_sync.model.jsontext import same


def test_a_changed_record_replaces_its_children(database_url, tmp_path):
    """Line items dropped, added and edited in a newer version leave no trace of the older one."""
    base = tmp_path / "sessions"
    session(
        base, "2025-01-01", bills=[{"bill_id": 1, "line_items": [{"q": 1}, {"q": 2}]}, {"bill_id": 2, "line_items": []}]
    )
    runner = SyncRunner(database_url, base)
    ok(runner.populate())
    session(base, "2025-01-02", bills=[{"bill_id": 1, "line_items": [{"q": 9}]}])
    result = ok(runner.populate())
    assert (result.statistics["updated"], result.statistics["inserted"]) == (1, 0)
    assert query(database_url, "SELECT _parent_id, _position, q FROM json_bills_line_items") == [(1, 0, 9)]
    verified(runner)


def test_unchanged_records_are_not_touched(database_url, tmp_path):
    """A record sent again, indented otherwise and with 1.0 for 1, keeps its time of change."""
    base = tmp_path / "sessions"
    session(base, "2025-01-01", items=[{"item_id": "a", "rate": 1, "tags": ["x"]}, {"item_id": "b", "rate": 2}])
    runner = SyncRunner(database_url, base)
    ok(runner.populate())
    query(database_url, "UPDATE json_items SET updated_at = '2001-01-01T00:00:00Z'")
    path = base / "sync_session_2025-01-02_08-00-00/raw_json/2025-01-02_08-00-00/items.json"
    path.parent.mkdir(parents=True)
    path.write_text('[ {"tags": ["x"],\n "rate": 1.0, "item_id": "a"}, {"item_id": "b", "rate": 3} ]')
    result = ok(runner.populate())
    assert (result.statistics["unchanged"], result.statistics["updated"]) == (1, 1)
    changed = query(database_url, "SELECT id FROM json_items WHERE updated_at > '2002-01-01T00:00:00Z'")
    assert changed == [("b",)]
    verified(runner)


def test_loading_twice_loads_nothing(database_url, tmp_path):
    """A second run reads no record of files that have not changed."""
    base = tmp_path / "sessions"
    session(base, "2025-01-01", a=[{"id": 1}], b=[{"no_key": 1}, {"no_key": 1}])
    runner = SyncRunner(database_url, base)
    ok(runner.populate())
    again = ok(runner.populate())
    assert (again.statistics["total_records"], again.files_unchanged) == (0, 2)
    assert len(stored(database_url, "b")) == 2


def test_records_without_a_key_are_added_once(database_url, tmp_path):
    """Identical records without a key are all kept, and the same file under another name adds none of them again."""
    records = [{"x": 1}, {"x": 1}, {"x": 2}]
    base = tmp_path / "sessions"
    session(base, "2025-01-01", log=records)
    session(base, "2025-01-02", log=[{"x": 2.0}, {"x": 1}, {"x": 3}])
    runner = SyncRunner(database_url, base)
    result = ok(runner.populate())
    assert sorted(record["x"] for record in stored(database_url, "log").values()) == [1, 1, 2, 3]
    assert (result.statistics["inserted"], result.statistics["unchanged"]) == (4, 2)
    verified(runner)


@pytest.mark.mostly_slow
@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_sessions_in_any_order_end_the_same(databases, tmp_path, order):
    """7, then 30, then 90 days of sessions end as 90 days at once would; older data never covers newer."""
    versions = [[{"id": 1, "v": "a"}, {"id": 2, "v": "x"}], [{"id": 1, "v": "b"}], [{"id": 1, "v": "a"}, {"id": 3}]]
    url = databases.create()
    for number in order:
        session(tmp_path, f"2025-01-0{number + 1}", things=versions[number])
        ok(SyncRunner(url, tmp_path).populate())
    assert stored(url, "things") == {1: {"id": 1, "v": "a"}, 2: {"id": 2, "v": "x"}, 3: {"id": 3}}
    verified(SyncRunner(url, tmp_path))
    databases.drop(url)


def test_superseded_records_are_counted(database_url, tmp_path):
    """Several versions of a key in one file: the last is stored, the others are counted as superseded."""
    many = [{"id": number, "v": 0} for number in range(200)]
    write(tmp_path / "t.json", [{"id": 5, "v": "first"}, *many])
    runner = SyncRunner(database_url, tmp_path / "t.json")
    result = ok(runner.populate())
    assert (result.statistics["inserted"], result.statistics["superseded"]) == (200, 1)
    assert stored(database_url, "t")[5] == {"id": 5, "v": 0}
    verified(runner)


def test_one_file_may_hold_a_version_twice(database_url, tmp_path):
    """v1, v2, v1 of one key in a file ends as v1, whatever the batch size."""
    for batch_size in (1, 2, 1000):
        path = write(
            tmp_path / f"{batch_size:04}" / "t.json", [{"id": 1, "v": 1}, {"id": 1, "v": 2}, {"id": 1, "v": 1}]
        )
        config = JSON2DBConfig(processing={"batch_size": batch_size, "keys": {"t": "id"}})
        runner = SyncRunner(database_url, path, config=config)
        statistics = ok(runner.populate()).statistics
        outcomes = [statistics[name] for name in ("inserted", "updated", "unchanged", "superseded", "rejected")]
        assert sum(outcomes) == statistics["read"] == 3
        assert statistics["superseded"] == 2
        assert stored(database_url, "t")[1] == {"id": 1, "v": 1}


def test_a_refused_file_of_several_entities_loads_when_it_is_mended(database_url, tmp_path):
    """What its name would be the entity of has no records, and is not waited for."""
    runner = SyncRunner(database_url, tmp_path / "in")
    write(tmp_path / "in" / "t.json", [{"id": 1}])
    path = write(tmp_path / "in" / "data.json", {"dogs": [{"id": 1}], "cats": [{"id": 2}]})
    whole = path.read_bytes()
    path.write_bytes(whole[:-8])
    assert [file.reason for file in ok(runner.populate()).refused_files] == ["file_cut_off"]
    path.write_bytes(whole)
    assert ok(runner.populate()).refused_files == ()
    assert (stored(database_url, "dogs"), stored(database_url, "cats")) == ({1: {"id": 1}}, {2: {"id": 2}})
    assert ok(runner.populate()).files_unchanged == 2
    verified(runner)


def test_a_guessed_key_that_repeats_refuses_the_file(database_url, tmp_path):
    """When the guess was wrong, nothing of the file is stored, and the error names the setting."""
    runner = SyncRunner(database_url, tmp_path)
    write(tmp_path / "a" / "t.json", [{"id": number} for number in range(10)])
    ok(runner.populate())
    write(tmp_path / "b" / "t.json", [{"id": number % 3, "v": number} for number in range(30)])
    result = ok(runner.populate())
    (refused,) = result.refused_files
    assert "27 of 30 records" in refused.error
    assert "processing.keys" in (refused.hint or "")
    assert len(stored(database_url, "t")) == 10
    verified(runner)


@pytest.mark.slow
def test_columns_appear_and_widen_while_loading(database_url, tmp_path):
    """Late keys and other kinds widen the tables in mid-run; every earlier record stays exactly as it was."""
    rows = [
        {"id": 1, "n": 1, "d": "2020-01-01", "b": True, "items": []},
        {"id": 2, "n": 1.5, "d": "", "b": "yes", "items": [{"a": 1}], "late": None},
        {"id": 3, "n": 2**70, "d": "2020-01-02", "b": {"x": 1}, "late": [{"z": 1}]},
        {"id": "four", "n": "12", "late": "text", "created_at": "2020", "Items": 1},
    ]  # fmt: skip
    for number, row in enumerate(rows):
        session(tmp_path, f"2025-01-0{number + 1}", t=[row])
    runner = SyncRunner(database_url, tmp_path)
    for number in range(len(rows)):
        ok(runner.populate(until=f"2025-01-0{number + 1}"))
        verified(runner)
    found = stored(database_url, "t")
    for row in rows:
        assert same(found[str(row["id"])], row)
    assert runner.create_tables().changes == ()


def test_recreating_keeps_every_row_and_its_history(database_url, tmp_path):
    """Safe recreation plans afresh and carries rows, times and provenance over; a backup was made before."""
    session(tmp_path, "2025-01-01", t=[{"id": 1, "a": 1, "items": [{"q": 1}]}, {"id": 2, "a": "x"}])
    runner = SyncRunner(database_url, tmp_path)
    ok(runner.populate())
    query(database_url, "UPDATE json_t SET created_at = '2001-01-01T00:00:00Z'")
    before = stored(database_url, "t")
    result = ok(runner.create_tables(recreate=True))
    assert result.records_carried_over == 2
    assert result.backup in [backup.name for backup in runner.backups().backups]
    assert stored(database_url, "t") == before
    assert query(database_url, "SELECT count(*) FROM json_t WHERE created_at < '2002-01-01T00:00:00Z'") == [(2,)]
    assert ok(runner.populate()).statistics["total_records"] == 0
    verified(runner)


def test_recreating_applies_a_key_configured_later(database_url, tmp_path):
    """A composite key takes effect with the next recreation, and loading then updates by it."""
    path = write(tmp_path / "pairs.json", [{"a": 1, "b": 1, "v": 1}, {"a": 1, "b": 2, "v": 1}])
    ok(SyncRunner(database_url, path).populate())
    config = JSON2DBConfig(processing={"keys": {"pairs": ["a", "b"]}})
    runner = SyncRunner(database_url, path, config=config)
    assert "takes effect with create-tables --recreate" in runner.analyze().notes[0]
    ok(runner.create_tables(recreate=True))
    write(path, [{"a": 1, "b": 2, "v": 2}])
    assert ok(runner.populate()).statistics["updated"] == 1
    assert stored(database_url, "pairs") == {
        '["1","1"]': {"a": 1, "b": 1, "v": 1},
        '["1","2"]': {"a": 1, "b": 2, "v": 2},
    }
    verified(runner)


def test_emptying_loads_everything_again(database_url, tmp_path):
    """Recreating empty discards the rows; the next population loads the same files anew."""
    session(tmp_path, "2025-01-01", t=[{"id": 1}], u=[{"id": 1}])
    runner = SyncRunner(database_url, tmp_path)
    ok(runner.populate())
    ok(runner.create_tables(recreate=True, empty=True, entity_filter=["t"]))
    assert stored(database_url, "t") == {}
    assert len(stored(database_url, "u")) == 1
    verified(runner)
    assert ok(runner.populate()).statistics["inserted"] == 1
    verified(runner)


@pytest.mark.mostly_slow
@pytest.mark.parametrize("dropped", ["TABLE json_t_items", "TABLE json_t_items; DROP TABLE json_t"])
def test_tables_someone_dropped_come_back_with_their_rows(database_url, tmp_path, dropped):
    """Verification misses them; the next population makes and fills them from their files."""
    session(tmp_path, "2025-01-01", t=[{"id": 1, "items": [{"q": 1}]}, {"id": 2, "items": []}])
    runner = SyncRunner(database_url, tmp_path)
    ok(runner.populate())
    before = stored(database_url, "t")
    for statement in f"DROP {dropped}".split("; "):
        query(database_url, statement)
    assert next(check.name for check in runner.verify().failed_checks) == "schema"
    ok(runner.populate())
    assert stored(database_url, "t") == before
    verified(runner)


def test_a_table_of_the_users_own_is_left_alone(database_url, tmp_path):
    """A table that only bears the name of one of ours is never touched, and the error says what to do."""
    query(database_url, "CREATE TABLE json_t (mine TEXT)")
    query(database_url, "INSERT INTO json_t VALUES ('precious')")
    session(tmp_path, "2025-01-01", t=[{"id": 1}])
    runner = SyncRunner(database_url, tmp_path)
    for result in (runner.create_tables(), runner.create_tables(recreate=True), runner.populate()):
        assert not result.success
        assert result.error_type == "validation_error"
        assert "json_t" in result.error
        assert "table_prefix" in result.hint
    assert query(database_url, "SELECT * FROM json_t") == [("precious",)]


@pytest.mark.slow
def test_what_users_added_to_our_tables_survives_a_rebuild(database_url, tmp_path):
    """Indexes of the user's on our tables, and tables that refer to ours, outlive a widening."""
    session(tmp_path, "2025-01-01", t=[{"id": "a", "n": 1}])
    runner = SyncRunner(database_url, tmp_path)
    ok(runner.populate())
    query(database_url, "CREATE INDEX my_index ON json_t (n)")
    if "://" not in database_url:
        query(database_url, "CREATE TABLE mine (t TEXT REFERENCES json_t (id) ON DELETE CASCADE)")
        query(database_url, "INSERT INTO mine VALUES ('a')")
        query(database_url, "CREATE VIEW my_view AS SELECT n FROM json_t")
    session(tmp_path, "2025-01-02", t=[{"id": "b", "n": 1.5}])
    result = ok(runner.populate())
    assert "widen column json_t.n (integer to number)" in result.schema_changes
    catalogue = "pg_indexes WHERE indexname" if "://" in database_url else "sqlite_master WHERE name"
    assert query(database_url, f"SELECT count(*) FROM {catalogue} = 'my_index'") == [(1,)]
    if "://" not in database_url:
        assert query(database_url, "SELECT * FROM mine") == [("a",)]
        assert query(database_url, "SELECT * FROM my_view ORDER BY n") == [(1.0,), (1.5,)]
    verified(runner)


def test_one_bad_record_harms_only_itself(database_url, tmp_path):
    """A non-object and a record no database can hold are kept with file, number, reason and text; the rest loads."""
    path = tmp_path / "t.json"
    path.write_text('[{"id": 1}, 7, {"id": 2, "x": 1e999}, {"id": 3}]')
    runner = SyncRunner(database_url, path)
    result = ok(runner.populate())
    assert result.needs_attention
    assert [(record.record, record.raw) for record in result.rejected_records] == [
        (2, "7"),
        (3, '{"id": 2, "x": 1e999}'),
    ]
    kept = runner.rejected(entity="t")
    assert (kept.total, kept.records[0].record) == (2, 3)
    assert "1e999" in kept.records[0].reason
    assert sorted(stored(database_url, "t")) == [1, 3]
    path.write_text('[{"id": 1}, {"id": 2}, {"id": 3}]')
    ok(runner.populate())
    assert runner.rejected().total == 0
    verified(runner)


def test_entity_filter_takes_only_those_entities(database_url, tmp_path):
    """Other files are not read, other entities of a file with several are left out until they are asked for."""
    write(tmp_path / "several.json", {"a": [{"id": 1}], "b": [{"id": 2}]})
    write(tmp_path / "c.json", [{"id": 3}])
    write(tmp_path / "broken.json", [])
    (tmp_path / "broken.json").write_text("[{")
    runner = SyncRunner(database_url, tmp_path)
    result = ok(runner.populate(entity_filter=["a"]))
    assert dict(result.entities).keys() == {"a"}
    assert result.refused_files == ()
    assert set(ok(runner.populate(entity_filter=["b", "c"])).entities) == {"b", "c"}
    unknown = runner.populate(entity_filter=["cc"])
    assert unknown.error_type == "configuration_error"
    assert "no entity cc" in unknown.error


def test_skipping_and_rewriting(database_url, tmp_path):
    """skip_existing_records never changes a stored record; without duplicate prevention every record is written."""
    base = tmp_path / "s"
    session(base, "2025-01-01", t=[{"id": 1, "v": 1}])
    ok(SyncRunner(database_url, base).populate())
    session(base, "2025-01-02", t=[{"id": 1, "v": 2}, {"id": 2, "v": 2}])
    skipping = JSON2DBConfig(processing={"skip_existing_records": True})
    statistics = ok(SyncRunner(database_url, base, config=skipping).populate()).statistics
    assert (statistics["inserted"], statistics["unchanged"], statistics["updated"]) == (1, 1, 0)
    assert stored(database_url, "t")[1] == {"id": 1, "v": 1}
    verified(SyncRunner(database_url, base))
    rewriting = JSON2DBConfig(processing={"enable_duplicate_prevention": False})
    statistics = ok(SyncRunner(database_url, base, config=rewriting).populate()).statistics
    assert (statistics["updated"], statistics["unchanged"]) == (3, 0)
    assert stored(database_url, "t")[1] == {"id": 1, "v": 2}


def test_custom_columns_end_up_in_the_tables(database_url, tmp_path):
    """The guide's columns are added to tables old and new, and session_id says which session a record came from."""
    session(tmp_path, "2025-01-01", t=[{"id": 1}])
    runner = SyncRunner(database_url, tmp_path)
    ok(runner.populate())
    columns = {
        "data_source": "TEXT DEFAULT 'json'",
        "import_timestamp": "TIMESTAMP DEFAULT CURRENT_TIMESTAMP",
        "session_id": "TEXT",
        "share": "INTEGER DEFAULT 7",
    }
    texts = ok(runner.generate_table_schemas(custom_columns=columns)).schemas
    assert all("import_timestamp TIMESTAMP DEFAULT CURRENT_TIMESTAMP" in text for text in texts.values())
    ok(runner.create_tables())
    session(tmp_path, "2025-01-02", t=[{"id": 2}], u=[{"id": 1}])
    ok(runner.populate())
    rows = query(database_url, "SELECT id, session_id, share, import_timestamp FROM json_t ORDER BY id")
    assert [row[:3] for row in rows] == [
        (1, "sync_session_2025-01-01_08-00-00", 7), (2, "sync_session_2025-01-02_08-00-00", 7)
    ]  # fmt: skip
    assert all(row[3] for row in rows)
    assert query(database_url, "SELECT session_id FROM json_u") == [("sync_session_2025-01-02_08-00-00",)]
    verified(runner)


@pytest.mark.slow
def test_a_backup_brings_back_the_state_it_holds(database_url, tmp_path):
    """Restoring goes back to the backup's rows, plans and ledger, and the state before is kept too."""
    session(tmp_path, "2025-01-01", t=[{"id": 1, "items": [{"q": 1}]}])
    runner = SyncRunner(database_url, tmp_path)
    ok(runner.populate())
    made = ok(runner.backup())
    session(tmp_path, "2025-01-02", t=[{"id": 1, "items": []}, {"id": "x"}], u=[{"id": 1}])
    ok(runner.populate(backup=True))
    restored = ok(runner.restore(made.backup))
    assert "the state before is in" in restored.notes[0]
    assert stored(database_url, "t") == {1: {"id": 1, "items": [{"q": 1}]}}
    verified(runner)
    ok(runner.populate())
    assert len(stored(database_url, "t")) == 2
    verified(runner)


def test_only_one_run_writes(database_url, tmp_path):
    """A second run gets a locked error that names the first; reading goes on."""
    session(tmp_path, "2025-01-01", t=[{"id": 1}])
    ok(SyncRunner(database_url, tmp_path).populate())
    seen = []

    def second(_event):
        if not seen:
            other = SyncRunner(database_url, tmp_path)
            seen.append(other.populate())
            seen.append(other.report())

    session(tmp_path, "2025-01-02", t=[{"id": 2}])
    runner = SyncRunner(
        database_url, tmp_path, on_event=lambda event: second(event) if type(event).__name__ == "Progress" else None
    )
    ok(runner.populate())
    locked, report = seen
    assert (locked.error_type, locked.success) == ("locked", False)
    assert "run 2 (populate), process" in locked.error
    assert report.success


def test_verification_finds_what_someone_changed(database_url, tmp_path):
    """Every kind of damage done behind our back fails the check that is there for it."""
    session(tmp_path, "2025-01-01", t=[{"id": n, "day": "2020-01-01", "items": [{"q": 1}, {"q": 2}]} for n in range(5)])
    runner = SyncRunner(database_url, tmp_path)
    ok(runner.populate())
    query(database_url, "DELETE FROM json_t WHERE id = 0")
    query(database_url, "UPDATE json_t_items SET q = 99 WHERE _parent_id = 1 AND _position = 0")
    query(database_url, "DELETE FROM json_t_items WHERE _parent_id = 2 AND _position = 0")
    if "://" not in database_url:
        query(database_url, "UPDATE json_t SET day = '2020-02-31' WHERE id = 3")
    result = runner.verify(full=True)
    failed = {check.name for check in result.failed_checks}
    expected = {"counts", "positions", "records"} | ({"dates"} if "://" not in database_url else set())
    assert failed == expected
    assert result.error_type == "validation_error"
    records = next(check for check in result.checks if check.name == "records")
    assert any("record 1 (id 0) is not in the database" in example for example in records.examples)
    assert any("$.items[0].q: sent 1, stored 99" in example for example in records.examples)


keys = st.sampled_from([1, 2, "2", 3, None])
values = st.sampled_from(
    [0, 1, 1.0, 1.5, "", "a", None, True, [], [{"x": 1}], [{"x": "y"}, {"z": None}], [1], {"o": 1}]
)
files = st.lists(
    st.lists(
        st.builds(lambda k, v, w: {"id": k, "v": v, **w}, keys, values, st.dictionaries(st.sampled_from("pq"), values)),
        max_size=4,
    ),
    min_size=1,
    max_size=4,
)


@pytest.mark.slow
@settings(
    max_examples=settings.default.max_examples // 40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(sessions=files, data=st.data())
def test_any_loads_in_any_order_equal_a_simple_model(databases, tmp_path_factory, sessions, data):
    """Whatever files with overlapping keys and drifting kinds are loaded in whatever order, the latest version wins."""
    base, url = tmp_path_factory.mktemp("model"), databases.create()
    config = JSON2DBConfig(processing={"keys": {"t": "id"}, "batch_size": 2})
    model: dict[str, Any] = {}
    keyless = []
    for records in sessions:
        for record in records:
            if record["id"] is None:
                keyless.append(record)
            else:
                model[str(record["id"])] = record
    runner = SyncRunner(url, base, config=config)
    for number in data.draw(st.permutations(range(len(sessions)))):
        session(base, f"2025-01-{number + 1:02}", t=sessions[number])
        statistics = ok(runner.populate()).statistics
        outcomes = [statistics[name] for name in ("inserted", "updated", "unchanged", "superseded", "rejected")]
        assert statistics["read"] == sum(outcomes)
        verified(runner)
    found = {str(key): record for key, record in stored(url, "t").items()}
    assert found.keys() == model.keys()
    for key, record in model.items():
        assert same(found[key], record), key
    assert sorted(record.raw for record in runner.rejected(most=None).records) == sorted(map(json.dumps, keyless))
    databases.drop(url)


def test_file_names_may_be_any_bytes(database_url, tmp_path):
    """A file whose name is not UTF-8 is loaded like any other, and known again."""
    import os

    name = os.fsencode(tmp_path) + b"/caf\xe9.json"
    with open(name, "wb") as file:
        file.write(b'[{"id": 1}]')
    runner = SyncRunner(database_url, tmp_path)
    assert ok(runner.populate()).statistics["inserted"] == 1
    assert ok(runner.populate()).files_unchanged == 1
    assert runner.report().success


def test_records_that_lack_the_key_are_pointed_out(database_url, tmp_path):
    """One record with a null key is rejected, and the result says so, counts it and asks for a look."""
    session(tmp_path, "2025-01-01", t=[{"id": number} for number in range(150)])
    runner = SyncRunner(database_url, tmp_path)
    assert not ok(runner.populate()).needs_attention
    session(tmp_path, "2025-01-02", t=[*({"id": number} for number in range(149)), {"id": None, "v": 1}])
    result = ok(runner.populate())
    assert (result.statistics["without_key"], result.statistics["rejected"], result.needs_attention) == (1, 1, True)
    assert any("1 record of t without id" in note for note in result.notes)
    assert not any(change.change == "change_key" for change in result.schema_changes)
    assert "present in 299 of 300 records" in runner.analyze().entities[0].key_reason
    verified(runner)


def test_populating_alone_finds_relations(database_url, tmp_path):
    """The first population plans all files together, so that references and their indexes are found."""
    contacts = [{"contact_id": str(number)} for number in range(20)]
    session(tmp_path, "2025-01-01", contacts=contacts, bills=[{"bill_id": n, "vendor_id": n} for n in range(9)])
    runner = SyncRunner(database_url, tmp_path)
    ok(runner.populate())
    (relation,) = runner.report().relations
    assert relation.relation == "json_bills.vendor_id -> contacts.contact_id (integer, text)"
    assert (relation.distinct, relation.matching) == (9, 9)
    assert not runner.analyze().schema_changes_required


def test_a_custom_column_must_not_take_a_name_of_the_data(database_url, tmp_path):
    """A clash with a JSON key's column is a clear error, and nothing changes."""
    session(tmp_path, "2025-01-01", t=[{"id": 1, "total": 5}])
    runner = SyncRunner(database_url, tmp_path)
    ok(runner.populate())
    result = runner.create_tables(custom_columns={"total": "TEXT"})
    assert result.error_type == "configuration_error"
    assert "custom column total" in result.error
    assert ok(SyncRunner(database_url, tmp_path).create_tables(custom_columns={"batch": "INTEGER DEFAULT 3"})).success
    assert query(database_url, "SELECT total, batch FROM json_t") == [(5, 3)]


def test_restoring_leaves_no_run_that_never_ended(database_url, tmp_path):
    """A backup knows only runs that are over, and the restore is a run of its own."""
    session(tmp_path, "2025-01-01", t=[{"id": 1}])
    runner = SyncRunner(database_url, tmp_path)
    ok(runner.populate())
    made = ok(runner.backup())
    ok(runner.restore(made.backup))
    runs = ok(runner.runs()).runs
    assert [(run.operation, run.status) for run in runs] == [("restore", "done"), ("populate", "done")]
