"""
The OpenID provider at work: its process, its issuers, and the tokens they give.

Rules kept here: every port is a free one, chosen by the system and told by the server; the process ends with the
tests, however these end; what the server wrote can be read at any time.
"""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import attrs
import requests

from kmvalidate import Network
from tests.e2e import clients
from tests.e2e.clients import Clients
from tests.e2e.node import HOME, Node
from tests.hostile import Authority, Pem

ALGORITHMS = ("RS256", "PS256", "ES256", "ES384", "ES512", "EdDSA", "RS512", "PS512")
ISSUERS = ("root", "path", "tls")
OIDC = "/.well-known/openid-configuration"
OAUTH = "/.well-known/oauth-authorization-server"
SECRETS = {
    "m2m": "m2m-secret-0123456789",
    "m2m-dpop": "dpop-secret-0123456789",
    "m2m-mtls": "mtls-secret-0123456789",
    "web": "web-secret-0123456789",
    **clients.SECRETS,
}

_START_S = 60
_ANSWER_S = 30
_TICK_S = 0.02


@attrs.frozen
class Certificates:
    """The files of a certificate authority made for one run: of the server, and of clients for mTLS."""

    folder: Path
    ca_file: str
    client: Pem
    clients: Clients

    @classmethod
    def make(cls, folder: Path) -> Certificates:
        """Make them in *folder*."""
        authority = Authority(folder, "ca")
        authority.issue(host="localhost", file="server")
        client = authority.issue(host="m2m-mtls.example", file="client")
        return cls(folder, authority.ca_file, client, Clients.make(folder, authority))


@attrs.frozen(kw_only=True)
class Issuer:
    """
    One issuer of the provider.

    Args:
        name: Its name on the control port.

        url: Its ``iss``.

        second_url: The same on another port, for endpoints of which there are two; at the TLS issuer its metadata
            names it for clients with a certificate (RFC 8705, section 5).

        control: The URL of its part of the control port.

        certificates: Those of this run.

        http: What is used to talk to it.
    """

    name: str
    url: str
    second_url: str
    control: str
    certificates: Certificates
    http: requests.Session = attrs.field(repr=False)

    @property
    def network(self) -> Network:
        """How a key manager may reach it."""
        if self.url.startswith("https"):
            return Network(private_addresses=True, ca_file=self.certificates.ca_file)
        return Network(private_addresses=True, insecure_http=True)

    @property
    def root(self) -> str:
        """Its scheme, host and port."""
        return "/".join(self.url.split("/")[:3])

    @property
    def mount(self) -> str:
        """The path of its URL, empty for most."""
        return self.url.removeprefix(self.root)

    def get(self, path: str) -> dict[str, Any]:
        """Return the JSON at *path* below its URL."""
        return _json(self.http.get(self.url + path, timeout=_ANSWER_S))

    def post(self, path: str, form: Mapping[str, str], client: str, **how: Any) -> requests.Response:
        """Post *form* to *path* as *client*."""
        answer = self.http.post(self.url + path, data=form, auth=(client, SECRETS[client]), timeout=_ANSWER_S, **how)
        assert answer.ok, f"{self.name}{path} as {client}: {answer.status_code} {answer.text}"
        return answer

    def token(self, resource: str, *, client: str = "m2m", scope: str = "read", **how: Any) -> str:
        """Return an access token of the client credentials grant for ``urn:api:<resource>``."""
        form = {"grant_type": "client_credentials", "scope": scope, "resource": f"urn:api:{resource}"}
        return self.post("/token", form, client, **how).json()["access_token"]

    def user_token(self, resource: str | None, **wishes: str) -> str:
        """Return a user's access token, made by the provider without a browser; without a resource an opaque one."""
        asked = {} if resource is None else {"resource": f"urn:api:{resource}"}
        return self._control("POST", "mint", {**asked, **wishes})

    def expire(self, token: str) -> None:
        """Make the time of an opaque token or a refresh token be over."""
        assert self._control("POST", "expire", {"token": token}), f"{self.name} knows no such token"

    def rotate(self, *, keep_old: bool) -> list[str]:
        """Make it sign with new keys, and return the key ids it publishes now."""
        return self._control("POST", "rotate", {"keep_old": keep_old})

    def retire(self) -> list[str]:
        """Make it publish nothing but its newest keys, and return their ids."""
        return self._control("POST", "retire")

    def fault(self, path: str, **what: Any) -> None:
        """Make something go wrong at paths that contain *path*, at both ports unless ``port`` says which."""
        self._control("POST", "fault", {"path": path, **what})

    def hold(self, path: str) -> None:
        """Make it keep whoever asks for paths that contain *path* waiting until `release`."""
        self.fault(path, hold=True)

    def release(self) -> int:
        """Make it answer those it keeps waiting, and keep nobody else; return how many these were."""
        return self._control("POST", "release")

    def send_headers(self, headers: dict[str, str]) -> None:
        """Make it add header fields to every answer."""
        self._control("POST", "headers", headers)

    def reset(self) -> None:
        """Forget hits, faults and headers, and keep nobody waiting; keys stay."""
        self._control("POST", "reset")

    def hits(self, path: str) -> int:
        """Return how often a path that contains *path* was asked since the last reset, at both ports."""
        counted: dict[str, int] = self._control("GET", "hits")
        return sum(times for hit, times in counted.items() if path in hit)

    def requests(self, path: str) -> list[dict[str, Any]]:
        """Return the requests for paths that contain *path* since the last reset: port, method, url, headers."""
        return [request for request in self._control("GET", "requests") if path in request["url"]]

    def _control(self, method: str, operation: str, body: dict[str, Any] | None = None) -> Any:
        return _json(self.http.request(method, f"{self.control}/{operation}", json=body or {}, timeout=_ANSWER_S))


class Provider:
    """The running server, ended with its ``with`` block; see oidc_provider/README.md."""

    def __init__(self, node: Node, folder: Path) -> None:
        self._certificates = Certificates.make(folder)
        self._log = folder / "server.log"
        self._http = requests.Session()
        self._http.trust_env = False
        self._http.verify = self._certificates.ca_file
        files = ["--certs", str(folder), "--clients", self._certificates.clients.file]
        command = [node.node, "server.mjs", *files, "--until-stdin-ends"]
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                command, cwd=HOME, stdin=subprocess.PIPE, stdout=log, stderr=subprocess.STDOUT
            )
        self.issuers: dict[str, Issuer] = {}

    def __enter__(self) -> Self:
        try:
            control = self._wait_until_ready()
            urls = _json(self._http.get(f"{control}/health", timeout=_ANSWER_S))
        except BaseException:
            self.__exit__()
            raise
        for name, where in urls.items():
            self.issuers[name] = Issuer(
                name=name,
                url=where["url"],
                second_url=where["second"],
                control=f"{control}/{name}",
                certificates=self._certificates,
                http=self._http,
            )
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()
        self._http.close()

    def reset(self) -> None:
        """Forget the hits, faults and headers of every issuer."""
        for issuer in self.issuers.values():
            issuer.reset()

    def log(self, start: int = 0) -> str:
        """Return what the server wrote after its first *start* bytes."""
        return self._log.read_bytes()[start:].decode(errors="replace")

    def log_size(self) -> int:
        """Return how many bytes the server wrote."""
        return self._log.stat().st_size

    def _wait_until_ready(self) -> str:
        ends_at = time.monotonic() + _START_S
        while time.monotonic() < ends_at and self._process.poll() is None:
            ready = [line for line in self.log().splitlines(keepends=True) if line.startswith("ready ")]
            if ready and ready[0].endswith("\n"):
                return json.loads(ready[0].removeprefix("ready "))["control"]
            time.sleep(_TICK_S)
        raise RuntimeError(f"the OpenID provider did not start; it wrote:\n{self.log()}")


def _json(answer: requests.Response) -> Any:
    assert answer.ok, f"{answer.request.method} {answer.url}: {answer.status_code} {answer.text}"
    return answer.json()
