"""What every session of a process shares: settings, agents, tools, the store, and the providers."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from whisperer_kernel.agents.registry import AgentRegistry
from whisperer_kernel.ai.choice import choose
from whisperer_kernel.ai.providers import Choose, Providers
from whisperer_kernel.config import Config
from whisperer_kernel.sessions.sqlite import open_store
from whisperer_kernel.sessions.store import Store, new_runner
from whisperer_kernel.tools.permissions import Policy
from whisperer_kernel.tools.registry import ToolRegistry
from whisperer_kernel.tools.tool import Tool

StandIns = Callable[[str], Sequence[Tool]]
"""By a kernel's id: client tools that this process can carry out itself, where no client does."""


log = logging.getLogger(__name__)


class Services:
    """Made once for a process.

    ``problems``: what was left out of agents files and packages, and what in them does nothing, one sentence each.
    """

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
        stand_ins: StandIns = lambda _: (),
    ) -> None:
        self.config = config
        self.agents = agents
        self.store = store
        self.workspace = workspace
        self.tools = ToolRegistry() if tools is None else tools
        idle = self.agents.idle_patterns(self.tools.all())
        self.problems = (*self.tools.problems, *self.agents.problems, *idle)
        self.policy = Policy(deny=config.tools.deny, ask=config.tools.ask, highest_mode=config.tools.highest_mode)
        self.runner = new_runner()
        self.providers = Providers(config, environ, choose)
        self.stand_ins = stand_ins
        # Held while one connection is brought up by some events.
        self.slicing = asyncio.Lock()

    @classmethod
    def load(
        cls,
        config: Config,
        workspace: Path | None,
        environ: Mapping[str, str] | None = None,
        *,
        stand_ins: StandIns = lambda _: (),
    ) -> Services:
        """Everything as the configuration says. Raises ``ConfigError``."""
        services = cls(
            config,
            AgentRegistry.load(config, workspace),
            open_store(config.store_url),
            workspace=workspace,
            tools=ToolRegistry.load(),
            environ=os.environ if environ is None else environ,
            stand_ins=stand_ins,
        )
        # The registry has told of the packages, with their tracebacks.
        for problem in services.problems[len(services.tools.problems) :]:
            log.warning("%s", problem)
        return services

    async def aclose(self) -> None:
        """Close the providers and the store."""
        await self.providers.aclose()
        await self.store.aclose()
