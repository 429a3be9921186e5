"""Who carries out a session's client tools, and who of them is waited for."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

from whisperer_kernel.sessions.clients import ClientTools
from whisperer_kernel.tools.kernel import inspect_variable, last_error

FOREVER = 3_600.0
KERNEL = SimpleNamespace(client_id="kernel", page="", front_end=None)


async def test_who_is_to_come_is_waited_for() -> None:
    """A client that declares another tool is not the one; all who wait are told when the one is there."""
    clients = ClientTools()
    waiting = [asyncio.ensure_future(clients.awaited("inspect_variable", None, None, FOREVER)) for _ in range(2)]
    await asyncio.sleep(0)
    clients.declare(KERNEL, [last_error])
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert not any(one.done() for one in waiting)
    clients.declare(KERNEL, [last_error, inspect_variable])
    assert await asyncio.gather(*waiting) == [("kernel", inspect_variable)] * 2


async def test_in_vain_once() -> None:
    """Who was waited for and did not come is not waited for again, until somebody has come."""
    clients = ClientTools()
    assert await clients.awaited("inspect_variable", None, None, 0.01) is None
    assert await clients.awaited("inspect_variable", None, None, FOREVER) is None
    clients.declare(KERNEL, [last_error])
    waiting = asyncio.ensure_future(clients.awaited("inspect_variable", None, None, FOREVER))
    await asyncio.sleep(0)
    clients.declare(KERNEL, [inspect_variable])
    assert await waiting == ("kernel", inspect_variable)


def test_what_is_asked_in_a_notebook_is_done_there() -> None:
    """Of two in one page that own cells the one that is named goes first; an unknown one leaves it to the page."""
    clients = ClientTools()
    first, second, elsewhere = (
        SimpleNamespace(client_id=name, page=page, front_end=name)
        for name, page in (("first", "page"), ("second", "page"), ("elsewhere", "other page"))
    )
    chat = SimpleNamespace(client_id="chat", page="page", front_end=None)
    for client in (chat, first, second, elsewhere):
        clients.came(client)
        clients.declare(client, [] if client is chat else [last_error])
    assert clients.find("last_error", "chat", "first") == ("first", last_error)
    assert clients.find("last_error", "code", "elsewhere") == ("elsewhere", last_error)
    assert clients.find("last_error", "chat", "gone") == ("second", last_error)
    clients.gone(first)
    assert clients.find("last_error", "chat", "first") == ("second", last_error)
