"""Takes secrets out of what tests say, before it goes to a log, a model, a person."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
from jupyter_core.paths import jupyter_runtime_dir

HIDDEN = "[secret]"
SHORTEST = 6
"""What is shorter is a word like any other."""
MAX_FILES = 200

_NAMES = re.compile(r"KEY|TOKEN|SECRET|PASSWORD|PASSWD|CREDENTIAL", re.IGNORECASE)
_SHAPES = re.compile(
    r"""
    \b(?:sk|pk|rk)[-_](?=[\w-]*\d)[\w-]{16,}                # OpenAI, OpenRouter, Anthropic, Stripe
    | \b(?:gh[opsur]_|github_pat_|glpat-|hf_|gsk_|xai-|xox[abprs]-|npm_|pypi-)[\w-]{16,}
    | \bAKIA[0-9A-Z]{16}\b | \bAIza[\w-]{35}
    | \beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]{8,}                  # JSON web tokens
    | (?<![0-9a-f])[0-9a-f]{48}(?![0-9a-f])                 # Jupyter's own
    | (?<=Bearer\ )\S{8,} | (?<=[?&]token=)[^\s&'"]+
    | -----BEGIN\ [A-Z ]*PRIVATE\ KEY-----.*?(?:-----END\ [A-Z ]*PRIVATE\ KEY-----|\Z)
    """,
    re.VERBOSE | re.DOTALL,
)


def redactor(environ: Mapping[str, str] = os.environ) -> Callable[[str], str]:
    """What replaces the secrets that this process knows now, and whatever has the shape of one."""
    known = sorted({*_of_environment(environ), *_of_jupyter()}, key=len, reverse=True)
    pattern = re.compile("|".join(map(re.escape, known))) if known else None

    def redacted(text: str) -> str:
        return _SHAPES.sub(HIDDEN, pattern.sub(HIDDEN, text) if pattern else text)

    return redacted


def _of_environment(environ: Mapping[str, str]) -> Iterator[str]:
    for name, value in environ.items():
        if _NAMES.search(name) and len(value) >= SHORTEST:
            yield value


def _of_jupyter() -> Iterator[str]:
    """Tokens of servers and keys of kernels, from the files by which they are found."""
    for number, file in enumerate(Path(jupyter_runtime_dir()).glob("*.json")):
        if number >= MAX_FILES:
            return
        info = _read(file)
        yield from (value for name in ("token", "key", "password") if len(value := str(info.get(name, ""))) >= SHORTEST)


def _read(file: Path) -> dict[str, Any]:
    try:
        found = msgspec.json.decode(file.read_bytes())
    except (OSError, msgspec.DecodeError):
        return {}
    return found if isinstance(found, dict) else {}
