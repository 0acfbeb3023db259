"""An analysis in words and figures."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from json2db_sync.analysis.entity_analyzer import EntitySeen
from json2db_sync.analysis.statistics import FieldStatistics, ObjectStatistics
from json2db_sync.model.kinds import Kind
from json2db_sync.model.plan import ID, ColumnPlan, EntityPlan, TablePlan, dotted
from json2db_sync.results import EntityAnalysis, FieldAnalysis, Note, Relation
from json2db_sync.text import counted


def describe(seen: EntitySeen, plan: EntityPlan, keys: Mapping[str, str]) -> EntityAnalysis:
    """The analysis of an entity in words and figures.

    :param keys: entity -> its key column, for spelling out relations.
    """
    return EntityAnalysis(
        name=seen.name,
        record_count=seen.objects.count,
        files=seen.files,
        table=plan.table.name,
        key=plan.key or (),
        key_reason=plan.key_reason,
        fields=tuple(_describe_fields(seen.objects, plan.table, "")),
        children=tuple(table.name for table in plan.tables[1:]),
        key_sets=tuple((count, tuple(sorted(names))) for names, count in seen.objects.key_sets.most_common(5)),
        relations=tuple(
            Relation(one.table, one.column, one.entity, one.why, keys.get(one.entity, "id")) for one in plan.relations
        ),
        rejected=seen.rejected,
        invalid=seen.invalid,
        invalid_examples=tuple(seen.invalid_examples),
    )


def _describe_fields(seen: ObjectStatistics, table: TablePlan, prefix: str) -> Iterable[FieldAnalysis]:
    columns = {column.key: column for column in table.columns}
    children = {child.path: child for child in table.children}
    for key, statistics in seen.fields.items():
        column = columns.get(key)
        child = children.get((key,))
        yield FieldAnalysis(
            path=prefix + key,
            kind="child table" if child else str(column.kind if column else statistics.kind_and_date_format[0]),
            table=child.name if child else table.name,
            column=column.name if column else None,
            present=statistics.present,
            null=statistics.nulls,
            of=seen.count,
            kinds_seen=_kinds_seen(statistics),
            examples=tuple(statistics.examples),
            spoiled_by=statistics.spoiled_by,
            spoiled=0 if column and column.chosen else statistics.spoiled_dates,
            proposed_kind=_proposal(column, statistics),
            texts=statistics.texts,
        )
        if child and statistics.elements:
            yield from _describe_fields(statistics.elements, child, f"{prefix}{key}[].")
        for way, inner in statistics.lists_inside() if not child else ():
            below = children.get((key, *way))
            if below and inner.elements:
                yield from _describe_fields(inner.elements, below, f"{prefix}{dotted((key, *way))}[].")


def _proposal(column: ColumnPlan | None, seen: FieldStatistics) -> str | None:
    """A kind that the texts of a column are all of, though they are texts."""
    is_text = column is not None and column.kind is Kind.TEXT and not column.chosen and column.name != ID
    return seen.alike.kind if is_text and seen.texts and seen.texts + seen.nulls == seen.present else None


def _alike(texts: int, kind: str) -> str:
    what = "decimal" if kind == "decimal" else "date"
    return f"1 text that is a {what}" if texts == 1 else f"{counted(texts, 'text')} that are all {what}s"


def kind_notes(analysis: EntityAnalysis) -> list[Note]:
    """Columns of texts that are all of another kind, with the line for the configuration."""
    return [
        Note(
            f"{analysis.name}.{field.path}: {_alike(field.texts, field.proposed_kind)}: processing.kinds = "
            f'{{"{analysis.name}.{field.path.replace("[]", "")}": "{field.proposed_kind}"}}',
            "kind_proposal",
            analysis.name,
            field.texts,
            "processing.kinds",
        )
        for field in analysis.fields
        if field.proposed_kind
    ]


def _kinds_seen(statistics: FieldStatistics) -> dict[str, int]:
    counts = {
        "null": statistics.nulls,
        "bool": statistics.bools,
        "integer": statistics.integers + statistics.bigints,
        "number": statistics.numbers,
        "text": statistics.texts,
        "object": statistics.objects,
        "array": statistics.arrays,
    }
    return {kind: count for kind, count in counts.items() if count}


def date_notes(analysis: EntityAnalysis) -> list[Note]:
    """Columns that would be dates but for a few values."""
    return [
        Note(
            f"{analysis.name}.{field.path}: {field.spoiled} of {field.present} values "
            f"{'keeps' if field.spoiled == 1 else 'keep'} it from being a date ("
            + ", ".join(f'"{value}"' for value in list(field.spoiled_by)[:3])
            + ")",
            "date_exceptions",
            analysis.name,
            field.spoiled,
        )
        for field in analysis.fields
        if field.spoiled and field.spoiled_by
    ]
