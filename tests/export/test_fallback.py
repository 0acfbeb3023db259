"""Reading goes on while the database is away: from its exports, if they are sound and fresh, and never from both."""

from __future__ import annotations

import hashlib
import itertools
import os
import signal
import threading
import tracemalloc
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import pytest
from support.exported_files import FORMATS, export, moment
from support.postgres import Server, Unavailable, start_server
from support.sessions import ok, write

from json2db_sync import SyncRunner
from json2db_sync.config import JSON2DBConfig
from json2db_sync.errors import ConfigurationError, FileError, SyncError, Unreachable
from json2db_sync.export import exported_file
from json2db_sync.export.confirmations import confirm
from json2db_sync.export.fallback import BREAKER, Breaker, exports
from json2db_sync.limits import Limits
from json2db_sync.operations import history

RECORDS = [
    {"id": n, "name": f"Größe {n}", "price": n / 7, "big": 10**30 + n, "lines": [{"q": n}], "gone": None, "e": {}}
    for n in range(40)
]
NOWHERE = "postgresql://me:secret@127.0.0.1:1/nothing"


@pytest.fixture(autouse=True)
def _nothing_remembered(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Exports are in one place, and what one test learned of a database says nothing in the next."""
    monkeypatch.setenv("JSON2DB_FALLBACK_DIRECTORY", "exports")
    BREAKER.forget()
    yield
    BREAKER.forget()


def reader(url: object = "gone.db", **fallback: object) -> SyncRunner:
    return SyncRunner(url, config=JSON2DBConfig(fallback=fallback))  # type: ignore[arg-type]


def loaded(url: str, tmp_path: Path, count: int = 5_000) -> list[dict[str, object]]:
    """A database of so many items, which are returned."""
    records = [{"id": n, "text": "x" * 50} for n in range(count)]
    write(tmp_path / "source" / "items.json", records)
    ok(SyncRunner(url, tmp_path / "source").populate())
    return records


class TestWhoAnswers:
    def test_the_database_does_while_it_can(self, database_url: str, tmp_path: Path) -> None:
        """A database that answers is what is read, whatever the exports hold."""
        loaded(database_url, tmp_path, 3)
        export(Path("exports"), "items", RECORDS)
        reading = reader(database_url).read("items")
        assert reading.source == "database"
        assert (reading.file, reading.age, reading.reason, reading.verified) == (None, None, None, False)
        assert [record["id"] for record in reading] == [0, 1, 2]

    @pytest.mark.parametrize("packed", [False, True])
    @pytest.mark.parametrize("pretty", [False, True])
    @pytest.mark.parametrize("format", FORMATS)
    def test_the_export_does_while_it_cannot(self, format: str, pretty: bool, packed: bool) -> None:
        """Every format gives the very records, and the reading says from where, how old, and why."""
        path = export(Path("exports"), "items", RECORDS, format, pretty=pretty, packed=packed)
        reading = reader().read("items")
        assert list(reading) == RECORDS
        assert (reading.source, reading.file, reading.verified) == ("export", path, True)
        assert reading.age is not None
        assert timedelta(minutes=59) < reading.age < timedelta(minutes=61)
        assert "gone.db does not exist yet" in str(reading.reason)
        assert reading.exported_from == "gone.db"

    @pytest.mark.parametrize("format", FORMATS)
    def test_an_export_of_nothing_is_an_answer(self, format: str) -> None:
        """An entity without records is exported, and read, as such."""
        export(Path("exports"), "items", [], format)
        reading = reader().read("items")
        assert (reading.source, list(reading)) == ("export", [])

    @pytest.mark.parametrize("database", ["customerB.db", "postgresql://me@127.0.0.1:1/b"])
    def test_the_export_of_another_database_does_not(self, database: str) -> None:
        """Where the export says that it was made from another database, the error says so beside the other reason."""
        export(Path("exports"), "items", RECORDS, database="customerA.db")
        with pytest.raises(Unreachable, match=r"items.json was exported from customerA.db, not from") as raised:
            next(reader(database).read("items"))
        assert "no export answers in its place" in raised.value.message
        assert "check the path of the database" in str(raised.value.hint)

    def test_a_copy_elsewhere_is_the_same_database(self, tmp_path: Path) -> None:
        """What an SQLite database is called is its file's name, in whatever folder."""
        export(Path("exports"), "items", RECORDS)
        assert list(reader(tmp_path / "elsewhere" / "gone.db").read("items")) == RECORDS

    @pytest.mark.parametrize("what", ["a folder", "text", "no permission", "refused", "no such database"])
    def test_what_counts_as_away(self, what: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
        """A folder, a file that is not a database, a port where nobody listens, a database that is not there."""
        url: str | Path = tmp_path / "test.db"
        if what == "a folder":
            (tmp_path / "test.db").mkdir()
        elif what == "text":
            (tmp_path / "test.db").write_text("nonsense " * 1000)
        elif what == "no permission":
            if os.geteuid() == 0:
                pytest.skip("root may read everything")
            (tmp_path / "test.db").touch(mode=0)
        elif what == "refused":
            url = NOWHERE
        else:
            url = f"{request.getfixturevalue('postgres_url')}".replace("json2db_test_", "no_such_")
        export(Path("exports"), "items", RECORDS, database=str(url))
        reading = reader(url).read("items")
        assert list(reading) == RECORDS
        assert reading.reason
        assert "secret" not in reading.reason

    def test_what_does_not(self, database_url: str, tmp_path: Path) -> None:
        """An entity that the database does not know is an error, though there is an export of that name."""
        loaded(database_url, tmp_path, 3)
        export(Path("exports"), "other", RECORDS)
        with pytest.raises(ConfigurationError, match="there is no entity other"):
            list(reader(database_url).read("other"))

    def test_it_can_be_turned_off(self) -> None:
        """Without fallback the database's own error comes, every time anew."""
        export(Path("exports"), "items", RECORDS)
        with pytest.raises(Unreachable, match="does not exist yet$"):
            list(reader(enabled=False).read("items"))

    def test_the_folder_is_a_setting(self, tmp_path: Path) -> None:
        """Exports are looked for where the setting says."""
        export(tmp_path / "elsewhere", "items", RECORDS)
        assert list(reader(directory=tmp_path / "elsewhere").read("items")) == RECORDS


class TestById:
    @pytest.mark.parametrize("packed", [False, True])
    @pytest.mark.parametrize("format", FORMATS)
    def test_one_record(self, format: str, packed: bool) -> None:
        """A record is found by its key, however that is spelled; one that is not there is nothing."""
        export(Path("exports"), "items", RECORDS, format, packed=packed)
        found = [list(reader().read("items", key)) for key in (7, "7", 99, "x", float("nan"), "\ud800")]
        assert found == [[RECORDS[7]]] * 2 + [[]] * 4

    def test_composite_and_long_keys(self) -> None:
        """The parts of a composite key are given in order; a long key and one of content are known by their hash."""
        export(Path("exports"), "pairs", [{"a": "x,y", "b": 1, "v": 1}, {"a": "x", "b": "y,1", "v": 2}])
        export(Path("exports"), "texts", [{"id": "00123"}, {"id": "long " * 200}])
        assert [record["v"] for record in reader().read("pairs", ["x", "y,1"])] == [2]
        assert list(reader().read("texts", "long " * 200)) == [{"id": "long " * 200}]

    def test_the_key_that_the_schema_names_is_the_key(self) -> None:
        """Where the schema says what the key is, a record that lacks it is not found by another field."""
        export(Path("exports"), "items", [{"a": 5}, {"a": 1, "id": 9}, {"a": 2, "id": 5}], key=["id"])
        assert list(reader().read("items", 5)) == [{"a": 2, "id": 5}]

    def test_a_key_that_was_left_out(self) -> None:
        """An export without the key's field cannot answer for one record, and says so."""
        export(Path("exports"), "items", [{"name": "x"}, {"name": "y"}], key=["id"])
        with pytest.raises(Unreachable, match=r"does not hold its key \(id\)"):
            list(reader().read("items", "x"))
        export(Path("exports"), "pairs", [{"a": 1, "v": 1}], key=["a", "b"])
        with pytest.raises(Unreachable, match=r"does not hold its key \(b\)"):
            list(reader().read("pairs", [1, 2]))

    def test_a_key_that_nobody_names(self) -> None:
        """Where the first field does not tell records apart, no record is found by it."""
        export(Path("exports"), "items", [{"kind": "x", "n": 1}, {"kind": "x", "n": 2}])
        with pytest.raises(Unreachable, match="does not say what its key is"):
            list(reader().read("items", "x"))

    def test_the_rest_is_not_decoded(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """The second record by id is read without reading through the file."""
        export(Path("exports"), "items", RECORDS)
        runner = reader()
        assert list(runner.read("items", 7)) == [RECORDS[7]]
        monkeypatch.setattr(exported_file.ExportedFile, "texts", lambda _self: pytest.fail("the file was read through"))
        assert list(runner.read("items", 8)) == [RECORDS[8]]

    def test_very_many_records_are_looked_through(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Beyond a million records nothing is remembered of them, and one is found all the same."""
        monkeypatch.setattr(exports, "MOST", 10)
        export(Path("exports"), "items", RECORDS)
        assert list(reader().read("items", 7)) == [RECORDS[7]]


class TestAge:
    def test_an_old_export_is_no_answer(self) -> None:
        """Beyond max_age there is an error that names both reasons, never an old record."""
        export(Path("exports"), "items", RECORDS, generated_at=moment(hours=5))
        assert list(reader(max_age=6).read("items")) == RECORDS
        BREAKER.forget()
        with pytest.raises(
            Unreachable, match=r"does not exist yet; and no export .* is 5 hours old, and at most 4 hou"
        ):
            next(reader(max_age=4).read("items"))

    def test_an_export_that_was_found_current_is_as_young_as_that(self) -> None:
        """What matters is when the file was last known to hold what the database holds, not when it last changed."""
        path = export(Path("exports"), "items", RECORDS, generated_at=moment(days=90))
        with pytest.raises(Unreachable, match="90 days old"):
            next(reader().read("items"))
        said = exports.Exports(path.parent, Limits(2**29), {}).sound("items")
        confirm(path.parent, {"items.json": said.checksum}, moment(hours=2))
        reading = reader().read("items")
        assert (list(reading), reading.generated_at) == (RECORDS, said.generated_at)
        assert reading.age is not None
        assert reading.age < timedelta(hours=2, minutes=1)
        export(path.parent, "items", RECORDS[1:], generated_at=moment(days=90))  # another content
        with pytest.raises(Unreachable, match="90 days old"):
            next(reader().read("items"))

    @pytest.mark.parametrize("spoilt", ["", "[1]", '{"items.json": 1}', "AT", "1", '{"items.json": {}}'])
    def test_what_was_noted_is_spoilt(self, spoilt: str) -> None:
        """Then an export is as old as it says."""
        path = export(Path("exports"), "items", RECORDS, generated_at=moment(hours=5))
        said = exports.Exports(path.parent, Limits(2**29), {}).sound("items")
        confirm(path.parent, {"items.json": said.checksum}, "no moment" if spoilt == "AT" else None)
        if spoilt != "AT":
            (path.parent / ".json2db" / "confirmed.json").write_text(spoilt)
        age = reader().read("items").age
        assert age is not None
        assert age > timedelta(hours=4)

    def test_an_export_from_the_future(self) -> None:
        """A date that cannot be is not taken for a young age."""
        export(Path("exports"), "items", RECORDS, generated_at=moment(hours=-2))
        with pytest.raises(Unreachable, match="which is in the future"):
            next(reader().read("items"))


class TestUnsound:
    def test_there_is_none(self) -> None:
        """Both reasons are named, and what to do about each."""
        with pytest.raises(
            Unreachable, match=r"does not exist yet; .* no export of items in exports, which is not the"
        ):
            list(reader().read("items"))
        Path("exports").mkdir()
        for entity in ("items", "../items", ""):
            with pytest.raises(Unreachable, match="there is no export of .* in exports$") as raised:
                list(reader().read(entity))
        assert "check the path" in str(raised.value.hint)

    @pytest.mark.parametrize("format", FORMATS)
    @pytest.mark.parametrize(
        ("said", "expected"),
        [
            ({"checksum": "sha256:00"}, "its checksum says sha256:00"),
            ({"checksum": None}, "its checksum says None"),
            ({"total_count": 41}, "it says that it has 41 records, and has 40"),
            ({"version": "9"}, "its version is '9'"),
            ({"generated_at": "long ago"}, "Invalid isoformat string"),
            ({"generated_at": None}, "None is not a moment"),
            ({"total_count": 40.9}, r"total_count is 40\.9"),
            ({"total_count": "40"}, "total_count is '40'"),
            ({"total_count": True}, "total_count is True"),
            ({"total_count": None}, "total_count is None"),
        ],
        ids=str,
    )  # fmt: skip
    def test_what_it_says_does_not_hold(self, said: dict[str, object], expected: str, format: str) -> None:
        """Metadata that the records do not bear out makes it unfit."""
        fields = {"generated_at": moment(), **said}
        path = export(Path("exports"), "items", RECORDS, format)
        _rewrite_metadata(path, format, fields)
        with pytest.raises(Unreachable, match=expected):
            list(reader().read("items"))

    @pytest.mark.slow
    @pytest.mark.parametrize("packed", [False, True])
    @pytest.mark.parametrize("format", FORMATS)
    def test_no_spoilt_byte_gets_through(self, format: str, packed: bool) -> None:
        """Whichever byte is another one: the answer is the very records, or an error that names both reasons."""
        records = RECORDS[:4]
        path = export(Path("exports"), "items", records, format, packed=packed)
        good, refused, served = path.read_bytes(), 0, 0
        for place in range(len(good)):
            spoilt = bytearray(good)
            spoilt[place] ^= 1 << (place % 8)
            path.write_bytes(spoilt)
            said = _answer()
            assert said == records or "does not exist yet; and no export answers in its place: " in said, place
            served, refused = served + (said == records), refused + (said != records)
        assert refused > served, "most bytes matter"

    @pytest.mark.slow
    @pytest.mark.parametrize("format", FORMATS)
    def test_no_export_that_is_cut_off_gets_through(self, format: str) -> None:
        """A file that ends too early is no answer, wherever it ends; but for the last line end."""
        path = export(Path("exports"), "items", RECORDS[:4], format)
        good = path.read_bytes()
        for length in range(len(good) - 1):
            path.write_bytes(good[:length])
            with pytest.raises(Unreachable):
                list(reader(retry_after=0).read("items"))

    def test_a_part_of_the_records_is_no_answer(self) -> None:
        """An export of only some records does not pass for all of them."""
        export(Path("exports"), "items", RECORDS[:2], filters={"id": {"<": 2}})
        with pytest.raises(Unreachable, match=r'holds only those records that satisfy \{"id": \{"<": 2\}\}'):
            list(reader().read("items"))

    @pytest.mark.parametrize(
        "text", ["", "[]", "{", "[" * 200_000, "\x00"], ids=["empty", "array", "cut", "deep", "nul"]
    )
    def test_a_schema_that_says_nothing_is_no_answer(self, text: str) -> None:
        """Where nobody can read whether records were filtered, none is given; without a schema the metadata say it."""
        schema = export(Path("exports"), "items", RECORDS).with_name("items.schema.json")
        sound = schema.read_text()
        schema.write_text(text)
        with pytest.raises(Unreachable, match=r"cannot be trusted: items\.schema\.json is n"):
            list(reader().read("items"))
        schema.write_text(sound)
        assert list(reader().read("items")) == RECORDS
        schema.unlink()
        assert list(reader().read("items")) == RECORDS

    @pytest.mark.parametrize("id", [None, 1], ids=["all", "one"])
    @pytest.mark.parametrize("format", FORMATS)
    @pytest.mark.parametrize(
        "text",
        ["[1]", "7", f'{{"id":1,"a":{"9" * 6000}}}', f'{{"id":1,"a":{"[" * 3000}1{"]" * 3000}}}'],
        ids=["array", "number", "digits", "deep"],
    )
    def test_what_is_no_record_is_no_answer(self, text: str, format: str, id: int | None) -> None:
        """Though the checksum holds: what is not an object, or one that cannot be held, makes the export unfit."""
        said = f"sha256:{hashlib.sha256(f'{text}{chr(10)}'.encode()).hexdigest()}"
        path = export(Path("exports"), "items", [{"here": 1}], format, pretty=False, checksum=said)
        path.write_text(path.read_text().replace('{"here":1}', text))
        with pytest.raises(Unreachable, match=r"cannot be trusted: (its record 1|a record) is spoilt: "):
            list(reader().read("items", id))

    @pytest.mark.parametrize("format", FORMATS)
    @pytest.mark.parametrize("text", ['"total_count": 1e999', f'"total_count": 1, "a": {"[" * 9000}{"]" * 9000}'])
    def test_metadata_that_cannot_be_held_is_no_answer(self, text: str, format: str) -> None:
        """A number beyond all doubles, and what is nested too deep."""
        path = export(Path("exports"), "items", RECORDS[:1], format)
        holder = path if format == "envelope" else path.with_name("items.metadata.json")
        holder.write_text(holder.read_text("utf-8").replace('"total_count": 1', text, 1), "utf-8")
        with pytest.raises(Unreachable, match="cannot be trusted"):
            list(reader().read("items"))

    def test_records_behind_the_records(self) -> None:
        """A second array, and other keys, make it no export of ours."""
        path = export(Path("exports"), "items", RECORDS[:2])
        path.write_text(path.read_text("utf-8").rstrip().removesuffix("}") + ', "more": []}', "utf-8")
        with pytest.raises(Unreachable, match="holds more than items"):
            list(reader().read("items"))

    def test_a_checksum_is_verified_once(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """While the file stays as it is, it is not read through again; a new one is."""
        export(Path("exports"), "items", RECORDS)
        verified = exports.verified
        seen: list[object] = []
        monkeypatch.setattr(exports, "verified", lambda file: seen.append(file) or verified(file))
        for _ in range(3):
            assert list(reader().read("items")) == RECORDS
        assert len(seen) == 1
        export(Path("exports"), "items", RECORDS[1:])
        assert list(reader().read("items")) == RECORDS[1:]
        assert len(seen) == 2


class TestMidRead:
    def test_the_connection_is_cut(self, postgres_server: Server, postgres_url: str, tmp_path: Path) -> None:
        """What was given is told, nothing of another state follows, and beginning again reads the export."""
        records = loaded(postgres_url, tmp_path)
        export(Path("exports"), "items", RECORDS, database=postgres_url)
        reading = reader(postgres_url).read("items")
        first = list(itertools.islice(reading, 100))
        postgres_server.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            f" WHERE datname = '{postgres_url.rpartition('/')[2].partition('?')[0]}'"
        )
        with pytest.raises(Unreachable, match=r"; ([\d,]+) records of items had been given") as raised:
            first.extend(reading)
        assert first == records[: reading.given]
        assert "begin again" in str(raised.value.hint)
        with pytest.raises(Unreachable, match="had been given"):
            next(reading)  # not the end of the records
        again = reader(postgres_url).read("items")
        assert (again.source, list(again)) == ("export", RECORDS)

    def test_the_server_is_killed(self, tmp_path: Path) -> None:
        """The same when the whole server goes at once, and for all who come after."""
        server = _own_server()
        try:
            url = server.create_database()
            records = loaded(url, tmp_path)
            export(Path("exports"), "items", RECORDS, database=url)
            reading = reader(url).read("items")
            given = list(itertools.islice(reading, 10))
            _kill(server)
            with pytest.raises(Unreachable, match="records of items had been given"):
                given.extend(reading)
            assert given == records[: len(given)]
            assert len(given) < len(records)
            for _ in range(2):
                again = reader(url, retry_after=0).read("items")
                assert (again.source, list(again)) == ("export", RECORDS)
        finally:
            server.stop()

    @pytest.mark.slow
    def test_leaving_what_is_gone_is_no_failure(self, tmp_path: Path) -> None:
        """Whoever has enough, and leaves after the server went, gets no error for it."""
        server = _own_server()
        try:
            url = server.create_database()
            records = loaded(url, tmp_path)
            with reader(url).read("items") as reading:
                assert next(reading) == records[0]
                _kill(server)
            assert list(reading) == []
        finally:
            server.stop()

    def test_an_sqlite_file_is_spoilt(self, tmp_path: Path) -> None:
        """A file that turns into something else while it is read ends the reading, with what was given."""
        loaded("test.db", tmp_path, 20_000)
        export(Path("exports"), "items", RECORDS, database="test.db")
        reading = reader("test.db").read("items")
        given = list(itertools.islice(reading, 10))
        Path("test.db").write_bytes(os.urandom(Path("test.db").stat().st_size))
        with pytest.raises(Unreachable, match="records of items had been given"):
            given.extend(reading)
        again = reader("test.db").read("items")
        assert (again.source, list(again)) == ("export", RECORDS)

    def test_an_export_is_replaced(self) -> None:
        """Who reads an export goes on reading the same one, though a newer took its place; the next reads that."""
        many = [{"id": n, "text": "x" * 1000} for n in range(3_000)]
        path = export(Path("exports"), "items", many)
        reading = reader().read("items")
        first = [next(reading) for _ in range(10)]
        export(Path("newer"), "items", RECORDS).replace(path)
        assert [*first, *reading] == many
        assert list(reader().read("items")) == RECORDS

    def test_an_export_is_overwritten(self) -> None:
        """What someone writes into an export while it is read is not taken for its records."""
        many = [{"id": n, "text": "x" * 1000} for n in range(3_000)]
        path = export(Path("exports"), "items", many)
        reading = reader().read("items")
        first = [next(reading) for _ in range(10)]
        path.write_bytes(path.read_bytes()[:1_000_000])
        with pytest.raises(FileError, match=r"records? of items had been given"):
            first.extend(reading)
        assert first == many[: len(first)]

    @pytest.mark.slow
    @pytest.mark.parametrize("format", FORMATS)
    def test_little_of_it_is_in_memory(self, format: str) -> None:
        """Of 20 MB a few are in memory at a time: when it is verified, when all is read, and when one record is."""
        path = export(Path("exports"), "items", [{"id": n, "text": f"{n:1000}"} for n in range(20_000)], format)
        assert path.stat().st_size > 20_000_000
        tracemalloc.start()
        try:
            assert sum(1 for _record in reader().read("items")) == 20_000
            assert [record["id"] for record in reader().read("items", 19_999)] == [19_999]
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert peak < 12_000_000

    def test_it_may_stop_early(self) -> None:
        """Whoever leaves early leaves nothing open, and gets nothing more."""
        export(Path("exports"), "items", RECORDS)
        with reader().read("items") as reading:
            assert next(reading) == RECORDS[0]
        assert list(reading) == []


class TestThreads:
    def test_sixteen_threads_read_at_once(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """All get the same records from the export, which is verified once, and the database is not asked again."""
        export(Path("exports"), "items", RECORDS, database=NOWHERE)
        verified, seen, runner = exports.verified, [], reader(NOWHERE)
        monkeypatch.setattr(exports, "verified", lambda file: seen.append(file) or verified(file))
        together = threading.Barrier(16)

        def read(number: int) -> list[object]:
            together.wait()
            return [list(runner.read("items", None if number % 2 else number)) for _ in range(10)]

        with ThreadPoolExecutor(16) as pool:
            for number, answers in enumerate(pool.map(read, range(16))):
                assert answers == [RECORDS if number % 2 else [RECORDS[number]]] * 10
        assert len(seen) == 1

    def test_sixteen_threads_while_the_export_changes(self) -> None:
        """Each gets one state or the other, whole."""
        others = [{**record, "name": "other"} for record in RECORDS]
        path = export(Path("exports"), "items", RECORDS)
        runner, stop = reader(), threading.Event()

        def write_again() -> None:
            for state in itertools.cycle((others, RECORDS)):
                export(Path("newer"), "items", state).replace(path)
                if stop.wait(0.02):
                    return

        def read(_number: int) -> bool:
            return all(list(runner.read("items")) in (RECORDS, others) for _ in range(20))

        writer = threading.Thread(target=write_again)
        writer.start()
        try:
            with ThreadPoolExecutor(16) as pool:
                assert all(pool.map(read, range(16)))
        finally:
            stop.set()
            writer.join()


class TestBreaker:
    def test_no_new_attempt_for_a_while(
        self, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """After a failure the database is not asked until the time is over, whatever runner reads; then it is."""
        now = [0.0]
        monkeypatch.setattr(BREAKER, "_clock", lambda: now[0])
        loaded(database_url, tmp_path, 2)
        export(Path("exports"), "items", RECORDS, database=database_url)
        attempts = []
        stored = history._stored_records

        def asked(*arguments: object, **named: object) -> object:
            attempts.append(now[0])
            if len(attempts) < 2:
                raise Unreachable("it is away")
            return stored(*arguments, **named)  # type: ignore[arg-type]

        monkeypatch.setattr(history, "_stored_records", asked)
        for moment_ in (0, 10, 29):
            now[0] = moment_
            reading = reader(database_url, retry_after=30).read("items")
            assert reading.source == "export"
        assert attempts == [0]
        assert "it is away (29 s ago; asked again in 1 s)" in str(reading.reason)
        now[0] = 30
        assert reader(database_url).read("items").source == "database"
        assert attempts == [0, 30]
        assert reader(database_url).read("items").source == "database"

    def test_without_exports_the_database_is_always_asked(self, tmp_path: Path) -> None:
        """Where there is no folder of exports, a database that comes back answers at once."""
        with pytest.raises(Unreachable):
            list(reader("test.db").read("items"))
        records = loaded("test.db", tmp_path, 2)
        assert list(reader("test.db").read("items")) == records

    def test_one_asks_for_all(self) -> None:
        """When the time is over one of many asks; the others are answered by exports until it has."""
        now = [0.0]
        breaker = Breaker(lambda: now[0])
        breaker.failed("a", Unreachable("away", hint="wait"), 30)
        assert breaker.refusal("b", 30) is None
        now[0] = 31
        assert [breaker.refusal("a", 30) is None for _ in range(3)] == [True, False, False]
        breaker.worked("a")
        assert breaker.refusal("a", 30) is None


class TestCommand:
    """json2db-sync read."""

    def test_stderr_says_where_records_come_from(self, capfd: pytest.CaptureFixture[str]) -> None:
        """Records are printed as ever; who looks at stderr learns that they are from an export, how old, and why."""
        from json2db_sync.interfaces.cli.main import main

        export(Path("exports"), "items", RECORDS[:2], generated_at=moment(hours=3))
        assert main(["read", "items", "--db-path", "gone.db"]) == 0
        out, err = capfd.readouterr()
        assert out.count("\n") == 2
        said = " ".join(err.split())
        assert "from the export exports/items.json, 3 hours old, checksum verified" in said
        assert "gone.db does not exist yet" in said

    def test_an_error_names_both_reasons(self, capfd: pytest.CaptureFixture[str]) -> None:
        """It ends with 1 and prints nothing when neither answers."""
        from json2db_sync.interfaces.cli.main import main

        export(Path("exports"), "items", RECORDS, generated_at=moment(days=9))
        assert main(["read", "items", "--db-path", "gone.db"]) == 1
        out, err = capfd.readouterr()
        assert out == ""
        said = "gone.db does not exist yet; and no export answers in its place"
        assert "".join(said.split()) in "".join(err.split())  # wherever a line ends


def _answer() -> list[object] | str:
    """The items that are read, or what the error says."""
    try:
        return list(reader(retry_after=0).read("items"))
    except Unreachable as error:
        return error.message


def _rewrite_metadata(path: Path, format: str, fields: dict[str, object]) -> None:
    import json

    holder = path if format == "envelope" else path.with_name("items.metadata.json")
    whole = json.loads(holder.read_text("utf-8"))
    (whole["metadata"] if format == "envelope" else whole).update(fields)
    holder.write_text(json.dumps(whole, ensure_ascii=False, indent=2) + "\n", "utf-8")


def _own_server() -> Server:
    try:
        server = start_server()
    except Unavailable as reason:
        pytest.skip(str(reason))
    if server.process is None:
        pytest.skip("the server is not ours to kill")
    return server


def _kill(server: Server) -> None:
    """The server and all that belongs to it, with no chance to say anything."""
    parent = int((server.folders[0] / "postmaster.pid").read_text().split()[0])
    for pid in [*_below(parent), parent]:
        with suppress(ProcessLookupError):  # it has ended by itself
            os.kill(pid, signal.SIGKILL)


def _below(parent: int) -> list[int]:
    return [int(pid) for pid in Path(f"/proc/{parent}/task/{parent}/children").read_text().split()]


def test_errors_of_reading_are_ours() -> None:
    """Whatever goes wrong with an export is a SyncError, with both reasons."""
    folder = Path("exports/items.json")
    folder.mkdir(parents=True)
    with pytest.raises(SyncError, match="does not exist yet; and no export"):
        next(reader().read("items"))
