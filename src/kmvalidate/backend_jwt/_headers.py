"""
The header in which a backend finds its JWT.

Rules kept here: whatever the client sent under that name, in any spelling a server may read as it, is removed before
ours is added, and so is a field whose name or value is none, for nobody knows how it will be read: what follows the end
of a line in a value may be a field to whoever comes next. The client cannot have ours removed by naming it in
``Connection`` (RFC 9110 section 7.6.1), or in ``Proxy-Connection``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, AnyStr, cast

from kmvalidate.errors import ConfigurationError

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110 section 5.6.2
_VISIBLE = re.compile(r"[!-~]+")
_BROKEN = re.compile(r"[\r\n\0]")  # dangerous in a value, RFC 9110 section 5.5; servers leave them in folded lines
_SIGN = re.compile(r"[^a-z0-9]")
_PAIR = 2
_CONNECTIONS = ("connection", "proxy-connection")

#: Fields that are about the connection or the message, and never reach an application as they were sent.
_TAKEN = frozenset(
    {
        "connection",
        "content-length",
        "host",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)


def checked_header(name: object) -> str:
    """
    Return the name of a header field.

    Raises:
        ConfigurationError: It is none, or that of a field with another purpose.
    """
    if not isinstance(name, str) or not _TOKEN.fullmatch(name) or _folded(name) in _TAKEN:
        raise ConfigurationError("header is the name of a header field, and of none about the connection")
    return name


def replaced(headers: Iterable[tuple[AnyStr, AnyStr]], name: str, jwt: object) -> list[tuple[AnyStr, AnyStr]]:
    """
    Return *headers* without any field called *name*, and with it at the end unless *jwt* is None.

    Raises:
        ConfigurationError: They are no pairs of strings or of bytes, or *jwt* is no text for a field.
    """
    value = None if jwt is None else _checked_value(jwt)
    given: list[Any] = list(headers) if isinstance(headers, Iterable) else [headers]
    is_bytes = bool(given) and _is_pair(given[0], bytes)
    if not all(_is_pair(pair, bytes if is_bytes else str) for pair in given):
        raise ConfigurationError("headers are pairs of a name and a value, both strings or both bytes")
    if not is_bytes:
        text: Any = _replaced(given, name, value)
        return cast("list[tuple[AnyStr, AnyStr]]", text)
    as_text = [(field.decode("latin-1"), text.decode("latin-1")) for field, text in given]
    sent: Any = [tuple(map(_encoded, pair)) for pair in _replaced(as_text, name.lower(), value)]
    return cast("list[tuple[AnyStr, AnyStr]]", sent)


def _checked_value(jwt: object) -> str:
    if not isinstance(jwt, str) or not _VISIBLE.fullmatch(jwt):
        raise ConfigurationError("jwt is a backend JWT, or its text: printable ASCII characters without spaces")
    return jwt


def _is_pair(pair: object, kind: type) -> bool:
    return isinstance(pair, tuple | list) and len(pair) == _PAIR and all(isinstance(part, kind) for part in pair)


def _encoded(text: str) -> bytes:
    return text.encode("latin-1")


def _replaced(headers: list[tuple[str, str]], name: str, value: str | None) -> list[tuple[str, str]]:
    ours = _folded(name)
    fields = [(field, text) for field, text in headers if _TOKEN.fullmatch(field) and not _BROKEN.search(text)]
    kept = [_untied(field, text, ours) for field, text in fields if _folded(field) != ours]
    added = [] if value is None else [(name, value)]
    return [(field, text) for field, text in kept if text is not None] + added


def _untied(field: str, text: str, ours: str) -> tuple[str, str | None]:
    """Return a field as it is, but ``Connection`` without our name; without anything if it named nothing else."""
    if _folded(field) not in _CONNECTIONS:
        return field, text
    options = [option.strip() for option in text.split(",")]
    left = [option for option in options if _TOKEN.fullmatch(option) and _folded(option) != ours]
    return field, ", ".join(left) or None


def _folded(name: str) -> str:
    """
    Return a name as the most forgetful server reads it.

    CGI and WSGI know no difference between ``-`` and ``_`` (RFC 3875 section 4.1.18), some servers none between these
    and other signs, and none knows letter cases.
    """
    return _SIGN.sub("-", name.casefold())
