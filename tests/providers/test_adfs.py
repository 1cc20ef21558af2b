"""AD FS: the issuer alone tells access tokens from ID tokens, and is a name that nobody fetches."""

import pytest

from kmvalidate import RemoteKeys, StaticKeys, providers
from kmvalidate.errors import ConfigurationError
from kmvalidate.providers._adfs import PROFILE
from kmvalidate.testing import SimulatedProvider
from tests.signing import jwks, reason, refusal

TRUST = "http://adfs.example/adfs/services/trust"
KEYS = "https://adfs.example/adfs/discovery/keys"
WELL_KNOWN = "https://adfs.example/adfs/.well-known/openid-configuration"


@pytest.mark.parametrize(
    ("arguments", "issuer", "keys"),
    [
        ({"host": "adfs.example"}, TRUST, KEYS),
        ({"issuer": TRUST}, TRUST, KEYS),
        ({"discovery_url": WELL_KNOWN}, TRUST, KEYS),
        ({"issuer": WELL_KNOWN}, TRUST, KEYS),
        ({"host": "adfs.example", "issuer": "urn:acme:sts"}, "urn:acme:sts", KEYS),
        ({"discovery_url": WELL_KNOWN, "issuer": "urn:acme:sts"}, "urn:acme:sts", KEYS),
        ({"issuer": "urn:acme:sts", "jwks_url": "https://k.example/k"}, "urn:acme:sts", "https://k.example/k"),
        ({"host": "adfs.example", "jwks_url": "https://k.example/k"}, TRUST, "https://k.example/k"),
        ({"issuer": "http://h:8080/adfs/services/trust", "jwks_url": KEYS}, "http://h:8080/adfs/services/trust", KEYS),
    ],
)
def test_issuer_and_keys_follow(arguments, issuer, keys):
    """The host, the issuer or the document is enough; the issuer stays http and the keys are fetched over https."""
    manager = providers.adfs(audience="orders", **arguments)
    assert (manager.issuer, manager.keys, manager.name) == (issuer, RemoteKeys(jwks_url=keys), "AD FS")
    assert manager.algorithms == ("RS256",)
    assert manager.waivers() == ()


HOSTS = ["", "ADFS.example", "https://adfs.example", "adfs.example/adfs", "adfs.example:443", "al@adfs.example"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        *(({"host": host}, "plain name") for host in (*HOSTS, "adfs..example", ".adfs", "adfs.example\n", "-x", 5)),
        ({}, "by the name of its host"),
        ({"issuer": "urn:acme:sts"}, "jwks_url="),
        ({"issuer": "http://adfs.example:8080/adfs/services/trust"}, "jwks_url="),
        ({"issuer": "http://ADFS..example/adfs/services/trust"}, "jwks_url="),
        ({"keys": StaticKeys.from_jwks(jwks("RSA"))}, "by the name of its host"),
        ({"issuer": "https://adfs.example/adfs"}, "issuer of the ID tokens"),
        ({"issuer": "https://adfs.example/adfs/", "jwks_url": KEYS}, "issuer of the ID tokens"),
        ({"host": "adfs.example", "discovery_url": WELL_KNOWN}, "not by both"),
        ({"discovery_url": "https://adfs.example/.well-known/openid-configuration"}, "discovery document of AD FS"),
        ({"discovery_url": "https://adfs.example/adfs"}, "discovery document of AD FS"),
        ({"discovery_url": "http://adfs.example/adfs/.well-known/openid-configuration"}, "https://"),
        ({"issuer": 5, "jwks_url": KEYS}, "issuer is a non-empty string"),
    ],
)
def test_what_cannot_be_right_is_a_configuration_error(arguments, said):
    """A host that is none, the issuer of ID tokens, and an issuer without the place of its keys are refused."""
    with pytest.raises(ConfigurationError, match=said):
        providers.adfs(audience="orders", **arguments)


def test_keys_can_be_brought_along():
    """With keys of one's own an issuer is enough, whatever it is."""
    keys = StaticKeys.from_jwks(jwks("RSA"))
    assert providers.adfs(issuer="urn:acme:sts", audience="a", keys=keys).keys == keys
    assert providers.adfs("adfs.example", audience="a", keys=keys).issuer == TRUST


def test_the_discovery_document_is_never_asked_for():
    """Nothing but the keys is fetched: the document names the issuer of ID tokens."""
    idp = SimulatedProvider("adfs")
    validator = idp.validator()
    assert validator.authenticate(idp.token()).issuer == TRUST
    assert idp.hits == {"/adfs/discovery/keys": 1}


@pytest.mark.parametrize(
    ("issuer", "hinted"),
    [
        ("https://adfs.example/adfs", True),
        ("https://adfs.example/adfs/services/trust", True),
        ("http://ADFS.example/adfs/services/trust", True),
        ("https://other.example/adfs", False),
        ("https://adfs.example/adfs/ls", False),
    ],
)
def test_id_tokens_are_explained(issuer, hinted):
    """The issuer of its ID tokens is unknown, and the hint says which issuer access tokens have."""
    idp = SimulatedProvider("adfs")
    refused = refusal(idp.validator().authenticate, idp.token(claims={"iss": issuer}))
    assert refused.reason.name == "UNKNOWN_ISSUER"
    assert (refused.hint is not None and "access_token_issuer" in refused.hint) is hinted


def test_tokens_of_other_protocols_are_explained():
    """A token of the right issuer and audience without a client is of WS-Federation, and the hint says so."""
    idp = SimulatedProvider("adfs")
    refused = refusal(idp.validator().authenticate, idp.look_alike("WS-Federation token"))
    assert (refused.reason.name, "appid" in refused.hint) == ("WRONG_TOKEN_KIND", True)
    other = refusal(idp.validator().authenticate, idp.token(audience="other"))
    assert (other.reason.name, other.hint) == ("WRONG_AUDIENCE", None)


def test_roles_and_groups_are_what_issuance_rules_say():
    """One role is a string, several are an array; groups likewise."""
    idp = SimulatedProvider("adfs")
    validator = idp.validator()
    assert validator.authenticate(idp.token(roles={"chef"})).roles == {"chef"}
    assert validator.authenticate(idp.token(roles={"chef", "cook"}, claims={"roles": "boss"})).roles == {
        "boss",
        "chef",
        "cook",
    }
    assert validator.authenticate(idp.token(claims={"group": ["a", "b"]})).groups == {"a", "b"}
    assert reason(idp.validator(any_group="a").authenticate, idp.token(claims={"group": "a"})) == "GOOD"


@pytest.mark.parametrize(
    ("changes", "application"),
    [
        ({}, True),
        ({"upn": "al@acme.example"}, False),
        ({"sub": "x"}, False),
        ({"unique_name": ["Al", "ACME\\al"]}, False),
        ({"scp": "openid"}, None),
        ({"DisplayName": "Al"}, None),
        ({"apptype": "Public"}, None),
        ({"apptype": ["Confidential"]}, None),
    ],
)
def test_an_application_has_nothing_of_a_user(changes, application):
    """A token is taken for a client's own only if nothing in it can be a user's."""
    claims = {"iss": TRUST, "aud": "orders", "exp": 1, "appid": "shop", "apptype": "Confidential", "ver": "1.0"}
    assert PROFILE.is_application({**claims, **changes}) is application


def test_a_token_may_have_no_subject_and_no_kid():
    """A user's token need not have a `sub`, and that of an old server names its key in no way that counts."""
    idp = SimulatedProvider("adfs")
    read = idp.validator().authenticate(idp.token(header={"kid": None}))
    assert (read.subject, read.consumer_key, read.is_application) == (None, "web-shop", False)


def test_adfs_over_http():
    """Keys are fetched over real HTTP from where they lie, and look-alikes are refused there too."""
    with SimulatedProvider("adfs", http=True) as idp:
        validator = idp.validator()
        assert validator.authenticate(idp.token()).issuer == idp.issuer
        assert idp.hits == {"/adfs/discovery/keys": 1}
        for name, look_alike in idp.kind.look_alikes.items():
            assert reason(validator.authenticate, idp.look_alike(name)) == look_alike.reason.name, name
