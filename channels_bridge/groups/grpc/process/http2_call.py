"""HTTP/2, as far as one gRPC call needs it (RFC 9113): frames, flow control and messages, no I/O.

gRPC for Python takes threads, or an event loop with a thread of its own. Where there is neither, a
call may be made by the thread that waits for it: what it has to write and to understand is little.
Headers are written as they are and not read: whoever wants to know why a call has ended asks again,
over gRPC.
"""

from __future__ import annotations

from collections.abc import Callable

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

# Types of frames, flags, and the settings that are of interest.
DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY, WINDOW_UPDATE = 0, 1, 3, 4, 6, 7, 8
ACK = END_STREAM = 0x1
END_HEADERS = 0x4
PADDED = 0x8
ENABLE_PUSH, INITIAL_WINDOW_SIZE, MAX_FRAME_SIZE = 2, 4, 5

#: The one stream of the connection, and the connection itself.
CALL = 1
ALL = 0

HEADER_SIZE = 9
#: What both sides may send before anybody has said how much.
DEFAULT_WINDOW = 65_535
#: The longest frame that is read, as nobody is told that it may be longer.
DEFAULT_FRAME_SIZE = 16_384

#: What the hub may send unasked, in bytes. It is told of more once so many have come.
WINDOW = 16 * 1024 * 1024
WINDOW_STEP = 1024 * 1024

#: The longest message that is read, in bytes; the hub's answers are far shorter.
MAX_MESSAGE = 64 * 1024 * 1024
#: A message is preceded by one byte, which says whether it is compressed, and its length.
PREFIX_SIZE = 5


class Http2Call:
    """One call over one connection.

    Args:
        path: of the gRPC method.

    Attributes:
        is_over: whether the other side has ended it.
        is_torn: whether a part of what was taken may not have been written; for who writes.
    """

    def __init__(self, path: str) -> None:
        self.is_over = False
        self.is_torn = False
        self._control = bytearray(_opening(path))  # what flow control doesn't hold back
        self._unsent = bytearray()  # of messages
        self._room = {ALL: DEFAULT_WINDOW, CALL: DEFAULT_WINDOW}
        self._window = DEFAULT_WINDOW  # of a new stream
        self._frame_size = DEFAULT_FRAME_SIZE
        self._received = bytearray()
        self._content = bytearray()  # of messages that aren't there as a whole
        self._consumed = 0  # since the other side was told of more room
        self._handlers: dict[int, Callable[[int, int, bytes], None]] = {
            DATA: self._on_data,
            HEADERS: self._on_headers,
            RST_STREAM: self._on_end,
            SETTINGS: self._on_settings,
            PING: self._on_ping,
            GOAWAY: self._on_end,
            WINDOW_UPDATE: self._on_window_update,
        }

    @property
    def has_unsent(self) -> bool:
        """Whether a part of a message waits until the other side has room for it."""
        return bool(self._unsent)

    def send(self, message: bytes) -> None:
        """Append a message to what is to be written."""
        self._unsent += b"\0" + len(message).to_bytes(4, "big") + message

    def take_output(self) -> bytes:
        """Return what may be written now."""
        output, self._control = self._control, bytearray()
        while self._unsent:
            size = min(len(self._unsent), self._frame_size, *self._room.values())
            if size <= 0:
                break
            output += _frame(DATA, 0, CALL, bytes(self._unsent[:size]))
            del self._unsent[:size]
            for stream in self._room:
                self._room[stream] -= size
        return bytes(output)

    def receive(self, data: bytes) -> list[bytes]:
        """Take what the other side wrote, and return the messages that are complete now.

        Raises:
            ConnectionError: this isn't HTTP/2, or not gRPC.
        """
        self._received += data
        while len(self._received) >= HEADER_SIZE:
            size = int.from_bytes(self._received[:3], "big")
            if size > DEFAULT_FRAME_SIZE:
                raise ConnectionError("what listens there speaks another protocol")
            end = HEADER_SIZE + size
            if len(self._received) < end:
                break
            kind, flags = self._received[3], self._received[4]
            stream = int.from_bytes(self._received[5:HEADER_SIZE], "big")
            content = bytes(self._received[HEADER_SIZE:end])
            del self._received[:end]
            if kind in self._handlers:  # others have to be ignored
                self._handlers[kind](flags, stream, content)
        return self._take_messages()

    # One method per frame.

    def _on_data(self, flags: int, stream: int, content: bytes) -> None:
        self._consumed += len(content)
        if flags & PADDED:
            content = content[1 : len(content) - content[0]]
        self._content += content
        self._on_headers(flags, stream, b"")
        if self._consumed >= WINDOW_STEP:
            for room in (ALL, CALL):
                self._control += _window_update(room, self._consumed)
            self._consumed = 0

    def _on_headers(self, flags: int, stream: int, content: bytes) -> None:
        self.is_over = self.is_over or bool(flags & END_STREAM)

    def _on_end(self, flags: int, stream: int, content: bytes) -> None:
        self.is_over = True

    def _on_settings(self, flags: int, stream: int, content: bytes) -> None:
        if flags & ACK:
            return
        for at in range(0, len(content), 6):
            name = int.from_bytes(content[at : at + 2], "big")
            value = int.from_bytes(content[at + 2 : at + 6], "big")
            if name == INITIAL_WINDOW_SIZE:
                self._room[CALL] += value - self._window
                self._window = value
            elif name == MAX_FRAME_SIZE:
                self._frame_size = value
        self._control += _frame(SETTINGS, ACK, ALL, b"")

    def _on_ping(self, flags: int, stream: int, content: bytes) -> None:
        if not flags & ACK:
            self._control += _frame(PING, ACK, ALL, content)

    def _on_window_update(self, flags: int, stream: int, content: bytes) -> None:
        if stream in self._room:
            self._room[stream] += int.from_bytes(content, "big")

    # Messages.

    def _take_messages(self) -> list[bytes]:
        messages = []
        while len(self._content) >= PREFIX_SIZE:
            size = int.from_bytes(self._content[1:PREFIX_SIZE], "big")
            if self._content[0] or size > MAX_MESSAGE:
                raise ConnectionError("what listens there is no groups hub")
            end = PREFIX_SIZE + size
            if len(self._content) < end:
                break
            messages.append(bytes(self._content[PREFIX_SIZE:end]))
            del self._content[:end]
        return messages


def _opening(path: str) -> bytes:
    """What a client writes first, and the headers of its call."""
    settings = _setting(ENABLE_PUSH, 0) + _setting(INITIAL_WINDOW_SIZE, WINDOW)
    headers = {
        ":method": "POST",
        ":scheme": "http",
        ":path": path,
        ":authority": "localhost",
        "content-type": "application/grpc",
        "te": "trailers",
    }
    return b"".join(
        (
            PREFACE,
            _frame(SETTINGS, 0, ALL, settings),
            _window_update(ALL, WINDOW - DEFAULT_WINDOW),
            _frame(HEADERS, END_HEADERS, CALL, b"".join(map(_header, headers, headers.values()))),
        )
    )


def _frame(kind: int, flags: int, stream: int, content: bytes) -> bytes:
    head = len(content).to_bytes(3, "big") + bytes((kind, flags)) + stream.to_bytes(4, "big")
    return head + content


def _setting(name: int, value: int) -> bytes:
    return name.to_bytes(2, "big") + value.to_bytes(4, "big")


def _window_update(stream: int, size: int) -> bytes:
    return _frame(WINDOW_UPDATE, 0, stream, size.to_bytes(4, "big"))


def _header(name: str, value: str) -> bytes:
    """A header field as it is (RFC 7541, 6.2.2); both are short."""
    return b"\0" + bytes((len(name),)) + name.encode() + bytes((len(value),)) + value.encode()
