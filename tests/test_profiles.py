"""What is known of a kind of provider: what it says of refused tokens, and that it accepts none of them."""

import attrs
import pytest

from kmvalidate import AnswerRules, ClientIdInstead, ProviderProfile, RemoteKeys
from kmvalidate.audiences import ANY_AUDIENCE
from kmvalidate.errors import ConfigurationError, Reason, Refused
from kmvalidate.profiles import ANY_PROVIDER
from tests.estate import HIGH, Estate, issuer_of, pinned, token_of
from tests.signing import good_claims, good_header, manager, private_key, reason, refusal, token, validator, with_claims

WRONG = [
    *(("kind", value) for value in ("", None, 5)),
    *(("tenant_claims", value) for value in (None, "", [5], [()])),
    *(("user_id_claims", value) for value in (None, "", [5], [()])),
    *((name, value) for name in ("checked_claims", "key_owners") for value in (None, [""], [5])),
    *((name, value) for name in ("is_application", "explain", "family") for value in (None, "x", 5)),
    *(("check", value) for value in ("x", 5, True)),
    *(
        ("foreign_audiences", value)
        for value in (None, "account", ["account"], {"a": ""}, {"": "x"}, {5: "x"}, {"a": 5})
    ),
    *((name, value) for name in ("family_hint", "opaque_hint", "open_to") for value in ("", 5, ["x"])),
    *(("answers", value) for value in (None, {}, "x")),
    *(("requests_per_minute", value) for value in (0, -1, "200", True)),
]


@pytest.mark.parametrize(("name", "value"), WRONG, ids=lambda value: repr(value)[:30])
def test_a_profile_is_refused_when_it_is_made(name, value):
    """A profile with a value of a wrong type is a ConfigurationError, not an accident with the first token."""
    with pytest.raises(ConfigurationError):
        ProviderProfile(**{name: value})


def test_a_profile_is_a_value_and_belongs_to_a_key_manager():
    """Profiles can be compared and hashed, do not change, and a key manager takes no other thing for one."""
    table = {"account": "Look."}
    made = ProviderProfile(foreign_audiences=table)
    table["other"] = "x"
    assert made == attrs.evolve(made)
    assert hash(made) == hash(attrs.evolve(made))
    assert dict(made.foreign_audiences) == {"account": "Look."}
    assert manager().profile is ANY_PROVIDER
    assert "profile" not in repr(manager(profile=made))
    for wrong in (None, "keycloak", AnswerRules()):
        with pytest.raises(ConfigurationError, match="profile"):
            manager(profile=wrong)


def test_nothing_is_known_of_any_provider():
    """The profile that is the default says nothing and refuses nothing."""
    refused = Refused(Reason.EXPIRED)
    said = ANY_PROVIDER.explain(refused, {}), ANY_PROVIDER.family(""), ANY_PROVIDER.is_application({})
    assert said == (None, None, None)
    assert (ANY_PROVIDER.check_claims({"tid": object()}), ANY_PROVIDER.foreign_audiences) == (None, {})


def test_a_check_refuses_what_it_finds():
    """What a profile's check refuses is refused, with the key manager's name, each time."""

    def check(values, names):
        if "tfp" in names and values["tfp"] != "policy":
            raise Refused(Reason.CLAIM_MISMATCH, claim="tfp", got=values["tfp"])

    made = validator(profile=ProviderProfile(check=check, checked_claims="tfp")).authenticate
    for _ in range(3):
        assert reason(made, with_claims(tfp="policy")) == "GOOD"
        assert reason(made, with_claims()) == "GOOD"
        for value in ("other", None, ["policy"], {"policy": 1}, True):
            refused = refusal(made, with_claims(tfp=value))
            assert (refused.reason, refused.key_manager) == (Reason.CLAIM_MISMATCH, "Test")


EXPLAINED = ProviderProfile(explain=lambda refused, claims: f"{refused.claim}, {claims.get('sub')}.")


def test_a_refusal_is_explained():
    """A profile's hint is part of the refusal and its message, whatever stage refused."""
    check = validator(profile=EXPLAINED).authenticate
    for made, claim in (
        (with_claims(aud="x"), "aud"),
        (with_claims(exp=1), "exp"),
        (token(header=good_header(kid="z")), "kid"),
    ):
        refused = refusal(check, made)
        assert (refused.hint, refused.key_manager) == (f"{claim}, alice.", "Test")
        assert str(refused).endswith(f"{claim}, alice.")


def test_an_explanation_is_no_more_than_that():
    """A hint that is there already stays, and None leaves the refusal as it was."""
    check = validator(profile=EXPLAINED).authenticate
    assert refusal(check, with_claims(cnf={})).hint == "It is bound to a key (RFC 7800), not a bearer token."
    silent = validator(profile=ProviderProfile(explain=lambda *_: None)).authenticate
    assert refusal(silent, with_claims(exp=1)).hint is None


def test_unproved_claims_are_explained_as_they_are():
    """A forged token's claims reach the explanation, and change neither the reason nor what is accepted."""
    check = validator(profile=EXPLAINED).authenticate
    forged = token(good_claims(sub=["mallory"]), key=private_key("P-256", "mallory"))
    refused = refusal(check, forged)
    assert (refused.reason, refused.hint) == (Reason.BAD_SIGNATURE, "None, ['mallory'].")


FOREIGN = ProviderProfile(foreign_audiences={"account": "Add a mapper.", "graph": "It is Graph's."})


@pytest.mark.parametrize(
    ("aud", "hint"),
    [
        ("account", "Add a mapper."),
        (["account"], "Add a mapper."),
        (["x", "graph", "account"], "It is Graph's."),
        ("graph", "It is Graph's."),
    ],
    ids=str,
)
def test_a_foreign_audience_is_told_before_keys_are_looked_for(aud, hint):
    """A token that can only be somebody else's is refused for its audience, without a fetch and whoever signed it."""
    for made in (token(good_claims(aud=aud)), token(good_claims(aud=aud), good_header(kid="z", nonce="x"))):
        refused = refusal(validator(profile=FOREIGN, keys=RemoteKeys()).authenticate, made)
        facts = (refused.reason, refused.claim, refused.expected, refused.hint, refused.key_manager)
        assert facts == (Reason.WRONG_AUDIENCE, "aud", "[orders]", hint, "Test")


def test_a_foreign_audience_beside_your_own_is_no_trouble():
    """A token for your API is accepted whatever other audiences it names, and a configured one is not foreign."""
    check = validator(profile=FOREIGN).authenticate
    for aud in ("orders", ["account", "orders"], ["orders", "graph"]):
        assert reason(check, with_claims(aud=aud)) == "GOOD"
    assert reason(validator(profile=FOREIGN, audience="account").authenticate, with_claims(aud="account")) == "GOOD"


@pytest.mark.parametrize(
    ("aud", "expected"),
    [
        ("x", "WRONG_AUDIENCE"),
        ([], "WRONG_AUDIENCE"),
        (..., "MISSING_CLAIM"),
        (None, "INVALID_CLAIM"),
        (5, "INVALID_CLAIM"),
        (["account", 5], "INVALID_CLAIM"),
        ([["account"]], "INVALID_CLAIM"),
        ({"account": 1}, "INVALID_CLAIM"),
    ],
    ids=str,
)
def test_other_audiences_are_checked_as_ever(aud, expected):
    """An audience that is not foreign, or is none, is told after the signature, and by its own reason."""
    refused = refusal(validator(profile=FOREIGN).authenticate, with_claims(aud=aud))
    assert (refused.reason.name, refused.hint) == (expected, None)
    forged = token(good_claims(aud=aud), key=private_key("P-256", "mallory"))
    assert reason(validator(profile=FOREIGN).authenticate, forged) == "BAD_SIGNATURE"


@pytest.mark.parametrize("audience", [ANY_AUDIENCE, ClientIdInstead("shop")], ids=["any", "client id"])
def test_a_waived_audience_has_nothing_foreign(audience):
    """Where the audience does not count, a foreign one does not either."""
    assert reason(validator(profile=FOREIGN, audience=audience).authenticate, with_claims(aud="account")) == "GOOD"


def test_who_may_get_tokens_is_part_of_the_waivers():
    """A provider that issues tokens to everybody is told among the waivers, and an ordinary one is not."""
    assert manager(profile=ProviderProfile(open_to="every account in the world")).waivers() == (
        "every account in the world is accepted",
    )
    assert manager(profile=ProviderProfile()).waivers() == ()


def by_realm(issuer):
    """Return what comes after the last slash."""
    host, _, realm = issuer.rpartition("/")
    return realm if host else None


RELATED = ProviderProfile(kind="acme", family=by_realm, family_hint="Another host.")


def test_a_neighbours_token_is_told_as_one():
    """An unknown issuer of the family of a configured one gets the family's hint, and is refused all the same."""
    estate = Estate(pinned("a", issuer="https://sso.example/acme", profile=RELATED), pinned("b"))
    for issuer, hint in (
        ("https://internal.example/acme", "Another host."),
        ("https://internal.example/other", None),
        ("acme", None),
        ("", None),
        ("https://b.example/" + "x" * 900, None),
    ):
        refused = refusal(estate.validator.authenticate, token_of("a", iss=issuer))
        assert (refused.reason, refused.hint) == (Reason.UNKNOWN_ISSUER, hint)
    slash = refusal(estate.validator.authenticate, token_of("a", iss="https://sso.example/acme/"))
    assert "trailing slash" in slash.hint


def test_a_family_is_one_kind_of_providers():
    """What issuers have in common counts among providers of the same kind only."""
    other = attrs.evolve(RELATED, kind="other", family=lambda issuer: by_realm(issuer) and "x", family_hint="Other.")
    estate = Estate(pinned("a", issuer="https://sso.example/acme", profile=RELATED))
    estate.registry.add(HIGH, pinned("b", profile=other))
    refused = refusal(estate.validator.authenticate, token_of("a", iss="https://internal.example/x"))
    assert refused.hint == "Other."
    estate.registry.remove(HIGH, "b")
    assert refusal(estate.validator.authenticate, token_of("a", iss="https://internal.example/x")).hint is None


def test_an_organization_learns_nothing_of_another():
    """Hints come from key managers that an organization sees, and never from another organization's."""
    hidden = attrs.evolve(RELATED, opaque_hint="Ask Acme.")
    estate = Estate(pinned("a", issuer="https://sso.example/acme", profile=hidden, organization="acme"), pinned("b"))
    neighbour = token_of("a", iss="https://internal.example/acme")
    for organization, family_hint, opaque_hint in (("acme", "Another host.", "Ask Acme."), ("umbrella", None, None)):
        for who in (organization, None):
            seen = who == "acme"
            refused = refusal(estate.validator.authenticate, neighbour, organization=who)
            assert refused.hint == (family_hint if seen else None)
            refused = refusal(estate.validator.authenticate, "opaque", organization=who)
            assert (refused.reason, refused.hint) == (Reason.OPAQUE_TOKEN, opaque_hint if seen else None)


def test_opaque_tokens_are_explained_by_all_that_know():
    """The hints of all kinds of provider are told, each once and in one order, for asyncio callers too."""
    profiles = [ProviderProfile(kind=kind, opaque_hint=f"Hint {kind}.") for kind in "ba"]
    made = [pinned(name, profile=profile) for name, profile in zip("xyz", (*profiles, profiles[0]), strict=True)]
    assert refusal(Estate(*made).validator.authenticate, "opaque").hint == "Hint a. Hint b."
    assert refusal(Estate(pinned("a", issuer=issuer_of("a"))).validator.authenticate, "opaque").hint is None


@pytest.mark.parametrize(
    ("claims", "tenant"), [({"tid": "a", "org": "b"}, "a"), ({"org": "b"}, "b"), ({"tid": ["a"]}, None), ({}, None)]
)
def test_tenant_and_application_are_read_as_the_profile_says(claims, tenant):
    """A token's tenant is where its kind of provider has it, and so is whether it is an application's."""
    profile = ProviderProfile(tenant_claims=["tid", "org"], is_application=lambda said: "org" in said)
    read = validator(profile=profile).authenticate(with_claims(**claims))
    assert (read.tenant, read.is_application) == (tenant, "org" in claims)


@pytest.mark.parametrize(
    ("claims", "expected"),
    [
        ({"oid": "1"}, "1"),
        ({"oid": ..., "sub": "2"}, "2"),
        ({"oid": None, "sub": "2"}, "2"),
        ({"oid": ["1"], "sub": "2"}, "2"),
        ({"oid": {"x": "1"}, "sub": ...}, None),
        ({"oid": "1", "app": True}, None),
        ({"oid": "1", "app": False}, "1"),
    ],
    ids=str,
)
def test_a_users_id_is_where_the_profile_says(claims, expected):
    """What stays the same for a user is read where the provider has it, and an application has none."""
    profile = ProviderProfile(user_id_claims=["oid", "sub"], is_application=lambda said: said.get("app"))
    assert validator(profile=profile).authenticate(with_claims(**claims)).user_id == expected
    assert validator().authenticate(with_claims(oid="1")).user_id == "alice"
