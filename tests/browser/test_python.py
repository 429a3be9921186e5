"""The chat as an object in Python, and the transcript that stands in the notebook."""

from __future__ import annotations

import json
import re

from playwright.sync_api import Page, expect

from tests.browser.asking import until
from tests.browser.lab import Lab, Notebook
from tests.fakes.provider import FakeProvider, Reply

OBSERVED = """from whisperer_kernel import Chat

chat = Chat(agent="tessa")
replies = []
chat.observe(lambda change: replies.append(change.new), "last_reply")
chat"""


def transcript(notebook: Notebook, index: int = 0) -> str:
    """The transcript under the widget, as the notebook holds it; empty where there is none."""
    texts = [output.get("data", {}).get("text/markdown") for output in notebook.outputs(index)]
    found = [text for text in texts if text is not None]
    assert len(found) <= 1
    return "".join(found)


def wait_for_transcript(notebook: Notebook, words: str) -> None:
    """Wait until the transcript that the page shows holds these words."""
    shown = notebook.page.locator(".jp-RenderedMarkdown details")
    expect(shown).to_contain_text(words, use_inner_text=False)


def test_python_reads_and_observes_the_conversation(lab: Lab, page: Page, provider: FakeProvider) -> None:
    """A chat begun with Tessa is read, observed and switched from Python."""
    provider.script(Reply.answer("It ", "works."))
    notebook = lab.new(page, OBSERVED)
    chat = notebook.show_chat()
    expect(chat.radio("Tessa")).to_be_checked()
    expect(chat.text("Tessa")).to_contain_text("Hello, I am Tessa.")
    expect(chat.by("Alice")).to_have_count(0)
    chat.ask("Does it?")
    expect(chat.text("Tessa")).to_have_text("It works.")
    chat.expect_idle()
    wait_for_transcript(notebook, "It works.")
    assert notebook.run_code("print(chat.last_reply, '|', replies[-1], '|', chat.agent, chat.status)") == (
        "It works. | It works. | tessa ready"
    )
    told = json.loads(notebook.run_code("import json\n\nprint(json.dumps(chat.history))"))
    assert [(item["role"], item["agent"], item["content"], item["finishReason"]) for item in told[1:]] == [
        ("user", "tessa", "Does it?", None),
        ("assistant", "tessa", "It works.", "stop"),
    ]
    notebook.run_code('chat.agent = "patricia"')
    expect(chat.radio("Patricia")).to_be_checked()
    expect(chat.text("Patricia")).to_contain_text("Hello, I am Patricia.")
    chat.switch_to("Alice")
    assert notebook.run_code("print(chat.agent)") == "alice"


def test_wrong_arguments_are_told(lab: Lab, page: Page) -> None:
    """A wrong argument is refused in words, before anything is shown."""
    notebook = lab.new(page, "from whisperer_kernel import Chat\n\nChat(height=3)", "Chat(agent='no one')")
    for index, words in enumerate(["height must be", "agent must be"]):
        notebook.start(index)
        expect(page.locator(".jp-OutputArea").filter(has_text=words)).to_be_visible()
    expect(page.get_by_role("region", name="Whisperer chat")).to_have_count(0)


def test_saved_notebook_holds_the_conversation(lab: Lab, notebook: Notebook, provider: FakeProvider) -> None:
    """The saved notebook contains the conversation as markdown without any HTML of the model's; it can be cleared."""
    provider.script(Reply.answer("Use `sum`:\n\n```python\nsum([1, 2])\n```\n\n# Loud <b>end</b>"))
    chat = notebook.show_chat()
    chat.ask("How do I **add**?")
    chat.expect_idle()
    wait_for_transcript(notebook, "sum([1, 2])")
    notebook.save()
    (cell, *_) = lab.read(notebook.path)["cells"]
    (saved,) = [output["data"]["text/markdown"] for output in cell["outputs"] if "text/markdown" in output["data"]]
    saved = "".join(saved)
    assert "<small>Saved copy of the conversation: 3 messages</small></summary>" in saved
    # Jupyter's sanitizer leaves what makes it quiet.
    expect(notebook.page.locator("summary.whisperer-saved > small")).to_have_css("font-size", "11px")
    assert "**You**\n\nHow do I **add**?" in saved
    assert "**Alice**" in saved
    assert "<pre><code>sum(&#91;1, 2&#93;)\n</code></pre>" in saved
    assert not re.search(r"<b>|^#", saved, re.MULTILINE)
    notebook.run_code("chat.clear_transcript()")
    expect(notebook.page.locator(".jp-RenderedMarkdown details")).to_have_count(0)
    chat.ask("Again")
    wait_for_transcript(notebook, "Again")


def test_transcript_can_be_left_out(lab: Lab, page: Page) -> None:
    """With transcript=False nothing of the conversation is saved in the notebook."""
    notebook = lab.new(page, "from whisperer_kernel import Chat\n\nchat = Chat(transcript=False)\nchat")
    chat = notebook.show_chat()
    chat.ask("Between you and me.")
    expect(chat.text()).to_contain_text("Between you and me.")
    chat.expect_idle()
    # The kernel hears of it beside the cells that it runs.
    until(lambda: "Between you and me." in notebook.run_code("print(chat.last_reply)"))
    assert transcript(notebook) == ""
