"""Records that are gone: the entities with how many, and those of whichever is chosen."""

from __future__ import annotations

from json2db_sync.interfaces.menu.plans import same_as
from json2db_sync.interfaces.menu.prompts import BACK, Back, Option
from json2db_sync.interfaces.menu.session import Session
from json2db_sync.results import ReportResult
from json2db_sync.text import counted


def browse(session: Session) -> None:
    """List the entities, and show the records of those that are chosen, until the user goes back."""
    result = session.ask(ReportResult, "report", runs=1)
    if result is None:
        return
    entities = [entity for entity in result.entities if entity.gone != 0]
    if not entities:
        session.prompts.say("  No record is gone: the newest files hold all that are stored.")
        return
    details = ["its newest files must be read" if one.gone is None else counted(one.gone, "record") for one in entities]
    options = [*(Option(one.name, one.name, detail) for one, detail in zip(entities, details, strict=True)), BACK]
    at: object = entities[0].name
    while True:
        try:
            at = session.prompts.choose("Records that the newest files lack: of which entity?", options, default=at)
        except Back:
            return
        same_as(session, ["gone", str(at)])
        session.show(session.call("gone", at, quiet=True))
