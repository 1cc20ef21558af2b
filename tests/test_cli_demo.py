"""``kmvalidate demo``: its table, row by row; what it never prints; its exit code; and that nothing of it stays."""

import re
import socket
import subprocess
import sys
import threading
from urllib.parse import urlsplit

import pytest

from kmvalidate.cli import _demo, main
from kmvalidate.cli._demo_cast import assembled
from kmvalidate.cli._demo_tokens import ACCEPTED, UNAVAILABLE, Case, Phase
from kmvalidate.errors import Reason
from kmvalidate.validator import TokenValidator

LEAK_CHARS = 20
WIDTH = 120
GOOD = ("accepted", "-")
KIND = ("refused 401", "WRONG_TOKEN_KIND")
AUDIENCE = ("refused 401", "WRONG_AUDIENCE")
ISSUER = ("refused 401", "UNKNOWN_ISSUER")
SIGNATURE = ("refused 401", "BAD_SIGNATURE")
ALGORITHM = ("refused 401", "ALGORITHM_NOT_ALLOWED")
KEY = ("refused 401", "UNKNOWN_KEY")
USER = "web-shop for alice, may menu:read"
SHOP = "Web shop, Gold; its backend gets a JWT in X-JWT-Assertion"
AUTH0_USER = "web-shop for auth0|alice, may menu:read"

# Each row: the token, who answered for it, verdict and reason, and words of the hint.
EXPECTED = {
    "Good tokens:": [
        ("Keycloak", "Keycloak", *GOOD, USER),
        ("Entra ID, v2.0", "Entra ID", *GOOD, USER),
        ("Entra ID, v1.0", "Entra ID", *GOOD, USER),
        ("Okta", "Okta", *GOOD, USER),
        ("Asgardeo", "Asgardeo", *GOOD, USER),
        ("Auth0", "Auth0", *GOOD, AUTH0_USER),
        ("Auth0, RFC 9068 profile", "Auth0", *GOOD, "web-shop for itself, may menu:read"),
    ],
    "Signed with the same keys, and no access tokens:": [
        ("Keycloak, ID token", "Keycloak", *KIND, "typ: got ID, expected [bearer, dpop]"),
        ("Keycloak, offline token", "Keycloak", *KIND, "typ: got Offline"),
        ("Entra ID, ID token", "Entra ID", *KIND, "A token that names no client is an ID token"),
        ("Okta, ID token", "Okta", *KIND, "It is an ID token"),
        ("Okta, logout token", "Okta", *KIND, "It is a logout token."),
        ("Asgardeo, refresh token", "Asgardeo", *KIND, "It is a refresh token."),
        ("Auth0, ID token", "Auth0", *KIND, "this looks like an ID token"),
    ],
    "Mistakes of every day:": [
        ("expired", "Keycloak", "refused 401", "EXPIRED", "exp: got 600 s ago"),
        ("Keycloak, aud `account`", "Keycloak", *AUDIENCE, "a client scope has an audience mapper for it"),
        ("Entra ID, for Graph", "Entra ID", *AUDIENCE, "one of Microsoft's own APIs"),
        ("Okta, for another API", "Okta", *AUDIENCE, "`api://default` for the server `default`"),
        ("Asgardeo, for its client", "Asgardeo", *AUDIENCE, "The client id is what WSO2 puts into `aud`"),
        ("Auth0, for /userinfo", "Auth0", *AUDIENCE, "asks for the API's identifier with the parameter `audience`"),
        ("Keycloak, other address", "-", *ISSUER, "A realm of that name is configured at another address"),
        ("Entra ID, other tenant", "-", *ISSUER, "is listed in tenant="),
        ("Okta, org server", "-", *ISSUER, "use a custom authorization server such as /oauth2/default"),
        ("Asgardeo, sub-org", "-", *ISSUER, "Configure this one too, with sub_organization= or issuer="),
        ("Auth0, no slash", "-", *ISSUER, "with a trailing slash more or less"),
        ("unknown issuer", "-", *ISSUER, "iss: got https://idp.example"),
    ],
    "Good tokens, for an API that is not for everybody:": [
        ("Keycloak, a chef", "Keycloak", *GOOD, USER),
        ("Keycloak, a waiter", "Keycloak", "refused 403", "MISSING_ROLE", "[offline_access, waiter], expected [chef]"),
        ("Entra ID, too many groups", "Entra ID", "refused 403", "UNKNOWN_ROLES", "They are not in the token"),
    ],
    "Attacks:": [
        ("changed after signing", "Okta", *SIGNATURE, "does not verify"),
        ("a stranger's key", "Asgardeo", *SIGNATURE, "does not verify"),
        ("another provider's key", "Keycloak", *SIGNATURE, "does not verify"),
        ("a key id made up", "Auth0", *KEY, "kid: got made-up"),
        ('unsigned (alg "none")', "Okta", *ALGORITHM, "alg: got none, expected [RS256]"),
        ("HS256, the public key", "Entra ID", *ALGORITHM, "alg: got HS256, expected [RS256]"),
    ],
    "Keycloak changes its key, and publishes the old one a while longer:": [
        ("Keycloak, new key", "Keycloak", *GOOD, USER),
        ("Keycloak, old key", "Keycloak", *GOOD, USER),
    ],
    "Auth0 has lost its key, and publishes another in its place:": [
        ("Auth0, new key", "Auth0", *GOOD, AUTH0_USER),
        ("Auth0, lost key", "Auth0", *KEY, "kid: got RS256-1"),
    ],
    "Okta changes its key and goes down:": [
        ("Okta, known key", "Okta", *GOOD, USER),
        ("Okta, new key", "Okta", "unavailable 503", "-", "the answer breaks off; try again in 10 s"),
        ("Keycloak meanwhile", "Keycloak", *GOOD, USER),
        ("Entra ID meanwhile", "Entra ID", *GOOD, USER),
        ("Asgardeo meanwhile", "Asgardeo", *GOOD, USER),
        ("Auth0 meanwhile", "Auth0", *GOOD, AUTH0_USER),
    ],
    "Okta is back:": [("Okta, new key", "Okta", *GOOD, USER)],
    "Opaque tokens: Asgardeo is asked about those that look like its own:": [
        ("Asgardeo, opaque", "Asgardeo", *GOOD, "web-shop for a user, may menu:read"),
        ("the same again", "Asgardeo", *GOOD, "web-shop for a user, may menu:read"),
        ("Asgardeo, refresh token", "Asgardeo", "refused 401", "WRONG_TOKEN_KIND", "token_type: got Refresh"),
        ("made up, of that form", "Asgardeo", "refused 401", "INACTIVE", "This provider says so"),
        ("of nobody's form", "-", "refused 401", "OPAQUE_TOKEN", "Access tokens for an API of your own are JWTs here"),
    ],
    "It revokes one; an answer is remembered for a minute:": [
        ("revoked", "Asgardeo", "refused 401", "INACTIVE", "This provider says so"),
    ],
    "Calls of an API that takes tokens of Keycloak and Okta, of subscribed applications:": [
        ("GET /menu, Keycloak", "Keycloak", *GOOD, SHOP),
        ("GET /menu, Okta", "Okta", *GOOD, SHOP),
        ("GET /orders/7, a user", "Keycloak", *GOOD, SHOP),
        ("GET /health, no token", "-", *GOOD, "anybody may call this"),
    ],
    "Calls that are refused:": [
        ("POST /menu", "Keycloak", "refused 403", "INSUFFICIENT_SCOPE", "lacks a scope"),
        ("GET /orders/7, no user", "Okta", "refused 401", "WRONG_TOKEN_TYPE", "of users or of applications"),
        ("GET /menu, of Auth0", "-", "refused 401", "WRONG_KEY_MANAGER", "not one of those that are asked for"),
        ("GET /menu, a stranger", "Keycloak", "refused 403", "NOT_SUBSCRIBED", "No application has this client's key"),
        ("GET /menus", "Keycloak", "refused 403", "NO_MATCHING_RESOURCE", "No resource of the API has this path"),
        ("GET /menu, no token", "-", "refused 401", "MISSING_TOKEN", "none was presented"),
        ("GET /menu, backend JWT", "-", *KIND, "It is a backend JWT of this gateway"),
    ],
    "The subscription is blocked:": [
        ("GET /menu, Keycloak", "Keycloak", "refused 401", "SUBSCRIPTION_BLOCKED", "is blocked"),
    ],
    "It is unblocked, and a token is revoked:": [
        ("the revoked one", "Keycloak", "refused 401", "REVOKED", "was revoked"),
        ("another one", "Keycloak", *GOOD, SHOP),
    ],
}
SENT_AGAIN = 2 + 6  # of the opaque tokens, and of that for the API, once before the backend JWT it is given is sent
WITHOUT = 2
ANSWERS = sum(map(len, EXPECTED.values()))


@pytest.fixture(scope="module")
def printed():
    """What the demo prints as a process of its own, with every warning an error."""
    command = [sys.executable, "-W", "error", "-m", "kmvalidate", "demo"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


@pytest.fixture
def sent(monkeypatch):
    """The tokens that were sent to a validator, and what it gave for them."""
    tokens, given = [], []
    validate = TokenValidator.validate

    def spy(self, token, call):
        tokens.append(token)
        allowed = validate(self, token, call)
        given.append(allowed.backend_jwt)
        return allowed

    monkeypatch.setattr(TokenValidator, "validate", spy)
    return tokens, given


def phases(output):
    """Return the rows of the demo's table by heading, the lines of each cell joined."""
    lines = output.splitlines()
    rule = next(place for place, line in enumerate(lines) if re.fullmatch(r"-+(  -+){4}", line))
    starts = [found.start() for found in re.finditer("-+", lines[rule])]
    found, rows = {}, []
    for line in lines[rule + 1 : lines.index(next(line for line in lines if line.startswith("For all ")))]:
        cells = [line[at:until].strip() for at, until in zip(starts, [*starts[1:], None], strict=True)]
        if line.endswith(":") and not line.startswith(" ") and "  " not in line:
            rows = found.setdefault(line, [])
        elif cells[0]:
            rows.append(cells)
        elif line:
            rows[-1][-1] += f" {cells[-1]}"
    return found


def test_the_demo_shows_what_becomes_of_every_token(printed):
    """Each token of each phase is answered by who should answer, as it should be, and with a hint that helps."""
    shown = phases(printed)
    assert list(shown) == list(EXPECTED)
    for title, rows in EXPECTED.items():
        assert [row[:4] for row in shown[title]] == [list(row[:4]) for row in rows]
        for given, (*_, words) in zip(shown[title], rows, strict=True):
            assert words in given[4]


def test_the_demo_says_what_the_providers_were_asked(printed):
    """At the end stands how many requests each provider got: two to begin with, more for whatever happened."""
    asked = dict(re.findall(r"^(\w[\w ]*?) +(\d+) +/", printed, re.MULTILINE))
    assert asked == {"Keycloak": "4", "Entra ID": "2", "Okta": "5", "Asgardeo": "7", "Auth0": "4"}
    assert f"For all {ANSWERS} answers together" in printed
    assert "Every answer was as expected." in printed


def test_the_demo_fits_a_terminal(printed):
    """No line is wider than 120 columns or ends in white space, and nothing but printable ASCII is printed."""
    assert max(map(len, printed.splitlines())) <= WIDTH
    assert not re.search(r" $", printed, re.MULTILINE)
    assert re.fullmatch(r"[ -~\n]+", printed)


def test_the_demo_never_shows_a_token(capsys, sent):
    """No twenty characters of any segment of a token that was sent, or of a backend JWT, are in what is printed."""
    assert main(["demo"]) == 0
    output = "".join(capsys.readouterr())
    tokens, given = ([token for token in some if token is not None] for some in sent)
    segments = [segment for token in (*tokens, *given) for segment in token.split(".")]
    pieces = {segment[i : i + LEAK_CHARS] for segment in segments for i in range(len(segment) - LEAK_CHARS + 1)}
    assert len(set(tokens)) + SENT_AGAIN == len(tokens) == ANSWERS - WITHOUT + 1
    assert len(given) > 10
    assert len(pieces) > 10_000
    assert [piece for piece in pieces if piece in output] == []


def test_nothing_of_the_demo_stays():
    """When the demo is over no thread of it runs, and none of its five providers listens any more."""
    before = set(threading.enumerate())
    with assembled() as cast:
        cast.validator.authenticate(cast.okta.token())
        places = {urlsplit(provider.base) for provider in cast.named.values()}
    for thread in set(threading.enumerate()) - before:
        thread.join(10)
        assert not thread.is_alive(), thread.name
    assert len(places) == 5
    for place in places:
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection((place.hostname, place.port), timeout=10)


@pytest.mark.parametrize(
    ("outcome", "make", "marked"),
    [
        (Reason.EXPIRED, lambda cast: cast.okta.token(), "should be EXPIRED"),
        (Reason.EXPIRED, lambda cast: cast.okta.token(audience="x"), "should be EXPIRED"),
        (ACCEPTED, lambda cast: cast.okta.token(audience="x"), "should be accepted"),
        (UNAVAILABLE, lambda cast: cast.okta.token(), "should be unavailable"),
    ],
    ids=["accepted", "another reason", "refused", "available"],
)
def test_an_unexpected_answer_is_marked(capsys, monkeypatch, outcome, make, marked):
    """A token that is not answered as it should be is marked in its row, counted, and makes the exit code 1."""
    cases = (Case("good", lambda cast: cast.auth0.token(), ACCEPTED), Case("odd", make, outcome))
    monkeypatch.setattr(_demo, "PHASES", [Phase("Both", cases)])
    assert main(["demo"]) == 1
    output = " ".join(capsys.readouterr().out.split())
    assert f"NOT EXPECTED ({marked})" in output
    assert "1 of 2 answers were not as expected." in output


def test_a_reader_that_goes_away_is_no_error():
    """When nobody reads the output any more, the command ends quietly."""
    command = [sys.executable, "-m", "kmvalidate", "demo"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdout.close()
        complaints = process.stderr.read()
    assert (process.returncode, complaints) == (141, b"")


def test_an_interrupted_demo_ends_quietly(capsys, monkeypatch):
    """Ctrl-C ends a command without a traceback."""

    def interrupted():
        raise KeyboardInterrupt

    monkeypatch.setattr(_demo, "run", interrupted)
    assert main(["demo"]) == 130
    assert capsys.readouterr() == ("", "")
