"""CSV read one character at a time: slow, and plain enough to be believed."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class Read:
    """A record: where it begins, its fields (text, and whether it was quoted), and whether it is spelled as CSV."""

    line: int
    fields: list[tuple[str, bool]] = field(default_factory=list)
    sound: bool = True
    closed: bool = True


def records(text: str, delimiter: str = ",", quote: str = '"') -> list[Read]:
    """All records, empty lines among them; each CR, LF and CRLF is a line end."""
    found: list[Read] = []
    line, at = 1, 0
    while at < len(text):
        record = Read(line)
        found.append(record)
        ended = False
        while not ended:
            at, line, ended = _field(text, at, line, record, delimiter, quote)
    return found


def _field(text: str, at: int, line: int, record: Read, delimiter: str, quote: str) -> tuple[int, int, bool]:
    value, quoted, within = "", False, False
    if text[at : at + 1] == quote:
        quoted = within = True
        at += 1
    while at < len(text):
        one = text[at]
        if one == "\r" and text[at + 1 : at + 2] == "\n":
            one = "\r\n"
        at += len(one)
        line += one in ("\r", "\n", "\r\n")
        if within and one == quote:
            if text[at : at + 1] == quote:
                value += quote
                at += 1
            else:
                within = False
        elif within:
            value += one
        elif one == delimiter or one in ("\r", "\n", "\r\n"):
            record.fields.append((value, quoted))
            return at, line, one != delimiter
        else:
            if one == quote or quoted:
                record.sound = False
            value += one
    record.closed = not within
    record.fields.append((value, quoted))
    return at, line, True
