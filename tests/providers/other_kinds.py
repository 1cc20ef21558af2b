"""
Servers for which `providers.oidc` must do, as simulated providers: each with the arguments that fit it.

Rules kept here: tokens and look-alikes have the claims of the real ones; what tells them apart is in the arguments.
"""

from kmvalidate import TokenKinds, providers
from kmvalidate.errors import Reason
from kmvalidate.rules import RFC9068_ACCESS_TOKENS
from kmvalidate.testing import LookAlike, ProviderKind

WRONG_KIND = Reason.WRONG_TOKEN_KIND
PROJECT_ROLES = "urn:zitadel:iam:org:project:roles"


def _without(*names, **changes):
    """Return a look-alike: the access token without these claims, and with others."""
    return lambda _, header, claims: (header, {n: v for n, v in claims.items() if n not in names} | changes)


def _typed(header_type, *names, **changes):
    """Return a look-alike like those of `_without`, whose header says what it is."""
    change = _without(*names, **changes)
    return lambda wish, header, claims: ({**header, "typ": header_type}, change(wish, header, claims)[1])


def _list_or_name(names):
    return names[0] if len(names) == 1 else list(names)


def _curity_claims(wish):
    return {
        "jti": wish.token_id,
        "delegationId": "9dd15191-9441-4056-9e56-52b7ad116b18",
        "nbf": wish.issued_at,
        "scope": wish.scope,
        "iss": wish.issuer,
        "sub": wish.subject,
        "aud": wish.aud,
        "purpose": "access_token",
        **wish.times,
        **({"client_id": wish.client_id} if wish.version == "client_id" else {}),
    }


def _curity(base, **options):
    kinds = TokenKinds(required_markers={"purpose"})
    return providers.oidc(f"{base}/oauth/v2/oauth-anonymous", token_kinds=kinds, **options)


#: Its tokens name no client unless the claim is added; those that do are in `CURITY_WITH_CLIENT`.
CURITY = ProviderKind(
    name="curity",
    home="https://curity.example",
    issuer=lambda base, _: f"{base}/oauth/v2/oauth-anonymous",
    header=lambda _: {"typ": "JWT", "x5t": "MR-pGTa866RdZLjN6Vwrfay907g"},
    claims=_curity_claims,
    manager=_curity,
    tells=frozenset({"scopes"}),
    look_alikes={
        "ID token": LookAlike(make=_without("scope", purpose="id", azp="web-shop"), reason=WRONG_KIND),
        "ID token with scope": LookAlike(make=_without(purpose="id"), reason=WRONG_KIND),
        "refresh token": LookAlike(make=_without(purpose="refresh_token"), reason=WRONG_KIND),
        "introspection answer": LookAlike(make=_typed("token-introspection+jwt"), reason=WRONG_KIND),
        "token without purpose": LookAlike(make=_without("purpose"), reason=WRONG_KIND),
    },
)
CURITY_WITH_CLIENT = ProviderKind(
    name="curity",
    home="https://curity.example",
    versions=("client_id",),
    issuer=CURITY.issuer,
    header=CURITY.header,
    claims=_curity_claims,
    manager=_curity,
    tells=frozenset({"consumer_key", "scopes"}),
    look_alikes=CURITY.look_alikes,
)


def _hydra_claims(wish):
    scopes = {
        "list": {"scp": list(wish.scopes)},
        "string": {"scope": wish.scope},
        "both": {"scp": list(wish.scopes), "scope": wish.scope},
    }
    return {
        "aud": list(wish.audience),
        "client_id": wish.client_id,
        "ext": {"roles": list(wish.roles)},
        "iss": wish.issuer,
        "jti": wish.token_id,
        "nbf": wish.issued_at,
        "sub": wish.subject,
        **scopes[wish.version],
        **wish.times,
    }


def _hydra(base, **options):
    kinds = TokenKinds(required_signs={"client_id"})
    return providers.oidc(base, token_kinds=kinds, role_claims=[("ext", "roles")], **options)


HYDRA = ProviderKind(
    name="hydra",
    home="https://hydra.example",
    versions=("list", "string", "both"),
    issuer=lambda base, _: base,
    header=lambda _: {"typ": "JWT"},
    claims=_hydra_claims,
    jwks_path="/.well-known/jwks.json",
    manager=_hydra,
    look_alikes={
        "ID token": LookAlike(make=_without("client_id", "scp", "scope", "nbf", at_hash="x", rat=1), reason=WRONG_KIND),
        "bare ID token": LookAlike(make=_without("client_id", "scp", "scope", "nbf", rat=1), reason=WRONG_KIND),
        "logout token": LookAlike(make=_without("scp", "scope", events={}), reason=WRONG_KIND),
    },
)


def _zitadel_claims(wish):
    return {
        "iss": wish.issuer,
        "sub": wish.subject,
        "aud": ["web-shop@acme", wish.client_id, *wish.audience],
        "azp" if wish.version == "azp" else "client_id": wish.client_id,
        "jti": wish.token_id,
        "nbf": wish.issued_at,
        PROJECT_ROLES: {role: {"200000000000000001": "acme.zitadel.example"} for role in wish.roles},
        "urn:zitadel:iam:org:id": "200000000000000001",
        **wish.times,
    }


def _zitadel(base, **options):
    kinds = TokenKinds(required_signs={"jti"})
    return providers.oidc(base, token_kinds=kinds, role_claims=PROJECT_ROLES, **options)


#: Its ID tokens have the same audience, the client id and even the roles; they lack a ``jti``.
ZITADEL = ProviderKind(
    name="zitadel",
    home="https://acme.zitadel.example",
    versions=("client_id", "azp"),
    issuer=lambda base, _: base,
    header=lambda _: {"typ": "at+jwt"},
    claims=_zitadel_claims,
    jwks_path="/oauth/v2/keys",
    manager=_zitadel,
    tells=frozenset({"consumer_key", "roles"}),
    look_alikes={
        "ID token": LookAlike(make=_typed("JWT", "jti", "nbf", at_hash="x", azp="shop"), reason=WRONG_KIND),
        "ID token alone": LookAlike(
            make=_typed("JWT", "jti", "nbf", nonce="n", azp="shop", amr=["pwd"]), reason=WRONG_KIND
        ),
    },
)


def _authentik_claims(wish):
    return {
        "iss": wish.issuer,
        "sub": "c3ab8ff13720e8ad9047dd39466b3c8974e592c2fa383d4a3960714caef0c4f2",
        "aud": wish.aud,
        **wish.times,
        "auth_time": wish.issued_at,
        "acr": "goauthentik.io/providers/oauth2/default",
        "amr": ["pwd"],
        "nonce": "n-0S6",
        "sid": "2f5e0d3c",
        "groups": list(wish.roles),
        "scope": wish.scope,
        "azp": wish.client_id,
        "uid": wish.token_id,
    }


def _authentik(base, **options):
    kinds = TokenKinds(required_signs={"uid"})
    return providers.oidc(f"{base}/application/o/shop/", token_kinds=kinds, role_claims="groups", **options)


#: Its access tokens are its ID tokens with two claims more, nonce and all.
AUTHENTIK = ProviderKind(
    name="authentik",
    home="https://authentik.example",
    issuer=lambda base, _: f"{base}/application/o/shop/",
    header=lambda _: {"typ": "JWT"},
    claims=_authentik_claims,
    jwks_path="/application/o/shop/jwks/",
    manager=_authentik,
    look_alikes={
        "ID token": LookAlike(make=_without("azp", "uid", "scope", at_hash="x"), reason=WRONG_KIND),
        "ID token without hash": LookAlike(make=_without("azp", "uid", "scope"), reason=WRONG_KIND),
        "ID token without nonce": LookAlike(make=_without("azp", "uid", "scope", "nonce"), reason=WRONG_KIND),
    },
)


def _duende_claims(wish):
    user = {"sub": wish.subject, "auth_time": wish.issued_at, "idp": "local", "amr": ["pwd"], "sid": "F6F4"}
    return {
        "iss": wish.issuer,
        "nbf": wish.issued_at,
        **wish.times,
        "aud": wish.aud,
        "scope": wish.scope if wish.version == "string" else list(wish.scopes),
        "client_id": wish.client_id,
        "jti": wish.token_id,
        **({} if wish.application else user),
        **({"role": _list_or_name(wish.roles)} if wish.roles else {}),
    }


def _duende(base, **options):
    return providers.oidc(base, token_kinds=RFC9068_ACCESS_TOKENS, role_claims="role", **options)


DUENDE = ProviderKind(
    name="duende",
    home="https://identity.example",
    versions=("array", "string"),
    issuer=lambda base, _: base,
    header=lambda _: {"typ": "at+jwt"},
    claims=_duende_claims,
    jwks_path="/.well-known/openid-configuration/jwks",
    manager=_duende,
    look_alikes={
        "ID token": LookAlike(make=_typed("JWT", "scope", "client_id", nonce="n"), reason=WRONG_KIND),
        "access token without its type": LookAlike(make=_typed("JWT"), reason=WRONG_KIND),
        "logout token": LookAlike(make=_typed("logout+jwt", events={}), reason=WRONG_KIND),
        "introspection answer": LookAlike(make=_typed("token-introspection+jwt"), reason=WRONG_KIND),
    },
)
