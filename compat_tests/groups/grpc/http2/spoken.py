"""Frames as the other side writes them, and what was written."""

from __future__ import annotations

from channels_bridge.groups.grpc.http2.call_headers import encode_headers
from channels_bridge.groups.grpc.http2.http2_call import Http2Call
from channels_bridge.groups.grpc.http2.http2_frames import (
    ALL,
    END_HEADERS,
    HEADERS,
    PREFACE,
    SETTINGS,
)

#: The call, on either side.
CALL = 1

METHOD = "/service/Method"

REQUEST = [
    (b":method", b"POST"),
    (b":scheme", b"http"),
    (b":path", METHOD.encode()),
    (b"te", b"trailers"),
    (b"content-type", b"application/grpc"),
    (b"authorization", b"Bearer of it"),
]
RESPONSE = [(b":status", b"200"), (b"content-type", b"application/grpc+proto")]


def frame(kind: int, content: bytes = b"", *, flags: int = 0, stream: int = CALL) -> bytes:
    """A frame as the other side writes it."""
    head = len(content).to_bytes(3, "big") + bytes((kind, flags)) + stream.to_bytes(4, "big")
    return head + content


def headers(fields: list[tuple[bytes, bytes]], *, flags: int = 0, stream: int = CALL) -> bytes:
    """A HEADERS frame with a whole block."""
    return frame(HEADERS, encode_headers(fields), flags=flags | END_HEADERS, stream=stream)


def message(content: bytes) -> bytes:
    """A message of gRPC."""
    return b"\0" + len(content).to_bytes(4, "big") + content


def setting(name: int, value: int) -> bytes:
    """A SETTINGS frame with one of them."""
    return frame(SETTINGS, name.to_bytes(2, "big") + value.to_bytes(4, "big"), stream=ALL)


#: How the other side begins.
GREETING = frame(SETTINGS, stream=ALL)


def frames(output: bytes) -> list[tuple[int, int, int, bytes]]:
    """Type, flags, stream and content of what was written."""
    output = output.removeprefix(PREFACE)
    found = []
    while output:
        size = int.from_bytes(output[:3], "big")
        stream = int.from_bytes(output[5:9], "big")
        found.append((output[3], output[4], stream, output[9 : 9 + size]))
        output = output[9 + size :]
    return found


def contents(output: bytes, kind: int) -> list[bytes]:
    """The contents of all frames of a type."""
    return [content for each, _, _, content in frames(output) if each == kind]


def error_of(call: Http2Call) -> int:
    """The code by which a call has ended the connection."""
    (said,) = contents(call.take_output(), 7)
    return int.from_bytes(said[4:8], "big")
