"""Key managers and keys that go while somebody waits for them: what was on its way counts no more."""

import asyncio
from functools import partial

import pytest

from tests.concurrency.callers import Crowd, Gated, Site, all_of, fetch_threads_end, remote
from tests.fakes import KEYS, FakeTransport, key_set, signed_by

OTHER_KEYS = "https://cdn.example/other"
CALLERS = 20


@pytest.fixture
def idp():
    return Gated({KEYS: key_set("old"), OTHER_KEYS: key_set("new")})


@pytest.fixture
def site(idp):
    return Site(idp)


def ask(site, kind, bearers):
    """Let callers of that *kind* ask, on threads and loops of their own."""
    callers = Crowd()
    if kind == "blocking":
        callers.start(*(partial(site.says, bearer) for bearer in bearers))
    else:
        callers.start(all_of(lambda: [site.asays(bearer) for bearer in bearers]))
    return callers


def told(callers):
    return {one for result in callers.done() for one in (result if isinstance(result, list) else [result])}


def olds():
    return [signed_by("old", jti=str(turn)) for turn in range(CALLERS)]


KINDS = pytest.mark.parametrize("kind", ["blocking", "asyncio"])


@KINDS
def test_a_key_manager_removed_during_the_first_fetch(kind, site, idp, waiters):
    """Whoever waits for the keys of a key manager that is removed meanwhile is refused, though the keys come."""
    callers = ask(site, kind, olds())
    waiters.come(CALLERS)
    site.registry.remove("configuration", "Test")
    idp.open()
    assert told(callers) == {"UNKNOWN_ISSUER"}
    assert site.says(signed_by("old")) == asyncio.run(site.asays(signed_by("old"))) == "UNKNOWN_ISSUER"


@KINDS
def test_a_key_manager_removed_during_a_failing_first_fetch(kind, site, idp, waiters):
    """When that fetch fails, the key manager is as unknown: nobody hears of an outage of who is not there."""
    idp.answers = {}
    callers = ask(site, kind, olds())
    waiters.come(CALLERS)
    site.registry.remove("configuration", "Test")
    idp.open()
    assert told(callers) == {"UNKNOWN_ISSUER"}


@KINDS
def test_a_key_manager_replaced_during_the_first_fetch(kind, site, idp, waiters):
    """Whoever waits is judged by the configuration that is current when the keys come: the key of the old one fails."""
    callers = ask(site, kind, [*olds(), signed_by("new")])
    waiters.come(CALLERS + 1)
    site.registry.replace("configuration", remote(url=OTHER_KEYS))
    idp.open()
    assert told(callers) == {"UNKNOWN_KEY", "GOOD"}
    assert [site.says(signed_by(owner)) for owner in ("old", "new")] == ["UNKNOWN_KEY", "GOOD"]
    assert idp.hits == {KEYS: 1, OTHER_KEYS: 1}


@KINDS
def test_a_key_manager_overridden_during_the_first_fetch(kind, site, idp, waiters):
    """A higher layer that comes meanwhile decides, and when it goes, the keys fetched below it serve at once."""
    callers = ask(site, kind, olds())
    waiters.come(CALLERS)
    site.registry.add("control-plane", remote("Above", url=OTHER_KEYS))
    idp.open()
    assert told(callers) == {"UNKNOWN_KEY"}
    site.registry.remove("control-plane", "Above")
    assert site.says(signed_by("old")) == "GOOD"
    assert idp.hits == {KEYS: 1, OTHER_KEYS: 1}


@KINDS
def test_a_key_dropped_during_the_first_fetch(kind, site, idp, waiters):
    """A key that is dropped before it was ever here serves nobody who waited for it."""
    callers = ask(site, kind, olds())
    waiters.come(CALLERS)
    site.registry.drop_key("Test", "old")
    idp.open()
    assert told(callers) == {"UNKNOWN_KEY"}
    assert site.says(signed_by("old")) == asyncio.run(site.asays(signed_by("old"))) == "UNKNOWN_KEY"


@KINDS
def test_all_keys_dropped_during_the_first_fetch(kind, site, idp, waiters):
    """A drop of all keys takes the fetch under way with it: whoever waits is served by one that began after it."""
    callers = ask(site, kind, [*olds(), signed_by("new")])
    waiters.come(CALLERS + 1)
    idp.is_asked()
    stale = site.registry.ports.transport
    site.registry.drop_keys("Test")
    site.registry.ports.transport = FakeTransport({KEYS: key_set("new")})
    stale.open()
    assert told(callers) == {"UNKNOWN_KEY", "GOOD"}
    assert [site.says(signed_by(owner)) for owner in ("old", "new")] == ["UNKNOWN_KEY", "GOOD"]


@KINDS
def test_a_key_manager_that_comes_back_during_the_first_fetch(kind, site, idp, waiters):
    """A key manager removed and added again meanwhile has keys of its own fetched, and serves those who waited."""
    callers = ask(site, kind, olds())
    waiters.come(CALLERS)
    site.registry.remove("configuration", "Test")
    site.registry.add("configuration", remote())
    idp.open()
    assert told(callers) == {"GOOD"}
    assert idp.hits == {KEYS: 2}


def test_lookups_go_on_while_a_change_takes_its_time(idp, hasty):
    """While one thread still lists the key managers it wants, others are answered from what there was."""
    idp.open()
    site, callers = Site(idp), Crowd()
    answers = []

    def managers():
        answers.append(site.says(signed_by("old")))
        answers.append(asyncio.run(site.asays(signed_by("old", jti="2"))))
        yield remote("Other", "https://other.example", OTHER_KEYS)

    callers.start(lambda: site.registry.use("configuration", managers()))
    callers.done()
    assert answers == ["GOOD", "GOOD"]
    assert site.says(signed_by("old")) == "UNKNOWN_ISSUER"


def test_changes_from_many_threads_are_all_there(idp, hasty):
    """Key managers added at once by many threads are all in effect, each for its own issuer."""
    idp.open()
    site, callers = Site(idp), Crowd()
    issuers = [f"https://idp-{number}.example" for number in range(30)]
    callers.start(
        *(partial(site.registry.add, "control-plane", remote(issuer, issuer, OTHER_KEYS)) for issuer in issuers)
    )
    callers.done()
    assert {manager.name for manager in site.registry.managers} == {"Test", *issuers}
    assert {site.says(signed_by("new", iss=issuer)) for issuer in issuers} == {"GOOD"}
    fetch_threads_end()
