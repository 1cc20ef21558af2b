"""Introspection answers that are signed: RFC 9701."""

import json

import pytest

from kmvalidate import (
    ANY_OPAQUE_TOKEN,
    BearerToken,
    ClientCredentials,
    ClientSecretBasic,
    Introspection,
    KeyManagerRegistry,
    KeyManagerUnavailable,
    TokenValidator,
    UserCredentials,
)
from kmvalidate.testing import SimulatedProvider
from tests.introspecting.asking_helpers import ACTIVE, ENDPOINT, TOKENS, Asker, said
from tests.introspecting.asking_signed import (
    MEDIA_TYPE,
    OTHER,
    TYPE,
    asking,
    claims_of,
    header_of,
    raw,
    signed,
)
from tests.signing import (
    ABSENT,
    ALGORITHMS,
    ISSUER,
    NOW,
    b64,
    dumps,
    private_key,
    reason,
    token,
)


@pytest.mark.parametrize("alg", ALGORITHMS)
def test_an_answer_of_each_algorithm_is_good(alg):
    """What is inside an answer that is signed with any algorithm that is allowed is the answer."""
    assert asking(signed(alg=alg)).ask() == ACTIVE


def test_the_type_may_be_written_in_each_way():
    """The type may have ``application/`` before it and has no case; a media type may have parameters."""
    for typ in (MEDIA_TYPE, MEDIA_TYPE.upper()):
        assert asking(signed(header_of(typ=typ))).ask() == ACTIVE
    good = said(signed().body, content_type=MEDIA_TYPE + "; charset=ascii")
    assert asking(good).ask() == ACTIVE


HEADERS = {
    "no typ": header_of(typ=ABSENT),
    "access token": header_of(typ="at+jwt"),
    "jwt": header_of(typ="JWT"),
    "prefix": header_of(typ=TYPE + "+x"),
    "typ is no text": header_of(typ=[TYPE]),
    "no alg": header_of(alg=ABSENT),
    "other alg": header_of(alg="RS256"),
    "crit": header_of(crit=["exp"]),
    "b64": header_of(b64=False),
    "nested": header_of(cty="JWT"),
    "own key": header_of(kid="evil", jwk={"kty": "oct", "k": "eA"}),
    "unknown kid": header_of(kid="x"),
    "kid is no text": header_of(kid=1),
    "no kid, several keys": header_of(kid=ABSENT, alg="RS256"),
}


@pytest.mark.parametrize("header", HEADERS.values(), ids=HEADERS)
def test_any_other_header_is_an_outage(header):
    """A header with another type or algorithm, or one that asks for more than is known, is no answer."""
    flaw = asking(signed(header)).outage()
    assert flaw.is_outage
    assert flaw.why.startswith("signed introspection answer: ")


def test_an_algorithm_that_is_not_allowed_is_an_outage():
    """The algorithms are those of the key manager, and never symmetric or none."""
    allowed = {"of_manager": {"algorithms": ("RS256",)}}
    assert "its algorithm is another" in asking(signed(), **allowed).outage().why
    unsigned = f"{b64(dumps(header_of(alg='none')))}.{b64(dumps(claims_of()))}"
    for text in (unsigned + ".", unsigned + "." + b64(b"x")):
        assert asking(raw(text)).outage().is_outage
    for alg in ("HS256", "none", "None", "es256", ""):
        assert "its algorithm is another" in asking(signed(header_of(alg=alg))).outage().why


def test_a_wrong_signature_is_an_outage():
    """What another key signed, or somebody changed, is no answer."""
    assert "does not verify" in asking(signed(key=private_key("P-256", "mallory"))).outage().why
    header, payload, signature = signed().body.decode().split(".")
    other = b64(dumps(claims_of(token_introspection={"active": False})))
    assert "does not verify" in asking(raw(f"{header}.{other}.{signature}")).outage().why
    assert "does not verify" in asking(raw(f"{header}.{payload}.{b64(bytes(64))}")).outage().why


CLAIMS = {
    "other issuer": {"iss": OTHER},
    "issuer with slash": {"iss": ISSUER + "/"},
    "no issuer": {"iss": ABSENT},
    "issuers": {"iss": [ISSUER]},
    "null issuer": {"iss": None},
    "other audience": {"aud": "shop"},
    "audience in other case": {"aud": "Gateway"},
    "no audience": {"aud": ABSENT},
    "null audience": {"aud": None},
    "other audiences": {"aud": ["shop", "gateway2"]},
    "no audiences": {"aud": []},
    "audience inside": {"aud": {"gateway": 1}},
    "nested audiences": {"aud": [["gateway"]]},
    "no iat": {"iat": ABSENT},
    "null iat": {"iat": None},
    "iat as text": {"iat": str(NOW)},
    "iat is true": {"iat": True},
    "old": {"iat": NOW - 121},
    "ancient": {"iat": 0},
    "from the future": {"iat": NOW + 121},
    "huge iat": {"iat": 10**60},
    "huge negative iat": {"iat": -(10**60)},
    "expired": {"exp": NOW - 60},
    "null exp": {"exp": None},
    "exp as text": {"exp": str(NOW + 60)},
    "exp is true": {"exp": True},
    "exp is a list": {"exp": [NOW + 60]},
    "none inside": {"token_introspection": ABSENT, "active": True},
    "null inside": {"token_introspection": None},
    "array inside": {"token_introspection": [ACTIVE]},
    "text inside": {"token_introspection": json.dumps(ACTIVE)},
    "true inside": {"token_introspection": True},
}


@pytest.mark.parametrize("changes", CLAIMS.values(), ids=CLAIMS)
def test_an_answer_that_is_not_for_us_and_now_is_an_outage(changes):
    """An answer of another issuer, for somebody else, of another time or with nothing inside is no answer."""
    flaw = asking(signed(**changes)).outage()
    assert flaw.is_outage
    assert flaw.why.startswith("signed introspection answer: it ")


GOOD = [
    {"aud": ["shop", "gateway"]},
    {"aud": ["gateway"]},
    {"aud": [7, "gateway"]},
    {"iat": NOW - 120},
    {"iat": NOW + 120},
    {"iat": NOW - 0.5},
    {"exp": NOW - 59},
    {"exp": NOW + 1e9},
    {"active": False},
    {"sub": "x", "token_introspection": ACTIVE},
]


@pytest.mark.parametrize("changes", GOOD, ids=str)
def test_what_else_is_good(changes):
    """Several audiences, the limits of the times, and members beside the answer, which are not part of it."""
    assert asking(signed(**changes)).ask() == ACTIVE


def test_without_leeway_the_times_are_exact():
    """An answer is over at its ``exp``, and a minute after it was made."""
    for changes in ({"exp": NOW + 1}, {"iat": NOW - 60}, {"iat": NOW + 60}):
        assert asking(signed(**changes), leeway_s=0).ask() == ACTIVE
    for changes in ({"exp": NOW}, {"iat": NOW - 61}, {"iat": NOW + 61}):
        assert "it was not made now" in asking(signed(**changes), leeway_s=0).outage().why


NOT_JWTS = {
    "empty": b"",
    "opaque": b"abc",
    "JSON": dumps(ACTIVE),
    "JWE": b"eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIn0..AAAA.AAAA.AAAA",
    "two parts": b"e30.e30",
    "four parts": b"e30.e30.e30.e30",
    "padding": b"e30=.e30=.AAAA",
    "not UTF-8": b"\xff\xfe.\xff.\xff",
    "BOM": b"\xef\xbb\xbf" + signed().body,
    "line end": signed().body + b"\n",
    "quoted": b'"' + signed().body + b'"',
    "half": signed().body[:100],
    "no claims": token(b"[]", header_of()).encode(),
    "claims twice": token(b'{"iss":"a","iss":"a"}', header_of()).encode(),
    "NaN": token(b'{"iat":NaN}', header_of()).encode(),
    "no header": token(claims_of(), b"[]").encode(),
}


@pytest.mark.parametrize("body", NOT_JWTS.values(), ids=NOT_JWTS)
def test_what_is_no_jwt_is_an_outage(body):
    """A body that is no compact JWS is no answer, and is not read as JSON either."""
    assert asking(raw(body)).outage().is_outage


@pytest.mark.parametrize("content_type", ["application/json", "application/jwt", "text/plain", None])
def test_a_signed_answer_has_its_own_type(content_type):
    """JSON when a signed answer was asked for is an outage, however good it is, and so is any other type."""
    for body in (ACTIVE, signed().body):
        flaw = asking(said(body, content_type=content_type)).outage()
        assert flaw.why == f"introspection endpoint: its answer is not {MEDIA_TYPE}"


def test_a_signed_answer_that_nobody_asked_for_is_an_outage():
    """A JWT is no answer where JSON was asked for."""
    assert Asker({ENDPOINT: signed()}).outage().why == "introspection endpoint: its answer is not application/json"


def test_the_status_counts_before_the_signature():
    """A good signature does not make an answer of any other status."""
    assert asking(said(signed().body, 500, MEDIA_TYPE)).outage().why == "introspection endpoint: status 500"


def test_what_is_active_outside_is_not_active():
    """Nothing but what is inside counts."""
    inactive = {"active": False}
    assert asking(signed(active=True, token_introspection=inactive)).ask() == inactive


@pytest.mark.parametrize("client", [UserCredentials("admin", "x"), BearerToken("x")], ids=["user", "bearer"])
def test_who_is_no_client_is_in_no_audience(client):
    """Where it is no client that asks any audience will do, but there is one."""
    for audience in ("anybody", ["a", "b"]):
        assert asking(signed(aud=audience), client=client).ask() == ACTIVE
    assert "for somebody else" in asking(signed(aud=ABSENT), client=client).outage().why


def test_the_audience_is_the_client_that_obtained_the_token():
    """A client that asks with a token of its own is the audience."""
    client = ClientCredentials(ClientSecretBasic("shop", "x"), token_endpoint=TOKENS)
    for audience, is_good in (("shop", True), ("gateway", False)):
        asker = asking(signed(aud=audience), client=client)
        asker.answers[TOKENS] = said({"access_token": "at-1", "token_type": "Bearer"})
        if is_good:
            assert asker.ask() == ACTIVE
        else:
            assert "for somebody else" in asker.outage().why


def test_nothing_of_an_answer_is_told():
    """What is wrong with an answer is said without a word of it, and no other error is under way."""
    flaw = asking(signed(header_of(kid="hush-hush"))).outage()
    assert "hush" not in repr(flaw) + str(flaw)
    assert (flaw.__cause__, flaw.__context__) == (None, None)


@pytest.mark.parametrize("kind", ["oidc", "forgerock"])
def test_providers_that_sign_are_understood(kind):
    """Signed answers of simulated providers verify a token, and refuse it once it is revoked."""
    idp = SimulatedProvider(kind, audience="orders", algorithms=("ES256",))
    strategy = Introspection(client=ClientSecretBasic(*idp.client), tokens=ANY_OPAQUE_TOKEN, signed=True, ttl_s=0)
    manager = idp.key_manager(introspection=strategy)
    validator = TokenValidator(KeyManagerRegistry([manager], transport=idp, clock=idp.clock))
    opaque = idp.opaque_token(answer={"aud": "orders"}, subject="bob")
    assert validator.authenticate(opaque).claims["active"] is True
    idp.revoke(opaque)
    assert reason(validator.authenticate, opaque) == "INACTIVE"
    idp.fail("half", at=idp.kind.introspection_path)
    with pytest.raises(KeyManagerUnavailable):
        validator.authenticate(idp.opaque_token())
