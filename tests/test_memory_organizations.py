"""Remembered tokens and organizations: who has no key managers shares them, who has some never does."""

import pytest

from kmvalidate import ConfigurationError
from tests.estate import (
    HIGH,
    LOW,
    ChangingTransport,
    Estate,
    count_signatures,
    issuer_of,
    pinned,
    publishing,
    remote,
    token_of,
    told,
)
from tests.fakes import FakeTransport

INVENTED = [f"invented-{turn}" for turn in range(20_000)]
ACME = "acme"


@pytest.fixture
def counted(monkeypatch):
    return count_signatures(monkeypatch)


def own(**changes):
    """Return a key manager of acme for the issuer of *a*, which has other keys."""
    return pinned("x", **({"issuer": issuer_of("a"), "organization": ACME} | changes))


def test_invented_organizations_push_nothing_out(counted):
    """Twenty thousand names that callers invent neither push out a remembered token nor take any memory."""
    estate = Estate(pinned("a"), pinned("o", organization=ACME), remember=4)
    bearers = token_of("a"), token_of("o")
    assert estate.verdicts(*bearers, organization=ACME) == ["a", "o"]
    before = estate.remembered()
    assert {estate.verdict(bearers[0], who) for who in INVENTED} == {"a"}
    assert (before, estate.remembered(), counted) == (2, 3, ["a", "o", "a"])
    assert estate.verdicts(*bearers, organization=ACME) == ["a", "o"]
    assert (estate.remembered(), len(counted)) == (3, 3)


def test_invented_organizations_of_a_stranger_are_refused():
    """A token of an organization's own key manager is refused for all names that callers invent, though remembered."""
    estate = Estate(pinned("o", organization=ACME))
    bearer = token_of("o")
    assert estate.verdicts(bearer, bearer, organization=ACME) == ["o", "o"]
    assert {estate.verdict(bearer, who) for who in (None, *INVENTED[:1_000])} == {"UNKNOWN_ISSUER"}
    assert estate.verdict(bearer, ACME) == "o"


@pytest.mark.parametrize("whole", [False, True])
@pytest.mark.parametrize("layer", [LOW, HIGH])
def test_an_organization_that_gets_a_key_manager_is_judged_by_it(layer, whole, counted):
    """A token remembered for all is refused in an organization from the moment its own key manager answers there."""
    estate, bearer = Estate(pinned("a"), whole=whole), token_of("a")
    assert [estate.verdict(bearer, who) for who in (ACME, None, "nobody")] == ["a"] * 3
    for made, expected in (
        (own(), "UNKNOWN_KEY"),
        (own(keys=pinned("a").keys, audience="billing"), "WRONG_AUDIENCE"),
        (own(keys=pinned("a").keys), "x"),
        (pinned("a", issuer="y", organization=ACME), "UNKNOWN_ISSUER"),
        (pinned("z", organization=ACME), "a"),
    ):
        estate.registry.use(layer, [made] if layer == HIGH else [pinned("a"), made])
        for _ in range(2):
            assert [estate.verdict(bearer, who) for who in (ACME, None, "nobody")] == [expected, "a", "a"]
    estate.registry.use(layer, [] if layer == HIGH else [pinned("a")])
    assert [estate.verdict(bearer, who) for who in (ACME, None)] == ["a", "a"]
    assert counted == ["a"] * 5  # once for all, and where acme's own decide: twice, once, and once more


@pytest.mark.parametrize("kind", ["authenticate", "aauthenticate"])
@pytest.mark.parametrize("who", [ACME, None, "nobody"])
def test_an_organization_that_gets_a_key_manager_meanwhile_is_judged_by_it(who, kind):
    """An own key manager that comes while the shared one's keys are fetched decides for its organization alone."""
    transport = ChangingTransport(publishing("a"))
    estate, bearer = Estate(remote("a"), transport=transport), token_of("a")
    left = [own()]
    transport.meanwhile = lambda: left and estate.registry.add(HIGH, left.pop())
    expected = {ACME: "UNKNOWN_KEY", None: "a", "nobody": "a"}
    assert told(getattr(estate.validator, kind), bearer, organization=who) == expected[who]
    for other in (*expected, *expected):
        assert told(getattr(estate.validator, kind), bearer, organization=other) == expected[other]


def test_what_was_remembered_meanwhile_serves_nobody_else():
    """A token that an own key manager, come meanwhile, stands behind is refused for all who have none of their own."""
    transport = ChangingTransport(publishing(a=("b",)))
    estate, bearer = Estate(remote("a"), transport=transport), token_of("a")
    left = [own(keys=pinned("a").keys)]
    transport.meanwhile = lambda: left and estate.registry.add(HIGH, left.pop())
    assert estate.verdict(bearer, ACME) == "x"
    for who in (None, "nobody", ACME) * 2:
        assert estate.verdict(bearer, who) == ("x" if who == ACME else "UNKNOWN_KEY")


def test_one_verification_serves_all_without_key_managers(counted):
    """A token of a shared issuer is verified once and fetched for once, for nobody in particular and unknown names."""
    estate, bearer = Estate(remote("a"), transport=FakeTransport(publishing("a"))), token_of("a")
    assert {estate.verdict(bearer, who) for who in ("umbrella", None, *INVENTED[:50])} == {"a"}
    assert (counted, estate.fetches("a"), estate.remembered()) == (["a"], 1, 1)


@pytest.mark.parametrize("who", ["", 5, b"acme", ["acme"], True, 0, False], ids=repr)
def test_a_remembered_token_is_asked_for_by_name(who):
    """What is no name of an organization is an error for a remembered token too, and no hit."""
    estate, bearer = Estate(pinned("a")), token_of("a")
    assert estate.verdicts(bearer, bearer) == ["a", "a"]
    for check in (estate.validator.authenticate, estate.validator.aauthenticate):
        with pytest.raises(ConfigurationError, match="organization"):
            told(check, bearer, organization=who)
