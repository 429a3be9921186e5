"""Tool calls out of fragments: put together by index, split by id, and not doubled by a summary at the end."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from whisperer_kernel.ai.surrogates import mended
from whisperer_kernel.ai.wire import Function, ToolFragment
from whisperer_kernel.errors import ProviderError
from whisperer_kernel.tools.call import ToolRequest

MAX_CALLS = 128
MAX_ARGUMENTS = 1 << 20
"""Characters of arguments, all calls of one reply together."""
MAX_ID = 200
MAX_LOOKS = 32
"""How often one call is looked at for whether it is whole already: without a bound it would not take linear time."""


class _Call:
    """A call that is being put together. ``sent_id`` is the id under which it came, which may be another's too."""

    def __init__(self, call_id: str, sent_id: str, index: int | None) -> None:
        self.id = call_id
        self.sent_id = sent_id
        self.index = index
        self.name = ""
        self.parts: list[str] = []
        self._looks = 0

    @property
    def arguments(self) -> str:
        return "".join(self.parts)

    def whole_before(self, text: str) -> dict[str, Any] | None:
        """The arguments, where they are a whole object and ``text`` can be no more of them."""
        is_next = not text or text.lstrip().startswith("{")
        if not is_next or not self.parts or not self.parts[-1].rstrip().endswith("}") or self._looks >= MAX_LOOKS:
            return None
        self._looks += 1
        return _object_in(self.arguments)

    def add(self, text: str) -> None:
        """Add arguments, unless they repeat what is whole already.

        What does not repeat it makes the arguments malformed, which is said to the model: nothing is lost in silence.
        """
        if text and (whole := self.whole_before(text)) is not None:
            if not whole:  # some servers open every call with an empty object
                self.parts.clear()
            elif _object_in(text) == whole:
                return
        if text:
            self.parts.append(text)

    def is_done_before(self, name: str, arguments: str) -> bool:
        """Whether a named fragment is another call and not more of this one, which is whole, nor the same again."""
        whole = self.whole_before(arguments)
        return whole is not None and (name != self.name or _object_in(arguments) != whole)

    def request(self) -> ToolRequest:
        return ToolRequest(id=self.id, name=self.name, arguments=mended(self.arguments) or "{}")


class ToolCalls:
    """The tool calls of one reply."""

    def __init__(self) -> None:
        self._calls: list[_Call] = []
        self._by_id: dict[str, _Call] = {}
        self._by_index: dict[int, _Call] = {}
        self._size = 0

    def feed(self, fragment: ToolFragment) -> None:
        """Take in a fragment. Raises ``ProviderError`` (protocol) past the bounds."""
        function = fragment.function if isinstance(fragment.function, Function) else Function()
        name = function.name if isinstance(function.name, str) else ""
        arguments = _text(function.arguments)
        self._size += len(arguments)
        if self._size > MAX_ARGUMENTS:
            raise ProviderError("protocol", f"The model's tool calls are longer than {MAX_ARGUMENTS:,} characters.")
        if not (name or arguments or fragment.id):
            return
        call = self._call(fragment, name, arguments)
        call.name = call.name or name
        call.add(arguments)

    def take(self) -> list[ToolRequest]:
        """The calls put together so far, each once."""
        calls, self._calls = self._calls, []
        return [call.request() for call in _without_repeated(calls)]

    def _call(self, fragment: ToolFragment, name: str, arguments: str) -> _Call:
        """The call that a fragment belongs to, a new one where it begins one."""
        sent_id = fragment.id if isinstance(fragment.id, str) else ""
        index = fragment.index if type(fragment.index) is int else None
        call = self._open(sent_id, index)
        if call is None or (name and self._begins(call, sent_id, index, name, arguments)):
            call = self._begin(sent_id, index)
        if index is not None:
            self._by_index[index] = call
        return call

    def _open(self, sent_id: str, index: int | None) -> _Call | None:
        """The call that goes on under this id and index: one id may stand for calls that only the index tells apart."""
        here = self._by_index.get(index) if index is not None else self._calls[-1] if self._calls else None
        return here if here is not None and here.sent_id == sent_id else self._by_id.get(sent_id, here)

    def _begins(self, call: _Call, sent_id: str, index: int | None, name: str, arguments: str) -> bool:
        """Whether a named fragment begins another call than the open one."""
        if not sent_id:
            return call.is_done_before(name, arguments)
        # A new id begins a call only together with a name: some servers give every fragment an id of its own.
        if sent_id not in self._by_id or index != call.index:
            return True
        return bool(arguments) and call.is_done_before(name, arguments)

    def _begin(self, sent_id: str, index: int | None) -> _Call:
        if len(self._calls) >= MAX_CALLS:
            raise ProviderError("protocol", f"The model asked for more than {MAX_CALLS} tool calls at once.")
        is_good = sent_id and sent_id not in self._by_id and len(sent_id) <= MAX_ID
        call = _Call(sent_id if is_good else f"call_{uuid.uuid4().hex[:16]}", sent_id, index)
        self._calls.append(call)
        if sent_id:
            self._by_id[sent_id] = call
        return call


def _without_repeated(calls: Sequence[_Call]) -> Iterator[_Call]:
    """The calls but those that came again under the same id, as a summary at the end may."""
    seen: list[tuple[str, str, Any]] = []
    for call in calls:
        arguments = _object_in(call.arguments)
        key = (call.sent_id, call.name, call.arguments if arguments is None else arguments)
        if not call.sent_id or key not in seen:
            seen.append(key)
            yield call


def _object_in(text: str) -> dict[str, Any] | None:
    try:
        value = msgspec.json.decode(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _text(arguments: Any) -> str:
    """Arguments as text; some servers send the object itself."""
    if isinstance(arguments, str):
        return arguments
    return json.dumps(arguments) if isinstance(arguments, dict) else ""
