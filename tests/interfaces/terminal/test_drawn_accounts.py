"""Plans, accounts, proofs, past runs, records that are not stored and schemas, on paper."""

from __future__ import annotations

from dataclasses import replace

import pytest
from rich.cells import cell_len
from support.drawn import drawn, printed

from json2db_sync.interfaces.terminal.canvas import Canvas
from json2db_sync.interfaces.terminal.records import rejected_in_full
from json2db_sync.results import (
    AnalysisResult,
    Check,
    EntityAnalysis,
    ExportedRejectsResult,
    InferredSchemasResult,
    LoadReport,
    Note,
    PlanResult,
    PopulateResult,
    RejectedRecord,
    RejectedResult,
    Result,
    RunReport,
    RunResult,
    RunsResult,
    SchemaChange,
    SupersededRecord,
    SupersededResult,
    TablesResult,
    VerifyResult,
    WorkflowResult,
)

SESSION = "sync_session_2026-11-08_08-00-00/raw_json/2026-11-08_08-00-00"
HOSTILE = "[red]bold[/red] [/] \x1b[31m\x1b]0;title\x07 \r\n \u202egnp \ud800 é 感谢 :smile: %s {0}"
PLAN = PlanResult(
    changes=(
        SchemaChange("create_table", "bills", "json_bills", None, "12 columns from JSON", columns=12),
        SchemaChange("widen_column", "invoices", "json_invoices", "total", "integer to number",
                     kind="number", former_kind="integer", records=1204),
        SchemaChange("add_column", "invoices", "json_invoices", "tags", "json", kind="json"),
    ),
    refused_changes=(Note("items is frozen: add column json_items.colour (text)", "frozen", "items"),),
    records_rewritten=1204,
)  # fmt: skip
RUN = RunReport(
    12,
    "full_workflow",
    "done",
    "2026-11-20T08:15:00Z",
    "2026-11-20T08:15:03Z",
    "../api_sync",
    None,
    3,
    90,
    77,
    7,
    4,
    0,
    2,
)
LOADS = (
    LoadReport(f"{SESSION}/bills.json", "bills", "loaded", "2026-11-20T08:15:01Z", read=8, inserted=8),
    LoadReport(f"{SESSION}/invoices.json", "invoices", "loaded", "2026-11-20T08:15:02Z",
               read=82, inserted=69, updated=7, unchanged=4, rejected=2, resolved=1),
    LoadReport(f"{SESSION}/items.json", "items", "refused", "2026-11-20T08:15:03Z", error="items.json is cut off"),
)  # fmt: skip
REJECTED = RejectedRecord(
    f"{SESSION}/invoices.json", "invoices", 118, 131072, '"12,50" is not a number', "$.total",
    '{"id": 1,\n "total": "12,50"}', 7, "2026-11-20T08:15:02Z",
)  # fmt: skip
SUPERSEDED = (
    SupersededRecord("a.json", "a", 12, "460001", "a.json", 40),
    SupersededRecord("a.json", "a", 13, "460002", "a.json"),
    SupersededRecord(f"{SESSION}/a.json", "a", 3, "460003", "sync_session_2026-11-09_08-00-00/raw_json/a.json"),
)
COMPARED = VerifyResult(
    checks=(Check("schema", True, "9 tables"), Check("records", True, "88 records of 8 files")),
    of_run=12, records_compared=77,
)  # fmt: skip
STATISTICS = {"total_records": 3, "inserted": 2, "rejected": 1, "files_loaded": 1, "invalid": 2}
DRAWN: dict[str, Result] = {
    "plan": PLAN,
    "run": RunResult(report=RUN, loads=LOADS),
    "superseded": SupersededResult(records=SUPERSEDED, total=5),
    "rejected": RejectedResult(records=(REJECTED,), total=3),
    "exported": ExportedRejectsResult(output="to_correct.ndjson", count=2),
    "inferred": InferredSchemasResult(schemas={"a": {"type": "object"}}),
    "written": InferredSchemasResult(schemas={"a": {}}, written=("schemas/a.schema.json",)),
    "replay": PopulateResult(
        operation="replay",
        statistics=STATISTICS,
        rejected_records=(REJECTED,),
        rows=2,
        entities={"a": {"read": 3, "inserted": 2, "rejected": 1}},
    ),
    "verification of a run": COMPARED,
    "workflow": WorkflowResult(steps={"populate": PopulateResult(statistics=STATISTICS), "verify": COMPARED}),
    "refused": TablesResult(tables=("json_a",), refused_changes=("add column json_a.b (text)",)),
}


@pytest.mark.parametrize("width", [60, 80, 120])
@pytest.mark.parametrize("kind", DRAWN)
def test_fits(kind: str, width: int) -> None:
    """Everything is said in lines no wider than the terminal, without blank pages or blanks at their ends."""
    text = drawn(DRAWN[kind], width)
    lines = text.splitlines()
    assert lines
    assert "\n\n\n" not in text
    assert max(map(cell_len, lines)) <= width
    assert all(line == line.rstrip() for line in lines)


# Plans


def test_a_plan_goes_entity_by_entity() -> None:
    """A plan groups changes by entity, and says how many stored records each has rewritten."""
    text = drawn(PLAN)
    assert text.startswith("3 changes to the tables of 2 entities; 1,204 stored records rewritten\n")
    bills, _, invoices = text.partition("\ninvoices  1,204 stored records rewritten\n")
    assert "\nbills\n" in bills
    assert "create  json_bills (12 columns)" in bills
    assert "json_invoices.total (integer to number)" in invoices
    assert "json_invoices.tags (json)" in invoices
    assert "create-tables does it" in invoices


def test_what_a_contract_refuses() -> None:
    """Changes that a frozen contract refuses are listed apart, in a plan as after creating tables."""
    for result, change in ((PLAN, "json_items.colour"), (DRAWN["refused"], "json_a.b")):
        _, _, refused = drawn(result).partition("Refused by contract")
        assert change in refused
        assert "processing.contracts" in refused
    assert "Nothing to change" not in drawn(DRAWN["refused"])


def test_nothing_planned() -> None:
    """A plan without changes is a sentence."""
    assert drawn(PlanResult()) == "✓ Nothing to do: the tables fit the files\n"


def test_a_plan_that_rewrites_nothing_says_so() -> None:
    """New columns cost the stored records nothing, and the plan says that."""
    text = drawn(PlanResult(changes=(PLAN.changes[2],)))
    assert text.startswith("1 change to the tables of 1 entity; no stored record is rewritten\n")


# The account, and what proves it


def account(verified: VerifyResult, **statistics: int) -> str:
    """The line that a workflow begins with."""
    loaded = PopulateResult(statistics={"total_records": 88, "inserted": 88, **statistics})
    return drawn(WorkflowResult(steps={"populate": loaded, "verify": verified}), 120).splitlines()[0]


def test_every_record_verified() -> None:
    """Where every record was compared, the workflow's account ends with that."""
    assert account(COMPARED) == "88 read = 88 inserted; every record verified"


def test_checks_where_no_record_was_compared() -> None:
    """Where no record was compared, the account names the checks, and promises no more."""
    tables_only = VerifyResult(checks=COMPARED.checks[:1])
    nothing_read = replace(COMPARED, records_compared=0)
    assert account(tables_only) == "88 read = 88 inserted; 1 check passed"
    assert account(nothing_read) == "88 read = 88 inserted; 2 checks passed"


def test_a_comparison_with_gaps() -> None:
    """Where files were missing for the comparison, not every record counts as verified."""
    gaps = Check("records", True, "77 records", notes=("a.json is gone",))
    result = VerifyResult(checks=(gaps,), full=True, records_compared=77)
    assert account(result) == "88 read = 88 inserted; 77 records compared, 1 check passed"


def test_a_verification_that_failed() -> None:
    """Where a check failed, the account stands alone, and the findings follow."""
    wrong = VerifyResult(success=False, error="x", checks=(Check("records", False, "88 records", 2, ("a.json: $.b",)),))
    loaded = PopulateResult(statistics={"total_records": 88, "inserted": 88})
    failed = WorkflowResult(
        success=False, error="verify: x", stopped_at="verify", steps={"populate": loaded, "verify": wrong}
    )
    lines = drawn(failed).splitlines()
    assert "88 read = 88 inserted" in lines
    assert "✗ not verified: 1 of 1 check failed" in lines
    assert "    a.json: $.b" in lines


def test_verification_says_what_was_read() -> None:
    """A verification of one run, in full, and of the tables only each say what they compared and what they left out."""
    of_run = drawn(COMPARED)
    assert of_run.startswith("run 12 verified: every record verified (88 records of 8 files)\n")
    assert "Only the files of run 12 were read again" in of_run
    assert drawn(replace(COMPARED, full=True, of_run=None)).startswith("verified in full: every record verified")
    tables_only = drawn(VerifyResult(checks=COMPARED.checks[:1]))
    assert tables_only.startswith("verified: 1 check passed\n")
    no_files = drawn(replace(COMPARED, records_compared=0))
    assert no_files.startswith("run 12 verified: 2 checks passed\n")
    assert "files themselves were not read again" in tables_only


# Validation


def test_records_that_do_not_satisfy_their_schema() -> None:
    """Analysis counts the records of an entity that do not satisfy its JSON Schema, with the first of them."""
    seen = EntityAnalysis(
        "a", 9, 1, "json_a", (), "", rejected=1, invalid=3, invalid_examples=("a.json  record 2  $.b",)
    )
    text = drawn(AnalysisResult(entities=(seen,)))
    assert "! a: 1 record cannot be loaded" in text
    assert "! a: 3 records do not satisfy the JSON Schema\n    a.json  record 2  $.b" in text


def test_records_loaded_with_a_warning() -> None:
    """Loading sums up the records that were loaded without satisfying their schema, and so does the workflow; of one
    file the note says it all."""
    statistics = {"total_records": 3, "inserted": 3, "invalid": 2, "files_loaded": 2}
    loaded = PopulateResult(statistics=statistics, notes=("a.json  record 2",))
    for result in (loaded, WorkflowResult(steps={"populate": loaded}, notes=loaded.notes)):
        text = drawn(result)
        assert "! 2 records loaded without satisfying the JSON Schema\n  ! a.json  record 2" in text
    assert "JSON Schema" not in drawn(PopulateResult(statistics={**statistics, "invalid": 0}))
    assert "JSON Schema" not in drawn(PopulateResult(statistics={**statistics, "files_loaded": 1}))


def test_schemas() -> None:
    """Schemas that were written are named by file; others are shown themselves."""
    assert "schemas/a.schema.json" in drawn(DRAWN["written"])
    assert "JSON2DB_SCHEMA_DIRECTORY" in drawn(DRAWN["written"])
    assert '"type": "object"' in drawn(DRAWN["inferred"])


# Past runs


def test_a_run_file_by_file() -> None:
    """A run is shown with its end, source, the account that adds up, and each file's share of it."""
    text = drawn(DRAWN["run"], 120)
    assert text.startswith("✓ Run 12: full workflow, done\n")
    assert "took 3.0 s" in text
    assert "../api_sync" in text
    assert "90 read = 77 inserted + 7 updated + 4 unchanged + 2 rejected" in text
    line = next(line for line in text.splitlines() if "invoices.json of 2026-11-08" in line)
    assert line.split()[-5:] == ["82", "69", "7", "4", "2"]
    assert "tried again or replaced since then: 1" in text


def test_a_refused_file_of_a_run() -> None:
    """A file that a run refused is marked in its table, and the reason is told below."""
    text = drawn(DRAWN["run"], 120)
    assert any(line.split()[:5] == ["items.json", "of", "2026-11-08", "08:00", "refused"] for line in text.splitlines())
    assert "! items.json of 2026-11-08 08:00: items.json is cut off" in text


def test_a_run_without_files() -> None:
    """A run that loads nothing, as a backup, says so; one that failed has its message."""
    failed = replace(RUN, operation="restore", status="failed", message="no such backup", files=0, read=0)
    text = drawn(RunResult(report=failed))
    assert text.startswith("✗ Run 12: restore, failed\n")
    assert "no such backup" in text
    assert "It loaded no file." in text


def test_a_replay_tries() -> None:
    """A replay reads no files: it tries records again, in its result as in the list of runs."""
    assert drawn(DRAWN["replay"]).startswith("3 tried = 2 inserted + 1 rejected\n2 rows written, ")
    assert "  entity  tried  inserted" in drawn(DRAWN["replay"])
    again = drawn(RunResult(report=replace(RUN, operation="replay"), loads=LOADS[:1]))
    assert "90 tried = 77 inserted" in again


def test_a_replay_of_nothing() -> None:
    """A replay that had nothing to try says so."""
    assert "nothing to try again" in drawn(PopulateResult(operation="replay", statistics={"total_records": 0}))


def test_runs_that_loaded_nothing() -> None:
    """In the list of runs, one that loads and found nothing to load says so."""
    nothing = replace(RUN, files=0, read=0)
    assert "nothing new to load" in drawn(RunsResult(runs=(nothing,)))
    assert "nothing to try again" in drawn(RunsResult(runs=(replace(nothing, operation="replay"),)))
    assert "nothing" not in drawn(RunsResult(runs=(replace(nothing, operation="backup"),)))


# Records that are not stored


def test_rejected_records_have_their_number() -> None:
    """The list names each rejected record's number, and the command that shows it whole."""
    text = drawn(DRAWN["rejected"])
    assert "number 7  record 118  $.total" in text
    assert "rejected show 7" in text
    assert "and 2 more records" in text


def test_a_rejected_record_whole() -> None:
    """One rejected record is shown with its place, reason and text, line by line as it stood in the file."""
    text = printed(lambda console: rejected_in_full(REJECTED, Canvas(console)))
    assert "118 of invoices, at byte 131,072" in text
    assert "$.total" in text
    assert '"12,50" is not a number' in text
    assert text.endswith('\n{"id": 1,\n "total": "12,50"}\n')


def test_exported_records() -> None:
    """After an export one reads where the records are and how they are loaded when corrected."""
    text = drawn(DRAWN["exported"])
    assert "✓ 2 rejected records written to to_correct.ndjson" in text
    assert "rejected replay --corrected to_correct.ndjson" in text
    assert "No rejected records: x.ndjson is empty" in drawn(ExportedRejectsResult(output="x.ndjson"))


def test_superseded_records() -> None:
    """Each superseded record is listed under its file with its id and what took its place."""
    lines = [" ".join(line.split()) for line in drawn(DRAWN["superseded"], 100).splitlines()]
    assert lines[0].startswith("5 superseded records, latest loads first")
    assert "12 460001 record 40 of this file" in lines
    assert "13 460002 further on in this file" in lines
    assert "3 460003 a.json of 2026-11-09 08:00" in lines
    assert "and 2 more records" in lines
    assert "No superseded records" in drawn(SupersededResult())


@pytest.mark.mostly_slow
@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
def test_data_is_never_markup_or_control(encoding: str) -> None:
    """Brackets are shown as they are; no control character, bidi override or surrogate reaches the terminal."""
    record = RejectedRecord(HOSTILE, HOSTILE, 1, 1, HOSTILE, HOSTILE, HOSTILE, 1, HOSTILE)
    load = LoadReport(HOSTILE, HOSTILE, HOSTILE, HOSTILE, HOSTILE, 1, 1)
    run = replace(RUN, operation=HOSTILE, status=HOSTILE, started_at=HOSTILE, message=HOSTILE, source=HOSTILE)
    change = SchemaChange(HOSTILE, HOSTILE, HOSTILE, HOSTILE, HOSTILE, records=1)
    results: tuple[Result, ...] = (
        RejectedResult(records=(record,), total=1),
        RunResult(report=run, loads=(load,)),
        SupersededResult(records=(SupersededRecord(HOSTILE, HOSTILE, 1, HOSTILE, HOSTILE),), total=1),
        PlanResult(changes=(change,), refused_changes=(Note(HOSTILE, "frozen", HOSTILE),)),
        ExportedRejectsResult(output=HOSTILE, count=1),
        InferredSchemasResult(schemas={HOSTILE: {HOSTILE: HOSTILE}}),
        InferredSchemasResult(written=(HOSTILE,)),
    )
    texts = [drawn(result, 100, encoding) for result in results]
    texts.append(printed(lambda console: rejected_in_full(record, Canvas(console)), encoding=encoding))
    for text in texts:
        assert all(character.isprintable() or character == "\n" for character in text)
        assert "[red]bold" in text
