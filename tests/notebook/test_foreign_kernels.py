"""Kernels in whose environment this package is not are looked into by the server, unseen."""

from __future__ import annotations

import ast
import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from jupyter_ext.look_program import MODULES, PACKAGE
from tests.notebook.conftest import IPYKERNEL, Connect, OpenNotebook, Serve
from tests.notebook.foreign_kernels import BARE, OLD, OLD_OURS, OTHER, install
from tests.notebook.kernel import Cell, Kernel, rest
from tests.notebook.test_kernel_tools import LOAD, SAID, SLUGIFY, call, result_of
from tests.server.client import Client
from tests.server.process import Server

LOOK = [call("list_variables"), SAID]
SETUP = """
import os, threading, time
x = [1, 2, 3]
def f(a, b): return a
before = None
ended = []
get_ipython().events.register("post_execute", lambda: ended.append(threading.current_thread().name))
"""


@asynccontextmanager
async def busy(server: Server, kernel: Kernel) -> AsyncIterator[None]:
    """A cell runs meanwhile, and has ended well afterwards."""
    go_on = server.folder / "work" / "go-on"
    running: asyncio.Task[Cell] = asyncio.create_task(
        kernel.run(
            "before = set(globals()); ended.clear(); print('on', flush=True)\n"
            f"while not os.path.exists({str(go_on)!r}): time.sleep(0.01)"
        )
    )
    await kernel.printed.wait()
    yield
    assert not running.done()
    go_on.touch()
    cell = await running
    assert (cell.printed, cell.error) == ("on\n", "")


async def page_of(server: Server, kernel: Kernel, connect: Connect) -> Client:
    """The page beside the notebook; nobody else carries anything out."""
    page = await connect(server)
    await page.start(kernelId=kernel.id)
    return page


async def version(kernel: Kernel) -> str:
    """Of its ipykernel."""
    found: str = await kernel.value("import ipykernel, json; print(json.dumps(ipykernel.__version__))")
    return found


async def refusal(page: Client) -> str:
    """Why the last call has failed."""
    await page.ask("Look.")
    error: str = page.seen("ToolCallNotification", status="error")[-1]["error"]
    return error


async def test_variables_are_read_while_a_cell_runs(serve: Serve, notebook: OpenNotebook, connect: Connect) -> None:
    """In the idle kernel and beside a running cell; nothing of it shows in the cell, the namespace or its threads."""
    server = serve(LOOK * 2)
    install(server.folder)
    kernel = await notebook(server, kernel_name=BARE)
    assert (await kernel.run("import whisperer_kernel")).error.startswith("ModuleNotFoundError")
    await kernel.run(SETUP)
    page = await page_of(server, kernel, connect)
    await page.ask("What is there?")
    told = [await result_of(page, "list_variables")]
    async with busy(server, kernel):
        await page.ask("And now?")
        told.append(await result_of(page, "list_variables"))
        assert len(page.seen("ToolCallNotification", status="done", executor="server")) == 2
    for variables in told:
        by_name = {entry["name"]: entry for entry in variables["variables"]}
        assert by_name["x"] == {"name": "x", "type": "list", "length": 3, "value": "[1, 2, 3]"}
        assert by_name["f"]["signature"] == "f(a, b)"
    left = "[name for name in set(globals()) - before if not name.startswith('_i')], Out"
    threads = "[one.name for one in threading.enumerate() if 'subshell' in one.name.lower()]"
    assert await kernel.value(f"import json; print(json.dumps([{left}, {threads}]))") == [["json"], {}, []]
    # What is registered for a cell's end happened at its end alone: a figure it had only begun was left to it.
    assert (await kernel.value("print(json.dumps(ended))"))[0] == "MainThread"
    assert await kernel.value("print(json.dumps(type(get_ipython().events.callbacks['post_execute']).__name__))") == (
        "list"
    )


async def test_everything_that_looks(serve: Serve, notebook: OpenNotebook, connect: Connect) -> None:
    """One variable, a source, the last error; what is not there is said; a hostile value is not run."""
    calls = [
        call("inspect_variable", name="evil"),
        call("source_of", name="slugify"),
        call("last_error"),
        call("inspect_variable", name="gone'); raise SystemExit ('"),
    ]
    server = serve([*calls, SAID])
    install(server.folder)
    kernel = await notebook(server, kernel_name=BARE)
    await kernel.run(SLUGIFY)
    await kernel.run(
        "class Evil:\n    def __init__(self): self.inside = 7\n    def __repr__(self): raise SystemExit\nevil = Evil()"
    )
    await kernel.run("def broken(n):\n    return 1 / n\n\nbroken(0)")
    page = await page_of(server, kernel, connect)
    await page.ask("Look.")
    assert (await result_of(page, "inspect_variable"))["value"] == "<Evil inside=7>"
    assert (await result_of(page, "source_of"))["docstring"] == "Lower case, words joined by `sep`."
    assert (await result_of(page, "last_error"))["message"] == "ZeroDivisionError: division by zero"
    (error,) = (event["error"] for event in page.seen("ToolCallNotification", status="error"))
    assert error == "There is no variable gone'); raise SystemExit (' in the kernel."


async def test_message_brings_a_variable_along(serve: Serve, notebook: OpenNotebook, connect: Connect) -> None:
    """What a person attaches is read in the same way."""
    server = serve([SAID])
    install(server.folder)
    kernel = await notebook(server, kernel_name=BARE)
    await kernel.run("answer = 42")
    page = await page_of(server, kernel, connect)
    await page.answer(await page.send("Look.", context=[{"type": "variable", "name": "answer"}]))
    (resolved,) = page.seen("context.resolved")
    assert "42" in resolved["text"]
    assert resolved.params.get("problems", []) == []


async def test_kernels_own_client_goes_before(serve: Serve, notebook: OpenNotebook, connect: Connect) -> None:
    """Where the package is loaded in the kernel, it answers for itself."""
    server = serve(LOOK * 2)
    kernel = await notebook(server)
    page = await page_of(server, kernel, connect)
    await page.ask("Look.")
    await kernel.run(LOAD)
    await page.ask("Look.")
    done = page.seen("ToolCallNotification", status="done")
    assert [event["executor"] for event in done] == ["server", "client"]


@pytest.mark.slow
async def test_old_ipykernel_answers_between_cells(
    serve: Serve, notebook: OpenNotebook, connect: Connect, old_ipykernel: Path
) -> None:
    """Without subshells an idle kernel is looked into, and of a busy one it is said why not, at once."""
    server = serve(LOOK * 3)
    install(server.folder, old_ipykernel)
    kernel = await notebook(server, kernel_name=OLD)
    assert await version(kernel) == IPYKERNEL.partition("==")[2]
    await kernel.run(SETUP)
    page = await page_of(server, kernel, connect)
    await page.ask("Look.")
    assert "x" in {entry["name"] for entry in (await result_of(page, "list_variables"))["variables"]}
    async with busy(server, kernel):
        assert (await refusal(page)).startswith("The kernel is busy, and with an ipykernel older than 7")
    await page.ask("Look.")
    assert len(page.seen("ToolCallNotification", status="done")) == 2


@pytest.mark.slow
async def test_old_ipykernel_with_the_package_answers_while_a_cell_runs(
    serve: Serve, notebook: OpenNotebook, connect: Connect, old_ipykernel: Path
) -> None:
    """The kernel's own client needs no subshells."""
    server = serve(LOOK)
    install(server.folder, old_ipykernel)
    kernel = await notebook(server, kernel_name=OLD_OURS)
    assert await version(kernel) == IPYKERNEL.partition("==")[2]
    await kernel.run(f"{LOAD}\n{SETUP}")
    page = await page_of(server, kernel, connect)
    async with busy(server, kernel):
        await page.ask("Look.")
        assert "x" in {entry["name"] for entry in (await result_of(page, "list_variables"))["variables"]}
    assert page.seen("ToolCallNotification", status="done", executor="client")


async def test_kernel_of_another_language_is_said(serve: Serve, notebook: OpenNotebook, connect: Connect) -> None:
    """In a clear word, and nothing is sent to it."""
    server = serve(LOOK)
    install(server.folder)
    kernel = await notebook(server, kernel_name=OTHER)
    page = await page_of(server, kernel, connect)
    assert await refusal(page) == "The notebook's kernel runs R: only a Python kernel can be looked into."


async def test_kernel_that_does_not_answer_is_not_pressed(
    serve: Serve, notebook: OpenNotebook, connect: Connect
) -> None:
    """While C code holds it, a look ends with words, and no second one is added; afterwards all is well again."""
    server = serve(LOOK * 3)
    install(server.folder)
    kernel = await notebook(server, kernel_name=BARE)
    page = await page_of(server, kernel, connect)
    await kernel.run("import ctypes, os, time")
    # It holds the interpreter's lock, and with it every thread.
    held = asyncio.create_task(kernel.run("print('on', flush=True); time.sleep(0.2); _ = ctypes.PyDLL(None).sleep(14)"))
    await kernel.printed.wait()
    await asyncio.sleep(0.3)
    assert await refusal(page) == "The kernel could not tell within 5 s."
    assert await refusal(page) == "The kernel has not answered what it was asked before."
    assert (await held).error == ""
    await page.ask("Look.")
    assert page.seen("ToolCallNotification", status="done")


async def test_kernel_that_is_gone_is_not_looked_into(serve: Serve, notebook: OpenNotebook, connect: Connect) -> None:
    """Tools that look are there only while the server has the kernel."""
    server = serve(LOOK * 2)
    kernel = await notebook(server)
    page = await page_of(server, kernel, connect)
    await page.ask("Look.")
    await rest(server, "DELETE", f"api/kernels/{kernel.id}")
    assert await refusal(page) == "Nobody is connected who could carry out list_variables."
    assert len(page.seen("ToolCallNotification", status="done")) == 1


def test_program_needs_nothing_of_ours() -> None:
    """What is sent imports the standard library and itself alone: the kernel has no more."""
    own = {f"{PACKAGE}.{name}" for name in MODULES}
    for name in MODULES:
        source = files(PACKAGE).joinpath(f"{name.replace('.', '/')}.py").read_text("utf-8")
        imported: set[Any] = set()
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.Import):
                imported |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                imported.add(node.module)
        foreign = {module for module in imported if module.partition(".")[0] not in sys.stdlib_module_names}
        assert foreign <= own
