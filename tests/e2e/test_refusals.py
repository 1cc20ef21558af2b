"""What a real OpenID provider gives out and is no access token for us, and what becomes of good tokens in bad hands."""

import hashlib
import hmac
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from joserfc import jws
from joserfc.jwk import JWKRegistry, RSAKey

from kmvalidate import ANY_AUDIENCE, RFC9068_ACCESS_TOKENS, Reason
from tests.e2e.flows import dpop_proof, introspection_answer, log_in
from tests.e2e.gateway import (
    SettableClock,
    altered,
    claims_of,
    decode,
    encode,
    gateway,
    header_of,
    refusal,
)
from tests.e2e.provider import ALGORITHMS, Issuer

pytestmark = pytest.mark.e2e


def test_hs256(issuer: Issuer) -> None:
    """A token of the provider that is signed with a shared secret is refused."""
    refused = refusal(gateway(issuer, audience="urn:api:HS256"), issuer.token("HS256"))
    assert (refused.reason, refused.got, refused.key_manager) == (Reason.ALGORITHM_NOT_ALLOWED, "HS256", issuer.name)


def test_opaque(issuer: Issuer) -> None:
    """An opaque token is refused without a question to anybody."""
    token = issuer.token("opaque")
    issuer.reset()
    assert refusal(gateway(issuer, audience="urn:api:opaque"), token).reason is Reason.OPAQUE_TOKEN
    assert issuer.hits("") == 0


@pytest.mark.parametrize("audience", ["web", ANY_AUDIENCE], ids=["its own", "any"])
def test_id_token(issuer: Issuer, audience: Any) -> None:
    """The ID token of a login is refused as what it is, even where its audience passes."""
    token = log_in(issuer, "ES256")["id_token"]
    assert claims_of(token)["aud"] == "web"
    assert refusal(gateway(issuer, audience=audience), token).reason is Reason.WRONG_TOKEN_KIND


def test_id_token_by_its_header(issuer: Issuer) -> None:
    """Where only RFC 9068 access tokens are accepted, the ID token of a login is refused before its signature."""
    token = log_in(issuer, "ES256")["id_token"]
    validator = gateway(issuer, audience="web", token_kinds=RFC9068_ACCESS_TOKENS)
    refused = refusal(validator, token)
    assert (refused.reason, refused.claim, refused.got) == (Reason.WRONG_TOKEN_KIND, "typ", "no typ")


def test_id_token_by_its_audience(issuer: Issuer) -> None:
    """An ID token is for the client, and is refused by an API."""
    assert refusal(gateway(issuer), log_in(issuer, "ES256")["id_token"]).reason is Reason.WRONG_AUDIENCE


def test_refresh_token(issuer: Issuer) -> None:
    """The refresh token of a login is refused."""
    assert refusal(gateway(issuer), log_in(issuer, "ES256")["refresh_token"]).reason is Reason.OPAQUE_TOKEN


def test_introspection_answer(issuer: Issuer) -> None:
    """A signed introspection answer is refused, though its issuer and audience would pass."""
    answer = introspection_answer(issuer)
    assert claims_of(answer)["aud"] == "rs-jwt"
    assert refusal(gateway(issuer, audience="rs-jwt"), answer).reason is Reason.WRONG_TOKEN_KIND


def test_dpop_bound(issuer: Issuer) -> None:
    """A token bound to a key by DPoP is refused as a bearer token, and so is the proof."""
    proof = dpop_proof(f"{issuer.url}/token")
    token = issuer.token("ES256", client="m2m-dpop", headers={"DPoP": proof})
    assert "jkt" in claims_of(token)["cnf"]
    assert refusal(gateway(issuer), token).reason is Reason.PROOF_REQUIRED
    assert refusal(gateway(issuer), proof).reason is Reason.MISSING_CLAIM


def test_mtls_bound(tls: Issuer) -> None:
    """A token bound to a client certificate is refused as a bearer token."""
    client = tls.certificates.client
    token = tls.token("ES256", client="m2m-mtls", cert=(client.cert_file, client.key_file))
    assert "x5t#S256" in claims_of(token)["cnf"]
    assert refusal(gateway(tls), token).reason is Reason.PROOF_REQUIRED


def test_wrong_audience(issuer: Issuer) -> None:
    """A token for another API is refused, and the refusal says for whom it was."""
    refused = refusal(gateway(issuer, audience="urn:api:RS256"), issuer.token("ES256"))
    assert (refused.reason, refused.claim) == (Reason.WRONG_AUDIENCE, "aud")
    assert (refused.expected, refused.got) == ("[urn:api:RS256]", "[urn:api:ES256]")


@pytest.mark.parametrize("leeway_s", [0, 60, 300])
def test_expiry(issuer: Issuer, clock: SettableClock, leeway_s: int) -> None:
    """A token is good until its expiry and the leeway are over, and not from that second on."""
    token = issuer.token("ES256:ttl1")
    validator = gateway(issuer, audience="urn:api:ES256:ttl1", leeway_s=leeway_s, clock=clock)
    ends_at = claims_of(token)["exp"] + leeway_s
    clock.set_wall(ends_at - 0.001)
    validator.authenticate(token)
    clock.set_wall(ends_at)
    assert refusal(validator, token).reason is Reason.EXPIRED


def test_issued_in_the_future(issuer: Issuer, clock: SettableClock) -> None:
    """A token is refused by a gateway whose clock is behind by more than the leeway."""
    token = issuer.token("ES256")
    validator = gateway(issuer, clock=clock)
    clock.set_wall(claims_of(token)["iat"] - 60)
    validator.authenticate(token)
    clock.set_wall(claims_of(token)["iat"] - 61)
    assert refusal(validator, token).reason is Reason.ISSUED_IN_THE_FUTURE


@pytest.mark.parametrize("other", ["path", "tls"])
def test_unknown_issuer(root: Issuer, request: pytest.FixtureRequest, other: str) -> None:
    """A good token of an issuer that is not configured is refused without a question to anybody."""
    stranger: Issuer = request.getfixturevalue(other)
    token = stranger.token("ES256")
    stranger.reset()
    assert refusal(gateway(root), token).reason is Reason.UNKNOWN_ISSUER
    assert root.hits("") == stranger.hits("") == 0


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_presented_as_another_issuers(root: Issuer, path: Issuer, algorithm: str) -> None:
    """A token of one issuer is refused when it is made to name another, its key id included."""
    validator = gateway(root, path)
    mine, other = root.token(algorithm), path.token(algorithm)
    forged = altered(mine, header=header_of(other), claims={"iss": path.url})
    for _ in range(2):  # before and after the real ones were verified
        refused = refusal(validator, forged)
        assert (refused.reason, refused.key_manager) == (Reason.BAD_SIGNATURE, path.name)
        assert {validator.authenticate(token).issuer for token in (mine, other)} == {root.url, path.url}


def test_signed_with_another_issuers_keys(root: Issuer, path: Issuer) -> None:
    """Where the keys of another issuer are configured by mistake, none of the tokens is accepted."""
    validator = gateway(root, jwks_url=f"{path.url}/jwks", network=path.network)
    same_key_id = altered(root.token("ES256"), header=header_of(path.token("ES256")))
    assert refusal(validator, same_key_id).reason is Reason.BAD_SIGNATURE
    assert refusal(validator, path.token("ES256")).reason is Reason.UNKNOWN_ISSUER


def _other_bit(token: str) -> str:
    head, _, signature = token.rpartition(".")
    flipped = bytearray(decode(signature))
    flipped[len(flipped) // 2] ^= 1
    return f"{head}.{encode(bytes(flipped))}"


TAMPERINGS: dict[str, Callable[[str], str]] = {
    "more scopes": lambda token: altered(token, claims={"scope": "read write admin"}),
    "another client": lambda token: altered(token, claims={"client_id": "admin"}),
    "a later expiry": lambda token: altered(token, claims={"exp": 4_000_000_000}),
    "the same, spelt otherwise": altered,
    "a bit of the signature": _other_bit,
    "half a signature": lambda token: token[: -len(token.rpartition(".")[2]) // 2],
}


@pytest.mark.parametrize("tampering", TAMPERINGS)
@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_tampered(root: Issuer, algorithm: str, tampering: str) -> None:
    """A real token that was changed in any way is refused, whether or not the real one was seen before."""
    validator = gateway(root)
    token = root.token(algorithm)
    tampered = TAMPERINGS[tampering](token)
    for _ in range(2):
        assert refusal(validator, tampered).reason in {Reason.BAD_SIGNATURE, Reason.MALFORMED_TOKEN}
        validator.authenticate(token)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_signature_taken_away(root: Issuer, algorithm: str) -> None:
    """A real token without its signature is refused, whether or not the real one was seen before."""
    validator, token = gateway(root), root.token(algorithm)
    for _ in range(2):
        assert refusal(validator, _unsigned(token)).reason is Reason.ALGORITHM_NOT_ALLOWED
        validator.authenticate(token)


def _unsigned(token: str) -> str:
    return token.rpartition(".")[0] + "."


@pytest.mark.parametrize("algorithm", ["none", "None", "HS256", "HS512", "RS1", "ES256K", "dir", ""])
def test_algorithm_replaced(root: Issuer, algorithm: str) -> None:
    """A token whose header names an algorithm that is not allowed is refused, signed or not."""
    validator = gateway(root)
    swapped = altered(root.token("RS256"), header={"alg": algorithm})
    assert refusal(validator, swapped).reason is Reason.ALGORITHM_NOT_ALLOWED
    assert refusal(validator, _unsigned(swapped)).reason is Reason.ALGORITHM_NOT_ALLOWED


@pytest.mark.parametrize(
    ("given", "claimed", "reason"),
    [
        ("RS256", "PS256", Reason.BAD_SIGNATURE),
        ("PS512", "RS512", Reason.BAD_SIGNATURE),
        ("RS256", "RS512", Reason.BAD_SIGNATURE),
        ("ES256", "ES384", Reason.UNSUITABLE_KEY),
        ("ES256", "RS256", Reason.UNSUITABLE_KEY),
        ("EdDSA", "ES256", Reason.UNSUITABLE_KEY),
    ],
)
def test_algorithm_of_another_key(root: Issuer, given: str, claimed: str, reason: Reason) -> None:
    """A token that claims another algorithm than it was signed with is refused."""
    assert refusal(gateway(root), altered(root.token(given), header={"alg": claimed})).reason is reason


def test_public_key_as_a_shared_secret(root: Issuer) -> None:
    """The published RSA key is no HMAC secret, in whatever form a forger uses it."""
    validator, token = gateway(root), root.token("RS256")
    key = next(key for key in root.get("/jwks")["keys"] if key["kid"] == header_of(token)["kid"])
    public = JWKRegistry.import_key(key)
    assert isinstance(public, RSAKey)
    unsigned = altered(token, header={"alg": "HS256"}).rpartition(".")[0]
    for secret in (public.as_pem(private=False), _der(public), key["n"].encode()):
        forged = f"{unsigned}.{encode(hmac.digest(secret, unsigned.encode(), hashlib.sha256))}"
        assert refusal(validator, forged).reason is Reason.ALGORITHM_NOT_ALLOWED


def _der(key: RSAKey) -> bytes:
    return key.public_key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


@pytest.mark.parametrize("carrier", ["jwk", "jku", "x5u"])
def test_key_of_the_tokens_own(root: Issuer, path: Issuer, carrier: str) -> None:
    """A key that the token itself brings or points to is not used and not fetched."""
    validator, token = gateway(root), root.token("RS256")
    key = RSAKey.generate_key(2048)
    carried = {"jwk": key.as_dict(private=False)}.get(carrier, f"{path.url}/jwks")
    path.reset()
    forged = jws.serialize_compact(
        header_of(token) | {carrier: carried},
        decode(token.split(".")[1]),
        key,
        registry=jws.JWSRegistry(strict_check_header=False, algorithms=["RS256"]),
    )
    assert refusal(validator, forged).reason is Reason.BAD_SIGNATURE
    assert path.hits("") == 0


def test_trailing_slash(root: Issuer) -> None:
    """An issuer that is configured with a slash too many matches no token, and the refusal says so."""
    refused = refusal(gateway(root, issuer=root.url + "/"), root.token("ES256"))
    assert refused.reason is Reason.UNKNOWN_ISSUER
    assert "slash" in (refused.hint or "")
