"""What a validator is put together of: what cannot be used is refused when it is made, and no chain grants nothing."""

from types import SimpleNamespace

import pytest

from kmvalidate.backend_jwt import BackendJwtGenerator
from kmvalidate.chain import DEFAULT_CHECKS, ScopeCheck, ValidatorChain
from kmvalidate.errors import ConfigurationError
from kmvalidate.jwt_validator import JwtValidator
from kmvalidate.validator import TokenValidator
from tests.authorizing.world import World, backend_key, orders
from tests.estate import Estate, pinned


class Finding:
    """A store that finds nothing, and may be given other methods."""

    version = None

    def find(self, *_):
        raise AssertionError


async def later(*_):
    raise AssertionError


class Making(BackendJwtGenerator):
    """A generator of one's own, of the right kind."""


@pytest.mark.parametrize(
    "faults",
    [{"find": later}, {"find": None}, {"find": "x"}, {"load": Finding.find}, {"load": "x"}, {"load": 0}],
    ids=["async find", "no find", "find that is a text", "plain load", "load that is a text", "load that is 0"],
)
def test_a_store_that_cannot_be_used_is_refused_when_the_validator_is_made(faults):
    """A store whose find would have to be awaited, or whose load would not be, never gets to decide about a call."""
    store = type("Store", (Finding,), faults)()
    with pytest.raises(ConfigurationError, match="store of subscriptions"):
        TokenValidator(Estate(pinned("a")).registry, subscriptions=store)


def test_a_store_of_ones_own_is_taken():
    """A store with a plain find and a version will do, with an async load as well."""
    registry = Estate(pinned("a")).registry
    for store in (Finding(), type("Loading", (Finding,), {"load": later})()):
        assert TokenValidator(registry, subscriptions=store)


@pytest.mark.parametrize("lacking", ["issuer", "header", "version", "user_claims", "custom_claims", "issue_now"])
def test_what_makes_backend_jwts_has_all_that_is_asked_of_it(lacking):
    """Something with some of a generator's methods only is refused when the validator is made, not at a call."""
    methods = {name: lambda *_: None for name in ("issue", "issue_now", "is_current") if name != lacking}
    facts = dict.fromkeys({"issuer", "header", "version", "user_claims", "custom_claims"} - {lacking})
    registry = Estate(pinned("a")).registry
    with pytest.raises(ConfigurationError, match="BackendJwtGenerator"):
        TokenValidator(registry, backend_jwt=type("Generator", (), methods | facts)())
    assert TokenValidator(registry, backend_jwt=Making(backend_key()))


def test_a_registry_has_revocations():
    """What has a table of key managers but no list of what was revoked is no registry."""
    with pytest.raises(ConfigurationError, match="KeyManagerRegistry"):
        JwtValidator(SimpleNamespace(table=None))


class Patient(ValidatorChain):
    """A chain of one's own, whose check is that of any check."""

    def check(self, case, /):
        super().check(case)


@pytest.mark.parametrize("chain", [ValidatorChain([ScopeCheck()]), Patient([ScopeCheck()])], ids=["plain", "own"])
def test_no_chain_grants_a_call_of_nothing(chain):
    """Whatever a chain is made of, a call that matches no resource, or of a blocked or retired API, is refused."""
    world = World(chain=chain)
    assert world.says() == "GOOD"
    assert world.says(call=world.api.call("GET", "/nix")) == "NO_MATCHING_RESOURCE"
    assert world.says(call=orders(status="RETIRED").call("GET", "/menu")) == "NO_MATCHING_RESOURCE"
    assert world.says(call=orders(status="BLOCKED").call("GET", "/menu")) == "API_BLOCKED"


def test_a_chain_of_ones_own_is_explained_too():
    """A chain whose check takes no trace decides an explained call like any other."""
    world = World(chain=Patient(DEFAULT_CHECKS))
    assert world.validator.explain(world.bearer, world.menu).allowed
    refused = world.validator.explain(world.bearer, world.api.call("DELETE", "/menu"))
    assert refused.reason.name == "INSUFFICIENT_SCOPE"
