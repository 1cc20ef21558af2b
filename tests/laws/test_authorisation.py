"""A call goes through if, and only if, a naive oracle lets it, for the oracle's reason; whatever is remembered."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import event, given, settings

from tests.laws.calls_oracle import State, foretell
from tests.laws.calls_plans import NOW, World
from tests.laws.calls_strategies import worlds
from tests.laws.calls_world import Gate

pytestmark = pytest.mark.law


def foretold(world: World, bearer: int | None, asked: int) -> str:
    """Return what the oracle says of a call."""
    signed = [(one.issuer, one.claims) for one in world.bearers]
    token = None if bearer is None else world.bearers[bearer]
    number = 0 if bearer is None else signed.index(signed[bearer])
    revoked = [
        (kind, signed.index(signed[name % len(signed)]), *more) if kind == "token" else (kind, name, *more)
        for kind, name, *more in world.revocations
    ]
    return foretell(State(world.managers, world.records, revoked, NOW), token, number, world.asked[asked])


def pairs(world: World) -> list[tuple[Any, int]]:
    """Return each token, and none, with each call."""
    return [(bearer, asked) for asked in range(len(world.asked)) for bearer in (None, *range(len(world.bearers)))]


@settings(max_examples=settings.default.max_examples * 2)
@given(worlds())
def test_a_call_fares_as_foretold(world: World) -> None:
    """Each token fares with each call as the oracle says, the first time, the second time and the third."""
    gate = Gate(world)
    for _ in range(3):
        for bearer, asked in pairs(world):
            verdict = gate.ask(bearer, asked)
            event(verdict)
            assert verdict == foretold(world, bearer, asked)


@settings(max_examples=settings.default.max_examples * 2)
@given(worlds())
def test_all_ways_to_ask_agree(world: World) -> None:
    """Blocking or awaited, raised or returned, remembered, not remembered or never seen: the verdict is the same."""
    gate = Gate(world)
    forgetful, whole = gate.beside(remember=0), gate.beside(remember_whole_tokens=True)
    for bearer, asked in pairs(world):
        verdict = foretold(world, bearer, asked)
        for how in ("validate", "adecide", "decide", "avalidate"):
            assert gate.ask(bearer, asked, how) == verdict
        for beside in (forgetful, whole, gate.beside(), forgetful, whole):
            assert gate.ask(bearer, asked, "validate", beside) == verdict
