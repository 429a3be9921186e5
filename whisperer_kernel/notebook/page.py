"""The page in a browser that shows this kernel's notebook: a client of the sessions in this process, over a comm.

The plugin of JupyterLab and Notebook 7 carries out there what a server would ask it for. The comm is the kernel's, and
is opened when first needed. Before each turn the kernel asks over it for the page from which the cell was sent whose
code asks; that page answers by attaching to the kernel's sessions, and no other page that shows the notebook does. What
comes of it: an answer; the comm is closed, since no plugin is there; or silence, where there is no page at all.

A page's frames come on the control channel, which ipykernel reads on a thread of its own while a cell runs. On the
shell channel they would wait for the end of the cell that waits for them: always with ipykernel 6, with 7 where it
blocks.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import msgspec
from ipykernel.comm.comm import BaseComm

from whisperer_kernel.events import ToolCall
from whisperer_kernel.notebook.asker import Asker
from whisperer_kernel.notebook.in_process import Host
from whisperer_kernel.rpc.connection import Connection

TARGET = "whisperer.cells"
ANSWER_S = 3.0
"""How long a page is waited for. Seen: 0.1 s; a silent one is waited for once."""


class Heard(msgspec.Struct):
    """What a page says: a frame of the protocol, or that it has closed the notebook."""

    page: str
    frame: str = ""
    closed: bool = False


class Asked(msgspec.Struct, rename="camel"):
    """Whom an event of a tool call names."""

    client_id: str | None = None


class Head(msgspec.Struct):
    """As much of a frame as is looked at here; an answer has no method."""

    method: str = ""
    params: Asked = msgspec.field(default_factory=Asked)


class Page:
    """At most one page at a time. Everything here runs on the background's loop.

    ``kernel`` is ipykernel's, ``kernel_id`` the id by which the sessions in this process know it.
    """

    def __init__(self, host: Host, kernel_id: str, kernel: Any) -> None:
        self._host = host
        self._kernel_id = kernel_id
        self._kernel = kernel
        self._line: _Line | None = None
        self._wanted = ""
        self._id = ""
        self._connection: Connection | None = None
        self._news = asyncio.Event()
        # Whoever was silent once is not waited for again, but may still come.
        self._is_expected = True

    async def look(self, asker: Asker) -> None:
        """Have the page attached whose cell asks, if it is there."""
        cell = asker.cell
        self._wanted = "" if cell is None else cell.sender
        if self._wanted not in {"", self._id}:
            self._drop()
        before, self._news = self._connection, asyncio.Event()
        self._ask()
        if not self._is_expected or (cell is not None and not cell.is_attended):
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(ANSWER_S):
                await self._news.wait()
        self._is_expected = self._news.is_set() and self._connection is not None
        if not self._is_expected and self._connection is before:
            self._drop()

    def close(self) -> None:
        """Let go of page and comm."""
        self._drop()
        if self._line is not None:
            self._line.close()
            self._line = None

    def _ask(self) -> None:
        question = {"kernelId": self._kernel_id, "page": self._wanted}
        if self._line is None:
            self._line = _Line(self._from(self._heard), self._from(self._closed))
            _listen_on_control(self._kernel)
            self._line.open(question)
        else:
            self._line.send(question)

    def _from(self, take: Callable[[Any], None]) -> Callable[[Any], None]:
        """``take`` on this loop, for what comes on the kernel's threads."""
        loop = asyncio.get_running_loop()

        def hand_over(data: Any) -> None:
            with suppress(RuntimeError):  # the loop has been closed: nobody listens any more
                loop.call_soon_threadsafe(take, data)

        return hand_over

    def _heard(self, data: Any) -> None:
        try:
            heard = msgspec.convert(data, Heard)
        except msgspec.ValidationError:
            return
        if heard.page != (self._wanted or self._id or heard.page):
            return
        if heard.closed:
            self._drop()
            return
        connection = self._connection_of(heard.page)
        self._host.handle(heard.frame, connection).add_done_callback(lambda _: self._attached(connection))

    def _connection_of(self, page: str) -> Connection:
        if self._connection is None:
            self._id = page
            self._connection = self._host.connect(self._deliver)
        return self._connection

    def _attached(self, connection: Connection) -> None:
        if connection is self._connection and connection.kernel_tools:
            self._is_expected = True
            self._news.set()

    def _deliver(self, frame: str) -> None:
        """Of what happens a page is told its own calls alone: servers drop what kernels send too much of."""
        head = msgspec.json.decode(frame, type=Head)
        if self._line is None or self._connection is None:
            return
        if not head.method or (head.method == ToolCall.method and head.params.client_id == self._connection.client_id):
            self._line.send({"page": self._id, "frame": frame})

    def _closed(self, _data: Any) -> None:
        """No plugin is there, or not any more."""
        self._line = None
        self._drop()
        self._news.set()

    def _drop(self) -> None:
        connection, self._connection, self._id = self._connection, None, ""
        if connection is not None:
            self._host.disconnect(connection)


class _Line(BaseComm):
    """The comm. What comes on it is handed on as it is: code of other cells is not to run because of it."""

    def __init__(self, heard: Callable[[Any], None], closed: Callable[[Any], None]) -> None:
        self._heard_data = heard
        self._closed_data = closed
        super().__init__(target_name=TARGET, primary=False)  # type: ignore[no-untyped-call] # ipykernel is not typed

    def handle_msg(self, msg: dict[str, Any]) -> None:
        """On whichever of the kernel's threads."""
        self._heard_data(msg["content"]["data"])

    def handle_close(self, msg: dict[str, Any]) -> None:
        """Likewise."""
        self._closed_data(msg["content"].get("data"))


def _listen_on_control(kernel: Any) -> None:
    """Comm messages are taken on the control channel too, as almost all others are."""
    kernel.control_handlers.setdefault("comm_msg", kernel.comm_manager.comm_msg)
