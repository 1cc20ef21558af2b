"""
The nine tokens of ``kmvalidate demo``: data, and how each is made.

Rules kept here: every bad token is what a real mistake or a real attack looks like, and is wrong in one way only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from kmvalidate.errors import Reason
from kmvalidate.testing import tampered

if TYPE_CHECKING:
    from collections.abc import Callable

    from kmvalidate.testing import LocalIssuer


@attrs.frozen
class Case:
    """
    One token and what should become of it.

    Args:
        title: What it is, in a few words.

        make: Makes it, given the configured issuer and one that nobody configured.

        reason: Why it should be refused; None if it should be accepted.
    """

    title: str
    make: Callable[[LocalIssuer, LocalIssuer], str]
    reason: Reason | None


def _unsigned(idp: LocalIssuer, _: LocalIssuer) -> str:
    """RFC 8725 section 2.1: the header says that no signature is needed."""
    return idp.sign({"typ": "at+jwt", "alg": "none"}, idp.claims())


def _hmac_with_the_public_key(idp: LocalIssuer, _: LocalIssuer) -> str:
    """RFC 8725 section 2.1: what everybody knows is taken for a shared secret."""
    key = idp.key("RS256")
    return idp.sign({"typ": "at+jwt", "alg": "HS256", "kid": key.kid}, idp.claims(), key=key.public_pem)


def _forged(idp: LocalIssuer, stranger: LocalIssuer) -> str:
    """Everything is right but the key: it has the good key's id, and belongs to somebody else."""
    return stranger.token(alg="RS256", header={"kid": idp.key("RS256").kid}, iss=idp.issuer)


def _id_token(idp: LocalIssuer, _: LocalIssuer) -> str:
    """OpenID Connect Core section 2: signed with the same key, meant for the client to read."""
    return idp.token(
        header={"typ": "JWT"}, client_id=None, scope=None, azp="orders", nonce="n-0S6", at_hash="MTIzNDU2Nzg5MA"
    )


CASES = (
    Case("a good access token", lambda idp, _: idp.token(), None),
    Case("expired ten minutes ago", lambda idp, _: idp.token(expires_in_s=-600), Reason.EXPIRED),
    Case("for another API", lambda idp, _: idp.token(aud="billing"), Reason.WRONG_AUDIENCE),
    Case("from an unknown issuer", lambda _, stranger: stranger.token(), Reason.UNKNOWN_ISSUER),
    Case("an ID token", _id_token, Reason.WRONG_TOKEN_KIND),
    Case("changed after signing", lambda idp, _: tampered(idp.token(), sub="admin"), Reason.BAD_SIGNATURE),
    Case("signed with a stranger's key", _forged, Reason.BAD_SIGNATURE),
    Case('unsigned (alg "none")', _unsigned, Reason.ALGORITHM_NOT_ALLOWED),
    Case("HS256 with the public key", _hmac_with_the_public_key, Reason.ALGORITHM_NOT_ALLOWED),
)
