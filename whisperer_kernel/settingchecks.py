"""What is wrong with settings that have the right type and still cannot be used, in words; empty where all is well."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from urllib.parse import urlsplit

from whisperer_kernel import resources
from whisperer_kernel.errors import ConfigError

# What a header's name consists of (RFC 9110, token), and those that say how a request is framed or where it goes, which
# the connection itself writes.
_HEADER = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_FRAMING = frozenset(
    {
        "connection",
        "content-length",
        "expect",
        "host",
        "keep-alive",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)


def bad_address(url: str) -> str:
    """Why a provider cannot be asked there; nothing of the address is repeated, which may hold a secret."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "not an http(s) address"
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        return "not an http(s) address"
    if parts.username or parts.password or parts.query:
        return "must hold no user, password or query; a key goes by api_key_env"
    if not _is_host(parts.hostname):
        return "holds no name that a host can have"
    try:
        return "" if parts.port != 0 else "its port must be between 1 and 65535"
    except ValueError:
        return "its port must be between 1 and 65535"


def _is_host(name: str) -> bool:
    """Whether it can be looked up: one that cannot be encoded would fail in the middle of a turn."""
    try:
        return not re.search(r"[^!-~]", name.encode("idna").decode("ascii"))
    except UnicodeError:
        return False


def bad_headers(headers: Mapping[str, str]) -> str:
    """Why a request cannot carry these. No name is repeated but those that are known: it may be a secret."""
    if framing := sorted(name for name in headers if name.lower() in _FRAMING):
        return f"{', '.join(framing)}: the connection sets this itself"
    if not all(_HEADER.fullmatch(name) for name in headers):
        return "one of the names is none that a header can have"
    if not all(value.isascii() and value.isprintable() for value in headers.values()):
        return "one of the values holds line breaks or other characters that a header cannot hold"
    return ""


def bad_path(name: str) -> str:
    """Why no file can have this name; whether there is one is seen where it is read."""
    try:
        os.fsencode(resources.expanded(name))
    except ConfigError as error:
        return str(error)
    except UnicodeError:
        return "holds half a character (a lone surrogate)"
    return "holds a null character" if "\0" in name else ""
