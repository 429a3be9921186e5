"""The kernel's end of the chat's comm: what it takes, what it refuses, and that nothing there grows without bound."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from queue import Queue
from typing import Any

import pytest

from tests.notebook.script import environment
from whisperer_kernel import Whisperer
from whisperer_kernel.notebook.background import close_background
from whisperer_kernel.notebook.comm_carrier import MAX_LINES, PIECE_CHARS, CommCarrier

PATIENCE_S = 60


class Page:
    """What a page does with the comm: it sends, and hears everything that is said to any page."""

    def __init__(self) -> None:
        self._said: Queue[dict[str, Any]] = Queue()
        self.carrier = CommCarrier(self._said.put)
        self.pieces: list[dict[str, Any]] = []

    def say(self, what: str, line: str = "a", **more: str) -> None:
        """Send a message."""
        self.carrier.received({"whisperer": what, "line": line, **more}, on_subshell=True)

    def open(self, line: str = "a") -> dict[str, Any]:
        """Begin a connection; what is answered."""
        self.say("open", line, page="p")
        return self.hear(lambda said: said["line"] == line and said["whisperer"] in {"opened", "closed"})

    def ask(self, method: str, **params: Any) -> Any:
        """Make a request; its result."""
        self.say("frame", frame=json.dumps({"jsonrpc": "2.0", "id": method, "method": method, "params": params}))
        text = ""
        while True:
            said = self.hear(lambda said: said["whisperer"] == "piece")
            self.pieces.append(said)
            text += said["text"]
            frames = [json.loads(frame) for frame in text.split("\n")[:-1]]
            for frame in frames:
                if frame.get("id") == method:
                    return frame["result"]

    def hear(self, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """The next message of this kind."""
        while True:
            said = self._said.get(timeout=PATIENCE_S)
            if wanted(said):
                return said

    def closed(self, line: str = "a") -> str:
        """Wait until a connection is over; why."""
        reason: str = self.hear(lambda said: said["whisperer"] == "closed" and said["line"] == line)["reason"]
        return reason


@pytest.fixture
def page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Page]:
    """A page of a chat in this process, which has no server and keeps everything in a folder of the test's own."""
    for name in set(os.environ) - set(environ := environment(tmp_path)):
        monkeypatch.delenv(name)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    yield Page()
    close_background()


def test_answers_are_heard_in_order(page: Page) -> None:
    """Each frame is acknowledged; what is long comes in numbered pieces that join without a gap."""
    opened = page.open()
    assert opened["where"].startswith("Runs in this kernel (no Whisperer server: ")
    text = "a" * 3 * PIECE_CHARS
    assert page.ask("echo", message=text) == text
    assert [piece["number"] for piece in page.pieces] == [1, 2, 3, 4]
    assert max(len(piece["text"]) for piece in page.pieces) == PIECE_CHARS
    page.say("frame", frame="[]")
    assert page.hear(lambda said: said["whisperer"] == "heard")["count"] == 2


def test_pages_that_went_without_a_word_make_room(page: Page) -> None:
    """Of too many connections the one that was silent longest ends; it may begin anew."""
    for number in range(MAX_LINES):
        page.open(f"line-{number}")
    page.say("frame", "line-0", frame="[]")
    page.hear(lambda said: said["whisperer"] == "heard")
    page.say("open", "one-more", page="p")
    assert page.closed("line-1") == ""
    assert page.open("line-1")["whisperer"] == "opened"


def test_connection_that_nobody_knows(page: Page) -> None:
    """A frame of a connection that is not there, after a restart for instance, is told to begin anew."""
    page.say("frame", frame="[]")
    assert page.closed() == ""


def test_frame_that_is_too_large(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    """It ends the connection with the setting's name."""
    monkeypatch.setenv("WHISPERER_LIMITS__MAX_MESSAGE_BYTES", "1000")
    page.open()
    page.say("frame", frame="x" * 1001)
    assert "limits.max_message_bytes" in page.closed()


def test_broken_configuration_is_told(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is wrong reaches the page in words."""
    monkeypatch.setenv("WHISPERER_LIMITS__MAX_QUEUE", "many")
    refused = page.open()
    assert refused["whisperer"] == "closed"
    assert "MAX_QUEUE" in refused["reason"]


def test_sessions_that_are_taken_down(page: Page) -> None:
    """The page is told, and finds them again when it begins anew."""
    page.open()
    session = page.ask("startSession", sessionParams={"kernelId": "k"})["sessionId"]
    Whisperer().close()
    assert page.closed() == ""
    page.open()
    assert page.ask("startSession", sessionParams={"kernelId": "k"})["sessionId"] == session


@pytest.mark.parametrize("content", [{"whisperer": "open"}, {"whisperer": "frame", "line": "", "frame": "[]"}])
def test_message_that_is_not_one(page: Page, content: dict[str, str], caplog: pytest.LogCaptureFixture) -> None:
    """It is named in the log and nothing comes of it; what is not ours is left alone in silence."""
    with caplog.at_level(logging.WARNING):
        page.carrier.received({"kind": "anywidget-command"}, on_subshell=False)
        assert not caplog.records
        page.carrier.received(content, on_subshell=False)
    assert "not what it should be" in caplog.text
    assert page.open()["whisperer"] == "opened"
