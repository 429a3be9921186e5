"""History: what fits is sent, what does not is dropped whole from the oldest, and it is said."""

from __future__ import annotations

import json
import string
from itertools import pairwise

import pytest
from hypothesis import assume, given, strategies as st

from whisperer_kernel.agents.history import SHORTEST, cut, request_budget, trim
from whisperer_kernel.agents.tokens import cost, estimate
from whisperer_kernel.ai.provider import ChatMessage
from whisperer_kernel.errors import ProviderError
from whisperer_kernel.tools.call import ToolRequest

SYSTEM = "You are Alice."
TEXT = st.text(alphabet=string.printable + "äπ文🎉\ud800", max_size=400)
ARGUMENTS = st.text(alphabet=string.printable + "äπ文🎉", max_size=400).map(lambda text: json.dumps({"x": text}))


def user(text: str) -> ChatMessage:
    """What the person wrote."""
    return ChatMessage(role="user", content=text)


def reply(text: str) -> ChatMessage:
    """What the agent wrote."""
    return ChatMessage(role="assistant", content=text)


def tool(call_id: str, result: str, arguments: str = '{"cell": 1}') -> list[ChatMessage]:
    """A call and its result."""
    request = ToolRequest(id=call_id, name="read_cell", arguments=arguments)
    return [
        ChatMessage(role="assistant", content="", tool_calls=(request,)),
        ChatMessage(role="tool", content=result, tool_call_id=call_id),
    ]


def outline(message: ChatMessage) -> tuple[str, list[str], str | None]:
    """What stays of a message whose texts are cut."""
    return message.role, [call.id for call in message.tool_calls], message.tool_call_id


@st.composite
def turns(draw: st.DrawFn) -> list[ChatMessage]:
    """A whole turn: a question, some tool calls, an answer."""
    results = draw(st.lists(st.tuples(TEXT, ARGUMENTS), max_size=3))
    called = [message for number, texts in enumerate(results) for message in tool(f"call{number}", *texts)]
    return [user(draw(TEXT)), *called, reply(draw(TEXT))]


@st.composite
def conversations(draw: st.DrawFn) -> list[ChatMessage]:
    """Whole turns, and a newest one that may have come to a tool's result."""
    before = [message for turn in draw(st.lists(turns(), max_size=12)) for message in turn]
    newest = draw(turns())
    return [*before, *newest[: draw(st.sampled_from([1, len(newest) - 1]))]]


@given(conversations(), st.integers(min_value=150, max_value=3_000))
def test_what_is_sent_keeps_its_promises(messages: list[ChatMessage], budget: int) -> None:
    """Within the budget, system once and first, newest last, in order, whole turns, every result with its call."""
    try:
        trimmed = trim(SYSTEM, messages, budget)
    except ProviderError as error:
        assume(error.kind != "context_length")
        raise
    system, *kept = trimmed.messages
    assert sum(map(cost, trimmed.messages)) <= budget
    assert system.role == "system"
    assert system.content.startswith(SYSTEM)
    assert all(message.role != "system" for message in kept)
    assert kept[0].role == "user"
    sent = messages[trimmed.dropped :]
    assert trimmed.truncated == (kept != sent)
    if trimmed.truncated:
        question = max(index for index, message in enumerate(messages) if message.role == "user")
        sent = [messages[question], *messages[len(messages) - len(kept) + 1 :]]
    assert [outline(message) for message in kept] == [outline(message) for message in sent]
    asked = [call for message in kept for call in message.tool_calls]
    assert [call.id for call in asked] == [message.tool_call_id for message in kept if message.role == "tool"]
    assert all(isinstance(json.loads(call.arguments), dict) for call in asked)
    assert (f"[{trimmed.dropped} earlier messages were left out]" in system.content) == (trimmed.dropped > 0)


@given(conversations(), st.integers(min_value=150, max_value=3_000))
def test_only_the_newest_turn_is_ever_cut(messages: list[ChatMessage], budget: int) -> None:
    """Where a text was cut, every older turn has gone."""
    try:
        trimmed = trim(SYSTEM, messages, budget)
    except ProviderError:
        return
    if trimmed.truncated:
        assert [message.role for message in trimmed.messages].count("user") == 1


@given(conversations(), st.integers(min_value=150, max_value=3_000))
def test_known_costs_change_nothing(messages: list[ChatMessage], budget: int) -> None:
    """Costs are a shortcut."""
    try:
        expected = trim(SYSTEM, messages, budget)
    except ProviderError:
        return
    assert trim(SYSTEM, messages, budget, [cost(message) for message in messages]) == expected


@given(TEXT, st.integers(min_value=SHORTEST, max_value=200))
def test_cut_text_fits(text: str, tokens: int) -> None:
    """Head and tail stay, and together with the mark they fit."""
    shorter = cut(text, tokens)
    assert estimate(shorter) <= tokens
    assert shorter == text or "characters left out" in shorter


def test_all_is_sent_where_it_fits() -> None:
    """Nothing is said about what was not done."""
    messages = [user("one"), reply("1"), user("two")]
    trimmed = trim(SYSTEM, messages, 1_000)
    assert trimmed.messages == (ChatMessage(role="system", content=SYSTEM), *messages)
    assert (trimmed.dropped, trimmed.truncated) == (0, False)


def test_oldest_turns_go_first() -> None:
    """A turn goes as a whole, its tool calls with it."""
    old = [user("old " * 100), *tool("a", "result " * 100), reply("answer " * 100)]
    new = [user("and now?")]
    trimmed = trim(SYSTEM, [*old, *new], 200)
    assert trimmed.messages[1:] == tuple(new)
    assert trimmed.dropped == 4
    assert trimmed.messages[0].content == SYSTEM + "\n\n[4 earlier messages were left out]"


def test_long_newest_message_loses_its_middle() -> None:
    """Beginning and end of a message say most, and the cut is marked."""
    text = "first " + "middle " * 5_000 + "last"
    trimmed = trim(SYSTEM, [user("before"), reply("yes"), user(text)], 300)
    content = trimmed.messages[-1].content
    assert trimmed.truncated
    assert trimmed.dropped == 2
    assert content.startswith("first middle")
    assert content.endswith("middle last")
    assert "characters left out" in content


def test_long_tool_result_is_cut_before_the_question() -> None:
    """In a running turn the longest text pays, not the shorter ones."""
    question = user("What is in this file?")
    trimmed = trim(SYSTEM, [question, *tool("a", "line\n" * 5_000), *tool("b", "short")], 400)
    assert trimmed.truncated
    assert trimmed.messages[1] == question
    assert "characters left out" in trimmed.messages[3].content
    assert trimmed.messages[5].content == "short"


def test_long_call_is_cut_and_stays_json() -> None:
    """What a model wrote into a call is shown to it again without its middle, as an object that says so."""
    call, result = tool("a", "Inserted.", json.dumps({"source": "x = 1\n" * 5_000}))
    trimmed = trim(SYSTEM, [user("Insert it."), call, result], 400)
    assert trimmed.truncated
    assert trimmed.messages[1] == user("Insert it.")
    (again,) = trimmed.messages[2].tool_calls
    ((name, text),) = json.loads(again.arguments).items()
    assert (again.id, again.name, name) == ("a", "read_cell", "shortened")
    assert text.startswith('{"source": "x = 1')
    assert "characters left out" in text
    assert trimmed.messages[3] == result


def test_oldest_rounds_go_where_there_are_too_many() -> None:
    """A turn of a thousand calls goes on with the newest of them, and what went is said."""
    rounds = [message for number in range(1_000) for message in tool(f"call{number}", f"result {number} " * 20)]
    trimmed = trim(SYSTEM, [user("Read all."), *rounds], 1_000)
    assert trimmed.truncated
    assert trimmed.messages[1] == user("Read all.")
    assert trimmed.messages[-1].tool_call_id == "call999"
    assert trimmed.dropped == 2_001 - len(trimmed.messages) + 1
    assert f"[{trimmed.dropped} earlier messages were left out]" in trimmed.messages[0].content


def test_calls_of_one_round_stay_together() -> None:
    """A hundred calls at once, too much to be shown: each is there with a result, though nothing of it is said."""
    calls = tuple(ToolRequest(id=f"c{n}", name="read", arguments='{"path": "a/b/c.py"}') for n in range(100))
    results = [ChatMessage(role="tool", content="line\n" * 50, tool_call_id=call.id) for call in calls]
    trimmed = trim(
        SYSTEM, [user("Read all."), ChatMessage(role="assistant", content="", tool_calls=calls), *results], 3_000
    )
    assert len(trimmed.messages[2].tool_calls) == len(trimmed.messages[3:]) == 100
    assert {message.content for message in trimmed.messages[3:]} == {"[…]"}
    assert trimmed.messages[1] == user("Read all.")


@pytest.mark.parametrize("budget", [0, 20, -5])
def test_context_that_holds_nothing_is_an_error(budget: int) -> None:
    """A model whose context does not hold the system prompt is not asked."""
    with pytest.raises(ProviderError) as caught:
        trim(SYSTEM, [user("a long question " * 20)], budget)
    assert caught.value.kind == "context_length"


def test_beginning_stays_while_a_conversation_grows() -> None:
    """A prefix cache hits: once turns had to go, several turns are sent with the same beginning."""
    messages: list[ChatMessage] = []
    beginnings = []
    for number in range(100):
        messages += [user(f"question {number} " + "word " * 20)]
        beginnings.append(trim(SYSTEM, messages, 1_500).messages[:2])
        messages += [reply("word " * 20)]
    changes = sum(before != after for before, after in pairwise(beginnings))
    assert 1 < changes <= 20


def test_at_least_three_quarters_are_used() -> None:
    """What is freed at once is a quarter of the room at most, and a turn."""
    messages = [message for _ in range(400) for message in (user("word " * 20), reply("word " * 20))]
    sent = sum(map(cost, trim(SYSTEM, [*messages, user("now")], 2_000).messages))
    assert 1_400 < sent <= 2_000


@pytest.mark.parametrize(
    ("context_length", "limit", "max_tokens", "expected"),
    [
        (8_192, 100_000, 1_000, 7_192),
        (8_192, 100_000, None, 6_144),
        (8_192, 100_000, 8_000, 4_096),
        (200_000, 100_000, None, 100_000),
        (None, 100_000, None, 28_672),
    ],
)
def test_budget_leaves_room_for_the_reply(
    context_length: int | None, limit: int, max_tokens: int | None, expected: int
) -> None:
    """The context less the reply, and never more than the limit."""
    assert request_budget(context_length, limit, max_tokens) == expected
