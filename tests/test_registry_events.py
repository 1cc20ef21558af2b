"""What a registry tells of its changes, and what it logs of what is waived."""

import logging
import threading

import pytest

from kmvalidate import ANY_AUDIENCE, ConfigurationError, KeyManagerRegistry, Network, RemoteKeys
from tests.estate import HIGH, LOW, Estate, issuer_of, keys_of, pinned, publishing, remote, token_of
from tests.fakes import FakeTransport
from tests.signing import NoNetwork


def added(name, layer=LOW, organization=None):
    return ("KeyManagerAdded", name, organization, layer)


def removed(name, layer=LOW, organization=None):
    return ("KeyManagerRemoved", name, organization, layer)


def test_each_kind_of_change_is_told():
    """Adding, replacing, removing and exchanging key managers tells who answers now and who no longer does."""
    estate = Estate(pinned("a"), pinned("b", organization="acme"))
    assert estate.told() == [added("a"), added("b", organization="acme")]
    estate.registry.add(HIGH, pinned("c"))
    assert estate.told() == [added("c", HIGH)]
    estate.registry.replace(LOW, pinned("a", leeway_s=1))
    assert estate.told() == [removed("a"), added("a")]
    estate.registry.remove(HIGH, "c")
    assert estate.told() == [removed("c", HIGH)]
    estate.registry.use(LOW, [pinned("d"), pinned("a", leeway_s=1)])
    assert estate.told() == [removed("b", organization="acme"), added("d")]


def test_what_changes_nothing_is_not_told():
    """A layer that is loaded again as it was, in another order too, tells nothing."""
    estate = Estate(pinned("a"), pinned("b"))
    estate.told()
    estate.registry.use(LOW, [pinned("b"), pinned("a")])
    estate.registry.use(HIGH, [])
    estate.registry.add(HIGH, pinned("a"))
    estate.registry.remove(LOW, "a")
    assert estate.told() == []


@pytest.mark.parametrize("over", [{"name": "x", "issuer": issuer_of("a")}, {"name": "a", "issuer": issuer_of("x")}])
def test_who_is_overridden_is_told_as_removed(over):
    """A key manager that is overridden is told as removed, with its own layer, and as added when it is back."""
    estate = Estate(pinned("a"))
    estate.told()
    estate.registry.add(HIGH, remote(**over))
    assert estate.told() == [removed("a"), added(over["name"], HIGH)]
    estate.registry.use(HIGH, [])
    assert estate.told() == [removed(over["name"], HIGH), added("a")]


def test_who_is_in_two_layers_is_told_with_the_higher_one():
    """A configuration that stands in two layers goes and comes back as that of the higher of them."""
    estate = Estate(layers=["one", "two", "three"])
    for layer in ("three", "two"):
        estate.registry.add(layer, pinned("a"))
    assert estate.told() == [added("a", "three")]
    estate.registry.add("one", pinned("x", issuer=issuer_of("a")))
    estate.registry.use("one", [])
    assert estate.told() == [removed("a", "two"), added("x", "one"), removed("x", "one"), added("a", "two")]


def test_who_still_answers_for_some_issuer_is_not_removed():
    """A key manager that is overridden for one of its issuers is told neither as removed nor as added."""
    estate = Estate(pinned("a", extra_issuers=issuer_of("b")))
    estate.told()
    estate.registry.add(HIGH, pinned("b"))
    assert estate.told() == [added("b", HIGH)]


def test_what_happens_to_keys_is_told_in_between():
    """Events of keys name the key manager and its organization, among those of its coming and going."""
    estate = Estate(remote("a", organization="acme"), transport=FakeTransport(publishing("a")))
    assert estate.verdict(token_of("a"), "acme") == "a"
    estate.registry.drop_key("a", "a", organization="acme")
    estate.registry.remove(LOW, "a", organization="acme")
    fetched, dropped = [(kind, "a", "acme", None) for kind in ("KeysFetched", "KeysDropped")]
    assert estate.told() == [added("a", organization="acme"), fetched, dropped, removed("a", organization="acme")]


def test_a_listener_may_change_the_registry():
    """A listener is told when a change is made, and may make another."""
    heard = []

    def listener(event):
        heard.append((type(event).__name__, event.key_manager))
        if heard == [("KeyManagerAdded", "a")]:
            registry.add(HIGH, pinned("b"))

    registry = KeyManagerRegistry(transport=NoNetwork(), on_event=listener)
    registry.add(LOW, pinned("a"))
    assert heard == [("KeyManagerAdded", "a"), ("KeyManagerAdded", "b")]
    assert [made.name for made in registry.managers] == ["b", "a"]


def test_a_listener_that_fails_keeps_no_change(caplog):
    """What a listener raises stops no change and reaches nobody; its type alone is logged."""

    def listener(event):
        raise LookupError("secret")

    registry = KeyManagerRegistry([pinned("a"), pinned("b")], transport=NoNetwork(), on_event=listener)
    registry.remove(LOW, "a")
    assert [made.name for made in registry.managers] == ["b"]
    assert caplog.messages.count("the listener raised LookupError for KeyManagerAdded") == 2
    assert "the listener raised LookupError for KeyManagerRemoved" in caplog.messages
    assert "secret" not in caplog.text


@pytest.mark.parametrize("listener", ["print", 5, [], object()], ids=lambda given: type(given).__name__)
def test_a_listener_is_a_function(listener):
    """A listener that cannot be called is a ConfigurationError."""
    with pytest.raises(ConfigurationError, match="on_event"):
        KeyManagerRegistry(transport=NoNetwork(), on_event=listener)


def test_a_listener_is_a_plain_function():
    """A coroutine function, which nobody would await, is a ConfigurationError."""

    async def listener(event):
        raise AssertionError

    with pytest.raises(ConfigurationError, match="on_event"):
        KeyManagerRegistry(transport=NoNetwork(), on_event=listener)


def test_changes_from_many_threads_are_all_told():
    """Key managers that many threads add and remove at once are all there, or gone, and each is told once."""
    estate = Estate()
    names = [f"km{number}" for number in range(24)]

    def change(name):
        estate.registry.add(LOW, pinned(name, "a"))
        if name.endswith("0"):
            estate.registry.remove(LOW, name)

    threads = [threading.Thread(target=change, args=(name,), daemon=True) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
        assert not thread.is_alive()
    left = {name for name in names if not name.endswith("0")}
    assert {made.name for made in estate.registry.managers} == left
    assert sorted(estate.told()) == sorted([*map(added, names), *(removed(name) for name in names if name not in left)])


def test_what_is_waived_is_logged_once(caplog):
    """Each opt-out is logged when its key manager is registered, not again while its configuration stands."""
    lax = pinned("lax", audience=ANY_AUDIENCE)
    safe = pinned("safe")
    with caplog.at_level(logging.WARNING, "kmvalidate.registry"):
        estate = Estate(lax, safe)
        said = ["key manager lax: tokens are accepted whatever audience they name"]
        assert caplog.messages == said
        estate.registry.use(LOW, [safe, pinned("lax", audience=ANY_AUDIENCE)])
        estate.registry.add(HIGH, lax)
        estate.registry.remove(LOW, "lax")
        assert estate.verdicts(token_of("lax"), token_of("safe")) == ["lax", "safe"]
        assert caplog.messages == said
        estate.registry.replace(HIGH, pinned("lax", audience=ANY_AUDIENCE, leeway_s=1))
        assert caplog.messages == said * 2


def test_every_waiver_of_a_key_manager_is_logged(caplog):
    """All opt-outs of one key manager are warnings of their own; a change that is refused logs none."""
    network = Network(insecure_http=True, private_addresses=True, proxy="http://proxy.example")
    lax = remote("lax", audience=ANY_AUDIENCE, keys=RemoteKeys(jwks_url=keys_of("lax"), network=network))
    estate = Estate(pinned("a"))
    with pytest.raises(ConfigurationError):
        estate.registry.use(LOW, [lax, pinned("b", issuer=issuer_of("lax"))])
    assert caplog.messages == []
    estate.registry.add(LOW, lax)
    assert sorted(caplog.messages) == sorted(f"key manager lax: {waiver}" for waiver in lax.waivers())
    assert len(caplog.messages) == 4
