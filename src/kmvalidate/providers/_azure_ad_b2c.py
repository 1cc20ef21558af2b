"""
Azure AD B2C: user flows and custom policies of one tenant.

Rules kept here: a token says by which policy it was issued (``tfp``, in old policies ``acr``), and that one is listed:
a policy for resetting passwords is not one for signing in. ID tokens do not name the client that got them (``azp``).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Unpack

import attrs

from kmvalidate.errors import ConfigurationError, Reason, Refused
from kmvalidate.fields import UUID, to_names
from kmvalidate.profiles import ProviderProfile
from kmvalidate.providers._common import key_manager
from kmvalidate.providers._microsoft import DIRECTORY, ORIGIN, to_guid, told_apart
from kmvalidate.rules import TokenKinds
from kmvalidate.urls import OIDC_SUFFIX

if TYPE_CHECKING:
    from collections.abc import Mapping
    from collections.abc import Set as AbstractSet

    from kmvalidate.key_manager import KeyManager
    from kmvalidate.providers._common import AudienceNames, Names, Options

_POLICY = r"[Bb]2[Cc]_1[Aa]?_[A-Za-z0-9_-]+"
_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_NAME = re.compile(_LABEL)
_HOST = re.compile(rf"{_LABEL}(?:\.{_LABEL})+")
_POLICY_NAME = re.compile(_POLICY)
_ISSUER = re.compile(rf"({ORIGIN})/(?:tfp/)?({UUID})/(?:({_POLICY})/)?v2\.0/")
_DOCUMENT = re.compile(
    rf"({ORIGIN})/(?:tfp/)?(?:((?i:{UUID}))|{DIRECTORY})/(?:({_POLICY})/)?v2\.0{re.escape(OIDC_SUFFIX)}(?:\?p=({_POLICY}))?"
)
_RELATIVE = re.compile(rf"{ORIGIN}/(?:tfp/)?({UUID})/(?:{_POLICY}/)?(?:v2\.0/?)?")

_POLICY_HINT = "Each user flow and custom policy whose tokens are accepted is listed in policies=."
_KEY_HINT = (
    "The keys are those in the metadata of the first of policies=. A policy with keys of its own needs an issuer of "
    "its own (/tfp/ in the settings of its tokens), and a key manager for that."
)
_AUDIENCE_HINT = "`aud` is the client id of the API for which the client asked a scope."
_FORM_HINT = (
    "It is of the configured tenant, with another issuer: policies say in their settings whether `iss` has /tfp/ and "
    "their name in it, and its host is the one that the client called: a custom domain, or NAME.b2clogin.com."
)
_USER_CLAIMS = frozenset({"auth_time", "name", "given_name", "family_name", "emails", "idp", "nonce"})

KINDS = TokenKinds(required_signs={"azp"})


@attrs.frozen
class PolicyCheck:
    """Checks by which policy a token was issued; names of policies are compared without their case, as B2C does."""

    policies: frozenset[str]

    def __call__(self, values: Mapping[str, Any], _: AbstractSet[str], /) -> None:
        """
        Check a token's ``tfp``, or its ``acr`` if it has none.

        Raises:
            Refused: MISSING_CLAIM, CLAIM_MISMATCH.
        """
        claim = "tfp" if "tfp" in values else "acr"
        if claim not in values:
            raise Refused(Reason.MISSING_CLAIM, claim="tfp", expected=self.policies, hint=_POLICY_HINT)
        policy = values[claim]
        if not isinstance(policy, str) or policy.lower() not in self.policies:
            raise Refused(Reason.CLAIM_MISMATCH, claim=claim, expected=self.policies, got=policy, hint=_POLICY_HINT)


def _is_application(claims: Mapping[str, Any]) -> bool | None:
    if not _USER_CLAIMS.isdisjoint(claims):
        return False
    return None if "sub" in claims or "oid" in claims else True


def _explain(refused: Refused, _: Mapping[str, Any]) -> str | None:
    if refused.claim == "aud":
        return _AUDIENCE_HINT
    return _KEY_HINT if refused.reason is Reason.UNKNOWN_KEY else None


def _family(issuer: str) -> str | None:
    found = _RELATIVE.fullmatch(issuer)
    return found[1] if found else None


PROFILE = ProviderProfile(
    kind="azure_ad_b2c",
    token_kinds=KINDS,
    user_id_claims=("sub", "oid"),
    tenant_claims=("tid",),
    is_application=_is_application,
    checked_claims=("tfp", "acr"),
    explain=_explain,
    family=_family,
    family_hint=_FORM_HINT,
    opaque_hint="The access tokens of Azure AD B2C are JWTs: what is opaque is of an identity provider behind it.",
)

_KNOWN: Mapping[str, Any] = {
    "algorithms": ("RS256",),
    "leeway_s": 300.0,
    "consumer_key_claims": ("azp",),
    "scope_claims": ("scp",),
}


def azure_ad_b2c(
    tenant: str | None = None,
    tenant_id: str | None = None,
    *,
    audience: AudienceNames,
    policies: Names | None = None,
    name: str = "Azure AD B2C",
    domain: str | None = None,
    issuer: str | None = None,
    discovery_url: str | None = None,
    **options: Unpack[Options],
) -> KeyManager:
    """
    Return the key manager of an Azure AD B2C tenant.

    Args:
        tenant: Its name: what stands before ``.b2clogin.com`` and ``.onmicrosoft.com``.

        tenant_id: Its GUID; not needed if *issuer* or *discovery_url* has it in it.

        audience: Who its tokens must be meant for: the client id of an API.

        policies: The user flows and custom policies whose tokens are accepted, as ``B2C_1_signin``. The metadata of the
            first one are used; not needed if *issuer* or *discovery_url* names one.

        name: What to call it.

        domain: The host that clients call, if that is a custom domain.

        issuer: The ``iss`` of its tokens, if that is not ``https://NAME.b2clogin.com/GUID/v2.0/``, with its slash.

        discovery_url: Where the discovery document of the first policy lies, if that is elsewhere.

        options: Further arguments of `KeyManager`, and ``network``. The leeway is 300 s, as in Microsoft's libraries.

    Raises:
        ConfigurationError: The tenant or a policy is missing, or no such name; arguments contradict each other; or
            `KeyManager` refuses one.
    """
    issuer, discovery_url = told_apart(issuer, discovery_url)
    said, found = _parts(_ISSUER, issuer, "issuer"), _parts(_DOCUMENT, discovery_url, "discovery_url")
    names, guid = _policies(policies, said[2], found[2], found[3]), _guid(tenant_id, said[1], found[1])
    origin = _own_origin(tenant, domain) or said[0] or found[0]
    if origin is None:
        raise ConfigurationError("the host of the issuer follows from tenant= (the tenant's name), domain= or issuer=")
    if discovery_url is None and options.get("keys") is None:
        directory = guid if tenant is None else f"{_plain(tenant)}.onmicrosoft.com"
        discovery_url = f"{origin}/{directory}/{names[0]}/v2.0{OIDC_SUFFIX}"
    profile = attrs.evolve(PROFILE, check=PolicyCheck(frozenset(one.lower() for one in names)))
    return key_manager(
        {**_KNOWN, "profile": profile},
        options,
        name=name,
        issuer=issuer or f"{origin}/{guid}/v2.0/",
        audience=audience,
        discovery_url=discovery_url,
    )


def _parts(pattern: re.Pattern[str], said: str | None, argument: str) -> tuple[str | None, ...]:
    """Return what a URL says of the tenant and the policy, nothing if there is no URL."""
    if said is None:
        return (None,) * pattern.groups
    found = pattern.fullmatch(said) if isinstance(said, str) else None
    if found is None:
        forms = {
            "issuer": "https://HOST/GUID/v2.0/ or https://HOST/tfp/GUID/POLICY/v2.0/, with the slash",
            "discovery_url": f"https://HOST/TENANT/POLICY/v2.0{OIDC_SUFFIX}",
        }
        raise ConfigurationError(f"{argument}: Azure AD B2C has {forms[argument]}")
    return found.groups()


def _policies(given: Names | None, *told: str | None) -> tuple[str, ...]:
    named = {one.lower(): one for one in told if one}
    policies = tuple(named.values()) if given is None else to_names(given)
    if not policies or not all(_POLICY_NAME.fullmatch(one) for one in policies):
        raise ConfigurationError("policies= lists user flows and custom policies, named B2C_1_... and B2C_1A_...")
    if not named.keys() <= {one.lower() for one in policies} or len(named) > 1:
        raise ConfigurationError("policies=, issuer= and discovery_url= are of different policies")
    return policies


def _guid(*given: str | None) -> str:
    named = {to_guid(one, "a tenant") for one in given if one is not None}
    if len(named) != 1:
        raise ConfigurationError("tenant_id=, issuer= and discovery_url= name one tenant together, by its GUID")
    return named.pop()


def _plain(tenant: str) -> str:
    name = tenant.removesuffix(".onmicrosoft.com") if isinstance(tenant, str) else ""
    if not _NAME.fullmatch(name):
        raise ConfigurationError("tenant is NAME in NAME.b2clogin.com: lower-case letters, digits and hyphens")
    return name


def _own_origin(tenant: str | None, domain: str | None) -> str | None:
    if domain is None:
        return None if tenant is None else f"https://{_plain(tenant)}.b2clogin.com"
    if not isinstance(domain, str) or not _HOST.fullmatch(domain):
        raise ConfigurationError("domain is the host name of a custom domain, in lower case")
    return f"https://{domain}"
