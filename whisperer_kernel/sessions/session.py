"""One live session: takes messages, has their turns run, tells every subscriber what happens."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Sequence
from typing import Any
from uuid import uuid4

import msgspec

from whisperer_kernel.agents.registry import route
from whisperer_kernel.ai.providers import with_model
from whisperer_kernel.errors import NoSuchItem, NotPermitted, StoreError
from whisperer_kernel.events import (
    ACTIVE,
    STOPPED,
    Entry,
    FinishReason,
    Mode,
    ModeChanged,
    ModelChanged,
    PermissionRequested,
    ProviderInfo,
    SessionCleared,
    SessionStatus,
    SwitchedBy,
    ToolCall,
    UserMessage,
    notification,
)
from whisperer_kernel.plans.cells import updated
from whisperer_kernel.plans.model import Plan, PlanChange, changed
from whisperer_kernel.sessions.clients import ClientTools
from whisperer_kernel.sessions.current import CurrentAgent
from whisperer_kernel.sessions.gate import Hands
from whisperer_kernel.sessions.history import Submitted
from whisperer_kernel.sessions.lease import Lease
from whisperer_kernel.sessions.log import SessionLog
from whisperer_kernel.sessions.metrics import Metrics, Watch
from whisperer_kernel.sessions.opencall import interrupted, withdrawn
from whisperer_kernel.sessions.permissions import Answer, Questions
from whisperer_kernel.sessions.senders import Senders
from whisperer_kernel.sessions.services import Services
from whisperer_kernel.sessions.state import SessionState
from whisperer_kernel.sessions.store import SessionChanges, SessionRow
from whisperer_kernel.sessions.subscribers import Subscriber, Subscribers
from whisperer_kernel.sessions.turnqueue import TurnQueue
from whisperer_kernel.tools.call import ToolResult
from whisperer_kernel.tools.permissions import ORDER, effective
from whisperer_kernel.tools.tool import Tool

log = logging.getLogger(__name__)


class StartParams(msgspec.Struct, kw_only=True, frozen=True):
    """What a new session is started with."""

    agent: str | None = None
    model: str | None = None
    mode: str = "ask"
    context: str | None = None
    language: str | None = None
    notebook: str | None = None
    kernel_id: str | None = None
    new: bool = False


class StatelessInteractiveSession:
    """Holds nothing that could not be rebuilt from the log but who is listening and the turn that runs."""

    def __init__(
        self, services: Services, row: SessionRow, on_deleted: Callable[[StatelessInteractiveSession], None]
    ) -> None:
        self.id = row.id
        self.row = row
        self.state = SessionState()
        # Set as soon as it has come into memory: what it reads of its log is old.
        self.watch: Watch | None = None
        self.metrics = Metrics()
        self._on_deleted = on_deleted
        self._services = services
        self._log = SessionLog(
            services.store,
            row.id,
            services.runner,
            replay_events=services.config.limits.replay_events,
            apply=self._apply,
            publish=self._publish,
            lost=self._lease_lost,
        )
        self._lease = Lease(services.store, row.id, services.runner, self._log, self._taken, self._deleted)
        self._losing: asyncio.Task[None] | None = None
        self._hands = Hands(
            ClientTools(),
            Questions(),
            lambda: self.is_attended,
            lambda: self.row.kernel_id is not None,
            self._stand_ins,
        )
        self._subscribers = Subscribers(self._hands.clients, self._log.since, self._frame, services.slicing)
        self._current = CurrentAgent(services.agents, self._log, lambda: self.state)
        self._senders = Senders()
        self._turns = TurnQueue(services, self._log, lambda: self.state, self._hands)
        # Who changes a plan does it alone, since each change is made to what the one before it left.
        self._planning = asyncio.Lock()

    # --- coming and going -------------------------------------------------------------------------------------------

    async def begin(self, params: StartParams) -> None:
        """The first events of a new session: it is active, and the agent introduces herself."""
        provider = with_model(await self._services.providers.info(), params.model)
        given = {key: value for key, value in msgspec.to_builtins(params).items() if value is not None}
        await self._log.append(
            SessionStatus(status=ACTIVE, provider=provider, params={**given, "agent": self.row.agent}),
            SessionChanges(agent=self.row.agent, status=ACTIVE),
        )
        await self._current.introduce(self.row.agent)

    async def enter(self) -> None:
        """Come into memory: run the session, or follow whoever runs it. Raises ``StoreError``, ``NoSuchSession``."""
        await self._lease.enter()

    async def lead(self) -> None:
        """Run the session from here on. Raises ``NotPermitted`` while another server answers in it."""
        await self._lease.take()

    async def hand_over(self) -> None:
        """Let another server run the session that asked for it, unless a turn runs here."""
        await self._lease.hand_over(lambda: bool(self._turns.unanswered))

    async def activate(self) -> None:
        """A stopped session becomes active again."""
        self._turns.open()
        if self.state.status == STOPPED:
            await self.lead()
            await self._log.append(SessionStatus(status=ACTIVE), SessionChanges(status=ACTIVE))

    async def stop(self) -> None:
        """Cancel the turn and what is queued; from now on the session takes no messages until it is resumed."""
        await self._turns.close("cancelled")
        if self.state.status != STOPPED:
            await self._log.append(SessionStatus(status=STOPPED, reason="stopped"), SessionChanges(status=STOPPED))

    async def close(self, reason: FinishReason) -> None:
        """Leave memory: turns end with ``reason``, the log is saved and given back."""
        await self._turns.close(reason)
        try:
            await self._lease.close()
        except StoreError as error:
            log.warning("session %s could not be closed in good order: %s", self.id, error)

    def subscribe(self, subscriber: Subscriber, after_seq: int | None = None) -> None:
        """Show ``subscriber`` every event after ``after_seq``, or from here on."""
        if after_seq is None:
            self._subscribers.add(subscriber, self._log.seq)
        else:
            self._subscribers.bring_up(subscriber, after_seq)

    def unsubscribe(self, subscriber: Subscriber) -> None:
        """Show it no more."""
        self._subscribers.remove(subscriber)

    def hand_subscribers(self, other: StatelessInteractiveSession) -> None:
        """Show ``other``, this session as it has come back, to those who were shown it here, from where they were."""
        for subscriber, last in self._subscribers.hand_over().items():
            other.subscribe(subscriber, last)
            other.declare(subscriber, self._hands.clients.of(subscriber))

    @property
    def has_subscribers(self) -> bool:
        """Whether anybody is connected."""
        return bool(self._subscribers)

    @property
    def is_kept(self) -> bool:
        """Whether a connection is there for which the session stays in memory."""
        return any(subscriber.keeps_alive for subscriber in self._subscribers)

    def _stand_ins(self) -> Sequence[Tool]:
        return () if self.row.kernel_id is None else self._services.stand_ins(self.row.kernel_id)

    @property
    def is_attended(self) -> bool:
        """Whether a person is there who can be asked: at a chat, or where the running turn's message came from."""
        running = next(iter(self._turns.unanswered), None)
        return any(self._senders.is_asked(running, each) for each in self._subscribers)

    @property
    def is_awaited(self) -> bool:
        """Whether somebody is connected whose message has no answer yet, code in a cell for instance."""
        return any(self._senders.is_from(user, each) for user in self._turns.unanswered for each in self._subscribers)

    # --- what happened ----------------------------------------------------------------------------------------------

    @property
    def seq(self) -> int:
        """The number of the last event."""
        return self._log.seq

    @property
    def recovered(self) -> int:
        """The first number after the last crash; 0 where there was none."""
        return self._log.recovered

    @property
    def agent(self) -> str:
        """Who is current; the default agent where she of the log is no longer among the agents."""
        return self._current.id

    @property
    def mode(self) -> Mode:
        """What tools are permitted: as the session was told, and never more than the policy's highest mode."""
        return effective(self.state.mode, self._services.policy)

    def keeps(self, after_seq: int) -> bool:
        """Whether every event after ``after_seq`` is kept, to be shown one by one."""
        return self._log.keeps(after_seq)

    # --- what a client asks for -------------------------------------------------------------------------------------

    async def prompt(  # noqa: PLR0913 - what a message is sent with, everything by name
        self,
        message: str,
        *,
        sender: Subscriber,
        context: list[dict[str, Any]] | None = None,
        client_message_id: str | None = None,
        can_be_asked: bool = False,
        cell_id: str | None = None,
    ) -> Submitted:
        """Take a message in; its turn runs as soon as those before it have ended."""
        agent, _ = route(message, self._services.agents)
        user = UserMessage(
            message_id=uuid4().hex,
            message=message,
            agent=agent or self.agent,
            client_id=sender.client_id,
            context=context,
            client_message_id=client_message_id,
            can_be_asked=can_be_asked,
            cell_id=cell_id,
        )
        self._senders.sends(user, sender, self._turns.unanswered)
        return await self._turns.submit(user)

    async def cancel(self, message_id: str | None) -> bool:
        """End the running turn, or the queued message of this id, as ``cancelled``; False where there is none."""
        return await self._turns.cancel(message_id)

    async def switch(self, agent: str, by: SwitchedBy, note: str | None = None) -> None:
        """Make another agent current, also while a turn runs. Raises ``NoSuchAgent``."""
        await self._current.switch(agent, by, note)

    async def handoff(self, to_agent: str, note: str | None) -> None:
        """Switch, and tell the new agent what the old one was doing: in ``note``, or in the last words exchanged."""
        await self._current.handoff(to_agent, note)

    async def set_model(self, model: str) -> None:
        """Ask another model from the next turn on."""
        provider = with_model(await self._services.providers.info(), model)
        await self._log.append(ModelChanged(model=model, provider=provider))

    async def provider_info(self) -> ProviderInfo:
        """Who answers here, and with which model."""
        info = await self._services.providers.info()
        return with_model(info, self.state.model_for(info.name))

    async def provider_changed(self) -> None:
        """Somebody else answers from now on: said in the session, by whoever runs it."""
        if self._lease.held:
            await self._log.tell(SessionStatus(status=self.state.status, provider=await self.provider_info()))

    async def set_mode(self, mode: Mode, by: Subscriber) -> Mode:
        """What tools are permitted from now on; never more than the policy's highest mode.

        Who may not answer questions does not settle by it those that are open. Raises ``NotPermitted``.
        """
        highest = self._services.policy.highest_mode
        if ORDER.index(mode) > ORDER.index(highest):
            raise NotPermitted(f"This server permits no mode above {highest}.")
        if mode != self.state.mode:
            await self._log.append(ModeChanged(mode=mode))
            if by.shows_questions:
                self._turns.reconsider()
        return self.mode

    async def update_plan(self, plan_id: str, change: PlanChange) -> Plan:
        """Change a plan. Raises ``NoSuchItem``, ``InvalidParams``."""
        async with self._planning:
            plan = changed(self.state.plan(plan_id), change)
            await self._log.append(updated(plan))
            return plan

    def declare(self, subscriber: Subscriber, tools: Sequence[Tool]) -> None:
        """A client says which tools it carries out."""
        self._hands.clients.declare(subscriber, tools)

    def declare_also(self, subscriber: Subscriber, tools: Sequence[Tool]) -> None:
        """A client carries these out beside what it has said before."""
        before = self._hands.clients.of(subscriber)
        self.declare(subscriber, [*{tool.name: tool for tool in [*before, *tools]}.values()])

    def can_reach(self, subscriber: Subscriber) -> bool:
        """Whether the connection is shown this session, and has said what it carries out."""
        return subscriber in self._subscribers and self._hands.clients.has(subscriber)

    def provide(self, tool_call_id: str, result: ToolResult) -> bool:
        """A client's result of a call; False where another was first. Raises ``NoSuchItem``."""
        if tool_call_id not in self.state.asks.known_calls:
            raise NoSuchItem("There is no such tool call.")
        return self._hands.clients.provide(tool_call_id, result)

    def permit(self, request_id: str, answer: Answer, by: Subscriber) -> bool:
        """The person's answer; False where it was settled already. Raises ``NoSuchItem``, ``NotPermitted``."""
        if request_id not in self.state.asks.known_permissions:
            raise NoSuchItem("There is no such permission request.")
        questions, request = self._hands.questions, self.state.asks.permissions.get(request_id)
        if request is None or not questions.is_open(request_id):
            return False
        if not self._senders.may_answer(self._turns.user(request.message_id), by):
            raise NotPermitted("This question is answered by a person: in a chat, or where its message was sent from.")
        return questions.answer(request_id, answer)

    def pending(
        self, subscriber: Subscriber, own: Collection[str] | None
    ) -> tuple[list[PermissionRequested], list[ToolCall]]:
        """Asks that are still open; calls that ``subscriber`` is to carry out are addressed to it.

        ``own``: those that it says it is still at; None: it does not say.
        """
        calls = [
            msgspec.structs.replace(call, client_id=subscriber.client_id)
            for call in self.state.asks.at_clients
            if self._hands.clients.take_over(subscriber, call.tool_call_id, own)
        ]
        return list(self.state.asks.permissions.values()), calls

    async def clear(self, agent: str | None) -> None:
        """Forget the conversation with one agent, or with all."""
        if agent is not None:
            self._services.agents.get(agent)
        await self._log.append(SessionCleared(agent=agent))

    async def place(self, kernel_id: str | None, notebook: str | None) -> None:
        """The session's notebook was renamed, or has a new kernel."""
        changes = SessionChanges(
            kernel_id=kernel_id if kernel_id != self.row.kernel_id else None,
            notebook=notebook if notebook != self.row.notebook else None,
        )
        if self._lease.held and changes != SessionChanges():
            await self._log.change(changes)
            self.row.kernel_id = kernel_id or self.row.kernel_id
            self.row.notebook = notebook or self.row.notebook

    @property
    def connections(self) -> list[Subscriber]:
        """Who is shown its events."""
        return list(self._subscribers)

    @property
    def seconds(self) -> float:
        """How long it has been in memory."""
        return 0.0 if self.watch is None else self.watch.seconds

    @property
    def held_bytes(self) -> int:
        """What it holds in memory, by its greatest parts: events kept for replay, and what was said."""
        return self._log.held_bytes + self.state.held_bytes

    # --- one runner, many servers ------------------------------------------------------------------------------------

    async def _taken(self, row: SessionRow, crashed: bool) -> None:  # noqa: FBT001 - the lease's one callback
        """What a crash cut off ends as ``interrupted``: questions, calls, the inner ones first, and turns."""
        if crashed:
            await self._log.tell(SessionStatus(status=row.status, reason="recovered: the server had stopped at work"))
        for request in [*self.state.asks.permissions.values()]:
            await self._log.tell(withdrawn(request))
        for call in reversed([*self.state.asks.calls.values()]):
            await self._log.tell(interrupted(call))
        for user in [turn.user for turn in self.state.open.values()]:
            await self._turns.end(user, "interrupted")

    def _lease_lost(self) -> None:
        """This process was thought dead, and another runs the session. What is here and not in the log is void."""
        if self._lease.held:
            self._lease.held = False
            self._losing = asyncio.get_running_loop().create_task(self._lose())

    async def _lose(self) -> None:
        await self._turns.close("interrupted")
        self.state = SessionState()
        await self._lease.follow_anew()
        self._turns.open()

    def _deleted(self) -> None:
        """Another server has deleted the session that was followed here: there is no log any more to tell it in."""
        self._log.say(SessionStatus(status=STOPPED, reason="deleted"))
        self._on_deleted(self)

    # --- told by the log ---------------------------------------------------------------------------------------------

    def _apply(self, entry: Entry) -> None:
        self.state.apply(entry)

    def _publish(self, entry: Entry) -> None:
        if self.watch is not None and self._lease.held:
            self.watch.saw(entry.event)
        self._subscribers.publish(entry)

    def _frame(self, entry: Entry) -> str:
        return notification(self.id, entry)
