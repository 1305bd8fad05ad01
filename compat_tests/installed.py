"""Use an installed channels_bridge as a stranger would: a new project, one WebSocket round trip.

The session ``build`` runs this file in an environment that has the wheel and nothing else, so it
needs neither pytest nor the rest of the tests.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from pathlib import Path

from websockets.sync.client import connect

import channels_bridge

SETTINGS = """
SECRET_KEY = "x"
ALLOWED_HOSTS = ["127.0.0.1"]
INSTALLED_APPS = ["channels_bridge", "channels"]
ASGI_APPLICATION = "project.application"
CHANNEL_LAYERS = {"default": {"BACKEND": "channels_bridge.layers.GrpcChannelLayer"}}
"""

PROJECT = """
import django
django.setup()

from channels.generic.websocket import AsyncWebsocketConsumer
from channels.routing import ProtocolTypeRouter, URLRouter
from django.core.asgi import get_asgi_application
from django.urls import path


class Echo(AsyncWebsocketConsumer):
    groups = ["everyone"]

    async def receive(self, text_data=None, bytes_data=None):
        await self.channel_layer.group_send("everyone", {"type": "said", "text": text_data})

    async def said(self, event):
        await self.send(event["text"])


application = ProtocolTypeRouter(
    {"http": get_asgi_application(), "websocket": URLRouter([path("", Echo.as_asgi())])}
)
"""

#: What pages load or are made of, which is no Python.
STATIC = (
    "static/channels_bridge/resumable.js",
    "static/channels_bridge/resumable.d.ts",
    "admin/templates/channels_bridge_admin/connections.html",
)

SERVER = ["-m", "django", "websockets_server", "--settings=settings", "--pythonpath=."]


def main() -> None:
    """Make a project, serve it on two workers, talk to it, stop it."""
    clone = Path(__file__).resolve().parent.parent
    package = Path(channels_bridge.__file__).parent
    assert not package.is_relative_to(clone / "channels_bridge")
    assert [name for name in STATIC if not (package / name).is_file()] == []
    with tempfile.TemporaryDirectory() as directory:
        Path(directory, "settings.py").write_text(SETTINGS)
        Path(directory, "project.py").write_text(PROJECT)
        command = [sys.executable, "-u", *SERVER, "-b", "127.0.0.1:0", "-w", "2"]
        with subprocess.Popen(command, cwd=directory, stdout=subprocess.PIPE, text=True) as server:
            try:
                round_trip(server)
            finally:
                server.terminate()
        assert server.returncode == 0, f"exit code {server.returncode}"
    print(f"channels_bridge {channels_bridge.__version__} works where it is installed")


def round_trip(server: subprocess.Popen[str]) -> None:
    """Read the server's address and send one message through a group."""
    assert server.stdout is not None
    for line in server.stdout:
        if match := re.match(r"Listening at http://(\S+)/", line):
            with connect(f"ws://{match[1]}/") as websocket:
                websocket.send("hello")
                assert websocket.recv(10) == "hello"
            return
    raise SystemExit("the server ended before it listened")


if __name__ == "__main__":
    main()
