"""
GitHub Actions: the ID tokens of workflows, which are made to be shown to others.

Rules kept here: every workflow of every repository gets a token for any audience it asks for, so that the audience
restricts nobody; ids do, and names do not, which somebody else can take later.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Unpack

import attrs

from kmvalidate.errors import ConfigurationError, Reason, Refused
from kmvalidate.profiles import ProviderProfile
from kmvalidate.providers._common import always, further_issuers, host_of, key_manager, lacks_signs, placed
from kmvalidate.rules import TokenKinds

if TYPE_CHECKING:
    from kmvalidate.key_manager import KeyManager
    from kmvalidate.providers._common import AudienceNames, Options

    Ids = str | int | Iterable[str | int]

_PUBLIC = "https://token.actions.githubusercontent.com"
_SLUG = r"[a-z0-9]+(?:-[a-z0-9]+)*"
_ENTERPRISE = re.compile(_SLUG)
_ISSUER = re.compile(
    rf"{re.escape(_PUBLIC)}(?:/{_SLUG})?"
    rf"|https://token\.actions\.{_SLUG}\.ghe\.com(?:/{_SLUG})?"
    r"|https?://[^/]+/_services/token"
)
_ID = re.compile(r"[1-9][0-9]{0,19}")

#: Claims that say who a workflow is; who demands one of them does not accept everybody's.
_WHO = frozenset(
    {
        *("sub", "repository", "repository_id", "repository_owner", "repository_owner_id"),
        *("enterprise", "enterprise_id", "workflow_ref"),
    }
)

_AUDIENCE_HINT = (
    "A workflow says itself for whom its token is: core.getIDToken('NAME'), or &audience=NAME behind "
    "ACTIONS_ID_TOKEN_REQUEST_URL; else `aud` is https://github.com/OWNER."
)
_ID_HINT = "The ids are those that `gh api repos/OWNER/NAME --jq '.owner.id, .id'` shows."
_KIND_HINT = "It is the token with which a workflow talks to GitHub, not the one it asks for with id-token: write."
_ISSUER_HINT = (
    "GitHub has an issuer of its own for each enterprise that wants one, and for each server: "
    "give enterprise= or issuer=."
)

KINDS = TokenKinds(required_signs={"repository", "repository_id"})


def _explain(refused: Refused, _: Mapping[str, Any]) -> str | None:
    if refused.reason is Reason.WRONG_AUDIENCE:
        return _AUDIENCE_HINT
    if lacks_signs(refused):
        return _KIND_HINT
    about_ids = refused.reason is Reason.CLAIM_MISMATCH and str(refused.claim).endswith("_id")
    return _ID_HINT if about_ids else None


def _family(issuer: str) -> str | None:
    return host_of(issuer) if _ISSUER.fullmatch(issuer.removesuffix("/")) else None


PROFILE = ProviderProfile(
    kind="github_actions",
    token_kinds=KINDS,
    tenant_claims=("repository_owner_id",),
    is_application=always,
    explain=_explain,
    family=_family,
    family_hint=_ISSUER_HINT,
)

#: Where nothing says whose workflows are meant.
OPEN = attrs.evolve(PROFILE, open_to="a workflow of any repository on GitHub")


def github_actions(
    *,
    audience: AudienceNames,
    repository_owner_ids: Ids | None = None,
    repository_ids: Ids | None = None,
    enterprise: str | None = None,
    name: str = "GitHub Actions",
    issuer: str | None = None,
    discovery_url: str | None = None,
    **options: Unpack[Options],
) -> KeyManager:
    """
    Return the key manager of GitHub Actions. A token is accepted if each of the lists that are given has its id.

    Args:
        audience: Who tokens must be meant for; any workflow can ask for any audience.

        repository_owner_ids: The ids of the organizations and users whose workflows are accepted.

        repository_ids: The ids of the repositories whose workflows are accepted.

        enterprise: The slug of the enterprise, if it has an issuer of its own.

        name: What to call it.

        issuer: In place of that, for a server of yours: ``https://HOST/_services/token``, or that of a subdomain of
            ghe.com; or the URL of the discovery document.

        discovery_url: Where the discovery document lies, if that is not below the issuer.

        options: Further arguments of `KeyManager`, and ``network``. With *claim_in* or *claim_values* workflows are
            restricted further: ``ref``, ``environment``, ``job_workflow_ref``.

    Raises:
        ConfigurationError: An id is no number, the issuer is none of GitHub's, or `KeyManager` refuses an argument.
    """
    if issuer is None and (enterprise is not None or discovery_url is None):
        issuer = _issuer(enterprise)
    elif enterprise is not None:
        raise ConfigurationError("GitHub Actions is found by enterprise= or by issuer=, not by both")
    found, document = placed(issuer, discovery_url, network=options.get("network"))
    if not _ISSUER.fullmatch(found):
        raise ConfigurationError(f"the issuer of GitHub Actions is {_PUBLIC} or https://HOST/_services/token")
    ids = claims_of_ids(repository_owner_id=repository_owner_ids, repository_id=repository_ids)
    is_open = _PUBLIC in (found, *further_issuers(options)) and not ids and _WHO.isdisjoint(demanded(options))
    known = {
        "algorithms": ("RS256",),
        "consumer_key_claims": (),
        "scope_claims": (),
        "claim_in": ids,
        "profile": OPEN if is_open else PROFILE,
    }
    return key_manager(known, options, name=name, issuer=found, audience=audience, discovery_url=document)


def _issuer(enterprise: str | None) -> str:
    if enterprise is None:
        return _PUBLIC
    if not isinstance(enterprise, str) or not _ENTERPRISE.fullmatch(enterprise):
        raise ConfigurationError("an enterprise on GitHub is named by its slug: lower case, digits and hyphens")
    return f"{_PUBLIC}/{enterprise}"


def claims_of_ids(**ids: Ids | None) -> dict[str, list[str]]:
    """
    Return claims with the ids they may have, as strings, which is how tokens have them; those without any left out.

    Raises:
        ConfigurationError: One is no number, or there are none in a list.
    """
    return {name: _as_strings(name, some) for name, some in ids.items() if some is not None}


def _as_strings(name: str, ids: Ids) -> list[str]:
    several: Iterable[Any] = (ids,) if isinstance(ids, str) or not isinstance(ids, Iterable) else tuple(ids)
    strings = ["" if isinstance(one, bool) else str(one) for one in several]
    if not strings or not all(_ID.fullmatch(one) for one in strings):
        raise ConfigurationError(f"{name}: give ids, which are numbers, and at least one; a name may change hands")
    return strings


def demanded(options: Options) -> frozenset[str]:
    """Return the claims that *options* demand to have a certain value."""
    tables: tuple[Any, ...] = (options.get("claim_in"), options.get("claim_values"))
    return frozenset(name for table in tables if isinstance(table, Mapping) for name in table)
