"""Claims of every JSON type in every claim, against the rules of RFC 7519 section 4.1 written out plainly."""

import json
import math

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from kmvalidate import ANY_AUDIENCE, ClientIdInstead
from kmvalidate.rules import FOREIGN_CLAIMS, MARKERS
from tests.laws.strategies import CLAIM_NAMES, JSON_POOL, TELLING_POOL, claim_values
from tests.signing import (
    ABSENT,
    AUDIENCE,
    ISSUER,
    NOW,
    changed,
    good_claims,
    good_header,
    manager,
    reason,
    token,
    validator,
)

pytestmark = pytest.mark.law

RULES = [
    {},
    {"leeway_s": 0},
    {"audience": ANY_AUDIENCE},
    {"audience": ClientIdInstead("shop")},
    {"max_age_s": 60, "leeway_s": 0},
    {"max_lifetime_s": 60},
    {"required_claims": ("org", "sub"), "claim_values": {"tier": 1}},
    {"consumer_key_claims": ("azp",), "scope_claims": ("scp", "scope")},
    {"claim_in": {"tier": [1, "gold"], "org": ["acme"]}},
    {"any_role": ("a", "x"), "role_claims": ("tier", ("org", "a"))},
]


def is_number(value: object) -> bool:
    return type(value) in {int, float} and math.isfinite(value)


def are_strings(value: object) -> bool:
    return type(value) is list and all(type(member) is str for member in value)


def times_are_good(claims: dict, rules: dict) -> bool:
    """RFC 7519 sections 4.1.4 to 4.1.6, with the leeway on our side of each."""
    leeway = rules.get("leeway_s", 60)
    if not all(is_number(claims[name]) for name in ("exp", "nbf", "iat") if name in claims):
        return False
    if "exp" not in claims or not claims["exp"] + leeway > NOW:
        return False
    if claims.get("nbf", NOW) > NOW + leeway or claims.get("iat", NOW) > NOW + leeway:
        return False
    if "max_age_s" in rules and not ("iat" in claims and NOW - claims["iat"] <= rules["max_age_s"] + leeway):
        return False
    return "max_lifetime_s" not in rules or (
        "iat" in claims and claims["exp"] - claims["iat"] <= rules["max_lifetime_s"]
    )


def client_id(claims: dict, rules: dict) -> object:
    there = [name for name in rules.get("consumer_key_claims", ("client_id", "azp")) if name in claims]
    return claims[there[0]] if there else None


def audience_is_good(claims: dict, rules: dict) -> bool:
    """RFC 7519 section 4.1.3: a string or an array of strings, one of which is ours."""
    wanted = rules.get("audience", AUDIENCE)
    if "aud" in claims and not (type(claims["aud"]) is str or are_strings(claims["aud"])):
        return False
    if wanted is ANY_AUDIENCE:
        return True
    if isinstance(wanted, ClientIdInstead):
        return client_id(claims, rules) == "shop"
    named = claims.get("aud", [])
    return wanted == named or (type(named) is list and wanted in named)


def names_are_good(claims: dict, rules: dict) -> bool:
    if not all(type(claims[name]) is str for name in ("sub", "jti") if name in claims):
        return False
    there = [name for name in rules.get("consumer_key_claims", ("client_id", "azp")) if name in claims]
    if there and not (type(claims[there[0]]) is str and claims[there[0]] != ""):
        return False
    there = [name for name in rules.get("scope_claims", ("scope", "scp")) if name in claims]
    return not there or type(claims[there[0]]) is str or are_strings(claims[there[0]])


def kind_is_good(claims: dict) -> bool:
    """RFC 8725 section 3.11 and 3.12: no sign of another kind of token, and no binding that nobody checked."""
    if "cnf" in claims or any(name in claims for name in FOREIGN_CLAIMS if name != "nonce"):
        return False
    if "nonce" in claims and not any(name in claims for name in ("scope", "scp", *MARKERS)):
        return False
    told = {name: claims[name] for name in MARKERS if name in claims}
    return all(type(value) is str and value.lower() in MARKERS[name] for name, value in told.items())


def demands_are_met(claims: dict, rules: dict) -> bool:
    if any(claims.get(name) is None for name in rules.get("required_claims", ())):
        return False
    fixed = rules.get("claim_values", {})
    if not all(name in claims and json.dumps(claims[name]) == json.dumps(value) for name, value in fixed.items()):
        return False
    for name, choice in rules.get("claim_in", {}).items():
        has = claims.get(name, ABSENT)
        if has is ABSENT or not any(is_or_holds(has, value) for value in choice):
            return False
    return "any_role" not in rules or bool((roles(claims) or set()) & set(rules["any_role"]))


def is_or_holds(has: object, value: object) -> bool:
    held = has if isinstance(has, list) else []
    return json.dumps(value) in {json.dumps(has), *map(json.dumps, held)}


def roles(claims: dict) -> set | None:
    """Return the roles in ``tier`` and in ``org.a``, None if one of them is something else than names."""
    if "_claim_names" in claims or "hastier" in claims or "hasorg" in claims:
        return None
    org = claims.get("org", {})
    if type(org) is not dict:
        return None
    found = set()
    for value in (claims.get("tier", []), org.get("a", [])):
        if type(value) is str:
            found.add(value)
        elif are_strings(value) or (type(value) is dict and all(map(is_grant, value.values()))):
            found |= set(value)
        else:
            return None
    return found


def is_grant(by: object) -> bool:
    return type(by) is dict and bool(by) and are_strings(list(by.values()))


def oracle(claims: dict, rules: dict) -> bool:
    return (
        claims.get("iss") == ISSUER
        and times_are_good(claims, rules)
        and audience_is_good(claims, rules)
        and names_are_good(claims, rules)
        and kind_is_good(claims)
        and demands_are_met(claims, rules)
    )


def is_accepted(claims: dict, rules: dict) -> bool:
    return reason(manager(**rules).claim_rules().check, claims, NOW) == "GOOD"


class TestAVerdictIsWhatTheRulesSay:
    """Each claim has the type that its specification gives it, and no other."""

    @pytest.mark.parametrize("name", CLAIM_NAMES)
    @pytest.mark.parametrize("rules", RULES, ids=lambda rules: "-".join(rules) + str(rules.get("audience", ""))[:3])
    def test_every_value_of_the_table_in_every_claim(self, rules, name):
        """Every JSON type and every telling value in every claim gets the oracle's verdict."""
        for value in [ABSENT, *JSON_POOL, *TELLING_POOL]:
            for base in (good_claims(), good_claims(org="acme", tier=1, iat=NOW - 1, exp=NOW + 50)):
                claims = changed(base, {name: value})
                assert (value, is_accepted(claims, rules)) == (value, oracle(claims, rules))

    @settings(max_examples=400)
    @example({"sub": None}, {})
    @given(
        st.dictionaries(st.sampled_from(CLAIM_NAMES), st.just(ABSENT) | claim_values, max_size=4),
        st.sampled_from(RULES),
    )
    def test_any_changes_of_any_claims(self, changes, rules):
        """Any values in any claims of a good token get the oracle's verdict."""
        claims = changed(good_claims(org="acme", tier=1), changes)
        assert is_accepted(claims, rules) == oracle(claims, rules)

    @given(st.dictionaries(st.sampled_from(CLAIM_NAMES), claim_values))
    def test_any_claims_from_nothing(self, claims):
        """Any claims set at all gets the oracle's verdict."""
        assert is_accepted(claims, {}) == oracle(claims, {})

    @given(st.dictionaries(st.sampled_from(CLAIM_NAMES), st.just(ABSENT) | claim_values, max_size=3))
    def test_a_signed_token_gets_the_same_verdict(self, changes):
        """The whole way through a signed token ends like the rules alone."""
        claims = changed(good_claims(), changes)
        accepted = (
            reason(validator().authenticate, token(claims, good_header("EdDSA", typ="JWT"), alg="EdDSA")) == "GOOD"
        )
        assert accepted == oracle(claims, {})


class TestTimesMoveOneWay:
    """What has expired stays expired, and what is valid was not too early (RFC 7519 sections 4.1.4 and 4.1.5)."""

    @given(st.integers(-500, 500), st.integers(-500, 500), st.sampled_from([0, 1, 60, 299.5]), st.integers(0, 400))
    def test_an_expired_token_does_not_come_back(self, ends, begins, leeway_s, later):
        """A token that is expired now is expired at every later time, and one not yet valid was not valid before."""
        rules, claims = (
            manager(leeway_s=leeway_s).claim_rules(),
            good_claims(exp=NOW + ends, nbf=NOW + begins, iat=ABSENT),
        )
        now = reason(rules.check_times, claims, NOW)
        assert now != "EXPIRED" or reason(rules.check_times, claims, NOW + later) == "EXPIRED"
        assert now != "NOT_YET_VALID" or reason(rules.check_times, claims, NOW - later) != "GOOD"

    @given(st.floats(allow_nan=False, allow_infinity=False), st.floats(allow_nan=False, allow_infinity=False))
    def test_a_moment_decides(self, ends, now):
        """Without leeway a token is good exactly while now < exp."""
        claims = good_claims(exp=ends, nbf=ABSENT, iat=ABSENT)
        assert (reason(manager(leeway_s=0).claim_rules().check_times, claims, now) == "GOOD") == (now < ends)
