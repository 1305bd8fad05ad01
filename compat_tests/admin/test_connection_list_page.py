"""The admin's list of connections: what it shows, asks for, and says of its bounds."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import django
import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

import channels_bridge.admin
from channels_bridge.admin.list_query import ListQuery
from channels_bridge.admin.user_names import MOST_FOUND
from channels_bridge.project import control_client
from channels_bridge.server.monitoring.control_socket import MAX_QUESTION
from compat_tests.admin.conftest import CONNECTIONS, ROW, FakeServer, Staff

pytestmark = pytest.mark.django_db


def text_of(client: Client, **query: object) -> str:
    """The page, which is always one."""
    response = client.get(CONNECTIONS, query)
    assert response.status_code == 200
    text: str = response.content.decode()
    return text


def cells(text: str) -> list[list[str]]:
    """What the rows of the table say."""
    body = re.findall(r"<tbody>(.*?)</tbody>", text, re.DOTALL)
    rows = re.findall(r"<tr>(.*?)</tr>", "".join(body[-1:]), re.DOTALL)
    tags = re.compile(r"<[^>]*>")
    return [
        [
            " ".join(tags.sub("", cell).replace("\xa0", " ").split())
            for cell in re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row, re.DOTALL)
        ]
        for row in rows
    ]


def test_a_row(admin_client: Client, server: FakeServer) -> None:
    """All that is known of a connection; the server and its machine are named."""
    server.lists({**ROW, "groups": ["a", "b"], "in_groups": 5})
    text = text_of(admin_client)
    assert cells(text) == [
        [
            "0123456789abcdef",
            "Close",
            "-",
            "/ws/chat/",
            "192.0.2.7:5123",
            "a, b and 3 more",
            "1:02:05",
            "2.0 KB",
            "3",
            "1",
        ]
    ]
    assert "3 connections are open on this server: http://127.0.0.1:8000/" in text
    assert "channels_bridge 9.9" in text
    assert "Servers of other machines are not shown." in text


def test_nothing_that_is_markup(admin_client: Client, server: FakeServer) -> None:
    """What clients and projects write is text."""
    evil = "<script>alert(1)</script>"
    server.lists({"path": evil, "client": evil, "user": evil, "groups": [evil]})
    text = text_of(admin_client, q=evil, group=evil, server=evil)
    assert evil not in text
    assert "&lt;script&gt;" in text


def test_what_the_server_is_asked(admin_client: Client, server: FakeServer) -> None:
    """One question for a page, with what is searched for."""
    text_of(admin_client)
    ask = {"limit": 100, "order": "newest", "search": "", "users": [], "group": ""}
    assert [question for _, question in server.asked] == [{"top": 0, "connections": ask}]
    text_of(admin_client, q=" attic ", o="slowest", p="3", group="chat.attic")
    assert server.question["connections"] == {
        "limit": 300,
        "order": "slowest",
        "search": "attic",
        "users": [],
        "group": "chat.attic",
    }


@pytest.mark.parametrize("page", ["0", "-1", "x", "99999999", "9" * 5000, "²", "", "1.5"])
def test_queries_that_mean_nothing(admin_client: Client, server: FakeServer, page: str) -> None:
    """Somebody has typed them: no error, and never more than can be listed."""
    text_of(admin_client, p=page, o="'; --", q="\0q" * 5000)
    asked = server.question["connections"]
    assert asked["limit"] in range(100, 1001, 100)
    assert asked["order"] == "newest"
    assert asked["search"] == "q" * 100


def test_long_names_of_groups(admin_client: Client, server: FakeServer) -> None:
    """A group's name has up to 99 characters, and the alias of its layer stands before it."""
    name = f"second/{'g' * 99}"
    text_of(admin_client, group=name)
    assert server.question["connections"]["group"] == name


def test_questions_are_short() -> None:
    """A server hears all that can be searched for, also where users are many and have long keys."""
    query = ListQuery.of({"q": "\N{SNOWMAN}" * 5000, "group": "\N{SNOWMAN}" * 5000})
    question = query.question(["long.name@" + "example" * 20] * MOST_FOUND)
    assert len(json.dumps(question)) < MAX_QUESTION


def test_pages(admin_client: Client, server: FakeServer) -> None:
    """The second page has the second hundred; what else was chosen stays."""
    server.lists(*({"id": f"{number:016x}"} for number in range(150)), matching=150)
    text = text_of(admin_client, p=2, q="chat")
    assert [row[0] for row in cells(text)] == [f"{number:016x}" for number in range(100, 150)]
    assert '<span class="this-page">2</span>' in text
    assert 'href="?p=1&amp;q=chat"' in text
    assert "150 connections" in text and "are listed" not in text


def test_bounds_are_told(admin_client: Client, server: FakeServer) -> None:
    """Of ten thousand the first thousand can be paged through, and the page says so."""
    server.lists(*[{}] * 100, matching=12345)
    text = text_of(admin_client)
    assert "12345 connections" in text or "12,345 connections" in text
    assert re.search("Of these the first 1,?000 are listed", text)
    assert 'href="?p=10"' in text and 'href="?p=11"' not in text


def test_names_of_users(admin_client: Client, server: FakeServer) -> None:
    """Keys are shown as names, with links; of users that there are not, the key stays."""
    ada = User.objects.create_user("ada")
    others = ["4711", "no-number", "9" * 40]
    server.lists(*({"user": user} for user in (str(ada.pk), *others, None)))
    text = text_of(admin_client)
    assert [row[2] for row in cells(text)] == ["ada", *others, "-"]
    assert f'<a href="/admin/auth/user/{ada.pk}/change/">ada</a>' in text


def test_who_may_not_see_users(staff: Staff, server: FakeServer) -> None:
    """Sees keys, and can't find out names by searching for them."""
    ada = User.objects.create_user("ada")
    server.lists({"user": str(ada.pk)})
    client = staff("view_connection")
    assert [row[1] for row in cells(text_of(client, q="ada"))] == [str(ada.pk)]
    assert server.question["connections"]["users"] == []


def test_search_by_name(admin_client: Client, server: FakeServer) -> None:
    """The server knows no names: the page tells it whose keys are meant, of the first twenty."""
    keys = [str(User.objects.create_user(f"ada{number:02}").pk) for number in range(25)]
    User.objects.create_user("grace")
    text_of(admin_client, q="ADA")
    assert server.question["connections"]["users"] == keys[:20]


def test_queries_to_the_database(admin_client: Client, server: FakeServer) -> None:
    """Are as many for a hundred connections as for one."""
    users = [User.objects.create_user(f"user{number}") for number in range(100)]
    counts = []
    for number in (1, 100):
        server.lists(*({"user": str(user.pk)} for user in users[:number]))
        with CaptureQueriesContext(connection) as queries:
            text_of(admin_client)
        counts.append(len(queries))
    assert counts[0] == counts[1]


def test_silent_workers(admin_client: Client, server: FakeServer) -> None:
    """What may be missing is named."""
    server.answers["silent"] = [1]
    assert "Worker 1 does not answer." in text_of(admin_client)


def test_a_server_of_another_release(admin_client: Client, server: FakeServer) -> None:
    """One that was not restarted since the upgrade says nothing of connections: no error."""
    del server.answers["connections"], server.answers["silent"]
    assert "was started with another release" in text_of(admin_client)


def test_no_server(
    admin_client: Client, server: FakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The page says where it looked, and what to do."""
    server.paths = []
    monkeypatch.setattr(control_client, "why_none_runs", lambda: "none has its socket in /run/x")
    text = text_of(admin_client)
    assert "There is no server that this page could ask." in text
    assert "None has its socket in /run/x" in text
    assert "python manage.py websockets_server" in text
    assert server.asked == []


def test_a_server_that_is_stuck(admin_client: Client, server: FakeServer) -> None:
    """It is said, and no error."""
    server.error = "the server at /run/server-1.sock doesn't answer (timed out)"
    assert "The server at /run/server-1.sock doesn&#x27;t answer" in text_of(admin_client)


def test_a_directory_that_cannot_be_meant(
    admin_client: Client, server: FakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A mistake in the settings is shown, as the commands show it."""

    def running_servers() -> Any:
        raise ValueError("WEBSOCKET_RUNTIME_DIR is 'x': write the absolute path of a directory")

    monkeypatch.setattr(control_client, "running_servers", running_servers)
    assert "write the absolute path of a directory" in text_of(admin_client)


def test_several_servers(admin_client: Client, server: FakeServer) -> None:
    """One is chosen, and stays chosen."""
    server.paths = [Path("/run/server-1.sock"), Path("/run/server-2.sock")]
    text = text_of(admin_client, q="x")
    assert 'href="?q=x&amp;server=server-2.sock"' in text
    server.lists(ROW)
    text = text_of(admin_client, server="server-2.sock")
    assert server.asked[-1][0] == server.paths[1]
    assert '<input type="hidden" name="server" value="server-2.sock">' in text
    assert "_changelist_filters=server%3Dserver-2.sock" in text
    assert "chat.attic/change/?server=server-2.sock" in text
    # What was typed is no path.
    text_of(admin_client, server="../../etc/passwd")
    assert {path for path, _ in server.asked} == set(server.paths)


def test_a_chosen_server_that_was_restarted(admin_client: Client, server: FakeServer) -> None:
    """Where only one is left, that is meant."""
    text_of(admin_client, server="server-0.sock")
    assert server.asked[-1][0] == server.paths[0]


@pytest.mark.parametrize(
    ("version", "tag"),
    [((6, 0), '<div class="breadcrumbs">'), ((6, 1), '<ol class="breadcrumbs">')],
)
def test_breadcrumbs(
    admin_client: Client,
    server: FakeServer,
    monkeypatch: pytest.MonkeyPatch,
    version: tuple[int, int],
    tag: str,
) -> None:
    """They are what the admin's own pages of that release have, and lead back to the list."""
    monkeypatch.setattr(django, "VERSION", version)
    server.lists(ROW)
    assert tag in text_of(admin_client)
    page = f"{CONNECTIONS}{ROW['id']}/close/?_changelist_filters=q%3Dchat"
    text = admin_client.get(page).content.decode()
    assert tag in text
    assert f'<a href="{CONNECTIONS}?q=chat">Connections</a>' in text


def test_no_code_in_pages() -> None:
    """A policy that forbids inline scripts and styles forbids nothing here."""
    folder = Path(channels_bridge.admin.__file__).parent / "templates"
    templates = [path.read_text() for path in folder.rglob("*.html")]
    assert len(templates) == 6
    for text in templates:
        assert not re.search(r"<script|<style|\sstyle=|\son\w+=|javascript:", text)
