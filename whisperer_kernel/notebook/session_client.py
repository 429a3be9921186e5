"""What a user asks of a session, and how the answers come back to who waits for them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import msgspec

from whisperer_kernel.ai.provider import ModelInfo
from whisperer_kernel.errors import WhispererError
from whisperer_kernel.events import AIMessageChunk, PermissionRequested, PermissionResolved, UserMessage
from whisperer_kernel.notebook.asker import Decided
from whisperer_kernel.notebook.cast import Cast
from whisperer_kernel.notebook.followed import FollowedSession, Follower
from whisperer_kernel.notebook.made_tests import MadeTests, NoTests
from whisperer_kernel.notebook.open_questions import OpenQuestions
from whisperer_kernel.notebook.peer import Params, Peer
from whisperer_kernel.notebook.plan import MadePlan, NoPlan
from whisperer_kernel.notebook.question import Question
from whisperer_kernel.notebook.reply import Reply
from whisperer_kernel.notebook.turn import OpenTurns, Turn
from whisperer_kernel.plans.model import Plan
from whisperer_kernel.sessions.history import HistoryMessage
from whisperer_kernel.verify.report import Report

CANCEL_S = 5.0
PAGE = 1_000


class SessionClient(Follower):
    """Everything here runs on the background's loop. ``start`` and ``session_id`` are those of ``FollowedSession``."""

    def __init__(self, peer: Peer, start: Params, session_id: str | None = None) -> None:
        self.session = FollowedSession(peer, start, session_id, self)
        self.cast = Cast(peer)
        self._turns = OpenTurns()
        self._questions = OpenQuestions(self._permit)

    # --- turns ------------------------------------------------------------------------------------------------------

    async def ask(self, question: Question) -> Reply:
        """Send a message and wait for the reply. A caller that is cancelled cancels the turn."""
        turn = await self.send(question)
        with self._cancelled_with_caller(turn):
            return await turn.reply()

    async def plan(self, question: Question) -> MadePlan:
        """Ask for a plan. Raises ``NoPlan`` where none came of it."""
        reply = await self.ask(question)
        plans = msgspec.convert((await self.session.call("plan.list"))["plans"], list[Plan])
        # She may have thought better of it and made another: the last one counts.
        made = [plan for plan in plans if plan.message_id == reply.message_id]
        if not made:
            raise NoPlan(reply.text or "There was no answer.")
        return MadePlan(made[-1], reply)

    async def tests(self, question: Question) -> MadeTests:
        """Ask for tests. Raises ``NoTests`` where none came of it."""
        reply = await self.ask(question)
        reports = msgspec.convert((await self.session.call("tests.list"))["reports"], list[Report])
        made = [report for report in reports if report.message_id == reply.message_id]
        if not made:
            raise NoTests(reply.text or "There was no answer.")
        # No model made them.
        return MadeTests(made[-1], msgspec.structs.replace(reply, demo=False))

    async def send(self, question: Question) -> Turn:
        """Send a message; the turn it begins can be followed."""
        await self.session.open()
        turn = Turn(question.asker, question.client_message_id, demo=self.session.provider.demo)
        params = {
            "message": await self._addressed(question),
            "context": question.context,
            "clientMessageId": turn.client_message_id,
            "canBeAsked": question.asker.can_be_asked,
            **({"cellId": question.asker.cell_id} if question.asker.cell_id else {}),
            **({"frontEnd": question.asker.front_end} if question.asker.front_end else {}),
        }
        self._turns.add(turn)
        try:
            with self._cancelled_with_caller(turn):
                await self.session.call(
                    "sendUserMessage", params, lambda sent: self._turns.sent(turn, sent["messageId"])
                )
        except WhispererError:
            self._turns.refused(turn)
            raise
        return turn

    def turn(self, message_id: str) -> Turn | None:
        """The turn that answers this message, where somebody here waits for it."""
        return self._turns.get(message_id)

    async def next(self, turn: Turn) -> str | None:
        """The turn's next text; None at its end."""
        with self._cancelled_with_caller(turn):
            return await turn.next()

    def abandon(self, turn: Turn) -> None:
        """Nobody waits for this turn any more: it is cancelled."""
        if not turn.is_over:
            self.session.spawn(self._cancel(turn))

    async def _addressed(self, question: Question) -> str:
        """The message, by its beginning sent to the agent who is meant, whatever address it begins with itself."""
        if question.agent is None:
            return question.message
        agent = await self.cast.id_of(question.agent)
        if agent == self.session.agent and not question.message.lstrip().startswith("@"):
            return question.message
        return f"@{agent} {question.message}"

    @contextmanager
    def _cancelled_with_caller(self, turn: Turn) -> Iterator[None]:
        try:
            yield
        except asyncio.CancelledError:
            self.abandon(turn)
            raise

    async def _cancel(self, turn: Turn) -> None:
        """End the turn, as soon as the server has told its id."""
        with suppress(TimeoutError, WhispererError):
            async with asyncio.timeout(CANCEL_S):
                await turn.bound.wait()
                if not turn.is_over:
                    await self.session.call("session.cancel", {"messageId": turn.message_id})

    # --- requests ---------------------------------------------------------------------------------------------------

    async def history(self, agent: str | None) -> list[HistoryMessage]:
        """Every message, oldest first."""
        messages: list[HistoryMessage] = []
        page: Params = {"limit": PAGE} if agent is None else {"limit": PAGE, "agent": await self.cast.id_of(agent)}
        while True:
            result = await self.session.call("session.history", page)
            messages += msgspec.convert(result["messages"], list[HistoryMessage])
            if (cursor := result.get("nextCursor")) is None:
                return messages
            page = {**page, "cursor": cursor}

    async def sent_as(self, client_message_id: str) -> list[HistoryMessage]:
        """The messages of turns whose message was sent under an id that begins so, oldest first.

        A turn among them that is followed here has caught up with what was answered before.
        """
        found: list[HistoryMessage] = []

        def take(result: Any) -> None:
            found.extend(msgspec.convert(result["messages"], list[HistoryMessage]))
            self._turns.told(found)

        await self.session.call("session.history", {"clientMessageId": client_message_id, "limit": PAGE}, take)
        return found

    async def cancel(self) -> bool:
        """End the running turn; False where none runs."""
        return bool((await self.session.call("session.cancel"))["cancelled"])

    async def switch(self, agent_id: str) -> str:
        """Make another agent current; her id."""
        return str((await self.session.call("session.switch_agent", {"agent_id": agent_id}))["current_agent"])

    async def clear(self, agent: str | None) -> None:
        """Forget the conversation with one agent, or with all."""
        await self.session.call("session.clear", {} if agent is None else {"agent": await self.cast.id_of(agent)})

    async def models(self) -> list[ModelInfo]:
        """What the provider serves."""
        return msgspec.convert((await self.session.peer.request("model.list"))["models"], list[ModelInfo])

    async def set_model(self, model: str) -> str:
        """Ask another model from the next turn on; its id."""
        return str((await self.session.call("session.set_model", {"model": model}))["model"])

    # --- what the session tells -------------------------------------------------------------------------------------

    def event(self, method: str, params: Params) -> None:
        """See ``Follower``."""
        match method:
            case AIMessageChunk.method:
                self._turns.receive(msgspec.convert(params, AIMessageChunk))
            case UserMessage.method:
                self._turns.bind(params.get("clientMessageId"), params["messageId"])
            case PermissionRequested.method:
                self._asked(msgspec.convert(params, PermissionRequested))
            case PermissionResolved.method:
                self._questions.resolved(msgspec.convert(params, PermissionResolved))
            case _:
                pass

    def caught_up(self, messages: Sequence[HistoryMessage]) -> None:
        """See ``Follower``."""
        self._turns.catch_up(messages)

    def pending(self, requests: Sequence[PermissionRequested]) -> None:
        """See ``Follower``."""
        self._questions.only({request.request_id for request in requests})
        for request in requests:
            self._asked(request)

    def gone(self, error: WhispererError) -> None:
        """Nobody waits for answers any longer: the connection is lost for good, or the session is not there."""
        self._turns.fail(error)
        self._questions.only(())

    def _asked(self, request: PermissionRequested) -> None:
        """A turn needs a yes; whose turn it is can say it."""
        if (turn := self.turn(request.message_id)) is not None:
            self._questions.asked(request, turn.asker)

    async def _permit(self, request_id: str, decided: Decided) -> None:
        answer = {"requestId": request_id, "decision": decided.decision, "reason": decided.reason}
        with suppress(WhispererError):
            # Settled meanwhile, or the session is gone: nobody waits for it.
            await self.session.call("tool.permit", answer)
