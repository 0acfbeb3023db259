"""Rows 1 to 17 of the cases: the records of any API's answer are found where they are, or it is said where to look."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from support.contents import table_names
from support.sessions import ok, query, session, verified

from json2db_sync import SyncRunner
from json2db_sync.config import JSON2DBConfig
from json2db_sync.errors import ConfigurationError, FileError
from json2db_sync.interfaces.cli.exits import Exit, exit_code
from json2db_sync.limits import Limits
from json2db_sync.sources import RecordReader
from json2db_sync.sources.files import make_file
from json2db_sync.sources.layouts import Layouts
from json2db_sync.sources.records_path import RecordsPath

DAYS = ("2026-11-01", "2026-11-02", "2026-11-03")


class Days:
    """A base of sessions, of which each day's is loaded when it comes."""

    def __init__(self, url: str, base: Path, **data_source: Any) -> None:
        self.url, self.base = url, base
        self._days = iter(DAYS)
        self.configure(**data_source)

    def configure(self, **data_source: Any) -> None:
        self.runner = SyncRunner(self.url, self.base, config=JSON2DBConfig(data_source=data_source))

    def load(self, **files: Any) -> Any:
        session(self.base, next(self._days), **files)
        return self.again()

    def texts(self, **files: str) -> Any:
        """As :meth:`load`, of files as they are written; where the name ends in an underscore, as lines of records."""
        stamp = f"{next(self._days)}_08-00-00"
        folder = self.base / f"sync_session_{stamp}" / "raw_json" / stamp
        folder.mkdir(parents=True)
        for name, text in files.items():
            (folder / (f"{name[:-1]}.ndjson" if name.endswith("_") else f"{name}.json")).write_text(text)
        return self.again()

    def again(self) -> Any:
        result = ok(self.runner.populate())
        verified(self.runner)
        return result

    def records(self, entity: str) -> list[dict[str, Any]]:
        """As they stand in their files."""
        return sorted(self.runner.read(entity), key=str)

    @property
    def tables(self) -> set[str]:
        return {name for name in table_names(self.url) if name.startswith("json_")}


@pytest.fixture
def days(database_url: str, tmp_path: Path) -> Days:
    return Days(database_url, tmp_path / "sync_sessions")


def canonical(record: Any) -> str:
    return json.dumps(record, sort_keys=True)


CODES = {"unclear_layout", "records_missing", "lists_beside", "wrapping_stored"}


def quiet(result: Any) -> Any:
    """Nothing is said of where records are, whatever is to be said of keys."""
    assert not result.statistics["rejected"]
    assert not [note for note in result.notes if note.code in CODES]
    return result


def loud(result: Any, code: str = "unclear_layout") -> Any:
    assert exit_code(result) is Exit.ATTENTION
    (note,) = [note for note in result.notes if note.code == code]
    assert "data_source.records" in note.setting
    assert note.entity
    return note


def test_row_1_lists_of_two_files_are_not_one_entity(days: Days) -> None:
    """The list of every answer is called data: the file says what is in it."""
    quiet(days.load(tasks={"data": [{"id": 1, "title": "Paint"}], "errors": []},
                    users={"data": [{"id": 1, "email": "a@x"}], "errors": []}))  # fmt: skip
    assert days.records("tasks") == [{"id": 1, "title": "Paint"}]
    assert days.records("users") == [{"id": 1, "email": "a@x"}]
    assert days.tables == {"json_tasks", "json_users"}


def test_row_2_the_answers_of_two_days_are_four_products(days: Days) -> None:
    """OData: a list under value, and what describes it."""
    first = [{"ProductID": number} for number in (1, 2, 3)]
    quiet(days.load(products={"value": first, "@odata.context": "c"}))
    quiet(days.load(products={"@odata.context": "c", "value": [{"ProductID": 4}]}))
    assert days.records("products") == [*first, {"ProductID": 4}]


def test_row_3_what_stands_beside_the_records_is_kept_with_the_file(days: Days) -> None:
    """OCDS: the list bears the file's name; the publisher is in the ledger, and shown."""
    result = quiet(days.load(releases={"publisher": {"name": "P"}, "releases": [{"id": "1"}]}))
    assert days.records("releases") == [{"id": "1"}]
    (load,) = days.runner.show_run(result.run).loads
    assert load.beside == {"publisher": {"name": "P"}}


def test_row_4_lists_under_the_name_of_the_file(days: Days) -> None:
    """Whatever stands beside them."""
    quiet(days.load(activities={"activities": [{"logId": 1}], "summary": {"steps": 1}, "goals": {}}))
    assert days.records("activities") == [{"logId": 1}]


@pytest.mark.parametrize("empty", [[], None])
def test_row_5_an_empty_page_is_no_record(days: Days, empty: Any) -> None:
    """Nor does it change what the columns hold."""
    quiet(days.load(characters={"results": [{"id": 1}], "next": None}))
    result = quiet(days.load(characters={"results": empty, "next": None}))
    assert result.statistics["total_records"] == 0
    assert days.records("characters") == [{"id": 1}]


def test_row_5_an_empty_page_comes_first(days: Days) -> None:
    """What it is, its neighbours tell."""
    quiet(days.load(characters={"results": None, "next": None}, characters_2={"results": [{"id": 1}], "next": 1}))
    assert days.records("characters_2") == [{"id": 1}]
    assert days.records("characters") == []


def test_row_6_members_are_updated(days: Days) -> None:
    """Slack: an answer that has a key more on the second day."""
    quiet(days.load(members={"ok": True, "members": [{"id": "U1", "name": "n"}]}))
    answer = {"ok": True, "members": [{"id": "U1", "name": "m"}], "response_metadata": {}}
    result = quiet(days.load(members=answer))
    assert result.statistics["updated"] == 1
    assert days.records("members") == [{"id": "U1", "name": "m"}]


def test_row_7_names_of_lists_in_any_case(days: Days) -> None:
    """``List`` is a list."""
    quiet(days.load(things={"Version": "5.5", "List": [{"a": 1}, {"a": 2}]}))
    assert days.records("things") == [{"a": 1}, {"a": 2}]


@pytest.mark.parametrize(
    "answer",
    [
        {"status": {"error_code": 0}, "data": [{"id": 1}]},
        {"data": [{"id": 1}], "paging": {"cursors": {}}, "summary": {"total": 1}},
        {"content": [{"id": 1}], "pageable": {"offset": 0}, "totalElements": 1, "last": True, "number": 0},
        {"_embedded": {"orders": [{"id": 1}]}, "_links": {"self": {"href": "x"}}, "page": {"number": 0}},
        {"Data": [{"id": 1}], "Errors": [], "Warnings": []},
        {"hits": [{"id": 1}], "facets": [{"name": "f"}], "total": 1},
        {"docs": [{"id": 1}], "items": [], "limit": 1},
        {"order": [{"id": 1}], "account_id": "A"},
        {"ORDERS": [{"id": 1}], "customers": [], "as_of": "2026"},
        {"jsonrpc": "2.0", "id": 7, "result": [{"id": 1}]},
        {"kind": "compute#instanceList", "id": "projects/x", "items": [{"id": 1}], "selfLink": "x"},
        {"@id": "/orders", "@type": "hydra:Collection", "hydra:member": [{"id": 1}], "hydra:totalItems": 1},
    ],
)
def test_rows_8_9_12_names_that_apis_use(days: Days, answer: dict[str, Any]) -> None:
    """CoinMarketCap, Facebook, Spring, HAL and others."""
    quiet(days.load(orders=answer))
    assert days.records("orders") == [{"id": 1}]
    assert days.tables == {"json_orders"}


@pytest.mark.parametrize(
    "name",
    [
        "invoices_page_3",
        "invoices-p3",
        "invoices_003",
        "invoices_2026-11-01",
        "invoices_2026-11-01T10-00-00Z",
        "Invoices",
    ],
)
def test_row_10_pages_are_of_one_entity(days: Days, name: str) -> None:
    """Zoho: the list's name is the file's but for page marks."""
    context = {"page": 3, "has_more_page": False}
    answer = {"code": 0, "message": "success", "invoices": [{"invoice_id": "1"}], "page_context": context}
    quiet(days.load(**{name: answer, "invoices_page_4": {**answer, "invoices": []}}))
    assert days.records("invoices") == [{"invoice_id": "1"}]
    assert days.tables == {"json_invoices"}
    again = quiet(days.again())
    assert again.files_unchanged == 2


def test_row_10_an_odd_page_is_read_as_its_neighbours(days: Days) -> None:
    """A page without a list is no invoice, and that is said."""
    answer = {"code": 0, "message": "success", "invoices": [{"invoice_id": "1"}]}
    error = {"code": 57, "message": "too many requests"}
    note = loud(days.load(invoices_page_1=error, invoices_page_2=answer), "records_missing")
    assert note.entity == "invoices"
    assert loud(days.load(invoices_page_1=error), "records_missing")
    assert days.records("invoices") == [{"invoice_id": "1"}]


def test_row_11_a_list_in_a_file_whose_name_says_nothing(days: Days) -> None:
    """Xero: the records are those of the list, and called as it is."""
    xero = {"Id": "x", "Status": "OK", "ProviderName": "p", "DateTimeUTC": "/Date(1)/"}
    quiet(days.load(export={**xero, "Invoices": [{"InvoiceID": "1"}]}))
    quiet(days.load(export={**xero, "Invoices": [{"InvoiceID": "2"}]}))
    quiet(days.load(export={**xero, "Invoices": []}))
    assert days.records("invoices") == [{"InvoiceID": "1"}, {"InvoiceID": "2"}]


@pytest.mark.parametrize(
    ("answer", "path"),
    [
        ({"d": {"Parts": [{"a": 1}]}}, "d.Parts"),
        ({"hits": {"hits": [{"a": 1}]}, "took": 3}, "hits.hits"),
        ({"QueryResponse": {"Invoice": [{"Id": "1"}], "maxResults": 1}, "time": "t"}, "QueryResponse.Invoice"),
        ({"data": {"x": {"edges": [{"node": {"id": 1}, "cursor": "c"}]}}}, "data.x.edges[*].node"),
        ({"code": 0, "contact": {"contact_id": "1"}}, "contact"),
        ({"1000": {"name": "a"}, "1001": {"name": "b"}}, "*"),
        ({"users": {"-N1234567890abcdefghi": {"name": "a"}}}, "users.*"),
        ({"customers": [{"id": 1}], "as_of": "2026"}, "customers"),
        ({"data": {"id": 1, "attributes": {"x": 1}}, "included": [{"id": 9}]}, "data"),
        ({"Meta": {"1": "x"}, "Time Series (Daily)": {"2026-01-01": {"open": 1}}}, "Time Series (Daily).*"),
        ({"users": {"-N1234567890abcdefgh": {"n": 1}}, "posts": {"-N1234567890abcdefgx": {"t": 1}}}, "users.*"),
        ({"config": {"a b": {"c.d": [{"id": 1}]}}}, "config.a b['c.d']"),
        # A page or an answer whatever id it has: tomorrow's list is not another version of today's.
        ({"Id": "x", "Status": "OK", "ProviderName": "p", "Invoices": [{"InvoiceID": "1"}]}, "Invoices"),
        ({"id": "x", "success": True, "data": [{"id": 1}]}, "data"),
        ({"id": "x", "results": [{"id": 1}], "has_more": True}, "results"),
        (
            {"resourceType": "Bundle", "id": "b", "type": "searchset", "entry": [{"resource": {"id": "1"}}]},
            "entry[*].resource",
        ),
        ({"id": "https://x/outbox", "type": "OrderedCollection", "orderedItems": [{"id": "1"}]}, "orderedItems"),
        # What is around one thing, whatever else stands there.
        ({"code": 0, "message": "success", "contact": {"contact_id": 1}, "page_context": {"page": 1}}, "contact"),
        ({"data": {"id": 2, "email": "x"}, "support": {"url": "u"}}, "data"),
        ({"action": "opened", "issue": {"id": 1, "labels": [{"id": 3}]}, "sender": {"id": 2}}, "issue"),
        ({"@attributes": {"count": "1"}, "Item": {"itemID": "1"}}, "Item"),
        ({"Envelope": {"Body": {"GetOrder": {"Order": {"id": 1}}}}}, "Envelope.Body.GetOrder.Order"),
        # Maps anywhere, and maps of lists.
        ({"batchcomplete": "", "query": {"pages": {"1": {"title": "a"}, "2": {"title": "b"}}}}, "query.pages.*"),
        ({"data": {"alice": {"n": 1}, "bob": {"n": 2}}}, "data.*"),
        ({"error": [], "result": {"XXBTZUSD": {"a": ["1"]}, "XETHZUSD": {"a": ["2"]}}}, "result.*"),
        ({"count": 2, "by_day": {"2026-11-01": [{"id": 1}], "2026-11-02": [{"id": 2}]}}, "by_day.*"),
        ({"2026-11-01": [{"id": 1}], "2026-11-02": [{"id": 2}]}, "*"),
        # An empty answer has its list where a full one has.
        ({"took": 1, "hits": {"total": {"value": 0}, "hits": []}}, "hits.hits"),
        ({"data": {"products": {"edges": [], "pageInfo": {"n": 1}}}}, "data.products.edges[*].node"),
        ({"errors": [{"message": "m"}], "data": None}, "data"),
    ],
)
def test_row_13_what_could_be_an_answer_is_never_replaced(days: Days, answer: dict[str, Any], path: str) -> None:
    """It is one record under an id made of its content, and the line for the configuration is told."""
    note = loud(days.load(things=answer))
    assert note.setting == f"data_source.records = {json.dumps({'things': path})}"
    other = {**answer, "more": [{"id": 9}]}
    loud(days.load(things=other))
    assert sorted(map(canonical, days.records("things"))) == sorted(map(canonical, [answer, other]))
    assert [note.code for note in days.runner.analyze(cutoff_days="all").notes] == ["unclear_layout"] * 2


def test_row_13_what_was_stored_before_the_setting_is_told_until_it_is_cleared(days: Days) -> None:
    """The files are to be loaded again, and the record that one was stands among its records."""
    answer = {"page": 1, "Kunden": [{"nr": 1}, {"nr": 2}], "warnings": []}
    loud(days.load(things=answer))
    days.configure(records={"things": "Kunden"})
    assert [file.state for file in days.runner.inspect(cutoff_days="all").found.files] == ["changed"]
    for _again in range(2):
        note = loud(days.runner.populate(cutoff_days="all"), "wrapping_stored")
        assert (note.entity, note.count) == ("things", 1)
        assert "create-tables --recreate --empty --entity things" in note.text
        assert not days.runner.inspect(cutoff_days="all").found.to_load
    assert len(days.records("things")) == 3
    assert days.runner.create_tables(recreate=True, empty=True, entity_filter="things").success
    quiet(days.runner.populate(cutoff_days="all"))
    assert days.records("things") == [{"nr": 1}, {"nr": 2}]
    days.configure(entities={"things*": "parts"}, records={"parts": "Kunden"})
    assert [file.state for file in days.runner.inspect(cutoff_days="all").found.files] == ["changed"]


def test_row_13_the_object_itself(days: Days) -> None:
    """``$`` says so; then a later version takes the place of the earlier."""
    days.configure(records={"things": "$"})
    quiet(days.load(things={"d": {"Parts": [{"a": 1}]}}))
    quiet(days.load(things={"d": {"Parts": [{"a": 2}]}}))
    assert days.records("things") == [{"d": {"Parts": [{"a": 2}]}}]


@pytest.mark.parametrize(
    "thing",
    [
        {"id": 7, "name": "n", "lines": [{"a": 1}]},
        {"thing_id": 7, "items": [{"a": 1}], "data": [{"b": 1}]},
        {"debug": True, "database": {"host": "h", "port": 1}, "paths": ["a"]},
        {"status": "ok", "uptime": 3},
        {"name": "n", "tags": ["a"], "version": "1.0", "dependencies": {"x": "^1", "y": "^2"}},
        {"error": {"code": 7, "message": "m"}},
        {"server": {"host": "h", "port": 1}, "log": {"level": "l"}},
        {"ok": True, "database": {"latency": 1}},
        {"id": 7, "things": [], "thing": None},
    ],
)
def test_what_is_a_thing_stays_one_record_quietly(days: Days, thing: dict[str, Any]) -> None:
    """An id of its own, a configuration, a status: they hold nothing that could be records."""
    quiet(days.load(things=thing))
    quiet(days.load(things={**thing, "name": "m"}))
    assert days.records("things") == [{**thing, "name": "m"}]


def test_records_inside_an_array_are_records_whatever_they_hold(days: Days) -> None:
    """Nothing is looked for in them."""
    records = [{"data": [{"id": 1}], "errors": []}, {"d": {"Parts": [{"a": 1}]}}]
    days.load(things=records)
    assert days.records("things") == sorted(records, key=str)


def test_entities_side_by_side_are_entities(days: Days) -> None:
    """An object of nothing but lists, under names that are entities."""
    quiet(days.load(dump={"cats": [{"id": 1}], "dogs": [{"id": 2}], "errors": []}))
    assert days.records("cats") == [{"id": 1}]
    assert days.records("dogs") == [{"id": 2}]
    assert days.tables == {"json_cats", "json_dogs"}


def test_other_records_beside_the_list_are_told(days: Days) -> None:
    """They are not loaded, and that is not silent."""
    note = loud(days.load(orders={"results": [{"id": 1}], "customers": [{"id": 2}], "n": 1}), "lists_beside")
    assert "customers" in note
    assert days.records("orders") == [{"id": 1}]


@pytest.mark.parametrize("name", ["places", "export"])
def test_row_15_features_are_the_records(days: Days, name: str) -> None:
    """GeoJSON in a file of any name."""
    feature = {"type": "Feature", "properties": {"name": "a"}, "geometry": {"type": "Point", "coordinates": [1, 2]}}
    quiet(days.load(**{name: {"type": "FeatureCollection", "name": "n", "id": "c", "features": [feature]}}))
    entity = "features" if name == "export" else name
    assert days.records(entity) == [feature]


def one_file(tmp_path: Path, url: str, name: str, text: str) -> Days:
    path = tmp_path / "in" / name
    path.parent.mkdir()
    path.write_text(text)
    days = Days(url, path.parent)
    quiet(days.again())
    return days


@pytest.mark.parametrize("name", ["things.json", "things.jsonl", "things.ndjson"])
@pytest.mark.parametrize(
    "text",
    [
        '{\n"id":1\n}\n{\n"id":2\n}',
        '{\n  "id": 1\n}\n\n{\n  "id": 2\n}\n',
        '{"id": 1}{"id": 2}',
        '{\n"id":1}{"id":2}\n',
        '[{"id":1},{"id":2}]',
        '[\n{"id":1},\n{"id":2}\n]\n',
        '[{"id":1}]\n[{"id":2}]\n',
        '[{"id":1}][]\n[\n{"id":2}\n]',
        '[]\n[{"id":1}, {"id":2}]',
        '{"id":1}\n{"id":2}',
    ],
)
def test_rows_16_17_values_one_after_the_other(tmp_path: Path, database_url: str, name: str, text: str) -> None:
    """Indented objects, arrays in lines, arrays after arrays."""
    if name != "things.json" and text == '{"id": 1}{"id": 2}':
        pytest.skip("a line that holds two values is a bad line")
    assert one_file(tmp_path, database_url, name, text).records("things") == [{"id": 1}, {"id": 2}]


def test_exports_of_such_files_load_to_the_same(days: Days, tmp_path: Path, databases: Any) -> None:
    """Export, verification of it, and reload."""
    days.load(orders={"results": [{"id": 1}], "next": None}, pages_1={"d": {"Parts": [{"a": 1}]}},
              invoices_page_2={"code": 0, "invoices": [{"invoice_id": "1"}]})  # fmt: skip
    ok(days.runner.export(output_directory=tmp_path / "out"))
    url = databases.create()
    again = SyncRunner(url, tmp_path / "out")
    ok(again.populate())
    verified(again)
    for entity in ("orders", "pages_1", "invoices"):
        assert list(again.read(entity)) == list(days.runner.read(entity))


@pytest.mark.parametrize(
    ("path", "answer", "records"),
    [
        ("QueryResponse.Invoice", {"QueryResponse": {"Invoice": [{"Id": "1"}], "maxResults": 1}, "time": "t"}, [{"Id": "1"}]),
        ("$.QueryResponse.Invoice[*]", {"QueryResponse": {"Invoice": [{"Id": "1"}]}}, [{"Id": "1"}]),
        ("$['d']['Parts']", {"d": {"Parts": [{"id": 1}, {"id": 2}]}}, [{"id": 1}, {"id": 2}]),
        ("data.x.edges[*].node", {"data": {"x": {"edges": [{"node": {"id": 1}}, {"node": {"id": 2}}]}}}, [{"id": 1}, {"id": 2}]),
        ("pages[*].items", {"pages": [{"items": [{"id": 1}]}, {"items": []}, {"items": [{"id": 2}]}]}, [{"id": 1}, {"id": 2}]),
        ("pages.items", {"pages": [{"items": [{"id": 1}]}, {"items": [{"id": 2}]}]}, [{"id": 1}, {"id": 2}]),
        ("[*].data", [{"data": [{"id": 1}]}, {"data": [{"id": 2}], "next": None}], [{"id": 1}, {"id": 2}]),
        ("contact", {"code": 0, "contact": {"id": 1}}, [{"id": 1}]),
        ("a b['c.d']", {"a b": {"c.d": [{"id": 1}]}}, [{"id": 1}]),
        ("@graph", {"@context": {}, "@graph": [{"@id": 1}]}, [{"@id": 1}]),
        ("$..book[?@.price < 10]", {"store": {"book": [{"id": 1, "price": 8}, {"id": 2, "price": 12}]}}, [{"id": 1, "price": 8}]),
        ("$..node", {"a": [{"node": {"id": 1}}], "b": {"node": [{"id": 2}, {"id": 3}]}}, [{"id": 1}, {"id": 2}, {"id": 3}]),
        ("d.Parts", {"d": {"Parts": []}}, []),
        ("d.Parts", {"d": {"Parts": None}}, []),
        ("d.Parts", {"d": None}, []),
    ],
)  # fmt: skip
def test_row_13_the_setting_names_the_place(days: Days, path: str, answer: Any, records: list[dict[str, Any]]) -> None:
    """Dotted, with lists, or JSONPath; by entity."""
    days.configure(records={"things": path})
    quiet(days.load(things=answer))
    assert days.records("things") == records


def test_row_13_the_setting_by_the_name_of_the_file(days: Days) -> None:
    """A pattern; the entity is the list's name where the file's says nothing."""
    days.configure(records={"export*.json": "QueryResponse.Invoice", "orders": "d.results"})
    answer = {"QueryResponse": {"Invoice": [{"Id": "1"}], "startPosition": 1}, "time": "t"}
    result = quiet(days.load(export_2=answer, orders_page_2={"d": {"results": [{"id": 1}], "__count": 1}}))
    assert days.records("invoice") == [{"Id": "1"}]
    assert days.records("orders_page_2") == [{"id": 1}]
    beside = {load.entity: load.beside for load in days.runner.show_run(result.run).loads}
    assert beside["invoice"] == {"QueryResponse": {"startPosition": 1}, "time": "t"}


def test_row_13_a_setting_that_comes_later_reads_the_files_anew(days: Days) -> None:
    """With the line that the note told."""
    loud(days.load(things={"d": {"Parts": [{"id": 1}]}}))
    days.configure(records={"things": "d.Parts"})
    result = days.again()
    loud(result, "wrapping_stored")
    assert result.statistics["inserted"] == 1
    assert {"id": 1} in days.records("things")
    ok(days.runner.create_tables(recreate=True, empty=True))
    quiet(days.again())
    assert days.records("things") == [{"id": 1}]


@pytest.mark.parametrize("answer", [{"d": {"results": [{"id": 2}]}}, {"message": "too many requests"}])
def test_row_13_a_file_without_the_place_is_told(days: Days, answer: dict[str, Any]) -> None:
    """It has no record, and that is loud."""
    days.configure(records={"things": "d.Parts"})
    quiet(days.load(things={"d": {"Parts": [{"id": 1}]}}))
    loud(days.load(things=answer), "records_missing")
    assert days.records("things") == [{"id": 1}]


@pytest.mark.parametrize("path", ["d..", "[0]x", "a[", "$[?", "", "a..b"])
def test_a_path_that_is_none_is_refused(path: str) -> None:
    """With what a path looks like."""
    with pytest.raises(ConfigurationError, match="records"):
        JSON2DBConfig(data_source={"records": {"things": path}})


MAP = {"1000": {"name": "a", "lines": [{"x": 1}]}, "1001": {"name": "b"}, "a\nb": {}}


@pytest.mark.parametrize(("path", "answer"), [("*", MAP), ("users.*", {"users": MAP, "v": 1}), ("$.*", MAP)])
def test_row_14_the_values_of_a_map_are_records(
    days: Days, tmp_path: Path, databases: Any, path: str, answer: dict[str, Any]
) -> None:
    """Their keys are a column, which is the key; read leaves it out, export and reload keep it."""
    days.configure(records={"users": path})
    days.load(users=answer)
    assert query(days.url, "SELECT id, _key FROM json_users ORDER BY 1") == [(key, key) for key in MAP]
    assert list(days.runner.read("users", "1001")) == [{"name": "b"}]
    assert sorted(map(canonical, days.runner.read("users"))) == sorted(map(canonical, MAP.values()))
    changed = {**MAP, "1001": {"name": "c"}}
    result = days.load(users=changed if path != "users.*" else {"users": changed})
    assert result.statistics["updated"] == 1
    assert result.statistics["unchanged"] == 2
    ok(days.runner.export(output_directory=tmp_path / "out"))
    again = SyncRunner(databases.create(), tmp_path / "out")
    ok(again.populate())
    assert {record["_key"] for record in again.read("users")} == set(MAP)


def test_row_14_records_with_a_key_of_their_own_keep_it(days: Days) -> None:
    """The map's key is a column beside it."""
    days.configure(records={"users": "*"})
    quiet(days.load(users={"x": {"id": 1}, "y": {"id": 2}}))
    assert query(days.url, "SELECT id, _key FROM json_users ORDER BY 1") == [(1, "x"), (2, "y")]
    assert days.records("users") == [{"id": 1}, {"id": 2}]


@pytest.mark.parametrize(
    ("path", "begin", "record", "end"),
    [
        ("d.x.Parts", '{"v": 1, "d": {"x": {"Parts": [', '{{"id": {}, "pad": "{}"}}', ']}, "n": 2}}'),
        ("data.edges[*].node", '{"data": {"edges": [', '{{"cursor": "c", "node": {{"id": {}, "pad": "{}"}}}}', "]}}"),
        ("users.*", '{"users": {', '"{}": {{"pad": "{}"}}', "}}"),
        ("*", "{", '"{}": {{"pad": "{}"}}', "}"),
    ],
)
@pytest.mark.parametrize("undecoded", [True, False])
def test_plain_paths_are_read_in_bounded_memory(
    tmp_path: Path, path: str, begin: str, record: str, end: str, undecoded: bool
) -> None:
    """A file may be any times as large as a record; without the setting the error names it."""
    count = 20_000
    file = tmp_path / "things.json"
    texts = (record.format(number, "x" * 60) for number in range(count))
    file.write_text(begin + ",\n".join(texts) + end)
    source = make_file(file, tmp_path, {})
    known = Layouts({"things": RecordsPath.parse(path)})
    with RecordReader(source, Limits(1), layouts=known) as reader:
        assert sum(len(batch) for batch in reader.batches(undecoded=undecoded)) == count
    if undecoded:
        with RecordReader(source, Limits(1)) as reader, pytest.raises(FileError, match="larger than") as error:
            list(reader)
        assert "data_source.records = " in error.value.hint
        assert json.dumps({"things": path.removesuffix(".node").removesuffix("[*]")})[:-3] in error.value.hint


def test_a_thing_in_an_answer_is_proposed_rather_than_its_list(tmp_path: Path) -> None:
    """What has a key of its own is the record, whatever lists it has."""
    bill = {"bill_id": "1", "line_items": [{"line_item_id": "2"}, {"line_item_id": "3"}]}
    path = tmp_path / "bill_details.json"
    path.write_text(json.dumps({"code": 0, "message": "success", "bill": bill}))
    result = SyncRunner(tmp_path / "test.db", path).populate()
    (note,) = [one for one in result.notes if one.code == "unclear_layout"]
    assert note.setting == 'data_source.records = {"bill_details": "bill"}'


def test_other_lists_beside_the_files_own_are_told(tmp_path: Path) -> None:
    """They are not loaded, which is loud where they may be records."""
    path = tmp_path / "instruments.json"
    lists = {name: [{"id": number} for number in range(3)] for name in ("instruments", "samples")}
    path.write_text(json.dumps({"version": 1, **lists}))
    result = SyncRunner(tmp_path / "test.db", path).populate()
    assert result.rows == 3
    (note,) = [one for one in result.notes if one.code == "lists_beside"]
    assert "not loaded: samples" in note
    assert result.needs_attention


def test_an_answer_without_data_holds_no_record(days: Days) -> None:
    """Pipedrive: null where the list would be, and nothing about pages at the top."""
    quiet(days.load(deals={"success": True, "data": None, "additional_data": {"pagination": {"start": 0}}}))
    assert days.records("deals") == []


def test_empty_answers_at_a_path_are_quiet_and_errors_are_not(days: Days) -> None:
    """QuickBooks leaves an empty list out; GraphQL has null beside its errors."""
    days.configure(records={"invoices": "QueryResponse.Invoice", "products": "data.products.edges[*].node"})
    quiet(days.load(invoices={"QueryResponse": {"Invoice": [{"Id": "1"}]}, "time": "t"},
                    products={"data": {"products": {"edges": [{"node": {"id": 1}}]}}}))  # fmt: skip
    quiet(days.load(invoices={"QueryResponse": {"startPosition": 1}, "time": "t"},
                    products={"data": {"products": {"edges": []}}}))  # fmt: skip
    note = loud(days.load(products={"errors": [{"message": "m"}], "data": None}), "records_missing")
    assert note.entity == "products"
    assert days.records("products") == [{"id": 1}]


def test_row_14_records_in_the_lists_of_a_map_are_not_told_apart_by_its_keys(days: Days) -> None:
    """A day's records are not versions of one another."""
    days.configure(records={"events": "by_day.*"})
    lists = {"2026-11-01": [{"n": 1}, {"n": 2}], "2026-11-02": [{"n": 3}]}
    result = days.load(events={"by_day": lists})
    assert "no_key" in {note.code for note in result.notes}
    assert days.records("events") == [{"n": 1}, {"n": 2}, {"n": 3}]
    keys = [str(key) for (key,) in query(days.url, "SELECT _key FROM json_events ORDER BY n")]
    assert keys == ["2026-11-01", "2026-11-01", "2026-11-02"]


def test_pages_of_which_none_is_clear_are_told_once(days: Days) -> None:
    """With one line for all of them, which makes them one entity."""
    pages = {f"products_{page}": {"data": {"all": {"edges": [{"node": {"id": page}}]}}} for page in range(5)}
    note = loud(days.load(**pages))
    assert note.setting == 'data_source.records = {"products": "data.all.edges[*].node"}'
    assert (note.count, "the same holds for 4 more files" in note) == (5, True)


def test_the_name_of_a_list_is_not_what_stands_around_each_record(tmp_path: Path) -> None:
    """An export's records are repositories, not nodes."""
    path = tmp_path / "export.json"
    path.write_text(json.dumps({"data": {"repositories": {"edges": [{"node": {"id": 1}}]}}}))
    config = JSON2DBConfig(data_source={"records": {"export": "data.repositories.edges[*].node"}})
    runner = SyncRunner(tmp_path / "test.db", path, config=config)
    ok(runner.populate())
    assert list(runner.read("repositories")) == [{"id": 1}]


TWICE = {
    "data": '{"data":[FIRST],"next":1,"data":[SECOND]}',
    "the file's name": '{"tasks":[FIRST],"x":{"y":1},"tasks":[SECOND]}',
    "empty at first": '{"data":[],"data":[FIRST,SECOND],"data":null}',
}


@pytest.mark.parametrize("name", TWICE)
@pytest.mark.parametrize("by_batch", [True, False])
def test_a_list_whose_key_comes_twice_is_read_whole(days: Days, name: str, by_batch: bool) -> None:
    """No parser tells of it, and the first list would be lost without a word."""
    days.runner._batch_path = by_batch
    first, second = ({"id": number, "a": [{"b": number}]} for number in (1, 2))
    text = TWICE[name].replace("FIRST", json.dumps(first)).replace("SECOND", json.dumps(second))
    quiet(days.texts(tasks=text))
    assert days.records("tasks") == [first, second]
    assert days.tables >= {"json_tasks", "json_tasks_a"}


@pytest.mark.parametrize("undecoded", [True, False])
def test_large_lists_whose_key_comes_twice_are_read_piece_by_piece(tmp_path: Path, undecoded: bool) -> None:
    """However many records are in them, and each bears a number of its own."""
    lists = [[{"id": number, "text": "x" * 1000} for number in range(start, start + 1500)] for start in (0, 1500)]
    path = tmp_path / "all.json"
    path.write_text(f'{{"cats":{json.dumps(lists[0])},"dogs":[{{"id":1}}],"cats":{json.dumps(lists[1])}}}')
    with RecordReader(make_file(path, tmp_path, {}), Limits(2**24)) as reader:
        batches = list(reader.batches(undecoded=undecoded))
    records = [record for batch in batches for record in batch.records() if record.entity == "cats"]
    assert [record.value["id"] for record in records] == list(range(3000))
    assert [record.number for record in records] == list(range(1, 3001))


def test_a_record_that_loses_a_list_by_a_key_that_comes_twice_says_so(days: Days) -> None:
    """It is a record as every parser reads it, and that is loud; the setting has the records of both lists."""
    result = days.texts(orders='{"id":7,"lines":[{"id":1}],"lines":[{"id":2}]}')
    assert exit_code(result) is Exit.ATTENTION
    (note,) = [note for note in result.notes if note.code == "key_comes_twice"]
    assert 'data_source.records = {"orders": "lines"}' in note
    assert days.records("orders") == [{"id": 7, "lines": [{"id": 2}]}]
    ok(days.runner.create_tables(recreate=True, empty=True))
    days.configure(records={"orders": "lines"})
    quiet(days.again())
    assert days.records("orders") == [{"id": 1}, {"id": 2}]


PAGES = [{"data": [{"id": 1}, {"id": 2}], "next": "x"}, {"data": [], "next": "y"}, {"data": [{"id": 3}], "next": None}]


NO_PAGES = {
    "records with a list": [{"customer": "a", "items": [{"s": 1}], "total": 5}, {"customer": "b", "items": [{"s": 2}]}],
    "orders": [
        {"status": "paid", "total": 30, "rows": [{"id": 7}]},
        {"status": "open", "total": 9, "rows": [{"id": 8}]},
    ],
    "countries": [{"code": "DE", "values": [{"year": 2020}]}, {"code": "FR", "values": [{"year": 2020}]}],
    "schemas": [{"schema": "public", "rows": [{"id": 1}]}, {"schema": "audit", "rows": [{"id": 1}]}],
    "pages of a book": [{"page": 1, "items": [{"id": 1}]}, {"page": 2, "items": [{"id": 2}]}],
    "nothing beside": [{"items": [{"id": 1}]}, {"items": [{"id": 2}]}],
    "checks": [{"status": "ok", "results": []}, {"status": "degraded", "results": []}],
    "logs": [
        {"message": "saved A", "status": "ok", "result": None},
        {"message": "saved B", "status": "ok", "result": None},
    ],
}


@pytest.mark.parametrize("by_batch", [True, False])
@pytest.mark.parametrize("kind", ["array", "lines", "indented"])
@pytest.mark.parametrize("name", NO_PAGES)
def test_records_of_which_there_are_several_stay_whole_and_quiet(
    days: Days, name: str, kind: str, by_batch: bool
) -> None:
    """Whatever they hold: what stands beside a list in them is theirs."""
    days.runner._batch_path = by_batch
    records = NO_PAGES[name]
    indent = 1 if kind == "indented" else None
    text = json.dumps(records) if kind == "array" else "\n".join(json.dumps(one, indent=indent) for one in records)
    quiet(days.texts(**{"tasks_" if kind == "lines" else "tasks": text}))
    assert sorted(days.records("tasks"), key=canonical) == sorted(records, key=canonical)


@pytest.mark.parametrize("indent", [None, 1])
def test_pages_one_after_the_other_are_proposed(days: Days, indent: int | None) -> None:
    """A page a line, or indented: what leads to the next page tells that these are pages."""
    text = "\n".join(json.dumps(page, indent=indent) for page in PAGES)
    proposed(days, '{"tasks": "data"}', [{"id": 1}, {"id": 2}, {"id": 3}], tasks=text)


def proposed(days: Days, expected: str, records: list[dict[str, Any]], **files: str) -> None:
    """It is said where the records could be, and there they are."""
    note = loud(days.texts(**files))
    assert note.setting == f"data_source.records = {expected}"
    ok(days.runner.create_tables(recreate=True, empty=True))
    days.configure(records=json.loads(expected))
    quiet(days.again())
    (entity,) = json.loads(expected)
    assert days.records(entity) == records


def test_pages_beside_a_line_that_is_not_json_are_proposed(days: Days) -> None:
    """The bad line would refuse all of the pages."""
    note = loud(days.texts(tasks_="\n".join([*map(json.dumps, PAGES), '{"id":'])))
    assert note.setting == 'data_source.records = {"tasks": "data"}'


def test_pages_in_an_array_are_proposed(days: Days) -> None:
    """What is in an array are records; but these could be pages."""
    proposed(days, '{"tasks": "[*].data"}', [{"id": 1}, {"id": 2}, {"id": 3}], tasks=json.dumps(PAGES))
    days.configure(records={"tasks": "$"})
    quiet(days.again())


def test_an_array_of_what_describes_a_list_and_the_list(days: Days) -> None:
    """World Bank."""
    answer: list[Any] = [{"page": 1, "pages": 1, "total": 2}, [{"id": "1", "v": 1}, {"id": "2", "v": 2}]]
    proposed(days, '{"countries": "$[1][*]"}', answer[1], countries=json.dumps(answer))


AROUND = {
    "FHIR": ("entry[*].resource", {"resourceType": "Bundle", "total": 2, "entry": [
        {"fullUrl": f"u{n}", "resource": {"id": n, "v": "x"}, "search": {"mode": "match"}} for n in "12"]}),
    "FHIR with an id": ("entry[*].resource", {"resourceType": "Bundle", "type": "searchset", "id": "b", "entry": [
        {"fullUrl": f"u{n}", "resource": {"id": n, "v": "x"}} for n in "12"]}),
    "edges": ("edges[*].node", {"edges": [{"cursor": n, "node": {"id": n, "v": "x"}} for n in "12"], "pageInfo": {}}),
    "Reddit": ("data.children[*].data", {"kind": "Listing", "data": {"after": "x", "children": [
        {"kind": "t3", "data": {"id": n, "v": "x"}} for n in "12"]}}),
    "each in its name": ("found[*].part", {"code": 0, "found": [{"part": {"id": n, "v": "x"}} for n in "12"]}),
    "Elasticsearch": ("hits.hits[*]._source", {"took": 1, "hits": {"total": 2, "hits": [
        {"_index": "p", "_id": n, "_score": 1.5, "_source": {"id": n, "v": "x"}} for n in "12"]}}),
}  # fmt: skip


@pytest.mark.parametrize("name", AROUND)
def test_records_inside_each_element_of_a_list_are_proposed(days: Days, name: str) -> None:
    """Where the element has no key of its own, nor anything else to say."""
    path, answer = AROUND[name]
    records = [{"id": n, "v": "x"} for n in "12"]
    proposed(days, json.dumps({"parts": path}), records, parts=json.dumps(answer))


def test_elements_with_a_key_of_their_own_are_the_records(days: Days) -> None:
    """Elasticsearch knows a document by ``_id``; a line of an order has more to say than its product."""
    hits = [{"_index": "p", "_id": n, "_source": {"a": 1}} for n in "12"]
    assert 'hits.hits"' in loud(days.load(parts={"hits": {"total": 2, "hits": hits}})).setting
    quiet(days.load(lines={"results": [{"item": {"id": 1}, "amount": 2}]}))


def test_records_inside_each_element_are_told_of_a_large_list_too(tmp_path: Path) -> None:
    """All of it is looked at; one element that has none makes the elements records."""
    for more, expected in (([], "entry[*].resource"), ([{"fullUrl": "x"}], None)):
        entries = [{"fullUrl": "x" * 1000, "resource": {"id": str(number)}} for number in range(3000)] + more
        path = tmp_path / "parts.json"
        path.write_text(json.dumps({"resourceType": "Bundle", "entry": entries + entries[:9]}))
        with RecordReader(make_file(path, tmp_path, {}), Limits(2**24)) as reader:
            likelier = reader.survey().likelier
        assert (likelier and likelier.text) == expected
