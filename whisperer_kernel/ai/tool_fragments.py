"""Tool calls out of fragments: put together by index, split by id, and not doubled by a summary at the end."""

from __future__ import annotations

import json
import uuid
from typing import Any

import msgspec

from whisperer_kernel.ai.surrogates import mended
from whisperer_kernel.ai.wire import Function, ToolFragment
from whisperer_kernel.errors import ProviderError
from whisperer_kernel.tools.call import ToolRequest

MAX_CALLS = 128
MAX_ARGUMENTS = 1 << 20
"""Characters of arguments, all calls of one reply together."""


class _Call:
    """A call that is being put together."""

    def __init__(self, call_id: str) -> None:
        self.id = call_id
        self.name = ""
        self.parts: list[str] = []

    @property
    def arguments(self) -> str:
        return "".join(self.parts)

    def add(self, text: str) -> None:
        """Add arguments, unless they repeat what is complete already."""
        # Only a new object after a closed one can be a repetition; asking nothing else keeps this linear.
        if text.lstrip().startswith("{") and self.parts and self.parts[-1].rstrip().endswith("}"):
            whole = _object_in(self.arguments)
            if whole:
                return
            if whole == {}:  # some servers open every call with an empty object
                self.parts.clear()
        if text:
            self.parts.append(text)

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
        return [call.request() for call in calls]

    def _call(self, fragment: ToolFragment, name: str, arguments: str) -> _Call:
        """The call that a fragment belongs to, a new one where it begins one."""
        call_id = fragment.id if isinstance(fragment.id, str) else ""
        index = fragment.index if type(fragment.index) is int else None
        call = self._by_id.get(call_id) or self._open(index)
        # A new id begins a call only together with a name: some servers give every fragment an id of its own.
        begins = call_id not in self._by_id if call_id else _repeats(call, name, arguments)
        if call is None or (name and begins):
            call = self._begin(call_id)
        if index is not None:
            self._by_index[index] = call
        return call

    def _open(self, index: int | None) -> _Call | None:
        if index is not None:
            return self._by_index.get(index)
        return self._calls[-1] if self._calls else None

    def _begin(self, call_id: str) -> _Call:
        if len(self._calls) >= MAX_CALLS:
            raise ProviderError("protocol", f"The model asked for more than {MAX_CALLS} tool calls at once.")
        call = _Call(call_id or f"call_{uuid.uuid4().hex[:16]}")
        self._calls.append(call)
        self._by_id[call.id] = call
        return call


def _repeats(call: _Call | None, name: str, arguments: str) -> bool:
    """Whether a named fragment without an id is another call and not more of ``call``, which is complete."""
    if call is None or not name or _object_in(call.arguments) is None:
        return False
    return (name, arguments) != (call.name, call.arguments)


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
