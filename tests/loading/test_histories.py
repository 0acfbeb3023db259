"""Histories: what several loads, settings and hands do to a database one after the other. Each was a fault once."""

from __future__ import annotations

import pytest
from support.sessions import ok, query, session, stored, verified, write

from json2db_sync import SyncRunner
from json2db_sync import events as event_types
from json2db_sync.config import JSON2DBConfig
from json2db_sync.errors import Cancelled
from json2db_sync.model.jsontext import same


def runner_of(url, base, **sections):
    return SyncRunner(url, base, config=JSON2DBConfig(**sections))


def contacts_and_invoices(base):
    """A session in which invoices refer to contacts."""
    invoices = [{"inv_id": 90 + n, "contact_id": n} for n in range(5)]
    session(base, "2025-01-01", contacts=[{"contact_id": n} for n in range(9)], inv=invoices)


@pytest.mark.slow
def test_an_array_of_objects_in_a_json_column_becomes_a_table(database_url, tmp_path):
    """However late the first array of objects comes, and whatever stood there before, nothing is lost."""
    runner = SyncRunner(database_url, tmp_path)
    rows = [{"id": 1, "x": {"k": 1}}, {"id": 2, "x": [{"p": 1}]}, {"id": 3, "x": [{"q": 1}], "new": 1}]
    for number, row in enumerate(rows, 1):
        session(tmp_path, f"2025-01-0{number}", a=[row])
        ok(runner.populate())
        verified(runner)
    assert list(stored(database_url, "a").values()) == rows
    rows_of_x = query(database_url, "SELECT _parent_id, k, p, q FROM json_a_x ORDER BY 1")
    assert rows_of_x == [(1, 1, None, None), (2, None, 1, None), (3, None, None, 1)]


@pytest.mark.slow
def test_new_child_tables_do_not_take_a_siblings_name(database_url, tmp_path):
    """Keys that make the same name get tables of their own, whichever came first."""
    runner = SyncRunner(database_url, tmp_path)
    rows = [{"id": 1, "lineItems": [{"x": 1}], "line_items": None}, {"id": 2, "line_items": [{"x": 1}]}]
    for number, row in enumerate(rows, 1):
        session(tmp_path, f"2025-01-0{number}", orders=[row])
        ok(runner.populate())
    assert list(stored(database_url, "orders").values()) == rows
    verified(runner)


def test_a_join_of_two_references_has_no_key_of_one(database_url, tmp_path):
    """item_id of order_items refers to items: taking it for the key would merge orders."""
    session(tmp_path, "2025-01-01", order_items=[{"order_id": 1, "item_id": n, "qty": 1} for n in (5, 6)])
    session(tmp_path, "2025-01-02", order_items=[{"order_id": 2, "item_id": n, "qty": 9} for n in (5, 6)])
    runner = SyncRunner(database_url, tmp_path)
    assert ok(runner.populate()).statistics["inserted"] == 4
    assert "seems to refer to another entity" in runner.analyze().entities[0].key_reason


def test_single_objects_in_different_folders_are_different_records(database_url, tmp_path):
    """Objects without a key in files of the same name do not overwrite each other; each updates itself."""
    for continent in ("asia", "europe"):
        write(tmp_path / "artworks" / continent / "1.json", {"title": continent})
    runner = runner_of(database_url, tmp_path, data_source={"entities": {"artworks/*.json": "artworks"}})
    assert ok(runner.populate()).statistics["inserted"] == 2
    write(tmp_path / "artworks" / "asia" / "1.json", {"title": "Asia"})
    assert ok(runner.populate()).statistics["updated"] == 1
    assert sorted(record["title"] for record in stored(database_url, "artworks").values()) == ["Asia", "europe"]
    verified(runner)


@pytest.mark.slow
def test_an_empty_file_changes_no_key(database_url, tmp_path):
    """Ids stay integers when a session brings no record."""
    session(tmp_path, "2025-01-01", a=[{"id": 1, "l": [{"x": 1}]}])
    runner = SyncRunner(database_url, tmp_path)
    ok(runner.full_workflow())
    session(tmp_path, "2025-01-02", a=[])
    assert ok(runner.create_tables(since="2025-01-02")).changes == ()
    assert ok(runner.full_workflow(since="2025-01-02")).success


def test_a_key_setting_may_be_left_out_later(database_url, tmp_path):
    """The stored key is followed although no setting names it any more."""
    session(tmp_path, "2025-01-01", a=[{"nr": 1}, {"nr": 2}])
    ok(runner_of(database_url, tmp_path, processing={"keys": {"a": "nr"}}).populate())
    session(tmp_path, "2025-01-02", a=[{"nr": 2, "z": 1}])
    result = ok(SyncRunner(database_url, tmp_path).populate())
    assert result.schema_changes == ("add column json_a.z (integer)",)
    assert sorted(stored(database_url, "a")) == [1, 2]


@pytest.mark.mostly_slow
@pytest.mark.parametrize("depths", [(2, 1), (1, 0), (1, 2), (0, 2)])
def test_child_depth_may_change_between_runs(database_url, tmp_path, depths):
    """Tables of deeper levels that are there still widen, and deeper settings take in what is stored."""
    rows = [{"id": 1, "l": [{"m": [{"a": 1}]}]}, {"id": 2, "l": [{"m": [{"a": "x", "b": 1}], "n": 1}], "k": 1}]
    for number, (depth, row) in enumerate(zip(depths, rows, strict=True), 1):
        session(tmp_path, f"2025-01-0{number}", a=[row])
        runner = runner_of(database_url, tmp_path, processing={"child_depth": depth})
        assert ok(runner.populate()).statistics["rejected"] == 0
        verified(runner)
    assert list(stored(database_url, "a").values()) == rows


@pytest.mark.slow
def test_a_relation_goes_with_its_column(database_url, tmp_path):
    """A reference that becomes an array of objects is not a relation any more, and no obstacle."""
    contacts_and_invoices(tmp_path)
    runner = SyncRunner(database_url, tmp_path)
    ok(runner.full_workflow())
    assert len(runner.report().relations) == 1
    session(tmp_path, "2025-01-02", inv=[{"inv_id": 97, "contact_id": [{"a": 1}]}])
    ok(runner.populate())
    assert runner.report().relations == ()
    verified(runner)


@pytest.mark.slow
def test_a_relation_goes_with_a_column_that_stored_rows_turn_into_a_table(database_url, tmp_path):
    """A deeper child_depth makes tables of what stands in JSON columns, a reference of old among them."""
    contacts_and_invoices(tmp_path)
    flat = runner_of(database_url, tmp_path, processing={"child_depth": 0})
    ok(flat.full_workflow())
    session(tmp_path, "2025-01-02", inv=[{"inv_id": 97, "contact_id": [{"a": 1}], "x": [{"b": 1}]}])
    ok(flat.populate())
    session(tmp_path, "2025-01-03", inv=[{"inv_id": 98, "contact_id": 1, "x": [{"b": 2}], "new": 1}])
    deep = SyncRunner(database_url, tmp_path)
    ok(deep.populate())
    assert deep.report().relations == ()
    assert query(database_url, "SELECT _parent_id, a FROM json_inv_contact_id") == [(97, 1)]
    verified(deep)


@pytest.mark.slow
def test_a_value_too_long_for_an_index_harms_only_its_record(database_url, tmp_path):
    """PostgreSQL cannot index some texts: that record is rejected, SQLite stores it."""
    session(
        tmp_path,
        "2025-01-01",
        contacts=[{"contact_id": f"c{n}"} for n in range(9)],
        inv=[{"inv_id": n, "contact_id": f"c{n}"} for n in range(5)],
    )
    runner = SyncRunner(database_url, tmp_path)
    ok(runner.full_workflow())
    long = "".join(chr(97 + n * n % 26) + str(n) for n in range(5000))
    session(tmp_path, "2025-01-02", inv=[{"inv_id": 7, "contact_id": long}, {"inv_id": 8, "contact_id": "c1"}])
    statistics = ok(runner.populate()).statistics
    assert statistics["rejected"] == (1 if "://" in database_url else 0)
    assert statistics["inserted"] + statistics["rejected"] == 2
    verified(runner)


def test_custom_columns_belong_to_the_user(database_url, tmp_path):
    """What someone wrote into a custom column outlives newer versions of the record."""
    session(tmp_path, "2025-01-01", a=[{"id": 1, "v": 1}])
    runner = SyncRunner(database_url, tmp_path)
    ok(runner.create_tables(custom_columns={"reviewed_by": "TEXT", "prio": "INTEGER DEFAULT 0", "session_id": "TEXT"}))
    ok(runner.populate())
    query(database_url, "UPDATE json_a SET reviewed_by = 'ann', prio = 5")
    session(tmp_path, "2025-01-02", a=[{"id": 1, "v": 2}])
    ok(runner.populate())
    rows = query(database_url, "SELECT v, reviewed_by, prio, session_id FROM json_a")
    assert rows == [(2, "ann", 5, "sync_session_2025-01-02_08-00-00")]


def test_a_configured_key_missing_in_one_file_stops_no_other(database_url, tmp_path):
    """Its records are rejected, which is said; the other files load."""
    for number, record in enumerate([{"k": 1}, {"z": 1}, {"k": 2}], 1):
        session(tmp_path, f"2025-01-0{number}", a=[record])
    result = ok(runner_of(database_url, tmp_path, processing={"keys": {"a": "k"}}).populate())
    assert [result.statistics[name] for name in ("inserted", "without_key", "rejected")] == [2, 1, 1]


def test_raising_max_columns_fills_the_new_columns(database_url, tmp_path):
    """Values that had no column so far move into the one they get."""
    session(tmp_path, "2025-01-01", a=[{"id": 1, "a": 1, "d": "text", "l": [{"x": 1}]}])
    ok(runner_of(database_url, tmp_path, processing={"max_columns": 2}).populate())
    wide = runner_of(database_url, tmp_path, processing={"max_columns": 9})
    ok(wide.create_tables())
    assert query(database_url, "SELECT d, _rest FROM json_a") == [("text", None)]
    session(tmp_path, "2025-01-02", a=[{"id": 2, "d": 5}])
    ok(wide.populate())
    verified(wide)


@pytest.mark.mostly_slow
@pytest.mark.parametrize("moment", range(14))
def test_a_wish_to_stop_is_heeded_at_every_moment(tmp_path, moment):
    """Whichever event the listener answers with Cancelled, the run ends, and the next one completes the work."""
    session(tmp_path / "s", "2025-01-01", a=[{"id": 1}], b=[{"id": 1}])
    seen = []

    def listener(event):
        seen.append(event)
        if len(seen) == moment + 1:
            raise Cancelled("stopped", hint="run again")

    runner = SyncRunner(tmp_path / "x.db", tmp_path / "s", on_event=listener)
    result = runner.full_workflow()
    last = type(seen[-1]) is event_types.RunFinished and moment + 1 >= len(seen) - 1
    if not last:
        assert (result.success, result.error_type) == (False, "cancelled")
    again = SyncRunner(tmp_path / "x.db", tmp_path / "s")
    assert ok(again.full_workflow()).success
    assert again.report().success
    assert len(stored(str(tmp_path / "x.db"), "a")) == 1


def test_rewriting_takes_identical_repeats(database_url, tmp_path):
    """Without duplicate prevention, a record sent twice in one file is no reason to doubt the key."""
    path = write(tmp_path / "t.json", [{"id": n % 10, "v": n % 10} for n in range(20)])
    runner = runner_of(database_url, path, processing={"enable_duplicate_prevention": False})
    statistics = ok(runner.populate()).statistics
    assert (statistics["inserted"], statistics["files_refused"]) == (10, 0)


def test_skipping_existing_still_takes_the_last_of_a_file(database_url, tmp_path):
    """A repeat within one file is not a record that was stored before."""
    path = write(tmp_path / "t.json", [{"id": 1, "v": 1}, {"id": 1, "v": 2}])
    runner = runner_of(database_url, path, processing={"skip_existing_records": True})
    ok(runner.populate())
    assert stored(database_url, "t") == {1: {"id": 1, "v": 2}}
    verified(runner)


def test_a_renamed_folder_does_not_outrank_itself(database_url, tmp_path):
    """A plain file that is gone is no newer file, wherever it sorted."""
    write(tmp_path / "z" / "a.json", [{"id": 1, "v": 1}])
    runner = SyncRunner(database_url, tmp_path)
    ok(runner.populate())
    (tmp_path / "z").rename(tmp_path / "a0")
    write(tmp_path / "a0" / "a.json", [{"id": 1, "v": 2}])
    assert ok(runner.populate()).statistics["updated"] == 1
    verified(runner)


def test_a_reference_goes_to_the_entity_it_is_named_after(database_url, tmp_path):
    """Numbers that count from 0 everywhere match every key: the name decides between them."""
    session(
        tmp_path, "2025-01-01",
        contacts=[{"contact_id": n} for n in range(50)],
        invoices=[{"invoice_id": n, "contact_id": n} for n in range(50)],
        bills=[{"bill_id": n, "contact_id": n, "invoice_id": n} for n in range(20)],
    )  # fmt: skip
    relations = SyncRunner(database_url, tmp_path).analyze().relations
    assert "json_bills.contact_id -> contacts.contact_id" in relations
    assert "json_bills.invoice_id -> invoices.invoice_id" in relations
    assert "json_invoices.contact_id -> contacts.contact_id" in relations


DAMAGE = {
    "UPDATE json_t SET _rest = '[1]' WHERE id = 1": "JSON columns",
    "UPDATE json_t SET _load = 999 WHERE id = 1": "counts",
    "UPDATE json_t SET t_id = 77 WHERE id = 1": "keys",
    "DELETE FROM json2db_plans WHERE entity = 't'": "counts",
    "DELETE FROM json2db_files": "counts",
    "DELETE FROM json2db_loads": "counts",
    "DELETE FROM json_t WHERE id = 2": "counts",
    "DELETE FROM json_t_l WHERE _parent_id = 1 AND _position = 0": "positions",
}


@pytest.mark.mostly_slow
@pytest.mark.parametrize("damage", DAMAGE)
def test_quick_verification_finds_damage(database_url, tmp_path, damage):
    """Damage to rows, rests, keys, plans and the ledger is found without reading a file."""
    session(tmp_path, "2025-01-01", t=[{"t_id": n, "x": 1.5, "l": [{"q": 1}, {"q": 2}]} for n in range(4)])
    runner = SyncRunner(database_url, tmp_path)
    ok(runner.populate())
    query(database_url, damage)
    for full in (False, True):
        failed = [check.name for check in runner.verify(full=full).failed_checks]
        assert DAMAGE[damage] in failed, failed


def test_lost_constraints_are_found(databases, tmp_path):
    """PostgreSQL can lose a foreign or primary key: verification misses them."""
    if databases.kind == "sqlite":
        pytest.skip("SQLite cannot drop a constraint")
    url = databases.create()
    session(tmp_path, "2025-01-01", t=[{"t_id": 1, "l": [{"q": 1}]}])
    runner = SyncRunner(url, tmp_path)
    ok(runner.populate())
    query(url, "ALTER TABLE json_t_l DROP CONSTRAINT json_t_l__parent_id_fkey")
    query(url, "ALTER TABLE json_t_l DROP CONSTRAINT json_t_l_pkey")
    (schema,) = (check for check in runner.verify().failed_checks if check.name == "schema")
    assert schema.examples == ("the primary key of json_t_l is missing", "the foreign key of json_t_l is missing")
    databases.drop(url)


def test_a_file_that_is_refused_now_is_not_passed_over_in_silence(database_url, tmp_path):
    """Verification in full says which files it could not compare since they are not loaded as they are."""
    path = write(tmp_path / "t.json", [{"id": 1}])
    runner = SyncRunner(database_url, tmp_path)
    ok(runner.populate())
    path.write_text('[{"id": 1}, {"i')
    runner.populate()
    assert any("what t.json holds now is not loaded" in note for note in runner.verify(full=True).notes)


def test_columns_of_ours_that_someone_dropped_are_filled_again(database_url, tmp_path):
    """data_source comes back with its value, not as NULL."""
    session(tmp_path, "2025-01-01", t=[{"id": 1}])
    runner = SyncRunner(database_url, tmp_path)
    ok(runner.populate())
    query(database_url, "ALTER TABLE json_t DROP COLUMN data_source")
    ok(runner.populate())
    assert query(database_url, "SELECT data_source FROM json_t") == [("json",)]


@pytest.mark.slow
def test_restoring_and_loading_makes_no_second_index(database_url, tmp_path):
    """Indexes that came back with a backup are known again."""
    contacts_and_invoices(tmp_path)
    runner = SyncRunner(database_url, tmp_path)
    ok(runner.full_workflow())
    ok(runner.restore(ok(runner.backup()).backup))
    session(tmp_path, "2025-01-02", inv=[{"inv_id": 99, "contact_id": 1}])
    result = ok(runner.full_workflow())
    assert not any("index" in change for change in result.steps["create_tables"].changes)


def test_backups_of_other_databases_are_not_listed(tmp_path):
    """prod.eu.db and prod.sqlite are not prod.db."""
    session(tmp_path / "s", "2025-01-01", t=[{"id": 1}])
    made = {}
    for name in ("prod.db", "prod.eu.db", "prod.sqlite"):
        runner = SyncRunner(tmp_path / name, tmp_path / "s")
        ok(runner.populate())
        made[name] = ok(runner.backup()).backup
    for name, backup in made.items():
        assert [found.name for found in SyncRunner(tmp_path / name).backups().backups] == [backup]


def test_same_values_are_the_same_wherever_they_lie():
    """The comparison that these tests rest on tells what must be told apart."""
    assert same({"a": [1]}, {"a": [1.0]})
    assert not same({"a": [1]}, {"a": [True]})
