"""What each method takes and returns, exactly as it stands on the wire."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec

from whisperer_kernel.ai.provider import ModelInfo
from whisperer_kernel.events import Mode, PermissionDecision, ProviderInfo, Usage
from whisperer_kernel.plans.model import Plan, StepStatus
from whisperer_kernel.sessions.state import HistoryMessage
from whisperer_kernel.tools.tool import NAME
from whisperer_kernel.verify.report import Report

Text = Annotated[str, msgspec.Meta(min_length=1)]
# Not `^[^…]+$`: there `$` would let a line feed at the end pass.
ModelName = Annotated[
    str, msgspec.Meta(min_length=1, max_length=200, pattern=r"^(?![\s\S]*[\u0000-\u001f\u007f-\u009f])")
]
PageSize = Annotated[int, msgspec.Meta(ge=1, le=1_000)]


class Wire(msgspec.Struct, rename="camel", omit_defaults=True):
    """Named in camel case, as the original AIWhisperer's messages are."""


class Snake(msgspec.Struct, omit_defaults=True):
    """The agent methods, which the original spelled with underscores."""


class ClientTool(Wire):
    """A tool that a client declares and carries out itself."""

    name: Annotated[str, msgspec.Meta(pattern=f"^{NAME}$")]
    description: str
    input_schema: dict[str, Any]


class CellItem(Wire, tag_field="type", tag="cell"):
    """A cell of the notebook."""

    cell_id: Text


class VariableItem(Wire, tag_field="type", tag="variable"):
    """A variable in the kernel."""

    name: Text


class FileItem(Wire, tag_field="type", tag="file"):
    """A file in the workspace."""

    path: Text


class SelectionItem(Wire, tag_field="type", tag="selection"):
    """A selected part of a cell."""

    cell_id: Text
    text: str


class TextItem(Wire, tag_field="type", tag="text"):
    """Any text."""

    text: str


ContextItem = CellItem | VariableItem | FileItem | SelectionItem | TextItem


class NoParams(Wire):
    """Takes nothing."""


class SessionParams(Wire):
    """How a session is to be started; ``context`` is text that every agent is given."""

    model: ModelName | None = None
    agent: Text | None = None
    mode: Mode = "ask"
    context: str | None = None
    language: str | None = None
    notebook: Text | None = None
    kernel_id: Text | None = None
    new: bool = False
    client_tools: list[str | ClientTool] = []


class StartSession(Wire):
    """``userId`` is accepted from clients of the original; who owns a session is decided by authentication."""

    user_id: str | None = None
    session_params: SessionParams = msgspec.field(default_factory=SessionParams)


class Started(Wire, omit_defaults=False):
    """The session goes on from ``seq``; its later events follow this response."""

    session_id: str
    status: int
    client_id: str
    agent: str
    seq: int
    resumed: bool
    provider: ProviderInfo
    mode: Mode


class ResumeSession(Wire):
    """``afterSeq``: the last event that the client has."""

    session_id: Text
    after_seq: Annotated[int, msgspec.Meta(ge=0)]
    client_tools: list[str | ClientTool] = []


class Pending(Wire, omit_defaults=False):
    """Asks that are still open."""

    permissions: list[dict[str, Any]] = []
    tool_calls: list[dict[str, Any]] = []


class Snapshot(Wire, kw_only=True, omit_defaults=False):
    """All that the events up to ``seq`` have come to."""

    seq: int
    agent: str
    mode: Mode
    messages: list[HistoryMessage]
    plans: list[Plan] = []
    reports: list[Report] = []
    usage: Usage


class Resumed(Wire, kw_only=True):
    """Every event after ``afterSeq``, or after ``snapshot.seq``, follows this response."""

    session_id: str
    status: int
    client_id: str
    agent: str
    seq: int
    pending: Pending
    provider: ProviderInfo
    mode: Mode
    snapshot: Snapshot | None = None
    resync: bool = False


class SessionId(Wire):
    """One session."""

    session_id: Text


class OptionalSessionId(Wire):
    """A session; left out, the one this connection last started or resumed."""

    session_id: Text | None = None


class Status(Wire, omit_defaults=False):
    """``status``: sessions 0 starting, 1 active, 2 stopped, 3 error; everything else 0 ok, 1 error."""

    status: int


class SendUserMessage(Wire):
    """``clientMessageId``: sent again, the message is taken once."""

    session_id: Text
    message: str
    context: list[ContextItem] = []
    client_message_id: Text | None = None


class Sent(Wire, omit_defaults=False):
    """The turn's events carry ``messageId``; ``queued`` messages come before it."""

    message_id: str
    status: int
    queued: int


class Cancel(Wire):
    """``messageId`` left out: the running turn."""

    session_id: Text
    message_id: Text | None = None


class Cancelled(Wire, omit_defaults=False):
    """False: there was nothing to cancel (any more)."""

    cancelled: bool


class DispatchCommand(Wire):
    """A slash command, ``/help`` for instance."""

    session_id: Text
    command: Annotated[str, msgspec.Meta(min_length=1, max_length=1_000)]


class CommandOutput(Wire, omit_defaults=False):
    """What the command says."""

    output: str


class Echo(Wire):
    """Any text."""

    message: str


class AgentDescription(Snake, omit_defaults=False):
    """An agent as clients show her."""

    agent_id: str
    name: str
    role: str
    description: str
    color: str
    icon: str
    shortcut: str | None
    tools: list[str]
    introduction: str
    suggestions: list[str]


class AgentList(Snake, omit_defaults=False):
    """Every agent, the default first. ``problems``: what was wrong with the workspace's own agents."""

    agents: list[AgentDescription]
    problems: list[str] = []


class SwitchAgent(Snake):
    """Make an agent current."""

    agent_id: Text
    session_id: Text | None = msgspec.field(default=None, name="sessionId")


class Switched(Snake, omit_defaults=False):
    """Who is current now."""

    success: bool
    current_agent: str


class CurrentAgent(Snake, omit_defaults=False):
    """Who is current."""

    current_agent: str


class Handoff(Snake):
    """``note`` is what the new agent is told."""

    to_agent: Text
    session_id: Text | None = msgspec.field(default=None, name="sessionId")
    note: Annotated[str, msgspec.Meta(max_length=20_000)] | None = None


class HandedOff(Snake, omit_defaults=False):
    """Who handed over to whom."""

    success: bool
    from_agent: str
    to_agent: str


class ListSessions(Wire):
    """A page of the caller's sessions."""

    limit: PageSize = 50
    cursor: str | None = None


class SessionInfo(Wire, omit_defaults=False):
    """A session in a list."""

    session_id: str
    title: str
    agent: str
    notebook: str | None
    created: str
    updated: str
    status: int


class SessionList(Wire):
    """Newest first; ``nextCursor`` is there where more follow."""

    sessions: Annotated[list[SessionInfo], msgspec.Meta()]
    next_cursor: str | None = None


class History(Wire):
    """A page of a session's messages."""

    session_id: Text
    agent: Text | None = None
    limit: PageSize = 200
    cursor: str | None = None


class Messages(Wire):
    """Oldest first; ``nextCursor`` is there where more follow."""

    messages: list[HistoryMessage]
    next_cursor: str | None = None


class Clear(Wire):
    """``agent`` left out: every agent's conversation."""

    session_id: Text
    agent: Text | None = None


class SetModel(Wire):
    """The model to ask from the next turn on."""

    session_id: Text
    model: ModelName


class Model(Wire):
    """The model that is asked."""

    model: str


class ModelList(Wire, omit_defaults=False):
    """What the provider serves, and which model is asked where a session says nothing else."""

    models: list[ModelInfo]
    current: str | None
    provider: ProviderInfo


class ProvideToolResult(Wire):
    """What a client's tool returned; ``result`` that is not text is taken as JSON."""

    session_id: Text
    tool_call_id: Text
    result: Any
    is_error: bool = False


class Permit(Wire):
    """The person's answer; ``reason`` is told to the model."""

    session_id: Text
    request_id: Text
    decision: PermissionDecision
    reason: Annotated[str, msgspec.Meta(max_length=2_000)] | None = None


class ReportList(Wire, omit_defaults=False):
    """A session's reports of tests, oldest first."""

    reports: list[Report]


class ReportId(Wire):
    """One report."""

    session_id: Text
    report_id: Text


class OneReport(Wire, omit_defaults=False):
    """The whole report."""

    report: Report


class AttachKernel(Wire):
    """A kernel, and what its own connection carries out there."""

    kernel_id: Text
    client_tools: list[str | ClientTool]


class KernelAttached(Wire, omit_defaults=False):
    """``toolCalls``: what this kernel is asked for already, as in ``pending``, each with its ``sessionId``."""

    client_id: str
    tool_calls: list[dict[str, Any]]


class SetMode(Wire):
    """What tools are permitted from now on."""

    session_id: Text
    mode: Mode


class PlanList(Wire, omit_defaults=False):
    """A session's plans, oldest first."""

    plans: list[Plan]


class PlanId(Wire):
    """One plan."""

    session_id: Text
    plan_id: Text


class UpdatePlan(PlanId):
    """A step's new status, with its ``stepId``; ``approve``: whether the plan is to be followed."""

    step_id: Text | None = None
    status: StepStatus | None = None
    approve: bool | None = None


class OnePlan(Wire, omit_defaults=False):
    """The whole plan."""

    plan: Plan


class ModeSet(Wire, omit_defaults=False):
    """The mode in force."""

    mode: Mode
