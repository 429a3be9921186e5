"""The tool calls of one turn: prepare, put to the gate, execute here or at a client, finalize, and tell each step."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import msgspec

from whisperer_kernel.agents.spec import AgentSpec
from whisperer_kernel.errors import WhispererError
from whisperer_kernel.events import (
    Event,
    PermissionDecision,
    PermissionRequested,
    PermissionResolved,
    ToolCall,
    ToolStatus,
    UserMessage,
)
from whisperer_kernel.sessions.clients import ClientTools
from whisperer_kernel.sessions.permissions import Answer, Questions
from whisperer_kernel.sessions.services import Services
from whisperer_kernel.sessions.state import SessionState
from whisperer_kernel.tools.call import ToolRequest, ToolResult, ToolSchema
from whisperer_kernel.tools.permissions import bound, decide
from whisperer_kernel.tools.tool import Tool, ToolFailed

Tell = Callable[[Event], Awaitable[None]]


class Hands(msgspec.Struct, frozen=True):
    """What of a session a turn's tool calls need: who carries tools out, whom to ask, whether anybody is there."""

    clients: ClientTools
    questions: Questions
    is_attended: Callable[[], bool]


class TurnTools:
    """One turn's tools: those that are offered, and how a call goes. Is the ``ToolContext`` of those that run here."""

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
        self._state = state
        self._hands = hands
        self._user = user
        self._spec = spec
        self._tell = tell
        self._current: _Call | None = None

    # --- what a tool may use (ToolContext) --------------------------------------------------------------------------

    @property
    def agent(self) -> str:
        """The agent that calls."""
        return self._spec.id

    @property
    def workspace(self) -> Path | None:
        """The folder that files are read from."""
        return self._services.workspace

    async def ask_client(self, name: str, arguments: dict[str, Any]) -> str:
        """Have a client carry out a tool of its own. Raises ``ToolFailed``."""
        request = ToolRequest(id=uuid4().hex, name=name, arguments=msgspec.json.encode(arguments).decode())
        found = self._hands.clients.find(name, self._user.client_id)
        if found is None:
            raise ToolFailed(f"Nobody is connected who could carry out {name}.")
        result = await self._carry_out(_Call(request, found[1]))
        if result.is_error:
            raise ToolFailed(result.content)
        return result.content

    async def tell(self, event: Event) -> None:
        """Put an event into the session's log."""
        await self._tell(event)

    # --- a call -----------------------------------------------------------------------------------------------------

    def offered(self) -> tuple[ToolSchema, ...]:
        """What the model is told of: what this agent may use and somebody can carry out."""
        here = [tool for tool in self._services.tools.all() if tool.run is not None]
        return tuple(
            tool.schema for tool in [*here, *self._hands.clients.tools()] if self._spec.may_use(tool.name, tool.tags)
        )

    async def call(self, request: ToolRequest) -> ToolResult:
        """Carry out what the model asked for. Raises nothing but ``CancelledError``."""
        tool = self._find(request.name)
        return await self._carry_out(
            _Call(request, tool if tool and self._spec.may_use(tool.name, tool.tags) else None)
        )

    async def _carry_out(self, call: _Call) -> ToolResult:
        outer, self._current = self._current, call
        try:
            return await self._steps(call)
        finally:
            if not _is_cancelling():
                self._current = outer

    async def _steps(self, call: _Call) -> ToolResult:
        refused = call.prepare()
        if refused is not None:
            await self._told(call, "error", refused)
            return refused
        await self._told(call, "pending")
        refused = await self._gate(call)
        if refused is not None:
            await self._told(call, "denied", refused)
            return refused
        result = call.finalize(await self._execute(call))
        await self._told(call, "error" if result.is_error else "done", result)
        return result

    async def stopped(self) -> None:
        """The turn was ended from outside: what was open is told to be over."""
        for request in [*self._state.permissions.values()]:
            if request.message_id == self._user.message_id:
                await self._tell(PermissionResolved(request_id=request.request_id, decision="deny", by="user"))
        if self._current is not None:
            await self._told(self._current, "error", ToolResult(content="Stopped.", is_error=True))
            self._current = None

    def _find(self, name: str) -> Tool | None:
        tool = self._services.tools.get(name)
        if tool is not None and tool.run is not None:
            return tool
        found = self._hands.clients.find(name)
        return None if found is None else found[1]

    async def _gate(self, call: _Call) -> ToolResult | None:
        """None: it may be carried out."""
        decision = decide(
            call.tool, call.arguments, self.agent, self._state.mode, self._services.policy, self._state.grants
        )
        if decision == "allow":
            return None
        if decision == "deny":
            return _denied(f"Not permitted in the mode {self._state.mode}, or by this server's policy.")
        answer = await self._ask(call)
        if answer.decision != "deny":
            return None
        return _denied(f"The user did not permit this. {answer.reason or ''}".strip())

    async def _ask(self, call: _Call) -> Answer:
        """Put it to the person, and wait no longer than the question stands."""
        wait = self._services.config.limits.permission_timeout_s
        request = PermissionRequested(
            message_id=self._user.message_id,
            request_id=uuid4().hex,
            tool_call_id=call.id,
            tool_name=call.tool.name,
            arguments=call.arguments,
            agent=self.agent,
            expires_at=(datetime.now(UTC) + timedelta(seconds=wait)).isoformat(timespec="seconds"),
            bound=bound(call.tool, call.arguments),
            preview=call.preview(),
        )
        if not self._hands.is_attended():
            await self._tell(request)
            return await self._resolved(request.request_id, Answer("deny", "Nobody is there to ask."), "disconnect")
        question = self._hands.questions.ask(request.request_id)
        await self._told(call, "waiting_permission")
        await self._tell(request)
        try:
            async with asyncio.timeout(wait):
                answer = await question
        except TimeoutError:
            return await self._resolved(request.request_id, Answer("deny", "No answer came in time."), "timeout")
        except asyncio.CancelledError:
            question.cancel()
            raise
        return await self._resolved(request.request_id, answer, "user")

    async def _resolved(self, request_id: str, answer: Answer, by: Any) -> Answer:
        decision: PermissionDecision = answer.decision
        await self._tell(PermissionResolved(request_id=request_id, decision=decision, by=by))
        return answer

    async def _execute(self, call: _Call) -> ToolResult:
        """Run it here or have a client do it, no longer than the tool's limit."""
        try:
            async with asyncio.timeout(call.tool.timeout_s):
                if call.tool.run is None:
                    return await self._at_client(call)
                await self._told(call, "running")
                decoded = call.decoded
                given = {} if decoded is None else {name: getattr(decoded, name) for name in decoded.__struct_fields__}
                return ToolResult(content=str(await call.tool.run(self, **given)))
        except TimeoutError:
            return ToolResult(content=f"No result within {call.tool.timeout_s:g} s.", is_error=True)
        except WhispererError as error:
            return ToolResult(content=str(error), is_error=True)
        except Exception as error:  # noqa: BLE001 - a tool's failure is the model's to read, not the turn's end
            return ToolResult(content=f"{type(error).__name__}: {error}", is_error=True)

    async def _at_client(self, call: _Call) -> ToolResult:
        found = self._hands.clients.find(call.tool.name, self._user.client_id)
        if found is None:
            raise ToolFailed("Nobody who could carry this out is connected any more.")
        future = self._hands.clients.expect(call.id)
        try:
            await self._told(call, "running", client_id=found[0])
            return await future
        finally:
            future.cancel()

    async def _told(
        self, call: _Call, status: ToolStatus, result: ToolResult | None = None, client_id: str | None = None
    ) -> None:
        content = None if result is None else result.content
        await self._tell(
            ToolCall(
                message_id=self._user.message_id,
                tool_call_id=call.id,
                tool_name=call.request.name,
                arguments=call.arguments,
                agent=self.agent,
                executor="server" if call.found is None else call.found.executor,
                status=status,
                result=content if status == "done" else None,
                error=content if status in {"error", "denied"} else None,
                client_id=client_id,
            )
        )


class _Call:
    """One call on its way."""

    def __init__(self, request: ToolRequest, found: Tool | None) -> None:
        # Providers count their calls anew each round; on the wire a call's id is its own.
        self.id = uuid4().hex
        self.request = request
        self.found = found
        self.arguments: dict[str, Any] = {}
        self.decoded: msgspec.Struct | None = None

    @property
    def tool(self) -> Tool:
        """The tool, once it was prepared."""
        if self.found is None:
            raise ToolFailed(f"There is no tool named {self.request.name}.")
        return self.found

    def prepare(self) -> ToolResult | None:
        """Check the arguments; a result says why the tool cannot be called."""
        if self.found is None:
            return ToolResult(content=f"There is no tool named {self.request.name}.", is_error=True)
        try:
            self.arguments = msgspec.json.decode(self.request.arguments or "{}", type=dict[str, Any])
            if self.found.arguments is not None:
                self.decoded = msgspec.convert(self.arguments, self.found.arguments)
        except (msgspec.MsgspecError, RecursionError, ValueError) as error:
            return ToolResult(content=f"The arguments are not what {self.request.name} takes: {error}", is_error=True)
        return None

    def preview(self) -> str | None:
        """What will happen, for the person who is asked."""
        return None if self.tool.preview is None else self.tool.preview(self.arguments)

    def finalize(self, result: ToolResult) -> ToolResult:
        """The result within the tool's bound; what was cut is said."""
        limit = self.tool.result_chars
        if len(result.content) <= limit:
            return result
        cut = f"{result.content[:limit]}\n[cut: {len(result.content) - limit:,} of {len(result.content):,} characters]"
        return ToolResult(content=cut, is_error=result.is_error)


def _is_cancelling() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def _denied(words: str) -> ToolResult:
    return ToolResult(content=words, is_error=True)
