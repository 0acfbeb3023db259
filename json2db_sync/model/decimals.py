"""Decimal numbers as texts, exactly."""

from __future__ import annotations

import re
from decimal import Context, Decimal

_DECIMAL = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d{1,4})?", re.ASCII)
_MOST = 1000
"""Digits, in all: far more than money has, and far fewer than any database holds."""
EXACT = Context(prec=4 * _MOST)
"""Sums without rounding."""


def decimal_text(text: str) -> str | None:
    """A decimal number plainly: no exponent, no plus, no zeros before it, those behind it as they are.

    None where it is no number, or one of too many digits.
    """
    if len(text) > _MOST or not _DECIMAL.fullmatch(text):
        return None
    value = Decimal(text)
    exponent = value.as_tuple().exponent
    if not isinstance(exponent, int) or abs(exponent) > _MOST or value.adjusted() > _MOST:
        return None
    plain = f"{value:f}"
    return plain.removeprefix("-") if value.is_zero() else plain  # no database tells -0 from 0
