"""Processes that are forked while their key managers are asked: the child asks for itself."""

import asyncio
import sys
from functools import partial

import pytest

from kmvalidate.introspecting._memory import AnswerMemory
from tests.concurrency.callers import Crowd, fetch_threads_end
from tests.concurrency.forks import ends_well, forked
from tests.introspecting.scenes import HeldEndpoint, Scene, outage

pytestmark = pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")


def both(scene, bearer="good"):
    """Return what a blocking caller and an asyncio one hear."""
    return [scene.says(bearer), asyncio.run(scene.asays(bearer))]


@pytest.fixture
def scene():
    made = Scene(HeldEndpoint(), at_once=1, waiting=1, deadline_s=30)
    made.issue()
    return made


if sys.platform == "linux":

    def test_a_call_under_way(scene):
        """A child forked while its parent asks asks for itself, and the parent is told what it asked for."""
        crowd = Crowd()
        crowd.start(scene.says)
        scene.endpoint.is_asked()

        def in_child():
            scene.endpoint.open()
            return both(scene) == ["GOOD"] * 2 and scene.calls() == 1

        assert ends_well(forked(in_child))
        scene.endpoint.open()
        assert crowd.done() == ["GOOD"]
        assert scene.calls() == 1
        fetch_threads_end()

    def test_full_lanes(scene, waiters):
        """A child of a process whose lanes are full has room in its own."""
        crowd = Crowd()
        crowd.start(partial(scene.says, "a"), partial(scene.says, "b"))
        waiters.come(2)
        scene.endpoint.is_asked()
        assert scene.unavailable().why.startswith("too many")

        def in_child():
            scene.endpoint.open()
            return both(scene) == ["GOOD"] * 2 and both(scene, "a") == ["INACTIVE"] * 2

        assert ends_well(forked(in_child))
        scene.endpoint.open()
        assert crowd.done() == ["INACTIVE"] * 2
        fetch_threads_end()

    @pytest.mark.parametrize("is_probing", [False, True])
    def test_an_open_breaker(scene, is_probing):
        """A child leaves alone what its parent did, and tries it when it is time, whatever becomes of the parent's."""
        scene.endpoint.open()
        scene.endpoint.outage = outage
        for turn in range(5):
            scene.says(f"t-{turn}")
            scene.ports.settle()
            scene.endpoint.is_asked()
        scene.endpoint.outage = None
        crowd, wait_s = Crowd(), scene.unavailable().retry_after_s
        if is_probing:
            scene.clock.advance(wait_s)
            scene.endpoint.close()
            crowd.start(partial(scene.says, "probe"))
            scene.endpoint.is_asked()
            wait_s = scene.unavailable().retry_after_s

        def in_child():
            scene.endpoint.open()
            is_left_alone = both(scene) == ["KeyManagerUnavailable"] * 2
            scene.clock.advance(wait_s)
            return is_left_alone and both(scene) == ["GOOD"] * 2

        assert ends_well(forked(in_child))
        scene.endpoint.open()
        crowd.done()
        scene.clock.advance(0 if is_probing else wait_s)
        assert both(scene) == ["GOOD"] * 2
        fetch_threads_end()

    def test_what_was_remembered(scene):
        """A child uses the answers it inherited, and its parent's tokens that are not active are asked about anew."""
        scene.endpoint.open()
        assert both(scene) + both(scene, "bad") == ["GOOD"] * 2 + ["INACTIVE"] * 2
        fetch_threads_end()

        def in_child():
            told = both(scene) + both(scene, "bad") == ["GOOD"] * 2 + ["INACTIVE"] * 2
            return told and (scene.calls(), scene.calls("bad")) == (1, 2)

        assert ends_well(forked(in_child))
        assert both(scene, "bad") == ["INACTIVE"] * 2
        assert scene.calls("bad") == 1

    def test_a_fork_in_the_middle_of_remembering(scene, monkeypatch):
        """A child forked while something is being written into the memory begins with a lock that is free."""
        scene.endpoint.open()
        assert scene.says("bad") == "INACTIVE"
        told = []
        keep = AnswerMemory._not_active

        def in_child():
            monkeypatch.undo()
            return both(scene) + both(scene, "bad") == ["GOOD"] * 2 + ["INACTIVE"] * 2

        def forking(memory):
            if not told:
                told.append(forked(in_child))
            return keep(memory)

        monkeypatch.setattr(AnswerMemory, "_not_active", forking)
        assert scene.says("worse") == "INACTIVE"
        assert ends_well(*told)
        fetch_threads_end()
