"""What went wrong, in words for the person in front of the screen; never a key, never a page of HTML.

Every HTTP status, error object and exception of the transport becomes a ``ProviderError`` here and nowhere else.
"""

from __future__ import annotations

import email.utils
import math
import re
import socket
import ssl
import time
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import quote, urlsplit

import httpx
import msgspec

from whisperer_kernel.ai.surrogates import mended
from whisperer_kernel.errors import ErrorKind, ProviderError

DETAIL_CHARS = 300
"""How much of a provider's own words is shown."""

READ_CHARS = 4_096
"""How much of them is looked at: what is shown of it may lie between white space."""

LONGEST_WAIT_S = 1e9
_HIDDEN = "[key]"
TAIL_CHARS = 12
"""The part of a key behind its prefix is a secret by itself where it is at least this long."""
_KEY_LIKE = re.compile(r"\b(?:sk|pk|key|gsk|xai|hf)[-_][\w*-]{8,}|(?<=Bearer )\S+", re.IGNORECASE)
_PAGE = re.compile(rb"\s*<(?:!doctype|html)", re.IGNORECASE)
# What is not closed runs to the end, and nothing is gone back over: the time grows with the length and no faster.
_TAGS = re.compile(r"<(script|style|title)\b.*?(?:</\1\b[^>]*+>?|\Z)|<[a-z/!?][^>]*+>?", re.IGNORECASE | re.DOTALL)
_CONTEXT = re.compile(
    r"context[ _-](?:length|window|size)|maximum context|exceed_context|prompt is too long|too many tokens",
    re.IGNORECASE,
)
_KINDS: dict[int, ErrorKind] = {
    HTTPStatus.UNAUTHORIZED: "auth",
    HTTPStatus.FORBIDDEN: "auth",
    HTTPStatus.PAYMENT_REQUIRED: "credit",
    HTTPStatus.TOO_MANY_REQUESTS: "rate_limited",
}
_MAY_BE_LENGTH = {HTTPStatus.BAD_REQUEST, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, HTTPStatus.UNPROCESSABLE_ENTITY}
_MAY_ASK_TO_WAIT = {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE}


class Failures:
    """Words for the failures of one provider. ``key_name`` is the environment variable its key came from."""

    def __init__(self, label: str, key_name: str | None = None, secrets: Iterable[str] = ()) -> None:
        self.label = label
        self._key_name = key_name
        self._secrets = _pattern(secrets)

    def scrub(self, text: str) -> str:
        """``text`` without secrets and control characters, on one line and of bounded length."""
        text = mended(self._hide(text)[:READ_CHARS])
        text = "".join(character if character.isprintable() else " " for character in text)
        text = " ".join(self._hide(text).split())
        return text if len(text) <= DETAIL_CHARS else text[:DETAIL_CHARS].rstrip() + " …"

    def _hide(self, text: str) -> str:
        return _KEY_LIKE.sub(_HIDDEN, self._secrets.sub(_HIDDEN, text))

    def of_status(self, status: int, headers: Mapping[str, str], body: bytes) -> ProviderError:
        """A reply whose status is not 200."""
        detail = self._detail(body)
        if HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
            return self._redirect(status, headers.get("location", ""))
        if status in _MAY_BE_LENGTH and _CONTEXT.search(detail):
            return self._too_long(detail, status)
        kind = _KINDS.get(status, "server" if status >= HTTPStatus.INTERNAL_SERVER_ERROR else "bad_request")
        retry_after = retry_after_s(headers.get("retry-after")) if status in _MAY_ASK_TO_WAIT else None
        return ProviderError(kind, self._words(status, detail, retry_after), status=status, retry_after=retry_after)

    def in_stream(self, error: Any, *, began: bool) -> ProviderError:
        """An error object where text should have come; None: a finish reason that says no more than "error"."""
        detail = self._error_words(error)
        if not began and _CONTEXT.search(detail):
            return self._too_long(detail, None)
        when = "broke off its reply" if began else "failed before it said anything"
        return ProviderError("stream", f"{self.label} {when}{_colon(detail)}. You can send the message again.")

    def not_a_reply(self, body: bytes) -> ProviderError:
        """A good status over something that is no reply."""
        detail = self._detail(body)
        thing = "a web page instead of a reply" if _PAGE.match(body) else "something that is not a reply"
        what = f"{thing}{_colon(detail)}" if detail else "an empty reply"
        return ProviderError("protocol", f"{self.label} sent {what}. Is provider.base_url the address of its API?")

    def encoded(self) -> ProviderError:
        """A reply that would have to be unpacked first."""
        text = f"{self.label} sent a compressed reply, although it was asked not to. Is there a proxy that can be told?"
        return ProviderError("protocol", text)

    def of_timeout(self, kind: ErrorKind, seconds: float) -> ProviderError:
        """One of the three timeouts."""
        words = {
            "timeout_connect": "could not be reached within",
            "timeout_first_byte": "took the message and did not begin to answer within",
            "timeout_idle": "broke off its reply: nothing new came for",
        }
        text = f"{self.label} {words[kind]} {seconds:g} s."
        return ProviderError(kind, text + (_ONCE if kind == "timeout_first_byte" else " Try again."))

    def of_transport(self, error: Exception, *, sent: bool) -> ProviderError:
        """An exception of httpx before the reply began. ``sent``: the request was on its way already."""
        if isinstance(error, httpx.ConnectTimeout):
            return ProviderError("timeout_connect", f"{self.label} could not be reached in time. Try again.")
        if isinstance(error, httpx.LocalProtocolError):
            return ProviderError("bad_request", f"A header for {self.label} cannot be sent: see provider.headers.")
        if isinstance(error, httpx.RemoteProtocolError) and "disconnected" not in str(error):
            return ProviderError("protocol", f"{self.label} did not answer in HTTP. Is provider.base_url right?")
        if not sent:
            return ProviderError("unavailable", f"{self.label} cannot be reached: {_cause(error)}.")
        return ProviderError("unavailable", f"The connection to {self.label} broke before it answered.{_ONCE}")

    def _redirect(self, status: int, location: str) -> ProviderError:
        try:
            host = urlsplit(location).hostname
        except ValueError:
            host = None
        target = f" to {self.scrub(host)}" if host else ""
        return ProviderError(
            "protocol",
            f"{self.label} redirects{target}; redirects are not followed, so that the key stays where it belongs. "
            "Set provider.base_url to the API itself.",
            status=status,
        )

    def _too_long(self, detail: str, status: int | None) -> ProviderError:
        text = f"The conversation no longer fits into the model's context{_colon(detail)}."
        return ProviderError("context_length", f"{text} Clear it, or choose another model.", status=status)

    def _words(self, status: int, detail: str, retry_after: float | None) -> str:
        said = _colon(detail)
        wait = f"It asks to wait {retry_after:,.0f} s." if retry_after else "Try again in a moment."
        known: dict[int, str] = {
            HTTPStatus.UNAUTHORIZED: self._refused_key(),
            HTTPStatus.PAYMENT_REQUIRED: f"There is no credit left at {self.label}{said}. "
            "Add some there, or choose another model.",
            HTTPStatus.NOT_FOUND: f"{self.label} does not know this model or address{said}.",
            HTTPStatus.TOO_MANY_REQUESTS: f"{self.label} takes no more requests for now{said}. {wait}",
        }
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            return f"{self.label} has a fault of its own ({status}){said}. {wait}"
        return known.get(status, f"{self.label} refused the request ({status}){said}.")

    def _refused_key(self) -> str:
        if self._key_name is None:
            return f"{self.label} wants a key, and none is set: name its variable in provider.api_key_env."
        return f"{self.label} did not accept the key in {self._key_name}."

    def _detail(self, body: bytes) -> str:
        """What a body says: the words of an error object, else its text without tags."""
        text = body.decode("utf-8", "replace")
        try:
            value = msgspec.json.decode(body)
        except (ValueError, RecursionError):
            # Tags may hold a key and may split one, so it is hidden before they go and after.
            return self.scrub(_TAGS.sub(" ", self._hide(text)))
        if not isinstance(value, dict):
            return self.scrub(text)
        return self._error_words(value.get("error") or value)

    def _error_words(self, error: Any) -> str:
        if not isinstance(error, dict):
            return self.scrub(error) if isinstance(error, str) else ""
        metadata = error.get("metadata")
        # OpenRouter: "Provider returned error", and what it said under metadata.raw.
        raw = metadata.get("raw") if isinstance(metadata, dict) else None
        said = [part for part in (error.get("message"), error.get("detail"), raw) if isinstance(part, str) and part]
        codes = [part for part in (error.get("type"), error.get("code")) if isinstance(part, str)]
        return self.scrub(": ".join(said) or ": ".join(codes))


def _pattern(secrets: Iterable[str]) -> re.Pattern[str]:
    """Each secret, its tail behind the prefix, and both as in a URL, with white space between any two characters."""
    wholes = {secret for secret in secrets if secret}
    tails = {tail for secret in wholes if len(tail := re.split(r"[-_ ]", secret)[-1]) >= TAIL_CHARS}
    forms = {form for secret in wholes | tails for form in (secret, quote(secret, safe=""))}
    # The longest first: one secret may be a part of another.
    spaced = (r"\s*".join(map(re.escape, form)) for form in sorted(forms, key=len, reverse=True))
    return re.compile("|".join(spaced) or r"(?!)", re.IGNORECASE)


_ONCE = " It was not asked twice, as that could be paid for twice: send the message again if you like."


def _colon(detail: str) -> str:
    return f": {detail.rstrip('.')}" if detail else ""


def _cause(error: BaseException) -> str:
    """Why no connection came about; the exceptions' own texts may name proxies with their passwords."""
    link: BaseException | None = error
    while link is not None:
        if isinstance(link, ssl.SSLError):
            return "no safe connection (TLS) came about"
        if isinstance(link, socket.gaierror):
            return "its name is not known (DNS)"
        if isinstance(link, ConnectionRefusedError):
            return "nothing listens at its address"
        link = link.__cause__ or link.__context__
    return "the connection failed"


def retry_after_s(value: str | None, now: float | None = None) -> float | None:
    """Seconds that a Retry-After header asks for; it may hold seconds or a date."""
    if value is None:
        return None
    try:
        seconds = float(value)
    except ValueError:
        seconds = _until(value, time.time() if now is None else now)
    return None if math.isnan(seconds) else min(max(seconds, 0.0), LONGEST_WAIT_S)


def _until(date: str, now: float) -> float:
    try:
        return email.utils.parsedate_to_datetime(date).timestamp() - now
    except (ValueError, TypeError, OverflowError):
        return math.nan
