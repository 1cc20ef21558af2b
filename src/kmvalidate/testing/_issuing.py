"""
The tokens of a simulated provider: signed ones, and opaque ones that its introspection endpoint knows.

Rules kept here: whatever a test asks for is issued, hostile values included; what the provider's own key did not sign
is unknown to its introspection endpoint.
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from kmvalidate.errors import ConfigurationError
from kmvalidate.testing._keyring import without_none
from kmvalidate.testing._wish import Wish

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from kmvalidate.testing._introspection import TokenBook
    from kmvalidate.testing._jose import SigningKey
    from kmvalidate.testing._keyring import Keyring
    from kmvalidate.testing._kind import ProviderKind

    Members = dict[str, Any]

_PAST_LIFETIME_S = 300


class TokenIssuer:
    """What of a `SimulatedProvider` issues tokens, and says who signs them."""

    kind: ProviderKind
    base: str
    clock: Any
    _audience: tuple[str, ...]
    _keys: Keyring
    _book: TokenBook

    @property
    def look_alikes(self) -> tuple[str, ...]:
        """The names of its tokens that are no access tokens."""
        return tuple(self.kind.look_alikes)

    def token(
        self,
        *,
        version: str | None = None,
        header: Mapping[str, object] | None = None,
        claims: Mapping[str, object] | None = None,
        key: SigningKey | bytes | None = None,
        **wishes: Any,
    ) -> str:
        """
        Return a signed access token of exactly the provider's shape.

        Args:
            version: Which version or profile, by default the usual one.

            header: Header parameters to set; one that is None is left out.

            claims: Claims to set; one that is None is left out.

            key: What signs, by default the provider's key.

            wishes: ``scopes``, ``roles``, ``subject``, ``client_id``, ``audience``, ``expires_in_s`` (negative for one
                that has expired), ``application`` (whether the client got it for itself).

        Raises:
            ConfigurationError: There is no such version or wish.
        """
        wish = self._wish(version, **wishes)
        own_header = {**self.kind.header(wish), **self._signer(), **(header or {})}
        return self._signed(wish, own_header, {**self.kind.claims(wish), **(claims or {})}, key)

    def look_alike(self, name: str, *, version: str | None = None, **wishes: Any) -> str:
        """
        Return a token of another kind, signed with the provider's key.

        Args:
            name: One of `look_alikes`.

            version: As for `token`.

            wishes: As for `token`.

        Raises:
            ConfigurationError: There is none of that name.
        """
        if name not in self.kind.look_alikes:
            raise ConfigurationError(f"the look-alikes of {self.kind.name} are {', '.join(self.look_alikes) or 'none'}")
        wish = self._wish(version, **wishes)
        made = self.kind.look_alikes[name].make(wish, self.kind.header(wish), self.kind.claims(wish))
        return self._signed(wish, {**made[0], **self._signer()}, made[1])

    def opaque_token(
        self, *, version: str | None = None, answer: Mapping[str, object] | None = None, **wishes: Any
    ) -> str:
        """
        Return an access token that only the introspection endpoint can read, in the provider's own form.

        Of a provider whose access tokens are all signed it is a signed one, with no more claims than it must have.

        Args:
            version: As for `token`.

            answer: Members to set in what the endpoint says about it; one that is None is left out. How long it is
                active is none of them: that is ``expires_in_s``.

            wishes: As for `token`.

        Raises:
            ConfigurationError: The provider has no introspection endpoint; there is no such version or wish.
        """
        wish = self._wish(version, **wishes)
        return self._opaque("access", wish, {**self.kind.answered(wish), **(answer or {})})

    def refresh_token(self, *, version: str | None = None, **wishes: Any) -> str:
        """
        Return a refresh token: no access token, but active all the same where it is introspected.

        Args:
            version: As for `token`.

            wishes: As for `token`.

        Raises:
            ConfigurationError: As for `opaque_token`.
        """
        wish = self._wish(version, **wishes)
        return self._opaque("refresh", wish, self.kind.refresh_answer(wish))

    def device_secret(self, *, version: str | None = None, **wishes: Any) -> str:
        """
        Return a device secret: no token at all, but active all the same where it is introspected.

        Args:
            version: As for `token`.

            wishes: As for `token`.

        Raises:
            ConfigurationError: The provider has none.
        """
        if self.kind.device_answer is None:
            raise ConfigurationError(f"{self.kind.name} has no device secrets")
        wish = self._wish(version, **wishes)
        return self._opaque("device", wish, self.kind.device_answer(wish))

    def revoke(self, token: str) -> None:
        """
        Say from now on that a token is not active; its signature stays good.

        Args:
            token: Any token; one that was never issued is not active anyway.
        """
        self._book.strike(token)

    def key(self, alg: str | None = None) -> SigningKey:
        """
        Return the key it signs with now, for attacks on it and for neighbours that share it.

        Args:
            alg: The algorithm, by default the usual one.

        Raises:
            ConfigurationError: It has no key for that algorithm.
        """
        return self._keys.key(alg)

    def rotate(self, *, overlap: bool = True) -> None:
        """
        Make new keys and sign with those from now on.

        Args:
            overlap: Whether the keys published so far stay published beside them.
        """
        self._keys.rotate(keep_old=overlap)

    def _wish(
        self,
        version: str | None,
        *,
        scopes: Iterable[str] = ("menu:read",),
        roles: Iterable[str] = (),
        subject: str | None = None,
        client_id: str = "web-shop",
        audience: str | Iterable[str] | None = None,
        expires_in_s: float = 300,
        application: bool = False,
    ) -> Wish:
        named = self.kind.versions[0] if version is None else version
        if named not in self.kind.versions:
            raise ConfigurationError(f"the token versions of {self.kind.name} are {', '.join(self.kind.versions)}")
        now = int(self.clock.wall())
        wanted = self._audience if audience is None else audience
        return Wish(
            base=self.base,
            version=named,
            issuer=self.kind.issuer(self.base, named),
            audience=(wanted,) if isinstance(wanted, str) else tuple(wanted),
            subject=subject or (client_id if application else "alice"),
            client_id=client_id,
            scopes=tuple(sorted(scopes)),
            roles=tuple(sorted(roles)),
            application=application,
            issued_at=now if expires_in_s > 0 else now + int(expires_in_s) - _PAST_LIFETIME_S,
            expires_at=now + int(expires_in_s),
            token_id=uuid.uuid4().hex,
        )

    def _signer(self) -> Members:
        usual = self.key()
        return {"alg": usual.alg, "kid": usual.kid}

    def _signed(
        self,
        wish: Wish,
        header: Mapping[str, object],
        claims: Mapping[str, object],
        key: SigningKey | bytes | None = None,
    ) -> str:
        named, said = without_none(header), without_none(claims)
        token = self._keys.sign(named, said, key)
        own = key in self._keys.published or (key is None and named.get("alg") != "none")
        if own and self.kind.introspection_path is not None:
            ends = said.get("exp")
            until = ends if isinstance(ends, int | float) else wish.expires_at
            self._book.write(token, lambda: self.kind.jwt_answer(wish, named, said), until)
        return token

    def _opaque(self, purpose: str, wish: Wish, said: Mapping[str, object]) -> str:
        if self.kind.introspection_path is None:
            raise ConfigurationError(f"{self.kind.name} has no introspection endpoint")
        token = self._stand_in(purpose, wish) or self.kind.new_token()
        self._book.write(token, lambda: said, wish.expires_at)
        return token

    def _stand_in(self, purpose: str, wish: Wish) -> str | None:
        if purpose not in self.kind.stand_ins:
            return None
        header, claims = self.kind.stand_ins[purpose](wish, self.kind.header(wish), self.kind.claims(wish))
        return self._signed(wish, {**header, **self._signer()}, claims)
