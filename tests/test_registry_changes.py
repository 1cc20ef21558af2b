"""A registry that changes while it works: what goes is gone at once, what stays keeps what it has."""

import threading

import pytest

from kmvalidate import ConfigurationError, RemoteKeys, TokenValidator
from tests.estate import HIGH, LOW, Estate, count_signatures, issuer_of, keys_of, pinned, publishing, remote, token_of
from tests.fakes import FakeTransport, key_set
from tests.signing import NoNetwork, manager


def serving(*names, **others):
    return FakeTransport(publishing(*names, **others))


def as_it_is(registry):
    """Return everything there is to see of a registry."""
    return registry.layers, registry.managers, registry.table


@pytest.mark.parametrize("remember", [100, 0])
def test_a_removed_key_manager_is_refused_at_once(remember):
    """A token that was good, remembered or not, is refused as soon as its key manager was removed."""
    estate, bearer = Estate(remote("a"), remote("b"), transport=serving("a", "b"), remember=remember), token_of("a")
    assert estate.verdicts(bearer, bearer, token_of("b")) == ["a", "a", "b"]
    estate.registry.remove(LOW, "a")
    assert estate.verdicts(bearer, token_of("a", jti="x"), token_of("b")) == ["UNKNOWN_ISSUER", "UNKNOWN_ISSUER", "b"]
    estate.registry.use(LOW, [])
    assert estate.verdicts(bearer, token_of("b")) == ["UNKNOWN_ISSUER"] * 2


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"audience": "billing"}, "WRONG_AUDIENCE"),
        ({"claim_values": {"tier": "gold"}}, "MISSING_CLAIM"),
        ({"required_claims": "tier"}, "MISSING_CLAIM"),
        ({"algorithms": "RS256"}, "ALGORITHM_NOT_ALLOWED"),
        ({"max_age_s": 1, "leeway_s": 0}, "TOO_OLD"),
        ({"max_lifetime_s": 60}, "LIFETIME_TOO_LONG"),
        ({"published_by": "b"}, "UNKNOWN_KEY"),
        ({"organization": "acme"}, "UNKNOWN_ISSUER"),
        ({"issuer": issuer_of("b")}, "UNKNOWN_ISSUER"),
        ({"leeway_s": 59}, "a"),
        ({"consumer_key_claims": "azp"}, "a"),
    ],
    ids=str,
)
@pytest.mark.parametrize("how", ["use", "replace"])
def test_a_remembered_token_meets_the_new_rules(change, expected, how):
    """After a key manager was changed its remembered tokens are judged by the new one alone."""
    estate, bearer = Estate(remote("a"), transport=serving("a", "b")), token_of("a")
    assert estate.verdicts(bearer, bearer) == ["a", "a"]
    if how == "use" or "organization" in change:
        estate.registry.use(LOW, [remote("a", **change)])
    else:
        estate.registry.replace(LOW, remote("a", **change))
    assert estate.verdicts(bearer, bearer) == [expected] * 2


def test_a_changed_key_manager_fetches_its_keys_anew():
    """Whatever is changed of a key manager, its keys and its health begin anew."""
    estate = Estate(remote("a"), transport=serving("a"))
    assert estate.verdict(token_of("a")) == "a"
    estate.registry.replace(LOW, remote("a", leeway_s=30))
    assert [health.status.name for health in estate.registry.health()] == ["UNFETCHED"]
    assert (estate.verdict(token_of("a")), estate.fetches("a")) == ("a", 2)


@pytest.mark.parametrize(("before", "after"), [(1, True), (True, 1), (1, 1.0), ({"x": [1]}, {"x": [True]})], ids=str)
def test_a_value_of_another_type_is_a_change(before, after):
    """A claim that must be true and one that must be 1 are two configurations, although Python calls them equal."""
    estate = Estate(pinned("a", claim_values={"flag": before}))
    bearers = token_of("a", flag=before), token_of("a", flag=after)
    assert estate.verdicts(*bearers) == ["a", "CLAIM_MISMATCH"]
    estate.registry.use(LOW, [pinned("a", claim_values={"flag": after})])
    assert estate.verdicts(*bearers) == ["CLAIM_MISMATCH", "a"]


def test_an_unchanged_configuration_keeps_its_keys(monkeypatch):
    """A key manager that is configured as before keeps its keys and its remembered tokens, wherever in the list."""
    counted = count_signatures(monkeypatch)
    estate, bearer = Estate(remote("a"), remote("b"), transport=serving("a", "b")), token_of("a")
    assert estate.verdict(bearer) == "a"
    for managers in ([remote("a")], [remote("c"), remote("a")], (remote("a"), remote("b")), iter([remote("a")])):
        estate.registry.use(LOW, managers)
        assert estate.verdict(bearer) == "a"
    estate.registry.add(LOW, remote("d"))
    estate.registry.remove(LOW, "d")
    assert (estate.verdict(bearer), estate.fetches("a"), counted) == ("a", 1, ["a"])


def test_what_is_added_again_starts_anew(monkeypatch):
    """An equal configuration, added again after it was removed, has no keys and remembers no token."""
    counted = count_signatures(monkeypatch)
    estate, bearer = Estate(remote("a"), transport=serving("a")), token_of("a")
    assert estate.verdicts(bearer, bearer) == ["a", "a"]
    estate.registry.remove(LOW, "a")
    estate.registry.add(LOW, remote("a"))
    assert not estate.registry.health()[0].usable
    assert estate.verdicts(bearer, bearer) == ["a", "a"]
    assert (estate.fetches("a"), counted) == (2, ["a", "a"])


def test_what_is_added_again_may_have_other_keys():
    """A token remembered with a key manager that was removed is refused when its issuer has other keys afterwards."""
    estate, bearer = Estate(remote("a"), transport=serving("a")), token_of("a")
    assert estate.verdict(bearer) == "a"
    estate.registry.remove(LOW, "a")
    estate.transport.answers = publishing(a=("b",))
    estate.registry.add(LOW, remote("a"))
    assert estate.verdict(bearer) == "UNKNOWN_KEY"


def test_issuers_that_change_places_serve_the_other():
    """Two key managers that exchange their issuers in one change each answer for the other's tokens, with own keys."""
    estate = Estate(pinned("a"), pinned("b"))
    tokens = token_of("a"), token_of("b"), token_of("a", "b"), token_of("b", "a")
    assert estate.verdicts(*tokens) == ["a", "b", "UNKNOWN_KEY", "UNKNOWN_KEY"]
    estate.registry.use(LOW, [pinned("a", issuer=issuer_of("b")), pinned("b", issuer=issuer_of("a"))])
    assert estate.verdicts(*tokens) == ["UNKNOWN_KEY", "UNKNOWN_KEY", "b", "a"]


def test_an_issuer_more_or_less_counts_at_once():
    """A token of an extra issuer is good from the change that lists it to the one that does not."""
    estate, bearer = Estate(pinned("a")), token_of("old", "a")
    wide = pinned("a", extra_issuers=issuer_of("old"))
    found = []
    for managers in ([wide], [pinned("a")], [wide]):
        estate.registry.use(LOW, managers)
        found += estate.verdicts(bearer, bearer)
    assert found == ["a", "a", "UNKNOWN_ISSUER", "UNKNOWN_ISSUER", "a", "a"]


def refused_changes():
    """Yield changes that are refused, with what the error names; the low layer has a and b, shared, and c of acme."""
    twin = {"issuer": issuer_of("a")}
    yield "two of one name", lambda r: r.add(LOW, remote("a", issuer="https://x.example")), "'a'"
    yield "the same again", lambda r: r.add(LOW, r.managers[0]), "'a'"
    yield "an equal one", lambda r: r.add(LOW, remote("a")), "'a'"
    yield "one issuer", lambda r: r.add(LOW, remote("x", **twin)), f"'a' and 'x'.*{issuer_of('a')}"
    yield "extra issuer", lambda r: r.add(LOW, remote("x", extra_issuers=issuer_of("b"))), "'b' and 'x'"
    yield (
        "in acme",
        lambda r: r.add(LOW, remote("x", issuer=issuer_of("c"), organization="acme")),
        "'c' and 'x' of .*acme",
    )
    template = {"issuer": "https://{tenantid}.example", "tenants": ("y", "b")}
    yield "a template", lambda r: r.add(LOW, remote("x", **template)), "'b' and 'x'"
    yield "within a list", lambda r: r.use(LOW, [remote("x"), remote("y", issuer=issuer_of("x"))]), "'x' and 'y'"
    yield "one twice", lambda r: r.use(LOW, [remote("x")] * 2), "'x'"
    yield "replaced by a twin", lambda r: r.replace(LOW, remote("b", **twin)), "'a' and 'b'"
    yield "nothing to replace", lambda r: r.replace(LOW, remote("x")), "'x'"
    yield "another organization's", lambda r: r.replace(LOW, remote("a", organization="acme")), "'a' of .*'acme'"
    yield "another layer's", lambda r: r.replace(HIGH, remote("a")), "'a'"
    yield "nothing to remove", lambda r: r.remove(LOW, "x"), "'x'"
    yield "not in that layer", lambda r: r.remove(HIGH, "a"), "'a'"
    yield "not in that organization", lambda r: r.remove(LOW, "a", organization="acme"), "'a'"
    yield "not shared", lambda r: r.remove(LOW, "c"), "'c'"
    yield "a name that is none", lambda r: r.remove(LOW, ["a"]), "named"
    for layer in ("", "x", None, [], LOW.upper()):
        yield f"layer {layer!r}", lambda r, layer=layer: r.use(layer, []), "control-plane, configuration"
        yield f"add to {layer!r}", lambda r, layer=layer: r.add(layer, remote("x")), "control-plane, configuration"
        yield f"remove from {layer!r}", lambda r, layer=layer: r.remove(layer, "a"), "control-plane, configuration"
    for thing in (None, "a", {}, {"a": remote("a")}, 5, [None], ["a"], [remote("x"), None], b"a", remote):
        yield f"use {type(thing).__name__} {str(thing)[:9]}", lambda r, thing=thing: r.use(LOW, thing), "key managers"
    for thing in (None, "a", [], remote, [remote("x")]):
        yield f"add {str(thing)[:9]}", lambda r, thing=thing: r.add(LOW, thing), "key managers"
        yield f"replace {str(thing)[:9]}", lambda r, thing=thing: r.replace(LOW, thing), "key managers"


@pytest.mark.parametrize(("change", "named"), [pytest.param(*rest, id=name) for name, *rest in refused_changes()])
def test_a_change_that_is_refused_changes_nothing(change, named):
    """A change that cannot be made is a ConfigurationError that says what of, and everything is as it was."""
    managers = remote("a"), remote("b"), remote("c", organization="acme")
    estate = Estate(*managers, transport=serving("a", "b"))
    bearers = token_of("a"), token_of("b")
    assert estate.verdicts(*bearers) == ["a", "b"]
    before, _ = as_it_is(estate.registry), estate.told()
    with pytest.raises(ConfigurationError, match=named):
        change(estate.registry)
    assert as_it_is(estate.registry) == before
    assert estate.verdicts(*bearers) == ["a", "b"]
    assert (estate.fetches("a"), estate.fetches("b"), estate.told()) == (1, 1, [])


def test_a_list_that_fails_half_way_changes_nothing():
    """What a user's own generator raises passes through, and nothing of what it gave is used."""
    estate = Estate(pinned("a"))

    def failing():
        yield pinned("b")
        raise LookupError

    with pytest.raises(LookupError):
        estate.registry.use(LOW, failing())
    assert estate.verdicts(token_of("a"), token_of("b")) == ["a", "UNKNOWN_ISSUER"]


def test_a_list_may_ask_the_registry():
    """A generator that changes the registry while it is read waits for nobody, and what it gives comes last."""
    estate = Estate(pinned("a"))

    def curious():
        estate.registry.add(LOW, pinned("b"))
        yield from estate.registry.managers[:1]

    using = threading.Thread(target=estate.registry.use, args=(LOW, curious()), daemon=True)
    using.start()
    using.join(30)
    assert not using.is_alive()
    assert estate.verdicts(token_of("a"), token_of("b")) == ["a", "UNKNOWN_ISSUER"]


def test_one_issuer_may_be_in_two_organizations():
    """Two key managers of one name and issuer are two, if they are of different organizations or layers."""
    shared, own, other = pinned("a"), pinned("a", organization="acme"), pinned("a", organization="umbrella")
    estate = Estate(shared, own, other)
    assert estate.registry.managers == (shared, own, other)
    estate.registry.use(HIGH, [pinned("a", leeway_s=1), pinned("b", issuer=issuer_of("a"), organization="acme")])
    assert [made.name for made in estate.registry.managers] == ["a", "b", "a"]


def test_several_validators_share_a_registry():
    """What is removed from a registry is refused by every validator that was made of it."""
    estate, bearer = Estate(pinned("a")), token_of("a")
    second = TokenValidator(estate.registry)
    assert (estate.verdict(bearer), second.authenticate(bearer).key_manager) == ("a", "a")
    estate.registry.remove(LOW, "a")
    first, estate.validator = estate.validator, second
    assert estate.verdict(bearer) == "UNKNOWN_ISSUER"
    estate.validator = first
    assert estate.verdict(bearer) == "UNKNOWN_ISSUER"


def test_static_keys_that_change_count_at_once():
    """A key manager whose pinned keys are replaced no longer accepts what the old ones signed."""
    estate, bearers = Estate(pinned("a", "old")), [token_of("a", "old"), token_of("a", "new")]
    found = estate.verdicts(*bearers)
    estate.registry.replace(LOW, pinned("a", "old", "new"))
    found += estate.verdicts(*bearers)
    estate.registry.replace(LOW, pinned("a", "new"))
    assert found + estate.verdicts(*bearers) == ["a", "UNKNOWN_KEY", "a", "a", "UNKNOWN_KEY", "a"]


def test_equal_configurations_are_one_key_manager():
    """What a configuration file says twice in other words is the same configuration."""
    keys = RemoteKeys(jwks_url=keys_of("a"))
    for changes in ({"audience": ["orders", "orders"]}, {"leeway_s": 60}, {"keys": keys}, {"extra_issuers": []}):
        assert remote("a", **changes) == remote("a")
        assert hash(remote("a", **changes)) == hash(remote("a"))
    assert pinned("a", keys=[pinned("a").keys]) != remote("a")
    assert manager(claim_values={"a": 1, "b": 2}) == manager(claim_values={"b": 2, "a": 1})


def test_nothing_is_asked_of_the_network_for_an_unknown_issuer():
    """An issuer that nobody answers for is refused without a fetch, in every organization and after every change."""
    estate = Estate(remote("a"), transport=NoNetwork())
    bearers = token_of("b"), token_of("a", iss=issuer_of("a") + "/"), token_of("a", iss=issuer_of("a").upper())
    for change in (lambda r: r.remove(LOW, "a"), lambda r: r.add(HIGH, remote("c", organization="acme"))):
        for organization in (None, "acme", "nobody"):
            assert estate.verdicts(*bearers, organization=organization) == ["UNKNOWN_ISSUER"] * 3
        change(estate.registry)


def test_the_keys_of_one_are_never_anothers():
    """A key published by one issuer verifies no token of another, whoever was asked first."""
    estate = Estate(
        remote("a"), remote("b"), transport=FakeTransport({keys_of("a"): key_set("x"), keys_of("b"): key_set("b")})
    )
    assert estate.verdicts(token_of("a", "x"), token_of("b", "x"), token_of("b"), token_of("a", "b")) == [
        *("a", "UNKNOWN_KEY", "b", "UNKNOWN_KEY")
    ]
