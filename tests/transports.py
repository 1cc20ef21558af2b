"""
The transports as one: whatever a hostile server tries on one of them it tries on the other.

Rules kept here: a test that says `Transport()` is run with each; a module asks for that with
``pytestmark = pytest.mark.usefixtures("each_transport")``.
"""

import asyncio

from kmvalidate.transport import HttpxTransport, RequestsTransport


class RunningTransport:
    """A `HttpxTransport` as blocking callers see it: each exchange on an event loop of its own."""

    def __init__(self, user_agent=None):
        self._transport = HttpxTransport(user_agent)
        self._sending = self._transport._sending

    def send(self, request, /):
        return asyncio.run(self._transport.send(request))


KINDS = {"requests": RequestsTransport, "httpx": RunningTransport}
current = RequestsTransport


def Transport(user_agent=None):  # noqa: N802  # stands for a class
    """Return a transport of the kind that the test is run with."""
    return current(user_agent)
