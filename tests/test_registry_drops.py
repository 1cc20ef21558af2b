"""Keys that an operator dropped: they stay dropped, whatever becomes of the configuration, and nothing else does."""

import pytest

from kmvalidate import StaticKeys
from tests.estate import HIGH, LOW, Estate, issuer_of, keys_of, pinned, publishing, remote, token_of
from tests.fakes import FakeTransport, ec_jwk
from tests.signing import dumps, public_jwk

OLD = pinned("a", "old").keys.key_set.keys[0].thumbprint


def again(registry, changed):
    registry.remove(LOW, "a")
    registry.add(LOW, changed)


def emptied(registry, changed):
    registry.use(LOW, [])
    registry.use(LOW, [changed])


def elsewhere(registry, changed):
    registry.remove(LOW, "a")
    registry.add(HIGH, changed)


# Each way in which a key manager may come back.
WAYS = {
    "use": lambda registry, changed: registry.use(LOW, [changed]),
    "replace": lambda registry, changed: registry.replace(LOW, changed),
    "over": lambda registry, changed: registry.add(HIGH, changed),
    "again": again,
    "emptied": emptied,
    "elsewhere": elsewhere,
}


@pytest.fixture(params=[pinned, remote], ids=["pinned", "remote"])
def made(request):
    """Return what makes the key manager *a*, which has the keys *old* and *new* either way."""
    keys = {"keys": StaticKeys.from_jwks({"keys": [ec_jwk("old"), ec_jwk("new")]})} if request.param is pinned else {}
    return lambda **changes: remote("a", **(keys | changes))


@pytest.mark.parametrize("changes", [{}, {"leeway_s": 1}, {"issuer": issuer_of("b"), "extra_issuers": issuer_of("a")}])
@pytest.mark.parametrize("name", ["old", OLD], ids=["kid", "thumbprint"])
@pytest.mark.parametrize("way", WAYS)
def test_a_dropped_key_does_not_come_back(way, name, changes, made):
    """A key dropped by hand is refused after every change of its key manager, and the issuer's other key is good."""
    estate = Estate(made(), pinned("b", issuer="x"), transport=FakeTransport(publishing(a=("old", "new"))))
    bearers = [token_of("a", "old"), token_of("a", "new")]
    assert estate.verdicts(*bearers) == ["a", "a"]
    estate.registry.drop_key("a", name)
    for _ in range(2):
        WAYS[way](estate.registry, made(**changes))
        assert estate.verdicts(*bearers, *bearers) == ["UNKNOWN_KEY", "a"] * 2
        estate.registry.use(HIGH, [])
        estate.registry.use(LOW, [made()])
        assert estate.verdicts(*bearers) == ["UNKNOWN_KEY", "a"]


def test_a_dropped_key_does_not_come_back_under_another_id():
    """Its material is barred: a key manager loaded anew with the same key under another kid does not have it."""
    estate = Estate(pinned("a", "old"))
    estate.registry.drop_key("a", "old")
    for kid in ("new", "old", OLD):
        estate.registry.use(LOW, [remote("a", keys=StaticKeys.from_jwks(ec_jwk("old", kid=kid)))])
        assert (estate.verdict(token_of("a", "old")), estate.registry.health()[0].key_ids) == ("UNKNOWN_KEY", ())


@pytest.mark.parametrize("way", WAYS)
def test_another_key_of_the_same_id_is_good(way):
    """An issuer whose key leaked may publish another under the same kid: that one is accepted, the old one never."""
    estate = Estate(pinned("a", "old"))
    stolen, fresh = token_of("a", "old"), token_of("a", "old", jti="x")
    assert estate.verdict(stolen) == "a"
    estate.registry.drop_key("a", "old")
    WAYS[way](estate.registry, remote("a", keys=StaticKeys.from_jwks(ec_jwk("new", kid="old"))))
    assert estate.verdicts(stolen, fresh) == ["BAD_SIGNATURE"] * 2
    renamed = remote("a", keys=StaticKeys.from_jwks({"keys": [ec_jwk("new", kid="old"), ec_jwk("new")]}))
    estate.registry.use(HIGH, [])
    estate.registry.use(LOW, [renamed])
    assert estate.verdicts(token_of("a", "new"), stolen) == ["a", "BAD_SIGNATURE"]


def test_an_id_dropped_before_its_key_came_bars_the_first():
    """Of a key id that nobody had yet, the key that is published first is barred, and the next one is good."""
    estate = Estate(remote("a"), transport=FakeTransport(publishing("a")))
    estate.registry.drop_key("a", "b")
    estate.registry.replace(LOW, remote("a", leeway_s=1))
    estate.transport.answers = {keys_of("a"): {"keys": [ec_jwk("a"), ec_jwk("x", kid="b")]}}
    assert estate.verdicts(token_of("a"), token_of("a", "b")) == ["a", "UNKNOWN_KEY"]
    estate.transport.answers = publishing(a=("a", "b"))
    estate.registry.refresh("a")
    assert estate.verdicts(token_of("a"), token_of("a", "b")) == ["a", "a"]
    estate.transport.answers = {keys_of("a"): ec_jwk("x")}
    again(estate.registry, remote("a"))
    assert estate.verdict(token_of("a", "x")) == "UNKNOWN_KEY"


def test_what_is_dropped_in_one_layer_is_in_the_other():
    """A key that two layers publish under two ids is gone from both, and comes back with neither."""
    high = remote("a", leeway_s=1, keys=StaticKeys.from_jwks(ec_jwk("old", kid="other")))
    estate = Estate(pinned("a", "old"))
    estate.registry.add(HIGH, high)
    estate.registry.drop_key("a", "other")
    assert estate.verdict(token_of("a", "old")) == "UNKNOWN_KEY"
    estate.registry.remove(HIGH, "a")
    assert estate.verdict(token_of("a", "old")) == "UNKNOWN_KEY"


def test_a_drop_is_of_one_key_manager():
    """The same key of another name or another organization is good, before and after a reload."""
    keys = pinned("a", "old").keys
    made = [remote("a", keys=keys), remote("b", keys=keys), remote("a", keys=keys, organization="acme")]
    estate = Estate(*made)
    estate.registry.drop_key("a", "old")
    for changes in ({}, {"leeway_s": 1}):
        estate.registry.use(LOW, [remote(m.name, keys=keys, organization=m.organization, **changes) for m in made])
        found = [estate.verdict(token_of(name, "old"), who) for name, who in (("a", None), ("b", None), ("a", "acme"))]
        assert found == ["UNKNOWN_KEY", "b", "a"]


def test_a_drop_meets_a_file_that_is_read_again(tmp_path):
    """A key of a file is not used after its drop, though the file still has it and its key manager is loaded anew."""
    file = tmp_path / "keys.json"
    file.write_bytes(dumps({"keys": [ec_jwk("old"), public_jwk("RSA")]}))
    estate = Estate(remote("a", keys=StaticKeys.from_file(file)))
    assert estate.verdict(token_of("a", "old")) == "a"
    estate.registry.drop_key("a", "old")
    estate.registry.replace(LOW, remote("a", leeway_s=1, keys=StaticKeys.from_file(file)))
    estate.registry.refresh("a")
    assert (estate.verdict(token_of("a", "old")), estate.registry.health()[0].key_ids) == ("UNKNOWN_KEY", ("RSA",))


@pytest.mark.parametrize("layers", [[LOW], [LOW, HIGH]], ids=str)
def test_a_drop_is_told_once(layers):
    """A drop is told once, by whoever has the key manager in however many layers, and not again by a reload."""
    estate = Estate()
    for leeway_s, layer in enumerate(layers):
        estate.registry.add(layer, pinned("a", leeway_s=leeway_s))
    estate.told()
    estate.registry.drop_key("a", "a")
    estate.registry.drop_keys("a")
    assert [(event.key_manager, event.key_id) for event in estate.events] == [("a", "a"), ("a", None)]
    estate.told()
    estate.registry.use(layers[-1], [pinned("a", leeway_s=9)])
    assert "KeysDropped" not in {kind for kind, *_ in estate.told()}


def test_the_drop_of_a_stranger_leaves_nothing():
    """A drop for a key manager that is not there is an error, and bars nothing of one that comes later."""
    estate = Estate()
    with pytest.raises(Exception, match="no key manager named 'a'"):
        estate.registry.drop_key("a", "a")
    estate.registry.add(LOW, pinned("a"))
    assert estate.verdict(token_of("a")) == "a"
