"""What a userinfo endpoint is asked, and what becomes of its answers: OpenID Connect Core section 5.3."""

import asyncio
import functools
import json
import logging
import pickle
import traceback

import pytest

from kmvalidate import ConfigurationError, KeyManagerUnavailable, Network, UserInfo
from kmvalidate.asyncio_ports import AsyncioPorts, OnThreads
from kmvalidate.flights import Flights
from kmvalidate.ports import run
from kmvalidate.profiles import ProviderProfile
from tests.concurrency.callers import said as told
from tests.fakes import FakeTransport, SettableClock, WatchedPorts
from tests.introspecting.asking_helpers import said
from tests.signing import ABSENT, ISSUER, manager, refusal, validator, with_claims

ENDPOINT = ISSUER + "/userinfo"
OTHER = "https://other.example/userinfo"
USER = {"email": "alice@example.org", "groups": ["staff", "eu"], "address": {"country": "AT"}}
ALICE = {"sub": "alice", **USER}
BEARER = with_claims()


@functools.cache
def verified(bearer=BEARER, organization=None, name="Test"):
    """Return a token as it is once it is verified; one with the claim ``aut`` tells whose it is."""
    profile = ProviderProfile(is_application=lambda claims: {"APPLICATION": True}.get(claims.get("aut")))
    known = manager(name=name, organization=organization, profile=profile)
    return validator(known).authenticate(bearer, organization=organization)


class Desk:
    """A `UserInfo` for one key manager, over a scripted transport and a clock that is set."""

    def __init__(self, answer=None, *, endpoints=None, transport=None, **options):
        self.clock, self.flights = SettableClock(), Flights()
        self.transport = transport or FakeTransport({ENDPOINT: said(ALICE) if answer is None else answer})
        self.ports = WatchedPorts(self.transport, self.clock)
        self.aports = AsyncioPorts(OnThreads(self.transport), self.ports)
        self.userinfo = UserInfo(endpoints or {"Test": ENDPOINT}, **options)

    @property
    def asked(self):
        return len(self.transport.requests)

    def answers(self, answer):
        self.transport.answers[ENDPOINT] = answer

    def claims(self, bearer=BEARER, **of_whom):
        return run(self.userinfo.claims_of(verified(bearer, **of_whom), bearer, self.ports, self.flights))

    async def aclaims(self, bearer=BEARER):
        return await self.userinfo.claims_of(verified(bearer), bearer, self.aports, self.flights)

    def says(self, bearer=BEARER, **of_whom):
        """Return the claims, or how asking ends."""
        try:
            return self.claims(bearer, **of_whom)
        except Exception as error:  # noqa: BLE001  # what is foreign is seen as such
            return told(error)

    def outage(self, bearer=BEARER):
        """Return the outage that asking ends with, once nothing is under way."""
        with pytest.raises(KeyManagerUnavailable) as caught:
            self.claims(bearer)
        self.ports.settle()
        return caught.value


def test_the_request_has_the_token_in_one_field():
    """One GET goes to the endpoint, as it may be reached, with the token in its Authorization field alone."""
    network = Network(private_addresses=True)
    desk = Desk(deadline_s=3, max_bytes=5000, network=network)
    assert desk.claims() == USER
    (request,) = desk.transport.requests
    assert (request.method, request.url, request.body, request.network) == ("GET", ENDPOINT, None, network)
    assert (request.deadline_s, request.max_bytes) == (3, 5000)
    assert request.headers == {"authorization": f"Bearer {BEARER}", "accept": "application/json"}
    assert BEARER not in repr(request) + request.url


def test_an_asyncio_caller_is_told_the_same():
    """A caller on an event loop gets the same claims, asked for or remembered."""
    desk = Desk()
    assert [asyncio.run(desk.aclaims()), asyncio.run(desk.aclaims()), desk.claims()] == [USER] * 3
    assert desk.asked == 1


REGISTERED = {"iss": "https://evil.example", "aud": "evil", "exp": 1, "nbf": 1, "iat": 1, "jti": "evil"}


def test_registered_claims_are_never_kept():
    """Whatever an answer says of issuer, subject, audience, times and id is not among the user's claims."""
    assert Desk(said(ALICE | REGISTERED)).claims() == USER


def test_the_claims_that_are_named_are_kept():
    """Where claims are named, those of them that are there, and not null, are all that is kept."""
    desk = Desk(said(ALICE | {"phone": None, "zip": 0}), claims=["email", "phone", "zip", "shoe"])
    assert desk.claims() == {"email": USER["email"], "zip": 0}
    assert Desk(claims="email").claims() == {"email": USER["email"]}


def test_what_is_returned_is_read_only_and_fresh():
    """A caller cannot change the claims, and what it does to what is inside them nobody else sees."""
    desk = Desk()
    claims = desk.claims()
    with pytest.raises(TypeError):
        claims["email"] = "evil"
    claims["groups"].append("admin")
    assert desk.claims() == USER
    assert desk.asked == 1


class TestWhoIsAsked:
    """The key manager that stands behind a token decides, and nothing else."""

    def test_nobody_without_an_endpoint(self):
        """Tokens of key managers without an endpoint, in that very organization, have no user claims."""
        desk = Desk(endpoints={("acme", "Test"): ENDPOINT, "Other": ENDPOINT})
        assert [desk.claims(), desk.claims(organization="initech"), desk.claims(name="test")] == [None] * 3
        assert desk.asked == 0

    def test_the_endpoint_of_the_organizations_key_manager(self):
        """Key managers of one name in several organizations have an endpoint each."""
        places = {place: f"{ENDPOINT}/{number}" for number, place in enumerate(["Test", ("a", "Test"), ("b", "Test")])}
        desk = Desk(
            endpoints=places, transport=FakeTransport({url: said(ALICE | {"at": url}) for url in places.values()})
        )
        for organization, url in zip([None, "a", "b"], places.values(), strict=True):
            assert desk.claims(organization=organization)["at"] == url

    def test_nothing_in_the_token_chooses(self):
        """Whatever a token says of endpoints, organizations and key managers, its key manager's endpoint is asked."""
        claims = dict.fromkeys(("userinfo_endpoint", "organization", "key_manager", "_claim_sources"), OTHER)
        desk = Desk()
        assert desk.claims(with_claims(**claims)) == USER
        assert [request.url for request in desk.transport.requests] == [ENDPOINT]

    def test_nobody_about_an_application(self):
        """There is no user behind a token that an application got for itself, even if claims are required."""
        desk = Desk()
        assert desk.claims(with_claims(aut="APPLICATION")) is None
        assert desk.asked == 0

    @pytest.mark.parametrize("subject", [ABSENT, ""])
    def test_nobody_about_nobody(self, subject):
        """A token without a subject, of which no answer could be said to be about the same user, is refused."""
        bearer, desk = with_claims(sub=subject), Desk()
        refused = refusal(desk.claims, bearer)
        assert (refused.reason.name, refused.claim, refused.key_manager) == ("MISSING_CLAIM", "sub", "Test")
        assert Desk(required=False).claims(bearer) is None
        assert desk.asked == 0


JWT_ANSWER = said(BEARER.encode(), content_type="application/jwt")
NO_ANSWERS = {
    "other type": (said(ALICE, content_type="text/html"), "its answer is not application/json"),
    "no type": (said(ALICE, content_type=None), "its answer is not application/json"),
    "type of its own": (said(ALICE, content_type="application/json+x"), "its answer is not application/json"),
    "signed": (JWT_ANSWER, "its answer is a JWT, which is not accepted"),
    "no JSON": (said(b"<html>"), "not JSON in UTF-8"),
    "empty": (said(b""), "not JSON in UTF-8"),
    "array": (said(b'[{"sub":"alice"}]'), "not a JSON object"),
    "duplicate": (said(b'{"sub":"alice","sub":"alice"}'), "a member is given twice"),
    "NaN": (said(b'{"sub":"alice","x":NaN}'), "NaN is not JSON"),
    "too deep": (said(b'{"sub":"alice","x":' + b"[" * 500 + b"]" * 500 + b"}"), "nested too deeply"),
    "lone surrogate": (said(b'{"sub":"alice","x":"\\ud800"}'), "not JSON in UTF-8"),
    "no sub": (said(USER), "about somebody else"),
    "other sub": (said(ALICE | {"sub": "mallory"}), "about somebody else"),
    "sub of other case": (said(ALICE | {"sub": "Alice"}), "about somebody else"),
    "sub in a list": (said(ALICE | {"sub": ["alice"]}), "about somebody else"),
    "null sub": (said(ALICE | {"sub": None}), "about somebody else"),
    "nothing inside": (said(b"", 204), "status 204"),
    "redirect": (said(ALICE, 302, location=OTHER), "status 302"),
    "kept method": (said(ALICE, 307, location=OTHER), "status 307"),
    "bad request": (said(ALICE, 400), "status 400"),
    "not found": (said(ALICE, 404), "status 404"),
    "too many": (said(ALICE, 429), "status 429"),
    "broken": (said(ALICE, 500), "status 500"),
    "busy": (said(ALICE, 503), "status 503"),
    "too large": (said(ALICE | {"x": "x" * 100_000}), "the answer has more than 100000 bytes"),
    "no answer": (KeyManagerUnavailable("connection refused"), "connection refused"),
    "cannot be sent": (ConfigurationError("ca_file cannot be used"), "ca_file cannot be used"),
    "transport error": (OSError("x"), "the transport raised OSError"),
    "transport exit": (SystemExit("x"), "the transport raised SystemExit"),
    "no response": (None, "the transport returned NoneType, not an HttpResponse"),
}


@pytest.mark.parametrize(("answer", "why"), NO_ANSWERS.values(), ids=NO_ANSWERS)
def test_no_answer_that_counts(answer, why):
    """What is no answer about the token's user is an outage where claims are required, and no claims where not."""
    strict, lax = Desk(lambda: answer), Desk(lambda: answer, required=False)
    outage = strict.outage()
    assert why in outage.why
    assert (outage.key_manager, outage.retry_after_s) == ("Test", 1.0)
    assert lax.claims() is None
    assert strict.transport.hits == lax.transport.hits == {ENDPOINT: 1}
    strict.clock.pass_s(outage.retry_after_s)
    strict.answers(said(ALICE))
    assert strict.claims() == USER


@pytest.mark.parametrize(
    "content_type", ["application/json; charset=utf-8", "Application/JSON", " application/json ;x"]
)
def test_the_media_type_may_be_written_in_each_way(content_type):
    """A media type has no case and may have parameters."""
    assert Desk(said(ALICE, content_type=content_type)).claims() == USER


@pytest.mark.parametrize(
    ("status", "reason", "expected", "hint"),
    [(401, "INACTIVE", None, "does not accept it"), (403, "INSUFFICIENT_SCOPE", "openid", "lacks the scope openid")],
)
def test_an_endpoint_that_says_no(status, reason, expected, hint):
    """A token that its key manager's own endpoint refuses is refused where claims are required, else has none."""
    refused = refusal(Desk(said(ALICE, status)).claims)
    assert (refused.reason.name, refused.expected, refused.key_manager) == (reason, expected, "Test")
    assert hint in refused.hint
    assert Desk(said(ALICE, status), required=False).claims() is None


ECHO = BEARER.encode()
LEAKS = {
    "transport error": OSError(BEARER),
    "outage": KeyManagerUnavailable(f"cannot send Bearer {BEARER}"),
    "cannot be sent": ConfigurationError(f"a field is malformed: {BEARER}"),
    "another thing": (BEARER,),
    "echo": said(ECHO),
    "duplicate": said(b'{"sub":"alice","' + ECHO + b'":1,"' + ECHO + b'":2}'),
    "other user": said({"sub": BEARER}),
    "error page": said(ECHO, 500, BEARER),
    "other type": said(ALICE, content_type=BEARER),
    "redirect": said(ECHO, 307, location=f"{OTHER}?token={BEARER}"),
    "retry": said(ECHO, 429, retry_after=BEARER),
    "no": said(ECHO, 401, www_authenticate=BEARER),
}


@pytest.mark.parametrize("answer", LEAKS.values(), ids=LEAKS)
def test_nothing_tells_the_token(answer, caplog):
    """Whatever transport and endpoint do, no error, nothing that led to it, no repr and no log has the token."""
    caplog.set_level(logging.DEBUG)
    desk = Desk(lambda: answer)
    try:
        desk.claims()
    except Exception as caught:  # noqa: BLE001  # looked at, whatever it is
        error = caught
    assert (error.__cause__, error.__context__) == (None, None)
    assert Desk(lambda: answer, required=False).claims() is None
    texts = [str(error), repr(error), repr(error.__dict__), "".join(traceback.format_exception(error)), caplog.text]
    texts += [pickle.dumps(error).decode("latin-1"), repr(desk.userinfo), repr(desk.transport.requests)]
    assert [text for text in texts if BEARER in text or "Bearer" in text] == []


def test_nothing_shows_a_user():
    """The reprs of what is remembered show neither token nor claims, nor does that of what asks."""
    desk = Desk()
    desk.claims()
    (kept,) = desk.userinfo._memory.young.values()
    assert (repr(kept), kept.__rich_repr__()) == ("_Told(...)", [])
    assert json.loads(kept.payload) == USER
