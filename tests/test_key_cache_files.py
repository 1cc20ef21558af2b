"""Several static keys in one key manager: pinned ones and files, joined, and what can be done to them by hand."""

import pytest

from kmvalidate import StaticKeys
from kmvalidate.errors import ConfigurationError
from kmvalidate.key_cache import KeyCache
from tests.caches import FileGateway, outage, pem
from tests.fakes import key_set
from tests.signing import dumps, manager


@pytest.fixture
def gateway(file):
    return FileGateway(StaticKeys.from_file(file))


def test_pinned_keys_and_files_are_joined(file, tmp_path):
    """Of several sources every key counts, those of files change with them, and pinned ones stay."""
    certificate = tmp_path / "idp.pem"
    certificate.write_bytes(pem("cert"))
    pinned = StaticKeys.from_jwks(key_set("pinned"))
    gateway = FileGateway([pinned, StaticKeys.from_file(file), StaticKeys.from_file(certificate, kid="cert")])
    assert {gateway.says(owner) for owner in ("pinned", "old", "kept", "cert")} == {"GOOD"}
    file.write_bytes(dumps(key_set("new")))
    certificate.write_bytes(pem("other"))
    gateway.check()
    says = {owner: gateway.says(owner) for owner in ("pinned", "new", "old", "kept", "cert")}
    assert says == {
        "pinned": "GOOD",
        "new": "GOOD",
        "old": "UNKNOWN_KEY",
        "kept": "UNKNOWN_KEY",
        "cert": "BAD_SIGNATURE",
    }


def test_one_broken_file_of_several_keeps_all_keys(file, tmp_path):
    """Where one of several files cannot be used, the keys of all of them stay what they were."""
    other = tmp_path / "other.json"
    other.write_bytes(dumps(key_set("other")))
    gateway = FileGateway([StaticKeys.from_file(file), StaticKeys.from_file(other)])
    file.write_bytes(dumps(key_set("new")))
    other.unlink()
    gateway.check()
    assert {gateway.says(owner) for owner in ("old", "kept", "other")} == {"GOOD"}
    assert gateway.health.why.startswith(str(other))


def test_several_pinned_sets_are_never_read_again():
    """Pinned keys alone, however many sets, are fixed."""
    joined = StaticKeys.joined([StaticKeys.from_jwks(key_set("a")), StaticKeys.from_jwks(key_set("b"))])
    assert (joined.files, joined.read_again()) == ((), joined.key_set)
    assert joined.key_set.names == ("a", "b")
    assert not isinstance(FileGateway(joined).source, KeyCache)


def test_joined_sets_may_be_joined_again(file):
    """Sets that were put together are put together with others, and every file among them is read again."""
    inner = StaticKeys.joined([StaticKeys.from_file(file), StaticKeys.from_jwks(key_set("a"))])
    outer = StaticKeys.joined(iter([inner, StaticKeys.from_file(file, check_every_s=20), inner]))
    assert [known.check_every_s for known in outer.files] == [10.0, 20.0, 10.0]
    file.write_bytes(dumps(key_set("new")))
    assert outer.read_again().names == ("new", "a")


@pytest.mark.parametrize("parts", [[], (), None, 5, "ab", ["ab"], [None], {}], ids=repr)
def test_what_is_joined_is_static_keys(parts):
    """Nothing, or anything else, in place of static keys is refused."""
    with pytest.raises(ConfigurationError, match="StaticKeys"):
        StaticKeys.joined(parts)
    with pytest.raises(ConfigurationError, match="StaticKeys" if parts is not None else "keys= are needed"):
        manager(keys=parts)


def test_the_keys_of_files_can_be_refreshed_and_dropped(gateway, file):
    """By hand a file is read at once; a key dropped stays dropped however often it is read; all of them come back."""
    file.write_bytes(dumps(key_set("old", "new")))
    gateway.registry.refresh("Test")
    assert [gateway.says(owner) for owner in ("old", "new", "kept")] == ["GOOD", "GOOD", "UNKNOWN_KEY"]
    gateway.registry.drop_key("Test", "old")
    gateway.registry.refresh("Test")
    assert [gateway.says(owner) for owner in ("old", "new")] == ["UNKNOWN_KEY", "GOOD"]
    gateway.registry.drop_keys("Test")
    assert [gateway.says(owner) for owner in ("old", "new")] == ["UNKNOWN_KEY", "GOOD"]
    file.unlink()
    assert "keys.json" in outage(gateway.registry.refresh, "Test").why
    assert gateway.says("new") == "GOOD"
