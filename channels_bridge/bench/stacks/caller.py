"""A process that sends to groups from outside the server.

``python -m channels_bridge.bench.stacks.caller PORT HOW`` takes lines from one client, each a
message of the chat for one room or for many, and sends them. HOW is

- "thread": one by one, by ``async_to_sync`` straight from a thread,
- "nothing": the same, beside calls of ``async_to_sync`` that do nothing, to see what they cost,
- "view": by Django's handling of a request to a view, as a WSGI server would call it,
- "threads": from eight threads at once, a room in one of them,
- "api": by this package's functions for synchronous code.
"""

from __future__ import annotations

import json
import socket
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from wsgiref.util import setup_testing_defaults

import django
from asgiref.sync import async_to_sync

from channels_bridge.bench.loads.loads import NOTHINGS

THREADS = 8

Send = Callable[[str, str], None]


def by_thread() -> Send:
    """Send as code in any thread does."""
    from channels_bridge.bench.project.views import send

    return send


def beside_nothing() -> Send:
    """Send so, and call what does nothing."""
    send_only = by_thread()

    async def nothing() -> None:
        pass

    def send(group: str, message: str) -> None:
        for _ in range(NOTHINGS):
            async_to_sync(nothing)()
        send_only(group, message)

    return send


def by_threads() -> Send:
    """Send so from several threads; the messages of a group stay in order."""
    send_only = by_thread()
    threads = [ThreadPoolExecutor(1) for _ in range(THREADS)]

    def send(group: str, message: str) -> None:
        threads[int(group.rpartition("_")[2]) % THREADS].submit(send_only, group, message)

    return send


def by_api() -> Send:
    """Send by what this package has for synchronous code."""
    from channels_bridge.sending import group_send

    def send(group: str, message: str) -> None:
        group_send(group, {"type": "chat.message", "message": message})

    return send


def send_to_all(rooms: int, message: str) -> None:
    """Send one message to many groups."""
    from channels_bridge.sending import group_send_many

    groups = [f"chat_{room}" for room in range(rooms)]
    group_send_many(groups, {"type": "chat.message", "message": message})


def by_view() -> Send:
    """Send by a request to a view, without a server in between."""
    from django.core.handlers.wsgi import WSGIHandler

    handler = WSGIHandler()

    def send(group: str, message: str) -> None:
        body = json.dumps({"group": group, "message": message}).encode()
        handler(post("/send/", body), start_response).close()

    return send


def post(path: str, body: bytes) -> dict[str, object]:
    """The environment of a request, as WSGI has it."""
    environ: dict[str, object] = {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": path,
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.input": BytesIO(body),
    }
    setup_testing_defaults(environ)
    return environ


def start_response(
    status: str, headers: object, exc_info: object = None, /
) -> Callable[[bytes], object]:
    """Take the head of a response; the body is empty."""
    if not status.startswith("2"):
        raise RuntimeError(status)
    return bytes


HOWS = {
    "thread": by_thread,
    "nothing": beside_nothing,
    "view": by_view,
    "threads": by_threads,
    "api": by_api,
}


def serve(listener: socket.socket, send: Send) -> None:
    """Send what clients say, one after another: the first only looks whether somebody listens."""
    while True:
        client, _ = listener.accept()
        with client, client.makefile() as lines:
            for line in lines:
                fields = json.loads(line)
                if "rooms" in fields:
                    send_to_all(fields["rooms"], fields["message"])
                else:
                    send(f"chat_{fields['room']}", fields["message"])


def main() -> None:
    """Serve until the process is ended."""
    port, how = sys.argv[1:]
    django.setup()
    serve(socket.create_server(("127.0.0.1", int(port))), HOWS[how]())


if __name__ == "__main__":
    main()
