"""Slash commands: what ``dispatchCommand`` takes, and what it says."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from whisperer_kernel.errors import InvalidParams
from whisperer_kernel.sessions.services import Services
from whisperer_kernel.sessions.session import StatelessInteractiveSession

Command = Callable[[StatelessInteractiveSession, Services, str], Awaitable[str]]


async def run(session: StatelessInteractiveSession, services: Services, line: str) -> str:
    """Do what ``line`` says; its answer in words. Raises ``InvalidParams`` where there is no such command."""
    name, _, argument = line.strip().removeprefix("/").partition(" ")
    command = COMMANDS.get(name.lower())
    if command is None:
        raise InvalidParams(f"There is no command /{name}. There are: {', '.join(f'/{known}' for known in COMMANDS)}.")
    return await command(session, services, argument.strip())


async def _help(_session: StatelessInteractiveSession, _services: Services, _argument: str) -> str:
    """List the commands."""
    return "\n".join(f"/{name}: {command.__doc__}" for name, command in COMMANDS.items())


async def _clear(session: StatelessInteractiveSession, _services: Services, argument: str) -> str:
    """Forget the conversation with everybody, or with the agent named."""
    await session.clear(argument or None)
    return f"The conversation with {argument or 'everybody'} is cleared."


async def _agent(session: StatelessInteractiveSession, services: Services, argument: str) -> str:
    """Say who answers, or make the agent named the one who does."""
    if argument:
        await session.switch(argument, "user")
        return f"{services.agents.get(session.agent).name} answers."
    agents = ", ".join(spec.id for spec in services.agents.all())
    return f"{services.agents.get(session.agent).name} answers. There are {agents}."


async def _model(session: StatelessInteractiveSession, _services: Services, argument: str) -> str:
    """Say which model answers, or ask the one named from now on."""
    if argument:
        await session.set_model(argument)
    info = await session.provider_info()
    return f"{info.label}: {info.model or info.notice or 'no model'}"


async def _stop(session: StatelessInteractiveSession, _services: Services, _argument: str) -> str:
    """End the running turn."""
    return "Stopped." if await session.cancel(None) else "Nothing is running."


COMMANDS: dict[str, Command] = {"help": _help, "clear": _clear, "agent": _agent, "model": _model, "stop": _stop}
