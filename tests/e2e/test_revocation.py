"""Live tokens that are revoked: at the provider, in the list, and all at once."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from kmvalidate import ANY_KEY_MANAGER, BackendJwtGenerator, RevocationList, SigningKey, signed_digest
from tests.e2e.calling import Gate, each_caller, each_kind, known, known_by_keys, orders, subscribed
from tests.e2e.gateway import SettableClock, header_of
from tests.e2e.introspection_gates import TTL_S
from tests.e2e.live import Way
from tests.e2e.opaque import ENDPOINT, revoke
from tests.e2e.provider import Issuer

pytestmark = [pytest.mark.e2e, each_caller]

MENU = orders(key_managers=None).call("GET", "/menu")
LATER_S = 100
CALLERS, ROUNDS = 6, 10

Revoke = Callable[[RevocationList, Any, str], object]


def _before(**how: Any) -> dict[str, Any]:
    return {"key_manager": "root", "before": time.time() + LATER_S, **how}


# What is done to the list, given a verified token and the token itself.
KINDS: dict[str, Revoke] = {
    "token id": lambda listed, token, _: listed.revoke_token_id(token.token_id, key_manager="root"),
    "token": lambda listed, _, text: listed.revoke_token(text),
    "digest": lambda listed, _, text: listed.revoke_digest(signed_digest(text).hex()),
    "consumer key": lambda listed, token, _: listed.revoke_consumer_key(token.consumer_key, **_before()),
    "anywhere": lambda listed, token, _: listed.revoke_consumer_key(
        token.consumer_key, **_before(key_manager=ANY_KEY_MANAGER)
    ),
    "subject": lambda listed, token, _: listed.revoke_subject(token.subject, **_before()),
    "client": lambda listed, token, _: listed.revoke_client(token.consumer_key, key_manager="root"),
    "issuer": lambda listed, token, _: listed.revoke_issuer(token.issuer),
    "key": lambda listed, token, _: listed.revoke_key(token.key_id, key_manager="root"),
}
SINGLE = {"token id", "token", "digest"}
each_way_of_it = pytest.mark.parametrize("name", KINDS)


@pytest.fixture
def gate(way: Way, clock: SettableClock, root: Issuer, path: Issuer) -> Gate:
    generator = BackendJwtGenerator(SigningKey.generate())
    managers = [known(root), known_by_keys(path)]
    return Gate(way, clock, managers, subscriptions=subscribed(), backend_jwt=generator)


@each_way_of_it
@each_kind
def test_each_kind(gate: Gate, root: Issuer, path: Issuer, name: str, kind: str) -> None:
    """What is revoked is refused from the next call on, known or not, and nothing else is."""
    if (name, kind) in {("key", "opaque"), ("token id", "opaque")}:
        kind = "RS256"  # no key signed an opaque token
    token, twin, other = root.user_token(kind), root.user_token(kind), root.token(kind)
    elsewhere = path.user_token("ES256")
    for one in (token, other, elsewhere):
        gate.allow(one, MENU)
    KINDS[name](gate.registry.revocations, gate.accept(token), token)
    for _ in range(2):
        assert gate.why(token, MENU) == "REVOKED"
    assert gate.refused(token).reason.name == gate.explain(token, MENU).reason.name == "REVOKED"
    if name in SINGLE:
        gate.allow(twin, MENU)
    else:
        assert gate.why(twin, MENU) == "REVOKED"
    if name in {"issuer", "key"}:
        assert gate.why(other, MENU) == "REVOKED"
    else:
        gate.allow(other, MENU)
    if name != "anywhere":
        gate.allow(elsewhere, MENU)


@each_kind
def test_a_cut_off(gate: Gate, root: Issuer, kind: str) -> None:
    """Tokens of a client that were issued before a moment are refused, and those after it go on."""
    token = root.token(kind)
    issued_at = gate.allow(token, MENU).token.claims["iat"]  # type: ignore[union-attr]
    revocations = gate.registry.revocations
    revocations.revoke_consumer_key("m2m", key_manager="root", before=issued_at)
    gate.allow(token, MENU)
    revocations.revoke_consumer_key("m2m", key_manager="root", before=issued_at + 1)
    assert gate.why(token, MENU) == "REVOKED"
    revocations.revoke_consumer_key("m2m", key_manager="root", before=issued_at - LATER_S)
    assert gate.why(token, MENU) == "REVOKED"


@each_kind
def test_taken_back(gate: Gate, root: Issuer, kind: str) -> None:
    """A client and an issuer that are reinstated are allowed again, and the provider is not asked for it."""
    token = root.token(kind)
    gate.allow(token, MENU)
    root.reset()
    revocations = gate.registry.revocations
    revocations.revoke_client("m2m", key_manager="root")
    revocations.revoke_issuer(root.url)
    assert gate.why(token, MENU) == "REVOKED"
    assert revocations.reinstate_client("m2m", key_manager="root")
    assert gate.why(token, MENU) == "REVOKED"
    assert revocations.reinstate_issuer(root.url)
    gate.allow(token, MENU)
    assert (root.hits(ENDPOINT), root.hits("/jwks")) == (0, 0)


def test_at_the_provider_and_in_the_list(gate: Gate, root: Issuer, clock: SettableClock) -> None:
    """A token revoked at its provider goes on for as long as it is remembered, unless the list has it too."""
    slow, quick = (root.token("opaque") for _ in range(2))
    for token in (slow, quick):
        gate.allow(token, MENU)
        revoke(root, token)
    gate.registry.revocations.revoke_token(quick)
    assert gate.why(quick, MENU) == "REVOKED"
    gate.allow(slow, MENU)
    clock.advance(TTL_S)
    assert gate.why(slow, MENU) == "INACTIVE"
    assert gate.why(quick, MENU) in {"INACTIVE", "REVOKED"}


@pytest.mark.parametrize("name", [None, "root"])
def test_the_kill_switch(gate: Gate, root: Issuer, path: Issuer, name: str | None) -> None:
    """When all is forgotten the provider is asked again about every token, and a revoked one is seen at once."""
    token, revoked, jwt = root.token("opaque"), root.token("opaque"), root.token("ES256")
    for one in (token, revoked, jwt):
        for _ in range(3):
            gate.allow(one, MENU)
    assert (root.hits(ENDPOINT), root.hits("/jwks")) == (2, 1)
    revoke(root, revoked)
    gate.allow(revoked, MENU)
    gate.registry.drop_tokens(name)
    assert gate.why(revoked, MENU) == "INACTIVE"
    for _ in range(3):
        gate.allow(token, MENU)
        gate.allow(jwt, MENU)
    assert (root.hits(ENDPOINT), root.hits("/jwks")) == (4, 1)


@each_kind
def test_the_kill_switch_among_callers(gate: Gate, root: Issuer, kind: str) -> None:
    """However many call meanwhile, whoever comes after the switch is asked about, and nobody is refused for it."""
    tokens = [root.token(kind) for _ in range(3)]
    with ThreadPoolExecutor(CALLERS) as pool:
        for _ in range(ROUNDS):
            calls = [pool.submit(gate.allow, token, MENU) for token in tokens * 3]
            gate.registry.drop_tokens()
            assert all(call.result().token is not None for call in calls)
    hits = root.hits(ENDPOINT)
    gate.registry.drop_tokens()
    for token in tokens * 2:
        gate.allow(token, MENU)
    assert root.hits(ENDPOINT) - hits == (len(tokens) if kind == "opaque" else 0)


@each_kind
def test_another_backend_jwt_after_the_kill_switch(gate: Gate, root: Issuer, kind: str) -> None:
    """Backend JWTs are remembered with their tokens, and forgotten with them."""
    token = root.token(kind)
    first = gate.allow(token, MENU).backend_jwt
    assert gate.allow(token, MENU).backend_jwt == first
    gate.registry.drop_tokens()
    assert gate.allow(token, MENU).backend_jwt != first


def test_a_shared_list(gate: Gate, way: Way, clock: SettableClock, root: Issuer) -> None:
    """Gateways of one process may share a list, in which a live token is revoked for both."""
    listed = gate.registry.revocations
    other = Gate(way, clock, [known(root)], registry={"revocations": listed}, subscriptions=subscribed())
    token = root.token("ES256")
    for one in (gate, other):
        one.allow(token, MENU)
    listed.revoke_token_id(gate.accept(token).token_id, key_manager="root")  # type: ignore[arg-type]
    for one in (gate, other):
        assert one.why(token, MENU) == "REVOKED"


def test_a_key_that_leaked(gate: Gate, root: Issuer) -> None:
    """A key that is revoked or dropped is of no use even while its provider publishes it, and others are."""
    es256, rs256 = root.token("ES256"), root.token("RS256")
    gate.allow(rs256, MENU)
    gate.allow(es256, MENU)
    gate.registry.revocations.revoke_key(header_of(es256)["kid"], key_manager="root")
    assert gate.why(es256, MENU) == "REVOKED"
    gate.allow(rs256, MENU)
    gate.registry.drop_key("root", header_of(rs256)["kid"])
    assert gate.why(rs256, MENU) == "UNKNOWN_KEY"
    gate.allow(root.token("ES384"), MENU)
