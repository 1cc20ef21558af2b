"""
The whole flow, from a bearer string and a call to an answer, readable in one place.

Rules kept here: whatever was remembered is used only where a fresh look would find the same; what may need the network
is awaited, what decides is plain code. What was decided while something it rests on changed is decided again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kmvalidate.any_token import AnyToken
from kmvalidate.apis import ApiCall
from kmvalidate.authorized import AuthorizedCall
from kmvalidate.authorizing import Authorizer, without_token
from kmvalidate.errors import ConfigurationError, KeyManagerUnavailable, Refusal, Refused
from kmvalidate.explaining import explained
from kmvalidate.fields import to_names
from kmvalidate.jwt_validator import ALWAYS_CHANGING, TRIES
from kmvalidate.memory import DEFAULT_REMEMBERED, TokenMemory
from kmvalidate.notes import note
from kmvalidate.ports import run
from kmvalidate.tokens import DEFAULT_MAX_TOKEN_BYTES
from kmvalidate.verified import VerifiedToken

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kmvalidate.backend_jwt import BackendJwtGenerator
    from kmvalidate.chain import ValidatorChain
    from kmvalidate.memory import Key
    from kmvalidate.ports import Ports
    from kmvalidate.registry import KeyManagerRegistry
    from kmvalidate.subscriptions import SubscriptionStore
    from kmvalidate.trace import Explanation


class TokenValidator:
    """
    Answers for bearer tokens, and for the calls they come with.

    Args:
        registry: The key managers whose tokens are accepted.

        chain: What may be held against a call whose token is good; by default the checks of a gateway.

        subscriptions: Which clients belong to which applications, and what these are subscribed to. Without it nobody
            is subscribed to anything, so that only APIs with ``validate_subscriptions=False`` can be called.

        self_contained: The names of the key managers whose tokens say themselves what they are subscribed to
            (``subscribedAPIs``), those of organizations as (organization, name). Such tokens need no *subscriptions*.

        backend_jwt: What makes the JWTs for the services behind the gateway; by default none are made.

        max_token_bytes: The largest token looked at, in bytes.

        remember: How many verified tokens are remembered at most, 2 or more, about 1 KB each, and as much again for
            each API with a backend JWT, 64 KB at most; 0 for none. A remembered token is as good as a fresh one: its
            key, its key manager, its times and revocations are looked at each time it comes.

        remember_whole_tokens: Whether to know JWTs by themselves rather than by their SHA-256: faster, and then the
            tokens lie in memory, where a core dump shows them.

    Raises:
        ConfigurationError: *registry* is no registry, or has a key manager with the issuer of the backend JWTs; or
            another argument is not what it should be.
    """

    def __init__(
        self,
        registry: KeyManagerRegistry,
        *,
        chain: ValidatorChain | None = None,
        subscriptions: SubscriptionStore | None = None,
        self_contained: Iterable[str | tuple[str | None, str]] = (),
        backend_jwt: BackendJwtGenerator | None = None,
        max_token_bytes: int = DEFAULT_MAX_TOKEN_BYTES,
        remember: int = DEFAULT_REMEMBERED,
        remember_whole_tokens: bool = False,
    ) -> None:
        self._authorizer = Authorizer(chain, subscriptions, self_contained, backend_jwt)
        self._subscriptions, self._backend_jwts = self._authorizer.stores
        own_issuer = None if backend_jwt is None else backend_jwt.issuer
        if any(own_issuer in manager.issuers for manager in getattr(registry, "managers", ())):
            raise ConfigurationError(f"{own_issuer!r} issues the backend JWTs: no key manager can have that issuer")
        self._tokens = AnyToken(registry, max_token_bytes=max_token_bytes, own_issuer=own_issuer)
        self._memory = TokenMemory(registry, remember, whole_tokens=remember_whole_tokens)
        self._registry = registry

    def authenticate(
        self, token: str, *, organization: str | None = None, key_managers: Iterable[str] | None = None
    ) -> VerifiedToken:
        """
        Verify a bearer token: some key manager stands behind it, and it is good now.

        A JWT is verified with its issuer's keys, unless its key manager is asked about its JWTs; an opaque token, and
        such a JWT, is introspected by the one key manager that claims it.

        Args:
            token: The bearer string, without the word ``Bearer``.

            organization: The organization whose key managers may stand behind it, beside those that serve all; None
                for the latter alone.

            key_managers: The names of those that may, None for all; where several would claim an opaque token, the
                first of them is asked.

        Returns:
            What was proved.

        Raises:
            Refused: The token is not good; `Refused.reason` says why (401).
            KeyManagerUnavailable: The key manager's keys, or its answer, are needed and cannot be had now (503).
            ConfigurationError: *organization* is no name, or *key_managers* are none.
        """
        within = None if key_managers is None else to_names(key_managers)
        found: Any = self._memory.look_up(token, organization, self._registry.ports, within)
        if found.__class__ is VerifiedToken:
            return found
        return self._memory.remember(found, self._tokens.verified(token, organization, within))

    async def aauthenticate(
        self, token: str, *, organization: str | None = None, key_managers: Iterable[str] | None = None
    ) -> VerifiedToken:
        """
        Do what `authenticate` does, for asyncio callers: whoever waits does not keep the loop from others.

        Args:
            token: As for `authenticate`, like *organization* and *key_managers*.

            organization: See there.

            key_managers: See there.

        Raises:
            Refused: As `authenticate` does.
            KeyManagerUnavailable: As `authenticate` does.
            ConfigurationError: As `authenticate` does.
        """
        within = None if key_managers is None else to_names(key_managers)
        found: Any = self._memory.look_up(token, organization, self._registry.ports, within)
        if found.__class__ is VerifiedToken:
            return found
        return self._memory.remember(found, await self._tokens.averified(token, organization, within))

    def validate(self, token: str | None, call: ApiCall, *, organization: str | None = None) -> AuthorizedCall:
        """
        Decide whether a call may go through with the token it came with.

        Args:
            token: The bearer string, without the word ``Bearer``; None if the call came with none.

            call: What is asked for: `Api.call` finds it, or an `ApiCall` with scopes.

            organization: The organization in which it is asked, where the API is not one's own.

        Returns:
            The call with what was found out, and with the backend JWT where one is made.

        Raises:
            Refused: It may not: the token is not good (401), or not for this (403); `Refused.reason` says why.
            KeyManagerUnavailable: Nobody can tell now (503).
            ConfigurationError: *call* is no call, *organization* not its own, or no backend JWT can be made for it.
        """
        if organization is not None or call.__class__ is not ApiCall:
            call = _in(call, organization)
        found: Any = self._remembered(token, call)
        if found.__class__ is AuthorizedCall:
            return found
        return run(self._decide(token, call, found, self._registry.ports))

    async def avalidate(self, token: str | None, call: ApiCall, *, organization: str | None = None) -> AuthorizedCall:
        """
        Do what `validate` does, for asyncio callers.

        Args:
            token: As for `validate`, like *call* and *organization*.

            call: See there.

            organization: See there.

        Raises:
            Refused: As `validate` does.
            KeyManagerUnavailable: As `validate` does.
            ConfigurationError: As `validate` does.
        """
        if organization is not None or call.__class__ is not ApiCall:
            call = _in(call, organization)
        found: Any = self._remembered(token, call)
        if found.__class__ is AuthorizedCall:
            return found
        return await self._decide(token, call, found, self._registry.aports)

    def decide(self, token: str | None, call: ApiCall, *, organization: str | None = None) -> AuthorizedCall | Refusal:
        """Do what `validate` does, and return a refusal as a value, which is false; the other errors are raised."""
        try:
            return self.validate(token, call, organization=organization)
        except Refused as refused:
            return Refusal.of(refused)

    async def adecide(
        self, token: str | None, call: ApiCall, *, organization: str | None = None
    ) -> AuthorizedCall | Refusal:
        """Do what `decide` does, for asyncio callers."""
        try:
            return await self.avalidate(token, call, organization=organization)
        except Refused as refused:
            return Refusal.of(refused)

    def explain(
        self, token: str | None, call: ApiCall | None = None, *, organization: str | None = None
    ) -> Explanation:
        """
        Tell what becomes of a token, step by step, as `validate` finds it now; it does not matter how bad it is.

        Args:
            token: As for `validate`.

            call: What is asked for; None to look at the token alone.

            organization: As for `validate`.

        Returns:
            What was looked at and decided, without the token; ``print`` shows it as a table.

        Raises:
            ConfigurationError: As `validate` does.
        """
        return run(self._explain(token, call, organization, self._registry.ports))

    async def aexplain(
        self, token: str | None, call: ApiCall | None = None, *, organization: str | None = None
    ) -> Explanation:
        """Do what `explain` does, for asyncio callers."""
        return await self._explain(token, call, organization, self._registry.aports)

    def _remembered(self, token: Any, call: ApiCall) -> AuthorizedCall | VerifiedToken | Key | None:
        """Return an authorized call if all it takes is remembered and still good; or else what is, without I/O."""
        target, ports = call.target, self._registry.ports
        found: Any = self._memory.look_up(token, target.organization, ports, target.key_managers)
        if found.__class__ is VerifiedToken:
            decided: Any = found.decided.by
            decision = None if decided is None else decided.get(target.number)
            if (
                decision is not None
                and decision.under is self._subscriptions.version
                and decision.keys is self._backend_jwts.version
                and ports.clock.wall() < decision.good_until
            ):
                return AuthorizedCall(found, call, decision)
        return found  # type: ignore[no-any-return]

    async def _decide(self, token: Any, call: ApiCall, found: Any, ports: Ports) -> AuthorizedCall:
        if token is None:
            return without_token(call)
        for _ in range(TRIES):
            verified = await self._verify(token, call, found, ports)  # may ask a key manager
            decision = await self._authorizer.decide(token, verified, call, ports)  # loads facts, checks, issues
            if self._memory.stands(verified, token, call.target.organization, ports, call.target.key_managers):
                return AuthorizedCall(verified, call, decision)
            found = self._remembered(token, call)  # something changed while that was awaited
            if found.__class__ is AuthorizedCall:
                return found
        raise KeyManagerUnavailable(ALWAYS_CHANGING)

    async def _explain(self, token: Any, call: ApiCall | None, organization: str | None, ports: Ports) -> Explanation:
        asked = _in(ApiCall() if call is None else call, organization)

        async def flow(traced: Ports) -> VerifiedToken | None:
            note(traced, "memory", _REMEMBERED.get(type(self._remembered(token, asked)), "the token is not known"))
            if call is None:
                return await self._verify(token, asked, None, traced)
            return (await self._decide(token, asked, None, traced)).token

        return await explained(flow, token, asked.target.organization, ports)

    async def _verify(self, token: Any, call: ApiCall, found: Any, ports: Ports) -> VerifiedToken:
        if found.__class__ is VerifiedToken:
            return found
        target = call.target
        verified = await self._tokens.averified(token, target.organization, target.key_managers, ports)
        return self._memory.remember(found, verified)


_REMEMBERED: dict[type, str] = {
    AuthorizedCall: "known, with this verdict and all that belongs to it, which a call would be given",
    VerifiedToken: "known as a good token, which a call would not verify again",
}


def _in(call: ApiCall, organization: str | None) -> ApiCall:
    if not isinstance(call, ApiCall):
        raise ConfigurationError("a call is what Api.call returns, or an ApiCall")
    return call if organization is None else call.in_organization(organization)
