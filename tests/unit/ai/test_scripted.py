"""The scripted provider: plays what it was told, and says so."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.ai.asking import ask, question
from whisperer_kernel.ai.provider import Finish, ReasoningDelta, TextDelta, ToolRequestDelta
from whisperer_kernel.ai.scripted import ScriptedProvider, Step
from whisperer_kernel.errors import ConfigError
from whisperer_kernel.events import Usage
from whisperer_kernel.tools.call import ToolRequest

SCRIPT = """
replies:
  - [{text: "Let me look."}, {tool: read_cell, arguments: {index: 0}}]
  - [{reasoning: "Hm."}, {pause: 0.01}, {text: well}, {finish: length, usage: {promptTokens: 7}}]
  - [{text: "so far"}, {error: rate_limited, message: "Too many.", retryAfter: 30}]
  - [{text: half}, {cut: true}]
"""


async def test_without_a_script_it_says_so_word_by_word() -> None:
    """Deterministic, streamed, and open about what it is."""
    provider = ScriptedProvider()
    heard = await ask(provider, text="What is  this?")
    assert heard.text == "Hello! I am a scripted reply, no model is at work. You said: What is this?"
    assert (heard.reason, len(heard.batches) > 10, provider.info.demo) == ("stop", True, True)
    assert (await ask(provider, text="What is  this?")).deltas == heard.deltas


async def test_script_from_a_file(tmp_path: Path) -> None:
    """Every kind of step, one reply for each request, and an error that says so after the last."""
    path = tmp_path / "script.yaml"
    path.write_text(SCRIPT, encoding="utf-8")
    provider = ScriptedProvider.from_file(path)
    first, second, third, fourth, fifth = [await ask(provider) for _ in range(5)]
    request = ToolRequest(id="scripted_1", name="read_cell", arguments='{"index": 0}')
    assert first.deltas == [TextDelta("Let me look."), ToolRequestDelta(request), Finish()]
    length = Finish(reason="length", usage=Usage(prompt_tokens=7))
    assert second.deltas == [ReasoningDelta("Hm."), TextDelta("well"), length]
    assert (third.text, third.kind, third.error.retry_after if third.error else 0) == ("so far", "rate_limited", 30)
    assert (fourth.text, fourth.finishes, fourth.error) == ("half", [], None)
    assert (fifth.kind, str(fifth.error)) == ("bad_request", "script.yaml has 4 replies; this is request 5.")


async def test_requests_are_kept_for_looking_at() -> None:
    """A test sees what its code under test asked."""
    provider = ScriptedProvider([[Step(text="a")]])
    provider.script([Step(text="b")])
    assert [(await ask(provider)).text, (await ask(provider)).text] == ["a", "b"]
    assert provider.requests == [question(), question()]


@pytest.mark.parametrize(
    ("step", "words"), [("{txet: oops}", "txet: unknown key"), ("{finish: sotp}", "finish: must be one of .*stop")]
)
def test_mistake_in_a_file_is_named(tmp_path: Path, step: str, words: str) -> None:
    """With its line and key."""
    path = tmp_path / "script.yaml"
    path.write_text(f"replies:\n  - [{step}]\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=rf"script\.yaml, line 2: replies\[.*{words}"):
        ScriptedProvider.from_file(path)
