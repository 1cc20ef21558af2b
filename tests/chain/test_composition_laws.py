"""Compositions of any shape: they agree with a naive evaluation, and give the reason that is documented."""

from hypothesis import given
from hypothesis import strategies as st

from kmvalidate.chain import AllOf, AnyOf, Not, ReportOnly, ValidatorChain
from kmvalidate.errors import Reason
from tests.chain.making import Says, case, verdict

CASE = case()
REASONS = (None, Reason.REVOKED, Reason.API_BLOCKED, Reason.MISSING_ROLE, Reason.NOT_SUBSCRIBED, Reason.EXPIRED)

leaves = st.tuples(st.just("leaf"), st.sampled_from(REASONS))


def branches(children):
    some = st.lists(children, min_size=0, max_size=4)
    negated = st.tuples(st.just("not"), children)
    kinds = [st.tuples(st.just(kind), some) for kind in ("all", "any", "chain", "report")]
    return st.one_of(negated, *kinds)


def is_empty(tree):
    """Tell whether there is no check in a tree, however deep one looks."""
    kind, below = tree
    if kind in {"leaf", "not"}:
        return kind == "not" and is_empty(below)
    return all(map(is_empty, below))


trees = st.recursive(leaves, branches, max_leaves=12)


def built(tree):
    kind, below = tree
    if kind == "leaf":
        return Says(below)
    if kind == "not":
        return Not(built(below))
    members = [built(one) for one in below]
    if kind == "chain":
        return ValidatorChain(members)
    return {"all": AllOf, "any": AnyOf, "report": ReportOnly}[kind](*members)


def has_empty(tree):
    """Tell whether some composition in a tree has no check in it."""
    kind, below = tree
    if kind == "leaf":
        return False
    return is_empty(tree) or any(map(has_empty, [below] if kind == "not" else below))


def passes(tree):
    """Evaluate a tree as a formula: who refuses is false, and nothing is false too."""
    kind, below = tree
    if kind == "leaf":
        return below is None
    if kind == "report":
        return True
    if is_empty(tree):
        return False
    if kind == "not":
        return not (has_empty(below) or passes(below))
    values = [passes(one) for one in below]
    return any(values) if kind == "any" else all(values)


def reason_for(tree):
    """Return the reason for which a tree that does not pass refuses, by what is documented of each kind."""
    kind, below = tree
    if kind == "leaf":
        return below
    if kind == "not" or is_empty(tree):
        return Reason.FORBIDDEN
    return reason_for(below[0] if kind == "any" else next(one for one in below if not passes(one)))


@given(trees)
def test_a_tree_of_checks_is_a_formula(tree):
    """Any tree of compositions lets pass what its formula does, and refuses for the documented reason."""
    said = "GOOD" if passes(tree) else reason_for(tree).name
    assert verdict(built(tree), CASE) == said


@given(trees)
def test_a_tree_says_the_same_each_time(tree):
    """A tree of checks has no memory of what it was asked before."""
    check = built(tree)
    assert len({verdict(check, CASE) for _ in range(3)}) == 1


@given(trees)
def test_not_turns_any_tree_round(tree):
    """The negation of a tree passes exactly where the tree does not, unless something in it is empty."""
    assert (verdict(Not(built(tree)), CASE) == "GOOD") is not (passes(tree) or has_empty(tree))


@given(st.lists(trees, max_size=4), st.lists(trees, max_size=4))
def test_a_chain_grows_at_its_end(first, then):
    """A chain that is followed by checks is the chain of all of them, in that order."""
    grown = ValidatorChain(map(built, first)).followed_by(*map(built, then))
    assert verdict(grown, CASE) == verdict(built(("chain", [*first, *then])), CASE)
