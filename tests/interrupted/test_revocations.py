"""Revocations that a signal handler interrupts: whoever remembers a verdict hears of what they changed."""

import pytest

from kmvalidate.revocation import ANY_KEY_MANAGER, RevocationList, _entries, _list, signed_digest
from tests.interrupted.interrupting import interruptions
from tests.signing import NOW, SetClock, good_claims, token, validator

FILES = (_entries.__file__, _list.__file__)
TEST = {"key_manager": "Test"}

CHANGES = {
    "revoke": lambda revoked: revoked.revoke_client("shop", **TEST),
    "revoke for a while": lambda revoked: revoked.revoke_token("opaque", expires_at=NOW + 60),
    "revoke earlier ones": lambda revoked: revoked.revoke_subject("bob", **TEST, before=NOW + 1),
    "reinstate a client": lambda revoked: revoked.reinstate_client("listed", key_manager=ANY_KEY_MANAGER),
    "reinstate an issuer": lambda revoked: revoked.reinstate_issuer("https://gone.example"),
    "forget": lambda revoked: revoked.forget_remembered(),
}


def filled():
    """Return a list with entries, what it holds and its version."""
    revoked = RevocationList(SetClock())
    revoked.revoke_client("listed", key_manager=ANY_KEY_MANAGER)
    revoked.revoke_issuer("https://gone.example")
    return revoked, held(revoked), revoked.version


def held(revoked):
    """Return what a list holds, and since when whatever was remembered counts."""
    return {name: dict(table) for name, table in revoked._tables().items()}, revoked.generation


@pytest.mark.parametrize("name", CHANGES)
def test_what_an_interrupted_change_did_has_another_version(name):
    """Wherever a change is interrupted, and when it is made again, the list never holds something else unnoticed."""
    change, times = CHANGES[name], 0
    for revoked, before, version in interruptions(filled, lambda made: change(made[0]), *FILES):
        times += 1
        now, current = held(revoked), revoked.version
        assert now == before or current is not version
        assert revoked.is_of_now(current)
        change(revoked)
        assert held(revoked) == now or revoked.version is not current
    assert times > 1


def test_a_handler_that_forgets_what_is_remembered_does_so_for_good():
    """Where a signal handler forgets everything in the middle of a revocation, the next version is still one of now."""
    revoked = filled()[0]
    entries = revoked._entries

    class Handled:
        purge = entries.purge

        def put(self, *what):
            revoked.forget_remembered()
            return entries.put(*what)

    before, revoked._entries = revoked.version, Handled()
    revoked.revoke_token("opaque")
    assert revoked.is_of_now(revoked.version)
    assert not revoked.is_of_now(before)
    good = validator().authenticate(token(good_claims()))
    assert revoked.is_revoked(good, lambda: signed_digest("opaque"))
