"""channels_auth_token_middlewares under our server: users by token instead of session."""

import pytest
from websockets.sync.client import connect

from .project import Project

pytest.importorskip("channels_auth_token_middlewares")
pytest.importorskip("rest_framework")


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The server and a user's token."""
    directory = tmp_path_factory.mktemp("tokens")
    layer = {"BACKEND": "channels_bridge.layers.LocalChannelLayer"}
    apps = "rest_framework rest_framework.authtoken channels_auth_token_middlewares"
    project = Project(directory, "tokens", apps, layer)
    project.manage("migrate", "-v", "0")
    user = {"DJANGO_SUPERUSER_USERNAME": "ada", "DJANGO_SUPERUSER_PASSWORD": "lovelace-1843"}
    project.manage("createsuperuser", "--noinput", "--email", "ada@example.org", **user)
    token = project.manage("drf_create_token", "ada").split()[2]
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
