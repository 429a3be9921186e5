"""What the turns of one session need a yes for, put to whoever asked them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection

from whisperer_kernel.events import PermissionDecision, PermissionRequested, PermissionResolved
from whisperer_kernel.notebook.asker import Asker, Decided
from whisperer_kernel.notebook.errands import Over
from whisperer_kernel.notebook.permission import PermissionQuestion

Answer = Callable[[str, Decided], Awaitable[None]]
"""Tells the session what was decided, by the request's id."""

HOW_TO_ALLOW = "To answer such questions in code: Whisperer(permit=…)."

_DECIDED: dict[PermissionDecision, str] = {
    "allow_once": "It is allowed: somebody answered elsewhere.",
    "allow_session": "It is allowed for this session: somebody answered elsewhere.",
    "deny": "It is not allowed: somebody answered elsewhere.",
}


class OpenQuestions:
    """Those of one session. Everything here runs on the background's loop."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self._open: dict[str, tuple[Over, asyncio.Task[None]]] = {}
        # Put to nobody: who asked is told, should it be refused for that.
        self._unseen: dict[str, tuple[Asker, PermissionQuestion]] = {}

    def asked(self, request: PermissionRequested, asker: Asker) -> None:
        """A question of a turn that ``asker`` waits for."""
        if request.request_id in self._open:
            return
        question = PermissionQuestion(
            agent=request.agent,
            tool=request.tool_name,
            arguments=request.arguments,
            preview=request.preview,
            once=request.once,
        )
        if not asker.can_be_asked:
            self._unseen[request.request_id] = asker, question
            return
        over = Over()
        task = asyncio.get_running_loop().create_task(self._decide(request.request_id, question, asker, over))
        self._open[request.request_id] = over, task

    def resolved(self, event: PermissionResolved) -> None:
        """A question is settled, by us or by somebody else: whoever sees it need not answer any more."""
        if (unseen := self._unseen.pop(event.request_id, None)) is not None and event.by == "disconnect":
            _tell(*unseen)
        self._close(event.request_id, _settled(event))

    def only(self, request_ids: Collection[str]) -> None:
        """None but these are open any more."""
        for request_id in {*self._open, *self._unseen} - {*request_ids}:
            self._unseen.pop(request_id, None)
            self._close(request_id, "It need not be answered any more.")

    def _close(self, request_id: str, words: str) -> None:
        if (put := self._open.pop(request_id, None)) is not None:
            over, task = put
            over.set_result(words)
            task.cancel()

    async def _decide(self, request_id: str, question: PermissionQuestion, asker: Asker, over: Over) -> None:
        decided = await asker.decide(question, over)
        if decided is not None:
            await self._answer(request_id, decided)


def _tell(asker: Asker, question: PermissionQuestion) -> None:
    agent = question.agent.capitalize()
    asker.say(f"{agent} wanted to use {question.tool}. Nobody could be asked, so it was not permitted. {HOW_TO_ALLOW}")


def _settled(event: PermissionResolved) -> str:
    if event.by == "timeout":
        return "It is not allowed: no answer came in time."
    return _DECIDED[event.decision] if event.by == "user" else "It need not be answered any more."
