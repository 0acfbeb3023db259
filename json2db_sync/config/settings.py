"""JSON2DBConfig: all settings together, each from the strongest layer that has it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError
from pydantic_settings import BaseSettings, InitSettingsSource, PydanticBaseSettingsSource

from json2db_sync.config.layers import Layer, dotenv_notes, explain, layers
from json2db_sync.config.sections import Sections, all_fields, variable_of
from json2db_sync.config.values import shown
from json2db_sync.limits import Limits
from json2db_sync.results.messages import Note
from json2db_sync.user_paths import expanded

if TYPE_CHECKING:
    from json2db_sync.sources import SourceSettings


class JSON2DBConfig(Sections):
    """All settings. Sections given as arguments beat everything else::

        JSON2DBConfig(config_file="production.json", processing={"batch_size": 2000})

    :param config_file: a JSON or TOML file; ``JSON2DB_CONFIG_FILE`` names one too.
    :param dotenv: obey ``.env`` in the working directory? A server does not, whose folder others may write into.
    :raises ConfigurationError: naming the setting, where its value came from and what would be right.
    """

    _layers: tuple[Layer, ...] = ()
    _reads_dotenv: bool = True

    def __init__(
        self, config_file: str | os.PathLike[str] | None = None, *, dotenv: bool = True, **sections: Any
    ) -> None:
        found = tuple(layers(config_file, sections, dotenv=dotenv))
        try:
            super().__init__(layers=found)  # type: ignore[call-arg]  # for settings_customise_sources alone
        except ValidationError as error:
            raise explain(error, found) from None  # it tells the value
        self._layers = found
        self._reads_dotenv = dotenv

    @classmethod
    def settings_customise_sources(  # type: ignore[override]  # pydantic passes the stock sources by name
        cls, settings_cls: type[BaseSettings], init_settings: InitSettingsSource, **_stock: PydanticBaseSettingsSource
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return tuple(InitSettingsSource(settings_cls, layer.values) for layer in init_settings.init_kwargs["layers"])

    def settings(self) -> Iterator[Setting]:
        """Every setting with its value, variable and where the value came from; passwords masked."""
        for name, section, setting, field in all_fields():
            layer = next((layer for layer in self._layers if layer.has(section, setting)), None)
            value = getattr(getattr(self, section), setting)
            origin = layer.name if layer else "default"
            yield Setting(name, shown(name, value), origin, variable_of(field), field.description or "")

    @property
    def notes(self) -> tuple[Note, ...]:
        """What deserves a look of the places that settings come from: a ``.env`` of others, or that others read."""
        return tuple(dotenv_notes()) if self._reads_dotenv else ()

    @property
    def file(self) -> Path | None:
        """The file of settings, if there is one."""
        others = ("argument", "environment", ".env")
        return next((Path(layer.name) for layer in self._layers if layer.name not in others), None)

    def get_session_json_directories(self) -> list[Path]:
        """The folders that hold data: each session's stamps, oldest first, else the consolidated ones.

        An empty list where there are none, or none inside the configured window.
        """
        from json2db_sync.errors import NoDataFound
        from json2db_sync.sources import discover, window

        limits = window(
            session_max_age=self.processing.session_max_age, default_cutoff_days=self.processing.default_cutoff_days
        )
        try:
            return discover(self.source_settings(), limits).folders
        except NoDataFound:
            return []

    @property
    def fallback_directory(self) -> Path:
        """The folder of the exports that answer in place of the database."""
        return expanded(self.fallback.directory or self.export.directory)

    @property
    def reading_limits(self) -> Limits:
        """What the files that are read must keep to."""
        return Limits(self.processing.memory_limit * 2**20, **self.limits.model_dump())

    def source_settings(self, data_source: str | os.PathLike[str] | None = None) -> SourceSettings:
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
            order=section.order,
            folder_column=section.folder_column,
            name=section.name,
        )


@dataclass(frozen=True)
class Setting:
    """One setting as ``config show`` prints it."""

    name: str
    value: str
    origin: str
    variable: str
    description: str
