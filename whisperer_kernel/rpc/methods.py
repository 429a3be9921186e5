"""The methods of the protocol; what each takes and returns stands in its signature, of which OpenRPC is made."""

from __future__ import annotations

import typing
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import msgspec

from whisperer_kernel.agents.spec import AgentSpec
from whisperer_kernel.errors import InvalidParams
from whisperer_kernel.events import STOPPED
from whisperer_kernel.plans.model import PlanChange
from whisperer_kernel.rpc import commands
from whisperer_kernel.rpc import params as p
from whisperer_kernel.rpc.dispatcher import Call, Method
from whisperer_kernel.sessions.manager import StatelessSessionManager
from whisperer_kernel.sessions.permissions import Answer
from whisperer_kernel.sessions.session import StartParams, StatelessInteractiveSession
from whisperer_kernel.sessions.state import HistoryMessage
from whisperer_kernel.sessions.store import SessionRow
from whisperer_kernel.tools.call import ToolResult, ToolSchema
from whisperer_kernel.tools.tool import Tool

OK, TOO_LATE = 0, 1
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
        client_tools = self._client_tools(wanted.client_tools)
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
        session.declare(call.connection, call.connection.tools_in(session, client_tools))
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
            mode=session.mode,
        )

    @method("resumeSession")
    async def resume_session(self, call: Call, params: p.ResumeSession) -> p.Resumed:
        """Go on with a session after a lost connection: what was missed follows, nothing twice."""
        client_tools = self._client_tools(params.client_tools)
        session = await self._manager.resume(params.session_id, call.connection.owner)
        provider = await self._services.provider_info(session.state.model)
        call.hold()
        # From here to the return nothing waits, so that replay, snapshot and what follows are of one moment.
        call.connection.attach(self._manager, session)
        session.declare(call.connection, call.connection.tools_in(session, client_tools))
        missed = session.replay(params.after_seq)
        if missed is not None:
            call.then(lambda: _send_all(call, missed))
        result = p.Resumed(
            session_id=session.id,
            status=session.state.status,
            client_id=call.connection.client_id,
            agent=session.agent,
            seq=session.seq,
            pending=_pending(session, call),
            provider=provider,
            mode=session.mode,
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

    # --- tools ------------------------------------------------------------------------------------------------------

    @method("provideToolResult")
    async def provide_tool_result(self, call: Call, params: p.ProvideToolResult) -> p.Status:
        """A client's result of a tool call it was asked for. The first one counts."""
        session = await self._held(call, params.session_id)
        content = params.result if isinstance(params.result, str) else msgspec.json.encode(params.result).decode()
        taken = session.provide(params.tool_call_id, ToolResult(content=content, is_error=params.is_error))
        return p.Status(status=OK if taken else TOO_LATE)

    @method("tool.permit")
    async def permit(self, call: Call, params: p.Permit) -> p.Status:
        """The person's answer to a permission request. The first one counts."""
        session = await self._held(call, params.session_id)
        taken = session.permit(params.request_id, Answer(params.decision, params.reason))
        return p.Status(status=OK if taken else TOO_LATE)

    @method("kernel.attach")
    async def attach_kernel(self, call: Call, params: p.AttachKernel) -> p.KernelAttached:
        """Carry tools out in every session of a kernel, those that are there and those to come. It starts none."""
        connection = call.connection
        connection.kernel_id, connection.kernel_tools = params.kernel_id, self._client_tools(params.client_tools)
        sessions = self._manager.kernel_came(connection)
        calls = [
            {"sessionId": session.id, **msgspec.to_builtins(waiting)}
            for session in sessions
            for waiting in session.pending(connection)[1]
        ]
        return p.KernelAttached(client_id=connection.client_id, tool_calls=calls)

    @method("session.set_mode")
    async def set_mode(self, call: Call, params: p.SetMode) -> p.ModeSet:
        """What tools are permitted from now on: plan, ask, edit or auto."""
        session = await self._held(call, params.session_id)
        return p.ModeSet(mode=await session.set_mode(params.mode))

    # --- plans ------------------------------------------------------------------------------------------------------

    @method("plan.list")
    async def list_plans(self, call: Call, params: p.SessionId) -> p.PlanList:
        """A session's plans, oldest first."""
        state = await self._manager.read(params.session_id, call.connection.owner)
        return p.PlanList(plans=[*state.plans.values()])

    @method("plan.read")
    async def read_plan(self, call: Call, params: p.PlanId) -> p.OnePlan:
        """One plan."""
        state = await self._manager.read(params.session_id, call.connection.owner)
        return p.OnePlan(plan=state.plan(params.plan_id))

    @method("plan.update")
    async def update_plan(self, call: Call, params: p.UpdatePlan) -> p.OnePlan:
        """Approve a plan, or say how far a step has come."""
        session = await self._held(call, params.session_id)
        change = PlanChange(step_id=params.step_id, status=params.status, approve=params.approve)
        return p.OnePlan(plan=await session.update_plan(params.plan_id, change))

    # --- tests ------------------------------------------------------------------------------------------------------

    @method("tests.list")
    async def list_reports(self, call: Call, params: p.SessionId) -> p.ReportList:
        """A session's reports of tests, oldest first."""
        state = await self._manager.read(params.session_id, call.connection.owner)
        return p.ReportList(reports=[*state.reports.values()])

    @method("tests.read")
    async def read_report(self, call: Call, params: p.ReportId) -> p.OneReport:
        """One report."""
        state = await self._manager.read(params.session_id, call.connection.owner)
        return p.OneReport(report=state.report(params.report_id))

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

    def _client_tools(self, declared: Sequence[str | p.ClientTool]) -> list[Tool]:
        """The tools that a client declares: by name where Whisperer knows them, else described."""
        return [_declared_tool(tool) if isinstance(tool, p.ClientTool) else self._known(tool) for tool in declared]

    def _known(self, name: str) -> Tool:
        tool = self._services.tools.get(name)
        if tool is None or tool.run is not None:
            raise InvalidParams(f"clientTools: no client tool is known by the name {name}")
        return tool

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
            tools=[tool.name for tool in self._services.tools.all() if spec.may_use(tool.name, tool.tags)],
            introduction=spec.introduction,
            suggestions=list(spec.suggestions),
        )


def _declared_tool(tool: p.ClientTool) -> Tool:
    """A client's own tool. What it does nobody here knows: it is treated as the most that a tool can do."""
    schema = ToolSchema(name=tool.name, description=tool.description, parameters=tool.input_schema)
    return Tool(schema=schema, effect="run", tags=frozenset({"client"}))


def _send_all(call: Call, frames: Sequence[str]) -> None:
    for frame in frames:
        call.connection.write(frame)


def _pending(session: StatelessInteractiveSession, call: Call) -> p.Pending:
    permissions, tool_calls = session.pending(call.connection)
    return p.Pending(permissions=msgspec.to_builtins(permissions), tool_calls=msgspec.to_builtins(tool_calls))


def _snapshot(session: StatelessInteractiveSession) -> p.Snapshot:
    state = session.state
    # A copy: the turn that runs goes on writing while this waits to be sent.
    messages: list[HistoryMessage] = state.history()
    return p.Snapshot(
        seq=session.seq,
        agent=state.agent,
        mode=session.mode,
        messages=messages,
        plans=[*state.plans.values()],
        reports=[*state.reports.values()],
        usage=state.usage,
    )


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
