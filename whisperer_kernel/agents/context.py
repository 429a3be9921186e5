"""What one agent has seen of one session: a fold over the session's events, and so never saved."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain

import msgspec

from whisperer_kernel.agents.prompt import user_message
from whisperer_kernel.agents.tokens import cost
from whisperer_kernel.ai.provider import ChatMessage
from whisperer_kernel.ai.shorter import repeatable
from whisperer_kernel.events import FinishReason
from whisperer_kernel.tools.call import ToolRequest

NO_ANSWER: dict[FinishReason, str] = {
    "cancelled": "[stopped by the user]",
    "max_rounds": "[stopped: too many tool calls]",
}
FAILED = "[no answer: the turn failed]"


class Conversation(msgspec.Struct, frozen=True):
    """Messages oldest first, user and assistant by turns, and what each costs in tokens."""

    messages: tuple[ChatMessage, ...]
    costs: tuple[int, ...]


_Costed = tuple[ChatMessage, int]


@dataclass(slots=True)
class _Turn:
    user: _Costed
    replies: list[_Costed] = field(default_factory=list)
    text: str = ""
    finish: FinishReason | None = None

    def add(self, message: ChatMessage) -> None:
        self.replies.append((message, cost(message)))


class AgentContext:
    """The turns of one agent in one session.

    Every method is one event; a turn that is unknown (cleared meanwhile, or an introduction) is passed over. A turn
    counts once it has ended: messages that wait in the queue, and the one being answered, are not history yet.
    """

    def __init__(self) -> None:
        self._turns: dict[str, _Turn] = {}

    def add_user(self, message_id: str, text: str, attachments: str = "") -> None:
        """A message was sent to this agent. ``attachments`` is what came with it, as text."""
        if message_id not in self._turns:
            self._turns[message_id] = _Turn(_asked([], user_message(text, attachments)))

    def attach(self, message_id: str, text: str, attachments: str) -> None:
        """What came with a message was looked up: this is what it comes to, instead of what ``add_user`` was told."""
        if turn := self._turns.get(message_id):
            turn.user = _asked([], user_message(text, attachments))

    def add_text(self, message_id: str, text: str) -> None:
        """The model wrote ``text`` and then called a tool: to be given before the calls of that round."""
        if turn := self._turns.get(message_id):
            turn.text += text

    def add_tool(self, message_id: str, call: ToolRequest, result: str) -> None:
        """A tool call was answered, in whatever way. A call that never was is not reported: it has no result."""
        if turn := self._turns.get(message_id):
            # One call to a message: true for calls one after the other, and accepted for calls at once.
            turn.add(ChatMessage(role="assistant", content=turn.text, tool_calls=(repeatable(call),)))
            turn.add(ChatMessage(role="tool", content=result, tool_call_id=call.id))
            turn.text = ""

    def add_reply(self, message_id: str, text: str, finish_reason: FinishReason) -> None:
        """The turn has ended; ``text`` is what was written after the last tool call, partial where it was stopped."""
        turn = self._turns.get(message_id)
        if turn is None or turn.finish is not None:
            return
        turn.finish = finish_reason
        if text := turn.text + text:
            turn.add(ChatMessage(role="assistant", content=text))
        elif turn.replies:
            # Some providers refuse a user message straight after a tool's.
            turn.add(ChatMessage(role="assistant", content=NO_ANSWER.get(finish_reason, FAILED)))

    def clear(self) -> None:
        """Forget everything; what a running turn still brings is passed over."""
        self._turns.clear()

    def conversation(self, message: str) -> Conversation:
        """The turns that have ended, and ``message`` as the newest user message.

        What was asked and never answered is put before the next question in one message: strict providers refuse two
        user messages in a row and empty replies.
        """
        pairs = tuple(chain.from_iterable(self._paired(message)))
        return Conversation(tuple(message for message, _ in pairs), tuple(tokens for _, tokens in pairs))

    def _paired(self, newest: str) -> Iterator[Sequence[_Costed]]:
        unanswered: list[str] = []
        for turn in self._turns.values():
            if turn.finish is None:
                continue
            if turn.replies:
                # Counted when it was added; only what is put together now has to be counted now.
                question = _asked(unanswered, turn.user[0].content) if unanswered else turn.user
                yield [question, *turn.replies]
                unanswered = []
                continue
            # Taken back before anything was said: it is as if it had not been sent.
            if turn.finish != "cancelled":
                unanswered.append(turn.user[0].content)
        yield [_asked(unanswered, newest)]


def _asked(unanswered: Sequence[str], newest: str) -> _Costed:
    """What was asked and not answered, before what is asked now; asked again after a failure it stands once."""
    texts = [*(text for text in unanswered if text != newest), newest]
    message = ChatMessage(role="user", content="\n\n".join(texts))
    return message, cost(message)
