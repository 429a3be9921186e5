"""The gate in a turn: what it decides is told, and what it leaves to the person is put to the person."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import msgspec

from whisperer_kernel.events import Event, PermissionRequested, PermissionResolved, ResolvedBy
from whisperer_kernel.sessions.hands import Hands
from whisperer_kernel.sessions.opencall import OpenCall, denied
from whisperer_kernel.sessions.permissions import Answer
from whisperer_kernel.sessions.services import Services
from whisperer_kernel.sessions.state import SessionState
from whisperer_kernel.tools.call import ToolResult
from whisperer_kernel.tools.permissions import MODES, Decision, Grant, bound, decide
from whisperer_kernel.tools.tool import Tool

Tell = Callable[[OpenCall, Event], Awaitable[None]]


class Gate:
    """Stands before every call of a turn."""

    def __init__(  # noqa: PLR0913, PLR0917 - made in one place
        self, services: Services, state: SessionState, hands: Hands, message_id: str, agent: str, tell: Tell
    ) -> None:
        self._services = services
        self._state = state
        self._hands = hands
        self._message_id = message_id
        self._agent = agent
        self._tell = tell
        # What the message asks for in so many words is permitted for its turn, unless the policy wants it asked.
        self.commanded: set[Grant] = set()

    async def refusal(self, call: OpenCall) -> ToolResult | None:
        """Why the call may not be carried out; None: it may."""
        decision = self._decide(call)
        if decision == "allow":
            return None
        if decision == "deny":
            answer = await self._resolved(call, uuid4().hex, Answer("deny", self._no(), "policy"))
        else:
            answer = await self._ask(call)
        if answer.decision != "deny":
            return None
        if answer.by == "policy":
            return denied(answer.reason or self._no())
        return denied(_refused(call, answer))

    def reconsider(self, call: OpenCall) -> None:
        """The mode has changed: what is now decided without the person is no longer asked."""
        if call.question is not None and (decision := self._decide(call)) != "ask":
            answer = Answer("allow_once" if decision == "allow" else "deny", self._no(), "policy")
            self._hands.questions.answer(call.question, answer)

    def withdraw(self, call: OpenCall, by: ResolvedBy) -> PermissionResolved | None:
        """Nobody waits for an answer any more: what is to be told of it, where a question was open."""
        if call.question is None:
            return None
        self._hands.questions.answer(call.question, Answer("deny", by=by))
        return PermissionResolved(request_id=call.question, decision="deny", by=by, tool_call_id=call.id)

    def forbids(self, tool: Tool, arguments: dict[str, Any]) -> str | None:
        """In words where such a call is refused whatever the person says; None: it is not."""
        if self._decision(tool, arguments) != "deny":
            return None
        if MODES[self._state.mode][tool.effect_of(arguments)] != "deny":
            return "here: this server's policy does not permit it"
        return f"in the mode {self._state.mode.capitalize()}: choose another mode in the chat, and ask again"

    def _decide(self, call: OpenCall) -> Decision:
        return self._decision(call.tool, call.arguments)

    def _decision(self, tool: Tool, arguments: dict[str, Any]) -> Decision:
        state, policy = self._state, self._services.policy
        return decide(tool, arguments, self._agent, state.mode, policy, state.grants, self.commanded)

    def _no(self) -> str:
        return f"Not permitted in the mode {self._state.mode}, or by this server's policy."

    async def _ask(self, call: OpenCall) -> Answer:
        """Put it to the person, and wait no longer than the question stands."""
        wait = self._services.config.limits.permission_timeout_s
        request = PermissionRequested(
            message_id=self._message_id,
            request_id=uuid4().hex,
            tool_call_id=call.id,
            tool_name=call.tool.name,
            arguments=call.arguments,
            agent=self._agent,
            expires_at=(datetime.now(UTC) + timedelta(seconds=wait)).isoformat(timespec="seconds"),
            bound=bound(call.tool, call.arguments),
            preview=call.tool.preview_of(call.arguments),
            declaration=call.tool.declaration,
            once=not call.tool.is_grantable,
        )
        if not self._hands.is_attended():
            await self._tell(call, request)
            return await self._resolved(
                call, request.request_id, Answer("deny", "Nobody is there to ask.", "disconnect")
            )
        call.question = request.request_id
        with call.paused():
            answer = await self._answer(call, request, wait)
        call.question = None
        return await self._resolved(call, request.request_id, answer)

    async def _answer(self, call: OpenCall, request: PermissionRequested, wait: float) -> Answer:
        question = self._hands.questions.ask(request.request_id)
        try:
            await self._tell(call, call.event(self._message_id, self._agent, "waiting_permission", None, None))
            await self._tell(call, request)
            async with asyncio.timeout(wait):
                answer = await question
            is_too_much = request.once and answer.decision == "allow_session"
            return msgspec.structs.replace(answer, decision="allow_once") if is_too_much else answer
        except TimeoutError:
            return Answer("deny", "No answer came in time.", "timeout")
        finally:
            question.cancel()

    async def _resolved(self, call: OpenCall, request_id: str, answer: Answer) -> Answer:
        await self._tell(
            call,
            PermissionResolved(request_id=request_id, decision=answer.decision, by=answer.by, tool_call_id=call.id),
        )
        return answer


def _refused(call: OpenCall, answer: Answer) -> str:
    """For the model that called; or for the person, where what comes of the call is printed as it is."""
    *_, outermost = call.lineage()
    if outermost.origin == "model":
        words = "The user did not permit this."
    else:
        words = "You did not permit it." if answer.by == "user" else "It was not permitted."
    return f"{words} {answer.reason or ''}".strip()
