"""When keys are due: what a configuration says of it, what an answer may say, and for how long keys are used."""

import math

import pytest

from kmvalidate import ConfigurationError, HttpResponse, RemoteKeys
from kmvalidate.discovery import max_age_s
from kmvalidate.key_sources import Freshness
from tests.caches import Cached, outage
from tests.fakes import KEYS, FakeTransport, answer, ec_jwk, key_set

# What a configuration may say

BOUNDS = {
    "soft_ttl_s": (1, None),
    "min_ttl_s": (1, None),
    "max_ttl_s": (1, None),
    "jitter": (0, 0.5),
    "idle_factor": (1, None),
    "hard_ttl_s": (1, None),
    "cooldown_s": (0, None),
    "unknown_kid_ttl_s": (0, None),
    "max_unknown_kids": (1, None),
    "max_backoff_s": (1, None),
    "breaker_failures": (1, None),
    "deadline_s": (0.1, 60),
    "max_bytes": (1000, None),
    "max_keys": (1, None),
}
WIDE = {"min_ttl_s": 1, "soft_ttl_s": 1}


@pytest.mark.parametrize("figure", BOUNDS)
def test_a_figure_is_taken_at_its_bounds(figure):
    """The least and the most that a figure may be are accepted and kept."""
    for bound in BOUNDS[figure]:
        if bound is not None:
            assert getattr(RemoteKeys(**(WIDE | {figure: bound})), figure) == bound


@pytest.mark.parametrize("figure", BOUNDS)
def test_a_figure_beyond_its_bounds_is_refused(figure):
    """A figure that is too small, too large, or no number at all is refused by its name."""
    least, most = BOUNDS[figure]
    beyond = [least - 0.001, -1, *([most + 0.001, math.inf] if most else []), math.nan, -math.inf]
    for value in (*beyond, True, "10", b"10", None, [10], 10j):
        with pytest.raises(ConfigurationError, match=figure):
            RemoteKeys(**(WIDE | {figure: value}))


@pytest.mark.parametrize("figure", ["max_unknown_kids", "breaker_failures", "max_bytes", "max_keys"])
@pytest.mark.parametrize("value", [1000.0, 1000.5, math.inf], ids=repr)
def test_what_is_counted_is_a_whole_number(figure, value):
    """A count that is no whole number is refused."""
    with pytest.raises(ConfigurationError, match=figure):
        RemoteKeys(**{figure: value})


@pytest.mark.parametrize(
    "figures", [{"soft_ttl_s": 600, "hard_ttl_s": 599}, {"min_ttl_s": 61, "max_ttl_s": 60}], ids=str
)
@pytest.mark.parametrize("kind", [Freshness, RemoteKeys])
def test_figures_that_contradict_each_other_are_refused(kind, figures):
    """A hard TTL below the soft one, and a most below the least, are refused naming both; equal ones are not."""
    with pytest.raises(ConfigurationError) as caught:
        kind(**figures)
    assert all(name in str(caught.value) for name in figures)
    assert kind(**dict.fromkeys(figures, 700))


@pytest.mark.parametrize(
    "places",
    [
        {"jwks_url": KEYS, "discovery_url": KEYS},
        {"jwks_url": "http://idp.example/keys"},
        {"discovery_url": "https://user:pw@idp.example/"},
        {"jwks_url": 5},
        {"network": None},
    ],
    ids=str,
)
def test_keys_lie_at_one_place(places):
    """Two places for keys, or one that would not be asked, are refused."""
    with pytest.raises(ConfigurationError):
        RemoteKeys(**places)


# What an answer may say

SAID = {
    "max-age=600": 600,
    "public, max-age=19800, must-revalidate, no-transform": 19_800,
    "Public,MAX-AGE=120": 120,
    'max-age="600"': 600,
    "max-age=600, max-age=7": 600,
    "max-age=0": 0,
    "max-age=0000060": 60,
    "no-store, max-age=90": 90,
    "\tmax-age=90\t": 90,
    "max-age=" + "9" * 400: math.inf,
    "public, max-age=" + "9" * 100_000: math.inf,
    "": None,
    "no-store": None,
    "no-cache": None,
    "max-age": None,
    "max-age=": None,
    "max-age=-1": None,
    "max-age=+1": None,
    "max-age=1e9": None,
    "max-age=60.5": None,
    "max-age=0x10": None,
    "max-age=1_000": None,
    "max-age = 60": None,
    "max-age=NaN": None,
    "max-age=inf": None,
    "max-age=60s": None,
    "max-age=60 600": None,
    "max-age=\u0666\u0660": None,
    "max-age=\uff16\uff10": None,
    "s-maxage=60": None,
    "x-max-age=60": None,
    "max-age-x=60": None,
    "xmax-age=60": None,
    "," * 100_000: None,
    ", " * 50_000 + "max-age=" + "1" * 100_000 + "x": None,
}


@pytest.mark.parametrize("header", SAID, ids=lambda header: ascii(header[:40]))
def test_max_age_is_read_strictly(header):
    """A ``max-age`` of digits counts, the first of several; anything else says nothing, however long it is."""
    assert max_age_s(HttpResponse(status=200, headers={"cache-control": header}, body=b"")) == SAID[header]


@pytest.mark.parametrize("header", [None, 60, b"max-age=60", ["max-age=60"], {"max-age": 60}], ids=repr)
def test_a_header_that_is_no_string_says_nothing(header):
    """What a transport returns in place of a header's text is not read."""
    assert max_age_s(HttpResponse(status=200, headers={"cache-control": header}, body=b"")) is None


@pytest.mark.parametrize(
    ("header", "soft_s"),
    [
        ("max-age=600", 600),
        ("max-age=0", 60),
        ("max-age=59", 60),
        ("max-age=61", 61),
        ("max-age=86400", 43_200),
        ("max-age=" + "9" * 5000, 43_200),
        ("no-store", 300),
        ("max-age=-5", 300),
    ],
    ids=lambda given: str(given)[:20],
)
def test_an_answer_says_when_its_keys_are_due(header, soft_s):
    """What an answer says of its age counts within the configured bounds; where it says nothing, the soft TTL does."""
    cached = Cached(soft_ttl_s=300)
    cached.publish("old", **{"cache-control": header})
    snapshot = cached.wait()
    assert snapshot.soft_at - snapshot.fetched_at == soft_s
    cached.pass_s(soft_s - 1)
    assert cached.refresh_in_background() is snapshot
    assert cached.hits == 1
    cached.pass_s(1)
    assert cached.refresh_in_background() is snapshot
    assert cached.hits == 2


def test_the_bounds_of_what_an_answer_says_are_configured():
    """The least and the most that an answer may say are those of the configuration, and its hard TTL stays above."""
    assert Freshness(min_ttl_s=5, max_ttl_s=10).ttl_s(1) == 5
    assert Freshness(min_ttl_s=5, max_ttl_s=10).ttl_s(11) == 10
    assert Freshness(hard_ttl_s=1000).ttl_s(5000) == 1000
    assert Freshness(hard_ttl_s=700, soft_ttl_s=650).ttl_s(None) == 650


def test_a_long_age_never_outlives_the_hard_ttl():
    """Keys whose answer says a year are due at their hard TTL at the latest, jitter included, and then not used."""
    cached = Cached(spread=1.0, hard_ttl_s=1000, max_ttl_s=math.inf, jitter=0.5)
    cached.publish("old", **{"cache-control": "max-age=31536000"})
    snapshot = cached.wait()
    assert snapshot.soft_at == snapshot.hard_at == snapshot.fetched_at + 1000
    cached.pass_s(1000)
    assert cached.keys.ready(cached.ports) is None


def test_each_answer_counts_for_itself():
    """A later answer that says nothing of its age is due after the configured TTL, whatever one before it said."""
    cached = Cached()
    cached.publish("old", **{"cache-control": "max-age=3600"})
    cached.wait()
    cached.pass_s(3600)
    cached.publish("old")
    cached.refresh_in_background()
    assert cached.keys.snapshot.soft_at - cached.keys.snapshot.fetched_at == 600


@pytest.mark.parametrize(("jitter", "spread", "soft_s"), [(0, 1.0, 600), (0.5, 0.0, 300), (0.5, 1.0, 900)])
def test_jitter_is_configured(jitter, spread, soft_s):
    """Soft TTLs are apart by the configured share, none at all with zero."""
    snapshot = Cached(spread=spread, jitter=jitter).wait()
    assert snapshot.soft_at - snapshot.fetched_at == pytest.approx(soft_s)


@pytest.mark.parametrize(("factor", "waits_at_s"), [(1, 600), (5, 3000)])
def test_the_idle_time_is_configured(factor, waits_at_s):
    """After that many soft TTLs without a request the next one waits; just before, it does not."""
    cached = Cached(idle_factor=factor)
    old = cached.wait()
    assert old.idle_at - old.fetched_at == waits_at_s
    cached.pass_s(waits_at_s)
    assert cached.keys.ready(cached.ports) is None
    assert cached.hits == 1
    assert cached.wait() is not old


def test_in_a_long_outage_one_request_waits():
    """After a silence the first request waits; once that fetch has failed no other does, however long it goes on."""
    cached = Cached(jitter=0)
    old = cached.wait()
    cached.fail()
    cached.pass_s(1200)
    assert cached.keys.ready(cached.ports) is None
    assert cached.wait() is old
    for turn in range(1, 12):
        assert cached.refresh_in_background() is old  # within the back-off
        assert (cached.hits, cached.health.failures) == (turn, turn)
        cached.pass_s(7000)
        assert cached.refresh_in_background() is old
    cached.publish("new")
    cached.pass_s(30)
    assert cached.refresh_in_background() is old
    assert cached.kids == ["new"]
    cached.pass_s(1200)
    assert cached.keys.ready(cached.ports) is None


def test_keys_are_not_used_at_their_hard_ttl():
    """At the configured hard TTL, to the second, keys are no longer ready, and an outage takes their place."""
    cached = Cached(soft_ttl_s=50, hard_ttl_s=100)
    old = cached.wait()
    cached.fail()
    cached.pass_s(99.9)
    assert cached.wait() is old
    cached.pass_s(0.1)
    assert cached.keys.ready(cached.ports) is None
    assert outage(cached.wait).key_manager == "Test"


@pytest.mark.parametrize("most", [1, 4, 30, 300])
def test_the_back_off_is_configured(most):
    """Attempts come at doubling distances up to the configured one."""
    cached, waits = Cached(jitter=0, max_backoff_s=most), []
    cached.fail()
    for _ in range(12):
        waits.append(outage(cached.wait).retry_after_s)
        cached.pass_s(waits[-1])
    assert waits == [min(2**turn, most) for turn in range(12)]


def test_a_back_off_without_end_stays_a_number():
    """However many fetches fail, the wait for the next is finite, even where no most is configured."""
    cached = Cached(jitter=0, max_backoff_s=math.inf)
    cached.fail()
    for _ in range(2000):
        wait_s = outage(cached.wait).retry_after_s
        cached.pass_s(wait_s)
    assert wait_s == 2.0**16


def test_the_deadline_is_configured():
    """A request for keys carries the configured deadline."""
    cached = Cached(deadline_s=2.5)
    cached.wait()
    assert [request.deadline_s for request in cached.ports.transport.requests] == [2.5]


def test_the_caps_are_configured():
    """A key set of more bytes or more entries than configured is an outage, one within them is used."""
    answers = {KEYS: key_set("a", "b")}
    size = len(answer(answers[KEYS]).body)
    assert size < 1000
    assert Cached(FakeTransport(answers), max_bytes=1000, max_keys=2).wait()
    assert "at most 1 keys" in outage(Cached(FakeTransport(answers), max_keys=1).wait).why
    wordy = {KEYS: {"keys": [ec_jwk("a")], "x": "y" * 1000}}
    assert "more than 1000 bytes" in outage(Cached(FakeTransport(wordy), max_bytes=1000).wait).why
