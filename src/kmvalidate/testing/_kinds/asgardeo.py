"""
An organization of Asgardeo. Versions: ``jwt``, and ``scope-array`` for applications that have scopes as an array.

Rules kept here: tokens of a sub-organization differ from those of its root in nothing but their issuer and ``org_id``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs

from kmvalidate import providers
from kmvalidate.errors import Reason
from kmvalidate.testing._kind import LookAlike, ProviderKind
from kmvalidate.testing._kinds.wso2_is import (
    answers,
    id_token,
    like,
    logout_token,
    published,
    said_of,
    signed_as,
    subject_token,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from kmvalidate.key_manager import KeyManager
    from kmvalidate.testing._wish import Wish

    Members = dict[str, Any]

_CHILD_ID = "12d1c4d2-2bb1-443b-aa4a-68f98a40d7c6"
_ROOT = "/t/acme"
_CHILD = f"{_ROOT}/o/{_CHILD_ID}"
_TOKEN = "/oauth2/token"  # noqa: S105  # a path
_JWKS = "/oauth2/jwks"
_INTROSPECT = "/oauth2/introspect"
_REQUESTS_PER_MINUTE = 200


def _header(_: Wish) -> Members:
    return signed_as("at+jwt")


def _claims_of(organization: Members) -> Callable[[Wish], Members]:
    def claims(wish: Wish) -> Members:
        names = {"groups": list(wish.roles), "roles": list(wish.roles)} if wish.roles else {}
        scopes = {"scope": list(wish.scopes)} if wish.version == "scope-array" else {}
        return {**said_of(wish), **names, **scopes, "client_id": wish.client_id, **organization}

    return claims


def _manager(base: str, **options: Any) -> KeyManager:
    return providers.asgardeo("acme", base_url=base, **options)


def _child_manager(base: str, **options: Any) -> KeyManager:
    return providers.asgardeo("acme", sub_organization=_CHILD_ID, base_url=base, **options)


_REFUSED = {
    "ID token": id_token,
    "named JWT": like("JWT"),
    "untyped token": like(None),
    "refresh token": like("rt+jwt"),
    "subject token": subject_token,
    "logout token": logout_token,
    "user of another kind": like("at+jwt", aut="LEGACY_USER"),
}

KIND = ProviderKind(
    name="asgardeo",
    home="https://api.asgardeo.io",
    versions=("jwt", "scope-array"),
    issuer=lambda base, _: base + _ROOT + _TOKEN,
    header=_header,
    claims=_claims_of({"org_id": "8763ba07-3e02-4b6b-8b04-9d5e4a6d1d3d", "org_name": "acme", "org_handle": "acme"}),
    documents=lambda base, algorithms: published(base, _ROOT, base + _ROOT + _TOKEN, algorithms),
    jwks_path=_ROOT + _JWKS,
    introspection_path=_ROOT + _INTROSPECT,
    **answers("CUSTOMER-DEFAULT/{}@acme"),
    requests_per_minute=_REQUESTS_PER_MINUTE,
    manager=_manager,
    look_alikes={
        **{name: LookAlike(make=make, reason=Reason.WRONG_TOKEN_KIND) for name, make in _REFUSED.items()},
        "bound token": LookAlike(
            make=like("at+jwt", cnf={"jkt": "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"}),
            reason=Reason.PROOF_REQUIRED,
        ),
    },
)

#: A sub-organization of it, which issues tokens itself.
SUB_ORGANIZATION = attrs.evolve(
    KIND,
    issuer=lambda base, _: base + _CHILD + _TOKEN,
    claims=_claims_of({"org_id": _CHILD_ID, "org_name": "Branch", "user_org": _CHILD_ID}),
    documents=lambda base, algorithms: published(base, _CHILD, base + _CHILD + _TOKEN, algorithms),
    jwks_path=_CHILD + _JWKS,
    introspection_path=_CHILD + _INTROSPECT,
    **answers("{}@" + _CHILD_ID, org_id=_CHILD_ID),
    manager=_child_manager,
)
