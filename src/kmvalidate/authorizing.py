"""
From a good token to what its call may do: facts are loaded, the chain is asked, a backend JWT is made.

Rules kept here: what decides is plain code over plain values. A decision rests on one state of the subscriptions: where
they changed while something was awaited, it is made again. It is remembered only where the chain would say the same
again, for exactly the token and the resource it was made for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from kmvalidate.apis import AuthType, GatewayType
from kmvalidate.authorized import OPEN, AuthorizedCall, Decision
from kmvalidate.authorizing_parts import NOTHING, checked_generator, checked_store, to_places
from kmvalidate.cases import Case
from kmvalidate.chain import ResourceCheck, ValidatorChain
from kmvalidate.errors import ConfigurationError, KeyManagerUnavailable, Reason, Refused
from kmvalidate.flights import Flights
from kmvalidate.notes import note
from kmvalidate.subscriptions import NO_GRANT, grant_from_claims

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from kmvalidate.apis import Api, ApiCall, Target
    from kmvalidate.backend_jwt import BackendJwt, BackendJwtGenerator
    from kmvalidate.ports import Ports
    from kmvalidate.subscriptions import Grant, SubscriptionStore
    from kmvalidate.trace import Trace
    from kmvalidate.verified import Decided, VerifiedToken

_MOST_DECIDED = 64
_RESOURCE_CHECK = ResourceCheck()
_TRIES = 10  # what one client may do changes now and then, and this often meanwhile only in a test


class _Issued(msgspec.Struct, frozen=True, gc=False, eq=False):
    """A backend JWT, and what it was made of."""

    about: Api | Target
    organization: str | None
    grant: Grant
    user_claims: Mapping[str, Any] | None
    jwt: BackendJwt

    def __repr__(self) -> str:
        return f"_Issued(about={self.about!r})"


class Authorizer:
    """
    Decides about calls whose token is good.

    Args:
        chain: What may be held against them, None for the checks of a gateway.

        subscriptions: The store of subscriptions, None for none.

        self_contained: The key managers whose tokens say themselves what they are subscribed to.

        backend_jwt: What makes backend JWTs, None for nothing.

    Raises:
        ConfigurationError: One of them is not what it should be.
    """

    def __init__(
        self,
        chain: ValidatorChain | None,
        subscriptions: SubscriptionStore | None,
        self_contained: Iterable[str | tuple[str | None, str]],
        backend_jwt: BackendJwtGenerator | None,
    ) -> None:
        self._chain = ValidatorChain() if chain is None else chain
        if not isinstance(self._chain, ValidatorChain):
            raise ConfigurationError("chain is a ValidatorChain")
        self._subscriptions: Any = NOTHING if subscriptions is None else checked_store(subscriptions)
        self._load: Any = getattr(subscriptions, "load", None)
        # what the key manager says of a user is asked for again each time: it has its own memory, and its own end
        self._is_ours = type(self._chain) is ValidatorChain
        self._is_repeatable = (
            self._is_ours and self._chain.is_repeatable and getattr(backend_jwt, "user_claims", None) is None
        )
        self._self_contained = to_places(self_contained, "self_contained")
        self._generator = backend_jwt
        self._keys: Any = NOTHING if backend_jwt is None else checked_generator(backend_jwt)
        self._flights = Flights()

    @property
    def stores(self) -> tuple[Any, Any]:
        """What decisions rest on, each with a version: the subscriptions, and the keys of backend JWTs."""
        return self._subscriptions, self._keys

    async def decide(self, token: str, verified: VerifiedToken, call: ApiCall, ports: Ports) -> Decision:
        """
        Decide about one call.

        Args:
            token: The token.

            verified: What was proved of it.

            call: What is asked for.

            ports: The caller's.

        Raises:
            Refused: It may not go through.
            KeyManagerUnavailable: Something that it takes cannot be had now.
            ConfigurationError: No backend JWT can be made for it.
        """
        if is_open(call):
            return OPEN
        for _ in range(_TRIES):
            under, keys = self._subscriptions.version, self._keys.version
            case = await self._facts(token, verified, call, ports)
            self._check(case, ports.trace)
            issued = await self._issue(case, ports)
            now = self._subscriptions.version
            if now is under or self._find(verified, call) == case.grant:
                return self._kept(case, issued, now, keys)
        raise KeyManagerUnavailable("what the client is subscribed to changes all the time")

    def _check(self, case: Case, trace: Trace | None) -> None:
        if self._is_ours:
            self._chain.check(case, trace)
        else:
            self._chain.check(case)
        _RESOURCE_CHECK.check(case)  # whatever the chain is made of: most checks hold nothing against a call of nothing

    async def _facts(self, token: str, verified: VerifiedToken, call: ApiCall, ports: Ports) -> Case:
        """Return the case, with what is missing loaded."""
        grant = self._find(verified, call)
        if self._load is not None and self._may_be_loaded(grant, verified, call):
            await self._load(*_client(verified, call), ports)
            grant = self._find(verified, call)
        if ports.trace is not None:
            note(ports, "subscription", _said_of(grant))
        user_claims = None
        if self._generator is not None and self._generator.user_claims is not None:
            user_claims = await self._generator.user_claims.claims_of(verified, token, ports, self._flights)
            note(ports, "user claims", "none" if user_claims is None else f"{len(user_claims)} claims")
        return Case(verified, call, ports.clock.wall(), grant, user_claims)

    def _find(self, verified: VerifiedToken, call: ApiCall) -> Grant:
        if call.target.api is None:
            return NO_GRANT
        said = self._said(verified, call.target.api)
        if said is not None:
            return said
        who = _client(verified, call)
        return NO_GRANT if who[2] is None else self._subscriptions.find(*who)

    def _said(self, verified: VerifiedToken, api: Api) -> Grant | None:
        """Return what a token says itself, if it is one that is believed in this and says anything."""
        is_believed = (verified.organization, verified.key_manager) in self._self_contained
        return grant_from_claims(verified.claims, api) if is_believed else None

    def _may_be_loaded(self, grant: Grant, verified: VerifiedToken, call: ApiCall) -> bool:
        """Tell whether something is missing that the checks ask for, and that a store could have."""
        api = call.target.api
        if api is None or verified.consumer_key is None or self._said(verified, api) is not None:
            return False
        if api.validate_subscriptions:
            return grant.subscription is None
        return grant.key_type is None and api.gateway_type is not GatewayType.HYBRID

    async def _issue(self, case: Case, ports: Ports) -> BackendJwt | None:
        """Return the backend JWT for *case*: one that was made for this token and this API, or another."""
        if self._generator is None:
            return None
        decided, about = case.token.decided, self._about(case)
        number = -1 - id(about)
        known = None if decided.by is None else decided.by.get(number)
        if known is not None and _is_for(known, about, case) and self._generator.is_current(known.jwt, case.now):
            note(ports, "backend JWT", "the one that was made before")
            return known.jwt  # type: ignore[no-any-return]
        made = self._generator.issue_now(case, ports.clock.wall()) or await self._generator.issue(case, ports)
        note(ports, "backend JWT", "made", signed_with=made.key_id)
        if case.call.target.is_kept or about is case.api:  # or else nobody will ask for it again
            _keep(decided, number, _Issued(about, case.organization, case.grant, case.user_claims, made))
        return made

    def _about(self, case: Case) -> Api | Target:
        """Return what a backend JWT is good for: an API, or only what was called where claims may depend on that."""
        api: Any = case.api
        return case.call.target if api is None or self._keys.custom_claims is not None else api

    def _kept(self, case: Case, issued: BackendJwt | None, under: object, keys: object) -> Decision:
        generator, decided = self._generator, case.token.decided
        if generator is None or issued is None:
            decision = Decision(case.grant, under=under)
        else:
            decision = Decision(case.grant, issued, generator.header, under, keys, issued.renew_at)
        if case.call.target.is_kept and self._is_repeatable:
            _keep(decided, case.call.target.number, decision)
        return decision


def is_open(call: ApiCall) -> bool:
    """
    Tell whether a call needs no token: it is for a resource without authentication.

    Raises:
        Refused: The API is blocked.
    """
    resources, api = call.target.resources, call.target.api
    is_open = bool(resources) and all(resource.auth_type is AuthType.NONE for resource in resources)
    if is_open and api is not None and api.is_blocked:
        raise Refused(Reason.API_BLOCKED)
    return is_open


def without_token(call: ApiCall) -> AuthorizedCall:
    """
    Return a call that came without a token.

    Raises:
        Refused: It needs one (MISSING_TOKEN).
    """
    if is_open(call):
        return AuthorizedCall(None, call, OPEN)
    raise Refused(Reason.MISSING_TOKEN)


def _said_of(grant: Grant) -> str:
    if grant.application is None:
        return "no application is known"
    state = "no subscription" if grant.subscription is None else f"subscription {grant.subscription.state}"
    return f"application {grant.application.name}, {state}"


def _keep(decided: Decided, number: int, value: Decision | _Issued) -> None:
    """
    Remember something with a token; where there is no room, in the place of another of its kind.

    Which one has to go is next to chance, so that of more resources than there is room for, called in turn, some are
    remembered all the same. The JWTs of many APIs do not go for their resources.
    """
    by = decided.by
    if by is None:
        by = decided.by = {}
    while len(by) >= _MOST_DECIDED and number not in by:
        alike = [other for other in list(by) if (other < 0) is (number < 0)] or list(by)
        by.pop(alike[number % len(alike)], None)
    by[number] = value


def _client(verified: VerifiedToken, call: ApiCall) -> tuple[tuple[str | None, ...], str, Any, Any]:
    """Return who a token's client is, and the API: what a store of subscriptions is asked."""
    organizations = tuple(dict.fromkeys((call.target.organization, verified.organization)))
    return organizations, verified.key_manager, verified.consumer_key, call.target.api


def _is_for(known: _Issued, about: Api | Target, case: Case) -> bool:
    made_of = (known.organization, known.grant, known.user_claims)
    return known.about is about and made_of == (case.organization, case.grant, case.user_claims)
