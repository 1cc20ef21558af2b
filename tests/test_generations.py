"""A memory of two generations: bounded, and what is in use stays."""

from __future__ import annotations

from kmvalidate.generations import Generations


def test_what_was_put_is_found():
    """What was put is found under its key, and nothing under any other."""
    memory = Generations[str, int](4)
    memory.put("a", 1)
    memory.put("a", 2)
    assert (memory.get("a"), memory.get("b"), len(memory)) == (2, None, 1)


def test_it_never_holds_more_than_it_may():
    """However much is put, it holds no more than it was told, and the latest is there."""
    memory = Generations[int, int](10)
    for number in range(1000):
        memory.put(number, number)
        assert len(memory) <= 10
        assert memory.get(number) == number


def test_what_is_in_use_stays():
    """An entry that is asked for outlives any number of others; one that is not goes."""
    memory = Generations[object, int](10)
    memory.put("used", 1)
    memory.put("idle", 1)
    for number in range(100):
        memory.put(number, number)
        assert memory.get("used") == 1
    assert memory.get("idle") is None


def test_two_entries_are_the_least():
    """The smallest memory holds the last two at most."""
    memory = Generations[str, int](0)
    for key in "abc":
        memory.put(key, 1)
    assert (memory.get("c"), len(memory) <= 2) == (1, True)


def test_two_that_find_it_full_turn_it_once():
    """One who waited for another to turn it does not turn it again, and loses no generation."""

    class TurnedMeanwhile:
        def __enter__(self) -> None:
            memory.old, memory.young = memory.young, {}

        def __exit__(self, *_: object) -> None:
            pass

    memory = Generations[int, int](4)
    memory.put(1, 1)
    memory.put(2, 2)
    memory._turning = TurnedMeanwhile()  # type: ignore[assignment]
    memory.put(3, 3)
    assert (memory.old, memory.young) == ({1: 1, 2: 2}, {3: 3})
