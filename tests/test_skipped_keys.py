"""What is said of keys that a provider publishes and nobody can use."""

import logging

import pytest

from kmvalidate import KeyManagerRegistry
from tests.fakes import KEYS, FakeTransport, Gateway, ec_jwk, published, signed_by
from tests.signing import NoNetwork, manager, static_keys

SOFT_S = 600
SECRET = "c2VjcmV0LXNlY3JldC1zZWNyZXQ"
SYMMETRIC = {"kty": "oct", "k": SECRET, "kid": "shared"}
ENCRYPTION = {**ec_jwk("enc"), "use": "enc"}
PRIVATE = {**ec_jwk("old"), "d": SECRET}


def publishing(*entries):
    """Return a provider with these keys."""
    return published("old") | {KEYS: {"keys": list(entries)}}


@pytest.fixture
def said(caplog):
    """Return what was logged of keys, as (level, sentence)."""
    caplog.set_level(logging.INFO, logger="kmvalidate.keys")
    return lambda: [
        (record.levelname, record.getMessage()) for record in caplog.records if record.name.endswith(".keys")
    ]


def test_skipped_keys_are_named_once(said):
    """Each skipped key is logged with its kid and the reason, not again while the set says the same, and then again."""
    idp = FakeTransport(publishing(ec_jwk("old"), SYMMETRIC, ENCRYPTION))
    gateway = Gateway(idp)
    for _ in range(3):
        assert gateway.accepts(signed_by("old"))
        gateway.clock.pass_s(1.1 * SOFT_S)
        gateway.accepts(signed_by("old"))
        gateway.settle()
    assert [(level, "shared" in line or "enc" in line) for level, line in said()] == [("INFO", True)] * 2
    idp.answers = publishing(ec_jwk("old"), SYMMETRIC)
    gateway.clock.pass_s(1.1 * SOFT_S)
    gateway.accepts(signed_by("old"))
    gateway.settle()
    assert len(said()) == 3


def test_a_published_private_key_is_a_warning_without_its_value(said):
    """A private key in a public set is used as the public key it is, and warned of without any of its value."""
    gateway = Gateway(FakeTransport(publishing(PRIVATE)))
    assert gateway.accepts(signed_by("old"))
    ((level, line),) = said()
    assert level == "WARNING"
    assert "private" in line
    assert SECRET not in line


def test_skipped_pinned_keys_are_named_when_they_are_registered(said):
    """Of pinned keys the same is said, when the registry is made."""
    keys = static_keys().from_jwks({"keys": [ec_jwk("old"), SYMMETRIC]})
    KeyManagerRegistry([manager(keys=keys)], transport=NoNetwork())
    assert [level for level, _ in said()] == ["INFO"]
