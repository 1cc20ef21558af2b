"""Many callers who need claims about the same users: one call for all, and whoever goes harms nobody."""

import asyncio
import sys
from functools import partial

import pytest

from tests.concurrency.callers import PATIENCE_S, Crowd, Gated, Waiters, all_of, fetch_threads_end
from tests.concurrency.forks import ends_well, forked
from tests.introspecting.asking_helpers import said
from tests.signing import with_claims
from tests.test_userinfo import ALICE, BEARER, ENDPOINT, USER, Desk, verified

THREADS, LOOPS, TASKS_EACH = 8, 2, 100


@pytest.fixture
def waiters(monkeypatch):
    """Counts who waits for an answer."""
    return Waiters(monkeypatch)


@pytest.fixture
def desk():
    return Desk(transport=Gated({ENDPOINT: said(ALICE)}), deadline_s=PATIENCE_S)


def test_threads_and_tasks_share_one_call(desk, waiters):
    """Threads, and tasks of several loops, that need claims about one token make one call, and none after that."""
    verified(), (crowd := Crowd())
    crowd.start(*[lambda: [desk.claims()]] * THREADS)
    crowd.start(*[all_of(lambda: [desk.aclaims() for _ in range(TASKS_EACH)])] * LOOPS)
    waiters.come(THREADS + LOOPS * TASKS_EACH)
    desk.transport.open()
    told = [claims for some in crowd.done() for claims in some]
    assert told == [USER] * (THREADS + LOOPS * TASKS_EACH)
    assert len({id(claims["groups"]) for claims in told}) == len(told)
    assert (desk.claims(), asyncio.run(desk.aclaims()), desk.asked) == (USER, USER, 1)
    fetch_threads_end()


def test_each_caller_has_an_error_of_its_own(desk, waiters):
    """Callers who share a call that fails are told by an exception each."""
    desk.answers(said(ALICE, 500))
    errors, crowd = [], Crowd()

    def fails():
        with pytest.raises(Exception, match="status 500") as caught:
            desk.claims()
        errors.append(caught.value)

    crowd.start(*[fails] * THREADS)
    waiters.come(THREADS)
    desk.transport.open()
    crowd.done()
    assert (len(set(map(id, errors))), desk.asked) == (THREADS, 1)
    fetch_threads_end()


def test_tokens_do_not_wait_for_each_other(desk, waiters):
    """Claims about different tokens are asked for at the same time."""
    bearers, crowd = [with_claims(jti=str(number)) for number in range(THREADS)], Crowd()
    crowd.start(*(partial(desk.claims, bearer) for bearer in bearers))
    for _ in bearers:
        desk.transport.is_asked()
    desk.transport.open()
    assert crowd.done() == [USER] * THREADS
    fetch_threads_end()


def test_whoever_began_the_call_may_go(desk, waiters):
    """A task that is cancelled, and a loop that is closed, take the answer from nobody."""

    async def goes():
        task = asyncio.create_task(desk.aclaims())
        await asyncio.to_thread(desk.transport.is_asked)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(goes())
    crowd = Crowd()
    crowd.start(desk.claims)
    waiters.come(2)
    desk.transport.open()
    assert (crowd.done(), desk.asked) == ([USER], 1)
    fetch_threads_end()


if sys.platform == "linux":
    pytestmark = pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")

    def test_a_child_that_is_forked_while_its_parent_asks(desk):
        """A child asks for itself, and remembers for itself; its parent is told what it asked for."""
        crowd = Crowd()
        crowd.start(desk.claims)
        desk.transport.is_asked()

        def in_child():
            desk.transport.open()
            told = [desk.claims(), asyncio.run(desk.aclaims()), desk.claims()]
            return told == [USER] * 3 and desk.asked == 2

        assert ends_well(forked(in_child, among_threads=True))
        desk.transport.open()
        assert (crowd.done(), desk.asked) == ([USER], 1)
        fetch_threads_end()

    def test_a_child_uses_what_its_parent_remembered(desk):
        """A child has the answers, and the outages, that were known when it was forked."""
        desk.transport.open()
        assert desk.claims() == USER
        desk.answers(said(ALICE, 503, retry_after="9"))
        other = with_claims(jti="other")
        assert desk.says(other) == "KeyManagerUnavailable"
        fetch_threads_end()

        def in_child():
            told = [desk.says(BEARER), desk.says(other), desk.asked]
            desk.answers(said(ALICE))
            desk.clock.pass_s(9)
            return told == [USER, "KeyManagerUnavailable", 2] and desk.says(other) == USER

        assert ends_well(forked(in_child))
        assert (desk.says(BEARER), desk.asked) == (USER, 2)
