"""
The JWT half of verification: from a well-formed JWT to a `VerifiedToken`.

Rules kept here: the issuer in the token chooses among configured key managers and decides nothing else; the signature
is verified with that issuer's own key before anything the token says is believed; the issuer is compared again
with it. How a header segment is verified is remembered, and only after a signature was good; it counts for the
issuer and the key set it was resolved in and for no other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from kmvalidate.errors import ConfigurationError, Reason, Refused
from kmvalidate.ports import run
from kmvalidate.routes import Binding, Routes
from kmvalidate.signatures import verifier
from kmvalidate.tokens import (
    DEFAULT_MAX_TOKEN_BYTES,
    Header,
    Jwt,
    VerifiedToken,
    checked_max_bytes,
    parse_claims,
    parse_header,
    recognise,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kmvalidate.issuer_state import IssuerState
    from kmvalidate.ports import BlockingPorts, Ports


class Issuers(Protocol):
    """What JWTs are verified against: a `KeyManagerRegistry`."""

    ports: BlockingPorts
    states: Mapping[str, IssuerState]

    def unknown(self, issuer: object) -> Refused:
        """Return why a token is refused whose issuer is none of `states`."""
        ...  # pragma: no cover


class JwtValidator:
    """
    Verifies the JWTs of many issuers, each with its own keys. `TokenValidator` is built of it; it is useful alone.

    Args:
        registry: The key managers.

        max_token_bytes: The largest token looked at, in bytes.

    Raises:
        ConfigurationError: *registry* is no registry, or *max_token_bytes* no whole number of at least 1.
    """

    def __init__(self, registry: Issuers, *, max_token_bytes: int = DEFAULT_MAX_TOKEN_BYTES) -> None:
        if not hasattr(registry, "states"):
            raise ConfigurationError("a validator is made of a KeyManagerRegistry")
        self._registry = registry
        self._max_token_bytes = checked_max_bytes(max_token_bytes)
        self._routes = Routes()

    def validate(self, token: str) -> VerifiedToken:
        """
        Verify a JWT.

        Args:
            token: The JWT in its compact form.

        Raises:
            Refused: It is not good; `Refused.reason` says why.
            KeyManagerUnavailable: Its issuer's keys are needed and cannot be had now.
        """
        jwt = recognise(token, self._max_token_bytes)
        if not isinstance(jwt, Jwt):
            raise Refused(Reason.OPAQUE_TOKEN)
        ports = self._registry.ports
        return self.verify_now(jwt, ports) or run(self.verify(jwt, ports))

    def verify_now(self, jwt: Jwt, ports: Ports) -> VerifiedToken | None:
        """
        Verify a JWT that is like others before it: plain code, without I/O and without a coroutine.

        Its header segment says where to look, and nothing else: the issuer in the payload must be that one's.

        Returns:
            What was proved; None if that takes a closer look, or keys that are not here (`verify`).

        Raises:
            Refused: Its signature is not good.
        """
        recalled = self._routes.recall(jwt)
        if recalled is None:
            return None
        binding, claims = recalled
        if self._registry.states.get(claims.iss) is not binding.state or not binding.stands(ports):
            return None
        if not binding.rules.hold(claims, ports.clock.wall()):
            return None
        if not binding.is_good(jwt.signature, jwt.signing_input):
            raise Refused(Reason.BAD_SIGNATURE, key_manager=binding.key_manager)
        return VerifiedToken(claims.exp, binding, jwt.unverified_payload)

    async def verify(self, jwt: Jwt, ports: Ports) -> VerifiedToken:
        """
        Verify a JWT, whatever it takes; *ports* are the caller's.

        Raises:
            Refused: It is not good.
            KeyManagerUnavailable: Its issuer's keys are needed and cannot be had now.
        """
        claims = parse_claims(jwt)
        state = self._state(claims)
        try:
            binding = await self._find(jwt, state, ports)
            if not binding.is_good(jwt.signature, jwt.signing_input):
                raise Refused(Reason.BAD_SIGNATURE)  # noqa: TRY301  # told with the key manager's name, like the others
            state.rules.check(claims, ports.clock.wall())
        except Refused as refused:
            refused.key_manager = state.manager.name
            raise
        self._routes.learn(jwt, claims, binding)
        return VerifiedToken(claims["exp"], binding, jwt.unverified_payload)

    async def _find(self, jwt: Jwt, state: IssuerState, ports: Ports) -> Binding:
        """Return how the token is verified: as one with the same header was, or by a look at it."""
        known = self._routes.find(jwt, state.manager.issuer)
        if known is not None and known.state is state and known.stands(ports):
            return known
        header = parse_header(jwt)
        return await _find_key(header, _checked_shapes(header, state), state, ports)

    def _state(self, claims: dict[str, Any]) -> IssuerState:
        issuer: Any = claims.get("iss")
        state = self._registry.states.get(issuer) if issuer.__class__ is str else None
        if state is None:
            raise self._registry.unknown(issuer)
        return state


async def _find_key(header: Header, shapes: tuple[str, ...], state: IssuerState, ports: Ports) -> Binding:
    snapshot = state.source.ready(ports) or await state.source.wait(ports)
    key = snapshot.key_set.find(header, shapes)
    if key is None:
        snapshot = await state.source.newer(snapshot, ports)
        key = snapshot.key_set.find(header, shapes)
    if key is None:
        raise Refused(Reason.UNKNOWN_KEY, claim="kid", got=header.key_name)
    manager, is_good = state.manager, verifier(header.alg, key)
    return Binding(manager.name, manager.issuer, key.kid, state.rules, state, snapshot.key_set, is_good)


def _checked_shapes(header: Header, state: IssuerState) -> tuple[str, ...]:
    shapes = state.shapes.get(header.alg, ())
    if not shapes:
        raise Refused(Reason.ALGORITHM_NOT_ALLOWED, claim="alg", expected=tuple(state.shapes), got=header.alg)
    state.manager.token_kinds.check_header(header.type)
    return shapes
