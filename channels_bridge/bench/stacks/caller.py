"""A process that sends to groups from outside the server.

``python -m channels_bridge.bench.stacks.caller PORT HOW`` takes lines from one client, each a
message of the chat, and sends them one by one. HOW is "thread", straight from a thread, or "view",
by Django's handling of a request to a view, as a WSGI server would call it.
"""

from __future__ import annotations

import json
import socket
import sys
from collections.abc import Callable
from io import BytesIO
from wsgiref.util import setup_testing_defaults

import django


def by_thread() -> Callable[[str, str], None]:
    """Send as code in any thread does."""
    from channels_bridge.bench.project.views import send

    return send


def by_view() -> Callable[[str, str], None]:
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


def serve(listener: socket.socket, send: Callable[[str, str], None]) -> None:
    """Send what clients say, one after another: the first only looks whether somebody listens."""
    while True:
        client, _ = listener.accept()
        with client, client.makefile() as lines:
            for line in lines:
                fields = json.loads(line)
                send(f"chat_{fields['room']}", fields["message"])


def main() -> None:
    """Serve until the process is ended."""
    port, how = sys.argv[1:]
    django.setup()
    send = {"thread": by_thread, "view": by_view}[how]()
    serve(socket.create_server(("127.0.0.1", int(port))), send)


if __name__ == "__main__":
    main()
