"""What becomes of a token over time: it is issued, revoked, it expires, and its client's secret is changed."""

import asyncio

import pytest

from kmvalidate import ANY_OPAQUE_TOKEN, ClientSecretBasic, Introspection, KeyManagerRegistry, TokenValidator
from kmvalidate.testing import SimulatedProvider
from tests.concurrency.callers import averdict, verdict

FRONTS = pytest.mark.parametrize("front", [0, 2, 1000])
CALLERS = pytest.mark.parametrize("is_async", [False, True])
EDGE_S = 2**-10


class Gate:
    """A gateway that asks a simulated provider, by callers of one kind."""

    def __init__(self, front=0, *, is_async=False, kind="oidc", whole=False, client=None, **options):
        self.idp = SimulatedProvider(kind, audience="orders", algorithms=("ES256",))
        client = client or ClientSecretBasic(*self.idp.client)
        manager = self.idp.key_manager(introspection=Introspection(client=client, tokens=ANY_OPAQUE_TOKEN, **options))
        self.registry = KeyManagerRegistry([manager], transport=self.idp, clock=self.idp.clock)
        self.validator = TokenValidator(self.registry, remember=front, remember_whole_tokens=whole)
        self._is_async = is_async

    def says(self, token):
        if self._is_async:
            return asyncio.run(averdict(self.validator.aauthenticate, token))
        return verdict(self.validator.authenticate, token)

    @property
    def calls(self):
        return self.idp.hits[self.idp.kind.introspection_path]


@FRONTS
@CALLERS
def test_inactive_to_active(front, is_async):
    """A token that becomes active is good when ten seconds have passed since it was found not to be."""
    gate = Gate(front, is_async=is_async)
    token = gate.idp.opaque_token()
    gate.idp.fail("inactive")
    assert gate.says(token) == "INACTIVE"
    gate.idp.recover()
    gate.idp.clock.advance(10 - EDGE_S)
    assert gate.says(token) == "INACTIVE"
    gate.idp.clock.advance(EDGE_S)
    assert [gate.says(token), gate.says(token)] == ["GOOD"] * 2
    assert gate.calls == 2


@FRONTS
@CALLERS
@pytest.mark.parametrize("ttl_s", [60, 5, 0])
def test_active_to_revoked(front, is_async, ttl_s):
    """A token that is revoked is good for what is left of the time it is remembered, and no longer."""
    gate = Gate(front, is_async=is_async, ttl_s=ttl_s)
    token = gate.idp.opaque_token()
    assert gate.says(token) == "GOOD"
    gate.idp.revoke(token)
    if ttl_s:
        gate.idp.clock.advance(ttl_s - EDGE_S)
        assert gate.says(token) == "GOOD"
        gate.idp.clock.advance(EDGE_S)
    assert [gate.says(token), gate.says(token)] == ["INACTIVE"] * 2
    assert gate.calls == 2


@FRONTS
@CALLERS
def test_expired_at_the_provider(front, is_async):
    """A token that expires while it is remembered is not active from that second on."""
    gate = Gate(front, is_async=is_async)
    token = gate.idp.opaque_token(expires_in_s=30)
    assert gate.says(token) == "GOOD"
    gate.idp.clock.advance(30 - EDGE_S)
    assert (gate.says(token), gate.calls) == ("GOOD", 1)
    gate.idp.clock.advance(EDGE_S)
    assert (gate.says(token), gate.calls) == ("INACTIVE", 2)


def test_whole_tokens_in_front():
    """A validator that knows JWTs by themselves tells the same as one that does not, and keeps no opaque token."""
    gate = Gate(1000, whole=True)
    token, jwt = gate.idp.opaque_token(), gate.idp.token()
    assert [gate.says(token) for _ in range(3)] == ["GOOD"] * 3
    assert gate.says(jwt) == "GOOD"
    kept = gate.validator._memory._tokens
    assert (kept.get(token), kept.get(jwt) is None, len(kept)) == (None, False, 2)
    gate.idp.revoke(token)
    gate.idp.clock.advance(60)
    assert gate.says(token) == "INACTIVE"
    assert gate.calls == 2


def test_validators_of_one_registry():
    """Validators with and without a memory of their own share the answers, and tell the same all along."""
    gate = Gate()
    others = [TokenValidator(gate.registry, remember=n) for n in (0, 2, 100)]
    token = gate.idp.opaque_token(expires_in_s=90)
    for step in range(12):
        told = {gate.says(token), *(verdict(other.authenticate, token) for other in others)}
        assert told == {"GOOD" if step < 9 else "INACTIVE"}
        gate.idp.clock.advance(10)
    assert gate.calls == 5


@FRONTS
def test_a_secret_that_is_changed(front):
    """With a client's secret changed at the provider, tokens are an outage until the gateway has the new one."""
    secrets = ["wrong"]
    gate = Gate(front, client=ClientSecretBasic("gateway", lambda: secrets[-1]), breaker_failures=100)
    name, right = gate.idp.client
    secrets[-1] = right
    token = gate.idp.opaque_token()
    assert name == "gateway"
    assert gate.says(token) == "GOOD"
    secrets.append("changed")
    assert gate.says(token) == "GOOD"
    gate.idp.clock.advance(60)
    assert [gate.says(token), gate.says(token)] == ["KeyManagerUnavailable"] * 2
    secrets.pop()
    gate.idp.clock.advance(60)
    assert gate.says(token) == "GOOD"


@pytest.mark.parametrize("kind", ["wso2_is", "asgardeo", "keycloak", "forgerock"])
def test_the_same_for_each_kind_of_provider(kind):
    """Issued, revoked and unknown tokens fare the same with each kind of provider."""
    gate = Gate(1000, kind=kind)
    token = gate.idp.opaque_token()
    if token.count(".") == 2:
        return
    assert [gate.says(token), gate.says("unknown-token")] == ["GOOD", "INACTIVE"]
    gate.idp.revoke(token)
    assert gate.says(token) == "GOOD"
    gate.idp.clock.advance(60)
    assert gate.says(token) == "INACTIVE"
