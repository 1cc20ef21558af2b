"""An issuer that answers late, badly or not at all: nobody gets in by it, and good tokens go on as long as they can."""

from typing import Any

import pytest

from kmvalidate import Event, KeyManagerUnavailable, KeysNotFetched, TokenValidator
from tests.e2e.gateway import SettableClock, eventually, gateway
from tests.e2e.provider import Issuer

pytestmark = pytest.mark.e2e

PAST_BACKOFF_S = 31
PAST_COOLDOWN_S = 10.5
PAST_SOFT_TTL_S = 600 * 1.11
PAST_HARD_TTL_S = 86_401
DEADLINE_S = 1.0

FAULTS: dict[str, dict[str, Any]] = {
    "status 503": {"status": 503},
    "status 429": {"status": 429},
    "status 404": {"status": 404},
    "hang-up": {"hangup": True},
    "slow": {"delay_ms": 3000},
    "garbage": {"status": 200, "body": "\x00garbage"},
    "half a document": {"status": 200, "body": '{"keys": [{"kty": "EC",'},
    "an error page": {"status": 200, "body": "<html>502</html>", "headers": {"content-type": "text/html"}},
    "an empty object": {"status": 200, "body": "{}"},
    "an empty set": {"status": 200, "body": '{"keys": []}'},
    "no body": {"status": 200, "body": ""},
    "too much": {"status": 200, "body": " " * 1_000_001},
    "gzip": {"status": 200, "body": "{}", "headers": {"content-encoding": "gzip"}},
}

each_fault = pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
each_document = pytest.mark.parametrize("document", ["/.well-known/", "/jwks"], ids=["metadata", "keys"])


def unavailable(validator: TokenValidator, token: str) -> KeyManagerUnavailable:
    """Return how *validator* says that it cannot tell; it must."""
    with pytest.raises(KeyManagerUnavailable) as caught:
        validator.authenticate(token)
    assert token not in str(caught.value)
    return caught.value


@each_document
@each_fault
def test_no_keys_yet(root: Issuer, clock: SettableClock, document: str, fault: dict[str, Any]) -> None:
    """Without keys a fault means that nobody can tell now, and when it is over tokens are accepted."""
    token = root.token("ES256")
    root.fault(document, **fault)
    validator = gateway(root, deadline_s=DEADLINE_S, clock=clock)
    answer = unavailable(validator, token)
    assert answer.key_manager == "root"
    assert 1 <= answer.retry_after_s <= 30
    root.reset()
    clock.advance(PAST_BACKOFF_S)
    assert validator.authenticate(token).issuer == root.url


@each_document
@each_fault
def test_good_keys_stay(root: Issuer, clock: SettableClock, document: str, fault: dict[str, Any]) -> None:
    """A refresh that fails takes no key away, and a later one that succeeds brings the new keys."""
    told: list[Event] = []
    validator, token = gateway(root, deadline_s=DEADLINE_S, clock=clock, on_event=told.append), root.token("ES256")
    validator.authenticate(token)
    root.reset()
    root.fault(document, **fault)
    for refreshes in (1, 2):
        clock.advance(PAST_SOFT_TTL_S)
        validator.authenticate(token)
        eventually(lambda: _failures(told) == refreshes)  # noqa: B023  # called at once
        assert root.hits(document) >= refreshes
        validator.authenticate(token)
    root.rotate(keep_old=True)
    root.reset()
    eventually(lambda: _refreshed(validator, token, clock, root))
    validator.authenticate(root.token("ES256"))


def _failures(told: list[Event]) -> int:
    return sum(isinstance(event, KeysNotFetched) for event in list(told))


def _refreshed(validator: TokenValidator, token: str, clock: SettableClock, issuer: Issuer) -> bool:
    """Use the keys once more after the back-off, and return whether the issuer was asked for them."""
    clock.advance(PAST_BACKOFF_S)
    validator.authenticate(token)
    return issuer.hits("/jwks") > 0


@each_fault
def test_new_key_cannot_be_fetched(root: Issuer, clock: SettableClock, fault: dict[str, Any]) -> None:
    """While an issuer cannot be asked for a new key nobody can tell, and its old keys go on."""
    validator, old = gateway(root, deadline_s=DEADLINE_S, clock=clock), root.token("ES256")
    validator.authenticate(old)
    root.rotate(keep_old=True)
    new = root.token("ES256")
    clock.advance(PAST_COOLDOWN_S)
    root.fault("/jwks", **fault)
    unavailable(validator, new)
    validator.authenticate(old)
    root.reset()
    unavailable(validator, new)
    assert root.hits("") == 0  # it is left alone until the cool-down is over
    clock.advance(PAST_BACKOFF_S)
    validator.authenticate(new)
    validator.authenticate(old)


def test_past_the_hard_ttl(root: Issuer, clock: SettableClock) -> None:
    """Keys that could not be fetched again within the hard TTL are not used, until they can be."""
    validator, token = gateway(root, clock=clock), root.token("ES256")
    validator.authenticate(token)
    root.fault("", hangup=True)
    clock.advance(PAST_HARD_TTL_S)
    unavailable(validator, token)
    root.reset()
    clock.advance(PAST_BACKOFF_S)
    validator.authenticate(token)


def test_left_alone_after_a_failure(root: Issuer, clock: SettableClock) -> None:
    """An issuer that failed is not asked again for every token, but after the back-off."""
    validator, token = gateway(root, clock=clock), root.token("ES256")
    root.reset()
    root.fault("", status=503)
    for failures in range(1, 5):
        for _ in range(10):
            unavailable(validator, token)
        assert root.hits("") == failures
        clock.advance(PAST_BACKOFF_S)


def test_others_go_on(root: Issuer, path: Issuer) -> None:
    """One issuer that does not answer keeps nobody from using another's tokens."""
    validator = gateway(root, path, deadline_s=DEADLINE_S)
    down, up = root.token("ES256"), path.token("ES256")
    root.fault("", hangup=True)
    unavailable(validator, down)
    validator.authenticate(up)
    unavailable(validator, down)
    validator.authenticate(up)


@pytest.mark.parametrize(
    "headers",
    [
        {"cache-control": "max-age=3600, stale-while-revalidate=60"},
        {"cache-control": "no-store"},
        {"set-cookie": "a=b", "connection": "close"},
        {"content-type": "text/plain"},
    ],
    ids=["cached", "not cached", "cookie", "another type"],
)
def test_harmless_headers(issuer: Issuer, headers: dict[str, str]) -> None:
    """Header fields that say nothing about the keys change nothing."""
    token = issuer.token("ES256")
    issuer.send_headers(headers)
    validator = gateway(issuer)
    validator.authenticate(token)
    validator.authenticate(token)
    assert issuer.hits("/jwks") == 1
