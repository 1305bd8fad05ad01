"""channels_auth_token_middlewares under our server: users by token instead of session."""

from __future__ import annotations

import pytest
from websockets.sync.client import connect

from compat_tests.third_party.project import Project

PREPARE = """
from django.contrib.auth import get_user_model
from django.core.management import call_command
from rest_framework.authtoken.models import Token
call_command("migrate", verbosity=0)
user = get_user_model().objects.create_user("ada", password="lovelace-1843")
print(Token.objects.create(user=user).key)
"""

pytest.importorskip("channels_auth_token_middlewares")
pytest.importorskip("rest_framework")


@pytest.fixture(scope="module")
def site(directory):
    """The server and a user's token."""
    layer = {"BACKEND": "channels_bridge.layers.LocalChannelLayer"}
    apps = "rest_framework rest_framework.authtoken channels_auth_token_middlewares"
    project = Project(directory, "tokens", apps, layer)
    token = project.manage("shell", "-v", "0", "-c", PREPARE).strip()
    with project.serve() as server:
        yield server, token


@pytest.mark.parametrize(
    ("headers", "query", "user"),
    [
        ({"Authorization": "Token {}"}, "", "ada"),
        ({}, "?token={}", "ada"),
        ({}, "", "nobody"),
        ({"Authorization": "Token " + "0" * 40}, "", "nobody"),
    ],
)
def test_user(site, headers, query, user):
    """The user of a consumer is the token's, in a header or in the query."""
    server, token = site
    given = {name: value.format(token) for name, value in headers.items()}
    url = f"{server.ws_url}/{query.format(token)}"
    with connect(url, additional_headers=given) as websocket:
        assert websocket.recv(10) == user
