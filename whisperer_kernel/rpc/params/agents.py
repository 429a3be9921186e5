"""Agents."""

from __future__ import annotations

from typing import Annotated

import msgspec

from whisperer_kernel.rpc.params.base import Snake, Text


class AgentDescription(Snake, omit_defaults=False):
    """An agent as clients show her. ``model``: the one she asks where the session names none, if she has her own."""

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
    model: str | None = None


class AgentList(Snake, omit_defaults=False):
    """Every agent, the default first. ``problems``: what was wrong with the workspace's own agents."""

    agents: list[AgentDescription]
    problems: list[str] = msgspec.field(default_factory=list)


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
