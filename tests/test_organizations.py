"""Organizations: each sees its own key managers and the shared ones, and no other's verdicts."""

import enum
from itertools import permutations

import pytest

from kmvalidate import ConfigurationError, JwtValidator, KeyManagerRegistry, StaticKeys, TokenValidator
from tests.estate import HIGH, LOW, Estate, count_signatures, issuer_of, pinned, publishing, remote, token_of, told
from tests.fakes import FakeTransport, ec_jwk
from tests.signing import AUDIENCE, NoNetwork, SetClock, refusal

ACME, UMBRELLA = "acme", "umbrella"


class Text(str):
    """A string as frameworks have them."""

    __slots__ = ()


class Unhashable(str):
    """A string that nothing can look up."""

    __slots__ = ()
    __hash__ = None


class Deceiver(str):
    """A string that says it equals every other."""

    __slots__ = ()

    def __eq__(self, other):
        return True

    def __ne__(self, other):
        return False

    def __hash__(self):
        return hash(UMBRELLA)


class Org(enum.StrEnum):
    ACME = "acme"


class Falsy(str):
    """A string that is not empty and says no."""

    __slots__ = ()

    def __bool__(self):
        return False


class Pretender:
    """Says that it is a string."""

    @property
    def __class__(self):  # type: ignore[override]
        return str


def both(*managers, **arguments):
    """Yield a function that tells a verdict, of each kind of validator."""
    registry = KeyManagerRegistry(managers, transport=NoNetwork(), clock=SetClock(), **arguments)
    for check in (TokenValidator(registry).authenticate, TokenValidator(registry, remember=0).authenticate):
        yield lambda bearer, who=None, check=check: told(check, bearer, organization=who)
    yield lambda bearer, who=None: told(JwtValidator(registry).validate, bearer, organization=who)
    yield lambda bearer, who=None: told(TokenValidator(registry).aauthenticate, bearer, organization=who)


def test_an_organization_sees_its_own_and_the_shared_ones():
    """Inside an organization its own key managers and the shared ones answer; outside only the shared ones do."""
    for verdict in both(pinned("s"), pinned("a", organization=ACME), pinned("u", organization=UMBRELLA)):
        found = {who: [verdict(token_of(name), who) for name in "sau"] for who in (None, ACME, UMBRELLA, "nobody")}
        no = "UNKNOWN_ISSUER"
        assert found == {None: ["s", no, no], ACME: ["s", "a", no], UMBRELLA: ["s", no, "u"], "nobody": ["s", no, no]}


@pytest.mark.parametrize("remember", [100, 0])
@pytest.mark.parametrize("order", [*permutations([ACME, UMBRELLA, None])], ids=str)
def test_one_organizations_verdict_never_serves_another(order, remember):
    """The same token of the same issuer is judged anew for each organization, whoever asked first and how often."""
    estate = Estate(
        pinned("shared", "other", issuer=issuer_of("a")),
        pinned("own", "a", issuer=issuer_of("a"), organization=ACME),
        pinned("theirs", "a", issuer=issuer_of("a"), organization=UMBRELLA, audience="billing"),
        remember=remember,
    )
    expected = {ACME: "own", UMBRELLA: "WRONG_AUDIENCE", None: "UNKNOWN_KEY"}
    for who in order * 3:
        assert estate.verdicts(token_of("a"), token_of("a"), organization=who) == [expected[who]] * 2


def test_two_organizations_with_other_keys_under_one_kid():
    """Where two organizations have different keys of one kid for one issuer, neither accepts the other's tokens."""
    theirs = StaticKeys.from_jwks(ec_jwk("u", kid="a"))
    estate = Estate(pinned("a", organization=ACME), pinned("a", keys=theirs, organization=UMBRELLA))
    for _ in range(3):
        assert estate.verdict(token_of("a"), ACME) == "a"
        assert estate.verdict(token_of("a"), UMBRELLA) == "BAD_SIGNATURE"


def test_who_has_key_managers_is_remembered_of_its_own(monkeypatch):
    """A token of a shared issuer is verified once for all without key managers of their own, and once for each with."""
    counted = count_signatures(monkeypatch)
    estate, bearer = Estate(pinned("a"), pinned("x", organization=ACME)), token_of("a")
    for _ in range(2):
        for who in (None, ACME, UMBRELLA, "nobody"):
            assert estate.verdict(bearer, who) == "a"
    assert (counted, estate.remembered()) == (["a"] * 2, 2)


def test_an_organizations_own_goes_first():
    """For one issuer an organization's own key manager answers rather than the shared one, which serves the others."""
    mine, shared = pinned("own", "a", issuer=issuer_of("x"), organization=ACME), pinned("s", issuer=issuer_of("x"))
    for verdict in both(mine, shared):
        found = [[verdict(token_of("x", owner), who) for owner in "as"] for who in (ACME, None, UMBRELLA)]
        assert found == [["own", "UNKNOWN_KEY"], ["UNKNOWN_KEY", "s"], ["UNKNOWN_KEY", "s"]]


def test_global_first_is_the_other_way_round():
    """With global_first the shared key manager answers for an issuer that an organization has as well."""
    mine, shared = pinned("own", "a", issuer=issuer_of("x"), organization=ACME), pinned("s", issuer=issuer_of("x"))
    for verdict in both(mine, shared, global_first=True):
        found = [[verdict(token_of("x", owner), who) for owner in "as"] for who in (ACME, None, UMBRELLA)]
        assert found == [["UNKNOWN_KEY", "s"]] * 3
    for verdict in both(mine, global_first=True):
        assert [verdict(token_of("x", "a"), who) for who in (ACME, None)] == ["own", "UNKNOWN_ISSUER"]


@pytest.mark.parametrize("global_first", [False, True])
def test_a_name_means_one_key_manager_inside_an_organization(global_first):
    """Of two key managers of one name, own and shared, only the one that goes first answers in that organization."""
    managers = pinned("n", "a", issuer=issuer_of("a"), organization=ACME), pinned("n", "s", issuer=issuer_of("s"))
    for verdict in both(*managers, global_first=global_first):
        inside = ["UNKNOWN_ISSUER", "n"] if global_first else ["n", "UNKNOWN_ISSUER"]
        assert [verdict(token_of(name), ACME) for name in "as"] == inside
        assert [verdict(token_of(name)) for name in "as"] == ["UNKNOWN_ISSUER", "n"]
        assert [verdict(token_of(name), UMBRELLA) for name in "as"] == ["UNKNOWN_ISSUER", "n"]


def test_a_shared_one_is_back_when_the_own_one_goes(monkeypatch):
    """An own key manager added later hides the shared one at once, remembered tokens included, until it is removed."""
    counted = count_signatures(monkeypatch)
    estate, bearer = Estate(remote("a"), transport=FakeTransport(publishing("a"))), token_of("a")
    assert estate.verdict(bearer, ACME) == "a"
    for own in (pinned("x", issuer=issuer_of("a"), organization=ACME), pinned("a", "x", issuer="x", organization=ACME)):
        estate.registry.add(HIGH, own)
        assert estate.verdict(bearer, ACME) == ("UNKNOWN_KEY" if own.name == "x" else "UNKNOWN_ISSUER")
        assert estate.verdict(bearer) == "a"
        estate.registry.remove(HIGH, own.name, organization=ACME)
        assert estate.verdict(bearer, ACME) == "a"
    assert (counted, estate.fetches("a")) == (["a"], 1)


def test_organizations_have_fetches_of_their_own():
    """Two key managers that differ in nothing but their organization share neither keys nor what is dropped."""
    made = [remote("a", organization=who) for who in (ACME, UMBRELLA, None)]
    estate = Estate(*made, transport=FakeTransport(publishing("a")))
    assert [estate.verdict(token_of("a"), who) for who in (ACME, UMBRELLA, None)] == ["a"] * 3
    assert estate.fetches("a") == 3
    estate.registry.drop_key("a", "a", organization=ACME)
    found = [estate.verdict(token_of("a"), who) for who in (ACME, UMBRELLA, None)]
    assert found == ["UNKNOWN_KEY", "a", "a"]


def test_a_verified_token_names_the_organization():
    """A verified token tells the organization of its key manager, None for a shared one whoever asked."""
    estate = Estate(pinned("s"), pinned("a", organization=ACME))
    for _ in range(2):
        found = [estate.validator.authenticate(token_of(name), organization=ACME).organization for name in "sa"]
        assert found == [None, ACME]


def test_a_refusal_tells_nothing_of_another_organization():
    """The hint that only a slash is missing is given for issuers that this organization may use, and no others."""
    estate = Estate(pinned("a", organization=ACME))
    bearer = token_of("a", iss=issuer_of("a") + "/")
    refused = {who: refusal(estate.validator.authenticate, bearer, organization=who) for who in (None, ACME, UMBRELLA)}
    assert {refused[who].reason.name for who in refused} == {"UNKNOWN_ISSUER"}
    assert [refused[who].hint is None for who in refused] == [True, False, True]


@pytest.mark.parametrize(
    "who",
    ["", Text(), b"acme", 5, 0, True, False, ["acme"], [], {}, {"acme"}, ("acme",), object(), Pretender()],
    ids=lambda who: f"{type(who).__name__} {str(who)[:6]}",
)
def test_an_organization_is_a_name_or_none(who):
    """Anything but a non-empty string or None is a ConfigurationError, whatever the token, and grants nothing."""
    registry = KeyManagerRegistry(
        [pinned("a"), pinned("o", organization=ACME)], transport=NoNetwork(), clock=SetClock()
    )
    validator, known = TokenValidator(registry), token_of("a")
    assert validator.authenticate(known).key_manager == "a"
    checks = (validator.authenticate, validator.aauthenticate, JwtValidator(registry).validate)
    for check in (*checks, JwtValidator(registry).avalidate):
        for bearer in (known, token_of("a"), token_of("o")):
            with pytest.raises(ConfigurationError, match="organization"):
                told(check, bearer, organization=who)


@pytest.mark.parametrize(
    "who", [Text(ACME), Unhashable(ACME), Deceiver(ACME), Falsy(ACME), Org.ACME], ids=lambda who: type(who).__name__
)
def test_an_organization_of_a_kind_of_string_is_its_text(who):
    """A subclass of str stands for its characters, whatever it makes of hashes and comparisons."""
    own, other = pinned("a", organization=ACME), pinned("x", issuer=issuer_of("a"), organization=UMBRELLA)
    for verdict in both(own, other):
        assert [verdict(token_of("a", owner), who) for owner in ("a", "x", "a")] == ["a", "UNKNOWN_KEY", "a"]
        assert [verdict(token_of("a", owner), UMBRELLA) for owner in ("a", "x")] == ["UNKNOWN_KEY", "x"]


@pytest.mark.parametrize("who", ["", 5, b"acme", ["acme"], True], ids=repr)
def test_a_key_manager_belongs_to_a_named_organization_or_to_all(who):
    """A key manager whose organization is no name cannot be made; nobody is left to guess which one was meant."""
    with pytest.raises(ConfigurationError, match="organization"):
        pinned("a", organization=who)


@pytest.mark.parametrize("who", [" ", "None", "acme ", "ACME", "a\0", "*", "acme/umbrella", "\ud800", "é"], ids=ascii)
def test_organizations_are_told_apart_exactly(who):
    """An organization is an opaque string, compared exactly, the oddest included."""
    estate = Estate(pinned("a", organization=ACME), pinned("x", organization=who))
    assert [estate.verdict(token_of(name), who) for name in "axax"] == ["UNKNOWN_ISSUER", "x"] * 2
    assert [estate.verdict(token_of(name), ACME) for name in "axax"] == ["a", "UNKNOWN_ISSUER"] * 2


def test_the_audience_may_differ_between_organizations():
    """One issuer may serve two organizations with an audience each, and each accepts only its own."""
    made = [pinned("a", organization=who, audience=who) for who in (ACME, UMBRELLA)]
    for verdict in both(*made):
        found = [
            [verdict(token_of("a", aud=aud), who) for aud in (ACME, UMBRELLA, AUDIENCE)] for who in (ACME, UMBRELLA)
        ]
        no = "WRONG_AUDIENCE"
        assert found == [["a", no, no], [no, "a", no]]


def test_an_organization_that_is_gone_sees_the_shared_ones():
    """When the last key manager of an organization is removed only the shared ones answer in it."""
    estate = Estate(pinned("s"), pinned("a", organization=ACME))
    assert estate.verdicts(token_of("s"), token_of("a"), organization=ACME) == ["s", "a"]
    estate.registry.remove(LOW, "a", organization=ACME)
    assert estate.verdicts(token_of("s"), token_of("a"), organization=ACME) == ["s", "UNKNOWN_ISSUER"]
