"""Payloads laid out like others before them: read at once, and as strictly as any."""

from __future__ import annotations

import json
from typing import Any

import pytest

from kmvalidate import (
    ANY_AUDIENCE,
    ClientIdInstead,
    JwtValidator,
    KeyManagerRegistry,
    ProviderProfile,
    layouts,
)
from kmvalidate.layouts import Budget, Layouts
from kmvalidate.strict_json import parse_object
from kmvalidate.tokens import recognise
from tests.signing import (
    AUDIENCE,
    ISSUER,
    NOW,
    NoNetwork,
    SetClock,
    dumps,
    good_claims,
    good_header,
    manager,
    private_key,
    reason,
    refusal,
    token,
    with_claims,
)


def learnt(claims=None, **changes):
    """Return the layout of claims that pass, and their payload."""
    claims = claims or good_claims()
    return Layouts().find(claims, manager(**changes).claim_rules(), Budget()), dumps(claims)


def dumps_utf8(claims: dict[str, Any]) -> bytes:
    return json.dumps(claims, ensure_ascii=False, separators=(",", ":")).encode()


def reads(layout, payload):
    return layout(payload) is not None


def ready(*seen, **changes):
    """Return a validator that has verified tokens with these claims."""
    registry = KeyManagerRegistry([manager(**changes)], transport=NoNetwork(), clock=SetClock())
    validator = JwtValidator(registry)
    for claims in seen:
        validator.validate(token(claims))
    return validator


def at_once(validator, text):
    """Return what is proved of a token without the long way, None if it has to be gone."""
    return validator.verify_now(recognise(text), None, validator._registry.ports)


@pytest.mark.parametrize(
    "change",
    [
        {"exp": NOW + 5},
        {"jti": "other"},
        {"aud": [AUDIENCE, "x"]},
        {"scope": ["a", "b"]},
        {"client_id": "till"},
        {"sub": "ä€😀"},
    ],
)
def test_a_token_like_another_is_read_at_once(change):
    """Other values of the same types need no second look, and mean the same."""
    validator, claims = ready(good_claims()), good_claims(**change)
    text = token(dumps_utf8(claims))
    assert dict(at_once(validator, text).claims) == claims


@pytest.mark.parametrize(
    "payload",
    [
        dumps(good_claims())[:-1] + b',"sub":"alice"}',
        dumps(good_claims())[:-1] + b',"admin":true}',
        dumps(good_claims()).replace(b'"sub":"alice"', b'"sub":"mallory","sub":"alice"'),
        dumps(good_claims()).replace(b'"sub":"alice"', b'"sub":"alice" '),
        dumps(good_claims()).replace(b"alice", b"\\u0061lice"),
        dumps(good_claims(sub=None)),
        dumps(good_claims(sub=...)),
        dumps(good_claims(exp=float(NOW + 300))),
        dumps(good_claims(exp=True)),
        dumps(good_claims(exp=10**30)),
        dumps(good_claims(aud=[AUDIENCE, 5])),
        dumps(good_claims(client_id="")),
        dumps(good_claims(scope={})),
        dumps(dict(reversed(good_claims().items()))),
        b'{"x":' + b"[" * 1000,
        b'{"x":' + b"[" * 8000,
        b"\xff",
        b"[]",
        b"",
    ],
)
def test_what_differs_is_not_read(payload):
    """A member more, less, twice, elsewhere, of another type or in another spelling goes the long way."""
    layout, own = learnt()
    assert (reads(layout, own), reads(layout, payload)) == (True, False)


@pytest.mark.parametrize("name", ["iss", "sub", "jti"])
def test_a_registered_claim_stays_a_string(name):
    """A claim that is a string by its specification is none other where the scopes are looked for in it, too."""
    layout, own = learnt(scope_claims=(name,))
    assert (reads(layout, own), reads(layout, dumps(good_claims(**{name: ["a"]})))) == (True, False)


def test_values_that_decide_must_be_the_same():
    """A claim that tells the kind, or must have one value, is read at once with that very value only."""
    claims = good_claims(typ="Bearer", org="acme")
    layout, own = learnt(claims, claim_values={"org": "acme"})
    assert reads(layout, own)
    for change in ({"typ": "ID"}, {"typ": "bearer"}, {"org": "umbrella"}, {"org": None}):
        assert not reads(layout, dumps(claims | change))


def test_a_required_claim_is_never_null():
    """Null where a claim is required goes the long way, elsewhere it does not."""
    claims = good_claims(org="acme")
    assert not reads(learnt(claims, required_claims="org")[0], dumps(claims | {"org": None}))
    assert reads(learnt(claims)[0], dumps(claims | {"org": None}))


@pytest.mark.parametrize(
    ("claims", "changes"),
    [
        (good_claims(), {"audience": ClientIdInstead("shop")}),
        (good_claims(), {"max_age_s": 60}),
        (good_claims(), {"max_lifetime_s": 600}),
        (good_claims(tier=1), {"claim_values": {"tier": 1}}),
        (good_claims(tier="gold"), {"claim_in": {"tier": ["gold"]}}),
        (good_claims(roles=["chef"]), {"any_role": "chef"}),
        (good_claims(groups=["chef"]), {"all_groups": "chef"}),
        (good_claims(permissions=["cook"]), {"any_permission": "cook"}),
        (good_claims(ver=2), {"profile": ProviderProfile(check=lambda *_: None, checked_claims=["ver"])}),
        (good_claims(**{f"c{i}": i for i in range(64)}), {}),
        (good_claims(**{'a"b': 1}), {}),
        (good_claims(**{f"c{i}": {"a": ["b"]} for i in range(5)}), {}),
    ],
)
def test_what_cannot_be_settled_beforehand_has_no_layout(claims, changes):
    """Rules that look at more than times and audience need the long way each time, and so do odd names."""
    assert learnt(claims, **changes)[0] is None


def test_a_layout_that_cannot_read_its_own_token_is_not_kept():
    """A number with a fraction is good and stays with the long way."""
    claims = good_claims(weight=0.5)
    validator = ready(claims)
    assert at_once(validator, token(claims)) is None
    assert validator.validate(token(claims)).claims["weight"] == 0.5


def test_two_layouts_are_tried():
    """Tokens of users and of machines that alternate are both read at once; a third kind replaces the older."""
    user, machine, other = good_claims(), good_claims(scope=...), good_claims(groups=["a"])
    validator = ready(user, machine)
    assert at_once(validator, token(user))
    assert at_once(validator, token(machine))
    validator.validate(token(other))
    assert at_once(validator, token(other))
    assert at_once(validator, token(user)) is None


def test_learning_ends():
    """Where every token is laid out anew, learning stops after a few: it takes longer than it saves."""
    validator = ready(*(good_claims(**{f"claim{turn}": turn}) for turn in range(20)))
    assert at_once(validator, token(good_claims(claim19=19))) is None
    assert at_once(validator, token(good_claims(claim15=15)))


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"exp": NOW - 60}, "EXPIRED"),
        ({"nbf": NOW + 61}, "NOT_YET_VALID"),
        ({"iat": NOW + 61}, "ISSUED_IN_THE_FUTURE"),
        ({"aud": "others"}, "WRONG_AUDIENCE"),
        ({"aud": ["others"]}, "WRONG_AUDIENCE"),
        ({"aud": []}, "WRONG_AUDIENCE"),
        ({"iss": ISSUER + "/"}, "UNKNOWN_ISSUER"),
    ],
)
def test_times_audience_and_issuer_count_as_ever(change, expected):
    """What a layout leaves open is checked for each token, and told by the long way."""
    validator = ready(good_claims())
    refused = refusal(validator.validate, with_claims(**change))
    assert refused.reason.name == expected


def test_an_issuer_has_few_layouts_made():
    """Whatever an issuer's clients have put into its tokens, headers included, few layouts are made of it."""
    validator = ready()
    for turn in range(40):
        text = token(good_claims(**{f"claim{turn}": turn}), good_header("EdDSA", turn=turn), alg="EdDSA")
        assert validator.validate(text).claims[f"claim{turn}"] == turn
    assert len(validator._routes._layouts._made) == 16


def test_the_layouts_of_all_issuers_are_bounded(monkeypatch):
    """Beyond a number no issuer has a layout made, and those there are go on serving."""
    monkeypatch.setattr(layouts, "_MAX_LAYOUTS", 1)
    validator = ready(good_claims(), good_claims(org="acme"))
    assert at_once(validator, token())
    assert at_once(validator, token(good_claims(org="acme"))) is None


def test_a_wrong_signature_is_refused_at_once():
    """What is read at once is believed no sooner than its signature is verified."""
    validator = ready(good_claims())
    forged = token(key=private_key("P-256", "attacker"))
    assert refusal(at_once, validator, forged).reason.name == "BAD_SIGNATURE"
    assert refusal(at_once, validator, forged).key_manager == "Test"


def test_issuers_with_the_same_header_do_not_mix():
    """One header segment at two issuers: each token is verified with the keys of the issuer it names."""
    other = "https://idp.example/realms/other"
    managers = [manager(), manager(name="Other", issuer=other)]
    registry = KeyManagerRegistry(managers, transport=NoNetwork(), clock=SetClock())
    validator = JwtValidator(registry)
    for issuer in (ISSUER, other, ISSUER, other):
        assert validator.validate(with_claims(iss=issuer)).issuer == issuer
    assert at_once(validator, with_claims()).issuer == ISSUER
    assert at_once(validator, with_claims(iss=other)).issuer == other
    assert reason(validator.validate, with_claims(iss="https://idp.example/realms/third")) == "UNKNOWN_ISSUER"


def test_a_waived_audience_is_read_at_once():
    """Where the audience is waived a token of any, or of none, is read at once."""
    validator = ready(good_claims(), good_claims(aud=...), audience=ANY_AUDIENCE)
    for change in ({"aud": "others"}, {"aud": []}, {"aud": ...}):
        assert at_once(validator, with_claims(**change)).issuer == ISSUER


def test_issuers_of_one_key_manager_are_read_at_once_each():
    """What one issuer of a key manager taught is not taken for another, and each learns for itself."""
    others = [f"https://idp.example/{turn}" for turn in range(6)]
    validator = ready(good_claims(), extra_issuers=others)
    for issuer in others:
        assert at_once(validator, with_claims(iss=issuer)) is None
        assert validator.validate(with_claims(iss=issuer)).issuer == issuer
        assert at_once(validator, with_claims(iss=issuer)).issuer == issuer
    assert reason(validator.validate, with_claims(iss="https://idp.example/6")) == "UNKNOWN_ISSUER"


def test_what_was_learnt_for_one_organization_is_not_for_another():
    """A token like others is read at once for who has no key managers of its own; each that has learns for itself."""
    validator = ready(good_claims())
    registry, jwt = validator._registry, recognise(token())
    assert validator.verify_now(jwt, "acme", registry.ports).issuer == ISSUER
    registry.use("control-plane", [manager(issuer="x", organization=who, name=who) for who in ("acme", "umbrella")])
    assert validator.verify_now(jwt, "acme", registry.ports) is None
    validator.validate(token(), organization="acme")
    assert validator.verify_now(jwt, "acme", registry.ports).issuer == ISSUER
    assert validator.verify_now(jwt, "umbrella", registry.ports) is None
    assert validator.verify_now(jwt, "nobody", registry.ports).issuer == ISSUER


def test_claims_are_read_when_they_are_asked_for():
    """The claims of a token that was read at once are those of its payload, and the same object each time."""
    verified = ready(good_claims()).validate(token())
    assert dict(verified.claims) == parse_object(dumps(good_claims()))
    assert verified._claims is verified._claims
