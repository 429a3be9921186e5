"""A model that cannot call tools, such as the built-in one: what it cannot make is made, or refused, without it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from tests.notebook.conftest import Connect, OpenNotebook, Serve
from tests.notebook.test_kernel_tools import LOAD, SLUGIFY, answered, page_of
from tests.server.client import Client
from tests.server.hands import ASKED, Cells, permit

MODEL = "The model was asked."

Tessa = Callable[..., Awaitable[Client]]


@pytest.fixture
def tessa(serve: Serve, notebook: OpenNotebook, connect: Connect) -> Tessa:
    """Opens Tessa's page beside a kernel in which some code was run."""

    async def page(code: str = SLUGIFY, **params: Any) -> Client:
        server = serve([[{"text": MODEL}]] * 3, tools=False)
        kernel = await notebook(server)
        await kernel.run(LOAD + code)
        return await page_of(server, kernel, connect, agent="tessa", clientTools=["insert_cells"], **params)

    return page


def calls(page: Client) -> list[tuple[str, str]]:
    """The tool calls that are over, and how they ended."""
    ended = [event for event in page.seen("ToolCallNotification") if event["status"] in {"done", "error", "denied"}]
    return [(event["toolName"], event["status"]) for event in ended]


async def test_function_that_is_named_is_tested(tessa: Tessa) -> None:
    """In backticks or as a word among others: the kernel is asked once what there is, and nothing fails."""
    page = await tessa()
    for count, message in enumerate(("Please write tests for `slugify`.", "write some tests of slugify, would you"), 1):
        answer = await answered(page, message)
        assert answer.text.startswith("Tests of `slugify`: ")
        expected = ["list_variables", "record_behaviour", "insert_cells", "make_tests"]
        assert calls(page) == [(name, "done") for name in expected] * count


async def test_nothing_is_invented(tessa: Tessa) -> None:
    """Where it is not there, or not clear, what is to be tested, that is said, and no model makes tests up."""
    page = await tessa()
    answer = await answered(page, "Write tests for `parse_date`")
    assert answer.text == "I cannot find `parse_date` in the kernel. Run its cell first, then ask again."
    answer = await answered(page, "Write pytest tests for a function that parses dates.")
    assert answer.text.startswith("Tests of which function? In the kernel I see `slugify`.")
    assert calls(page) == [("list_variables", "done")] * 2
    page = await tessa("")
    answer = await answered(page, "Test my function")
    assert answer.text.startswith("There is no function in the kernel yet.")


async def test_question_gets_an_answer(tessa: Tessa) -> None:
    """A general one goes to the model, and none of its words is looked up."""
    page = await tessa()
    answer = await answered(page, "Which edge cases should tests of slugify cover?")
    assert (answer.text, calls(page)) == (MODEL, [])


async def test_mode_that_runs_nothing(tessa: Tessa) -> None:
    """In the mode Plan it is said that tests are not run in it; nothing is tried, nothing invented."""
    page = await tessa(mode="plan")
    for message in ("Write tests for `slugify`", "/tests slugify"):
        answer = await answered(page, message)
        assert answer.text == "Tests are not run in the mode Plan: choose another mode in the chat, and ask again."
    assert calls(page) == []


async def test_kernel_that_does_not_take_part(serve: Serve, notebook: OpenNotebook, connect: Connect) -> None:
    """Without its client nothing can be looked up: that is said, and no call fails."""
    server = serve([[{"text": MODEL}]], tools=False)
    page = await page_of(server, await notebook(server), connect, agent="tessa")
    answer = await answered(page, "Write tests for `slugify`")
    assert answer.text.startswith("I cannot run anything in this notebook's kernel, so I made no tests.")
    assert "Run the chat's cell again, or, in a Python kernel, `%load_ext whisperer_kernel`" in answer.text
    assert calls(page) == []


async def test_no_is_told_to_whoever_said_it(tessa: Tessa) -> None:
    """What is printed without a model speaks to the person."""
    page = await tessa()
    answer = await answered(page, "Write tests for `slugify`", decision="deny")
    assert answer.text == "You did not permit it."
    assert calls(page)[-2:] == [("record_behaviour", "denied"), ("make_tests", "denied")]
    answer = await answered(page, "@patricia Plan an analysis of my sales", decision="deny")
    assert "It is not in the notebook: You did not permit it." in answer.text


async def test_stopped_instead_of_an_answer(tessa: Tessa) -> None:
    """Tests that ran are not lost when the person stops where she is asked to have them put in."""
    page = await tessa()
    message_id = await page.send("Write tests for `slugify`")
    await permit(page, await page.expect(ASKED, toolName="record_behaviour"), "allow_once")
    await page.expect(ASKED, toolName="insert_cells")
    await page.request("session.cancel", sessionId=page.session_id)
    answer = await page.answer(message_id)
    assert answer.reason == "cancelled"
    assert "They are not in the notebook: it was stopped before you said yes." in answer.text
    (told,) = page.seen("tests.reported")
    assert (told["report"]["inserted"], list(told["report"]["counts"])) == (False, ["passed"])


async def test_plan_follows_a_pattern(tessa: Tessa) -> None:
    """The demo model cannot plan: a fixed pattern stands in for it, whole, and cell and reply say what it is."""
    page = await tessa()
    cells = Cells(page)
    await page.request("session.set_mode", sessionId=page.session_id, mode="edit")
    answer = await page.ask("@patricia Plan how to clean a table of customer addresses")
    assert answer.text.startswith("The plan “Clean a table of customer addresses” with 6 steps is in the notebook.")
    assert "No model made this plan" in answer.text
    (inserted,) = cells.inserted
    assert [cell["kind"] for cell in inserted] == ["plan", *["step"] * 6]
    assert "No model made this plan" in inserted[0]["source"]
    assert MODEL not in answer.text
    (told,) = page.seen("plan.updated")
    assert (told["plan"]["pattern"], told["plan"]["demo"]) == ("data", True)
    assert (await page.ask("@patricia What is a good plan?")).text == MODEL
    cells.stop()
