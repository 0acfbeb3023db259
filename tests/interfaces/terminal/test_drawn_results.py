"""Results on canvas: every kind at every width, hostile data, errors first."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from rich.cells import cell_len
from support.drawn import drawn

from json2db_sync import SyncRunner
from json2db_sync.results import (
    AnalysisResult,
    BackupResult,
    Check,
    EntityAnalysis,
    PopulateResult,
    RefusedFile,
    RejectedRecord,
    RejectedResult,
    Relation,
    ReportResult,
    Result,
    RunReport,
    RunsResult,
    SchemaChange,
    TableReport,
    TablesResult,
    VerifyResult,
    WorkflowResult,
)

WIDTHS = (60, 80, 120)
HOSTILE = "[red]bold[/red] [/] \x1b[31m\x1b]0;title\x07 \r\n \u202egnp \ud800 é 感谢 :smile: %s {0}"


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory, example_source: Path) -> Mapping[str, Result]:
    """Every kind of result, of the example that the documentation shows, with a record that cannot be loaded."""
    folder = tmp_path_factory.mktemp("example")
    source = folder / "sync_sessions"
    shutil.copytree(example_source, source)
    last = max(source.glob("*/raw_json/*/invoices.json"))
    records = json.loads(last.read_text("utf-8"))
    last.write_text(json.dumps([*records, "no record"]), "utf-8")
    (last.parent / "bills.json").write_text('[{"bill_id": 1, "note": "cut o', "utf-8")
    runner = SyncRunner(folder / "example.db", source)
    return {
        "analysis": runner.analyze(cutoff_days="all"),
        "one": runner.analyze(cutoff_days="all", entity_filter=["invoices"]),
        "schemas": runner.generate_table_schemas(cutoff_days="all"),
        "tables": runner.create_tables(cutoff_days="all"),
        "population": runner.populate(cutoff_days="all"),
        "again": runner.populate(cutoff_days="all"),
        "analysis again": runner.analyze(cutoff_days="all"),
        "recreated": runner.create_tables(cutoff_days="all", recreate=True),
        "verification": runner.verify(),
        "full verification": runner.verify(full=True),
        "report": runner.report(),
        "workflow": runner.full_workflow(cutoff_days="all", full_verification=True),
        "backup": runner.backup(),
        "backups": runner.backups(),
        "rejected": runner.rejected(),
        "runs": runner.runs(),
        "unknown entity": runner.analyze(cutoff_days="all", entity_filter=["invoises"]),
        "no source": SyncRunner(folder / "other.db", folder / "nowhere").full_workflow(),
    }


KINDS = (
    "analysis", "one", "schemas", "tables", "population", "again", "analysis again", "recreated", "verification",
    "full verification", "report", "workflow", "backup", "backups", "rejected", "runs", "unknown entity", "no source",
)  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("kind", KINDS)
def test_fits(example: Mapping[str, Result], kind: str, width: int) -> None:
    """Every kind of result says something, in lines no wider than the terminal and without blanks at their ends."""
    lines = drawn(example[kind], width).splitlines()
    assert lines
    assert lines[0].strip()
    assert all(line == line.rstrip() for line in lines)
    if kind != "schemas":  # statements are for copying: they are never broken
        assert max(map(cell_len, lines)) <= width


@pytest.mark.mostly_slow
@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252", "shift_jis"])
@pytest.mark.parametrize("kind", KINDS)
def test_any_encoding(example: Mapping[str, Result], kind: str, encoding: str) -> None:
    """Streams that cannot hold our signs or the data get plain ones and escapes, not an error."""
    assert "✓" not in drawn(example[kind], 60, encoding)


@pytest.mark.mostly_slow
@pytest.mark.parametrize("kind", KINDS)
def test_no_blank_pages(example: Mapping[str, Result], kind: str) -> None:
    """There are never two empty lines in a row, nor one at the beginning."""
    text = drawn(example[kind])
    assert "\n\n\n" not in text
    assert not text.startswith("\n")


def test_account_first(example: Mapping[str, Result]) -> None:
    """Loading begins with the account of all records, and so does the workflow."""
    population, workflow = example["population"], example["workflow"]
    assert isinstance(population, PopulateResult)
    first = drawn(population).splitlines()[0]
    assert first.startswith(f"{population.statistics['total_records']} read = ")
    assert "1 rejected" in first
    assert drawn(workflow).splitlines()[0].startswith("0 read")


def test_worth_a_look(example: Mapping[str, Result]) -> None:
    """What deserves a look names the file, the record, the reason, and what to do."""
    text = drawn(example["population"], 120)
    _, _, look = text.partition("Worth a look")
    assert "1 file refused" in look
    assert "bills.json is cut off" in look
    assert "What to do: " in look
    assert "1 record rejected" in look
    assert "invoices.json  record " in look


def test_nothing_new(example: Mapping[str, Result]) -> None:
    """A second run says that there was nothing new, and how many files it looked at."""
    again = example["again"]
    assert isinstance(again, PopulateResult)
    assert f"{again.files_unchanged} loaded before and unchanged since" in drawn(again)


def test_partial_verification_says_so(example: Mapping[str, Result]) -> None:
    """A verification that did not read the files says so; a full one tells what it compared."""
    assert "files themselves were not read again" in drawn(example["verification"])
    text = drawn(example["full verification"], 120)
    assert "not read again" not in text
    assert "verified in full" in text


def test_children_below_parents(example: Mapping[str, Result]) -> None:
    """The report has children further in, below their parents."""
    lines = drawn(example["report"], 120).splitlines()
    parent = next(index for index, line in enumerate(lines) if line.startswith("  json_invoices "))
    assert lines[parent + 1].startswith("    json_invoices_line_items")


def test_narrow_report_keeps_what_tells_children_apart() -> None:
    """Where names do not fit, a child is shown without its parent's name."""
    parent = TableReport("json_" + "x" * 40, 1, "x", size=10)
    child = TableReport(f"{parent.name}_line_items", 2, "x", parent=parent.name, size=10)
    assert "…_line_items" in drawn(ReportResult(tables=(parent, child)), 60)


def test_one_entity_in_full(example: Mapping[str, Result]) -> None:
    """An entity alone is shown with all its fields, those of its children under them."""
    one, several = example["one"], example["analysis"]
    assert isinstance(one, AnalysisResult)
    text = drawn(one, 120)
    names = [field.path.rpartition("[].")[2] for field in one.entities[0].fields]
    assert all(name in text for name in names)
    assert "more fields" not in text
    assert "more fields" in drawn(several, 120)
    assert "analyze --entity invoices shows them" in drawn(several, 120)


def test_spoiled_dates(example: Mapping[str, Result]) -> None:
    """Analysis shows which values keep a column from being a date, once."""
    text = drawn(example["one"], 120)
    assert text.count("due_date: ") == 1
    assert 'due_date: 1 of 38 values keeps it text: ""' in text


def test_pending_changes(example: Mapping[str, Result]) -> None:
    """Analysis tells what is to be done to the tables, and when nothing is."""
    assert "create  json_bills" in drawn(example["analysis"])
    assert "nothing is to be changed" in drawn(example["analysis again"])


def test_tables_that_fit() -> None:
    """Nothing to do is said in words."""
    assert "Nothing to change: the 2 tables fit the files" in drawn(TablesResult(tables=("json_a", "json_b")))


def test_recreated_tables_name_the_backup(example: Mapping[str, Result]) -> None:
    """After a rebuild, one reads how many records were carried over and where the backup is."""
    recreated = example["recreated"]
    assert isinstance(recreated, TablesResult)
    text = drawn(recreated, 120)
    assert "records carried over" in text
    assert str(recreated.backup).rpartition("/")[2] in text.replace("\n", "")


def test_schemas_can_be_run(example: Mapping[str, Result]) -> None:
    """What is shown of the SQLite schema creates the tables as it stands."""
    text, _, rest = drawn(example["schemas"], 60).partition("-- PostgreSQL")
    assert "CREATE TABLE" in rest
    with sqlite3.connect(":memory:") as connection:
        connection.executescript(text)
        tables = connection.execute("SELECT count(*) FROM sqlite_master WHERE type = 'table'").fetchone()[0]
    connection.close()
    assert tables > 3


def test_an_error_says_what_where_and_what_to_do() -> None:
    """An error begins with what happened; then the place, then the way out."""
    result = PopulateResult(
        success=False, error="bills.json is cut off", error_type="file_error", hint="Fetch it again.",
        context={"file": "/data/bills.json", "record": 71, "byte": 131072},
    )  # fmt: skip
    assert drawn(result).splitlines() == [
        "✗ bills.json is cut off",
        "  /data/bills.json",
        "  record 71  byte 131,072",
        "  What to do: Fetch it again.",
    ]


def test_a_failure_shows_what_it_holds() -> None:
    """A load that failed half-way shows its error, then what was committed."""
    result = PopulateResult(
        success=False, error="the disk is full", error_type="database_error",
        statistics={"total_records": 5, "inserted": 5, "files_loaded": 1}, entities={"items": {"read": 5, "inserted": 5}},
    )  # fmt: skip
    lines = drawn(result).splitlines()
    assert lines[0] == "✗ the disk is full"
    assert "5 read = 5 inserted" in lines


def test_failed_checks_show_examples() -> None:
    """A failed check has its mark, how many problems it found, and examples."""
    checks = (
        Check("orphans", False, "92 child rows", 12, ("json_a row 1 has no row",)),
        Check("dates", True, "9 values"),
    )
    text = drawn(VerifyResult(success=False, error="1 of 2 checks failed", checks=checks))
    assert "✗ orphans  12 problems in 92 child rows" in text
    assert "json_a row 1 has no row" in text
    assert "✓ dates    9 values" in text
    workflow = WorkflowResult(
        success=False, error="verify", stopped_at="verify", steps={"verify": VerifyResult(success=False, checks=checks)}
    )
    assert "json_a row 1 has no row" in drawn(workflow)


def test_an_error_is_told_once() -> None:
    """The one refused file that an error is about is not listed again."""
    refused = (RefusedFile("a.json", "a.json is empty", "file_error"),)
    text = drawn(AnalysisResult(success=False, error="a.json is empty", refused_files=refused))
    assert text.count("a.json is empty") == 1


def test_long_lists_end() -> None:
    """A list of hundreds shows the first of them and counts the rest."""
    refused = tuple(RefusedFile(f"{n}.json", f"{n}.json is empty", "file_error") for n in range(188))
    text = drawn(PopulateResult(statistics={"total_records": 0}, refused_files=refused, notes=("a", "a")))
    assert "188 files refused" in text
    assert "and 178 more files" in text
    assert len(text.splitlines()) < 30


@pytest.mark.mostly_slow
@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
def test_data_is_never_markup_or_control(encoding: str) -> None:
    """Brackets are shown as they are; no control character, bidi override or surrogate reaches the terminal."""
    record = RejectedRecord(HOSTILE, HOSTILE, 1, 1, HOSTILE, HOSTILE, HOSTILE)
    refused = RefusedFile(HOSTILE, HOSTILE, "file_error", HOSTILE)
    change = SchemaChange(HOSTILE, HOSTILE, HOSTILE)
    pointing = Relation(HOSTILE, HOSTILE, HOSTILE)
    entity = EntityAnalysis(HOSTILE, 1, 1, HOSTILE, (HOSTILE,), HOSTILE, relations=(pointing,), children=(HOSTILE,))
    run = RunReport(1, HOSTILE, HOSTILE, HOSTILE, message=HOSTILE)
    results = (
        RejectedResult(records=(record,), total=1),
        PopulateResult(
            statistics={"total_records": 1, "rejected": 1}, rejected_records=(record,), refused_files=(refused,),
            entities={HOSTILE: {"read": 1}}, notes=(HOSTILE,), schema_changes=(change,), backup=HOSTILE,
        ),
        AnalysisResult(entities=(entity, entity), schema_changes=(change,), schema_changes_required=True, source=HOSTILE),
        VerifyResult(success=False, error=HOSTILE, hint=HOSTILE, context={"file": HOSTILE, "x": HOSTILE},
                     checks=(Check(HOSTILE, False, HOSTILE, 1, (HOSTILE,)),)),
        ReportResult(tables=(TableReport(HOSTILE, 1, HOSTILE),), database=HOSTILE),
        RunsResult(runs=(run,)), TablesResult(changes=(change,)), BackupResult(backup=HOSTILE),
    )  # fmt: skip
    for result in results:
        text = drawn(result, 100, encoding)
        assert text.isprintable() or all(c.isprintable() or c == "\n" for c in text)
        assert "[red]bold" in text


def test_results_of_other_kinds_are_shown_too() -> None:
    """A result that nobody drew a picture for is listed."""
    assert "operation  something" in drawn(Result(operation="something"))


def test_no_rejected_records_and_no_runs() -> None:
    """Empty lists are sentences."""
    assert "No rejected records" in drawn(RejectedResult())
    assert "Nothing was run" in drawn(RunsResult())
    assert "no backups" in drawn(BackupResult())


def test_rejected_records_are_counted_even_where_not_listed() -> None:
    """Where only the first records are at hand, the rest is counted."""
    record = RejectedRecord("a.json", "a", 1, 1, "no")
    assert "and 6 more records" in drawn(RejectedResult(records=(record,), total=7))


def test_key_sets_tell_the_difference(example: Mapping[str, Result]) -> None:
    """Sets of keys are told by what they lack or have besides the commonest."""
    entity = EntityAnalysis("a", 6, 1, "json_a", (), "", key_sets=((4, ("b", "c")), (1, ("b",)), (1, ("b", "c", "d"))))
    text = drawn(AnalysisResult(entities=(entity,)))
    assert "4 records with b, c" in text
    assert "1 without c" in text
    assert "1 with d besides" in text
    assert "of the content" in drawn(AnalysisResult(entities=(entity, replace(entity, name="z"))))
