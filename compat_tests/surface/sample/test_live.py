"""Live servers, as the tests of projects use them."""

from pathlib import Path
from pickle import PicklingError

import channels.testing
import pytest
from asgiref.sync import async_to_sync
from django.conf import settings
from django.contrib.auth.models import User
from django.test import override_settings
from live import asgi
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from channels_bridge.layers import get_channel_layer
from channels_bridge.testing import ChannelsLiveServerTestCase, ServerProcess
from channels_bridge.testing.live import stop, wait_until_ready


def ask(url, question):
    with connect(url) as websocket:
        websocket.send(question)
        return websocket.recv(10)


class Tests(ChannelsLiveServerTestCase):
    """A live server, with the settings and the database of the tests."""

    def test_settings(self):
        """The server has the settings of its module, and the tests' database."""
        User.objects.create_user("ann")
        self.assertEqual(ask(self.live_server_ws_url, "greeting"), "hello")
        self.assertEqual(ask(self.live_server_ws_url, "users"), "1")


@override_settings(GREETING="good evening")
class OverriddenTests(ChannelsLiveServerTestCase):
    def test_overridden(self):
        """Settings that the class overrides are overridden in the server too."""
        self.assertEqual(ask(self.live_server_ws_url, "greeting"), "good evening")


@pytest.mark.skipif(
    channels.__version__.startswith("4.2."), reason="it is older than Django 5.2, and fails there"
)
class ChannelsTests(channels.testing.ChannelsLiveServerTestCase):
    """Channels' own class, whose server may be ours."""

    ProtocolServerProcess = ServerProcess

    def test_database(self):
        """It has the tests' database, also as Channels 4.3 sets it once more."""
        User.objects.create_user("ann")
        self.assertEqual(ask(self.live_server_ws_url, "users"), "1")


def test_fixture(channels_live_server):
    """The fixture serves pages and sockets, on the tests' database."""
    User.objects.create_user("ann")
    assert channels_live_server.url == f"http://localhost:{channels_live_server.port}"
    assert ask(channels_live_server.ws_url, "users") == "1"


def test_fixture_again(channels_live_server):
    """The next test begins with an empty database."""
    assert ask(channels_live_server.ws_url, "users") == "0"


def test_processes(channels_live_server):
    """What the application does with processes works as in any other process."""
    expected = "([1], [2], 'MainProcess', 'False')"
    assert ask(channels_live_server.ws_url, "processes") == expected


def test_group(channels_live_server):
    """A test may send to the groups of consumers: the server brings a hub of its own.

    So no other server of the project is reached, nor from tests that don't use this one.
    """
    with connect(channels_live_server.ws_url) as websocket:
        websocket.send("greeting")
        websocket.recv(10)
        message = {"type": "said", "text": "to everyone"}
        async_to_sync(get_channel_layer().group_send)("everyone", message)
        assert websocket.recv(10) == "to everyone"
    assert not Path(settings.DIRECTORY, "groups.sock").exists()


def test_no_group(request):
    """Without it, a test has groups of its own, whatever was served to tests before."""
    server = request.getfixturevalue("_channels_bridge_live_server")
    with connect(server.ws_url) as websocket:
        websocket.send("greeting")
        websocket.recv(10)
        message = {"type": "said", "text": "to everyone"}
        async_to_sync(get_channel_layer().group_send)("everyone", message)
        websocket.send("greeting")
        assert websocket.recv(10) == "hello"


@pytest.fixture
def start(transactional_db):
    """Starts server processes, and ends them."""
    processes = []

    def start(get_application, **options):
        process = ServerProcess("127.0.0.1", get_application, **options)
        process.start()
        processes.append(process)
        return process

    yield start
    for process in processes:
        stop(process)


def test_end(start):
    """A server that is ended tells its consumers and clients, and exits with 0."""
    process = start(asgi.get_application)
    with connect(f"ws://127.0.0.1:{wait_until_ready(process)}") as websocket:
        websocket.send("greeting")
        websocket.recv(10)
        process.terminate()
        with pytest.raises(ConnectionClosed) as closed:
            websocket.recv(10)
    assert closed.value.rcvd.code == 1001
    process.join(10)
    assert process.exitcode == 0
    assert Path(settings.DIRECTORY, "disconnected").read_text() == "1001"


def test_limits(start):
    """The server's limits may be set."""
    process = start(asgi.get_application, kwargs={"max_message_size": 8})
    with connect(f"ws://127.0.0.1:{wait_until_ready(process)}") as websocket:
        websocket.send("much too long")
        with pytest.raises(ConnectionClosed) as closed:
            websocket.recv(10)
    assert closed.value.rcvd.code == 1009


@pytest.mark.parametrize(
    ("get_application", "error", "text"),
    [
        (asgi.get_none, LookupError, "no application today"),
        (asgi.get_awkward, RuntimeError, "AwkwardError: awkward"),
    ],
)
def test_failure(start, get_application, error, text):
    """A server that can't start leaves its error, of whatever kind, and its traceback."""
    process = start(get_application)
    found, traceback = process.errors.get(timeout=20)
    assert isinstance(found, error)
    assert text in str(found)
    assert get_application.__name__ in traceback
    process.errors.put((found, traceback))
    with pytest.raises(RuntimeError, match=f"Server stopped:(?s:.*){get_application.__name__}"):
        wait_until_ready(process)


def test_local_function():
    """What can't be imported in the server's process is refused before it is started."""
    refused = (AttributeError, PicklingError)  # the latter from Python 3.14 on
    with pytest.raises(refused, match="local object|local function|Can't"):
        ServerProcess("127.0.0.1", lambda: None)
