"""A server of which nothing is real but its answers, and users who may do different things."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client

from channels_bridge.admin import running_server
from channels_bridge.project import control_client
from channels_bridge.server.monitoring.control_socket import NoAnswer

APP = "channels_bridge_admin"
CONNECTIONS = f"/admin/{APP}/connection/"
GROUPS = f"/admin/{APP}/group/"

#: As a worker describes a connection.
ROW = {
    "id": "0123456789abcdef",
    "path": "/ws/chat/",
    "client": "192.0.2.7:5123",
    "seconds": 3725.4,
    "unsent_bytes": 2048,
    "inbox_depth": 3,
    "user": None,
    "channel": "specific.1!2",
    "groups": ["chat.attic"],
    "in_groups": 1,
    "worker": 1,
}


class FakeServer:
    """Answers the pages in a server's place, and keeps what it was asked."""

    def __init__(self) -> None:
        self.paths = [Path("/run/server-1.sock")]
        self.asked: list[tuple[Path, Any]] = []
        self.answers: dict[str, Any] = {"silent": []}
        self.error = ""

    def ask(self, path: Path, question: Any, timeout: float) -> Any:
        self.asked.append((path, question))
        if self.error:
            raise NoAnswer(self.error)
        return {
            "version": "9.9",
            "pid": 1,
            "state": "serving",
            "listening": ["http://127.0.0.1:8000/"],
            "workers": [{"number": 0, "connections": 3}, {"number": 1}],
            "groups": [],
            **self.answers,
        }

    def lists(self, *rows: dict[str, Any], matching: int | None = None) -> None:
        """Have it list these connections."""
        number = len(rows) if matching is None else matching
        self.answers["connections"] = {"matching": number, "rows": [{**ROW, **row} for row in rows]}

    @property
    def question(self) -> Any:
        """The last one."""
        return self.asked[-1][1]


@pytest.fixture(autouse=True)
def served(settings: Any) -> None:
    """What the test client asks for."""
    settings.ROOT_URLCONF = "compat_tests.admin.urls"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> FakeServer:
    """One that runs, and has no connections."""
    fake = FakeServer()
    fake.lists()
    monkeypatch.setattr(running_server, "ask", fake.ask)
    monkeypatch.setattr(control_client, "ask", fake.ask)
    monkeypatch.setattr(control_client, "running_servers", lambda: fake.paths)
    return fake


#: Logs in as somebody of the staff who has these permissions.
Staff = Callable[..., Client]


@pytest.fixture
def staff(db: None) -> Staff:
    """For users who may do some things."""

    def log_in(*codenames: str, **options: Any) -> Client:
        user = User.objects.create_user("grace", is_staff=True)
        known = Permission.objects.filter(content_type__app_label=APP)
        user.user_permissions.set(known.filter(codename__in=codenames))
        assert user.user_permissions.count() == len(codenames)
        client = Client(**options)
        client.force_login(user)
        return client

    return log_in
