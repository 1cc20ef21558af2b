"""What the tests of bearer tokens share: whoever obtains one, and what a token endpoint grants."""

from kmvalidate import ClientCredentials, ClientSecretPost
from tests.introspecting.asking_helpers import ACTIVE, ENDPOINT, SECRET, TOKENS, Asker, header_of
from tests.introspecting.asking_helpers import said as answered
from tests.signing import changed

POST = ClientSecretPost("shop", SECRET)


def grant(text="at-1", **changes):
    members = {"access_token": text, "token_type": "Bearer", "expires_in": 1000}
    return answered(changed(members, changes))


def obtaining(granted=None, client=POST, scope=None, transport=None, **configuration):
    """Return who asks with a token from a configured token endpoint."""
    credentials = ClientCredentials(client, token_endpoint=TOKENS, scope=scope)
    answers = {ENDPOINT: answered(ACTIVE), TOKENS: granted or grant()}
    return Asker(answers, transport, client=credentials, **configuration)


def in_turn(*answers):
    """Return an answer that is another one each time, the last of them again and again."""
    left = list(answers)
    return lambda: left.pop(0) if len(left) > 1 else left[0]


def bearers(asker):
    """Return with which tokens the endpoint was asked."""
    asked = (request for request in asker.transport.requests if request.url == ENDPOINT)
    return [header_of(request, "authorization").removeprefix("Bearer ") for request in asked]
