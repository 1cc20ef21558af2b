"""
The one key that may verify a signature of an issuer.

Rules kept here: a key is looked up in the set of the already matched issuer and nowhere else. A key id that is not
there lets the keys be fetched, at most once in a while.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kmvalidate.errors import Reason, Refused

if TYPE_CHECKING:
    from kmvalidate.key_manager import KeyManager
    from kmvalidate.key_sets import KeySet, VerificationKey
    from kmvalidate.key_snapshots import KeySource
    from kmvalidate.ports import Ports
    from kmvalidate.tokens import Header


def look_for(key_set: KeySet, header: Header, issuer: str, manager: KeyManager) -> VerificationKey | None:
    """
    Return the one key that may verify what *issuer* signed with that header, None if the set does not have it.

    Raises:
        Refused: As `KeySet.find` does.
    """
    return key_set.find(header, manager.algorithm_shapes().get(header.alg, ()), manager.owners(issuer))


async def find_key(
    header: Header, issuer: str, manager: KeyManager, source: KeySource, ports: Ports
) -> tuple[VerificationKey, KeySet]:
    """
    Return that key, with the set it is in, waiting for the keys if need be.

    Args:
        header: The header of what was signed.

        issuer: Who signed it.

        manager: The key manager.

        source: Its keys.

        ports: The caller's.

    Raises:
        Refused: There is no such key; or as `KeySet.find` does.
        KeyManagerUnavailable: The keys cannot be had now.
    """
    snapshot = source.ready(ports) or await source.wait(ports)
    key = look_for(snapshot.key_set, header, issuer, manager)
    if key is None:
        snapshot = await source.newer(snapshot, header.key_name, ports)
        key = look_for(snapshot.key_set, header, issuer, manager)
    if key is None:
        raise Refused(Reason.UNKNOWN_KEY, claim="kid", got=header.key_name)
    return key, snapshot.key_set
