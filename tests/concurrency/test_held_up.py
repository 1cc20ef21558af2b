"""A caller that is held up between its look and its launch, while another caller's fetch comes and lands."""

import threading

import pytest

from tests.concurrency.callers import PATIENCE_S, Crowd, Site
from tests.fakes import KEYS, FakeTransport, SettableClock, key_set, signed_by


class HeldUp(SettableClock):
    """A clock that holds the first thread of a crowd up when it reads it for the third time, before it launches."""

    def __init__(self):
        super().__init__()
        self.held, self.let_go, self.reads, self.who = threading.Event(), threading.Event(), 0, None

    def monotonic(self):
        if threading.current_thread() is self.who:
            self.reads += 1
            if self.reads == 3:
                self.held.set()
                assert self.let_go.wait(PATIENCE_S)
        return self.now


@pytest.mark.parametrize("forced", [False, True], ids=["cold", "unknown kid"])
def test_a_caller_that_was_held_up_fetches_no_second_time(forced):
    """Who finds its fetch done by another when it comes to launching one launches none."""
    idp, clock = FakeTransport({KEYS: key_set("old")}), HeldUp()
    site, callers = Site(idp, clock=clock), Crowd()
    if forced:
        assert site.says(signed_by("old")) == "GOOD"
        clock.pass_s(10)
    owner = "nobody" if forced else "old"

    def first():
        clock.who = threading.current_thread()
        return site.says(signed_by(owner))

    callers.start(first)
    assert clock.held.wait(PATIENCE_S)
    expected = site.says(signed_by(owner, jti="2"))
    clock.let_go.set()
    assert callers.done() == [expected]
    assert idp.hits == {KEYS: 1 + forced}
