"""Who may listen to what happens to keys, and what a listener may do to anybody: nothing."""

import functools
import logging
import threading

import pytest

from kmvalidate import ConfigurationError, KeyManagerRegistry, RemoteKeys, TokenValidator
from kmvalidate.events import KeysDropped, KeysFetched, checked_listener, tell
from tests.caches import Cached, outage
from tests.fakes import KEYS, FakeTransport, key_set, signed_by
from tests.signing import NoNetwork, manager, reason

BAD = "key set: status 503"


class Listening:
    """Says that it was told, as an object that is called."""

    def __init__(self):
        self.told = []

    def __call__(self, event):
        self.told.append(event)


class ListeningLater(Listening):
    async def __call__(self, event):
        self.told.append(event)


async def later(_):
    """Would have to be awaited."""


@pytest.mark.parametrize(
    "listener",
    [5, "print", [print], object(), later, functools.partial(later), ListeningLater(), ListeningLater().__call__],
    ids=["number", "name", "list", "object", "async", "partial of async", "async object", "async method"],
)
def test_who_cannot_be_told_is_refused(listener):
    """What cannot be called, or would have to be awaited, is refused when a registry is made."""
    with pytest.raises(ConfigurationError, match="on_event"):
        KeyManagerRegistry([manager()], transport=NoNetwork(), on_event=listener)


@pytest.mark.parametrize(
    "listener", [None, print, Listening(), [].append, lambda _: None, functools.partial(print), Listening]
)
def test_who_can_be_told_is_taken(listener):
    """Any plain callable may listen, and nobody needs to."""
    assert checked_listener(listener) is listener


def test_nobody_listening_is_told_nothing():
    """Without a listener an event is nobody's."""
    assert tell(None, KeysDropped(key_manager="Test")) is None


class SecretError(Exception):
    """Has a name of its own."""


def raising(event):
    raise SecretError(f"token eyJ0 and {event}")


def test_what_a_listener_raises_changes_nothing(caplog):
    """A listener that raises is logged by the types of its error and its event alone, and all goes on as without it."""
    cached = Cached()
    cached.keys._listener = raising
    assert cached.wait().key_set.names == ("old",)
    cached.fail()
    assert [outage(cached.refresh).why for _ in range(3)] == [BAD] * 3
    cached.publish("new")
    cached.refresh()
    cached.pass_s(86_400)
    assert cached.keys.ready(cached.ports) is None
    lines = [record.getMessage() for record in caplog.records if record.name == "kmvalidate.events"]
    told = ["KeysFetched", *["KeysNotFetched"] * 3, "KeyManagerUnreachable", "KeyManagerReachable", "KeysFetched"]
    assert lines == [f"the listener raised SecretError for {name}" for name in (*told, "KeysExpired")]
    assert "eyJ0" not in caplog.text
    assert {record.levelno for record in caplog.records} == {logging.ERROR}


def test_a_listener_may_ask_and_change_what_it_is_told_of():
    """A listener is told while nothing is locked: it may look at the keys and drop them."""
    cached = Cached(FakeTransport({KEYS: key_set("old", "stolen")}))
    done = threading.Event()

    def dropping(event):
        if isinstance(event, KeysFetched) and "stolen" in event.added:
            cached.drop_key("stolen")
            done.set()

    cached.keys._listener = dropping
    cached.wait()
    assert done.is_set()
    assert cached.kids == ["old"]


def test_a_listener_of_a_registry_that_raises_grants_and_refuses_nothing():
    """Verdicts are what they are, whatever the listener raises."""
    cached = Cached()
    owner = manager(keys=RemoteKeys(jwks_url=KEYS))
    registry = KeyManagerRegistry([owner], transport=cached.ports.transport, clock=cached.clock, on_event=raising)
    validator = TokenValidator(registry)
    assert reason(validator.authenticate, signed_by("old")) == "GOOD"
    assert reason(validator.authenticate, signed_by("nobody")) == "UNKNOWN_KEY"
    registry.drop_key("Test", "old")
    assert reason(validator.authenticate, signed_by("old")) == "UNKNOWN_KEY"
