"""
The certificate of a signing key, and PKCS #12, which holds both.

Rules kept here: a certificate is the key's, or it is an error. Names are written as Java writes them, for gateways that
built key ids of them.
"""

from __future__ import annotations

from typing import Any

import attrs
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.hazmat.primitives.serialization.pkcs12 import load_key_and_certificates
from cryptography.x509.oid import NameOID

from kmvalidate.keys import key_of
from kmvalidate.private_keys import PrivateKey, from_native
from kmvalidate.strict_json import Flaw

_JKS = b"\xfe\xed\xfe\xed"

# What Java calls the parts of a name (sun.security.x509.AVAKeyword); any other is OID. and its number.
_KEYWORDS = {
    NameOID.COMMON_NAME: "CN",
    NameOID.COUNTRY_NAME: "C",
    NameOID.LOCALITY_NAME: "L",
    NameOID.STATE_OR_PROVINCE_NAME: "ST",
    NameOID.ORGANIZATION_NAME: "O",
    NameOID.ORGANIZATIONAL_UNIT_NAME: "OU",
    NameOID.TITLE: "T",
    NameOID.STREET_ADDRESS: "STREET",
    NameOID.DOMAIN_COMPONENT: "DC",
    NameOID.DN_QUALIFIER: "DNQ",
    NameOID.SURNAME: "SURNAME",
    NameOID.GIVEN_NAME: "GIVENNAME",
    NameOID.INITIALS: "INITIALS",
    NameOID.GENERATION_QUALIFIER: "GENERATION",
    NameOID.EMAIL_ADDRESS: "EMAILADDRESS",
    NameOID.USER_ID: "UID",
    NameOID.SERIAL_NUMBER: "SERIALNUMBER",
}
_SPECIAL = frozenset(',+=\n<>#;\\"')


@attrs.frozen
class Certificate:
    """
    What is told of a certificate.

    Args:
        der: Its bytes.

        issuer: The distinguished name of its issuer as Java prints it, the most specific part first.

        serial: Its serial number.
    """

    der: bytes = attrs.field(repr=False)
    issuer: str
    serial: int


def read_certificate(source: bytes, thumbprint: str) -> Certificate | Flaw:
    """
    Return the first certificate in *source*, or why it is not one of the key.

    Args:
        source: PEM or DER.

        thumbprint: The key's RFC 7638 thumbprint.
    """
    try:
        is_pem = b"-----BEGIN " in source
        found = x509.load_pem_x509_certificate(source) if is_pem else x509.load_der_x509_certificate(source)
        if key_of(found.public_key()).thumbprint != thumbprint:
            return Flaw("its certificate is that of another key")
        return Certificate(found.public_bytes(Encoding.DER), _java_name(found.issuer), found.serial_number)
    except Exception:  # noqa: BLE001  # cryptography has many; none may leave with a key beside it in a frame
        return Flaw("its certificate cannot be read")


def read_pkcs12(data: bytes, password: bytes | None) -> tuple[PrivateKey, bytes | None] | Flaw:
    """
    Return the first key of a PKCS #12 file and its certificate in DER, or why there is none.

    Args:
        data: The file.

        password: What it is encrypted with.
    """
    if data.startswith(_JKS):
        return Flaw("it is a Java keystore of the old type; keytool -importkeystore makes a PKCS #12 file of it")
    try:
        native, certificate, _ = load_key_and_certificates(data, password)
        der = None if certificate is None else certificate.public_bytes(Encoding.DER)
    except Exception:  # noqa: BLE001  # see above
        return Flaw("its password is another, or it is no PKCS #12")
    if native is None:
        return Flaw("its PKCS #12 holds no private key")
    key = from_native(native)
    return key if isinstance(key, Flaw) else (key, der)


def _java_name(name: x509.Name) -> str:
    """Write a name as ``X509Certificate.getIssuerDN().toString()`` does."""
    return ", ".join(" + ".join(map(_java_part, part)) for part in reversed(name.rdns))


def _java_part(part: x509.NameAttribute[Any]) -> str:
    keyword = _KEYWORDS.get(part.oid) or f"OID.{part.oid.dotted_string}"
    if isinstance(part.value, bytes):  # a BIT STRING, written in hexadecimal with its tag and its length
        return f"{keyword}=#03{len(part.value):02x}{part.value.hex()}"
    return f"{keyword}={_java_value(part.value)}"


def _java_value(text: str) -> str:
    """Quote what has a special character, a space at an end or two in a row (``sun.security.x509.AVA``)."""
    if text == text.strip(" ") and "  " not in text and _SPECIAL.isdisjoint(text):
        return text
    is_quoted = len(text) > 1 and text[0] == text[-1] == '"'
    inner = text[1:-1] if is_quoted else text
    return '"' + inner.replace("\\", "\\\\").replace('"', '\\"') + '"'
