"""What stands where a text stops being JSON, and what to do about it, in words for the person who has the file."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

SPACE = " \t\r\n"
_CONTINUATION = bytes(range(0x80, 0xC0))
_SHOWN = 30
"""Characters of a file that a message shows."""


class Finding(NamedTuple):
    """What was found, and what to do; the second is "" where there is no more to say than to repair it."""

    what: str
    hint: str = ""


@dataclass(frozen=True)
class Place:
    """Where something stands in a text, both counted from 1, the column in characters."""

    line: int
    column: int

    def __str__(self) -> str:
        return f"line {self.line:,}, column {self.column:,}, "


def place_of(chunks: Iterator[bytes], byte: int, skipped: int = 0) -> Place:
    """The place of a byte in a text of UTF-8 that comes in chunks; reads no further than there.

    :param skipped: bytes in front of the text (a byte order mark) that ``byte`` counts too.
    """
    line, column, left = 1, 1, byte - skipped
    for chunk in chunks:
        before = chunk[: max(left, 0)]
        left -= len(before)
        if newlines := before.count(b"\n"):
            line, column = line + newlines, 1
        column += len(before[before.rfind(b"\n") + 1 :].translate(None, _CONTINUATION))
        if left <= 0:
            break
    return Place(line, column)


_NO_NUMBER = Finding(
    "a number as JSON does not write it", "no +, no 0 before other digits, a digit on either side of the point"
)
_BETWEEN_LINES = Finding(
    "a comma between two records without brackets around them",
    "remove the commas at the ends of the lines, or put [ before the first record and ] behind the last",
)
_SCRIPT = re.compile(
    r"(?:window|var|let|const|export|module|self|globalThis|define|while|for|this)\b|[\w$.]+\s*[=(]|\)\]\}'"
)
_EVENTS = re.compile(r"(?:data|event|retry): ?|id: ?.*\n(?:data|event):")
_WORDS = {
    **{word: f"Python's {word}" for word in ("None", "True", "False", "Decimal", "datetime")},
    **{word: f"{word}, which JSON does not have" for word in ("undefined", "nan", "inf")},
    **{word: f"{word}, which is written in small letters" for word in ("NULL", "Null", "TRUE", "FALSE")},
    **{word: f"{word}(...) of a database's shell" for word in ("ObjectId", "ISODate", "NumberLong", "NumberDecimal")},
}
_AS_JSON = "write the file with a JSON encoder (json.dumps, JSON.stringify, mongoexport)"
_WORD = re.compile(r"[^\W\d]\w*")
_NUMBER = re.compile(r"[-+.\d][-+.\dA-Za-z_]*")
_CURLY = "“”„‟‘’«»"  # noqa: RUF001 - which a word processor puts for straight ones


def what_stands(before: str, after: str, *, start: bool, key: bool = False, value: bool = False) -> Finding:
    """What stands at a place where something else was expected.

    :param before: the text at hand up to there; its last characters count.
    :param after: the text from there on.
    :param start: nothing but white space stands before it in the file.
    :param key: a key in double quotes was expected.
    :param value: a value was expected.
    """
    last, first = before.rstrip(SPACE)[-1:], after[:1]
    found = _anywhere(after, first)
    if found is None and start:
        found = _at_the_start(after)
    if found is None and first in "]}" and last == ",":
        found = Finding(f"a comma before '{first}'", "remove that comma")
    if found is None and first == ",":
        found = _comma(last)
    if found is None and (key or value):
        found = _instead(after, key, last)
    if found is None and not (key or value):
        found = _behind_a_value(before, after)
    return found or Finding(f"found {_shown(after)}")


def behind_the_end(before: str, after: str) -> Finding:
    """What stands behind the last value of a file."""
    found = _anywhere(after, after[:1])
    if found is None and after[:1] == ",":
        found = _BETWEEN_LINES
    elif found is None and after[:1] == ";":
        found = Finding("a semicolon behind the JSON", "remove it, and what else is JavaScript")
    elif found is None and after[:1] in "]}":
        found = Finding(f"one '{after[:1]}' more than was opened", "remove it, or what closed too early before it")
    elif found is None and before[-1:].isdigit() | before[-1:].isalpha():
        found = Finding(
            f"text ({_shown(before[-8:] + after)})", "this is no JSON: remove what stands before the first [ or {"
        )
    return found or Finding(f"text behind the JSON ({_shown(after)})", "remove it")


def _anywhere(after: str, first: str) -> Finding | None:
    """What is told by itself, wherever it stands."""
    if after.startswith(("//", "/*", "#", "<!--", "-- ")):
        return Finding(f"a comment ({_shown(after)}), which JSON does not have", "remove the comments, all of them")
    if after.startswith("..."):
        return Finding("three dots, where something was left out", "fetch the whole text: this one was shortened")
    if first and first in _CURLY:
        return Finding(f"a curly quotation mark ({first})", 'strings and keys stand in straight double quotes (")')
    if first == "\ufeff":
        return Finding("a byte order mark in mid-text", "files were put together with their marks: remove it there")
    if after.startswith(("<<<<<<<", "=======", ">>>>>>>")):
        return Finding("a mark of a merge conflict", "resolve the conflict, or fetch the file again")
    return None


def _at_the_start(after: str) -> Finding | None:
    head = after.lstrip(SPACE)[:200]
    if head.startswith("<"):
        kind = "XML" if head.startswith("<?xml") else "HTML or XML"
        return Finding(
            f"{kind} ({_shown(head)})", "this is no JSON but a page, often of an error: open it, and fetch again"
        )
    if head.startswith(("PK\x03\x04", "PAR1")):
        return Finding("a ZIP archive or another format that is no text", "unpack it, and keep the JSON that is in it")
    if head.startswith("\x1e"):
        return Finding("a record separator (RFC 7464)", "remove these characters: tr -d '\\036'")
    if head.startswith(("---", "- ")) or (re.match(r"[\w-]+:[ \n]", head) and not _EVENTS.match(head)):
        return Finding(f"YAML ({_shown(head)})", "convert it: yq -o=json")
    word = _WORD.match(head)
    if _SCRIPT.match(head) and not (word and word[0] in _WORDS):
        return Finding(f"JavaScript before the JSON ({_shown(head)})", "remove what stands before the first [ or {")
    if _EVENTS.match(head):
        return Finding("server-sent events (data: ...)", "keep what stands behind 'data:' of each line")
    if word and word[0] not in _WORDS and word[0] not in ("NaN", "Infinity", "null", "true", "false"):
        return Finding(f"text before the JSON ({_shown(head)})", "remove what stands before the first [ or {")
    return None


def _comma(last: str) -> Finding:
    if last in ("]", "}"):
        return _BETWEEN_LINES
    if last == ",":
        return Finding("two commas in a row", "remove one of them")
    return Finding(f"a comma behind '{last}'" if last else "a comma at the beginning", "remove that comma")


def _instead(after: str, key: bool, last: str) -> Finding | None:
    """What stands instead of a key or of a value."""
    first, word, number = after[:1], _WORD.match(after), _NUMBER.match(after)
    what = "key" if key else "text"
    if first in ("'", "`"):
        return Finding(f"a {what} in single quotes ({_shown(after)})", f"double quotes are wanted; {_AS_JSON}")
    if key and (word or number):
        return Finding(
            f"a key without quotes ({_shown((word or number or after)[0])})", 'put it into double quotes (")'
        )
    if word:
        name = word[0] if word[0] in _WORDS or not after.startswith("datetime.") else "datetime"
        said = _WORDS.get(name, f"a text without quotes ({_shown(after)})")
        return Finding(said, _AS_JSON if name in _WORDS else 'put it into double quotes (")')
    if number:
        return _NO_NUMBER
    if first in "]}" and last == ":":
        return Finding(f"no value behind ':' before '{first}'", "null is the value where there is none")
    return None


def _behind_a_value(before: str, after: str) -> Finding | None:
    """What stands behind a value, where a comma or a bracket would."""
    if before[-1:].isdigit() and re.match(r"[.\w]", after):
        return _NO_NUMBER
    if before[-1:] == '"' and _WORD.match(after):
        return Finding(f"a quotation mark inside a text, before {_shown(after)}", 'inside a text it is written \\"')
    if after[:1] == ";":
        return Finding("a semicolon", "remove it, and what else is JavaScript")
    if (after and after[0] in '"[{-0123456789') or after.startswith(("true", "false", "null")):
        return Finding(f"a comma is missing before {_shown(after)}")
    return None


def _shown(text: str) -> str:
    line = text.lstrip(SPACE).split("\n", 1)[0].rstrip()
    return repr(line if len(line) <= _SHOWN else line[: _SHOWN - 3] + "...") if line else "the end of the line"


def of_decoder(message: str, text: str, pos: int, *, start: bool) -> Finding:
    """What the decoder of the standard library stopped at.

    :param message: of its error.
    :param text: what it decoded, or the end of it.
    :param pos: where it stopped, in ``text``.
    :param start: nothing but white space stands before the text in the file.
    """
    if message.startswith("Invalid control character"):
        what = {"\n": "a line break", "\r": "a line break", "\t": "a tab"}.get(
            text[pos : pos + 1], "a control character"
        )
        return Finding(
            f"{what} inside a text",
            "in JSON it is written \\n, \\t or \\u00XX; or the quotation mark before it is missing",
        )
    if message.startswith("Invalid \\"):
        return Finding(
            f"a backslash that begins no escape ({_shown(text[pos:])})", "a backslash itself is written \\\\"
        )
    if message.startswith("Extra data"):
        return what_stands(text[:pos], text[pos:], start=False)
    before, after = text[:pos], text[pos:]
    if message.startswith(("Expecting property name", "Illegal trailing comma")):
        behind = before.rstrip(SPACE)
        if after[:1] == ",":  # the place of an illegal comma is its own
            before, after = before + ",", after[1:].lstrip(SPACE)
        elif behind.endswith((",", "{")):
            after = after.lstrip(SPACE)
        return what_stands(before, after, start=False, key=True)
    if message.startswith("Expecting value"):
        begins = start and not before.strip(SPACE)
        return what_stands(before, after.lstrip(SPACE) if begins else after, start=begins, value=True)
    if message.startswith("Expecting ':'"):
        return Finding(f"no ':' between a key and its value ({_shown(after)})")
    return what_stands(before, after, start=False)
