"""
Asgardeo, WSO2's identity provider as a service.

Rules kept here: only ``at+jwt`` in the header is an access token: ID, subject and logout tokens are ``JWT``, refresh
tokens ``rt+jwt``. Every issuer of an organization has keys of its own, and they count for that issuer alone.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Unpack

from kmvalidate.errors import ConfigurationError
from kmvalidate.fields import UUID
from kmvalidate.ports import Network
from kmvalidate.profiles import ProviderProfile
from kmvalidate.providers._common import key_manager, placed
from kmvalidate.providers._wso2_is import ALGORITHMS, ANSWERS, USER_TYPES, check_issuer, explain, is_application
from kmvalidate.rules import MARKERS, TokenKinds
from kmvalidate.urls import checked_url

if TYPE_CHECKING:
    from kmvalidate.key_manager import KeyManager
    from kmvalidate.providers._common import AudienceNames, Options

_CLOUD = "https://api.asgardeo.io"
_USUAL = "/oauth2/token"
_KEYS = "/oauth2/jwks"
_ORG = re.compile(r"[a-z0-9][a-z0-9_-]*(\.[a-z0-9][a-z0-9_-]*)*")
_UUID = re.compile(UUID)
_FORM = re.compile(r"(https?://[^/]+/t/([^/]+)(?:/o/[^/]+)?)(/oauth2/token)?/?")
_ISSUER_HINT = (
    "Another issuer of that organization is configured: its root, its sub-organizations (/o/ID) and its FAPI "
    "applications (without /oauth2/token) have one each. Configure this one too, with sub_organization= or issuer=."
)
_OPAQUE_HINT = "Asgardeo issues JWTs only to applications whose access token type is JWT (Protocol tab)."

KINDS = TokenKinds(
    header_types={"at+jwt"},
    type_may_be_absent=False,
    markers={**MARKERS, "aut": USER_TYPES},
)


def _family(issuer: str) -> str | None:
    found = _FORM.fullmatch(issuer)
    return found[2] if found else None


PROFILE = ProviderProfile(
    kind="asgardeo",
    token_kinds=KINDS,
    tenant_claims=("org_id", "org_handle"),
    is_application=is_application,
    explain=explain,
    family=_family,
    family_hint=_ISSUER_HINT,
    opaque_hint=_OPAQUE_HINT,
    answers=ANSWERS,
    requests_per_minute=200,
)


def asgardeo(
    org: str | None = None,
    *,
    audience: AudienceNames,
    name: str = "Asgardeo",
    sub_organization: str | None = None,
    base_url: str = _CLOUD,
    issuer: str | None = None,
    discovery_url: str | None = None,
    **options: Unpack[Options],
) -> KeyManager:
    """
    Return the key manager of an organization of Asgardeo, or of one of its sub-organizations.

    A sub-organization is a key manager of its own, with an issuer and a key set of its own. That key set also has keys
    of the organizations above it, whose keys sign for it where an application is theirs; so all keys in it count for
    its tokens. They count for nobody else's: the tokens of the root are verified with the root's own key set, in which
    the sub-organization's keys are not. Where two keys there share a key id, tokens that name it are refused.

    Tokens of the root's issuer may be about a sub-organization's users; ``org_id`` says which, and is `tenant` in a
    verified token. Demand it with ``claim_in={"org_id": [...]}`` where not all of them may call.

    Args:
        org: The name of the root organization, ``acme`` in ``https://console.asgardeo.io/t/acme``.

        audience: Who its tokens must be meant for.

        name: What to call it.

        sub_organization: The id of a sub-organization (a UUID), for the tokens that it issues itself.

        base_url: Where Asgardeo is.

        issuer: What ``iss`` says, where that is not the usual: FAPI applications have it without ``/oauth2/token``,
            others the address for mutual TLS, or an entity id. With *org*, the keys are that organization's.

        discovery_url: Where the discovery document lies, if that is not below the issuer.

        options: Further arguments of `KeyManager`, and ``network``.

    Raises:
        ConfigurationError: The organization, sub-organization or base URL is malformed, the issuer is none, or
            `KeyManager` refuses an argument.
    """
    network = options.get("network")
    home: str | None
    if org is not None:
        home = _home(org, sub_organization, base_url, network)
        found, document = home + _USUAL if issuer is None else issuer, discovery_url
    elif sub_organization is not None or base_url != _CLOUD:
        raise ConfigurationError("sub_organization= and base_url= go with org=")
    else:
        found, document = _placed(issuer, discovery_url, network)
        home = _home_of(found)
    has_document = document is not None or home is None or found == home + _USUAL
    known = {
        "algorithms": ALGORITHMS,
        "consumer_key_claims": ("client_id", "azp"),
        "scope_claims": ("scope",),
        "profile": PROFILE,
    }
    keys = None if has_document or options.get("keys") is not None else f"{home}{_KEYS}"
    return key_manager(
        known, options, name=name, issuer=found, audience=audience, discovery_url=document, jwks_url=keys
    )


def _home(org: str, sub_organization: str | None, base_url: str, network: Network | None) -> str:
    """Return the address of an organization, below which its endpoints are."""
    if not isinstance(org, str) or not _ORG.fullmatch(org):
        raise ConfigurationError("org is the name of an organization as its URLs have it, in lower case: acme")
    insecure = isinstance(network, Network) and network.insecure_http
    if checked_url(base_url, insecure_http=insecure, allow_query=False).path or base_url != base_url.lower():
        raise ConfigurationError("base_url is a host alone, such as https://api.asgardeo.io, in lower case")
    if sub_organization is None:
        return f"{base_url}/t/{org}"
    if not isinstance(sub_organization, str) or not _UUID.fullmatch(sub_organization):
        raise ConfigurationError("sub_organization is the id of an organization, a UUID in lower case")
    return f"{base_url}/t/{org}/o/{sub_organization}"


def _placed(issuer: str | None, discovery_url: str | None, network: Network | None) -> tuple[str, str | None]:
    if issuer is None and discovery_url is None:
        raise ConfigurationError("an organization of Asgardeo is found by its name: org=, or else by its issuer=")
    found, document = placed(issuer, discovery_url, network=network)
    check_issuer(found)
    return found, document


def _home_of(issuer: str) -> str | None:
    found = _FORM.fullmatch(issuer)
    return found[1] if found else None
