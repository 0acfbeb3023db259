"""Finds out how a CSV file is spelled: encoding, delimiter, quotes, and whether its first row names the columns."""

from __future__ import annotations

import codecs
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from json2db_sync.errors import FileError
from json2db_sync.limits import MEBIBYTE, Limits
from json2db_sync.results import Note
from json2db_sync.sources.bytestream import Unpacking
from json2db_sync.sources.files import opened
from json2db_sync.tabular.dialects import Dialect
from json2db_sync.tabular.grammar import Grammar, breaks, grammar_of
from json2db_sync.tabular.kinds_of_values import KINDS
from json2db_sync.tabular.options import ReadingOptions

_SAMPLE = 1 << 18
"""Bytes at the beginning by which delimiter, quotes and header are told."""
_MARKS = {codecs.BOM_UTF8: "utf-8", codecs.BOM_UTF32_LE: "utf-32", codecs.BOM_UTF32_BE: "utf-32"} | {
    codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16",
}  # fmt: skip
"""Longer ones first, where one begins another."""
_DELIMITERS = "\t;|,"
"""Where several fit, a comma may as well stand within values."""
_GUESS = "cp1252"
"""What most files are in that say nothing and are not UTF-8."""
_CLEAR = 0.9
"""Of the rows have as many fields as the most, where a delimiter is plain."""


@dataclass
class Found:
    """A dialect, and what is to be told of it."""

    dialect: Dialect
    notes: list[Note] = field(default_factory=list)


def detect(path: Path, table: str, given: ReadingOptions, limits: Limits, compression: Literal["gzip"] | None) -> Found:
    """How a file is spelled.

    :param given: what is said of it, and not looked for.
    :raises FileError: when it cannot be read, or no encoding fits.
    """
    found = Found(Dialect(compression=compression, missing=("", *(given.missing or ()))))
    encoding = given.encoding or _encoding(path, table, limits, found)
    text = _sample(path, encoding, limits, compression)
    delimiter, quote, escape = _signs(text, table, given, found)
    dialect = Dialect(
        delimiter, quote, escape=escape, encoding=encoding, compression=compression, missing=found.dialect.missing
    )
    header = given.header
    if header is None:
        header = _header(_rows(grammar_of(dialect), text)[0], table, found)
    return Found(replace(dialect, header=header), found.notes)


def _unpacking(path: Path, limits: Limits, compression: str | None) -> Unpacking:
    stream = Unpacking(opened(path, path.name), path, path.name, limits)
    if compression:
        stream.unpack(compression)
    return stream


def _encoding(path: Path, table: str, limits: Limits, found: Found) -> str:
    """By the mark at its beginning; else UTF-8, if all of it is that."""
    decoder, line, guessed = codecs.getincrementaldecoder("utf-8")(), 1, None
    with _unpacking(path, limits, found.dialect.compression) as stream:
        data = stream.read(MEBIBYTE)
        for mark, encoding in _MARKS.items():
            if data.startswith(mark):
                return encoding
        while True:
            try:
                line += breaks(decoder.decode(data, not data))
            except UnicodeDecodeError as error:
                line += error.object[: error.start].count(b"\n")
                guessed = error.object[error.start :].splitlines()[0]
                break
            if not data:
                return "utf-8"
            data = stream.read(MEBIBYTE)
        sound = b"\0" not in data
        while data and sound:
            sound = _is_guess(data)
            data = stream.read(MEBIBYTE)
    if not sound:
        raise FileError(
            f"{path.name}, line {line}: it is not UTF-8, and what else it may be is not plain",
            hint="name its encoding: utf-16-le, cp1251, shift_jis",
            file=str(path),
            reason="invalid_encoding",
            setting="encoding",
        )
    shown = guessed[:20].decode(_GUESS)
    told = f"{path.name} is not UTF-8 in line {line:,}: it was read as {_GUESS}, by which that is {shown!r}"
    found.notes.append(Note(told, "encoding_guessed", entity=table, setting="encoding"))
    return _GUESS


def _is_guess(data: bytes) -> bool:
    try:
        data.decode(_GUESS)
    except UnicodeDecodeError:
        return False
    return True


def _sample(path: Path, encoding: str, limits: Limits, compression: str | None) -> str:
    """The rows at the beginning."""
    with _unpacking(path, limits, compression) as stream:
        data = stream.read(_SAMPLE)
        final = not stream.read(1)
    text = codecs.getincrementaldecoder(encoding)("replace").decode(data).removeprefix("\ufeff")
    return text if final else text[: max(text.rfind("\n"), text.rfind("\r")) + 1] or text


def _rows(grammar: Grammar, text: str) -> tuple[list[list[str]], bool]:
    """The fields of the rows that are whole, without empty lines, up to the first with a quote where none may be; and
    whether there is none such.
    """
    text = text if text.endswith(("\n", "\r")) else text + "\n"
    found = grammar.records.match(text)
    end = found.end() if found else 0
    rows: list[list[str]] = [[]]
    for raw, behind in grammar.fields.findall(text[:end]):
        rows[-1].append(raw)
        if behind != grammar.delimiter:
            rows.append([])
    return [row for row in rows if row and row != [""]], grammar.malformed.match(text, end) is None


def _signs(text: str, table: str, given: ReadingOptions, found: Found) -> tuple[str, str | None, str | None]:
    """Delimiter, quote and escape: those by which most rows have as many fields."""
    delimiters = given.delimiter or _DELIMITERS
    quotes = [('"', None), ('"', "\\"), (None, None)] if given.quote is None else [(given.quote or None, None)]
    for quote, escape in quotes:
        read = {one: _rows(grammar_of(Dialect(one, quote, escape=escape)), text) for one in delimiters}
        (share, _rank, width, delimiter), *rest = sorted(
            (_plainness(rows, one) for one, (rows, _sound) in read.items()), reverse=True
        )
        if read[delimiter][1]:
            break
    if width == 1 and not given.delimiter:
        delimiter, share = ",", 1.0
    others = [repr(one) for other, _rank, _fields, one in rest if other >= _CLEAR]
    if share < _CLEAR or others:
        more = f"; {', '.join(others)} would fit, too" if others else ""
        by = f"by which {share:.0%} of its rows have {width} fields"
        told = f"{table} was read with the delimiter {delimiter!r}, {by}{more}"
        found.notes.append(Note(told, "delimiter_unclear", entity=table, setting="delimiter"))
    if quote is None and given.quote is None:
        told = f"{table} was read without quotes: some stand where they are neither around a value nor written twice"
        found.notes.append(Note(told, "quotes_unclear", entity=table, setting="quote"))
    return delimiter, quote, escape


def _plainness(rows: Sequence[Sequence[str]], delimiter: str) -> tuple[float, int, int, str]:
    """The share of rows that have as many fields as most, and how far from being a part of values the delimiter is;
    how many fields, and the delimiter. A single field is no sign of one.
    """
    (width, count), *_ = Counter(map(len, rows)).most_common(1) or [(1, 0)]
    return (count / len(rows) if width > 1 else 0.0), -_DELIMITERS.find(delimiter), width, delimiter


def _header(rows: Sequence[Sequence[str]], table: str, found: Found) -> bool:
    """Is the first row one of names? Names are there, are not alike and no numbers or dates."""
    first, rest = [raw.strip('"') for raw in rows[0]] if rows else [], rows[1:]
    names = first[1:] if len(first) > 1 and not first[0] else first  # as of an index, which has none
    are_names = all(names) and len({*names}) == len(names) and not any(_is_typed(text) for text in names)
    if not are_names and rows:
        why = "its first row is not one of names: the columns are named by their place"
        found.notes.append(Note(f"{table}: {why}", "header_unclear", entity=table, setting="header"))
        return False
    plain = all(one.replace(" ", "_").isidentifier() for one in names)
    if not plain and rest and not any(_is_typed(raw) for row in rest[:1000] for raw in row if raw):
        why = "its first row was taken for the names of its columns, and may as well be values"
        found.notes.append(Note(f"{table}: {why}", "header_unclear", entity=table, setting="header"))
    return True


def _is_typed(text: str) -> bool:
    return any(kind.fits([text]) for kind in KINDS)
