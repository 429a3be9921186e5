"""Keys of providers: in memory as the person entered them, in the environment, in the operating system's keyring.

In that order. A key is never written to a file, never put into ``os.environ``, where every kernel would inherit it, and
never part of an event.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from typing import Any, Literal

from whisperer_kernel.errors import InvalidParams, WhispererError

KeySource = Literal["entered", "environment", "keyring"]

SERVICE = "whisperer"
"""Under this name keys are kept in the keyring; the user name there is the environment variable's."""

KEYRING_S = 10.0
"""How long the keyring is waited for; a locked one may ask the person for a password first."""

MAX_KEY_CHARS = 1_000


class NoKeyring(WhispererError):
    """There is no keyring here, or it does not answer."""


class Keys(Mapping[str, str]):
    """The environment as providers are chosen by it, with the keys that were entered and those of the keyring."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self._entered: dict[str, str] = {}
        self._remembered: dict[str, str] = {}
        self._looked_up: set[str] = set()

    def __getitem__(self, variable: str) -> str:
        for keys in (self._entered, self._environ, self._remembered):
            if value := keys.get(variable):
                return value
        raise KeyError(variable)

    def __iter__(self) -> Iterator[str]:
        # What is set to nothing is not there, as for a lookup: an environment may hold empty variables.
        kept = (self._remembered, self._environ, self._entered)
        return iter({variable: None for keys in kept for variable, value in keys.items() if value})

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def source(self, variable: str) -> KeySource | None:
        """Where the key of this variable comes from; None where there is none."""
        if self._entered.get(variable):
            return "entered"
        if self._environ.get(variable, "").strip():
            return "environment"
        return "keyring" if self._remembered.get(variable) else None

    async def look_up(self, variables: tuple[str, ...]) -> None:
        """Take over from the keyring what neither the person nor the environment has said. Asks for each key once."""
        for variable in variables:
            if self.source(variable) is None and variable not in self._looked_up:
                self._looked_up.add(variable)
                try:
                    found = await _with_keyring("get_password", SERVICE, variable)
                except NoKeyring:
                    return
                if isinstance(found, str):
                    self._remembered[variable] = found

    async def enter(self, variable: str, key: str, *, remember: bool) -> None:
        """Use this key from now on. Raises ``InvalidParams``; ``NoKeyring`` where it cannot be remembered."""
        checked = check_key(key, "The key")
        if remember:
            await _with_keyring("set_password", SERVICE, variable, checked)
            self._remembered[variable] = checked
        self._entered[variable] = checked

    async def forget(self, variable: str) -> None:
        """Forget the key that was entered, in the keyring too. The environment's stays."""
        self._entered.pop(variable, None)
        await self.look_up((variable,))
        if self._remembered.pop(variable, None) is not None:
            await _with_keyring("delete_password", SERVICE, variable)


async def has_keyring() -> bool:
    """Whether keys can be remembered in a keyring here."""
    return await asyncio.to_thread(_backend) is not None


def check_key(key: str, what: str) -> str:
    """The key without white space around it. Raises ``InvalidParams`` where it cannot be one."""
    key = key.strip()
    if not key:
        raise InvalidParams(f"{what} is empty.")
    if len(key) > MAX_KEY_CHARS or not (key.isascii() and key.isprintable()):
        raise InvalidParams(f"{what} holds characters that no key has, or too many; was it copied whole?")
    return key


def _backend() -> Any:
    """The keyring package, where it is installed and a keyring of the operating system stands behind it; else None."""
    try:
        import keyring  # noqa: PLC0415 - an optional package, and slow to load
        from keyring.backends import fail, null  # noqa: PLC0415
    except ImportError:
        return None
    return None if isinstance(keyring.get_keyring(), fail.Keyring | null.Keyring) else keyring


async def _with_keyring(function: str, *arguments: str) -> Any:
    """Call the keyring on a thread of its own: it may wait for the person. Raises ``NoKeyring``."""
    try:
        async with asyncio.timeout(KEYRING_S):
            return await asyncio.to_thread(_call_keyring, function, arguments)
    except TimeoutError:
        raise NoKeyring(f"The keyring did not answer within {KEYRING_S:.0f} s.") from None


def _call_keyring(function: str, arguments: tuple[str, ...]) -> Any:
    keyring = _backend()
    if keyring is None:
        raise NoKeyring("There is no keyring of the operating system here; the key can be kept in memory only.")
    try:
        return getattr(keyring, function)(*arguments)
    except Exception as error:  # noqa: BLE001 - each backend has errors of its own, which may quote what they were given
        raise NoKeyring(f"The keyring refused: {type(error).__name__}.") from None
