"""A WebSocket client that does only what it is told: it answers no ping and reads nothing by itself."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import socket
import struct
from typing import Any, Self

from tests.server.process import TOKEN, Server

TEXT, CLOSE = 0x1, 0x8
SMALL_BUFFER = 4_096


class RawSocket:
    """One connection, with a receive buffer so small that the server soon notices that nobody reads."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def connect(cls, server: Server) -> Self:
        """A connection that is through the upgrade."""
        sock = socket.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL_BUFFER)
        sock.settimeout(0)
        await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", server.port))
        reader, writer = await asyncio.open_connection(sock=sock, limit=SMALL_BUFFER)
        lines = [
            "GET /whisperer/ws HTTP/1.1",
            f"Host: 127.0.0.1:{server.port}",
            f"Authorization: token {TOKEN}",
            "Upgrade: websocket",
            "Connection: Upgrade",
            f"Sec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}",
            "Sec-WebSocket-Version: 13",
        ]
        writer.write("\r\n".join([*lines, "", ""]).encode())
        head = await reader.readuntil(b"\r\n\r\n")
        assert b" 101 " in head.split(b"\r\n")[0]
        return cls(reader, writer)

    async def request(self, method: str, **params: Any) -> None:
        """Send a request."""
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode()
        size = struct.pack("!BBQ", 0x80 | TEXT, 0x80 | 127, len(body))
        # Masked, as a client's frames have to be, with a mask that changes nothing.
        self._writer.write(size + bytes(4) + body)
        await self._writer.drain()

    async def frame(self) -> tuple[int, bytes]:
        """The next frame: its opcode and what it holds. Raises ``IncompleteReadError`` where the connection ended."""
        first, second = await self._reader.readexactly(2)
        size = second & 0x7F
        if size == 126:
            (size,) = struct.unpack("!H", await self._reader.readexactly(2))
        elif size == 127:
            (size,) = struct.unpack("!Q", await self._reader.readexactly(8))
        return first & 0x0F, await self._reader.readexactly(size)

    async def text(self) -> Any:
        """The next text frame's JSON."""
        while (frame := await self.frame())[0] != TEXT:
            pass
        return json.loads(frame[1])

    async def close_code(self) -> int | None:
        """Read all that was sent, to the end of the connection; the close frame's code, None where there was none."""
        try:
            while (frame := await self.frame())[0] != CLOSE:
                pass
        except (asyncio.IncompleteReadError, ConnectionError):
            return None
        code: int = struct.unpack("!H", frame[1][:2])[0]
        return code

    def abort(self) -> None:
        """Be gone without a word."""
        self._writer.transport.abort()

    async def close(self) -> None:
        """Leave without a word."""
        self._writer.transport.abort()
        await asyncio.sleep(0)
