"""Asking the person: the questions of one session that are open, and their answers."""

from __future__ import annotations

import asyncio

import msgspec

from whisperer_kernel.events import PermissionDecision, ResolvedBy


class Answer(msgspec.Struct, frozen=True):
    """What was decided, by whom; ``reason`` is what the person wants the model to read."""

    decision: PermissionDecision
    reason: str | None = None
    by: ResolvedBy = "user"


class Questions:
    """Open questions by request id. An answer counts once."""

    def __init__(self) -> None:
        self._open: dict[str, asyncio.Future[Answer]] = {}

    def ask(self, request_id: str) -> asyncio.Future[Answer]:
        """Open a question: the future is its answer."""
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._open[request_id] = future
        future.add_done_callback(lambda _: self._open.pop(request_id, None))
        return future

    def is_open(self, request_id: str) -> bool:
        """Whether it still waits for an answer."""
        future = self._open.get(request_id)
        return future is not None and not future.done()

    def answer(self, request_id: str, answer: Answer) -> bool:
        """The person answers; False: it is settled already."""
        if not self.is_open(request_id):
            return False
        self._open[request_id].set_result(answer)
        return True
