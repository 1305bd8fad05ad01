"""A call as the hub serves it, for strangers, too."""

from __future__ import annotations

from channels_bridge.groups.grpc.http2.call_headers import (
    RESPONSE,
    Headers,
    encode_headers,
    status_headers,
)
from channels_bridge.groups.grpc.http2.grpc_messages import MessageRefused
from channels_bridge.groups.grpc.http2.http2_call import Http2Call
from channels_bridge.groups.grpc.http2.http2_frames import (
    END_HEADERS,
    END_STREAM,
    HEADERS,
    MAX_CONCURRENT_STREAMS,
    NO_ERROR,
    PREFACE,
    PROTOCOL_ERROR,
    REFUSED_STREAM,
    STREAM_CLOSED,
    Violation,
    frame,
    goaway,
    reset,
)


class ServerCall(Http2Call):
    """The first call of a connection; further ones are refused.

    Args:
        max_message: bytes that a message of the other side may have. A longer one ends the call
            before anything of it is kept.

    Attributes:
        request: the headers that the call has begun with; None before.
        is_ended: whether this side has ended it.
    """

    def __init__(self, max_message: int) -> None:
        super().__init__(0, max_message)
        self.request: Headers | None = None
        self.is_ended = False
        self._preface = b""  # as much of it as has come
        self._highest = 0  # the last stream that was begun
        self._is_answered = False
        self._open({MAX_CONCURRENT_STREAMS: 1})

    @property
    def path(self) -> str:
        """The method that is called; empty if this isn't a call of gRPC."""
        found = dict(self.request or [])
        is_grpc = found.get(b"content-type", b"").startswith(b"application/grpc")
        is_call = is_grpc and found.get(b":method") == b"POST"
        return found.get(b":path", b"").decode("latin-1") if is_call else ""

    def metadata(self, name: bytes) -> list[bytes]:
        """Return the values of a header, in order."""
        return [value for key, value in self.request or [] if key == name]

    def send(self, message: bytes) -> None:
        if not self.is_ended:
            self._answer()
            super().send(message)

    def end(self, status: int, reason: str = "") -> None:
        """End the call once all messages are written, and then the connection."""
        if self.is_ended:
            return
        self.is_ended = self.is_over = True
        # First, so that nobody begins another call here when this one has ended.
        self._outgoing.put_last(goaway(self._highest, NO_ERROR, reason))
        if self.request is not None:
            trailers = status_headers(status, reason)
            block = encode_headers(trailers if self._is_answered else [*RESPONSE, *trailers])
            flags = END_HEADERS | END_STREAM
            self._outgoing.put_last(frame(HEADERS, flags, self._outgoing.stream, block))

    def _answer(self) -> None:
        if not self._is_answered:
            self._is_answered = True
            block = encode_headers(RESPONSE)
            self._outgoing.put(frame(HEADERS, END_HEADERS, self._outgoing.stream, block))

    def _read(self, data: bytes) -> None:
        if len(self._preface) < len(PREFACE):
            start = len(PREFACE) - len(self._preface)
            self._preface += data[:start]
            if not PREFACE.startswith(self._preface):
                raise Violation(PROTOCOL_ERROR, self.STRANGER)
            data = data[start:]
        super()._read(data)

    @property
    def _last_stream(self) -> int:
        return self._highest

    def _is_idle(self, stream: int) -> bool:
        return stream % 2 == 0 or stream > self._highest

    def _take_headers(self, flags: int, stream: int, headers: Headers) -> None:
        if stream == self._outgoing.stream:
            self._take_trailers(flags)
        elif not self._is_idle(stream) or stream % 2 == 0:
            raise Violation(PROTOCOL_ERROR, "no stream has that number")
        else:
            self._highest = stream
            self._begin(flags, stream, headers)

    def _begin(self, flags: int, stream: int, headers: Headers) -> None:
        if self.request is not None or self.is_ended:
            self._outgoing.put(reset(stream, REFUSED_STREAM))
            return
        self._outgoing.stream = stream
        self.request = headers
        if flags & END_STREAM:
            self._end()

    def _take_trailers(self, flags: int) -> None:
        if not flags & END_STREAM:
            raise Violation(PROTOCOL_ERROR, "headers amid messages")
        self._end()

    def _on_data(self, stream: int, size: int) -> None:
        if self.is_over and not self.is_ended and stream == self._outgoing.stream:
            raise Violation(STREAM_CLOSED, "a message behind the end")
        super()._on_data(stream, size)

    def _refuse(self, refused: MessageRefused) -> None:
        self._outgoing.discard()
        self.end(refused.status, str(refused))

    def _on_reset(self, code: int) -> None:
        self.is_over = True
        self._outgoing.discard()

    def _on_goaway(self, flags: int, stream: int, content: bytes) -> None:
        """The call goes on until the process ends it."""
