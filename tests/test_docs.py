"""What the documentation says of the code, compared with the code."""

import inspect
import json
import re
import runpy
import tomllib
from pathlib import Path
from typing import get_args

import attrs

import kmvalidate as km
from kmvalidate import memory, providers
from kmvalidate.algorithms import DEFAULT_ALGORITHMS
from kmvalidate.backend_jwt import GATEWAY_FACTS, PROTECTED_CLAIMS
from kmvalidate.subscriptions import AnyRecord, verdict_of
from kmvalidate.subscriptions._states import BLOCKED, PASSING_STATES, PROD_ONLY_BLOCKED
from kmvalidate.testing import FAULTS, INTROSPECTION_FAULTS, SimulatedProvider
from kmvalidate.token_options import TokenOption

DOCS = Path(__file__).parent.parent / "docs"
GROUP = "kmvalidate.providers"
ROLES = ("role_claims", "group_claims", "permission_claims")
ROW = re.compile(r"^\| `(\w+)` \| ([^|]*) \|(?: ([^|]*) \|)?", re.MULTILINE)


def section(page, title):
    """Return what stands under a heading, up to the next one of its level or a higher one."""
    level = title.split()[0]
    found = re.search(rf"^{title}\n(.*?)(?=^#{{1,{len(level)}}} |\Z)", page, re.MULTILINE | re.DOTALL)
    assert found, f"no heading {title!r}"
    return found[1]


def rows(title):
    """Return the first three cells of each row of the table under a heading of the page of keys."""
    return ROW.findall(section((DOCS / "keys.md").read_text("utf-8"), title))


def test_every_reason_is_explained_as_it_is_now():
    """The committed page of reasons is what its script would write now (``why_refused.py --write``)."""
    script = runpy.run_path(str(DOCS / "_ext" / "why_refused.py"))
    assert script["PAGE"].read_text("utf-8") == script["as_written_now"]()


def test_every_figure_is_told_with_its_default():
    """The page of keys lists every number among the arguments of RemoteKeys, and what it is unless it is set."""
    defaults = {field.name: field.default for field in attrs.fields(km.RemoteKeys)}
    figures = {name: default for name, default in defaults.items() if type(default) in {int, float}}
    assert {name: float(told) for name, told, _ in rows("### The figures")} == figures


def test_every_event_is_told_with_what_it_says():
    """The page of keys lists every event, and every field that it has beside the name and the organization."""
    common = set(attrs.fields_dict(km.Event))
    public = [
        kind
        for kind in (getattr(km, name) for name in km.__all__)
        if isinstance(kind, type) and issubclass(kind, km.Event)
    ]
    events = {kind.__name__: set(attrs.fields_dict(kind)) - common for kind in public if kind is not km.Event}
    told = {name: set(re.findall(r"`(\w+)`", says)) for name, _, says in rows("## Events")}
    assert told == events


def test_every_status_is_told():
    """The page of keys lists every status of a key manager."""
    assert {name for name, _, _ in rows("## Health")} == {status.name for status in km.Status}


def test_every_argument_has_its_words():
    """The pages name every argument of a key manager, of a registry and of a validator."""
    text = "".join(page.read_text("utf-8") for page in DOCS.glob("*.md") if page.name != "api.md")
    arguments = [field.name for field in attrs.fields(km.KeyManager) if field.init]
    for made in (km.KeyManagerRegistry, km.TokenValidator):
        arguments += made.__init__.__kwdefaults__
    assert [name for name in arguments if not re.search(rf"`{name}[`=]|\b{name}=", text)] == []


def test_the_limits_of_the_memory_are_told():
    """The page of remembered tokens says how many there are at most unless it is set, and how long each may be."""
    text = (DOCS / "memory.md").read_text("utf-8")
    assert f"; {memory.DEFAULT_REMEMBERED:,} unless set" in text
    assert f"more than {memory.MAX_REMEMBERED_CHARS:,} characters" in text


def all_cells(page, title):
    """Return the cells of each row of the table under a heading, by what stands first in it."""
    table = re.findall(r"^\| (`.*) \|$", section((DOCS / page).read_text("utf-8"), title), re.MULTILINE)
    found = [[cell.strip() for cell in row.split("|")] for row in table]
    return {first.strip("`"): rest for first, *rest in found}


def by_provider(tell):
    """Return what *tell* says of each provider's function and of a key manager that it made."""
    kinds = {name: name for name in providers.names()} | {"azure_ad": "entra_id"}
    return {name: tell(providers.load(name), SimulatedProvider(kind).key_manager()) for name, kind in kinds.items()}


def blocks(page, language):
    """Return the blocks of a page that are in a language, one after the other."""
    fenced = rf"^```{language}\n(.*?)^```$"
    return "".join(re.findall(fenced, (DOCS / page).read_text("utf-8"), re.MULTILINE | re.DOTALL))


def in_words(claims):
    """Return the names of claims, or the ways to them, as the page writes them."""
    paths = [(claim,) if isinstance(claim, str) else claim for claim in claims]
    return ", ".join(" in ".join(f"`{name}`" for name in reversed(path)) for path in paths)


def test_every_provider_is_told_with_its_defaults():
    """The page of providers lists each one with the name, the leeway and the algorithms that it has unless told."""

    def tell(function, manager):
        default = inspect.signature(function).parameters["name"].default
        algorithms = "default" if manager.algorithms == DEFAULT_ALGORITHMS else ", ".join(manager.algorithms)
        return [default or "its host", f"{manager.leeway_s:g} s", algorithms]

    told = {name: cells[1:] for name, cells in all_cells("providers.md", "## All of them").items()}
    assert told == by_provider(tell)


def test_every_provider_is_told_with_its_claims():
    """The page of providers says for each one in which claims a token has what."""

    def tell(_, manager):
        names = (manager.role_claims, manager.group_claims, manager.permission_claims)
        usual = [field.default for field in attrs.fields(km.KeyManager) if field.name in ROLES]
        own = ["" if paths == default else in_words(paths) for paths, default in zip(names, usual, strict=True)]
        read = (manager.consumer_key_claims, manager.scope_claims)
        return [*map(in_words, read), *own, in_words(manager.profile.tenant_claims)]

    assert all_cells("providers.md", "## Where a token has what") == by_provider(tell)


def test_every_provider_has_a_section_of_its_own():
    """The page of providers has a call of each one that a reader can run."""
    runnable = blocks("providers.md", "python")
    assert [name for name in providers.names() if f"providers.{name}(" not in runnable] == []


def test_every_fault_is_told():
    """The page of tests lists every way in which a simulated provider fails, and what only introspection has apart."""
    assert set(all_cells("testing.md", "## Faults")) == {*FAULTS, *INTROSPECTION_FAULTS}
    assert set(all_cells("testing.md", "### Faults of introspection")) == set(INTROSPECTION_FAULTS)


def told_default(field):
    """Return a default as the table of arguments writes it."""
    if field.default is attrs.NOTHING:
        return "required"
    if field.default is False:
        return "no"
    if isinstance(field.default, str):
        return f"`{field.default}`"
    return str(int(field.default)) if field.default else "\N{EN DASH}"


def test_every_argument_of_introspection_is_told_with_its_default():
    """The page of configuration lists every argument of Introspection, and what it is unless it is set."""
    told = {name: cells[0] for name, cells in all_cells("configuration.md", "## Asked about its tokens").items()}
    assert told == {field.name: told_default(field) for field in attrs.fields(km.Introspection)}


def test_every_provider_that_introspects_is_told_with_its_answers():
    """The page of introspection says of each provider what its answers must have, and how often it may be asked."""

    def tell(_, manager):
        answers, limit = manager.profile.answers, manager.profile.requests_per_minute
        signs = [f"`{name}`" for name in answers.required_members]
        signs += [f"`{answers.id_prefix}` in `jti`"] if answers.id_prefix else []
        no_may_be_a_fault = "yes" if answers.errors_look_inactive else ""
        return [in_words(sorted(answers.requires)), ", ".join(signs), no_may_be_a_fault, str(limit or "")]

    introspecting = {name for name in SimulatedProvider.kinds() if SimulatedProvider(name).kind.introspection_path}
    told = all_cells("introspection.md", "## What an answer must say")
    assert told == {name: cells for name, cells in by_provider(tell).items() if name in introspecting}


def test_every_client_authentication_is_told():
    """The page of introspection lists everything public that says who asks."""
    public = {name: getattr(km, name) for name in km.__all__}
    asking = {name for name, kind in public.items() if hasattr(kind, "attach") and kind is not km.ClientAuthentication}
    table = section((DOCS / "introspection.md").read_text("utf-8"), "## Who asks")
    told = re.findall(r"^\| `km\.(\w+)\(", table, re.MULTILINE)
    assert set(told) == asking | {"ClientCredentials"}


def test_every_token_handling_option_is_told():
    """The page of introspection lists every kind of tokens that a key manager can claim."""
    told = " ".join(all_cells("introspection.md", "### Which tokens belong to whom"))
    named = {"ANY_OPAQUE_TOKEN" if kind is km.AnyOpaqueToken else kind.__name__ for kind in get_args(TokenOption)}
    assert {name for name in named if f"km.{name}" in told} == named


def test_every_status_of_introspection_is_told():
    """The page of introspection lists every status that asking can have."""
    assert set(all_cells("introspection.md", "## Health and events")) - {"introspection"} == {
        status.name for status in km.Status
    }


def test_what_callers_see_of_introspection_are_reasons():
    """The page of introspection names reasons that there are, each with its status."""
    table = section((DOCS / "introspection.md").read_text("utf-8"), "## What the caller sees")
    told = re.findall(r"^\|.*\| `Refused`, `(\w+)`.*\| (\d+) \|$", table, re.MULTILINE)
    assert told
    assert [(name, int(status)) for name, status in told] == [(name, km.Reason[name].status) for name, _ in told]


def test_how_long_an_answer_is_good_is_told():
    """The page of remembered tokens says for how long an answer is remembered unless it is set."""
    defaults = {field.name: field.default for field in attrs.fields(km.Introspection)}
    text = (DOCS / "memory.md").read_text("utf-8")
    assert f"for `ttl_s` from the moment it was asked about, {defaults['ttl_s']:g} seconds unless set" in text
    assert f"for `inactive_ttl_s`, {defaults['inactive_ttl_s']:g} seconds;" in text


def test_every_field_of_a_profile_is_told():
    """The page of plug-ins lists every field of a profile."""
    assert set(all_cells("plugins.md", "## What a profile may do")) == set(attrs.fields_dict(km.ProviderProfile))


def test_the_provider_of_ones_own_is_found_by_its_name(tmp_path, monkeypatch):
    """The example of the page of plug-ins, installed with its entry point, is found and works."""
    ((name, place),) = tomllib.loads(blocks("plugins.md", "toml"))["project"]["entry-points"][GROUP].items()
    module = place.partition(":")[0]
    (tmp_path / f"{module}.py").write_text(blocks("plugins.md", "python"), "utf-8")
    info = tmp_path / f"{module}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {module}\nVersion: 1.0\n", "utf-8")
    (info / "entry_points.txt").write_text(f"[{GROUP}]\n{name} = {place}\n", "utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert name in providers.names()
    assert providers.load(name)(tenant="bakery", audience="orders").issuer == "https://eu.acme.example/bakery"


def reasons_raised_by(check):
    """Return the reasons that the documentation of a check says it refuses with, each with its code and status."""
    reasons = [km.Reason[name] for name in re.findall(r"\b[A-Z_]+_[A-Z]+\b", inspect.getdoc(check.check))]
    return [(reason.name, str(reason.code), str(reason.status)) for reason in reasons]


def test_every_check_is_told_with_its_reasons():
    """The page of authorization lists the checks of a gateway in their order, each with what it refuses with."""
    cells = all_cells("authorization.md", "## The chain")
    told = [(name, re.findall(r"`(\w+)` \((\d+), (\d+)\)", refuses)) for name, (_, refuses) in cells.items()]
    assert told == [(type(check).__name__, reasons_raised_by(check)) for check in km.DEFAULT_CHECKS]


def test_every_state_of_a_subscription_is_told():
    """The page of subscriptions lists every state that is known, and what it means for keys of each type."""

    def tell(state, key_type):
        reason = verdict_of(state, key_type)
        return "passes" if reason is None else f"`{reason.name}`"

    states = PASSING_STATES | {BLOCKED, PROD_ONLY_BLOCKED, "ON_HOLD", "REJECTED"}
    assert all_cells("subscriptions.md", "## States") == {
        state: [tell(state, "PRODUCTION"), tell(state, "SANDBOX")] for state in states
    }


def test_every_kind_of_record_is_told():
    """The page of subscriptions lists every kind of record that a store takes."""
    table = section((DOCS / "subscriptions.md").read_text("utf-8"), "## Records")
    told = set(re.findall(r"^\| \{py:class\}`~kmvalidate\.(\w+)`", table, re.MULTILINE))
    assert told == {kind.__name__ for kind in get_args(AnyRecord)}


def test_every_kind_of_revocation_is_told():
    """The page of revocation lists every way to revoke something, and how it is taken back where that is possible."""
    cells = all_cells("revocation.md", "## What can be revoked")
    methods = {name for name in vars(km.RevocationList) if name.startswith(("revoke_", "reinstate_"))}
    assert set(cells) | {cell.strip("`") for _, cell in cells.values() if cell.startswith("`")} == methods


def test_every_code_is_told_with_its_statuses():
    """The page of responses lists every code of WSO2 with its message, its statuses and the reasons that have it."""
    cells = all_cells("errors.md", "## Codes")
    failures = {reason.name: km.Refused(reason) for reason in km.Reason}
    for name, failure in {**failures, "KeyManagerUnavailable": km.KeyManagerUnavailable("down")}.items():
        of_apim, of_choreo = (km.error_response(failure, profile=profile) for profile in ("apim", "choreo-connect"))
        body = json.loads(of_apim.body)
        message, status, other_status, reasons = cells[body["code"]]
        assert [message, status] == [body["message"].strip(), str(of_apim.status)]
        assert other_status.startswith(str(of_choreo.status))
        assert name in reasons or body["code"] == "900901"


def test_every_claim_of_a_backend_jwt_is_told():
    """The page of backend JWTs lists every claim that the generator writes itself in the strict format."""
    told = " ".join(f"`{cells}`" for cells in all_cells("backend-jwt.md", "## What it says"))
    assert set(re.findall(r"\w+", told)) == (PROTECTED_CLAIMS | GATEWAY_FACTS) - {"nbf", "azp", "scp"}


def test_every_way_to_a_signing_key_is_told():
    """The page of backend JWTs lists every way in which a signing key is made."""
    told = {call.partition("(")[0] for call in all_cells("backend-jwt.md", "## Keys")}
    made = {name for name, method in vars(km.SigningKey).items() if isinstance(method, classmethod)}
    assert told == {f"SigningKey.{name}" for name in made if not name.startswith("_")}
