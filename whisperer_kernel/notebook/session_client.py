"""One session as a client follows it: started when first needed, resumed after a loss, none of its events twice."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import msgspec

from whisperer_kernel.ai.provider import ModelInfo
from whisperer_kernel.errors import NoSuchSession, WhispererError
from whisperer_kernel.events import (
    AgentSwitched,
    AIMessageChunk,
    Mode,
    ModeChanged,
    ModelChanged,
    PermissionRequested,
    PermissionResolved,
    ProviderInfo,
    SessionStatus,
    UserMessage,
)
from whisperer_kernel.notebook.asker import Decided
from whisperer_kernel.notebook.cast import Cast
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

Ask = Callable[..., Awaitable[Any]]


class SessionClient:
    """Everything here runs on the background's loop. ``start`` are the ``sessionParams`` that find or make the session.

    A session given by its id is that one or none: where it is gone, no other takes its place.
    """

    def __init__(self, peer: Peer, start: Params, session_id: str | None = None) -> None:
        self.peer = peer
        self.cast = Cast(peer)
        self.id: str | None = None
        self.agent = ""
        self.mode: Mode = "ask"
        self.provider = ProviderInfo(name="none", label="No provider")
        self._start = start
        self._given = session_id
        self._last_seq = 0
        self._opening = asyncio.Lock()
        self._turns = OpenTurns()
        self._questions = OpenQuestions(self._permit)
        self._tasks: set[asyncio.Task[None]] = set()

    # --- what a user asks for ---------------------------------------------------------------------------------------

    async def open(self) -> None:
        """Find or make the session, unless that was done."""
        async with self._opening:
            if self.id is not None:
                return
            if self._given is None:
                await self.peer.request("startSession", {"sessionParams": self._start}, self._started)
            else:
                await self._resume(self.peer.request, self._given)

    async def ask(self, question: Question) -> Reply:
        """Send a message and wait for the reply. A caller that is cancelled cancels the turn."""
        turn = await self.send(question)
        with self._cancelled_with_caller(turn):
            return await turn.reply()

    async def plan(self, question: Question) -> MadePlan:
        """Ask for a plan. Raises ``NoPlan`` where none came of it."""
        reply = await self.ask(question)
        plans = msgspec.convert((await self.call("plan.list"))["plans"], list[Plan])
        # She may have thought better of it and made another: the last one counts.
        made = [plan for plan in plans if plan.message_id == reply.message_id]
        if not made:
            raise NoPlan(reply.text or "There was no answer.")
        return MadePlan(made[-1], reply)

    async def tests(self, question: Question) -> MadeTests:
        """Ask for tests. Raises ``NoTests`` where none came of it."""
        reply = await self.ask(question)
        reports = msgspec.convert((await self.call("tests.list"))["reports"], list[Report])
        made = [report for report in reports if report.message_id == reply.message_id]
        if not made:
            raise NoTests(reply.text or "There was no answer.")
        # No model made them.
        return MadeTests(made[-1], msgspec.structs.replace(reply, demo=False))

    async def send(self, question: Question) -> Turn:
        """Send a message; the turn it begins can be followed."""
        await self.open()
        turn = Turn(question.asker, question.client_message_id, demo=self.provider.demo)
        params = {
            "message": await self._addressed(question),
            "context": question.context,
            "clientMessageId": turn.client_message_id,
            "canBeAsked": question.asker.can_be_asked,
            **({"cellId": question.asker.cell_id} if question.asker.cell_id else {}),
        }
        self._turns.add(turn)
        try:
            with self._cancelled_with_caller(turn):
                await self.call("sendUserMessage", params, lambda sent: self._turns.sent(turn, sent["messageId"]))
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
            self._spawn(self._cancel(turn))

    async def call(self, method: str, params: Params | None = None, then: Callable[[Any], None] | None = None) -> Any:
        """A request that is about this session. A session that was stopped meanwhile goes on."""
        await self.open()
        try:
            return await self.peer.request(method, {"sessionId": self.id, **(params or {})}, then)
        except NoSuchSession:
            await self._again(self.peer.request)
            return await self.peer.request(method, {"sessionId": self.id, **(params or {})}, then)

    async def history(self, agent: str | None) -> list[HistoryMessage]:
        """Every message, oldest first."""
        messages: list[HistoryMessage] = []
        page: Params = {"limit": PAGE} if agent is None else {"limit": PAGE, "agent": await self.cast.id_of(agent)}
        while True:
            result = await self.call("session.history", page)
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

        await self.call("session.history", {"clientMessageId": client_message_id, "limit": PAGE}, take)
        return found

    async def cancel(self) -> bool:
        """End the running turn; False where none runs."""
        return bool((await self.call("session.cancel"))["cancelled"])

    async def switch(self, agent_id: str) -> str:
        """Make another agent current; her id."""
        return str((await self.call("session.switch_agent", {"agent_id": agent_id}))["current_agent"])

    async def clear(self, agent: str | None) -> None:
        """Forget the conversation with one agent, or with all."""
        await self.call("session.clear", {} if agent is None else {"agent": await self.cast.id_of(agent)})

    async def models(self) -> list[ModelInfo]:
        """What the provider serves."""
        return msgspec.convert((await self.peer.request("model.list"))["models"], list[ModelInfo])

    async def set_model(self, model: str) -> str:
        """Ask another model from the next turn on; its id."""
        return str((await self.call("session.set_model", {"model": model}))["model"])

    # --- what the connection tells ----------------------------------------------------------------------------------

    def notified(self, method: str, params: Params) -> None:
        """An event of this session came."""
        seq = params["seq"]
        if seq <= self._last_seq:
            return
        if seq > self._last_seq + 1:
            # Cannot be, but where it is, what is missing is asked for, and this one comes again with it.
            self._spawn(self._resume(self.peer.request))
            return
        self._last_seq = seq
        match method:
            case AIMessageChunk.method:
                self._turns.receive(msgspec.convert(params, AIMessageChunk))
            case UserMessage.method:
                self._turns.bind(params.get("clientMessageId"), params["messageId"])
            case AgentSwitched.method:
                self.agent = params["to"]
            case ModeChanged.method:
                self.mode = params["mode"]
            case ModelChanged.method | SessionStatus.method if params.get("provider"):
                self.provider = msgspec.convert(params["provider"], ProviderInfo)
            case PermissionRequested.method:
                self._asked(params)
            case PermissionResolved.method:
                self._questions.resolved(msgspec.convert(params, PermissionResolved))
            case _:
                pass

    async def connected(self) -> None:
        """There is a new connection: what was missed is asked for on it."""
        if self.id is not None:
            await self._again(self.peer.exchange)

    def gone(self, error: WhispererError) -> None:
        """The connection is lost for good: nobody waits for answers any longer."""
        self._turns.fail(error)
        self._questions.only(())

    # --- inside -----------------------------------------------------------------------------------------------------

    async def _again(self, ask: Ask) -> None:
        """Resume the session; where it is gone, begin a new one, unless this one was asked for by its id."""
        try:
            await self._resume(ask)
        except NoSuchSession:
            self.id = None
            self.gone(NoSuchSession("The session is no longer there, and the answer with it. Ask again."))
            if self._given is not None:
                raise
            await ask("startSession", {"sessionParams": self._start}, self._started)

    def _started(self, result: Any) -> None:
        self.id, self._last_seq = result["sessionId"], result["seq"]
        self._found(result)

    async def _resume(self, ask: Ask, session_id: str | None = None) -> None:
        params = {"sessionId": session_id or self.id, "afterSeq": self._last_seq}
        await ask("resumeSession", params, self._resumed)

    def _resumed(self, result: Any) -> None:
        first = self.id is None
        self.id = result["sessionId"]
        self._found(result)
        if first:
            self._last_seq = result["seq"]
        if (snapshot := result.get("snapshot")) is not None:
            self._last_seq = snapshot["seq"]
            self._turns.catch_up(msgspec.convert(snapshot["messages"], list[HistoryMessage]))
        pending = result["pending"]["permissions"]
        self._questions.only({request["requestId"] for request in pending})
        for request in pending:
            self._asked(request)

    def _asked(self, params: Params) -> None:
        """A turn needs a yes; whose turn it is can say it."""
        request = msgspec.convert(params, PermissionRequested)
        if (turn := self.turn(request.message_id)) is not None:
            self._questions.asked(request, turn.asker)

    async def _permit(self, request_id: str, decided: Decided) -> None:
        answer = {"requestId": request_id, "decision": decided.decision, "reason": decided.reason}
        with suppress(WhispererError):
            # Settled meanwhile, or the session is gone: nobody waits for it.
            await self.call("tool.permit", answer)

    def _found(self, result: Any) -> None:
        """What starting and resuming tell alike."""
        self.agent, self.mode = result["agent"], result["mode"]
        self.provider = msgspec.convert(result["provider"], ProviderInfo)

    async def _addressed(self, question: Question) -> str:
        """The message, by its beginning sent to the agent who is meant, whatever address it begins with itself."""
        if question.agent is None:
            return question.message
        agent = await self.cast.id_of(question.agent)
        if agent == self.agent and not question.message.lstrip().startswith("@"):
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
                    await self.call("session.cancel", {"messageId": turn.message_id})

    def _spawn(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def settled(self) -> None:
        """What was begun in the background is done."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=CANCEL_S)
