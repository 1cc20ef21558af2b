"""JWTs that their key manager is asked about: revoked by what they say themselves, where its answer leaves it out."""

import pytest

from kmvalidate.registry import KeyManagerRegistry
from kmvalidate.testing import VirtualClock
from kmvalidate.validator import TokenValidator
from tests.estate import token_of
from tests.introspecting.scenes import Endpoint, key_manager
from tests.signing import NoNetwork, reason

#: Each kind of revocation that names something which an answer need not have.
KINDS = {
    "token id": lambda revoked: revoked.revoke_token_id("one", key_manager="a"),
    "client": lambda revoked: revoked.revoke_client("shop", key_manager="a"),
    "consumer key": lambda revoked: revoked.revoke_consumer_key("shop", key_manager="a", before=2_000_000_000),
    "subject": lambda revoked: revoked.revoke_subject("alice", key_manager="a", before=2_000_000_000),
    "entity": lambda revoked: revoked.revoke_subject("entity", key_manager="a", before=2_000_000_000),
}


def asked_about(**answer):
    """Return a validator whose key manager says nothing of a token but this, and a JWT that says more."""
    endpoint, clock = Endpoint(), VirtualClock()
    bearer = token_of("a", jti="one", client_id="shop", sub="alice", entity_id="entity")
    endpoint.said[bearer] = {"active": True, "aud": "orders", "exp": clock.wall() + 300, **answer}
    manager = key_manager(endpoint, "a", "https://a.example", self_validate_jwt=False)
    registry = KeyManagerRegistry([manager], transport=NoNetwork(), clock=clock)
    return TokenValidator(registry), registry.revocations, bearer


@pytest.mark.parametrize("kind", KINDS)
def test_a_remembered_one_is_refused_from_the_next_call_on(kind):
    """What was revoked is refused from the next call on, each time, and not only the first time."""
    validator, revoked, bearer = asked_about()
    assert reason(validator.authenticate, bearer) == "GOOD"
    KINDS[kind](revoked)
    assert [reason(validator.authenticate, bearer) for _ in range(3)] == ["REVOKED"] * 3


@pytest.mark.parametrize("kind", KINDS)
def test_one_that_was_never_seen_is_refused(kind):
    """What was revoked before it came is refused, although its key manager says that it is active."""
    validator, revoked, bearer = asked_about()
    KINDS[kind](revoked)
    assert [reason(validator.authenticate, bearer) for _ in range(3)] == ["REVOKED"] * 3


@pytest.mark.parametrize("kind", KINDS)
def test_others_are_not(kind):
    """A revocation at another key manager says nothing about this one's tokens."""
    validator, revoked, bearer = asked_about()
    revoked.revoke_token_id("one", key_manager="b")
    revoked.revoke_client("other", key_manager="a")
    assert [reason(validator.authenticate, bearer) for _ in range(3)] == ["GOOD"] * 3
    KINDS[kind](revoked)
    assert reason(validator.authenticate, bearer) == "REVOKED"


def test_what_the_answer_says_counts_as_well():
    """A token is revoked by the id that its key manager knows it by, whatever it says itself."""
    validator, revoked, bearer = asked_about(jti="other")
    revoked.revoke_token_id("other", key_manager="a")
    assert reason(validator.authenticate, bearer) == "REVOKED"
