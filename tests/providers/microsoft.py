"""
What the tests of Microsoft's providers share: the sample documents, with keys whose private halves the tests have.

Rules kept here: of a published document only the names of tenants and the key material change.
"""

import json
from typing import Any

from kmvalidate import KeyManagerRegistry, TokenValidator
from tests.fakes import FakeTransport
from tests.signing import ABSENT, SetClock, changed, private_key, public_jwk, token
from tests.vectors.support import load

TENANT = "72f988bf-86f1-41af-91ab-2d7cd011db47"  # of the v2 sample
OTHER = "fa15d692-e9c7-4460-a743-29f2956fd429"  # of the v1 sample
PERSONAL = "9188040d-6c67-4c5b-b112-36a304b66dad"
STRANGER = "2f4a9838-26b7-47ee-be60-ccc1fdec5953"
API = "6e74172b-be56-4843-9ff4-e66a39bb12e3"  # the audience of the v2 sample
V1_API = "ef1da9d4-ff77-4c3e-a005-840c3f830745"
CLIENT = "75dbe77f-10a3-4e59-85fd-8c127544f17c"  # of the v1 sample
NOW = 1537233200  # when both samples were good

KID = "23ntaxfH9Gk-8D_USzoAJgwjyt8"  # the first key of both sample sets
PERSONAL_KID = "dGtHQMhGltJUCcH_SQW64nEUoYE"  # a key of the v2 set that is labelled for personal accounts
ORIGIN = "https://login.microsoftonline.com"
SUFFIX = "/.well-known/openid-configuration"


def v1(tenant=TENANT):
    return f"https://sts.windows.net/{tenant}/"


def v2(tenant=TENANT):
    return f"{ORIGIN}/{tenant}/v2.0"


def document_url(version="2.0", directory=TENANT):
    return f"{ORIGIN}/{directory}{'/v2.0' if version == '2.0' else ''}{SUFFIX}"


def sample(name: str) -> Any:
    return load(f"samples/entra/{name}.json")


def sample_keys(version: str, labels: dict[str, Any] | None = None) -> dict[str, Any]:
    """Return a published key set, the tests' own keys in place of two of its; *labels* change the issuers of keys."""
    keys = []
    for key in sample(f"jwks-common-v{version[0]}")["keys"]:
        own = key["kid"] in {KID, PERSONAL_KID}
        material = {name: public_jwk("RSA", key["kid"])[name] for name in ("n", "e")} | {"x5c": ABSENT} if own else {}
        label = {"issuer": labels[key["kid"]]} if labels and key["kid"] in labels else {}
        keys.append(changed(key, material | label))
    return {"keys": keys}


def answers(*directories: str, labels: dict[str, Any] | None = None) -> dict[str, Any]:
    """Return what Entra ID answers, under the name of one tenant as of all: documents and keys of both versions."""
    found = {}
    for directory in directories:
        for version in ("1.0", "2.0"):
            text = json.dumps(sample(f"discovery-common-v{version[0]}"))
            keys = json.dumps(sample_keys(version, labels))
            if len(directory) == len(TENANT):
                text, keys = (one.replace("{tenantid}", directory) for one in (text, keys))
            document = json.loads(text.replace("/common/", f"/{directory}/"))
            found[document_url(version, directory)] = document
            found[document["jwks_uri"]] = json.loads(keys)
    return found


class Azure:
    """A validator for *managers*, whose transport has the documents of *directories*."""

    def __init__(self, *managers, at=(TENANT,), labels=None, now=NOW):
        self.transport = FakeTransport(answers(*at, labels=labels))
        self.registry = KeyManagerRegistry(managers, transport=self.transport, clock=SetClock(now))
        self.authenticate = TokenValidator(self.registry).authenticate


def signed(version="2.0", /, kid=KID, **claims):
    """Return the sample token of a version, signed by the tests' own key; of one tenant, for one API."""
    issuer = v1() if version == "1.0" else v2()
    usual = {"iss": issuer, "tid": TENANT, "aud": API}
    return resigned(sample(f"access-token-v{version[0]}"), kid, **(usual | claims))


def resigned(document, kid=KID, **claims):
    """Return a sample token with its own header and claims but for *claims*, signed by the tests' own key."""
    return token(
        changed(document["claims"], claims), document["header"] | {"kid": kid}, "RS256", private_key("RSA", kid)
    )
