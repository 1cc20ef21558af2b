"""
django-oauth-toolkit at work: its process, and what clients do there.

Rules kept here: the port is a free one, chosen by the system and told by the server; the process ends with the tests,
however these end; nothing of Django is imported into the tests.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Self

import requests

from kmvalidate import Network
from tests.e2e.opaque import basic

CLIENTS = {  # by client id: the grant by which one gets tokens, and its secret
    "m2m": ("client-credentials", "m2m-secret-0123456789"),
    "rs": ("client-credentials", "rs-secret-0123456789"),
    "rs-odd": ("client-credentials", "p+q %/:ü&="),
    "ropc": ("password", "ropc-secret-0123456789"),
}
USER = {"username": "alice", "password": "alicepassword"}

_SERVER = Path(__file__).with_name("server.py")
_START_S = 60
_ANSWER_S = 30
_TICK_S = 0.02


class DjangoToolkit:
    """The running server, ended with its ``with`` block; see README.md."""

    def __init__(self, folder: Path) -> None:
        self._log = folder / "server.log"
        self._since = 0
        self.url = ""
        self.http = requests.Session()
        self.http.trust_env = False
        (folder / "accounts.json").write_text(json.dumps({"user": USER, "clients": CLIENTS}), "utf-8")
        command = [sys.executable, str(_SERVER), str(folder)]
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                command, cwd=folder, stdin=subprocess.PIPE, stdout=log, stderr=subprocess.STDOUT
            )

    def __enter__(self) -> Self:
        try:
            self.url = self._wait_until_ready()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()
        self.http.close()

    @property
    def issuer(self) -> str:
        """What its metadata call it; its tokens and answers name no issuer."""
        return f"{self.url}/o"

    @property
    def introspection_endpoint(self) -> str:
        return f"{self.url}/o/introspect/"

    @property
    def token_endpoint(self) -> str:
        return f"{self.url}/o/token/"

    @property
    def network(self) -> Network:
        """How a key manager may reach it."""
        return Network(private_addresses=True, insecure_http=True)

    def token(self, client: str = "m2m", scope: str = "read") -> str:
        """Return an opaque token of the client credentials grant."""
        form = {"grant_type": "client_credentials", "scope": scope}
        return self._post("/o/token/", form, client).json()["access_token"]

    def user_tokens(self, scope: str = "read") -> dict[str, Any]:
        """Return the answer of the password grant for alice: her opaque access token, and a refresh token."""
        form = {"grant_type": "password", "scope": scope, **USER}
        return self._post("/o/token/", form, "ropc").json()

    def revoke(self, token: str, client: str = "m2m") -> None:
        """Revoke *token*, as the client that got it."""
        self._post("/o/revoke_token/", {"token": token}, client)

    def expire(self, token: str) -> None:
        """Make the time of an access token be over."""
        answer = self.http.post(f"{self.url}/control/expire", data={"token": token}, timeout=_ANSWER_S)
        assert answer.json() == {"expired": 1}, answer.text

    def basic(self, client: str) -> str:
        """Return the field Authorization by which *client* shows who it is."""
        return basic(client, CLIENTS[client][1])

    def introspect_raw(self, token: str, authorization: str) -> requests.Response:
        """Return the server's answer about *token*, whatever it is."""
        headers = {"Authorization": authorization}
        return self.http.post(self.introspection_endpoint, data={"token": token}, headers=headers, timeout=_ANSWER_S)

    def hits(self, path: str) -> int:
        """Return how often a path that contains *path* was asked since the last reset."""
        return sum(line.startswith("hit ") and path in line for line in self.log().splitlines())

    def reset(self) -> None:
        """Forget the hits and the log."""
        self._since = self._log.stat().st_size

    def log(self) -> str:
        """Return what the server wrote since the last reset."""
        return self._log.read_bytes()[self._since :].decode(errors="replace")

    def _post(self, path: str, form: dict[str, str], client: str) -> requests.Response:
        headers = {"Authorization": self.basic(client)}
        answer = self.http.post(self.url + path, data=form, headers=headers, timeout=_ANSWER_S)
        assert answer.ok, f"{path} as {client}: {answer.status_code} {answer.text}"
        return answer

    def _wait_until_ready(self) -> str:
        ends_at = time.monotonic() + _START_S
        while time.monotonic() < ends_at and self._process.poll() is None:
            ready = [line for line in self.log().splitlines(keepends=True) if line.startswith("ready ")]
            if ready and ready[0].endswith("\n"):
                return json.loads(ready[0].removeprefix("ready "))["url"]
            time.sleep(_TICK_S)
        raise RuntimeError(f"django-oauth-toolkit did not start; it wrote:\n{self.log()}")
