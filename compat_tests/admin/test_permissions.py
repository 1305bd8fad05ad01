"""Who sees what, and what of it is in the database."""

from __future__ import annotations

import io
import json

import pytest
from django.apps import apps
from django.contrib.auth.models import Permission
from django.core.management import call_command
from django.db import connection
from django.test import Client

from channels_bridge.admin.apps import check_admin
from compat_tests.admin.conftest import APP, CONNECTIONS, GROUPS, ROW, FakeServer, Staff
from compat_tests.parity.site import PROJECT
from compat_tests.servers import run_python

pytestmark = pytest.mark.django_db

CLOSE = f"{CONNECTIONS}{ROW['id']}/close/"
GROUP = f"{GROUPS}chat.attic/change/"


@pytest.mark.parametrize("page", [CONNECTIONS, CLOSE, GROUPS, GROUP])
def test_strangers(page: str, client: Client, server: FakeServer) -> None:
    """Are asked who they are; no server is asked for them."""
    response = client.get(page)
    assert response.status_code == 302
    assert response["Location"].startswith("/admin/login/")
    assert server.asked == []


@pytest.mark.parametrize("page", [CONNECTIONS, CLOSE, GROUPS, GROUP])
def test_staff_without_permissions(page: str, staff: Staff, server: FakeServer) -> None:
    """See nothing of it, and find no link to it."""
    client = staff()
    assert client.get(page).status_code == 403
    assert APP not in client.get("/admin/").content.decode()
    assert server.asked == []


def test_viewing(staff: Staff, server: FakeServer) -> None:
    """Who may view connections may neither view groups nor close anything."""
    server.lists(ROW)
    client = staff("view_connection")
    text = client.get(CONNECTIONS).content.decode()
    assert ROW["path"] in text and CLOSE not in text and GROUP not in text
    assert "chat.attic" in text
    assert CONNECTIONS in client.get("/admin/").content.decode()
    assert client.get(GROUPS).status_code == client.get(GROUP).status_code == 403
    asked = len(server.asked)
    assert client.get(CLOSE).status_code == client.post(CLOSE, {"code": 1000}).status_code == 403
    assert len(server.asked) == asked


def test_viewing_groups(staff: Staff, server: FakeServer) -> None:
    """Who may view groups needs another permission for connections."""
    client = staff("view_group")
    assert client.get(GROUPS).status_code == 200
    text = client.get(GROUP).content.decode()
    assert CONNECTIONS not in text
    assert client.get(CONNECTIONS).status_code == 403


def test_closing_needs_both(staff: Staff, server: FakeServer) -> None:
    """Who may close, but not view, has nothing to choose from."""
    assert staff("close_connection").post(CLOSE, {"code": 1000}).status_code == 403


def test_links_for_who_may_close(staff: Staff, server: FakeServer) -> None:
    """Each row has one."""
    server.lists(ROW)
    assert CLOSE in staff("view_connection", "close_connection").get(CONNECTIONS).content.decode()


def test_another_site(admin_client: Client, server: FakeServer) -> None:
    """In an admin site of one's own all links stay in that site."""
    server.lists(ROW)
    text = admin_client.get(CONNECTIONS.replace("admin/", "operations/", 1)).content.decode()
    assert CLOSE.replace("admin/", "operations/", 1) in text
    assert 'href="/admin/' not in text


@pytest.mark.parametrize("method", ["post", "put", "delete", "patch"])
def test_pages_only_show(admin_client: Client, server: FakeServer, method: str) -> None:
    """Lists and groups take nothing."""
    for page in (CONNECTIONS, GROUPS, GROUP):
        assert getattr(admin_client, method)(page).status_code == 405
    assert server.asked == []


def test_what_migrate_makes() -> None:
    """Three permissions, and no table."""
    permissions = Permission.objects.filter(content_type__app_label=APP)
    codenames = permissions.values_list("codename", flat=True)
    assert set(codenames) == {"view_connection", "close_connection", "view_group"}
    assert [name for name in connection.introspection.table_names() if APP in name] == []


def test_what_goes_through_all_models() -> None:
    """``makemigrations`` finds nothing to do, and ``dumpdata`` nothing to write."""
    call_command("makemigrations", "--check", "--dry-run", stdout=io.StringIO())
    for options in ([], ["--all"]):
        dumped = io.StringIO()
        call_command("dumpdata", *options, stdout=dumped)
        assert [row for row in json.loads(dumped.getvalue()) if row["model"].startswith(APP)] == []
    for model in apps.get_app_config(APP).get_models():
        assert not model._default_manager.exists()


def test_off_by_default() -> None:
    """A project that does not name the application has nothing of it."""
    program = "import sys; print([name for name in sys.modules if 'channels_bridge.admin' in name])"
    env = {"SAMPLE_APPS": "channels_bridge"}
    assert run_python(PROJECT, "manage.py", "shell", "-c", program, env=env).stdout.endswith("[]\n")


def test_check(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages for an admin that isn't there are a mistake."""
    assert check_admin(None) == []
    monkeypatch.setattr(apps, "is_installed", lambda name: False)
    (error,) = check_admin(None)
    assert error.id == "channels_bridge.E017"
