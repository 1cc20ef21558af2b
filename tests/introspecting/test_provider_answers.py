"""What each provider answers about its access tokens, and about everything else that is active there."""

import pytest

from kmvalidate import ANY_AUDIENCE, ANY_OPAQUE_TOKEN, ClientIdInstead, ClientSecretBasic, Introspection, providers
from kmvalidate.introspecting._answers import AnswerChecks
from kmvalidate.testing import SimulatedProvider
from kmvalidate.testing._kinds import asgardeo as asgardeo_kinds
from tests.introspecting.answering import TOKEN, Says, ends, outcome, over
from tests.providers.introspecting import made
from tests.signing import ABSENT, AUDIENCE, ISSUER, NOW, SetClock, changed
from tests.vectors.support import load

KINDS = [kind for kind in SimulatedProvider.kinds() if made(kind).kind.introspection_path]
each_kind = pytest.mark.parametrize("kind", [*KINDS, asgardeo_kinds.SUB_ORGANIZATION], ids=str)


class Asked:
    """A simulated provider whose key manager is asked about all its tokens, and a validator for them."""

    def __init__(self, kind, requires=None, **options):
        self.idp = made(kind, requests_per_minute=10**6)
        strategy = Introspection(
            client=ClientSecretBasic(*self.idp.client),
            tokens=ANY_OPAQUE_TOKEN,
            requires=requires,
            calls_per_minute=10**6,
        )
        manager = self.idp.key_manager(introspection=strategy, self_validate_jwt=False, **options)
        self.checks = AnswerChecks.of(manager, strategy.requires)
        self.validator = over(manager, self.idp.clock, self.idp)

    def says(self, bearer):
        return outcome(self.validator, bearer)


@pytest.mark.parametrize("waiver", [None, ANY_AUDIENCE, ClientIdInstead("web-shop")], ids=["none", "any", "client"])
@each_kind
def test_access_tokens_are_good(kind, waiver):
    """Opaque and signed access tokens of users and of clients are good by what is answered, with the usual demands."""
    asked = Asked(kind, **({} if waiver is None else {"audience": waiver}))
    for version in asked.idp.kind.versions:
        for own in (True, False):
            for issue in (asked.idp.token, asked.idp.opaque_token):
                bearer = issue(version=version, application=own, scopes={"b", "a"})
                assert asked.says(bearer) == asked.says(bearer) == ("GOOD", None)
                read = asked.validator.authenticate(bearer)
                assert (read.consumer_key, read.scopes, read.issuer) == ("web-shop", {"a", "b"}, asked.idp.issuer)
                assert (read.key_id, read.is_application in {own, None}) == (None, True)
    assert asked.says(asked.idp.opaque_token(expires_in_s=-1)) == ("INACTIVE", "active")


@pytest.mark.parametrize("requires", [None, ()], ids=["usual", "nothing"])
@each_kind
def test_what_is_not_an_access_token_is_refused(kind, requires):
    """Refresh tokens and device secrets are active and refused, even where an operator requires nothing at all."""
    for options in ({}, {"audience": ANY_AUDIENCE}, {"audience": ClientIdInstead("web-shop")}):
        asked = Asked(kind, requires, **options)
        for version in asked.idp.kind.versions:
            refresh = asked.idp.refresh_token(version=version)
            assert asked.says(refresh)[0] == asked.says(refresh)[0] == "WRONG_TOKEN_KIND"
        if asked.idp.kind.device_answer is not None:
            assert asked.says(asked.idp.device_secret())[0] == "WRONG_TOKEN_KIND"


@each_kind
def test_signed_look_alikes_are_refused(kind):
    """ID, refresh, logout tokens and the like are refused by what is answered or by what they say themselves."""
    asked = Asked(kind)
    for version in asked.idp.kind.versions:
        for name, look_alike in asked.idp.kind.look_alikes.items():
            if look_alike.versions and version not in look_alike.versions:
                continue
            bearer = asked.idp.look_alike(name, version=version)
            assert asked.says(bearer)[0] in {"WRONG_TOKEN_KIND", "PROOF_REQUIRED"}, (name, version)


def sample(name):
    """Return a sample answer and the time at which its token has a minute left."""
    said = load(f"samples/{name}.json")
    said = {member: with_host(value) for member, value in said.items() if member != "_note"}
    return said, SetClock(said.get("exp", NOW) - 60)


def with_host(value):
    return value.replace("{yourOktaDomain}", "acme.okta.com") if isinstance(value, str) else value


def of_samples(name, **options):
    """Return the key manager that answers with a sample."""
    said, clock = sample(name)
    said = changed(said, options.pop("change", {}))
    asking = {"introspection": Says(said=said, tokens=ANY_OPAQUE_TOKEN, **options.pop("asking", {}))}
    if name.startswith("okta"):
        return over(providers.okta("https://acme.okta.com/oauth2/orsmsg0aWLdnF3spV0g3", **asking, **options), clock)
    make = providers.asgardeo if name.startswith("asgardeo") else providers.wso2_is
    return over(make("acme" if make is providers.asgardeo else "https://is.example:9443", **asking, **options), clock)


@pytest.mark.parametrize(
    ("name", "audience", "expected"),
    [
        ("asgardeo/introspection-access-token", "orders", ("GOOD", None)),
        ("asgardeo/introspection-suborg", "fhErtAT2…(client id, elided in our notes)", ("GOOD", None)),
        ("asgardeo/introspection-suborg", "orders", ("WRONG_AUDIENCE", "aud")),
        ("asgardeo/introspection-suborg", ClientIdInstead("fhErtAT2…"), ("GOOD", None)),
        ("asgardeo/introspection-suborg", ClientIdInstead("x"), ("WRONG_AUDIENCE", "client id")),
        ("asgardeo/introspection-refresh-token", "orders", ("WRONG_TOKEN_KIND", "token_type")),
        ("asgardeo/introspection-inactive", "orders", ("INACTIVE", "active")),
        ("wso2is/introspection-access-token", "orders", ("GOOD", None)),
        ("wso2is/introspection-access-token", ClientIdInstead("<consumer key>"), ("GOOD", None)),
        ("okta/introspection-AccessToken", "https://acme.okta.com", ("GOOD", None)),
        ("okta/introspection-AccessToken", "orders", ("WRONG_AUDIENCE", "aud")),
        ("okta/introspection-RefreshToken", "https://acme.okta.com", ("WRONG_TOKEN_KIND", "iss")),
        ("okta/introspection-RefreshToken", ANY_AUDIENCE, ("WRONG_TOKEN_KIND", "iss")),
        ("okta/introspection-InactiveToken", "orders", ("INACTIVE", "active")),
    ],
    ids=str,
)
def test_the_samples_of_answers_mean_what_they_say(name, audience, expected):
    """Of the providers' own examples those about access tokens are good, and no other."""
    assert outcome(of_samples(name, audience=audience)) == expected
    assert outcome(of_samples(name, audience=audience, asking={"requires": ()})) == expected


def test_the_samples_are_read():
    """Client, scopes, user and organization are where each product has them."""
    read = of_samples("asgardeo/introspection-access-token", audience="orders").authenticate(TOKEN)
    assert (read.consumer_key, read.scopes) == ("Wsoq8t4nHW80gSnPfyDvRbiC__Eb", {"openid", "profile"})
    assert (read.is_application, read.claims["username"]) == (False, "CUSTOMER-DEFAULT/Alica@gmail.com@bifrost")
    assert (read.issuer, read.subject, read.audience) == ("https://api.asgardeo.io/t/acme/oauth2/token", None, ())
    branch = of_samples("asgardeo/introspection-suborg", audience=ANY_AUDIENCE).authenticate(TOKEN)
    assert branch.tenant == "12d1c4d2-2bb1-443b-aa4a-68f98a40d7c6"
    okta = of_samples("okta/introspection-AccessToken", audience="https://acme.okta.com").authenticate(TOKEN)
    assert (okta.consumer_key, okta.user_id) == ("a9VpZDRCeFh3Nkk2VdYa", "00uid4BxXw6I6TV4m0g3")
    assert (okta.subject, okta.scopes) == ("john.doe@example.com", {"openid", "profile"})


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"aut": "APPLICATION", "username": ABSENT}, True),
        ({"aut": "application"}, True),
        ({"aut": "APPLICATION_USER"}, False),
        ({"aut": "AGENT"}, False),
        ({"aut": "LEGACY"}, "WRONG_TOKEN_KIND"),
        ({"aut": ["APPLICATION"]}, "WRONG_TOKEN_KIND"),
        ({"aut": None}, None),
        ({"client_id": ABSENT}, "WRONG_TOKEN_KIND"),
        ({"token_type": ABSENT}, "WRONG_TOKEN_KIND"),
        ({"token_type": "JWT"}, False),
        ({"may_act": {"sub": "admin"}}, "WRONG_TOKEN_KIND"),
        ({"exp": ABSENT}, "MISSING_CLAIM"),
        ({"iss": "https://is.example:9443/oauth2/token"}, False),
        ({"iss": "https://is.example:9443/t/a.com/oauth2/token"}, "WRONG_ISSUER"),
        ({"aud": ["x"]}, "WRONG_AUDIENCE"),
        ({"aud": ["x", "orders"]}, False),
    ],
    ids=str,
)
def test_answers_of_wso2_tell_applications(change, expected):
    """The member aut says on whose behalf a token was issued, where it is there; what must be there is."""
    validator = of_samples("wso2is/introspection-access-token", audience="orders", change=change)
    if not isinstance(expected, str):
        assert validator.authenticate(TOKEN).is_application is expected
    else:
        assert outcome(validator)[0] == expected


LEFT = {"exp": NOW + 300, "iat": NOW - 10}
RFC_7662 = {
    "active": True,
    "client_id": "l238j323ds-23ij4",
    "username": "jdoe",
    "scope": "read write dolphin",
    "sub": "Z5O3upPC88QrAjx00dis",
    "aud": AUDIENCE,
    "iss": ISSUER,
    **LEFT,
    "extension_field": "twenty-seven",
}
SPRING = {
    "active": True,
    "sub": "shop",
    "aud": [AUDIENCE],
    "nbf": NOW - 10,
    "scope": "a",
    "iss": ISSUER,
    **LEFT,
    "jti": "1",
    "client_id": "shop",
    "token_type": "Bearer",
}
HYDRA = {
    "active": True,
    "scope": "a",
    "client_id": "shop",
    "sub": "al",
    **LEFT,
    "nbf": NOW - 10,
    "aud": [AUDIENCE],
    "iss": ISSUER,
    "token_type": "Bearer",
    "token_use": "access_token",
    "ext": {"roles": []},
}
ZITADEL = {
    "active": True,
    "scope": "openid",
    "client_id": "shop@p",
    "token_type": "Bearer",
    **LEFT,
    "nbf": NOW,
    "sub": "1",
    "aud": ["shop@p", AUDIENCE],
    "iss": ISSUER,
    "jti": "1",
    "username": "al",
    "email_verified": True,
    "urn:zitadel:iam:org:project:roles": {"user": {"1": "acme.example"}},
}
DUENDE = {
    "iss": ISSUER,
    "nbf": NOW,
    **LEFT,
    "aud": [AUDIENCE, "x"],
    "client_id": "shop",
    "sub": "1",
    "amr": "pwd",
    "jti": "1",
    "active": True,
    "scope": "a",
}
PROVIDER = {"active": True, "sub": "al", "client_id": "shop", **LEFT, "iss": ISSUER, "jti": "1", "scope": "a"}
DJANGO = {"active": True, "scope": "read write", "exp": NOW + 300, "client_id": "shop", "username": "al"}
OWN = ("exp", "scope")


@pytest.mark.parametrize(
    ("said", "options", "expected"),
    [
        (RFC_7662, {}, ("GOOD", None)),
        (SPRING, {}, ("GOOD", None)),
        (HYDRA, {}, ("GOOD", None)),
        (ZITADEL, {}, ("GOOD", None)),
        (DUENDE, {}, ("GOOD", None)),
        ({**PROVIDER, "token_type": "Bearer", "aud": AUDIENCE}, {}, ("GOOD", None)),
        ({**PROVIDER, "token_type": "Bearer"}, {"audience": ClientIdInstead("shop")}, ("GOOD", None)),
        (DJANGO, {"requires": OWN}, ("GOOD", None)),
        (DJANGO, {"requires": OWN, "audience": ClientIdInstead("shop")}, ("GOOD", None)),
        (DJANGO, {}, ("MISSING_CLAIM", "aud")),
        (DJANGO, {"audience": ANY_AUDIENCE}, ("MISSING_CLAIM", "token_type")),
        (
            {**PROVIDER, "token_type": "DPoP", "aud": AUDIENCE, "cnf": {"jkt": "x"}},
            {},
            ("PROOF_REQUIRED", "token_type"),
        ),
        ({**HYDRA, "aud": []}, {}, ("WRONG_AUDIENCE", "aud")),
        ({**HYDRA, "aud": []}, {"audience": ANY_AUDIENCE}, ("GOOD", None)),
        ({**HYDRA, "token_use": "refresh_token"}, {"audience": ANY_AUDIENCE}, ("WRONG_TOKEN_KIND", "token_use")),
        ({**HYDRA, "token_use": "refresh_token"}, {"requires": ()}, ("WRONG_TOKEN_KIND", "token_use")),
        (PROVIDER, {}, ("MISSING_CLAIM", "aud")),
        (PROVIDER, {"audience": ANY_AUDIENCE}, ("MISSING_CLAIM", "token_type")),
        (PROVIDER, {"requires": ("exp", "token_type")}, ("MISSING_CLAIM", "token_type")),
        ({"active": True, "client_id": "shop", **LEFT}, {}, ("MISSING_CLAIM", "aud")),
        ({"active": True, "client_id": "shop", **LEFT}, {"audience": ClientIdInstead("shop")}, ("MISSING_CLAIM", None)),
        ({"active": True, "client_id": "shop", **LEFT}, {"requires": OWN}, ("MISSING_CLAIM", "scope")),
    ],
    ids=lambda value: str(value)[-50:],
)
def test_other_servers_answer_by_the_specification(said, options, expected):
    """
    Of servers without a kind of their own access tokens are good, and refresh tokens refused with the usual demands.

    Those of oidc-provider and of Spring Authorization Server say no type and no audience.
    """
    found = ends(said, **options)
    assert (found[0], found[1] if expected[1] else None) == expected
