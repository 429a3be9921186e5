"""A long start and those who wait for it."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.unit.ai.asking import ask, question
from whisperer_kernel.ai.embedded import EmbeddedProvider, weights
from whisperer_kernel.ai.embedded.startup import Startup
from whisperer_kernel.ai.embedded.weights import Report
from whisperer_kernel.config import Config
from whisperer_kernel.errors import ProviderError
from whisperer_kernel.events import ProviderStatus

STATUS = ProviderStatus(state="downloading", message="half", progress=0.5)


class Start:
    """A start that the test ends."""

    def __init__(self) -> None:
        self.go = asyncio.Event()
        self.given_up = False
        self.times = 0

    async def __call__(self, report: Callable[[ProviderStatus], None]) -> Path:
        """Report once, then wait."""
        self.times += 1
        report(STATUS)
        try:
            await self.go.wait()
        except asyncio.CancelledError:
            self.given_up = True
            raise
        raise ProviderError("unavailable", "It did not start.")


async def followed(startup: Startup[Path]) -> list[ProviderStatus]:
    """All news."""
    return [status async for status in startup.follow()]


async def test_all_who_wait_read_the_same() -> None:
    """News and the end."""
    start = Start()
    startup = Startup(start)
    followers = [asyncio.create_task(followed(startup)) for _ in range(2)]
    await asyncio.sleep(0.25)
    start.go.set()
    ends = await asyncio.gather(*followers, return_exceptions=True)
    assert [str(end) for end in ends] == ["It did not start."] * 2
    assert (start.times, startup.over) == (1, True)


async def test_start_goes_on_until_the_last_has_left() -> None:
    """One who stops waiting does not take it from the others."""
    start = Start()
    startup = Startup(start)
    first, second = asyncio.create_task(followed(startup)), asyncio.create_task(followed(startup))
    await asyncio.sleep(0.01)
    first.cancel()
    await asyncio.sleep(0.01)
    assert not startup.over
    second.cancel()
    await asyncio.gather(first, second, return_exceptions=True)
    assert (startup.over, start.given_up) == (True, True)


async def test_stopped_message_gives_the_download_up() -> None:
    """Through the provider: Stop is Stop, also while the model is on its way."""
    start = Start()
    provider = EmbeddedProvider(Config(), start)
    reply = provider.stream(question())
    assert list(await anext(reply)) == [STATUS]
    await reply.aclose()
    assert start.given_up
    await provider.aclose()


async def test_failed_fetch_is_the_messages_error_and_is_tried_again() -> None:
    """The next message begins anew."""
    times: list[Report] = []

    async def fetch(report: Report) -> Path:
        times.append(report)
        raise ProviderError("unavailable", "No network.")

    provider = EmbeddedProvider(Config(), fetch)
    assert [(await ask(provider)).kind for _ in range(2)] == ["unavailable"] * 2
    assert len(times) == 2
    await provider.aclose()


async def test_closed_provider_tells_who_waits() -> None:
    """The server stops while the model is being fetched."""
    start = Start()
    provider = EmbeddedProvider(Config(), start)
    task = asyncio.create_task(ask(provider))
    await asyncio.sleep(0.01)
    await provider.aclose()
    heard = await task
    assert (heard.kind, start.given_up) == ("unavailable", True)


async def test_without_the_runtime_the_words_say_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """There are platforms without it; nothing is fetched for them."""
    monkeypatch.setattr("whisperer_kernel.ai.embedded.provider.find_spec", lambda _: None)
    start = Start()
    provider = EmbeddedProvider(Config(), start)
    heard = await ask(provider)
    await provider.aclose()
    assert (heard.kind, "xllamacpp" in str(heard.error), start.times) == ("unavailable", True, 0)


@pytest.mark.parametrize(
    ("deliveries", "end"), [(["bad", "good"], "good"), (["bad", "bad"], "bad"), (["good"], "good")]
)
async def test_damaged_model_is_fetched_again_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, deliveries: list[str], end: str
) -> None:
    """Its size tells nothing of its bytes; here no file starts, so that the words show which was tried last."""
    path, fetched = tmp_path / "model.gguf", iter(deliveries)

    async def fetch(report: Report) -> Path:
        report(STATUS)
        await asyncio.sleep(0.3)  # news are shown five times a second
        path.write_text(next(fetched))
        return path

    async def start(gguf: Path, *_: object) -> None:
        raise ProviderError("unavailable", gguf.read_text())  # noqa: ASYNC240 - a few bytes

    monkeypatch.setattr(weights, "GGUF_SHA256", hashlib.sha256(b"good").hexdigest())
    monkeypatch.setattr("whisperer_kernel.ai.embedded.provider.find_spec", lambda _: True)
    monkeypatch.setattr("whisperer_kernel.ai.embedded.provider.ModelProcess.start", start)
    provider = EmbeddedProvider(Config(), fetch)
    heard = await ask(provider)
    await provider.aclose()
    assert (str(heard.error), list(fetched)) == (end, [])
    said = [status.message for status in heard.statuses]
    assert ("The model's file was damaged. half" in said) == (len(deliveries) > 1)


@pytest.mark.parametrize("model", [None, "another"])
async def test_what_the_provider_says_of_itself(model: str | None) -> None:
    """A demo, one model, the configured context, and no tools."""
    provider = EmbeddedProvider(Config())
    assert (provider.info.demo, provider.info.label) == (True, "Built-in demo model")
    assert await provider.context_length(model) == 4096
    assert [(one.id, one.context_length) for one in await provider.models()] == [("SmolLM2-135M-Instruct", 4096)]
    assert not provider.supports_tools
