"""A bare native server, for what the same work costs without Django, as the floor of a comparison.

``python -m channels_bridge.bench.stacks.picows_server PORT WORK`` keeps groups in a dict. With the
work "json" it does what the measured application does: parse a message, write one for each member.
With "frames" it sends on what it got.
"""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from collections.abc import Callable

from picows import WSFrame, WSListener, WSMsgType, WSTransport, WSUpgradeRequest, ws_create_server
from uvloop import run

Members = list[WSTransport]


def send_json(members: Members, payload: bytes) -> None:
    """Parse a message, and write it anew for each member."""
    message = json.loads(payload)["message"]
    for transport in members:
        transport.send(WSMsgType.TEXT, json.dumps({"message": message}).encode())


def send_frames(members: Members, payload: bytes) -> None:
    """Send each member what came."""
    for transport in members:
        transport.send(WSMsgType.TEXT, payload)


WORK: dict[str, Callable[[Members, bytes], None]] = {"json": send_json, "frames": send_frames}


class Connection(WSListener):
    """A member of one group, or of none if it is served as an echo.

    Args:
        work: what is done with a message.
        members: all members of its group; None for an echo.
    """

    def __init__(self, work: Callable[[Members, bytes], None], members: Members | None) -> None:
        self.work = work
        self.members = members

    def on_ws_connected(self, transport: WSTransport) -> None:
        """Called by picows once the connection is open."""
        if self.members is None:
            self.members = [transport]
        else:
            self.members.append(transport)

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        """Called by picows for each frame."""
        if frame.msg_type == WSMsgType.TEXT and self.members is not None:
            self.work(self.members, frame.get_payload_as_bytes())


async def serve(port: int, work: str) -> None:
    """Serve until the process is ended."""
    groups: defaultdict[bytes, Members] = defaultdict(list)

    def connect(request: WSUpgradeRequest) -> Connection:
        echoes = request.path.startswith(b"/ws/echo/")
        return Connection(WORK[work], None if echoes else groups[request.path])

    server = await ws_create_server(connect, "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    run(serve(int(sys.argv[1]), sys.argv[2]))
