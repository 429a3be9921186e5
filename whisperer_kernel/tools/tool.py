"""A tool: what it is called, what it takes, what it may do, and the function that does it.

``tool`` makes one out of a function: the schema from its typed signature, the description from its docstring. The
built-in tools are made this way, and those of any other package::

    @tool(tags={"weather"})
    async def forecast(context: ToolContext, city: Annotated[str, Meta(description="A city's name.")]) -> str:
        '''The weather tomorrow.'''

and ``[project.entry-points."whisperer.tools"]`` names the module or function that registers it.
"""

from __future__ import annotations

import inspect
import typing
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import Any, Literal, Protocol

import msgspec

from whisperer_kernel.errors import WhispererError
from whisperer_kernel.events import Event
from whisperer_kernel.tools.call import ToolSchema

Effect = Literal["read", "edit", "run"]
"""What a tool does to the person's things: looks at them, changes the notebook or files, runs code or anything else."""

Executor = Literal["server", "client"]

DEFAULT_TIMEOUT_S = 30.0
DEFAULT_RESULT_CHARS = 20_000


class ToolFailed(WhispererError):
    """A tool says why it could not do what it was asked to; the model reads it."""


class CarriedOutByClient(WhispererError):
    """This function describes a tool that a client carries out; it is not there to be called."""

    def __init__(self) -> None:
        super().__init__("A client carries this out.")


class ToolContext(Protocol):
    """What a tool may know and use of the turn that calls it."""

    @property
    def agent(self) -> str:
        """The agent that calls."""
        ...

    @property
    def workspace(self) -> Path | None:
        """The folder that files are read from; None where there is none."""
        ...

    async def ask_client(self, name: str, arguments: dict[str, Any]) -> str:
        """Have a client carry out one of the tools that clients declare; the gate is asked. Raises ``ToolFailed``."""
        ...

    async def tell(self, event: Event) -> None:
        """Put an event into the session's log."""
        ...


Run = Callable[..., Awaitable[str]]


class Tool(msgspec.Struct, frozen=True, kw_only=True):
    """A tool.

    ``arguments`` decodes and checks what a model wrote; ``run`` is None for a tool that a client carries out.
    ``granted`` names the arguments that a permission for the session is bound to: another value asks again.
    """

    schema: ToolSchema
    arguments: type[msgspec.Struct] | None = None
    run: Run | None = None
    tags: frozenset[str] = frozenset()
    effect: Effect | Callable[[dict[str, Any]], Effect] = "run"
    timeout_s: float = DEFAULT_TIMEOUT_S
    result_chars: int = DEFAULT_RESULT_CHARS
    granted: tuple[str, ...] | None = None
    preview: Callable[[dict[str, Any]], str] | None = None

    @property
    def name(self) -> str:
        """By which models call it."""
        return self.schema.name

    def effect_of(self, arguments: dict[str, Any]) -> Effect:
        """What a call with these arguments does."""
        return self.effect(arguments) if callable(self.effect) else self.effect

    @property
    def executor(self) -> Executor:
        """Who carries it out."""
        return "client" if self.run is None else "server"


def tool(  # noqa: PLR0913 - what a tool is, by name
    *,
    effect: Effect | Callable[[dict[str, Any]], Effect],
    tags: Iterable[str] = (),
    executor: Executor = "server",
    timeout_s: float = DEFAULT_TIMEOUT_S,
    result_chars: int = DEFAULT_RESULT_CHARS,
    granted: tuple[str, ...] | None = None,
    preview: Callable[[dict[str, Any]], str] | None = None,
) -> Callable[[Run], Tool]:
    """Make a tool of an async function whose first parameter is the ``ToolContext``.

    A ``TypeError`` says what of its signature cannot be described. With ``executor="client"`` the function is never
    called: it describes what a client carries out.
    """

    def make(function: Run) -> Tool:
        arguments = _arguments(function)
        (schema,), components = msgspec.json.schema_components([arguments], ref_template="#/$defs/{name}")
        parameters = components.pop(schema["$ref"].rsplit("/", 1)[1])
        parameters.pop("title", None)
        if components:
            parameters["$defs"] = components
        return Tool(
            schema=ToolSchema(name=function.__name__, description=_described(function), parameters=parameters),
            arguments=arguments,
            run=function if executor == "server" else None,
            tags=frozenset(tags),
            effect=effect,
            timeout_s=timeout_s,
            result_chars=result_chars,
            granted=granted,
            preview=preview,
        )

    return make


def _described(function: Run) -> str:
    description = inspect.getdoc(function)
    if not description:
        raise TypeError(f"{function.__name__}: a tool needs a docstring, which the model reads")
    return description


def _arguments(function: Run) -> type[msgspec.Struct]:
    if not inspect.iscoroutinefunction(function):
        raise TypeError(f"{function.__name__}: a tool must be an async function")
    hints = typing.get_type_hints(function, include_extras=True)
    fields: list[tuple[str, Any] | tuple[str, Any, Any]] = []
    for parameter in list(inspect.signature(function).parameters.values())[1:]:
        if parameter.name not in hints:
            raise TypeError(f"{function.__name__}: {parameter.name} has no type")
        if parameter.default is inspect.Parameter.empty:
            fields.append((parameter.name, hints[parameter.name]))
        else:
            fields.append((parameter.name, hints[parameter.name], parameter.default))
    return msgspec.defstruct(function.__name__, fields, kw_only=True, forbid_unknown_fields=True)
