"""Issuers change their keys, kindly or not, and a gateway follows without losing anybody's good token."""

import pytest

from kmvalidate import Reason, Refused, TokenValidator
from tests.e2e.gateway import SettableClock, altered, eventually, gateway, header_of, refusal
from tests.e2e.provider import ALGORITHMS, Issuer

pytestmark = pytest.mark.e2e

PAST_COOLDOWN_S = 10.5
PAST_SOFT_TTL_S = 600 * 1.11


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_old_keys_kept(issuer: Issuer, algorithm: str) -> None:
    """After a rotation that keeps the old keys the first new token is accepted at the cost of one fetch."""
    validator, old = gateway(issuer, cooldown_s=0), issuer.token(algorithm)
    assert validator.authenticate(old).key_id in issuer.rotate(keep_old=True)
    new = issuer.token(algorithm)
    assert header_of(new)["kid"] != header_of(old)["kid"]
    for token in (new, old, new):
        assert validator.authenticate(token).key_id == header_of(token)["kid"]
    assert issuer.hits("/jwks") == 2


def test_old_keys_dropped(issuer: Issuer) -> None:
    """After a rotation that drops the old keys the new tokens are accepted and the old ones refused."""
    validator, old = gateway(issuer, cooldown_s=0), issuer.token("ES256")
    assert validator.authenticate(old).key_id not in issuer.rotate(keep_old=False)
    new = issuer.token("ES256")
    validator.authenticate(new)
    refused = refusal(validator, old)
    assert (refused.reason, refused.got, refused.key_manager) == (
        Reason.UNKNOWN_KEY,
        header_of(old)["kid"],
        issuer.name,
    )
    validator.authenticate(new)


def test_within_the_cooldown(root: Issuer, clock: SettableClock) -> None:
    """A new key that comes within the cool-down is refused without a fetch, and accepted when that is over."""
    validator = gateway(root, clock=clock)
    validator.authenticate(root.token("ES256"))
    root.rotate(keep_old=False)
    new = root.token("ES256")
    assert refusal(validator, new).reason is Reason.UNKNOWN_KEY
    assert root.hits("/jwks") == 1
    clock.advance(PAST_COOLDOWN_S)
    validator.authenticate(new)
    assert root.hits("/jwks") == 2


def test_a_flood_does_not_lock_a_new_key_out(root: Issuer, clock: SettableClock) -> None:
    """Invented key ids delay a rotation by one cool-down at most."""
    validator, old = gateway(root, clock=clock), root.token("ES256")
    validator.authenticate(old)
    clock.advance(PAST_COOLDOWN_S)
    assert refusal(validator, altered(old, header={"kid": "invented"})).reason is Reason.UNKNOWN_KEY
    root.rotate(keep_old=True)
    clock.advance(PAST_COOLDOWN_S)
    validator.authenticate(root.token("ES256"))


def test_old_keys_retired(root: Issuer, clock: SettableClock) -> None:
    """Keys that an issuer retires are forgotten with the refresh that follows the soft TTL, in the background."""
    old = root.token("ES256")
    root.rotate(keep_old=True)
    new = root.token("ES256")
    validator = gateway(root, clock=clock)
    validator.authenticate(old)
    root.retire()
    validator.authenticate(old)
    clock.advance(PAST_SOFT_TTL_S)
    validator.authenticate(old)  # the refresh begins; nobody waits for it
    eventually(lambda: root.hits("/jwks") == 2)
    eventually(lambda: not _accepts(validator, old))
    validator.authenticate(new)


def test_others_are_not_asked(root: Issuer, path: Issuer) -> None:
    """A rotation at one issuer makes nobody ask another."""
    validator = gateway(root, path, cooldown_s=0)
    validator.authenticate(root.token("ES256"))
    validator.authenticate(path.token("ES256"))
    root.rotate(keep_old=False)
    validator.authenticate(root.token("ES256"))
    assert (root.hits("/jwks"), path.hits("/jwks")) == (2, 1)


def test_rotation_after_rotation(path: Issuer) -> None:
    """A gateway follows however many rotations, each at the cost of one fetch."""
    validator = gateway(path, cooldown_s=0)
    for rotations in range(1, 6):
        for algorithm in ALGORITHMS:
            validator.authenticate(path.token(algorithm))
        assert path.hits("/jwks") == rotations
        path.rotate(keep_old=False)


def _accepts(validator: TokenValidator, token: str) -> bool:
    try:
        validator.authenticate(token)
    except Refused as refused:
        assert refused.reason is Reason.UNKNOWN_KEY  # noqa: PT017  # every other reason fails the test
        return False
    return True
