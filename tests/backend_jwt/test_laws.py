"""Whatever the token, the user and a callable say: what the generator says is what it knows."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kmvalidate.backend_jwt import GATEWAY_FACTS, PROTECTED_CLAIMS, LegacyFormat
from tests.backend_jwt.making import GRANT, RANDOM, UUID, bare, case, generator, issue, key, payload, verified
from tests.signing import ISSUER, NOW

pytestmark = pytest.mark.law

D = "http://wso2.org/claims/"
RSA = key("RS256", certified=True)
OWN = sorted(PROTECTED_CLAIMS | GATEWAY_FACTS)
LEGACY_OWN = [D + name for name in ("subscriber", "applicationid", "tier", "enduser", "keytype")] + ["organizations"]

SCALARS = st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.text(string.printable, max_size=8)
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner))
NAMES = st.sampled_from(OWN + LEGACY_OWN) | st.sampled_from(["a", "b", "email"])
CLAIMS = st.dictionaries(NAMES, VALUES, max_size=6)
# claims that a token can have and still be good
OF_TOKEN = st.dictionaries(st.sampled_from([*sorted(GATEWAY_FACTS), *LEGACY_OWN, "a", "b", "aut"]), VALUES, max_size=6)
SCOPES = st.lists(st.text("ab c", min_size=1, max_size=4), max_size=4)


def expected_scope(scopes):
    return " ".join(sorted({scope for scope in scopes if scope and " " not in scope}))


@given(of_token=OF_TOKEN, of_user=CLAIMS, of_callable=CLAIMS, scopes=SCOPES, is_known=st.booleans())
def test_strict_claims_are_what_the_gateway_knows(of_token, of_user, of_callable, scopes, is_known):
    """Each claim of the generator's own has the value that is known of the call, or is not there."""
    made = generator(audience="backends", claims={"a": "a", "b": "c"}, custom_claims=lambda _: of_callable)
    of = (case if is_known else bare)(**of_token, user_claims=of_user, scope=scopes)
    found = payload(issue(made, of))
    own = {
        "iss": made.issuer,
        "sub": "alice",
        "aud": "orders-backend" if is_known else "backends",
        "iat": NOW,
        "exp": NOW + 300,
        "jti": RANDOM.hex(),
        "client_id": "shop",
        "scope": expected_scope(scopes),
        "key_manager": {"name": "Test", "issuer": ISSUER},
    }
    if is_known:
        own |= {
            "api": {"id": "3f1c9d52", "name": "orders", "version": "1.0.0", "context": "/orders/1.0.0"},
            "application": {"id": "5d0f4c1e", "name": "Shop", "tier": "10PerMin", "owner": "bob"},
            "subscription": {"tier": "Gold"},
            "key_type": "SANDBOX",
        }
    known = {name: value for name, value in own.items() if value != ""}
    assert {name: found[name] for name in OWN if name in found} == known
    # what is named for a claim of the token comes from no user
    others = {name: value for name, value in of_user.items() if name not in {"a", "c"}}
    others |= {new: of_token[old] for old, new in (("a", "a"), ("b", "c")) if of_token.get(old) is not None}
    others |= of_callable
    assert {name: value for name, value in found.items() if name not in OWN} == {
        name: value for name, value in others.items() if name not in OWN and value is not None
    }


@given(of_token=OF_TOKEN, of_user=CLAIMS, of_callable=CLAIMS)
def test_legacy_claims_are_what_the_gateway_knows(of_token, of_user, of_callable):
    """In the legacy format too, whoever else says it: a name of the gateway's has the value that it knows."""
    made = generator(RSA, format=LegacyFormat(), custom_claims=lambda _: of_callable)
    found = payload(issue(made, case(**of_token, user_claims=of_user)))
    application = GRANT.application
    own = {
        "iss": "wso2.org/products/am",
        "sub": "alice",
        "iat": NOW,
        "exp": NOW + 300,
        "jti": UUID,
        "client_id": "shop",
        "scope": "menu:read menu:write",
        D + "subscriber": application.owner,
        D + "applicationid": str(application.number),
        D + "tier": GRANT.subscription.policy,
        D + "enduser": "alice",
        D + "keytype": GRANT.key_type,
    }
    if of_token.get("organizations"):
        own["organizations"] = of_token["organizations"]
    names = [*PROTECTED_CLAIMS, *LEGACY_OWN, "aut"]
    assert {name: found[name] for name in names if name in found} == own


LEEWAY_S = 60


@given(
    expires_in=st.integers(-LEEWAY_S + 1, 2000) | st.floats(-LEEWAY_S + 1, 2000),
    fraction=st.floats(0, 0.999),
    ttl_s=st.integers(10, 1200),
)
def test_none_outlives_its_token(expires_in, fraction, ttl_s):
    """A JWT expires no later than its token, unless that has expired: then in a second at least, and in two at most."""
    now = NOW + fraction
    token = verified(exp=NOW + expires_in)
    made = generator(ttl_s=ttl_s)
    jwt = issue(made, case(token), now)
    found = payload(jwt)
    assert found["iat"] == NOW
    if token.expires_at <= now:
        assert now + 1 <= found["exp"] < now + 2
    else:
        assert found["exp"] == int(min(token.expires_at, NOW + ttl_s))
    assert found["exp"] >= jwt.renew_at >= found["iat"]
    assert made.is_current(jwt, now) or found["exp"] - NOW <= 2
