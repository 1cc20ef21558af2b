"""
Kubernetes: the tokens of service accounts that the API server binds to a pod, a time and an audience.

Rules kept here: a token of the bound kind has an object ``kubernetes.io`` and an end; those that lie in secrets have
neither. Any pod can ask for a token for any audience, so that the audience restricts nobody in the cluster.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Unpack

import attrs

from kmvalidate.attributes import text_at
from kmvalidate.errors import ConfigurationError, Reason, Refused
from kmvalidate.fields import to_names
from kmvalidate.profiles import ProviderProfile
from kmvalidate.providers._common import always, key_manager, placed
from kmvalidate.rules import TokenKinds

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from collections.abc import Set as AbstractSet

    from kmvalidate.key_manager import KeyManager
    from kmvalidate.providers._common import AudienceNames, Options

_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_NAMESPACE = re.compile(_LABEL)
_ACCOUNT = re.compile(rf"({_LABEL}):[a-z0-9](?:[a-z0-9.-]{{0,251}}[a-z0-9])?")
_WHERE = (("kubernetes.io", "namespace"),)

_AUDIENCE_HINT = "A pod gets a token for you from a projected volume with `serviceAccountToken: audience:`."
_API_SERVER_HINT = f"It is for the API server. {_AUDIENCE_HINT}"
_ENDLESS_HINT = "It is a token out of a secret, which never ends; bound tokens come from a projected volume."

KINDS = TokenKinds(required_signs={"kubernetes.io"})


def _explain(refused: Refused, claims: Mapping[str, Any]) -> str | None:
    if refused.reason is Reason.WRONG_AUDIENCE:
        return _AUDIENCE_HINT
    return _ENDLESS_HINT if "kubernetes.io/serviceaccount/namespace" in claims else None


PROFILE = ProviderProfile(
    kind="kubernetes",
    token_kinds=KINDS,
    tenant_claims=_WHERE,
    is_application=always,
    foreign_audiences={
        "https://kubernetes.default.svc": _API_SERVER_HINT,
        "https://kubernetes.default.svc.cluster.local": _API_SERVER_HINT,
    },
    explain=_explain,
)


@attrs.frozen
class _InNamespaces:
    """Refuses the tokens of other namespaces; a value, so that configurations that say the same are the same."""

    namespaces: frozenset[str]

    def __call__(self, values: Mapping[str, Any], _: AbstractSet[str]) -> None:
        namespace = text_at(values, _WHERE)
        if namespace not in self.namespaces:
            raise Refused(Reason.CLAIM_MISMATCH, claim="kubernetes.io", expected=self.namespaces, got=namespace)


def kubernetes(
    issuer: str | None = None,
    *,
    audience: AudienceNames,
    namespaces: str | Iterable[str] | None = None,
    service_accounts: str | Iterable[str] | None = None,
    name: str = "Kubernetes",
    discovery_url: str | None = None,
    jwks_url: str | None = None,
    **options: Unpack[Options],
) -> KeyManager:
    """
    Return the key manager of a Kubernetes cluster. The API server may not show its keys to everybody: then give them as
    ``keys=StaticKeys.from_file(...)``.

    Args:
        issuer: What the API server was started with as ``--service-account-issuer``; or the URL of the discovery
            document.

        audience: Who tokens must be meant for; any pod can ask for any audience.

        namespaces: The namespaces whose service accounts are accepted; by default all.

        service_accounts: The service accounts that are accepted, each as ``NAMESPACE:NAME``; by default all.

        name: What to call it.

        discovery_url: Where the discovery document lies, if that is not below the issuer.

        jwks_url: Where the keys lie, if no discovery document is to say so:
            ``https://kubernetes.default.svc/openid/v1/jwks``.

        options: Further arguments of `KeyManager`, and ``network``.

    Raises:
        ConfigurationError: A namespace or a service account is no name of one, a service account is in none of the
            namespaces, or `KeyManager` refuses an argument.
    """
    found, document = placed(issuer, discovery_url, network=options.get("network"))
    spaces = None if namespaces is None else _checked("namespaces", namespaces, _NAMESPACE)
    accounts = None if service_accounts is None else _checked("service_accounts", service_accounts, _ACCOUNT)
    if spaces and accounts and not {account.partition(":")[0] for account in accounts} <= spaces:
        raise ConfigurationError("service_accounts: each is in one of the namespaces")
    known = {
        "algorithms": ("RS256", "ES256", "ES384", "ES512"),
        "consumer_key_claims": (),
        "scope_claims": (),
        "claim_in": {"sub": sorted(f"system:serviceaccount:{account}" for account in accounts)} if accounts else {},
        "profile": _profile(spaces),
    }
    document = None if jwks_url else document
    return key_manager(
        known, options, name=name, issuer=found, audience=audience, discovery_url=document, jwks_url=jwks_url
    )


def _profile(namespaces: frozenset[str] | None) -> ProviderProfile:
    if namespaces is None:
        return PROFILE
    return attrs.evolve(PROFILE, check=_InNamespaces(namespaces), checked_claims="kubernetes.io")


def _checked(what: str, names: str | Iterable[str], form: re.Pattern[str]) -> frozenset[str]:
    given = to_names(names)
    if not given or not all(form.fullmatch(one) for one in given):
        shape = "NAMESPACE:NAME" if form is _ACCOUNT else "a plain name"
        raise ConfigurationError(f"{what}: each is {shape} in lower case, and there is at least one")
    return frozenset(given)
