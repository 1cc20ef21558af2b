"""Floods of tokens that nobody signed: unknown issuers ask nobody, invented keys ask once in a cool-down."""

import asyncio
import gc
import sys
import threading
from functools import partial

import pytest

from tests.concurrency.callers import PATIENCE_S, Crowd, Gated, Site, all_of, fetch_threads_end
from tests.fakes import KEYS, key_set, signed_by
from tests.signing import b64, dumps, good_claims, good_header

COOLDOWN_S = 10.0
THREADS, EACH = 8, 100

pytestmark = pytest.mark.usefixtures("hasty")


@pytest.fixture
def idp():
    return Gated({KEYS: key_set("old")}, is_open=True)


@pytest.fixture
def site(idp):
    return Site(idp)


def unsigned(kid="old", **claims):
    """Return a token with a signature that somebody made up."""
    return f"{b64(dumps(good_header(kid=kid)))}.{b64(dumps(good_claims(**claims)))}.{b64(bytes(64))}"


def flood(site, bearers_of):
    """Let eight threads and two loops ask for all their tokens, and return what they were told."""
    callers = Crowd()

    def one_by_one(crowd):
        return [site.says(bearer) for bearer in bearers_of(crowd)]

    callers.start(*(partial(one_by_one, crowd) for crowd in range(THREADS)))
    callers.start(*(all_of(lambda c=crowd: [site.asays(b) for b in bearers_of(c)]) for crowd in (-1, -2)))
    return {told for results in callers.done() for told in results}


def strangers(crowd, turn=0):
    return [unsigned(iss=f"https://evil-{turn}-{crowd}-{number}.example") for number in range(EACH)]


def invented(crowd, turn=0):
    return [unsigned(f"invented-{turn}-{crowd}-{number}") for number in range(EACH)]


def test_a_flood_of_unknown_issuers_asks_nobody(site, idp):
    """However many issuers tokens make up, each is refused, nothing is fetched, and no thread is started."""
    before = threading.active_count()
    assert flood(site, strangers) == {"UNKNOWN_ISSUER"}
    assert not idp.requests
    assert threading.active_count() == before


def test_a_flood_of_unknown_issuers_leaves_nothing_in_memory(site):
    """After thousands of refused tokens no more is held than before: less than one object a token."""
    gc.collect()
    flood(site, partial(strangers, turn="first"))
    gc.collect()
    before = sys.getallocatedblocks()
    for turn in range(3):
        flood(site, partial(strangers, turn=turn))
    gc.collect()
    assert sys.getallocatedblocks() - before < 3 * EACH * (THREADS + 2)


def test_a_flood_of_invented_keys_is_remembered_within_bounds(idp):
    """Of the keys that tokens invent, no more are remembered than was configured, and none that a fetch was not for."""
    site = Site(idp)
    flood(site, invented)
    gc.collect()
    before = sys.getallocatedblocks()
    for turn in range(3):
        site.clock.pass_s(COOLDOWN_S)
        flood(site, partial(invented, turn=turn))
    gc.collect()
    assert sys.getallocatedblocks() - before < 3 * EACH * (THREADS + 2)


def test_a_flood_of_invented_keys_costs_one_fetch_in_a_cool_down(site, idp):
    """Eight threads and two loops full of invented keys have the provider asked once in each cool-down."""
    assert site.says(signed_by("old")) == "GOOD"
    for turn in range(5):
        site.clock.pass_s(COOLDOWN_S)
        assert flood(site, partial(invented, turn=turn)) == {"UNKNOWN_KEY"}
        assert idp.hits == {KEYS: 2 + turn}


def test_a_flood_while_the_provider_is_down_costs_one_fetch_in_a_cool_down(site, idp):
    """During an outage the flood hears of it, the provider is asked once in each cool-down, and good tokens pass."""
    assert site.says(signed_by("old")) == "GOOD"
    idp.answers = {}
    for turn in range(3):
        site.clock.pass_s(COOLDOWN_S)
        assert flood(site, partial(invented, turn=turn)) == {"KeyManagerUnavailable"}
        assert idp.hits == {KEYS: 2 + turn}
        assert site.says(signed_by("old")) == "GOOD"


def test_good_tokens_do_not_wait_behind_a_flood(site, idp, waiters):
    """While invented keys wait for the fetch they caused, tokens of known keys are answered without it."""
    assert site.says(signed_by("old")) == "GOOD"
    waiters.come(1)
    idp.close()
    site.clock.pass_s(COOLDOWN_S)
    callers = Crowd()
    callers.start(*(partial(site.says, bearer) for bearer in invented(0)[:20]))
    callers.start(all_of(lambda: [site.asays(bearer) for bearer in invented(1)[:20]]))
    waiters.come(40)
    assert site.says(signed_by("old", jti="2")) == asyncio.run(site.asays(signed_by("old", jti="3"))) == "GOOD"
    idp.open()
    callers.done()
    assert idp.hits == {KEYS: 2}


def test_a_rotation_in_the_middle_of_a_flood(site, idp):
    """A key that is published while the flood goes on is refused for a cool-down at most, and then served."""
    assert site.says(signed_by("old")) == "GOOD"
    site.clock.pass_s(COOLDOWN_S)
    ending, flooding = threading.Event(), threading.Barrier(THREADS + 1)

    def on_and_on(crowd):
        flooding.wait(PATIENCE_S)
        told, turn = set(), 0
        while not ending.is_set():
            told |= {site.says(bearer) for bearer in invented(crowd, turn)[:10]}
            turn += 1
        return told

    callers = Crowd()
    callers.start(*(partial(on_and_on, crowd) for crowd in range(THREADS)))
    try:
        flooding.wait(PATIENCE_S)
        assert (
            site.says(signed_by("another")) == "UNKNOWN_KEY"
        )  # the cool-down has begun, if the flood has not begun it
        idp.answers = {KEYS: key_set("old", "new")}
        assert site.says(signed_by("new")) in {"UNKNOWN_KEY", "GOOD"}
        fetch_threads_end()
        site.clock.pass_s(COOLDOWN_S)
        assert site.says(signed_by("new")) == "GOOD"
        assert asyncio.run(site.asays(signed_by("new"))) == "GOOD"
    finally:
        ending.set()
    assert set().union(*callers.done()) == {"UNKNOWN_KEY"}
    assert idp.hits == {KEYS: 3}
