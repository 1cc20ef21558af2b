"""
What all tests share.

One Hypothesis profile for every machine: the same examples each time, and no clock in the verdict.
"""

import os

import pytest
from hypothesis import HealthCheck, settings

from tests import transports
from tests.fakes import FakeTransport, Gateway, key_set, published
from tests.signing import dumps

settings.register_profile(
    "ci",
    derandomize=True,
    database=None,
    deadline=None,
    max_examples=120,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))


@pytest.fixture(params=transports.KINDS.values(), ids=transports.KINDS.keys())
def each_transport(request, monkeypatch):
    """Runs a test with each transport; see `tests.transports`."""
    monkeypatch.setattr(transports, "current", request.param)
    return request.param


@pytest.fixture
def idp():
    """A provider in memory that publishes one key, old."""
    return FakeTransport(published("old"))


@pytest.fixture
def gateway(idp):
    """A gateway whose only key manager is that provider."""
    return Gateway(idp)


@pytest.fixture
def file(tmp_path):
    """A file with the keys of two owners, old and kept."""
    path = tmp_path / "keys.json"
    path.write_bytes(dumps(key_set("old", "kept")))
    return path
