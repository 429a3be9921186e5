"""The agents' magics in JupyterLab: what a person sees below the cell, and that Run All asks nobody twice."""

from __future__ import annotations

import os
from pathlib import Path

from playwright.sync_api import Locator, Page, expect

from tests.browser.lab import Lab, Notebook
from tests.fakes.provider import FakeProvider, Reply, text

DATA = "rain = [0.0, 4.2, 1.1]"
ASK = "@alice What is the mean of {rain}, and how do I get it?"
TEST = "%%tessa --insert\nWrite a test for the mean of `rain`."
ANSWER = " is about **1.77** mm:\n\n```python\nsum(rain) / len(rain)\n```\n"
TESTS = "```python\ndef test_mean():\n    assert sum(rain) / len(rain) > 1\n```\n"
SAVED = "nothing was sent. --again asks anew."
PICTURES = Path(__file__).parents[2] / "docs/screenshots"


def opened(lab: Lab, page: Page, *cells: str) -> Notebook:
    """A new notebook with the kernel "Python 3 (Whisperer)"."""
    return lab.open(page, lab.write(*cells, kernel="whisperer"))


def answer(page: Page, index: int) -> Locator:
    """The markdown below a cell."""
    return page.locator(f'.jp-Cell[data-windowed-list-index="{index}"] .jp-OutputArea .jp-RenderedMarkdown')


def test_answer_comes_below_the_cell_and_its_code_into_the_next(lab: Lab, page: Page, provider: FakeProvider) -> None:
    """It is read while it is being given; code stands in a cell of its own; run again, nothing is asked or added."""
    gate = provider.gate()
    provider.script(Reply([*text("The mean"), gate, *Reply.answer(ANSWER).steps]), Reply.answer(TESTS))
    notebook = opened(lab, page, DATA, ASK, TEST)
    notebook.run(0)
    notebook.start(1)
    expect(answer(page, 1)).to_contain_text("The mean")
    expect(answer(page, 1)).to_contain_text("…")
    gate.open()
    expect(answer(page, 1).get_by_text("sum(rain) / len(rain)")).to_be_visible()
    expect(answer(page, 1)).not_to_contain_text("…")
    notebook.run(2)
    assert notebook.sources[3].strip() == TESTS.split("```")[1].removeprefix("python\n").strip()
    sources = notebook.sources
    if os.environ.get("WHISPERER_SCREENSHOTS") == "1":
        page.screenshot(path=PICTURES / "magics.png")
    notebook.restart_kernel()
    notebook.do("await jupyterapp.commands.execute('notebook:run-all-cells')")
    for index in (1, 2):
        expect(answer(page, index)).to_contain_text(SAVED)
    assert len(provider.chats()) == 2
    assert notebook.sources == sources


def test_stop_button_ends_the_answer(lab: Lab, page: Page, provider: FakeProvider) -> None:
    """What was said stays, and the mistake that Jupyter shows for it is one line."""
    gate = provider.gate()
    provider.script(Reply([*text("So far"), gate]))
    notebook = opened(lab, page, ASK.replace("{rain}", "this"))
    notebook.start(0)
    expect(answer(page, 0)).to_contain_text("So far")
    notebook.interrupt()
    expect(answer(page, 0)).to_contain_text("The answer was stopped.")
    expect(page.get_by_text("KeyboardInterrupt: stopped")).to_be_visible()
    (error,) = [output for output in notebook.outputs(0) if output["output_type"] == "error"]
    assert error["traceback"] == ["KeyboardInterrupt: stopped"]
    assert provider.chats()[0].closed.wait(10)
    gate.open()
