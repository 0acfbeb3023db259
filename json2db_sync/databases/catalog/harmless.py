"""SQL that a stranger wrote, before it becomes part of a statement.

An expression is taken apart into tokens. It is harmless where each of them is known: columns, literals, operators,
words that only compute, types, and functions that change nothing and need little. Subqueries, comments, names with
a point and all other functions are none of these.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import NamedTuple


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


MOST = 20_000
"""Characters of an expression."""
_DEPTH = 100
"""Parentheses within each other."""
_QUOTED = r'"(?:[^"\0]|"")+"'
_NAME = rf"(?:[^\W\d]\w*|{_QUOTED})"
_ARGUMENTS = r"(?:[ ]?\([ ]?[-+]?\w+(?:[ ]?,[ ]?[-+]?\w+)*[ ]?\))?"
_MORE = r"(?:precision|varying|with|without|time|zone|year|month|day|hour|minute|second|to)"
_TYPES = {
    "postgresql": re.compile(
        rf"{_NAME}(?:\.{_NAME})?(?: {_MORE}\b)*{_ARGUMENTS}(?: {_MORE}\b)*{_ARGUMENTS}(?:\[\d*\])*"
    ),
    "sqlite": re.compile(
        rf"(?:{_NAME}|\[[^\]\0]*\]|`[^`\0]*`|'[^'\0]*')(?:\s+(?:{_NAME}|\[[^\]\0]*\]|`[^`\0]*`|'[^'\0]*'))*"
        r"(?:\s*\(\s*[-+]?\s*[\w.]+\s*(?:,\s*[-+]?\s*[\w.]+\s*)?\))?"
    ),
}
_NO_TYPES = _words("as check collate constraint default generated not null primary references unique using")
"""Words of statements, which end a type."""
_TEXTS = {"postgresql": r"[Ee]'(?:[^'\\\0]|\\.|'')*'|[BbXx]?'(?:[^'\0]|'')*'", "sqlite": r"[Xx]?'(?:[^'\0]|'')*'"}
_NAMES = {"postgresql": _QUOTED, "sqlite": rf"{_QUOTED}|`[^`\0]+`|\[[^\]\0]+\]"}
_TOKENS = {
    kind: re.compile(
        rf"(?P<space>[ \t\r\n\f]+)|(?P<text>{_TEXTS[kind]})|(?P<name>{_NAMES[kind]})"
        r"|(?P<number>(?:0[xX][0-9a-fA-F]{1,16}|(?:\d{1,1000}(?:\.\d{0,1000})?|\.\d{1,1000})(?:[eE][-+]?\d{1,4})?)(?![\w.]))"
        r"|(?P<word>[^\W\d]\w*)|(?P<cast>::)|(?P<sign>(?:(?!--|/\*)[-+*/<>=~!@#%^&|?])+|[(),\[\]])",
        re.DOTALL,
    )
    for kind in _TYPES
}
_WORDS = _words("""
    all and any array as asc at between both by case cast collate current_catalog current_date current_role
    current_schema current_time current_timestamp current_user desc distinct document else end escape extract false
    first for from glob ilike in is isnull last leading like localtime localtimestamp match not notnull null nulls or
    overlaps placing regexp row session_user similar some symmetric then time to trailing true unknown user using when
    zone
    century day decade dow doy epoch hour isodow isoyear julian microseconds millennium milliseconds minute month
    quarter second timezone timezone_hour timezone_minute week year
    """)
_NEVER = _words("copy do execute exists over select table values with")
"""Whatever a column is called."""
_FUNCTIONS = _words("""
    abs acos acosh age array_length array_lower array_ndims array_position array_positions array_remove array_replace
    array_to_string array_to_tsvector array_upper ascii asin asinh atan atan2 atanh bit_count bit_length btrim
    cardinality cast cbrt ceil ceiling char char_length character_length chr clock_timestamp coalesce concat concat_ws
    cos cosh cot date date_bin date_part date_trunc datetime decode degrees div encode exp extract factorial floor
    gcd gen_random_uuid get_bit get_byte glob greatest hex hostmask ifnull iif inet_merge initcap instr
    isempty isfinite json json_array json_array_length json_build_array json_build_object json_extract
    json_extract_path json_extract_path_text json_object json_quote json_type json_typeof json_valid jsonb
    jsonb_array_length jsonb_build_array jsonb_build_object jsonb_extract_path jsonb_extract_path_text jsonb_object
    jsonb_path_exists jsonb_path_match jsonb_path_query_first jsonb_strip_nulls jsonb_typeof julianday
    justify_days justify_hours justify_interval lcm least left length like likelihood likely ln localtimestamp log
    log10 log2 lower lower_inc lower_inf ltrim make_date make_interval make_time make_timestamp make_timestamptz max
    md5 min min_scale mod multirange network nextval now nullif num_nonnulls num_nulls octet_length overlay
    parse_ident pi position pow power quote quote_ident quote_literal quote_nullable radians random regexp_count
    regexp_instr regexp_like regexp_match regexp_replace regexp_substr replace reverse right round row rtrim scale
    sha224 sha256 sha384 sha512 sign sin sinh soundex split_part sqrt starts_with statement_timestamp strftime strpos
    substr substring tan tanh time timediff timeofday timezone to_char to_date to_hex to_json to_jsonb
    to_number to_timestamp to_tsquery to_tsvector transaction_timestamp translate trim trim_array trim_scale trunc
    typeof unicode unixepoch unlikely upper upper_inc upper_inf uuid_extract_timestamp uuid_generate_v4 uuidv4 uuidv7
    width_bucket
    current_timestamp current_time localtime
    int4range int8range numrange daterange tsrange tstzrange setweight plainto_tsquery phraseto_tsquery
    websearch_to_tsquery unaccent similarity point box circle numnode querytree strip
    """)
_BEFORE_LISTS = _words("all and any array as between case else from in is like ilike not or some then when row for")
_BLOB = re.compile(r"randomblob\s*\(\s*\d{1,3}\s*\)", re.IGNORECASE)
_OPERATORS_OF_INDEXES = re.compile(r"\w+_ops|siglen|lists|m|ef_construction")


class _Token(NamedTuple):
    kind: str
    text: str


def is_type(declared: str, database: str) -> bool:
    """Is this a type as this kind of database spells one, and nothing else behind it?"""
    if not declared:
        return database == "sqlite"
    words = {one.lower() for one in re.findall(r"[^\W\d]\w*", re.sub(_QUOTED, " ", declared))}
    return len(declared) <= MOST and not words & _NO_TYPES and bool(_TYPES[database].fullmatch(declared))


def why_harmful(expression: str, database: str, columns: Collection[str], *, part: bool = False) -> str | None:
    """Why an expression is not to be taken from a stranger; None where it is harmless.

    :param columns: the names that it may use.
    :param part: is it a part of an index, with its order and class of operators behind it?
    """
    if len(expression) > MOST:
        return "it is too long"
    found = _tokens(_BLOB.sub("random()", expression) if database == "sqlite" else expression, database)
    if isinstance(found, str):
        return found
    known = {one.casefold() for one in columns} | ({"value"} if database == "postgresql" else set())
    depth = 0
    for at, token in enumerate(found):
        depth += (token.text in ("(", "[")) - (token.text in (")", "]"))
        if not 0 <= depth <= _DEPTH or (token.text == "," and not depth):
            return "its parentheses are not its own"
        following = found[at + 1].text if at + 1 < len(found) else ""
        if not _is_known(token, following, known, part=part):
            return f"{token.text[:50]} is not taken from a file"
    return "its parentheses are not its own" if depth else None if found else "it is empty"


def _is_known(token: _Token, following: str, columns: Collection[str], *, part: bool) -> bool:
    if token.kind == "name":
        return following != "("
    if token.kind != "word":
        return True
    word = token.text.lower()
    if word in _NEVER:
        return False
    if part and _OPERATORS_OF_INDEXES.fullmatch(word):
        return True
    if following == "(":
        return word in _FUNCTIONS or word in _BEFORE_LISTS
    return word in _WORDS or token.text.casefold() in columns


def _tokens(expression: str, database: str) -> list[_Token] | str:
    """All but blanks; the types of casts are none. A text: what is no token."""
    found: list[_Token] = []
    at = 0
    while at < len(expression):
        one = _TOKENS[database].match(expression, at)
        if one is None:
            return f"{expression[at : at + 10]} is not taken from a file"
        at, kind = one.end(), str(one.lastgroup)
        if kind == "cast" or (kind == "word" and one[0].lower() == "as"):
            at += len(expression[at:]) - len(expression[at:].lstrip(" "))
            type_ = _TYPES[database].match(expression, at)
            if type_ is None or not is_type(type_[0], database):
                return f"{expression[at : at + 50]} is not taken from a file"
            at = type_.end()
        elif kind != "space":
            found.append(_Token(kind, one[0]))
    return found
