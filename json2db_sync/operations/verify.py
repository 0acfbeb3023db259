"""The operation that checks what is stored."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from json2db_sync.errors import ConfigurationError, DatabaseError
from json2db_sync.operations.context import PathLike, Step, operation
from json2db_sync.operations.planning import Planning
from json2db_sync.operations.result_builders import verification_result
from json2db_sync.results import Check, VerifyResult

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Connection

    from json2db_sync.databases.base import Database
    from json2db_sync.model.plan import EntityPlan
    from json2db_sync.verification.source_comparison import Comparison
    from json2db_sync.verification.table_verifier import Verification


class Verifying(Planning):
    """Is everything there, and right?"""

    @operation(VerifyResult)
    def verify(self, db_path: PathLike | None = None, *, full: bool = False, run: int | None = None) -> VerifyResult:
        """Check the tables against the plans, the ledger, the configured relations and, in full, every loaded file.

        :param full: read the loaded files again, compare every record with what is stored, and derive every figure of
            the ledger from them; also check the stored records against their JSON Schemas.
        :param run: read the files again that this run loaded, and compare their records.
        """
        from json2db_sync.databases.ledger import Ledger
        from json2db_sync.verification.table_verifier import Verification

        started = time.monotonic()
        checks: list[Check] = []
        compared = 0
        with self._step("verify") as step, self._database(db_path) as database, database.reading() as connection:
            ledger = Ledger(database, connection)
            plans = ledger.plans()
            if run is not None and not ledger.runs(number=run):
                raise ConfigurationError(f"there is no run {run}", hint="json2db-sync runs lists them")
            verification = Verification(database, connection, plans)
            comparison: Comparison | None = None
            if (full or run is not None) and verification.schema().passed:
                comparison = self._comparison(database, connection, plans, None if full else run, step)
            of_tables, of_records = self._both(database, verification, comparison)
            checks += self._told(of_tables)
            checks += self._told(self._relations(database, connection, plans))
            whole = _whole(checks)
            if whole and comparison is not None:
                checks += self._told(of_records)
                compared = comparison.compared
            if whole and full:
                checks += self._told(self._stored_rules(database, connection, plans))
            result = verification_result(
                checks, database.label, len(plans), compared, started, full=full, run=None if full else run
            )
            passed = len(checks) - len(result.failed_checks)
            step.done(f"{passed} of {len(checks)} checks passed", success=result.success)
        return result

    def _told(self, checks: Iterable[Check]) -> Iterator[Check]:
        """The checks as they are done, each in the log."""
        for check in checks:
            outcome = "passed" if check.passed else "FAILED"
            self._log(logging.INFO, f"verify {check.name}: {outcome}, {check.covered}")
            yield check

    def _both(
        self, database: Database, verification: Verification, comparison: Comparison | None
    ) -> tuple[Iterable[Check], Iterable[Check]]:
        """The checks of the tables, and those of the records: where there is much to read, both at the same time."""
        from json2db_sync.verification.table_verifier import verify_apart
        from json2db_sync.workers.subprocess_worker import WORTHWHILE, has_room_for_two

        if comparison is None:
            return verification.run(), ()
        two = self.config.processing.second_process and has_room_for_two()
        if not two or comparison.size[1] < WORTHWHILE:
            return verification.run(), comparison.run()
        with verify_apart(database) as tables:
            try:
                compared = list(comparison.run())
            except DatabaseError:
                if _whole(tables.result()):
                    raise
                compared = []  # that the database is damaged says more
            return tables.result(), compared

    def _comparison(
        self, database: Database, connection: Connection, plans: Mapping[str, EntityPlan], run: int | None, step: Step
    ) -> Comparison:
        from json2db_sync.progress import Meter
        from json2db_sync.verification.source_comparison import Comparison

        comparison = Comparison(database, connection, plans, self._memory, Meter("verify", self._emit), run)
        step.reads(*comparison.size)
        return comparison

    def _relations(
        self, database: Database, connection: Connection, plans: Mapping[str, EntityPlan]
    ) -> Iterator[Check]:
        from json2db_sync.verification.relations import check_relations

        section = self.config.validation
        if section.relations:
            yield check_relations(database, connection, plans, section.relations, section.mode)

    def _stored_rules(
        self, database: Database, connection: Connection, plans: Mapping[str, EntityPlan]
    ) -> Iterator[Check]:
        from json2db_sync.verification.stored_records import check_rules

        rules = self._rules()
        if rules:
            yield check_rules(database, connection, plans, rules, rules.mode)


def _whole(checks: Iterable[Check]) -> bool:
    """Can the records be read at all?"""
    return all(check.passed for check in checks if check.name in ("integrity", "schema"))
