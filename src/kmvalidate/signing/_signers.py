"""
Signers of other people: a function that has an HSM or a key management service sign.

Rules kept here: what a signer returns goes out only if it verifies under the public key that is published, for such a
service may sign with another version of its key. What is wrong with it is an outage of ours, not the caller's fault;
what it raises passes through.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import attrs

from kmvalidate.errors import KeyManagerUnavailable, shown
from kmvalidate.signatures import verifier
from kmvalidate.signing._algorithms import COORDINATE_BYTES, to_raw
from kmvalidate.strict_json import Flaw

if TYPE_CHECKING:
    from collections.abc import Callable

    from kmvalidate.key_sets import VerificationKey
    from kmvalidate.ports import Ports
    from kmvalidate.signatures import Verify

#: How a signer writes ECDSA signatures: R || S (RFC 7518 section 3.4), or the DER of X9.62.
EcdsaForm = Literal["raw", "der"]


@attrs.frozen(kw_only=True)
class Signer:
    """
    A signer, and what is expected of it.

    Args:
        function: What signs: plain or async, from the bytes to sign to the signature.

        algorithm: What it signs with.

        ecdsa: How it writes ECDSA signatures.

        public: The public key that its signatures verify under.
    """

    function: Callable[[bytes], Any] = attrs.field(repr=False, hash=False)
    algorithm: str
    ecdsa: EcdsaForm
    public: VerificationKey
    _verify: Verify = attrs.field(init=False, repr=False, eq=False)

    def __attrs_post_init__(self) -> None:
        object.__setattr__(self, "_verify", verifier(self.algorithm, self.public))

    async def sign(self, kid: str, signing_input: bytes, ports: Ports) -> bytes:
        """Return the signer's signature, verified; see `SigningKey.sign`."""
        signature = self._checked(await ports.call(self.function, signing_input), signing_input)
        if isinstance(signature, Flaw):
            raise KeyManagerUnavailable(f"the signer of the key {shown(kid)} cannot be used: {signature}")
        return signature

    def _checked(self, returned: object, signing_input: bytes) -> bytes | Flaw:
        if not isinstance(returned, bytes):
            return Flaw(f"it returned {type(returned).__name__}, not bytes")
        try:
            signature = self._raw(returned)
        except IndexError:
            return Flaw("it returned no ECDSA signature in DER")
        if not self._verify(signature, signing_input):
            form = f" (ecdsa is {self.ecdsa!r})" if self.algorithm in COORDINATE_BYTES else ""
            return Flaw(f"its signature of {len(returned)} bytes does not verify under the public key{form}")
        return signature

    def _raw(self, returned: bytes) -> bytes:
        size = COORDINATE_BYTES.get(self.algorithm)
        return returned if size is None or self.ecdsa == "raw" else to_raw(returned, size)
