"""What a session's turns have asked for: a person's yes, a tool's result. A fold of the log's events about them."""

from __future__ import annotations

import msgspec

from whisperer_kernel.events import PermissionRequested, PermissionResolved, ToolCall

OVER = {"done", "error", "denied"}


class Asks(msgspec.Struct):
    """What has no answer yet, by its id; and all there ever was, so that a late answer is known for what it is."""

    permissions: dict[str, PermissionRequested] = {}
    calls: dict[str, ToolCall] = {}
    known_permissions: set[str] = set()
    known_calls: set[str] = set()

    @property
    def at_clients(self) -> list[ToolCall]:
        """The calls that clients have been asked for and have not answered."""
        return [call for call in self.calls.values() if call.executor == "client" and call.status == "running"]

    def asked(self, request: PermissionRequested) -> None:
        """A person is asked."""
        self.permissions[request.request_id] = request
        self.known_permissions.add(request.request_id)

    def resolved(self, event: PermissionResolved) -> PermissionRequested | None:
        """A question is settled; the question, where it was open."""
        return self.permissions.pop(event.request_id, None)

    def called(self, call: ToolCall) -> bool:
        """How far a call has come; whether it is over."""
        self.known_calls.add(call.tool_call_id)
        if call.status in OVER:
            self.calls.pop(call.tool_call_id, None)
            return True
        self.calls[call.tool_call_id] = call
        return False

    def forget(self, message_id: str) -> None:
        """A turn has ended: nobody waits for what it asked any more."""
        for asks in (self.permissions, self.calls):
            for ask_id in [ask_id for ask_id, event in asks.items() if event.message_id == message_id]:
                del asks[ask_id]
