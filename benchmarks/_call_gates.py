"""
The limits on a full validation: from a token and a call to all that a gateway forwards it with.

Rules kept here: as in `_gates` and `_live_gates`. What a full validation looks at is all there: the memory, a list of
revocations that is not empty, an API with its key manager, a subscription, scopes, and a JWT for the backend.
"""

from __future__ import annotations

from functools import partial
from statistics import median
from typing import TYPE_CHECKING

from _fast_jwt import FastJwt
from _gates import Gate, Measured, aftermath
from _gateway import Gateway
from _measure import median_ratio, timed_turns, timer, turns
from _peers import NotMeasured, pyjwt
from _unexplained import unexplained
from _warm import registry_of
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256

from kmvalidate import Case

if TYPE_CHECKING:
    from collections.abc import Callable

    from _gates import Effort

_EQUAL = 1.02
_PROCESSES = 5
_LONG_TURN_NS = 20_000_000


def _over_hashing(effort: Effort) -> Measured:
    gateway = Gateway()
    times = turns({"ours": gateway.call, "anew": gateway.call_anew, "floor": gateway.floor}, effort.rounds)
    anew = median_ratio(times["anew"], times["floor"])
    remark = f"{median(times['ours']) / 1e3:.2f} us; with `api.call` for each {anew:.3f}"
    return Measured(median_ratio(times["ours"], times["floor"]), remark)


def _over_pyjwt(effort: Effort) -> Measured:
    gateway = Gateway()
    times = turns({"theirs": partial(pyjwt(gateway.token), gateway.token.token), "ours": gateway.call}, effort.rounds)
    return Measured(median_ratio(times["theirs"], times["ours"]))


def _over_fast_jwt(effort: Effort) -> Measured:
    """
    Return what measures fast-jwt's cache hit against ours.

    It is given the same string each time, which spares it something; ours come as from a request. The turns are long:
    in short ones most of its garbage is collected while it waits for its next turn, or in the few turns that a median
    leaves out. Ours is freed at once. What it takes without is told beside it.
    """
    gateway = Gateway()
    whole = Gateway(gateway.token, remember_whole_tokens=True)
    try:
        peer = FastJwt(gateway.token)
    except NotMeasured as why:
        return Measured(None, doubt=str(why))
    timers = {"ours": timer(gateway.call), "whole": timer(whole.call), "same": peer.same, "fresh": peer.fresh}
    times = timed_turns(timers, effort.rounds // 3, _LONG_TURN_NS)
    short = timed_turns(timers, effort.rounds)
    peer.end()
    whole_us, ours_us, theirs_us, fresh_us = (median(times[name]) / 1e3 for name in ("whole", "ours", "same", "fresh"))
    remark = (
        f"{peer.versions}: {theirs_us:.2f} us, for a string of its own each time {fresh_us:.2f}, beside {ours_us:.2f}, "
        f"where we remember whole tokens {whole_us:.2f} ({median_ratio(times['same'], times['whole']):.3f}); without "
        f"its garbage {median(short['same']) / 1e3:.2f} us ({median_ratio(short['same'], short['ours']):.3f} and "
        f"{median_ratio(short['same'], short['whole']):.3f})"
    )
    return Measured(median_ratio(times["same"], times["ours"]), remark)


def _backend_jwt(effort: Effort) -> Measured:
    """A new one each time, beside the signature alone of as many bytes."""
    gateway = Gateway()
    allowed, ports = gateway.call(), registry_of(gateway.token.jwks).ports
    assert allowed.token is not None
    case = Case(allowed.token, allowed.call, ports.clock.wall(), allowed.grant)
    issue, now = gateway.generator.issue_now, ports.clock.wall
    made = issue(case, now())
    assert made is not None
    data, private, how = made.text.rpartition(".")[0].encode(), _private_key(), ec.ECDSA(SHA256())
    calls: dict[str, Callable[[], object]] = {
        "ours": lambda: issue(case, now()),
        "raw": lambda: private.sign(data, how),
    }
    times, remark, doubt = aftermath(calls, effort.rounds)
    return Measured(median_ratio(times["ours"], times["raw"]), f"{median(times['ours']) / 1e3:.1f} us; {remark}", doubt)


def _private_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def _explain(effort: Effort) -> Measured:
    """Several processes, for where in memory a copy lies makes it some percent faster or slower."""
    tries = [unexplained(effort.rounds // _PROCESSES) for _ in range(_PROCESSES)]
    seen = {kind: median(figures[kind] for figures in tries) for kind in tries[0]}
    kinds = [kind for kind in seen if f"{kind} equal" in seen]
    equal = [seen[f"{kind} equal"] for kind in kinds]
    figures = [", ".join(f"{kind} {seen[kind + of]:.3f}" for kind in kinds) for of in ("", " equal")]
    differ = max(max(ratio, 1 / ratio) for ratio in equal)
    doubt = f"equal copies differ by more than {_EQUAL:.2f}" if differ > _EQUAL else ""
    remark = f"{figures[0]}; two equal copies {figures[1]}"
    return Measured(max(seen[kind] for kind in kinds), remark, doubt)


CALL_GATES = {
    "call-over-hashing": Gate(_over_hashing, 2.0, at_most=True),
    "call-over-pyjwt": Gate(_over_pyjwt, 25.0, at_most=False),
    "call-over-fast-jwt": Gate(_over_fast_jwt, 1.0, at_most=False),
    "backend-jwt-over-raw": Gate(_backend_jwt, 1.3, at_most=True),
    "explain-unused": Gate(_explain, 1.03, at_most=True),
}
