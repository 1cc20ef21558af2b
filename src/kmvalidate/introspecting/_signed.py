"""
Introspection answers that are signed (RFC 9701).

Rules kept here: an answer is verified with the issuer's own keys, is of the one type that introspection answers have,
and was made for us, just now. Whatever is wrong with it is the provider's fault, never the token's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kmvalidate.errors import KeyManagerUnavailable, Refused
from kmvalidate.key_finding import find_key
from kmvalidate.signatures import verifier
from kmvalidate.tokens import Jwt, parse_claims, parse_header, recognise

if TYPE_CHECKING:
    from kmvalidate.key_manager import KeyManager
    from kmvalidate.key_snapshots import KeySource
    from kmvalidate.ports import Ports

#: What such an answer is called, with and without ``application/`` (RFC 9701 section 5).
ANSWER_TYPE = "token-introspection+jwt"
_MAX_AGE_S = 60.0
_NEVER = float("inf")


async def read_signed(
    body: bytes, manager: KeyManager, source: KeySource, client_id: str | None, ports: Ports
) -> dict[str, Any]:
    """
    Return the answer that a signed one holds.

    Args:
        body: The JWT.

        manager: The key manager that was asked.

        source: Its keys.

        client_id: Who asked; None if that is not a client, when the audience is not looked at.

        ports: The caller's.

    Raises:
        KeyManagerUnavailable: It is not what it should be, or its keys cannot be had.
    """
    try:
        return await _read(body, manager, source, client_id, ports)
    except Refused as refused:
        flaw = f"signed introspection answer: {refused.reason.name}"
    raise KeyManagerUnavailable(flaw)


async def _read(
    body: bytes, manager: KeyManager, source: KeySource, client_id: str | None, ports: Ports
) -> dict[str, Any]:
    jwt = recognise(body.decode("ascii", "replace"), len(body))
    if not isinstance(jwt, Jwt):
        raise KeyManagerUnavailable("signed introspection answer: it is no JWT")
    claims, header = parse_claims(jwt), parse_header(jwt)
    issuer = claims.get("iss")
    if header.type != ANSWER_TYPE or header.alg not in manager.algorithm_shapes():
        raise KeyManagerUnavailable("signed introspection answer: its type or its algorithm is another")
    if not isinstance(issuer, str) or issuer not in manager.issuers:
        raise KeyManagerUnavailable("signed introspection answer: it is another issuer's")
    key, _ = await find_key(header, issuer, manager, source, ports)
    if not verifier(header.alg, key)(jwt.signature, jwt.signing_input):
        raise KeyManagerUnavailable("signed introspection answer: its signature does not verify")
    _check_claims(claims, client_id, manager.leeway_s, ports.clock.wall())
    answer = claims.get("token_introspection")
    if not isinstance(answer, dict):
        raise KeyManagerUnavailable("signed introspection answer: it holds none")
    return answer


def _check_claims(claims: dict[str, Any], client_id: str | None, leeway_s: float, now: float) -> None:
    """RFC 9701 section 5: ``aud`` is who asked, ``iat`` when it was made; an old one is not the answer to this."""
    audience: Any = claims.get("aud")
    issued: Any = claims.get("iat")
    expires: Any = claims.get("exp", _NEVER)
    named = [audience] if isinstance(audience, str) else audience
    if not isinstance(named, list) or (client_id is not None and client_id not in named):
        raise KeyManagerUnavailable("signed introspection answer: it was made for somebody else")
    times_are_numbers = all(type(time) in {int, float} for time in (issued, expires))
    if not times_are_numbers or not abs(now - issued) <= leeway_s + _MAX_AGE_S or not now < expires + leeway_s:
        raise KeyManagerUnavailable("signed introspection answer: it was not made now")
