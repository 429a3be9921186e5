"""Markdown out of text that is not trusted: it looks like the text and brings nothing along.

No HTML of its writer's, no picture from elsewhere, no mathematics that loads one and no heading in a table of contents
survives, and no character that steers a terminal or turns letters around.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from whisperer_kernel.harmless import harmless

# What may stand before a fence or a heading: they may be in a list or a quotation.
_BEFORE = r"^([ \t]*(?:(?:[-*+>]|\d+[.)])[ \t]+)*)"
# In the line of a backtick fence no other backtick follows.
_FENCE = re.compile(_BEFORE + r"(`{3,}(?=[^`]*$)|~{3,})")
_STRAY_FENCE = re.compile(_BEFORE + r"([`~]{3,})", re.MULTILINE)
_TICKS = re.compile(r"`+")
_HEADING = re.compile(_BEFORE + r"#{1,6}[ \t]+(.*)$", re.MULTILINE)
_UNDERLINE = re.compile(r"^( {0,3})([=-]+)([ \t]*)$", re.MULTILINE)
_ELSEWHERE = re.compile(r"\]\((?!\s*(?:https?://|mailto:))", re.IGNORECASE)
# A quotation mark would end an attribute; and JupyterLab's renderer puts mathematics back, as it was written, wherever
# the numbers between @@ and @@ come to stand: in a link's title, too. Of two @ that meet, or would without the
# backslashes between them, the first becomes an entity. One alone, as in an address, meets no other: nothing else that
# may stand between two is taken away without a trace.
_ACTIVE = re.compile(r"""(?<!\\)(\\*)([&<"]|@(?=\\*@))""")
_ENTITIES = {"&": "&amp;", "<": "&lt;", '"': "&quot;", "@": "&#64;"}
_MARKUP = re.compile(r"[&<>\"'`*_\[\]\\$~|@]")
# By these mathematics sets attributes and styles of what it becomes, and loads by them.
_LOADING_TEX = re.compile(r"\\(?=mmlToken|style|bbox|require)")
# Between a backslash and a name: seen by nobody, and no command's.
_WORD_JOINER = "\N{WORD JOINER}"


def safe_markdown(text: str) -> str:
    r"""Markdown that looks like ``text`` and brings nothing along: every ``<`` in it is one of ours.

    Code keeps its characters to the letter, so that it can be copied.

    >>> safe_markdown("# Hi <b>there</b> ![x](http://a.example/x.png)")
    '**Hi &lt;b>there&lt;/b> &#33;[x](http://a.example/x.png)**'
    >>> safe_markdown("`a<b` and\n```html\n<p>\n```")
    '<code>a&#60;b</code> and\n\n<pre><code>&#60;p&#62;\n</code></pre>'
    """
    shown = (_prose(block.text) if block.language is None else code_block(block.text) for block in blocks(text))
    return "\n\n".join(block for block in shown if block)


class Block(NamedTuple):
    """A part of a text: prose, whose ``language`` is None, or what stands between fences."""

    text: str
    language: str | None = None


def blocks(text: str) -> Iterator[Block]:
    r"""Prose and fenced code in turn.

    >>> list(blocks("See:\n```python\nx = 1\n```\nDone."))
    [Block(text='See:', language=None), Block(text='x = 1', language='python'), Block(text='Done.', language=None)]
    """
    prose: list[str] = []
    lines = iter(text.replace("\r", "").split("\n"))
    for line in lines:
        fence = _FENCE.match(line)
        if fence is None:
            prose.append(line)
            continue
        yield Block("\n".join(prose))
        prose = []
        yield Block("\n".join(_flush(_until(lines, fence[2]), len(fence[1]))), line[fence.end() :].strip().lower())
    yield Block("\n".join(prose))


def _until(lines: Iterator[str], mark: str) -> list[str]:
    """The lines of a fenced block; one that is not closed runs to the end of the text."""
    closing = re.compile(rf"^[ \t]*{re.escape(mark[0])}{{{len(mark)},}}[ \t]*$")
    code: list[str] = []
    for line in lines:
        if closing.match(line):
            break
        code.append(line)
    return code


def _flush(lines: list[str], indent: int) -> list[str]:
    """What was indented with its fence is moved out with it."""
    return [line[min(indent, len(line) - len(line.lstrip())) :] for line in lines]


def code_block(text: str) -> str:
    """Code as HTML, to the letter."""
    # A blank line ends an HTML block in some renderers; as an entity it is not blank.
    code = "".join(f"{literal(line) or '&#32;'}\n" for line in text.split("\n")) if text else ""
    return f"<pre><code>{code}</code></pre>"


def _prose(text: str) -> str:
    parts: list[str] = []
    position = 0
    for opening, closing in _spans(text):
        code = text[opening.end() : closing.start()]
        parts += [_plain(text[position : opening.start()]), f"<code>{literal(code)}</code>"]
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
    text = _ACTIVE.sub(_inactive, harmless(text)).replace("![", "&#33;[").replace("]:", "]&#58;")
    text = _LOADING_TEX.sub(lambda found: found[0] + _WORD_JOINER, text)
    return _ELSEWHERE.sub("]&#40;", text)


def _inactive(found: re.Match[str]) -> str:
    # An escaped bracket is a bracket; escaping what it becomes here would show the entity.
    return "&#92;" * (len(found[1]) // 2) + _ENTITIES[found[2]]


def _headless(text: str) -> str:
    text = _STRAY_FENCE.sub(lambda found: found[1] + literal(found[2]), text)
    text = _HEADING.sub(lambda found: found[1] + "**" + found[2].rstrip("#").rstrip(" \t") + "**", text)
    return _UNDERLINE.sub(r"\1\\\2\3", text)


def literal(text: str) -> str:
    """Text in which no renderer finds markup."""
    return _MARKUP.sub(lambda found: f"&#{ord(found[0])};", harmless(text))
