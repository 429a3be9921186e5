"""The conversation as an output of its own under the widget.

A widget is gone when a saved notebook is opened with another kernel; markdown is not. So the conversation also stands
in the notebook as markdown, renewed at each turn's end. What models and users wrote is data there: no HTML of theirs,
no image from elsewhere and no heading in the notebook's table of contents survives.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from IPython import get_ipython

# What may stand before a fence or a heading: they may be in a list or a quotation.
_BEFORE = r"^([ \t]*(?:(?:[-*+>]|\d+[.)])[ \t]+)*)"
# In the line of a backtick fence no other backtick follows.
_FENCE = re.compile(_BEFORE + r"(`{3,}(?=[^`]*$)|~{3,})")
_STRAY_FENCE = re.compile(_BEFORE + r"([`~]{3,})", re.MULTILINE)
_TICKS = re.compile(r"`+")
_HEADING = re.compile(_BEFORE + r"#{1,6}[ \t]+(.*)$", re.MULTILINE)
_UNDERLINE = re.compile(r"^( {0,3})([=-]+)([ \t]*)$", re.MULTILINE)
_ELSEWHERE = re.compile(r"\]\((?!\s*(?:https?://|mailto:))", re.IGNORECASE)
_MARKUP = re.compile(r"[&<>\"'`*_\[\]\\$~|]")
_NAMES = {"length": "cut off", "content_filter": "cut off by a filter", "cancelled": "stopped", "max_rounds": "stopped"}


def transcript_markdown(history: Sequence[Mapping[str, Any]]) -> str:
    """The conversation, folded away; an empty one is an empty text.

    Args:
        history: finished messages as :attr:`Chat.history` holds them: ``role``, ``agent``, ``content`` and, where the
            turn did not end as it should, ``finishReason`` and ``error``.
    """
    if not history:
        return ""
    count = "1 message" if len(history) == 1 else f"{len(history)} messages"
    parts = [f"<details>\n<summary>Saved copy of the conversation: {count}</summary>"]
    parts += [_message(item) for item in history]
    return "\n\n".join([*parts, "</details>"])


def _message(item: Mapping[str, Any]) -> str:
    parts = [f"**{_author(item)}**{_ending(item)}", safe_markdown(str(item.get("content") or ""))]
    return "\n\n".join(part for part in parts if part)


def _author(item: Mapping[str, Any]) -> str:
    return "You" if item.get("role") == "user" else _literal(str(item.get("agent") or "agent").capitalize())


def _ending(item: Mapping[str, Any]) -> str:
    if error := item.get("error"):
        return f" (failed: {_literal(str(error))})"
    reason = item.get("finishReason")
    return "" if reason in {None, "stop"} else f" ({_literal(_NAMES.get(str(reason), str(reason)))})"


def safe_markdown(text: str) -> str:
    r"""Markdown that looks like ``text`` and brings nothing along: every ``<`` in it is one of ours.

    Code keeps its characters to the letter, so that it can be copied.

    >>> safe_markdown("# Hi <b>there</b> ![x](http://a.example/x.png)")
    '**Hi &lt;b>there&lt;/b> &#33;[x](http://a.example/x.png)**'
    >>> safe_markdown("`a<b` and\n```html\n<p>\n```")
    '<code>a&#60;b</code> and\n\n<pre><code>&#60;p&#62;\n</code></pre>'
    """
    blocks: list[str] = []
    prose: list[str] = []
    lines = iter(text.replace("\r", "").split("\n"))
    for line in lines:
        fence = _FENCE.match(line)
        if fence is None:
            prose.append(line)
            continue
        blocks.append(_prose("\n".join(prose)))
        prose = []
        blocks.append(_code_block(_until(lines, fence[2]), indent=len(fence[1])))
    return "\n\n".join(block for block in [*blocks, _prose("\n".join(prose))] if block)


def _until(lines: Iterator[str], mark: str) -> list[str]:
    """The lines of a fenced block; one that is not closed runs to the end of the text."""
    closing = re.compile(rf"^[ \t]*{re.escape(mark[0])}{{{len(mark)},}}[ \t]*$")
    code: list[str] = []
    for line in lines:
        if closing.match(line):
            break
        code.append(line)
    return code


def _code_block(lines: list[str], indent: int) -> str:
    # What was indented with its fence is moved out with it.
    flush = [line[min(indent, len(line) - len(line.lstrip())) :] for line in lines]
    # A blank line ends an HTML block in some renderers; as an entity it is not blank.
    code = "".join(f"{_literal(line) or '&#32;'}\n" for line in flush)
    return f"<pre><code>{code}</code></pre>"


def _prose(text: str) -> str:
    parts: list[str] = []
    position = 0
    for opening, closing in _spans(text):
        code = text[opening.end() : closing.start()]
        parts += [_plain(text[position : opening.start()]), f"<code>{_literal(code)}</code>"]
        position = closing.end()
    return _headless("".join([*parts, _plain(text[position:])]).strip("\n"))


def _spans(text: str) -> Iterator[tuple[re.Match[str], re.Match[str]]]:
    """The backticks around each code span: as many close it as opened it, the next that do."""
    runs = list(_TICKS.finditer(text))
    nearest: dict[int, int] = {}
    closing: list[int | None] = []
    for index in reversed(range(len(runs))):
        closing.append(nearest.get(len(runs[index][0])))
        nearest[len(runs[index][0])] = index
    position = 0
    for index, end in enumerate(reversed(closing)):
        if index >= position and end is not None:
            yield runs[index], runs[end]
            position = end + 1


def _plain(text: str) -> str:
    # An escaped bracket is a bracket; escaping what it becomes here would show the entity.
    text = (
        text.replace("\\<", "<")
        .replace("&", "&amp;")
        .replace("<", "&lt;")
        .replace("![", "&#33;[")
        .replace("]:", "]&#58;")
    )
    return _ELSEWHERE.sub("]&#40;", text)


def _headless(text: str) -> str:
    text = _STRAY_FENCE.sub(lambda found: found[1] + _literal(found[2]), text)
    text = _HEADING.sub(lambda found: found[1] + "**" + found[2].rstrip("#").rstrip(" \t") + "**", text)
    return _UNDERLINE.sub(r"\1\\\2\3", text)


def _literal(text: str) -> str:
    """Text in which no renderer finds markup."""
    return _MARKUP.sub(lambda found: f"&#{ord(found[0])};", text)


class TranscriptOutput:
    """Where the transcript stands: an output of the cell that showed the widget, made when there is something to show.

    Outside a kernel, in IPython's terminal for instance, there is no such place, and nothing happens.
    """

    def __init__(self) -> None:
        self._display_id = uuid.uuid4().hex
        self._cell: dict[str, Any] | None = None
        self._made = False

    def stand_here(self) -> None:
        """Remember the cell that runs now. In another cell than before, the transcript moves there."""
        request = _running_cell()
        if request is None or request == self._cell:
            return
        self._cell = request
        self._made = False
        self._display_id = uuid.uuid4().hex

    def show(self, markdown: str) -> None:
        """Show this text from now on."""
        if self._cell is None or not (self._made or markdown):
            return
        _publish(self._cell, self._display_id, markdown, update=self._made)
        self._made = True


def _running_cell() -> dict[str, Any] | None:
    """The request that executes a cell at this moment."""
    kernel = getattr(get_ipython(), "kernel", None)
    request: dict[str, Any] = (kernel.get_parent() if kernel is not None else None) or {}
    is_cell = request.get("header", {}).get("msg_type") == "execute_request"
    return request if is_cell else None


def _publish(cell: dict[str, Any], display_id: str, markdown: str, *, update: bool) -> None:
    """Like ``IPython.display.display``, but for that cell: we are called when the cell is long done."""
    publisher = get_ipython().display_pub
    content = {
        "data": {"text/markdown": markdown, "text/plain": "Conversation with Whisperer" if markdown else ""},
        "metadata": {},
        "transient": {"display_id": display_id},
    }
    kind = "update_display_data" if update else "display_data"
    publisher.session.send(publisher.pub_socket, kind, content, parent=cell, ident=publisher.topic)
