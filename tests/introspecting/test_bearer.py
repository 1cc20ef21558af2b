"""The bearer token that a client obtains for itself to ask with: RFC 6749 section 4.4."""

import base64
import json

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from kmvalidate import ClientCredentials, ClientSecretBasic, KeyManagerUnavailable, PrivateKeyJwt
from tests.fakes import SUFFIX, WAIT_S, HeldTransport, in_threads, metadata
from tests.introspecting.asking_bearer import POST, bearers, grant, in_turn, obtaining
from tests.introspecting.asking_helpers import ACTIVE, ENDPOINT, FORM, SECRET, TOKEN, TOKENS, Asker, form_of, header_of
from tests.introspecting.asking_helpers import said as answered
from tests.signing import ABSENT, ISSUER, private_key

NO = answered({"error": "invalid_token"}, 401)


def test_it_is_obtained_once_and_sent_with_each_request():
    """The token is obtained by a form of RFC 6749 and then sent in the header, the client's secret no further."""
    asker = obtaining(scope="introspect b")
    first, second = asker.asked()
    assert (first.method, first.url, first.headers) == (
        "POST",
        TOKENS,
        {"accept": "application/json", "content-type": FORM},
    )
    assert form_of(first) == {
        "grant_type": "client_credentials",
        "scope": "introspect b",
        "client_id": "shop",
        "client_secret": SECRET,
    }
    assert form_of(second) == {"token": TOKEN, "token_type_hint": "access_token"}
    assert second.headers == {"authorization": "Bearer at-1", "accept": "application/json", "content-type": FORM}
    assert asker.urls() == [ENDPOINT]


def test_the_client_says_who_it_is_in_its_own_way():
    """At the token endpoint, too, a client uses the authentication that it has, with assertions for the issuer."""
    asker = obtaining(client=ClientSecretBasic("shop", "a:b"))
    credentials = base64.b64encode(b"shop:a%3Ab").decode()
    first = asker.asked()[0]
    assert (header_of(first, "authorization"), form_of(first)) == (
        f"Basic {credentials}",
        {"grant_type": "client_credentials"},
    )
    pem = private_key("P-256").private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    form = form_of(obtaining(client=PrivateKeyJwt("shop", pem)).asked()[0])
    claims = json.loads(base64.urlsafe_b64decode(form["client_assertion"].split(".")[1] + "=="))
    assert (claims["aud"], form["grant_type"]) == (ISSUER, "client_credentials")


LIVES = [
    (1000, 800),
    (0.5, 0.4),
    (1, 0.8),
    (10**30, 69_120),
    (1e300, 69_120),
    (86_400 * 365, 69_120),
    (2**63 - 1, 69_120),
    (ABSENT, 48),
    (None, 48),
    ("1000", 48),
    (True, 48),
    ([], 48),
    (0, 48),
    (-1, 48),
    (-(10**30), 48),
]


@pytest.mark.parametrize(("expires_in", "due_s"), LIVES, ids=repr)
def test_it_is_renewed_before_it_expires(expires_in, due_s):
    """After four fifths of its life a token is renewed; it lives a day at most, a minute if nothing usable is said."""
    asker = obtaining(in_turn(grant(expires_in=expires_in), grant("at-2")))
    asker.ask()
    asker.clock.pass_s(due_s - 0.01)
    assert asker.urls() == [ENDPOINT]
    asker.clock.pass_s(0.01)
    assert asker.urls() == [TOKENS, ENDPOINT]
    assert bearers(asker) == ["at-1", "at-1", "at-2"]


@pytest.mark.parametrize("failure", [OSError(), answered({}, 500), grant(""), None], ids=repr)
def test_one_that_cannot_be_renewed_is_used_until_it_expires(failure):
    """While no other one can be had the token is used for the rest of its life, and renewing is tried now and then."""
    asker = obtaining(in_turn(grant(), failure))
    asker.ask()
    asker.clock.pass_s(800)
    assert asker.urls() == [TOKENS, ENDPOINT]
    asker.clock.pass_s(9.9)
    assert asker.urls() == [ENDPOINT]
    asker.clock.pass_s(0.1)
    assert asker.urls() == [TOKENS, ENDPOINT]
    assert set(bearers(asker)) == {"at-1"}
    asker.clock.pass_s(190)
    assert asker.urls() == [TOKENS]
    asker.answers[TOKENS] = grant("at-2")
    asker.ask()
    assert bearers(asker)[-1] == "at-2"


def test_renewing_leaves_time_to_ask():
    """A token endpoint that hangs while the token is still good takes half the time."""
    asker = obtaining()
    asker.ask()
    asker.answers[TOKENS] = asker.slow()
    asker.clock.pass_s(800)
    assert [(request.url, request.deadline_s) for request in asker.asked()] == [(TOKENS, 2.5), (ENDPOINT, 2.5)]


def test_a_token_endpoint_that_wants_to_be_left_alone_is():
    """Retry-After puts off renewing, and without a token it reaches whoever asks."""
    busy = answered({}, 429, retry_after="40")
    asker = obtaining(in_turn(grant(), busy))
    asker.ask()
    asker.clock.pass_s(800)
    assert asker.urls() == [TOKENS, ENDPOINT]
    asker.clock.pass_s(39.9)
    assert asker.urls() == [ENDPOINT]
    asker.clock.pass_s(0.1)
    assert asker.urls() == [TOKENS, ENDPOINT]
    flaw = obtaining(busy).outage()
    assert (flaw.why, flaw.is_outage, flaw.wait_s) == ("token endpoint: status 429", True, 40.0)


@pytest.mark.parametrize("status", [401, 403])
def test_one_that_is_refused_is_renewed_once(status):
    """A token that the endpoint refuses is renewed at once, and the same question is asked again."""
    asker = obtaining(in_turn(grant(), grant("at-2")))
    asker.ask()
    asker.clock.pass_s(10)
    asker.answers[ENDPOINT] = in_turn(answered({}, status), answered(ACTIVE))
    assert asker.ask() == ACTIVE
    assert bearers(asker) == ["at-1", "at-1", "at-2"]
    assert form_of(asker.transport.requests[-1])["token"] == TOKEN


def test_one_that_is_refused_again_is_an_outage():
    """If the new token is refused, too, it is an outage, and no third one is obtained for that question."""
    asker = obtaining(in_turn(grant(), grant("at-2")))
    asker.ask()
    asker.clock.pass_s(10)
    asker.answers[ENDPOINT] = NO
    flaw = asker.outage()
    assert (flaw.why, flaw.is_outage) == ("introspection endpoint: status 401", True)
    assert bearers(asker) == ["at-1", "at-1", "at-2"]
    assert asker.transport.hits[TOKENS] == 2


def test_one_that_was_just_obtained_is_not_renewed():
    """A token that is refused within ten seconds is no worse than the next one: the token endpoint is left alone."""
    asker = obtaining(in_turn(grant(), grant("at-2")))
    asker.answers[ENDPOINT] = NO
    assert asker.urls() == [TOKENS, ENDPOINT]
    asker.clock.pass_s(9.9)
    assert asker.urls() == [ENDPOINT]
    asker.clock.pass_s(0.1)
    assert asker.urls() == [ENDPOINT, TOKENS, ENDPOINT]


@pytest.mark.parametrize("status", [400, 404, 500])
def test_other_answers_renew_nothing(status):
    """Nothing but a refusal of the client is a reason to renew."""
    asker = obtaining()
    asker.ask()
    asker.clock.pass_s(20)
    asker.answers[ENDPOINT] = answered({}, status)
    assert asker.urls() == [ENDPOINT]


def test_clients_of_other_kinds_renew_nothing():
    """A client that has no token of its own is refused once."""
    asker = Asker({ENDPOINT: NO}, client=POST)
    assert asker.urls() == [ENDPOINT]


def refused_meanwhile(asker, meanwhile):
    """Return an answer that refuses ``at-1`` once *meanwhile* was done, and finds good whatever comes with another."""

    def answer():
        if header_of(asker.transport.requests[-1], "authorization") != "Bearer at-1":
            return answered(ACTIVE)
        if meanwhile:
            meanwhile.pop()()
        return NO

    return answer


def test_many_that_are_refused_share_the_new_one():
    """Calls that were refused with the old token while somebody renewed it are asked again with the new one."""
    asker = obtaining(in_turn(grant(), grant("at-2")))
    asker.ask()
    asker.clock.pass_s(10)
    asker.answers[ENDPOINT] = refused_meanwhile(asker, [asker.ask] * 5)
    assert asker.ask() == ACTIVE
    assert asker.transport.hits[TOKENS] == 2
    assert bearers(asker) == ["at-1"] * 7 + ["at-2"] * 6


def test_one_that_somebody_else_could_not_renew_is_tried_again():
    """A call that was refused while somebody else failed to renew the token obtains one itself."""
    asker = obtaining(in_turn(grant(), OSError(), grant("at-2")))
    asker.ask()
    asker.clock.pass_s(10)
    asker.answers[ENDPOINT] = refused_meanwhile(asker, [asker.outage])
    assert asker.ask() == ACTIVE
    assert bearers(asker) == ["at-1", "at-1", "at-1", "at-2"]


def test_whoever_needs_it_at_the_same_time_shares_one_request():
    """Eight callers at once obtain one token."""
    asker = obtaining(transport=HeldTransport({TOKENS: grant(), ENDPOINT: answered(ACTIVE)}))
    threads = in_threads(8, asker.ask)
    for _ in threads:
        assert asker.ports.waiting.acquire(timeout=WAIT_S)
    asker.transport.let_go.set()
    for thread in threads:
        thread.join(WAIT_S)
    assert asker.transport.hits == {TOKENS: 1, ENDPOINT: 8}


def test_a_token_endpoint_that_fails_is_not_held_against_the_others():
    """Without a token no introspection endpoint is asked or blamed, and the token endpoint is asked once."""
    other = ENDPOINT + "2"
    asker = obtaining(OSError(), endpoint=(ENDPOINT, other))
    assert asker.urls() == [TOKENS]
    asker.answers |= {TOKENS: grant(), ENDPOINT: KeyManagerUnavailable("reset"), other: answered(ACTIVE)}
    assert asker.urls() == [TOKENS, ENDPOINT, other]


def test_everything_together_keeps_the_deadline():
    """Looking the token endpoint up, obtaining the token and asking share one deadline."""
    asker = Asker({ENDPOINT: answered(ACTIVE)}, client=ClientCredentials(POST))
    asker.answers[SUFFIX] = asker.slow(2.0, answered(metadata(token_endpoint=TOKENS)))
    asker.answers[TOKENS] = asker.slow(1.0, grant())
    expected = [(SUFFIX, 5.0), (TOKENS, 3.0), (ENDPOINT, 2.0)]
    assert [(request.url, request.deadline_s) for request in asker.asked()] == expected
    hanging = obtaining(endpoint=(ENDPOINT, ENDPOINT + "2"))
    hanging.answers[TOKENS] = hanging.slow()
    began = hanging.clock.now
    assert hanging.urls() == [TOKENS]
    assert hanging.clock.now - began == 5.0


def test_no_repr_shows_it():
    """Neither what asks nor the requests that are sent show the token."""
    asker = obtaining()
    asker.ask()
    bearer = asker.client._bearer
    shown = [bearer, vars(bearer), bearer._held, asker.transport.requests]
    assert [text for text in map(repr, shown) if "at-1" in text] == []
