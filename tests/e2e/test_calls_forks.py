"""A gateway that was at work before its process forked: children have all that it knew, and their own from then on."""

import os

import pytest

from kmvalidate import BackendJwtGenerator, SigningKey
from tests.concurrency.forks import ends_well, forked
from tests.e2e.calling import Gate, each_caller, known, orders, subscribed, subscription
from tests.e2e.gateway import SettableClock
from tests.e2e.live import Way
from tests.e2e.opaque import ENDPOINT
from tests.e2e.provider import Issuer

MENU = orders().call("GET", "/menu")

# Python 3.12 warns of any fork of a process that has threads.
pytestmark = [
    pytest.mark.e2e,
    each_caller,
    pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning"),
]

if hasattr(os, "fork"):

    @pytest.fixture
    def gate(way: Way, clock: SettableClock, root: Issuer) -> Gate:
        generator = BackendJwtGenerator(SigningKey.generate())
        return Gate(way, clock, [known(root)], subscriptions=subscribed(), backend_jwt=generator)

    def test_two_children(gate: Gate, root: Issuer) -> None:
        """Children use what their parent remembered without asking anybody, and verify, ask and sign themselves."""
        seen = [root.token(kind) for kind in ("ES256", "opaque")]
        fresh = [root.token(kind) for kind in ("ES256", "PS256", "opaque")]
        jwts = [gate.allow(token, MENU).backend_jwt for token in seen]
        root.reset()

        def works() -> bool:
            same = [gate.allow(token, MENU).backend_jwt for token in seen] == jwts
            others = [gate.allow(token, MENU).backend_jwt for token in fresh]
            refused = gate.why(seen[0], orders().call("POST", "/menu")) == "INSUFFICIENT_SCOPE"
            return same and len(set(others)) == len(fresh) and refused

        assert ends_well(forked(works), forked(works))
        assert (root.hits(ENDPOINT), root.hits("/jwks")) == (2, 0)
        assert works()
        assert root.hits(ENDPOINT) == 3

    def test_what_a_child_changes(gate: Gate, root: Issuer) -> None:
        """Subscriptions, revocations and keys that a child changes are its own, and so are its parent's."""
        token, other = root.token("ES256"), root.user_token("opaque")
        store = gate.validator._subscriptions
        generator = gate.validator._backend_jwts
        jwt = gate.allow(token, MENU).backend_jwt
        gate.allow(other, MENU)

        def changes() -> bool:
            store.put(subscription("m2m", state="BLOCKED"))
            gate.registry.revocations.revoke_token(other)
            generator.use_keys(SigningKey.generate())
            return (gate.why(token, MENU), gate.why(other, MENU)) == ("SUBSCRIPTION_BLOCKED", "REVOKED")

        def changes_nothing() -> bool:
            return gate.allow(token, MENU).backend_jwt == jwt and gate.allow(other, MENU).subscription is not None

        assert ends_well(forked(changes), forked(changes_nothing))
        assert changes_nothing()
        store.remove_key_mapping(None, "root", "m2m")
        assert gate.why(token, MENU) == "NOT_SUBSCRIBED"
        assert ends_well(forked(lambda: gate.why(token, MENU) == "NOT_SUBSCRIBED"))

    def test_an_outage_in_a_child(gate: Gate, root: Issuer) -> None:
        """A child whose provider is down tells so of new tokens, and goes on with those its parent knew."""
        seen, fresh = root.token("opaque"), root.token("opaque")
        gate.allow(seen, MENU)
        root.fault("", hangup=True)

        def works() -> bool:
            gate.allow(seen, MENU)
            return gate.cannot_tell(fresh, MENU).key_manager == "root"

        assert ends_well(forked(works), forked(works))
        root.reset()
        gate.allow(fresh, MENU)
