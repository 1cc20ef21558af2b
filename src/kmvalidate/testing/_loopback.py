"""
A web server on 127.0.0.1 that serves JSON documents and counts who asked for what.

Rules kept here: it listens on the loopback interface only, says nothing on stderr, and leaves no thread and no socket
behind once it is closed, whatever its clients did.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from collections import Counter
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from typing import TYPE_CHECKING, Any

from kmvalidate.testing._jose import as_json

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_HOST = "127.0.0.1"
_POLL_S = 0.02


class LoopbackServer:
    """
    Serves documents from its construction on, until it is closed.

    Args:
        documents: By path, what makes the document that lies there; asked anew for each request.
    """

    def __init__(self, documents: Mapping[str, Callable[[], Mapping[str, object]]]) -> None:
        self._server = _Server(documents)
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

    def __init__(self, documents: Mapping[str, Callable[[], Mapping[str, object]]]) -> None:
        self.documents = documents
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
        path = self.path.partition("?")[0]
        with self.server.counting:
            self.server.hits[path] += 1
        document = self.server.documents.get(path)
        status = HTTPStatus.OK if document else HTTPStatus.NOT_FOUND
        self._answer(status, as_json(document() if document else {"error": "not_found"}))

    def _answer(self, status: HTTPStatus, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # http.server's name
        """Say nothing."""
