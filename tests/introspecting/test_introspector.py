"""What is looked at each time a remembered token comes, and strategies of the user's own."""

import asyncio
import gc
from collections.abc import Mapping
from concurrent.futures import Future
from types import MappingProxyType

import pytest

from kmvalidate import KeyManagerUnavailable, Reason, Refused
from tests.concurrency.callers import PATIENCE_S, Crowd, all_of
from tests.introspecting.scenes import Endpoint, HeldEndpoint, Scene, key_manager, outage
from tests.signing import ISSUER

FRONTS = pytest.mark.parametrize("front", [0, 2, 1000])
TOKEN = "s3cret-opaque-token"


class TestLookedAtEachTime:
    """What the gateway decides by itself is decided anew each time, without a call."""

    @FRONTS
    def test_a_token_that_is_not_valid_yet(self, front):
        """A token whose time comes while its answer is remembered is good from then on."""
        scene = Scene(front=front, leeway_s=5)
        scene.issue(nbf=int(scene.clock.wall()) + 20)
        assert scene.says() == "NOT_YET_VALID"
        scene.clock.advance(14.5)
        assert scene.says() == "NOT_YET_VALID"
        scene.clock.advance(0.5)
        assert [scene.says(), asyncio.run(scene.asays())] == ["GOOD"] * 2
        assert scene.calls() == 1

    @FRONTS
    def test_the_age_of_a_token(self, front):
        """A token becomes too old while its answer is remembered, and nobody is asked about that."""
        scene = Scene(front=front, leeway_s=0, max_age_s=20)
        scene.issue(iat=int(scene.clock.wall()))
        assert scene.says() == "GOOD"
        scene.clock.advance(20)
        assert scene.says() == "GOOD"
        scene.clock.advance(0.5)
        assert [scene.says(), scene.says()] == ["TOO_OLD"] * 2
        assert scene.calls() == 1

    @FRONTS
    @pytest.mark.parametrize(("changes", "reason"), [({"aud": "x"}, "WRONG_AUDIENCE"), ({"iss": "y"}, "WRONG_ISSUER")])
    def test_a_token_that_is_refused_here(self, changes, reason, front):
        """A token that is active and refused all the same is remembered as it was answered, and refused each time."""
        scene = Scene(front=front)
        scene.issue(**changes)
        assert [scene.says() for _ in range(5)] == [reason] * 5
        assert scene.calls() == 1
        scene.clock.advance(60)
        assert (scene.says(), scene.calls()) == (reason, 2)

    @FRONTS
    def test_dropped_tokens(self, front):
        """What an operator drops is asked about again, active or not."""
        scene = Scene(front=front)
        scene.issue()
        assert [scene.says(), scene.says("bad")] == ["GOOD", "INACTIVE"]
        scene.endpoint.said = {"bad": scene.answer()}
        scene.registry.drop_tokens("Test")
        assert [scene.says(), scene.says("bad")] == ["INACTIVE", "GOOD"]

    @FRONTS
    @pytest.mark.parametrize("is_async", [False, True])
    def test_tokens_dropped_while_a_call_is_under_way(self, front, is_async):
        """A call that began before everything was dropped grants nothing and is not remembered."""
        scene = Scene(HeldEndpoint(), front=front)
        scene.issue()
        callers = Crowd()
        callers.start(all_of(lambda: [scene.asays()]) if is_async else lambda: [scene.says()])
        scene.endpoint.is_asked()
        scene.registry.drop_tokens("Test")
        scene.endpoint.said = {"good": lambda: scene.answer() if len(scene.endpoint.asked) == 1 else {"active": False}}
        scene.endpoint.open()
        assert callers.done() == [["INACTIVE"]]
        assert (scene.says(), scene.calls()) == ("INACTIVE", 2)

    @FRONTS
    def test_changes_of_the_key_manager(self, front):
        """A removed key manager answers no more; one that comes back, replaced or not, is asked anew."""
        scene = Scene(front=front)
        scene.issue()
        assert scene.says() == "GOOD"
        scene.registry.remove("configuration", "Test")
        assert scene.says() == "OPAQUE_TOKEN"
        scene.registry.add("configuration", key_manager(scene.endpoint))
        assert (scene.says(), scene.calls()) == ("GOOD", 2)
        scene.registry.replace("configuration", key_manager(scene.endpoint, audience="other"))
        assert (scene.says(), scene.calls()) == ("WRONG_AUDIENCE", 3)
        strict, back = Endpoint(), key_manager(scene.endpoint)
        scene.registry.replace("configuration", back)
        assert scene.says() == "GOOD"
        scene.registry.add("control-plane", key_manager(strict))
        assert (scene.says(), len(strict.asked)) == ("INACTIVE", 1)
        scene.registry.remove("control-plane", "Test")
        assert (scene.says(), scene.calls()) == ("GOOD", 4)

    @FRONTS
    def test_a_change_elsewhere(self, front):
        """When another key manager comes, what is remembered of this one stays."""
        scene = Scene(front=front, tokens="good.*")
        scene.issue()
        assert scene.says() == "GOOD"
        scene.registry.add("configuration", key_manager(Endpoint(), "Other", "https://o.example", tokens="xyz-.*"))
        assert (scene.says(), scene.calls()) == ("GOOD", 1)

    @FRONTS
    def test_an_issuer_that_another_has_taken_over(self, front):
        """An answer that names an issuer for which another key manager answers by now grants nothing."""
        other = "https://other.example"
        scene = Scene(front=front, extra_issuers=[other], tokens="good.*")
        scene.issue(iss=other)
        assert scene.says() == "GOOD"
        scene.registry.add("control-plane", key_manager(Endpoint(), "Other", other, tokens="x-.*"))
        scene.clock.advance(60)
        assert scene.says() == "WRONG_ISSUER"

    @FRONTS
    def test_a_list_of_key_managers(self, front):
        """Whoever may stand behind a token is looked at each time, and so is who comes first."""
        ends = [Endpoint(), Endpoint()]
        scene = Scene(managers=[key_manager(ends[0], "A"), key_manager(ends[1], "B", "https://b.example")], front=front)
        for end in ends:
            end.said["good"] = scene.answer()
        who = {None: "A", ("A", "B"): "A", ("B", "A"): "B", ("B",): "B", ("A",): "A"}
        for _ in range(3):
            for within, name in who.items():
                assert scene.validator.authenticate("good", key_managers=within).key_manager == name
            assert scene.says(key_managers=["C"]) == "WRONG_KEY_MANAGER"
        assert [len(end.asked) for end in ends] == [1, 1]


async def _asked_later(answer):
    return answer


async def _over_ports(ports, answer):
    landed = Future()
    landed.set_result(answer)
    return await ports.join(landed, PATIENCE_S)


class _Awaitable:
    def __init__(self, answer):
        self.answer = answer

    def __await__(self):
        return self.answer
        yield


class _Raising(Mapping):
    def __getitem__(self, key):
        raise LookupError(TOKEN)

    def __iter__(self):
        raise ZeroDivisionError(TOKEN)

    def __len__(self):
        return 1


class _RudeError(KeyManagerUnavailable):
    def __str__(self):
        raise ValueError(TOKEN)


NO_ANSWERS = [
    *(None, "", TOKEN, b"{}", 0, True, [], [TOKEN], object(), {}, {TOKEN: True}, Exception, float("nan")),
    *({"active": said} for said in ("true", 1, None, [True], {"active": True}, TOKEN)),
    *({"active": True, "x": bad} for bad in (object(), {1, 2}, float("inf"), "\ud800", 10**70, b"x")),
    _Raising(),
]


class TestStrategies:
    """A strategy of the user's own does what it likes, and grants only by an answer."""

    @pytest.mark.parametrize("how", ["plain", "proxy", "async", "ports", "awaitable"])
    def test_ways_to_answer(self, how):
        """An answer may be any mapping, or anything that brings one when it is awaited."""
        scene = Scene()
        answer = scene.answer()
        ways = {
            "plain": lambda _, __: answer,
            "proxy": lambda _, __: MappingProxyType(answer),
            "async": lambda _, __: _asked_later(answer),
            "ports": lambda _, ports: _over_ports(ports, answer),
            "awaitable": lambda _, __: _Awaitable(answer),
        }
        own = Scene(ways[how])
        assert [own.says(TOKEN), asyncio.run(own.asays(TOKEN))] == ["GOOD"] * 2

    @pytest.mark.parametrize("place", range(len(NO_ANSWERS)))
    def test_what_is_no_answer(self, place):
        """Whatever else is returned is an outage, at once, and names no token."""
        answer = NO_ANSWERS[place]
        said_by(Scene(lambda _, __: answer))
        said_by(Scene(lambda _, __: _asked_later(answer)))

    @pytest.mark.parametrize(
        "error",
        [
            *(ValueError(TOKEN), KeyError(TOKEN), StopIteration(TOKEN), GeneratorExit(TOKEN), SystemExit(TOKEN)),
            *(KeyboardInterrupt(TOKEN), asyncio.CancelledError(TOKEN), RecursionError(TOKEN), OSError(TOKEN)),
            *(ExceptionGroup(TOKEN, [ValueError(TOKEN)]), KeyManagerUnavailable(f"about {TOKEN}"), _RudeError("x")),
            Refused(Reason.INACTIVE, got=TOKEN),
        ],
        ids=lambda error: type(error).__name__,
    )
    def test_what_is_raised(self, error):
        """Whatever is raised is an outage, never a verdict, and the token is in no part of it."""

        def ask(_, __):
            raise error

        async def aask(_, __):
            raise error

        said_by(Scene(ask))
        said_by(Scene(aask))

    def test_what_its_own_errors_say(self):
        """What an outage of its own says is told, with the key manager's name."""
        scene = Scene()
        scene.endpoint.outage = KeyManagerUnavailable("the database is down")
        assert str(scene.unavailable(TOKEN)) == "Test: the database is down"

    def test_suspending(self):
        """One that waits for an event loop of its own is an outage: there is none, and nobody waits for it."""

        async def sleeping(_, __):
            await asyncio.sleep(0)

        async def waiting(_, __):
            await asyncio.sleep(PATIENCE_S)

        async def forever(_, __):
            await _Suspended()

        for ask in (sleeping, waiting, forever):
            said_by(Scene(ask))


class _Suspended:
    def __await__(self):
        yield "something"


def said_by(scene):
    """Check that callers of both kinds hear of an outage in which there is no token."""

    async def aunavailable():
        with pytest.raises(KeyManagerUnavailable) as caught:
            await scene.validator.aauthenticate(TOKEN)
        return caught.value

    for error in (scene.unavailable(TOKEN), asyncio.run(aunavailable())):
        assert (error.key_manager, error.__cause__, error.__context__) == ("Test", None, None)
        assert TOKEN not in repr(error) + str(error) + error.why
    assert not any(TOKEN in repr(event) for event in scene.events)
    assert len(scene.told("IntrospectionFailed")) == 2


@pytest.mark.parametrize("kept", [None, outage()], ids=["new", "kept"])
def test_a_failed_call_leaves_no_token_behind(kept):
    """When a call has failed, nothing that was made for it holds the token, not even until it is collected."""

    def ask(_, __):
        raise kept or outage()

    scene = Scene(ask)
    gc.collect()
    gc.disable()
    try:
        token = f"opaque-{id(scene)}"  # held by nobody else
        assert scene.says(token) == "KeyManagerUnavailable"
        scene.ports.settle()
        holders = {type(one).__name__ for one in gc.get_referrers(token)}
    finally:
        gc.enable()
    assert holders <= {"frame"}  # this one


def test_what_a_verified_token_tells():
    """A verified token names its key manager's issuer where the answer names none, and says who it is of."""
    scene = Scene(front=10)
    scene.issue(scope="a b")
    for _ in range(2):
        verified = scene.validator.authenticate("good")
        assert (verified.issuer, verified.subject, verified.consumer_key) == (ISSUER, "alice", "shop")
        assert verified.scopes == {"a", "b"}
