"""How a generator is configured, what it publishes, and the header that it looks after."""

import json

import pytest

from kmvalidate import StaticKeys
from kmvalidate.backend_jwt import DEFAULT_HEADER, DEFAULT_ISSUER, JWKS_CACHE_S, LegacyFormat, StrictFormat
from kmvalidate.errors import ConfigurationError
from kmvalidate.userinfo import UserInfo
from tests.backend_jwt.making import generator, key

PRIVATE = {"d", "p", "q", "dp", "dq", "qi", "oth", "k"}
RSA = key("RS256", certified=True)
GATEWAY = "https://gw.example"


@pytest.mark.parametrize(
    "options",
    [
        {"format": "legacy"},
        {"format": LegacyFormat},
        {"issuer": ""},
        {"issuer": 7},
        {"issuer": "urn:\ud800"},
        {"ttl_s": 9},
        {"ttl_s": 86_401},
        {"ttl_s": 60.0},
        {"ttl_s": True},
        {"ttl_s": "60"},
        {"audience": ()},
        {"audience": ""},
        {"audience": 7},
        {"audience": "\udfff"},
        {"audience": ["b", "urn:\ud800"]},
        {"claims": ["email"]},
        {"claims": "email"},
        {"claims": {"email": ""}},
        {"claims": {"email": None}},
        {"claims": {"": "email"}},
        {"claims": {(): "email"}},
        {"claims": {7: "email"}},
        {"claims": {"email": "mail", "upn": "\ud800"}},
        {"excluded_claims": ("a", "")},
        {"excluded_claims": None},
        {"custom_claims": {"a": 1}},
        {"jwks_cache_s": -1},
        {"jwks_cache_s": None},
        {"header": ""},
        {"header": None},
        {"header": "X JWT"},
        {"header": "X-JWT\r\nEvil: 1"},
        {"header": "X-Jwt:"},
        {"header": "Connection"},
        {"header": "transfer_encoding"},
        {"header": "Host"},
    ],
)
def test_what_cannot_be_is_an_error(options):
    """An argument of another type, or out of bounds, is an error when the generator is made."""
    with pytest.raises(ConfigurationError):
        generator(**options)


def test_the_defaults_are_those_of_the_format():
    """Issuer and life depend on the format; header and cache do not."""
    strict, legacy = generator(), generator(RSA, format=LegacyFormat())
    assert (strict.issuer, strict.ttl_s) == (DEFAULT_ISSUER, 300) == ("urn:kmvalidate:gateway", 300)
    assert (legacy.issuer, legacy.ttl_s) == ("wso2.org/products/am", 900)
    assert {strict.header, legacy.header} == {DEFAULT_HEADER} == {"X-JWT-Assertion"}
    assert strict.jwks_cache_s == legacy.jwks_cache_s == JWKS_CACHE_S


USERS = UserInfo({"Test": "https://idp.example/userinfo"})


@pytest.mark.parametrize("wrong", [1, "x", [1], object(), UserInfo, {"Test": "https://idp.example/userinfo"}], ids=repr)
def test_user_claims_are_fetched_by_a_userinfo(wrong):
    """What fetches the user's claims is kept as it is, and what cannot is an error at once."""
    assert generator(user_claims=USERS).user_claims is USERS
    assert generator().user_claims is None
    with pytest.raises(ConfigurationError, match="user_claims is a UserInfo"):
        generator(user_claims=wrong)


@pytest.mark.parametrize("name", ["issuer", "header", "ttl_s", "jwks_cache_s", "custom_claims", "user_claims"])
def test_what_was_checked_is_not_changed(name):
    """What a generator was made with can be read, and is replaced by nothing that nobody checked."""
    options = {
        "issuer": "i",
        "header": "h",
        "ttl_s": 10,
        "jwks_cache_s": 0,
        "custom_claims": vars,
        "user_claims": USERS,
    }
    made = generator(**options)
    with pytest.raises(AttributeError):
        setattr(made, name, "Authorization\r\n")
    assert getattr(made, name) == options[name]


def test_the_repr_has_no_key_material():
    """A generator shows its issuer, its format and the ids of its keys."""
    text = repr(generator(key(kid="k1"), format=StrictFormat()))
    assert (
        text
        == "BackendJwtGenerator(issuer='urn:kmvalidate:gateway', format=StrictFormat(typ='backend+jwt'), keys=['k1'])"
    )


def test_only_public_keys_are_published():
    """The published set has public members only, says what each key is for, and is read without a complaint."""
    keys = [key(alg, kid=alg) for alg in ("ES256", "RS256", "PS256", "EdDSA", "ES384", "ES512")]
    document = generator(keys).jwks()
    assert [jwk["kid"] for jwk in document["keys"]] == [one.kid for one in keys]
    for jwk in document["keys"]:
        assert not PRIVATE & jwk.keys()
        assert (jwk["use"], jwk["alg"]) == ("sig", jwk["kid"])
    assert StaticKeys.from_jwks(document).key_set.skipped == ()


def test_the_published_set_is_a_copy():
    """Whoever changes what was returned changes nothing of what is published next."""
    made = generator()
    made.jwks()["keys"].clear()
    assert made.jwks() == json.loads(made.jwks_json())
    assert len(made.jwks()["keys"]) == 1


@pytest.mark.parametrize("keys", [key(), RSA])
def test_certificates_are_published(keys):
    """A key with a certificate is published with it, one without has none."""
    (jwk,) = generator(keys).jwks()["keys"]
    assert {"x5c", "x5t#S256"} & jwk.keys() == ({"x5c", "x5t#S256"} if keys is RSA else set())


@pytest.mark.parametrize(
    ("base_url", "options", "jwks_uri"),
    [
        (GATEWAY, {}, f"{GATEWAY}/.well-known/jwks.json"),
        (f"{GATEWAY}/", {}, f"{GATEWAY}/.well-known/jwks.json"),
        (f"{GATEWAY}:8243/x", {"jwks_path": "/jwks"}, f"{GATEWAY}:8243/x/jwks"),
        (GATEWAY, {"jwks_path": "jwks"}, f"{GATEWAY}/jwks"),
        ("http://gw.mesh", {"insecure_http": True}, "http://gw.mesh/.well-known/jwks.json"),
    ],
)
def test_the_keys_can_be_discovered(base_url, options, jwks_uri):
    """The discovery document names the issuer, where the keys are, and the algorithms of all of them."""
    made = generator([key(kid="a"), RSA, key(kid="b", owner="b")], issuer=GATEWAY)
    assert made.discovery(base_url, **options) == {
        "issuer": GATEWAY,
        "jwks_uri": jwks_uri,
        "response_types_supported": ["id_token"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["ES256", "RS256"],
    }


@pytest.mark.parametrize(
    ("issuer", "base_url", "options"),
    [
        (DEFAULT_ISSUER, GATEWAY, {}),
        ("wso2.org/products/am", GATEWAY, {}),
        ("http://gw.example", GATEWAY, {}),
        (f"{GATEWAY}?a=b", GATEWAY, {}),
        (GATEWAY, "http://gw.example", {}),
        (GATEWAY, "gw.example", {}),
        (GATEWAY, f"{GATEWAY}?a=b", {}),
        (GATEWAY, None, {}),
        (GATEWAY, GATEWAY, {"jwks_path": "/jwks?a=b"}),
        (GATEWAY, GATEWAY, {"jwks_path": "/jw ks"}),
        *((GATEWAY, GATEWAY, {"jwks_path": path}) for path in (None, 5, b"/jwks", ["/jwks"], "/\ud800")),
    ],
)
def test_discovery_needs_urls(issuer, base_url, options):
    """An issuer that is no URL cannot be discovered, and the keys lie at a plain one."""
    with pytest.raises(ConfigurationError):
        generator(issuer=issuer).discovery(base_url, **options)
