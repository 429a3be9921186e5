"""A tool call from a model that cannot call tools: its reply is asked for in the shape of the call's arguments."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import aclosing
from typing import Any
from uuid import uuid4

import msgspec

from whisperer_kernel.ai.loop import StreamCallbacks, TurnEnd, summed, turn_error
from whisperer_kernel.ai.provider import ChatRequest, Finish, Provider, TextDelta
from whisperer_kernel.errors import ProviderError
from whisperer_kernel.events import ProviderStatus, Usage
from whisperer_kernel.tools.call import ToolRequest, ToolResult
from whisperer_kernel.tools.replyshape import ReplyShape

ATTEMPTS = 2
MEND = "Your answer to this was not right:\n{reason}\nGive another, in which this is put right."

CarryOut = Callable[[ToolRequest], Awaitable[ToolResult]]


class ShapedReply:
    """Asks, carries the call out as any other, and lets the model mend a bad one once.

    The person is not shown the JSON, but what came of it: the tool's result, or words of the shape's for that there is
    none.
    """

    def __init__(self, provider: Provider, name: str, shape: ReplyShape, carry_out: CarryOut) -> None:
        self._provider = provider
        self._name = name
        self._shape = shape
        self._carry_out = carry_out

    async def run(self, request: ChatRequest, on: StreamCallbacks) -> TurnEnd:
        """One turn. Raises nothing but ``CancelledError``; then the provider's connection is closed."""
        shape, usage = self._shape, None
        request = _shaped(request, shape)
        try:
            for attempt in range(1, ATTEMPTS + 1):
                reply, finish = await self._ask(request, on)
                usage = summed(usage, finish)
                if (end := _unusable(finish, usage)) is not None:
                    return end
                call = ToolRequest(id=uuid4().hex, name=self._name, arguments=_mended(reply, shape))
                result = await self._carry_out(call)
                if not result.is_misused or attempt == ATTEMPTS:
                    on.text(shape.refusal if result.is_misused else result.content)
                    break
                request = _to_be_mended(request, result)
        except ProviderError as error:
            return TurnEnd(reason="error", usage=usage, error=turn_error(error))
        return TurnEnd(reason="stop", usage=usage)

    async def _ask(self, request: ChatRequest, on: StreamCallbacks) -> tuple[str, Finish | None]:
        texts: list[str] = []
        async with aclosing(self._provider.stream(request)) as batches:  # type: ignore[type-var]  # a generator, as every stream here
            async for batch in batches:
                for delta in batch:
                    if isinstance(delta, TextDelta):
                        texts.append(delta.text)
                    elif isinstance(delta, ProviderStatus):
                        await on.provider(delta)
                    elif isinstance(delta, Finish):
                        return "".join(texts), delta
        return "".join(texts), None


def _shaped(request: ChatRequest, shape: ReplyShape) -> ChatRequest:
    system, *conversation = request.messages
    told = msgspec.structs.replace(system, content=f"{system.content}\n\n{shape.instructions}")
    return msgspec.structs.replace(
        request,
        messages=(told, *conversation),
        response_schema=shape.schema,
        parameters={**request.parameters, **shape.parameters},
    )


def _mended(reply: str, shape: ReplyShape) -> str:
    """The reply with what can be put right here; one that is no JSON is left to whoever checks it."""
    if shape.mend is None:
        return reply
    try:
        arguments = msgspec.json.decode(reply, type=dict[str, Any])
    except msgspec.DecodeError:
        return reply
    mended = shape.mend(arguments)
    return reply if mended == arguments else msgspec.json.encode(mended).decode()


def _to_be_mended(request: ChatRequest, result: ToolResult) -> ChatRequest:
    """The question again, and what was wrong with the answer; the answer itself a small model would only repeat."""
    *before, question = request.messages
    again = msgspec.structs.replace(question, content=f"{question.content}\n\n{MEND.format(reason=result.content)}")
    return msgspec.structs.replace(request, messages=(*before, again))


def _unusable(finish: Finish | None, usage: Usage | None) -> TurnEnd | None:
    """The end where the reply is not there as a whole; one cut by its length is a bad call, which may be mended."""
    if finish is None:
        return TurnEnd(reason="interrupted", usage=usage)
    return None if finish.reason in {"stop", "length"} else TurnEnd(reason=finish.reason, usage=usage)
