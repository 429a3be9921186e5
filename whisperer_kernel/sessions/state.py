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
from whisperer_kernel.sessions.asks import Asks
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
        self.asks = Asks()
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
        running = [reply for turn in self.open.values() if (reply := turn.so_far()) is not None]
        return [message for message in [*self.messages, *running] if agent in (None, message.agent)]

    @property
    def held_bytes(self) -> int:
        """About as many bytes as there are characters in the messages; the agents' contexts share them."""
        return sum(len(message.content) for message in self.messages)

    def model_for(self, provider: str) -> str | None:
        """The model that was chosen in this session, where it is one of this provider's."""
        return self.model if self._model_of in {None, provider} else None

    def _switched(self, event: AgentSwitched, _ts: str) -> None:
        self.agent = event.to_agent
        if event.note:
            self.notes[event.to_agent] = event.note

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
        self.asks.asked(event)

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
        self.messages.append(HistoryMessage.asked(event, ts))
        if event.client_message_id is not None:
            self.sent[event.client_message_id] = Submitted(event.message_id, queued)
        self.title = self.title or title_of(event.message)

    def _chunk(self, event: AIMessageChunk, ts: str) -> None:
        turn = self.open.get(event.message_id)
        if turn is not None:
            turn.say(event.chunk, ts)
        if not event.is_final:
            return
        if turn is None:
            self.introduced.add(event.agent)
        else:
            self._ended(turn, event)
        self.messages.append(HistoryMessage.answered(event, ts, turn))

    def _ended(self, turn: OpenTurn, end: AIMessageChunk) -> None:
        del self.open[end.message_id]
        self.asks.forget(end.message_id)
        self.notes.pop(end.agent, None)
        self.context(end.agent).add_reply(end.message_id, turn.text_since_tools, end.finish_reason or "stop")

    def _resolved(self, event: PermissionResolved, _ts: str) -> None:
        request = self.asks.resolved(event)
        if request is not None and event.decision == "allow_session":
            self.grants.add(grant(request.agent, request.tool_name, request.bound, request.declaration))

    def _tool(self, event: ToolCall, ts: str) -> None:
        if not self.asks.called(event) or event.origin != "model":
            return
        result = event.result or event.error or ""
        context = self.context(event.agent)
        if (turn := self.open.get(event.message_id)) is not None:
            context.add_text(event.message_id, turn.text_since_tools)
            turn.call(event)
        arguments = msgspec.json.encode(event.arguments).decode()
        context.add_tool(
            event.message_id, ToolRequest(id=event.tool_call_id, name=event.tool_name, arguments=arguments), result
        )
        self.messages.append(HistoryMessage.returned(event, result, ts))

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
