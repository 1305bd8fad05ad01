"""A project of one script: its settings are in no module, and nothing guards its last line."""

from __future__ import annotations

import sys
from pathlib import Path

from websockets.sync.client import connect

from compat_tests.servers import BRIDGE_READY, running

SCRIPT = """
import threading
from django.conf import settings
from django.core.management import call_command

settings.configure(
    SECRET_KEY="for tests only",
    ALLOWED_HOSTS=["127.0.0.1"],
    INSTALLED_APPS=["channels_bridge", "django.contrib.contenttypes", "django.contrib.auth"],
    ASGI_APPLICATION="pages.application",
    CHANNEL_LAYERS={"default": {"BACKEND": "channels_bridge.layers.GrpcChannelLayer"}},
    GREETING="hello",
)
import django
django.setup()
threading.Thread(target=threading.Event().wait, daemon=True).start()
call_command("websockets_server", bind=["127.0.0.1:0"], workers=2)
print("the script goes on", flush=True)
"""

PAGES = """
from channels.generic.websocket import AsyncWebsocketConsumer
from channels.routing import ProtocolTypeRouter
from django.conf import settings
from django.contrib.auth.models import User

class Greeting(AsyncWebsocketConsumer):
    async def connect(self):
        await self.accept()
        await self.send(f"{settings.GREETING} {User._meta.label}")

application = ProtocolTypeRouter({"http": None, "websocket": Greeting.as_asgi()})
"""


def test_a_script_without_a_guard(socket_dir: Path):
    """It starts one server, whose workers have its settings; and it goes on when that has ended."""
    (socket_dir / "script.py").write_text(SCRIPT)
    (socket_dir / "pages.py").write_text(PAGES)
    env = {"TMPDIR": str(socket_dir)}
    with running([sys.executable, "script.py"], socket_dir, BRIDGE_READY, env=env) as server:
        with connect(server.ws_url, proxy=None) as websocket:
            assert websocket.recv(10) == "hello auth.User"
        assert server.stop() == 0
        assert server.log().count("Listening at") == 1
        assert "the script goes on" in server.log()
