"""What a key manager says of a user, in the backend JWT: fetched once, asked for on each call, never a way around."""

import asyncio

import pytest

from kmvalidate.backend_jwt import BackendJwtGenerator
from kmvalidate.ports import Network
from kmvalidate.testing._loopback import LoopbackServer
from kmvalidate.userinfo import UserInfo
from tests.authorizing.world import SUBSCRIPTION, World, backend_key, claims_of
from tests.estate import LOW, ChangingTransport, token_of
from tests.fakes import FakeTransport, answer
from tests.introspecting.scenes import Endpoint, key_manager
from tests.signing import NOW, dumps
from tests.transports import Transport

URL = "https://a.example/userinfo"


def says(status=200, **claims):
    return answer({"sub": "alice", **claims}, status, **{"content-type": "application/json"})


class UserWorld(World):
    def __init__(self, *managers, said=None, url=URL, transport=None, userinfo=None, **arguments):
        transport = transport or FakeTransport({URL: said or says(email="alice@example.org")})
        user_claims = UserInfo({"a": url}, **(userinfo or {}))
        keys = BackendJwtGenerator(backend_key(), user_claims=user_claims)
        super().__init__(*managers, transport=transport, backend_jwt=keys, **arguments)

    @property
    def asked(self):
        return self.transport.hits[URL]

    def email(self):
        made = claims_of(self.jwt()).get("email")
        self.ports.settle()
        return made


@pytest.mark.parametrize("remember", [0, 100])
def test_what_is_said_of_a_user_is_in_the_jwt(remember):
    """The claims of the user are in the backend JWT, fetched once for callers of both colours."""
    world = UserWorld(remember=remember)
    assert world.email() == "alice@example.org"
    assert world.says() == "GOOD"
    made = asyncio.run(world.validator.avalidate(world.bearer, world.menu))
    assert (claims_of(made.backend_jwt)["email"], world.asked) == ("alice@example.org", 1)


def test_the_jwt_is_remembered_with_the_claims():
    """While the user's claims stay the same so does the backend JWT, and when they change there is another."""
    world = UserWorld(userinfo={"ttl_s": 50})
    first = world.jwt()
    assert world.jwt() == first
    world.transport.answers[URL] = says(email="alice@new.example")
    assert world.jwt() == first
    world.clock.now += 51
    second = world.jwt()
    assert (claims_of(second)["email"], world.asked, world.jwt()) == ("alice@new.example", 2, second)


@pytest.mark.parametrize("whose", [(), ("a",)], ids=["everything", "of its key manager"])
def test_the_kill_switch_forgets_users_too(whose):
    """After the kill switch, whole or for their key manager, the user's claims are asked for again, and once."""
    world = UserWorld()
    assert [world.email(), world.asked] == ["alice@example.org", 1]
    world.transport.answers[URL] = says(email="alice@new.example")
    world.registry.drop_tokens(*whose)
    assert [world.email(), world.email(), world.asked] == ["alice@new.example", "alice@new.example", 2]


def test_the_kill_switch_forgets_users_of_opaque_tokens_too():
    """A user whose token was introspected is asked about again once what their key manager said is forgotten."""
    asked = Endpoint()
    client = {"client_id": "shop", "scope": "menu:read"}
    asked.said["opaque"] = {"active": True, "aud": "orders", "exp": NOW + 300, "sub": "alice", **client}
    world = UserWorld(key_manager(asked, "a", "https://a.example"))
    world.bearer = "opaque"
    assert [world.email(), world.email(), world.asked] == ["alice@example.org", "alice@example.org", 1]
    world.transport.answers[URL] = says(email="alice@new.example")
    world.registry.drop_tokens("a")
    assert [world.email(), world.email(), world.asked] == ["alice@new.example", "alice@new.example", 2]


def test_a_user_who_is_refused_later_is_refused():
    """A key manager that no longer knows the user ends the calls of a remembered token, and an outage is none."""
    world = UserWorld(userinfo={"ttl_s": 0})
    assert [world.says(), world.says()] == ["GOOD", "GOOD"]
    for said, heard in (
        (says(401), "INACTIVE"),
        (says(403), "INSUFFICIENT_SCOPE"),
        (says(500), "KeyManagerUnavailable"),
    ):
        world.transport.answers[URL] = said
        assert world.says() == heard
        world.ports.settle()
        world.clock.now += 61
    world.transport.answers[URL] = says()
    assert world.says() == "GOOD"


def test_a_verdict_is_not_remembered_where_a_user_is_asked_about():
    """With user claims every call is decided, so that what ends them counts."""
    world = UserWorld()
    assert world.says() == "GOOD"
    assert not world.is_kept()
    world.store.remove(SUBSCRIPTION)
    assert world.says() == "NOT_SUBSCRIBED"


CHANGES = {
    "NOT_SUBSCRIBED": lambda world: world.store.remove(SUBSCRIPTION),
    "REVOKED": lambda world: world.registry.revocations.revoke_client("shop", key_manager="a"),
    "UNKNOWN_ISSUER": lambda world: world.registry.remove(LOW, "a"),
    "EXPIRED": lambda world: setattr(world.clock, "_ahead", world.clock._ahead + 3600),
}


@pytest.mark.parametrize("said", CHANGES)
def test_what_changes_while_a_user_is_asked_about_counts(said):
    """What makes a call impossible while the user's claims are fetched refuses this very call."""
    transport = ChangingTransport({URL: says()})
    world = UserWorld(transport=transport)
    turns = [CHANGES[said]]
    transport.meanwhile = lambda: turns.pop()(world) if turns else None
    assert world.says() == said
    assert turns == []


def test_what_is_said_of_a_user_overwrites_nothing():
    """Claims of the user that are called like the gateway's own are left out."""
    world = UserWorld(
        said=says(iss="evil", aud="evil", exp=9**10, application={"id": "evil"}, key_type="evil", ok="yes")
    )
    said = claims_of(world.jwt())
    assert said["ok"] == "yes"
    assert b"evil" not in dumps(said)


def test_who_need_not_be_known_is_let_through_without():
    """Where user claims are not required, an endpoint that says nothing lets the call go on without them."""
    world = UserWorld(said=says(500), userinfo={"required": False})
    assert (world.email(), world.says()) == (None, "GOOD")


def test_a_user_of_another_is_nobody():
    """An answer about somebody else is no answer."""
    world = UserWorld(said=answer({"sub": "eve"}, **{"content-type": "application/json"}))
    assert world.says() == "KeyManagerUnavailable"


def test_an_application_has_no_user():
    """For a token that an application got for itself nobody is asked."""
    world = UserWorld()
    assert world.says(token_of("a", aut="APPLICATION")) == "GOOD"
    assert world.asked == 0


def test_nobody_is_asked_about_a_token_that_is_not_good():
    """Only a token that was verified is shown to its key manager."""
    world = UserWorld()
    for bearer in (token_of("a", "eve"), token_of("b"), "opaque", None, token_of("a", exp=1)):
        assert world.says(bearer) != "GOOD"
    assert world.asked == 0


@pytest.mark.usefixtures("each_transport")
def test_over_a_real_socket():
    """The endpoint is asked over a socket with the token in one header field, and its answer is in the backend JWT."""
    seen = []

    def said(request):
        seen.append(request.headers.get("authorization"))
        return says(email="alice@example.org")

    server = LoopbackServer(said)
    network = Network(private_addresses=True, insecure_http=True)
    world = UserWorld(url=f"{server.origin}/userinfo", transport=Transport(), userinfo={"network": network})
    assert [world.email(), world.email()] == ["alice@example.org"] * 2
    assert seen == [f"Bearer {world.bearer}"]
    server.close()
