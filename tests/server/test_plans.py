"""Patricia's plans through a foreign client: made whole or not at all, put into the notebook, followed and changed."""

from __future__ import annotations

from typing import Any

import pytest

from tests.fakes.provider import FakeProvider, Reply
from tests.server.client import Client, RpcError
from tests.server.conftest import Connect, Serve
from tests.server.hands import ASKED, CALL, Cells, Json, asked, permit, statuses
from tests.server.process import Server

LOAD: Json = {
    "title": "Load the file",
    "what": "Read sales.csv into `sales`.",
    "why": "All else needs it.",
    "check": "len(sales) > 0",
    "code": "import pandas as pd\nsales = pd.read_csv('sales.csv')",
}
CLEAN: Json = {
    "title": "Drop empty rows",
    "what": "Remove rows without an amount.",
    "check": "sales.amount.notna().all()",
    "depends_on": ["load the file"],
}
PLAN: Json = {"title": "Clean sales", "goal": "Every row has an amount.", "steps": [LOAD, CLEAN]}


@pytest.fixture
async def client(connect: Connect, server: Server, provider: FakeProvider) -> Client:  # noqa: ARG001 - a clean provider
    """A client that can insert cells, with Patricia, in the mode that lets cells be edited."""
    opened = await connect(server)
    await opened.start(agent="patricia", mode="edit", clientTools=["insert_cells"], new=True)
    return opened


async def planned(client: Client, provider: FakeProvider, *plans: Any) -> list[str]:
    """Let the model make these plans one after the other in one turn; what it is told of each."""
    for plan in plans:
        provider.script(Reply.tools(("call-1", "make_plan", plan)))
    provider.script(Reply.answer("That is the plan."))
    answer = await client.ask("Plan how to clean my sales")
    assert answer.reason == "stop"
    messages = provider.chats()[-1].json["messages"]
    return [message["content"] for message in messages if message["role"] == "tool"]


async def plans(client: Client) -> list[Json]:
    """The session's plans."""
    found: list[Json] = (await client.request("plan.list", sessionId=client.session_id))["plans"]
    return found


async def test_plan_becomes_cells(client: Client, provider: FakeProvider) -> None:
    """A good plan is an event, is kept, and stands in the notebook: a checklist, and per step a heading and code."""
    cells = Cells(client)
    assert await planned(client, provider, PLAN) == ["The plan “Clean sales” with 2 steps is in the notebook."]
    (inserted,) = cells.inserted
    assert [(cell["type"], cell["kind"]) for cell in inserted] == [
        ("markdown", "plan"),
        ("markdown", "step"),
        ("code", "code"),
        ("markdown", "step"),
    ]
    assert "- [ ] **1. Load the file** — check: `len(sales) > 0`" in inserted[0]["source"]
    assert inserted[2]["source"] == LOAD["code"]
    assert "After step 1." in inserted[3]["source"]
    (updated,) = client.seen("plan.updated")
    (plan,) = await plans(client)
    assert updated["plan"] == plan
    assert updated["checklist"] == inserted[0]["source"]
    assert (plan["agent"], plan["status"], plan["title"]) == ("patricia", "draft", "Clean sales")
    assert [step["dependsOn"] for step in plan["steps"]] == [[], ["s1"]]
    cells.stop()


async def test_mended_once(client: Client, provider: FakeProvider) -> None:
    """All mistakes are named at once; the model mends them, and there is one plan."""
    cells = Cells(client)
    bad = {**PLAN, "steps": [{**LOAD, "check": " "}, {**CLEAN, "title": "load  the FILE", "depends_on": ["Nothing"]}]}
    first, second = await planned(client, provider, bad, PLAN)
    assert first.splitlines() == [
        "No plan was made:",
        "- step 1: `check` is empty; say what is true when the step is done, and false before",
        "- more than one step is named `load the file`; each needs a title of its own",
        "- step 2 depends on `Nothing`, and there is no such step",
    ]
    assert second.startswith("The plan “Clean sales”")
    assert len(cells.inserted) == len(await plans(client)) == 1
    cells.stop()


async def test_refused_after_the_second_mistake(client: Client, provider: FakeProvider) -> None:
    """Twice bad is the end: the model is told to say why, a third plan of the turn is not made, nor half of one."""
    circle = {**PLAN, "steps": [{**LOAD, "depends_on": ["Drop empty rows"]}, CLEAN]}
    _, second, third = await planned(client, provider, {**PLAN, "steps": "soon"}, circle, PLAN)
    assert "in a circle: `Load the file` → `Drop empty rows` → `Load the file`" in second
    assert second.endswith("This was the last attempt: tell the person why it failed, and do not try again.")
    assert third == "make_plan has failed 2 times in this turn and is not tried again."
    assert await plans(client) == client.seen("plan.updated") == []
    # The next turn may try again.
    cells = Cells(client)
    assert len(await planned(client, provider, circle, PLAN)) == 5
    cells.stop()


async def test_insertion_is_asked_for(client: Client, provider: FakeProvider) -> None:
    """In the mode ask the person sees the cells before they are there; after a no the plan stands in the chat."""
    await client.request("session.set_mode", sessionId=client.session_id, mode="ask")
    cells = Cells(client)
    provider.script(Reply.tools(("call-1", "make_plan", PLAN)), Reply.answer("Here."))
    message_id = await client.send("Plan it")
    request = await asked(client, message_id)
    assert (request["toolName"], "Load the file" in request["preview"]) == ("insert_cells", True)
    await permit(client, request, "deny", reason="Not now.")
    await client.answer(message_id)
    told = provider.chats()[-1].json["messages"][-1]["content"]
    assert "It is not in the notebook: The user did not permit this. Not now." in told
    assert "# Clean sales" in told
    assert statuses(client, message_id, toolName="make_plan") == ["pending", "running", "done"]
    assert statuses(client, message_id, toolName="insert_cells") == ["pending", "waiting_permission", "denied"]
    assert (len(await plans(client)), cells.inserted) == (1, [])
    cells.stop()


async def test_stopped_instead_of_an_answer(client: Client, provider: FakeProvider) -> None:
    """Stop while the person is asked: nothing failed, and the plan that was made is there, which is said."""
    await client.request("session.set_mode", sessionId=client.session_id, mode="ask")
    cells = Cells(client)
    provider.script(Reply.tools(("call-1", "make_plan", PLAN)), Reply.answer("Never."))
    message_id = await client.send("Plan it")
    await asked(client, message_id)
    await client.request("session.cancel", sessionId=client.session_id)
    answer = await client.answer(message_id)
    assert (answer.reason, answer.text) == (
        "cancelled",
        "The plan “Clean sales” was made; it is not in the notebook. Its steps stand in the chat.",
    )
    ends = [event for event in client.seen(CALL, messageId=message_id) if event["status"] == "error"]
    assert [(event["toolName"], event["cancelled"]) for event in ends] == [("insert_cells", True), ("make_plan", True)]
    assert ([plan["title"] for plan in await plans(client)], cells.inserted) == (["Clean sales"], [])
    cells.stop()


async def test_nobody_can_insert(connect: Connect, server: Server, provider: FakeProvider) -> None:
    """Without a notebook the plan stands in the chat, and that is said."""
    client = await connect(server)
    await client.start(agent="patricia", new=True)
    (told,) = await planned(client, provider, PLAN)
    assert "It is not in the notebook: Nobody is connected who could carry out insert_cells." in told
    assert client.seen(ASKED) == []


async def test_only_patricia_plans(client: Client, provider: FakeProvider) -> None:
    """The tool is offered to her alone."""
    for agent, expected in (("alice", False), ("tessa", False), ("patricia", True)):
        await client.ask(f"@{agent} Hello")
        tools = [tool["function"]["name"] for tool in provider.chats()[-1].json.get("tools", [])]
        assert ("make_plan" in tools) == expected


async def test_read_and_update(client: Client, provider: FakeProvider) -> None:
    """A plan is approved, its steps go on, and every connection is told; what is not there is an error."""
    cells = Cells(client)
    await planned(client, provider, PLAN)
    (plan,) = await plans(client)
    named = {"sessionId": client.session_id, "planId": plan["planId"]}
    assert (await client.request("plan.read", **named))["plan"] == plan
    approved = (await client.request("plan.update", **named, approve=True))["plan"]
    assert approved["status"] == "approved"
    for step_id in ("s1", "s2"):
        plan = (await client.request("plan.update", **named, stepId=step_id, status="done"))["plan"]
    assert (plan["status"], [step["status"] for step in plan["steps"]]) == ("done", ["done", "done"])
    await client.until(lambda: len(client.seen("plan.updated")) == 4)
    last = client.seen("plan.updated")[-1]
    assert last["plan"] == plan
    assert last["checklist"].count("- [x]") == 2
    for params, code in (
        ({**named, "planId": "no"}, -32008),
        ({**named, "stepId": "s9", "status": "done"}, -32008),
        ({**named, "stepId": "s1"}, -32602),
        ({**named, "stepId": "s1", "status": "sunny"}, -32602),
        (named, -32602),
    ):
        with pytest.raises(RpcError) as refused:
            await client.request("plan.update", **params)
        assert refused.value.code == code
    with pytest.raises(RpcError) as refused:
        await client.request("plan.read", sessionId=client.session_id, planId="no")
    assert refused.value.code == -32008
    cells.stop()


async def test_plan_outlives_the_server(serve: Serve, connect: Connect, provider: FakeProvider) -> None:
    """A plan is in the log: another process knows it, in ``plan.list`` and in the snapshot."""
    first = serve()
    client = await connect(first)
    await client.start(agent="patricia", mode="plan")
    await planned(client, provider, PLAN)
    kept = await plans(client)
    session_id = client.session_id
    first.kill()
    back = await connect(serve(folder=first.folder))
    resumed = await back.resume(session_id, 10**6)
    assert (resumed["snapshot"]["plans"], resumed["snapshot"]["mode"], resumed["mode"]) == (kept, "plan", "plan")
    assert await plans(back) == kept
