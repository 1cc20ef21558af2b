"""What is published of a signing key: its JWK, its certificate, and the names that WSO2's gateways give it."""

import hashlib
import json
from base64 import b64decode, b64encode, urlsafe_b64decode

import pytest
from cryptography import x509
from cryptography.x509.name import _ASN1Type
from cryptography.x509.oid import NameOID

from kmvalidate import StaticKeys
from kmvalidate.errors import ConfigurationError
from kmvalidate.signing import SigningKey
from tests.signing import KEY_OF, b64, private_key, public_jwk
from tests.signing_keys.making import ALGORITHMS, SERIAL, WSO2_NAME, certificate, in_der, in_pem, name_of, p12
from tests.test_private_keys import assert_silent, jwk, pem

O = NameOID.ORGANIZATION_NAME  # noqa: E741  # as certificates call it


def with_certificate(shape="RSA", name=None, **options):
    made = certificate(shape, name=name)
    return SigningKey.from_pem(pem(private_key(shape)), certificate=in_pem(made), **options), in_der(made)


def decoded(text):
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


@pytest.mark.parametrize("alg", ALGORITHMS)
def test_a_published_key_is_public(alg):
    """The JWK has the public members, kid, alg and use, and nothing else."""
    expected = public_jwk(KEY_OF[alg], kid="k", alg=alg)
    key = SigningKey.from_jwk(jwk(KEY_OF[alg]), algorithm=alg, kid="k")
    assert key.public_jwk() == expected
    assert StaticKeys.from_jwks({"keys": [key.public_jwk()]}).key_set.skipped == ()


def test_a_published_key_is_a_copy():
    """Whoever changes the JWK that was returned changes nothing."""
    key, _ = with_certificate()
    first = json.dumps(key.public_jwk())
    key.public_jwk()["x5c"].clear()
    key.public_jwk().clear()
    assert json.dumps(key.public_jwk()) == first


@pytest.mark.parametrize("shape", ["RSA", "P-256", "Ed25519"])
def test_a_certificate_is_published(shape):
    """The JWK has x5c in base64 and the digest's bytes as x5t#S256 (RFC 7517 sections 4.7 and 4.9)."""
    key, der = with_certificate(shape)
    published = key.public_jwk()
    assert [b64decode(one, validate=True) for one in published["x5c"]] == [der]
    assert published["x5t#S256"] == key.x5t_s256 == b64(hashlib.sha256(der).digest())
    assert key.certificate_der == der
    assert StaticKeys.from_jwks({"keys": [published]}).key_set.keys[0].x5t_s256 == key.x5t_s256


def test_a_certificate_may_lie_beside_the_key():
    """It comes from a PEM file with both, a PKCS #12 file or a JWK's x5c, and the one that is given goes first."""
    made, private = certificate("RSA"), private_key("RSA")
    der, chain = in_der(made), in_pem(certificate("P-256"))
    renewed = certificate("RSA", name=name_of((O, "renewed")))
    x5c = [b64encode(der).decode(), b64encode(in_der(renewed)).decode()]
    keys = [
        SigningKey.from_pem(pem(private) + in_pem(made) + chain),
        SigningKey.from_pem(in_pem(made) + pem(private)),
        SigningKey.from_pkcs12(p12(private, made), "secret"),
        SigningKey.from_jwk(jwk("RSA", x5c=x5c)),
        SigningKey.from_jwk(jwk("RSA", x5c=x5c[1:]), certificate=der),
    ]
    assert {key.certificate_der for key in keys} == {der}


@pytest.mark.parametrize(
    "given", [in_pem(certificate("RSA", "other")), in_der(certificate("P-256"))], ids=["same", "odd"]
)
def test_a_certificate_of_another_key_is_refused(given):
    """A certificate whose public key is not the key's is a ConfigurationError."""
    text = pem(private_key("RSA"))
    with pytest.raises(ConfigurationError, match="its certificate is that of another key") as caught:
        SigningKey.from_pem(text, certificate=given)
    assert_silent(caught.value, text)


@pytest.mark.parametrize("given", ["", b"", "garbage", b"\x30\x03", pem(private_key("RSA"))], ids=range(5))
def test_a_certificate_that_cannot_be_read_is_refused(given):
    """What is no certificate is a ConfigurationError, an empty one as well."""
    with pytest.raises(ConfigurationError, match="its certificate cannot be read"):
        SigningKey.from_pem(pem(private_key("RSA")), certificate=given)


@pytest.mark.parametrize("x5c", [None, [], "AAAA", [5], [None], ["%"], ["AA-_"], {"0": "AAAA"}], ids=ascii)
def test_an_x5c_that_is_none_is_refused(x5c):
    """An x5c that is no array of base64 is a ConfigurationError, not a key without a certificate."""
    with pytest.raises(ConfigurationError, match="its x5c is no array of certificates"):
        SigningKey.from_jwk(json.loads(jwk("RSA")) | {"x5c": x5c})


def test_the_names_of_wso2_gateways():
    """The legacy kid and thumbprints are those of WSO2: of the issuer as Java prints it, and of hexadecimal digits."""
    key, der = with_certificate()
    issuer = "CN=localhost, OU=WSO2, O=WSO2, L=Mountain View, ST=CA, C=US"
    assert decoded(key.legacy_kid_apim()).decode() == f"{issuer}#{SERIAL}" == f"{issuer}#1677089283"
    kid = "Q049bG9jYWxob3N0LCBPVT1XU08yLCBPPVdTTzIsIEw9TW91bnRhaW4gVmlldywgU1Q9Q0EsIEM9VVMjMTY3NzA4OTI4Mw"
    assert key.legacy_kid_apim() == kid
    sha1, sha256 = hashlib.sha1(der).hexdigest(), hashlib.sha256(der).hexdigest()  # noqa: S324
    assert decoded(key.legacy_kid_choreo()).decode() == sha256
    for text in (key.legacy_kid_apim(), key.legacy_kid_choreo(), key.legacy_thumbprint()):
        assert not set("=+/") & set(text)
    assert key.legacy_thumbprint() == key.legacy_thumbprint("sha1", padded=False) == b64(sha1.encode())
    assert key.legacy_thumbprint("sha1", padded=True) == b64encode(sha1.encode()).decode()
    assert key.legacy_thumbprint("sha256", padded=True) == b64encode(sha256.encode()).decode()
    assert key.legacy_thumbprint("sha256", padded=True).rstrip("=") == key.legacy_thumbprint("sha256")


def test_the_legacy_names_need_a_certificate():
    """Without a certificate there are none, and asking for them is a ConfigurationError; so is an unknown digest."""
    key = SigningKey.generate(kid="k")
    assert (key.certificate_der, key.x5t_s256) == (None, None)
    for make in (key.legacy_kid_apim, key.legacy_kid_choreo, key.legacy_thumbprint):
        with pytest.raises(ConfigurationError, match="the signing key k has no certificate"):
            make()
    for odd in ("md5", None, 1, ["sha1"], {}):
        with pytest.raises(ConfigurationError, match="hash is sha1 or sha256"):
            with_certificate()[0].legacy_thumbprint(odd)


#: What OpenJDK 17 printed for certificates with these issuers.
JAVA = [
    (name_of(*WSO2_NAME[::-1]), "C=US, ST=CA, L=Mountain View, O=WSO2, OU=WSO2, CN=localhost"),
    (name_of((O, 'Acme, "Inc"')), 'O="Acme, \\"Inc\\""'),
    (name_of((O, "a  b")), 'O="a  b"'),
    (name_of((O, " x")), 'O=" x"'),
    (name_of((O, "x ")), 'O="x "'),
    (name_of((O, '"quoted"')), 'O="quoted"'),
    (name_of((O, '"in"ner"')), 'O="in\\"ner"'),
    (name_of((O, '"')), 'O="\\""'),
    (name_of((O, "back\\slash")), 'O="back\\\\slash"'),
    (name_of((O, "ü@*")), "O=ü@*"),
    (name_of((O, "a\nb")), 'O="a\nb"'),
    (name_of((O, "#x")), 'O="#x"'),
    (name_of((O, "tab\tx")), "O=tab\tx"),
    (
        name_of(
            (NameOID.TITLE, "v"),
            (NameOID.STREET_ADDRESS, "v"),
            (NameOID.DOMAIN_COMPONENT, "v"),
            (NameOID.DN_QUALIFIER, "v"),
            (NameOID.EMAIL_ADDRESS, "v"),
            (NameOID.USER_ID, "v"),
            (NameOID.SERIAL_NUMBER, "v"),
            (NameOID.POSTAL_CODE, "v"),
        ),
        "OID.2.5.4.17=v, SERIALNUMBER=v, UID=v, EMAILADDRESS=v, DNQ=v, DC=v, STREET=v, T=v",
    ),
    (
        name_of(
            (NameOID.SURNAME, "v"),
            (NameOID.GIVEN_NAME, "v"),
            (NameOID.INITIALS, "v"),
            (NameOID.GENERATION_QUALIFIER, "v"),
        ),
        "GENERATION=v, INITIALS=v, GIVENNAME=v, SURNAME=v",
    ),
    (x509.Name([x509.RelativeDistinguishedName(list(name_of((NameOID.COMMON_NAME, "b"), (O, "a"))))]), "CN=b + O=a"),
    (
        x509.Name([x509.NameAttribute(NameOID.X500_UNIQUE_IDENTIFIER, b"\0ab", _ASN1Type.BitString)]),
        "OID.2.5.4.45=#0303006162",
    ),
]


@pytest.mark.parametrize(("name", "printed"), JAVA, ids=range(len(JAVA)))
def test_names_are_written_as_java_does(name, printed):
    """Issuers come out as OpenJDK prints them: reversed, with its keywords and its quotation marks."""
    key, _ = with_certificate("P-256", name)
    assert decoded(key.legacy_kid_apim()).decode() == f"{printed}#{SERIAL}"
