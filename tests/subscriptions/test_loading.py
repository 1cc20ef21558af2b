"""Loading what a store lacks: shared, remembered briefly, and never a yes by accident."""

import asyncio
import threading

import pytest

from kmvalidate import ConfigurationError, KeyManagerUnavailable
from kmvalidate.asyncio_ports import AsyncioPorts
from kmvalidate.ports import run
from kmvalidate.subscriptions import NO_GRANT, Grant, InMemorySubscriptions, LoadingSubscriptions
from kmvalidate.subscriptions._loading import MAX_LOADS
from tests.fakes import WAIT_S, FakeTransport, SettableClock, WatchedPorts, in_threads
from tests.subscriptions.made import CLIENT, KEY_MANAGER, SHOP, app, everything, found, mapping, orders, subscription

WHOLE = Grant(app(), "PRODUCTION", subscription())


class Scene:
    """A store that loads with *load*, over a clock that is set; `calls` has what was asked for."""

    def __init__(self, load=everything, **options):
        self.calls, self.inner, self.answer = [], InMemorySubscriptions(), load
        self.ports = WatchedPorts(FakeTransport(), SettableClock())
        self.store = LoadingSubscriptions(self.inner, self._load, **options)

    def _load(self, *asked):
        self.calls.append(asked)
        return self.answer()

    def load(self, organizations=(None,), client=CLIENT, api=None, ports=None):
        return self.store.load(organizations, KEY_MANAGER, client, api or orders(), ports or self.ports)

    def tried(self, **asked):
        """Load, and return what is found then, or what is said in place of that."""
        try:
            run(self.load(**asked))
        except KeyManagerUnavailable as outage:
            return str(outage)
        return found(self.store, asked.get("api"), client=asked.get("client", CLIENT))


def raising(error):
    def load():
        raise error

    return load


def test_what_is_missing_is_loaded_once():
    """What the function returns is put into the store, and what is there is not loaded again."""
    scene, api = Scene(), orders()
    assert found(scene.store) is NO_GRANT
    before = scene.store.version
    assert [scene.tried(api=api), scene.tried(api=api)] == [WHOLE, WHOLE]
    assert scene.calls == [((None,), KEY_MANAGER, CLIENT, api)]
    assert scene.store.version is scene.inner.version is not before


@pytest.mark.parametrize("known", [[], [app(), mapping()], [mapping(), subscription()]], ids=["none", "app", "mapping"])
def test_whatever_part_is_missing_is_loaded(known):
    """Without an application or without a subscription the function is called."""
    scene = Scene()
    scene.inner.put_all(known)
    assert (scene.tried(), len(scene.calls)) == (WHOLE, 1)


@pytest.mark.parametrize("nothing", [None, [], iter(())], ids=["None", "list", "iterator"])
def test_that_nothing_is_there_is_remembered_briefly(nothing):
    """A miss is not loaded again within its time, and is afterwards."""
    scene = Scene(lambda: nothing, negative_ttl_s=10)
    for passed_s, calls in ((0, 1), (9.9, 1), (0.2, 2), (1, 2)):
        scene.ports.clock.pass_s(passed_s)
        assert (scene.tried(), len(scene.calls)) == (NO_GRANT, calls)


def test_a_miss_outlasts_what_has_nothing_to_do_with_it():
    """Changes of others in the store end nothing that was remembered as missing."""
    scene = Scene(lambda: None)
    for number in range(20):
        scene.tried()
        scene.inner.put(app(f"other-{number}"))
    assert len(scene.calls) == 1


@pytest.mark.parametrize(
    ("loaded", "change"),
    [
        (None, lambda store: store.put_all([app(), mapping()])),
        ([mapping()], lambda store: store.put(app())),
        ([mapping(), app()], lambda store: store.put(app(name="newer"))),
        ([mapping(), app()], lambda store: store.remove_key_mapping(None, KEY_MANAGER, CLIENT)),
    ],
    ids=["client", "application", "newer", "removed"],
)
def test_a_miss_is_forgotten_when_something_else_is_found(loaded, change):
    """A miss ends when the store finds more, less or other than it did after the load."""
    scene = Scene(lambda: loaded)
    scene.tried()
    scene.tried()
    change(scene.inner)
    scene.tried()
    scene.tried()
    assert len(scene.calls) == 2


def test_a_miss_is_that_of_one_client_and_one_api():
    """Another client, organization or API is loaded although one is remembered as missing."""
    scene = Scene(lambda: None)
    others = [{"client": "other"}, {"organizations": ("a",)}, {"organizations": ("a", None)}]
    others += [{"api": orders(**{name: "x"})} for name in ("id", "name", "version", "organization")]
    others += [{"api": orders(id=None)}, {"api": orders(context="/x")}]
    for asked in [{}, *others, {}, *others]:
        run(scene.load(**asked))
    assert len(scene.calls) == 1 + len(others)


def test_misses_are_bounded():
    """No more misses are remembered than were asked for."""
    scene = Scene(lambda: None, remember_missing=4)
    for number in range(20):
        scene.tried(client=f"client-{number}")
    assert len(scene.store._missing) <= 4


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ValueError("s3cret"), "loading raised ValueError"),
        (SystemExit("s3cret"), "loading raised SystemExit"),
        (KeyManagerUnavailable("the control plane is down"), "the control plane is down"),
        (ConfigurationError("no such tenant"), "no such tenant"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else "",
)
def test_a_load_that_fails_is_an_outage(error, said):
    """A failure is nobody's "no", is not tried again for a second, and shows only what the library itself says."""
    scene = Scene(raising(error))
    assert scene.tried() == scene.tried() == said
    assert len(scene.calls) == 1
    scene.ports.clock.pass_s(1)
    scene.answer = everything
    assert (scene.tried(), len(scene.calls)) == (WHOLE, 2)


def test_an_outage_says_when_to_try_again():
    """Whoever meets the pause after a failure is told what is left of it."""
    scene = Scene(raising(ValueError()))
    scene.tried()
    scene.ports.clock.pass_s(0.75)
    with pytest.raises(KeyManagerUnavailable) as caught:
        run(scene.load())
    assert caught.value.retry_after_s == pytest.approx(0.25)


@pytest.mark.parametrize("answer", [7, "records", [7], [*everything(), None]], ids=str)
def test_an_answer_that_is_none_is_an_outage(answer):
    """Whatever is no list of records is a failure, and nothing of it is put."""
    scene = Scene(lambda: answer)
    assert isinstance(scene.tried(), str)
    assert found(scene.store) is NO_GRANT


def test_a_load_that_takes_too_long_is_an_outage():
    """Whoever waits beyond the deadline gets an outage, and what comes late is put for the next one."""
    go = threading.Event()

    def slow():
        assert go.wait(WAIT_S)
        return everything()

    scene = Scene(slow)
    scene.ports.patience_s = 0.01
    assert scene.tried() == "no answer within the deadline"
    go.set()
    scene.ports.settle()
    assert (scene.tried(), len(scene.calls)) == (WHOLE, 1)


def test_all_who_wait_share_one_load():
    """Eight threads that miss the same thing at once call the function once."""
    go, got = threading.Event(), []

    def held():
        assert go.wait(WAIT_S)
        return everything()

    scene = Scene(held)
    threads = in_threads(8, lambda: got.append(scene.tried()))
    for _ in threads:
        assert scene.ports.waiting.acquire(timeout=WAIT_S)
    go.set()
    for thread in threads:
        thread.join(WAIT_S)
    assert (got, len(scene.calls)) == ([WHOLE] * 8, 1)


@pytest.mark.parametrize("is_async", [False, True])
def test_both_kinds_of_function_serve_both_kinds_of_callers(is_async):
    """A plain and an async function load for blocking callers and for asyncio callers."""

    async def load(*_):
        await asyncio.sleep(0)
        return everything()

    for ask in (run, asyncio.run):
        inner = InMemorySubscriptions()
        store = LoadingSubscriptions(inner, load if is_async else lambda *_: everything())
        blocking = WatchedPorts(FakeTransport(), SettableClock())
        ports = blocking if ask is run else AsyncioPorts(FakeTransport(), blocking)
        ask(store.load((None,), KEY_MANAGER, CLIENT, orders(), ports))
        assert found(inner) == WHOLE


@pytest.mark.parametrize(
    ("change", "left"),
    [
        (lambda store: store.remove_subscription(SHOP, "orders-uuid"), Grant(app(), "PRODUCTION")),
        (lambda store: store.remove_application(SHOP), NO_GRANT),
        (lambda store: store.replace(), NO_GRANT),
        (lambda store: store.replace(as_of=10), NO_GRANT),
        (lambda store: store.put(app(name="newer")), Grant(app(name="newer"), "PRODUCTION", subscription())),
        (lambda store: store.put(app("other")), WHOLE),
    ],
    ids=["subscription", "application", "everything", "snapshot", "newer", "other"],
)
def test_what_changed_while_it_was_loaded_is_newer(change, left):
    """A removal or change that comes during a load is not undone by what the load brings."""
    scene = Scene()

    def meanwhile():
        change(scene.inner)
        return everything()

    scene.answer = meanwhile
    assert scene.tried() == left
    assert scene.inner._journals == ()


def test_so_many_loads_run_at_once():
    """Beyond the limit a load is an outage without a call, and one that should have ended long ago does not count."""
    go = threading.Event()

    def held():
        assert go.wait(4 * WAIT_S)

    scene = Scene(held, deadline_s=5)
    threads = [in_threads(1, lambda n=number: scene.tried(client=f"client-{n}"))[0] for number in range(MAX_LOADS)]
    for _ in threads:
        assert scene.ports.waiting.acquire(timeout=WAIT_S)
    assert scene.tried(client="one more") == "too many subscriptions are being loaded"
    scene.ports.clock.pass_s(6.1)
    scene.answer = everything
    assert scene.tried() == WHOLE
    go.set()
    for thread in threads:
        thread.join(WAIT_S)
    scene.ports.settle()
    assert scene.store._under_way == {}


def test_a_thread_that_cannot_be_started_is_an_outage():
    """Where no thread starts nothing is counted as under way."""
    scene = Scene()
    scene.ports.refusing = RuntimeError("can't start new thread")
    assert scene.tried() == "can't start new thread"
    assert scene.store._under_way == {}


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"store": {}}, "store is an InMemorySubscriptions, load a function"),
        ({"load": None}, "store is an InMemorySubscriptions, load a function"),
        ({"negative_ttl_s": -1}, "negative_ttl_s is a number of seconds"),
        ({"negative_ttl_s": float("inf")}, "negative_ttl_s is a number of seconds"),
        ({"deadline_s": 0}, "deadline_s is a number of seconds"),
        ({"deadline_s": True}, "deadline_s is a number of seconds"),
        ({"deadline_s": "5"}, "deadline_s is a number of seconds"),
        ({"remember_missing": 1}, "remember_missing is a whole number from 2 on"),
        ({"remember_missing": 2.0}, "remember_missing is a whole number from 2 on"),
    ],
    ids=str,
)
def test_what_the_options_must_not_be_is_an_error(options, why):
    """A wrong option is a configuration error when the store is made."""
    with pytest.raises(ConfigurationError, match=why):
        LoadingSubscriptions(**({"store": InMemorySubscriptions(), "load": everything} | options))
