"""Server-sent events: bytes in, events out, no I/O.

Follows https://html.spec.whatwg.org/multipage/server-sent-events.html for the fields ``event`` and ``data``; ``id`` and
``retry`` serve reconnection, which a chat completion has not. Lines end at CR, LF or CRLF and nowhere else, so U+2028,
U+2029 and U+0085 stay inside the data. Invalid UTF-8 becomes U+FFFD. An event without its empty line at the end of the
stream was cut and is dropped.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from whisperer_kernel.errors import ProviderError

MAX_BYTES = 1 << 20
"""Longest line, and longest data of one event."""

_BOM = b"\xef\xbb\xbf"
_LINE_ENDS = (b"\n", b"\r")


class ServerSentEvent(msgspec.Struct, frozen=True, gc=False):
    """One event; ``data`` with its lines joined by LF."""

    data: str
    event: str = "message"


class SSEDecoder:
    """Decodes one stream, fed in pieces that may end at any byte."""

    def __init__(self, max_bytes: int = MAX_BYTES) -> None:
        self._max = max_bytes
        self._tail = bytearray()
        self._after_cr = False
        self._started = False
        self._event = b""
        self._data: list[bytes] = []
        self._size = 0

    def feed(self, piece: bytes) -> Iterator[ServerSentEvent]:
        """The events that ``piece`` completes. Raises ``ProviderError`` (protocol) at one that is too long."""
        for line in self._lines(piece):
            if line:
                self._field(line)
            elif (event := self._dispatch()) is not None:
                yield event

    def _lines(self, piece: bytes) -> Iterator[bytes]:
        if self._after_cr and piece:
            self._after_cr = False
            # The CR ended the line already; this is the second half of a CRLF that was split.
            piece = piece.removeprefix(b"\n")
        lines = piece.splitlines()  # of bytes: at CR, LF and CRLF alone
        rest = lines.pop() if lines and not piece.endswith(_LINE_ENDS) else b""
        for line in lines:
            yield self._whole(line)
        self._after_cr = piece.endswith(b"\r")
        self._tail += rest
        self._check(len(self._tail))

    def _whole(self, line: bytes) -> bytes:
        """The line, with what earlier pieces held of it and without a byte order mark."""
        if self._tail:
            line = bytes(self._tail) + line
            self._tail.clear()
        self._check(len(line))
        if not self._started:
            self._started = True
            line = line.removeprefix(_BOM)
        return line

    def _field(self, line: bytes) -> None:
        name, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if name == b"data":
            self._data.append(value)
            self._size += len(value) + 1
            self._check(self._size)
        elif name == b"event":
            self._event = value

    def _dispatch(self) -> ServerSentEvent | None:
        data, kind = self._data, self._event
        self._data, self._event, self._size = [], b"", 0
        if not data:
            return None
        text = data[0] if len(data) == 1 else b"\n".join(data)
        return ServerSentEvent(text.decode("utf-8", "replace"), kind.decode("utf-8", "replace") or "message")

    def _check(self, size: int) -> None:
        if size > self._max:
            raise ProviderError("protocol", f"The provider sent a line or an event of more than {self._max:,} bytes.")
