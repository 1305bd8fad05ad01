"""The oracle: what ``websockets`` itself makes of what a client sends, in pieces of any size."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from websockets.frames import CloseCode, Opcode
from websockets.server import ServerProtocol

from channels_bridge.server.websocket.frames import DEFLATE
from compat_tests.clients.dialogue import DATA, Dialogue, Message, Reassembly
from compat_tests.fuzz.wire import MAX_SIZE


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
    outcome, parts = Outcome(), Reassembly()
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


def _take(protocol: ServerProtocol, parts: Reassembly, outcome: Outcome) -> None:
    frames = protocol.events_received()
    outcome.pongs += [bytes(frame.data) for frame in frames if frame.opcode is Opcode.PING]
    for frame in frames:
        if frame.opcode in DATA:
            outcome.messages += parts.add(frame)


class Client(Dialogue):
    """A client's handshake, and how it understands what comes back."""

    def __init__(self, *, deflate: bool) -> None:
        super().__init__(deflate=deflate)
        self.send_request(self.connect())
        self.handshake = b"".join(self.data_to_send())

    def understand(self, answer: bytes) -> Outcome:
        """What a server that echoes says."""
        self.take(answer)
        assert self.handshake_exc is None
        assert self.parser_exc is None or isinstance(self.parser_exc, EOFError)
        code = None if self.close_rcvd is None else self.close_rcvd.code
        return Outcome(self.messages, self.pongs, code)
