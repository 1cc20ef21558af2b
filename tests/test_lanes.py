"""At most so many detached jobs at a time: some more wait, and the rest is told so."""

import os
import sys
import threading

import pytest

from kmvalidate.asking import Lane
from kmvalidate.ports import BlockingPorts, run
from tests.concurrency.forks import ends_well, forked
from tests.fakes import WAIT_S, FakeTransport, SettableClock, WatchedPorts

DEADLINE_S = 5.0


class CollectingPorts(BlockingPorts):
    """Ports that keep what they should start; `begin` runs the first of it."""

    def __init__(self):
        super().__init__(FakeTransport(), SettableClock())
        self.kept, self.refusing = [], None

    def spawn(self, job, /):
        if self.refusing is not None:
            raise self.refusing
        self.kept.append(job)

    def begin(self):
        run(self.kept.pop(0)(self))


@pytest.fixture
def ports():
    return CollectingPorts()


@pytest.fixture
def done():
    """What jobs have done."""
    return []


@pytest.fixture
def job(done):
    """Makes a job that notes its name, does something more, and raises if that raises."""

    def make(name, more=lambda: None):
        async def work(_):
            done.append(name)
            more()

        return work

    return make


def raising(error):
    """Return a callable that raises *error*."""

    def more():
        raise error

    return more


def lane(most=2, waiting=2):
    return Lane(most, waiting, DEADLINE_S)


def counts(own):
    return own.running, own.waiting


class TestHowMany:
    """So many run, so many wait."""

    def test_what_fits_in(self, ports, job):
        """Jobs run until so many do, wait until so many do, and are turned away after that."""
        own = lane(most=2, waiting=3)
        assert [own.submit(job(n), ports) for n in range(7)] == [True] * 5 + [False] * 2
        assert len(ports.kept) == 2
        assert counts(own) == (2, 3)

    def test_a_worker_runs_what_waits(self, ports, job, done):
        """A worker runs its own job, then those that wait in their order, and then it is gone."""
        own = lane(most=2, waiting=3)
        for n in range(5):
            own.submit(job(n), ports)
        ports.begin()
        assert done == [0, 2, 3, 4]
        assert counts(own) == (1, 0)
        ports.begin()
        assert done == [0, 2, 3, 4, 1]
        assert counts(own) == (0, 0)

    def test_no_more_than_before(self, ports, job, done):
        """A job that makes room lets another in, one at a time."""
        own = lane(most=1, waiting=1)
        told = []
        own.submit(job("a", lambda: told.append(own.submit(job("c"), ports))), ports)
        own.submit(job("b", lambda: told.append(own.submit(job("c"), ports))), ports)
        ports.begin()
        assert told == [False, True]
        assert done == ["a", "b", "c"]
        assert not ports.kept

    def test_none_may_wait(self, ports, job):
        """Without a queue, whoever finds all busy is told so, and served when one is free."""
        own = lane(most=1, waiting=0)
        assert own.submit(job("a"), ports)
        assert not own.submit(job("b"), ports)
        ports.begin()
        assert own.submit(job("b"), ports)


class TestErrors:
    """What fails takes no place with it."""

    def test_no_thread(self, ports, job, done):
        """That no thread could be started is the caller's to know, and nothing of the job stays behind."""
        own = lane(most=1, waiting=1)
        ports.refusing = RuntimeError("can't start new thread")
        for _ in range(3):
            with pytest.raises(RuntimeError, match="new thread"):
                own.submit(job("a"), ports)
        assert counts(own) == (0, 0)
        ports.refusing = None
        assert own.submit(job("b"), ports)
        ports.begin()
        assert done == ["b"]

    def test_a_job_that_raises(self, ports, job, done):
        """An error of a job is lost, and its worker goes on."""
        own = lane(most=1)
        own.submit(job("a", raising(ValueError("ours"))), ports)
        own.submit(job("b"), ports)
        ports.begin()
        assert done == ["a", "b"]
        assert counts(own) == (0, 0)

    @pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
    def test_an_interrupted_worker(self, error, ports, job, done):
        """Who is interrupted leaves, and another worker goes on with what waits."""
        own = lane(most=1)
        own.submit(job("a", raising(error())), ports)
        own.submit(job("b"), ports)
        with pytest.raises(error):
            ports.begin()
        assert counts(own) == (1, 0)
        ports.begin()
        assert done == ["a", "b"]
        assert counts(own) == (0, 0)

    def test_an_interrupted_worker_with_nobody_waiting(self, ports, job):
        """Who is interrupted when nothing waits just leaves."""
        own = lane(most=1)
        own.submit(job("a", raising(SystemExit())), ports)
        with pytest.raises(SystemExit):
            ports.begin()
        assert counts(own) == (0, 0)
        assert not ports.kept

    def test_an_interrupted_worker_and_no_thread(self, ports, job, done):
        """If no worker can take over, what waits is the first that the next worker runs."""
        own = lane(most=1)
        own.submit(job("a", raising(SystemExit())), ports)
        own.submit(job("b"), ports)
        ports.refusing = RuntimeError("can't start new thread")
        with pytest.raises(SystemExit):
            ports.begin()
        assert counts(own) == (0, 1)
        with pytest.raises(RuntimeError, match="new thread"):
            own.submit(job("c"), ports)
        assert counts(own) == (0, 1)
        ports.refusing = None
        own.submit(job("d"), ports)
        ports.begin()
        assert done == ["a", "b", "d"]


class TestOverdue:
    """A job that never ends does not take up its place for ever."""

    def test_it_does_not_count(self, ports, job):
        """A second after its deadline a job is given up, and another runs in its place."""
        own = lane(most=1, waiting=0)
        own.submit(job("a"), ports)
        ports.clock.pass_s(DEADLINE_S + 1)
        assert not own.submit(job("b"), ports)
        ports.clock.pass_s(0.25)
        assert own.submit(job("b"), ports)
        assert own.running == 1
        assert len(ports.kept) == 2

    def test_those_that_wait_come_first(self, ports, job, done):
        """What waited behind it is run by the next worker, in order."""
        own = lane(most=1, waiting=1)
        own.submit(job("a"), ports)
        own.submit(job("b"), ports)
        ports.clock.pass_s(DEADLINE_S + 2)
        assert own.submit(job("c"), ports)
        ports.kept.pop(0)
        ports.begin()
        assert done == ["b", "c"]
        assert counts(own) == (0, 0)

    def test_it_comes_back(self, ports, job, done):
        """One that was given up and comes back runs nothing more, and the count stays right."""
        own = lane(most=1, waiting=1)

        def dawdle():
            ports.clock.pass_s(DEADLINE_S + 2)
            assert own.submit(job("b"), ports)
            assert own.submit(job("c"), ports)

        own.submit(job("a", dawdle), ports)
        ports.begin()
        assert done == ["a"]
        assert counts(own) == (1, 1)
        ports.begin()
        assert done == ["a", "b", "c"]
        assert counts(own) == (0, 0)

    def test_it_is_interrupted_later(self, ports, job):
        """One that was given up and is interrupted then starts nobody beyond the limit."""
        own = lane(most=1, waiting=1)

        def dawdle():
            ports.clock.pass_s(DEADLINE_S + 2)
            assert own.submit(job("b"), ports)
            assert own.submit(job("c"), ports)
            raise SystemExit

        own.submit(job("a", dawdle), ports)
        with pytest.raises(SystemExit):
            ports.begin()
        assert counts(own) == (1, 1)
        assert len(ports.kept) == 1

    def test_too_many_of_them_are_the_end(self, ports, job):
        """A hundred jobs that never end leave no room for others, until one of them comes back."""
        own = lane(most=50, waiting=0)
        for _ in range(2):
            assert [own.submit(job("a"), ports) for _ in range(50)] == [True] * 50
            ports.clock.pass_s(DEADLINE_S + 2)
        assert not own.submit(job("b"), ports)
        ports.begin()
        assert own.submit(job("b"), ports)

    def test_each_job_has_its_own_time(self, ports, job):
        """A worker that runs many jobs, each in time, is not overdue."""
        own, told = lane(most=1, waiting=1), []

        def next_one():
            ports.clock.pass_s(DEADLINE_S)
            told.append(own.submit(job("more"), ports))

        own.submit(job("a", lambda: ports.clock.pass_s(DEADLINE_S)), ports)
        own.submit(job("b", next_one), ports)
        ports.begin()
        assert told == [True]
        assert not ports.kept


def test_threads_at_work():
    """With real threads no more run at once than may, and everything that was let in is done."""
    ports, own, lock = WatchedPorts(FakeTransport(), SettableClock()), lane(most=3, waiting=20), threading.Lock()
    barrier, most, busy, done = threading.Barrier(3), [0], [0], []

    async def work(_):
        with lock:
            busy[0] += 1
            most[0] = max(most[0], busy[0])
        barrier.wait(WAIT_S)
        with lock:
            busy[0] -= 1
            done.append(1)

    assert all(own.submit(work, ports) for _ in range(21))
    ports.settle()
    assert (len(done), most) == (21, [3])
    assert counts(own) == (0, 0)


if sys.platform == "linux":

    def test_a_forked_child_begins_with_none(ports, job, done):
        """A child of a process whose lane is full finds its own empty, and the parent's stays as it was."""
        own = lane(most=1, waiting=1)
        own.submit(job("a"), ports)
        own.submit(job("b"), ports)

        def in_child():
            ports.kept.clear()
            is_empty = counts(own) == (0, 0) and own.submit(job("c"), ports)
            ports.begin()
            return is_empty and done == ["c"] and os.getpid() != parent

        parent = os.getpid()
        assert ends_well(forked(in_child))
        assert counts(own) == (1, 1)
        ports.begin()
        assert done == ["a", "b"]
