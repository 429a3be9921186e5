"""How a function becomes a method of the protocol, and what the methods have to work with."""

from __future__ import annotations

import typing
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from whisperer_kernel.rpc.dispatcher import Call, Method
from whisperer_kernel.sessions.manager import StatelessSessionManager
from whisperer_kernel.sessions.session import StatelessInteractiveSession

OK, TOO_LATE = 0, 1

Notebook = Callable[[str], Awaitable[str | None]]
"""The path of the notebook that a kernel belongs to, where the server knows it."""

Function = Callable[..., Awaitable[Any]]
"""Takes ``Methods``, the call and its parameters."""

_declared: dict[str, Function] = {}


def method(name: str) -> Callable[[Function], Function]:
    """Make a function the method of this name on the wire; OpenRPC is made of its signature."""

    def declare(function: Function) -> Function:
        _declared[name] = function
        return function

    return declare


class Methods:
    """What clients may ask of the sessions of ``manager``. Every method checks whose session it is."""

    def __init__(self, manager: StatelessSessionManager, notebook_of: Notebook | None = None) -> None:
        self.manager = manager
        self.services = manager.services
        self.notebook_of = notebook_of

    def table(self) -> dict[str, Method]:
        """Every method by its name on the wire."""
        return {name: self._described(name, function) for name, function in _declared.items()}

    async def held(self, call: Call, session_id: str) -> StatelessInteractiveSession:
        """The caller's live session; what it is shown of it waits for the response."""
        call.hold()
        return await self.manager.session(session_id, call.connection.owner)

    def _described(self, name: str, function: Function) -> Method:
        _, _, params, result = typing.get_type_hints(function, include_extras=True).values()
        summary = (function.__doc__ or "").strip().split("\n")[0]
        return Method(name=name, params=params, result=result, handle=partial(function, self), summary=summary)
