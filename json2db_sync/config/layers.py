"""Where settings come from: arguments, the environment, ``.env`` and a file. Each place is a layer of values.

What is wrong in one is told with the place it came from, and with what would be right.
"""

from __future__ import annotations

import json
import os
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ValidationError

from json2db_sync.config.sections import PREFIX, all_fields, variable_of
from json2db_sync.config.values import shown
from json2db_sync.errors import ConfigurationError
from json2db_sync.text import did_you_mean

CONFIG_FILE = f"{PREFIX}CONFIG_FILE"
_OTHERS = (CONFIG_FILE, f"{PREFIX}TEST_")
"""Variables that bear our prefix and are not settings."""
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


def layers(config_file: str | os.PathLike[str] | None, sections: Mapping[str, object]) -> Iterator[Layer]:
    """All layers, the strongest first."""
    given = {name: value.model_dump() if isinstance(value, BaseModel) else value for name, value in sections.items()}
    yield Layer("argument", _checked(given, "argument"))
    yield Layer("environment", _from_variables(os.environ, "environment"), _written_as_variable)
    dotenv = _read_dotenv()
    yield Layer(".env", _from_variables(dotenv, ".env"), _written_as_variable)
    path = config_file or os.environ.get(CONFIG_FILE) or dotenv.get(CONFIG_FILE)
    if path:
        yield Layer(str(path), _checked(_read_file(Path(path)), str(path)))


def _written_as_variable(name: str) -> str:
    return next((variable_of(field) for full, _s, _n, field in all_fields() if full == name), name)


def _from_variables(variables: Mapping[str, str | None], origin: str) -> Values:
    places = {variable_of(field): (section, setting) for _name, section, setting, field in all_fields()}
    found: Values = {}
    for variable, value in variables.items():
        if not variable.startswith(PREFIX) or variable.startswith(_OTHERS):
            continue  # another program's
        if variable not in places:
            raise unknown(variable, origin, places)
        if value:
            section, setting = places[variable]
            found.setdefault(section, {})[setting] = value
    return found


def _read_dotenv() -> dict[str, str | None]:
    from dotenv import dotenv_values

    path = Path(".env")
    try:
        if not path.is_file():
            return {}
        return dict(dotenv_values(path, interpolate=False, encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(
            f".env cannot be read: {error}", hint="correct or remove it", reason="cannot_read", file=".env"
        ) from error


def _read_file(path: Path) -> object:
    path = path.expanduser()
    try:
        text = path.read_text(encoding="utf-8-sig")
        found: object = tomllib.loads(text) if path.suffix.lower() == ".toml" else json.loads(text)
        return found
    except OSError as error:
        raise ConfigurationError(
            f"cannot read the configuration file {path}: {error.strerror}",
            hint=f"check the path (working directory: {Path.cwd()})",
            reason="cannot_read",
            file=str(path),
        ) from error
    except ValueError as error:  # of JSON, TOML and UTF-8 alike
        raise ConfigurationError(
            f"the configuration file {path} cannot be read: {error}",
            hint="correct it there",
            reason="invalid_configuration",
            file=str(path),
        ) from error


def _checked(values: object, origin: str) -> Values:
    """The same values if all sections and settings exist; keys that begin with an underscore are comments."""
    if not isinstance(values, dict):
        raise ConfigurationError(
            f'{origin}: sections are wanted, such as {{"database": {{...}}}}',
            reason="invalid_configuration",
            file=origin,
        )
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
            raise ConfigurationError(
                f"{origin}: {section} must hold settings, not {settings!r}",
                reason="invalid_configuration",
                setting=section,
            )
        kept = {name: value for name, value in settings.items() if not name.startswith("_")}
        for name in kept:
            if name not in known[section]:
                raise unknown(f"{section}.{name}", origin, [f"{section}.{known}" for known in known[section]])
        found[section] = kept
    return found


def unknown(name: str, origin: str, known: Iterable[str]) -> ConfigurationError:
    """The error for a setting that does not exist, with the nearest name that does."""
    listed = did_you_mean(name, known) or f"known are {', '.join(known)}"
    return ConfigurationError(
        f"there is no setting {name} ({origin})", hint=listed, reason="unknown_setting", setting=name
    )


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
    return ConfigurationError(
        f"{written} = {shown(name, value)} is wrong: {message[0].lower()}{message[1:]}"
        + (f" (from {layer.name})" if layer else ""),
        hint=f"{name} is: {description}" if description else None,
        reason="invalid_value",
        setting=name,
    )
