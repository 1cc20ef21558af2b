"""
Law: what was learnt of tokens before changes no verdict.

A validator that has verified tokens laid out in the same way says of the next one what a new validator says, reason,
claim and claims set included.
"""

from __future__ import annotations

from typing import Any

from hypothesis import event, given
from hypothesis import strategies as st

from kmvalidate import ANY_AUDIENCE, ClientIdInstead, JwtValidator, ProviderProfile, Reason, Refused, TokenKinds
from kmvalidate.tokens import recognise
from tests.laws.strategies import CLAIM_NAMES, claim_values, spelt
from tests.signing import (
    AUDIENCE,
    NOW,
    KeyManagerRegistry,
    NoNetwork,
    SetClock,
    dumps,
    good_claims,
    good_header,
    manager,
    token,
)


def check(values: Any, names: Any) -> None:
    """Refuse an umbrella's token, and one that names a nonce beside an organization."""
    if values.get("org") == "umbrella" or {"org", "nonce"} <= names:
        raise Refused(Reason.CLAIM_MISMATCH, claim="org", got=values.get("org"))


CONFIGURATIONS: list[dict[str, Any]] = [
    {},
    {"audience": ANY_AUDIENCE},
    {"audience": ClientIdInstead("shop")},
    {"audience": (AUDIENCE, "menu"), "leeway_s": 0},
    {"required_claims": ("org", "sub", "scope")},
    {"claim_values": {"org": "acme", "tier": 1}},
    {"max_age_s": 300, "max_lifetime_s": 600},
    {"consumer_key_claims": ("org", "sub"), "scope_claims": ("tier", "aud")},
    {"consumer_key_claims": "aud", "scope_claims": "sub"},
    {"consumer_key_claims": "jti", "scope_claims": ("iss", "jti")},
    {"token_kinds": TokenKinds(required_markers="typ", foreign_claims={"org": "a badge"})},
    {"token_kinds": TokenKinds(required_markers="typ", required_signs="azp", telling_types="at+jwt")},
    {"token_kinds": TokenKinds(prefixes={"jti": "7f", "sub": "a"}, required_signs=("azp", "tier"))},
    {"token_kinds": TokenKinds(prefixes={"org": "a"}), "consumer_key_claims": "org", "scope_claims": "jti"},
    {"profile": ProviderProfile(check=check, checked_claims=("org", "ver"))},
    {"profile": ProviderProfile(foreign_audiences={"menu": "It is the menu's."})},
    {"claim_in": {"org": ["acme", None], "tier": [1, "a"]}},
    {"any_role": "chef", "role_claims": ["tier", ("nested", "a")]},
]

passing = st.fixed_dictionaries(
    {},
    optional={
        "typ": st.sampled_from(["Bearer", "JWT"]),
        "org": st.sampled_from(["acme", "umbrella", None, 1]),
        "tier": st.sampled_from([1, "gold", ["a", "b"]]),
        "aud": st.sampled_from([AUDIENCE, [AUDIENCE, "x"], "menu"]),
        "scope": st.sampled_from(["a b", ["a"], ""]),
        "azp": st.sampled_from(["shop", "till"]),
        'odd "name"\n': st.just(1),
        "nested": st.just({"a": [{"b": None}, True, 10**30]}),
        "exp": st.sampled_from([NOW + 300, NOW + 300.5]),
    },
)
changes = st.dictionaries(st.sampled_from(CLAIM_NAMES), claim_values, max_size=2)


def verdict(check: JwtValidator, text: str) -> Any:
    try:
        verified = check.validate(text)
    except Refused as refused:
        return refused.reason, str(refused), refused.key_manager
    names = verified.scopes, verified.roles, verified.groups, verified.permissions
    return dict(verified.claims), names, verified.consumer_key, verified.expires_at, verified.audience


@given(
    st.sampled_from(CONFIGURATIONS),
    st.lists(passing, min_size=1, max_size=3),
    changes,
    st.lists(st.sampled_from(["at+jwt", "JWT"]), min_size=2, max_size=2),
    st.data(),
)
def test_what_was_learnt_changes_no_verdict(configuration, seen, change, types, data):
    """A validator that verified tokens before says of any other exactly what a new one says."""
    registry = KeyManagerRegistry([manager(**configuration)], transport=NoNetwork(), clock=SetClock())
    learnt, new = JwtValidator(registry), JwtValidator(registry)
    for claims in seen:
        verdict(learnt, token(good_claims(**claims), good_header("EdDSA", typ=types[0]), alg="EdDSA"))
    claims = good_claims(**seen[0])
    same_names = {name: change.get(name, claims[name]) for name in claims}
    payload = data.draw(st.sampled_from([dumps(same_names), dumps(claims | change)]) | spelt(claims | change))
    text = token(payload, good_header("EdDSA", typ=types[1]), alg="EdDSA")
    event(f"read at once: {learnt._routes.recall(recognise(text), None) is not None}")
    assert verdict(learnt, text) == verdict(new, text)
