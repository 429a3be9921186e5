"""Formulas are typeset, and a hostile one does no more than a hostile word."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.browser.lab import Chat, Notebook
from tests.fakes.provider import FakeProvider, Reply

LONG = "+".join(rf"\frac{{x^{{{n}}}}}{{{n}!}}" for n in range(80))
WRITTEN = rf"""So \(x_1 + x_2\) costs $5, and $\sigma^2$ is \[\frac{{a}}{{b}}\] of it:

$$\begin{{pmatrix}} 1 & 2 \\ 3 & 4 \end{{pmatrix}}$$

$${LONG}$$

Not yet: \(\frac{{x\)
"""
HOSTILE = (
    r"\href{https://evil.example}{x}",
    r"\def\x{\x\x}\x",
    r"\gdef\x{" + "y" * 3_000 + "}" + r"\x" * 90,
    "x^{" * 900 + "x" + "}" * 900,
    r"\frac{1}{1+" * 250 + "x" + "}" * 250,
    r"\begin{matrix}" * 60 + "x" + r"\end{matrix}" * 60,
    "y" * 100_000,
)
# Temml makes these; the page takes over what draws them, and nothing that leads, acts or covers.
DRAWN = (
    r"\color{red}{x}\colorbox{blue}{y}\boxed{z}\llap{over}\text{\kern-5em left}\raisebox{1em}{up}\cancel{x}",
    r"\begin{array}{c|c} a & b \\ \hline c & d \end{array} \label{here} \tag{1}",
    r"\text{<img src=x onerror=alert(1)> <a href='https://evil.example'>b</a>}",
)
PROPERTIES = {"color", "padding", "border", "width", "text-align", "math-depth", "display", "font-weight"}


def test_formulas_are_typeset(new_chat: Chat, shared_tab: Notebook, provider: FakeProvider) -> None:
    """Formulas in lines and blocks are MathML, money stays text, a long one scrolls in its box by keyboard."""
    provider.script(Reply.answer(WRITTEN))
    new_chat.ask("Typeset.")
    expect(new_chat.text()).to_contain_text("Not yet")
    new_chat.expect_idle()
    said = new_chat.text()
    expect(said.locator("p math")).to_have_count(3)
    expect(said.locator("math mtable")).to_have_count(1)
    expect(said).to_contain_text("costs $5, and")
    expect(said.locator("code")).to_have_text(r"\(\frac{x\)")
    box = said.locator(".whisperer-formula").last
    assert box.evaluate("box => box.scrollWidth > box.clientWidth")
    box.focus()
    shared_tab.page.keyboard.press("ArrowRight")
    shared_tab.page.wait_for_function("box => box.scrollLeft > 0", arg=box.element_handle())
    assert new_chat.log.evaluate("log => log.scrollWidth === log.clientWidth")


def test_hostile_formulas_do_nothing(new_chat: Chat, provider: FakeProvider) -> None:
    """What loops, leads elsewhere, or is too long or too deep is shown as it was written, and the chat goes on."""
    provider.script(Reply.answer("\n\n".join(f"$$\n{source}\n$$" for source in (*HOSTILE, *DRAWN))))
    new_chat.ask("Do your worst.")
    expect(new_chat.text()).to_contain_text("\\def\\x{\\x\\x}\\x")
    new_chat.expect_idle()
    said = new_chat.text()
    expect(said.locator(".whisperer-code")).to_have_count(3)
    expect(said).to_contain_text("y" * 100_000)
    expect(said.locator("math").last).to_contain_text("<img src=x onerror=alert(1)>")
    expect(said.locator("img, a, annotation-xml, semantics, maction, [href], [id], [onerror]")).to_have_count(0)
    styles: list[str] = said.evaluate(
        "all => [...all.querySelectorAll('math [style]')].flatMap(one => one.getAttribute('style').split(';'))"
    )
    names = {style.split(":")[0].strip() for style in styles if style.strip()}
    assert names
    assert {name if name in PROPERTIES else name.rsplit("-", 1)[0] for name in names} <= PROPERTIES
    new_chat.ask("Still there?")
    expect(new_chat.text()).to_contain_text("Still there?")
