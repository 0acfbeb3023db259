"""What is in the files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from json2db_sync.interfaces.terminal.canvas import NUMBER, Canvas, Column, Part, number, share
from json2db_sync.interfaces.terminal.tables import pending
from json2db_sync.interfaces.terminal.warnings import besides, worth_a_look
from json2db_sync.interfaces.terminal.wording import size_text
from json2db_sync.results import AnalysisResult, EntityAnalysis, FieldAnalysis, Relation
from json2db_sync.text import counted, some_of

_ALL_FIELDS, _FEW = 10_000, 8
_EXAMPLE = 32
_ROOMY = 76
_TIME_KINDS = ("date", "datetime")


def analysis(result: AnalysisResult, canvas: Canvas) -> None:
    """One line for everything, one for each entity, then each entity by itself, then what is to be done."""
    if result.success:
        size = f", {size_text(result.bytes)}" if result.bytes else ""
        canvas.line(
            (counted(result.total_records, "record"), "bold"),
            f" of {counted(len(result.entities), 'entity')} in {counted(result.files, 'file')}{size}",
        )
        canvas.line((result.source or "", "dim"))
    if len(result.entities) > 1:
        canvas.blank()
        _overview(result.entities, canvas)
    most = _ALL_FIELDS if len(result.entities) == 1 else _FEW
    for seen in result.entities:
        entity(seen, canvas, most)
    if result.success and result.entities:
        pending(result, canvas)
    notes = [note for note in result.notes if note.code != "date_exceptions"]  # told by each entity
    worth_a_look(
        canvas, refused=besides(result.refused_files, result), notes=notes, findings=dict(_findings(result.entities))
    )


def _findings(entities: Sequence[EntityAnalysis]) -> Iterator[tuple[str, Sequence[str]]]:
    """Records of each entity that cannot be loaded, and those that do not satisfy its JSON Schema."""
    for seen in entities:
        if seen.rejected:
            yield f"{seen.name}: {counted(seen.rejected, 'record')} cannot be loaded", ()
        if seen.invalid:
            verb = "does" if seen.invalid == 1 else "do"
            told = f"{seen.name}: {counted(seen.invalid, 'record')} {verb} not satisfy the JSON Schema"
            yield told, seen.invalid_examples


def _overview(entities: Sequence[EntityAnalysis], canvas: Canvas) -> None:
    roomy = canvas.width >= _ROOMY
    columns = [
        Column("entity", rest=True), Column("records", NUMBER), Column("files", NUMBER),
        Column("fields", NUMBER, shown=roomy), Column("children", NUMBER, shown=roomy), Column("key"),
    ]  # fmt: skip
    canvas.table(columns, ([
        seen.name, number(seen.record_count), number(seen.files), number(len(_own(seen))), number(len(seen.children)),
        ", ".join(seen.key) or ("of the content", "dim"),
    ] for seen in entities))  # fmt: skip


def _own(seen: EntityAnalysis) -> list[FieldAnalysis]:
    """Fields of the records themselves, not of their children."""
    return [field for field in seen.fields if "[]" not in field.path]


def entity(seen: EntityAnalysis, canvas: Canvas, most: int = _ALL_FIELDS) -> None:
    """One entity: what it is, then at most so many of its fields."""
    canvas.heading(seen.name, f"{counted(seen.record_count, 'record')} in {counted(seen.files, 'file')}")
    own = _own(seen)
    shown = list(seen.fields) if most >= len(seen.fields) else _most_telling(seen, own, most)
    in_brief = len(shown) < len(seen.fields)
    canvas.pairs(
        (((label if index == 0 else ""), "dim"), line)
        for label, lines in _facts(seen, canvas, in_brief)
        for index, line in enumerate(lines)
    )
    if not seen.fields:
        return
    canvas.blank()
    _fields(shown, canvas)
    if in_brief:
        rest, nested = len(own) - len(shown), len(seen.fields) - len(own)
        parts = [counted(rest, "more field")] if rest else []
        parts += [f"{counted(nested, 'field')} of children"] if nested else []
        canvas.line((f"and {', '.join(parts)}; analyze --entity {seen.name} shows them", "dim"), indent=2)


def _facts(seen: EntityAnalysis, canvas: Canvas, in_brief: bool) -> Iterator[tuple[str, list[Part]]]:
    key = ", ".join(seen.key) or "made of the content"
    yield "key", [canvas.text(key, (f"  {seen.key_reason}", "dim"))]
    prefix = f"{seen.table}_"
    if seen.children:
        yield "children", [", ".join(name.removeprefix(prefix) for name in seen.children)]
    relations = [_relation(seen, one) for one in seen.relations]
    if relations:
        yield "relations", [", ".join(relations)] if in_brief else list(relations)
    if len(seen.key_sets) > 1:
        sets = list(_key_sets(seen.key_sets))
        yield "key sets", ["; ".join(sets[:3])] if in_brief else list(sets)
    spoiled = [_spoiled(field) for field in seen.fields if field.spoiled]
    if spoiled:
        yield "no dates", list(spoiled)


def _relation(seen: EntityAnalysis, relation: Relation) -> str:
    """``line_items.item_id → items.item_id``: within the entity, its own table needs no name."""
    child = relation.table.removeprefix(f"{seen.table}_")
    left = relation.column if relation.table == seen.table else f"{child}.{relation.column}"
    return f"{left} → {relation.target}"


def _key_sets(sets: Sequence[tuple[int, tuple[str, ...]]]) -> Iterator[str]:
    """The commonest in full, the others by what they lack or have besides."""
    first_count, first = sets[0]
    keys = some_of(first, 6) if len(first) <= 6 else f"the same {len(first)} keys"
    yield f"{counted(first_count, 'record')} with {keys}"
    for records, keys_here in sets[1:]:
        lacking = [key for key in first if key not in keys_here]
        besides = [key for key in keys_here if key not in first]
        parts = [f"without {some_of(lacking, 3)}"] if lacking else []
        parts += [f"with {some_of(besides, 3)} besides"] if besides else []
        yield f"{records:,} {' and '.join(parts)}"


def _spoiled(field: FieldAnalysis) -> str:
    values = ", ".join(
        f'"{value}"' + (f" ({times:,} times)" if times > 1 else "") for value, times in field.spoiled_by.items()
    )
    verb = "keeps" if field.spoiled == 1 else "keep"
    return f"{field.path}: {field.spoiled:,} of {field.present:,} values {verb} it text" + (
        f": {values}" if values else ""
    )


def _most_telling(seen: EntityAnalysis, fields: Sequence[FieldAnalysis], most: int) -> list[FieldAnalysis]:
    """Those one would ask about, in their own order: the key, what points elsewhere, times, mixed kinds, amounts."""
    pointing = {relation.column for relation in seen.relations}

    def telling(field: FieldAnalysis) -> int:
        return (
            16 * (field.path in seen.key)
            + 8 * bool(field.spoiled)
            + 8 * (len(_kinds(field)) > 1)
            + 4 * (field.column in pointing)
            + 3 * (field.kind in _TIME_KINDS)
            + 2 * (field.kind == "number")
            + (field.present == field.of)
            - 4 * (field.kind == "child table")
        )

    chosen = sorted(range(len(fields)), key=lambda index: -telling(fields[index]))[:most]
    return [fields[index] for index in sorted(chosen)]


def _kinds(field: FieldAnalysis) -> list[str]:
    return [kind for kind in field.kinds_seen if kind != "null"]


def _fields(fields: Sequence[FieldAnalysis], canvas: Canvas) -> None:
    columns = [
        Column("field", widest=max(canvas.width * 36 // 100, 20)), Column("kind"), Column("present", NUMBER),
        Column("null", NUMBER, shown=any(field.null for field in fields)), Column("examples", style="dim", rest=True),
    ]  # fmt: skip
    canvas.table(columns, ([
        _name(field), "children" if field.kind == "child table" else field.kind,
        ("all", "dim") if field.present == field.of else share(field.present, field.of),
        number(field.null), _examples(field, canvas),
    ] for field in fields))  # fmt: skip


def _name(field: FieldAnalysis) -> str:
    """A child's fields stand further in, under the field that holds it."""
    return "  " * field.path.count("[].") + field.path.rpartition("[].")[2]


def _examples(field: FieldAnalysis, canvas: Canvas) -> str:
    """Those that say something; in mixed columns first of which kinds they are."""
    kinds = _kinds(field)
    mixed = f"{' or '.join(kinds)}: " if len(kinds) > 1 and set(kinds) != {"integer", "number"} else ""
    if field.kind == "child table":
        return mixed.removesuffix(": ")
    telling = [text for text in field.examples if text.strip('" ') and text not in ("[]", "{}")]
    return mixed + ", ".join(canvas.shorten(text, _EXAMPLE) for text in telling or field.examples)
