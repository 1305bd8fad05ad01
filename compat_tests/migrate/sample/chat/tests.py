import json
from urllib.request import urlopen

from channels.testing import ChannelsLiveServerTestCase
from websockets.sync.client import connect


class ChatTests(ChannelsLiveServerTestCase):
    serve_static = True

    def open(self, room):
        url = f"{self.live_server_ws_url}/ws/chat/{room}/"
        return connect(url, origin=self.live_server_url, proxy=None)

    def test_same_room(self):
        with self.open("one") as first, self.open("one") as second:
            first.send(json.dumps({"message": "hello"}))
            self.assertEqual(json.loads(second.recv(20)), {"message": "hello"})
            self.assertEqual(json.loads(first.recv(20)), {"message": "hello"})

    def test_other_room(self):
        with self.open("one") as first, self.open("two") as second:
            first.send(json.dumps({"message": "hello"}))
            second.send(json.dumps({"message": "world"}))
            self.assertEqual(json.loads(second.recv(20)), {"message": "world"})

    def test_page(self):
        with urlopen(f"{self.live_server_url}/chat/one/") as page:
            self.assertIn(b"WebSocket", page.read())
