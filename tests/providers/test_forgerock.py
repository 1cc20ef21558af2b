"""PingAM (ForgeRock): the port in the issuer counts, scopes are an array, and `tokenName` tells the kind."""

import pytest

from kmvalidate import ClientIdInstead, providers
from kmvalidate.errors import ConfigurationError
from kmvalidate.providers._forgerock import PROFILE
from kmvalidate.testing import SimulatedProvider
from tests.signing import reason, refusal

HOST = "https://am.example"
ISSUER = f"{HOST}:443/am/oauth2/realms/root/realms/alpha"


@pytest.mark.parametrize(
    "issuer",
    [
        ISSUER,
        f"{HOST}/am/oauth2",
        f"{HOST}:443/am/oauth2/alpha",
        f"{HOST}/openam/oauth2/realms/root/realms/jenius",
        "https://account.example:443/dwsso/oauth2",
    ],
)
def test_every_form_of_an_issuer_is_taken_as_it_is(issuer):
    """The root realm, the short form and the long one are issuers, the port stays, and so does the document."""
    for manager in (
        providers.forgerock(issuer, audience="orders"),
        providers.forgerock(f"{issuer}/.well-known/openid-configuration", audience="orders"),
        providers.forgerock(discovery_url=f"{issuer}/.well-known/openid-configuration", audience="orders"),
    ):
        assert (manager.issuer, manager.name) == (issuer, "ForgeRock")


@pytest.mark.parametrize(
    "issuer",
    [f"{ISSUER}/", HOST, f"{HOST}/am", f"{HOST}/am/oauth2x", f"{HOST}/am/oauth2/", f"{HOST}/am/realms/alpha", ""],
)
def test_what_is_no_realm_is_a_configuration_error(issuer):
    """An issuer that AM cannot have is refused with what it looks like."""
    with pytest.raises(ConfigurationError, match="/oauth2 in its path"):
        providers.forgerock(issuer, audience="orders")


def test_an_issuer_is_needed():
    """Without an issuer and without a document nothing is found."""
    with pytest.raises(ConfigurationError, match="issuer="):
        providers.forgerock(audience="orders")


def test_an_access_token_tells_its_realm():
    """Scopes, realm and client are read from where AM has them."""
    idp = SimulatedProvider("forgerock")
    read = idp.validator().authenticate(idp.token(scopes={"menu:read", "openid"}))
    assert (read.tenant, read.consumer_key, read.scopes) == ("/alpha", "web-shop", {"menu:read", "openid"})
    assert isinstance(read.claims["scope"], list)


def test_older_versions_name_the_client_in_the_audience_alone():
    """A token without `client_id` has its client as `aud`, which is the consumer key then."""
    idp = SimulatedProvider("forgerock", audience="web-shop")
    old = idp.token(header={"zip": "NONE"}, claims={"client_id": None})
    assert idp.validator().authenticate(old).consumer_key == "web-shop"
    instead = idp.validator(audience=ClientIdInstead("web-shop"))
    assert instead.authenticate(old).consumer_key == "web-shop"
    assert reason(instead.authenticate, idp.token(audience="other", claims={"client_id": None})) == "WRONG_AUDIENCE"


def test_a_script_may_make_the_audience_an_array():
    """An array names no client, so that one who has such tokens configures no client in `aud`."""
    idp = SimulatedProvider("forgerock")
    several = idp.token(audience=["orders", "stock"], claims={"client_id": None})
    assert reason(idp.validator().authenticate, several) == "INVALID_CLAIM"
    assert idp.validator(consumer_key_claims="client_id").authenticate(several).consumer_key is None
    assert idp.validator().authenticate(idp.token(audience=["orders", "stock"])).consumer_key == "web-shop"


@pytest.mark.parametrize(
    ("grant", "application"),
    [
        ("client_credentials", True),
        ("authorization_code", False),
        ("refresh_token", False),
        ("password", False),
        ("urn:ietf:params:oauth:grant-type:device_code", False),
        ("urn:ietf:params:oauth:grant-type:token-exchange", None),
        ("Client_Credentials", None),
        (["client_credentials"], None),
        ({}, None),
        (None, None),
    ],
)
def test_the_grant_tells_an_application(grant, application):
    """A client has a token of its own by one grant; some grants do not tell, whatever is in the claim."""
    assert PROFILE.is_application({"grant_type": grant}) is application
    assert PROFILE.is_application({}) is None


@pytest.mark.parametrize(
    ("issuer", "configured"),
    [
        (f"{HOST}/am/oauth2/realms/root/realms/alpha", True),
        (f"{HOST}:443/am/oauth2/alpha", True),
        (f"{HOST}:8443/am/oauth2/realms/alpha", True),
        (f"{HOST}:443/am/oauth2/realms/root/realms/beta", False),
        (f"{HOST}:443/am/oauth2", False),
        ("https://other.example:443/am/oauth2/alpha", False),
        (f"{HOST}:443/am/oauth2alpha", False),
        ("am/oauth2/alpha", False),
    ],
)
def test_another_spelling_of_a_realm_is_recognised(issuer, configured):
    """The same realm under another issuer is refused, and the hint names what is spelt otherwise."""
    idp = SimulatedProvider("forgerock")
    refused = refusal(idp.validator().authenticate, idp.token(claims={"iss": issuer}))
    assert refused.reason.name == "UNKNOWN_ISSUER"
    assert (refused.hint is not None and ":443" in refused.hint) is configured


def test_hs256_is_explained():
    """AM's own default algorithm cannot be accepted, and the hint says what to choose."""
    idp = SimulatedProvider("forgerock")
    shared = refusal(idp.validator().authenticate, idp.token(header={"alg": "HS256"}, key=b"secret"))
    assert (shared.reason.name, "RS256 or ES256" in shared.hint) == ("ALGORITHM_NOT_ALLOWED", True)
    none = refusal(idp.validator().authenticate, idp.token(header={"alg": "none"}, key=b""))
    assert (none.reason.name, none.hint) == ("ALGORITHM_NOT_ALLOWED", None)


def test_the_audience_is_explained():
    """A token that names only its client gets the hint about the script that names an API."""
    idp = SimulatedProvider("forgerock")
    refused = refusal(idp.validator().authenticate, idp.token(audience="web-shop"))
    assert (refused.reason.name, "script" in refused.hint) == ("WRONG_AUDIENCE", True)


def test_opaque_tokens_are_explained():
    """A token of the server-side kind is opaque, and the hint says what to switch on."""
    validator = SimulatedProvider("forgerock").validator()
    assert "client-based" in refusal(validator.authenticate, "sbQZuveFumUDV5R1vVBl6QAGNB8").hint


@pytest.mark.parametrize("named", ["Access_Token", "access_token"])
def test_the_name_of_a_token_tells_its_kind(named):
    """A token is told by its name, whose letters may be capitals; a list of names is none."""
    idp = SimulatedProvider("forgerock")
    assert reason(idp.validator().authenticate, idp.token(claims={"tokenName": named})) == "GOOD"
    assert reason(idp.validator().authenticate, idp.token(claims={"tokenName": [named]})) == "WRONG_TOKEN_KIND"


def test_forgerock_over_http():
    """A realm is found by its issuer over real HTTP, and its look-alikes are refused there too."""
    with SimulatedProvider("forgerock", http=True) as idp:
        validator = idp.validator()
        assert validator.authenticate(idp.token()).issuer == idp.issuer
        assert set(idp.hits.values()) == {1}
        for name, look_alike in idp.kind.look_alikes.items():
            assert reason(validator.authenticate, idp.look_alike(name)) == look_alike.reason.name, name
