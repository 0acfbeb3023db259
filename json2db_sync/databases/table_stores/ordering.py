"""Do two ends give rows in the same order?"""

from __future__ import annotations

from json2db_sync.databases.catalog.types import ColumnType, TypeName

_ALIKE = (
    {TypeName.BOOLEAN, TypeName.INTEGER, TypeName.NUMERIC, TypeName.FLOAT},
    {TypeName.TEXT, TypeName.ENUM},
    {TypeName.BYTES},
    {TypeName.ANY},
)


def ordered_alike(first: ColumnType, second: ColumnType) -> bool:
    """Are rows ordered by columns of these types in one order, whichever databases they are in?

    Numbers are ordered by value, with NaN above all, texts and bytes by their bytes. Of padded texts, moments and UUIDs
    it is not said: one database orders them by value, another by whatever spelling it holds.
    """
    return not (first.fixed or second.fixed) and any({first.name, second.name} <= group for group in _ALIKE)
