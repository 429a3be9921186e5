"""What every session of a process shares: settings, agents, tools, the store, and the provider that was chosen."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

import msgspec

from whisperer_kernel.agents.registry import AgentRegistry
from whisperer_kernel.ai.choice import choose
from whisperer_kernel.ai.provider import Provider
from whisperer_kernel.config import Config
from whisperer_kernel.errors import WhispererError
from whisperer_kernel.events import ProviderInfo
from whisperer_kernel.sessions.sqlite import open_store
from whisperer_kernel.sessions.store import Store, new_runner
from whisperer_kernel.tools.permissions import Policy
from whisperer_kernel.tools.registry import ToolRegistry

Choose = Callable[[Config, Mapping[str, str]], Awaitable[Provider]]


class Services:
    """Made once for a process. The provider is chosen when it is first needed: looking for one may take a moment."""

    def __init__(  # noqa: PLR0913 - made in one place, everything by name
        self,
        config: Config,
        agents: AgentRegistry,
        store: Store,
        *,
        workspace: Path | None = None,
        tools: ToolRegistry | None = None,
        environ: Mapping[str, str],
        choose: Choose = choose,
    ) -> None:
        self.config = config
        self.agents = agents
        self.store = store
        self.workspace = workspace
        self.tools = ToolRegistry() if tools is None else tools
        self.policy = Policy(deny=config.tools.deny, ask=config.tools.ask, highest_mode=config.tools.highest_mode)
        self.runner = new_runner()
        # Held while one connection is brought up by some events.
        self.slicing = asyncio.Lock()
        self._environ = environ
        self._choose = choose
        self._choosing: asyncio.Task[Provider] | None = None

    @classmethod
    def load(cls, config: Config, workspace: Path | None, environ: Mapping[str, str] | None = None) -> Services:
        """Everything as the configuration says. Raises ``ConfigError``."""
        agents = AgentRegistry.load(config, workspace)
        return cls(
            config,
            agents,
            open_store(config.store_url),
            workspace=workspace,
            tools=ToolRegistry.load(),
            environ=os.environ if environ is None else environ,
        )

    async def provider(self) -> Provider:
        """The provider in use. Raises ``WhispererError``; a failed choice is made again the next time."""
        if self._choosing is None or _failed(self._choosing):
            self._choosing = asyncio.get_running_loop().create_task(_started(self._choose(self.config, self._environ)))
        # Shielded: one caller that goes away must not take the choice from the others.
        return await asyncio.shield(self._choosing)

    @property
    def chosen(self) -> ProviderInfo | None:
        """Who answers; None before anybody has asked."""
        done = self._choosing is not None and self._choosing.done() and not _failed(self._choosing)
        return self._choosing.result().info if self._choosing is not None and done else None

    async def provider_info(self, model: str | None) -> ProviderInfo:
        """Who answers, as the user is shown; what stands in the way is its ``notice``."""
        try:
            info = (await self.provider()).info
        except WhispererError as error:
            return ProviderInfo(name="none", label="No provider", notice=str(error))
        if model is None or model == info.model:
            return info
        return msgspec.structs.replace(info, model=model, notice=None)

    async def aclose(self) -> None:
        """Close the provider and the store."""
        if self._choosing is not None and not _failed(self._choosing):
            await (await self._choosing).aclose()
        await self.store.aclose()


async def _started(choice: Awaitable[Provider]) -> Provider:
    return await choice


def _failed(task: asyncio.Task[Provider]) -> bool:
    return task.done() and (task.cancelled() or task.exception() is not None)
