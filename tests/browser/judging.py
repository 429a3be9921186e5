"""What axe finds in what is shown, in every look a person may have chosen."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.browser.lab import Notebook

AXE = Path(__file__).parents[2] / "jupyter_ext" / "ui" / "node_modules" / "axe-core" / "axe.min.js"
# JupyterLab's body is 0 pixels high and hides what overflows: axe would take everything for off screen.
JUDGE = """async where => {
  const judged = document.querySelector(where);
  const chat = judged.closest(".whisperer") ?? judged.querySelector(".whisperer") ?? judged;
  document.body.style.overflow = "visible";
  chat.style.maxHeight = "none";
  // What is far from view is not painted, and axe judges only what is.
  for (const row of chat.querySelectorAll("article")) row.style.contentVisibility = "visible";
  // Of colours that the system forces axe knows too little to judge them.
  const areOurs = !matchMedia("(forced-colors: active)").matches;
  const found = await axe.run(judged, { rules: { "color-contrast": { enabled: areOurs } } });
  document.body.style.overflow = "";
  chat.style.maxHeight = "";
  for (const row of chat.querySelectorAll("article")) row.style.contentVisibility = "";
  return found;
}"""


def violations(notebook: Notebook, where: str = ".whisperer", seen: str = "Hello, I am Alice.") -> list[str]:
    """What axe finds there, serious or critical. It must have judged ``seen``, but in high contrast."""
    notebook.page.evaluate(AXE.read_text())
    judged: dict[str, Any] = notebook.page.evaluate(JUDGE, where)
    legible = [
        node["html"]
        for one in judged["passes"] + judged["violations"]
        if one["id"] == "color-contrast"
        for node in one["nodes"]
    ]
    is_forced = notebook.page.evaluate("matchMedia('(forced-colors: active)').matches")
    assert is_forced or any(seen in html for html in legible), f"axe did not see {seen!r}"
    return [
        f"{one['id']} ({one['impact']}): {node['html'][:160]} {node['failureSummary']}"
        for one in judged["violations"]
        if one["impact"] in {"serious", "critical"}
        for node in one["nodes"]
    ]


def looks(notebook: Notebook) -> Iterator[str]:
    """Light, dark, and high contrast in both, one after the other; light at the end."""
    for theme in ("JupyterLab Light", "JupyterLab Dark"):
        notebook.set_theme(theme)
        yield theme
        notebook.page.emulate_media(forced_colors="active", reduced_motion="reduce")
        yield f"{theme}, high contrast"
        notebook.page.emulate_media(forced_colors="none", reduced_motion="reduce")
