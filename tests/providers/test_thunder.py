"""Thunder: one issuer, any algorithm, and a header type that is the only sign of an access token."""

import pytest

from kmvalidate import ConfigurationError, KeyManagerRegistry, Network, Reason, TokenValidator
from kmvalidate.providers import thunder
from kmvalidate.providers._thunder import PROFILE
from kmvalidate.testing import SimulatedProvider
from tests.fakes import FakeTransport
from tests.signing import (
    ABSENT,
    AUDIENCE,
    KEY_OF,
    SetClock,
    changed,
    good_claims,
    good_header,
    public_jwk,
    reason,
    refusal,
    token,
)
from tests.vectors import support

ISSUER = "https://thunder.example:8090"
SHAPES = "samples/wso2-thunder/token-shapes-from-source.json"


def validator(manager=None):
    keys = {"keys": [public_jwk(shape) for shape in ("RSA", "P-256", "P-384", "P-521", "Ed25519")]}
    document = {"issuer": ISSUER, "jwks_uri": f"{ISSUER}/oauth2/jwks"}
    answers = {f"{ISSUER}/.well-known/openid-configuration": document, document["jwks_uri"]: keys}
    manager = manager or thunder(ISSUER, audience=AUDIENCE)
    return TokenValidator(KeyManagerRegistry([manager], transport=FakeTransport(answers), clock=SetClock()))


def signed(typ="at+jwt", alg="RS256", **claims):
    """Return a good token of Thunder, but for its header type and these claims."""
    said = {"iss": ISSUER, "grant_type": "authorization_code", **claims}
    return token(good_claims(**said), good_header(alg, typ=typ), alg)


def shaped(kind, **changes):
    """Return a token of the published shape, with values that a test can check and these changes."""
    shape = support.load(SHAPES)[kind]
    usual = good_claims(iss=ISSUER, aud=AUDIENCE, scope="a b")
    said = {name: usual.get(name, value) for name, value in shape["payload"].items()}
    times = {name: usual[name] for name in ("iat", "nbf", "exp", "jti")}
    return token(changed({**said, **times, "iss": ISSUER}, changes), {**shape["header"], "alg": "RS256"}, "RS256")


def test_tokens_of_the_published_shape_are_told_apart():
    """An access token of the shape in Thunder's source is accepted, and its refresh token refused for its kind."""
    read = validator().authenticate(shaped("access_token"))
    assert (read.consumer_key, read.scopes, read.is_application) == ("shop", {"a", "b"}, False)
    found = refusal(validator().authenticate, shaped("refresh_token", aud=AUDIENCE))
    assert found.reason is Reason.WRONG_TOKEN_KIND
    assert "refresh and ID tokens have JWT" in found.hint


@pytest.mark.parametrize("alg", ["RS256", "RS512", "PS256", "ES256", "ES384", "ES512", "EdDSA"])
def test_it_signs_with_any_kind_of_key(alg):
    """A token is accepted whichever kind of key the server was given."""
    assert validator().authenticate(signed(alg=alg)).key_id == KEY_OF[alg]


@pytest.mark.parametrize("typ", ["JWT", "rt+jwt", "", ABSENT])
def test_nothing_but_the_header_type_counts(typ):
    """A token without the header type is refused although its payload is an access token's."""
    assert reason(validator().authenticate, signed(typ)) == "WRONG_TOKEN_KIND"


@pytest.mark.parametrize(
    ("grant", "expected"),
    [("client_credentials", True), ("authorization_code", False), (ABSENT, None), (["client_credentials"], None)],
)
def test_the_grant_says_whose_token_it_is(grant, expected):
    """A client's own token is told by its grant, and without one nothing is claimed."""
    assert validator().authenticate(signed(grant_type=grant)).is_application is expected


@pytest.mark.parametrize("aud", ["shop", ISSUER, ["x", "y"], ABSENT])
def test_audiences_are_explained(aud):
    """A token for another resource, or for none, is refused with how clients ask for one."""
    assert "ask for this API" in refusal(validator().authenticate, signed(aud=aud)).hint


def test_attributes_of_other_names_say_nothing():
    """Claims in which other providers have the client and the scopes are attributes of a user here."""
    read = validator().authenticate(signed(client_id=ABSENT, scope=ABSENT, azp="shop", scp="menu:read"))
    assert (read.consumer_key, read.scopes) == (None, frozenset())


def test_an_attribute_cannot_take_the_place_of_a_claim_in_another_form():
    """A user's attribute that replaced the client id or the scopes by something that is neither refuses the token."""
    assert reason(validator().authenticate, signed(client_id=["shop"])) == "INVALID_CLAIM"
    assert reason(validator().authenticate, signed(scope={"menu:read": True})) == "INVALID_CLAIM"


@pytest.mark.parametrize(
    ("given", "issuer"),
    [
        ({"issuer": ISSUER}, ISSUER),
        ({"discovery_url": f"{ISSUER}/.well-known/openid-configuration"}, ISSUER),
        ({"discovery_url": f"{ISSUER}/.well-known/oauth-authorization-server"}, ISSUER),
        ({"issuer": "thunder", "discovery_url": f"{ISSUER}/.well-known/openid-configuration"}, "thunder"),
    ],
)
def test_an_issuer_or_either_document_is_enough(given, issuer):
    """The issuer is the one that the server is configured with, or follows from the URL of its document."""
    manager = thunder(**given, audience=AUDIENCE)
    assert (manager.name, manager.issuer) == ("Thunder", issuer)


@pytest.mark.parametrize("given", [{}, {"issuer": ""}, {"issuer": "thunder"}, {"discovery_url": ISSUER}])
def test_malformed_arguments_are_refused(given):
    """An issuer below which nothing can be found is refused."""
    with pytest.raises(ConfigurationError):
        thunder(**given, audience=AUDIENCE)


@pytest.mark.parametrize(
    ("issuer", "is_known"),
    [(f"{ISSUER}/oauth2/token", True), ("https://thunder.example", True), ("https://x.example", False), ("x", False)],
)
def test_other_issuers_of_the_host_are_recognised(issuer, is_known):
    """A token of the same host under another issuer is refused with a hint, a stranger's without."""
    found = refusal(validator().authenticate, signed(iss=issuer))
    assert found.reason is Reason.UNKNOWN_ISSUER
    assert bool(found.hint) is is_known


@pytest.mark.parametrize("answer", [{}, {"sub": "alice", "aud": "shop"}, {"scope": "a b", "sub": "shop"}])
def test_an_active_token_may_be_of_another_kind(answer):
    """Active is whatever the server signed: an answer without a client id is about a refresh or an ID token."""
    assert reason(PROFILE.answers.check, {"active": True, "token_type": "Bearer", **answer}) == "WRONG_TOKEN_KIND"


def test_an_answer_about_an_access_token_names_its_client():
    """An answer with a client id is good, unless it is not active."""
    answer = {"active": True, "token_type": "Bearer", "client_id": "shop"}
    assert reason(PROFILE.answers.check, answer) == "GOOD"
    assert reason(PROFILE.answers.check, {**answer, "active": False}) == "INACTIVE"


def test_it_works_over_http():
    """Discovery, keys and a verdict come from a real server."""
    with SimulatedProvider("thunder", http=True, algorithms=["EdDSA"]) as idp:
        checks = idp.validator(network=Network(insecure_http=True, private_addresses=True))
        assert checks.authenticate(idp.token(application=True)).is_application
        assert reason(checks.authenticate, idp.look_alike("ID token with such attributes")) == "WRONG_TOKEN_KIND"
