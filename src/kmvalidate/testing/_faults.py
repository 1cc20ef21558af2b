"""
How a provider fails.

Rules kept here: each fault is one that providers were seen to have, and one that must change nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from kmvalidate.ports import HttpResponse

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_TOO_MANY_BYTES = 2_000_000
_HTML = b"<!doctype html><title>Sign in</title>"


def _hang_up(_: HttpResponse) -> HttpResponse | None:
    return None


def _status(status: int) -> Callable[[HttpResponse], HttpResponse | None]:
    headers = {"location": "https://login.example/", "retry-after": "60"}
    return lambda _: HttpResponse(status=status, headers=headers, body=b'{"error":"temporarily_unavailable"}')


def _body(body: bytes) -> Callable[[HttpResponse], HttpResponse | None]:
    return lambda given: attrs.evolve(given, body=body)


def _half(given: HttpResponse) -> HttpResponse | None:
    return attrs.evolve(given, body=given.body[: len(given.body) // 2])


def _too_large(given: HttpResponse) -> HttpResponse | None:
    return attrs.evolve(given, body=given.body + b" " * _TOO_MANY_BYTES)


def _without_keys(given: HttpResponse) -> HttpResponse | None:
    return attrs.evolve(given, body=b'{"keys":[]}') if given.body.startswith(b'{"keys"') else given


def _other_issuer(given: HttpResponse) -> HttpResponse | None:
    return attrs.evolve(given, body=given.body.replace(b'"issuer":"', b'"issuer":"https://other.example/', 1))


#: What `SimulatedProvider.fail` takes: each makes the answer out of the one that would be right; None is none.
FAULTS: Mapping[str, Callable[[HttpResponse], HttpResponse | None]] = {
    "down": _hang_up,
    "error": _status(503),
    "busy": _status(429),
    "redirect": _status(302),
    "gone": _status(404),
    "html": _body(_HTML),
    "empty": _body(b""),
    "garbage": _body(b'{"keys":[{"kty":'),
    "half": _half,
    "too large": _too_large,
    "without keys": _without_keys,
    "other issuer": _other_issuer,
}
