"""A call as a process makes it."""

from __future__ import annotations

from channels_bridge.groups.grpc.http2.call_headers import (
    OK,
    UNIMPLEMENTED,
    UNKNOWN,
    Headers,
    read_status,
    request_headers,
)
from channels_bridge.groups.grpc.http2.grpc_messages import MessageRefused
from channels_bridge.groups.grpc.http2.http2_call import Http2Call
from channels_bridge.groups.grpc.http2.http2_frames import (
    CANCEL,
    ENABLE_PUSH,
    END_HEADERS,
    END_STREAM,
    FRAME_SIZE_ERROR,
    HEADERS,
    NO_ERROR,
    PREFACE,
    PROTOCOL_ERROR,
    Violation,
    frame,
    reset,
)

#: The one stream of the connection.
CALL = 1

#: The longest message that is read, in bytes: what precedes it has room for no longer one.
MAX_MESSAGE = 2**32 - 1

#: What GOAWAY has before its words: a stream and a code.
_GOAWAY_SIZE = 8


class ClientCall(Http2Call):
    """A call that begins at once.

    Args:
        path: of the gRPC method.
        metadata: headers of its own, in lower case.
        scheme: http or https.
        authority: whom it is for, as far as that is of interest.
        max_message: bytes that a message of the other side may have.

    Attributes:
        is_torn: whether a part of what was taken may not have been written; for who writes.
        status: how the other side has ended it, as gRPC counts that; None if it hasn't said.
        reason: what it has said of that.
    """

    STRANGER = "what listens there speaks another protocol"

    def __init__(
        self,
        path: str,
        metadata: Headers | None = None,
        *,
        scheme: str = "http",
        authority: str = "localhost",
        max_message: int = MAX_MESSAGE,
    ) -> None:
        super().__init__(CALL, max_message)
        self.is_torn = False
        self.status: int | None = None
        self.reason = ""
        self._is_answered = False
        self._outgoing.put(PREFACE)
        self._open({ENABLE_PUSH: 0})
        block = request_headers(path, scheme, authority, metadata or [])
        self._outgoing.put(frame(HEADERS, END_HEADERS, CALL, block))

    @property
    def is_unknown(self) -> bool:
        """Whether the other side doesn't know the method."""
        return self.status == UNIMPLEMENTED

    @property
    def has_failed(self) -> bool:
        """Whether it has ended otherwise than it should."""
        return self.status != OK

    def cancel(self) -> None:
        """Append that this side has no more interest."""
        self._outgoing.discard()
        if not self.is_over:
            self._outgoing.put(reset(CALL, CANCEL))

    @property
    def _last_stream(self) -> int:
        return 0

    def _is_idle(self, stream: int) -> bool:
        return stream != CALL

    def _take_headers(self, flags: int, stream: int, headers: Headers) -> None:
        if stream != CALL:
            raise Violation(PROTOCOL_ERROR, "headers of another stream")
        is_last = bool(flags & END_STREAM)
        if not self._is_answered and not self._is_response(headers):
            self.status, self.reason, is_last = UNKNOWN, "what listens there is no groups hub", True
        elif is_last:
            self.status, self.reason = read_status(headers)
        elif self._is_answered:
            raise Violation(PROTOCOL_ERROR, "headers amid messages")
        self._is_answered = True
        self.is_over = self.is_over or is_last

    @staticmethod
    def _is_response(headers: Headers) -> bool:
        found = dict(headers)
        kind = found.get(b"content-type", b"")
        return found.get(b":status") == b"200" and kind.startswith(b"application/grpc")

    def _end(self) -> None:
        super()._end()
        self.reason = self.reason or "the hub has ended the call without a status"

    def _refuse(self, refused: MessageRefused) -> None:
        raise Violation(PROTOCOL_ERROR, f"what listens there is no groups hub: {refused}")

    def _on_reset(self, code: int) -> None:
        self.is_over = True
        self.reason = self.reason or f"the hub has broken off the call (HTTP/2 code {code})"

    def _on_goaway(self, flags: int, stream: int, content: bytes) -> None:
        if len(content) < _GOAWAY_SIZE:
            raise Violation(FRAME_SIZE_ERROR, "a frame is too short")
        last, code = int.from_bytes(content[:4], "big"), int.from_bytes(content[4:8], "big")
        if code != NO_ERROR or last < CALL:  # else it lets the call end in its own time
            said = content[_GOAWAY_SIZE:].decode("utf-8", "replace")
            self.is_over = True
            self.reason = self.reason or f"the hub has ended the connection: {said or code}"
