"""Key sets and discovery documents as providers and other libraries' tests have them, the broken ones included."""

import json
from collections import Counter

import pytest

from kmvalidate.discovery import jwks_uri
from kmvalidate.errors import ConfigurationError, KeyManagerUnavailable
from kmvalidate.key_documents import read_keys
from kmvalidate.keys import read_jwks
from kmvalidate.ports import Network
from tests.vectors.support import DATA, load, text

# The keys by their shape and alg, and how many entries are skipped.
GOOD_SETS = {
    "samples/entra/jwks-common-v1.json": ({("RSA", None): 7}, 0),
    "samples/entra/jwks-common-v2.json": ({("RSA", None): 10}, 0),
    "samples/okta/jwks-example.json": ({("RSA", "RS256"): 3}, 0),
    "samples/ping/jwks-pingfederate-interop.json": ({("RSA", None): 3}, 0),
    "samples/wso2is/jwks-is-dual-alg.json": ({("RSA", "RS256"): 1, ("RSA", "PS256"): 1}, 0),
    "oidcc/google-jwks.json": ({("RSA", "RS256"): 2}, 0),
    "oidcc/openid-certification-jwks.json": (
        {("RSA", None): 2, ("P-256", None): 2, ("secp256k1", None): 1, ("Ed25519", None): 1},
        2,  # for encryption
    ),
    "php-jwt/rsa-jwkset.json": ({("RSA", "RS256"): 2}, 0),
    "php-jwt/rsa-jwkset-2.json": ({("RSA", "RS256"): 1}, 0),
    "php-jwt/ec-jwkset.json": ({("P-256", "ES256"): 2, ("secp256k1", "ES256K"): 1, ("P-384", "ES384"): 1}, 0),
    "php-jwt/ed25519-jwkset.json": ({("Ed25519", "EdDSA"): 1}, 0),
    "pyjwt/keys/jwk_keyset_with_unknown_alg.json": ({("RSA", "RS256"): 1}, 1),
}
BROKEN_SETS = {
    "samples/negative/JsonWebKeySetBadBase64Data.json": ["its n is missing or not base64url"] * 2,
    "samples/negative/JsonWebKeySetBadRsaDataMissingComponent.json": ["its kty", "its key_ops", "its n is missing"],
    "samples/negative/JsonWebKeySetBadX509Data.json": ["its n is missing or not base64url"] * 2,
    "samples/negative/JsonWebKeySetSingleX509Data.json": ["its n is missing"],
    "samples/negative/JsonWebKeySetUnrecognizedKty.json": ["its key_ops", "its kty"],
    "php-jwt/octet-jwkset.json": ["its kty"] * 3,
    "pyjwt/keys/jwk_keyset_only_unknown_alg.json": ["its use is not sig"],
}
KEYS = {  # the shape of a good one, or what is said of a bad one
    "joserfc/keys/RFC7516-A.1.3.json": "RSA",
    "joserfc/keys/RFC7516-A.2.3.json": "RSA",
    "joserfc/keys/RFC7520-EC-108.json": "its use is not sig",
    "joserfc/keys/RFC7520-EC-120.json": "its use is not sig",
    "joserfc/keys/RFC7520-EC-private.json": "P-521",
    "joserfc/keys/RFC7520-EC-public.json": "P-521",
    "joserfc/keys/RFC7520-RSA-73.json": "its use is not sig",
    "joserfc/keys/RFC7520-RSA-84.json": "its use is not sig",
    "joserfc/keys/RFC7520-RSA-private.json": "RSA",
    "joserfc/keys/RFC7520-RSA-public.json": "RSA",
    "joserfc/keys/RFC7520-oct-130.json": "its use is not sig",
    "joserfc/keys/RFC7520-oct-enc.json": "its use is not sig",
    "joserfc/keys/RFC7520-oct-sig.json": "its kty",
    "joserfc/keys/ec-p256-alice.json": "P-256",
    "joserfc/keys/ec-p256-bob.json": "P-256",
    "joserfc/keys/ec-p256-private.pem": "private key",
    "joserfc/keys/ec-p256-public.pem": "P-256",
    "joserfc/keys/ec-p384-private.pem": "private key",
    "joserfc/keys/ec-p384-public.pem": "P-384",
    "joserfc/keys/ec-p512-private.pem": "private key",
    "joserfc/keys/ec-p512-public.pem": "P-521",
    "joserfc/keys/ec-secp256k1-private.pem": "private key",
    "joserfc/keys/ec-secp256k1-public.pem": "secp256k1",
    "joserfc/keys/firebase-cert.pem": "RSA",
    "joserfc/keys/okp-ed25519-private.json": "Ed25519",
    "joserfc/keys/okp-ed25519-public.json": "Ed25519",
    "joserfc/keys/okp-ed448-private.pem": "private key",
    "joserfc/keys/okp-ed448-public.pem": "Ed448",
    "joserfc/keys/okp-x25519-alice.json": "its crv",
    "joserfc/keys/okp-x25519-bob.json": "its crv",
    "joserfc/keys/okp-x25519-charlie.json": "its crv",
    "joserfc/keys/rsa-openssl-private.pem": "private key",
    "joserfc/keys/rsa-openssl-public.pem": "RSA",
    "joserfc/keys/ssh-ecdsa-public.pem": "neither PEM nor JSON",
    "joserfc/keys/ssh-ed25519-public.pem": "neither PEM nor JSON",
    "joserfc/keys/ssh-rsa-private.pem": "private key",
    "joserfc/keys/ssh-rsa-public.pem": "neither PEM nor JSON",
    "ietf-jose-cookbook/jwk/3_1.ec_public_key.json": "P-521",
    "ietf-jose-cookbook/jwk/3_2.ec_private_key.json": "P-521",
    "ietf-jose-cookbook/jwk/3_3.rsa_public_key.json": "RSA",
    "ietf-jose-cookbook/jwk/3_4.rsa_private_key.json": "RSA",
    "ietf-jose-cookbook/jwk/3_5.symmetric_key_mac_computation.json": "its kty",
    "ietf-jose-cookbook/jwk/3_6.symmetric_key_encryption.json": "its use is not sig",
    "oidcc/jwk-ed25519.pem": "private key",
    "oidcc/jwk.pem": "private key",
    "oidcc/jwk_cert.pem": "RSA",
    "pyjwt/keys/jwk_ec_key_P-256.json": "P-256",
    "pyjwt/keys/jwk_ec_key_P-384.json": "P-384",
    "pyjwt/keys/jwk_ec_key_P-521.json": "P-521",
    "pyjwt/keys/jwk_ec_key_secp256k1.json": "secp256k1",
    "pyjwt/keys/jwk_ec_pub_P-256.json": "P-256",
    "pyjwt/keys/jwk_ec_pub_P-384.json": "P-384",
    "pyjwt/keys/jwk_ec_pub_P-521.json": "P-521",
    "pyjwt/keys/jwk_ec_pub_secp256k1.json": "secp256k1",
    "pyjwt/keys/jwk_empty.json": "neither PEM nor JSON",
    "pyjwt/keys/jwk_hmac.json": "its kty",
    "pyjwt/keys/jwk_okp_key_Ed25519.json": "Ed25519",
    "pyjwt/keys/jwk_okp_key_Ed448.json": "Ed448",
    "pyjwt/keys/jwk_okp_pub_Ed25519.json": "Ed25519",
    "pyjwt/keys/jwk_okp_pub_Ed448.json": "Ed448",
    "pyjwt/keys/jwk_rsa_key.json": "RSA",
    "pyjwt/keys/jwk_rsa_pub.json": "RSA",
    "pyjwt/keys/testkey2_rsa.pub.pem": "RSA",
    "pyjwt/keys/testkey_ec.priv": "private key",
    "pyjwt/keys/testkey_ec.pub": "P-256",
    "pyjwt/keys/testkey_ec_secp192r1.priv": "private key",
    "pyjwt/keys/testkey_ec_ssh.pub": "neither PEM nor JSON",
    "pyjwt/keys/testkey_ed25519": "private key",
    "pyjwt/keys/testkey_ed25519.pem": "private key",
    "pyjwt/keys/testkey_ed25519.pub": "neither PEM nor JSON",
    "pyjwt/keys/testkey_ed25519.pub.pem": "Ed25519",
    "pyjwt/keys/testkey_pkcs1.pub.pem": "1024 bits",
    "pyjwt/keys/testkey_rsa.cer": "RSA",
    "pyjwt/keys/testkey_rsa.priv": "private key",
    "pyjwt/keys/testkey_rsa.pub": "neither PEM nor JSON",
}
GOOD_KEYS = {
    path: shape
    for path, shape in KEYS.items()
    if shape in {"RSA", "P-256", "P-384", "P-521", "secp256k1", "Ed25519", "Ed448"}
}
BAD_KEYS = {path: why for path, why in KEYS.items() if path not in GOOD_KEYS}

ENTRA = "https://login.microsoftonline.com/common"
AZURE = "https://sts.windows.net/d062b2b0-9aca-4ff7-b32a-ba47231a4002/"
PING = "https://connect-interop.pinglabs.org:9031"
OKTA = "https://${yourOktaDomain}"


def document_error(path, issuer, found_at, network=None):
    """Return why a discovery document is refused."""
    with pytest.raises(KeyManagerUnavailable) as refused:
        jwks_uri(load(path), (issuer,), found_at, network or Network())
    return str(refused.value)


@pytest.mark.parametrize("path", GOOD_SETS)
def test_a_real_key_set_has_its_usable_keys(path):
    """A provider's key set is read whole, each key with its shape and alg, encryption keys skipped."""
    expected, skipped = GOOD_SETS[path]
    keys = read_keys(text(path))
    assert Counter((key.shape, key.alg) for key in keys.keys) == expected
    assert len(keys.skipped) == skipped
    assert all(key.kid for key in keys.keys)


@pytest.mark.parametrize("path", BROKEN_SETS)
def test_a_broken_key_set_names_what_is_wrong_with_each_entry(path):
    """Where no entry can be used, the error has the place and the fault of each, in their order."""
    with pytest.raises(ConfigurationError) as refused:
        read_keys(text(path))
    told = str(refused.value).split("entry ")[1:]
    assert len(told) == len(BROKEN_SETS[path])
    for place, (said, why) in enumerate(zip(told, BROKEN_SETS[path], strict=True)):
        assert said.startswith(f"{place}: {why}")


@pytest.mark.parametrize("path", BROKEN_SETS)
def test_a_broken_entry_does_not_spoil_a_good_one(path):
    """Beside a broken set's entries, in front of them or behind, a good key is read, and they are reported."""
    broken = load(path)["keys"]
    good = load("joserfc/keys/RFC7520-RSA-public.json")
    for entries in ([good, *broken], [*broken, good]):
        keys = read_jwks({"keys": entries})
        assert [key.kid for key in keys.keys] == ["bilbo.baggins@hobbiton.example"]
        assert len(keys.skipped) == len(broken)


@pytest.mark.parametrize("path", GOOD_KEYS)
def test_a_single_key_is_read_by_its_type(path):
    """A public JWK, PEM key or certificate is one key; of a private JWK only the public half, and that is said."""
    content = text(path)
    keys = read_keys(content)
    assert [key.shape for key in keys.keys] == [GOOD_KEYS[path]]
    has_private_half = content.startswith("{") and "d" in json.loads(content)
    assert [skip.key_used for skip in keys.skipped] == [True] * has_private_half
    assert keys.keys[0].is_pem is not content.startswith("{")


@pytest.mark.parametrize("path", BAD_KEYS)
def test_a_key_that_cannot_verify_is_refused_for_what_it_is(path):
    """A private PEM, a symmetric, encryption, weak or OpenSSH key is refused, its content not repeated."""
    content = text(path)
    with pytest.raises(ConfigurationError, match=BAD_KEYS[path]) as refused:
        read_keys(content)
    assert not [line for line in content.split() if len(line) > 20 and line in str(refused.value)]


def test_every_stored_key_is_read():
    """No key file lies in the folders without being read."""
    folders = ("joserfc/keys", "pyjwt/keys", "php-jwt", "ietf-jose-cookbook/jwk", "samples/negative")
    files = {path.relative_to(DATA).as_posix() for folder in folders for path in (DATA / folder).iterdir()}
    documents = {path for path in files if "OpenIdConnectMetadata" in path or path.endswith("LICENSE")}
    assert files - documents <= {*KEYS, *GOOD_SETS, *BROKEN_SETS}


def test_a_private_and_a_public_file_hold_the_same_key():
    """The private JWKs that lie beside a public one have the same thumbprint, the private half ignored."""
    pairs = [
        ("joserfc/keys/RFC7520-EC-private.json", "joserfc/keys/RFC7520-EC-public.json"),
        ("joserfc/keys/RFC7520-RSA-private.json", "joserfc/keys/RFC7520-RSA-public.json"),
        ("joserfc/keys/okp-ed25519-private.json", "joserfc/keys/okp-ed25519-public.json"),
        ("pyjwt/keys/jwk_okp_key_Ed448.json", "pyjwt/keys/jwk_okp_pub_Ed448.json"),
    ]
    for private, public in pairs:
        assert read_keys(text(private)).keys == read_keys(text(public)).keys


def test_a_set_without_alg_serves_what_its_type_allows():
    """Without alg, a key of the php-jwt set verifies by each RSA algorithm; with it only by its own."""
    entries = load("php-jwt/rsa-jwkset.json")["keys"]
    bound = read_jwks({"keys": entries}).keys[0]
    free = read_jwks({"keys": [{name: value for name, value in entries[0].items() if name != "alg"}]}).keys[0]
    assert [alg for alg in ("RS256", "RS384", "PS256") if bound.serves(alg)] == ["RS256"]
    assert [alg for alg in ("RS256", "RS384", "PS256") if free.serves(alg)] == ["RS256", "RS384", "PS256"]
    assert bound.thumbprint == free.thumbprint


def test_one_rsa_key_under_two_kids_serves_each_with_its_alg():
    """WSO2 IS publishes one key twice, and each kid is bound to its own alg."""
    rs256, ps256 = read_keys(text("samples/wso2is/jwks-is-dual-alg.json")).keys
    assert rs256.thumbprint == ps256.thumbprint
    assert rs256.x5t_s256 == ps256.x5t_s256 == "m_eCU6DLMVTX9h5TomL64Swtp-AMsmA-6xvWCTr5gf4"
    assert (rs256.kid[-6:], rs256.alg, ps256.kid[-6:], ps256.alg) == ("_RS256", "RS256", "_PS256", "PS256")


@pytest.mark.parametrize("name", ["BadBase64Data", "JsonWebKeySetBadUri", "UnrecognizedKty"])
def test_a_document_with_a_relative_jwks_uri_is_refused(name):
    """The negative documents name their key set by a relative URL, and nothing is fetched for them."""
    path = f"samples/negative/OpenIdConnectMetadata{name}.json"
    assert "jwks_uri: a URL starts with https://" in document_error(path, AZURE, AZURE)


def test_a_document_without_a_jwks_uri_is_refused():
    """PingFederate's stored document has the right issuer and no jwks_uri."""
    assert "jwks_uri" in document_error("samples/ping/discovery-pingfederate-interop.json", PING, PING)


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_entras_common_document_is_no_issuers_document(version):
    """The issuer of Entra's common documents is a template, which no configured issuer equals."""
    path = f"samples/entra/discovery-common-{version}.json"
    assert "its issuer is not the configured one" in document_error(path, ENTRA, ENTRA)
    template = load(path)["issuer"]
    assert "{tenantid}" in template
    assert jwks_uri(load(path), (template,), ENTRA, Network(allowed_hosts=("login.windows.net",))).startswith(
        "https://login."
    )


def test_googles_document_needs_its_second_host_listed():
    """Google's keys lie on another host than its issuer: refused until an operator lists that host."""
    path, issuer = "samples/google/discovery-2024-02-02.json", "https://accounts.google.com"
    assert "a host that was not configured" in document_error(path, issuer, issuer)
    listed = Network(allowed_hosts=("www.googleapis.com",))
    assert jwks_uri(load(path), (issuer,), issuer, listed) == "https://www.googleapis.com/oauth2/v3/certs"
    assert (
        jwks_uri(load("oidcc/google-metadata.json"), (issuer,), issuer, listed)
        == "https://www.googleapis.com/oauth2/v3/certs"
    )


def test_googles_old_issuer_is_compared_as_it_is_written():
    """The old document's issuer has no scheme: it is refused for the new issuer and good for exactly itself."""
    path = "samples/google/discovery-old.json"
    assert "its issuer" in document_error(path, "https://accounts.google.com", "https://accounts.google.com")
    listed = Network(allowed_hosts=("www.googleapis.com",))
    assert jwks_uri(load(path), ("accounts.google.com",), "https://accounts.google.com/x", listed).endswith("/v2/certs")


@pytest.mark.parametrize(
    "path",
    [
        "oidcc/example-metadata.json",
        "oidcc/fapi2-metadata.json",
        "samples/asgardeo/discovery-docs-partial.json",
        "samples/ory-hydra/discovery.json",
        "samples/wso2is/discovery-is.json",
        "samples/okta/discovery-custom-as-oauth-authorization-server.json",
        "samples/okta/discovery-custom-as-openid-configuration.json",
        "samples/okta/discovery-org-as-openid-configuration.json",
    ],
)
def test_a_document_names_its_keys_to_its_own_issuer_only(path):
    """A whole document is used for exactly its issuer: not for another one, nor with a slash more or a case changed."""
    document = load(path)
    issuer = document["issuer"]
    for other in (issuer + "/", issuer.upper(), issuer[:-1], "https://idp.example"):
        assert "its issuer is not the configured one" in document_error(path, other, other)


@pytest.mark.parametrize(
    "path",
    [
        "oidcc/example-metadata.json",
        "oidcc/fapi2-metadata.json",
        "samples/asgardeo/discovery-docs-partial.json",
        "samples/wso2is/discovery-is.json",
    ],
)
def test_a_whole_document_leads_to_its_keys(path):
    """For its own issuer, a document with keys on the issuer's host leads to exactly the URL it has."""
    document = load(path)
    assert jwks_uri(document, (document["issuer"],), document["issuer"], Network()) == document["jwks_uri"]


def test_hydras_document_is_used_by_those_who_fetch_over_http():
    """The sample of Ory Hydra has its keys on plain http, which is refused until an operator allows it."""
    path, issuer = "samples/ory-hydra/discovery.json", "http://hydra.localhost"
    assert document_error(path, issuer, issuer).endswith("(this one: http); Network(insecure_http=True) waives that")
    found = jwks_uri(load(path), (issuer,), issuer, Network(insecure_http=True))
    assert found == "http://hydra.localhost/.well-known/jwks.json"


@pytest.mark.parametrize(
    "name", ["custom-as-oauth-authorization-server", "custom-as-openid-configuration", "org-as-openid-configuration"]
)
def test_a_template_in_an_address_is_no_address(name):
    """Okta's sample documents have a placeholder for the host, which is not fetched as it stands."""
    path = f"samples/okta/discovery-{name}.json"
    assert "jwks_uri" in document_error(path, load(path)["issuer"], "https://acme.okta.com")
