"""Code in a cell and the page beside it are in one session, which the server runs."""

from __future__ import annotations

import asyncio

import pytest

from tests.notebook.conftest import Connect, OpenNotebook, Serve
from tests.notebook.kernel import interrupt, rest
from tests.server.process import Server

IMPORT = "import asyncio, json\nfrom whisperer_kernel import Whisperer, TurnFailed\nw = Whisperer()\n"
SLOW = [{"text": "so far"}, {"pause": 60}, {"text": "never said"}]


async def test_ask_in_a_cell_is_part_of_the_notebooks_session(
    server: Server, notebook: OpenNotebook, connect: Connect
) -> None:
    """What a cell asked stands in the history that the page gets."""
    kernel = await notebook()
    cell = await kernel.run(IMPORT + 'await w.ask("How are *you*?")')
    assert cell.error == ""
    assert cell.shown["text/markdown"].startswith("**Alice**\n\nHello! I am a scripted reply")
    page = await connect(server)
    started = await page.start(kernelId=kernel.id)
    assert started["resumed"]
    assert [(message["role"], message["content"]) for message in await page.history()][1:] == [
        ("user", "How are *you*?"),
        ("assistant", cell.shown["text/plain"]),
    ]
    assert await kernel.value("print(json.dumps([w.where, w.session_id]))") == [
        f"attached to {server.url}/",
        page.session_id,
    ]


async def test_demo_model_is_called_so_once(notebook: OpenNotebook) -> None:
    """The first reply that the kernel shows says it, as often as it is shown; no other, and no text of a reply."""
    kernel = await notebook()
    words = "*From a demo model, which is often wrong.*"
    first = await kernel.run(IMPORT + 'unseen = await w.ask("one")\nseen = await w.ask("two")\nseen')
    assert first.shown["text/markdown"].endswith(words)
    assert (await kernel.run("seen")).shown == first.shown
    stream = 'answer = w.stream("three")\nasync for chunk in answer: print(chunk)\nanswer.reply'
    other = await kernel.run(stream)
    assert words not in other.printed + other.shown["text/markdown"]


async def test_page_that_was_there_first_is_told_what_a_cell_asks(
    server: Server, notebook: OpenNotebook, connect: Connect
) -> None:
    """The question and the answer's chunks reach the page as they happen."""
    kernel = await notebook()
    page = await connect(server)
    await page.start(kernelId=kernel.id)
    await kernel.run(IMPORT + 'reply = await w.ask("Do you hear me?")')
    asked = await page.expect("UserMessageNotification", message="Do you hear me?")
    answer = await page.answer(asked["messageId"])
    assert answer.text == await kernel.value("print(json.dumps(str(reply)))")


async def test_stream_gives_chunks_and_then_the_reply(serve: Serve, notebook: OpenNotebook) -> None:
    """Chunks come while the answer is being given, in coroutines and in plain loops."""
    pieces = [{"text": "one"}, {"pause": 0.2}, {"text": " two"}, {"pause": 0.2}, {"text": " three"}]
    kernel = await notebook(serve([pieces, pieces]))
    code = 'answer = w.stream("count")\nchunks = [chunk async for chunk in answer]\n'
    code += 'again = w.stream("count")\nagain_chunks = list(again)\n'
    show = "print(json.dumps([chunks, str(answer.reply), again_chunks, again.reply.finish_reason]))"
    expected = ["one", " two", " three"]
    assert await kernel.value(IMPORT + code + show) == [expected, "one two three", expected, "stop"]


async def test_switch_is_seen_by_the_page(server: Server, notebook: OpenNotebook, connect: Connect) -> None:
    """An agent chosen in code is current for everybody; one named for a single question is not."""
    kernel = await notebook()
    page = await connect(server)
    await page.start(kernelId=kernel.id)
    code = 'names = [(await w.ask("a", agent="patricia")).agent, await w.switch("tessa"), (await w.ask("b")).agent]\n'
    assert await kernel.value(IMPORT + code + "print(json.dumps(names))") == ["patricia", "tessa", "tessa"]
    assert (await page.expect("agent.switched"))["to"] == "tessa"
    assert len(page.seen("agent.switched")) == 1
    own = 'print(json.dumps([(await Whisperer("alice").ask("c")).agent, len(await w.history("alice"))]))'
    assert await kernel.value(own) == ["alice", 3]


async def test_sync_methods_work_where_a_loop_runs(server: Server, notebook: OpenNotebook) -> None:
    """A cell may block on an answer, and everything else has a blocking form as well."""
    assert server.url
    kernel = await notebook()
    code = 'reply = w.ask_sync("hi")\nagents = [agent.agent_id for agent in w.agents_sync()]\n'
    code += "models = [model.id for model in w.models_sync()]\n"
    code += 'w.set_model_sync("other"); w.clear_sync(); left = len(w.history_sync())\n'
    show = "print(json.dumps([reply.finish_reason, agents, models, left, w.cancel_sync(), w.switch_sync('tessa')]))"
    assert await kernel.value(IMPORT + code + show) == [
        "stop",
        ["alice", "patricia", "tessa"],
        ["scripted"],
        0,
        False,
        "tessa",
    ]


@pytest.mark.parametrize(
    ("call", "error"),
    [
        ('ask("  ")', "InvalidParams: message is empty"),
        ("ask(3)", "InvalidParams: message must be text, not int"),
        ('ask("x", agent="bob")', "NoSuchAgent: There is no agent 'bob'; there are alice, patricia, tessa."),
        ('ask("x", context=3)', "InvalidParams: context must be text or items, not int"),
        ('ask("x", context={"type": "smell"})', "InvalidParams: Invalid params: Invalid value 'smell'"),
        (r'ask("\ud800")', "InvalidParams: This cannot be sent"),
        ('ask("x" * 2_000_000)', "LimitReached: This is more than the server takes in one message"),
        ('switch("bob")', "NoSuchAgent: "),
        ('history("bob")', "NoSuchAgent: "),
        ('set_model("")', "InvalidParams: "),
    ],
)
async def test_what_cannot_be_done_is_said(server: Server, notebook: OpenNotebook, call: str, error: str) -> None:
    """A wrong argument ends in a sentence, and the session goes on."""
    assert server.url
    kernel = await notebook(path="mistakes.ipynb")
    assert (await kernel.run(f"{IMPORT}await w.{call}")).error.startswith(error)
    assert await kernel.value('print(json.dumps((await w.ask("still there?")).finish_reason))') == "stop"


async def test_session_that_is_not_there(server: Server, notebook: OpenNotebook) -> None:
    """A session asked for by its id is that one or an error."""
    assert server.url
    kernel = await notebook()
    cell = await kernel.run(IMPORT + 'await Whisperer(session="0" * 32).ask("x")')
    assert cell.error == "NoSuchSession: There is no such session."


async def test_new_session_is_apart(server: Server, notebook: OpenNotebook) -> None:
    """``new`` begins a session of its own, which its id brings back."""
    assert server.url
    kernel = await notebook()
    code = 'own = Whisperer(new=True)\nawait own.ask("apart")\nsame = Whisperer(session=own.session_id)\n'
    code += "texts = [[m.content for m in await x.history() if m.role == 'user'] for x in (w, own, same)]\n"
    assert await kernel.value(IMPORT + code + "print(json.dumps(texts))") == [[], ["apart"], ["apart"]]


async def test_turn_that_fails_raises_in_words(serve: Serve, notebook: OpenNotebook) -> None:
    """The provider's words, how it failed, and what had come until then."""
    failure = {"error": "rate_limited", "message": "Too many requests; wait 30 s.", "retryAfter": 30}
    kernel = await notebook(serve([[{"text": "so far"}, failure]]))
    code = 'try:\n    await w.ask("x")\nexcept TurnFailed as e:\n    '
    show = "print(json.dumps([str(e), e.kind, e.text, e.retry_after]))"
    assert await kernel.value(IMPORT + code + show) == [failure["message"], "rate_limited", "so far", 30]


@pytest.mark.parametrize(
    "ask", ['await w.ask("x")', 'w.ask_sync("x")', '[c async for c in w.stream("x")]', 'list(w.stream("x"))']
)
async def test_stop_button_cancels_the_turn(serve: Serve, notebook: OpenNotebook, connect: Connect, ask: str) -> None:
    """An interrupted cell does not leave a model at work."""
    server = serve([SLOW])
    kernel = await notebook(server)
    page = await connect(server)
    await page.start(kernelId=kernel.id)
    running = asyncio.create_task(kernel.run(IMPORT + ask))
    asked = await page.expect("UserMessageNotification", message="x")
    await page.text(asked["messageId"], "so far")
    await interrupt(server, kernel)
    cell = await running
    assert cell.error.partition(":")[0] in {"KeyboardInterrupt", "CancelledError"}
    assert (await page.answer(asked["messageId"])).reason == "cancelled"


async def test_cancelled_task_and_cancel(serve: Serve, notebook: OpenNotebook) -> None:
    """A task that is cancelled ends its turn; ``cancel`` ends it with a reply that says so."""
    kernel = await notebook(serve([SLOW, SLOW]))
    code = """
async def first(stream):
    async for chunk in stream:
        return chunk
task = asyncio.create_task(first(w.stream("never mind")))
await task
task = asyncio.create_task(w.ask("and now?"))
cancelled = [await w.cancel()]
await asyncio.sleep(0.2)
cancelled.append(await w.cancel())
reply = await task
cancelled.append(await w.cancel())
print(json.dumps([cancelled, str(reply), reply.finish_reason, reply._repr_markdown_()]))
"""
    shown = "**Alice**\n\nso far\n\n*The answer was stopped.*\n\n*From a demo model, which is often wrong.*"
    assert await kernel.value(IMPORT + code) == [[True, True, False], "so far", "cancelled", shown]


async def test_kernels_own_connection_keeps_no_session(serve: Serve, notebook: OpenNotebook, connect: Connect) -> None:
    """A session that only its kernel is connected to leaves memory, and answers the kernel all the same."""
    server = serve(environ={"WHISPERER_LIMITS__RESUME_GRACE_S": "0.3"})
    kernel = await notebook(server)
    page = await connect(server)
    await page.start(kernelId=kernel.id)
    await kernel.run(IMPORT + 'await w.ask("one")')
    await page.close()
    async with asyncio.timeout(10):
        while (await rest(server, "GET", "whisperer/health"))["sessions"]:  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.05)
    assert await kernel.value('print(json.dumps((await w.ask("two")).finish_reason))') == "stop"
    assert await kernel.value("print(json.dumps(len(await w.history())))") == 5


async def test_answer_that_code_waits_for_outlives_the_page(
    serve: Serve, notebook: OpenNotebook, connect: Connect
) -> None:
    """Who closes the page while a cell waits finds the answer there all the same."""
    long = [{"text": "slow"}, {"pause": 1.5}, {"text": " but sure"}]
    server = serve([long], environ={"WHISPERER_LIMITS__RESUME_GRACE_S": "0.3"})
    kernel = await notebook(server)
    page = await connect(server)
    await page.start(kernelId=kernel.id)
    running = asyncio.create_task(kernel.run(IMPORT + 'print(await w.ask("x"))'))
    await page.expect("UserMessageNotification", message="x")
    await page.close()
    assert (await running).printed == "slow but sure\n"
