"""Whatever a provider's own key signs, every provider answers, and answers the same however often it was asked."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kmvalidate import KeyManagerUnavailable, Refused
from kmvalidate.testing import SimulatedProvider

pytestmark = pytest.mark.law

SCALARS = st.none() | st.booleans() | st.integers(-5, 2_000_000_000) | st.text(max_size=8)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=2)
)
OTHERS = st.sampled_from(
    [
        *(
            "nonce",
            "at_hash",
            "events",
            "cnf",
            "tid",
            "Tid",
            "azp",
            "appid",
            "client_id",
            "cid",
            "aut",
            "typ",
            "token_use",
        ),
        *(
            "scope",
            "scp",
            "roles",
            "groups",
            "_claim_names",
            "hasgroups",
            "realm_access",
            "idtyp",
            "gty",
            "email",
            "ver",
        ),
    ]
)


class Played:
    """A provider, a validator that has seen its tokens, and another key manager's word on each new one."""

    def __init__(self, kind):
        self.idp = SimulatedProvider(kind)
        self.used = self.idp.validator()
        for version in self.idp.kind.versions * 2:
            for application in (False, True):
                self.used.authenticate(self.idp.token(version=version, application=application))

    def verdict(self, validator, token):
        """Return the reason of a refusal and its facts, or what was read of a good token."""
        try:
            read = validator.authenticate(token)
        except Refused as refused:
            return refused.reason, str(refused)
        except KeyManagerUnavailable:
            return "unavailable"
        return (
            read.roles,
            read.groups,
            read.permissions,
            read.tenant,
            read.is_application,
            read.consumer_key,
            read.scopes,
        )


@pytest.fixture(scope="module", params=SimulatedProvider.kinds())
def played(request):
    """Return a provider of each kind."""
    return Played(request.param)


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_a_used_validator_says_what_a_new_one_says(played, data):
    """A token with any claims changed, added or left out gets one verdict from a new validator and from a used one."""
    idp = played.idp
    version = data.draw(st.sampled_from(idp.kind.versions))
    usual = played.used.authenticate(idp.token(version=version)).claims
    names = data.draw(st.lists(st.sampled_from(sorted(usual)) | OTHERS, min_size=1, max_size=3, unique=True))
    changed = {name: data.draw(VALUES) for name in names}
    token = idp.token(version=version, claims=changed)
    assert played.verdict(played.used, token) == played.verdict(idp.validator(), token)


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_header_types_are_told_apart(played, data):
    """A used validator tells header types apart as a new one does, whatever claims came under another type."""
    idp = played.idp
    version = data.draw(st.sampled_from(idp.kind.versions))
    header = {"typ": data.draw(st.sampled_from([None, "JWT", "at+jwt", "application/at+jwt", "rt+jwt", "logout+jwt"]))}
    dropped = data.draw(st.lists(OTHERS, max_size=2, unique=True))
    token = idp.token(version=version, header=header, claims=dict.fromkeys(dropped))
    assert played.verdict(played.used, token) == played.verdict(idp.validator(), token)
    assert played.verdict(played.used, token) == played.verdict(idp.validator(), token)
