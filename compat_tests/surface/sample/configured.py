"""A project whose settings are in no module: a server process takes them from its parent."""

import os

from django.conf import settings

if __name__ == "__main__":
    settings.configure(
        SECRET_KEY="for tests only",
        GREETING="configured",
        DIRECTORY=os.environ["LIVE_DIRECTORY"],
        CHANNEL_LAYERS={"default": {"BACKEND": "channels_bridge.layers.LocalChannelLayer"}},
    )

    from live import asgi
    from websockets.sync.client import connect

    from channels_bridge.testing import ServerProcess
    from channels_bridge.testing.live import stop, wait_until_ready

    process = ServerProcess("127.0.0.1", asgi.get_application)
    process.start()
    with connect(f"ws://127.0.0.1:{wait_until_ready(process)}") as websocket:
        websocket.send("greeting")
        print(websocket.recv(10))
    stop(process)
