"""Cases from the field: which field is the key, and records that lack it (rows 26 and 27)."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from support.rejected import corrections
from support.sessions import ok, query, session, stored, verified

from json2db_sync import SyncRunner
from json2db_sync.config import JSON2DBConfig
from json2db_sync.databases import open_database
from json2db_sync.databases.ledger import Ledger
from json2db_sync.export.fallback.exports import Exports
from json2db_sync.interfaces.cli.exits import Exit, exit_code
from json2db_sync.limits import Limits


@pytest.fixture(params=["batch", "row"])
def path(request):
    """Both ways to load: many records at once, or each alone."""
    return request.param


def runner_of(url: str, source: Path, path: str = "batch", **processing: Any) -> SyncRunner:
    runner = SyncRunner(url, source, config=JSON2DBConfig(processing=processing))
    runner._batch_path = path == "batch"
    return runner


def figures(result: Any) -> tuple[int, ...]:
    return tuple(ok(result).statistics[name] for name in ("inserted", "updated", "unchanged", "rejected"))


def note(result: Any, code: str) -> Any:
    (found,) = [note for note in result.notes if note.code == code]
    return found


# Records without their entity's key


def test_a_record_without_its_key_stops_no_update(database_url, tmp_path, path):
    """One record without id is rejected; the others keep theirs, and a later session updates them."""
    session(tmp_path, "2026-01-01", t=[*({"id": number, "v": 1} for number in (1, 2, 3, 4)), {"v": 9}])
    runner = runner_of(database_url, tmp_path, path)
    first = runner.populate()
    assert figures(first) == (4, 0, 0, 1)
    session(tmp_path, "2026-01-02", t=[{"id": 1, "v": 2}, {"id": 2, "v": 2}])
    second = runner.populate()
    assert figures(second) == (0, 2, 0, 0)
    assert query(database_url, "SELECT id, v FROM json_t ORDER BY id") == [(1, 2), (2, 2), (3, 1), (4, 1)]
    (rejected,) = runner.rejected().records
    assert (rejected.reason, rejected.path, json.loads(rejected.raw)) == ("has no key: id", "$.id", {"v": 9})
    assert exit_code(first) == Exit.ATTENTION
    assert 'processing.keys = {"t": ["..."]}' in note(first, "without_key").setting
    verified(runner)


LACKING = [{}, {"id": None}, {"id": ""}, {"id": {"a": 1}}, {"id": []}, {"id": [{"a": 1}]}]


@pytest.mark.parametrize("lacking", LACKING, ids=json.dumps)
@pytest.mark.parametrize("first", [False, True])
def test_what_is_no_key_leaves_the_ids_integers(database_url, tmp_path, path, lacking, first):
    """Absent, null, empty or no scalar, in the file that makes the tables or in a later one: it shapes nothing."""
    good = [{"id": number, "v": "x"} for number in range(40)]
    runner = runner_of(database_url, tmp_path, path)
    if not first:
        session(tmp_path, "2026-01-01", t=good)
        assert figures(runner.populate()) == (40, 0, 0, 0)
    session(tmp_path, "2026-01-02", t=[*good[:20], {**lacking, "v": "y"}, *good[20:]])
    result = ok(runner.full_workflow())
    assert result.statistics["rejected"] == result.statistics["without_key"] == 1
    assert [type(id_) for id_ in stored(database_url, "t")] == [int] * 40
    verified(runner)


@pytest.mark.parametrize("key", ["t_id", "UUID"])
@pytest.mark.parametrize("lacking", LACKING[1:], ids=json.dumps)
def test_a_key_in_a_column_of_its_own_keeps_its_kind(database_url, tmp_path, path, key, lacking):
    """What stands in the key's place and is no key widens its column no more than the id."""
    records = [{key: number, "v": 1} for number in range(5)]
    session(tmp_path, "2026-01-01", t=[*records, {key: lacking["id"], "v": 1}])
    session(tmp_path, "2026-01-02", t=[{key: lacking["id"], "v": 2}, *records])
    runner = runner_of(database_url, tmp_path, path, keys={"t": key})
    assert figures(runner.populate()) == (5, 0, 5, 2)
    assert query(database_url, f"SELECT sum({key.lower()}) FROM json_t") == [(10,)]
    verified(runner)


def test_a_composite_key_may_be_lacking_in_part(database_url, tmp_path, path):
    """The reason names the fields that are missing."""
    session(tmp_path, "2026-01-01", t=[{"a": 1, "b": 2}, {"a": 1}, {"v": 1}])
    runner = runner_of(database_url, tmp_path, path, keys={"t": ["a", "b"]})
    assert figures(runner.populate()) == (1, 0, 0, 2)
    assert sorted(record.reason for record in runner.rejected().records) == ["has no key: a, b", "has no key: b"]
    verified(runner)


@pytest.mark.parametrize(
    ("records", "lacking", "is_key"), [(2, 1, True), (5, 2, False), (300, 3, True), (300, 4, False)]
)
def test_a_guessed_key_may_be_missing_in_few_records(database_url, tmp_path, records, lacking, is_key):
    """1 % of them, and always one; with more of them the field is not taken for the key."""
    rows = [{"v": number} if number < lacking else {"id": number} for number in range(records)]
    session(tmp_path, "2026-01-01", t=rows)
    result = runner_of(database_url, tmp_path).populate()
    assert figures(result) == ((records - lacking, 0, 0, lacking) if is_key else (records, 0, 0, 0))


def test_a_key_that_loaded_data_has_stays(database_url, tmp_path, path):
    """However many records of a later file lack it: they are rejected, and what is stored is untouched."""
    session(tmp_path, "2026-01-01", t=[{"id": 1}, {"id": 2}])
    runner = runner_of(database_url, tmp_path, path)
    ok(runner.full_workflow())
    session(tmp_path, "2026-01-02", t=[{"id": 3}, *({"error": number} for number in range(40))])
    result = ok(runner.full_workflow())
    assert figures(result) == (1, 0, 0, 40)
    assert sorted(stored(database_url, "t")) == [1, 2, 3]
    session(tmp_path, "2026-01-03", t={"error": "nothing there"})
    assert figures(runner.populate()) == (0, 0, 0, 1)


def test_records_without_their_key_are_replayed_when_they_have_one(database_url, tmp_path, path):
    """As they are they stay rejected; corrected they are stored, under their key."""
    session(tmp_path, "2026-01-01", t=[{"id": 1, "v": 1}, {"v": 9}])
    runner = runner_of(database_url, tmp_path, path)
    ok(runner.populate())
    again = ok(runner.replay())
    assert (again.statistics["rejected"], again.statistics["without_key"]) == (1, 1)
    ok(runner.replay(corrected=corrections(runner, tmp_path / "c.ndjson", {2: {"id": 2, "v": 9}})))
    assert stored(database_url, "t") == {1: {"id": 1, "v": 1}, 2: {"id": 2, "v": 9}}
    assert runner.rejected().total == 0
    verified(runner)


# MongoDB's ids

UUIDS = ({"$binary": {"base64": "yO2rw/c4TKO2jauSqRR4ow==", "subType": "04"}}, "c8edabc3-f738-4ca3-b68d-ab92a91478a3")


@pytest.mark.parametrize(
    ("sent", "again", "id_"),
    [
        (UUIDS[0], {"$uuid": UUIDS[1]}, UUIDS[1]),
        ({"$binary": "AAE=", "$type": "03"}, {"$binary": {"base64": "AAE=", "subType": "03"}}, "AAE="),
        ({"$date": {"$numberLong": "1577836800000"}}, {"$date": "2020-01-01T00:00:00Z"}, "2020-01-01T00:00:00.000Z"),
        ({"$numberDouble": "5.0"}, 5, "5"),
        ({"$numberLong": "5"}, 5, "5"),
        ({"y": {"$numberInt": "2026"}, "u": {"$oid": "a"}}, {"u": {"$oid": "a"}, "y": 2026}, '{"u":"a","y":2026}'),
    ],
    ids=str,
)
def test_an_id_of_mongodb_is_the_same_in_its_canonical_and_its_relaxed_form(
    database_url, tmp_path, path, sent, again, id_
):
    """Whatever type it is of, a document too; each record is read back as it was."""
    others = [{"_id": {"$oid": f"{number:024}"}, "v": 1} for number in range(40)]
    session(tmp_path, "2026-01-01", t=[{"_id": sent, "v": 1}], u=[*others, {"_id": sent, "v": 1}])
    session(tmp_path, "2026-01-02", t=[{"_id": again, "v": 2}], u=[*others, {"_id": again, "v": 2}])
    runner = runner_of(database_url, tmp_path, path)
    assert figures(runner.populate()) == (42, 2, 40, 0)
    assert stored(database_url, "t") == {id_: {"_id": again, "v": 2}}
    assert stored(database_url, "u")[id_] == {"_id": again, "v": 2}
    verified(runner)


def test_binary_uuids_are_a_column_of_texts(database_url, tmp_path, path):
    """They join with ids, beside the form that tools write for people."""
    records = [
        {"_id": UUIDS[0], "of": UUIDS[0]},
        {"_id": {"$oid": "1"}, "of": {"$uuid": UUIDS[1]}},
        {"_id": 3, "of": "x"},
    ]
    session(tmp_path, "2026-01-01", t=records)
    runner = runner_of(database_url, tmp_path, path)
    ok(runner.populate())
    assert query(database_url, "SELECT count(*) FROM json_t AS a JOIN json_t AS b ON a.of = b.id") == [(2,)]
    assert sorted(map(str, stored(database_url, "t").values())) == sorted(map(str, records))
    verified(runner)


# Keys inside objects


def test_a_key_inside_objects_is_named_by_its_path(database_url, tmp_path, path):
    """As ``sys.id`` of Contentful, or two parts of what MongoDB grouped by."""
    entries = [{"sys": {"id": f"e{number}", "rev": 1}, "v": 1} for number in range(50)]
    sums = [{"_id": {"y": 2026, "m": month}, "n": 1} for month in (1, 2)]
    keys = {"entries": "sys.id", "sums": ["_id.y", "_id.m"]}
    session(tmp_path, "2026-01-01", entries=[*entries, {"v": 9}], sums=sums)
    session(tmp_path, "2026-01-02", entries=[{"sys": {"id": "e7"}, "v": 2}], sums=[{**sums[1], "n": 2}])
    runner = runner_of(database_url, tmp_path, path, keys=keys)
    assert figures(runner.populate()) == (52, 2, 0, 1)
    assert stored(database_url, "entries")["e7"] == {"sys": {"id": "e7"}, "v": 2}
    assert stored(database_url, "sums")['["2026","2"]'] == {**sums[1], "n": 2}
    verified(runner)
    assert not [one.code for one in runner.analyze().notes if one.code == "key_ignored"]
    (reason,) = [record.reason for record in runner.rejected().records]
    assert reason == "has no key: sys.id"


# Weaker names


@pytest.mark.parametrize("name", ["uuid", "GUID", "key", "code", "Number", "slug", "sku", "email"])
def test_a_weaker_name_is_the_key(database_url, tmp_path, path, name):
    """In every record and never repeated: the run says so, and the first update on its strength asks for a look."""
    session(tmp_path, "2026-01-01", tickets=[{name: "a-1", "status": "open"}, {name: "a-2", "status": "open"}])
    runner = runner_of(database_url, tmp_path, path)
    first = runner.populate()
    assert figures(first) == (2, 0, 0, 0)
    assert exit_code(first) == Exit.DONE
    assert f"{name} is guessed to be the key" in note(first, "guessed_key")
    session(tmp_path, "2026-01-02", tickets=[{name: "a-1", "status": "closed"}])
    second = runner.populate()
    assert figures(second) == (0, 1, 0, 0)
    assert exit_code(second) == Exit.ATTENTION
    assert note(second, "guessed_key_updates").setting == f'processing.keys = {{"tickets": ["{name}"]}}'
    session(tmp_path, "2026-01-03", tickets=[{name: "a-2", "status": "closed"}])
    third = runner.populate()
    assert (figures(third), exit_code(third), third.notes) == ((0, 1, 0, 0), Exit.DONE, ())
    assert sorted(stored(database_url, "tickets")) == ["a-1", "a-2"]
    verified(runner)


def test_naming_the_guessed_key_silences_it(database_url, tmp_path):
    """What the user said is no guess, though the tables were made by one."""
    session(tmp_path, "2026-01-01", tickets=[{"uuid": "a", "v": 1}])
    ok(runner_of(database_url, tmp_path).populate())
    session(tmp_path, "2026-01-02", tickets=[{"uuid": "a", "v": 2}])
    result = runner_of(database_url, tmp_path, keys={"tickets": "uuid"}).populate()
    assert (figures(result), exit_code(result)) == ((0, 1, 0, 0), Exit.DONE)


@pytest.mark.parametrize(
    ("records", "key"),
    [
        ([{"id": 1, "uuid": "a"}, {"id": 2, "uuid": "b"}], ("id",)),
        ([{"email": "a", "sku": 1, "uuid": "x"}, {"email": "b", "sku": 2, "uuid": "y"}], ("uuid",)),
        ([{"email": "a", "code": "x"}, {"email": "b", "code": "x"}], ("email",)),
        ([{"uuid": "a", "slug": "x"}, {"slug": "y"}], ("slug",)),
        ([{"code": "a"}, {"code": "a"}], ()),
        ([{"key": "a", "v": 1}, {"key": None, "v": 2}], ()),
        ([{"id": 1, "slug": "a"}, {"slug": "b"}, {"slug": "c"}], ("slug",)),
    ],
    ids=str,
)
def test_the_order_of_guesses(database_url, tmp_path, path, records, key):
    """Names of ids come first; a weaker one must be in every record and never repeat, not even alike."""
    session(tmp_path, "2026-01-01", t=records)
    runner = runner_of(database_url, tmp_path, path)
    ok(runner.populate())
    assert runner.report().relations == ()
    assert runner.analyze().entities[0].key == key
    assert len(stored(database_url, "t")) == len(records)


def test_a_weaker_key_among_many(database_url, tmp_path, path):
    """One record of hundreds that lacks it, or repeats it, wherever it stands, and the field is not the key."""
    rows = [{"code": f"c{number}", "email": f"{number}@x", "uuid": str(number)} for number in range(300)]
    rows[170] = {**rows[170], "code": "c3"}
    rows[250] = {"code": "c250", "uuid": "250"}
    session(tmp_path, "2026-01-01", t=rows)
    runner = runner_of(database_url, tmp_path, path)
    assert figures(runner.populate()) == (300, 0, 0, 0)
    assert runner.analyze().entities[0].key == ("uuid",)
    rows[299] = {**rows[299], "uuid": "298"}
    session(tmp_path, "2026-01-02", u=rows)
    assert figures(runner.populate()) == (300, 0, 0, 0)
    assert sum(id_.startswith("#") for id_ in stored(database_url, "u")) == 300


def test_a_weaker_key_that_repeats_later_is_none(database_url, tmp_path, path):
    """Within one file: the entity goes back to content ids, loudly, and nothing is overwritten."""
    session(tmp_path, "2026-01-01", lines=[{"code": "A", "v": 1}, {"code": "B", "v": 2}])
    runner = runner_of(database_url, tmp_path, path)
    ok(runner.populate())
    session(tmp_path, "2026-01-02", lines=[{"code": "A", "v": 3}, {"code": "A", "v": 4}, {"code": "C", "v": 5}])
    result = runner.populate()
    assert figures(result) == (3, 0, 0, 0)
    assert exit_code(result) == Exit.ATTENTION
    given_up = note(result, "key_given_up")
    assert (given_up.count, given_up.setting) == (1, 'processing.keys = {"lines": ["..."]}')
    assert sorted(record["v"] for record in stored(database_url, "lines").values()) == [1, 2, 3, 4, 5]
    verified(runner)
    session(tmp_path, "2026-01-03", lines=[{"code": "A", "v": 3}, {"code": "B", "v": 6}])
    assert figures(runner.populate()) == (1, 0, 1, 0)
    verified(runner)


def test_what_a_wrong_guess_has_updated_comes_back(database_url, tmp_path, path):
    """The next run loads the files again whose records took each other's place."""
    session(tmp_path, "2026-01-01", lines=[{"code": "A", "v": 1}])
    runner = runner_of(database_url, tmp_path, path)
    ok(runner.populate())
    session(tmp_path, "2026-01-02", lines=[{"code": "A", "v": 2}])
    assert figures(runner.populate()) == (0, 1, 0, 0)
    session(tmp_path, "2026-01-03", lines=[{"code": "A", "v": 3}, {"code": "A", "v": 4}])
    assert "the next run loads" in note(runner.populate(), "key_given_up")
    ok(runner.populate())
    assert sorted(record["v"] for record in stored(database_url, "lines").values()) == [1, 2, 3, 4]
    verified(runner)


def test_a_weaker_key_that_the_user_named_stays(database_url, tmp_path, path):
    """Then a repeat is a newer version, as of any key."""
    session(tmp_path, "2026-01-01", lines=[{"code": "A", "v": 1}, {"code": "A", "v": 2}])
    result = runner_of(database_url, tmp_path, path, keys={"lines": "code"}).populate()
    assert (result.statistics["inserted"], result.statistics["superseded"]) == (1, 1)
    assert stored(database_url, "lines") == {"A": {"code": "A", "v": 2}}


def test_a_frozen_entity_refuses_the_file_that_repeats_its_key(database_url, tmp_path):
    """Its tables may not change: nothing of the file is loaded."""
    frozen = {"contracts": {"lines": "freeze"}}
    session(tmp_path, "2026-01-01", lines=[{"code": "A", "v": 1}])
    ok(runner_of(database_url, tmp_path, **frozen).populate())
    session(tmp_path, "2026-01-02", lines=[{"code": "A", "v": number} for number in range(9)])
    (refused,) = runner_of(database_url, tmp_path, **frozen).populate().refused_files
    assert refused.reason == "duplicate_keys"
    assert stored(database_url, "lines") == {"A": {"code": "A", "v": 1}}


# No key at all


def test_no_key_at_all_asks_for_a_look(database_url, tmp_path, path):
    """With the setting, and with the field that might be the key; an empty list says that there is none."""
    session(tmp_path, "2026-01-01", tickets=[{"ref": "r1", "v": 1}, {"ref": "r2", "v": 1}])
    runner = runner_of(database_url, tmp_path, path)
    result = runner.populate()
    assert (figures(result), exit_code(result)) == ((2, 0, 0, 0), Exit.ATTENTION)
    told = note(result, "no_key")
    assert "ref never repeats" in told
    assert told.setting == 'processing.keys = {"tickets": ["ref"]}'
    assert exit_code(runner.populate()) == Exit.DONE  # nothing was read
    session(tmp_path, "2026-01-02", tickets=[{"ref": "r3", "v": 1}])
    result = runner_of(database_url, tmp_path, path, keys={"tickets": []}).populate()
    assert (figures(result), exit_code(result), result.notes) == ((1, 0, 0, 0), Exit.DONE, ())


def test_a_key_that_is_configured_later_is_said_to_wait(database_url, tmp_path, path):
    """Tables that were made with another key do not take it by themselves, whatever records come."""
    session(tmp_path, "2026-01-01", o=[{"id": 1, "uuid": "a"}], tickets=[{"ref": "r", "v": 1}])
    ok(runner_of(database_url, tmp_path, path).populate())
    session(tmp_path, "2026-01-02", o=[{"id": 9, "uuid": "a"}], tickets=[{"ref": "r", "v": 2}])
    runner = runner_of(database_url, tmp_path, path, keys={"o": "uuid", "tickets": "ref"})
    result = runner.populate()
    assert exit_code(result) == Exit.ATTENTION
    assert sorted((note.code, note.entity) for note in result.notes) == [
        ("key_ignored", "o"),
        ("key_ignored", "tickets"),
    ]
    ok(runner.create_tables(recreate=True, empty=True))
    assert exit_code(runner.populate()) == Exit.DONE
    assert stored(database_url, "tickets") == {"r": {"ref": "r", "v": 2}}
    assert stored(database_url, "o") == {"a": {"id": 9, "uuid": "a"}}


def test_a_key_that_no_record_had_is_corrected_by_the_setting(database_url, tmp_path, path):
    """Nothing is stored, so nothing is to be made anew: the next run takes the right one, which the note names."""
    session(tmp_path, "2026-01-01", orders=[{"OrderId": 1, "v": 1}, {"OrderId": 2, "v": 1}])
    result = runner_of(database_url, tmp_path, path, keys={"orders": "order_id"}).populate()
    assert figures(result) == (0, 0, 0, 2)
    assert note(result, "without_key").setting == 'processing.keys = {"orders": ["OrderId"]}'
    runner = runner_of(database_url, tmp_path, path, keys={"orders": "OrderId"})
    result = runner.populate()
    assert (figures(result), exit_code(result)) == ((2, 0, 0, 0), Exit.DONE)
    assert runner.rejected().total == 0
    verified(runner)


def test_going_back_to_no_key_brings_back_what_was_updated(database_url, tmp_path, path):
    """Recreated without the key that was guessed, records that took each other's place are records of their own."""
    for day in (1, 2, 3):
        session(tmp_path, f"2026-01-0{day}", o=[{"uuid": "a", "v": day}, {"uuid": "b", "v": 1}])
        ok(runner_of(database_url, tmp_path, path).populate())
    runner = runner_of(database_url, tmp_path, path, keys={"o": []})
    ok(runner.create_tables(recreate=True))
    ok(runner.populate())
    assert sorted((one["uuid"], one["v"]) for one in stored(database_url, "o").values()) == [
        ("a", 1), ("a", 2), ("a", 3), ("b", 1),
    ]  # fmt: skip
    verified(runner)


def test_what_may_be_the_key_of_tables_made_without_one(database_url, tmp_path, path):
    """As those of a former version, which knew no weaker names and no MongoDB's ids."""
    for day, name in ((1, "A"), (2, "B")):
        session(tmp_path, f"2026-01-0{day}", users=[{"_id": {"$oid": "1"}, "n": name}], t=[{"uuid": "u", "n": name}])
        ok(runner_of(database_url, tmp_path, path, keys={"users": [], "t": []}).populate())
    with open_database(database_url) as database, database.transaction() as connection:
        ledger = Ledger(database, connection)
        for plan in ledger.plans().values():
            ledger.save_plan(replace(plan, key_guessed=True, key_reason="no field is named like a key"))
    session(tmp_path, "2026-01-03", users=[{"_id": {"$oid": "1"}, "n": "C"}], t=[{"uuid": "u", "n": "C"}])
    runner = runner_of(database_url, tmp_path, path)
    told = {one.entity: one.setting for one in runner.populate().notes if one.code == "no_key"}
    assert told == {"users": 'processing.keys = {"users": ["_id"]}', "t": 'processing.keys = {"t": ["uuid"]}'}


def test_a_single_object_needs_no_key(database_url, tmp_path, path):
    """A status or a configuration is one record, whatever its code is today, and nothing is said of it."""
    session(tmp_path, "2026-01-01", status={"code": "up", "email": "a@x"})
    runner = runner_of(database_url, tmp_path, path)
    assert exit_code(runner.populate()) == Exit.DONE
    session(tmp_path, "2026-01-02", status={"code": "down", "email": "b@x"})
    result = runner.populate()
    assert (figures(result), exit_code(result), result.notes) == ((0, 1, 0, 0), Exit.DONE, ())


# Fields under two names


def test_a_renamed_key_is_told_with_the_line_that_makes_the_names_one(database_url, tmp_path, path):
    """Whether both names come at once, so that there is no key, or the new one comes later."""
    old, new = [{"order_id": 1, "v": 1}, {"order_id": 2, "v": 1}], [{"orderId": 2, "v": 2}, {"orderId": 3, "v": 2}]
    session(tmp_path, "2026-01-01", orders=old, later=[{"id": 1, "v": 1}])
    session(tmp_path, "2026-01-02", orders=new)
    assert note(runner_of(database_url, tmp_path, path).populate(), "no_key").setting == (
        'processing.aliases = {"orders": {"orderId": "order_id"}}'
    )
    session(tmp_path, "2026-01-03", later=[{"later_id": 1, "v": 2}])
    result = runner_of(database_url, tmp_path, path).populate()
    assert note(result, "without_key").setting == 'processing.aliases = {"later": {"later_id": "id"}}'
    keys = {"orders": "orderId"}  # by either name
    runner = runner_of(database_url, tmp_path, path, aliases={**ALIASES, "later": {"later_id": "id"}}, keys=keys)
    ok(runner.create_tables(recreate=True, empty=True))
    assert exit_code(runner.populate()) == Exit.DONE
    assert stored(database_url, "orders") == {1: old[0], 2: new[0], 3: new[1]}
    assert stored(database_url, "later") == {1: {"later_id": 1, "v": 2}}
    verified(runner)


ALIASES = {"orders": {"orderId": "order_id"}}


def test_a_new_api_version_renames_the_key(database_url, tmp_path, path):
    """Values of both names are in one column, and each record is read back under its own."""
    old = [{"order_id": 1, "v": 1}, {"order_id": 2, "v": 1}]
    new = [{"orderId": 2, "v": 2}, {"orderId": 3, "v": 2}]
    session(tmp_path, "2026-01-01", orders=old)
    session(tmp_path, "2026-01-02", orders=new)
    runner = runner_of(database_url, tmp_path, path, aliases=ALIASES)
    result = ok(runner.full_workflow())
    assert figures(result) == (3, 1, 0, 0)
    assert query(database_url, "SELECT id, order_id, v FROM json_orders ORDER BY id") == [
        (1, 1, 1),
        (2, 2, 2),
        (3, 3, 2),
    ]
    assert list(runner.read("orders")) == [old[0], *new]
    assert list(runner.read("orders", 3)) == [new[1]]
    verified(runner)


def test_the_alias_is_set_when_the_new_version_is_there(database_url, tmp_path, path):
    """Without it the records are rejected, which names the setting; with it the same file loads."""
    session(tmp_path, "2026-01-01", orders=[{"order_id": number, "v": 1} for number in (1, 2)])
    ok(runner_of(database_url, tmp_path, path).full_workflow())
    session(tmp_path, "2026-01-02", orders=[{"orderId": 2, "v": 2}, {"orderId": 3, "v": 2}])
    lost = ok(runner_of(database_url, tmp_path, path).full_workflow())
    assert figures(lost) == (0, 0, 0, 2)
    assert any("processing.aliases" in note for note in lost.notes)
    runner = runner_of(database_url, tmp_path, path, aliases=ALIASES)
    assert ok(runner.plan()).changes
    assert figures(runner.populate()) == (1, 1, 2, 0)
    assert query(database_url, "SELECT id, order_id, v FROM json_orders ORDER BY id") == [
        (1, 1, 1),
        (2, 2, 2),
        (3, 3, 2),
    ]
    assert runner.rejected().total == 0
    verified(runner)
    ok(runner.create_tables(recreate=True))
    assert list(runner.read("orders"))[1] == {"orderId": 2, "v": 2}
    verified(runner)


MANY = [
    {"order_id": "a", "total": 1.5, "Lines": [{"q": 1}]},
    {"orderId": "b", "Total": None, "lines": []},
    {"orderId": "c", "total": 2, "Total": 3},
    {"orderId": "d", "order_id": "e", "lines": None},
    {"OrderID": "f", "orderId": "g", "lines": [{"q": 2}]},
    {"orderId": "h"},
]
NAMES = {"orderId": "order_id", "OrderID": "order_id", "Total": "total", "Lines": "lines"}


def test_any_record_comes_back_under_its_names(database_url, tmp_path, path):
    """Nulls, gaps, lists, and both names in one record; exported and loaded again they are the same."""
    session(tmp_path / "in", "2026-01-01", orders=[*MANY, *({"orderId": str(number)} for number in range(200))])
    runner = runner_of(database_url, tmp_path / "in", path, aliases={"orders": NAMES})
    assert figures(runner.full_workflow()) == (206, 0, 0, 0)
    back = stored(database_url, "orders")
    assert [back[key] for key in ("a", "b", "c", "e", "g", "h")] == MANY
    verified(runner)
    session(tmp_path / "in", "2026-01-02", orders=[{**record, "v": 1} for record in reversed(MANY)])
    assert figures(runner.populate()) == (0, 6, 0, 0)
    verified(runner)
    ok(runner.create_tables(recreate=True))
    verified(runner)


def test_records_under_either_name_take_the_batch_path(databases, tmp_path):
    """Both ways leave the same rows."""
    rows = [{"orderId" if number % 3 else "order_id": number, "v": number / 2} for number in range(500)]
    session(tmp_path, "2026-01-01", orders=rows[:400])
    session(tmp_path, "2026-01-02", orders=rows[200:])
    found = []
    for way in ("batch", "row"):
        url = databases.create()
        assert figures(runner_of(url, tmp_path, way, aliases=ALIASES).populate()) == (500, 0, 200, 0)
        found.append(query(url, "SELECT id, order_id, v, _rest, _hash FROM json_orders ORDER BY id"))
        databases.drop(url)
    assert found[0] == found[1]


def test_an_export_holds_records_under_their_names(database_url, databases, tmp_path):
    """Read from it while the database is away, and loaded from it again, they are the same."""
    session(tmp_path / "in", "2026-01-01", orders=[{"order_id": 1, "v": 1}, {"orderId": 2, "v": 2}])
    runner = runner_of(database_url, tmp_path / "in", aliases=ALIASES)
    ok(runner.populate())
    ok(runner.export(output_directory=tmp_path / "out"))
    exports = Exports(tmp_path / "out", Limits(2**29), {}, ALIASES)
    sound = exports.sound("orders")
    assert [list(exports.by_key(sound, key)) for key in (1, 2)] == [[{"order_id": 1, "v": 1}], [{"orderId": 2, "v": 2}]]
    other = databases.create()
    ok(runner_of(other, tmp_path / "out" / "orders.json", aliases=ALIASES).populate())
    assert stored(other, "orders") == stored(database_url, "orders")
    databases.drop(other)
