"""How quickly a kernel's variables are read, beside what the wire itself takes.

``python bench/looks.py [PATH]`` prints a table; PATH is a folder with another ipykernel, as ``pip install --no-deps
--target PATH ipykernel==6.31.0`` makes it. A look is measured from the message that asks for it to the result in the
page, so the scripted model's turn is in it. The last column is the median over that of a request that does nothing, in
the same run: on another machine the ratio says more than the milliseconds.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from statistics import median, quantiles

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.notebook.bare_server import BareServer
from tests.notebook.conftest import scripted
from tests.notebook.foreign_kernels import BARE, OLD, OLD_OURS, install
from tests.notebook.kernel import Kernel, open_notebook
from tests.notebook.test_kernel_tools import LOAD, SAID, call
from tests.server.client import Client

LOOKS = 30
LOOK = [call("list_variables"), SAID]
SETUP = "import os, time\nx = list(range(1000))\ndef f(a, b): return a\n"
STATES = {
    "idle": "",
    "a cell sleeps": "while not os.path.exists({go_on!r}): time.sleep(0.01)",
    "a cell computes": "while not os.path.exists({go_on!r}): sum(range(10_000))",
}


async def main(other_ipykernel: Path | None) -> None:
    """Measure the kernel's own client and the server's silent look, each in every state."""
    kernels = {"own client": ("python3", LOAD), "silent look": (BARE, "")}
    if other_ipykernel is not None:
        kernels |= {"own client, other ipykernel": (OLD_OURS, LOAD), "silent look, other ipykernel": (OLD, "")}
    print(f"{'':<48}{'p50 ms':>8}{'p95 ms':>8}{'ratio':>8}")
    for title, (name, load) in kernels.items():
        with (
            tempfile.TemporaryDirectory(prefix="whisperer-", ignore_cleanup_errors=True) as place,
            BareServer(Path(place), environ=scripted(Path(place), LOOK * LOOKS * len(STATES))) as server,
        ):
            install(server.folder, other_ipykernel)
            kernel = await open_notebook(server, "bench.ipynb", name)
            await kernel.run(load + SETUP)
            page = await Client.connect(server)
            await page.start(kernelId=kernel.id)
            for state, code in STATES.items():
                async with doing(kernel, code, server.folder / "work" / "go-on"):
                    await show(f"{title}, {state}", page)
            await page.close()
            kernel.disconnect()


async def show(title: str, page: Client) -> None:
    """A line of the table; where the kernel cannot be looked into, why not."""
    if (problem := await look(page)) is not None:
        print(f"{title:<48}{problem[:60]}…")
        return
    nothing = median(await times(lambda: page.request("echo", message="x")))
    taken = await times(lambda: look(page))
    print(f"{title:<48}{median(taken):>8.1f}{quantiles(taken, n=20)[-1]:>8.1f}{median(taken) / nothing:>8.1f}")


async def look(page: Client) -> str | None:
    """Ask for the variables, to the result; what went wrong."""
    before = len(page.events)

    def ended() -> bool:
        return any(event.params.get("status") in {"done", "error"} for event in page.events[before:])

    message_id = await page.send("Look.")
    await page.until(ended)
    problem = next((event.params["error"] for event in page.events[before:] if event.params.get("error")), None)
    await page.answer(message_id)
    return problem


async def times(work: Callable[[], Awaitable[object]]) -> list[float]:
    """Milliseconds of each of many."""
    taken = []
    for _ in range(LOOKS - 1):
        began = time.perf_counter()
        await work()
        taken.append((time.perf_counter() - began) * 1_000)
    return taken


@asynccontextmanager
async def doing(kernel: Kernel, code: str, go_on: Path) -> AsyncIterator[None]:
    """A cell runs meanwhile, until ``go_on`` is there."""
    if not code:
        yield
        return
    go_on.unlink(missing_ok=True)
    running = asyncio.create_task(kernel.run(f"print('on', flush=True)\n{code.format(go_on=str(go_on))}"))
    await kernel.printed.wait()
    yield
    go_on.touch()
    await running


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]) if len(sys.argv) > 1 else None))
