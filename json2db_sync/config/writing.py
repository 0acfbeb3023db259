"""A setting written where the program reads it: into the configuration file that is named, else into ``.env``."""

from __future__ import annotations

import io
import json
import os
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path

from json2db_sync.atomic_files.disk import write
from json2db_sync.atomic_files.reading import read_own
from json2db_sync.config.layers import CONFIG_FILE
from json2db_sync.config.sections import all_fields, variable_of
from json2db_sync.errors import ConfigurationError, FileError
from json2db_sync.user_paths import expanded

_LINE = re.compile(r"(\w+)\.(\w+) = (.+)", re.DOTALL)


def parsed(line: str | None) -> tuple[str, str, object] | None:
    """Section, setting and value of a line such as ``data_source.records = {"invoices": "d.results"}``.

    None where it is none, or something in it is left to the user ("...").
    """
    match = _LINE.fullmatch(line or "")
    if match is None or "..." in match[3] or not any((match[1], match[2]) == (s, n) for _f, s, n, _d in all_fields()):
        return None
    try:
        return match[1], match[2], json.loads(match[3])
    except ValueError:
        return None


def write_setting(line: str, config_file: str | os.PathLike[str] | None) -> Path:
    """Write such a line; what a mapping holds already is kept. Returns the file that has it now.

    :raises ConfigurationError: when it cannot be written there.
    """
    found = parsed(line)
    if found is None:
        raise ConfigurationError(f"{line} is no setting with its value", reason="invalid_configuration")
    section, setting, value = found
    variable = next(variable_of(field) for _full, of, name, field in all_fields() if (of, name) == (section, setting))
    if os.environ.get(variable):
        what, name = f"{variable} is set in the environment, which beats any file", f"{section}.{setting}"
        raise ConfigurationError(what, hint=f"set it there: {line}", reason="invalid_configuration", setting=name)
    named = config_file or os.environ.get(CONFIG_FILE)
    path = expanded(named) if named else Path(".env")
    try:
        if not named and path.is_symlink() and not path.resolve().is_relative_to(Path.cwd().resolve()):
            raise ValueError(f"it is a link to {path.resolve()}")  # which may be anybody's file
        text = read_own(path).decode("utf-8-sig") if path.exists() else ""
        text = _with(text, path, (section, setting), variable, value)
        write(path.resolve(), text)
    except (OSError, FileError, ValueError) as error:
        what, hint = f"{path} cannot be written: {error}", f"write it there: {line}"
        raise ConfigurationError(what, hint=hint, reason="cannot_write", file=str(path)) from error
    return path


def _with(text: str, path: Path, place: tuple[str, str], variable: str, value: object) -> str:
    from dotenv import dotenv_values

    if path.suffix.lower() == ".toml":
        return _with_in_toml(text, place, value)
    if path.suffix.lower() == ".json":
        document = json.loads(text or "{}")
        settings = document.setdefault(place[0], {})
        settings[place[1]] = _merged(settings.get(place[1]), value)
        return json.dumps(document, indent=2, ensure_ascii=False) + "\n"
    before = dotenv_values(stream=io.StringIO(text), interpolate=False).get(variable)
    kept = [line for line in text.splitlines() if line.partition("=")[0].strip() != variable]
    whole = json.dumps(_merged(json.loads(before) if before else None, value), ensure_ascii=False)
    quoted = whole.replace("\\", "\\\\").replace("'", "\\'")
    return "\n".join([*kept, f"{variable}='{quoted}'", ""])


def _with_in_toml(text: str, place: tuple[str, str], value: object) -> str:
    """Lines are added, and none is changed."""
    section, setting = place
    known = tomllib.loads(text)
    header = f"[{section}.{setting}]" if isinstance(value, Mapping) else f"[{section}]"
    lines = [f"{json.dumps(key)} = {_toml(one)}" for key, one in value.items()] if isinstance(value, Mapping) else []
    added = "\n".join(lines or [f"{setting} = {_toml(value)}"]) + "\n"
    where = re.search(rf"^{re.escape(header)}[ \t]*(#.*)?\n?", text, re.MULTILINE)
    if where is not None:
        whole = f"{text[: where.end()].rstrip()}\n{added}{text[where.end() :]}"
    elif setting in known.get(section, {}):
        raise ValueError(f"it has {section}.{setting} already")
    else:
        whole = f"{text.rstrip()}\n\n{header}\n{added}".lstrip()
    tomllib.loads(whole)  # a value that is there already stays, and is told
    return whole


def _toml(value: object) -> str:
    """Texts, numbers, truths and lists of them are written as JSON is; of a mapping an inline table."""
    if isinstance(value, Mapping):
        return f"{{ {', '.join(f'{json.dumps(key)} = {_toml(one)}' for key, one in value.items())} }}"
    return json.dumps(value, ensure_ascii=False)


def _merged(before: object, value: object) -> object:
    return {**before, **value} if isinstance(before, Mapping) and isinstance(value, Mapping) else value
