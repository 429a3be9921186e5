"""One tool call on its way: prepared, asked about, run here, finalized. Whom it is told is not its business."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any
from uuid import uuid4

import msgspec

from whisperer_kernel.errors import WhispererError
from whisperer_kernel.events import (
    CallOrigin,
    Event,
    ToolCall,
    ToolStatus,
    without_surrogates,
)
from whisperer_kernel.tools.call import ToolRequest, ToolResult
from whisperer_kernel.tools.raised import raised
from whisperer_kernel.tools.tool import Denied, Misused, Tool, ToolFailed

INTERRUPTED = "The server stopped before this was over; whether it was done is not known."

log = logging.getLogger(__name__)


class OpenCall:
    """A call from the model's wish to its result. ``missing`` says why there is no tool for it, where there is none.

    ``outer`` is the call inside which it was made; ``limit`` its time limit while it runs; ``question`` the permission
    request that is open for it; ``if_unanswered`` what is said and told where the turn is stopped instead of an answer.
    ``is_over``: its tool may use its context no more; ``is_abandoned``: its end was told before it came.
    """

    def __init__(
        self,
        request: ToolRequest,
        found: Tool | None,
        origin: CallOrigin,
        *,
        missing: str = "",
        outer: OpenCall | None = None,
    ) -> None:
        # Providers count their calls anew each round; on the wire a call's id is its own.
        self.id = uuid4().hex
        self.request = request
        self.found = found
        self.origin = origin
        self.outer = outer
        self.arguments: dict[str, Any] = {}
        self.limit: asyncio.Timeout | None = None
        self.question: str | None = None
        self.if_unanswered: tuple[str, Sequence[Event]] = ("", ())
        self.is_over = False
        self.is_abandoned = False
        self._missing = missing
        self._decoded: msgspec.Struct | None = None

    @property
    def tool(self) -> Tool:
        """The tool. Raises ``ToolFailed`` where there is none, which ``prepare`` has said already."""
        if self.found is None:
            raise ToolFailed(self._missing)
        return self.found

    @property
    def given(self) -> dict[str, Any]:
        """The arguments as the function takes them."""
        decoded = self._decoded
        return {} if decoded is None else {name: getattr(decoded, name) for name in decoded.__struct_fields__}

    async def prepare(self) -> ToolResult | None:
        """Check the arguments; a result says why the tool cannot be called."""
        try:
            self.arguments = msgspec.json.decode(self.request.arguments or "{}", type=dict[str, Any])
            wrong = None if self.found is None else await self._violation(self.found)
        except (msgspec.MsgspecError, RecursionError, ValueError) as error:
            wrong = str(error)
        if self.found is None:
            return failed(self._missing)
        return None if wrong is None else misused(f"The arguments are not what {self.request.name} takes: {wrong}")

    async def _violation(self, tool: Tool) -> str | None:
        """What is wrong with the arguments. Raises ``ValidationError``."""
        if tool.arguments is not None:
            self._decoded = msgspec.convert(self.arguments, tool.arguments)
        if tool.accepts is None:
            return None
        # A schema that nobody here wrote may take a moment.
        return await asyncio.to_thread(tool.accepts.violation, self.arguments)

    def finalize(self, result: ToolResult) -> ToolResult:
        """The result within the tool's bound; what was cut is said."""
        content, limit = result.content, self.tool.result_chars
        if len(content) > limit:
            content = f"{content[:limit]}\n[cut: {len(content) - limit:,} of {len(content):,} characters]"
        return msgspec.structs.replace(result, content=without_surrogates(content))

    def event(
        self, message_id: str, agent: str, status: ToolStatus, result: ToolResult | None, client_id: str | None
    ) -> ToolCall:
        """The call as it is told."""
        content = None if result is None else result.content
        return ToolCall(
            message_id=message_id,
            tool_call_id=self.id,
            tool_name=self.request.name,
            arguments=self.arguments,
            agent=agent,
            executor="server" if self.found is None else self.found.executor,
            status=status,
            result=content if status == "done" else None,
            error=content if status in {"error", "denied"} else None,
            client_id=client_id,
            origin=self.origin,
        )

    def lineage(self) -> Iterator[OpenCall]:
        """This call, the one it was made in, and so on outwards."""
        call: OpenCall | None = self
        while call is not None:
            yield call
            call = call.outer

    @contextmanager
    def paused(self) -> Iterator[None]:
        """A person is asked: meanwhile no tool around this call runs out of time."""
        now = asyncio.get_running_loop().time
        limits = [call.limit for call in self.lineage() if call.limit is not None]
        left = [(limit, when - now()) for limit in limits if (when := limit.when()) is not None]
        for limit, _ in left:
            limit.reschedule(None)
        try:
            yield
        finally:
            for limit, seconds in left:
                # One that was left meanwhile, since the turn was cancelled, takes no new time.
                with suppress(RuntimeError):
                    limit.reschedule(now() + seconds)


async def outcome(name: str, run: Callable[[], Awaitable[str]]) -> ToolResult:
    """What a tool returned, or how it failed. Nothing it raises gets out: ``SystemExit`` would end the server."""
    try:
        return ToolResult(content=str(await run()))
    except asyncio.CancelledError:
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            raise
        return failed("CancelledError: the tool gave up.")
    except Misused as error:
        return misused(str(error))
    except Denied as error:
        return denied(str(error))
    except WhispererError as error:
        return failed(str(error))
    except BaseException as error:  # noqa: BLE001 - a tool's failure is the model's to read, not the turn's end
        log.warning("the tool %s raised %s", name, raised(error))
        return failed(f"{type(error).__name__}: {_words(error)}")


def failed(words: str) -> ToolResult:
    """A result that says what went wrong."""
    return ToolResult(content=words, is_error=True)


def denied(words: str) -> ToolResult:
    """A result that says what was not permitted."""
    return ToolResult(content=words, is_error=True, is_denied=True)


def misused(words: str) -> ToolResult:
    """A result that says why the call was not what the tool takes."""
    return ToolResult(content=words, is_error=True, is_misused=True)


def _words(error: BaseException) -> str:
    try:
        return str(error)
    except Exception:  # noqa: BLE001 - an error that cannot say what it is
        return "no further words"
