"""
WSO2 Identity Server, and the resident key manager of WSO2 API Manager.

Rules kept here: an access token has ``at+jwt`` in its header (Identity Server 7), or else the claim ``aut``. ID,
refresh, subject and logout tokens, API keys, internal keys and backend JWTs, which the same keys sign, have neither.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Unpack

from kmvalidate.attributes import text_at
from kmvalidate.errors import ConfigurationError, Reason, Refused
from kmvalidate.ports import Network
from kmvalidate.profiles import AnswerRules, ProviderProfile
from kmvalidate.providers._common import about_audience, host_of, key_manager, placed
from kmvalidate.providers._wso2_deployment import introspection, service_bases
from kmvalidate.rules import FOREIGN_CLAIMS, MARKERS, TokenKinds
from kmvalidate.urls import checked_url

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kmvalidate.client_auth import SecretSource
    from kmvalidate.introspection import Introspection
    from kmvalidate.key_manager import KeyManager
    from kmvalidate.providers._common import AudienceNames, Names, Options

#: What the server can sign with.
ALGORITHMS = ("RS256", "RS384", "RS512", "PS256")

#: On whose behalf a token was issued; access tokens say it, and no other kind of token does.
USER_TYPES = frozenset({"application", "application_user", "agent"})

#: What its introspection answers mean: refresh tokens are active too, and told by their type; its own faults are
#: answered with "no"; and answers about opaque tokens name neither issuer nor audience, those of old servers no ``aut``
#: either.
ANSWERS = AnswerRules(required_members=("token_type", "client_id"), requires=("exp",), errors_look_inactive=True)

KINDS = TokenKinds(
    markers={**MARKERS, "aut": USER_TYPES},
    required_markers={"aut"},
    telling_types={"at+jwt"},
    foreign_claims={**FOREIGN_CLAIMS, "may_act": "a subject token"},
)

_USUAL = "/oauth2/token"
_OTHER_DISCOVERY = "/oauth2/oidcdiscovery"
_SIGNER = ("realm", "signing_tenant")
_SUPER_TENANT = "carbon.super"
_TENANT = re.compile(r"[a-z0-9][a-z0-9_-]*(\.[a-z0-9][a-z0-9_-]*)*")
_FORM = re.compile(r"https?://[^/]+(/t/[^/]+)?(/o/[^/]+)?/oauth2/token")
_NO_ISSUER = re.compile(r".*(/|/oauth2(/(jwks|authorize|oidcdiscovery))?|/carbon|/console)")
_AUDIENCE_HINT = (
    "The client id is what WSO2 puts into `aud`, unless the application has further audiences: add that of the API to "
    "the application, or configure audience=ClientIdInstead(...)."
)
_KIND_HINT = (
    "Access tokens of WSO2 have at+jwt as their header type or, before Identity Server 7, the claim `aut`; this looks "
    "like an ID token, a subject token or an API key."
)
_ISSUER_HINT = (
    "A WSO2 server with another issuer is configured: it writes its own host name and port (9443 unless a proxy port "
    "is set) and the tenant (/t/NAME) into `iss`. Configure exactly that, and an internal address as discovery_url=."
)
_REALM_HINT = (
    "`realm` says that the user's tenant signed it, not the one in `iss`: have the server sign with the key of the "
    "application's tenant (UseSPTenantDomain)."
)
_OPAQUE_HINT = "WSO2 Identity Server issues JWTs only to applications whose access token type is JWT."


def is_application(claims: Mapping[str, Any]) -> bool | None:
    """Tell from ``aut`` whether a client got a token for itself; None if it has none."""
    kind = claims.get("aut")
    return kind.upper() == "APPLICATION" if isinstance(kind, str) else None


def explain(refused: Refused, _: Mapping[str, Any]) -> str | None:
    """Return what to do about an audience that nobody configured, and about a token of another kind."""
    if about_audience(refused):
        return _AUDIENCE_HINT
    is_kind = refused.reason is Reason.WRONG_TOKEN_KIND and refused.claim in {"typ", "aut"}
    return _KIND_HINT if is_kind else None


def check_issuer(issuer: str) -> None:
    """
    Check that an issuer is not one of the addresses that are mistaken for it.

    Raises:
        ConfigurationError: It is one.
    """
    if _NO_ISSUER.fullmatch(issuer):
        raise ConfigurationError("the issuer is what `iss` says; that of a WSO2 server ends with /oauth2/token")


def _explain(refused: Refused, claims: Mapping[str, Any]) -> str | None:
    by_other_tenant = refused.reason is Reason.UNKNOWN_KEY and text_at(claims, (_SIGNER,)) is not None
    return _REALM_HINT if by_other_tenant else explain(refused, claims)


def _family(issuer: str) -> str | None:
    is_asgardeo = ("." + host_of(issuer)).endswith(".asgardeo.io")
    return _USUAL if _FORM.fullmatch(issuer) and not is_asgardeo else None


PROFILE = ProviderProfile(
    kind="wso2_is",
    token_kinds=KINDS,
    tenant_claims=("org_id", _SIGNER),
    is_application=is_application,
    explain=_explain,
    family=_family,
    family_hint=_ISSUER_HINT,
    opaque_hint=_OPAQUE_HINT,
    answers=ANSWERS,
)


def wso2_is(
    issuer: str | None = None,
    *,
    audience: AudienceNames,
    name: str = "WSO2 IS",
    tenant: str | None = None,
    discovery_url: str | None = None,
    service_url: Names | None = None,
    username: str | None = None,
    password: SecretSource | None = None,
    **options: Unpack[Options],
) -> KeyManager:
    """
    Return the key manager of a WSO2 Identity Server, or of the one inside an API Manager.

    Its keys verify under the algorithm that each key id is published for: one RSA key has several key ids. A token may
    say for which of an API Manager's environments it is (``keytype``); ``claim_in=`` can ask for one. Where all tokens
    have the header type of Identity Server 7, ``token_kinds=RFC9068_ACCESS_TOKENS`` asks for it. Unless the server is
    configured otherwise, its introspection endpoint wants the name and password of an administrator, not a client's.

    Args:
        issuer: The server: ``https://HOST:9443``; or what ``iss`` says: ``https://HOST:9443/oauth2/token``; or the URL
            of its discovery document. An ``iss`` that is a host alone goes into *extra_issuers*.

        audience: Who its tokens must be meant for.

        name: What to call it.

        tenant: The tenant of that server, ``acme.com`` for ``/t/acme.com``; none for the super tenant.

        discovery_url: Where the discovery document lies, if that is not below the issuer.

        service_url: Where the services of a distributed API Manager's key manager are (``apim.key_manager`` in its
            configuration): ``https://HOST:9443/services/``, or those of several. Its opaque tokens, which are UUIDs,
            are then introspected there; without an issuer, that of the first one is taken.

        username: The administrator that asks there.

        password: His password.

        options: Further arguments of `KeyManager`, and ``network``.

    Raises:
        ConfigurationError: The issuer is none, the tenant is no domain name, or `KeyManager` refuses an argument.
    """
    network = options.get("network")
    if (service_url, username, password) != (None, None, None):
        bases = service_bases(service_url, network)
        options = _asked_there(options, introspection(bases, _tenant_path(tenant), username, password))
        if issuer is None and discovery_url is None:
            issuer, tenant = f"{bases[0]}{_tenant_path(tenant)}{_USUAL}", None
    if _is_host(issuer, network):
        found, document = f"{issuer}{_tenant_path(tenant)}{_USUAL}", discovery_url
    elif tenant is not None:
        raise ConfigurationError("tenant= goes with a host alone, such as https://is.example:9443, as the issuer")
    else:
        found, document = _placed(issuer, discovery_url, network)
    known = {
        "algorithms": ALGORITHMS,
        "consumer_key_claims": ("client_id", "azp"),
        "scope_claims": ("scope",),
        "profile": PROFILE,
    }
    return key_manager(known, options, name=name, issuer=found, audience=audience, discovery_url=document)


def _asked_there(options: Options, strategy: Introspection) -> Options:
    if options.get("introspection") is not None:
        raise ConfigurationError(
            "service_url= says how it is introspected, and so does introspection=: give one of them"
        )
    return {**options, "introspection": strategy}


def _is_host(issuer: object, network: Network | None) -> bool:
    insecure = isinstance(network, Network) and network.insecure_http
    try:
        return not checked_url(issuer, insecure_http=insecure, allow_query=False).path
    except ConfigurationError:  # an issuer need not be a URL
        return False


def _tenant_path(tenant: str | None) -> str:
    if tenant is None:
        return ""
    if not isinstance(tenant, str) or not _TENANT.fullmatch(tenant):
        raise ConfigurationError("a tenant is a domain name in lower case, such as acme.com")
    if tenant == _SUPER_TENANT:
        raise ConfigurationError("the super tenant has no /t/ in its issuer: leave tenant= out")
    return f"/t/{tenant}"


def _placed(issuer: str | None, discovery_url: str | None, network: Network | None) -> tuple[str, str | None]:
    found, document = placed(issuer, discovery_url, network=network)
    if found != issuer:  # it follows from the URL of the document, which has two places
        found = re.sub(f"{_OTHER_DISCOVERY}$", _USUAL, found)
    check_issuer(found)
    return found, document
