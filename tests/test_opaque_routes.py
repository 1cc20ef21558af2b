"""Who is asked about a token: the one that claims it, of those that may be, and nobody else."""

from itertools import permutations

import pytest

from kmvalidate import ANY_OPAQUE_TOKEN, CustomTokens, JwtTokens, JwtValidator
from tests.asking import INACTIVE, Desk, asked, asked_of_all
from tests.estate import HIGH, issuer_of, pinned, remote, token_of
from tests.signing import NOW, b64, dumps, good_claims, good_header, reason, spare_token

LISTS = (None, ["a"], ["b"], ["b", "a"], ["nobody"], [])


def jwt(issuer="a", header=None, **claims):
    """Return a JWT that nobody signed."""
    head = b64(dumps(good_header() if header is None else header))
    return f"{head}.{b64(dumps(good_claims(iss=issuer_of(issuer), **claims)))}.c2lnbmVk"


def test_a_token_goes_to_the_one_that_claims_it():
    """Of two key managers the one whose pattern matches the whole token is asked, and nobody about other tokens."""
    for way in ("verdict", "averdict"):
        desk = Desk(
            asked("a", "a[0-9]+"),
            asked("b", ["b[0-9]+", "x"]),
            asked("c", JwtTokens({"iss": "a"}), unknown_issuers=True),
        )
        found = [getattr(desk, way)(token) for token in ("a1", "b1", "x", "a", "a1b", "xa1", "A1", "x=")]
        assert (found, desk.asked()) == (["a", "b", "b", *["OPAQUE_TOKEN"] * 5], ["a", "b", "b"])


def test_a_token_is_asked_about_where_it_is_claimed_and_once():
    """A token that the key manager that claims it refuses is tried with no other one."""
    desk = Desk(asked("a", "x"), asked("b", ANY_OPAQUE_TOKEN), overlapping_tokens=True)
    desk.transport.answers["a"] = INACTIVE
    assert (desk.verdict("x"), desk.asked()) == ("INACTIVE", ["a"])
    desk.transport.answers["a"] = {}
    assert (desk.verdict("x"), desk.forget(), desk.verdict("x")) == ("INACTIVE", None, "UNAVAILABLE")
    assert desk.asked() == ["a"]


def test_the_organization_narrows():
    """An organization's tokens go to its own key managers and to those that serve all, never to another one's."""
    desk = Desk(asked("all", "s.*"), asked("one", "t.*", organization="x"), asked("two", "[tu].*", organization="y"))
    found = {who: [desk.verdict(token, who) for token in ("s", "t", "u")] for who in (None, "x", "y", "z")}
    no = "OPAQUE_TOKEN"
    assert found == {None: ["all", no, no], "x": ["all", "one", no], "y": ["all", "two", "two"], "z": ["all", no, no]}
    assert desk.asked() == ["all", "one", "two", "two"]


@pytest.mark.parametrize(("global_first", "first"), [(False, "own"), (True, "all")])
def test_the_order_is_that_of_the_organization(global_first, first):
    """Where both claim a token the organization's own goes first, or with global_first the one that serves all."""
    managers = asked("all", "s.*"), asked("own", "s.*", organization="x")
    desk = Desk(*managers, global_first=global_first, overlapping_tokens=True)
    assert [desk.verdict("s", "x"), desk.verdict("s")] == [first, "all"]
    assert desk.asked() == list(dict.fromkeys([first, "all"]))


@pytest.mark.parametrize("shared", ["name", "issuer"])
@pytest.mark.parametrize("global_first", [False, True])
def test_who_is_overridden_in_an_organization_is_not_asked(shared, global_first):
    """A key manager that another with its name, or its issuer, goes before is not asked in that organization."""
    name = "all" if shared == "name" else "own"
    at = "own" if shared == "name" else "all"
    desk = Desk(asked("all", "s.*"), asked(name, "t.*", at=at, organization="x"), global_first=global_first)
    found = [desk.verdict("s", "x"), desk.verdict("t", "x"), desk.verdict("s")]
    assert found == (["all", "OPAQUE_TOKEN", "all"] if global_first else ["OPAQUE_TOKEN", name, "all"])


def test_key_managers_narrow_and_set_the_order():
    """Of those that claim a token the first that is asked for is asked; names that are not there stand for nobody."""
    desk = Desk(asked("a", "x.*"), asked("b", "x.*"), asked("own", "y", organization="o"), overlapping_tokens=True)
    lists = (*LISTS, "b", ["nobody", "b"], ["b", "b"], ["own"])
    no, wrong = "OPAQUE_TOKEN", "WRONG_KEY_MANAGER"
    found = [desk.verdict("x", None, names) for names in lists]
    assert found == ["a", "a", "b", "b", wrong, wrong, "b", "b", "b", wrong]
    assert [desk.verdict("y", who, ["own"]) for who in (None, "o", "p")] == [no, "own", no]
    assert desk.asked() == ["a", "b", "own"]


@pytest.mark.parametrize("names", [5, [""], [None], "", [b"a"]], ids=repr)
def test_key_managers_are_names(names):
    """What is no list of names is a ConfigurationError, whether the token is remembered or not."""
    desk = Desk(asked("a", "x"))
    for _ in range(2):
        with pytest.raises(Exception, match="names are non-empty strings") as caught:
            desk.verdict("x", None, names)
        assert type(caught.value).__name__ == "ConfigurationError"
        assert desk.verdict("x") == "a"


@pytest.mark.parametrize("kind", ["opaque", "jwt", "asked jwt"])
def test_what_is_remembered_is_narrowed_likewise(kind):
    """A remembered token gets what a fresh one does, in whatever order calls with different lists come."""
    make, token = {
        "opaque": (lambda name: asked(name, "x"), "x"),
        "jwt": (lambda name: asked(name, f"{name}.*"), token_of("a")),
        "asked jwt": (asked_of_all, jwt()),
    }[kind]
    wrong = "WRONG_KEY_MANAGER"
    fresh = ["a", "a", "b", "b", wrong, wrong] if kind == "opaque" else ["a", "a", wrong, "a", wrong, wrong]
    for order in permutations(range(len(LISTS)), 3):
        desk = Desk(make("a"), make("b"), overlapping_tokens=True)
        for place in (*order, *order):
            assert desk.verdict(token, None, LISTS[place]) == fresh[place]


@pytest.mark.parametrize("make", [remote, asked_of_all])
def test_a_jwt_of_another_key_manager_is_refused_before_anything_is_fetched(make):
    """A JWT whose key manager is not asked for is refused without a request, and tried with no other one."""
    desk = Desk(make("a"), asked("b", ANY_OPAQUE_TOKEN, unknown_issuers=True))
    found = [way(token_of("a"), None, names) for way in (desk.verdict, desk.averdict) for names in (["b"], [], ["x"])]
    assert found == ["WRONG_KEY_MANAGER"] * 6
    assert (desk.asked(), desk.transport.fetched) == ([], [])


@pytest.mark.parametrize("by", ["name", "issuer"])
def test_a_higher_layer_ends_the_claim_of_a_lower_one(by):
    """Who is overridden by name or by issuer is asked no more, remembered answers included, and is back afterwards."""
    desk = Desk(asked("a", "x"))
    found = [desk.verdict("x")]
    desk.registry.add(HIGH, asked("a", "y", at="b") if by == "name" else asked("b", "y", at="a"))
    found += [desk.verdict("x"), desk.verdict("y")]
    desk.registry.use(HIGH, [])
    assert [*found, desk.verdict("x"), desk.verdict("y")] == [
        "a",
        "OPAQUE_TOKEN",
        *(["a", "a"] if by == "name" else ["b", "a"]),
        "OPAQUE_TOKEN",
    ]


def test_layers_go_before_each_other():
    """Where both claim a token the key manager of the higher layer is asked, and the lower one when it is gone."""
    desk = Desk(asked("low", "x"), overlapping_tokens=True)
    desk.registry.add(HIGH, asked("high", "x"))
    assert desk.verdict("x") == "high"
    desk.registry.remove(HIGH, "high")
    assert (desk.verdict("x"), desk.asked()) == ("low", ["high", "low"])


def test_what_is_no_bearer_token_is_asked_about_by_nobody():
    """Neither a pattern nor a function nor a catch-all brings anybody a text that no bearer token can be."""
    for tokens in (".*", CustomTokens(lambda _: True), ANY_OPAQUE_TOKEN):
        desk = Desk(asked("a", tokens))
        assert {desk.verdict(bad) for bad in ("", " ", "a b", "a=b", "a\n", "\u00e4", "a,b", "a%41", "=", None, 5)} == {
            "MALFORMED_TOKEN"
        }
        assert desk.asked() == []


def test_a_refused_jwt_is_never_tried_as_an_opaque_token():
    """Whatever a JWT is refused for, the key manager that takes every opaque token is not asked about it."""
    desk = Desk(asked("a", ANY_OPAQUE_TOKEN), pinned("b"))
    header, payload, signature = token_of("b").split(".")
    bad = {
        "BAD_SIGNATURE": f"{header}.{payload}.{b64(bytes([1] * 64))}",
        "EXPIRED": token_of("b", exp=NOW - 100),
        "WRONG_AUDIENCE": token_of("b", aud="other"),
        "UNKNOWN_ISSUER": token_of("c"),
        "MALFORMED_TOKEN": f"{header}.{b64(b'no json')}.{signature}",
        "ALGORITHM_NOT_ALLOWED": f"{header}.{payload}.",
        "UNSUPPORTED_TOKEN": ".".join([b64(b'{"alg":"dir"}'), "", "a", "b", "c"]),
        "UNKNOWN_KEY": token_of("b", "z"),
    }
    assert {name: desk.verdict(token) for name, token in bad.items()} == {name: name for name in bad}
    more = [
        f"{b64(b'no json')}.{payload}.{signature}",
        f"{header}.{payload}!.{signature}",
        f"{header}.{payload}.a",
        "a.b.c",
        "...",
        "..",
    ]
    assert [desk.verdict(token) for token in more[:4]] == ["MALFORMED_TOKEN"] * 4
    assert (desk.verdict(".."), desk.asked()) == ("ALGORITHM_NOT_ALLOWED", [])


def test_what_has_not_three_parts_is_opaque():
    """A bearer token with two, four or five parts, and no JWE, is an opaque token like any other."""
    desk = Desk(asked("a", ANY_OPAQUE_TOKEN))
    assert {desk.verdict(token) for token in ("a.b", "a.b.c.d", "a.b.c.d.e", ".", "...", "a")} == {"a"}


def test_unknown_issuers_are_asked_about_only_where_that_is_said():
    """A JWT whose issuer nobody has goes to one that opted in and whose claims match, and to at most one."""
    opted = asked("a", JwtTokens({"iss": "https://x[.]example", "sub": "a.*"}), unknown_issuers=True)
    other = asked("b", [JwtTokens({"sub": "b.*"}), "x"], unknown_issuers=True)
    desk = Desk(
        opted,
        other,
        asked("c", ANY_OPAQUE_TOKEN, organization="o"),
        asked("d", unknown_issuers=True, organization="p"),
        overlapping_tokens=True,
    )
    found = [desk.verdict(jwt("x", sub=sub)) for sub in ("alice", "bob", "carl", "xa", 5, ["a"])]
    assert found == ["a", "b", *["UNKNOWN_ISSUER"] * 4]
    assert [desk.verdict(jwt("y", sub="alice")), desk.verdict(jwt("x.example.evil", sub="alice"))] == [
        "UNKNOWN_ISSUER"
    ] * 2
    assert [desk.verdict(jwt("x", sub="carl"), who) for who in ("o", "p")] == ["UNKNOWN_ISSUER", "d"]
    assert [desk.verdict(jwt("x", sub="alice"), None, names) for names in (["b"], ["nobody"], ["b", "a"])] == [
        *("UNKNOWN_ISSUER", "UNKNOWN_ISSUER", "a")
    ]
    assert desk.verdict(token_of("a", "b")) == "UNKNOWN_KEY"
    assert desk.asked() == ["a", "b", "d"]


def test_jwts_that_are_not_verified_here_are_asked_about_as_they_came():
    """Without keys a key manager is asked about the JWTs of exactly its issuer, byte for byte, and none is fetched."""
    desk = Desk(asked_of_all("a", JwtTokens({"sub": "alice|bob"})), asked_of_all("b", "x"))
    head, _, signature = spare_token().split(".")
    texts = [jwt(sub="alice"), jwt("b", sub="carl", fill="~?>~" * 7, header={"alg": "ES256", "fill": "~?>"}), "x"]
    texts.append(f"{head}.{b64(dumps(good_claims(iss=issuer_of('b'))))}.{signature}")
    assert [desk.verdict(text) for text in texts] == ["a", "b", "b", "b"]
    assert [token for _, token in desk.transport.asked] == texts
    assert desk.verdict(jwt(sub="carl")) == "OPAQUE_TOKEN"
    assert desk.verdict(jwt("a/", sub="alice")) == "UNKNOWN_ISSUER"
    assert [one.usable for one in (*desk.registry.warm(), *desk.registry.health())] == [True] * 4
    assert (len(desk.transport.asked), desk.transport.fetched) == (4, [])


def test_a_jwt_validator_asks_nobody():
    """A `JwtValidator` alone refuses opaque tokens and JWTs that are not verified here, without a request."""
    desk = Desk(asked_of_all("a", ANY_OPAQUE_TOKEN, unknown_issuers=True), pinned("b"))
    check = JwtValidator(desk.registry).validate
    assert [reason(check, token) for token in ("x", jwt(), jwt("c"), token_of("b"))] == [
        *("OPAQUE_TOKEN", "UNSUPPORTED_TOKEN", "UNKNOWN_ISSUER", "GOOD")
    ]
    assert desk.asked() == []


def test_a_function_claims_with_true_and_nothing_else():
    """Of what a function of the user's returns only True counts, and what it raises passes and grants nothing."""
    given = []

    def accepts(token):
        given.append(token)
        return {"yes": True, "one": 1, "text": "True", "none": None}[token]

    desk = Desk(asked("a", [CustomTokens(accepts), "x"]))
    assert [desk.verdict(token) for token in ("yes", "one", "text", "none")] == ["a", *["OPAQUE_TOKEN"] * 3]
    with pytest.raises(KeyError, match="other"):
        desk.validator.authenticate("other")
    assert (desk.verdict(jwt("c")), set(given), desk.asked()) == (
        "UNKNOWN_ISSUER",
        {"yes", "one", "text", "none", "other"},
        ["a"],
    )


@pytest.mark.parametrize(
    "header", ["%%%", "", "a b", "eyJ", b64(b"no json"), b64(b"[]"), b64(b'{"alg":1}'), b64(b'{"a":1,"a":1}')], ids=repr
)
def test_a_jwt_that_cannot_be_read_is_sent_to_nobody(header):
    """A JWT whose header or payload is not well-formed is refused before anybody is asked about it."""
    desk = Desk(asked_of_all("a", ANY_OPAQUE_TOKEN, unknown_issuers=True))
    for whole in (jwt(), jwt("c")):
        head, payload, signature = whole.split(".")
        assert desk.verdict(f"{header}.{payload}.{signature}") == "MALFORMED_TOKEN"
        assert desk.verdict(f"{head}.{b64(b'[]')}.{signature}") == "MALFORMED_TOKEN"
    assert desk.asked() == []
