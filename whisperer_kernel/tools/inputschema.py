"""What a client's own tool takes, as it declares it: a JSON schema that nobody here wrote.

Nothing that it refers to is fetched, and it is applied within a bound: neither a schema nor what a model writes keeps
this process busy.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from functools import cache
from typing import Any

import msgspec
import regex
from jsonschema import Draft3Validator, Draft4Validator, Draft202012Validator, FormatChecker
from jsonschema.exceptions import SchemaError, ValidationError, best_match
from jsonschema.protocols import Validator
from jsonschema.validators import extend, validator_for
from referencing import Registry, Resource
from referencing.exceptions import Unresolvable
from referencing.jsonschema import DRAFT202012, SchemaRegistry, specification_with

MAX_BYTES = 32_768
MAX_DEPTH = 40
MAX_PATTERN_CHARS = 1_000
CPU_S = 0.5
"""How long a check may take, in CPU time of the thread that does it."""
MAX_WORDS = 500

_REFERENCES = ("$ref", "$dynamicRef", "$recursiveRef")
# What these take for a schema cannot be relied on: a reference may be a list.
_OLD = (Draft3Validator, Draft4Validator)
_NOTHING: SchemaRegistry = Registry()
# When the check that runs is given up, in the CPU time of its thread.
_until: ContextVar[float] = ContextVar("until")

Keyword = Callable[[Validator, Any, Any, Any], Iterator[ValidationError] | None]


class UnfitSchema(ValueError):
    """A schema that cannot be applied here; says why, to be put after its name."""


class InputSchema:
    """A schema by which arguments are checked. Raises ``UnfitSchema`` where it is none, or none that is safe."""

    def __init__(self, schema: dict[str, Any]) -> None:
        _check_size(schema)
        kind = _kind(schema)
        _check_parts(schema, kind)
        self._validator = _bounded(kind)(schema, registry=_NOTHING)
        properties = schema.get("properties", {})
        self.names = {*properties}
        """The names of the arguments that it describes."""
        self._defaults = {
            name: given["default"]
            for name, given in properties.items()
            if isinstance(given, dict) and "default" in given
        }
        try:
            self._error({})
        except TimeoutError as error:
            raise UnfitSchema("takes too long to be applied") from error

    def complete(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """The arguments with the defaults that the schema names."""
        return {**self._defaults, **arguments}

    def violation(self, arguments: dict[str, Any]) -> str | None:
        """What is wrong with the arguments; None where they are as declared."""
        try:
            error = self._error(arguments)
        except TimeoutError:
            return "they take too long to be checked"
        return None if error is None else _words(error)

    def _error(self, arguments: dict[str, Any]) -> ValidationError | None:
        """The error that says most. Raises ``TimeoutError``."""
        _until.set(time.thread_time() + CPU_S)
        try:
            found: ValidationError | None = best_match(self._validator.iter_errors(arguments))
        except RecursionError as error:
            raise TimeoutError from error
        return found


def _check_size(schema: dict[str, Any]) -> None:
    depth, level = 0, list[Any]([schema])
    while level:
        depth += 1
        if depth > MAX_DEPTH:
            raise UnfitSchema(f"is nested deeper than {MAX_DEPTH} levels")
        insides = (value.values() if isinstance(value, dict) else value for value in level)
        level = [inner for inside in insides for inner in inside if isinstance(inner, dict | list)]
    try:
        size = len(msgspec.json.encode(schema))
    except UnicodeEncodeError as error:
        raise UnfitSchema("holds half a character (a lone surrogate)") from error
    if size > MAX_BYTES:
        raise UnfitSchema(f"is too large: {size:,} bytes, {MAX_BYTES:,} are the most")


def _kind(schema: dict[str, Any]) -> type[Validator]:
    """The validator of the schema's draft."""
    if not isinstance(schema.get("$schema", ""), str):
        raise UnfitSchema("is no JSON schema: $schema is not a string")
    kind = validator_for(schema, default=Draft202012Validator)
    if kind in _OLD:
        raise UnfitSchema("is of a draft older than 6")
    return kind


def _check_parts(schema: dict[str, Any], kind: type[Validator]) -> None:
    """The schema, every schema in it, and what they refer to, which may stand anywhere in it."""
    specification = specification_with(str(schema.get("$schema", "")), default=DRAFT202012)
    look_up = _NOTHING.with_resource("", specification.create_resource(schema)).resolver().lookup
    seen: set[int] = set()
    roots: list[Any] = [schema]
    while roots:
        root = roots.pop()
        if id(root) not in seen:
            _check_schema(root, kind)
            for part in _parts(specification.create_resource(root), seen):
                _check_part(part, is_root=part is schema)
                roots += _targets(part, look_up)


def _parts(root: Resource[Any], seen: set[int]) -> Iterator[dict[str, Any]]:
    """A schema and every schema in it, but for those that were seen."""
    resources = [root]
    while resources:
        resource = resources.pop()
        if isinstance(resource.contents, dict) and id(resource.contents) not in seen:
            seen.add(id(resource.contents))
            yield resource.contents
        resources += resource.subresources()


def _check_schema(schema: Any, kind: type[Validator]) -> None:
    try:
        # Without formats: they would have patterns compiled by another engine than the one that is used here.
        kind.check_schema(schema, format_checker=FormatChecker(()))  # type: ignore[call-arg] # the protocol knows less
    except SchemaError as error:
        raise UnfitSchema(f"is no JSON schema: {_words(error)}") from error


def _targets(part: dict[str, Any], look_up: Callable[[str], Any]) -> Iterator[Any]:
    """What a schema refers to."""
    for reference in (part[name] for name in _REFERENCES if isinstance(part.get(name), str)):
        shown = reference[:MAX_WORDS]
        if not reference.startswith("#"):
            raise UnfitSchema(f"refers to {shown}, and nothing is fetched")
        try:
            yield look_up(reference).contents
        except Unresolvable as error:
            raise UnfitSchema(f"refers to {shown}, which is not in it") from error


def _check_part(part: dict[str, Any], *, is_root: bool) -> None:
    if "$id" in part and not is_root:
        raise UnfitSchema("holds a schema with an $id of its own, from where references go elsewhere")
    if "patternProperties" in part:
        raise UnfitSchema("uses patternProperties, which is not supported; use propertyNames")
    if "pattern" in part:
        _check_pattern(part["pattern"])


def _check_pattern(pattern: str) -> None:
    if len(pattern) > MAX_PATTERN_CHARS:
        raise UnfitSchema(f"has a pattern of more than {MAX_PATTERN_CHARS:,} characters")
    try:
        regex.compile(pattern)
    except (regex.error, RecursionError) as error:
        raise UnfitSchema(f"has a pattern that is no regular expression: {pattern[:MAX_WORDS]}") from error


@cache
def _bounded(kind: type[Validator]) -> type[Validator]:
    """A validator of this draft that gives up when it has taken too long."""
    keywords = {**kind.VALIDATORS, "pattern": _pattern, "uniqueItems": _unique_items}
    bounded: type[Validator] = extend(kind, {name: _within_time(check) for name, check in keywords.items()})  # type: ignore[no-untyped-call]
    return bounded


def _within_time(check: Keyword) -> Keyword:
    def checked(validator: Validator, value: Any, instance: Any, schema: Any) -> Iterator[ValidationError] | None:
        if time.thread_time() > _until.get():
            raise TimeoutError
        return check(validator, value, instance, schema)

    return checked


def _pattern(validator: Validator, pattern: str, instance: Any, _schema: Any) -> Iterator[ValidationError]:
    """With an engine that can be told to give up; Python's own cannot."""
    left = max(_until.get() - time.thread_time(), 0.001)
    if validator.is_type(instance, "string") and not regex.search(pattern, instance, timeout=left, concurrent=True):
        yield ValidationError(f"{instance!r} does not match {pattern!r}")


def _unique_items(validator: Validator, wanted: bool, instance: Any, _schema: Any) -> Iterator[ValidationError]:  # noqa: FBT001 - a keyword's value
    """Without comparing each item with each other, as the library does."""
    if wanted and validator.is_type(instance, "array"):
        different = {msgspec.json.encode(item, order="deterministic") for item in instance}
        if len(different) < len(instance):
            yield ValidationError(f"{instance!r} has non-unique elements")


def _words(error: ValidationError | SchemaError) -> str:
    """The error's place and message, bounded: the message shows what was given."""
    place = ".".join(map(str, error.absolute_path))
    message = error.message if len(error.message) <= MAX_WORDS else f"{error.message[:MAX_WORDS]} …"
    return f"{place}: {message}" if place else message
