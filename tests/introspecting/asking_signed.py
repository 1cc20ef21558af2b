"""What the tests of signed answers share: answers as RFC 9701 has them, and whoever asks for them."""

from tests.introspecting.asking_helpers import ACTIVE, ENDPOINT, Asker, said
from tests.signing import ALGORITHMS, ISSUER, NOW, changed, good_header, token

MEDIA_TYPE = "application/token-introspection+jwt"
TYPE = "token-introspection+jwt"
OTHER = "https://idp.example/realms/other"


def claims_of(**changes):
    return changed({"iss": ISSUER, "aud": "gateway", "iat": NOW, "token_introspection": ACTIVE}, changes)


def header_of(alg="ES256", /, **changes):
    return good_header(alg, **{"typ": TYPE} | changes)


def signed(header=None, alg="ES256", key=None, **claims):
    """Return an answer that is good but for these claims, this header or this key."""
    return said(token(claims_of(**claims), header or header_of(alg), alg, key).encode(), content_type=MEDIA_TYPE)


def raw(text):
    return said(text if isinstance(text, bytes) else text.encode(), content_type=MEDIA_TYPE)


def asking(answer, leeway_s=60.0, of_manager=None, **configuration):
    """Return who asks an endpoint that answers so."""
    of_manager = {"algorithms": ALGORITHMS, "leeway_s": leeway_s} | (of_manager or {})
    return Asker({ENDPOINT: answer}, signed=True, of_manager=of_manager, **configuration)
