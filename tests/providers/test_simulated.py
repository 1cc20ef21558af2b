"""`kmvalidate.testing.SimulatedProvider`: what it answers and signs, and how it fails; in process and over HTTP."""

import base64
import http.client
import json
import socket
import threading

import pytest

from kmvalidate import (
    ConfigurationError,
    HttpRequest,
    KeyManagerRegistry,
    KeyManagerUnavailable,
    Network,
    TokenValidator,
)
from kmvalidate.testing import FAULTS, SigningKey, SimulatedNetwork, SimulatedProvider, VirtualClock
from kmvalidate.testing._kinds import oidc
from tests.signing import reason

DISCOVERY = "/.well-known/openid-configuration"
DAY_S = 86_400


@pytest.fixture
def idp():
    """A provider in process whose keys take no time to make."""
    return SimulatedProvider("oidc", algorithms=("ES256", "EdDSA"))


@pytest.fixture(params=[False, True], ids=["in process", "over HTTP"])
def each(request):
    """A provider in process, and one over HTTP that sees the time of the first."""
    with SimulatedProvider("oidc", algorithms=("ES256",), http=request.param, clock=VirtualClock()) as made:
        yield made


def get(idp, path):
    """Return the status and the body of an answer in process."""
    answer = idp.send(HttpRequest(url=idp.base + path, deadline_s=1.0, max_bytes=9999, network=Network()))
    return answer.status, answer.body


def parts(token):
    """Return the header and the claims of a token."""
    return [json.loads(base64.urlsafe_b64decode(segment + "==")) for segment in token.split(".")[:2]]


def kids(idp):
    return [key["kid"] for key in json.loads(get(idp, "/jwks")[1])["keys"]]


def told(validator, token):
    """Return what becomes of a token: the name of a reason, GOOD or unavailable."""
    try:
        return reason(validator.authenticate, token)
    except KeyManagerUnavailable:
        return "unavailable"


def test_there_are_kinds_by_name():
    """The kinds are listed by name, and another name is a ConfigurationError that lists them."""
    assert {"keycloak", "oidc", "okta", "entra_id"} <= set(SimulatedProvider.kinds())
    with pytest.raises(ConfigurationError, match=r"keycloak.*oidc"):
        SimulatedProvider("keyclock")


def test_a_kind_may_be_ones_own():
    """A kind that is given is played as it is."""
    assert SimulatedProvider(oidc.KIND).issuer == "https://idp.example"


def test_its_documents_are_those_of_its_specification(idp):
    """Discovery names the issuer and the keys, one for each algorithm; all else is not there."""
    status, body = get(idp, DISCOVERY)
    document = json.loads(body)
    assert (status, document["issuer"], document["jwks_uri"]) == (200, idp.issuer, f"{idp.base}/jwks")
    assert document["id_token_signing_alg_values_supported"] == ["ES256", "EdDSA"]
    keys = json.loads(get(idp, "/jwks")[1])["keys"]
    assert [(key["alg"], "d" in key) for key in keys] == [("ES256", False), ("EdDSA", False)]
    assert get(idp, "/nothing")[0] == 404


def test_hits_are_counted_by_path_and_handed_out_as_a_copy(each):
    """Each request counts under its path, and counters that were handed out change nothing."""
    validator = each.validator()
    for _ in range(3):
        assert told(validator, each.token()) == "GOOD"
    assert each.hits == {DISCOVERY: 1, "/jwks": 1}
    each.hits["/jwks"] += 5
    assert each.hits["/jwks"] == 1


def test_a_token_is_what_was_wished_for(idp):
    """Scopes, roles, subject, client, audience and lifetime are those that were asked for."""
    wishes = {"scopes": {"b", "a"}, "roles": ["chef"], "subject": "bob", "client_id": "till", "audience": ["x", "y"]}
    header, claims = parts(idp.token(**wishes, expires_in_s=60))
    assert header == {"typ": "at+jwt", "alg": "ES256", "kid": "ES256-1"}
    assert (claims["scope"], claims["roles"], claims["sub"], claims["client_id"]) == ("a b", ["chef"], "bob", "till")
    assert (claims["aud"], claims["exp"] - claims["iat"]) == (["x", "y"], 60)
    assert claims["iat"] == int(idp.clock.wall())
    assert parts(idp.token(application=True, client_id="till"))[1]["sub"] == "till"
    assert parts(idp.token())[1]["aud"] == "orders"
    assert len({parts(idp.token())[1]["jti"] for _ in range(5)}) == 5


def test_an_expired_token_was_issued_before_it_expired(idp):
    """A negative lifetime makes a token that is plausible in all but its age."""
    claims = parts(idp.token(expires_in_s=-100))[1]
    assert claims["iat"] < claims["exp"] == int(idp.clock.wall()) - 100
    assert told(idp.validator(), idp.token(expires_in_s=-100)) == "EXPIRED"


def test_claims_and_header_parameters_can_be_set_and_left_out(idp):
    """What a test asks for replaces what the provider would write, hostile values included, and None leaves it out."""
    header, claims = parts(idp.token(header={"typ": None, "x": 1}, claims={"sub": ["a"], "scope": None, "tid": {}}))
    assert header == {"alg": "ES256", "kid": "ES256-1", "x": 1}
    assert (claims["sub"], claims["tid"], "scope" in claims) == (["a"], {}, False)
    assert told(idp.validator(), idp.token(claims={"exp": "x"})) == "INVALID_CLAIM"


def test_a_token_can_be_signed_by_others(idp):
    """A stranger's key, a secret, another algorithm of the provider and none at all sign what is asked for."""
    check = idp.validator()
    assert told(check, idp.token(key=SigningKey.make("ES256", "x"))) == "BAD_SIGNATURE"
    assert told(check, idp.token(header={"alg": "HS256"}, key=b"secret")) == "ALGORITHM_NOT_ALLOWED"
    assert told(check, idp.token(header={"alg": "none"})) == "ALGORITHM_NOT_ALLOWED"
    assert idp.token(header={"alg": "none"}).endswith(".")
    assert told(check, idp.token(header={"alg": "EdDSA", "kid": "EdDSA-1"})) == "GOOD"


def test_look_alikes_have_names(each):
    """Each look-alike is signed by the provider and refused for its kind, in every version; other names are errors."""
    validator = each.validator()
    assert each.look_alikes == ("ID token", "refresh token")
    for name in each.look_alikes:
        assert told(validator, each.look_alike(name, subject="bob")) == "WRONG_TOKEN_KIND"
    assert parts(each.look_alike("ID token", subject="bob"))[1]["sub"] == "bob"
    with pytest.raises(ConfigurationError, match=r"ID token, refresh token"):
        each.look_alike("id token")


@pytest.mark.parametrize(
    "wrong",
    [
        lambda idp: idp.token(version="9"),
        lambda idp: idp.look_alike("ID token", version="9"),
        lambda idp: idp.token(header={"alg": "RS256"}),
        lambda idp: idp.fail("sulks"),
        lambda idp: idp.fail(""),
        lambda _: SimulatedProvider("oidc", algorithms=()),
        lambda _: SimulatedProvider("oidc", algorithms=("HS256",)),
        lambda _: SimulatedProvider(""),
    ],
    ids=["version", "look-alike's", "alg", "fault", "no fault", "no algorithm", "secret", "kind"],
)
def test_what_it_has_not_is_a_configuration_error(idp, wrong):
    """A version, fault, kind or algorithm that is not there is an error, never something else instead."""
    with pytest.raises(ConfigurationError):
        wrong(idp)


def test_a_wish_that_is_misspelt_is_told(idp):
    """A wish that nobody knows is a TypeError, as for any function."""
    with pytest.raises(TypeError, match="scope"):
        idp.token(scope="a")


def test_rotation_with_overlap_keeps_old_keys(each):
    """Keys that overlap are published together, the newest first, and tokens of both are accepted."""
    validator, old = each.validator(), each.token(expires_in_s=DAY_S)
    assert told(validator, old) == "GOOD"
    each.rotate()
    if each.base == each.kind.home:
        assert kids(each) == ["ES256-2", "ES256-1"]
    assert [told(each.validator(), token) for token in (each.token(), old)] == ["GOOD", "GOOD"]
    assert parts(each.token())[0]["kid"] == "ES256-2"


def test_rotation_without_overlap_drops_old_keys(each):
    """Old keys that do not overlap are gone, and a new validator refuses their tokens."""
    old = each.token(expires_in_s=DAY_S)
    each.rotate(overlap=False)
    assert [told(each.validator(), token) for token in (each.token(), old)] == ["GOOD", "UNKNOWN_KEY"]


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_an_outage_until_it_is_over(each, fault):
    """However it fails, nobody can tell whether a token is good, known keys serve on, and all is well afterwards."""
    known, token = each.validator(), each.token()
    assert told(known, token) == "GOOD"
    each.fail(fault)
    assert (told(each.validator(), token), told(known, token)) == ("unavailable", "GOOD")
    each.recover()
    assert told(each.validator(), token) == "GOOD"


def test_a_fault_replaces_the_one_before(idp):
    """Only the last fault counts, and recovering twice does nothing."""
    idp.fail("down")
    idp.fail("busy")
    assert get(idp, "/jwks")[0] == 429
    idp.recover()
    idp.recover()
    assert get(idp, "/jwks")[0] == 200


@pytest.mark.parametrize(
    "url", ["https://other.example/jwks", "http://idp.example/jwks", "https://idp.example:8443/jwks"]
)
def test_nobody_is_elsewhere(idp, url):
    """A request for another scheme, host or port is answered by nobody and counts for nobody."""
    with pytest.raises(KeyManagerUnavailable, match="nobody answers"):
        idp.send(HttpRequest(url=url, deadline_s=1.0, max_bytes=9999, network=Network()))
    assert not idp.hits


def test_in_process_there_is_no_socket_and_no_thread(monkeypatch):
    """A provider in process, its validator and an outage open no socket and start no server."""

    def refuse(*_, **__):
        raise AssertionError("a socket")

    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(socket, "create_connection", refuse)
    before = set(threading.enumerate())
    idp = SimulatedProvider("oidc", algorithms=("ES256",))
    assert set(threading.enumerate()) == before
    validator = idp.validator()
    assert told(validator, idp.token()) == "GOOD"
    idp.fail("down")
    assert told(idp.validator(), idp.token()) == "unavailable"
    idp.close()
    assert told(validator, idp.token()) == "GOOD"


def test_over_http_it_is_a_server_until_it_is_closed():
    """Over HTTP it listens on the loopback interface, and once closed leaves no thread and no port behind."""
    before = set(threading.enumerate())
    idp = SimulatedProvider("oidc", algorithms=("ES256",), http=True)
    host, port = idp.base.removeprefix("http://").split(":")
    assert (host, idp.issuer) == ("127.0.0.1", idp.base)
    connection = http.client.HTTPConnection(host, int(port), timeout=10)
    connection.request("GET", DISCOVERY + "?x=1")
    assert json.loads(connection.getresponse().read())["issuer"] == idp.issuer
    connection.close()
    idp.close()
    idp.close()
    assert set(threading.enumerate()) <= before
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((host, int(port)), timeout=5)
    assert idp.token().count(".") == 2


def test_several_are_reached_in_process():
    """One transport reaches each provider where it is, takes one down alone, and knows nobody else."""
    clock = VirtualClock()
    first = SimulatedProvider("oidc", algorithms=("ES256",), clock=clock)
    second = SimulatedProvider("keycloak", algorithms=("ES256",), clock=clock)
    transport = SimulatedNetwork(first, second)
    managers = [first.key_manager(), second.key_manager()]
    validator = TokenValidator(KeyManagerRegistry(managers, transport=transport, clock=clock))
    second.fail("down")
    assert [told(validator, idp.token()) for idp in (first, second)] == ["GOOD", "unavailable"]
    second.recover()
    clock.advance(60)
    assert [told(validator, idp.token()) for idp in (first, second)] == ["GOOD", "GOOD"]
    with pytest.raises(KeyManagerUnavailable, match="nobody answers"):
        transport.send(HttpRequest(url="https://x.example/jwks", deadline_s=1.0, max_bytes=9999, network=Network()))


def test_time_passes_when_it_is_told_to():
    """A virtual clock stands still, moves by what it is told, and never goes back."""
    clock = VirtualClock(wall=1000)
    assert (clock.wall(), clock.monotonic(), clock.wall()) == (1000, 0, 1000)
    clock.advance(1.5)
    clock.advance(0)
    assert (clock.wall(), clock.monotonic()) == (1001.5, 1.5)
    with pytest.raises(ConfigurationError, match="back"):
        clock.advance(-0.1)
    assert clock.monotonic() == 1.5
    idp = SimulatedProvider("oidc", algorithms=("ES256",), clock=clock)
    token, validator = idp.token(expires_in_s=60), idp.validator(leeway_s=0)
    clock.advance(59)
    assert told(validator, token) == "GOOD"
    clock.advance(1)
    assert told(validator, token) == "EXPIRED"


def test_its_key_managers_take_what_the_provider_takes(idp):
    """Arguments of the provider are passed on, and the audience is the provider's unless another is said."""
    made = idp.key_manager(name="Mine", leeway_s=5, any_role="a")
    assert (made.name, made.leeway_s, made.any_role, made.audience) == ("Mine", 5, {"a"}, {"orders"})
    assert idp.key_manager(audience="x").audience == {"x"}
    several = SimulatedProvider("oidc", algorithms=("ES256",), audience=("a", "b"))
    assert several.key_manager().audience == {"a", "b"}
    assert parts(several.token())[1]["aud"] == ["a", "b"]
