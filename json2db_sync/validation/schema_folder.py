"""A folder of JSON Schemas: which file is whose, and what they refer to. Nothing is ever fetched from elsewhere."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, cast
from urllib.parse import quote, unquote, urldefrag, urljoin

from json2db_sync.atomic_files.reading import read_own
from json2db_sync.errors import ConfigurationError, FileError
from json2db_sync.limits import SCHEMA_FILE
from json2db_sync.model.jsontext import path_text
from json2db_sync.model.plan import entity_name
from json2db_sync.user_paths import located
from json2db_sync.validation.mistakes import place_and_message
from json2db_sync.validation.schema_validators import NotFetched, Schema, require_schema, validator_of
from json2db_sync.validation.schema_words import DRAFTS, TYPES, doubts, draft_of

if TYPE_CHECKING:
    import jsonschema_rs

SUFFIX = ".schema.json"
SETTING = "validation.schema_directory"
_BASE = "https://schemas.invalid/folder/"
"""What references in the folder are relative to; a name that can never exist (RFC 2606)."""
_NAME = re.compile(r"(.+?)(\.schema)?\.json", re.IGNORECASE | re.DOTALL)
_NOT_FOUND = re.compile(r"(?:Pointer|Anchor) '(.*)' does not exist", re.DOTALL)


class SchemaFolder:
    """The schemas of a folder, one an entity: ``<entity>.schema.json``, else ``<entity>.json``.

    A schema may refer to other files of the folder by their relative path, and to a schema there by its ``$id``.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
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

    @property
    def referred(self) -> set[Path]:
        """The files that others refer to, once all validators are made."""
        meant = ((path, self._paths.get(address, path)) for path, _as_written, address, _part in self._all_references())
        return {other for path, other in meant if other != path}

    @property
    def below(self) -> list[str]:
        """Files in folders below that nothing refers to, and so apply to nothing."""
        found = sorted(path for path in self.directory.rglob("*") if _NAME.fullmatch(path.name) and path.is_file())
        used = self.referred | set(self.files.values())
        return [
            path.relative_to(self.directory).as_posix()
            for path in found
            if path.parent != self.directory and path not in used
        ]

    @property
    def doubts(self) -> Iterator[tuple[str, str]]:
        """The name of a file and what in it counts for nothing, once all validators are made."""
        for own, path in self._paths.items():
            yield from ((path.name, said) for said in doubts(self._documents[own]))

    def validators(self) -> Iterator[tuple[str, tuple[str, jsonschema_rs.Validator]]]:
        """Each entity with its file's name and the validator of the schema in it.

        :raises ConfigurationError: when a file is not a schema, or refers to what is not in the folder.
        """
        schemas = {entity: self._read(path) for entity, path in self.files.items()}
        for entity, path in self.files.items():
            yield entity, (path.name, self._validator(path, schemas[entity]))

    def _validator(self, path: Path, schema: Schema) -> jsonschema_rs.Validator:
        self._failure = None
        self._draft = schema.get("$schema") if isinstance(schema, dict) else None
        base = _BASE + quote(path.name)
        try:
            return validator_of(_encoded(schema), self._retrieve, base)
        except NotFetched as error:
            raise (self._failure or self._missing(path, error.reference.removeprefix(_BASE))) from error
        except ValueError as error:
            raise (self._failure or self._without_target(error) or _broken(path, error)) from error

    def _without_target(self, error: ValueError) -> ConfigurationError | None:
        """Of a reference to a part of a file that is not there: who refers to what."""
        if lost := _NOT_FOUND.fullmatch(str(getattr(error, "message", ""))):
            for path, as_written, _address, part in self._all_references():
                if unquote(part) == lost[1]:
                    return _broken(path, f"{lost[0]}, and {as_written} refers to it")
        return None

    def _read(self, path: Path) -> Schema:
        schema = _json_of(path)
        if draft_of(schema) is None and isinstance(schema, dict):
            raise _broken(path, f"Unknown meta-schema {schema['$schema']} in $schema: the drafts {DRAFTS} are known")
        own = _BASE + quote(path.relative_to(self.directory).as_posix())
        id_ = schema.get("$id") if isinstance(schema, dict) else None
        address = urldefrag(urljoin(own, _encoded_text(id_)))[0] if isinstance(id_, str) else own
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
        return _encoded(self._documents[address])

    def _file_at(self, address: str) -> Path:
        inside = self.directory.resolve()
        for base in self._bases:
            path = self.directory / unquote(address.removeprefix(base))
            if address.startswith(base) and path.is_file() and path.resolve().is_relative_to(inside):
                return path
        raise self._missing(*self._referring_to(address))

    def _missing(self, path: Path, reference: str) -> ConfigurationError:
        return ConfigurationError(
            f"{path.name} refers to {reference}, which is not in {self.directory}",
            hint="nothing is fetched: put a copy into the folder, and refer to it there by $ref",
            file=str(path),
            setting=SETTING,
            reason="schema_reference_missing",
        )

    def _read_referred(self, path: Path) -> Schema:
        schema = self._read(path)
        draft = {"$schema": self._draft} if self._draft is not None else {}
        try:
            require_schema({**draft, **schema} if isinstance(schema, dict) else schema)
        except ValueError as error:
            raise _broken(path, error) from error
        return schema

    def _referring_to(self, address: str) -> tuple[Path, str]:
        """The file that refers to an address, and how it writes that."""
        for path, as_written, meant, _part in self._all_references():
            if meant == address:
                return path, as_written
        return self.directory, address

    def _all_references(self) -> Iterator[tuple[Path, str, str, str]]:
        """Of each reference in what was read: the file, how that writes it, and the address and the part meant."""
        for own, path in self._paths.items():
            for as_written in _references(self._documents[own]):
                address, part = urldefrag(urljoin(own, _encoded_text(as_written)))
                yield path, as_written, address, part


def _files_of(directory: Path) -> dict[str, Path]:
    if not directory.is_dir():
        raise ConfigurationError(
            f"the folder of schemas {directory} does not exist"
            if not directory.exists()
            else f"{directory} is not a folder",
            hint=f"check the path (working directory: {located()}), or write one: json2db-sync schema infer",
            file=str(directory),
            setting=SETTING,
            reason="schema_folder_missing",
        )
    found: dict[str, Path] = {}
    try:
        paths = sorted(path for path in directory.iterdir() if _NAME.fullmatch(path.name) and path.name[0] != ".")
    except OSError as error:
        raise _broken(directory, error.strerror or error) from error
    for path in paths:
        if not path.is_file():
            raise _broken(path, "it is not a file, or a link that leads nowhere")
    for path in sorted(paths, key=lambda path: not _is_named(path)):
        entity = entity_name(_NAME.sub(r"\1", path.name))
        other = found.setdefault(entity, path)
        if _is_named(other) == _is_named(path) and other != path:
            raise ConfigurationError(
                f"{other.name} and {path.name} are both schemas of {entity}",
                hint="keep one of them",
                file=str(path),
                setting=SETTING,
                reason="duplicate_schema",
            )
    return found


def _is_named(path: Path) -> bool:
    """Does its name say that it is a schema?"""
    return path.name.lower().endswith(SUFFIX)


def _json_of(path: Path) -> Schema:
    try:
        schema = json.loads(read_own(path, SCHEMA_FILE).decode("utf-8-sig"))
    except OSError as error:
        raise _broken(path, error.strerror or error) from error
    except FileError as error:
        raise _broken(path, error.message) from error
    except (ValueError, RecursionError) as error:  # of JSON and of UTF-8
        raise _broken(path, f"no JSON: {error}") from error
    if not isinstance(schema, dict | bool):
        raise _broken(path, "a schema is an object, or true or false")
    return schema


def _references(schema: object) -> Iterator[str]:
    if isinstance(schema, dict) and isinstance(schema.get("$ref"), str):
        yield schema["$ref"]
    if isinstance(schema, dict | list):
        for value in schema.values() if isinstance(schema, dict) else schema:
            yield from _references(value)


def _encoded(schema: Schema) -> Schema:
    """The same with addresses as addresses are written: people write the names of files."""
    return cast("Schema", _encoded_value(schema))


def _encoded_value(value: object) -> object:
    if isinstance(value, list):
        return [_encoded_value(one) for one in value]
    if not isinstance(value, dict):
        return value
    return {
        key: _encoded_text(one) if key in ("$ref", "$id") and isinstance(one, str) else _encoded_value(one)
        for key, one in value.items()
    }


def _encoded_text(address: str) -> str:
    return quote(re.sub("%(?![0-9A-Fa-f]{2})", "%25", address), safe="%#/:?=&@+,;!$'()*~[]")


def _broken(path: Path, why: object) -> ConfigurationError:
    place, message = place_and_message(why) if hasattr(why, "message") else (None, str(why))
    if 'is not one of "array", "boolean"' in message:
        message = f"{message.partition(' is not one of')[0]} is not valid as a type: {TYPES} are"
    return ConfigurationError(
        f"{path.name} cannot be used as JSON Schema: " + (f"{path_text(place)}: " if place else "") + message,
        hint="correct it there",
        file=str(path),
        path=path_text(place) if place else None,
        setting=SETTING,
        reason="invalid_schema",
    )
