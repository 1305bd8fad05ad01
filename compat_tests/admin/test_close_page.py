"""The page that closes a connection: what it asks, does, and writes down."""

from __future__ import annotations

import html
from typing import Any
from urllib.parse import urlencode

import pytest
from django.contrib.admin.models import DELETION, LogEntry
from django.contrib.auth.models import User
from django.test import Client

from compat_tests.admin.conftest import CONNECTIONS, ROW, FakeServer, Staff

pytestmark = pytest.mark.django_db

CLOSE = f"{CONNECTIONS}{ROW['id']}/close/"


def messages_of(client: Client, location: str) -> str:
    """What the page says that somebody is sent to."""
    return html.unescape(client.get(location).content.decode())


def test_asks_first(admin_client: Client, server: FakeServer) -> None:
    """GET shows which connection is meant, and whose it is, and closes nothing."""
    server.lists({"user": str(User.objects.create_user("lovelace").pk)})
    text = admin_client.get(CLOSE).content.decode()
    for known in ("lovelace", "/ws/chat/", "192.0.2.7:5123", "specific.1!2", "1:02:05"):
        assert known in text
    assert 'value="1000"' in text
    wanted = {"id": ROW["id"], "limit": 1}
    assert [question for _, question in server.asked] == [{"top": 0, "connections": wanted}]


def test_close(admin_client: Client, server: FakeServer, admin_user: Any) -> None:
    """POST closes it, says so, and goes back to the list as it was; the admin's log has it."""
    server.answers["closed"] = [{**ROW, "user": "5"}]
    page = f"{CLOSE}?{urlencode({'_changelist_filters': 'q=chat&p=2'})}"
    response = admin_client.post(page, {"code": "4001", "reason": "enough"})
    assert server.question == {
        "top": 0,
        "close": {"id": ROW["id"], "code": 4001, "reason": "enough"},
    }
    assert response.status_code == 302
    assert response["Location"] == f"{CONNECTIONS}?q=chat&p=2"
    about = "/ws/chat/ 192.0.2.7:5123, user 5"
    text = messages_of(admin_client, response["Location"])
    assert f"The connection “{about}” was closed with code 4001." in text
    (entry,) = LogEntry.objects.all()
    assert (entry.user, entry.object_id, str(entry.object_repr)) == (admin_user, ROW["id"], about)
    assert entry.action_flag == DELETION
    assert entry.get_change_message() == "Closed with code 4001. enough"
    assert entry.content_type is not None and entry.content_type.model == "connection"
    assert about in messages_of(admin_client, "/admin/")  # among the recent actions


@pytest.mark.parametrize(
    ("answers", "words"),
    [
        ({"closed": []}, "That connection is not there."),
        ({"closed": [], "silent": [0]}, "worker 0 does not answer"),
        ({"closed": [], "silent": [0, 2]}, "workers 0, 2 do not answer"),
    ],
)
@pytest.mark.parametrize("method", ["get", "post"])
def test_none_was_closed(
    admin_client: Client, server: FakeServer, method: str, answers: dict[str, Any], words: str
) -> None:
    """It has gone meanwhile, or it is not known: no error, and no success either.

    The log has what may still be closed, once the worker goes on.
    """
    server.answers |= answers
    response = getattr(admin_client, method)(CLOSE, {"code": "1000"})
    assert response["Location"] == CONNECTIONS
    text = messages_of(admin_client, CONNECTIONS)
    assert words in text and "was closed with" not in text
    logged = [entry.get_change_message() for entry in LogEntry.objects.all()]
    attempt = "To be closed with code 1000, but a worker did not answer."
    assert logged == ([attempt] if method == "post" and answers.get("silent") else [])


def test_a_server_of_another_release(admin_client: Client, server: FakeServer) -> None:
    """It says nothing of what it does not know."""
    server.answers.clear()
    response = admin_client.post(CLOSE, {"code": "1000"})
    assert "another release" in messages_of(admin_client, response["Location"])


@pytest.mark.parametrize("method", ["get", "post"])
def test_no_server(admin_client: Client, server: FakeServer, method: str) -> None:
    """The page says so in place of the form."""
    server.error = "the server at /run/server-1.sock has ended"
    response = getattr(admin_client, method)(CLOSE, {"code": "1000"})
    assert response.status_code == 200
    text = response.content.decode()
    assert "The server at /run/server-1.sock has ended" in text
    assert 'name="code"' not in text


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ({"code": "1006"}, "cannot close with code 1006"),
        ({"code": "5000"}, "cannot close with code 5000"),
        ({"code": "soon"}, "Enter a whole number"),
        ({}, "This field is required"),
        ({"code": "1000", "reason": "x" * 124}, "at most 123 characters"),
        ({"code": "1000", "reason": "ü" * 100}, "longer than 123 bytes"),
    ],
)
def test_what_cannot_be_sent(
    admin_client: Client, server: FakeServer, form: dict[str, str], words: str
) -> None:
    """The form says why, and nothing is closed."""
    server.lists(ROW)
    response = admin_client.post(CLOSE, form)
    assert response.status_code == 200
    assert words in html.unescape(response.content.decode())
    assert [question for _, question in server.asked if "close" in question] == []


def test_forgery(staff: Staff, server: FakeServer) -> None:
    """Another site's form closes nothing."""
    client = staff("view_connection", "close_connection", enforce_csrf_checks=True)
    assert client.post(CLOSE, {"code": "1000"}).status_code == 403
    assert server.asked == []


@pytest.mark.parametrize("id", ["x", "0123456789ABCDEF", "0" * 5000])
def test_what_is_no_id(admin_client: Client, server: FakeServer, id: str) -> None:
    """Leads nowhere, and nobody is asked."""
    assert admin_client.get(f"{CONNECTIONS}{id}/close/").status_code == 404
    assert server.asked == []


@pytest.mark.parametrize("method", ["put", "delete", "patch"])
def test_other_methods(admin_client: Client, server: FakeServer, method: str) -> None:
    """Do nothing."""
    assert getattr(admin_client, method)(CLOSE).status_code == 405


def test_of_several_servers(admin_client: Client, server: FakeServer) -> None:
    """The one is asked that the list was of."""
    server.paths = [server.paths[0], server.paths[0].with_name("server-2.sock")]
    server.answers["closed"] = [ROW]
    page = f"{CLOSE}?{urlencode({'_changelist_filters': 'server=server-2.sock'})}"
    response = admin_client.post(page, {"code": "1000"})
    assert server.asked[-1][0].name == "server-2.sock"
    assert response["Location"] == f"{CONNECTIONS}?server=server-2.sock"
