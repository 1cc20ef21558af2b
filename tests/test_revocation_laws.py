"""A list of revocations decides as a naive model does, for any history of revocations and any token."""

import functools
import itertools

from hypothesis import given
from hypothesis import strategies as st

from kmvalidate.revocation import ANY_KEY_MANAGER, RevocationList, signed_digest
from tests.estate import Estate, issuer_of, pinned, token_of
from tests.signing import ABSENT, NOW, reason

ORGANIZATIONS = (None, "acme")
MANAGERS = ("a", "b")
NAMES = ("x", "y")
MOMENTS = (NOW - 20, NOW - 10, NOW - 9.5)

organizations = st.sampled_from(ORGANIZATIONS)
managers = st.sampled_from((*MANAGERS, ANY_KEY_MANAGER))
names = st.sampled_from(NAMES)
scopes = st.fixed_dictionaries({"key_manager": managers, "organization": organizations})
moments = st.fixed_dictionaries({"before": st.sampled_from(MOMENTS)})

#: A call of the list: the method, its argument and its keywords.
changes = st.one_of(
    st.tuples(st.sampled_from(["token_id", "client", "key"]), names, scopes),
    st.tuples(st.sampled_from(["consumer_key", "subject"]), names, st.builds(lambda a, b: a | b, scopes, moments)),
    st.tuples(st.just("issuer"), st.sampled_from([issuer_of(name) for name in MANAGERS]), st.just({})),
    st.tuples(st.just("token"), st.integers(0, 63), st.just({})),
)
taken_back = st.tuples(st.sampled_from(["client", "key"]), names, scopes) | st.tuples(
    st.just("issuer"), st.sampled_from([issuer_of(name) for name in MANAGERS]), st.just({})
)
histories = st.lists(
    st.tuples(st.just("revoke"), changes) | st.tuples(st.just("reinstate"), taken_back), min_size=1, max_size=12
)


@functools.cache
def tokens():
    """Return verified tokens of all sorts, each with its text."""
    every = list(itertools.product(ORGANIZATIONS, MANAGERS, (*MOMENTS, ABSENT), NAMES)) * 2
    estates = {
        (whose, name): Estate(pinned(name, *NAMES, organization=whose)) for whose in ORGANIZATIONS for name in MANAGERS
    }
    made = []
    for number, (whose, name, issued, one) in enumerate(every):
        other = NAMES[number % 3 == 0]
        claims = {"jti": NAMES[number % 2], "client_id": other, "sub": NAMES[number % 5 == 0], "entity_id": one}
        claims = {
            claim: ABSENT if number % 7 == place else value for place, (claim, value) in enumerate(claims.items())
        }
        bearer = token_of(name, one, iat=issued, nbf=ABSENT, number=number, **claims)
        made.append((bearer, estates[whose, name].validator.authenticate(bearer, organization=whose)))
    return made


def scoped(token, scope):
    is_its_own = scope["key_manager"] in (token.key_manager, ANY_KEY_MANAGER)
    return is_its_own and scope["organization"] == token.organization


def is_named(number, token, kind, name, more):
    """Tell whether one revocation is about a token, by the rules as a person reads them."""
    if kind in {"issuer", "token"}:
        return name == {"issuer": token.issuer, "token": number}[kind]
    names_of = {
        "token_id": [token.token_id],
        "key": [token.key_id],
        "subject": [token.subject, token.claims.get("entity_id")],
    }
    if not scoped(token, more) or name not in names_of.get(kind, [token.consumer_key]):
        return False
    return "before" not in more or "iat" not in token.claims or more["before"] > token.claims["iat"]


def expected(history):
    """Return the numbers of the tokens that are revoked after a history."""
    standing = []
    for what, change in history:
        standing = [one for one in standing if one != change] + [change] * (what == "revoke")
    every = enumerate(tokens())
    return {number for number, (_, token) in every if any(is_named(number, token, *one) for one in standing)}


def apply(revoked, history):
    for what, (kind, name, more) in history:
        getattr(revoked, f"{what}_{kind}")(tokens()[name][0] if kind == "token" else name, **more)


def is_found(revoked, number):
    text, token = tokens()[number]
    return revoked.is_revoked(token, lambda: signed_digest(text))


def found(revoked):
    return {number for number in range(len(tokens())) if is_found(revoked, number)}


@given(histories)
def test_a_list_decides_as_a_naive_model_does(history):
    """Of any tokens exactly those are revoked that some revocation, not taken back, is about."""
    revoked = RevocationList()
    apply(revoked, history)
    assert found(revoked) == expected(history)


@given(histories, st.randoms(use_true_random=False))
def test_the_order_of_revocations_does_not_matter(history, chance):
    """Revocations, told in any order and any of them twice, revoke the same tokens."""
    told = [one for one in history if one[0] == "revoke"]
    again = told * 2
    chance.shuffle(again)
    one, other = RevocationList(), RevocationList()
    apply(one, told)
    apply(other, again)
    assert (found(one), repr(one)) == (found(other), repr(other))


@given(histories)
def test_who_remembers_decides_as_who_looks(history):
    """Who looks a token up again only where the version is another one decides as if it were looked up each time."""
    revoked, remembered = RevocationList(), {}
    for change in history:
        apply(revoked, [change])
        for number, (text, token) in enumerate(tokens()):
            version, verdict = remembered.get(number, (remembered, None))
            if version is not revoked.version:
                version = revoked.version
                verdict = reason(revoked.check, token, lambda text=text: signed_digest(text))
                remembered[number] = (version, verdict)
            assert verdict == ("REVOKED" if is_found(revoked, number) else "GOOD")
