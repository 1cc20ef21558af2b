"""What requests carry to say who asks: exact where a standard says so, and never more than that."""

import base64
import pickle
import subprocess
import sys
import traceback
from urllib.parse import unquote_plus

import attrs
import pytest

from kmvalidate.client_auth import (
    Attachment,
    BearerToken,
    ClientCredentials,
    ClientSecretBasic,
    ClientSecretPost,
    PrivateKeyJwt,
    PublicClient,
    TlsClientAuth,
    UserCredentials,
    checked_client,
)
from kmvalidate.client_auth._secrets import FromEnvironment, FromFile
from kmvalidate.errors import ConfigurationError, KeyManagerUnavailable
from tests.signing import ISSUER, NOW

HUSH = "h!dden-Pa55"
HOSTILE = ["\r\nX-Evil: 1", "a\nb", "\0", "a:b", " ", "%3A", "a+b&c=d", "\u00a3\u20ac\U0001f511", "\x7f", '"', "~*"]


def attached(client):
    return client.attach(endpoint=ISSUER + "/introspect", issuer=ISSUER, now=NOW + 0.9)


def basic(client):
    """Return the two halves that a server reads from a client's Basic header."""
    attachment = attached(client)
    assert (set(attachment.headers), attachment.form) == ({"Authorization"}, {})
    scheme, _, encoded = attachment.headers["Authorization"].partition(" ")
    assert scheme == "Basic"
    name, _, secret = base64.b64decode(encoded, validate=True).decode().partition(":")
    return name, secret


@pytest.mark.parametrize(
    ("client", "header"),
    [
        (ClientSecretBasic("s6BhdRkqt3", "gX1fBat3bV"), "czZCaGRSa3F0MzpnWDFmQmF0M2JW"),
        (ClientSecretBasic("s6BhdRkqt3", "7Fjfp0ZBr1KtDRbnfVdmIw"), "czZCaGRSa3F0Mzo3RmpmcDBaQnIxS3REUmJuZlZkbUl3"),
        (ClientSecretBasic("Aladdin", "open sesame", form_encoded=False), "QWxhZGRpbjpvcGVuIHNlc2FtZQ=="),
        (UserCredentials("Aladdin", "open sesame"), "QWxhZGRpbjpvcGVuIHNlc2FtZQ=="),
        (UserCredentials("test", "123\u00a3"), "dGVzdDoxMjPCow=="),
    ],
    ids=["rfc6749-4.1.3", "rfc6749-2.3.1", "rfc7617-raw", "rfc7617-2", "rfc7617-2.1"],
)
def test_the_headers_of_the_standards(client, header):
    """The examples of RFC 6749 and RFC 7617 come out as they are printed there."""
    assert attached(client) == Attachment({"Authorization": f"Basic {header}"})


def test_both_halves_are_form_encoded_as_the_standard_says():
    """The example of RFC 6749 appendix B, with its space, percent, ampersand, plus, pound and euro."""
    text = " %&+\u00a3\u20ac"
    assert basic(ClientSecretBasic(text, text)) == ("+%25%26%2B%C2%A3%E2%82%AC",) * 2


@pytest.mark.parametrize("text", HOSTILE, ids=ascii)
def test_what_is_hostile_in_a_header_stays_in_its_half(text):
    """An id and a secret with line ends, colons or anything else arrive as they were meant, and add no header."""
    name, secret = basic(ClientSecretBasic(text, text))
    assert (unquote_plus(name), unquote_plus(secret)) == (text, text)
    plain = text.replace(":", "")
    assert basic(ClientSecretBasic(plain, text, form_encoded=False)) == (plain, text)
    assert basic(UserCredentials(plain, text)) == (plain, text)


@pytest.mark.parametrize("text", HOSTILE, ids=ascii)
def test_forms_hold_ids_and_secrets_as_they_are(text):
    """A form has just the members of its method; whoever writes the body encodes them."""
    assert attached(ClientSecretPost(text, text)) == Attachment(form={"client_id": text, "client_secret": text})
    for kind in (TlsClientAuth, PublicClient):
        assert attached(kind(text)) == Attachment(form={"client_id": text})


@pytest.mark.parametrize(
    "token", [*HOSTILE, "=", "a=b", "a b", "Bearer x", "t\n", "\u0661", HUSH + "\r\nX: 1"], ids=ascii
)
def test_what_is_no_token_is_never_sent(token):
    """Whatever is not a b64token (RFC 6750) is an outage that does not show it."""
    with pytest.raises(KeyManagerUnavailable) as caught:
        attached(BearerToken(token))
    *_, (raising, _) = traceback.walk_tb(caught.value.__traceback__)
    assert [name for name, value in raising.f_locals.items() if value == token] == []
    assert HUSH not in str(caught.value)
    assert caught.value.__context__ is None


@pytest.mark.parametrize("token", ["mF_9.B5f-4.1JqM", "a", "~+/.-_==", "0" * 9000], ids=len)
def test_a_token_is_sent_as_it_is(token):
    """A b64token, as in RFC 6750 section 2.1, follows the scheme."""
    assert attached(BearerToken(token)) == Attachment({"Authorization": f"Bearer {token}"})


@pytest.mark.parametrize("name", ["", None, 5, b"shop", ["shop"], "\ud800"], ids=ascii)
@pytest.mark.parametrize(
    "make",
    [ClientSecretBasic, ClientSecretPost, PrivateKeyJwt, UserCredentials, lambda name, _: TlsClientAuth(name)],
    ids=["basic", "post", "jwt", "user", "tls"],
)
def test_whoever_asks_has_a_name(make, name):
    """An id that is empty, no string or not UTF-8 is a ConfigurationError."""
    with pytest.raises(ConfigurationError, match="non-empty string"):
        make(name, HUSH)


@pytest.mark.parametrize(
    "make",
    [
        lambda: UserCredentials("a:b", "x"),
        lambda: ClientSecretBasic("a:b", "x", form_encoded=False),
        lambda: ClientSecretBasic("a", "x", form_encoded="no"),
        lambda: ClientSecretBasic("a", "x", form_encoded=0),
        lambda: ClientSecretBasic("a", ""),
        lambda: ClientSecretPost("a", None),
        lambda: UserCredentials("a", b"x"),
        lambda: BearerToken(""),
        lambda: BearerToken(FromEnvironment("KMVALIDATE_NOT_SET")),
    ],
    ids=range(9),
)
def test_what_cannot_be_sent_is_refused_when_it_is_made(make):
    """A colon before Basic's own, an option that is no boolean and no secret at all are ConfigurationErrors."""
    with pytest.raises(ConfigurationError):
        make()


def test_only_clients_have_an_id():
    """A client's id is told, that of a user and of a token is None."""
    clients = (ClientSecretBasic("a", "x"), TlsClientAuth("a"), ClientCredentials(PublicClient("a")))
    assert [client.client_id for client in clients] == ["a"] * 3
    assert [other.client_id for other in (UserCredentials("a", "x"), BearerToken("x"))] == [None, None]


def test_secrets_rotate_between_two_requests(tmp_path, monkeypatch):
    """A variable, a file and a callable are read for each request."""
    file = tmp_path / "token"
    file.write_text("old\n")
    monkeypatch.setenv("KMVALIDATE_TEST", "old")
    values = ["new", "old"]
    clients = (
        ClientSecretBasic("a", FromEnvironment("KMVALIDATE_TEST")),
        ClientSecretPost("a", values.pop),
        BearerToken(FromFile(file)),
    )
    before = [attached(client) for client in clients]
    file.write_text("new\n")
    monkeypatch.setenv("KMVALIDATE_TEST", "new")
    after = [attached(client) for client in clients]
    for secret, (in_header, in_form, as_token) in (("old", before), ("new", after)):
        assert in_header == attached(ClientSecretBasic("a", secret))
        assert in_form.form["client_secret"] == secret
        assert as_token.headers == {"Authorization": f"Bearer {secret}"}


def test_a_secret_that_cannot_be_read_is_an_outage():
    """What a callable fails with is told by its kind, whatever the secret is for."""

    def vault():
        raise OSError(HUSH)

    named = [make("a", vault) for make in (ClientSecretBasic, ClientSecretPost, PrivateKeyJwt, UserCredentials)]
    for client in (*named, BearerToken(vault)):
        with pytest.raises(KeyManagerUnavailable, match=r"^the secret cannot be read: its callable raised OSError$"):
            attached(client)


def test_nothing_shows_a_secret():
    """Neither a configuration nor what a request carries shows a secret, in whatever form."""
    clients = [make("a", HUSH) for make in (ClientSecretBasic, ClientSecretPost, UserCredentials)]
    clients.append(BearerToken("s3cr.et"))
    shown = "".join(repr(one) + str(one) + repr(attrs.asdict(one)) for one in (*clients, ClientCredentials(clients[0])))
    sent = "".join(repr(attached(client)) for client in clients)
    assert [text for text in (HUSH, "s3cr.et", "Basic ", "Bearer ") if text in shown + sent] == []
    assert repr(clients[0]) == "ClientSecretBasic(client_id='a', secret=Secret(), form_encoded=True)"


def test_clients_are_values():
    """Two of the same arguments are equal and hash alike, also after pickling; what they attach cannot be changed."""
    made = [ClientSecretBasic("a", "x"), ClientSecretPost("a", "x"), TlsClientAuth("a"), PublicClient("a")]
    made += [UserCredentials("a", "x"), BearerToken("x"), ClientCredentials(made[0], scope=["a", "b"])]
    twins = [pickle.loads(pickle.dumps(client)) for client in made]  # noqa: S301  # our own bytes
    assert (twins, [hash(twin) for twin in twins]) == (made, [hash(client) for client in made])
    assert len(set(made)) == len(made)
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        made[0].client_id = "b"
    with pytest.raises(TypeError):
        attached(made[0]).headers["Authorization"] = "none"


@pytest.mark.parametrize(
    "scope",
    ["", " ", "a  b", " a", 'a"b', "a\\b", "a\nb", "\u00e9", [], ["a b"], ["a", ""], 5, [5], b"a"],
    ids=ascii,
)
def test_scopes_that_are_none_are_refused(scope):
    """What is no scope-token of RFC 6749 is a ConfigurationError."""
    with pytest.raises(ConfigurationError):
        ClientCredentials(PublicClient("a"), scope=scope)


def test_client_credentials_are_configuration():
    """One scope or several are joined with spaces, the endpoint may be left to discovery."""
    scopes = [ClientCredentials(PublicClient("a"), scope=scope).scope for scope in (None, "a", "a b:c", ("a", "b"))]
    assert scopes == [None, "a", "a b:c", "a b"]
    assert ClientCredentials(PublicClient("a")).token_endpoint is None
    for endpoint in ("", 5, b"https://idp.example/token"):
        with pytest.raises(ConfigurationError):
            ClientCredentials(PublicClient("a"), token_endpoint=endpoint)


class Own:
    client_id = "own"

    def attach(self, *, endpoint, issuer, now):
        return Attachment({"X-Key": f"{endpoint} {issuer} {now:g}"})


class OwnAsync:
    async def attach(self, **_):
        return Attachment()


@pytest.mark.parametrize(
    "value",
    [None, "basic", ("id", "secret"), {"client_id": "a"}, Own, ClientSecretBasic, OwnAsync(), object()],
    ids=range(8),
)
def test_what_says_nobody_asks_is_refused(value):
    """Strings, pairs, classes in place of their instances and an async attach are ConfigurationErrors."""
    for check in (checked_client, ClientCredentials):
        with pytest.raises(ConfigurationError):
            check(value)


def test_own_ways_to_say_who_asks_plug_in():
    """Whatever has a method attach may be a client, also one that obtains tokens for itself."""
    own = Own()
    inner = ClientCredentials(own)
    assert (checked_client(own), checked_client(inner), inner.client_id) == (own, inner, "own")
    assert attached(checked_client(own)).headers["X-Key"].startswith(ISSUER)


def test_only_a_client_obtains_tokens_for_itself():
    """A user, a token and one that obtains tokens already are no clients for that."""
    for other in (UserCredentials("a", "x"), BearerToken("x"), ClientCredentials(PublicClient("a"))):
        with pytest.raises(ConfigurationError, match="client is a client"):
            ClientCredentials(other)


def test_importing_it_brings_no_cryptography():
    """Whoever has no private key imports neither Authlib nor joserfc, cryptography or requests."""
    heavy = "{'authlib', 'joserfc', 'cryptography', 'requests'} & set(sys.modules)"
    program = f"import sys, kmvalidate.client_auth; print({heavy})"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["set()"]
