"""A script at a terminal: the person who sits there is asked."""

from __future__ import annotations

import asyncio
import codecs
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Self

import pytest

from tests.notebook.conftest import Replies, scripted
from tests.notebook.script import environment
from tests.notebook.test_kernel_tools import SAID, call

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="no pseudo-terminals here")

SPAWN = "import pty, sys; sys.exit(pty.spawn(sys.argv[1:]) >> 8)"
PROMPT = "Allow it? [o]nce, for this [s]ession, [n]o: "
AGAIN = "Please answer o, s or n: "
CTRL_C, CTRL_D = "\x03", "\x04"
LOOK = "print([m.content for m in w.history_sync() if m.role == 'tool'], 'that is all')\n"
SYNC = "from whisperer_kernel import Whisperer\nw = Whisperer()\nw.ask_sync('Look.')\n" + LOOK
ASYNC = "import asyncio\nfrom whisperer_kernel import Whisperer\nw = Whisperer()\nasyncio.run(w.ask('Look.'))\n" + LOOK
WISH = [call("list_files"), SAID]
PATIENCE_S = 60
# Looking at files needs a yes here, since the policy says so.
ASKING = {"WHISPERER_TOOLS__ASK": "[list_files]"}


class Terminal:
    """A program at a terminal of its own."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.shown = ""
        # A character may come in two pieces.
        self._decoder = codecs.getincrementaldecoder("utf-8")()

    @classmethod
    async def start(cls, folder: Path, *program: str, replies: Replies, environ: dict[str, str]) -> Self:
        """Start a program in the folder, where these replies are given."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", SPAWN, *program),
            env=environment(folder, {**scripted(folder, replies), "TERM": "dumb", **environ}),
            cwd=folder,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        return cls(process)

    def type(self, keys: str) -> None:
        """Press these keys."""
        assert self._process.stdin is not None
        self._process.stdin.write(keys.encode())

    async def until(self, words: str) -> str:
        """Wait until the terminal shows this; what was shown up to there, and is forgotten with it."""
        assert self._process.stdout is not None
        async with asyncio.timeout(PATIENCE_S):
            while words not in self.shown:
                data = await self._process.stdout.read(4_096)
                assert data, f"the program ended: {self.shown}"
                self.shown += self._decoder.decode(data).replace("\r\n", "\n")
        before, _, self.shown = self.shown.partition(words)
        return before

    async def end(self) -> int:
        """Wait for the program's end; its exit code."""
        async with asyncio.timeout(PATIENCE_S):
            await self._process.communicate()
        assert self._process.returncode is not None
        return self._process.returncode

    async def close(self) -> None:
        """End it, should it still run: its terminal hangs up."""
        if self._process.returncode is None:
            self._process.kill()
        await self.end()


Start = Callable[..., Awaitable[Terminal]]


@pytest.fixture
async def start(tmp_path: Path) -> AsyncIterator[Start]:
    """Starts programs in which Alice wishes to look at files, or ``replies`` are given."""
    terminals: list[Terminal] = []

    async def start_one(*program: str, replies: Replies = WISH, environ: dict[str, str] = ASKING) -> Terminal:
        terminals.append(await Terminal.start(tmp_path, *program, replies=replies, environ=environ))
        return terminals[-1]

    yield start_one
    for terminal in terminals:
        await terminal.close()


def script(code: str) -> tuple[str, ...]:
    """A script in which every warning is an error."""
    return sys.executable, "-W", "error", "-c", code


@pytest.mark.parametrize("code", [SYNC, ASYNC])
async def test_yes(start: Start, code: str) -> None:
    """The question and its answer, in code that blocks and in code that awaits."""
    terminal = await start(*script(code))
    assert "Alice asks to use list_files:\n\n    {}\n" in await terminal.until(PROMPT)
    terminal.type("o\n")
    assert "replies.yaml" in await terminal.until("that is all")
    assert await terminal.end() == 0


@pytest.mark.parametrize("code", [SYNC, ASYNC])
@pytest.mark.parametrize("keys", [CTRL_C, CTRL_D, "\n", "maybe\n"])
async def test_what_is_no_answer(start: Start, code: str, keys: str) -> None:
    """Ctrl-C, Ctrl-D, nothing and nonsense are asked again once, and are a no then; the program goes on."""
    terminal = await start(*script(code))
    await terminal.until(PROMPT)
    terminal.type(keys)
    await terminal.until(AGAIN)
    terminal.type(keys)
    await terminal.until("That is taken for a no.")
    assert "The user did not permit this." in await terminal.until("that is all")
    assert await terminal.end() == 0


async def test_nobody_answers(start: Start) -> None:
    """After the time in which a question stands the program goes on by itself."""
    terminal = await start(*script(SYNC), environ={**ASKING, "WHISPERER_LIMITS__PERMISSION_TIMEOUT_S": "1"})
    await terminal.until(PROMPT)
    await terminal.until("It is not allowed: no answer came in time.")
    await terminal.until("that is all")
    assert await terminal.end() == 0


async def test_what_was_typed_before_is_no_answer(start: Start, tmp_path: Path) -> None:
    """A line that was there before the question does not answer it."""
    gate = tmp_path / "gate"
    wait = f"import pathlib, time\nwhile not pathlib.Path({str(gate)!r}).exists(): time.sleep(0.01)\n"
    terminal = await start(*script(f"print('ready', flush=True)\n{wait}{SYNC}"))
    await terminal.until("ready")
    terminal.type("s\n")
    # The terminal shows what is typed as soon as it has it.
    await terminal.until("s\n")
    gate.touch()
    await terminal.until(PROMPT)
    terminal.type("n\n")
    assert "The user did not permit this." in await terminal.until("that is all")


async def test_hidden_words_are_shown(start: Start) -> None:
    """What a model writes cannot steer the terminal: the person sees what it holds."""
    sneaky = call("list_files", path="data\x1b[2K\x1b[1Aharmless\u202e")
    terminal = await start(*script(SYNC), replies=[sneaky, SAID])
    shown = await terminal.until(PROMPT)
    assert "\x1b" not in shown
    assert "data\\u001b[2K\\u001b[1Aharmless\\u202e" in shown
    terminal.type("n\n")
    await terminal.until("that is all")


STEERING = [{"text": "A\x1b]0;OWNED\x07 \u202eB"}]


@pytest.mark.parametrize("show", ["print(r)", "r", "w.ask_sync('And now?')"])
async def test_reply_does_not_steer_the_terminal(start: Start, show: str) -> None:
    """Printed or shown; its attribute keeps the text as it came."""
    terminal = await start(sys.executable, "-m", "IPython", "--simple-prompt", "--no-banner", replies=[STEERING] * 2)
    await terminal.until("In [1]: ")
    terminal.type("from whisperer_kernel import Whisperer; w = Whisperer(); r = w.ask_sync('Hello')\n")
    await terminal.until("In [2]: ")
    terminal.type(f"{show}\n")
    assert "A�]0;OWNED� �B" in await terminal.until("In [3]: ")
    terminal.type("print(ascii(r.text))\n")
    assert r"A\x1b]0;OWNED\x07 \u202eB" in await terminal.until("In [4]: ")
    terminal.type("exit()\n")
    await terminal.end()


async def test_terminal_of_ipython(start: Start) -> None:
    """A line in IPython's terminal is asked about there."""
    terminal = await start(sys.executable, "-m", "IPython", "--simple-prompt", "--no-banner")
    await terminal.until("In [1]: ")
    terminal.type("from whisperer_kernel import Whisperer; w = Whisperer()\n")
    await terminal.until("In [2]: ")
    terminal.type("r = await w.ask('Look.')\n")
    await terminal.until(PROMPT)
    terminal.type("o\n")
    await terminal.until("In [3]: ")
    terminal.type("print([m.content for m in w.history_sync() if m.role == 'tool'], 'that is' + ' all')\n")
    assert "replies.yaml" in await terminal.until("that is all")
    terminal.type("exit()\n")
    await terminal.end()
