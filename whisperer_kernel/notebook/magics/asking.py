"""A question in a cell: answered from the session's log where it was answered before, else by the agent.

A cell that is run again asks the same: the same words, values filled in, of the same agent and model. So its message is
sent under an id that is made of them, and looked up by it. Nothing is kept in the notebook or in the kernel.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from hashlib import sha256
from typing import NamedTuple
from uuid import uuid4

import msgspec

from whisperer_kernel.events import FinishReason, ProviderInfo
from whisperer_kernel.notebook.question import Question
from whisperer_kernel.notebook.session_client import SessionClient
from whisperer_kernel.notebook.turn import Turn
from whisperer_kernel.rpc.params import AgentDescription
from whisperer_kernel.sessions.history import HistoryMessage

# What was paid for. An answer that was stopped or cut off by an error is asked for again.
_WHOLE: frozenset[FinishReason] = frozenset({"stop", "length", "content_filter", "max_rounds"})
_KEY_DIGITS, _CELL_DIGITS = 32, 12


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """A question, who answers it, and the answer that the log holds, if any.

    ``is_underway``: the log holds it without an answer; the same turn is followed, and none begun.
    """

    question: Question
    agent: AgentDescription
    provider: ProviderInfo
    saved: HistoryMessage | None = None
    is_underway: bool = False

    async def begin(self, client: SessionClient) -> Turn:
        """Send it, or go on where it was sent before."""
        turn = await client.send(self.question)
        if self.is_underway:
            await client.sent_as(turn.client_message_id)
        return turn


class Earlier(NamedTuple):
    """A time that the question was asked before: by which cell, under which id, and what came of it."""

    cell: str
    client_message_id: str
    reply: HistoryMessage | None

    @property
    def is_underway(self) -> bool:
        """Whether it is being answered."""
        return self.reply is None or self.reply.finish_reason is None

    @property
    def counts(self) -> bool:
        """Whether it need not be asked again."""
        return self.is_underway or (self.reply is not None and self.reply.finish_reason in _WHOLE)


class CellQuestions:
    """Which cell of this kernel has which answer: two cells that ask the same in the same words have one each."""

    def __init__(self) -> None:
        # By question: the cell that asked it in the log, and the cell here that shows that answer.
        self._shown_by: dict[str, dict[str, str]] = {}

    async def look_up(self, client: SessionClient, question: Question, *, again: bool) -> Asked:
        """What is known of a question before it is asked. ``again``: whatever is known, it is to be asked anew.

        Raises ``NoSuchAgent``.
        """
        await client.session.open()
        agent = await client.cast.named(question.agent or client.session.agent)
        key = fingerprint(agent, client.session.provider, question.message)
        cell = _digest(question.asker.cell_id)[:_CELL_DIGITS]
        shown_by = self._shown_by.setdefault(key, {})
        before = [] if again else [*_earlier(key, await client.sent_as(f"{key}."))]
        owner = _owner(before, cell, shown_by)
        found = next((each for each in reversed(before) if each.cell == owner and each.counts), None)
        shown_by[cell if found is None else owner] = cell
        client_message_id = f"{key}.{cell}.{uuid4().hex}" if found is None else found.client_message_id
        return Asked(
            question=msgspec.structs.replace(question, agent=agent.agent_id, client_message_id=client_message_id),
            agent=agent,
            provider=client.session.provider,
            saved=None if found is None or found.is_underway else found.reply,
            is_underway=found is not None and found.is_underway,
        )


def fingerprint(agent: AgentDescription, provider: ProviderInfo, message: str) -> str:
    """The same for the same words to the same agent and model, in every kernel and on every server."""
    facts = [agent.agent_id, agent.model, provider.name, provider.model, message]
    return f"cell-{_digest(json.dumps(facts))[:_KEY_DIGITS]}"


def _digest(text: str) -> str:
    return sha256(text.encode("utf-8", "backslashreplace")).hexdigest()


def _earlier(key: str, messages: list[HistoryMessage]) -> Iterator[Earlier]:
    """Every time that the question was asked, oldest first."""
    replies = {message.message_id: message for message in messages if message.role == "assistant"}
    for message in messages:
        sent_as = message.client_message_id or ""
        # An older server gives the whole history, and no ids.
        if message.role == "user" and sent_as.startswith(f"{key}."):
            yield Earlier(sent_as.split(".")[1], sent_as, replies.get(message.message_id))


def _owner(before: list[Earlier], cell: str, shown_by: dict[str, str]) -> str:
    """The cell whose answer this cell shows: its own, else the first that no other cell of this kernel shows.

    A cell may have another id than when it asked: in a notebook of an older format it gets a new one each time.
    """
    if any(each.cell == cell for each in before):
        return cell
    return next((each.cell for each in before if shown_by.get(each.cell, cell) == cell), cell)
