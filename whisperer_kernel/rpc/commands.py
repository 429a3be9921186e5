"""Slash commands: what ``dispatchCommand`` takes, and what it says."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import get_args

import msgspec

from whisperer_kernel.errors import InvalidParams
from whisperer_kernel.sessions.export import Format
from whisperer_kernel.sessions.manager import StatelessSessionManager
from whisperer_kernel.sessions.session import StatelessInteractiveSession

Command = Callable[[StatelessInteractiveSession, StatelessSessionManager, str], Awaitable[str]]


async def run(session: StatelessInteractiveSession, manager: StatelessSessionManager, line: str) -> str:
    """Do what ``line`` says; its answer in words. Raises ``InvalidParams`` where there is no such command."""
    name, _, argument = line.strip().removeprefix("/").partition(" ")
    command = COMMANDS.get(name.lower())
    if command is None:
        raise InvalidParams(f"There is no command /{name}. There are: {', '.join(f'/{known}' for known in COMMANDS)}.")
    return await command(session, manager, argument.strip())


async def _help(_session: StatelessInteractiveSession, _manager: StatelessSessionManager, _argument: str) -> str:
    """List the commands."""
    return "\n".join(f"/{name}: {command.__doc__}" for name, command in COMMANDS.items())


async def _clear(session: StatelessInteractiveSession, _manager: StatelessSessionManager, argument: str) -> str:
    """Forget the conversation with everybody, or with the agent named."""
    await session.clear(argument or None)
    return f"The conversation with {argument or 'everybody'} is cleared."


async def _agent(session: StatelessInteractiveSession, manager: StatelessSessionManager, argument: str) -> str:
    """Say who answers, or make the agent named the one who does."""
    if argument:
        await session.current.switch(argument, "user")
        return f"{manager.services.agents.get(session.current.id).name} answers."
    agents = ", ".join(spec.id for spec in manager.services.agents.all())
    return f"{manager.services.agents.get(session.current.id).name} answers. There are {agents}."


async def _model(session: StatelessInteractiveSession, _manager: StatelessSessionManager, argument: str) -> str:
    """Say which model answers, or ask the one named from now on."""
    if argument:
        await session.settings.set_model(argument)
    info = await session.settings.provider()
    return f"{info.label}: {info.model or info.notice or 'no model'}"


async def _stop(session: StatelessInteractiveSession, _manager: StatelessSessionManager, _argument: str) -> str:
    """End the running turn."""
    return "Stopped." if await session.cancel(None) else "Nothing is running."


async def _export(session: StatelessInteractiveSession, manager: StatelessSessionManager, argument: str) -> str:
    """Say the conversation as markdown, or as the format named: markdown, ipynb or json."""
    try:
        form: Format = msgspec.convert(argument.lower() or "markdown", Format)
    except msgspec.ValidationError:
        formats = ", ".join(get_args(Format))
        raise InvalidParams(f"{argument}: there is no such format; there are {formats}.") from None
    return await manager.export(session.id, session.row.owner, form)


COMMANDS: dict[str, Command] = {
    "help": _help,
    "clear": _clear,
    "agent": _agent,
    "model": _model,
    "export": _export,
    "stop": _stop,
}
