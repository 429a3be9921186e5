"""Who is current in a session: switched to, handed over to, and introduced when she comes for the first time."""

from __future__ import annotations

from collections.abc import Callable
from uuid import uuid4

from whisperer_kernel.agents.registry import AgentRegistry
from whisperer_kernel.events import AgentSwitched, AIMessageChunk, SwitchedBy
from whisperer_kernel.sessions.log import SessionLog
from whisperer_kernel.sessions.state import SessionState
from whisperer_kernel.sessions.store import SessionChanges

NOTE_CHARS = 1_000


class CurrentAgent:
    """One session's."""

    def __init__(self, agents: AgentRegistry, session_log: SessionLog, state: Callable[[], SessionState]) -> None:
        self._agents = agents
        self._log = session_log
        self._state = state

    @property
    def id(self) -> str:
        """Who is current; the default agent where she of the log is no longer among the agents."""
        agent = self._state().agent
        return agent if agent in self._agents.names else self._agents.default.id

    async def switch(self, agent: str, by: SwitchedBy, note: str | None = None) -> None:
        """Make another agent current. Raises ``NoSuchAgent``."""
        to_agent = self._agents.get(agent).id
        if to_agent == self.id and note is None:
            return
        await self._log.append(
            AgentSwitched(from_agent=self.id, to_agent=to_agent, by=by, note=note), SessionChanges(agent=to_agent)
        )
        await self.introduce(to_agent)

    async def handoff(self, to_agent: str, note: str | None) -> None:
        """Switch, and tell the new agent what the old one was doing: in ``note``, or in the last words exchanged."""
        await self.switch(to_agent, "handoff", note or self._last_exchange())

    async def introduce(self, agent: str) -> None:
        """An agent says who she is the first time she becomes current. No model is asked."""
        introduction = self._agents.get(agent).introduction
        if introduction and agent not in self._state().introduced:
            await self._log.append(
                AIMessageChunk(
                    message_id=uuid4().hex, agent=agent, chunk=introduction, is_final=True, finish_reason="stop"
                )
            )

    def _last_exchange(self) -> str:
        """What the current agent was last asked and answered, cut to a note's length."""
        said = [message for message in self._state().history(self.id) if message.role != "tool"][-2:]
        name = self._agents.get(self.id).name
        return "\n".join(
            f"{'The user' if message.role == 'user' else name}: {message.content[:NOTE_CHARS]}" for message in said
        )
