"""How a few facts become a key manager: what all providers have in common."""

import pytest

from kmvalidate import (
    ClientIdInstead,
    ClientSecretBasic,
    ConfigurationError,
    Introspection,
    KeyManager,
    Network,
    RemoteKeys,
    TokenKinds,
)
from kmvalidate.providers._common import Options, host_of, key_manager, placed
from tests.signing import static_keys

ISSUER = "https://idp.example/t/acme"
SUFFIX = f"{ISSUER}/.well-known/openid-configuration"
INSERTED = "https://idp.example/.well-known/oauth-authorization-server/t/acme"
OPEN = Network(insecure_http=True)
ASKED = Introspection(client=ClientSecretBasic("gateway", "secret"), tokens="x")

#: Each option with a value that is not its default.
VALUES = {
    "network": OPEN,
    "keys": static_keys("P-256"),
    "organization": "acme",
    "extra_issuers": ["urn:x"],
    "algorithms": "ES384",
    "leeway_s": 7,
    "max_age_s": 60,
    "max_lifetime_s": 600,
    "required_claims": "sub",
    "claim_values": {"a": 1},
    "claim_in": {"b": [2]},
    "consumer_key_claims": "cid",
    "scope_claims": "s",
    "role_claims": [("a", "b")],
    "group_claims": "g",
    "permission_claims": "p",
    "any_role": "r",
    "all_roles": "r",
    "any_group": "g",
    "all_groups": "g",
    "any_permission": "p",
    "all_permissions": "p",
    "token_kinds": TokenKinds(header_types="at+jwt"),
    "environments": "Production",
    "introspection": ASKED,
    "self_validate_jwt": False,
}


def made(known=None, **arguments):
    """Return a key manager of a provider that is known for these arguments."""
    facts = {name: arguments.pop(name) for name in ("discovery_url", "jwks_url", "key_hosts") if name in arguments}
    return key_manager(known or {}, arguments, name="Test", issuer=ISSUER, audience="orders", **facts)


def test_the_options_are_the_arguments_of_a_key_manager():
    """Every argument of a key manager that a provider does not say itself is an option, and the network beside them."""
    said = {"name", "issuer", "audience", "tenants", "profile"}
    arguments = {field.name for field in KeyManager.__attrs_attrs__ if field.init}
    assert set(Options.__annotations__) == arguments - said | {"network"} == set(VALUES)


@pytest.mark.parametrize("name", sorted(set(VALUES) - {"network", "keys"}))
def test_what_a_person_says_goes_first(name):
    """An option replaces what a provider is known for, and is what a key manager makes of it."""
    more = {"introspection": ASKED} if name == "self_validate_jwt" else {}
    given = {name: VALUES[name], **more}
    plain = KeyManager(name="Test", issuer=ISSUER, audience="orders", keys=RemoteKeys(), **given)
    assert made(**given) == plain
    known = {} if name in {"required_claims", "extra_issuers", "claim_values", "claim_in"} else {name: "other"}
    assert made(known, **given) == plain


def test_what_a_provider_requires_is_required_beside_the_rest():
    """Required claims, values and further issuers of a provider and of a person count together."""
    known = {
        "required_claims": ("sub", "jti"),
        "extra_issuers": "urn:a",
        "claim_values": {"ver": "1", "x": 1},
        "claim_in": {"tid": ["a"]},
    }
    both = made(
        known, required_claims=["oid", "sub"], extra_issuers=["urn:b"], claim_values={"y": 2}, claim_in={"y": "z"}
    )
    assert both.required_claims == ("sub", "jti", "oid")
    assert both.extra_issuers == ("urn:a", "urn:b")
    assert both.claim_values == {"ver": "1", "x": 1, "y": 2}
    assert both.claim_in == {"tid": ("a",), "y": ("z",)}
    assert made(known).required_claims == ("sub", "jti")
    for other in ({"claim_values": {"x": 2}}, {"claim_in": {"tid": "b", "z": "z"}}):
        with pytest.raises(ConfigurationError, match=r"says itself what (x|tid) must be"):
            made(known, **other)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("required_claims", value) for value in (None, 5, [""])),
        *(("extra_issuers", value) for value in (None, 5, [""])),
        *(("claim_values", value) for value in (None, 5, "x", ["x"], {"x": {1}})),
        *(("claim_in", value) for value in (None, 5, "x", ["x"], {"x": []})),
        *(("network", value) for value in (5, "proxy", {}, True)),
        *(("leeway_s", value) for value in (301, None)),
    ],
    ids=repr,
)
def test_a_wrong_option_is_a_configuration_error(name, value):
    """An option that a key manager refuses is refused, also where a provider adds something of its own."""
    known = {"required_claims": ("sub",), "extra_issuers": ("urn:a",), "claim_values": {"v": 1}, "claim_in": {"t": "a"}}
    for before in ({}, known):
        with pytest.raises(ConfigurationError):
            made(before, key_hosts=("keys.example",), **{name: value})
        with pytest.raises(ConfigurationError):
            made(before, **{name: value})


def test_a_misspelt_option_is_told():
    """A misspelt option is a TypeError, as for any function, and never ignored."""
    for stranger in ("leeway", "tenants", "profile"):
        with pytest.raises(TypeError, match=stranger):
            made(**{stranger: 5})


def test_keys_are_fetched_unless_they_are_given():
    """Keys come from where discovery says, from a known place, or are given, over the network that is said."""
    assert made().keys == RemoteKeys()
    assert made(discovery_url=SUFFIX, network=OPEN).keys == RemoteKeys(discovery_url=SUFFIX, network=OPEN)
    assert made(jwks_url="https://idp.example/k").keys == RemoteKeys(jwks_url="https://idp.example/k")
    assert made(keys=VALUES["keys"]).keys is VALUES["keys"]
    assert made(keys=RemoteKeys(soft_ttl_s=60)).keys.soft_ttl_s == 60


@pytest.mark.parametrize("more", [{"network": OPEN}, {"network": Network()}, {"discovery_url": SUFFIX}], ids=str)
def test_given_keys_say_themselves_where_they_are(more):
    """Keys that are given, and a place or a way to fetch them, contradict each other."""
    with pytest.raises(ConfigurationError, match="keys="):
        made(keys=VALUES["keys"], **more)


def test_hosts_on_which_a_provider_keeps_keys_are_allowed():
    """A provider's own key hosts are allowed beside those that a person allows, each once."""
    assert made(key_hosts=("k.example",)).keys.network.allowed_hosts == ("k.example",)
    mine = Network(allowed_hosts=["mine.example", "k.example"], private_addresses=True)
    assert made(key_hosts=("k.example",), network=mine).keys.network is mine
    both = made(key_hosts=("k.example", "l.example"), network=mine).keys.network
    assert (both.allowed_hosts, both.private_addresses) == (("mine.example", "k.example", "l.example"), True)


@pytest.mark.parametrize(
    ("issuer", "discovery_url", "expected"),
    [
        (ISSUER, None, (ISSUER, None)),
        (ISSUER + "/", None, (ISSUER + "/", None)),
        ("urn:acme", None, ("urn:acme", None)),
        ("", None, ("", None)),
        (SUFFIX, None, (ISSUER, SUFFIX)),
        (INSERTED, None, (ISSUER, INSERTED)),
        (None, SUFFIX, (ISSUER, SUFFIX)),
        (None, INSERTED, (ISSUER, INSERTED)),
        (ISSUER, "https://internal.example/doc", (ISSUER, "https://internal.example/doc")),
        (SUFFIX, "https://internal.example/doc", (ISSUER, "https://internal.example/doc")),
        ("urn:acme", SUFFIX, ("urn:acme", SUFFIX)),
        (f"{ISSUER}/.well-known/other", None, (f"{ISSUER}/.well-known/other", None)),
    ],
)
def test_an_issuer_and_its_document_follow_from_each_other(issuer, discovery_url, expected):
    """An issuer, the URL of its document in either form, or both say who it is and where."""
    assert placed(issuer, discovery_url, network=None) == expected


@pytest.mark.parametrize(
    ("issuer", "discovery_url"),
    [
        (None, None),
        (None, ISSUER),
        (None, "https://idp.example/doc"),
        (None, f"{ISSUER}/.well-known/other"),
        (None, "http://idp.example/.well-known/openid-configuration"),
        ("http://idp.example/.well-known/openid-configuration", None),
        ("https://me@idp.example/.well-known/openid-configuration", None),
        ("https:///.well-known/openid-configuration", None),
        (5, None),
        (b"https://idp.example", None),
        ([ISSUER], None),
        (None, 5),
    ],
)
def test_what_says_no_issuer_is_a_configuration_error(issuer, discovery_url):
    """An issuer is never guessed: what does not follow from the arguments must be given."""
    with pytest.raises(ConfigurationError):
        placed(issuer, discovery_url, network=None)


def test_http_is_for_those_who_say_so():
    """A document over http is taken where the network allows it, and by nothing else that is passed for one."""
    url = "http://idp:8080/.well-known/openid-configuration"
    assert placed(url, None, network=OPEN) == ("http://idp:8080", url)
    for network in (Network(), 5, "http"):
        with pytest.raises(ConfigurationError):
            placed(url, None, network=network)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        (ISSUER, "idp.example"),
        ("https://IDP.Example:8443/x", "idp.example"),
        ("http://10.0.0.1:80", "10.0.0.1"),
        *((wrong, "") for wrong in ("urn:acme", "", "acme", "https://", "https://me@idp.example", "ftp://a", 5, None)),
    ],
)
def test_the_host_of_an_issuer(url, expected):
    """The host is told in lower case, and what is no plain URL has none."""
    assert host_of(url) == expected


def test_an_audience_may_be_waived_aloud():
    """A waiver is passed on as it is."""
    waived = key_manager({}, {}, name="Test", issuer=ISSUER, audience=ClientIdInstead("shop"))
    assert waived.audience == ClientIdInstead(["shop"])
