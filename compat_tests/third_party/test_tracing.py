"""Tools that trace a project's gRPC calls: groups work beside them, and aren't traced."""

from __future__ import annotations

import importlib.util
import os
import re
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

from compat_tests.servers import running, websockets_server
from compat_tests.third_party.project import SITE, Project, open_all

pytest.importorskip("opentelemetry.instrumentation.grpc")
pytest.importorskip("opentelemetry.distro")
if importlib.util.find_spec("sentry_sdk") is None:
    # Not imported: it imports eventlet, which warns of each fork from then on.
    pytest.skip("there is no sentry_sdk", allow_module_level=True)

# What `opentelemetry-instrument` puts in front of PYTHONPATH: a sitecustomize that patches
# everything before the program begins.
AUTOMATIC = Path(
    importlib.util.find_spec("opentelemetry.instrumentation").submodule_search_locations[0],
    "auto_instrumentation",
)
QUIET = {f"OTEL_{kind}_EXPORTER": "none" for kind in ("TRACES", "METRICS", "LOGS")}

KINDS = {
    "opentelemetry": {"THIRD_PARTY_TRACING": "traced_by_opentelemetry"},
    "opentelemetry-instrument": {
        "PYTHONPATH": os.pathsep.join([str(AUTOMATIC), str(SITE.parents[2])]),
        # Which its instrumentation of Django needs, before manage.py runs.
        "DJANGO_SETTINGS_MODULE": "compat_tests.third_party.site.settings",
        **QUIET,
    },
    "sentry": {"THIRD_PARTY_TRACING": "traced_by_sentry"},
}

RUNSERVER_READY = re.compile(r"development server at http://(\S+)/")
HUB_READY = re.compile(r"^Groups hub at (\S+)", re.MULTILINE)

# Another process of the project: it is traced, it joins a group, and hears what it sends.
SPEAK = """
import asyncio, grpc.aio
from channels.layers import get_channel_layer

assert grpc.aio.server is not grpc.aio._server.server
assert grpc.aio.insecure_channel is not grpc.aio._channel.insecure_channel

async def speak():
    layer = get_channel_layer()
    channel = await layer.new_channel()
    await layer.group_add("room", channel)
    await layer.group_send("room", {"type": "room.message", "text": "from outside"})
    print((await layer.receive(channel))["text"])
    await layer.close()

asyncio.run(speak())
"""


@pytest.fixture
def project(request, socket_dir):
    """A project that is traced."""
    project = Project(socket_dir, "rooms")
    project.env.update(KINDS[request.param])
    return project


def check(project, server):
    """Members hear each other, and what another process says."""
    with ExitStack() as stack:
        members = open_all(stack, server, "/room/", 2)
        members[0].send("hi")
        assert [member.recv(10) for member in members] == ["hi"] * 2
        assert project.manage("shell", "-v", "0", "-c", SPEAK) == "from outside\n"
        assert [member.recv(10) for member in members] == ["from outside"] * 2


def stop(server):
    """Streams end without a word of who traces them."""
    server.stop()
    assert "Traceback" not in server.log()


@pytest.mark.parametrize("project", ["opentelemetry-instrument"], indirect=True)
def test_server(project):
    """Groups work in a server that is traced, its hub included, and in other processes."""
    with websockets_server(SITE, env=project.env) as server:
        check(project, server)
        stop(server)


@pytest.mark.parametrize("project", ["opentelemetry", "sentry"], indirect=True)
def test_hub_alone(project):
    """The same with ``runserver``, and a hub that somebody has started before it."""
    manage = [sys.executable, "manage.py"]
    hub_alone = [*manage, "websockets_hub"]
    development = [*manage, "runserver", "127.0.0.1:0", "--noreload"]
    with (
        running(hub_alone, SITE, HUB_READY, env=project.env) as hub,
        running(development, SITE, RUNSERVER_READY, env=project.env) as server,
    ):
        check(project, server)
        stop(server)
        stop(hub)
