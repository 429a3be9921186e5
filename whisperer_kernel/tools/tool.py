"""A tool: what it is called, what it takes, what it may do, and the function that does it.

``tool`` makes one out of a function: the schema from its typed signature, the description from its docstring. The
built-in tools are made this way, and those of any other package::

    @tool(effect="read", tags={"weather"})
    async def forecast(context: ToolContext, city: Annotated[str, Meta(description="A city's name.")]) -> str:
        '''The weather tomorrow.'''

and ``[project.entry-points."whisperer.tools"]`` names the module or function that registers it.
"""

from __future__ import annotations

import logging
import typing
from collections.abc import Awaitable, Callable, Collection, Iterable
from pathlib import Path
from typing import Any, Literal, Protocol

import msgspec

from whisperer_kernel.errors import WhispererError
from whisperer_kernel.events import Event, ProviderInfo
from whisperer_kernel.tools.call import ToolSchema
from whisperer_kernel.tools.raised import raised
from whisperer_kernel.tools.replyshape import ReplyShape
from whisperer_kernel.tools.signature import UnfitFunction, arguments_of, schema_of

Effect = Literal["read", "edit", "run"]
"""What a tool does to the person's things: looks at them, changes the notebook or files, runs code or anything else."""

EFFECTS: tuple[Effect, ...] = typing.get_args(Effect)

READS: frozenset[Effect] = frozenset({"read"})

DESCRIBED_BY_CLIENT = "client"
"""The tag of a tool that a client has described, which no registry knows."""

Executor = Literal["server", "client"]

DEFAULT_TIMEOUT_S = 30.0
DEFAULT_RESULT_CHARS = 20_000

log = logging.getLogger(__name__)


class ToolFailed(WhispererError):
    """A tool says why it could not do what it was asked to; the model reads it."""


class Denied(ToolFailed):
    """What a tool needed was not permitted; the model reads why."""


class Misused(ToolFailed):
    """The arguments are of the right types and still not what the tool takes; the model reads why."""


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
    def message_id(self) -> str:
        """The message whose turn it is."""
        ...

    @property
    def provider(self) -> ProviderInfo:
        """Who serves the model that calls."""
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

    async def can_ask(self, name: str) -> bool:
        """Whether a client is there who carries this tool out."""
        ...

    def if_unanswered(self, words: str, *events: Event) -> None:
        """What is said and told should the person stop the turn instead of answering a question of this call."""
        ...


Run = Callable[..., Awaitable[str]]
Granted = tuple[str, ...] | Callable[[dict[str, Any]], tuple[str, ...] | None] | None


class Accepts(Protocol):
    """What a client has declared that its tool takes."""

    def complete(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """The arguments with every default in its place."""
        ...

    def violation(self, arguments: dict[str, Any]) -> str | None:
        """What is wrong with the arguments; None where they are as declared. May take a moment."""
        ...


class Tool(msgspec.Struct, frozen=True, kw_only=True):
    """A tool.

    ``arguments`` decodes and checks what a model wrote, ``accepts`` checks it by the schema that a client declared;
    ``run`` is None for a tool that a client carries out.
    ``granted`` names the arguments that a permission for the session is bound to, or is a function of them that does:
    another value asks again; None: all of them.
    ``is_grantable``: False where the arguments do not tell what will happen: a yes then never holds for the session.
    ``declaration`` tells a tool that a client has described, and the client, from every other of its name; a yes for
    the session holds for it alone.
    ``repeatable``: calls with these effects may be carried out again when it is not known whether they were.
    ``timeout_s`` is the longest run, without the time in which a person is asked. ``attempts``: after so many failures
    in one turn the model is told to give up, and further calls are refused; None: only ``max_rounds`` ends them.
    ``stand_in``, of a tool that a client declares: it does this for its own messages, where no other client can.
    """

    schema: ToolSchema
    arguments: type[msgspec.Struct] | None = None
    accepts: Accepts | None = None
    run: Run | None = None
    tags: frozenset[str] = frozenset()
    effect: Effect | Callable[[dict[str, Any]], Effect] = "run"
    timeout_s: float = DEFAULT_TIMEOUT_S
    result_chars: int = DEFAULT_RESULT_CHARS
    granted: Granted = None
    is_grantable: bool = True
    declaration: str = ""
    repeatable: Collection[Effect] = READS
    preview: Callable[[dict[str, Any]], str] | None = None
    attempts: int | None = None
    stand_in: bool = False
    shape: ReplyShape | None = None

    @property
    def name(self) -> str:
        """By which models call it."""
        return self.schema.name

    @property
    def names(self) -> set[str]:
        """The names of the arguments that it takes."""
        return set() if self.arguments is None else {*self.arguments.__struct_fields__}

    def effect_of(self, arguments: dict[str, Any]) -> Effect:
        """What a call with these arguments does; one that cannot be told is taken for the most that a tool can do."""
        if not callable(self.effect):
            return self.effect
        try:
            effect = self.effect(arguments)
        except Exception as error:  # noqa: BLE001 - a package's mistake must not open the gate, nor end the turn
            log.warning("the effect of the tool %s raised %s", self.name, raised(error))
            return "run"
        return effect if effect in EFFECTS else "run"

    def granted_of(self, arguments: dict[str, Any]) -> tuple[str, ...] | None:
        """The arguments that a yes for the session is bound to; None, all of them, also where that cannot be told."""
        if not callable(self.granted):
            return self.granted
        try:
            return self.granted(arguments)
        except Exception as error:  # noqa: BLE001 - a package's mistake must not widen a yes, nor end the turn
            log.warning("the granted of the tool %s raised %s", self.name, raised(error))
            return None

    def preview_of(self, arguments: dict[str, Any]) -> str | None:
        """What a call with these arguments will do, for the person who is asked; None where the tool cannot say."""
        if self.preview is None:
            return None
        try:
            return self.preview(arguments)
        except Exception as error:  # noqa: BLE001 - the person is asked all the same, and sees the arguments
            log.warning("the preview of the tool %s raised %s", self.name, raised(error))
            return None

    def is_repeatable(self, arguments: dict[str, Any]) -> bool:
        """Whether a call that may have been carried out already can be carried out again without harm."""
        return self.effect_of(arguments) in self.repeatable

    def complete(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """The arguments with every default in its place, so that one left out is the same as one given."""
        if self.arguments is None:
            return arguments if self.accepts is None else self.accepts.complete(arguments)
        try:
            complete: dict[str, Any] = msgspec.to_builtins(msgspec.convert(arguments, self.arguments))
        except (msgspec.ValidationError, TypeError):
            return arguments
        return complete

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
    granted: Granted = None,
    is_grantable: bool = True,
    repeatable: Collection[Effect] = READS,
    preview: Callable[[dict[str, Any]], str] | None = None,
    attempts: int | None = None,
    shape: ReplyShape | None = None,
) -> Callable[[Run], Tool]:
    """Make a tool of an async function whose first parameter is the ``ToolContext``.

    A ``TypeError`` says what of it is not as it must be. With ``executor="client"`` the function is never called: it
    describes what a client carries out.
    """

    def make(function: Run) -> Tool:
        arguments = arguments_of(function, ToolContext)
        if not callable(effect) and effect not in EFFECTS:
            raise UnfitFunction(f"{function.__name__}: effect must be read, edit or run, not {effect!r}")
        if isinstance(tags, str):
            raise UnfitFunction(f"{function.__name__}: tags must be a set, {{{tags!r}}} for instance, not {tags!r}")
        if isinstance(granted, tuple) and (unknown := {*granted} - {*arguments.__struct_fields__}):
            raise UnfitFunction(
                f"{function.__name__}: granted names {', '.join(sorted(unknown))}, which it does not take"
            )
        return Tool(
            schema=schema_of(function, arguments),
            arguments=arguments,
            run=function if executor == "server" else None,
            tags=frozenset(tags),
            effect=effect,
            timeout_s=timeout_s,
            result_chars=result_chars,
            granted=granted,
            is_grantable=is_grantable,
            repeatable=frozenset(repeatable),
            preview=preview,
            attempts=attempts,
            shape=shape,
        )

    return make
