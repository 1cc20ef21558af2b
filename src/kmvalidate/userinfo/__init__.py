"""
Claims about the user behind an access token, from the key manager's userinfo endpoint.

Rules kept here: the token is shown to nobody but the endpoint that is configured for its own key manager.
"""

from __future__ import annotations

from kmvalidate.userinfo._userinfo import UserInfo

__all__ = ["UserInfo"]
