"""Agents: who there is, who is current, who takes over."""

from __future__ import annotations

from whisperer_kernel.agents.spec import AgentSpec
from whisperer_kernel.rpc import params as p
from whisperer_kernel.rpc.dispatcher import Call
from whisperer_kernel.rpc.methods.declared import Methods, method


@method("agent.list")
async def list_agents(methods: Methods, _call: Call, _params: p.NoParams) -> p.AgentList:
    """Every agent there is."""
    agents = methods.services.agents
    return p.AgentList(agents=[_description(methods, spec) for spec in agents.all()], problems=list(agents.problems))


@method("session.switch_agent")
async def switch_agent(methods: Methods, call: Call, params: p.SwitchAgent) -> p.Switched:
    """Make another agent current, also while a turn runs."""
    session = await methods.held(call, call.connection.session_id(params.session_id))
    await session.current.switch(params.agent_id, "user")
    return p.Switched(success=True, current_agent=session.current.id)


@method("session.current_agent")
async def current_agent(methods: Methods, call: Call, params: p.OptionalSessionId) -> p.CurrentAgent:
    """Who is current."""
    session_id = call.connection.session_id(params.session_id)
    state = await methods.manager.read(session_id, call.connection.owner)
    return p.CurrentAgent(current_agent=state.agent)


@method("session.handoff")
async def handoff(methods: Methods, call: Call, params: p.Handoff) -> p.HandedOff:
    """Switch, and tell the new agent what the old one was doing."""
    session = await methods.held(call, call.connection.session_id(params.session_id))
    from_agent = session.current.id
    await session.current.handoff(params.to_agent, params.note)
    return p.HandedOff(success=True, from_agent=from_agent, to_agent=session.current.id)


def _description(methods: Methods, spec: AgentSpec) -> p.AgentDescription:
    return p.AgentDescription(
        agent_id=spec.id,
        name=spec.name,
        role=spec.role,
        description=spec.description,
        color=spec.color,
        icon=spec.icon,
        shortcut=spec.shortcut,
        tools=[tool.name for tool in methods.services.tools.all() if spec.may_use(tool.name, tool.tags)],
        introduction=spec.introduction,
        suggestions=list(spec.suggestions),
        model=spec.model,
    )
