"""What the tests of asking share: an introspection client alone, over a scripted transport and a clock that is set."""

from contextlib import suppress
from urllib.parse import parse_qsl

import pytest

from kmvalidate import (
    ANY_OPAQUE_TOKEN,
    ClientSecretBasic,
    HttpResponse,
    Introspection,
    KeyManager,
    KeyManagerRegistry,
    KeyManagerUnavailable,
    TokenValidator,
)
from kmvalidate.flights import Flights
from kmvalidate.introspecting._client import IntrospectionClient
from kmvalidate.issuer_state import IssuerState
from kmvalidate.ports import run
from tests.fakes import FakeTransport, SettableClock, WatchedPorts
from tests.signing import AUDIENCE, ISSUER, all_keys, dumps

TOKEN = "7f3a.opaque-T0KEN_~+/=="
SECRET = "h!dden Pa55&word"
ENDPOINT = ISSUER + "/introspect"
TOKENS = ISSUER + "/token"
FORM = "application/x-www-form-urlencoded"
ACTIVE = {"active": True, "aud": AUDIENCE}


def said(document, status=200, content_type="application/json", **headers):
    """Return an answer that holds *document*, an object or raw bytes; header names with ``_`` for ``-``."""
    fields = {name.replace("_", "-"): value for name, value in headers.items()}
    if content_type is not None:
        fields["content-type"] = content_type
    return HttpResponse(status=status, headers=fields, body=dumps(document))


def form_of(request):
    """Return the members of a request's form, of which none is there twice."""
    pairs = parse_qsl(request.body.decode("ascii"), keep_blank_values=True, strict_parsing=True)
    assert len(dict(pairs)) == len(pairs)
    return dict(pairs)


def header_of(request, name):
    return {field.lower(): value for field, value in request.headers.items()}.get(name)


def configured(keys=None, of_manager=None, **strategy):
    """Return a key manager that is asked about every opaque token; further arguments are those of `Introspection`."""
    asking = {"client": ClientSecretBasic("gateway", SECRET), "tokens": ANY_OPAQUE_TOKEN, "endpoint": ENDPOINT}
    who = {"name": "Test", "issuer": ISSUER, "audience": AUDIENCE, "keys": keys or all_keys()} | (of_manager or {})
    return KeyManager(**who, introspection=Introspection(**asking | strategy))


class Asker:
    """An introspection client whose endpoint answers as *answers* say, by default that every token is active."""

    def __init__(self, answers=None, transport=None, **configuration):
        self.manager = configured(**configuration)
        self.clock = SettableClock()
        self.transport = transport or FakeTransport({ENDPOINT: said(ACTIVE)} if answers is None else answers)
        self.answers = self.transport.answers
        self.ports = WatchedPorts(self.transport, self.clock)
        flights = Flights()
        source = IssuerState.of(self.manager, flights, self.clock).source
        self.client = IntrospectionClient(self.manager, self.manager.introspection, source, flights)

    def ask(self, token=TOKEN):
        return run(self.client.ask(token, self.ports))

    def outage(self):
        """Return the outage that asking ends with."""
        with pytest.raises(KeyManagerUnavailable) as caught:
            self.ask()
        return caught.value

    def asked(self):
        """Return the requests of one time of asking that may fail."""
        before = len(self.transport.requests)
        with suppress(KeyManagerUnavailable):
            self.ask()
        return self.transport.requests[before:]

    def urls(self):
        """Return the URLs of one time of asking that may fail."""
        return [request.url for request in self.asked()]

    def slow(self, seconds=None, then=None):
        """Return an answer that takes so long, by default the time that it was given, and then fails by default."""

        def answer():
            self.clock.pass_s(self.transport.requests[-1].deadline_s if seconds is None else seconds)
            return then or KeyManagerUnavailable("no whole answer in time")

        return answer


class Gateway:
    """A `TokenValidator` with one key manager that is asked, over a scripted transport and a clock that is set."""

    def __init__(self, answers, **configuration):
        self.events = []
        self.clock, self.transport = SettableClock(), FakeTransport(answers)
        world = {"transport": self.transport, "clock": self.clock, "on_event": self.events.append}
        self.registry = KeyManagerRegistry([configured(**configuration)], **world)
        self.validator = TokenValidator(self.registry)
