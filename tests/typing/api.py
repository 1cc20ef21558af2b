"""
The public API as type checkers see it; checked, never run.

Each line is something a user writes. What must not type-check carries the error that says so: both checkers
complain when it is no longer one.
"""

from __future__ import annotations

from typing import assert_type

import kmvalidate as km

published = km.RemoteKeys(jwks_url="https://idp.example/keys", network=km.Network(private_addresses=True))
pinned = km.StaticKeys.from_file("legacy.pem", kid="2024-01")

keycloak = km.KeyManager(name="Keycloak", issuer="https://sso.example", audience="orders", keys=km.RemoteKeys())
partner = km.KeyManager(
    name="Partner",
    issuer="https://idp.example",
    audience=["orders", "api://orders"],
    keys=published,
    algorithms=["RS256"],
    leeway_s=30,
    required_claims=["sub"],
    claim_values={"tenant": "acme"},
)
open_to_all = km.KeyManager(name="Pinned", issuer="urn:legacy", audience=km.ANY_AUDIENCE, keys=pinned)
by_client = km.KeyManager(name="Old", issuer="urn:old", audience=km.ClientIdInstead("orders-client"), keys=pinned)
without_audience = km.KeyManager(name="Careless", issuer="urn:x", keys=pinned)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]

registry = km.KeyManagerRegistry([keycloak, partner, open_to_all, by_client])
validator = km.TokenValidator(registry)


def handle(bearer: str) -> tuple[int, str]:
    """Answer as a resource server does."""
    try:
        token = validator.authenticate(bearer)
    except km.Refused as refused:
        assert_type(refused.reason, km.Reason)
        assert_type(refused.reason.status, int)
        assert_type(refused.hint, str | None)
        return refused.reason.status, refused.reason.sentence
    except km.KeyManagerUnavailable as outage:
        assert_type(outage.retry_after_s, float)
        return 503, outage.why
    assert_type(token, km.VerifiedToken)
    assert_type(token.subject, str | None)
    assert_type(token.consumer_key, str | None)
    assert_type(token.scopes, frozenset[str])
    assert_type(token.issuer, str)
    assert_type(token.key_manager, str)
    return 200, token.key_manager
