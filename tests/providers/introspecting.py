"""What the tests of simulated introspection endpoints share: providers, and clients that ask them."""

import base64
import json
from urllib.parse import urlencode

from kmvalidate import HttpRequest, Network
from kmvalidate.testing import SimulatedProvider
from kmvalidate.transport import RequestsTransport

FORM = "application/x-www-form-urlencoded"
SIGNED = "application/token-introspection+jwt"
HERE = Network(private_addresses=True, insecure_http=True)
INACTIVE = {"active": False}


def made(kind="oidc", **options):
    """Return a provider whose keys take no time to make."""
    return SimulatedProvider(kind, algorithms=("ES256",), **options)


def basic(*halves):
    return {"authorization": "Basic " + base64.b64encode(":".join(halves).encode()).decode()}


def send(idp, path, form=None, method="POST", body=None, **headers):
    """Return the whole answer to a form, in process or over HTTP; header names with ``_`` for ``-``."""
    fields = {"content-type": FORM} | {name.replace("_", "-"): value for name, value in headers.items()}
    body = urlencode(form or {}).encode() if body is None and method == "POST" else body
    transport = RequestsTransport() if idp.base.startswith("http://127.") else idp
    return transport.send(HttpRequest(method=method, url=idp.base + path, headers=fields, body=body, network=HERE))


def ask(idp, token, **headers):
    """Return the whole answer about a token to the client of the provider."""
    return send(idp, idp.kind.introspection_path, {"token": token}, **(basic(*idp.client) | headers))


def told(idp, token):
    answer = ask(idp, token)
    assert (answer.status, answer.headers["content-type"]) == (200, "application/json")
    return json.loads(answer.body)


def parts(token):
    return [json.loads(base64.urlsafe_b64decode(segment + "==")) for segment in token.split(".")[:2]]


def own_token(idp):
    """Return a token that the client got for itself, and everything that was said with it."""
    answer = send(idp, "/token", {"grant_type": "client_credentials"}, **basic(*idp.client))
    assert answer.status == 200
    said = json.loads(answer.body)
    return said.pop("access_token"), said
