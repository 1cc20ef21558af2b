"""The laws of providers, over every kind that comes with the library."""

import pytest

from kmvalidate.testing import ProviderLaws, SimulatedProvider


@pytest.fixture(params=SimulatedProvider.kinds())
def kind(request):
    """Return the name of a kind."""
    return request.param


class TestBuiltIn(ProviderLaws):
    @pytest.fixture(autouse=True)
    def _of(self, kind):
        self.kind = kind
