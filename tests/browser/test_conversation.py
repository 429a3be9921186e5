"""What the notebook's first cell shows, and a conversation with the three agents in it."""

from __future__ import annotations

import time

from playwright.sync_api import expect

from tests.browser.lab import Chat, Notebook
from tests.fakes.provider import DONE, Act, FakeProvider, Reply, finish, text
from tests.fakes.reply import Step


def test_first_cell_shows_chat_and_alice_greets(notebook: Notebook) -> None:
    """Running the first cell shows a chat in which Alice has introduced herself, and suggests what to ask."""
    chat = notebook.show_chat()
    expect(chat.radio("Alice")).to_be_checked()
    expect(chat.articles).to_have_count(1)
    expect(chat.text("Alice")).to_contain_text("Hello, I am Alice.")
    expect(chat.suggestions.get_by_role("button")).to_have_count(3)
    expect(chat.provider).to_contain_text("fake-model")
    expect(chat.region.get_by_text("built-in demo model")).to_be_hidden()


def test_answer_grows_chunk_by_chunk(new_chat: Chat, provider: FakeProvider) -> None:
    """Each chunk is shown as soon as the provider has sent it, and the tokens when the turn has ended."""
    gates = [provider.gate() for _ in range(3)]
    steps: list[Step] = [step for pair in zip(gates, text("Once ", "upon ", "a time"), strict=True) for step in pair]
    provider.script(Reply([*steps, *finish(), DONE]))
    new_chat.ask("Tell me a story.")
    expect(new_chat.text("You")).to_have_text("Tell me a story.")
    expect(new_chat.stop).to_be_visible()
    expect(new_chat.log).to_have_attribute("aria-busy", "false")  # nothing has been said yet
    for gate, shown in zip(gates, ["Once", "Once upon", "Once upon a time"], strict=True):
        gate.open()
        expect(new_chat.text("Alice")).to_have_text(shown)
    new_chat.expect_idle()
    expect(new_chat.last("Alice")).to_contain_text("7 tokens in, 5 out")
    expect(new_chat.region.get_by_title("Prompt 7; reply 5")).to_have_count(2)


def test_agents_answer_from_memories_of_their_own(new_chat: Chat, provider: FakeProvider) -> None:
    """Whose radio is clicked answers, introduces herself once, and is sent nothing that another agent was told."""
    provider.script(*(Reply.answer(f"Answer {number}.") for number in range(4)))
    new_chat.ask("The word is aardvark.")
    expect(new_chat.text("Alice")).to_have_text("Answer 0.")
    new_chat.switch_to("Tessa")
    expect(new_chat.text("Tessa")).to_contain_text("Hello, I am Tessa.")
    new_chat.ask("Which word is it?")
    expect(new_chat.text("Tessa")).to_have_text("Answer 1.")
    new_chat.switch_to("Patricia")
    expect(new_chat.text("Patricia")).to_contain_text("Hello, I am Patricia.")
    new_chat.ask("Plan a party.")
    expect(new_chat.text("Patricia")).to_have_text("Answer 2.")
    new_chat.switch_to("Tessa")
    new_chat.switch_to("Alice")
    new_chat.ask("And backwards?")
    expect(new_chat.text("Alice")).to_have_text("Answer 3.")
    expect(new_chat.by("Tessa")).to_have_count(2)
    alice, tessa, patricia, alice_again = provider.wait_for_chats(4)
    assert [message["content"] for message in alice.json["messages"] if message["role"] == "user"] == [
        "The word is aardvark."
    ]
    assert "Tessa" in tessa.json["messages"][0]["content"]
    assert "Which word is it?" in str(tessa.json)
    assert "aardvark" not in str(tessa.json)
    assert "word" not in str(patricia.json["messages"][1:])
    spoken = [message["content"] for message in alice_again.json["messages"] if message["role"] != "system"]
    assert spoken[-3:] == ["The word is aardvark.", "Answer 0.", "And backwards?"]
    assert "Which word is it?" not in str(alice_again.json)


def test_mention_routes_one_message(new_chat: Chat, provider: FakeProvider) -> None:
    """A message that begins with @tessa is Tessa's to answer; the next one is Alice's again."""
    provider.script(Reply.answer("Tested."), Reply.answer("Helped."))
    new_chat.ask("@tessa test this")
    expect(new_chat.text("Tessa")).to_have_text("Tested.")
    new_chat.ask("thank you")
    expect(new_chat.text("Alice")).to_have_text("Helped.")
    expect(new_chat.radio("Alice")).to_be_checked()


def test_stop_ends_turn_and_closes_providers_connection(new_chat: Chat, provider: FakeProvider) -> None:
    """A click on Stop ends the turn at once, keeps its text, and closes the connection to the provider within 1 s."""
    provider.script(Reply([*text("So far, "), Act.HANG]))
    new_chat.ask("Think for ever.")
    expect(new_chat.text("Alice")).to_have_text("So far,")
    clicked = time.monotonic()
    new_chat.stop.click()
    (request,) = provider.chats()
    assert request.closed.wait(5)
    assert request.closed_at is not None
    assert request.closed_at - clicked < 1
    expect(new_chat.last("Alice")).to_contain_text("Stopped")
    expect(new_chat.text("Alice")).to_have_text("So far,")
    new_chat.expect_idle()
    new_chat.ask("And now?")
    expect(new_chat.text("Alice")).to_have_text("The fake provider heard: And now?")


def test_messages_queue_and_can_be_taken_back(new_chat: Chat, provider: FakeProvider) -> None:
    """What is sent while a turn runs waits for its end; what is taken back before has no turn."""
    gate = provider.gate()
    provider.script(Reply([*text("First"), gate, *finish(), DONE]), Reply.answer("Third"))
    for message in ("one", "two", "three"):
        new_chat.ask(message)
        expect(new_chat.text("You")).to_have_text(message)
    second = new_chat.by("You").nth(1)
    expect(second).to_contain_text("Queued")
    second.get_by_role("button", name="Remove from queue").click()
    expect(second).not_to_contain_text("Queued")
    gate.open()
    expect(new_chat.text("Alice")).to_have_text("Third")
    new_chat.expect_idle()
    _, asked = provider.chats()
    assert asked.json["messages"][-1]["content"].endswith("three")


def test_suggestion_is_asked_by_click(new_chat: Chat) -> None:
    """A click on a suggestion asks it; then there are no more of them."""
    suggestion = new_chat.suggestions.get_by_role("button").first
    words = suggestion.inner_text()
    suggestion.click()
    expect(new_chat.text("You")).to_have_text(words)
    expect(new_chat.text("Alice")).to_have_text(f"The fake provider heard: {words}")
    expect(new_chat.suggestions).to_be_hidden()


def test_chat_answers_while_a_cell_runs(notebook: Notebook) -> None:
    """While a cell keeps the kernel busy, messages are answered all the same."""
    chat = notebook.show_chat()
    cell = notebook.add("import time\n\nprint('begun')\ntime.sleep(30)\nprint('ended')")
    notebook.start(cell)
    expect(notebook.page.get_by_text("begun", exact=True)).to_be_visible()
    chat.ask("Are you there?")
    expect(chat.text("Alice")).to_have_text("The fake provider heard: Are you there?")
    chat.switch_to("Tessa")
    expect(chat.text("Tessa")).to_contain_text("Hello, I am Tessa.")
    assert notebook.output(cell) == "begun"
    notebook.interrupt()


def test_end_stays_in_view_in_a_narrower_window(new_chat: Chat, shared_tab: Notebook, provider: FakeProvider) -> None:
    """Whoever reads the end still reads it when the window is made narrow."""
    provider.script(
        Reply([*text(*(f"Line {number} of a long answer that wraps.\n\n" for number in range(80))), *finish(), DONE])
    )
    new_chat.ask("At length, please")
    expect(new_chat.last()).to_contain_text("Line 79")
    size = shared_tab.page.viewport_size
    assert size is not None
    shared_tab.page.set_viewport_size({"width": 480, "height": size["height"]})
    try:
        gap = "log => log.scrollHeight - log.scrollTop - log.clientHeight"
        log = new_chat.region.get_by_role("log")
        expect(new_chat.region.get_by_role("button", name="Latest message")).to_be_hidden()
        assert log.evaluate(gap) < 24
    finally:
        shared_tab.page.set_viewport_size(size)
