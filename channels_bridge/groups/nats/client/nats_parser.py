"""The parser of NATS' protocol: what a node writes to a client. No I/O.

Bytes may come in any portions. Messages are handed out in one loop, without a task or a queue for
each subject, so that the order in which a node sent them is kept across subjects. After so many of
them others are let on: hundreds come with one read, and who they are for must be able to take them
meanwhile, or has its channel full.
"""

from __future__ import annotations

from typing import Protocol

#: The longest line that is waited for, in bytes: that of an INFO which names many nodes.
MAX_LINE = 1024 * 1024

#: The largest message that is waited for, in bytes: more than a node may be configured to allow.
MAX_MESSAGE = 80 * 1024 * 1024

#: How many messages are handed out at once: fewer than a channel holds by default, as many as a
#: consumer takes in one turn.
PORTION = 64


class NatsProtocolError(Exception):
    """A node has sent what isn't NATS' protocol."""


class ParserEvents(Protocol):
    """Who gets what a node has sent."""

    def received_message(
        self, subject: bytes, number: int, reply: bytes, headers: bytes, payload: bytes
    ) -> None:
        """MSG or HMSG: a message for the subscription with that number."""

    def received_info(self, text: bytes) -> None:
        """INFO: what the node says of itself, in JSON."""

    def received_ping(self) -> None:
        """PING, which wants a PONG."""

    def received_pong(self) -> None:
        """PONG: the node has handled all that came before a PING."""

    def received_error(self, text: str) -> None:
        """-ERR: what the node complains of."""


class NatsParser:
    """Parses what comes from one node.

    Args:
        events: gets what was parsed, in order. What that raises comes out of ``feed()``.
    """

    def __init__(self, events: ParserEvents) -> None:
        self._events = events
        self._pieces: list[bytes] = []  # of what isn't complete yet
        self._size = 0  # of these
        self._needed = 0  # bytes before it is worth another look
        self._is_behind = False

    @property
    def is_behind(self) -> bool:
        """Whether it has stopped after ``PORTION`` messages: ``feed(b"")`` hands out the next."""
        return self._is_behind

    @property
    def is_between_lines(self) -> bool:
        """Whether nothing incomplete has come."""
        return not self._pieces

    def feed(self, data: bytes) -> None:
        """Parse what has just come.

        Raises:
            NatsProtocolError: it can't be parsed. Nothing more must be fed.
        """
        if self._pieces:
            self._pieces.append(data)
            self._size += len(data)
            if self._size < self._needed:
                return  # a large message is joined once, not with each portion
            data = b"".join(self._pieces)
            self._pieces.clear()
        rest = self._parse(data)
        if rest < len(data):
            self._keep(data[rest:] if rest else data)

    def _keep(self, data: bytes) -> None:
        self._pieces.append(data)
        self._size = len(data)
        if b"\r\n" not in data and self._size > MAX_LINE:
            raise NatsProtocolError(f"a line of more than {MAX_LINE} bytes")

    def _parse(self, data: bytes) -> int:
        """Hand out all that is complete. Returns where the rest begins."""
        received_message = self._events.received_message
        find, startswith = data.find, data.startswith
        position, length = 0, len(data)
        self._needed = 0
        left = PORTION
        while left and (end := find(b"\r\n", position)) >= 0:
            is_message = startswith(b"MSG ", position)
            if not is_message and not startswith(b"HMSG ", position):
                self._take_line(data[position:end])
                position = end + 2
                continue
            words = data[position:end].split()
            size, head = _read_sizes(words, is_message)
            start = end + 2
            stop = start + size
            if stop + 2 > length:
                self._needed = stop + 2 - position
                break
            if not startswith(b"\r\n", stop):
                raise NatsProtocolError("a message that doesn't end where it says")
            reply = words[3] if len(words) == (5 if is_message else 6) else b""
            received_message(
                words[1],
                _read_number(words[2]),
                reply,
                data[start : start + head] if head else b"",
                data[start + head : stop],
            )
            position = stop + 2
            left -= 1
        self._is_behind = not left and position < length
        return position

    def _take_line(self, line: bytes) -> None:
        verb, _, rest = line.partition(b" ")
        if verb == b"PING":
            self._events.received_ping()
        elif verb == b"PONG":
            self._events.received_pong()
        elif verb == b"INFO":
            self._events.received_info(rest)
        elif verb == b"-ERR":
            self._events.received_error(rest.decode("utf-8", "replace").strip().strip("'"))
        elif verb != b"+OK":
            raise NatsProtocolError(f"a line that begins with {line[:20]!r}")


def _read_sizes(words: list[bytes], is_message: bool) -> tuple[int, int]:
    """The size of a message, and that of the headers in it."""
    if not (4 if is_message else 5) <= len(words) <= (5 if is_message else 6):
        raise NatsProtocolError("a message with too few or too many arguments")
    size = _read_number(words[-1])
    head = 0 if is_message else _read_number(words[-2])
    if head > size or size > MAX_MESSAGE:
        raise NatsProtocolError(f"a message of {size} bytes with headers of {head}")
    return size, head


def _read_number(word: bytes) -> int:
    if not word.isdigit() or len(word) > 18:
        raise NatsProtocolError(f"{word[:20]!r} where a number should be")
    return int(word)
