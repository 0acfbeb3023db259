"""Passwords in a text, however they are written there: all that is shown, logged or recorded passes :func:`masked`."""

from __future__ import annotations

import re
from urllib.parse import unquote

MASK = "***"
"""What stands in place of a password."""
_SCHEME = r"""(?: \b[\w+.-]{1,40}[:;]?[ ]?[/\\]{2,9} | \b[\w+.-]{1,40}:[/\\] | (?<![/\\])[/\\]{2,9} )"""
"""Of URLs, and of what was meant to be one."""
_MORE = r"""(?: @[^\s"']* (?=@[^\s@/?#"']+/) )? (?: @[^\s@/?#"']* (?=@) )*"""
"""A password goes on behind an @ where the authority has another; behind a / as well, where a host and / follow."""
_IN_URLS = (
    rf"""({_SCHEME} [^\s:/?#\\"'<>]{{0,400}} :) (?: [^\n@/"']{{1,4000}} | [^\s@]{{1,4000}} ) {_MORE} (?=@)""",
    # Without a scheme:
    rf"""((?: (?<![\w.+%@-]) [\w.+%@-]+ | (?<![^\s'"(=/\\]) ) :(?![/\\])) [^\s@"']{{1,2000}} {_MORE} (?=@)""",
    r"(%3A) (?: (?!%40)[^\s@&] )+ (?=%40)",
)
_ADDRESS = rf"""(\s* ['"]? {_SCHEME}? [^\s:/?#\\]* :(?![/\\]))
    [^@]+ (?: @.* (?=@[^\s@/?#]+/) )? (?: @[^\s@/?#"']* (?=@) )* (?=@)"""
_LONGEST = 1 << 16
"""Characters of a text; nobody reads on."""
_TRIGGER = "pass|pwd|pw|secret|token|key"
_NAME = r"""(?: [\w.-]* (?: pass(?:word|wd|wort|phrase|code) | pwd | secret ) [\w-]*
    | [\w.-]* (?: token | (?:api|access|client|server)[_-]?key ) | (?: [\w.-]*[_.-] )? (?: pass | pw ) )"""
_SHOWN = rf"""(?! {re.escape(MASK)} (?: [&;,.\s"')}}\]] | $ ) )"""
_QUOTED = r"""(?P<open> (?: \\*["'] ){3,9} | \\*["'] ) (?: (?!(?P=open)) (?: \\+. | . ) )+"""
_TO_END = r"""(?= ["'`)\]},.;:]* (?: [&\s] | %3B | %26 | $ ) )"""


def _named(before: str, sign: str, value: str, name: str = _NAME) -> str:
    """The pattern of a name and its value, which may be quoted."""
    return rf"({before} {name} {sign}) {_SHOWN} (?: {_QUOTED} | {value} )"


_NAMED = (
    # In the query of a URL, which may be encoded once more.
    _named("(?: [?&] | %(?:3B|26|3F) )", "(?: = | %3D )", rf"(?: (?!%3B|%26)[^&\s] )+? {_TO_END}"),
    _named(r"; [ ]*", r"[ \t]*=[ \t]*", r"[^;&\s]+"),
    _named(r"(?<![\w.?&;-])", r"""\\*["']? [ \t]*=>?[ \t]*""", rf"(?: \\. | [^\s\\] )+? {_TO_END.replace('[&', '[')}"),
    _named(r"(?<![\w.-])", r"""\\*["'] \s*:\s*""", r"[^\s,}\]]+"),  # in JSON
    # Behind other names a colon is as likely the sentence's.
    _named(r"(?<![\w.-])", "(?: :[ ]* | [ ]+(?=') )", r"[^\s'\"]+", r"[\w.-]* (?: password | passwd | pwd )"),
    _named(r"(?<![\w-]) --", "[ ]+", r"(?!-)\S+"),
)


def masked(text: str) -> str:
    """The text without passwords: in URLs and what resembles them, in connection strings, queries, variables, JSON."""
    if len(text) > _LONGEST:
        text = f"{text[:_LONGEST]}..."
    if "%" in text:  # in the names of a query
        text = re.sub(r"(?<=[?&;])[^=&;\s]*%[^=&;\s]*(?==)", _plain_name, text)
    patterns: tuple[str, ...] = _IN_URLS if "@" in text or "%40" in text else ()
    patterns += _NAMED if re.search(_TRIGGER, text, re.IGNORECASE) else ()
    for pattern in patterns:
        kept = r"\1\g<open>" if "(?P<open>" in pattern else r"\1"
        text = re.sub(pattern, kept + MASK, text, flags=re.VERBOSE | re.IGNORECASE)
    return text


def masked_address(text: str) -> str:
    """What a user wrote for a database, without its password, which may hold blanks where it is not encoded."""
    return masked(re.sub(rf"\A{_ADDRESS}", rf"\1{MASK}", text, flags=re.VERBOSE))


def holds_mask(text: str) -> bool:
    """Does a mask stand in it for a password, as in what was shown and is given back?"""
    return re.search(rf":{re.escape(MASK)}@|={re.escape(MASK)}(?=$|[&;\s])", text) is not None


def _plain_name(found: re.Match[str]) -> str:
    name = unquote(found[0])
    return name if re.fullmatch(_NAME, name, re.VERBOSE | re.IGNORECASE) else found[0]
