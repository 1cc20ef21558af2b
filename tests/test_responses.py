"""What a client is told: the codes and statuses of WSO2, the bodies of three kinds, and the challenge."""

import json
import math
import re

import pytest

from kmvalidate.errors import ConfigurationError, KeyManagerUnavailable, Reason, Refusal, Refused
from kmvalidate.responses import ErrorResponse, error_response

OUTAGE = KeyManagerUnavailable("no answer from 10.0.0.7", key_manager="Okta")
ENVIRONMENT = "The access token is not authorized to access the environment"

#: What failed: its code, WSO2's message, and the statuses of APIM and of Choreo Connect.
TABLE = {
    "outage": (OUTAGE, "900900", "Unclassified Authentication Failure", 503, 503),
    **{
        reason.name: (reason, "900901", "Invalid Credentials", 401, 401)
        for reason in Reason
        if reason.code == 900901 and reason is not Reason.MISSING_TOKEN
    },
    "API_BLOCKED": (Reason.API_BLOCKED, "700700", "API blocked", 503, 503),
    "WRONG_TOKEN_TYPE": (
        *(Reason.WRONG_TOKEN_TYPE, "900905", "Incorrect Access Token Type is provided"),
        *(401, 401),
    ),
    "NO_MATCHING_RESOURCE": (
        *(Reason.NO_MATCHING_RESOURCE, "900906", "No matching resource found in the API for the given request"),
        *(403, 403),
    ),
    "SUBSCRIPTION_BLOCKED": (
        *(Reason.SUBSCRIPTION_BLOCKED, "900907", "The requested API is temporarily blocked"),
        *(401, 401),
    ),
    "NOT_SUBSCRIBED": (Reason.NOT_SUBSCRIBED, "900908", "Resource forbidden ", 403, 403),
    "FORBIDDEN": (Reason.FORBIDDEN, "900908", "Resource forbidden ", 403, 403),
    "SUBSCRIPTION_INACTIVE": (
        *(Reason.SUBSCRIPTION_INACTIVE, "900909", "The subscription to the API is inactive"),
        *(401, 403),
    ),
    **{
        reason.name: (
            *(reason, "900910", "The access token does not allow you to access the requested resource"),
            *(403, 403),
        )
        for reason in (Reason.INSUFFICIENT_SCOPE, Reason.MISSING_ROLE, Reason.UNKNOWN_ROLES, Reason.CLAIM_NOT_ALLOWED)
    },
    "WRONG_ENVIRONMENT": (Reason.WRONG_ENVIRONMENT, "900912", ENVIRONMENT, 403, 403),
    "WRONG_KEY_TYPE": (Reason.WRONG_KEY_TYPE, "900912", ENVIRONMENT, 403, 403),
    "AUDIENCE_NOT_ALLOWED": (Reason.AUDIENCE_NOT_ALLOWED, "900914", "Access Denied", 403, 403),
}
ROWS = [pytest.param(*row, id=name) for name, row in TABLE.items()]
FAILURES = [OUTAGE, *Reason]


def failed(what):
    """Return the failure for a reason, or the one that it is."""
    return Refused(what) if isinstance(what, Reason) else what


def respond(what, **arguments):
    """Return status, header fields and the members of the body, after a look at what all responses have in common."""
    response = error_response(failed(what), **arguments)
    assert isinstance(response, ErrorResponse)
    headers = dict(response.headers)
    assert len(headers) == len(response.headers)
    assert all(re.fullmatch("[!-~][ -~]*", value) for value in headers.values())
    assert headers["Cache-Control"] == "no-store"
    assert response.body.isascii()
    return response.status, headers, json.loads(response.body)


def challenge(what, **arguments):
    """Return the challenge of a response, None without one."""
    return respond(what, **arguments)[1].get("WWW-Authenticate")


def test_the_table_has_every_reason():
    """Each reason but the one without a token, whose code depends on the profile, has its row."""
    assert set(TABLE) == {"outage", *Reason.__members__} - {"MISSING_TOKEN"}


@pytest.mark.parametrize(("what", "code", "message", "apim", "choreo_connect"), ROWS)
def test_codes_messages_and_statuses_are_those_of_wso2(what, code, message, apim, choreo_connect):
    """In both of WSO2's shapes a failure has its code as a string and its message, and the status of the profile."""
    status, _, members = respond(what, profile="apim")
    assert (status, members["code"], members["message"]) == (apim, code, message)
    assert set(members) == {"code", "message", "description"}
    status, _, members = respond(what, profile="choreo-connect")
    assert (status, members["code"], members["error_message"]) == (choreo_connect, code, message)
    assert set(members) == {"code", "error_message", "error_description"}


@pytest.mark.parametrize(
    ("profile", "code", "message"),
    [("apim", "900902", "Missing Credentials"), ("choreo-connect", "900901", "Invalid Credentials")],
)
def test_no_token_at_all_has_the_code_of_the_profile(profile, code, message):
    """Without a token API Manager says that none was there, and Choreo Connect that it is a bad one."""
    status, _, members = respond(Reason.MISSING_TOKEN, profile=profile, body="apim")
    assert (status, members["code"], members["message"]) == (401, code, message)
    assert "Authorization: Bearer" in members["description"]


@pytest.mark.parametrize("what", FAILURES, ids=str)
def test_a_problem_has_the_members_of_rfc_9457(what):
    """The standard body is a problem whose title is the status's phrase, with WSO2's code and the reason beside it."""
    status, headers, members = respond(what)
    assert headers["Content-Type"] == "application/problem+json"
    assert (members["type"], members["status"]) == ("about:blank", status)
    assert members["title"] == {401: "Unauthorized", 403: "Forbidden", 503: "Service Unavailable"}[status]
    assert members["code"] == str(900900 if what is OUTAGE else what.code)
    assert members.get("reason") == (None if what is OUTAGE else what.name)
    assert status == (503 if what is OUTAGE else what.status)


@pytest.mark.parametrize("body", ["apim", "choreo-connect"])
def test_the_other_bodies_are_plain_json(body):
    """WSO2's bodies are JSON, in whichever profile they are asked for."""
    assert respond(Reason.EXPIRED, body=body)[1]["Content-Type"] == "application/json"
    assert respond(Reason.EXPIRED, body="problem", profile=body)[1]["Content-Type"] == "application/problem+json"


def test_an_advice_follows_the_sentence():
    """Where WSO2 says what helps, the description says so after the reason's sentence, and else it is the sentence."""
    description = respond(Reason.EXPIRED, profile="apim")[2]["description"]
    assert description.startswith("The token has expired. ")
    assert len(description) > len("The token has expired. ")
    assert respond(Reason.NOT_SUBSCRIBED, profile="apim")[2]["description"] == Reason.NOT_SUBSCRIBED.sentence


@pytest.mark.parametrize("body", ["problem", "apim", "choreo-connect"])
@pytest.mark.parametrize("kind", ["refused", "refusal", "outage"])
def test_facts_are_told_only_when_asked_for(body, kind):
    """What was expected, got and hinted at, and why a provider gave no answer, is in no response without *detail*."""
    refused = Refused(Reason.WRONG_AUDIENCE, claim="aud", expected="FACT-1", got="FACT-2", hint="FACT-3")
    refused.key_manager = "FACT-4"
    outage = KeyManagerUnavailable("FACT-1 FACT-2 FACT-3", key_manager="FACT-4")
    failure = {"refused": refused, "refusal": Refusal.of(refused), "outage": outage}[kind]
    assert "FACT" not in repr(error_response(failure, body=body))
    told = error_response(failure, body=body, detail=True)
    assert all(fact in told.body for fact in (b"FACT-1", b"FACT-2", b"FACT-3"))
    assert "FACT" not in repr(told.headers)


def test_a_refusal_is_answered_whether_raised_or_returned():
    """A `Refused` and the `Refusal` of it have the same response."""
    refused = Refused(Reason.INSUFFICIENT_SCOPE, expected=["menu:read"], got=[], hint="Ask for it.")
    for detail in (False, True):
        assert error_response(refused, detail=detail) == error_response(Refusal.of(refused), detail=detail)


@pytest.mark.parametrize("what", FAILURES, ids=str)
def test_who_gets_a_challenge(what):
    """A 401 always has one, an insufficient scope in the standard profile too, and at Choreo Connect everything has."""
    status = error_response(failed(what)).status
    lacks_scope = what is not OUTAGE and what.error == "insufficient_scope"
    assert (challenge(what) is not None) is (status == 401 or lacks_scope)
    assert (challenge(what, profile="apim") is not None) is (status == 401)
    assert challenge(what, profile="choreo-connect") is not None


@pytest.mark.parametrize("what", FAILURES, ids=str)
def test_a_challenge_is_one_of_rfc_6750(what):
    """It is Bearer, then parameters as quoted strings, with error and description where RFC 6750 has an error."""
    text = challenge(what, profile="choreo-connect", realm="orders (test)")
    expected = 'Bearer realm="orders (test)"'
    if what is not OUTAGE and what.error:
        assert re.fullmatch(r"[ !#-\[\]-~]+", what.sentence)
        expected += f', error="{what.error}", error_description="{what.sentence}"'
    assert text == expected


def test_without_a_token_there_is_no_error():
    """Who presented no token is told the realm alone, as RFC 6750 section 3.1 asks for."""
    assert challenge(Reason.MISSING_TOKEN) == 'Bearer realm="API"'


@pytest.mark.parametrize(
    ("scopes", "expected"),
    [
        ("menu:read", "menu:read"),
        (["b", "a"], "b a"),
        (("b", "a"), "b a"),
        ({"b", "a"}, "a b"),
        (frozenset({"c", "b", "a"}), "a b c"),
        (iter(["!#[]~"]), "!#[]~"),
    ],
    ids=repr,
)
def test_a_lack_of_scope_names_the_scopes(scopes, expected):
    """The scopes that the call asks for are told where one is lacking, those of a set in a fixed order."""
    assert challenge(Reason.INSUFFICIENT_SCOPE, scopes=scopes).endswith(f', scope="{expected}"')


def test_scopes_are_told_nowhere_else():
    """Other failures do not name the scopes, and without scopes there is no such parameter."""
    for reason in set(Reason) - {Reason.INSUFFICIENT_SCOPE}:
        assert "scope=" not in challenge(reason, scopes="menu:read", profile="choreo-connect")
    for none in ((), [], set()):
        assert "scope=" not in challenge(Reason.INSUFFICIENT_SCOPE, scopes=none)


def test_the_metadata_of_the_resource_is_told():
    """A challenge has the URL of RFC 9728 section 5.1 at its end."""
    url = "https://api.example/.well-known/oauth-protected-resource?v=1"
    assert challenge(Reason.MISSING_TOKEN, resource_metadata=url) == f'Bearer realm="API", resource_metadata="{url}"'
    assert challenge(Reason.EXPIRED, resource_metadata="http://localhost:8080/x").endswith('localhost:8080/x"')


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        *((0.0, "1"), (-5.0, "1"), (0.2, "1"), (1.0, "1"), (1.01, "2"), (7.5, "8"), (30, "30")),
        *((math.inf, "86400"), (-math.inf, "1"), (math.nan, "1"), (1e300, "86400")),
    ],
)
def test_an_outage_says_when_to_come_back(seconds, expected):
    """An outage has whole seconds to wait, rounded up, from one to a day."""
    failure = KeyManagerUnavailable("no answer", retry_after_s=seconds)
    for profile in ("standard", "apim", "choreo-connect"):
        status, headers, _ = respond(failure, profile=profile)
        assert (status, headers["Retry-After"]) == (503, expected)


@pytest.mark.parametrize("reason", Reason)
def test_nothing_else_is_worth_another_try(reason):
    """A refusal, that of a blocked API included, has no time to come back."""
    assert "Retry-After" not in respond(reason)[1]


HOSTILE = ['a"b', "a\\b", "a\r\nX: y", "a\nb", "a\x00b", "a\x7fb", "schlüssel", "\ud800", "", 5, None, b"a", ["a"]]


@pytest.mark.parametrize("realm", [*HOSTILE, "\t"], ids=ascii)
def test_a_realm_that_no_header_can_hold_is_refused(realm):
    """A realm with quotes, backslashes, control or foreign characters is a ConfigurationError, whatever failed."""
    with pytest.raises(ConfigurationError, match="realm"):
        error_response(Refused(Reason.API_BLOCKED), realm=realm)


@pytest.mark.parametrize("scopes", [*HOSTILE[:-1], "menu:read menu:write", ["a", ""], {"a", 5}, [["a"]]], ids=ascii)
def test_a_scope_that_no_scope_can_be_is_refused(scopes):
    """A scope with other characters than RFC 6749 section 3.3 has is a ConfigurationError, whatever failed."""
    with pytest.raises(ConfigurationError):
        error_response(Refused(Reason.API_BLOCKED), scopes=scopes)


URLS = [
    "/x",
    "ftp://x.example/",
    "https://x.example/#a",
    "https://x.example/ü",
    "https://x.example/a b",
    "https://",
    "",
]


@pytest.mark.parametrize(
    "url", [*URLS, 'https://x.example/"', "https://x.example/\r\nX: y", 5, b"https://x"], ids=ascii
)
def test_a_url_that_is_none_is_refused(url):
    """What is no plain absolute URL is a ConfigurationError, whatever failed."""
    with pytest.raises(ConfigurationError):
        error_response(Refused(Reason.API_BLOCKED), resource_metadata=url)


@pytest.mark.parametrize(
    "arguments",
    [{"profile": "APIM"}, {"profile": None}, {"profile": []}, {"body": "xml"}, {"body": ""}, {"body": 5}],
    ids=str,
)
def test_an_unknown_word_is_refused(arguments):
    """A profile or body of another name is a ConfigurationError that lists those there are."""
    with pytest.raises(ConfigurationError, match="choreo-connect"):
        error_response(OUTAGE, **arguments)


@pytest.mark.parametrize("failure", [None, Reason.EXPIRED, "EXPIRED", ConfigurationError("x"), Refused, True], ids=repr)
def test_what_is_no_failure_has_no_response(failure):
    """Anything but a refusal or an outage is a ConfigurationError."""
    with pytest.raises(ConfigurationError, match="a failure is"):
        error_response(failure)
