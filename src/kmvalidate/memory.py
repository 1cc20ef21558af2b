"""
Tokens that were verified, remembered.

Rules kept here: a remembered verdict is as strict as a fresh one: whatever could have changed since is looked at on
every hit, and where it has changed there is no hit. A token is known by its organization and the SHA-256 of the whole
of it, never by a part. The memory is bounded, what it holds is small and nothing the garbage collector walks through.
"""

from __future__ import annotations

from functools import partial
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from kmvalidate.errors import ConfigurationError, Refused
from kmvalidate.generations import Generations
from kmvalidate.introspected import Introspected, refuse_revoked
from kmvalidate.introspecting import MAX_KEPT_BYTES
from kmvalidate.revocation import signed_digest
from kmvalidate.routes import still_good
from kmvalidate.verified import VerifiedToken, copy_of, forget_read

if TYPE_CHECKING:
    from kmvalidate.introspected import Within
    from kmvalidate.jwt_validator import Issuers
    from kmvalidate.ports import Ports

    Key = bytes | str | tuple[str, bytes | str]

DEFAULT_REMEMBERED = 20_000
MAX_REMEMBERED_CHARS = 4096
_DOTS_OF_A_JWT = 2


class TokenMemory:
    """
    What was verified, by token.

    Args:
        registry: Who answers for whom.

        most: How many tokens are remembered at most, two at the least; with 0 none is. Longer ones than 4,096
            characters never are.

        whole_tokens: Whether JWTs themselves are kept to know them by, in place of their digests: faster, and then they
            lie in memory. Opaque tokens never are.

    Raises:
        ConfigurationError: *most* is neither 0 nor a whole number from 2 on.
    """

    def __init__(self, registry: Issuers, most: int = DEFAULT_REMEMBERED, *, whole_tokens: bool = False) -> None:
        if most.__class__ is not int or most < 0 or most == 1 or whole_tokens.__class__ is not bool:
            raise ConfigurationError("remember is 0 or a whole number from 2 on, remember_whole_tokens a bool")
        self._registry = registry
        self._revocations = registry.revocations
        self._longest = MAX_REMEMBERED_CHARS if most else -1
        self._whole_tokens = whole_tokens
        self._tokens: Generations[Key, VerifiedToken] = Generations(most)

    def look_up(
        self, token: str, organization: str | None, ports: Ports, within: Within = None
    ) -> VerifiedToken | Key | None:
        """
        Return what was verified of a token, if it would be found good now as well; or else what to remember it by.

        Args:
            token: The token.

            organization: The organization it is verified for.

            ports: The caller's.

            within: The key managers that are asked for.

        Returns:
            A `VerifiedToken`, a key for `remember`, or None if it will not be remembered.
        """
        if type(token) is not str or len(token) > self._longest:
            return None
        try:
            is_kept = self._whole_tokens and token.count(".") == _DOTS_OF_A_JWT
            key: Any = token if is_kept else sha256(token.encode()).digest()
        except UnicodeEncodeError:
            return None
        if organization is not None:
            if type(organization) is not str or not organization:  # it is refused where it is looked at
                return None
            key = key if self._registry.table.whose(organization) is None else (organization, key)
        tokens = self._tokens
        known = tokens.young.get(key)
        if known is None:
            known = tokens.old.get(key)
            if known is None:
                return key  # type: ignore[no-any-return]
            tokens.put(key, known)
        backing: Any = known.backing
        if known.revision is self._revocations.version and backing.__class__ is not Introspected:
            stands = still_good(known, organization, self._registry.table, ports)  # what `stands` looks at: hot
            stands = stands and (within is None or backing.key_manager in within)
        else:
            stands = self.stands(known, token, organization, ports, within)
        return copy_of(known) if stands else key

    def stands(
        self, known: VerifiedToken, token: str, organization: str | None, ports: Ports, within: Within = None
    ) -> bool:
        """Tell whether what was verified of a token would be found good if it were verified now."""
        if known.revision is not self._revocations.version and self._is_gone(known, token):
            return False
        backing: Any = known.backing
        if backing.__class__ is Introspected:
            return backing.stands(self._registry.table, organization, within, ports.clock)
        stands = still_good(known, organization, self._registry.table, ports)
        return stands and (within is None or backing.key_manager in within)

    def _is_gone(self, known: VerifiedToken, token: str) -> bool:
        """Tell whether a token was revoked, or everything forgotten, since somebody last looked."""
        if not self._revocations.is_of_now(known.revision):
            return True
        try:
            if known.backing.__class__ is Introspected:
                refuse_revoked(known, token, self._revocations)
            else:
                self._revocations.check(known, partial(signed_digest, token))
        except Refused:
            return True
        return False

    def remember(self, key: Key | None, verified: VerifiedToken) -> VerifiedToken:
        """Remember *verified* by *key*, if there is one and it is small, and return it."""
        if key is not None and len(verified.payload) <= MAX_KEPT_BYTES:
            kept = copy_of(verified)
            if kept._read is not None:  # noqa: SLF001  # hot
                forget_read(kept)  # it stays small, and what somebody else could change stays theirs
            self._tokens.put(key, kept)
        return verified
