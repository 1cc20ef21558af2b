"""Backend JWTs in the strict format: what is in them, for how long they are good, and who verifies them."""

import hashlib
import json
from base64 import urlsafe_b64decode
from os import urandom

import jwt as pyjwt
import pytest
from joserfc import jws
from joserfc.jwk import import_key

from kmvalidate.apis import Api, ApiCall
from kmvalidate.backend_jwt import StrictFormat
from kmvalidate.errors import ConfigurationError
from kmvalidate.subscriptions import Grant
from tests.backend_jwt.making import (
    CALL,
    RANDOM,
    bare,
    case,
    claims,
    der,
    generator,
    header,
    issue,
    key,
    payload,
    verified,
)
from tests.signing import ABSENT, ISSUER, NOW, b64, sign

ALGORITHMS = ["ES256", "RS256", "PS256", "EdDSA"]

EVERYTHING = {
    "iss": "urn:kmvalidate:gateway",
    "sub": "alice",
    "aud": "orders-backend",
    "iat": NOW,
    "exp": NOW + 300,
    "jti": RANDOM.hex(),
    "client_id": "shop",
    "scope": "menu:read menu:write",
    "api": {"id": "3f1c9d52", "name": "orders", "version": "1.0.0", "context": "/orders/1.0.0"},
    "application": {"id": "5d0f4c1e", "name": "Shop", "tier": "10PerMin", "owner": "bob"},
    "subscription": {"tier": "Gold"},
    "key_type": "SANDBOX",
    "key_manager": {"name": "Test", "issuer": ISSUER},
}


@pytest.mark.parametrize("alg", ALGORITHMS)
@pytest.mark.parametrize("certified", [False, True])
def test_others_verify_it(alg, certified):
    """PyJWT and joserfc verify what each algorithm signed, under the key of that kid in the published set."""
    signing = key(alg, certified=certified)
    made = generator([signing, key("ES384")])
    text = issue(made, case()).text
    kid = pyjwt.get_unverified_header(text)["kid"]
    published = next(jwk for jwk in made.jwks()["keys"] if jwk["kid"] == kid)
    asked = {"audience": "orders-backend", "issuer": made.issuer, "options": {"verify_exp": False, "verify_iat": False}}
    assert pyjwt.decode(text, pyjwt.PyJWK(published), [alg], **asked) == EVERYTHING
    signed, _, signature = text.rpartition(".")
    name = "Ed25519" if alg == "EdDSA" else alg  # the same signature (RFC 9864), without a warning
    model = jws.JWSRegistry(algorithms=[name]).get_alg(name)
    bare_key = import_key({name: value for name, value in published.items() if name not in {"alg", "x5c", "x5t#S256"}})
    assert model.verify(signed.encode(), urlsafe_b64decode(signature + "=="), bare_key)


def test_it_is_written_as_the_rules_say():
    """Header and claims are compact JSON in the documented order, each part in base64url without padding."""
    signing = key("RS256", certified=True, kid="gateway-1")
    x5t = b64(hashlib.sha256(der()).digest())
    protected = f'{{"typ":"backend+jwt","alg":"RS256","kid":"gateway-1","x5t#S256":"{x5t}"}}'
    body = json.dumps(EVERYTHING, separators=(",", ":"))
    signed = f"{b64(protected.encode())}.{b64(body.encode())}"
    assert issue(generator(signing), case()).text == f"{signed}.{b64(sign('RS256', signed.encode()))}"


def test_what_is_not_known_is_left_out():
    """Of a call without an API, an application or a subject, only the token's client and its key manager are told."""
    found = claims(bare(sub=ABSENT, scope=ABSENT), audience="backends")
    known = {"iss", "aud", "iat", "exp", "jti", "client_id", "key_manager"}
    assert found == {name: value for name, value in EVERYTHING.items() if name in known} | {"aud": "backends"}


def test_an_empty_subject_is_none():
    """A token whose subject is empty has no subject in the backend JWT."""
    assert "sub" not in claims(case(sub=""))


def test_parts_of_a_grant_may_be_missing():
    """A key type without an application or a subscription is told alone, and so is an organization."""
    found = claims(case(grant=Grant(key_type="PRODUCTION"), call=CALL.in_organization("acme")))
    assert (found["key_type"], found["organization"]) == ("PRODUCTION", "acme")
    assert not {"application", "subscription"} & found.keys()


def test_members_of_facts_may_be_missing():
    """An API without an id has none in its object, not a null."""
    api = Api("a", "1", backend_audience="b")
    assert claims(case(call=api.call("GET", "/")))["api"] == {"name": "a", "version": "1", "context": "/a/1"}


@pytest.mark.parametrize(
    ("scope", "expected"),
    [
        ("b a  c", "a b c"),
        (["b", "a"], "a b"),
        (["menu read", "a"], "a"),
        (["menu read"], None),
        ([], None),
        ("read\tadmin", None),
        ("read\nadmin a", "a"),
        (["a", *(f"read{sign}admin" for sign in "\t\n\r\v\f\0\x1c\x7f\x85\xa0\u2003\u2028\u3000")], "a"),
        (["a", 'read"admin', "read\\admin", "l\xe9s"], "a"),
        (["!", "#[", "]~"], "! #[ ]~"),
    ],
)
def test_scopes_stay_a_set(scope, expected):
    """Scopes are sorted and joined by spaces; what is no scope (RFC 6749 section 3.3) never becomes one, or two."""
    assert claims(case(scope=scope)).get("scope") == expected


@pytest.mark.parametrize(
    ("options", "call", "expected"),
    [
        ({}, CALL, "orders-backend"),
        ({"audience": "any"}, CALL, "orders-backend"),
        ({"audience": "any"}, ApiCall(), "any"),
        ({"audience": ("any",)}, Api("a", "1").call("GET", "/"), "any"),
        ({"audience": ["any", "other"]}, ApiCall(), ["any", "other"]),
    ],
)
def test_the_audience_is_the_backends(options, call, expected):
    """The audience is the API's backend audience, and the generator's where there is none."""
    assert claims(case(call=call), **options)["aud"] == expected


@pytest.mark.parametrize(
    ("call", "named"), [(ApiCall(), "a call without an API"), (Api("pizza", "2").call("GET", "/"), "pizza 2")]
)
def test_no_audience_is_an_error(call, named):
    """Without any audience nothing is issued, and the error names the API."""
    with pytest.raises(ConfigurationError, match=named):
        issue(generator(), case(call=call))


@pytest.mark.parametrize(
    ("now", "expires_in", "iat", "exp"),
    [
        (NOW, 3600, NOW, NOW + 300),
        (NOW + 0.9, 3600, NOW, NOW + 300),
        (NOW, 300, NOW, NOW + 300),
        (NOW, 120, NOW, NOW + 120),
        (NOW, 120.7, NOW, NOW + 120),
        (NOW + 0.5, 1, NOW, NOW + 1),
        # it has expired, and is accepted within the leeway: one second at least, less than two
        (NOW, 0, NOW, NOW + 1),
        (NOW + 0.5, 0, NOW, NOW + 2),
        (NOW + 1.1, 0.7, NOW + 1, NOW + 3),
        # it ends within this second: it is not outlived for all that
        (NOW + 0.1, 0.7, NOW, NOW),
        (NOW + 0.9, 0.95, NOW, NOW),
        (NOW, -59, NOW, NOW + 1),
    ],
)
def test_it_expires_with_the_token(now, expires_in, iat, exp):
    """It ends with the access token or after ttl_s, or, of a token that has expired, within two seconds."""
    jwt = issue(generator(), case(verified(exp=NOW + expires_in)), now)
    found = payload(jwt)
    assert (found["iat"], found["exp"], jwt.expires_at) == (iat, exp, exp)


def test_it_is_renewed_when_a_tenth_is_left():
    """A JWT of 300 s is current for 270 s, and no longer."""
    made = generator()
    jwt = issue(made, case())
    assert [made.is_current(jwt, NOW + age) for age in (0, 269.9, 270, 300)] == [True, True, False, False]


def test_each_has_an_id_of_its_own():
    """No two JWTs have the same id, which has 128 bits, even for the same call at the same time."""
    made = generator(_random=urandom)
    ids = {payload(issue(made, case()))["jti"] for _ in range(50)}
    assert len(ids) == 50
    assert {len(bytes.fromhex(one)) for one in ids} == {16}


def test_claims_are_copied_by_their_paths():
    """Only the claims that are named are copied, under the name they are given; what is not there is left out."""
    mapped = {"email": "mail", ("realm_access", "roles"): "roles", ("realm_access", "x"): "x", "org": "org", "n": "n"}
    token_claims = {"email": "a@b.example", "realm_access": {"roles": ["cook"]}, "n": None, "phone": "1", "org": {}}
    found = claims(case(**token_claims), claims=mapped)
    assert {name: found[name] for name in found.keys() - EVERYTHING.keys()} == {
        "mail": "a@b.example",
        "roles": ["cook"],
        "org": {},
    }


def test_the_first_path_of_a_name_counts():
    """Of two claims with one name, the first that the token has is copied."""
    mapped = {"upn": "user", "email": "user", ("email", "inside"): "user"}
    assert claims(case(email="e"), claims=mapped)["user"] == "e"
    assert claims(case(email="e", upn="u"), claims=mapped)["user"] == "u"


def test_a_callable_counts_before_the_token_and_the_token_before_the_user():
    """Of one name the callable's claim counts first, then the token's, then the user's."""
    of = case(user_claims={"a": "user", "b": "user", "c": "user", "d": None}, b="token", c="token")
    options = {"claims": {"b": "b", "c": "c"}, "custom_claims": lambda _: {"c": "callable"}}
    found = claims(of, **options)
    assert {name: found[name] for name in found.keys() - EVERYTHING.keys()} == {
        "a": "user",
        "b": "token",
        "c": "callable",
    }


def test_excluded_claims_are_left_out():
    """An excluded name comes neither from the user nor from the token; a callable may still say it."""
    of = case(user_claims={"phone": "1", "mail": "m"}, email="e")
    options = {"claims": {"email": "contact"}, "excluded_claims": ("phone", "contact")}
    assert claims(of, **options).keys() - EVERYTHING.keys() == {"mail"}
    assert claims(of, custom_claims=lambda _: {"phone": "2"}, **options)["phone"] == "2"


@pytest.mark.parametrize("typ", ["JWT", "x+jwt", "application/backend+jwt", "Application/X"])
def test_the_type_can_be_another(typ):
    """The header says the type that was configured."""
    assert header(issue(generator(format=StrictFormat(typ=typ)), case()))["typ"] == typ


NO_TYPES = ["", None, 3, "at+jwt", "AT+JWT", "application/at+jwt", "Application/AT+JWT"]
ODD_TYPES = [
    " at+jwt",
    "at+jwt ",
    "at+jwt;x=1",
    "at+jwt\n",
    "application/application/at+jwt",
    "text/at+jwt",
    "é",
    "+jwt",
    "bac\u212aend+jwt",
    "appl\u0131cation/x",
]


@pytest.mark.parametrize("typ", NO_TYPES + ODD_TYPES)
def test_it_is_no_access_token(typ):
    """The type of access tokens, or what is no media type, is a configuration error."""
    with pytest.raises(ConfigurationError):
        StrictFormat(typ=typ)


def test_nothing_of_it_is_shown():
    """Neither repr nor str of a JWT has anything of its text."""
    jwt = issue(generator(), case())
    assert repr(jwt) == str(jwt) == f"BackendJwt(expires_at={NOW + 300}, key_id={key().kid!r})"
    assert jwt.__rich_repr__() == []


def test_names_that_are_no_text_are_an_error():
    """An API whose name cannot be written as UTF-8 is told as an error of the configuration."""
    api = Api("caf\ud800", "1", context="/c", backend_audience="b")
    with pytest.raises(ConfigurationError, match="UTF-8"):
        issue(generator(), case(call=api.call("GET", "/")))


def test_the_issuer_can_be_named():
    """The issuer is the configured one, in the claims as on the generator."""
    made = generator(issuer="https://gw.example")
    assert (made.issuer, payload(issue(made, case()))["iss"]) == ("https://gw.example",) * 2
