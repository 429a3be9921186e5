"""A question for a yes in words: all that it holds is seen, and what is too long is said to be cut."""

from __future__ import annotations

import pytest

from whisperer_kernel.notebook.permission import MAX_CHARS, MAX_LINES, PermissionQuestion, in_words, visible


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


def test_long_preview_is_cut_in_its_middle() -> None:
    """Beginning and end are shown, with how much is not: whoever says yes knows."""
    words = question("first" + "x" * (MAX_CHARS + 90) + "last!")
    assert words.count("x") == MAX_CHARS - len("first" + "last!")
    assert "first" in words
    assert words.endswith("last!\n")
    assert "[cut: 100 characters are not shown]" in words
    lines = question("\n".join(map(str, range(MAX_LINES + 5)))).splitlines()
    assert len(lines) < MAX_LINES + 5
    assert "    [cut: 5 lines are not shown]" in lines
    assert lines[-1] == f"    {MAX_LINES + 4}"
