"""Who is asked about a token against a naive reading of the rules: always the one it names, and never more than one."""

import re
from itertools import pairwise, product

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kmvalidate import JwtTokens
from tests.asking import Desk, asked
from tests.estate import HIGH, LOW, issuer_of, pinned
from tests.signing import b64, dumps, good_claims, good_header

pytestmark = pytest.mark.law

ISSUERS, ORGANIZATIONS = "stuvw", (None, "o", "p")
SHORT = ["".join(chars) for size in (1, 2, 3) for chars in product("ab", repeat=size)]
JWTS = {
    issuer: f"{b64(dumps(good_header()))}.{b64(dumps(good_claims(iss=issuer_of(issuer))))}.c2lnbmVk"
    for issuer in (*ISSUERS, "nobody")
}


@attrs.frozen
class Plan:
    """A key manager as the oracle knows it; `kind` says what it is asked about."""

    layer: str
    organization: str | None
    name: str
    issuer: str
    pattern: str
    kind: str
    host: str

    def made(self):
        if self.kind == "nothing":
            return pinned(self.name, "a", issuer=issuer_of(self.issuer), organization=self.organization)
        return asked(
            self.name,
            [self.pattern, JwtTokens({"iss": ".*"})] if self.kind == "foreign" else self.pattern,
            at=self.host,
            issuer=issuer_of(self.issuer),
            organization=self.organization,
            keys=pinned("a").keys,
            unknown_issuers=self.kind == "foreign",
            self_validate_jwt=self.kind != "all",
        )


pieces = st.sampled_from(["a", "b", ".", "[ab]*", "a*", "b+", "(a|ba)", "a?", "b{2}", ".+"])
patterns = st.lists(pieces, min_size=1, max_size=3).map("".join)
plans = st.lists(
    st.builds(
        Plan,
        layer=st.sampled_from([HIGH, LOW]),
        organization=st.sampled_from([None, None, "o", "o", "p"]),
        name=st.sampled_from("klmn"),
        issuer=st.sampled_from(ISSUERS),
        pattern=patterns,
        kind=st.sampled_from(["nothing", *["opaque"] * 4, *["foreign"] * 2, "all"]),
        host=st.just(""),
    ),
    min_size=2,
    max_size=8,
)
lists = st.none() | st.permutations("klmn") | st.lists(st.sampled_from("klmnx"), max_size=4)
tokens = st.sampled_from(SHORT[:6]) | st.sampled_from([*SHORT, *JWTS.values()])
questions = st.lists(st.tuples(tokens, st.sampled_from([None, "o", "o", "p", "q"]), lists), min_size=4, max_size=8)


def together(several):
    """Return those that may be in one layer and organization together, each asked at a host of its own."""
    kept = []
    for plan in several:
        beside = [one for one in kept if (one.layer, one.organization) == (plan.layer, plan.organization)]
        if all(one.name != plan.name and one.issuer != plan.issuer for one in beside):
            kept.append(attrs.evolve(plan, host=f"h{len(kept)}"))
    return kept


def view(several, organization):
    """Return who answers for some issuer, of those that serve all or of one organization: the higher layer first."""
    found = []
    for layer in (HIGH, LOW):
        for plan in (one for one in several if (one.layer, one.organization) == (layer, organization)):
            if all(one.name != plan.name and one.issuer != plan.issuer for one in found):
                found.append(plan)
    return found


def in_order(several, organization, global_first):
    """Return who answers in an organization, in order."""
    own, shared = [] if organization is None else view(several, organization), view(several, None)
    first, second = (shared, own) if global_first else (own, shared)
    hidden = {one.name for one in first}, {one.issuer for one in first}
    return [*first, *(one for one in second if one.name not in hidden[0] and one.issuer not in hidden[1])]


def oracle(several, token, organization, names, global_first):
    """Return the host that is asked about a token, None if nobody is."""
    there = in_order(several, organization, global_first)
    issuer = next((issuer for issuer, text in JWTS.items() if text == token), None)
    owner = next((one for one in there if one.issuer == issuer), None)
    if owner is not None:
        return owner.host if owner.kind == "all" and (names is None or owner.name in names) else None
    if names is not None:
        there = [one for name in names for one in there if one.name == name]
    if issuer is not None:
        return next((one.host for one in there if one.kind == "foreign"), None)
    claiming = (one for one in there if one.kind != "nothing" and re.fullmatch(one.pattern, token))
    return next((one.host for one in claiming), None)


def put(desk, several):
    for layer in (HIGH, LOW):
        desk.registry.use(layer, [])
    for layer in (LOW, HIGH):
        desk.registry.use(layer, [plan.made() for plan in several if plan.layer == layer])


@given(
    configurations=st.lists(plans.map(together), min_size=1, max_size=2), asking=questions, global_first=st.booleans()
)
@settings(deadline=None)
def test_who_is_asked_is_whom_the_rules_name(configurations, asking, global_first):
    """Whatever is configured, exactly the key manager that the rules name is asked, fresh or remembered, or nobody."""
    desk = Desk(global_first=global_first, overlapping_tokens=True)
    for several in configurations:
        put(desk, several)
        by_host = {one.host: one.name for one in several}
        for token, organization, names in (*asking, *asking):
            host = oracle(several, token, organization, names, global_first)
            desk.forget()
            verdict = desk.verdict(token, organization, names)
            assert desk.asked() == ([] if host is None else [host])
            assert (verdict == by_host[host]) if host else verdict.isupper()
            assert (desk.verdict(token, organization, names), desk.asked()) == (verdict, [])


@given(several=plans.map(together), global_first=st.booleans())
@settings(deadline=None)
def test_where_no_overlap_is_told_there_is_none(several, global_first):
    """Without an overlap no token is claimed by two in any organization; a token that two claim is told as one."""
    desk = Desk(global_first=global_first, overlapping_tokens=True)
    put(desk, several)
    told = "\n".join(desk.registry.overlaps)
    for organization in ORGANIZATIONS:
        there = [one for one in in_order(several, organization, global_first) if one.kind != "nothing"]
        for token in SHORT:
            claiming = [one for one in there if re.fullmatch(one.pattern, token)]
            for one, other in pairwise(claiming):
                own = organization if organization in {one.organization, other.organization} else None
                whose = "" if own is None else f" of organization {own!r}"
                assert f"key managers {one.name!r} and {other.name!r}{whose} claim the same tokens" in told
