"""CREATE TABLE and CREATE INDEX as SQLite keeps them, taken apart: what its pragmas do not tell."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from json2db_sync.databases.catalog.tables import Check, ForeignKey, literal

_TOKEN = re.compile(
    r"""(?P<gap>[\s\ufeff]+|--[^\n]*|/\*.*?(?:\*/|\Z))
      | (?P<quoted>"(?:[^"]|"")*"|`(?:[^`]|``)*`|\[[^\]]*\])
      | (?P<text>[xX]?'(?:[^']|'')*')
      | (?P<number>0[xX][0-9a-fA-F]+|(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)
      | (?P<word>[A-Za-z_\x80-\U0010ffff][\w$\x80-\U0010ffff]*)
      | (?P<sign>.)""",
    re.VERBOSE | re.DOTALL,
)
_BEGINS_CONSTRAINT = ("CONSTRAINT", "PRIMARY", "UNIQUE", "CHECK", "FOREIGN")
_ENDS_TYPE = {*_BEGINS_CONSTRAINT[:4], "NOT", "NULL", "DEFAULT", "COLLATE", "REFERENCES", "GENERATED", "AS", "ON",
              "DEFERRABLE"}  # fmt: skip
_ACTIONS = (("SET", "NULL"), ("SET", "DEFAULT"), ("CASCADE",), ("RESTRICT",), ("NO", "ACTION"))


@dataclass(frozen=True)
class Token:
    """A word, sign or literal of a statement."""

    text: str
    kind: str
    after_gap: bool
    """Is there white space or a comment before it?"""

    @property
    def word(self) -> str:
        """In capitals, where it is not quoted."""
        return self.text.upper() if self.kind in ("word", "sign") else ""

    @property
    def name(self) -> str:
        """What it names, without the quotes."""
        if self.kind not in ("quoted", "text"):
            return self.text
        quote = self.text[-1]
        return self.text[1:-1].replace(quote * 2, quote) if quote != "]" else self.text[1:-1]


@dataclass(frozen=True)
class IndexedPart:
    """One of the things that an index or a key is over."""

    name: str | None
    """Of a column, as it is spelled here; None for an expression."""
    expression: str
    collation: str | None
    descending: bool


@dataclass
class TableText:
    """What a CREATE TABLE says; names are spelled as they stand there."""

    checks: list[Check] = field(default_factory=list)
    uniques: list[tuple[str | None, tuple[IndexedPart, ...]]] = field(default_factory=list)
    primary_key: tuple[str | None, tuple[IndexedPart, ...]] | None = None
    foreign_keys: list[ForeignKey] = field(default_factory=list)
    """``referred`` is () where it is not said."""
    collations: dict[str, str] = field(default_factory=dict)
    generated: dict[str, str] = field(default_factory=dict)
    autoincrement: bool = False
    conflicts: list[str] = field(default_factory=list)
    """Ways of going on after a constraint that was violated."""
    options: tuple[str, ...] = ()
    """STRICT, WITHOUT ROWID."""


def tokens(statement: str) -> Iterator[Token]:
    """Without comments and white space."""
    after_gap = False
    for match in _TOKEN.finditer(statement):
        kind = str(match.lastgroup)
        if kind != "gap":
            yield Token(match[0], kind, after_gap)
        after_gap = kind == "gap"


def spelled(some: Iterable[Token]) -> str:
    """Tokens as text again: a blank where there was a gap."""
    return "".join(" " * one.after_gap + one.text for one in some).strip()


def default_meant(text: str | None) -> str | None:
    """A default of a column without comments; a bare word, which SQLite takes for a text, in quotes."""
    found = list(tokens(text or ""))
    if not found:
        return None
    bare = found[0].word not in ("TRUE", "FALSE", "NULL", "CURRENT_TIMESTAMP", "CURRENT_DATE", "CURRENT_TIME")
    if len(found) == 1 and found[0].kind in ("word", "quoted") and bare:
        return literal(found[0].name)
    return spelled(found)


def parse_table(statement: str) -> TableText:
    """Take a CREATE TABLE apart."""
    reader = _Reader(list(tokens(statement)))
    made = TableText()
    for part in _split(reader.group()):
        if part and part[0].word in _BEGINS_CONSTRAINT:
            _Constraints(part, made).read()
        elif part:
            _Constraints(part[1:], made, part[0].name).read()
    options = (spelled(part).upper() for part in _split(reader.rest))
    made.options = tuple(" ".join(option.split()) for option in options if option)
    return made


def parse_index(statement: str) -> tuple[tuple[IndexedPart, ...], str | None]:
    """The parts of a CREATE INDEX, and the predicate of a partial one."""
    reader = _Reader(list(tokens(statement)))
    parts, where = indexed(reader.group()), None
    if reader.take("WHERE"):
        where = spelled(reader.rest)
    return parts, where


def indexed(some: Sequence[Token]) -> tuple[IndexedPart, ...]:
    """What stands in the parentheses of an index or a key."""
    return tuple(_part(part) for part in _split(some))


def _part(some: Sequence[Token]) -> IndexedPart:
    rest, descending, collation = list(some), False, None
    if rest[-1].word == "AUTOINCREMENT":
        rest.pop()
    if rest[-1].word in ("ASC", "DESC"):
        descending = rest.pop().word == "DESC"
    if len(rest) > 2 and rest[-2].word == "COLLATE":
        collation, rest = rest[-1].name, rest[:-2]
    name = rest[0].name if len(rest) == 1 and rest[0].kind in ("word", "quoted", "text") else None
    return IndexedPart(name, spelled(rest), collation, descending)


def _split(some: Sequence[Token]) -> Iterator[list[Token]]:
    """Parts between commas that are in no parentheses."""
    depth, part = 0, list[Token]()
    for one in some:
        depth += (one.text == "(") - (one.text == ")")
        if one.text == "," and not depth:
            yield part
            part = []
        else:
            part.append(one)
    yield part


class _Reader:
    """Tokens, read from the first to the last."""

    def __init__(self, some: Sequence[Token]) -> None:
        self._some, self._at = some, 0

    @property
    def rest(self) -> Sequence[Token]:
        return self._some[self._at :]

    @property
    def ahead(self) -> Token | None:
        """The next one, None at the end."""
        return self._some[self._at] if self._at < len(self._some) else None

    def next(self) -> Token:
        self._at += 1
        return self._some[self._at - 1]

    def take(self, *words: str) -> bool:
        """Are these the next ones? Then they are read."""
        found = [one.word for one in self._some[self._at : self._at + len(words)]] == list(words)
        self._at += len(words) * found
        return found

    def at(self, sign: str) -> bool:
        return self.ahead is not None and self.ahead.text == sign

    def group(self) -> list[Token]:
        """What stands in the parentheses that begin here, or later."""
        depth, found = 0, list[Token]()
        while self.ahead and not self.at("("):
            self.next()
        while self.ahead:
            one = self.next()
            depth += (one.text == "(") - (one.text == ")")
            if not depth:
                break
            found.append(one)
        return found[1:]


class _Constraints(_Reader):
    """What stands behind a column's name, or the constraints of a table."""

    def __init__(self, some: Sequence[Token], made: TableText, column: str | None = None) -> None:
        super().__init__(some)
        self._made, self._column = made, column
        self._name: str | None = None

    def read(self) -> None:
        if self._column is not None:
            self._skip_type()
        while self.ahead:
            if self.take("CONSTRAINT"):
                self._name = self.next().name
            else:
                self._one()
                self._name = None

    def _skip_type(self) -> None:
        while self.ahead and self.ahead.word not in _ENDS_TYPE:
            if self.at("("):
                self.group()
            else:
                self.next()

    def _one(self) -> None:
        made, column = self._made, self._column
        if self.take("PRIMARY", "KEY"):
            made.primary_key = self._name, self._parts()
            made.autoincrement |= self.take("AUTOINCREMENT")
        elif self.take("UNIQUE"):
            made.uniques.append((self._name, self._parts()))
        elif self.take("CHECK"):
            made.checks.append(Check(self._name, spelled(self.group())))
            self._conflict("CHECK")
        elif self.take("FOREIGN", "KEY"):
            columns = tuple(one.name for one in self.group() if one.text != ",")
            self.take("REFERENCES")
            made.foreign_keys.append(self._reference(columns))
        elif column is not None:
            self._one_of_column(column)
        else:
            self.next()

    def _one_of_column(self, column: str) -> None:
        made = self._made
        if self.take("REFERENCES"):
            made.foreign_keys.append(self._reference((column,)))
        elif self.take("COLLATE"):
            made.collations[column] = self.next().name
        elif self.take("AS"):
            made.generated[column] = spelled(self.group())
        elif self.take("DEFAULT") and self.at("("):
            self.group()
        elif self.take("NOT", "NULL"):
            self._conflict(f"NOT NULL of {column}")
        else:  # a default of one word, NULL, GENERATED ALWAYS, STORED
            self.next()

    def _parts(self) -> tuple[IndexedPart, ...]:
        if self._column is not None:
            parts: tuple[IndexedPart, ...] = (IndexedPart(self._column, self._column, None, descending=False),)
            _ = self.take("ASC") or self.take("DESC")
        else:
            inside = self.group()
            self._made.autoincrement |= inside[-1].word == "AUTOINCREMENT"
            parts = indexed(inside)
        self._conflict(f"the key of {', '.join(part.expression for part in parts)}")
        return parts

    def _conflict(self, of: str) -> None:
        if self.take("ON", "CONFLICT") and (word := self.next().word) != "ABORT":
            self._made.conflicts.append(f"ON CONFLICT {word} for {of}")

    def _reference(self, columns: tuple[str, ...]) -> ForeignKey:
        table, referred, actions, deferral = self.next().name, tuple[str, ...](), {}, [False, False]
        if self.at("("):
            referred = tuple(one.name for one in self.group() if one.text != ",")
        while self.ahead:
            if self.take("ON"):
                event = self.next().word
                actions[event] = next(" ".join(words) for words in _ACTIONS if self.take(*words))
            elif self.take("MATCH"):
                self.next()
            elif self.take("NOT", "DEFERRABLE"):
                self._deferred()
            elif self.take("DEFERRABLE"):
                deferral = [True, self._deferred()]
            else:
                break
        acts = actions.get("DELETE", "NO ACTION"), actions.get("UPDATE", "NO ACTION")
        return ForeignKey(self._name, columns, None, table, referred, *acts, *deferral)

    def _deferred(self) -> bool:
        return self.take("INITIALLY") and self.next().word == "DEFERRED"
