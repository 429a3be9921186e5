"""Carries calls from the user's thread to the session on the background's loop, and their outcome back."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

from whisperer_kernel.errors import WhispererError
from whisperer_kernel.notebook.background import Background, background
from whisperer_kernel.notebook.cell import ipython
from whisperer_kernel.notebook.errands import Errands
from whisperer_kernel.notebook.kernel_tools import KernelTools
from whisperer_kernel.notebook.link import Link, Links
from whisperer_kernel.notebook.session_client import SessionClient

T = TypeVar("T")
Operation = Callable[[SessionClient], Coroutine[Any, Any, T]]

_links: WeakKeyDictionary[Background, Links] = WeakKeyDictionary()


class Caller:
    """One session, found or made when it is first needed; again after ``aclose``, and in a forked child."""

    def __init__(self, *, session: str | None, new: bool, in_process: bool | None) -> None:
        self._session = session
        self._new = new
        self._in_process = in_process
        self._link: Link | None = None
        self._client: SessionClient | None = None
        self._on: Background | None = None

    @property
    def where(self) -> str:
        """Who runs the session, in words."""
        return "not connected yet" if self._link is None else self._link.where

    @property
    def session_id(self) -> str | None:
        """The session's id; None before the first call."""
        return None if self._client is None else self._client.session.id

    async def run(self, operation: Operation[T], errands: Errands | None = None) -> T:
        """Have it done and await it on the caller's loop; a cancelled caller cancels it."""
        on = background()
        try:
            client = await on.run(self._ready(on))
            self._announce()
            return await on.run(operation(client), errands)
        except (WhispererError, asyncio.CancelledError) as error:
            # What happened on the other thread is no help to whoever reads the traceback.
            raise error.with_traceback(None) from None

    def wait(self, operation: Operation[T], errands: Errands | None = None) -> T:
        """Have it done and block until it is; Ctrl-C cancels it."""
        on = background()
        try:
            client = on.wait(self._ready(on))
            self._announce()
            return on.wait(operation(client), errands)
        except WhispererError as error:
            raise error.with_traceback(None) from None

    def glance(self, operation: Operation[T], limit_s: float) -> T:
        """Have it done, wait so many seconds at most, and tell the user nothing. Raises ``TimeoutError`` as well."""
        on = background()

        async def look() -> T:
            return await operation(await self._ready(on))

        # Not cancelled where it takes longer: whoever asks next finds what was begun.
        return on.submit(look()).result(limit_s)

    async def aclose(self) -> None:
        """Close this process's connections; sessions stay. The next call looks for the server anew."""
        on = background()
        await on.run(links_on(on).aclose())
        self._link = None

    def close(self) -> None:
        """``aclose`` for scripts. The end of the process closes everything as well."""
        on = background()
        on.wait(links_on(on).aclose())
        self._link = None

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self.where}>"

    async def _ready(self, on: Background) -> SessionClient:
        if self._client is None or self._link is None or self._link.is_closed or self._on is not on:
            before = self.session_id
            self._link = await links_on(on).get(in_process=self._in_process)
            self._client = self._link.session(before if self._new else self._session, new=self._new and before is None)
            self._on = on
        return self._client

    def _announce(self) -> None:
        """Say once that there is no server, where one was looked for."""
        notice = None if self._link is None else self._link.take_notice()
        if notice is not None:
            # In a notebook what goes to stderr looks like an error.
            print(f"Whisperer runs {notice}.", file=sys.stderr if ipython() is None else sys.stdout)


async def serve_kernel(on: Background, tools: KernelTools) -> bool:
    """Carry out what touches this kernel; False where there is no server. Runs on the background's loop."""
    return await links_on(on).serve(tools)


def links_on(on: Background) -> Links:
    """The connections of this process, for use on the background's loop."""
    links = _links.setdefault(on, Links())
    on.at_close = links.aclose
    return links
