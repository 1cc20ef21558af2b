"""What is barred of a key manager's keys: their material, for good, whoever publishes it, whichever source has it."""

import pytest

from kmvalidate import StaticKeys
from kmvalidate.flights import Flights
from kmvalidate.issuer_state import IssuerState
from kmvalidate.key_bars import NO_BARS, Bars
from kmvalidate.keys import read_jwks
from tests.caches import Cached, drop_key, kids
from tests.fakes import KEYS, FakeTransport, ec_jwk, key_set
from tests.signing import manager


def thumbprint(owner: str) -> str:
    return keys(owner).keys[0].thumbprint


def keys(*owners: str, **renamed: str):
    """Return the keys of *owners*, and those of others under the ids they are given."""
    return read_jwks({"keys": [*map(ec_jwk, owners), *(ec_jwk(owner, kid=kid) for owner, kid in renamed.items())]})


def pinned(*owners: str):
    """Return the keys of a key manager that pins them."""
    owner = manager(keys=StaticKeys(keys(*owners)))
    return IssuerState.of(owner, Flights(), Cached().clock).source


def test_where_nothing_is_barred_a_set_is_what_it_is():
    """A set that has none of what is barred stays the same object; most key managers have nothing barred."""
    found, bars = keys("a", "b"), Bars()
    assert not NO_BARS
    assert NO_BARS.applied_to(found) is bars.applied_to(found) is found
    bars.add("c", [found])
    assert bars
    assert bars.applied_to(found) is found


@pytest.mark.parametrize("seen", [["a"], ["other"], []], ids=["with the key", "without it", "never"])
@pytest.mark.parametrize("first", ["thief", "key"])
def test_a_thumbprint_is_barred_whoever_has_it_as_an_id(seen, first):
    """A key dropped by its thumbprint stays dropped where the issuer gives another key that thumbprint for an id."""
    bars, cached = Bars(), Cached(FakeTransport({KEYS: key_set("b", *seen)}))
    if seen:
        cached.wait()
    drop_key(cached.keys, bars, thumbprint("a"))
    thief = [ec_jwk("thief", kid=thumbprint("a")), ec_jwk("b")]
    genuine = [ec_jwk("a"), ec_jwk("b")]
    for entries in (thief, genuine, thief + genuine[:1]) if first == "thief" else (genuine, thief, thief + genuine):
        cached.ports.transport = FakeTransport({KEYS: {"keys": entries}})
        cached.refresh()
        assert thumbprint("a") not in {key.thumbprint for key in cached.keys.snapshot.key_set.keys}
        assert "b" in cached.kids


def test_a_thumbprint_that_another_key_has_as_its_id_bars_both():
    """Where a name is the id of one key and the thumbprint of another that comes later, neither is used."""
    bars, name = Bars(), thumbprint("a")
    found = keys("b", thief=name)
    bars.add(name, [found])
    assert bars.applied_to(found).names == ("b",)
    assert bars.applied_to(keys("a", "b")).names == ("b",)


def test_what_is_barred_stays_barred_for_every_source():
    """One key manager's bars hold for whatever has its keys next, remote or pinned, fetched or not."""
    bars, first = Bars(), Cached()
    first.wait()
    drop_key(first.keys, bars, "old")
    later = Cached(FakeTransport({KEYS: key_set("old", "new")}))
    later.keys.bar(bars)
    assert kids(later.wait()) == ["new"]
    fixed = pinned("old", "new")
    fixed.bar(bars)
    assert kids(fixed.snapshot) == ["new"]
    assert kids(fixed.ready(later.ports)) == ["new"]


def test_a_key_barred_in_one_source_is_barred_in_the_other():
    """A key that only one of two sources has is barred by its material in both."""
    bars, remote, fixed = Bars(), Cached(), pinned("a", "b")
    remote.wait()
    bars.add("a", [source.snapshot.key_set for source in (remote.keys, fixed)])
    remote.keys.bar(bars)
    fixed.bar(bars)
    remote.ports.transport = FakeTransport({KEYS: {"keys": [ec_jwk("a", kid="renamed"), ec_jwk("other", kid="a")]}})
    remote.refresh()
    assert [key.thumbprint for key in remote.keys.snapshot.key_set.keys] == [thumbprint("other")]
    assert kids(fixed.snapshot) == ["b"]


def test_a_name_is_barred_until_a_key_is_published_under_it():
    """A name that nobody had bars the first key under it, for good, and no second one."""
    bars = Bars()
    bars.add("next", [keys("a")])
    assert bars.applied_to(keys("a", first="next")).names == ("a",)
    assert bars.applied_to(keys("a", second="next")).names == ("a", "next")
    assert bars.applied_to(keys("a", "first")).names == ("a",)


def test_nothing_is_taken_back():
    """However often keys are barred, what was barred before stays so."""
    bars, found = Bars(), keys("a", "b", "c")
    for left in ("bc", "c", ""):
        bars.add({"bc": "a", "c": "b", "": "c"}[left], [bars.applied_to(found)])
        assert bars.applied_to(found).names == tuple(left)
        assert bars.applied_to(bars.applied_to(found)).names == tuple(left)
