"""What a token endpoint may answer, and what is no bearer token."""

import pytest

from tests.introspecting.asking_bearer import bearers, grant, obtaining
from tests.introspecting.asking_helpers import ENDPOINT, TOKENS
from tests.introspecting.asking_helpers import said as answered
from tests.signing import ABSENT

HOSTILE = {
    "not JSON": answered(b"access_token=at-1&token_type=Bearer"),
    "array": answered([1]),
    "empty": answered(b""),
    "twice": answered(b'{"access_token":"at-1","access_token":"at-2","token_type":"Bearer"}'),
    "none": grant(ABSENT),
    "null": grant(None),
    "number": grant(7),
    "empty token": grant(""),
    "line end": grant("at-1\r\nX-Evil: 1"),
    "newline": grant("at-1\n"),
    "space": grant("at 1"),
    "not ASCII": grant("\u00e4t-1"),
    "padding in it": grant("a=t"),
    "padding alone": grant("=="),
    "too long": grant("a" * 16_385),
    "too much padding": grant("a" + "=" * 17),
    "no type": grant(token_type=ABSENT),
    "mac": grant(token_type="mac"),
    "list": grant(token_type=["Bearer"]),
    "NaN": answered(b'{"access_token":"at-1","token_type":"Bearer","expires_in":NaN}'),
    "2 MB": answered({"access_token": "at-1", "token_type": "Bearer", "x": "a" * 2_000_000}),
}


@pytest.mark.parametrize("granted", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_grant_is_an_outage(granted):
    """What is no bearer token is sent to nobody, and nothing of it is told."""
    asker = obtaining(granted)
    flaw = asker.outage()
    assert asker.transport.hits == {TOKENS: 1}
    assert "at-1" not in repr(flaw)
    assert flaw.is_outage


@pytest.mark.parametrize("text", ["a", "a.b~c+d/e-f_==", "a" * 16_384, "a" + "=" * 16], ids=len)
def test_any_bearer_token_will_do(text):
    """What RFC 6750 calls a token is sent as it is, and the name of its type has no case."""
    asker = obtaining(grant(text, token_type="bEARER"))
    asker.ask()
    assert bearers(asker) == [text]


@pytest.mark.parametrize("status", [201, 302, 307, 400, 401, 403, 404, 500, 503])
def test_a_token_endpoint_that_refuses_is_an_outage(status):
    """Any other status of the token endpoint is an outage for everybody, and no redirect is followed."""
    asker = obtaining(answered({"access_token": "at-1", "token_type": "Bearer"}, status, location=ENDPOINT))
    flaw = asker.outage()
    assert (flaw.why, flaw.is_outage) == (f"token endpoint: status {status}", True)
    assert asker.transport.hits == {TOKENS: 1}
