"""Configuration: every setting once, from arguments, environment, ``.env``, a file and defaults, in this order.

Each setting has a flat variable (``JSON2DB_BATCH_SIZE``) and a place in a section of the JSON or TOML file
(``{"processing": {"batch_size": 2000}}``).
"""

from __future__ import annotations

import difflib
import json
import os
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, InitSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict

from json2db_sync.errors import ConfigurationError

PREFIX = "JSON2DB_"
CONFIG_FILE = f"{PREFIX}CONFIG_FILE"
_OTHERS = (CONFIG_FILE, f"{PREFIX}TEST_")
"""Variables that bear our prefix and are no settings."""


def _json_text(value: Any) -> Any:
    """A variable holds a mapping or list as JSON text."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value) if value.strip() else {}
    except ValueError as error:
        raise ValueError(f"must be JSON text: {error}") from error


def _field_names(value: Any) -> Any:
    """The fields of a key: one name, or several as a list or separated by commas."""
    if isinstance(value, str):
        return tuple(name.strip() for name in value.split(",") if name.strip())
    return value


KeyFields = Annotated[tuple[str, ...], BeforeValidator(_field_names), Field(min_length=1)]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)


def _setting(default: Any, variable: str, description: str, **limits: Any) -> Any:
    extra = {"variable": PREFIX + variable}
    return Field(default, description=description, json_schema_extra=extra, **limits)  # type: ignore[arg-type]


class DataSourceSettings(_Section):
    """Where JSON comes from."""

    type: Literal["auto", "api_sync", "consolidated", "directory"] = _setting(
        "auto",
        "DATA_SOURCE_TYPE",
        "What to look for: auto, api_sync (sessions), consolidated (raw_json), directory",
    )
    api_sync_base_path: Path = _setting(
        Path("../api_sync/data/sync_sessions"),
        "API_SYNC_PATH",
        "The api_sync base, its sync_sessions folder, one session, or any folder or file",
    )
    consolidated_path: Path | None = _setting(
        None,
        "CONSOLIDATED_PATH",
        "The consolidated raw_json folder, where it is not beside or above the sessions",
    )
    json_directory_path: Path | None = _setting(
        None, "JSON_DIRECTORY_PATH", "A plain folder of JSON files, read when type is directory"
    )
    prefer_session_based: bool = _setting(
        True, "PREFER_SESSION_BASED", "Sessions before consolidated data; false turns the order round"
    )
    include_failed: bool = _setting(False, "INCLUDE_FAILED", "Load files whose metadata says that their sync failed")
    entities: Annotated[dict[str, str], BeforeValidator(_json_text)] = _setting(
        {}, "ENTITIES", 'Pattern of file names to entity, as JSON: {"artworks/*.json": "artworks"}'
    )


class DatabaseSection(_Section):
    """Where tables live."""

    path: str = _setting(
        "../data/database/production.db",
        "DATABASE_PATH",
        "Path of an SQLite file, or a URL: postgresql://user:password@host/name",
        min_length=1,
    )
    backup_before_operations: bool = _setting(
        False, "BACKUP_BEFORE_OPERATIONS", "Back up before populating (recreating always does)"
    )
    backup_directory: Path | None = _setting(
        None, "BACKUP_DIRECTORY", "Where SQLite backups go; by default backups beside the database"
    )
    table_prefix: str = _setting(
        "json_", "TABLE_PREFIX", "What the names of tables begin with", pattern=r"^[a-z_][a-z0-9_]{0,19}$"
    )
    busy_timeout: float = _setting(
        5.0, "BUSY_TIMEOUT", "Seconds to wait for another program's transaction", ge=0, le=3600
    )

    def __repr_args__(self) -> Iterable[tuple[str | None, Any]]:
        for name, value in super().__repr_args__():
            yield name, _shown("database.path", value) if name == "path" else value


class ProcessingSettings(_Section):
    """How records become rows."""

    session_max_age: float | None = _setting(
        None, "SESSION_MAX_AGE", "Hours: only sessions at most this old; beaten by cutoff_days", gt=0
    )
    default_cutoff_days: float | None = _setting(
        None,
        "DEFAULT_CUTOFF_DAYS",
        "Days: only sessions at most this old; beaten by the other two; unset: all",
        gt=0,
    )
    enable_duplicate_prevention: bool = _setting(
        True, "ENABLE_DUPLICATE_PREVENTION", "Leave unchanged records untouched; false rewrites every record"
    )
    skip_existing_records: bool = _setting(
        False, "SKIP_EXISTING_RECORDS", "Never compare or change a record whose key is stored"
    )
    batch_size: int = _setting(1000, "BATCH_SIZE", "Records stored at a time", ge=1, le=100_000)
    memory_limit: int = _setting(
        512, "MEMORY_LIMIT", "MB of memory to stay within; a single record may take an eighth", ge=16
    )
    child_depth: int = _setting(
        1,
        "CHILD_DEPTH",
        "Levels of arrays of objects that become tables; 0: none, they are JSON columns",
        ge=0,
        le=5,
    )
    max_columns: int = _setting(
        400,
        "MAX_COLUMNS",
        "Keys of a record that get a column; the rarest beyond go into one JSON column",
        ge=1,
        le=1500,
    )
    keys: Annotated[dict[str, KeyFields], BeforeValidator(_json_text)] = _setting(
        {},
        "KEYS",
        'Key fields where the guess is wrong, as JSON: {"playlist_track": ["PlaylistId", "TrackId"]}',
    )


class LoggingSettings(_Section):
    """What is written down."""

    level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = _setting(
        "INFO", "LOG_LEVEL", "Least important level that goes into the log file"
    )
    file: Path | None = _setting(None, "LOG_FILE", "A file to log to; unset: none")


class JSON2DBConfig(BaseSettings):
    """All settings. Sections given as arguments beat everything else::

        JSON2DBConfig(config_file="production.json", processing={"batch_size": 2000})

    :param config_file: a JSON or TOML file; ``JSON2DB_CONFIG_FILE`` names one too.
    :raises ConfigurationError: naming the setting, where its value came from and what would be right.
    """

    model_config = SettingsConfigDict(extra="forbid", frozen=True)

    data_source: DataSourceSettings = DataSourceSettings()
    database: DatabaseSection = DatabaseSection()
    processing: ProcessingSettings = ProcessingSettings()
    logging: LoggingSettings = LoggingSettings()

    _layers: tuple[Layer, ...] = ()

    def __init__(self, config_file: str | os.PathLike[str] | None = None, **sections: Any) -> None:
        layers = tuple(_layers(config_file, sections))
        try:
            super().__init__(layers=layers)  # for settings_customise_sources alone
        except ValidationError as error:
            raise _explain(error, layers) from error
        self._layers = layers

    @classmethod
    def settings_customise_sources(  # type: ignore[override]  # pydantic passes the stock sources by name
        cls, settings_cls: type[BaseSettings], init_settings: InitSettingsSource, **_stock: PydanticBaseSettingsSource
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return tuple(_LayerSource(settings_cls, layer) for layer in init_settings.init_kwargs["layers"])

    def settings(self) -> Iterator[Setting]:
        """Every setting with its value, variable and where the value came from; passwords masked."""
        for name, section, setting, field in _all_fields():
            layer = next((layer for layer in self._layers if setting in layer.values.get(section, {})), None)
            value = getattr(getattr(self, section), setting)
            yield Setting(
                name,
                _shown(name, value),
                layer.name if layer else "default",
                _variable(field),
                field.description or "",
            )

    def get_session_json_directories(self) -> list[Path]:
        """The folders that hold data: each session's stamps, oldest first, else the consolidated ones.

        An empty list where there are none, or none inside the configured window.
        """
        from json2db_sync.errors import NoDataFound
        from json2db_sync.sources import discover, window

        limits = window(
            session_max_age=self.processing.session_max_age,
            default_cutoff_days=self.processing.default_cutoff_days,
        )
        try:
            return discover(self.source_settings(), limits).folders
        except NoDataFound:
            return []

    def source_settings(self, data_source: str | os.PathLike[str] | None = None) -> Any:
        """What discovery needs, for a path given now or the one configured."""
        from json2db_sync.sources import SourceSettings

        section = self.data_source
        path = section.api_sync_base_path
        if section.type == "directory" and section.json_directory_path is not None:
            path = section.json_directory_path
        return SourceSettings(
            type=section.type,
            path=Path(data_source) if data_source is not None else path,
            consolidated_path=section.consolidated_path,
            prefer_session_based=section.prefer_session_based,
            include_failed=section.include_failed,
            entities=section.entities,
        )


@dataclass(frozen=True)
class Setting:
    """One setting as ``config show`` prints it."""

    name: str
    value: str
    origin: str
    variable: str
    description: str


@dataclass(frozen=True)
class Layer:
    """The settings that come from one place."""

    name: str
    """``argument``, ``environment``, or the file."""
    values: Mapping[str, Mapping[str, Any]]
    """By section and setting."""
    written: Callable[[str], str] = str
    """How a setting's name (``processing.batch_size``) is written there."""


class _LayerSource(PydanticBaseSettingsSource):
    def __init__(self, settings_cls: type[BaseSettings], layer: Layer) -> None:
        super().__init__(settings_cls)
        self._layer = layer

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        return self._layer.values.get(field_name), field_name, False

    def __call__(self) -> dict[str, Any]:
        return {section: dict(values) for section, values in self._layer.values.items()}


def _all_fields() -> Iterator[tuple[str, str, str, FieldInfo]]:
    """(``processing.batch_size``, section, setting, field) of every setting."""
    for section, outer in JSON2DBConfig.model_fields.items():
        assert isinstance(outer.annotation, type)
        assert issubclass(outer.annotation, BaseModel)
        for setting, field in outer.annotation.model_fields.items():
            yield f"{section}.{setting}", section, setting, field


def _variable(field: FieldInfo) -> str:
    assert isinstance(field.json_schema_extra, dict)
    return str(field.json_schema_extra["variable"])


def _layers(config_file: str | os.PathLike[str] | None, sections: Mapping[str, Any]) -> Iterator[Layer]:
    given = {name: value.model_dump() if isinstance(value, BaseModel) else value for name, value in sections.items()}
    yield Layer("argument", _checked(given, "argument"))
    yield Layer("environment", _from_variables(os.environ, "environment"), _variable_of)
    dotenv = _read_dotenv()
    yield Layer(".env", _from_variables(dotenv, ".env"), _variable_of)
    path = config_file or os.environ.get(CONFIG_FILE) or dotenv.get(CONFIG_FILE)
    if path:
        yield Layer(str(path), _checked(_read_file(Path(path)), str(path)))


def _variable_of(name: str) -> str:
    return next((_variable(field) for full, _s, _n, field in _all_fields() if full == name), name)


def _from_variables(variables: Mapping[str, str | None], origin: str) -> dict[str, dict[str, Any]]:
    places = {_variable(field): (section, setting) for _name, section, setting, field in _all_fields()}
    found: dict[str, dict[str, Any]] = {}
    for variable, value in variables.items():
        if not variable.startswith(PREFIX) or variable.startswith(_OTHERS):
            continue  # another program's
        if variable not in places:
            raise _unknown(variable, origin, places)
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
        raise ConfigurationError(f".env cannot be read: {error}", hint="correct or remove it", file=".env") from error


def _read_file(path: Path) -> Any:
    path = path.expanduser()
    try:
        text = path.read_text(encoding="utf-8-sig")
        return tomllib.loads(text) if path.suffix.lower() == ".toml" else json.loads(text)
    except OSError as error:
        raise ConfigurationError(
            f"cannot read the configuration file {path}: {error.strerror}",
            hint=f"check the path (working directory: {Path.cwd()})",
            file=str(path),
        ) from error
    except ValueError as error:  # of JSON, TOML and UTF-8 alike
        raise ConfigurationError(
            f"the configuration file {path} cannot be read: {error}", hint="correct it there", file=str(path)
        ) from error


def _checked(values: Any, origin: str) -> dict[str, dict[str, Any]]:
    """The same values if all sections and settings exist; keys that begin with an underscore are comments."""
    if not isinstance(values, dict):
        raise ConfigurationError(f'{origin}: sections are wanted, such as {{"database": {{...}}}}', file=origin)
    known: dict[str, list[str]] = {}
    for _name, section, setting, _field in _all_fields():
        known.setdefault(section, []).append(setting)
    found: dict[str, dict[str, Any]] = {}
    for section, settings in values.items():
        if section.startswith("_"):
            continue
        if section not in known:
            raise _unknown(section, origin, known)
        if not isinstance(settings, dict):
            raise ConfigurationError(f"{origin}: {section} must hold settings, not {settings!r}", setting=section)
        kept = {name: value for name, value in settings.items() if not name.startswith("_")}
        for name in kept:
            if name not in known[section]:
                raise _unknown(f"{section}.{name}", origin, [f"{section}.{known}" for known in known[section]])
        found[section] = kept
    return found


def _unknown(name: str, origin: str, known: Any) -> ConfigurationError:
    near = difflib.get_close_matches(name, list(known), 1, 0.5)
    listed = f"did you mean {near[0]}?" if near else f"known are {', '.join(known)}"
    return ConfigurationError(f"there is no setting {name} ({origin})", hint=listed, setting=name)


def _explain(error: ValidationError, layers: tuple[Layer, ...]) -> ConfigurationError:
    first = error.errors()[0]
    section, setting = str(first["loc"][0]), str(first["loc"][1]) if len(first["loc"]) > 1 else ""
    name = f"{section}.{setting}"
    layer = next((layer for layer in layers if setting in layer.values.get(section, {})), None)
    value = layer.values[section][setting] if layer else None
    fields = {full: field for full, _s, _n, field in _all_fields()}
    description = fields[name].description if name in fields else None
    message = first["msg"].removeprefix("Value error, ")
    written = layer.written(name) if layer else name
    return ConfigurationError(
        f"{written} = {_shown(name, value)} is wrong: {message[0].lower()}{message[1:]}"
        + (f" (from {layer.name})" if layer else ""),
        hint=f"{name} is: {description}" if description else None,
        setting=name,
    )


def _shown(name: str, value: Any) -> str:
    if name == "database.path" and value is not None:
        from json2db_sync.databases.urls import mask

        return mask(str(value))
    return "" if value is None else json.dumps(value, default=str) if isinstance(value, dict | list) else str(value)


__all__ = ["JSON2DBConfig", "Layer", "Setting"]
