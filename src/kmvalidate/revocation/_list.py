"""
The list that tokens are looked up in.

Rules kept here: whoever reads never waits. A change is visible before its version is, and whoever remembers a verdict
remembers the version that was there before the look: what is revoked is refused from the next call on. What is revoked
at one key manager, or in one organization, says nothing about another.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from kmvalidate.errors import Reason, Refused
from kmvalidate.fields import to_name
from kmvalidate.own_lock import OwnLock
from kmvalidate.ports import SystemClock
from kmvalidate.revocation._entries import ALWAYS, NEVER, Entries, Table, Version, cut_off, issued_at
from kmvalidate.revocation._identities import (
    AnyKeyManager,
    checked_digest,
    checked_end,
    checked_moment,
    digest_of,
    identity,
)
from kmvalidate.verified import read_claims

if TYPE_CHECKING:
    from collections.abc import Callable

    from kmvalidate.ports import Clock
    from kmvalidate.verified import VerifiedToken


class RevocationList:
    """
    What was revoked before it expired. All of its methods may be called from any thread at any time.

    It is memory alone: a process that starts has an empty one, and each process has its own. Times are seconds since
    the epoch. Where a method takes ``expires_at``, that is when the last token concerned expires; what is revoked is
    forgotten ten minutes later. Without it, it is kept for good. ``organization`` is that of the key manager, None for
    one that serves all.

    Args:
        clock: What tells when entries may be forgotten; by default this machine's clocks.

    Attributes:
        version: None until there is something to look up; then another object after every change. A verdict that is
            remembered with the version before it holds as long as the version is that object. Read it only.

        generation: Another value after each `forget_remembered`: what was remembered under another one is forgotten.
            Read it only.
    """

    __slots__ = (
        "_clients",
        "_consumer_keys",
        "_digests",
        "_entries",
        "_issuers",
        "_keys",
        "_subjects",
        "_token_ids",
        "_writing",
        "generation",
        "version",
    )

    def __init__(self, clock: Clock | None = None) -> None:
        self._entries = Entries(clock or SystemClock())
        self._writing = OwnLock()
        self._token_ids: Table = {}
        self._digests: Table = {}
        self._consumer_keys: Table = {}
        self._subjects: Table = {}
        self._clients: Table = {}
        self._keys: Table = {}
        self._issuers: Table = {}
        self.generation: object | None = None
        self.version: object | None = None

    def __len__(self) -> int:
        return sum(map(len, self._tables().values()))

    def __bool__(self) -> bool:
        return True  # an empty one is one: `given or RevocationList()` must not put another in its place

    def __repr__(self) -> str:
        return f"RevocationList({', '.join(f'{name}={len(table)}' for name, table in self._tables().items())})"

    def revoke_token_id(
        self,
        jti: str,
        *,
        key_manager: str | AnyKeyManager,
        organization: str | None = None,
        expires_at: float | None = None,
    ) -> None:
        """
        Revoke a token by its ``jti``, which is unique only within the key manager that issued it.

        Raises:
            ConfigurationError: An argument is empty or of the wrong type.
        """
        self._revoke(self._token_ids, identity(organization, key_manager, jti, "jti"), expires_at)

    def revoke_token(self, token: str, *, expires_at: float | None = None) -> None:
        """
        Revoke a bearer token itself, opaque or a JWT, whoever issued it; see `signed_digest`.

        Raises:
            ConfigurationError: It can be no token, or *expires_at* is no time.
        """
        self._revoke(self._digests, digest_of(token), expires_at)

    def revoke_digest(self, digest: str | bytes, *, expires_at: float | None = None) -> None:
        """
        Do what `revoke_token` does, for those who have only the `signed_digest`: 32 bytes, or 64 hexadecimal digits.

        Raises:
            ConfigurationError: It is no such digest, or *expires_at* is no time.
        """
        self._revoke(self._digests, checked_digest(digest), expires_at)

    def revoke_consumer_key(
        self,
        consumer_key: str,
        *,
        key_manager: str | AnyKeyManager,
        organization: str | None = None,
        before: float,
        expires_at: float | None = None,
    ) -> None:
        """
        Revoke the tokens of a client (consumer key) that were issued before a moment.

        That is if *before* is later than ``iat``, or if there is no ``iat``. The latest moment counts, whichever is
        told last.

        Raises:
            ConfigurationError: An argument is empty or of the wrong type, or *before* is in milliseconds.
        """
        key = identity(organization, key_manager, consumer_key, "consumer_key")
        self._revoke(self._consumer_keys, key, expires_at, checked_moment(before))

    def revoke_subject(
        self,
        subject: str,
        *,
        key_manager: str | AnyKeyManager,
        organization: str | None = None,
        before: float,
        expires_at: float | None = None,
    ) -> None:
        """
        Do what `revoke_consumer_key` does for the tokens whose ``sub`` or ``entity_id`` (WSO2's) is *subject*.

        Raises:
            ConfigurationError: An argument is empty or of the wrong type, or *before* is in milliseconds.
        """
        key = identity(organization, key_manager, subject, "subject")
        self._revoke(self._subjects, key, expires_at, checked_moment(before))

    def revoke_client(
        self, consumer_key: str, *, key_manager: str | AnyKeyManager, organization: str | None = None
    ) -> None:
        """
        Revoke all tokens of a client, whenever they are issued, until `reinstate_client`.

        Raises:
            ConfigurationError: An argument is empty or of the wrong type.
        """
        self._revoke(self._clients, identity(organization, key_manager, consumer_key, "consumer_key"))

    def reinstate_client(
        self, consumer_key: str, *, key_manager: str | AnyKeyManager, organization: str | None = None
    ) -> bool:
        """Take back what `revoke_client` did with the same arguments, and tell whether there was something."""
        return self._reinstate(self._clients, identity(organization, key_manager, consumer_key, "consumer_key"))

    def revoke_key(self, key_id: str, *, key_manager: str | AnyKeyManager, organization: str | None = None) -> None:
        """
        Revoke all tokens that a key signed, by its ``kid``, until `reinstate_key`.

        `KeyManagerRegistry.drop_key` goes further: it bars the key's material for good, under any id.

        Raises:
            ConfigurationError: An argument is empty or of the wrong type.
        """
        self._revoke(self._keys, identity(organization, key_manager, key_id, "key_id"))

    def reinstate_key(self, key_id: str, *, key_manager: str | AnyKeyManager, organization: str | None = None) -> bool:
        """Take back what `revoke_key` did with the same arguments, and tell whether there was something."""
        return self._reinstate(self._keys, identity(organization, key_manager, key_id, "key_id"))

    def revoke_issuer(self, issuer: str) -> None:
        """
        Revoke all tokens of an issuer, in every organization, until `reinstate_issuer`.

        Raises:
            ConfigurationError: It is empty or no string.
        """
        self._revoke(self._issuers, to_name(issuer, "issuer"))

    def reinstate_issuer(self, issuer: str) -> bool:
        """Take back what `revoke_issuer` did, and tell whether there was something."""
        return self._reinstate(self._issuers, to_name(issuer, "issuer"))

    def forget_remembered(self) -> None:
        """Have whoever remembers tokens treat them all as never seen. Nothing is revoked by it."""
        version = Version(object())
        with self._writing:  # the generation first; nothing is called in between, where a signal handler could raise
            self.generation, self.version = version.generation, version

    def is_of_now(self, version: object) -> bool:
        """Tell whether nothing was to be forgotten since *version*, an earlier one, was the version."""
        return getattr(version, "generation", None) is self.generation

    def check(self, verified: VerifiedToken, digest: Callable[[], bytes]) -> None:
        """
        Refuse a token that was revoked, and note on any other the version under which it was not.

        Args:
            verified: See `is_revoked`.

            digest: See there.

        Raises:
            Refused: REVOKED.
        """
        version = self.version  # before the look: what changes during it is looked up the next time
        if version is not None and self.is_revoked(verified, digest):
            raise Refused(Reason.REVOKED, key_manager=verified.key_manager)
        msgspec.structs.force_setattr(verified, "revision", version)

    def is_revoked(self, verified: VerifiedToken, digest: Callable[[], bytes]) -> bool:
        """
        Tell whether a token was revoked.

        Args:
            verified: The token. Its own key manager and organization count.

            digest: Returns its `signed_digest`; called only if there are digests to compare it with.
        """
        if self._issuers and verified.issuer in self._issuers:
            return True
        if self._digests and digest() in self._digests:
            return True
        if self._keys and cut_off(self._keys, verified, verified.key_id) > NEVER:
            return True
        by_claims = self._token_ids or self._clients or self._consumer_keys or self._subjects
        return bool(by_claims) and self._is_by_claims(verified)

    def _is_by_claims(self, verified: VerifiedToken) -> bool:
        claims = read_claims(verified.payload)  # not kept: a remembered token stays small
        client = verified.backing.rules.consumer_key(claims)
        named = (
            (self._token_ids, claims.get("jti")),
            (self._clients, client),
            (self._consumer_keys, client),
            (self._subjects, claims.get("sub")),
            (self._subjects, claims.get("entity_id")),
        )
        cut_offs = (cut_off(table, verified, name) for table, name in named if table)
        return max(cut_offs, default=NEVER) > issued_at(claims)

    def _tables(self) -> dict[str, Table]:
        return {
            "token_ids": self._token_ids,
            "tokens": self._digests,
            "consumer_keys": self._consumer_keys,
            "subjects": self._subjects,
            "clients": self._clients,
            "keys": self._keys,
            "issuers": self._issuers,
        }

    def _revoke(self, table: Table, key: Any, expires_at: float | None = None, before: float = ALWAYS) -> None:
        until, version = checked_end(expires_at), Version(None)
        with self._writing:
            is_news = True
            try:
                is_news = self._entries.put(table, key, before, until)
            finally:  # also where a signal handler raises in between; without a call, during which another could
                if is_news:
                    version.generation = self.generation
                    self.version = version
            self._entries.purge()

    def _reinstate(self, table: Table, key: Any) -> bool:
        version = Version(None)
        with self._writing:
            is_there = key in table
            if is_there:  # from here on nothing is called, as above
                del table[key]
                version.generation = self.generation
                self.version = version
        return is_there
