"""Transfers, comparisons and schemas on canvas."""

from __future__ import annotations

from dataclasses import replace

import pytest
from rich.cells import cell_len
from support.drawn import drawn

from json2db_sync.results import (
    CheckSchemaResult,
    ComparedTable,
    CompareResult,
    JsonProposal,
    LeftOut,
    MovedTable,
    Note,
    PlannedColumn,
    PlannedTable,
    RefusedValues,
    Result,
    RowDifference,
    SchemaDifference,
    TransferResult,
)

HOSTILE = "[red]bold[/red] [/] \x1b[31m\x1b]0;title\x07 \r\n \u202egnp \ud800 é 感谢 :smile: %s {0}"
A, B = "planner.db", "postgresql://me:***@db.example.org:5432/planner"
COLUMNS = (
    PlannedColumn("id", "INTEGER", "bigint", "id"),
    PlannedColumn("title", "TEXT", "text", "title"),
    PlannedColumn("starts", "DATETIME", "bigint", "starts", "whole numbers: they stay seconds, and become no moments"),
)
PLAN = TransferResult(
    operation="transfer", source=A, target=B, dry_run=True,
    plan=(
        PlannedTable("events", "public.events", 60, COLUMNS, ("CREATE TABLE ...",)),
        PlannedTable("cities", "public.cities", 0, COLUMNS[:1]),
    ),
    left_out=(LeftOut("trigger", "events", "audit", "it is written in SQLite's own language"),),
    proposals=(JsonProposal("events", "payload", 60, ("keys change their order in 12 values",)),),
    refused=(
        RefusedValues("events", "city_id", "orphan", 3, "7", "41", "no row of cities has this key", "strangers"),
        RefusedValues("events", None, "check_failed", 1, "9", "", "CHECK (fee >= 0) does not hold"),
    ),
    notes=(Note("a note of the plan", "x"),),
)  # fmt: skip
MOVED = TransferResult(
    operation="transfer", source=A, target=B, plan=PLAN.plan, left_out=PLAN.left_out,
    tables=(MovedTable("events", "public.events", 59, 1, "ab", equal=True),
            MovedTable("cities", "public.cities", 0, 0, "cd", equal=True)),
    certificate="/data/planner.certificate.json", rejects="/data/planner.rejects.ndjson", backup="planner_backup_1",
    statistics={"bytes": 12_000, "processing_time_seconds": 2.0, "records_per_second": 30.0},
)  # fmt: skip
COMPARED = CompareResult(
    operation="compare", source=A, target=B, only_second=("audit",), ignored=("updated_at",),
    tables=(
        ComparedTable("cities", (19, 19), 19),
        ComparedTable(
            "events", (60, 60), 57, 1, 1, 2, {"title": 2, "fee": 1}, only_first=("note",),
            differences=(RowDifference("missing", "5"), RowDifference("extra", "61"),
                         RowDifference("different", "7", {"title": ("Film", "film"), "fee": ("2.5", None)})),
        ),
        ComparedTable("log", (2, 3), 2, 0, 1, by="multiset", differences=(RowDifference("extra", "('x', 1)"),)),
    ),
)  # fmt: skip
CHECKED = CheckSchemaResult(
    operation="check_schema", source=A, target=B, compatible=False, tables=4, backup="planner_backup_1",
    differences=(
        SchemaDifference("events", "payload", "json", "jsonb", "text", "a text is searched without an index",
                         compatible=True, statement='ALTER TABLE "events" ALTER COLUMN "payload" TYPE jsonb', fixed=True),
        SchemaDifference("events", "fee", "type", "NUMERIC(10,2)", None, "its values have no place", compatible=False,
                         statement='ALTER TABLE "events" ADD COLUMN "fee" numeric(10,2)'),
        SchemaDifference("events", None, "trigger", "audit", None, "it does not come along", compatible=True),
    ),
)  # fmt: skip
FAILED = replace(PLAN, success=False, dry_run=False, error="the target would refuse 4 values", hint="look at them")
KINDS: dict[str, Result] = {
    "plan": PLAN, "moved": MOVED, "failed": FAILED, "compared": COMPARED, "checked": CHECKED,
    "equal": replace(COMPARED, tables=COMPARED.tables[:1], only_second=()),
    "same schema": replace(CHECKED, differences=(), backup=None),
    "nothing": TransferResult(operation="transfer"),
}  # fmt: skip


def flat(result: Result, width: int = 80) -> str:
    return " ".join(drawn(result, width).split())


@pytest.mark.parametrize("width", [60, 80, 120])
@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "nothing"])
def test_lines_fit_the_terminal(kind: str, width: int) -> None:
    """No line is wider than the terminal but statements, which are for copying; nothing is left at the ends."""
    lines = drawn(KINDS[kind], width).splitlines()
    assert lines[0].strip()
    assert all(line == line.rstrip() for line in lines)
    assert "\n\n\n" not in "\n".join(lines)
    assert max(cell_len(line) for line in lines if "ALTER TABLE" not in line) <= width


@pytest.mark.parametrize("kind", KINDS)
def test_streams_of_other_encodings_get_plain_signs(kind: str) -> None:
    """What cannot hold our signs or the data gets plain ones and escapes, not an error."""
    assert "✓" not in drawn(KINDS[kind], 60, "ascii")


def test_a_plan_says_what_would_happen_and_what_would_not() -> None:
    """Tables with rows, the types that change, what stays behind and why, the proposals, and that nothing is done."""
    text = flat(PLAN)
    assert text.startswith("Transfer would move 60 rows of 2 tables")
    assert "events 60 3 public.events" in text
    assert "events.starts DATETIME bigint" in text
    assert "events.title" not in text
    assert "they stay seconds, and become no moments" in text
    assert "trigger audit of events: it is written in SQLite's own language" in text
    assert "--jsonb events.payload" in text
    assert "Nothing was written yet" in text


def test_what_the_target_would_refuse_is_counted_with_the_first_of_each() -> None:
    """Table, column, reason and count; the first with its key and value; what lets them pass."""
    text = flat(PLAN)
    assert "The target would refuse 4 values and rows" in text
    assert "events.city_id no row of cities has this key (3)" in text
    assert "first: row 7: 41" in text
    assert "--on-error reject moves the other rows" in text
    assert "--strangers text makes" in text
    assert "events CHECK (fee >= 0) does not hold row 9" in text


def test_a_refused_transfer_begins_with_its_error() -> None:
    """Then the plan and what was refused; and how the others can be moved."""
    text = flat(FAILED)
    assert text.startswith("✗ the target would refuse 4 values")
    assert "Nothing was written of 60 rows" in text
    assert "--on-error reject moves the other rows" in text


def test_a_transfer_that_is_done_names_its_proof() -> None:
    """Rows, whether all were compared, and where certificate, rejects and backup are; it proposes no more."""
    text = flat(MOVED)
    told = "! 59 rows of 2 tables moved, 1 left behind; every row compared, and equal 12 kB, 2.0 s, 30 rows/s"
    assert text.startswith(told)
    assert flat(replace(MOVED, tables=MOVED.tables[1:])).startswith("✓ 0 rows of 1 table moved; every row compared")
    assert "certificate /data/planner.certificate.json to read /data/planner.certificate.html" in text
    assert "rejected /data/planner.rejects.ndjson backup planner_backup_1" in text
    assert "events 59 1 public.events" in text
    assert "--jsonb" not in text


def test_a_table_that_differs_after_a_transfer_comes_first() -> None:
    """And is marked, so that nobody has to look for it."""
    tables = (MOVED.tables[0], replace(MOVED.tables[1], equal=False))
    text = drawn(replace(MOVED, tables=tables, success=False, error="1 table differs"))
    assert text.index("cities") < text.index("events")
    assert "different" in text
    assert "every row compared" not in text


def test_a_comparison_tells_rows_with_their_columns() -> None:
    """The tables that differ first; rows that one side lacks by key, the others with what both sides hold."""
    text = flat(COMPARED)
    assert text.startswith(f"! Different: 2 of 3 tables, 1 table only in one of the two A {A} B {B}")
    assert "only in B: audit" in text
    assert "events 60 60 57 1 1 2" in text
    assert text.index("events 60") < text.index("cities 19")
    assert "different: title in 2 rows, fee in 1 row" in text
    assert "only in A 5 only in B 61" in text
    assert "different 7 title A Film B film fee A 2.5 B NULL" in text
    assert "it has no key" in text
    assert "column only in A: note" in text


def test_equal_databases_take_few_lines() -> None:
    """That they are equal, how much was compared, and which they are."""
    assert flat(KINDS["equal"]).startswith("✓ Equal: 19 rows of 1 table")


def test_schemas_tell_what_a_difference_means_and_what_mends_it() -> None:
    """Whether a transfer works, each difference with both sides, and the statement whole, however long."""
    text = drawn(CHECKED, 60)
    assert flat(CHECKED).startswith("! 2 differences, 1 mended: a transfer would fail; 4 tables compared")
    assert 'ALTER TABLE "events" ALTER COLUMN "payload" TYPE jsonb\n' in text
    assert "in the way of a transfer" in text
    assert "B none" in flat(CHECKED)
    assert "check-schema --fix" not in text
    assert "left to you" in text
    unmended = replace(
        CHECKED, backup=None, differences=tuple(replace(one, fixed=False) for one in CHECKED.differences)
    )
    assert "check-schema --fix executes" in flat(unmended)
    assert flat(KINDS["same schema"]).startswith("✓ The schemas are equal: 4 tables compared")


def test_tables_of_one_side_are_one_line() -> None:
    """They are named together, with what that means."""
    two = [SchemaDifference(name, None, "table", None, name, "a transfer leaves it", compatible=True) for name in "xy"]
    text = flat(replace(CHECKED, differences=tuple(two)))
    assert "Only in B a transfer leaves it x, y" in text


def test_one_database_alone_is_told_as_one() -> None:
    """Its columns of JSON texts, and no A and B where there is nothing to compare."""
    alone = replace(CHECKED, target=None, backup=None, differences=(replace(CHECKED.differences[0], fixed=False),))
    text = flat(alone)
    assert text.startswith("! 1 column of JSON texts: 4 tables looked at")
    assert "is text" in text
    assert "B " not in text
    equal = flat(replace(alone, differences=()))
    assert equal.startswith("✓ No column holds JSON as text that could be JSONB: 4 tables looked at")


def test_hostile_names_and_values_move_nothing() -> None:
    """Control characters, markup and text that runs backwards are shown as what they are."""
    plan = replace(PLAN.plan[0], name=HOSTILE, target=HOSTILE)
    row = RowDifference("different", HOSTILE, {HOSTILE: (HOSTILE, HOSTILE)})
    table = ComparedTable(HOSTILE, (1, 1), different=1, columns={HOSTILE: 1}, differences=(row,))
    difference = replace(CHECKED.differences[0], table=HOSTILE, meaning=HOSTILE, statement=HOSTILE, first=HOSTILE)
    for result in (
        replace(PLAN, plan=(plan,), left_out=(LeftOut("view", HOSTILE, HOSTILE, HOSTILE),)),
        replace(COMPARED, tables=(table,)),
        replace(CHECKED, differences=(difference,)),
    ):
        text = drawn(result, 60)
        assert "\x1b" not in text
        assert "\u202e" not in text
        assert "[red]" in text
