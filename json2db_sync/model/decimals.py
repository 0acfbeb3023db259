"""Decimal numbers as texts, exactly."""

from __future__ import annotations

import re
from decimal import Context, Decimal, InvalidOperation

_DECIMAL = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d{1,4})?", re.ASCII)
_MOST = 1000
"""Digits, in all: far more than money has, and far fewer than any database holds."""
_UPSIDE_DOWN = str.maketrans("0123456789", "9876543210")
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


def number_key(value: object) -> str | None:
    """A number, or a text that spells one, as a text that sorts as numbers do, however many digits; None of others."""
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return None
    if not number.is_finite():
        return None if number.is_nan() else "3" if number > 0 else "!"
    if not number:
        return "1"
    size, digits = 10**7 + number.adjusted(), "".join(map(str, number.as_tuple().digits)).rstrip("0")
    if number > 0:
        return f"2{size:09}{digits}"
    return f"0{10**9 - 1 - size:09}{digits.translate(_UPSIDE_DOWN)}~"
