"""Changes that come while keys are being fetched: what was asked of the old key manager grants nothing."""

import threading

import pytest

from kmvalidate import KeyManagerUnavailable, Refused, routes
from kmvalidate.signatures import verifier
from tests.estate import (
    HIGH,
    LOW,
    ChangingTransport,
    Estate,
    issuer_of,
    keys_of,
    pinned,
    publishing,
    remote,
    token_of,
    told,
)
from tests.fakes import HeldTransport, answer, in_threads

END_S = 30.0


class Asking:
    """A caller in a thread of its own; `answer` waits for what it gets."""

    def __init__(self, check, bearer, organization=None):
        self._got = []
        self._thread = threading.Thread(
            target=lambda: self._got.append(told(check, bearer, organization=organization)), daemon=True
        )
        self._thread.start()

    def answer(self):
        self._thread.join(END_S)
        return self._got[0]


def again(registry):
    registry.remove(LOW, "a")
    registry.add(LOW, remote("a"))


# Each change with what the token gets then, and what it gets if nothing can be fetched.
CHANGES = {
    "removed": (lambda r: r.remove(LOW, "a"), "UNKNOWN_ISSUER", "UNKNOWN_ISSUER"),
    "all removed": (lambda r: r.use(LOW, []), "UNKNOWN_ISSUER", "UNKNOWN_ISSUER"),
    "given to acme": (lambda r: r.use(LOW, [remote("a", organization="acme")]), "UNKNOWN_ISSUER", "UNKNOWN_ISSUER"),
    "other issuer": (lambda r: r.replace(LOW, pinned("a", issuer=issuer_of("x"))), "UNKNOWN_ISSUER", "UNKNOWN_ISSUER"),
    "overridden": (lambda r: r.add(HIGH, pinned("x", "a", issuer=issuer_of("a"))), "x", "x"),
    "other keys": (lambda r: r.add(HIGH, pinned("x", issuer=issuer_of("a"))), "UNKNOWN_KEY", "UNKNOWN_KEY"),
    "name taken": (lambda r: r.add(HIGH, pinned("a", issuer=issuer_of("x"))), "UNKNOWN_ISSUER", "UNKNOWN_ISSUER"),
    "other audience": (lambda r: r.replace(LOW, pinned("a", audience="x")), "WRONG_AUDIENCE", "WRONG_AUDIENCE"),
    "other algorithms": (lambda r: r.replace(LOW, remote("a", algorithms="RS256")), *["ALGORITHM_NOT_ALLOWED"] * 2),
    "other leeway": (lambda r: r.replace(LOW, remote("a", leeway_s=1)), "a", "UNAVAILABLE"),
    "added again": (again, "a", "UNAVAILABLE"),
    "nothing": (lambda r: r.use(LOW, [remote("a"), remote("b")]), "a", "UNAVAILABLE"),
}


@pytest.mark.parametrize("kind", ["authenticate", "aauthenticate"])
@pytest.mark.parametrize("fails", [False, True], ids=["fetched", "failed"])
@pytest.mark.parametrize("change", CHANGES)
def test_a_change_during_the_first_fetch_counts(change, fails, kind):
    """A token whose key manager is changed while its keys are fetched gets the answer of the new table."""
    estate = Estate(remote("a"), transport=HeldTransport(publishing("a")))
    if fails:
        estate.transport.answers = {keys_of("a"): answer({}, 500)}
    make, *expected = CHANGES[change]
    caller = Asking(getattr(estate.validator, kind), token_of("a"))
    assert estate.transport.asked.wait(END_S)
    make(estate.registry)
    estate.transport.let_go.set()
    assert caller.answer() == expected[fails]
    assert estate.verdict(token_of("a")) == expected[fails]
    estate.ports.settle()


def test_a_change_while_an_unknown_key_is_fetched_counts():
    """A key manager that is removed while a rotated key is looked for grants nothing, nor does its new key."""
    estate = Estate(remote("a"), transport=HeldTransport(publishing(a=("old",))))
    estate.transport.let_go.set()
    assert estate.verdict(token_of("a", "old")) == "a"
    estate.clock.pass_s(60)
    estate.transport.answers = publishing(a=("old", "new"))
    estate.transport.asked.clear()
    estate.transport.let_go.clear()
    caller = Asking(estate.validator.authenticate, token_of("a", "new"))
    assert estate.transport.asked.wait(END_S)
    estate.registry.remove(LOW, "a")
    estate.transport.let_go.set()
    assert caller.answer() == "UNKNOWN_ISSUER"
    assert estate.verdicts(token_of("a", "new"), token_of("a", "old")) == ["UNKNOWN_ISSUER"] * 2


def test_everyone_who_waits_is_refused():
    """All callers that wait for one fetch are refused when its key manager is removed meanwhile."""
    estate, got = Estate(remote("a"), transport=HeldTransport(publishing("a"))), []
    threads = in_threads(8, lambda: got.append(estate.verdict(token_of("a"))))
    for _ in threads:
        assert estate.ports.waiting.acquire(timeout=END_S)
    estate.registry.remove(LOW, "a")
    estate.transport.let_go.set()
    for thread in threads:
        thread.join(END_S)
    assert (got, estate.fetches("a")) == (["UNKNOWN_ISSUER"] * 8, 1)


def test_what_an_organization_gets_meanwhile_is_its_own():
    """An own key manager added while the shared one is fetched answers in that organization, and only there."""
    estate = Estate(remote("a"), transport=HeldTransport(publishing("a")))
    callers = [Asking(estate.validator.authenticate, token_of("a"), who) for who in ("acme", None)]
    for _ in callers:
        assert estate.ports.waiting.acquire(timeout=END_S)
    estate.registry.add(LOW, pinned("x", issuer=issuer_of("a"), organization="acme"))
    estate.transport.let_go.set()
    assert [caller.answer() for caller in callers] == ["UNKNOWN_KEY", "a"]


def test_a_fetch_of_a_removed_key_manager_lands_nowhere():
    """What lands after a removal serves no key manager that was added since, were it equal."""
    estate = Estate(remote("a"), transport=HeldTransport(publishing("a")))
    caller = Asking(estate.validator.authenticate, token_of("a"))
    assert estate.transport.asked.wait(END_S)
    again(estate.registry)
    assert [health.usable for health in estate.registry.health()] == [False]
    estate.transport.let_go.set()
    assert (caller.answer(), estate.fetches("a")) == ("a", 2)


@pytest.mark.parametrize("kind", ["authenticate", "aauthenticate"])
def test_a_key_manager_that_changes_all_the_time_is_unavailable(kind):
    """Where every fetch ends with another configuration there is an end to it: KeyManagerUnavailable, and no grant."""
    turns = iter(range(1, 300))
    transport = ChangingTransport(publishing("a"))
    estate = Estate(remote("a"), transport=transport)
    transport.meanwhile = lambda: estate.registry.replace(LOW, remote("a", leeway_s=next(turns)))
    assert told(getattr(estate.validator, kind), token_of("a")) == "UNAVAILABLE"
    assert 2 <= estate.fetches("a") <= 5
    with pytest.raises(KeyManagerUnavailable, match="change all the time"):
        estate.validator.authenticate(token_of("a"))
    transport.meanwhile = None
    assert estate.verdict(token_of("a")) == "a"


def test_two_changes_are_survived():
    """A key manager that changes twice while its keys are fetched answers after that, with its last configuration."""
    changes = [remote("a", leeway_s=1), remote("a", leeway_s=2, consumer_key_claims="azp")]
    transport = ChangingTransport(publishing("a"))
    estate = Estate(remote("a"), transport=transport)
    transport.meanwhile = lambda: changes and estate.registry.replace(LOW, changes.pop(0))
    verified = estate.validator.authenticate(token_of("a"))
    assert (verified.consumer_key, estate.fetches("a")) == (None, 3)


def test_a_key_manager_that_comes_meanwhile_is_not_refused_for_the_last_one():
    """A token refused by the old key manager for its claims is judged again by the new one."""
    transport = ChangingTransport(publishing("a"))
    estate = Estate(remote("a", audience="x"), transport=transport)
    transport.meanwhile = lambda: estate.registry.use(LOW, [pinned("a")])
    assert estate.verdict(token_of("a")) == "a"


def test_a_change_while_the_signature_is_verified_counts(monkeypatch):
    """A first token whose key manager goes while its signature is verified is refused, and not remembered."""
    estate, bearer = Estate(pinned("a")), token_of("a")

    def removing(alg, key):
        is_good = verifier(alg, key)

        def checked(signature, signing_input):
            estate.registry.use(LOW, [])
            return is_good(signature, signing_input)

        return checked

    monkeypatch.setattr(routes, "verifier", removing)
    assert estate.verdict(bearer) == "UNKNOWN_ISSUER"
    monkeypatch.undo()
    assert estate.verdict(bearer) == "UNKNOWN_ISSUER"


@pytest.mark.parametrize("how", ["drop_key", "drop_keys"])
def test_a_key_dropped_during_the_first_fetch_is_not_used(how):
    """A key that is dropped while it is fetched verifies nothing; all keys dropped, they are fetched anew."""
    estate = Estate(remote("a"), transport=HeldTransport(publishing("a")))
    caller = Asking(estate.validator.authenticate, token_of("a"))
    assert estate.transport.asked.wait(END_S)
    if how == "drop_key":
        estate.registry.drop_key("a", "a")
    else:
        estate.registry.drop_keys("a")
    estate.transport.let_go.set()
    assert caller.answer() == ("UNKNOWN_KEY" if how == "drop_key" else "a")
    estate.ports.settle()
    assert how == "drop_key" or estate.fetches("a") == 2


def test_readers_and_writers_in_many_threads():
    """While a key manager comes and goes in one thread, others get a verdict it allows, and nothing else."""
    estate, bearer, ended = Estate(pinned("b")), token_of("a"), threading.Event()
    allowed, got = {"a", "x", "UNKNOWN_ISSUER", "UNAVAILABLE"}, set()

    def read():
        while not ended.is_set():
            got.add(estate.verdict(bearer))
            assert estate.verdict(token_b) == "b"

    token_b = token_of("b")
    threads = in_threads(4, read)
    try:
        for _ in range(60):
            estate.registry.add(LOW, pinned("a"))
            estate.registry.add(HIGH, pinned("x", "a", issuer=issuer_of("a")))
            assert estate.verdict(bearer) == "x"
            estate.registry.remove(HIGH, "x")
            assert estate.verdict(bearer) == "a"
            estate.registry.remove(LOW, "a")
            assert estate.verdict(bearer) == "UNKNOWN_ISSUER"
    finally:
        ended.set()
        for thread in threads:
            thread.join(END_S)
    assert got <= allowed


def test_nobody_waits_for_the_fetch_of_another():
    """Changes and look-ups of others wait for no fetch under way."""
    estate = Estate(remote("a"), pinned("b"), transport=HeldTransport(publishing("a")))
    caller = Asking(estate.validator.authenticate, token_of("a"))
    assert estate.transport.asked.wait(END_S)
    estate.registry.add(LOW, pinned("c"))
    assert estate.verdicts(token_of("b"), token_of("c"), token_of("x")) == ["b", "c", "UNKNOWN_ISSUER"]
    with pytest.raises(Refused):
        estate.validator.authenticate(token_of("c", "x"))
    estate.transport.let_go.set()
    assert caller.answer() == "a"
