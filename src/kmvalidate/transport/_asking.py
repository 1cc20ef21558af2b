"""
Whether a request may be sent at all, and the header fields it is sent with.

Rules kept here: what is wrong with a request is the fault of whoever wrote it, a `ConfigurationError`, found before
anything is looked up or connected. Values are never repeated: they may hold credentials. How the message is framed,
to whom it goes and how the answer may be encoded are the transport's own affair and cannot be set.
"""

from __future__ import annotations

import re
from importlib import metadata
from typing import TYPE_CHECKING

from kmvalidate.errors import ConfigurationError
from kmvalidate.urls import checked_url

if TYPE_CHECKING:
    from urllib.parse import SplitResult

    from kmvalidate.ports import HttpRequest

_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # a token of RFC 9110 section 5.6.2
_VALUE = re.compile(r"[\t -~\x80-\xff]*")  # RFC 9110 section 5.5: no CR, LF, NUL nor other control characters
_OWN = frozenset(
    ("host", "connection", "content-length", "transfer-encoding", "te", "trailer", "upgrade", "expect", "cookie")
)
_METHODS = frozenset(("GET", "POST"))


def checked(request: HttpRequest) -> SplitResult:
    """
    Return the URL of *request* taken apart, if it may be sent.

    Raises:
        ConfigurationError: It may not: its method or its URL.
    """
    if request.method not in _METHODS:
        raise ConfigurationError("a request is a GET or a POST")
    return checked_url(request.url, insecure_http=request.network.insecure_http)


def headers_of(request: HttpRequest, user_agent: str) -> dict[str, str]:
    """
    Return the header fields of *request*, the transport's own among them.

    Raises:
        ConfigurationError: A field is malformed, or one that cannot be set.
    """
    given = {name.lower(): value for name, value in request.headers.items()}
    for name, value in given.items():
        if not _NAME.fullmatch(name) or not _VALUE.fullmatch(value):
            raise ConfigurationError("a header field to send is malformed")
        if name in _OWN:
            raise ConfigurationError(f"the header field {name} cannot be set")
    own = {"user-agent": user_agent, "accept-encoding": "identity", "connection": "close"}
    return {"accept": "application/json"} | given | own


def checked_user_agent(user_agent: str | None) -> str:
    """
    Return *user_agent*, or our own when there is none.

    Raises:
        ConfigurationError: It is not the value of a header field.
    """
    if user_agent is None:
        return f"kmvalidate/{_version()} (+https://pypi.org/project/kmvalidate/)"
    if not _VALUE.fullmatch(user_agent):
        raise ConfigurationError("user_agent is not the value of a header field")
    return user_agent


def _version() -> str:
    try:
        return metadata.version("kmvalidate")
    except metadata.PackageNotFoundError:
        return "0"
