"""
The key that a token of our own is signed with.

Rules kept here: asymmetric keys only; a key signs with one algorithm that fits its type. Key material is in no repr, no
error and no pickle, and in no frame of ours that raises a configuration error.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

import attrs

from kmvalidate.errors import ConfigurationError
from kmvalidate.fields import require
from kmvalidate.private_keys import ALGORITHMS, fitting
from kmvalidate.signing._algorithms import local_signer
from kmvalidate.signing._arguments import checked_names, is_name, to_document, to_octets, to_password
from kmvalidate.signing._certificates import read_certificate
from kmvalidate.signing._material import Material, of_jwk, of_new, of_pem, of_pkcs12, of_public
from kmvalidate.signing._public_half import PublicHalf
from kmvalidate.signing._signers import EcdsaForm, Signer
from kmvalidate.strict_json import Flaw

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from kmvalidate.ports import Ports
    from kmvalidate.signing._algorithms import Sign


@attrs.frozen(kw_only=True)
class SigningKey(PublicHalf):
    """
    A private key that signs tokens of our own, or somebody's function that does.

    It is made by `from_pem`, `from_pkcs12`, `from_jwk`, `from_signer` or `generate`. Two are equal if they are of one
    public key, id, algorithm, certificate and function. It cannot be pickled.

    Args:
        kid: Its id: the one given, else that of its JWK, else its RFC 7638 thumbprint.

        algorithm: The algorithm that it signs with, as JOSE names it.
    """

    _local: Sign | None = attrs.field(alias="local", default=None, repr=False, eq=False)
    _signer: Signer | None = attrs.field(alias="signer", default=None, repr=False)

    @classmethod
    def from_pem(
        cls,
        pem: str | bytes,
        *,
        certificate: str | bytes | None = None,
        kid: str | None = None,
        algorithm: str | None = None,
        password: str | bytes | None = None,
    ) -> SigningKey:
        """
        Return the key in a PEM text.

        Args:
            pem: The text, with one private key in it (PKCS #8, PKCS #1 or SEC 1).

            certificate: Its certificate, in PEM or DER; by default the first one in *pem*, if there is any.

            kid: Its id; by default its RFC 7638 thumbprint.

            algorithm: What it signs with; by default RS256, the ES algorithm of its curve, or EdDSA.

            password: What the key is encrypted with.

        Raises:
            ConfigurationError: It is not such a key, is weak, is locked, or does not fit the rest.
        """
        made = cls._made(_of_pem, (pem, password), kid, algorithm, certificate)
        del pem, password, certificate
        return _or_refuse(made)

    @classmethod
    def from_pkcs12(
        cls, data: bytes, password: str | bytes | None, *, kid: str | None = None, algorithm: str | None = None
    ) -> SigningKey:
        """
        Return the first key of a PKCS #12 file (``.p12``, ``.pfx``), and its certificate.

        Args:
            data: The file's bytes.

            password: What it is encrypted with, None for nothing.

            kid: As for `from_pem`.

            algorithm: As for `from_pem`.

        Raises:
            ConfigurationError: As for `from_pem`.
        """
        made = cls._made(_of_pkcs12, (data, password), kid, algorithm, None)
        del data, password
        return _or_refuse(made)

    @classmethod
    def from_jwk(
        cls,
        jwk: Mapping[str, Any] | str | bytes,
        *,
        kid: str | None = None,
        algorithm: str | None = None,
        certificate: str | bytes | None = None,
    ) -> SigningKey:
        """
        Return the key that a private JWK is (RFC 7517).

        Args:
            jwk: The JWK, or its JSON.

            kid: Its id; by default its own, or else its RFC 7638 thumbprint.

            algorithm: What it signs with; by default its own ``alg``, or else as for `from_pem`.

            certificate: Its certificate, in PEM or DER; by default the first of its ``x5c``, if it has one.

        Raises:
            ConfigurationError: As for `from_pem`; or its ``alg`` is another.
        """
        made = cls._made(_of_jwk, (jwk,), kid, algorithm, certificate)
        del jwk, certificate
        return _or_refuse(made)

    @classmethod
    def from_signer(
        cls,
        sign: Callable[[bytes], Any],
        *,
        public_key: Mapping[str, Any] | str | bytes,
        algorithm: str,
        kid: str | None = None,
        certificate: str | bytes | None = None,
        ecdsa: EcdsaForm = "raw",
    ) -> SigningKey:
        """
        Return a key whose private half lies elsewhere: in an HSM or a key management service.

        Args:
            sign: A function, plain or async, from the bytes to sign (not their digest) to the signature. A signature
                goes out only if it verifies under *public_key*; what the function raises passes through. Nobody else
                ends it: until it returns, or raises, the call waits, so it needs a deadline of its own.

            public_key: The public half: PEM, a certificate, or a JWK or its JSON.

            algorithm: What it signs with.

            kid: Its id; by default that of a JWK, or else its RFC 7638 thumbprint.

            certificate: As for `from_pem`; by default *public_key*, if that is one.

            ecdsa: How *sign* writes ECDSA signatures: ``raw``, R || S (RFC 7518 section 3.4), or ``der``, as most key
                management services do.

        Raises:
            ConfigurationError: The public key cannot be used, or does not fit the rest.
        """
        given = public_key, sign, ecdsa, algorithm
        made = cls._made(_of_public, given, kid, algorithm, certificate, signer=(sign, ecdsa))
        del public_key, certificate, given  # somebody may have taken a private key for a public one
        return _or_refuse(made)

    @classmethod
    def generate(cls, algorithm: str = "ES256", *, kid: str | None = None) -> SigningKey:
        """
        Return a new key, for tests and first steps: it is gone when the process ends.

        Args:
            algorithm: What it signs with.

            kid: Its id; by default its RFC 7638 thumbprint.

        Raises:
            ConfigurationError: No such algorithm signs here.
        """
        return _or_refuse(cls._made(_of_new, (algorithm,), kid, algorithm, None))

    async def sign(self, signing_input: bytes, ports: Ports) -> bytes:
        """
        Return the signature of *signing_input* (RFC 7515 section 5.1).

        Args:
            signing_input: ``header.payload``, encoded.

            ports: What calls a signer; not used for a key that lies here.

        Raises:
            KeyManagerUnavailable: The signer returned something that is not a signature under its public key.
        """
        if self._signer is None:
            return self._local(signing_input)  # type: ignore[misc]
        return await self._signer.sign(self.kid, signing_input, ports)

    @property
    def sign_now(self) -> Sign | None:
        """What returns the signature of some bytes at once; None if a signer has to be asked: see `sign`."""
        return self._local

    @classmethod
    def _made(
        cls,
        read: Callable[..., Material | Flaw],
        given: tuple[Any, ...],
        kid: str | None,
        algorithm: str | None,
        certificate: str | bytes | None,
        *,
        signer: tuple[Callable[[bytes], Any], EcdsaForm] | None = None,
    ) -> SigningKey | Flaw:
        """Return the key, or what is wrong with it: an error would have the key in the frames that it passes."""
        try:
            checked_names(kid, algorithm, (*ALGORITHMS, None))
            material = read(*given)
            own = None if certificate is None else to_octets("certificate", certificate)
        except ConfigurationError as error:
            return Flaw(str(error))
        return material if isinstance(material, Flaw) else cls._of(material, kid, algorithm, own, signer)

    @classmethod
    def _of(
        cls,
        material: Material,
        kid: str | None,
        algorithm: str | None,
        certificate: bytes | None,
        signer: tuple[Callable[[bytes], Any], EcdsaForm] | None,
    ) -> SigningKey | Flaw:
        public = material.public
        alg = fitting(public.shape, algorithm, material.alg)
        if isinstance(alg, Flaw):
            return alg
        source = material.certificate if certificate is None else certificate
        read = None if source is None else read_certificate(source, public.thumbprint)
        if isinstance(read, Flaw):
            return read
        name = kid or material.kid or public.thumbprint
        if not is_name(name):
            return Flaw("its kid cannot be printed")
        return cls(
            kid=name,
            algorithm=alg,
            public=public,
            certificate=read,
            local=None if signer else local_signer(alg, material.native),
            signer=signer and Signer(function=signer[0], ecdsa=signer[1], algorithm=alg, public=public),
        )

    def __reduce__(self) -> NoReturn:
        raise TypeError("a signing key is not pickled: it would carry its secret along")


def _of_pem(pem: object, password: object) -> Material | Flaw:
    return of_pem(to_octets("pem", pem), to_password(password))


def _of_pkcs12(data: object, password: object) -> Material | Flaw:
    require(isinstance(data, bytes), "data is the bytes of a PKCS #12 file")
    return of_pkcs12(to_octets("data", data), to_password(password))


def _of_jwk(jwk: object) -> Material | Flaw:
    return of_jwk(to_document("jwk", jwk))


def _of_public(public_key: object, sign: object, ecdsa: object, algorithm: object) -> Material | Flaw:
    checked_names(None, algorithm, ALGORITHMS)
    require(callable(sign), "sign is a function that returns a signature")
    require(ecdsa in ("raw", "der"), "ecdsa is raw or der")
    return of_public(to_document("public_key", public_key))


def _of_new(algorithm: str) -> Material | Flaw:
    checked_names(None, algorithm, ALGORITHMS)
    return of_new(algorithm)


def _or_refuse(made: SigningKey | Flaw) -> SigningKey:
    """Return what was made, or raise where no frame holds key material."""
    if isinstance(made, Flaw):
        raise ConfigurationError(f"the signing key cannot be used: {made}")
    return made
