"""Remembered tokens and the keys that verified them: as good as the key is now."""

import asyncio

import pytest

from kmvalidate import StaticKeys
from tests.estate import HIGH, Estate, count_signatures, issuer_of, keys_of, pinned, publishing, remote, token_of
from tests.fakes import HeldTransport, answer, ec_jwk
from tests.signing import ABSENT, dumps, good_claims, good_header, private_key, public_jwk, token

NAMED = token_of("a")
NAMELESS = token(good_claims(iss=issuer_of("a")), good_header(kid=ABSENT), key=private_key("P-256", "a"))


@pytest.fixture
def counted(monkeypatch):
    return count_signatures(monkeypatch)


def publish(estate, *jwks):
    """Let the key manager *a* have these keys from now on."""
    estate.transport.answers = {keys_of("a"): {"keys": list(jwks)}}
    if estate.registry.health()[0].usable:
        estate.registry.refresh("a")


def known(bearer=NAMED, *jwks, **changes):
    """Return an estate that remembers a token of *a*, which has these keys."""
    estate = Estate(remote("a", **changes))
    publish(estate, *(jwks or [ec_jwk("a")]))
    assert estate.verdict(bearer) == "a"
    return estate


def test_a_rotation_that_keeps_the_key_keeps_the_tokens(counted):
    """A token stays remembered while its key is published, whatever comes and goes beside it, in whatever order."""
    estate = known()
    for owners in (("a", "b"), ("b", "a"), ("c", "a", "d"), ("a",), ("a",)):
        publish(estate, *map(ec_jwk, owners))
        assert estate.verdicts(NAMED, NAMED) == ["a", "a"]
    assert (counted, estate.fetches("a")) == (["a"], 6)


@pytest.mark.parametrize(
    ("bearer", "jwks", "expected"),
    [
        (NAMED, [ec_jwk("b")], "UNKNOWN_KEY"),
        (NAMED, [ec_jwk("a", kid="b")], "UNKNOWN_KEY"),
        (NAMED, [ec_jwk("b", kid="a")], "BAD_SIGNATURE"),
        (NAMED, [ec_jwk("b", kid="a"), ec_jwk("a", kid="b")], "BAD_SIGNATURE"),
        (NAMED, [ec_jwk("a"), ec_jwk("b", kid="a")], "AMBIGUOUS_KEY"),
        (NAMED, [ec_jwk("b", kid="a"), ec_jwk("a")], "AMBIGUOUS_KEY"),
        (NAMED, [public_jwk("RSA", kid="a")], "UNSUITABLE_KEY"),
        (NAMED, [public_jwk("P-384", kid="a")], "UNSUITABLE_KEY"),
        (NAMED, [ec_jwk("a") | {"use": "enc"}, ec_jwk("b")], "UNKNOWN_KEY"),
        (NAMED, [ec_jwk("a"), ec_jwk("a")], "a"),
        (NAMED, [ec_jwk("a"), public_jwk("RSA", kid="a")], "a"),
        (NAMED, [ec_jwk("a") | {"alg": "ES256"}], "a"),
        (NAMELESS, [ec_jwk("a"), ec_jwk("b")], "AMBIGUOUS_KEY"),
        (NAMELESS, [ec_jwk("b")], "BAD_SIGNATURE"),
        (NAMELESS, [public_jwk("RSA")], "UNKNOWN_KEY"),
        (NAMELESS, [ec_jwk("a"), public_jwk("RSA")], "a"),
        (NAMELESS, [ec_jwk("a", kid="other")], "a"),
        (NAMELESS, [ec_jwk("a"), ec_jwk("a", kid="other")], "a"),
    ],
)
@pytest.mark.parametrize("warm", [1, 3])
def test_a_rotation_decides_like_a_first_look(bearer, jwks, expected, warm):
    """After a rotation a remembered token gets what a validator says that sees token and keys for the first time."""
    estate, first = known(bearer), Estate(remote("a"))
    assert estate.verdicts(*[bearer] * warm) == ["a"] * warm
    publish(estate, *jwks)
    publish(first, *jwks)
    assert [estate.verdict(bearer), estate.verdict(bearer), first.verdict(bearer)] == [expected] * 3


@pytest.mark.parametrize("who", ["published again", "never"])
def test_a_key_that_comes_back_serves_its_tokens_again(who):
    """A token whose key was away is refused meanwhile, and good again only when that very key is back."""
    estate = known()
    publish(estate, ec_jwk("b"))
    assert estate.verdict(NAMED) == "UNKNOWN_KEY"
    publish(estate, ec_jwk("a" if who == "published again" else "c"))
    assert estate.verdict(NAMED) == ("a" if who == "published again" else "UNKNOWN_KEY")


def test_two_rotations_unseen_are_one_look(counted):
    """A token that nobody brought during several rotations is judged by the keys of the last."""
    estate = known()
    for owners in (("a", "b"), ("b",), ("b", "a")):
        publish(estate, *map(ec_jwk, owners))
    assert (estate.verdict(NAMED), counted) == ("a", ["a"])


@pytest.mark.parametrize("how", ["kid", "thumbprint", "all"])
def test_a_dropped_key_is_used_for_no_remembered_token(how):
    """A remembered token is refused as soon as its key was dropped by hand, or waits for a fetch when all were."""
    estate = known(NAMED, ec_jwk("a"), ec_jwk("b"))
    other = token_of("a", "b")
    assert estate.verdict(other) == "a"
    if how == "all":
        estate.registry.drop_keys("a")
        estate.transport.answers = {keys_of("a"): answer({}, 500)}
        assert estate.verdicts(NAMED, other) == ["UNAVAILABLE"] * 2
    else:
        thumbprint = StaticKeys.from_jwks(ec_jwk("a")).key_set.keys[0].thumbprint
        estate.registry.drop_key("a", "a" if how == "kid" else thumbprint)
        assert estate.verdicts(NAMED, other) == ["UNKNOWN_KEY", "a"]


def test_keys_past_their_hard_limit_serve_no_remembered_token(counted):
    """When the keys reached their hard limit remembered tokens are not used; they are when new keys came."""
    estate = known()
    estate.transport.answers = {}
    estate.clock.pass_s(86_399)
    assert estate.verdict(NAMED) == "a"
    estate.ports.settle()
    estate.clock.pass_s(60)
    assert estate.verdicts(NAMED, NAMED) == ["UNAVAILABLE"] * 2
    estate.ports.settle()
    estate.clock.pass_s(60)
    estate.transport.answers = publishing("a")
    assert estate.verdict(NAMED) == "a"


@pytest.mark.parametrize("kind", ["authenticate", "aauthenticate"])
def test_a_hit_lets_due_keys_be_fetched(counted, kind):
    """A remembered token whose keys are due is answered at once, and they are fetched in the background, once."""
    estate = Estate(remote("a"), transport=HeldTransport(publishing("a")))
    estate.transport.let_go.set()
    assert estate.verdict(NAMED) == "a"
    estate.clock.pass_s(700)
    estate.transport.let_go.clear()
    for _ in range(3):
        answered = getattr(estate.validator, kind)(NAMED)
        verified = asyncio.run(answered) if kind == "aauthenticate" else answered
        assert verified.key_manager == "a"
    assert (counted, len(estate.ports.flown)) == (["a"], 2)
    estate.transport.let_go.set()
    estate.ports.settle()
    assert (estate.fetches("a"), estate.verdict(NAMED), counted) == (2, "a", ["a"])


def test_a_hit_after_a_long_time_waits_for_the_keys():
    """The first remembered token after a long idle time gets the verdict of the keys as they are then."""
    estate = known()
    estate.transport.answers = publishing(a=("b",))
    estate.clock.pass_s(2000)
    assert (estate.verdict(NAMED), estate.fetches("a")) == ("UNKNOWN_KEY", 2)


def test_a_failed_fetch_takes_no_remembered_token(counted):
    """While a provider is away remembered tokens are good, and none of them is verified again."""
    estate = known()
    estate.transport.answers = {keys_of("a"): OSError()}
    for _ in range(20):
        estate.clock.pass_s(700)
        assert estate.verdict(NAMED) == "a"
        estate.ports.settle()
    assert len(counted) <= 2 + estate.fetches("a")


def test_a_file_that_changes_ends_its_tokens(tmp_path, counted):
    """When a file has another key, remembered tokens of the old one are refused after the next look at it."""
    file = tmp_path / "keys.json"
    file.write_bytes(dumps(ec_jwk("a")))
    keys = [StaticKeys.from_file(file, check_every_s=10), StaticKeys.from_jwks(ec_jwk("p"))]
    estate, other = Estate(remote("a", keys=keys)), token_of("a", "p")
    assert estate.verdicts(NAMED, other, NAMED) == ["a", "a", "a"]
    file.write_bytes(dumps(ec_jwk("b")))
    estate.clock.pass_s(11.1)
    estate.verdict(NAMED)
    estate.ports.settle()
    assert estate.verdicts(NAMED, other, token_of("a", "b")) == ["UNKNOWN_KEY", "a", "a"]
    assert counted == ["a", "p", "b"]


def test_each_organization_keeps_its_own_key(counted):
    """A key that one organization's key manager lost is still good for the tokens another one remembers."""
    estate = Estate(pinned("a", organization="acme"), pinned("a", organization="umbrella"))
    assert [estate.verdict(NAMED, who) for who in ("acme", "umbrella") * 2] == ["a"] * 4
    estate.registry.drop_key("a", "a", organization="acme")
    assert [estate.verdict(NAMED, who) for who in ("acme", "umbrella")] == ["UNKNOWN_KEY", "a"]
    assert len(counted) == 2


def test_a_key_shared_by_two_key_managers_goes_one_by_one():
    """Two issuers that publish the same key lose it apart."""
    shared = StaticKeys.from_jwks(ec_jwk("a"))
    estate = Estate(remote("a", keys=shared), remote("b", keys=shared))
    bearers = NAMED, token_of("b", "a")
    assert estate.verdicts(*bearers) == ["a", "b"]
    estate.registry.drop_key("a", "a")
    assert estate.verdicts(*bearers) == ["UNKNOWN_KEY", "b"]


def test_what_is_overridden_loses_keys_meanwhile():
    """A token remembered with a key manager that was overridden is judged by that one's present keys afterwards."""
    estate = known()
    estate.registry.add(HIGH, pinned("x", issuer=issuer_of("a")))
    assert estate.verdict(NAMED) == "UNKNOWN_KEY"
    estate.registry.drop_key("a", "a")
    estate.registry.remove(HIGH, "x")
    assert estate.verdict(NAMED) == "UNKNOWN_KEY"
    publish(estate, ec_jwk("a"), ec_jwk("b"))
    estate.registry.refresh("a")
    assert estate.verdicts(NAMED, token_of("a", "b")) == ["UNKNOWN_KEY", "a"]


def test_a_token_known_by_its_certificate_is_remembered_by_it(counted):
    """A token that names its key by x5t#S256 is remembered while a key of that thumbprint is published."""
    jwk = ec_jwk("a") | {"x5t#S256": "a" * 43}
    header = good_header(kid=ABSENT, **{"x5t#S256": "a" * 43})
    bearer = token(good_claims(iss=issuer_of("a")), header, key=private_key("P-256", "a"))
    estate = known(bearer, jwk, ec_jwk("b"))
    publish(estate, ec_jwk("c"), jwk)
    assert (estate.verdict(bearer), counted) == ("a", ["a"])
    publish(estate, ec_jwk("a"), ec_jwk("b"))
    assert estate.verdict(bearer) == "UNKNOWN_KEY"
