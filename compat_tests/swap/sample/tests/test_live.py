"""The desk as browsers see it: served, with its static files and a database of its own."""

import urllib.request
from contextlib import closing
from unittest import mock

from channels.testing import ChannelsLiveServerTestCase
from django.contrib.auth import get_user_model
from django.core.exceptions import ImproperlyConfigured
from django.test import Client
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect


class LiveTests(ChannelsLiveServerTestCase):
    """Pages, sessions and WebSockets of a server that is started by the tests."""

    def request(self, path, data=None, cookie=""):
        request = urllib.request.Request(self.live_server_url + path, data, {"Cookie": cookie})
        with urllib.request.urlopen(request, timeout=10) as response:
            return response.status, response.read().decode()

    def socket(self, path, **headers):
        headers = {"Origin": self.live_server_url, **headers}
        origin = headers.pop("Origin")
        url = f"{self.live_server_ws_url}/ws{path}"
        return connect(url, origin=origin, additional_headers=headers, open_timeout=10)

    def log_in(self, **fields):
        """Log in here; the server finds the session in the database."""
        user = get_user_model().objects.create_user("ann", password="secret", **fields)
        client = Client()
        client.force_login(user)
        return f"sessionid={client.cookies['sessionid'].value}"

    def test_page(self):
        """A page knows who is logged in."""
        self.assertEqual(self.request("/who/", cookie=self.log_in()), (200, "ann"))

    def test_static_file(self):
        """Static files are served."""
        self.assertIn("margin", self.request("/static/desk/desk.css")[1])

    def test_export(self):
        """A streamed page arrives whole."""
        self.assertEqual(self.request("/export/?2", b"x"), (200, "0,x\n1,x\nend\n"))

    def test_staff(self):
        """Staff may connect, others may not; both are in the tests' database."""
        cookie = self.log_in(is_staff=True)
        with self.socket("/staff/", Cookie=cookie) as websocket:
            self.assertEqual(websocket.recv(10), "1 accounts")
        with self.assertRaises(InvalidStatus), self.socket("/staff/"):
            pass

    def test_foreign_origin(self):
        """Other sites' pages may not connect."""
        with self.assertRaises(InvalidStatus), self.socket("/tickets/", Origin="http://evil.x"):
            pass

    def test_groups(self):
        """Two sockets share a ticket."""
        with self.socket("/tickets/") as first, self.socket("/tickets/") as second:
            for websocket in (first, second):
                websocket.send('{"do": "follow", "ticket": 1}')
                websocket.recv(10)
            first.send('{"do": "comment", "ticket": 1, "text": "hello"}')
            for websocket in (first, second):
                self.assertEqual(websocket.recv(10), '{"ticket": 1, "comment": "hello"}')

    def test_long_poll(self):
        """A page ends when something happens on a socket."""
        with closing(urllib.request.urlopen(f"{self.live_server_url}/wait/", timeout=10)) as page:
            self.assertEqual(page.readline(), b"waiting\n")
            with self.socket("/tickets/") as websocket:
                websocket.send('{"do": "close", "ticket": 9}')
            self.assertEqual(page.read(), b"9\n")

    def test_shared_database(self):
        """A database in memory is refused: the server could not see it."""
        with (
            mock.patch.object(LiveTests, "_is_in_memory_db", return_value=True),
            self.assertRaisesMessage(ImproperlyConfigured, "in memory databases"),
        ):
            LiveTests.setUpClass()
