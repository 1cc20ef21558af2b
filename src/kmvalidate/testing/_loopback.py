"""
A web server on 127.0.0.1 that answers as it is told to and counts who asked for what.

Rules kept here: it listens on the loopback interface only, says nothing on stderr, and leaves no thread and no socket
behind once it is closed, whatever its clients did. It reads a body of at most 64 KiB, and none that does not say how
long it is.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from typing import TYPE_CHECKING, Any

import attrs

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from kmvalidate.ports import HttpResponse

    Answer = Callable[["Asked"], HttpResponse | None]

_HOST = "127.0.0.1"
_POLL_S = 0.02
_MOST_BYTES = 65_536
_MOST_DIGITS = 5


@attrs.frozen(kw_only=True)
class Asked:
    """
    One request as a provider sees it.

    Args:
        path: What is asked for, without the query.

        method: ``GET`` or ``POST``.

        headers: Header fields, names in lower case.

        body: The body; empty if there is none.
    """

    path: str
    method: str = "GET"
    headers: Mapping[str, str] = attrs.field(factory=dict, repr=False)
    body: bytes = attrs.field(default=b"", repr=False)


class LoopbackServer:
    """
    Serves from its construction on, until it is closed.

    Args:
        answer: Makes the answer, anew for each request; None hangs up without one.
    """

    def __init__(self, answer: Answer) -> None:
        self._server = _Server(answer)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(_POLL_S,), daemon=True)
        self._thread.name = "kmvalidate-testing"
        self._thread.start()

    @property
    def origin(self) -> str:
        """Its address, ``http://127.0.0.1:PORT``."""
        return f"http://{_HOST}:{self._server.server_port}"

    @property
    def hits(self) -> Counter[str]:
        """How often each path was asked for so far, found or not."""
        with self._server.counting:
            return self._server.hits.copy()

    def close(self) -> None:
        """Stop; closing again does nothing."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = False  # so that server_close() waits for them

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.hits: Counter[str] = Counter()
        self.counting = threading.Lock()
        self._connections: set[Any] = set()
        super().__init__((_HOST, 0), _Handler)

    def server_bind(self) -> None:
        TCPServer.server_bind(self)  # HTTPServer's own asks the name service for a name nobody needs
        self.server_name, self.server_port = _HOST, self.socket.getsockname()[1]

    def process_request(self, request: Any, client_address: Any) -> None:
        self._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._connections.discard(request)
        super().shutdown_request(request)

    def server_close(self) -> None:
        for connection in tuple(self._connections):  # a client that says nothing would be waited for
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        super().server_close()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: a client that hangs up is the client's affair."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server  # pyright: ignore[reportIncompatibleVariableOverride]  # the only server that makes one
    timeout = 5.0  # an idle client does not keep an interpreter alive that forgot close()

    def do_GET(self) -> None:  # the name http.server looks for
        self._serve(b"")

    def do_POST(self) -> None:
        length = self._body_length()
        if length is None:
            self.send_error(400, "a body that is too long, or does not say how long it is")
            return
        body = self.rfile.read(length)
        if len(body) == length:  # else its client has hung up
            self._serve(body)

    def _body_length(self) -> int | None:
        said = self.headers.get("Content-Length", "")
        if "Transfer-Encoding" in self.headers or not (said.isdecimal() and len(said) <= _MOST_DIGITS):
            return None
        return int(said) if int(said) <= _MOST_BYTES else None

    def _serve(self, body: bytes) -> None:
        path = self.path.partition("?")[0]
        with self.server.counting:
            self.server.hits[path] += 1
        headers = {name.lower(): value for name, value in self.headers.items()}
        answer = self.server.answer(Asked(path=path, method=self.command, headers=headers, body=body))
        if answer is None:
            self.close_connection = True
            return
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        self.wfile.write(answer.body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # http.server's name
        """Say nothing."""
