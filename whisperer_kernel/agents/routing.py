"""``@tessa …`` at the start of a message sends that one message to Tessa."""

from __future__ import annotations

from collections.abc import Mapping

_ENDS = " \t\r\n,:"


def addressed(text: str, names: Mapping[str, str]) -> tuple[str | None, str]:
    """The agent whom a message is addressed to and the message without the address.

    A name that nobody bears, an e-mail address or a decorator leaves the text as it is.

    Args:
        text: The message.
        names: By what an agent may be called, ids and names alike, each with the agent's id. Case does not matter.

    >>> addressed("@Tessa, test this", {"tessa": "tessa"})
    ('tessa', 'test this')
    >>> addressed("@property means?", {"tessa": "tessa"})
    (None, '@property means?')
    """
    address = text.lstrip()
    if address.startswith("@"):
        for name in sorted(names, key=len, reverse=True):
            head, rest = address[1 : len(name) + 1], address[len(name) + 1 :]
            if head.casefold() == name.casefold() and (not rest or rest[0] in _ENDS):
                return names[name], _without_separator(rest)
    return None, text


def _without_separator(rest: str) -> str:
    rest = rest.lstrip()
    return rest[1:].lstrip() if rest[:1] in {",", ":"} else rest
