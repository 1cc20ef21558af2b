"""A machine on which no further thread can be started: an outage like another, and it ends."""

import asyncio
import sys
import threading
from contextlib import contextmanager

import pytest

from kmvalidate import KeyManagerUnavailable
from tests.concurrency.callers import Crowd, Site, all_of
from tests.fakes import KEYS, FakeTransport, key_set, signed_by

SOFT_S = 600.0

if sys.platform == "linux":

    @contextmanager
    def no_threads():
        """Let no thread be started: the stack that it would get is larger than the address space."""
        before = threading.stack_size(1 << 47)
        try:
            yield
        finally:
            threading.stack_size(before)
else:

    @contextmanager
    def no_threads():
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(threading.Thread, "start", _refuse)
            yield

    def _refuse(_):
        raise RuntimeError("can't start new thread")


@pytest.fixture
def idp():
    return FakeTransport({KEYS: key_set("old")})


@pytest.fixture
def site(idp):
    return Site(idp)


def told(site, kind):
    """Return the exception with which a caller of that *kind* ends."""
    bearer = signed_by("old")
    ask = site.validator.authenticate if kind == "blocking" else lambda b: asyncio.run(site.validator.aauthenticate(b))
    with pytest.raises(KeyManagerUnavailable) as caught:
        ask(bearer)
    return caught.value


def test_there_are_no_threads():
    """The machine of these tests is what they say it is."""
    with no_threads(), pytest.raises(RuntimeError, match="start new thread"):
        threading.Thread(target=print).start()


@pytest.mark.parametrize("kind", ["blocking", "asyncio"])
def test_no_thread_to_fetch_on_is_an_outage(kind, site, idp):
    """A caller whose fetch finds no thread hears of an outage, and is served once there are threads again."""
    with no_threads():
        outage = told(site, kind)
    assert (outage.why, outage.key_manager, outage.retry_after_s) == ("can't start new thread", "Test", 1.0)
    site.clock.pass_s(1)
    assert site.says(signed_by("old")) == asyncio.run(site.asays(signed_by("old", jti="2"))) == "GOOD"
    assert idp.hits == {KEYS: 1}


def test_many_callers_without_threads(site, idp):
    """A hundred tasks that find no thread each hear of the outage, and it counts as one failure."""

    async def crowd():
        return await asyncio.gather(*(site.asays(signed_by("old", jti=str(turn))) for turn in range(100)))

    with no_threads():
        assert asyncio.run(crowd()) == ["KeyManagerUnavailable"] * 100
    assert site.registry.health()[0].failures == 1
    assert not idp.requests


def test_a_refresh_without_a_thread_leaves_the_keys(site, idp):
    """Keys that are due and cannot be fetched for want of a thread are used on, by either kind of caller."""
    assert site.says(signed_by("old")) == "GOOD"
    site.clock.pass_s(1.1 * SOFT_S)
    with no_threads():
        assert site.says(signed_by("old")) == "GOOD"
        assert asyncio.run(site.asays(signed_by("old", jti="2"))) == "GOOD"
        site.clock.pass_s(1.1 * SOFT_S)
        assert asyncio.run(site.asays(signed_by("old", jti="3"))) == "GOOD"
    assert idp.hits == {KEYS: 1}


def test_an_async_transport_without_a_second_thread(idp):
    """A fetch whose exchange finds no thread for its loop fails like any other, and recovers."""

    class Async:
        async def send(self, request, /):
            return idp.send(request)

    class StartsOnce(threading.Thread):
        def start(self):
            if self.name == "kmvalidate-send":
                raise RuntimeError("can't start new thread")
            super().start()

    site = Site(Async())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(threading, "Thread", StartsOnce)
        assert told(site, "blocking").why == "the transport raised RuntimeError"
    site.clock.pass_s(1)
    assert asyncio.run(site.asays(signed_by("old"))) == "GOOD"


def test_warming_without_threads(site):
    """A warm-up without threads ends, and says that nothing was fetched."""
    with no_threads():
        (health,) = site.registry.warm()
    assert (health.usable, health.why) == (False, "can't start new thread")
    site.clock.pass_s(1)
    callers = Crowd()
    callers.start(site.registry.warm, all_of(lambda: [site.registry.awarm()]))
    callers.done()
    assert site.registry.health()[0].usable
