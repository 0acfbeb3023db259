"""A folder of JSON Schemas: which file is whose, and what they refer to. Nothing is ever fetched from elsewhere."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urldefrag, urljoin

from json2db_sync.errors import ConfigurationError
from json2db_sync.model.jsontext import path_text, preview
from json2db_sync.model.plan import entity_name

if TYPE_CHECKING:
    import jsonschema_rs

Schema = dict[str, Any] | bool

SUFFIX = ".schema.json"
_SETTING = "validation.schema_directory"
_BASE = "https://schemas.invalid/"
"""What references in the folder are relative to; a name that can never exist (RFC 2606)."""
MASK = "\ufdd0"
"""Stands for the value at fault in a validator's messages. (No character: no text is meant to hold it.)"""


class SchemaFolder:
    """The schemas of a folder, one an entity: ``<entity>.schema.json``, else ``<entity>.json``.

    A schema may refer to other files of the folder by their relative path, and to a schema there by its ``$id``.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self.files = _files_of(directory)
        """Entity -> file."""
        self._documents: dict[str, Schema] = {}
        """Address -> schema, of every file that was read."""
        self._paths: dict[str, Path] = {}
        """Address -> file; a file without ``$id`` is known by its path in the folder."""
        self._bases = [_BASE]
        self._draft: object = None
        """What the schema at hand says that it is written in; files it refers to may leave that out."""
        self._failure: ConfigurationError | None = None

    def validators(self) -> Iterator[tuple[str, tuple[str, jsonschema_rs.Validator]]]:
        """Each entity with its file's name and the validator of the schema in it.

        :raises ConfigurationError: when a file is not a schema, or refers to what is not in the folder.
        """
        schemas = {entity: self._read(path) for entity, path in self.files.items()}
        for entity, path in self.files.items():
            yield entity, (path.name, self._validator(path, schemas[entity]))

    def _validator(self, path: Path, schema: Schema) -> jsonschema_rs.Validator:
        import jsonschema_rs

        self._failure = None
        self._draft = schema.get("$schema") if isinstance(schema, dict) else None
        try:
            return jsonschema_rs.validator_for(
                schema, validate_formats=True, retriever=self._retrieve, base_uri=_BASE + path.name, mask=MASK
            )
        except ValueError as error:
            raise (self._failure or _broken(path, error)) from error

    def _read(self, path: Path) -> Schema:
        schema = _json_of(path)
        own = _BASE + path.relative_to(self._directory).as_posix()
        id_ = schema.get("$id") if isinstance(schema, dict) else None
        address = urldefrag(urljoin(own, id_))[0] if isinstance(id_, str) else own
        self._documents[own] = self._documents[address] = schema
        self._paths[address] = path
        base = urljoin(address, ".")
        if base not in self._bases:
            self._bases.append(base)
        return schema

    def _retrieve(self, uri: str) -> Schema:
        """What a reference names, for the validator."""
        address = urldefrag(uri)[0]
        if address not in self._documents:
            try:
                self._documents[address] = self._read_referred(self._file_at(address))
            except ConfigurationError as error:  # the validator would make a mere text of it
                self._failure = error
                raise
        return self._documents[address]

    def _file_at(self, address: str) -> Path:
        inside = self._directory.resolve()
        for base in self._bases:
            path = self._directory / unquote(address.removeprefix(base))
            if address.startswith(base) and path.is_file() and path.resolve().is_relative_to(inside):
                return path
        path, reference = self._referring_to(address)
        raise ConfigurationError(
            f"{path.name} refers to {reference}, which is not in {self._directory}",
            hint="a schema may refer to its own parts and to other files of its folder; put a copy there",
            file=str(path),
            setting=_SETTING,
            reason="schema_reference_missing",
        )

    def _read_referred(self, path: Path) -> Schema:
        import jsonschema_rs

        schema = self._read(path)
        draft = {"$schema": self._draft} if self._draft is not None else {}
        try:
            jsonschema_rs.meta.validate({**draft, **schema} if isinstance(schema, dict) else schema)
        except ValueError as error:
            raise _broken(path, error) from error
        return schema

    def _referring_to(self, address: str) -> tuple[Path, str]:
        """The file that refers to an address, and how it writes that."""
        for own, path in self._paths.items():
            for reference in _references(self._documents[own]):
                if urldefrag(urljoin(own, reference))[0] == address:
                    return path, reference
        return self._directory, address


def message_of(error: Any) -> str:
    """What a validator says of a value, the value shortened."""
    return str(error.message).replace(MASK, preview(error.instance), 1)


def _files_of(directory: Path) -> dict[str, Path]:
    if not directory.is_dir():
        raise ConfigurationError(
            f"the folder of schemas {directory} does not exist"
            if not directory.exists()
            else f"{directory} is not a folder",
            hint=f"check the path (working directory: {Path.cwd()}), or write one: json2db-sync schema infer",
            file=str(directory),
            setting=_SETTING,
            reason="schema_folder_missing",
        )
    found: dict[str, Path] = {}
    try:
        paths = sorted(path for path in directory.iterdir() if path.suffix == ".json" and path.name[0] != ".")
    except OSError as error:
        raise _broken(directory, error.strerror or error) from error
    for path in paths:
        if not path.is_file():
            raise _broken(path, "it is not a file, or a link that leads nowhere")
    for path in sorted(paths, key=lambda path: not path.name.endswith(SUFFIX)):
        entity = entity_name(path.name.removesuffix(".json").removesuffix(".schema"))
        other = found.setdefault(entity, path)
        if other.name.endswith(SUFFIX) == path.name.endswith(SUFFIX) and other != path:
            raise ConfigurationError(
                f"{other.name} and {path.name} are both schemas of {entity}",
                hint="keep one of them",
                file=str(path),
                setting=_SETTING,
                reason="duplicate_schema",
            )
    return found


def _json_of(path: Path) -> Schema:
    try:
        schema = json.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise _broken(path, error.strerror or error) from error
    except (ValueError, RecursionError) as error:  # of JSON and of UTF-8
        raise _broken(path, f"no JSON: {error}") from error
    if not isinstance(schema, dict | bool):
        raise _broken(path, "a schema is an object, or true or false")
    return schema


def _references(schema: object) -> Iterator[str]:
    if isinstance(schema, dict):
        for key, value in schema.items():
            if key == "$ref" and isinstance(value, str):
                yield value
            else:
                yield from _references(value)
    elif isinstance(schema, list):
        for value in schema:
            yield from _references(value)


def _broken(path: Path, why: object) -> ConfigurationError:
    place = getattr(why, "instance_path", None)
    message = message_of(why) if hasattr(why, "message") else str(why)
    return ConfigurationError(
        f"{path.name} cannot be used as JSON Schema: " + (f"{path_text(place)}: " if place else "") + message,
        hint="correct it there",
        file=str(path),
        path=path_text(place) if place else None,
        setting=_SETTING,
        reason="invalid_schema",
    )
