"""
What holds for every provider, as tests.

Rules kept here: each test asks the simulated provider and the library, and knows nothing of either; what differs from
provider to provider is what its `ProviderKind` says.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from kmvalidate.audiences import ANY_AUDIENCE
from kmvalidate.errors import KeyManagerUnavailable, Reason, Refused
from kmvalidate.testing._faults import FAULTS
from kmvalidate.testing._jose import SigningKey, tampered
from kmvalidate.testing._simulated import SimulatedProvider
from kmvalidate.verified import VerifiedToken

if TYPE_CHECKING:
    from kmvalidate.testing._kind import ProviderKind
    from kmvalidate.validator import TokenValidator

_A_DAY_S = 86_400
_COOLDOWN_S = 11
_SOFT_TTL_S = 660  # ten minutes and ten per cent
_LEEWAY_S = 300  # the most that is ever allowed


def _reason(validator: TokenValidator, token: str) -> str:
    """Return what becomes of a token: the name of a reason, ``accepted`` or ``unavailable``."""
    try:
        validator.authenticate(token)
    except (Refused, KeyManagerUnavailable) as error:
        said = error
    else:
        return "accepted"
    assert token not in str(said), "a refusal shows the token"
    return said.reason.name if isinstance(said, Refused) else "unavailable"


class ProviderLaws:
    """
    Tests of a provider.

    Derive a class from it whose name pytest collects, and say what is tested::

        class TestAcme(ProviderLaws):
            kind = ACME  # a ProviderKind, whose `manager` calls the provider

    A provider passes if the tokens of its kind are accepted, in every version, and everything else is refused.

    Attributes:
        kind: The kind of provider, or the name of one that comes with the library.
    """

    kind: str | ProviderKind

    def simulate(self) -> SimulatedProvider:
        """Return a new provider of the kind, in process."""
        return SimulatedProvider(self.kind)

    def test_every_version_is_accepted(self) -> None:
        """An access token of each version is accepted, a user's and a client's own."""
        idp = self.simulate()
        for version in idp.kind.versions:
            for application in (False, True):
                token = idp.token(version=version, application=application)
                assert _reason(idp.validator(), token) == "accepted", version

    def test_what_a_token_says_is_read(self) -> None:
        """Issuer, client, scopes and roles are read from where the provider has them."""
        idp = self.simulate()
        for version in idp.kind.versions:
            token = idp.token(version=version, scopes={"a", "b"}, roles={"cook", "chef"}, client_id="shop")
            read = idp.validator().authenticate(token)
            assert read.issuer == idp.kind.issuer(idp.base, version)
            assert read.consumer_key == ("shop" if "consumer_key" in idp.kind.tells else None)
            assert read.scopes == ({"a", "b"} if "scopes" in idp.kind.tells else frozenset())
            assert "roles" not in idp.kind.tells or {"cook", "chef"} <= (read.roles or set()), version

    def test_an_application_is_told_from_a_user(self) -> None:
        """A token that a client got for itself is never taken for a user's, nor the other way round."""
        idp = self.simulate()
        for version in idp.kind.versions:
            for application in (False, True):
                read = idp.validator().authenticate(idp.token(version=version, application=application))
                assert read.is_application in {None, application or idp.kind.always_application}, version

    def test_look_alikes_are_refused_by_name(self) -> None:
        """Each token of another kind that the same key signs is refused for its reason."""
        idp = self.simulate()
        for name, look_alike in idp.kind.look_alikes.items():
            for version in look_alike.versions or idp.kind.versions:
                found = _reason(idp.validator(), idp.look_alike(name, version=version))
                assert found == look_alike.reason.name, f"{name}, version {version!r}"

    def test_no_audience_makes_an_access_token(self) -> None:
        """A token of another kind stays one where every audience is accepted."""
        idp = self.simulate()
        for name, look_alike in idp.kind.look_alikes.items():
            if look_alike.reason not in {Reason.WRONG_AUDIENCE, Reason.MISSING_CLAIM}:
                for version in look_alike.versions or idp.kind.versions:
                    found = _reason(idp.validator(audience=ANY_AUDIENCE), idp.look_alike(name, version=version))
                    assert found == look_alike.reason.name, f"{name}, version {version!r}"

    def test_equal_facts_make_equal_key_managers(self) -> None:
        """Made again from the same facts it is the same, so that a reload changes nothing; from others it is not."""
        idp = self.simulate()
        made = idp.key_manager()
        assert (made, hash(made)) == (idp.key_manager(), hash(idp.key_manager()))
        for other in ({"any_role": "chef"}, {"audience": "b"}, {"claim_in": {"sub": ["a"]}}, {"leeway_s": 1}):
            assert made != idp.key_manager(**other), other

    def test_another_audience_is_refused(self) -> None:
        """A token of the same issuer for another API is refused."""
        idp = self.simulate()
        for version in idp.kind.versions:
            found = _reason(idp.validator(audience="nobody"), idp.token(version=version))
            assert found in {"WRONG_AUDIENCE", "MISSING_CLAIM"}, version

    def test_times_are_held(self) -> None:
        """A token is refused once it has expired, also where it was accepted before."""
        idp = self.simulate()
        validator = idp.validator()
        token = idp.token(expires_in_s=60)
        assert _reason(validator, token) == "accepted"
        idp.clock.advance(60 + _LEEWAY_S)
        assert _reason(validator, token) == "EXPIRED"
        assert _reason(validator, idp.token(expires_in_s=-_LEEWAY_S)) == "EXPIRED"

    def test_forgeries_are_refused(self) -> None:
        """No token passes that the provider's key did not sign: a stranger's, a changed one, one without signature."""
        idp = self.simulate()
        good, alg = idp.token(), idp.kind.algorithms[0]
        stranger = SigningKey.make(alg, "stranger")
        validator = idp.validator()
        for _ in range(2):
            assert _reason(validator, good) == "accepted"
            assert _reason(validator, idp.token(key=stranger)) == "BAD_SIGNATURE"
            assert _reason(validator, tampered(good, sub="root")) == "BAD_SIGNATURE"
            assert _reason(validator, idp.token(header={"kid": "stranger"}, key=stranger)) == "UNKNOWN_KEY"
            assert _reason(validator, idp.token(header={"alg": "none"}, key=b"")) == "ALGORITHM_NOT_ALLOWED"
            assert (
                _reason(validator, idp.token(header={"alg": "HS256"}, key=stranger.public_pem))
                == "ALGORITHM_NOT_ALLOWED"
            )

    def test_issuers_match_exactly(self) -> None:
        """A good signature over another issuer's name is refused, be it only a slash more or less."""
        idp = self.simulate()
        slash = idp.issuer.removesuffix("/") if idp.issuer.endswith("/") else idp.issuer + "/"
        for issuer in (slash, "https://other.example", idp.issuer.upper(), ""):
            assert _reason(idp.validator(), idp.token(claims={"iss": issuer})) == "UNKNOWN_ISSUER", issuer
        assert _reason(idp.validator(), idp.token(claims={"iss": None})) == "MISSING_CLAIM"

    def test_keys_rotate(self) -> None:
        """Tokens of a new key are accepted at once, those of an old key for as long as it is published."""
        idp = self.simulate()
        validator = idp.validator()
        first = idp.token(expires_in_s=_A_DAY_S)
        assert _reason(validator, first) == "accepted"
        idp.clock.advance(_COOLDOWN_S)
        idp.rotate(overlap=True)
        second = idp.token(expires_in_s=_A_DAY_S)
        assert (_reason(validator, second), _reason(validator, first)) == ("accepted", "accepted")
        idp.rotate(overlap=False)
        idp.clock.advance(2 * _SOFT_TTL_S)
        assert (_reason(validator, idp.token()), _reason(validator, first)) == ("accepted", "UNKNOWN_KEY")

    def test_an_outage_is_no_refusal(self) -> None:
        """However the provider fails, nobody can tell whether a token is good; known keys serve on."""
        for fault in FAULTS:
            idp = self.simulate()
            validator, cold = idp.validator(), idp.validator()
            token = idp.token(expires_in_s=_A_DAY_S)
            assert _reason(validator, token) == "accepted"
            asked = idp.hits.keys() & idp.kind.published(idp.base, idp.kind.algorithms).keys()
            matters = fault != "other issuer" or bool(asked)
            idp.fail(fault)
            idp.clock.advance(_SOFT_TTL_S)
            assert _reason(validator, token) == "accepted", fault
            assert _reason(cold, token) == ("unavailable" if matters else "accepted"), fault
            idp.recover()
            idp.clock.advance(_SOFT_TTL_S)
            assert _reason(cold, token) == "accepted", fault

    def test_keys_are_fetched_once(self) -> None:
        """Any number of tokens of one key costs one fetch."""
        idp = self.simulate()
        validator = idp.validator()
        for _ in range(20):
            assert _reason(validator, idp.token()) == "accepted"
        assert all(times == 1 for times in idp.hits.values()), idp.hits

    def test_asyncio_agrees(self) -> None:
        """Asyncio callers get the same answers."""
        idp = self.simulate()
        validator = idp.validator()
        names = [name for name, look_alike in idp.kind.look_alikes.items() if not look_alike.versions]
        good, *answers = asyncio.run(_answers(validator, [idp.token(), *map(idp.look_alike, names)]))
        assert isinstance(good, VerifiedToken)
        assert good.issuer == idp.issuer
        for name, answer in zip(names, answers, strict=True):
            assert isinstance(answer, Refused), name
            assert answer.reason is idp.kind.look_alikes[name].reason, name

    def test_it_is_configured_like_the_others(self) -> None:
        """It has a name unless it is given one, and takes an audience and algorithms."""
        idp = self.simulate()
        assert idp.key_manager().name
        manager = idp.key_manager(
            name="Mine", audience=["a", "b"], algorithms=["ES384"], organization="acme", leeway_s=7
        )
        assert (manager.name, manager.algorithms, manager.organization, manager.leeway_s) == (
            "Mine",
            ("ES384",),
            "acme",
            7,
        )
        assert _reason(idp.validator(algorithms=["ES384"]), idp.token()) == "ALGORITHM_NOT_ALLOWED"

    def test_roles_can_be_demanded(self) -> None:
        """Who lacks a role that is demanded is refused, and for no other reason than that."""
        idp = self.simulate()
        if "roles" not in idp.kind.tells:
            return
        validator = idp.validator(any_role={"chef"}, all_roles={"cook"})
        for version in idp.kind.versions:
            assert _reason(validator, idp.token(version=version, roles={"chef", "cook"})) == "accepted"
            for roles in ({"chef"}, {"cook"}, {"Chef", "cook"}, set()):
                assert _reason(validator, idp.token(version=version, roles=roles)) == "MISSING_ROLE", roles


async def _answers(validator: TokenValidator, tokens: list[str]) -> list[VerifiedToken | BaseException]:
    return await asyncio.gather(*map(validator.aauthenticate, tokens), return_exceptions=True)
