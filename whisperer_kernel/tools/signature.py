"""What a function says of the tool that is made of it: its name, its docstring, and its typed parameters."""

from __future__ import annotations

import inspect
import re
import typing
from collections.abc import Callable
from typing import Any

import msgspec

from whisperer_kernel.tools.call import TOOL_NAME, ToolSchema

_POSITIONAL = {inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD}
_NAMED = {inspect.Parameter.KEYWORD_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD}


class UnfitFunction(TypeError):
    """No tool can be made of this function; the message names it, and what to change."""


def schema_of(function: Callable[..., Any], arguments: type[msgspec.Struct]) -> ToolSchema:
    """The tool as the model is told of it. Raises ``UnfitFunction``."""
    return ToolSchema(
        name=_named(function), description=_described(function), parameters=_parameters(function, arguments)
    )


def arguments_of(function: Callable[..., Any], context: type) -> type[msgspec.Struct]:
    """What it takes after its first parameter, which must be a ``context``. Raises ``UnfitFunction``."""
    name = function.__name__
    if not inspect.iscoroutinefunction(function):
        raise UnfitFunction(f"{name}: a tool must be an async function")
    try:
        hints = typing.get_type_hints(function, include_extras=True)
    except NameError as error:
        raise UnfitFunction(f"{name}: a type in its signature is not known: {error}") from error
    parameters = [*inspect.signature(function).parameters.values()]
    if not parameters or parameters[0].kind not in _POSITIONAL:
        raise UnfitFunction(f"{name}: the first parameter must be the {context.__name__}")
    if not _is_context(parameters[0], hints, context):
        raise UnfitFunction(f"{name}: the first parameter must be the {context.__name__}, not {parameters[0].name}")
    fields = [_field(name, parameter, hints) for parameter in parameters[1:]]
    try:
        return msgspec.defstruct(name, fields, kw_only=True, forbid_unknown_fields=True)
    except TypeError as error:
        raise UnfitFunction(f"{name}: its signature cannot be described: {error}") from error


def _named(function: Callable[..., Any]) -> str:
    if not re.fullmatch(TOOL_NAME, function.__name__):
        raise UnfitFunction(f"{function.__name__}: a tool's name has letters, digits, _ and - of ASCII, 64 at most")
    return function.__name__


def _described(function: Callable[..., Any]) -> str:
    description = inspect.getdoc(function)
    if not description:
        raise UnfitFunction(f"{function.__name__}: a tool needs a docstring, which the model reads")
    return description


def _parameters(function: Callable[..., Any], arguments: type[msgspec.Struct]) -> dict[str, Any]:
    """The JSON schema of the arguments, complete in itself."""
    try:
        (schema,), components = msgspec.json.schema_components([arguments], ref_template="#/$defs/{name}")
    except TypeError as error:
        raise UnfitFunction(f"{function.__name__}: its signature cannot be described: {error}") from error
    parameters: dict[str, Any] = components.pop(schema["$ref"].rsplit("/", 1)[1])
    parameters.pop("title", None)
    if components:
        parameters["$defs"] = components
    return parameters


def _is_context(parameter: inspect.Parameter, hints: dict[str, Any], context: type) -> bool:
    """Without a type its name tells, so that one which was forgotten does not swallow the first argument."""
    if parameter.name not in hints:
        return parameter.name == "context"
    return context in getattr(hints[parameter.name], "__mro__", ())


def _field(name: str, parameter: inspect.Parameter, hints: dict[str, Any]) -> tuple[str, Any] | tuple[str, Any, Any]:
    if parameter.kind not in _NAMED:
        raise UnfitFunction(f"{name}: {parameter} cannot be given by name")
    if parameter.name not in hints:
        raise UnfitFunction(f"{name}: {parameter.name} has no type")
    if parameter.default is inspect.Parameter.empty:
        return parameter.name, hints[parameter.name]
    return parameter.name, hints[parameter.name], parameter.default
