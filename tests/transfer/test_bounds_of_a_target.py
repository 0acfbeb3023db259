"""What a target cannot take is told before anything is written: characters, columns, names, rows."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator

import pytest
from support.sessions import ok, query

from json2db_sync import SyncRunner
from json2db_sync.results import TransferResult

WORDS = (
    "CREATE TABLE words (id INTEGER PRIMARY KEY, t TEXT, v VARCHAR(3), j JSON)",
    "INSERT INTO words VALUES (1, 'caf\u00e9', 'abc', '{\"a\": 1}'), (2, 'z\u0142oty', '\u00e9\u00e9\u00e9', '[\"\\u00e9\"]'),"
    " (3, 'x', 'y', '[\"\\u0142\"]'), (4, '\u20ac\u0142', NULL, '[\"\u0142\"]')",
)


@pytest.fixture
def encoded(postgres_server) -> Iterator[Callable[[str], str]]:
    """Makes databases of an encoding."""
    made = []

    def make(encoding: str) -> str:
        name = f"json2db_test_{uuid.uuid4().hex}"
        postgres_server.execute(
            f"CREATE DATABASE {name} TEMPLATE template0 ENCODING '{encoding}' LC_COLLATE 'C' LC_CTYPE 'C'"
        )
        made.append(postgres_server.url(name))
        return made[-1]

    yield make
    for url in made:
        postgres_server.drop_database(url)


def found(result: TransferResult) -> dict[tuple[str | None, str], tuple[int, str]]:
    return {(one.column, one.code): (one.count, one.first_key) for one in result.refused}


def words(source: str) -> str:
    for statement in WORDS:
        query(source, statement.replace("JSON)", "JSONB)") if "://" in source else statement)
    return source


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
@pytest.mark.parametrize(("encoding", "wanted"), [
    ("LATIN1", {("t", "no_character"): (2, "id = 2"), ("j", "no_character"): (2, "id = 3")}),
    ("LATIN2", {("t", "no_character"): (1, "id = 4")}),
    ("SQL_ASCII", {("v", "too_long"): (1, "id = 2"), ("j", "no_character"): (2, "id = 2")}),
])  # fmt: skip
def test_characters_that_the_target_lacks_are_named(tmp_path, postgres_url, encoded, kind, encoding, wanted):
    """With table, key and column, in texts and in JSON; the others arrive equal."""
    source, target = words(postgres_url if kind == "postgresql" else str(tmp_path / "a.db")), encoded(encoding)
    if kind == "postgresql" and encoding == "SQL_ASCII":
        del wanted["j", "no_character"]  # the source's JSONB has characters, no escapes
    looked = ok(SyncRunner().transfer(source, target, dry_run=True))
    assert found(looked) == wanted
    done = ok(SyncRunner().transfer(source, target, on_error="reject", certificate=tmp_path / "c.json"))
    gone = {3, 2, 4} if encoding != "LATIN2" else {4}
    gone = {2} if encoding == "SQL_ASCII" and kind == "postgresql" else {2, 3} if encoding == "SQL_ASCII" else gone
    assert {row[0] for row in query(target, "SELECT id FROM words")} == {1, 2, 3, 4} - gone
    assert done.tables[0].equal


def test_an_encoding_of_several_bytes_is_known_too(tmp_path, encoded):
    """What it has goes in, what it lacks is named."""
    source = str(tmp_path / "a.db")
    query(source, "CREATE TABLE t (id INTEGER PRIMARY KEY, t TEXT)")
    query(source, "INSERT INTO t VALUES (1, '\u65e5\u672c'), (2, 'caf\U0001f600')")
    result = SyncRunner().transfer(source, encoded("EUC_JP"))
    assert found(result) == {("t", "no_character"): (1, "id = 2")}
    assert "U+1F600" in result.error
