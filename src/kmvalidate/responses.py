"""
What a client is told that gets nothing: status, header fields and body of the response.

Rules kept here: by default a client learns the reason and no more; what the token says, and what would have been
accepted, is for the operator. A challenge has the shape of RFC 6750 section 3 and is made of the library's own
sentences and of what the operator configured, never of anything that came with the call.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from http import HTTPStatus
from math import ceil
from typing import Any, Literal, NamedTuple, get_args

import attrs

from kmvalidate.attributes import is_scope
from kmvalidate.errors import ConfigurationError, KeyManagerUnavailable, Reason, Refusal, Refused
from kmvalidate.fields import to_names
from kmvalidate.urls import checked_url

#: Whose statuses and challenges; see `error_response`.
ErrorProfile = Literal["standard", "apim", "choreo-connect"]
#: How a body is written; see `error_response`.
ErrorBody = Literal["problem", "apim", "choreo-connect"]

DEFAULT_REALM = "API"

_OUTAGE_SENTENCE = "Whether the token is good cannot be told at the moment."
_DAY_S = 86_400

_BODY_OF: dict[ErrorProfile, ErrorBody] = {
    "standard": "problem",
    "apim": "apim",
    "choreo-connect": "choreo-connect",
}

# RFC 6750 section 3: what is in a quoted-string without escapes
_QUOTABLE = re.compile(r"[ !#-\[\]-~]+")


class _Row(NamedTuple):
    """What WSO2 says for a code, what helps against it, and what Choreo Connect has in place of code and status."""

    message: str
    advice: str | None = None
    choreo_connect: tuple[int, int] | None = None


# APIM's `APISecurityConstants`. Its statuses are those of `Reason`; 900912 has two meanings at WSO2, here Choreo's.
_WSO2 = {
    700700: _Row("API blocked"),
    900900: _Row("Unclassified Authentication Failure", "Try again later."),
    900901: _Row("Invalid Credentials", "Make sure that you present the right token, and that it has not expired."),
    900902: _Row(
        "Missing Credentials", "Send a token in the header field Authorization: Bearer.", choreo_connect=(900901, 401)
    ),
    900905: _Row("Incorrect Access Token Type is provided"),
    900906: _Row(
        "No matching resource found in the API for the given request",
        "Look up the method and the path in the documentation of the API.",
    ),
    900907: _Row("The requested API is temporarily blocked"),
    900908: _Row("Resource forbidden "),  # with a space at its end, as there
    900909: _Row("The subscription to the API is inactive", choreo_connect=(900909, 403)),
    900910: _Row("The access token does not allow you to access the requested resource"),
    900912: _Row(
        "The access token is not authorized to access the environment",
        "Use a token that was issued for the environment of the API.",
    ),
    900914: _Row("Access Denied", "Use a token that was issued for the API."),
}


@attrs.frozen(kw_only=True)
class ErrorResponse:
    """
    A response for any framework to send.

    Args:
        status: The HTTP status.

        headers: The names and values of the header fields, all of them ASCII.

        body: The body, JSON in ASCII.
    """

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


class _Told(NamedTuple):
    """A failure as it is told."""

    code: int
    status: int
    message: str
    description: str
    reason: Reason | None


def error_response(
    failure: Refused | Refusal | KeyManagerUnavailable,
    *,
    profile: ErrorProfile = "standard",
    body: ErrorBody | None = None,
    realm: str = DEFAULT_REALM,
    scopes: str | Iterable[str] = (),
    resource_metadata: str | None = None,
    detail: bool = False,
) -> ErrorResponse:
    """
    Return the response to a call that failed.

    An outage is a 503 with WSO2's code 900900 and ``Retry-After``, in each profile: it is nobody's credentials'
    fault. A challenge (``WWW-Authenticate``, RFC 6750 section 3) has no error code where no token was presented.

    Args:
        failure: Why it failed.

        profile: ``"standard"``: the statuses of `Reason`, which are those of WSO2 API Manager, and a challenge with
            each 401 and each ``insufficient_scope``. ``"apim"``: the same statuses, a challenge with each 401 alone.
            ``"choreo-connect"``: an inactive subscription is a 403, no token at all has the code of a bad one, and
            there is a challenge with every failure.

        body: ``"problem"`` (RFC 9457), ``"apim"`` (``code``, ``message``, ``description``) or ``"choreo-connect"``
            (``code``, ``error_message``, ``error_description``); by default that of the profile, and ``"problem"``
            for ``"standard"``. Codes are strings.

        realm: The realm of the challenge.

        scopes: The scopes that the call asks for, a string being one of them; told with INSUFFICIENT_SCOPE.

        resource_metadata: The URL of the metadata of the protected resource (RFC 9728 section 5.1), for the challenge.

        detail: Whether the body also tells what was expected, what the token says, and hints for the operator.

    Raises:
        ConfigurationError: *failure* is none, there is no such profile or body, or the realm, a scope or the URL
            cannot be in a header field.
    """
    _check(failure, profile, body, realm)
    told = _told(failure, profile, detail=detail)
    headers, content = _body(told, body or _BODY_OF[profile])
    challenge = _challenge(told.reason, realm, _scopes(scopes), _url(resource_metadata))
    if _has_challenge(told, profile):
        headers.append(("WWW-Authenticate", challenge))
    if isinstance(failure, KeyManagerUnavailable):
        headers.append(("Retry-After", str(ceil(min(max(1.0, failure.retry_after_s), _DAY_S)))))
    return ErrorResponse(status=told.status, headers=tuple(headers), body=content)


def _check(failure: object, profile: object, body: object, realm: object) -> None:
    if not isinstance(failure, Refused | Refusal | KeyManagerUnavailable):
        raise ConfigurationError("a failure is a Refused, a Refusal or a KeyManagerUnavailable")
    for what, value, choice in (("profile", profile, get_args(ErrorProfile)), ("body", body, get_args(ErrorBody))):
        if value not in choice and not (what == "body" and value is None):
            raise ConfigurationError(f"{what} is one of {', '.join(choice)}")
    if not isinstance(realm, str) or not _QUOTABLE.fullmatch(realm):
        raise ConfigurationError("realm is a non-empty string of printable ASCII without quotes and backslashes")


def _scopes(scopes: str | Iterable[str]) -> str:
    names = to_names(sorted(scopes, key=str) if isinstance(scopes, AbstractSet) else scopes)
    if not all(map(is_scope, names)):
        raise ConfigurationError("a scope is printable ASCII without spaces, quotes and backslashes; several in a list")
    return " ".join(names)


def _url(url: str | None) -> str:
    return "" if url is None else checked_url(url, insecure_http=True).geturl()


def _told(failure: Refused | Refusal | KeyManagerUnavailable, profile: ErrorProfile, *, detail: bool) -> _Told:
    if isinstance(failure, KeyManagerUnavailable):
        reason, code, status, sentence = None, failure.code, failure.status, _OUTAGE_SENTENCE
        said = f"{sentence} {failure}" if detail else sentence
    else:
        reason = failure.reason
        code, status, said = reason.code, reason.status, str(failure) if detail else reason.sentence
    advice = _WSO2[code].advice
    if profile == "choreo-connect":
        code, status = _WSO2[code].choreo_connect or (code, status)
    return _Told(code, status, _WSO2[code].message, f"{said} {advice}" if advice else said, reason)


def _body(told: _Told, body: ErrorBody) -> tuple[list[tuple[str, str]], bytes]:
    code = str(told.code)
    kind, members = "application/json", dict[str, Any]()
    if body == "apim":
        members = {"code": code, "message": told.message, "description": told.description}
    elif body == "choreo-connect":
        members = {"code": code, "error_message": told.message, "error_description": told.description}
    else:
        kind = "application/problem+json"
        title = HTTPStatus(told.status).phrase  # as RFC 9457 section 4.2.1 asks for with about:blank
        members = {"type": "about:blank", "title": title, "status": told.status, "detail": told.description}
        members |= {"code": code} | ({} if told.reason is None else {"reason": told.reason.name})
    return [("Content-Type", kind), ("Cache-Control", "no-store")], json.dumps(members).encode("ascii")


def _has_challenge(told: _Told, profile: ErrorProfile) -> bool:
    if profile == "standard" and told.reason is not None and told.reason.error == "insufficient_scope":
        return True
    return told.status == HTTPStatus.UNAUTHORIZED or profile == "choreo-connect"


def _challenge(reason: Reason | None, realm: str, scopes: str, resource_metadata: str) -> str:
    error = None if reason is None else reason.error
    parameters = {
        "realm": realm,
        "error": error or "",
        "error_description": reason.sentence if reason is not None and error else "",
        "scope": scopes if reason is Reason.INSUFFICIENT_SCOPE else "",
        "resource_metadata": resource_metadata,
    }
    return "Bearer " + ", ".join(f'{name}="{value}"' for name, value in parameters.items() if value)
