"""Shared fetches: detached, one at a time for a key, and never an exception that callers share."""

import asyncio
import os
import threading

import pytest

from kmvalidate.errors import KeyManagerUnavailable
from kmvalidate.flights import GRACE_S, Failed, Fetched, Flights
from kmvalidate.ports import run
from tests.fakes import WAIT_S, FakeTransport, SettableClock, WatchedPorts

DEADLINE_S = 5.0


@pytest.fixture
def ports():
    return WatchedPorts(FakeTransport(), SettableClock())


def outcome(flight, ports):
    return run(flight.outcome(ports))


def bringing(value):
    async def work(_):
        return value

    return work


def raising(error):
    async def work(_):
        raise error

    return work


class Held:
    """Work that waits until it is let go."""

    def __init__(self, value):
        self.value, self.began, self.let_go = value, threading.Event(), threading.Event()

    async def __call__(self, _):
        self.began.set()
        assert self.let_go.wait(WAIT_S)
        return self.value


def test_a_flight_lands_what_its_work_returns(ports):
    """What the work returns is landed as a value, and the flight is under way no more."""
    flights = Flights()
    assert outcome(flights.launch("a", bringing(7), ports, DEADLINE_S), ports) == Fetched(7)
    ports.settle()
    assert flights.find("a", ports) is None


def test_callers_share_the_flight_under_way(ports):
    """While a flight is under way for a key, a second launch starts nothing."""
    flights, held = Flights(), Held(1)
    first = flights.launch("a", held, ports, DEADLINE_S)
    assert flights.launch("a", bringing(2), ports, DEADLINE_S) is first
    assert flights.find("a", ports) is first
    held.let_go.set()
    assert outcome(first, ports) == Fetched(1)


def test_keys_do_not_wait_for_each_other(ports):
    """A flight that hangs delays no flight of another key."""
    flights, held = Flights(), Held(1)
    flights.launch("slow", held, ports, DEADLINE_S)
    assert outcome(flights.launch("quick", bringing(2), ports, DEADLINE_S), ports) == Fetched(2)
    held.let_go.set()
    ports.settle()


@pytest.mark.parametrize(
    ("error", "why"),
    [
        (KeyManagerUnavailable("status 503"), "status 503"),
        (ValueError("https://user:pw@idp.example"), "the transport raised ValueError"),
        (SystemExit("secret"), "the transport raised SystemExit"),
        (KeyboardInterrupt("secret"), "the transport raised KeyboardInterrupt"),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_whatever_is_raised_lands_as_a_failure(ports, error, why):
    """An error of ours lands with its text, any other with its type alone, and no thread dies of it."""
    assert outcome(Flights().launch("a", raising(error), ports, DEADLINE_S), ports) == Failed(why, flown=True)


def test_a_caller_gives_up_a_flight_that_does_not_land(ports):
    """Whoever waits for longer than a flight may take gets a failure, not an exception."""
    held = Held(1)
    flight = Flights().launch("a", held, ports, DEADLINE_S)
    ports.patience_s = 0.01
    assert outcome(flight, ports) == Failed("no answer within the deadline")
    held.let_go.set()
    ports.settle()


def test_a_flight_is_waited_for_until_its_grace_is_over(ports, monkeypatch):
    """A caller waits a second longer than the flight may take, so that it hears why the flight failed."""
    waited_s = []

    async def join(landed, deadline_s):
        waited_s.append(deadline_s)
        return landed.result(WAIT_S)

    monkeypatch.setattr(ports, "join", join)
    assert outcome(Flights().launch("a", bringing(7), ports, 5.0), ports) == Fetched(7)
    assert waited_s == [6.0]


def test_an_overdue_flight_is_launched_again(ports):
    """Past its deadline and its grace a flight is no longer waited for, and its late landing disturbs nobody."""
    flights, lost, held = Flights(), Held("late"), Held("new")
    first = flights.launch("a", lost, ports, DEADLINE_S)
    ports.clock.pass_s(DEADLINE_S + GRACE_S)
    assert flights.launch("a", held, ports, DEADLINE_S) is first
    ports.clock.pass_s(0.1)
    assert flights.find("a", ports) is None
    second = flights.launch("a", held, ports, DEADLINE_S)
    assert second is not first
    lost.let_go.set()
    assert outcome(first, ports) == Fetched("late")
    assert flights.find("a", ports) is second
    held.let_go.set()
    assert outcome(second, ports) == Fetched("new")
    ports.settle()


def test_a_thread_that_cannot_start_is_a_failed_flight(ports):
    """Without a thread to fly on, the flight lands at once and the next caller tries again."""
    flights = Flights()
    ports.refusing = RuntimeError("can't start new thread")
    assert outcome(flights.launch("a", bringing(1), ports, DEADLINE_S), ports) == Failed("can't start new thread")
    ports.refusing = None
    assert outcome(flights.launch("a", bringing(1), ports, DEADLINE_S), ports) == Fetched(1)


def test_another_process_does_not_see_our_flights(ports, monkeypatch):
    """A flight is known by its process: after a fork the child launches its own."""
    flights, held = Flights(), Held(1)
    ours = flights.launch("a", held, ports, DEADLINE_S)
    with monkeypatch.context() as patched:
        patched.setattr(os, "getpid", lambda: -1)
        assert flights.find("a", ports) is None
        theirs = flights.launch("a", bringing(2), ports, DEADLINE_S)
        assert (theirs is ours, outcome(theirs, ports)) == (False, Fetched(2))
    assert flights.find("a", ports) is ours
    held.let_go.set()
    ports.settle()


def test_a_core_that_suspends_is_our_bug():
    """Blocking callers have no event loop: a core that waits for one ends at once, and is closed."""
    closed = []

    async def suspending():
        try:
            await asyncio.sleep(0)
        finally:
            closed.append(True)

    with pytest.raises(AssertionError, match="suspended"):
        run(suspending())
    assert closed == [True]


def test_many_threads_launch_one_flight(ports):
    """However many callers launch at once, one flight is launched."""
    flights, held, got = Flights(), Held(1), []
    barrier = threading.Barrier(16)

    def call():
        barrier.wait(WAIT_S)
        got.append(flights.launch("a", held, ports, DEADLINE_S))

    threads = [threading.Thread(target=call) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(WAIT_S)
    held.let_go.set()
    assert (len(got), len(set(map(id, got)))) == (16, 1)
    ports.settle()
