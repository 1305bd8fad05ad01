"""A server's bytes as a client understands them, by the sans-I/O protocol of ``websockets``."""

from __future__ import annotations

from websockets.client import ClientProtocol
from websockets.datastructures import Headers
from websockets.extensions import Extension
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory
from websockets.frames import Frame, Opcode
from websockets.http11 import Response
from websockets.typing import Subprotocol
from websockets.uri import parse_uri

from compat_tests.clients.raw_bytes import KEY

DATA = {Opcode.TEXT, Opcode.BINARY, Opcode.CONT}

Message = str | bytes


class Dialogue(ClientProtocol):
    """The client's side of one connection, which takes whatever a server agrees to.

    Pings and close frames are answered, see ``data_to_send()``. How the connection ended is in
    ``close_rcvd``, ``parser_exc`` and ``handshake_exc``.

    Args:
        deflate: whether messages may be compressed.

    Attributes:
        response: to the handshake, or to any other request, with its body.
        messages: whole ones, in order.
        pongs: payloads of those that came.
    """

    def __init__(self, *, deflate: bool = False) -> None:
        extensions = [ClientPerMessageDeflateFactory()] if deflate else None
        super().__init__(parse_uri("ws://localhost/"), extensions=extensions, max_size=None)
        self.key = KEY
        self.response: Response | None = None
        self.messages: list[Message] = []
        self.pongs: list[bytes] = []
        self._reassembly = Reassembly()

    def take(self, data: bytes) -> list[Message]:
        """Read bytes, or the end if there are none. Returns the messages that are complete now."""
        if data:
            self.receive_data(data)
        else:
            self.receive_eof()
        before = len(self.messages)
        for event in self.events_received():
            self._see(event)
        return self.messages[before:]

    def _see(self, event: Response | Frame) -> None:
        if isinstance(event, Response):
            self.response = event
        elif event.opcode is Opcode.PONG:
            self.pongs.append(bytes(event.data))
        elif event.opcode in DATA:
            self.messages += self._reassembly.add(event)

    def process_extensions(self, headers: Headers) -> list[Extension]:
        return super().process_extensions(headers) if self.available_extensions else []

    def process_subprotocol(self, headers: Headers) -> Subprotocol | None:
        return ", ".join(headers.get_all("Sec-WebSocket-Protocol")) or None


class Reassembly:
    """Puts a message together that comes in several frames."""

    def __init__(self) -> None:
        self._parts: list[Frame] = []

    def add(self, frame: Frame) -> list[Message]:
        """Returns the message that is complete now, if one is."""
        self._parts.append(frame)
        if not frame.fin:
            return []
        data = b"".join(part.data for part in self._parts)
        is_text = self._parts[0].opcode is Opcode.TEXT
        self._parts.clear()
        return [data.decode() if is_text else data]
