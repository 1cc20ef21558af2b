"""What clients do at the provider beyond asking for a token: log a user in, prove a key."""

from __future__ import annotations

import base64
import hashlib
import html
import os
import re
import time
import uuid
from typing import Any
from urllib.parse import parse_qs, urljoin, urlsplit

import requests
from joserfc import jwt
from joserfc.jwk import ECKey

from tests.e2e.provider import SECRETS, Issuer

_CALLBACK = "http://127.0.0.1:65000/cb"
_PAGES = 12
_ANSWER_S = 30


def log_in(issuer: Issuer, resource: str) -> dict[str, Any]:
    """Log alice in with the authorization code flow and PKCE, and return the token answer."""
    with requests.Session() as browser:
        browser.trust_env, browser.verify = False, issuer.certificates.ca_file
        verifier = _base64url(os.urandom(32))
        code = _code(browser, issuer, resource, _base64url(hashlib.sha256(verifier.encode()).digest()))
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": _CALLBACK,
            "code_verifier": verifier,
            "resource": f"urn:api:{resource}",
        }
        auth = ("web", SECRETS["web"])
        answer = browser.post(issuer.url + "/token", data=form, auth=auth, timeout=_ANSWER_S)
        assert answer.ok, answer.text
        return answer.json()


def _code(browser: requests.Session, issuer: Issuer, resource: str, challenge: str) -> str:
    asked = {
        "client_id": "web",
        "response_type": "code",
        "scope": "openid offline_access read",
        "prompt": "consent",
        "resource": f"urn:api:{resource}",
        "redirect_uri": _CALLBACK,
        "code_challenge": challenge,
        "code_challenge_method": "S256",
        "nonce": "n-0S6_WzA2Mj",
    }
    page = browser.get(issuer.url + "/auth", params=asked, allow_redirects=False, timeout=_ANSWER_S)
    for _ in range(_PAGES):
        if not page.is_redirect:
            page = _submit(browser, page)
            continue
        target = urljoin(page.url, page.headers["location"])
        if target.startswith(_CALLBACK):
            return parse_qs(urlsplit(target).query)["code"][0]
        page = browser.get(target, allow_redirects=False, timeout=_ANSWER_S)
    raise AssertionError("the login came to no end")


def _submit(browser: requests.Session, page: requests.Response) -> requests.Response:
    """Fill in the login or the consent page."""
    form = re.search(r'action="([^"]+)"', page.text)
    assert form, page.text
    fields = dict(re.findall(r'name="(\w+)" value="([^"]*)"', page.text))
    if fields.get("prompt") == "login":
        fields |= {"login": "alice", "password": "any"}
    where = urljoin(page.url, html.unescape(form[1]))
    return browser.post(where, data=fields, allow_redirects=False, timeout=_ANSWER_S)


def dpop_proof(url: str) -> str:
    """Return a DPoP proof for a POST to *url*, by a new key (RFC 9449, section 4)."""
    key = ECKey.generate_key("P-256")
    header = {"typ": "dpop+jwt", "alg": "ES256", "jwk": key.as_dict(private=False)}
    claims = {"jti": str(uuid.uuid4()), "htm": "POST", "htu": url, "iat": int(time.time())}
    return jwt.encode(header, claims, key, algorithms=["ES256"])


def introspection_answer(issuer: Issuer) -> str:
    """Return a signed introspection answer for an opaque token (RFC 9701)."""
    accept = {"Accept": "application/token-introspection+jwt"}
    return issuer.post("/token/introspection", {"token": issuer.token("opaque")}, "rs-jwt", headers=accept).text


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
