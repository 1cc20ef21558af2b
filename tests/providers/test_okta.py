"""Okta: custom authorization servers are accepted, the org server is explained, and `jti` tells the kind."""

import json

import pytest

from kmvalidate import KeyManagerRegistry, StaticKeys, TokenValidator, providers
from kmvalidate.errors import ConfigurationError, Reason, Refused
from kmvalidate.providers._okta import PROFILE
from kmvalidate.testing import SimulatedProvider
from tests.fakes import FakeTransport
from tests.signing import NOW, SetClock, good_header, jwks, reason, refusal, token
from tests.vectors.support import load, text

HOST = "acme.okta.com"
ORG = f"https://{HOST}"
SERVER = f"{ORG}/oauth2/aus59pz16qgMvHvBS0g7"
WELL_KNOWN = "/.well-known/openid-configuration"


def sample(name):
    """Return a sample document of Okta for a domain that there could be."""
    return json.loads(text(f"samples/okta/{name}.json").replace("{yourOktaDomain}", HOST))


def access_token(**claims):
    """Return a token of the server of the samples, signed with a key of the tests."""
    usual = sample("introspection-AccessToken")
    said = {name: usual[name] for name in ("sub", "aud", "jti", "uid")}
    made = {**said, "iss": SERVER, "ver": 1, "iat": NOW - 10, "exp": NOW + 3600, "cid": usual["client_id"]}
    scopes = usual["scope"].split()
    return token({**made, "scp": scopes, **claims}, {"alg": "RS256", "kid": "RSA"}, "RS256")


@pytest.mark.parametrize(
    "issuer",
    [
        ORG,
        ORG + "/",
        ORG + "/oauth2",
        ORG + "/oauth2/",
        ORG + "/oauth2/v1",
        ORG + WELL_KNOWN,
        ORG + "/.well-known/oauth-authorization-server",
    ],
)
def test_the_org_server_is_explained(issuer):
    """Who configures the org authorization server is told what to use instead."""
    with pytest.raises(ConfigurationError, match="custom authorization server such as /oauth2/default"):
        providers.okta(issuer, audience="orders")


@pytest.mark.parametrize(
    ("issuer", "said"),
    [
        (SERVER + "/", "without a slash"),
        (ORG + "/oauth2/default/v1", "https://HOST/oauth2/ID"),
        (ORG + "/oauth2/..", "https://HOST/oauth2/ID"),
        (ORG + "/oauth2/default?x=1", "https://HOST/oauth2/ID"),
        (HOST, "https://HOST/oauth2/ID"),
        ("https://acme-admin.okta.com/oauth2/default", "no -admin"),
        ("https://acme-admin.oktapreview.com", "no -admin"),
        ("http://acme.okta.com/oauth2/default", "https"),
        ("https://al@acme.okta.com/oauth2/default", "plain host"),
        (None, "issuer="),
    ],
)
def test_other_issuers_are_configuration_errors(issuer, said):
    """An issuer that no authorization server has is an error that says what one looks like."""
    with pytest.raises(ConfigurationError, match=said):
        providers.okta(issuer, audience="orders")


@pytest.mark.parametrize("issuer", [SERVER, "https://login.acme.com/oauth2/default", "https://x-admin.io/oauth2/a_b-1"])
def test_issuers_are_taken_from_either_document(issuer):
    """The issuer follows from both of its well-known URLs, on a custom domain too."""
    known = {providers.okta(issuer, audience="a").issuer}
    known |= {providers.okta(discovery_url=issuer + WELL_KNOWN, audience="a").issuer}
    known |= {providers.okta(issuer + "/.well-known/oauth-authorization-server", audience="a").issuer}
    assert known == {issuer}


@pytest.mark.parametrize("document", ["openid-configuration", "oauth-authorization-server"])
def test_the_sample_documents_lead_to_the_keys(document):
    """With either sample document a token like Okta's is accepted, and everything in it is read."""
    answers = {
        f"{SERVER}/.well-known/{document}": sample(f"discovery-custom-as-{document}"),
        f"{SERVER}/v1/keys": jwks("RSA"),
    }
    manager = providers.okta(f"{SERVER}/.well-known/{document}", audience=ORG)
    registry = KeyManagerRegistry([manager], transport=FakeTransport(answers), clock=SetClock())
    read = TokenValidator(registry).authenticate(access_token())
    assert (read.key_manager, read.consumer_key, read.subject) == (
        "Okta",
        "a9VpZDRCeFh3Nkk2VdYa",
        "john.doe@example.com",
    )
    assert (read.scopes, read.is_application, read.claims["uid"]) == (
        {"openid", "profile"},
        False,
        "00uid4BxXw6I6TV4m0g3",
    )


def test_the_sample_keys_are_all_usable():
    """Every key of the sample key set can be used: the one that signs now, the last one and the next."""
    keys = StaticKeys.from_jwks(load("samples/okta/jwks-example.json"))
    manager = providers.okta(SERVER, audience="orders", keys=keys)
    assert len(manager.keys.key_set.keys) == 3


def static(**changes):
    """Return a validator for the server of the samples, with the keys of the tests."""
    manager = providers.okta(SERVER, audience=ORG, keys=StaticKeys.from_jwks(jwks("RSA")), **changes)
    return TokenValidator(KeyManagerRegistry([manager], clock=SetClock()))


@pytest.mark.parametrize("token_id", ["ID.7P4K", "at.7P4K", "AT7P4K", " AT.7P4K", "", 7, ["AT.7P4K"]])
def test_only_tokens_that_call_themselves_access_tokens_pass(token_id):
    """A token whose id does not begin with `AT.` is refused, also where one like it was accepted before."""
    validator = static()
    for _ in range(3):
        assert reason(validator.authenticate, access_token()) == "GOOD"
        found = reason(validator.authenticate, access_token(jti=token_id))
        assert found == ("WRONG_TOKEN_KIND" if isinstance(token_id, str) else "INVALID_CLAIM")


def test_a_token_without_an_id_is_refused():
    """A token without `jti` is none of Okta's access tokens."""
    claims = json.loads(text("samples/okta/introspection-RefreshToken.json"))
    bare = token({**claims, "iss": SERVER, "aud": ORG, "exp": NOW + 60}, good_header("RS256", typ="JWT"), "RS256")
    assert refusal(static().authenticate, bare).reason is Reason.WRONG_TOKEN_KIND


@pytest.mark.parametrize("typ", ["oauth-id-jag+jwt", "application/okta-internal-at+jwt", "rt+jwt"])
def test_other_header_types_are_refused(typ):
    """A header that names another kind of token is refused whatever the claims are."""
    idp = SimulatedProvider("okta")
    assert reason(idp.validator().authenticate, idp.token(header={"typ": typ})) == "WRONG_TOKEN_KIND"


def test_the_leeway_is_that_of_okta():
    """Clocks may differ by two minutes, unless something else is said."""
    late = access_token(exp=NOW - 119)
    assert reason(static().authenticate, late) == "GOOD"
    assert reason(static().authenticate, access_token(exp=NOW - 121)) == "EXPIRED"
    assert reason(static(leeway_s=60).authenticate, late) == "EXPIRED"


def test_tokens_of_neighbours_are_explained():
    """A token of the org server, or of another server of the same host, says so; one of another host says nothing."""
    idp = SimulatedProvider("okta")
    for issuer in (ORG, ORG + "/oauth2", SERVER):
        refused = refusal(idp.validator().authenticate, idp.token(claims={"iss": issuer}))
        assert refused.reason is Reason.UNKNOWN_ISSUER
        assert "org authorization server" in (refused.hint or ""), issuer
    for issuer in ("https://other.okta.com", ORG + "/saml", "acme.okta.com", "urn:okta"):
        refused = refusal(idp.validator().authenticate, idp.token(claims={"iss": issuer}))
        assert (refused.reason, refused.hint) == (Reason.UNKNOWN_ISSUER, None), issuer


def test_the_audience_is_explained():
    """Who has another audience, or none, hears whose setting that is."""
    idp = SimulatedProvider("okta", audience="api://default")
    for audience in (None, "orders"):
        refused = refusal(idp.validator().authenticate, idp.token(claims={"aud": audience}))
        assert "its settings say" in (refused.hint or "")
    late = refusal(idp.validator().authenticate, idp.token(expires_in_s=-300))
    assert (late.reason, late.hint) == (Reason.EXPIRED, None)


def test_id_tokens_and_opaque_tokens_are_explained():
    """An ID token is called one, and an opaque token is told that access tokens are JWTs."""
    idp = SimulatedProvider("okta")
    assert "It is an ID token" in str(refusal(idp.validator().authenticate, idp.look_alike("ID token")))
    refused = refusal(idp.validator().authenticate, "00OUxuHHc9AVbYSx-JmBB6tYQWZn7oXGqT6VYtWJUg")
    assert refused.reason is Reason.OPAQUE_TOKEN
    assert "refresh token" in (refused.hint or "")


@pytest.mark.parametrize(
    ("claims", "found"),
    [
        ({"sub": "0oa1", "cid": "0oa1"}, True),
        ({"sub": "0oa1", "cid": "0oa1", "uid": "00u1"}, False),
        ({"sub": "al", "cid": "0oa1", "uid": "00u1"}, False),
        ({"sub": "al", "cid": "0oa1"}, None),
        ({"sub": None}, None),
        ({}, None),
    ],
)
def test_applications_are_told_from_users(claims, found):
    """A client's own token has no `uid`, and its client is its subject."""
    assert PROFILE.is_application(claims) is found


@pytest.mark.parametrize("odd", [None, 7, True, [], {}, ["ID."], {"ID.": 1}])
def test_hostile_claims_are_explained_or_not(odd):
    """Claims of any type get a hint or none, and never an error."""
    claims = dict.fromkeys(("jti", "aud", "iss", "sub", "cid"), odd)
    assert PROFILE.explain(Refused(Reason.EXPIRED, claim="exp"), claims) is None
    assert PROFILE.is_application(claims) in {True, None}


def test_groups_are_read_where_okta_has_them():
    """A groups claim can be demanded; without one a token has no group."""
    idp = SimulatedProvider("okta")
    validator = idp.validator(any_group="cooks")
    assert validator.authenticate(idp.token(roles={"cooks"})).groups == {"cooks"}
    assert reason(validator.authenticate, idp.token()) == "MISSING_ROLE"


def test_answers_are_about_access_tokens_alone():
    """Okta calls a refresh token a bearer token too: an answer without an access token's id is refused."""
    answers = PROFILE.answers
    answers.check(sample("introspection-AccessToken"))
    with pytest.raises(Refused, match="not an access token"):
        answers.check(sample("introspection-RefreshToken"))
    with pytest.raises(Refused, match="not active"):
        answers.check(sample("introspection-InactiveToken"))


@pytest.mark.parametrize("token_id", ["ds.4aAm", "ID.4aAm", None])
def test_answers_about_other_tokens_are_refused(token_id):
    """A device secret and an ID token are no access tokens, though their answers have everything else."""
    answer = {**sample("introspection-AccessToken"), "jti": token_id}
    with pytest.raises(Refused, match="not an access token"):
        PROFILE.answers.check(answer)


def test_keys_that_claim_to_be_fresh_for_weeks_are_fetched_twice_a_day():
    """Okta's keys say that they are fresh for 44 days, and are fetched again after twelve hours at the latest."""
    manager = providers.okta(SERVER, audience="orders")
    assert manager.keys.ttl_s(44 * 86_400) == 43_200


def test_it_serves_over_http():
    """A simulated authorization server over real HTTP serves the same tokens."""
    with SimulatedProvider("okta", http=True) as idp:
        assert idp.validator().authenticate(idp.token(scopes={"a", "b"})).scopes == {"a", "b"}
        assert reason(idp.validator().authenticate, idp.look_alike("ID token")) == "WRONG_TOKEN_KIND"
