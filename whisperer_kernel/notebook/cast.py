"""The agents of whoever runs the sessions."""

from __future__ import annotations

import msgspec

from whisperer_kernel.errors import NoSuchAgent
from whisperer_kernel.notebook.peer import Peer
from whisperer_kernel.rpc.params import AgentDescription


class Cast:
    """Every agent there is; asked for when they are first needed."""

    def __init__(self, peer: Peer) -> None:
        self._peer = peer
        self._agents: list[AgentDescription] = []

    async def all(self) -> list[AgentDescription]:
        """Every agent as she is now, the default first."""
        result = await self._peer.request("agent.list")
        self._agents = msgspec.convert(result["agents"], list[AgentDescription])
        return self._agents

    async def named(self, agent: str) -> AgentDescription:
        """The agent of this id, or of this name. Raises ``NoSuchAgent``."""
        agents = self._agents or await self.all()
        wanted = agent.casefold()
        for known in agents:
            if wanted in {known.agent_id, known.name.casefold()}:
                return known
        raise NoSuchAgent(f"There is no agent {agent!r}; there are {', '.join(each.agent_id for each in agents)}.")

    async def id_of(self, agent: str) -> str:
        """Her id. Raises ``NoSuchAgent``."""
        return (await self.named(agent)).agent_id
