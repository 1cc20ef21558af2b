"""The servers of the end-to-end tests introspect as the tests of the package rely on; asked over plain HTTP."""

import base64
from concurrent.futures import ThreadPoolExecutor

import attrs
import jwt
import pytest
import requests

from tests.e2e import clients
from tests.e2e.django_toolkit.service import DjangoToolkit
from tests.e2e.gateway import claims_of, eventually, header_of
from tests.e2e.opaque import (
    ENDPOINT,
    RESOURCE,
    SIGNED_TYPE,
    basic,
    client_of,
    introspect,
    introspect_raw,
    opaque_token,
    plant,
    refresh_token,
    revoke,
    token_for_no_resource,
    user_token,
)
from tests.e2e.provider import Issuer, Provider

pytestmark = pytest.mark.e2e

EVERYWHERE = [*clients.SECRETS, *clients.ASSERTING.values()]
WITH_CERTIFICATES = ["rs-mtls", "rs-mtls-self"]


@pytest.mark.parametrize("client", EVERYWHERE)
def test_every_client(issuer: Issuer, client: str) -> None:
    """Each client introspects a token of another, in the way that is its own, at both ports."""
    token = opaque_token(issuer, scope="read write", ttl_s=200)
    for second in (False, True):
        said = introspect(issuer, token, client=client, second=second)
        assert said["exp"] == said["iat"] + 200
        assert {"active": True, "client_id": "m2m", "scope": "read write", "iss": issuer.url}.items() <= said.items()
        assert said["aud"] == f"{RESOURCE}:ttl200"
        assert said["token_type"] == "Bearer"


@pytest.mark.parametrize("client", [*EVERYWHERE, *WITH_CERTIFICATES])
def test_every_client_over_tls(tls: Issuer, client: str) -> None:
    """Each client introspects over TLS, the ones with certificates included, also at the endpoint for those."""
    token = opaque_token(tls)
    assert introspect(tls, token, client=client)["active"] is True
    assert introspect(tls, token, client=client, second=True)["active"] is True
    aliases = tls.get("/.well-known/openid-configuration")["mtls_endpoint_aliases"]
    assert aliases["introspection_endpoint"] == tls.second_url + ENDPOINT


@pytest.mark.parametrize("client", EVERYWHERE)
def test_wrong_client(root: Issuer, client: str) -> None:
    """Who shows a wrong secret, or signs with the key of another client, is answered 401."""
    right = client_of(root, client)
    other = client_of(root, clients.ASSERTING["ES256" if "rs256" in client else "RS256"])
    wrong = attrs.evolve(right, secret=right.secret and "wrong", jwk_file=right.jwk_file and other.jwk_file)
    answer = introspect_raw(root, opaque_token(root), client=wrong)
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


def test_secret_not_form_encoded(root: Issuer) -> None:
    """A secret with odd characters does not pass when it is not form-encoded."""
    plain = base64.b64encode(f"{clients.ODD_ID}:{clients.ODD_SECRET}".encode()).decode()
    headers = {"Authorization": f"Basic {plain}"}
    answer = root.http.post(root.url + ENDPOINT, data={"token": "t"}, headers=headers, timeout=30)
    assert answer.status_code in {400, 401}


@pytest.mark.parametrize("client", WITH_CERTIFICATES)
@pytest.mark.parametrize("shown", ["none", "of another"])
def test_wrong_certificate(tls: Issuer, client: str, shown: str) -> None:
    """Who shows no certificate, or that of another client, is answered 401."""
    certificate = {"none": None, "of another": tls.certificates.client}[shown]
    wrong = attrs.evolve(client_of(tls, client), certificate=certificate)
    assert introspect_raw(tls, opaque_token(tls), client=wrong).status_code == 401


@pytest.mark.parametrize("algorithm", clients.SIGNED)
def test_signed_answers(issuer: Issuer, algorithm: str) -> None:
    """A signed answer is of its own type, is for the client that asked, and verifies with the published keys."""
    client, token = clients.SIGNED[algorithm], opaque_token(issuer)
    answer = introspect_raw(issuer, token, client=client, accept=SIGNED_TYPE)
    assert answer.headers["content-type"].partition(";")[0] == SIGNED_TYPE
    assert (header_of(answer.text)["alg"], header_of(answer.text)["typ"]) == (algorithm, "token-introspection+jwt")
    key = jwt.PyJWKSet.from_dict(issuer.get("/jwks"))[header_of(answer.text)["kid"]].key
    verified = jwt.decode(answer.text, key, algorithms=[algorithm], issuer=issuer.url, audience=client)
    assert verified["token_introspection"] == introspect(issuer, token)


@pytest.mark.parametrize("algorithm", clients.SIGNED)
def test_signed_inactive(root: Issuer, algorithm: str) -> None:
    """A signed answer about an unknown token says inactive and nothing else."""
    answer = introspect_raw(root, "unknown", client=clients.SIGNED[algorithm], accept=SIGNED_TYPE)
    assert claims_of(answer.text)["token_introspection"] == {"active": False}


def test_signed_answers_after_a_rotation(root: Issuer) -> None:
    """After a rotation answers are signed with a new key."""
    asked = {"client": clients.SIGNED["ES256"], "accept": SIGNED_TYPE}
    before = introspect_raw(root, "unknown", **asked)
    root.rotate(keep_old=False)
    after = introspect_raw(root, "unknown", **asked)
    assert header_of(before.text)["kid"] != header_of(after.text)["kid"]


@pytest.mark.parametrize("ended", [revoke, Issuer.expire], ids=["revoked", "expired"])
def test_over(issuer: Issuer, ended) -> None:
    """A token that was revoked, or whose time is over, is inactive."""
    token = opaque_token(issuer)
    assert introspect(issuer, token)["active"] is True
    ended(issuer, token)
    assert introspect(issuer, token) == {"active": False}


def test_a_users_token(issuer: Issuer) -> None:
    """The answer about a user's token names the user and the client, and can be over like any other."""
    token = user_token(issuer, sub="bob", scope="read write")
    said = introspect(issuer, token)
    assert (said["sub"], said["client_id"], said["aud"]) == ("bob", "web", RESOURCE)
    revoke(issuer, token, client="web")
    assert introspect(issuer, token) == {"active": False}


def test_no_resource(issuer: Issuer) -> None:
    """A token that was asked for no resource is opaque, and its answer has no audience."""
    for token in (token_for_no_resource(issuer), issuer.user_token(None)):
        said = introspect(issuer, token)
        assert said["active"] is True
        assert "." not in token
        assert "aud" not in said


def test_a_planted_token(issuer: Issuer) -> None:
    """A value can be inactive first and active later."""
    value = f"planted-{issuer.name}-{issuer.url.rpartition(':')[2].replace('/', '-')}"
    assert introspect(issuer, value) == {"active": False}
    assert plant(issuer, value) == value
    assert introspect(issuer, value)["active"] is True
    issuer.expire(value)
    assert introspect(issuer, value) == {"active": False}


def test_refresh_token(issuer: Issuer) -> None:
    """A refresh token is active too, and its answer has no token type."""
    said = introspect(issuer, refresh_token(issuer))
    assert (said["active"], said["sub"], "token_type" in said) == (True, "alice", False)


def test_a_jwt(issuer: Issuer) -> None:
    """A JWT of its own is not introspected."""
    answer = introspect_raw(issuer, issuer.token("ES256"))
    assert (answer.status_code, answer.json()["error"]) == (400, "unsupported_token_type")


def test_requests_seen(root: Issuer) -> None:
    """What was asked can be counted and looked at, for each port."""
    for second in (False, True, True):
        introspect(root, "unknown", client="rs-post", second=second)
    assert (root.hits(ENDPOINT), root.hits(f"second POST {ENDPOINT}")) == (3, 2)
    assert [request["port"] for request in root.requests(ENDPOINT)] == ["first", "second", "second"]
    assert all("authorization" not in request["headers"] for request in root.requests(ENDPOINT))


def test_faults(issuer: Issuer) -> None:
    """The endpoint can answer what it is told to."""
    issuer.fault(ENDPOINT, status=503, body="{}", times=1)
    issuer.fault(ENDPOINT, status=200, body="<html>", headers={"content-type": "text/html"}, times=1)
    issuer.fault(ENDPOINT, delay_ms=1, times=1)
    answers = [introspect_raw(issuer, "unknown") for _ in range(4)]
    assert [answer.status_code for answer in answers] == [503, 200, 200, 200]
    assert answers[1].headers["content-type"] == "text/html"
    assert answers[2].json() == answers[3].json() == {"active": False}


@pytest.mark.parametrize("fault", [{"hangup": True}, {"cut": 5}], ids=["hang-up", "cut"])
def test_one_port_fails(issuer: Issuer, fault: dict) -> None:
    """One port can hang up, at once or within the body, while the other goes on."""
    issuer.fault(ENDPOINT, port="first", **fault)
    with pytest.raises((requests.ConnectionError, requests.exceptions.ChunkedEncodingError)):
        introspect_raw(issuer, "unknown")
    assert introspect(issuer, "unknown", second=True) == {"active": False}


def test_dies_while_asked(root: Issuer) -> None:
    """A port can die while it is being asked."""
    root.fault(ENDPOINT, port="first", hold=True, hangup=True)
    with ThreadPoolExecutor() as pool:
        asked = pool.submit(introspect_raw, root, "unknown")
        eventually(lambda: root.hits(ENDPOINT) == 1)
        assert introspect(root, "unknown", second=True) == {"active": False}
        assert root.release() == 1
        with pytest.raises(requests.ConnectionError):
            asked.result()


def test_all_issuers_are_strangers(provider: Provider) -> None:
    """A token of one issuer is unknown to the others."""
    token = opaque_token(provider.issuers["root"])
    assert {name: introspect(issuer, token)["active"] for name, issuer in provider.issuers.items()} == {
        "root": True,
        "path": False,
        "tls": False,
    }


@pytest.mark.parametrize("client", ["rs", "rs-odd"])
def test_django_basic(django: DjangoToolkit, client: str) -> None:
    """A client introspects with its form-encoded secret; the answer has neither issuer nor token type."""
    answer = django.introspect_raw(django.token(scope="read write"), django.basic(client))
    said = answer.json()
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    assert {"active": True, "client_id": "m2m", "scope": "read write"}.items() <= said.items()
    assert {"iss", "token_type", "sub"}.isdisjoint(said)
    assert django.hits("/o/introspect/") == 1


def test_django_bearer(django: DjangoToolkit) -> None:
    """A token with the scope introspection opens the endpoint."""
    bearer = f"Bearer {django.token('rs', scope='introspection')}"
    said = django.introspect_raw(django.user_tokens("read")["access_token"], bearer).json()
    assert (said["active"], said["username"], said["client_id"]) == (True, "alice", "ropc")


def test_django_metadata(django: DjangoToolkit) -> None:
    """The server names its introspection endpoint where RFC 8414 looks for it."""
    host, path = django.issuer.removesuffix("/o"), django.issuer.rpartition("/")[2]
    told = django.http.get(f"{host}/.well-known/oauth-authorization-server/{path}", timeout=30).json()
    assert (told["issuer"], told["introspection_endpoint"]) == (django.issuer, django.introspection_endpoint)
    assert told["token_endpoint"] == django.token_endpoint


@pytest.mark.parametrize("how", ["secret", "bearer", "scope"])
def test_django_wrong_client(django: DjangoToolkit, how: str) -> None:
    """Who shows a wrong secret, a wrong token or one without the scope is answered 403."""
    token = django.token()
    shown = {"secret": basic("rs", "rs-secret-012345678"), "bearer": "Bearer wrong", "scope": f"Bearer {token}"}[how]
    assert django.introspect_raw(token, shown).status_code == 403


@pytest.mark.parametrize("ended", [DjangoToolkit.revoke, DjangoToolkit.expire], ids=["revoked", "expired"])
def test_django_over(django: DjangoToolkit, ended) -> None:
    """A token that was revoked, or whose time is over, is inactive."""
    token, shown = django.token(), django.basic("rs")
    assert django.introspect_raw(token, shown).json()["active"] is True
    ended(django, token)
    assert django.introspect_raw(token, shown).json() == {"active": False}
