"""What a session is at a moment: a fold of its log, and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, ClassVar

import msgspec

from whisperer_kernel.agents.attachments import attached
from whisperer_kernel.agents.context import AgentContext
from whisperer_kernel.ai.providers import NOBODY
from whisperer_kernel.errors import NoSuchItem
from whisperer_kernel.events import (
    AgentSwitched,
    AIMessageChunk,
    ContextResolved,
    Entry,
    Event,
    Mode,
    ModeChanged,
    ModelChanged,
    PermissionRequested,
    PermissionResolved,
    PlanUpdated,
    ProviderInfo,
    SessionCleared,
    SessionStatus,
    SessionUsage,
    TestsReported,
    ToolCall,
    Usage,
    UserMessage,
)
from whisperer_kernel.plans.model import Plan
from whisperer_kernel.sessions.history import HistoryMessage, OpenTurn, Submitted, title_of
from whisperer_kernel.tools.call import ToolRequest
from whisperer_kernel.tools.permissions import Grant, grant
from whisperer_kernel.verify.report import Report


class SessionState:
    """The fold. ``apply`` takes entries in the order of their numbers."""

    def __init__(self) -> None:
        self.agent = ""
        self.model: str | None = None
        # Whose model that is: another provider knows nothing of it.
        self._model_of: str | None = None
        self.params: dict[str, Any] = {}
        self.status = 0
        self.title = ""
        self.messages: list[HistoryMessage] = []
        self.contexts: dict[str, AgentContext] = {}
        self.notes: dict[str, str] = {}
        self.introduced: set[str] = set()
        self.open: dict[str, OpenTurn] = {}
        self.sent: dict[str, Submitted] = {}
        self.usage = Usage()
        self.mode: Mode = "ask"
        self.grants: set[Grant] = set()
        # What the person has been asked and has not answered, and the calls that have not ended, by their ids.
        self.permissions: dict[str, PermissionRequested] = {}
        self.calls: dict[str, ToolCall] = {}
        # All there ever were, so that a late answer is known for what it is.
        self.known_permissions: set[str] = set()
        self.known_calls: set[str] = set()
        self.plans: dict[str, Plan] = {}
        self.reports: dict[str, Report] = {}

    def apply_all(self, entries: Iterable[Entry]) -> None:
        """Fold entries in."""
        for entry in entries:
            self.apply(entry)

    def apply(self, entry: Entry) -> None:
        """Fold one entry in; what changes nothing here (the provider's comings and goings) is passed over."""
        fold = self._folds.get(type(entry.event))
        if fold is not None:
            fold(self, entry.event, entry.ts)

    def context(self, agent: str) -> AgentContext:
        """The agent's memory of this session; empty where she has none yet."""
        return self.contexts.setdefault(agent, AgentContext())

    @property
    def tool_calls(self) -> list[ToolCall]:
        """The calls that clients have been asked for and have not answered."""
        return [call for call in self.calls.values() if call.executor == "client" and call.status == "running"]

    def knows_permission(self, request_id: str) -> bool:
        """Whether a permission request of this id was ever made."""
        return request_id in self.known_permissions

    def knows_call(self, tool_call_id: str) -> bool:
        """Whether a tool call of this id was ever made."""
        return tool_call_id in self.known_calls

    def plan(self, plan_id: str) -> Plan:
        """The plan of this id. Raises ``NoSuchItem``."""
        if (plan := self.plans.get(plan_id)) is None:
            raise NoSuchItem("There is no such plan.")
        return plan

    def report(self, report_id: str) -> Report:
        """The report of this id. Raises ``NoSuchItem``."""
        if (report := self.reports.get(report_id)) is None:
            raise NoSuchItem("There is no such report.")
        return report

    def history(self, agent: str | None = None) -> list[HistoryMessage]:
        """All messages, oldest first, the running turn's text so far among them."""
        running = [
            HistoryMessage(
                message_id=turn.user.message_id,
                role="assistant",
                agent=turn.user.agent,
                content="".join(turn.texts),
                ts=turn.started,
                tool_calls=turn.calls or None,
            )
            for turn in self.open.values()
            if turn.started
        ]
        return [message for message in [*self.messages, *running] if agent in (None, message.agent)]

    def _switched(self, event: AgentSwitched, _ts: str) -> None:
        self.agent = event.to_agent
        if event.note:
            self.notes[event.to_agent] = event.note

    @property
    def held_bytes(self) -> int:
        """About as many bytes as there are characters in the messages; the agents' contexts share them."""
        return sum(len(message.content) for message in self.messages)

    def model_for(self, provider: str) -> str | None:
        """The model that was chosen in this session, where it is one of this provider's."""
        return self.model if self._model_of in {None, provider} else None

    def _used(self, event: SessionUsage, _ts: str) -> None:
        self.usage = Usage(
            prompt_tokens=event.prompt_tokens, completion_tokens=event.completion_tokens, cost_usd=event.cost_usd
        )

    def _model_changed(self, event: ModelChanged, _ts: str) -> None:
        self._choose_model(event.model, event.provider)

    def _choose_model(self, model: str, provider: ProviderInfo | None) -> None:
        self.model = model
        self._model_of = None if provider is None or provider.name == NOBODY else provider.name

    def _mode_changed(self, event: ModeChanged, _ts: str) -> None:
        self.mode = event.mode

    def _plan(self, event: PlanUpdated, _ts: str) -> None:
        plan = msgspec.convert(event.plan, Plan)
        self.plans[plan.plan_id] = plan

    def _tested(self, event: TestsReported, _ts: str) -> None:
        report = msgspec.convert(event.report, Report)
        self.reports[report.report_id] = report

    def _looked_up(self, event: ContextResolved, _ts: str) -> None:
        if (turn := self.open.get(event.message_id)) is not None:
            self.context(turn.user.agent).attach(event.message_id, turn.user.message, event.text)

    def _asked(self, event: PermissionRequested, _ts: str) -> None:
        self.permissions[event.request_id] = event
        self.known_permissions.add(event.request_id)

    def _status(self, event: SessionStatus, _ts: str) -> None:
        self.status = event.status
        if event.params is not None:
            self.params = event.params
            self.agent = event.params.get("agent", self.agent)
            if model := event.params.get("model"):
                self._choose_model(model, event.provider)
            self.mode = event.params.get("mode", self.mode)

    def _user(self, event: UserMessage, ts: str) -> None:
        queued = len(self.open)
        self.open[event.message_id] = OpenTurn(user=event, ts=ts, queued=queued)
        self.context(event.agent).add_user(event.message_id, event.message, attached(event.context or []))
        self.messages.append(
            HistoryMessage(
                message_id=event.message_id,
                role="user",
                agent=event.agent,
                content=event.message,
                ts=ts,
                context=event.context,
                client_message_id=event.client_message_id,
            )
        )
        if event.client_message_id is not None:
            self.sent[event.client_message_id] = Submitted(event.message_id, queued)
        self.title = self.title or title_of(event.message)

    def _chunk(self, event: AIMessageChunk, ts: str) -> None:
        turn = self.open.get(event.message_id)
        if turn is not None:
            turn.texts.append(event.chunk)
            turn.started = turn.started or ts
        if not event.is_final:
            return
        text = event.chunk if turn is None else "".join(turn.texts)
        if turn is None:
            self.introduced.add(event.agent)
        else:
            del self.open[event.message_id]
            self._forget_asks(event.message_id)
            self.notes.pop(event.agent, None)
            since_tools = "".join(turn.texts[turn.told :])
            self.context(event.agent).add_reply(event.message_id, since_tools, event.finish_reason or "stop")
        self.messages.append(
            HistoryMessage(
                message_id=event.message_id,
                role="assistant",
                agent=event.agent,
                content=text,
                ts=(turn and turn.started) or ts,
                finish_reason=event.finish_reason,
                tool_calls=(turn and turn.calls) or None,
                usage=event.usage,
                error=event.error,
                dropped=event.dropped,
                truncated=event.truncated,
            )
        )

    def _resolved(self, event: PermissionResolved, _ts: str) -> None:
        request = self.permissions.pop(event.request_id, None)
        if request is not None and event.decision == "allow_session":
            self.grants.add(grant(request.agent, request.tool_name, request.bound, request.declaration))

    def _forget_asks(self, message_id: str) -> None:
        """A turn has ended: nobody waits for what it asked any more."""
        for asks in (self.permissions, self.calls):
            for ask_id in [ask_id for ask_id, event in asks.items() if event.message_id == message_id]:
                del asks[ask_id]

    def _tool(self, event: ToolCall, ts: str) -> None:
        self.known_calls.add(event.tool_call_id)
        if event.status not in {"done", "error", "denied"}:
            self.calls[event.tool_call_id] = event
            return
        self.calls.pop(event.tool_call_id, None)
        if event.origin != "model":
            return
        result = event.result or event.error or ""
        context = self.context(event.agent)
        if (turn := self.open.get(event.message_id)) is not None:
            context.add_text(event.message_id, "".join(turn.texts[turn.told :]))
            turn.told = len(turn.texts)
            turn.calls.append(_as_told(event))
        arguments = msgspec.json.encode(event.arguments).decode()
        context.add_tool(
            event.message_id, ToolRequest(id=event.tool_call_id, name=event.tool_name, arguments=arguments), result
        )
        self.messages.append(
            HistoryMessage(
                message_id=event.message_id,
                role="tool",
                agent=event.agent,
                content=result,
                ts=ts,
                tool_call_id=event.tool_call_id,
            )
        )

    def _cleared(self, event: SessionCleared, _ts: str) -> None:
        agent = event.agent
        # A turn that still runs is not forgotten half way: its message stays with its reply.
        self.messages = [
            message
            for message in self.messages
            if message.message_id in self.open or agent not in (None, message.agent)
        ]
        for name in [agent] if agent else list(self.contexts):
            self.context(name).clear()
            self.notes.pop(name, None)
        self.grants = {held for held in self.grants if agent not in (None, held.agent)}

    _folds: ClassVar[dict[type[Event], Callable[[SessionState, Any, str], None]]] = {
        AIMessageChunk: _chunk,
        UserMessage: _user,
        AgentSwitched: _switched,
        SessionStatus: _status,
        SessionCleared: _cleared,
        SessionUsage: _used,
        ModelChanged: _model_changed,
        ModeChanged: _mode_changed,
        ToolCall: _tool,
        PermissionRequested: _asked,
        PermissionResolved: _resolved,
        PlanUpdated: _plan,
        TestsReported: _tested,
        ContextResolved: _looked_up,
    }


def _as_told(call: ToolCall) -> dict[str, Any]:
    """A call as the history shows it, under the names of its notification."""
    return {
        "toolCallId": call.tool_call_id,
        "toolName": call.tool_name,
        "arguments": call.arguments,
        "status": call.status,
    }
