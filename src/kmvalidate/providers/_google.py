"""
Google: the ID tokens that its service accounts and users get for an API of yours.

Rules kept here: Google's access tokens are opaque and for Google alone, so ID tokens stand in for them; those of a
browser's sign-in (with `nonce` or `at_hash`) are for the page that asked, and refused. Everybody can have an account,
so whoever may come in is said by what is required beside: a hosted domain, addresses, subjects.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Unpack

import attrs

from kmvalidate.errors import ConfigurationError, Refused
from kmvalidate.fields import to_names
from kmvalidate.profiles import ProviderProfile
from kmvalidate.providers._common import about_audience, host_of, key_manager, placed
from kmvalidate.rules import FOREIGN_CLAIMS, TokenKinds

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kmvalidate.key_manager import KeyManager
    from kmvalidate.providers._common import AudienceNames, Options

ISSUER = "https://accounts.google.com"
_KEY_HOSTS = ("www.googleapis.com",)
_WHO = {"hd", "email", "sub"}  # claims that say whose token it is

_GCLOUD = "32555940559.apps.googleusercontent.com"
_GCLOUD_HINT = (
    "It is the token that gcloud gets for itself: ask for one for this API with `gcloud auth print-identity-token "
    "--audiences=... --impersonate-service-account=...`."
)
_AUDIENCE_HINT = "The audience is what the client named when it asked for the ID token (`audience`, or its client id)."
_SIGN_IN = "the ID token of a browser's sign-in, for the page that asked: token_kinds= can let such tokens in"
_FAMILY_HINT = (
    "Google has further issuers: Firebase and Identity Platform (https://securetoken.google.com/PROJECT) and IAP "
    "(https://cloud.google.com/iap) are key managers of their own, and what a service account signs itself is no ID "
    "token of Google."
)
_OPAQUE_HINT = "Google's access tokens (ya29...) are opaque and for Google's own APIs: send an ID token for this API."


KINDS = TokenKinds(foreign_claims={**FOREIGN_CLAIMS, "nonce": _SIGN_IN, "at_hash": _SIGN_IN, "c_hash": _SIGN_IN})


def _is_application(claims: Mapping[str, Any]) -> bool | None:
    email, client = claims.get("email"), claims.get("azp")
    if not isinstance(email, str):  # a service account may leave it out; its `azp` is its own number
        return True if client is not None and client == claims.get("sub") else None
    if not email.endswith(".gserviceaccount.com"):
        return False
    return True if claims.get("email_verified") is True else None


def _explain(refused: Refused, _: Mapping[str, Any]) -> str | None:
    return _AUDIENCE_HINT if about_audience(refused) else None


def _family(issuer: str) -> str | None:
    host = host_of(issuer) or issuer
    return "google" if host.endswith((".google.com", ".gserviceaccount.com")) else None


PROFILE = ProviderProfile(
    kind="google",
    token_kinds=KINDS,
    tenant_claims="hd",
    is_application=_is_application,
    foreign_audiences={_GCLOUD: _GCLOUD_HINT},
    explain=_explain,
    family=_family,
    family_hint=_FAMILY_HINT,
    opaque_hint=_OPAQUE_HINT,
    open_to="everybody with a Google account",
)


def google(
    *,
    audience: AudienceNames,
    hosted_domain: str | Iterable[str] | None = None,
    issuer: str | None = None,
    name: str = "Google",
    discovery_url: str | None = None,
    **options: Unpack[Options],
) -> KeyManager:
    """
    Return the key manager of Google's ID tokens.

    Args:
        audience: Who they must be meant for: what clients name when they ask for an ID token, often the URL of the API.

        hosted_domain: The Workspace or Cloud organizations whose users are accepted (the claim ``hd``), by domain.
            Service accounts and consumer accounts have none. Without it, name whom you accept with ``claim_in`` on
            ``email`` (which must then be verified) or ``sub``: tokens for your API are there for everybody.

        issuer: Another issuer than Google's: a test's.

        name: What to call it.

        discovery_url: Where the discovery document lies, if that is not below the issuer.

        options: Further arguments of `KeyManager`, and ``network``.

    Raises:
        ConfigurationError: A hosted domain is no domain, or `KeyManager` refuses an argument.
    """
    said = ISSUER if issuer is None and discovery_url is None else issuer
    found, document = placed(said, discovery_url, network=options.get("network"))
    known: dict[str, Any] = {
        "algorithms": ("RS256",),
        "consumer_key_claims": ("azp",),
        "scope_claims": (),
        "extra_issuers": found.partition("://")[2] or (),  # as its tokens named it in former times
    }
    if hosted_domain is not None:
        known["claim_in"] = {"hd": _domains(hosted_domain)}
    if _named(known) & _named(options):
        raise ConfigurationError("hosted domains are named by hosted_domain=, or by claim_in=, not by both")
    named = _named(known) | _named(options)
    known["profile"] = attrs.evolve(PROFILE, open_to=None) if named & _WHO else PROFILE
    if "email" in named:
        known["claim_values"] = {"email_verified": True}
    return key_manager(
        known, options, name=name, issuer=found, audience=audience, discovery_url=document, key_hosts=_KEY_HOSTS
    )


def _named(arguments: Mapping[str, Any]) -> set[str]:
    """Return the claims that must have a certain value."""
    tables = (arguments.get(name) for name in ("claim_in", "claim_values"))
    return {claim for table in tables if isinstance(table, Mapping) for claim in table}


def _domains(hosted_domain: str | Iterable[str]) -> tuple[str, ...]:
    domains = to_names(hosted_domain)
    if not domains or not all("." in one and host_of("https://" + one) == one for one in domains):
        raise ConfigurationError("a hosted domain is a domain in lower case, such as acme.com")
    return domains
