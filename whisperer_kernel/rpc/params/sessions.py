"""Sessions: starting, resuming, what they are and hold."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec

from whisperer_kernel.events import Mode, ProviderInfo, Usage
from whisperer_kernel.plans.model import Plan
from whisperer_kernel.rpc.params.base import ModelName, PageSize, Text, Wire
from whisperer_kernel.rpc.params.tools import ClientTool
from whisperer_kernel.sessions.export import Format
from whisperer_kernel.sessions.history import HistoryMessage
from whisperer_kernel.verify.report import Report


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
    client_tools: list[str | ClientTool] = msgspec.field(default_factory=list)


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
    """``afterSeq``: the last event that the client has.

    ``toolCalls``: the calls that it was given before and is still at, by their ids; left out, it does not say.
    """

    session_id: Text
    after_seq: Annotated[int, msgspec.Meta(ge=0)]
    client_tools: list[str | ClientTool] = msgspec.field(default_factory=list)
    tool_calls: list[Text] | None = None


class Pending(Wire, omit_defaults=False):
    """Asks that are still open."""

    permissions: list[dict[str, Any]] = msgspec.field(default_factory=list)
    tool_calls: list[dict[str, Any]] = msgspec.field(default_factory=list)


class Snapshot(Wire, kw_only=True, omit_defaults=False):
    """All that the events up to ``seq`` have come to."""

    seq: int
    agent: str
    mode: Mode
    messages: list[HistoryMessage]
    plans: list[Plan] = msgspec.field(default_factory=list)
    reports: list[Report] = msgspec.field(default_factory=list)
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


class Export(Wire):
    """A session as a file: ``markdown`` to be read, ``ipynb`` to be worked on, ``json`` to the letter."""

    session_id: Text
    format: Format


class ExportedText(Wire, omit_defaults=False):
    """The text of the file."""

    content: str


class History(Wire):
    """A page of a session's messages; with ``clientMessageId``, of the turns whose message was sent under such an id.

    An id that only begins so counts as well: a client may see to it that what it asks again has the same beginning.
    """

    session_id: Text
    agent: Text | None = None
    limit: PageSize = 200
    cursor: str | None = None
    client_message_id: Text | None = None


class Messages(Wire):
    """Oldest first; ``nextCursor`` is there where more follow."""

    messages: list[HistoryMessage]
    next_cursor: str | None = None


class Clear(Wire):
    """``agent`` left out: every agent's conversation."""

    session_id: Text
    agent: Text | None = None


class SetMode(Wire):
    """What tools are permitted from now on."""

    session_id: Text
    mode: Mode


class ModeSet(Wire, omit_defaults=False):
    """The mode in force."""

    mode: Mode
