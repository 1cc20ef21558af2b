"""Two providers of one kind beside each other: what one signs is not the other's, though all their names are alike."""

import pytest

from kmvalidate import KeyManagerRegistry, TokenValidator
from kmvalidate.testing import SimulatedNetwork, SimulatedProvider, VirtualClock
from tests.signing import reason

#: Kinds that have an issuer which is the same wherever they are played.
ONE_ISSUER = {"entra_external_id", "entra_id", "entra_id_common"}


def neighbours(kind, *organizations):
    """Return two providers of a kind, and a validator that knows them, each for its organization."""
    clock = VirtualClock()
    first = SimulatedProvider(kind, clock=clock)
    second = SimulatedProvider(kind, clock=clock, base="https://second.example")
    managers = [
        idp.key_manager(name=name, organization=organization)
        for idp, name, organization in zip((first, second), ("first", "second"), organizations, strict=True)
    ]
    registry = KeyManagerRegistry(managers, transport=SimulatedNetwork(first, second), clock=clock)
    return first, second, TokenValidator(registry).authenticate


@pytest.mark.parametrize("kind", sorted(set(SimulatedProvider.kinds()) - ONE_ISSUER))
def test_neighbours_do_not_sign_for_each_other(kind):
    """Tokens of each are accepted as that one's; signed with the other's key, which has the same id, they are not."""
    first, second, authenticate = neighbours(kind, None, None)
    assert first.key().kid == second.key().kid
    for _ in range(2):
        for idp, other, name in ((first, second, "first"), (second, first, "second")):
            assert authenticate(idp.token()).key_manager == name
            assert reason(authenticate, idp.token(key=other.key())) == "BAD_SIGNATURE"


@pytest.mark.parametrize("kind", SimulatedProvider.kinds())
def test_organizations_do_not_sign_for_each_other(kind):
    """Where each serves an organization, its tokens are that organization's, be the issuer the same."""
    first, second, authenticate = neighbours(kind, "a", "b")
    for _ in range(2):
        assert authenticate(first.token(), organization="a").key_manager == "first"
        assert authenticate(second.token(), organization="b").key_manager == "second"
        for token, organization in ((first.token(), "b"), (second.token(), "a")):
            found = reason(lambda token, to=organization: authenticate(token, organization=to), token)
            assert found in {"BAD_SIGNATURE", "UNKNOWN_ISSUER"}  # as the issuer is the same or not
        assert reason(authenticate, first.token()) == "UNKNOWN_ISSUER"
