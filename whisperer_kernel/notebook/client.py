"""Python's front door to the agents: ``await Whisperer().ask("…")`` in a cell, ``ask_sync`` in a script."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec

from whisperer_kernel.ai.provider import ModelInfo
from whisperer_kernel.errors import InvalidParams
from whisperer_kernel.notebook.asker import Asker
from whisperer_kernel.notebook.caller import Caller, Operation
from whisperer_kernel.notebook.cell import watch_cells
from whisperer_kernel.notebook.load import offer_below, take_part
from whisperer_kernel.notebook.made_tests import MadeTests
from whisperer_kernel.notebook.permission import Permit
from whisperer_kernel.notebook.plan import MadePlan
from whisperer_kernel.notebook.question import Question, for_tests
from whisperer_kernel.notebook.reply import Reply
from whisperer_kernel.notebook.session_client import SessionClient
from whisperer_kernel.notebook.stream import ReplyStream
from whisperer_kernel.rpc.params import AgentDescription
from whisperer_kernel.sessions.history import HistoryMessage

ContextItem = str | Mapping[str, Any]
Context = ContextItem | Iterable[ContextItem] | None

PLANNER = "patricia"


class Whisperer(Caller):
    """The agents, for code: shares the notebook's session with the chat widget.

    Where this kernel's Jupyter server runs Whisperer, the session is there; else it is in this process, and ``where``
    says so. Nothing is connected before the first call. Methods that end in ``_sync`` block and work anywhere, also in
    a cell, where an event loop runs already.

    What an agent may do with a yes alone is asked here, by ``input``, where a person is in front of the cell or script
    that waits for the answer, or in a chat of the same session: the first answer counts, none is a no.

    Args:
        agent: id of the agent that answers, ``"tessa"`` for instance; left out, the session's current one.
        session: id of a session to go on with, instead of this notebook's.
        new: begin a session of its own.
        in_process: True: never ask a server; False: raise ``NoServer`` where there is none.
        permit: answers instead of the person: a function, async or not, that is given a ``PermissionQuestion`` and
            returns ``"allow_once"``, ``"allow_session"`` or ``"deny"``. Whatever else it does is a no, with a warning.

    Raises:
        InvalidParams: an argument is not what it should be.

    >>> await Whisperer().ask("What does this notebook do?")  # doctest: +SKIP
    """

    def __init__(
        self,
        agent: str | None = None,
        *,
        session: str | None = None,
        new: bool = False,
        in_process: bool | None = None,
        permit: Permit | None = None,
    ) -> None:
        if session is not None and new:
            raise InvalidParams("session names one that is there, new asks for another: give one of them")
        super().__init__(session=_optional_text("session", session), new=new, in_process=in_process)
        self._agent = _optional_text("agent", agent)
        if permit is not None and not callable(permit):
            raise InvalidParams(f"permit must be a function that answers questions, not {permit!r}")
        self._permit = permit
        watch_cells()
        take_part()

    # --- asking -----------------------------------------------------------------------------------------------------

    async def ask(self, message: str, *, agent: str | None = None, context: Context = None) -> Reply:
        """The agent's reply. Cancelling it, or interrupting the cell, cancels the turn.

        Args:
            message: what you want to know.
            agent: id of the agent who answers this one message.
            context: what to look at: text, or items as PROTOCOL.md lists them, one or several.

        Raises:
            TurnFailed: the turn ended in an error, the provider's for instance.
            InvalidParams, NoSuchAgent, QueueFull: the message cannot be taken.
            ServerLost: the server does not answer (any more).
        """
        question = self._question(message, agent, context)
        return await self.run(lambda client: client.ask(question), question.asker.errands)

    def ask_sync(self, message: str, *, agent: str | None = None, context: Context = None) -> Reply:
        """``ask`` for scripts: blocks until the reply is whole; Ctrl-C cancels the turn."""
        question = self._question(message, agent, context)
        return self.wait(lambda client: client.ask(question), question.asker.errands)

    def stream(self, message: str, *, agent: str | None = None, context: Context = None) -> ReplyStream:
        """The reply as it comes: ``async for chunk in answer`` (or ``for``), then ``answer.reply``. See ``ask``."""
        question = self._question(message, agent, context)
        return ReplyStream(self, lambda client: client.send(question), question.asker.errands)

    async def plan(self, goal: str, *, context: Context = None) -> MadePlan:
        """Patricia's plan for a goal; where the notebook is open in a browser, she puts it in as cells.

        Raises:
            NoPlan: she answered and made none; the message is her answer. Further ones as ``ask``.
        """
        question = self._goal(goal, context)
        return await self.run(lambda client: client.plan(question), question.asker.errands)

    def plan_sync(self, goal: str, *, context: Context = None) -> MadePlan:
        """``plan`` for scripts."""
        question = self._goal(goal, context)
        return self.wait(lambda client: client.plan(question), question.asker.errands)

    async def tests(self, target: Callable[..., Any] | str) -> MadeTests:
        """Tessa's tests of a function, without a model: what it returns today at the edges of its input, run isolated.

        Those that passed are put into the notebook as a cell; where no browser has it open, below this cell.

        Raises:
            NoTests: none could be made; the message says why. Further ones as ``ask``.
        """
        question = for_tests(target, Asker(self._permit))
        made = await self.run(lambda client: client.tests(question), question.asker.errands)
        offer_below(made)
        return made

    def tests_sync(self, target: Callable[..., Any] | str) -> MadeTests:
        """``tests``, blocking."""
        question = for_tests(target, Asker(self._permit))
        made = self.wait(lambda client: client.tests(question), question.asker.errands)
        offer_below(made)
        return made

    async def cancel(self) -> bool:
        """End the session's running turn; False where none runs."""
        return await self.run(SessionClient.cancel)

    async def agents(self) -> list[AgentDescription]:
        """Every agent there is, the default first."""
        return await self.run(lambda client: client.cast.all())

    async def switch(self, agent_id: str) -> str:
        """Make another agent current, for the chat widget too; her id. Raises ``NoSuchAgent``."""
        return await self.run(self._switch(agent_id))

    async def history(self, agent: str | None = None) -> list[HistoryMessage]:
        """The conversation, oldest message first; with ``agent``, hers alone. Raises ``NoSuchAgent``."""
        return await self.run(lambda client: client.history(agent))

    async def clear(self, agent: str | None = None) -> None:
        """Forget the conversation with one agent, or with all. Raises ``NoSuchAgent``."""
        await self.run(lambda client: client.clear(agent))

    async def models(self) -> list[ModelInfo]:
        """The models on offer. Raises ``ProviderError``."""
        return await self.run(SessionClient.models)

    async def set_model(self, model: str) -> str:
        """Ask another model from the next turn on; its id."""
        return await self.run(lambda client: client.set_model(model))

    # --- the same for scripts ---------------------------------------------------------------------------------------

    def cancel_sync(self) -> bool:
        """``cancel``, from another thread than the one that waits."""
        return self.wait(SessionClient.cancel)

    def agents_sync(self) -> list[AgentDescription]:
        """See ``agents``."""
        return self.wait(lambda client: client.cast.all())

    def switch_sync(self, agent_id: str) -> str:
        """See ``switch``."""
        return self.wait(self._switch(agent_id))

    def history_sync(self, agent: str | None = None) -> list[HistoryMessage]:
        """See ``history``."""
        return self.wait(lambda client: client.history(agent))

    def clear_sync(self, agent: str | None = None) -> None:
        """See ``clear``."""
        self.wait(lambda client: client.clear(agent))

    def models_sync(self) -> list[ModelInfo]:
        """See ``models``."""
        return self.wait(SessionClient.models)

    def set_model_sync(self, model: str) -> str:
        """See ``set_model``."""
        return self.wait(lambda client: client.set_model(model))

    # --- inside -----------------------------------------------------------------------------------------------------

    def _question(self, message: str, agent: str | None, context: Context) -> Question:
        if not isinstance(message, str):
            raise InvalidParams(f"message must be text, not {type(message).__name__}")
        if not message.strip():
            raise InvalidParams("message is empty: say what you want to know")
        return Question(message, Asker(self._permit), _optional_text("agent", agent) or self._agent, _items(context))

    def _goal(self, goal: str, context: Context) -> Question:
        question = self._question(goal, PLANNER, context)
        return msgspec.structs.replace(question, message=f"Make a plan. The goal: {question.message}")

    def _switch(self, agent_id: str) -> Operation[str]:
        # From now on the session's current agent is meant, whoever it was made for.
        self._agent = None
        return lambda client: client.switch(agent_id)


def _optional_text(name: str, value: object) -> str | None:
    if value is None or (isinstance(value, str) and value.strip()):
        return value
    raise InvalidParams(f"{name} must be an id, not {value!r}")


def _items(context: Context) -> list[dict[str, Any]]:
    if context is None:
        return []
    if isinstance(context, str | Mapping):
        return [_item(context)]
    if isinstance(context, Iterable):
        return [_item(item) for item in context]
    raise InvalidParams(f"context must be text or items, not {type(context).__name__}")


def _item(item: ContextItem) -> dict[str, Any]:
    if isinstance(item, str):
        return {"type": "text", "text": item}
    if isinstance(item, Mapping):
        return dict(item)
    raise InvalidParams(f"context must hold text or items like {{'type': 'text', 'text': …}}, not {item!r}")
