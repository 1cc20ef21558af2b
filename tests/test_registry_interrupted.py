"""Changes that come in the middle of others, of other threads and of signal handlers: none waits, and none is lost."""

import itertools
import logging
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path

import pytest

from kmvalidate import ANY_AUDIENCE, ConfigurationError, RemoteKeys, registry
from tests.estate import HIGH, LOW, Estate, pinned, publishing, remote, token_of
from tests.fakes import FakeTransport

END_S = 60.0
HERE = Path(__file__).parent


def in_time(work):
    """Return what *work* returns on a thread of its own, which must end."""
    got = []
    thread = threading.Thread(target=lambda: got.append(work()), daemon=True)
    thread.start()
    thread.join(END_S)
    assert not thread.is_alive(), "it hangs"
    return got[0]


def meanwhile(monkeypatch, estate, *changes):
    """Make each of *changes* while one is being built, before the built one is put in place; the first one first."""
    left, begin = list(changes), registry.IssuerState.of

    def changing(*arguments):
        state = begin(*arguments)
        if left:
            in_time(lambda: left.pop(0)(estate.registry))
        return state

    monkeypatch.setattr(registry.IssuerState, "of", changing)


# Changes of a registry that has a and b, with the verdicts of a, b and c and d then, if c is added as well.
CHANGES = {
    "add": (lambda r: r.add(LOW, pinned("d")), ["a", "b", "c", "d"]),
    "add above": (lambda r: r.add(HIGH, pinned("d")), ["a", "b", "c", "d"]),
    "remove": (lambda r: r.remove(LOW, "a"), ["UNKNOWN_ISSUER", "b", "c", "UNKNOWN_ISSUER"]),
    "replace": (lambda r: r.replace(LOW, pinned("a", audience="x")), ["WRONG_AUDIENCE", "b", "c", "UNKNOWN_ISSUER"]),
    "drop": (lambda r: r.drop_key("a", "a"), ["UNKNOWN_KEY", "b", "c", "UNKNOWN_ISSUER"]),
}
BEARERS = [token_of(name) for name in "abcd"]


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_that_comes_first_is_kept(change, monkeypatch):
    """A change made while another is being built counts, and so does the other, which begins again."""
    make, expected = CHANGES[change]
    estate = Estate(pinned("a"), pinned("b"))
    meanwhile(monkeypatch, estate, make)
    estate.registry.add(LOW, pinned("c"))
    assert estate.verdicts(*BEARERS) == expected


def test_many_changes_that_come_first_are_kept(monkeypatch):
    """However often another change comes first, in the end all of them are there."""
    estate = Estate()
    changes = [lambda r, name=name: r.add(HIGH, pinned(name)) for name in "abd"]
    meanwhile(monkeypatch, estate, *changes)
    estate.registry.add(LOW, pinned("c"))
    assert estate.verdicts(*BEARERS) == ["a", "b", "c", "d"]
    assert [kind for kind, *_ in estate.told()] == ["KeyManagerAdded"] * 4


def test_a_change_that_is_wrong_after_another_is_refused(monkeypatch):
    """A key manager that another thread adds first is not added twice: the second is refused, and nothing is lost."""
    estate = Estate()
    meanwhile(monkeypatch, estate, lambda r: r.add(LOW, pinned("c", leeway_s=1)))
    with pytest.raises(ConfigurationError, match="two key managers are named 'c'"):
        estate.registry.add(LOW, pinned("c"))
    assert [made.leeway_s for made in estate.registry.managers] == [1]


@pytest.mark.parametrize("how", ["use", "replace", "add"])
def test_a_drop_while_a_change_is_built_is_not_lost(how, monkeypatch):
    """A key that is dropped while its key manager is loaded anew is not used by the new one."""
    estate = Estate(pinned("a", "a", "b"))
    meanwhile(monkeypatch, estate, lambda r: r.drop_key("a", "a"))
    made = pinned("a", "a", "b", leeway_s=1)
    if how == "use":
        estate.registry.use(LOW, [made])
    else:
        getattr(estate.registry, how)(HIGH if how == "add" else LOW, made)
    assert estate.registry.managers == (made,)
    assert estate.verdicts(token_of("a"), token_of("a", "b")) == ["UNKNOWN_KEY", "a"]


def interrupted(estate, place, work, handler):
    """
    Call *work*, and *handler* at the call or return number *place* while the lock is held, as a signal handler.

    Returns whether there was such a place.
    """
    places, lock = itertools.count(), estate.registry._changing

    def look(*_):
        if any(one._is_owned() for one in lock._by_process.values()) and next(places) == place:
            sys.setprofile(None)
            handler(estate.registry)

    before = sys.getprofile()
    sys.setprofile(look)
    try:
        work(estate.registry)
        return sys.getprofile() is None
    finally:
        sys.setprofile(before)


WORK = {
    "add": lambda r: r.add(LOW, pinned("c")),
    "reload": lambda r: r.use(LOW, [pinned("a", leeway_s=1), pinned("b"), pinned("c")]),
}


@pytest.mark.parametrize("work", WORK)
@pytest.mark.parametrize("change", CHANGES)
def test_a_handler_that_comes_at_any_place_loses_nothing(change, work):
    """A signal handler that changes the registry inside any step of another change neither hangs nor undoes either."""
    handler, expected = CHANGES[change]
    if work == "reload" and change in {"add", "remove", "replace"}:  # the reload is what comes last, and says all
        expected = ["a", "b", "c", "UNKNOWN_ISSUER"]

    def at(place):
        estate = Estate(pinned("a"), pinned("b"))
        found = interrupted(estate, place, WORK[work], handler)
        return found, estate.verdicts(*BEARERS)

    for place in itertools.count():
        found, verdicts = in_time(lambda place=place: at(place))
        if not found:
            break
        assert verdicts in (expected, CHANGES[change][1]), place
        assert change not in {"drop", "add above"} or verdicts == expected, place
    assert place > 5


HANDLERS = {
    "add": (lambda r: r.add(HIGH, pinned("d")), ["UNKNOWN_KEY", "b", "UNKNOWN_ISSUER", "d"]),
    "reload": (lambda r: r.use(HIGH, [pinned("a", leeway_s=1)]), ["UNKNOWN_KEY", "b", *["UNKNOWN_ISSUER"] * 2]),
    "drop": (lambda r: r.drop_key("b", "b"), ["UNKNOWN_KEY", "UNKNOWN_KEY", *["UNKNOWN_ISSUER"] * 2]),
    "remove": (lambda r: r.remove(LOW, "a"), ["UNKNOWN_ISSUER", "b", *["UNKNOWN_ISSUER"] * 2]),
}


@pytest.mark.parametrize("made", [pinned("a", "a", "x"), remote("a")], ids=["pinned", "remote"])
@pytest.mark.parametrize("change", HANDLERS)
def test_a_handler_that_comes_during_a_drop_loses_nothing(change, made):
    """A signal handler that changes the registry inside any step of a drop neither hangs nor undoes the drop."""
    handler, expected = HANDLERS[change]

    def drop(registry):
        with suppress(ConfigurationError):  # it was removed first
            registry.drop_key("a", "a")

    def at(place):
        estate = Estate(made, pinned("b"), transport=FakeTransport(publishing(a=("a", "x"))))
        assert estate.verdict(BEARERS[0]) == "a"
        found = interrupted(estate, place, drop, handler)
        x = estate.verdict(token_of("a", "x"))
        return found, estate.verdicts(*BEARERS), x

    for place in itertools.count():
        found, verdicts, x = in_time(lambda place=place: at(place))
        if not found:
            break
        assert verdicts == expected, place
        assert (x == "UNKNOWN_KEY") is (change == "reload") or change == "remove", place
    assert place > 5


RELOADED = """
import faulthandler, signal
from kmvalidate import registry
from tests.estate import HIGH, LOW, Estate, pinned, token_of
faulthandler.dump_traceback_later(50, exit=True)
estate, come = Estate(pinned("a"), pinned("b")), 0
def reload(*_):
    estate.registry.use(HIGH, [pinned("d")])
    estate.registry.drop_key("a", "a")
signal.signal(signal.SIGTERM, reload)
put = registry.OwnLock.__enter__
def interrupted(lock):
    global come
    put(lock)
    if lock is estate.registry._changing and not come:
        come = 1
        signal.raise_signal(signal.SIGTERM)
registry.OwnLock.__enter__ = interrupted
estate.registry.replace(LOW, pinned("a", leeway_s=1))
print(*estate.verdicts(*(token_of(name) for name in "abd")))
"""


def test_a_reload_on_a_signal_does_not_hang():
    """A handler that reloads a layer and drops a key ends while the main thread holds the lock; both are in effect."""
    ended = subprocess.run(
        [sys.executable, "-c", RELOADED], check=False, capture_output=True, text=True, timeout=END_S, cwd=HERE.parent
    )
    assert (ended.stdout.split(), ended.returncode) == (["UNKNOWN_KEY", "b", "d"], 0), ended.stderr


def test_a_log_that_is_stuck_delays_no_other_change():
    """While a log handler hangs in one change, others are made, and the one that logs is in effect already."""
    stuck, let_go = threading.Event(), threading.Event()

    class Stuck(logging.Handler):
        def emit(self, _):
            stuck.set()
            assert let_go.wait(END_S)

    estate, log, handler = Estate(pinned("a"), pinned("b")), logging.getLogger("kmvalidate.registry"), Stuck()
    waived = remote("w", audience=ANY_AUDIENCE, keys=pinned("w").keys)
    adding = threading.Thread(target=lambda: estate.registry.add(LOW, waived), daemon=True)
    log.addHandler(handler)
    try:
        adding.start()
        assert stuck.wait(END_S)
        in_time(lambda: estate.registry.remove(LOW, "a"))
        in_time(lambda: estate.registry.drop_key("b", "b"))
        in_time(lambda: estate.registry.replace(LOW, remote("b", keys=RemoteKeys(), issuer="https://b2.example")))
        assert estate.verdicts(token_of("a"), token_of("w")) == ["UNKNOWN_ISSUER", "w"]
        assert adding.is_alive()
    finally:
        let_go.set()
        adding.join(END_S)
        log.removeHandler(handler)
