"""Backend JWTs in the legacy format for opaque tokens, of which a key manager was asked."""

from kmvalidate.backend_jwt import LegacyFormat
from kmvalidate.subscriptions import NO_GRANT
from tests.backend_jwt.making import case, generator, issue, key, opaque, payload
from tests.signing import ABSENT, NOW

D = "http://wso2.org/claims/"
KEY = key("RS256", certified=True)
FOREVER = {"exp": ABSENT}


def legacy(of, options=None, **changes):
    return payload(issue(generator(KEY, format=LegacyFormat(**changes), **(options or {})), of))


def test_the_members_of_the_answer_are_not_repeated():
    """Of the introspection answer only the subject and the organizations are told, and what is asked for by name."""
    of = case(opaque(username="al", email="e", organizations=["acme"], scope="a", exp=NOW + 9000))
    found = legacy(of, options={"claims": {"email": "mail"}})
    told = {name: value for name, value in found.items() if not name.startswith(D)}
    assert told.keys() == {"iss", "iat", "exp", "sub", "organizations", "mail", "jti"}
    assert (told["sub"], told["organizations"], told["mail"]) == ("alice", ["acme"], "e")


def test_the_end_user_has_its_tenant():
    """The end user is the name in the answer, or else the subject, with the tenant's domain once."""
    named = [
        legacy(case(opaque(**answer)), **changes).get(D + "enduser")
        for answer, changes in (
            ({"username": "al"}, {}),
            ({}, {}),
            ({"username": "al@carbon.super"}, {}),
            ({"username": "al@x.example"}, {"tenant_domain": "acme.example"}),
            ({"sub": ABSENT}, {}),
        )
    ]
    expected = ["al@carbon.super", "alice@carbon.super", "al@carbon.super", "al@x.example@acme.example", None]
    assert named == expected


def test_attributes_are_a_string():
    """The attributes of the application are a string of JSON, and left out without an application."""
    assert legacy(case(opaque()))[D + "applicationAttributes"] == '{"team":"blue"}'
    assert D + "applicationAttributes" not in legacy(case(opaque(), grant=NO_GRANT))


def test_they_live_a_minute_longer():
    """A JWT for an opaque token lives 60 s longer than others, and still not longer than the token."""
    made = generator(KEY, format=LegacyFormat())
    assert made.overlap_s == 900 + 60 + 300
    for answer, life in (({"exp": NOW + 9000}, 960), (FOREVER, 960), ({"exp": NOW + 930}, 930)):
        token = opaque(**answer)
        assert token.expires_at in {NOW + 9000, NOW + 930, float("inf")}
        assert payload(issue(made, case(token)))["exp"] == NOW + life
    assert legacy(case(opaque(**FOREVER)), opaque_surplus_s=0)["exp"] == NOW + 900


def test_the_strict_format_lets_no_token_live_longer():
    """In the strict format, a JWT for an opaque token that never expires lives for ttl_s."""
    assert payload(issue(generator(), case(opaque(**FOREVER))))["exp"] == NOW + 300


def test_several_values_are_a_list():
    """A user claim of several values is split where the user store separates them; nothing in it is read as JSON."""
    of = case(opaque(), user_claims={"roles": "a,b,, ", "one": "a", "n": 1, "like": '["a"]', "a": ["x,y"]})
    found = legacy(of)
    read = {"roles": ["a", "b"], "one": "a", "n": 1, "like": '["a"]', "a": ["x,y"]}
    assert {name: found[name] for name in read} == read
    assert legacy(of, separator="b")["roles"] == ["a,", ",, "]
    assert legacy(of, options={"custom_claims": lambda _: {"more": "a,b"}})["more"] == "a,b"
