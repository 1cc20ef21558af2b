"""Fifty callers of one failed fetch: each has an exception of its own, which leads to nobody else's token."""

import threading

import pytest

from kmvalidate import KeyManagerUnavailable
from tests.concurrency.callers import PATIENCE_S, Crowd, Gated, Site, all_of
from tests.fakes import KEYS, key_set, signed_by

CALLERS = 50
MOST_FRAMES = 20


def reachable(error):
    """Return the exceptions that *error* leads to, itself included."""
    found, left = [], [error]
    while left:
        one = left.pop()
        if one is not None and not any(one is other for other in found):
            found.append(one)
            left += [one.__context__, one.__cause__, *getattr(one, "exceptions", ())]
    return found


def frames_of(error):
    """Return the frames of all tracebacks that *error* leads to."""
    found = []
    for one in reachable(error):
        traceback = one.__traceback__
        while traceback is not None:
            found.append(traceback.tb_frame)
            traceback = traceback.tb_next
    return found


def strings_in(frames):
    """Return every string that a local of *frames* is or holds, as an argument, an attribute or a member."""
    found = set()
    for frame in frames:
        for value in frame.f_locals.values():
            names = (*getattr(type(value), "__slots__", ()), *getattr(type(value), "__struct_fields__", ()))
            members = [getattr(value, name, None) for name in names]
            found |= {one for one in (value, *members, *getattr(value, "args", ())) if isinstance(one, str)}
    return found


async def atrouble(site, bearer):
    try:
        await site.validator.aauthenticate(bearer)
    except Exception as error:  # noqa: BLE001
        return error
    raise AssertionError


def trouble(site, bearer):
    try:
        site.validator.authenticate(bearer)
    except Exception as error:  # noqa: BLE001
        return error
    raise AssertionError


def all_troubles(site, bearers, kind):
    """Return the exceptions of callers of that *kind*, in the order of *bearers*."""
    found = {}

    def keep(bearer, error):
        found[bearer] = error

    async def akeep(bearer):
        keep(bearer, await atrouble(site, bearer))

    callers = Crowd()
    threads = {"threads": len(bearers), "tasks": 0, "both": len(bearers) // 2}[kind]
    callers.start(*(lambda bearer=bearer: keep(bearer, trouble(site, bearer)) for bearer in bearers[:threads]))
    callers.start(all_of(lambda: [akeep(bearer) for bearer in bearers[threads:]]))
    return callers, found


@pytest.mark.parametrize("kind", ["threads", "tasks", "both"])
@pytest.mark.parametrize("fetched", [False, True], ids=["first fetch", "forced fetch"])
def test_each_waiter_has_an_exception_of_its_own(kind, fetched, waiters):
    """Waiters of one failed fetch share no exception, no frame, and no way to each other's tokens."""
    idp = Gated({KEYS: key_set("old")} if fetched else {}, is_open=fetched)
    site = Site(idp)
    if fetched:
        assert site.says(signed_by("old")) == "GOOD"
        waiters.come(1)
        idp.close()
        idp.answers = {}
        site.clock.pass_s(10)
    bearers = [signed_by("new", jti=str(turn)) for turn in range(CALLERS)]
    callers, found = all_troubles(site, bearers, kind)
    waiters.come(CALLERS)
    idp.open()
    callers.done()
    assert {type(error) for error in found.values()} == {KeyManagerUnavailable}
    _share_nothing(found)


def test_each_refused_waiter_has_an_exception_of_its_own(waiters):
    """The same holds for those whom a fetch that succeeds lets down: the key they name is not in it."""
    idp = Gated({KEYS: key_set("old")})
    site = Site(idp)
    callers, found = all_troubles(site, [signed_by("new", jti=str(turn)) for turn in range(CALLERS)], "both")
    waiters.come(CALLERS)
    idp.open()
    callers.done()
    assert {error.reason.name for error in found.values()} == {"UNKNOWN_KEY"}
    _share_nothing(found)


def test_a_foreign_exception_of_the_transport_stays_with_the_fetch(waiters):
    """What a transport raises reaches no caller, neither itself nor as a cause: only the name of its type does."""
    secret = "client_secret=hunter2"

    class Leaking:
        let_go = threading.Event()

        def send(self, _, /):
            assert self.let_go.wait(PATIENCE_S)
            raise OSError(secret)

    site = Site(Leaking())
    bearers = [signed_by("old", jti=str(turn)) for turn in range(10)]
    callers, found = all_troubles(site, bearers, "both")
    waiters.come(10)
    Leaking.let_go.set()
    callers.done()
    for error in found.values():
        assert (type(error), error.why) == (KeyManagerUnavailable, "the transport raised OSError")
        assert reachable(error) == [error]
        assert not any(secret in text for text in strings_in(frames_of(error)))


def test_timed_out_waiters_share_nothing(waiters, monkeypatch):
    """Waiters who give a fetch up have exceptions of their own, too: no TimeoutError is shared between them."""
    idp = Gated({KEYS: key_set("old")})
    site = Site(idp)
    bearers = [signed_by("old", jti=str(turn)) for turn in range(10)]
    monkeypatch.setattr("kmvalidate.flights.GRACE_S", -PATIENCE_S + 0.05)
    callers, found = all_troubles(site, bearers, "both")
    callers.done()
    assert {error.why for error in found.values()} == {"no answer within the deadline"}
    _share_nothing(found)
    idp.open()


def _share_nothing(found):
    """Check that the exceptions of *found*, by token, lead neither to each other nor to another's token."""
    seen = set()
    for bearer, error in found.items():
        frames = frames_of(error)
        assert len(frames) <= MOST_FRAMES
        assert seen.isdisjoint({id(one) for one in (*reachable(error), *frames)})
        seen |= {id(one) for one in (*reachable(error), *frames)}
        texts = strings_in(frames)
        assert bearer in texts  # else the search would find nobody's
        assert texts.isdisjoint(found.keys() - {bearer})
    assert len({id(error) for error in found.values()}) == len(found)
