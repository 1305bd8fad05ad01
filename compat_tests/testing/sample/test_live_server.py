"""The live server's fixture."""

import json

import pytest
from websockets.sync.client import connect


@pytest.mark.parametrize("number", [1, 2])
def test_served(channels_live_server, number):
    with connect(f"{channels_live_server.ws_url}/counter/{number}/") as websocket:
        websocket.send('"tea"')
        assert json.loads(websocket.recv(10)) == ["tea", f"/counter/{number}/"]
