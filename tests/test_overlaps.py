"""Key managers that claim the same tokens: found before there is one, refused, or told and the first gets them."""

import logging
import re

import pytest

from kmvalidate import ANY_OPAQUE_TOKEN, ConfigurationError, CustomTokens, JwtTokens, KeyManagerRegistry
from kmvalidate.patterns import Pattern
from kmvalidate.token_options import overlap
from tests.asking import Desk, asked
from tests.estate import HIGH, LOW
from tests.signing import NoNetwork

UUID = "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
RANDOM_43 = "[A-Za-z0-9_-]{43}"
ALL = CustomTokens(str.isalnum)

OVERLAPPING = [
    ("a.*", ".*b", "such as ab"),
    (UUID, "[0-9a-f-]+", "such as "),
    (UUID, UUID, "such as "),
    ("x|y", ["z", "y"], "such as y"),
    ("(?i)abc", "ABC", "such as ABC"),
    ("[a-z]*", "[0-9]*", "the empty text"),
    (ANY_OPAQUE_TOKEN, "x", "every opaque token"),
    (ANY_OPAQUE_TOKEN, ANY_OPAQUE_TOKEN, "every opaque token"),
    (ANY_OPAQUE_TOKEN, ALL, "every opaque token"),
    (ALL, "x", "a function accepts"),
    (ALL, CustomTokens(str.isalpha), "a function accepts"),
]
DISJOINT = [
    (UUID, RANDOM_43),
    (UUID, "gh[ops]_[A-Za-z0-9]{36}"),
    ("NG[A-Za-z0-9]+", "WS[A-Za-z0-9]+"),
    ("a=b", "a=c"),
    (".*[ ].*", ".*"),
    ("\u00e4+", "."),
    (JwtTokens({"iss": ".*"}), JwtTokens({"iss": ".*"})),
    (JwtTokens({"iss": ".*"}), ANY_OPAQUE_TOKEN),
    ([], ANY_OPAQUE_TOKEN),
]


def made(*managers, **arguments):
    return KeyManagerRegistry(managers, transport=NoNetwork(), **arguments)


def both(some, others, **changes):
    """Return two key managers that claim these tokens; what claims no opaque one is asked about its own JWTs."""
    return [asked(name, tokens, self_validate_jwt=False, **changes) for name, tokens in (("a", some), ("b", others))]


@pytest.mark.parametrize(("some", "others", "example"), OVERLAPPING)
def test_an_overlap_is_refused_when_the_registry_is_made(some, others, example):
    """Two that claim the same tokens are refused, in either order, with both names and what they have in common."""
    for managers in (both(some, others), both(others, some)):
        with pytest.raises(ConfigurationError, match=re.escape(example)) as caught:
            made(*managers)
        assert all(part in str(caught.value) for part in ("'a'", "'b'", "overlapping_tokens=True"))


@pytest.mark.parametrize(("some", "others"), DISJOINT)
def test_what_has_nothing_in_common_passes(some, others):
    """Patterns that no bearer token matches both of, and options for JWTs of their own issuers, are no overlap."""
    for managers in (both(some, others), both(others, some)):
        assert made(*managers).overlaps == ()


@pytest.mark.parametrize(
    ("some", "others", "is_shared"),
    [
        ([], [], True),
        (JwtTokens({"iss": "a"}), [], True),
        (JwtTokens({"iss": "a"}), JwtTokens({"sub": "b"}), True),
        (JwtTokens({"iss": "a", "sub": "x"}), JwtTokens({"iss": "b", "sub": "x"}), False),
        (JwtTokens({"iss": "a"}), [JwtTokens({"iss": "b"}), JwtTokens({"iss": ".*a"})], True),
        ([JwtTokens({"iss": "a"}), "x"], [JwtTokens({"iss": "[b-z].*"}), "y"], False),
        ([JwtTokens({"iss": "a"}), "x"], [JwtTokens({"iss": "b"}), "x"], True),
    ],
)
def test_jwts_of_unknown_issuers_have_one_key_manager(some, others, is_shared):
    """Two that are asked about foreign JWTs overlap unless a claim has patterns that no value matches both of."""
    managers = [
        asked(name, tokens, unknown_issuers=True, self_validate_jwt=False)
        for name, tokens in (("a", some), ("b", others))
    ]
    for order in (managers, managers[::-1]):
        assert bool(made(*order, overlapping_tokens=True).overlaps) is is_shared
    opted, other = managers[0], asked("b", JwtTokens({"iss": "a"}), self_validate_jwt=False)
    assert made(opted, other).overlaps == ()


CHANGED = {
    "use": lambda registry: registry.use(LOW, [asked("a", "x.*"), asked("b", "xy")]),
    "add": lambda registry: registry.add(LOW, asked("b", "xy")),
    "replace": lambda registry: registry.replace(LOW, asked("c", "xy")),
    "another layer": lambda registry: registry.add(HIGH, asked("b", "xy")),
    "an organization": lambda registry: registry.add(LOW, asked("b", "xy", organization="o")),
    "both elsewhere": lambda registry: registry.use(HIGH, [asked(n, "xy", organization="p") for n in ("d", "e")]),
}


@pytest.mark.parametrize("change", CHANGED)
def test_an_overlap_is_refused_with_every_change(change):
    """A change that would make two claim the same tokens is refused, and nothing is changed by it."""
    registry = made(asked("a", "x.*"), asked("c", "y"), layers=[HIGH, LOW])
    table = registry.table
    with pytest.raises(ConfigurationError, match=r"claim the same tokens: .* such as xy"):
        CHANGED[change](registry)
    assert (registry.table is table, registry.overlaps) == (True, ())


def test_a_removal_is_never_refused(caplog):
    """A key manager can be taken out although the one that comes back claims the tokens of another; that is logged."""
    registry = made(asked("a", "x.*"), layers=[HIGH, LOW])
    registry.add(HIGH, asked("hidden", "z"))
    registry.add(LOW, asked("hidden", "xy", at="other"))
    registry.remove(HIGH, "hidden")
    (said,) = registry.overlaps
    assert "such as xy" in said
    assert said in caplog.text


@pytest.mark.parametrize(
    ("global_first", "pairs"), [(False, ("'m-#' and 'a'", "'m-#' and 'b'")), (True, ("'a' and 'm-#'", "'b' and 'm-#'"))]
)
def test_an_overlap_says_whose_it_is(global_first, pairs):
    """An overlap is told once, for those who serve all or for the organization in which it is."""
    shared, mine = [asked("a", "x"), asked("b", "x")], (("m", "x"), ("n", "y"))
    own = [asked(f"{name}-{who}", tokens, organization=who) for who in "op" for name, tokens in mine]
    found = made(*shared, *own, global_first=global_first, overlapping_tokens=True).overlaps
    whose = [f"{pair.replace('#', who)} of organization {who!r}" for who in "op" for pair in pairs]
    said = "claim the same tokens: both take opaque tokens such as x"
    assert list(found) == [f"key managers {both} {said}" for both in ("'a' and 'b'", *whose)]


@pytest.mark.parametrize("by", ["name", "issuer", "organization"])
def test_who_does_not_meet_does_not_overlap(by):
    """Of two, one of which overrides the other, and of two organizations, nobody's tokens are claimed twice."""
    if by == "organization":
        assert made(*(asked(who, "x", organization=who) for who in ("o", "p"))).overlaps == ()
        return
    other = asked("a", "x", at="b") if by == "name" else asked("b", "x", at="a")
    registry = made(asked("a", "x"))
    registry.add(HIGH, other)
    assert registry.overlaps == ()
    hidden = [asked("a", "x"), asked(other.name, "x", at="b" if by == "name" else "a", organization="o")]
    for global_first in (True, False):
        assert made(*hidden, global_first=global_first).overlaps == ()


def test_overlaps_that_are_allowed_are_told_and_logged_once(caplog):
    """Where overlaps are allowed the first one gets the tokens; they are listed, and logged when they are new."""
    caplog.set_level(logging.WARNING, "kmvalidate.registry")
    desk = Desk(asked("a", "x"), asked("b", "x"), overlapping_tokens=True)
    (said,) = desk.registry.overlaps
    assert [record.getMessage() for record in caplog.records] == [said]
    desk.registry.add(LOW, asked("c", "y"))
    desk.registry.use(HIGH, [asked("d", ANY_OPAQUE_TOKEN)])
    assert [record.getMessage() for record in caplog.records[1:]] == list(desk.registry.overlaps)[:3]
    assert len(desk.registry.overlaps) == len(caplog.records) == 4
    assert [desk.verdict("x"), desk.verdict("x", None, ["b", "a"])] == ["d", "b"]
    desk.registry.remove(HIGH, "d")
    assert (desk.verdict("x"), len(caplog.records)) == ("a", 4)


@pytest.mark.parametrize("value", [1, None, "yes", []], ids=repr)
def test_overlaps_are_allowed_with_true(value):
    """What is neither True nor False does not allow overlaps."""
    with pytest.raises(ConfigurationError, match="overlapping_tokens"):
        made(overlapping_tokens=value)


def test_a_message_of_many_overlaps_is_short():
    """A registry of many that claim the same tokens is refused with a few of the pairs."""
    with pytest.raises(ConfigurationError) as caught:
        made(*(asked(f"m{n}", "x") for n in range(30)))
    assert str(caught.value).count("claim the same tokens") == 5


@pytest.mark.parametrize(("patterns", "most"), [((UUID, RANDOM_43), 10), (("o#-[0-9]+", "p#-[0-9]+"), 7003)])
def test_a_thousand_organizations_are_looked_through_with_little_work(patterns, most, monkeypatch):
    """Two thousand key managers of a thousand organizations are compared within each, and equal pairs once."""
    overlap.cache_clear()
    calls, common = [], Pattern.common
    monkeypatch.setattr(Pattern, "common", lambda *args: calls.append(args) or common(*args))
    mine = [
        asked(f"{n}-{k}", one.replace("#", str(n)), organization=f"o{n}")
        for n in range(1000)
        for k, one in enumerate(patterns)
    ]
    registry = made(*mine, *(asked(f"s{n}", f"s~{n}-[0-9]+") for n in range(3)))
    assert len(calls) == most
    registry.add(LOW, asked("new", "n~[0-9]+", organization="o7"))
    assert len(calls) - most == 5
