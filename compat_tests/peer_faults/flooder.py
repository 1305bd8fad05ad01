"""``python -m compat_tests.peer_faults.flooder URL SECONDS``: a client that sends what it can.

It says which worker it has got, sends once a line comes on stdin, and says how many messages went.
"""

from __future__ import annotations

import json
import sys
import time
from contextlib import suppress

from websockets.frames import Frame, Opcode
from websockets.sync.client import connect

SIZE = 1000  # bytes
BATCH = 100  # messages


def main(url: str, seconds: str) -> None:
    message = json.dumps({"do": "ignore", "text": "x" * SIZE}).encode()
    frames = Frame(Opcode.TEXT, message).serialize(mask=True) * BATCH
    with connect(url, compression=None, ping_interval=None) as connection:
        print(json.loads(connection.recv())["pid"], flush=True)
        sys.stdin.readline()
        sent, end = 0, time.monotonic() + float(seconds)
        with suppress(OSError):  # cut off
            while time.monotonic() < end:
                connection.socket.sendall(frames)
                sent += BATCH
        print(sent, flush=True)
        connection.socket.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
