"""An analysis in words and figures."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from json2db_sync.analysis.entity_analyzer import EntitySeen
from json2db_sync.analysis.statistics import FieldStatistics, ObjectStatistics
from json2db_sync.model.plan import EntityPlan, TablePlan
from json2db_sync.results import EntityAnalysis, FieldAnalysis, Note, Relation


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
    children = {child.key: child for child in table.children}
    for key, statistics in seen.fields.items():
        column = columns.get(key)
        child = children.get(key)
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
            spoiled=statistics.spoiled_dates,
        )
        if child and statistics.elements:
            yield from _describe_fields(statistics.elements, child, f"{prefix}{key}[].")


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
