"""
Several simulated providers that are reached in process.

Rules kept here: each is where its base says, and nobody else is anywhere.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from kmvalidate.errors import KeyManagerUnavailable

if TYPE_CHECKING:
    from kmvalidate.ports import HttpRequest, HttpResponse
    from kmvalidate.testing._simulated import SimulatedProvider


class SimulatedNetwork:
    """
    A transport that reaches several providers in process, each where it is.

    Args:
        providers: Simulated providers that are not over HTTP.
    """

    def __init__(self, *providers: SimulatedProvider) -> None:
        self._at = {provider.base: provider for provider in providers}

    def send(self, request: HttpRequest, /) -> HttpResponse:
        """
        Do one exchange.

        Raises:
            KeyManagerUnavailable: Nobody is there, or who is there fails.
        """
        place = urlsplit(request.url)
        provider = self._at.get(f"{place.scheme}://{place.netloc}")
        if provider is None:
            raise KeyManagerUnavailable("nobody answers")
        return provider.send(request)
