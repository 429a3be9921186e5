"""Whether a message asks something, to be answered in words, or wants something done."""

from __future__ import annotations

import re

# "Can you …" wants something done.
_QUESTION = re.compile(
    r"\W*((hi|hello|hey|hallo|so|and|but|please|bitte)\W+)*"
    r"(how|what|which|why|when|where|who|is|are|was|were|does|did|should|shall|do (i|we|you|they|the)|explain|describe"
    r"|wie|welche[rsnm]?|warum|wieso|wann|wo|wer|ist|sind|soll(te)?n?|erklär\w*"
    r"|cómo|qué|cuál(es)?|cuándo|por qué|как|что|какие|почему|зачем|когда)\b",
    re.IGNORECASE,
)


def is_question(message: str) -> bool:
    """Whether it begins like a question.

    >>> is_question("How do I test this?"), is_question("Can you test this?")
    (True, False)
    """
    return _QUESTION.match(message) is not None
