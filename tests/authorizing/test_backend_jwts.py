"""Backend JWTs in the flow: one for each token and API, until it ages, its key goes, or what is in it changes."""

import asyncio

import msgspec
import pytest

from kmvalidate.apis import ApiCall, Resource
from kmvalidate.backend_jwt import BackendJwtGenerator, LegacyFormat
from kmvalidate.errors import ConfigurationError
from kmvalidate.registry import KeyManagerRegistry
from kmvalidate.rules import TokenKinds
from kmvalidate.validator import TokenValidator
from tests.authorizing.world import (
    APP,
    MAPPING,
    SHOP,
    SUBSCRIPTION,
    World,
    asking_also,
    backend_key,
    claims_of,
    orders,
    remote_key,
)
from tests.backend_jwt.making import key
from tests.estate import LOW, pinned, token_of
from tests.introspecting.scenes import Endpoint, key_manager
from tests.signing import NOW, dumps, private_key, refusal, sign, static_keys

OWN = pytest.param(asking_also(lambda _: None), id="asked each time")
both_chains = pytest.mark.parametrize("chain", [pytest.param(None, id="remembered"), OWN])
MANY = [Resource("GET", f"/r{number}") for number in range(100)]
OTHER_KEYS = [backend_key("next"), backend_key("last")]


def other_api(world):
    """Return another API to which the application is subscribed."""
    world.store.put(msgspec.structs.replace(SUBSCRIPTION, api="other"))
    return orders(name="other", id="other", backend_audience="other-backend")


@both_chains
def test_each_api_has_a_jwt_of_its_own(chain):
    """Resources of one API share a backend JWT, another API has another, and so has another token."""
    world = World(chain=chain)
    other = other_api(world)
    first = world.jwt()
    assert world.jwt() == world.jwt(call=world.api.call("POST", "/menu")) == first
    second = world.jwt(call=other.call("GET", "/menu"))
    assert [claims_of(jwt)["aud"] for jwt in (first, second)] == ["orders-backend", "other-backend"]
    assert world.jwt(call=other.call("POST", "/menu")) == second
    third = world.jwt(token_of("a", jti="another"))
    assert len({first, second, third}) == 3
    assert asyncio.run(world.validator.avalidate(world.bearer, world.menu)).backend_jwt == first


@both_chains
def test_two_apis_that_look_alike_are_two(chain):
    """An API that was deployed anew, with another backend, is not given the JWT of the one before."""
    world = World(chain=chain)
    world.jwt()
    again = orders(backend_audience="new-backend")
    assert claims_of(world.jwt(call=again.call("GET", "/menu")))["aud"] == "new-backend"


@both_chains
def test_it_is_made_anew_when_a_tenth_of_its_life_is_left(chain):
    """A backend JWT is used until a tenth of its life is left, and then another one is made."""
    world = World(chain=chain, backend_jwt=BackendJwtGenerator(backend_key(), ttl_s=100))
    first = world.jwt()
    for ahead, said in ((89, True), (0.9, True), (0.2, False)):
        world.clock._ahead += ahead
        assert (world.jwt() == first) is said
    second = world.jwt()
    assert claims_of(second)["exp"] == NOW + 190
    assert (world.jwt(), world.is_kept()) == (second, chain is None)


def test_it_never_outlives_the_token():
    """Near the end of a token its backend JWT ends with it, however often it is made anew."""
    world = World(pinned("a", leeway_s=0))
    for ahead in (0, 100, 150, 40, 9):
        world.clock._ahead += ahead
        assert claims_of(world.jwt())["exp"] <= NOW + 300
    world.clock._ahead += 1
    assert world.says() == "EXPIRED"


@both_chains
def test_what_is_in_it_is_what_holds_now(chain):
    """What changes of the client, and is still allowed, is in the next backend JWT."""
    world = World(chain=chain)
    first = world.jwt()
    world.store.put(msgspec.structs.replace(APP, name="Better Shop"))
    second = world.jwt()
    assert [claims_of(jwt)["application"]["name"] for jwt in (first, second)] == ["Shop", "Better Shop"]
    world.store.put(msgspec.structs.replace(SUBSCRIPTION, policy="Silver"))
    assert claims_of(world.jwt())["subscription"]["tier"] == "Silver"
    world.store.put(msgspec.structs.replace(MAPPING, key_type="SANDBOX"))
    assert claims_of(world.jwt())["key_type"] == "SANDBOX"
    world.store.put_all(
        [msgspec.structs.replace(SUBSCRIPTION, application="new"), msgspec.structs.replace(APP, id="new")]
    )
    world.store.put(msgspec.structs.replace(MAPPING, application="new"))
    assert claims_of(world.jwt())["application"]["id"] == "new"


@both_chains
def test_a_change_elsewhere_leaves_it(chain):
    """A change of somebody else's records makes no new backend JWT."""
    world = World(chain=chain)
    first = world.jwt()
    world.store.put(msgspec.structs.replace(APP, id="else"))
    assert (world.jwt(), world.says()) == (first, "GOOD")


@both_chains
def test_a_change_of_keys_shows_when_it_should(chain):
    """A JWT stays while its key is published, the next is of the new key, and one of a removed key goes at once."""
    world = World(chain=chain)
    first, old = world.jwt(), backend_key()
    world.keys.use_keys([old, OTHER_KEYS[0]])
    assert world.jwt() == first
    world.keys.use_keys([OTHER_KEYS[0], old])
    assert world.jwt() == first
    assert kid_of(world.jwt(token_of("a", jti="x"))) == "next"
    world.keys.use_keys(OTHER_KEYS)
    second = world.jwt()
    assert (kid_of(second), second == first) == ("next", False)
    world.keys.use_keys(OTHER_KEYS[::-1])
    assert world.jwt() == second
    world.keys.use_keys(OTHER_KEYS[1])
    assert kid_of(world.jwt()) == "last"


def kid_of(jwt):
    return claims_of(f".{jwt}")["kid"]


@both_chains
def test_an_organization_gets_a_jwt_that_names_it(chain):
    """A backend JWT that was made for one organization is not given to another one's call of the same API."""
    world = World(chain=chain)
    for name in (None, "acme", "rival", "acme", None):
        assert claims_of(world.jwt(organization=name)).get("organization") == name


@both_chains
def test_an_organization_has_its_own_custom_claims(chain):
    """Claims that a function makes of the case are those of the call's organization, not of the one before."""
    generator = BackendJwtGenerator(backend_key(), custom_claims=lambda case: {"for": case.organization or "nobody"})
    world = World(chain=chain, backend_jwt=generator)
    assert [claims_of(world.jwt(organization=name))["for"] for name in ("acme", "rival")] == ["acme", "rival"]


def test_a_backend_without_an_audience_is_a_mistake_of_the_operator():
    """Where nobody said what a backend is called, the call ends in a ConfigurationError each time."""
    world = World()
    for call in (orders(backend_audience=None).call("GET", "/menu"), ApiCall()):
        for _ in range(2):
            with pytest.raises(ConfigurationError, match="backend_audience"):
                world.validator.decide(world.bearer, call)


@pytest.mark.parametrize("wrong", [None, 5, "x", {"a": {1}}, {"a": float("nan")}], ids=repr)
def test_custom_claims_that_are_none_are_a_mistake_of_the_operator(wrong):
    """A function for claims that returns what JSON cannot say ends in a ConfigurationError, not in a grant."""
    world = World(backend_jwt=BackendJwtGenerator(backend_key(), custom_claims=lambda _: wrong))
    for _ in range(2):
        with pytest.raises(ConfigurationError, match="custom_claims"):
            world.validator.validate(world.bearer, world.menu)
    assert not world.is_kept()


def test_what_a_signer_raises_reaches_the_caller():
    """A signer that fails is an accident that the caller sees, and no grant; when it works again all is well."""
    broken = [True]

    def signs(data):
        if broken:
            raise ConnectionError("KMS")
        return sign("ES256", data, private_key("P-256", "gateway"))

    world = World(backend_jwt=BackendJwtGenerator(remote_key(signs)))
    assert world.says() == "ConnectionError"
    broken.clear()
    assert world.says() == "GOOD"


# One's own backend JWT is no access token

FORMATS = [{}, {"format": LegacyFormat(encoding="base64url")}, {"issuer": "https://gateway.example"}]


@pytest.mark.parametrize("options", FORMATS, ids=["strict", "legacy", "own issuer"])
@pytest.mark.parametrize("remember", [0, 100])
def test_a_backend_jwt_gets_nowhere(options, remember):
    """A backend JWT that comes back as an access token is refused, even with a key manager of its issuer."""
    generator = legacy(options)
    world = World(backend_jwt=generator, remember=remember)
    own = world.jwt()
    assert world.says(own) == "WRONG_TOKEN_KIND"
    assert "backend JWT" in refusal(world.validator.authenticate, own).hint
    keys = static_keys("P-256", "RSA")
    world.registry.add(LOW, pinned("own", issuer=generator.issuer, keys=keys, token_kinds=_any_kind()))
    for bearer in (own, token_of("own", iss=generator.issuer), token_of("a", iss=generator.issuer)):
        assert world.says(bearer) == "WRONG_TOKEN_KIND"
        assert world.says(bearer, world.api.call("GET", "/open")) == "WRONG_TOKEN_KIND"
        assert refusal(world.validator.authenticate, bearer).reason.name == "WRONG_TOKEN_KIND"
    assert world.says() == "GOOD"


def _any_kind():
    return TokenKinds(foreign_claims={}, markers={})


def legacy(options):
    is_legacy = "format" in options
    return BackendJwtGenerator(key("RS256", certified=True) if is_legacy else backend_key(), **options)


def test_who_makes_none_knows_no_issuer_of_its_own():
    """Without a generator a key manager of the issuer that generators have by default is one like others."""
    world = World(pinned("a", issuer="urn:kmvalidate:gateway"), backend_jwt=None)
    assert world.says(token_of("a", iss="urn:kmvalidate:gateway")) == "GOOD"


@pytest.mark.parametrize("remember", [0, 100])
def test_no_answer_vouches_for_ones_own_issuer(remember):
    """A key manager that says that a token is active and of the gateway's own issuer is not believed."""
    endpoint = Endpoint()
    told = {
        "active": True,
        "aud": "orders",
        "exp": NOW + 300,
        "sub": "alice",
        "client_id": "shop",
        "scope": "menu:read",
    }
    endpoint.said |= {"own": told | {"iss": "urn:kmvalidate:gateway"}, "good": told}
    asked = key_manager(endpoint, "a", "https://a.example", extra_issuers=["urn:kmvalidate:gateway"])
    world = World(key_manager(endpoint, "a", "https://a.example"), remember=remember)
    world.registry.replace("configuration", asked)
    for _ in range(3):
        assert (world.says("own"), world.says("good")) == ("WRONG_TOKEN_KIND", "GOOD")
    own = world.jwt("good")
    assert world.says(own) == "WRONG_TOKEN_KIND"
    assert own not in endpoint.asked


def test_what_nobody_asks_for_again_is_not_kept():
    """Of calls that are about something else each time, no JWT is kept where its claims may depend on the call."""
    keys = BackendJwtGenerator(backend_key(), custom_claims=lambda case: {"asked": len(case.resources)})
    api = orders(Resource("QUERY", "a"), Resource("QUERY", "b"), kind="GRAPHQL")
    world = World(api=orders(), backend_jwt=keys)
    for _ in range(3):
        both = api.call("POST", "/graphql", operations=[("QUERY", "a"), ("QUERY", "b")])
        assert claims_of(world.jwt(call=both))["asked"] == 2
    decided = world.validator.authenticate(world.bearer).decided
    assert not decided.by
    made = world.jwt()
    assert decided.by
    assert made not in repr(decided)
    assert made not in repr(decided.by)


def test_a_token_has_one_jwt_for_many_resources_of_an_api():
    """However many resources of an API a token is used for, in whatever order, it is the same backend JWT."""
    api = orders(*MANY)
    world = World(api=api, backend_jwt=BackendJwtGenerator(backend_key()))
    made = {world.jwt(call=api.call("GET", f"/r{number}")) for number in (*range(100), *range(100), *range(50)[::-1])}
    assert len(made) == 1


def test_what_is_kept_with_a_token_is_bounded():
    """Where each resource has a backend JWT of its own, some are kept, in 64 places with the decisions."""
    keys = BackendJwtGenerator(backend_key(), custom_claims=lambda case: {"asked": case.resources[0].path})
    api = orders(*MANY)
    world = World(api=api, backend_jwt=keys)
    made = [world.jwt(call=api.call("GET", f"/r{number}")) for number in range(100)]
    assert len(set(made)) == 100
    assert len(world.validator.authenticate(world.bearer).decided.by) == 64
    again = [world.jwt(call=api.call("GET", f"/r{number}")) for number in range(100)]
    assert 10 < len(set(again) & set(made)) <= 64


def test_nobody_else_can_be_configured_as_the_issuer_of_backend_jwts():
    """A validator is not made of a registry in which a key manager has the issuer of the backend JWTs."""
    registry = KeyManagerRegistry([pinned("a", extra_issuers=["urn:kmvalidate:gateway"])])
    with pytest.raises(ConfigurationError, match="urn:kmvalidate:gateway"):
        TokenValidator(registry, backend_jwt=BackendJwtGenerator(backend_key()))


@pytest.mark.parametrize("wrong", [object(), backend_key(), BackendJwtGenerator, "x"], ids=type)
def test_what_makes_backend_jwts_is_a_generator(wrong):
    """What makes no backend JWTs is refused when the validator is made."""
    with pytest.raises(ConfigurationError, match="BackendJwtGenerator"):
        TokenValidator(KeyManagerRegistry([pinned("a")]), backend_jwt=wrong)


def test_the_application_of_a_jwt_is_that_of_the_call():
    """The JWT names the application that the store knows, whatever the token says of one."""
    world = World()
    said = claims_of(world.jwt(token_of("a", application={"id": "evil", "name": "evil"}, aud=["orders", "evil"])))
    assert (said["application"]["id"], said["aud"]) == (SHOP, "orders-backend")
    assert dumps("evil") not in dumps(said)
