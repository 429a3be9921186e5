"""The methods of the protocol; what each takes and returns stands in its signature, of which OpenRPC is made."""

from __future__ import annotations

import typing
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import msgspec

from whisperer_kernel.agents.spec import AgentSpec
from whisperer_kernel.errors import InvalidParams
from whisperer_kernel.events import STOPPED
from whisperer_kernel.rpc import commands
from whisperer_kernel.rpc import params as p
from whisperer_kernel.rpc.dispatcher import Call, Method
from whisperer_kernel.sessions.manager import StatelessSessionManager
from whisperer_kernel.sessions.session import StartParams, StatelessInteractiveSession
from whisperer_kernel.sessions.state import HistoryMessage
from whisperer_kernel.sessions.store import SessionRow

OK = 0
CURSOR_DIGITS = 15

Notebook = Callable[[str], Awaitable[str | None]]
"""The path of the notebook that a kernel belongs to, where the server knows it."""

_declared: dict[str, str] = {}


def method(name: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Mark a function of ``Methods`` as the method of this name on the wire."""

    def declare(function: Callable[..., Any]) -> Callable[..., Any]:
        _declared[name] = function.__name__
        return function

    return declare


class Methods:
    """What clients may ask of the sessions. Every one checks whose session it is."""

    def __init__(self, manager: StatelessSessionManager, notebook_of: Notebook | None = None) -> None:
        self._manager = manager
        self._services = manager.services
        self._notebook_of = notebook_of

    def table(self) -> dict[str, Method]:
        """Every method by its name on the wire."""
        return {name: self._described(name, getattr(self, attribute)) for name, attribute in _declared.items()}

    def _described(self, name: str, function: Callable[..., Any]) -> Method:
        _, params, result = typing.get_type_hints(function, include_extras=True).values()
        summary = (function.__doc__ or "").strip().split("\n")[0]
        return Method(name=name, params=params, result=result, handle=function, summary=summary)

    # --- sessions ---------------------------------------------------------------------------------------------------

    @method("startSession")
    async def start_session(self, call: Call, params: p.StartSession) -> p.Started:
        """Start a session, or go on with the one that this kernel or notebook has already."""
        wanted = params.session_params
        _check_client_tools(wanted.client_tools)
        start = StartParams(
            agent=wanted.agent,
            model=wanted.model,
            mode=wanted.mode,
            context=wanted.context,
            language=wanted.language,
            notebook=await self._notebook(wanted),
            kernel_id=wanted.kernel_id,
            new=wanted.new,
        )
        session, resumed = await self._manager.start(call.connection.owner, start)
        call.hold()
        call.connection.attach(self._manager, session)
        seq = session.seq
        if resumed:
            await session.activate()
        else:
            await session.begin(start)
        return p.Started(
            session_id=session.id,
            status=session.state.status,
            client_id=call.connection.client_id,
            agent=session.agent,
            seq=seq,
            resumed=resumed,
            provider=await self._services.provider_info(session.state.model),
        )

    @method("resumeSession")
    async def resume_session(self, call: Call, params: p.ResumeSession) -> p.Resumed:
        """Go on with a session after a lost connection: what was missed follows, nothing twice."""
        _check_client_tools(params.client_tools)
        session = await self._manager.resume(params.session_id, call.connection.owner)
        provider = await self._services.provider_info(session.state.model)
        call.hold()
        # From here to the return nothing waits, so that replay, snapshot and what follows are of one moment.
        call.connection.attach(self._manager, session)
        missed = session.replay(params.after_seq)
        if missed is not None:
            call.then(lambda: _send_all(call, missed))
        result = p.Resumed(
            session_id=session.id,
            status=session.state.status,
            client_id=call.connection.client_id,
            agent=session.agent,
            seq=session.seq,
            pending=p.Pending(),
            provider=provider,
            snapshot=_snapshot(session) if missed is None else None,
            resync=not session.recovered <= params.after_seq <= session.seq if missed is None else False,
        )
        await session.activate()
        return msgspec.structs.replace(result, status=session.state.status)

    @method("stopSession")
    async def stop_session(self, call: Call, params: p.SessionId) -> p.Status:
        """Cancel the turn and release the session; it can be resumed."""
        call.hold()
        session = await self._manager.stop(params.session_id, call.connection.owner)
        if session is not None:
            call.at_last(lambda: self._manager.drop(session))
        return p.Status(status=STOPPED)

    @method("session.delete")
    async def delete_session(self, call: Call, params: p.SessionId) -> p.Status:
        """Remove a session and its log."""
        call.hold()
        await self._manager.delete(params.session_id, call.connection.owner)
        return p.Status(status=OK)

    @method("session.list")
    async def list_sessions(self, call: Call, params: p.ListSessions) -> p.SessionList:
        """The caller's own sessions, live or not, newest first."""
        page = await self._manager.page(call.connection.owner, params.limit, params.cursor)
        return p.SessionList(sessions=[_info(row) for row in page.sessions], next_cursor=page.next_cursor)

    @method("session.history")
    async def history(self, call: Call, params: p.History) -> p.Messages:
        """A session's messages, oldest first."""
        state = await self._manager.read(params.session_id, call.connection.owner)
        messages, start = state.history(params.agent), _offset(params.cursor)
        end = start + params.limit
        return p.Messages(messages=messages[start:end], next_cursor=str(end) if end < len(messages) else None)

    @method("session.clear")
    async def clear(self, call: Call, params: p.Clear) -> p.Status:
        """Forget the conversation with one agent, or with all."""
        session = await self._held(call, params.session_id)
        await session.clear(params.agent)
        return p.Status(status=OK)

    # --- messages ---------------------------------------------------------------------------------------------------

    @method("sendUserMessage")
    async def send_user_message(self, call: Call, params: p.SendUserMessage) -> p.Sent:
        """Send a message. The answer comes at once, the turn's events follow."""
        session = await self._held(call, params.session_id)
        submitted = await session.prompt(
            params.message,
            client_id=call.connection.client_id,
            context=msgspec.to_builtins(params.context) or None,
            client_message_id=params.client_message_id,
        )
        return p.Sent(message_id=submitted.message_id, status=OK, queued=submitted.queued)

    @method("session.cancel")
    async def cancel(self, call: Call, params: p.Cancel) -> p.Cancelled:
        """End the running turn, or take back a queued message."""
        session = await self._held(call, params.session_id)
        return p.Cancelled(cancelled=await session.cancel(params.message_id))

    @method("dispatchCommand")
    async def dispatch_command(self, call: Call, params: p.DispatchCommand) -> p.CommandOutput:
        """Do what a slash command says."""
        session = await self._held(call, params.session_id)
        return p.CommandOutput(output=await commands.run(session, self._services, params.command))

    @method("echo")
    async def echo(self, _call: Call, params: p.Echo) -> str:
        """The message itself."""
        return params.message

    # --- agents -----------------------------------------------------------------------------------------------------

    @method("agent.list")
    async def list_agents(self, _call: Call, _params: p.NoParams) -> p.AgentList:
        """Every agent there is."""
        agents = self._services.agents
        return p.AgentList(agents=[self._description(spec) for spec in agents.all()], problems=list(agents.problems))

    @method("session.switch_agent")
    async def switch_agent(self, call: Call, params: p.SwitchAgent) -> p.Switched:
        """Make another agent current, also while a turn runs."""
        session = await self._held(call, call.connection.session_id(params.session_id))
        await session.switch(params.agent_id, "user")
        return p.Switched(success=True, current_agent=session.agent)

    @method("session.current_agent")
    async def current_agent(self, call: Call, params: p.OptionalSessionId) -> p.CurrentAgent:
        """Who is current."""
        session_id = call.connection.session_id(params.session_id)
        state = await self._manager.read(session_id, call.connection.owner)
        return p.CurrentAgent(current_agent=state.agent)

    @method("session.handoff")
    async def handoff(self, call: Call, params: p.Handoff) -> p.HandedOff:
        """Switch, and tell the new agent what the old one was doing."""
        session = await self._held(call, call.connection.session_id(params.session_id))
        from_agent = session.agent
        await session.handoff(params.to_agent, params.note)
        return p.HandedOff(success=True, from_agent=from_agent, to_agent=session.agent)

    # --- models -----------------------------------------------------------------------------------------------------

    @method("model.list")
    async def list_models(self, _call: Call, _params: p.NoParams) -> p.ModelList:
        """What the provider serves."""
        provider = await self._services.provider()
        return p.ModelList(models=list(await provider.models()), current=provider.info.model, provider=provider.info)

    @method("session.set_model")
    async def set_model(self, call: Call, params: p.SetModel) -> p.Model:
        """Ask another model from the next turn on."""
        session = await self._held(call, params.session_id)
        await session.set_model(params.model)
        return p.Model(model=params.model)

    # --- inside -----------------------------------------------------------------------------------------------------

    async def _held(self, call: Call, session_id: str) -> StatelessInteractiveSession:
        """The caller's live session; what it is shown of it waits for the response."""
        call.hold()
        return await self._manager.session(session_id, call.connection.owner)

    async def _notebook(self, wanted: p.SessionParams) -> str | None:
        if wanted.notebook is None and wanted.kernel_id is not None and self._notebook_of is not None:
            return await self._notebook_of(wanted.kernel_id)
        return wanted.notebook

    def _description(self, spec: AgentSpec) -> p.AgentDescription:
        return p.AgentDescription(
            agent_id=spec.id,
            name=spec.name,
            role=spec.role,
            description=spec.description,
            color=spec.color,
            icon=spec.icon,
            shortcut=spec.shortcut,
            tools=[schema.name for schema in self._services.tools.offered(spec.may_use)],
            introduction=spec.introduction,
            suggestions=list(spec.suggestions),
        )


def _check_client_tools(tools: Sequence[str | p.ClientTool]) -> None:
    """Client tools known by a bare name are those that Whisperer itself defines; there are none yet."""
    for tool in tools:
        if isinstance(tool, str):
            raise InvalidParams(f"clientTools: no client tool is known by the name {tool}")


def _send_all(call: Call, frames: Sequence[str]) -> None:
    for frame in frames:
        call.connection.write(frame)


def _snapshot(session: StatelessInteractiveSession) -> p.Snapshot:
    state = session.state
    # A copy: the turn that runs goes on writing while this waits to be sent.
    messages: list[HistoryMessage] = state.history()
    return p.Snapshot(seq=session.seq, agent=state.agent, messages=messages, usage=state.usage)


def _info(row: SessionRow) -> p.SessionInfo:
    return p.SessionInfo(
        session_id=row.id,
        title=row.title,
        agent=row.agent,
        notebook=row.notebook,
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
