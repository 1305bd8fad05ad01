"""CB4xx: what is found in code, and what is not."""

from __future__ import annotations

from pathlib import Path

import pytest

from compat_tests.migrate.trees import found, migration, settings

CONSUMER = "from channels.generic.websocket import AsyncWebsocketConsumer as Base\n"
LAYER = "from channels.layers import get_channel_layer\n\nlayer = get_channel_layer()\n"


def consumer(*lines: str) -> str:
    """Return a module with a consumer, whose class begins in line 5."""
    body = "".join(f"    {line}\n" for line in lines)
    return f"import time\n{CONSUMER}\n\nclass Chat(Base):\n{body}"


#: Files, and the rules, severities and lines that are found in them.
CODE = {
    "private": (f"{LAYER}layer.groups\n", [("CB401", "E", 4)]),
    "private of a consumer": (
        consumer("def f(self):", "    self.channel_layer._group_key('x')"),
        [("CB401", "E", 7)],
    ),
    "connection": (f"{LAYER}get_channel_layer().connection(0)\n", [("CB401", "E", 4)]),
    "public": (f"{LAYER}layer.group_send\nother.groups\n", []),
    "groups of a consumer": (consumer("groups = ['a']", "def f(self):", "    self.groups"), []),
    "channels_redis": ("from channels_redis.core import RedisChannelLayer\n", [("CB402", "I", 1)]),
    "date": (
        f"from django.utils import timezone\n{LAYER}layer.group_send('g', {{'type': 'x', "
        "'at': timezone.now()})\n",
        [("CB403", "I", 5)],
    ),
    "date by async_to_sync": (
        f"from datetime import datetime\n{LAYER}async_to_sync(layer.group_send)('g', "
        "{'type': 'x', 'at': [datetime.now()]})\n",
        [("CB403", "I", 5)],
    ),
    "date as text": (
        f"from django.utils import timezone\n{LAYER}layer.group_send('g', "
        "{'at': timezone.now().isoformat(), 'n': str(timezone.now())})\n",
        [],
    ),
    "sleep": (consumer("async def receive(self):", "    time.sleep(1)"), [("CB404", "W", 7)]),
    "sleep in a thread": (
        consumer("async def receive(self):", "    await to_thread(lambda: time.sleep(1))"),
        [],
    ),
    "sleep of a synchronous handler": (consumer("def receive(self):", "    time.sleep(1)"), []),
    "sleep elsewhere": ("import time\n\nasync def f():\n    time.sleep(1)\n", []),
    "other sleep": (
        f"from asyncio import sleep\n{CONSUMER}\n\nclass A(Base):\n    async def connect(self):\n"
        "        await sleep(1)\n",
        [],
    ),
    "state of a module": (
        f"{CONSUMER}\nonline = {{}}\n\nclass A(Base):\n    def connect(self):\n"
        "        online[1] = 2\n",
        [("CB405", "W", 3)],
    ),
    "constant of a module": (
        f"{CONSUMER}\nnames = {{}}\nnames['a'] = 1\n\nclass A(Base):\n    def connect(self):\n"
        "        names['a']\n",
        [],
    ),
    "state of a class": (
        consumer("users = []", "def connect(self):", "    self.users.append(1)"),
        [("CB405", "W", 6)],
    ),
    "state of an instance": (
        consumer(
            "users = []", "def connect(self):", "    self.users = []", "    self.users.append(1)"
        ),
        [],
    ),
    "long reason": (
        consumer("async def connect(self):", f"    await self.close(reason='{'é' * 62}')"),
        [("CB407", "E", 7)],
    ),
    "short reason": (
        consumer("async def connect(self):", f"    await self.close(reason='{'e' * 123}')"),
        [],
    ),
    "send of nothing": (
        consumer("async def f(self):", "    await self.send()"),
        [("CB407", "E", 7)],
    ),
    "odd message": (
        consumer("async def f(self):", "    await self.send({'type': 'websocket.ping'})"),
        [("CB407", "E", 7)],
    ),
    "client": (
        "def f(scope):\n    return scope['client'], scope.get('scheme')\n",
        [("CB408", "I", 2), ("CB408", "I", 2)],
    ),
    "client of something else": ("def f(kafka):\n    return kafka['client']\n", []),
    "daphne": ("from daphne.testing import DaphneProcess\n", [("CB409", "W", 1)]),
    "root path": ("PATH = b'Daphne-Root-Path'\n", [("CB409", "W", 1)]),
    "spec_version": ("def f(scope):\n    scope['asgi']['spec_version']\n", [("CB409", "W", 2)]),
    "channels 1": ("from channels import Group\n", [("CB411", "E", 1)]),
    "routes of channels 1": ("channel_routing = [route('http.request', f)]\n", [("CB411", "E", 1)]),
}


@pytest.mark.parametrize("name", CODE)
def test_code(tmp_path: Path, name: str) -> None:
    """A rule fires where the syntax tree shows it, and nowhere else."""
    text, expected = CODE[name]
    assert found(tmp_path, {"chat/consumers.py": text}) == expected


def test_consumers_of_the_project(tmp_path: Path) -> None:
    """A class that derives from a consumer of another file is one."""
    files = {
        "chat/base.py": f"{CONSUMER}\nclass Common(Base):\n    pass\n",
        "chat/live.py": "import time\nfrom chat.base import Common\n\nclass Chat(Common):\n"
        "    async def connect(self):\n        time.sleep(1)\n",
    }
    assert found(tmp_path, files) == [("CB404", "W", 6)]


def test_messages_in_memory(tmp_path: Path) -> None:
    """CB403: InMemoryChannelLayer took it, so it is an error of the new layer."""
    layer = 'CHANNEL_LAYERS = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}'
    code = f"import uuid\n{LAYER}layer.send('c', {{'id': uuid.uuid4()}})\n"
    assert ("CB403", "E", 5) in found(tmp_path, {**settings(layer), "chat/views.py": code})


@pytest.mark.parametrize(
    "body, expected",
    [
        ("threading.Thread(target=f).start()", [("CB406", "W", 6)]),
        ("jobs.start()", [("CB406", "W", 6)]),
        ("jobs.stop()", []),
        ("import chat.signals", []),
    ],
)
def test_ready(tmp_path: Path, body: str, expected: list[object]) -> None:
    """CB406: what ready() starts itself, or by a function of the project."""
    apps = (
        "import threading\nfrom chat import jobs\nfrom django.apps import AppConfig\n"
        f"class Chat(AppConfig):\n    def ready(self):\n        {body}\n"
    )
    jobs = "def start():\n    BackgroundScheduler().start()\n\n\ndef stop():\n    pass\n"
    assert found(tmp_path, {"chat/apps.py": apps, "chat/jobs.py": jobs}) == expected


def test_proxy_headers(tmp_path: Path) -> None:
    """CB408 is a warning where Daphne was told to believe every peer."""
    files = {
        "chat/views.py": "def f(scope):\n    scope['client']\n",
        "run.sh": "some-server --proxy-headers\n",
    }
    assert found(tmp_path, files) == [("CB408", "W", 2)]


def test_asgi(tmp_path: Path) -> None:
    """CB410: routes before Django, and no check of origins."""
    text = (
        "import chat.routing\nfrom channels.routing import ProtocolTypeRouter, URLRouter\n"
        "from django.core.asgi import get_asgi_application\n\n"
        "application = ProtocolTypeRouter({'http': get_asgi_application(), 'websocket': "
        "URLRouter([])})\n"
    )
    assert found(tmp_path, {"mysite/asgi.py": text}) == [("CB410", "I", 1), ("CB410", "I", 5)]


@pytest.mark.parametrize(
    "comment", ["# channels_bridge: ignore[CB409]", "# channels_bridge: ignore[CB404, CB409]"]
)
def test_meant(tmp_path: Path, comment: str) -> None:
    """A comment on the line says that it is meant, for the rules that it names."""
    files = {"a.py": f"import daphne.server  {comment}\nimport daphne.cli  # ignore[CB409]\n"}
    assert [f.line for f in migration(tmp_path, files).findings] == [2]


def test_selected(tmp_path: Path) -> None:
    """Rules count by the beginnings of their ids."""
    files = {"a.py": "import daphne.server\nfrom channels import Group\n"}
    assert found(tmp_path, files, select=("CB41",)) == [("CB411", "E", 2)]
    assert found(tmp_path, files, ignore=("CB41",)) == [("CB409", "W", 1)]
