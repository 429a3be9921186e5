"""The conversation as markdown: code spans and headings, in a time that grows with the length."""

from __future__ import annotations

import time

import pytest

from whisperer_kernel.markdown import safe_markdown
from whisperer_kernel.notebook.transcript import messages_markdown


@pytest.mark.parametrize(
    "text",
    [
        "# " + "#" * 200_000 + "x",
        "# x" + " " * 200_000 + "x",
        "#" + " " * 200_000 + "x",
        "".join("`" * length + "a" for length in range(1, 800)),
        "`a``" * 80_000,
        "- " * 100_000 + "x",
        "=" * 200_000 + "x",
        "1" * 200_000,
    ],
)
def test_time_grows_with_length_alone(text: str) -> None:
    """A model may write anything, and the kernel waits for it."""
    began = time.thread_time()
    safe_markdown(text)
    assert time.thread_time() - began < 1


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("`a` b `c`", "<code>a</code> b <code>c</code>"),
        ("``a`b`` c", "<code>a&#96;b</code> c"),
        ("`a``b c` d", "<code>a&#96;&#96;b c</code> d"),
        ("``a `b` c", "``a <code>b</code> c"),
        ("`a ``b", "`a ``b"),
        ("`a\n\nb`", "<code>a\n\nb</code>"),
    ],
)
def test_code_span_ends_at_as_many_backticks(text: str, shown: str) -> None:
    """Others inside belong to the code; what is never closed is text."""
    assert safe_markdown(text) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\x1b[2J \u202eb\u2066", "a�[2J �b�"),
        ("`a\x1b` and\n~~~\n\u202eb\n~~~", "<code>a�</code> and\n\n<pre><code>�b\n</code></pre>"),
        ("שלום\u200f ، 👩\u200d🔬", "שלום\u200f ، 👩\u200d🔬"),
    ],
)
def test_nothing_steers_where_it_is_shown(text: str, shown: str) -> None:
    """Neither a terminal nor the order of letters; marks that a script or an emoji needs stay."""
    assert safe_markdown(text) == shown


def test_who_spoke_and_what_failed_steer_nothing() -> None:
    """An agent's name and an error's words are no more trusted than what was said."""
    failed = {"role": "assistant", "agent": "b\u202eob", "content": "", "error": "no\x1b[2J"}
    assert messages_markdown([failed]) == "**B�ob** (failed: no�&#91;2J)"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("# a", "**a**"),
        ("###### a b ##", "**a b**"),
        ("- ## a#b \t#", "- **a#b**"),
        ("# ##", "****"),
        ("####### a", "####### a"),
        ("#a", "#a"),
    ],
)
def test_heading_is_bold_text(text: str, shown: str) -> None:
    """So that it does not stand in the notebook's table of contents."""
    assert safe_markdown(text) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (r"$\style{color:red}{x}$", "$\\\N{WORD JOINER}style{color:red}{x}$"),
        (r"$\mmlToken{mi}{x}$", "$\\\N{WORD JOINER}mmlToken{mi}{x}$"),
        (r"$\sty + \frac{1}{2}$", r"$\sty + \frac{1}{2}$"),
        ("@@0@@", "&#64;@0&#64;@"),
        ("@@@", "&#64;&#64;@"),
        ("ada@a.example, @alice", "ada@a.example, @alice"),
        (r"@\\\@ \@", r"&#64;\\\@ \@"),
        ("@\r@\x00@", "&#64;@�@"),
        (r'[x](https://a.example "@\@0@\@")', r"[x](https://a.example &quot;&#64;\@0&#64;\@&quot;)"),
        (r"a \\@ \" \& b", r"a \\@ &quot; &amp; b"),
    ],
)
def test_mathematics_sets_no_attributes(text: str, shown: str) -> None:
    """JupyterLab typesets the rest; what its renderer uses itself cannot be written."""
    assert safe_markdown(text) == shown
