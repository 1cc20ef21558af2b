"""Keys that change: what backends make of it that remember what they fetched."""

from itertools import pairwise

import jwt as pyjwt
import pytest

from kmvalidate.backend_jwt import LegacyFormat
from kmvalidate.errors import ConfigurationError, KeyManagerUnavailable
from kmvalidate.signing import SigningKey
from tests.backend_jwt.making import case, generator, issue, key, payload, verified
from tests.signing import NOW, private_key, public_jwk, sign

OLD, NEW = key(owner="old", kid="old"), key(owner="new", kid="new")
CACHE_S = 120
TTL_S = 60


class Backend:
    """A backend that keeps the keys for `CACHE_S`, and does not fetch them again for a kid that it does not know."""

    def __init__(self, made, phase):
        self._made, self._fetched_at, self._keys = made, phase - CACHE_S, {}

    def verdict(self, jwt, now):
        """Return whether a JWT is good, or which of its parts is not."""
        while now >= self._fetched_at + CACHE_S:
            self._fetched_at += CACHE_S
            self._keys = {jwk["kid"]: jwk for jwk in self._made.jwks()["keys"]}
        jwk = self._keys.get(pyjwt.get_unverified_header(jwt.text)["kid"])
        if jwk is None:
            return "unknown kid"
        pyjwt.decode(
            jwt.text,
            pyjwt.PyJWK(jwk),
            ["ES256"],
            options={"verify_exp": False, "verify_iat": False},
            audience="orders-backend",
        )
        return "good" if now < jwt.expires_at else "expired"


def history(steps, until, phase=NOW):
    """
    Return what a backend made of every JWT that the gateway held current, as a set of verdicts.

    *steps* say at which second which keys are used; a call comes every ten seconds.
    """
    made = generator([OLD], ttl_s=TTL_S, jwks_cache_s=CACHE_S)
    backend, kept, seen = Backend(made, phase), None, set()
    token = verified(exp=NOW + 90_000)
    for second in range(0, until, 10):
        if second in steps:
            made.use_keys(steps[second])
        if kept is None or not made.is_current(kept, NOW + second):
            kept = issue(made, case(token), NOW + second)
        seen.add((kept.key_id, backend.verdict(kept, NOW + second)))
    return seen


PUBLISH, SIGN = 10, 10 + CACHE_S
DROP = SIGN + TTL_S + CACHE_S
END = DROP + 2 * CACHE_S
GOOD = {("old", "good"), ("new", "good")}

HISTORIES = [
    ({}, {("old", "good")}),
    ({PUBLISH: [OLD, NEW], SIGN: [NEW, OLD], DROP: [NEW]}, GOOD),
    ({PUBLISH: [OLD, NEW], SIGN: [NEW, OLD]}, GOOD),
    ({PUBLISH: [OLD, NEW], SIGN: [NEW, OLD], DROP: [NEW], DROP + 10: [NEW, OLD]}, GOOD),
    # back again: the next key was published, and never signed
    ({PUBLISH: [OLD, NEW], SIGN: [OLD]}, {("old", "good")}),
]


@pytest.mark.parametrize("phase", range(0, -CACHE_S, -30))
@pytest.mark.parametrize(("steps", "expected"), HISTORIES)
def test_no_backend_notices_a_rotation_in_steps(steps, expected, phase):
    """Whenever it fetches the keys, a backend knows the kid of every JWT that it gets."""
    assert history(steps, END, NOW + phase) == expected


@pytest.mark.parametrize(
    "steps",
    [
        {PUBLISH: [NEW, OLD]},
        {PUBLISH: [NEW]},
        {PUBLISH: [OLD, NEW], PUBLISH + 40: [NEW, OLD]},
    ],
)
def test_a_rotation_in_haste_is_noticed(steps):
    """A key that signs before every backend has fetched it is a kid that some do not know."""
    assert ("new", "unknown kid") in history(steps, END)


def test_a_key_that_is_dropped_ends_its_jwts():
    """A JWT is current as long as its key is published, whichever signs now."""
    made = generator([OLD])
    jwt = issue(made, case())
    currents = []
    for keys in ([OLD, NEW], [NEW, OLD], [NEW], [OLD]):
        made.use_keys(keys)
        currents.append(made.is_current(jwt, NOW))
    assert currents == [True, True, False, True]


def test_the_first_key_signs():
    """The first of several keys signs; all of them are published, in that order."""
    made = generator((NEW, OLD))
    assert issue(made, case()).key_id == "new"
    assert [jwk["kid"] for jwk in made.jwks()["keys"]] == ["new", "old"]
    made.use_keys(OLD)
    assert issue(made, case()).key_id == "old"


def test_each_change_is_another_version():
    """The version is another object after each change, and the same without one."""
    made = generator(OLD)
    versions = [made.version, made.version]
    made.use_keys(OLD)
    versions.append(made.version)
    assert versions[0] is versions[1] is not versions[2]


@pytest.mark.parametrize(
    "keys",
    [
        [],
        (),
        None,
        "key",
        [OLD, "key"],
        [OLD, OLD],
        [key(kid="same"), key(owner="other", kid="same")],
    ],
)
def test_keys_that_cannot_be_used_change_nothing(keys):
    """No key, something else, or two of one kid are an error, and the keys stay as they were."""
    made = generator([OLD])
    version = made.version
    with pytest.raises(ConfigurationError):
        made.use_keys(keys)
    with pytest.raises(ConfigurationError):
        type(made)(keys)
    assert made.version is version


def test_a_kid_never_becomes_another_keys():
    """A key cannot be replaced by another one of its kid, which backends would take for the old one."""
    made = generator([key(owner="old", kid="k")])
    with pytest.raises(ConfigurationError, match="kid k is that of another key"):
        made.use_keys(key(owner="new", kid="k"))
    made.use_keys([key(owner="old", kid="k", certified=True), NEW])  # the same key, with a certificate by now
    assert len(made.jwks()["keys"]) == 2


def test_a_dropped_keys_kid_stays_its_own():
    """A kid that was dropped is never another key's, but its own key may come back, and its JWTs with it."""
    leaked = key(owner="old", kid="k")
    made = generator([leaked])
    jwt = issue(made, case())
    made.use_keys(NEW)
    version = made.version
    for keys in (key(owner="another", kid="k"), [NEW, key(owner="another", kid="k")]):
        with pytest.raises(ConfigurationError, match="kid k is that of another key"):
            made.use_keys(keys)
    assert (made.version is version, made.is_current(jwt, NOW)) == (True, False)
    made.use_keys([leaked])
    assert made.is_current(jwt, NOW)


def test_what_is_refused_is_not_remembered():
    """A kid of keys that were refused for another one of them is free for any key."""
    made = generator([key(owner="old", kid="k")])
    with pytest.raises(ConfigurationError):
        made.use_keys([key(owner="a", kid="free"), key(owner="new", kid="k")])
    made.use_keys(key(owner="b", kid="free"))
    assert issue(made, case()).key_id == "free"


def test_jwts_are_current_by_the_key_and_not_by_its_name():
    """A JWT of another generator, whose key has the same kid, is not current here."""
    mine, other = (generator(key(owner=owner, kid="k")) for owner in ("mine", "other"))
    jwt = issue(other, case())
    assert (other.is_current(jwt, NOW), mine.is_current(jwt, NOW)) == (True, False)


class Remote:
    """A key that signs elsewhere, and what happens meanwhile."""

    def __init__(self, owner):
        self.meanwhile, self.signed, self._owner = lambda: None, 0, owner
        self.key = SigningKey.from_signer(
            self.sign, public_key=public_jwk("P-256", owner), algorithm="ES256", kid=owner
        )

    def sign(self, data):
        self.signed += 1
        self.meanwhile()
        return sign("ES256", data, private_key("P-256", self._owner))


def test_a_key_that_is_dropped_while_it_signs_signs_nothing():
    """What is signed by a key that leaked is not issued, if it was left out meanwhile: another signs."""
    remote = Remote("leaked")
    made = generator(remote.key)
    remote.meanwhile = lambda: made.use_keys(NEW)
    jwt = issue(made, case())
    assert (jwt.key_id, remote.signed, made.is_current(jwt, NOW)) == ("new", 1, True)
    assert payload(jwt)["sub"] == "alice"


def test_a_key_that_is_still_published_has_signed():
    """What another key overtakes, that signs from now on, is issued as long as the first one is published."""
    remote = Remote("slow")
    made = generator(remote.key)
    remote.meanwhile = lambda: made.use_keys([NEW, remote.key])
    assert (issue(made, case()).key_id, remote.signed) == ("slow", 1)


def test_a_signature_elsewhere_takes_one_jwt():
    """Where a signer has to be asked, nothing is made at once, and what it signs is made once."""
    remote, made_of = Remote("slow"), []
    made = generator(remote.key, _random=lambda count: made_of.append(count) or bytes(count))
    assert (made.issue_now(case(), NOW), made_of, remote.signed) == (None, [], 0)
    assert (issue(made, case()).key_id, made_of, remote.signed) == ("slow", [16], 1)


def test_keys_that_change_while_a_jwt_is_made_at_once():
    """What is made without waiting is issued only under the keys that it began with."""
    made = generator(OLD, _random=lambda count: made.use_keys([NEW, OLD]) or bytes(count))
    assert made.issue_now(case(), NOW) is None
    made = generator(OLD)
    assert made.issue_now(case(), NOW).key_id == "old"


def test_keys_that_change_all_the_time_are_an_outage():
    """Keys of which each is dropped while it signs issue nothing, after a few tries."""
    remotes = [Remote(f"r{number}") for number in range(10)]
    made = generator(remotes[0].key)
    for one, following in pairwise(remotes):
        one.meanwhile = lambda following=following: made.use_keys(following.key)
    with pytest.raises(KeyManagerUnavailable, match="change all the time"):
        issue(made, case())
    assert [one.signed for one in remotes] == [1, 1, 1] + [0] * 7


def test_two_certificates_of_one_name_and_number_are_one_kid():
    """In the legacy format the kid is made of the certificate, and two keys must not share it."""
    keys = [key("RS256", owner, certified=True, kid=owner) for owner in ("a", "b")]
    with pytest.raises(ConfigurationError, match="two keys have the kid"):
        generator(keys, format=LegacyFormat())
    assert len(generator(keys, format=LegacyFormat(kid="choreo")).jwks()["keys"]) == 2


def test_the_overlap_outlives_every_jwt():
    """A key stays published for the longest life of a JWT, and for as long as backends keep the keys."""
    assert generator(ttl_s=60, jwks_cache_s=100).overlap_s == 160
    assert generator().overlap_s == 600
