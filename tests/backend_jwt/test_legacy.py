"""Backend JWTs as WSO2's gateways write them, byte for byte: the bytes that are expected are put together by hand."""

import hashlib
import json
from base64 import b64encode, urlsafe_b64encode

import pytest

from kmvalidate.apis import Api, ApiCall
from kmvalidate.backend_jwt import LegacyFormat
from kmvalidate.errors import ConfigurationError
from kmvalidate.subscriptions import NO_GRANT, Application, Grant, Subscription
from tests.backend_jwt.making import UUID, case, der, generator, header, issue, key, part, payload
from tests.signing import ABSENT, NOW, private_key, sign

D = "http://wso2.org/claims/"
KEY = key("RS256", certified=True)

#: All claims of `case()`, as they are written; the token's own at the end, in its order.
BODY = (
    f'{{"iss":"wso2.org/products/am","iat":{NOW},"exp":{NOW + 300}'
    ',"http://wso2.org/claims/subscriber":"bob"'
    ',"http://wso2.org/claims/applicationid":"7"'
    ',"http://wso2.org/claims/applicationname":"Shop"'
    ',"http://wso2.org/claims/applicationtier":"10PerMin"'
    ',"http://wso2.org/claims/apiname":"orders"'
    ',"http://wso2.org/claims/apicontext":"/orders/1.0.0"'
    ',"http://wso2.org/claims/version":"1.0.0"'
    ',"http://wso2.org/claims/tier":"Gold"'
    ',"http://wso2.org/claims/keytype":"SANDBOX"'
    ',"http://wso2.org/claims/usertype":"Application_User"'
    ',"http://wso2.org/claims/enduser":"alice"'
    ',"http://wso2.org/claims/enduserTenantId":"-1234"'
    ',"http://wso2.org/claims/applicationUUId":"5d0f4c1e"'
    ',"http://wso2.org/claims/applicationAttributes":{"team":"blue"}'
    ',"sub":"alice"'
    ',"client_id":"shop","scope":"menu:read menu:write"'
    f',"jti":"{UUID}"}}'
).encode()


def plain(raw):
    return b64encode(raw).rstrip(b"=").decode()


def padded(raw):
    return b64encode(raw).decode()


def url_safe(raw):
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def hex_of(algorithm):
    """Return the lower-case hexadecimal digits of the certificate's digest, which is what WSO2 encodes."""
    return hashlib.new(algorithm, der()).hexdigest().encode()


X5T = urlsafe_b64encode(hex_of("sha1")).decode()
X5T_S256 = urlsafe_b64encode(hex_of("sha256")).decode()
APIM_KID = url_safe(b"CN=localhost, OU=WSO2, O=WSO2, L=Mountain View, ST=CA, C=US#1677089283")
CHOREO_KID = url_safe(hex_of("sha256"))

FORMATS = [
    ({}, f'"x5t":"{X5T}","kid":"{APIM_KID}"', plain),
    ({"kid": None}, f'"x5t":"{X5T}"', plain),
    ({"kid": "choreo"}, f'"x5t":"{X5T}","kid":"{CHOREO_KID}"', plain),
    ({"x5t_padding": False, "kid": None}, f'"x5t":"{X5T.rstrip("=")}"', plain),
    ({"hash": "SHA-256", "kid": None}, f'"x5t#S256":"{X5T_S256}"', plain),
    ({"hash": "SHA-256", "x5t_padding": False, "kid": None}, f'"x5t#S256":"{X5T_S256.rstrip("=")}"', plain),
    ({"padding": True}, f'"x5t":"{X5T}","kid":"{APIM_KID}"', padded),
    ({"encoding": "base64url"}, f'"x5t":"{X5T}","kid":"{APIM_KID}"', url_safe),
]


def legacy(of=None, keys=KEY, options=None, **changes):
    """Return the claims that a generator of the legacy format with these *changes* writes."""
    made = generator(keys, format=LegacyFormat(**changes), **(options or {}))
    return payload(issue(made, of or case()))


def others(*args, **kwargs):
    """Return those claims that are neither in the dialect nor the gateway's."""
    own = {"iss", "iat", "exp", "sub", "jti", "client_id", "scope"}
    return {name: value for name, value in legacy(*args, **kwargs).items() if name not in own and D not in name}


@pytest.mark.parametrize(("options", "members", "encoded"), FORMATS)
def test_it_is_written_byte_for_byte(options, members, encoded):
    """Header, claims and signature are the bytes that the rules of those gateways give, in each of their encodings."""
    protected = f'{{"typ":"JWT","alg":"RS256",{members}}}'.encode()
    signed = f"{encoded(protected)}.{encoded(BODY)}"
    expected = f"{signed}.{encoded(sign('RS256', signed.encode(), private_key('RSA')))}"
    jwt = issue(generator(KEY, format=LegacyFormat(**options)), case())
    assert jwt.text == expected
    assert part(jwt, 1) == BODY


def test_the_default_alphabet_is_not_that_of_jws():
    """By default the alphabet is that of plain base64, so that a ``?`` may become a slash."""
    of = case(pad="?>?>?>", fill="~~~~~~")
    assert set("+/") & set(issue(generator(KEY, format=LegacyFormat()), of).text)
    assert not set("+/") & set(issue(generator(KEY, format=LegacyFormat(encoding="base64url")), of).text)


def test_choreo_connect_has_other_defaults():
    """Choreo Connect names applications by UUID, its tenant is 0, its kid is its own, and JWTs live for an hour."""
    made = generator(KEY, format=LegacyFormat(flavour="choreo-connect"))
    jwt = issue(made, case(exp=NOW + 9000))
    found = payload(jwt)
    assert (found[D + "applicationid"], found[D + "enduserTenantId"]) == ("5d0f4c1e", "0")
    assert (found["exp"], header(jwt)["kid"], jwt.key_id) == (NOW + 3600, CHOREO_KID, CHOREO_KID)


def test_api_manager_lets_them_live_for_a_quarter_of_an_hour():
    """The default life is 900 s, and never longer than that of the token."""
    assert legacy(case(exp=NOW + 9000))["exp"] == NOW + 900
    assert legacy(case(exp=NOW + 9000), options={"ttl_s": 60})["exp"] == NOW + 60


@pytest.mark.parametrize(("dialect", "prefix"), [("", ""), ("/", "/"), ("urn:x", "urn:x/"), ("urn:x/", "urn:x//")])
def test_the_dialect_is_followed_by_a_slash(dialect, prefix):
    """Names begin with the dialect and a slash; an empty dialect and a lone slash are taken as they are."""
    found = legacy(dialect=dialect)
    assert (found[f"{prefix}subscriber"], found[f"{prefix}enduserTenantId"]) == ("bob", "-1234")


def test_what_is_empty_is_left_out():
    """Of a call without an API or an application the key type, the kind of user and the tenant are told."""
    assert legacy(case(grant=NO_GRANT, call=ApiCall(), sub=ABSENT, client_id=ABSENT, scope=ABSENT)) == {
        "iss": "wso2.org/products/am",
        "iat": NOW,
        "exp": NOW + 300,
        D + "keytype": "PRODUCTION",
        D + "usertype": "Application_User",
        D + "enduserTenantId": "-1234",
        "jti": UUID,
    }


def test_parts_that_are_empty_are_left_out():
    """An application without owner, tier, number and attributes, and a subscription without policy, tell none."""
    grant = Grant(Application(id="a", name="n"), None, Subscription(application="a", api="x"))
    found = legacy(case(grant=grant, sub=""))
    dialect = {name.removeprefix(D) for name in found if name.startswith(D)}
    usual = {"apiname", "apicontext", "version", "keytype", "usertype", "enduserTenantId"}
    assert dialect == usual | {"applicationname", "applicationUUId"}
    assert "sub" not in found


def test_claims_of_the_token_are_repeated_but_for_some():
    """All claims of the token are repeated, but the restricted, the excluded and those that are null."""
    restricted = dict.fromkeys(["application", "tierInfo", "subscribedAPIs", "aut"], "x")
    of = case(**restricted, email="e", org=["a"], n=1.5, none=None, phone="1")
    assert others(of, options={"excluded_claims": "phone"}) == {"email": "e", "org": ["a"], "n": 1.5}


def test_claims_can_be_renamed():
    """A claim that is mapped has its new name only; one inside an object is copied out of it."""
    of = case(email="e", realm={"roles": ["cook"]}, mail="own")
    mapped = {"email": "mail", ("realm", "roles"): "roles", "scope": "scp"}
    assert others(of, options={"claims": mapped}) == {
        "realm": {"roles": ["cook"]},
        "mail": "e",
        "roles": ["cook"],
        "scp": "menu:read menu:write",
    }
    assert "scope" not in legacy(of, options={"claims": mapped})


def test_organizations_come_from_the_token():
    """The organizations of a token are repeated, right after the subject."""
    names = list(legacy(case(organizations=["acme"])))
    assert names[names.index("sub") + 1] == "organizations"
    assert "organizations" not in legacy(case(organizations=[]))


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ('{"a":{"b":[1]}}', {"a": {"b": [1]}}),
        ("{}", {}),
        ('["a","b"]', ["a", "b"]),
        (' ["a"] ', ["a"]),
        ("[1]", "[1]"),
        ("[]", "[]"),
        ("{a", "{a"),
        # what cannot be read is dropped
        ("{a}", ABSENT),
        ('x["a"]', ABSENT),
        ('"] ["', ABSENT),
        ('["a"],["b"]', ABSENT),
        ('["a"],"x":["b"]', ABSENT),
        ('{"a":1},"x":{"b":1}', ABSENT),
        ('{"a":1,"a":2}', ABSENT),
        ('{"a":NaN}', ABSENT),
        ('{"a":["b"]}', {"a": ["b"]}),
        ("{" + '"a":{' * 31 + "}" * 31 + "}", ABSENT),
        ('"["a"]', ABSENT),
        ('{"a":"\\ud800"}', ABSENT),
    ],
)
def test_strings_that_look_like_something_are_read(text, read):
    """A string that looks like an object or a list is written as one, and dropped if it is none."""
    assert others(case(odd=text)) == ({} if read is ABSENT else {"odd": read})


def test_names_of_the_gateway_are_never_read_as_something():
    """A subject and an application that look like JSON stay strings."""
    grant = Grant(Application(id="a", name='{"a":1}'), "PRODUCTION")
    found = legacy(case(grant=grant, sub='["a"]'))
    assert (found["sub"], found[D + "enduser"], found[D + "applicationname"]) == ('["a"]', '["a"]', '{"a":1}')


def test_users_claims_are_among_the_tokens():
    """The user's claims are repeated before the token's, which count where both have one."""
    of = case(user_claims={D + "emailaddress": "a@b", "email": "user", "x": 1}, email="token")
    assert others(of) == {"email": "token", "x": 1}
    assert legacy(of)[D + "emailaddress"] == "a@b"


def test_the_backends_audience_can_take_the_place_of_the_tokens_claims():
    """With an audience for the end user's token, all claims of the token give way to it."""
    found = legacy(case(email="e", organizations=["a"]), end_user_audience=True)
    assert found["aud"] == ["orders-backend"]
    assert list(found)[-2:] == ["aud", "jti"]
    assert found[D + "enduser"] == "alice"
    assert not {"sub", "email", "organizations", "client_id", "scope"} & found.keys()


def test_without_an_audience_nothing_gives_way():
    """Where the API has no backend audience, the claims stay; the generator's own counts like one of an API."""
    of = case(call=Api("a", "1").call("GET", "/"), email="e")
    assert others(of, end_user_audience=True) == {"email": "e"}
    assert others(of, end_user_audience=True, options={"audience": ["x", "y"]}) == {"aud": ["x", "y"]}
    assert "aud" not in legacy(case())


def test_keys_are_published_under_the_kid_of_the_header():
    """The kid in the published set is that of the header, or that of API Manager where the header has none."""
    for kid, published in (("apim", APIM_KID), ("choreo", CHOREO_KID), (None, APIM_KID)):
        made = generator(KEY, format=LegacyFormat(kid=kid))
        jwt = issue(made, case())
        assert [jwk["kid"] for jwk in made.jwks()["keys"]] == [jwt.key_id] == [published]
        assert header(jwt).get("kid", published) == published
        assert json.loads(made.jwks_json())["keys"][0]["alg"] == "RS256"


@pytest.mark.parametrize(
    ("signing", "why"),
    [
        (key("RS256"), "certificate"),
        (key("ES256", certified=True), "RS256"),
        (key("PS256", certified=True), "RS256"),
    ],
)
def test_it_needs_an_rsa_key_and_its_certificate(signing, why):
    """A key without a certificate, or of another algorithm, does not sign in this format."""
    with pytest.raises(ConfigurationError, match=why):
        generator(signing, format=LegacyFormat())


@pytest.mark.parametrize("algorithm", ["NONE", "none", "None"])
def test_nothing_is_left_unsigned(algorithm):
    """Asking for unsigned JWTs is an error that says why."""
    with pytest.raises(ConfigurationError, match="anybody who reaches a backend"):
        LegacyFormat(signing_algorithm=algorithm)


@pytest.mark.parametrize(
    "options",
    [
        {"flavour": "synapse"},
        {"dialect": None},
        {"dialect": "urn:\ud800"},
        {"encoding": "base32"},
        {"padding": 1},
        {"padding": True, "encoding": "base64url"},
        {"hash": "sha1"},
        {"hash": []},
        {"x5t_padding": None},
        {"kid": "other"},
        {"end_user_audience": "x"},
        {"tenant_id": -1234},
        {"tenant_domain": ""},
        *({name: "a\udc00"} for name in ("tenant_id", "tenant_domain")),
        {"separator": ""},
        {"opaque_surplus_s": -1},
        {"opaque_surplus_s": 1.5},
        {"signing_algorithm": "SHA512withRSA"},
        {"signing_algorithm": None},
    ],
)
def test_other_settings_are_errors(options):
    """A setting that those gateways do not know is an error when the format is made."""
    with pytest.raises(ConfigurationError):
        LegacyFormat(**options)
