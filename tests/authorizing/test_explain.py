"""Why a token or a call is allowed or not: step by step, without the token, and without leaving a trace."""

import asyncio
import json

import pytest

from kmvalidate.apis import ApiCall
from kmvalidate.errors import ConfigurationError, Reason
from kmvalidate.trace import Explanation
from tests.authorizing.world import SUBSCRIPTION, World, asking_also, orders
from tests.estate import LOW, Estate, issuer_of, pinned, token_of
from tests.fakes import badly_signed
from tests.introspecting.scenes import Endpoint, key_manager, outage
from tests.signing import NOW, good_claims, token

CHECKS = [
    *("ResourceCheck", "KeyManagerCheck", "EnvironmentCheck", "TokenTypeCheck", "SubscriptionCheck"),
    *("KeyTypeCheck", "ScopeCheck", "AudienceCheck", "DemandsCheck"),
]
VERIFYING = ["memory", "recognise", "key manager", "key", "signature", "claims", "revocation"]


def names(explained):
    return [step.name for step in explained.steps]


def step(explained, name):
    """Return the one step of that name."""
    (found,) = (one for one in explained.steps if one.name == name)
    return found


def explained(world, bearer=..., call=..., **options):
    """Return an explanation for callers of both colours, who are told the same, and see that it shows no token."""
    asked = (world.bearer if bearer is ... else bearer, world.menu if call is ... else call)
    said = world.validator.explain(*asked, **options)
    again = asyncio.run(world.validator.aexplain(*asked, **options))
    assert (names(again), again.verdict, again.reason) == (names(said), said.verdict, said.reason)
    shown = said.to_json() + str(said) + repr(said)
    assert isinstance(asked[0], str) is False or not [
        part for part in (asked[0], *asked[0].split(".")[1:]) if len(part) > 8 and part in shown
    ]
    assert json.loads(said.to_json())["verdict"] == said.verdict
    return said


def test_each_step_of_a_good_call():
    """An allowed call is explained by the verification, the client, each check and the backend JWT, in order."""
    said = explained(World())
    assert names(said) == [*VERIFYING, "subscription", *CHECKS, "backend JWT"]
    assert all(one.ok for one in said.steps)
    assert (said.verdict, said.key_manager, said.reason, bool(said)) == ("allowed", "a", None, True)
    assert step(said, "recognise").saw["issuer"] == issuer_of("a")
    assert "its issuer is exactly that of the token" in step(said, "key manager").decided
    assert step(said, "key").saw["kid"] == "a"
    assert "Shop" in step(said, "subscription").decided
    assert step(said, "backend JWT").saw == {"signed_with": "gateway"}


def test_a_token_alone_is_explained_without_a_call():
    """Without a call the token alone is looked at, and no check is asked."""
    world = World(subscriptions=None)
    said = explained(world, call=None)
    assert (names(said), said.allowed) == (VERIFYING, True)
    assert explained(World(), None, None).reason is Reason.MALFORMED_TOKEN


def test_what_is_remembered_is_told():
    """Explained is what a call would find remembered: nothing, the token, or the whole verdict."""
    world = World()
    assert step(explained(world), "memory").decided == "the token is not known"
    world.validator.authenticate(world.bearer)
    assert "known as a good token" in step(explained(world), "memory").decided
    world.validator.validate(world.bearer, world.menu)
    assert "with this verdict" in step(explained(world), "memory").decided
    other = world.api.call("POST", "/menu")
    assert "known as a good token" in step(explained(world, call=other), "memory").decided
    world.store.remove(SUBSCRIPTION)
    assert "known as a good token" in step(explained(world), "memory").decided
    world.registry.drop_tokens()
    assert step(explained(world), "memory").decided == "the token is not known"


@pytest.mark.parametrize("warm", [False, True])
def test_explaining_leaves_no_trace(warm):
    """Whoever asks for explanations changes nothing of what is remembered, nor of what the next call is given."""
    world = World()
    first = world.jwt() if warm else None
    kept = [dict(one.decided.by or {}) for one in world.validator._memory._tokens.young.values()]
    for call in (world.menu, world.api.call("POST", "/menu"), world.api.call("DELETE", "/menu"), None, ApiCall()):
        if call is None or call.api is not None:
            explained(world, call=call)
    assert [dict(one.decided.by or {}) for one in world.validator._memory._tokens.young.values()] == kept
    assert world.remembered() == int(warm)
    assert first is None or world.jwt() == first


REFUSED = {
    "no JWT": ("not-a-token", "OPAQUE_TOKEN"),
    "malformed": ("a.b.c", "MALFORMED_TOKEN"),
    "empty": ("", "MALFORMED_TOKEN"),
    "none": (None, "MISSING_TOKEN"),
    "a number": (5, "MALFORMED_TOKEN"),
    "bytes": (b"x.y.z", "MALFORMED_TOKEN"),
    "surrogates": ("\ud800.x.y", "MALFORMED_TOKEN"),
    "too large": ("x" * 100_000, "TOKEN_TOO_LARGE"),
    "unknown issuer": (token_of("b"), "UNKNOWN_ISSUER"),
    "unknown key": (token_of("a", "eve"), "UNKNOWN_KEY"),
    "expired": (token_of("a", exp=NOW - 3600), "EXPIRED"),
    "other audience": (token_of("a", aud="x"), "WRONG_AUDIENCE"),
    "no claims": (token({}), "MISSING_CLAIM"),
    "unsigned": (token(good_claims(iss=issuer_of("a")), {"alg": "none"}), "ALGORITHM_NOT_ALLOWED"),
}


@pytest.mark.parametrize("name", REFUSED)
@pytest.mark.parametrize("whole", [False, True])
def test_a_bad_token_is_an_answer(name, whole):
    """However bad a token is, explaining it raises nothing and gives the reason for which a call is refused."""
    bearer, said = REFUSED[name]
    world = World()
    call = world.menu if whole else ApiCall()
    told = explained(world, bearer, call)
    assert (told.verdict, told.reason.name, told.allowed) == ("refused", world.says(bearer, call), False)
    assert told.reason.name == said
    assert told.status == told.reason.status


def test_a_bad_signature_is_one():
    """A token whose signature is not that of its key is explained up to there."""
    header, payload, _ = token_of("a").split(".")
    said = explained(World(), f"{header}.{payload}.{badly_signed('a').split('.')[2]}")
    assert (said.reason, said.key_manager) == (Reason.BAD_SIGNATURE, "a")
    assert names(said)[-1] == "verification"
    assert [one.ok for one in said.steps][-2:] == [True, False]


def test_a_check_that_refuses_is_the_last_step():
    """What a check refuses is explained up to it, with what it looked at, the reason and the hint."""
    world = World()
    said = explained(world, call=world.api.call("DELETE", "/menu"))
    assert names(said)[-1] == "ScopeCheck"
    assert not said.steps[-1].ok
    assert (said.refusal.expected, said.code, said.status) == ("[menu:delete]", 900910, 403)
    world.store.remove(SUBSCRIPTION)
    said = explained(world)
    assert names(said)[-1] == "SubscriptionCheck"
    assert said.hint == "The application has no subscription to this API."
    said = explained(world, call=world.api.call("GET", "/nix"))
    assert (names(said)[-1], said.reason.name) == ("ResourceCheck", "NO_MATCHING_RESOURCE")


def test_what_is_open_is_explained_too():
    """A resource without authentication is allowed without a token, and its explanation names no key manager."""
    world = World()
    said = explained(world, None, world.api.call("GET", "/open"))
    assert (said.verdict, said.key_manager, names(said)) == ("allowed", None, ["memory"])
    assert explained(world, call=world.api.call("GET", "/open")).key_manager == "a"
    blocked = orders(status="BLOCKED").call("GET", "/open")
    assert explained(world, None, blocked).reason is Reason.API_BLOCKED


def test_changes_are_explained_as_they_are():
    """An explanation says what holds now, not what was remembered."""
    world = World()
    assert explained(world).allowed
    world.jwt()
    world.registry.revocations.revoke_client("shop", key_manager="a")
    assert explained(world).reason is Reason.REVOKED
    world.registry.remove(LOW, "a")
    assert explained(world).reason is Reason.UNKNOWN_ISSUER


def test_who_answers_within_an_organization():
    """An explanation says for which organization it was, and why that key manager."""
    world = World(pinned("a", organization="acme"), pinned("b"))
    said = explained(world, token_of("a"), organization="acme")
    assert (said.organization, said.key_manager, said.reason.name) == ("acme", "a", "NOT_SUBSCRIBED")
    assert explained(world, token_of("a"), organization="rival").reason is Reason.UNKNOWN_ISSUER
    assert explained(world, token_of("b"), ApiCall(key_managers="a")).reason is Reason.WRONG_KEY_MANAGER


def test_a_backend_jwt_is_explained_as_one():
    """Who presents the gateway's own backend JWT is told what it is."""
    world = World()
    said = explained(world, world.jwt())
    assert said.reason is Reason.WRONG_TOKEN_KIND
    assert "backend JWT of this gateway" in said.hint


# Tokens that a key manager is asked about

TOLD = {"active": True, "aud": "orders", "exp": NOW + 300, "sub": "alice", "client_id": "shop", "scope": "menu:read"}


def test_an_opaque_token_is_explained():
    """The explanation of a token that a key manager was asked about says who claimed it and what was answered."""
    endpoint = Endpoint()
    endpoint.said |= {"opaque-token": TOLD, "dead-token": {"active": False}, "lost-token": outage()}
    world = World(key_manager(endpoint, "a", issuer_of("a")))
    said = explained(world, "opaque-token")
    assert names(said)[:4] == ["memory", "recognise", "introspection", "answer"]
    assert "a claims such tokens" in step(said, "introspection").decided
    assert (said.allowed, said.key_manager) == (True, "a")
    said = explained(world, "dead-token")
    assert (said.reason, "introspection" in names(said)) == (Reason.INACTIVE, True)
    said = explained(world, "lost-token")
    assert (said.verdict, said.status, said.code, said.reason) == ("unavailable", 503, 900900, None)
    assert said.key_manager == "a"


def test_a_jwt_that_is_asked_about_is_explained():
    """Of a JWT whose key manager is asked about its JWTs the explanation says that."""
    endpoint = Endpoint()
    world = World(key_manager(endpoint, "a", issuer_of("a")))
    bearer = token_of("a")
    endpoint.said[bearer] = TOLD
    said = explained(world, bearer)
    assert said.allowed
    assert "it is asked about its JWTs" in step(said, "key manager").decided
    assert "none answers" in step(explained(world, token_of("b")), "key manager").decided


# What is no matter of the token


def test_mistakes_of_the_operator_are_raised():
    """A configuration that cannot be right, and accidents of one's own checks, are no explanation."""
    world = World(backend_jwt=None, chain=asking_also(lambda case: case.nonsense))
    with pytest.raises(AttributeError):
        world.validator.explain(world.bearer, world.menu)
    with pytest.raises(ConfigurationError):
        world.validator.explain(world.bearer, "GET /menu")
    with pytest.raises(ConfigurationError):
        World().validator.explain(world.bearer, orders(backend_audience=None).call("GET", "/menu"))


def test_without_anything_configured():
    """A validator of no key managers explains that it knows none."""
    said = Estate().validator.explain(token_of("a"))
    assert isinstance(said, Explanation)
    assert said.reason is Reason.UNKNOWN_ISSUER
    assert said.took_s == 0
