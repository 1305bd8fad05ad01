"""Mistakes of newcomers: each is answered with a sentence that says what to do.

The tables are all kinds of mistakes that are known: those that a start ends with, those that a
running server tells of, and, in ``SHOWN``, those whose answers other tests show.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from compat_tests.clients.raw_bytes import HANDSHAKE
from compat_tests.engine import DEADLINE
from compat_tests.servers import Server, run_python, websockets_server

TESTS = Path(__file__).parents[1]

GRPC = '"channels_bridge.layers.GrpcChannelLayer"'
NATS = '"channels_bridge.layers.NatsChannelLayer"'
MEMORY = '"channels.layers.InMemoryChannelLayer"'

SETTINGS = """
SECRET_KEY = "x"
ALLOWED_HOSTS = ["127.0.0.1"]
ROOT_URLCONF = "urls"
INSTALLED_APPS = ["channels_bridge"]
ASGI_APPLICATION = "asgi.application"
CHANNEL_LAYERS = {"default": {"BACKEND": "channels_bridge.layers.GrpcChannelLayer"}}
"""

MANAGE = """
import os, sys
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "settings")
from django.core.management import execute_from_command_line
execute_from_command_line(sys.argv)
"""

ASGI = """
from django.core.asgi import get_asgi_application
http = get_asgi_application()

from channels.generic.websocket import AsyncWebsocketConsumer, WebsocketConsumer
from channels.routing import ProtocolTypeRouter, URLRouter
from channels.security.websocket import AllowedHostsOriginValidator
from django.urls import path

class Chat(AsyncWebsocketConsumer):
    async def receive(self, text_data=None, bytes_data=None):
        await self.channel_layer.send(self.channel_name, {"type": text_data})

    async def chat_message(self, event):
        await self.send("delivered")

    def chat_plain(self, event):
        pass

class AsyncInSync(WebsocketConsumer):
    async def receive(self, text_data=None, bytes_data=None):
        pass

routes = [
    path("ws/chat/", Chat.as_asgi()),
    path("ws/class/", Chat),
    path("/ws/slash/", Chat.as_asgi()),
    path("ws/sync/", AsyncInSync.as_asgi()),
]
websocket = AllowedHostsOriginValidator(URLRouter(routes))
application = ProtocolTypeRouter({"http": http, "websocket": websocket})
"""

WSGI = """
from django.core.wsgi import get_wsgi_application
application = get_wsgi_application()
"""


def write_project(directory: Path, settings: str = "") -> None:
    """A project whose settings end so."""
    files = {"settings": SETTINGS + settings, "manage": MANAGE, "asgi": ASGI, "wsgi": WSGI}
    for name, text in {**files, "urls": "urlpatterns = []"}.items():
        (directory / f"{name}.py").write_text(text)


SERVE = "websockets_server"


class Start(NamedTuple):
    """A start, or another command, that ends with an answer.

    Attributes:
        words: of the answer.
        arguments: what manage.py is given, besides an address to listen on if there is none.
        settings: what the settings end with.
        environ: variables.
        code: the exit code.
    """

    words: str
    arguments: str = SERVE
    settings: str = ""
    environ: Mapping[str, str] = {}
    code: int = 1

    def run(self, project: Path) -> subprocess.CompletedProcess[str]:
        """Run it in a project with these settings."""
        command, *options = self.arguments.split()
        if command == SERVE and "-b" not in options and "PORT" not in self.environ:
            options += ["-b", "127.0.0.1:0"]
        return run_python(project, "manage.py", command, *options, env=self.environ, code=None)


def layer(backend: str, config: str) -> str:
    """Settings with one layer."""
    return f'CHANNEL_LAYERS = {{"default": {{"BACKEND": {backend}, "CONFIG": {config}}}}}'


STARTS = {
    # Settings.
    "a layer without an alias": Start(
        "CHANNEL_LAYERS['BACKEND'] is where an alias has to be",
        settings=f'CHANNEL_LAYERS = {{"BACKEND": {GRPC}}}',
    ),
    "a CONFIG of None": Start("write a dictionary, or leave it out", settings=layer(GRPC, "None")),
    "hosts of Redis": Start(
        "remove it, as it is an option of channels_redis",
        settings=layer(GRPC, '{"hosts": [("127.0.0.1", 6379)]}'),
    ),
    "an address of Redis": Start(
        "is a URL of redis, which the hub does not use: remove it from CONFIG",
        settings=layer(GRPC, '{"address": "redis://:secret@127.0.0.1:6379"}'),
    ),
    "an address with a scheme": Start(
        "an address has no scheme, write 127.0.0.1:8765",
        settings=layer(GRPC, '{"address": "http://127.0.0.1:8765"}'),
    ),
    "a hub on TCP without a token": Start(
        "a process needs a 'token' or a 'client_cert_file'",
        settings=layer(GRPC, '{"address": "127.0.0.1:8765"}'),
    ),
    "a hub on TCP without TLS": Start(
        "a hub on TCP needs a 'cert_file'",
        settings=layer(GRPC, '{"address": "127.0.0.1:8765", "token": "x" * 32}'),
    ),
    "NATS servers of another kind": Start(
        "write nats://host:port", settings=layer(NATS, '{"servers": ["redis://127.0.0.1"]}')
    ),
    "a type of another option": Start(
        "'capacity' must be a whole number above 0, not '100'",
        settings=layer(GRPC, '{"capacity": "100"}'),
    ),
    "a colon": Start(
        "a dot in place of the colon, as in 'asgi.application'",
        settings='ASGI_APPLICATION = "asgi:application"',
    ),
    "an application of wsgi.py": Start(
        "name the one in asgi.py", settings='ASGI_APPLICATION = "wsgi.application"'
    ),
    "a relative directory": Start(
        "write the absolute path of a directory", settings='WEBSOCKET_RUNTIME_DIR = "run"'
    ),
    "a misspelt option": Start(
        "did you mean 'workers'?", settings='WEBSOCKETS_SERVER = {"worker": 4}'
    ),
    # Options.
    "another server's options": Start(
        "-p of Daphne: write -b HOST:PORT", f"{SERVE} -p 8000", code=2
    ),
    "an application as an argument": Start(
        "remove it; the setting ASGI_APPLICATION names", f"{SERVE} asgi:application", code=2
    ),
    "workers in words": Start("such as 4, or 0 for one per core", f"{SERVE} -w auto", code=2),
    "a port alone": Start("write 127.0.0.1:8000, or :8000 for every", f"{SERVE} -b 8000"),
    "an address without a port": Start(
        "the port is missing; write [::1]:8000", f"{SERVE} -b [::1]"
    ),
    "a URL": Start("no scheme; write 127.0.0.1:8000", f"{SERVE} -b http://127.0.0.1:8000/"),
    "a path alone": Start("write unix:/tmp/x.sock", f"{SERVE} -b /tmp/x.sock"),
    "metrics at a port": Start("write 127.0.0.1:9090", f"{SERVE} --metrics 9090"),
    "a certificate that is not there": Start(
        "name a PEM file that this user may read", f"{SERVE} --ssl-certfile no.pem"
    ),
    "a key without a certificate": Start("needs --ssl-certfile", f"{SERVE} --ssl-keyfile no.pem"),
    "a limit that all pass": Start("allow twice that", f"{SERVE} --workers-max-rss 1"),
    # The environment.
    "a misspelt variable": Start(
        "did you mean WEBSOCKETS_SERVER_WORKERS?", environ={"WEBSOCKETS_SERVER_WORKER": "4"}
    ),
    "a port in words": Start("correct it, or give an address with -b", environ={"PORT": "http"}),
    # Other commands.
    "a hub for a layer that is not there": Start(
        "name another with --layer; there is 'default'", "websockets_hub --layer chat"
    ),
    "status without a server": Start("is found with --server PATH", "websockets_status"),
    "closing over a layer in memory": Start(
        "set its BACKEND to channels_bridge.layers.GrpcChannelLayer",
        "websockets_close --user 1",
        settings=layer(MEMORY, "{}"),
    ),
}


@pytest.mark.parametrize("mistake", STARTS.values(), ids=STARTS)
def test_commands(socket_dir, mistake):
    """One sentence and no traceback, whichever command it is."""
    write_project(socket_dir, mistake.settings)
    done = mistake.run(socket_dir)
    assert done.returncode == mistake.code, done.stderr
    assert mistake.words in done.stderr
    assert "Traceback" not in done.stderr


# A server that has started.


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[Server]:
    """One that serves a project full of mistakes, on two workers."""
    project = tmp_path_factory.mktemp("mistaken")
    write_project(project, layer(MEMORY, "{}"))
    with websockets_server(project, workers=2) as running:
        yield running


def talk(server: Server, text: str, path: str = "/ws/chat/") -> str:
    """What comes back for a text."""
    with connect(server.ws_url + path, origin=server.url, proxy=None) as websocket:
        websocket.send(text)
        answer = websocket.recv(DEADLINE)
        assert isinstance(answer, str)
        return answer


@pytest.mark.parametrize(
    "words",
    [
        "channel layer 'default' is InMemoryChannelLayer, whose groups stay within one of the 2",
        "over InMemoryChannelLayer, within each worker (what Celery or cron send is lost)",
        "the route 'ws/class/' leads to a class: write Chat.as_asgi()",
        "the route '/ws/slash/' never matches, as there is no slash before paths",
        "asgi.AsyncInSync.receive() is async, but nothing awaits it",
    ],
)
def test_what_is_said_at_the_start(server, words):
    """What will go wrong with each connection is said once, before there are any."""
    assert server.log().count(words) == 1


def test_what_works(server):
    """A project with mistakes is served as far as it goes."""
    assert talk(server, "chat.message") == "delivered"


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("chat.mesage", "asgi.Chat has no method chat_mesage(); did you mean chat_message()?"),
        ("_chat", 'names the method of the consumer that gets it: "chat.message"'),
        ("chat.plain", "asgi.Chat.chat_plain() is not async, but is awaited"),
    ],
)
def test_messages_that_no_handler_takes(server, kind, words):
    """The client gets 1011, the log says which handler was meant."""
    with pytest.raises(ConnectionClosed) as closed:
        talk(server, kind)
    assert closed.value.rcvd.code == 1011
    server.wait_for_log(words)


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        ("/ws/chat", 404, "Not Found: /ws/chat; there is a route for /ws/chat/"),
        ("/ws/slash/", 404, "Not Found: /ws/slash/"),
        ("/ws/class/", 500, "Exception in ASGI application: WebSocket /ws/class/"),
    ],
)
def test_paths_that_are_not_served(server, path, status, words):
    """A handshake is refused, and the log says why."""
    with pytest.raises(InvalidStatus) as refused:
        talk(server, "chat.message", path)
    assert refused.value.response.status_code == status
    server.wait_for_log(words)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (
            HANDSHAKE.replace(b"Upgrade: websocket\r\n", b""),
            "the proxy in front keeps WebSockets from working",
        ),
        (b"\x16\x03\x01\x00\x05hello", "it begins TLS, which is not spoken here"),
        (
            HANDSHAKE.replace(b"\r\n\r\n", b"\r\nOrigin: http://elsewhere\r\n\r\n"),
            "'http://elsewhere' was denied: that origin is not in ALLOWED_HOSTS. Add 'elsewhere'",
        ),
    ],
)
def test_requests_that_are_not_served(server, data, words):
    """A proxy or a page that is not set up for WebSockets is told from a bad client."""
    with server.connect() as client:
        client.sendall(data)
        assert client.recv(1)
    server.wait_for_log(words)


def test_a_runserver_that_is_not_ours(socket_dir):
    """Without the application all commands are Django's; ours says what is missing."""
    write_project(socket_dir, "INSTALLED_APPS = []")
    done = run_python(socket_dir, "-m", "channels_bridge", code=1)
    assert 'INSTALLED_APPS does not have "channels_bridge"' in done.stderr
    code = (
        "import sys, django; sys.argv[:] = ['manage.py', 'runserver']; django.setup();"
        " from channels.layers import get_channel_layer; get_channel_layer()"
    )
    done = run_python(socket_dir, "-c", code, env={"DJANGO_SETTINGS_MODULE": "settings"})
    assert "This runserver takes no WebSockets" in done.stderr


#: What else there is: the files of tests, and in each which test shows how a mistake is answered.
SHOWN = {
    "test_checks.py": {
        "a misspelt layer": "test_backend_that_cannot_be_imported",
        "no ASGI_APPLICATION": "test_nothing_to_serve",
        "another runserver before ours": "test_runserver_is_not_ours",
        "a host that is unknown": "test_what_groups_run_over",
        "no uvicorn": "test_http_extra_missing",
        "a newer uvicorn": "test_uvicorn_is_too_new",
        "a misspelt setting": "test_misspelt_setting",
        "layers that meet": "test_layers_that_share_groups",
        "no layer named default": "test_no_default_layer",
    },
    "test_bad_input.py": {
        "an application that is not there": "test_settings",
        "code that fails": "test_code_that_cannot_be_imported",
        "addresses that cannot be had": "test_bind",
        "an address given twice": "test_duplicate_bind",
        "a port in use": "test_occupied_port",
        "a socket in use": "test_occupied_unix_socket",
        "a port below 1024": "test_privileged_port",
        "a forbidden directory": "test_forbidden_directory",
        "another user's directory": "test_hub_of_another_user",
        "numbers that cannot be meant": "test_numbers",
    },
    "test_program.py": {
        "a misspelt application": "test_an_application_that_is_misspelt",
        "another environment's Python": "test_settings_that_fail",
        "another directory, or settings": "test_mistakes",
    },
    "test_places.py": {
        "a read-only file system": "test_what_needs_a_directory",
        "another TMPDIR": "test_other_settings_and_temporary_files",
    },
    "project/test_startup_advice.py": {
        "no application, but a layer": "test_an_application_that_is_missing",
        "other settings than asgi.py's": "test_other_settings_than_before",
        "DEBUG for strangers": "test_debug_for_strangers",
    },
    "project/foreign/test_foreign_command_line.py": {
        "other servers' options": "test_options_of_other_servers",
    },
    "common/test_open_files.py": {
        "few open files": "test_a_server",
    },
    "server/test_listen.py": {
        "a socket that a killed server left": "test_stale_unix_socket_is_replaced",
    },
    "server/test_tls.py": {
        "a client without TLS": "test_a_client_without_tls",
    },
    "server/supervisor/test_supervisor.py": {
        "Ctrl-C, again and again": "test_second_signal_shortens",
    },
    "server/monitoring/test_status.py": {
        "several servers": "test_several_servers",
    },
    "groups/test_credentials.py": {
        "another user's socket": "test_socket_of_another_user",
    },
    "groups/discovery/test_other_hubs.py": {
        "another user's server": "test_server_of_another_user",
    },
    "groups/discovery/test_hub_absence.py": {
        "a sender without a hub": "test_groups_work_within_the_process",
    },
    "runloop/test_handler_mistakes.py": {
        "a connect() that is not async": "test_a_plain_connect",
    },
    "surface/test_testing.py": {
        "a database in memory": "test_in_memory",
    },
}


@pytest.mark.parametrize("file", SHOWN)
def test_other_mistakes_are_tested(file):
    """The table names tests that there are."""
    text = (TESTS / file).read_text()
    for name in SHOWN[file].values():
        assert re.search(rf"^(async )?def {name}\(", text, re.MULTILINE), name
