"""Whose message it is, and who may say what its turn is permitted."""

from __future__ import annotations

from collections.abc import Sequence

from whisperer_kernel.events import UserMessage
from whisperer_kernel.sessions.subscribers import Subscriber


class Senders:
    """Those of one session's messages that have no answer yet."""

    def __init__(self) -> None:
        # The page or process that each came from: it may come back with another connection.
        self._pages: dict[str, str] = {}
        self._front_ends: dict[str, str] = {}

    def sends(
        self, user: UserMessage, sender: Subscriber, front_end: str | None, unanswered: Sequence[UserMessage]
    ) -> None:
        """A message is about to be taken in, beside these."""
        known = {each.message_id for each in unanswered}
        self._pages = {sent: page for sent, page in self._pages.items() if sent in known}
        self._front_ends = {sent: front_end for sent, front_end in self._front_ends.items() if sent in known}
        if front_end is not None:
            self._front_ends[user.message_id] = front_end
        if sender.page:
            self._pages[user.message_id] = sender.page

    def front_end_of(self, user: UserMessage) -> str | None:
        """The notebook in a page that the message comes from, where that is known; see ``ToolClient``."""
        return self._front_ends.get(user.message_id)

    def is_from(self, user: UserMessage, subscriber: Subscriber) -> bool:
        """Whether this connection sent the message, or has come back for the one that did."""
        page = self._pages.get(user.message_id)
        return subscriber.client_id == user.client_id or (page is not None and page == subscriber.page)

    def may_answer(self, user: UserMessage | None, subscriber: Subscriber) -> bool:
        """Whether it may say what the message's turn is permitted: code that answers for itself would ask nobody."""
        is_own = user is not None and self.is_from(user, subscriber)
        return subscriber.shows_questions or (subscriber.answers_own and is_own)

    def is_asked(self, user: UserMessage | None, subscriber: Subscriber) -> bool:
        """Whether somebody sits there who sees what the message's turn asks: at a chat, or where it was sent from."""
        can_be_asked = user is not None and user.can_be_asked
        return subscriber.shows_questions or (can_be_asked and self.may_answer(user, subscriber))
