"""What an operator can configure, and what is refused before any token comes."""

import math

import attrs
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from kmvalidate import ClientIdInstead, ConfigurationError, KeyManager, Network, RemoteKeys, StaticKeys
from kmvalidate.audiences import to_audience
from kmvalidate.key_manager import DEFAULT_ALGORITHMS
from kmvalidate.rules import MARKERS, TokenKinds
from kmvalidate.urls import issuer_of, well_known_urls
from tests.signing import (
    ALGORITHMS,
    AUDIENCE,
    ISSUER,
    dumps,
    jwks,
    manager,
    private_key,
    public_jwk,
    reason,
    static_keys,
    token,
    validator,
    with_header,
)

NAN = float("nan")

WRONG = [
    *(("name", value) for value in ("", None, 5, b"Test", ["Test"])),
    *(("issuer", value) for value in ("", None, 5, b"https://idp.example", [ISSUER])),
    *(("audience", value) for value in (None, "", [], [""], ["orders", ""], ["orders", 5], 5, b"orders", True)),
    *(("audience", value) for value in ([["orders"]], [None])),
    *(("keys", value) for value in (None, "https://idp.example/keys", {}, [], jwks("P-256"))),
    *(
        ("algorithms", value)
        for value in (None, [], "", (), ["none"], ["None"], ["HS256"], "HS512", ["RS256", "rs256"])
    ),
    *(("algorithms", value) for value in (["RS256", None], ["RS256", ""], [["RS256"]], ["RSA-OAEP"], ["ES256 "], 5)),
    *(("keys", value) for value in ([None], [RemoteKeys()], [static_keys("P-256"), None], "x", iter(()), {1: 2})),
    *(("organization", value) for value in ("", 5, b"acme", [], True)),
    *(("extra_issuers", value) for value in (None, [""], [None], 5, ["https://{tenantid}.example"])),
    *(("tenants", value) for value in (None, [""], [None], 5, ["acme"], "acme")),
    *(("leeway_s", value) for value in (-1, 300.5, 301, math.inf, NAN, "60", None, True)),
    *(("max_age_s", value) for value in (0, -1, 0.5, NAN, "60", True)),
    *(("max_lifetime_s", value) for value in (0, -1, 0.5, NAN, "60", True)),
    *(("required_claims", value) for value in (None, [""], [5], ["sub", None], 5)),
    *(("claim_values", value) for value in (None, ["x"], "x", 5, {"x": {1, 2}}, {5: "x"}, {"": "x"})),
    *(("claim_values", value) for value in ({"x": NAN}, {"x": math.inf}, {"x": b"x"}, {"x": {1: 2, "a": 3}})),
    *(("consumer_key_claims", value) for value in (None, [""], [5], 5)),
    *(("scope_claims", value) for value in (None, [""], [5], 5)),
    *((f"{what}_claims", value) for what in ("role", "group", "permission") for value in (None, "", [()], [5], 5)),
    *(("token_kinds", value) for value in (None, "at+jwt", {"at+jwt"})),
    *(("environments", value) for value in ([""], "", [None], 5, True, ["dev", 5], [["dev"]], b"dev", {"dev": ["x"]})),
]


@pytest.mark.parametrize(("name", "value"), WRONG, ids=lambda value: repr(value)[:30])
def test_a_key_manager_is_refused_when_it_is_made(name, value):
    """What cannot be right is a ConfigurationError at construction, not an accident with the first token."""
    with pytest.raises(ConfigurationError):
        manager(**{name: value})


@pytest.mark.parametrize(("given", "kept"), [
    (None, None), ([], frozenset()), ((), frozenset()), ("dev", {"dev"}), (["dev", "prod", "dev"], {"dev", "prod"}),
    (iter(["dev"]), {"dev"}), ({"dev"}, {"dev"}),
], ids=repr)  # fmt: skip
def test_no_environments_are_not_all(given, kept):
    """Environments are a set of names, and an empty one stays an empty one, unlike None."""
    made = manager(environments=given)
    assert made.environments == kept
    assert (made.environments is None) is (kept is None)
    assert made == manager(environments=kept)
    assert validator(made).authenticate(token()).backing.environments == kept


def test_other_environments_make_another_key_manager():
    """Key managers that differ in their environments are not equal, none and all included."""
    made = [manager(environments=given) for given in (None, [], "dev", ["dev", "prod"])]
    assert [one == other for one in made for other in made].count(True) == len(made)


def test_an_audience_must_be_said():
    """A key manager without audience, neither given nor waived, cannot be made."""
    with pytest.raises((ConfigurationError, TypeError), match="audience"):
        KeyManager(name="Test", issuer=ISSUER, keys=static_keys("P-256"))


@pytest.mark.parametrize("value", ["", [], [""], [5], None, 5], ids=repr)
def test_client_ids_in_place_of_the_audience_are_names(value):
    """A waiver that names no client is a ConfigurationError."""
    with pytest.raises(ConfigurationError):
        ClientIdInstead(value)
    with pytest.raises(ConfigurationError):
        to_audience(value)


def test_what_was_configured_stays():
    """A key manager is frozen, and what it was made of can change without changing it."""
    values, names = {"x": [1]}, ["sub"]
    made = manager(claim_values=values, required_claims=names)
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        made.issuer = "https://other.example"
    values["x"] = 2
    names.append("jti")
    assert (dict(made.claim_values), made.required_claims) == ({"x": (1,)}, ("sub",))


def test_several_pinned_keys_are_one_set():
    """A key manager with several static keys accepts what any of them signed, whatever they were read from."""
    pem = private_key("RSA").public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    parts = [static_keys("P-256"), static_keys("Ed25519", "P-256"), StaticKeys.from_pem(pem, kid="pem")]
    for keys in (parts, tuple(parts), iter(parts), StaticKeys.joined(parts), [StaticKeys.joined(parts[:2]), parts[2]]):
        check = validator(keys=keys).authenticate
        found = [reason(check, with_header(alg, kid=kid)) for alg, kid in (("ES256", "P-256"), ("EdDSA", "Ed25519"))]
        assert [*found, reason(check, with_header("RS256", kid="pem"))] == ["GOOD"] * 3
        assert reason(check, with_header("ES384", kid="P-384")) == "UNKNOWN_KEY"


def test_a_pem_without_kid_beside_others_serves_no_named_key():
    """A PEM key without kid serves tokens that name a key only where it is the sole one."""
    pem = private_key("P-256").public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    alone, joined = [StaticKeys.from_pem(pem)], [StaticKeys.from_pem(pem), static_keys("RSA")]
    found = [reason(validator(keys=keys).authenticate, with_header(kid="any")) for keys in (alone, joined)]
    assert found == ["GOOD", "UNKNOWN_KEY"]


def test_the_defaults_are_the_safe_ones():
    """By default the usual asymmetric algorithms are allowed, and sixty seconds of leeway."""
    made = KeyManager(name="Test", issuer=ISSUER, audience=AUDIENCE, keys=static_keys("P-256"))
    assert (made.algorithms, made.leeway_s) == (DEFAULT_ALGORITHMS, 60.0)
    assert not {"ES256K", "Ed448", "HS256", "none"} & {*made.algorithms, *made.algorithm_shapes()}
    assert made.audience == frozenset({AUDIENCE})
    assert made.claim_rules().issuers == made.issuers == (ISSUER,)
    assert (made.organization, made.extra_issuers, made.tenants) == (None, (), ())


@pytest.mark.parametrize(
    ("kinds", "lenient"),
    [
        (TokenKinds(required_markers="typ", required_signs="cid", prefixes={"jti": "AT."}), False),
        (TokenKinds(markers={**MARKERS, "aut": {"application"}}, telling_types="at+jwt"), False),
        (TokenKinds(header_types="at+jwt"), False),
        (TokenKinds(header_types={"jwt", "at+jwt", "x+jwt"}), True),
        (TokenKinds(markers={}), True),
        (TokenKinds(foreign_claims={}), True),
    ],
)
def test_lenient_kinds_are_told_among_the_waivers(kinds, lenient):
    """Kinds that let more pass than the generic rule are told aloud, and stricter ones are not."""
    assert any("token_kinds" in said for said in manager(token_kinds=kinds).waivers()) is lenient


@pytest.mark.parametrize("alg", [alg for alg in ALGORITHMS if alg not in {"ES256K", "Ed448"}])
def test_the_default_algorithms_verify(alg):
    """Each algorithm of the default list verifies its tokens."""
    assert reason(validator(algorithms=DEFAULT_ALGORITHMS).authenticate, token(alg=alg)) == "GOOD"


@pytest.mark.parametrize("alg", ["ES256K", "Ed448"])
def test_rare_algorithms_must_be_asked_for(alg):
    """ES256K and Ed448 are refused unless configured, and verify then."""
    assert reason(validator(algorithms=DEFAULT_ALGORITHMS).authenticate, token(alg=alg)) == "ALGORITHM_NOT_ALLOWED"
    assert reason(validator(algorithms=alg).authenticate, token(alg=alg)) == "GOOD"


@pytest.mark.parametrize(
    ("algorithms", "name", "curve", "expected"),
    [
        ("EdDSA", "EdDSA", "Ed25519", "GOOD"),
        ("EdDSA", "Ed25519", "Ed25519", "GOOD"),
        ("Ed25519", "EdDSA", "Ed25519", "GOOD"),
        ("EdDSA", "EdDSA", "Ed448", "UNSUITABLE_KEY"),
        ("EdDSA", "Ed448", "Ed448", "ALGORITHM_NOT_ALLOWED"),
        ("Ed448", "EdDSA", "Ed448", "GOOD"),
        ("Ed448", "EdDSA", "Ed25519", "UNSUITABLE_KEY"),
        ("Ed448", "Ed448", "Ed25519", "UNSUITABLE_KEY"),
        ("ES256", "EdDSA", "Ed25519", "ALGORITHM_NOT_ALLOWED"),
    ],
)
def test_eddsa_is_ed25519_by_either_name(algorithms, name, curve, expected):
    """EdDSA and Ed25519 are one algorithm, and Ed448 is used only where it is configured."""
    made = with_header(curve, alg=name)
    assert reason(validator(algorithms=algorithms).authenticate, made) == expected


@pytest.mark.parametrize(
    "arguments",
    [
        {"jwks_url": "http://idp.example/keys"},
        {"jwks_url": "keys"},
        {"jwks_url": ""},
        {"jwks_url": 5},
        {"discovery_url": "file:///etc/passwd"},
        {"discovery_url": "https://u:p@idp.example/"},
        {"jwks_url": "https://idp.example/a", "discovery_url": "https://idp.example/b"},
        {"soft_ttl_s": 0},
        {"soft_ttl_s": NAN},
        {"hard_ttl_s": 599},
        {"hard_ttl_s": "1000"},
        {"cooldown_s": -1},
        {"max_backoff_s": 0},
        {"deadline_s": 0},
        {"deadline_s": 61},
        {"deadline_s": None},
        {"max_bytes": 999},
        {"max_bytes": True},
    ],
    ids=repr,
)
def test_remote_keys_are_refused_when_they_are_made(arguments):
    """An odd URL or a number out of range is a ConfigurationError at construction."""
    with pytest.raises(ConfigurationError):
        RemoteKeys(**arguments)


def test_an_issuer_without_a_key_address_is_a_url():
    """Where keys are to be discovered, the issuer must be a URL to build the address from."""
    with pytest.raises(ConfigurationError):
        manager(issuer="acme", keys=RemoteKeys())
    for query in ("https://idp.example/?a=b", "http://idp.example"):
        with pytest.raises(ConfigurationError):
            manager(issuer=query, keys=RemoteKeys())
    assert manager(issuer="acme", keys=RemoteKeys(jwks_url="https://idp.example/keys")).issuer == "acme"
    assert manager(issuer="acme", keys=RemoteKeys(discovery_url="https://idp.example/d")).issuer == "acme"
    assert manager(issuer="http://a.example", keys=RemoteKeys(network=Network(insecure_http=True)))


def test_a_discovery_document_lies_in_two_places():
    """The OpenID suffix comes first, the inserted form of RFC 8414 second, unless the address is given."""
    expected = (
        "https://idp.example/t/a/.well-known/openid-configuration",
        "https://idp.example/.well-known/oauth-authorization-server/t/a",
    )
    assert well_known_urls("https://idp.example/t/a") == well_known_urls("https://idp.example/t/a/") == expected
    assert RemoteKeys().discovery_urls("https://idp.example/t/a") == expected
    assert RemoteKeys(discovery_url="https://x.example/d").discovery_urls("acme") == ("https://x.example/d",)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://idp.example/t/.well-known/openid-configuration", "https://idp.example/t"),
        ("https://idp.example/.well-known/openid-configuration", "https://idp.example"),
        ("https://idp.example/.well-known/oauth-authorization-server/t", "https://idp.example/t"),
        ("https://idp.example/.well-known/openid-configuration/t", "https://idp.example/t"),
        ("https://idp.example/t", "https://idp.example/t"),
    ],
)
def test_a_well_known_url_names_its_issuer(url, expected):
    """The issuer is the URL without its well-known part."""
    assert issuer_of(url) == expected


@pytest.mark.parametrize("as_text", [False, True, "bytes"])
def test_static_keys_come_from_a_key_set(as_text):
    """A JWK Set or a single JWK, parsed or as text, gives keys that verify."""
    for document in (jwks("P-256"), public_jwk("P-256")):
        raw = dumps(document)
        given = raw if as_text == "bytes" else raw.decode() if as_text else document
        assert reason(validator(keys=StaticKeys.from_jwks(given)).authenticate, token()) == "GOOD"


@pytest.mark.parametrize(
    "given",
    [None, 5, [], [public_jwk("P-256")], {}, {"keys": {}}, {"keys": []}, "", "[]", b"\xff", "x"],
    ids=lambda g: repr(g)[:20],
)
def test_static_keys_are_a_key_set(given):
    """What is no key set is a ConfigurationError, whatever its type."""
    with pytest.raises(ConfigurationError):
        StaticKeys.from_jwks(given)


def test_static_keys_come_from_pem(tmp_path):
    """A PEM public key, given or in a file, serves tokens that name any key, or only the one it was given."""
    pem = private_key("P-256").public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    file = tmp_path / "key.pem"
    file.write_bytes(pem)
    for keys in (StaticKeys.from_pem(pem), StaticKeys.from_pem(pem.decode()), StaticKeys.from_file(file)):
        assert reason(validator(keys=keys).authenticate, with_header(kid="any")) == "GOOD"
    for keys in (StaticKeys.from_pem(pem, kid="a"), StaticKeys.from_file(str(file), kid="a")):
        found = [reason(validator(keys=keys).authenticate, with_header(kid=kid)) for kid in ("a", "b")]
        assert found == ["GOOD", "UNKNOWN_KEY"]


def test_a_file_that_cannot_be_read_is_told(tmp_path):
    """A missing file or a folder is a ConfigurationError that names it."""
    for path in (tmp_path / "none.pem", tmp_path):
        with pytest.raises(ConfigurationError, match=tmp_path.name):
            StaticKeys.from_file(path)


@pytest.mark.parametrize("given", [None, 5, ["x"], {}], ids=str)
def test_pem_keys_are_text(given):
    """What is neither text nor bytes is a ConfigurationError where PEM is expected."""
    with pytest.raises(ConfigurationError):
        StaticKeys.from_pem(given)
