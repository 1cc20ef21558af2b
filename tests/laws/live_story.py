"""What happens to a gateway, one thing after the other, so that it can happen to two in the same way."""

from __future__ import annotations

from typing import Any, Self

from hypothesis import strategies as st

from tests.laws.live_script import LAYERS, OUTAGES, Bearer, Plan, servers
from tests.laws.live_strategies import COMMON, USUAL, issuers, kinds, layers, organizations, places, plans, signed
from tests.laws.live_world import World

#: Outages that take no time.
SUDDEN = tuple(outage for outage in OUTAGES if outage != "hangs")
HOWS = ["add", "rotate", "drop", "replace", "double", "rename", "bring_back", "empty"]
SECONDS = [1, 5, 10, 30, 60, 100, 600, 3600]

shows = st.tuples(st.just("show"), issuers, kinds, places, organizations)
waits = st.tuples(st.just("wait"), st.sampled_from(SECONDS), st.booleans())
rotations = st.tuples(st.just("publish"), issuers, st.sampled_from(HOWS), places)
outages = st.tuples(st.just("answer"), issuers, st.none() | st.sampled_from(SUDDEN))
by_hand = (
    st.tuples(st.just("drop_key"), places, st.none() | issuers, places)
    | st.tuples(st.just("drop_keys"), places)
    | st.tuples(st.just("refresh"), places)
    | st.just(("warm",))
)
changes = (
    st.tuples(st.just("add"), layers, plans())
    | st.tuples(st.just("remove"), layers, places)
    | st.tuples(st.just("replace"), layers, places)
    | st.just(("use",))
)
anything = shows | shows | waits | rotations | outages | by_hand | changes


def stories(*kinds_of_events: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Any]]:
    """Return lists of what happens, of those kinds."""
    return st.lists(st.one_of(*kinds_of_events) if kinds_of_events else anything, max_size=25)


class Story:
    """
    A gateway to which things happen.

    Args:
        pace: The figures of its key caches.

        is_async: Whether its callers await.

        is_holding: Whether fetches that nobody waits for stay in the air until something is waited for.

        global_first: See `KeyManagerRegistry`.
    """

    def __init__(
        self, pace: dict[str, Any], *, is_async: bool = False, is_holding: bool = False, global_first: bool = False
    ) -> None:
        self.script, self.is_async, self.is_holding = servers(), is_async, is_holding
        self.world = World(self.script, COMMON | pace, global_first=global_first)
        self.layers: dict[str, list[Plan]] = {layer: [] for layer in LAYERS}
        self.bearers: list[Bearer] = []
        self.use()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Leave nothing in the air, which would come down in the midst of something else."""
        self.world.ports.settle()

    @property
    def plans(self) -> list[Plan]:
        """Return what is configured."""
        return [plan for layer in LAYERS for plan in self.layers[layer]]

    @property
    def now(self) -> int:
        return int(self.world.clock.wall())

    def tell(self, story: list[Any]) -> list[Any]:
        """Let all of that happen, and return what came of it."""
        return [self.happen(*event) for event in story]

    def happen(self, what: str, *details: Any) -> Any:
        """Let something happen, and return what came of it."""
        outcome = getattr(self, what)(*details)
        if not self.is_holding:
            self.world.ports.settle()
        return outcome

    def show(self, issuer: str, kind: str, place: int, organization: str | None) -> Any:
        if kind == "again" and self.bearers:
            return self.present(self.bearers[-1 - place % len(self.bearers)], organization)
        self.bearers.append(signed(self.script[issuer], kind, place, self.now))
        return self.present(self.bearers[-1], organization)

    def present(self, bearer: Bearer, organization: str | None) -> Any:
        return self.world.present(bearer, organization, is_async=self.is_async)

    def wait(self, seconds: int, is_wall_kept: bool) -> None:
        self.world.ports.settle()
        if is_wall_kept:
            self.world.clock.pass_s(seconds)
        else:
            self.world.clock.now += seconds

    def publish(self, issuer: str, how: str, place: int) -> None:
        server = self.script[issuer]
        if how in {"drop", "replace", "double", "rename"}:
            getattr(server, how)(place)
        elif how in {"bring_back", "empty"}:
            getattr(server, how)()
        else:
            server.add()
            if how == "rotate":
                server.drop(0)

    def answer(self, issuer: str, outage: str | None) -> None:
        self.script[issuer].outage = outage

    def _somebody(self, place: int) -> tuple[str, str | None]:
        plan = self.plans[place % len(self.plans)] if self.plans else USUAL[0]
        return plan.name, plan.organization

    def drop_key(self, place: int, issuer: str | None, other: int) -> bool:
        entries = self.script[issuer].entries if issuer else []
        key: Any = entries[other % len(entries)][other % 2] if entries else f"k{other}"
        return self.world.drop_key(*self._somebody(place), key)

    def drop_keys(self, place: int) -> bool:
        return self.world.drop_keys(*self._somebody(place))

    def refresh(self, place: int) -> Any:
        return self.world.refresh(*self._somebody(place), is_async=self.is_async)

    def warm(self) -> None:
        self.world.warm(is_async=self.is_async)

    def use(self, layer: str = LAYERS[1], given: list[Plan] | None = None) -> bool:
        """Configure a layer, or the lower one as it was in the beginning."""
        given = USUAL if given is None else given
        is_done = self.world.change("use", layer, [self.world.manager(plan) for plan in given])
        if is_done:
            self.layers[layer] = list(given)
        return is_done

    def add(self, layer: str, plan: Plan) -> bool:
        is_done = self.world.change("add", layer, self.world.manager(plan))
        self.layers[layer] += [plan] * is_done
        return is_done

    def remove(self, layer: str, place: int) -> None:
        if self.layers[layer]:
            plan = self.layers[layer].pop(place % len(self.layers[layer]))
            assert self.world.change("remove", layer, plan.name, organization=plan.organization)

    def replace(self, layer: str, place: int) -> None:
        """Replace a key manager by one that is like it."""
        if self.layers[layer]:
            plan = self.layers[layer][place % len(self.layers[layer])]
            assert self.world.change("replace", layer, self.world.manager(plan))
