"""Starts a server, says which, and waits to be killed."""

import time

import django
from live import asgi

from channels_bridge.testing import ServerProcess
from channels_bridge.testing.live import wait_until_ready

if __name__ == "__main__":
    django.setup()
    process = ServerProcess("127.0.0.1", asgi.get_application)
    process.start()
    wait_until_ready(process)
    print(process.pid, flush=True)
    time.sleep(60)
