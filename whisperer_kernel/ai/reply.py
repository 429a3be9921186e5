"""What a reply says: bytes in, deltas out, no I/O."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from whisperer_kernel.ai.failures import Failures
from whisperer_kernel.ai.provider import Delta, Finish, ReasoningDelta, TextDelta, ToolRequestDelta
from whisperer_kernel.ai.sse import ServerSentEvent, SSEDecoder
from whisperer_kernel.ai.surrogates import SurrogateJoiner
from whisperer_kernel.ai.tool_fragments import ToolCalls
from whisperer_kernel.ai.wire import Choice, Chunk, Delta as WireDelta, ToolFragment, decode_chunk, usage_of
from whisperer_kernel.errors import ProviderError
from whisperer_kernel.events import FinishReason, Usage

HEAD_BYTES = 4096
"""What is kept of a body without events, to say what it was instead."""

_REASONS: dict[str, FinishReason] = {
    "length": "length",
    "max_tokens": "length",
    "content_filter": "content_filter",
    "safety": "content_filter",
}


class ReplyDecoder:
    """Decodes one reply.

    After each call: ``ended`` once nothing more is to be read, ``error`` where the reply failed (what came before it in
    the same read was returned all the same), ``heard`` grows with all that is content.
    """

    def __init__(self, failures: Failures) -> None:
        self.ended = False
        self.error: ProviderError | None = None
        self.heard = 0
        self._failures = failures
        self._sse = SSEDecoder()
        self._head = b""
        self._run: list[str] = []
        self._run_kind: type[TextDelta | ReasoningDelta] = TextDelta
        self._joiners: dict[type[TextDelta | ReasoningDelta], SurrogateJoiner] = {
            TextDelta: SurrogateJoiner(),
            ReasoningDelta: SurrogateJoiner(),
        }
        self._batch: list[Delta] = []
        self._tools = ToolCalls()
        self._reason: FinishReason | None = None
        self._usage: Usage | None = None

    @property
    def finishing(self) -> bool:
        """The model has finished; only the usage may still come."""
        return self._reason is not None

    def feed(self, data: bytes) -> list[Delta]:
        """The deltas of one read, text that came together merged."""
        if not self.heard and len(self._head) < HEAD_BYTES:
            self._head += data[:HEAD_BYTES]
        try:
            for event in self._sse.feed(data):
                if self.ended:
                    break
                self._event(event)
        except ProviderError as error:
            self._fail(error)
        return self._take()

    def feed_body(self, body: bytes) -> list[Delta]:
        """The deltas of a body that is one JSON document, from servers that do not stream."""
        self._head = body[:HEAD_BYTES]
        with suppress(ProviderError):
            if (chunk := decode_chunk(body)) is not None:
                self._take_chunk(chunk)
        return self._take() + self.end()

    def end(self) -> list[Delta]:
        """The last deltas, when the connection has ended or nothing more is waited for."""
        if self.ended:
            return []
        if self._reason is not None:
            self._finish(self._reason)
        elif not self.heard:
            self._fail(self._nothing())
        else:
            self._flush()
        self.ended = True
        return self._take()

    def _event(self, event: ServerSentEvent) -> None:
        if event.data.strip() == "[DONE]":
            self._done()
            return
        chunk = decode_chunk(event.data) if event.data.strip() else None
        if chunk is None:
            return
        if event.event == "error" and not chunk.error:
            chunk.error = event.data
        self._chunk(chunk)

    def _take_chunk(self, chunk: Chunk) -> None:
        try:
            self._chunk(chunk)
        except ProviderError as error:
            self._fail(error)

    def _done(self) -> None:
        if self._reason is not None or self.heard:
            self._finish(self._reason or "stop")
        else:
            self._fail(ProviderError("protocol", f"{self._failures.label} ended its reply without saying anything."))

    def _chunk(self, chunk: Chunk) -> None:
        self._usage = usage_of(chunk.usage) or self._usage
        choices = chunk.choices if isinstance(chunk.choices, list) else []
        choice = next((one for one in choices if isinstance(one, Choice)), Choice())
        if chunk.error:
            raise self._failures.in_stream(chunk.error, began=self.heard > 0)
        for delta in (choice.delta, choice.message):
            if isinstance(delta, WireDelta):
                self._delta(delta)
        if isinstance(choice.finish_reason, str) and choice.finish_reason:
            self._finish_reason(choice.finish_reason)

    def _delta(self, delta: WireDelta) -> None:
        reasoning = _text(delta.reasoning) or _text(delta.reasoning_content)
        if reasoning:
            self._say(ReasoningDelta, reasoning)
        content = _text(delta.content) or _text(delta.refusal)
        if content:
            self._say(TextDelta, content)
        if isinstance(delta.tool_calls, list):
            for fragment in delta.tool_calls:
                if isinstance(fragment, ToolFragment):
                    self.heard += 1
                    self._tools.feed(fragment)

    def _finish_reason(self, reason: str) -> None:
        if reason == "error":
            raise self._failures.in_stream(None, began=self.heard > 0)
        if self._reason is None:
            self._reason = _REASONS.get(reason.lower(), "stop")
            self._hand_over_tools()

    def _hand_over_tools(self) -> None:
        self._flush()
        self._batch.extend(ToolRequestDelta(request) for request in self._tools.take())

    def _finish(self, reason: FinishReason) -> None:
        self._hand_over_tools()
        self._batch.append(Finish(reason=reason, usage=self._usage))
        self.ended = True

    def _fail(self, error: ProviderError) -> None:
        self.error = error
        self.ended = True

    def _nothing(self) -> ProviderError:
        """Why there was no event at all: often an error came where the stream should have been."""
        try:
            chunk = decode_chunk(self._head)
        except ProviderError:
            chunk = None
        if chunk is not None and chunk.error:
            return self._failures.in_stream(chunk.error, began=False)
        return self._failures.not_a_reply(self._head)

    def _say(self, kind: type[TextDelta | ReasoningDelta], text: str) -> None:
        self.heard += 1
        if kind is not self._run_kind:
            self._close_run()
            self._run_kind = kind
        self._run.append(self._joiners[kind].feed(text))

    def _flush(self) -> None:
        """End the text: what comes next in the batch is something else."""
        for kind, joiner in self._joiners.items():
            if rest := joiner.flush():
                self._say(kind, rest)
        self._close_run()

    def _close_run(self) -> None:
        if text := "".join(self._run):
            self._batch.append(self._run_kind(text))
        self._run.clear()

    def _take(self) -> list[Delta]:
        self._close_run()
        batch, self._batch = self._batch, []
        return batch


def _text(value: Any) -> str:
    """Text, also where it comes as a list of parts."""
    if isinstance(value, str):
        return value
    if not isinstance(value, list):
        return ""
    parts = (part.get("text") for part in value if isinstance(part, dict) and part.get("type") == "text")
    return "".join(part for part in parts if isinstance(part, str))
