"""Sessions: started, resumed, stopped, listed and read."""

from __future__ import annotations

import msgspec

from whisperer_kernel.errors import InvalidParams
from whisperer_kernel.events import STOPPED
from whisperer_kernel.rpc import params as p
from whisperer_kernel.rpc.client_tools import client_tools
from whisperer_kernel.rpc.dispatcher import Call
from whisperer_kernel.rpc.methods.declared import OK, Methods, method
from whisperer_kernel.sessions.history import HistoryMessage
from whisperer_kernel.sessions.session import StatelessInteractiveSession
from whisperer_kernel.sessions.startparams import StartParams
from whisperer_kernel.sessions.store import SessionRow

CURSOR_DIGITS = 15


@method("startSession")
async def start_session(methods: Methods, call: Call, params: p.StartSession) -> p.Started:
    """Start a session, or go on with the one that this kernel or notebook has already."""
    wanted = params.session_params
    tools = await client_tools(methods.services.tools, wanted.client_tools, call.connection.client_id)
    start = StartParams(
        agent=wanted.agent,
        model=wanted.model,
        mode=wanted.mode,
        context=wanted.context,
        language=wanted.language,
        notebook=await _notebook(methods, wanted),
        kernel_id=wanted.kernel_id,
        new=wanted.new,
    )
    session, resumed = await methods.manager.start(call.connection.owner, start)
    call.hold(text=True)
    call.connection.attach(methods.manager, session)
    session.hands.clients.declare(call.connection, call.connection.tools_in(session, tools))
    methods.manager.give_kernel(session)
    seq = session.log.seq
    if resumed:
        await session.activate()
    else:
        await session.begin(start)
    return p.Started(
        session_id=session.id,
        status=session.state.status,
        client_id=call.connection.client_id,
        agent=session.current.id,
        seq=seq,
        resumed=resumed,
        provider=await session.settings.provider(),
        mode=session.settings.mode,
    )


@method("resumeSession")
async def resume_session(methods: Methods, call: Call, params: p.ResumeSession) -> p.Resumed:
    """Go on with a session after a lost connection: what was missed follows, nothing twice."""
    tools = await client_tools(methods.services.tools, params.client_tools, call.connection.client_id)
    session = await methods.manager.resume(params.session_id, call.connection.owner)
    provider = await session.settings.provider()
    call.hold(text=True)
    # From here to the return nothing waits, so that replay, snapshot and what follows are of one moment.
    kept = session.log.keeps(params.after_seq)
    call.connection.attach(methods.manager, session, params.after_seq if kept else None)
    session.hands.clients.declare(call.connection, call.connection.tools_in(session, tools))
    methods.manager.give_kernel(session)
    result = p.Resumed(
        session_id=session.id,
        status=session.state.status,
        client_id=call.connection.client_id,
        agent=session.current.id,
        seq=session.log.seq,
        pending=_pending(session, call, params.tool_calls),
        provider=provider,
        mode=session.settings.mode,
        snapshot=None if kept else _snapshot(session),
        resync=not kept and not session.log.recovered <= params.after_seq <= session.log.seq,
    )
    await session.activate()
    return msgspec.structs.replace(result, status=session.state.status)


@method("stopSession")
async def stop_session(methods: Methods, call: Call, params: p.SessionId) -> p.Status:
    """Cancel the turn and release the session; it can be resumed."""
    call.hold()
    session = await methods.manager.stop(params.session_id, call.connection.owner)
    if session is not None:
        call.at_last(lambda: methods.manager.live.drop(session))
    return p.Status(status=STOPPED)


@method("session.delete")
async def delete_session(methods: Methods, call: Call, params: p.SessionId) -> p.Status:
    """Remove a session and its log."""
    call.hold()
    await methods.manager.delete(params.session_id, call.connection.owner)
    return p.Status(status=OK)


@method("session.list")
async def list_sessions(methods: Methods, call: Call, params: p.ListSessions) -> p.SessionList:
    """The caller's own sessions, live or not, newest first."""
    page = await methods.manager.page(call.connection.owner, params.limit, params.cursor)
    return p.SessionList(
        sessions=[_info(row, methods.manager.notebooks.name_of(row.notebook)) for row in page.sessions],
        next_cursor=page.next_cursor,
    )


@method("session.history")
async def history(methods: Methods, call: Call, params: p.History) -> p.Messages:
    """A session's messages, oldest first."""
    state = await methods.manager.read(params.session_id, call.connection.owner)
    messages, start = _sent_as(state.history(params.agent), params.client_message_id), _offset(params.cursor)
    end = start + params.limit
    return p.Messages(messages=messages[start:end], next_cursor=str(end) if end < len(messages) else None)


@method("session.export")
async def export(methods: Methods, call: Call, params: p.Export) -> p.ExportedText:
    """A session as the text of a file."""
    content = await methods.manager.export(params.session_id, call.connection.owner, params.format)
    return p.ExportedText(content=content)


@method("session.clear")
async def clear(methods: Methods, call: Call, params: p.Clear) -> p.Status:
    """Forget the conversation with one agent, or with all."""
    session = await methods.held(call, params.session_id)
    await session.clear(params.agent)
    return p.Status(status=OK)


@method("session.set_mode")
async def set_mode(methods: Methods, call: Call, params: p.SetMode) -> p.ModeSet:
    """What tools are permitted from now on: plan, ask, edit or auto."""
    session = await methods.held(call, params.session_id)
    await session.set_mode(params.mode, call.connection)
    return p.ModeSet(mode=session.settings.mode)


async def _notebook(methods: Methods, wanted: p.SessionParams) -> str | None:
    if wanted.notebook is None and wanted.kernel_id is not None and methods.notebook_of is not None:
        return await methods.notebook_of(wanted.kernel_id)
    return wanted.notebook


def _pending(session: StatelessInteractiveSession, call: Call, own: list[str] | None) -> p.Pending:
    permissions, tool_calls = session.hands.pending(call.connection, own)
    return p.Pending(permissions=msgspec.to_builtins(permissions), tool_calls=msgspec.to_builtins(tool_calls))


def _snapshot(session: StatelessInteractiveSession) -> p.Snapshot:
    state = session.state
    return p.Snapshot(
        seq=session.log.seq,
        agent=state.agent,
        mode=session.settings.mode,
        # A copy: the turn that runs goes on writing while this waits to be sent.
        messages=state.history(),
        plans=[*state.plans.values()],
        reports=[*state.reports.values()],
        usage=state.usage,
    )


def _sent_as(messages: list[HistoryMessage], client_message_id: str | None) -> list[HistoryMessage]:
    """The turns whose message was sent under an id that begins so; None: all."""
    if client_message_id is None:
        return messages
    turns = {each.message_id for each in messages if (each.client_message_id or "").startswith(client_message_id)}
    return [message for message in messages if message.message_id in turns]


def _info(row: SessionRow, notebook: str | None) -> p.SessionInfo:
    return p.SessionInfo(
        session_id=row.id,
        title=row.title,
        agent=row.agent,
        notebook=notebook,
        created=row.created,
        updated=row.updated,
        status=row.status,
    )


def _offset(cursor: str | None) -> int:
    if cursor is None:
        return 0
    if not (cursor.isascii() and cursor.isdigit() and len(cursor) <= CURSOR_DIGITS):
        raise InvalidParams("cursor: not one that session.history gave out")
    return int(cursor)
