"""Fetches that were given up, and what they may still do when they land."""

import pytest

from kmvalidate import KeyManagerUnavailable
from tests.fakes import KEYS, FakeTransport, Gateway, HeldTransport, answer, published, signed_by

GIVEN_UP_S = 6.1


class LateFailure(HeldTransport):
    """A transport that is held and then answers with 404."""

    def __init__(self):
        super().__init__({KEYS: answer({}, 404)})


def given_up(transport):
    """Return a gateway whose first fetch hangs and was given up."""
    gateway = Gateway(transport, jwks_url=KEYS, cooldown_s=0)
    gateway.ports.patience_s = 0.01
    with pytest.raises(KeyManagerUnavailable):
        gateway.validator.authenticate(signed_by("old"))
    gateway.ports.patience_s = None
    return gateway


def test_a_late_failure_changes_nothing():
    """An old fetch that fails after a newer one succeeded causes no back-off: the next rotation is fetched at once."""
    stuck = LateFailure()
    gateway = given_up(stuck)
    gateway.clock.pass_s(GIVEN_UP_S)
    gateway.ports.transport = healthy = FakeTransport(published("old"))
    assert gateway.accepts(signed_by("old"))
    stuck.let_go.set()
    gateway.settle()
    healthy.answers = published("new")
    assert gateway.accepts(signed_by("new"))


def test_a_fetch_that_hangs_counts_as_failed():
    """A provider that hangs is asked ever more rarely, so that hanging fetches do not pile up."""
    stuck = LateFailure()
    gateway = given_up(stuck)
    gateway.ports.patience_s = 0.01
    for _ in range(20):
        gateway.clock.pass_s(GIVEN_UP_S)
        with pytest.raises(KeyManagerUnavailable, match="deadline"):
            gateway.validator.authenticate(signed_by("old"))
    assert 4 <= len(gateway.ports.flown) <= 9
    stuck.let_go.set()
    gateway.settle()
