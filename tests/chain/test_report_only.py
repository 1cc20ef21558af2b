"""Checks that are tried out: they count and log what they would have refused, and refuse nothing."""

import logging

import pytest

from kmvalidate.chain import DEFAULT_CHECKS, AllOf, Not, ReportOnly, ScopeCheck, ValidatorChain
from kmvalidate.errors import Reason
from tests.chain.making import BLOCKED, PASSES, REVOKED, case, scoped, verdict
from tests.fakes import WAIT_S, in_threads
from tests.signing import with_claims


def test_it_refuses_nothing_and_counts():
    """Calls pass, those that would have been refused are counted by the reason of the first that would."""
    trial = ReportOnly(PASSES, REVOKED, BLOCKED)
    assert [verdict(trial), verdict(trial), verdict(ReportOnly(PASSES))] == ["GOOD"] * 3
    assert trial.would_have_refused == {Reason.REVOKED: 2}


def test_what_passes_is_not_counted():
    """A call with nothing against it leaves no trace."""
    trial = ReportOnly(*DEFAULT_CHECKS)
    assert verdict(trial) == "GOOD"
    assert trial.would_have_refused == {}


def test_reasons_are_counted_apart():
    """Each reason has a count of its own, and who reads them cannot change them."""
    trial = ReportOnly(ScopeCheck(), lambda of: REVOKED.check(of) if of.token.subject == "eve" else None)
    for subject in ("alice", "eve", "eve"):
        verdict(trial, case(sub=subject))
    verdict(trial, case(scoped(any_scope="x")))
    counts = trial.would_have_refused
    assert counts == {Reason.REVOKED: 2, Reason.INSUFFICIENT_SCOPE: 1}
    counts.clear()
    assert len(trial.would_have_refused) == 2


def test_nothing_to_try_would_refuse_everything():
    """A trial of no checks says that it would have refused, as no checks do, and lets pass."""
    trial = ReportOnly()
    assert verdict(trial) == "GOOD"
    assert trial.would_have_refused == {Reason.FORBIDDEN: 1}


def test_the_log_says_why_and_not_the_token(caplog):
    """What would have been refused is a warning with the reason, and without any part of the token."""
    bearer = with_claims(scope="nothing")
    with caplog.at_level(logging.WARNING, logger="kmvalidate.chain"):
        verdict(ReportOnly(ScopeCheck(), AllOf()), case(scoped(any_scope="menu:read"), scope="nothing"))
    (record,) = caplog.records
    assert record.getMessage() == (
        "ReportOnly(ScopeCheck, AllOf) would have refused a call: The token lacks a scope that the resource asks for. "
        "(expected [menu:read], got [nothing])"
    )
    assert not any(part in caplog.text for part in bearer.split("."))


def test_the_log_has_one_line_whatever_a_token_says(caplog):
    """Control characters of a token's claims do not reach the log as they are."""
    verdict(ReportOnly(ScopeCheck()), case(scoped(any_scope="menu:read"), scope="x\r\nERROR\x1b[31m"))
    assert len(caplog.records) == 1
    assert not {"\r", "\n", "\x1b"} & {*caplog.records[0].getMessage()}


def test_an_accident_is_not_hidden():
    """What a member raises that is no refusal passes through a trial as well."""
    trial = ReportOnly(lambda of: of.nonsense)
    with pytest.raises(AttributeError):
        trial.check(case())
    assert trial.would_have_refused == {}


def test_a_trial_in_a_chain_decides_nothing():
    """A chain with a trial decides as one without it, and a chain of trials alone lets pass."""
    assert verdict(ValidatorChain([ReportOnly(REVOKED)])) == "GOOD"
    assert verdict(ValidatorChain([ReportOnly(REVOKED), BLOCKED])) == "API_BLOCKED"
    assert verdict(ValidatorChain([Not(ReportOnly(REVOKED))])) == "FORBIDDEN"


def test_threads_are_counted_to_the_last():
    """Eight threads at once lose no count."""
    trial, of = ReportOnly(REVOKED), case()
    for thread in in_threads(8, lambda: [trial.check(of) for _ in range(250)]):
        thread.join(4 * WAIT_S)
    assert trial.would_have_refused == {Reason.REVOKED: 2000}
