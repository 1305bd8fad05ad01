"""djangochannelsrestframework under our server: an API over WebSocket."""

from __future__ import annotations

from contextlib import ExitStack

import pytest

from compat_tests.third_party.project import Project, ask, open_all, told

pytest.importorskip("djangochannelsrestframework")


@pytest.fixture(scope="module")
def server(directory):
    """Our server on a project with REST consumers."""
    project = Project(directory, "rest", "rest_framework djangochannelsrestframework")
    project.manage("migrate", "-v", "0")
    with project.serve() as server:
        yield server


def groups(client):
    """All there are."""
    ask(client, action="list", request_id=0)
    return told(client)["data"]


def test_api(server):
    """Actions are answered, and every subscriber on every worker hears of changes."""
    with ExitStack() as stack:
        editor, *readers = open_all(stack, server, "/groups/", 5)
        before = groups(editor)
        for reader in readers:
            ask(reader, action="subscribe_to_changes", request_id=1)
            assert told(reader)["response_status"] == 200
        ask(editor, action="create", data={"name": "poets"}, request_id=2)
        created = told(editor)
        assert (created["response_status"], created["data"]["name"]) == (201, "poets")
        for reader in readers:
            assert told(reader) == {"changed": {"action": "create", "name": "poets"}}
        assert groups(editor) == [*before, created["data"]]


def test_instance(server):
    """Who subscribed to an instance hears of its changes, whoever made them."""
    with ExitStack() as stack:
        editor, *readers = open_all(stack, server, "/groups/", 5)
        ask(editor, action="create", data={"name": "essayists"}, request_id=1)
        pk = told(editor)["data"]["id"]
        for reader in readers:
            ask(reader, action="subscribe_instance", pk=pk, request_id=2)
            assert told(reader)["response_status"] == 201
        ask(editor, action="patch", pk=pk, data={"name": "novelists"}, request_id=3)
        assert told(editor)["response_status"] == 200
        for reader in readers:
            change = told(reader)
            assert (change["action"], change["data"]["name"]) == ("update", "novelists")


def test_errors(server):
    """A bad request is answered as the package answers it, and the connection goes on."""
    with ExitStack() as stack:
        (client,) = open_all(stack, server, "/groups/", 1)
        before = groups(client)
        ask(client, action="create", data={}, request_id=1)
        assert told(client)["response_status"] == 400
        ask(client, action="no_such_action", request_id=2)
        assert told(client)["response_status"] == 405
        assert groups(client) == before
