"""
What an operator reads when an exchange failed.

Rules kept here: the sentence is made from the kinds of the errors, and of their texts only from those that OpenSSL
or the operating system has fixed. Texts of requests, urllib3 and `http.client` quote the URL or the answer, so they
are never used.
"""

from __future__ import annotations

import errno
import http.client
import ssl
from typing import TYPE_CHECKING

import urllib3.exceptions

from kmvalidate.errors import shown
from kmvalidate.transport._guard import Refusal, TooLarge

if TYPE_CHECKING:
    from collections.abc import Iterator

_DEPTH = 16

_FIXED: tuple[tuple[type[BaseException], str], ...] = (
    (TimeoutError, "no whole answer within the deadline"),
    (ConnectionRefusedError, "the connection is refused"),
    (ConnectionError, "the connection broke off"),
    (http.client.IncompleteRead, "the answer breaks off"),
    (urllib3.exceptions.IncompleteRead, "the answer breaks off"),
    (http.client.HTTPException, "the answer is not proper HTTP"),
)


def why(error: BaseException) -> str:
    """Return what *error*, or the most telling one of those it wraps, says about the exchange."""
    for one in _wrapped(error):
        if sentence := _sentence(one):
            return sentence
    return f"the exchange failed ({type(error).__name__})"


def is_too_large(error: BaseException) -> bool:
    """Tell whether *error*, or one of those it wraps, is that more bytes came than may."""
    return any(isinstance(one, TooLarge) for one in _wrapped(error))


def _wrapped(error: BaseException) -> Iterator[BaseException]:
    """Yield the error and what it wraps, the innermost last; requests and urllib3 wrap in their arguments."""
    pending = [error]
    for _ in range(_DEPTH):
        if not pending:
            return
        one = pending.pop(0)
        yield one
        inner = (one.__cause__, getattr(one, "reason", None), *one.args)
        pending += [wrapped for wrapped in inner if isinstance(wrapped, BaseException)]


def _sentence(error: BaseException) -> str | None:
    match error:
        case Refusal():
            return error.why
        case ssl.SSLCertVerificationError():
            return f"the server's certificate is not accepted: {shown(error.verify_message)}"
        case ssl.SSLError():
            return f"TLS failed ({shown(error.reason or type(error).__name__)})"
    for kind, sentence in _FIXED:
        if isinstance(error, kind):
            return sentence
    return _of_system(error)


def _of_system(error: BaseException) -> str | None:
    """Return a sentence for an error of the operating system itself, not for what merely derives from OSError."""
    if type(error) is not OSError or not error.errno:
        return None
    return f"the connection failed ({errno.errorcode.get(error.errno, error.errno)})"
