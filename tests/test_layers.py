"""Layers of configuration: which one goes before which, and what is back when it goes."""

import pytest

from kmvalidate import ConfigurationError, KeyManagerRegistry
from tests.estate import HIGH, LOW, Estate, count_signatures, issuer_of, pinned, publishing, remote, token_of
from tests.fakes import FakeTransport
from tests.signing import NoNetwork


def test_a_higher_layer_overrides_the_same_issuer():
    """For one issuer only the key manager of the higher layer answers, remembered tokens included."""
    estate, bearer = Estate(pinned("a"), pinned("b")), token_of("a")
    assert estate.verdict(bearer) == "a"
    estate.registry.add(HIGH, pinned("x", "new", issuer=issuer_of("a")))
    assert estate.verdicts(bearer, token_of("a", "new"), token_of("b")) == ["UNKNOWN_KEY", "x", "b"]


def test_a_higher_layer_overrides_the_same_name():
    """A key manager of the same name in a higher layer overrides one of another issuer, whose tokens are refused."""
    estate, bearer = Estate(pinned("a")), token_of("a")
    assert estate.verdict(bearer) == "a"
    estate.registry.add(HIGH, pinned("a", "b", issuer=issuer_of("b")))
    assert estate.verdicts(bearer, token_of("b")) == ["UNKNOWN_ISSUER", "a"]


@pytest.mark.parametrize("order", [(HIGH, LOW), (LOW, HIGH)], ids="-".join)
def test_the_order_in_which_layers_are_filled_does_not_count(order):
    """The precedence is that of the layers, whichever was filled first."""
    given = {HIGH: pinned("high", "b", issuer=issuer_of("a")), LOW: pinned("low", "a", issuer=issuer_of("a"))}
    estate = Estate()
    for layer in order:
        estate.registry.add(layer, given[layer])
    assert estate.verdicts(token_of("a", "a"), token_of("a", "b")) == ["UNKNOWN_KEY", "high"]


def test_layers_are_named_highest_first():
    """The first of the given layers goes before the second, and key managers given at once are in the last."""
    estate = Estate(pinned("low", "a", issuer=issuer_of("a")), layers=["one", "two", "three"])
    found = estate.verdicts(token_of("a", "a"))
    for layer, owner in (("two", "b"), ("one", "c")):
        estate.registry.add(layer, pinned(layer, owner, issuer=issuer_of("a")))
        found += estate.verdicts(token_of("a", owner))
    assert found == ["low", "two", "one"]
    assert [(name, [one.name for one in made]) for name, made in estate.registry.layers.items()] == [
        *(("one", ["one"]), ("two", ["two"]), ("three", ["low"]))
    ]
    assert [one.name for one in estate.registry.managers] == ["one"]


@pytest.mark.parametrize("layers", [(), "", None, 5, ["a", "a"], ["a", ""], [None], [["a"]]], ids=repr)
def test_layers_have_a_name_each(layers):
    """Layers without names, of one name or without any are a ConfigurationError."""
    with pytest.raises(ConfigurationError):
        KeyManagerRegistry(transport=NoNetwork(), layers=layers)


@pytest.mark.parametrize("value", ["no", 0, None, []], ids=repr)
def test_global_first_is_said_with_true_or_false(value):
    """A precedence that is neither True nor False is a ConfigurationError, not taken for one of them."""
    with pytest.raises(ConfigurationError, match="global_first"):
        KeyManagerRegistry(transport=NoNetwork(), global_first=value)


def test_one_layer_is_enough():
    """A single layer may have any name."""
    estate = Estate(pinned("a"), layers="only")
    estate.registry.add("only", pinned("b"))
    assert estate.verdicts(token_of("a"), token_of("b")) == ["a", "b"]


@pytest.mark.parametrize("by", ["issuer", "name", "both"])
@pytest.mark.parametrize("how", ["remove", "use", "replace"])
def test_what_was_overridden_is_back_at_once(by, how, monkeypatch):
    """Once the higher one is gone the lower one answers again, with its keys and its remembered tokens."""
    counted = count_signatures(monkeypatch)
    estate, bearer = Estate(remote("a"), transport=FakeTransport(publishing("a"))), token_of("a")
    over = {"issuer": ("x", "a"), "name": ("a", "x"), "both": ("a", "a")}[by]
    estate.registry.add(HIGH, pinned(over[0], "x", issuer=issuer_of(over[1])))
    assert estate.verdict(bearer) == ("UNKNOWN_ISSUER" if by == "name" else "UNKNOWN_KEY")
    estate.registry.use(HIGH, [])
    assert (estate.verdict(bearer), counted) == ("a", ["a"])
    estate.registry.add(HIGH, pinned(over[0], "x", issuer=issuer_of(over[1])))
    assert estate.verdict(bearer) == ("UNKNOWN_ISSUER" if by == "name" else "UNKNOWN_KEY")
    {
        "remove": lambda: estate.registry.remove(HIGH, over[0]),
        "use": lambda: estate.registry.use(HIGH, [pinned("z")]),
        "replace": lambda: estate.registry.replace(HIGH, pinned(over[0], "z", issuer=issuer_of("z"))),
    }[how]()
    if how == "replace" and over[0] == "a":
        assert estate.verdict(bearer) == "UNKNOWN_ISSUER"
        estate.registry.use(HIGH, [])
    assert (estate.verdict(bearer), counted, estate.fetches("a")) == ("a", ["a"], 1)


def test_what_is_overridden_is_not_remembered_as_the_other():
    """A token that both accept is remembered of whoever answers, and never served for the other."""
    estate, bearer = Estate(pinned("a")), token_of("a")
    twin = pinned("x", "a", issuer=issuer_of("a"))
    found = []
    for _ in range(2):
        found += estate.verdicts(bearer, bearer)
        estate.registry.add(HIGH, twin)
        found += estate.verdicts(bearer, bearer)
        estate.registry.remove(HIGH, "x")
    assert found == ["a", "a", "x", "x"] * 2


def test_a_key_manager_is_overridden_for_some_of_its_issuers():
    """A key manager answers for those of its issuers that no higher layer has, and for all when that one goes."""
    estate = Estate(pinned("a", extra_issuers=[issuer_of("b"), issuer_of("c")]))
    bearers = token_of("a"), token_of("b", "a"), token_of("c", "a")
    assert estate.verdicts(*bearers) == ["a", "a", "a"]
    estate.registry.add(HIGH, pinned("x", issuer=issuer_of("z"), extra_issuers=issuer_of("b")))
    assert estate.verdicts(*bearers, token_of("b", "x")) == ["a", "UNKNOWN_KEY", "a", "x"]
    assert [one.name for one in estate.registry.managers] == ["x", "a"]
    estate.registry.remove(HIGH, "x")
    assert estate.verdicts(*bearers, token_of("b", "x")) == ["a", "a", "a", "UNKNOWN_KEY"]


def test_what_is_overridden_itself_overrides_nothing():
    """The lowest of three layers answers where the middle one, which would override it, is overridden."""
    estate = Estate(pinned("a"), layers=["one", "two", "three"])
    estate.registry.add("two", pinned("b", "b", issuer=issuer_of("x"), extra_issuers=issuer_of("y")))
    estate.registry.replace("two", pinned("b", "b", issuer=issuer_of("a")))
    assert estate.verdicts(token_of("a"), token_of("a", "b")) == ["UNKNOWN_KEY", "b"]
    estate.registry.add("one", pinned("b", "c", issuer=issuer_of("c")))
    assert estate.verdicts(token_of("a"), token_of("c")) == ["a", "b"]
    assert [one.issuer for one in estate.registry.managers] == [issuer_of("c"), issuer_of("a")]


def test_a_name_without_an_issuer_hides_nobody():
    """A key manager all of whose issuers are a higher layer's does not hide another of its name further down."""
    estate = Estate(pinned("b", "c", issuer=issuer_of("c")), layers=["one", "two", "three"])
    estate.registry.add("two", pinned("b", issuer=issuer_of("a")))
    assert estate.verdicts(token_of("a", "b"), token_of("c")) == ["b", "UNKNOWN_ISSUER"]
    estate.registry.add("one", pinned("a"))
    assert estate.verdicts(token_of("a"), token_of("c")) == ["a", "b"]


def test_layers_override_within_one_organization_alone():
    """A shared key manager of the high layer overrides no organization's own, nor the reverse."""
    estate = Estate(pinned("a", "own", organization="acme"), pinned("a", "shared"))
    estate.registry.add(HIGH, pinned("x", "high", issuer=issuer_of("a")))
    bearers = token_of("a", "own"), token_of("a", "shared"), token_of("a", "high")
    assert estate.verdicts(*bearers, organization="acme") == ["a", "UNKNOWN_KEY", "UNKNOWN_KEY"]
    assert estate.verdicts(*bearers) == ["UNKNOWN_KEY", "UNKNOWN_KEY", "x"]
    estate.registry.use(HIGH, [pinned("x", "high", issuer=issuer_of("a"), organization="acme")])
    assert estate.verdicts(*bearers, organization="acme") == ["UNKNOWN_KEY", "UNKNOWN_KEY", "x"]
    assert estate.verdicts(*bearers) == ["UNKNOWN_KEY", "a", "UNKNOWN_KEY"]


def test_one_configuration_in_two_layers_is_one_key_manager():
    """What stands in both layers has its keys once, and losing one of the two places changes nothing."""
    estate, bearer = Estate(remote("a"), transport=FakeTransport(publishing("a"))), token_of("a")
    assert estate.verdict(bearer) == "a"
    estate.registry.add(HIGH, remote("a"))
    assert estate.verdict(bearer) == "a"
    estate.registry.remove(LOW, "a")
    assert estate.verdict(bearer) == "a"
    estate.registry.add(LOW, remote("a"))
    estate.registry.use(HIGH, [])
    assert (estate.verdict(bearer), estate.fetches("a")) == ("a", 1)
    assert [made.name for made in estate.registry.managers] == ["a"]


def test_what_is_overridden_is_not_fetched():
    """Nobody asks a provider whose key manager is overridden, and its issuer is not in the way of the other's."""
    estate = Estate(remote("a"), transport=FakeTransport(publishing("a", "x")))
    estate.registry.add(HIGH, remote("x", issuer=issuer_of("a")))
    assert estate.verdicts(token_of("a", "x"), token_of("a")) == ["x", "UNKNOWN_KEY"]
    assert [health.key_manager for health in estate.registry.warm()] == ["x"]
    assert estate.fetches("a") == 0


def test_the_layers_cannot_be_changed_from_outside():
    """What the registry shows of its layers and key managers is a copy."""
    estate = Estate(pinned("a"))
    estate.registry.layers[LOW] = ()
    with pytest.raises((TypeError, AttributeError)):
        estate.registry.layers[LOW].clear()
    assert estate.verdict(token_of("a")) == "a"
    assert [made.name for made in estate.registry.layers[LOW]] == ["a"]
