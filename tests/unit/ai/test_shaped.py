"""A model that cannot call tools: its reply in the shape of a call, carried out, mended once, refused with a reason."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Sequence
from typing import Any

import msgspec
import pytest

from whisperer_kernel.ai.provider import ChatMessage, ChatRequest, Delta
from whisperer_kernel.ai.scripted import Reply, ScriptedProvider, Step
from whisperer_kernel.ai.shaped import ShapedReply
from whisperer_kernel.events import ProviderStatus
from whisperer_kernel.plans.mending import NO_CHECK
from whisperer_kernel.plans.model import Draft, mistakes
from whisperer_kernel.plans.tool import make_plan
from whisperer_kernel.tools.call import ToolRequest, ToolResult

REQUEST = ChatRequest(
    messages=(ChatMessage(role="system", content="You plan."), ChatMessage(role="user", content="Plan it")),
    parameters={"temperature": 0.1, "seed": 7},
)
BAD = ToolResult(content="No plan was made:\n- the title is empty", is_error=True, is_misused=True)
DENIED = ToolResult(content="You did not permit it.", is_error=True)
GOOD = ToolResult(content="The plan is in the notebook.")


class Heard:
    """The loop's callbacks, of which only text and status come here."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.statuses: list[ProviderStatus] = []

    def text(self, chunk: str) -> None:
        """See ``StreamCallbacks``."""
        self.texts.append(chunk)

    def reasoning(self, chunk: str) -> None:
        """See ``StreamCallbacks``."""

    async def provider(self, status: ProviderStatus) -> None:
        """See ``StreamCallbacks``."""
        self.statuses.append(status)

    async def call(self, request: ToolRequest) -> ToolResult:
        """See ``StreamCallbacks``."""
        raise AssertionError(request)

    def fit(self, request: ChatRequest) -> ChatRequest:
        """See ``StreamCallbacks``."""
        return request


class Loading(ScriptedProvider):
    """A provider that has to be made ready first."""

    async def stream(self, request: ChatRequest) -> AsyncGenerator[Sequence[Delta], None]:
        """A status, then the reply."""
        yield [ProviderStatus(state="starting", message="Wait.")]
        async for batch in super().stream(request):
            yield batch


async def shaped(replies: Sequence[Reply], results: Sequence[ToolResult]) -> tuple[Any, Heard, Any, list[ToolRequest]]:
    """The turn's end, what the person read, the provider, and what was carried out."""
    provider, heard, asked, waiting = Loading(replies), Heard(), [], [*results]

    async def carry_out(request: ToolRequest) -> ToolResult:
        asked.append(request)
        return waiting.pop(0)

    assert make_plan.shape is not None
    end = await ShapedReply(provider, "make_plan", make_plan.shape, carry_out).run(REQUEST, heard)
    return end, heard, provider, asked


async def test_reply_is_a_call() -> None:
    """The schema is asked for, with a limit; the JSON is carried out as it came, and its result is what is read."""
    end, heard, provider, (call,) = await shaped([[Step(text='{"title"'), Step(text=": 1}")]], [GOOD])
    (request,) = provider.requests
    assert make_plan.shape is not None
    assert request.response_schema == make_plan.shape.schema
    assert request.parameters == {**REQUEST.parameters, **make_plan.shape.parameters}
    assert request.parameters["max_tokens"] <= 600
    assert request.messages[0].content.startswith("You plan.\n\nAnswer with a plan as JSON")
    assert (call.name, call.arguments) == ("make_plan", '{"title": 1}')
    assert (end.reason, heard.texts, len(heard.statuses)) == ("stop", [GOOD.content], 1)


async def test_mended_once() -> None:
    """The model reads what was wrong with its reply, and gives another."""
    end, heard, provider, calls = await shaped([[Step(text="{}")], [Step(text="{1}")]], [BAD, GOOD])
    system, question = provider.requests[1].messages
    assert (system, question.role) == (provider.requests[0].messages[0], "user")
    assert question.content.startswith("Plan it\n\n")
    assert "the title is empty" in question.content
    assert (len(calls), end.reason, heard.texts) == (2, "stop", [GOOD.content])


async def test_refused_in_words_for_the_person() -> None:
    """Twice bad is the end: the person reads what to do, not what the model was told; there is no third request."""
    end, heard, provider, calls = await shaped([[Step(text="{}")]] * 3, [BAD, BAD])
    assert (len(calls), len(provider.requests), end.reason) == (2, 2, "stop")
    (words,) = heard.texts
    assert "Ask again in other words" in words
    assert "the title is empty" not in words


async def test_what_is_denied_is_not_asked_for_again() -> None:
    """Another draft would be denied as well: the person reads why at once."""
    _, heard, provider, _ = await shaped([[Step(text="{}")]] * 2, [DENIED])
    assert (heard.texts, len(provider.requests)) == ([DENIED.content], 1)


async def test_draft_is_mended_without_the_model() -> None:
    """What is said twice goes, a taken title gives way, half words are cut, and no check is said to be none."""
    step = {"title": "Load", "what": "Read the file.", "check": "len(data) > 0"}
    other = {"title": "load", "what": "Look at it. " * 8 + "Agai", "check": "Check It"}
    last = {**step, "title": "Look"}
    reply = {"title": "A plan", "goal": "It is done.", "steps": [step, step, other, last]}
    _, _, provider, (call,) = await shaped([[Step(text=json.dumps(reply))]], [GOOD])
    draft = msgspec.json.decode(call.arguments, type=Draft)
    assert [one.title for one in draft.steps] == ["Load", draft.steps[1].what, "Look"]
    assert [one.check for one in draft.steps] == ["len(data) > 0", NO_CHECK, "len(data) > 0"]
    assert draft.steps[1].what.endswith("Look at it. …")
    assert len(provider.requests) == 1
    assert mistakes(draft) == []


async def test_one_step_over_and_over_is_no_plan() -> None:
    """It is left as it is, for the tool to refuse."""
    step = {"title": "Load", "what": "Read the file.", "check": "len(data) > 0"}
    reply = json.dumps({"title": "A plan", "goal": "It is done.", "steps": [step] * 3})
    _, _, _, (call, _) = await shaped([[Step(text=reply)], [Step(text="{}")]], [BAD, BAD])
    assert mistakes(msgspec.json.decode(call.arguments, type=Draft))


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        ([Step(text="{"), Step(cut=True)], "interrupted"),
        ([Step(text="{"), Step(finish="content_filter")], "content_filter"),
        ([Step(error="rate_limited")], "error"),
    ],
)
async def test_no_whole_reply(reply: Reply, reason: str) -> None:
    """What did not come as a whole is never carried out."""
    end, heard, _, calls = await shaped([reply], [])
    assert (end.reason, heard.texts, calls) == (reason, [], [])


async def test_reply_cut_by_its_length_may_be_mended() -> None:
    """A reply that ran into the limit is a bad call like another."""
    end, _, _, calls = await shaped([[Step(text="{"), Step(finish="length")], [Step(text="{}")]], [BAD, GOOD])
    assert ([call.arguments for call in calls], end.reason) == (["{", "{}"], "stop")


@pytest.mark.parametrize(
    ("message", "wanted"),
    [
        ("Plan an analysis of a year of sales", True),
        ("Mach einen Plan für die Auswertung", True),
        ("Please make me a plan.", True),
        ("I want to find out why my model overfits", True),
        ("What does the second step of the plan mean?", False),
        ("How do I check that a cleaned table is complete?", False),
        ("What is an airplane?", False),
        ("Draw the planet", False),
    ],
)
def test_when_a_plan_is_wanted(message: str, wanted: bool) -> None:  # noqa: FBT001 - a column of the table
    """By the word, or a wish; questions and everything else are answered in words."""
    assert make_plan.shape is not None
    assert make_plan.shape.wanted(message) == wanted
