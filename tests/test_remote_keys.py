"""Tokens verified with keys that are fetched: what is asked of the provider, when, and what its failures do."""

import os
import sys
import threading

import pytest

from kmvalidate import (
    KeyManager,
    KeyManagerRegistry,
    KeyManagerUnavailable,
    Network,
    RemoteKeys,
    TokenValidator,
)
from kmvalidate.errors import ConfigurationError
from tests.caches import held_up
from tests.fakes import (
    INSERTED,
    KEYS,
    SUFFIX,
    WAIT_S,
    FakeTransport,
    Gateway,
    HeldTransport,
    SettableClock,
    answer,
    in_threads,
    key_set,
    metadata,
    published,
    reason_of,
    signed_by,
    unavailable,
)
from tests.signing import AUDIENCE, ISSUER, dumps, reason

SOFT_S, HARD_S = 600.0, 86_400.0


# First use


def test_first_use_fetches_discovery_and_keys_once(gateway, idp):
    """The first token has the document and the keys fetched, and the next ones have nothing fetched."""
    assert all(gateway.accepts(signed_by("old", jti=str(turn))) for turn in range(5))
    assert idp.hits == {SUFFIX: 1, KEYS: 1}


def test_nothing_is_fetched_before_the_first_token(gateway, idp):
    """Building a registry asks nobody."""
    assert not idp.requests


def test_a_jwks_url_needs_no_discovery():
    """With a configured JWKS URL the document is never asked for."""
    idp = FakeTransport({"https://cdn.example/jwks": key_set("old")})
    assert Gateway(idp, jwks_url="https://cdn.example/jwks").accepts(signed_by("old"))
    assert idp.hits == {"https://cdn.example/jwks": 1}


def test_a_discovery_url_replaces_the_usual_places():
    """With a configured discovery URL only that one is asked, and its host may hold the keys."""
    url, keys = "https://meta.example/doc?appid=1", "https://meta.example/jwks"
    idp = FakeTransport({url: metadata(jwks_uri=keys), keys: key_set("old")})
    assert Gateway(idp, discovery_url=url).accepts(signed_by("old"))
    assert idp.hits == {url: 1, keys: 1}


def test_the_fetch_carries_the_configured_limits(idp):
    """Every request has the key manager's network, its cap, and what is left of one common deadline."""
    network = Network(private_addresses=True)
    gateway = Gateway(idp, network=network, deadline_s=3.0, max_bytes=5000)
    idp.answers[SUFFIX] = lambda: gateway.clock.pass_s(1.0) or metadata()
    assert gateway.accepts(signed_by("old"))
    assert [(r.method, r.network, r.max_bytes, r.deadline_s) for r in idp.requests] == [
        ("GET", network, 5000, 3.0),
        ("GET", network, 5000, 2.0),
    ]


def test_documents_share_one_deadline(idp):
    """When the document has used up the deadline, the keys are not asked for."""
    gateway = Gateway(idp, deadline_s=3.0)
    idp.answers[SUFFIX] = lambda: gateway.clock.pass_s(3.0) or metadata()
    assert "no time left" in unavailable(gateway).why
    assert idp.hits == {SUFFIX: 1}


def test_concurrent_cold_callers_share_one_fetch():
    """Callers that all find no keys wait for one fetch, and all are served by it."""
    idp = HeldTransport(published("old"))
    gateway, served = Gateway(idp), []
    held_up(gateway, idp, 12, lambda: served.append(gateway.accepts(signed_by("old"))))
    assert (served, idp.hits) == ([True] * 12, {SUFFIX: 1, KEYS: 1})


def test_concurrent_cold_callers_share_one_failure_by_value():
    """Callers that wait for a fetch that fails each raise an outage of their own."""
    idp = HeldTransport()
    gateway, outages = Gateway(idp), []
    held_up(gateway, idp, 6, lambda: outages.append(unavailable(gateway)))
    assert (len(set(map(id, outages))), sum(idp.hits.values())) == (6, 2)


def test_one_slow_provider_delays_nobody_else():
    """While one issuer's keys are being waited for, another issuer's tokens are verified."""
    other = "https://other.example"
    asked, let_go = threading.Event(), threading.Event()
    held = published("old") | {SUFFIX: lambda: asked.set() or (let_go.wait(WAIT_S) and metadata())}
    idp = FakeTransport(held | {other + "/keys": key_set("new")})
    managers = [
        KeyManager(name="Slow", issuer=ISSUER, audience=AUDIENCE, keys=RemoteKeys()),
        KeyManager(name="Quick", issuer=other, audience=AUDIENCE, keys=RemoteKeys(jwks_url=other + "/keys")),
    ]
    validator = TokenValidator(KeyManagerRegistry(managers, transport=idp, clock=SettableClock()))
    threads = in_threads(1, lambda: reason(validator.authenticate, signed_by("old")))
    assert asked.wait(WAIT_S)
    assert validator.authenticate(signed_by("new", iss=other)).key_manager == "Quick"
    let_go.set()
    threads[0].join(WAIT_S)


def test_keys_of_one_issuer_verify_no_other_issuers_tokens():
    """A token that names issuer A, signed with B's key under B's kid, finds no key."""
    other = "https://other.example"
    idp = FakeTransport(published("old") | {other + "/keys": key_set("new")})
    managers = [
        KeyManager(name="A", issuer=ISSUER, audience=AUDIENCE, keys=RemoteKeys()),
        KeyManager(name="B", issuer=other, audience=AUDIENCE, keys=RemoteKeys(jwks_url=other + "/keys")),
    ]
    validator = TokenValidator(KeyManagerRegistry(managers, transport=idp, clock=SettableClock()))
    assert validator.authenticate(signed_by("new", iss=other)).key_manager == "B"
    assert reason(validator.authenticate, signed_by("new")) == "UNKNOWN_KEY"


# Failures and back-off


FAULTS = {
    "not found": ({}, "status 404"),
    "status 500": ({SUFFIX: answer({}, 500)}, "status 500"),
    "redirect": ({SUFFIX: answer({}, 302, location=INSERTED)}, "status 404"),
    "not JSON": ({SUFFIX: b"<html>"}, "not JSON"),
    "not an object": ({SUFFIX: b"[]"}, "not a JSON object"),
    "twice the issuer": ({SUFFIX: b'{"issuer":"a",' + dumps(metadata())[1:]}, "discovery document"),
    "no jwks_uri": ({SUFFIX: metadata(jwks_uri=None)}, "jwks_uri"),
    "another issuer": ({SUFFIX: metadata(issuer=ISSUER + "/")}, "issuer"),
    "no keys": ({SUFFIX: metadata()}, "key set: status 404"),
    "keys redirect": ({SUFFIX: metadata(), KEYS: answer(key_set("old"), 302)}, "status 302"),
    "keys not JSON": ({SUFFIX: metadata(), KEYS: b"nope"}, "key set"),
    "members twice": ({SUFFIX: metadata(), KEYS: b'{"keys":[],"keys":[]}'}, "key set"),
    "no usable key": ({SUFFIX: metadata(), KEYS: {"keys": [{"kty": "oct", "k": "AAAA"}]}}, "none of the keys"),
    "oversize": ({SUFFIX: metadata(), KEYS: b" " * 1_000_001}, "more than 1000000 bytes"),
    "outage": ({SUFFIX: KeyManagerUnavailable("idp.example: the connection is refused")}, "refused"),
    "bad TLS files": ({SUFFIX: ConfigurationError("ca_file cannot be used")}, "ca_file cannot be used"),
    "foreign error": ({SUFFIX: ValueError("a secret")}, "the transport raised ValueError"),
    "foreign exit": ({SUFFIX: SystemExit("a secret")}, "the transport raised SystemExit"),
    "foreign answer": ({SUFFIX: "a secret"}, "the transport returned str"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_provider_without_usable_keys_is_unavailable(fault):
    """Whatever a provider or a transport does instead of giving keys, the answer is an outage that says which one."""
    answers, why = FAULTS[fault]
    outage = unavailable(Gateway(FakeTransport(answers)))
    assert why in outage.why
    assert (outage.key_manager, outage.retry_after_s) == ("Test", 1.0)
    assert "secret" not in str(outage)


@pytest.mark.parametrize("fault", FAULTS)
def test_a_failed_refresh_changes_nothing(fault, gateway, idp):
    """Good keys go on being used, whatever their refresh ends with."""
    assert gateway.accepts(signed_by("old"))
    idp.answers = FAULTS[fault][0]
    gateway.clock.pass_s(1.05 * SOFT_S + 61)
    assert gateway.accepts(signed_by("old"))
    gateway.settle()
    assert gateway.accepts(signed_by("old"))
    assert idp.hits[SUFFIX] == 2


def test_no_second_attempt_within_the_back_off():
    """After a failed fetch the provider is left alone until the back-off is over, and callers learn until when."""
    idp = FakeTransport()
    gateway = Gateway(idp)
    first = unavailable(gateway)
    second = unavailable(gateway)
    assert (first.why, sum(idp.hits.values())) == (second.why, 2)
    gateway.clock.pass_s(1.0)
    idp.answers = published("old")
    assert gateway.accepts(signed_by("old"))


def test_the_back_off_grows_to_thirty_seconds_and_no_further():
    """Attempts that keep failing come at growing distances, never more than 30 s apart."""
    idp = FakeTransport()
    gateway, waits = Gateway(idp), []
    for _ in range(25):
        outage = unavailable(gateway)
        waits.append(outage.retry_after_s)
        gateway.clock.pass_s(outage.retry_after_s)
    assert sum(idp.hits.values()) == 50
    assert waits[0] < waits[2] < waits[4]
    assert 27.0 <= max(waits) <= 30.0


def test_a_success_ends_the_back_off():
    """After one good fetch the next failure starts with the shortest back-off again."""
    idp = FakeTransport()
    gateway = Gateway(idp)
    for _ in range(6):
        gateway.clock.pass_s(unavailable(gateway).retry_after_s)
    idp.answers = published("old")
    assert gateway.accepts(signed_by("old"))
    idp.answers = {}
    gateway.clock.pass_s(HARD_S)
    assert unavailable(gateway).retry_after_s == 1.0


def test_an_outage_without_a_thread_to_fetch_on(gateway):
    """When no thread can be started, the keys are unavailable, and it is tried again after the back-off."""
    gateway.ports.refusing = RuntimeError("can't start new thread")
    outage = unavailable(gateway)
    assert (outage.why, outage.key_manager, outage.retry_after_s) == ("can't start new thread", "Test", 1.0)
    gateway.ports.refusing = None
    gateway.clock.pass_s(1)
    assert gateway.accepts(signed_by("old"))


def given_up(gateway: Gateway, owner: str) -> KeyManagerUnavailable:
    """Let a caller give up a fetch that is stuck, and the next ones be answered with the key of *owner*."""
    gateway.ports.patience_s = 0.01
    outage = unavailable(gateway)
    gateway.ports.patience_s = None
    gateway.clock.pass_s(6.1)
    gateway.ports.transport = FakeTransport(published(owner))
    return outage


def test_a_transport_that_hangs_is_an_outage():
    """A caller stops waiting for a transport that never answers, and a later one is served by a new fetch."""
    stuck = HeldTransport(published("old"))
    gateway = Gateway(stuck)
    assert given_up(gateway, "old").why == "no answer within the deadline"
    assert gateway.accepts(signed_by("old"))
    stuck.let_go.set()
    gateway.settle()


def test_a_late_answer_does_not_bring_old_keys_back():
    """What an overdue fetch brings after a newer one has landed is dropped."""
    stuck = HeldTransport(published("stolen"))
    gateway = Gateway(stuck, jwks_url=KEYS)
    given_up(gateway, "new")
    assert gateway.accepts(signed_by("new"))
    stuck.let_go.set()
    gateway.settle()
    assert stuck.hits == {KEYS: 1}
    assert reason_of(gateway, signed_by("stolen")) == "UNKNOWN_KEY"
    assert gateway.accepts(signed_by("new"))


def exit_code(work):
    """Fork, run *work* in the child, and return 0 if it came to its end there."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            code = 0 if work() else 2
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


if sys.platform == "linux":

    @pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
    def test_a_fork_in_mid_flight_leaves_the_child_able_to_fetch():
        """A child forked while its parent fetches makes a fetch of its own, and so does the parent end its own."""
        idp = HeldTransport(published("old"))
        gateway, served = Gateway(idp), []
        threads = in_threads(1, lambda: served.append(gateway.accepts(signed_by("old"))))
        assert idp.asked.wait(WAIT_S)
        assert gateway.ports.waiting.acquire(timeout=WAIT_S)
        bearer = signed_by("old")

        def in_child():
            gateway.ports.transport = FakeTransport(published("old"))
            return gateway.accepts(bearer)

        assert exit_code(in_child) == 0
        idp.let_go.set()
        threads[0].join(WAIT_S)
        assert served == [True]
