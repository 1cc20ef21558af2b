"""
The tokens of ``kmvalidate demo``: data, and how each is made.

Rules kept here: every bad token is what a real mistake or a real attack looks like, and is wrong in one way only.
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import attrs

from kmvalidate.apis import ApiCall
from kmvalidate.demands import Demands
from kmvalidate.errors import Reason
from kmvalidate.testing import SigningKey, tampered

if TYPE_CHECKING:
    from collections.abc import Callable

    from kmvalidate.cli._demo_cast import Cast
    from kmvalidate.testing import SimulatedProvider

    Make = Callable[[Cast], str | None]

ANYTHING = ApiCall()
ACCEPTED = "accepted"
UNAVAILABLE = "unavailable"

_COOLDOWN_S = 11  # a second more than the least time between two fetches that unknown keys cause
_BRANCH = "66666666-7777-4888-8999-000000000000"
_BACKOFF_S = 31  # a second more than the longest time for which a provider that failed is left alone
_REMEMBERED_S = 61  # a second more than the longest time for which an answer about an opaque token is remembered
_FOR_CHEFS_OF_ENTRA = ApiCall(demands=Demands(any_group="chefs"))
_FOR_CHEFS = ApiCall(demands=Demands(any_role="chef"))


def _nothing(_: Cast) -> None:
    """Time does not even pass."""


@attrs.frozen
class Case:
    """
    One token and what should become of it.

    Args:
        title: What it is, in a few words.

        make: Makes it; None for a call without one.

        outcome: Why it should be refused, or ``ACCEPTED`` or ``UNAVAILABLE``.

        call: What is asked for with it; by default nothing that takes more than a good token.
    """

    title: str
    make: Make
    outcome: Reason | str
    call: ApiCall = ANYTHING


@attrs.frozen
class Phase:
    """
    Tokens that are sent one after the other.

    Args:
        title: What they have in common.

        cases: The tokens.

        happens: What happens before.
    """

    title: str
    cases: tuple[Case, ...]
    happens: Callable[[Cast], None] = _nothing


def token_of(kind: str, **wishes: object) -> Make:
    return lambda cast: _provider(cast, kind).token(**wishes)  # type: ignore[arg-type]


def _by(kind: str, issuer: Callable[[str], str]) -> Make:
    """Return what makes a token of another issuer, given that of the provider of that kind."""
    return lambda cast: _provider(cast, kind).token(claims={"iss": issuer(_provider(cast, kind).issuer)})


def _elsewhere(issuer: str) -> str:
    return "https://sso.internal/realms/" + issuer.rpartition("/")[2]


def _of_the_org_server(issuer: str) -> str:
    return issuer.partition("/oauth2/")[0]


def _of_a_branch(issuer: str) -> str:
    return issuer.replace("/oauth2/token", f"/o/{_BRANCH}/oauth2/token")


def _overage(cast: Cast) -> str:
    """More than 200 groups: the token says where to ask for them."""
    sources = {"_claim_names": {"groups": "src1"}, "_claim_sources": {"src1": {"endpoint": "https://graph.example"}}}
    return cast.entra_id.token(claims={"groups": None, **sources})


def _alike(kind: str, name: str) -> Make:
    return lambda cast: _provider(cast, kind).look_alike(name)


def _kept(name: str) -> Make:
    return lambda cast: cast.kept[name]


def _provider(cast: Cast, kind: str) -> SimulatedProvider:
    provider: SimulatedProvider = getattr(cast, kind)
    return provider


def _hmac_with_the_public_key(cast: Cast) -> str:
    """RFC 8725 section 2.1: what everybody knows is taken for a shared secret."""
    return cast.entra_id.token(header={"alg": "HS256"}, key=cast.entra_id.key().public_pem)


def _forged(cast: Cast) -> str:
    """Everything is right but the key: it has the good key's id, and belongs to somebody else."""
    return cast.asgardeo.token(key=SigningKey.make("RS256", "of a stranger"))


def _signed_by_a_neighbour(cast: Cast) -> str:
    """Another configured provider's key, under its own key id: keys belong to an issuer."""
    key = cast.okta.key()
    return cast.keycloak.token(header={"kid": key.kid}, key=key)


def _changes_its_key(cast: Cast) -> None:
    cast.clock.advance(_COOLDOWN_S)
    cast.kept["old"] = cast.keycloak.token()
    cast.keycloak.rotate()


def _replaces_its_key(cast: Cast) -> None:
    cast.kept["lost"] = cast.auth0.token()
    cast.auth0.rotate(overlap=False)


def _goes_down(cast: Cast) -> None:
    cast.clock.advance(_COOLDOWN_S)
    cast.kept["known"] = cast.okta.token()
    cast.okta.fail("down")
    cast.okta.rotate()


def _keeps_an_opaque_token(cast: Cast) -> None:
    cast.kept["opaque"] = cast.asgardeo.opaque_token()


def _revokes_it(cast: Cast) -> None:
    cast.asgardeo.revoke(cast.kept["opaque"])
    cast.clock.advance(_REMEMBERED_S)


def _comes_back(cast: Cast) -> None:
    cast.clock.advance(_BACKOFF_S)
    cast.okta.recover()


_GOOD = (
    Case("Keycloak", token_of("keycloak"), ACCEPTED),
    Case("Entra ID, v2.0", token_of("entra_id", version="2.0"), ACCEPTED),
    Case("Entra ID, v1.0", token_of("entra_id", version="1.0"), ACCEPTED),
    Case("Okta", token_of("okta"), ACCEPTED),
    Case("Asgardeo", token_of("asgardeo"), ACCEPTED),
    Case("Auth0", token_of("auth0"), ACCEPTED),
    Case("Auth0, RFC 9068 profile", token_of("auth0", version="rfc9068", application=True), ACCEPTED),
)
_LOOK_ALIKES = (
    Case("Keycloak, ID token", _alike("keycloak", "ID token"), Reason.WRONG_TOKEN_KIND),
    Case("Keycloak, offline token", _alike("keycloak", "offline token"), Reason.WRONG_TOKEN_KIND),
    Case("Entra ID, ID token", _alike("entra_id", "ID token"), Reason.WRONG_TOKEN_KIND),
    Case("Okta, ID token", _alike("okta", "ID token"), Reason.WRONG_TOKEN_KIND),
    Case("Okta, logout token", _alike("okta", "logout token"), Reason.WRONG_TOKEN_KIND),
    Case("Asgardeo, refresh token", _alike("asgardeo", "refresh token"), Reason.WRONG_TOKEN_KIND),
    Case("Auth0, ID token", _alike("auth0", "ID token"), Reason.WRONG_TOKEN_KIND),
)
_MISTAKES = (
    Case("expired", token_of("keycloak", expires_in_s=-600), Reason.EXPIRED),
    Case("Keycloak, aud `account`", token_of("keycloak", audience="account"), Reason.WRONG_AUDIENCE),
    Case("Entra ID, for Graph", _alike("entra_id", "Graph token"), Reason.WRONG_AUDIENCE),
    Case("Okta, for another API", token_of("okta", audience="api://billing"), Reason.WRONG_AUDIENCE),
    Case("Asgardeo, for its client", token_of("asgardeo", audience="web-shop"), Reason.WRONG_AUDIENCE),
    Case("Auth0, for /userinfo", _alike("auth0", "token for /userinfo"), Reason.WRONG_AUDIENCE),
    Case("Keycloak, other address", _by("keycloak", _elsewhere), Reason.UNKNOWN_ISSUER),
    Case("Entra ID, other tenant", _alike("entra_id", "token of a foreign tenant"), Reason.UNKNOWN_ISSUER),
    Case("Okta, org server", _by("okta", _of_the_org_server), Reason.UNKNOWN_ISSUER),
    Case("Asgardeo, sub-org", _by("asgardeo", _of_a_branch), Reason.UNKNOWN_ISSUER),
    Case("Auth0, no slash", _by("auth0", lambda issuer: issuer.removesuffix("/")), Reason.UNKNOWN_ISSUER),
    Case("unknown issuer", _by("keycloak", lambda _: "https://idp.example"), Reason.UNKNOWN_ISSUER),
)
_RIGHTS = (
    Case("Keycloak, a chef", token_of("keycloak", roles={"chef"}), ACCEPTED, _FOR_CHEFS),
    Case("Keycloak, a waiter", token_of("keycloak", roles={"waiter"}), Reason.MISSING_ROLE, _FOR_CHEFS),
    Case("Entra ID, too many groups", _overage, Reason.UNKNOWN_ROLES, _FOR_CHEFS_OF_ENTRA),
)
_ATTACKS = (
    Case("changed after signing", lambda cast: tampered(cast.okta.token(), sub="admin"), Reason.BAD_SIGNATURE),
    Case("a stranger's key", _forged, Reason.BAD_SIGNATURE),
    Case("another provider's key", _signed_by_a_neighbour, Reason.BAD_SIGNATURE),
    Case("a key id made up", token_of("auth0", header={"kid": "made-up"}), Reason.UNKNOWN_KEY),
    Case('unsigned (alg "none")', token_of("okta", header={"alg": "none"}, key=b""), Reason.ALGORITHM_NOT_ALLOWED),
    Case("HS256, the public key", _hmac_with_the_public_key, Reason.ALGORITHM_NOT_ALLOWED),
)
_CHANGED = (
    Case("Keycloak, new key", token_of("keycloak"), ACCEPTED),
    Case("Keycloak, old key", _kept("old"), ACCEPTED),
)
_REPLACED = (
    Case("Auth0, new key", token_of("auth0"), ACCEPTED),
    Case("Auth0, lost key", _kept("lost"), Reason.UNKNOWN_KEY),
)
_DOWN = (
    Case("Okta, known key", _kept("known"), ACCEPTED),
    Case("Okta, new key", token_of("okta"), UNAVAILABLE),
    Case("Keycloak meanwhile", token_of("keycloak"), ACCEPTED),
    Case("Entra ID meanwhile", token_of("entra_id"), ACCEPTED),
    Case("Asgardeo meanwhile", token_of("asgardeo"), ACCEPTED),
    Case("Auth0 meanwhile", token_of("auth0"), ACCEPTED),
)
_OPAQUE = (
    Case("Asgardeo, opaque", _kept("opaque"), ACCEPTED),
    Case("the same again", _kept("opaque"), ACCEPTED),
    Case("Asgardeo, refresh token", lambda cast: cast.asgardeo.refresh_token(), Reason.WRONG_TOKEN_KIND),
    Case("made up, of that form", lambda _: str(uuid.UUID(int=7)), Reason.INACTIVE),
    Case("of nobody's form", lambda _: "made-up", Reason.OPAQUE_TOKEN),
)

#: The tokens, in the order in which they are sent.
TOKENS = (
    Phase("Good tokens", _GOOD),
    Phase("Signed with the same keys, and no access tokens", _LOOK_ALIKES),
    Phase("Mistakes of every day", _MISTAKES),
    Phase("Good tokens, for an API that is not for everybody", _RIGHTS),
    Phase("Attacks", _ATTACKS),
    Phase("Keycloak changes its key, and publishes the old one a while longer", _CHANGED, _changes_its_key),
    Phase("Auth0 has lost its key, and publishes another in its place", _REPLACED, _replaces_its_key),
    Phase("Okta changes its key and goes down", _DOWN, _goes_down),
    Phase("Okta is back", (Case("Okta, new key", token_of("okta"), ACCEPTED),), _comes_back),
    Phase("Opaque tokens: Asgardeo is asked about those that look like its own", _OPAQUE, _keeps_an_opaque_token),
    Phase(
        "It revokes one; an answer is remembered for a minute",
        (Case("revoked", _kept("opaque"), Reason.INACTIVE),),
        _revokes_it,
    ),
)
