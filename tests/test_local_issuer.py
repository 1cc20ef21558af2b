"""`kmvalidate.testing.LocalIssuer`: what it serves, what it signs, and that nothing of it stays behind."""

import base64
import hashlib
import hmac
import http.client
import json
import socket
import struct
import threading
import time

import pytest

from kmvalidate.errors import ConfigurationError, Reason, Refused
from kmvalidate.key_manager import KeyManager
from kmvalidate.key_sources import RemoteKeys, StaticKeys
from kmvalidate.ports import Network
from kmvalidate.registry import KeyManagerRegistry
from kmvalidate.testing import LocalIssuer, SigningKey, tampered
from kmvalidate.validator import TokenValidator

DISCOVERY = "/.well-known/openid-configuration"
PRIVATE_MEMBERS = {"d", "p", "q", "dp", "dq", "qi", "k"}


@pytest.fixture
def idp():
    """An issuer whose keys take no time to make."""
    with LocalIssuer(algorithms=("ES256", "EdDSA")) as issuer:
        yield issuer


class Clock:
    """A clock that stands still."""

    def wall(self):
        return 1_700_000_000.5

    def monotonic(self):
        return 0.0


def get(idp, path):
    """Return the status and the JSON that *idp* has at *path*."""
    connection = http.client.HTTPConnection(address(idp)[0], address(idp)[1], timeout=10)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())
    finally:
        connection.close()


def address(idp):
    return "127.0.0.1", int(idp.issuer.rpartition(":")[2])


def parts(token):
    """Return the header and the claims of a token."""
    return [json.loads(base64.urlsafe_b64decode(segment + "==")) for segment in token.split(".")[:2]]


def validator(idp, keys=None):
    keys = keys or RemoteKeys(network=Network(private_addresses=True, insecure_http=True), cooldown_s=0)
    return TokenValidator(KeyManagerRegistry([KeyManager(name="L", issuer=idp.issuer, audience="orders", keys=keys)]))


def reason(check, token):
    with pytest.raises(Refused) as refused:
        check.authenticate(token)
    return refused.value.reason


def kids(idp):
    return [key["kid"] for key in get(idp, "/jwks")[1]["keys"]]


def test_the_discovery_document_has_what_its_specification_requires(idp):
    """The metadata names the issuer itself, its keys and every required member of OpenID Connect Discovery."""
    status, document = get(idp, DISCOVERY)
    assert (status, document["issuer"], document["jwks_uri"]) == (200, idp.issuer, f"{idp.issuer}/jwks")
    assert document["id_token_signing_alg_values_supported"] == ["ES256", "EdDSA"]
    required = {"authorization_endpoint", "token_endpoint", "response_types_supported", "subject_types_supported"}
    assert required <= set(document)


def test_the_issuer_is_a_loopback_address(idp):
    """An issuer is named by the address it listens on."""
    assert idp.issuer == f"http://127.0.0.1:{address(idp)[1]}"


def test_published_keys_are_public():
    """The key set has an entry for each algorithm, and no private member."""
    with LocalIssuer() as idp:
        published = get(idp, "/jwks")[1]["keys"]
    assert [(key["alg"], key["kid"], key["use"]) for key in published] == [
        ("RS256", "RS256-1", "sig"),
        ("ES256", "ES256-1", "sig"),
        ("EdDSA", "EdDSA-1", "sig"),
    ]
    assert all(PRIVATE_MEMBERS.isdisjoint(key) for key in published)


@pytest.mark.parametrize("alg", ["RS256", "PS384", "ES256", "ES384", "ES512", "EdDSA", "Ed25519"])
def test_its_tokens_verify_over_http(alg):
    """A token of each algorithm is good for a validator that knows nothing but the issuer's address."""
    with LocalIssuer(algorithms=("EdDSA", alg)) as idp:
        verified = validator(idp).authenticate(idp.token(alg=alg))
    assert (verified.subject, verified.consumer_key, verified.key_id) == ("alice", "web-shop", f"{alg}-1")


def test_a_token_has_the_shape_of_rfc_9068(idp):
    """A token says ``at+jwt`` and carries every claim that RFC 9068 section 2.2 requires."""
    header, claims = parts(idp.token())
    assert header == {"typ": "at+jwt", "alg": "ES256", "kid": "ES256-1"}
    assert {"iss", "exp", "aud", "sub", "client_id", "iat", "jti"} <= set(claims)
    assert claims["exp"] - claims["iat"] == 300


def test_no_two_tokens_are_alike(idp):
    """Each token has an id of its own."""
    assert parts(idp.token())[1]["jti"] != parts(idp.token())[1]["jti"]


def test_claims_and_header_parameters_can_be_set_and_left_out(idp):
    """What a test asks for replaces the default, and None leaves it out."""
    header, claims = parts(idp.token(header={"typ": None, "x": 1}, sub="bob", scope=None, roles=["a"]))
    assert ("typ" in header, header["x"]) == (False, 1)
    assert (claims["sub"], claims["roles"], "scope" in claims) == ("bob", ["a"], False)


def test_the_audience_is_an_argument():
    """Tokens are for the audience the issuer was made with."""
    with LocalIssuer(audience="billing", algorithms=("ES256",)) as idp:
        assert reason(validator(idp), idp.token()) is Reason.WRONG_AUDIENCE


def test_an_expired_token_was_issued_before_it_expired(idp):
    """A negative lifetime makes a token that is plausible in all but its age."""
    claims = parts(idp.token(expires_in_s=-120))[1]
    assert claims["iat"] < claims["exp"] < time.time() - 100
    assert reason(validator(idp), idp.token(expires_in_s=-120)) is Reason.EXPIRED


def test_time_is_an_argument():
    """Tokens are issued at the time the given clock tells, in whole seconds."""
    with LocalIssuer(algorithms=("ES256",), clock=Clock()) as idp:
        assert idp.claims(expires_in_s=10)["exp"] == 1_700_000_010


def test_rotation_replaces_the_keys(idp):
    """After a rotation the new key is published alone, and tokens of the old one are refused."""
    old, check = idp.token(), validator(idp)
    idp.rotate()
    assert kids(idp) == ["ES256-2", "EdDSA-2"]
    assert check.authenticate(idp.token()).key_id == "ES256-2"
    assert reason(check, old) is Reason.UNKNOWN_KEY


def test_rotation_can_overlap(idp):
    """Old keys that are kept stay published beside the new ones, and go with the next rotation."""
    old, check = idp.token(), validator(idp)
    idp.rotate(keep_old=True)
    assert kids(idp) == ["ES256-2", "EdDSA-2", "ES256-1", "EdDSA-1"]
    assert [check.authenticate(token).key_id for token in (idp.token(), old)] == ["ES256-2", "ES256-1"]
    idp.rotate()
    assert kids(idp) == ["ES256-3", "EdDSA-3"]


def test_a_validator_notices_a_rotation_by_itself(idp):
    """A validator that saw the old keys fetches the new ones when a token names them."""
    check = validator(idp)
    check.authenticate(idp.token())
    idp.rotate()
    assert check.authenticate(idp.token()).key_id == "ES256-2"
    assert idp.hits["/jwks"] == 2


def test_hits_are_counted_by_path(idp):
    """Every request counts under its path, whether something is there or not, queries not looked at."""
    assert idp.hits["/jwks"] == 0
    assert [get(idp, path)[0] for path in ("/jwks", "/jwks?x=1", "/nothing")] == [200, 200, 404]
    assert idp.hits == {"/jwks": 2, "/nothing": 1}


def test_hits_are_a_copy(idp):
    """Counters that were handed out do not change the issuer's own."""
    idp.hits["/jwks"] += 5
    assert idp.hits["/jwks"] == 0


def test_namesake_keys_of_two_issuers_are_strangers(idp):
    """Two issuers have the same key ids and different keys."""
    with LocalIssuer(algorithms=("ES256",)) as other:
        assert other.key().kid == idp.key().kid
        assert reason(validator(idp), other.token(iss=idp.issuer)) is Reason.BAD_SIGNATURE
        assert reason(validator(idp), idp.sign(*parts(idp.token()), key=other.key())) is Reason.BAD_SIGNATURE


def test_a_whole_token_can_be_written_by_hand(idp):
    """Header and claims are signed exactly as given, with the issuer's key for the header's algorithm."""
    header, claims = parts(idp.sign({"alg": "EdDSA"}, {"iss": idp.issuer, "aud": "orders", "exp": 9_999_999_999}))
    assert (header, claims["exp"]) == ({"alg": "EdDSA"}, 9_999_999_999)
    good = idp.sign({"alg": "EdDSA", "kid": "EdDSA-1"}, idp.claims())
    assert validator(idp).authenticate(good).key_id == "EdDSA-1"


def test_any_bytes_can_be_a_payload(idp):
    """A payload that is no JSON is signed as it is."""
    segment = idp.sign({"alg": "ES256"}, b"\xff{").split(".")[1]
    assert base64.urlsafe_b64decode(segment + "==") == b"\xff{"


def test_alg_none_has_no_signature(idp):
    """A token whose header says ``none`` ends with its second dot."""
    assert idp.sign({"alg": "none"}, {}).endswith(".")


def test_a_secret_makes_an_hmac(idp):
    """Bytes for a key make the HMAC with SHA-256 of RFC 7515, whatever the header says."""
    token = idp.sign({"alg": "HS256"}, {}, key=idp.key().public_pem)
    signed, _, signature = token.rpartition(".")
    wanted = hmac.new(idp.key().public_pem, signed.encode(), hashlib.sha256).digest()
    assert base64.urlsafe_b64decode(signature + "==") == wanted


def test_the_public_pem_is_the_published_key(idp):
    """The PEM of a key verifies what the key signed."""
    check = validator(idp, StaticKeys.from_pem(idp.key().public_pem))
    assert check.authenticate(idp.token()).subject == "alice"


def test_a_tampered_token_keeps_its_signature(idp):
    """Tampering changes the claims it is asked to and nothing else."""
    token = idp.token()
    changed = tampered(token, sub="admin")
    assert [changed.split(".")[i] == token.split(".")[i] for i in range(3)] == [True, False, True]
    assert parts(changed)[1] == {**parts(token)[1], "sub": "admin"}


@pytest.mark.parametrize(
    "wrong",
    [
        lambda _: LocalIssuer(algorithms=()),
        lambda _: LocalIssuer(algorithms=("HS256",)),
        lambda idp: idp.key("RS256"),
        lambda idp: idp.token(alg="RS256"),
        lambda idp: idp.sign({"alg": "RS256"}, {}),
        lambda idp: idp.sign({}, {}),
        lambda _: SigningKey.make("none", "k"),
    ],
    ids=["no algorithm", "a secret's algorithm", "key", "token", "sign", "no alg", "make"],
)
def test_an_algorithm_it_has_no_key_for_is_an_error(idp, wrong):
    """What cannot be signed is a configuration error, never a token of another kind."""
    with pytest.raises(ConfigurationError):
        wrong(idp)


def test_no_repr_shows_a_private_key(idp):
    """A key shows its name and its algorithm."""
    assert repr(idp.key()) == "SigningKey(alg='ES256', kid='ES256-1')"


def test_nothing_stays_behind_once_it_is_closed():
    """A closed issuer has no thread left and its port refuses connections; closing again does nothing."""
    before = set(threading.enumerate())
    idp = LocalIssuer(algorithms=("ES256",))
    get(idp, "/jwks")
    idp.close()
    idp.close()
    assert set(threading.enumerate()) <= before
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(address(idp), timeout=5)


def test_a_silent_client_does_not_hold_up_the_end():
    """Closing does not wait for a client that is connected and says nothing."""
    idp = LocalIssuer(algorithms=("ES256",))
    with socket.create_connection(address(idp), timeout=10) as silent:
        get(idp, "/jwks")  # its connection is accepted after the silent one
        began = time.monotonic()
        idp.close()
        assert time.monotonic() - began < 4.5  # it would be given up after 5
        assert silent.recv(1) == b""


def test_it_says_nothing_on_its_own(capfd):
    """Neither a request, nor a wrong path, nor a client that hangs up leaves a line on stderr."""
    with LocalIssuer(algorithms=("ES256",)) as idp:
        rude = socket.create_connection(address(idp), timeout=10)
        rude.sendall(b"GET /jw")
        rude.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        rude.close()  # with a reset
        get(idp, "/nothing")
    assert capfd.readouterr() == ("", "")


def test_a_connection_that_ended_by_itself_is_no_trouble_at_the_end(idp, monkeypatch):
    """Closing copes with a connection that its client has ended in the same moment."""

    class Gone:
        def shutdown(self, _how):
            raise OSError

    monkeypatch.setattr(idp._server._server, "_connections", {Gone()})
    idp.close()
