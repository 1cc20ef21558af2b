"""What an issuer says of how long its keys are fresh, and what operators do by hand: drop, refresh, warm."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from kmvalidate import KeyManagerUnavailable, KeysDropped, KeysFetched, Reason, Status
from tests.e2e.gateway import SettableClock, altered, eventually, header_of
from tests.e2e.live import COOLDOWN_S, HARD_TTL_S, LONGEST_BACKOFF_S, SOFT_TTL_S, Live, Way, fetches, manager_of
from tests.e2e.provider import OIDC, Issuer, Provider
from tests.hostile import Call, Peer

pytestmark = pytest.mark.e2e


@pytest.mark.parametrize(
    "case",
    [
        ("max-age=120", {}, 120),
        ("public, max-age=3600, must-revalidate", {}, 3600),
        ("max-age=0", {}, 60),
        ("max-age=59", {}, 60),
        ("max-age=99999999999", {}, 43_200),
        ("max-age=43200", {"hard_ttl_s": 900}, 900),
        ("max-age=5", {"min_ttl_s": 2, "cooldown_s": 1}, 5),
        ("max-age=5000", {"max_ttl_s": 1000}, 1000),
        ("no-store", {}, SOFT_TTL_S),
        ("max-age=-1", {}, SOFT_TTL_S),
        ("s-maxage=120", {}, SOFT_TTL_S),
    ],
    ids=str,
)
def test_cache_control(
    live: Callable[..., Live], root: Issuer, clock: SettableClock, case: tuple[str, dict[str, Any], float]
) -> None:
    """The answer that brings the keys says when they are due, within the limits that are configured."""
    said, how, fresh_for_s = case
    gate, token = live(root, **how), root.token("ES256")
    root.send_headers({"cache-control": said})
    gate.accept(token)
    assert [event.fresh_for_s for event in gate.told(KeysFetched)] == [pytest.approx(fresh_for_s)]
    clock.advance(fresh_for_s - 0.5)
    gate.accept(token)
    assert (gate.health().status, fetches(root)) == (Status.FRESH, (1, 1))
    clock.advance(0.75)
    assert gate.health().status is Status.STALE
    eventually(lambda: gate.accepts(token) and len(gate.told(KeysFetched)) == 2)
    assert (gate.health().status, fetches(root)) == (Status.FRESH, (2, 2))


def test_cache_control_of_the_metadata(live: Callable[..., Live], root: Issuer) -> None:
    """How long the metadata may be kept says nothing about the keys."""
    headers = {"content-type": "application/json", "cache-control": "max-age=120"}
    root.fault(OIDC, status=200, body=json.dumps(root.get(OIDC)), headers=headers)
    gate = live(root)
    gate.accept(root.token("ES256"))
    assert [event.fresh_for_s for event in gate.told(KeysFetched)] == [SOFT_TTL_S]


def test_a_dropped_key(live: Callable[..., Live], root: Issuer, clock: SettableClock) -> None:
    """A key that is dropped verifies nothing from then on, though it is still published, and the others go on."""
    gate, token, other = live(root), root.token("ES256"), root.token("RS256")
    gate.accept(token)
    remembered, dropped = gate.accept(other).payload, header_of(token)["kid"]
    gate.registry.drop_key("root", dropped)
    assert gate.told(KeysDropped) == [KeysDropped(key_manager="root", key_id=dropped)]
    for one in (token, root.token("ES256"), root.user_token("ES256")):
        refused = gate.refused(one)
        assert (refused.reason, refused.got) == (Reason.UNKNOWN_KEY, dropped)
    assert gate.accept(other).payload is remembered
    assert (dropped in gate.health().key_ids, fetches(root)) == (False, (1, 1))
    clock.advance(COOLDOWN_S)
    for _ in range(3):
        assert gate.refused(token).reason is Reason.UNKNOWN_KEY
    assert fetches(root) == (2, 2)
    gate.refresh("root")
    assert gate.refused(token).reason is Reason.UNKNOWN_KEY
    assert dropped in {key["kid"] for key in root.get("/jwks")["keys"]}
    assert gate.accept(other).payload is remembered


def test_a_dropped_key_under_another_id(live: Callable[..., Live], root: Issuer) -> None:
    """A key that was dropped does not come back under another id, and a new key under its id does."""
    gate, token = live(root), root.token("ES256")
    gate.accept(token)
    dropped = header_of(token)["kid"]
    gate.registry.drop_key("root", dropped)
    published = root.get("/jwks")["keys"]
    renamed = [key | {"kid": "renamed"} if key["kid"] == dropped else key for key in published]
    root.fault("/jwks", times=1, status=200, body=json.dumps({"keys": renamed}))
    gate.refresh("root")
    assert gate.refused(altered(token, header={"kid": "renamed"})).reason is Reason.UNKNOWN_KEY
    root.rotate(keep_old=False)
    new = root.token("ES256")
    (key,) = (key for key in root.get("/jwks")["keys"] if key["kid"] == header_of(new)["kid"])
    root.fault("/jwks", times=1, status=200, body=json.dumps({"keys": [key | {"kid": dropped}]}))
    gate.refresh("root")
    assert gate.refused(token).reason is Reason.BAD_SIGNATURE
    assert gate.health().key_ids == (dropped,)


def test_a_dropped_key_after_a_change(live: Callable[..., Live], root: Issuer) -> None:
    """A key that was dropped stays so when its key manager is configured anew, or removed and added again."""
    gate, token, other = live(root), root.token("ES256"), root.token("RS256")
    gate.accept(token)
    gate.registry.drop_key("root", header_of(token)["kid"])
    gate.registry.replace("configuration", manager_of(root, soft_ttl_s=SOFT_TTL_S / 2))
    assert gate.refused(token).reason is Reason.UNKNOWN_KEY
    gate.registry.remove("configuration", "root")
    gate.registry.add("configuration", manager_of(root))
    assert gate.refused(token).reason is Reason.UNKNOWN_KEY
    gate.accept(other)


def test_dropped_keys(live: Callable[..., Live], root: Issuer, path: Issuer) -> None:
    """When all keys of an issuer are dropped they are fetched anew for the next token, and others keep theirs."""
    gate, token, other = live(root, path), root.token("ES256"), path.token("ES256")
    gate.accept(token)
    gate.accept(other)
    gate.registry.drop_keys("root")
    health = gate.health()
    assert (health.status, health.usable, health.key_ids) == (Status.UNFETCHED, False, ())
    assert (fetches(root), gate.told(KeysDropped)) == ((1, 1), [KeysDropped(key_manager="root")])
    for _ in range(3):
        gate.accept(token)
        gate.accept(other)
    assert (fetches(root), fetches(path)) == ((2, 2), (1, 1))


def test_dropped_keys_in_an_outage(live: Callable[..., Live], root: Issuer, clock: SettableClock) -> None:
    """When all keys are dropped a remembered token is not served with them, whatever keeps others from coming."""
    gate, token = live(root), root.token("ES256")
    gate.accept(token)
    root.fault("", status=503)
    gate.registry.drop_keys("root")
    for _ in range(3):
        gate.unavailable(token)
    assert fetches(root) == (2, 1)
    root.reset()
    clock.advance(LONGEST_BACKOFF_S)
    gate.accept(token)
    assert fetches(root) == (1, 1)


def test_refresh(live: Callable[..., Live], issuer: Issuer) -> None:
    """A refresh by hand fetches at once, within the cool-down and however fresh the keys are."""
    gate, old = live(issuer), issuer.token("ES256")
    gate.accept(old)
    issuer.rotate(keep_old=False)
    for expected in (2, 3):
        gate.refresh(issuer.name)
        assert fetches(issuer) == (expected, expected)
    assert gate.refused(old).reason is Reason.UNKNOWN_KEY
    gate.accept(issuer.token("ES256"))
    assert fetches(issuer) == (3, 3)


def test_refresh_in_an_outage(live: Callable[..., Live], root: Issuer, clock: SettableClock) -> None:
    """A refresh by hand that fails says so and takes no key away, and the next one does not wait for the back-off."""
    gate, token = live(root), root.token("ES256")
    remembered = gate.accept(token).payload
    root.reset()
    root.fault("/jwks", status=503)
    for failures in (1, 2, 3):
        with pytest.raises(KeyManagerUnavailable, match="503") as caught:
            gate.refresh("root")
        assert (caught.value.key_manager, gate.health().failures) == ("root", failures)
        assert gate.accept(token).payload is remembered
    assert (fetches(root), gate.health().status) == ((3, 3), Status.UNREACHABLE)
    root.reset()
    gate.refresh("root")
    assert gate.accept(token).payload is remembered
    assert (fetches(root), gate.health().status) == ((1, 1), Status.FRESH)
    assert gate.story[-2:] == ["KeyManagerReachable", "KeysFetched"]


def test_warm(way: Way, provider: Provider, clock: SettableClock) -> None:
    """To warm a registry up fetches everything once and reports on each issuer, a dead one included."""
    issuers = list(provider.issuers.values())
    with Peer(Call.reset) as dead:
        managers = [manager_of(issuer) for issuer in issuers]
        managers.insert(1, manager_of(issuers[0], name="dead", issuer=dead.url("/dead")))
        gate = Live(way, clock, managers)
        tokens = [issuer.token("ES256") for issuer in issuers]
        for _ in range(2):  # the second time everything is here, or was tried just now
            warmed = gate.warm()
            assert list(warmed) == ["root", "dead", "path", "tls"]
            assert (warmed["dead"].status, warmed["dead"].failures) == (Status.UNREACHABLE, 1)
            assert (warmed["dead"].usable, warmed["dead"].why is None) == (False, False)
            assert dead.connections == 1
            for issuer in issuers:
                published = tuple(key["kid"] for key in issuer.get("/jwks")["keys"])
                issuer_health = warmed[issuer.name]
                assert (issuer_health.status, issuer_health.key_ids) == (Status.FRESH, published)
                assert issuer_health.issuer == issuer.url
        for issuer, token in zip(issuers, tokens, strict=True):
            before = fetches(issuer)
            gate.accept(token)
            assert (fetches(issuer), issuer.hits(OIDC)) == (before, 1)
        assert len(gate.told(KeysFetched)) == len(issuers)


def test_warm_again(live: Callable[..., Live], root: Issuer, path: Issuer, clock: SettableClock) -> None:
    """To warm a registry up fetches what is due, and nothing else."""
    gate = live(root)
    gate.registry.use("control-plane", [manager_of(path, soft_ttl_s=HARD_TTL_S / 2)])
    assert {health.status for health in gate.warm().values()} == {Status.FRESH}
    clock.advance(SOFT_TTL_S)
    root.rotate(keep_old=False)
    assert {health.status for health in gate.warm().values()} == {Status.FRESH}
    assert (fetches(root), fetches(path)) == ((2, 2), (1, 1))
    gate.accept(root.token("ES256"))
    assert fetches(root) == (2, 2)
