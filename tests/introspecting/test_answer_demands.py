"""Introspection answers: what shows another kind of token, what must be there, and what a key manager demands."""

import pytest

from kmvalidate.introspecting._answers import AnswerChecks
from kmvalidate.profiles import ProviderProfile
from kmvalidate.rules import RFC9068_ACCESS_TOKENS, TokenKinds
from tests.introspecting.answering import TOKEN, asker, ends, good_answer
from tests.signing import ABSENT, AUDIENCE, NOW, b64, good_claims, good_header, manager, reason, refusal, token


@pytest.mark.parametrize(
    ("change", "expected"),
    [({"token_type": kind}, "GOOD") for kind in (ABSENT, "Bearer", "BEARER", "JWT", "access_token", "at+jwt")]
    + [({"token_type": kind}, "PROOF_REQUIRED") for kind in ("DPoP", "dpop")]
    + [({"token_type": kind}, "WRONG_TOKEN_KIND") for kind in ("Refresh", "refresh_token", "N_A", "mac", "PoP", "")]
    + [({"token_type": kind}, "WRONG_TOKEN_KIND") for kind in ("Bearer ", 5, True, [], ["Bearer"], {"Bearer": 1})]
    + [({"cnf": value}, "PROOF_REQUIRED") for value in ({}, {"jkt": "x"}, {"x5t#S256": "x"}, "", 0, False, [])]
    + [({"typ": kind}, "WRONG_TOKEN_KIND") for kind in ("Refresh", "Offline", "ID", "Logout", "rt+jwt", 5, [])]
    + [({"token_use": kind}, "GOOD") for kind in ("access_token", "access")]
    + [({"token_use": kind}, "WRONG_TOKEN_KIND") for kind in ("refresh_token", "id", "refresh", 5, ["access"])]
    + [({"tokenName": "refresh_token"}, "WRONG_TOKEN_KIND"), ({"purpose": "id"}, "WRONG_TOKEN_KIND")]
    + [({name: "x"}, "WRONG_TOKEN_KIND") for name in ("at_hash", "c_hash", "s_hash", "events", "token_introspection")]
    + [({"nonce": "x"}, "GOOD"), ({"nonce": "x", "scope": ABSENT}, "WRONG_TOKEN_KIND")],
    ids=str,
)
def test_other_kinds_of_token_are_refused(change, expected):
    """What shows that an answer is about another kind of token refuses it, and what is bound to a key needs a proof."""
    assert ends(good_answer(**change))[0] == expected


def test_the_markers_are_those_of_the_key_manager():
    """A key manager with markers of its own has its answers told by them, and none of them has to be there."""
    kinds = TokenKinds(markers={"kind": {"api"}}, required_markers={"kind"}, prefixes={"jti": "AT."})
    for change, expected in (({}, "GOOD"), ({"kind": "API"}, "GOOD"), ({"kind": "id"}, "WRONG_TOKEN_KIND")):
        assert ends(good_answer(**change), token_kinds=kinds)[0] == expected
    assert ends(good_answer(typ="Odd"), token_kinds=kinds)[0] == "GOOD"
    narrow = TokenKinds(markers={"typ": {"bearer"}, "token_type": {"odd"}})
    assert ends(good_answer(typ="JWT"), token_kinds=narrow)[0] == "WRONG_TOKEN_KIND"
    assert ends(good_answer(typ="Bearer"), token_kinds=narrow)[0] == "GOOD"


@pytest.mark.parametrize(
    ("requires", "missing"),
    [(None, "aud"), (None, "exp"), ((), None), ("exp", "exp"), (("iss", "aud", "exp"), "iss"), ("custom", "custom")],
    ids=str,
)
def test_what_must_be_there(requires, missing):
    """What an operator requires has to be named, by default audience and end, and nothing else."""
    names = ("iss", "aud", "exp", "nbf", "iat", "client_id", "scope", "token_type", "sub", "jti", "username")
    said = good_answer(**{"custom": 1, **({} if missing is None else {missing: ABSENT})})
    assert ends(said, requires=requires) == (("GOOD", None) if missing is None else ("MISSING_CLAIM", missing))
    if requires == ():
        for name in names:
            assert ends(good_answer(**{name: ABSENT}), requires=()) == ("GOOD", None)
        assert ends({"active": True}, requires=()) == ("GOOD", None)


@pytest.mark.parametrize(
    ("options", "change", "expected"),
    [
        ({"required_claims": "org"}, {}, ("MISSING_CLAIM", "org")),
        ({"required_claims": "org"}, {"org": None}, ("MISSING_CLAIM", "org")),
        ({"required_claims": "exp", "requires": ()}, {"exp": ABSENT}, ("MISSING_CLAIM", "exp")),
        ({"required_claims": "iss"}, {"iss": ABSENT}, ("MISSING_CLAIM", "iss")),
        ({"required_claims": ("sub", "iss", "exp")}, {}, ("GOOD", None)),
        ({"claim_values": {"tier": 1}}, {"tier": True}, ("CLAIM_MISMATCH", "tier")),
        ({"claim_values": {"tier": 1}}, {"tier": 1}, ("GOOD", None)),
        ({"claim_values": {"tier": 1}}, {}, ("MISSING_CLAIM", "tier")),
        ({"claim_in": {"tier": [1, 2]}}, {"tier": [3, 2]}, ("GOOD", None)),
        ({"claim_in": {"tier": [1, 2]}}, {"tier": 3}, ("CLAIM_MISMATCH", "tier")),
        ({"any_role": "chef"}, {"roles": ["chef"]}, ("GOOD", None)),
        ({"any_role": "chef"}, {"roles": ["cook"]}, ("MISSING_ROLE", "roles")),
        ({"any_role": "chef"}, {"roles": 5}, ("UNKNOWN_ROLES", "roles")),
        ({"all_groups": ("a", "b")}, {"groups": ["a"]}, ("MISSING_ROLE", "groups")),
        ({"any_permission": "p"}, {"permissions": ["p"]}, ("GOOD", None)),
        ({"max_age_s": 60, "leeway_s": 0}, {"iat": NOW - 61}, ("TOO_OLD", "iat")),
        ({"max_age_s": 60}, {"iat": ABSENT}, ("MISSING_CLAIM", "iat")),
        ({"max_lifetime_s": 300}, {}, ("LIFETIME_TOO_LONG", "exp")),
        ({"max_lifetime_s": 310}, {}, ("GOOD", None)),
        ({"max_lifetime_s": 310}, {"iat": ABSENT}, ("MISSING_CLAIM", "iat")),
        ({"max_lifetime_s": 310, "requires": ()}, {"exp": ABSENT}, ("LIFETIME_TOO_LONG", "exp")),
    ],
    ids=str,
)
def test_what_a_key_manager_demands_of_jwts_it_demands_of_answers(options, change, expected):
    """Required claims, values, roles and limits of age count for answers too, and what was left out is not made up."""
    assert ends(good_answer(**change), **options) == expected


def test_the_profile_looks_at_answers_too():
    """The check of a kind of provider is given its claims out of the answer, and the names of all."""
    seen = []
    profile = ProviderProfile(
        check=lambda claims, names: seen.append((claims, set(names))), checked_claims=("sub", "x")
    )
    assert ends(good_answer(), profile=profile) == ("GOOD", None)
    assert seen == [({"sub": "alice"}, set(good_answer()))]
    foreign = ProviderProfile(foreign_audiences={"theirs": "It is theirs."})
    refused = refusal(asker(good_answer(aud=["theirs", "x"]), profile=foreign).authenticate, TOKEN)
    assert (refused.reason.name, refused.hint, refused.key_manager) == ("WRONG_AUDIENCE", "It is theirs.", "Test")
    assert ends(good_answer(aud=["theirs", AUDIENCE]), profile=foreign) == ("GOOD", None)


@pytest.mark.parametrize(
    ("header", "claims", "expected"),
    [
        ({}, {}, "GOOD"),
        ({"typ": "JWT"}, {}, "GOOD"),
        ({"typ": ABSENT}, {}, "GOOD"),
        ({"typ": "rt+jwt"}, {}, "WRONG_TOKEN_KIND"),
        ({"typ": "logout+jwt"}, {}, "WRONG_TOKEN_KIND"),
        ({"typ": 5}, {}, "MALFORMED_TOKEN"),
        ({}, {"typ": "Refresh"}, "WRONG_TOKEN_KIND"),
        ({}, {"token_type": "apiKey"}, "WRONG_TOKEN_KIND"),
        ({}, {"events": {}}, "WRONG_TOKEN_KIND"),
        ({}, {"nonce": "x", "scope": ABSENT}, "GOOD"),
        ({"typ": "JWT"}, {"nonce": "x", "scope": ABSENT}, "WRONG_TOKEN_KIND"),
        ({}, {"cnf": {"jkt": "x"}}, "PROOF_REQUIRED"),
        ({}, {"iss": "https://b.example", "aud": "x", "exp": 0, "sub": 5}, "GOOD"),
    ],
    ids=str,
)
def test_a_jwt_may_say_itself_that_it_is_none_of_access(header, claims, expected):
    """What a JWT says of its kind may refuse it, whatever is answered; its other claims are not looked at."""
    checks = AnswerChecks.of(manager(), None)
    assert reason(checks.check_token, token(good_claims(**claims), good_header(**header))) == expected


def test_opaque_tokens_say_nothing_themselves():
    """What is no JWT is not looked into; a header type that is required is required of JWTs that are asked about."""
    checks = AnswerChecks.of(manager(token_kinds=RFC9068_ACCESS_TOKENS), None)
    for opaque in (TOKEN, "a.b.c.d.e", "x" * 20_000):
        assert reason(checks.check_token, opaque) == "GOOD"
    assert reason(checks.check_token, token(header=good_header(typ="JWT"))) == "WRONG_TOKEN_KIND"
    assert reason(checks.check_token, token(header=good_header(typ="application/at+jwt"))) == "GOOD"
    assert reason(checks.check_token, f"{b64(b'{}')}.{b64(b'[]')}.{b64(b'x')}") == "MALFORMED_TOKEN"
