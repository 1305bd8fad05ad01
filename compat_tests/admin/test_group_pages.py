"""The admin's list of groups, and the page of one."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from django.test import Client

from channels_bridge.admin import group_admin, presence_panel
from channels_bridge.admin.presence_panel import PresencePanel, look
from channels_bridge.exceptions import TransportUnavailable
from channels_bridge.presence import Present
from compat_tests.admin.conftest import CONNECTIONS, GROUPS, FakeServer

pytestmark = pytest.mark.django_db

ADA = Present("5", {"name": "Ada <b>"}, 61.4, 2)
SHOWN = replace(ADA, info='{"name": "Ada <b>"}')


def text_of(client: Client, page: str, **query: str) -> str:
    response = client.get(page, query)
    assert response.status_code == 200
    text: str = response.content.decode()
    return text


def test_list(admin_client: Client, server: FakeServer) -> None:
    """The largest groups with their members; each leads to its page."""
    server.answers["groups"] = [{"group": "chat.a", "members": 7}, {"group": "x/b", "members": 1}]
    text = text_of(admin_client, GROUPS, q="CHAT")
    assert server.question == {"top": 200, "group_search": "CHAT"}
    assert f'href="{GROUPS}chat.a/change/?_changelist_filters=q%3DCHAT"' in text
    assert f"{GROUPS}x_2Fb/change/" in text
    assert "largest" not in text


def test_bound(admin_client: Client, server: FakeServer) -> None:
    """Of more groups than are listed, the page says that these are the largest."""
    server.answers["groups"] = [{"group": f"g{n}", "members": 1} for n in range(200)]
    assert "These are the 200 largest." in text_of(admin_client, GROUPS)


def test_no_groups(admin_client: Client, server: FakeServer) -> None:
    """With another package's layer there are none to be seen."""
    assert "Only groups of this package’s channel layers" in text_of(admin_client, GROUPS)


def test_no_server(admin_client: Client, server: FakeServer) -> None:
    """Nobody is asked for presence then."""
    server.error = "the server has ended"
    for page in (GROUPS, f"{GROUPS}chat.a/change/"):
        assert "The server has ended" in text_of(admin_client, page)


def panel(monkeypatch: pytest.MonkeyPatch, found: PresencePanel) -> list[str]:
    """Have the page find this; returns what it looks for."""
    looked: list[str] = []

    def look(label: str) -> PresencePanel:
        looked.append(label)
        return found

    monkeypatch.setattr(group_admin, "look", look)
    return looked


def test_one_group(
    admin_client: Client, server: FakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """How many connections are in it, and who is present."""
    looked = panel(monkeypatch, PresencePanel(1, [SHOWN]))
    server.lists(matching=3)
    text = text_of(admin_client, f"{GROUPS}x_2Fb/change/")
    assert server.question == {"top": 0, "connections": {"group": "x/b", "limit": 0}}
    assert looked == ["x/b"]
    assert "3 connections of this server are in the group." in text
    assert f'href="{CONNECTIONS}?group=x%2Fb"' in text
    assert "1 is present" in text and "Ada &lt;b&gt;" in text and "Ada <b>" not in text


def test_presence_that_nobody_counts(
    admin_client: Client, server: FakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The page says why, and shows the rest."""
    panel(monkeypatch, PresencePanel(why_unknown="CONFIG has no presence for it"))
    text = text_of(admin_client, f"{GROUPS}chat.a/change/")
    assert "CONFIG has no presence for it" in text
    assert "0 connections of this server are in the group." in text


def test_crowds(admin_client: Client, server: FakeServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of very many only the number is told."""
    panel(monkeypatch, PresencePanel(201))
    text = text_of(admin_client, f"{GROUPS}chat.a/change/")
    assert "201 are present" in text and "too many to list" in text


@pytest.mark.parametrize(
    ("number", "people"), [(0, []), (1, [SHOWN]), (200, [SHOWN] * 200), (201, []), (250_000, [])]
)
def test_look(monkeypatch: pytest.MonkeyPatch, number: int, people: list[Present]) -> None:
    """Nobody fetches a crowd to show that it is one."""
    asked: list[Any] = []

    def members(group: str, *, alias: str) -> list[Present]:
        asked.append((group, alias))
        return [ADA] * number

    monkeypatch.setattr(presence_panel, "count", lambda group, alias: number)
    monkeypatch.setattr(presence_panel, "members", members)
    assert look("other/chat.a") == PresencePanel(number, people)
    assert asked == ([("chat.a", "other")] if number <= 200 else [])


@pytest.mark.parametrize(
    "error", [TransportUnavailable("here", "gone", ""), ValueError("not configured")]
)
def test_look_in_vain(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    """What can't be known is no error of the page."""

    def count(group: str, *, alias: str) -> int:
        raise error

    monkeypatch.setattr(presence_panel, "count", count)
    assert look("chat.a") == PresencePanel(why_unknown=str(error))


def test_look_at_what_is_not_configured() -> None:
    """The layer of these settings has no presence; another alias is none at all."""
    assert "presence" in look("chat.a").why_unknown
    assert look("nowhere/chat.a").count is None
    assert look("chat a!").count is None
