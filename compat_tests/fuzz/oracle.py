"""The oracle: what ``websockets`` itself makes of what a client sends, in pieces of any size."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from websockets.client import ClientProtocol
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory
from websockets.frames import CloseCode, Frame, Opcode
from websockets.server import ServerProtocol
from websockets.uri import parse_uri

from channels_bridge.server.websocket.frames import DEFLATE
from compat_tests.fuzz.wire import MAX_SIZE

DATA = {Opcode.TEXT, Opcode.BINARY, Opcode.CONT}

Message = str | bytes


@dataclass
class Outcome:
    """How it goes for a client.

    Attributes:
        messages: what the application gets of it.
        pongs: what its pings are answered with.
        code: of the server's close frame; None where the connection stays open.
    """

    messages: list[Message] = field(default_factory=list)
    pongs: list[bytes] = field(default_factory=list)
    code: int | None = None


def foresee(handshake: bytes, pieces: Iterable[bytes]) -> Outcome:
    """Say what a server does that reads these pieces after a handshake.

    Each piece is read by the protocol as a whole, before the text in it is looked at.
    """
    protocol = ServerProtocol(extensions=[DEFLATE], max_size=MAX_SIZE)
    protocol.receive_data(handshake)
    (request,) = protocol.events_received()
    protocol.send_response(protocol.accept(request))
    outcome, parts = Outcome(), Parts()
    for piece in pieces:
        protocol.receive_data(piece)
        try:
            _take(protocol, parts, outcome)
        except UnicodeDecodeError:
            protocol.fail(CloseCode.INVALID_DATA)  # unless it has closed before
        if protocol.close_sent is not None:
            outcome.code = protocol.close_sent.code
            break
    return outcome


def _take(protocol: ServerProtocol, parts: Parts, outcome: Outcome) -> None:
    frames = protocol.events_received()
    outcome.pongs += [bytes(frame.data) for frame in frames if frame.opcode is Opcode.PING]
    for frame in frames:
        if frame.opcode in DATA:
            outcome.messages += parts.add(frame)


class Parts:
    """Of a message."""

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


class Client:
    """A client's handshake, and how it understands what comes back."""

    def __init__(self, *, deflate: bool) -> None:
        extensions = [ClientPerMessageDeflateFactory()] if deflate else None
        self._protocol = ClientProtocol(parse_uri("ws://localhost/"), extensions=extensions)
        self._protocol.send_request(self._protocol.connect())
        self.handshake = b"".join(self._protocol.data_to_send())

    def understand(self, answer: bytes) -> Outcome:
        """What a server that echoes says."""
        self._protocol.receive_data(answer)
        assert self._protocol.handshake_exc is None
        outcome, parts = Outcome(), Parts()
        _, *frames = self._protocol.events_received()
        for frame in frames:
            if frame.opcode is Opcode.PONG:
                outcome.pongs.append(bytes(frame.data))
            elif frame.opcode in DATA:
                outcome.messages += parts.add(frame)
        assert self._protocol.parser_exc is None or isinstance(self._protocol.parser_exc, EOFError)
        if self._protocol.close_rcvd is not None:
            outcome.code = self._protocol.close_rcvd.code
        return outcome
