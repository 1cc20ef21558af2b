"""A lock of one process: it excludes threads, and no fork leaves it locked."""

import os
import signal
import sys
import threading

import pytest

from kmvalidate.own_lock import OwnLock
from tests.fakes import WAIT_S, in_threads


def test_one_thread_at_a_time_holds_it():
    """While one thread is inside, another waits, and comes in when it has left."""
    lock, order, inside, go = OwnLock(), [], threading.Event(), threading.Event()

    def first():
        with lock:
            inside.set()
            assert go.wait(WAIT_S)
            order.append("first")

    def second():
        with lock:
            order.append("second")

    threads = in_threads(1, first)
    assert inside.wait(WAIT_S)
    threads += in_threads(1, second)
    go.set()
    for thread in threads:
        thread.join(WAIT_S)
    assert order == ["first", "second"]


def test_many_threads_lose_nothing():
    """What many threads change inside it, one reading and writing after the other, is all there in the end."""
    lock, counts = OwnLock(), {"n": 0}

    def work():
        for _ in range(500):
            with lock:
                seen = counts["n"]
                os.getpid()
                counts["n"] = seen + 1

    for thread in in_threads(8, work):
        thread.join(WAIT_S)
    assert counts["n"] == 4000


def test_an_error_inside_leaves_it_free():
    """Whoever leaves it by an error has left it."""
    lock = OwnLock()
    for _ in range(2):
        with pytest.raises(ValueError, match="inside"), lock:
            raise ValueError("inside")


def test_who_holds_it_may_take_it_again():
    """A signal handler that comes while its thread is inside comes in too, and other threads wait until both left."""
    lock, order = OwnLock(), []

    def handle(*_):
        with lock:
            order.append("handled")

    usual = signal.signal(signal.SIGINT, handle)
    try:
        with lock:
            threads = in_threads(1, handle)
            signal.raise_signal(signal.SIGINT)
            assert order == ["handled"]
            threads[0].join(0.01)
            assert order == ["handled"]
    finally:
        signal.signal(signal.SIGINT, usual)
    threads[0].join(WAIT_S)
    assert order == ["handled"] * 2


def test_two_locks_are_two():
    """Who holds one may take another."""
    with OwnLock(), OwnLock():
        pass


def test_it_is_free_in_a_process_that_did_not_take_it(monkeypatch):
    """Another process id has a lock of its own."""
    lock = OwnLock()
    with lock, monkeypatch.context() as patched:
        patched.setattr(os, "getpid", lambda: -1)
        with lock:
            pass


if sys.platform == "linux":

    @pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
    def test_a_child_forked_while_a_thread_holds_it_can_take_it():
        """A child whose parent's other thread held the lock takes it at once, and the parent's stays held."""
        lock, held, go = OwnLock(), threading.Event(), threading.Event()

        def hold():
            with lock:
                held.set()
                assert go.wait(WAIT_S)

        threads = in_threads(1, hold)
        assert held.wait(WAIT_S)
        child = os.fork()
        if child == 0:  # a lock that stays locked would hang here; the thread ends the child then
            threading.Timer(WAIT_S, os._exit, [3]).start()
            with lock:
                pass
            with lock:
                os._exit(0)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert not lock._by_process[os.getpid()].acquire(blocking=False)
        go.set()
        threads[0].join(WAIT_S)
        with lock:
            pass
