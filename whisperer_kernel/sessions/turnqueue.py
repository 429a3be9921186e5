"""The messages of a session that have no answer yet: their turns run one after the other."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from whisperer_kernel.errors import InvalidParams, NoSuchSession, QueueFull, StoreError
from whisperer_kernel.events import STOPPED, AIMessageChunk, FinishReason, SessionUsage, Usage, UserMessage
from whisperer_kernel.sessions.hands import Hands
from whisperer_kernel.sessions.history import Submitted, title_of
from whisperer_kernel.sessions.log import SessionLog
from whisperer_kernel.sessions.services import Services
from whisperer_kernel.sessions.state import SessionState
from whisperer_kernel.sessions.store import SessionChanges
from whisperer_kernel.sessions.turn import Turn


class TurnQueue:
    """One session's. Every message that is taken has a turn, and every turn one final event."""

    def __init__(
        self, services: Services, session_log: SessionLog, state: Callable[[], SessionState], hands: Hands
    ) -> None:
        self._services = services
        self._log = session_log
        self._state = state
        self._hands = hands
        self._waiting: deque[UserMessage] = deque()
        self._turn: Turn | None = None
        self._runner: asyncio.Task[None] | None = None
        # Why turns end from now on instead of running; None while they run.
        self._ending: FinishReason | None = None
        self._moved = asyncio.Event()
        self._submitting: dict[str, asyncio.Future[Submitted]] = {}

    @property
    def unanswered(self) -> list[UserMessage]:
        """The message whose turn runs, and those that wait."""
        return [*([] if self._turn is None else [self._turn.user]), *self._waiting]

    async def submit(self, user: UserMessage) -> Submitted:
        """Take a message in; its turn runs as soon as those before it have ended. One sent again is taken once."""
        sent_as = user.client_message_id
        if sent_as is None:
            return await self._submit(user)
        if (submitted := self._state().sent.get(sent_as)) is not None:
            return submitted
        if (underway := self._submitting.get(sent_as)) is not None:
            return await asyncio.shield(underway)
        submitting = asyncio.ensure_future(self._submit(user))
        self._submitting[sent_as] = submitting
        submitting.add_done_callback(lambda _: self._submitting.pop(sent_as, None))
        return await asyncio.shield(submitting)

    async def cancel(self, message_id: str | None) -> bool:
        """End the running turn, or the waiting message of this id, as ``cancelled``; False where there is none."""
        turn = self._turn
        if turn is not None and message_id in (None, turn.user.message_id):
            return turn.cancel("cancelled")
        waiting = next((user for user in self._waiting if user.message_id == message_id), None)
        if waiting is None:
            return False
        self._waiting.remove(waiting)
        await self.end(waiting, "cancelled")
        return True

    async def close(self, reason: FinishReason) -> None:
        """End the running turn and all that wait, also those whose message is only being saved; take no more."""
        self._ending = reason
        if self._turn is not None:
            self._turn.cancel(reason)
        while self._waiting or (self._runner is not None and not self._runner.done()):
            self._moved.clear()
            self._run()
            await self._moved.wait()
            await asyncio.sleep(0)

    def open(self) -> None:
        """Take messages again."""
        self._ending = None

    def reconsider(self) -> None:
        """The session's mode has changed."""
        if self._turn is not None:
            self._turn.reconsider()

    async def end(self, user: UserMessage, reason: FinishReason, **fields: Any) -> None:
        """The one final event of a turn."""
        await self._log.tell(
            AIMessageChunk(message_id=user.message_id, agent=user.agent, is_final=True, finish_reason=reason, **fields)
        )

    async def _submit(self, user: UserMessage) -> Submitted:
        state = self._state()
        if state.status == STOPPED or self._ending is not None:
            raise NoSuchSession("This session is stopped; resume it first.")
        if not user.message.strip():
            raise InvalidParams("message: is empty")
        limit = self._services.config.limits.max_queue
        if len(self._waiting) >= limit:
            raise QueueFull(
                f"{limit} messages are waiting already; wait for the running turn or stop it.", limit="max_queue"
            )
        self._waiting.append(user)
        try:
            title = None if state.title else title_of(user.message)
            await self._log.append(user, SessionChanges(title=title))
        except StoreError:
            # A stop may have emptied the queue meanwhile.
            with suppress(ValueError):
                self._waiting.remove(user)
            raise
        finally:
            # Also where this one could not be taken: those behind it have waited for it.
            self._run()
            self._moved.set()
        turn = self._state().open.get(user.message_id)
        return Submitted(user.message_id, turn.queued if turn is not None else 0)

    def _run(self) -> None:
        if self._runner is None or self._runner.done():
            self._runner = asyncio.get_running_loop().create_task(self._run_turns())

    async def _run_turns(self) -> None:
        # A message that waits to be durable waits for its turn too: whoever sent it then starts the queue again.
        while self._waiting and self._waiting[0].message_id in self._state().open:
            user = self._waiting.popleft()
            if self._ending is not None:
                await self.end(user, self._ending)
                continue
            turn = self._turn = Turn(self._services, self._log, self._state(), self._hands, user)
            try:
                end = await turn.run()
                left_out = {"dropped": turn.dropped, "truncated": turn.truncated}
                await self.end(user, end.reason, usage=end.usage, error=end.error, **left_out)
                await self._count(end.usage)
            finally:
                self._turn = None
        self._moved.set()

    async def _count(self, usage: Usage | None) -> None:
        if usage is None:
            return
        total = self._state().usage + usage
        await self._log.tell(
            SessionUsage(
                prompt_tokens=total.prompt_tokens, completion_tokens=total.completion_tokens, cost_usd=total.cost_usd
            )
        )
