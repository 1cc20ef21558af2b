"""
An authorization server for the end-to-end tests: django-oauth-toolkit on SQLite, served by waitress.

    python server.py FOLDER

Its port is a free one; the line "ready {...}" on standard output says which. It ends when its standard input does.
README.md says what it can do.

Rules kept here: whom it knows is read from FOLDER/accounts.json, and what it must remember is in FOLDER too; every
request is one line of its log.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Callable, Iterable
from datetime import timedelta
from pathlib import Path
from typing import Any

import django
from django.conf import settings
from django.core.management import call_command
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, JsonResponse
from django.urls import include, path
from waitress import create_server

TTL_S = 300

Start = Callable[..., Any]


def configure(folder: Path) -> None:
    """Set Django up, with its database in *folder*."""
    settings.configure(
        ALLOWED_HOSTS=["127.0.0.1", "localhost"],
        DATABASES={
            "default": {
                "ENGINE": "django.db.backends.sqlite3",
                "NAME": folder / "db.sqlite",
                "OPTIONS": {"timeout": 20},
            }
        },
        DEFAULT_AUTO_FIELD="django.db.models.AutoField",
        INSTALLED_APPS=[
            "django.contrib.auth",
            "django.contrib.contenttypes",
            "django.contrib.sessions",
            "oauth2_provider",
        ],
        MIDDLEWARE=[
            "django.contrib.sessions.middleware.SessionMiddleware",
            "django.contrib.auth.middleware.AuthenticationMiddleware",
        ],
        OAUTH2_PROVIDER={
            "SCOPES": {"read": "read", "write": "write", "introspection": "introspect"},
            "DEFAULT_SCOPES": ["read"],
            "ACCESS_TOKEN_EXPIRE_SECONDS": TTL_S,
            "COMPLIANT_BCP_RFC9700_PASSWORD_GRANT": False,  # the shortest way to a user's token
        },
        PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"],  # quick: nothing here is worth hiding
        ROOT_URLCONF=__name__,
        SECRET_KEY="test-only",
        USE_TZ=True,
    )
    django.setup()


def fill(folder: Path) -> None:
    """Make the tables, the user and the clients."""
    from django.contrib.auth import get_user_model  # noqa: PLC0415  # models exist once Django is set up
    from oauth2_provider.models import get_application_model  # noqa: PLC0415

    call_command("migrate", verbosity=0)
    accounts = json.loads((folder / "accounts.json").read_text("utf-8"))
    user = get_user_model().objects.create_user(**accounts["user"])
    for client_id, (grant, secret) in accounts["clients"].items():
        get_application_model().objects.create(
            client_id=client_id,
            client_secret=secret,
            client_type="confidential",
            authorization_grant_type=grant,
            name=client_id,
            user=user,
        )


def expire(request: HttpRequest) -> JsonResponse:
    """Make the time of the token in the form be over, and say how many tokens that were."""
    from django.utils import timezone  # noqa: PLC0415
    from oauth2_provider.models import get_access_token_model  # noqa: PLC0415

    tokens = get_access_token_model().objects.filter(token=request.POST["token"])
    return JsonResponse({"expired": tokens.update(expires=timezone.now() - timedelta(seconds=1))})


def logged(application: Callable[..., Iterable[bytes]]) -> Callable[..., Iterable[bytes]]:
    """Return *application*, writing a line for each request."""

    def serve(environ: dict[str, Any], start: Start) -> Iterable[bytes]:
        sys.stdout.write(f"hit {environ['REQUEST_METHOD']} {environ['PATH_INFO']}\n")  # in one piece: threads write
        sys.stdout.flush()
        return application(environ, start)

    return serve


def end_with_stdin() -> None:
    """End the process when whoever started it is gone."""
    while os.read(0, 1):
        pass
    os._exit(0)


def main(folder: Path) -> None:
    """Serve until standard input ends."""
    threading.Thread(target=end_with_stdin, daemon=True).start()
    configure(folder)
    from oauth2_provider.urls import metadata_urlpatterns  # noqa: PLC0415  # views exist once Django is set up

    urlpatterns.extend(
        [
            path("o/", include("oauth2_provider.urls", namespace="oauth2_provider")),
            *metadata_urlpatterns,
            path("control/expire", expire),
        ]
    )
    fill(folder)
    server = create_server(logged(get_wsgi_application()), host="127.0.0.1", port=0, threads=8)
    print(f"ready {json.dumps({'url': f'http://127.0.0.1:{server.effective_port}'})}", flush=True)  # noqa: T201
    server.run()


urlpatterns: list[Any] = []

if __name__ == "__main__":
    main(Path(sys.argv[1]))
