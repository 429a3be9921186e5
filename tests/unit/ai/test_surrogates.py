"""Lone surrogates never get further than here."""

from __future__ import annotations

from hypothesis import given, strategies as st

from whisperer_kernel.ai.surrogates import SurrogateJoiner, mended

anything = st.text(st.characters(exclude_categories=()))
# Few letters, so that pairs and halves come about often.
halves = st.text(st.sampled_from("\ud83d\ude00a😀"), max_size=12)


@given(anything | halves)
def test_mended_text_can_be_encoded(text: str) -> None:
    """Whatever it was, and text that was sound is left alone."""
    assert mended(mended(text)) == mended(text).encode().decode()


@given(halves, st.lists(st.integers(min_value=0, max_value=50)))
def test_any_cut_gives_the_same_text(text: str, cuts: list[int]) -> None:
    """Chunks may end inside a pair."""
    joiner = SurrogateJoiner()
    places = sorted({cut % (len(text) + 1) for cut in cuts})
    parts = [text[start:end] for start, end in zip([0, *places], [*places, len(text)], strict=True)]
    assert "".join(joiner.feed(part) for part in parts) + joiner.flush() == mended(text)


def test_pair_that_was_cut_is_put_together() -> None:
    """A lone half is replaced when it is known to be lone."""
    joiner = SurrogateJoiner()
    assert [joiner.feed(part) for part in ("a\ud83d", "\ude00b\ud83d", "c")] == ["a", "😀b", "\ufffdc"]
    assert (joiner.feed("\ud83d"), joiner.flush(), joiner.flush()) == ("", "\ufffd", "")
