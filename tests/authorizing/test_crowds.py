"""Many callers at once: tasks, threads and forked children; nobody is given what is another's."""

import asyncio
import sys

import pytest

from kmvalidate.apis import Resource
from kmvalidate.backend_jwt import BackendJwtGenerator
from tests.authorizing.world import SUBSCRIPTION, World, asking_also, claims_of, orders, outcome, remote_key
from tests.concurrency.callers import PATIENCE_S, Crowd
from tests.concurrency.forks import ends_well, forked
from tests.estate import pinned, token_of
from tests.signing import private_key, sign

PATHS = [f"/r{number}" for number in range(10)]
APIS = [
    orders(*[Resource("GET", path) for path in PATHS], name=f"api{number}", backend_audience=f"backend{number}")
    for number in range(5)
]
TOKENS = {f"user{number}": token_of("a", sub=f"user{number}") for number in range(10)}
ASKED = [(user, api, path) for user in TOKENS for api in APIS for path in PATHS]


def fits(made, user, api):
    """Tell whether what a call was given is that user's, for that API."""
    said = claims_of(made.backend_jwt)
    return (said["sub"], said["aud"], made.token.subject, made.api) == (user, api.backend_audience, user, api)


@pytest.mark.parametrize("chain", [None, asking_also(lambda _: None)], ids=["remembered", "asked each time"])
@pytest.mark.parametrize("remember", [0, 4, 100])
def test_five_hundred_tasks_get_what_is_theirs(remember, chain):
    """Each of 500 tasks at once, of ten users at five APIs, gets the backend JWT of its own user and API."""
    world = World(pinned("a"), remember=remember, chain=chain)

    async def ask(user, api, path):
        return fits(await world.validator.avalidate(TOKENS[user], api.call("GET", path)), user, api)

    async def main():
        return await asyncio.gather(*(ask(*asked) for asked in ASKED))

    assert len(ASKED) == 500
    assert all(asyncio.run(main()))
    assert all(asyncio.run(main()))


def test_threads_get_what_is_theirs_while_the_store_changes():
    """While one thread subscribes and unsubscribes, calls of others get what is theirs, or are not subscribed."""
    world, crowd = World(pinned("a")), Crowd()

    def call():
        heard = set()
        for user, api, path in ASKED:
            made = world.validator.decide(TOKENS[user], api.call("GET", path))
            heard.add(fits(made, user, api) if made else made.reason.name)
        return heard

    def change():
        for _ in range(200):
            world.store.remove(SUBSCRIPTION)
            world.store.put(SUBSCRIPTION)
        return set()

    crowd.start(*[call] * 4, change)
    assert set().union(*crowd.done()) <= {True, "NOT_SUBSCRIBED"}
    assert all(world.validator.decide(TOKENS[user], api.call("GET", path)) for user, api, path in ASKED)


WAITING = 20


class Gate:
    """An async signer whose signatures wait until it is opened, which tells when all have come."""

    def __init__(self):
        self.came, self.all_came, self.open = 0, asyncio.Event(), asyncio.Event()
        self.key = remote_key(self.sign)

    async def sign(self, data):
        self.came += 1
        if self.came == WAITING:
            self.all_came.set()
        await self.open.wait()
        return sign("ES256", data, private_key("P-256", "gateway"))


def test_who_is_cancelled_takes_nothing_from_others():
    """Tasks that are cancelled while a backend JWT is signed leave the others, and the next call, as they are."""
    gate = Gate()
    world = World(pinned("a"), backend_jwt=BackendJwtGenerator(gate.key))

    async def main():
        tasks = [asyncio.ensure_future(world.validator.avalidate(world.bearer, world.menu)) for _ in range(WAITING)]
        await gate.all_came.wait()
        for task in tasks[::2]:
            task.cancel()
        await asyncio.sleep(0)
        gate.open.set()
        async with asyncio.timeout(PATIENCE_S):
            return await asyncio.gather(*tasks, return_exceptions=True)

    made = asyncio.run(main())
    assert [type(one).__name__ for one in made] == ["CancelledError", "AuthorizedCall"] * 10
    assert outcome(world.validator.validate, world.bearer, world.menu) == "GOOD"
    assert world.is_kept()


def test_a_loop_that_ended_leaves_nothing_behind():
    """What was remembered on a loop that was closed serves those on other loops, and blocking callers."""
    world = World(pinned("a"))
    loops = [asyncio.run(world.validator.avalidate(world.bearer, world.menu)).backend_jwt for _ in range(3)]
    assert {*loops, world.jwt()} == {loops[0]}


if sys.platform == "linux":

    @pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
    def test_a_child_decides_by_itself():
        """A forked child has what was remembered, changes its own store alone, and its parent does not see it."""
        world = World(pinned("a"))
        first = world.jwt()

        def work():
            same = world.jwt() == first
            world.store.remove(SUBSCRIPTION)
            refused = outcome(world.validator.validate, world.bearer, world.menu) == "NOT_SUBSCRIBED"
            world.store.put(SUBSCRIPTION)
            world.registry.revocations.revoke_client("shop", key_manager="a")
            return same and refused and outcome(world.validator.avalidate, world.bearer, world.menu) == "REVOKED"

        assert ends_well(*[forked(work) for _ in range(3)])
        assert (world.says(), world.jwt()) == ("GOOD", first)
