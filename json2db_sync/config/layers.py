"""Where settings come from: arguments, the environment, ``.env`` and a file. Each place is a layer of values.

What is wrong in one is told with the place it came from, and with what would be right.
"""

from __future__ import annotations

import io
import json
import os
import re
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ValidationError

from json2db_sync.atomic_files.reading import read_own
from json2db_sync.config.sections import PREFIX, all_fields, variable_of
from json2db_sync.config.values import shown
from json2db_sync.errors import ConfigurationError, FileError
from json2db_sync.limits import MEBIBYTE
from json2db_sync.masking import masked
from json2db_sync.results.messages import Note
from json2db_sync.text import did_you_mean
from json2db_sync.user_paths import expanded, located

CONFIG_FILE = f"{PREFIX}CONFIG_FILE"
_OTHERS = (CONFIG_FILE, f"{PREFIX}TEST_")
"""Variables that bear our prefix and are not settings."""
DOTENV = ".env"
_OURS = re.compile(rf"(?<![A-Za-z0-9_]){PREFIX.rstrip('_')}[_.-]?", re.IGNORECASE)
"""Also as other shells and other files write them: ``$env:JSON2DB_...``, ``json2db_...``."""
_VARIABLE = re.compile(r"\$\{\w+\}|(?<![^/\\:@=,])\$[A-Z_][A-Z0-9_]*(?![^/\\:@?&,])|(?<![^/\\])%[A-Z_]+%(?![^/\\])")
"""``${X}`` anywhere; ``$X`` and ``%X%`` as a whole part of a path or URL: a password may begin with a $."""
_TYPOGRAPHIC = re.compile("[\u201c\u201d\u201e\u2018\u2019\u201a\u00ab\u00bb]")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_NAMES = {"\n": "line break", "\t": "tab", "\r": "carriage return", "\b": "backspace", "\f": "form feed"}
Values = dict[str, dict[str, object]]
"""By section and setting."""


@dataclass(frozen=True)
class Layer:
    """The settings that come from one place."""

    name: str
    """``argument``, ``environment``, or the file."""
    values: Mapping[str, Mapping[str, object]]
    """By section and setting."""
    written: Callable[[str], str] = str
    """How a setting's name (``processing.batch_size``) is written there."""

    def has(self, section: str, setting: str) -> bool:
        return setting in self.values.get(section, {})


def layers(
    config_file: str | os.PathLike[str] | None, sections: Mapping[str, object], *, dotenv: bool
) -> Iterator[Layer]:
    """All layers, the strongest first.

    :param dotenv: is ``.env`` one of them?
    """
    given = {name: value.model_dump() if isinstance(value, BaseModel) else value for name, value in sections.items()}
    yield Layer("argument", _checked(given, "argument"))
    environment = Layer("environment", _from_variables(os.environ, "environment"), _written_as_variable)
    yield _with_plain_paths(environment, "set it anew")
    variables, lines = _read_dotenv() if dotenv else ({}, {})

    def written(name: str) -> str:
        return f"line {lines[_written_as_variable(name)]}: {_written_as_variable(name)}"

    quoting = "write it between single quotes, or with / in place of \\"
    yield _with_plain_paths(Layer(DOTENV, _from_variables(variables, DOTENV), written), quoting)
    path = config_file or os.environ.get(CONFIG_FILE) or variables.get(CONFIG_FILE)
    if path:
        quoting = quoting if str(path).lower().endswith(".toml") else "write each \\ twice, or / in its place"
        yield _with_plain_paths(Layer(str(path), _checked(_read_file(Path(path)), str(path))), quoting)


def _written_as_variable(name: str) -> str:
    return next((variable_of(field) for full, _s, _n, field in all_fields() if full == name), name)


def _from_variables(variables: Mapping[str, str | None], origin: str) -> Values:
    places = {variable_of(field): (section, setting) for _name, section, setting, field in all_fields()}
    found: Values = {}
    for variable, value in variables.items():
        if not _OURS.search(variable) or variable.startswith(_OTHERS):
            continue  # another program's
        if variable not in places:
            raise unknown(variable, origin, [*places, CONFIG_FILE])
        if value:
            section, setting = places[variable]
            found.setdefault(section, {})[setting] = value
    return found


def _with_plain_paths(layer: Layer, quoting: str) -> Layer:
    """The layer, if each path in it is what was meant.

    :raises ConfigurationError: where a backslash was taken for an escape, or what is no quote or variable for one.
    """
    for name, section, setting, field in all_fields():
        value = layer.values.get(section, {}).get(setting)
        is_path, why, hint = "path" in setting or "Path" in str(field.annotation), "", quoting
        if value is not None and _is_misplaced_url(name, value, is_path=is_path):
            why, hint = "a URL has no place there", "that of the database is database.path"
        elif not isinstance(value, str):
            continue
        elif is_path and _CONTROL.search(value):
            became = _CONTROL.sub(lambda found: f"<{_NAMES.get(found[0], repr(found[0]))}>", shown(name, value))
            why = f"backslashes in it were read as escapes; it became {became}"
        elif is_path and (found := _VARIABLE.search(value)) and not os.path.lexists(value):
            said = found[0] if found[0] in shown(name, value) else "a $NAME in it"  # not in a password
            why, hint = f"{said} is no variable here", "write its value; in a URL, %24 is a $ that is meant"
        elif _TYPOGRAPHIC.match(value):
            why, hint = f"{value[0]} is no quote, and would be part of the value", "write ' or \""
        if why:
            what = f"{layer.written(name)} ({layer.name}): {why}"
            raise ConfigurationError(what, hint=hint, reason="invalid_value", setting=name, file=layer.name)
    return layer


def _is_misplaced_url(name: str, value: object, *, is_path: bool) -> bool:
    """Is it a URL, or one with a password in it, where there is none? It would be shown, and stored as a name."""
    if name in ("database.path", "schedule.jobs"):  # of which no operation takes a password
        return False
    text = value if isinstance(value, str) else json.dumps(value, default=str, ensure_ascii=False)
    return "://" in text and (is_path or masked(text) != text)


def _read_dotenv() -> tuple[dict[str, str | None], dict[str, int]]:
    """What ``.env`` in the working directory says, and in which line; a line of it that cannot be read is an error."""
    from dotenv.parser import parse_stream

    try:
        text = read_own(Path(DOTENV), MEBIBYTE).decode("utf-8-sig") if os.path.isfile(DOTENV) else ""
    except (OSError, FileError, UnicodeDecodeError) as error:
        what, hint = f".env cannot be read: {error}", "correct or remove it"
        raise ConfigurationError(what, hint=hint, reason="cannot_read", file=DOTENV) from error
    values: dict[str, str | None] = {}
    lines: dict[str, int] = {}
    for one in parse_stream(io.StringIO(text)):
        written = one.original.string.strip()
        if not written:
            continue
        line = one.original.line + one.original.string.partition(written)[0].count("\n")
        name, key = re.split(r"[=:\s]", written, maxsplit=1)[0], one.key or ""
        is_ours, value, why = _OURS.search(key), one.value or "", ""
        if one.error or (one.value is None and is_ours):
            unclosed = re.match(r"[^=\n]*=\s*[\"']", written)
            hint = "its quote is closed nowhere, or something follows it" if unclosed else "write NAME=value"
            why = f"{name} cannot be read"
        elif is_ours and values.get(key) not in (None, "", value):
            why, hint = f"{key} has another value in line {lines[key]}", "keep one of the two"
        elif is_ours and re.match(r"[^=]*=\s*[\"']\\\\", written) and not value.startswith("\\\\"):
            why, hint = f"{key}: between quotes \\\\ is one backslash", "write it without quotes, or / in place of \\"
        if why:
            what = f".env, line {line}: {why}"
            raise ConfigurationError(what, hint=hint, reason="cannot_read", file=DOTENV, line=line)
        values[key], lines[key] = one.value, line
    return values, lines


def dotenv_notes() -> Iterator[Note]:
    """Who else may decide by ``.env`` in the working directory what is done, or read a password there."""
    try:
        status, text = os.stat(DOTENV), read_own(Path(DOTENV)).decode("utf-8", "replace")
    except (OSError, FileError):
        return
    if os.name != "posix":
        return
    if status.st_uid not in (os.geteuid(), 0):
        yield Note(f".env here is obeyed, and belongs to another user ({status.st_uid})", "settings_of_others")
    if status.st_mode & 0o022:
        yield Note(".env here is obeyed, and others may write it: chmod go-w .env", "settings_of_others")
    if status.st_mode & 0o044 and any(masked(line) != line for line in text.splitlines()):
        yield Note("others may read the password in .env: chmod 600 .env", "password_readable")


def _read_file(path: Path) -> object:
    path = expanded(path)
    try:
        text = read_own(path).decode("utf-8-sig")
        found: object = tomllib.loads(text) if path.suffix.lower() == ".toml" else json.loads(text)
        return found
    except OSError as error:
        what = f"cannot read the configuration file {path}: {error.strerror}"
        hint = f"check the path (working directory: {located()})"
        raise ConfigurationError(what, hint=hint, reason="cannot_read", file=str(path)) from error
    except FileError as error:
        raise ConfigurationError(error.message, hint=error.hint, reason=error.reason, file=str(path)) from error
    except (ValueError, RecursionError) as error:  # of JSON, TOML and UTF-8 alike
        what, hint = f"the configuration file {path} cannot be read: {error}", "correct it there"
        raise ConfigurationError(what, hint=hint, reason="invalid_configuration", file=str(path)) from error


def _checked(values: object, origin: str) -> Values:
    """The same values if all sections and settings exist; keys that begin with an underscore are comments."""
    if not isinstance(values, dict):
        what = f'{origin}: sections are wanted, such as {{"database": {{...}}}}'
        raise ConfigurationError(what, reason="invalid_configuration", file=origin)
    known: dict[str, list[str]] = {}
    for _name, section, setting, _field in all_fields():
        known.setdefault(section, []).append(setting)
    found: Values = {}
    for section, settings in values.items():
        if section.startswith("_"):
            continue
        if section not in known:
            raise unknown(section, origin, known)
        if not isinstance(settings, dict):
            what = f"{origin}: {section} must hold settings, not {type(settings).__name__}"
            raise ConfigurationError(what, reason="invalid_configuration", setting=section)
        kept = {name: value for name, value in settings.items() if not name.startswith("_")}
        for name in kept:
            if name not in known[section]:
                raise unknown(f"{section}.{name}", origin, [f"{section}.{known}" for known in known[section]])
        found[section] = kept
    return found


def unknown(name: str, origin: str, known: Iterable[str]) -> ConfigurationError:
    """The error for a setting that does not exist, with the nearest name that does."""
    listed = did_you_mean(name, known) or f"known are {', '.join(known)}"
    what = f"there is no setting {name} ({origin})"
    return ConfigurationError(what, hint=listed, reason="unknown_setting", setting=name)


def explain(error: ValidationError, layers: Sequence[Layer]) -> ConfigurationError:
    """The error for a value that cannot be right."""
    first = error.errors()[0]
    section, setting = str(first["loc"][0]), str(first["loc"][1]) if len(first["loc"]) > 1 else ""
    name = f"{section}.{setting}"
    layer = next((layer for layer in layers if layer.has(section, setting)), None)
    value = layer.values[section][setting] if layer else None
    description = next((field.description for full, _s, _n, field in all_fields() if full == name), None)
    message = first["msg"].removeprefix("Value error, ")
    written = layer.written(name) if layer else name
    said = "" if name == "database.path" else f" = {shown(name, value)}"  # it may hold a password
    what = f"{written}{said} is wrong: {message[0].lower()}{message[1:]}"
    what += f" (from {layer.name})" if layer else ""
    hint = f"{name} is: {description}" if description else None
    return ConfigurationError(what, hint=hint, reason="invalid_value", setting=name)
