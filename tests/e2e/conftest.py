"""One server of each kind for all end-to-end tests, as good as new for each; its log where a test fails."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.e2e.django_toolkit.service import DjangoToolkit
from tests.e2e.gateway import SettableClock
from tests.e2e.live import WAYS, Live, Way, manager_of
from tests.e2e.node import Node, NoNodeError, find_node, install
from tests.e2e.provider import ISSUERS, Issuer, Provider

_LOG_SIZE = pytest.StashKey[int]()


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Provider]:
    node = _node_or_fail()
    install(node)
    with Provider(node, tmp_path_factory.mktemp("oidc-provider")) as provider:
        yield provider


def _node_or_fail() -> Node:
    missing = ""
    try:
        return find_node()
    except NoNodeError as error:
        missing = str(error)
    pytest.fail(missing, pytrace=False)


@pytest.fixture
def provider(running: Provider, request: pytest.FixtureRequest) -> Provider:
    """The provider without faults, all hits forgotten; keys are as the test before left them."""
    running.reset()
    request.node.stash[_LOG_SIZE] = running.log_size()
    return running


@pytest.fixture(params=ISSUERS)
def issuer(provider: Provider, request: pytest.FixtureRequest) -> Issuer:
    """Each issuer in its turn."""
    return provider.issuers[request.param]


@pytest.fixture
def root(provider: Provider) -> Issuer:
    """The issuer whose URL is a host and a port."""
    return provider.issuers["root"]


@pytest.fixture
def path(provider: Provider) -> Issuer:
    """The issuer whose URL has a path."""
    return provider.issuers["path"]


@pytest.fixture
def tls(provider: Provider) -> Issuer:
    """The issuer that speaks TLS."""
    return provider.issuers["tls"]


@pytest.fixture(scope="session")
def running_django(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DjangoToolkit]:
    with DjangoToolkit(tmp_path_factory.mktemp("django-oauth-toolkit")) as server:
        yield server


@pytest.fixture
def django(running_django: DjangoToolkit) -> DjangoToolkit:
    """The django-oauth-toolkit, all hits forgotten."""
    running_django.reset()
    return running_django


@pytest.fixture
def clock() -> SettableClock:
    return SettableClock()


@pytest.fixture(params=WAYS.values(), ids=WAYS)
def way(request: pytest.FixtureRequest) -> Way:
    """Each kind of caller and of transport in its turn."""
    return request.param


@pytest.fixture
def live(way: Way, clock: SettableClock) -> Callable[..., Live]:
    """Makes a gateway of issuers that is told and asked in each way; the other arguments are those of `manager_of`."""

    def make(*issuers: Issuer, **how: Any) -> Live:
        return Live(way, clock, [manager_of(issuer, **how) for issuer in issuers])

    return make


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    report = yield
    used = getattr(item, "funcargs", {})
    provider, django = used.get("running"), used.get("running_django")
    if report.failed and isinstance(provider, Provider):
        report.sections.append(("oidc-provider", provider.log(item.stash.get(_LOG_SIZE, 0))))
    if report.failed and isinstance(django, DjangoToolkit):
        report.sections.append(("django-oauth-toolkit", django.log()))
    return report
