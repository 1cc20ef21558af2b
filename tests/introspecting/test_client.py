"""What an introspection endpoint is asked, by whom, and how: RFC 7662 section 2.1."""

import base64
import json
import logging
import pickle
import traceback

import attrs
import pytest
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from kmvalidate import (
    BearerToken,
    ClientSecretBasic,
    ClientSecretPost,
    KeyManagerUnavailable,
    Network,
    PrivateKeyJwt,
    TlsClientAuth,
    UserCredentials,
)
from kmvalidate.client_auth import ASSERTION_TYPE, PublicClient
from kmvalidate.introspecting._signed import ANSWER_TYPE
from tests.introspecting.asking_helpers import ACTIVE, ENDPOINT, FORM, SECRET, TOKEN, Asker, Gateway, form_of, said
from tests.signing import ISSUER, NOW, private_key

HINT = {"token_type_hint": "access_token"}


def basic(pair):
    return "Basic " + base64.b64encode(pair.encode()).decode()


def request_of(**configuration):
    """Return the one request that asking makes."""
    asker = Asker(**configuration)
    assert asker.ask() == ACTIVE
    (request,) = asker.transport.requests
    return request


def assertion_of(request):
    """Return header and claims of a client's assertion, whose signature is good."""
    form = form_of(request)
    assert form["client_assertion_type"] == ASSERTION_TYPE
    signed, _, signature = form["client_assertion"].rpartition(".")
    raw = base64.urlsafe_b64decode(signature + "==")
    r, s = (int.from_bytes(half) for half in (raw[:32], raw[32:]))
    private_key("P-256", "client").public_key().verify(encode_dss_signature(r, s), signed.encode(), ECDSA(SHA256()))
    return [json.loads(base64.urlsafe_b64decode(part + "==")) for part in signed.split(".")]


def key_pem():
    return private_key("P-256", "client").private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def test_the_request_is_a_form_with_the_token_in_its_body():
    """One POST of a form goes to the endpoint, with the token in the body alone and nothing in it twice."""
    request = request_of(max_bytes=5000, deadline_s=3)
    assert (request.method, request.url, request.deadline_s, request.max_bytes) == ("POST", ENDPOINT, 3, 5000)
    assert form_of(request) == {"token": TOKEN} | HINT
    credentials = basic("gateway:h%21dden+Pa55%26word")
    assert request.headers == {"Authorization": credentials, "accept": "application/json", "content-type": FORM}
    assert TOKEN not in request.url + repr(request.headers) + repr(request)


@pytest.mark.parametrize("token", ["a", "a+b/c==", "x=1&active=true&token=y", "%41%26", "~" * 5000], ids=len)
def test_a_token_arrives_as_it_is(token):
    """Whatever characters a token has, the endpoint reads that token and no further member."""
    asker = Asker()
    asker.ask(token)
    assert form_of(asker.transport.requests[0]) == {"token": token} | HINT


def test_the_hint_and_further_parameters():
    """The hint is another or none, and parameters of one's own are sent beside it, form-encoded."""
    form = form_of(request_of(token_type_hint="urn:x y", parameters={"organization": "a&b", "resource": "\u00fc"}))
    assert form == {"token": TOKEN, "token_type_hint": "urn:x y", "organization": "a&b", "resource": "\u00fc"}
    assert form_of(request_of(token_type_hint=None)) == {"token": TOKEN}


def test_a_signed_answer_is_asked_for_by_its_media_type():
    """Where answers are signed that one type is asked for, and JSON is no answer."""
    asker = Asker(signed=True)
    assert f"its answer is not application/{ANSWER_TYPE}" in asker.outage().why
    assert asker.transport.requests[0].headers["accept"] == "application/token-introspection+jwt"


@pytest.mark.parametrize(
    ("client", "headers", "form"),
    [
        (ClientSecretBasic("a:b", SECRET), {"Authorization": basic("a%3Ab:h%21dden+Pa55%26word")}, {}),
        (ClientSecretBasic("a", SECRET, form_encoded=False), {"Authorization": basic(f"a:{SECRET}")}, {}),
        (ClientSecretPost("a:b", SECRET), {}, {"client_id": "a:b", "client_secret": SECRET}),
        (PublicClient("shop"), {}, {"client_id": "shop"}),
        (UserCredentials("admin", SECRET), {"Authorization": basic(f"admin:{SECRET}")}, {}),
        (BearerToken("at-1.~+/="), {"Authorization": "Bearer at-1.~+/="}, {}),
    ],
    ids=["basic", "basic as it is", "post", "public", "user", "bearer"],
)
def test_who_asks_is_said_in_each_way(client, headers, form):
    """Each client authentication puts into the request what it has to, and nothing else."""
    request = request_of(client=client)
    assert form_of(request) == form | HINT | {"token": TOKEN}
    assert request.headers == headers | {"accept": "application/json", "content-type": FORM}


@pytest.mark.parametrize(("options", "audience"), [({}, ISSUER), ({"audience": ENDPOINT}, ENDPOINT)])
def test_an_assertion_is_made_for_the_issuer_or_for_whom_it_says(options, audience):
    """A client with a private key signs a fresh assertion for each request, for the issuer or a configured audience."""
    asker = Asker(client=PrivateKeyJwt("shop", key_pem(), key_id="k1", **options))
    asker.ask()
    asker.ask()
    (header, claims), (_, again) = (assertion_of(request) for request in asker.transport.requests)
    assert (header["alg"], header["kid"], form_of(asker.transport.requests[0])["client_id"]) == ("ES256", "k1", "shop")
    assert claims.pop("jti") != again.pop("jti")
    assert claims == again == {"iss": "shop", "sub": "shop", "aud": audience, "iat": NOW, "exp": NOW + 60}


def test_the_assertion_of_a_template_with_one_tenant_is_for_its_issuer():
    """Where an issuer is a template with one tenant an assertion is for the issuer that it stands for."""
    of_manager = {"issuer": "https://idp.example/{tenantid}", "tenants": ("acme",)}
    request = request_of(client=PrivateKeyJwt("shop", key_pem()), of_manager=of_manager)
    assert assertion_of(request)[1]["aud"] == "https://idp.example/acme"


def test_a_certificate_comes_with_the_id(tmp_path):
    """A client that is told by its certificate says its id in the form, and the transport is given the certificate."""
    chain = tmp_path / "chain.pem"
    chain.write_text("-")
    network = Network(client_cert_file=chain)
    request = request_of(client=TlsClientAuth("shop"), network=network)
    assert (form_of(request), request.network) == ({"client_id": "shop", "token": TOKEN} | HINT, network)
    assert "Authorization" not in request.headers


def test_a_secret_is_read_for_each_request():
    """A secret that rotates is sent as it is at that time, and one that cannot be read is an outage."""
    secrets = ["new", "old"]
    asker = Asker(client=ClientSecretPost("shop", secrets.pop))
    asker.ask()
    asker.ask()
    assert [form_of(request)["client_secret"] for request in asker.transport.requests] == ["old", "new"]
    assert "its callable raised IndexError" in asker.outage().why


def test_the_network_is_that_of_the_keys_or_its_own():
    """The endpoint is reached as introspection says, or else as nothing more is allowed than by default."""
    assert request_of().network == Network()
    own = Network(private_addresses=True)
    assert request_of(network=own).network == own


ECHO = TOKEN.encode()
LEAKS = {
    "transport error": OSError(TOKEN, SECRET),
    "outage": KeyManagerUnavailable("connection refused"),
    "no answer": None,
    "another thing": (TOKEN, SECRET),
    "echo": said(ECHO),
    "duplicate": said(b'{"active":true,"' + ECHO + b'":1,"' + ECHO + b'":2}'),
    "error page": said(ECHO, 500, TOKEN),
    "other type": said(ACTIVE, content_type=TOKEN),
    "redirect": said(ECHO, 307, location=f"https://evil.example/?token={TOKEN}"),
    "retry": said(ECHO, 429, retry_after=TOKEN),
}


def texts_of(error):
    """Yield everything that is written of an error, as logs and error trackers do it."""
    yield from (str(error), repr(error), repr(error.__dict__), pickle.dumps(error).decode("latin-1"))
    yield "".join(traceback.format_exception(error))


@pytest.mark.parametrize("answer", LEAKS.values(), ids=LEAKS)
def test_an_outage_tells_neither_token_nor_secret(answer, caplog):
    """Whatever the transport and the endpoint do, the error, its chain, the events and the logs hold no secret."""
    caplog.set_level(logging.DEBUG)
    gateway = Gateway({ENDPOINT: answer})
    with pytest.raises(KeyManagerUnavailable) as caught:
        gateway.validator.authenticate(TOKEN)
    error = caught.value
    assert (error.key_manager, error.__cause__, error.__context__) == ("Test", None, None)
    told = [*texts_of(error), repr(gateway.events), repr(gateway.registry.health()), caplog.text]
    ours = error.__traceback__.tb_next
    frames = traceback.TracebackException(type(error), error, ours, capture_locals=True)
    told_of_secrets = [*told, "".join(frames.format())]
    assert [text for text in told if TOKEN in text] == []
    assert [text for text in told_of_secrets if SECRET in text or "Basic " in text] == []
    assert len(gateway.events) > 1


def test_nothing_that_asks_shows_a_secret():
    """The reprs of the configuration, of the key manager and of whatever asks hold no secret."""
    asker = Asker(parameters={"key": SECRET})
    asker.ask()
    shown = [asker.manager, asker.manager.introspection, asker.client, asker.transport.requests, vars(asker.client)]
    assert [text for text in map(repr, shown) if SECRET in text or TOKEN in text] == []
    assert SECRET not in repr(attrs.asdict(asker.manager.introspection)["client"])
