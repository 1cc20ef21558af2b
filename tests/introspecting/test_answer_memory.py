"""How long answers are remembered, to the second, and by what."""

import asyncio
import gc
import weakref

import pytest

from kmvalidate.introspecting._memory import INACTIVE, MAX_KEPT_BYTES, Answered, AnswerMemory
from kmvalidate.testing import VirtualClock
from tests.introspecting.scenes import Endpoint, Scene, Told, key_manager, outage

EDGE_S = 2**-10
FRONTS = pytest.mark.parametrize("front", [0, 2, 1000])


@FRONTS
@pytest.mark.parametrize(
    ("ttl_s", "lifetime_s", "good_s"), [(60, 3600, 60), (60, 30, 30), (5, 3600, 5), (3600, 61, 61)]
)
def test_an_active_answer(ttl_s, lifetime_s, good_s, front):
    """An active answer is remembered for its time or until the token's own end, and not a moment longer."""
    scene = Scene(ttl_s=ttl_s, front=front, leeway_s=0)
    scene.issue(exp=int(scene.clock.wall()) + lifetime_s)
    assert scene.says() == "GOOD"
    scene.clock.advance(good_s - EDGE_S)
    assert (scene.says(), asyncio.run(scene.asays()), scene.calls()) == ("GOOD", "GOOD", 1)
    scene.clock.advance(EDGE_S)
    assert scene.says() == ("EXPIRED" if good_s == lifetime_s else "GOOD")
    assert scene.calls() == 2


@FRONTS
def test_an_answer_is_not_used_beyond_the_tokens_end_for_all_its_leeway(front):
    """Within the leeway after its end a token is asked about each time, and refused after that."""
    scene = Scene(front=front, leeway_s=30)
    scene.issue(exp=int(scene.clock.wall()) + 10)
    assert [scene.says(), scene.says()] == ["GOOD"] * 2
    scene.clock.advance(10)
    assert [scene.says(), scene.says()] == ["GOOD"] * 2
    assert scene.calls() == 3
    scene.clock.advance(30)
    assert scene.says() == "EXPIRED"


def test_an_answer_without_an_end():
    """A token whose answer names no end is remembered for the configured time, again and again."""
    scene = Scene(requires=())
    scene.issue(exp=None)
    for _ in range(6):
        assert scene.says() == "GOOD"
        scene.clock.advance(30)
    assert scene.calls() == 3


@FRONTS
@pytest.mark.parametrize("inactive_ttl_s", [10, 1, 300])
def test_an_inactive_answer(inactive_ttl_s, front):
    """That a token is not active is remembered for its own time, and not a moment longer."""
    scene = Scene(inactive_ttl_s=inactive_ttl_s, front=front)
    assert scene.says() == "INACTIVE"
    scene.clock.advance(inactive_ttl_s - EDGE_S)
    assert (scene.says(), asyncio.run(scene.asays()), scene.calls()) == ("INACTIVE", "INACTIVE", 1)
    scene.issue()
    scene.clock.advance(EDGE_S)
    assert (scene.says(), scene.calls()) == ("GOOD", 2)


@FRONTS
def test_nothing_is_remembered(front):
    """With times of zero every token is asked about each time, whatever the answer."""
    scene = Scene(ttl_s=0, inactive_ttl_s=0, front=front)
    scene.issue()
    assert [scene.says(), scene.says(), scene.says("bad"), scene.says("bad")] == ["GOOD"] * 2 + ["INACTIVE"] * 2
    assert (scene.calls(), scene.calls("bad")) == (2, 2)


@FRONTS
def test_outages_are_not_remembered(front):
    """A token that could not be asked about is asked about again at once."""
    scene = Scene(front=front)
    scene.endpoint.outage = outage()
    assert [scene.says(), scene.says()] == ["KeyManagerUnavailable"] * 2
    scene.endpoint.outage = None
    scene.issue()
    assert [scene.says(), scene.says()] == ["GOOD"] * 2
    assert scene.calls() == 3


def test_inactive_tokens_push_out_only_each_other():
    """A flood of tokens that are not active leaves those that are, and its own last ones."""
    scene = Scene(remember_inactive=5, remember=10)
    scene.issue()
    assert scene.says() == "GOOD"
    for turn in range(20):
        assert scene.says(f"bad-{turn}") == "INACTIVE"
    assert scene.says() == "GOOD"
    assert [scene.says(f"bad-{turn}") for turn in (15, 19)] == ["INACTIVE"] * 2
    assert (scene.calls(), scene.calls("bad-19"), scene.calls("bad-15")) == (1, 1, 1)
    assert scene.says("bad-0") == "INACTIVE"
    assert scene.calls("bad-0") == 2


def test_active_tokens_are_bounded():
    """No more active tokens are remembered than configured."""
    scene = Scene(remember=4)
    for turn in range(10):
        assert scene.says(scene.issue(f"good-{turn}")) == "GOOD"
    assert (scene.says("good-9"), scene.calls("good-9")) == ("GOOD", 1)
    assert (scene.says("good-0"), scene.calls("good-0")) == ("GOOD", 2)


@pytest.mark.parametrize("other", ["good ", "gooe", "Good", "good" * 2, "xgood"])
def test_tokens_are_told_apart_as_a_whole(other):
    """A token is remembered by all of its characters."""
    scene = Scene(tokens=".*")
    scene.issue()
    assert scene.says() == "GOOD"
    assert scene.says(other) != "GOOD"


class TestRounds:
    """What was being asked when everything was forgotten is forgotten."""

    @pytest.fixture
    def clock(self):
        return VirtualClock()

    @pytest.fixture
    def memory(self, clock):
        return AnswerMemory(Told(say=None), clock)

    def test_late_answers_are_not_kept(self, memory):
        """Answers of calls that began before everything was forgotten are not remembered, whatever they are."""
        before = memory.round
        memory.clear()
        assert (before.is_over, memory.round.is_over) == (True, False)
        memory.keep(b"a", Answered(b"{}", 60.0), before, 0.0)
        memory.keep_inactive(b"b", before, 0.0)
        assert [memory.recall(b"a"), memory.recall(b"b"), memory.is_known(b"a")] == [None, None, False]

    def test_what_was_found_good_does_not_come_back(self, memory):
        """An answer that was found good is not kept in place of a later one, or of one that was forgotten."""
        old, new, checked = (Answered(name, 60.0) for name in (b"old", b"new", b"checked"))
        memory.keep(b"a", old, memory.round, 0.0)
        memory.keep(b"a", new, memory.round, 0.0)
        memory.improve(b"a", old, checked)
        assert memory.recall(b"a") is new
        memory.improve(b"a", new, checked)
        assert memory.recall(b"a") is checked
        memory.clear()
        memory.improve(b"a", checked, new)
        assert memory.recall(b"a") is None

    def test_known_tokens(self, memory, clock):
        """A token stays known when its answer has aged, until it is found not active."""
        memory.keep(b"a", Answered(b"{}", 60.0), memory.round, 0.0)
        clock.advance(1000)
        assert (memory.recall(b"a"), memory.is_known(b"a"), memory.is_known(b"b")) == (None, True, False)
        memory.keep_inactive(b"a", memory.round, 0.0)
        memory.keep_inactive(b"b", memory.round, 0.0)
        assert [memory.recall(b"a"), memory.recall(b"b")] == [INACTIVE] * 2
        assert (memory.is_known(b"a"), memory.is_known(b"b")) == (False, False)

    def test_what_may_not_be_used_is_not_kept(self, memory):
        """Of an answer that is good for no time nothing is kept but that the token is known."""
        memory.keep(b"a", Answered(b'{"sub":"alice"}', 0.0), memory.round, 0.0)
        assert (memory.recall(b"a"), memory.is_known(b"a")) == (None, True)
        assert b"alice" not in memory._active.get(b"a").payload

    def test_a_later_no_stands(self, memory):
        """An answer that comes late does not bring back what a later call found not active."""
        memory.keep_inactive(b"a", memory.round, 5.0)
        assert not memory.keep(b"a", Answered(b"{}", 60.0), memory.round, 4.0)
        assert (memory.recall(b"a"), memory.is_known(b"a")) == (INACTIVE, False)
        assert memory.keep(b"a", Answered(b"{}", 60.0), memory.round, 5.0)
        assert memory.recall(b"a").payload == b"{}"

    def test_large_answers_are_not_kept(self, memory):
        """What is remembered is bounded in bytes as well: of a large answer only that the token is known."""
        for size, is_kept in ((MAX_KEPT_BYTES, True), (MAX_KEPT_BYTES + 1, False)):
            memory.keep(b"a", Answered(b"x" * size, 60.0), memory.round, 0.0)
            assert (memory.recall(b"a") is not None, memory.is_known(b"a")) == (is_kept, True)

    def test_answers_show_nothing(self):
        """The repr of what is remembered shows nothing of it."""
        assert repr(Answered(b'{"sub":"alice"}', 1.0)) == "Answered(...)"


@pytest.mark.parametrize("front", [0, 1000])
def test_a_removed_key_manager_leaves_nothing_behind(front):
    """When a key manager is removed, what was remembered of it goes, whatever the validator still holds."""
    scene = Scene(front=front)
    scene.issue()
    verified = scene.validator.authenticate("good")
    state = scene.registry.table.find(None, verified.issuer)
    gone = weakref.ref(state.introspector)
    del state
    scene.registry.remove("configuration", "Test")
    scene.says()
    gc.collect()
    assert gone() is None
    assert verified.subject == "alice"


def test_key_managers_share_nothing():
    """The same token of two organizations is asked about at each key manager, and remembered for each alone."""
    ends = {name: Endpoint() for name in ("a", "b", "all")}
    managers = [key_manager(ends[name], organization=name) for name in ("a", "b")]
    scene = Scene(managers=[*managers, key_manager(ends["all"], "All", "https://all.example")], front=1000)
    ends["a"].said["good"] = scene.answer(sub="of a")
    ends["all"].said["good"] = scene.answer(sub="of all")
    for _ in range(2):
        assert scene.validator.authenticate("good", organization="a").subject == "of a"
        assert scene.says(organization="b") == "INACTIVE"
        assert scene.validator.authenticate("good").subject == "of all"
        assert scene.validator.authenticate("good", organization="stranger").subject == "of all"
    assert [len(end.asked) for end in ends.values()] == [1, 1, 1]
