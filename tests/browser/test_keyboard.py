"""The chat by keyboard alone, and for those who do not see it."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.browser.asking import calling, expect_end, in_mode, ready
from tests.browser.judging import looks, violations
from tests.browser.lab import Chat, Notebook
from tests.fakes.faults import FAULTS
from tests.fakes.provider import DONE, Act, FakeProvider, Reply, finish, text

EVERYTHING = """# Title

Text with **bold**, `code`, a [link](https://docs.example/page) and \\\\(a^2\\\\).

> A quote

1. One
2. Two

| A | B |
| --- | --- |
| 1 | 2 |

```python
@cache
def add(a: int, b: int = 2) -> int:
    print("adding", None)
    return a + b  # the sum
```

```diff
- gone
+ come
```
"""
FOCUSED = "() => document.activeElement.getAttribute('aria-label') ?? document.activeElement.textContent"


def focused(notebook: Notebook) -> str:
    """The name of what has the focus."""
    name: str = notebook.page.evaluate(FOCUSED)
    return name


def test_tab_goes_through_the_chat_in_the_order_of_reading(new_chat: Chat, shared_tab: Notebook) -> None:
    """Tab leads from the agents over conversation and suggestions to the message, and to Send once there is one."""
    expect(new_chat.suggestions.get_by_role("button")).to_have_count(3)
    suggestions = [button.inner_text() for button in new_chat.suggestions.get_by_role("button").all()]
    new_chat.radio("Alice").focus()
    seen = [focused(shared_tab)]
    while seen[-1] != "Message":
        shared_tab.page.keyboard.press("Tab")
        seen.append(focused(shared_tab))
        assert len(seen) < 20, seen
    assert seen == ["Alice", "Choose a provider", "Conversation", *suggestions, "Add context", "Message"]
    shared_tab.page.keyboard.type("Hello")
    shared_tab.page.keyboard.press("Tab")
    assert focused(shared_tab) == "Send"
    shared_tab.page.keyboard.press("Space")
    expect(new_chat.text()).to_have_text("The fake provider heard: Hello")
    assert focused(shared_tab) == "Message"


def test_enter_sends_and_shift_enter_breaks_the_line(new_chat: Chat, shared_tab: Notebook) -> None:
    """Shift+Enter makes a new line in the message, Enter sends it and empties the box; no cell is run."""
    new_chat.box.press_sequentially("one")
    new_chat.box.press("Shift+Enter")
    new_chat.box.press_sequentially("two")
    expect(new_chat.box).to_have_value("one\ntwo")
    new_chat.box.press("Enter")
    expect(new_chat.box).to_have_value("")
    expect(new_chat.text("You")).to_have_text("one\ntwo")
    expect(new_chat.text()).to_contain_text("two")
    new_chat.box.press("Enter")
    expect(new_chat.by("You")).to_have_count(1)
    assert len(shared_tab.sources) == 1


def test_escape_stops(new_chat: Chat, shared_tab: Notebook, provider: FakeProvider) -> None:
    """Escape in the chat stops the running turn."""
    provider.script(Reply([*text("On and on"), Act.HANG]))
    new_chat.ask("Go on.")
    expect(new_chat.text()).to_have_text("On and on")
    shared_tab.page.keyboard.press("Escape")
    expect(new_chat.last()).to_contain_text("Stopped")
    assert focused(shared_tab) == "Message"


def test_arrows_choose_where_they_rest(new_chat: Chat, shared_tab: Notebook) -> None:
    """Arrow keys in the group of agents pass over Patricia without a word of hers, and switch to Tessa."""
    new_chat.radio("Alice").focus()
    shared_tab.page.keyboard.press("ArrowRight")
    shared_tab.page.keyboard.press("ArrowRight")
    expect(new_chat.text("Tessa")).to_contain_text("Hello, I am Tessa.")
    expect(new_chat.radio("Tessa")).to_be_checked()
    expect(new_chat.by("Patricia")).to_have_count(0)
    new_chat.box.press("Alt+Shift+P")
    expect(new_chat.text("Patricia")).to_contain_text("Hello, I am Patricia.")


def test_notebooks_shortcuts_stay_out(new_chat: Chat, shared_tab: Notebook) -> None:
    """What is typed in the chat is text: no cell is added, cut, deleted, merged or turned into markdown."""
    shared_tab.do("panel.content.mode = 'command'")
    before = shared_tab.sources
    new_chat.box.press_sequentially("ddabxmyz00ii")
    expect(new_chat.box).to_have_value("ddabxmyz00ii")
    new_chat.box.fill("")
    new_chat.radio("Alice").focus()
    for key in ("d", "d", "b", "x", "m", "Escape"):
        shared_tab.page.keyboard.press(key)
    assert shared_tab.sources == before
    expect(shared_tab.page.locator(".jp-Dialog")).to_have_count(0)


def test_saving_is_still_a_shortcut(new_chat: Chat, shared_tab: Notebook) -> None:
    """Ctrl+S saves the notebook also from the message box."""
    assert shared_tab.is_dirty
    new_chat.box.press("Control+s")
    shared_tab.page.wait_for_function("() => !jupyterapp.shell.currentWidget.context.model.dirty")


def test_draft_outlives_the_view(notebook: Notebook) -> None:
    """What is typed and not sent is still in the box after a reload."""
    chat = notebook.show_chat()
    chat.box.fill("not sent yet")
    notebook.save()
    notebook.reload()
    expect(chat.box).to_have_value("not sent yet")


def test_nothing_bars_those_who_see_little_or_nothing(themed: Notebook, provider: FakeProvider) -> None:
    """In every look axe finds nothing serious in a new chat, a full one, and while a reply is being written."""
    chat = themed.show_chat()
    found = violations(themed)
    provider.script(Reply.answer(EVERYTHING), FAULTS["fault-500"](), Reply([*text("Half"), Act.HANG]))
    for number in range(3):
        chat.ask(f"Message {number}")
        expect(chat.by("Alice")).to_have_count(number + 2)
    chat.switch_to("Tessa")
    chat.ask("Queued")
    expect(chat.last("You")).to_contain_text("Queued")
    for look in looks(themed):
        found += [f"{look}: {one}" for one in violations(themed)]
    assert found == []


def test_question_bars_nobody(themed: Notebook, provider: FakeProvider) -> None:
    """In every look axe finds nothing serious where permission is asked, context attached and a list open."""
    chat = themed.show_chat()
    for source in ("first = 1", "second = 2"):
        themed.add(source)
    expect(chat.region).to_have_attribute("data-notebook", "")
    cells = [{"type": "code", "source": "1 + 1"}]
    provider.script(Reply.answer(EVERYTHING), Reply.tools(("call-1", "insert_cells", {"cells": cells})))
    chat.ask("Explain it.")
    expect(chat.last("Alice")).to_contain_text("the sum")
    chat.ask("Insert it.")
    expect(chat.permission).to_be_visible()
    chat.box.press_sequentially("@cell")
    chat.box.press("Enter")
    chat.box.press_sequentially(" @cell")
    expect(chat.region.get_by_role("listbox", name="Completions")).to_be_visible()
    found = []
    for look in looks(themed):
        found += [f"{look}: {one}" for one in violations(themed)]
    assert found == []


def test_cards_bar_nobody(themed: Notebook, provider: FakeProvider) -> None:
    """In every look axe finds nothing serious in cards of plans, tests, tools, nor where a change is asked for."""
    themed.run_code("def double(n):\n    return 2 * n")
    cell = themed.cells[-1]["id"]
    chat = ready(themed)
    in_mode(chat, "auto")
    steps = [{"title": title, "what": "Do it.", "check": "x == 1"} for title in ("Load", "Look")]
    calling(provider, "make_plan", {"title": "A plan", "goal": "It is done.", "steps": steps})
    chat.ask("@patricia Plan it.")
    expect_end(chat, agent="Patricia")
    tests = "def test_two():\n    assert double(1) == 2\ndef test_wrong():\n    assert double(1) == 3\n"
    calling(provider, "make_tests", {"target": "double", "tests": tests})
    chat.ask("@tessa Test it.")
    expect_end(chat, agent="Tessa")
    in_mode(chat, "ask")
    calling(provider, "replace_cell", {"cell_id": cell, "source": "def double(n):\n    return n + n"})
    chat.ask("Mend it.")
    expect(chat.permission.locator("[data-mark='+']")).to_be_visible()
    chat.log.locator("summary").evaluate_all("all => all.forEach(one => { one.parentElement.open = true; })")
    found = []
    for look in looks(themed):
        found += [f"{look}: {one}" for one in violations(themed)]
    assert found == []


def test_panel_bars_nobody(themed: Notebook, provider: FakeProvider) -> None:
    """In every look axe finds nothing serious beside the notebook nor under a failed cell."""
    index = themed.add("missing")
    themed.do("panel.content.activeCellIndex = value; await jupyterapp.commands.execute('notebook:run-cell')", index)
    button = themed.page.get_by_role("button", name="Fix this error")
    expect(button).to_be_visible()
    themed.do("await jupyterapp.commands.execute('whisperer:open')")
    panel = themed.page.locator("#whisperer-panel")
    chat = Chat(panel.get_by_role("region", name="Whisperer chat")).ready()
    provider.script(Reply.answer(EVERYTHING))
    chat.ask("Everything.")
    expect(chat.text()).to_contain_text("A quote")
    chat.expect_idle()
    chat.region.get_by_role("button", name="Choose a provider").click()
    expect(chat.region.get_by_role("dialog").get_by_role("radio").first).to_be_visible()
    found = []
    for look in looks(themed):
        found += [f"{look}: {one}" for one in violations(themed, "#whisperer-panel")]
        found += [f"{look}: {one}" for one in violations(themed, ".whisperer-fix", "Fix this error")]
    assert found == []


def test_escape_closes_what_is_open(new_chat: Chat, shared_tab: Notebook) -> None:
    """Escape closes the choice of providers from wherever in the chat, and the focus is where it was opened."""
    opener = new_chat.region.get_by_role("button", name="Choose a provider")
    dialog = new_chat.region.get_by_role("dialog")
    opener.focus()
    shared_tab.page.keyboard.press("Enter")
    expect(dialog.get_by_role("radio", checked=True)).to_be_focused()
    expect(opener).to_have_attribute("aria-expanded", "true")
    shared_tab.page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(opener).to_be_focused()
    expect(opener).to_have_attribute("aria-expanded", "false")
    opener.click()
    expect(dialog.get_by_role("radio", checked=True)).to_be_focused()
    new_chat.box.focus()
    shared_tab.page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(opener).to_be_focused()


def test_finished_replies_are_announced_once(new_chat: Chat, provider: FakeProvider) -> None:
    """A screen reader hears a reply when it is finished, not every chunk of it."""
    gate = provider.gate()
    provider.script(Reply([*text("First half, "), gate, *text("second half."), *finish(), DONE]))
    heard = new_chat.region.locator("[aria-live=polite]")
    new_chat.ask("Speak.")
    expect(new_chat.text()).to_have_text("First half,")
    expect(new_chat.log).to_have_attribute("aria-busy", "true")
    expect(heard).not_to_contain_text("First half")
    gate.open()
    expect(heard).to_contain_text("Alice: First half, second half.")
    expect(new_chat.log).to_have_attribute("aria-busy", "false")
