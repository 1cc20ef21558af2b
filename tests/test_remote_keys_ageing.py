"""Tokens verified with keys that grow old, and with keys that are not there: what is asked, and when nothing is."""

import pytest

from kmvalidate import JwtValidator
from tests.caches import held_up
from tests.fakes import (
    KEYS,
    SUFFIX,
    WAIT_S,
    HeldTransport,
    badly_signed,
    in_threads,
    published,
    reason_of,
    signed_by,
    unavailable,
)
from tests.signing import ISSUER, b64, dumps, reason

SOFT_S, HARD_S = 600.0, 86_400.0


# Ageing


def test_keys_due_are_fetched_in_the_background(gateway, idp):
    """After the soft TTL a token is verified with the old keys at once, while the new ones are fetched."""
    assert gateway.accepts(signed_by("old"))
    held = HeldTransport(published("new"))
    gateway.ports.transport = held
    gateway.clock.pass_s(1.1 * SOFT_S)
    assert all(gateway.accepts(signed_by("old")) for _ in range(3))
    assert held.asked.wait(WAIT_S)
    held.let_go.set()
    gateway.settle()
    assert held.hits == {SUFFIX: 1, KEYS: 1}
    assert gateway.accepts(signed_by("new"))


def test_keys_are_not_fetched_before_they_are_due(gateway, idp):
    """Within the soft TTL, less its jitter, nothing is fetched."""
    gateway.accepts(signed_by("old"))
    gateway.clock.pass_s(0.89 * SOFT_S)
    assert gateway.accepts(signed_by("old"))
    assert idp.hits == {SUFFIX: 1, KEYS: 1}


def test_a_removed_key_is_refused_after_the_refresh(gateway, idp):
    """A key that its issuer no longer publishes verifies nothing, though its tokens were accepted before."""
    assert gateway.accepts(signed_by("old"))
    idp.answers = published("new")
    gateway.clock.pass_s(1.1 * SOFT_S)
    gateway.accepts(signed_by("old"))
    gateway.settle()
    assert reason_of(gateway, signed_by("old")) == "UNKNOWN_KEY"


def test_an_idle_issuer_is_asked_first(gateway, idp):
    """When nobody has asked for twice the soft TTL, the first token waits for newer keys."""
    assert gateway.accepts(signed_by("old"))
    idp.answers = published("new")
    gateway.clock.pass_s(2.2 * SOFT_S)
    assert reason_of(gateway, signed_by("old")) == "UNKNOWN_KEY"


def test_an_idle_issuer_that_cannot_be_asked_is_served(gateway, idp):
    """When that attempt fails, the old keys serve until their hard TTL."""
    assert gateway.accepts(signed_by("old"))
    idp.answers = {}
    gateway.clock.pass_s(2.2 * SOFT_S)
    assert gateway.accepts(signed_by("old"))
    assert idp.hits[SUFFIX] == 2
    gateway.ports.refusing = RuntimeError("can't start new thread")
    gateway.clock.pass_s(100)
    assert gateway.accepts(signed_by("old"))


def test_only_the_first_request_of_an_idle_issuer_waits(gateway):
    """While the first token after a silence waits, others are verified with the old keys."""
    assert gateway.accepts(signed_by("old"))
    held = gateway.ports.transport = HeldTransport(published("old"))
    while gateway.ports.waiting.acquire(blocking=False):
        pass
    gateway.clock.pass_s(2.2 * SOFT_S)
    threads = in_threads(1, lambda: gateway.accepts(signed_by("old")))
    assert gateway.ports.waiting.acquire(timeout=WAIT_S)
    assert gateway.accepts(signed_by("old"))
    assert not gateway.ports.waiting.acquire(blocking=False)
    held.let_go.set()
    threads[0].join(WAIT_S)


def test_keys_end_with_their_hard_ttl(gateway, idp):
    """Keys that could not be fetched again serve until their hard TTL, and then there is an outage."""
    assert gateway.accepts(signed_by("old"))
    idp.answers = {}
    gateway.clock.pass_s(HARD_S - 1)
    assert gateway.accepts(signed_by("old"))
    gateway.settle()
    gateway.clock.pass_s(1)
    assert unavailable(gateway).key_manager == "Test"
    idp.answers = published("old")
    gateway.clock.pass_s(30)
    assert gateway.accepts(signed_by("old"))


def test_the_jwt_validator_is_useful_alone(gateway, idp):
    """The JWT half fetches keys by itself, remembers them, and has nothing to say of opaque tokens."""
    alone = JwtValidator(gateway.registry)
    assert {alone.validate(signed_by("old")).key_id for _ in range(3)} == {"old"}
    assert reason(alone.validate, "opaque") == "OPAQUE_TOKEN"
    assert idp.hits == {SUFFIX: 1, KEYS: 1}


# Unknown keys


def test_an_unknown_kid_has_the_keys_fetched_in_the_same_request(gateway, idp):
    """A token signed with a key published since is verified at its first try."""
    assert gateway.accepts(signed_by("old"))
    idp.answers = published("old", "new")
    gateway.clock.pass_s(10)
    assert gateway.accepts(signed_by("new"))
    assert idp.hits[KEYS] == 2


def test_an_unknown_kid_soon_after_a_fetch_is_refused(gateway, idp):
    """Keys fetched within the cool-down are new enough to say that a key does not exist."""
    assert reason_of(gateway, signed_by("nobody")) == "UNKNOWN_KEY"
    gateway.clock.pass_s(9.9)
    assert reason_of(gateway, signed_by("nobody")) == "UNKNOWN_KEY"
    assert idp.hits == {SUFFIX: 1, KEYS: 1}


def test_a_flood_of_invented_kids_costs_one_fetch_in_a_cool_down(gateway, idp):
    """However many unknown kids come, the provider is asked once in ten seconds."""
    gateway.accepts(signed_by("old"))
    for _ in range(3):
        gateway.clock.pass_s(10)
        assert {reason_of(gateway, signed_by(f"invented-{n}")) for n in range(20)} == {"UNKNOWN_KEY"}
    assert idp.hits == {SUFFIX: 4, KEYS: 4}


def test_a_flood_during_an_outage_costs_one_fetch_in_a_cool_down(gateway, idp):
    """While the forced fetch fails, unknown kids are an outage, not a refusal, and cause no storm."""
    gateway.accepts(signed_by("old"))
    idp.answers = {}
    gateway.clock.pass_s(10)
    outages = [unavailable(gateway, signed_by(f"invented-{n}")) for n in range(20)]
    assert {(o.key_manager, o.retry_after_s) for o in outages} == {("Test", 10.0)}
    gateway.clock.pass_s(9.9)
    unavailable(gateway, signed_by("invented"))
    assert idp.hits[SUFFIX] == 2
    assert gateway.accepts(signed_by("old"))


def test_unknown_kids_wait_for_the_fetch_under_way(gateway):
    """Tokens with unknown kids that come together share one forced fetch."""
    assert gateway.accepts(signed_by("old"))
    held = gateway.ports.transport = HeldTransport(published("old", "new"))
    while gateway.ports.waiting.acquire(blocking=False):
        pass
    gateway.clock.pass_s(10)
    served = []
    held_up(gateway, held, 8, lambda: served.append(gateway.accepts(signed_by("new"))))
    assert (served, held.hits) == ([True] * 8, {SUFFIX: 1, KEYS: 1})


def test_a_bad_signature_under_a_known_kid_fetches_nothing(gateway, idp):
    """A forged signature is refused with the keys at hand, however old they are."""
    gateway.accepts(signed_by("old"))
    gateway.clock.pass_s(60)
    assert {reason_of(gateway, badly_signed("old")) for _ in range(5)} == {"BAD_SIGNATURE"}
    assert idp.hits == {SUFFIX: 1, KEYS: 1}


@pytest.mark.parametrize("claims", [{"iss": "https://evil.example"}, {"iss": ISSUER + "/"}, {"iss": 7}], ids=str)
def test_an_unknown_issuer_is_refused_without_the_network(gateway, idp, claims):
    """No URL is ever made from a token."""
    assert reason_of(gateway, signed_by("old", **claims)) in {"UNKNOWN_ISSUER", "INVALID_CLAIM"}
    assert not idp.requests


def test_a_refused_header_fetches_nothing(gateway, idp):
    """An algorithm that is not allowed is refused before any key is asked for."""
    header = b64(dumps({"alg": "HS256", "kid": "old"}))
    assert reason_of(gateway, f"{header}.{signed_by('old').split('.', 1)[1]}") == "ALGORITHM_NOT_ALLOWED"
    assert not idp.requests
