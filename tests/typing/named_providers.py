"""
The providers by name, and what tests are made of, as type checkers see them; checked, never run.

What must not type-check carries the error that says so.
"""

from __future__ import annotations

from typing import Any, assert_type

import kmvalidate as km
from kmvalidate import providers
from kmvalidate.testing import INTROSPECTION_FAULTS, SimulatedNetwork, SimulatedProvider, VirtualClock


class Acme:
    """A provider of another package."""

    def __call__(self, *, audience: Any, **options: Any) -> km.KeyManager:
        """Return the key manager."""
        return providers.oidc("https://acme.example", audience=audience, **options)


plugin: providers.Provider = Acme()
no_plugin: providers.Provider = km.KeyManager  # type: ignore[assignment]  # pyright: ignore[reportAssignmentType]
realm = providers.keycloak(
    "https://sso.example/realms/acme", audience=["orders"], client_roles="orders", any_role="chef"
)
anybody = providers.oidc(discovery_url="https://idp.example/d", issuer="https://idp.example", audience=km.ANY_AUDIENCE)
asked = providers.okta(
    "https://acme.okta.com/oauth2/default",
    audience="api://default",
    introspection=km.Introspection(client=km.PublicClient("gateway")),
    self_validate_jwt=False,
)
resident = providers.wso2_is(
    service_url=["https://km1.example:9443/services/", "https://km2.example:9443/services/"],
    username="admin",
    password=km.FromEnvironment("ADMIN_PASSWORD"),
    audience="orders",
)
loaded = providers.load("acme")(audience="orders", issuer="https://acme.example")
assert_type((realm, anybody, loaded), tuple[km.KeyManager, km.KeyManager, km.KeyManager])
assert_type(providers.names(), tuple[str, ...])
careless = providers.keycloak("https://sso.example/realms/acme")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
misspelt = providers.oidc("https://idp.example", audience="x", leeway=5)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]

clock_of_tests = VirtualClock()
simulated = SimulatedProvider("keycloak", audience="orders", clock=clock_of_tests)
in_process: km.Transport = SimulatedNetwork(simulated)
alone: km.Transport = simulated
assert_type(simulated.token(scopes={"menu:read"}, expires_in_s=60), str)
assert_type(simulated.look_alikes, tuple[str, ...])
assert_type(simulated.key_manager(any_role="chef"), km.KeyManager)
assert_type(simulated.validator(), km.TokenValidator)
assert_type(simulated.opaque_token(answer={"aud": None}, scopes={"menu:read"}), str)
assert_type(simulated.refresh_token(), str)
assert_type(simulated.client, tuple[str, str])
assert_type(simulated.throttled, int)
limited = SimulatedProvider("asgardeo", client=("gateway", "secret"), requests_per_minute=10)
simulated.revoke(simulated.token())
simulated.fail(INTROSPECTION_FAULTS[0], at="/introspect")
assert_type(INTROSPECTION_FAULTS, tuple[str, ...])
