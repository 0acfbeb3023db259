"""What deserves a look: refused files, rejected records and notes."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from types import MappingProxyType

from json2db_sync.interfaces.terminal.canvas import LOOK, Canvas
from json2db_sync.interfaces.terminal.wording import file_and_time, short_paths
from json2db_sync.results import RefusedFile, RejectedRecord, Result
from json2db_sync.text import counted

MOST = 10
"""Of anything in a list that deserves a look; the operation of its own shows all."""


def worth_a_look(
    canvas: Canvas,
    refused: Collection[RefusedFile] = (),
    rejected: Sequence[RejectedRecord] = (),
    rejected_total: int = 0,
    notes: Iterable[str] = (),
    findings: Mapping[str, Sequence[str]] = MappingProxyType({}),
) -> None:
    """Refused files, rejected records, findings and notes, the gravest first; nothing if there are none.

    :param findings: what was found, each with examples.
    """
    notes = list(dict.fromkeys(notes))
    if not (refused or rejected or rejected_total or notes or findings):
        return
    canvas.heading("Worth a look")
    if refused:
        _refused(list(refused), canvas)
    if rejected_total or rejected:
        total = max(rejected_total, len(rejected))
        canvas.item(LOOK, f"{counted(total, 'record')} rejected, kept with the reason", indent=2)
        for record in rejected[:MOST]:
            name, where = file_and_time(record.file)
            place = f"  record {record.record:,}" + (f"  {record.path}" if record.path else "")
            canvas.line(name, (place, "bold"), (f"  {where}" if where else "", "dim"), indent=4)
            canvas.line(record.reason, indent=6)
        shown = min(len(rejected), MOST)
        canvas.more(shown, total, "record", "json2db-sync rejected shows them", indent=4)
        if shown == total:
            canvas.line(("json2db-sync rejected shows them whole, and how to go on", "dim"), indent=4)
    for found, examples in findings.items():
        canvas.item(LOOK, found, indent=2)
        for example in examples[:MOST]:
            canvas.line(short_paths(example), indent=4)
    for note in notes[:MOST]:
        canvas.item(LOOK, short_paths(note), indent=2)
    canvas.more(MOST, len(notes), "note")


def besides(refused: Collection[RefusedFile], result: Result) -> Collection[RefusedFile]:
    """The refused files, unless there is one only and the result's error is all about it."""
    alone = not result.success and len(refused) == 1
    return () if alone and all(dict(file.context) == dict(result.context or {}) for file in refused) else refused


def _refused(refused: Sequence[RefusedFile], canvas: Canvas) -> None:
    canvas.item(LOOK, f"{counted(len(refused), 'file')} refused as a whole", indent=2)
    for file in refused[:MOST]:
        name, where = file_and_time(file.file)
        canvas.line(name, (f"  {where}" if where else "", "dim"), indent=4)
        canvas.line((file.error.replace(file.file, name), "dim"), indent=6)
    canvas.more(MOST, len(refused), "file", indent=4)
    for hint in dict.fromkeys(file.hint for file in refused[:MOST] if file.hint):
        canvas.line(("What to do: ", "bold"), hint, indent=4)
