"""Many calls with tokens of a real provider at once, and what changes meanwhile."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Any

import pytest

from kmvalidate import ApiCall, Refusal
from tests.e2e.calling import API_ID, Gate, each_caller, each_kind, known, orders, subscribed, subscription
from tests.e2e.gateway import SettableClock
from tests.e2e.live import Way
from tests.e2e.opaque import ENDPOINT
from tests.e2e.provider import Issuer

pytestmark = pytest.mark.e2e

THREADS, TASKS, FLIPS = 8, 400, 40


@each_kind
def test_subscriptions_change(way: Way, clock: SettableClock, root: Issuer, kind: str) -> None:
    """What becomes of a subscription counts from the next call on, for remembered tokens too, and asks no provider."""
    store = subscribed()
    gate = Gate(way, clock, [known(root)], subscriptions=store)
    token, call = root.token(kind), orders().call("GET", "/menu")
    gate.allow(token, call)
    root.reset()
    store.put(subscription("m2m", state="BLOCKED"))
    assert gate.why(token, call) == "SUBSCRIPTION_BLOCKED"
    store.put(subscription("m2m", policy="Bronze"))
    changed = gate.allow(token, call).subscription
    assert changed is not None
    assert changed.policy == "Bronze"
    store.remove_subscription("app-m2m", API_ID)
    assert gate.why(token, call) == "NOT_SUBSCRIBED"
    store.put(subscription("m2m"))
    gate.allow(token, call)
    store.remove_key_mapping(None, "root", "m2m")
    assert gate.why(token, call) == "NOT_SUBSCRIBED"
    assert sum(map(root.hits, ("/jwks", "/.well-known/", ENDPOINT))) == 0


@each_kind
@each_caller
def test_subscriptions_change_among_callers(way: Way, clock: SettableClock, root: Issuer, kind: str) -> None:
    """However many call meanwhile, a subscription that is blocked lets nobody in from the next call on."""
    store = subscribed()
    gate = Gate(way, clock, [known(root)], subscriptions=store)
    token, call, over = root.token(kind), orders().call("GET", "/menu"), Event()
    gate.allow(token, call)

    def flow() -> set[str]:
        seen = set()
        while not over.is_set():
            verdict = gate.validator.decide(token, call)
            seen.add(verdict.reason.name if isinstance(verdict, Refusal) else "allowed")
        return seen

    with ThreadPoolExecutor(THREADS) as pool:
        flows = [pool.submit(flow) for _ in range(THREADS // 2)]
        try:
            for _ in range(FLIPS):
                store.put(subscription("m2m", state="BLOCKED"))
                assert gate.why(token, call) == "SUBSCRIPTION_BLOCKED"
                store.put(subscription("m2m"))
                gate.allow(token, call)
        finally:
            over.set()
    assert set().union(*(one.result() for one in flows)) <= {"allowed", "SUBSCRIPTION_BLOCKED"}


@each_kind
def test_a_crowd(way: Way, clock: SettableClock, root: Issuer, kind: str) -> None:
    """Many callers at once get each the verdict of its own call, and share what has to be asked."""
    gate = Gate(way, clock, [known(root)], subscriptions=subscribed())
    api = orders()
    tokens = {scope: root.token(kind, scope=scope) for scope in ("read", "write")}
    asks = [(scope, api.call(method, "/menu")) for scope in tokens for method in ("GET", "POST")] * (TASKS // 4)
    expected = [scope == "read" and call.method == "GET" for scope, call in asks]
    if way.on_loops:
        verdicts = asyncio.run(_together(gate, [(tokens[scope], call) for scope, call in asks]))
    else:
        with ThreadPoolExecutor(THREADS) as pool:
            verdicts = list(pool.map(lambda ask: gate.validator.decide(tokens[ask[0]], ask[1]), asks))
    assert [bool(verdict) for verdict in verdicts] == expected
    reasons = {verdict.reason.name for verdict in verdicts if isinstance(verdict, Refusal)}
    assert reasons == {"INSUFFICIENT_SCOPE"}
    assert (root.hits(ENDPOINT), root.hits("/jwks")) == ((2, 0) if kind == "opaque" else (0, 1))


async def _together(gate: Gate, asks: list[tuple[str, ApiCall]]) -> list[Any]:
    return await asyncio.gather(*(gate.validator.adecide(token, call) for token, call in asks))
