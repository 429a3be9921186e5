"""Faults of tool calls (30 to 33): fragments become whole requests, each once, as the model wrote them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from tests.fakes.provider import DONE, FakeProvider, Reply, finish
from tests.fakes.reply import Step, chunk, joined, tool_fragment
from tests.unit.ai.asking import ask_fault
from whisperer_kernel.ai import tool_fragments
from whisperer_kernel.ai.tool_fragments import MAX_CALLS, ToolCalls
from whisperer_kernel.ai.wire import Function, ToolFragment
from whisperer_kernel.errors import ProviderError
from whisperer_kernel.tools.call import ToolRequest


def collected(*fragments: dict[str, Any]) -> list[tuple[str, str]]:
    """Name and arguments of what the fragments amount to."""
    return [(request.name, request.arguments) for request in requests(*fragments)]


def requests(*fragments: dict[str, Any]) -> list[ToolRequest]:
    """What the fragments amount to."""
    calls = ToolCalls()
    for fragment in fragments:
        function = fragment.get("function")
        calls.feed(
            ToolFragment(
                index=fragment.get("index"),
                id=fragment.get("id"),
                function=Function(**function) if isinstance(function, dict) else function,
            )
        )
    return calls.take()


async def test_parallel_calls_at_index_0_are_split_by_id(fake_provider: FakeProvider) -> None:
    """Fault 30."""
    heard = await ask_fault(fake_provider, "fault-tools-index-0")
    assert heard.tools == [
        ToolRequest(id="call_a", name="first", arguments='{"x": 1}'),
        ToolRequest(id="call_b", name="second", arguments='{"y": 2}'),
    ]
    assert heard.reason == "stop"


async def test_summary_at_the_end_does_not_double(fake_provider: FakeProvider) -> None:
    """Fault 31: the id in every fragment, and once more the whole."""
    heard = await ask_fault(fake_provider, "fault-tools-doubled")
    assert heard.tools == [ToolRequest(id="call_a", name="read", arguments='{"path": "a.py"}')]


async def test_cut_arguments_are_passed_on_as_they_are(fake_provider: FakeProvider) -> None:
    """Fault 32: whoever runs tools sees that they are cut; nothing is mended or made up."""
    heard = await ask_fault(fake_provider, "fault-tools-cut")
    assert [call.arguments for call in heard.tools] == ['{"path": "a.py", "text": "half of']
    assert heard.reason == "length"


async def test_unknown_tool_is_passed_on(fake_provider: FakeProvider) -> None:
    """Fault 33: which tools there are is not the provider's business."""
    fake_provider.script(Reply.tools(("c1", "no_such_tool", {"surplus": 1})))
    heard = await ask_fault(fake_provider, "m")
    assert heard.tools == [ToolRequest(id="c1", name="no_such_tool", arguments='{"surplus": 1}')]


async def test_calls_of_a_stream_that_broke_are_not_handed_over(fake_provider: FakeProvider) -> None:
    """Without a finish nobody knows whether the arguments are whole: they must not be executed."""
    part = tool_fragment(0, id="c1", name="delete", arguments='{"path": "/"')
    fake_provider.script(Reply([chunk(tool_calls=[part])]))
    heard = await ask_fault(fake_provider, "m")
    assert (heard.tools, heard.finishes) == ([], [])


async def test_text_comes_before_the_calls_it_announces(fake_provider: FakeProvider) -> None:
    """Order is kept also where all came in one read."""
    part = tool_fragment(0, id="c1", name="read", arguments="{}")
    chunks: list[Step] = [chunk(content="I will read. ", tool_calls=[part]), *finish("tool_calls"), DONE]
    fake_provider.script(Reply([joined(chunks)]))
    heard = await ask_fault(fake_provider, "m")
    kinds = [type(delta).__name__ for delta in heard.deltas]
    assert kinds == ["TextDelta", "ToolRequestDelta", "Finish"]


def test_fragments_without_ids_go_by_index() -> None:
    """Calls may be interleaved."""
    assert collected(
        tool_fragment(0, id="a", name="f", arguments='{"x":'),
        tool_fragment(1, id="b", name="g", arguments='{"y":'),
        tool_fragment(0, arguments=" 1}"),
        tool_fragment(1, arguments=" 2}"),
    ) == [("f", '{"x": 1}'), ("g", '{"y": 2}')]


def test_fragments_with_ids_go_by_id() -> None:
    """Also where they are interleaved and all at index 0."""
    assert collected(
        tool_fragment(0, id="a", name="f", arguments='{"x":'),
        tool_fragment(0, id="b", name="g", arguments='{"y":'),
        tool_fragment(0, id="a", name="f", arguments=" 1}"),
        tool_fragment(0, id="b", name="g", arguments=" 2}"),
    ) == [("f", '{"x": 1}'), ("g", '{"y": 2}')]


def test_new_id_without_a_name_goes_on() -> None:
    """Some servers give every fragment an id of its own."""
    assert collected(
        tool_fragment(0, id="a", name="f", arguments='{"x":'), tool_fragment(0, id="b", arguments=" 1}")
    ) == [("f", '{"x": 1}')]


def test_whole_calls_without_ids_are_told_apart() -> None:
    """All at index 0, none with an id, each complete; a repeated one is one."""
    whole = [tool_fragment(0, name="f", arguments=f'{{"x": {number}}}') for number in (1, 2, 2)]
    made = requests(*whole)
    assert [call.arguments for call in made] == ['{"x": 1}', '{"x": 2}']
    assert len({call.id for call in made}) == 2


@pytest.mark.parametrize("index", [lambda _: 0, lambda number: number, lambda _: None], ids=["0", "own", "none"])
def test_whole_calls_under_one_id_are_told_apart(index: Callable[[int], int]) -> None:
    """A server that gives every call the same id: each is a call with an id of its own, and none is lost."""
    numbers = [*range(MAX_CALLS)]
    made = requests(
        *(tool_fragment(index(number), id="same", name="f", arguments=f'{{"x": {number}}}') for number in numbers)
    )
    assert [call.arguments for call in made] == [f'{{"x": {number}}}' for number in numbers]
    assert len({call.id for call in made}) == MAX_CALLS


def test_calls_under_one_id_in_pieces_go_by_index() -> None:
    """Also where they are interleaved, and named in their first piece alone or in every one."""
    for name in ({}, {"name": "f"}):
        made = requests(
            tool_fragment(0, id="same", name="f", arguments=""),
            tool_fragment(1, id="same", name="f", arguments='{"x":'),
            tool_fragment(0, id="same", arguments='{"x":', **name),
            tool_fragment(1, id="same", arguments=" 2}", **name),
            tool_fragment(0, id="same", arguments=" 1}", **name),
        )
        assert [call.arguments for call in made] == ['{"x": 1}', '{"x": 2}']
        assert len({call.id for call in made}) == 2


def test_summary_of_calls_under_one_id_does_not_double() -> None:
    """Once more the whole of each, in any order, spelled in another way, at another index."""
    whole = [tool_fragment(n, id="same", name="f", arguments=f'{{"x": {n}}}') for n in (0, 1)]
    again = [tool_fragment(n, id="same", name="f", arguments=f'{{"x":{n}}}') for n in (1, 0)]
    elsewhere = [tool_fragment(7, id="same", name="f", arguments='{"x": 1}')]
    assert collected(*whole, *again, *elsewhere) == [("f", '{"x": 0}'), ("f", '{"x": 1}')]


def test_second_object_without_a_name_is_not_lost() -> None:
    """What can be no call of its own makes the call malformed, so that the model is told of it."""
    assert collected(
        tool_fragment(0, id="a", name="f", arguments='{"x": 1}'), tool_fragment(0, id="a", arguments='{"x": 2}')
    ) == [("f", '{"x": 1}{"x": 2}')]


def test_fragments_without_end_take_linear_time() -> None:
    """A call is looked at a few times for whether it is whole, however many pieces it comes in."""
    pieces = ['{"x": [1}', *["{}"] * 100_000]
    ((_, arguments),) = collected(*(tool_fragment(0, id="a", name="f", arguments=piece) for piece in pieces))
    assert arguments == "".join(pieces)


def test_named_pieces_of_nested_objects_are_one_call() -> None:
    """However many of them end with a brace, and also where a summary comes at the end."""
    whole = json.dumps({"steps": [{"title": f"s{number}", "more": {"x": {}}} for number in range(100)]})
    pieces = re.findall(r"[^}]*}+", whole)
    fragments = [tool_fragment(0, id="a", name="f", arguments=piece) for piece in [*pieces, whole]]
    assert collected(*fragments) == [("f", whole)]


def test_id_without_end_is_replaced() -> None:
    """What is sent back with every call is no longer than an id."""
    (made,) = requests(tool_fragment(0, id="x" * 100_000, name="f", arguments="{}"))
    assert len(made.id) < 100


def test_empty_object_at_the_start_is_no_argument() -> None:
    """Some servers open every call with ``{}`` and then send the arguments."""
    assert collected(
        tool_fragment(0, id="a", name="f", arguments="{}"),
        tool_fragment(0, arguments='{"x": '),
        tool_fragment(0, arguments="1}"),
    ) == [("f", '{"x": 1}')]


def test_braces_inside_a_string_are_text() -> None:
    """A fragment that looks like a second object is one only after a whole first."""
    parts = ['{"code": "f\'{a}', "{b}'\"", "}"]
    fragments = [tool_fragment(0, id="a", name="f", arguments=part) for part in parts]
    assert collected(*fragments) == [("f", "".join(parts))]


def test_arguments_as_an_object_and_none_at_all() -> None:
    """Some servers send the object itself; a call without arguments has an empty one."""
    assert collected(
        {"index": 0, "id": "a", "function": {"name": "f", "arguments": {"x": 1}}},
        {"index": 1, "id": "b", "function": {"name": "g"}},
    ) == [("f", '{"x": 1}'), ("g", "{}")]


@pytest.mark.parametrize("junk", [{"function": None}, {"function": "f"}, {"index": "x", "function": {"name": 5}}])
def test_junk_is_no_call(junk: dict[str, Any]) -> None:
    """What names nothing asks for nothing."""
    assert collected(junk) == []


def test_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither calls nor arguments without end."""
    monkeypatch.setattr(tool_fragments, "MAX_CALLS", 2)
    monkeypatch.setattr(tool_fragments, "MAX_ARGUMENTS", 10)
    with pytest.raises(ProviderError, match="more than 2 tool calls"):
        collected(*(tool_fragment(i, id=str(i), name="f") for i in range(3)))
    with pytest.raises(ProviderError, match="longer than 10 characters"):
        collected(tool_fragment(0, id="a", name="f", arguments="x" * 11))
