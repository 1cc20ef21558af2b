"""
Who is asked about the user behind a token, and what is remembered of the answers.

Rules kept here: which endpoint is asked follows from the key manager that stands behind a token, never from what is in
the token. Whoever waits for the same token shares one call. What is remembered is known by the SHA-256 of the token, is
never used beyond the token's own end, and is read anew for everybody: nobody changes it for the others. A failure is
not remembered; without an answer nothing is claimed about anybody.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Mapping
from functools import partial
from hashlib import sha256
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import attrs
import msgspec

from kmvalidate.claims import NUMBERS, STRINGS
from kmvalidate.errors import ConfigurationError, KeyManagerUnavailable, KMValidateError, Reason, Refused, shown
from kmvalidate.fields import FrozenDict, is_a, number, to_name_set, to_place
from kmvalidate.flights import Failed
from kmvalidate.generations import Generations
from kmvalidate.introspecting import MAX_KEPT_BYTES
from kmvalidate.ports import Network, run
from kmvalidate.tokens import shows_nothing
from kmvalidate.urls import checked_url
from kmvalidate.userinfo._endpoint import Endpoint
from kmvalidate.verified import read_claims

if TYPE_CHECKING:
    from collections.abc import Callable

    from kmvalidate.flights import Flights, Job
    from kmvalidate.ports import Ports
    from kmvalidate.userinfo._endpoint import Question
    from kmvalidate.verified import VerifiedToken

    #: A key manager: its organization, None if it serves all, and its name.
    Place = tuple[str | None, str]

_log = logging.getLogger("kmvalidate.userinfo")
_REGISTERED = frozenset(("aud", *STRINGS, *NUMBERS))  # RFC 7519 section 4.1
_NO_S = 10.0
_NO_SUBJECT_HINT = "Without it nobody can tell whether what userinfo answers is about the same user."
_HINTS = {
    Reason.INACTIVE: "Its userinfo endpoint does not accept it (401).",
    Reason.INSUFFICIENT_SCOPE: "Its userinfo endpoint tells nothing for it (403); mostly it lacks the scope openid.",
}


class _Told(msgspec.Struct, frozen=True, gc=False):
    """What an endpoint said of a user: claims as JSON, or why it says nothing; and until when, monotonic."""

    payload: bytes
    good_until: float
    no: Reason | None = None

    def __repr__(self) -> str:
        return "_Told(...)"

    __rich_repr__ = shows_nothing


def _endpoints(value: object) -> FrozenDict[Place, str]:
    if not isinstance(value, Mapping) or not value:
        raise ConfigurationError("endpoints map key managers to URLs, at least one")
    places = FrozenDict({to_place(key, "endpoints"): url for key, url in value.items()})
    if len(places) != len(value):
        raise ConfigurationError("endpoints: each key manager is named once")
    return places


def _kept_names(value: str | Iterable[str] | None) -> frozenset[str] | None:
    if value is None:
        return None
    names: frozenset[str] = frozenset() if isinstance(value, bytes | Mapping) else to_name_set(value)
    if not names or names & _REGISTERED:
        raise ConfigurationError(
            f"claims are the names of at least one, and none of {', '.join(sorted(_REGISTERED))}; None keeps all others"
        )
    return names


@attrs.frozen(eq=False)
class UserInfo:
    """
    Claims about the user behind an access token, from the userinfo endpoint of its key manager.

    An answer is believed if it is JSON and about the token's own subject (OpenID Connect Core section 5.3.2); signed
    ones are not accepted. An endpoint that fails for three users in a row is left alone for a second at a time, or for
    as long as it asks (Retry-After), in which nobody waits for it; one that fails three times in a row for the same
    user, by that user alone, for up to five seconds at a time. An answer that is too large is no such failure.

    Args:
        endpoints: The URL of the endpoint of each key manager that has one, by the key manager's name, or by its
            organization and its name if it serves only that organization. Tokens of others have no user claims.

        claims: The claims that are kept; by default all but the registered ones of RFC 7519 section 4.1 (``iss``,
            ``sub``, ``aud``, ``exp``, ``nbf``, ``iat``, ``jti``), which are never kept.

        required: Whether a token is refused, or counts as one nobody can tell about, if its user claims cannot be had.
            Otherwise it then has none.

        ttl_s: Seconds for which an answer is remembered at most, 0 for not at all; never beyond the token's ``exp``.

        remember: How many answers are remembered at most.

        deadline_s: Seconds one answer may take, everything included.

        max_bytes: Largest answer accepted, in bytes; one of more than 16 KiB is not remembered.

        network: How the endpoints may be reached; by default over https, at public addresses only.

    Raises:
        ConfigurationError: An argument is not what it should be.
    """

    endpoints: Mapping[Place, str] = attrs.field(converter=_endpoints)
    claims: frozenset[str] | None = attrs.field(default=None, converter=_kept_names, kw_only=True)
    required: bool = attrs.field(default=True, validator=is_a(bool), kw_only=True)
    ttl_s: float = attrs.field(default=300.0, validator=number(0, 86_400), kw_only=True)
    remember: int = attrs.field(default=10_000, validator=[is_a(int), number(2)], kw_only=True)
    deadline_s: float = attrs.field(default=5.0, validator=number(0.1, 60), kw_only=True)
    max_bytes: int = attrs.field(default=100_000, validator=[is_a(int), number(1000)], kw_only=True)
    network: Network | None = attrs.field(
        default=None, validator=attrs.validators.optional(is_a(Network)), kw_only=True
    )
    _places: Mapping[Place, Endpoint] = attrs.field(init=False, repr=False)
    _memory: Generations[Any, _Told] = attrs.field(init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        network = self.network or Network()
        for url in self.endpoints.values():
            checked_url(url, insecure_http=network.insecure_http)
        made = {place: Endpoint(url, network, self.deadline_s, self.max_bytes) for place, url in self.endpoints.items()}
        object.__setattr__(self, "_places", made)
        self.forget()

    def forget(self) -> None:
        """Forget every answer. What is being asked is answered to who waits for it, and not remembered either."""
        object.__setattr__(self, "_memory", Generations(self.remember))

    async def claims_of(
        self, verified: VerifiedToken, token: str, ports: Ports, flights: Flights
    ) -> Mapping[str, Any] | None:
        """
        Return the claims about the user behind a token, read-only, asking the endpoint if need be.

        None without an endpoint for its key manager, or for a token that an application got for itself. A token that
        does not tell whose it is (`VerifiedToken.is_application`) is asked about.

        Args:
            verified: The token, verified.

            token: The same token as it came, which is shown to the endpoint.

            ports: The caller's.

            flights: The calls under way.

        Raises:
            Refused: They are required, and the endpoint does not accept the token (INACTIVE), or says that it may not
                know them (INSUFFICIENT_SCOPE), or the token has no subject (MISSING_CLAIM).
            KeyManagerUnavailable: They are required, and the endpoint gives no answer that counts.
        """
        endpoint = self._places.get((verified.organization, verified.key_manager))
        if endpoint is None or verified.is_application:
            return None
        found = await self._found(endpoint, verified, token, ports, flights)
        if isinstance(found, _Told) and found.no is None:
            return MappingProxyType(read_claims(found.payload))
        if self.required:
            raise _error(found, verified.key_manager)
        if isinstance(found, Failed) and endpoint.is_news(ports.clock.monotonic()):
            _log.warning("%s: no user claims: %s", shown(verified.key_manager), found.why)
        return None

    async def _found(
        self, endpoint: Endpoint, verified: VerifiedToken, token: str, ports: Ports, flights: Flights
    ) -> _Told | Failed | None:
        """Return what is remembered or answered, why there is no answer, or None of a token without a subject."""
        subject, memory = verified.subject, self._memory
        if not subject:
            return None
        backing: Any = verified.backing  # either kind knows when what was answered was forgotten
        key = (endpoint, backing.answers, subject, sha256(token.encode()).digest())
        known = _recall(memory, key, ports)
        if known is not None:
            return known

        async def work(own: Ports) -> _Told:
            return known or await self._asked(endpoint, question, verified.expires_at, partial(memory.put, key), own)

        def start(job: Job) -> Failed | None:
            nonlocal known
            known = _recall(memory, key, ports)
            if known is not None:  # another call landed since the caller looked
                return run(job(ports))
            return endpoint.start(question, job, ports)

        question = endpoint.question(token, verified.issuer, subject)
        flight = flights.launch((memory, *key), work, ports, 2 * self.deadline_s, start)  # half of it may be waiting
        outcome = await flight.outcome(ports)
        return outcome if isinstance(outcome, Failed) else outcome.value

    async def _asked(
        self, endpoint: Endpoint, question: Question, expires_at: float, keep: Callable[[_Told], None], ports: Ports
    ) -> _Told:
        began, left_s = ports.clock.monotonic(), expires_at - ports.clock.wall()
        answer = await endpoint.ask(question, ports)
        if isinstance(answer, Reason):
            told = _Told(b"{}", began + min(self.ttl_s, left_s, _NO_S), answer)
        else:
            payload = json.dumps(self._kept(answer), ensure_ascii=False, separators=(",", ":")).encode()
            told = _Told(payload, began + min(self.ttl_s, left_s))
        if ports.clock.monotonic() < told.good_until and len(told.payload) <= MAX_KEPT_BYTES:
            keep(told)
        return told

    def _kept(self, answer: dict[str, Any]) -> dict[str, Any]:
        """Return the claims that are kept; those that are null are not there."""
        names = answer.keys() - _REGISTERED if self.claims is None else self.claims
        return {name: value for name, value in answer.items() if name in names and value is not None}


def _recall(memory: Generations[Any, _Told], key: object, ports: Ports) -> _Told | None:
    told = memory.get(key)
    return told if told is not None and ports.clock.monotonic() < told.good_until else None


def _error(found: _Told | Failed | None, key_manager: str) -> KMValidateError:
    """Return what becomes of a token whose user claims are required, and are not there."""
    if isinstance(found, Failed):
        return KeyManagerUnavailable(found.why, key_manager=key_manager, retry_after_s=found.retry_after_s)
    if found is None or found.no is None:
        return Refused(Reason.MISSING_CLAIM, claim="sub", hint=_NO_SUBJECT_HINT, key_manager=key_manager)
    expected = "openid" if found.no is Reason.INSUFFICIENT_SCOPE else None
    return Refused(found.no, expected=expected, hint=_HINTS[found.no], key_manager=key_manager)
