"""
APIs for the tests.

Rules kept here: a resource is written as on paper, ``GET /menu``; what a call found is told the same way.
"""

from kmvalidate.apis import Api, Resource


def api(*resources: str, **changes) -> Api:
    """Return an API with these resources."""
    return Api("orders", "1.0", resources=[Resource(*one.split(" ", 1)) for one in resources], **changes)


def found(asked: Api, method: str = "GET", path: str = "/menu") -> str | None:
    """Return the resource that a call is about, None for none."""
    call = asked.call(method, path)
    return ", ".join(map(str, call.resources)) or None


def hint(asked: Api, method: object = "GET", path: object = "/menu", **more) -> str:
    """Return why a call is about nothing."""
    call = asked.call(method, path, **more)
    assert call.resources == ()
    assert call.path is None
    assert not call.target.is_kept
    return call.target.hint
