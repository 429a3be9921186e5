"""What a long conversation costs the browser, beside a short one.

``python bench/conversations.py`` prints a table: how long the page is busy until a conversation of so many messages
stands, its scripts loaded, and for each chunk of one more reply. Both are time of the page's main thread (scripts,
style, layout, paint), as Chromium counts it, for the view on its own page with a server played within it; the ratios to
the shortest conversation, in the same run, say more than the milliseconds.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

from playwright.sync_api import Browser, CDPSession, Page, sync_playwright

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.browser.conftest import DEBIANS, FLAGS

ADDRESS = re.compile(r"http://127\.0\.0\.1:\d+/")
UI = Path(__file__).parents[1] / "jupyter_ext" / "ui"
TURNS = (10, 100, 1_000)
CHUNKS = 30
TIMES = 3
# A frame to paint in, and one to see that it is over.
FRAMES = "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"
STANDS = "turns => document.querySelectorAll('article').length === 2 * turns + 1"


def main() -> None:
    """Measure conversations of each length, several times in turn."""
    with served() as url, sync_playwright() as playwright:
        program = os.environ.get("WHISPERER_CHROMIUM") or (DEBIANS if DEBIANS.exists() else None)
        browser = playwright.chromium.launch(executable_path=program, args=FLAGS)
        costs = {turns: [measure(browser, url, turns) for _ in range(TIMES)] for turns in TURNS}
        browser.close()
    print(f"{'messages':>8}{'paint ms':>10}{'ratio':>8}{'chunk ms':>10}{'ratio':>8}")
    first = None
    for turns, measured in costs.items():
        paint, chunk = (median(column) for column in zip(*measured, strict=True))
        first = first or (paint, chunk)
        print(f"{2 * turns:>8}{paint:>10.1f}{paint / first[0]:>8.1f}{chunk:>10.2f}{chunk / first[1]:>8.1f}")


def measure(browser: Browser, url: str, turns: int) -> tuple[float, float]:
    """Milliseconds until the conversation stands, and for each chunk of a further reply."""
    with browser.new_page() as page:
        busy = page.context.new_cdp_session(page)
        busy.send("Performance.enable")
        page.goto(f"{url}?scene=many&turns={turns}")
        page.wait_for_function(STANDS, arg=turns)
        page.evaluate(FRAMES)
        paint = milliseconds(busy)
        chunks(page, busy)
        return paint, chunks(page, busy) / CHUNKS


def chunks(page: Page, busy: CDPSession) -> float:
    """Milliseconds for the chunks of one more reply, each sent when the one before it is seen."""
    before = milliseconds(busy)
    page.evaluate(
        f"""async chunks => {{
            const frames = {FRAMES};
            window.said ??= 0;
            for (const end = said + chunks; said < end; said += 1) {{
                session.say('more', 'alice').chunk(`word ${{said}}.`);
                do await frames();
                while (!view.element.querySelector('article:last-child').textContent.includes(`word ${{said}}.`));
            }}
        }}""",
        CHUNKS,
    )
    return milliseconds(busy) - before


def milliseconds(busy: CDPSession) -> float:
    """How long the page's main thread has been busy."""
    metrics = {metric["name"]: metric["value"] for metric in busy.send("Performance.getMetrics")["metrics"]}
    return float(metrics["TaskDuration"]) * 1_000


@contextmanager
def served() -> Iterator[str]:
    """The page for working on the view; its address."""
    with subprocess.Popen(["node", "build.mjs", "--dev"], cwd=UI, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield next(found[0] for line in process.stdout or () if (found := ADDRESS.search(line)))
        finally:
            process.terminate()


if __name__ == "__main__":
    main()
