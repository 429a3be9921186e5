"""Restart & Run All asks nobody twice: what was answered comes from the session's log, and is marked."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import pytest

from tests.fakes.provider import Act, FakeProvider, Reply, text
from tests.notebook.conftest import Connect, OpenNotebook, Serve, asking
from tests.notebook.kernel import Cell, Kernel, interrupt, plain_kernel, restart, restarted
from tests.notebook.script import environment
from tests.server.process import Server

CELLS = {
    "load": "%load_ext whisperer_kernel\nx = 3",
    "one": "%%alice\nWhat is {x}?",
    "two": "%%tessa\nWhat is {x}?",
    "three": "%ask patricia And in one line?",
}
QUESTIONS = ("one", "two", "three")
SAVED = "nothing was sent. `--again` asks anew."


async def run_all(kernel: Kernel, cells: dict[str, str] | None = None) -> dict[str, Cell]:
    """Every cell from top to bottom; none fails."""
    done = {name: await kernel.run(code, cell_id=name) for name, code in (cells or CELLS).items()}
    assert [cell.error for cell in done.values()] == [""] * len(done)
    return done


def is_saved(cell: Cell) -> bool:
    """Whether it says that its answer was given before."""
    return SAVED in cell.shown["text/markdown"]


async def test_restart_and_run_all(
    serve: Serve, notebook: OpenNotebook, provider: FakeProvider, connect: Connect
) -> None:
    """Neither a new kernel nor a new server asks again; the answers are the same, and the log has each once."""
    server = serve(environ=asking(provider))
    kernel = await notebook(server, path="book.ipynb")
    fresh = await run_all(kernel)
    assert [request.json["messages"][-1]["content"] for request in provider.chats()] == [
        "What is 3?",
        "What is 3?",
        "And in one line?",
    ]
    assert not any(is_saved(fresh[name]) for name in QUESTIONS)
    await restart(server, kernel)
    again = await run_all(kernel)
    server.terminate()
    server.start()
    anew = await run_all(await notebook(server, path="book.ipynb"))
    for name in QUESTIONS:
        assert is_saved(again[name])
        assert is_saved(anew[name])
        answer = fresh[name].text.split("\n\n")[0]
        assert answer in again[name].shown["text/markdown"]
        assert anew[name].text.startswith(answer)
    assert len(provider.chats()) == 3
    page = await connect(server)
    await page.start(notebook="book.ipynb")
    asked = [message for message in await page.history() if message["role"] == "user"]
    assert len(asked) == 3
    assert all(message["clientMessageId"].startswith("cell-") for message in asked)


async def test_in_process_too(tmp_path: Path, provider: FakeProvider) -> None:
    """Where no server is, the kernel's own store remembers over its restart."""
    environ = environment(tmp_path, asking(provider))
    async with plain_kernel(tmp_path, environ) as (manager, kernel):
        await run_all(kernel)
        await restarted(manager, kernel)
        again = await run_all(kernel)
    assert all(is_saved(again[name]) for name in QUESTIONS)
    assert len(provider.chats()) == 3


@pytest.fixture
async def asked(asking_server: Server, notebook: OpenNotebook, provider: FakeProvider) -> Kernel:  # noqa: ARG001
    """A kernel whose cell ``one`` has its answer."""
    kernel = await notebook(asking_server)
    await kernel.run(CELLS["load"])
    assert not is_saved(await kernel.run(CELLS["one"], cell_id="one"))
    return kernel


@pytest.mark.parametrize(
    ("before", "cell"),
    [
        ("", "%%alice --again\nWhat is {x}?"),
        ("", "%%alice\nWhat is {x}, then?"),
        ("", "%%patricia\nWhat is {x}?"),
        ("x = 4", CELLS["one"]),
        ("%whisper model another-model", CELLS["one"]),
        ("%whisper clear", CELLS["one"]),
    ],
)
async def test_what_is_not_the_same_is_asked(asked: Kernel, provider: FakeProvider, before: str, cell: str) -> None:
    """Another word, agent, value or model, and whoever wants to."""
    await asked.run(before)
    assert not is_saved(await asked.run(cell, cell_id="one"))
    assert len(provider.chats()) == 2
    assert is_saved(await asked.run(cell.replace("--again", ""), cell_id="one"))
    assert len(provider.chats()) == 2


async def test_newest_answer_is_shown(asked: Kernel, provider: FakeProvider) -> None:
    """After ``--again`` that answer is the saved one; how the question is put makes no difference."""
    provider.script(Reply.answer("Three, of course."))
    await asked.run("%%alice --again\nWhat is {x}?", cell_id="one")
    for same in (CELLS["one"], "%alice What is {x}?", "%%ask Alice\n\nWhat is 3?\n", "%%alice What is\n3?"):
        cell = await asked.run(same, cell_id="one")
        assert is_saved(cell) == ("What is\n3" not in same)
        assert ("Three, of course." in cell.text) == is_saved(cell)


async def test_two_cells_that_ask_the_same(asking_server: Server, asked: Kernel, provider: FakeProvider) -> None:
    """Each has an answer of its own, also when both have new ids, as in a notebook of an older format."""
    provider.script(Reply.answer("The second answer."))
    assert not is_saved(await asked.run(CELLS["one"], cell_id="other"))
    for first, second in (("one", "other"), ("new one", "new other")):
        answers = [(await asked.run(CELLS["one"], cell_id=each)).text for each in (first, second)]
        assert ["The second answer." in answer for answer in answers] == [False, True]
        await restart(asking_server, asked)
        await asked.run(CELLS["load"])
    assert len(provider.chats()) == 2


async def test_answer_that_failed_is_asked_again(asked: Kernel, provider: FakeProvider) -> None:
    """An error is no answer."""
    provider.script(Reply.error(500, "Out of order."))
    cell = await asked.run("%alice Why?", cell_id="two")
    assert cell.error.startswith("TurnFailed: ")
    assert not is_saved(await asked.run("%alice Why?", cell_id="two"))


async def test_answer_that_was_stopped_is_asked_again(
    asking_server: Server, notebook: OpenNotebook, provider: FakeProvider
) -> None:
    """Half an answer is no answer either."""
    kernel = await notebook(asking_server)
    await kernel.run(CELLS["load"])
    provider.script(Reply([*text("so far"), Act.HANG]))
    running = asyncio.create_task(kernel.run(CELLS["one"], cell_id="one"))
    async with asyncio.timeout(30):
        await kernel.renewed.wait()
    await interrupt(asking_server, kernel)
    assert "so far" in (await running).text
    assert not is_saved(await kernel.run(CELLS["one"], cell_id="one"))


async def test_answer_that_is_being_given_is_followed(
    asking_server: Server, notebook: OpenNotebook, provider: FakeProvider, connect: Connect
) -> None:
    """A kernel that was restarted in mid-answer joins the turn that the page keeps going; none is begun."""
    kernel = await notebook(asking_server)
    page = await connect(asking_server)
    await page.start(kernelId=kernel.id)
    await kernel.run(CELLS["load"])
    process = await kernel.value("import os\nprint(os.getpid())")
    gate = provider.gate()
    rest = Reply.answer(" and the rest.").steps
    provider.script(Reply([*text("So far"), gate, *rest]))
    running = asyncio.create_task(kernel.run(CELLS["one"], cell_id="one"))
    async with asyncio.timeout(30):
        await kernel.renewed.wait()
    running.cancel()
    os.kill(process, signal.SIGKILL)
    await restart(asking_server, kernel)
    await kernel.run(CELLS["load"])
    running = asyncio.create_task(kernel.run(CELLS["one"], cell_id="one"))
    async with asyncio.timeout(30):
        await kernel.renewed.wait()
    gate.open()
    assert (await running).text.startswith("So far and the rest.")
    assert len(provider.chats()) == 1
