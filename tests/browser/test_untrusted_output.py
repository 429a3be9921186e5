"""What a model writes is data: nothing in it runs, loads or hides where it leads."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, Request, expect

from tests.browser.lab import Chat, Notebook
from tests.fakes.provider import DONE, Act, FakeProvider, Reply, finish, text
from tests.fakes.reply import words

ATTACKS = """Here you are.

<img src="https://tracker.example/pixel.png" onerror="window.ran = 'onerror'">
<script>window.ran = 'script'</script>
<svg onload="window.ran = 'svg'"><animate onbegin="window.ran = 'animate'"></svg>
<iframe srcdoc="<script>parent.ran = 'iframe'</script>"></iframe>
<style>* { background: url(https://tracker.example/style.png) }</style>
<form action="https://tracker.example/form"><button id="post" name="x">Send</button></form>
<base href="https://tracker.example/"><meta http-equiv="refresh" content="0;url=https://tracker.example/">

![A picture](https://tracker.example/picture.png) ![Another][image]

[Run](javascript:window.ran='link') [Data](data:text/html,<script>alert(1)</script>) [Inside](/api/shutdown)
[Docs](https://docs.example/page) [https://bank.example](https://thief.example/login) <https://plain.example/x>
[Referred][reference]

| A | B |
| --- | --- |
| <img src=x onerror="window.ran = 'cell'"> | <b onclick="window.ran = 'bold'">b</b> |

```html
<script>window.ran = 'code'</script>
```

[image]: https://tracker.example/referred.png
[reference]: https://referred.example/x "<img src=x onerror=window.ran='title'>"

~~~python
print("a fence that is never closed <img src=x onerror=window.ran='fence'>")
"""


@pytest.fixture
def elsewhere(shared_tab: Notebook) -> list[str]:
    """Every address on another machine that the page asked for."""
    asked: list[str] = []

    def note(request: Request) -> None:
        if urlsplit(request.url).hostname not in {"127.0.0.1", None}:
            asked.append(request.url)

    shared_tab.page.on("request", note)
    return asked


def ran(page: Page) -> object:
    """What the attacks leave behind where one of them ran."""
    return page.evaluate("() => window.ran ?? null")


@pytest.mark.parametrize("cut", [lambda reply: [reply], words, list], ids=["at once", "by word", "by letter"])
def test_markup_of_a_model_does_nothing(
    new_chat: Chat, shared_tab: Notebook, provider: FakeProvider, elsewhere: list[str], cut: Callable[[str], list[str]]
) -> None:
    """No script, handler, frame, form or picture of a model's comes to life, however the text was cut into chunks."""
    provider.script(Reply([*text(*cut(ATTACKS)), *finish(), DONE]))
    new_chat.ask("Do your worst.")
    expect(new_chat.text()).to_contain_text("a fence that is never closed")
    new_chat.expect_idle()
    said = new_chat.text()
    expect(
        said.locator("img, script, style, iframe, svg[onload], form, base, meta, object, embed, input")
    ).to_have_count(0)
    attributes: list[str] = said.evaluate(
        "all => [...all.querySelectorAll('*')].flatMap(one => one.getAttributeNames())"
    )
    assert not [
        name for name in attributes if name.startswith("on") or name in {"id", "name", "src", "srcdoc", "style"}
    ]
    for link in said.get_by_role("link").all():
        link.dispatch_event("mouseover")
    assert ran(shared_tab.page) is None
    assert elsewhere == []
    expect(said).to_contain_text("<script>window.ran = 'script'</script>")


def test_links_show_their_host_and_open_elsewhere(new_chat: Chat, provider: FakeProvider) -> None:
    """A link opens in another tab without a referrer, and names the host it leads to where its words do not."""
    provider.script(Reply.answer(ATTACKS))
    new_chat.ask("Links, please.")
    new_chat.expect_idle()
    links = new_chat.text().get_by_role("link")
    expect(new_chat.text()).to_contain_text("a fence that is never closed")
    for link in links.all():
        assert link.get_attribute("target") == "_blank"
        assert {"noopener", "noreferrer"} <= set((link.get_attribute("rel") or "").split())
    assert links.evaluate_all(
        "all => all.map(one => [one.textContent, one.href, one.nextSibling?.textContent ?? ''])"
    ) == [
        ["A picture", "https://tracker.example/picture.png", " (tracker.example)"],
        ["Another", "https://tracker.example/referred.png", " (tracker.example)"],
        ["Docs", "https://docs.example/page", " (docs.example)"],
        ["https://bank.example", "https://thief.example/login", " (thief.example)"],
        ["https://plain.example/x", "https://plain.example/x", "\n"],
        ["Referred", "https://referred.example/x", " (referred.example)"],
    ]


def test_saved_conversation_is_as_harmless(
    new_chat: Chat, shared_tab: Notebook, provider: FakeProvider, elsewhere: list[str]
) -> None:
    """The transcript under the widget, rendered by the notebook itself, runs and loads nothing either."""
    provider.script(Reply.answer(ATTACKS))
    new_chat.ask("<img src=x onerror=\"window.ran = 'user'\">")
    new_chat.expect_idle()
    transcript = shared_tab.page.locator(".jp-RenderedMarkdown").filter(has=shared_tab.page.locator("details"))
    expect(transcript).to_contain_text("a fence that is never closed", use_inner_text=False)
    transcript.locator("summary").click()
    expect(transcript.locator("img, script, style, iframe, form")).to_have_count(0)
    assert ran(shared_tab.page) is None
    assert elsewhere == []


def test_thousands_of_chunks_and_a_huge_table(new_chat: Chat, shared_tab: Notebook, provider: FakeProvider) -> None:
    """Four thousand chunks and a table of two thousand rows arrive whole, while the page stays responsive."""
    pieces = [f"w{number} " for number in range(4_000)]
    table = "\n\n| n | square |\n| --- | --- |\n" + "".join(f"| {n} | {n * n} |\n" for n in range(2_000))
    provider.script(Reply([*text(*pieces, table), *finish(), DONE]))
    new_chat.ask("Go on and on.")
    expect(new_chat.text()).to_contain_text("w3999", timeout=60_000)
    new_chat.expect_idle()
    said = new_chat.text()
    assert said.locator("p").first.inner_text().split() == [f"w{number}" for number in range(4_000)]
    expect(said.locator("tbody tr")).to_have_count(2_000)
    expect(said.locator("tbody tr").last).to_have_text(f"1999 {1999 * 1999}")
    new_chat.box.fill("still here")
    expect(new_chat.box).to_have_value("still here")
    frame_ms = "() => new Promise(done => { const began = performance.now();"
    frame_ms += " requestAnimationFrame(() => done(performance.now() - began)) })"
    assert shared_tab.page.evaluate(frame_ms) < 1_000


def test_page_stays_usable_while_text_pours_in(new_chat: Chat, provider: FakeProvider) -> None:
    """A reply that never ends and never pauses can be stopped by a click."""
    provider.script(Reply([*text(*(["pouring "] * 20_000)), Act.HANG]))
    new_chat.ask("Pour.")
    expect(new_chat.text()).to_contain_text("pouring pouring")
    new_chat.stop.click()
    expect(new_chat.last()).to_contain_text("Stopped")
    new_chat.ask("Dry again?")
    expect(new_chat.text()).to_have_text("The fake provider heard: Dry again?")
