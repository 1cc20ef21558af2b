"""Providers that are down while calls come: what is remembered goes on, and nobody is let in or refused for it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kmvalidate import BackendJwtGenerator, InMemorySubscriptions, LoadingSubscriptions, SigningKey
from tests.e2e.calling import Gate, each_caller, known, orders, records_of, subscribed, subscription
from tests.e2e.gateway import SettableClock
from tests.e2e.introspection_gates import INACTIVE_TTL_S, LEEWAY_S, LONGEST_BACKOFF_S, TTL_S
from tests.e2e.live import HARD_TTL_S, Way
from tests.e2e.node import find_node
from tests.e2e.opaque import ENDPOINT
from tests.e2e.provider import Issuer, Provider

pytestmark = [pytest.mark.e2e, each_caller]

MENU = orders().call("GET", "/menu")
POST = orders().call("POST", "/menu")


@pytest.fixture
def gate(way: Way, clock: SettableClock, root: Issuer) -> Gate:
    return gate_of(way, clock, root)


def gate_of(way: Way, clock: SettableClock, issuer: Issuer) -> Gate:
    """Return a gateway of one issuer, with backend JWTs."""
    generator = BackendJwtGenerator(SigningKey.generate())
    return Gate(way, clock, [known(issuer)], subscriptions=subscribed(), backend_jwt=generator)


def test_an_outage(gate: Gate, root: Issuer, clock: SettableClock) -> None:
    """Opaque tokens go on for as long as they are remembered, JWTs for as long as they are good, and then all do."""
    jwt, opaque, new_jwt, new_opaque = (root.token(kind) for kind in ("ES256", "opaque") * 2)
    for token in (jwt, opaque):
        gate.allow(token, MENU)
    root.reset()
    root.fault("", hangup=True)
    assert gate.cannot_tell(new_opaque, MENU).key_manager == "root"
    clock.advance(TTL_S - 1)
    for token in (jwt, opaque, new_jwt):
        assert gate.allow(token, MENU).backend_jwt is not None
    assert gate.why(opaque, POST) == "INSUFFICIENT_SCOPE"
    clock.advance(2)
    for token in (opaque, new_opaque):
        for call in (MENU, POST, orders(status="BLOCKED").call("GET", "/menu")):
            gate.cannot_tell(token, call)
    for token in (jwt, new_jwt):
        gate.allow(token, MENU)
    root.reset()
    clock.advance(LONGEST_BACKOFF_S)
    for token in (jwt, opaque, new_jwt, new_opaque):
        gate.allow(token, MENU)
    assert root.hits(ENDPOINT) == 2


def test_no_keys_from_the_beginning(gate: Gate, root: Issuer, clock: SettableClock) -> None:
    """Without keys nobody can tell of a JWT, whatever it is asked for and whether it is good."""
    good = root.token("ES256")
    bad = good[:-8] + "AAAAAAAA"
    root.fault("", hangup=True)
    for token in (good, bad):
        gate.cannot_tell(token, MENU)
    gate.cannot_tell(good, POST)
    assert gate.allow(None, orders().call("GET", "/open")).token is None
    root.reset()
    clock.advance(LONGEST_BACKOFF_S)
    gate.allow(good, MENU)
    assert gate.why(bad, MENU) == "BAD_SIGNATURE"


def test_not_beyond_its_time(gate: Gate, root: Issuer, clock: SettableClock) -> None:
    """During an outage a token that expires is refused, remembered or not, and its keys are not used forever."""
    jwt, opaque = root.token("ES256"), root.token("opaque")
    expires_at = gate.allow(jwt, MENU).token.expires_at  # type: ignore[union-attr]
    gate.allow(opaque, MENU)
    root.fault("", hangup=True)
    clock.set_wall(expires_at + LEEWAY_S + 1)
    for token in (jwt, opaque):
        assert gate.why(token, MENU) == "EXPIRED"
    clock.set_wall(expires_at - 1)
    gate.allow(jwt, MENU)
    clock.advance(HARD_TTL_S)
    gate.cannot_tell(jwt, MENU)


def test_revocations_and_subscriptions_count(gate: Gate, root: Issuer) -> None:
    """What is known here refuses during an outage too, of tokens that are remembered."""
    first, second = root.token("ES256"), root.user_token("opaque")
    for token in (first, second):
        gate.allow(token, MENU)
    root.fault("", hangup=True)
    gate.registry.revocations.revoke_token(first)
    assert gate.why(first, MENU) == "REVOKED"
    store: Any = gate.validator._subscriptions
    store.put(subscription("web", state="BLOCKED"))
    assert gate.why(second, MENU) == "SUBSCRIPTION_BLOCKED"
    gate.registry.drop_tokens()
    gate.cannot_tell(second, MENU)


def test_stopped(way: Way, clock: SettableClock, tmp_path: Path, running: Provider) -> None:
    """A provider whose process ends and that is started elsewhere is reached again once its key manager is told so."""
    (tmp_path / "1").mkdir()
    (tmp_path / "2").mkdir()
    with Provider(find_node(), tmp_path / "1") as first:
        root = first.issuers["root"]
        gate = gate_of(way, clock, root)
        jwt, opaque, unknown = root.token("ES256"), root.token("opaque"), root.token("opaque")
        for token in (jwt, opaque):
            gate.allow(token, MENU)
    for token in (jwt, opaque):
        gate.allow(token, MENU)
    gate.cannot_tell(unknown, MENU)
    clock.advance(TTL_S)
    gate.allow(jwt, MENU)
    gate.cannot_tell(opaque, MENU)
    with Provider(find_node(), tmp_path / "2") as second:
        again = second.issuers["root"]
        gate.registry.replace("configuration", known(again))
        gate.allow(again.token("ES256"), MENU)
        gate.allow(again.token("opaque"), MENU)
        assert gate.why(jwt, MENU) == "UNKNOWN_ISSUER"
        assert gate.why(opaque, MENU) == "INACTIVE"


def test_subscriptions_that_are_loaded(way: Way, clock: SettableClock, root: Issuer) -> None:
    """Subscriptions that cannot be loaded are an outage for new clients, and not for those that are known."""
    loaded: list[str] = []
    state: dict[str, Callable[[str], Any]] = {"answer": lambda _: None}

    async def load(_: Any, key_manager: str, consumer_key: str, __: Any) -> Any:
        loaded.append(consumer_key)
        return state["answer"](consumer_key)

    store = LoadingSubscriptions(InMemorySubscriptions(), load)
    gate = Gate(way, clock, [known(root)], subscriptions=store)
    m2m, web = root.token("ES256"), root.user_token("opaque")
    assert gate.why(m2m, MENU) == gate.why(m2m, MENU) == "NOT_SUBSCRIBED"
    assert loaded == ["m2m"]
    clock.advance(INACTIVE_TTL_S * 10)
    state["answer"] = records_of
    gate.allow(m2m, MENU)
    state["answer"] = _fails
    gate.allow(m2m, MENU)
    gate.cannot_tell(web, MENU)
    clock.advance(INACTIVE_TTL_S * 10)
    state["answer"] = records_of
    gate.allow(web, MENU)
    assert loaded == ["m2m", "m2m", "web", "web"]


def _fails(_: str) -> Any:
    raise OSError("the database is gone")
