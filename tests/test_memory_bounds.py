"""The memory of verified tokens: how much it holds, what it holds of them, and who sees that."""

import copy
import gc
import logging
import pickle
import threading

import msgspec
import pytest

from kmvalidate import ConfigurationError, KeyManagerRegistry, TokenValidator
from kmvalidate.memory import MAX_REMEMBERED_CHARS, TokenMemory
from tests.estate import Estate, count_signatures, issuer_of, pinned, token_of, told
from tests.fakes import in_threads
from tests.signing import NoNetwork, SetClock, good_claims, good_header, private_key, token

both_ways = pytest.mark.parametrize("whole", [False, True], ids=["digests", "whole tokens"])


@pytest.fixture
def counted(monkeypatch):
    return count_signatures(monkeypatch)


def of_length(length):
    """Return a good token of so many characters."""
    claims, owner = good_claims(iss=issuer_of("a")), private_key("P-256", "a")
    for fill in range(4):
        header = good_header(kid="a", fill="x" * fill)
        pad = length - len(token(claims | {"pad": ""}, header, key=owner))
        for size in range(pad * 3 // 4 - 4, pad * 3 // 4 + 4):
            made = token(claims | {"pad": "x" * size}, header, key=owner)
            if len(made) == length:
                return made
    raise AssertionError


@both_ways
@pytest.mark.parametrize("most", [2, 3, 10, 100])
def test_the_memory_is_bounded(counted, most, whole):
    """No more tokens are remembered than was said, and the one that keeps coming stays."""
    estate, often = Estate(pinned("a"), remember=most, whole=whole), token_of("a", jti="often")
    for turn in range(3 * most):
        assert estate.verdicts(token_of("a", turn=turn), often) == ["a", "a"]
        assert estate.remembered() <= most
    before = len(counted)
    assert estate.verdict(token_of("a", turn=0)) == "a"
    assert len(counted) == before + 1
    if most > 3:
        assert counted.count("a") == 3 * most + 2


@both_ways
def test_nothing_is_remembered_with_zero(counted, whole):
    """With remember=0 every token is verified every time."""
    estate, bearer = Estate(pinned("a"), remember=0, whole=whole), token_of("a")
    assert estate.verdicts(bearer, bearer, bearer) == ["a"] * 3
    assert (len(counted), estate.remembered()) == (3, 0)


@pytest.mark.parametrize("most", [-1, 1, 1.0, 1.5, "5", None, True, False, [], float("nan"), float("inf")], ids=repr)
def test_how_many_are_remembered_is_a_whole_number(most):
    """Anything but 0 and a whole number from 2 on is a ConfigurationError: one alone would be forgotten by the next."""
    with pytest.raises(ConfigurationError, match="remember"):
        TokenValidator(Estate().registry, remember=most)


@pytest.mark.parametrize("value", [None, 0, 1, "yes", []], ids=repr)
def test_whole_tokens_are_asked_for_aloud(value):
    """Whether tokens lie in memory is said with True or False, and is otherwise a ConfigurationError."""
    with pytest.raises(ConfigurationError, match="remember_whole_tokens"):
        TokenValidator(Estate().registry, remember_whole_tokens=value)


@pytest.mark.parametrize("thing", [None, [], "x", {}, Estate], ids=str)
def test_a_validator_is_made_of_a_registry(thing):
    """Anything else than a registry is a ConfigurationError."""
    with pytest.raises(ConfigurationError, match="KeyManagerRegistry"):
        TokenValidator(thing)


@both_ways
def test_long_tokens_are_not_remembered(counted, whole):
    """A token of up to 4,096 characters is remembered, a longer one is good and verified each time."""
    for length, times in ((MAX_REMEMBERED_CHARS, 1), (MAX_REMEMBERED_CHARS + 1, 3)):
        estate, bearer = Estate(pinned("a"), whole=whole), of_length(length)
        counted.clear()
        assert estate.verdicts(bearer, bearer, bearer) == ["a"] * 3
        assert (len(counted), estate.remembered()) == (times, times == 1)


def test_claims_that_one_caller_changes_are_nobody_elses():
    """What a caller does to the lists in its claims, of the first answer or a later one, no other caller sees."""
    estate = Estate(pinned("a"))
    bearer = token_of("a", aud=["orders", "billing"], groups={"a": ["b"]}, scope=["menu:read"])
    for _ in range(3):
        verified = estate.validator.authenticate(bearer)
        assert (verified.audience, verified.scopes) == (("orders", "billing"), {"menu:read"})
        assert verified.claims["groups"] == {"a": ["b"]}
        verified.claims["aud"].clear()
        verified.claims["groups"]["a"].append("admin")
        verified.claims["scope"].append("admin")
        with pytest.raises(TypeError):
            verified.claims["sub"] = "mallory"
        for name in ("expires_at", "backing", "payload"):
            with pytest.raises(AttributeError):
                setattr(verified, name, 10**11)


def test_claims_that_were_read_before_are_not_kept():
    """Of a token whose claims somebody has read already, the memory holds none that he could still change."""
    estate = Estate(pinned("a"))
    verified = estate.validator.authenticate(token_of("a", scope=["menu:read"]))
    assert verified.scopes == {"menu:read"}
    memory = TokenMemory(estate.registry)
    assert memory.remember(b"key", verified) is verified
    verified.claims["scope"].append("admin")
    assert memory._tokens.young[b"key"].scopes == {"menu:read"}


def segments(bearer):
    """Return what must never be seen of a token: its text, its parts, its signature as bytes."""
    return {bearer, *bearer.split(".")[1:]}


@pytest.mark.parametrize("who", [None, "acme"])
def test_no_token_lies_in_memory(who):
    """What is kept of a token by default is a digest of 32 bytes and the payload, not the token or its signature."""
    estate, bearer = Estate(pinned("a"), pinned("x", organization="acme")), token_of("a")
    for _ in range(2):
        assert estate.validator.authenticate(bearer, organization=who).subject == "alice"
    ((key, entry),) = estate.validator._memory._tokens.young.items()
    digest = key if who is None else key[1]
    assert (type(digest), len(digest), who is None or key[0] == who) == (bytes, 32, True)
    kept = repr(msgspec.structs.astuple(entry)) + repr(msgspec.structs.astuple(entry.backing))
    assert not [part for part in segments(bearer) if part in kept]
    assert (gc.is_tracked(entry), entry._read) == (False, None)


@both_ways
def test_nothing_shows_a_token(whole, caplog):
    """No repr, copy, pickle or log record of a validator and what it remembers has a token in it."""
    caplog.set_level(logging.DEBUG)
    estate, bearer = Estate(pinned("a"), whole=whole), token_of("a")
    shown = [estate.validator, estate.validator._memory, estate.validator._memory._tokens, estate.registry]
    for _ in range(2):
        verified = estate.validator.authenticate(bearer)
        shown += [verified, verified.backing, copy.copy(verified)]
    said = "".join(map(repr, shown)) + caplog.text
    for thing in (verified, estate.validator):
        try:
            said += pickle.dumps(thing).decode("latin-1")
        except (TypeError, pickle.PicklingError, AttributeError) as error:
            said += repr(error)
    assert not [part for part in segments(bearer) if part in said]


def test_a_memory_is_one_validators_own():
    """Two validators of one registry remember apart."""
    estate, bearer = Estate(pinned("a")), token_of("a")
    assert estate.verdict(bearer) == "a"
    assert estate.remembered() == 1
    estate.validator = TokenValidator(estate.registry)
    assert estate.remembered() == 0


def test_many_threads_share_a_memory():
    """Threads that bring good and forged tokens at once get each the verdict of its own token, in a full memory."""
    registry = KeyManagerRegistry([pinned("a")], transport=NoNetwork(), clock=SetClock())
    check, wrong, lock = TokenValidator(registry, remember=8).authenticate, [], threading.Lock()
    good = [token_of("a", turn=turn, sub=str(turn)) for turn in range(24)]
    bad = [text[:-1] + "!" for text in good]

    def work():
        for _ in range(5):
            for turn, text in enumerate(good):
                if check(text).subject != str(turn) or told(check, bad[turn]) != "MALFORMED_TOKEN":
                    with lock:
                        wrong.append(turn)

    for thread in in_threads(6, work):
        thread.join(30)
        assert not thread.is_alive()
    assert wrong == []
