"""Finding: a client's application by whole identities, and its subscription by the API's."""

import itertools

import pytest

from kmvalidate import ConfigurationError
from kmvalidate.subscriptions import NO_GRANT, ApplicationPolicy, Grant, InMemorySubscriptions, SubscriptionPolicy
from tests.subscriptions.made import CLIENT, app, everything, found, mapping, orders, subscription


def store(*records):
    return InMemorySubscriptions(records)


def test_everything_that_is_known_is_found():
    """A grant has the application, the key type, the subscription and both policies."""
    policies = [SubscriptionPolicy(name="Gold"), ApplicationPolicy(name="10PerMin", organization="acme")]
    records = [app(tier="10PerMin", organization="acme"), mapping(key_type="SANDBOX"), subscription(policy="Gold")]
    assert found(store(*records, *policies)) == Grant(records[0], "SANDBOX", records[2], *policies)


def test_what_is_missing_is_left_out():
    """Each part that is not known is missing, and without an application nothing else is said."""
    assert found(store()) is NO_GRANT
    assert found(store(mapping())) == Grant(None, "PRODUCTION")
    assert found(store(mapping(), subscription())) == Grant(None, "PRODUCTION")
    assert found(store(app(), subscription())) is NO_GRANT
    assert found(store(app(tier="10"), mapping())) == Grant(app(tier="10"), "PRODUCTION")
    assert found(store(*everything()[:2], subscription(policy="Gold"))).policy is None


def test_the_first_organization_that_has_the_client_counts():
    """A mapping is looked for in the order of the organizations, and the first that is there decides."""
    held = store(app("a"), app("b"), mapping(organization="x", application="a"), mapping(application="b"))
    got = [found(held, organizations=names).application for names in [("x", None), (None, "x"), ("y", "x"), ("y",), ()]]
    assert got == [app("a"), app("b"), app("a"), None, None]


def test_clients_of_one_consumer_key_are_told_apart():
    """A consumer key that several organizations and key managers have is another client in each, while it is there."""
    whose = [(None, "Resident"), ("acme", "Resident"), ("acme", "Okta")]
    apps = [app(str(number)) for number in range(3)]
    maps = [
        mapping(organization=name, key_manager=manager, application=one.id)
        for (name, manager), one in zip(whose, apps, strict=True)
    ]
    held, left = store(*apps, *maps), dict(zip(whose, apps, strict=True))
    for going in (whose[0], whose[2], ("acme", "Other"), whose[1]):
        got = {key: held.find(key[:1], key[1], CLIENT, orders()).application for key in whose}
        assert got == {key: left.get(key) for key in whose}
        held.remove_key_mapping(*going, CLIENT)
        left.pop(going, None)
    assert left == {}
    assert held.find((None, "acme"), "Resident", CLIENT, orders()) is NO_GRANT


def test_each_client_of_an_application_sees_its_changes():
    """What changes of an application is found by all its clients, those that come later included."""
    held = store(mapping(), mapping(consumer_key="second"), app())
    for change in (subscription(), subscription(api="other"), app(name="changed")):
        held.put(change)
    held.put(mapping(consumer_key="third", key_type="SANDBOX"))
    held.remove(subscription(api="other"))
    got = [found(held, client=client) for client in (CLIENT, "second", "third")]
    whole = (app(name="changed"), subscription())
    assert got == [Grant(whole[0], kind, whole[1]) for kind in ("PRODUCTION", "PRODUCTION", "SANDBOX")]


NAMES = [None, "None", "a", "a b", "b c", "c", "", "a\x00b", "b"]


@pytest.mark.parametrize("whose", [None, "None", "a", "a b"], ids=repr)
@pytest.mark.parametrize("manager", ["None", "b c", "c", "a"])
def test_identities_are_tuples(whose, manager):
    """A client is found under exactly its organization, key manager and consumer key, however the names are cut."""
    held = store(app(), mapping(organization=whose, key_manager=manager))
    hits = [pair for pair in itertools.product(NAMES, NAMES) if held.find(pair[:1], pair[1], CLIENT, orders()).key_type]
    assert hits == [(whose, manager)]


def test_policies_are_not_clients():
    """A policy is found under no client's identity, whatever it is called."""
    held = store(SubscriptionPolicy(name="Gold", organization="Resident"))
    assert held.find(("SubscriptionPolicy", None), "Resident", "Gold", orders()) is NO_GRANT


NAMED = {"api": None, "api_name": "orders", "api_version": "v1.2.0"}
RANGE = {"context": "/acme/orders", "version_range": "v1", "api_organization": "acme"}
IN_ACME = {"organization": "acme", "context": "/acme/orders/v1.2.0"}


@pytest.mark.parametrize(
    ("subscribed", "called", "is_found"),
    [
        ({}, {}, True),
        ({}, {"id": "other"}, False),
        ({}, {"id": None}, False),
        ({}, {"id": "ORDERS-UUID"}, False),
        ({"api_organization": "x"}, {"organization": "y"}, True),
        (NAMED, {}, True),
        (NAMED, {"id": None}, True),
        (NAMED, {"id": None, "version": "v1.2.1"}, False),
        (NAMED, {"id": None, "name": "Orders"}, False),
        (NAMED, {"organization": "acme"}, False),
        (NAMED | {"api_organization": "acme"}, {"organization": "acme"}, True),
        (NAMED | {"api_organization": "acme"}, {"organization": "other"}, False),
        (NAMED | {"api_organization": "acme"}, {}, False),
        (NAMED | {"api": "other"}, {}, False),
        (NAMED | {"api": "other"}, {"id": None}, False),
        (RANGE, {"id": "other", **IN_ACME}, True),
        (RANGE | {"api": None}, {"id": None, **IN_ACME}, True),
        (RANGE, {"id": "other", **IN_ACME, "organization": "other"}, False),
        (RANGE, {"id": "other", **IN_ACME, "context": "/other/orders/v1.2.0"}, False),
        (RANGE, {"id": "other", **IN_ACME, "version": "v1.2", "context": "/acme/orders/v1.2"}, True),
        (RANGE, {"id": "other", **IN_ACME, "version": "v1.0.0-rc.1", "context": "/acme/orders/v1.0.0-rc.1"}, True),
        (RANGE, {"id": "other", **IN_ACME, "version": "v2.0.0", "context": "/acme/orders/v2.0.0"}, False),
        (RANGE, {"id": "other", **IN_ACME, "version": "v10.0.0", "context": "/acme/orders/v10.0.0"}, False),
        (RANGE, {"id": "other", **IN_ACME, "version": "1.2.0", "context": "/acme/orders/1.2.0"}, False),
        (RANGE, {"id": "other", **IN_ACME, "version": "v1", "context": "/acme/orders/v1"}, False),
        (RANGE | {"version_range": "v2"}, {"id": "other", **IN_ACME}, False),
    ],
    ids=str,
)
def test_a_subscription_is_found_for_the_api_it_names(subscribed, called, is_found):
    """A UUID is that API's alone, a name and version those of one organization, and a range goes by context."""
    held = store(app(), mapping(), subscription(**subscribed))
    assert (found(held, orders(**called)).subscription is not None) == is_found


def test_an_exact_subscription_goes_before_a_range():
    """A range counts only where there is no exact subscription."""
    exact = subscription(state="BLOCKED")
    ranged = subscription(api="older", **RANGE)
    held = store(app(), mapping(), exact, ranged)
    assert found(held, orders(**IN_ACME)).subscription == exact
    held.remove(exact)
    assert found(held, orders(**IN_ACME)).subscription == ranged


def test_of_several_subscriptions_to_a_range_the_newest_counts():
    """The subscription that changed last stands for the range, and the one before when it goes."""
    first, second = subscription(api="one", **RANGE), subscription(api="two", state="BLOCKED", **RANGE)
    held, api = store(app(), mapping()), orders(id="three", **IN_ACME)
    held.put(second, 20)
    held.put(first, 10)
    assert found(held, api).subscription == second
    held.put(first, 30)
    assert found(held, api).subscription == first
    held.remove(first)
    assert found(held, api).subscription == second
    held.put(subscription(api="two"), 40)
    assert found(held, api).subscription is None


def test_the_policy_is_that_of_the_apis_organization():
    """A policy is found under the API's organization, or the subscription's where the API has none."""
    mine, other = SubscriptionPolicy(name="Gold", organization="acme"), SubscriptionPolicy(name="Gold")
    held = store(app(), mapping(), subscription(policy="Gold", api_organization="acme"), mine, other)
    assert [found(held, orders(organization=name)).policy for name in ("acme", None, "x")] == [mine, mine, None]


@pytest.mark.parametrize("records", [[7], ["app"], [None], [Grant()]], ids=str)
def test_only_records_are_held(records):
    """Whatever is no record is a configuration error, and nothing of what came with it is put."""
    held = store()
    with pytest.raises(ConfigurationError, match="is not one of the records taken here"):
        held.put_all([*everything(), *records])
    assert found(held) is NO_GRANT


@pytest.mark.parametrize("most", [0, -1, True, 2.0, "9"])
def test_how_much_is_kept_of_removals_is_a_number(most):
    """The number of times of removal that are kept is a whole number from 1 on."""
    with pytest.raises(ConfigurationError, match="remember_removed"):
        InMemorySubscriptions(remember_removed=most)
