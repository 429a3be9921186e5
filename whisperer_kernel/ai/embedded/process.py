"""The model's process, seen from its parent."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import secrets
import sys
from collections import deque
from pathlib import Path
from typing import Self

import httpx

from whisperer_kernel.ai.http_client import make_client
from whisperer_kernel.errors import ProviderError

START_S = 120.0
"""A large model on a slow disk takes its time."""

POLL_S = 0.1
STOP_S = 3.0
SAID_LINES = 20
PARALLEL = 2
"""Requests at once; llama.cpp splits the context between them."""

# What a process needs to find its libraries and nothing else: above all no key.
_PASSED_ON = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "LD_LIBRARY_PATH", "PYTHONPATH", "SYSTEMROOT", "TEMP", "TMP")
# Threads that wait asleep: on two busy cores 12 to 30 tokens a second instead of 1 to 6.
_QUIET_THREADS = {"OMP_WAIT_POLICY": "passive", "GOMP_SPINCOUNT": "0"}


class ModelProcess:
    """A running model: ``base_url`` and ``key`` are how to talk to it."""

    def __init__(self, process: asyncio.subprocess.Process, key: str) -> None:
        self.key = key
        self.base_url = ""
        self._process = process
        self._said: deque[str] = deque(maxlen=SAID_LINES)
        self._reading = asyncio.create_task(self._read_stderr())

    @property
    def pid(self) -> int:
        """The process."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """It has not ended."""
        return self._process.returncode is None

    @classmethod
    async def start(cls, gguf: Path, alias: str, context_length: int, threads: int) -> Self:
        """Start it and wait until it answers. Raises ``ProviderError`` (unavailable)."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-P",  # a json.py in the notebook's folder must not become ours
            str(Path(__file__).with_name("child.py")),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={**{name: os.environ[name] for name in _PASSED_ON if name in os.environ}, **_QUIET_THREADS},
            cwd=gguf.parent,
            # Ctrl-C in the terminal is the server's; this one ends with it.
            start_new_session=True,
        )
        model = cls(process, secrets.token_urlsafe(24))
        order = {
            "gguf": str(gguf),
            "alias": alias,
            "key": model.key,
            "n_ctx": PARALLEL * context_length,
            "n_parallel": PARALLEL,
            "threads": threads,
        }
        try:
            async with asyncio.timeout(START_S):
                await model._greet(order)
        except BaseException as error:
            await model.stop()
            if isinstance(error, (TimeoutError, OSError, ValueError)):
                raise model._not_started(gguf) from None
            raise
        return model

    async def stop(self) -> None:
        """End the process: it ends when its stdin does."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            async with asyncio.timeout(STOP_S):
                await self._process.wait()
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
            await self._process.wait()
        await self._reading

    async def _greet(self, order: dict[str, object]) -> None:
        stdin, stdout = self._process.stdin, self._process.stdout
        if stdin is None or stdout is None:
            raise ValueError("the process has no pipes")
        stdin.write(json.dumps(order).encode() + b"\n")
        await stdin.drain()
        # llama.cpp may print to stdout too; the address is the one line that is ours.
        while not self.base_url:
            line = await stdout.readline()
            if not line:
                raise ValueError("the process ended before it said where it listens")
            with contextlib.suppress(ValueError, KeyError, TypeError):
                self.base_url = json.loads(line)["address"].rstrip("/") + "/v1"
        client = await make_client(self.base_url, {"Authorization": f"Bearer {self.key}"})
        async with client:
            while not await self._answers(client):  # noqa: ASYNC110 - there is nothing but asking again
                await asyncio.sleep(POLL_S)

    async def _answers(self, client: httpx.AsyncClient) -> bool:
        if not self.alive:
            raise ValueError("the process ended before it answered")
        try:
            return (await client.get(self.base_url + "/models")).is_success
        except httpx.HTTPError:
            return False

    async def _read_stderr(self) -> None:
        """Keep the last lines, for the words of an error; they are not logged, since they may quote a prompt."""
        if self._process.stderr is None:
            return
        while block := await self._process.stderr.read(1 << 16):
            self._said.extend(block.decode("utf-8", "replace").splitlines()[-SAID_LINES:])

    def _not_started(self, gguf: Path) -> ProviderError:
        errors = [line for line in self._said if "error" in line.lower()] or list(self._said)
        last = errors[-1].strip()[-200:] if errors else f"no reason given within {START_S:g} s"
        return ProviderError("unavailable", f"The model in {gguf.name} did not start: {last}")
