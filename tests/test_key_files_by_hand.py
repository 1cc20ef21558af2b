"""Keys of files at their first use, after a drop, and beside pinned ones: what was withdrawn is not used."""

import math

import pytest

from kmvalidate import StaticKeys
from kmvalidate.events import KeysDropped, KeysExpired, KeysFetched, KeysNotFetched, Status
from tests.caches import FileGateway, kinds, outage
from tests.fakes import WAIT_S, in_threads, key_set
from tests.signing import dumps, manager


@pytest.fixture
def keys(file):
    return StaticKeys.from_file(file)


def of_all(gateway, *owners):
    return [gateway.says(owner) for owner in owners]


# The first use


def test_a_key_withdrawn_before_the_first_use_is_not_used(file, keys):
    """A key that the file had when it was configured, and has no more when a token comes, verifies nothing."""
    file.write_bytes(dumps(key_set("new", "kept")))
    gateway = FileGateway(keys, was_used=False)
    assert gateway.health.usable
    assert of_all(gateway, "old", "new", "kept") == ["UNKNOWN_KEY", "GOOD", "GOOD"]
    assert [(event.added, event.removed) for event in gateway.told] == [(("new",), ("old",))]


@pytest.mark.parametrize("by", ["replace", "remove and add", "use", "nothing and use"])
def test_a_withdrawn_key_does_not_come_back_with_the_configuration(file, keys, by):
    """A key manager that is put back after its file was rotated does not bring back the keys that it began with."""
    gateway, before = FileGateway(keys), manager(keys=keys)
    assert of_all(gateway, "old", "kept") == ["GOOD"] * 2
    file.write_bytes(dumps(key_set("new", "kept")))
    gateway.check()
    assert of_all(gateway, "old", "new") == ["UNKNOWN_KEY", "GOOD"]
    other, layer = manager(keys=keys, audience="other"), "configuration"
    if by == "replace":
        gateway.registry.replace(layer, other)
        gateway.registry.replace(layer, before)
    elif by == "remove and add":
        gateway.registry.remove(layer, "Test")
        gateway.registry.add(layer, before)
    else:
        gateway.registry.use(layer, [other] if by == "use" else [])
        gateway.registry.use(layer, [before])
    assert of_all(gateway, "old", "new", "kept") == ["UNKNOWN_KEY", "GOOD", "GOOD"]


def test_many_first_callers_read_a_file_once(file, keys):
    """However many callers come first at once, the file is read once, and none of them uses what it had before."""
    file.write_bytes(dumps(key_set("new")))
    gateway, said = FileGateway(keys, was_used=False), []
    for thread in in_threads(8, lambda: said.append(gateway.says("old"))):
        thread.join(WAIT_S)
    assert set(said) == {"UNKNOWN_KEY"}
    assert kinds(gateway.told) == ["KeysFetched"]


def test_keys_whose_file_is_gone_at_the_first_use_are_used(file, keys):
    """A file that cannot be read at its first use leaves the keys it was configured with, and is tried again."""
    file.unlink()
    gateway = FileGateway(keys, was_used=False)
    assert of_all(gateway, "old", "kept", "old") == ["GOOD"] * 3
    assert kinds(gateway.told) == ["KeysNotFetched"]
    file.write_bytes(dumps(key_set("new")))
    gateway.check()
    assert of_all(gateway, "old", "new") == ["UNKNOWN_KEY", "GOOD"]


# All keys dropped


def test_files_are_read_at_the_first_use_after_a_drop(file, keys):
    """After all keys were dropped the next token waits until the file was read, within its time and however often."""
    gateway = FileGateway(keys)
    for owner, before in (("new", "old"), ("newer", "new")):
        assert gateway.says(before) == "GOOD"
        file.write_bytes(dumps(key_set(owner, "kept")))
        gateway.told.clear()
        gateway.registry.drop_keys("Test")
        assert kinds(gateway.told) == ["KeysDropped"]
        assert of_all(gateway, before, owner, "kept") == ["UNKNOWN_KEY", "GOOD", "GOOD"]
    assert [type(event) for event in gateway.told] == [KeysDropped, KeysFetched]


def test_dropped_keys_of_a_file_that_cannot_be_read_stay(file, keys):
    """Where the file cannot be read after a drop its keys are what they were: nothing is forgotten before."""
    gateway = FileGateway(keys)
    file.unlink()
    gateway.registry.drop_keys("Test")
    assert (gateway.health.usable, gateway.health.key_ids) == (True, ("old", "kept"))
    assert of_all(gateway, "old", "kept") == ["GOOD"] * 2
    assert kinds(gateway.told) == ["KeysDropped", "KeysNotFetched"]
    assert (gateway.health.failures, gateway.health.usable) == (1, True)


def test_dropped_keys_of_a_file_are_due_since_a_time(keys):
    """After a drop health says that the keys are due, since a moment that there was."""
    gateway = FileGateway(keys)
    gateway.clock.pass_s(3)
    gateway.registry.drop_keys("Test")
    assert gateway.health.status is Status.STALE
    assert math.isfinite(gateway.health.stale_since)
    assert gateway.health.stale_since <= gateway.clock.wall()


def test_a_drop_while_a_file_is_broken_lets_it_be_read_at_once(file, keys):
    """A drop ends the back-off of a file that could not be read."""
    gateway = FileGateway(keys)
    file.unlink()
    for _ in range(6):
        outage(gateway.registry.refresh, "Test")
    file.write_bytes(dumps(key_set("new")))
    assert gateway.says("old") == "GOOD"
    gateway.registry.drop_keys("Test")
    assert of_all(gateway, "old", "new") == ["UNKNOWN_KEY", "GOOD"]


# Pinned ones beside them


def test_pinned_keys_survive_a_file_that_cannot_be_read(file, keys):
    """Keys pinned beside a file are used whatever becomes of the file, however long, and after a drop of all."""
    gateway = FileGateway([StaticKeys.from_jwks(key_set("pinned")), keys])
    file.unlink()
    for turn in range(1, 8):
        if turn % 2:
            gateway.registry.drop_keys("Test")
        gateway.clock.pass_s(3.2e7)
        assert of_all(gateway, "pinned", "old", "kept") == ["GOOD"] * 3
        gateway.ports.settle()
    assert {KeysNotFetched, KeysDropped} <= {type(event) for event in gateway.told}
    assert KeysExpired not in [type(event) for event in gateway.told]
    file.write_bytes(dumps(key_set("new")))
    gateway.registry.drop_keys("Test")
    assert of_all(gateway, "pinned", "new", "old") == ["GOOD", "GOOD", "UNKNOWN_KEY"]


def test_a_key_dropped_from_a_file_stays_dropped(file, keys):
    """A key that was dropped by its id is not used again, though its file is read again, and configured anew."""
    gateway = FileGateway(keys)
    gateway.registry.drop_key("Test", "old")
    gateway.check()
    assert of_all(gateway, "old", "kept") == ["UNKNOWN_KEY", "GOOD"]
    gateway.registry.drop_keys("Test")
    assert of_all(gateway, "old", "kept") == ["UNKNOWN_KEY", "GOOD"]
    gateway.registry.remove("configuration", "Test")
    gateway.registry.add("configuration", manager(keys=StaticKeys.from_file(file)))
    assert of_all(gateway, "old", "kept") == ["UNKNOWN_KEY", "GOOD"]
    gateway.registry.replace("configuration", manager(keys=StaticKeys.from_jwks(key_set("old", "pinned"))))
    assert of_all(gateway, "old", "pinned") == ["UNKNOWN_KEY", "GOOD"]
