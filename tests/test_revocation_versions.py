"""What those see who remember tokens beside a list of revocations, and what the list forgets by itself."""

import math
import os
import signal
import sys
import threading

import pytest

from kmvalidate.revocation import ANY_KEY_MANAGER, RevocationList, signed_digest
from kmvalidate.revocation._entries import KEPT_S
from tests.fakes import WAIT_S, in_threads
from tests.signing import NOW, SetClock, good_claims, reason, token, validator

TEST = {"key_manager": "Test"}


def verified(**claims):
    """Return a verified token."""
    return validator().authenticate(token(good_claims(**claims)))


def digest():
    return signed_digest("opaque")


def test_nothing_is_looked_up_where_nothing_was_ever_revoked():
    """A list has no version until something is revoked, and a token is then good under none."""
    revoked, good = RevocationList(), verified()
    assert revoked.version is None
    revoked.check(good, digest)
    assert good.revision is None


def test_every_change_is_another_version():
    """Each change has a version that no other has, and what was known before is no change."""
    revoked = RevocationList()
    seen = [revoked.version]
    for change in (
        lambda: revoked.revoke_token_id("a", **TEST, expires_at=NOW * 2),
        lambda: revoked.revoke_token_id("a", **TEST, expires_at=NOW * 3),
        lambda: revoked.revoke_consumer_key("a", **TEST, before=5),
        lambda: revoked.revoke_consumer_key("a", **TEST, before=6),
        lambda: revoked.revoke_issuer("a"),
        lambda: revoked.reinstate_issuer("a"),
        revoked.forget_remembered,
    ):
        change()
        assert all(revoked.version is not one for one in seen)
        seen.append(revoked.version)
    revoked.revoke_token_id("a", **TEST, expires_at=NOW * 2)
    revoked.revoke_consumer_key("a", **TEST, before=4)
    assert revoked.version is seen[-1]


def test_a_good_token_is_good_under_the_version_of_the_look():
    """A token is good under the version that was there before it was looked up, whatever changes meanwhile."""
    revoked, good = RevocationList(), verified()
    revoked.revoke_token("other")
    before = revoked.version

    def too_late():
        revoked.revoke_issuer(good.issuer)  # where the look at issuers is over
        return digest()

    revoked.check(good, too_late)
    assert good.revision is before
    assert good.revision is not revoked.version
    assert reason(revoked.check, good, digest) == "REVOKED"


def test_a_change_is_visible_before_its_version():
    """Whoever sees the new version sees what changed."""
    good, seen = verified(), []

    class Watched(RevocationList):
        def __setattr__(self, name, value):
            if name == "version" and value is not None:
                seen.append(self.is_revoked(good, digest))
            super().__setattr__(name, value)

    watched = Watched()
    watched.revoke_client("shop", **TEST)
    watched.reinstate_client("shop", **TEST)
    assert seen == [True, False]


def test_looking_up_a_token_reads_nothing_into_it():
    """A remembered token stays as small as it was: its claims are not kept with it."""
    revoked, good = RevocationList(), verified()
    revoked.revoke_subject("bob", **TEST, before=NOW)
    revoked.check(good, digest)
    assert good._read is None


def test_everything_remembered_is_forgotten_at_once():
    """After the switch no earlier version is of now, the one of a list without any included, and nothing is revoked."""
    revoked, good = RevocationList(), verified()
    assert revoked.is_of_now(None)
    revoked.revoke_issuer("other")
    first, generation = revoked.version, revoked.generation
    assert revoked.is_of_now(first)
    assert revoked.is_of_now(None)
    revoked.forget_remembered()
    assert revoked.generation is not generation
    assert not revoked.is_of_now(first)
    assert not revoked.is_of_now(None)
    assert revoked.is_of_now(revoked.version)
    assert not revoked.is_revoked(good, digest)
    second = revoked.version
    revoked.revoke_issuer("another")
    assert revoked.is_of_now(second)
    revoked.forget_remembered()
    assert not revoked.is_of_now(second)


def test_a_list_shows_numbers_only():
    """Its repr has how much is revoked of each kind, and nothing of what it is."""
    revoked = RevocationList()
    revoked.revoke_token("secret")
    revoked.revoke_token_id("secret", **TEST)
    revoked.revoke_subject("secret", key_manager=ANY_KEY_MANAGER, before=5)
    shown = "token_ids=1, tokens=1, consumer_keys=0, subjects=1, clients=0, keys=0, issuers=0"
    assert repr(revoked) == f"RevocationList({shown})"
    assert len(revoked) == 3


def test_an_empty_list_is_one():
    """An empty list is not false, so that none is put in its place."""
    revoked = RevocationList()
    assert (revoked or None) is revoked


def test_what_expired_is_forgotten():
    """An entry stays for ten minutes after its token expired, and goes with the next write."""
    clock = SetClock()
    revoked = RevocationList(clock)
    revoked.revoke_token("a", expires_at=NOW + 60)
    revoked.revoke_token("kept")
    clock.now = NOW + 60 + KEPT_S - 0.001
    revoked.revoke_issuer("b")
    assert len(revoked) == 3
    assert revoked.is_revoked(verified(), lambda: signed_digest("a"))
    clock.now += 0.001
    version = revoked.version
    revoked.revoke_issuer("b")
    assert len(revoked) == 2
    assert not revoked.is_revoked(verified(), lambda: signed_digest("a"))
    assert revoked.version is version


@pytest.mark.parametrize("ends", [(NOW + 60, NOW + 90), (NOW + 90, NOW + 60), (NOW + 60, None), (None, NOW + 60)])
def test_the_latest_end_counts(ends):
    """What is revoked twice stays until the later end, for good if one of them is not known."""
    clock = SetClock()
    revoked = RevocationList(clock)
    for expires_at in ends:
        revoked.revoke_consumer_key("a", **TEST, before=NOW, expires_at=expires_at)
    clock.now = NOW + 60 + KEPT_S
    revoked.reinstate_issuer("b")
    revoked.revoke_issuer("b")
    assert len(revoked) == 2
    clock.now = NOW + 90 + KEPT_S
    revoked.revoke_issuer("c")
    assert len(revoked) == (3 if None in ends else 2)


def test_a_list_does_not_grow_for_ever():
    """However many tokens are revoked, no more are kept than expired a while ago, and no write forgets very many."""
    clock = SetClock()
    revoked = RevocationList(clock)
    for number in range(3000):
        clock.now = NOW + number
        revoked.revoke_token_id(f"{number}", **TEST, expires_at=clock.now + 60)
    assert len(revoked) == 60 + KEPT_S
    clock.now *= 2
    sizes = [len(revoked)]
    while len(revoked) > 1:
        revoked.revoke_issuer("x")
        sizes.append(len(revoked))
        assert -1 <= sizes[-2] - sizes[-1] <= 64
    assert len(revoked._entries._due) == 0


def test_what_is_reinstated_after_it_expired_is_no_trouble():
    """An entry that is gone when its time comes is passed over."""
    clock = SetClock()
    revoked = RevocationList(clock)
    revoked.revoke_token("a", expires_at=NOW + 1)
    revoked._digests.clear()
    clock.now = NOW * 2
    revoked.revoke_issuer("b")
    assert len(revoked) == 1


def test_writers_lose_nothing_and_readers_see_all():
    """With many threads that write, every revocation is there, and seen by each reader from the next look on."""
    revoked, tokens = RevocationList(), [verified(jti=f"{number}") for number in range(40)]
    done, wrong = [False] * 40, []
    is_over = threading.Event()

    def write():
        for number in range(40):
            revoked.revoke_token_id(f"{number}", **TEST, expires_at=NOW * 2)
            revoked.revoke_consumer_key("c", **TEST, before=number)
            done[number] = True

    def read():
        while not is_over.is_set():
            for number, one in enumerate(tokens):
                if done[number] and not revoked.is_revoked(one, digest):
                    wrong.append(number)

    readers = in_threads(2, read)
    for thread in in_threads(4, write):
        thread.join(WAIT_S)
    is_over.set()
    for thread in readers:
        thread.join(WAIT_S)
    assert wrong == []
    assert all(revoked.is_revoked(one, digest) for one in tokens)
    assert revoked._consumer_keys == {(None, "Test", "c"): (39, math.inf)}


class Interrupting(SetClock):
    """A clock that does *meanwhile*, once, when it is asked."""

    meanwhile = None

    def wall(self):
        meanwhile, self.meanwhile = self.meanwhile, None
        if meanwhile is not None:
            meanwhile()
        return super().wall()


def test_a_signal_handler_may_revoke_too():
    """A handler that comes in the middle of a write on its own thread revokes what it has to, and both are there."""
    clock = Interrupting()
    revoked = RevocationList(clock)
    clock.meanwhile = lambda: signal.raise_signal(signal.SIGINT)
    usual = signal.signal(signal.SIGINT, lambda *_: revoked.revoke_subject("a", **TEST, before=9))
    try:
        revoked.revoke_subject("a", **TEST, before=5)
    finally:
        signal.signal(signal.SIGINT, usual)
    revoked.revoke_subject("a", **TEST, before=7)
    assert revoked._subjects == {(None, "Test", "a"): (9, math.inf)}


def test_a_write_that_is_interrupted_has_a_version():
    """Where an exception cuts a write short, what it revoked is seen by those who remember, and the next one works."""
    revoked, good = RevocationList(), verified()

    class Cut:
        def put(self, table, key, before, until):
            table[key] = (before, until)
            raise KeyboardInterrupt

    entries, revoked._entries = revoked._entries, Cut()
    with pytest.raises(KeyboardInterrupt):
        revoked.revoke_client("shop", **TEST)
    assert reason(revoked.check, good, digest) == "REVOKED"
    revoked._entries = entries
    revoked.revoke_issuer("x")
    assert len(revoked) == 2


if sys.platform == "linux":

    @pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
    def test_a_child_forked_while_a_thread_writes_can_write():
        """A child whose parent's other thread was in the middle of a write revokes at once, and knows what was."""
        clock = Interrupting()
        revoked, good = RevocationList(clock), verified()
        held, go = threading.Event(), threading.Event()

        def hold():
            held.set()
            assert go.wait(WAIT_S)

        clock.meanwhile = hold
        threads = in_threads(1, lambda: revoked.revoke_issuer("other"))
        assert held.wait(WAIT_S)
        child = os.fork()
        if child == 0:  # a lock that stays locked would hang here; the thread ends the child then
            threading.Timer(WAIT_S, os._exit, [3]).start()
            revoked.revoke_client("shop", **TEST)
            os._exit(0 if revoked.is_revoked(good, digest) and len(revoked) == 2 else 2)
        go.set()
        threads[0].join(WAIT_S)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert not revoked.is_revoked(good, digest)
