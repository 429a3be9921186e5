"""One turn of a session: the agent's request, the loop, and what comes of it as events."""

from __future__ import annotations

import asyncio
import logging
from typing import Any
from uuid import uuid4

import msgspec

from whisperer_kernel.agents.agent import StatelessAgent
from whisperer_kernel.agents.history import request_budget, trim
from whisperer_kernel.agents.registry import route
from whisperer_kernel.ai.loop import StatelessAILoop, TurnEnd, turn_error
from whisperer_kernel.ai.provider import ChatRequest, Provider
from whisperer_kernel.ai.shaped import ShapedReply
from whisperer_kernel.errors import ProviderError, WhispererError
from whisperer_kernel.events import (
    AIMessageChunk,
    AIReasoningChunk,
    ContextResolved,
    Event,
    FinishReason,
    ProviderStatus,
    TurnError,
    UserMessage,
)
from whisperer_kernel.sessions.hands import Hands
from whisperer_kernel.sessions.log import SessionLog
from whisperer_kernel.sessions.lookup import look_up
from whisperer_kernel.sessions.services import Services
from whisperer_kernel.sessions.state import SessionState
from whisperer_kernel.sessions.testwish import MAKE_TESTS, NoTests, commanded_target, wished_target
from whisperer_kernel.sessions.toolcalls import TurnTools
from whisperer_kernel.tools.call import ToolRequest, ToolResult

log = logging.getLogger(__name__)


class Turn:
    """Runs once. Is the loop's stream callbacks: what arrives goes to the session's log in the moment it arrives."""

    def __init__(
        self, services: Services, session_log: SessionLog, state: SessionState, hands: Hands, user: UserMessage
    ) -> None:
        self.user = user
        _, self._text = route(user.message, services.agents)
        self._services = services
        self._log = session_log
        self._state = state
        self.dropped = 0
        self.truncated = False
        self._system = ""
        self._budget = 0
        spec = services.agents.get(user.agent) if user.agent in services.agents.names else services.agents.default
        self._agent = StatelessAgent(spec)
        self._tools = TurnTools(services=services, state=state, hands=hands, user=user, spec=spec, tell=self._tell)
        self._task: asyncio.Task[TurnEnd] | None = None
        self._cancelled: FinishReason | None = None

    async def run(self) -> TurnEnd:
        """The turn, to its end. Never raises: whatever happens is an end."""
        self._task = asyncio.get_running_loop().create_task(self._work())
        await asyncio.wait([self._task])
        if self._task.cancelled():
            reason = self._cancelled or "cancelled"
            if words := await self._tools.stopped(reason):
                self.text(words)
            return TurnEnd(reason=reason)
        if (error := self._task.exception()) is not None:
            return _failed(error)
        end = self._task.result()
        return end if self._cancelled is None else TurnEnd(reason=self._cancelled, usage=end.usage)

    def cancel(self, reason: FinishReason) -> bool:
        """End the turn now; the provider's connection is closed. A second or late call changes nothing: False."""
        if self._task is None or self._task.done() or self._cancelled is not None:
            return False
        self._cancelled = reason
        # Once: a stream that is cancelled again while it closes its connection would leak it.
        self._task.cancel()
        return True

    def reconsider(self) -> None:
        """The session's mode has changed."""
        self._tools.reconsider()

    async def _work(self) -> TurnEnd:
        async with self._services.providers.use() as provider:
            return await self._answer(provider)

    async def _answer(self, provider: Provider) -> TurnEnd:
        self._tools.provider = provider.info
        agent = self._agent
        limits = self._services.config.limits
        try:
            if (made := await self._without_model(provider)) is not None:
                return self._said(made.content)
        except NoTests as why:
            return self._said(str(why))
        request = await self._request(provider)
        if not provider.supports_tools and (shaped := self._tools.shaped(self._text)) is not None:
            return await ShapedReply(provider, *shaped, self._tools.reply).run(request, self)
        loop = StatelessAILoop(
            provider,
            max_rounds=min(agent.spec.max_rounds or limits.max_rounds, limits.max_rounds),
            max_reply_chars=limits.max_reply_bytes,
        )
        return await loop.run(request, self)

    async def _without_model(self, provider: Provider) -> ToolResult | None:
        """What is made without asking a model: by command, or where a message wants what the model cannot make."""
        target = await commanded_target(self._text, self._tools)
        if target is None and not provider.supports_tools:
            target = await wished_target(self._text, self._tools, provider.info)
        if target is not None:
            return await self._make(MAKE_TESTS, {"target": target})
        shaped = self._tools.shaped(self._text) if provider.info.demo and not provider.supports_tools else None
        return None if shaped is None else await self._make(shaped[0], shaped[1].for_demo(self._text))

    async def _make(self, name: str, arguments: dict[str, Any]) -> ToolResult:
        encoded = msgspec.json.encode(arguments).decode()
        return await self._tools.reply(ToolRequest(id=uuid4().hex, name=name, arguments=encoded))

    def _said(self, words: str) -> TurnEnd:
        self.text(words)
        return TurnEnd(reason="stop")

    async def _request(self, provider: Provider) -> ChatRequest:
        config, agent = self._services.config, self._agent
        model = self._state.model_for(provider.info.name) or agent.spec.model
        parameters = {**config.provider.parameters, **agent.spec.parameters}
        self._budget = request_budget(
            await provider.context_length(model), config.limits.history_tokens, parameters.get("max_tokens")
        )
        attachments = await self._attachments()
        prepared = agent.request(
            self._state.context(self.user.agent),
            message=self._text or self.user.message,
            budget=self._budget,
            model=model,
            parameters=config.provider.parameters,
            tools=self._tools.offered() if provider.supports_tools else (),
            language=self._state.params.get("language"),
            session_context=self._state.params.get("context"),
            note=self._state.notes.get(self.user.agent),
            attachments=attachments,
            small=provider.info.demo,
        )
        self._system = prepared.system
        self.dropped, self.truncated = prepared.dropped, prepared.truncated
        return prepared.request

    async def _attachments(self) -> str:
        """What came with the message, looked up and put into the log, so that it is the same ever after."""
        if not self.user.context:
            return ""
        budget = min(self._services.config.limits.context_tokens, self._budget // 2)
        found = await look_up(self.user.context, self._tools.look, budget)
        await self._tell(ContextResolved(message_id=self.user.message_id, text=found.text, problems=found.problems))
        return found.text

    async def _tell(self, event: Event) -> None:
        """A turn does not go past what could not be saved; one that is being ended waits for nothing."""
        if self._cancelled is None:
            await self._log.insist(event)
        else:
            await self._log.tell(event)

    def text(self, chunk: str) -> None:
        """See ``StreamCallbacks``."""
        self._log.stream(AIMessageChunk(message_id=self.user.message_id, agent=self.user.agent, chunk=chunk))

    def reasoning(self, chunk: str) -> None:
        """See ``StreamCallbacks``."""
        self._log.stream(AIReasoningChunk(message_id=self.user.message_id, agent=self.user.agent, chunk=chunk))

    async def provider(self, status: ProviderStatus) -> None:
        """See ``StreamCallbacks``."""
        await self._log.tell(status)

    async def call(self, request: ToolRequest) -> ToolResult:
        """See ``StreamCallbacks``."""
        return await self._tools.call(request)

    def fit(self, request: ChatRequest) -> ChatRequest:
        """See ``StreamCallbacks``."""
        trimmed = trim(self._system, request.messages[1:], self._budget)
        self.dropped = max(self.dropped, trimmed.dropped)
        return msgspec.structs.replace(request, messages=trimmed.messages)


def _failed(error: BaseException) -> TurnEnd:
    if isinstance(error, ProviderError):
        return TurnEnd(reason="error", error=turn_error(error))
    if isinstance(error, WhispererError):
        return TurnEnd(reason="error", error=TurnError(kind="internal", message=str(error)))
    log.error("a turn failed: %s", type(error).__name__, exc_info=error)
    return TurnEnd(
        reason="error",
        error=TurnError(kind="internal", message="Something went wrong inside Whisperer; the server's log says what."),
    )
