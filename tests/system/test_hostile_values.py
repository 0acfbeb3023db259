"""Values and keys that break other tools: stored and read back equal, or rejected with a reason; never altered."""

from __future__ import annotations

import json
import random
from collections import defaultdict
from collections.abc import Collection
from pathlib import Path
from typing import Any

import pytest
from support.contents import assert_sound
from support.keywords import KEYWORDS
from support.nightly import NIGHTLY

from json2db_sync import SyncRunner
from json2db_sync.config import JSON2DBConfig
from json2db_sync.databases import open_database
from json2db_sync.databases.ledger import Ledger
from json2db_sync.databases.records import RecordReader
from json2db_sync.model.jsontext import canonical, same
from json2db_sync.results import PopulateResult

OUTCOMES = ("inserted", "updated", "unchanged", "superseded", "rejected")


def stored_records(url: str, entity: str) -> list[dict[str, Any]]:
    with open_database(url) as database, database.reading() as connection:
        plan = Ledger(database, connection).plans().get(entity)
        return [one.record for one in RecordReader(database, connection, plan).all()] if plan else []


def rejected_numbers(url: str, entity: str) -> dict[int, str]:
    """Record number -> reason, of the records of an entity that are kept as rejected."""
    records = SyncRunner(url).rejected(most=None).records
    return {one.record: one.reason for one in records if one.entity == entity}


def load(
    url: str,
    folder: Path,
    text: str,
    name: str = "things.json",
    limits: dict[str, int] | None = None,
    **processing: Any,
) -> PopulateResult:
    """Load a file of this text, and check that every record of it is accounted for."""
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(text, encoding="utf-8", newline="")
    config = JSON2DBConfig(processing=processing, limits=limits or {})
    result = SyncRunner(url, folder, config=config).populate()
    assert result.success, (result.error, result.refused_files)
    for counts in (result.statistics, *result.entities.values()):
        read = counts.get("read", counts.get("total_records"))
        assert read == sum(counts[outcome] for outcome in OUTCOMES), counts
    assert_sound(url, runner=SyncRunner(url, config=config))
    return result


def assert_kept(url: str, entity: str, records: list[str], rejected: Collection[int]) -> None:
    """Exactly these records (by number, from 1) are rejected, with a reason; all others are stored as they were sent."""
    reasons = rejected_numbers(url, entity)
    assert set(reasons) == set(rejected), reasons
    assert all(reasons.values())
    found: defaultdict[str, list[Any]] = defaultdict(list)
    for record in stored_records(url, entity):
        found[canonical(record)].append(record)
    for number, text in enumerate(records, 1):
        if number in rejected:
            continue
        record = json.loads(text)
        matching = found.get(canonical(record), [])
        assert matching, f"record {number} is not stored as it was: {text[:300]}"
        assert same(record, matching.pop()), f"record {number} was altered: {text[:300]}"
    assert not [extra for left in found.values() for extra in left]


def array(records: list[str]) -> str:
    return "[" + ",\n".join(records) + "]"


# Values: JSON text -> where it can be stored

BOTH, SQLITE, NOWHERE = {"sqlite", "postgresql"}, {"sqlite"}, set[str]()
VALUES: dict[str, set[str]] = {
    r'"a\u0000b"': SQLITE,
    r'"\u0000"': SQLITE,
    r'"\ud800"': NOWHERE,
    r'"x\udfff\ud800y"': NOWHERE,
    r'"\ud83d\ude00"': BOTH,
    '"😀 \u2028 \ufeff \x7f"': BOTH,
    r'"\uffff\ufffe\u0001\u001f\u0085"': BOTH,
    r'"\\u0000"': BOTH,
    '"combining e\u0301 and \u00e9"': BOTH,
    "NaN": NOWHERE,
    "Infinity": NOWHERE,
    "-Infinity": NOWHERE,
    "1e400": NOWHERE,
    "-1e400": NOWHERE,
    "9" * 5000: NOWHERE,
    "9" * 4300: BOTH,
    "9" * 400: BOTH,
    "9" * 60: BOTH,
    "-" + "9" * 60: BOTH,
    str(2**63): BOTH,
    str(2**63 - 1): BOTH,
    str(-(2**63)): BOTH,
    str(-(2**63) - 1): BOTH,
    str(2**64): BOTH,
    "9007199254740993": BOTH,
    "9007199254740993.0": BOTH,
    "0.1": BOTH,
    "0.30000000000000004": BOTH,
    "1.7976931348623157e308": BOTH,
    "5e-324": BOTH,
    "1e-400": BOTH,
    "-0.0": BOTH,
    "1e16": BOTH,
    "1E+22": BOTH,
    "123456789.123456789": BOTH,
    "450.00": BOTH,
    "0": BOTH,
    "1": BOTH,
    "true": BOTH,
    "false": BOTH,
    "null": BOTH,
    '""': BOTH,
    '"null"': BOTH,
    '"true"': BOTH,
    '"1"': BOTH,
    '"00123"': BOTH,
    '"1e5"': BOTH,
    '"NaN"': BOTH,
    '"2024"': BOTH,
    '"2024-02-30"': BOTH,
    '"2024-02-29"': BOTH,
    '"2024-01-01T00:00:00Z"': BOTH,
    '"0001-01-01"': BOTH,
    '"9999-12-31T23:59:59.999999+15:00"': BOTH,
    '"infinity"': BOTH,
    '" trailing "': BOTH,
    '"line\\r\\nfeed\\ttab"': BOTH,
    json.dumps("'; DROP TABLE json_things; --"): BOTH,
    json.dumps('%s %(x)s :name ? {0} \\ " ` $1'): BOTH,
    json.dumps("x" * 2**20): BOTH,
    json.dumps("ü😀" * 2**18, ensure_ascii=False): BOTH,
    "[]": BOTH,
    "{}": BOTH,
    "[null]": BOTH,
    "[[]]": BOTH,
    "[{}]": BOTH,
    "[{}, {}]": BOTH,
    '[{"a": 1}, 2]': BOTH,
    '[{"a": 1}, null]': BOTH,
    '[{"a": {"b": [{"c": []}]}}]': BOTH,
    '{"a": {"a": {"a": null}}}': BOTH,
    "[" * 300 + "]" * 300: BOTH,
    '{"a":' * 300 + "1" + "}" * 300: BOTH,
    "[" * 500 + "]" * 500: NOWHERE,
    "[" * 100_000 + "]" * 100_000: NOWHERE,
    '{"a":' * 100_000 + "1" + "}" * 100_000: NOWHERE,
}
PLACES = {
    "a column": '{"id": %d, "v": %s}',
    "a child": '{"id": %d, "lines": [{"v": %s}, {"v": "beside"}]}',
    "a list": '{"id": %d, "list": [%s, 1]}',
    "an object": '{"id": %d, "o": {"deep": {"v": %s}}}',
    "a record without a key": '{"n": %d, "v": %s}',
}


def is_rejected(value: str, kind: str) -> bool:
    return kind not in VALUES[value]


@pytest.mark.slow
@pytest.mark.parametrize(("place", "suffix"), [("a column", "ndjson"), *((place, "json") for place in PLACES)])
def test_any_value_among_all_others(database_url, databases, tmp_path, place, suffix):
    """In one column with all others, every value is stored exactly or rejected alone."""
    records = [PLACES[place] % (number, value) for number, value in enumerate(VALUES)]
    text = array(records) if suffix == "json" else "\n".join(records)
    load(database_url, tmp_path / "source", text, f"things.{suffix}")
    rejected = [number for number, value in enumerate(VALUES, 1) if is_rejected(value, databases.kind)]
    assert_kept(database_url, "things", records, rejected)


@pytest.mark.slow
@pytest.mark.parametrize("place", ["a column", "a child"])
def test_any_value_alone(database_url, databases, tmp_path, place):
    """In a column of its own kind, every value is stored exactly or rejected; a record that has none is beside it."""
    if databases.kind == "postgresql" and place == "a child" and not NIGHTLY:
        pytest.skip("nightly: every day on SQLite only")
    plain = PLACES[place] % (0, "null")
    cases = {f"case_{n}": [plain, PLACES[place] % (1, value)] for n, value in enumerate(VALUES)}
    (tmp_path / "source").mkdir()
    for name, records in cases.items():
        (tmp_path / "source" / f"{name}.json").write_text(array(records), encoding="utf-8")
    load(database_url, tmp_path / "source", '[{"id": 1}]')
    for (name, records), value in zip(cases.items(), VALUES, strict=True):
        assert_kept(database_url, name, records, [2] if is_rejected(value, databases.kind) else [])


@pytest.mark.slow
def test_any_value_as_the_key(database_url, databases, tmp_path):
    """As the value of the key field, every value is stored exactly or rejected, and none takes another's place.

    What is no key, as null and objects are, is rejected.
    """
    equal = {'"1"', '"true"', "9007199254740993.0", "-0.0", "1e-400"}  # ids compare as text: see below
    values = [value for value in VALUES if value not in equal]
    filler = [f'{{"id": "filler {n}"}}' for n in range(100 * len(VALUES))]  # so that id is the key all the same
    records = [f'{{"id": {value}, "n": {n}}}' for n, value in enumerate(values)] + filler
    load(database_url, tmp_path / "source", array(records))
    no_key = ("null", '""', "[", "{")
    rejected = [
        n for n, value in enumerate(values, 1) if is_rejected(value, databases.kind) or value.startswith(no_key)
    ]
    assert_kept(database_url, "things", records, rejected)


def test_keys_that_are_the_same_text_are_one_record(database_url, tmp_path):
    """1 and "1" are one key, as ids compare as text: the later record wins, the earlier counts as superseded."""
    filler = [f'{{"id": {n}, "v": 0}}' for n in range(100, 500)]
    records = ['{"id": 1, "v": 1}', '{"id": "1", "v": 2}', *filler]
    result = load(database_url, tmp_path / "source", array(records))
    assert (result.statistics["inserted"], result.statistics["superseded"]) == (401, 1)
    assert_kept_without_first(database_url, records)


def assert_kept_without_first(url: str, records: list[str]) -> None:
    expected = sorted(canonical(json.loads(record)) for record in records[1:])
    assert sorted(map(canonical, stored_records(url, "things"))) == expected


@pytest.mark.slow
def test_all_widenings_at_once(database_url, tmp_path):
    """Whatever kind of value comes into a column after whatever was there, both come back as they were."""
    kinds = [
        "1",
        "1.5",
        "true",
        '"2024-01-01"',
        '"x"',
        '[{"a": 1}]',
        "null",
        str(2**70),
        "{}",
        "[]",
        '"2024-01-01T01:02:03Z"',
    ]
    pairs = [(one, other) for one in kinds for other in kinds]
    first = ", ".join(f'"k{n}": {one}' for n, (one, _other) in enumerate(pairs))
    later = ", ".join(f'"k{n}": {other}' for n, (_one, other) in enumerate(pairs))
    records = [f'{{"id": 1, {first}}}', f'{{"id": 2, {later}}}', '{"id": 3}']
    load(database_url, tmp_path / "source", array(records[:1]))
    load(database_url, tmp_path / "source", array(records))
    assert_kept(database_url, "things", records, [])


# Keys


LONG = "k" * 63
KEYS = [
    "a", "A", "a ", " a", "a.b", "a_b", "a-b", "aB", "AB", "Ab", "a/b", "a\\b", "", " ", ".", "$", "'", '"', "`", "[", "]", "[]",
    "]]", "a]b", "(", ")", "%", "%s", "%(a)s", ":a", "?", ";", "--", "/*", "\n", "a\nb", "\t", "\r", "\x01", "\x7f", "\u00e9",
    "e\u0301", "\u0130", "i\u0307", "\u00df", "ss", "SS", "\u212a", "k", "K", "\ufb01", "fi", "\u00b2", "2", "²", "\U0001f600", "\u4e2d\u6587",
    "\u200b", "\ufeff", LONG, LONG + "a", LONG + "b", LONG.upper(), "é" * 40, "é" * 40 + "x", "x" * 5000,
    "ID", "Id", "_id", "data_source", "Data_Source", "created_at", "createdAt", "updated_at", "_created_at", "_updated_at",
    "_hash", "_rest", "_file", "_parent_id", "_position", "parent_id", "position", "rowid", "oid", "_rowid_", "ctid", "xmin",
    "tableoid", "select", "SELECT", "from", "table", "order", "group", "primary", "null", "NULL", "true", "user", "default",
    "current_timestamp", "json_things", "absent", "values", "0", "1a", "__proto__", "key", "key_", "Robert'); DROP TABLE json_things;--",
]  # fmt: skip


def test_the_keys_are_all_different():
    """The list of hostile keys holds each once but for one doubled on purpose."""
    assert len(KEYS) - len(set(KEYS)) == 1


def hostile_record(chance: random.Random, number: int, share: float) -> dict[str, Any]:
    keys = [key for key in dict.fromkeys(KEYS) if chance.random() < share]
    values = [None, 1, "x", 1.5, [], {}]
    return {"id": number, **{key: [key, *values][chance.randrange(7)] for key in keys}}


@pytest.mark.mostly_slow
@pytest.mark.parametrize("share", [0.05, 0.6, 1.0])
def test_hostile_keys(database_url, tmp_path, share):
    """Keys with quotes, case clashes, equal beginnings, SQL words or our own column names lose nothing."""
    chance = random.Random(7)
    records = [json.dumps(hostile_record(chance, n, share)) for n in range(30)]
    load(database_url, tmp_path / "source", array(records))
    assert_kept(database_url, "things", records, [])


@pytest.mark.slow
def test_keywords(database_url, tmp_path):
    """Every word of SQL as a key: of a new table and of a column that is added, of rows that are stored and changed."""
    for number, words in enumerate((KEYWORDS[::2], KEYWORDS)):
        values = {word: f"{word} {number}" for word in words}
        records = [json.dumps({"id": 1, **values, "lines": [values]})]
        load(database_url, tmp_path / "source", array(records))
        assert_kept(database_url, "things", records, [])


def test_hostile_keys_in_children(database_url, tmp_path):
    """The same in child tables, two levels down."""
    chance = random.Random(8)
    parents = []
    for n in range(10):
        lines = [{**hostile_record(chance, m, 0.5), "deep": [hostile_record(chance, 0, 0.1)]} for m in range(3)]
        parents.append(json.dumps({"id": n, "lines": lines}))
    load(database_url, tmp_path / "source", array(parents), child_depth=2)
    assert_kept(database_url, "things", parents, [])


@pytest.mark.slow
def test_hostile_keys_as_child_tables(database_url, tmp_path):
    """Each hostile key as the name of a child table."""
    records = [json.dumps({"id": n, **{key: [{"key": key, "n": n}] for key in dict.fromkeys(KEYS)}}) for n in range(2)]
    load(database_url, tmp_path / "source", array(records), limits={"child_tables": 200})
    assert_kept(database_url, "things", records, [])


@pytest.mark.slow
def test_hostile_entities(database_url, tmp_path):
    """Hostile keys as entities: those whose names fall together are one entity or told, none is lost."""
    names = [*[key for key in dict.fromkeys(KEYS[:66]) if key.strip() and key != "\u0130"][::2], "i", "\u0130"]
    records = {name: [{"id": f"{n}", "name": name}] for n, name in enumerate(names)}
    load(database_url, tmp_path / "source", json.dumps(records))
    with open_database(database_url) as database, database.reading() as connection:
        plans = Ledger(database, connection).plans()
    stored = [record for entity in plans for record in stored_records(database_url, entity)]
    assert sorted(map(canonical, stored)) == sorted(canonical(one) for many in records.values() for one in many)


@pytest.mark.mostly_slow
@pytest.mark.parametrize("first", ["invoices", "invoices_lines"])
def test_an_entity_named_like_a_child(database_url, tmp_path, first):
    """An entity whose table would bear the name of another's child table gets a table of its own, whichever came first."""
    files = {
        "invoices": [json.dumps({"id": n, "lines": [{"n": n}]}) for n in range(3)],
        "invoices_lines": [json.dumps({"id": n, "text": "own"}) for n in range(4)],
    }
    load(database_url, tmp_path / "source", array(files[first]), f"{first}.json")
    for name, records in files.items():
        load(database_url, tmp_path / "source", array(records), f"{name}.json")
    for name, records in files.items():
        assert_kept(database_url, name, records, [])


@pytest.mark.slow
def test_keys_arrive_late_one_after_the_other(database_url, tmp_path):
    """Hostile keys that come with later files get columns of their own beside those there are."""
    keys = list(dict.fromkeys(KEYS))
    chance = random.Random(9)
    chance.shuffle(keys)
    records: list[str] = []
    for start in range(0, len(keys), 30):
        records.append(json.dumps({"id": len(records), **{key: key for key in keys[start : start + 30]}}))
        load(database_url, tmp_path / "source", array(records))
    assert_kept(database_url, "things", records, [])


def test_a_key_with_a_nul(database_url, databases, tmp_path):
    """A key that holds U+0000 is stored, or its record is rejected where the database cannot; records beside it are kept."""
    records = [
        '{"id": 1}',
        '{"id": 2, "a\\u0000b": 3}',
        '{"id": 3, "o": {"c\\u0000": 1}}',
        '{"id": 4, "a\\u0000b": null}',
    ]
    load(database_url, tmp_path / "source", array(records))
    rejected = rejected_numbers(database_url, "things")
    assert not rejected or databases.kind == "postgresql"
    assert set(rejected) <= {2, 3, 4}
    assert_kept(database_url, "things", records, rejected)


@pytest.mark.mostly_slow
@pytest.mark.parametrize("place", ['{"id": 2, "%s": 3}', '{"id": 2, "o": {"%s": 3}}', '{"id": 2, "l": [{"%s": 3}]}'])
def test_a_key_with_a_lone_surrogate_is_rejected(database_url, tmp_path, place):
    """A key that is not a text is rejected with its record."""
    records = ['{"id": 1}', place % "\\ud800", '{"id": 3}']
    load(database_url, tmp_path / "source", array(records))
    assert_kept(database_url, "things", records, [2])


@pytest.mark.slow
def test_five_thousand_keys(database_url, tmp_path):
    """A record of 5,000 keys comes back whole, beside one that has none of them and one with others."""
    many = {f"key {n}": n for n in range(5000)}
    others = {f"other {n}": [n] for n in range(3000)}
    records = [
        json.dumps(one) for one in ({"id": 1, **many}, {"id": 2}, {"id": 3, **others}, {"id": 4, "key 4999": None})
    ]
    load(database_url, tmp_path / "source", array(records))
    assert_kept(database_url, "things", records, [])


@pytest.mark.slow
def test_an_object_used_as_a_map(database_url, tmp_path):
    """Records whose keys are all different, a thousand in all, come back whole."""
    records = [json.dumps({"id": n, f"{n} a": n, f"{n} b": {"x": n}}) for n in range(500)]
    load(database_url, tmp_path / "source", array(records))
    assert_kept(database_url, "things", records, [])


def test_a_wide_child(database_url, tmp_path):
    """Child objects of 2,000 keys come back whole."""
    child = {f"key {n}": n for n in range(2000)}
    records = [json.dumps({"id": n, "lines": [child, {}, {"key 1": None}]}) for n in range(3)]
    load(database_url, tmp_path / "source", array(records))
    assert_kept(database_url, "things", records, [])


# Shapes


def test_arrays_of_every_mixture(database_url, tmp_path):
    """Arrays of objects beside arrays of scalars, null, text, empty and absent ones come back as they were."""
    values = [
        [{"a": 1}], [{"a": 1}, {"b": 2}], [{"a": 1}, 2], [1, 2], [None], [], None, "", "text", 0, False, {}, {"a": 1},
        [[{"a": 1}]], [{}], [{}, {}], [{"a": [{"b": 1}]}], [{"a": None}], [{"_parent_id": 1, "_position": 9, "id": 3}],
    ]  # fmt: skip
    records = [json.dumps({"id": n, "lines": value}) for n, value in enumerate(values)] + ['{"id": 99}']
    load(database_url, tmp_path / "source", array(records))
    assert_kept(database_url, "things", records, [])
    chance = random.Random(1)
    chance.shuffle(records)
    result = load(database_url, tmp_path / "source", array(records))
    assert result.statistics["unchanged"] == len(records), "the order of records is not a change"
    assert_kept(database_url, "things", records, [])


@pytest.mark.mostly_slow
@pytest.mark.parametrize("depth", [0, 2, 5])
def test_children_at_every_depth(database_url, tmp_path, depth):
    """Whatever the depth down to which arrays become tables, nested ones come back as they were."""

    def nest(level: int) -> list[dict[str, Any]]:
        return [{"level": level, "n": n, **({"sub": nest(level - 1)} if level else {})} for n in range(2)]

    records = [json.dumps({"id": n, "sub": nest(4) if n else []}) for n in range(4)]
    load(database_url, tmp_path / "source", array(records), child_depth=depth)
    assert_kept(database_url, "things", records, [])


def test_keyless_duplicates_are_all_kept(database_url, tmp_path):
    """Equal records without a key are as many rows as they were, also when loaded twice."""
    records = ['{"x": 1}', '{"x": 1}', '{"x": 1.0}', '{"x": "1"}', '{"x": true}', "{}", "{}", '{"x": null}', '{"x": 1}']
    assert load(database_url, tmp_path / "source", array(records)).statistics["inserted"] == 9
    assert_kept(database_url, "things", records, [])
    again = load(database_url, tmp_path / "source", array([*records, '{"x": 1}']))
    assert (again.statistics["inserted"], again.statistics["unchanged"]) == (1, 9)
    assert_kept(database_url, "things", [*records, '{"x": 1}'], [])


def test_what_is_no_object_among_records_is_rejected(database_url, tmp_path):
    """Scalars, null and arrays among records are rejected one by one."""
    records = ['{"id": 1}', "null", "2", '"x"', "[]", '[{"id": 3}]', "true", "NaN", '{"id": 8}']
    load(database_url, tmp_path / "source", array(records))
    assert_kept(database_url, "things", records, range(2, 9))


def test_doubled_keys_keep_the_last(database_url, tmp_path):
    """Where one object has a key twice the last counts, as everywhere in JSON."""
    load(database_url, tmp_path / "source", '[{"id": 1, "v": 1, "v": 2}]')
    assert stored_records(database_url, "things") == [{"id": 1, "v": 2}]


@pytest.mark.mostly_slow
@pytest.mark.parametrize("layout", ["array", "lines", "object", "envelope"])
def test_a_record_too_deep_crashes_nothing(database_url, tmp_path, layout):
    """100,000 levels of nesting: the record is rejected or its file refused, in every layout."""
    deep = '{"id": 1, "v": ' + '[{"a":' * 50_000 + "1" + "}]" * 50_000 + "}"
    text = {
        "array": f'[{deep}, {{"id": 2}}]', "lines": f'{deep}\n{{"id": 2}}\n', "object": deep,
        "envelope": f'{{"data": [{deep}, {{"id": 2}}], "count": 2}}',
    }[layout]  # fmt: skip
    (tmp_path / "source").mkdir()
    (tmp_path / "source" / "things.json").write_text(text)
    (tmp_path / "source" / "zlast.json").write_text('[{"id": 1}]')
    result = SyncRunner(database_url, tmp_path / "source").populate()
    assert result.success, result.error
    assert stored_records(database_url, "zlast") == [{"id": 1}]
    if result.refused_files:
        assert stored_records(database_url, "things") == []
    else:
        assert list(rejected_numbers(database_url, "things")) == [1]
    assert_sound(database_url)


def test_a_record_too_deep_among_entities_is_rejected_alone(database_url, tmp_path):
    """In an object of several entities, a record nested too deeply harms no other, of its own entity or the next."""
    deep = '{"id": 2, "v": ' + "[" * 500 + "]" * 500 + "}"
    entities = {"ones": ['{"id": 1}', deep, '{"id": 3}'], "twos": ['{"id": 1, "x": 2}']}
    text = "{" + ", ".join(f'"{name}": {array(records)}' for name, records in entities.items()) + "}"
    load(database_url, tmp_path / "source", text)
    assert_kept(database_url, "ones", entities["ones"], [2])
    assert_kept(database_url, "twos", entities["twos"], [])


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2))
def test_records_made_at_random(database_url, tmp_path, seed):
    """Random records of random shapes, loaded in three steps with changes, come back as they were sent last."""
    chance = random.Random(seed)
    latest: dict[int, str] = {}
    for _step in range(3):
        for _n in range(60):
            record = {"id": chance.randrange(100), **random_object(chance, 3)}
            latest[record["id"]] = json.dumps(record)
        load(database_url, tmp_path / "source", array(list(latest.values())))
        assert_kept(database_url, "things", list(latest.values()), [])


def random_object(chance: random.Random, depth: int) -> dict[str, Any]:
    keys = chance.sample(["a", "A", "b", "list", "date", "x y", "_rest", "created_at", "name"], chance.randrange(8))
    return {key: random_value(chance, depth) for key in keys}


def random_value(chance: random.Random, depth: int) -> Any:
    scalars = [None, True, 0, 1, -1, 2**70, 1.5, 1e300, "", "x", "2024-01-01", "2024-13-01", "1"]
    if depth and chance.random() < 0.4:
        if chance.random() < 0.5:
            return random_object(chance, depth - 1)
        return [random_value(chance, depth - 1) for _ in range(chance.randrange(3))]
    return chance.choice(scalars)
