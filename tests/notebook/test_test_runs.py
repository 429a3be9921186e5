"""Tests that run for a turn end with it, and keep what the kernel knows to themselves."""

from __future__ import annotations

import asyncio
from typing import Any

import psutil

from tests.notebook.conftest import Connect, OpenNotebook, Serve
from tests.notebook.kernel import Kernel
from tests.notebook.proxy import Proxy
from tests.notebook.test_kernel_tools import LOAD, SAID, answered, call, page_of
from tests.server.client import Client
from tests.server.process import TOKEN

PATIENCE_S = 40.0
KEY = "sk-or-v1-0123456789abcdef0123456789abcdef"
ADD = "import os\ndef add(a, b): return a + b\n"
SLOW = "\n".join(f"def test_{n}():\n    import time; add(1, 1); time.sleep(4)" for n in range(20))
CURIOUS = """
def test_environment():
    import os
    add(1, 1)
    assert open(f"/proc/{os.getppid()}/environ").read() == ""
def test_runtime():
    import os
    add(1, 1)
    assert [open(f"{RUNTIME}/{name}").read() for name in os.listdir(RUNTIME)] == []
def test_ctypes():
    import ctypes
    add(1, 1)
    c, held = ctypes.CDLL(None), ctypes.create_string_buffer(100_000)
    for path in (f"/proc/{PID}/environ", f"{RUNTIME}/{SERVER}"):
        c.read(c.open(path.encode(), 0), held, 99_999)
    assert held.raw == b""
"""
PLACES = """
RUNTIME, PID = os.environ["JUPYTER_RUNTIME_DIR"], os.getpid()
SERVER = next(name for name in os.listdir(RUNTIME) if name.startswith("jpserver"))
def add(a, b): return (a + b, RUNTIME, PID, SERVER)
"""


async def processes_of(kernel: Kernel) -> psutil.Process:
    """The kernel's process, whose children are its test processes."""
    return psutil.Process(await kernel.value("print(os.getpid())"))


async def until(process: psutil.Process, *, runs: bool) -> None:
    """Wait until tests run in the kernel, or none do any more."""
    async with asyncio.timeout(PATIENCE_S):
        while bool(process.children(recursive=True)) is not runs:  # noqa: ASYNC110 - another program's processes tell nothing
            await asyncio.sleep(0.05)


async def begun(page: Client) -> str:
    """A turn in which tests run, with a yes."""
    message_id = await page.send("Test add.")
    asked = await page.expect("tool.permission_requested", messageId=message_id)
    permit = {"sessionId": page.session_id, "requestId": asked["requestId"], "decision": "allow_once"}
    await page.request("tool.permit", **permit)
    return message_id


async def test_stop_ends_the_processes(serve: Serve, notebook: OpenNotebook, connect: Connect) -> None:
    """Soon, and the kernel takes the next call."""
    server = serve([call("make_tests", target="add", tests=SLOW), call("list_variables"), SAID])
    kernel = await notebook(server)
    await kernel.run(LOAD + ADD)
    process = await processes_of(kernel)
    page = await page_of(server, kernel, connect, agent="tessa", clientTools=["insert_cells"])
    message_id = await begun(page)
    await until(process, runs=True)
    assert await page.request("session.cancel", sessionId=page.session_id) == {"cancelled": True}
    assert (await page.answer(message_id)).reason == "cancelled"
    await until(process, runs=False)
    await page.ask("Look.")
    assert page.seen("ToolCallNotification", toolName="list_variables", status="done")


async def test_lost_connection_ends_the_processes(serve: Serve, notebook: OpenNotebook, connect: Connect) -> None:
    """Nobody could stop them any more."""
    server = serve([call("make_tests", target="add", tests=SLOW), SAID])
    async with Proxy(server) as proxy:
        kernel = await notebook(server)
        await kernel.run(LOAD + ADD)
        process = await processes_of(kernel)
        page = await page_of(server, kernel, connect, agent="tessa", clientTools=["insert_cells"])
        await begun(page)
        await until(process, runs=True)
        proxy.cut()
        await until(process, runs=False)


async def test_keys_and_tokens_stay_where_they_are(serve: Serve, notebook: OpenNotebook, connect: Connect) -> None:
    """Neither the provider's key nor the server's token is in a report, in what a page is told, or in the store."""
    server = serve([call("make_tests", target="add", tests=CURIOUS), SAID], {"OPENROUTER_API_KEY": KEY})
    kernel = await notebook(server)
    await kernel.run(LOAD + ADD + PLACES)
    page = await page_of(server, kernel, connect, agent="tessa", clientTools=["insert_cells"])
    await answered(page, "Test it.")
    report: dict[str, Any] = (await page.expect("tests.reported"))["report"]
    verdicts = {one["name"]: one["verdict"] for one in report["outcomes"]}
    assert verdicts == {"test_environment": "forbidden read", "test_runtime": "forbidden read", "test_ctypes": "failed"}
    stored = b"".join(file.read_bytes() for file in server.store.parent.iterdir() if file.is_file())
    told = str([event.params for event in page.events]).encode()
    for secret in (KEY.encode(), TOKEN.encode()):
        assert secret not in stored
        assert secret not in told
