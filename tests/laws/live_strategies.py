"""What happens to gateways: key managers, tokens good and otherwise, and the figures of key caches."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import strategies as st

from tests.laws.live_script import ISSUERS, LAYERS, ORGANIZATIONS, Bearer, Plan, Server, remote

PACES: list[dict[str, Any]] = [
    {"soft_ttl_s": 600, "hard_ttl_s": 3600, "cooldown_s": 10, "unknown_kid_ttl_s": 10, "idle_factor": 2},
    {"soft_ttl_s": 60, "hard_ttl_s": 200, "cooldown_s": 5, "unknown_kid_ttl_s": 5, "idle_factor": 2},
    {"soft_ttl_s": 100, "hard_ttl_s": 150, "cooldown_s": 30, "unknown_kid_ttl_s": 90, "idle_factor": 1},
    {"soft_ttl_s": 60, "hard_ttl_s": 600, "cooldown_s": 0, "unknown_kid_ttl_s": 0, "idle_factor": 4},
]
COMMON = {"jitter": 0, "min_ttl_s": 60, "max_ttl_s": 900, "max_backoff_s": 30, "breaker_failures": 3}
MEMORIES: list[dict[str, Any]] = [{}, {"remember_whole_tokens": True}, {"remember": 2}, {"remember": 0}]
PINNED = (("k1", "p1", "P-256"), ("k2", "p2", "P-384"))
USUAL = [
    *(remote("km-a", None, ISSUERS[0]), remote("km-b", None, ISSUERS[1])),
    *(remote("km-c", "acme", ISSUERS[2]), remote("km-b", "umbrella", ISSUERS[2], max_age_s=100)),
]

organizations = st.sampled_from(ORGANIZATIONS)
layers = st.sampled_from(LAYERS)
issuers = st.sampled_from(ISSUERS)
names = st.sampled_from(["km-a", "km-b", "km-c"])
places = st.integers(0, 5)
FLAWS = [
    *("no kid", "other key", "old key", "pinned", "invented kid", "tampered", "other algorithm", "audience"),
    *("expires", "starts", "issued"),
]
kinds = st.sampled_from(["good", "again"]) | st.sampled_from(FLAWS)
spans = st.sampled_from([1, 2, 5, 10, 30, 59, 60]) | st.sampled_from(
    [("soft_ttl_s", 1), ("soft_ttl_s", 2), ("hard_ttl_s", 1), ("cooldown_s", 1)]
)
presentations = st.tuples(issuers, kinds, places, organizations, st.booleans())


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    """Return a key manager, most often named for its issuer and in no way special."""
    issuer = draw(issuers)
    name = draw(st.just(f"km-{issuer[8]}") | names)
    special: list[dict[str, Any]] = [{}, {}, {"leeway_s": 0}, {"audience": "menu"}, {"max_age_s": 100}]
    plan = remote(name, draw(organizations), issuer, **draw(st.sampled_from([*special, {"pinned": PINNED}])))
    other = draw(st.none() | st.none() | issuers)
    return plan if other in {None, issuer} else replace(plan, issuers=(issuer, other))


def signed(server: Server, kind: str, place: int, now: int) -> Bearer:
    """Return a token of that issuer, made *now*: a good one, or one that is of another kind."""
    pool = server.gone if kind == "old key" else server.entries
    kid, owner, shape = pool[place % len(pool)] if pool else ("k0", "x", "P-256")
    made: dict[str, Any] = {"kid": kid, "owner": owner, "alg": "ES384" if shape == "P-384" else "ES256"}
    made |= {"expires": now + 300, "starts": now - 10, "issued": now - 10}
    changes: dict[str, dict[str, Any]] = {
        "no kid": {"kid": None},
        "other key": {"owner": "x"},
        "pinned": {"kid": "k1", "owner": "p1", "alg": "ES256"},
        "invented kid": {"kid": f"x{place % 3}"},
        "tampered": {"is_tampered": True},
        "other algorithm": {"alg": "EdDSA" if place % 2 else "ES384"},
        "audience": {"audience": "menu"},
    }
    if kind in {"expires", "starts", "issued"}:
        past = (-161, -160, -159) if kind == "issued" else (-61, -60, -59)
        changes[kind] = {kind: now + (*past, 59, 60, 61)[place]}
    return Bearer(issuer=server.issuer, subject=f"s{place % 2}", **made | changes.get(kind, {}))
