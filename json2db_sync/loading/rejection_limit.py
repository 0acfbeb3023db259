"""How many records of a file may be rejected before the file itself is what is wrong."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from json2db_sync.databases.ledger import Rejection
from json2db_sync.databases.outcome_counter import Counts
from json2db_sync.errors import ValidationError
from json2db_sync.results import RejectedRecord
from json2db_sync.sources import SourceFile
from json2db_sync.text import counted


@dataclass(frozen=True)
class RejectionLimit:
    """What is asked of each file."""

    stop: bool = False
    """One rejected record ends the run."""
    most: int | None = None
    """Records."""
    share: float | None = None
    """Of the file's records, 0 to 1."""

    @classmethod
    def parse(cls, text: str | None, *, stop: bool) -> RejectionLimit:
        """From ``100``, ``5%`` or nothing, as configured."""
        if text is None:
            return cls(stop)
        return cls(stop, share=float(text[:-1]) / 100) if text.endswith("%") else cls(stop, most=int(text))

    def check(self, file: SourceFile, rejection: Rejection, number: int) -> None:
        """A record is rejected.

        :param number: how many of the file and entity that makes.
        :raises ValidationError: when that is one too many; nothing of the file is loaded then.
        """
        if self.stop:
            where = f" {rejection.path}" if rejection.path else ""
            raise ValidationError(
                f"{file.name} record {rejection.number}{where}: {rejection.reason}",
                hint="correct it there; or go on without such records: processing.on_error = reject",
                file=str(file.path),
                record=rejection.number,
                byte=rejection.byte,
                path=rejection.path,
                entity=rejection.entity,
                setting="processing.on_error",
            )
        if self.most is not None and number > self.most:
            raise _too_many(file, f"more than {counted(self.most, 'record')}", rejection.number, rejection.reason)

    def check_all(self, file: SourceFile, counts: Counts, rejected: Sequence[RejectedRecord]) -> None:
        """All records of an entity in a file were read.

        :raises ValidationError: when too large a share of them is rejected; nothing of the file is loaded then.
        """
        if self.share is not None and counts.rejected > self.share * counts.read:
            what = f"{counts.rejected:,} of {counts.read:,} records (more than {100 * self.share:g} %)"
            raise _too_many(file, what, rejected[0].record, rejected[0].reason)


def _too_many(file: SourceFile, what: str, number: int, reason: str) -> ValidationError:
    return ValidationError(
        f"{file.name}: {what} cannot be loaded, so nothing of it was; record {number}: {reason}",
        hint="look at the file: it is what seems wrong. processing.max_rejected says how many records may be rejected",
        file=str(file.path),
        record=number,
        setting="processing.max_rejected",
    )
