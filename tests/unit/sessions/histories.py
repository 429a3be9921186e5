"""Histories of sessions as a server could write them, for tests that hold for every history."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from whisperer_kernel.events import (
    AgentSwitched,
    AIMessageChunk,
    AIReasoningChunk,
    Entry,
    Event,
    FinishReason,
    ModelChanged,
    SessionCleared,
    SessionUsage,
    ToolCall,
    TurnError,
    Usage,
    UserMessage,
    encode,
)
from whisperer_kernel.sessions.state import SessionState

AGENTS = st.sampled_from(["alice", "tessa"])
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
FINISHED: list[FinishReason] = ["stop", "length", "cancelled", "error", "interrupted"]
REASONS = st.sampled_from(FINISHED)
# Turns are what most can go wrong with, so most steps belong to one.
STEPS = st.sampled_from(["ask", "ask", "end", "reason", "tool", "switch", "clear", "usage", "model", *["chunk"] * 6])


@st.composite
def histories(draw: st.DrawFn) -> list[Entry]:
    """Entries numbered from 1, a moment apart: messages, their turns one after the other, and what comes between."""
    events: list[Event] = []
    waiting: list[UserMessage] = []
    for number, step in enumerate(draw(st.lists(STEPS, max_size=40))):
        if step == "ask":
            waiting.append(_message(draw, number))
            events.append(waiting[-1])
        elif step in {"chunk", "reason", "tool", "end"}:
            if waiting:
                events.append(_turn_event(draw, step, waiting[0], number))
            if waiting and step == "end":
                waiting.pop(0)
        else:
            events.append(_other(draw, step))
    return [entry(seq, event) for seq, event in enumerate(events, 1)]


def entry(seq: int, event: Event) -> Entry:
    """The event in its place; its time is told by its number."""
    return Entry(seq, f"2026-01-01T00:{seq // 60:02}:{seq % 60:02}.000Z", event, encode(event))


def essence(state: SessionState) -> dict[str, Any]:
    """All that a state is, to be compared."""
    contexts = {agent: context.conversation("next") for agent, context in state.contexts.items()}
    running = {key: ("".join(turn.texts), turn.user, turn.started) for key, turn in state.open.items()}
    return {**vars(state), "contexts": contexts, "open": running}


def _message(draw: st.DrawFn, number: int) -> UserMessage:
    return UserMessage(
        message_id=f"m{number}",
        message=draw(TEXTS) or "?",
        agent=draw(AGENTS),
        client_id="c",
        client_message_id=draw(st.none() | st.just(f"mine{number}")),
    )


def _turn_event(draw: st.DrawFn, step: str, user: UserMessage, number: int) -> Event:
    if step == "chunk":
        return AIMessageChunk(message_id=user.message_id, agent=user.agent, chunk=draw(TEXTS))
    if step == "reason":
        return AIReasoningChunk(message_id=user.message_id, agent=user.agent, chunk=draw(TEXTS))
    if step == "tool":
        return ToolCall(
            message_id=user.message_id,
            tool_call_id=f"t{number}",
            tool_name="look",
            arguments={"at": draw(TEXTS)},
            agent=user.agent,
            executor="server",
            status=draw(st.sampled_from(["running", "done", "error"])),
            result=draw(TEXTS),
        )
    reason = draw(REASONS)
    return AIMessageChunk(
        message_id=user.message_id,
        agent=user.agent,
        is_final=True,
        finish_reason=reason,
        usage=draw(st.none() | st.just(Usage(prompt_tokens=3))),
        error=TurnError(kind="server", message="It failed.") if reason == "error" else None,
    )


def _other(draw: st.DrawFn, step: str) -> Event:
    if step == "switch":
        return AgentSwitched(from_agent="alice", to_agent=draw(AGENTS), by="handoff", note=draw(st.none() | TEXTS))
    if step == "clear":
        return SessionCleared(agent=draw(st.none() | AGENTS))
    if step == "usage":
        return SessionUsage(prompt_tokens=draw(st.integers(0, 9)), completion_tokens=1)
    return ModelChanged(model=draw(TEXTS) or "m")
