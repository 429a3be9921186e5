"""One live session: takes messages, has their turns run, tells every subscriber what happens."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import msgspec

from whisperer_kernel.agents.registry import route
from whisperer_kernel.ai.providers import with_model
from whisperer_kernel.errors import StoreError
from whisperer_kernel.events import (
    ACTIVE,
    STOPPED,
    Entry,
    FinishReason,
    Mode,
    SessionCleared,
    SessionStatus,
    UserMessage,
    notification,
)
from whisperer_kernel.plans.cells import updated
from whisperer_kernel.plans.model import Plan, PlanChange, changed
from whisperer_kernel.sessions.current import CurrentAgent
from whisperer_kernel.sessions.hands import Hands
from whisperer_kernel.sessions.history import Submitted
from whisperer_kernel.sessions.lease import Lease
from whisperer_kernel.sessions.log import SessionLog
from whisperer_kernel.sessions.metrics import Metrics, Watch
from whisperer_kernel.sessions.recovery import end_what_was_cut_off
from whisperer_kernel.sessions.services import Services
from whisperer_kernel.sessions.settings import Settings
from whisperer_kernel.sessions.startparams import StartParams
from whisperer_kernel.sessions.state import SessionState
from whisperer_kernel.sessions.store import SessionChanges, SessionRow
from whisperer_kernel.sessions.subscribers import Subscriber, Subscribers
from whisperer_kernel.sessions.turnqueue import TurnQueue

log = logging.getLogger(__name__)


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
        self.log = SessionLog(
            services.store,
            row.id,
            services.runner,
            replay_events=services.config.limits.replay_events,
            apply=self._apply,
            publish=self._publish,
            lost=self._lease_lost,
        )
        self.lease = Lease(
            services.store,
            row.id,
            services.runner,
            self.log,
            self._taken,
            self._deleted,
            lambda: bool(self._unanswered()),
        )
        self._losing: asyncio.Task[None] | None = None
        self.hands = Hands(row, self._state, lambda: self.subscribers, self._unanswered, services.stand_ins)
        self.subscribers = Subscribers(self.hands.clients, self.log.since, self._frame, services.slicing)
        self.current = CurrentAgent(services.agents, self.log, self._state)
        self.settings = Settings(services, self.log, self._state)
        self._turns = TurnQueue(services, self.log, self._state, self.hands)
        # Who changes a plan does it alone, since each change is made to what the one before it left.
        self._planning = asyncio.Lock()

    def _state(self) -> SessionState:
        return self.state

    def _unanswered(self) -> list[UserMessage]:
        return self._turns.unanswered

    # --- coming and going -------------------------------------------------------------------------------------------

    async def begin(self, params: StartParams) -> None:
        """The first events of a new session: it is active, and the agent introduces herself."""
        provider = with_model(await self._services.providers.info(), params.model)
        given = {key: value for key, value in msgspec.to_builtins(params).items() if value is not None}
        await self.log.append(
            SessionStatus(status=ACTIVE, provider=provider, params={**given, "agent": self.row.agent}),
            SessionChanges(agent=self.row.agent, status=ACTIVE),
        )
        await self.current.introduce(self.row.agent)

    async def activate(self) -> None:
        """A stopped session becomes active again."""
        self._turns.open()
        if self.state.status == STOPPED:
            await self.lease.take()
            await self.log.append(SessionStatus(status=ACTIVE), SessionChanges(status=ACTIVE))

    async def stop(self) -> None:
        """Cancel the turn and what is queued; from now on the session takes no messages until it is resumed."""
        await self._turns.close("cancelled")
        if self.state.status != STOPPED:
            await self.log.append(SessionStatus(status=STOPPED, reason="stopped"), SessionChanges(status=STOPPED))

    async def close(self, reason: FinishReason) -> None:
        """Leave memory: turns end with ``reason``, the log is saved and given back."""
        await self._turns.close(reason)
        try:
            await self.lease.close()
        except StoreError as error:
            log.warning("session %s could not be closed in good order: %s", self.id, error)

    def subscribe(self, subscriber: Subscriber, after_seq: int | None = None) -> None:
        """Show ``subscriber`` every event after ``after_seq``, or from here on."""
        if after_seq is None:
            self.subscribers.add(subscriber, self.log.seq)
        else:
            self.subscribers.bring_up(subscriber, after_seq)

    def hand_subscribers(self, other: StatelessInteractiveSession) -> None:
        """Show ``other``, this session as it has come back, to those who were shown it here, from where they were."""
        for subscriber, last in self.subscribers.hand_over().items():
            other.subscribe(subscriber, last)
            other.hands.clients.declare(subscriber, self.hands.clients.of(subscriber))

    def can_reach(self, subscriber: Subscriber) -> bool:
        """Whether the connection is shown this session, and has said what it carries out."""
        return subscriber in self.subscribers and self.hands.clients.has(subscriber)

    @property
    def seconds(self) -> float:
        """How long it has been in memory."""
        return 0.0 if self.watch is None else self.watch.seconds

    @property
    def held_bytes(self) -> int:
        """What it holds in memory, by its greatest parts: events kept for replay, and what was said."""
        return self.log.held_bytes + self.state.held_bytes

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
        front_end: str | None = None,
    ) -> Submitted:
        """Take a message in; its turn runs as soon as those before it have ended."""
        agent, _ = route(message, self._services.agents)
        user = UserMessage(
            message_id=uuid4().hex,
            message=message,
            agent=agent or self.current.id,
            client_id=sender.client_id,
            context=context,
            client_message_id=client_message_id,
            can_be_asked=can_be_asked,
            cell_id=cell_id,
        )
        self.hands.sends(user, sender, front_end)
        return await self._turns.submit(user)

    async def cancel(self, message_id: str | None) -> bool:
        """End the running turn, or the queued message of this id, as ``cancelled``; False where there is none."""
        return await self._turns.cancel(message_id)

    async def set_mode(self, mode: Mode, by: Subscriber) -> None:
        """What tools are permitted from now on. Raises ``NotPermitted`` above the policy's highest mode.

        Who may not answer questions does not settle by it those that are open.
        """
        if await self.settings.set_mode(mode) and by.shows_questions:
            self._turns.reconsider()

    async def update_plan(self, plan_id: str, change: PlanChange) -> Plan:
        """Change a plan. Raises ``NoSuchItem``, ``InvalidParams``."""
        async with self._planning:
            plan = changed(self.state.plan(plan_id), change)
            await self.log.append(updated(plan))
            return plan

    async def clear(self, agent: str | None) -> None:
        """Forget the conversation with one agent, or with all."""
        if agent is not None:
            self._services.agents.get(agent)
        await self.log.append(SessionCleared(agent=agent))

    # --- what happens around it -------------------------------------------------------------------------------------

    async def provider_changed(self) -> None:
        """Somebody else answers from now on: said in the session, by whoever runs it."""
        if self.lease.held:
            await self.log.tell(SessionStatus(status=self.state.status, provider=await self.settings.provider()))

    async def place(self, kernel_id: str | None, notebook: str | None) -> None:
        """The session's notebook was renamed, or has a new kernel."""
        changes = SessionChanges(
            kernel_id=kernel_id if kernel_id != self.row.kernel_id else None,
            notebook=notebook if notebook != self.row.notebook else None,
        )
        if self.lease.held and changes != SessionChanges():
            await self.log.change(changes)
            self.row.kernel_id = kernel_id or self.row.kernel_id
            self.row.notebook = notebook or self.row.notebook

    async def _taken(self, row: SessionRow, crashed: bool) -> None:  # noqa: FBT001 - the lease's one callback
        """This process begins to run it."""
        if crashed:
            await self.log.tell(SessionStatus(status=row.status, reason="recovered: the server had stopped at work"))
        await end_what_was_cut_off(self.log, self.state, self._turns)

    def _lease_lost(self) -> None:
        """This process was thought dead, and another runs the session. What is here and not in the log is void."""
        if self.lease.held:
            self.lease.held = False
            self._losing = asyncio.get_running_loop().create_task(self._lose())

    async def _lose(self) -> None:
        await self._turns.close("interrupted")
        self.state = SessionState()
        await self.lease.follow_anew()
        self._turns.open()

    def _deleted(self) -> None:
        """Another server has deleted the session that was followed here: there is no log any more to tell it in."""
        self.log.say(SessionStatus(status=STOPPED, reason="deleted"))
        self._on_deleted(self)

    # --- told by the log --------------------------------------------------------------------------------------------

    def _apply(self, entry: Entry) -> None:
        self.state.apply(entry)

    def _publish(self, entry: Entry) -> None:
        if self.watch is not None and self.lease.held:
            self.watch.saw(entry.event)
        self.subscribers.publish(entry)

    def _frame(self, entry: Entry) -> str:
        return notification(self.id, entry)
