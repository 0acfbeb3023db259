"""The operations on records that could not be loaded: list them, write them into a file, load them after all."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING

from json2db_sync.errors import ConfigurationError
from json2db_sync.operations.context import PathLike, operation
from json2db_sync.operations.planning import Selection
from json2db_sync.operations.populate import Loading
from json2db_sync.operations.result_builders import population_summary, unknown_entities
from json2db_sync.results import ExportedRejectsResult, PopulateResult, RejectedResult
from json2db_sync.text import counted

if TYPE_CHECKING:
    from json2db_sync.loading.data_populator import Population
    from json2db_sync.operations.summary_reporter import Summary


class Rejections(Loading):
    """Records that could not be loaded."""

    @operation(RejectedResult)
    def rejected(
        self,
        db_path: PathLike | None = None,
        *,
        entity: str | None = None,
        numbers: Collection[int] | None = None,
        most: int | None = 100,
    ) -> RejectedResult:
        """Records that could not be loaded, whole and with their reasons, newest first.

        :param numbers: only those that the database knows by these numbers.
        """
        from json2db_sync.operations.summary_reporter import Summary

        with self._database(db_path) as database, database.reading() as connection:
            summary = Summary(database, connection)
            self._require(summary, entity, numbers)
            return RejectedResult(
                operation="rejected",
                database=database.label,
                records=tuple(summary.rejected(entity, numbers, self._limit(most))),
                total=summary.rejected_total(entity),
            )

    @operation(ExportedRejectsResult)
    def export_rejected(
        self,
        output: PathLike,
        db_path: PathLike | None = None,
        *,
        entity: str | None = None,
        numbers: Collection[int] | None = None,
        overwrite: bool = False,
    ) -> ExportedRejectsResult:
        """Write rejected records into a file of lines of JSON (NDJSON), oldest first.

        Each line has ``number``, ``entity``, ``file``, ``record``, ``byte``, ``path``, ``reason``, ``rejected_at`` and
        ``raw``, the record's text as it stood in the file (``raw_base64`` where that is not UTF-8). Correct ``raw``,
        and give the file to :meth:`replay`.
        """
        from json2db_sync.loading.rejects_file import write_rejected
        from json2db_sync.operations.summary_reporter import Summary

        with (
            self._step("export_rejected") as step,
            self._database(db_path) as database,
            database.reading() as connection,
        ):
            summary = Summary(database, connection)
            self._require(summary, entity, numbers)
            rows = summary.rejected_rows(entity, numbers, oldest_first=True)

            def matters(path: Path) -> bool:
                return database.occupies(path) or summary.is_source(path)

            count = write_rejected(Path(output), rows, overwrite=overwrite, matters=matters)
            step.done(counted(count, "record"))
        return ExportedRejectsResult(
            operation="export_rejected", database=database.label, output=str(output), count=count
        )

    @operation(PopulateResult)
    def replay(
        self,
        db_path: PathLike | None = None,
        *,
        entity: str | None = None,
        numbers: Collection[int] | None = None,
        corrected: PathLike | None = None,
    ) -> PopulateResult:
        """Try rejected records again, as they are or corrected. What loads now is stored and no longer rejected.

        They count as records of the file they came from: a newer version that is stored stays.

        :param numbers: only those that the database knows by these numbers.
        :param corrected: a file as :meth:`export_rejected` writes it: its records alone, with the ``raw`` it gives.
        """
        from json2db_sync.loading.replay import Choice
        from json2db_sync.loading.replay import replay as replay_rejected
        from json2db_sync.operations.summary_reporter import Summary
        from json2db_sync.progress import Meter

        with self._step("replay") as step, self._database(db_path) as database:
            wanted = None if numbers is None else frozenset(numbers)
            texts: dict[int, bytes] | None = None
            notes: list[str] = []
            with database.reading() as connection:
                summary = Summary(database, connection)
                self._require(summary, entity, wanted)
                if corrected is not None:
                    texts = self._still_rejected(summary, Path(corrected), notes)
                    wanted = frozenset(texts) if wanted is None else wanted & frozenset(texts)
                step.reads(summary.rejected_files(entity, wanted), 0)
            choice = Choice(entity, wanted, texts)
            options = self._populate_options(Selection(), self._stored_plans(database))

            def work(run: int, done: Population) -> None:
                replay_rejected(database, run, choice, options, Meter("replay", self._emit), done)
                done.notes += self._relation_notes(database)

            result = self._load(database, "replay", work, notes=notes)
            step.done(population_summary(result), success=result.success)
        return result

    def _still_rejected(self, summary: Summary, path: Path, notes: list[str]) -> dict[int, bytes]:
        """The corrected texts of those records of a file that are rejected still; the others are noted.

        :raises ConfigurationError: when none of them is.
        """
        from json2db_sync.loading.rejects_file import mark, read_corrected

        corrections = read_corrected(path)
        rows = summary.rejected_rows(numbers=corrections.keys())
        found = {row["id"]: corrections[row["id"]].raw for row in rows if corrections[row["id"]].was == mark(row)}
        others = len(corrections) - len(found)
        if not found:
            raise ConfigurationError(
                f"none of the records in {path} is rejected (any more) in this database",
                hint="they were loaded since, or their file was, or it is another database: rejected export writes "
                "those there are",
            )
        if others:
            notes.append(f"{counted(others, 'record')} of {path} passed over: no longer rejected in this database")
        return found

    def _require(self, summary: Summary, entity: str | None, numbers: Collection[int] | None) -> None:
        """The entity is there, and records of all these numbers are rejected still.

        :raises ConfigurationError: where not.
        """
        if entity is not None and entity not in summary.plans:
            raise unknown_entities({entity}, summary.plans)
        missing = sorted(set(numbers or ()) - summary.rejected_numbers(numbers))
        if missing:
            raise ConfigurationError(
                f"no rejected record has the number {missing[0]}"
                + (f" (nor {len(missing) - 1:,} more of those named)" if missing[1:] else ""),
                hint="json2db-sync rejected lists them; a record that was replayed is no longer rejected",
            )
