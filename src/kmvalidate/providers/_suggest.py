"""
Which named provider a discovered one is, told by its URLs.

Rules kept here: a table. Its patterns cover a URL from the first character to the last, and take linear time. A call is
proposed only where the provider takes it; what a document says is shown in it as Python literals.
"""

from __future__ import annotations

import inspect
import re
from typing import TYPE_CHECKING, Any

import attrs

from kmvalidate.discovered import network_text
from kmvalidate.errors import ConfigurationError
from kmvalidate.fields import UUID
from kmvalidate.ports import Network
from kmvalidate.providers._plugins import load
from kmvalidate.urls import well_known_urls

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kmvalidate.discovered import Discovered
    from kmvalidate.key_manager import KeyManager

_HOST = r"https?://[0-9A-Za-z.-]+(?::[0-9]+)?"
_NAME = r"[0-9A-Za-z._~%-]+"
_PATH = r"[0-9A-Za-z._~%/-]+"
_LABEL = r"[0-9a-z-]+"
_GITHUB = r"https://token\.actions\.githubusercontent\.com"
_OKTA = rf"{_LABEL}\.(?:okta|oktapreview|okta-emea|okta-gov)\.com"
_PUBLIC_ENTRA = r"https://(?:login\.microsoftonline\.com|login\.windows\.net|sts\.windows\.net)"
_ENTRA = (
    r"https://(?:login\.microsoftonline\.(?:com|us)|login\.partner\.microsoftonline\.cn"
    r"|sts\.windows\.net|sts\.chinacloudapi\.cn)"
)
_NOBODY = "00000000-0000-0000-0000-000000000000"  # a placeholder: nobody's tenant


_SLASH = "The slash at the end of its issuer belongs to it: the `iss` of its tokens has it too."


@attrs.frozen(kw_only=True)
class Sign:
    """
    How a provider is told, and what is proposed then.

    Args:
        provider: Its name in `kmvalidate.providers`.

        issuer: What the issuer in its document looks like; the others are what the URLs of its document and of its keys
            look like.

        document: See there.

        keys: See there.

        arguments: What its function takes: texts with the named groups of the patterns in braces, and lists of them;
            ``issuer`` is the issuer itself, ``document`` the URL of the document.

        note: What a person should know.
    """

    provider: str
    issuer: str = ".+"
    document: str = ".+"
    keys: str = ".+"
    arguments: Mapping[str, Any] = {"issuer": "{issuer}"}
    note: str | None = None

    def told(self, found: Discovered) -> dict[str, Any] | None:
        """Return the arguments that follow from a provider's URLs; None if they are not this one's."""
        sides = ((self.issuer, found.issuer), (self.document, found.discovery_url), (self.keys, found.jwks_uri))
        facts: dict[str, Any] = {"issuer": found.issuer, "document": found.discovery_url}
        for pattern, url in sides:
            match = re.fullmatch(pattern, url)
            if match is None:
                return None
            facts |= match.groupdict()
        return {name: _filled(value, facts) for name, value in self.arguments.items()}


def _filled(value: Any, facts: Mapping[str, Any]) -> Any:
    return value.format_map(facts) if isinstance(value, str) else [_filled(member, facts) for member in value]


#: The first that fits counts.
SIGNS = (
    Sign(
        provider="asgardeo",
        issuer=rf"https://api\.asgardeo\.io/t/(?P<org>{_NAME})/oauth2/token",
        arguments={"org": "{org}"},
    ),
    Sign(
        provider="asgardeo",
        issuer=rf"https://api\.asgardeo\.io/t/(?P<org>{_NAME})/o/(?P<id>{UUID})/oauth2/token",
        arguments={"org": "{org}", "sub_organization": "{id}"},
    ),
    Sign(
        provider="auth0",
        issuer=rf"https://(?P<domain>{_LABEL}(?:\.{_LABEL})?\.auth0\.com)/",
        arguments={"domain": "{domain}"},
    ),
    Sign(provider="okta", issuer=rf"https://{_OKTA}/oauth2/{_NAME}"),
    Sign(
        provider="okta",
        issuer=rf"(?P<home>https://{_OKTA})",
        arguments={"issuer": "{home}/oauth2/default"},
        note="Tokens of Okta's org server are for Okta alone; APIs have a custom authorization server (/oauth2/ID).",
    ),
    Sign(
        provider="entra_id",
        issuer=rf"{_ENTRA}/(?P<tenant>{UUID})(?:/v2\.0|/)",
        document=rf"{_PUBLIC_ENTRA}/{_PATH}",
        arguments={"tenant": "{tenant}"},
    ),
    Sign(
        provider="entra_id",
        issuer=rf"{_ENTRA}/(?P<tenant>{UUID})(?:/v2\.0|/)",
        document=rf"{_ENTRA}/.+",
        arguments={"tenant": "{tenant}", "discovery_url": "{document}"},
    ),
    Sign(
        provider="entra_id",
        issuer=rf"{_ENTRA}/\{{tenantid\}}(?:/v2\.0|/)",
        document=rf"{_ENTRA}/.+",
        arguments={"tenant": [_NOBODY], "discovery_url": "{document}"},
        note="That document serves every tenant there is: list those whose tokens are accepted, as tenant=.",
    ),
    Sign(
        provider="entra_external_id",
        issuer=rf"https://{UUID}\.ciamlogin\.com/(?P<tenant>{UUID})/v2\.0",
        document=rf"https://(?P<name>{_LABEL})\.ciamlogin\.com/{_PATH}",
        arguments={"tenant": "{tenant}", "tenant_name": "{name}"},
    ),
    Sign(
        provider="entra_external_id",
        issuer=rf"https://{UUID}\.ciamlogin\.com/(?P<tenant>{UUID})/v2\.0",
        arguments={"tenant": "{tenant}", "discovery_url": "{document}"},
    ),
    Sign(
        provider="azure_ad_b2c",
        issuer=rf"https://(?P<tenant>{_LABEL})\.b2clogin\.com/(?P<id>{UUID})/v2\.0/",
        document=rf"https://{_LABEL}\.b2clogin\.com/{_NAME}/(?P<policy>{_NAME})/v2\.0/\.well-known/{_NAME}",
        arguments={"tenant": "{tenant}", "tenant_id": "{id}", "policies": "{policy}"},
    ),
    Sign(
        provider="azure_ad_b2c",
        issuer=rf"{_HOST}/(?:tfp/)?{UUID}/(?:{_NAME}/)?v2\.0/",
        arguments={"issuer": "{issuer}", "discovery_url": "{document}"},
    ),
    Sign(
        provider="cognito",
        issuer=rf"https://cognito-idp\.{_LABEL}\.amazonaws\.com(?:\.cn)?/(?P<pool>{_NAME})",
        arguments={"pool": "{pool}", "client_ids": "..."},
    ),
    Sign(
        provider="cognito",
        issuer=rf"https://issuer-cognito-idp\.{_LABEL}\.amazonaws\.com/{_NAME}",
        arguments={"issuer": "{issuer}", "client_ids": "..."},
    ),
    Sign(provider="google", issuer=r"https://accounts\.google\.com", arguments={}),
    Sign(provider="github_actions", issuer=_GITHUB, arguments={}),
    Sign(provider="github_actions", issuer=rf"{_GITHUB}/(?P<slug>{_NAME})", arguments={"enterprise": "{slug}"}),
    Sign(provider="github_actions", issuer=rf"{_HOST}/_services/token"),
    Sign(provider="gitlab_ci", issuer=r"https://gitlab\.com", arguments={}),
    Sign(provider="gitlab_ci", issuer=_HOST, keys=rf"{_HOST}/oauth/discovery/keys"),
    Sign(provider="kubernetes", issuer=rf"https://oidc\.eks\.{_LABEL}\.amazonaws\.com(?:\.cn)?/id/{_NAME}"),
    Sign(provider="kubernetes", issuer=rf"https://container\.googleapis\.com/v1/projects/{_PATH}"),
    Sign(provider="kubernetes", keys=rf"{_HOST}/openid/v1/jwks"),
    Sign(
        provider="ping_one",
        issuer=rf"https://auth\.pingone\.(?P<region>[a-z.]+)/(?P<id>{UUID})/as",
        arguments={"environment": "{id}", "region": "{region}"},
    ),
    Sign(provider="ping_one", issuer=rf"{_HOST}/{UUID}/as"),
    Sign(provider="ping_federate", keys=rf"{_HOST}/pf/JWKS"),
    Sign(provider="forgerock", issuer=rf"{_HOST}/(?:am|openam)/oauth2(?:/{_PATH})?"),
    Sign(provider="adfs", issuer=r"https://(?P<host>[a-z0-9.-]+)/adfs", arguments={"host": "{host}"}),
    Sign(provider="adfs", issuer=rf"{_HOST}/adfs", arguments={"discovery_url": "{document}"}),
    Sign(provider="keycloak", issuer=rf"{_HOST}(?:/auth)?/realms/{_NAME}"),
    Sign(provider="okta", issuer=rf"{_HOST}/oauth2/(?:default|aus[0-9A-Za-z]{{17}})"),
    Sign(provider="wso2_is", issuer=rf"{_HOST}(?:/t/{_NAME})?/oauth2/token"),
    Sign(provider="thunder", issuer=_HOST, keys=rf"{_HOST}/oauth2/jwks"),
)


def suggest(found: Discovered) -> str | None:
    """
    Return the Python text that configures a discovered provider by its own function in `kmvalidate.providers`.

    Args:
        found: What `kmvalidate.discover` returned.

    Returns:
        The call; None if the provider is not recognised, or publishes what its function refuses.
    """
    known = _recognised(found)
    return None if known is None else _text(known)


def notes(found: Discovered) -> tuple[str, ...]:
    """Return what a person should know before a discovered provider is taken over."""
    slash = found.issuer == found.asked_issuer + "/"
    known = _recognised(found)
    said = (
        _SLASH if slash else None,
        known.sign.note if known else None,
        f"It has tokens for {known.manager.profile.open_to}: say whom you accept."
        if known and known.manager.profile.open_to
        else None,
    )
    return tuple(note for note in said if note)


@attrs.frozen
class _Recognised:
    """A provider that was told, the arguments for its function, and what that returns for them."""

    sign: Sign
    arguments: Mapping[str, Any]
    manager: KeyManager


def _recognised(found: Discovered) -> _Recognised | None:
    for sign in SIGNS:
        told = sign.told(found)
        if told is not None:
            arguments = {**told, **_rest(found, told)}
            try:
                return _Recognised(sign, arguments, load(sign.provider)(**arguments))
            except ConfigurationError:  # what looks like one of its URLs is none
                continue
    return None


def _rest(found: Discovered, told: Mapping[str, Any]) -> dict[str, Any]:
    rest: dict[str, Any] = {} if "client_ids" in told else {"audience": "..."}
    if "issuer" in told and "discovery_url" not in told and found.discovery_url not in _usual_places(found.issuer):
        rest["discovery_url"] = found.discovery_url
    if found.network != Network():
        rest["network"] = found.network
    return rest


def _usual_places(issuer: str) -> tuple[str, ...]:
    try:
        return well_known_urls(issuer, insecure_http=True)
    except ConfigurationError:
        return ()


def _text(known: _Recognised) -> str:
    first = next(iter(inspect.signature(load(known.sign.provider)).parameters))
    said = []
    for name, value in known.arguments.items():
        text = network_text(value) if isinstance(value, Network) else ascii(value)
        said.append(text if name == first == "issuer" else f"{name}={text}")
    return f"providers.{known.sign.provider}({', '.join(said)})"
