"""
The npm package fast-jwt in a process of its own, which takes turns with this one.

Rules kept here: it must accept the good token, refuse every bad one and answer from its cache, or it is not measured.
What is installed is what the lock file names, hash for hash.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from _child import Child
from _peers import NotMeasured
from _tokens import AUDIENCE, ISSUER

if TYPE_CHECKING:
    from _tokens import Signed

_HOME = Path(__file__).with_name("fast_jwt")
sys.path.append(str(_HOME.parents[1]))  # how Node.js is found, and packages installed with it, the tests say


class FastJwt:
    """
    A verifier of fast-jwt that remembers a token.

    Args:
        token: The token.

    Raises:
        NotMeasured: It cannot be had, or does not tell a good token from a bad one.
    """

    def __init__(self, token: Signed) -> None:
        self._child = Child([_node(), str(_HOME / "turns.mjs")])
        jwk = next(key for key in token.jwks["keys"] if key["alg"] == token.alg)
        rules = {"jwk": jwk, "alg": token.alg, "issuer": ISSUER, "audience": AUDIENCE}
        said = self._child.ask(rules | {"token": token.token, "bad": token.bad})
        if said["wrong"] or not said["isRemembered"]:
            raise NotMeasured(f"fast-jwt accepts {said['wrong']}" if said["wrong"] else "fast-jwt remembers nothing")
        self.versions = f"fast-jwt {said['version']}, Node.js {said['node'].removeprefix('v')}"

    def fresh(self, loops: int) -> int:
        """Return the ns in which it recalls the token so often, each time from a string of its own."""
        return self._child.ask({"loops": loops, "fresh": True})  # type: ignore[no-any-return]

    def same(self, loops: int) -> int:
        """Return the ns in which it recalls the token so often, each time from the same string."""
        return self._child.ask({"loops": loops, "fresh": False})  # type: ignore[no-any-return]

    def end(self) -> None:
        """End the process."""
        self._child.end()


def _node() -> str:
    from tests.e2e.node import NoNodeError, find_node, install

    try:
        node = find_node()
        install(node, _HOME)
    except NoNodeError:
        raise NotMeasured("fast-jwt needs Node.js 20.12 or newer and its npm") from None
    except (OSError, RuntimeError) as error:  # no network, for one
        raise NotMeasured(f"fast-jwt cannot be installed: {str(error).splitlines()[0]}") from None
    return node.node
