"""What happens in a session: the events of its log, which are the notifications on the wire.

An event is a small typed body. The log gives it its place (:class:`Entry`: ``seq``, ``ts``); ``notification`` puts the
two together as PROTOCOL.md says. Bodies are encoded once and serve both the store and every connection.
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import msgspec

from whisperer_kernel.errors import ErrorKind

FinishReason = Literal["stop", "length", "content_filter", "cancelled", "error", "interrupted", "max_rounds"]
SwitchedBy = Literal["user", "agent", "handoff"]
Mode = Literal["plan", "ask", "edit", "auto"]
PermissionDecision = Literal["allow_once", "allow_session", "deny"]
ResolvedBy = Literal["user", "policy", "timeout", "disconnect"]
ToolStatus = Literal["pending", "waiting_permission", "running", "done", "error", "denied"]
CallOrigin = Literal["model", "reply", "tool", "context"]
"""Whence a tool call: the model called; its reply, of a given shape, was taken for a call; a tool that runs needs it; a
message brought something along to look at."""

STARTING, ACTIVE, STOPPED, FAILED = 0, 1, 2, 3
"""``status`` of a session on the wire."""


class Usage(msgspec.Struct, kw_only=True, frozen=True, rename="camel", omit_defaults=True):
    """Tokens of one turn, as the provider counted them; ``cost_usd`` only where the provider states it."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_tokens: int = 0
    cost_usd: float | None = None

    def __add__(self, other: Usage) -> Usage:
        costs = [cost for cost in (self.cost_usd, other.cost_usd) if cost is not None]
        return Usage(
            prompt_tokens=self.prompt_tokens + other.prompt_tokens,
            completion_tokens=self.completion_tokens + other.completion_tokens,
            cached_tokens=self.cached_tokens + other.cached_tokens,
            cost_usd=sum(costs) if costs else None,
        )


class TurnError(msgspec.Struct, kw_only=True, frozen=True, rename="camel", omit_defaults=True):
    """Why a turn ended in ``error``; ``message`` is for the user, ``retry_after`` is in seconds."""

    kind: ErrorKind
    message: str
    status: int | None = None
    retry_after: float | None = None


class ProviderInfo(msgspec.Struct, kw_only=True, frozen=True, rename="camel", omit_defaults=True):
    """Who answers: shown to the user at all times.

    ``demo`` is the built-in model's badge, ``notice`` words for the user where something must be chosen or mended.
    """

    name: str
    label: str
    model: str | None = None
    demo: bool = False
    notice: str | None = None


class Event(msgspec.Struct, kw_only=True, rename="camel", omit_defaults=True):
    """The body of an event. ``method`` is its name on the wire and its type in the store."""

    method: ClassVar[str]


class AIMessageChunk(Event, kw_only=True):
    """New text of a turn and, when ``is_final``, its end. Exactly one final a turn.

    ``dropped`` on the final one: so many older messages did not fit into the model's context and were left out;
    ``truncated``: the message itself was shortened.
    """

    method = "AIMessageChunkNotification"
    message_id: str
    agent: str
    # On every chunk, also where they are empty or false: clients of the original look them up unconditionally.
    chunk: str = msgspec.field(default_factory=str)
    is_final: bool = msgspec.field(default_factory=bool)
    finish_reason: FinishReason | None = None
    usage: Usage | None = None
    error: TurnError | None = None
    dropped: int = 0
    truncated: bool = False


class AIReasoningChunk(Event, kw_only=True):
    """New reasoning text, where the model sends any."""

    method = "AIReasoningChunkNotification"
    message_id: str
    agent: str
    chunk: str


class UserMessage(Event, kw_only=True):
    """A message was sent: at that moment, queued or not.

    ``can_be_asked``: whoever sent it sees what its turn needs a yes for, and can answer. ``cell_id``: the cell whose
    code sent it, and may wait for the answer.
    """

    method = "UserMessageNotification"
    message_id: str
    message: str
    agent: str
    client_id: str
    context: list[dict[str, Any]] | None = None
    client_message_id: str | None = None
    can_be_asked: bool = False
    cell_id: str | None = None


class ToolCall(Event, kw_only=True):
    """A tool call changed its status. Only calls that the model made as such (``origin``) are shown to it again.

    ``cancelled``: it ended because nobody waits for it any more, not because it failed.
    ``cell_id``, for the client that is asked: the cell whose code sent the message.
    """

    method = "ToolCallNotification"
    message_id: str
    tool_call_id: str
    tool_name: str
    arguments: dict[str, Any]
    agent: str
    executor: Literal["server", "client"]
    status: ToolStatus
    result: str | None = None
    error: str | None = None
    client_id: str | None = None
    origin: CallOrigin = "model"
    cancelled: bool = False
    cell_id: str | None = None


class PermissionRequested(Event, kw_only=True):
    """The person is asked whether a tool call may be carried out.

    ``preview`` says what will happen, ``bound`` what of the arguments a yes for the session would be bound to, and
    ``declaration`` which of the tools of that name, where clients describe tools of their own. ``once``: a yes holds
    for this call alone, also one for the session.
    """

    method = "tool.permission_requested"
    message_id: str
    request_id: str
    tool_call_id: str
    tool_name: str
    arguments: dict[str, Any]
    agent: str
    expires_at: str
    bound: dict[str, Any]
    preview: str | None = None
    declaration: str = ""
    once: bool = False


class PermissionResolved(Event, kw_only=True):
    """The question is settled. Where the policy says no by itself nobody was asked, and only this event is there."""

    method = "tool.permission_resolved"
    request_id: str
    decision: PermissionDecision
    by: ResolvedBy
    tool_call_id: str | None = None


class ContextResolved(Event, kw_only=True):
    """What a message brought along was looked up: ``text`` is what its agent is given, now and in later turns.

    ``problems`` says in words what could not be read and what was left out.
    """

    method = "context.resolved"
    message_id: str
    text: str
    problems: list[str] = []


class PlanUpdated(Event, kw_only=True):
    """A plan was made or changed; ``plan`` is the whole of it, ``checklist`` the text of its cell in the notebook."""

    method = "plan.updated"
    plan: dict[str, Any]
    checklist: str = ""


class TestsReported(Event, kw_only=True):
    """Tests were run; ``report`` tells of each, and of where those stand that passed."""

    # It only begins like one.
    __test__: ClassVar[bool] = False

    method = "tests.reported"
    report: dict[str, Any]


class AgentSwitched(Event, kw_only=True, rename={"from_agent": "from", "to_agent": "to"}):
    """Another agent is current now. ``note`` is what a handoff told her."""

    method = "agent.switched"
    from_agent: str
    to_agent: str
    by: SwitchedBy
    note: str | None = None


class SessionStatus(Event, kw_only=True):
    """The session's status, with the reason where there is one to tell.

    ``params`` are those of ``startSession``, on the first event of a session alone.
    """

    method = "SessionStatusNotification"
    status: int
    reason: str | None = None
    provider: ProviderInfo | None = None
    params: dict[str, Any] | None = None


class SessionUsage(Event, kw_only=True):
    """What the session has used since it began."""

    method = "session.usage"
    prompt_tokens: int = msgspec.field(default_factory=int)
    completion_tokens: int = msgspec.field(default_factory=int)
    cost_usd: float | None = None


class SessionCleared(Event, kw_only=True):
    """One agent's context, or all of them, was cleared."""

    method = "session.cleared"
    agent: str | None = None


class ModeChanged(Event, kw_only=True):
    """From now on tools are permitted as this mode says."""

    method = "session.mode_changed"
    mode: Mode


class ModelChanged(Event, kw_only=True):
    """The session asks another model from now on."""

    method = "session.model_changed"
    model: str
    provider: ProviderInfo | None = None


class ProviderStatus(Event, kw_only=True):
    """The provider is being made ready, the embedded model above all. ``progress`` runs from 0 to 1."""

    method = "provider.status"
    state: Literal["starting", "downloading", "ready", "failed"]
    message: str
    progress: float | None = None


EVENT_TYPES: dict[str, type[Event]] = {
    kind.method: kind
    for kind in (
        AIMessageChunk,
        AIReasoningChunk,
        UserMessage,
        ToolCall,
        PermissionRequested,
        PermissionResolved,
        ContextResolved,
        PlanUpdated,
        TestsReported,
        AgentSwitched,
        SessionStatus,
        SessionUsage,
        SessionCleared,
        ModeChanged,
        ModelChanged,
        ProviderStatus,
    )
}


class Entry(msgspec.Struct, frozen=True, gc=False):
    """An event in its place: ``seq`` from 1, one more each time; ``ts`` ISO 8601 in UTC; ``body`` its JSON."""

    seq: int
    ts: str
    event: Event
    body: bytes


def is_text(event: Event) -> bool:
    """Whether it is new text of a turn that goes on."""
    return isinstance(event, AIReasoningChunk) or (isinstance(event, AIMessageChunk) and not event.is_final)


def encode(event: Event) -> bytes:
    """The event's JSON. Lone surrogates, which UTF-8 cannot carry, become U+FFFD.

    >>> encode(SessionCleared(agent="alice"))
    b'{"agent":"alice"}'
    """
    try:
        return msgspec.json.encode(event)
    except UnicodeEncodeError:
        return msgspec.json.encode(without_surrogates(msgspec.to_builtins(event)))


def without_surrogates(value: Any) -> Any:
    """The same JSON value with every lone surrogate replaced by U+FFFD."""
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, dict):
        return {without_surrogates(key): without_surrogates(item) for key, item in value.items()}
    if isinstance(value, list):
        return [without_surrogates(item) for item in value]
    return value


def decode(method: str, body: bytes) -> Event:
    """The event that ``encode`` wrote under this ``method``."""
    return msgspec.json.decode(body, type=EVENT_TYPES[method])


def notification(session_id: str, entry: Entry) -> str:
    """The JSON-RPC notification of an entry, as one text frame."""
    place = msgspec.json.encode({"sessionId": session_id, "seq": entry.seq, "ts": entry.ts})
    params = place if entry.body == b"{}" else place[:-1] + b"," + entry.body[1:]
    frame = b'{"jsonrpc":"2.0","method":"%s","params":%s}' % (entry.event.method.encode(), params)
    return frame.decode()
