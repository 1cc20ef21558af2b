"""From a bearer string to a VerifiedToken or the reason against it, and what stays unsaid."""

import logging
import traceback

import pytest
from cryptography.hazmat.primitives import hmac
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from kmvalidate import ANY_AUDIENCE, JwtValidator, KeyManagerRegistry, StaticKeys, TokenValidator, tokens
from kmvalidate.errors import KMValidateError, Reason
from tests.signing import (
    ABSENT,
    ALGORITHMS,
    ISSUER,
    KEY_OF,
    NOW,
    NoNetwork,
    SetClock,
    b64,
    dumps,
    good_claims,
    good_header,
    manager,
    private_key,
    public_jwk,
    reason,
    refusal,
    spare_token,
    static_keys,
    token,
    validator,
    with_claims,
    with_header,
)

CHECK = validator().authenticate


def signed(signature: bytes, header: object = None, claims: object = None) -> str:
    """Return a token with whatever is given as its signature."""
    return f"{b64(dumps(header or good_header()))}.{b64(dumps(claims or good_claims()))}.{b64(signature)}"


def as_secrets(name: str) -> list[bytes]:
    """Return the ways in which a public key has been used as an HMAC secret."""
    public, jwk = private_key(name).public_key(), public_jwk(name)
    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    der = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    ssh = public.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
    members = [jwk[member].encode() for member in ("n", "x", "y") if member in jwk]
    return [
        pem,
        pem.strip(),
        b"\n" + pem,
        der,
        ssh,
        dumps(jwk),
        dumps({"keys": [jwk]}),
        b"".join(members),
        b"",
        *members,
    ]


def confused() -> list[str]:
    """Return tokens with HS256 over each public key."""
    made = []
    for name in ("RSA", "P-256", "Ed25519"):
        header = good_header(alg="HS256", kid=name)
        for secret in as_secrets(name):
            mac = hmac.HMAC(secret or b"\0", SHA256())
            mac.update(signed(b"", header).rpartition(".")[0].encode())
            made.append(signed(mac.finalize(), header))
    return made


def embedded() -> list[str]:
    """Return tokens that an attacker signed and put the key in, or the way to it."""
    key, jwk = private_key("P-256", "attacker"), public_jwk("P-256", "attacker")
    ways = [{"jwk": jwk}, {"jku": "https://evil.example/keys"}, {"x5u": "https://evil.example/c"}, {"x5c": ["MIIB"]}]
    return [token(header=good_header(**way, x5t="x"), key=key) for way in ways]


NONE = [
    *("none", "None", "NONE", "nOnE", " none", "none ", "none\0", "n\u043ene"),
    *("", "null", "false", "es256", "ES256 "),
]
R_S = sorted({0, 1, 2**256 - 1, 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551})

HOSTILE = [
    *(("MALFORMED_TOKEN", value) for value in (None, b"a" * 20, 5, ["a" * 20], "", "a" * 20 + "\0", "\ud800" * 20)),
    *(("MALFORMED_TOKEN", token(raw)) for raw in (b"[]", b"null", b"", b'{"iss":"a","iss":"a"}', b"\xff" * 20)),
    *(
        ("MALFORMED_TOKEN", token(dumps(good_claims())[:-1] + more))
        for more in (b',"exp":1}', b',"a":NaN}', b',"a":1e999}')
    ),
    *(
        ("MALFORMED_TOKEN", token(header=raw))
        for raw in (b"[]", b"{}{}", b'{"alg":"ES256","alg":"ES256"}', b"\xff" * 20)
    ),
    *(("MALFORMED_TOKEN", with_header(**{name: 5})) for name in ("alg", "kid", "typ", "x5t#S256")),
    *(("MALFORMED_TOKEN", spare_token() + end) for end in ("=", "==", "\n", " ")),
    *(("UNSUPPORTED_TOKEN", with_header(**way)) for way in ({"crit": []}, {"b64": False}, {"cty": "JWT"})),
    ("UNSUPPORTED_TOKEN", "eyJhbGciOiJSU0EtT0FFUCJ9." + ".".join(["a" * 20] * 4)),
    *(("TOKEN_TOO_LARGE", value) for value in ("a.a." + "a" * 10_000_000, token(good_claims(pad="x" * 16_384)))),
    *(("OPAQUE_TOKEN", value) for value in ("a" * 20, "." * 10_000, token().replace(".", "~"))),
    *(("ALGORITHM_NOT_ALLOWED", signed(b"x" * 64, good_header(alg=alg))) for alg in [*NONE, "HS256", "RSA1_5", "dir"]),
    *(("ALGORITHM_NOT_ALLOWED", signed(b"", good_header(alg=alg))) for alg in ("none", "ES256")),
    ("ALGORITHM_NOT_ALLOWED", with_header(alg=ABSENT)),
    *(("ALGORITHM_NOT_ALLOWED", made) for made in confused()),
    *(
        ("UNKNOWN_KEY", with_header(kid=kid))
        for kid in ("x", "", "p-256", "P-256 ", "P-256\0", "../P-256", "P-25", "*")
    ),
    ("UNKNOWN_KEY", with_header(kid=ABSENT, **{"x5t#S256": "P-256"})),
    *(
        ("UNSUITABLE_KEY", with_header(alg, kid=kid))
        for alg, kid in (("ES256", "P-384"), ("ES256K", "P-256"), ("RS256", "P-256"))
    ),
    *(
        ("UNSUITABLE_KEY", with_header(alg, kid=kid))
        for alg, kid in (("ES256", "RSA"), ("ES512", "P-384"), ("Ed448", "Ed25519"))
    ),
    *(
        ("BAD_SIGNATURE", with_header(alg, alg=other))
        for alg, other in (("PS256", "RS256"), ("RS256", "RS384"), ("PS512", "PS256"))
    ),
    *(("BAD_SIGNATURE", signed(r.to_bytes(32, "big") + s.to_bytes(32, "big"))) for r in R_S for s in R_S),
    *(("BAD_SIGNATURE", signed(raw)) for raw in (b"x", b"x" * 63, b"x" * 65, b"\0" * 64, b"\xff" * 64, b"x" * 5000)),
    ("BAD_SIGNATURE", signed(encode_dss_signature(2**255, 2**254))),
    ("BAD_SIGNATURE", token(key=private_key("P-256", "attacker"))),
    *(("BAD_SIGNATURE", made) for made in embedded()),
    *(("UNKNOWN_ISSUER", with_claims(iss=iss)) for iss in ("https://evil.example", ISSUER + "/")),
    *(("EXPIRED", with_claims(exp=exp)) for exp in (0, NOW - 60, -1e300)),
    *(
        ("INVALID_CLAIM", with_claims(**{name: {"a": 1}}))
        for name in ("iss", "aud", "exp", "nbf", "iat", "sub", "jti", "scope")
    ),
    *(("MISSING_CLAIM", with_claims(**{name: ABSENT})) for name in ("iss", "aud", "exp")),
    ("NOT_YET_VALID", with_claims(nbf=NOW + 61)),
    ("ISSUED_IN_THE_FUTURE", with_claims(iat=NOW + 61)),
    ("WRONG_AUDIENCE", with_claims(aud="order" * 20)),
    ("WRONG_TOKEN_KIND", with_claims(token_use="id")),
    ("WRONG_TOKEN_KIND", with_header(typ="dpop+jwt")),
    ("PROOF_REQUIRED", with_claims(cnf={"jkt": "x"})),
]
IDS = [f"{place}-{name}" for place, (name, _) in enumerate(HOSTILE)]


@pytest.mark.parametrize(("expected", "value"), HOSTILE, ids=IDS)
def test_a_hostile_token_is_refused(expected, value):
    """Every attack of the table ends as a Refused with its reason, and with 401."""
    refused = refusal(CHECK, value)
    assert (refused.reason.name, refused.reason.status) == (expected, 401)


@pytest.mark.parametrize("expected", ["TOKEN_TOO_LARGE", "OPAQUE_TOKEN"])
def test_size_and_shape_are_judged_before_anything_is_decoded(expected, monkeypatch):
    """What is too large, or has no three segments, is refused before any of it is decoded."""
    for name in ("decode_base64url", "parse_object"):
        monkeypatch.setattr(tokens, name, lambda *_: pytest.fail("decoded"))
    assert {reason(CHECK, value) for name, value in HOSTILE if name == expected} == {expected}


def everything_said(error: BaseException) -> str:
    """Return all that an error and those behind it say, in every way in which they can be asked."""
    texts = traceback.format_exception(error)
    while error is not None:
        texts += [str(error), repr(error), repr(error.args), repr(getattr(error, "__dict__", {}))]
        error = error.__cause__ or error.__context__
    return "\n".join(texts)


@pytest.mark.parametrize("value", [value for _, value in HOSTILE], ids=IDS)
def test_nothing_of_a_token_is_said(value, caplog, capfd):
    """No error, no error behind it, no log record and no output has a segment of the token in it."""
    caplog.set_level(logging.DEBUG)
    refused = refusal(CHECK, value)
    said = everything_said(refused) + caplog.text + repr([record.__dict__ for record in caplog.records])
    said += "".join(capfd.readouterr())
    text = value.decode() if isinstance(value, bytes) else "".join(value) if isinstance(value, list) else str(value)
    assert not [part for part in {text, *text.split(".")} if len(part) >= 16 and part in said]


@pytest.mark.parametrize("value", [value for _, value in HOSTILE], ids=IDS)
def test_no_other_error_is_behind_a_refusal(value):
    """A refusal has no cause and no context that could hold bytes of the token."""
    refused = refusal(CHECK, value)
    assert (refused.__cause__, refused.__context__) == (None, None)


@pytest.mark.parametrize("alg", ALGORITHMS)
def test_a_good_token_is_verified(alg):
    """A token signed with any configured algorithm is verified, the first time and again."""
    for _ in range(2):
        verified = CHECK(token(alg=alg))
        assert (verified.key_manager, verified.issuer, verified.key_id) == ("Test", ISSUER, KEY_OF[alg])
        assert dict(verified.claims) == good_claims()


def test_a_verified_token_tells_what_was_proved():
    """The claims of a verified token are at hand in the form in which they are used."""
    verified = CHECK(with_claims(aud=["orders", "billing"]))
    assert (verified.subject, verified.token_id, verified.consumer_key) == ("alice", "7f3a-11", "shop")
    assert (verified.audience, verified.scopes) == (("orders", "billing"), frozenset({"menu:read", "menu:write"}))
    assert verified.expires_at == NOW + 300
    assert CHECK(token()).audience == ("orders",)


def test_a_verified_token_tells_what_is_absent():
    """Claims that are absent are None or empty."""
    bare = dict.fromkeys(("sub", "jti", "client_id", "scope", "aud"), ABSENT)
    verified = validator(audience=ANY_AUDIENCE).authenticate(with_claims(**bare))
    assert (verified.subject, verified.token_id, verified.consumer_key) == (None, None, None)
    assert (verified.audience, verified.scopes) == ((), frozenset())


@pytest.mark.parametrize(
    "way", [{"jwk": public_jwk("P-256", "attacker")}, {"jku": 5}, {"x5u": None}, {"x5c": []}, {"zip": "DEF"}], ids=repr
)
def test_what_is_not_looked_at_changes_nothing(way):
    """Header parameters that carry keys, and unknown ones, are ignored in a token that is good."""
    assert CHECK(with_header(**way)).key_id == "P-256"


def test_a_token_without_kid_needs_one_key_that_fits():
    """Without kid a token is verified where one key fits its algorithm, and refused where none or several do."""
    made = with_header(kid=ABSENT)
    twins = StaticKeys.from_jwks({"keys": [public_jwk("P-256"), public_jwk("P-256", "attacker", kid="b")]})
    found = [
        reason(validator(keys=keys).authenticate, made)
        for keys in (static_keys("P-256", "RSA"), static_keys("RSA"), twins)
    ]
    assert found == ["GOOD", "UNKNOWN_KEY", "AMBIGUOUS_KEY"]


def test_the_time_is_asked_for_every_token():
    """A token that was good is refused once it has expired, and a remembered header changes nothing."""
    clock, made = SetClock(), token()
    check = validator(clock=clock).authenticate
    assert reason(check, made) == reason(check, made) == "GOOD"
    clock.now += 360
    assert reason(check, made) == "EXPIRED"
    clock.now -= 1
    assert reason(check, made) == "GOOD"


def test_a_refused_token_teaches_nothing():
    """After a forged token under a header the good one is verified, and the forged one is refused again."""
    check = validator().authenticate
    for _ in range(3):
        assert reason(check, token(key=private_key("P-256", "attacker"))) == "BAD_SIGNATURE"
        assert reason(check, token()) == "GOOD"


def test_headers_may_all_be_different():
    """Hundreds of tokens with a header of their own each are verified."""
    registry = KeyManagerRegistry([manager()], transport=NoNetwork(), clock=SetClock())
    check = TokenValidator(registry).authenticate
    made = [with_header(nonce=turn) for turn in range(300)]
    assert {reason(check, text) for text in [*made, made[0]]} == {"GOOD"}


@pytest.mark.parametrize("kind", [TokenValidator, JwtValidator])
def test_the_largest_token_is_an_argument(kind):
    """A token longer than max_token_bytes is refused, one of exactly that length is not."""
    registry = KeyManagerRegistry([manager()], transport=NoNetwork(), clock=SetClock())
    made = token()
    for size, expected in ((len(made), "GOOD"), (len(made) - 1, "TOKEN_TOO_LARGE")):
        short = kind(registry, max_token_bytes=size)
        assert reason(short.validate if kind is JwtValidator else short.authenticate, made) == expected


@pytest.mark.parametrize(("value", "expected"), [("a" * 20, "OPAQUE_TOKEN"), (None, "MALFORMED_TOKEN"), ("..", None)])
def test_the_jwt_half_is_useful_alone(value, expected):
    """The JWT half verifies JWTs, refuses what is none, and answers like the whole."""
    check = JwtValidator(KeyManagerRegistry([manager()], transport=NoNetwork(), clock=SetClock())).validate
    assert check(token()).key_manager == "Test"
    assert reason(check, value) == reason(CHECK, value)
    assert expected in {None, reason(check, value)}


def test_a_refusal_names_the_key_manager_that_answered():
    """Once a key manager was chosen a refusal names it, whether header, key, signature or claims were wrong."""
    refused = [with_header(alg="none"), with_header(kid="x"), with_header(crit=[]), signed(b"x"), with_claims(exp=0)]
    assert {refusal(CHECK, made).key_manager for made in refused} == {"Test"}
    assert {refusal(CHECK, made).key_manager for made in ("a", with_claims(iss="x"))} == {None}


def test_the_table_has_every_reason():
    """Every reason that static keys can lead to without further rules is in the table of attacks."""
    elsewhere = {"AMBIGUOUS_KEY", "WRONG_ISSUER", "TOO_OLD", "LIFETIME_TOO_LONG", "CLAIM_MISMATCH"}
    elsewhere |= {"INACTIVE", "MISSING_ROLE", "UNKNOWN_ROLES", "CLAIM_NOT_ALLOWED", "WRONG_KEY_MANAGER"}
    elsewhere |= {"REVOKED", *(reason.name for reason in Reason if reason.code != Reason.BAD_SIGNATURE.code)}
    assert {name for name, _ in HOSTILE} == set(Reason.__members__) - elsewhere
    assert issubclass(type(refusal(CHECK, None)), KMValidateError)
