"""The tool calls of one turn: prepare, put to the gate, execute here or at a client, finalize, and tell each step."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any
from uuid import uuid4

import msgspec

from whisperer_kernel.agents.spec import AgentSpec
from whisperer_kernel.events import (
    CallOrigin,
    Event,
    FinishReason,
    ProviderInfo,
    ResolvedBy,
    ToolCall,
    ToolStatus,
    UserMessage,
)
from whisperer_kernel.sessions.callcontext import CallContext
from whisperer_kernel.sessions.gate import Gate
from whisperer_kernel.sessions.hands import Hands
from whisperer_kernel.sessions.opencall import INTERRUPTED, OpenCall, failed, outcome
from whisperer_kernel.sessions.services import Services
from whisperer_kernel.sessions.state import SessionState
from whisperer_kernel.tools.call import ToolRequest, ToolResult, ToolSchema
from whisperer_kernel.tools.kernel import IN_KERNEL
from whisperer_kernel.tools.permissions import grant
from whisperer_kernel.tools.replyshape import ReplyShape
from whisperer_kernel.tools.tool import Tool

LET_GO_S = 0.5
"""How long a tool that was cancelled is waited for; one that does not end by then is left to itself."""

KERNEL_WAIT_S = 5.0
"""How long a kernel's client is waited for: a page may be there, and ask, before it."""

Tell = Callable[[Event], Awaitable[None]]

log = logging.getLogger(__name__)


class TurnTools:
    """One turn's tools: those that are offered, and how a call goes."""

    def __init__(  # noqa: PLR0913 - made in one place, everything by name
        self,
        *,
        services: Services,
        state: SessionState,
        hands: Hands,
        user: UserMessage,
        spec: AgentSpec,
        tell: Tell,
    ) -> None:
        self._services = services
        self._user = user
        self._spec = spec
        self._tell_all = tell
        # Who answers, as soon as that is known.
        self.provider = ProviderInfo(name="none", label="No provider")
        self._hands = hands
        self._gate = Gate(services, state, hands, user.message_id, spec.id, self._tell)
        self._open: list[OpenCall] = []
        self._failures: Counter[str] = Counter()

    def usable(self) -> list[Tool]:
        """What this agent may use and somebody can carry out now, each name once."""
        here = {tool.name: tool for tool in self._services.tools.all() if tool.run is not None}
        others = {
            tool.name: tool for tool in [*self._hands.stand_ins(), *self._hands.clients.tools(self._user.client_id)]
        }
        tools = {**others, **here}
        return [tool for tool in tools.values() if self._spec.may_use(tool.name, tool.tags)]

    def offered(self) -> tuple[ToolSchema, ...]:
        """What the model is told of."""
        return tuple(tool.schema for tool in self.usable())

    async def can(self, name: str) -> bool:
        """Whether somebody is there who carries this out."""
        tool, _ = await self._find(name)
        return tool is not None

    async def forbidden(self, name: str, arguments: dict[str, Any]) -> str | None:
        """Why a call would be refused without a question, in words after "not permitted"; None: it would not be."""
        tool, _ = await self._find(name)
        return None if tool is None else self._gate.forbids(tool, arguments)

    async def call(self, request: ToolRequest, origin: CallOrigin = "model") -> ToolResult:
        """Carry out what the model asked for. Raises nothing but ``CancelledError``."""
        tool, missing = await self._find(request.name)
        if tool is not None and not self._spec.may_use(tool.name, tool.tags):
            tool, missing = None, _unknown(request.name)
        call = OpenCall(request, tool, origin, missing=missing)
        return self._counted(call, await self._carry_out(call))

    def shaped(self, message: str) -> tuple[str, ReplyShape] | None:
        """The name of the tool that this message asks for, and the shape of a reply that can be taken for its call."""
        shapes = ((tool.name, tool.shape) for tool in self.usable() if tool.shape is not None)
        return next(((name, shape) for name, shape in shapes if shape.wanted(message)), None)

    async def reply(self, request: ToolRequest) -> ToolResult:
        """Carry out what a reply in the shape of a call says."""
        return await self.call(request, "reply")

    async def look(self, name: str, arguments: dict[str, Any]) -> ToolResult:
        """Carry out a tool for what a message brought along. Raises nothing but ``CancelledError``."""
        tool, missing = await self._find(name)
        return await self._carry_out(OpenCall(_request(name, arguments), tool, "context", missing=missing))

    async def within(self, outer: OpenCall, name: str, arguments: dict[str, Any]) -> ToolResult:
        """Carry out a client's tool for a tool that runs. Raises nothing but ``CancelledError``."""
        tool, missing = await self._at(name), _nobody(name)
        return await self._carry_out(OpenCall(_request(name, arguments), tool, "tool", missing=missing, outer=outer))

    async def stopped(self, reason: FinishReason) -> str:
        """The turn was ended from outside: what was open is told to be over, the innermost first.

        Returns what is to be said of what was made, and waited for an answer.
        """
        if reason == "interrupted":
            await self._abandon(self._open, INTERRUPTED, "disconnect")
            return ""
        left = [call.if_unanswered for call in self._open if any(one.question for one in self._inside(call))]
        by: ResolvedBy = "user" if self._hands.is_attended() else "disconnect"
        await self._abandon(self._open, "Stopped.", by)
        for event in (event for _, events in left for event in events):
            await self._tell_all(event)
        return "\n\n".join(words for words, _ in left if words)

    def permit(self, name: str, bound: dict[str, Any]) -> None:
        """The message itself commands this: for its turn the mode need not ask; the server's policy still may."""
        self._gate.commanded.add(grant(self._spec.id, name, bound))

    def reconsider(self) -> None:
        """The mode has changed: what the gate would now decide by itself is no longer asked."""
        for call in self._open:
            self._gate.reconsider(call)

    async def tell(self, event: Event) -> None:
        """Put what a tool has to tell into the session's log."""
        await self._tell_all(event)

    # --- a call -----------------------------------------------------------------------------------------------------

    async def _carry_out(self, call: OpenCall) -> ToolResult:
        """A call that is cancelled stays open: who cancelled it tells its end."""
        self._open.append(call)
        result = await self._steps(call)
        if not call.is_abandoned:
            self._open.remove(call)
        return result

    async def _steps(self, call: OpenCall) -> ToolResult:
        refused = self._exhausted(call) or await call.prepare()
        if refused is not None:
            await self._told(call, "error", refused)
            return refused
        await self._told(call, "pending")
        refused = await self._gate.refusal(call)
        if refused is not None:
            await self._told(call, "denied", refused)
            return refused
        result = call.finalize(await self._execute(call))
        await self._abandon(self._inside(call), "The tool around it has ended.", "policy")
        await self._told(call, _end(result), result)
        return result

    async def _find(self, name: str) -> tuple[Tool | None, str]:
        """The tool, or why there is none."""
        tool = self._services.tools.get(name)
        if tool is not None and tool.run is not None:
            return tool, ""
        return await self._at(name), _unknown(name) if tool is None else _nobody(name)

    async def _at(self, name: str) -> Tool | None:
        """The tool as a client has declared it, or who stands in for one; a kernel on its way is waited for."""
        if (found := self._hands.find(name, self._user)) is not None:
            return found[1]
        if (stand_in := next((tool for tool in self._hands.stand_ins() if tool.name == name), None)) is not None:
            return stand_in
        known = self._services.tools.get(name)
        if known is None or not known.tags & IN_KERNEL or not self._hands.has_kernel():
            return None
        found = await self._hands.awaited(name, self._user, KERNEL_WAIT_S)
        return None if found is None else found[1]

    def _exhausted(self, call: OpenCall) -> ToolResult | None:
        attempts = None if call.found is None else call.found.attempts
        if call.origin not in {"model", "reply"} or attempts is None or self._failures[call.request.name] < attempts:
            return None
        return failed(f"{call.request.name} has failed {attempts} times in this turn and is not tried again.")

    def _counted(self, call: OpenCall, result: ToolResult) -> ToolResult:
        """The result, and whether it was the last attempt."""
        if not result.is_error or call.found is None:
            return result
        self._failures[call.request.name] += 1
        is_last = self._failures[call.request.name] == call.found.attempts
        return msgspec.structs.replace(result, is_last=is_last)

    # --- execution --------------------------------------------------------------------------------------------------

    async def _execute(self, call: OpenCall) -> ToolResult:
        """Run it here or have a client do it, no longer than the tool's limit."""
        try:
            async with asyncio.timeout(call.tool.timeout_s) as call.limit:
                return await (self._here(call) if call.tool.run is not None else self._at_client(call))
        except TimeoutError:
            return failed(f"No result within {call.tool.timeout_s:g} s.")
        finally:
            call.limit = None

    async def _here(self, call: OpenCall) -> ToolResult:
        """A tool that runs in this process. It is a task of its own: one that will not be cancelled is left behind."""
        assert call.tool.run is not None  # noqa: S101 - for the type checker
        await self._told(call, "running")
        context = CallContext(call, self._spec.id, self._user.message_id, self.provider, self._services.workspace, self)
        run = partial(call.tool.run, context, **call.given)
        running = asyncio.get_running_loop().create_task(outcome(call.tool.name, run))
        try:
            await asyncio.wait([running])
            return running.result()
        finally:
            call.is_over = True
            if not running.done():
                running.cancel()
                await asyncio.wait([running], timeout=LET_GO_S)
                if not running.done():
                    log.warning("the tool %s does not let itself be cancelled", call.tool.name)

    async def _at_client(self, call: OpenCall) -> ToolResult:
        found = self._hands.clients.declarer(call.tool) or self._hands.find(call.tool.name, self._user)
        # What was permitted is the tool as it was described then; what bears its name now may be another.
        if found is None or found[1].schema != call.tool.schema:
            return failed("Nobody who could carry this out is connected any more.")
        future = self._hands.clients.expect(call.id, *found, call.arguments)
        try:
            await self._told(call, "running", client_id=found[0])
            return await future
        finally:
            future.cancel()

    # --- ends -------------------------------------------------------------------------------------------------------

    def _inside(self, call: OpenCall) -> list[OpenCall]:
        return [other for other in self._open if other is not call and call in other.lineage()]

    async def _abandon(self, calls: list[OpenCall], words: str, by: ResolvedBy) -> None:
        """Calls that nobody goes on with are told to be over, with the questions that were open for them."""
        for call in reversed([*calls]):
            self._open.remove(call)
            call.is_over = call.is_abandoned = True
            if (resolved := self._gate.withdraw(call, by)) is not None:
                await self._tell_all(resolved)
            ended = self._event(call, "error", failed(words))
            await self._tell_all(msgspec.structs.replace(ended, cancelled=words != INTERRUPTED))

    async def _tell(self, call: OpenCall, event: Event) -> None:
        """Tell what happens in a call, unless it was given up: its end was told."""
        if not call.is_abandoned:
            await self._tell_all(event)

    async def _told(
        self, call: OpenCall, status: ToolStatus, result: ToolResult | None = None, client_id: str | None = None
    ) -> None:
        await self._tell(call, self._event(call, status, result, client_id))

    def _event(
        self, call: OpenCall, status: ToolStatus, result: ToolResult | None, client_id: str | None = None
    ) -> ToolCall:
        event = call.event(self._user.message_id, self._spec.id, status, result, client_id)
        return event if client_id is None else msgspec.structs.replace(event, cell_id=self._user.cell_id)


def _end(result: ToolResult) -> ToolStatus:
    if result.is_denied:
        return "denied"
    return "error" if result.is_error else "done"


def _request(name: str, arguments: dict[str, Any]) -> ToolRequest:
    return ToolRequest(id=uuid4().hex, name=name, arguments=msgspec.json.encode(arguments).decode())


def _nobody(name: str) -> str:
    return f"Nobody is connected who could carry out {name}."


def _unknown(name: str) -> str:
    return f"There is no tool named {name}."
