"""The protocol over a comm, the chat widget's or the plugin's, for a page that reaches no Whisperer server.

JSON-RPC frames as on the socket. From the page each is a message; to the page they are a text of lines, cut into pieces
that are numbered and paced, since a Jupyter server drops what comes too fast. What is to be heard while a cell runs
must not wait for the kernel: a message is handed to the background's loop, and answered from there.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Annotated, Any, Literal

import msgspec

from whisperer_kernel.config import load
from whisperer_kernel.errors import WhispererError
from whisperer_kernel.notebook.background import background
from whisperer_kernel.notebook.caller import links_on
from whisperer_kernel.notebook.link import Way
from whisperer_kernel.notebook.transport import Disconnected
from whisperer_kernel.rpc.outbox import Outbox

MAX_LINES = 16
PIECE_CHARS = 65_536
# 50 messages a second: Jupyter Server's limit is 1,000, of all that a kernel says.
PACE_S = 0.02
NO_HANDS = "This kernel has no subshells."

Id = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
Send = Callable[[dict[str, Any]], None]

log = logging.getLogger(__name__)


class Open(msgspec.Struct, tag="open", tag_field="whisperer"):
    """A page begins a connection, under an id of its own.

    ``client``: ``cells`` carries out what touches the notebook's, and shows no question; left out, a chat.
    ``hasCells``: there is somebody in the page who does that.
    """

    line: Id
    page: Id
    client: Literal["chat", "cells"] = "chat"
    has_cells: bool = msgspec.field(default=False, name="hasCells")


class Frame(msgspec.Struct, tag="frame", tag_field="whisperer"):
    """A frame from the page."""

    line: Id
    frame: str


class Close(msgspec.Struct, tag="close", tag_field="whisperer"):
    """The page is done with it."""

    line: Id


class CommCarrier:
    """The connections over one comm. ``send`` sends to all pages that have it, from any thread."""

    def __init__(self, send: Send) -> None:
        self._send = send
        # Whoever spoke last stands last.
        self._lines: dict[str, _Line] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def received(self, content: object, *, on_subshell: bool) -> None:
        """Take a message from a page and return at once; what is not for us is left to others.

        ``on_subshell``: it did not have to wait for the running cell.
        """
        if not isinstance(content, dict) or "whisperer" not in content:
            return
        try:
            message = msgspec.convert(content, Open | Frame | Close)
        except msgspec.ValidationError as error:
            log.warning("a message of a page is not what it should be: %s", error)
            return
        background().loop.call_soon_threadsafe(self._take, message, on_subshell)

    def close(self) -> None:
        """The widget is gone, and every connection with it."""
        background().loop.call_soon_threadsafe(self._close)

    def _take(self, message: Open | Frame | Close, on_subshell: bool) -> None:  # noqa: FBT001 - by way of the loop
        if isinstance(message, Open):
            self._open(message, on_subshell=on_subshell)
            return
        line = self._lines.pop(message.line, None)
        if isinstance(message, Close):
            if line is not None:
                line.close()
        elif line is None:
            _hang_up(self._send, message.line)
        else:
            self._lines[message.line] = line
            line.take(message.frame)

    def _open(self, message: Open, *, on_subshell: bool) -> None:
        while len(self._lines) >= MAX_LINES:
            # Pages that went without a word: who is still there begins anew.
            self._lines[next(iter(self._lines))].lose()
        line = _Line(message.line, self._send, lambda: self._lines.pop(message.line, None))
        self._lines[message.line] = line
        self._run(line.open(message, on_subshell=on_subshell))

    def _close(self) -> None:
        lines, self._lines = self._lines, {}
        for line in lines.values():
            line.close()

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


class _Line:
    """One page's connection: a transport to where the sessions are, and the way back."""

    def __init__(self, line: str, send: Send, gone: Callable[[], object]) -> None:
        self._id = line
        self._send = send
        self._gone = gone
        self._way: Way | None = None
        self._outbox: Outbox | None = None
        self._max_frame = 0
        self._heard = 0
        self._pieces = 0
        self._closed = False
        self._closing: asyncio.Task[None] | None = None

    async def open(self, asked: Open, *, on_subshell: bool) -> None:
        """Connect, and tell the page, or tell it why not."""
        if asked.client == "cells" and not on_subshell:
            # What a cell asks for would be done, and the answer wait for the end of that cell.
            self._end(NO_HANDS)
            return
        try:
            limits = load().limits
            self._max_frame = limits.max_message_bytes
            outbox = self._outbox = Outbox(self._write, self.lose, limits.max_client_backlog_bytes)
            way = await links_on(background()).for_page(asked.page, asked.client, outbox.emptied)
            await way.transport.open(outbox.send, self._lost)
        except Disconnected as error:
            self._lost(error)
        except WhispererError as error:
            self._end(str(error))
        else:
            self._way = way
            if self._closed:
                self.close()
            else:
                self._say("opened", kernelId=way.kernel_id, where=_where(way, asked, on_subshell=on_subshell))

    def take(self, frame: str) -> None:
        """Pass a frame on, and let the page know that it was heard. Before the line is open there is nobody to hear."""
        if self._way is None:
            self._end("")
            return
        self._heard += 1
        self._say("heard", count=self._heard)
        if len(frame) > self._max_frame:
            self._end("This is more than is taken in one message (limits.max_message_bytes).")
        else:
            try:
                self._way.transport.send(frame)
            except Disconnected as error:
                self._lost(error)

    def lose(self) -> None:
        """End it; the page begins anew."""
        self._end("")

    def close(self) -> None:
        """End it without a word."""
        self._closed = True
        if self._outbox is not None:
            self._outbox.close()
        way, self._way = self._way, None
        if way is not None:
            self._closing = asyncio.get_running_loop().create_task(way.transport.aclose())

    def _lost(self, loss: Disconnected) -> None:
        self._end("" if loss.reason is None else str(loss.reason))

    def _end(self, reason: str) -> None:
        self._gone()
        self.close()
        _hang_up(self._send, self._id, reason)

    async def _write(self, frames: list[str]) -> None:
        text = "".join(f"{frame}\n" for frame in frames)
        for start in range(0, len(text), PIECE_CHARS):
            self._pieces += 1
            self._say("piece", number=self._pieces, text=text[start : start + PIECE_CHARS])
            await asyncio.sleep(PACE_S)

    def _say(self, what: str, **more: Any) -> None:
        self._send({"whisperer": what, "line": self._id, **more})


def _hang_up(send: Send, line: str, reason: str = "") -> None:
    """Without a reason the page connects anew by itself."""
    send({"whisperer": "closed", "line": line, "reason": reason})


def _where(way: Way, asked: Open, *, on_subshell: bool) -> str:
    """What a person should know of the place, and of what cannot be had there."""
    hands = "." if asked.has_cells and on_subshell else ": agents put no cells in here."
    busy = "" if on_subshell else " While a cell runs, a question and Stop wait for its end."
    return f"Runs {way.where}{hands}{busy}"


def heard_as_sent(comm: Any) -> None:
    """Have messages go where the page sent them: a subshell, which hears them while a cell runs.

    ipykernel 7.4 takes them to whoever used the comm last, and that is the running cell; others lack the method.
    """
    if hasattr(comm, "_reply_subshell_for"):
        comm._reply_subshell_for = lambda _data, asked: asked  # noqa: SLF001 - there is no public way
