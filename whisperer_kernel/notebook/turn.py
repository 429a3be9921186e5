"""One question on its way to its answer, as the client that asked sees it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from contextlib import suppress
from uuid import uuid4

from whisperer_kernel.errors import WhispererError
from whisperer_kernel.events import AIMessageChunk, FinishReason, TurnError, Usage
from whisperer_kernel.notebook.asker import Asker
from whisperer_kernel.notebook.reply import Reply, TurnFailed
from whisperer_kernel.sessions.history import HistoryMessage
from whisperer_kernel.tools.cells import NewCell


class Turn:
    """Takes events in and gives text out. ``message_id`` is None until the server has told it.

    A message that is sent under an id that was sent before is the same message, and the turn the same turn. ``demo``: a
    demo model is to answer.
    """

    def __init__(self, asker: Asker, client_message_id: str | None = None, *, demo: bool = False) -> None:
        self.asker = asker
        self.client_message_id = client_message_id or uuid4().hex
        self.message_id: str | None = None
        self.bound = asyncio.Event()
        self._demo = demo
        self._agent = ""
        self._text = ""
        self._given = 0
        self._outcome: Reply | WhispererError | None = None
        self._news = asyncio.Event()
        self._over = asyncio.Event()
        self._cells: list[NewCell] = []
        self._shown: list[NewCell] = []

    @property
    def is_over(self) -> bool:
        """Whether nothing more is to come."""
        return self._outcome is not None

    def bind(self, message_id: str) -> None:
        """The server knows the message by this id."""
        self.message_id = message_id
        self.bound.set()

    def receive(self, chunk: AIMessageChunk) -> None:
        """New text, or the end."""
        self._agent = chunk.agent
        self._text += chunk.chunk
        if chunk.is_final:
            self._end(chunk.finish_reason or "stop", chunk.usage, chunk.error)
        self._news.set()

    def catch_up(self, message: HistoryMessage) -> None:
        """The reply as a snapshot has it; what a crash took from it there, and was seen here, is kept."""
        self._agent = message.agent
        if not self._text.startswith(message.content):
            self._text = message.content
        if message.finish_reason is not None:
            self._end(message.finish_reason, message.usage, message.error)
        self._news.set()

    def give_back(self, cells: Sequence[NewCell]) -> None:
        """Cells for which there is no notebook: they come with the reply, each once."""
        self._cells += [cell for cell in cells if cell not in self._cells]

    def unseen(self, cells: Sequence[NewCell]) -> list[NewCell]:
        """Those that have not been shown; from now on they have. A model may try again what was shown only."""
        new = [cell for cell in cells if cell not in self._shown]
        self._shown += new
        return new

    def fail(self, error: WhispererError) -> None:
        """No answer will come."""
        if self._outcome is None:
            self._outcome = error
        self._over.set()
        self._news.set()

    async def next(self) -> str | None:
        """The text that has come since the last call, all of it at once; None when there is no more."""
        while len(self._text) <= self._given and self._outcome is None:
            self._news.clear()
            await self._news.wait()
        new, self._given = self._text[self._given :], len(self._text)
        return new or None

    async def rest(self, seconds: float) -> None:
        """Let so much time pass, or less where the turn ends before."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._over.wait()

    async def reply(self) -> Reply:
        """The whole reply. Raises ``TurnFailed``, or the error that ``fail`` was given."""
        while await self.next() is not None:
            pass
        if isinstance(self._outcome, Reply):
            return self._outcome
        assert self._outcome is not None  # noqa: S101 - `next` has waited for it
        raise self._outcome

    def _end(self, reason: FinishReason, usage: Usage | None, error: TurnError | None) -> None:
        reply = Reply(
            text=self._text,
            agent=self._agent,
            message_id=self.message_id or "",
            finish_reason=reason,
            usage=usage,
            cells=tuple(self._cells),
            demo=self._demo,
        )
        if reason == "error":
            error = error or TurnError(kind="internal", message="The turn failed, and nobody said why.")
            self._outcome = TurnFailed(error, reply)
        else:
            self._outcome = reply
        self._over.set()


class OpenTurns:
    """The turns of one session that somebody here waits for."""

    def __init__(self) -> None:
        self._turns: set[Turn] = set()
        self._snapshot: dict[str, HistoryMessage] = {}

    def add(self, turn: Turn) -> None:
        """Its message is about to be sent."""
        self._turns.add(turn)

    def get(self, message_id: str) -> Turn | None:
        """The turn that answers this message, where somebody here waits for it."""
        return next((turn for turn in self._turns if turn.message_id == message_id), None)

    def refused(self, turn: Turn) -> None:
        """Its message was not taken."""
        self._turns.discard(turn)

    def sent(self, turn: Turn, message_id: str) -> None:
        """The server has answered that it has the message; where it was sent twice, perhaps that it is answered."""
        turn.bind(message_id)
        self._catch_up(turn)

    def bind(self, client_message_id: str | None, message_id: str) -> None:
        """An event tells the id of a message."""
        for turn in self._turns:
            if turn.client_message_id == client_message_id:
                turn.bind(message_id)

    def receive(self, chunk: AIMessageChunk) -> None:
        """New text of some turn, perhaps of one of these."""
        for turn in [turn for turn in self._turns if turn.message_id == chunk.message_id]:
            turn.receive(chunk)
            self._forget_if_over(turn)

    def told(self, messages: Iterable[HistoryMessage]) -> None:
        """The history as it is now: what came of a turn before it was followed here."""
        replies = {message.message_id: message for message in messages if message.role == "assistant"}
        for turn in [turn for turn in self._turns if turn.message_id in replies]:
            turn.catch_up(replies[turn.message_id or ""])
            self._forget_if_over(turn)

    def catch_up(self, messages: Iterable[HistoryMessage]) -> None:
        """A snapshot takes the place of events that are no longer kept."""
        self._snapshot = {message.message_id: message for message in messages if message.role == "assistant"}
        for turn in list(self._turns):
            self._catch_up(turn)

    def fail(self, error: WhispererError) -> None:
        """No answer will come to any of them."""
        for turn in self._turns:
            turn.fail(error)
        self._turns.clear()

    def _catch_up(self, turn: Turn) -> None:
        if (message := self._snapshot.get(turn.message_id or "")) is not None:
            turn.catch_up(message)
            self._forget_if_over(turn)

    def _forget_if_over(self, turn: Turn) -> None:
        if turn.is_over:
            self._turns.discard(turn)
