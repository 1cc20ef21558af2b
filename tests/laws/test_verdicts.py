"""Whatever comes in, a verdict or a documented error goes out."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kmvalidate import ConfigurationError, Refused, StaticKeys
from kmvalidate.key_documents import read_keys
from kmvalidate.keys import read_jwks
from kmvalidate.tokens import Jwt, OpaqueToken, parse_header, recognise
from kmvalidate.verified import VerifiedToken
from tests.laws.strategies import (
    anything,
    broken_documents,
    documents,
    garbage_entries,
    json_objects,
    json_values,
    piled_documents,
)
from tests.signing import b64, dumps, good_header, public_jwk, token, validator

pytestmark = pytest.mark.law

CHECK = validator().authenticate
raw_documents = documents | broken_documents() | piled_documents | st.binary(max_size=80)


def verdict(check, *arguments):
    """Return what *check* answers or the refusal it raises; anything else that is raised breaks the law."""
    try:
        return check(*arguments)
    except Refused as refused:
        return refused


def keys_or_why(read, document):
    """Return the keys that *read* finds or the words in which it refuses."""
    try:
        return read(document).keys
    except ConfigurationError as error:
        return str(error)


class TestATokenIsRefusedAndNothingElse:
    """Parsing and claims end in a VerifiedToken or in Refused; a non-string is a malformed token."""

    @given(anything)
    def test_anything_as_a_token(self, value):
        """Any object at all in place of a token is refused."""
        assert isinstance(verdict(CHECK, value), Refused)

    @given(st.text() | st.text(alphabet="abcAB01.-_~+/= \n\0\ud800é"))
    def test_any_text_as_a_token(self, text):
        """Any text is a station or a refusal, and never a verified token."""
        assert isinstance(verdict(recognise, text), Jwt | OpaqueToken | Refused)
        assert isinstance(verdict(CHECK, text), Refused)

    @given(raw_documents)
    def test_any_bytes_as_a_payload(self, raw):
        """Any bytes under a good signature are verified or refused."""
        assert isinstance(verdict(CHECK, token(raw, alg="EdDSA")), VerifiedToken | Refused)

    @given(raw_documents)
    def test_any_bytes_as_a_header(self, raw):
        """Any bytes as a header under a good signature are verified or refused."""
        assert isinstance(verdict(CHECK, token(header=raw, alg="EdDSA")), VerifiedToken | Refused)

    @given(json_objects)
    def test_any_object_as_a_header(self, header):
        """Any JSON object as a header is refused, since it names no key of ours."""
        assert isinstance(verdict(CHECK, token(header=header, alg="EdDSA")), Refused)

    @given(st.sampled_from(["alg", "kid", "typ", "cty", "crit", "x5t#S256", "jwk", "jku"]), json_values)
    def test_any_value_of_a_header_parameter(self, name, value):
        """Any JSON value of any header parameter is read, verified or refused."""
        made = token(header=dumps(good_header("EdDSA") | {name: value}), alg="EdDSA")
        assert isinstance(verdict(CHECK, made), VerifiedToken | Refused)
        assert verdict(parse_header, recognise(made)) is not None

    @given(st.binary(max_size=140))
    def test_any_bytes_as_a_signature(self, signature):
        """Any bytes in place of a signature are refused for every algorithm."""
        for alg in ("RS256", "PS256", "ES256", "ES512", "EdDSA", "Ed448"):
            signing_input = f"{b64(dumps(good_header(alg)))}.{b64(dumps({'iss': 'https://idp.example/realms/acme'}))}"
            assert isinstance(verdict(CHECK, f"{signing_input}.{b64(signature)}"), Refused)


class TestAKeySetIsReadOrRefused:
    """What is no key set is a ConfigurationError, and its good entries are served."""

    @given(raw_documents | st.text(max_size=60) | st.binary().map(lambda raw: b"-----BEGIN PUBLIC KEY-----\n" + raw))
    def test_any_document_as_keys(self, document):
        """Any text or bytes are keys or a documented error."""
        assert keys_or_why(read_keys, document)

    @given(json_objects | json_values.map(lambda value: {"keys": value}))
    def test_any_object_as_keys(self, document):
        """Any JSON object is keys or a documented error."""
        assert keys_or_why(read_jwks, document)

    @given(st.sampled_from(["RSA", "P-256", "Ed25519", "Ed448"]), st.data())
    def test_any_value_of_a_member(self, name, data):
        """Any JSON value of any member of a JWK gives a key or a documented error."""
        jwk = public_jwk(name, alg="RS256" if name == "RSA" else None)
        member = data.draw(st.sampled_from([*jwk, "key_ops", "x5t#S256", "d", "x5c"]))
        jwk[member] = data.draw(json_values)
        assert keys_or_why(read_jwks, jwk)


class TestOneBadEntrySpoilsNothing:
    """Implementations SHOULD ignore JWKs within a JWK Set that they cannot use (RFC 7517 section 5)."""

    @given(st.lists(garbage_entries(), max_size=6), st.lists(garbage_entries(), max_size=6))
    def test_good_keys_are_served_among_garbage(self, before, after):
        """A key set mixed with garbage still serves its good keys, and only those that it could use."""
        good = [public_jwk(name) for name in ("P-256", "Ed25519", "RSA")]
        keys = StaticKeys.from_jwks({"keys": [*before, good[0], *after, *good[1:], *before]})
        check = validator(keys=keys).authenticate
        for alg in ("ES256", "EdDSA", "RS256"):
            assert isinstance(verdict(check, token(alg=alg)), VerifiedToken)

    @given(st.lists(garbage_entries(), max_size=6))
    def test_garbage_signs_nothing(self, entries):
        """A key set of garbage alone is refused, or holds only keys that are no one's whose tokens come."""
        try:
            keys = StaticKeys.from_jwks({"keys": entries})
        except ConfigurationError:
            return
        assert isinstance(verdict(validator(keys=keys).authenticate, token(alg="EdDSA")), Refused)
