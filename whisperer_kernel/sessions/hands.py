"""Whom the tool calls of a session need: who carries them out, and who may say yes to them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence

import msgspec

from whisperer_kernel.errors import NoSuchItem, NotPermitted
from whisperer_kernel.events import PermissionRequested, ToolCall, UserMessage
from whisperer_kernel.sessions.clients import ClientTools
from whisperer_kernel.sessions.permissions import Answer, Questions
from whisperer_kernel.sessions.senders import Senders
from whisperer_kernel.sessions.services import StandIns
from whisperer_kernel.sessions.state import SessionState
from whisperer_kernel.sessions.store import SessionRow
from whisperer_kernel.sessions.subscribers import Subscriber
from whisperer_kernel.tools.call import ToolResult
from whisperer_kernel.tools.tool import Tool


class Hands:
    """One session's. ``connected`` are those who are shown it.

    ``unanswered`` are its messages that have no answer yet, the one whose turn runs first. ``stand_ins`` are the client
    tools that this process carries out for a kernel, where no client does.
    """

    def __init__(
        self,
        row: SessionRow,
        state: Callable[[], SessionState],
        connected: Callable[[], Iterable[Subscriber]],
        unanswered: Callable[[], Sequence[UserMessage]],
        stand_ins: StandIns,
    ) -> None:
        self.clients = ClientTools()
        self.questions = Questions()
        self._row = row
        self._state = state
        self._connected = connected
        self._unanswered = unanswered
        self._stand_ins = stand_ins
        self._senders = Senders()

    # --- who is there -----------------------------------------------------------------------------------------------

    def sends(self, user: UserMessage, sender: Subscriber, front_end: str | None) -> None:
        """A message is about to be taken in, from this notebook in a page where that is known."""
        self._senders.sends(user, sender, front_end, self._unanswered())

    def find(self, name: str, user: UserMessage) -> tuple[str, Tool] | None:
        """The client that carries out the tool of this name for a message, and the tool as it has declared it."""
        return self.clients.find(name, user.client_id, self._senders.front_end_of(user))

    async def awaited(self, name: str, user: UserMessage, wait_s: float) -> tuple[str, Tool] | None:
        """Like ``find``, but one who is still to come is waited for."""
        return await self.clients.awaited(name, user.client_id, self._senders.front_end_of(user), wait_s)

    def is_attended(self) -> bool:
        """Whether a person is there who can be asked: at a chat, or where the running turn's message came from."""
        running = next(iter(self._unanswered()), None)
        return any(self._senders.is_asked(running, each) for each in self._connected())

    def is_awaited(self) -> bool:
        """Whether somebody is connected whose message has no answer yet, code in a cell for instance."""
        return any(self._senders.is_from(user, each) for user in self._unanswered() for each in self._connected())

    def has_kernel(self) -> bool:
        """Whether it belongs to a kernel, whose own client may be still to come."""
        return self._row.kernel_id is not None

    def stand_ins(self) -> Sequence[Tool]:
        """The client tools that this process carries out for the session's kernel, where no client does."""
        return () if self._row.kernel_id is None else self._stand_ins(self._row.kernel_id)

    # --- what a client says -----------------------------------------------------------------------------------------

    def provide(self, tool_call_id: str, result: ToolResult) -> bool:
        """A client's result of a call; False where another was first. Raises ``NoSuchItem``."""
        if tool_call_id not in self._state().asks.known_calls:
            raise NoSuchItem("There is no such tool call.")
        return self.clients.provide(tool_call_id, result)

    def permit(self, request_id: str, answer: Answer, by: Subscriber) -> bool:
        """The person's answer; False where it was settled already. Raises ``NoSuchItem``, ``NotPermitted``."""
        asks = self._state().asks
        if request_id not in asks.known_permissions:
            raise NoSuchItem("There is no such permission request.")
        request = asks.permissions.get(request_id)
        if request is None or not self.questions.is_open(request_id):
            return False
        user = next((user for user in self._unanswered() if user.message_id == request.message_id), None)
        if not self._senders.may_answer(user, by):
            raise NotPermitted("This question is answered by a person: in a chat, or where its message was sent from.")
        return self.questions.answer(request_id, answer)

    def pending(
        self, subscriber: Subscriber, own: Collection[str] | None
    ) -> tuple[list[PermissionRequested], list[ToolCall]]:
        """Asks that are still open; calls that ``subscriber`` is to carry out are addressed to it.

        ``own``: those that it says it is still at; None: it does not say.
        """
        asks = self._state().asks
        calls = [
            msgspec.structs.replace(call, client_id=subscriber.client_id)
            for call in asks.at_clients
            if self.clients.take_over(subscriber, call.tool_call_id, own)
        ]
        return list(asks.permissions.values()), calls
