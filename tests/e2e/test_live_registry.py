"""Many issuers whose configuration changes while they are used: layers, organizations, removals, and what they cost."""

import contextlib
from collections.abc import Callable, Iterator
from threading import Thread
from typing import Any

import pytest

from kmvalidate import ConfigurationError, KMValidateError, Reason, Refused, Status
from tests.e2e.gateway import AUDIENCE, SettableClock, altered, eventually
from tests.e2e.live import Live, Way, fetches, manager_of
from tests.e2e.provider import Issuer, Provider

pytestmark = pytest.mark.e2e

WAIT_S = 30

each_document = pytest.mark.parametrize("document", ["/.well-known/", "/jwks"], ids=["metadata", "keys"])


def test_several_issuers(live: Callable[..., Live], provider: Provider) -> None:
    """Tokens of three issuers, one behind TLS, are each verified with the keys of their own, fetched once."""
    issuers = list(provider.issuers.values())
    gate = live(*issuers)
    for _ in range(2):
        for issuer in issuers:
            for token in (issuer.token("ES256"), issuer.user_token("RS256")):
                assert gate.accept(token).key_manager == issuer.name
    assert [fetches(issuer) for issuer in issuers] == [(1, 1)] * 3


def test_an_overriding_layer(live: Callable[..., Live], root: Issuer, path: Issuer) -> None:
    """What a control plane says overrides what is configured, and when that is gone all is as before, at no cost."""
    gate, token, other = live(root, path), root.token("ES256"), path.token("ES256")
    remembered, other_remembered = gate.accept(token).payload, gate.accept(other).payload
    gate.registry.add("control-plane", manager_of(root, name="from above", audience="somebody else"))
    for _ in range(2):
        refused = gate.refused(token)
        assert (refused.reason, refused.key_manager) == (Reason.WRONG_AUDIENCE, "from above")
    assert fetches(root) == (2, 2)  # it trusts nothing but what it fetched
    gate.registry.remove("control-plane", "from above")
    assert gate.accept(token).payload is remembered
    assert gate.accept(token).key_manager == "root"
    gate.accept(root.token("ES256"))
    assert gate.accept(other).payload is other_remembered
    assert (fetches(root), fetches(path)) == ((2, 2), (1, 1))
    told = [(name, event.key_manager) for name, event in zip(gate.story, gate.events, strict=True)]
    assert told == [
        *(("KeyManagerAdded", "root"), ("KeyManagerAdded", "path")),
        *(("KeysFetched", "root"), ("KeysFetched", "path")),
        *(("KeyManagerRemoved", "root"), ("KeyManagerAdded", "from above"), ("KeysFetched", "from above")),
        *(("KeyManagerRemoved", "from above"), ("KeyManagerAdded", "root")),
    ]


def test_an_overriding_name(live: Callable[..., Live], root: Issuer, path: Issuer) -> None:
    """A control plane that uses the name of a configured key manager for another issuer takes its place."""
    gate, token, other = live(root), root.token("ES256"), path.token("ES256")
    remembered = gate.accept(token).payload
    gate.registry.use("control-plane", [manager_of(path, name="root")])
    assert gate.refused(token).reason is Reason.UNKNOWN_ISSUER
    assert gate.accept(other).key_manager == "root"
    gate.registry.use("control-plane", [])
    assert gate.accept(token).payload is remembered
    assert gate.refused(other).reason is Reason.UNKNOWN_ISSUER
    assert (fetches(root), fetches(path)) == ((1, 1), (1, 1))


def test_a_changed_configuration(live: Callable[..., Live], root: Issuer, path: Issuer) -> None:
    """A changed key manager forgets all at once, an unchanged one nothing, and a refused change changes none."""
    gate, token, other = live(root, path), root.token("ES256"), path.token("ES256")
    gate.accept(token)
    remembered = gate.accept(other).payload
    gate.registry.use("configuration", [manager_of(path), manager_of(root, audience="urn:api:RS256")])
    assert gate.refused(token).reason is Reason.WRONG_AUDIENCE
    assert gate.accept(root.token("RS256")).key_manager == "root"
    with pytest.raises(ConfigurationError, match=r"'root'.*'twin'"):
        gate.registry.add("configuration", manager_of(root, name="twin"))
    assert gate.refused(token).reason is Reason.WRONG_AUDIENCE
    gate.registry.replace("configuration", manager_of(root))
    gate.accept(token)
    assert gate.accept(other).payload is remembered
    assert (fetches(root), fetches(path)) == ((3, 3), (1, 1))


def test_removed(live: Callable[..., Live], root: Issuer) -> None:
    """The tokens of a key manager that was removed are refused at once, and nobody is asked about them."""
    gate, token = live(root), root.token("ES256")
    gate.accept(token)
    gate.registry.remove("configuration", "root")
    for one in (token, root.token("RS256")):
        assert gate.refused(one).reason is Reason.UNKNOWN_ISSUER
    assert (fetches(root), gate.registry.health()) == ((1, 1), ())
    gate.registry.add("configuration", manager_of(root))
    gate.accept(token)
    assert fetches(root) == (2, 2)  # what it knew went with it


@each_document
def test_removed_under_way(live: Callable[..., Live], root: Issuer, document: str) -> None:
    """Whoever waits for the keys of a key manager that is removed meanwhile is refused."""
    gate, token = live(root, deadline_s=60), root.token("ES256")
    with _waiting(gate, token, root, document) as said:
        gate.registry.remove("configuration", "root")
    assert said == [Reason.UNKNOWN_ISSUER]
    assert gate.refused(token).reason is Reason.UNKNOWN_ISSUER
    assert root.hits("/jwks") == 1


@each_document
def test_removed_in_an_outage(live: Callable[..., Live], root: Issuer, document: str) -> None:
    """Whoever waits for keys that do not come, of a key manager that is removed meanwhile, is refused for good."""
    gate, token = live(root, deadline_s=60), root.token("ES256")
    with _waiting(gate, token, root, document, status=503) as said:
        gate.registry.remove("configuration", "root")
    assert said == [Reason.UNKNOWN_ISSUER]
    assert root.hits(document) == 1


@each_document
@pytest.mark.parametrize("becomes_good", [False, True])
def test_changed_under_way(live: Callable[..., Live], root: Issuer, document: str, becomes_good: bool) -> None:
    """Whoever waits for the keys of a key manager that is replaced meanwhile gets the verdict of the new one."""
    before, after = ("nobody", AUDIENCE) if becomes_good else (AUDIENCE, "nobody")
    gate, token = live(root, deadline_s=60, audience=before), root.token("ES256")
    with _waiting(gate, token, root, document) as said:
        gate.registry.replace("configuration", manager_of(root, audience=after))
    assert said == ["root" if becomes_good else Reason.WRONG_AUDIENCE]
    assert fetches(root) == (2, 2)


@contextlib.contextmanager
def _waiting(gate: Live, token: str, issuer: Issuer, document: str, **then: Any) -> Iterator[list[object]]:
    """Let somebody wait for *document* while something is done, and yield where the verdict will be."""
    said: list[object] = []
    issuer.fault(document, hold=True, **then)
    caller = Thread(target=lambda: said.append(_verdict(gate, token)))
    caller.start()
    eventually(lambda: issuer.hits(document) == 1)
    yield said
    assert issuer.release() == 1
    caller.join(WAIT_S)


def _verdict(gate: Live, token: str) -> object:
    try:
        return gate.accept(token).key_manager
    except Refused as refused:
        return refused.reason
    except KMValidateError as error:
        return error


def test_a_flood_of_unknown_issuers(live: Callable[..., Live], root: Issuer) -> None:
    """However many issuers are invented, on the host of a known one or not, nobody is asked about any."""
    gate, token = live(root), root.token("ES256")
    root.reset()
    for number in range(100):
        for issuer in (f"{root.url}/{number}", f"https://{number}.invalid", root.url + " " * (number + 1)):
            assert gate.refused(altered(token, claims={"iss": issuer})).reason is Reason.UNKNOWN_ISSUER
    assert (root.hits(""), gate.health().status) == (0, Status.UNFETCHED)
    gate.accept(token)
    assert (root.hits(""), fetches(root)) == (2, (1, 1))


def test_organizations(way: Way, root: Issuer, clock: SettableClock) -> None:
    """One issuer in two organizations is two key managers: other audiences, other keys, other verdicts, other drops."""
    ours = manager_of(root, name="ours", organization="a", audience="urn:api:RS256")
    theirs = manager_of(root, name="theirs", organization="b", audience="urn:api:ES256")
    gate = Live(way, clock, [ours, theirs])
    rs256, es256 = root.token("RS256"), root.token("ES256")
    for _ in range(2):  # the second time what is good is remembered
        assert gate.accept(rs256, "a").key_manager == "ours"
        assert gate.accept(es256, "b").key_manager == "theirs"
        assert gate.refused(es256, "a").reason is gate.refused(rs256, "b").reason is Reason.WRONG_AUDIENCE
        for nobody in (None, "c"):
            assert gate.refused(rs256, nobody).reason is Reason.UNKNOWN_ISSUER
    assert fetches(root) == (2, 2)
    remembered = gate.accept(es256, "b").payload
    key_id = gate.accept(rs256, "a").key_id or ""
    gate.registry.drop_key("ours", key_id, organization="a")
    assert gate.refused(rs256, "a").reason is Reason.UNKNOWN_KEY
    assert gate.refused(rs256, "b").reason is Reason.WRONG_AUDIENCE
    gate.registry.remove("configuration", "ours", organization="a")
    assert gate.refused(rs256, "a").reason is Reason.UNKNOWN_ISSUER
    assert gate.accept(es256, "b").payload is remembered
    assert fetches(root) == (2, 2)


@pytest.mark.parametrize("global_first", [False, True])
def test_an_organization_and_everybody(way: Way, root: Issuer, clock: SettableClock, global_first: bool) -> None:
    """An organization's own key manager goes before the one that serves all, or after it where that is configured."""
    shared = manager_of(root, name="shared", audience=AUDIENCE)
    own = manager_of(root, name="own", organization="a", audience="urn:api:RS256")
    gate = Live(way, clock, [shared, own], global_first=global_first)
    token = root.token("ES256")
    for organization in (None, "b"):
        assert gate.accept(token, organization).key_manager == "shared"
    assert fetches(root) == (1, 1)  # one key manager, one fetch, whoever asks
    if global_first:
        assert gate.accept(token, "a").key_manager == "shared"
    else:
        assert gate.refused(token, "a").key_manager == "own"
        gate.registry.remove("configuration", "own", organization="a")
        assert gate.accept(token, "a").key_manager == "shared"
    assert fetches(root) == ((1, 1) if global_first else (2, 2))


def test_a_template(way: Way, path: Issuer, clock: SettableClock) -> None:
    """A template of issuers stands for the tenants that are listed and no others, and their keys are fetched once."""
    template = path.url.removesuffix("b") + "{tenantid}"
    keys = {"jwks_url": f"{path.url}/jwks", "network": path.network}
    gate = Live(way, clock, [manager_of(path, issuer=template, tenants=("a", "b"), **keys)])
    token = path.token("ES256")
    for _ in range(2):
        assert gate.accept(token).issuer == path.url
    assert fetches(path) == (0, 1)
    gate.registry.replace("configuration", manager_of(path, issuer=template, tenants=("a", "c"), **keys))
    assert gate.refused(token).reason is Reason.UNKNOWN_ISSUER
    assert fetches(path) == (0, 1)
