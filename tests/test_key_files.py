"""Keys in files that change: read again when they are due, kept when they cannot be."""

import os
from pathlib import Path

import pytest

from kmvalidate import ConfigurationError, StaticKeys
from kmvalidate.events import KeyManagerUnreachable, KeysExpired, KeysFetched, KeysNotFetched, Status
from tests.caches import FileGateway, kinds, outage, pem
from tests.fakes import key_set, signed_by
from tests.signing import dumps


@pytest.fixture
def gateway(file):
    return FileGateway(StaticKeys.from_file(file))


def test_a_file_that_changes_is_picked_up_when_it_is_due(gateway, file):
    """Until the next check the old keys serve, at the check they still do, and after it the new ones alone."""
    assert gateway.says("old") == "GOOD"
    file.write_bytes(dumps(key_set("new", "kept")))
    gateway.clock.pass_s(8)
    assert (gateway.says("old"), gateway.ports.flown) == ("GOOD", [])
    gateway.check()
    assert [gateway.says(owner) for owner in ("old", "new", "kept")] == ["UNKNOWN_KEY", "GOOD", "GOOD"]
    assert [(event.added, event.removed) for event in gateway.told] == [(("new",), ("old",))]


def test_a_file_that_changes_is_picked_up_at_once_for_an_unknown_kid(gateway, file):
    """A token signed with a key that lies in the file since a moment is verified at its first try."""
    gateway.clock.pass_s(1)
    file.write_bytes(dumps(key_set("new")))
    assert gateway.says("new") == "GOOD"
    assert gateway.says("old") == "UNKNOWN_KEY"


def test_a_flood_of_unknown_kids_reads_the_file_once_a_second(gateway):
    """However many unknown key ids come, the file is read once in a second for them."""
    for _ in range(3):
        gateway.clock.pass_s(1)
        assert {gateway.says(f"invented-{n}") for n in range(10)} == {"UNKNOWN_KEY"}
    assert kinds(gateway.told) == ["KeysFetched"] * 3


def test_the_time_between_checks_is_configured(file):
    """A file is read again after the configured time, the shortest of several, and not before."""
    other = StaticKeys.from_file(file, check_every_s=3600)
    assert StaticKeys.joined([other, StaticKeys.from_file(file, check_every_s=60)]).freshness.soft_ttl_s == 60
    gateway = FileGateway(other)
    file.write_bytes(dumps(key_set("new")))
    gateway.clock.pass_s(3200)
    assert (gateway.says("old"), gateway.ports.flown) == ("GOOD", [])
    gateway.clock.pass_s(800)
    gateway.says("old")
    gateway.ports.settle()
    assert gateway.says("old") == "UNKNOWN_KEY"


@pytest.mark.parametrize("every_s", [0, 0.9, 86_401, True, "10", None, float("nan")], ids=repr)
def test_a_time_between_checks_out_of_range_is_refused(file, every_s):
    """Files are checked once in a second at most and once a day at least."""
    with pytest.raises(ConfigurationError, match="check_every_s"):
        StaticKeys.from_file(file, check_every_s=every_s)


HALF = dumps(key_set("new", "newer"))[:-20]
BROKEN = {
    "half written": lambda file: file.write_bytes(HALF),
    "half a PEM": lambda file: file.write_bytes(pem("new")[:80]),
    "empty": lambda file: file.write_bytes(b""),
    "no keys": lambda file: file.write_bytes(b'{"keys":[]}'),
    "only a secret": lambda file: file.write_bytes(dumps({"keys": [{"kty": "oct", "k": "c2VjcmV0", "kid": "s3cr3t"}]})),
    "bytes": lambda file: file.write_bytes(b"\xff\x00\xfe"),
    "removed": lambda file: file.unlink(),
    "a directory": lambda file: file.unlink() or file.mkdir(),
    "a dangling link": lambda file: file.unlink() or file.symlink_to(file.parent / "gone"),
    "a link to itself": lambda file: file.unlink() or file.symlink_to(file),
}


@pytest.mark.parametrize("damage", BROKEN)
def test_a_file_that_cannot_be_used_keeps_the_keys(gateway, file, damage):
    """Whatever becomes of a file, the keys stay what they were, health and an event say why, and it is tried again."""
    assert gateway.says("old") == "GOOD"
    before = gateway.source.snapshot
    BROKEN[damage](file)
    gateway.check()
    assert gateway.source.snapshot is before
    assert gateway.says("old") == "GOOD"
    (event,) = gateway.told
    assert (type(event), event.failures, gateway.health.why) == (KeysNotFetched, 1, event.why)
    assert event.why
    assert "c2VjcmV0" not in event.why
    assert (gateway.health.usable, gateway.health.status) == (True, Status.STALE)
    if file.is_dir():
        file.rmdir()
    file.unlink(missing_ok=True)
    file.write_bytes(dumps(key_set("new")))
    gateway.check()
    assert (gateway.says("new"), gateway.says("old"), gateway.health.status) == ("GOOD", "UNKNOWN_KEY", Status.FRESH)


def test_a_file_that_may_not_be_read_keeps_the_keys(gateway, file, monkeypatch):
    """A file whose permissions were taken away is like one that is gone, and the event names it."""

    def refused(_):
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as patched:
        patched.setattr(Path, "read_bytes", refused)
        gateway.check()
    assert gateway.says("old") == "GOOD"
    assert gateway.health.why == f"{file}: Permission denied"


def test_a_file_that_stays_broken_is_unreachable_and_its_keys_are_used(gateway, file):
    """A file that cannot be used for long is told as unreachable, and its keys are used for ever."""
    file.unlink()
    for _ in range(4):
        gateway.clock.pass_s(60)
        assert gateway.says("old") == "GOOD"
        gateway.ports.settle()
    assert [type(event) for event in gateway.told].count(KeyManagerUnreachable) == 1
    assert (gateway.health.status, gateway.says("old")) == (Status.UNREACHABLE, "GOOD")
    for _ in range(10):
        gateway.clock.pass_s(3.2e7)
        assert gateway.says("old") == "GOOD"
        gateway.ports.settle()
    assert (gateway.health.status, gateway.health.usable) == (Status.UNREACHABLE, True)
    assert KeysExpired not in [type(event) for event in gateway.told]
    file.write_bytes(dumps(key_set("new")))
    gateway.clock.pass_s(60)
    assert gateway.says("old") == "GOOD"  # it is read in the background
    gateway.ports.settle()
    assert (gateway.says("new"), gateway.health.status) == ("GOOD", Status.FRESH)


def test_an_unknown_kid_while_the_file_is_broken_is_an_outage(gateway, file):
    """While the file cannot be read nobody can say that it has no such key."""
    gateway.clock.pass_s(1)
    file.write_bytes(HALF)
    assert outage(gateway.validator.authenticate, signed_by("new")).key_manager == "Test"
    assert gateway.says("old") == "GOOD"


def test_a_file_that_did_not_change_keeps_the_key_set(gateway):
    """A check that finds what there was keeps the very key set, and what was remembered with it."""
    before = gateway.source.snapshot
    gateway.check()
    assert gateway.source.snapshot is not before
    assert gateway.source.snapshot.key_set is before.key_set
    (event,) = gateway.told
    assert (type(event), event.added, event.removed) == (KeysFetched, (), ())


def test_a_file_that_is_replaced_is_read_where_it_was(gateway, file):
    """A file put in the place of another in one step, or behind a link that is turned, is the one that is read."""
    fresh = file.with_name("fresh.json")
    fresh.write_bytes(dumps(key_set("new")))
    fresh.replace(file)
    gateway.check()
    assert gateway.says("new") == "GOOD"
    other = file.with_name("other.json")
    other.write_bytes(dumps(key_set("newer")))
    link = file.with_name("link.json")
    link.symlink_to(file)
    linked = FileGateway(StaticKeys.from_file(link))
    link.unlink()
    link.symlink_to(other)
    linked.check()
    assert (linked.says("newer"), linked.says("new")) == ("GOOD", "UNKNOWN_KEY")


def test_a_pem_file_is_rotated(tmp_path):
    """A PEM file given a key id keeps it for the key that takes the place of the first."""
    path = tmp_path / "idp.pem"
    path.write_bytes(pem("old"))
    gateway = FileGateway(StaticKeys.from_file(path, kid="old"))
    assert gateway.says("old") == "GOOD"
    path.write_bytes(pem("other"))
    gateway.check()
    assert gateway.says("old") == "BAD_SIGNATURE"
    assert [(event.added, event.removed) for event in gateway.told] == [(("old",), ("old",))]


def test_a_relative_path_stays_where_it_was(file, monkeypatch, tmp_path):
    """A file named from the working directory is found again after the process has gone elsewhere."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / file.name).write_bytes(dumps(key_set("stolen")))
    monkeypatch.chdir(file.parent)
    gateway = FileGateway(StaticKeys.from_file(file.name))
    monkeypatch.chdir(elsewhere)
    file.write_bytes(dumps(key_set("new")))
    gateway.check()
    assert (gateway.says("new"), gateway.says("stolen")) == ("GOOD", "UNKNOWN_KEY")


def test_a_working_directory_that_is_gone_is_a_configuration_error(monkeypatch, tmp_path):
    """A relative path in a directory that was removed is an error of ours like any other path that leads nowhere."""

    def gone():
        raise FileNotFoundError(2, "No such file or directory")

    monkeypatch.setattr(os, "getcwd", gone)
    with pytest.raises(ConfigurationError, match="with a path"):
        StaticKeys.from_file("keys.json")


class PathOf:
    """A path-like object whose path is what it was given."""

    def __init__(self, path):
        self.path = path

    def __fspath__(self):
        return self.path


def test_a_path_like_object_is_a_path(file):
    """An object that stands for a path is taken, one that stands for bytes or for nothing is refused."""
    assert StaticKeys.from_file(PathOf(str(file))) == StaticKeys.from_file(str(file)) == StaticKeys.from_file(file)
    for path in (PathOf(bytes(file)), PathOf(5), bytes(file)):
        with pytest.raises(ConfigurationError, match="with a path"):
            StaticKeys.from_file(path)


@pytest.mark.parametrize("odd", [{"file": "keys.pem"}, {"parts": ("x",)}, {"parts": 7}])
def test_keys_are_put_together_of_keys_alone(file, odd):
    """Neither a path in place of a file nor anything but keys among the parts passes for keys."""
    with pytest.raises(ConfigurationError):
        StaticKeys(StaticKeys.from_file(file).key_set, **odd)
