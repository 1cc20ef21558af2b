"""
The limits on what is remembered, on many issuers, and on callers of both kinds.

Rules kept here: as in `_gates`. A warm token is one that was verified before and comes as a string of its own, as from
a request; what it costs is compared with making that string and hashing it once.
"""

from __future__ import annotations

import asyncio
import json
import random
from functools import partial
from hashlib import sha256
from itertools import cycle
from statistics import median
from time import perf_counter_ns, time
from typing import TYPE_CHECKING

from _crowd import crowd
from _first_time import first_time
from _footprint import footprint, used
from _gates import Gate, Measured
from _measure import loops_for, median_ratio, threads, turns
from _peers import pyjwt
from _tokens import AUDIENCE, ISSUER
from _warm import Warm

from kmvalidate import (
    ANY_OPAQUE_TOKEN,
    ClientSecretBasic,
    HttpResponse,
    Introspection,
    KeyManager,
    KeyManagerRegistry,
    TokenValidator,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from _gates import Effort

    Call = Callable[[], object]

_THREADS = 8
_CONTROL_LEAST = 0.97
_CROWD = 10_000
_REMEMBERED = 100_000
_LOOP_CALLS = 1_000
_TURN_S = 0.04


def _over_hashing(effort: Effort) -> Measured:
    warm = Warm()
    times = turns({"ours": warm.call, "floor": warm.floor}, effort.rounds)
    return Measured(median_ratio(times["ours"], times["floor"]), f"{median(times['ours']) / 1e3:.2f} us")


def _over_pyjwt(effort: Effort) -> Measured:
    warm = Warm()
    times = turns({"theirs": partial(pyjwt(warm.token), warm.token.token), "ours": warm.call}, effort.rounds)
    return Measured(median_ratio(times["theirs"], times["ours"]))


class _Provider:
    """Answers that every token is active, for an hour."""

    def __init__(self) -> None:
        self.asked = 0

    def send(self, _: object) -> HttpResponse:
        self.asked += 1
        times = {"exp": int(time()) + 3600, "iat": int(time())}
        answer = {"active": True, "aud": AUDIENCE, "client_id": "web-shop", "scope": "menu:read", "sub": "alice"}
        body = json.dumps({**answer, **times, "token_type": "Bearer"}).encode()
        return HttpResponse(status=200, headers={"content-type": "application/json"}, body=body)


def _opaque_over_jwt(effort: Effort) -> Measured:
    """Both are hashed whole, so the opaque tokens are a usual one and one that is as long as the JWT."""
    warm, provider = Warm(), _Provider()
    asking = Introspection(
        client=ClientSecretBasic("gateway", "secret"),
        tokens=ANY_OPAQUE_TOKEN,
        endpoint=f"{ISSUER}/introspect",
        ttl_s=3600,
    )
    manager = KeyManager(
        name="Keycloak", issuer=ISSUER, audience=AUDIENCE, self_validate_jwt=False, introspection=asking
    )
    validator = TokenValidator(KeyManagerRegistry([manager], transport=provider))
    usual, long = (bytes(b"x" * length) for length in (43, len(warm.raw)))
    calls: dict[str, Call] = {
        "JWT": warm.call,
        "usual": lambda: validator.authenticate(usual.decode()),
        "long": lambda: validator.authenticate(long.decode()),
    }
    times = turns(calls, effort.rounds)
    if provider.asked != len(calls) - 1:
        raise AssertionError("an opaque token was not remembered")
    remark = f"one of 43 characters {median_ratio(times['usual'], times['JWT']):.3f}"
    return Measured(median_ratio(times["long"], times["JWT"]), remark)


def _asyncio(effort: Effort) -> Measured:
    warm = Warm()
    blocking, awaited, floor = asyncio.run(_in_a_loop(warm, effort.rounds))
    more = [(ours - theirs) / under for ours, theirs, under in zip(awaited, blocking, floor, strict=True)]
    microseconds = median(ours - theirs for ours, theirs in zip(awaited, blocking, strict=True)) / 1e3
    return Measured(median(more), f"{microseconds:.2f} us more, in units of a fresh string and its hash")


async def _in_a_loop(warm: Warm, rounds: int) -> tuple[list[float], list[float], list[float]]:
    validator, raw = warm.validator, warm.raw
    blocking, awaited, floor = [], [], []
    for _ in range(rounds):
        began = perf_counter_ns()
        for _ in range(_LOOP_CALLS):
            validator.authenticate(raw.decode())
        between = perf_counter_ns()
        for _ in range(_LOOP_CALLS):
            await validator.aauthenticate(raw.decode())
        ended = perf_counter_ns()
        for _ in range(_LOOP_CALLS):
            sha256(raw.decode().encode()).digest()
        blocking.append((between - began) / _LOOP_CALLS)
        awaited.append((ended - between) / _LOOP_CALLS)
        floor.append((perf_counter_ns() - ended) / _LOOP_CALLS)
    return blocking, awaited, floor


def _warm_threads(effort: Effort) -> Measured:
    """Judged only where as many threads that only make a string and hash it keep up with one."""
    warm = Warm()
    calls: dict[str, Call] = {"floor": warm.floor, "ours": warm.call}
    loops = {name: loops_for(call, _TURN_S) for name, call in calls.items()}
    seen = [
        {name: threads(call, loops[name], _THREADS) for name, call in calls.items()} for _ in range(effort.thread_turns)
    ]
    floor, ours = (median(turn[name] for turn in seen) for name in calls)
    remark = f"making a string and hashing it reached {floor:.2f}"
    return Measured(None, f"{remark}, ours {ours:.2f}") if floor < _CONTROL_LEAST else Measured(ours, remark)


def _ten_thousand(effort: Effort) -> Measured:
    people = crowd(_CROWD)
    random.Random(1).shuffle(people)  # noqa: S311  # an order, no secret
    many, one = used(people), used(people[:1])
    tokens, verifications = cycle(p.token for p in people), cycle(p.raw_verify for p in people)
    calls: dict[str, Call] = {
        "many": lambda: many.authenticate(next(tokens)),
        "many raw": lambda: next(verifications)() is None,
        "one": lambda: one.authenticate(people[0].token),
        "one raw": lambda: people[0].raw_verify() is None,
    }
    times = turns(calls, effort.rounds)
    with_many = median_ratio(times["many"], times["many raw"])
    with_one = median_ratio(times["one"], times["one raw"])
    return Measured(with_many / with_one, f"{with_many:.3f} beside {with_one:.3f}")


def _issuer_bytes(_: Effort) -> Measured:
    allocated = footprint("issuers", _CROWD, "allocated")["each"]
    resident = footprint("issuers", _CROWD, "resident")["each"]
    return Measured(allocated / 1000, f"the process grew by {resident / 1000:.2f} KB each, OpenSSL's keys included")


def _token_bytes(_: Effort) -> Measured:
    return Measured(footprint("tokens", _REMEMBERED, "allocated")["each"] / 1000)


def _collection(_: Effort) -> Measured:
    seen = footprint("tokens", _REMEMBERED, "resident")
    remark = f"beside {seen['without_ms']:.1f} ms without; the process grew by {seen['each'] / 1000:.2f} KB each"
    return Measured(seen["collection_ms"], remark)


LIVE_GATES = {
    "warm-over-hashing": Gate(_over_hashing, 1.8, at_most=True),
    "warm-over-pyjwt": Gate(_over_pyjwt, 30.0, at_most=False),
    "opaque-over-jwt": Gate(_opaque_over_jwt, 1.1, at_most=True),
    "warm-asyncio": Gate(_asyncio, 0.3, at_most=True),
    "warm-eight-threads": Gate(_warm_threads, 0.95, at_most=False),
    "ten-thousand-issuers": Gate(_ten_thousand, 1.2, at_most=True),
    "kilobytes-per-issuer": Gate(_issuer_bytes, 4.0, at_most=True),
    "kilobytes-per-token": Gate(_token_bytes, 1.1, at_most=True),
    "collection-ms": Gate(_collection, 5.0, at_most=True),
    "cold-through-memory": Gate(first_time, 1.35, at_most=True),
}
