"""
How the library reaches key managers: HTTP exchanges that always end.

Rules kept here: requests, urllib3, certifi and httpx2 are imported by the modules of this package alone, and only once
a transport sends something; importing this package imports none of them.
"""

from __future__ import annotations

from kmvalidate.transport._httpx import HttpxTransport
from kmvalidate.transport._requests import RequestsTransport

__all__ = ["HttpxTransport", "RequestsTransport"]
