"""Parts of expressions on their way from one database's SQL to the other's, and the walk through them."""

from __future__ import annotations

import json
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import TYPE_CHECKING

from json2db_sync.databases.catalog.tables import CatalogColumn, literal
from json2db_sync.databases.catalog.types import TypeName
from json2db_sync.model.kinds import INT64_MAX

if TYPE_CHECKING:
    from sqlglot.expressions import Expression

ColumnPair = tuple[CatalogColumn, CatalogColumn]
"""A column in the source and in the target."""
NUMBERS = (TypeName.INTEGER, TypeName.NUMERIC, TypeName.FLOAT)
COMPARED = (*NUMBERS, TypeName.BOOLEAN, TypeName.TEXT, TypeName.BYTES, TypeName.DATE, TypeName.TIME, TypeName.TIMESTAMP,
            TypeName.TIMESTAMPTZ, TypeName.UUID, TypeName.ENUM)  # fmt: skip
"""Types whose values are equal, or less, on both sides alike."""
_LOGIC = ("And", "Or", "Not")
_PREDICATES = ("EQ", "NEQ", "GT", "GTE", "LT", "LTE", "Is", "NullSafeEQ", "NullSafeNEQ", "In", "Between", "Like",
               "ILike", "Glob")  # fmt: skip
_ARITHMETIC = ("Add", "Sub", "Mul", "Div", "Mod", "Neg")
_SIGNS = {"EQ": "=", "NEQ": "<>", "GT": ">", "GTE": ">=", "LT": "<", "LTE": "<=", "Add": "+", "Sub": "-", "Mul": "*",
          "Div": "/", "Mod": "%"}  # fmt: skip
_INSIDE = {
    **dict.fromkeys(_LOGIC, (*_LOGIC, *_PREDICATES, *_ARITHMETIC, "DPipe")),
    **dict.fromkeys(_PREDICATES, (*_ARITHMETIC, "DPipe")),
    **dict.fromkeys(_ARITHMETIC, _ARITHMETIC),
    "DPipe": ("DPipe",),
}
"""Which operators stand in which without parentheses: where databases bind alike. (SQLite's ``a = b IS NULL`` and
``a || b + c`` are other things than the parser's.)"""
_OPERATORS = {*_INSIDE, "Collate"}
_FORMS = {
    TypeName.INTEGER: r"-?\d{1,18}",
    TypeName.NUMERIC: r"-?\d+(\.\d+)?",
    TypeName.FLOAT: r"-?\d+(\.\d+)?([eE][-+]?\d+)?",
    TypeName.DATE: r"\d{4}-\d\d-\d\d",
    TypeName.TIME: r"\d\d:\d\d(:\d\d(\.\d{1,6})?)?",
    TypeName.TIMESTAMP: r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d(:\d\d(\.\d{1,6})?)?",
    TypeName.TIMESTAMPTZ: r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d(:\d\d(\.\d{1,6})?)?(Z|[-+]\d\d(:\d\d)?)",
    TypeName.UUID: r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}",
}


class Untranslatable(Exception):
    """An expression means nothing, or something else, in the other database."""


@dataclass(frozen=True)
class Moment:
    """The time of now."""

    what: str
    """moment, date, time, epoch."""
    zone: str = "utc"
    """utc; local, that of whoever asks; instant, a moment with its zone."""
    layout: str = ""
    """That of strftime."""


@dataclass(frozen=True)
class Said:
    """A part in the words of the target."""

    sql: str
    kind: TypeName | None
    """None: NULL."""
    atom: bool = True
    """Does it need no parentheses?"""
    text: str | None = None
    """Of a literal."""
    wide: bool = False
    """Has a number as many bits as the source computes with?"""
    by_bytes: bool = False
    """Do its texts compare by their bytes?"""
    odd: str | None = None
    """Why nothing can be said of it but whether it is NULL."""
    moment: Moment | None = None
    column: ColumnPair | None = None
    negation: str | None = None
    """Of a condition, where it is spelled otherwise than by a NOT before it."""

    def __str__(self) -> str:
        return self.sql if self.atom else f"({self.sql})"


def boolean(sql: str, negation: str | None = None) -> Said:
    """A condition."""
    return Said(sql, TypeName.BOOLEAN, atom=False, negation=negation)


def fitting(text: str, kind: TypeName | None) -> str:
    """The text, where it is one of a value of this type.

    :raises Untranslatable: where it is not.
    """
    try:
        if not re.fullmatch(_FORMS.get(kind or TypeName.TEXT, "(?s:.*)"), text):
            raise ValueError
        if kind is TypeName.DATE:
            date.fromisoformat(text)
        elif kind in (TypeName.TIMESTAMP, TypeName.TIMESTAMPTZ):
            datetime.fromisoformat(text[:19])
        elif kind in (TypeName.JSON, TypeName.JSONB):
            json.loads(text)
    except ValueError:
        raise Untranslatable(f"the text {literal(text)} is no {kind}") from None
    return text


class Translator(ABC):
    """From one database to another. What is not in the table of nodes is refused, and so is what they have besides."""

    dialect: str
    """The source, as the parser calls it."""
    nodes: Mapping[str, tuple[str, str]] = {
        "Paren": ("_paren", "this"),
        "Column": ("_column", "this"),
        "Literal": ("_literal", "this is_string"),
        "HexString": ("_blob", "this"),
        "Null": ("_null", ""),
        "Boolean": ("_boolean", "this"),
        "Neg": ("_negative", "this"),
        **dict.fromkeys(("And", "Or"), ("_joined", "this expression")),
        "Not": ("_not", "this"),
        **dict.fromkeys(("EQ", "NEQ", "GT", "GTE", "LT", "LTE"), ("_comparison", "this expression")),
        **dict.fromkeys(("Is", "NullSafeEQ", "NullSafeNEQ"), ("_same", "this expression")),
        "In": ("_in", "this expressions"),
        "Between": ("_between", "this low high"),
        **dict.fromkeys(_ARITHMETIC[:5], ("_arithmetic", "this expression typed safe")),
        "DPipe": ("_texts_joined", "this expression safe"),
        "Case": ("_case", "this ifs default"),
        "Coalesce": ("_coalesce", "this expressions"),
        "Nullif": ("_nullif", "this expression"),
        "Length": ("_length", "this"),
        **dict.fromkeys(("Lower", "Upper"), ("_lettered", "this")),
        "Abs": ("_abs", "this"),
        "Trim": ("_trim", "this position"),
        "Substring": ("_substring", "this start length"),
        "Cast": ("_cast", "this to"),
        **dict.fromkeys(("Like", "ILike", "Glob"), ("_pattern", "this expression")),
        "Collate": ("_collate", "this expression"),
        **dict.fromkeys(("CurrentTimestamp", "CurrentDate", "CurrentTime", "Localtimestamp"), ("_now", "this")),
        "Anonymous": ("_function", "this expressions"),
    }

    def __init__(self, columns: Mapping[str, ColumnPair]) -> None:
        self.columns = columns

    # What the two directions do differently

    @abstractmethod
    def find(self, name: str, *, is_quoted: bool) -> Said:
        """A column by its name in the source.

        :raises Untranslatable: where there is none.
        """

    @abstractmethod
    def condition(self, said: Said) -> Said:
        """As what is true or not."""

    @abstractmethod
    def alike(self, one: Said, other: Said) -> tuple[Said, Said]:
        """Both so that the target compares them as the source does."""

    @abstractmethod
    def in_order(self, said: Said) -> Said:
        """So that it is less or more than another as it is in the source."""

    @abstractmethod
    def number(self, said: Said) -> Said:
        """As what is computed with."""

    @abstractmethod
    def assigned(self, said: Said, column: ColumnPair) -> Said:
        """As a value of a column."""

    @abstractmethod
    def typed(self, text: str, kind: TypeName | None) -> Said:
        """A literal of this type in the target."""

    # The walk

    def translated(self, expression: str) -> Said:
        """All of an expression."""
        from sqlglot import errors, parse

        try:
            (select,) = parse(f"SELECT {expression}", read=self.dialect)
        except (errors.SqlglotError, ValueError):
            raise Untranslatable("it is not understood") from None
        if (
            select is None
            or type(select).__name__ != "Select"
            or [k for k, v in select.args.items() if v] != ["expressions"]
        ):
            raise Untranslatable("it is no plain expression")
        if len(select.expressions) != 1:
            raise Untranslatable("it is several")
        return self.said(select.expressions[0])

    def said(self, node: Expression) -> Said:
        """One part."""
        name = type(node).__name__
        method, allowed = self.nodes.get(name, ("", ""))
        given = {key for key, value in node.args.items() if value not in (None, False, [])}
        negated = name in _PREDICATES and "negate" in given
        if not method or given - {*allowed.split(), "negate" * negated}:
            raise self.refusal(node)
        for child in node.iter_expressions():
            inner = type(child).__name__
            if name in _OPERATORS and inner in _OPERATORS and inner not in _INSIDE.get(name, ()):
                raise Untranslatable(f"what belongs together in {node.sql(self.dialect)} differs")
        made: Callable[[Expression], Said] = getattr(self, method)
        return self.negated(made(node)) if negated else made(node)

    def plain(self, node: Expression) -> Said:
        """One part that more can be said of than whether it is NULL."""
        said = self.said(node)
        if said.odd:
            raise Untranslatable(said.odd)
        return said

    def refusal(self, node: Expression) -> Untranslatable:
        """This part means something else there, or nothing."""
        return Untranslatable(f"{node.sql(self.dialect)} has no equal")

    def _paren(self, node: Expression) -> Said:
        return self.said(node.this)

    def _column(self, node: Expression) -> Said:
        identifier = node.this
        return self.find(identifier.name, is_quoted=bool(identifier.args.get("quoted")))

    def _literal(self, node: Expression) -> Said:
        if node.is_string:
            return Said(literal(node.name), TypeName.TEXT, text=node.name)
        return self.digits(node.name)

    def digits(self, text: str) -> Said:
        """A number as it is spelled."""
        whole = text.isdecimal()
        if whole and int(text) > INT64_MAX:
            raise Untranslatable(f"{text} is beyond 64 bits")
        return Said(text, TypeName.INTEGER if whole else TypeName.FLOAT, text=text)

    def _blob(self, node: Expression) -> Said:
        return self.typed(f"\\x{node.name.lower()}", TypeName.BYTES)

    def _null(self, _node: Expression) -> Said:
        return Said("NULL", None)

    def _boolean(self, node: Expression) -> Said:
        return self.typed("t" if node.this else "f", TypeName.BOOLEAN)

    def _negative(self, node: Expression) -> Said:
        said = self.plain(node.this)
        if said.text is not None and said.kind in NUMBERS:
            return replace(said, sql=f"-{said.sql}", text=f"-{said.text}", atom=False)
        said = self.number(said)
        return replace(said, sql=f"-{said}", atom=False, column=None)

    def _joined(self, node: Expression) -> Said:
        one, other = (self.condition(self.said(part)) for part in (node.this, node.expression))
        return boolean(f"{one} {type(node).__name__.upper()} {other}")

    def _not(self, node: Expression) -> Said:
        return self.negated(self.said(node.this))

    def negated(self, said: Said) -> Said:
        """What is true where this is not."""
        if said.negation is not None:
            return boolean(said.negation, said.sql)
        return boolean(f"NOT {self.condition(said)}")

    def _comparison(self, node: Expression) -> Said:
        return self.compared(_SIGNS[type(node).__name__], self.plain(node.this), self.plain(node.expression))

    def compared(self, sign: str, one: Said, other: Said) -> Said:
        """Two values that are equal, or one less than the other."""
        one, other = self.alike(one, other)
        for said in (one, other):
            if said.kind is not None and said.kind not in COMPARED:
                raise Untranslatable(f"values of type {said.kind} are not compared alike")
        if sign not in ("=", "<>"):
            one = self.in_order(one)
        return boolean(f"{one} {sign} {other}")

    def _same(self, node: Expression) -> Said:
        negated = type(node).__name__ == "NullSafeNEQ"
        if type(node.expression).__name__ == "Null":
            said = self.said(node.this)
            made = boolean(f"{said} IS NULL", f"{said} IS NOT NULL")
            return self.negated(made) if negated else made
        if type(node.expression).__name__ == "Boolean":
            one, other = self.condition(self.said(node.this)), self.said(node.expression)
        else:
            one, other = self.alike(self.plain(node.this), self.plain(node.expression))
        self.compared("=", one, other)
        words = (f"{one} {self.same(negated=word)} {other}" for word in (negated, not negated))
        return boolean(*words)

    @abstractmethod
    def same(self, *, negated: bool) -> str:
        """The operator that takes NULL for equal to NULL."""

    def _in(self, node: Expression) -> Said:
        return self.among(self.plain(node.this), [self.plain(one) for one in node.expressions])

    def among(self, one: Said, others: Sequence[Said]) -> Said:
        """Is a value one of these?"""
        pairs = [self.alike(one, other) for other in others]
        if not pairs or len({str(first) for first, _other in pairs}) != 1:
            raise Untranslatable("values of several types are not compared alike")
        for first, other in pairs:
            self.compared("=", first, other)
        words = ", ".join(str(other) for _first, other in pairs)
        return boolean(f"{pairs[0][0]} IN ({words})", f"{pairs[0][0]} NOT IN ({words})")

    def _between(self, node: Expression) -> Said:
        one = self.plain(node.this)
        low, high = (
            self.compared(sign, one, self.plain(node.args[end])) for sign, end in ((">=", "low"), ("<=", "high"))
        )
        return boolean(f"{low} AND {high}")

    def _arithmetic(self, node: Expression) -> Said:
        sign = _SIGNS[type(node).__name__]
        one, other = (self.number(self.plain(part)) for part in (node.this, node.expression))
        kinds = {one.kind, other.kind}
        if TypeName.NUMERIC in kinds and TypeName.FLOAT not in kinds:
            raise Untranslatable("SQLite computes in doubles, not in decimals")
        if sign == "%" and kinds != {TypeName.INTEGER}:
            raise Untranslatable("% of fractions differs")
        if sign in "/%":
            other = self.divisor(other)
        kind = TypeName.FLOAT if TypeName.FLOAT in kinds else TypeName.INTEGER
        return Said(f"{one} {sign} {other}", kind, atom=False, wide=True)

    def divisor(self, said: Said) -> Said:
        """What is divided by: a database may raise an error for zero, where the other gives NULL."""
        return said

    def _texts_joined(self, node: Expression) -> Said:
        one, other = (self._text(part) for part in (node.this, node.expression))
        return Said(f"{one} || {other}", TypeName.TEXT, atom=False)

    def _text(self, node: Expression) -> Said:
        said = self.plain(node)
        if said.kind is not TypeName.TEXT:
            raise Untranslatable(f"{node.sql(self.dialect)} is no text")
        return said

    def _case(self, node: Expression) -> Said:
        conditions = []
        for one in node.args["ifs"]:
            if node.this is not None:
                conditions.append(self.compared("=", self.plain(node.this), self.plain(one.this)))
            else:
                conditions.append(self.condition(self.said(one.this)))
        default = node.args.get("default")
        results = [one.args["true"] for one in node.args["ifs"]] + ([default] if default is not None else [])
        made = self.united([self.plain(one) for one in results])
        words = [f"WHEN {one.sql} THEN {result.sql}" for one, result in zip(conditions, made, strict=False)]
        words += [f"ELSE {made[-1].sql}"] if default is not None else []
        return _one_of(made, f"CASE {' '.join(words)} END")

    def united(self, some: Sequence[Said]) -> Sequence[Said]:
        """Values of which one is the result, so that all are of one type."""
        kinds = {said.kind for said in some if said.kind is not None}
        exact = len(kinds) > 1 and any(said.kind is TypeName.INTEGER and said.wide for said in some)
        if exact or (len(kinds) != 1 and not (kinds and kinds <= {*NUMBERS})):
            raise Untranslatable("its results are of several types, or of none")
        return some

    def _coalesce(self, node: Expression) -> Said:
        made = self.united([self.plain(one) for one in (node.this, *node.expressions)])
        return _one_of(made, f"COALESCE({', '.join(one.sql for one in made)})")

    def _nullif(self, node: Expression) -> Said:
        one, other = self.alike(self.plain(node.this), self.plain(node.expression))
        self.compared("=", one, other)
        return _one_of([one], f"NULLIF({one.sql}, {other.sql})")

    def _length(self, node: Expression) -> Said:
        said = self.plain(node.this)
        if said.kind not in (TypeName.TEXT, TypeName.BYTES):
            raise Untranslatable(f"the length of {node.this.sql(self.dialect)}, which is no text, differs")
        return Said(f"length({said.sql})", TypeName.INTEGER)

    def _lettered(self, node: Expression) -> Said:
        return self.lettered(type(node).__name__.lower(), self._text(node.this))

    @abstractmethod
    def lettered(self, name: str, said: Said) -> Said:
        """Small or capital letters."""

    def _abs(self, node: Expression) -> Said:
        said = self.number(self.plain(node.this))
        return replace(said, sql=f"abs({said.sql})", atom=True, text=None, column=None)

    trims: Mapping[str, str]
    """By position."""

    def _trim(self, node: Expression) -> Said:
        said = self._text(node.this)
        name = self.trims[(node.args.get("position") or "BOTH").upper()]
        return Said(f"{name}({said.sql})", TypeName.TEXT, by_bytes=said.by_bytes)

    def _substring(self, node: Expression) -> Said:
        said = self._text(node.this)
        ends = [self.said(one) for one in (node.args.get("start"), node.args.get("length")) if one is not None]
        if any(not (end.text or "-").isdecimal() for end in ends) or ends[0].text == "0":
            raise Untranslatable("only substrings between literal places from the first on are the same")
        return Said(f"substr({', '.join(one.sql for one in (said, *ends))})", TypeName.TEXT, by_bytes=said.by_bytes)


def cast_name(node: Expression) -> str:
    """The type that a cast is to, as the parser calls it."""
    return str(getattr(node.args["to"].this, "name", ""))


def _one_of(some: Iterable[Said], sql: str) -> Said:
    """What has the type of these."""
    some = [said for said in some if said.kind is not None]
    kinds = {said.kind for said in some}
    kind = some[0].kind if len(kinds) == 1 else TypeName.FLOAT if TypeName.FLOAT in kinds else TypeName.NUMERIC
    return Said(sql, kind, wide=len(kinds) == 1 and all(said.wide for said in some))
