"""Signed answers of a real provider (RFC 9701): verified with its own keys as these change, and believed if right."""

from collections.abc import Callable
from typing import Any

import pytest

from kmvalidate import Status
from tests.e2e import clients
from tests.e2e.gateway import SettableClock, altered, claims_of
from tests.e2e.introspection_gates import TTL_S, asked_as, asking, reason, with_certificate
from tests.e2e.live import COOLDOWN_S, Live, Way
from tests.e2e.opaque import ENDPOINT, RESOURCE, SIGNED_TYPE, introspect_raw, opaque_token, revoke, user_token
from tests.e2e.provider import Issuer

pytestmark = pytest.mark.e2e

each_algorithm = pytest.mark.parametrize("algorithm", clients.SIGNED)


@pytest.fixture
def gate_of(way: Way, clock: SettableClock) -> Callable[..., Live]:
    """Makes a gateway that wants signed answers, as one of the clients; the other arguments are those of `asking`."""

    def make(issuer: Issuer, client: str = "rs-jwt", **how: Any) -> Live:
        return Live(way, clock, [asking(issuer, client=asked_as(issuer, client), signed=True, **how)])

    return make


def signed_answer(issuer: Issuer, token: str, client: str = "rs-jwt") -> str:
    """Return the signed answer that *client* gets."""
    return introspect_raw(issuer, token, client=client, accept=SIGNED_TYPE).text


def answers(issuer: Issuer, body: str, media_type: str = SIGNED_TYPE, status: int = 200) -> None:
    """Make *issuer* answer *body*, once."""
    issuer.fault(ENDPOINT, status=status, body=body, headers={"content-type": media_type}, times=1)


@each_algorithm
def test_signed(gate_of: Callable[..., Live], issuer: Issuer, algorithm: str) -> None:
    """An answer in each algorithm is verified with the keys that the issuer publishes, which are fetched once."""
    tokens = opaque_token(issuer), user_token(issuer, sub="bob")
    issuer.reset()
    gate = gate_of(issuer, clients.SIGNED[algorithm], manager={"algorithms": (algorithm,)})
    told = [gate.accept(token) for token in tokens]
    assert [one.consumer_key for one in told] == ["m2m", "web"]
    assert (told[1].subject, told[1].audience, told[1].issuer) == ("bob", (RESOURCE,), issuer.url)
    assert reason(gate, "never-given") == "INACTIVE"
    assert [request["headers"]["accept"] for request in issuer.requests(ENDPOINT)] == [SIGNED_TYPE] * 3
    assert issuer.hits("/jwks") == 1


def test_revoked(gate_of: Callable[..., Live], root: Issuer, clock: SettableClock) -> None:
    """A signed answer is remembered, and a later one counts."""
    gate, token = gate_of(root), opaque_token(root)
    gate.accept(token)
    revoke(root, token)
    gate.accept(token)
    clock.advance(TTL_S)
    assert (reason(gate, token), root.hits(ENDPOINT)) == ("INACTIVE", 2)


@each_algorithm
@pytest.mark.parametrize("keep_old", [True, False])
def test_a_rotation(
    gate_of: Callable[..., Live], root: Issuer, clock: SettableClock, algorithm: str, keep_old: bool
) -> None:
    """Answers signed with a new key are read once the key is fetched; until that may be tried nobody can tell."""
    gate = gate_of(root, clients.SIGNED[algorithm])
    gate.accept(opaque_token(root))
    root.rotate(keep_old=keep_old)
    token = opaque_token(root)
    assert gate.unavailable(token).key_manager == "root"
    clock.advance(COOLDOWN_S)
    assert gate.accept(token).consumer_key == "m2m"
    assert (root.hits("/jwks"), gate.health().introspection) == (2, Status.FRESH)


def test_keys_that_cannot_be_had(gate_of: Callable[..., Live], root: Issuer, clock: SettableClock) -> None:
    """Without keys nobody can tell; that is no verdict, and is over as soon as there are keys."""
    gate, token = gate_of(root), opaque_token(root)
    root.fault("/jwks", status=503)
    assert gate.unavailable(token).key_manager == "root"
    root.reset()
    clock.advance(COOLDOWN_S)
    gate.accept(token)
    assert (root.hits(ENDPOINT), root.hits("/jwks")) == (1, 1)


@pytest.mark.parametrize("client", ["rs", "rs-post", "rs-assertion-es256"])
def test_a_client_for_plain_answers(gate_of: Callable[..., Live], issuer: Issuer, client: str) -> None:
    """A client that is registered for nothing is answered in RS256, which counts if it is allowed."""
    assert gate_of(issuer, client).accept(opaque_token(issuer)).consumer_key == "m2m"
    narrow = gate_of(issuer, client, manager={"algorithms": ("ES256",)})
    assert "its algorithm is another" in str(narrow.unavailable(opaque_token(issuer)))


def test_with_a_certificate(gate_of: Callable[..., Live], tls: Issuer) -> None:
    """A client with a certificate is the audience of its answers too."""
    network = with_certificate(tls, "rs-mtls")
    gate = gate_of(tls, "rs-mtls", network=network, endpoint=tls.url + ENDPOINT)
    assert gate.accept(opaque_token(tls)).consumer_key == "m2m"


def test_plain_answers_are_not_believed(gate_of: Callable[..., Live], root: Issuer) -> None:
    """Who wants signed answers believes no other, whatever it says and is called."""
    gate, token = gate_of(root), opaque_token(root)
    plain = introspect_raw(root, token)
    for body, media_type, why in (
        (plain.text, "application/json", f"its answer is not {SIGNED_TYPE}"),
        (plain.text, SIGNED_TYPE, "MALFORMED_TOKEN"),
        (signed_answer(root, token), "application/json", f"its answer is not {SIGNED_TYPE}"),
    ):
        answers(root, body, media_type)
        assert why in str(gate.unavailable(token))
    gate.accept(token)


def test_signed_answers_where_none_are_wanted(way: Way, clock: SettableClock, root: Issuer) -> None:
    """Who wants plain answers gets them from a server that can sign, and believes no other."""
    gate, token = Live(way, clock, [asking(root, client=asked_as(root, "rs-jwt"))]), opaque_token(root)
    answers(root, signed_answer(root, token))
    assert "its answer is not application/json" in str(gate.unavailable(token))
    gate.accept(token)


def other_answers(root: Issuer, path: Issuer, token: str) -> dict[str, str]:
    """Return answers that are signed, and yet are not the one that was asked for, with what is said of them."""
    inactive = signed_answer(root, "never-given")
    forged = altered(inactive, claims={"token_introspection": {"active": True, "aud": RESOURCE}})
    return {
        signed_answer(root, token, "rs-jwt-es256"): "it was made for somebody else",
        signed_answer(path, token): "it is another issuer's",
        root.token("PS256"): "its type or its algorithm is another",
        forged: "its signature does not verify",
        altered(inactive, header={"kid": "invented"}): "UNKNOWN_KEY",
        altered(inactive, header={"alg": "none"}): "its type or its algorithm is another",
        inactive.rpartition(".")[0]: "it is no JWT",
    }


def test_other_signed_answers(gate_of: Callable[..., Live], root: Issuer, path: Issuer) -> None:
    """An answer for somebody else, of another issuer, of another kind or with other claims is nobody's verdict."""
    token = opaque_token(root)
    for body, why in other_answers(root, path, token).items():
        gate = gate_of(root)
        answers(root, body)
        assert why in str(gate.unavailable(token))
        assert gate.accept(token).consumer_key == "m2m"


def test_an_answer_of_another_time(gate_of: Callable[..., Live], root: Issuer, clock: SettableClock) -> None:
    """An answer that was made long ago is not the answer to what is asked now."""
    gate, token = gate_of(root), opaque_token(root)
    old = signed_answer(root, token)
    made_at = claims_of(old)["iat"]  # by the server's clock, which is the machine's
    for shift_s, is_good in ((600, False), (-600, False), (0, True)):
        clock.set_wall(made_at + shift_s)
        answers(root, old)
        if is_good:
            gate.accept(token)
        else:
            assert "not made now" in str(gate.unavailable(token))
