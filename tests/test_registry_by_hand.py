"""What an operator does by hand and looks at: warming, refreshing, dropping, health; blocking and asyncio alike."""

import asyncio
import inspect

import pytest

from kmvalidate import ConfigurationError, KeyManagerUnavailable, StaticKeys, Status
from tests.estate import HIGH, LOW, Estate, issuer_of, keys_of, pinned, publishing, remote, token_of
from tests.fakes import WAIT_S, FakeTransport, HeldTransport, answer, key_set
from tests.signing import dumps, public_jwk

KINDS = ["blocking", "asyncio"]


def called(registry, kind, name, *args, **kwargs):
    """Call a method of a registry, or its twin, and return what it returns."""
    if kind == "blocking":
        return getattr(registry, name)(*args, **kwargs)
    return asyncio.run(getattr(registry, f"a{name}")(*args, **kwargs))


def seen(report):
    return {health.key_manager: (health.status.name, health.usable) for health in report}


@pytest.mark.parametrize("kind", KINDS)
def test_warming_fetches_everything_and_reports(kind):
    """All keys are fetched at once, each once, and the report says which could not be; the others are good."""
    estate = Estate(remote("a"), remote("dead"), remote("b", organization="acme"), pinned("p"))
    estate.transport.answers = publishing("a", "b") | {keys_of("dead"): OSError()}
    report = called(estate.registry, kind, "warm")
    assert seen(report) == {
        "a": ("FRESH", True),
        "dead": ("UNREACHABLE", False),
        "b": ("FRESH", True),
        "p": ("FRESH", True),
    }
    assert report == estate.registry.health()
    assert next(health.why for health in report if health.key_manager == "dead") == "the transport raised OSError"
    assert estate.verdicts(token_of("a"), token_of("dead")) == ["a", "UNAVAILABLE"]
    called(estate.registry, kind, "warm")
    assert estate.transport.hits == {keys_of("a"): 1, keys_of("b"): 1, keys_of("dead"): 1}


@pytest.mark.parametrize("kind", KINDS)
def test_warming_an_empty_registry_reports_nothing(kind):
    """A registry without key managers is warm."""
    assert called(Estate().registry, kind, "warm") == ()


@pytest.mark.parametrize("kind", KINDS)
def test_many_are_warmed(kind):
    """More key managers than are fetched at a time are all fetched, each once, and reported in their order."""
    names = [f"km{number}" for number in range(70)]
    estate = Estate(*(remote(name) for name in names), transport=FakeTransport(publishing(*names)))
    report = called(estate.registry, kind, "warm")
    assert [health.key_manager for health in report] == names
    assert {health.status for health in report} == {Status.FRESH}
    assert set(estate.transport.hits.values()) == {1}


def test_health_asks_nobody():
    """Health is told without a fetch: unfetched, fresh, stale since when, unreachable, with ids and reasons."""
    estate = Estate(remote("a"), pinned("p", "x", "y"), transport=FakeTransport(publishing("a")))
    before = estate.registry.health()
    assert (seen(before), len(estate.transport.requests)) == ({"a": ("UNFETCHED", False), "p": ("FRESH", True)}, 0)
    assert [(health.issuer, health.key_ids) for health in before] == [
        (issuer_of("a"), ()),
        (issuer_of("p"), ("x", "y")),
    ]
    assert estate.verdict(token_of("a")) == "a"
    estate.clock.pass_s(700)
    (late,) = [health for health in estate.registry.health() if health.key_manager == "a"]
    assert (late.status.name, late.key_ids, late.usable) == ("STALE", ("a",), True)
    assert estate.clock.wall() - 160 < late.stale_since < estate.clock.wall() - 39
    assert estate.fetches("a") == 1


def test_health_is_of_those_who_answer():
    """Key managers that are overridden or removed are no part of the health, and those of all organizations are."""
    estate = Estate(pinned("a"), pinned("b", organization="acme"))
    estate.registry.add(HIGH, pinned("x", issuer=issuer_of("a")))
    assert [(health.key_manager, health.organization) for health in estate.registry.health()] == [
        ("x", None),
        ("b", "acme"),
    ]
    estate.registry.remove(HIGH, "x")
    estate.registry.remove(LOW, "b", organization="acme")
    assert list(seen(estate.registry.health())) == ["a"]


@pytest.mark.parametrize("kind", KINDS)
def test_refreshing_by_hand_brings_new_keys(kind):
    """A refresh fetches at once, whatever was fetched just before, and what it brings is used."""
    estate = Estate(remote("a"), transport=FakeTransport(publishing(a=("old",))))
    assert estate.verdict(token_of("a", "old")) == "a"
    estate.transport.answers = publishing(a=("new",))
    assert called(estate.registry, kind, "refresh", "a") is None
    assert estate.verdicts(token_of("a", "old"), token_of("a", "new")) == ["UNKNOWN_KEY", "a"]
    assert estate.fetches("a") == 2


@pytest.mark.parametrize("kind", KINDS)
def test_a_refresh_that_fails_says_so(kind):
    """A refresh that fails is KeyManagerUnavailable with the name, and the keys there were are still used."""
    estate = Estate(remote("a"), transport=FakeTransport(publishing("a")))
    assert estate.verdict(token_of("a")) == "a"
    estate.transport.answers = {keys_of("a"): answer({}, 503)}
    with pytest.raises(KeyManagerUnavailable, match="a: key set: status 503"):
        called(estate.registry, kind, "refresh", "a")
    assert estate.verdict(token_of("a")) == "a"


@pytest.mark.parametrize("kind", KINDS)
def test_pinned_keys_have_nothing_to_refresh(kind):
    """Refreshing, warming and dropping all keys leave pinned keys as they are."""
    estate = Estate(pinned("a"))
    called(estate.registry, kind, "refresh", "a")
    called(estate.registry, kind, "warm")
    estate.registry.drop_keys("a")
    assert estate.verdict(token_of("a")) == "a"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("is_dead_above", [False, True])
def test_who_is_overridden_is_not_refreshed(kind, is_dead_above):
    """A refresh asks the issuer of the layer in effect: a dead one that it overrides says nothing, one above does."""
    above, below = remote("a", leeway_s=1), remote("a", published_by="b")
    estate = Estate(below, transport=FakeTransport(publishing("a", "b")))
    estate.transport.answers["https://a.example/keys" if is_dead_above else "https://b.example/keys"] = OSError()
    estate.registry.add(HIGH, above)
    if is_dead_above:
        with pytest.raises(KeyManagerUnavailable):
            called(estate.registry, kind, "refresh", "a")
    else:
        called(estate.registry, kind, "refresh", "a")
    assert (estate.fetches("a"), estate.fetches("b")) == (1, 0)


@pytest.mark.parametrize("kind", KINDS)
def test_who_answers_for_nobody_is_refreshed_all_the_same(kind):
    """A key manager that is overridden wholly, by another name, is refreshed by its own."""
    estate = Estate(remote("a"), transport=FakeTransport(publishing("a", "x")))
    estate.registry.add(HIGH, remote("x", issuer=issuer_of("a")))
    called(estate.registry, kind, "refresh", "a")
    assert (estate.fetches("a"), estate.fetches("x")) == (1, 0)
    estate.registry.remove(HIGH, "x")
    estate.transport.answers = {}
    assert estate.verdict(token_of("a")) == "a"


@pytest.mark.parametrize("made", [pinned, remote])
def test_a_dropped_key_is_refused_at_once(made):
    """What a dropped key signed is refused, remembered or not, and the issuer's other keys go on."""
    estate = Estate(pinned("a", "a", "b") if made is pinned else remote("a"))
    estate.transport.answers = publishing(a=("a", "b"))
    bearers = token_of("a", "a"), token_of("a", "b")
    assert estate.verdicts(*bearers, *bearers) == ["a"] * 4
    estate.registry.drop_key("a", "a")
    assert estate.verdicts(*bearers, token_of("a", "a", jti="x")) == ["UNKNOWN_KEY", "a", "UNKNOWN_KEY"]
    if made is remote:
        estate.registry.refresh("a")
        assert estate.verdicts(*bearers) == ["UNKNOWN_KEY", "a"]


@pytest.mark.parametrize("made", [pinned, remote])
def test_a_key_is_dropped_by_its_thumbprint(made):
    """A key may be named by its RFC 7638 thumbprint, and is gone under every id it has."""
    keys = {"keys": [public_jwk("P-256", "a", kid=kid) for kid in ("a", "also")] + key_set("b")["keys"]}
    estate = Estate(remote("a"))
    if made is pinned:
        estate.registry.use(LOW, [remote("a", keys=pinned("a").keys.from_jwks(keys))])
    estate.transport.answers = {keys_of("a"): keys}
    assert estate.verdicts(token_of("a"), token_of("a", "b")) == ["a", "a"]
    estate.registry.drop_key("a", pinned("a").keys.key_set.keys[0].thumbprint)
    assert estate.verdicts(token_of("a"), token_of("a", "b")) == ["UNKNOWN_KEY", "a"]
    assert estate.registry.health()[0].key_ids == ("b",)


def test_the_last_key_may_be_dropped():
    """A key manager without a key left refuses, and its health says that nothing is usable."""
    estate = Estate(pinned("a"))
    estate.registry.drop_key("a", "a")
    assert (estate.verdict(token_of("a")), seen(estate.registry.health())) == ("UNKNOWN_KEY", {"a": ("FRESH", False)})


def test_dropped_keys_are_fetched_anew():
    """When all keys were dropped, the next token waits for a fetch, and remembered ones with it."""
    estate, bearer = Estate(remote("a"), transport=FakeTransport(publishing("a"))), token_of("a")
    assert estate.verdict(bearer) == "a"
    estate.transport.answers = {keys_of("a"): answer({}, 503)}
    estate.registry.drop_keys("a")
    assert estate.verdict(bearer) == "UNAVAILABLE"
    estate.clock.pass_s(2)
    estate.transport.answers = publishing("a")
    assert (estate.verdict(bearer), estate.fetches("a")) == ("a", 3)


def test_drops_count_in_every_layer():
    """A key is dropped of all key managers of that name, those that are overridden too."""
    estate = Estate(pinned("a"))
    estate.registry.add(HIGH, pinned("a", leeway_s=1))
    estate.registry.drop_key("a", "a")
    assert estate.verdict(token_of("a")) == "UNKNOWN_KEY"
    estate.registry.use(HIGH, [])
    assert estate.verdict(token_of("a")) == "UNKNOWN_KEY"


def test_a_key_that_was_replaced_in_a_file_is_read_by_hand(tmp_path):
    """A refresh reads the files of a key manager again, whatever their age; a file that broke changes nothing."""
    file = tmp_path / "keys.json"
    file.write_bytes(dumps(key_set("old")))
    estate = Estate(remote("a", keys=[StaticKeys.from_file(file), pinned("p").keys]))
    bearers = token_of("a", "old"), token_of("a", "new"), token_of("a", "p")
    assert estate.verdicts(*bearers) == ["a", "UNKNOWN_KEY", "a"]
    file.write_bytes(dumps(key_set("new")))
    estate.registry.refresh("a")
    assert estate.verdicts(*bearers) == ["UNKNOWN_KEY", "a", "a"]
    file.write_bytes(b"garbage")
    with pytest.raises(KeyManagerUnavailable):
        estate.registry.refresh("a")
    assert estate.verdicts(*bearers) == ["UNKNOWN_KEY", "a", "a"]


@pytest.mark.parametrize("name", ["b", "", "A", None, 5, [], {}, ("a",), "c"], ids=repr)
@pytest.mark.parametrize(
    ("method", "kind"), [*[(name, "blocking") for name in ("drop_key", "drop_keys", "refresh")], ("refresh", "asyncio")]
)
def test_a_name_that_nobody_has_is_an_error(method, kind, name):
    """A key manager that is not there, or of another organization, is a ConfigurationError that names it."""
    estate = Estate(pinned("a"), pinned("c", organization="acme"))
    arguments = ("a",) if method == "drop_key" else ()
    for who in (None, "umbrella"):
        with pytest.raises(ConfigurationError, match="no key manager named"):
            called(estate.registry, kind, method, name, *arguments, organization=who)
    for who in ("acme", [], {}, 5):
        with pytest.raises(ConfigurationError, match="'a' of organization"):
            called(estate.registry, kind, method, "a", *arguments, organization=who)
    assert estate.verdict(token_of("a")) == "a"


@pytest.mark.parametrize("key_id", ["", None, 5, [], b"a", True], ids=repr)
def test_a_key_is_dropped_by_a_name(key_id):
    """A key id that is no non-empty string is a ConfigurationError, and nothing is dropped."""
    estate = Estate(pinned("a"))
    with pytest.raises(ConfigurationError, match="key_id"):
        estate.registry.drop_key("a", key_id)
    assert estate.verdict(token_of("a")) == "a"


def test_a_key_that_is_not_there_yet_may_be_dropped():
    """A key id dropped before it was ever published is not used when it is."""
    estate = Estate(remote("a"), transport=FakeTransport(publishing(a=("a", "b"))))
    estate.registry.drop_key("a", "b")
    assert estate.verdicts(token_of("a"), token_of("a", "b")) == ["a", "UNKNOWN_KEY"]


def test_the_twins_are_coroutine_functions_and_nothing_else_is():
    """Every method that may wait has an asyncio twin, and what decides or changes at once has none to forget."""
    public = {name for name in dir(type(Estate().registry)) if not name.startswith("_")}
    twins = {name for name in public if inspect.iscoroutinefunction(getattr(type(Estate().registry), name))}
    assert twins == {"arefresh", "awarm"}


def test_the_ports_of_asyncio_callers_are_made_once():
    """What asyncio callers reach the world with is made when the first of them comes, and is the same ever after."""
    registry = Estate(pinned("a")).registry
    assert registry._aports is None
    made = registry.aports
    assert (registry.aports, registry.aports) == (made, made)
    with pytest.raises(AttributeError):
        registry.aports = made


def test_asyncio_callers_do_not_keep_the_loop():
    """While one task refreshes slowly another one on the same loop is answered."""
    estate = Estate(remote("a"), pinned("b"), transport=HeldTransport(publishing("a")))

    async def main():
        waiting = asyncio.create_task(estate.registry.arefresh("a"))
        await asyncio.sleep(0)
        assert estate.transport.asked.wait(WAIT_S)
        verified = await estate.validator.aauthenticate(token_of("b"))
        undone = not waiting.done()
        estate.transport.let_go.set()
        await asyncio.wait_for(waiting, WAIT_S)
        return verified.key_manager, undone

    assert asyncio.run(main()) == ("b", True)
