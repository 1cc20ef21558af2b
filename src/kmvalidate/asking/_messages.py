"""
How a provider is asked with a form, and what it means that it does not answer.

Rules kept here: what is secret goes into the body or a header field, never into a URL. Nothing of what a provider
answers is repeated but its status.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, quote_plus, urlencode

from kmvalidate.errors import KeyManagerUnavailable
from kmvalidate.ports import HttpRequest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kmvalidate.ports import HttpResponse

_ABOUT_THE_TOKEN = {400, 413, 414, 422, 431}  # RFC 9110 section 15.5, RFC 6585 section 5: bad, or too large
_SECRET = ("token", "client_secret", "client_assertion", "authorization")
_TOO_MANY_REQUESTS = 429
_UNAVAILABLE = 503
_MAX_WAIT_S = 60.0
_MAX_DIGITS = 9


class Unanswered(KeyManagerUnavailable):
    """
    A provider that was asked gave no answer.

    Args:
        why: What went wrong.

        is_outage: Whether it will answer nobody else either, as far as one can tell.

        wait_s: Seconds for which it asked to be left alone, 0 if it did not.
    """

    def __init__(self, why: str, *, is_outage: bool = True, wait_s: float = 0.0) -> None:
        super().__init__(why, retry_after_s=max(wait_s, 1.0))
        self.is_outage = is_outage
        self.wait_s = wait_s


def form_request(url: str, form: Mapping[str, str], headers: Mapping[str, str]) -> HttpRequest:
    """Return the POST of a form (RFC 7662 section 2.1, RFC 6749 section 4.4.2)."""
    fields = {**headers, "content-type": "application/x-www-form-urlencoded"}
    return HttpRequest(method="POST", url=url, headers=fields, body=urlencode(form).encode())


def told_of(error: KeyManagerUnavailable, request: HttpRequest, *, is_outage: bool = True) -> Unanswered:
    """Return what a transport says of a request that has no answer; one of the user's own may say too much."""
    sent = {**dict(parse_qsl((request.body or b"").decode())), **request.headers}
    secret = [sent[name].removeprefix("Basic ").removeprefix("Bearer ") for name in _SECRET if name in sent]
    if any(value in error.why or quote_plus(value) in error.why for value in secret):
        return Unanswered("the transport raised what it should not tell", is_outage=is_outage)
    return Unanswered(error.why, is_outage=is_outage)


def media_type(response: HttpResponse) -> str:
    """Return the media type of an answer in lower case, without its parameters; empty if it names none."""
    said = response.headers.get("content-type")
    return said.partition(";")[0].strip().lower() if isinstance(said, str) else ""


def unanswered(what: str, response: HttpResponse) -> Unanswered:
    """
    Return what an answer means that is none.

    A bad request, or one that is too large, is about the one token that was asked about: some servers say so of tokens
    of a form they do not introspect, and whoever sends such tokens must not take the provider from the others.
    """
    status = response.status
    wait_s = _retry_after_s(response) if status in {_TOO_MANY_REQUESTS, _UNAVAILABLE} else 0.0
    if status == _TOO_MANY_REQUESTS:
        return Unanswered(f"{what}: status {status}", is_outage=False, wait_s=max(wait_s, 1.0))
    return Unanswered(f"{what}: status {status}", is_outage=status not in _ABOUT_THE_TOKEN, wait_s=wait_s)


def _retry_after_s(response: HttpResponse) -> float:
    """RFC 9110 section 10.2.3; what is no number of seconds is not heeded, and years are not waited for."""
    said = response.headers.get("retry-after")
    is_number = isinstance(said, str) and said.isascii() and said.isdecimal() and len(said) <= _MAX_DIGITS
    return min(float(said), _MAX_WAIT_S) if is_number else 0.0  # type: ignore[arg-type]
