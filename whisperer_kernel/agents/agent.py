"""An agent that holds nothing but who she is: whatever a turn needs is handed to her."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import Any

import msgspec

from whisperer_kernel.agents.context import AgentContext, Conversation
from whisperer_kernel.agents.history import cut, trim
from whisperer_kernel.agents.prompt import system_prompt, user_message
from whisperer_kernel.agents.spec import AgentSpec
from whisperer_kernel.agents.tokens import MESSAGE_OVERHEAD, estimate
from whisperer_kernel.ai.provider import ChatRequest
from whisperer_kernel.tools.call import ToolSchema

# Parts of the budget that what comes with a session may take; the conversation has the rest.
_SESSION_CONTEXT, _NOTE = 4, 8
SMALL_HISTORY = 400
"""Tokens of what was said before that a very small model is given: it is slow to read, and takes up what it said."""


class Prepared(msgspec.Struct, frozen=True):
    """A turn's first request. ``dropped`` older messages were left out; ``truncated``: the newest was cut as well.

    ``system`` is the system prompt before anything was said in it about dropped messages: with it a later round of the
    same turn is trimmed again.
    """

    request: ChatRequest
    system: str
    dropped: int = 0
    truncated: bool = False


class StatelessAgent(msgspec.Struct, frozen=True):
    """Makes requests out of a spec and a context; the same ones always give the same request."""

    spec: AgentSpec

    def request(  # noqa: PLR0913 - a turn is made of this much, and nothing is held between turns
        self,
        context: AgentContext,
        *,
        message: str,
        budget: int,
        model: str | None = None,
        parameters: Mapping[str, Any] | None = None,
        tools: Sequence[ToolSchema] = (),
        language: str | None = None,
        session_context: str | None = None,
        note: str | None = None,
        attachments: str = "",
        small: bool = False,
    ) -> Prepared:
        """The request that begins a turn.

        Args:
            context: What this agent has seen; the new message may already be in it, as a turn that has not ended.
            message: What the person wrote, without ``@name``.
            budget: Tokens for messages and tools, see ``history.request_budget``.
            model: The session's choice, which goes before the agent's own; None: hers, else the provider's default.
            parameters: The configuration's request parameters; the agent's own are laid over them.
            tools: What is offered in this turn.
            language: In which to answer.
            session_context: What every agent of the session is told.
            note: What a handoff told this agent.
            attachments: What came with the message, as text.
            small: Whether a very small model answers, such as the embedded one.

        Raises:
            ProviderError: Of kind ``context_length``: the message does not fit, not even shortened.
        """
        system = system_prompt(
            self.spec,
            language=language,
            context=cut(session_context or "", budget // _SESSION_CONTEXT),
            note=cut(note or "", budget // _NOTE),
            tools=bool(tools),
            small=small,
        )
        conversation = context.conversation(user_message(message, attachments))
        old = _too_old(conversation) if small else 0
        messages, costs = conversation.messages[old:], conversation.costs[old:]
        trimmed = trim(system, messages, budget - _cost(tools), costs)
        request = ChatRequest(
            messages=trimmed.messages,
            model=model or self.spec.model,
            tools=tuple(tools),
            parameters={**(parameters or {}), **self.spec.parameters},
        )
        return Prepared(request, system, old + trimmed.dropped, trimmed.truncated)


def _too_old(conversation: Conversation) -> int:
    """How many messages go before the turns that a very small model is given; the newest it is given in any case."""
    before = [0, *accumulate(conversation.costs)]
    starts = (place for place, message in enumerate(conversation.messages) if message.role == "user")
    return next(start for start in starts if before[-2] - before[start] <= SMALL_HISTORY)


def _cost(tools: Sequence[ToolSchema]) -> int:
    return sum(estimate(msgspec.json.encode(tool).decode()) + MESSAGE_OVERHEAD for tool in tools)
