"""A question for a yes in words: all that it holds is seen, and what is too long is said to be cut."""

from __future__ import annotations

import pytest

from whisperer_kernel.notebook.permission import PermissionQuestion, in_words, visible


def question(preview: str | None) -> str:
    """The words of a question with this preview."""
    return in_words(PermissionQuestion(agent="alice", tool="run", arguments={"code": "1 + 1"}, preview=preview))


def test_arguments_stand_in_for_a_preview() -> None:
    """A tool that cannot say what will happen is shown with what it is given."""
    assert question(None) == 'Alice asks to use run:\n\n    {\n      "code": "1 + 1"\n    }\n'


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("tab\tand\nline", "tab\tand\nline"),
        ("\x1b[1A\r\x08", "\\x1b[1A\\r\\x08"),
        ("\u202eabc\u2066\u200b", "\\u202eabc\\u2066\\u200b"),
        ("\u2028\x85", "\\u2028\\x85"),
        ("Grüße, 世界 🙂", "Grüße, 世界 🙂"),
    ],
)
def test_nothing_is_hidden(text: str, shown: str) -> None:
    """What steers a terminal, turns or hides letters stands as an escape; letters of any script stay."""
    assert visible(text) == shown


def test_all_of_it_is_shown() -> None:
    """The middle of long code, too: a yes is to what was seen."""
    code = "\n".join(map(str, range(1_000)))
    assert question(code).splitlines()[2:] == [f"    {number}" for number in range(1_000)]
