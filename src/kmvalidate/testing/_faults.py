"""
How a provider fails.

Rules kept here: each fault is one that providers were seen to have, and one that must change nothing. What only an
introspection endpoint can have is kept apart: keys and documents are served as before.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from kmvalidate.errors import ConfigurationError
from kmvalidate.ports import HttpResponse

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    Members = dict[str, Any]

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


def _inactive(_: Members) -> Members:
    return {"active": False}


def _as_text(members: Members) -> Members:
    return {**members, "active": str(members.get("active")).lower()}


def _unauthorized(given: HttpResponse) -> HttpResponse | None:
    return attrs.evolve(given, status=401, body=b'{"error":"invalid_client"}')


def _wrong_type(given: HttpResponse) -> HttpResponse | None:
    return attrs.evolve(given, headers={**given.headers, "content-type": "text/html; charset=utf-8"})


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

_OF_INTROSPECTION: Mapping[str, Callable[[HttpResponse], HttpResponse | None]] = {
    "unauthorized": _unauthorized,
    "wrong type": _wrong_type,
}
_OF_ITS_MEMBERS: Mapping[str, Callable[[Members], Members]] = {"inactive": _inactive, "active as text": _as_text}

#: What `SimulatedProvider.fail` takes besides: faults that only an introspection endpoint has.
INTROSPECTION_FAULTS: tuple[str, ...] = (*_OF_ITS_MEMBERS, *_OF_INTROSPECTION)


@attrs.frozen
class Failing:
    """
    A fault, and where it is.

    Args:
        fault: One of `FAULTS` or `INTROSPECTION_FAULTS`; None for none.

        at: How the paths end that have it; None if all do.

    Raises:
        ConfigurationError: There is no such fault.
    """

    fault: str | None = None
    at: str | None = None

    def __attrs_post_init__(self) -> None:
        if self.fault is not None and self.fault not in (*FAULTS, *INTROSPECTION_FAULTS):
            raise ConfigurationError(f"a fault is one of {', '.join((*FAULTS, *INTROSPECTION_FAULTS))}")

    def members(self, path: str, right: Members) -> Members:
        """Return what an introspection endpoint says instead of what is right."""
        change = _OF_ITS_MEMBERS.get(self._at(path))
        return right if change is None else change(right)

    def response(self, path: str, right: HttpResponse, *, introspected: bool) -> HttpResponse | None:
        """Return what is answered instead of what is right; None for nothing."""
        fault = self._at(path)
        change = FAULTS.get(fault) or (_OF_INTROSPECTION.get(fault) if introspected else None)
        return right if change is None else change(right)

    def _at(self, path: str) -> str:
        here = self.fault is not None and (self.at is None or path.endswith(self.at))
        return str(self.fault) if here else ""
