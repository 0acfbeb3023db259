"""What a validator says of a value, in words: of several branches the one that it nearly fits."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from json2db_sync.model.jsontext import preview

MASK = "\ufdd0"
"""Stands for the value at fault in a validator's messages. (No character: no text is meant to hold it.)"""
_TYPES = re.compile(r' is not of types? (".*")')
_MOST_BRANCHES = 3
_Error = Any
"""A validator's, which has no types."""


def place_and_message(error: _Error) -> tuple[list[str | int], str]:
    """Where a value is wrong, and why, the value shortened."""
    branches = [branch for branch in getattr(error.kind, "context", None) or () if branch]
    if not branches:
        return error.instance_path, str(error.message).replace(MASK, preview(error.instance), 1)
    place = error.instance_path
    telling = _discriminator([branch for branch in branches if not _misfit(branch, place)[0]])
    if telling:
        named = ", ".join(dict.fromkeys(preview(value) for one in telling for value in _allowed(one)))
        return telling[0].instance_path, f"{preview(telling[0].instance)} is not one of {named}"
    best = min(_misfit(branch, place) for branch in branches)
    told = [place_and_message(branch[0]) for branch in branches if _misfit(branch, place) == best]
    if len(told) == 1:
        return told[0]
    types = [_TYPES.fullmatch(message.removeprefix(preview(error.instance))) for _place, message in told]
    if all(types) and all(where == place for where, _message in told):
        names = [part for match in types if match for part in re.split(" or |, ", match[1])]
        return place, f"{preview(error.instance)} is not of type {' or '.join(dict.fromkeys(names))}"
    messages = list(dict.fromkeys(message for _place, message in told))
    more = f" (or {len(messages) - _MOST_BRANCHES:,} others)" if len(messages) > _MOST_BRANCHES else ""
    same = all(where == told[0][0] for where, _message in told)
    return told[0][0] if same else place, ", or ".join(messages[:_MOST_BRANCHES]) + more


def _discriminator(branches: Sequence[Sequence[_Error]]) -> Sequence[_Error]:
    """Where all of several branches ask for a certain value of one field that has another: what each says of it."""
    sides = [{tuple(one.instance_path): one for one in reversed(branch) if _allowed(one)} for branch in branches]
    shared = [place for place in sides[0] if all(place in side for side in sides)] if len(sides) > 1 else []
    return [side[min(shared, key=len)] for side in sides] if shared else []


def _allowed(error: _Error) -> list[object]:
    """The values that a const or an enum asks for."""
    kind = error.kind
    return [kind.expected_value] if kind.name == "const" else list(kind.options) if kind.name == "enum" else []


def _misfit(branch: Sequence[_Error], place: Sequence[str | int]) -> tuple[int, int, int, int]:
    """How badly a value misses a branch: another type, another kind of thing, wrong early on, wrong often."""
    kinds = [(error.kind.name, len(error.instance_path) - len(place)) for error in branch]
    return (
        any(name == "type" and not depth for name, depth in kinds),
        sum(name in ("const", "enum") for name, _depth in kinds),
        -max(depth for _name, depth in kinds),
        len(kinds),
    )
