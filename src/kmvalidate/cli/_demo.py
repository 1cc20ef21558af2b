"""
``kmvalidate demo``: a good token and eight bad ones, against an issuer over real HTTP on this machine.

Rules kept here: the tokens go the way every token goes, through `TokenValidator.authenticate`; what is shown is what it
answered, never the token; an answer that is not the expected one is marked and makes the exit code 1.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from kmvalidate.cli._demo_tokens import CASES
from kmvalidate.cli._table import table
from kmvalidate.errors import KeyManagerUnavailable, Refused, shown
from kmvalidate.key_manager import KeyManager
from kmvalidate.key_sources import RemoteKeys
from kmvalidate.ports import Network
from kmvalidate.registry import KeyManagerRegistry
from kmvalidate.testing import LocalIssuer
from kmvalidate.validator import TokenValidator

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kmvalidate.cli._demo_tokens import Case

_WIDTH = 110
_HEAD = ("token", "verdict", "reason", "status", "why")
_NOTHING = "-"
_UNAVAILABLE_STATUS = 503


@attrs.frozen(kw_only=True)
class Answer:
    """
    What became of one token, in words.

    Args:
        verdict: ``accepted``, ``refused`` or ``unavailable``.

        reason: The name of the `kmvalidate.Reason`, if it was refused.

        status: The HTTP status a gateway answers with, unless the call goes on.

        why: A sentence.
    """

    verdict: str
    reason: str = _NOTHING
    status: str = _NOTHING
    why: str


def run() -> int:
    """
    Run the demonstration and print it.

    Returns:
        0 if every token was answered as it should be, else 1.
    """
    with LocalIssuer() as idp, LocalIssuer(algorithms=("RS256",)) as stranger:
        validator = _validator(idp.issuer)
        answers = [(case, answer(validator, case.make(idp, stranger))) for case in CASES]
        surprises = [case for case, given in answers if not _as_expected(case, given)]
        lines = (*_opening(idp), *_rows(answers), *_closing(idp, len(answers), len(surprises)))
    print(*lines, sep="\n")
    return 1 if surprises else 0


def answer(validator: TokenValidator, token: str) -> Answer:
    """Ask *validator* about *token* and put its answer into words."""
    try:
        verified = validator.authenticate(token)
    except Refused as refused:
        reason = refused.reason
        return Answer(verdict="refused", reason=reason.name, status=str(reason.status), why=str(refused))
    except KeyManagerUnavailable as outage:
        return Answer(verdict="unavailable", status=str(_UNAVAILABLE_STATUS), why=str(outage))
    scopes = " ".join(sorted(verified.scopes))
    who = f"{verified.key_manager} stands behind it: subject {verified.subject}, client {verified.consumer_key}"
    return Answer(verdict="accepted", why=f"{who}, scopes {scopes}.")


def _validator(issuer: str) -> TokenValidator:
    keys = RemoteKeys(network=Network(private_addresses=True, insecure_http=True))
    manager = KeyManager(name="Demo issuer", issuer=issuer, audience="orders", keys=keys)
    return TokenValidator(KeyManagerRegistry([manager]))


def _as_expected(case: Case, given: Answer) -> bool:
    return (
        (given.verdict, given.reason) == ("refused", case.reason.name) if case.reason else given.verdict == "accepted"
    )


def _opening(idp: LocalIssuer) -> Iterator[str]:
    yield f"An identity provider runs at {idp.issuer} while this demo lasts, and is configured as a"
    yield f'key manager for the API "orders". {len(CASES)} tokens are sent to the API:'
    yield ""


def _rows(answers: list[tuple[Case, Answer]]) -> Iterator[str]:
    rows = [(case.title, given.verdict, given.reason, given.status, _why(case, given)) for case, given in answers]
    return table(_HEAD, rows, _WIDTH)


def _why(case: Case, given: Answer) -> str:
    expected = case.reason.name if case.reason else "accepted"
    return given.why if _as_expected(case, given) else f"NOT EXPECTED (should be {expected}): {given.why}"


def _closing(idp: LocalIssuer, tokens: int, surprises: int) -> Iterator[str]:
    yield ""
    yield f"Fetched for all {tokens} tokens together, over HTTP:"
    yield from (f"  {times} x GET {shown(path)}" for path, times in idp.hits.items())
    yield "Refused means 401 for the caller; a provider that cannot be asked would be unavailable, 503."
    yield f"{surprises} of {tokens} answers were not as expected." if surprises else "Every answer was as expected."
    yield ""
    yield "Next: `kmvalidate discover URL` shows what your own provider publishes. Every reason is explained in"
    yield "docs/why-refused.md, and docs/quickstart.md leads from here to your first API."
